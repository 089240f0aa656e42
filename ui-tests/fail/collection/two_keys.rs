use epilog::prelude::*;

#[derive(Collection)]
struct Node {
    id: Id<Node>,
    root: Id<Self>,
}

fn main() {
    let _ = Node::query().filter(|n| n.root.eq(n.id));
}

// mistakes: 4
use epilog::prelude::*;

#[derive(Collection)]
#[collection(name = 5)]
#[index(titel)]
struct Album {
    title: String,
    #[on_delete(casade)]
    artist: Id<Album>,
    #[key]
    code: Option<u8>,
}

fn main() {
    let _ = Album::query().filter(|a| a.title.eq("Powerslave"));
}

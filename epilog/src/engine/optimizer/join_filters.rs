//! A filter on what a join pairs becomes a part of the join, and what the join asks of the row alone a filter of rows.
//!
//! ```text
//! before                                          after
//! filter Artist.name = "Saxon" & year > 1980      join Artist
//!   join Artist                                     pairs: filter artist = Artist.id & Artist.name = "Saxon"
//!     pairs: filter artist = Artist.id                pairs
//!       pairs                                       filter year > 1980
//!     scan Album                                      scan Album
//! ```
//!
//! [`decorrelate`](super::decorrelate) then makes links of equalities, and asks of the joined records alone what is about them
//! alone. Must not fire on a left join, whose rows stay without a pair, nor on predicates about the row alone, which
//! [`push_filters`](super::push_filters) asks before there are pairs.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Apply, Kinds, Rule};
use crate::engine::logical::{Expr, Filter, Join, LogicalPlan, Node};
use crate::engine::planted::{self, Bug};
use crate::expr::JoinKind;

pub(super) const RULE: Rule =
    Rule { name: "join_filters", of: Kinds::JOIN.or(Kinds::LOOKUP), apply: Apply::Alone(apply) };

fn apply(mut plan: LogicalPlan) -> LogicalPlan {
    plan.root = plan.root.map(&mut |node| match node {
        Node::Filter(filter) => take_over(filter.predicates, *filter.input),
        Node::Join(join) if join.kind == JoinKind::Inner => Node::Join(hand_down(join)),
        other => other,
    });
    plan
}

/// Asks of the rows what the join asks of them alone.
fn hand_down(mut join: Join) -> Join {
    match core::mem::replace(&mut *join.pairs, Node::Pairs) {
        Node::Filter(filter) if *filter.input == Node::Pairs => {
            let (pairs, rows): (Vec<_>, Vec<_>) =
                filter.predicates.into_iter().partition(|expr| join.reads_inner(expr));
            *join.pairs = Node::Pairs.filtered(pairs);
            let input = take_over(rows, *join.input);
            Join { input: Box::new(input), ..join }
        }
        pairs => Join { pairs: Box::new(pairs), ..join },
    }
}

/// `node` with `predicates` to get through, those that a join can ask in the join.
fn take_over(predicates: Vec<Expr>, node: Node) -> Node {
    match node {
        // Lookups and sorts keep every row: what does not read theirs may be asked below them.
        Node::Lookup(mut lookup) => {
            let (above, below): (Vec<_>, Vec<_>) =
                predicates.into_iter().partition(|expr| expr.slots().contains(&lookup.into));
            lookup.input = Box::new(take_over(below, *lookup.input));
            Node::Lookup(lookup).filtered(above)
        }
        Node::Filter(Filter { input, predicates: mut all }) => {
            all.extend(predicates);
            take_over(all, *input)
        }
        Node::Join(mut join) if join.kind == JoinKind::Inner => {
            let (mut pairs, above): (Vec<_>, Vec<_>) =
                predicates.into_iter().partition(|expr| join.reads_inner(expr));
            if planted::is(Bug::JoinFilterLost) {
                pairs.pop();
            }
            join.pairs = Box::new(join.pairs.filtered(pairs));
            let input = take_over(above, *join.input);
            Node::Join(Join { input: Box::new(input), ..join })
        }
        other => other.filtered(predicates),
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::fixture::{self as f, draft, field, inner, text};
    use crate::engine::optimizer::tests::before_and_after;
    use crate::expr::BinaryOp::{And, Eq};
    use crate::expr::{Clause, JoinKind};

    fn joined(kind: JoinKind) -> crate::expr::Draft {
        let on = field(f::album::ARTIST).binary(Eq, inner(1, f::artist::ID));
        let saxon = inner(1, f::artist::NAME).binary(Eq, text("Saxon"));
        let titled = field(f::album::TITLE).binary(Eq, text("Crusader"));
        let join = Clause::Join { collection: f::Artist, on, kind };
        draft(f::Album).clause(join).filter(saxon.binary(And, titled)).build()
    }

    #[test]
    fn an_inner_join_asks_what_is_asked_of_its_pairs() {
        let draft = joined(JoinKind::Inner);
        let (before, after) = before_and_after(&draft, "join_filters", &["split_conjuncts"]);
        assert_eq!(
            before,
            "project Album, Artist\n  filter Artist.name = \"Saxon\" & title = \"Crusader\"\n    join Artist\n      \
             pairs: filter artist = Artist.id\n        pairs\n      scan Album"
        );
        assert_eq!(
            after,
            "project Album, Artist\n  join Artist\n    pairs: filter artist = Artist.id & Artist.name = \"Saxon\"\n      \
             pairs\n    filter title = \"Crusader\"\n      scan Album"
        );
    }

    #[test]
    fn what_an_inner_join_asks_of_the_row_alone_is_asked_before() {
        let on = field(f::album::ARTIST).binary(Eq, inner(1, f::artist::ID));
        let on = field(f::album::TITLE).binary(Eq, text("Crusader")).binary(And, on);
        let draft = |kind| {
            let join = Clause::Join { collection: f::Artist, on: on.clone(), kind };
            draft(f::Album).clause(join).build()
        };
        let (_, after) = before_and_after(&draft(JoinKind::Inner), "join_filters", &["split_conjuncts"]);
        assert_eq!(
            after,
            "project Album, Artist\n  join Artist\n    pairs: filter artist = Artist.id\n      pairs\n    \
             filter title = \"Crusader\"\n      scan Album"
        );
        let (before, after) = before_and_after(&draft(JoinKind::Left), "join_filters", &["split_conjuncts"]);
        assert_eq!(before, after);
    }

    #[test]
    fn a_left_join_keeps_the_filter_above_it() {
        let draft = joined(JoinKind::Left);
        let (before, after) = before_and_after(&draft, "join_filters", &["split_conjuncts"]);
        assert_eq!(before, after);
    }
}

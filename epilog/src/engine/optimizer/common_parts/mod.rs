//! Equal parts of a plan are carried out once.
//!
//! ```text
//! before                                     after
//! aggregate sum(price) by album              aggregate sum([price]) by [album]
//!   filter name starts_with "a"                shared 0: album, price
//!     scan Track                                 filter name starts_with "a"
//!                                                  scan Track
//! aggregate max(Track 2.price)               aggregate max([Track 2.price])
//!   filter Track 2.price > 2 &                 filter [Track 2.price] > 2
//!     Track 2.name starts_with "a"               shared 0: Track 2.album, Track 2.price
//!     scan Track                                   filter Track 2.name starts_with "a"
//!                                                    scan Track
//! ```
//!
//! Queries that are there twice in one are found where they are lowered, and what the program itself calls `common` too. Here
//! are those that differ in what is made of their rows: in groups, aggregates, or in what else is asked, which is asked
//! of the rows that are kept. Where they can be is told by [`places`], and what makes two of them equal by [`part`]. Of parts
//! within parts those are taken that spare most.
//!
//! It is the last of the rules. What is common is a fence, so that it must not be put up before filters have sunk and joins are in
//! order; and where that made two parts differ, each is better off by itself. Parts that are as they were written the same way go
//! the same way, as nothing decides about them but what is in them, and below them.
//!
//! Two values of the query that are equal now may differ the next time. Where parts are equal through such, the plan is for these
//! values only: all that one part has and the other has in its place are pinned.
//!
//! Must not fire
//!
//! - on parts of which anything differs but what is asked on top: collections, relations, indexes that limits go by, values;
//! - where the order of rows is seen, or records are: rows that are kept are values, and have no keys that those that compare equal
//!   are told apart by;
//! - where that costs more than it spares: a few records that an index finds are found again, rows that no work was done for are
//!   scanned again, and what several threads are quicker at twice than one is at keeping rows is done twice;
//! - on what is searched through an index for each row, of which not all is read, nor on what a limit may end early; that `first` takes
//!   one row of a query without a limit is not known here;
//! - on what depends on a round of a recursion, or on the row around;
//! - where something in it may have no result: a part of which not all was read would be read whole;
//! - on more than memory holds: a plan with rows that are kept is read in one operation. Where there are more of them than expected,
//!   more than a budget has room for or 64 MiB, each part is carried out by itself after all.

mod part;
mod places;

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::join_order::Measure;
use super::{Apply, Kinds, Rule};
use crate::engine::estimate::Statistics;
use crate::engine::logical::{
    Computed, ComputedDef, Expr, ExprKind, Filter, KeyTerm, LogicalPlan, Names, Node, Shared, Slot, SlotDef,
};
use crate::engine::planted::{self, Bug};
use crate::parts::{Amount, Whole};
use part::{Local, Part, add};

pub(super) const RULE: Rule = Rule { name: "common_parts", of: Kinds::ALL, apply: Apply::Knowing(apply) };

/// The part of all work that has to be spared: estimates are no better.
const SPARED: Amount = 0.2;

/// What has to be spared, in nanoseconds: several times what it takes to make a plan, as parts that are equal for values of the query
/// make a plan for these values only. Plans of tests are about few records.
const SPARED_MIN: Amount = if cfg!(test) { 600.0 } else { 200_000.0 };

/// So many threads may carry out a part, but one alone keeps its rows and gives them to who asks. A plan is kept for any number of
/// threads.
const THREADS: Amount = if cfg!(all(feature = "std", not(test))) { 4.0 } else { 1.0 };

/// So many parts are looked for, one after the other.
const ROUNDS: usize = 8;

/// So many places are compared with each other: what that takes grows with their third power.
const PLACES_MAX: usize = 12;

fn apply(mut plan: LogicalPlan, statistics: &dyn Statistics) -> LogicalPlan {
    let Some(whole) = Whole::build() else { return plan };
    for _ in 0..ROUNDS {
        if !repeats(&plan.slots) {
            break;
        }
        let Some(found) = find(&plan, statistics) else { break };
        plan = share(plan, found, whole);
    }
    plan
}

/// Whether records of one collection are read in two places.
fn repeats(slots: &[SlotDef]) -> bool {
    let is_again = |(at, slot): (usize, &SlotDef)| {
        slots[..at].iter().any(|other| other.collection.id == slot.collection.id)
    };
    slots.iter().enumerate().any(is_again)
}

/// Parts that can be one, each with which of its predicates are asked within: in the same order as those of the others.
type Together = Vec<(usize, Vec<usize>)>;

/// The places in which rows that are kept are put.
struct Found {
    /// Each, the last first, with the names of what is in it, and which of its predicates are asked within.
    places: Vec<(usize, Local, Vec<usize>)>,
    /// The values that are read of any, by the numbers within a part.
    columns: Vec<Expr>,
    /// What they are kept under.
    number: u16,
}

fn find(plan: &LogicalPlan, statistics: &dyn Statistics) -> Option<Found> {
    let numbers = places::numbers(&plan.root);
    let places = places::of(plan, &numbers);
    // Most plans have none that reads the same collections as another.
    let sources: Vec<_> = places.iter().map(|place| part::sources(place.core, &plan.slots)).collect();
    let likely = places.into_iter().enumerate().filter(|(at, _)| {
        let mut others = sources.iter().enumerate().filter(|(other, _)| other != at);
        sources[*at].is_some() && others.any(|(_, of)| *of == sources[*at])
    });
    let parts = likely.filter_map(|(_, place)| Part::of(plan, place, &numbers)).take(PLACES_MAX);
    let parts: Vec<Part<'_>> = parts.collect();
    if parts.len() < 2 {
        return None;
    }
    let measure = Measure::new(&plan.slots, statistics);
    let slots: Vec<Slot> = (0..plan.slots.len() as u16).map(Slot).collect();
    if !measure.fits(&slots) {
        return None;
    }
    let mut best: Option<(Amount, Together)> = None;
    for (a, first) in parts.iter().enumerate() {
        for (b, second) in parts.iter().enumerate().skip(a + 1).filter(|(_, of)| first.is_like(of)) {
            let common = first.asked_by(second);
            if common.is_empty() && matches!(first.core, Node::Scan(_)) {
                continue;
            }
            let asked: Vec<&Expr> = common.iter().map(|at| &first.asked[*at]).collect();
            let others = parts.iter().enumerate().skip(b);
            let others = others.filter(|(_, of)| first.is_like(of));
            let others = others.filter_map(|(c, of)| Some((c, of.asks_all(&asked)?)));
            let together: Together = core::iter::once((a, common)).chain(others).collect();
            let spared = spared(&parts, &together, &measure);
            if spared > best.as_ref().map_or(0.0, |(of, _)| *of) {
                best = Some((spared, together));
            }
        }
    }
    let (_, together) = best?;
    if !planted::is(Bug::PartsEqualOnce) {
        note_equal(&parts, &together);
    }
    let columns = columns(&parts, &together);
    let number = numbers.iter().filter(|number| **number < 1 << 15).max().map_or(0, |number| number + 1);
    let mut parts: Vec<Option<Part<'_>>> = parts.into_iter().map(Some).collect();
    let taken = together.into_iter().filter_map(|(at, within)| {
        let part = parts[at].take()?;
        Some((part.at, part.names, within))
    });
    let mut places: Vec<_> = taken.collect();
    // What is put in one place leaves those before it where they are.
    places.sort_by_key(|(at, ..)| core::cmp::Reverse(*at));
    Some(Found { places, columns, number })
}

/// The values that are read of any of these parts.
fn columns(parts: &[Part<'_>], together: &Together) -> Vec<Expr> {
    let mut columns = Vec::new();
    for (at, within) in together {
        let part = &parts[*at];
        part.read.iter().for_each(|expr| add(expr.clone(), &mut columns));
        let above = part.asked.iter().enumerate().filter(|(number, _)| !within.contains(number));
        for (_, predicate) in above {
            predicate.visit(&mut |read| {
                if matches!(read.kind, ExprKind::Field(..) | ExprKind::Computed(_)) {
                    add(read.clone(), &mut columns);
                }
            });
        }
    }
    columns
}

/// What is spared when these parts are one; nothing where that is too little.
fn spared(parts: &[Part<'_>], together: &Together, measure: &Measure<'_>) -> Amount {
    let asking = |part: &Part<'_>, predicates: Vec<Expr>| part.core.clone().filtered(predicates);
    let (first, within) = (&parts[together[0].0], &together[0].1);
    let once = asking(first, within.iter().map(|at| first.predicates[*at].clone()).collect());
    let each = together.iter().map(|(at, _)| {
        let part = &parts[*at];
        measure.work(&asking(part, part.predicates.to_vec()))
    });
    let each = each.sum::<Amount>();
    let rows = measure.rows_of(&once);
    let kept = measure.keeping(rows, &columns(parts, together), together.len());
    let twice = each - measure.work(&once);
    // What is made of rows that are kept is made by one thread, too.
    let alone = kept + measure.made_of(rows) * together.len() as Amount * (1.0 - 1.0 / THREADS);
    let spared = twice - kept;
    let is_enough = spared >= SPARED_MIN.max(SPARED * each) && twice / THREADS >= alone;
    if is_enough { spared } else { 0.0 }
}

/// Notes that the values of these parts are equal, by which they are one: the plan is for queries of which that is so.
fn note_equal(parts: &[Part<'_>], together: &Together) {
    let literals = |(at, within): &(usize, Vec<usize>)| parts[*at].literals(within);
    let first = literals(&together[0]);
    for other in &together[1..] {
        let other = literals(other);
        debug_assert_eq!(first.len(), other.len(), "equal parts have as many values");
        let are_equal = first.iter().zip(other).all(|(a, b)| **a == *b);
        debug_assert!(are_equal, "equal parts have equal values");
    }
}

/// Puts rows that are kept in the places found.
fn share(mut plan: LogicalPlan, found: Found, whole: Whole) -> LogicalPlan {
    let Found { places, columns, number } = found;
    for (at, names, within) in places {
        let node = places::nth(&mut plan.root, &mut at.clone()).expect("the place was found");
        let (core, predicates) = match core::mem::replace(node, Node::Pairs) {
            Node::Filter(Filter { input, predicates }) => (*input, predicates),
            other => (other, Vec::new()),
        };
        let (mut inside, mut above) = (Vec::new(), Vec::new());
        for (number, predicate) in predicates.into_iter().enumerate() {
            if within.contains(&number) { inside.push(predicate) } else { above.push(predicate) }
        }
        if planted::is(Bug::RestOfPartLost) {
            above.pop();
        }
        let columns: Vec<KeyTerm> =
            columns.iter().map(|column| term(column, &names, &mut plan, whole)).collect();
        let mut kept = |part: Expr| {
            let term = columns.iter().find(|term| term.expr.kind == part.kind);
            term.map_or(part.clone(), |term| Expr::computed(term.output, part.ty, part.nullable))
        };
        plan.root = plan.root.map(&mut |mut node| {
            node.map_expressions(&mut |expr| expr.map(&mut kept));
            node
        });
        let above = above.into_iter().map(|predicate| predicate.map(&mut kept)).collect();
        let input = Box::new(core.filtered(inside));
        let shared = Node::Shared(Shared { input, number, narrowed: true, found: true, columns, whole });
        let node = places::nth(&mut plan.root, &mut at.clone()).expect("the place is there");
        *node = shared.filtered(above);
    }
    plan
}

/// A value of rows that are kept, of the part that has these names.
fn term(column: &Expr, names: &Local, plan: &mut LogicalPlan, whole: Whole) -> KeyTerm {
    let (kind, nullable) = match column.kind {
        ExprKind::Field(slot, position) => {
            let slot = names.slots[usize::from(slot.0)];
            let def = &plan.slots[usize::from(slot.0)];
            let optional = def.collection.fields[usize::from(position)].optional;
            (ExprKind::Field(slot, position), def.optional || optional)
        }
        ExprKind::Computed(value) => {
            let value = names.values[usize::from(value.0)];
            (ExprKind::Computed(value), plan.computed[usize::from(value.0)].nullable)
        }
        _ => unreachable!("only fields and values are read"),
    };
    let expr = Expr { kind, ty: column.ty, nullable };
    let name = Names { slots: &plan.slots, computed: &plan.computed }.expr(&expr);
    let output = Computed(plan.computed.len() as u16);
    plan.computed.push(ComputedDef { ty: column.ty, nullable, name });
    KeyTerm { expr, output, whole }
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;

    use crate::engine::fixture::{
        self as f, DraftBuilder, aggregate, draft, exists, field, id, inner, int, text,
    };
    use crate::engine::optimizer::tests::before_and_after;
    use crate::expr::BinaryOp::{And, Divide, Eq, Gt, StartsWith};
    use crate::expr::{AggregateFunction, Clause, Draft, Postfix, SetKind};
    use crate::schema::CollectionSchema;

    const BEFORE: &[&str] = &["split_conjuncts", "decorrelate", "push_filters"];

    fn rewritten(draft: DraftBuilder) -> (String, String) {
        before_and_after(&draft.build(), "common_parts", BEFORE)
    }

    fn named() -> DraftBuilder {
        draft(f::Track).filter(field(f::track::NAME).binary(StartsWith, text("a")))
    }

    fn counted(of: DraftBuilder) -> Draft {
        of.aggregate([(AggregateFunction::Count, None)]).build()
    }

    fn longest(of: DraftBuilder) -> Postfix {
        let longest = of.aggregate([(AggregateFunction::Max, Some(field(f::track::MILLISECONDS)))]);
        Postfix::scalar(longest.build())
    }

    /// The albums in which a track of these is as long as the longest of others.
    fn albums(of: DraftBuilder, others: DraftBuilder) -> DraftBuilder {
        let own = aggregate(AggregateFunction::Max, Some(field(f::track::MILLISECONDS)));
        let groups = of.group_by([field(f::track::ALBUM)]).filter(own.binary(Eq, longest(others)));
        groups.select([Postfix::key(0)])
    }

    fn stays(draft: DraftBuilder) {
        let (before, after) = rewritten(draft);
        assert_eq!(before, after);
    }

    #[test]
    fn rows_that_groups_and_an_aggregate_are_made_of_are_kept() {
        let (before, after) = rewritten(albums(named(), named()));
        assert!(!before.contains("shared"), "{before}");
        assert_eq!(
            after,
            "project [album]\n  filter [max(milliseconds)] = [[max(Track 2.milliseconds)]]\n    \
             subquery aggregate Track\n      \
             inner: aggregate max([Track 2.milliseconds])\n        \
             shared 0: Track 2.milliseconds, Track 2.album\n          \
             filter Track 2.name starts_with \"a\"\n            scan Track\n      \
             aggregate max([milliseconds]) by [album]\n        shared 0: milliseconds, album\n          \
             filter name starts_with \"a\"\n            scan Track"
        );
    }

    #[test]
    fn what_one_of_them_asks_as_well_is_asked_of_rows_that_are_kept() {
        let long = || field(f::track::MILLISECONDS).binary(Gt, int(9));
        let (_, after) = rewritten(albums(named(), named().filter(long())));
        let expected = "filter [Track 2.milliseconds] > 9\n          shared 0: Track 2.milliseconds, Track 2.album\n            \
                        filter Track 2.name starts_with \"a\"";
        assert!(after.contains(expected), "{after}");
        assert!(after.contains("by [album]\n        shared 0: milliseconds, album\n"), "{after}");
    }

    #[test]
    fn sides_of_a_set_are_one_but_for_what_differs() {
        let side = |at| {
            named().filter(field(f::track::MILLISECONDS).binary(Gt, int(at))).select([field(f::track::ALBUM)])
        };
        let (_, after) = rewritten(side(1).clause(Clause::set(side(2).build(), SetKind::Union)));
        assert_eq!(after.matches("shared 0: album, milliseconds").count(), 1, "{after}");
        assert_eq!(after.matches("shared 0: ").count(), 2, "{after}");
    }

    #[test]
    fn what_differs_stays() {
        let loud = draft(f::Track).filter(field(f::track::NAME).binary(StartsWith, text("b")));
        stays(albums(named(), loud));
        // Nothing is done but to read them.
        stays(albums(draft(f::Track), draft(f::Track)));
        // Not every test has a result.
        let inverse = || int(1).binary(Divide, field(f::track::MILLISECONDS)).binary(Gt, int(0));
        stays(albums(named().filter(inverse()).clause(Clause::Limit(9)), named().filter(inverse())));
    }

    #[test]
    fn parts_of_other_collections_are_others() {
        let of = |root: fn() -> &'static CollectionSchema, least: &str| {
            let name = || field(f::track::NAME);
            let named = draft(root).filter(name().binary(StartsWith, text("a")));
            named.filter(name().binary(Gt, text(least))).select([name()])
        };
        // Fields in the same place, of the same type.
        assert_eq!(f::track::NAME, f::album::TITLE);
        let sides = [of(f::Track, "b"), of(f::Track, "c"), of(f::Album, "b"), of(f::Album, "c")];
        let all = sides.into_iter().reduce(|all, side| all.clause(Clause::set(side.build(), SetKind::Union)));
        let (_, after) = rewritten(all.expect("four"));
        let below = |number: &str| {
            let kept = after.match_indices(number).map(|(at, _)| &after[at..]);
            kept.map(|of| of.lines().nth(2).unwrap_or_default().trim().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(below("shared 0:"), ["scan Track", "scan Track"], "{after}");
        assert_eq!(below("shared 1:"), ["scan Album", "scan Album"], "{after}");
    }

    #[test]
    fn rows_that_keys_put_in_order_are_records() {
        // Albums that are called the same come in the order of their keys, and tracks of them in that of theirs.
        let title = f::through(&[f::track::ALBUM], f::album::TITLE);
        for by in [title, field(f::track::MILLISECONDS)] {
            let rows = named().order_by(by, false).select([field(f::track::NAME), longest(named())]);
            stays(rows.clone());
            // Two of which no order is seen are one all the same.
            let (_, after) = rewritten(rows.select([Postfix::scalar(counted(named())), longest(named())]));
            assert_eq!(after.matches("shared 0").count(), 2, "{after}");
            assert!(after.contains("sort"), "{after}");
        }
    }

    #[test]
    fn few_records_are_found_again() {
        let few = || draft(f::Track).filter(field(f::track::ID).binary(Eq, id(7)));
        stays(albums(few(), few()));
    }

    #[test]
    fn records_that_come_out_are_found_for_themselves() {
        // An order is seen, and records come out.
        let longest = longest(named());
        stays(named().filter(field(f::track::MILLISECONDS).binary(Eq, longest)));
    }

    #[test]
    fn what_an_index_finds_for_each_row_stays() {
        let of_album = || {
            let named = inner(1, f::track::NAME).binary(StartsWith, text("a"));
            named.binary(And, inner(1, f::track::ALBUM).binary(Eq, field(f::album::ID)))
        };
        let pair = exists(f::Track, 1, of_album());
        let rows = draft(f::Album).filter(pair).group_by([field(f::album::ARTIST)]);
        let many = aggregate(AggregateFunction::Count, None).binary(Gt, Postfix::scalar(counted(named())));
        stays(rows.filter(many).select([Postfix::key(0)]));
    }
}

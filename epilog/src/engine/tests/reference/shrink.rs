//! Makes a draft, and the records that it is asked of, smaller for as long as the answers still differ.

use alloc::boxed::Box;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};

use super::*;

/// The smallest case found of those that `fails` is true of. What makes it panic, as drafts do that speak of what is no longer
/// there, does not fail.
pub(super) fn shrink(
    data: &[Collection],
    draft: &Draft,
    fails: &dyn Fn(&[Collection], &Draft) -> bool,
) -> (Vec<Collection>, Draft) {
    let hook = take_hook();
    set_hook(Box::new(|_| {}));
    let fails = |data: &[Collection], draft: &Draft| {
        catch_unwind(AssertUnwindSafe(|| fails(data, draft))).unwrap_or(false)
    };
    let (mut data, mut draft) = (data.to_vec(), draft.clone());
    while let Some(smaller) = smaller_drafts(&draft).into_iter().find(|smaller| fails(&data, smaller)) {
        draft = smaller;
    }
    for collection in 0..data.len() {
        // By halves, by quarters, and so on, down to single records.
        let mut width = data[collection].1.len().div_ceil(2);
        while width > 0 {
            let mut from = 0;
            while from < data[collection].1.len() {
                let mut fewer = data.clone();
                let records = &mut fewer[collection].1;
                records.drain(from..records.len().min(from + width));
                if fails(&fewer, &draft) {
                    data = fewer;
                } else {
                    from += width;
                }
            }
            width /= 2;
        }
    }
    set_hook(hook);
    (data, draft)
}

/// Drafts with a little less, by clauses, by what they list, and by parts of conditions.
fn smaller_drafts(draft: &Draft) -> Vec<Draft> {
    let mut smaller = Vec::new();
    for place in 0..draft.clauses.len() {
        let mut without = draft.clone();
        without.clauses.remove(place);
        smaller.push(without);
        for clause in smaller_clauses(&draft.clauses[place]) {
            let mut other = draft.clone();
            other.clauses[place] = clause;
            smaller.push(other);
        }
    }
    smaller
}

fn smaller_clauses(clause: &Clause) -> Vec<Clause> {
    fn fewer<T: Clone>(list: &[T], smallest: usize) -> Vec<Vec<T>> {
        let count = if list.len() > smallest { list.len() } else { 0 };
        let without = |place| {
            let mut fewer = list.to_vec();
            fewer.remove(place);
            fewer
        };
        (0..count).map(without).collect()
    }
    match clause {
        Clause::Filter(of) => smaller_expressions(of).into_iter().map(Clause::Filter).collect(),
        Clause::Order(terms) => fewer(terms, 1).into_iter().map(Clause::Order).collect(),
        Clause::Select(items) => {
            let fewer = fewer(items, 1).into_iter().map(Clause::Select);
            let simpler = items.iter().enumerate().flat_map(|(place, item)| {
                let SelectItem::Value(value) = item else { return Vec::new() };
                let change = |value| {
                    let mut items = items.clone();
                    items[place] = SelectItem::Value(value);
                    Clause::Select(items)
                };
                smaller_expressions(value).into_iter().map(change).collect()
            });
            fewer.chain(simpler).collect()
        }
        Clause::Grouping(keys) => fewer(keys, 0).into_iter().map(Clause::Grouping).collect(),
        Clause::Window(items, _) => fewer(items, 1).into_iter().map(Clause::window).collect(),
        Clause::LimitPer(keys, count, _) => {
            fewer(keys, 0).into_iter().map(|keys| Clause::limit_per(keys, *count)).collect()
        }
        Clause::Set(other, kind, _) => {
            smaller_drafts(other).into_iter().map(|other| Clause::set(other, *kind)).collect()
        }
        Clause::Join { collection, on, kind } => {
            let (collection, kind) = (*collection, *kind);
            let join = |on| Clause::Join { collection, on, kind };
            smaller_expressions(on).into_iter().map(join).collect()
        }
        _ => Vec::new(),
    }
}

/// Expressions with less: operands in place of what is made of them (which may have another type: such drafts are refused), and
/// less of what is asked of other records.
#[allow(clippy::useless_conversion, reason = "a small build has a vector")]
fn smaller_expressions(of: &Postfix) -> Vec<Postfix> {
    let mut smaller = Vec::new();
    for (place, op) in of.ops.iter().enumerate() {
        let start = start(&of.ops, place);
        let mut replace = |ops: &[Op]| {
            let mut other = of.clone();
            let mut all = of.ops.to_vec();
            all.splice(start..=place, ops.iter().cloned());
            other.ops = all.into();
            smaller.push(other);
        };
        let mut end = place;
        for _ in 0..arity(op) {
            let from = self::start(&of.ops, end - 1);
            replace(&of.ops[from..end]);
            end = from;
        }
        match op {
            Op::Subquery(subquery) => {
                if let Some(predicate) = &subquery.predicate {
                    let less = smaller_expressions(predicate).into_iter().map(Some).chain([None]);
                    for predicate in less {
                        let subquery = Subquery { predicate, ..(**subquery).clone() };
                        replace(&Postfix::subquery(subquery).ops);
                    }
                }
            }
            Op::InQuery(draft, _) => {
                for draft in smaller_drafts(draft) {
                    let operand = &of.ops[start..place];
                    let asked = Postfix { ops: operand.to_vec().into() }.is_in_query(draft);
                    replace(&asked.ops);
                }
            }
            Op::Scalar(draft, _) => {
                smaller_drafts(draft).into_iter().for_each(|draft| replace(&Postfix::scalar(draft).ops));
            }
            _ => {}
        }
    }
    smaller
}

/// Where the value begins that the operation at a place leaves.
fn start(ops: &[Op], place: usize) -> usize {
    let (mut at, mut wanted) = (place, arity(&ops[place]));
    while wanted > 0 {
        at -= 1;
        wanted = wanted - 1 + arity(&ops[at]);
    }
    at
}

/// How many values an operation takes.
pub(super) fn arity(op: &Op) -> usize {
    match op {
        Op::Unary(_) | Op::InQuery(..) => 1,
        #[cfg(not(feature = "small"))]
        Op::Each(..) => 1,
        Op::Binary(_) => 2,
        Op::Between | Op::If => 3,
        Op::In(count) => *count as usize + 1,
        Op::Call(_, count) => usize::from(*count),
        _ => 0,
    }
}

#[test]
fn a_failing_draft_is_made_as_small_as_it_can_be() {
    let mut random = Random::new(3);
    let data = collections(&mut random);
    let mut maker = Maker::new(random, &data);
    // As if whatever filters tracks by their name and has one of them failed.
    let names = |op: &Op| {
        let own = FieldPath { row: RowPath::source(0), ordinal: f::track::NAME };
        matches!(op, Op::Field(path) if *path == own)
    };
    let fails = |data: &[Collection], draft: &Draft| {
        let by_name = |clause: &Clause| matches!(clause, Clause::Filter(of) if of.ops.iter().any(names));
        core::ptr::eq((draft.root)(), f::Track())
            && draft.clauses.iter().any(by_name)
            && !data[TRACK].1.is_empty()
    };
    let found =
        (0..2000).map(|_| maker.draft(false).0).find(|draft| fails(&data, draft) && draft.clauses.len() > 3);
    let (records, small) = shrink(&data, &found.expect("such a draft"), &fails);
    assert_eq!(small.clauses.len(), 1, "{small:?}");
    let Clause::Filter(predicate) = &small.clauses[0] else { panic!("{small:?}") };
    assert_eq!(predicate.ops.len(), 1, "{small:?}");
    assert_eq!(records[TRACK].1.len(), 1);
    assert_eq!(records.iter().map(|(_, records)| records.len()).sum::<usize>(), 1);
}

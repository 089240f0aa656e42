//! What kernels that read pages are tried on: records of a collection, and how a batch may have them.

use alloc::vec::Vec;

use super::Env;
use super::batch::{Batch, Source};
use crate::engine::control::Run;
use crate::engine::logical::Slot;
use crate::engine::optimizer::RuleSet;
use crate::engine::{Purpose, fixture, plan, tests};
use crate::schema::CollectionSchema;
use crate::storage::facade::{Direction, LeafBatch, Reading, View};
use crate::value::Scalar;

/// Calls `then` with what a query of a collection works with that has these records, fields in the order declared.
pub(super) fn with_env<R>(
    schema: fn() -> &'static CollectionSchema,
    records: &[Vec<Scalar>],
    then: impl FnOnce(&Env<'_>) -> R,
) -> R {
    let store = tests::store(&[(schema, records.to_vec())]);
    let snapshot = store.snapshot();
    then(&env(snapshot.operation().view(), schema))
}

/// What a query of a collection works with.
pub(super) fn env<'s>(view: View<'s>, schema: fn() -> &'static CollectionSchema) -> Env<'s> {
    let plan = plan(view, &fixture::draft(schema).build(), Purpose::Rows, RuleSet::ALL).expect("a plan");
    Env::new(view, &plan, Run::default())
}

/// The forms that a batch has records in, each with all of its rows, a part of them that follow each other, and some.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Form {
    /// As they lie on their page.
    Leaf,
    /// One by one, some absent.
    Records,
    /// Some of a page, in any order.
    Rows,
}

pub(super) const FORMS: [Form; 3] = [Form::Leaf, Form::Records, Form::Rows];

/// The only leaf of the collection, which has records.
pub(super) fn leaf<'s>(env: &Env<'s>) -> LeafBatch<'s> {
    let collection = env.collection(Slot(0));
    let leaves = env.view.leaves(collection, 0, u128::MAX, Direction::Forward);
    leaves.and_then(|mut leaves| leaves.next_leaf()).expect("a page").expect("records")
}

/// Calls `each` with batches of the records, in every form and with every kind of selection, and with the record of each row,
/// as its number. Some rows are `dropped`, or have no record.
pub(super) fn batches<'s>(
    env: &Env<'s>,
    dropped: &[bool],
    mut each: impl FnMut(Form, Batch<'s>, &[Option<usize>]),
) {
    let leaf = leaf(env);
    let len = leaf.len();
    let is_dropped = |row: usize| dropped[row % dropped.len()];
    for form in FORMS {
        let (source, numbers): (_, Vec<Option<usize>>) = match form {
            Form::Leaf => (Source::Leaf(leaf.clone()), (0..len).map(Some).collect()),
            Form::Records => {
                let numbers: Vec<Option<usize>> = (0..len)
                    .rev()
                    .map(|row| Some(row).filter(|row| row % 5 != 3 || !is_dropped(*row)))
                    .collect();
                (Source::Records(numbers.iter().map(|row| Some(leaf.record((*row)?))).collect()), numbers)
            }
            Form::Rows => {
                let rows: Vec<u16> = (0..len as u16).rev().step_by(2).chain([0]).collect();
                let numbers = rows.iter().map(|row| Some(usize::from(*row))).collect();
                (Source::Rows(leaf.clone(), rows), numbers)
            }
        };
        let mut source = Some(source);
        let count = numbers.len();
        for (low, high, is_sparse) in
            [(0, count, false), (0, count, true), (count / 3, count, false), (1, 1, false)]
        {
            let mut batch = Batch::new(1, 0);
            batch.reset(count);
            let again = match source.as_ref().expect("put back") {
                Source::Leaf(leaf) => Source::Leaf(leaf.clone()),
                Source::Records(records) => Source::Records(records.clone()),
                Source::Rows(leaf, rows) => Source::Rows(leaf.clone(), rows.clone()),
                _ => unreachable!("one of the three"),
            };
            batch.set_source(Slot(0), source.replace(again).expect("put back"));
            if is_sparse {
                batch.retain(|_, row| !is_dropped(row + 1));
            } else {
                batch.select_range(low..high);
            }
            each(form, batch, &numbers);
        }
    }
}

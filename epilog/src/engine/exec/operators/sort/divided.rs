//! Rows of a sort that several threads have put in order, part by part.
//!
//! What each thread makes of a part of a walk is what one thread makes of all of it, with an order of its own. Parts are put one behind
//! the other, so that rows, keys and numbers are those of one thread; what is left to do is to merge the orders:
//!
//! ```text
//! part 0            part 1            what comes behind, if threads have not made all
//! rows 0 ..         rows 700 ..       rows 1,500 ..
//! order 3 0 2 ..    order 704 701 ..  order 1500 1502 ..     -> one order, of which threads merge a range of keys each
//! ```
//!
//! Rows that compare equal stay in the order of the parts, and within a part in that of the rows.

use alloc::vec::Vec;
use core::cmp::Ordering;

use super::{Keys, Near, Operator, Place, common, is_too_much, key_of, places, vectors};
use crate::engine::error::ExecError;
use crate::engine::exec::Env;
use crate::engine::exec::budget::Charge;
use crate::engine::exec::packed::{Shape, head};
use crate::engine::exec::threads::within;
use crate::engine::logical::{SortTerm, Window};
use crate::engine::planted::{self, Bug};

/// The rows of a part, in their order.
pub(in crate::engine::exec) struct RowsOfPart<'s> {
    near: Near<'s>,
    order: Vec<Place>,
}

impl<'s> RowsOfPart<'s> {
    /// All rows of `input`; `None` where they take more than memory may hold.
    pub(in crate::engine::exec) fn of(
        input: &mut dyn Operator<'s>,
        terms: &[SortTerm],
        env: &Env<'s>,
    ) -> Result<Option<RowsOfPart<'s>>, ExecError> {
        let mut near = Near::new(Window::behind(0));
        let (mut batch, mut charge) = (env.batch(), Charge::default());
        while input.next(env, &mut batch)? {
            let vectors = vectors(terms, env, &mut batch)?;
            if near.shape.is_none() {
                near.shape = Shape::of_all(&batch);
            }
            near.add(env, &mut batch, terms, &vectors, (None, false));
            if is_too_much(env, &mut charge, near.size()) {
                return Ok(None);
            }
        }
        let order = places(&near.keys, 0..near.store.len());
        Ok(Some(RowsOfPart { near, order }))
    }
}

/// The rows of all parts so far.
pub(in crate::engine::exec) struct RowsOfParts<'s>(Near<'s>);

impl<'s> RowsOfParts<'s> {
    pub(in crate::engine::exec) fn new() -> RowsOfParts<'s> {
        RowsOfParts(Near::new(Window::behind(0)))
    }

    /// Puts the next part behind those there are. False where its rows are kept otherwise.
    pub(in crate::engine::exec) fn append(&mut self, part: RowsOfPart<'s>) -> bool {
        let RowsOfPart { near: Near { store, shape, keys, .. }, mut order } = part;
        let Near { store: all, shape: of_all, keys: all_keys, orders } = &mut self.0;
        let (Keys::All(keys, ends, _), Keys::All(all_keys, all_ends, _)) = (keys, all_keys) else {
            unreachable!("all are sorted")
        };
        let (rows, bytes) = (all.len(), all_keys.len());
        if !all.append(store) {
            return false;
        }
        if of_all.is_none() {
            *of_all = shape;
        }
        all_keys.extend_from_slice(&keys);
        all_ends.extend(ends.iter().map(|end| end + bytes));
        order.iter_mut().for_each(|(_, row)| *row += rows as u32);
        orders.push(order);
        true
    }

    /// About the bytes that they take in memory.
    pub(in crate::engine::exec) fn size(&self) -> usize {
        self.0.size()
    }

    /// The rows, as one thread keeps them.
    pub(super) fn into_near(self) -> Near<'s> {
        self.0
    }
}

/// Makes the first bytes of keys those behind what all keys begin with, where those of a part have more in common.
fn begin_alike<'k>(orders: &mut [Vec<Place>], key: impl Fn(u32) -> &'k [u8]) {
    // Least and greatest have in common what all between them have.
    let ends = |order: &Vec<Place>| Some((key(order.first()?.1), key(order.last()?.1)));
    let Some((first, _)) = orders.iter().find_map(ends) else { return };
    let mut shared = first.len();
    for (least, greatest) in orders.iter().filter_map(ends) {
        shared = shared.min(common(first, least)).min(common(first, greatest));
    }
    for order in orders {
        let Some((least, greatest)) = ends(order) else { continue };
        if common(least, greatest) != shared {
            order.iter_mut().for_each(|(start, row)| *start = head(&key(*row)[shared..]));
        }
    }
}

/// The order of rows, of which the first have `orders` of parts.
pub(super) fn merged(env: &Env<'_>, keys: &Keys, mut orders: Vec<Vec<Place>>, count: usize) -> Vec<u32> {
    let done = orders.iter().map(Vec::len).sum();
    orders.push(places(keys, done..count));
    let Keys::All(keys, ends, _) = keys else { unreachable!("all are sorted") };
    begin_alike(&mut orders, |row| key_of(keys, ends, row));
    if planted::is(Bug::SortedPartLost) {
        orders[0].clear();
    }
    if planted::is(Bug::EqualPartsBackwards) {
        orders.reverse();
    }
    // Neither equal ones of one part nor those of several need be told apart: nothing moves them.
    let compare = |a: &Place, b: &Place| -> Ordering {
        a.0.cmp(&b.0).then_with(|| key_of(keys, ends, a.1).cmp(key_of(keys, ends, b.1)))
    };
    within::merged(env, &orders, &compare)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parts whose keys have more in common than all have are compared by what tells all apart.
    #[test]
    fn keys_of_all_parts_begin_behind_what_all_have_in_common() {
        let keys: [&[u8]; 6] =
            [b"common a 1", b"common a 2", b"common b 1", b"common b 3", b"com", b"common"];
        let shared = |parts: &[&[u32]]| {
            let key = |row: u32| keys[row as usize];
            let place = |from: usize, row: u32| (head(&key(row)[from..]), row);
            let part = |rows: &&[u32]| -> Vec<Place> {
                let from = rows.first().map_or(0, |first| common(key(*first), key(rows[rows.len() - 1])));
                rows.iter().map(|row| place(from, *row)).collect()
            };
            let mut orders: Vec<Vec<Place>> = parts.iter().map(part).collect();
            begin_alike(&mut orders, key);
            let froms = (0..=10).filter(|from| {
                orders
                    .iter()
                    .flatten()
                    .all(|(start, row)| *from <= key(*row).len() && *start == head(&key(*row)[*from..]))
            });
            froms.collect::<Vec<usize>>()
        };
        assert_eq!(shared(&[&[0, 1], &[2, 3]]), [7]);
        assert_eq!(shared(&[&[0, 1], &[], &[4, 5]]), [3]);
        assert_eq!(shared(&[&[], &[2, 3]]), [9]);
        assert_eq!(shared(&[]).len(), 11);
    }
}

//! [`Merged`]: the inner rows of a join both of whose sides come in the order of what they are linked by.
//!
//! Of the inner rows those are kept that have a key of the rows being paired; what comes before is forgotten, what comes after has not
//! been read but for its batch. Keys are bytes that order as values do, those by which an
//! index has its entries (G. Graefe, *Query Evaluation Techniques for Large Databases*, 5.2: merge join).

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::engine::error::ExecError;
use crate::engine::exec::batch::{Batch, GATHERED_MAX};
use crate::engine::exec::budget::Charge;
use crate::engine::exec::evaluate::evaluate;
use crate::engine::exec::operators::Operator;
use crate::engine::exec::operators::built::append_key;
use crate::engine::exec::store::RowStore;
use crate::engine::exec::tally::NO_GROUP;
use crate::engine::exec::{Env, Vector};
use crate::engine::logical::{Expr, Link};
use crate::engine::planted::{self, Bug};

/// Inner rows in order.
pub(super) struct Merged<'s> {
    source: Box<dyn Operator<'s> + 's>,
    /// Those that may have a partner among the rows being paired, and their keys.
    pub(super) store: RowStore<'s>,
    keys: Keys,
    /// The batch that was read last, its keys, and how many of its rows are kept, or were passed over.
    batch: Batch<'s>,
    of_batch: Keys,
    taken: usize,
    is_ended: bool,
    charge: Charge,
}

/// Keys in order.
#[derive(Default)]
struct Keys {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Keys {
    fn len(&self) -> usize {
        self.ends.len()
    }

    fn key(&self, at: usize) -> &[u8] {
        &self.bytes[if at == 0 { 0 } else { self.ends[at - 1] }..self.ends[at]]
    }

    fn size(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * size_of::<usize>()
    }

    fn push(&mut self, key: &[u8]) {
        self.bytes.extend_from_slice(key);
        self.ends.push(self.bytes.len());
    }

    /// How many, from `from` on, are less than `key`, or as much if `or_equal`.
    fn until(&self, from: usize, key: &[u8], or_equal: bool) -> usize {
        let mut at = from;
        while at < self.len() && (self.key(at) < key || or_equal && self.key(at) == key) {
            at += 1;
        }
        at
    }
}

impl<'s> Merged<'s> {
    pub(super) fn new(env: &Env<'s>, mut source: Box<dyn Operator<'s> + 's>) -> Merged<'s> {
        source.expect(usize::MAX);
        Merged {
            source,
            store: RowStore::default(),
            keys: Keys::default(),
            batch: Batch::new(env.collections.len(), env.computed.len()),
            of_batch: Keys::default(),
            taken: 0,
            is_ended: false,
            charge: Charge::default(),
        }
    }

    /// The bytes that it takes in memory.
    pub(super) fn size(&self) -> usize {
        self.store.size() + self.keys.size() + self.of_batch.size()
    }

    /// The kept row after `kept` with the same key.
    pub(super) fn after(&self, kept: u32) -> Option<u32> {
        let next = kept as usize + 1;
        (next < self.keys.len() && self.keys.key(next) == self.keys.key(kept as usize)).then_some(next as u32)
    }

    /// Appends the first partner of each of the next rows, which have these values; [`NO_GROUP`] where there is none.
    pub(super) fn find_all(
        &mut self,
        env: &Env<'s>,
        links: &[Link],
        values: &[Vector<'s>],
        rows: usize,
        out: &mut Vec<u32>,
    ) -> Result<(), ExecError> {
        let mut asked = Keys::default();
        let mut linked = Vec::with_capacity(rows);
        let mut key = Vec::new();
        for row in 0..rows {
            key.clear();
            // What is linked to nothing has no place among the others.
            linked.push(append_key(links, values, row, &mut key));
            if linked[row] {
                debug_assert!(
                    asked.len() == 0 || asked.key(asked.len() - 1) <= &key[..],
                    "rows come in order"
                );
                asked.push(&key);
            }
        }
        if asked.len() > 0 {
            self.go_to(env, links, &asked)?;
        }
        let (mut at, mut number) = (0, 0);
        for is_linked in linked {
            if !is_linked {
                out.push(NO_GROUP);
                continue;
            }
            let key = asked.key(number);
            number += 1;
            at = self.keys.until(at, key, false);
            let is_found = at < self.keys.len() && self.keys.key(at) == key;
            out.push(if is_found { at as u32 } else { NO_GROUP });
        }
        Ok(())
    }

    /// Makes the kept rows those with one of these keys.
    fn go_to(&mut self, env: &Env<'s>, links: &[Link], asked: &Keys) -> Result<(), ExecError> {
        let (low, high) = (asked.key(0), asked.key(asked.len() - 1));
        let mut next = 0;
        let passed = self.keys.until(0, low, false);
        self.forget(env, passed);
        loop {
            let from = self.of_batch.until(self.taken, low, false);
            let to = self.of_batch.until(from, high, !planted::is(Bug::MergeEndsEarly));
            if to > from {
                let Merged { batch, of_batch, keys, .. } = self;
                batch.select_range(from..to);
                batch.retain(|_, row| {
                    let key = of_batch.key(row);
                    next = asked.until(next, key, false);
                    let is_asked = next < asked.len() && asked.key(next) == key;
                    if is_asked {
                        keys.push(key);
                    }
                    is_asked
                });
                if batch.count() > 0 {
                    self.store.push(&self.batch);
                }
            }
            self.taken = to;
            if self.is_ended || self.taken < self.of_batch.len() {
                break;
            }
            self.read(env, links)?;
            let size = self.size();
            env.budget.keep_some(
                &mut self.charge,
                size,
                "merge join",
                "partners of the same rows are kept together",
            )?;
        }
        Ok(())
    }

    /// Forgets so many of the first kept rows.
    fn forget(&mut self, env: &Env<'s>, passed: usize) {
        if passed == 0 {
            return;
        }
        let (store, keys) = (core::mem::take(&mut self.store), core::mem::take(&mut self.keys));
        let mut rest = Batch::new(env.collections.len(), env.computed.len());
        let mut at = passed;
        while at < store.len() {
            let end = store.len().min(at + GATHERED_MAX);
            let numbers: Vec<u32> = (at as u32..end as u32).collect();
            rest.reset(numbers.len());
            store.fill(&numbers, &mut rest);
            self.store.push(&rest);
            (at..end).for_each(|at| self.keys.push(keys.key(at)));
            at = end;
        }
    }

    /// Reads the next batch.
    fn read(&mut self, env: &Env<'s>, links: &[Link]) -> Result<(), ExecError> {
        env.check()?;
        self.of_batch = Keys::default();
        self.taken = 0;
        if !self.source.next(env, &mut self.batch)? {
            self.is_ended = true;
            return Ok(());
        }
        let exprs: Vec<&Expr> = links.iter().map(|link| &link.inner).collect();
        let mut values = Vec::with_capacity(exprs.len());
        for expr in exprs {
            values.push(evaluate(env, expr, &self.batch)?);
        }
        let mut key = Vec::new();
        let mut keys = Keys::default();
        self.batch.retain(|at, _| {
            key.clear();
            let is_linked = append_key(links, &values, at, &mut key);
            if is_linked {
                debug_assert!(keys.len() == 0 || keys.key(keys.len() - 1) <= &key[..], "rows come in order");
                keys.push(&key);
            }
            is_linked
        });
        self.batch.compact();
        self.of_batch = keys;
        Ok(())
    }
}

//! [`Known`]: the answers of a subquery, by all that it reads of rows.
//!
//! Of the rows of a batch those are asked about whose values no row had before, one for each combination. What is kept is charged to the
//! budget; where that is too much, or most rows differ, it is forgotten, and rows are asked about one by one. A row of which a value
//! has no result is asked about by itself.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Subquery;
use crate::engine::error::ExecError;
use crate::engine::exec::batch::{Batch, Selected, gather};
use crate::engine::exec::budget::Charge;
use crate::engine::exec::evaluate::evaluate;
use crate::engine::exec::table::KeyTable;
use crate::engine::exec::{Env, Vector};
use crate::engine::logical::Expr;
use crate::engine::planted::{self, Bug};

/// After so many rows it is looked whether most of them differ.
const ROWS_TRIED: usize = 4096;

/// Without a budget answers take so many bytes at most.
const UNBOUNDED_MAX: usize = 16 << 20;

/// Where an answer is: in which of several vectors, and in which row of it.
type Place = (u32, u16);

pub(super) struct Known<'s> {
    /// What answers are made of.
    by: Vec<Expr>,
    keys: KeyTable,
    /// Of each key, by its number.
    places: Vec<Place>,
    answers: Vec<Vector<'s>>,
    /// The bytes of these.
    answer_bytes: usize,
    /// The rows that came so far.
    rows: usize,
    charge: Charge,
}

impl<'s> Known<'s> {
    pub(super) fn new(by: Vec<Expr>) -> Option<Box<Known<'s>>> {
        (!by.is_empty()).then(|| {
            Box::new(Known {
                by,
                keys: KeyTable::default(),
                places: Vec::new(),
                answers: Vec::new(),
                answer_bytes: 0,
                rows: 0,
                charge: Charge::default(),
            })
        })
    }

    /// The bytes that it takes in memory.
    pub(super) fn size(&self) -> usize {
        self.keys.size()
            + self.places.capacity() * size_of::<Place>()
            + self.answers.capacity() * size_of::<Vector<'_>>()
            + self.answer_bytes
    }

    /// Where the answer of each row of a batch is or will be, and the rows that are to be asked about for that.
    fn places(&mut self, env: &Env<'s>, batch: &Batch<'s>) -> Result<(Vec<Place>, Vec<u16>), ExecError> {
        let mut values = Vec::with_capacity(self.by.len());
        for expr in &self.by {
            values.push(evaluate(env, expr, batch)?);
        }
        if planted::is(Bug::SameByFirst) {
            values.truncate(1);
        }
        let next = self.answers.len() as u32;
        let (mut places, mut asked) = (Vec::with_capacity(batch.count()), Vec::new());
        let mut key = Vec::new();
        for row in 0..batch.count() {
            let new = (next, asked.len() as u16);
            let is_known = values.iter().all(|values| values.fault(row).is_none());
            if is_known {
                key.clear();
                values.iter().for_each(|values| values.append_key(row, &mut key));
                let number = self.keys.intern(&key);
                if let Some(place) = self.places.get(number) {
                    places.push(*place);
                    continue;
                }
                self.places.push(new);
            }
            places.push(new);
            asked.push(row as u16);
        }
        self.rows += batch.count();
        Ok((places, asked))
    }

    /// Whether to go on so.
    fn is_worth_it(&mut self, env: &Env<'s>) -> bool {
        let size = self.size();
        let is_much = env.budget.charge(&mut self.charge, size) || env.budget.is_none();
        let is_beyond = env.budget.bytes().is_none() && size > UNBOUNDED_MAX;
        let most_differ = self.rows >= ROWS_TRIED && self.places.len() * 4 > self.rows * 3;
        !is_much && !is_beyond && !most_differ
    }
}

impl<'s> Subquery<'s> {
    /// The answers for the rows of a batch, each made once, as far as they are kept.
    pub(super) fn answers_once(&mut self, env: &Env<'s>, batch: &Batch<'s>) -> Result<Vector<'s>, ExecError> {
        let Some(mut known) = self.same.take().filter(|_| batch.count() > 0) else {
            return self.answers(env, batch);
        };
        let (places, asked) = known.places(env, batch)?;
        if asked.len() == batch.count() {
            known.add(self.answers(env, batch)?);
        } else if !asked.is_empty() {
            let selected = Selected::Sparse(&asked);
            let mut part = Batch::new(env.collections.len(), env.computed.len());
            part.reset(asked.len());
            for (slot, source) in batch.present() {
                part.set_source(slot, source.gather(&selected));
            }
            for (computed, values) in batch.computed_values() {
                part.set_hidden(computed, gather(values, &selected));
            }
            known.add(self.answers(env, &part)?);
        }
        let found = places.iter().map(|(vector, row)| (&known.answers[*vector as usize], usize::from(*row)));
        let values = Vector::collect(found);
        if known.is_worth_it(env) {
            self.same = Some(known);
        } else {
            env.budget.forget(known.charge.bytes());
        }
        Ok(values)
    }
}

impl<'s> Known<'s> {
    fn add(&mut self, answers: Vector<'s>) {
        self.answer_bytes += answers.size();
        self.answers.push(answers);
    }
}

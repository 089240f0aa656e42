//! [`Sharing`]: what operators of several threads have together, made once.
//!
//! Each thread has operators of its own for the part of the rows that it works on. What they find partners in does not depend on the
//! part: tables of joins and subqueries, marks, the records that lookups go by. One set of operators makes it, in the order in which
//! they are asked ([`Operator::share`](super::Operator::share)), and those of every part, which are asked in the same order, take it
//! from there. Nothing of it changes any more, but for what is noted under locks.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::built::Built;
use super::lookup::Read;
use crate::engine::error::ExecError;
use crate::engine::exec::marks::Marks;
use crate::parts::Whole;

/// What is shared, in the order in which it is met.
#[derive(Clone, Default)]
pub(in crate::engine::exec) struct Sharing<'s> {
    all: Vec<Shared<'s>>,
    /// How many of them were taken; none while they are made.
    taken: Option<usize>,
}

#[derive(Clone)]
enum Shared<'s> {
    Table(Arc<Built<'s>>),
    Marks(Arc<Marks>),
    Records(Arc<Read<'s>>),
}

impl<'s> Sharing<'s> {
    /// The same for the operators of a part.
    pub(in crate::engine::exec) fn taken(&self) -> Sharing<'s> {
        Sharing { all: self.all.clone(), taken: Some(0) }
    }

    /// The table of the operator that asks.
    pub(super) fn table(
        &mut self,
        make: impl FnOnce() -> Result<Built<'s>, ExecError>,
    ) -> Result<Arc<Built<'s>>, ExecError> {
        match self.next(|| Ok(Shared::Table(Arc::new(make()?))))? {
            Shared::Table(table) => Ok(table),
            _ => unreachable!("all are asked in one order"),
        }
    }

    /// The marks of the operator that asks.
    pub(super) fn marks(
        &mut self,
        make: impl FnOnce() -> Result<Marks, ExecError>,
    ) -> Result<Arc<Marks>, ExecError> {
        match self.next(|| Ok(Shared::Marks(Arc::new(make()?))))? {
            Shared::Marks(marks) => Ok(marks),
            _ => unreachable!("all are asked in one order"),
        }
    }

    /// The records of the lookup that asks.
    pub(super) fn records(&mut self) -> Result<Arc<Read<'s>>, ExecError> {
        match self.next(|| Ok(Shared::Records(Arc::default())))? {
            Shared::Records(records) => Ok(records),
            _ => unreachable!("all are asked in one order"),
        }
    }

    fn next(
        &mut self,
        make: impl FnOnce() -> Result<Shared<'s>, ExecError>,
    ) -> Result<Shared<'s>, ExecError> {
        match &mut self.taken {
            None => {
                let made = make()?;
                self.all.push(made.clone());
                Ok(made)
            }
            Some(taken) => {
                *taken += 1;
                Ok(self.all[*taken - 1].clone())
            }
        }
    }
}

/// Why something is not shared. Nobody sees it: all is done by one thread then.
pub(in crate::engine::exec) fn not_shared() -> ExecError {
    let whole = Whole::build().expect("there are threads");
    ExecError::Memory { operator: "hash table", used: 0, budget: 0, why: "it is not shared", whole }
}

//! The executor: batches of one leaf page each, through operators that pull.
//!
//! Above: `physical`, whose plans it reads. Below: the storage facade.
//!
//! - A `Batch` is a leaf page's rows with a selection; filters run kernels over the page's bytes in
//!   place, everything else goes through `evaluate`, one [`Vector`] per node of an expression.
//! - Records are carried as references until they come out. What sorts and aggregates need is read for the rows that got
//!   that far.
//! - What takes more than memory may hold is done in several operations (`chain`); a sort packs its rows for that
//!   (`packed`), and puts them aside when they are too many (`spill`).
//! - Operators pull, and what is above tells how many rows it wants: `first`, `exists` and a limit read no more than
//!   they need.
//! - No value is boxed on its way, and a page of a filtered scan allocates nothing.

mod arithmetic;
mod assign;
mod batch;
#[cfg(not(feature = "small"))]
mod budget;
mod chain;
mod cold;
#[cfg(all(test, feature = "decimal", not(feature = "small")))]
mod columns;
#[cfg(not(feature = "small"))]
mod directory;
#[cfg(not(feature = "small"))]
mod each;
mod evaluate;
mod frames;
pub(super) mod function;
mod giving;
mod kernel;
#[cfg(not(feature = "small"))]
mod marks;
#[cfg(not(feature = "small"))]
pub(in crate::engine) mod meter;
mod operators;
pub mod output;
mod packed;
#[cfg(not(feature = "small"))]
mod partitions;
mod predicate;
mod rows;
#[cfg(all(feature = "decimal", not(feature = "small")))]
mod scaled;
#[cfg(not(feature = "small"))]
mod shelf;
#[cfg(not(feature = "small"))]
mod sieve;
mod spill;
#[cfg(not(feature = "small"))]
mod starts;
mod store;
mod table;
mod tally;
mod text;
#[cfg(all(feature = "std", not(feature = "small")))]
pub(in crate::engine) mod threads;
#[cfg(all(test, feature = "decimal", not(feature = "small")))]
mod trial;
mod vector;

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::control::Run;
use super::error::ExecError;
#[cfg(not(feature = "small"))]
use super::estimate::Counts;
#[cfg(not(feature = "small"))]
use super::logical::Computed;
use super::logical::{Expr, Slot, SlotDef};
use super::physical::{PhysicalPlan, Reads};
use crate::parts::Whole;
use crate::schema::CollectionDef;
use crate::storage::facade::View;
use crate::value::Type;

pub use assign::Assigning;
#[cfg(all(test, not(feature = "small")))]
pub(super) use budget::NOTHING;
pub(super) use chain::Chain;
pub(super) use giving::Giving;
pub(super) use operators::dangling;
pub use output::{OutputBatch, OutputColumn};
pub(super) use rows::Planned;
pub use rows::Rows;
pub use vector::Vector;

/// What operators work with: the data, and what the plan's slots hold.
pub(super) struct Env<'s> {
    view: View<'s>,
    collections: Vec<&'s CollectionDef>,
    /// The types of the computed values.
    computed: Vec<Type>,
    /// What is read of rows that a sort has let through, if there is a sort.
    sorted: Option<(Box<Reads>, Whole)>,
    /// What operators share.
    #[cfg(not(feature = "small"))]
    tables: operators::Tables<'s>,
    /// What is known of the keys of tables, for those beneath them.
    #[cfg(not(feature = "small"))]
    sieves: sieve::Sieves,
    /// What may end it.
    run: Run,
    /// What operators may keep.
    #[cfg(not(feature = "small"))]
    budget: budget::Budget,
    /// How many rows operators have given that are watched.
    #[cfg(not(feature = "small"))]
    counts: Counts,
    /// How many threads may do what is done within its operation.
    #[cfg(all(feature = "std", not(feature = "small")))]
    threads: usize,
}

/// What [`Env`] says of a plan and of what is read, for several threads that have their own.
#[cfg(all(feature = "std", not(feature = "small")))]
struct Frame<'s> {
    view: View<'s>,
    collections: Vec<&'s CollectionDef>,
    computed: Vec<Type>,
    sorted: Option<(Box<Reads>, Whole)>,
    sieves: Vec<Option<alloc::sync::Arc<sieve::KeySet>>>,
}

#[cfg(all(feature = "std", not(feature = "small")))]
impl<'s> Frame<'s> {
    /// Its own of a thread, which does alone what it does.
    fn env(&self, run: Run) -> Env<'s> {
        Env {
            view: self.view,
            collections: self.collections.clone(),
            computed: self.computed.clone(),
            sorted: self.sorted.clone(),
            sieves: sieve::Sieves::of(&self.sieves),
            tables: operators::Tables::default(),
            budget: budget::Budget::of(self.view, &run),
            run,
            // Of a part of the rows there is nothing to be learnt.
            counts: Counts::default(),
            threads: 1,
        }
    }
}

#[cfg(all(feature = "std", not(feature = "small")))]
impl<'s> Env<'s> {
    fn frame(&self) -> Frame<'s> {
        Frame {
            view: self.view,
            collections: self.collections.clone(),
            computed: self.computed.clone(),
            sorted: self.sorted.clone(),
            sieves: self.sieves.known(),
        }
    }

    /// Room for rows.
    fn batch(&self) -> batch::Batch<'s> {
        batch::Batch::new(self.collections.len(), self.computed.len())
    }
}

impl<'s> Env<'s> {
    fn new(view: View<'s>, plan: &PhysicalPlan, run: Run) -> Env<'s> {
        let stored = |slot: &SlotDef| -> &'s CollectionDef {
            let found = view.catalog().collection(slot.collection.id);
            found.expect("a plan is run over the catalog that it was made with")
        };
        Env {
            view,
            collections: plan.slots.iter().map(stored).collect(),
            computed: plan.computed.iter().map(|def| def.ty).collect(),
            sorted: plan.reads_of_sorted(),
            #[cfg(not(feature = "small"))]
            tables: operators::Tables::default(),
            #[cfg(not(feature = "small"))]
            sieves: sieve::Sieves::default(),
            #[cfg(not(feature = "small"))]
            budget: budget::Budget::of(view, &run),
            run,
            #[cfg(not(feature = "small"))]
            counts: Counts::default(),
            #[cfg(all(feature = "std", not(feature = "small")))]
            threads: 1,
        }
    }

    /// Fails when the query is to end. Asked by operators once for each batch, given or not.
    #[inline]
    fn check(&self) -> Result<(), ExecError> {
        self.run.check(self.view)
    }

    /// What a sort may take in memory beside the pages that it reads, in bytes.
    fn sort_bytes(&self) -> Option<usize> {
        #[cfg(not(feature = "small"))]
        return self.budget.bytes();
        #[cfg(feature = "small")]
        self.view.sort_bytes()
    }

    /// The number of a value that no plan has.
    #[cfg(not(feature = "small"))]
    fn hidden(&self) -> Computed {
        Computed(self.computed.len() as u16)
    }

    fn collection(&self, slot: Slot) -> &'s CollectionDef {
        self.collections[usize::from(slot.0)]
    }

    /// A relation field of the record in a slot.
    fn pointer(&self, from: Slot, position: u16) -> Expr {
        Expr::field(from, position, self.collection(from).fields[usize::from(position)].ty, true)
    }

    /// A computed value.
    #[cfg(not(feature = "small"))]
    fn value(&self, computed: Computed) -> Expr {
        Expr::computed(computed, self.computed[usize::from(computed.0)], true)
    }
}

//! [`Estimator`] and [`Paging`] of a build that keeps no statistics: all is [guessed](super::selectivity), and taken for being in memory.

use core::marker::PhantomData;

use super::selectivity::guess;
use super::{Amount, Costs, Scatter, Statistics};
use crate::engine::logical::{Expr, Slot, SlotDef};
use crate::schema::{CollectionDef, IndexDef, IndexId};

/// Estimates for one plan.
pub struct Estimator<'p>(PhantomData<&'p ()>);

impl<'p> Estimator<'p> {
    /// Estimates for a plan with these slots.
    #[inline]
    pub fn new(_slots: &'p [SlotDef], _statistics: &'p dyn Statistics) -> Estimator<'p> {
        Estimator(PhantomData)
    }

    /// The part of rows, 0..=1, for which a predicate is expected to hold.
    #[inline]
    pub fn selectivity(&self, predicate: &Expr) -> Amount {
        guess(predicate)
    }

    /// The part of rows for which all of these hold.
    #[inline]
    pub fn selectivity_of_all<'e>(&self, predicates: impl IntoIterator<Item = &'e Expr>) -> Amount {
        predicates.into_iter().map(guess).product()
    }

    /// How many different values a field has: that is not known.
    #[inline]
    pub fn distinct(&self, _slot: Slot, _position: u16) -> Option<Amount> {
        None
    }

    /// How many groups so many rows make: that is not known.
    #[inline]
    pub fn groups<'e>(&self, _rows: Amount, _keys: impl IntoIterator<Item = &'e Expr>) -> Option<Amount> {
        None
    }

    /// How far an index has records in the order in which they lie: that is not known.
    #[inline]
    pub fn scatter(&self, _slot: Slot, _index: IndexId, _records: Amount, _places: Amount) -> Scatter {
        Scatter::ANYWHERE
    }
}

/// What reading from the file costs: nothing is known of that.
pub struct Paging<'p>(PhantomData<&'p ()>);

impl<'p> Paging<'p> {
    /// For any plan.
    #[inline]
    pub fn new(_statistics: &'p dyn Statistics, _costs: &Costs) -> Paging<'p> {
        Paging(PhantomData)
    }

    /// `cost`, without what is read.
    #[inline]
    pub fn and_scanned(&self, cost: Amount, _collection: &CollectionDef, _share: Amount) -> Amount {
        cost
    }

    /// `cost`, without what is read.
    #[inline]
    pub fn and_fetched(&self, cost: Amount, _collection: &CollectionDef, _records: Amount) -> Amount {
        cost
    }

    /// `cost`, without what is read.
    #[inline]
    pub fn and_fetched_by(
        &self,
        cost: Amount,
        _collection: &CollectionDef,
        _records: Amount,
        _scatter: Scatter,
    ) -> Amount {
        cost
    }

    /// `cost`, without what is read.
    #[inline]
    pub fn and_walked(
        &self,
        cost: Amount,
        _index: (&CollectionDef, &IndexDef),
        _share: Amount,
        _places: Amount,
    ) -> Amount {
        cost
    }
}

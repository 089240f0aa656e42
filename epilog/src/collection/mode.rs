//! [`Mode`]: what the fields of a fields struct are.
//!
//! | mode | where | a field of type `T` |
//! |---|---|---|
//! | [`Req`] | a source of the query, or behind a required relation | `Field<S, T>` |
//! | [`Opt`] | behind an optional relation | `Field<S, Option<T>>`, unless `T` is an `Option` already |
//! | [`Own`] | the record that an update changes | [`OwnField<S, T>`](OwnField), which alone has `set` |
//!
//! [`Mode::Path`] is the mode behind a required relation, and that of fields which no update may change (keys):
//! optional stays optional, and what an update reaches through a relation is read only.

use super::stored::Member;
use super::{Field, OwnField};
use crate::value::Value;

/// What the fields of a fields struct are. The modes are [`Req`], [`Opt`] and [`Own`].
pub trait Mode: sealed::Sealed + Copy + 'static {
    /// A field of type `T`.
    type Field<S, T: Value>: Member;
    /// The mode behind a required relation, and of fields that cannot be assigned.
    type Path: Mode;
    /// What a whole row yields when it is selected: the record, or an `Option` of it.
    type Record<C>;

    /// What a whole row yields; `None` when a required row is absent.
    fn record<C>(found: Option<C>) -> Option<Self::Record<C>>;
}

/// Every field is as declared.
#[derive(Clone, Copy, Debug)]
pub struct Req;

/// Every field is optional: the row itself may be absent.
#[derive(Clone, Copy, Debug)]
pub struct Opt;

/// Every field is as declared and can be assigned.
#[derive(Clone, Copy, Debug)]
pub struct Own;

impl Mode for Req {
    type Field<S, T: Value> = Field<S, T>;
    type Path = Req;
    type Record<C> = C;

    fn record<C>(found: Option<C>) -> Option<C> {
        found
    }
}

impl Mode for Opt {
    type Field<S, T: Value> = Field<S, T::Optional>;
    type Path = Opt;
    type Record<C> = Option<C>;

    fn record<C>(found: Option<C>) -> Option<Option<C>> {
        Some(found)
    }
}

impl Mode for Own {
    type Field<S, T: Value> = OwnField<S, T>;
    type Path = Req;
    type Record<C> = C;

    fn record<C>(found: Option<C>) -> Option<C> {
        found
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Req {}
    impl Sealed for super::Opt {}
    impl Sealed for super::Own {}
}

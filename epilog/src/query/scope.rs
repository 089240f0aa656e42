//! [`Scope`]: what the closures of a query may speak of.
//!
//! A scope is a type and nothing else. One collection is the scope of a query over it; a tuple is that of several
//! sources, in the order of their positions; [`Inner`] is that of a predicate over the reverse side of a relation, where
//! only the inner record can be named. Fields carry their scope, so that a field of one never slips into another.

use core::marker::PhantomData;

use super::selection::{RowReader, read_row};
use crate::Error;
use crate::collection::{Collection, Mode, Opt, Proxy, Req, Within};
use crate::expr::RowPath;

/// What the closures of a query may speak of.
#[diagnostic::on_unimplemented(
    message = "there are no records left to speak of in `{Self}`",
    label = "not the scope of a query"
)]
pub trait Scope {
    /// What a closure is given: a fields struct, or a tuple of them.
    type Rows: Copy;
    /// The same as seen in scope `In`, which has more than this one.
    type Seen<In>: Copy;
    /// How many values of windows its rows have.
    const WINDOWS: u16 = 0;

    /// Makes what a closure is given.
    fn rows() -> Self::Rows;

    /// Makes the same for a closure of scope `In`.
    fn seen<In>() -> Self::Seen<In>;
}

/// A scope whose rows are whole records: what comes out of a query that names nothing else.
pub trait Records: Scope {
    /// The record, or a tuple of those of all sources; an `Option` where one may be absent.
    type Records;

    /// Reads the records of a row.
    ///
    /// # Errors
    ///
    /// When stored bytes are damaged.
    #[doc(hidden)]
    fn read(row: &mut RowReader<'_>) -> Result<Self::Records, Error>;
}

/// A scope all of whose sources are collections of schema `D`.
pub trait HeldBy<D> {}

/// One source of a scope.
pub trait Source {
    /// Its collection.
    type Collection: Collection;
    /// The mode of its fields.
    type Mode: Mode;
}

/// A scope that has room for one more source of collection `C`.
#[diagnostic::on_unimplemented(
    message = "a query over `{Self}` cannot look into `{C}` as well",
    label = "no room for another source",
    note = "a query has at most ten sources"
)]
pub trait Push<C: Collection> {
    /// The scope with the source added at its end.
    type Out: Records;
    /// The same, its record being absent where none belongs to a row.
    type Optional: Records;
    /// The position of that source.
    const POSITION: u8;
}

/// The scope of a predicate over the records of `C` that belong to a row of scope `S`.
///
/// Never `C` itself: on a relation of a collection to itself, a field of the outer row would silently mean the inner one.
pub struct Inner<S, C> {
    of: PhantomData<fn() -> (S, C)>,
}

/// A source of records of `C` that may be absent: the right side of a left join.
pub struct Maybe<C> {
    of: PhantomData<fn() -> C>,
}

impl<C: Collection> Source for Maybe<C> {
    type Collection = C;
    type Mode = Opt;
}

impl<C: Collection> Source for C {
    type Collection = C;
    type Mode = Req;
}

impl<S, C: Collection> Source for Inner<S, C> {
    type Collection = C;
    type Mode = Req;
}

#[diagnostic::do_not_recommend]
impl<C: Collection> Scope for C {
    type Rows = C::Fields<C, Req>;
    type Seen<In> = C::Fields<In, Req>;

    fn rows() -> Self::Rows {
        Self::seen()
    }

    fn seen<In>() -> Self::Seen<In> {
        Proxy::at(RowPath::source(0))
    }
}

#[diagnostic::do_not_recommend]
impl<C: Collection> Records for C {
    type Records = C;

    #[inline]
    fn read(row: &mut RowReader<'_>) -> Result<C, Error> {
        read_row::<C::Fields<C, Req>>(row)
    }
}

#[diagnostic::do_not_recommend]
impl<D, C: Collection + Within<D>> HeldBy<D> for C {}

impl<C: Collection, D: Collection> Push<D> for C {
    type Out = (C, D);
    type Optional = (C, Maybe<D>);
    const POSITION: u8 = 1;
}

#[diagnostic::do_not_recommend]
impl<S, C: Collection> Scope for Inner<S, C> {
    type Rows = C::Fields<Self, Req>;
    type Seen<In> = C::Fields<In, Req>;

    fn rows() -> Self::Rows {
        Self::seen()
    }

    fn seen<In>() -> Self::Seen<In> {
        Proxy::at(RowPath::source(0))
    }
}

impl<S, C: Collection, D: Collection> Push<D> for Inner<S, C> {
    type Out = (Inner<S, C>, D);
    type Optional = (Inner<S, C>, Maybe<D>);
    const POSITION: u8 = 1;
}

/// The fields struct of source `X` in scope `S`.
type FieldsOf<S, X> = <<X as Source>::Collection as Collection>::Fields<S, <X as Source>::Mode>;

/// What a row has for source `X`.
type RecordOf<X> = <<X as Source>::Mode as Mode>::Record<<X as Source>::Collection>;

macro_rules! scope_of {
    ($count:literal: $first:ident $(, $source:ident $position:literal)*) => {
        #[diagnostic::do_not_recommend]
        impl<$first: Source $(, $source: Source)*> Scope for ($first, $($source,)*) {
            type Rows = (FieldsOf<Self, $first>, $(FieldsOf<Self, $source>,)*);
            type Seen<In> = (FieldsOf<In, $first>, $(FieldsOf<In, $source>,)*);

            fn rows() -> Self::Rows {
                Self::seen()
            }

            fn seen<In>() -> Self::Seen<In> {
                (Proxy::at(RowPath::source(0)), $(Proxy::at(RowPath::source($position)),)*)
            }
        }

        #[diagnostic::do_not_recommend]
        impl<$first: Source $(, $source: Source)*> Records for ($first, $($source,)*) {
            type Records = (RecordOf<$first>, $(RecordOf<$source>,)*);

            #[inline]
            fn read(row: &mut RowReader<'_>) -> Result<Self::Records, Error> {
                Ok((read_row::<FieldsOf<Self, $first>>(row)?, $(read_row::<FieldsOf<Self, $source>>(row)?,)*))
            }
        }

        #[diagnostic::do_not_recommend]
        impl<Schema, $first: Source $(, $source: Source)*> HeldBy<Schema> for ($first, $($source,)*)
        where
            $first::Collection: Within<Schema>,
            $($source::Collection: Within<Schema>,)*
        {
        }
    };
}

macro_rules! scope_with_room {
    ($count:literal: $first:ident $(, $source:ident $position:literal)*) => {
        scope_of!($count: $first $(, $source $position)*);

        impl<$first: Source $(, $source: Source)*, New: Collection> Push<New> for ($first, $($source,)*) {
            type Out = ($first, $($source,)* New);
            type Optional = ($first, $($source,)* Maybe<New>);
            const POSITION: u8 = $count;
        }
    };
}

scope_with_room!(2: A, B 1);
scope_with_room!(3: A, B 1, C 2);
scope_with_room!(4: A, B 1, C 2, D 3);
scope_with_room!(5: A, B 1, C 2, D 3, E 4);
scope_with_room!(6: A, B 1, C 2, D 3, E 4, F 5);
scope_with_room!(7: A, B 1, C 2, D 3, E 4, F 5, G 6);
scope_with_room!(8: A, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
scope_with_room!(9: A, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
scope_of!(10: A, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);

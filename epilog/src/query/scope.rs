//! [`Scope`]: what the closures of a query may speak of.
//!
//! A scope is a type and nothing else. One collection is the scope of a query over it; a tuple is that of several
//! sources, in the order of their positions; [`Inner`] is that of a predicate over the reverse side of a relation, where
//! only the inner record can be named. Fields carry their scope, so that a field of one never slips into another.

use core::marker::PhantomData;

use crate::collection::{Collection, Mode, Proxy, Req};
use crate::expr::RowPath;

/// The sources of a query, whether or not closures can still speak of them.
pub trait Sources {
    /// The collection of the first.
    type Root: Collection;
}

/// What the closures of a query may speak of.
#[diagnostic::on_unimplemented(
    message = "there are no records left to speak of in `{Self}`",
    label = "not the scope of a query"
)]
pub trait Scope: Sources {
    /// What a closure is given: a fields struct, or a tuple of them.
    type Rows: Copy;

    /// Makes what a closure is given.
    fn rows() -> Self::Rows;
}

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
    type Out: Scope;
    /// The position of that source.
    const POSITION: u8;
}

/// The scope of a predicate over the records of `C` that belong to a row of scope `S`.
///
/// Never `C` itself: on a relation of a collection to itself, a field of the outer row would silently mean the inner one.
pub struct Inner<S, C> {
    of: PhantomData<fn() -> (S, C)>,
}

impl<C: Collection> Source for C {
    type Collection = C;
    type Mode = Req;
}

impl<S, C: Collection> Source for Inner<S, C> {
    type Collection = C;
    type Mode = Req;
}

impl<C: Collection> Sources for C {
    type Root = C;
}

#[diagnostic::do_not_recommend]
impl<C: Collection> Scope for C {
    type Rows = C::Fields<C, Req>;

    fn rows() -> Self::Rows {
        Proxy::at(RowPath::source(0))
    }
}

impl<C: Collection, D: Collection> Push<D> for C {
    type Out = (C, D);
    const POSITION: u8 = 1;
}

impl<S, C: Collection> Sources for Inner<S, C> {
    type Root = C;
}

#[diagnostic::do_not_recommend]
impl<S, C: Collection> Scope for Inner<S, C> {
    type Rows = C::Fields<Self, Req>;

    fn rows() -> Self::Rows {
        Proxy::at(RowPath::source(0))
    }
}

impl<S, C: Collection, D: Collection> Push<D> for Inner<S, C> {
    type Out = (Inner<S, C>, D);
    const POSITION: u8 = 1;
}

/// The fields struct of source `X` in scope `S`.
type FieldsOf<S, X> = <<X as Source>::Collection as Collection>::Fields<S, <X as Source>::Mode>;

macro_rules! scope_of {
    ($count:literal: $first:ident $(, $source:ident $position:literal)*) => {
        impl<$first: Source $(, $source: Source)*> Sources for ($first, $($source,)*) {
            type Root = $first::Collection;
        }

        #[diagnostic::do_not_recommend]
        impl<$first: Source $(, $source: Source)*> Scope for ($first, $($source,)*) {
            type Rows = (FieldsOf<Self, $first>, $(FieldsOf<Self, $source>,)*);

            fn rows() -> Self::Rows {
                (Proxy::at(RowPath::source(0)), $(Proxy::at(RowPath::source($position)),)*)
            }
        }
    };
}

macro_rules! scope_with_room {
    ($count:literal: $first:ident $(, $source:ident $position:literal)*) => {
        scope_of!($count: $first $(, $source $position)*);

        impl<$first: Source $(, $source: Source)*, New: Collection> Push<New> for ($first, $($source,)*) {
            type Out = ($first, $($source,)* New);
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

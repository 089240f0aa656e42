//! [`Compiled`]: a query that is built once, and run with other values each time.

use core::fmt;
use core::marker::PhantomData;

use super::Query;
use super::selection::DecodeBatch;
use crate::engine::Control;
use crate::expr::{Arguments, Expression as Node, Prepared};
use crate::sync::OnceCell;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::value::{Value, buffers};

/// How many have been built.
static MADE: AtomicUsize = AtomicUsize::new(0);

/// A query with parameters, built when it is first run, and then never again: for a `static`.
///
/// `A` is the tuple of the parameters' types, `S` what the query's closures may speak of, `O` what comes out. What
/// [`with`](Compiled::with) gives is the query with values, which differs in nothing from one that is built with them: it
/// can be run anywhere, with any terminal, and be given more clauses. Any query takes the plan that is kept for those of its
/// shape; this one spares its building as well. Not with the cargo feature `small`.
///
/// # Examples
///
/// ```
/// use epilog::query::Compiled;
#[doc = include_str!("../example.txt")]
///
/// static LONGER: Compiled<(i64,), Track> =
///     Compiled::new(|(seconds,)| Track::query().filter(|t| t.seconds.gt(seconds)).order_by(|t| t.id));
///
/// assert_eq!(LONGER.with((250,)).count(&db)?, 2);
/// assert_eq!(LONGER.with((300,)).all(&db)?[0].name, "Crusader");
/// assert_eq!(LONGER.with((300,)).filter(|t| t.composer.is_some()).first(&db)?, None);
///
/// static TITLED: Compiled<(String, Option<i32>), Album, i64> = Compiled::new(|(artist, year)| {
///     Album::query()
///         .filter(|al| al.artist().name.eq(artist) & al.year.eq(year))
///         .select(|al| al.tracks().sum(|t| t.seconds))
/// });
/// assert_eq!(TITLED.with(("Saxon".into(), Some(1984))).one(&db)?, 395);
/// assert_eq!(TITLED.with(("Saxon".into(), None)).one(&db)?, 0);
/// # Ok::<(), Error>(())
/// ```
pub struct Compiled<A: Parameters, S, O = S> {
    make: fn(A::Placeholders) -> Query<S, O>,
    made: OnceCell<Made<O>>,
}

/// What a query is made of when it has its values.
struct Made<O> {
    draft: Prepared,
    decode: DecodeBatch<O>,
    control: Control,
}

impl<A: Parameters, S, O> Compiled<A, S, O> {
    /// The query that `make` builds of its parameters.
    pub const fn new(make: fn(A::Placeholders) -> Query<S, O>) -> Compiled<A, S, O> {
        Compiled { make, made: OnceCell::new() }
    }

    /// The query with these values.
    pub fn with(&self, values: A) -> Query<S, O> {
        let Made { draft, decode, control } = self.made.get_or_init(|| {
            let of = MADE.fetch_add(1, Ordering::Relaxed) + 1;
            let Query { draft, decode, control, .. } = (self.make)(A::placeholders(of));
            Made { draft: Prepared::new(draft, of), decode, control }
        });
        let mut arguments = Arguments::of(draft.of());
        values.append(&mut arguments);
        let (draft, decode) = (draft.with(arguments), *decode);
        Query { draft, decode, control: control.clone(), scope: PhantomData }
    }
}

impl<A: Parameters, S, O> fmt::Debug for Compiled<A, S, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compiled")
            .field("made", &self.made.get().map(|made| &made.draft))
            .finish_non_exhaustive()
    }
}

/// A parameter of a [`Compiled`] query: it stands where a value of type `T` does.
///
/// Before a method is called on what is calculated from one on the left, rustc wants to be told its type:
/// `|(limit,): (Parameter<i64>,)| Track::query().filter(|t| (limit - t.seconds).gt(10))`.
pub struct Parameter<T> {
    of: usize,
    number: u8,
    value: PhantomData<fn() -> T>,
}

impl<T> Clone for Parameter<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Parameter<T> {}

impl<T> fmt::Debug for Parameter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Parameter").field(&self.number).finish()
    }
}

impl<T: Value> Parameter<T> {
    pub(super) fn erase(self) -> Node {
        Node::parameter(self.of, self.number, T::TYPE)
    }
}

/// The types of the parameters of a [`Compiled`] query: a tuple of one to eight types of fields.
pub trait Parameters: sealed::Parameters {
    /// A [`Parameter`] for each.
    type Placeholders;

    #[doc(hidden)]
    fn placeholders(of: usize) -> Self::Placeholders;

    #[doc(hidden)]
    fn append(self, to: &mut Arguments);
}

mod sealed {
    /// What keeps others from implementing the trait.
    pub trait Parameters {}
}

macro_rules! tuples {
    ($($($name:ident $number:literal),+;)*) => {$(
        impl<$($name: Value),+> sealed::Parameters for ($($name,)+) {}

        impl<$($name: Value),+> Parameters for ($($name,)+) {
            type Placeholders = ($(Parameter<$name>,)+);

            fn placeholders(of: usize) -> Self::Placeholders {
                ($(Parameter { of, number: $number, value: PhantomData::<fn() -> $name> },)+)
            }

            #[allow(non_snake_case, reason = "the values are called as their types")]
            fn append(self, to: &mut Arguments) {
                let ($($name,)+) = self;
                $(to.push(buffers::scalar(&$name));)+
            }
        }
    )*};
}

tuples! {
    A 0;
    A 0, B 1;
    A 0, B 1, C 2;
    A 0, B 1, C 2, D 3;
    A 0, B 1, C 2, D 3, E 4;
    A 0, B 1, C 2, D 3, E 4, F 5;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
}

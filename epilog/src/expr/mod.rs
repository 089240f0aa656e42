//! Queries as built: erased expressions and the draft of a query.
//!
//! Typed builders (and later other producers) write these; `engine::logical` checks them against a catalog and makes the
//! logical plan. An expression is a postfix sequence of operations, so that combining two appends one to the other: words while
//! it is built, and [`Op`]s where it is planned. Nothing here knows a page, a layout or a permanent id: fields are declared
//! ordinals, reached along relation paths.
//!
//! Uses `value` and `schema`.

#[cfg(not(feature = "small"))]
pub mod arguments;
#[cfg(not(feature = "small"))]
mod brief;
pub mod draft;
#[cfg(not(feature = "small"))]
pub mod expression;
mod fingerprint;
pub mod function;
pub mod keyset;
pub mod native;
pub mod op;
pub mod path;
#[cfg(not(feature = "small"))]
mod pooled;
#[cfg(not(feature = "small"))]
pub mod shape;
mod tail;
pub mod terms;
pub mod window;
#[cfg(not(feature = "small"))]
mod word;

#[cfg(not(feature = "small"))]
pub use arguments::{Arguments, Clauses, Prepared};
#[cfg(not(feature = "small"))]
pub(crate) use brief::Brief;
pub use draft::{
    AggregateFunction, AggregateItem, Assignment, Clause, Draft, JoinKind, OrderTerm, Recursion, SelectItem,
    SetKind,
};
#[cfg(not(feature = "small"))]
pub use expression::Expression;
pub(crate) use fingerprint::fnv;
pub use function::Function;
pub use keyset::{Keyset, Side};
pub use native::Native;
/// An expression while it is built: the same as when it is planned.
#[cfg(feature = "small")]
pub use op::Postfix as Expression;
pub use op::{BinaryOp, Op, Postfix, Quantifier, Subquery, UnaryOp};
pub(crate) use path::NarrowPath;
pub use path::{FieldPath, RowPath};
pub use tail::{Tail, least_alike};
pub use terms::{Term, Terms};
pub use window::{Frame, FrameUnit, WindowFunction, WindowItem};

//! Queries as built: erased expressions and the draft of a query.
//!
//! Typed builders (and later other producers) write these; `engine::logical` checks them against a catalog and makes the
//! logical plan. An expression is a postfix sequence of [`Op`]s, so that combining two appends one to the other. Nothing
//! here knows a page, a layout or a permanent id: fields are declared ordinals, reached along relation paths.
//!
//! Uses `value` and `schema`.

#[cfg(not(feature = "small"))]
pub mod arguments;
#[cfg(not(feature = "small"))]
mod brief;
pub mod draft;
mod fingerprint;
pub mod function;
pub mod keyset;
pub mod op;
#[cfg(not(feature = "small"))]
pub mod ops;
pub mod path;
#[cfg(not(feature = "small"))]
pub mod shape;
pub mod terms;
pub mod window;

#[cfg(not(feature = "small"))]
pub use arguments::{Arguments, Clauses};
pub use draft::{
    AggregateFunction, AggregateItem, Assignment, Clause, Draft, JoinKind, OrderTerm, Recursion, SelectItem,
    SetKind,
};
pub(crate) use fingerprint::fnv;
pub use function::Function;
pub use keyset::{Keyset, Side};
pub use op::{BinaryOp, Expression, Op, Quantifier, Subquery, UnaryOp};
#[cfg(not(feature = "small"))]
pub use ops::Ops;
/// The operations of an expression, operands first.
#[cfg(feature = "small")]
pub type Ops = alloc::vec::Vec<Op>;
pub use path::{FieldPath, RowPath};
pub use terms::Terms;
pub use window::{Frame, FrameUnit, WindowFunction, WindowItem};

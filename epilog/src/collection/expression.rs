//! [`Expr`]: a typed expression over the fields of a scope.

use core::fmt;
use core::marker::PhantomData;

use crate::expr::Expression;

/// An expression of type `T`, in a query of scope `S`.
///
/// Made by the operators of [`Field`](super::Field) and of `Expr` itself; on `Expr<S, bool>` these are `& | !`, on
/// numbers `+ - * / %`. Of `a & b` and `a | b` both sides are free of side effects, and one whose arithmetic has no
/// result counts only where the other does not decide. The node within is untyped; the two parameters only keep apart
/// what must not be mixed.
///
/// # Examples
///
/// ```
/// use epilog::collection::Expr;
#[doc = include_str!("../example.txt")]
///
/// fn short<S>(t: TrackFields<S>) -> Expr<S, bool> {
///     t.seconds.lt(250) & !t.name.contains(" ") | t.seconds.lt(100)
/// }
/// assert_eq!(Track::query().filter(short).select(|t| t.name).all(&db)?, ["Wrathchild"]);
/// # Ok::<(), Error>(())
/// ```
pub struct Expr<S, T> {
    expression: Expression,
    scope: PhantomData<fn() -> (S, T)>,
}

impl<S, T> Expr<S, T> {
    /// Gives an expression its scope and type.
    pub(crate) const fn new(expression: Expression) -> Expr<S, T> {
        Expr { expression, scope: PhantomData }
    }

    /// Forgets scope and type.
    pub(crate) fn erase(self) -> Expression {
        self.expression
    }
}

impl<S, T> Clone for Expr<S, T> {
    fn clone(&self) -> Self {
        Expr::new(self.expression.clone())
    }
}

impl<S, T> fmt::Debug for Expr<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expr").field(&self.expression).finish()
    }
}

//! `then`, `or_when`, `otherwise`, `or_none`: one of several values, by conditions.

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use super::{Expression, Operand, methods};
use crate::collection::{Expr, Field};
use crate::expr::Expression as Node;
use crate::query::Predicate;
use crate::value::{Scalar, Type, Value};

/// What [`then`](Expr::then) takes: a field or expression of scope `S`, or a value.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a value nor a field or expression of a query over `{S}`",
    label = "expected a value that can be stored, or a field or expression of this query"
)]
pub trait Choice<S> {
    /// Its type.
    type Value: Value;

    /// The choice as an untyped expression.
    fn into_expression(self) -> Node;
}

#[diagnostic::do_not_recommend]
impl<S, T: Value> Choice<S> for Field<S, T> {
    type Value = T;

    fn into_expression(self) -> Node {
        Expression::into_expression(self)
    }
}

#[diagnostic::do_not_recommend]
impl<S, T: Value> Choice<S> for Expr<S, T> {
    type Value = T;

    fn into_expression(self) -> Node {
        Expression::into_expression(self)
    }
}

#[diagnostic::do_not_recommend]
impl<S, T: Value> Choice<S> for T {
    type Value = T;

    fn into_expression(self) -> Node {
        Operand::<T, S>::into_expression(self)
    }
}

#[diagnostic::do_not_recommend]
impl<S> Choice<S> for &str {
    type Value = alloc::string::String;

    fn into_expression(self) -> Node {
        Operand::<alloc::string::String, S>::into_expression(self)
    }
}

/// A value for each of some conditions, the first that holds counting. [`otherwise`](When::otherwise) makes it an expression.
#[must_use = "say what it is otherwise: `.otherwise(..)` or `.or_none()`"]
pub struct When<S, T> {
    /// Conditions and values, in the order written.
    cases: Vec<(Node, Node)>,
    of: PhantomData<fn() -> (S, T)>,
}

methods! {
    [bool]

    /// This value where the condition holds. What it is elsewhere is said next: by [`otherwise`](When::otherwise),
    /// [`or_none`](When::or_none), or first another condition with [`or_when`](When::or_when). A condition that is `None`
    /// does not hold. Arithmetic without a result counts only where its value is taken.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let lengths: Vec<(String, String)> = Track::query()
    ///     .select(|t| {
    ///         let length = t.seconds.lt(200).then("short").or_when(t.seconds.lt(300), "middling").otherwise("long");
    ///         (t.name, length)
    ///     })
    ///     .all(&db)?;
    /// assert_eq!(lengths[0], ("Wrathchild".into(), "short".into()));
    /// assert_eq!(lengths[3], ("Crusader".into(), "long".into()));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn then<X: Choice<S>>(self, value: X) -> When<S, X::Value> {
        When { cases: Vec::from([(self.erase(), value.into_expression())]), of: PhantomData }
    }
}

impl<S, T: Value> When<S, T> {
    /// This value where the conditions before do not hold and this one does.
    ///
    /// # Examples
    ///
    /// See [`then`](Expr::then).
    pub fn or_when(mut self, condition: impl Predicate<S>, value: impl Operand<T, S>) -> When<S, T> {
        self.cases.push((condition.into_expression(), value.into_expression()));
        self
    }

    /// This value where no condition holds.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// // What albums without a year are taken for.
    /// let query = Album::query().select(|al| al.year.lt(1984).then(1).otherwise(2));
    /// assert_eq!(query.all(&db)?, [1, 2, 2, 2]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn otherwise(self, value: impl Operand<T, S>) -> Expr<S, T> {
        Expr::new(self.choose(value.into_expression()))
    }

    /// `None` where no condition holds.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let titles = Album::query().aggregate(|g| g.max(|al| al.year.lt(1984).then(al.title).or_none()));
    /// assert_eq!(titles.one(&db)?.as_deref(), Some("Killers"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn or_none(self) -> Expr<S, T::Optional> {
        let ty: Type = T::TYPE;
        Expr::new(self.choose(Node::literal(Scalar::Null, ty)))
    }

    fn choose(self, otherwise: Node) -> Node {
        let cases = self.cases.into_iter().rev();
        cases.fold(otherwise, |otherwise, (condition, value)| condition.choose(value, otherwise))
    }
}

impl<S, T> Clone for When<S, T> {
    fn clone(&self) -> Self {
        When { cases: self.cases.clone(), of: PhantomData }
    }
}

impl<S, T> fmt::Debug for When<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("When").field(&self.cases).finish()
    }
}

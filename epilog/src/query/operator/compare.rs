//! Comparisons, `in_`, `between`, and the terms of an ordering.

use super::{Operand, methods};
use crate::collection::Expr;
use crate::expr::BinaryOp;
use crate::query::Order;

methods! {
    [T]

    /// Whether this equals the other; `None` equals `None`, and `NaN` equals itself.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let names = Track::query().filter(|t| t.composer.eq("Harris")).select(|t| t.name).all(&db)?;
    /// assert_eq!(names, ["Wrathchild", "Aces High"]);
    /// assert_eq!(Track::query().filter(|t| t.composer.eq(None)).count(&db)?, 1);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn eq(self, other: impl Operand<T, S>) -> Expr<S, bool> {
        Expr::new(self.erase().binary(BinaryOp::Eq, other.into_expression()))
    }

    /// Whether this differs from the other: the opposite of [`eq`](Self::eq), so that `None` differs from every value.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let names = Track::query().filter(|t| t.composer.ne("Harris")).select(|t| t.name).all(&db)?;
    /// assert_eq!(names, ["Flash of the Blade", "Crusader"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn ne(self, other: impl Operand<T, S>) -> Expr<S, bool> {
        Expr::new(self.erase().binary(BinaryOp::Ne, other.into_expression()))
    }

    /// Whether this is less than the other; false when either is `None`.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let names = Track::query().filter(|t| t.seconds.lt(245)).select(|t| t.name).all(&db)?;
    /// assert_eq!(names, ["Wrathchild"]);
    /// assert_eq!(Album::query().filter(|al| al.year.lt(2000)).count(&db)?, 3); // not the one without a year
    /// # Ok::<(), Error>(())
    /// ```
    pub fn lt(self, other: impl Operand<T, S>) -> Expr<S, bool> {
        Expr::new(self.erase().binary(BinaryOp::Lt, other.into_expression()))
    }

    /// Whether this is less than the other or equals it; false when either is `None`.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let names = Track::query().filter(|t| t.seconds.le(245)).select(|t| t.name).all(&db)?;
    /// assert_eq!(names, ["Wrathchild", "Flash of the Blade"]);
    /// assert_eq!(Album::query().filter(|al| al.year.le(al.year)).count(&db)?, 3); // not the one without a year
    /// # Ok::<(), Error>(())
    /// ```
    pub fn le(self, other: impl Operand<T, S>) -> Expr<S, bool> {
        Expr::new(self.erase().binary(BinaryOp::Le, other.into_expression()))
    }

    /// Whether this is greater than the other; false when either is `None`.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let names = Track::query().filter(|t| t.seconds.gt(271)).select(|t| t.name).all(&db)?;
    /// assert_eq!(names, ["Crusader"]);
    /// assert_eq!(Album::query().filter(|al| !al.year.gt(0)).count(&db)?, 1); // the one without a year
    /// # Ok::<(), Error>(())
    /// ```
    pub fn gt(self, other: impl Operand<T, S>) -> Expr<S, bool> {
        Expr::new(self.erase().binary(BinaryOp::Gt, other.into_expression()))
    }

    /// Whether this is greater than the other or equals it; false when either is `None`.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let names = Track::query().filter(|t| t.seconds.ge(271)).select(|t| t.name).all(&db)?;
    /// assert_eq!(names, ["Aces High", "Crusader"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn ge(self, other: impl Operand<T, S>) -> Expr<S, bool> {
        Expr::new(self.erase().binary(BinaryOp::Ge, other.into_expression()))
    }

    /// Whether this lies from `low` to `high`, both included; false when any of the three is `None`, or `low` is
    /// greater than `high`.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let names = Track::query().filter(|t| t.seconds.between(245, 300)).select(|t| t.name).all(&db)?;
    /// assert_eq!(names, ["Aces High", "Flash of the Blade"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn between(self, low: impl Operand<T, S>, high: impl Operand<T, S>) -> Expr<S, bool> {
        Expr::new(self.erase().between(low.into_expression(), high.into_expression()))
    }

    /// Whether this equals one of the candidates; false when there are none. A candidate `None` stands for the absent
    /// value.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let names = Track::query().filter(|t| t.seconds.in_([174, 271, 999])).select(|t| t.name).all(&db)?;
    /// assert_eq!(names, ["Wrathchild", "Aces High"]);
    /// assert_eq!(Track::query().filter(|t| t.composer.in_([None, Some("Dickinson".to_string())])).count(&db)?, 2);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn in_(self, candidates: impl IntoIterator<Item: Operand<T, S>>) -> Expr<S, bool> {
        Expr::new(self.erase().is_in(candidates.into_iter().map(Operand::into_expression)))
    }

    /// This as a term of an ordering, the smallest first; before it `None`.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let years = Album::query().order_by(|al| al.year.asc()).select(|al| al.year).all(&db)?;
    /// assert_eq!(years, [None, Some(1981), Some(1984), Some(1984)]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn asc(self) -> Order<S> {
        Order::new(self.erase(), false)
    }

    /// This as a term of an ordering, the largest first; at the end `None`.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let years = Album::query().order_by(|al| al.year.desc()).select(|al| al.year).all(&db)?;
    /// assert_eq!(years, [Some(1984), Some(1984), Some(1981), None]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn desc(self) -> Order<S> {
        Order::new(self.erase(), true)
    }
}

//! Optional values: `is_none`, `is_some`, `or`, `unwrap_or`; `some` makes one of a required value.

use super::{Operand, methods};
use crate::collection::Expr;
use crate::expr::{BinaryOp, UnaryOp};
use crate::value::Value;

methods! {
    [Option<T>] where T: Value<Required = T, Optional = Option<T>>;

    /// Whether the value is absent.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let names = Track::query().filter(|t| t.composer.is_none()).select(|t| t.name).all(&db)?;
    /// assert_eq!(names, ["Crusader"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn is_none(self) -> Expr<S, bool> {
        Expr::new(self.erase().unary(UnaryOp::IsNone))
    }

    /// Whether the value is present.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let names = Track::query().filter(|t| t.composer.is_some()).select(|t| t.name).all(&db)?;
    /// assert_eq!(names, ["Wrathchild", "Aces High", "Flash of the Blade"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn is_some(self) -> Expr<S, bool> {
        Expr::new(self.erase().unary(UnaryOp::IsSome))
    }

    /// The value, or the other one where it is absent; both may be. Arithmetic in `other` is at fault only where
    /// `other` is taken.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let names = Track::query().select(|t| t.composer.or(t.album().artist().name)).all(&db)?;
    /// assert_eq!(names.last(), Some(&Some("Saxon".to_string())));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn or(self, other: impl Operand<Option<T>, S>) -> Expr<S, Option<T>> {
        Expr::new(self.erase().binary(BinaryOp::OrElse, other.into_expression()))
    }

    /// The value, or the given one where it is absent.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let years: Vec<i32> = Album::query().select(|al| al.year.unwrap_or(1970)).all(&db)?;
    /// assert_eq!(years, [1981, 1984, 1984, 1970]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn unwrap_or(self, default: impl Operand<T, S>) -> Expr<S, T> {
        Expr::new(self.erase().binary(BinaryOp::OrElse, default.into_expression()))
    }
}

methods! {
    [T]

    /// The value as one that might be absent, to stand where an optional one is expected: in a comparison with another that is, as
    /// one side of a union.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// // Tracks as long as the longest of their album, which an album without tracks does not have.
    /// let longest = Track::query().filter(|t| t.seconds.some().eq(t.album().tracks().max(|other| other.seconds)));
    /// assert_eq!(longest.count(&db)?, 3);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn some(self) -> Expr<S, T::Optional> {
        Expr::new(self.erase())
    }
}

//! `& | !` on what is true or false.

use core::ops::{BitAnd, BitOr, Not};

use crate::collection::{Expr, Field, OwnField};
use crate::expr::{BinaryOp, UnaryOp};
use crate::query::Predicate;

macro_rules! boolean {
    ($($operand:ident),*) => {$(
        impl<S, R: Predicate<S>> BitAnd<R> for $operand<S, bool> {
            type Output = Expr<S, bool>;

            fn bitand(self, right: R) -> Expr<S, bool> {
                Expr::new(self.erase().binary(BinaryOp::And, right.into_expression()))
            }
        }

        impl<S, R: Predicate<S>> BitOr<R> for $operand<S, bool> {
            type Output = Expr<S, bool>;

            fn bitor(self, right: R) -> Expr<S, bool> {
                Expr::new(self.erase().binary(BinaryOp::Or, right.into_expression()))
            }
        }

        impl<S> Not for $operand<S, bool> {
            type Output = Expr<S, bool>;

            fn not(self) -> Expr<S, bool> {
                Expr::new(self.erase().unary(UnaryOp::Not))
            }
        }
    )*};
}

boolean!(Field, Expr, OwnField);

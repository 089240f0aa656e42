//! Operators of strings, and the length of strings and bytes.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Operand, methods};
use crate::collection::Expr;
use crate::expr::{BinaryOp, UnaryOp};

methods! {
    [String] [Option<String>]

    /// Whether the text starts with the other. False when it is absent, as for all tests of text.
    pub fn starts_with(self, start: impl Operand<String, S>) -> Expr<S, bool> {
        Expr::new(self.erase().binary(BinaryOp::StartsWith, start.into_expression()))
    }

    /// Whether the text ends with the other.
    pub fn ends_with(self, end: impl Operand<String, S>) -> Expr<S, bool> {
        Expr::new(self.erase().binary(BinaryOp::EndsWith, end.into_expression()))
    }

    /// Whether the other is part of the text.
    pub fn contains(self, part: impl Operand<String, S>) -> Expr<S, bool> {
        Expr::new(self.erase().binary(BinaryOp::Contains, part.into_expression()))
    }

    /// Whether the whole text is like a pattern of SQL: `%` stands for any run of characters, `_` for one, `\`
    /// makes the next one literal. Case counts.
    pub fn like(self, pattern: impl Operand<String, S>) -> Expr<S, bool> {
        Expr::new(self.erase().binary(BinaryOp::Like, pattern.into_expression()))
    }

    /// Whether the whole text matches a glob: `*` stands for any run of characters, `?` for one, `[a-z]` for one
    /// of a set, `[!a-z]` for one not of it. Case counts.
    pub fn matches(self, glob: impl Operand<String, S>) -> Expr<S, bool> {
        Expr::new(self.erase().binary(BinaryOp::Matches, glob.into_expression()))
    }
}

/// The text in another case.
macro_rules! case {
    ($text:ty) => {
        methods! {
            [$text]

            /// The text in lower case.
            pub fn lower(self) -> Expr<S, $text> {
                Expr::new(self.erase().unary(UnaryOp::Lower))
            }

            /// The text in upper case.
            pub fn upper(self) -> Expr<S, $text> {
                Expr::new(self.erase().unary(UnaryOp::Upper))
            }
        }
    };
}

case!(String);
case!(Option<String>);

/// The length of values of this type.
macro_rules! length {
    ($($value:ty => $length:ty, $doc:literal;)*) => {$(
        methods! {
            [$value]

            #[doc = $doc]
            #[allow(clippy::len_without_is_empty, reason = "it is compared in the query, not here")]
            pub fn len(self) -> Expr<S, $length> {
                Expr::new(self.erase().unary(UnaryOp::Length))
            }
        }
    )*};
}

length! {
    String => u64, "How many characters the text has.";
    Option<String> => Option<u64>, "How many characters the text has.";
    Vec<u8> => u64, "How many bytes there are.";
    Option<Vec<u8>> => Option<u64>, "How many bytes there are.";
}

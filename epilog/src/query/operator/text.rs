//! Operators of strings.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Operand, methods};
use crate::collection::Expr;
use crate::expr::{BinaryOp, UnaryOp};
use crate::value::Value;

/// A type that is text: `String` and `Option<String>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not text",
    label = "this operator is for text",
    note = "text is `String` and `Option<String>`"
)]
pub trait Text: Value {}

/// A type whose values have a length: strings and bytes.
#[diagnostic::on_unimplemented(
    message = "values of type `{Self}` have no length",
    label = "`len` is for strings and bytes"
)]
pub trait Lengthy: Value {
    /// `u64`, or `Option` of it.
    type Length: Value;
}

#[diagnostic::do_not_recommend]
impl Text for String {}
#[diagnostic::do_not_recommend]
impl Text for Option<String> {}

#[diagnostic::do_not_recommend]
impl Lengthy for String {
    type Length = u64;
}

#[diagnostic::do_not_recommend]
impl Lengthy for Vec<u8> {
    type Length = u64;
}

#[diagnostic::do_not_recommend]
impl Lengthy for Option<String> {
    type Length = Option<u64>;
}

#[diagnostic::do_not_recommend]
impl Lengthy for Option<Vec<u8>> {
    type Length = Option<u64>;
}

methods! {
    /// Whether the text starts with the other. False when it is absent, as for all tests of text.
    pub fn starts_with(self, start: impl Operand<String, S>) -> Expr<S, bool>
    where
        T: Text,
    {
        Expr::new(self.erase().binary(BinaryOp::StartsWith, start.into_expression()))
    }

    /// Whether the text ends with the other.
    pub fn ends_with(self, end: impl Operand<String, S>) -> Expr<S, bool>
    where
        T: Text,
    {
        Expr::new(self.erase().binary(BinaryOp::EndsWith, end.into_expression()))
    }

    /// Whether the other is part of the text.
    pub fn contains(self, part: impl Operand<String, S>) -> Expr<S, bool>
    where
        T: Text,
    {
        Expr::new(self.erase().binary(BinaryOp::Contains, part.into_expression()))
    }

    /// Whether the whole text is like a pattern of SQL: `%` stands for any run of characters, `_` for one, `\` makes the
    /// next one literal. Case counts.
    pub fn like(self, pattern: impl Operand<String, S>) -> Expr<S, bool>
    where
        T: Text,
    {
        Expr::new(self.erase().binary(BinaryOp::Like, pattern.into_expression()))
    }

    /// Whether the whole text matches a glob: `*` stands for any run of characters, `?` for one, `[a-z]` for one of a
    /// set, `[!a-z]` for one not of it. Case counts.
    pub fn matches(self, glob: impl Operand<String, S>) -> Expr<S, bool>
    where
        T: Text,
    {
        Expr::new(self.erase().binary(BinaryOp::Matches, glob.into_expression()))
    }

    /// The text in lower case.
    pub fn lower(self) -> Expr<S, T>
    where
        T: Text,
    {
        Expr::new(self.erase().unary(UnaryOp::Lower))
    }

    /// The text in upper case.
    pub fn upper(self) -> Expr<S, T>
    where
        T: Text,
    {
        Expr::new(self.erase().unary(UnaryOp::Upper))
    }

    /// The characters of a text, or the bytes of bytes.
    pub fn len(self) -> Expr<S, T::Length>
    where
        T: Lengthy,
    {
        Expr::new(self.erase().unary(UnaryOp::Length))
    }
}

//! Operators of strings, and the length of strings and bytes.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Operand, methods};
use crate::collection::Expr;
use crate::expr::{BinaryOp, Expression as Node, UnaryOp};
use crate::value::{Scalar, Type};

methods! {
    [String] [Option<String>]

    /// Whether the text starts with the other. Case counts. False when either is absent, as all tests of text are.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let names = Track::query().filter(|t| t.name.starts_with("Cru")).select(|t| t.name).all(&db)?;
    /// assert_eq!(names, ["Crusader"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn starts_with(self, start: impl Operand<String, S>) -> Expr<S, bool> {
        Expr::new(self.erase().binary(BinaryOp::StartsWith, start.into_expression()))
    }

    /// Whether the text ends with the other. Case counts.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let names = Track::query().filter(|t| t.name.ends_with("child")).select(|t| t.name).all(&db)?;
    /// assert_eq!(names, ["Wrathchild"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn ends_with(self, end: impl Operand<String, S>) -> Expr<S, bool> {
        Expr::new(self.erase().binary(BinaryOp::EndsWith, end.into_expression()))
    }

    /// Whether the other is part of the text. Case counts: compare [`lower`](Self::lower) of both where it should not.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let names = Track::query().filter(|t| t.name.contains("a")).select(|t| t.name).all(&db)?;
    /// assert_eq!(names, ["Wrathchild", "Flash of the Blade", "Crusader"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn contains(self, part: impl Operand<String, S>) -> Expr<S, bool> {
        Expr::new(self.erase().binary(BinaryOp::Contains, part.into_expression()))
    }

    /// Whether the whole text is like a pattern of SQL: `%` stands for any run of characters, `_` for one, `\`
    /// makes the next one literal. Case counts.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let names = Track::query().filter(|t| t.name.like("_r%")).select(|t| t.name).all(&db)?;
    /// assert_eq!(names, ["Wrathchild", "Crusader"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn like(self, pattern: impl Operand<String, S>) -> Expr<S, bool> {
        Expr::new(self.erase().binary(BinaryOp::Like, pattern.into_expression()))
    }

    /// Whether the whole text matches a glob: `*` stands for any run of characters, `?` for one, `[a-z]` for one
    /// of a set, `[!a-z]` for one not of it. What has a meaning is meant itself in a set, `[*]`, `[[]`, `[]]`; a `[` without its `]` stands for itself.
    /// Case counts.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let names = Track::query().filter(|t| t.name.matches("[A-F]* *")).select(|t| t.name).all(&db)?;
    /// assert_eq!(names, ["Aces High", "Flash of the Blade"]);
    /// db.write(|tx| Track::query().filter(|t| t.name.eq("Crusader")).update(|t| t.name.set("[Intro]*")).run(tx))?;
    /// let brackets = |glob: &str| Track::query().filter(|t| t.name.matches(glob)).count(&db);
    /// assert_eq!((brackets("[[]*[*]")?, brackets("[I*")?, brackets("[I]*")?), (1, 1, 0));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn matches(self, glob: impl Operand<String, S>) -> Expr<S, bool> {
        Expr::new(self.erase().binary(BinaryOp::Matches, glob.into_expression()))
    }
}

/// The text in another case.
macro_rules! case {
    ($text:ty) => {
        methods! {
            [$text]

            /// The text in lower case, by the rules of Unicode; absent where the text is. With the cargo feature `small`
            /// only the letters of ASCII change.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example.txt")]
            /// assert!(Track::query().filter(|t| t.name.lower().eq("aces high")).exists(&db)?);
            /// # Ok::<(), Error>(())
            /// ```
            pub fn lower(self) -> Expr<S, $text> {
                Expr::new(self.erase().unary(UnaryOp::Lower))
            }

            /// Whether it has no characters. False where it is absent.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example.txt")]
            /// assert_eq!(Track::query().filter(|t| t.name.trim().is_empty()).count(&db)?, 0);
            /// assert_eq!(Track::query().filter(|t| !t.composer.is_empty()).count(&db)?, 4); // one has none
            /// # Ok::<(), Error>(())
            /// ```
            #[allow(clippy::wrong_self_convention, reason = "it is asked in the query, not here")]
            pub fn is_empty(self) -> Expr<S, bool> {
                let empty = Node::literal(Scalar::String(String::new()), Type::String);
                Expr::new(self.erase().binary(BinaryOp::Eq, empty))
            }

            /// The text in upper case, by the rules of Unicode; absent where the text is. With the cargo feature `small`
            /// only the letters of ASCII change.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example.txt")]
            /// assert_eq!(Artist::query().select(|a| a.name.upper()).first(&db)?.as_deref(), Some("IRON MAIDEN"));
            /// # Ok::<(), Error>(())
            /// ```
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
            ///
            /// Absent where the value is. A length is not an index: every record in question is read.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example.txt")]
            /// let lengths = Artist::query().select(|a| a.name.len()).all(&db)?;
            /// assert_eq!(lengths, [11, 5, 5]);
            /// # Ok::<(), Error>(())
            /// ```
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

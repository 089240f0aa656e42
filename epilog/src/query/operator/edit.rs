//! Functions that make texts of texts, and find places in them. Characters are Rust's `char`s, counted from 0.

use alloc::string::String;

use super::shape::{Shape, mark};
use super::{Operand, methods};
use crate::collection::Expr;
use crate::expr::Function;

/// A text: `String`, or `Option<String>`.
///
/// Functions of texts count characters (`char`), from 0, whatever their bytes. What is beyond the end of a text is nothing: a
/// text is never too short. `None` makes `None`. A text of more than 1 GiB is an error where the row comes out, of kind
/// [`Arithmetic`](crate::ErrorKind::Arithmetic).
///
/// # Examples
///
/// ```
#[doc = include_str!("../../example.txt")]
/// let letters = Artist::query().select(|a| a.name.left(1).lower()).all(&db)?;
/// assert_eq!(letters, ["i", "s", "z"]);
/// # Ok::<(), Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a text",
    label = "this function is for texts",
    note = "texts are `String` and `Option<String>`; `to_text` makes one of a number, a `bool` or a `char`"
)]
pub trait Text: Shape {}

mark!(Text: String);

methods! {
    [T]

    /// The part of the text that begins at character `start`, counted from 0, and has `len` characters, or fewer where the
    /// text ends before.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let parts = Artist::query().select(|a| a.name.substring(1, 3)).all(&db)?;
    /// assert_eq!(parts, ["ron", "axo", "app"]);
    /// let beyond = Artist::query().select(|a| (a.name.substring(4, 100), a.name.substring(5, 1))).all(&db)?;
    /// assert_eq!(beyond[1], ("n".into(), "".into())); // of Saxon
    /// # Ok::<(), Error>(())
    /// ```
    pub fn substring(self, start: impl Operand<u64, S>, len: impl Operand<u64, S>) -> Expr<S, T> where T: Text {
        let others = [start.into_expression(), len.into_expression()];
        Expr::new(self.erase().call(Function::Substring, others))
    }

    /// The first `count` characters, or all of them if there are fewer.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let initials = Track::query().select(|t| t.composer.left(1)).all(&db)?;
    /// assert_eq!(initials, [Some("H".to_string()), Some("H".into()), Some("D".into()), None]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn left(self, count: impl Operand<u64, S>) -> Expr<S, T> where T: Text {
        Expr::new(self.erase().call(Function::Left, [count.into_expression()]))
    }

    /// The last `count` characters, or all of them if there are fewer.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let ends = Artist::query().select(|a| a.name.right(2)).all(&db)?;
    /// assert_eq!(ends, ["en", "on", "pa"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn right(self, count: impl Operand<u64, S>) -> Expr<S, T> where T: Text {
        Expr::new(self.erase().call(Function::Right, [count.into_expression()]))
    }

    /// The text without white space, as Unicode has it, at its start and end.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: " Ufo\t".into() }))?;
    /// let name = Artist::query().filter(|a| a.name.trim().eq("Ufo")).select(|a| a.name.trim()).one(&db)?;
    /// assert_eq!(name, "Ufo");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn trim(self) -> Expr<S, T> where T: Text {
        Expr::new(self.erase().call(Function::Trim, []))
    }

    /// The text without white space at its start.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let parts = Artist::query().select(|a| a.name.right(7).trim_start()).all(&db)?;
    /// assert_eq!(parts, ["Maiden", "Saxon", "Zappa"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn trim_start(self) -> Expr<S, T> where T: Text {
        Expr::new(self.erase().call(Function::TrimStart, []))
    }

    /// The text without white space at its end.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let parts = Artist::query().select(|a| a.name.left(5).trim_end()).all(&db)?;
    /// assert_eq!(parts, ["Iron", "Saxon", "Zappa"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn trim_end(self) -> Expr<S, T> where T: Text {
        Expr::new(self.erase().call(Function::TrimEnd, []))
    }

    /// The text with `to` wherever it has `from`, searched for from the start; case counts. An empty `from` is nowhere.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let names = Track::query().select(|t| t.name.replace(" of ", "/").replace("the ", "")).all(&db)?;
    /// assert_eq!(names[2], "Flash/Blade");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn replace(self, from: impl Operand<String, S>, to: impl Operand<String, S>) -> Expr<S, T> where T: Text {
        let others = [from.into_expression(), to.into_expression()];
        Expr::new(self.erase().call(Function::Replace, others))
    }

    /// The text, and after it the other; `None` when either is. [`unwrap_or`](Expr::unwrap_or) says what an absent text is
    /// taken for.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let lines = Track::query()
    ///     .select(|t| t.name.concat(", by ").concat(t.composer.unwrap_or("unknown")))
    ///     .all(&db)?;
    /// assert_eq!(lines[0], "Wrathchild, by Harris");
    /// assert_eq!(lines[3], "Crusader, by unknown");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn concat(self, other: impl Operand<T, S>) -> Expr<S, T> where T: Text {
        Expr::new(self.erase().call(Function::Concat, [other.into_expression()]))
    }

    /// The text `count` times.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let twice = Artist::query().select(|a| a.name.left(2).repeat(2)).all(&db)?;
    /// assert_eq!(twice, ["IrIr", "SaSa", "ZaZa"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn repeat(self, count: impl Operand<u64, S>) -> Expr<S, T> where T: Text {
        Expr::new(self.erase().call(Function::Repeat, [count.into_expression()]))
    }

    /// The characters of the text, last first. What people see as one may be several `char`s, which change places too.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// assert_eq!(Artist::query().select(|a| a.name.reverse()).first(&db)?.as_deref(), Some("nediaM norI"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn reverse(self) -> Expr<S, T> where T: Text {
        Expr::new(self.erase().call(Function::Reverse, []))
    }

    /// The text after as many of the character as make it `len` characters long; one that is as long already stays as it is.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let clock = Track::query().select(|t| {
    ///     let seconds = (t.seconds % 60).to_text().pad_start(2, '0');
    ///     (t.seconds / 60).to_text().concat(":").concat(seconds)
    /// });
    /// assert_eq!(clock.all(&db)?, ["2:54", "4:31", "4:05", "6:35"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn pad_start(self, len: impl Operand<u64, S>, fill: impl Operand<char, S>) -> Expr<S, T> where T: Text {
        let others = [len.into_expression(), fill.into_expression()];
        Expr::new(self.erase().call(Function::PadStart, others))
    }

    /// The text, and as many of the character after it as make it `len` characters long; one that is as long already stays
    /// as it is.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let names = Artist::query().select(|a| a.name.pad_end(7, '.')).all(&db)?;
    /// assert_eq!(names, ["Iron Maiden", "Saxon..", "Zappa.."]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn pad_end(self, len: impl Operand<u64, S>, fill: impl Operand<char, S>) -> Expr<S, T> where T: Text {
        let others = [len.into_expression(), fill.into_expression()];
        Expr::new(self.erase().call(Function::PadEnd, others))
    }

    /// How many characters stand before the first `part` in the text: its place, counted from 0. `None` where it is nowhere,
    /// or the text is absent.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let places: Vec<Option<u64>> = Artist::query().select(|a| a.name.position_of("a")).all(&db)?;
    /// assert_eq!(places, [Some(6), Some(1), Some(1)]);
    /// assert_eq!(Artist::query().filter(|a| a.name.position_of(" ").is_none()).count(&db)?, 2);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn position_of(self, part: impl Operand<String, S>) -> Expr<S, Option<u64>> where T: Text {
        Expr::new(self.erase().call(Function::PositionOf, [part.into_expression()]))
    }
}

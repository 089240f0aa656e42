//! [`Borrowed`]: a record where it is stored, read field by field.
//!
//! Below: [`RecordReader`], which finds a field in a record's bytes. Above: the struct with a method for each field that the derive makes,
//! and what hands it to a closure (`query::for_each`).
//!
//! - A borrowed record is one pointer to what the loop around the closure has of the record, a [`Lending`]. Its lifetime is that of
//!   one call: closures take it for any lifetime, so that nothing of it can be kept.
//! - What lies out of line is borrowed like what lies in the record: an operation keeps in memory what was read within it.
//! - Methods give values, and no results: most are a load, and what can fail is a long text that has to be read from the file, or
//!   damage. The first failure is kept in the [`Lending`], the method gives an empty value, and the loop ends with the failure
//!   whatever the closure has made of that.

use alloc::vec::Vec;
use core::cell::OnceCell;
use core::fmt;

use super::{Collection, ReadError, RecordReader};
use crate::schema::CollectionDef;
use crate::storage::records::RecordRef;
#[cfg(not(feature = "small"))]
use crate::value::list;
use crate::value::{DecodeError, Type, Value, utf8};

/// A record of collection `C` where it is stored: what the closures of [`for_each`](crate::Query::for_each) and `filter_fn` are given.
///
/// It has a method for each field of the struct, of the same name and visibility, that reads this field and nothing else:
///
/// | a field of type | is read as |
/// |---|---|
/// | `String`, `Option<String>` | `&str`, `Option<&str>`: no copy is made |
/// | `Vec<u8>`, `Option<Vec<u8>>` | `&[u8]`, `Option<&[u8]>`: no copy is made |
/// | another | that type: a list and `Json` are copied |
///
/// It goes by how the type is written: an alias of `String` is read as a `String`, with a copy. (And of a field whose type is written
/// `String` or `Vec<u8>` where that is the name of another type, no borrowed record can be read: the query fails.)
///
/// It is `Copy`, a pointer, and lives as long as the call of the closure: rustc refuses to keep it or anything that is borrowed from it. It
/// has no name of its own in a program, so that none is taken; where a type has to be written, this is it.
///
/// Where a value cannot be read, because the disk fails or the file is damaged, its method gives an empty one (zero, no text, `None`),
/// and the query ends with the error when the closure returns.
///
/// # Examples
///
/// ```
/// use epilog::collection::Borrowed;
#[doc = include_str!("../example.txt")]
///
/// fn is_long(track: Borrowed<'_, Track>) -> bool {
///     track.seconds() > 240 && track.name().len() > 10
/// }
/// let mut long = 0;
/// Track::query().for_each(&db, |track| long += u32::from(is_long(track)))?;
/// assert_eq!(long, 1); // Flash of the Blade
/// # Ok::<(), Error>(())
/// ```
pub type Borrowed<'a, C> = <C as Collection>::Borrowed<'a>;

/// A record that is lent to a closure.
pub(crate) struct Lending<'a> {
    reader: RecordReader<'a>,
    failed: OnceCell<ReadError>,
}

impl<'a> Lending<'a> {
    /// Gets ready to lend records of `collection`, of which this is the first.
    #[inline]
    pub(crate) fn new(record: RecordRef<'a>, collection: &'a CollectionDef) -> Lending<'a> {
        Lending { reader: RecordReader::new(record, collection), failed: OnceCell::new() }
    }

    /// Lends the record to `closure`.
    ///
    /// # Errors
    ///
    /// When the closure asked for a value that could not be read.
    #[inline]
    pub(crate) fn lend<C: Collection, R>(
        &mut self,
        closure: impl FnOnce(C::Borrowed<'_>) -> R,
    ) -> Result<R, ReadError> {
        let result = closure(C::lent(BorrowedRecord(self)));
        match self.failed.take() {
            None => Ok(result),
            Some(failed) => Err(failed),
        }
    }
}

/// What a borrowed record is made of.
#[derive(Clone, Copy)]
pub struct BorrowedRecord<'a>(&'a Lending<'a>);

impl<'a> BorrowedRecord<'a> {
    /// The value of the field with this ordinal.
    #[inline]
    pub fn value<T: Value>(self, ordinal: u16) -> T {
        match self.0.reader.take(ordinal) {
            Ok(value) => value,
            Err(error) => self.failed(error),
        }
    }

    /// The bytes of the field with this ordinal.
    #[inline]
    pub fn bytes_or_none(self, ordinal: u16) -> Option<&'a [u8]> {
        self.cell(ordinal, Type::Bytes)
    }

    /// The bytes of the field with this ordinal, which has some.
    #[inline]
    pub fn bytes(self, ordinal: u16) -> &'a [u8] {
        self.required(self.bytes_or_none(ordinal), Type::Bytes)
    }

    /// The text of the field with this ordinal.
    #[inline]
    pub fn text_or_none(self, ordinal: u16) -> Option<&'a str> {
        match utf8::text(self.cell(ordinal, Type::String)?) {
            Some(text) => Some(text),
            None => self.failed_with(DecodeError { ty: Type::String }.into(), None),
        }
    }

    /// The text of the field with this ordinal, which has one.
    #[inline]
    pub fn text(self, ordinal: u16) -> &'a str {
        self.required(self.text_or_none(ordinal), Type::String)
    }

    /// The bytes of a field whose type is written as this one.
    #[inline]
    fn cell(self, ordinal: u16, ty: Type) -> Option<&'a [u8]> {
        match self.0.reader.bytes(ordinal, ty) {
            Ok(bytes) => bytes,
            Err(error) => self.failed_with(error, None),
        }
    }

    /// What a field has that must have something.
    #[inline]
    fn required<B: Default>(self, found: Option<B>, ty: Type) -> B {
        match found {
            Some(found) => found,
            // Unless it is that which could not be read, which was noted first.
            None => self.failed_with(DecodeError { ty }.into(), B::default()),
        }
    }

    #[cold]
    #[inline(never)]
    fn failed<T: Value>(self, error: ReadError) -> T {
        self.failed_with(error, nothing())
    }

    /// Notes what reading has failed with, if nothing has before.
    #[cold]
    #[inline(never)]
    fn failed_with<T>(self, error: ReadError, instead: T) -> T {
        let _ = self.0.failed.set(error);
        instead
    }
}

impl fmt::Debug for BorrowedRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BorrowedRecord").field(&self.0.reader).finish()
    }
}

/// What stands for a value that could not be read.
fn nothing<T: Value>() -> T {
    let ty = T::TYPE;
    let cell: Vec<u8> = match ty {
        #[cfg(not(feature = "small"))]
        Type::Json => b"null".to_vec(),
        #[cfg(not(feature = "small"))]
        _ if ty.is_list() => list::empty(),
        _ => vec![0; ty.width().unwrap_or(0)],
    };
    T::read((!T::OPTIONAL).then_some(&cell)).expect("every type has an empty value")
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use core::fmt::Debug;

    use super::*;

    fn check<T: Value + PartialEq + Debug>(expected: T) {
        assert_eq!(nothing::<T>(), expected);
        assert!(nothing::<T::Optional>().with_cell(|cell| cell.is_none()));
    }

    #[test]
    fn every_type_has_an_empty_value() {
        check(0u8);
        check(0i128);
        check(0u128);
        check(0.0f32);
        check(false);
        check('\0');
        check(String::new());
        check(Vec::<u8>::new());
        check(crate::value::Blob::empty());
    }

    #[cfg(not(feature = "small"))]
    #[test]
    fn so_have_lists_and_json() {
        check(Vec::<i64>::new());
        check(Vec::<String>::new());
        check(crate::value::Json::null());
    }

    #[cfg(all(feature = "chrono", feature = "uuid", feature = "decimal"))]
    #[test]
    fn so_have_types_of_other_crates() {
        check(uuid::Uuid::nil());
        check(rust_decimal::Decimal::ZERO);
        check(chrono::NaiveTime::MIN);
        check(chrono::NaiveDate::from_num_days_from_ce_opt(0).expect("a date"));
        check(chrono::DateTime::UNIX_EPOCH);
        check(chrono::DateTime::UNIX_EPOCH.naive_utc());
    }
}

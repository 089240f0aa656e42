//! [`Blob`]: the name of bytes that lie outside their record and are streamed.
//!
//! A cell has 16 bytes: the length, then the number, each a little-endian `u64`. Read as one number it is
//! `number << 64 | length`, so that blobs compare in the order in which they were begun. Number and length are both 0, for
//! the blob without bytes, or neither is.

use core::fmt;

use super::{Cell, DecodeError, Type, Value};

/// The name of bytes that lie outside their record: of any length, written and read a piece at a time.
///
/// Put a `Blob` where a `Vec<u8>` would be too large to hold in memory. The bytes are written by a
/// [`BlobWriter`](crate::BlobWriter), which gives the name at its end; they belong to the record that is inserted or updated
/// with it, and are read by a [`BlobReader`](crate::BlobReader).
///
/// - A blob belongs to one record. Another that names it too is refused; to have the bytes twice, write them twice.
/// - When its record is deleted, or is updated to another blob, the bytes go. Within the transaction they may be given to
///   another record instead.
/// - The name is 16 bytes: it is inserted, loaded, selected and set like any value. Blobs are equal when they are the same
///   one, whatever their bytes, and are ordered by when they were begun. No index holds them, and no key has one.
///
/// # Examples
///
/// ```
/// use epilog::prelude::*;
///
/// #[derive(Collection, Clone, Debug, PartialEq)]
/// struct Photo {
///     id: Id<Photo>,
///     title: String,
///     image: Blob,
///     thumbnail: Option<Blob>,
/// }
///
/// epilog::schema!(Album { Photo });
///
/// let db = Album::in_memory()?;
/// let id = db.write(|tx| {
///     let mut writer = tx.blob_writer();
///     for piece in [[1u8; 50_000], [2; 50_000]] {
///         writer.write_all(&piece)?;
///     }
///     let image = writer.finish()?;
///     tx.insert(&Photo { id: Id::auto(), title: "Sunrise".into(), image, thumbnail: None })
/// })?;
///
/// let tx = db.read()?;
/// let photo: Photo = tx.get(id)?.expect("inserted above");
/// assert_eq!(photo.image.len(), 100_000);
/// let mut middle = [0; 2];
/// tx.blob_reader(photo.image)?.read_at(49_999, &mut middle)?;
/// assert_eq!(middle, [1, 2]);
///
/// // A second record cannot have the same bytes.
/// let again = db.write(|tx| tx.insert(&Photo { id: Id::auto(), ..photo.clone() }));
/// assert_eq!(again.unwrap_err().kind(), ErrorKind::Constraint);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Blob {
    number: u64,
    len: u64,
}

impl Blob {
    /// The blob without bytes. Any number of records may have it.
    ///
    /// # Examples
    ///
    /// ```
    /// use epilog::Blob;
    ///
    /// assert!(Blob::empty().is_empty());
    /// assert_eq!(Blob::empty(), Blob::default());
    /// ```
    pub const fn empty() -> Blob {
        Blob { number: 0, len: 0 }
    }

    /// Its length in bytes. Reads nothing.
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether it has no bytes.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The blob with this number and length; `None` when one of the two is 0 and the other is not.
    pub(crate) const fn new(number: u64, len: u64) -> Option<Blob> {
        if (number == 0) == (len == 0) { Some(Blob { number, len }) } else { None }
    }

    /// What its bytes are found by: 0 when there are none. No other blob of the database ever has this number.
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }

    /// The blob that a cell names; `None` when the bytes are none.
    pub(crate) fn from_cell(bytes: &[u8]) -> Option<Blob> {
        let (len, number) = bytes.split_first_chunk::<8>()?;
        Blob::new(u64::from_le_bytes(number.try_into().ok()?), u64::from_le_bytes(*len))
    }

    pub(crate) fn to_cell(self) -> [u8; 16] {
        (u128::from(self.number) << 64 | u128::from(self.len)).to_le_bytes()
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Blob {
    /// Its number and length: the bytes are elsewhere.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blob({}, {} bytes)", self.number, self.len)
    }
}

#[diagnostic::do_not_recommend]
impl Value for Blob {
    const TYPE: Type = Type::Blob;
    type Optional = Option<Blob>;
    type Required = Blob;

    #[inline]
    fn with_cell<R>(&self, then: impl FnOnce(Cell<'_>) -> R) -> R {
        then(Some(&self.to_cell()))
    }

    #[inline]
    fn read(cell: Cell<'_>) -> Result<Self, DecodeError> {
        cell.and_then(Blob::from_cell).ok_or(DecodeError { ty: Type::Blob })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Scalar;

    #[test]
    fn cells_round_trip_and_half_a_blob_is_none() {
        for blob in [Blob::empty(), Blob { number: 1, len: 1 }, Blob { number: u64::MAX, len: 1 << 40 }] {
            assert_eq!(blob.with_cell(Blob::read), Ok(blob));
            assert_eq!(blob.to_scalar(), Scalar::Blob(blob));
            assert_eq!(Scalar::Blob(blob).with_cell(Type::Blob, Blob::read), Ok(blob));
        }
        for half in [Blob { number: 1, len: 0 }, Blob { number: 0, len: 1 }] {
            assert!(Blob::read(Some(&half.to_cell())).is_err());
            assert_eq!(Scalar::from_cell(Type::Blob, Some(&half.to_cell())), None);
        }
        assert!(Blob::read(Some(&[0; 8])).is_err());
        assert!(Blob::read(None).is_err());
    }

    #[test]
    fn cells_keys_and_scalars_have_one_order() {
        let ascending = [Blob::empty(), Blob { number: 1, len: 900 }, Blob { number: 2, len: 1 }];
        for pair in ascending.windows(2) {
            let number = |blob: &Blob| u128::from_le_bytes(blob.to_cell());
            let key = |blob: &Blob| {
                let mut key = alloc::vec::Vec::new();
                crate::value::key::append(&mut key, Type::Blob, false, Some(&blob.to_cell()));
                key
            };
            assert!(pair[0] < pair[1]);
            assert!(number(&pair[0]) < number(&pair[1]));
            assert!(key(&pair[0]) < key(&pair[1]));
            assert!(Scalar::Blob(pair[0]).compare(&Scalar::Blob(pair[1])).is_lt());
        }
    }
}

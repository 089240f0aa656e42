//! [`Id`]: the key that a database assigns to a record.

use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;

use crate::value::{Cell, DecodeError, Entered, Indexed, Scalar, Type, Value};

/// The key of a record of collection `C`, assigned by the database when the record is inserted.
///
/// As a field of `C` itself it is the key; as a field of another collection it is a relation to `C`. Numbers are 1, 2,
/// 3, and so on, to 2<sup>64</sup> - 2; 0 stands for one still to be assigned. Once the transaction that took a number
/// has committed, the number is never given out again. Ids of different collections are different types.
///
/// # Examples
///
/// ```
#[doc = include_str!("../example.txt")]
/// let id: Id<Artist> = db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Motörhead".into() }))?;
/// assert_eq!((id.get(), id), (4, Id::new(4)));
/// assert_eq!(id.to_string(), "4");
/// # Ok::<(), Error>(())
/// ```
pub struct Id<C> {
    number: u64,
    of: PhantomData<fn() -> C>,
}

impl<C> Id<C> {
    /// No id yet: inserting a record with it assigns the next one. As a relation it points at nothing, and is refused.
    ///
    /// # Examples
    ///
    /// ```
    /// # use epilog::Id;
    /// # struct Artist;
    /// assert!(Id::<Artist>::auto().is_auto());
    /// assert_eq!(Id::<Artist>::auto(), Id::default());
    /// ```
    pub const fn auto() -> Id<C> {
        Id::new(0)
    }

    /// The id with this number; 0 is [`auto`](Id::auto). Whether there is such a record is another question.
    ///
    /// # Examples
    ///
    /// ```
    /// # use epilog::Id;
    /// # struct Artist;
    /// assert_eq!(Id::<Artist>::new(7).get(), 7);
    /// ```
    pub const fn new(number: u64) -> Id<C> {
        Id { number, of: PhantomData }
    }

    /// The number.
    ///
    /// # Examples
    ///
    /// ```
    /// # use epilog::Id;
    /// # struct Artist;
    /// assert_eq!(Id::<Artist>::new(7).get(), 7);
    /// assert_eq!(Id::<Artist>::auto().get(), 0);
    /// ```
    pub const fn get(self) -> u64 {
        self.number
    }

    /// Whether the id is still to be assigned.
    ///
    /// # Examples
    ///
    /// ```
    /// # use epilog::Id;
    /// # struct Artist;
    /// assert!(!Id::<Artist>::new(7).is_auto());
    /// ```
    pub const fn is_auto(self) -> bool {
        self.number == 0
    }
}

#[diagnostic::do_not_recommend]
impl<C: 'static> Value for Id<C> {
    const TYPE: Type = Type::Id;
    type Optional = Option<Id<C>>;
    type Required = Id<C>;

    #[inline]
    fn with_cell<R>(&self, then: impl FnOnce(Cell<'_>) -> R) -> R {
        then(Some(&self.number.to_le_bytes()))
    }

    #[inline]
    fn read(cell: Cell<'_>) -> Result<Self, DecodeError> {
        u64::read(cell).map(Id::new).map_err(|_| DecodeError { ty: Type::Id })
    }

    #[inline]
    fn to_scalar(&self) -> Scalar {
        Scalar::Int(self.number.into())
    }
}

#[diagnostic::do_not_recommend]
impl<C: 'static> Indexed for Id<C> {}

#[diagnostic::do_not_recommend]
impl<C: 'static> Entered for Id<C> {}

#[cfg(not(feature = "small"))]
#[diagnostic::do_not_recommend]
impl<C: 'static> crate::value::Element for Id<C> {
    const LIST: Type = Type::IdList;
}

impl<C> Default for Id<C> {
    /// [`Id::auto`].
    fn default() -> Self {
        Id::auto()
    }
}

impl<C> Clone for Id<C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Id<C> {}

impl<C> PartialEq for Id<C> {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl<C> Eq for Id<C> {}

impl<C> PartialOrd for Id<C> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<C> Ord for Id<C> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.number.cmp(&other.number)
    }
}

impl<C> Hash for Id<C> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.number.hash(state);
    }
}

impl<C> fmt::Debug for Id<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({})", self.number)
    }
}

impl<C> fmt::Display for Id<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_stored_as_its_number() {
        struct Anything;
        let id: Id<Anything> = Id::new(0x0102);
        assert_eq!(id.with_cell(|cell| cell.map(<[u8]>::to_vec)), Some(vec![2, 1, 0, 0, 0, 0, 0, 0]));
        assert_eq!(id.with_cell(Id::<Anything>::read), Ok(id));
        assert_eq!(Id::<Anything>::read(Some(&[1])), Err(DecodeError { ty: Type::Id }));
        assert_eq!((format!("{id:?}"), format!("{id}")), ("Id(258)".into(), "258".into()));
        assert!(Id::<Anything>::auto().is_auto() && !id.is_auto());
    }
}

//! [`Key`]: what identifies a record, as the cells of the key's fields.

use crate::value::{Cell, DecodeError, Indexed, Type, Value};

/// What identifies a record: a value that is no `Option` and no [`Blob`](crate::Blob), or a tuple of two to four.
///
/// Storage makes the record's rank, or the key of an index, from its cells.
///
/// # Examples
///
/// ```
/// use epilog::prelude::*;
///
/// #[derive(Collection)]
/// #[key(flight, day)]
/// struct Departure {
///     flight: u32,
///     day: i32,
///     gate: Option<String>,
/// }
///
/// epilog::schema!(Airport { Departure });
///
/// let db = Airport::in_memory()?;
/// let key = db.write(|tx| tx.insert(&Departure { flight: 441, day: 19_876, gate: Some("B7".into()) }))?;
/// assert_eq!(key, (441, 19_876));
/// assert_eq!(db.get::<Departure>((441, 19_876))?.and_then(|departure| departure.gate), Some("B7".into()));
/// # Ok::<(), Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key",
    label = "not a key",
    note = "a key is a storable type that is no `Option`, list, `Json` or `Blob`, or two to four of them in `#[key(a, b)]`"
)]
pub trait Key: Clone + 'static {
    /// Calls `then` with the cells of the key's fields, in the key's order.
    fn with_cells<R>(&self, then: impl FnOnce(&[Cell<'_>]) -> R) -> R;

    /// The key whose fields have these cells.
    ///
    /// # Errors
    ///
    /// When there are more or fewer than it has fields, or one is no value of its field's type.
    fn from_cells(cells: &[Cell<'_>]) -> Result<Self, DecodeError>;

    /// The key that the database assigned; for a natural key the same key again.
    #[must_use]
    fn with_number(&self, number: u64) -> Self {
        let _ = number;
        self.clone()
    }
}

#[diagnostic::do_not_recommend]
impl<T: Indexed + Value<Required = T>> Key for T {
    #[inline]
    fn with_cells<R>(&self, then: impl FnOnce(&[Cell<'_>]) -> R) -> R {
        self.with_cell(|cell| then(&[cell]))
    }

    fn from_cells(cells: &[Cell<'_>]) -> Result<Self, DecodeError> {
        match cells {
            [cell] => T::read(*cell),
            _ => Err(DecodeError { ty: T::TYPE }),
        }
    }

    #[inline]
    fn with_number(&self, number: u64) -> Self {
        let assigned = (T::TYPE == Type::Id).then(|| T::read(Some(&number.to_le_bytes())).ok());
        assigned.flatten().unwrap_or_else(|| self.clone())
    }
}

#[diagnostic::do_not_recommend]
impl<A: Indexed + Value<Required = A>, B: Indexed + Value<Required = B>> Key for (A, B) {
    fn with_cells<R>(&self, then: impl FnOnce(&[Cell<'_>]) -> R) -> R {
        self.0.with_cell(|a| self.1.with_cell(|b| then(&[a, b])))
    }

    fn from_cells(cells: &[Cell<'_>]) -> Result<Self, DecodeError> {
        let [a, b] = cells else { return Err(DecodeError { ty: A::TYPE }) };
        Ok((A::read(*a)?, B::read(*b)?))
    }
}

#[diagnostic::do_not_recommend]
impl<A: Indexed + Value<Required = A>, B: Indexed + Value<Required = B>, C: Indexed + Value<Required = C>> Key
    for (A, B, C)
{
    fn with_cells<R>(&self, then: impl FnOnce(&[Cell<'_>]) -> R) -> R {
        self.0.with_cell(|a| self.1.with_cell(|b| self.2.with_cell(|c| then(&[a, b, c]))))
    }

    fn from_cells(cells: &[Cell<'_>]) -> Result<Self, DecodeError> {
        let [a, b, c] = cells else { return Err(DecodeError { ty: A::TYPE }) };
        Ok((A::read(*a)?, B::read(*b)?, C::read(*c)?))
    }
}

#[diagnostic::do_not_recommend]
impl<
    A: Indexed + Value<Required = A>,
    B: Indexed + Value<Required = B>,
    C: Indexed + Value<Required = C>,
    D: Indexed + Value<Required = D>,
> Key for (A, B, C, D)
{
    fn with_cells<R>(&self, then: impl FnOnce(&[Cell<'_>]) -> R) -> R {
        self.0.with_cell(|a| {
            self.1.with_cell(|b| self.2.with_cell(|c| self.3.with_cell(|d| then(&[a, b, c, d]))))
        })
    }

    fn from_cells(cells: &[Cell<'_>]) -> Result<Self, DecodeError> {
        let [a, b, c, d] = cells else { return Err(DecodeError { ty: A::TYPE }) };
        Ok((A::read(*a)?, B::read(*b)?, C::read(*c)?, D::read(*d)?))
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use super::*;

    fn cells(key: &impl Key) -> Vec<Vec<u8>> {
        key.with_cells(|cells| cells.iter().map(|cell| cell.expect("present").to_vec()).collect())
    }

    #[test]
    fn a_key_comes_back_from_its_cells() {
        fn check<K: Key + PartialEq + core::fmt::Debug>(key: K) {
            assert_eq!(key.with_cells(K::from_cells), Ok(key.clone()));
            assert!(K::from_cells(&[]).is_err());
        }
        check(7u16);
        check(String::from("x"));
        check((1u8, String::from("x")));
        check((1u8, 2u16, 3u32));
        check((1u8, 2u16, 3u32, true));
    }

    #[test]
    fn a_key_gives_its_cells_in_order() {
        assert_eq!(cells(&7u16), [vec![7, 0]]);
        assert_eq!(cells(&(1u8, String::from("x"))), [vec![1], b"x".to_vec()]);
        assert_eq!(cells(&(1u8, 2u8, 3u8)), [vec![1], vec![2], vec![3]]);
        assert_eq!(cells(&(1u8, 2u8, 3u8, true)), [vec![1], vec![2], vec![3], vec![1]]);
    }
}

//! [`Cell`]: the stored bytes of one value.

/// The stored bytes of one value; `None` is the absent value of an optional field.
///
/// The layout of the bytes is given with [`Type`](super::Type).
pub type Cell<'a> = Option<&'a [u8]>;

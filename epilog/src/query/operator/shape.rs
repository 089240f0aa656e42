//! [`Shape`]: whether a type is an `Option`.

use alloc::string::String;
#[cfg(not(feature = "small"))]
use alloc::vec::Vec;

use crate::collection::Id;
use crate::value::Value;
#[cfg(not(feature = "small"))]
use crate::value::{Element, Json};

/// A type that functions take: what comes out is optional where it is.
///
/// `T::With<u32>` is `u32` for a `T` that is always present, and `Option<u32>` for an `Option`.
pub trait Shape: Value {
    /// The other type, as optional as this one.
    type With<R: Value>: Value;
}

macro_rules! present {
    ($($(#[$meta:meta])* $value:ty),* $(,)?) => {$(
        $(#[$meta])*
        #[diagnostic::do_not_recommend]
        impl Shape for $value {
            type With<R: Value> = R;
        }
    )*};
}

present!(
    bool,
    char,
    String,
    i8,
    i16,
    i32,
    i64,
    i128,
    u8,
    u16,
    u32,
    u64,
    u128,
    f32,
    f64,
    #[cfg(feature = "decimal")]
    rust_decimal::Decimal,
    #[cfg(feature = "uuid")]
    uuid::Uuid,
    #[cfg(feature = "chrono")]
    chrono::NaiveDate,
    #[cfg(feature = "chrono")]
    chrono::NaiveTime,
    #[cfg(feature = "chrono")]
    chrono::NaiveDateTime,
    #[cfg(feature = "chrono")]
    chrono::DateTime<chrono::Utc>,
);

#[diagnostic::do_not_recommend]
impl<T: Value<Required = T, Optional = Option<T>>> Shape for Option<T> {
    type With<R: Value> = R::Optional;
}

#[diagnostic::do_not_recommend]
impl<C: 'static> Shape for Id<C> {
    type With<R: Value> = R;
}

// No function is for these; but rustc says which one is not only where they have a shape.
#[cfg(not(feature = "small"))]
present!(Vec<u8>, Json);

#[cfg(not(feature = "small"))]
#[diagnostic::do_not_recommend]
impl<T: Element> Shape for Vec<T> {
    type With<R: Value> = R;
}

/// Gives a trait without items to types, and to `Option` of each.
macro_rules! mark {
    ($trait:ident: $($(#[$meta:meta])* $value:ty),* $(,)?) => {
        $(
            $(#[$meta])*
            #[diagnostic::do_not_recommend]
            impl $trait for $value {}
        )*

        #[diagnostic::do_not_recommend]
        impl<T: $trait + crate::value::Value<Required = T, Optional = Option<T>>> $trait for Option<T> {}
    };
}
pub(super) use mark;

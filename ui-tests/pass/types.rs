//! Every type that a field can have, behind aliases and paths too.
#![deny(warnings)]

use epilog::prelude::*;

type Words = String;
type MaybeWords = Option<Words>;
type Picture = epilog::Blob;

macro_rules! every_type {
    ($($name:ident: $ty:ty),* $(,)?) => {
        /// Types that come through a macro.
        #[derive(Collection, Clone, Debug, PartialEq)]
        pub struct Every {
            pub id: Id<Every>,
            $(#[index] pub $name: $ty,)*
        }

        #[derive(Collection)]
        pub struct Optional {
            pub id: Id<Optional>,
            $(#[unique] pub $name: Option<$ty>,)*
        }
    };
}

every_type! {
    a: i8, b: i16, c: i32, d: i64, e: i128, f: u8, g: u16, h: u32, i: u64, j: u128, k: f32, l: f64, m: bool, n: char,
    o: String, p: Vec<u8>, q: chrono::NaiveDate, r: chrono::NaiveTime, s: chrono::NaiveDateTime,
    t: chrono::DateTime<chrono::Utc>, u: uuid::Uuid, v: rust_decimal::Decimal, w: Words, x: ::std::string::String,
}

macro_rules! collection_of {
    ($name:ident, $key:ty) => {
        mod $name {
            #[derive(epilog::Collection)]
            pub struct Keyed {
                #[key]
                pub key: $key,
            }
        }
        let _ = <$name::Keyed as Collection>::query().filter(|k| k.key.eq(k.key));
    };
}

#[derive(Collection)]
pub struct Aliased {
    pub id: epilog::Id<Aliased>,
    pub name: MaybeWords,
    pub parent: ::core::option::Option<::epilog::Id<self::Aliased>>,
    pub picture: Picture,
    pub small: Option<Picture>,
}

fn main() {
    let _ = Every::query().filter(|e| e.o.contains("x") & e.k.lt(2.0) & e.v.gt(e.v));
    let _ = Optional::query().filter(|o| o.o.is_none() & o.t.is_some());
    // Optional is idempotent, behind an alias too.
    let _ = Aliased::query().filter(|a| a.parent().name.eq(a.name) & a.parent().parent().name.eq(None));
    // Blobs are compared and ordered by which they are.
    let _ = Aliased::query().filter(|a| a.small.is_none() | a.picture.eq(a.picture)).order_by(|a| a.small.desc());
    collection_of!(of_i8, i8);
    collection_of!(of_u128, u128);
    collection_of!(of_f64, f64);
    collection_of!(of_string, String);
    collection_of!(of_bytes, Vec<u8>);
    collection_of!(of_char, char);
    collection_of!(of_uuid, uuid::Uuid);
    collection_of!(of_date, chrono::NaiveDate);
    collection_of!(of_decimal, rust_decimal::Decimal);
    let schema = <Aliased as Collection>::schema();
    assert!(schema.fields[1].optional && schema.fields[2].reference.is_some());
}

//! Collections for tests, expanded by a macro to what `#[derive(Collection)]` makes of them.

#![allow(missing_docs, missing_debug_implementations, reason = "only tests see it")]

use alloc::string::String;
use alloc::vec::Vec;

use crate as epilog;
use crate::__private as private;
use crate::collection::{Id, Mode, Opt, Req};

/// A collection with an assigned key. Every field is written with its ordinal; a relation with the ordinal of its field.
macro_rules! collection {
    ($name:ident, $fields:ident { $key:ident: 0 $(, $field:ident: $ty:ty = $ordinal:literal)* $(,)? }
     $(to { $($to:ident: $target:ident = $to_ordinal:literal),* })?
     $(maybe { $($maybe:ident: $maybe_target:ident = $maybe_ordinal:literal),* })?
     $(many { $($many:ident: $other:ident::$other_field:ident),* })?
    ) => {
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            pub $key: Id<$name>,
            $(pub $field: $ty,)*
        }

        pub struct $fields<S, M: Mode = Req> {
            // The key has mode `M::Path`: no update can set it.
            pub $key: <M::Path as Mode>::Field<S, Id<$name>>,
            $(pub $field: M::Field<S, $ty>,)*
        }

        impl private::Collection for $name {
            type Key = Id<$name>;
            type Fields<S, M: Mode> = $fields<S, M>;

            fn schema() -> &'static private::CollectionSchema {
                static SCHEMA: private::CollectionSchema = private::CollectionSchema {
                    name: stringify!($name),
                    fields: &[
                        private::FieldSchema::new::<Id<$name>>(stringify!($key)),
                        $(private::FieldSchema::new::<$ty>(stringify!($field)),)*
                    ],
                    key: private::KeySchema::Assigned(0),
                    indexes: &[],
                };
                &SCHEMA
            }

            fn key(&self) -> Id<$name> {
                self.$key
            }

            fn encode(&self, record: &mut dyn private::RecordWriter) {
                private::put(record, 0, &self.$key);
                $(private::put(record, $ordinal, &self.$field);)*
            }

            fn decode(record: &private::RecordReader<'_>) -> Result<Self, private::ReadError> {
                Ok($name { $key: record.take(0)?, $($field: record.take($ordinal)?,)* })
            }
        }

        impl<S, M: Mode> private::Proxy for $fields<S, M> {
            type Scope = S;
            type Mode = M;
            type Collection = $name;

            fn at(row: private::RowPath) -> Self {
                $fields {
                    $key: private::field::<M::Path, S, Id<$name>>(row, 0),
                    $($field: private::field::<M, S, $ty>(row, $ordinal),)*
                }
            }

            fn row(&self) -> private::RowPath {
                // Any field knows the row: no hidden member is needed.
                private::row_of::<M::Path, S, Id<$name>>(&self.$key)
            }
        }

        impl<S, M: Mode> Clone for $fields<S, M> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<S, M: Mode> Copy for $fields<S, M> {}

        impl<S, M: Mode> $fields<S, M> {
            $($(
                pub fn $to(&self) -> <$target as private::Collection>::Fields<S, M::Path> {
                    private::follow(private::Proxy::row(self), $to_ordinal)
                }
            )*)?
            $($(
                pub fn $maybe(&self) -> <$maybe_target as private::Collection>::Fields<S, Opt> {
                    private::follow(private::Proxy::row(self), $maybe_ordinal)
                }
            )*)?
            $($(
                pub fn $many(&self) -> private::Many<S, $other> {
                    const FIELD: u64 = private::name_hash(stringify!($other_field));
                    let ordinal = <$other as private::BelongsTo<$name, FIELD>>::ORDINAL;
                    private::Many::new(private::Proxy::row(self), ordinal)
                }
            )*)?
        }

        $($(
            impl private::BelongsTo<$target, { private::name_hash(stringify!($to)) }> for $name {
                const ORDINAL: u16 = $to_ordinal;
            }
        )*)?
        $($(
            impl private::BelongsTo<$maybe_target, { private::name_hash(stringify!($maybe)) }> for $name {
                const ORDINAL: u16 = $maybe_ordinal;
            }
        )*)?

        impl<Schema> private::RelationsWithin<Schema> for $name
        where
            $($($target: private::Within<Schema>,)*)?
            $($($maybe_target: private::Within<Schema>,)*)?
        {}
    };
}

collection! {
    Artist, ArtistFields { id: 0, name: String = 1 }
    many { albums: Album::artist }
}

collection! {
    Album, AlbumFields {
        id: 0, title: String = 1, artist: Id<Artist> = 2, producer: Option<Id<Artist>> = 3,
        released: Option<i32> = 4, live: bool = 5,
    }
    to { artist: Artist = 2 }
    maybe { producer: Artist = 3 }
    many { tracks: Track::album }
}

collection! {
    Track, TrackFields {
        id: 0, name: String = 1, album: Id<Album> = 2, milliseconds: i64 = 3, unit_price: f64 = 4,
        bytes: Option<i64> = 5, composer: Option<String> = 6, active: bool = 7, cover: Vec<u8> = 8,
        plays: u32 = 9, hidden: Option<bool> = 10,
    }
    to { album: Album = 2 }
}

collection! {
    Customer, CustomerFields { id: 0, name: String = 1, referrer: Option<Id<Customer>> = 2 }
    maybe { referrer: Customer = 2 }
    many { referred: Customer::referrer }
}

collection! {
    Invoice, InvoiceFields { id: 0, customer: Id<Customer> = 1, date: i64 = 2, paid: bool = 3 }
    to { customer: Customer = 1 }
}

// A field and a relation called `exists`.
collection! {
    Odd, OddFields { id: 0, exists: Id<Odd> = 1 }
    to { exists: Odd = 1 }
}

/// What `#[derive(View)]` is given.
#[derive(Debug, PartialEq)]
pub struct AlbumView {
    pub title: String,
    pub producer: Option<String>,
}

pub struct AlbumViewFields<A, B> {
    pub title: A,
    pub producer: B,
}

impl<S, A, B> private::Selection<S> for AlbumViewFields<A, B>
where
    A: private::Selection<S, Value = String>,
    B: private::Selection<S, Value = Option<String>>,
{
    type Value = AlbumView;

    fn describe(self, columns: &mut Vec<private::SelectItem>) {
        private::Selection::describe(self.title, columns);
        private::Selection::describe(self.producer, columns);
    }

    fn read(row: &mut private::RowReader<'_>) -> Result<AlbumView, epilog::Error> {
        Ok(AlbumView {
            title: <A as private::Selection<S>>::read(row)?,
            producer: <B as private::Selection<S>>::read(row)?,
        })
    }
}

epilog::schema!(pub Music { Artist, Album, Track, Customer, Invoice, Odd });

//! Collections for tests, expanded by hand exactly as `#[derive(Collection)]` does it.

#![allow(missing_docs, reason = "only tests see it")]

use alloc::string::String;

use crate as epilog;
use crate::collection::{Id, Mode, Req};

/// ```ignore
/// #[derive(Collection)]
/// #[has_many(albums: Album::artist)]
/// pub struct Artist {
///     pub id: Id<Artist>,
///     #[unique]
///     pub name: String,
/// }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Artist {
    pub id: Id<Artist>,
    pub name: String,
}

const _: () = {
    use epilog::__private as private;

    #[automatically_derived]
    impl private::Collection for Artist {
        type Key = Id<Artist>;
        type Fields<S, M: Mode> = ArtistFields<S, M>;

        fn schema() -> &'static private::CollectionSchema {
            static SCHEMA: private::CollectionSchema = private::CollectionSchema {
                name: "Artist",
                fields: &[
                    private::FieldSchema::new::<Id<Artist>>("id"),
                    private::FieldSchema::new::<String>("name"),
                ],
                key: private::KeySchema::Assigned(0),
                indexes: &[private::IndexSchema { name: "name", fields: &[1], unique: true }],
            };
            &SCHEMA
        }

        fn key(&self) -> Id<Artist> {
            private::Clone::clone(&self.id)
        }

        fn encode(&self, record: &mut dyn private::RecordWriter) {
            private::put(record, 0, &self.id);
            private::put(record, 1, &self.name);
        }

        fn decode(record: &private::RecordReader<'_>) -> private::Result<Self, private::ReadError> {
            private::Result::Ok(Artist { id: record.take(0)?, name: record.take(1)? })
        }
    }

    #[automatically_derived]
    impl<S, M: Mode> private::Proxy for ArtistFields<S, M> {
        type Scope = S;
        type Mode = M;
        type Collection = Artist;

        fn at(row: private::RowPath) -> Self {
            ArtistFields {
                // Fields of the key have mode `M::Path`: no update can set them.
                id: private::field::<M::Path, S, Id<Artist>>(row, 0),
                name: private::field::<M, S, String>(row, 1),
            }
        }

        fn row(&self) -> private::RowPath {
            // Any field knows the row; no hidden member is needed.
            private::row_of::<M::Path, S, Id<Artist>>(&self.id)
        }
    }

    #[automatically_derived]
    impl<S, M: Mode> private::Clone for ArtistFields<S, M> {
        fn clone(&self) -> Self {
            *self
        }
    }

    #[automatically_derived]
    impl<S, M: Mode> private::Copy for ArtistFields<S, M> {}

    #[automatically_derived]
    impl<S, M: Mode> ArtistFields<S, M> {
        pub fn albums(&self) -> private::Many<S, Album> {
            const FIELD: u64 = private::name_hash("artist");
            private::Many::new(
                private::Proxy::row(self),
                <Album as private::BelongsTo<Artist, FIELD>>::ORDINAL,
            )
        }
    }

    // One bound `Other: Within<D>` per relation; none here.
    #[automatically_derived]
    impl<D> private::RelationsWithin<D> for Artist {}
};

pub struct ArtistFields<S, M: Mode = Req> {
    pub id: <M::Path as Mode>::Field<S, Id<Artist>>,
    pub name: M::Field<S, String>,
}

/// ```ignore
/// #[derive(Collection)]
/// pub struct Album {
///     pub id: Id<Album>,
///     #[index]
///     pub title: String,
///     #[on_delete(cascade)]
///     pub artist: Id<Artist>,
///     pub producer: Option<Id<Artist>>,
///     pub released: Option<i32>,
///     pub live: bool,
/// }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Album {
    pub id: Id<Album>,
    pub title: String,
    pub artist: Id<Artist>,
    pub producer: Option<Id<Artist>>,
    pub released: Option<i32>,
    pub live: bool,
}

const _: () = {
    use epilog::__private as private;

    #[automatically_derived]
    impl private::Collection for Album {
        type Key = Id<Album>;
        type Fields<S, M: Mode> = AlbumFields<S, M>;

        fn schema() -> &'static private::CollectionSchema {
            static SCHEMA: private::CollectionSchema = private::CollectionSchema {
                name: "Album",
                fields: &[
                    private::FieldSchema::new::<Id<Album>>("id"),
                    private::FieldSchema::new::<String>("title"),
                    private::FieldSchema::new::<Id<Artist>>("artist")
                        .with_reference(<Artist as private::Collection>::schema, private::OnDelete::Cascade),
                    private::FieldSchema::new::<Option<Id<Artist>>>("producer")
                        .with_reference(<Artist as private::Collection>::schema, private::OnDelete::Restrict),
                    private::FieldSchema::new::<Option<i32>>("released"),
                    private::FieldSchema::new::<bool>("live"),
                ],
                key: private::KeySchema::Assigned(0),
                indexes: &[private::IndexSchema { name: "title", fields: &[1], unique: false }],
            };
            &SCHEMA
        }

        fn key(&self) -> Id<Album> {
            private::Clone::clone(&self.id)
        }

        fn encode(&self, record: &mut dyn private::RecordWriter) {
            private::put(record, 0, &self.id);
            private::put(record, 1, &self.title);
            private::put(record, 2, &self.artist);
            private::put(record, 3, &self.producer);
            private::put(record, 4, &self.released);
            private::put(record, 5, &self.live);
        }

        fn decode(record: &private::RecordReader<'_>) -> private::Result<Self, private::ReadError> {
            private::Result::Ok(Album {
                id: record.take(0)?,
                title: record.take(1)?,
                artist: record.take(2)?,
                producer: record.take(3)?,
                released: record.take(4)?,
                live: record.take(5)?,
            })
        }
    }

    #[automatically_derived]
    impl<S, M: Mode> private::Proxy for AlbumFields<S, M> {
        type Scope = S;
        type Mode = M;
        type Collection = Album;

        fn at(row: private::RowPath) -> Self {
            AlbumFields {
                id: private::field::<M::Path, S, Id<Album>>(row, 0),
                title: private::field::<M, S, String>(row, 1),
                artist: private::field::<M, S, Id<Artist>>(row, 2),
                producer: private::field::<M, S, Option<Id<Artist>>>(row, 3),
                released: private::field::<M, S, Option<i32>>(row, 4),
                live: private::field::<M, S, bool>(row, 5),
            }
        }

        fn row(&self) -> private::RowPath {
            private::row_of::<M::Path, S, Id<Album>>(&self.id)
        }
    }

    #[automatically_derived]
    impl<S, M: Mode> private::Clone for AlbumFields<S, M> {
        fn clone(&self) -> Self {
            *self
        }
    }

    #[automatically_derived]
    impl<S, M: Mode> private::Copy for AlbumFields<S, M> {}

    #[automatically_derived]
    impl<S, M: Mode> AlbumFields<S, M> {
        pub fn artist(&self) -> <Artist as private::Collection>::Fields<S, M::Path> {
            private::follow(private::Proxy::row(self), 2)
        }

        pub fn producer(&self) -> <Artist as private::Collection>::Fields<S, private::Opt> {
            private::follow(private::Proxy::row(self), 3)
        }
    }

    #[automatically_derived]
    impl private::BelongsTo<Artist, { private::name_hash("artist") }> for Album {
        const ORDINAL: u16 = 2;
    }

    #[automatically_derived]
    impl private::BelongsTo<Artist, { private::name_hash("producer") }> for Album {
        const ORDINAL: u16 = 3;
    }

    #[automatically_derived]
    impl<D> private::RelationsWithin<D> for Album where Artist: private::Within<D> {}
};

pub struct AlbumFields<S, M: Mode = Req> {
    pub id: <M::Path as Mode>::Field<S, Id<Album>>,
    pub title: M::Field<S, String>,
    pub artist: M::Field<S, Id<Artist>>,
    pub producer: M::Field<S, Option<Id<Artist>>>,
    pub released: M::Field<S, Option<i32>>,
    pub live: M::Field<S, bool>,
}

/// ```ignore
/// #[derive(View)]
/// pub struct AlbumView {
///     pub title: String,
///     pub producer: Option<String>,
/// }
/// ```
#[derive(Debug, PartialEq)]
pub struct AlbumView {
    pub title: String,
    pub producer: Option<String>,
}

pub struct AlbumViewFields<A, B> {
    pub title: A,
    pub producer: B,
}

const _: () = {
    use epilog::__private as private;

    #[automatically_derived]
    impl<S, A, B> private::Selection<S> for AlbumViewFields<A, B>
    where
        A: private::Selection<S, Value = String>,
        B: private::Selection<S, Value = Option<String>>,
    {
        type Value = AlbumView;

        fn describe(self, columns: &mut private::Vec<private::SelectItem>) {
            private::Selection::describe(self.title, columns);
            private::Selection::describe(self.producer, columns);
        }

        fn read(row: &mut private::RowReader<'_>) -> private::Result<AlbumView, epilog::Error> {
            private::Result::Ok(AlbumView {
                title: <A as private::Selection<S>>::read(row)?,
                producer: <B as private::Selection<S>>::read(row)?,
            })
        }
    }
};

epilog::schema!(pub Music { Artist, Album });

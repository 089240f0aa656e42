//! The derived codec is a fast path: what it writes and reads is what the catalog, which knows no Rust types, writes and
//! reads.

use alloc::string::String;
use alloc::vec::Vec;

use crate::collection::sample::{Music, Track};
use crate::collection::{Collection, Key, RecordWriter};
use crate::query::Snapshot;
use crate::schema::{CollectionDef, Place};
use crate::storage::records::{RecordDraft, keys};
use crate::value::{Cell, Scalar, key};
use crate::{Database, Id};

/// A struct's cells, in a draft.
fn derived<C: Collection>(def: &CollectionDef, record: &C) -> RecordDraft {
    struct Writer<'a>(&'a mut RecordDraft, &'a [Place]);
    impl RecordWriter for Writer<'_> {
        fn put(&mut self, ordinal: u16, cell: Cell<'_>) {
            self.0.put(&self.1[usize::from(ordinal)], cell);
        }
    }
    let mut draft = RecordDraft::new(&def.layout);
    record.encode(&mut Writer(&mut draft, &def.places));
    draft
}

fn track(composer: Option<&str>) -> Track {
    Track {
        id: Id::new(9),
        name: "Aces High\0".into(),
        album: Id::new(4),
        milliseconds: -271_888,
        unit_price: -0.99,
        bytes: composer.map(|_| i64::MAX),
        composer: composer.map(Into::into),
        active: true,
        cover: Vec::from([0, 255, 7]),
        plays: u32::MAX,
        hidden: None,
    }
}

/// The same record as the catalog would be told it, by name.
fn told(composer: Option<&str>) -> Vec<(&'static str, Scalar)> {
    let or_null = |scalar: Scalar| if composer.is_some() { scalar } else { Scalar::Null };
    Vec::from([
        ("id", Scalar::Int(9)),
        ("name", Scalar::String("Aces High\0".into())),
        ("album", Scalar::Int(4)),
        ("milliseconds", Scalar::Int(-271_888)),
        ("unit_price", Scalar::Float(-0.99)),
        ("bytes", or_null(Scalar::Int(i64::MAX.into()))),
        ("composer", or_null(Scalar::String(composer.unwrap_or_default().into()))),
        ("active", Scalar::Bool(true)),
        ("cover", Scalar::Bytes(Vec::from([0, 255, 7]))),
        ("plays", Scalar::Int(u32::MAX.into())),
        ("hidden", Scalar::Null),
    ])
}

#[test]
fn both_codecs_write_the_same_image_and_the_same_keys() {
    let db: Database<Music> = Music::in_memory().unwrap();
    let tx = db.read().unwrap();
    let operation = tx.reading().operation();
    let view = operation.view();
    let def = view.catalog().bound(Track::schema()).unwrap();
    for composer in [Some("Steve Harris"), Some(""), None] {
        let typed = derived(def, &track(composer));
        let mut untyped = RecordDraft::new(&def.layout);
        for (name, scalar) in told(composer) {
            let place = &def.layout.places[usize::from(def.position(name).unwrap())];
            untyped.put_scalar(place, &scalar);
        }
        let image = |draft: &RecordDraft| {
            let mut image = Vec::new();
            draft.append_image(&mut image);
            image
        };
        assert_eq!(image(&typed), image(&untyped));
        // Reading, as recovery does.
        let mut read = RecordDraft::default();
        assert!(read.load_image(&def.layout, &image(&typed)));
        for (name, scalar) in told(composer) {
            let place = &def.layout.places[usize::from(def.position(name).unwrap())];
            assert_eq!(Scalar::from_cell(place.ty, read.field(place).as_cell()), Some(scalar), "{name}");
        }
        // Index keys from the typed key and from the catalog.
        let index = def.indexes.iter().find(|index| index.name == "album").unwrap();
        let mut extracted = Vec::new();
        keys::append_draft_key(&mut extracted, def, index, &untyped);
        let mut typed_key = Vec::new();
        let place = &def.layout.places[usize::from(index.fields[0])];
        track(composer).album.with_cells(|cells| {
            key::append(&mut typed_key, place.ty, false, cells[0]);
        });
        assert_eq!(extracted, typed_key);
    }
}

#[test]
fn fields_in_another_order_are_the_same_collection() {
    // The struct's order may change between two versions of a program: fields are bound by name.
    mod other {
        use alloc::string::String;

        use crate::{Collection, Id};

        #[derive(Collection, Debug, PartialEq)]
        #[collection(name = "Pair")]
        pub(super) struct Before {
            pub(super) id: Id<Before>,
            pub(super) left: String,
            pub(super) right: u32,
        }

        #[derive(Collection, Debug, PartialEq)]
        #[collection(name = "Pair")]
        pub(super) struct After {
            pub(super) right: u32,
            pub(super) left: String,
            pub(super) id: Id<After>,
        }

        crate::schema!(pub(super) Old { Before });
        crate::schema!(pub(super) New { After });
    }
    let vfs = alloc::sync::Arc::new(crate::vfs::MemoryVfs::default());
    let options = crate::Options::default();
    let db: Database<other::Old> = Database::open_in(vfs.clone(), "pair", &options).unwrap();
    let before = other::Before { id: Id::auto(), left: String::from("l"), right: 7 };
    db.write(|tx| tx.insert(&before)).unwrap();
    db.close().unwrap();
    let db: Database<other::New> = Database::open_in(vfs, "pair", &options).unwrap();
    let after = db.get::<other::After>(Id::new(1)).unwrap();
    assert_eq!(after, Some(other::After { right: 7, left: String::from("l"), id: Id::new(1) }));
}

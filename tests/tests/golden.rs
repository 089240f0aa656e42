//! Files that earlier versions wrote are read, and written to; files of versions to come are refused by name.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

use epilog::prelude::*;
use epilog_tests::disk::SimVfs;
use epilog_tests::format::{BLOCK_LEN, change_headers, format_version, u32_at};
use epilog_tests::golden::{
    COVERS, Cover, Covers, DELETED, DOCUMENTS, Document, Documents, EVERY, Every, Golden, JOURNAL, KEPT,
    Kept, LISTED, Listed, Lists, Owned, PARTS, PATH, Part, Parts, WAY_OF_COVERS, WAY_OF_JSON, WAY_OF_LISTS,
    WAY_OF_PARTS, WAYS, cover, directory, document, every, kept, listed, owned, part,
};

/// The newest format there is.
const NEWEST: u16 = 1;

/// A disk with a golden file.
fn golden(format: u16, way: &str) -> SimVfs {
    let disk = SimVfs::new(1);
    for name in [PATH, JOURNAL] {
        let path = directory(format).join(way).join(name);
        if let Ok(bytes) = fs::read(&path) {
            disk.set_bytes(name, &bytes);
        }
    }
    assert!(disk.bytes(PATH).is_some(), "there is no golden file {way} of format {format}");
    disk
}

fn open(disk: &SimVfs, read_only: bool) -> Result<Database<Golden>, Error> {
    let options = Options::default().background(false).read_only(read_only);
    Database::open_in(Arc::new(disk.clone()), PATH, &options)
}

/// Everything there, by scan, by key and by every index.
fn check(db: &Database<Golden>) {
    let records: Vec<Every> = (1..=EVERY).map(every).collect();
    assert_eq!(Every::query().all(db).unwrap(), records);
    assert_eq!(Every::query().count(db).unwrap(), EVERY);
    for record in &records {
        assert_eq!(db.get::<Every>(record.id).unwrap().as_ref(), Some(record));
        let same = |other: &&Every| other.text == record.text;
        assert_eq!(records.iter().filter(same).count(), 1);
        assert_eq!(Every::query().filter(|e| e.text.eq(&record.text)).one(db).unwrap(), *record);
    }
    macro_rules! index {
        ($($field:ident),*) => {$(
            for record in records.iter().step_by(7) {
                let found = Every::query().filter(|e| e.$field.eq(record.$field.clone())).all(db).unwrap();
                let expected: Vec<Every> =
                    records.iter().filter(|other| other.$field == record.$field).cloned().collect();
                assert_eq!(found.len(), expected.len(), stringify!($field));
                assert!(expected.iter().all(|record| found.contains(record)), stringify!($field));
            }
        )*};
    }
    index!(i64, f64, uuid, decimal, date, timestamp, short);
    let numbers = Every::query().filter(|e| e.maybe_number.ge(0)).count(db).unwrap();
    assert_eq!(numbers, records.iter().filter(|record| record.maybe_number >= Some(0)).count() as u64);
    let texts = Every::query().filter(|e| e.maybe_text.eq("maybe 5")).count(db).unwrap();
    assert_eq!(
        texts,
        records.iter().filter(|record| record.maybe_text.as_deref() == Some("maybe 5")).count() as u64
    );
    let ordered = Every::query().order_by(|e| e.decimal).all(db).unwrap();
    assert!(ordered.windows(2).all(|pair| pair[0].decimal <= pair[1].decimal));

    let tx = db.read().unwrap();
    assert_eq!(Kept::query().count(&tx).unwrap(), u64::from(KEPT));
    for record in Kept::query().all(&tx).unwrap() {
        let read = |blob: Blob| {
            let mut bytes = vec![0; blob.len() as usize];
            assert_eq!(tx.blob_reader(blob).unwrap().read_at(0, &mut bytes).unwrap(), bytes.len());
            bytes
        };
        assert_eq!((read(record.content), record.maybe.map(read)), kept(record.number));
    }

    let expected: Vec<Owned> = (1..=EVERY).flat_map(owned).collect();
    assert_eq!(Owned::query().count(db).unwrap(), expected.len() as u64);
    for record in &expected {
        assert_eq!(db.get::<Owned>(record.name.clone()).unwrap().as_ref(), Some(record));
    }
    for number in (1..=EVERY).step_by(5) {
        let found = Owned::query().filter(|o| o.owner.eq(Id::<Every>::new(number))).count(db).unwrap();
        assert_eq!(found, owned(number).count() as u64);
    }
}

#[test]
fn files_of_every_format_are_read_and_written_to() {
    for format in 1..=NEWEST {
        for way in WAYS {
            let disk = golden(format, way);
            let before = disk.bytes(PATH);
            assert_eq!(format_version(&before.clone().unwrap()), format);
            assert_eq!(disk.bytes(JOURNAL).is_some(), way == "open");
            check(&open(&disk, true).unwrap());
            assert_eq!(disk.bytes(PATH), before, "reading writes nothing");

            let db = open(&disk, false).unwrap();
            check(&db);
            db.write(|tx| {
                // Numbers that were given out are not given out again.
                let new = tx.insert(&Every { id: Id::auto(), text: "new".into(), ..every(1) })?;
                assert!(new.get() > EVERY + DELETED, "{new}");
                tx.delete_key::<Every>(new)
            })
            .unwrap();
            db.close().unwrap();
            check(&open(&disk, true).unwrap());
        }
    }
}

/// Everything in a file of lists, by scan and by both indexes.
fn check_lists(db: &Database<Lists>) {
    let records: Vec<Listed> = (1..=LISTED).map(listed).collect();
    assert_eq!(Listed::query().all(db).unwrap(), records);
    let texts = records.iter().flat_map(|record| &record.texts).collect::<BTreeSet<_>>();
    assert!(texts.len() > 10);
    for text in texts {
        let found = Listed::query().filter(|l| l.texts.contains(text)).require_index().all(db).unwrap();
        let expected = records.iter().filter(|record| record.texts.contains(text));
        assert_eq!(found, expected.cloned().collect::<Vec<_>>());
    }
    for number in -9..200 {
        let found =
            Listed::query().filter(|l| l.maybe_numbers.contains(number)).require_index().count(db).unwrap();
        let has = |record: &&Listed| record.maybe_numbers.as_ref().is_some_and(|all| all.contains(&number));
        assert_eq!(found, records.iter().filter(has).count() as u64);
    }
    assert!(db.check().unwrap().is_sound());
}

#[test]
fn lists_of_every_format_are_read_and_written_to() {
    for format in 1..=NEWEST {
        let disk = golden(format, WAY_OF_LISTS);
        let options = Options::default().background(false);
        let open = || Database::<Lists>::open_in(Arc::new(disk.clone()), PATH, &options).unwrap();
        let db = open();
        check_lists(&db);
        let new = Listed { id: Id::auto(), ..listed(9) };
        let id = db.write(|tx| tx.insert(&new)).unwrap();
        db.write(|tx| tx.delete_key::<Listed>(id)).unwrap();
        db.close().unwrap();
        check_lists(&open());
    }
}

/// Everything in a file with partial indexes, by scan and by each of them.
fn check_parts(db: &Database<Parts>) {
    let records: Vec<Part> = (1..=PARTS).map(part).collect();
    assert_eq!(Part::query().all(db).unwrap(), records);
    type Test = fn(&Part) -> bool;
    let one = || rust_decimal::Decimal::ONE;
    let all = Part::query;
    let questions: [(epilog::query::Query<Part, Part>, Test); 5] = [
        (all().filter(|p| p.gone.is_none() & p.text.ge("text 3")), |p| {
            p.gone.is_none() && *p.text >= *"text 3"
        }),
        (all().filter(|p| p.gone.is_some() & p.flag & p.number.gt(0)), |p| {
            p.gone.is_some() && p.flag && p.number > 0
        }),
        (all().filter(|p| p.number.between(-3, 8) & p.gone.eq(2)), |p| {
            (-3..9).contains(&p.number) && p.gone == Some(2)
        }),
        (all().filter(|p| !p.flag & p.amount.gt(one())), |p| {
            !p.flag && p.amount > rust_decimal::Decimal::ONE
        }),
        (all().filter(|p| p.text.eq("text 3")), |p| p.text == "text 3"),
    ];
    for (query, holds) in questions {
        let plan = query.explain(db).unwrap().to_string();
        assert!(plan.contains(" where "), "{plan}");
        let expected: Vec<Part> = records.iter().filter(|part| holds(part)).cloned().collect();
        assert!(!expected.is_empty(), "{plan}");
        assert_eq!(query.order_by(|p| p.id).require_index().all(db).unwrap(), expected, "{plan}");
    }
}

/// Everything in a file with covering indexes, by scan and by their entries alone.
fn check_covers(db: &Database<Covers>) {
    let records: Vec<Cover> = (1..=COVERS).map(cover).collect();
    assert_eq!(Cover::query().all(db).unwrap(), records);
    let plan = |plan: epilog::Plan| assert!(plan.to_string().ends_with("entries only"), "{plan}");
    for record in &records {
        let of_day = Cover::query().filter(|c| c.day.eq(record.day));
        let of_day = of_day.select(|c| (c.id, c.amount, c.weight, c.text));
        plan(of_day.explain(db).unwrap());
        let expected = records.iter().filter(|other| other.day == record.day);
        let expected: Vec<String> =
            expected.map(|c| format!("{:?}", (c.id, c.amount, c.weight, &c.text))).collect();
        let found: Vec<String> = of_day.all(db).unwrap().iter().map(|row| format!("{row:?}")).collect();
        assert_eq!(found, expected, "each digit and each sign");
        let of_weight = Cover::query().filter(|c| c.weight.eq(record.weight) & c.day.eq(record.day));
        let of_weight = of_weight.select(|c| (c.id, c.maybe, c.weight, c.uuid));
        plan(of_weight.explain(db).unwrap());
        let own = of_weight.all(db).unwrap().into_iter().find(|(id, ..)| *id == record.id).unwrap();
        assert_eq!(
            (own.1, own.2.to_bits(), own.3),
            (record.maybe.clone(), record.weight.to_bits(), record.uuid)
        );
        let of_amount = Cover::query().filter(|c| c.amount.eq(record.amount) & c.bytes.eq(&record.bytes));
        let of_amount = of_amount.select(|c| (c.id, c.amount));
        plan(of_amount.explain(db).unwrap());
        let own = of_amount.all(db).unwrap().into_iter().find(|(id, _)| *id == record.id).unwrap();
        assert_eq!(own.1.to_string(), record.amount.to_string());
    }
    for record in records.iter().filter(|record| record.gone.is_some()) {
        let of_text = Cover::query().filter(|c| c.text.eq(&record.text) & c.gone.is_some());
        let of_text = of_text.select(|c| (c.maybe, c.gone));
        plan(of_text.explain(db).unwrap());
        assert_eq!(of_text.all(db).unwrap(), [(record.maybe.clone(), record.gone)]);
    }
    assert!(db.check().unwrap().is_sound());
}

#[test]
fn covering_indexes_of_every_format_are_read_and_written_to() {
    for format in 1..=NEWEST {
        let disk = golden(format, WAY_OF_COVERS);
        let options = Options::default().background(false);
        let open = || Database::<Covers>::open_in(Arc::new(disk.clone()), PATH, &options).unwrap();
        let db = open();
        check_covers(&db);
        let taken = db.write(|tx| tx.insert(&Cover { id: Id::auto(), maybe: None, ..cover(4) }));
        assert_eq!(taken.unwrap_err().kind(), ErrorKind::UniqueViolation);
        let new = Cover { id: Id::auto(), text: "new".into(), ..cover(4) };
        let id = db.write(|tx| tx.insert(&new)).unwrap();
        db.write(|tx| tx.delete_key::<Cover>(id)).unwrap();
        db.close().unwrap();
        check_covers(&open());
    }
}

/// Everything in a file of JSON.
fn check_json(db: &Database<Documents>) {
    let records: Vec<Document> = (1..=DOCUMENTS).map(document).collect();
    assert_eq!(Document::query().all(db).unwrap(), records);
    for record in &records {
        let same = Document::query().filter(|d| d.json.eq(&record.json)).select(|d| d.id);
        assert_eq!(same.all(db).unwrap(), [record.id]);
    }
    let floats = Document::query().select(|d| d.json.get("number").as_f64()).all(db).unwrap();
    let expected = records.iter().map(|record| record.json.get("number").and_then(|number| number.as_f64()));
    assert_eq!(floats, expected.collect::<Vec<_>>());
    let nulls = Document::query().filter(|d| d.maybe_json.is_null()).count(db).unwrap();
    let absent = Document::query().filter(|d| d.maybe_json.is_none()).count(db).unwrap();
    assert_eq!((nulls, absent), (DOCUMENTS / 5, DOCUMENTS / 5));
    assert!(db.check().unwrap().is_sound());
}

#[test]
fn partial_indexes_of_every_format_are_read_and_written_to() {
    for format in 1..=NEWEST {
        let disk = golden(format, WAY_OF_PARTS);
        let options = Options::default().background(false);
        let open = || Database::<Parts>::open_in(Arc::new(disk.clone()), PATH, &options).unwrap();
        let db = open();
        check_parts(&db);
        let taken = db.write(|tx| tx.insert(&Part { id: Id::auto(), ..part(3) }));
        assert_eq!(taken.unwrap_err().kind(), ErrorKind::UniqueViolation);
        let new = Part { id: Id::auto(), gone: Some(1), ..part(3) };
        let id = db.write(|tx| tx.insert(&new)).unwrap();
        db.write(|tx| tx.delete_key::<Part>(id)).unwrap();
        db.close().unwrap();
        check_parts(&open());
    }
}

#[test]
fn json_of_every_format_is_read_and_written_to() {
    for format in 1..=NEWEST {
        let disk = golden(format, WAY_OF_JSON);
        let options = Options::default().background(false);
        let open = || Database::<Documents>::open_in(Arc::new(disk.clone()), PATH, &options).unwrap();
        let db = open();
        check_json(&db);
        let id = db.write(|tx| tx.insert(&Document { id: Id::auto(), ..document(9) })).unwrap();
        db.write(|tx| tx.delete_key::<Document>(id)).unwrap();
        db.close().unwrap();
        check_json(&open());
    }
}

/// A file whose headers were changed, with right checksums.
fn changed(way: &str, change: impl Fn(&mut [u8])) -> SimVfs {
    let disk = golden(NEWEST, way);
    let mut bytes = disk.bytes(PATH).unwrap();
    change_headers(&mut bytes, change);
    disk.set_bytes(PATH, &bytes);
    disk
}

#[test]
fn a_newer_format_is_refused_by_name() {
    for way in WAYS {
        let disk = changed(way, |header| header[8..10].copy_from_slice(&(NEWEST + 1).to_le_bytes()));
        let before = disk.bytes(PATH);
        for read_only in [false, true] {
            let error = open(&disk, read_only).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NewerFormat, "{error}");
            let text = error.to_string();
            assert!(text.contains(PATH) && text.contains(&(NEWEST + 1).to_string()), "{text}");
        }
        assert_eq!(disk.bytes(PATH), before, "it is not touched");
    }
}

#[test]
fn unknown_incompatible_features_forbid_opening() {
    for way in WAYS {
        let disk = changed(way, |header| header[23] |= 0x40);
        for read_only in [false, true] {
            let error = open(&disk, read_only).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NewerFormat, "{error}");
            assert!(error.to_string().contains("40000000"), "the feature is named: {error}");
        }
    }
}

#[test]
fn unknown_read_only_features_allow_reading() {
    for way in WAYS {
        let disk = changed(way, |header| header[19] |= 0x40);
        let error = open(&disk, false).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NewerFormat, "{error}");
        check(&open(&disk, true).unwrap());
    }
}

#[test]
fn unknown_compatible_features_are_kept() {
    for way in WAYS {
        let disk = changed(way, |header| header[15] |= 0x40);
        let db = open(&disk, false).unwrap();
        check(&db);
        db.write(|tx| tx.insert(&Every { id: Id::auto(), text: "new".into(), ..every(1) })).unwrap();
        db.checkpoint().unwrap();
        db.write(|tx| tx.delete_key::<Every>(Id::new(1))).unwrap();
        db.close().unwrap();
        let bytes = disk.bytes(PATH).unwrap();
        for copy in 0..4 {
            assert_eq!(u32_at(&bytes, copy * BLOCK_LEN + 12), 0x4000_0000, "copy {copy}");
        }
    }
}

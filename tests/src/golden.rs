//! Golden files: databases as a version of the library wrote them, kept for ever, so that later versions can be shown to
//! read them. `cargo run -p epilog-tests --bin golden` writes those of the present format into `tests/golden`; the contents
//! are [`EVERY`] record of [`every`] and [`owned`], whatever the version.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use epilog::Compression;
use epilog::prelude::*;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::disk::SimVfs;

/// The name of a database, in its directory and on a simulated disk.
pub const PATH: &str = "golden.epilog";
/// The name of its journal.
pub const JOURNAL: &str = "golden.epilog-journal";
/// The records of [`Every`].
pub const EVERY: u64 = 60;
/// Records of it that were deleted again.
pub const DELETED: u64 = 20;
/// The ways in which a file was left, each a directory; the third was closed, and is compressed.
pub const WAYS: [&str; 3] = ["closed", "open", "compressed"];

/// The directory of the file of lists, which was closed.
pub const WAY_OF_LISTS: &str = "lists";

/// The directory of the file of JSON, which was closed.
pub const WAY_OF_JSON: &str = "json";

/// A field of every type but lists and JSON, required and optional, indexed and not.
#[derive(Collection, Clone, Debug, PartialEq)]
#[index(short, wide)]
#[expect(missing_docs, reason = "each is of the type that it is called after")]
pub struct Every {
    pub id: Id<Every>,
    pub truth: bool,
    pub i8: i8,
    pub i16: i16,
    pub i32: i32,
    #[index]
    pub i64: i64,
    pub i128: i128,
    pub short: u8,
    pub u16: u16,
    pub u32: u32,
    pub u64: u64,
    pub wide: u128,
    pub f32: f32,
    #[index]
    pub f64: f64,
    pub letter: char,
    #[unique]
    pub text: String,
    pub long: String,
    pub bytes: Vec<u8>,
    #[index]
    pub uuid: Uuid,
    #[index]
    pub decimal: Decimal,
    #[index]
    pub date: NaiveDate,
    pub time: NaiveTime,
    pub date_time: NaiveDateTime,
    #[index]
    pub timestamp: DateTime<Utc>,
    pub maybe_truth: Option<bool>,
    #[index]
    pub maybe_number: Option<i32>,
    pub maybe_wide: Option<u128>,
    #[index]
    pub maybe_text: Option<String>,
    pub maybe_decimal: Option<Decimal>,
    pub maybe_timestamp: Option<DateTime<Utc>>,
}

/// Points at another record, and has a key of its own.
#[derive(Collection, Clone, Debug, PartialEq)]
pub struct Owned {
    /// A natural key.
    #[key]
    pub name: String,
    /// A relation.
    #[on_delete(cascade)]
    pub owner: Id<Every>,
    /// A relation that may lead nowhere.
    #[on_delete(set_null)]
    pub other: Option<Id<Every>>,
}

/// Has bytes that lie outside it.
#[derive(Collection, Clone, Debug, PartialEq)]
pub struct Kept {
    /// A natural key that records are clustered by.
    #[key]
    pub number: u32,
    /// Of no chunk, one or several.
    pub content: Blob,
    /// Absent in every third record.
    pub maybe: Option<Blob>,
}

epilog::schema!(
    /// What golden files hold.
    pub Golden { Every, Owned, Kept }
);

/// Lists of several types, indexed and not.
#[derive(Collection, Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each is of the type that it is called after")]
pub struct Listed {
    pub id: Id<Listed>,
    #[index]
    pub texts: Vec<String>,
    #[index]
    pub maybe_numbers: Option<Vec<i32>>,
    pub floats: Vec<f64>,
    pub decimals: Vec<Decimal>,
    pub moments: Vec<DateTime<Utc>>,
    pub bytes: Vec<Vec<u8>>,
    pub truths: Vec<bool>,
}

epilog::schema!(
    /// What the golden file of lists holds: that in the directory `lists`.
    pub Lists { Listed }
);

/// The records of [`Listed`].
pub const LISTED: u64 = 40;

/// The record of [`Listed`] with this number, from 1.
///
/// # Panics
///
/// Never: all values are in their range.
pub fn listed(number: u64) -> Listed {
    let n = number as i64;
    let len = (number % 5) as i64;
    let texts = |count: i64| (0..count).map(|at| format!("{}\0 é{}", at % 3, n * at % 7)).collect();
    Listed {
        id: Id::new(number),
        // One lies out of line.
        texts: texts(if number == 9 { 1_000 } else { len }),
        maybe_numbers: (!number.is_multiple_of(4)).then(|| (0..len).map(|at| (n * at - 9) as i32).collect()),
        floats: [-1.5, 0.0, f64::INFINITY, 1e-300][..(number % 5) as usize].to_vec(),
        decimals: (0..len)
            .map(|at| Decimal::new(n * 1_003 - at, 1 + at as u32))
            .filter(|d| d.scale() > 0)
            .collect(),
        moments: (0..len).map(|at| DateTime::from_timestamp(at - n * 86_413, 5).expect("a moment")).collect(),
        bytes: (0..len).map(|at| vec![at as u8; at as usize]).collect(),
        truths: (0..len).map(|at| at % 2 == n % 2).collect(),
    }
}

/// Makes the file of lists, some of which were changed and some removed.
fn make_lists(options: &Options) -> Result<SimVfs, Error> {
    let disk = SimVfs::new(1);
    let db = Database::<Lists>::open_in(Arc::new(disk.clone()), PATH, options)?;
    db.write(|tx| {
        let before = |number| Listed { id: Id::new(number), ..listed(number % 7 + 1) };
        tx.insert_all((1..=LISTED + 3).map(before)).map(|_| ())
    })?;
    db.checkpoint()?;
    db.write(|tx| {
        for number in 1..=LISTED {
            tx.update(&listed(number))?;
        }
        (LISTED + 1..=LISTED + 3).try_for_each(|number| tx.delete_key::<Listed>(Id::new(number)).map(|_| ()))
    })?;
    db.close()?;
    Ok(disk)
}

/// The directory of the file with partial indexes, which was closed.
pub const WAY_OF_PARTS: &str = "partial";

/// Indexes of some records only, by conditions of every kind.
#[derive(Collection, Clone, Debug, PartialEq)]
#[index(text, unique, where(gone.is_none()))]
#[index(number, where(gone.is_some(), flag))]
#[index(gone, where(number >= -3, number < 9))]
#[index(amount, number, where(!flag, amount > Decimal::ONE))]
#[index(day, where(text == "text 3"))]
#[expect(missing_docs, reason = "each is what it is called")]
pub struct Part {
    pub id: Id<Part>,
    pub text: String,
    pub gone: Option<u32>,
    pub number: i16,
    pub flag: bool,
    pub amount: Decimal,
    pub day: NaiveDate,
}

epilog::schema!(
    /// What the golden file with partial indexes holds: that in the directory `partial`.
    pub Parts { Part }
);

/// The records of [`Part`].
pub const PARTS: u64 = 60;

/// The record of [`Part`] with this number, from 1.
///
/// # Panics
///
/// Never: all values are in their range.
pub fn part(number: u64) -> Part {
    let gone = (!number.is_multiple_of(3)).then_some(number as u32 % 8);
    Part {
        id: Id::new(number),
        text: if gone.is_some() { format!("text {}", number % 5) } else { format!("text {number}") },
        gone,
        number: (number * 7 % 23) as i16 - 8,
        flag: number.is_multiple_of(2),
        amount: Decimal::new(number as i64 * 29 % 400, 2),
        day: NaiveDate::from_num_days_from_ce_opt(700_000 + number as i32 % 11).expect("a day"),
    }
}

/// Makes the file with partial indexes: records come into them and leave them.
fn make_parts(options: &Options) -> Result<SimVfs, Error> {
    let disk = SimVfs::new(1);
    let db = Database::<Parts>::open_in(Arc::new(disk.clone()), PATH, options)?;
    db.write(|tx| {
        let before = |number| Part {
            id: Id::new(number),
            text: format!("before {number}"),
            ..part(number * 5 % PARTS + 1)
        };
        tx.insert_all((1..=PARTS + 3).map(before)).map(|_| ())
    })?;
    db.checkpoint()?;
    db.write(|tx| {
        for number in 1..=PARTS {
            tx.update(&part(number))?;
        }
        (PARTS + 1..=PARTS + 3).try_for_each(|number| tx.delete_key::<Part>(Id::new(number)).map(|_| ()))
    })?;
    db.close()?;
    Ok(disk)
}

/// The directory of the file with covering indexes, which was closed.
pub const WAY_OF_COVERS: &str = "including";

/// Indexes that include values of every kind.
#[derive(Collection, Clone, Debug, PartialEq)]
#[allow(clippy::duplicated_attributes, reason = "a field may be in several indexes")]
#[index(day, include(amount, weight, text))]
#[index(text, unique, include(maybe, gone), where(gone.is_some()))]
#[index(amount, include(amount, bytes))]
#[index(weight, day, include(maybe, weight, uuid))]
#[expect(missing_docs, reason = "each is what it is called")]
pub struct Cover {
    pub id: Id<Cover>,
    pub day: NaiveDate,
    pub text: String,
    pub maybe: Option<String>,
    pub gone: Option<i16>,
    pub amount: Decimal,
    pub weight: f64,
    pub uuid: Uuid,
    pub bytes: Vec<u8>,
}

epilog::schema!(
    /// What the golden file with covering indexes holds: that in the directory `including`.
    pub Covers { Cover }
);

/// The records of [`Cover`].
pub const COVERS: u64 = 60;

/// The record of [`Cover`] with this number, from 1.
///
/// # Panics
///
/// Never: all values are in their range.
pub fn cover(number: u64) -> Cover {
    Cover {
        id: Id::new(number),
        day: NaiveDate::from_num_days_from_ce_opt(700_000 + number as i32 % 7).expect("a day"),
        text: format!("text {number} {}", "\0é".repeat(number as usize % 4)),
        maybe: (!number.is_multiple_of(3)).then(|| "maybe".repeat(number as usize % 5)),
        gone: number.is_multiple_of(2).then_some(number as i16 - 30),
        // 1.5 and 1.50 have one key, and so have 0 and -0.
        amount: Decimal::new((number % 5) as i64 * 10_i64.pow(number as u32 % 3), number as u32 % 3),
        weight: [0.0, -0.0, 1.5, f64::INFINITY][number as usize % 4],
        uuid: Uuid::from_u128(u128::from(number) << 99),
        bytes: vec![number as u8; number as usize % 9],
    }
}

/// Makes the file with covering indexes: of most records only what indexes include is changed.
fn make_covers(options: &Options) -> Result<SimVfs, Error> {
    let disk = SimVfs::new(1);
    let db = Database::<Covers>::open_in(Arc::new(disk.clone()), PATH, options)?;
    db.write(|tx| {
        let before = |number| Cover {
            maybe: Some(format!("before {number}")),
            amount: cover(number).amount.normalize(),
            bytes: vec![0; 30],
            ..cover(number)
        };
        tx.insert_all((1..=COVERS + 3).map(before)).map(|_| ())
    })?;
    db.checkpoint()?;
    db.write(|tx| {
        for number in 1..=COVERS {
            tx.update(&cover(number))?;
        }
        (COVERS + 1..=COVERS + 3).try_for_each(|number| tx.delete_key::<Cover>(Id::new(number)).map(|_| ()))
    })?;
    db.close()?;
    Ok(disk)
}

/// JSON, some of it absent.
#[derive(Collection, Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each is of the type that it is called after")]
pub struct Document {
    pub id: Id<Document>,
    pub json: Json,
    pub maybe_json: Option<Json>,
}

epilog::schema!(
    /// What the golden file of JSON holds: that in the directory `json`.
    pub Documents { Document }
);

/// The records of [`Document`].
pub const DOCUMENTS: u64 = 40;

/// The record of [`Document`] with this number, from 1.
///
/// # Panics
///
/// Never: all values are JSON.
pub fn document(number: u64) -> Document {
    let n = number as i64;
    let tags = (0..n % 5).map(|at| Json::from(format!("{}\u{1}\n\"é\"🦀", at * n)));
    let members = [
        ("tags", Json::array(tags)),
        ("number", Json::parse(format!("{}e{}", n * 12_345, n - 20))),
        ("", Ok(Json::from(number.is_multiple_of(3)))),
        ("maybe \"", Ok(Json::from((number.is_multiple_of(4)).then_some(n)))),
        // One lies out of line.
        ("long", Ok(Json::from("é".repeat(if number == 9 { 4_000 } else { number as usize })))),
    ];
    let members = members.into_iter().map(|(name, value)| (name, value.expect("JSON")));
    let maybe =
        [Some(Json::null()), None, Some(Json::from(n)), Some(Json::from("text")), Json::array([]).ok()];
    Document {
        id: Id::new(number),
        json: Json::object(members).expect("an object"),
        maybe_json: maybe[number as usize % 5].clone(),
    }
}

/// Makes the file of JSON, some of which was changed and some removed.
fn make_json(options: &Options) -> Result<SimVfs, Error> {
    let disk = SimVfs::new(1);
    let db = Database::<Documents>::open_in(Arc::new(disk.clone()), PATH, options)?;
    db.write(|tx| {
        let before = |number| Document { id: Id::new(number), ..document(number % 7 + 1) };
        tx.insert_all((1..=DOCUMENTS + 3).map(before)).map(|_| ())
    })?;
    db.checkpoint()?;
    db.write(|tx| {
        for number in 1..=DOCUMENTS {
            tx.update(&document(number))?;
        }
        let gone = DOCUMENTS + 1..=DOCUMENTS + 3;
        gone.into_iter().try_for_each(|number| tx.delete_key::<Document>(Id::new(number)).map(|_| ()))
    })?;
    db.close()?;
    Ok(disk)
}

/// The records of [`Kept`], from 0.
pub const KEPT: u32 = 9;

/// The bytes of a record of [`Kept`]: `content` and `maybe`.
pub fn kept(number: u32) -> (Vec<u8>, Option<Vec<u8>>) {
    let bytes = |len: u32| (0..len).map(|at| (at * (number + 3) / 5) as u8).collect::<Vec<u8>>();
    let content = bytes([0, 1, 500, 4071, 4072, 4073, 9_000, 12_216, 300][number as usize % 9]);
    (content, (!number.is_multiple_of(3)).then(|| bytes(number * 40)))
}

/// Writes the bytes of a record of [`Kept`].
fn write_kept(
    tx: &mut WriteTransaction<'_, Golden>,
    number: u32,
    (content, maybe): &(Vec<u8>, Option<Vec<u8>>),
) -> Result<Kept, Error> {
    let mut write = |bytes: &[u8]| {
        let mut writer = tx.blob_writer();
        writer.write_all(bytes)?;
        writer.finish()
    };
    let content = write(content)?;
    Ok(Kept { number, content, maybe: maybe.as_deref().map(write).transpose()? })
}

/// The record with this number, from 1.
///
/// # Panics
///
/// Never: all values are in their range.
pub fn every(number: u64) -> Every {
    let n = number as i64;
    let signed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as i64);
    let wide = u128::from(number).wrapping_mul(0xD134_2543_DE82_EF95_9E37_79B9_7F4A_7C15);
    let is_odd = number % 2 == 1;
    let day = NaiveDate::from_num_days_from_ce_opt(700_000 + (n * 37 % 40_000) as i32).expect("a day");
    let seconds = (number * 7_919 % 86_400) as u32;
    let time =
        NaiveTime::from_num_seconds_from_midnight_opt(seconds, (number * 1_234_567 % 1_000_000_000) as u32)
            .expect("a time");
    let timestamp =
        DateTime::from_timestamp(n * 86_413 - 5_000_000, (number * 999_983 % 1_000_000_000) as u32)
            .expect("a moment");
    let decimal = Decimal::new(signed / 1_000, (number % 10) as u32);
    Every {
        id: Id::new(number),
        truth: is_odd,
        i8: signed as i8,
        i16: signed as i16,
        i32: signed as i32,
        i64: [i64::MIN, i64::MAX, 0, -1, signed][(number % 5) as usize],
        i128: wide as i128,
        short: number as u8,
        u16: signed as u16,
        u32: signed as u32,
        u64: signed as u64,
        wide,
        f32: signed as f32 / 3.0,
        f64: [0.0, -0.5, f64::INFINITY, f64::NEG_INFINITY, signed as f64 / 7.0][(number % 5) as usize],
        letter: ['a', 'ß', '水', '🦀'][(number % 4) as usize],
        text: format!("text {number} {}", "é".repeat(number as usize % 20)),
        // A few lie out of line.
        long: "é".repeat(if number % 60 == 7 { 4_000 } else { number as usize % 40 }),
        bytes: (0..if number % 80 == 9 { 9_000 } else { number % 30 })
            .map(|at| (at * number) as u8)
            .collect(),
        uuid: Uuid::from_u128(wide.rotate_left(64)),
        decimal,
        date: day,
        time,
        date_time: day.and_time(time),
        timestamp,
        maybe_truth: is_odd.then_some(number.is_multiple_of(3)),
        maybe_number: (!number.is_multiple_of(3)).then_some(signed as i32 % 10),
        maybe_wide: is_odd.then_some(wide ^ 1),
        maybe_text: (!number.is_multiple_of(4)).then(|| format!("maybe {}", number % 9)),
        maybe_decimal: is_odd.then_some(-decimal),
        maybe_timestamp: (!is_odd).then_some(timestamp),
    }
}

/// The records that point at `number`.
pub fn owned(number: u64) -> impl Iterator<Item = Owned> {
    (0..number % 3).map(move |position| Owned {
        name: format!("{position} of {number}"),
        owner: Id::new(number),
        other: (position == 1).then(|| Id::new(1 + number * 7 % EVERY)),
    })
}

/// Where the golden files of this format version are.
pub fn directory(format: u16) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden").join(format.to_string())
}

/// Makes the files: their names, in [`WAYS`], [`WAY_OF_LISTS`], [`WAY_OF_PARTS`], [`WAY_OF_COVERS`] or [`WAY_OF_JSON`], and the
/// disk they are on.
///
/// # Errors
///
/// When the database cannot be made.
pub fn make() -> Result<Vec<(&'static str, SimVfs)>, Error> {
    let options = Options::default().journal_segment_len(16 << 10).blob_chunk(4 << 10).background(false);
    let (closed, open) = make_with(&options)?;
    let (compressed, _) = make_with(&options.clone().compression(Compression::Lz4))?;
    let (lists, parts, json) = (make_lists(&options)?, make_parts(&options)?, make_json(&options)?);
    let covers = make_covers(&options)?;
    Ok(vec![
        ("closed", closed),
        ("open", open),
        ("compressed", compressed),
        (WAY_OF_LISTS, lists),
        (WAY_OF_PARTS, parts),
        (WAY_OF_COVERS, covers),
        (WAY_OF_JSON, json),
    ])
}

/// The disk when the database was closed, and as it was just before.
fn make_with(options: &Options) -> Result<(SimVfs, SimVfs), Error> {
    let disk = SimVfs::new(1);
    let db = Database::<Golden>::open_in(Arc::new(disk.clone()), PATH, options)?;
    // Some in the file, some that were changed since, some in the journal alone; and pages that were freed.
    let changed =
        |number: u64| Every { text: format!("before {number}"), bytes: vec![1; 300], ..every(number) };
    db.write(|tx| {
        for number in 1..=EVERY + DELETED {
            tx.insert(&changed(number))?;
        }
        for number in 1..=EVERY {
            tx.insert_all(owned(number).collect::<Vec<_>>())?;
        }
        for number in 0..KEPT + 2 {
            let before = write_kept(tx, number, &(vec![7; 5_000], None))?;
            tx.insert(&before)?;
        }
        Ok(())
    })?;
    db.checkpoint()?;
    db.write(|tx| {
        for number in EVERY + 1..=EVERY + DELETED {
            tx.delete_key::<Every>(Id::new(number))?;
        }
        for number in 1..=EVERY - 8 {
            tx.update(&every(number))?;
        }
        for number in 0..KEPT - 2 {
            let now = write_kept(tx, number, &kept(number))?;
            tx.update(&now)?;
        }
        tx.delete_key::<Kept>(KEPT)?;
        Ok(())
    })?;
    db.checkpoint()?;
    db.write(|tx| {
        for number in KEPT - 2..KEPT {
            let now = write_kept(tx, number, &kept(number))?;
            tx.update(&now)?;
        }
        tx.delete_key::<Kept>(KEPT + 1)
    })?;
    for number in EVERY - 7..=EVERY {
        db.write(|tx| tx.update(&every(number)))?;
    }
    let open = disk.fork();
    db.close()?;
    Ok((disk, open))
}

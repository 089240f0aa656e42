//! What is told: a schema with a relation, a unique index and a plain one; insert, ask, change, checkpoint, close, open
//! again, ask again.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use epilog::prelude::*;
use epilog::vfs::OpenMode;

use crate::machine;

#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(readings: Reading::sensor)]
pub struct Sensor {
    pub id: Id<Sensor>,
    #[unique]
    pub name: String,
    pub floor: Option<i8>,
}

#[derive(Collection, Clone, Debug, PartialEq)]
pub struct Reading {
    pub id: Id<Reading>,
    #[on_delete(cascade)]
    pub sensor: Id<Sensor>,
    #[index]
    pub minute: u32,
    pub value: i32,
}

epilog::schema!(pub Station { Sensor, Reading });

/// How many readings are written.
const READINGS: u32 = 300;

/// How many of them go into one transaction.
const TOGETHER: usize = 10;

const SENSORS: [&str; 4] = ["attic", "cellar", "garden", "kitchen"];

/// The reading of a minute: the number of its sensor, and its value.
fn reading(minute: u32) -> (usize, i32) {
    ((minute % 4) as usize, (minute * 37 % 101) as i32 - 50)
}

/// What it came to.
pub struct Told {
    pub records: u64,
    pub file_bytes: u64,
}

/// Answers to all questions.
type Answers = (Vec<(u32, i32)>, u64, Option<i32>, Vec<String>, Option<Sensor>);

/// Tells the story.
///
/// # Errors
///
/// What the database says, or that an answer is not the one expected.
pub fn tell() -> Result<Told, Error> {
    let files = machine::files();
    let open = || Database::<Station>::open_in(Arc::clone(&files), "station", &options());

    let db = open()?;
    let sensors = db.write(|tx| {
        let mut sensors = Vec::new();
        for (name, floor) in SENSORS.into_iter().zip([Some(2), Some(-1), None, Some(0)]) {
            sensors.push(tx.insert(&Sensor { id: Id::auto(), name: name.into(), floor })?);
        }
        Ok(sensors)
    })?;
    let minutes = Vec::from_iter(0..READINGS);
    for minutes in minutes.chunks(TOGETHER) {
        db.write(|tx| {
            tx.insert_all(minutes.iter().map(|&minute| {
                let (sensor, value) = reading(minute);
                Reading { id: Id::auto(), sensor: sensors[sensor], minute, value }
            }))
        })?;
    }
    let twice = Sensor { id: Id::auto(), name: "attic".into(), floor: None };
    let refused = db.write(|tx| tx.insert(&twice)).err().map(|error| error.kind());
    same("a second attic", &refused, &Some(ErrorKind::UniqueViolation))?;

    let before = ask(&db)?;
    same("the answers", &before, &expected())?;
    db.checkpoint()?;
    same("the answers after a checkpoint", &ask(&db)?, &before)?;
    db.close()?;

    let db = open()?;
    same("the answers after opening again", &ask(&db)?, &before)?;
    db.write(|tx| tx.delete_key::<Sensor>(sensors[2]))?;
    let left = Reading::query().count(&db)?;
    same("the readings without the garden's", &left, &u64::from(READINGS / 4 * 3))?;
    let records = left + Sensor::query().count(&db)?;
    db.close()?;
    let file_bytes = files.open("station", OpenMode::Read)?.len()?;
    Ok(Told { records, file_bytes })
}

/// Pages of 1 KiB when there is little memory.
fn options() -> Options {
    if cfg!(feature = "small") {
        Options::default()
            .block_size(512)
            .page_size(1 << 10)
            .index_page_size(1 << 10)
            .journal_segment_len(4 << 10)
            .checkpoint_after(4 << 10)
            .cache(6 << 10)
    } else {
        Options::default()
    }
}

fn ask(db: &Database<Station>) -> Result<Answers, Error> {
    let tx = db.read()?;
    // Filter through a relation, order, limit.
    let warmest = Reading::query()
        .filter(|r| r.sensor().name.eq("cellar") & r.value.gt(20))
        .order_by(|r| r.value.desc())
        .limit(5)
        .select(|r| (r.minute, r.value))
        .all(&tx)?;
    // A range of the plain index.
    let between = Reading::query().filter(|r| r.minute.ge(100) & r.minute.lt(150)).count(&tx)?;
    let coldest = Reading::query().aggregate(|g| g.min(|r| r.value)).one(&tx)?;
    // The relation the other way.
    let frosty = Sensor::query()
        .filter(|s| s.readings().any(|r| r.value.eq(-50)))
        .order_by(|s| s.name.asc())
        .select(|s| s.name)
        .all(&tx)?;
    let cellar = Sensor::query().filter(|s| s.name.eq("cellar")).first(&tx)?;
    Ok((warmest, between, coldest, frosty, cellar))
}

/// The same answers, found without a database.
fn expected() -> Answers {
    let all = || (0..READINGS).map(|minute| (minute, reading(minute)));
    let cellar = all().filter(|(_, (sensor, value))| *sensor == 1 && *value > 20);
    let mut warmest = Vec::from_iter(cellar.map(|(minute, (_, value))| (minute, value)));
    warmest.sort_unstable_by_key(|(minute, value)| (-value, *minute));
    warmest.truncate(5);
    let coldest = all().map(|(_, (_, value))| value).min();
    let frosty = (0..4).filter(|sensor| all().any(|(_, found)| found == (*sensor, -50)));
    let frosty = frosty.map(|sensor| String::from(SENSORS[sensor])).collect();
    let cellar = Sensor { id: Id::new(2), name: "cellar".into(), floor: Some(-1) };
    (warmest, 50, coldest, frosty, Some(cellar))
}

fn same<T: PartialEq + core::fmt::Debug>(what: &str, found: &T, expected: &T) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    Err(Error::custom(Wrong(format!("{what}: {found:?}, expected were {expected:?}"))))
}

/// An answer that is not the one expected. (A text is an error as well, but one that can be shown as a literal, for which
/// it takes a table of characters.)
#[derive(Debug)]
struct Wrong(String);

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for Wrong {}

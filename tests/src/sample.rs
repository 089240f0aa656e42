//! [`Sample`]: a small database of the simulation's collections, made the same each time, whose file has free and old
//! blocks, with forks of the disk from on the way.

use std::sync::Arc;

use epilog::Compression;
use epilog::prelude::*;

use crate::disk::SimVfs;
use crate::random::Random;
use crate::simulation::model::{Item, Owner, Tag, World};
use crate::simulation::workload::words;

/// The name of the database on its disk.
pub const PATH: &str = "world.epilog";
/// The name of its journal.
pub const JOURNAL: &str = "world.epilog-journal";
/// The number of owners; there are as many tags, and eight times as many items.
pub const SIZE: u32 = 40;

/// A small database.
pub struct Sample {
    /// Its disk: the database is not open.
    pub disk: SimVfs,
    /// The disk at earlier checkpoints, oldest first.
    pub earlier: Vec<SimVfs>,
    /// The disk before the last commit.
    pub before: SimVfs,
}

/// Opens the database on `disk`.
///
/// # Errors
///
/// As [`Database::open_in`].
pub fn open(disk: &SimVfs) -> Result<Database<World>, Error> {
    open_with(disk, Compression::None)
}

/// As [`open`]; what is written from now on is compressed so.
///
/// # Errors
///
/// As [`Database::open_in`].
pub fn open_with(disk: &SimVfs, compression: Compression) -> Result<Database<World>, Error> {
    let options = Options::default().journal_segment_len(16 * 4096).background(false);
    Database::open_in(Arc::new(disk.clone()), PATH, &options.compression(compression))
}

/// Opens the database on `disk` for reading only.
///
/// # Errors
///
/// As [`Database::open_in`].
pub fn open_to_read(disk: &SimVfs) -> Result<Database<World>, Error> {
    Database::open_in(Arc::new(disk.clone()), PATH, &Options::default().read_only(true))
}

impl Sample {
    /// One that was closed.
    ///
    /// # Panics
    ///
    /// When it cannot be made.
    pub fn closed(seed: u64) -> Sample {
        Sample::closed_with(seed, Compression::None)
    }

    /// One that was closed, with images that are compressed so.
    ///
    /// # Panics
    ///
    /// When it cannot be made.
    pub fn closed_with(seed: u64, compression: Compression) -> Sample {
        let (db, mut sample) = Sample::make(seed, compression);
        db.close().expect("it can be closed");
        sample.disk = sample.disk.fork();
        sample
    }

    /// One whose power went while the journal had commits, the last of which added the tag "last".
    ///
    /// # Panics
    ///
    /// When it cannot be made.
    pub fn open(seed: u64) -> Sample {
        let (db, mut sample) = Sample::make(seed, Compression::None);
        let mut random = Random::new(seed);
        for number in 0..12u32 {
            if number == 11 {
                sample.before = sample.disk.fork();
            }
            let name = if number == 11 { "last".into() } else { format!("later {number}") };
            db.write(|tx| {
                tx.insert(&tag(&mut random, name))?;
                tx.update(&item(&mut random, number as i32 * 20))
            })
            .expect("it takes a commit");
        }
        let disk = sample.disk.fork();
        drop(db);
        sample.disk = disk;
        sample
    }

    fn make(seed: u64, compression: Compression) -> (Database<World>, Sample) {
        let disk = SimVfs::new(seed);
        let mut random = Random::new(seed);
        let db = open_with(&disk, compression).expect("an empty disk takes a database");
        let mut earlier = Vec::new();
        for round in 0..4 {
            db.write(|tx| {
                for owner in 0..SIZE {
                    if round == 0 {
                        tx.insert(&self::owner(&mut random, owner))?;
                    } else if random.chance(1, 4) {
                        tx.update(&self::owner(&mut random, owner))?;
                    }
                }
                for number in (0..SIZE).filter(|_| round == 0) {
                    tx.insert(&tag(&mut random, format!("tag {number}")))?;
                }
                for code in 0..SIZE as i32 * 8 {
                    match round {
                        0 => tx.insert(&item(&mut random, code)).map(|_| ())?,
                        _ if random.chance(1, 10) => tx.update(&item(&mut random, code))?,
                        _ => {}
                    }
                }
                if round == 1 {
                    // Pages that are freed again.
                    for code in 1000..1400 {
                        tx.insert(&item(&mut random, code))?;
                    }
                }
                if round == 2 {
                    for code in 1000..1400 {
                        tx.delete_key::<Item>(code)?;
                    }
                }
                Ok(())
            })
            .expect("it takes the records");
            db.checkpoint().expect("it can be checkpointed");
            earlier.push(disk.fork());
        }
        db.write(|tx| tx.update(&item(&mut random, 3))).expect("it takes an update");
        let before = disk.fork();
        (db, Sample { disk, earlier, before })
    }
}

fn owner(random: &mut Random, number: u32) -> Owner {
    let len = if number.is_multiple_of(20) { 5_000 + random.below(6_000) } else { random.below(60) };
    let note = (number % 3 != 1).then(|| "n".repeat(len as usize));
    Owner { id: Id::new(u64::from(number) + 1), name: format!("owner {number}"), note }
}

/// An item of this code.
pub fn item(random: &mut Random, code: i32) -> Item {
    let len = if code % 150 == 7 { 9_000 } else { random.below(70) };
    Item {
        code,
        owner: Id::new(1 + random.below(u64::from(SIZE))),
        reviewer: random.chance(1, 3).then(|| Id::new(1 + random.below(u64::from(SIZE)))),
        grade: random.below(4) as u8,
        bytes: (0..len).map(|_| random.draw() as u8).collect(),
        words: words(random),
    }
}

/// A tag of this name.
pub fn tag(random: &mut Random, name: String) -> Tag {
    let holder = random.chance(1, 4).then(|| Id::new(1 + random.below(u64::from(SIZE))));
    Tag { name, holder, weight: random.below(9) as f64 / 2.0 - 2.0 }
}

//! [`Engine`] and [`Store`]: what is asked of every engine, in the same words.
//!
//! - Every engine keeps a unique index of the addresses and an index of the ages, in the transaction of the record, and
//!   refuses a key or an address that is taken.
//! - Whoever is looked up is decoded whole, into a [`Person`] of its own.
//! - Each engine is used as its documentation advises, with a cache that holds everything.
//! - Key-value stores share [`key_value`]: the same three tables, the same codec, and plans written by hand, the best we
//!   know.

mod canopydb;
mod codec;
mod epilog;
mod fjall;
mod key_value;
mod lmdb;
mod native_db;
mod redb;
mod sqlite;

use std::error::Error;
use std::path::Path;

use crate::person::Person;
use crate::system::Io;

/// What comes out of anything that can fail.
pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Bytes of cache, for engines that want to be told: everything fits.
const CACHE_BYTES: usize = 2 << 30;

/// All engines, ours first.
pub fn all() -> Vec<Box<dyn Engine>> {
    vec![
        Box::new(epilog::Epilog),
        Box::new(sqlite::Sqlite),
        Box::new(lmdb::Lmdb),
        Box::new(redb::Redb),
        Box::new(fjall::Fjall),
        Box::new(canopydb::Canopydb),
        Box::new(native_db::NativeDb),
    ]
}

/// The packages behind the engines, with their versions.
pub fn versions() -> Vec<String> {
    const LOCKED: &str = include_str!("../../Cargo.lock");
    let packages = LOCKED.split("[[package]]").filter_map(|package| {
        let value = |key: &str| package.lines().find_map(|line| line.strip_prefix(key)?.strip_suffix('"'));
        Some((value("name = \"")?, value("version = \"")?))
    });
    let wanted = ["canopydb", "fjall", "heed", "lmdb-master-sys", "native_db", "redb", "rusqlite"];
    let ours = packages.filter(|(name, _)| wanted.contains(name));
    ours.map(|(name, version)| format!("{name} {version}"))
        .chain([format!("SQLite {}", rusqlite::version())])
        .collect()
}

/// What a commit waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Durability {
    /// The disk: it survives a crash of the machine.
    Synced,
    /// Nothing: it survives a crash of the program only, or not even that.
    Unsynced,
}

/// An engine: makes stores and opens them.
pub trait Engine {
    /// In small letters.
    fn name(&self) -> &'static str;

    /// An empty store in memory; `None` when the engine has no such thing.
    fn in_memory(&self) -> Outcome<Option<Box<dyn Store>>>;

    /// The store in `directory`, which exists; an empty one when there is none.
    fn open(&self, directory: &Path) -> Outcome<Box<dyn Store>>;

    /// Whether it can commit without waiting for the disk.
    fn commits_unsynced(&self) -> bool {
        true
    }
}

/// A store of people. Threads share it.
pub trait Store: Sync {
    /// Inserts all of them in one transaction; refuses them all when a key or an address is taken.
    fn insert_all(&self, people: &[Person], durability: Durability) -> Outcome<()>;

    /// The same, one call of the engine's own for each record, where it has something faster for many.
    fn insert_each(&self, people: &[Person], durability: Durability) -> Outcome<()> {
        self.insert_all(people, durability)
    }

    /// How many there are.
    fn count(&self) -> Outcome<u64>;

    /// A reader, for the thread that asks for it.
    fn reader(&self) -> Outcome<Box<dyn Reader + '_>>;

    /// What was written and synced so far, where the store knows it better than the operating system.
    fn io(&self) -> Option<Io> {
        None
    }

    /// Does what it has put off, where that can be asked for, so that the next measurement does not pay for it.
    fn settle(&self) -> Outcome<()> {
        Ok(())
    }

    /// Closes it in the orderly way.
    fn close(self: Box<Self>) -> Outcome<()>;
}

/// Reads people: each call of it, and each key and address in it, in a transaction of its own.
pub trait Reader {
    /// Those with these keys, in their order.
    fn by_key(&mut self, ids: &[u64]) -> Outcome<Vec<Person>>;

    /// Those with these addresses, in their order.
    fn by_email(&mut self, emails: &[&str]) -> Outcome<Vec<Person>>;

    /// How many active people have at least this score. No index helps.
    fn count_active(&mut self, score_min: f64) -> Outcome<u64>;

    /// Of every age there is, in their order. No index helps.
    fn by_age(&mut self) -> Outcome<Vec<Group>>;

    /// Those of the ages from `first` to `last`, in the order of their keys, no more than `count`.
    fn of_ages(&mut self, first: u8, last: u8, count: usize) -> Outcome<Vec<Person>>;
}

/// The people of one age.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Group {
    pub age: u8,
    pub count: u64,
    /// The sum of their scores. Added in the order of the keys by all but SQLite, which compensates.
    pub score: f64,
}

impl Group {
    /// Whether both say the same, but for the rounding of sums.
    pub fn agrees_with(&self, other: &Group) -> bool {
        (self.age, self.count) == (other.age, other.count) && (self.score - other.score).abs() < 1e-6
    }
}

/// The groups of ages, from the count and the sum of the scores of each.
fn groups(sums: &[(u64, f64); 256]) -> Vec<Group> {
    let groups = (0..).zip(sums).filter(|(_, (count, _))| *count > 0);
    groups.map(|(age, (count, score))| Group { age, count: *count, score: *score }).collect()
}

#[cfg(test)]
#[test]
fn every_engine_has_a_version() {
    let versions = versions();
    for name in ["canopydb 0.", "fjall 3.", "heed 0.", "native_db 0.", "redb 4.", "rusqlite 0.", "SQLite 3."]
    {
        assert!(versions.iter().any(|version| version.starts_with(name)), "{name}: {versions:?}");
    }
}

/// Puts a few people in and asks for them in every way.
#[cfg(test)]
fn check(engine: &dyn Engine) {
    use crate::person;

    let people = person::people(3_000, 3);
    let (first, later) = people.split_at(2_000);
    if let Some(store) = engine.in_memory().unwrap() {
        store.insert_each(first, Durability::Synced).unwrap();
        assert_eq!(store.count().unwrap(), 2_000);
    }

    let directory = tempfile::tempdir().unwrap();
    let store = engine.open(directory.path()).unwrap();
    store.insert_all(first, Durability::Synced).unwrap();
    for one in later.chunks(1).take(20) {
        store.insert_all(one, Durability::Synced).unwrap();
    }
    store.insert_each(&later[20..500], Durability::Synced).unwrap();
    if engine.commits_unsynced() {
        store.insert_all(&later[500..], Durability::Unsynced).unwrap();
    } else {
        store.insert_all(&later[500..], Durability::Synced).unwrap();
    }
    check_content(&*store, &people);

    // Neither a key nor an address is given twice, and what was to come with it does not come either.
    let new = person::people(3_001, 4).pop().unwrap();
    let same_key = Person { id: people[7].id, ..new.clone() };
    let same_email = Person { email: people[7].email.clone(), ..new.clone() };
    for taken in [same_key, same_email] {
        assert!(store.insert_all(&[new.clone(), taken.clone()], Durability::Synced).is_err(), "{taken:?}");
        assert!(store.insert_each(&[new.clone(), taken.clone()], Durability::Synced).is_err(), "{taken:?}");
    }
    assert_eq!(store.count().unwrap(), 3_000);
    store.close().unwrap();

    let store = engine.open(directory.path()).unwrap();
    check_content(&*store, &people);
    store.close().unwrap();
}

#[cfg(test)]
fn check_content(store: &dyn Store, people: &[Person]) {
    use crate::answers;

    assert_eq!(store.count().unwrap(), people.len() as u64);
    let mut reader = store.reader().unwrap();
    let asked: Vec<Person> = people.iter().step_by(7).rev().cloned().collect();
    let ids: Vec<u64> = asked.iter().map(|person| person.id).chain([u64::MAX >> 1]).collect();
    assert_eq!(reader.by_key(&ids).unwrap(), asked);
    let emails: Vec<&str> = asked.iter().map(|person| person.email.as_str()).chain(["nobody"]).collect();
    assert_eq!(reader.by_email(&emails).unwrap(), asked);
    for score in [0.0, 0.5, 2.0] {
        assert_eq!(reader.count_active(score).unwrap(), answers::count_active(people, score), "{score}");
    }
    let groups = reader.by_age().unwrap();
    let expected = answers::by_age(people);
    assert_eq!(groups.len(), expected.len());
    assert!(groups.iter().zip(&expected).all(|(ours, theirs)| ours.agrees_with(theirs)), "{groups:?}");
    for (first, last, count) in [(30, 32, 50), (99, 99, 1000), (0, 255, 10), (100, 200, 10), (5, 6, 0)] {
        let expected: Vec<Person> = answers::of_ages(people, first, last, count).cloned().collect();
        assert_eq!(reader.of_ages(first, last, count).unwrap(), expected, "{first} {last} {count}");
    }
}

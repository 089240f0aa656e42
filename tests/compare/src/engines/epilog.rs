//! Epilog: the struct itself, and queries.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ::epilog::prelude::*;
use ::epilog::vfs::{FileVfs, OpenMode, Vfs, VfsError, VfsFile};

use super::{Engine, Group, Outcome, Reader, Store};
use crate::person::Person;
use crate::system::Io;

::epilog::schema!(pub People { Person });

pub struct Epilog;

impl Engine for Epilog {
    fn name(&self) -> &'static str {
        "epilog"
    }

    fn in_memory(&self) -> Outcome<Option<Box<dyn Store>>> {
        Ok(Some(Box::new(EpilogStore { db: People::in_memory()?, counting: None })))
    }

    fn open(&self, directory: &Path) -> Outcome<Box<dyn Store>> {
        let counting = CountingVfs::default();
        let path = directory.join("people.epilog");
        let path = path.to_str().ok_or("the directory's path is not UTF-8")?;
        let db = Database::open_in(Arc::new(counting.clone()), path, &Options::default())?;
        Ok(Box::new(EpilogStore { db, counting: Some(counting) }))
    }
}

struct EpilogStore {
    db: Database<People>,
    counting: Option<CountingVfs>,
}

impl From<super::Durability> for Durability {
    fn from(durability: super::Durability) -> Durability {
        match durability {
            super::Durability::Synced => Durability::Immediate,
            super::Durability::Unsynced => Durability::None,
        }
    }
}

impl Store for EpilogStore {
    fn insert_all(&self, people: &[Person], durability: super::Durability) -> Outcome<()> {
        let mut transaction = self.db.begin()?;
        match people {
            [one] => _ = transaction.insert(one)?,
            many => _ = transaction.insert_all(many)?,
        }
        transaction.commit_with(durability.into())?;
        Ok(())
    }

    fn insert_each(&self, people: &[Person], durability: super::Durability) -> Outcome<()> {
        let mut transaction = self.db.begin()?;
        for person in people {
            transaction.insert(person)?;
        }
        transaction.commit_with(durability.into())?;
        Ok(())
    }

    fn count(&self) -> Outcome<u64> {
        Ok(Person::query().count(&self.db)?)
    }

    fn reader(&self) -> Outcome<Box<dyn Reader + '_>> {
        Ok(Box::new(EpilogReader(&self.db)))
    }

    fn io(&self) -> Option<Io> {
        self.counting.as_ref().map(CountingVfs::io)
    }

    fn settle(&self) -> Outcome<()> {
        Ok(self.db.checkpoint()?)
    }

    fn close(self: Box<Self>) -> Outcome<()> {
        Ok(self.db.close()?)
    }
}

struct EpilogReader<'s>(&'s Database<People>);

impl Reader for EpilogReader<'_> {
    fn by_key(&mut self, ids: &[u64]) -> Outcome<Vec<Person>> {
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            found.extend(self.0.get::<Person>(*id)?);
        }
        Ok(found)
    }

    fn by_email(&mut self, emails: &[&str]) -> Outcome<Vec<Person>> {
        let mut found = Vec::with_capacity(emails.len());
        for email in emails {
            found.extend(Person::query().filter(|p| p.email.eq(*email)).first(self.0)?);
        }
        Ok(found)
    }

    fn count_active(&mut self, score_min: f64) -> Outcome<u64> {
        Ok(Person::query().filter(|p| p.score.ge(score_min) & p.active).count(self.0)?)
    }

    fn by_age(&mut self) -> Outcome<Vec<Group>> {
        let groups = Person::query()
            .group_by(|p| p.age)
            .order_by(|g| g.key())
            .select(|g| (g.key(), g.count(), g.sum(|p| p.score)))
            .all(self.0)?;
        Ok(groups.into_iter().map(|(age, count, score)| Group { age, count, score }).collect())
    }

    fn of_ages(&mut self, first: u8, last: u8, count: usize) -> Outcome<Vec<Person>> {
        let found = Person::query()
            .filter(|p| p.age.between(first, last))
            .order_by(|p| p.id.asc())
            .limit(count.try_into()?)
            .all(self.0)?;
        Ok(found)
    }
}

/// The operating system's files, with what is written and synced counted.
#[derive(Clone, Default)]
struct CountingVfs {
    files: FileVfs,
    written: Arc<AtomicU64>,
    syncs: Arc<AtomicU64>,
}

impl CountingVfs {
    fn io(&self) -> Io {
        Io { written: self.written.load(Ordering::Relaxed), syncs: self.syncs.load(Ordering::Relaxed) }
    }
}

struct CountingFile {
    file: Box<dyn VfsFile>,
    vfs: CountingVfs,
}

impl Vfs for CountingVfs {
    fn open(&self, path: &str, mode: OpenMode) -> Result<Box<dyn VfsFile>, VfsError> {
        Ok(Box::new(CountingFile { file: self.files.open(path, mode)?, vfs: self.clone() }))
    }

    fn exists(&self, path: &str) -> Result<bool, VfsError> {
        self.files.exists(path)
    }

    fn remove(&self, path: &str) -> Result<(), VfsError> {
        self.files.remove(path)
    }

    fn sync_directory(&self, path: &str) -> Result<(), VfsError> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.files.sync_directory(path)
    }

    fn temporary(&self, path: &str) -> Result<Option<Box<dyn VfsFile>>, VfsError> {
        self.files.temporary(path)
    }

    fn now_ns(&self) -> u64 {
        self.files.now_ns()
    }

    fn entropy(&self, buffer: &mut [u8]) {
        self.files.entropy(buffer);
    }

    fn memory_bytes(&self) -> Option<u64> {
        self.files.memory_bytes()
    }
}

impl VfsFile for CountingFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), VfsError> {
        self.file.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), VfsError> {
        self.vfs.written.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.file.write_at(bytes, offset)
    }

    fn sync_data(&self) -> Result<(), VfsError> {
        self.vfs.syncs.fetch_add(1, Ordering::Relaxed);
        self.file.sync_data()
    }

    fn len(&self) -> Result<u64, VfsError> {
        self.file.len()
    }

    fn set_len(&self, len: u64) -> Result<(), VfsError> {
        self.file.set_len(len)
    }

    fn lock(&self) -> Result<(), VfsError> {
        self.file.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        crate::engines::check(&Epilog);
    }

    #[test]
    fn a_commit_of_one_record_is_counted_as_one_block_and_one_sync() {
        let directory = tempfile::tempdir().unwrap();
        let store = Epilog.open(directory.path()).unwrap();
        let people = crate::person::people(100, 1);
        store.insert_all(&people[..99], super::super::Durability::Synced).unwrap();
        let before = store.io().unwrap();
        store.insert_all(&people[99..], super::super::Durability::Synced).unwrap();
        assert_eq!(store.io().unwrap() - before, Io { written: 4096, syncs: 1 });
    }

    #[test]
    fn the_count_scans_and_the_lookups_do_not() {
        let db = People::in_memory().unwrap();
        db.write(|tx| tx.insert_all(&crate::person::people(100, 1))).unwrap();
        let count = Person::query().filter(|p| p.score.ge(0.5) & p.active).explain(&db).unwrap().to_string();
        assert!(count.contains("scan"), "{count}");
        let lookup = Person::query().filter(|p| p.email.eq("nobody")).explain(&db).unwrap().to_string();
        assert!(lookup.starts_with("index lookup"), "{lookup}");
    }
}

//! fjall, in its single-writer transactions, which can look whether a key is taken. Synced commits wait for `fdatasync`,
//! unsynced ones leave the journal's bytes with the operating system.

use std::path::Path;

use ::fjall::{
    KeyspaceCreateOptions, PersistMode, Readable, SingleWriterTxDatabase, SingleWriterTxKeyspace,
    SingleWriterWriteTx, Snapshot,
};

use super::key_value::{self, Ages, Emails, KeyValue, People, Read, Write};
use super::{CACHE_BYTES, Durability, Engine, Outcome, Store};
use crate::person::Person;

pub struct Fjall;

impl Engine for Fjall {
    fn name(&self) -> &'static str {
        "fjall"
    }

    fn in_memory(&self) -> Outcome<Option<Box<dyn Store>>> {
        Ok(None)
    }

    fn open(&self, directory: &Path) -> Outcome<Box<dyn Store>> {
        let db = SingleWriterTxDatabase::builder(directory.join("people.fjall"))
            .cache_size(CACHE_BYTES as u64)
            .open()?;
        let keyspace = |name| db.keyspace(name, KeyspaceCreateOptions::default);
        let keyspaces =
            Keyspaces { people: keyspace("people")?, emails: keyspace("emails")?, ages: keyspace("ages")? };
        Ok(Box::new(FjallStore { db, keyspaces }))
    }
}

struct FjallStore {
    db: SingleWriterTxDatabase,
    keyspaces: Keyspaces,
}

struct Keyspaces {
    people: SingleWriterTxKeyspace,
    emails: SingleWriterTxKeyspace,
    ages: SingleWriterTxKeyspace,
}

impl KeyValue for FjallStore {
    type Read<'s> = FjallRead<'s>;

    fn read(&self) -> Outcome<FjallRead<'_>> {
        Ok(FjallRead { snapshot: self.db.read_tx(), keyspaces: &self.keyspaces })
    }

    fn write(&self, people: &[Person], durability: Durability) -> Outcome<()> {
        let mode = match durability {
            Durability::Synced => PersistMode::SyncData,
            Durability::Unsynced => PersistMode::Buffer,
        };
        let transaction = self.db.write_tx().durability(Some(mode));
        let mut write = FjallWrite { transaction, keyspaces: &self.keyspaces };
        key_value::insert_into(&mut write, people)?;
        Ok(write.transaction.commit()?)
    }

    fn close(self) -> Outcome<()> {
        Ok(self.db.persist(PersistMode::SyncAll)?)
    }
}

struct FjallRead<'s> {
    snapshot: Snapshot,
    keyspaces: &'s Keyspaces,
}

/// One keyspace in a snapshot.
struct Table<'t> {
    snapshot: &'t Snapshot,
    keyspace: &'t SingleWriterTxKeyspace,
}

impl FjallRead<'_> {
    fn table<'t>(&'t self, keyspace: &'t SingleWriterTxKeyspace) -> Table<'t> {
        Table { snapshot: &self.snapshot, keyspace }
    }
}

impl Read for FjallRead<'_> {
    fn people(&self) -> Outcome<impl People> {
        Ok(self.table(&self.keyspaces.people))
    }

    fn emails(&self) -> Outcome<impl Emails> {
        Ok(self.table(&self.keyspaces.emails))
    }

    fn ages(&self) -> Outcome<impl Ages> {
        Ok(self.table(&self.keyspaces.ages))
    }
}

impl People for Table<'_> {
    fn get<T>(&self, id: u64, then: impl FnOnce(&[u8]) -> Outcome<T>) -> Outcome<Option<T>> {
        self.snapshot.get(self.keyspace, id.to_be_bytes())?.map(|record| then(&record)).transpose()
    }

    fn each(&self, mut visit: impl FnMut(&[u8]) -> Outcome<()>) -> Outcome<()> {
        for entry in self.snapshot.iter(self.keyspace) {
            visit(&entry.value()?)?;
        }
        Ok(())
    }
}

impl Emails for Table<'_> {
    fn get(&self, email: &str) -> Outcome<Option<u64>> {
        self.snapshot.get(self.keyspace, email)?.map(|id| key_value::id_from(&id)).transpose()
    }
}

impl Ages for Table<'_> {
    fn get(&self, age: u8) -> Outcome<impl Iterator<Item = Outcome<u64>>> {
        let entries = self.snapshot.prefix(self.keyspace, [age]);
        Ok(entries.map(|entry| key_value::id_of_age_key(&entry.key()?)))
    }
}

struct FjallWrite<'s> {
    transaction: SingleWriterWriteTx<'s>,
    keyspaces: &'s Keyspaces,
}

impl Write for FjallWrite<'_> {
    fn add_person(&mut self, id: u64, record: &[u8]) -> Outcome<bool> {
        let is_new = !self.transaction.contains_key(&self.keyspaces.people, id.to_be_bytes())?;
        self.transaction.insert(&self.keyspaces.people, id.to_be_bytes(), record);
        Ok(is_new)
    }

    fn add_email(&mut self, email: &str, id: u64) -> Outcome<bool> {
        let is_new = !self.transaction.contains_key(&self.keyspaces.emails, email)?;
        self.transaction.insert(&self.keyspaces.emails, email, id.to_be_bytes());
        Ok(is_new)
    }

    fn add_age(&mut self, age: u8, id: u64) -> Outcome<()> {
        self.transaction.insert(&self.keyspaces.ages, key_value::age_key(age, id), []);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_goes_in_comes_out() {
        crate::engines::check(&super::Fjall);
    }
}

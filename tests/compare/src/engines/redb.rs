//! redb, with tables of fixed-width keys. Unsynced commits have `Durability::None`: visible, but not in the file.

use std::path::Path;

use ::redb::backends::InMemoryBackend;
use ::redb::{
    Builder, Database, ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTable, Table,
    TableDefinition,
};

use super::key_value::{self, Ages, Emails, KeyValue, People, Read, Write};
use super::{CACHE_BYTES, Durability, Engine, Outcome, Store};
use crate::person::Person;

const PEOPLE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("people");
const EMAILS: TableDefinition<'_, &str, u64> = TableDefinition::new("emails");
const AGES: TableDefinition<'_, (u8, u64), ()> = TableDefinition::new("ages");

pub struct Redb;

impl Engine for Redb {
    fn name(&self) -> &'static str {
        "redb"
    }

    fn in_memory(&self) -> Outcome<Option<Box<dyn Store>>> {
        with_tables(Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(InMemoryBackend::new())?)
            .map(Some)
    }

    fn open(&self, directory: &Path) -> Outcome<Box<dyn Store>> {
        let path = directory.join("people.redb");
        let is_new = !path.exists();
        let db = Builder::new().set_cache_size(CACHE_BYTES).create(path)?;
        if is_new { with_tables(db) } else { Ok(Box::new(RedbStore { db })) }
    }
}

/// The store in `db`, with the tables that a read transaction must find.
fn with_tables(db: Database) -> Outcome<Box<dyn Store>> {
    let transaction = db.begin_write()?;
    transaction.open_table(PEOPLE)?;
    transaction.open_table(EMAILS)?;
    transaction.open_table(AGES)?;
    transaction.commit()?;
    Ok(Box::new(RedbStore { db }))
}

struct RedbStore {
    db: Database,
}

impl KeyValue for RedbStore {
    type Read<'s> = ReadTransaction;

    fn read(&self) -> Outcome<ReadTransaction> {
        Ok(self.db.begin_read()?)
    }

    fn write(&self, people: &[Person], durability: Durability) -> Outcome<()> {
        let mut transaction = self.db.begin_write()?;
        transaction.set_durability(match durability {
            Durability::Synced => ::redb::Durability::Immediate,
            Durability::Unsynced => ::redb::Durability::None,
        })?;
        {
            let mut tables = Tables {
                people: transaction.open_table(PEOPLE)?,
                emails: transaction.open_table(EMAILS)?,
                ages: transaction.open_table(AGES)?,
            };
            key_value::insert_into(&mut tables, people)?;
        }
        Ok(transaction.commit()?)
    }

    fn close(self) -> Outcome<()> {
        Ok(self.db.close()?)
    }
}

impl Read for ReadTransaction {
    fn people(&self) -> Outcome<impl People> {
        Ok(self.open_table(PEOPLE)?)
    }

    fn emails(&self) -> Outcome<impl Emails> {
        Ok(self.open_table(EMAILS)?)
    }

    fn ages(&self) -> Outcome<impl Ages> {
        Ok(self.open_table(AGES)?)
    }
}

impl People for ReadOnlyTable<u64, &'static [u8]> {
    fn get<T>(&self, id: u64, then: impl FnOnce(&[u8]) -> Outcome<T>) -> Outcome<Option<T>> {
        self.get(id)?.map(|record| then(record.value())).transpose()
    }

    fn each(&self, mut visit: impl FnMut(&[u8]) -> Outcome<()>) -> Outcome<()> {
        for entry in self.iter()? {
            visit(entry?.1.value())?;
        }
        Ok(())
    }
}

impl Emails for ReadOnlyTable<&'static str, u64> {
    fn get(&self, email: &str) -> Outcome<Option<u64>> {
        Ok(self.get(email)?.map(|id| id.value()))
    }
}

impl Ages for ReadOnlyTable<(u8, u64), ()> {
    fn get(&self, age: u8) -> Outcome<impl Iterator<Item = Outcome<u64>>> {
        let entries = self.range((age, 0)..=(age, u64::MAX))?;
        Ok(entries.map(|entry| Ok(entry?.0.value().1)))
    }
}

struct Tables<'t> {
    people: Table<'t, u64, &'static [u8]>,
    emails: Table<'t, &'static str, u64>,
    ages: Table<'t, (u8, u64), ()>,
}

impl Write for Tables<'_> {
    fn add_person(&mut self, id: u64, record: &[u8]) -> Outcome<bool> {
        Ok(self.people.insert(id, record)?.is_none())
    }

    fn add_email(&mut self, email: &str, id: u64) -> Outcome<bool> {
        Ok(self.emails.insert(email, id)?.is_none())
    }

    fn add_age(&mut self, age: u8, id: u64) -> Outcome<()> {
        self.ages.insert((age, id), ())?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_goes_in_comes_out() {
        crate::engines::check(&super::Redb);
    }
}

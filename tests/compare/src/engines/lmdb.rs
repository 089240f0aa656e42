//! LMDB through `heed`. Unsynced commits have `MDB_NOSYNC`, after which a crash of the machine may damage the file.
//!
//! A synced commit writes the meta page through a second descriptor that syncs each write by itself (`O_DSYNC`).

use std::ops::Bound;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use heed::byteorder::BigEndian;
use heed::types::{Bytes, Str, U64, Unit};
use heed::{
    AnyTls, Database, Env, EnvFlags, EnvOpenOptions, FlagSetMode, MdbError, PutFlags, RoTxn, RwTxn, WithTls,
};

use super::key_value::{self, Ages, Emails, KeyValue, People, Read, Write};
use super::{Durability, Engine, Outcome, Store};
use crate::person::Person;

type Id = U64<BigEndian>;

/// How far the file may grow, in bytes of address space.
const MAP_BYTES: usize = 16 << 30;

pub struct Lmdb;

impl Engine for Lmdb {
    fn name(&self) -> &'static str {
        "lmdb"
    }

    fn in_memory(&self) -> Outcome<Option<Box<dyn Store>>> {
        Ok(None)
    }

    #[allow(unsafe_code)]
    fn open(&self, directory: &Path) -> Outcome<Box<dyn Store>> {
        let mut options = EnvOpenOptions::new();
        options.map_size(MAP_BYTES).max_dbs(3);
        // SAFETY: the directory is this program's own; nobody else changes the files while they are mapped.
        let env = unsafe { options.open(directory)? };
        let mut transaction = env.write_txn()?;
        let tables = Tables {
            people: env.create_database(&mut transaction, Some("people"))?,
            emails: env.create_database(&mut transaction, Some("emails"))?,
            ages: env.create_database(&mut transaction, Some("ages"))?,
        };
        transaction.commit()?;
        Ok(Box::new(LmdbStore { env, tables, durability: Mutex::new(Durability::Synced) }))
    }
}

struct LmdbStore {
    env: Env<WithTls>,
    tables: Tables,
    /// What the environment's flags say. Held while writing.
    durability: Mutex<Durability>,
}

#[derive(Clone, Copy)]
struct Tables {
    people: Database<Id, Bytes>,
    emails: Database<Str, Id>,
    ages: Database<Bytes, Unit>,
}

impl KeyValue for LmdbStore {
    type Read<'s> = LmdbRead<'s>;

    fn read(&self) -> Outcome<LmdbRead<'_>> {
        Ok(LmdbRead { transaction: self.env.read_txn()?, tables: &self.tables })
    }

    #[allow(unsafe_code)]
    fn write(&self, people: &[Person], durability: Durability) -> Outcome<()> {
        let mut set = self.durability.lock().unwrap_or_else(PoisonError::into_inner);
        if *set != durability {
            let mode =
                if durability == Durability::Synced { FlagSetMode::Disable } else { FlagSetMode::Enable };
            // SAFETY: the lock keeps other threads from here; damage after a crash of the machine is nobody's loss.
            unsafe { self.env.set_flags(EnvFlags::NO_SYNC, mode)? };
            *set = durability;
        }
        let transaction = self.env.write_txn()?;
        let mut write = LmdbWrite { transaction, tables: &self.tables };
        key_value::insert_into(&mut write, people)?;
        Ok(write.transaction.commit()?)
    }

    fn close(self) -> Outcome<()> {
        self.env.prepare_for_closing().wait();
        Ok(())
    }
}

struct LmdbRead<'s> {
    transaction: RoTxn<'s, WithTls>,
    tables: &'s Tables,
}

/// One table in a read transaction.
struct Table<'t, K, V> {
    transaction: &'t RoTxn<'t, AnyTls>,
    table: Database<K, V>,
}

impl LmdbRead<'_> {
    fn table<K, V>(&self, table: Database<K, V>) -> Table<'_, K, V> {
        Table { transaction: &self.transaction, table }
    }
}

impl Read for LmdbRead<'_> {
    fn people(&self) -> Outcome<impl People> {
        Ok(self.table(self.tables.people))
    }

    fn emails(&self) -> Outcome<impl Emails> {
        Ok(self.table(self.tables.emails))
    }

    fn ages(&self) -> Outcome<impl Ages> {
        Ok(self.table(self.tables.ages))
    }
}

impl People for Table<'_, Id, Bytes> {
    fn get<T>(&self, id: u64, then: impl FnOnce(&[u8]) -> Outcome<T>) -> Outcome<Option<T>> {
        self.table.get(self.transaction, &id)?.map(then).transpose()
    }

    fn each(&self, mut visit: impl FnMut(&[u8]) -> Outcome<()>) -> Outcome<()> {
        for entry in self.table.iter(self.transaction)? {
            visit(entry?.1)?;
        }
        Ok(())
    }
}

impl Emails for Table<'_, Str, Id> {
    fn get(&self, email: &str) -> Outcome<Option<u64>> {
        Ok(self.table.get(self.transaction, email)?)
    }
}

impl Ages for Table<'_, Bytes, Unit> {
    fn get(&self, age: u8) -> Outcome<impl Iterator<Item = Outcome<u64>>> {
        let (first, last) = (key_value::age_key(age, 0), key_value::age_key(age, u64::MAX));
        let range = (Bound::Included(&first[..]), Bound::Included(&last[..]));
        let entries = self.table.range(self.transaction, &range)?;
        Ok(entries.map(|entry| key_value::id_of_age_key(entry?.0)))
    }
}

struct LmdbWrite<'s> {
    transaction: RwTxn<'s>,
    tables: &'s Tables,
}

impl Write for LmdbWrite<'_> {
    fn add_person(&mut self, id: u64, record: &[u8]) -> Outcome<bool> {
        is_new(self.tables.people.put_with_flags(&mut self.transaction, PutFlags::NO_OVERWRITE, &id, record))
    }

    fn add_email(&mut self, email: &str, id: u64) -> Outcome<bool> {
        is_new(self.tables.emails.put_with_flags(&mut self.transaction, PutFlags::NO_OVERWRITE, email, &id))
    }

    fn add_age(&mut self, age: u8, id: u64) -> Outcome<()> {
        Ok(self.tables.ages.put(&mut self.transaction, &key_value::age_key(age, id), &())?)
    }
}

fn is_new(put: heed::Result<()>) -> Outcome<bool> {
    match put {
        Ok(()) => Ok(true),
        Err(heed::Error::Mdb(MdbError::KeyExist)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_goes_in_comes_out() {
        crate::engines::check(&super::Lmdb);
    }
}

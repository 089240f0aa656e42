//! canopydb, with its write-ahead log. Synced commits wait for the log's sync, unsynced ones do not. Closing makes a
//! checkpoint first, as all others leave nothing in a log.

use std::path::Path;

use ::canopydb::{Database, DbOptions, EnvOptions, ReadTransaction, Tree};

use super::key_value::{self, Ages, Emails, KeyValue, People, Read, Write};
use super::{CACHE_BYTES, Durability, Engine, Outcome, Store};
use crate::person::Person;

pub struct Canopydb;

impl Engine for Canopydb {
    fn name(&self) -> &'static str {
        "canopydb"
    }

    fn in_memory(&self) -> Outcome<Option<Box<dyn Store>>> {
        Ok(None)
    }

    fn open(&self, directory: &Path) -> Outcome<Box<dyn Store>> {
        let mut options = EnvOptions::new(directory);
        options.page_cache_size = CACHE_BYTES;
        let db = Database::with_options(options, DbOptions::default())?;
        if db.begin_read()?.get_tree(b"ages")?.is_none() {
            let transaction = db.begin_write()?;
            for name in ["people", "emails", "ages"] {
                transaction.get_or_create_tree(name.as_bytes())?;
            }
            transaction.commit()?;
        }
        Ok(Box::new(CanopydbStore { db }))
    }
}

struct CanopydbStore {
    db: Database,
}

impl KeyValue for CanopydbStore {
    type Read<'s> = ReadTransaction;

    fn read(&self) -> Outcome<ReadTransaction> {
        Ok(self.db.begin_read()?)
    }

    fn write(&self, people: &[Person], durability: Durability) -> Outcome<()> {
        let transaction = self.db.begin_write()?;
        {
            let mut write = CanopydbWrite {
                people: transaction.get_or_create_tree(b"people")?,
                emails: transaction.get_or_create_tree(b"emails")?,
                ages: transaction.get_or_create_tree(b"ages")?,
            };
            key_value::insert_into(&mut write, people)?;
        }
        transaction.commit_with(durability == Durability::Synced)?;
        Ok(())
    }

    fn close(self) -> Outcome<()> {
        Ok(self.db.checkpoint()?)
    }
}

/// One tree in a read transaction.
struct Table<'t>(Tree<'t>);

fn table<'t>(transaction: &'t ReadTransaction, name: &str) -> Outcome<Table<'t>> {
    let tree = transaction.get_tree(name.as_bytes())?;
    Ok(Table(tree.ok_or_else(|| format!("there is no tree {name}"))?))
}

impl Read for ReadTransaction {
    fn people(&self) -> Outcome<impl People> {
        table(self, "people")
    }

    fn emails(&self) -> Outcome<impl Emails> {
        table(self, "emails")
    }

    fn ages(&self) -> Outcome<impl Ages> {
        table(self, "ages")
    }
}

impl People for Table<'_> {
    fn get<T>(&self, id: u64, then: impl FnOnce(&[u8]) -> Outcome<T>) -> Outcome<Option<T>> {
        self.0.get(&id.to_be_bytes())?.map(|record| then(&record)).transpose()
    }

    fn each(&self, mut visit: impl FnMut(&[u8]) -> Outcome<()>) -> Outcome<()> {
        for entry in self.0.iter()? {
            visit(&entry?.1)?;
        }
        Ok(())
    }
}

impl Emails for Table<'_> {
    fn get(&self, email: &str) -> Outcome<Option<u64>> {
        self.0.get(email.as_bytes())?.map(|id| key_value::id_from(&id)).transpose()
    }
}

impl Ages for Table<'_> {
    fn get(&self, age: u8) -> Outcome<impl Iterator<Item = Outcome<u64>>> {
        let range = key_value::age_key(age, 0)..=key_value::age_key(age, u64::MAX);
        Ok(self.0.range_keys(range)?.map(|key| key_value::id_of_age_key(&key?)))
    }
}

struct CanopydbWrite<'t> {
    people: Tree<'t>,
    emails: Tree<'t>,
    ages: Tree<'t>,
}

/// Inserts an entry; `false` when there was one. The tree's count tells, so that it need not be looked for.
fn insert(tree: &mut Tree<'_>, key: &[u8], value: &[u8]) -> Outcome<bool> {
    let before = tree.len();
    tree.insert(key, value)?;
    Ok(tree.len() != before)
}

impl Write for CanopydbWrite<'_> {
    fn add_person(&mut self, id: u64, record: &[u8]) -> Outcome<bool> {
        insert(&mut self.people, &id.to_be_bytes(), record)
    }

    fn add_email(&mut self, email: &str, id: u64) -> Outcome<bool> {
        insert(&mut self.emails, email.as_bytes(), &id.to_be_bytes())
    }

    fn add_age(&mut self, age: u8, id: u64) -> Outcome<()> {
        Ok(self.ages.insert(&key_value::age_key(age, id), &[])?)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_goes_in_comes_out() {
        crate::engines::check(&super::Canopydb);
    }
}

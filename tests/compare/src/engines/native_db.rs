//! native_db: a struct with keys declared, as with us; in redb, by `bincode`. It has no commits that are not synced.

use std::path::Path;
use std::sync::LazyLock;

use ::native_db::{Builder, Database, Models, ToKey, native_db};
use native_model::{Model, native_model};
use serde::{Deserialize, Serialize};

use super::{CACHE_BYTES, Durability, Engine, Group, Outcome, Reader, Store, groups};
use crate::person::Person;

static MODELS: LazyLock<Models> = LazyLock::new(|| {
    let mut models = Models::new();
    models.define::<Record>().expect("the model is complete");
    models
});

/// A [`Person`], as native_db wants it declared.
#[derive(Serialize, Deserialize)]
#[native_model(id = 1, version = 1)]
#[native_db]
struct Record {
    #[primary_key]
    id: u64,
    name: String,
    #[secondary_key(unique)]
    email: String,
    #[secondary_key]
    age: u8,
    score: f64,
    active: bool,
    bio: String,
}

impl From<&Person> for Record {
    fn from(person: &Person) -> Record {
        let Person { id, name, email, age, score, active, bio } = person.clone();
        Record { id, name, email, age, score, active, bio }
    }
}

impl From<Record> for Person {
    fn from(Record { id, name, email, age, score, active, bio }: Record) -> Person {
        Person { id, name, email, age, score, active, bio }
    }
}

pub struct NativeDb;

impl Engine for NativeDb {
    fn name(&self) -> &'static str {
        "native_db"
    }

    fn in_memory(&self) -> Outcome<Option<Box<dyn Store>>> {
        let db = Builder::new().set_cache_size(CACHE_BYTES).create_in_memory(&MODELS)?;
        Ok(Some(Box::new(NativeDbStore { db })))
    }

    fn open(&self, directory: &Path) -> Outcome<Box<dyn Store>> {
        let path = directory.join("people.native_db");
        let mut builder = Builder::new();
        builder.set_cache_size(CACHE_BYTES);
        let db = if path.exists() { builder.open(&MODELS, path)? } else { builder.create(&MODELS, path)? };
        Ok(Box::new(NativeDbStore { db }))
    }

    fn commits_unsynced(&self) -> bool {
        false
    }
}

struct NativeDbStore {
    db: Database<'static>,
}

impl Store for NativeDbStore {
    fn insert_all(&self, people: &[Person], durability: Durability) -> Outcome<()> {
        if durability != Durability::Synced {
            return Err("native_db syncs every commit".into());
        }
        let transaction = self.db.rw_transaction()?;
        for person in people {
            transaction.insert(Record::from(person))?;
        }
        Ok(transaction.commit()?)
    }

    fn count(&self) -> Outcome<u64> {
        Ok(self.db.r_transaction()?.len().primary::<Record>()?)
    }

    fn reader(&self) -> Outcome<Box<dyn Reader + '_>> {
        Ok(Box::new(NativeDbReader(&self.db)))
    }

    fn close(self: Box<Self>) -> Outcome<()> {
        drop(self.db);
        Ok(())
    }
}

struct NativeDbReader<'s>(&'s Database<'static>);

impl NativeDbReader<'_> {
    fn each(&self, mut visit: impl FnMut(Record)) -> Outcome<()> {
        let transaction = self.0.r_transaction()?;
        for record in transaction.scan().primary::<Record>()?.all()? {
            visit(record?);
        }
        Ok(())
    }
}

impl Reader for NativeDbReader<'_> {
    fn by_key(&mut self, ids: &[u64]) -> Outcome<Vec<Person>> {
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            let transaction = self.0.r_transaction()?;
            found.extend(transaction.get().primary::<Record>(*id)?.map(Person::from));
        }
        Ok(found)
    }

    fn by_email(&mut self, emails: &[&str]) -> Outcome<Vec<Person>> {
        let mut found = Vec::with_capacity(emails.len());
        for email in emails {
            let transaction = self.0.r_transaction()?;
            found.extend(transaction.get().secondary::<Record>(RecordKey::email, *email)?.map(Person::from));
        }
        Ok(found)
    }

    fn count_active(&mut self, score_min: f64) -> Outcome<u64> {
        let mut count = 0;
        self.each(|record| count += u64::from(record.active & (record.score >= score_min)))?;
        Ok(count)
    }

    fn by_age(&mut self) -> Outcome<Vec<Group>> {
        let mut sums = [(0, 0.0); 256];
        self.each(|record| {
            let (count, sum) = &mut sums[usize::from(record.age)];
            *count += 1;
            *sum += record.score;
        })?;
        Ok(groups(&sums))
    }

    /// By filtering a scan, which ends with the last that is wanted: a scan of the index would collect the keys of all
    /// ages in the range first.
    fn of_ages(&mut self, first: u8, last: u8, count: usize) -> Outcome<Vec<Person>> {
        let transaction = self.0.r_transaction()?;
        let mut found = Vec::with_capacity(count);
        for record in transaction.scan().primary::<Record>()?.all()? {
            if found.len() == count {
                break;
            }
            let record = record?;
            if (first..=last).contains(&record.age) {
                found.push(record.into());
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_goes_in_comes_out() {
        crate::engines::check(&super::NativeDb);
    }
}

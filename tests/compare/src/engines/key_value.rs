//! A [`Store`] on top of three ordered tables: what a program does that keeps people in a key-value store.
//!
//! | table | key | value |
//! |---|---|---|
//! | people | id, in an order-keeping form | the record, see [`codec`] |
//! | emails | address | id |
//! | ages | age, id | nothing |
//!
//! Scans look at the fields they need, in place. The people of some ages are found by merging the index's runs, one for
//! each age, which are in the order of the ids.

use super::codec::{self, Head};
use super::{Durability, Group, Outcome, Reader, Store, groups};
use crate::person::Person;

/// A key-value store with the three tables.
pub trait KeyValue: Sync + Sized {
    /// A read transaction.
    type Read<'s>: Read
    where
        Self: 's;

    fn read(&self) -> Outcome<Self::Read<'_>>;

    /// Inserts people in one transaction, by [`insert_into`].
    fn write(&self, people: &[Person], durability: Durability) -> Outcome<()>;

    fn close(self) -> Outcome<()>;
}

/// A read transaction: opens the tables.
pub trait Read {
    fn people(&self) -> Outcome<impl People>;
    fn emails(&self) -> Outcome<impl Emails>;
    fn ages(&self) -> Outcome<impl Ages>;
}

pub trait People {
    /// What `then` makes of the record with this key.
    fn get<T>(&self, id: u64, then: impl FnOnce(&[u8]) -> Outcome<T>) -> Outcome<Option<T>>;

    /// All records, in the order of their keys.
    fn each(&self, visit: impl FnMut(&[u8]) -> Outcome<()>) -> Outcome<()>;
}

pub trait Emails {
    /// The key of the record with this address.
    fn get(&self, email: &str) -> Outcome<Option<u64>>;
}

pub trait Ages {
    /// The keys of the records with this age, in their order.
    fn get(&self, age: u8) -> Outcome<impl Iterator<Item = Outcome<u64>>>;
}

/// A write transaction, its tables open.
pub trait Write {
    /// `false` when there is a record with this key already.
    fn add_person(&mut self, id: u64, record: &[u8]) -> Outcome<bool>;

    /// `false` when there is one with this address.
    fn add_email(&mut self, email: &str, id: u64) -> Outcome<bool>;

    fn add_age(&mut self, age: u8, id: u64) -> Outcome<()>;
}

/// Inserts people, in their order.
pub fn insert_into(tables: &mut impl Write, people: &[Person]) -> Outcome<()> {
    let mut record = Vec::new();
    for person in people {
        codec::encode(person, &mut record)?;
        if !tables.add_person(person.id, &record)? {
            return Err(format!("there is a person with key {}", person.id).into());
        }
        if !tables.add_email(&person.email, person.id)? {
            return Err(format!("there is a person with address {}", person.email).into());
        }
        tables.add_age(person.age, person.id)?;
    }
    Ok(())
}

/// A key of the ages' table, for stores whose keys are bytes.
pub fn age_key(age: u8, id: u64) -> [u8; 9] {
    let mut key = [age; 9];
    key[1..].copy_from_slice(&id.to_be_bytes());
    key
}

/// The id in an entry of the ages' table.
pub fn id_of_age_key(key: &[u8]) -> Outcome<u64> {
    id_from(key.get(1..).ok_or("the key of an age is empty")?)
}

/// An id from the bytes it has where keys or values are bytes.
pub fn id_from(bytes: &[u8]) -> Outcome<u64> {
    Ok(u64::from_be_bytes(bytes.try_into()?))
}

impl<K: KeyValue> Store for K {
    fn insert_all(&self, people: &[Person], durability: Durability) -> Outcome<()> {
        self.write(people, durability)
    }

    fn count(&self) -> Outcome<u64> {
        let mut count = 0;
        self.read()?.people()?.each(|_| {
            count += 1;
            Ok(())
        })?;
        Ok(count)
    }

    fn reader(&self) -> Outcome<Box<dyn Reader + '_>> {
        Ok(Box::new(KeyValueReader(self)))
    }

    fn close(self: Box<Self>) -> Outcome<()> {
        KeyValue::close(*self)
    }
}

struct KeyValueReader<'s, K>(&'s K);

impl<K: KeyValue> Reader for KeyValueReader<'_, K> {
    fn by_key(&mut self, ids: &[u64]) -> Outcome<Vec<Person>> {
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            let read = self.0.read()?;
            found.extend(read.people()?.get(*id, |record| codec::decode(*id, record))?);
        }
        Ok(found)
    }

    fn by_email(&mut self, emails: &[&str]) -> Outcome<Vec<Person>> {
        let mut found = Vec::with_capacity(emails.len());
        for email in emails {
            let read = self.0.read()?;
            if let Some(id) = read.emails()?.get(email)? {
                found.extend(read.people()?.get(id, |record| codec::decode(id, record))?);
            }
        }
        Ok(found)
    }

    fn count_active(&mut self, score_min: f64) -> Outcome<u64> {
        let mut count = 0;
        self.0.read()?.people()?.each(|record| {
            let Head { active, score, .. } = codec::head(record)?;
            count += u64::from(active & (score >= score_min));
            Ok(())
        })?;
        Ok(count)
    }

    fn by_age(&mut self) -> Outcome<Vec<Group>> {
        let mut sums = [(0, 0.0); 256];
        self.0.read()?.people()?.each(|record| {
            let Head { age, score, .. } = codec::head(record)?;
            let (count, sum) = &mut sums[usize::from(age)];
            *count += 1;
            *sum += score;
            Ok(())
        })?;
        Ok(groups(&sums))
    }

    fn of_ages(&mut self, first: u8, last: u8, count: usize) -> Outcome<Vec<Person>> {
        let read = self.0.read()?;
        let (people, ages) = (read.people()?, read.ages()?);
        let mut runs = Vec::new();
        for age in first..=last {
            let mut ids = ages.get(age)?;
            if let Some(id) = ids.next() {
                runs.push((id?, ids));
            }
        }
        let mut found = Vec::with_capacity(count);
        // There are few runs: looking at each of them beats a heap.
        while found.len() < count
            && let Some(index) = (0..runs.len()).min_by_key(|index| runs[*index].0)
        {
            let (id, ids) = &mut runs[index];
            let record = people.get(*id, |record| codec::decode(*id, record))?;
            found.push(record.ok_or("the index of ages names nobody")?);
            match ids.next() {
                Some(next) => *id = next?,
                None => drop(runs.swap_remove(index)),
            }
        }
        Ok(found)
    }
}

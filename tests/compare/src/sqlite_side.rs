//! The questions, put to SQLite: prepared statements, a write-ahead log, every commit synced, a cache for everything.

use std::error::Error;
use std::path::Path;

use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};

use crate::Engine;
use crate::person::Person;

const SCHEMA: &str = "
    CREATE TABLE person (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, age INTEGER NOT NULL,
        score REAL NOT NULL, active INTEGER NOT NULL, bio TEXT NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX person_email ON person (email);
    CREATE INDEX person_age ON person (age);";
const INSERT: &str = "INSERT INTO person VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
const BY_KEY: &str = "SELECT id, name, email, age, score, active, bio FROM person WHERE id = ?1";
const BY_EMAIL: &str = "SELECT id, name, email, age, score, active, bio FROM person WHERE email = ?1";
const COUNT: &str = "SELECT COUNT(*) FROM person WHERE score >= ?1 AND active";

/// A database of people.
pub struct Sqlite {
    connection: Connection,
}

impl Engine for Sqlite {
    fn insert_in_memory(people: &[Person]) -> Result<u64, Box<dyn Error>> {
        let mut connection = Connection::open_in_memory()?;
        connection.execute_batch(SCHEMA)?;
        insert(&mut connection, people)?;
        Ok(connection.query_row("SELECT COUNT(*) FROM person", [], |row| row.get::<_, i64>(0))?.try_into()?)
    }

    fn load(path: &Path, people: &[Person]) -> Result<Sqlite, Box<dyn Error>> {
        let mut connection = Connection::open(path)?;
        // A cache of 2 GiB, in KiB.
        connection.execute_batch("PRAGMA cache_size = -2097152; PRAGMA synchronous = FULL;")?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.execute_batch(SCHEMA)?;
        insert(&mut connection, people)?;
        Ok(Sqlite { connection })
    }

    fn by_key(&mut self, ids: &[u64]) -> Result<Vec<Person>, Box<dyn Error>> {
        let mut statement = self.connection.prepare_cached(BY_KEY)?;
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            found.extend(statement.query_row([id.cast_signed()], person).optional()?);
        }
        Ok(found)
    }

    fn by_email(&mut self, emails: &[&str]) -> Result<Vec<Person>, Box<dyn Error>> {
        let mut statement = self.connection.prepare_cached(BY_EMAIL)?;
        let mut found = Vec::with_capacity(emails.len());
        for email in emails {
            found.extend(statement.query_row([email], person).optional()?);
        }
        Ok(found)
    }

    fn count_active(&mut self, score_min: f64) -> Result<u64, Box<dyn Error>> {
        let mut statement: CachedStatement<'_> = self.connection.prepare_cached(COUNT)?;
        Ok(statement.query_row([score_min], |row| row.get::<_, i64>(0))?.try_into()?)
    }
}

fn insert(connection: &mut Connection, people: &[Person]) -> Result<(), Box<dyn Error>> {
    let transaction = connection.transaction()?;
    {
        let mut statement = transaction.prepare_cached(INSERT)?;
        for p in people {
            statement.execute(params![
                p.id.cast_signed(),
                p.name,
                p.email,
                p.age,
                p.score,
                p.active,
                p.bio
            ])?;
        }
    }
    Ok(transaction.commit()?)
}

fn person(row: &Row<'_>) -> rusqlite::Result<Person> {
    Ok(Person {
        id: row.get::<_, i64>(0)?.cast_unsigned(),
        name: row.get(1)?,
        email: row.get(2)?,
        age: row.get(3)?,
        score: row.get(4)?,
        active: row.get(5)?,
        bio: row.get(6)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        crate::check_engine::<Sqlite>();
    }

    #[test]
    fn the_count_scans_and_the_lookups_do_not() {
        // EXPLAIN QUERY PLAN says SCAN for a full scan, SEARCH for a lookup.
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(SCHEMA).unwrap();
        for (sql, expected) in [(COUNT, "SCAN"), (BY_KEY, "SEARCH"), (BY_EMAIL, "SEARCH")] {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let plan: String = statement.query_row([1], |row| row.get(3)).unwrap();
            assert!(plan.starts_with(expected), "{sql}: {plan}");
        }
    }
}

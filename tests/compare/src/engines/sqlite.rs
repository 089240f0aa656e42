//! SQLite: prepared statements, a write-ahead log, a cache that holds everything.
//!
//! Synced commits have `synchronous = FULL`. Unsynced ones have `NORMAL`, which in a write-ahead log syncs at checkpoints
//! only and keeps the order of commits: what our own unsynced commits promise, too.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::{CACHE_BYTES, Durability, Engine, Group, Outcome, Reader, Store};
use crate::person::Person;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS person (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL, age INTEGER NOT NULL,
        score REAL NOT NULL, active INTEGER NOT NULL, bio TEXT NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX IF NOT EXISTS person_email ON person (email);
    CREATE INDEX IF NOT EXISTS person_age ON person (age);";
const INSERT: &str = "INSERT INTO person VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
const BY_KEY: &str = "SELECT id, name, email, age, score, active, bio FROM person WHERE id = ?1";
const BY_EMAIL: &str = "SELECT id, name, email, age, score, active, bio FROM person WHERE email = ?1";
const COUNT_ACTIVE: &str = "SELECT COUNT(*) FROM person WHERE score >= ?1 AND active";
const BY_AGE: &str = "SELECT age, COUNT(*), SUM(score) FROM person GROUP BY age ORDER BY age";
const OF_AGES: &str = "SELECT id, name, email, age, score, active, bio FROM person \
                       WHERE age BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3";

pub struct Sqlite;

impl Engine for Sqlite {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn in_memory(&self) -> Outcome<Option<Box<dyn Store>>> {
        let connection = Connection::open_in_memory()?;
        connection.execute_batch(SCHEMA)?;
        Ok(Some(Box::new(SqliteStore::over(connection, None))))
    }

    fn open(&self, directory: &Path) -> Outcome<Box<dyn Store>> {
        let path = directory.join("people.sqlite");
        let connection = connect(&path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.execute_batch(SCHEMA)?;
        Ok(Box::new(SqliteStore::over(connection, Some(path))))
    }
}

fn connect(path: &Path) -> Outcome<Connection> {
    let connection = Connection::open(path)?;
    // A negative size is in KiB.
    connection.pragma_update(None, "cache_size", -i64::try_from(CACHE_BYTES / 1024)?)?;
    Ok(connection)
}

struct SqliteStore {
    /// The connection that writes, and what its commits wait for, once that was said.
    writer: Mutex<(Connection, Option<Durability>)>,
    /// `None` in memory.
    path: Option<PathBuf>,
}

impl SqliteStore {
    fn over(connection: Connection, path: Option<PathBuf>) -> SqliteStore {
        SqliteStore { writer: Mutex::new((connection, None)), path }
    }
}

impl Store for SqliteStore {
    fn insert_all(&self, people: &[Person], durability: Durability) -> Outcome<()> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let (connection, set) = &mut *writer;
        if *set != Some(durability) {
            let level = if durability == Durability::Synced { "FULL" } else { "NORMAL" };
            connection.pragma_update(None, "synchronous", level)?;
            *set = Some(durability);
        }
        let transaction = connection.transaction()?;
        {
            let mut statement = transaction.prepare_cached(INSERT)?;
            for p in people {
                let id = p.id.cast_signed();
                statement.execute(params![id, p.name, p.email, p.age, p.score, p.active, p.bio])?;
            }
        }
        Ok(transaction.commit()?)
    }

    fn count(&self) -> Outcome<u64> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let count: i64 = writer.0.query_row("SELECT COUNT(*) FROM person", [], |row| row.get(0))?;
        Ok(count.try_into()?)
    }

    fn reader(&self) -> Outcome<Box<dyn Reader + '_>> {
        let path = self.path.as_ref().ok_or("a database in memory has no second connection")?;
        Ok(Box::new(SqliteReader(connect(path)?)))
    }

    fn settle(&self) -> Outcome<()> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.0.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    }

    fn close(self: Box<Self>) -> Outcome<()> {
        let (connection, _) = self.writer.into_inner().unwrap_or_else(PoisonError::into_inner);
        connection.close().map_err(|(_, error)| error.into())
    }
}

/// A connection of its own: connections are not shared between threads.
struct SqliteReader(Connection);

impl Reader for SqliteReader {
    fn by_key(&mut self, ids: &[u64]) -> Outcome<Vec<Person>> {
        let mut statement = self.0.prepare_cached(BY_KEY)?;
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            found.extend(statement.query_row([id.cast_signed()], Person::of_row).optional()?);
        }
        Ok(found)
    }

    fn by_email(&mut self, emails: &[&str]) -> Outcome<Vec<Person>> {
        let mut statement = self.0.prepare_cached(BY_EMAIL)?;
        let mut found = Vec::with_capacity(emails.len());
        for email in emails {
            found.extend(statement.query_row([email], Person::of_row).optional()?);
        }
        Ok(found)
    }

    fn count_active(&mut self, score_min: f64) -> Outcome<u64> {
        let mut statement: CachedStatement<'_> = self.0.prepare_cached(COUNT_ACTIVE)?;
        Ok(statement.query_row([score_min], |row| row.get::<_, i64>(0))?.try_into()?)
    }

    fn by_age(&mut self) -> Outcome<Vec<Group>> {
        let mut statement = self.0.prepare_cached(BY_AGE)?;
        let groups = statement.query_map([], |row| {
            Ok(Group { age: row.get(0)?, count: row.get::<_, i64>(1)?.cast_unsigned(), score: row.get(2)? })
        })?;
        Ok(groups.collect::<Result<_, _>>()?)
    }

    fn of_ages(&mut self, first: u8, last: u8, count: usize) -> Outcome<Vec<Person>> {
        let mut statement = self.0.prepare_cached(OF_AGES)?;
        let found = statement.query_map(params![first, last, i64::try_from(count)?], Person::of_row)?;
        Ok(found.collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        crate::engines::check(&Sqlite);
    }

    #[test]
    fn the_count_scans_and_the_lookups_do_not() {
        // EXPLAIN QUERY PLAN says SCAN for a full scan, SEARCH for a lookup.
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(SCHEMA).unwrap();
        for (sql, expected) in [(COUNT_ACTIVE, "SCAN"), (BY_KEY, "SEARCH"), (BY_EMAIL, "SEARCH")] {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let plan: String = statement.query_row([1], |row| row.get(3)).unwrap();
            assert!(plan.starts_with(expected), "{sql}: {plan}");
        }
    }
}

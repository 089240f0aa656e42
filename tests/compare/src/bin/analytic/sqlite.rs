//! SQLite, in memory.

use std::error::Error;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::person::Person;
use super::{Answer, Data, Gives, Outcome, Peer, Question, Sums, sums, timed};

pub struct Sqlite(Connection);

impl Sqlite {
    pub fn load(data: &Data) -> Outcome<Sqlite> {
        let mut connection = Connection::open_in_memory()?;
        connection.execute_batch(
            "create table person (id integer primary key, name text, email text, age integer, score real, active integer,
                 bio text);
             create table purchase (id integer primary key, buyer integer, amount integer);
             create table buyer (id integer primary key, kind integer);",
        )?;
        let transaction = connection.transaction()?;
        {
            let mut insert = transaction.prepare("insert into person values (?, ?, ?, ?, ?, ?, ?)")?;
            for p in &data.people {
                insert.execute((p.id as i64, &p.name, &p.email, p.age, p.score, p.active, &p.bio))?;
            }
            let mut insert = transaction.prepare("insert into purchase values (?, ?, ?)")?;
            for p in &data.purchases {
                insert.execute((p.id as i64, p.buyer as i64, p.amount))?;
            }
            let mut insert = transaction.prepare("insert into buyer values (?, ?)")?;
            for b in &data.buyers {
                insert.execute((b.id as i64, b.kind))?;
            }
        }
        transaction.commit()?;
        connection.execute_batch(
            "create unique index person_email on person (email); create index person_age on person (age); analyze;",
        )?;
        Ok(Sqlite(connection))
    }

    fn answer(&self, question: &Question) -> Outcome<Answer> {
        let mut statement = self.0.prepare_cached(question.sql)?;
        match question.gives {
            Gives::Rows => {
                let columns = statement.column_count();
                let mut rows = statement.query(())?;
                let mut answer = Vec::new();
                while let Some(row) = rows.next()? {
                    for column in 0..columns {
                        answer.push(match row.get_ref(column)? {
                            ValueRef::Integer(number) => number as f64,
                            ValueRef::Real(number) => number,
                            other => return Err(format!("no number comes of {other:?}").into()),
                        });
                    }
                }
                Ok(answer)
            }
            Gives::Columns => {
                let pair = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?));
                let all: Vec<(u64, f64)> = statement.query_map((), pair)?.collect::<Result<_, _>>()?;
                Ok(sums(all.iter().map(|(id, score)| (*id, *score, 0))))
            }
            Gives::Records => {
                let all: Vec<Person> = statement.query_map((), Person::of_row)?.collect::<Result<_, _>>()?;
                Ok(sums(all.iter().map(|person| (person.id, person.score, person.bio.len()))))
            }
            Gives::Lent => {
                let mut rows = statement.query(())?;
                let mut sums = Sums::default();
                while let Some(row) = rows.next()? {
                    let text = |column| Ok::<_, Box<dyn Error>>(row.get_ref(column)?.as_str()?.len());
                    let lengths = text(1)? + text(2)? + text(6)?;
                    let (age, active): (u8, bool) = (row.get(3)?, row.get(5)?);
                    let id = row.get::<_, i64>(0)? as u64;
                    sums.add(id, row.get(4)?, lengths + usize::from(age) + usize::from(active));
                }
                Ok(sums.into_answer())
            }
        }
    }
}

impl Peer for Sqlite {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn ask(&mut self, question: &Question) -> Outcome<(Duration, Answer)> {
        // The first time prepares: what is measured comes later.
        timed(|| self.answer(question))
    }
}

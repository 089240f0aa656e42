//! The questions, put to Epilog.

use std::error::Error;
use std::path::Path;

use epilog::prelude::*;

use crate::Engine;
use crate::person::Person;

epilog::schema!(pub People { Person });

/// A database of people.
pub struct Epilog {
    db: Database<People>,
}

impl Engine for Epilog {
    fn insert_in_memory(people: &[Person]) -> Result<u64, Box<dyn Error>> {
        let db = People::in_memory()?;
        db.write(|tx| {
            for person in people {
                tx.insert(person)?;
            }
            Ok(())
        })?;
        Ok(Person::query().count(&db)?)
    }

    fn load(path: &Path, people: &[Person]) -> Result<Epilog, Box<dyn Error>> {
        let db = People::open(path)?;
        db.write(|tx| tx.insert_all(people))?;
        Ok(Epilog { db })
    }

    fn by_key(&mut self, ids: &[u64]) -> Result<Vec<Person>, Box<dyn Error>> {
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            found.extend(self.db.get::<Person>(*id)?);
        }
        Ok(found)
    }

    fn by_email(&mut self, emails: &[&str]) -> Result<Vec<Person>, Box<dyn Error>> {
        let mut found = Vec::with_capacity(emails.len());
        for email in emails {
            found.extend(Person::query().filter(|p| p.email.eq(*email)).first(&self.db)?);
        }
        Ok(found)
    }

    fn count_active(&mut self, score_min: f64) -> Result<u64, Box<dyn Error>> {
        Ok(Person::query().filter(|p| p.score.ge(score_min) & p.active).count(&self.db)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        crate::check_engine::<Epilog>();
    }
}

//! Looking up one record: by its key, and by a unique string. Each in a transaction of its own, decoded whole.

use super::Bench;
use crate::engines::{Outcome, Store};
use crate::person::{Person, Random};
use crate::report::Figure;
use crate::system::timed;

/// Measures both, of random records.
pub fn measure(bench: &mut Bench, stores: &[Box<dyn Store>]) -> Outcome<()> {
    if !bench.plan.wants(&[Figure::GetByKey, Figure::GetByEmail]) {
        return Ok(());
    }
    let mut random = Random::new(bench.plan.seed ^ 1);
    for round in 0..bench.plan.rounds {
        let asked = ask(bench, &mut random);
        let ids: Vec<u64> = asked.iter().map(|person| person.id).collect();
        let emails: Vec<&str> = asked.iter().map(|person| person.email.as_str()).collect();
        for engine in bench.order(round) {
            bench.tell("lookups", round, engine);
            let name = bench.engines[engine].name();
            let mut reader = stores[engine].reader()?;
            // A reader of its own has a cache of its own in some engines: it is warmed first.
            reader.count_active(0.0)?;
            reader.by_key(&ids[..ids.len() / 10])?;
            let (found, spent) = timed(|| reader.by_key(&ids))?;
            bench.agree(name, "people by key", &asked, &found)?;
            bench.report.add(Figure::GetByKey, engine, spent.cpu_ns / ids.len() as f64);
            reader.by_email(&emails[..emails.len() / 10])?;
            let (found, spent) = timed(|| reader.by_email(&emails))?;
            bench.agree(name, "people by address", &asked, &found)?;
            bench.report.add(Figure::GetByEmail, engine, spent.cpu_ns / emails.len() as f64);
        }
    }
    Ok(())
}

/// The people who are looked up in one round.
pub fn ask(bench: &Bench, random: &mut Random) -> Vec<Person> {
    (0..bench.plan.lookups).map(|_| random.one_of(bench.people()).clone()).collect()
}

//! The figures, a file for each group of them, and [`Bench`], what they share.

pub mod commits;
pub mod load;
pub mod lookups;
pub mod memory;
pub mod opening;
pub mod scans;
pub mod threads;

use tempfile::TempDir;

use crate::arguments::Plan;
use crate::engines::{Engine, Outcome, Store};
use crate::person::{self, Person};
use crate::report::Report;

/// A run: its plan, its engines, its records, and what was measured so far.
pub struct Bench {
    pub plan: Plan,
    pub engines: Vec<Box<dyn Engine>>,
    /// In the order of their keys: those of the load, then those that are committed one by one.
    people: Vec<Person>,
    pub report: Report,
}

impl Bench {
    /// A run of this plan, with nothing measured yet.
    pub fn new(plan: Plan) -> Outcome<Bench> {
        let engines = plan.engines()?;
        let people = person::people(plan.people + plan.later_people(), plan.seed);
        let report = Report::new(engines.iter().map(|engine| engine.name()).collect());
        Ok(Bench { plan, engines, people, report })
    }

    /// The people of the load.
    pub fn people(&self) -> &[Person] {
        &self.people[..self.plan.people]
    }

    /// The people that come one by one.
    pub fn later(&self) -> &[Person] {
        &self.people[self.plan.people..]
    }

    /// The engines' positions, in the order of this round.
    pub fn order(&self, round: usize) -> impl Iterator<Item = usize> + use<> {
        let count = self.engines.len();
        (0..count).map(move |index| (index + round) % count)
    }

    /// Opens what was loaded, and reads it once, so that caches are warm.
    pub fn open(&self, directories: &[TempDir]) -> Outcome<Vec<Box<dyn Store>>> {
        let mut stores = Vec::new();
        for (engine, directory) in self.engines.iter().zip(directories) {
            let store = engine.open(directory.path())?;
            let mut reader = store.reader()?;
            self.agree(engine.name(), "people", &(self.people().len() as u64), &store.count()?)?;
            reader.count_active(0.0)?;
            drop(reader);
            stores.push(store);
        }
        Ok(stores)
    }

    /// Says what is going on, for those who wait.
    pub fn tell(&self, what: &str, round: usize, engine: usize) {
        eprintln!("{what}, round {}: {}", round + 1, self.engines[engine].name());
    }

    /// Ends the run when an engine gave a wrong answer.
    pub fn agree<T: PartialEq>(&self, engine: &str, what: &str, expected: &T, found: &T) -> Outcome<()> {
        if expected == found { Ok(()) } else { Err(format!("{engine} gave wrong {what}").into()) }
    }
}

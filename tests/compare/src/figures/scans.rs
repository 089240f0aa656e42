//! Looking at many records: full scans, and the first of an index range in another order.

use super::Bench;
use crate::answers;
use crate::engines::{Outcome, Store};
use crate::person::Person;
use crate::report::Figure;
use crate::system::timed;

const SCORE_MIN: f64 = 0.9;
/// Of 100 ages.
const AGES: (u8, u8) = (30, 32);
const FIRST: usize = 100;
/// Questions in one round of those that take microseconds.
const RANGES: usize = 50;

/// Measures them, in rounds.
pub fn measure(bench: &mut Bench, stores: &[Box<dyn Store>]) -> Outcome<()> {
    if !bench.plan.wants(&[Figure::CountActive, Figure::GroupByAge, Figure::FirstOfAges]) {
        return Ok(());
    }
    let active = answers::count_active(bench.people(), SCORE_MIN);
    let groups = answers::by_age(bench.people());
    let first: Vec<Person> = answers::of_ages(bench.people(), AGES.0, AGES.1, FIRST).cloned().collect();
    for round in 0..bench.plan.rounds {
        for engine in bench.order(round) {
            bench.tell("scans", round, engine);
            let name = bench.engines[engine].name();
            let mut reader = stores[engine].reader()?;
            reader.by_age()?;
            let (found, spent) = timed(|| reader.count_active(SCORE_MIN))?;
            bench.agree(name, "active people", &active, &found)?;
            bench.report.add(Figure::CountActive, engine, spent.cpu_ns);

            let (found, spent) = timed(|| reader.by_age())?;
            let agree = groups.len() == found.len()
                && groups.iter().zip(&found).all(|(expected, found)| expected.agrees_with(found));
            bench.agree(name, "groups by age", &true, &agree)?;
            bench.report.add(Figure::GroupByAge, engine, spent.cpu_ns);

            let (found, spent) = timed(|| {
                let answers = (0..RANGES).map(|_| reader.of_ages(AGES.0, AGES.1, FIRST));
                answers.collect::<Outcome<Vec<_>>>()
            })?;
            for found in found {
                bench.agree(name, "people of some ages", &first, &found)?;
            }
            bench.report.add(Figure::FirstOfAges, engine, spent.cpu_ns / RANGES as f64);
        }
    }
    Ok(())
}

//! Inserting into an empty store in memory: one by one, in one transaction, both indexes kept.

use super::Bench;
use crate::engines::{Durability, Outcome};
use crate::report::Figure;
use crate::system::timed;

/// Measures it, of engines that can live in memory.
pub fn measure(bench: &mut Bench) -> Outcome<()> {
    if !bench.plan.wants(&[Figure::InsertInMemory]) {
        return Ok(());
    }
    for round in 0..bench.plan.write_rounds() {
        for engine in bench.order(round) {
            let Some(store) = bench.engines[engine].in_memory()? else { continue };
            bench.tell("insert in memory", round, engine);
            let people = bench.people();
            let ((), spent) = timed(|| store.insert_each(people, Durability::Synced))?;
            let name = bench.engines[engine].name();
            bench.agree(name, "people after inserting", &(people.len() as u64), &store.count()?)?;
            let per_record = spent.cpu_ns / people.len() as f64;
            bench.report.add(Figure::InsertInMemory, engine, per_record);
        }
    }
    Ok(())
}

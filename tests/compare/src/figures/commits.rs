//! Commits of one record, into a store that holds all others: such that wait for the disk, and such that wait for nothing.

use std::time::Instant;

use super::Bench;
use crate::engines::{Durability, Outcome, Store};
use crate::person::Person;
use crate::report::{Figure, percentile};
use crate::system::{Io, ProcessIo, Spent, timed, while_counting};

const DURABLE: [Figure; 6] = [
    Figure::DurableCommitBytes,
    Figure::DurableCommitWrites,
    Figure::DurableCommitSyncs,
    Figure::DurableCommitP50,
    Figure::DurableCommitP99,
    Figure::DurableCommitCpu,
];
const UNSYNCED: [Figure; 3] =
    [Figure::UnsyncedCommitP50, Figure::UnsyncedCommitP99, Figure::UnsyncedCommitCpu];

/// Measures both, and that what was committed is there.
pub fn measure(bench: &mut Bench, stores: &[Box<dyn Store>]) -> Outcome<()> {
    if !bench.plan.wants(&DURABLE) && !bench.plan.wants(&UNSYNCED) {
        return Ok(());
    }
    let (durable, unsynced) = (bench.plan.durable_commits, bench.plan.unsynced_commits);
    let later: Vec<Person> =
        bench.later()[bench.plan.write_rounds() * bench.plan.beside_commits()..].to_vec();
    for round in 0..bench.plan.write_rounds() {
        let people = &later[round * (durable + unsynced + 2)..];
        let (first, people) = people.split_at(durable);
        let (second, people) = people.split_at(unsynced);
        for engine in bench.order(round) {
            bench.tell("commits", round, engine);
            let store = &*stores[engine];
            store.settle()?;
            // The first commit after opening may make a journal.
            store.insert_all(&people[..1], Durability::Synced)?;
            let (writes, io) = (ProcessIo::now()?.writes, Io::of(store)?);
            let (times, spent) = while_counting(|| commit_each(store, first, Durability::Synced))?;
            let io = Io::of(store)? - io;
            let writes = ProcessIo::now()?.writes - writes;
            let per_commit = |count: u64| count as f64 / durable as f64;
            let values = [
                per_commit(io.written),
                per_commit(writes),
                per_commit(io.syncs),
                percentile(times.clone(), 0.5),
                percentile(times, 0.99),
                spent.cpu_ns / durable as f64,
            ];
            for (figure, value) in DURABLE.into_iter().zip(values) {
                bench.report.add(figure, engine, value);
            }

            if !bench.engines[engine].commits_unsynced() {
                commit_each(store, second, Durability::Synced)?;
                continue;
            }
            let (times, spent) = commit_each(store, second, Durability::Unsynced)?;
            let values =
                [percentile(times.clone(), 0.5), percentile(times, 0.99), spent.cpu_ns / unsynced as f64];
            for (figure, value) in UNSYNCED.into_iter().zip(values) {
                bench.report.add(figure, engine, value);
            }
            // What waits for the disk now is not left for the next round.
            store.insert_all(&people[1..2], Durability::Synced)?;
        }
        for engine in bench.order(round) {
            let ids: Vec<u64> = first.iter().chain(second).map(|person| person.id).collect();
            let found = stores[engine].reader()?.by_key(&ids)?;
            let agree = found.iter().eq(first.iter().chain(second));
            bench.agree(bench.engines[engine].name(), "people after their commits", &true, &agree)?;
        }
    }
    Ok(())
}

/// Commits people one by one: the time of each commit in nanoseconds, and what they took together.
fn commit_each(store: &dyn Store, people: &[Person], durability: Durability) -> Outcome<(Vec<f64>, Spent)> {
    let mut times = Vec::with_capacity(people.len());
    let ((), spent) = timed(|| {
        for person in people {
            let start = Instant::now();
            store.insert_all(std::slice::from_ref(person), durability)?;
            times.push(start.elapsed().as_nanos() as f64);
        }
        Ok(())
    })?;
    Ok((times, spent))
}

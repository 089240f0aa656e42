//! Readers that are not alone: beside a writer that commits, and beside seven others.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use cpu_time::ThreadTime;

use super::Bench;
use super::lookups::ask;
use crate::engines::{Durability, Outcome, Store};
use crate::person::{Person, Random};
use crate::report::Figure;
use crate::system::{Spent, timed};

const BESIDE: [Figure; 2] = [Figure::ReadAlone, Figure::ReadBesideWriter];
const THREADS: [Figure; 4] = [
    Figure::ReadOneThreadCpu,
    Figure::ReadEightThreadsCpu,
    Figure::ReadOneThreadWall,
    Figure::ReadEightThreadsWall,
];
const THREAD_COUNT: usize = 8;

/// Measures both, with lookups by key.
pub fn measure(bench: &mut Bench, stores: &[Box<dyn Store>]) -> Outcome<()> {
    let (beside, threads) = (bench.plan.wants(&BESIDE), bench.plan.wants(&THREADS));
    if !beside && !threads {
        return Ok(());
    }
    let mut random = Random::new(bench.plan.seed ^ 2);
    for round in 0..bench.plan.write_rounds() {
        let asked = ask(bench, &mut random);
        let ids: Vec<u64> = asked.iter().map(|person| person.id).collect();
        for engine in bench.order(round) {
            bench.tell("threads", round, engine);
            let store = &*stores[engine];
            if beside {
                let (found, alone) = read(store, &ids)?;
                let (beside_found, beside) = read_beside_writer(bench, store, round, &ids)?;
                for (figure, value) in BESIDE.into_iter().zip([alone, beside]) {
                    bench.report.add(figure, engine, value);
                }
                let name = bench.engines[engine].name();
                bench.agree(name, "people by key", &asked, &found)?;
                bench.agree(name, "people by key, beside a writer", &asked, &beside_found)?;
            }
            if threads {
                let one = read_in_threads(store, &ids, &asked, 1)?;
                let eight = read_in_threads(store, &ids, &asked, THREAD_COUNT)?;
                let values = [one.cpu_ns, eight.cpu_ns, one.wall_ns, eight.wall_ns];
                for (figure, value) in THREADS.into_iter().zip(values) {
                    bench.report.add(figure, engine, value);
                }
            }
        }
    }
    Ok(())
}

/// Looks people up: what is found, and the nanoseconds of this thread's CPU for each.
fn read(store: &dyn Store, ids: &[u64]) -> Outcome<(Vec<Person>, f64)> {
    let mut reader = store.reader()?;
    reader.by_key(ids)?;
    let start = ThreadTime::try_now()?;
    let found = reader.by_key(ids)?;
    Ok((found, start.try_elapsed()?.as_nanos() as f64 / ids.len() as f64))
}

/// The same, while another thread makes one durable commit after the other.
fn read_beside_writer(
    bench: &Bench,
    store: &dyn Store,
    round: usize,
    ids: &[u64],
) -> Outcome<(Vec<Person>, f64)> {
    let commits = bench.plan.beside_commits();
    let people = &bench.later()[round * commits..][..commits];
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| -> Outcome<()> {
            for person in people {
                if is_done.load(Ordering::Relaxed) {
                    return Ok(());
                }
                store.insert_all(std::slice::from_ref(person), Durability::Synced)?;
            }
            Err("the writer ran out of people before the reader was done".into())
        });
        let result = read(store, ids);
        is_done.store(true, Ordering::Relaxed);
        writer.join().map_err(|_| "the writer panicked")??;
        result
    })
}

/// Looks people up in so many threads, each of them the same: what one lookup took of the CPU, and of the time that went
/// by. Each thread looks them up once before all begin.
fn read_in_threads(store: &dyn Store, ids: &[u64], asked: &[Person], count: usize) -> Outcome<Spent> {
    let ids = &ids[..ids.len() / THREAD_COUNT];
    let repeat = THREAD_COUNT / count;
    let barrier = Barrier::new(count + 1);
    let (found, spent) = thread::scope(|scope| {
        let read = || -> Outcome<Vec<Person>> {
            let warmed = store.reader().and_then(|mut reader| {
                reader.by_key(ids)?;
                Ok(reader)
            });
            barrier.wait();
            let mut reader = warmed?;
            let mut found = Vec::new();
            for _ in 0..repeat {
                found = reader.by_key(ids)?;
            }
            Ok(found)
        };
        let threads: Vec<_> = (0..count).map(|_| scope.spawn(read)).collect();
        barrier.wait();
        timed(|| {
            let results = threads.into_iter().map(|thread| thread.join().map_err(|_| "a reader panicked")?);
            results.collect::<Outcome<Vec<_>>>()
        })
    })?;
    if found.iter().any(|found| *found != asked[..ids.len()]) {
        return Err("a reader among many found somebody else".into());
    }
    let lookups = (ids.len() * count * repeat) as f64;
    Ok(Spent { cpu_ns: spent.cpu_ns / lookups, wall_ns: spent.wall_ns / lookups })
}

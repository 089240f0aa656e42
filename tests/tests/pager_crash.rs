//! The pager on the simulated disk: power cuts at every write and sync, and again while it recovers.
//!
//! A workload of commits, aborts, savepoints, checkpoints, closings and reopenings runs on pages whose contents follow from
//! small numbers, so that a model is a map of those. After a cut the database must be the model's after some commit,
//! not before the last one acknowledged as durable; every block of the file must be accounted for; and it must take a write.
//!
//! More seeds: `EPILOG_SEEDS=1000 cargo test --release -p epilog-tests --test pager_crash`.

use std::collections::BTreeMap;
use std::sync::Arc;

use epilog::storage::journal::JournalOptions;
use epilog::storage::page::{BLOCK_LEN, PageKind, PageNumber, PageRead, PageWrite, TreeId};
use epilog::storage::pager::{Durability, PageSnapshot, PageWriter, Pager, PagerOptions};
use epilog::storage::vfs::{Vfs, VfsError};
use epilog::storage::{StorageError, StorageFault};
use epilog_tests::disk::{Bug, Cut, Fault, SimVfs};
use epilog_tests::random::Random;

const PATH: &str = "d/a";
const TREE: TreeId = TreeId(1);
/// The page that says which page has which slot's content.
const ROOT: PageNumber = PageNumber(1);
const SLOTS: u8 = 40;

/// By slot: what its page's bytes follow from, and its length in blocks.
type Model = BTreeMap<u8, (u32, u8)>;

#[derive(Clone, Copy, Debug)]
enum Change {
    Set(u8, u32, u8),
    Free(u8),
}

fn options() -> PagerOptions {
    PagerOptions {
        journal: JournalOptions { segment_len: 4 * 4096 },
        checkpoint_dirty_bytes: 40 * BLOCK_LEN as u64,
        checkpoint_journal_bytes: 10 * BLOCK_LEN as u64,
        // Less than the pages there are: they are evicted and loaded again all the time.
        cache_bytes: 8 * BLOCK_LEN,
        ..PagerOptions::default()
    }
}

fn encode(changes: &[Change], padding: usize) -> Vec<u8> {
    let mut payload = vec![changes.len() as u8];
    for change in changes {
        let (slot, seed, blocks) = match *change {
            Change::Set(slot, seed, blocks) => (slot, seed, blocks),
            Change::Free(slot) => (slot, 0, 0),
        };
        payload.push(slot);
        payload.extend_from_slice(&seed.to_le_bytes());
        payload.push(blocks);
    }
    payload.resize(payload.len() + padding, 0xEE);
    payload
}

fn decode(payload: &[u8]) -> Vec<Change> {
    let changes = payload[1..].chunks(6).take(payload[0] as usize);
    changes
        .map(|bytes| match bytes[5] {
            0 => Change::Free(bytes[0]),
            blocks => Change::Set(bytes[0], u32::from_le_bytes(bytes[1..5].try_into().unwrap()), blocks),
        })
        .collect()
}

fn fill(page: &mut [u8], seed: u32) {
    Random::new(u64::from(seed)).fill(page);
}

fn child(pages: &impl PageRead, slot: u8) -> Result<PageNumber, StorageError> {
    let at = 24 + 4 * slot as usize;
    Ok(PageNumber(u32::from_le_bytes(pages.page(ROOT)?[at..at + 4].try_into().unwrap())))
}

fn set_child(pages: &mut PageWriter<'_>, slot: u8, number: PageNumber) -> Result<(), StorageError> {
    let at = 24 + 4 * slot as usize;
    pages.page_mut(ROOT)?[at..at + 4].copy_from_slice(&number.0.to_le_bytes());
    Ok(())
}

/// Makes `changes` on pages.
fn apply(pages: &mut PageWriter<'_>, changes: &[Change]) -> Result<(), StorageError> {
    if pages.base().0 == 0 && pages.page(ROOT).is_err() {
        assert_eq!(pages.allocate(PageKind::EntryBranch, TREE, BLOCK_LEN)?, ROOT);
    }
    for change in changes {
        match *change {
            Change::Set(slot, seed, blocks) => {
                let mut number = child(pages, slot)?;
                let len = blocks as usize * BLOCK_LEN;
                if number.0 != 0 && pages.page(number)?.len() != len {
                    pages.free(number);
                    number = PageNumber(0);
                }
                if number.0 == 0 {
                    number = pages.allocate(PageKind::Value, TREE, len)?;
                    set_child(pages, slot, number)?;
                }
                fill(&mut pages.page_mut(number)?[24..], seed);
            }
            Change::Free(slot) => {
                let number = child(pages, slot)?;
                if number.0 != 0 {
                    pages.free(number);
                    set_child(pages, slot, PageNumber(0))?;
                }
            }
        }
    }
    Ok(())
}

fn apply_to_model(model: &mut Model, changes: &[Change]) {
    for change in changes {
        match *change {
            Change::Set(slot, seed, blocks) => drop(model.insert(slot, (seed, blocks))),
            Change::Free(slot) => drop(model.remove(&slot)),
        }
    }
}

/// Fails when the disk does, and otherwise not at all.
fn assert_is(snapshot: &PageSnapshot<'_>, model: &Model, story: &str) -> Result<(), StorageError> {
    if snapshot.commit().0 == 0 {
        assert!(model.is_empty(), "{story}");
        return Ok(());
    }
    let excuse = |error: StorageError| match *error {
        StorageFault::Vfs(_) => error,
        _ => panic!("{story}: {error}"),
    };
    let pages = &snapshot.operation();
    for slot in 0..SLOTS {
        let number = child(pages, slot).map_err(excuse)?;
        match model.get(&slot) {
            None => assert_eq!(number.0, 0, "{story}: slot {slot}"),
            Some(&(seed, blocks)) => {
                let page = pages.page(number).map_err(excuse)?;
                let mut wanted = vec![0; blocks as usize * BLOCK_LEN];
                fill(&mut wanted[24..], seed);
                assert!(page[24..] == wanted[24..], "{story}: slot {slot} has other bytes than {seed}'s");
            }
        }
    }
    Ok(())
}

/// A database on a disk beside its model.
struct World {
    disk: SimVfs,
    vfs: Arc<dyn Vfs>,
    random: Random,
    /// After each commit; the first is the empty one.
    states: Vec<Model>,
    /// The last commit acknowledged as durable.
    durable: usize,
    /// What a failure is told with.
    story: String,
}

impl World {
    fn new(seed: u64) -> World {
        let disk = SimVfs::new(seed);
        World {
            vfs: Arc::new(disk.clone()),
            disk,
            random: Random::new(seed ^ 0xA5),
            states: vec![Model::new()],
            durable: 0,
            story: format!("seed {seed}"),
        }
    }

    /// Opens and recovers, and compares with the model: what was not durable may be gone.
    fn open(&mut self) -> Result<Pager, StorageError> {
        let pager = Pager::open(Arc::clone(&self.vfs), PATH, options())?;
        pager.replay(&mut |mut pages, payloads| {
            payloads.iter().try_for_each(|payload| apply(&mut pages, &decode(payload)))?;
            Ok(pages)
        })?;
        let snapshot = pager.snapshot();
        let commit = snapshot.commit().0 as usize;
        let story = format!("{} at commit {commit}", self.story);
        assert!(commit >= self.durable, "{story}: commit {} was durable", self.durable);
        assert!(commit < self.states.len(), "{story}: only {} were made", self.states.len() - 1);
        assert_is(&snapshot, &self.states[commit], &story)?;
        pager.check()?;
        drop(snapshot);
        self.states.truncate(commit + 1);
        Ok(pager)
    }

    fn changes(&mut self) -> Vec<Change> {
        let random = &mut self.random;
        (0..random.below(6))
            .map(|_| match random.below(5) {
                0 => Change::Free(random.below(u64::from(SLOTS)) as u8),
                _ => Change::Set(
                    random.below(u64::from(SLOTS)) as u8,
                    random.draw() as u32,
                    [1, 1, 4, 3][random.below(4) as usize],
                ),
            })
            .collect()
    }

    fn commit(&mut self, pager: &Pager) -> Result<(), StorageError> {
        let durability = if self.random.chance(3, 4) { Durability::Immediate } else { Durability::None };
        let mut pages = pager.begin_write()?;
        let mut changes = self.changes();
        apply(&mut pages, &changes)?;
        for _ in 0..self.random.below(3) {
            let more = self.changes();
            let savepoint = pages.savepoint();
            apply(&mut pages, &more)?;
            if self.random.chance(1, 2) {
                pages.release(savepoint);
                changes.extend(more);
            } else {
                pages.rollback_to(savepoint);
            }
        }
        let mut state = self.states[pages.base().0 as usize].clone();
        apply_to_model(&mut state, &changes);
        let padding = if self.random.chance(1, 6) { self.random.below(20_000) as usize } else { 0 };
        // Before the outcome is known: a cut may keep or lose it.
        self.states.push(state);
        let commit = pages.commit(&encode(&changes, padding), durability)?.0 as usize;
        assert_eq!(commit, self.states.len() - 1);
        if durability == Durability::Immediate {
            self.durable = commit;
        }
        assert_is(&pager.snapshot(), &self.states[commit], &self.story)
    }

    /// The workload. Ends early when the power goes.
    fn run(&mut self, steps: usize) -> Result<(), StorageError> {
        let mut pager = self.open()?;
        let mut held: Vec<(PageSnapshot<'static>, Model)> = Vec::new();
        for _ in 0..steps {
            match self.random.below(20) {
                0..13 => self.commit(&pager)?,
                13 => {
                    let mut pages = pager.begin_write()?;
                    apply(&mut pages, &self.changes())?;
                }
                14 => {
                    pager.checkpoint()?;
                    // Without anything to checkpoint nothing is synced; with it, everything is.
                    self.durable = self.states.len() - 1;
                    pager.check()?;
                }
                15 => {
                    held.clear();
                    pager.close()?;
                    self.durable = self.states.len() - 1;
                    pager.check()?;
                    if self.random.chance(1, 2) {
                        drop(pager);
                        pager = self.open()?;
                    }
                }
                16 => {
                    held.clear();
                    drop(pager);
                    pager = self.open()?;
                }
                17 | 18 => {
                    let snapshot = pager.snapshot_owned();
                    let model = self.states[snapshot.commit().0 as usize].clone();
                    held.push((snapshot, model));
                }
                _ if !held.is_empty() => {
                    let (snapshot, model) = held.swap_remove(self.random.below(held.len() as u64) as usize);
                    assert_is(&snapshot, &model, &self.story)?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// An error is fine when the power is off, and only then.
fn assert_power_off(world: &World, outcome: Result<(), StorageError>) {
    if let Err(error) = outcome {
        assert!(world.disk.is_off(), "{}: {error}", world.story);
    }
}

fn cut_everywhere(seed: u64, steps: usize, bug: Option<Bug>) -> u64 {
    let disk = |world: &World| {
        if let Some(bug) = &bug {
            world.disk.plant(bug.clone());
        }
    };
    let mut whole = World::new(seed);
    disk(&whole);
    whole.run(steps).unwrap_or_else(|error| panic!("seed {seed} without a cut: {error}"));
    let mut cuts = 0;
    for at in 0..whole.disk.operations() {
        let mut world = World::new(seed);
        disk(&world);
        world.story = format!("seed {seed}, cut at {at}");
        world.disk.cut_at(at);
        let outcome = world.run(steps);
        assert_power_off(&world, outcome);
        let mut random = Random::new(seed ^ at.wrapping_mul(0x1234_5678_9ABC_DEF1));
        // The states are known; whatever comes now is another story.
        world.random = Random::new(random.draw());
        let cut = |random: &mut Random| match random.below(6) {
            0 => Cut::Lost,
            1 => Cut::Kept,
            _ => Cut::Torn { seed: random.draw() },
        };
        world.disk.crash(cut(&mut random));
        cuts += 1;
        // Recovery and the first writes after it, cut in turn, and once more.
        for again in 0..2 {
            world.story += &format!(", again {again}");
            world.disk.cut_at(random.below(30));
            let outcome = world.run(6);
            assert_power_off(&world, outcome);
            world.disk.crash(cut(&mut random));
            cuts += 1;
        }
        world.story += ", at last";
        let outcome = world.run(3);
        outcome.unwrap_or_else(|error| panic!("{}: {error}", world.story));
    }
    cuts
}

fn seeds(default: u64) -> u64 {
    std::env::var("EPILOG_SEEDS").map_or(default, |seeds| seeds.parse().expect("EPILOG_SEEDS is a number"))
}

#[test]
fn power_cuts_at_every_operation_keep_what_was_durable() {
    let cuts: u64 = (0..seeds(6)).map(|seed| cut_everywhere(seed, 25, None)).sum();
    assert!(cuts > 100, "{cuts}");
    println!("{cuts} cuts");
}

#[test]
fn a_disk_that_drops_syncs_is_found_out() {
    // Goal: the test above can fail. A sync that is left out must show within a few seeds.
    for ignored in
        [Bug::IgnoreSyncs("-journal".into()), Bug::IgnoreSyncs(PATH.into()), Bug::IgnoreDirectorySyncs]
    {
        let found = (0..50).any(|seed| {
            let bug = ignored.clone();
            std::panic::catch_unwind(|| cut_everywhere(seed, 25, Some(bug))).is_err()
        });
        assert!(found, "{ignored:?} was not noticed");
    }
}

#[test]
fn failures_that_pass_leave_the_database_usable_or_say_that_it_is_not() {
    // Goal: at every operation an error without effect, a full disk, a short write, a sync that fails. Whatever is
    // acknowledged afterwards is there at the end; nothing is damaged.
    for seed in 0..seeds(2) {
        let mut whole = World::new(seed);
        whole.run(20).unwrap();
        for at in 0..whole.disk.operations() {
            for fault in [Fault::Io, Fault::Full, Fault::Short(700), Fault::SyncForgets] {
                let mut world = World::new(seed);
                world.story = format!("seed {seed}, {fault:?} at {at}");
                world.disk.fault_at(at, fault);
                let mut failures = 0;
                for _ in 0..4 {
                    match world.run(6) {
                        Ok(()) => {}
                        Err(error)
                            if matches!(*error, StorageFault::Vfs(_) | StorageFault::Poisoned { .. }) =>
                        {
                            failures += 1;
                        }
                        Err(error) => panic!("{}: {error}", world.story),
                    }
                }
                assert!(failures <= 1, "{}: one fault, {failures} failures", world.story);
                world.disk.crash(Cut::Torn { seed: at });
                world.open().unwrap_or_else(|error| panic!("{}: {error}", world.story));
            }
        }
    }
}

#[test]
fn a_disk_that_is_full_for_a_while_loses_nothing() {
    for seed in 0..seeds(8) {
        let mut world = World::new(seed);
        let pager = world.open().unwrap();
        for _ in 0..20 {
            world.commit(&pager).unwrap();
        }
        let used: u64 =
            world.disk.paths().iter().map(|path| world.disk.bytes(path).unwrap().len() as u64).sum();
        world.disk.set_capacity(Some(used));
        for _ in 0..30 {
            let known = world.states.len();
            match world.commit(&pager) {
                Ok(()) => {}
                // It may not have come as far as its commit: changed pages are written out before, if there are many.
                Err(error) if matches!(*error, StorageFault::Vfs(VfsError::Full { .. })) => {
                    world.states.truncate(known);
                }
                Err(error) => panic!("seed {seed}: {error}"),
            }
            if let Err(error) = pager.checkpoint() {
                assert!(matches!(*error, StorageFault::Vfs(VfsError::Full { .. })), "seed {seed}: {error}");
            }
            assert_is(&pager.snapshot(), world.states.last().unwrap(), &world.story).unwrap();
        }
        world.disk.set_capacity(None);
        for _ in 0..10 {
            world.commit(&pager).unwrap();
        }
        pager.checkpoint().unwrap();
        pager.check().unwrap();
        drop(pager);
        world.disk.crash(Cut::Lost);
        world.durable = world.states.len() - 1;
        world.open().unwrap();
    }
}

#[test]
fn a_commit_is_one_block_and_one_sync_and_opening_writes_nothing() {
    let world = World::new(1);
    let pager = Pager::open(Arc::clone(&world.vfs), PATH, PagerOptions::default()).unwrap();
    let write = |byte: u8| {
        let changes = [Change::Set(byte, 7, 4)];
        let mut pages = pager.begin_write().unwrap();
        apply(&mut pages, &changes).unwrap();
        pages.commit(&encode(&changes, 0), Durability::Immediate).unwrap();
    };
    write(0);
    for byte in 1..4 {
        let before = world.disk.counters();
        write(byte);
        let after = world.disk.counters();
        assert_eq!((after.writes - before.writes, after.syncs - before.syncs), (1, 1));
        assert_eq!(after.bytes_written - before.bytes_written, 4096);
        assert_eq!(after.metadata + after.directory_syncs, before.metadata + before.directory_syncs);
    }
    // After a crash, too, nothing is written before the first change; nor for a clean file opened and closed.
    let vfs: Arc<dyn Vfs> = Arc::new(world.disk.clone());
    drop(pager);
    let open = || {
        let pager = Pager::open(Arc::clone(&vfs), PATH, PagerOptions::default()).unwrap();
        let redo = &mut |mut pages, payloads: &[Vec<u8>]| {
            payloads.iter().try_for_each(|payload| apply(&mut pages, &decode(payload)))?;
            Ok(pages)
        };
        assert!(pager.replay(redo).unwrap() <= 4);
        pager
    };
    let before = world.disk.operations();
    drop(open());
    assert_eq!(world.disk.operations(), before);
    open().close().unwrap();
    let before = world.disk.operations();
    open().close().unwrap();
    assert_eq!(world.disk.operations(), before);
}

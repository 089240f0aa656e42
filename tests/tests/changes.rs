//! What was committed, read back: the feed of changes over journal and archive, snapshots of older commits, and backups
//! brought forward; after power cuts at every operation, failures and damage, too.
//!
//! More seeds: `EPILOG_SEEDS=1000 cargo test --release -p epilog-tests --test changes`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use epilog::database::{ChangeSet, CommitNumber, Retention};
use epilog::prelude::*;
use epilog::vfs::{OpenMode, Vfs, VfsError, VfsFile};
use epilog_tests::disk::{Cut, SimVfs};
use epilog_tests::random::Random;

#[derive(Collection, Clone, Debug, PartialEq)]
struct User {
    id: Id<User>,
    #[unique]
    email: String,
    note: Option<String>,
}

/// Found by its name: the journal knows it by a hidden number.
#[derive(Collection, Clone, Debug, PartialEq)]
#[key(name, part)]
struct Tag {
    name: String,
    part: u8,
    weight: f64,
}

epilog::schema!(App { User, Tag });

const PATH: &str = "d/app.epilog";
const JOURNAL: &str = "d/app.epilog-journal";
const ARCHIVE: &str = "d/arch";

/// What a commit changed.
#[derive(Clone, Debug, PartialEq)]
enum Expected {
    Changes(Vec<Told>),
    /// A bulk transaction, in these collections.
    Reload(Vec<&'static str>),
}

#[derive(Clone, Debug, PartialEq)]
enum Told {
    User(User),
    Tag(Tag),
    NoUser(u64),
    NoTag(String, u8),
}

fn told(set: &ChangeSet<App>) -> Expected {
    if let Some(collections) = set.reload() {
        assert_eq!(set.changes().count(), 0);
        let names = ["User", "Tag"].into_iter().filter(|name| collections.contains(name));
        return Expected::Reload(names.collect());
    }
    let one = |change: Result<epilog::database::Change<'_, App>, Error>| {
        let change = change.unwrap();
        assert_eq!(
            (change.is::<User>(), change.is::<Tag>()),
            (change.collection() == "User", change.collection() == "Tag")
        );
        if let Some(user) = change.record::<User>() {
            let user = user.unwrap();
            assert_eq!(change.key::<User>().unwrap().unwrap(), user.id);
            assert_eq!(change.key_text(), user.id.to_string());
            return Told::User(user);
        }
        if let Some(tag) = change.record::<Tag>() {
            let tag = tag.unwrap();
            assert_eq!(change.key::<Tag>().unwrap().unwrap(), (tag.name.clone(), tag.part));
            return Told::Tag(tag);
        }
        assert!(change.is_delete());
        match (change.key::<User>(), change.key::<Tag>()) {
            (Some(id), None) => Told::NoUser(id.unwrap().get()),
            (None, Some(key)) => {
                let (name, part) = key.unwrap();
                assert_eq!(change.key_text(), format!("{name:?}, {part}"));
                Told::NoTag(name, part)
            }
            other => panic!("a change of {other:?}"),
        }
    };
    Expected::Changes(set.changes().map(one).collect())
}

/// The changes of the commits after `since`, by number.
fn all_since(db: &Database<App>, since: u64) -> Result<Vec<(u64, Expected)>, Error> {
    db.changes(CommitNumber(since))?.map(|set| set.map(|set| (set.commit().0, told(&set)))).collect()
}

/// The records after each commit.
#[derive(Clone, Debug, Default, PartialEq)]
struct State {
    users: BTreeMap<u64, User>,
    tags: BTreeMap<(String, u8), Tag>,
}

impl State {
    fn read(db: &ReadTransaction<'_, App>) -> State {
        State {
            users: User::query().all(db).unwrap().into_iter().map(|user| (user.id.get(), user)).collect(),
            tags: Tag::query()
                .all(db)
                .unwrap()
                .into_iter()
                .map(|tag| ((tag.name.clone(), tag.part), tag))
                .collect(),
        }
    }
}

/// What should be in the database and its feed, commit by commit; the first one makes the collections.
#[derive(Clone, Debug)]
struct Model {
    commits: Vec<Expected>,
    states: Vec<State>,
    next_user: u64,
}

impl Model {
    fn new() -> Model {
        Model { commits: vec![Expected::Changes(Vec::new())], states: vec![State::default()], next_user: 1 }
    }

    fn last(&self) -> u64 {
        self.commits.len() as u64
    }

    /// Checks that `found`, read after `since`, is what was committed up to some commit, and returns that.
    #[track_caller]
    fn check(&self, since: u64, found: &[(u64, Expected)]) -> u64 {
        for ((commit, told), number) in found.iter().zip(since + 1..) {
            assert_eq!(*commit, number);
            let expected = &self.commits[number as usize - 1];
            // A mark may be missing after a power cut: then everything is to be read again.
            let unmarked =
                matches!(expected, Expected::Reload(_)) && *told == Expected::Reload(vec!["User", "Tag"]);
            assert!(unmarked || told == expected, "commit {number}: {told:?} for {expected:?}");
        }
        since + found.len() as u64
    }
}

/// One transaction.
#[derive(Clone, Debug)]
struct Work {
    operations: Vec<Operation>,
    durability: Durability,
}

#[derive(Clone, Debug)]
enum Operation {
    Insert(String),
    Update(u64, Option<String>),
    Delete(u64),
    Put(Tag),
    Drop(String, u8),
}

#[derive(Clone, Debug)]
enum Step {
    Work(Work),
    Checkpoint,
    Maintain,
    Reopen,
}

fn generate(random: &mut Random) -> Vec<Step> {
    let mut names = 0;
    (0..4 + random.below(10))
        .map(|_| match random.below(14) {
            0 | 1 => Step::Checkpoint,
            2 => Step::Maintain,
            3 | 4 => Step::Reopen,
            _ => {
                let is_bulk = random.chance(1, 8);
                let count = if is_bulk { 60 } else { 1 + random.below(5) };
                let mut operations = Vec::new();
                for _ in 0..count {
                    operations.push(match random.below(if is_bulk { 3 } else { 8 }) {
                        0..=2 => {
                            names += 1;
                            let padding = if is_bulk { 300 } else { random.below(300) };
                            Operation::Insert(format!("user {names}{}", "x".repeat(padding as usize)))
                        }
                        3 => {
                            let len = if random.chance(1, 3) { 1_500 } else { 30 };
                            let note = random.chance(3, 4).then(|| "n".repeat(random.below(len) as usize));
                            Operation::Update(1 + random.below(9), note)
                        }
                        4 => Operation::Delete(1 + random.below(9)),
                        5 | 6 => {
                            let name = format!("tag {}", random.below(4));
                            Operation::Put(Tag {
                                name,
                                part: random.below(2) as u8,
                                weight: random.below(9) as f64,
                            })
                        }
                        _ => Operation::Drop(format!("tag {}", random.below(4)), random.below(2) as u8),
                    });
                }
                let durability = if random.chance(1, 4) { Durability::None } else { Durability::Immediate };
                Step::Work(Work { operations, durability })
            }
        })
        .collect()
}

/// Runs `work` on both. The model has the commit before it is tried.
fn run_work(db: &Database<App>, model: &mut Model, work: &Work, bulk_after: usize) -> Result<(), Error> {
    let mut tx = db.begin()?;
    let (mut state, mut changes) = (model.states.last().unwrap().clone(), Vec::new());
    let mut next_user = model.next_user;
    for operation in &work.operations {
        match operation {
            Operation::Insert(email) => {
                let user = User { id: Id::new(next_user), email: email.clone(), note: None };
                assert_eq!(tx.insert(&User { id: Id::auto(), ..user.clone() })?, user.id);
                state.users.insert(next_user, user.clone());
                next_user += 1;
                changes.push(Told::User(user));
            }
            Operation::Update(id, note) => {
                let Some(user) = state.users.get_mut(id) else { continue };
                user.note.clone_from(note);
                tx.update(&*user)?;
                changes.push(Told::User(user.clone()));
            }
            Operation::Delete(id) => {
                let was_there = state.users.remove(id).is_some();
                assert_eq!(tx.delete_key::<User>(Id::new(*id))?, was_there);
                changes.extend(was_there.then_some(Told::NoUser(*id)));
            }
            Operation::Put(tag) => {
                match state.tags.insert((tag.name.clone(), tag.part), tag.clone()) {
                    Some(_) => tx.update(tag)?,
                    None => drop(tx.insert(tag)?),
                }
                changes.push(Told::Tag(tag.clone()));
            }
            Operation::Drop(name, part) => {
                let was_there = state.tags.remove(&(name.clone(), *part)).is_some();
                assert_eq!(tx.delete_key::<Tag>((name.clone(), *part))?, was_there);
                changes.extend(was_there.then(|| Told::NoTag(name.clone(), *part)));
            }
        }
    }
    if changes.is_empty() {
        tx.commit_with(work.durability)?;
        return Ok(());
    }
    let bytes: usize =
        changes.iter().map(|told| if let Told::User(user) = told { user.email.len() } else { 0 }).sum();
    let expected =
        if bytes > bulk_after { Expected::Reload(vec!["User"]) } else { Expected::Changes(changes) };
    model.commits.push(expected);
    model.states.push(state);
    model.next_user = next_user;
    tx.commit_with(work.durability)?;
    Ok(())
}

const BULK_AFTER: usize = 6_000;

fn options(archive: Option<Retention>, retain: Option<Retention>) -> Options {
    // Nobody works in the background: what is written follows from the seed.
    let mut options = Options::default()
        .journal_segment_len(8 << 10)
        .checkpoint_after(64 << 10)
        // The workload's bulk transactions have more than that, the others less than half of it.
        .bulk_after(2 * BULK_AFTER)
        .background(false);
    if let Some(retention) = archive {
        options = options.archive(ARCHIVE, retention);
    }
    if let Some(retention) = retain {
        options = options.retain_changes(retention);
    }
    options
}

fn open(vfs: &(impl Vfs + Clone + 'static), options: &Options) -> Result<Database<App>, Error> {
    Database::open_in(Arc::new(vfs.clone()), PATH, options)
}

/// A workload that ran, to its end or to the cut.
struct Run {
    model: Model,
    /// The last commit that is durable for certain.
    durable: u64,
    error: Option<Error>,
}

/// Runs `steps` beside a reader of changes.
fn run(disk: &SimVfs, options: &Options, steps: &[Step]) -> Run {
    let mut run = Run { model: Model::new(), durable: 0, error: None };
    if let Err(error) = run_steps(disk, options, steps, &mut run) {
        run.error = Some(error);
    }
    run
}

fn run_steps(disk: &SimVfs, options: &Options, steps: &[Step], run: &mut Run) -> Result<(), Error> {
    let mut db = open(disk, options)?;
    run.durable = 1;
    let mut changes = db.changes(CommitNumber(0))?;
    for step in steps {
        match step {
            Step::Checkpoint => db.checkpoint()?,
            Step::Maintain => while db.maintain()? {},
            Step::Reopen => {
                let read = changes.commit();
                drop(changes);
                db.close()?;
                db = open(disk, options)?;
                changes = db.changes(read)?;
            }
            Step::Work(work) => {
                run_work(&db, &mut run.model, work, BULK_AFTER)?;
                if work.durability == Durability::Immediate && db.read()?.commit().0 == run.model.last() {
                    run.durable = run.model.last();
                }
            }
        }
        if !matches!(step, Step::Work(_)) {
            run.durable = run.durable.max(if matches!(step, Step::Maintain) { 0 } else { run.model.last() });
        }
        // Every other step, so that the reader is sometimes behind.
        if run.model.last().is_multiple_of(2) {
            let since = changes.commit().0;
            let found = changes.by_ref().map(|set| set.map(|set| (set.commit().0, told(&set))));
            let found = found.collect::<Result<Vec<_>, Error>>()?;
            assert_eq!(run.model.check(since, &found), run.model.last());
            assert!(changes.next().is_none());
        }
    }
    drop(changes);
    db.close()
}

/// After a crash: opens, reads everything, commits, closes, opens and reads again. What is there is cut from the model.
fn recover(disk: &SimVfs, options: &Options, run: &mut Run, random: &mut Random) -> Result<(), Error> {
    let db = open(disk, options)?;
    let last = db.read()?.commit().0;
    assert!(last >= run.durable && last <= run.model.last(), "commit {last}, durable {}", run.durable);
    run.model.commits.truncate(last.max(1) as usize);
    run.model.states.truncate(last.max(1) as usize);
    run.durable = last;
    assert_eq!(run.model.check(0, &all_since(&db, 0)?), last);
    let since = random.below(last + 1);
    assert_eq!(run.model.check(since, &all_since(&db, since)?), last);
    assert_eq!(State::read(&db.read()?), *run.model.states.last().unwrap());
    let tag = Tag { name: format!("probe {}", random.draw()), part: 0, weight: 0.0 };
    let work = Work { operations: vec![Operation::Put(tag)], durability: Durability::Immediate };
    run_work(&db, &mut run.model, &work, BULK_AFTER)?;
    run.durable = run.model.last();
    if random.chance(1, 2) {
        db.checkpoint()?;
    }
    db.close()?;
    let db = open(disk, options)?;
    assert_eq!(run.model.check(0, &all_since(&db, 0)?), run.model.last());
    Ok(())
}

fn seeds(default: u64) -> u64 {
    std::env::var("EPILOG_SEEDS").map_or(default, |seeds| seeds.parse().expect("a number"))
}

/// Goal: whatever is cut, the feed is what was committed, without a gap, archive included. Method: a workload for each
/// seed, with the power cut at each of its operations and at some of those that follow; then everything is read from the
/// beginning and compared with the model.
fn check_crashes(archive: Option<Retention>, retain: Option<Retention>, seeds: std::ops::Range<u64>) {
    let options = options(archive, retain);
    let mut points = 0;
    for seed in seeds {
        let steps = generate(&mut Random::new(seed));
        let whole = SimVfs::new(seed);
        let outcome = run(&whole, &options, &steps);
        assert!(outcome.error.is_none(), "seed {seed}: {:?}", outcome.error);
        let db = open(&whole, &options).unwrap();
        assert_eq!(outcome.model.check(0, &all_since(&db, 0).unwrap()), outcome.model.last(), "seed {seed}");
        drop(db);
        assert_eq!(whole.paths().contains(&JOURNAL.to_string()), archive.is_none(), "seed {seed}");
        for cut in 0..whole.operations() {
            let mut random = Random::new(seed ^ (cut + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
            let disk = SimVfs::new(seed);
            disk.cut_at(cut);
            let mut run = run(&disk, &options, &steps);
            disk.crash(Cut::Torn { seed: random.draw() });
            points += 1;
            for attempt in 0.. {
                let cut_again = attempt < 2 && random.chance(1, 2);
                if cut_again {
                    disk.cut_at(disk.operations() + random.below(30));
                }
                match recover(&disk, &options, &mut run, &mut random) {
                    Ok(()) if !cut_again => break,
                    Err(error) if !cut_again => panic!("seed {seed}, cut {cut}: {error}"),
                    _ => {
                        points += 1;
                        disk.crash(Cut::Torn { seed: random.draw() });
                    }
                }
            }
        }
    }
    assert!(points > 100, "{points}");
}

#[test]
fn after_any_power_cut_journal_and_archive_have_every_commit() {
    check_crashes(Some(Retention::Everything), None, 0..seeds(8));
}

#[test]
fn after_any_power_cut_a_journal_that_is_retained_has_every_commit() {
    check_crashes(None, Some(Retention::Everything), 100..100 + seeds(5));
}

#[test]
fn a_bounded_archive_keeps_what_it_promises_and_says_where_it_begins() {
    let disk = SimVfs::new(1);
    let options = options(Some(Retention::Bytes(64 << 10)), None).checkpoint_after(32 << 10);
    let mut model = Model::new();
    for round in 0..4 {
        let db = open(&disk, &options).unwrap();
        for n in 0..60 {
            let email = format!("{round} {n} {}", "e".repeat(900));
            let work = Work { operations: vec![Operation::Insert(email)], durability: Durability::None };
            run_work(&db, &mut model, &work, BULK_AFTER).unwrap();
            while db.maintain().unwrap() {}
        }
        db.close().unwrap();
    }
    let db = open(&disk, &options).unwrap();
    let error = db.changes(CommitNumber(5)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotRetained);
    let text = error.to_string();
    let oldest = text.split("those after commit ").nth(1).and_then(|rest| rest.split(';').next());
    let oldest: u64 = oldest.expect("it says where changes begin").parse().unwrap();
    assert!(text.contains("after commit 5 ") && text.contains("`Options::retain_changes`"), "{text}");
    // A commit takes a block or two, when it is a run of its own.
    assert!(oldest > 5 && oldest <= model.last() - 8, "{text}");
    let files = disk.paths().into_iter().filter(|path| path.starts_with(&format!("{ARCHIVE}-0")));
    let len: usize = files.map(|path| disk.bytes(&path).unwrap().len()).sum();
    assert!((64 << 10..128 << 10).contains(&len), "{len} bytes");
    assert_eq!(model.check(oldest, &all_since(&db, oldest).unwrap()), model.last());
    assert!(all_since(&db, oldest - 1).is_err());
    assert!(!disk.paths().contains(&format!("{ARCHIVE}-000001")), "{:?}", disk.paths());
}

#[test]
fn without_retention_changes_are_there_until_the_journal_goes() {
    let disk = SimVfs::new(2);
    let plain = options(None, None).journal_segment_len(256 << 10);
    let db = open(&disk, &plain).unwrap();
    let mut model = Model::new();
    let insert = |db: &Database<App>, model: &mut Model, email: &str| {
        let work =
            Work { operations: vec![Operation::Insert(email.into())], durability: Durability::Immediate };
        run_work(db, model, &work, BULK_AFTER).unwrap();
    };
    insert(&db, &mut model, "a");
    assert_eq!(model.check(0, &all_since(&db, 0).unwrap()), 2);
    db.close().unwrap();
    let db = open(&disk, &plain).unwrap();
    let error = db.changes(CommitNumber(1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotRetained);
    assert!(error.to_string().contains("those after commit 2;"), "{error}");
    insert(&db, &mut model, "b");
    assert_eq!(model.check(2, &all_since(&db, 2).unwrap()), 3);
    let error = db.changes(CommitNumber(9)).unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::NotRetained, "commit 9 has not been made: the last one is 3")
    );
}

/// Fails to write the archive when told to.
#[derive(Clone)]
struct Failing {
    disk: SimVfs,
    fails: Arc<AtomicBool>,
}

struct FailingFile(Box<dyn VfsFile>, Arc<AtomicBool>);

impl Vfs for Failing {
    fn open(&self, path: &str, mode: OpenMode) -> Result<Box<dyn VfsFile>, VfsError> {
        let file = self.disk.open(path, mode)?;
        if !path.starts_with(ARCHIVE) {
            return Ok(file);
        }
        Ok(Box::new(FailingFile(file, Arc::clone(&self.fails))))
    }
    fn exists(&self, path: &str) -> Result<bool, VfsError> {
        self.disk.exists(path)
    }
    fn remove(&self, path: &str) -> Result<(), VfsError> {
        self.disk.remove(path)
    }
    fn sync_directory(&self, path: &str) -> Result<(), VfsError> {
        self.disk.sync_directory(path)
    }
    fn temporary(&self, path: &str) -> Result<Option<Box<dyn VfsFile>>, VfsError> {
        self.disk.temporary(path)
    }
    fn now_ns(&self) -> u64 {
        self.disk.now_ns()
    }
    fn entropy(&self, buffer: &mut [u8]) {
        self.disk.entropy(buffer);
    }
}

impl VfsFile for FailingFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), VfsError> {
        self.0.read_at(buffer, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), VfsError> {
        if self.1.load(Ordering::Relaxed) {
            return Err(VfsError::Full { path: ARCHIVE.into() });
        }
        self.0.write_at(bytes, offset)
    }
    fn sync_data(&self) -> Result<(), VfsError> {
        self.0.sync_data()
    }
    fn len(&self) -> Result<u64, VfsError> {
        self.0.len()
    }
    fn set_len(&self, len: u64) -> Result<(), VfsError> {
        self.0.set_len(len)
    }
    fn lock(&self) -> Result<(), VfsError> {
        self.0.lock()
    }
}

/// Goal: an archive that cannot be written loses no commit and holds none up. Method: its writes fail for a while, over
/// checkpoints, a refused close and a crash; then they succeed.
#[test]
fn an_archive_that_fails_makes_the_journal_wait_and_nothing_else() {
    let vfs = Failing { disk: SimVfs::new(3), fails: Arc::default() };
    let options = options(Some(Retention::Everything), None);
    let mut model = Model::new();
    let mut random = Random::new(3);
    let work = |db: &Database<App>, model: &mut Model, random: &mut Random, count: u64| {
        let steps: Vec<Step> = (0..count * 3).flat_map(|_| generate(random)).collect();
        for step in steps {
            if let Step::Work(mut work) = step {
                work.durability = Durability::Immediate;
                // Names of their own.
                for operation in &mut work.operations {
                    if let Operation::Insert(email) = operation {
                        *email = format!("{} {email}", random.draw());
                    }
                }
                run_work(db, model, &work, BULK_AFTER).unwrap();
            }
        }
    };
    let db = open(&vfs, &options).unwrap();
    work(&db, &mut model, &mut random, 2);
    db.checkpoint().unwrap();
    let sound_len = vfs.disk.bytes(JOURNAL).unwrap().len();

    vfs.fails.store(true, Ordering::Relaxed);
    for _ in 0..3 {
        work(&db, &mut model, &mut random, 4);
        let error = db.checkpoint().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Full, "{error}");
        assert_eq!(db.stats().archive_failure, Some(error.to_string()), "it is told who asks");
        assert_eq!(model.check(0, &all_since(&db, 0).unwrap()), model.last());
    }
    assert!(vfs.disk.bytes(JOURNAL).unwrap().len() > sound_len, "the journal has grown");
    // A clone, so that the failed close is not the last word of the handle.
    assert_eq!(db.clone().close().unwrap_err().kind(), ErrorKind::Full);
    assert_eq!(model.check(0, &all_since(&db, 0).unwrap()), model.last());
    assert!(vfs.disk.exists(JOURNAL).unwrap());
    vfs.disk.cut_at(vfs.disk.operations());
    drop(db);
    vfs.disk.crash(Cut::Torn { seed: 3 });

    let db = open(&vfs, &options).unwrap();
    assert_eq!(model.check(0, &all_since(&db, 0).unwrap()), model.last());
    work(&db, &mut model, &mut random, 1);
    assert!(db.checkpoint().is_err());
    vfs.fails.store(false, Ordering::Relaxed);
    db.checkpoint().unwrap();
    assert_eq!(db.stats().archive_failure, None);
    work(&db, &mut model, &mut random, 1);
    db.close().unwrap();
    assert!(!vfs.disk.exists(JOURNAL).unwrap());
    let db = open(&vfs, &options).unwrap();
    assert_eq!(model.check(0, &all_since(&db, 0).unwrap()), model.last());
}

#[test]
fn a_flipped_bit_in_an_archive_is_found_and_named() {
    let disk = SimVfs::new(4);
    let options = options(Some(Retention::Everything), None);
    let mut model = Model::new();
    let db = open(&disk, &options).unwrap();
    for n in 0..20 {
        let operations = vec![Operation::Insert(format!("{n} {}", "e".repeat(n * 30)))];
        run_work(&db, &mut model, &Work { operations, durability: Durability::Immediate }, BULK_AFTER)
            .unwrap();
    }
    db.close().unwrap();
    let mut outcomes = [0; 2];
    for path in disk.paths().into_iter().filter(|path| path.starts_with(ARCHIVE)) {
        let bits = disk.bytes(&path).unwrap().len() as u64 * 8;
        for bit in (0..bits).step_by(397) {
            let damaged = disk.fork();
            damaged.flip_bit(&path, bit);
            match open(&damaged, &options).and_then(|db| all_since(&db, 0)) {
                Ok(found) => {
                    assert_eq!(model.check(0, &found), model.last(), "bit {bit} of {path}");
                    outcomes[0] += 1;
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Corruption, "bit {bit} of {path}: {error}");
                    assert!(error.to_string().contains(&path), "bit {bit} of {path}: {error}");
                    outcomes[1] += 1;
                }
            }
        }
    }
    assert!(outcomes.iter().all(|count| *count > 20), "{outcomes:?}");
}

#[test]
fn an_archive_goes_with_one_database_and_its_future() {
    let disk = SimVfs::new(5);
    let archived = options(Some(Retention::Everything), None);
    let mut model = Model::new();
    let insert = |db: &Database<App>, model: &mut Model, email: &str| {
        let work =
            Work { operations: vec![Operation::Insert(email.into())], durability: Durability::Immediate };
        run_work(db, model, &work, BULK_AFTER).unwrap();
    };
    let db = open(&disk, &archived).unwrap();
    insert(&db, &mut model, "a");
    db.close().unwrap();
    let backup = disk.bytes(PATH).unwrap();
    let db = open(&disk, &archived).unwrap();
    insert(&db, &mut model, "b");
    db.close().unwrap();

    // Restored from an older backup, or made anew.
    let restored = disk.fork();
    restored.set_bytes(PATH, &backup);
    let error = open(&restored, &archived).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Archive);
    assert!(error.to_string().contains("`d/arch` goes on after commit 2"), "{error}");
    let anew = disk.fork();
    anew.remove(PATH).unwrap();
    assert_eq!(open(&anew, &archived).unwrap_err().kind(), ErrorKind::Archive);

    // Left out for a commit: what is missing is gone, what comes is not.
    let db = open(&disk, &options(None, None)).unwrap();
    insert(&db, &mut model, "c");
    db.close().unwrap();
    let db = open(&disk, &archived).unwrap();
    insert(&db, &mut model, "d");
    db.close().unwrap();
    let db = open(&disk, &archived).unwrap();
    assert_eq!(model.check(4, &all_since(&db, 4).unwrap()), 5);
    let error = db.changes(CommitNumber(2)).unwrap_err();
    assert!(error.to_string().contains("those after commit 4;"), "{error}");
}

/// Goal: a backup is brought to any later commit. Method: copies of the closed file from on the way, each to every commit
/// after it, compared with the model.
#[test]
fn a_backup_is_brought_to_any_later_commit() {
    let disk = SimVfs::new(6);
    let options = options(Some(Retention::Everything), None).bulk_after(usize::MAX);
    let mut model = Model::new();
    let mut random = Random::new(6);
    let mut backups = Vec::new();
    for round in 0..4 {
        let db = open(&disk, &options).unwrap();
        for step in generate(&mut random) {
            if let Step::Work(mut work) = step {
                work.operations.truncate(6);
                for operation in &mut work.operations {
                    if let Operation::Insert(email) = operation {
                        *email = format!("{round} {} {email}", random.draw());
                    }
                }
                run_work(&db, &mut model, &work, usize::MAX).unwrap();
            }
        }
        db.close().unwrap();
        backups.push((model.last(), disk.bytes(PATH).unwrap()));
    }
    let plain = Options::default().background(false);
    for (from, bytes) in &backups {
        for until in *from..=model.last() {
            let restored = disk.fork();
            restored.set_bytes(PATH, bytes);
            let vfs = Arc::new(restored.clone());
            let until = Some(CommitNumber(until)).filter(|until| until.0 < model.last());
            let at = plain.apply_archive_in(vfs, PATH, ARCHIVE, until).unwrap();
            assert_eq!(at, until.unwrap_or(CommitNumber(model.last())));
            let db = open(&restored, &plain).unwrap();
            assert_eq!(
                State::read(&db.read().unwrap()),
                model.states[at.0 as usize - 1],
                "from {from} to {at}"
            );
        }
    }
    let beyond =
        plain.apply_archive_in(Arc::new(disk.fork()), PATH, ARCHIVE, Some(CommitNumber(model.last() + 3)));
    let error = beyond.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Archive);
    assert!(error.to_string().contains("it does not have that commit"), "{error}");
}

/// More of this is in `archive_bulk.rs`.
#[test]
fn a_backup_is_brought_past_a_bulk_transaction() {
    let disk = SimVfs::new(7);
    let options = options(Some(Retention::Everything), None);
    let db = open(&disk, &options).unwrap();
    db.close().unwrap();
    let backup = disk.bytes(PATH).unwrap();
    let db = open(&disk, &options).unwrap();
    let user = |email: String| User { id: Id::auto(), email, note: None };
    db.write(|tx| tx.insert(&user("a".into()))).unwrap();
    db.write(|tx| tx.insert_all((0..900).map(|n| user(format!("user {n}"))))).unwrap();
    db.write(|tx| tx.insert(&user("b".into()))).unwrap();
    db.close().unwrap();
    disk.set_bytes(PATH, &backup);
    let plain = Options::default().background(false);
    let apply = |until| plain.apply_archive_in(Arc::new(disk.clone()), PATH, ARCHIVE, until);
    let count = || User::query().count(&open(&disk, &plain).unwrap()).unwrap();
    let error = apply(Some(CommitNumber(3))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Archive);
    assert!(
        error.to_string().contains("nearest ones that can be had are 2 and 4; the database is at 2"),
        "{error}"
    );
    assert_eq!(count(), 1, "what comes before was applied");
    assert_eq!(apply(None).unwrap(), CommitNumber(4));
    assert_eq!(count(), 902);
}

/// Goal: a snapshot of an older commit is what it was. Method: the last eight commits of a long workload are asked for after
/// each one, in memory and in a file that is checkpointed now and then.
#[test]
fn older_commits_can_be_looked_back_at_while_they_are_retained() {
    let disk = SimVfs::new(8);
    let with = options(None, None).retain_versions(8);
    for db in [open(&disk, &with).unwrap(), with.in_memory().unwrap()] {
        let mut model = Model::new();
        let mut random = Random::new(8);
        let steps: Vec<Step> = (0..12).flat_map(|_| generate(&mut random)).collect();
        for step in steps {
            match step {
                Step::Work(mut work) => {
                    for operation in &mut work.operations {
                        if let Operation::Insert(email) = operation {
                            *email = format!("{} {email}", random.draw());
                        }
                    }
                    run_work(&db, &mut model, &work, BULK_AFTER).unwrap();
                }
                Step::Checkpoint => db.checkpoint().unwrap(),
                _ => while db.maintain().unwrap() {},
            }
            // With `Durability::Immediate` or not, everything is seen at once here.
            let last = model.last();
            for commit in last.saturating_sub(8).max(1)..=last {
                let then = db.snapshot_at(CommitNumber(commit)).unwrap();
                assert_eq!(then.commit().0, commit);
                assert_eq!(
                    State::read(&then),
                    model.states[commit as usize - 1],
                    "commit {commit} of {last}"
                );
            }
            if last > 9 {
                let error = db.snapshot_at(CommitNumber(last - 9)).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::NotRetained);
                assert!(
                    error.to_string().contains(&format!("the oldest that can is {}", last - 8)),
                    "{error}"
                );
            }
            assert_eq!(db.snapshot_at(CommitNumber(last + 1)).unwrap_err().kind(), ErrorKind::NotRetained);
        }
        assert!(model.last() > 40);
    }
}

/// A follower that waits for commits and reads them, beside writers and checkpoints: it ends up with the same records.
#[test]
fn a_follower_keeps_up() {
    let directory = tempfile::tempdir().unwrap();
    let archive = directory.path().join("arch").to_string_lossy().into_owned();
    let options = Options::default()
        .journal_segment_len(16 << 10)
        .checkpoint_after(64 << 10)
        .bulk_after(20_000)
        .archive(archive, Retention::Everything);
    let db: Database<App> = options.open(directory.path().join("app.epilog")).unwrap();
    let follower = std::thread::spawn({
        let db = db.clone();
        move || {
            let mut changes = db.changes(CommitNumber(1)).unwrap();
            let (mut state, mut reloads) = (State::default(), 0);
            loop {
                for set in changes.by_ref() {
                    let set = set.unwrap();
                    match told(&set) {
                        Expected::Reload(_) => {
                            // A later snapshot will do as well: the changes up to it are then applied again.
                            state.users = State::read(&db.read().unwrap()).users;
                            reloads += 1;
                        }
                        Expected::Changes(all) => {
                            for told in all {
                                match told {
                                    Told::User(user) => drop(state.users.insert(user.id.get(), user)),
                                    Told::NoUser(id) => drop(state.users.remove(&id)),
                                    Told::Tag(tag) => {
                                        drop(state.tags.insert((tag.name.clone(), tag.part), tag));
                                    }
                                    Told::NoTag(name, part) => drop(state.tags.remove(&(name, part))),
                                }
                            }
                        }
                    }
                }
                if state.tags.contains_key(&("end".into(), 0)) {
                    return (state, reloads);
                }
                let waited = db.wait_for_commit(changes.commit(), Duration::from_secs(60)).unwrap();
                assert!(waited.is_some(), "the writers have stopped");
            }
        }
    });
    std::thread::scope(|scope| {
        for thread in 0..3u8 {
            let db = &db;
            scope.spawn(move || {
                for n in 0..120 {
                    let tag = Tag { name: format!("tag {n}"), part: thread, weight: f64::from(n) };
                    db.write(|tx| {
                        tx.insert(&tag)?;
                        if n % 7 == 3 {
                            tx.delete_key::<Tag>((format!("tag {}", n - 2), thread))?;
                        }
                        tx.insert(&User { id: Id::auto(), email: format!("{thread} {n}"), note: None })
                    })
                    .unwrap();
                    if n == 60 && thread == 0 {
                        let many = (0..1000).map(|n| User {
                            id: Id::auto(),
                            email: format!("bulk {n}"),
                            note: None,
                        });
                        db.write(|tx| tx.insert_all(many)).unwrap();
                    }
                }
            });
        }
    });
    db.write(|tx| tx.insert(&Tag { name: "end".into(), part: 0, weight: 0.0 })).unwrap();
    let (state, reloads) = follower.join().unwrap();
    assert_eq!(reloads, 1);
    assert_eq!(state, State::read(&db.read().unwrap()));
    assert_eq!(all_since(&db, 0).unwrap().len() as u64, db.read().unwrap().commit().0);
}

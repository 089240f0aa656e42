//! Archives across bulk transactions: a backup is brought past them, whatever came between them and the moment at which what
//! they changed was read again; over power cuts while archiving and while applying, damage, failures and a small page cache.
//!
//! More seeds: `EPILOG_SEEDS=200 cargo test --release -p epilog-tests --test archive_bulk`.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use epilog::database::{CommitNumber, Retention};
use epilog::integrity;
use epilog::prelude::*;
use epilog_tests::disk::{Cut, SimVfs};
use epilog_tests::random::Random;

#[derive(Collection, Clone, Debug, PartialEq)]
struct User {
    id: Id<User>,
    #[unique]
    place: i64,
    #[index]
    note: String,
    picture: Option<Blob>,
}

/// Found by its name: storage knows it by a hidden number.
#[derive(Collection, Clone, Debug, PartialEq)]
#[key(name, part)]
struct Tag {
    name: String,
    part: u8,
}

epilog::schema!(App { User, Tag });

const PATH: &str = "d/app.epilog";
const ARCHIVE: &str = "d/arch";

/// All that is in a database.
#[derive(Clone, Debug, Default, PartialEq)]
struct State {
    users: Vec<User>,
    pictures: Vec<Vec<u8>>,
    tags: Vec<Tag>,
}

impl State {
    fn read(db: &Database<App>) -> State {
        let tx = db.read().unwrap();
        let users = User::query().order_by(|u| u.id.asc()).all(&tx).unwrap();
        let pictures = users.iter().filter_map(|user| user.picture).map(|picture| {
            let mut bytes = Vec::new();
            tx.blob_reader(picture).unwrap().read_to_end(&mut bytes).unwrap();
            bytes
        });
        let pictures = pictures.collect();
        let tags = Tag::query().order_by(|t| (t.name.asc(), t.part.asc())).all(&tx).unwrap();
        State { users, pictures, tags }
    }
}

fn options() -> Options {
    // Nobody works in the background: what is written follows from the seed.
    Options::default()
        .journal_segment_len(8 << 10)
        .checkpoint_after(64 << 10)
        .bulk_after(3_000)
        .blob_chunk(4 << 10)
        .background(false)
}

fn archiving() -> Options {
    options().archive(ARCHIVE, Retention::Everything)
}

fn open(disk: &SimVfs, options: &Options) -> Result<Database<App>, Error> {
    Database::open_in(Arc::new(disk.clone()), PATH, options)
}

#[derive(Clone, Debug)]
enum Step {
    /// A transaction: what it does, and how many times.
    Work(Vec<(Deed, u64)>, Durability),
    Checkpoint,
    Maintain,
    Reopen,
}

#[derive(Clone, Copy, Debug)]
enum Deed {
    Insert,
    InsertPicture,
    Note,
    Delete,
    DeleteHalf,
    /// Values of the unique index move from record to record.
    Reverse,
    NoteAll,
    Tag,
    Untag,
}

fn generate(random: &mut Random, count: u64) -> Vec<Step> {
    let some = |random: &mut Random| match random.below(9) {
        0..=2 => Deed::Insert,
        3 => Deed::InsertPicture,
        4 | 5 => Deed::Note,
        6 => Deed::Delete,
        7 => Deed::Tag,
        _ => Deed::Untag,
    };
    (0..count)
        .map(|_| match random.below(12) {
            0 => Step::Checkpoint,
            1 => Step::Maintain,
            2 => Step::Reopen,
            3..=5 => {
                // Bulk transactions, most of them; some do two things.
                let big = |random: &mut Random| match random.below(7) {
                    0 | 1 => (Deed::Insert, 40),
                    2 => (Deed::InsertPicture, 6),
                    3 => (Deed::Reverse, 1),
                    4 => (Deed::NoteAll, 1),
                    5 => (Deed::DeleteHalf, 1),
                    _ => (Deed::Tag, 90),
                };
                let deeds = (0..1 + random.below(2)).map(|_| big(random)).collect();
                Step::Work(deeds, Durability::Immediate)
            }
            _ => {
                let deeds = (0..1 + random.below(3)).map(|_| (some(random), 1)).collect();
                let within = Durability::Eventual(Duration::from_secs(1));
                let durability = [Durability::Immediate, Durability::None, within][random.below(3) as usize];
                Step::Work(deeds, durability)
            }
        })
        .collect()
}

fn picture(tx: &mut WriteTransaction<'_, App>, random: &mut Random) -> Result<Option<Blob>, Error> {
    let mut bytes = vec![0; random.below(14_000) as usize];
    random.fill(&mut bytes);
    let mut writer = tx.blob_writer();
    writer.write_all(&bytes).map_err(Error::custom)?;
    writer.finish().map(Some)
}

fn do_it(tx: &mut WriteTransaction<'_, App>, deed: Deed, random: &mut Random) -> Result<(), Error> {
    let count = User::query().count(tx)?;
    let any = |random: &mut Random, tx: &WriteTransaction<'_, App>| {
        User::query().order_by(|u| u.id.asc()).offset(random.below(count.max(1))).first(tx)
    };
    match deed {
        Deed::Insert | Deed::InsertPicture => {
            let picture = if matches!(deed, Deed::Insert) { None } else { picture(tx, random)? };
            let (place, note) = (random.draw() as i64 >> 8, "n".repeat(random.below(160) as usize));
            tx.insert(&User { id: Id::auto(), place, note, picture })?;
        }
        Deed::Note => {
            if let Some(user) = any(random, tx)? {
                tx.update(&User { note: format!("note {}", random.below(99)), ..user })?;
            }
        }
        Deed::Delete => {
            if let Some(user) = any(random, tx)? {
                tx.delete(&user)?;
            }
        }
        Deed::DeleteHalf => {
            let from = any(random, tx)?.map_or(0, |user| user.place);
            User::query().filter(|u| u.place.gt(from)).delete().run(tx)?;
        }
        Deed::Reverse => {
            let places = User::query().order_by(|u| u.place.asc()).select(|u| u.place).all(tx)?;
            if let (Some(first), Some(last)) = (places.first(), places.last()) {
                let sum = first + last;
                User::query().update(|u| u.place.set(u.place * -1 + sum)).run(tx)?;
            }
        }
        Deed::NoteAll => {
            let note = format!("all {} {}", random.below(99), "a".repeat(150));
            User::query().update(|u| u.note.set(note.as_str())).run(tx)?;
        }
        Deed::Tag => {
            let tag = Tag {
                name: format!("tag {} {}", random.below(60), "t".repeat(40)),
                part: random.below(3) as u8,
            };
            if tx.get::<Tag>((tag.name.clone(), tag.part))?.is_none() {
                tx.insert(&tag)?;
            }
        }
        Deed::Untag => {
            Tag::query().filter(|t| t.part.eq(random.below(3) as u8)).delete().run(tx)?;
        }
    }
    Ok(())
}

/// A workload that ran, to its end or to the cut.
#[derive(Default)]
struct Run {
    /// After each commit.
    states: BTreeMap<u64, State>,
    /// The file when it was closed, by the last commit in it.
    backups: Vec<(u64, Vec<u8>)>,
    /// Whether it came to its end.
    is_whole: bool,
}

fn run(disk: &SimVfs, options: &Options, steps: &[Step], seed: u64) -> Run {
    let mut run = Run::default();
    run.is_whole = run_steps(disk, options, steps, &mut Random::new(seed), &mut run).is_ok();
    run
}

fn run_steps(
    disk: &SimVfs,
    options: &Options,
    steps: &[Step],
    random: &mut Random,
    run: &mut Run,
) -> Result<(), Error> {
    let mut db = open(disk, options)?;
    let close = |db: Database<App>, run: &mut Run| {
        let commit = db.read()?.commit().0;
        run.states.entry(commit).or_insert_with(|| State::read(&db));
        db.close()?;
        run.backups.push((commit, disk.bytes(PATH).expect("the file")));
        Ok::<(), Error>(())
    };
    close(db, run)?;
    db = open(disk, options)?;
    for step in steps {
        match step {
            Step::Checkpoint => db.checkpoint()?,
            Step::Maintain => while db.maintain()? {},
            Step::Reopen => {
                close(db, run)?;
                db = open(disk, options)?;
            }
            Step::Work(deeds, durability) => {
                let mut tx = db.begin()?;
                for (deed, times) in deeds {
                    for _ in 0..*times {
                        do_it(&mut tx, *deed, random)?;
                    }
                }
                tx.commit_with(*durability)?;
                run.states.insert(db.read()?.commit().0, State::read(&db));
            }
        }
    }
    close(db, run)
}

/// Checks every structure of the file.
#[track_caller]
fn check(disk: &SimVfs) {
    let report =
        integrity::check_in(Arc::new(disk.clone()), PATH, &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);
}

/// What is in the database on `disk`, and the commit it is at; all of its structures are right.
#[track_caller]
fn found(disk: &SimVfs) -> (u64, State) {
    check(disk);
    let db = open(disk, &options()).unwrap();
    let commit = db.read().unwrap().commit().0;
    (commit, State::read(&db))
}

/// The key that the next user gets.
fn next_key(disk: &SimVfs) -> u64 {
    let db = open(&disk.fork(), &options()).unwrap();
    let user = User { id: Id::auto(), place: i64::MAX, note: String::new(), picture: None };
    db.write(|tx| tx.insert(&user)).unwrap().get()
}

fn apply(disk: &SimVfs, options: &Options, until: Option<u64>) -> Result<u64, Error> {
    let at = options.apply_archive_in(Arc::new(disk.clone()), PATH, ARCHIVE, until.map(CommitNumber))?;
    Ok(at.0)
}

/// The commits before and after that a refusal names.
fn nearest(error: &Error) -> (u64, u64) {
    assert_eq!(error.kind(), ErrorKind::Archive, "{error}");
    let text = error.to_string();
    let numbers = text.split("can be had are ").nth(1).unwrap_or_else(|| panic!("{text}"));
    let mut numbers = numbers.split([' ', ';']).filter_map(|word| word.parse().ok());
    (numbers.next().expect("the one before"), numbers.next().expect("the one after"))
}

fn seeds(default: u64) -> u64 {
    std::env::var("EPILOG_SEEDS").map_or(default, |seeds| seeds.parse().expect("a number"))
}

/// Goal: a backup is brought to every commit that can be had, and to no other. Method: the backups of a workload, each to
/// every commit after it; what the archive has only together with later commits is refused, with the nearest ones named.
#[test]
fn a_backup_is_brought_past_bulk_transactions() {
    let (mut reached, mut refused, mut reloads) = (0, 0, 0);
    for seed in 0..seeds(10) {
        let disk = SimVfs::new(seed);
        let steps = generate(&mut Random::new(seed), 14);
        let run = run(&disk, &archiving(), &steps, seed);
        assert!(run.is_whole, "seed {seed}");
        let (last, state) = found(&disk);
        assert_eq!(run.states[&last], state);
        let next = next_key(&disk);
        // Who reads changes is told of bulk transactions, and not of what was read again.
        let db = open(&disk.fork(), &archiving()).unwrap();
        let sets: Vec<_> = db.changes(CommitNumber(0)).unwrap().map(|set| set.unwrap()).collect();
        assert!(sets.iter().map(|set| set.commit().0).eq(1..=last), "seed {seed}");
        assert!(sets.iter().all(|set| set.reload().is_none() || set.changes().count() == 0));
        reloads += sets.iter().filter(|set| set.reload().is_some()).count();
        drop((sets, db));
        for (from, bytes) in &run.backups {
            for until in (*from..=last).map(Some).chain([None]) {
                let restored = disk.fork();
                restored.set_bytes(PATH, bytes);
                let context = format!("seed {seed}, from {from} to {until:?}");
                let at = match apply(&restored, &options(), until) {
                    Ok(at) => {
                        assert_eq!(at, until.unwrap_or(last), "{context}");
                        reached += 1;
                        at
                    }
                    Err(error) => {
                        let (before, after) = nearest(&error);
                        let until = until.unwrap_or_else(|| panic!("{context}: {error}"));
                        assert!(*from <= before && before < until && until < after, "{context}: {error}");
                        assert_eq!(found(&restored), (before, run.states[&before].clone()), "{context}");
                        refused += 1;
                        assert_eq!(apply(&restored, &options(), Some(after)).unwrap(), after, "{context}");
                        after
                    }
                };
                let (commit, state) = found(&restored);
                assert_eq!(commit, at, "{context}");
                assert!(state == run.states[&at], "{context}: the records differ");
                if at == last {
                    assert_eq!(next_key(&restored), next, "{context}");
                }
            }
        }
    }
    assert!(reached > 100 && refused > 10 && reloads > 10, "{reached}, {refused}, {reloads}");
}

/// Goal: whatever is cut while archiving, the archive goes on and is complete. Method: a workload with the power cut at each
/// of its operations; afterwards the database is opened and closed, and the first backup brought to its end.
#[test]
fn after_a_power_cut_while_archiving_the_archive_is_complete() {
    let mut points = 0;
    for seed in 100..100 + seeds(4) {
        let disk = SimVfs::new(seed);
        disk.remember_cuts();
        let steps = generate(&mut Random::new(seed), 9);
        let run = run(&disk, &archiving(), &steps, seed);
        assert!(run.is_whole, "seed {seed}");
        let (from, backup) = &run.backups[0];
        let begins = disk.take_cuts();
        for (cut, left) in begins.into_iter().enumerate().filter(|(cut, _)| *cut > 12) {
            let how = [Cut::Lost, Cut::Kept, Cut::Torn { seed: cut as u64 }][cut % 3];
            let context = format!("seed {seed}, cut at {cut}, {how:?}");
            left.crash(how);
            let Ok(db) = open(&left, &archiving()) else { panic!("{context}: it cannot be opened") };
            // What was archived and is not there any more would be refused by the opening.
            if db.read().unwrap().commit().0 < *from {
                continue;
            }
            db.write(|tx| tx.insert(&Tag { name: "after the cut".into(), part: 0 })).unwrap();
            db.close().unwrap_or_else(|error| panic!("{context}: {error}"));
            let (last, state) = found(&left);
            left.set_bytes(PATH, backup);
            let at = apply(&left, &options(), None).unwrap_or_else(|error| panic!("{context}: {error}"));
            assert_eq!(at, last, "{context}");
            assert!(found(&left) == (last, state), "{context}: the records differ");
            points += 1;
        }
    }
    assert!(points > 300, "{points}");
}

/// Goal: a cut while applying leaves a commit that was, and applying goes on from there. Method: the power is cut at each
/// operation; what is there is compared, then the rest is applied.
#[test]
fn a_power_cut_while_applying_never_leaves_what_never_was() {
    let mut points = 0;
    for (seed, plain) in (200..200 + seeds(4)).zip([options(), options().cache(64 << 10)].into_iter().cycle())
    {
        let disk = SimVfs::new(seed);
        let steps = generate(&mut Random::new(seed), 12);
        let run = run(&disk, &archiving(), &steps, seed);
        let (last, state) = found(&disk);
        let restored = disk.fork();
        restored.set_bytes(PATH, &run.backups[0].1);
        let done = restored.operations() as usize;
        restored.remember_cuts();
        assert_eq!(apply(&restored, &plain, None).unwrap(), last);
        assert!(found(&restored) == (last, state.clone()), "seed {seed}");
        for (cut, left) in restored.take_cuts().into_iter().enumerate() {
            for how in [Cut::Lost, Cut::Kept, Cut::Torn { seed: cut as u64 }] {
                let context = format!("seed {seed}, cut at {cut} (of {done}), {how:?}");
                let left = left.fork();
                left.crash(how);
                let (commit, there) = found(&left);
                assert!(run.states.get(&commit) == Some(&there), "{context}: at {commit}");
                assert_eq!(apply(&left, &plain, None).unwrap(), last, "{context}");
                assert!(found(&left) == (last, state.clone()), "{context}");
                points += 1;
            }
        }
    }
    assert!(points > 300, "{points}");
}

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
use epilog::storage::archive::Archive;
use epilog::storage::journal::{Entry, EntryKind};
use epilog::vfs::Vfs;
use epilog_tests::disk::{Cut, Fault, SimVfs};
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
        .flat_map(|_| match random.below(12) {
            0 => vec![Step::Checkpoint],
            1 => vec![Step::Maintain],
            2 => vec![Step::Reopen],
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
                let mut steps = vec![Step::Work(deeds, Durability::Immediate)];
                if random.chance(1, 3) {
                    // It is read again as of a commit that is not durable yet.
                    steps.extend([Step::Work(vec![(some(random), 1)], Durability::None), Step::Maintain]);
                }
                steps
            }
            _ => {
                let deeds = (0..1 + random.below(3)).map(|_| (some(random), 1)).collect();
                let within = Durability::Eventual(Duration::from_secs(1));
                let durability = [Durability::Immediate, Durability::None, within][random.below(3) as usize];
                vec![Step::Work(deeds, durability)]
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
    /// The file when it was closed, and backups in between, by the last commit in each.
    backups: Vec<(u64, Vec<u8>)>,
    takes_backups: bool,
    /// Whether it came to its end.
    is_whole: bool,
}

fn run(disk: &SimVfs, options: &Options, steps: &[Step], seed: u64) -> Run {
    run_with(disk, options, steps, seed, false)
}

fn run_with(disk: &SimVfs, options: &Options, steps: &[Step], seed: u64, takes_backups: bool) -> Run {
    let mut run = Run { takes_backups, ..Run::default() };
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
                let commit = db.read()?.commit().0;
                run.states.insert(commit, State::read(&db));
                if run.takes_backups {
                    let beside = SimVfs::new(0);
                    db.backup_to(Arc::new(beside.clone()), PATH, &mut |_| ControlFlow::Continue(()))?;
                    run.backups.push((commit, beside.bytes(PATH).expect("the copy")));
                }
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
    for seed in 0..seeds(6) {
        let disk = SimVfs::new(seed);
        let steps = generate(&mut Random::new(seed), 14);
        let run = run_with(&disk, &archiving(), &steps, seed, true);
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
    for seed in 100..100 + seeds(3) {
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
    for (seed, plain) in (200..200 + seeds(2)).zip([options(), options().cache(64 << 10)].into_iter().cycle())
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

/// Goal: a failure of the disk while archiving loses nothing of the archive. Method: each operation of a workload fails in
/// turn, with some of it done or not; whatever comes of that, the database is opened again and closed, and the first backup
/// is brought to its end.
#[test]
fn a_failure_while_archiving_is_made_good() {
    let mut failed = 0;
    for (seed, fault) in
        (300..300 + seeds(3)).zip([Fault::Io, Fault::Short(100), Fault::SyncForgets].into_iter().cycle())
    {
        let steps = generate(&mut Random::new(seed), 7);
        for at in 20.. {
            let disk = SimVfs::new(seed);
            disk.fault_at(at, fault);
            let run = run(&disk, &archiving(), &steps, seed);
            if disk.operations() <= at {
                break;
            }
            let context = format!("seed {seed}, {fault:?} at {at}");
            let db = open(&disk, &archiving()).unwrap_or_else(|error| panic!("{context}: {error}"));
            db.close().unwrap_or_else(|error| panic!("{context}: {error}"));
            let (last, state) = found(&disk);
            let Some((_, backup)) = run.backups.first() else { continue };
            disk.set_bytes(PATH, backup);
            // A close that could not remove it.
            disk.remove_file(&format!("{PATH}-journal"));
            let applied = apply(&disk, &options(), None).unwrap_or_else(|error| panic!("{context}: {error}"));
            assert_eq!(applied, last, "{context}");
            assert!(found(&disk) == (last, state), "{context}: the records differ");
            failed += u64::from(!run.is_whole);
        }
    }
    assert!(failed > 50, "{failed}");
}

/// Goal: collections larger than the page cache are read again in pieces, and applied. Method: a few megabytes of records and
/// a blob, all of them changed, some deleted, the unique index turned round, in bulk and with a cache of a megabyte.
#[test]
fn collections_larger_than_the_page_cache_are_archived_and_applied() {
    let disk = SimVfs::new(1);
    let small = options().cache(1 << 20).bulk_after(64 << 10).journal_segment_len(64 << 10);
    let archiving = small.clone().archive(ARCHIVE, Retention::Everything);
    open(&disk, &archiving).unwrap().close().unwrap();
    let empty = disk.bytes(PATH).unwrap();
    let db = open(&disk, &archiving).unwrap();
    let user = |n: i64| User {
        id: Id::auto(),
        place: n * 7 % 6_007,
        note: format!("{n} {}", "n".repeat((n * 31 % 900) as usize)),
        picture: None,
    };
    db.write(|tx| tx.insert_all((0..6_000).map(user))).unwrap();
    db.write(|tx| {
        let mut bytes = vec![0; 3 << 20];
        Random::new(5).fill(&mut bytes);
        let mut writer = tx.blob_writer();
        writer.write_all(&bytes)?;
        let picture = Some(writer.finish()?);
        tx.insert(&User { id: Id::auto(), place: -1, note: String::new(), picture })
    })
    .unwrap();
    db.close().unwrap();
    let halfway = disk.bytes(PATH).unwrap();
    let db = open(&disk, &archiving).unwrap();
    db.write(|tx| User::query().update(|u| u.place.set(u.place * -1 + 6_006)).run(tx)).unwrap();
    db.write(|tx| User::query().filter(|u| u.place.lt(700)).delete().run(tx)).unwrap();
    db.write(|tx| tx.insert_all((6_000..6_500).map(|n| User { place: n + 9_000, ..user(n) }))).unwrap();
    db.close().unwrap();
    let db = open(&disk, &small).unwrap();
    let state = State::read(&db);
    let last = db.read().unwrap().commit().0;
    drop(db);
    let next = next_key(&disk);
    for backup in [empty, halfway] {
        let restored = disk.fork();
        restored.set_bytes(PATH, &backup);
        assert_eq!(apply(&restored, &small, None).unwrap(), last);
        assert!(found(&restored) == (last, state.clone()), "the records differ");
        assert_eq!(next_key(&restored), next);
    }
}

/// Goal: damage in an archive is named, and nothing half-done is left by it. Method: bits of all its files are flipped; the
/// backup is brought to the end as if there were no damage, or it is at a commit that was.
#[test]
fn damage_in_an_archive_is_named_and_leaves_what_was() {
    let disk = SimVfs::new(12);
    let run = run(&disk, &archiving(), &generate(&mut Random::new(12), 12), 12);
    let (last, state) = found(&disk);
    disk.set_bytes(PATH, &run.backups[0].1);
    let mut outcomes = [0; 2];
    for path in disk.paths().into_iter().filter(|path| path.starts_with(ARCHIVE)) {
        let bits = disk.bytes(&path).unwrap().len() as u64 * 8;
        for bit in (0..bits).step_by(if path.ends_with("index") { 97 } else { 1_987 }) {
            let damaged = disk.fork();
            damaged.flip_bit(&path, bit);
            let applied = apply(&damaged, &options(), None);
            let (commit, there) = found(&damaged);
            assert!(run.states.get(&commit) == Some(&there), "bit {bit} of {path}: at {commit}");
            match applied {
                Ok(at) => {
                    assert!((at, &there) == (last, &state), "bit {bit} of {path}");
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

/// Goal: what a bounded archive still has can be applied. Method: many bulk transactions; each backup is brought to the end,
/// or refused because the archive does not go back so far.
#[test]
fn a_bounded_archive_brings_forward_what_it_reaches() {
    let disk = SimVfs::new(3);
    let bounded = options().archive(ARCHIVE, Retention::Bytes(60 << 10));
    let run = run_with(&disk, &bounded, &generate(&mut Random::new(3), 60), 3, true);
    assert!(run.is_whole);
    let (last, state) = found(&disk);
    let mut is_reached = Vec::new();
    for (from, bytes) in &run.backups {
        let restored = disk.fork();
        restored.set_bytes(PATH, bytes);
        match apply(&restored, &options(), None) {
            Ok(at) => {
                assert_eq!(at, last);
                assert!(found(&restored) == (last, state.clone()), "from {from}");
                is_reached.push(true);
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Archive);
                assert!(error.to_string().contains("it does not have that commit"), "from {from}: {error}");
                is_reached.push(false);
            }
        }
    }
    assert!(is_reached.is_sorted(), "{is_reached:?}");
    assert!(
        !is_reached[0] && is_reached.iter().filter(|is_reached| **is_reached).count() > 3,
        "{is_reached:?}"
    );
    assert!(!disk.paths().contains(&format!("{ARCHIVE}-000001")));
}

/// The same database, before it had tags.
mod earlier {
    use epilog::prelude::*;

    #[derive(Collection, Clone, Debug, PartialEq)]
    pub struct User {
        pub id: Id<User>,
        #[unique]
        pub place: i64,
        #[index]
        pub note: String,
        pub picture: Option<Blob>,
    }

    epilog::schema!(pub Earlier { User });
}

/// Goal: a bulk transaction may make collections. Method: every transaction is one, those that make the collections included,
/// with ordinary ones between, and what they changed is read again at the very end or at once.
#[test]
fn collections_made_in_bulk_are_archived() {
    for reads_at_once in [false, true] {
        let disk = SimVfs::new(4);
        let bulk = archiving().bulk_after(0);
        let files = Arc::new(disk.clone());
        let first: Database<earlier::Earlier> = Database::open_in(files.clone(), PATH, &bulk).unwrap();
        let user = |n| earlier::User { id: Id::auto(), place: n, note: "before".into(), picture: None };
        first.write(|tx| tx.insert(&user(1))).unwrap();
        first.close().unwrap();
        let backup = disk.bytes(PATH).unwrap();
        let ordinary = archiving();
        let archived = if reads_at_once { &bulk } else { &ordinary };
        let first: Database<earlier::Earlier> = Database::open_in(files, PATH, archived).unwrap();
        first.write(|tx| tx.insert_all((2..90).map(user))).unwrap();
        drop(first);
        let db = open(&disk, &bulk).unwrap();
        if reads_at_once {
            while db.maintain().unwrap() {}
        }
        drop(db);
        let db = open(&disk, &ordinary).unwrap();
        db.write(|tx| tx.insert(&Tag { name: "one".into(), part: 1 })).unwrap();
        db.write(|tx| User::query().filter(|u| u.place.lt(9)).delete().run(tx)).unwrap();
        db.close().unwrap();
        let (last, state) = found(&disk);
        assert_eq!((state.users.len(), state.tags.len()), (81, 1));
        disk.set_bytes(PATH, &backup);
        assert_eq!(apply(&disk, &options(), None).unwrap(), last);
        assert!(found(&disk) == (last, state), "the records differ");
    }
}

/// Goal: an archive whose marks were not read again says so. Method: one as an older version made it, by hand.
#[test]
fn a_mark_that_was_not_read_again_ends_what_can_be_applied() {
    let disk = SimVfs::new(7);
    let db = open(&disk, &options()).unwrap();
    db.close().unwrap();
    let id = disk.bytes(PATH).unwrap()[4096 * 2 + 32..][..16].try_into().unwrap();
    let vfs: Arc<dyn Vfs> = Arc::new(disk.clone());
    let mut archive = Archive::open(&vfs, ARCHIVE, id, Retention::Everything).unwrap();
    let entry = |commit, kind, payload: &[u8]| Entry { commit, kind, payload: payload.to_vec() };
    archive.add(&[entry(2, EntryKind::Changes, &[1]), entry(3, EntryKind::Mark, &[0; 13])]).unwrap();
    archive.commit().unwrap();
    let error = apply(&disk, &options(), None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Archive);
    assert!(error.to_string().contains("from commit 1 to 3: that was a bulk transaction"), "{error}");
    assert_eq!(found(&disk).0, 2, "what comes before was applied");
}

/// Several threads beside the background, which archives as it goes: the archive has what they left.
#[test]
fn an_archive_made_in_the_background_is_complete() {
    let directory = tempfile::tempdir().unwrap();
    let (path, backup) = (directory.path().join("app.epilog"), directory.path().join("backup.epilog"));
    let archive = directory.path().join("arch").to_string_lossy().into_owned();
    let plain =
        Options::default().journal_segment_len(16 << 10).checkpoint_after(64 << 10).bulk_after(20_000);
    let archiving = plain.clone().archive(&archive, Retention::Everything);
    archiving.open::<App>(&path).unwrap().close().unwrap();
    std::fs::copy(&path, &backup).unwrap();
    let db: Database<App> = archiving.open(&path).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..3_i64 {
            let db = &db;
            scope.spawn(move || {
                let user =
                    |n| User { id: Id::auto(), place: n * 3 + thread, note: "u".repeat(50), picture: None };
                for n in 0..60 {
                    let durability = [Durability::Immediate, Durability::None][n as usize % 2];
                    let mut tx = db.begin().unwrap();
                    tx.insert(&user(n)).unwrap();
                    if n % 20 == 10 {
                        tx.insert_all((0..500).map(|m| user(1_000 * (n + 1) + m))).unwrap();
                    }
                    if n % 20 == 15 {
                        let (from, to) = (1_000 * (n - 4) * 3, 1_000 * (n - 4) * 3 + 900);
                        User::query()
                            .filter(|u| u.place.ge(from) & u.place.lt(to))
                            .delete()
                            .run(&mut tx)
                            .unwrap();
                    }
                    tx.commit_with(durability).unwrap();
                }
            });
        }
    });
    db.close().unwrap();
    let db: Database<App> = plain.open(&path).unwrap();
    let (last, state) = (db.read().unwrap().commit(), State::read(&db));
    assert_eq!(plain.apply_archive(&backup, &archive, None).unwrap(), last);
    let restored: Database<App> = plain.open(&backup).unwrap();
    assert!(State::read(&restored) == state, "the records differ");
    drop(restored);
    assert!(integrity::check(&backup).unwrap().problems.is_empty());
}

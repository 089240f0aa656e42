//! What is known of the values of fields: that it is right, is kept by commits and by nothing else, and is old or new after a crash.

use std::ops::ControlFlow;
use std::sync::Arc;

use epilog::Compression;
use epilog::database::Retention;
use epilog::prelude::*;
use epilog::statistics::{CollectionStatistics, FieldStatistics, IndexStatistics};
use epilog::value::Scalar;
use epilog_tests::disk::{Cut, SimVfs};

#[derive(Collection, Clone, Debug, PartialEq)]
struct Town {
    id: Id<Town>,
    #[unique]
    name: String,
}

#[derive(Collection, Clone, Debug, PartialEq)]
#[index(town, street)]
#[index(born)]
struct Person {
    id: Id<Person>,
    town: Id<Town>,
    street: u16,
    born: Option<i32>,
    trade: String,
    income: i64,
    height: f64,
}

epilog::schema!(Register { Town, Person });

const TOWNS: u64 = 40;

/// A third are bakers, a fifth are millers, of the others each has a trade of a hundred; one in ten has no year of birth; incomes
/// are all different.
fn person(number: u64) -> Person {
    let trade = match number % 15 {
        0 | 3 | 6 | 9 | 12 => "baker".to_string(),
        1 | 5 | 10 => "miller".to_string(),
        _ => format!("trade {}", number * 7919 % 100),
    };
    Person {
        id: Id::auto(),
        town: Id::new(number * 31 % TOWNS + 1),
        street: (number / TOWNS % 25) as u16,
        born: (number % 10 != 7).then(|| 1900 + (number * 13 % 100) as i32),
        trade,
        income: (number * 7_919 % 1_000_003) as i64,
        height: 150.0 + (number % 50) as f64,
    }
}

fn fill(db: &Database<Register>, people: std::ops::Range<u64>) {
    db.write(|tx| {
        if people.start == 0 {
            let towns = (1..=TOWNS).map(|town| Town { id: Id::auto(), name: format!("Town {town}") });
            tx.insert_all(towns.collect::<Vec<_>>())?;
        }
        tx.insert_all(people.map(person).collect::<Vec<_>>())
    })
    .unwrap();
}

fn open(disk: &SimVfs) -> Database<Register> {
    let options = Options::default().journal_segment_len(16 * 4096).background(false);
    Database::open_in(Arc::new(disk.clone()), "register", &options.compression(Compression::None)).unwrap()
}

/// A query whose plan depends on what is known of people.
fn ask(db: &Database<Register>) -> u64 {
    Person::query().filter(|p| p.trade.eq("baker") & p.income.lt(500_000)).count(db).unwrap()
}

#[track_caller]
fn is_near(found: u64, expected: u64, tenths: u64) {
    let most = expected * tenths / 10;
    assert!(found.abs_diff(expected) <= most, "{found}, which is not within {tenths} tenths of {expected}");
}

fn check_values(known: &CollectionStatistics, people: u64) {
    assert_eq!(known.made_of, people);
    let trade = known.field("trade").unwrap();
    assert_eq!((trade.nulls, trade.heavy_hitters[0].value.clone()), (0, Scalar::String("baker".into())));
    is_near(trade.heavy_hitters[0].count, people / 3, 2);
    assert_eq!(trade.heavy_hitters[1].value, Scalar::String("miller".into()));
    is_near(trade.heavy_hitters[1].count, people / 5, 2);
    is_near(trade.distinct, 82, 1);
    let born = known.field("born").unwrap();
    is_near(born.nulls, people / 10, 3);
    // A residue of ten is left out.
    is_near(born.distinct, 90, 3);
    let income = known.field("income").unwrap();
    is_near(income.distinct, people, 2);
    assert!(income.heavy_hitters.is_empty());
    assert_eq!(income.histogram.len(), 33);
    let middle = income.histogram[16].clone();
    assert!(matches!(middle, Scalar::Int(middle) if (400_000..600_000).contains(&middle)), "{middle:?}");
    let town = known.index("town_street").unwrap();
    assert_eq!(town.fields, ["town", "street"]);
    is_near(town.distinct[0], TOWNS, 3);
    is_near(town.distinct[1], TOWNS * 25, 2);
    assert_eq!(known.field("id").unwrap().distinct, people);
}

#[test]
fn a_sample_tells_of_all() {
    for people in [1_500, 40_000] {
        let db = Register::in_memory().unwrap();
        fill(&db, 0..people);
        let known = db.statistics::<Person>().unwrap();
        assert!(known.sampled < 6_000, "{}", known.sampled);
        assert_eq!((known.count, known.changed), (people, 0));
        check_values(&known, people);
        // By the ends of an index, and of the key.
        let born = known.field("born").unwrap();
        assert_eq!((born.min.clone(), born.max.clone()), (Some(Scalar::Int(1900)), Some(Scalar::Int(1999))));
        let id = known.field("id").unwrap();
        assert_eq!(
            (id.min.clone(), id.max.clone()),
            (Some(Scalar::Int(1)), Some(Scalar::Int(i128::from(people))))
        );
        // The same for the same pages.
        let again = Register::in_memory().unwrap();
        fill(&again, 0..people);
        assert_eq!(again.statistics::<Person>().unwrap(), known);
    }
}

#[derive(Collection, Clone, Debug, PartialEq)]
struct Few {
    id: Id<Few>,
    #[index]
    two: bool,
    #[index]
    five: u8,
    #[index]
    twenty: u16,
    plain: u16,
    #[index]
    hundred: Option<u32>,
    /// Every tenth is rare.
    #[index]
    rare: u32,
}

epilog::schema!(Small { Few });

/// Goal: an index of few values tells how many. Method: numbers of values, spread over all records, beside those that lead no index.
#[test]
fn an_index_of_few_values_knows_how_many() {
    let db = Small::in_memory().unwrap();
    let few = |number: u64| {
        let mixed = (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33) as u32;
        let rare = if mixed.is_multiple_of(10) { mixed % 30_011 } else { 0 };
        Few {
            id: Id::auto(),
            two: mixed.is_multiple_of(2),
            five: (mixed % 5) as u8,
            twenty: (mixed % 20) as u16,
            plain: (mixed % 20) as u16,
            hundred: (!mixed.is_multiple_of(3)).then_some(mixed / 3 % 100),
            rare,
        }
    };
    db.write(|tx| tx.insert_all((0..200_000).map(few).collect::<Vec<_>>())).unwrap();
    let known = db.statistics::<Few>().unwrap();
    let distinct = |name: &str| known.field(name).unwrap().distinct;
    assert_eq!(["two", "five", "twenty", "plain"].map(distinct), [2, 5, 20, 20]);
    let of_index = |name: &str| known.index(name).unwrap().distinct[0];
    assert_eq!(["two", "five", "twenty"].map(of_index), [2, 5, 20]);
    is_near(distinct("hundred"), 100, 4);
    assert_eq!(of_index("hundred"), distinct("hundred") + 1, "and none");
    // Nearly all entries are alike; those that are not are counted by changes.
    is_near(distinct("rare"), 14_600, 4);

    // How many entries an index has is known, and so how many are in most of it.
    let rows = |query: Query<Few, Few>| query.require_index().explain(&db).unwrap().root.rows;
    is_near(rows(Few::query().filter(|f| f.rare.ge(0))), 200_000, 1);
    is_near(rows(Few::query().filter(|f| f.twenty.ge(15))), 50_000, 2);

    // Two records have the same of five values in one of five pairs.
    let pairs = Few::query().join::<Few>(|(f, g)| f.five.eq(g.five)).explain(&db).unwrap().root.rows;
    assert!((200_000u64.pow(2) / 7..200_000u64.pow(2) / 4).contains(&pairs), "{pairs}");
}

#[derive(Collection, Clone, Debug, PartialEq)]
#[index(due, where(done.is_none()))]
struct Task {
    id: Id<Task>,
    due: u64,
    done: Option<u32>,
    #[index]
    text: String,
}

epilog::schema!(Queue { Task });

/// Goal: what is known of an index of some records, and of values that are too long to be looked at, does not contradict itself. Method:
/// queues of tasks of which the oldest are done, so that the pages at the beginning are nearly empty; texts that are longer.
#[test]
fn what_contradicts_itself_is_not_believed() {
    for (tasks, done) in [(3_000u64, 260u64), (8_844, 260), (9_055, 340), (12_000, 100)] {
        let db = Queue::in_memory().unwrap();
        let text = |n: u64| format!("{:05}{}", n % 97, "x".repeat(260));
        let task = |n: u64| Task { id: Id::auto(), due: 1_700_000_000 + n * 977, done: None, text: text(n) };
        db.write(|tx| tx.insert_all((0..tasks).map(task).collect::<Vec<_>>())).unwrap();
        let old = Task::query().filter(|t| t.due.lt(1_700_000_000 + done * 977) & t.done.is_none());
        db.write(|tx| old.update(|t| t.done.set(1)).run(tx)).unwrap();
        let due = Task::query().filter(|t| t.due.eq(1_700_000_000 + done * 977) & t.done.is_none());
        assert_eq!(due.count(&db).unwrap(), 1);
        let known = db.statistics::<Task>().unwrap();
        let texts = known.index("text").unwrap().distinct[0];
        assert!(texts < tasks / 4, "{texts} of {tasks}");
    }
}

#[test]
fn estimates_follow_the_values() {
    let db = Register::in_memory().unwrap();
    fill(&db, 0..40_000);
    let rows = |query: Query<Person, Person>| query.explain(&db).unwrap().root.rows as f64;
    let near = |found: f64, expected: f64| {
        assert!((expected * 0.7..expected * 1.4).contains(&found), "{found} instead of {expected}");
    };
    near(rows(Person::query().filter(|p| p.trade.eq("baker"))), 40_000.0 / 3.0);
    near(rows(Person::query().filter(|p| !p.trade.eq("baker"))), 40_000.0 * 2.0 / 3.0);
    near(rows(Person::query().filter(|p| p.income.between(100_000, 200_000))), 4_000.0);
    near(rows(Person::query().filter(|p| p.income.ge(100_000) & p.income.lt(150_000))), 2_000.0);
    near(rows(Person::query().filter(|p| p.trade.in_(["baker", "miller"]))), 40_000.0 * 8.0 / 15.0);
    near(rows(Person::query().filter(|p| p.trade.starts_with("ba"))), 40_000.0 / 3.0);
    assert!(rows(Person::query().filter(|p| p.trade.eq("astronaut"))) < 200.0);
    assert!(rows(Person::query().filter(|p| p.income.gt(2_000_000))) < 10.0);
}

/// Goal: they are as old as they may be. Method: changes of each kind, counted.
#[test]
fn they_are_made_again_when_a_fifth_has_changed() {
    let db = Register::in_memory().unwrap();
    fill(&db, 0..2_000);
    let made_at = || db.statistics::<Person>().unwrap().made_at;
    let first = made_at();
    fill(&db, 2_000..2_200);
    assert_eq!(db.statistics::<Person>().unwrap().changed, 200);
    // Changed, deleted, and in transactions beside each other: that makes none a conflict.
    let richer = Person::query().filter(|p| p.id.le(Id::new(100))).update(|p| p.income.set(5));
    assert_eq!(db.write(|tx| richer.run(tx)).unwrap(), 100);
    assert_eq!(db.statistics::<Person>().unwrap().changed, 300);
    let last = Person::query().filter(|p| p.id.gt(Id::new(2_100))).delete();
    assert_eq!(db.write_concurrent(|tx| last.run(tx)).unwrap(), 100);
    assert_eq!((made_at(), db.statistics::<Person>().unwrap().changed), (first, 400));
    db.write_concurrent(|tx| tx.insert(&person(1))).unwrap();
    assert!(made_at() > first);
    let made = db.statistics::<Person>().unwrap();
    assert_eq!((made.made_of, made.changed), (2_101, 0));
}

/// A commit that changes the record of one town.
fn touch(db: &Database<Register>) {
    db.write(|tx| tx.update(&Town { id: Id::new(1), name: "Town 1".into() })).unwrap();
}

/// What the file keeps of them. Entries and leaves are those of now, and here each record has an entry.
fn kept(known: &CollectionStatistics) -> (Vec<FieldStatistics>, Vec<IndexStatistics>) {
    let of_file = |index: &IndexStatistics| {
        assert_eq!(index.entries, known.count, "{}", index.name);
        assert!((2..=known.count).contains(&index.leaves), "{}: {} leaves", index.name, index.leaves);
        let mut index = index.clone();
        (index.entries, index.leaves) = (0, 0);
        index
    };
    (known.fields.clone(), known.indexes.iter().map(of_file).collect())
}

#[test]
fn a_commit_takes_them_along() {
    let disk = SimVfs::new(1);
    let db = open(&disk);
    fill(&db, 0..3_000);
    ask(&db);
    let known = db.statistics::<Person>().unwrap();
    touch(&db);
    db.close().unwrap();
    let db = open(&disk);
    fill(&db, 3_000..3_100);
    let again = db.statistics::<Person>().unwrap();
    assert_eq!(again.made_at, known.made_at);
    assert_eq!((again.count, again.changed), (3_100, 100));
    assert_eq!(kept(&again), kept(&known));
    assert!(db.check().unwrap().is_sound());
    // And after a closing that had nothing to write.
    db.close().unwrap();
    let db = open(&disk);
    assert_eq!(db.statistics::<Person>().unwrap().made_at, known.made_at);
}

#[test]
fn who_only_reads_writes_nothing() {
    let disk = SimVfs::new(1);
    let db = open(&disk);
    fill(&db, 0..3_000);
    let commit = db.read().unwrap().commit();
    db.close().unwrap();
    let is_asked = |person: &Person| person.trade == "baker" && person.income < 500_000;
    let asked = (0..3_000).map(person).filter(is_asked).count() as u64;
    let bytes = disk.bytes("register").unwrap();
    for is_closed in [true, false] {
        let db = open(&disk);
        assert_eq!(ask(&db), asked);
        assert_eq!(db.statistics::<Person>().unwrap().made_of, 3_000);
        match is_closed {
            true => db.close().unwrap(),
            false => drop(db),
        }
        assert!(disk.bytes("register").unwrap() == bytes, "the file was written to");
    }
    assert_eq!(open(&disk).read().unwrap().commit(), commit);
}

/// Goal: a copy that was asked something is still a copy. Method: a backup is opened, queried and closed, before and between the
/// commits of an archive that are applied to it.
#[test]
fn a_backup_that_was_read_takes_the_next_commit_of_an_archive() {
    let disk = SimVfs::new(3);
    let vfs = || Arc::new(disk.clone());
    let plain = Options::default().background(false).journal_segment_len(16 * 4096);
    let archiving = plain.clone().archive("archive", Retention::Everything);
    let source: Database<Register> = Database::open_in(vfs(), "register", &archiving).unwrap();
    fill(&source, 0..3_000);
    source.backup_to(vfs(), "backup", &mut |_| ControlFlow::Continue(())).unwrap();
    let mut commits = Vec::new();
    for people in [3_000..3_001, 3_001..3_100, 3_100..3_150] {
        ask(&source);
        fill(&source, people);
        commits.push(source.read().unwrap().commit());
    }
    let people = Person::query().all(&source).unwrap();
    source.close().unwrap();
    for commit in commits {
        let backup: Database<Register> = Database::open_in(vfs(), "backup", &plain).unwrap();
        ask(&backup);
        assert_eq!(backup.read().unwrap().commit().0 + 1, commit.0);
        backup.close().unwrap();
        assert_eq!(plain.apply_archive_in(vfs(), "backup", "archive", Some(commit)).unwrap(), commit);
    }
    let backup: Database<Register> = Database::open_in(vfs(), "backup", &plain).unwrap();
    assert!(Person::query().all(&backup).unwrap() == people, "the records differ");
    assert!(backup.check().unwrap().is_sound());
}

/// Goal: texts whose beginnings are cut between characters are kept like others. Method: titles of which some are cut before their
/// first character.
#[test]
fn texts_of_any_script_are_kept() {
    let disk = SimVfs::new(5);
    let db = open(&disk);
    let titles = ["ZARD", "アニメ", "Alpha", "漢字", "ä"];
    let person = |number: u64| {
        let title = titles[number as usize % titles.len()];
        Person { trade: format!("https://ja.wikipedia.org/wiki/{title}{number}"), ..person(number) }
    };
    fill(&db, 0..1);
    db.write(|tx| tx.insert_all((0..3_000).map(person).collect::<Vec<_>>())).unwrap();
    let known = db.statistics::<Person>().unwrap();
    touch(&db);
    assert!(db.check().unwrap().is_sound());
    db.close().unwrap();
    assert_eq!(open(&disk).statistics::<Person>().unwrap(), known);
}

/// Goal: a crash leaves the old statistics or the new ones. Method: a session makes new ones and commits them; the power is cut at
/// each of its operations.
#[test]
fn a_crash_leaves_old_statistics_or_new_ones() {
    let disk = SimVfs::new(7);
    let db = open(&disk);
    fill(&db, 0..1_500);
    ask(&db);
    touch(&db);
    db.close().unwrap();
    disk.remember_cuts();
    let db = open(&disk);
    let old = db.statistics::<Person>().unwrap();
    fill(&db, 1_500..2_300);
    ask(&db);
    let new = db.statistics::<Person>().unwrap();
    assert!(new.made_at > old.made_at);
    fill(&db, 2_300..2_310);
    db.checkpoint().unwrap();
    fill(&db, 2_310..2_320);
    db.close().unwrap();
    let (mut of_old, mut of_new) = (0, 0);
    for (cut, left) in disk.take_cuts().into_iter().enumerate() {
        for how in [Cut::Lost, Cut::Kept, Cut::Torn { seed: cut as u64 }] {
            let left = left.fork();
            left.crash(how);
            let db = open(&left);
            let report = db.check().unwrap();
            assert!(report.is_sound(), "cut at {cut}, {how:?}: {report:?}");
            let count = Person::query().count(&db).unwrap();
            assert!([1_500, 2_300, 2_310, 2_320].contains(&count), "cut at {cut}, {how:?}: {count}");
            // What is in the file, before it is made again: a commit that is looked back at makes none.
            let found = db.statistics::<Person>().unwrap();
            assert_eq!(found.count, count);
            if found.made_at == old.made_at {
                assert_eq!(kept(&found), kept(&old));
                of_old += 1;
            } else if found.made_at == new.made_at && found.made_of == new.made_of {
                assert_eq!(kept(&found), kept(&new));
                of_new += 1;
            }
            let bakers = Person::query().filter(|p| p.trade.eq("baker")).count(&db).unwrap();
            assert_eq!(bakers, count.div_ceil(3), "cut at {cut}, {how:?}");
        }
    }
    assert!(of_old > 20 && of_new > 20, "{of_old} {of_new}");
}

//! Partial indexes: what is in them, when they are read, and what they refuse.

use epilog::prelude::*;
use epilog::query::Query;
use pretty_assertions::assert_eq;

/// The state in which a job waits.
const WAITING: u8 = 2;

/// Few of many are open, and of those each has a name of its own.
#[derive(Collection, Clone, Debug, PartialEq)]
#[index(name, unique, where(done.is_none()))]
#[index(state, where(state == WAITING, !urgent))]
#[index(size, name, where(size > 1_080))]
#[index(due, where(place == "Wien"))]
pub struct Job {
    id: Id<Job>,
    name: String,
    done: Option<u32>,
    state: u8,
    urgent: bool,
    size: i64,
    due: u32,
    place: Option<String>,
}

epilog::schema!(pub Jobs { Job });

fn job(n: u32) -> Job {
    let place = ["Wien", "Graz", "Linz"].get(n as usize % 60);
    Job {
        id: Id::auto(),
        name: if n.is_multiple_of(40) { format!("job {n}") } else { format!("job {}", n % 7) },
        done: (!n.is_multiple_of(40)).then_some(n),
        state: if n.is_multiple_of(100) { WAITING } else { (n % 2) as u8 },
        urgent: n.is_multiple_of(200),
        size: i64::from(n) * 31 % 1_100,
        due: n / 2,
        place: place.map(|place| place.to_string()),
    }
}

const JOBS: u32 = 4_000;

fn jobs() -> Database<Jobs> {
    let db = Jobs::in_memory().expect("a database");
    db.write(|tx| tx.insert_all((0..JOBS).map(job))).expect("jobs");
    db
}

/// A query is planned as expected, and gives the jobs that its test holds for, in the order of their keys.
#[track_caller]
fn check(db: &Database<Jobs>, query: &Query<Job, Job>, holds: impl Fn(&Job) -> bool, expected: &str) {
    assert_eq!(query.explain(db).expect("a plan").to_string(), expected);
    let all: Vec<Job> = Job::query().all(db).expect("jobs").into_iter().filter(holds).collect();
    let mut found = query.all(db).expect("jobs");
    assert_eq!(query.count(db).expect("a count"), found.len() as u64);
    found.sort_by_key(|job| job.id.get());
    assert_eq!(found, all);
    assert!(!all.is_empty(), "the query asks for something");
}

#[test]
fn it_is_read_by_queries_about_its_records_alone() {
    let db = &jobs();
    let query = || Job::query();
    check(
        db,
        &query().filter(|j| j.done.is_none() & j.name.eq("job 40")),
        |j| j.done.is_none() && j.name == "job 40",
        "index lookup Job by name = \"job 40\" where done.is_none()",
    );
    // All its records, in its order too.
    check(
        db,
        &query().filter(|j| j.done.is_none()),
        |j| j.done.is_none(),
        "index scan Job by name where done.is_none()",
    );
    check(
        db,
        &query().filter(|j| j.done.is_none()).order_by(|j| j.name),
        |j| j.done.is_none(),
        "index scan Job by name where done.is_none()",
    );
    // Every condition is asked, in other words or stricter.
    check(
        db,
        &query().filter(|j| j.state.eq(WAITING) & !j.urgent),
        |j| j.state == WAITING && !j.urgent,
        "index lookup Job by state = 2 where state == 2, urgent == false",
    );
    check(
        db,
        &query().filter(|j| j.size.ge(1_090)),
        |j| j.size >= 1_090,
        "index range Job by size >= 1090 where size > 1080",
    );
    check(
        db,
        &query().filter(|j| j.size.gt(1_080) & j.place.is_none()),
        |j| j.size > 1_080 && j.place.is_none(),
        "filter is_none(place)\n  index range Job by size > 1080 where size > 1080",
    );
    check(
        db,
        &query().filter(|j| j.place.eq("Wien") & j.due.lt(500)),
        |j| j.place.as_deref() == Some("Wien") && j.due < 500,
        "index range Job by due < 500 where place == \"Wien\"",
    );
    // Those that it leaves out may be asked for.
    type Question = (Query<Job, Job>, fn(&Job) -> bool, &'static str);
    let scans: [Question; 4] = [
        (
            query().filter(|j| j.name.eq("job 3")),
            |j| j.name == "job 3",
            "filter name = \"job 3\"\n  scan Job",
        ),
        (query().filter(|j| j.state.eq(WAITING)), |j| j.state == WAITING, "filter state = 2\n  scan Job"),
        (query().filter(|j| j.size.ge(1_000)), |j| j.size >= 1_000, "filter size >= 1000\n  scan Job"),
        (
            query().filter(|j| j.done.is_some() & j.name.eq("job 3")),
            |j| j.done.is_some() && j.name == "job 3",
            "filter name = \"job 3\" & is_some(done)\n  scan Job",
        ),
    ];
    for (query, holds, plan) in scans {
        check(db, &query, holds, plan);
    }
}

#[test]
fn why_it_was_not_read_is_told() {
    let db = &jobs();
    let query = Job::query().filter(|j| j.name.eq("job 3"));
    let why = query.explain(db).expect("a plan").why();
    let told = "not index of Job by name where done.is_none(): records may be asked for of which not \
                `done.is_none()`: it has none of those";
    assert!(why.contains(told), "{why}");
    let query = Job::query().filter(|j| j.state.eq(WAITING));
    let why = query.explain(db).expect("a plan").why();
    assert!(why.contains("of which not `urgent == false`"), "{why}");
    assert!(query.require_index().all(db).is_err());
}

#[test]
fn a_plan_that_a_value_allows_is_for_that_value() {
    let db = &jobs();
    let larger = |than: i64| {
        let found = Job::query().filter(|j| j.size.gt(than)).all(db).expect("jobs");
        let all = Job::query().all(db).expect("jobs");
        assert_eq!(found.len(), all.iter().filter(|job| job.size > than).count(), "{than}");
    };
    for than in [1_090, 900, 1_080, 1_090, 1_079, 1_095, 900] {
        larger(than);
    }
    let in_place =
        |place: &str| Job::query().filter(|j| j.place.eq(place) & j.due.lt(50)).all(db).expect("jobs").len();
    assert_eq!([in_place("Wien"), in_place("Graz"), in_place("Wien"), in_place("none")], [2, 2, 2, 0]);
}

#[test]
fn records_are_told_apart_only_while_they_are_in_it() {
    let db = &jobs();
    let one = |name: &str| Job { name: name.into(), done: None, ..job(1) };
    let refused = |result: Result<(), Error>| {
        let error = result.expect_err("a second open job of this name");
        assert_eq!(error.kind(), ErrorKind::UniqueViolation, "{error}");
        assert!(error.to_string().contains("job 40"), "{error}");
    };
    refused(db.write(|tx| tx.insert(&one("job 40")).map(|_| ())));
    refused(db.write(|tx| tx.insert_all([one("fresh"), one("job 40")]).map(|_| ())));
    // One that is done may be called so, until it is opened again.
    let done = db.write(|tx| tx.insert(&Job { done: Some(1), ..one("job 40") })).expect("a done job");
    refused(db.write(|tx| tx.update(&Job { id: done, ..one("job 40") }).map(|_| ())));
    refused(
        db.write(|tx| {
            Job::query().filter(|j| j.id.eq(done)).update(|j| j.done.set(None)).run(tx).map(|_| ())
        }),
    );
    // The other one is done, and all is well.
    db.write(|tx| {
        Job::query()
            .filter(|j| j.name.eq("job 40") & j.done.is_none())
            .update(|j| j.done.set(Some(7)))
            .run(tx)?;
        tx.update(&Job { id: done, ..one("job 40") })?;
        tx.delete_key::<Job>(done)?;
        tx.insert(&one("job 40"))
    })
    .expect("one at a time");
    assert!(db.check().expect("a check").is_sound());
}

#[test]
fn changes_move_records_in_and_out() {
    let db = &jobs();
    let open = || Job::query().filter(|j| j.done.is_none()).require_index().count(db).expect("a count");
    let before = open();
    db.write(|tx| {
        Job::query().filter(|j| j.done.is_none() & j.state.eq(0)).update(|j| j.done.set(Some(9))).run(tx)
    })
    .expect("an update");
    assert!(open() < before);
    db.write(|tx| Job::query().filter(|j| j.done.is_none()).delete().run(tx)).expect("a deletion");
    assert_eq!(open(), 0);
    let report = db.check().expect("a check");
    assert!(report.is_sound(), "{report:?}");
}

mod losing {
    use super::*;

    #[derive(Collection, Clone, Debug, PartialEq)]
    pub struct Owner {
        pub id: Id<Owner>,
    }

    #[derive(Collection, Clone, Debug, PartialEq)]
    #[index(note, where(owner.is_none()))]
    pub struct Item {
        pub id: Id<Item>,
        pub note: String,
        #[on_delete(set_null)]
        pub owner: Option<Id<Owner>>,
    }

    epilog::schema!(pub Items { Owner, Item });
}

/// A record comes into the index by losing what it points at: its key was not measured while it was left out.
#[test]
fn what_loses_its_owner_is_measured() {
    use losing::{Item, Items, Owner};
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("items.epilog");
    let db = Items::open(&path).expect("a database");
    // The longest key has 960 bytes, of which a text takes two more than its own.
    for (length, fits) in [(2_000, false), (959, false), (958, true)] {
        let item = db
            .write(|tx| {
                let owner = tx.insert(&Owner { id: Id::auto() })?;
                tx.insert(&Item { id: Id::auto(), note: "x".repeat(length), owner: Some(owner) })
            })
            .expect("an item");
        let owner =
            db.get(item).expect("the item").and_then(|item: losing::Item| item.owner).expect("an owner");
        let gone = db.write(|tx| tx.delete_key::<Owner>(owner));
        match gone {
            Ok(gone) => assert!(fits && gone, "{length}"),
            Err(error) => assert!(!fits && error.kind() == ErrorKind::Constraint, "{length}: {error}"),
        }
        // A transaction may go on when one statement is refused.
        let kept = db.write(|tx| {
            let _ = tx.delete_key::<Owner>(owner);
            tx.insert(&Owner { id: Id::auto() })
        });
        kept.expect("another owner");
        assert_eq!(
            db.get(item).expect("the item").and_then(|item: losing::Item| item.owner).is_some(),
            !fits
        );
    }
    assert!(db.check().expect("a check").is_sound());
    db.close().expect("closed");
    let db = Items::open(&path).expect("a database");
    assert_eq!(Item::query().filter(|i| i.owner.is_none()).require_index().count(&db).expect("a count"), 1);
}

mod other {
    use super::*;

    #[derive(Collection)]
    #[index(name, unique, where(done.is_some()))]
    #[index(state, where(state == WAITING, !urgent))]
    #[index(size, name, where(size > 1_081))]
    #[index(due, where(place == "Wien"))]
    pub struct Job {
        id: Id<Job>,
        name: String,
        done: Option<u32>,
        state: u8,
        urgent: bool,
        size: i64,
        due: u32,
        place: Option<String>,
    }

    epilog::schema!(pub Jobs { Job });
}

#[test]
fn an_index_of_other_records_is_another_index() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("jobs.epilog");
    let db = Jobs::open(&path).expect("a database");
    db.write(|tx| tx.insert_all((0..100).map(job))).expect("jobs");
    db.close().expect("it can be closed");
    let error = other::Jobs::open(&path).expect_err("another schema");
    assert_eq!(error.kind(), ErrorKind::SchemaDiffers);
    let text = error.to_string();
    for condition in ["done.is_none()", "done.is_some()", "size > 1080", "size > 1081"] {
        assert!(text.contains(condition), "{text}");
    }
    assert_eq!(Job::query().count(&Jobs::open(&path).expect("the same schema")).expect("a count"), 100);
}

//! Transactions without the lease, each case by itself: what conflicts, what does not, and what comes of it.
//!
//! Another transaction is made to commit in the middle of one by running it there, in the first attempt.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use epilog::prelude::*;
use epilog::vfs::MemoryVfs;

#[derive(Collection, Clone, Debug, PartialEq)]
struct Doctor {
    id: Id<Doctor>,
    #[unique]
    name: String,
    #[index]
    on_call: bool,
    /// In no index.
    note: String,
}

#[derive(Collection, Clone, Debug, PartialEq)]
struct Account {
    #[key]
    number: u32,
    balance: i64,
}

#[derive(Collection, Clone, Debug, PartialEq)]
struct Visit {
    id: Id<Visit>,
    doctor: Id<Doctor>,
    #[index]
    day: i32,
}

#[derive(Collection, Clone, Debug, PartialEq)]
struct Bed {
    #[key]
    number: u32,
    #[on_delete(cascade)]
    of: Option<Id<Doctor>>,
}

epilog::schema!(Hospital { Doctor, Account, Visit, Bed });

type Transaction<'t> = WriteTransaction<'t, Hospital>;

fn doctor(name: &str, on_call: bool) -> Doctor {
    Doctor { id: Id::auto(), name: name.into(), on_call, note: String::new() }
}

/// Doctors 1 (Alice) and 2 (Bob) on call, 3 (Carol) not; accounts 1 to 9 with 100 each; visits to Alice on days 10, 20, 30.
fn hospital() -> Database<Hospital> {
    let db = Hospital::in_memory().unwrap();
    fill(&db);
    db
}

fn fill(db: &Database<Hospital>) {
    db.write(|tx| {
        tx.insert_all(&[doctor("Alice", true), doctor("Bob", true), doctor("Carol", false)])?;
        tx.insert_all((1..10).map(|number| Account { number, balance: 100 }))?;
        let visit = |day| Visit { id: Id::auto(), doctor: Id::new(1), day };
        tx.insert_all([10, 20, 30].map(visit))
    })
    .unwrap();
}

/// Runs `work` beside: in the middle, where it calls its second argument, `beside` commits, in the first attempt. Returns
/// what it did and how many attempts it took.
fn run<R>(
    db: &Database<Hospital>,
    mut work: impl FnMut(&mut Transaction<'_>, &mut dyn FnMut()) -> Result<R, Error>,
    beside: impl FnOnce(),
) -> (Result<R, Error>, u32) {
    let mut attempts = 0;
    let mut beside = Some(beside);
    let result = db.write_concurrent(|tx| {
        attempts += 1;
        work(tx, &mut || beside.take().into_iter().for_each(|beside| beside()))
    });
    assert!(beside.is_none(), "nothing has happened beside");
    (result, attempts)
}

fn balance(tx: &Transaction<'_>, number: u32) -> Result<i64, Error> {
    Ok(tx.get::<Account>(number)?.expect("an account").balance)
}

fn set_balance(tx: &mut Transaction<'_>, number: u32, balance: i64) -> Result<(), Error> {
    tx.update(&Account { number, balance })
}

fn balance_now(db: &Database<Hospital>, number: u32) -> i64 {
    db.get::<Account>(number).unwrap().expect("an account").balance
}

#[test]
fn a_lost_update_is_not_lost() {
    let add = |tx: &mut Transaction<'_>, more| {
        let now = balance(tx, 1)?;
        set_balance(tx, 1, now + more)
    };
    for leased in [true, false] {
        let db = hospital();
        let (result, attempts) = run(
            &db,
            |tx, beside| {
                let now = balance(tx, 1)?;
                beside();
                set_balance(tx, 1, now + 5)
            },
            || {
                if leased { db.write(|tx| add(tx, 70)) } else { db.write_concurrent(|tx| add(tx, 70)) }
                    .unwrap();
            },
        );
        result.unwrap();
        assert_eq!((balance_now(&db, 1), attempts), (175, 2), "leased: {leased}");
    }
}

#[test]
fn a_record_written_without_being_read_counts_as_read() {
    // Whether it is there is what an update has to know.
    let db = hospital();
    let (result, attempts) = run(
        &db,
        |tx, beside| {
            beside();
            set_balance(tx, 1, 5)
        },
        || db.write(|tx| tx.delete_key::<Account>(1u32)).map(drop).unwrap(),
    );
    assert_eq!(result.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!((db.get::<Account>(1u32).unwrap(), attempts), (None, 2));
}

#[test]
fn other_records_do_not_conflict() {
    let db = hospital();
    let (result, attempts) = run(
        &db,
        |tx, beside| {
            let now = balance(tx, 1)?;
            beside();
            set_balance(tx, 2, now + 1)
        },
        || db.write(|tx| set_balance(tx, 3, 7)).unwrap(),
    );
    result.unwrap();
    assert_eq!((balance_now(&db, 2), balance_now(&db, 3), attempts), (101, 7, 1));
}

/// Two doctors on call look whether the other one is, and leave.
#[test]
fn a_write_skew_is_caught() {
    let db = hospital();
    let on_call = |tx: &Transaction<'_>| Doctor::query().filter(|d| d.on_call.eq(true)).count(tx);
    let leave = |tx: &mut Transaction<'_>, id: u64| {
        let doctor = tx.get::<Doctor>(Id::new(id))?.expect("a doctor");
        tx.update(&Doctor { on_call: false, ..doctor })
    };
    let (left, attempts) = run(
        &db,
        |tx, beside| {
            let enough = on_call(tx)? >= 2;
            beside();
            if enough {
                leave(tx, 1)?;
            }
            Ok(enough)
        },
        || {
            let left = db.write_concurrent(|tx| {
                let enough = on_call(tx)? >= 2;
                if enough {
                    leave(tx, 2)?;
                }
                Ok(enough)
            });
            assert!(left.unwrap());
        },
    );
    assert_eq!((left.unwrap(), attempts), (false, 2));
    assert_eq!(Doctor::query().filter(|d| d.on_call.eq(true)).count(&db).unwrap(), 1);
}

/// Fekete, O'Neil and O'Neil, *A Read-Only Transaction Anomaly Under Snapshot Isolation*, 2004: a withdrawal sees neither
/// account's deposit and pays for an overdraft, though someone has seen the deposit without the withdrawal.
#[test]
fn a_reader_sees_nothing_that_the_order_of_commits_does_not_explain() {
    let db = hospital();
    let (checking, savings) = (1, 2);
    db.write(|tx| {
        set_balance(tx, checking, 0)?;
        set_balance(tx, savings, 0)
    })
    .unwrap();
    let mut seen = None;
    let (result, attempts) = run(
        &db,
        |tx, beside| {
            let total = balance(tx, checking)? + balance(tx, savings)?;
            beside();
            let penalty = i64::from(total < 10);
            set_balance(tx, checking, -10 - penalty)
        },
        || {
            db.write_concurrent(|tx| {
                let now = balance(tx, savings)?;
                set_balance(tx, savings, now + 20)
            })
            .unwrap();
            seen =
                Some(db.write_concurrent(|tx| Ok((balance(tx, checking)?, balance(tx, savings)?))).unwrap());
        },
    );
    result.unwrap();
    assert_eq!(seen, Some((0, 20)));
    assert_eq!((balance_now(&db, checking), attempts), (-10, 2), "no penalty: the deposit came before");
}

/// What is read before, what happens beside, and whether that is a conflict.
#[test]
fn phantoms_are_conflicts_and_what_lies_beside_a_range_is_none() {
    type Read = fn(&Transaction<'_>) -> Result<u64, Error>;
    type Write = fn(&mut Transaction<'_>) -> Result<(), Error>;
    fn visit(tx: &mut Transaction<'_>, day: i32) -> Result<(), Error> {
        tx.insert(&Visit { id: Id::auto(), doctor: Id::new(2), day }).map(drop)
    }
    fn account(tx: &mut Transaction<'_>, number: u32) -> Result<(), Error> {
        tx.insert(&Account { number, balance: 1 }).map(drop)
    }
    const DAYS: Read = |tx| Visit::query().filter(|v| v.day.between(15, 25)).count(tx);
    const FIRST_DAY: Read = |tx| {
        let first = Visit::query().filter(|v| v.day.gt(5)).order_by(|v| v.day.asc()).first(tx)?;
        Ok(first.map_or(0, |visit| visit.day as u64))
    };
    const LAST_DAY: Read = |tx| {
        let last = Visit::query().filter(|v| v.day.lt(50)).order_by(|v| v.day.desc()).first(tx)?;
        Ok(last.map_or(0, |visit| visit.day as u64))
    };
    const NUMBERS: Read = |tx| {
        let range = Account::query().filter(|a| a.number.between(20, 30));
        Ok(range.all(tx)?.len() as u64)
    };
    const NO_ACCOUNT: Read = |tx| Ok(u64::from(tx.get::<Account>(40u32)?.is_some()));
    const COUNT: Read = |tx| Account::query().count(tx);
    const SUM: Read = |tx| Ok(Account::query().aggregate(|g| g.sum(|a| a.balance)).one(tx)? as u64);
    const NAMED: Read = |tx| Doctor::query().filter(|d| d.name.eq("Dora")).count(tx);
    const ON_CALL: Read = |tx| Doctor::query().filter(|d| d.on_call.eq(true)).count(tx);
    const STREAM: Read = |tx| {
        let mut visits = Visit::query().order_by(|v| v.day.asc()).stream(tx)?;
        Ok(visits.next().transpose()?.map_or(0, |visit| visit.day as u64))
    };
    const SUBQUERY: Read = |tx| Bed::query().filter(|b| b.of().name.eq("Alice")).count(tx);
    let cases: &[(&str, Read, Write, bool)] = &[
        ("an entry in the range", DAYS, |tx| visit(tx, 15), true),
        ("an entry at its end", DAYS, |tx| visit(tx, 25), true),
        ("an entry before it", DAYS, |tx| visit(tx, 14), false),
        ("an entry after it", DAYS, |tx| visit(tx, 26), false),
        ("an entry that leaves it", DAYS, |tx| tx.delete_key::<Visit>(Id::new(2)).map(drop), true),
        (
            "an entry that moves into it",
            DAYS,
            |tx| tx.update(&Visit { id: Id::new(1), doctor: Id::new(1), day: 16 }),
            true,
        ),
        (
            "an entry that moves outside",
            DAYS,
            |tx| tx.update(&Visit { id: Id::new(1), doctor: Id::new(1), day: 11 }),
            false,
        ),
        ("an entry before the first", FIRST_DAY, |tx| visit(tx, 6), true),
        ("an entry behind the first", FIRST_DAY, |tx| visit(tx, 11), false),
        ("an entry before the range of the first", FIRST_DAY, |tx| visit(tx, 4), false),
        ("an entry behind the last", LAST_DAY, |tx| visit(tx, 31), true),
        // One more is read, to see whether the last has others beside it.
        ("an entry before the last two", LAST_DAY, |tx| visit(tx, 19), false),
        ("an entry before the first of a stream", STREAM, |tx| visit(tx, 1), true),
        ("a record in an empty range", NUMBERS, |tx| account(tx, 25), true),
        ("a record before the range", NUMBERS, |tx| account(tx, 19), false),
        ("a record behind the range", NUMBERS, |tx| account(tx, 31), false),
        ("the record that was missing", NO_ACCOUNT, |tx| account(tx, 40), true),
        ("the one beside it", NO_ACCOUNT, |tx| account(tx, 41), false),
        ("a record of a collection that was counted", COUNT, |tx| account(tx, 50), true),
        ("a value of one", COUNT, |tx| set_balance(tx, 5, 1), false),
        (
            "as many that come as go",
            COUNT,
            |tx| tx.delete_key::<Account>(5u32).and_then(|_| account(tx, 50)),
            false,
        ),
        ("a record of a collection that was added up", SUM, |tx| account(tx, 50), true),
        ("a value that was added up", SUM, |tx| set_balance(tx, 5, 1), true),
        ("the name that nobody had", NAMED, |tx| tx.insert(&doctor("Dora", false)).map(drop), true),
        ("another name", NAMED, |tx| tx.insert(&doctor("Dorb", false)).map(drop), false),
        (
            "a field that is not in the index read",
            ON_CALL,
            |tx| {
                Doctor::query()
                    .filter(|d| d.id.eq(Id::new(1)))
                    .update(|d| d.note.set("late"))
                    .run(tx)
                    .map(drop)
            },
            false,
        ),
        (
            "a record that a relation leads to",
            SUBQUERY,
            |tx| {
                Doctor::query()
                    .filter(|d| d.id.eq(Id::new(1)))
                    .update(|d| d.name.set("Alba"))
                    .run(tx)
                    .map(drop)
            },
            true,
        ),
    ];
    for (what, read, write, conflicts) in cases {
        for leased in [true, false] {
            let db = hospital();
            db.write(|tx| tx.insert(&Bed { number: 1, of: Some(Id::new(1)) })).unwrap();
            let (found, attempts) = run(
                &db,
                |tx, beside| {
                    let found = read(tx)?;
                    beside();
                    tx.insert(&Account { number: 1000, balance: 0 })?;
                    Ok(found)
                },
                || if leased { db.write(write) } else { db.write_concurrent(write) }.unwrap(),
            );
            let found = found.unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(attempts, 1 + u32::from(*conflicts), "{what}, leased: {leased}");
            // The same in a transaction after both, but for what was inserted itself.
            db.write(|tx| {
                tx.delete_key::<Account>(1000u32)?;
                assert_eq!(read(tx)?, found, "{what}, leased: {leased}");
                Ok(())
            })
            .unwrap();
        }
    }
}

#[test]
fn of_two_that_want_a_unique_value_one_gets_it() {
    let db = hospital();
    let (result, attempts) = run(
        &db,
        |tx, beside| {
            let id = tx.insert(&doctor("Dora", true))?;
            beside();
            Ok(id)
        },
        || db.write_concurrent(|tx| tx.insert(&doctor("Dora", false))).map(drop).unwrap(),
    );
    assert_eq!((result.unwrap_err().kind(), attempts), (ErrorKind::UniqueViolation, 2));
    assert!(!Doctor::query().filter(|d| d.name.eq("Dora")).one(&db).unwrap().on_call, "the one beside");
}

#[test]
fn many_records_at_once_look_for_each_of_their_values() {
    // Keys, in a collection that has some; unique values, in an index that has none yet.
    let db = hospital();
    let (result, attempts) = run(
        &db,
        |tx, beside| {
            tx.insert_all((100..200).map(|number| Account { number, balance: 1 }))?;
            beside();
            Ok(())
        },
        || db.write(|tx| tx.insert(&Account { number: 150, balance: 2 })).map(drop).unwrap(),
    );
    assert_eq!((result.unwrap_err().kind(), attempts), (ErrorKind::UniqueViolation, 2));
    assert_eq!((balance_now(&db, 150), Account::query().count(&db).unwrap()), (2, 10));

    for (name, expected) in [("Dora", 2), ("Dorb", 1)] {
        let db = Hospital::in_memory().unwrap();
        let (_, attempts) = run(
            &db,
            |tx, beside| {
                let inserted = tx.insert_all(["Dora", "Emma"].map(|name| doctor(name, true)));
                beside();
                inserted
            },
            || db.write(|tx| tx.insert(&doctor(name, false))).map(drop).unwrap(),
        );
        assert_eq!(attempts, expected, "{name}");
        let count = Doctor::query().filter(|d| d.name.eq("Dora")).count(&db).unwrap();
        assert_eq!(count, 1);
    }
}

#[test]
fn a_refusal_that_does_not_hold_any_more_is_not_returned() {
    let db = hospital();
    let (result, attempts) = run(
        &db,
        |tx, beside| {
            let inserted = tx.insert(&doctor("Alice", true));
            beside();
            inserted
        },
        || {
            db.write(|tx| {
                let alice = tx.get::<Doctor>(Id::new(1))?.expect("Alice");
                tx.update(&Doctor { name: "Alba".into(), ..alice })
            })
            .unwrap();
        },
    );
    assert_eq!((result.unwrap(), attempts), (Id::new(4), 2));
    // One that holds is returned at once.
    let (result, attempts) = run(
        &db,
        |tx, beside| {
            beside();
            tx.insert(&doctor("Bob", true))
        },
        || db.write(|tx| set_balance(tx, 1, 1)).unwrap(),
    );
    assert_eq!((result.unwrap_err().kind(), attempts), (ErrorKind::UniqueViolation, 1));
}

#[test]
fn a_record_pointed_at_does_not_go_unnoticed() {
    // It goes while another one is made to point at it.
    let db = hospital();
    let visit = |doctor| Visit { id: Id::auto(), doctor: Id::new(doctor), day: 1 };
    let (result, attempts) = run(
        &db,
        |tx, beside| {
            tx.insert(&visit(3))?;
            beside();
            Ok(())
        },
        || assert!(db.write_concurrent(|tx| tx.delete_key::<Doctor>(Id::new(3))).unwrap()),
    );
    assert_eq!((result.unwrap_err().kind(), attempts), (ErrorKind::ReferenceViolation, 2));

    // One is made to point at it while it goes.
    let (result, attempts) = run(
        &db,
        |tx, beside| {
            tx.delete_key::<Doctor>(Id::new(2))?;
            beside();
            Ok(())
        },
        || db.write_concurrent(|tx| tx.insert(&visit(2))).map(drop).unwrap(),
    );
    assert_eq!((result.unwrap_err().kind(), attempts), (ErrorKind::ReferenceViolation, 2));
    assert!(db.get::<Doctor>(Id::new(2)).unwrap().is_some());

    // The same where what points goes along.
    let db = hospital();
    let (result, attempts) = run(
        &db,
        |tx, beside| {
            tx.delete_key::<Doctor>(Id::new(3))?;
            beside();
            Ok(())
        },
        || db.write(|tx| tx.insert(&Bed { number: 7, of: Some(Id::new(3)) })).map(drop).unwrap(),
    );
    result.unwrap();
    assert_eq!((db.get::<Bed>(7u32).unwrap(), attempts), (None, 2));
}

#[test]
fn given_numbers_neither_meet_nor_conflict() {
    let db = hospital();
    let many = |tx: &mut Transaction<'_>, count: i32| {
        tx.insert_all((0..count).map(|day| Visit { id: Id::auto(), doctor: Id::new(1), day: 100 + day }))
    };
    let mut beside_ids = Vec::new();
    let (ids, attempts) = run(
        &db,
        |tx, beside| {
            let mut ids = many(tx, 3)?;
            beside();
            ids.extend(many(tx, 20)?);
            Ok(ids)
        },
        || {
            beside_ids.extend(db.write(|tx| many(tx, 5)).unwrap());
            beside_ids.extend(db.write_concurrent(|tx| many(tx, 5)).unwrap());
            beside_ids.extend(db.write(|tx| many(tx, 1)).unwrap());
        },
    );
    let ids = ids.unwrap();
    assert_eq!((ids.len(), beside_ids.len(), attempts), (23, 11, 1));
    let all: BTreeSet<u64> = ids.iter().chain(&beside_ids).map(|id| id.get()).collect();
    assert_eq!(all.len(), 34);
    assert_eq!(Visit::query().count(&db).unwrap(), 3 + 34);
    // None of them is given out again, whatever becomes of the records.
    db.write(|tx| Visit::query().filter(|v| v.id.gt(Id::new(3))).delete().run(tx)).unwrap();
    let later = db.write(|tx| many(tx, 50)).unwrap();
    assert!(later.iter().all(|id| !all.contains(&id.get())));
}

#[test]
fn alone_each_gets_the_next_number() {
    let db = hospital();
    for number in 4..40 {
        if number % 3 == 0 {
            let aborted = db.write_concurrent(|tx| {
                tx.insert_all((0..number).map(|n| doctor(&format!("aborted {n}"), false)))?;
                Err::<(), _>(Error::custom("on second thought"))
            });
            assert_eq!(aborted.unwrap_err().kind(), ErrorKind::Custom);
        }
        let new = doctor(&format!("doctor {number}"), false);
        let id = if number % 2 == 0 {
            db.write_concurrent(|tx| {
                assert!(tx.insert(&doctor("Bob", false)).is_err());
                tx.insert(&new)
            })
        } else {
            db.write(|tx| tx.insert(&new))
        };
        assert_eq!(id.unwrap(), Id::new(number));
    }
}

#[test]
fn a_number_that_was_drawn_and_inserted_by_another_is_passed_over() {
    let db = hospital();
    let (id, attempts) = run(
        &db,
        |tx, beside| {
            let id = tx.insert(&doctor("Dora", true))?;
            beside();
            Ok(id)
        },
        || {
            let fourth = Doctor { id: Id::new(4), ..doctor("Fourth", false) };
            db.write(|tx| tx.insert(&fourth)).map(drop).unwrap();
        },
    );
    assert_eq!((id.unwrap(), attempts), (Id::new(5), 2));
    assert_eq!(db.write(|tx| tx.insert(&doctor("Sixth", false))).unwrap(), Id::new(6));
}

#[test]
fn after_some_conflicts_others_wait() {
    let db = hospital();
    let begun = AtomicBool::new(false);
    let mut attempts = 0;
    let result = thread::scope(|scope| {
        db.write_concurrent(|tx| {
            attempts += 1;
            let now = balance(tx, 1)?;
            if attempts < 5 {
                db.write(|tx| set_balance(tx, 1, now + 1)).unwrap();
            } else {
                // It has the lease now: nobody can come in between.
                scope.spawn(|| {
                    db.write(|tx| {
                        begun.store(true, Ordering::SeqCst);
                        let now = balance(tx, 1)?;
                        set_balance(tx, 1, now * 2)
                    })
                    .unwrap();
                });
                thread::sleep(Duration::from_millis(50));
                assert!(!begun.load(Ordering::SeqCst));
            }
            set_balance(tx, 1, now + 1000)?;
            Ok(now)
        })
    });
    assert_eq!((result.unwrap(), attempts), (104, 5));
    assert_eq!(balance_now(&db, 1), 2208);
}

#[test]
fn it_runs_while_another_has_the_lease() {
    let db = hospital();
    let mut leased = db.begin().unwrap();
    set_balance(&mut leased, 1, 1).unwrap();
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            db.write_concurrent(|tx| {
                set_balance(tx, 2, 2)?;
                sender.send(()).expect("someone listens");
                Ok(())
            })
        });
        receiver.recv_timeout(Duration::from_secs(60)).expect("it does not wait to run");
        assert_eq!(balance_now(&db, 2), 100, "but to commit");
        leased.commit().unwrap();
        other.join().unwrap().unwrap();
    });
    assert_eq!((balance_now(&db, 1), balance_now(&db, 2)), (1, 2));
}

#[test]
fn savepoints_nest_in_it() {
    let db = hospital();
    let (result, attempts) = run(
        &db,
        |tx, beside| {
            tx.insert(&doctor("kept", true))?;
            let undone = tx.savepoint(|tx| {
                tx.insert(&doctor("undone", true))?;
                tx.savepoint(|tx| tx.delete_key::<Account>(1u32))?;
                beside();
                Err::<(), _>(Error::custom("on second thought"))
            });
            assert!(undone.is_err() && tx.get::<Account>(1u32)?.is_some());
            tx.savepoint(|tx| tx.insert(&doctor("also kept", true)))
        },
        || db.write(|tx| set_balance(tx, 9, 0)).unwrap(),
    );
    assert_eq!((result.unwrap(), attempts), (Id::new(5), 1));
    let names: Vec<String> = Doctor::query().select(|d| d.name).all(&db).unwrap();
    assert_eq!(names, ["Alice", "Bob", "Carol", "kept", "also kept"]);
    assert_eq!(Account::query().count(&db).unwrap(), 9);
    // What was read in a savepoint that was undone has been read.
    let (result, attempts) = run(
        &db,
        |tx, beside| {
            let _ = tx.savepoint(|tx| balance(tx, 1).and(Err::<(), _>(Error::custom("undone"))));
            beside();
            set_balance(tx, 2, 2)
        },
        || db.write(|tx| set_balance(tx, 1, 0)).unwrap(),
    );
    result.unwrap();
    assert_eq!(attempts, 2);
}

#[test]
fn long_values_and_set_based_changes_are_made_again() {
    let db = hospital();
    let long = "long ".repeat(20_000);
    let (result, attempts) = run(
        &db,
        |tx, beside| {
            let noted =
                Doctor::query().filter(|d| d.on_call.eq(true)).update(|d| d.note.set(&long)).run(tx)?;
            beside();
            let gone = Visit::query().filter(|v| v.day.lt(25)).delete().run(tx)?;
            let noted_again =
                Doctor::query().filter(|d| d.id.eq(Id::new(1))).update(|d| d.note.set("short")).run(tx)?;
            Ok((noted, gone, noted_again))
        },
        || db.write(|tx| set_balance(tx, 1, 0)).unwrap(),
    );
    assert_eq!((result.unwrap(), attempts), ((2, 2, 1), 1));
    let notes: Vec<String> = Doctor::query().select(|d| d.note).all(&db).unwrap();
    assert_eq!(notes, ["short", &long, ""]);
    let days: Vec<i32> = Visit::query().select(|v| v.day).all(&db).unwrap();
    assert_eq!(days, [30]);
}

#[test]
fn an_error_of_the_programs_own_is_returned_at_once() {
    let db = hospital();
    let (result, attempts) = run(
        &db,
        |tx, beside| {
            balance(tx, 1)?;
            set_balance(tx, 2, 0)?;
            beside();
            Err::<(), _>(Error::custom("on second thought"))
        },
        || db.write(|tx| set_balance(tx, 1, 0)).unwrap(),
    );
    assert_eq!((result.unwrap_err().kind(), attempts), (ErrorKind::Custom, 1));
    assert_eq!(balance_now(&db, 2), 100);
}

#[test]
fn a_panic_leaves_nothing_behind() {
    let db = hospital();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        db.write_concurrent(|tx| {
            tx.insert(&doctor("Dora", true))?;
            if tx.get::<Doctor>(Id::new(4))?.is_some() {
                panic!("on purpose");
            }
            Ok(())
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(db.write_concurrent(|tx| tx.insert(&doctor("Emma", true))).unwrap(), Id::new(4));
}

/// Nested as deep as this, each builds on what the one within committed.
#[test]
fn one_within_the_other_commits_first() {
    let db = hospital();
    fn nest(db: &Database<Hospital>, depth: u32) {
        let mut attempts = 0;
        db.write_concurrent(|tx| {
            attempts += 1;
            let sum: i64 = Account::query().aggregate(|g| g.sum(|a| a.balance)).one(tx)?;
            if depth > 0 && attempts == 1 {
                nest(db, depth - 1);
            }
            set_balance(tx, depth + 1, sum)
        })
        .unwrap();
    }
    nest(&db, 3);
    // 900 to account 1, 1700 to account 2, 3300 to account 3, 6500 to account 4.
    let balances: Vec<i64> = (1..5).map(|number| balance_now(&db, number)).collect();
    assert_eq!(balances, [900, 1700, 3300, 6500]);
}

#[test]
fn too_many_changes_are_made_under_the_lease() {
    let files = MemoryVfs::new();
    let options = Options::default().bulk_after(4 << 10);
    let open = || Database::<Hospital>::open_in(Arc::new(files.clone()), "hospital", &options).unwrap();
    let db = open();
    fill(&db);
    let mut attempts = 0;
    db.write_concurrent(|tx| {
        attempts += 1;
        tx.insert_all((100..1000).map(|number| Account { number, balance: 0 }))
    })
    .unwrap();
    assert_eq!((attempts, Account::query().count(&db).unwrap()), (2, 909));
    // One beside it is told by the collections.
    for (touched, expected) in [(true, 2), (false, 1)] {
        let (result, attempts) = run(
            &db,
            |tx, beside| {
                if touched {
                    set_balance(tx, 1, 5)?
                } else {
                    tx.delete_key::<Doctor>(Id::new(2)).map(drop)?
                }
                beside();
                tx.savepoint(|_| Ok(()))
            },
            || {
                let many = (0..40_000).map(|n| Account { number: 10_000 + n, balance: i64::from(touched) });
                db.write(|tx| {
                    Account::query().filter(|a| a.number.ge(10_000)).delete().run(tx)?;
                    tx.insert_all(many)
                })
                .map(drop)
                .unwrap();
            },
        );
        result.unwrap();
        assert_eq!(attempts, expected, "touched: {touched}");
    }
    db.close().unwrap();
    let db = open();
    assert_eq!((Account::query().count(&db).unwrap(), balance_now(&db, 1)), (40_909, 5));
}

/// A few changes, but on more pages than one transaction may keep for itself, whatever it makes of being told.
#[test]
fn many_pages_are_changed_under_the_lease() {
    let options = Options::default().cache(1 << 20).bulk_after(16 << 20);
    let db = Database::<Hospital>::open_in(Arc::new(MemoryVfs::new()), "hospital", &options).unwrap();
    fill(&db);
    db.write(|tx| tx.insert_all((100..20_000).map(|number| Account { number, balance: 0 }))).unwrap();
    for forgives in [false, true] {
        let (mut attempts, mut refused) = (0, 0);
        db.write_concurrent(|tx| {
            attempts += 1;
            for number in (100..20_000).step_by(400) {
                let balance = 1 + i64::from(forgives);
                match tx.update(&Account { number, balance }) {
                    Err(error) if error.kind() == ErrorKind::Full && forgives => refused += 1,
                    outcome => outcome.map(drop)?,
                }
            }
            Ok(())
        })
        .unwrap();
        assert_eq!((attempts, refused > 0), (2, forgives));
        let balance = 1 + i64::from(forgives);
        assert_eq!(Account::query().filter(|a| a.balance.eq(balance)).count(&db).unwrap(), 50);
    }
    assert!(db.check().unwrap().is_sound());
}

#[test]
fn each_durability_can_be_had() {
    let files = MemoryVfs::new();
    let options = Options::default();
    let open = || Database::<Hospital>::open_in(Arc::new(files.clone()), "hospital", &options).unwrap();
    let db = open();
    fill(&db);
    let levels =
        [Durability::Immediate, Durability::Group, Durability::Eventual(Duration::ZERO), Durability::None];
    for (number, durability) in (1..).zip(levels) {
        let ((), commit) = db.write_concurrent_with(durability, |tx| set_balance(tx, number, 7)).unwrap();
        if durability == Durability::Immediate {
            assert!(commit.is_durable());
        }
        commit.wait().unwrap();
        assert_eq!(balance_now(&db, number), 7);
    }
    // One that changes nothing is the commit that it has read.
    let (sum, commit) = db.write_concurrent_with(Durability::Group, |tx| balance(tx, 1)).unwrap();
    assert_eq!((sum, commit.number()), (7, db.begin().unwrap().commit().unwrap().number()));
    drop(commit);
    db.close().unwrap();
    let db = open();
    assert!((1..5).all(|number| balance_now(&db, number) == 7));
    drop(db);
    let read_only = Options::default().read_only(true);
    let db = Database::<Hospital>::open_in(Arc::new(files.clone()), "hospital", &read_only).unwrap();
    let refused = db.write_concurrent(|tx| set_balance(tx, 1, 1));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::ReadOnly);
}

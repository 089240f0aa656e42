//! Write transactions without the lease: whatever meets, what is committed is what some order of them would do.

use std::sync::atomic::{AtomicUsize, Ordering};

use epilog::prelude::*;
use shuttle::thread;

use crate::{draw, explore};

#[derive(Collection, Clone, Debug, PartialEq)]
struct Doctor {
    #[key]
    number: u32,
    on_call: bool,
}

epilog::schema!(Hospital { Doctor });

type Transaction<'t> = WriteTransaction<'t, Hospital>;

fn hospital(doctors: u32) -> Database<Hospital> {
    let db = Hospital::in_memory().unwrap();
    db.write(|tx| tx.insert_all((1..=doctors).map(|number| Doctor { number, on_call: true }))).unwrap();
    db
}

fn on_call(tx: &Transaction<'_>) -> Result<u64, Error> {
    Doctor::query().filter(|doctor| doctor.on_call.eq(true)).count(tx)
}

/// Claim: of two who each go off call if the other one stays, one stays, whether both are without the lease or one has it
/// (write skew).
#[test]
fn somebody_stays_on_call() {
    explore(write_skew);
}

pub fn write_skew() {
    let db = hospital(2);
    let left = AtomicUsize::new(0);
    let leave = |number: u32| {
        move |tx: &mut Transaction<'_>| {
            let goes = on_call(tx)? > 1;
            if goes {
                tx.update(&Doctor { number, on_call: false })?;
            }
            Ok(usize::from(goes))
        }
    };
    let with_the_lease = draw(3) == 0;
    thread::scope(|scope| {
        scope.spawn(|| left.fetch_add(db.write_concurrent(leave(1)).unwrap(), Ordering::Relaxed));
        scope.spawn(|| {
            let outcome = if with_the_lease { db.write(leave(2)) } else { db.write_concurrent(leave(2)) };
            left.fetch_add(outcome.unwrap(), Ordering::Relaxed)
        });
    });
    assert_eq!(left.load(Ordering::Relaxed), 1, "one of them has left");
    assert_eq!(Doctor::query().filter(|doctor| doctor.on_call.eq(true)).count(&db).unwrap(), 1);
}

/// Claim: two without the lease and one with it, who each take the number after the last one, take three different ones in
/// a row (phantoms): what each read was so when it committed.
#[test]
fn numbers_taken_after_the_last_one_are_in_a_row() {
    explore(phantoms);
}

pub fn phantoms() {
    let db = hospital(1);
    let hire = |tx: &mut Transaction<'_>| {
        let number = Doctor::query().count(tx)? as u32 + 1;
        tx.insert(&Doctor { number, on_call: true })?;
        Ok(number)
    };
    let mut taken = Vec::new();
    thread::scope(|scope| {
        let one = scope.spawn(|| db.write_concurrent(hire).unwrap());
        let two = scope.spawn(|| db.write_concurrent(hire).unwrap());
        let three = scope.spawn(|| db.write(hire).unwrap());
        taken.extend([one, two, three].map(|thread| thread.join().unwrap()));
    });
    taken.sort_unstable();
    assert_eq!(taken, [2, 3, 4]);
    assert_eq!(Doctor::query().count(&db).unwrap(), 4);
}

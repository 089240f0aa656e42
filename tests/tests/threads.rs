//! Readers beside a writer: every snapshot is one commit's state, whole.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use epilog::prelude::*;

#[derive(Collection, Clone, Debug, PartialEq)]
struct Account {
    id: Id<Account>,
    #[index]
    balance: i64,
    owner: String,
}

epilog::schema!(Bank { Account });

const ACCOUNTS: u64 = 300;
const EACH: i64 = 100;

fn send_and_sync<T: Send + Sync>(_: &T) {}

fn filled(db: &Database<Bank>) {
    let accounts =
        (0..ACCOUNTS).map(|n| Account { id: Id::auto(), balance: EACH, owner: format!("owner {n}") });
    db.write(|tx| tx.insert_all(accounts)).unwrap();
}

/// Moves money until told to stop; returns how often.
fn move_money(db: &Database<Bank>, stop: &AtomicBool) -> u64 {
    let mut moves = 0;
    while !stop.load(Ordering::Relaxed) {
        let (from, to) = (1 + moves * 7 % ACCOUNTS, 1 + moves * 13 % ACCOUNTS);
        db.write(|tx| {
            let mut from = tx.get::<Account>(Id::new(from))?.expect("an account");
            from.balance -= 5;
            tx.update(&from)?;
            let mut to = tx.get::<Account>(Id::new(to))?.expect("an account");
            to.balance += 5;
            tx.update(&to)
        })
        .unwrap();
        moves += 1;
    }
    moves
}

fn check_snapshots(db: &Database<Bank>, rounds: usize) {
    let total = EACH * ACCOUNTS as i64;
    for _ in 0..rounds {
        let tx = db.read().unwrap();
        let (count, sum) =
            Account::query().aggregate(|g| (g.count(), g.sum(|a| a.balance))).one(&tx).unwrap();
        assert_eq!((count, sum), (ACCOUNTS, total));
        // The index of the same snapshot, and the same snapshot again.
        let rich = Account::query().filter(|a| a.balance.gt(EACH)).count(&tx).unwrap();
        let poor = Account::query().filter(|a| a.balance.le(EACH)).count(&tx).unwrap();
        assert_eq!(rich + poor, ACCOUNTS);
        let read: i64 = Account::query().all(&tx).unwrap().iter().map(|account| account.balance).sum();
        assert_eq!(read, total);
    }
}

fn run(db: &Database<Bank>) {
    send_and_sync(db);
    filled(db);
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| move_money(db, &stop));
        let readers: Vec<_> = (0..3).map(|_| scope.spawn(|| check_snapshots(db, 60))).collect();
        let outcomes: Vec<_> = readers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        stop.store(true, Ordering::Relaxed);
        assert!(writer.join().unwrap() > 0, "the writer never had a turn");
        assert!(outcomes.iter().all(Result::is_ok));
    });
    check_snapshots(db, 1);
}

#[test]
fn snapshots_in_memory_are_whole() {
    run(&Bank::in_memory().unwrap());
}

#[test]
fn snapshots_of_a_file_are_whole_and_so_is_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("bank.epilog");
    let options = Options::default().checkpoint_after(1 << 20);
    let db = options.open::<Bank>(&path).unwrap();
    run(&db);
    db.close().unwrap();
    check_snapshots(&Bank::open(&path).unwrap(), 1);
}

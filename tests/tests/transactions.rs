//! Properties of transactions: whatever they do, alone or in savepoints, committed, aborted or undone, before and after
//! checkpoints and openings, a database is the maps that the same was done to; and a snapshot does not move.

use epilog::prelude::*;
use epilog_tests::disk::SimVfs;
use epilog_tests::simulation::model::{BEST, Item, Model, Owner, Tag, WORDS};
use epilog_tests::simulation::workload::{Operation, Wait, run_operations};
use epilog_tests::simulation::{SETUPS, Setup};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// What is done with a database.
#[derive(Clone, Debug)]
enum Action {
    Transact {
        operations: Vec<Operation>,
        aborted: bool,
        wait: Wait,
    },
    Checkpoint,
    Maintain,
    Reopen,
    /// Takes a snapshot, which is compared when the next one is taken, and before a reopening.
    Snapshot,
}

fn wait() -> impl Strategy<Value = Wait> {
    prop_oneof![Just(Wait::Sync), Just(Wait::Together), Just(Wait::Later), Just(Wait::Never)]
}

fn owner_id() -> impl Strategy<Value = Id<Owner>> {
    (1..7u64).prop_map(Id::new)
}

fn owner() -> impl Strategy<Value = Owner> {
    let note = prop_oneof![4 => "[a-z]{0,30}", 1 => (3000..12_000usize).prop_map(|len| "n".repeat(len))];
    (owner_id(), 0..9u8, option::of(note)).prop_map(|(id, name, note)| Owner {
        id,
        name: format!("owner {name}"),
        note,
    })
}

fn item() -> impl Strategy<Value = Item> {
    let bytes = prop_oneof![4 => vec(any::<u8>(), 0..40), 1 => (0..9000usize).prop_map(|len| vec![7; len])];
    let words = vec((0..WORDS.len()).prop_map(|word| WORDS[word].to_string()), 0..4);
    (-5..35i32, owner_id(), option::of(owner_id()), prop_oneof![4 => 0..4u8, 1 => Just(BEST)], bytes, words)
        .prop_map(|(code, owner, reviewer, grade, bytes, words)| Item {
            code,
            owner,
            reviewer,
            grade,
            bytes,
            words,
        })
}

fn tag() -> impl Strategy<Value = Tag> {
    (0..6u8, option::of(owner_id()), -3..4i8).prop_map(|(name, holder, weight)| Tag {
        name: format!("tag {name}"),
        holder,
        weight: f64::from(weight),
    })
}

/// Lengths at and around those of chunks.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let len = prop_oneof![3 => 0..100usize, 2 => 4000..4100usize, 1 => 8100..8200usize, 1 => 0..30_000usize];
    (len, any::<u8>()).prop_map(|(len, byte)| (0..len).map(|at| (at / 9) as u8 ^ byte).collect())
}

fn operation() -> impl Strategy<Value = Operation> {
    let single = prop_oneof![
        4 => owner().prop_map(Operation::InsertOwner),
        1 => owner().prop_map(Operation::UpdateOwner),
        1 => owner_id().prop_map(Operation::DeleteOwner),
        2 => item().prop_map(Operation::InsertItem),
        2 => (item(), 0..300i32).prop_map(|(item, count)| {
            let items = (item.code..item.code + count).map(|code| Item { code, ..item.clone() });
            Operation::InsertItems(items.map(|item| Item { bytes: item.bytes[..item.bytes.len().min(200)].to_vec(), ..item }).collect())
        }),
        1 => item().prop_map(Operation::UpdateItem),
        1 => (-5..335i32).prop_map(Operation::DeleteItem),
        2 => tag().prop_map(Operation::InsertTag),
        1 => tag().prop_map(|tag| Operation::DeleteTag(tag.name)),
        2 => (0..5u16, owner_id(), content()).prop_map(|(code, owner, content)| Operation::PutScan(code, owner, content)),
        1 => (0..5u16).prop_map(Operation::DeleteScan),
    ];
    single.prop_recursive(3, 24, 6, |inner| {
        (vec(inner, 0..6), any::<bool>())
            .prop_map(|(operations, undone)| Operation::Savepoint { operations, undone })
    })
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        8 => (vec(operation(), 0..10), prop::bool::weighted(0.15), wait()).prop_map(
            |(operations, aborted, wait)| Action::Transact { operations, aborted, wait }
        ),
        1 => Just(Action::Checkpoint),
        1 => Just(Action::Maintain),
        1 => Just(Action::Reopen),
        2 => Just(Action::Snapshot),
    ]
}

fn check(setup: Setup, actions: &[Action]) {
    let disk = SimVfs::new(1);
    let mut model = Model::default();
    let mut rest = actions;
    // Each opening, with the snapshots taken in it.
    loop {
        let db = setup.open(&disk).unwrap();
        let read = Model::read(&db).unwrap();
        assert!(read.same_records(&model), "after opening:\n{read:?}\n{model:?}");
        let until = rest.iter().position(|action| matches!(action, Action::Reopen));
        let mut snapshots = Vec::new();
        for action in &rest[..until.unwrap_or(rest.len())] {
            match action {
                Action::Transact { operations, aborted, wait } => {
                    let mut after = model.clone();
                    let mut tx = db.begin().unwrap();
                    run_operations(&mut tx, &mut after, operations).unwrap();
                    if *aborted {
                        tx.abort();
                    } else {
                        setup.commit(tx, *wait).unwrap();
                        model = after;
                    }
                }
                Action::Checkpoint => db.checkpoint().unwrap(),
                Action::Maintain => drop(db.maintain().unwrap()),
                Action::Snapshot => snapshots.push((db.read().unwrap(), model.clone())),
                Action::Reopen => unreachable!("cut off above"),
            }
            for (snapshot, before) in &snapshots {
                let read = Model::read_at(snapshot).unwrap();
                assert!(read.same_records(before), "a snapshot moved:\n{read:?}\n{before:?}");
            }
        }
        let read = Model::read(&db).unwrap();
        assert!(read.same_records(&model), "{read:?}\n{model:?}");
        drop(snapshots);
        db.close().unwrap();
        match until {
            Some(position) => rest = &rest[position + 1..],
            None => break,
        }
    }
    let db = setup.open_to_read(&disk).unwrap();
    assert!(Model::read(&db).unwrap().same_records(&model), "after the last close");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn transactions_are_what_they_do_to_maps(setup in 0..SETUPS.len(), actions in vec(action(), 0..14)) {
        check(SETUPS[setup], &actions);
    }
}

//! Power cuts: the database that is opened after a cut holds an allowed state, takes a write whose disk operations are cut
//! in turn, and holds that too.

use epilog::prelude::*;

use super::model::{Model, Owner};
use super::{Report, Setup};
use crate::disk::{Cut, SimVfs};
use crate::random::Random;

/// Opens `disk`, whose power went, compares, writes, cuts again, opens again, compares.
///
/// # Panics
///
/// When something is lost or broken.
pub fn recover(disk: &SimVfs, setup: &Setup, allowed: &[Model], random: &mut Random, report: &mut Report) {
    disk.crash(Cut::Torn { seed: random.draw() });
    let mut allowed = allowed.to_vec();
    // The first opening and the first write after it are cut as well, sometimes more than once.
    let mut probes = 0u32;
    for attempt in 0.. {
        let cut_again = attempt < 3 && random.chance(1, 2);
        if cut_again {
            disk.cut_at(disk.operations() + random.below(12));
        }
        let outcome = probe(disk, setup, &mut allowed, &mut probes);
        match outcome {
            Ok(()) if !cut_again => return,
            Err(error) if !cut_again => panic!("recovery failed: {error}"),
            _ => {
                report.crash_points += 1;
                report.recovery_cuts += 1;
                disk.crash(Cut::Torn { seed: random.draw() });
            }
        }
    }
}

/// Opens, compares with the allowed states, commits one more record, and compares after a clean close.
fn probe(disk: &SimVfs, setup: &Setup, allowed: &mut Vec<Model>, probes: &mut u32) -> Result<(), Error> {
    let db = setup.open(disk)?;
    let read = Model::read(&db)?;
    // Of several with these records the oldest: only the numbers that it gave out are known to be used.
    let Some(position) = allowed.iter().position(|model| model.same_records(&read)) else {
        panic!(
            "recovered a state that is none of the {} allowed ones:\n{read:?}\n{allowed:?}",
            allowed.len()
        );
    };
    // From here on only this state counts, or it and the probe.
    let before = allowed[position].clone();
    *probes += 1;
    let name = format!("probe {probes}");
    let owner = Owner { id: Id::auto(), name, note: None };
    let mut after = before.clone();
    let mut tx = db.begin()?;
    let id = tx.insert(&owner)?;
    assert!(id.get() >= before.next_owner, "id {id} was given out before");
    after.next_owner = id.get();
    after.insert_owner(owner);
    *allowed = vec![before, after.clone()];
    tx.commit()?;
    *allowed = vec![after];
    db.close()?;
    let read = Model::read(&setup.open(disk)?)?;
    assert!(read.same_records(&allowed[0]), "a clean close lost something:\n{read:?}\n{:?}", allowed[0]);
    Ok(())
}

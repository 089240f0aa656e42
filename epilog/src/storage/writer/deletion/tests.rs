//! Deletions part by part, beside the same at once.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::prelude::*;
use crate::storage::vfs::MemoryVfs;

#[derive(Collection, Clone, Debug, PartialEq)]
struct House {
    id: Id<House>,
    kept: bool,
    #[on_delete(set_null)]
    beside: Option<Id<House>>,
    #[on_delete(set_null)]
    owner: Option<Id<Tenant>>,
}

#[derive(Collection, Clone, Debug, PartialEq)]
#[index(second, first, unique)]
struct Tenant {
    id: Id<Tenant>,
    name: String,
    #[on_delete(cascade)]
    house: Id<House>,
    #[on_delete(set_null)]
    second: Option<Id<House>>,
    #[on_delete(set_null)]
    first: Option<Id<House>>,
    #[on_delete(cascade)]
    heir_of: Option<Id<Tenant>>,
}

#[derive(Collection, Clone, Debug, PartialEq)]
struct Letter {
    id: Id<Letter>,
    #[on_delete(cascade)]
    to: Id<Tenant>,
    #[on_delete(set_null)]
    from: Option<Id<House>>,
    #[on_delete(set_null)]
    answers: Option<Id<Letter>>,
}

crate::schema!(Street { House, Tenant, Letter });

type All = (Vec<House>, Vec<Tenant>, Vec<Letter>);

fn dump(db: &Database<Street>) -> All {
    let letters = Letter::query().all(db).unwrap();
    (House::query().all(db).unwrap(), Tenant::query().all(db).unwrap(), letters)
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn some<T>(&mut self, end: u64) -> Option<Id<T>> {
        (self.below(3) > 0).then(|| Id::new(1 + self.below(end)))
    }
}

const HOUSES: u64 = 1500;
const TENANTS: u64 = 1200;
const LETTERS: u64 = 900;

fn made(seed: u64) -> Database<Street> {
    let mut random = Random(seed);
    let db = Database::open_in(Arc::new(MemoryVfs::new()), "street", &Options::default()).unwrap();
    let kept_of = 2 + random.below(6);
    let houses: Vec<House> = (1..=HOUSES)
        .map(|n| House {
            id: Id::new(n),
            kept: random.below(kept_of) == 0,
            beside: random.some(HOUSES),
            owner: None,
        })
        .collect();
    let mut pairs = alloc::collections::BTreeSet::new();
    let tenants: Vec<Tenant> = (1..=TENANTS)
        .map(|n| {
            let (mut second, first) = (random.some(HOUSES), random.some(HOUSES));
            if let (Some(one), Some(two)) = (second, first)
                && !pairs.insert((one, two))
            {
                second = None;
            }
            let heir_of = (n > 1 && random.below(4) == 0).then(|| Id::new(1 + random.below(n - 1)));
            let house = Id::new(1 + random.below(HOUSES));
            Tenant { id: Id::new(n), name: alloc::format!("{n}"), house, second, first, heir_of }
        })
        .collect();
    let letters: Vec<Letter> = (1..=LETTERS)
        .map(|n| Letter {
            id: Id::new(n),
            to: Id::new(1 + random.below(TENANTS)),
            from: random.some(HOUSES),
            answers: random.some(LETTERS),
        })
        .collect();
    db.write(|tx| {
        tx.insert_all(houses.clone())?;
        tx.insert_all(tenants)?;
        tx.insert_all(letters)?;
        for mut house in houses {
            house.owner = random.some(TENANTS);
            tx.update(&house)?;
        }
        Ok(())
    })
    .unwrap();
    db
}

/// Goal: what is deleted part by part is what would be at once. Method: records that point at each other at random, with references that take
/// along and such that are cleared, in circles too; with little memory and with all.
#[test]
fn parts_come_to_the_same_as_all_at_once() {
    for seed in 1..=12 {
        let (little, ample) = (made(seed), made(seed));
        assert!(dump(&little) == dump(&ample));
        let delete = |db: &Database<Street>, memory: usize| {
            let going = House::query().memory(memory).filter(|h| !h.kept);
            match seed % 3 {
                0 => db.write(|tx| going.delete().run(tx)).unwrap(),
                1 => {
                    let going = going.order_by(|h| h.id.desc());
                    let given = db.write(|tx| going.delete().returning(|h| h.id).run(tx)).unwrap();
                    given.len() as u64
                }
                _ => db.write_concurrent(|tx| going.clone().delete().run(tx)).unwrap(),
            }
        };
        let (parts, at_once) = (delete(&little, 4 << 10), delete(&ample, usize::MAX));
        assert_eq!(parts, at_once, "{seed}");
        assert!(parts > 512, "{parts}");
        assert!(dump(&little) == dump(&ample), "{seed}");
        assert!(little.check().unwrap().is_sound());
        // Letters are of their own kind's circles alone.
        let all = |db: &Database<Street>, memory: usize| {
            db.write(|tx| Tenant::query().memory(memory).filter(|t| t.id.gt(Id::new(20))).delete().run(tx))
        };
        assert_eq!(all(&little, 4 << 10).unwrap(), all(&ample, usize::MAX).unwrap(), "{seed}");
        assert!(dump(&little) == dump(&ample), "{seed}");
    }
}

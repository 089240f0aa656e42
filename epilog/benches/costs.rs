//! What the work that plans are chosen by costs on this machine: `cargo bench -p epilog --bench costs`.
//!
//! Each line is one of [`Costs`]: what is measured here, in nanoseconds, what plans are made with, and how many times as much
//! the first is. Whole queries are timed, of which two differ in the work that is meant; the shortest of some runs counts.
//! Ratios between the lines matter, not how quick the machine is: where one line's ratio is far from the
//! others', `epilog/src/engine/estimate/cost.rs` is to be put right.

#![allow(missing_docs, reason = "a program, not a library")]

use std::hint::black_box;
use std::time::Instant;

use epilog::engine::estimate::Costs;
use epilog::prelude::*;

#[derive(Collection, Clone, Debug)]
struct Owner {
    id: Id<Owner>,
    weight: i64,
}

#[derive(Collection, Clone, Debug)]
struct Item {
    id: Id<Item>,
    owner: Id<Owner>,
    /// Between 0 and 9,999, in no order.
    #[index]
    number: i64,
    /// The same, without an index.
    plain: i64,
    amount: i64,
    word: String,
    text: String,
}

epilog::schema!(App { Owner, Item });

const ITEMS: u64 = 200_000;
const OWNERS: u64 = 20_000;

/// How often each query is run.
const ROUNDS: usize = 7;

/// Spreads numbers: multiplying by an odd one visits every remainder.
fn mixed(n: u64) -> u64 {
    n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20
}

fn loaded() -> Database<App> {
    let db = App::in_memory().expect("a sound schema");
    let owners: Vec<Owner> = (1..=OWNERS).map(|n| Owner { id: Id::new(n), weight: n as i64 }).collect();
    let item = |n: u64| {
        let number = (mixed(n) % 10_000) as i64;
        Item {
            id: Id::new(n),
            owner: Id::new(1 + mixed(n * 7) % OWNERS),
            number,
            plain: number,
            amount: (n % 1000) as i64,
            word: format!("word {number:05}"),
            text: format!("{:060}", mixed(n)),
        }
    };
    let items: Vec<Item> = (1..=ITEMS).map(item).collect();
    db.write(|tx| {
        tx.insert_all(&owners)?;
        tx.insert_all(&items).map(|_| ())
    })
    .expect("fresh records");
    db
}

/// The nanoseconds of the quickest of some runs.
fn time<T>(mut run: impl FnMut() -> T) -> f64 {
    let round = |_| {
        let begun = Instant::now();
        black_box(run());
        begun.elapsed().as_nanos() as f64
    };
    (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min)
}

fn main() -> Result<(), Error> {
    let db = loaded();
    let tx = db.read()?;
    let items = ITEMS as f64;
    let costs = Costs::default();
    println!("{:<14}{:>10}{:>10}{:>8}", "", "measured", "planned", "ratio");
    let line = |name: &str, measured: f64, planned: f64| {
        println!("{name:<14}{measured:>10.1}{planned:>10.1}{:>8.2}", measured / planned);
    };

    // A comparison is two parts that are tested, and the second one is asked of what the first lets through.
    let one = time(|| Item::query().filter(|i| i.plain.lt(-1)).count(&tx)) / items;
    let two = time(|| Item::query().filter(|i| i.plain.ge(0) & i.amount.lt(-1)).count(&tx)) / items;
    let test_fixed = ((two - one) / 2.0).max(0.1);
    line("scan_record", one - test_fixed * 2.0, nanoseconds(costs.scan_record));
    line("test_fixed", test_fixed, nanoseconds(costs.test_fixed));
    let text = time(|| Item::query().filter(|i| i.word.eq("no such word")).count(&tx)) / items;
    line("test_variable", text - one + test_fixed, nanoseconds(costs.test_variable));

    // Keys far apart, each found from the root.
    let keys = |count: u64| -> Vec<Id<Item>> { (1..=count).map(|n| Id::new(1 + mixed(n) % ITEMS)).collect() };
    let (few, many) = (keys(64), keys(1088));
    let few = time(|| Item::query().filter(|i| i.id.in_(few.iter().copied())).count(&tx));
    let many = time(|| Item::query().filter(|i| i.id.in_(many.iter().copied())).count(&tx));
    line("seek", (many - few) / 1024.0, nanoseconds(costs.seek));

    // Two widths of a range of the index: their entries alone, and with the records.
    let wide = |to: i64| time(|| Item::query().filter(|i| i.number.between(0, to)).count(&tx));
    let entry = (wide(199) - wide(99)) / (items / 100.0);
    line("entry", entry, nanoseconds(costs.entry));
    let read = |to: i64| {
        time(|| {
            let few = Item::query().filter(|i| i.number.between(0, to));
            few.select(|i| i.amount).all(&tx)
        })
    };
    line("fetch", (read(199) - read(99)) / (items / 100.0) - entry, nanoseconds(costs.fetch));

    // A lookup for every row: each batch fetches every owner once.
    let plain = time(|| Item::query().filter(|i| i.amount.lt(-1)).count(&tx)) / items;
    let looked_up = time(|| Item::query().filter(|i| i.owner().weight.lt(-1)).count(&tx)) / items;
    line("fetch_near", looked_up - plain - nanoseconds(costs.probe), nanoseconds(costs.fetch_near));

    let all = time(|| Item::query().select(|i| i.amount).all(&tx)) / items;
    let sorted = time(|| Item::query().order_by(|i| i.plain.asc()).select(|i| i.amount).all(&tx)) / items;
    line("sort", sorted - all, nanoseconds(costs.sort));
    let top =
        time(|| Item::query().order_by(|i| i.plain.asc()).limit(10).select(|i| i.amount).all(&tx)) / items;
    line("top", top - plain, nanoseconds(costs.top));

    // Amounts are below a thousand, the weights that are joined above: nothing comes of what is looked for in a table, of few
    // owners and of nearly all.
    let joined = |to: i64| {
        time(|| {
            let of = Item::query().join::<Owner>(|(i, o)| i.amount.eq(o.weight));
            of.filter(|(_, o)| o.weight.between(1001, to)).count(&tx)
        })
    };
    let (few, many) = (joined(1100), joined(OWNERS as i64));
    let owners = OWNERS as f64;
    let read = time(|| Owner::query().filter(|o| o.weight.between(1001, 1100)).count(&tx));
    line("probe", few / items - read / items - (one - test_fixed * 2.0), nanoseconds(costs.probe));
    line("build", (many - few) / (owners - 1100.0), nanoseconds(costs.build));
    let paired = time(|| {
        let all =
            Item::query().filter(|i| i.id.le(Id::new(1000))).join::<Owner>(|(i, o)| i.amount.gt(o.weight));
        all.filter(|(_, o)| o.weight.between(1001, 2000)).count(&tx)
    });
    line("pair", paired / 1e6, nanoseconds(costs.pair));
    Ok(())
}

/// Costs are of another width in small builds.
fn nanoseconds(cost: impl Into<f64>) -> f64 {
    cost.into()
}

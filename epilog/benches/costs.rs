//! What the work that plans are chosen by costs on this machine: `cargo bench -p epilog --bench costs`.
//!
//! Each line is one of [`Costs`]: what is measured here, in nanoseconds, what plans are made with, and how many times as much
//! the first is. Whole queries are timed, of which two differ in the work that is meant; the shortest of some runs counts.
//! Ratios between the lines matter, not how quick the machine is: where one line's ratio is far from the
//! others', `epilog/src/engine/estimate/cost.rs` is to be put right. Where a query has to be carried out in the way that is meant, its
//! plan is looked at. A small build has other plans, and stops there.

#![allow(missing_docs, reason = "a program, not a library")]

use std::hint::black_box;
use std::time::Instant;

use epilog::engine::estimate::{Amount, Costs};
use epilog::prelude::*;

#[derive(Collection, Clone, Debug)]
struct Owner {
    id: Id<Owner>,
    weight: i64,
}

#[derive(Collection, Clone, Debug)]
#[cfg_attr(not(feature = "small"), index(stamp, include(cost)))]
struct Item {
    id: Id<Item>,
    owner: Id<Owner>,
    /// Between 0 and 9,999, in no order.
    #[index]
    number: i64,
    /// The same, without an index.
    plain: i64,
    amount: i64,
    /// The same as the number, in an index that has the cost as well.
    stamp: i64,
    cost: i64,
    /// Twenty records each, in the order of their keys.
    #[index]
    day: i64,
    word: String,
    text: String,
}

/// Half of the records that have as many twins: their keys are the same numbers, and lie far apart.
#[derive(Collection, Clone, Debug)]
struct Left {
    #[key]
    code: i64,
    weight: i64,
}

#[derive(Collection, Clone, Debug)]
struct Right {
    #[key]
    code: i64,
    /// The same, by which they do not lie in order.
    other: i64,
    weight: i64,
}

epilog::schema!(App { Owner, Item, Left, Right });

const ITEMS: u64 = 200_000;
const OWNERS: u64 = 20_000;
const TWINS: u64 = 100_000;

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
            stamp: number,
            cost: (n % 1000) as i64,
            day: (n / 20) as i64,
            word: format!("word {number:05}"),
            text: format!("{:060}", mixed(n)),
        }
    };
    let items: Vec<Item> = (1..=ITEMS).map(item).collect();
    let codes = || (1..=TWINS as i64).map(|n| n * 1000);
    let left: Vec<Left> = codes().map(|code| Left { code, weight: 1 }).collect();
    let right: Vec<Right> = codes().map(|code| Right { code, other: code, weight: 1 }).collect();
    db.write(|tx| {
        tx.insert_all(&left)?;
        tx.insert_all(&right)?;
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

    // Keys far apart, each found from the root, without what building the queries takes.
    let keys: Vec<Id<Item>> = (1..=1024).map(|n| Id::new(1 + mixed(n) % ITEMS)).collect();
    let of = |key: Id<Item>| Item::query().filter(|i| i.id.eq(key));
    let built = time(|| keys.iter().for_each(|key| drop(black_box(of(*key)))));
    let found =
        time(|| keys.iter().filter(|key| of(**key).exists(&tx).expect("a record to be read")).count());
    line("seek", (found - built) / keys.len() as f64, nanoseconds(costs.seek));

    // Two widths of a range of the index: their entries alone, with values of them, and with the records.
    let wide = |to: i64| time(|| Item::query().filter(|i| i.number.between(0, to)).count(&tx));
    let entry = (wide(199) - wide(99)) / (items / 100.0);
    line("entry", entry, nanoseconds(costs.entry));
    let decoded = |to: i64| {
        let few = move || Item::query().filter(|i| i.stamp.between(0, to)).aggregate(|g| g.sum(|i| i.cost));
        is_by(&few().explain(&tx), "entries only");
        time(|| few().one(&tx))
    };
    line("entry_decoded", (decoded(199) - decoded(99)) / (items / 100.0), nanoseconds(costs.entry_decoded));
    let read = |to: i64| {
        let few =
            move || Item::query().filter(|i| i.number.between(0, to)).aggregate(|g| g.sum(|i| i.amount));
        is_by(&few().explain(&tx), "index range");
        time(|| few().one(&tx))
    };
    line("fetch", (read(199) - read(99)) / (items / 100.0) - entry, nanoseconds(costs.fetch));
    // The same of an index that has records in the order in which they lie.
    let next = |to: i64| {
        let few = move || Item::query().filter(|i| i.day.between(1, to)).aggregate(|g| g.sum(|i| i.amount));
        is_by(&few().explain(&tx), "index range");
        time(|| few().one(&tx))
    };
    line("fetch_next", (next(200) - next(100)) / 2000.0 - entry, nanoseconds(costs.fetch_next));
    // Keys that come in the order of a key of several entries, and of one, for which they lie in order already.
    let keys = |to: i64| {
        let few = move || Item::query().filter(|i| i.number.between(0, to)).select(|i| i.id);
        is_by(&few().explain(&tx), "index range");
        time(|| few().all(&tx))
    };
    let all_keys = time(|| Item::query().select(|i| i.id).all(&tx)) / items;
    let sorted = (keys(199) - keys(99)) / (items / 100.0) - entry - all_keys;
    line("sort_rank", sorted, nanoseconds(costs.sort_rank));
    let in_order = |to: i64| {
        let few = move || Item::query().filter(|i| i.number.between(0, to)).select(|i| i.amount);
        time(|| few().all(&tx))
    };
    let in_order = (in_order(199) - in_order(99)) / (items / 100.0) - entry - all_keys;
    line("(and fetched)", in_order, nanoseconds(costs.sort_rank + costs.fetch));

    // A lookup for every row: each batch fetches every owner once.
    let all = time(|| Item::query().select(|i| i.amount).all(&tx)) / items;
    let plain = time(|| Item::query().filter(|i| i.amount.lt(-1)).count(&tx)) / items;
    let few = || Item::query().filter(|i| i.id.le(Id::new(2000)));
    is_by(&few().select(|i| i.owner().weight).explain(&tx), "lookup Owner");
    let without = time(|| few().select(|i| i.amount).all(&tx)) / 2000.0;
    let looked_up = time(|| few().select(|i| i.owner().weight).all(&tx)) / 2000.0;
    line("fetch_near", looked_up - without - nanoseconds(costs.probe), nanoseconds(costs.fetch_near));

    // Owners that are marked, all of them and half; that an item gets through is counted for each.
    let marked = |least: i64| {
        let of = || Item::query().filter(|i| i.owner().weight.ge(least));
        is_by(&of().explain(&tx), "among");
        time(|| of().count(&tx)) - time(|| Owner::query().filter(|o| o.weight.ge(least)).count(&tx))
    };
    let counted = time(|| Item::query().filter(|i| i.amount.ge(0)).count(&tx)) / items - plain;
    let (every, half) = (marked(1), marked(OWNERS as i64 / 2));
    line("marked", (half * 2.0 - every) / items - (one - test_fixed * 2.0), nanoseconds(costs.marked));
    let mark = (every - half - counted.max(0.0) * items / 2.0) / (OWNERS / 2) as f64;
    line("mark", mark, nanoseconds(costs.mark));

    let sorted = time(|| Item::query().order_by(|i| i.plain.asc()).select(|i| i.amount).all(&tx)) / items;
    line("sort", sorted - all, nanoseconds(costs.sort_of(ITEMS as Amount)));
    let few = || Item::query().filter(|i| i.id.le(Id::new(2000))).order_by(|i| i.plain.asc());
    let sorted = time(|| few().select(|i| i.amount).all(&tx)) / 2000.0;
    line("(of few)", sorted - all, nanoseconds(costs.sort));
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
    // Twice as many items with the twenty that have the number of each, found in a table.
    let paired = |items: u64| {
        let few = Item::query().filter(|i| i.id.le(Id::new(items)));
        let pairs = few
            .join::<Item>(|(i, j)| i.number.eq(j.plain))
            .aggregate(|g| g.sum(|(i, j)| i.amount + j.amount));
        is_by(&pairs.explain(&tx), "hash table");
        time(|| pairs.one(&tx))
    };
    line("pair", (paired(4000) - paired(2000)) / 40e3, nanoseconds(costs.pair));

    // Twins that lie in order on both sides, and such that do not: what a table takes for them is said beside it.
    let twins = TWINS as f64;
    let in_order = || Left::query().join::<Right>(|(l, r)| l.code.eq(r.code));
    let by_table = || Left::query().join::<Right>(|(l, r)| l.code.eq(r.other));
    is_by(&in_order().explain(&tx), "merge join");
    is_by(&by_table().explain(&tx), "hash table");
    let read = time(|| Left::query().filter(|l| l.weight.lt(0)).count(&tx))
        + time(|| Right::query().filter(|r| r.weight.lt(0)).count(&tx))
        - test_fixed * twins * 2.0;
    let merged = time(|| in_order().aggregate(|g| g.sum(|(l, r)| l.weight + r.weight)).one(&tx)) - read;
    let hashed = time(|| by_table().aggregate(|g| g.sum(|(l, r)| l.weight + r.weight)).one(&tx)) - read;
    line("merge", merged / (twins * 2.0), nanoseconds(costs.merge));
    line("(by a table)", hashed / (twins * 2.0), nanoseconds(costs.build + costs.probe) / 2.0);
    Ok(())
}

/// Sees to it that a query is carried out in the way that is meant.
fn is_by(plan: &Result<epilog::Plan, Error>, way: &str) {
    let text = plan.as_ref().expect("a plan").to_string();
    assert!(text.contains(way), "not by {way:?}:\n{text}");
    if std::env::var_os("EPILOG_PLANS_SHOWN").is_some() {
        println!("{text}");
    }
}

/// Costs are of another width in small builds.
fn nanoseconds(cost: impl Into<f64>) -> f64 {
    cost.into()
}

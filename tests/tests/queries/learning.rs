//! What running queries teaches: a plan whose rows were expected wrongly is made anew, with what was learnt, and not for ever.

use epilog::prelude::*;
use epilog::query::{Joined, Query};

/// Each maker has a hall of its own.
#[derive(Collection, Clone, Debug, PartialEq)]
struct Part {
    id: Id<Part>,
    maker: u16,
    hall: u16,
    #[index]
    bought: u32,
    /// As that of every other part.
    series: u16,
}

/// Half are of one series, the others of as many as they are.
#[derive(Collection, Clone, Debug, PartialEq)]
struct Order {
    id: Id<Order>,
    #[index]
    part: Id<Part>,
    series: u16,
}

epilog::schema!(Works { Part, Order });

const PARTS: u32 = 60_000;
const ORDERS: u32 = 6_000;
const MAKERS: u32 = 60;

fn works() -> Database<Works> {
    filled(Options::default())
}

fn filled(options: Options) -> Database<Works> {
    let db: Database<Works> = options.in_memory().expect("a database");
    let part = |n: u32| {
        let maker = ((n.wrapping_mul(2_654_435_761) >> 16) % MAKERS) as u16;
        Part { id: Id::auto(), maker, hall: maker, bought: n, series: 0 }
    };
    let order = |n: u32| Order {
        id: Id::auto(),
        part: Id::new(u64::from(n * 7919 % PARTS) + 1),
        series: if n < ORDERS / 2 { 0 } else { n as u16 },
    };
    db.write(|tx| {
        tx.insert_all((0..PARTS).map(part))?;
        tx.insert_all((0..ORDERS).map(order))
    })
    .expect("records");
    // What is known of values is known from now on.
    db.statistics::<Part>().expect("statistics");
    db.statistics::<Order>().expect("statistics");
    db
}

fn made(db: &Database<Works>) -> u64 {
    db.stats().plans_made
}

fn of(maker: u16, hall: u16) -> Query<Part, Part> {
    Part::query().filter(move |p| p.maker.eq(maker) & p.hall.eq(hall))
}

/// A maker's parts, each with its orders.
fn with_orders(maker: u16) -> Query<Joined<Part, Order>, (Id<Part>, Id<Order>)> {
    of(maker, maker).join::<Order>(|(p, o)| o.part.eq(p.id)).select(|(p, o)| (p.id, o.id))
}

/// How many parts there are, and how many orders of them.
fn expected(maker: u16, hall: u16) -> (usize, usize) {
    let is_of = |n: u32| {
        let of = ((n.wrapping_mul(2_654_435_761) >> 16) % MAKERS) as u16;
        (of, of) == (maker, hall)
    };
    let orders = (0..ORDERS).filter(|n| is_of(n * 7919 % PARTS));
    ((0..PARTS).filter(|n| is_of(*n)).count(), orders.count())
}

#[test]
fn fields_that_go_together_lead_to_another_join_at_the_third_run() {
    let db = works();
    let before = made(&db);
    // Of 60,000 parts a sixtieth of a sixtieth are 17; of each the orders are looked for in the index.
    let plan = with_orders(0).explain(&db).expect("a plan");
    assert!(plan.to_string().contains("join Order through index") && plan.learnt.is_empty(), "{plan}");
    for run in 0..20 {
        assert_eq!(with_orders(run).all(&db).expect("rows").len(), expected(run, run).1);
        assert_eq!(made(&db) - before, if run < 2 { 1 } else { 2 }, "in run {run}");
    }
    let plan = with_orders(0).explain(&db).expect("a plan");
    assert!(plan.to_string().contains("join through hash table") && plan.kept, "{plan}");
    let [lesson] = plan.learnt.as_slice() else { panic!("{:?}", plan.learnt) };
    assert!(
        lesson.starts_with("rows that a filter leaves of Part: ") && plan.why().contains(lesson),
        "{lesson}"
    );
    let times = lesson.split(' ').find_map(|word| word.parse::<f64>().ok()).expect("a number");
    assert!((40.0..90.0).contains(&times), "{lesson}");
    assert!(format!("{plan:#}").contains(&format!("about {} rows", expected(0, 0).0)), "{plan:#}");
}

#[test]
fn fields_that_go_together_lead_to_another_way_at_the_third_run() {
    let db = works();
    let query = |maker| of(maker, maker).order_by(|p| p.bought).limit(10);
    let first = |maker| {
        let is_of = |n: &u32| (n.wrapping_mul(2_654_435_761) >> 16) % MAKERS == u32::from(maker);
        (0..PARTS).filter(is_of).take(10).collect::<Vec<u32>>()
    };
    let (before, way) = (made(&db), || query(0).explain(&db).expect("a plan").to_string());
    assert!(way().starts_with("top 10 by bought"), "{}", way());
    for run in 0..20 {
        let found: Vec<u32> = query(run).all(&db).expect("rows").iter().map(|part| part.bought).collect();
        assert_eq!(found, first(run));
        assert_eq!(made(&db) - before, if run < 2 { 1 } else { 2 }, "in run {run}");
    }
    assert!(way().contains("index scan Part by bought"), "{}", way());
}

#[test]
fn pairs_are_learnt_apart_from_the_rows_that_they_are_made_of() {
    let db = works();
    let query = || {
        let few = Part::query().filter(|p| p.bought.lt(40));
        few.join::<Order>(|(p, o)| o.series.eq(p.series)).select(|(p, o)| (p.id, o.id))
    };
    let before = made(&db);
    for _ in 0..5 {
        assert_eq!(query().all(&db).expect("rows").len() as u32, 40 * ORDERS / 2);
    }
    assert_eq!(made(&db) - before, 2);
    let learnt = query().explain(&db).expect("a plan").learnt;
    assert!(learnt.len() == 1 && learnt[0].starts_with("pairs of Part and Order: "), "{learnt:?}");
}

#[test]
fn values_that_go_together_and_such_as_do_not_make_no_plans_for_ever() {
    let db = works();
    let before = made(&db);
    for run in 0..60_u16 {
        let (maker, hall) = (run % 7, if run.is_multiple_of(2) { run % 7 } else { run % 7 + 1 });
        assert_eq!(of(maker, hall).all(&db).expect("rows").len(), expected(maker, hall).0);
        if run == 40 {
            assert!(made(&db) - before <= 4, "{} plans", made(&db) - before);
        }
    }
    let settled = made(&db);
    for run in 0..20_u16 {
        of(run % 7, run % 5).all(&db).expect("rows");
    }
    assert_eq!(made(&db), settled);
}

#[test]
fn who_wants_no_feedback_keeps_the_first_plan() {
    let db: Database<Works> = filled(Options::default().plan_feedback(false));
    let before = made(&db);
    for run in 0..6 {
        assert_eq!(with_orders(run).all(&db).expect("rows").len(), expected(run, run).1);
    }
    assert_eq!(made(&db) - before, 1);
    assert!(with_orders(0).explain(&db).expect("a plan").learnt.is_empty());
}

#[test]
fn what_a_write_transaction_reads_teaches_nothing() {
    let db = works();
    let before = made(&db);
    db.write(|tx| {
        (0..6).try_for_each(|run| {
            assert_eq!(with_orders(run).all(&*tx)?.len(), expected(run, run).1);
            Ok(())
        })
    })
    .expect("rows");
    assert!(made(&db) - before <= 1, "{}", made(&db) - before);
    assert!(with_orders(0).explain(&db).expect("a plan").learnt.is_empty());
}

#[test]
fn a_join_that_sieves_its_rows_makes_no_plan_anew_for_nothing() {
    #[derive(Collection, Clone, Debug, PartialEq)]
    struct Bin {
        id: Id<Bin>,
        kind: u16,
        place: i64,
    }
    #[derive(Collection, Clone, Debug, PartialEq)]
    struct Item {
        id: Id<Item>,
        place: i64,
    }
    epilog::schema!(Store { Bin, Item });
    let db = Store::in_memory().expect("a database");
    let bin = |n: i64| Bin { id: Id::auto(), kind: (n % 200) as u16, place: n };
    // Half of the items are in one bin, so that a hundred times as many pairs are made as expected.
    let item = |n: i64| Item { id: Id::auto(), place: if n % 2 == 0 { 7 } else { n % 3000 } };
    db.write(|tx| {
        tx.insert_all((0..2000).map(bin))?;
        tx.insert_all((0..60_000).map(item))
    })
    .expect("records");
    let query = || {
        let few = Bin::query().filter(|b| b.kind.eq(7));
        few.join::<Item>(|(b, i)| i.place.eq(b.place)).select(|(b, i)| (b.id, i.id))
    };
    let plan = query().explain(&db).expect("a plan").to_string();
    assert!(plan.contains("sieve by Item.place"), "{plan}");
    let before = db.stats().plans_made;
    let pairs = (0..60_000).filter(|n| item(*n).place < 2000 && item(*n).place % 200 == 7).count();
    for _ in 0..9 {
        assert_eq!(query().all(&db).expect("rows").len(), pairs);
    }
    assert_eq!(db.stats().plans_made - before, 1);
}

#[test]
fn few_rows_make_no_plan_anew() {
    let db = works();
    let before = made(&db);
    for run in 0..20_u32 {
        // Thirty times as many as expected, and still few.
        let (low, high) = (run * 100, run * 100 + 20_000);
        let found = of(5, 5).filter(|p| p.bought.ge(low) & p.bought.lt(high)).all(&db).expect("rows").len();
        assert!((200..450).contains(&found), "{found}");
    }
    assert_eq!(made(&db) - before, 1);
}

#[test]
fn what_ends_early_teaches_nothing_that_is_not_certain() {
    let db = works();
    let before = made(&db);
    for run in 0..20 {
        assert!(of(run, run).first(&db).expect("an answer").is_some());
        assert!(of(run, run).exists(&db).expect("an answer"));
        let snapshot = db.read().expect("a snapshot");
        let mut rows = of(run, run).stream(&snapshot).expect("a stream");
        assert!(rows.next().expect("a row").is_ok());
    }
    // One each for the three ways to ask.
    assert_eq!(made(&db) - before, 3);
    assert!(of(1, 1).explain(&db).expect("a plan").learnt.is_empty());
}

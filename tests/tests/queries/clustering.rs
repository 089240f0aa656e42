//! Indexes whose order is about that in which records lie: what is read through them lies on few pages, and plans know it.

use epilog::prelude::*;
use epilog::query::Query;

#[derive(Collection, Clone, Debug, PartialEq)]
struct Sale {
    id: Id<Sale>,
    #[index]
    day: u32,
    price: u64,
    note: String,
}

#[derive(Collection, Clone, Debug, PartialEq)]
struct Day {
    id: Id<Day>,
    number: u32,
    #[index]
    kind: u32,
}

epilog::schema!(Shop { Sale, Day });

const SALES: u32 = 60_000;
const A_DAY: u32 = 20;
const DAYS: u32 = SALES / A_DAY;
const KINDS: u32 = 100;

/// The same sales, inserted day by day or in an order that has nothing to do with it.
fn fill(db: &Database<Shop>, in_order: bool) {
    let sale = |at: u32| {
        let number = if in_order { at } else { (u64::from(at) * 7_919_003 % u64::from(SALES)) as u32 };
        let note = format!("{number:0>200}");
        Sale { id: Id::auto(), day: number / A_DAY, price: u64::from(number), note }
    };
    for part in 0..10 {
        db.write(|tx| tx.insert_all((SALES / 10 * part..SALES / 10 * (part + 1)).map(sale)))
            .expect("records");
    }
    let day = |number| Day { id: Id::auto(), number, kind: number % KINDS };
    db.write(|tx| tx.insert_all((0..DAYS).map(day))).expect("records");
}

/// The prices of so many thousandths of all days.
fn prices(thousandths: u32) -> Query<Sale, u64> {
    let (first, end) = (DAYS / 2, DAYS / 2 + DAYS * thousandths / 1000);
    Sale::query().filter(|s| s.day.ge(first) & s.day.lt(end)).select(|s| s.price)
}

/// What a range of so many thousandths is read by: the answer is the same, whatever that is.
fn way(db: &Database<Shop>, thousandths: u32) -> &'static str {
    let plan = prices(thousandths).explain(db).expect("a plan");
    let mut found = prices(thousandths).all(db).expect("rows");
    found.sort_unstable();
    let first = u64::from(DAYS / 2 * A_DAY);
    let expected = first..first + u64::from(DAYS * thousandths / 1000 * A_DAY);
    assert!(found.into_iter().eq(expected), "{plan}");
    plan.operators().last().expect("a way to the records").operator
}

/// What the sales of each hundredth day are found by: their sum is the same.
fn way_of_join(db: &Database<Shop>) -> bool {
    let days = Day::query().filter(|d| d.kind.eq(3));
    let sum = days.join::<Sale>(|(d, s)| d.number.eq(s.day)).aggregate(|g| g.sum(|(_, s)| s.price));
    let plan = sum.explain(db).expect("a plan").to_string();
    let prices = (0..SALES).filter(|number| number / A_DAY % KINDS == 3).map(u64::from);
    assert_eq!(sum.one(db).expect("a row"), prices.sum::<u64>(), "{plan}");
    plan.contains("join Sale through index")
}

fn leaves(db: &Database<Shop>) -> u16 {
    let known = db.statistics::<Sale>().expect("statistics");
    let day = known.index("day").expect("an index");
    let leaves = day.leaves_per_1000.expect("of so many records");
    assert!(known.to_string().contains(&format!(", each thousand on {leaves} leaves")), "{known}");
    leaves
}

#[test]
fn in_memory_a_twentieth_is_read_through_an_index_that_has_records_in_order() {
    let (ordered, mixed) = (Shop::in_memory().expect("a database"), Shop::in_memory().expect("a database"));
    fill(&ordered, true);
    fill(&mixed, false);
    assert!((5..60).contains(&leaves(&ordered)), "{}", leaves(&ordered));
    assert!(leaves(&mixed) > 700, "{}", leaves(&mixed));
    assert_eq!((way(&ordered, 50), way(&mixed, 50)), ("index range", "scan"));
    assert_eq!((way(&ordered, 5), way(&mixed, 5)), ("index range", "index range"));
    assert_eq!((way(&ordered, 500), way(&mixed, 500)), ("scan", "scan"));
}

#[test]
fn on_disk_a_tenth_is_read_through_an_index_that_has_records_in_order() {
    let directory = tempfile::tempdir().expect("a directory");
    let open = |in_order: bool| {
        let path = directory.path().join(if in_order { "ordered" } else { "mixed" });
        let options = Options::default().cache(4 << 20);
        let db: Database<Shop> = options.open(&path).expect("a database");
        fill(&db, in_order);
        // What is known goes along with a commit, and is there the next time.
        leaves(&db);
        db.write(|tx| {
            tx.insert(&Sale { id: Id::auto(), day: DAYS, price: 0, note: String::new() }).map(|_| ())
        })
        .expect("a record");
        db.close().expect("a checkpoint");
        let options = Options::default().cache(4 << 20);
        let db: Database<Shop> = options.open(&path).expect("a database");
        leaves(&db);
        db
    };
    let (ordered, mixed) = (open(true), open(false));
    assert_eq!((way(&ordered, 100), way(&mixed, 100)), ("index range", "scan"));
    assert_eq!((way_of_join(&ordered), way_of_join(&mixed)), (true, false));
}

//! What several threads gain for one query, and what they cost: `cargo bench -p epilog --bench threads`, or with `-- sort 1000000` of
//! some queries and so many records alone.
//!
//! Each query is run by one thread and by several, one after the other in turn, over 10,000 records up to a million in memory. A
//! line has the shortest time of some runs, and the processors' time of all runs for each (Linux only, where it is told in
//! hundredths of a second: it means something where there are many records), and that of the thread that asks: what it does not do
//! others have done, so that it tells how long a query takes where each thread has a processor, also where they have not. The last
//! column is what was gained in time, and how many times as much of the processors' that took.

// Small builds have no threads.
#[cfg(any(feature = "small", not(feature = "std")))]
fn main() {}

#[cfg(all(feature = "std", not(feature = "small")))]
fn main() {
    measured::main();
}

#[cfg(all(feature = "std", not(feature = "small")))]
mod measured {
    #![allow(missing_docs, reason = "a program, not a library")]

    use std::hint::black_box;
    use std::time::{Duration, Instant};

    use epilog::prelude::*;

    /// About what an order of TPC-H is.
    #[derive(Collection, Clone, Debug)]
    struct Order {
        id: Id<Order>,
        priority: u8,
        ordered: i64,
    }

    /// About what a line of TPC-H's orders is, with money in cents.
    #[derive(Collection, Clone, Debug)]
    struct Line {
        id: Id<Line>,
        returned: u8,
        status: u8,
        quantity: i64,
        price: i64,
        /// In hundredths.
        discount: i64,
        tax: i64,
        shipped: i64,
        part: i64,
        order: Id<Order>,
        weight: f64,
        comment: String,
    }

    epilog::schema!(App { Order, Line });

    const SIZES: [u64; 5] = [10_000, 50_000, 100_000, 300_000, 1_000_000];
    const DAYS: u64 = 2_526;

    /// Spreads numbers: multiplying by an odd one visits every remainder.
    fn mixed(n: u64) -> u64 {
        n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20
    }

    fn loaded(count: u64) -> Database<App> {
        let db = App::in_memory().expect("a sound schema");
        let line = |n: u64| Line {
            id: Id::new(n),
            returned: b"ANR"[(mixed(n) % 3) as usize],
            status: b"FO"[(mixed(n) / 3 % 2) as usize],
            quantity: 1 + (mixed(n * 3) % 50) as i64,
            price: 90_000 + (mixed(n * 5) % 10_000_000) as i64,
            discount: (mixed(n * 7) % 11) as i64,
            tax: (mixed(n * 11) % 9) as i64,
            shipped: (mixed(n * 13) % DAYS) as i64,
            part: (mixed(n * 17) % 200_000) as i64,
            order: Id::new(1 + mixed(n * 23) % (count / 4)),
            weight: mixed(n * 37) as f64 / 1_000_003.0,
            comment: format!("comment {:016x}", mixed(n * 19)),
        };
        let order = |n: u64| Order {
            id: Id::new(n),
            priority: (mixed(n * 29) % 5) as u8,
            ordered: (mixed(n * 31) % DAYS) as i64,
        };
        db.write(|tx| tx.insert_all((1..=count / 4).map(order)).map(|_| ())).expect("fresh records");
        for start in (1..=count).step_by(100_000) {
            let lines: Vec<Line> = (start..=count.min(start + 99_999)).map(line).collect();
            db.write(|tx| tx.insert_all(&lines).map(|_| ())).expect("fresh records");
        }
        db
    }

    type Ask = fn(&Database<App>, usize) -> u64;

    const QUERIES: [(&str, Ask); 12] = [
        ("filtered count", |db, threads| {
            let query = Line::query().filter(|l| l.discount.ge(5) & l.quantity.lt(24));
            query.threads(threads).count(db).expect("a count")
        }),
        ("suffix count", |db, threads| {
            let query = Line::query().filter(|l| l.comment.ends_with("7f"));
            query.threads(threads).count(db).expect("a count")
        }),
        ("group by part", |db, threads| {
            let query = Line::query().group_by(|l| l.part).select(|g| (g.key(), g.sum(|l| l.quantity)));
            query.threads(threads).all(db).expect("rows").len() as u64
        }),
        ("Q1", |db, threads| {
            let query = Line::query()
                .filter(|l| l.shipped.le(2_436))
                .group_by(|l| (l.returned, l.status))
                .select(|g| {
                    (
                        g.key(),
                        g.sum(|l| l.quantity),
                        g.sum(|l| l.price),
                        g.sum(|l| l.price * (100 - l.discount)),
                        g.sum(|l| l.price * (100 - l.discount) * (100 + l.tax)),
                        g.avg(|l| l.quantity),
                        g.avg(|l| l.discount),
                        g.count(),
                    )
                });
            query.threads(threads).all(db).expect("rows").len() as u64
        }),
        ("Q6", |db, threads| {
            let query = Line::query()
                .filter(|l| l.shipped.ge(731) & l.shipped.lt(1_096))
                .filter(|l| l.discount.between(5, 7) & l.quantity.lt(24))
                .aggregate(|g| g.sum(|l| l.price * l.discount));
            query.threads(threads).one(db).expect("a row") as u64
        }),
        // The orders that lines are of, all of them, each by its number.
        ("join", |db, threads| {
            let query = Line::query().filter(|l| l.quantity.lt(40) & l.order().ordered.lt(2_000));
            let query = query.group_by(|l| l.order().priority).select(|g| (g.key(), g.sum(|l| l.price)));
            query.threads(threads).all(db).expect("rows").len() as u64
        }),
        // What is not equal to a key: a table of one side.
        ("join by a table", |db, threads| {
            let query = Line::query().join::<Order>(|(l, o)| o.priority.eq(3) & l.part.eq(o.ordered * 79));
            let query = query.group_by(|(l, _)| l.status).select(|g| (g.key(), g.sum(|(l, _)| l.price)));
            query.threads(threads).all(db).expect("rows").len() as u64
        }),
        // The lines are put into the table.
        ("table of many", |db, threads| {
            let few = Order::query().filter(|o| o.id.le(Id::new(20_000)));
            let query = few.left_join::<Line>(|(o, l)| {
                l.comment.ends_with("f") & l.quantity.lt(25) & l.part.eq(o.ordered * 79)
            });
            let query = query.group_by(|(o, _)| o.priority).select(|g| (g.key(), g.count()));
            query.threads(threads).all(db).expect("rows").len() as u64
        }),
        ("top 100", |db, threads| {
            let query = Line::query().order_by(|l| (l.price.desc(), l.part)).limit(100);
            query.threads(threads).all(db).expect("rows").len() as u64
        }),
        ("sort by float", |db, threads| {
            let query = Line::query().order_by(|l| l.weight).select(|l| l.id);
            query.threads(threads).all(db).expect("rows").len() as u64
        }),
        ("sort by text", |db, threads| {
            let query = Line::query().order_by(|l| l.comment).select(|l| l.id);
            query.threads(threads).all(db).expect("rows").len() as u64
        }),
        ("sort of records", |db, threads| {
            let query = Line::query().order_by(|l| (l.weight.desc(), l.part));
            query.threads(threads).all(db).expect("rows").len() as u64
        }),
    ];

    /// What the processors have done for this program so far, where that is told.
    fn processors() -> Duration {
        let told = || {
            let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
            let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
            let ticks: u64 = fields.get(11..13)?.iter().filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
            Some(Duration::from_millis(10 * ticks))
        };
        told().unwrap_or_default()
    }

    /// What the processors have done for this thread so far, where that is told.
    fn own() -> Duration {
        let told = || {
            let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
            stat.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
        };
        told().unwrap_or_default()
    }

    /// The shortest time of some runs, and the processors' time for each, in all and in the thread that asks.
    #[derive(Clone, Copy)]
    struct Times {
        shortest: Duration,
        processors: Duration,
        own: Duration,
    }

    pub(crate) fn main() {
        // `-- sort 1000000`: queries with such names, of so many records.
        let asked: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
        let is_asked = |name: &str| {
            let mut names = asked.iter().filter(|word| word.parse::<u64>().is_err()).peekable();
            names.peek().is_none() || names.any(|word| name.contains(word.as_str()))
        };
        let mut sizes: Vec<u64> = asked.iter().filter_map(|word| word.parse().ok()).collect();
        if sizes.is_empty() {
            sizes.extend(SIZES);
        }
        let cores = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 8);
        println!(
            "{:<16}{:>9}  {:>10} {:>10} {:>10}   threads",
            "query", "records", "shortest", "processors", "own"
        );
        for count in sizes {
            let db = loaded(count);
            for (name, ask) in QUERIES.into_iter().filter(|(name, _)| is_asked(name)) {
                let mut each: Vec<(usize, Times)> = [1, 2, 4, 8]
                    .into_iter()
                    .filter(|threads| *threads <= cores)
                    .map(|threads| {
                        (
                            threads,
                            Times {
                                shortest: Duration::MAX,
                                processors: Duration::ZERO,
                                own: Duration::ZERO,
                            },
                        )
                    })
                    .collect();
                let rounds = (20_000_000 / count).clamp(9, 200) as u32;
                for _ in 0..rounds {
                    for (threads, times) in &mut each {
                        let (before, own_before, begun) = (processors(), own(), Instant::now());
                        black_box(ask(&db, *threads));
                        times.shortest = times.shortest.min(begun.elapsed());
                        // To ask for all threads' brings what is told of this one up to date.
                        times.processors += processors() - before;
                        times.own += own() - own_before;
                    }
                }
                let one = each[0].1;
                for (threads, times) in each {
                    let ratio = |a: Duration, b: Duration| a.as_secs_f64() / b.as_secs_f64();
                    println!(
                        "{name:<16}{count:>9}  {:>10.1?} {:>10.1?} {:>10.1?}   {threads}: {:.2} times as quick, {:.2} of the work",
                        times.shortest,
                        times.processors / rounds,
                        times.own / rounds,
                        ratio(one.shortest, times.shortest),
                        ratio(times.processors, one.processors),
                    );
                }
            }
        }
    }
}

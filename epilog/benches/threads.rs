//! What several threads gain for one query, and what they cost: `cargo bench -p epilog --bench threads`.
//!
//! Each query is run by one thread and by several, one after the other in turn, over 10,000 records up to a million in memory. A
//! line has the shortest time of some runs, and the processors' time of all runs for each (Linux only, where it is told in
//! hundredths of a second: it means something where there are many records). The last column is what was gained in time, and how
//! many times as much of the processors' that took.

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
        comment: String,
    }

    epilog::schema!(App { Line });

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
            comment: format!("comment {:016x}", mixed(n * 19)),
        };
        for start in (1..=count).step_by(100_000) {
            let lines: Vec<Line> = (start..=count.min(start + 99_999)).map(line).collect();
            db.write(|tx| tx.insert_all(&lines).map(|_| ())).expect("fresh records");
        }
        db
    }

    type Ask = fn(&Database<App>, usize) -> u64;

    const QUERIES: [(&str, Ask); 6] = [
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
        ("top 100", |db, threads| {
            let query = Line::query().order_by(|l| (l.price.desc(), l.part)).limit(100);
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

    /// The shortest time of some runs, and the processors' time for each.
    #[derive(Clone, Copy)]
    struct Times {
        shortest: Duration,
        processors: Duration,
    }

    pub(crate) fn main() {
        let cores = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 8);
        println!("{:<16}{:>9}  {:>10} {:>10}   threads", "query", "records", "shortest", "processors");
        for count in SIZES {
            let db = loaded(count);
            for (name, ask) in QUERIES {
                let mut each: Vec<(usize, Times)> = [1, 2, 4, 8]
                    .into_iter()
                    .filter(|threads| *threads <= cores)
                    .map(|threads| (threads, Times { shortest: Duration::MAX, processors: Duration::ZERO }))
                    .collect();
                let rounds = (20_000_000 / count).clamp(9, 200) as u32;
                for _ in 0..rounds {
                    for (threads, times) in &mut each {
                        let (before, begun) = (processors(), Instant::now());
                        black_box(ask(&db, *threads));
                        times.shortest = times.shortest.min(begun.elapsed());
                        times.processors += processors() - before;
                    }
                }
                let one = each[0].1;
                for (threads, times) in each {
                    let ratio = |a: Duration, b: Duration| a.as_secs_f64() / b.as_secs_f64();
                    println!(
                        "{name:<16}{count:>9}  {:>10.1?} {:>10.1?}   {threads}: {:.2} times as quick, {:.2} of the work",
                        times.shortest,
                        times.processors / rounds,
                        ratio(one.shortest, times.shortest),
                        ratio(times.processors, one.processors),
                    );
                }
            }
        }
    }
}

//! What it costs to plan a query of which no plan is kept, the shortest of ten rounds: `cargo bench -p epilog --bench planning`; of
//! one query, so and so often, `-- NAME COUNT`, as callgrind is to see it.
//!
//! Six collections, each with records enough to have statistics: sales of items by sellers in regions, as a shop has them. Statistics
//! are made, and the plans' pages read, before anything is timed.

// Small builds have other plans.
#[cfg(feature = "small")]
fn main() {}

#[cfg(not(feature = "small"))]
fn main() -> Result<(), epilog::Error> {
    planned::main()
}

#[cfg(not(feature = "small"))]
mod planned {
    #![allow(missing_docs, reason = "a program, not a library")]

    use std::hint::black_box;
    use std::time::Instant;

    use epilog::engine::logical::Purpose;
    use epilog::engine::optimizer::RuleSet;
    use epilog::engine::{self, EngineError, View};
    use epilog::expr::Draft;
    use epilog::prelude::*;
    use epilog::query::Reads;

    #[derive(Collection, Clone, Debug)]
    struct Region {
        id: Id<Region>,
        #[unique]
        name: String,
    }

    #[derive(Collection, Clone, Debug)]
    struct Country {
        id: Id<Country>,
        name: String,
        region: Id<Region>,
    }

    #[derive(Collection, Clone, Debug)]
    struct Seller {
        id: Id<Seller>,
        #[unique]
        email: String,
        #[index]
        age: u8,
        score: f64,
        active: bool,
        country: Id<Country>,
    }

    #[derive(Collection, Clone, Debug)]
    struct Buyer {
        id: Id<Buyer>,
        name: String,
        country: Id<Country>,
    }

    #[derive(Collection, Clone, Debug)]
    struct Order {
        id: Id<Order>,
        #[index]
        day: i32,
        buyer: Id<Buyer>,
    }

    #[derive(Collection, Clone, Debug)]
    struct Line {
        id: Id<Line>,
        order: Id<Order>,
        seller: Id<Seller>,
        price: i64,
        discount: i64,
    }

    epilog::schema!(Shop { Region, Country, Seller, Buyer, Order, Line });

    fn loaded() -> Result<Database<Shop>, Error> {
        let db: Database<Shop> = Options::default().plan_cache(0).in_memory()?;
        let mixed = |n: u64| n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
        db.write(|tx| {
            for n in 1..=5 {
                tx.insert(&Region { id: Id::new(n), name: format!("region {n}") })?;
            }
            for n in 1..=1_000 {
                let name = format!("country {n}");
                tx.insert(&Country { id: Id::new(n), name, region: Id::new(1 + n % 5) })?;
            }
            for n in 1..=2_000 {
                tx.insert(&Seller {
                    id: Id::new(n),
                    email: format!("{:016x}@mail.io", mixed(n)),
                    age: (mixed(n) % 100) as u8,
                    score: mixed(n) as f64,
                    active: n % 2 == 0,
                    country: Id::new(1 + mixed(n) % 1_000),
                })?;
                let country = Id::new(1 + mixed(n + 7) % 1_000);
                tx.insert(&Buyer { id: Id::new(n), name: format!("buyer {n}"), country })?;
            }
            for n in 1..=5_000 {
                let buyer = Id::new(1 + mixed(n) % 2_000);
                tx.insert(&Order { id: Id::new(n), day: (mixed(n) % 2_000) as i32, buyer })?;
            }
            for n in 1..=20_000 {
                tx.insert(&Line {
                    id: Id::new(n),
                    order: Id::new(1 + n % 5_000),
                    seller: Id::new(1 + mixed(n) % 2_000),
                    price: (mixed(n) % 10_000) as i64,
                    discount: (n % 10) as i64,
                })?;
            }
            Ok::<(), Error>(())
        })?;
        Ok(db)
    }

    /// The queries, from those of one collection to joins of six, and how many microseconds each is meant to take.
    fn queries() -> [(&'static str, f64, Draft); 6] {
        let unique = Seller::query().filter(|s| s.email.eq("nobody@mail.io") & s.active);
        let indexed = Seller::query().filter(|s| s.age.eq(7)).limit(10);
        let by_key = Seller::query().filter(|s| s.id.ge(Id::new(500))).limit(100);
        let best =
            Seller::query().filter(|s| s.score.ge(0.5) & s.active).order_by(|s| s.score.desc()).limit(10);
        let three = Line::query()
            .join::<Order>(|(l, o)| l.order.eq(o.id))
            .join::<Buyer>(|(_, o, b)| o.buyer.eq(b.id))
            .filter(|(_, o, b)| o.day.between(100, 400) & b.name.starts_with("buyer 1"))
            .group_by(|(_, _, b)| b.id)
            .select(|g| (g.key(), g.sum(|(l, _, _)| l.price)));
        // Buyers who bought of sellers in their own country, as TPC-H's Q5 asks: its joins close a circle.
        let six = Line::query()
            .join::<Order>(|(l, o)| l.order.eq(o.id))
            .join::<Buyer>(|(_, o, b)| o.buyer.eq(b.id))
            .join::<Seller>(|(l, _, b, s)| l.seller.eq(s.id) & b.country.eq(s.country))
            .join::<Country>(|(_, _, _, s, c)| s.country.eq(c.id))
            .join::<Region>(|(_, _, _, _, c, r)| c.region.eq(r.id))
            .filter(|(_, o, _, _, _, r)| o.day.between(100, 400) & r.name.eq("region 1"))
            .group_by(|(_, _, _, _, c, _)| c.name)
            .order_by(|g| g.sum(|(l, ..)| l.price * (10 - l.discount)).desc())
            .select(|g| (g.key(), g.sum(|(l, ..)| l.price * (10 - l.discount))));
        [
            ("a unique field and another", 1.0, unique.draft().clone()),
            ("an index, the first ten", 1.0, indexed.draft().clone()),
            ("a range of keys", 1.0, by_key.draft().clone()),
            ("a test, an order, the first ten", 1.0, best.draft().clone()),
            ("groups of three joined", 50.0, three.draft().clone()),
            ("groups of six joined", 50.0, six.draft().clone()),
        ]
    }

    pub(crate) fn main() -> Result<(), Error> {
        let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
        let wanted = arguments.next().unwrap_or_default();
        let rounds: u32 = arguments.next().and_then(|rounds| rounds.parse().ok()).unwrap_or(2_000);

        let db = loaded()?;
        let tx = db.read()?;
        for (name, aim, draft) in queries().iter().filter(|(name, ..)| name.contains(&wanted)) {
            let plan = |view: View<'_>| {
                engine::plan(view, draft, Purpose::Rows, RuleSet::ALL).map_err(EngineError::from)
            };
            tx.with_view(|view| {
                black_box(plan(view)?);
                let mut shortest = f64::MAX;
                for _ in 0..10 {
                    let began = Instant::now();
                    for _ in 0..rounds.div_ceil(10) {
                        black_box(plan(view)?);
                    }
                    let each = began.elapsed().as_secs_f64() * 1e6 / f64::from(rounds.div_ceil(10));
                    shortest = shortest.min(each);
                }
                println!("{name:32} {shortest:7.2} µs (aim {aim})");
                Ok(())
            })?;
        }
        Ok(())
    }
}

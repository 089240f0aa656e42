//! Queries that are within others more than once: equal ones, and such as only seem to be.

use epilog::prelude::*;
use epilog::query::{Compiled, Query};
use pretty_assertions::assert_eq;

#[derive(Collection, Clone, Debug, PartialEq)]
struct Shop {
    id: Id<Shop>,
    kind: u32,
    #[index]
    size: u32,
    balance: f64,
}

#[derive(Collection, Clone, Debug, PartialEq)]
#[index(worth)]
struct Sale {
    id: Id<Sale>,
    shop: Id<Shop>,
    worth: u32,
    note: String,
}

#[derive(Collection, Clone, Debug, PartialEq)]
struct Return {
    id: Id<Return>,
    sale: Id<Sale>,
    kind: u32,
}

#[derive(Collection, Clone, Debug, PartialEq)]
struct Complaint {
    id: Id<Complaint>,
    about: Id<Return>,
    kind: u32,
}

epilog::schema!(Town { Shop, Sale, Return, Complaint });

const SHOPS: u32 = 200;

fn town() -> Result<Database<Town>, Error> {
    let town = Town::in_memory()?;
    town.write(|tx| {
        tx.insert_all((0..SHOPS).map(|i| Shop {
            id: Id::auto(),
            kind: i % 7,
            size: i.wrapping_mul(2_654_435_761) >> 16,
            balance: f64::from(i % 50) - 20.0,
        }))?;
        tx.insert_all((0..3 * SHOPS).map(|i| Sale {
            id: Id::auto(),
            shop: Id::new(u64::from(i * 31 % SHOPS) + 1),
            worth: i * 7919 % 1009,
            note: String::new(),
        }))?;
        tx.insert_all((0..2 * SHOPS).map(|i| Return {
            id: Id::auto(),
            sale: Id::new(u64::from(i % SHOPS) + 1),
            kind: i % 6,
        }))?;
        tx.insert_all((0..2 * SHOPS).map(|i| Complaint {
            id: Id::auto(),
            about: Id::new(u64::from(i % SHOPS) + 1),
            kind: i % 6,
        }))
    })?;
    Ok(town)
}

fn sorted<T: Ord>(mut rows: Vec<T>) -> Vec<T> {
    rows.sort();
    rows
}

/// The rows of both.
fn both(
    town: &Database<Town>,
    one: Query<Shop, Shop>,
    other: Query<Shop, Shop>,
) -> Result<Vec<Id<Shop>>, Error> {
    let ids = |query: Query<Shop, Shop>| query.select(|s| s.id).all(town);
    Ok(sorted([ids(one)?, ids(other)?].concat()))
}

static LARGER: Compiled<(u32,), Shop> = Compiled::new(|(size,)| Shop::query().filter(|s| s.size.gt(size)));

#[test]
fn a_compiled_query_is_asked_twice_within_another() -> Result<(), Error> {
    let town = town()?;
    let larger = |size: u32| LARGER.with((size,)).select(|s| s.id);
    for (small, large) in [(10_000, 60_000), (60_000, 10_000), (30_000, 30_000)] {
        let between = Shop::query().filter(|s| s.id.in_query(larger(small)) & !s.id.in_query(larger(large)));
        let expected = Shop::query().filter(|s| s.size.gt(small) & !s.size.gt(large)).count(&town)?;
        assert_eq!(between.count(&town)?, expected, "{small} {large}");
        let none = Shop::query().filter(|s| s.size.gt(u32::MAX)).select(|s| s.id);
        let union = none.union_all(larger(small)).union_all(larger(large)).all(&town)?;
        assert_eq!(
            sorted(union),
            both(&town, LARGER.with((small,)), LARGER.with((large,)))?,
            "{small} {large}"
        );
    }
    Ok(())
}

fn most(shop: ShopFields<Shop>) -> Expr<Shop, Option<u32>> {
    shop.from::<Sale>().filter(|(shop, sale)| sale.shop.eq(shop.id)).max(|(_, sale)| sale.worth)
}

static TIMES: Compiled<(u32, f64), Shop, (Option<u32>, f64)> = Compiled::new(|(size, balance)| {
    let query = Shop::query().filter(|s| s.size.gt(0) & s.size.lt(size - s.size)).order_by(|s| s.id);
    query.select(|s| (size + most(s), balance * s.balance))
});

#[test]
fn a_parameter_stands_left_of_an_operator() -> Result<(), Error> {
    let town = town()?;
    for (size, balance) in [(65_536_u32, 1.0), (200_000, -2.0)] {
        let query = Shop::query().filter(|s| s.size.gt(0) & s.size.lt(size - s.size)).order_by(|s| s.id);
        let expected = query.select(|s| (size + most(s), balance * s.balance)).all(&town)?;
        assert_eq!(TIMES.with((size, balance)).all(&town)?, expected, "{size} {balance}");
        assert!(!expected.is_empty());
    }
    Ok(())
}

static WITH_LARGE_SALES: Compiled<(u32,), Shop> = Compiled::new(|(worth,)| {
    let shops = Sale::query().filter(move |s| s.worth.gt(worth)).group_by(|s| s.shop);
    let shops = shops.having(|g| g.count().gt(1)).select(|g| g.key());
    Shop::query().filter(|s| s.id.in_query(shops))
});

static WITH_COMMON_SALES: Compiled<(u32,), Shop> = Compiled::new(|(worth,)| {
    let shops = Sale::query().filter(move |s| s.worth.gt(worth)).select(|s| s.shop).common();
    Shop::query().filter(|s| s.id.in_query(shops))
});

/// What is within them is the same query of arguments that they have around it.
#[test]
fn parts_of_compiled_queries_are_told_apart_by_arguments_around_them() -> Result<(), Error> {
    let town = town()?;
    for (query, one, other) in [(&WITH_LARGE_SALES, 100, 800), (&WITH_COMMON_SALES, 100, 1000)] {
        let with = |worth: u32| query.with((worth,));
        let expected = both(&town, with(one), with(other))?;
        let same = both(&town, with(one), with(one))?;
        assert_ne!(expected, same);
        for _ in 0..3 {
            let union = with(one).select(|s| s.id).union_all(with(other).select(|s| s.id)).all(&town)?;
            assert_eq!(sorted(union), expected);
            let union = with(one).select(|s| s.id).union_all(with(one).select(|s| s.id)).all(&town)?;
            assert_eq!(sorted(union), same);
        }
    }
    Ok(())
}

/// Zeros of either sign are equal, and not the same; what was kept for them does not serve values that differ.
#[test]
fn zeros_of_either_sign_make_no_plan_for_other_values() -> Result<(), Error> {
    let town = town()?;
    let shops = Shop::query().all(&town)?;
    for (low, high) in [(0.0, -0.0), (1.0, 20.0), (20.0, 1.0), (3.0, 4.0)] {
        let above = |balance: f64| Shop::query().filter(move |s| s.balance.gt(balance));
        let common = |balance| above(balance).select(|s| s.id).common();
        let between = Shop::query().filter(|s| s.id.in_query(common(low)) & !s.id.in_query(common(high)));
        let expected = shops.iter().filter(|s| s.balance > low && s.balance <= high).count() as u64;
        assert_eq!(between.count(&town)?, expected, "{low:?} {high:?}");

        let counts = |balance| above(balance).group_by(|s| s.kind).select(|g| g.count());
        let none = above(1e9).group_by(|s| s.kind).select(|g| g.count());
        let got = none.union_all(counts(low)).union_all(counts(high)).all(&town)?;
        let count =
            |kind, balance| shops.iter().filter(|s| s.kind == kind && s.balance > balance).count() as u64;
        let expected =
            (0..7).flat_map(|kind| [count(kind, low), count(kind, high)]).filter(|count| *count > 0);
        assert_eq!(sorted(got), sorted(expected.collect()), "{low:?} {high:?}");
    }
    Ok(())
}

/// What holds of no record at the third level is what is left of others, which are not measured again outside.
#[test]
fn subqueries_of_three_levels_may_ask_for_none() -> Result<(), Error> {
    let town = town()?;
    let asked = Shop::query().filter(|shop| {
        let sales = shop.from::<Sale>().filter(|s| {
            let returns = s.1.from::<Return>().filter(|r| {
                let complaints = r.2.from::<Complaint>();
                let alike = complaints.filter(|c| c.3.about.eq(c.2.id) & c.3.kind.eq(c.0.kind));
                r.2.sale.eq(r.1.id) & r.2.kind.eq(r.0.kind) & alike.is_empty()
            });
            returns.exists()
        });
        sales.exists()
    });
    let (returns, complaints) = (Return::query().all(&town)?, Complaint::query().all(&town)?);
    let is_quiet = |of: &Return, kind: u32| complaints.iter().all(|c| c.about != of.id || c.kind != kind);
    let has_one = |kind: u32| returns.iter().any(|r| r.kind == kind && is_quiet(r, kind));
    let expected = Shop::query().all(&town)?.iter().filter(|shop| has_one(shop.kind)).count() as u64;
    assert_eq!(asked.count(&town)?, expected);
    Ok(())
}

/// However many groups come one after the other, those that are complete make room for others.
#[test]
fn groups_in_order_need_the_memory_of_one() -> Result<(), Error> {
    let town = Town::in_memory()?;
    town.write(|tx| {
        tx.insert(&Shop { id: Id::new(1), kind: 0, size: 0, balance: 0.0 })?;
        let note = |i: u32| format!("{i:0200}");
        tx.insert_all((0..6000).map(|i| Sale {
            id: Id::auto(),
            shop: Id::new(1),
            worth: i / 4,
            note: note(i),
        }))
    })?;
    let notes = Sale::query().group_by(|s| s.id).select(|g| (g.key(), g.count(), g.max(|s| s.note)));
    let plan = notes.explain(&town)?.to_string();
    assert!(plan.contains("one after the other"), "{plan}");
    let notes = notes.memory(128 << 10).all(&town)?;
    assert_eq!(notes.len(), 6000);
    assert_eq!(notes[5999].2.as_ref().map(String::len), Some(200));
    let texts = Sale::query().order_by(|s| s.worth).group_by(|s| s.worth);
    let texts = texts.select(|g| (g.key(), g.string_agg(|s| s.note, ", ")));
    let plan = texts.explain(&town)?.to_string();
    assert!(plan.contains("one after the other"), "{plan}");
    let texts = texts.memory(128 << 10).all(&town)?;
    assert_eq!(texts.len(), 1500);
    assert!(texts.iter().all(|(_, notes)| notes.as_ref().map(String::len) == Some(4 * 200 + 3 * 2)));
    Ok(())
}

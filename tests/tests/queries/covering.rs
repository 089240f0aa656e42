//! Covering indexes: what is read of their entries alone, how they are kept up, and what they refuse.

use epilog::prelude::*;
use epilog::query::Query;
use pretty_assertions::assert_eq;
use rust_decimal::Decimal;

/// Values of types whose keys do not tell them, and of types that no key but one has.
#[derive(Collection, Clone, Debug, PartialEq)]
#[allow(clippy::duplicated_attributes, reason = "a field may be in several indexes")]
#[index(shop, include(price, weight, note, shop_note))]
#[index(code, unique, include(price, stock))]
#[index(price, include(price))]
pub struct Article {
    id: Id<Article>,
    #[on_delete(set_null)]
    shop: Option<Id<Shop>>,
    code: String,
    price: Decimal,
    weight: f64,
    note: Option<String>,
    shop_note: Option<i16>,
    stock: u32,
}

#[derive(Collection, Clone, Debug, PartialEq)]
pub struct Shop {
    id: Id<Shop>,
}

epilog::schema!(pub Shops { Shop, Article });

const ARTICLES: u32 = 3_000;

fn article(n: u32) -> Article {
    Article {
        id: Id::auto(),
        shop: (!n.is_multiple_of(11)).then(|| Id::new(1 + u64::from(n % 30))),
        code: format!("code {n}"),
        // The same value in several forms, which have one key.
        price: Decimal::new(i64::from(n % 40) * 10_i64.pow(n % 3), n % 3),
        weight: [0.0, -0.0, f64::NAN, 0.25][n as usize % 4],
        note: (!n.is_multiple_of(5)).then(|| "\0\u{1}ß".repeat(n as usize % 4)),
        shop_note: (!n.is_multiple_of(7)).then_some(n as i16 - 1_500),
        stock: n / 3,
    }
}

fn shops() -> Database<Shops> {
    let db = Shops::in_memory().expect("a database");
    db.write(|tx| {
        tx.insert_all((0..30).map(|_| Shop { id: Id::auto() }))?;
        tx.insert_all((0..ARTICLES).map(article))
    })
    .expect("articles");
    db
}

fn articles() -> Query<Article, Article> {
    Article::query()
}

/// Records as text: equal are only values of the same form, digits and signs.
fn texts<T: std::fmt::Debug>(rows: impl IntoIterator<Item = T>) -> Vec<String> {
    rows.into_iter().map(|row| format!("{row:?}")).collect()
}

/// What every index includes is what the records have.
#[track_caller]
fn check_included(db: &Database<Shops>) {
    let all = articles().all(db).expect("articles");
    for shop in (1..=30).map(|id| Some(Id::<Shop>::new(id))).chain([None]) {
        let query = articles().filter(|a| a.shop.eq(shop));
        let query = query.select(|a| (a.id, a.price, a.weight, a.note, a.shop_note));
        let plan = query.explain(db).expect("a plan").to_string();
        assert!(plan.ends_with("entries only"), "{plan}");
        let of_shop = all.iter().filter(|article| article.shop == shop);
        let expected = of_shop.map(|a| (a.id, a.price, a.weight, &a.note, a.shop_note));
        assert_eq!(texts(query.all(db).expect("rows")), texts(expected));
    }
    for own in all.iter().step_by(17) {
        let query = articles().filter(|a| a.code.eq(&own.code)).select(|a| (a.price, a.stock));
        let plan = query.explain(db).expect("a plan").to_string();
        assert!(plan.ends_with("entries only"), "{plan}");
        assert_eq!(texts(query.all(db).expect("rows")), texts([(own.price, own.stock)]));
    }
    let report = db.check().expect("a check");
    assert!(report.is_sound(), "{report:?}");
}

#[test]
fn what_an_index_includes_is_read_from_its_entries() {
    let db = &shops();
    check_included(db);
    let of_shop = articles().filter(|a| a.shop.eq(Id::new(3)));
    let query = of_shop.clone().filter(|a| a.weight.lt(0.25) & a.note.is_some()).select(|a| (a.id, a.price));
    assert_eq!(
        query.explain(db).expect("a plan").to_string(),
        "project id, [price]\n  index lookup Article by shop = 3, entries with weight < 0.25 & is_some(note), entries only"
    );
    let all = articles().all(db).expect("articles");
    let expected = all.iter().filter(|a| a.shop == Some(Id::new(3)) && a.weight < 0.25 && a.note.is_some());
    assert_eq!(texts(query.all(db).expect("rows")), texts(expected.map(|a| (a.id, a.price))));
    // Of those that are left, records are fetched where more is read.
    let query = of_shop.clone().filter(|a| a.shop_note.is_none());
    assert_eq!(
        query.explain(db).expect("a plan").to_string(),
        "index lookup Article by shop = 3, entries with is_none(shop_note)"
    );
    let expected = all.iter().filter(|a| a.shop == Some(Id::new(3)) && a.shop_note.is_none());
    assert_eq!(texts(query.all(db).expect("rows")), texts(expected));
    // Sums, groups and orders take such values like any other.
    let sum = of_shop.clone().aggregate(|g| (g.sum(|a| a.price), g.max(|a| a.note), g.count()));
    assert!(sum.explain(db).expect("a plan").to_string().ends_with("entries only"));
    let of = || all.iter().filter(|a| a.shop == Some(Id::new(3)));
    assert_eq!(
        sum.one(db).expect("a row"),
        (of().map(|a| a.price).sum(), of().filter_map(|a| a.note.clone()).max(), of().count() as u64)
    );
    let first = of_shop.order_by(|a| (a.note.desc(), a.id)).select(|a| (a.id, a.note)).limit(5);
    assert!(first.explain(db).expect("a plan").to_string().ends_with("entries only"));
    let mut expected: Vec<_> = of().map(|a| (a.id, a.note.clone())).collect();
    expected.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.get().cmp(&b.0.get())));
    assert_eq!(first.all(db).expect("rows"), expected[..5]);
    // The key of a decimal has its value, what is included its digits.
    let dear = articles().filter(|a| a.price.eq(Decimal::new(39, 0))).select(|a| a.price);
    assert!(dear.explain(db).expect("a plan").to_string().ends_with("entries only"));
    let forms: Vec<String> = dear.all(db).expect("prices").iter().map(ToString::to_string).collect();
    assert!(["39", "39.0", "39.00"].iter().all(|form| forms.iter().any(|own| own == form)), "{forms:?}");
}

#[test]
fn what_an_index_includes_is_read_from_the_entries_found_for_each_row() {
    let db = &shops();
    let all = articles().all(db).expect("articles");
    let few = Shop::query().filter(|s| s.id.in_([Id::new(3), Id::new(9)]));
    let of = |shop: u64| all.iter().filter(move |a| a.shop == Some(Id::new(shop)));
    // Values that no key has, absent ones among them: one is asked for, the other added up.
    let sums = few.order_by(|s| s.id).select(|s| {
        s.from::<Article>().filter(|(s, a)| a.shop.eq(s.id) & a.note.is_some()).sum(|(_, a)| a.price)
    });
    let plan = sums.explain(db).expect("a plan").to_string();
    assert!(plan.contains("Article through index") && plan.contains(", entries only"), "{plan}");
    let noted = |shop| of(shop).filter(|a| a.note.is_some()).map(|a| a.price).sum::<Decimal>();
    assert_eq!(texts(sums.all(db).expect("sums")), texts([noted(3), noted(9)]));
}

#[test]
fn a_change_of_what_is_included_changes_the_entry() {
    let db = &shops();
    let ids: Vec<Id<Article>> = articles().select(|a| a.id).all(db).expect("ids");
    // One by one, and many at a time: values that no key has, and the form of one that a key has.
    db.write(|tx| {
        for id in ids.iter().step_by(5) {
            let mut article: Article = tx.get(*id)?.expect("an article");
            article.note = article.note.map_or(Some("new".into()), |_| None);
            article.weight = -article.weight;
            tx.update(&article)?;
        }
        Ok(())
    })
    .expect("updates");
    check_included(db);
    db.write(|tx| {
        let query = Article::query().filter(|a| a.stock.lt(500));
        query.update(|a| (a.price.set(a.price * Decimal::new(100, 2)), a.stock.set(a.stock + 1))).run(tx)
    })
    .expect("an update");
    check_included(db);
    // What loses its shop has another key; nothing is left of what is deleted.
    db.write(|tx| tx.delete_key::<Shop>(Id::new(7))).expect("a deletion");
    db.write(|tx| Article::query().filter(|a| a.stock.gt(900)).delete().run(tx)).expect("a deletion");
    check_included(db);
    // A transaction that is given up leaves no trace.
    let given_up: Result<(), Error> = db.write(|tx| {
        Article::query().update(|a| a.note.set(None)).run(tx)?;
        let one: Article = tx.get(ids[0])?.expect("an article");
        tx.insert(&one).map(|_| ())
    });
    given_up.expect_err("its key is taken");
    check_included(db);
}

#[test]
fn what_is_unique_does_not_depend_on_what_is_included() {
    let db = &shops();
    let taken = |result: Result<(), Error>| {
        assert_eq!(result.expect_err("a code is taken").kind(), ErrorKind::UniqueViolation);
    };
    let other = |code: &str, n: u32| Article { code: code.into(), ..article(n) };
    taken(db.write(|tx| tx.insert(&other("code 5", 6)).map(|_| ())));
    taken(db.write(|tx| tx.insert_all([other("new", 1), other("new", 2)]).map(|_| ())));
    taken(db.write(|tx| tx.insert_all([other("a", 1), other("code 7", 8)]).map(|_| ())));
    taken(db.write(|tx| {
        let mut article = articles().filter(|a| a.code.eq("code 5")).one(tx)?;
        article.code = "code 6".into();
        tx.update(&article)
    }));
    taken(db.write(|tx| {
        let two = Article::query().filter(|a| a.code.in_(["code 8", "code 9"]));
        two.update(|a| (a.code.set("both"), a.stock.set(a.stock + 1))).run(tx).map(|_| ())
    }));
    // All keys are other ones when all are set.
    db.write(|tx| {
        let two = Article::query().filter(|a| a.code.in_(["code 8", "code 9"]));
        two.update(|a| (a.code.set(a.code.upper()), a.stock.set(a.stock + 1))).run(tx)
    })
    .expect("an update");
    check_included(db);
}

/// Of transactions without the lease, one that read an entry alone conflicts with another that changes what is in it, and with
/// none that changes anything else of the record.
#[test]
fn a_change_of_what_was_read_of_an_entry_is_a_conflict() {
    let db = &shops();
    let attempts = |beside: &dyn Fn(&mut Article), code: &str| {
        let mut attempts = 0;
        let stock = db.write_concurrent(|tx| {
            attempts += 1;
            let stock = articles().filter(|a| a.code.eq("code 5")).select(|a| a.stock).one(tx)?;
            if attempts == 1 {
                let mut other = articles().filter(|a| a.code.eq(code)).one(db)?;
                beside(&mut other);
                db.write(|tx| tx.update(&other))?;
            }
            tx.insert(&Shop { id: Id::auto() })?;
            Ok(stock)
        });
        let now = articles().filter(|a| a.code.eq("code 5")).one(db).expect("an article").stock;
        assert_eq!(stock.expect("a commit"), now);
        attempts
    };
    assert_eq!(attempts(&|article| article.stock += 100, "code 5"), 2);
    assert_eq!(attempts(&|article| article.price += Decimal::ONE, "code 5"), 2);
    assert_eq!(attempts(&|article| article.note = Some("beside".into()), "code 5"), 1);
    assert_eq!(attempts(&|article| article.stock += 100, "code 6"), 1);
    check_included(db);
}

#[test]
fn what_is_too_long_for_an_entry_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("shops.epilog");
    let db = Shops::open(&path).expect("a database");
    db.write(|tx| tx.insert(&Shop { id: Id::auto() })).expect("a shop");
    // Beside the text the index of shops has 9 bytes of key, and 16 + 8 + 1 + 2 + 3 of what it includes, and its length in 2.
    let longest = 960 - 9 - 16 - 8 - 3 - 3 - 2;
    for (len, fits) in [(longest, true), (longest + 1, false), (100_000, false)] {
        let new = Article {
            shop: Some(Id::new(1)),
            note: Some("x".repeat(len)),
            code: format!("long {len}"),
            ..article(1)
        };
        let done = db.write(|tx| tx.insert(&new));
        match (done, fits) {
            (Ok(_), true) => {}
            (Err(error), false) => {
                assert_eq!(error.kind(), ErrorKind::Constraint);
                let text = error.to_string();
                assert!(text.ends_with("shorten `note`"), "{text}");
            }
            (done, _) => panic!("{len} bytes: {done:?}"),
        }
    }
    db.close().expect("it can be closed");
    check_included(&Shops::open(&path).expect("a database"));
}

mod other {
    use super::*;

    #[derive(Collection)]
    #[allow(clippy::duplicated_attributes, reason = "a field may be in several indexes")]
    #[index(shop, include(price, weight, note))]
    #[index(code, unique, include(price, stock))]
    #[index(price, include(price))]
    pub struct Article {
        id: Id<Article>,
        #[on_delete(set_null)]
        shop: Option<Id<Shop>>,
        code: String,
        price: Decimal,
        weight: f64,
        note: Option<String>,
        shop_note: Option<i16>,
        stock: u32,
    }

    epilog::schema!(pub Shops { Shop, Article });
}

#[test]
fn an_index_that_includes_other_fields_is_another_index() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("shops.epilog");
    Shops::open(&path).expect("a database").close().expect("it can be closed");
    let error = other::Shops::open(&path).expect_err("another schema");
    assert_eq!(error.kind(), ErrorKind::SchemaDiffers);
    let text = error.to_string();
    for index in
        ["index (shop) including (price, weight, note) of", "including (price, weight, note, shop_note) of"]
    {
        assert!(text.contains(index), "{text}");
    }
}

/// Statistics of an index are of its keys, whatever follows them.
#[test]
fn statistics_are_of_keys() {
    let db = shops();
    let known = db.statistics::<Article>().expect("statistics");
    let of_shop = known.indexes.iter().find(|index| index.name == "shop").expect("the index");
    assert_eq!(of_shop.distinct, [31]);
    let of_code = known.indexes.iter().find(|index| index.name == "code").expect("the index");
    assert!(of_code.distinct[0] > u64::from(ARTICLES) * 9 / 10, "{of_code:?}");
}

//! Questions about a shop, as one asks them who has read the front pages only: joins, groups, windows, subqueries, recursion,
//! pages, plans. What each gives is compared with what is to be seen in the data.

use chrono::NaiveDate;
use epilog::prelude::*;
use epilog::query::Page;

#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(children: Category::parent)]
#[has_many(products: Product::category)]
struct Category {
    id: Id<Category>,
    #[unique]
    name: String,
    parent: Option<Id<Category>>,
}

#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(lines: Line::product)]
struct Product {
    id: Id<Product>,
    name: String,
    category: Id<Category>,
    cents: i64,
    tags: Vec<String>,
}

#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(orders: Order::customer)]
struct Customer {
    id: Id<Customer>,
    #[unique]
    email: String,
    city: Option<String>,
}

#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(lines: Line::order)]
struct Order {
    id: Id<Order>,
    customer: Id<Customer>,
    #[index]
    day: NaiveDate,
}

#[derive(Collection, Clone, Debug, PartialEq)]
struct Line {
    id: Id<Line>,
    order: Id<Order>,
    product: Id<Product>,
    count: u32,
}

epilog::schema!(Shop { Category, Product, Customer, Order, Line });

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn shop() -> Result<Database<Shop>, Error> {
    let db = Shop::in_memory()?;
    db.write(|tx| {
        let mut category = |name: &str, parent| tx.insert(&Category { id: Id::auto(), name: name.into(), parent });
        let home = category("Home", None)?;
        let kitchen = category("Kitchen", Some(home))?;
        let knives = category("Knives", Some(kitchen))?;
        let garden = category("Garden", None)?;
        let mut product = |name: &str, category, cents, tags: &[&str]| {
            let tags = tags.iter().map(|tag| tag.to_string()).collect();
            tx.insert(&Product { id: Id::auto(), name: name.into(), category, cents, tags })
        };
        let pan = product("Pan", kitchen, 4_900, &["iron", "hot"])?;
        let chef = product("Chef's knife", knives, 8_900, &["steel", "sharp"])?;
        let paring = product("Paring knife", knives, 1_900, &["steel", "sharp"])?;
        let spade = product("Spade", garden, 3_900, &["iron"])?;
        product("Lamp", home, 2_500, &[])?;
        let mut customer = |email: &str, city: Option<&str>| {
            tx.insert(&Customer { id: Id::auto(), email: email.into(), city: city.map(String::from) })
        };
        let ada = customer("ada@example.org", Some("London"))?;
        let bob = customer("bob@example.org", None)?;
        customer("cleo@example.org", Some("Cairo"))?;
        for (customer, on, lines) in [
            (ada, "2024-01-31", vec![(pan, 1), (chef, 1)]),
            (ada, "2024-02-29", vec![(paring, 4)]),
            (bob, "2024-02-01", vec![(spade, 1), (pan, 2)]),
        ] {
            let order = tx.insert(&Order { id: Id::auto(), customer, day: day(on) })?;
            for (product, count) in lines {
                tx.insert(&Line { id: Id::auto(), order, product, count })?;
            }
        }
        Ok(())
    })?;
    Ok(db)
}

fn main() -> Result<(), Error> {
    let db = shop()?;
    let tx = db.read()?;
    let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();

    // Joins: along a relation, explicit, with what may be absent.
    let bought: Vec<(String, String)> = Line::query()
        .filter(|l| l.order().customer().city.eq("London"))
        .order_by(|l| l.product().name)
        .select(|l| (l.product().name, l.product().category().name))
        .all(&tx)?;
    assert_eq!(bought[0], ("Chef's knife".into(), "Knives".into()));
    let pairs = Product::query()
        .join::<Product>(|(one, other)| one.category.eq(other.category) & one.cents.lt(other.cents))
        .select(|(one, other)| (one.name, other.name, other.cents - one.cents));
    assert_eq!(pairs.all(&tx)?, [("Paring knife".to_string(), "Chef's knife".to_string(), 7_000)]);
    let last: Vec<(String, Option<NaiveDate>)> = Customer::query()
        .left_join::<Order>(|(c, o)| o.customer.eq(c.id) & o.day.ge(day("2024-02-01")))
        .order_by(|(c, _)| c.email)
        .select(|(c, o)| (c.email, o.day))
        .all(&tx)?;
    assert_eq!(last.iter().map(|(_, on)| *on).collect::<Vec<_>>(), [Some(day("2024-02-29")), Some(day("2024-02-01")), None]);

    // Groups: by a relation's field, by what is calculated, over all.
    let per_month: Vec<(NaiveDate, u64, i64)> = Line::query()
        .group_by(|l| l.order().day.start_of_month())
        .having(|g| g.count().ge(2))
        .order_by(|g| g.key())
        .select(|g| (g.key(), g.count_distinct(|l| l.order), g.sum(|l| l.product().cents * l.count.cast::<i64>())))
        .all(&tx)?;
    assert_eq!(per_month, [(day("2024-01-01"), 1, 13_800), (day("2024-02-01"), 2, 21_300)]);
    let (count, dearest) = Product::query().aggregate(|g| (g.count(), g.max(|p| p.cents))).one(&tx)?;
    assert_eq!((count, dearest), (5, Some(8_900)));

    // Windows: the dearest of each category, and a sum so far.
    let dearest: Vec<String> = Product::query()
        .window(|p, w| w.partition_by(p.category).order_by(p.cents.desc()).row_number())
        .filter(|(_, place)| place.eq(1))
        .order_by(|(p, _)| p.name)
        .select(|(p, _)| p.name)
        .all(&tx)?;
    assert_eq!(dearest, names(&["Chef's knife", "Lamp", "Pan", "Spade"]));
    let so_far: Vec<i64> = Product::query()
        .window(|p, w| w.order_by(p.id).rows(..=0).sum(p.cents))
        .select(|(_, sum)| sum)
        .all(&tx)?;
    assert_eq!(so_far, [4_900, 13_800, 15_700, 19_600, 22_100]);

    // Subqueries: whether, how many, in, compared with a mean.
    let idle = Customer::query().filter(|c| c.orders().is_empty()).select(|c| c.email).all(&tx)?;
    assert_eq!(idle, names(&["cleo@example.org"]));
    let unsold = Product::query().filter(|p| !p.exists::<Line>(|(p, l)| l.product.eq(p.id))).select(|p| p.name);
    assert_eq!(unsold.all(&tx)?, names(&["Lamp"]));
    let sharp = Product::query().filter(|p| p.tags.contains("sharp")).select(|p| p.id);
    assert_eq!(Line::query().filter(|l| l.product.in_query(sharp)).count(&tx)?, 2);
    let mean = Product::query().aggregate(|g| g.avg(|p| p.cents));
    let dear = Product::query().filter(|p| p.cents.cast_or_fail::<f64>().some().gt(mean.scalar()));
    assert_eq!(dear.select(|p| p.name).all(&tx)?, names(&["Pan", "Chef's knife"]));

    // Recursion: a category and all below it, each with how far it is.
    let below = Category::query().filter(|c| c.name.eq("Home")).recursive(|c| c.children());
    let below: Vec<(String, u64)> = below.order_by(|(_, steps)| steps).select(|(c, steps)| (c.name, steps)).all(&tx)?;
    assert_eq!(below, [("Home".into(), 0), ("Kitchen".into(), 1), ("Knives".into(), 2)]);

    // Sets, and what is chosen by conditions.
    let words = Category::query().select(|c| c.name).union(Product::query().select(|p| p.name));
    assert_eq!(words.count(&tx)?, 9);
    let classes = Product::query()
        .order_by(|p| p.id)
        .select(|p| p.cents.lt(2_000).then("cheap").or_when(p.cents.lt(5_000), "fair").otherwise("dear"))
        .all(&tx)?;
    assert_eq!(classes, names(&["fair", "dear", "cheap", "fair", "fair"]));

    // Pages, each from where the last one ended.
    let query = Product::query().order_by(|p| p.cents.desc()).select(|p| p.name);
    let first: Page<String> = query.page(&tx, 2, None)?;
    assert_eq!(first.items, names(&["Chef's knife", "Pan"]));
    let second = query.page(&tx, 2, first.next.as_ref())?;
    assert_eq!(second.items, names(&["Spade", "Lamp"]));

    // What belongs to each.
    let orders: Vec<(Order, Vec<(Line, Product)>)> =
        Order::query().order_by(|o| o.day).with(|o| o.lines().with(|l| l.product())).all(&tx)?;
    assert_eq!(orders[0].1.iter().map(|(_, product)| product.name.as_str()).collect::<Vec<_>>(), ["Pan", "Chef's knife"]);

    // How it is done.
    let plan = Order::query().filter(|o| o.day.ge(day("2024-02-01"))).explain(&tx)?;
    assert!(plan.to_string().contains("orders") || plan.to_string().contains("Order"), "{plan}");
    Ok(())
}

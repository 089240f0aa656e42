//! The 22 questions, a file for each of what they are about.
//!
//! The same questions in SQL are in `data/tpch/queries.sql`.

pub mod customers;
pub mod orders;
pub mod revenue;
pub mod supply;
pub mod trade;

use chrono::NaiveDate;
use epilog::collection::Expr;
use rust_decimal::Decimal;

use super::LineItemFields;
use super::answer::Question;

/// A question of the benchmark, by its number.
pub struct Entry {
    /// 1 to 22.
    pub number: u8,
    /// What the specification calls it.
    pub name: &'static str,
    /// Makes the query, for data of a scale factor.
    pub query: fn(f64) -> Box<dyn Question>,
}

/// All of them, by number.
pub const ALL: [Entry; 22] = [
    entry(1, "pricing summary report", |_| Box::new(revenue::pricing_summary())),
    entry(2, "minimum cost supplier", |_| Box::new(supply::minimum_cost())),
    entry(3, "shipping priority", |_| Box::new(orders::shipping_priority())),
    entry(4, "order priority checking", |_| Box::new(orders::order_priority())),
    entry(5, "local supplier volume", |_| Box::new(trade::local_supplier_volume())),
    entry(6, "forecasting revenue change", |_| Box::new(revenue::revenue_change())),
    entry(7, "volume shipping", |_| Box::new(trade::volume_shipping())),
    entry(8, "national market share", |_| Box::new(trade::market_share())),
    entry(9, "product type profit", |_| Box::new(trade::product_profit())),
    entry(10, "returned item reporting", |_| Box::new(customers::returned_items())),
    entry(11, "important stock", |scale| Box::new(supply::important_stock(scale))),
    entry(12, "shipping modes and order priority", |_| Box::new(orders::shipping_modes())),
    entry(13, "customer distribution", |_| Box::new(customers::customer_distribution())),
    entry(14, "promotion effect", |_| Box::new(revenue::promotion_effect())),
    entry(15, "top supplier", |_| Box::new(supply::top_supplier())),
    entry(16, "parts and suppliers", |_| Box::new(supply::parts_and_suppliers())),
    entry(17, "small-quantity-order revenue", |_| Box::new(revenue::small_orders())),
    entry(18, "large volume customer", |_| Box::new(customers::large_volume())),
    entry(19, "discounted revenue", |_| Box::new(revenue::discounted_revenue())),
    entry(20, "potential part promotion", |_| Box::new(supply::potential_promotion())),
    entry(21, "suppliers who kept orders waiting", |_| Box::new(supply::waiting_orders())),
    entry(22, "global sales opportunity", |_| Box::new(customers::sales_opportunity())),
];

const fn entry(number: u8, name: &'static str, query: fn(f64) -> Box<dyn Question>) -> Entry {
    Entry { number, name, query }
}

/// What a line brings in: its price less the discount.
fn volume<S>(l: LineItemFields<S>) -> Expr<S, Decimal> {
    l.extended_price * (-l.discount + Decimal::ONE)
}

/// A day of the calendar.
fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).expect("a day of the calendar")
}

/// So many hundredths.
fn hundredths(count: i64) -> Decimal {
    Decimal::new(count, 2)
}

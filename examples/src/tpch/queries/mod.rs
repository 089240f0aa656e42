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
pub const ALL: [Entry; 16] = [
    Entry { number: 1, name: "pricing summary report", query: |_| Box::new(revenue::pricing_summary()) },
    Entry { number: 3, name: "shipping priority", query: |_| Box::new(orders::shipping_priority()) },
    Entry { number: 4, name: "order priority checking", query: |_| Box::new(orders::order_priority()) },
    Entry { number: 5, name: "local supplier volume", query: |_| Box::new(trade::local_supplier_volume()) },
    Entry { number: 6, name: "forecasting revenue change", query: |_| Box::new(revenue::revenue_change()) },
    Entry { number: 7, name: "volume shipping", query: |_| Box::new(trade::volume_shipping()) },
    Entry { number: 8, name: "national market share", query: |_| Box::new(trade::market_share()) },
    Entry { number: 9, name: "product type profit measure", query: |_| Box::new(trade::product_profit()) },
    Entry { number: 10, name: "returned item reporting", query: |_| Box::new(customers::returned_items()) },
    Entry {
        number: 12,
        name: "shipping modes and order priority",
        query: |_| Box::new(orders::shipping_modes()),
    },
    Entry {
        number: 13,
        name: "customer distribution",
        query: |_| Box::new(customers::customer_distribution()),
    },
    Entry { number: 14, name: "promotion effect", query: |_| Box::new(revenue::promotion_effect()) },
    Entry { number: 16, name: "parts and suppliers", query: |_| Box::new(supply::parts_and_suppliers()) },
    Entry { number: 18, name: "large volume customer", query: |_| Box::new(customers::large_volume()) },
    Entry { number: 19, name: "discounted revenue", query: |_| Box::new(revenue::discounted_revenue()) },
    Entry {
        number: 21,
        name: "suppliers who kept orders waiting",
        query: |_| Box::new(supply::waiting_orders()),
    },
];

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

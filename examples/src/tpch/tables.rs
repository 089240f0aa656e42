//! The eight tables.
//!
//! Keys are the numbers of the source, but for those of regions and nations: these begin with 0 there, which no id is, and
//! are one more here. No answer has them.
#![allow(missing_docs, reason = "the fields are the columns of the specification")]

use chrono::NaiveDate;
use epilog::prelude::*;
use rust_decimal::Decimal;

/// A part of the world.
#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(nations: Nation::region)]
pub struct Region {
    pub id: Id<Region>,
    pub name: String,
    pub comment: String,
}

/// A country of it.
#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(suppliers: Supplier::nation, customers: Customer::nation)]
pub struct Nation {
    pub id: Id<Nation>,
    pub name: String,
    pub region: Id<Region>,
    pub comment: String,
}

/// Who delivers.
#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(supplies: PartSupplier::supplier, lines: LineItem::supplier)]
pub struct Supplier {
    pub id: Id<Supplier>,
    pub name: String,
    pub address: String,
    pub nation: Id<Nation>,
    pub phone: String,
    pub account_balance: Decimal,
    pub comment: String,
}

/// Who orders.
#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(orders: Order::customer)]
pub struct Customer {
    pub id: Id<Customer>,
    pub name: String,
    pub address: String,
    pub nation: Id<Nation>,
    pub phone: String,
    pub account_balance: Decimal,
    pub market_segment: String,
    pub comment: String,
}

/// What is delivered.
#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(supplies: PartSupplier::part, lines: LineItem::part)]
pub struct Part {
    pub id: Id<Part>,
    pub name: String,
    pub manufacturer: String,
    pub brand: String,
    /// `p_type`: three words, as in `LARGE BRUSHED BRASS`.
    pub kind: String,
    pub size: i32,
    pub container: String,
    pub retail_price: Decimal,
    pub comment: String,
}

/// That a supplier has a part, and what for.
#[derive(Collection, Clone, Debug, PartialEq)]
#[key(part, supplier)]
pub struct PartSupplier {
    pub part: Id<Part>,
    pub supplier: Id<Supplier>,
    pub available: i32,
    pub supply_cost: Decimal,
    pub comment: String,
}

/// An order of a customer.
#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(lines: LineItem::order)]
pub struct Order {
    pub id: Id<Order>,
    pub customer: Id<Customer>,
    /// `F`inished, `O`pen or `P`artly finished.
    pub status: char,
    pub total_price: Decimal,
    pub date: NaiveDate,
    pub priority: String,
    pub clerk: String,
    pub ship_priority: i32,
    pub comment: String,
}

/// A line of an order: so many of a part, by a supplier.
///
/// The days and the quantity, which most questions ask about, are declared before the prices, so that they lie in the fixed part of a record.
#[derive(Collection, Clone, Debug, PartialEq)]
#[key(order, number)]
pub struct LineItem {
    pub order: Id<Order>,
    pub number: u8,
    pub part: Id<Part>,
    pub supplier: Id<Supplier>,
    pub ship_date: NaiveDate,
    pub commit_date: NaiveDate,
    pub receipt_date: NaiveDate,
    pub quantity: Decimal,
    /// `R`eturned, `A`ccepted or `N`either.
    pub return_flag: char,
    /// `O`pen or `F`inished.
    pub status: char,
    pub extended_price: Decimal,
    pub discount: Decimal,
    pub tax: Decimal,
    pub ship_instruct: String,
    pub ship_mode: String,
    pub comment: String,
}

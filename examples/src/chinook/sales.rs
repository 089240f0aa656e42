//! What was bought: invoices and their lines.
#![allow(missing_docs, reason = "the fields are the columns of the source")]

use chrono::NaiveDateTime;
use epilog::prelude::*;
use rust_decimal::Decimal;

use super::{Customer, Track};

/// One purchase.
#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(lines: InvoiceLine::invoice)]
pub struct Invoice {
    pub id: Id<Invoice>,
    pub customer: Id<Customer>,
    #[index]
    pub date: NaiveDateTime,
    pub billing_address: Option<String>,
    pub billing_city: Option<String>,
    pub billing_state: Option<String>,
    pub billing_country: Option<String>,
    pub billing_postal_code: Option<String>,
    pub total: Decimal,
}

/// One track of a purchase, at the price of that day. It goes with its invoice; a track that was sold stays.
#[derive(Collection, Clone, Debug, PartialEq)]
pub struct InvoiceLine {
    pub id: Id<InvoiceLine>,
    #[on_delete(cascade)]
    pub invoice: Id<Invoice>,
    pub track: Id<Track>,
    pub unit_price: Decimal,
    pub quantity: u32,
}

//! What was sold: money, dates, aggregates over a filtered collection.
#![allow(clippy::missing_errors_doc, reason = "a question fails when the file cannot be read, and only then")]

use chrono::NaiveDateTime;
use epilog::Error;
use epilog::prelude::*;
use rust_decimal::Decimal;

use super::{Read, Rows, day};
use crate::chinook::{Invoice, InvoiceLine};

/// How many invoices, how much money, the average and the largest one.
pub type Turnover = (u64, Decimal, Option<Decimal>, Option<Decimal>);

/// How much was sold in a year?
///
/// ```sql
/// SELECT COUNT(*), ROUND(SUM(Total), 2), AVG(Total), MAX(Total) FROM Invoice
/// WHERE InvoiceDate >= '2024-01-01 00:00:00' AND InvoiceDate < '2025-01-01 00:00:00'
/// ```
pub fn turnover(tx: &Read<'_>, year: i32) -> Result<Turnover, Error> {
    Invoice::query()
        .filter(|i| i.date.ge(day(year, 1, 1)) & i.date.lt(day(year + 1, 1, 1)))
        .aggregate(|g| (g.count(), g.sum(|i| i.total), g.avg(|i| i.total), g.max(|i| i.total)))
        .one(tx)
}

/// An invoice as a list shows it.
#[derive(View, Clone, Debug, PartialEq)]
pub struct Sale {
    /// The day.
    pub date: NaiveDateTime,
    /// The customer's last name.
    pub customer: String,
    /// The last name of the employee who looks after them.
    pub rep: Option<String>,
    /// How many lines it has.
    pub lines: u64,
    /// Its total.
    pub total: Decimal,
}

/// Which invoices were the largest?
///
/// ```sql
/// SELECT i.InvoiceDate, c.LastName, e.LastName,
///        (SELECT COUNT(*) FROM InvoiceLine l WHERE l.InvoiceId = i.InvoiceId), i.Total
/// FROM Invoice i JOIN Customer c USING (CustomerId) LEFT JOIN Employee e ON e.EmployeeId = c.SupportRepId
/// WHERE i.Total >= 20 ORDER BY i.Total DESC, i.InvoiceDate
/// ```
pub fn largest_invoices(tx: &Read<'_>) -> Rows<Sale> {
    Invoice::query()
        .filter(|i| i.total.ge(Decimal::from(20)))
        .order_by(|i| (i.total.desc(), i.date.asc()))
        .select(|i| SaleFields {
            date: i.date,
            customer: i.customer().last_name,
            rep: i.customer().support_rep().last_name,
            lines: i.lines().count(),
            total: i.total,
        })
        .all(tx)
}

/// How many tracks of an artist were sold, and for how much?
///
/// ```sql
/// SELECT SUM(l.Quantity), ROUND(SUM(l.UnitPrice), 2) FROM InvoiceLine l JOIN Track t USING (TrackId)
/// JOIN Album al USING (AlbumId) JOIN Artist ar USING (ArtistId) WHERE ar.Name = 'Iron Maiden'
/// ```
pub fn sold_of(tx: &Read<'_>, artist: &str) -> Result<(u64, Decimal), Error> {
    InvoiceLine::query()
        .filter(|l| l.track().album().artist().name.eq(artist))
        .aggregate(|g| (g.sum(|l| l.quantity), g.sum(|l| l.unit_price)))
        .one(tx)
}

/// Which invoices of a span of days were for videos only?
///
/// ```sql
/// SELECT i.InvoiceId, i.Total FROM Invoice i
/// WHERE i.InvoiceDate BETWEEN '2022-01-01 00:00:00' AND '2022-12-31 00:00:00'
///   AND NOT EXISTS (SELECT 1 FROM InvoiceLine l JOIN Track t USING (TrackId) JOIN MediaType m USING (MediaTypeId)
///                   WHERE l.InvoiceId = i.InvoiceId AND NOT m.Name = 'Protected MPEG-4 video file')
/// ORDER BY i.InvoiceId
/// ```
pub fn video_only(tx: &Read<'_>, first: NaiveDateTime, last: NaiveDateTime) -> Rows<(Id<Invoice>, Decimal)> {
    Invoice::query()
        .filter(|i| {
            i.date.between(first, last)
                & i.lines().all(|l| l.track().media_type().name.eq("Protected MPEG-4 video file"))
        })
        .order_by(|i| i.id.asc())
        .select(|i| (i.id, i.total))
        .all(tx)
}

/// Which invoices name no state, in a country that most invoices name one for?
///
/// ```sql
/// SELECT InvoiceId, BillingCity FROM Invoice WHERE BillingState IS NULL AND BillingCountry = 'Canada'
/// UNION ALL SELECT InvoiceId, BillingCity FROM Invoice WHERE BillingState IS NOT NULL AND BillingCountry = 'Ireland'
/// ORDER BY InvoiceId
/// ```
pub fn odd_addresses(tx: &Read<'_>) -> Rows<(Id<Invoice>, Option<String>)> {
    Invoice::query()
        .filter(|i| {
            (i.billing_state.is_none() & i.billing_country.eq("Canada"))
                | (i.billing_state.is_some() & i.billing_country.eq("Ireland"))
        })
        .order_by(|i| i.id.asc())
        .select(|i| (i.id, i.billing_city))
        .all(tx)
}

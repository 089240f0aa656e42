//! Employees and customers: optional relations, a self relation, unique lookups, correlation.
#![allow(clippy::missing_errors_doc, reason = "a question fails when the file cannot be read, and only then")]

use chrono::NaiveDateTime;
use epilog::Error;
use epilog::prelude::*;

use super::{Read, Rows};
use crate::chinook::{Customer, Employee, Invoice};

/// One line of the list of staff.
#[derive(View, Clone, Debug, PartialEq)]
pub struct StaffLine {
    /// The employee's last name.
    pub name: String,
    /// What they do.
    pub title: Option<String>,
    /// The last name of the one they report to.
    pub manager: Option<String>,
    /// How many people report to them.
    pub reports: u64,
    /// How many customers they look after.
    pub customers: u64,
}

/// Who works here, for whom, and with how many people and customers to look after?
///
/// ```sql
/// SELECT e.LastName, e.Title, m.LastName,
///        (SELECT COUNT(*) FROM Employee r WHERE r.ReportsTo = e.EmployeeId),
///        (SELECT COUNT(*) FROM Customer c WHERE c.SupportRepId = e.EmployeeId)
/// FROM Employee e LEFT JOIN Employee m ON m.EmployeeId = e.ReportsTo ORDER BY e.EmployeeId
/// ```
pub fn staff(tx: &Read<'_>) -> Rows<StaffLine> {
    Employee::query()
        .order_by(|e| e.id.asc())
        .select(|e| StaffLineFields {
            name: e.last_name,
            title: e.title,
            manager: e.reports_to().last_name,
            reports: e.reports().count(),
            customers: e.customers().count(),
        })
        .all(tx)
}

/// Who reports to nobody?
///
/// ```sql
/// SELECT FirstName, LastName FROM Employee WHERE ReportsTo IS NULL
/// ```
pub fn at_the_top(tx: &Read<'_>) -> Result<(String, String), Error> {
    Employee::query().filter(|e| e.reports_to.is_none()).select(|e| (e.first_name, e.last_name)).one(tx)
}

/// Whose manager's manager is this one? Two steps along an optional relation.
///
/// ```sql
/// SELECT e.FirstName, e.LastName, m.LastName FROM Employee e JOIN Employee m ON m.EmployeeId = e.ReportsTo
/// JOIN Employee b ON b.EmployeeId = m.ReportsTo WHERE b.LastName = 'Adams' ORDER BY e.LastName, e.FirstName
/// ```
pub fn two_levels_below(tx: &Read<'_>, last_name: &str) -> Rows<(String, String, Option<String>)> {
    Employee::query()
        .filter(|e| e.reports_to().reports_to().last_name.eq(last_name))
        .order_by(|e| (e.last_name.asc(), e.first_name.asc()))
        .select(|e| (e.first_name, e.last_name, e.reports_to().last_name))
        .all(tx)
}

/// Which customers in some countries does an employee look after?
///
/// ```sql
/// SELECT c.LastName, c.Country, c.Company FROM Customer c JOIN Employee e ON e.EmployeeId = c.SupportRepId
/// WHERE e.Email = 'jane@chinookcorp.com' AND c.Country IN ('Canada', 'Germany')
/// ORDER BY c.Country, c.LastName
/// ```
pub fn customers_of(
    tx: &Read<'_>,
    rep: &str,
    countries: [&str; 2],
) -> Rows<(String, Option<String>, Option<String>)> {
    Customer::query()
        .filter(|c| c.support_rep().email.eq(rep) & c.country.in_(countries))
        .order_by(|c| (c.country.asc(), c.last_name.asc()))
        .select(|c| (c.last_name, c.country, c.company))
        .all(tx)
}

/// Who is the customer with this address, and who looks after them? Whole records, the second one optional.
///
/// ```sql
/// SELECT c.*, e.* FROM Customer c LEFT JOIN Employee e ON e.EmployeeId = c.SupportRepId
/// WHERE c.Email = 'luisg@embraer.com.br'
/// ```
pub fn customer_with_email(
    tx: &Read<'_>,
    email: &str,
) -> Result<Option<(Customer, Option<Employee>)>, Error> {
    Customer::query().filter(|c| c.email.eq(email)).select(|c| (c, c.support_rep())).first(tx)
}

/// Does anybody live in this city?
///
/// ```sql
/// SELECT EXISTS (SELECT 1 FROM Customer WHERE City = 'Prague')
/// ```
pub fn lives_in(tx: &Read<'_>, city: &str) -> Result<bool, Error> {
    Customer::query().filter(|c| c.city.eq(city)).exists(tx)
}

/// Which customers have bought a track of this genre? Three reverse and forward steps inside each other.
///
/// ```sql
/// SELECT c.FirstName, c.LastName FROM Customer c
/// WHERE EXISTS (SELECT 1 FROM Invoice i JOIN InvoiceLine l USING (InvoiceId) JOIN Track t USING (TrackId)
///               JOIN Genre g USING (GenreId) WHERE i.CustomerId = c.CustomerId AND g.Name = 'Science Fiction')
/// ORDER BY c.LastName
/// ```
pub fn buyers_of_genre(tx: &Read<'_>, genre: &str) -> Rows<(String, String)> {
    Customer::query()
        .filter(|c| c.invoices().any(|i| i.lines().any(|l| l.track().genre().name.eq(genre))))
        .order_by(|c| c.last_name.asc())
        .select(|c| (c.first_name, c.last_name))
        .all(tx)
}

/// Which customers have bought nothing since a day? A correlated subquery.
///
/// ```sql
/// SELECT c.CustomerId, c.LastName FROM Customer c
/// WHERE NOT EXISTS (SELECT 1 FROM Invoice i WHERE i.CustomerId = c.CustomerId
///                   AND i.InvoiceDate >= '2025-03-01 00:00:00')
/// ORDER BY c.CustomerId
/// ```
pub fn inactive_since(tx: &Read<'_>, day: NaiveDateTime) -> Rows<(Id<Customer>, String)> {
    Customer::query()
        .filter(|c| !c.exists::<Invoice>(|(c, i)| i.customer.eq(c.id) & i.date.ge(day)))
        .order_by(|c| c.id.asc())
        .select(|c| (c.id, c.last_name))
        .all(tx)
}

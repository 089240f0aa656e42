//! Who works in the store, and who buys.
#![allow(missing_docs, reason = "the fields are the columns of the source")]

use chrono::NaiveDateTime;
use epilog::prelude::*;

use super::Invoice;

/// Someone who works here; all but one report to somebody.
#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(reports: Employee::reports_to)]
#[has_many(customers: Customer::support_rep)]
pub struct Employee {
    pub id: Id<Employee>,
    pub last_name: String,
    pub first_name: String,
    pub title: Option<String>,
    #[on_delete(set_null)]
    pub reports_to: Option<Id<Employee>>,
    pub birth_date: Option<NaiveDateTime>,
    pub hire_date: Option<NaiveDateTime>,
    pub address: Option<String>,
    pub city: Option<String>,
    pub state: Option<String>,
    pub country: Option<String>,
    pub postal_code: Option<String>,
    pub phone: Option<String>,
    pub fax: Option<String>,
    #[unique]
    pub email: Option<String>,
}

/// Someone who buys, with the employee who looks after them.
#[derive(Collection, Clone, Debug, PartialEq)]
#[index(last_name, first_name)]
#[has_many(invoices: Invoice::customer)]
pub struct Customer {
    pub id: Id<Customer>,
    pub first_name: String,
    pub last_name: String,
    pub company: Option<String>,
    pub address: Option<String>,
    pub city: Option<String>,
    pub state: Option<String>,
    #[index]
    pub country: Option<String>,
    pub postal_code: Option<String>,
    pub phone: Option<String>,
    pub fax: Option<String>,
    #[unique]
    pub email: String,
    #[on_delete(set_null)]
    pub support_rep: Option<Id<Employee>>,
}

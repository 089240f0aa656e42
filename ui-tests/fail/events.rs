#![allow(dead_code)]

use epilog::prelude::*;

#[derive(Collection)]
pub struct Event {
    pub id: Id<Event>,
    pub name: String,
    pub on: chrono::NaiveDate,
    pub at: chrono::NaiveDateTime,
    pub price: f64,
    pub count: u32,
    pub tags: Vec<String>,
    pub data: Json,
}

//! Questions to the music store, each a function from a transaction to typed rows.
//!
//! Beside each stands the SQL that gives the same answer from `data/Chinook_Sqlite.sqlite`; the expected values of
//! `tests/chinook.rs` were obtained with it.

pub mod catalogue;
pub mod changes;
pub mod people;
pub mod playlists;
pub mod sales;

use chrono::{NaiveDate, NaiveDateTime};
use epilog::Error;
use epilog::prelude::*;

use crate::chinook::Chinook;

/// What the questions read from.
pub type Read<'db> = ReadTransaction<'db, Chinook>;

/// What most of them answer with.
pub type Rows<T> = Result<Vec<T>, Error>;

/// The first moment of a day.
///
/// # Panics
///
/// When the calendar has no such day.
pub fn day(year: i32, month: u32, day: u32) -> NaiveDateTime {
    NaiveDate::from_ymd_opt(year, month, day).expect("a day of the calendar").into()
}

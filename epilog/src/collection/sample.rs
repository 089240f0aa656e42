//! Collections for tests.

#![allow(missing_docs, dead_code, reason = "only tests see it")]

use alloc::string::String;
use alloc::vec::Vec;

use crate::{Collection, Id, View};

#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(albums: Album::artist)]
pub struct Artist {
    pub id: Id<Artist>,
    #[unique]
    pub name: String,
}

#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(tracks: Track::album)]
pub struct Album {
    pub id: Id<Album>,
    #[index]
    pub title: String,
    #[on_delete(cascade)]
    pub artist: Id<Artist>,
    pub producer: Option<Id<Artist>>,
    pub released: Option<i32>,
    pub live: bool,
}

#[derive(Collection, Clone, Debug, PartialEq)]
pub struct Track {
    pub id: Id<Track>,
    pub name: String,
    pub album: Id<Album>,
    pub milliseconds: i64,
    pub unit_price: f64,
    pub bytes: Option<i64>,
    pub composer: Option<String>,
    pub active: bool,
    pub cover: Vec<u8>,
    pub plays: u32,
    pub hidden: Option<bool>,
}

/// Related to itself.
#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(referred: Customer::referrer)]
pub struct Customer {
    pub id: Id<Customer>,
    pub name: String,
    pub referrer: Option<Id<Customer>>,
}

#[derive(Collection, Clone, Debug, PartialEq)]
pub struct Invoice {
    pub id: Id<Invoice>,
    pub customer: Id<Customer>,
    pub date: i64,
    pub paid: bool,
}

/// Its field and its relation are called like a method of every fields struct.
#[derive(Collection, Clone, Debug, PartialEq)]
pub struct Odd {
    pub id: Id<Odd>,
    pub exists: Id<Artist>,
}

/// Identified by two fields.
#[derive(Collection, Clone, Debug, PartialEq)]
#[key(customer, artist)]
pub struct Taste {
    pub customer: Id<Customer>,
    pub artist: Id<Artist>,
    pub stars: u8,
}

#[derive(View, Debug, PartialEq)]
pub struct AlbumView {
    pub title: String,
    pub producer: Option<String>,
}

epilog::schema!(pub Music { Artist, Album, Track, Customer, Invoice, Odd, Taste });

//! Collections for tests.

#![allow(missing_docs, reason = "only tests see it")]

use alloc::string::String;

use crate::{Collection, Id, View};

#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(albums: Album::artist)]
pub struct Artist {
    pub id: Id<Artist>,
    #[unique]
    pub name: String,
}

#[derive(Collection, Clone, Debug, PartialEq)]
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

#[derive(View, Debug, PartialEq)]
pub struct AlbumView {
    pub title: String,
    pub producer: Option<String>,
}

epilog::schema!(pub Music { Artist, Album });

//! What the store sells: artists, their albums, the tracks on them.
#![allow(missing_docs, reason = "the fields are the columns of the source")]

use epilog::prelude::*;
use rust_decimal::Decimal;

use super::{InvoiceLine, PlaylistTrack};

/// A band, a composer, an orchestra.
#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(albums: Album::artist)]
pub struct Artist {
    pub id: Id<Artist>,
    #[unique]
    pub name: Option<String>,
}

/// An album of one artist, who has no two of the same title.
#[derive(Collection, Clone, Debug, PartialEq)]
#[index(artist, title, unique)]
#[has_many(tracks: Track::album)]
pub struct Album {
    pub id: Id<Album>,
    #[index]
    pub title: String,
    pub artist: Id<Artist>,
}

/// A kind of music, or of television.
#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(tracks: Track::genre)]
pub struct Genre {
    pub id: Id<Genre>,
    #[unique]
    pub name: Option<String>,
}

/// The form a track is delivered in.
#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(tracks: Track::media_type)]
pub struct MediaType {
    pub id: Id<MediaType>,
    #[unique]
    pub name: Option<String>,
}

/// A piece of music or an episode, as it is sold.
#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(entries: PlaylistTrack::track)]
#[has_many(sales: InvoiceLine::track)]
pub struct Track {
    pub id: Id<Track>,
    #[index]
    pub name: String,
    pub album: Option<Id<Album>>,
    pub media_type: Id<MediaType>,
    pub genre: Option<Id<Genre>>,
    pub composer: Option<String>,
    #[index]
    pub milliseconds: i64,
    pub bytes: Option<u64>,
    pub unit_price: Decimal,
}

#![allow(dead_code)]

use epilog::prelude::*;

#[derive(Collection)]
#[has_many(albums: Album::artist)]
pub struct Artist {
    pub id: Id<Artist>,
    pub name: String,
    pub mentor: Option<Id<Artist>>,
}

#[derive(Collection)]
#[has_many(tracks: Track::album)]
pub struct Album {
    pub id: Id<Album>,
    pub title: String,
    pub artist: Id<Artist>,
}

#[derive(Collection)]
pub struct Track {
    pub id: Id<Track>,
    pub name: String,
    pub milliseconds: i64,
    pub composer: Option<String>,
    pub explicit: bool,
    pub album: Id<Album>,
    pub remix_of: Option<Id<Track>>,
}

#[derive(View)]
pub struct TrackView {
    pub name: String,
    pub milliseconds: i64,
}

#[derive(Collection)]
pub struct Playlist {
    pub id: Id<Playlist>,
    pub name: String,
}

epilog::schema!(pub Music { Artist, Album, Track });

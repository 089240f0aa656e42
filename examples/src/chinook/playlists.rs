//! Playlists, and the collection between them and the tracks.
#![allow(missing_docs, reason = "the fields are the columns of the source")]

use epilog::prelude::*;

use super::Track;

/// A named list of tracks. Several have the same name.
#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(entries: PlaylistTrack::playlist)]
pub struct Playlist {
    pub id: Id<Playlist>,
    #[index]
    pub name: Option<String>,
}

/// One track on one playlist: its key is the pair, and it goes when either of them goes.
#[derive(Collection, Clone, Debug, PartialEq)]
#[key(playlist, track)]
pub struct PlaylistTrack {
    #[on_delete(cascade)]
    pub playlist: Id<Playlist>,
    #[on_delete(cascade)]
    pub track: Id<Track>,
}

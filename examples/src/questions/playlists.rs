//! Playlists: many-to-many, through the collection between.
#![allow(clippy::missing_errors_doc, reason = "a question fails when the file cannot be read, and only then")]

use epilog::Error;
use epilog::prelude::*;
use epilog::query::Query;

use super::{Read, Rows};
use crate::chinook::{Playlist, PlaylistTrack, Track};

/// Which playlists hold a track of a genre? The query by itself, so that its plan can be shown too.
pub fn playlists_with_genre_query(genre: &str) -> Query<Playlist, (Id<Playlist>, Option<String>, u64)> {
    Playlist::query()
        .filter(|p| p.entries().any(|e| e.track().genre().name.eq(genre)))
        .order_by(|p| p.id.asc())
        .select(|p| (p.id, p.name, p.entries().count()))
}

/// Which playlists hold a track of a genre, and how many tracks are on them?
///
/// ```sql
/// SELECT p.PlaylistId, p.Name, (SELECT COUNT(*) FROM PlaylistTrack e WHERE e.PlaylistId = p.PlaylistId)
/// FROM Playlist p
/// WHERE EXISTS (SELECT 1 FROM PlaylistTrack e JOIN Track t USING (TrackId) JOIN Genre g USING (GenreId)
///               WHERE e.PlaylistId = p.PlaylistId AND g.Name = 'Jazz')
/// ORDER BY p.PlaylistId
/// ```
pub fn playlists_with_genre(tx: &Read<'_>, genre: &str) -> Rows<(Id<Playlist>, Option<String>, u64)> {
    playlists_with_genre_query(genre).all(tx)
}

/// Which tracks are on a playlist, of which album and artist?
///
/// ```sql
/// SELECT t.Name, al.Title, ar.Name FROM PlaylistTrack e JOIN Playlist p USING (PlaylistId)
/// JOIN Track t USING (TrackId) JOIN Album al USING (AlbumId) JOIN Artist ar USING (ArtistId)
/// WHERE p.Name = 'Grunge' ORDER BY t.Name
/// ```
pub fn tracks_on(tx: &Read<'_>, playlist: &str) -> Rows<(String, Option<String>, Option<String>)> {
    PlaylistTrack::query()
        .filter(|e| e.playlist().name.eq(playlist))
        .order_by(|e| e.track().name.asc())
        .select(|e| (e.track().name, e.track().album().title, e.track().album().artist().name))
        .all(tx)
}

/// Which tracks are on the most playlists?
///
/// ```sql
/// SELECT Name, (SELECT COUNT(*) FROM PlaylistTrack e WHERE e.TrackId = t.TrackId) AS playlists
/// FROM Track t WHERE playlists >= 5 ORDER BY playlists DESC, Name, TrackId
/// ```
pub fn favourites(tx: &Read<'_>) -> Rows<(String, u64)> {
    Track::query()
        .filter(|t| t.entries().count().ge(5))
        .order_by(|t| (t.entries().count().desc(), t.name.asc(), t.id.asc()))
        .select(|t| (t.name, t.entries().count()))
        .all(tx)
}

/// Which playlists are empty?
///
/// ```sql
/// SELECT * FROM Playlist p
/// WHERE NOT EXISTS (SELECT 1 FROM PlaylistTrack e WHERE e.PlaylistId = p.PlaylistId) ORDER BY p.PlaylistId
/// ```
pub fn empty_playlists(tx: &Read<'_>) -> Rows<Playlist> {
    Playlist::query().filter(|p| p.entries().count().eq(0)).order_by(|p| p.id.asc()).all(tx)
}

/// Is this track on this playlist? A lookup by compound key.
///
/// ```sql
/// SELECT COUNT(*) FROM PlaylistTrack WHERE PlaylistId = 1 AND TrackId = 3402
/// ```
pub fn is_on(tx: &Read<'_>, playlist: Id<Playlist>, track: Id<Track>) -> Result<bool, Error> {
    let entry: Option<PlaylistTrack> = tx.get((playlist, track))?;
    Ok(entry.is_some())
}

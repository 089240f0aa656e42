//! What is on sale: filters, orderings, relation paths, reverse relations, aggregates, lookups.
#![allow(clippy::missing_errors_doc, reason = "a question fails when the file cannot be read, and only then")]

use epilog::Error;
use epilog::prelude::*;
use epilog::query::Query;
use rust_decimal::Decimal;

use super::{Read, Rows};
use crate::chinook::{Album, Artist, Genre, Track};

/// Which tracks are the longest?
///
/// ```sql
/// SELECT Name, Milliseconds FROM Track ORDER BY Milliseconds DESC LIMIT 5
/// ```
pub fn longest_tracks(tx: &Read<'_>) -> Rows<(String, i64)> {
    Track::query().order_by(|t| t.milliseconds.desc()).select(|t| (t.name, t.milliseconds)).limit(5).all(tx)
}

/// Which long tracks does an artist have? The query by itself, so that its plan can be shown too.
pub fn long_tracks_query(artist: &str) -> Query<Track, (String, i64)> {
    Track::query()
        .filter(|t| t.album().artist().name.eq(artist) & t.milliseconds.gt(300_000))
        .order_by(|t| (t.milliseconds.desc(), t.name.asc()))
        .select(|t| (t.name, t.milliseconds))
        .limit(10)
}

/// Which are the ten longest tracks of an artist over five minutes?
///
/// ```sql
/// SELECT t.Name, t.Milliseconds FROM Track t JOIN Album al USING (AlbumId) JOIN Artist ar USING (ArtistId)
/// WHERE ar.Name = 'Iron Maiden' AND t.Milliseconds > 300000
/// ORDER BY t.Milliseconds DESC, t.Name LIMIT 10
/// ```
pub fn long_tracks_of(tx: &Read<'_>, artist: &str) -> Rows<(String, i64)> {
    long_tracks_query(artist).all(tx)
}

/// Which albums does an artist have, and how many tracks are on each?
///
/// ```sql
/// SELECT al.Title, (SELECT COUNT(*) FROM Track t WHERE t.AlbumId = al.AlbumId)
/// FROM Album al JOIN Artist ar USING (ArtistId) WHERE ar.Name = 'Led Zeppelin' ORDER BY al.Title
/// ```
pub fn albums_of(tx: &Read<'_>, artist: &str) -> Rows<(String, u64)> {
    Album::query()
        .filter(|al| al.artist().name.eq(artist))
        .order_by(|al| al.title.asc())
        .select(|al| (al.title, al.tracks().count()))
        .all(tx)
}

/// Which tracks begin with a word, and have a known composer?
///
/// ```sql
/// SELECT Name, Composer FROM Track WHERE Name GLOB 'Black*' AND Composer IS NOT NULL ORDER BY Name, TrackId
/// ```
pub fn tracks_beginning_with(tx: &Read<'_>, word: &str) -> Rows<(String, Option<String>)> {
    Track::query()
        .filter(|t| t.name.starts_with(word) & t.composer.is_some())
        .order_by(|t| (t.name.asc(), t.id.asc()))
        .select(|t| (t.name, t.composer))
        .all(tx)
}

/// A search form, with some of its boxes filled in.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// Part of the track's name.
    pub name: Option<String>,
    /// The genre's name.
    pub genre: Option<String>,
    /// The longest time, in milliseconds.
    pub milliseconds_max: Option<i64>,
}

/// Which tracks meet all that was asked for?
///
/// ```sql
/// SELECT t.Name FROM Track t JOIN Genre g USING (GenreId)
/// WHERE instr(t.Name, 'Love') > 0 AND g.Name = 'Blues' ORDER BY t.Name, t.TrackId
/// ```
pub fn search(tx: &Read<'_>, search: &Search) -> Rows<String> {
    Track::query()
        .filter_if(search.name.as_deref(), |t, name| t.name.contains(name))
        .filter_if(search.genre.as_deref(), |t, genre| t.genre().name.eq(genre))
        .filter_if(search.milliseconds_max, |t, longest| t.milliseconds.le(longest))
        .order_by(|t| (t.name.asc(), t.id.asc()))
        .select(|t| t.name)
        .all(tx)
}

/// Which tracks are on one page of the whole list?
///
/// ```sql
/// SELECT Name, TrackId FROM Track ORDER BY Name, TrackId LIMIT 4 OFFSET 1000
/// ```
pub fn page_of_tracks(tx: &Read<'_>, skip: u64, rows: u64) -> Rows<(String, Id<Track>)> {
    Track::query()
        .order_by(|t| (t.name.asc(), t.id.asc()))
        .select(|t| (t.name, t.id))
        .offset(skip)
        .limit(rows)
        .all(tx)
}

/// Which artists have no album here?
///
/// ```sql
/// SELECT Name FROM Artist a WHERE NOT EXISTS (SELECT 1 FROM Album al WHERE al.ArtistId = a.ArtistId) ORDER BY Name
/// ```
pub fn artists_without_albums(tx: &Read<'_>) -> Rows<Option<String>> {
    Artist::query().filter(|a| a.albums().count().eq(0)).order_by(|a| a.name.asc()).select(|a| a.name).all(tx)
}

/// Which artists have many albums?
///
/// ```sql
/// SELECT Name, (SELECT COUNT(*) FROM Album al WHERE al.ArtistId = a.ArtistId) AS albums FROM Artist a
/// WHERE albums >= 6 ORDER BY albums DESC, Name
/// ```
pub fn prolific_artists(tx: &Read<'_>, albums_min: u64) -> Rows<(Option<String>, u64)> {
    Artist::query()
        .filter(|a| a.albums().count().ge(albums_min))
        .order_by(|a| (a.albums().count().desc(), a.name.asc()))
        .select(|a| (a.name, a.albums().count()))
        .all(tx)
}

/// Which artists have at least three albums, one of them live?
///
/// ```sql
/// SELECT Name FROM Artist a
/// WHERE EXISTS (SELECT 1 FROM Album al WHERE al.ArtistId = a.ArtistId AND instr(al.Title, 'Live') > 0)
///   AND (SELECT COUNT(*) FROM Album al WHERE al.ArtistId = a.ArtistId) >= 3 ORDER BY Name
/// ```
pub fn artists_with_a_live_album(tx: &Read<'_>) -> Rows<Artist> {
    Artist::query()
        .filter(|a| a.albums().any(|al| al.title.contains("Live")) & a.albums().count().ge(3))
        .order_by(|a| a.name.asc())
        .all(tx)
}

/// In which genres does every track last longer than a quarter of an hour?
///
/// ```sql
/// SELECT Name FROM Genre g
/// WHERE NOT EXISTS (SELECT 1 FROM Track t WHERE t.GenreId = g.GenreId AND NOT t.Milliseconds > 900000)
/// ORDER BY Name
/// ```
pub fn long_winded_genres(tx: &Read<'_>) -> Rows<Option<String>> {
    Genre::query()
        .filter(|g| g.tracks().all(|t| t.milliseconds.gt(900_000)))
        .order_by(|g| g.name.asc())
        .select(|g| g.name)
        .all(tx)
}

/// The whole catalogue in one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Totals {
    /// How many tracks there are.
    pub tracks: u64,
    /// How long they play, in milliseconds.
    pub milliseconds: i64,
    /// How long one plays on average, in milliseconds.
    pub average: Option<f64>,
    /// The shortest one, in milliseconds.
    pub shortest: Option<i64>,
    /// The largest one, in bytes.
    pub largest: Option<u64>,
    /// What all of them cost together.
    pub price: Decimal,
}

/// How large is the catalogue?
///
/// ```sql
/// SELECT COUNT(*), SUM(Milliseconds), AVG(Milliseconds), MIN(Milliseconds), MAX(Bytes), ROUND(SUM(UnitPrice), 2)
/// FROM Track
/// ```
pub fn totals(tx: &Read<'_>) -> Result<Totals, Error> {
    let (tracks, milliseconds, average, shortest, largest, price) = Track::query()
        .aggregate(|g| {
            (
                g.count(),
                g.sum(|t| t.milliseconds),
                g.avg(|t| t.milliseconds),
                g.min(|t| t.milliseconds),
                g.max(|t| t.bytes),
                g.sum(|t| t.unit_price),
            )
        })
        .one(tx)?;
    Ok(Totals { tracks, milliseconds, average, shortest, largest, price })
}

/// How many tracks has nobody ever bought?
///
/// ```sql
/// SELECT COUNT(*) FROM Track t WHERE NOT EXISTS (SELECT 1 FROM InvoiceLine l WHERE l.TrackId = t.TrackId)
/// ```
pub fn unsold_tracks(tx: &Read<'_>) -> Result<u64, Error> {
    Track::query().filter(|t| t.sales().none(|line| line.quantity.ge(1))).count(tx)
}

/// Who is the artist of this name?
///
/// ```sql
/// SELECT ArtistId, Name FROM Artist WHERE Name = 'Metallica'
/// ```
pub fn artist_called(tx: &Read<'_>, name: &str) -> Result<Option<Artist>, Error> {
    Artist::query().filter(|a| a.name.eq(name)).first(tx)
}

/// Which track has this number?
///
/// ```sql
/// SELECT * FROM Track WHERE TrackId = 2820
/// ```
pub fn track(tx: &Read<'_>, id: Id<Track>) -> Result<Option<Track>, Error> {
    tx.get(id)
}

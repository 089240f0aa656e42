//! The collections and queries of the front page.

use epilog::prelude::*;
use epilog::query::Query;

#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(albums: Album::artist, produced: Album::producer)]
pub struct Artist {
    pub id: Id<Artist>,
    #[unique]
    pub name: String,
}

#[derive(Collection, Clone, Debug, PartialEq)]
#[index(artist, title, unique)]
#[has_many(tracks: Track::album)]
pub struct Album {
    pub id: Id<Album>,
    #[index]
    pub title: String,
    #[on_delete(cascade)]
    pub artist: Id<Artist>,
    pub producer: Option<Id<Artist>>,
    pub released: Option<i32>,
}

#[derive(Collection, Clone, Debug, PartialEq)]
pub struct Track {
    pub id: Id<Track>,
    pub name: String,
    pub milliseconds: i64,
    pub album: Id<Album>,
}

#[derive(View, Debug, PartialEq)]
pub struct TrackView {
    pub name: String,
    pub artist: String,
    pub producer: Option<String>,
    pub album: Album,
}

epilog::schema!(pub Music { Artist, Album, Track });

fn long<S>(t: TrackFields<S>) -> Expr<S, bool> {
    t.milliseconds.gt(300_000)
}

fn main() {
    let _: Query<Track, (String, i64)> = Track::query()
        .filter(|t| t.album().artist().name.eq("Iron Maiden") & long(t))
        .filter(long)
        .order_by(|t| (t.milliseconds.desc(), t.name.asc()))
        .select(|t| (t.name, t.milliseconds))
        .limit(10);
    let _: Query<Track, TrackView> = Track::query().select(|t| TrackViewFields {
        name: t.name,
        artist: t.album().artist().name,
        producer: t.album().producer().name,
        album: t.album(),
    });
    let _: Query<Album, Option<String>> = Album::query().select(|a| a.producer().name);
    let _ = Artist::query().filter(|a| a.albums().any(|al| al.title.contains("Live")) & a.produced().count().ge(5));
    let _ = Artist::query().filter(|a| !a.exists::<Album>(|(a, al)| al.artist.eq(a.id) & al.title.eq(a.name)));
    let _ = Album::query().update(|a| (a.title.set("Live"), a.released.set(None)));
}

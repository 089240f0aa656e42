//! Artists, albums and tracks.

use epilog::prelude::*;

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
    pub title: String,
    pub artist: Id<Artist>,
    pub year: Option<i32>,
}

#[derive(Collection, Clone, Debug, PartialEq)]
#[index(name, price)]
pub struct Track {
    pub id: Id<Track>,
    pub album: Id<Album>,
    pub name: String,
    pub seconds: i64,
    pub price: f64,
}

epilog::schema!(pub Music { Artist, Album, Track });

/// Four artists; five albums, of which one has no track; nine tracks.
pub fn fill(db: &Database<Music>) {
    let artist = |name: &str| Artist { id: Id::auto(), name: name.into() };
    let album = |title: &str, artist: u64, year| {
        let artist = Id::new(artist);
        Album { id: Id::auto(), title: title.into(), artist, year }
    };
    let track = |album: u64, name: &str, seconds: i64| {
        let (album, price) = (Id::new(album), if seconds > 300 { 1.25 } else { 0.75 });
        Track { id: Id::auto(), album, name: name.into(), seconds, price }
    };
    db.write(|tx| {
        tx.insert_all(["Iron Maiden", "Martin Birch", "Saxon", "Deep Purple"].map(artist))?;
        tx.insert_all([
            album("Killers", 1, Some(1981)),
            album("Powerslave", 1, Some(1984)),
            album("Wheels of Steel", 3, Some(1980)),
            album("In Rock", 4, Some(1970)),
            album("Live", 4, None),
        ])?;
        tx.insert_all([
            track(1, "The Ides of March", 106),
            track(1, "Wrathchild", 174),
            track(2, "Aces High", 269),
            track(2, "2 Minutes to Midnight", 364),
            track(2, "Rime of the Ancient Mariner", 825),
            track(3, "Motorcycle Man", 237),
            track(3, "747 (Strangers in the Night)", 293),
            track(4, "Speed King", 349),
            track(4, "Child in Time", 618),
        ])
    })
    .expect("records");
}

pub fn music() -> Database<Music> {
    let db = Music::in_memory().expect("a database");
    fill(&db);
    db
}

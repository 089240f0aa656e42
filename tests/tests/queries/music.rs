//! Artists, albums and tracks: the records that most claims are made about.

use epilog::prelude::*;

#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(albums: Album::artist, produced: Album::producer, pupils: Artist::teacher)]
pub struct Artist {
    pub id: Id<Artist>,
    #[unique]
    pub name: String,
    pub teacher: Option<Id<Artist>>,
}

#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(tracks: Track::album)]
#[index(artist, year)]
pub struct Album {
    pub id: Id<Album>,
    #[index]
    pub title: String,
    #[on_delete(cascade)]
    pub artist: Id<Artist>,
    #[on_delete(set_null)]
    pub producer: Option<Id<Artist>>,
    pub year: Option<i32>,
}

#[derive(Collection, Clone, Debug, PartialEq)]
#[index(album, position, unique)]
pub struct Track {
    pub id: Id<Track>,
    #[on_delete(cascade)]
    pub album: Id<Album>,
    pub position: u16,
    pub name: String,
    #[index]
    pub seconds: u32,
    pub price: f64,
    pub bytes: Option<i64>,
}

/// Sales keep their track from being deleted.
#[derive(Collection, Clone, Debug, PartialEq)]
pub struct Sale {
    pub id: Id<Sale>,
    pub track: Id<Track>,
    pub amount: i64,
}

epilog::schema!(pub Music { Artist, Album, Track, Sale });

pub fn artist(number: u64, name: &str, teacher: Option<u64>) -> Artist {
    Artist { id: Id::new(number), name: name.into(), teacher: teacher.map(Id::new) }
}

pub fn album(number: u64, title: &str, artist: u64, producer: Option<u64>, year: Option<i32>) -> Album {
    let (artist, producer) = (Id::new(artist), producer.map(Id::new));
    Album { id: Id::new(number), title: title.into(), artist, producer, year }
}

pub fn track(number: u64, album: u64, position: u16, name: &str, seconds: u32) -> Track {
    let bytes = (!number.is_multiple_of(3)).then_some(number as i64 * 1000);
    let price = if seconds > 300 { 1.25 } else { 0.75 };
    Track { id: Id::new(number), album: Id::new(album), position, name: name.into(), seconds, price, bytes }
}

/// Four artists, of whom one has no album; five albums, of which one has no track; nine tracks; two sales.
pub fn music() -> Database<Music> {
    let db = Music::in_memory().expect("a database");
    db.write(|tx| {
        tx.insert_all([
            artist(1, "Iron Maiden", None),
            artist(2, "Martin Birch", Some(4)),
            artist(3, "Saxon", Some(1)),
            artist(4, "Deep Purple", Some(4)),
        ])?;
        tx.insert_all([
            album(1, "Killers", 1, Some(2), Some(1981)),
            album(2, "Powerslave", 1, Some(2), Some(1984)),
            album(3, "Wheels of Steel", 3, None, Some(1980)),
            album(4, "In Rock", 4, Some(4), Some(1970)),
            album(5, "Live", 4, None, None),
        ])?;
        tx.insert_all([
            track(1, 1, 1, "The Ides of March", 106),
            track(2, 1, 2, "Wrathchild", 174),
            track(3, 2, 1, "Aces High", 269),
            track(4, 2, 2, "2 Minutes to Midnight", 364),
            track(5, 2, 8, "Rime of the Ancient Mariner", 825),
            track(6, 3, 1, "Motorcycle Man", 237),
            track(7, 3, 2, "747 (Strangers in the Night)", 293),
            track(8, 4, 1, "Speed King", 349),
            track(9, 4, 3, "Child in Time", 618),
        ])?;
        tx.insert(&Sale { id: Id::auto(), track: Id::new(5), amount: 3 })?;
        tx.insert(&Sale { id: Id::auto(), track: Id::new(9), amount: -1 })?;
        Ok(())
    })
    .expect("records");
    db
}

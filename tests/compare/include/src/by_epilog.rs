//! By Epilog.

use epilog::prelude::*;

use super::{Answer, Outcome};

#[derive(Collection, Clone, Debug)]
#[has_many(tracks: Track::album)]
pub struct Album {
    pub id: Id<Album>,
    pub title: String,
}

#[derive(Collection, Clone, Debug)]
pub struct Track {
    pub id: Id<Track>,
    pub name: String,
    pub album: Id<Album>,
    pub milliseconds: i64,
}

epilog::schema!(pub Music { Album, Track });

pub fn load(titles: &[String], tracks: &[(String, i64, i64)]) -> Outcome<Database<Music>> {
    let db = Music::in_memory()?;
    db.write(|tx| {
        for title in titles {
            tx.insert(&Album { id: Id::auto(), title: title.clone() })?;
        }
        for (name, album, milliseconds) in tracks {
            let album = Id::new(*album as u64);
            tx.insert(&Track { id: Id::auto(), name: name.clone(), album, milliseconds: *milliseconds })?;
        }
        Ok(())
    })?;
    Ok(db)
}

pub fn ask(tx: &ReadTransaction<'_, Music>) -> Outcome<Vec<(Album, Vec<Track>)>> {
    Ok(Album::query().with(|al| al.tracks()).all(tx)?)
}

pub fn answer(found: Vec<(Album, Vec<Track>)>) -> Answer {
    let of_track = |track: Track| (track.name, track.milliseconds);
    let of_album =
        |(album, tracks): (Album, Vec<Track>)| (album.title, tracks.into_iter().map(of_track).collect());
    found.into_iter().map(of_album).collect()
}

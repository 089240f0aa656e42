//! By Diesel.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::{Answer, Outcome};

diesel::table! {
    albums (id) {
        id -> BigInt,
        title -> Text,
    }
}
diesel::table! {
    tracks (id) {
        id -> BigInt,
        name -> Text,
        album_id -> BigInt,
        milliseconds -> BigInt,
    }
}

#[derive(Queryable, Selectable, Identifiable, Insertable, Debug, PartialEq)]
#[diesel(table_name = albums)]
pub struct Album {
    pub id: i64,
    pub title: String,
}

#[derive(Queryable, Selectable, Identifiable, Associations, Insertable, Debug, PartialEq)]
#[diesel(table_name = tracks)]
#[diesel(belongs_to(Album))]
pub struct Track {
    pub id: i64,
    pub name: String,
    pub album_id: i64,
    pub milliseconds: i64,
}

pub fn load(titles: &[String], tracks: &[(String, i64, i64)]) -> Outcome<SqliteConnection> {
    let mut connection = SqliteConnection::establish(":memory:")?;
    connection.batch_execute(
        "CREATE TABLE albums (id INTEGER PRIMARY KEY, title TEXT NOT NULL);
         CREATE TABLE tracks (id INTEGER PRIMARY KEY, name TEXT NOT NULL, album_id INTEGER NOT NULL REFERENCES albums,
             milliseconds INTEGER NOT NULL);
         CREATE INDEX tracks_album ON tracks (album_id);",
    )?;
    connection.transaction(|connection| {
        for (title, id) in titles.iter().zip(1..) {
            diesel::insert_into(albums::table)
                .values(Album { id, title: title.clone() })
                .execute(connection)?;
        }
        for ((name, album_id, milliseconds), id) in tracks.iter().zip(1..) {
            let (name, album_id, milliseconds) = (name.clone(), *album_id, *milliseconds);
            let track = Track { id, name, album_id, milliseconds };
            diesel::insert_into(tracks::table).values(track).execute(connection)?;
        }
        QueryResult::Ok(())
    })?;
    connection.batch_execute("ANALYZE;")?;
    Ok(connection)
}

pub fn ask(connection: &mut SqliteConnection) -> Outcome<Vec<(Album, Vec<Track>)>> {
    let albums = albums::table.order(albums::id).select(Album::as_select()).load(connection)?;
    let tracks = Track::belonging_to(&albums)
        .order(tracks::id)
        .select(Track::as_select())
        .load(connection)?
        .grouped_by(&albums);
    Ok(albums.into_iter().zip(tracks).collect())
}

pub fn answer(found: Vec<(Album, Vec<Track>)>) -> Answer {
    let of_track = |track: Track| (track.name, track.milliseconds);
    let of_album =
        |(album, tracks): (Album, Vec<Track>)| (album.title, tracks.into_iter().map(of_track).collect());
    found.into_iter().map(of_album).collect()
}

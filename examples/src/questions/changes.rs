//! Changes: set-based updates and deletions, constraints, a savepoint that is rolled back, a file opened again.
//!
//! Each takes the database it changes; the SQL runs inside a transaction on a copy.
#![allow(
    clippy::missing_errors_doc,
    reason = "a change fails when the file cannot be read or written; what the data forbids is part of the answer"
)]

use std::path::Path;

use epilog::Error;
use epilog::prelude::*;
use rust_decimal::Decimal;

use super::Rows;
use crate::chinook::{
    Album, Artist, Chinook, Customer, Employee, Genre, Invoice, InvoiceLine, MediaType, Playlist,
    PlaylistTrack, Track,
};

/// Raises the prices of a genre by a tenth: how many records changed, and the sum of the new prices.
///
/// ```sql
/// UPDATE Track SET UnitPrice = UnitPrice * 1.1
/// WHERE GenreId = (SELECT GenreId FROM Genre WHERE Name = 'Classical');
/// SELECT changes();
/// SELECT ROUND(SUM(UnitPrice), 3) FROM Track JOIN Genre USING (GenreId) WHERE Genre.Name = 'Classical'
/// ```
pub fn raise_prices(db: &Database<Chinook>, genre: &str) -> Result<(u64, Decimal), Error> {
    db.write(|tx| {
        let changed = Track::query()
            .filter(|t| t.genre().name.eq(genre))
            .update(|t| t.unit_price.set(t.unit_price * Decimal::new(11, 1)))
            .run(tx)?;
        let (sum,) = Track::query()
            .filter(|t| t.genre().name.eq(genre))
            .aggregate(|g| (g.sum(|t| t.unit_price),))
            .one(&*tx)?;
        Ok((changed, sum))
    })
}

/// Deletes all playlists of a name; their entries go with them. How many playlists went, and how many entries remain.
///
/// ```sql
/// DELETE FROM PlaylistTrack WHERE PlaylistId IN (SELECT PlaylistId FROM Playlist WHERE Name = 'Music');
/// DELETE FROM Playlist WHERE Name = 'Music';
/// SELECT changes();
/// SELECT COUNT(*) FROM PlaylistTrack
/// ```
pub fn delete_playlists(db: &Database<Chinook>, name: &str) -> Result<(u64, u64), Error> {
    db.write(|tx| {
        let deleted = Playlist::query().filter(|p| p.name.eq(name)).delete().run(tx)?;
        let remaining = PlaylistTrack::query().count(&*tx)?;
        Ok((deleted, remaining))
    })
}

/// An employee leaves: their customers stay, with nobody to look after them. How many such customers there are then.
///
/// ```sql
/// UPDATE Customer SET SupportRepId = NULL
/// WHERE SupportRepId = (SELECT EmployeeId FROM Employee WHERE Email = 'steve@chinookcorp.com');
/// DELETE FROM Employee WHERE Email = 'steve@chinookcorp.com';
/// SELECT COUNT(*) FROM Customer WHERE SupportRepId IS NULL
/// ```
pub fn employee_leaves(db: &Database<Chinook>, email: &str) -> Result<u64, Error> {
    db.write(|tx| {
        Employee::query().filter(|e| e.email.eq(email)).delete().run(tx)?;
        Customer::query().filter(|c| c.support_rep.is_none()).count(&*tx)
    })
}

/// Tries to delete an artist whose albums are still here. The message of the refusal.
pub fn delete_artist_with_albums(db: &Database<Chinook>, name: &str) -> Result<Option<String>, Error> {
    let refused = db.write(|tx| Artist::query().filter(|a| a.name.eq(name)).delete().run(tx));
    Ok(refused.err().map(|error| error.to_string()))
}

/// What an import that fails in its middle leaves behind.
#[derive(Clone, Debug, PartialEq)]
pub struct Import {
    /// Artists before.
    pub before: u64,
    /// Artists inside the savepoint, just before it failed.
    pub inside: u64,
    /// Artists after the commit: those before, and the one that was inserted outside the savepoint.
    pub after: u64,
    /// Why the savepoint was rolled back.
    pub reason: String,
}

/// Imports two new artists and then one whose name is taken, in a savepoint. The savepoint is rolled back, the
/// transaction around it goes on and commits.
///
/// ```sql
/// SELECT COUNT(*) FROM Artist; BEGIN; SAVEPOINT import;
/// INSERT INTO Artist VALUES (276, 'Nina Simone'), (277, 'Miriam Makeba'); SELECT COUNT(*) FROM Artist;
/// ROLLBACK TO import; INSERT INTO Artist VALUES (278, 'Cesária Évora'); COMMIT; SELECT COUNT(*) FROM Artist
/// ```
pub fn failing_import(db: &Database<Chinook>) -> Result<Import, Error> {
    let artist = |name: &str| Artist { id: Id::auto(), name: Some(name.into()) };
    let before = Artist::query().count(db)?;
    let (inside, reason) = db.write(|tx| {
        let mut inside = 0;
        let import = tx.savepoint(|sp| {
            sp.insert(&artist("Nina Simone"))?;
            sp.insert(&artist("Miriam Makeba"))?;
            inside = Artist::query().count(&*sp)?;
            sp.insert(&artist("AC/DC"))?;
            Ok(())
        });
        let reason = import.err().map_or_else(String::new, |error: Error| error.to_string());
        tx.insert(&artist("Cesária Évora"))?;
        Ok((inside, reason))
    })?;
    Ok(Import { before, inside, after: Artist::query().count(db)?, reason })
}

/// Corrects one record by reading it, changing the struct and writing it back. What the file then holds.
///
/// ```sql
/// UPDATE Album SET Title = 'Led Zeppelin IV' WHERE AlbumId = 131;
/// SELECT Title, ArtistId FROM Album WHERE AlbumId = 131
/// ```
pub fn retitle(db: &Database<Chinook>, id: Id<Album>, title: &str) -> Result<Option<Album>, Error> {
    db.write(|tx| {
        let album: Option<Album> = tx.get(id)?;
        if let Some(mut album) = album {
            album.title = title.into();
            tx.update(&album)?;
        }
        tx.get(id)
    })
}

/// How many records each collection holds, in the order of the schema.
///
/// ```sql
/// SELECT COUNT(*) FROM Artist -- and so on
/// ```
pub fn counts(db: &Database<Chinook>) -> Rows<(&'static str, u64)> {
    let tx = db.read()?;
    Ok(vec![
        ("Artist", Artist::query().count(&tx)?),
        ("Album", Album::query().count(&tx)?),
        ("Genre", Genre::query().count(&tx)?),
        ("MediaType", MediaType::query().count(&tx)?),
        ("Track", Track::query().count(&tx)?),
        ("Playlist", Playlist::query().count(&tx)?),
        ("PlaylistTrack", PlaylistTrack::query().count(&tx)?),
        ("Employee", Employee::query().count(&tx)?),
        ("Customer", Customer::query().count(&tx)?),
        ("Invoice", Invoice::query().count(&tx)?),
        ("InvoiceLine", InvoiceLine::query().count(&tx)?),
    ])
}

/// Opens the file again and counts: what was committed is there.
pub fn reopened(path: &Path) -> Rows<(&'static str, u64)> {
    let db = Chinook::open(path)?;
    counts(&db)
}

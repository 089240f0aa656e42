//! From `data/ChinookData.json` into a database: parse all rows, then insert all tables in one transaction.
//!
//! The JSON holds an empty string where the tables hold `NULL`, prices as JSON numbers, and dates as ISO 8601 text
//! without a zone. The row structs below undo each of these at the edge; past it there are only the collections.

use std::path::{Path, PathBuf};
use std::{fs, io};

use chrono::NaiveDateTime;
use epilog::Error;
use epilog::prelude::*;
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, de};

use super::{
    Album, Artist, Chinook, Customer, Employee, Genre, Invoice, InvoiceLine, MediaType, Playlist,
    PlaylistTrack, Track,
};

/// The rows of the source, as collections' records.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the tables, by their names")]
pub struct Source {
    pub artists: Vec<Artist>,
    pub albums: Vec<Album>,
    pub genres: Vec<Genre>,
    pub media_types: Vec<MediaType>,
    pub tracks: Vec<Track>,
    pub playlists: Vec<Playlist>,
    pub playlist_tracks: Vec<PlaylistTrack>,
    pub employees: Vec<Employee>,
    pub customers: Vec<Customer>,
    pub invoices: Vec<Invoice>,
    pub invoice_lines: Vec<InvoiceLine>,
}

/// The source's file cannot be read, or is not what it should be.
#[derive(Debug)]
pub struct SourceError {
    path: PathBuf,
    cause: io::Error,
}

impl std::fmt::Display for SourceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot read the rows in {}", self.path.display())
    }
}

impl std::error::Error for SourceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

impl Source {
    /// Reads the copy that lies beside this crate, `examples/data/ChinookData.json`.
    ///
    /// # Errors
    ///
    /// When the file is not there any more, or was changed to something else.
    pub fn read() -> Result<Source, SourceError> {
        Source::read_from(&Path::new(env!("CARGO_MANIFEST_DIR")).join("data/ChinookData.json"))
    }

    /// Reads the JSON file at `path`.
    ///
    /// # Errors
    ///
    /// When `path` cannot be read, is not JSON, or a table or column is missing or of another type; the cause says
    /// the line.
    pub fn read_from(path: &Path) -> Result<Source, SourceError> {
        let tables: Result<Tables, io::Error> =
            fs::read(path).and_then(|bytes| serde_json::from_slice(&bytes).map_err(io::Error::from));
        tables.map(Source::from).map_err(|cause| SourceError { path: path.to_owned(), cause })
    }

    /// How many rows there are in all tables.
    pub fn rows(&self) -> usize {
        self.artists.len()
            + self.albums.len()
            + self.genres.len()
            + self.media_types.len()
            + self.tracks.len()
            + self.playlists.len()
            + self.playlist_tracks.len()
            + self.employees.len()
            + self.customers.len()
            + self.invoices.len()
            + self.invoice_lines.len()
    }
}

/// Inserts every row of `source`, what is pointed at before what points. The ids are those of the source.
///
/// # Errors
///
/// When the database already holds one of the ids or unique values, or the change cannot be written.
pub fn load(tx: &mut WriteTransaction<'_, Chinook>, source: Source) -> Result<(), Error> {
    tx.insert_all(source.artists)?;
    tx.insert_all(source.albums)?;
    tx.insert_all(source.genres)?;
    tx.insert_all(source.media_types)?;
    tx.insert_all(source.tracks)?;
    tx.insert_all(source.playlists)?;
    tx.insert_all(source.playlist_tracks)?;
    // A manager's id is lower than those of the people who report to them.
    tx.insert_all(source.employees)?;
    tx.insert_all(source.customers)?;
    tx.insert_all(source.invoices)?;
    tx.insert_all(source.invoice_lines)?;
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tables {
    artist: Vec<ArtistRow>,
    album: Vec<AlbumRow>,
    genre: Vec<GenreRow>,
    media_type: Vec<MediaTypeRow>,
    track: Vec<TrackRow>,
    playlist: Vec<PlaylistRow>,
    playlist_track: Vec<PlaylistTrackRow>,
    employee: Vec<EmployeeRow>,
    customer: Vec<CustomerRow>,
    invoice: Vec<InvoiceRow>,
    invoice_line: Vec<InvoiceLineRow>,
}

impl From<Tables> for Source {
    fn from(tables: Tables) -> Source {
        fn records<R: Into<C>, C>(rows: Vec<R>) -> Vec<C> {
            rows.into_iter().map(Into::into).collect()
        }
        Source {
            artists: records(tables.artist),
            albums: records(tables.album),
            genres: records(tables.genre),
            media_types: records(tables.media_type),
            tracks: records(tables.track),
            playlists: records(tables.playlist),
            playlist_tracks: records(tables.playlist_track),
            employees: records(tables.employee),
            customers: records(tables.customer),
            invoices: records(tables.invoice),
            invoice_lines: records(tables.invoice_line),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ArtistRow {
    artist_id: u64,
    #[serde(deserialize_with = "text")]
    name: Option<String>,
}

impl From<ArtistRow> for Artist {
    fn from(row: ArtistRow) -> Artist {
        Artist { id: Id::new(row.artist_id), name: row.name }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AlbumRow {
    album_id: u64,
    title: String,
    artist_id: u64,
}

impl From<AlbumRow> for Album {
    fn from(row: AlbumRow) -> Album {
        Album { id: Id::new(row.album_id), title: row.title, artist: Id::new(row.artist_id) }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GenreRow {
    genre_id: u64,
    #[serde(deserialize_with = "text")]
    name: Option<String>,
}

impl From<GenreRow> for Genre {
    fn from(row: GenreRow) -> Genre {
        Genre { id: Id::new(row.genre_id), name: row.name }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MediaTypeRow {
    media_type_id: u64,
    #[serde(deserialize_with = "text")]
    name: Option<String>,
}

impl From<MediaTypeRow> for MediaType {
    fn from(row: MediaTypeRow) -> MediaType {
        MediaType { id: Id::new(row.media_type_id), name: row.name }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TrackRow {
    track_id: u64,
    name: String,
    album_id: Option<u64>,
    media_type_id: u64,
    genre_id: Option<u64>,
    #[serde(deserialize_with = "text")]
    composer: Option<String>,
    milliseconds: i64,
    bytes: Option<u64>,
    #[serde(deserialize_with = "money")]
    unit_price: Decimal,
}

impl From<TrackRow> for Track {
    fn from(row: TrackRow) -> Track {
        Track {
            id: Id::new(row.track_id),
            name: row.name,
            album: row.album_id.map(Id::new),
            media_type: Id::new(row.media_type_id),
            genre: row.genre_id.map(Id::new),
            composer: row.composer,
            milliseconds: row.milliseconds,
            bytes: row.bytes,
            unit_price: row.unit_price,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PlaylistRow {
    playlist_id: u64,
    #[serde(deserialize_with = "text")]
    name: Option<String>,
}

impl From<PlaylistRow> for Playlist {
    fn from(row: PlaylistRow) -> Playlist {
        Playlist { id: Id::new(row.playlist_id), name: row.name }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PlaylistTrackRow {
    playlist_id: u64,
    track_id: u64,
}

impl From<PlaylistTrackRow> for PlaylistTrack {
    fn from(row: PlaylistTrackRow) -> PlaylistTrack {
        PlaylistTrack { playlist: Id::new(row.playlist_id), track: Id::new(row.track_id) }
    }
}

/// The columns that employees and customers share.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Contact {
    #[serde(deserialize_with = "text")]
    address: Option<String>,
    #[serde(deserialize_with = "text")]
    city: Option<String>,
    #[serde(deserialize_with = "text")]
    state: Option<String>,
    #[serde(deserialize_with = "text")]
    country: Option<String>,
    #[serde(deserialize_with = "text")]
    postal_code: Option<String>,
    #[serde(deserialize_with = "text")]
    phone: Option<String>,
    #[serde(deserialize_with = "text")]
    fax: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EmployeeRow {
    employee_id: u64,
    last_name: String,
    first_name: String,
    #[serde(deserialize_with = "text")]
    title: Option<String>,
    reports_to: Option<u64>,
    birth_date: Option<Moment>,
    hire_date: Option<Moment>,
    #[serde(flatten)]
    contact: Contact,
    #[serde(deserialize_with = "text")]
    email: Option<String>,
}

impl From<EmployeeRow> for Employee {
    fn from(row: EmployeeRow) -> Employee {
        Employee {
            id: Id::new(row.employee_id),
            last_name: row.last_name,
            first_name: row.first_name,
            title: row.title,
            reports_to: row.reports_to.map(Id::new),
            birth_date: row.birth_date.map(|text| text.0),
            hire_date: row.hire_date.map(|text| text.0),
            address: row.contact.address,
            city: row.contact.city,
            state: row.contact.state,
            country: row.contact.country,
            postal_code: row.contact.postal_code,
            phone: row.contact.phone,
            fax: row.contact.fax,
            email: row.email,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CustomerRow {
    customer_id: u64,
    first_name: String,
    last_name: String,
    #[serde(deserialize_with = "text")]
    company: Option<String>,
    #[serde(flatten)]
    contact: Contact,
    email: String,
    support_rep_id: Option<u64>,
}

impl From<CustomerRow> for Customer {
    fn from(row: CustomerRow) -> Customer {
        Customer {
            id: Id::new(row.customer_id),
            first_name: row.first_name,
            last_name: row.last_name,
            company: row.company,
            address: row.contact.address,
            city: row.contact.city,
            state: row.contact.state,
            country: row.contact.country,
            postal_code: row.contact.postal_code,
            phone: row.contact.phone,
            fax: row.contact.fax,
            email: row.email,
            support_rep: row.support_rep_id.map(Id::new),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InvoiceRow {
    invoice_id: u64,
    customer_id: u64,
    invoice_date: Moment,
    #[serde(deserialize_with = "text")]
    billing_address: Option<String>,
    #[serde(deserialize_with = "text")]
    billing_city: Option<String>,
    #[serde(deserialize_with = "text")]
    billing_state: Option<String>,
    #[serde(deserialize_with = "text")]
    billing_country: Option<String>,
    #[serde(deserialize_with = "text")]
    billing_postal_code: Option<String>,
    #[serde(deserialize_with = "money")]
    total: Decimal,
}

impl From<InvoiceRow> for Invoice {
    fn from(row: InvoiceRow) -> Invoice {
        Invoice {
            id: Id::new(row.invoice_id),
            customer: Id::new(row.customer_id),
            date: row.invoice_date.0,
            billing_address: row.billing_address,
            billing_city: row.billing_city,
            billing_state: row.billing_state,
            billing_country: row.billing_country,
            billing_postal_code: row.billing_postal_code,
            total: row.total,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InvoiceLineRow {
    invoice_line_id: u64,
    invoice_id: u64,
    track_id: u64,
    #[serde(deserialize_with = "money")]
    unit_price: Decimal,
    quantity: u32,
}

impl From<InvoiceLineRow> for InvoiceLine {
    fn from(row: InvoiceLineRow) -> InvoiceLine {
        InvoiceLine {
            id: Id::new(row.invoice_line_id),
            invoice: Id::new(row.invoice_id),
            track: Id::new(row.track_id),
            unit_price: row.unit_price,
            quantity: row.quantity,
        }
    }
}

/// Text that may be absent: the source writes that as an empty string.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::deserialize(deserializer)?.filter(|text: &String| !text.is_empty()))
}

/// A price with two digits after the point. The number's shortest text has the digits that were meant; its binary
/// value does not.
fn money<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
    let mut price: Decimal =
        serde_json::Number::deserialize(deserializer)?.to_string().parse().map_err(de::Error::custom)?;
    price.rescale(2);
    Ok(price)
}

/// A date and time as `2021-01-01T00:00:00`.
struct Moment(NaiveDateTime);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Moment).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_rows_are_read_and_empty_strings_are_absent() {
        let source = Source::read().unwrap();
        assert_eq!(source.rows(), 15_607);
        assert_eq!(source.tracks.iter().filter(|track| track.composer.is_none()).count(), 977);
        assert_eq!(source.customers.iter().filter(|customer| customer.company.is_none()).count(), 49);
    }

    #[test]
    fn prices_are_exact_to_the_cent() {
        let source = Source::read().unwrap();
        let total: Decimal = source.invoices.iter().map(|invoice| invoice.total).sum();
        assert_eq!(total, Decimal::new(232_860, 2));
    }
}

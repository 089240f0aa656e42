//! The Chinook music store: eleven collections, their relations, and how they are loaded.
//!
//! The structs follow the tables of the source (`data/SOURCE.md`) one to one. A field is an `Option` exactly where its
//! column may be `NULL`; money is [`Decimal`](rust_decimal::Decimal); the relation fields drop the `Id` of their column,
//! so that `track.album` is the id and, in a query, `track.album()` the album.

mod load;
mod music;
mod people;
mod playlists;
mod sales;

pub use load::{Source, SourceError, load};
pub use music::{Album, Artist, Genre, MediaType, Track};
pub use people::{Customer, Employee};
pub use playlists::{Playlist, PlaylistTrack};
pub use sales::{Invoice, InvoiceLine};

epilog::schema!(pub Chinook {
    Artist,
    Album,
    Genre,
    MediaType,
    Track,
    Playlist,
    PlaylistTrack,
    Employee,
    Customer,
    Invoice,
    InvoiceLine,
});

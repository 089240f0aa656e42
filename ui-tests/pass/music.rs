//! The collections of the front page.
use epilog::{Collection, Id, View};

#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(albums: Album::artist)]
pub struct Artist {
    pub id: Id<Artist>,
    #[unique]
    pub name: String,
}

#[derive(Collection, Clone, Debug, PartialEq)]
#[index(artist, title, unique)]
pub struct Album {
    pub id: Id<Album>,
    #[index]
    pub title: String,
    #[on_delete(cascade)]
    pub artist: Id<Artist>,
    pub producer: Option<Id<Artist>>,
    #[default(Some(3))]
    pub released: Option<i32>,
}

#[derive(View)]
pub struct AlbumView {
    pub title: String,
    pub producer: Option<String>,
}

epilog::schema!(pub Music { Artist, Album });

fn main() {}

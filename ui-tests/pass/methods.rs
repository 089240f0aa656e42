//! The user's own functions have the names of ours.
#![deny(warnings)]

use epilog::prelude::*;

#[derive(Collection, Clone, Debug, Default, PartialEq)]
pub struct Song {
    pub id: Id<Song>,
    pub name: String,
}

impl Song {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn id(&self) -> u64 {
        self.id.get()
    }

    pub fn key(&self) -> &'static str {
        "mine"
    }

    pub fn schema() -> &'static str {
        "mine"
    }

    pub fn query() -> &'static str {
        "mine"
    }

    pub fn encode(&self) -> &'static str {
        "mine"
    }

    pub fn decode() -> &'static str {
        "mine"
    }
}

fn main() {
    let song = Song { name: "Aces High".into(), ..Song::default() };
    assert_eq!((song.name(), song.id(), song.key(), song.encode()), ("Aces High", 0, "mine", "mine"));
    assert_eq!((Song::schema(), Song::query(), Song::decode()), ("mine", "mine", "mine"));
    assert_eq!(<Song as Collection>::key(&song), Id::auto());
    assert_eq!(<Song as Collection>::schema().name, "Song");
    let _ = <Song as Collection>::query().filter(|s| s.name.eq("Aces High"));
}

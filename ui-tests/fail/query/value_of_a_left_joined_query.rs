#[path = "../models.rs"]
mod models;
use epilog::prelude::*;
use models::*;

fn main() {
    let lengths = Track::query().group_by(|t| t.album).select(|g| (g.key(), g.count()));
    let counted = Album::query().left_join_query(lengths, |(al, (album, _))| al.id.eq(album));
    let _: Query<_, u64> = counted.select(|(_, (_, count))| count);
}

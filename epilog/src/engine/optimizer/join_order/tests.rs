//! Which order joins and lookups are put in, and how many pairs of sets are looked at for it.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::region::Region;
use super::{Measure, Survey, region};
use crate::engine::estimate::{KeyRange, Statistics};
use crate::engine::fixture::{self as f, DraftBuilder, draft, field, inner, int, text, through};
use crate::engine::logical::{Expr, Limit, Node, Purpose, Scan, Slot, SlotDef, SortTerm, Window, lower};
use crate::engine::optimizer::tests::before_and_after;
use crate::engine::optimizer::{RuleSet, optimize};
use crate::expr::BinaryOp::{And, Eq, Gt};
use crate::expr::{
    AggregateFunction, Clause, Frame, JoinKind, OrderTerm, Postfix, Quantifier, WindowFunction, WindowItem,
};
use crate::parts::Whole;
use crate::schema::{CollectionDef, IndexDef};
use crate::value::Type;

const BEFORE: &[&str] =
    &["split_conjuncts", "key_through_relation", "join_filters", "decorrelate", "push_filters"];

fn ordered(draft: DraftBuilder) -> (String, String) {
    before_and_after(&draft.build(), "join_order", BEFORE)
}

fn counted(draft: DraftBuilder) -> DraftBuilder {
    draft.aggregate([(AggregateFunction::Count, None)])
}

fn join(
    draft: DraftBuilder,
    collection: fn() -> &'static crate::schema::CollectionSchema,
    on: Postfix,
) -> DraftBuilder {
    f::join(draft, collection, on, JoinKind::Inner)
}

#[test]
fn what_is_looked_up_and_searched_for_comes_first() {
    let saxon = through(&[f::track::ALBUM, f::album::ARTIST], f::artist::NAME).binary(Eq, text("Saxon"));
    let (before, after) = ordered(counted(draft(f::Track).filter(saxon)));
    assert_eq!(
        before,
        "project [count]\n  aggregate count\n    filter album.artist.name = \"Saxon\"\n      lookup Artist by album.artist\n        \
         lookup Album by album\n          scan Track"
    );
    assert_eq!(
        after,
        "project [count]\n  aggregate count\n    join Track on album = album.id\n      join Album on album.artist = album.artist.id\n        \
         filter album.artist.name = \"Saxon\"\n          scan Artist"
    );
}

#[test]
fn what_is_looked_up_together_may_be_found_out_first() {
    // A third of the artists is too much to begin with. Those of their albums are marked, and tracks of others dropped.
    let by = through(&[f::track::ALBUM, f::album::ARTIST], f::artist::NAME).binary(Gt, text("S"));
    let (_, after) = ordered(counted(draft(f::Track).filter(by)));
    assert_eq!(
        after,
        "project [count]\n  aggregate count\n    filter album.artist.name > \"S\"\n      lookup Artist by album.artist\n        \
         lookup Album by album\n          scan Track"
    );
}

#[test]
fn an_order_that_somebody_sees_is_kept() {
    let saxon = || through(&[f::track::ALBUM, f::album::ARTIST], f::artist::NAME).binary(Eq, text("Saxon"));
    let (before, after) = ordered(draft(f::Track).filter(saxon()));
    assert_eq!(before, after);
    let (before, after) = ordered(counted(draft(f::Track).filter(saxon()).limit(5)));
    assert_eq!(before, after);
    // What is distinct comes as the first rows do that have it.
    let name = || Vec::from([through(&[f::track::ALBUM, f::album::ARTIST], f::artist::NAME)]);
    let tracks = || draft(f::Track).filter(saxon());
    let sorted = tracks().order_by(field(f::track::PRICE), false).select(name()).clause(Clause::Distinct);
    let (before, after) = ordered(sorted);
    assert_eq!(before, after);
    let (before, after) = ordered(tracks().select(name()).clause(Clause::Distinct));
    assert_ne!(before, after);
}

/// Artists, beside their albums, beside the tracks of these.
fn of_artists() -> DraftBuilder {
    let of_artist = inner(1, f::album::ARTIST).binary(Eq, field(f::artist::ID));
    let of_album = inner(2, f::track::ALBUM).binary(Eq, inner(1, f::album::ID));
    join(join(draft(f::Artist), f::Album, of_artist), f::Track, of_album)
}

#[test]
fn joins_begin_where_the_fewest_rows_are() {
    let (_, after) = ordered(of_artists().filter(inner(2, f::track::ID).binary(Eq, f::id(7))));
    assert_eq!(
        after,
        "project Artist, Album, Track\n  join Artist on id = Album.artist\n    join Album on Album.id = Track.album\n      \
         filter Track.id = 7\n        scan Track"
    );
}

/// Whichever comes in the order of which the first few are wanted is the outer side of all joins, where that reads less.
#[test]
fn the_first_of_an_order_begin_at_what_comes_in_it() {
    let by = |position: u8, ordinal, limit| {
        let order = |expression| {
            Clause::Order(Vec::from([OrderTerm { expression, descending: true, nulls_first: None }]))
        };
        let (_, after) = ordered(of_artists().clause(order(inner(position, ordinal))).limit(limit));
        after
    };
    assert_eq!(
        by(2, f::track::MILLISECONDS, 10),
        "project Artist, Album, Track\n  limit 10\n    sort Track.milliseconds desc\n      join Artist on id = Album.artist\n        \
         join Album on Album.id = Track.album\n          scan Track"
    );
    let by_title = by(1, f::album::TITLE, 10);
    assert!(by_title.ends_with("scan Album"), "{by_title}");
    // Nothing is spared where nearly all are wanted, and nothing has the order of names.
    let most = by(2, f::track::MILLISECONDS, 40_000).replace("milliseconds", "name").replace("40000", "10");
    assert_eq!(most, by(2, f::track::NAME, 10));
    // What is looked up for each row, where equals come in the order of the rows' keys.
    let title = f::through(&[f::track::ALBUM], f::album::TITLE);
    let (_, after) = ordered(draft(f::Track).order_by(title, false).limit(10));
    assert!(after.ends_with("join Track on album = album.id\n        scan Album"), "{after}");
}

/// Where all rows are wanted in an order, what comes in it is the outer side where that costs less than to sort all.
#[test]
fn all_of_an_order_begin_at_what_comes_in_it() {
    let by = |position: u8, ordinal| {
        let expression = inner(position, ordinal);
        let order =
            Clause::Order(Vec::from([OrderTerm { expression, descending: false, nulls_first: None }]));
        let (_, after) = ordered(of_artists().clause(order));
        after
    };
    // The key of albums, and what is equal to it.
    for of_album in [by(1, f::album::ID), by(2, f::track::ALBUM)] {
        assert!(of_album.ends_with("scan Album"), "{of_album}");
    }
    let by_track = by(2, f::track::ID);
    assert!(by_track.ends_with("scan Track"), "{by_track}");
    // Records that an index has in an order lie anywhere: all of them are sorted, as are names.
    let by_length = by(2, f::track::MILLISECONDS).replace("milliseconds", "name");
    assert_eq!(by_length, by(2, f::track::NAME));
}

/// What is known of what was made, where a budget of memory was asked for.
struct Limited;

impl Statistics for Limited {
    fn rows(&self, collection: &CollectionDef) -> u64 {
        f::Made.rows(collection)
    }

    fn entries(&self, collection: &CollectionDef, index: &IndexDef, range: &KeyRange) -> Option<u64> {
        f::Made.entries(collection, index, range)
    }

    fn limits_memory(&self) -> bool {
        true
    }
}

/// Where memory is limited, tables may be put aside, which forgets the order of rows: none is sought that only they would keep.
#[test]
fn no_order_is_sought_that_tables_would_forget() {
    let by = |position: u8, ordinal, name: &str, statistics: &dyn Statistics| {
        let expression = inner(position, ordinal);
        let order =
            Clause::Order(Vec::from([OrderTerm { expression, descending: false, nulls_first: None }]));
        let draft = of_artists().clause(order).build();
        let plan = lower(&f::catalog(), &draft, Purpose::Rows).expect("a plan");
        let text = alloc::format!("{}", optimize(plan, RuleSet::ALL, statistics));
        text.replace(&alloc::format!("sort {name}"), "sort")
    };
    let unordered = by(2, f::track::NAME, "Track.name", &Limited);
    assert_eq!(unordered, by(2, f::track::NAME, "Track.name", &f::Made));
    assert_eq!(by(1, f::album::ID, "Album.id", &Limited), unordered);
    assert_ne!(by(1, f::album::ID, "Album.id", &f::Made), unordered);
}

/// Behind fields of which one value is asked for, an index comes in the order of the next.
#[test]
fn an_index_has_an_order_behind_what_is_given() {
    let catalog = f::catalog();
    let collection = Arc::clone(catalog.bound(f::Album()).expect("a collection"));
    let slots = [SlotDef { collection, name: String::new(), optional: false }];
    let measure = Measure::new(&slots, &f::Made);
    let of = |ordinal, ty| Expr::field(Slot(0), ordinal, ty, ordinal == f::album::RELEASED);
    let by = |descending, nulls_first| {
        [SortTerm { expr: of(f::album::RELEASED, Type::Date), descending, nulls_first }]
    };
    let artist = || Expr::binary_test(Eq, of(f::album::ARTIST, Type::Id), of(f::album::ID, Type::Id));
    let literal = Expr::literal(crate::value::Scalar::Int(7), Type::Id);
    let given = || Expr::binary_test(Eq, of(f::album::ARTIST, Type::Id), literal.clone());
    let costs = |terms: &[SortTerm], own: &[Expr]| {
        measure.read_in_order(Slot(0), terms, own).map(|(_, costs)| costs(1.0))
    };
    let of_one = costs(&by(false, true), &[given()]).expect("an order");
    assert_eq!(costs(&by(false, true), &[]), None);
    assert_eq!(costs(&by(false, true), &[artist()]), None);
    // Absent values are on the one side or on the other.
    assert_eq!(costs(&by(false, false), &[given()]), None);
    assert!(costs(&by(true, false), &[given()]).is_some());
    let by_title =
        [SortTerm { expr: of(f::album::TITLE, Type::String), descending: false, nulls_first: true }];
    assert!(costs(&by_title, &[]).expect("an order") > of_one * 10.0);
}

#[test]
fn a_left_join_is_one_relation_and_stays_above_what_it_is_of() {
    let of_artist = inner(1, f::album::ARTIST).binary(Eq, field(f::artist::ID));
    let of_album = inner(2, f::track::ALBUM).binary(Eq, inner(1, f::album::ID));
    let albums = join(draft(f::Artist), f::Album, of_artist);
    let left = Clause::Join { collection: f::Track, on: of_album, kind: JoinKind::Left };
    let (_, after) = ordered(albums.clause(left).filter(field(f::artist::ID).binary(Eq, f::id(7))));
    assert_eq!(
        after,
        "project Artist, Album, Track\n  left join Track on Track.album = Album.id\n    join Album on Album.artist = id\n      \
         filter id = 7\n        scan Artist"
    );
}

#[test]
fn what_may_have_no_result_is_asked_of_what_everything_else_leaves() {
    let inverse = int(1).binary(crate::expr::BinaryOp::Divide, inner(2, f::track::MILLISECONDS));
    let both = inverse.binary(Gt, int(0)).binary(And, field(f::artist::ID).binary(Eq, f::id(7)));
    let (_, after) = ordered(of_artists().filter(both));
    assert!(
        after.starts_with("project Artist, Album, Track\n  filter (1 / Track.milliseconds) > 0\n    join"),
        "{after}"
    );
}

#[test]
fn what_is_equal_through_another_value_can_be_joined_first() {
    let named = inner(1, f::track::NAME).binary(Eq, field(f::album::TITLE));
    let of_track = inner(2, f::country::NAME).binary(Eq, inner(1, f::track::NAME));
    let draft = join(join(draft(f::Album), f::Track, named), f::Country, of_track);
    let one = inner(2, f::country::CODE).binary(Eq, text("x"));
    let (before, after) = ordered(draft.filter(field(f::album::ID).binary(Eq, f::id(7)).binary(And, one)));
    assert!(before.contains("join Country on Country.name = Track.name"), "{before}");
    assert!(after.contains("join Country on Country.name = title"), "{after}");
}

/// Tracks, beside those that are longer by one.
fn one_longer() -> DraftBuilder {
    let next = field(f::track::MILLISECONDS).binary(crate::expr::BinaryOp::Add, int(1));
    join(draft(f::Track), f::Track, inner(1, f::track::MILLISECONDS).binary(Eq, next))
}

#[test]
fn a_link_that_may_have_no_result_stays_one() {
    let (before, after) = ordered(one_longer());
    assert!(before.contains(".milliseconds = milliseconds + 1"), "{before}");
    assert_eq!(before, after);
    // What is beside it is in order, and it is one relation.
    let of_album = inner(2, f::album::ID).binary(Eq, inner(1, f::track::ALBUM));
    let (_, after) =
        ordered(join(one_longer(), f::Album, of_album).filter(inner(2, f::album::ID).binary(Eq, f::id(7))));
    assert!(after.contains(".milliseconds = milliseconds + 1"), "{after}");
    assert_eq!(after.matches(" on ").count(), 2, "{after}");
}

#[test]
fn numbered_rows_joined_by_their_numbers_are_linked() {
    let order =
        Vec::from([OrderTerm { expression: field(f::album::TITLE), descending: false, nulls_first: None }]);
    let (function, frame) = (WindowFunction::RowNumber, Frame::DEFAULT);
    let number = WindowItem { function, argument: None, partition: Vec::new(), order, frame };
    let count = f::aggregate(AggregateFunction::Count, None);
    let other = draft(f::Track).group_by([field(f::track::ALBUM)]).select([count, Postfix::key(0)]).build();
    let on = f::window(1).binary(Eq, f::window(0));
    let numbered = draft(f::Album).window([number]).clause(Clause::join_query(other, on, JoinKind::Inner));
    let (before, after) = ordered(numbered);
    assert!(before.contains(" on "), "{before}");
    assert_eq!(before, after);
}

#[test]
fn whatever_has_rows_is_a_relation() {
    let whole = Whole::build().expect("a whole build");
    let relation = |of| match of % 3 {
        0 => Node::Pairs,
        1 => Node::Scan(Scan { slot: Slot(0) }),
        _ => Node::Limit(Limit { input: Box::new(Node::Pairs), window: Window::behind(0) }),
    };
    let joined =
        |count| (1..count).fold(relation(0), |left, at| region::join(left, relation(at), Vec::new(), whole));
    for count in [1, 2, 3, 7, 64, 100] {
        let node = joined(count);
        let survey = Survey::of(&node, &[]);
        assert_eq!((survey.relations, survey.unlinked), (count, count - 1));
        let mut region = Region::new(&[]);
        region.take(node, &|node, _| node);
        assert_eq!(region.relations.len(), count);
    }
}

/// Artists, beside their albums if there are any, beside those of whose tracks they are the editors.
fn edited(kind: JoinKind) -> DraftBuilder {
    let of_artist = inner(1, f::album::ARTIST).binary(Eq, field(f::artist::ID));
    let by_editor = inner(2, f::track::EDITOR).binary(Eq, field(f::artist::ID));
    join(f::join(draft(f::Artist), f::Album, of_artist, kind), f::Track, by_editor)
}

#[test]
fn what_a_left_join_adds_comes_behind_what_leaves_few() {
    let one = inner(2, f::track::ID).binary(Eq, f::id(7));
    let (before, after) = ordered(edited(JoinKind::Left).filter(one));
    assert!(before.starts_with("project Artist, Album, Track\n  join Track"), "{before}");
    assert_eq!(
        after,
        "project Artist, Album, Track\n  left join Album on Album.artist = id\n    join Artist on id = Track.editor\n      \
         filter Track.id = 7\n        scan Track"
    );
}

#[test]
fn what_reads_what_a_left_join_adds_comes_behind_it() {
    // Albums that are absent or of that title, beside tracks that are found by what they have.
    let of_artist = inner(1, f::album::ARTIST).binary(Eq, field(f::artist::ID));
    let named = inner(2, f::track::NAME).binary(Eq, inner(1, f::album::TITLE));
    let left = f::join(draft(f::Artist), f::Album, of_artist, JoinKind::Left);
    let one = inner(2, f::track::ID).binary(Eq, f::id(7));
    let none = inner(1, f::album::ID).unary(crate::expr::UnaryOp::IsNone);
    let (_, after) = ordered(join(left, f::Track, named).filter(one.binary(And, none)));
    assert!(after.contains("filter is_none(Album.id)\n"), "{after}");
    let place = |of: &str| after.find(of).unwrap_or_else(|| panic!("no {of} in {after}"));
    assert!(
        place("join Track on") < place("left join Album") || place("join Artist") < place("left join Album"),
        "{after}"
    );
    assert!(place("is_none(Album.id)") < place("left join Album"), "{after}");
}

#[test]
fn left_joins_that_may_have_no_result_stay_where_they_are() {
    let inverse = int(1).binary(crate::expr::BinaryOp::Divide, inner(1, f::track::MILLISECONDS));
    let by_editor = inner(1, f::track::EDITOR).binary(Eq, field(f::artist::ID));
    let on = by_editor.clone().binary(And, inverse.binary(Gt, int(0)));
    let of_artist = inner(2, f::album::ARTIST).binary(Eq, field(f::artist::ID));
    let one = inner(2, f::album::ID).binary(Eq, f::id(7));
    let top = |on| {
        let left = f::join(draft(f::Artist), f::Track, on, JoinKind::Left);
        let (_, after) = ordered(join(left, f::Album, of_artist.clone()).filter(one.clone()));
        String::from(after.lines().nth(1).expect("a join").trim_start())
    };
    assert!(top(by_editor).starts_with("left join Track"));
    assert!(top(on).starts_with("join "));
}

/// Goal: an order is kept also by more relations than are gone through in all orders. Method: an album beside so many records of its artist.
#[test]
fn the_first_of_an_order_begin_at_what_comes_in_it_however_many_relations_there_are() {
    let albums = |count: u8| {
        let of_artist = |at| inner(at, f::artist::ID).binary(Eq, field(f::album::ARTIST));
        let all = (1..=count).fold(draft(f::Album), |albums, at| join(albums, f::Artist, of_artist(at)));
        let expression = field(f::album::TITLE);
        let order =
            Clause::Order(Vec::from([OrderTerm { expression, descending: false, nulls_first: None }]));
        let (_, after) = ordered(all.clause(order).limit(10));
        assert_eq!(after.matches("join Artist on").count(), usize::from(count), "{after}");
        String::from(after.lines().last().expect("a scan").trim_start())
    };
    for count in [2, 9, 10, 11, 14] {
        assert_eq!(albums(count), "scan Album", "of {count}");
    }
}

/// Artists with an album of that key, beside the tracks that they edit: the few that are left are begun with, though nothing but a subquery
/// tells that they are few.
#[test]
fn what_a_subquery_leaves_is_counted() {
    let asked = |key: u64| {
        let one = field(f::album::ID).binary(if key == 0 { Gt } else { Eq }, f::id(key));
        let any = f::reverse(f::Album, f::album::ARTIST, Quantifier::Any, Some(one));
        let by_editor = inner(1, f::track::EDITOR).binary(Eq, field(f::artist::ID));
        join(draft(f::Artist).filter(any), f::Track, by_editor)
    };
    let (_, few) = ordered(asked(7));
    assert!(few.starts_with("project Artist, Track\n  join Track on Track.editor = id"), "{few}");
    let (_, many) = ordered(asked(0));
    assert!(many.starts_with("project Artist, Track\n  join Artist on id = Track.editor"), "{many}");
}

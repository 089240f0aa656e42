//! Running a query: what is asked of the engine, and what is made of the answer.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::database::{Answers, Column, records, values};
use super::*;
use crate::ErrorKind;
use crate::collection::sample::*;
use crate::collection::{Collection, Schema};
use crate::expr::{AggregateFunction, AggregateItem, Clause};

fn artist(number: u64) -> Artist {
    Artist { id: Id::new(number), name: format!("artist {number}") }
}

fn artists(numbers: &[u64]) -> Column {
    records(&numbers.iter().map(|number| Some(artist(*number))).collect::<Vec<_>>())
}

#[test]
fn all_gives_the_records_of_every_batch() {
    let db = Answers::new(vec![vec![artists(&[1, 2])], vec![artists(&[3])]]);
    let found: Vec<Artist> = Artist::query().filter(|a| a.name.ne("x")).all(&db).expect("an answer");
    assert_eq!(found, [artist(1), artist(2), artist(3)]);
    assert_eq!(
        db.asked.borrow().as_slice(),
        [Artist::query().filter(|a| a.name.ne("x")).draft().clauses.clone()]
    );
}

#[test]
fn a_query_runs_against_references_too() {
    let mut db = Answers::new(vec![vec![artists(&[1])]]);
    let query = Artist::query();
    let tx = &mut db;
    assert_eq!(query.all(tx).expect("an answer").len(), 1);
    assert_eq!(query.all(&tx).expect("an answer").len(), 1);
    assert_eq!(query.stream(tx).expect("a stream").count(), 1);
}

#[test]
fn selections_are_read_column_by_column() {
    let db = Answers::new(vec![vec![
        values(&[String::from("a"), "b".into()]),
        records(&[Some(artist(7)), None]),
        values(&[Some(4i32), None]),
    ]]);
    let found = Album::query().select(|a| (a.title, a.producer(), a.released)).all(&db).expect("an answer");
    assert_eq!(found, [("a".to_string(), Some(artist(7)), Some(4)), ("b".into(), None, None)]);

    let db = Answers::new(vec![vec![values(&[String::from("a")]), values(&[None::<String>])]]);
    let query = Album::query().select(|a| AlbumViewFields { title: a.title, producer: a.producer().name });
    let view = AlbumView { title: "a".into(), producer: None };
    assert_eq!(query.all(&db).expect("an answer"), [view]);
}

#[test]
fn one_first_exists_and_count() {
    let nobody = Answers::new(vec![]);
    let somebody = Answers::new(vec![vec![artists(&[1])]]);
    let several = Answers::new(vec![vec![artists(&[1])], vec![artists(&[2])]]);
    let query = Artist::query();

    assert_eq!(query.one(&somebody).expect("one"), artist(1));
    let missing = query.one(&nobody).expect_err("none");
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    assert_eq!(
        missing.to_string(),
        "no record of collection `Artist` satisfies the query; `first` gives an `Option`"
    );
    assert_eq!(query.one(&several).expect_err("two").kind(), ErrorKind::NotUnique);
    assert_eq!(several.asked.borrow().as_slice(), [[Clause::Limit(2)]]);

    assert_eq!(query.first(&nobody).expect("an answer"), None);
    assert_eq!(query.first(&several).expect("an answer"), Some(artist(1)));
    assert_eq!(several.asked.borrow()[1], [Clause::Limit(1)]);
    assert!(query.exists(&several).expect("an answer") && !query.exists(&nobody).expect("an answer"));
    assert_eq!(query.count(&several).expect("an answer"), 2);
}

#[test]
fn aggregates_come_out_as_one_row() {
    let db = Answers::new(vec![vec![values(&[3u64]), values(&[None::<f64>])]]);
    let row = Track::query().aggregate(|g| (g.count(), g.avg(|t| t.bytes))).one(&db).expect("one row");
    assert_eq!(row, (3, None));
    let count = AggregateItem { function: AggregateFunction::Count, argument: None };
    let mean = AggregateItem { function: AggregateFunction::Avg, argument: Some(field(5)) };
    // Nothing limits the one row.
    assert_eq!(db.asked.borrow().as_slice(), [[Clause::Aggregate(vec![count, mean])]]);
}

#[test]
fn a_stream_gives_records_as_it_is_asked() {
    let db = Answers::new(vec![vec![artists(&[1, 2])], vec![artists(&[3])]]);
    let mut stream = Artist::query().stream(&db).expect("a stream");
    assert_eq!(stream.next().expect("a record").expect("is read"), artist(1));
    let rest: Vec<Artist> = stream.by_ref().collect::<Result<_, _>>().expect("are read");
    assert_eq!(rest, [artist(2), artist(3)]);
    assert!(stream.next().is_none() && stream.next().is_none());
}

#[test]
fn damaged_values_are_errors_and_end_a_stream() {
    let db = Answers::new(vec![vec![values(&[1u8, 2])], vec![values(&[3u8])]]);
    let query = Track::query().select(|t| t.milliseconds);
    let error = query.all(&db).expect_err("one byte is no i64");
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::Corruption, "a stored value is not a valid i64")
    );
    let mut stream = query.stream(&db).expect("a stream");
    assert_eq!(stream.next().expect("an item").expect_err("is damaged").kind(), ErrorKind::Corruption);
    assert!(stream.next().is_none());
    // A required relation that leads nowhere is damage, too.
    let db = Answers::new(vec![vec![records::<Artist>(&[None])]]);
    let error = Album::query().select(|a| a.artist()).all(&db).expect_err("no artist");
    assert_eq!(error.kind(), ErrorKind::Corruption);
}

#[test]
fn changes_are_handed_to_the_transaction() {
    let mut db = Answers::default();
    let tx = &mut db;
    assert_eq!(Track::query().update(|t| t.name.set("x")).run(tx).expect("an update"), 1);
    assert_eq!(Album::query().delete().run(tx).expect("a deletion"), 2);
    let [(updated, assignments), (deleted, _)] = db.changed.as_slice() else { panic!("two changes") };
    assert_eq!((updated.as_str(), assignments.len(), deleted.as_str()), ("Track", 1, "Album"));
}

#[test]
fn queries_show_what_they_are() {
    let query = Artist::query().limit(3);
    assert_eq!(format!("{query:?}"), r#"Query { root: "Artist", clauses: [Limit(3)] }"#);
    assert!(query.explain(&Answers::default()).expect("a plan").to_string().contains("Limit(3)"));
}

#[test]
fn a_schema_lists_its_collections() {
    let schema = Music::database();
    let names: Vec<_> = schema.collections.iter().map(|collection| collection().name).collect();
    assert_eq!((schema.name, names.len(), names[0]), ("Music", 7, "Artist"));
}

//! The questions of TPC-H against the answers of DuckDB and SQLite, and how they are carried out against `data/tpch/plans.txt`.
//!
//! At scale factor 0.01: at smaller ones most answers are empty, and the generator's keys repeat. `EPILOG_PLANS=write` writes
//! the plans instead of comparing them.

use std::fs;
use std::sync::OnceLock;

use epilog::prelude::*;
use epilog_examples::tpch::queries::ALL;
use epilog_examples::tpch::{LineItem, Tpch, answer, for_each_line, load};
use pretty_assertions::assert_eq;

const SCALE: f64 = 0.01;

/// The data, made once for all tests.
fn db() -> &'static Database<Tpch> {
    static DB: OnceLock<Database<Tpch>> = OnceLock::new();
    DB.get_or_init(|| {
        let db = Tpch::in_memory().unwrap();
        db.write(|tx| load(tx, SCALE)).unwrap();
        db
    })
}

#[test]
fn all_questions_are_asked() {
    assert_eq!(ALL.map(|entry| entry.number), std::array::from_fn(|index| index as u8 + 1));
}

#[test]
fn answers_are_those_of_duckdb_and_sqlite() {
    let tx = db().read().unwrap();
    for entry in &ALL {
        let found = (entry.query)(SCALE).answer(&tx).unwrap();
        assert_eq!(found, answer::expected(SCALE, entry.number).unwrap(), "Q{}", entry.number);
    }
}

#[test]
fn a_changed_answer_is_noticed() {
    let expected = answer::expected(SCALE, 9).unwrap();
    let mut found = expected.clone();
    assert_eq!(answer::difference(&expected, &found), None);
    found.swap(3, 4);
    let difference = answer::difference(&expected, &found).unwrap();
    assert!(difference.starts_with("row 4 of 173: "), "{difference}");
    found.truncate(2);
    assert!(answer::difference(&expected, &found).unwrap().ends_with("found nothing"));
}

#[test]
fn plans_are_those_that_were_written_down() {
    let tx = db().read().unwrap();
    let mut plans = String::new();
    for entry in &ALL {
        let plan = (entry.query)(SCALE).explain(&tx).unwrap();
        plans.push_str(&format!("Q{} {}\n{plan}\n\n", entry.number, entry.name));
    }
    let path = answer::directory().join("plans.txt");
    if std::env::var_os("EPILOG_PLANS").is_some_and(|value| value == "write") {
        fs::write(&path, &plans).unwrap();
    }
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        plans,
        "is it better? `EPILOG_PLANS=write` writes it down"
    );
}

#[test]
fn every_line_of_the_generator_is_loaded() {
    let mut lines = 0;
    for_each_line("lineitem", SCALE, |_| {
        lines += 1;
        Ok(())
    })
    .unwrap();
    assert_eq!(LineItem::query().count(db()).unwrap(), lines);
}

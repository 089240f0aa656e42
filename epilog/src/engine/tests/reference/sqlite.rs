//! Random queries, answered by SQLite too.
//!
//! ```text
//! RUSTFLAGS="--cfg sqlite" cargo test --release --target-dir target/sqlite -p epilog --lib sqlite
//! ```
//!
//! It builds SQLite, so that it is behind a `cfg`. `EPILOG_REFERENCE_SEEDS` asks for more than the 60 seeds, of 25 drafts each.

use alloc::string::{String, ToString};

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::shrink::shrink;
use super::sql::{Columns, Question, Writer, literal};
use super::*;

/// The same records in SQLite, each with its place in the order of keys.
fn database(collections: &[Collection]) -> Connection {
    let connection = Connection::open_in_memory().expect("a database");
    let mut script = String::new();
    for (schema, records) in collections {
        let schema = schema();
        let fields: Vec<String> = (0..schema.fields.len()).map(|ordinal| format!("f{ordinal}")).collect();
        script += &format!("CREATE TABLE {} (k INTEGER PRIMARY KEY, {});", schema.name, fields.join(", "));
        for (place, record) in records.iter().enumerate() {
            let values: Vec<String> =
                record.iter().map(|value| literal(value).expect("a plain value")).collect();
            script += &format!("INSERT INTO {} VALUES ({place}, {});", schema.name, values.join(", "));
        }
    }
    connection.execute_batch(&script).expect("sound SQL");
    connection
}

/// What SQLite answers, as our own rows are.
fn answer(connection: &Connection, question: &Question) -> rusqlite::Result<Vec<Vec<Scalar>>> {
    let mut statement = connection.prepare(&question.sql)?;
    let mut rows = statement.query([])?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        let mut values = Vec::new();
        let mut at = 0;
        for columns in &question.columns {
            let taken = match columns {
                Columns::Value => at..at + 1,
                Columns::Record(_) if row.get_ref(at)? == ValueRef::Null => {
                    values.push(Scalar::Null);
                    at..at
                }
                Columns::Record(count) => at + 1..at + 1 + count,
            };
            for column in taken {
                values.push(scalar(row.get_ref(column)?));
            }
            at += if let Columns::Record(count) = columns { count + 1 } else { 1 };
        }
        out.push(values);
    }
    Ok(out)
}

fn scalar(value: ValueRef<'_>) -> Scalar {
    match value {
        ValueRef::Null => Scalar::Null,
        ValueRef::Integer(value) => Scalar::Int(value.into()),
        ValueRef::Real(value) if value.is_infinite() => Scalar::Float(f64::NAN),
        ValueRef::Real(value) => Scalar::Float(value),
        ValueRef::Text(text) => Scalar::String(core::str::from_utf8(text).expect("UTF-8").to_string()),
        ValueRef::Blob(bytes) => Scalar::Bytes(bytes.to_vec()),
    }
}

/// Our own rows, with values as SQLite has them.
fn plain(rows: Vec<Vec<Scalar>>) -> Vec<Vec<Scalar>> {
    let plain = |value| match value {
        Scalar::Bool(value) => Scalar::Int(value.into()),
        other => other,
    };
    rows.into_iter().map(|row| row.into_iter().map(plain).collect()).collect()
}

/// SQLite's answer to a draft and ours, by some rules, unless they are alike; `None` as well if the draft cannot be said in SQL.
fn difference(
    (data, connection, reading): (&[Collection], &Connection, &dyn Reading),
    draft: &Draft,
    ordered: bool,
    rules: RuleSet,
) -> Option<String> {
    let question = Writer::new(data).question(draft)?;
    let ordered = ordered && question.ordered;
    let comparable = |rows: Vec<Vec<Scalar>>| if ordered { rows } else { sorted(rows) };
    let expected = match answer(connection, &question) {
        Ok(rows) => comparable(rows),
        Err(error) => return Some(format!("{error}\n{}", question.sql)),
    };
    let got = rows(reading.operation().view(), draft, rules).map(plain).map(comparable);
    if got.as_ref().is_ok_and(|got| same(got, &expected)) {
        return None;
    }
    Some(format!("{}\ngot {got:?}\nSQLite {expected:?}", question.sql))
}

/// Whether a draft asks for what SQLite has no word for: it has no lists.
fn asks_of_lists(draft: &Draft) -> bool {
    let text = format!("{draft:?}");
    let words = ["Has", "Length", "ArrayAgg", "(Element", "(PlaceOf", "(Append", "(Without", "(Chain"];
    words.iter().any(|word| text.contains(word))
}

#[test]
fn random_queries_are_answered_as_sqlite_answers_them() {
    let (mut asked, mut made) = (0u64, 0u64);
    for seed in 1..=seeds(60) {
        let mut random = Random::new(seed + 1_000_000);
        let data = collections(&mut random);
        let store = store(&data);
        let snapshot = store.snapshot();
        let connection = database(&data);
        let mut maker = Maker::new(random, &data);
        for query in 0..25 {
            let (draft, ordered) = maker.draft(false);
            made += u64::from(!asks_of_lists(&draft));
            asked += u64::from(Writer::new(&data).question(&draft).is_some());
            let skipped = RULES[maker.random.below(RULES.len())].name;
            for rules in [RuleSet::ALL, RuleSet::NONE, RuleSet::ALL.without(skipped)] {
                let Some(_) = difference((&data, &connection, &snapshot), &draft, ordered, rules) else {
                    continue;
                };
                // Without an order that it had, what is made smaller may come in any.
                let orders = |draft: &Draft| {
                    draft.clauses.iter().filter(|clause| matches!(clause, Clause::Order(_))).count()
                };
                let had = orders(&draft);
                let fails = |data: &[Collection], draft: &Draft| {
                    let ordered = ordered && orders(draft) == had;
                    let store = super::store(data);
                    let (connection, snapshot) = (database(data), store.snapshot());
                    let valid = rows(snapshot.operation().view(), draft, rules).is_ok();
                    valid && difference((data, &connection, &snapshot), draft, ordered, rules).is_some()
                };
                let (data, draft) = shrink(&data, &draft, &fails);
                let store = super::store(&data);
                let (connection, snapshot) = (database(&data), store.snapshot());
                panic!(
                    "seed {seed}, query {query}, {rules:?} (without {skipped}), made smaller:\n{draft:#?}\n{}\n{}\n{data:?}",
                    explain(snapshot.operation().view(), &draft).expect("a plan"),
                    difference((&data, &connection, &snapshot), &draft, ordered, rules).unwrap_or_default(),
                );
            }
        }
    }
    std::println!("{asked} of {made} drafts can be said in SQL; all are answered alike");
    assert!(asked * 10 > made * 6, "{asked} of {made} drafts have a translation: too few to mean anything");
}

//! Random queries, answered by SQLite too.
//!
//! ```text
//! RUSTFLAGS="--cfg sqlite" cargo test --release --target-dir target/sqlite -p epilog --lib sqlite
//! ```
//!
//! It builds SQLite, so that it is behind a `cfg`. `EPILOG_REFERENCE_SEEDS` asks for more than the 12 seeds, of 25 drafts each.

use alloc::string::{String, ToString};

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::shrink::shrink;
use super::sql::{Columns, Question, Writer, literal, thousandths};
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
        Scalar::Uint(value) => Scalar::Int(value as i128),
        Scalar::Decimal(value) => Scalar::Int(thousandths(value)),
        Scalar::Uuid(bytes) => Scalar::Bytes(bytes.to_vec()),
        other => other,
    };
    rows.into_iter().map(|row| row.into_iter().map(plain).collect()).collect()
}

/// The first of these sets of rules by which our answer to a draft is not SQLite's, and both; `None` if there is none, and as
/// well if the draft cannot be said in SQL.
fn difference(
    (data, connection, reading): (&[Collection], &Connection, &dyn Reading),
    draft: &Draft,
    ordered: bool,
    rules: &[RuleSet],
) -> Option<(RuleSet, String)> {
    let question = Writer::new(data).question(draft)?;
    let ordered = ordered && question.ordered;
    let comparable = |rows: Vec<Vec<Scalar>>| if ordered { rows } else { sorted(rows) };
    let expected = match answer(connection, &question) {
        Ok(rows) => comparable(rows),
        Err(error) => return Some((RuleSet::ALL, format!("{error}\n{}", question.sql))),
    };
    rules.iter().find_map(|rules| {
        let got = rows(reading.operation().view(), draft, *rules).map(plain).map(comparable);
        let is_same = got.as_ref().is_ok_and(|got| same(got, &expected));
        (!is_same).then(|| (*rules, format!("{}\ngot {got:?}\nSQLite {expected:?}", question.sql)))
    })
}

/// Whether a draft asks for what SQLite has no word for: it has no lists.
fn asks_of_lists(draft: &Draft) -> bool {
    let text = format!("{draft:?}");
    let words = ["Has", "Length", "ArrayAgg", "(Element", "(PlaceOf", "(Append", "(Without", "(Chain"];
    words.iter().any(|word| text.contains(word))
}

/// Makes a draft, and says whether its rows come in an order that is told.
type Make = fn(&mut Maker<'_>) -> (Draft, bool);

/// Asks both for drafts about these records; returns how many could be said in SQL, and how many might have been.
fn check(
    seed: u64,
    random: Random,
    data: &[Collection],
    schema: &'static DatabaseSchema,
    make: Make,
) -> (u64, u64) {
    let open = |data: &[Collection]| {
        let store = Store::in_memory(schema).expect("a sound schema");
        insert(&store, data);
        (store, database(data))
    };
    let (mut asked, mut made) = (0, 0);
    let (store, connection) = open(data);
    let snapshot = store.snapshot();
    let mut maker = Maker::new(random, data);
    for query in 0..25 {
        let (draft, ordered) = make(&mut maker);
        made += u64::from(!asks_of_lists(&draft));
        asked += u64::from(Writer::new(data).question(&draft).is_some());
        let sets = rule_sets(&snapshot, &draft);
        let all: Vec<RuleSet> = sets.iter().map(|(rules, _)| *rules).collect();
        let Some((rules, _)) = difference((data, &connection, &snapshot), &draft, ordered, &all) else {
            continue;
        };
        let which = sets.iter().find(|(of, _)| *of == rules).map_or("", |(_, which)| which);
        // Without an order that it had, what is made smaller may come in any.
        let orders =
            |draft: &Draft| draft.clauses.iter().filter(|clause| matches!(clause, Clause::Order(_))).count();
        let had = orders(&draft);
        let fails = |data: &[Collection], draft: &Draft| {
            let ordered = ordered && orders(draft) == had;
            let (store, connection) = open(data);
            let snapshot = store.snapshot();
            let valid = rows(snapshot.operation().view(), draft, rules).is_ok();
            valid && difference((data, &connection, &snapshot), draft, ordered, &[rules]).is_some()
        };
        let (data, draft) = shrink(data, &draft, &fails);
        let (store, connection) = open(&data);
        let snapshot = store.snapshot();
        panic!(
            "seed {seed}, query {query}, {which}, made smaller:\n{draft:#?}\n{}\n{:?}\n{data:?}",
            explain(snapshot.operation().view(), &draft).expect("a plan"),
            difference((&data, &connection, &snapshot), &draft, ordered, &[rules]),
        );
    }
    (asked, made)
}

/// Fails where too few drafts were said in SQL to mean anything.
fn check_share(counts: impl Iterator<Item = (u64, u64)>) {
    let (asked, made) = counts.fold((0, 0), |(asked, made), (a, b)| (asked + a, made + b));
    std::println!("{asked} of {made} drafts can be said in SQL; all are answered alike");
    assert!(asked * 10 > made * 6, "{asked} of {made} drafts have a translation");
}

#[test]
fn random_queries_are_answered_as_sqlite_answers_them() {
    check_share((1..=seeds(12)).map(|seed| {
        let mut random = Random::new(seed + 1_000_000);
        let data = collections(&mut random);
        check(seed, random, &data, &f::DATABASE, |maker| match maker.random.below(7) {
            0 => maker.few_draft(),
            _ => maker.any_draft(),
        })
    }));
}

// Within the first fifty seeds there is a question that SQLite takes very long for, so that more cannot be asked yet.
#[test]
fn queries_of_collections_made_at_random_are_answered_as_sqlite_answers_them() {
    check_share((1..=seeds(12)).map(|seed| {
        let mut random = Random::new(seed + 2_000_000);
        let data = schemas::collections(&mut random);
        check(seed, random, &data, schemas::database(true), |maker| maker.any_draft())
    }));
}

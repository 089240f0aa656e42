//! Random queries, answered by SQLite too.
//!
//! ```text
//! RUSTFLAGS="--cfg sqlite" cargo test --release --target-dir target/sqlite -p epilog --lib --features chrono,decimal,uuid sqlite
//! ```
//!
//! It builds SQLite, so that it is behind a `cfg`; functions of all types are asked for with the features that bring types.
//! `EPILOG_REFERENCE_SEEDS` asks for more than the 12 seeds, of 25 drafts each.

use alloc::string::{String, ToString};
use core::cell::RefCell;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode};

#[cfg(all(feature = "chrono", feature = "decimal"))]
use super::called::may_fail;
use super::shrink::shrink;
use super::sql::{Columns, Question, Writer, functions, literal, thousandths};
use super::*;

/// The same records in SQLite, each with its place in the order of keys.
fn database(collections: &[Collection]) -> Connection {
    let mut connection = Connection::open_in_memory().expect("a database");
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
    connection.pragma_update(None, "case_sensitive_like", true).expect("a pragma that it has");
    functions::helpers(&connection).expect("functions of our own");
    // It answers nearly all within a hundredth of that. It has been seen to take hours, for joins of subqueries of each row.
    let handler = connection.progress_handler(GIVEN_UP_AFTER, Some(|| true));
    handler.expect("a connection that is no one else's");
    connection
}

/// The steps of its virtual machine, a few seconds, after which a question is given up, as if it could not be said in SQL.
const GIVEN_UP_AFTER: i32 = 100_000_000;

fn is_given_up(error: &rusqlite::Error) -> bool {
    let text = error.to_string();
    // Of the greatest integer without its sign it says so itself.
    let has_no_result = text.contains(functions::NO_RESULT) || text.contains("integer overflow");
    let code = error.sqlite_error_code();
    has_no_result || matches!(code, Some(ErrorCode::OperationInterrupted | ErrorCode::TooBig))
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
    let plain = |value: Scalar| match value {
        Scalar::Bool(value) => Scalar::Int(value.into()),
        Scalar::Uint(value) => Scalar::Int(value as i128),
        Scalar::Decimal(parts) => thousandths(parts).map_or(value, Scalar::Int),
        Scalar::Uuid(bytes) => Scalar::Bytes(bytes.to_vec()),
        other => other,
    };
    rows.into_iter().map(|row| row.into_iter().map(plain).collect()).collect()
}

/// What comes of asking both.
enum Outcome {
    Alike,
    /// The draft cannot be said in SQL, or SQLite takes too long.
    NotAsked,
    /// The first of the sets of rules by which our answer is not SQLite's, and both answers.
    Differs(Switches, String),
}

fn ask(
    (data, connection, reading): (&[Collection], &Connection, &dyn Reading),
    draft: &Draft,
    ordered: bool,
    rules: &[Switches],
) -> Outcome {
    let Some(question) = Writer::new(data).question(draft) else { return Outcome::NotAsked };
    let calculates = may_fail(draft);
    let ordered = ordered && question.ordered;
    let comparable = |rows: Vec<Vec<Scalar>>| if ordered { rows } else { sorted(rows) };
    let expected = match answer(connection, &question) {
        Ok(rows) => comparable(rows),
        Err(error) if is_given_up(&error) => return Outcome::NotAsked,
        Err(error) => return Outcome::Differs(RuleSet::ALL.into(), format!("{error}\n{}", question.sql)),
    };
    for rules in rules {
        let got = rows(reading.operation().view(), draft, *rules).map(plain).map(comparable);
        // Whether there is a result is for the reference to say: SQLite looks at other rows, and does not tell.
        if let (Err(EngineError::Exec(ExecError::Arithmetic(_))), true) = (&got, calculates) {
            return Outcome::NotAsked;
        }
        if !got.as_ref().is_ok_and(|got| same(got, &expected)) {
            let answers = format!("{}\ngot {got:?}\nSQLite {expected:?}", question.sql);
            return Outcome::Differs(*rules, answers);
        }
    }
    Outcome::Alike
}

/// Whether a draft asks for what SQLite has no word for: it has no lists.
fn asks_of_lists(draft: &Draft) -> bool {
    let text = format!("{draft:?}");
    let words = ["Has", "Length", "ArrayAgg", "(Element", "(PlaceOf", "(Append", "(Without", "(Chain"];
    words.iter().any(|word| text.contains(word))
}

/// Whether a draft calculates something that may have no result: drafts that do are made of more types.
#[cfg(not(all(feature = "chrono", feature = "decimal")))]
fn may_fail(_: &Draft) -> bool {
    false
}

/// Makes a draft, and says whether its rows come in an order that is told.
type Make = fn(&mut Maker<'_>) -> (Draft, bool);

/// Asks both for drafts about these records; returns how many both answered, and how many might have been.
fn check(
    seed: u64,
    random: Random,
    data: &[Collection],
    schema: &'static DatabaseSchema,
    make: Make,
) -> (u64, u64) {
    check_noting(seed, random, data, schema, make, &|_| ())
}

/// As [`check`]; `note` gets the drafts that both answered.
fn check_noting(
    seed: u64,
    random: Random,
    data: &[Collection],
    schema: &'static DatabaseSchema,
    make: Make,
    note: &dyn Fn(&Draft),
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
        let (draft, _) = told::told(schema, draft);
        made += u64::from(!asks_of_lists(&draft));
        let sets = rule_sets(&snapshot, &draft);
        let all: Vec<Switches> = sets.iter().map(|(rules, _)| *rules).collect();
        let rules = match ask((data, &connection, &snapshot), &draft, ordered, &all) {
            Outcome::Alike => {
                asked += 1;
                note(&draft);
                continue;
            }
            Outcome::NotAsked => continue,
            Outcome::Differs(rules, _) => rules,
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
            let outcome = ask((data, &connection, &snapshot), draft, ordered, &[rules]);
            valid && matches!(outcome, Outcome::Differs(..))
        };
        let (data, draft) = shrink(data, &draft, &fails);
        let (store, connection) = open(&data);
        let snapshot = store.snapshot();
        let outcome = ask((&data, &connection, &snapshot), &draft, ordered, &[rules]);
        let answers = if let Outcome::Differs(_, answers) = outcome { answers } else { String::new() };
        panic!(
            "seed {seed}, query {query}, {which}, made smaller:\n{draft:#?}\n{}\n{answers}\n{data:?}",
            explain(snapshot.operation().view(), &draft).expect("a plan"),
        );
    }
    (asked, made)
}

/// Fails where too few drafts were said in SQL to mean anything.
fn check_share(counts: impl Iterator<Item = (u64, u64)>) {
    let (asked, made) = counts.fold((0, 0), |(asked, made), (a, b)| (asked + a, made + b));
    std::println!("{asked} of {made} drafts are answered by SQLite; all alike");
    assert!(asked * 10 > made * 6, "{asked} of {made} drafts have a translation");
}

#[test]
fn random_queries_are_answered_as_sqlite_answers_them() {
    check_share((1..=seeds(12)).map(|seed| {
        let mut random = Random::new(seed + 1_000_000);
        let data = collections(&mut random);
        check(seed, random, &data, &f::DATABASE, |maker| match maker.random.below(9) {
            0 => maker.few_draft(false),
            1 => maker.alike_draft(),
            2 => maker.common_draft(),
            3 => maker.left_draft(),
            _ => maker.any_draft(),
        })
    }));
}

#[test]
fn aggregates_of_groups_and_frames_are_those_of_sqlite() {
    let answered = RefCell::new(Vec::new());
    let note = |draft: &Draft| answered.borrow_mut().push(draft.clone());
    check_share((1..=seeds(90)).map(|seed| {
        let mut random = Random::new(seed + 6_000_000);
        let (data, database) = schemas::of_kind(&mut random, seed % 2 == 0);
        check_noting(seed, random, &data, database, |maker| maker.gathered_draft(), &note)
    }));
    // Clauses and windows without frames are other drafts'; lists SQLite has not, and what is put in a row, in no order of ours.
    let is_framed = |name: &str| name.contains(" over ");
    let left_out = |name: &str| {
        !is_framed(name)
            || name.starts_with("ArrayAgg")
            || name.starts_with("StringAgg") && !name.ends_with("Rows")
            || name.starts_with("First over Groups")
            || name.starts_with("Last over Groups")
            || name.starts_with("Nth over Groups")
    };
    gathered::check_gathered(left_out, answered.into_inner().into_iter());
}

/// What is calculated, beside what SQLite calculates; and of each function that it is asked for, that it was.
#[test]
#[cfg(all(feature = "chrono", feature = "decimal"))]
fn what_is_calculated_is_what_sqlite_calculates() {
    let answered = RefCell::new(Vec::new());
    let (mut asked, mut made) = (0, 0);
    for seed in 1..=seeds(150) {
        let mut random = Random::new(seed + 3_000_000);
        let data = schemas::collections(&mut random);
        let note = |draft: &Draft| answered.borrow_mut().push(draft.clone());
        let counts = check_noting(
            seed,
            random,
            &data,
            schemas::database(true),
            |maker| {
                let faulty = maker.random.below(3) > 0;
                maker.called_draft(faulty)
            },
            &note,
        );
        (asked, made) = (asked + counts.0, made + counts.1);
    }
    std::println!("{asked} of {made} drafts are answered by SQLite; all alike");
    assert!(asked * 10 > made * 3, "{asked} of {made} drafts have an answer");
    called::check_asked(&called::NOT_IN_SQL, answered.into_inner().into_iter());
}

#[test]
fn queries_of_collections_made_at_random_are_answered_as_sqlite_answers_them() {
    check_share((1..=seeds(12)).map(|seed| {
        let mut random = Random::new(seed + 2_000_000);
        let data = schemas::collections(&mut random);
        check(seed, random, &data, schemas::database(true), |maker| maker.any_draft())
    }));
}

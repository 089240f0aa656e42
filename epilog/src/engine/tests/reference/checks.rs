//! Asks the engine and the reference for the same drafts, in every way that there is to an answer.

use alloc::string::String;
use alloc::vec::Vec;

use super::shrink::shrink;
use super::*;
#[cfg(not(feature = "small"))]
use crate::engine::physical::{Choice, Choices, Operator, PhysicalNode};
#[cfg(not(feature = "small"))]
use crate::engine::planted;

pub(super) fn check_seed(seed: u64, queries: usize, faulty: bool) {
    check_drafts(seed, queries, &mut |maker| maker.draft(faulty), &mut |_| ());
}

/// Asks both for the drafts that `make` makes; `see` gets the plans' texts.
pub(super) fn check_drafts(
    seed: u64,
    queries: usize,
    make: &mut dyn FnMut(&mut Maker<'_>) -> (Draft, bool),
    see: &mut dyn FnMut(&str),
) {
    let mut random = Random::new(seed);
    let data = collections(&mut random);
    check_data(seed, random, &Asked::of(&data, &f::DATABASE), queries, make, see);
}

/// Records that drafts are asked of.
pub(super) struct Asked<'a> {
    pub(super) schema: &'static DatabaseSchema,
    pub(super) data: &'a [Collection],
    pub(super) store: Store,
    /// With so little memory that what can put rows aside does.
    #[cfg(not(feature = "small"))]
    pub(super) little: Store,
    /// Without the indexes that are not needed.
    #[cfg(not(feature = "small"))]
    pub(super) bare: Option<Store>,
}

impl Asked<'_> {
    pub(super) fn of<'a>(data: &'a [Collection], schema: &'static DatabaseSchema) -> Asked<'a> {
        let store = Store::in_memory(schema).expect("a sound schema");
        insert(&store, data);
        Asked {
            schema,
            data,
            store,
            #[cfg(not(feature = "small"))]
            little: little(data, schema),
            #[cfg(not(feature = "small"))]
            bare: None,
        }
    }
}

/// As [`check_drafts`], of these records.
pub(super) fn check_data(
    seed: u64,
    random: Random,
    asked: &Asked<'_>,
    queries: usize,
    make: &mut dyn FnMut(&mut Maker<'_>) -> (Draft, bool),
    see: &mut dyn FnMut(&str),
) {
    let data = asked.data;
    let snapshot = asked.store.snapshot();
    #[cfg(not(feature = "small"))]
    let little = asked.little.snapshot();
    let reference = Reference::new(data);
    let mut maker = Maker::new(random, data);
    for query in 0..queries {
        let (draft, ordered) = make(&mut maker);
        #[cfg(not(feature = "small"))]
        let (draft, _) = told::told(asked.schema, draft);
        see(&explain(snapshot.operation().view(), &draft).expect("a plan").to_string());
        let comparable = |rows: Vec<Vec<Scalar>>| if ordered { rows } else { sorted(rows) };
        let expected = reference.run(&draft).map(comparable);
        for (rules, which) in &rule_sets(&snapshot, &draft) {
            let got = rows(snapshot.operation().view(), &draft, *rules).map(comparable);
            assert!(
                agree(&got, &expected),
                "seed {seed}, query {query}, {which}:\n{draft:?}\n{}\ngot {got:?}\nexpected {expected:?}{}",
                explain(snapshot.operation().view(), &draft).expect("a plan"),
                match is_planted() {
                    // These are many, and known.
                    true => String::new(),
                    false => {
                        let (data, draft) = smaller(asked, &draft, ordered, *rules);
                        format!("\nmade smaller:\n{draft:#?}\n{data:?}")
                    }
                },
            );
        }
        #[cfg(not(feature = "small"))]
        check_native(&snapshot, &little, &draft, query, &|which, got| {
            let got = got.map(comparable);
            assert!(
                agree(&got, &expected),
                "seed {seed}, query {query}, {which}:\n{draft:?}\ngot {got:?}\nexpected {expected:?}",
            );
        });
        #[cfg(not(feature = "small"))]
        if let Some(bare) = &asked.bare {
            let got = schemas::bare_rows(&bare.snapshot(), &draft, RuleSet::ALL).map(comparable);
            assert!(
                agree(&got, &expected),
                "seed {seed}, query {query}, without indexes:\n{draft:?}\ngot {got:?}\nexpected {expected:?}",
            );
        }
        #[cfg(not(feature = "small"))]
        {
            let got = streamed(&little, &draft).map(comparable);
            assert!(
                agree(&got, &expected),
                "seed {seed}, query {query}, with little memory:\n{draft:?}\n{}\ngot {got:?}\nexpected {expected:?}",
                explain(little.operation().view(), &draft).expect("a plan"),
            );
        }
        #[cfg(all(feature = "std", not(feature = "small")))]
        {
            let mut control = Control::default();
            control.set_threads(4);
            let got = controlled(&snapshot, &draft, &control).map(comparable);
            assert!(
                agree(&got, &expected),
                "seed {seed}, query {query}, by threads:\n{draft:?}\n{}\ngot {got:?}\nexpected {expected:?}",
                crate::engine::explain(snapshot.operation().view(), &draft, &control).expect("a plan"),
            );
        }
        #[cfg(not(feature = "small"))]
        for _ in 0..3 {
            check_kept_plan(
                &mut maker,
                &reference,
                &snapshot,
                &draft,
                ordered,
                &format!("seed {seed}, query {query}"),
            );
        }
        let Ok(expected) = &expected else { continue };
        let got = run(snapshot.operation().view(), &draft).and_then(scalars).map(comparable).expect("rows");
        assert!(same(&got, expected), "seed {seed}, query {query}: {draft:#?}");
        let got = comparable(streamed(&snapshot, &draft).expect("rows"));
        assert!(same(&got, expected), "seed {seed}, query {query}, in several operations: {draft:#?}");
        #[cfg(not(feature = "small"))]
        {
            // Measured, as many rows come out; and by indexes only, where that is not refused, the same.
            let plan = analyze(&snapshot, &draft, &Control::default()).expect("a plan");
            let given = plan.root.actual.map(|actual| actual.rows);
            assert_eq!(
                given,
                Some(expected.len() as u64),
                "seed {seed}, query {query}: {plan:#}\n{draft:#?}"
            );
            assert!(plan.operators().iter().all(|node| node.actual.is_some()), "{plan:#}");
            let mut control = Control::default();
            control.set_require_index();
            match controlled(&snapshot, &draft, &control) {
                Ok(got) => {
                    let alike = same(&comparable(got), expected);
                    assert!(alike, "seed {seed}, query {query}, by indexes: {draft:#?}");
                }
                Err(EngineError::Plan(PlanError::FullScan { .. })) => {}
                Err(error) => panic!("seed {seed}, query {query}: {error}\n{draft:#?}"),
            }
        }
        let changes_columns =
            |clause: &Clause| matches!(clause, Clause::Select(_) | Clause::Grouping(_) | Clause::Distinct);
        if !draft.clauses.iter().any(changes_columns) {
            assert_eq!(count(&snapshot, &draft).expect("a count"), expected.len() as u64, "{draft:#?}");
            let exists = super::exists(snapshot.operation().view(), &draft).expect("an answer");
            assert_eq!(exists, !expected.is_empty(), "{draft:#?}");
            let keys = |in_order| {
                let mut keys = keys(snapshot.operation().view(), &draft, in_order).expect("keys");
                keys.sort_unstable();
                keys
            };
            let found = keys(false);
            assert_eq!(found.len(), expected.len(), "{draft:#?}");
            assert_eq!(keys(true), found, "{draft:#?}");
        }
    }
}

/// What takes the rows of a draft, and how they were come by.
#[cfg(not(feature = "small"))]
type Told<'t> = dyn Fn(&str, Result<Vec<Vec<Scalar>>, EngineError>) + 't;

/// Gives `each` the rows of a draft with a test in a program's own code among its clauses that reads whole records, and lets all through: it
/// changes nothing, wherever it is.
#[cfg(not(feature = "small"))]
fn check_native(reading: &dyn Reading, little: &dyn Reading, draft: &Draft, query: usize, each: &Told<'_>) {
    let test = RecordTest(alloc::boxed::Box::new(|record, collection| {
        for (field, place) in collection.fields.iter().zip(&collection.layout.places) {
            assert!(field.optional || record.field(place)?.as_cell().is_some(), "all of it is there");
        }
        Ok(true)
    }));
    let of_values = |clause: &Clause| {
        use Clause as C;
        matches!(
            clause,
            C::Grouping(_) | C::Distinct | C::Set(..) | C::Common(_) | C::Recursive(..) | C::Previous(_)
        )
    };
    let end = draft.clauses.iter().position(of_values).unwrap_or(draft.clauses.len());
    let mut clauses: Vec<Clause> = draft.clauses.iter().cloned().collect();
    clauses.insert(query % (end + 1), Clause::native(crate::expr::Native::new(test)));
    let draft = Draft { clauses: clauses.into(), ..draft.clone() };
    for (rules, which) in [(RuleSet::ALL, "a native test"), (RuleSet::NONE, "a native test, by no rule")] {
        each(which, rows(reading.operation().view(), &draft, rules));
    }
    each("a native test, with little memory", streamed(little, &draft));
}

/// What a draft is answered by, in words: all rules, none, and all but one of those that change its plan; and so of what planning chooses
/// beside them.
#[cfg_attr(feature = "small", allow(clippy::useless_conversion, reason = "it has rules alone"))]
pub(super) fn rule_sets(reading: &dyn Reading, draft: &Draft) -> Vec<(Switches, String)> {
    let operation = reading.operation();
    let view = operation.view();
    let mut sets = Vec::from([
        (RuleSet::ALL.into(), String::from("by all rules")),
        (RuleSet::NONE.into(), String::from("by no rule")),
    ]);
    for name in fired(view.catalog(), draft, &Measured::new(view)) {
        sets.push((RuleSet::ALL.without(name).into(), format!("without {name}")));
    }
    #[cfg(not(feature = "small"))]
    {
        let chosen = chosen(view, draft);
        for (choice, name) in &chosen {
            let choices = Choices::ALL.without(*choice);
            sets.push((Switches { rules: RuleSet::ALL, choices }, format!("without {name}")));
        }
        if chosen.len() > 1 {
            let none = Switches { rules: RuleSet::ALL, choices: Choices::NONE };
            sets.push((none, String::from("by no choice")));
        }
    }
    sets
}

/// What is chosen where a draft is planned: without it the plan is another one.
#[cfg(not(feature = "small"))]
pub(super) fn chosen(view: View<'_>, draft: &Draft) -> Vec<(Choice, &'static str)> {
    fn has_bar(node: &PhysicalNode) -> bool {
        matches!(node.operator, Operator::Sort { bars: true, .. }) || node.children().into_iter().any(has_bar)
    }
    let shown = |choices: Choices| {
        let planned = plan(view, draft, Purpose::Rows, Switches { rules: RuleSet::ALL, choices });
        let planned = planned.expect("a plan");
        (Plan::of(&planned).to_string(), has_bar(&planned.root))
    };
    let all = shown(Choices::ALL);
    Choice::ALL.into_iter().filter(|(choice, _)| shown(Choices::ALL.without(*choice)) != all).collect()
}

/// The records in a file, with so little memory that what can put rows aside does.
#[cfg(not(feature = "small"))]
pub(super) fn little(data: &[Collection], schema: &'static DatabaseSchema) -> Store {
    use crate::storage::pager::PagerOptions;
    let options = PagerOptions { cache_bytes: 2 * crate::engine::exec::NOTHING, ..PagerOptions::default() };
    let files = alloc::sync::Arc::new(crate::storage::vfs::MemoryVfs::new());
    let store = Store::open(files, "music", options, (None, None), schema);
    let store = store.expect("a new file");
    insert(&store, data);
    store
}

/// Whether an answer is that of the reference: the same rows, or no result where that has none.
pub(super) fn agree(
    got: &Result<Vec<Vec<Scalar>>, EngineError>,
    expected: &Result<Vec<Vec<Scalar>>, ()>,
) -> bool {
    match (got, expected) {
        (Ok(got), Ok(expected)) => same(got, expected),
        (Err(EngineError::Exec(ExecError::Arithmetic(_))), Err(())) => true,
        _ => false,
    }
}

/// Checks a query of the shape of another, whose plan it gets, with other values.
#[cfg(not(feature = "small"))]
fn check_kept_plan(
    maker: &mut Maker<'_>,
    reference: &Reference<'_>,
    reading: &dyn Reading,
    draft: &Draft,
    ordered: bool,
    place: &str,
) {
    let comparable = |rows: Vec<Vec<Scalar>>| if ordered { rows } else { sorted(rows) };
    // The plan that is kept is that of either.
    let _ = run(reading.operation().view(), draft);
    let other = maker.with_other_values(draft);
    let expected = reference.run(&other).map(comparable);
    let compiled = others::compiled(&other);
    for other in [&other, &compiled, &compiled] {
        let got = run(reading.operation().view(), other).and_then(scalars).map(comparable);
        assert!(
            agree(&got, &expected),
            "{place}, by a plan that is kept:\n{draft:?}\nand then\n{other:?}\n{}\ngot {got:?}\nexpected {expected:?}",
            explain(reading.operation().view(), other).expect("a plan"),
        );
    }
}

/// Whether it is known that something is wrong.
fn is_planted() -> bool {
    #[cfg(not(feature = "small"))]
    return planted::is_any();
    #[cfg(feature = "small")]
    false
}

/// The smallest case like a draft that some rules answer otherwise than the reference.
fn smaller(
    asked: &Asked<'_>,
    draft: &Draft,
    ordered: bool,
    rules: impl Into<Switches>,
) -> (Vec<Collection>, Draft) {
    let rules = rules.into();
    let orders =
        |draft: &Draft| draft.clauses.iter().filter(|clause| matches!(clause, Clause::Order(_))).count();
    let had = orders(draft);
    let differs = |data: &[Collection], draft: &Draft| {
        // Without an order that it had, what is made smaller may come in any.
        let ordered = ordered && orders(draft) == had;
        let comparable = |rows: Vec<Vec<Scalar>>| if ordered { rows } else { sorted(rows) };
        let store = Store::in_memory(asked.schema).expect("a sound schema");
        insert(&store, data);
        let snapshot = store.snapshot();
        let got = rows(snapshot.operation().view(), draft, rules).map(comparable);
        let is_planned = !matches!(got, Err(EngineError::Plan(_)));
        is_planned && !agree(&got, &Reference::new(data).run(draft).map(comparable))
    };
    shrink(asked.data, draft, &differs)
}

#[test]
#[cfg(not(feature = "small"))]
fn a_difference_is_made_as_small_as_it_can_be() {
    let data = collections(&mut Random::new(1));
    let asked = Asked::of(&data, &f::DATABASE);
    let later = f::field(f::track::ID).binary(BinaryOp::Gt, f::id(3));
    let tracks = draft(f::Track).filter(f::field(f::track::ACTIVE).unary(UnaryOp::Not).unary(UnaryOp::Not));
    let tracks = tracks.filter(later.clone().binary(BinaryOp::Or, later)).limit(1).select([f::field(0)]);
    let _planted = planted::Planted::new(planted::Bug::LimitThroughFilter);
    let (data, draft) = smaller(&asked, &tracks.build(), true, RuleSet::ALL);
    // One filter and a limit, of two tracks at most, of which one is dropped, and what these need.
    assert_eq!(draft.clauses.len(), 2, "{draft:#?}");
    assert!(data[TRACK].1.len() <= 2, "{data:?}");
}

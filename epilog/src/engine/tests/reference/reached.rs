//! Whether drafts reach every rule, every way to records and every operator: what none of them is made by is not tested by them.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::*;
use crate::engine::optimizer::RULES;
use crate::engine::physical::{Choice, Method, Operator, PhysicalNode, has_words};
use crate::schema::{Catalog, IndexId};

/// What operators are called in plans, and ways to records.
const OPERATORS: [&str; 39] = [
    "nothing",
    "scan",
    "key lookup",
    "key range",
    "index lookup",
    "index range",
    "index scan",
    "index union",
    "index intersection",
    "skip scan",
    "filter",
    "lookup",
    "among",
    "sieve",
    "ahead",
    "semi join",
    "anti join",
    "any",
    "count",
    "aggregate of",
    "join",
    "left join",
    "merge join",
    "left merge join",
    "sort",
    "top",
    "limit",
    "aggregate",
    "union",
    "union all",
    "intersect",
    "intersect all",
    "except",
    "except all",
    "shared",
    "values",
    "recursive",
    "previous",
    "window",
];

/// What there is in plans beside their operators, as Rust shows it.
const PARTS: [&str; 29] = [
    "access: Nothing",
    "access: Keys(",
    "backward: true",
    "whole: false",
    "access: Skip",
    "how: Any",
    "how: Both",
    "access: Pointing {",
    "key_order: true",
    "key_order: false, entries: Some(",
    "by: Some(",
    "access: PointedAt {",
    "order: Forward",
    "order: Backward",
    "order: BackwardTiesForward",
    "order: Key,",
    "order: KeyBackward",
    "entries: Some(",
    "fetch: false",
    "runs: true",
    "method: Probe { index: None",
    "method: Probe { index: Some(",
    "method: Hash",
    "band: Some(",
    "span: Some(",
    "start: Some(Expr",
    "start: None, taken: AsTheyCame",
    "once: true",
    "same: [Expr",
];

/// What is put aside where there is little memory: the operator, and one that is beneath it, if that is what counts.
const ASIDE: [(&str, &str, &str); 12] = [
    ("join aside", "join", ""),
    ("left join aside", "left join", ""),
    ("sort of joined rows aside", "sort", "join"),
    ("top of joined rows aside", "top", "join"),
    ("groups in order aside", "aggregate", "sort"),
    ("semi join aside", "semi join", ""),
    ("anti join aside", "anti join", ""),
    ("any aside", "any", ""),
    ("count aside", "count", ""),
    ("aggregate of aside", "aggregate of", ""),
    ("window aside", "window", ""),
    ("window of joined rows aside", "window", "join"),
];

/// Whether an operator of a plan put something aside, and has one beneath it that is called so.
fn puts_aside(plan: &Plan, operator: &str, beneath: &str) -> bool {
    fn has(node: &crate::engine::explain::PlanNode, name: &str) -> bool {
        node.children.iter().any(|child| child.operator.contains(name) || has(child, name))
    }
    plan.operators().into_iter().any(|node| {
        node.operator == operator
            && node.actual.is_some_and(|actual| actual.spilled > 0)
            && (beneath.is_empty() || has(node, beneath))
    })
}

/// What it is called that an index of some records alone is looked into for each row.
const PROBES_SOME: &str = "method: Probe, of an index of some records";

fn probes_some(node: &PhysicalNode, catalog: &Catalog) -> bool {
    let method = match &node.operator {
        Operator::Join(join) => Some(&join.method),
        Operator::Subquery(subquery) => Some(&subquery.method),
        _ => None,
    };
    let is_partial = |id: IndexId| {
        let mut indexes = catalog.collections.iter().flat_map(|collection| &collection.indexes);
        indexes.any(|index| index.id == id && index.is_partial())
    };
    matches!(method, Some(Method::Probe { index: Some(id), .. }) if is_partial(*id))
        || node.children().into_iter().any(|child| probes_some(child, catalog))
}

/// What sieves are for beside the rows of joins by one number.
const SIEVED: [&str; 4] =
    ["sieve for a semi join", "sieve by several values", "sieve below groups", "sieve by what is no number"];

fn sieved(node: &PhysicalNode, reached: &mut Vec<&'static str>) {
    let own = match &node.operator {
        Operator::Subquery(subquery) if !subquery.sieves.is_empty() => Some(SIEVED[0]),
        Operator::Sieve(sieve) if sieve.by.len() > 1 => Some(SIEVED[1]),
        Operator::Aggregate { input, .. } if matches!(input.operator, Operator::Sieve(_)) => Some(SIEVED[2]),
        Operator::Sieve(sieve) if !has_words(sieve.by[0].ty) => Some(SIEVED[3]),
        _ => None,
    };
    reached.extend(own);
    node.children().into_iter().for_each(|child| sieved(child, reached));
}

#[test]
fn drafts_reach_every_rule_and_every_operator() {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let names = RULES.iter().map(|rule| rule.name);
    let names = names.chain(Choice::ALL.map(|(_, name)| name));
    let names = names.chain([PROBES_SOME]).chain(SIEVED);
    names.chain(OPERATORS).chain(PARTS).chain(ASIDE.map(|aside| aside.0)).for_each(|name| {
        counts.insert(name, 0);
    });
    let mut note = |view: View<'_>, little: &dyn Reading, draft: &Draft| {
        let mut reached = fired(view.catalog(), draft, &Measured::new(view));
        reached.extend(checks::chosen(view, draft).into_iter().map(|(_, name)| name));
        let planned = plan(view, draft, Purpose::Rows, RuleSet::ALL).expect("a plan");
        reached.extend(Plan::of(&planned).operators().iter().map(|node| node.operator));
        reached.extend(probes_some(&planned.root, view.catalog()).then_some(PROBES_SOME));
        sieved(&planned.root, &mut reached);
        let shown = format!("{:?}", planned.root);
        reached.extend(PARTS.into_iter().filter(|part| shown.contains(part)));
        // What faults are in the way of is not measured.
        if let Ok(plan) = analyze(little, draft, &Control::default()) {
            let aside = ASIDE.iter().filter(|aside| puts_aside(&plan, aside.1, aside.2));
            reached.extend(aside.map(|aside| aside.0));
        }
        for name in reached {
            counts.entry(name).and_modify(|count| *count += 1);
        }
    };
    for seed in 1..=seeds(40) {
        for is_made in [false, true] {
            let mut random = Random::new(seed);
            let (data, database) = schemas::of_kind(&mut random, is_made);
            let store = Store::in_memory(database).expect("a sound schema");
            insert(&store, &data);
            let snapshot = store.snapshot();
            let little = checks::little(&data, database);
            let little = little.snapshot();
            let mut maker = Maker::new(random, &data);
            (0..25).for_each(|_| note(snapshot.operation().view(), &little, &maker.any_draft().0));
            (0..20).for_each(|_| note(snapshot.operation().view(), &little, &maker.ruled_draft().0));
            (0..10).for_each(|_| note(snapshot.operation().view(), &little, &maker.narrow_draft().0));
            (0..10).for_each(|_| note(snapshot.operation().view(), &little, &maker.partly_indexed_draft().0));
            (0..10).for_each(|_| note(snapshot.operation().view(), &little, &maker.spanned_draft().0));
            (0..10).for_each(|_| note(snapshot.operation().view(), &little, &maker.grouped_draft(false).0));
            (0..10).for_each(|_| note(snapshot.operation().view(), &little, &maker.sifted_draft().0));
            if !is_made {
                (0..10).for_each(|_| note(snapshot.operation().view(), &little, &maker.few_draft(false).0));
            }
        }
    }
    std::println!("{counts:#?}");
    let missing: Vec<&str> = counts.iter().filter(|(_, count)| **count == 0).map(|(name, _)| *name).collect();
    assert!(missing.is_empty(), "no draft reaches {missing:?}");
}

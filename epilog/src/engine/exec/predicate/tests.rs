//! Tests on the bytes of pages, and sieves, against the values of each record by itself.

use alloc::string::String;

use proptest::prelude::*;

use super::*;
use crate::engine::exec::Vector;
use crate::engine::exec::text::tests::{globs, likes};
use crate::engine::exec::trial::{batches, with_env};
use crate::engine::fixture as f;

/// Texts of every length around those that are compared as numbers, with beginnings in common.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof!["[ab]{0,3}", "(a{7}|a{8}|a{15}|a{16})[abÄ]{0,3}", "[abÄ\u{0}𝄞]{0,6}", "(ab){0,9}",]
}

/// Records of countries: keys that differ, names some of which are absent.
fn countries() -> impl Strategy<Value = Vec<Vec<Scalar>>> {
    let absent = prop::sample::select([0.001, 0.3, 0.999].to_vec());
    let one = |absent: f64| (texts(), prop::option::weighted(1.0 - absent, texts()), 0i128..60);
    absent.prop_flat_map(move |absent| prop::collection::vec(one(absent), 1..30)).prop_map(|all| {
        let record = |(at, (code, name, population)): (usize, (String, Option<String>, i128))| {
            let name = name.map_or(Scalar::Null, Scalar::String);
            Vec::from([Scalar::String(format!("{code}{at}")), name, Scalar::Int(population)])
        };
        all.into_iter().enumerate().map(record).collect()
    })
}

fn dropped() -> impl Strategy<Value = Vec<bool>> {
    prop::collection::vec(any::<bool>(), 7)
}

/// Checks that a predicate lets through just those rows of every batch whose record `holds`, or the absence of one; `may` pass more.
fn check(
    env: &Env<'_>,
    dropped: &[bool],
    predicate: impl Fn() -> Predicate,
    is_exact: bool,
    holds: impl Fn(Option<usize>) -> bool,
) -> Result<(), TestCaseError> {
    let mut outcome = Ok(());
    batches(env, dropped, |form, mut batch, numbers| {
        let mut before = Vec::new();
        batch.selected().for_each(|row| before.push(row));
        predicate().apply(env, &mut batch).expect("pages that can be read");
        let mut after = Vec::new();
        batch.selected().for_each(|row| after.push(row));
        let mut want = before.clone();
        want.retain(|row| holds(numbers[*row]));
        if !is_exact {
            want.retain(|row| !after.contains(row));
            after.clear();
        }
        if outcome.is_ok() && after != want {
            outcome = Err(TestCaseError::fail(format!("{form:?}, {before:?}: {after:?}, not {want:?}")));
        }
    });
    outcome
}

fn text_of(value: &Scalar) -> Option<&str> {
    match value {
        Scalar::String(text) => Some(text),
        _ => None,
    }
}

/// A field of the query's collection.
fn field(env: &Env<'_>, ordinal: u16) -> Expr {
    let collection = env.collection(Slot(0));
    let position = collection.positions[usize::from(ordinal)];
    let of = &collection.fields[usize::from(position)];
    Expr::field(Slot(0), position, of.ty, of.optional)
}

fn predicate(env: &Env<'_>, expr: &Expr) -> Predicate {
    Predicate::new(expr.clone(), |slot| env.collection(slot))
}

const OPS: [BinaryOp; 9] = [
    BinaryOp::Eq,
    BinaryOp::StartsWith,
    BinaryOp::EndsWith,
    BinaryOp::Contains,
    BinaryOp::Like,
    BinaryOp::Matches,
    // Not tried on pages.
    BinaryOp::Ne,
    BinaryOp::Lt,
    BinaryOp::Ge,
];

fn passes(op: BinaryOp, text: &str, with: &str) -> bool {
    let chars = |text: &str| text.chars().collect::<Vec<char>>();
    match op {
        BinaryOp::Eq => text == with,
        BinaryOp::Ne => text != with,
        BinaryOp::Lt => text < with,
        BinaryOp::Ge => text >= with,
        BinaryOp::StartsWith => text.starts_with(with),
        BinaryOp::EndsWith => text.ends_with(with),
        BinaryOp::Contains => text.contains(with),
        BinaryOp::Like => likes(&chars(text), &chars(with)),
        _ => globs(&chars(text), &chars(with)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn texts_are_tested_on_their_pages_as_single_ones_are(
        records in countries(),
        with in prop_oneof![texts(), "[ab]{0,2}[%*][abÄ?_]{0,2}[%*]?"],
        (from, cut) in (any::<prop::sample::Index>(), 0usize..20),
        dropped in dropped(),
    ) {
        with_env(f::Country, &records, |env| -> Result<(), TestCaseError> {
            // Also the beginning and the end of a text that is there, and all of it.
            let own = from.get(&records);
            let own: Vec<char> = text_of(&own[1]).or(text_of(&own[0])).expect("a text").chars().collect();
            let (start, end) = own.split_at(cut.min(own.len()));
            for with in [with, own.iter().collect(), start.iter().collect(), end.iter().collect()] {
                for (ordinal, op) in OPS.iter().flat_map(|op| [(f::country::CODE, *op), (f::country::NAME, *op)]) {
                    let literal = Expr::literal(Scalar::String(with.clone()), Type::String);
                    let expr = Expr::binary_test(op, field(env, ordinal), literal);
                    check(env, &dropped, || predicate(env, &expr), true, |record| {
                        let text = record.and_then(|at| text_of(&records[at][usize::from(ordinal)]));
                        text.map_or(op == BinaryOp::Ne, |text| passes(op, text, &with))
                    })
                    .map_err(|error| TestCaseError::fail(format!("{op:?} {with:?}: {error}")))?;
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn beginnings_are_told_on_their_pages_as_those_of_single_texts(
        records in countries(),
        count in prop_oneof![0i128..10, Just(i128::from(u64::MAX))],
        mut candidates in prop::collection::vec(texts(), 1..4),
        from in any::<prop::sample::Index>(),
        dropped in dropped(),
    ) {
        let left = |text: &str| text.chars().take(usize::try_from(count).unwrap_or(usize::MAX)).collect::<String>();
        candidates.extend(from.get(&records).iter().filter_map(text_of).map(left));
        with_env(f::Country, &records, |env| -> Result<(), TestCaseError> {
            for ordinal in [f::country::CODE, f::country::NAME] {
                let arguments = Vec::from([field(env, ordinal), Expr::literal(Scalar::Int(count), Type::U64)]);
                let call = ExprKind::Call(Function::Left, arguments, parts::Whole::build().expect("it is none of a part"));
                let call = Expr { kind: call, ty: Type::String, nullable: true };
                let literal = |text: &String| Expr::literal(Scalar::String(text.clone()), Type::String);
                let listed = candidates.iter().map(literal).collect();
                let expr = Expr::test(ExprKind::In(Box::new(call), listed));
                check(env, &dropped, || predicate(env, &expr), true, |record| {
                    let text = record.and_then(|at| text_of(&records[at][usize::from(ordinal)]));
                    text.is_some_and(|text| candidates.contains(&left(text)))
                })?;
            }
            Ok(())
        })?;
    }

    /// What is among the keys passes; what is not passes nowhere where each number has a bit of its own.
    #[test]
    fn what_has_a_partner_passes_a_sieve(
        readings in prop::collection::vec((prop::option::of(0i128..4), prop::option::of(-40i128..40)), 1..30),
        (first, step) in (-50i128..50, 1usize..4),
        partners in prop::collection::vec((prop::option::of(0i128..4), prop::option::of(-40i128..40), -50i128..90), 0..20),
        dropped in dropped(),
    ) {
        let optional = |of: Option<i128>| of.map_or(Scalar::Null, Scalar::Int);
        let records: Vec<Vec<Scalar>> = (0..)
            .zip(&readings)
            .map(|(at, (code, value))| Vec::from([Scalar::Int(first + at * step as i128), optional(*code), optional(*value)]))
            .collect();
        let others: Vec<[Scalar; 3]> =
            partners.iter().map(|(code, value, at)| [Scalar::Int(*at), optional(*code), optional(*value)]).collect();
        with_env(f::Reading, &records, |env| -> Result<(), TestCaseError> {
            let by_each = [f::reading::AT, f::reading::CODE, f::reading::VALUE].map(|of| Vec::from([of]));
            let by_several = [Vec::from([f::reading::CODE, f::reading::VALUE]), Vec::from([f::reading::AT, f::reading::CODE])];
            for by in by_each.into_iter().chain(by_several) {
                let fields: Vec<Expr> = by.iter().map(|ordinal| field(env, *ordinal)).collect();
                let mut gathering = sieve::Gathering::default();
                // In two parts, as tables are made.
                for part in [&others[..others.len() / 2], &others[others.len() / 2..]] {
                    let columns: Vec<Vector<'_>> = fields.iter().zip(&by).map(|(field, ordinal)| {
                        column(field.ty, part.iter().map(|other| &other[usize::from(*ordinal)]))
                    }).collect();
                    gathering.take(&columns.iter().collect::<Vec<_>>());
                }
                let keys = gathering.finish().expect("nothing without a result");
                let sieve = || {
                    let known = Known::default();
                    known.set(Arc::clone(&keys));
                    Predicate::in_set(fields.clone(), known, |slot| env.collection(slot))
                };
                let among = |values: &[&Scalar]| {
                    others.iter().any(|other| by.iter().zip(values).all(|(of, value)| other[usize::from(*of)] == **value))
                };
                // A byte's number is a hash, and so is one for several values, and numbers lie far apart where some are below zero: then
                // a few more may pass.
                let is_low = |other: &[Scalar; 3]| matches!(other[usize::from(by[0])], Scalar::Int(..0));
                let is_exact = by.len() == 1 && by[0] != f::reading::CODE && !others.iter().any(is_low);
                check(env, &dropped, sieve, is_exact, |record| {
                    let value = |of: &u16| record.map_or(&Scalar::Null, |at| &records[at][usize::from(*of)]);
                    among(&by.iter().map(value).collect::<Vec<_>>())
                })
                .map_err(|error| TestCaseError::fail(format!("by {by:?}: {error}")))?;
            }
            Ok(())
        })?;
    }

    #[test]
    fn texts_and_keys_of_records_pass_a_sieve(
        names in prop::collection::vec(texts(), 1..30),
        others in prop::collection::vec(texts(), 0..5),
        ids in prop::collection::vec(1i128..40, 0..20),
        dropped in dropped(),
    ) {
        let text = |text: String| Scalar::String(text);
        let records: Vec<Vec<Scalar>> =
            (1..).zip(&names).map(|(id, name)| Vec::from([Scalar::Int(id), text(format!("{name}{id}"))])).collect();
        let others: Vec<Scalar> =
            others.into_iter().map(text).chain(records.iter().step_by(3).map(|record| record[1].clone())).collect();
        let ids: Vec<Scalar> = ids.into_iter().map(Scalar::Int).collect();
        with_env(f::Artist, &records, |env| -> Result<(), TestCaseError> {
            for (ordinal, partners, is_exact) in [(f::artist::NAME, &others, false), (f::artist::ID, &ids, true)] {
                let of = field(env, ordinal);
                let mut gathering = sieve::Gathering::default();
                gathering.take(&[&column(of.ty, partners.iter())]);
                let keys = gathering.finish().expect("nothing without a result");
                let sieve = || {
                    let known = Known::default();
                    known.set(Arc::clone(&keys));
                    Predicate::in_set(Vec::from([of.clone()]), known, |slot| env.collection(slot))
                };
                check(env, &dropped, sieve, is_exact, |record| {
                    record.is_some_and(|at| partners.contains(&records[at][usize::from(ordinal)]))
                })?;
            }
            Ok(())
        })?;
    }
}

/// Values one after the other.
fn column<'v>(ty: Type, values: impl Iterator<Item = &'v Scalar>) -> Vector<'static> {
    let each: Vec<Vector<'static>> = values.map(|value| Vector::constant(ty, value, 1)).collect();
    match each.is_empty() {
        true => Vector::constant(ty, &Scalar::Null, 0),
        false => Vector::collect(each.iter().map(|value| (value, 0))),
    }
}

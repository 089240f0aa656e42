//! Operations against those of single values.

use alloc::string::String;

use proptest::prelude::*;

use super::*;
use crate::engine::exec::columns::{
    Column, NUMBERS, OTHERS, Outcome, ROWS, column, column_of, is_same, lists_of, outcome, value_of,
};
use crate::engine::exec::text::tests::{globs, likes};

const COMPARISONS: [BinaryOp; 6] =
    [BinaryOp::Eq, BinaryOp::Ne, BinaryOp::Lt, BinaryOp::Le, BinaryOp::Gt, BinaryOp::Ge];

fn any_type() -> impl Strategy<Value = Type> {
    prop::sample::select([&NUMBERS[..], &OTHERS].concat())
}

fn type_of_elements() -> impl Strategy<Value = Type> {
    let has_lists = |ty: &Type| ty.list().is_some();
    prop::sample::select([&NUMBERS[..], &OTHERS].concat().into_iter().filter(has_lists).collect::<Vec<_>>())
}

/// Values of a type of which many are equal.
fn few_of(ty: Type) -> BoxedStrategy<Scalar> {
    match ty {
        Type::String => "[a\u{0}Ä]{0,2}".prop_map(Scalar::String).boxed(),
        Type::F32 | Type::F64 => {
            prop::sample::select([f64::NAN, -0.0, 0.0, 1.5, f64::INFINITY].map(Scalar::Float).to_vec())
                .boxed()
        }
        _ => value_of(ty),
    }
}

/// Whether a condition holds.
fn truth(of: &Scalar) -> bool {
    matches!(of, Scalar::Bool(true))
}

/// What every row of `got` should be.
fn check(got: &Vector<'_>, want: impl Fn(usize) -> Outcome) -> Result<(), TestCaseError> {
    prop_assert_eq!(got.len(), ROWS);
    for row in 0..ROWS {
        let (got, want) = (outcome(got, row), want(row));
        prop_assert!(is_same(&got, &want), "row {}: {:?}, not {:?}", row, got, want);
    }
    Ok(())
}

fn text(of: &Scalar) -> Option<&str> {
    match of {
        Scalar::String(text) => Some(text),
        _ => None,
    }
}

/// The outcome of an operation of one value that is absent where the value is.
fn mapped(of: &Column, row: usize, then: impl Fn(&Scalar) -> Scalar) -> Outcome {
    of.at(row).map(|value| if value.is_null() { Scalar::Null } else { then(value) })
}

proptest! {
    #[test]
    fn comparisons_agree_with_those_of_single_values(
        (left, right) in any_type().prop_flat_map(|ty| (column(ty), column(ty)))
    ) {
        for op in COMPARISONS {
            let got = binary(op, left.vector(), right.vector());
            check(&got, |row| {
                let (a, b) = (left.at(row)?, right.at(row)?);
                Ok(Scalar::Bool(match (a.is_null(), b.is_null()) {
                    (false, false) => holds(op, a.compare(b)),
                    (true, true) => op == BinaryOp::Eq,
                    _ => op == BinaryOp::Ne,
                }))
            })?;
        }
    }

    #[test]
    fn conditions_are_connected_as_single_ones_are((left, right) in (column(Type::Bool), column(Type::Bool))) {
        for (op, deciding) in [(BinaryOp::And, false), (BinaryOp::Or, true)] {
            let got = binary(op, left.vector(), right.vector());
            check(&got, |row| match (left.at(row).map(truth), right.at(row).map(truth)) {
                (Ok(one), _) | (_, Ok(one)) if one == deciding => Ok(Scalar::Bool(deciding)),
                (Ok(_), Ok(other)) if other == deciding => Ok(Scalar::Bool(deciding)),
                (Ok(_), Ok(_)) => Ok(Scalar::Bool(!deciding)),
                _ => Err(()),
            })?;
        }
        check(&unary(UnaryOp::Not, &left.vector()), |row| mapped(&left, row, |value| Scalar::Bool(!truth(value))))?;
    }

    #[test]
    fn what_is_absent_is_replaced_as_single_values_are(
        (left, right) in any_type().prop_flat_map(|ty| (column(ty), column(ty)))
    ) {
        check(&unary(UnaryOp::IsNone, &left.vector()), |row| Ok(Scalar::Bool(left.at(row)?.is_null())))?;
        check(&unary(UnaryOp::IsSome, &left.vector()), |row| Ok(Scalar::Bool(!left.at(row)?.is_null())))?;
        let replaced = binary(BinaryOp::OrElse, left.vector(), right.vector());
        check(&replaced, |row| match left.at(row)? {
            Scalar::Null => right.values[row].clone(),
            value => Ok(value.clone()),
        })?;
    }

    #[test]
    fn one_of_two_is_chosen_as_of_single_values(
        (condition, then, otherwise) in any_type().prop_flat_map(|ty| (column(Type::Bool), column(ty), column(ty)))
    ) {
        let chosen = choose(&condition.vector(), &then.vector(), &otherwise.vector());
        check(&chosen, |row| match truth(condition.at(row)?) {
            true => then.values[row].clone(),
            false => otherwise.values[row].clone(),
        })?;
    }

    #[test]
    fn texts_are_tested_as_single_ones_are((left, right) in (column(Type::String), column(Type::String))) {
        type Test = fn(&str, &str) -> bool;
        let tests: [(BinaryOp, Test); 3] = [
            (BinaryOp::StartsWith, |text, part| text.starts_with(part)),
            (BinaryOp::EndsWith, |text, part| text.ends_with(part)),
            (BinaryOp::Contains, |text, part| text.contains(part)),
        ];
        for (op, passes) in tests {
            let got = binary(op, left.vector(), right.vector());
            check(&got, |row| {
                let (text, part) = (text(left.at(row)?), text(right.at(row)?));
                Ok(Scalar::Bool(text.zip(part).is_some_and(|(text, part)| passes(text, part))))
            })?;
        }
        let of = |op| unary(op, &left.vector());
        let chars = |value: &Scalar| Scalar::Int(text(value).map_or(0, |text| text.chars().count() as i128));
        check(&of(UnaryOp::Length), |row| mapped(&left, row, chars))?;
        let changed = |change: fn(&str) -> String| {
            move |value: &Scalar| Scalar::String(change(text(value).expect("a text")))
        };
        check(&of(UnaryOp::Lower), |row| mapped(&left, row, changed(str::to_lowercase)))?;
        check(&of(UnaryOp::Upper), |row| mapped(&left, row, changed(str::to_uppercase)))?;
    }

    #[test]
    fn patterns_are_tried_as_on_single_texts(
        (text_of, like, glob) in (
            column_of(Type::String, "[ab%Ä]{0,5}".prop_map(Scalar::String).boxed()),
            column_of(Type::String, "[ab%_\\\\Ä]{0,4}".prop_map(Scalar::String).boxed()),
            column_of(Type::String, "([ab*?Ä]|\\[!?[a-c]\\]){0,4}".prop_map(Scalar::String).boxed()),
        )
    ) {
        type Test = fn(&[char], &[char]) -> bool;
        for (op, patterns, passes) in
            [(BinaryOp::Like, &like, likes as Test), (BinaryOp::Matches, &glob, globs as Test)]
        {
            let got = binary(op, text_of.vector(), patterns.vector());
            check(&got, |row| {
                let (text, pattern) = (text(text_of.at(row)?), text(patterns.at(row)?));
                let chars = |text: &str| text.chars().collect::<Vec<char>>();
                let passes = text.zip(pattern).is_some_and(|(text, of)| passes(&chars(text), &chars(of)));
                Ok(Scalar::Bool(passes))
            })?;
        }
    }

    #[test]
    fn lists_are_tested_as_their_elements_are(
        (lists, others, one) in type_of_elements().prop_flat_map(|ty| {
            (lists_of(ty, few_of(ty), 0..5), lists_of(ty, few_of(ty), 0..3), column_of(ty, few_of(ty)))
        })
    ) {
        let has = |list: &[Scalar], one: &Scalar| list.iter().any(|own| own.compare(one).is_eq());
        check(&binary(BinaryOp::Has, lists.column.vector(), one.vector()), |row| {
            let (list, one) = (lists.at(row)?, one.at(row)?);
            Ok(Scalar::Bool(!one.is_null() && list.is_some_and(|list| has(list, one))))
        })?;
        let both = |row| Ok(lists.at(row)?.zip(others.at(row)?));
        check(&binary(BinaryOp::HasAny, lists.column.vector(), others.column.vector()), |row| {
            let any = both(row)?.is_some_and(|(list, others)| others.iter().any(|one| has(list, one)));
            Ok(Scalar::Bool(any))
        })?;
        check(&binary(BinaryOp::HasAll, lists.column.vector(), others.column.vector()), |row| {
            let all = both(row)?.is_some_and(|(list, others)| others.iter().all(|one| has(list, one)));
            Ok(Scalar::Bool(all))
        })?;
        let count = unary(UnaryOp::Length, &lists.column.vector());
        check(&count, |row| Ok(lists.at(row)?.map_or(Scalar::Null, |list| Scalar::Int(list.len() as i128))))?;
    }

    #[cfg(feature = "chrono")]
    #[test]
    fn dates_are_taken_apart_as_chrono_does(of in column_of(Type::Date, (-80_000_000i128..80_000_000).prop_map(Scalar::Int).boxed())) {
        use chrono::{Datelike, NaiveDate};
        let date = |value: &Scalar| match value {
            Scalar::Int(days) => NaiveDate::from_num_days_from_ce_opt(*days as i32).expect("a day that chrono has"),
            other => panic!("{other:?} is no date"),
        };
        type Part = fn(NaiveDate) -> i128;
        let parts: [(UnaryOp, Part); 3] = [
            (UnaryOp::Year, |date| date.year().into()),
            (UnaryOp::Month, |date| date.month().into()),
            (UnaryOp::Day, |date| date.day().into()),
        ];
        for (op, part) in parts {
            check(&unary(op, &of.vector()), |row| mapped(&of, row, |value| Scalar::Int(part(date(value)))))?;
        }
    }

    #[cfg(feature = "chrono")]
    #[test]
    fn moments_are_taken_apart_as_chrono_does(
        of in prop::sample::select(&[Type::DateTime, Type::Timestamp][..]).prop_flat_map(|ty| {
            let cell = (-7_000_000_000_000i128..7_000_000_000_000, 0i128..1_000_000_000);
            column_of(ty, cell.prop_map(|(seconds, rest)| Scalar::Int(seconds << 32 | rest)).boxed())
        })
    ) {
        use chrono::{DateTime, Datelike, Utc};
        let moment = |value: &Scalar| match value {
            Scalar::Int(cell) => {
                DateTime::<Utc>::from_timestamp((cell >> 32) as i64, *cell as u32).expect("a moment that chrono has")
            }
            other => panic!("{other:?} is no moment"),
        };
        type Part = fn(DateTime<Utc>) -> i128;
        let parts: [(UnaryOp, Part); 3] = [
            (UnaryOp::Year, |moment| moment.year().into()),
            (UnaryOp::Month, |moment| moment.month().into()),
            (UnaryOp::Day, |moment| moment.day().into()),
        ];
        for (op, part) in parts {
            check(&unary(op, &of.vector()), |row| mapped(&of, row, |value| Scalar::Int(part(moment(value)))))?;
        }
    }

    #[test]
    fn bytes_are_tested_as_single_ones_are((left, right) in (column(Type::Bytes), column(Type::Bytes))) {
        let bytes = |of: &Scalar| match of {
            Scalar::Bytes(bytes) => Some(bytes.clone()),
            _ => None,
        };
        type Test = fn(&[u8], &[u8]) -> bool;
        let tests: [(BinaryOp, Test); 3] = [
            (BinaryOp::StartsWith, |all, part| all.starts_with(part)),
            (BinaryOp::EndsWith, |all, part| all.ends_with(part)),
            (BinaryOp::Contains, |all, part| (0..=all.len()).any(|at| all[at..].starts_with(part))),
        ];
        for (op, passes) in tests {
            let got = binary(op, left.vector(), right.vector());
            check(&got, |row| {
                let (all, part) = (bytes(left.at(row)?), bytes(right.at(row)?));
                Ok(Scalar::Bool(all.zip(part).is_some_and(|(all, part)| passes(&all, &part))))
            })?;
        }
        let count = |value: &Scalar| Scalar::Int(bytes(value).map_or(0, |bytes| bytes.len() as i128));
        check(&unary(UnaryOp::Length, &left.vector()), |row| mapped(&left, row, count))?;
    }

    #[test]
    fn texts_are_found_as_in_a_list(
        texts in prop::collection::vec(prop::option::weighted(0.9, "[ab\u{0}]{0,11}"), 0..40),
        others in prop::collection::vec("[ab\u{0}]{0,11}", 0..40),
    ) {
        let scalar = |text: &Option<String>| match text {
            Some(text) => Scalar::String(text.as_str().into()),
            None => Scalar::Null,
        };
        let scalars: Vec<Scalar> = texts.iter().map(scalar).collect();
        let among = Texts::new(Type::String, &scalars.iter().collect::<Vec<_>>());
        for other in others.iter().chain(texts.iter().flatten()) {
            let is_there = texts.iter().flatten().any(|text| text == other);
            prop_assert_eq!(among.contains(Some(other.as_bytes())), is_there);
        }
        prop_assert_eq!(among.contains(None), texts.contains(&None));
    }
}

//! Aggregates against those of single values, and what they are made of.

use super::*;

#[test]
fn medians_are_in_the_middle() {
    assert_eq!(median(&mut []), None);
    assert_eq!(median(&mut [7.0]), Some(7.0));
    assert_eq!(median(&mut [9.0, 1.0, 5.0]), Some(5.0));
    assert_eq!(median(&mut [9.0, 1.0, 5.0, 6.0]), Some(5.5));
    assert_eq!(median(&mut [f64::MAX, f64::MAX]), Some(f64::MAX));
}

#[test]
fn square_roots_have_all_digits() {
    for value in [0.0, 1.0, 2.0, 1e-300, 1e300, 12_345.678, f64::MIN_POSITIVE, f64::MAX] {
        let (root, exact) = (iterated_square_root(value), f64::sqrt(value));
        assert!((root - exact).abs() <= exact * 2.0 * f64::EPSILON, "{value}: {root} and {exact}");
    }
    assert!(iterated_square_root(-1.0).is_nan() && iterated_square_root(f64::NAN).is_nan());
}

/// Of words that lie close together and far apart, of several groups, and of the last of them alone.
#[test]
#[cfg(not(feature = "small"))]
fn groups_and_words_are_there_once() {
    let words: [fn(u64) -> u64; 3] =
        [|n| n % 50, |n| n % 50 * FAR, |n| if n == 300 { u64::MAX } else { n % 7 }];
    for word in words {
        let (mut pairs, mut model) = (Pairs::default(), alloc::collections::BTreeSet::new());
        for n in 0..500 {
            let (group, word) = ((n * n % 5) as u32, word(n));
            assert_eq!(pairs.insert(group, word), model.insert((group, word)));
        }
        assert_eq!(pairs.all().collect::<alloc::collections::BTreeSet<_>>(), model);
        assert_eq!(pairs.all().count(), model.len());
        pairs.keep_last(4);
        let of_last = model.iter().filter(|(group, _)| *group == 4);
        assert_eq!(
            pairs.all().collect::<alloc::collections::BTreeSet<_>>(),
            of_last.map(|(_, word)| (0, *word)).collect()
        );
        assert!(pairs.insert(1, word(0)), "the others are forgotten");
    }
}

#[cfg(not(feature = "small"))]
const FAR: u64 = 1 << 50;

/// Against the aggregates of single values.
#[cfg(all(feature = "decimal", not(feature = "small")))]
mod of_columns {
    use alloc::string::String;

    use proptest::prelude::*;
    use rust_decimal::Decimal;

    use super::*;
    use crate::engine::exec::columns::{Column, NUMBERS, OTHERS, Outcome, ROWS, column, is_same, outcome};
    use crate::engine::logical::{Computed, Expr, ExprKind};
    use crate::value::{Scalar, Value};

    const GROUPS: usize = 3;

    fn term(function: AggregateFunction, ty: Type) -> AggregateTerm {
        let argument = Expr { kind: ExprKind::Computed(Computed(0)), ty, nullable: true };
        AggregateTerm { function, argument: Some(argument), filter: None, output: Computed(1) }
    }

    fn decimal(of: &Scalar) -> Decimal {
        match of {
            Scalar::Decimal(parts) => Decimal::read(Some(&parts.to_cell())).expect("a decimal"),
            other => panic!("{other:?} is no decimal"),
        }
    }

    fn float(of: &Scalar) -> f64 {
        match of {
            Scalar::Int(value) => *value as f64,
            Scalar::Uint(value) => *value as f64,
            Scalar::Float(value) => *value,
            other => panic!("{other:?} is no number"),
        }
    }

    /// The sum of the values, in their order.
    fn sum(ty: Type, values: &[&Scalar]) -> Outcome {
        let int = |value: &Scalar| match value {
            Scalar::Int(value) => *value,
            other => panic!("{other:?} is no integer"),
        };
        let uint = |value: &Scalar| match value {
            Scalar::Uint(value) => *value,
            other => panic!("{other:?} is no integer"),
        };
        match ty {
            Type::F32 | Type::F64 => {
                Ok(Scalar::Float(values.iter().fold(0.0, |sum, value| sum + float(value))))
            }
            Type::Decimal => {
                let sum = values.iter().try_fold(Decimal::ZERO, |sum, value| sum.checked_add(decimal(value)));
                sum.map(|sum| sum.to_scalar()).ok_or(())
            }
            Type::U128 => {
                let sum = values.iter().try_fold(0u128, |sum, value| sum.checked_add(uint(value)));
                sum.map(Scalar::Uint).ok_or(())
            }
            ty => {
                let sum = values.iter().try_fold(0i128, |sum, value| sum.checked_add(int(value))).ok_or(())?;
                let of = match ty {
                    Type::I128 => Type::I128,
                    ty if ty.is_signed_integer() => Type::I64,
                    _ => Type::U64,
                };
                if fits(sum, of) { Ok(Scalar::Int(sum)) } else { Err(()) }
            }
        }
    }

    /// An aggregate of single values, none of which is absent.
    fn aggregate(function: &AggregateFunction, ty: Type, values: &[&Scalar]) -> Outcome {
        use AggregateFunction as F;
        let count = values.len();
        let floats = || values.iter().map(|value| float(value)).collect::<Vec<f64>>();
        let or_absent = |value: Option<&&Scalar>| Ok(value.map_or(Scalar::Null, |value| (*value).clone()));
        match function {
            F::Count => Ok(Scalar::Int(count as i128)),
            F::CountDistinct => {
                let is_first =
                    |at: &usize| !values[..*at].iter().any(|value| value.compare(values[*at]).is_eq());
                Ok(Scalar::Int((0..count).filter(is_first).count() as i128))
            }
            F::Sum => sum(ty, values),
            F::Avg if count == 0 => Ok(Scalar::Null),
            F::Avg if ty == Type::Decimal => {
                let sum = decimal(&sum(ty, values)?);
                sum.checked_div(count.into()).map(|mean| mean.to_scalar()).ok_or(())
            }
            F::Avg => {
                // Of integers the sum has to fit 128 bits only.
                let total = match ty {
                    Type::F32 | Type::F64 => floats().iter().fold(0.0, |sum, value| sum + value),
                    Type::U128 => float(&sum(ty, values)?),
                    _ => float(&sum(Type::I128, values)?),
                };
                Ok(Scalar::Float(total / count as f64))
            }
            F::Min => or_absent(values.iter().reduce(|a, b| if b.compare(a).is_lt() { b } else { a })),
            F::Max => or_absent(values.iter().reduce(|a, b| if b.compare(a).is_gt() { b } else { a })),
            F::Median if count == 0 => Ok(Scalar::Null),
            F::Median => {
                let mut floats = floats();
                floats.sort_by(|a, b| compare_floats(*a, *b));
                let (lower, upper) = (floats[(count - 1) / 2], floats[count / 2]);
                Ok(Scalar::Float(if count % 2 == 1 { upper } else { lower / 2.0 + upper / 2.0 }))
            }
            F::StringAgg { separator } => {
                let texts: Vec<String> = values.iter().map(|value| value.text_itself()).collect();
                Ok(if count == 0 { Scalar::Null } else { Scalar::String(texts.join(separator)) })
            }
            F::ArrayAgg => {
                let values: Vec<Scalar> = values.iter().map(|value| (*value).clone()).collect();
                Ok(Scalar::list(ty, &values).expect("a list of them"))
            }
            F::Variance | F::StdDev => {
                let (floats, count) = (floats(), count as f64);
                if count < 2.0 {
                    return Ok(Scalar::Null);
                }
                let mean = floats.iter().sum::<f64>() / count;
                let variance = floats.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
                Ok(Scalar::Float(if matches!(function, F::StdDev) { variance.sqrt() } else { variance }))
            }
        }
    }

    trait Itself {
        fn text_itself(&self) -> String;
    }

    impl Itself for Scalar {
        fn text_itself(&self) -> String {
            match self {
                Scalar::String(text) => text.clone(),
                other => panic!("{other:?} is no text"),
            }
        }
    }

    /// Adds two columns as two batches, and compares the result of each group with that of its values.
    fn check(
        function: AggregateFunction,
        columns: [&Column; 2],
        groups: &[u32],
        is_close: impl Fn(&Outcome, &Outcome) -> bool,
    ) -> Result<(), TestCaseError> {
        let ty = columns[0].ty;
        let whole = Whole::build().expect("this build groups");
        // What has no value belongs to no group, as where aggregates are fed.
        let members = |half: usize| {
            let mut of = vec![NO_GROUP; ROWS];
            columns[half].present().for_each(|row| of[row] = groups[half * ROWS + row]);
            of
        };
        let halves = [members(0), members(1)];
        let values_of = |wanted: &dyn Fn(u32) -> bool| -> Vec<&Scalar> {
            let rows = (0..2 * ROWS).filter(|row| wanted(halves[row / ROWS][row % ROWS]));
            rows.map(|row| columns[row / ROWS].at(row % ROWS).expect("a value")).collect()
        };
        let term = term(function, ty);
        // Many groups, of which the last comes in late.
        let mut tally = Tally::new(&term, GROUPS - 1);
        let first: Vec<u32> = halves[0]
            .iter()
            .map(|group| if *group == GROUPS as u32 - 1 { NO_GROUP } else { *group })
            .collect();
        let added = (|| {
            tally.add(&columns[0].vector(), Members::Of(&first, whole))?;
            tally.grow(GROUPS);
            let late: Vec<u32> = halves[0]
                .iter()
                .map(|group| if *group == GROUPS as u32 - 1 { *group } else { NO_GROUP })
                .collect();
            tally.add(&columns[0].vector(), Members::Of(&late, whole))?;
            tally.add(&columns[1].vector(), Members::Of(&halves[1], whole))?;
            tally.results(0..GROUPS)
        })();
        let results = added.map_err(|error| TestCaseError::fail(error.to_string()))?;
        for group in 0..GROUPS {
            let want = aggregate(&term.function, ty, &values_of(&|of| of == group as u32));
            let got = outcome(&results, group);
            prop_assert!(
                is_close(&got, &want),
                "{:?}, group {}: {:?}, not {:?}",
                term.function,
                group,
                got,
                want
            );
        }
        // One group, some of whose rows are left out.
        let mut tally = Tally::new(&term, 1);
        for (half, column) in columns.iter().enumerate() {
            let absent: Vec<bool> = halves[half].iter().map(|group| *group == NO_GROUP).collect();
            let absent = absent.contains(&true).then_some(&absent[..]);
            let added = tally.add(&column.vector(), Members::One(absent));
            added.map_err(|error| TestCaseError::fail(error.to_string()))?;
        }
        let results = tally.results(0..1).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let (got, want) =
            (outcome(&results, 0), aggregate(&term.function, ty, &values_of(&|of| of != NO_GROUP)));
        prop_assert!(is_close(&got, &want), "{:?} of one: {:?}, not {:?}", term.function, got, want);
        Ok(())
    }

    /// The same but for the last digits.
    fn is_near(got: &Outcome, want: &Outcome) -> bool {
        match (got, want) {
            (Ok(Scalar::Float(got)), Ok(Scalar::Float(want))) => {
                got.is_nan() == want.is_nan()
                    && (want.is_nan() || got == want || (got - want).abs() <= want.abs() * 1e-9)
            }
            (got, want) => is_same(got, want),
        }
    }

    fn groups() -> impl Strategy<Value = Vec<u32>> {
        prop::collection::vec(prop_oneof![5 => 0..GROUPS as u32, 1 => Just(NO_GROUP)], 2 * ROWS)
    }

    fn two(types: Vec<Type>) -> impl Strategy<Value = (Column, Column)> {
        prop::sample::select(types).prop_flat_map(|ty| (column(ty), column(ty)))
    }

    fn numbers_without(left_out: &[Type]) -> Vec<Type> {
        NUMBERS.into_iter().filter(|ty| !left_out.contains(ty)).collect()
    }

    proptest! {
        #[test]
        fn sums_and_means_agree((one, two) in two(NUMBERS.to_vec()), groups in groups()) {
            check(AggregateFunction::Sum, [&one, &two], &groups, is_same)?;
            check(AggregateFunction::Avg, [&one, &two], &groups, is_same)?;
        }

        #[test]
        fn counts_and_ends_agree((one, two) in two([&NUMBERS[..], &OTHERS].concat()), groups in groups()) {
            for function in [AggregateFunction::Count, AggregateFunction::CountDistinct, AggregateFunction::Min, AggregateFunction::Max] {
                check(function, [&one, &two], &groups, is_same)?;
            }
        }

        #[test]
        fn what_is_made_of_all_values_agrees((one, two) in two(numbers_without(&[Type::Decimal])), groups in groups()) {
            check(AggregateFunction::Median, [&one, &two], &groups, is_same)?;
        }

        #[test]
        fn spreads_agree((one, two) in two(vec![Type::I8, Type::I16, Type::U16, Type::F32]), groups in groups()) {
            check(AggregateFunction::Variance, [&one, &two], &groups, is_near)?;
            check(AggregateFunction::StdDev, [&one, &two], &groups, is_near)?;
        }

        #[test]
        fn joined_texts_and_lists_agree(
            (one, two) in two(vec![Type::String]),
            (numbers, more) in two(vec![Type::I16, Type::Char, Type::F64, Type::Date]),
            groups in groups()
        ) {
            let separator = ", ".to_string();
            check(AggregateFunction::StringAgg { separator }, [&one, &two], &groups, is_same)?;
            check(AggregateFunction::ArrayAgg, [&one, &two], &groups, is_same)?;
            check(AggregateFunction::ArrayAgg, [&numbers, &more], &groups, is_same)?;
        }
    }
}

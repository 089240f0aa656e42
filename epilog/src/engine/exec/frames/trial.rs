//! The values of windows against what the rows of each frame make by themselves.

use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::engine::exec::columns::{Column, NUMBERS, OTHERS, Outcome, ROWS, column, is_same, outcome};
use crate::value::Scalar;

/// Groups of peers that rows in some order belong to: how many of them follow each other.
fn peers() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1usize..4, 1..=ROWS).prop_map(|mut lens| {
        let mut left = ROWS;
        lens.iter_mut().for_each(|len| {
            *len = (*len).min(left);
            left -= *len;
        });
        lens.retain(|len| *len > 0);
        lens.extend((left > 0).then_some(left));
        lens
    })
}

fn frame() -> impl Strategy<Value = Frame> {
    let end = || prop::option::of(prop_oneof![6 => -4i64..5, 1 => Just(i64::MIN), 1 => Just(i64::MAX)]);
    (prop::sample::select([FrameUnit::Rows, FrameUnit::Groups].to_vec()), end(), end())
        .prop_map(|(unit, start, end)| Frame { unit, start, end })
}

/// The places in the frame of the row at each place: those that are no farther off than it says.
fn frames(frame: Frame, peers: &[usize]) -> Vec<Vec<usize>> {
    let groups: Vec<i128> =
        (0i128..).zip(peers).flat_map(|(group, len)| core::iter::repeat_n(group, *len)).collect();
    let count = |at: usize| if frame.unit == FrameUnit::Rows { at as i128 } else { groups[at] };
    let is_in = |at: usize, other: usize| {
        let by = count(other) - count(at);
        frame.start.is_none_or(|start| by >= start.into()) && frame.end.is_none_or(|end| by <= end.into())
    };
    (0..ROWS).map(|at| (0..ROWS).filter(|other| is_in(at, *other)).collect()).collect()
}

/// What a function makes of the values in a frame, in their order.
fn made(function: &WindowFunction, ty: Type, values: &[&Outcome]) -> Outcome {
    use AggregateFunction as A;
    use WindowFunction as W;
    let one = |of: Option<&&Outcome>| of.map_or(Ok(Scalar::Null), |of| (*of).clone());
    match function {
        W::First => return one(values.first()),
        W::Last => return one(values.last()),
        W::Nth(number) => return one(number.checked_sub(1).and_then(|at| values.get(at as usize))),
        _ => {}
    }
    let values = values
        .iter()
        .map(|value| value.as_ref().map_err(|failed| *failed))
        .collect::<Result<Vec<&Scalar>, ()>>()?;
    let present: Vec<&Scalar> = values.into_iter().filter(|value| !value.is_null()).collect();
    let by = |a: &&Scalar, b: &&Scalar| a.compare(b);
    match function {
        W::Aggregate(A::Count) => Ok(Scalar::Int(present.len() as i128)),
        W::Aggregate(A::Min) => Ok(present.into_iter().min_by(by).cloned().unwrap_or(Scalar::Null)),
        W::Aggregate(A::Max) => Ok(present.into_iter().max_by(by).cloned().unwrap_or(Scalar::Null)),
        W::Aggregate(A::Sum) => {
            let mut sum = 0i128;
            for value in present {
                let Scalar::Int(value) = value else { panic!("{value:?}") };
                sum += value;
            }
            if fits(sum, total_type(&A::Sum, ty)) { Ok(Scalar::Int(sum)) } else { Err(()) }
        }
        other => panic!("{other:?}"),
    }
}

fn check(
    function: &WindowFunction,
    of: &Column,
    rows: &[u32],
    peers: &[usize],
    frame: Frame,
) -> Result<(), TestCaseError> {
    let mut argument = Argument::new(of.ty);
    argument.add(&of.vector());
    let partition = Partition::new(rows, peers.iter().copied());
    let mut results = Results::new(function, Some(argument), ROWS);
    let filled = results.fill(function, frame, &partition, &mut |_| Ok(()));
    let wanted: Vec<Outcome> = frames(frame, peers)
        .into_iter()
        .map(|places| {
            let values: Vec<&Outcome> =
                places.iter().map(|place| &of.values[rows[*place] as usize]).collect();
            made(function, of.ty, &values)
        })
        .collect();
    if filled.is_err() {
        prop_assert!(wanted.iter().any(Result::is_err), "{:?}: no row fails", function);
        return Ok(());
    }
    // Also of a part of the rows.
    for part in [0..ROWS, 3..7, 5..5] {
        let got = results.part(part.clone());
        prop_assert_eq!(got.len(), part.len());
        for (place, row) in rows.iter().enumerate() {
            let Some(at) = (*row as usize).checked_sub(part.start).filter(|at| *at < part.len()) else {
                continue;
            };
            let (got, want) = (outcome(&got, at), &wanted[place]);
            prop_assert!(is_same(&got, want), "{:?} of place {}: {:?}, not {:?}", function, place, got, want);
        }
    }
    Ok(())
}

/// Rows in any order.
fn rows() -> impl Strategy<Value = Vec<u32>> {
    Just((0..ROWS as u32).collect::<Vec<_>>()).prop_shuffle()
}

proptest! {
    #[test]
    fn values_of_frames_are_what_their_rows_make(
        of in prop::sample::select([&NUMBERS[..], &OTHERS].concat()).prop_flat_map(column),
        (rows, peers, frame, number) in (rows(), peers(), frame(), 0u64..5),
    ) {
        use AggregateFunction as A;
        use WindowFunction as W;
        let ends = [W::First, W::Last, W::Nth(number), W::Aggregate(A::Count), W::Aggregate(A::Min), W::Aggregate(A::Max)];
        for function in ends {
            check(&function, &of, &rows, &peers, frame)?;
        }
    }

    #[test]
    fn sums_of_frames_are_those_of_their_rows(
        of in prop::sample::select([Type::I8, Type::I32, Type::I64, Type::U16, Type::U64].to_vec()).prop_flat_map(column),
        (rows, peers, frame) in (rows(), peers(), frame()),
    ) {
        check(&WindowFunction::Aggregate(AggregateFunction::Sum), &of, &rows, &peers, frame)?;
    }
}

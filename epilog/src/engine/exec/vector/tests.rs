//! What moves values, against the values one by one.

use proptest::prelude::*;

use super::*;
use crate::engine::exec::columns::{Column, NUMBERS, OTHERS, Outcome, ROWS, column, is_same, outcome};
use crate::engine::exec::packed::{self, Packed, Values};

fn columns(count: usize) -> impl Strategy<Value = Vec<Column>> {
    let types = [&NUMBERS[..], &OTHERS].concat();
    prop::sample::select(types).prop_flat_map(move |ty| prop::collection::vec(column(ty), count))
}

fn check<'o>(
    got: &Vector<'_>,
    want: impl ExactSizeIterator<Item = &'o Outcome>,
) -> Result<(), TestCaseError> {
    prop_assert_eq!(got.len(), want.len());
    for (row, want) in want.enumerate() {
        let got = outcome(got, row);
        prop_assert!(is_same(&got, want), "row {}: {:?}, not {:?}", row, got, want);
    }
    Ok(())
}

proptest! {
    #[test]
    fn values_are_taken_as_they_are(
        of in columns(1),
        rows in prop::collection::vec(0..ROWS, 0..30),
        picks in prop::collection::vec(prop::option::weighted(0.8, 0..ROWS as u32), 0..30),
    ) {
        let of = &of[0];
        let vector = of.vector();
        check(&vector.gather(rows.iter().copied()), rows.iter().map(|row| &of.values[*row]))?;
        // Where there is no row there is no value.
        let numbers: Vec<u32> = picks.iter().map(|row| row.unwrap_or(NOTHING)).collect();
        let picked = picks.iter().map(|row| row.map_or(&Ok(Scalar::Null), |row| &of.values[row as usize]));
        check(&vector.pick(&numbers), picked)?;
        for row in rows {
            match vector.repeated(row, 3) {
                Some(three) => check(&three, [&of.values[row]; 3].into_iter())?,
                None => prop_assert!(of.values[row].is_err()),
            }
        }
    }

    #[test]
    fn values_of_several_are_put_together(of in columns(3), rows in prop::collection::vec((0usize..3, 0..ROWS), 1..30)) {
        let vectors: Vec<Vector<'_>> = of.iter().map(Column::vector).collect();
        let collected = Vector::collect(rows.iter().map(|(of, row)| (&vectors[*of], *row)));
        check(&collected, rows.iter().map(|(at, row)| &of[*at].values[*row]))?;
        if of[0].ty.width().is_some() && of.iter().all(|of| of.values.iter().all(Result::is_ok)) {
            let joined = Vector::joined(of[0].ty, vectors.iter().cloned().map(Ok::<_, TestCaseError>))?;
            let all: Vec<&Outcome> = of.iter().flat_map(|of| &of.values).collect();
            check(&joined, all.into_iter())?;
        }
        // Faults are not kept by what keeps values.
        let mut kept = Builder::new(of[0].ty);
        rows.iter().for_each(|(of, row)| kept.push(&vectors[*of], *row));
        let part = rows.len() / 3..rows.len();
        let got = kept.part(part.clone());
        for (at, (of_row, row)) in rows[part].iter().enumerate() {
            let want = &of[*of_row].values[*row];
            prop_assert!(want.is_err() || is_same(&outcome(&got, at), want), "{:?}, not {:?}", got, want);
        }
        let last = rows.len() - 1;
        let is_last = kept.cell(last).map(<[u8]>::to_vec);
        kept.keep_last();
        prop_assert_eq!(kept.cell(0).map(<[u8]>::to_vec), is_last);
    }

    /// Keys have the order of values, an absent one before all; what tells values apart is equal where they are.
    #[test]
    fn keys_are_ordered_as_their_values(of in columns(2)) {
        let (left, right) = (of[0].vector(), of[1].vector());
        let rows = |of: &Column| (0..ROWS).filter(|row| of.values[*row].is_ok()).collect::<Vec<_>>();
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for (one, two) in rows(&of[0]).into_iter().flat_map(|a| rows(&of[1]).into_iter().map(move |b| (a, b))) {
            let order = of[0].at(one).expect("a value").compare(of[1].at(two).expect("a value"));
            a.clear();
            b.clear();
            left.append_key(one, &mut a);
            right.append_key(two, &mut b);
            prop_assert_eq!(a.cmp(&b), order);
            prop_assert!(!a.starts_with(&b) || a == b, "one begins with the other");
            let (head, other) = (packed::head(&a), packed::head(&b));
            prop_assert!(head == other || head.cmp(&other) == order);
            a.clear();
            b.clear();
            left.append_identity(one, &mut a);
            right.append_identity(two, &mut b);
            prop_assert_eq!(a == b, order.is_eq());
            prop_assert!(!a.starts_with(&b) || a == b, "one begins with the other");
        }
    }

    #[test]
    fn packed_values_come_out_as_they_went_in(of in columns(2), count in 0..=ROWS) {
        let ty = of[0].ty;
        let (mut faults, mut rows) = (Vec::new(), Packed::default());
        let vectors = [of[0].vector(), of[1].vector()];
        // In the order of the values of the first, as far as these have keys.
        for row in 0..ROWS {
            let mut key = Vec::new();
            if of[0].values[row].is_ok() {
                vectors[0].append_key(row, &mut key);
            }
            let append = |out: &mut Vec<u8>| {
                for vector in &vectors {
                    packed::append_value(out, ty, vector.cell(row), vector.fault(row), &mut faults);
                }
                Ok(())
            };
            rows.push(&key, append).expect("nothing ends it");
        }
        let keys: Vec<Vec<u8>> = (0..ROWS).map(|at| rows.key(at).to_vec()).collect();
        let mut order: Vec<usize> = (0..ROWS).collect();
        order.sort_by(|a, b| keys[*a].cmp(&keys[*b]));
        rows.sort();
        rows.truncate(count);
        prop_assert_eq!(rows.len(), count);
        let (mut first, mut second) = (Values::default(), Values::default());
        for at in 0..count {
            let (row, key_len) = rows.row(at);
            prop_assert_eq!(&row[..key_len], &*keys[order[at]]);
            let mut rest = &row[key_len..];
            let mut passed = rest;
            packed::skip_value(ty, &mut passed);
            first.read(ty, &mut rest);
            prop_assert_eq!(passed.len(), rest.len());
            second.read(ty, &mut rest);
            prop_assert!(rest.is_empty());
        }
        check(&first.vector(ty, &faults), order[..count].iter().map(|row| &of[0].values[*row]))?;
        check(&second.vector(ty, &faults), order[..count].iter().map(|row| &of[1].values[*row]))?;
    }
}

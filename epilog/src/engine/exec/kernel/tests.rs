//! Every kernel beside scalars that are compared one by one.

use proptest::prelude::*;

use super::*;
use crate::value::Scalar;

const OPS: [BinaryOp; 6] =
    [BinaryOp::Eq, BinaryOp::Ne, BinaryOp::Lt, BinaryOp::Le, BinaryOp::Gt, BinaryOp::Ge];

fn expected(op: BinaryOp, a: &Scalar, b: &Scalar) -> bool {
    let order = a.compare(b);
    match op {
        BinaryOp::Eq => order.is_eq(),
        BinaryOp::Ne => order.is_ne(),
        _ if a.is_null() || b.is_null() => false,
        BinaryOp::Lt => order.is_lt(),
        BinaryOp::Le => order.is_le(),
        BinaryOp::Gt => order.is_gt(),
        _ => order.is_ge(),
    }
}

fn scalars() -> impl Strategy<Value = (Type, Vec<Scalar>)> {
    let near = || prop_oneof![-3i128..3, Just(-128i128), Just(127i128)];
    let ints =
        move |ty| prop::collection::vec(near().prop_map(Scalar::Int), 2..40).prop_map(move |v| (ty, v));
    let unsigned = |ty, max: i128| {
        prop::collection::vec(prop_oneof![0..3i128, Just(max)].prop_map(Scalar::Int), 2..40)
            .prop_map(move |v| (ty, v))
    };
    let float =
        prop_oneof![Just(f64::NAN), Just(-0.0), Just(0.0), Just(f64::INFINITY), Just(-1.5), Just(2.0)];
    let floats =
        |ty| prop::collection::vec(float.clone().prop_map(Scalar::Float), 2..40).prop_map(move |v| (ty, v));
    let decimal = (-30i128..30, 0u32..3)
        .prop_map(|(mantissa, scale)| Scalar::Decimal(DecimalParts { mantissa, scale }));
    prop_oneof![
        ints(Type::I8),
        ints(Type::I16),
        ints(Type::I32),
        ints(Type::I64),
        ints(Type::I128),
        ints(Type::Timestamp),
        unsigned(Type::U8, 255),
        unsigned(Type::U16, 65535),
        unsigned(Type::U32, u32::MAX.into()),
        unsigned(Type::Id, u64::MAX.into()),
        prop::collection::vec(prop_oneof![0..3u128, Just(u128::MAX)].prop_map(Scalar::Uint), 2..40)
            .prop_map(|v| (Type::U128, v)),
        floats(Type::F32),
        floats(Type::F64),
        prop::collection::vec(decimal, 2..40).prop_map(|v| (Type::Decimal, v)),
        prop::collection::vec(any::<[u8; 16]>().prop_map(Scalar::Uuid), 2..40).prop_map(|v| (Type::Uuid, v)),
    ]
}

fn cells(ty: Type, scalars: &[Scalar]) -> Vec<u8> {
    let cell = |scalar: &Scalar| scalar.with_cell(ty, |cell| cell.expect("present").to_vec());
    scalars.iter().flat_map(cell).collect()
}

proptest! {
    #[test]
    fn comparisons_agree_with_scalars((ty, values) in scalars()) {
        let width = ty.width().unwrap();
        let bytes = cells(ty, &values);
        let reversed: Vec<Scalar> = values.iter().rev().cloned().collect();
        let other = cells(ty, &reversed);
        for op in OPS {
            let column = |bytes| Strided { bytes, stride: width };
            let got = compare(ty, op, column(&bytes), column(&other), values.len());
            let want: Vec<u8> =
                values.iter().zip(&reversed).map(|(a, b)| u8::from(expected(op, a, b))).collect();
            prop_assert_eq!(got, want);
            let constant = Strided { bytes: &other, stride: 0 };
            let got = compare(ty, op, column(&bytes), constant, values.len());
            let want: Vec<u8> = values.iter().map(|a| u8::from(expected(op, a, &reversed[0]))).collect();
            prop_assert_eq!(got, want);
        }
    }

    #[test]
    fn selections_agree_with_scalars((ty, values) in scalars(), nulls in prop::collection::vec(any::<bool>(), 40)) {
        // Rows of [one byte of null bits, the cell, one byte of something else].
        let width = ty.width().unwrap();
        let stride = width + 2;
        let mut rows = Vec::new();
        for (value, null) in values.iter().zip(&nulls) {
            rows.push(u8::from(*null) << 3 | 1);
            rows.extend(if *null { alloc::vec![0; width] } else { cells(ty, core::slice::from_ref(value)) });
            rows.push(0xAA);
        }
        let with = &values[values.len() / 2];
        let constant = cells(ty, core::slice::from_ref(with));
        for null in [None, Some((0, 1 << 3))] {
            let at = At { offset: 1, null, cold: None };
            for op in OPS {
                let test = compared(ty, op, at, &constant);
                let want: Vec<u16> = (0..values.len())
                    .filter(|row| {
                        let zero = Scalar::from_cell(ty, Some(&alloc::vec![0; width])).unwrap();
                        let value = match (nulls[*row], null) {
                            (true, Some(_)) => &Scalar::Null,
                            (true, None) => &zero,
                            (false, _) => &values[*row],
                        };
                        expected(op, value, with)
                    })
                    .map(|row| row as u16)
                    .collect();
                let mut dense = Vec::new();
                test.select_dense(&[], &rows, stride, 0..values.len(), &mut dense);
                prop_assert_eq!(&dense, &want);
                let mut sparse: Vec<u16> = (0..values.len() as u16).rev().collect();
                test.select_sparse(&[], &rows, stride, &mut sparse);
                sparse.reverse();
                prop_assert_eq!(&sparse, &want);
                let mut part = Vec::new();
                test.select_dense(&[], &rows, stride, 1..values.len(), &mut part);
                prop_assert_eq!(part, want.into_iter().filter(|row| *row > 0).collect::<Vec<u16>>());
            }
        }
    }

    #[test]
    fn cold_fields_and_pairs_agree_with_rows((ty, values) in scalars(), nulls in prop::collection::vec(any::<bool>(), 40)) {
        // Rows of [the cell, the place of the blob, null bits], and blobs of [five bytes, the cell, one of two others, one byte].
        let width = ty.width().unwrap();
        let stride = width + 3;
        let (mut rows, mut page) = (Vec::new(), alloc::vec![0xEE; 24]);
        for (value, null) in values.iter().rev().zip(&nulls) {
            let cell = cells(ty, core::slice::from_ref(value));
            rows.extend_from_slice(&cell);
            rows.extend_from_slice(&(page.len() as u16).to_le_bytes());
            rows.push(u8::from(*null));
            page.extend_from_slice(&(2 * width as u16 + 6).to_le_bytes());
            page.extend_from_slice(b"front");
            page.extend_from_slice(&cell);
            page.extend(cells(ty, core::slice::from_ref(&values[usize::from(*null)])));
            page.push(0xAA);
        }
        let with = &values[values.len() / 2];
        let constant = cells(ty, core::slice::from_ref(with));
        let hot = |null| At { offset: 0, null, cold: None };
        let cold = |null| At { offset: 5, null, cold: Some(width as u16) };
        let select = |test: &dyn RowTest| {
            let mut dense = Vec::new();
            test.select_dense(&page, &rows, stride, 0..values.len(), &mut dense);
            let mut sparse: Vec<u16> = (0..values.len() as u16).collect();
            test.select_sparse(&page, &rows, stride, &mut sparse);
            let each = (0..values.len()).filter(|row| test.passes(&page, &rows[row * stride..][..stride]));
            let each: Vec<u16> = each.map(|row| row as u16).collect();
            assert!(dense == sparse && dense == each && !test.met_damage());
            dense
        };
        for null in [None, Some((width as u16 + 2, 1))] {
            for op in OPS {
                prop_assert_eq!(
                    select(&*compared(ty, op, cold(null), &constant)),
                    select(&*compared(ty, op, hot(null), &constant))
                );
            }
            prop_assert_eq!(
                select(&*between(ty, cold(null), &constant, &constant)),
                select(&*between(ty, hot(null), &constant, &constant))
            );
            let few = [constant.clone(), cells(ty, &values[..1])];
            let among = |row: &u16| {
                let row = usize::from(*row);
                let value = &values[values.len() - 1 - row];
                if null.is_some() && nulls[row] { true } else { value.compare(with).is_eq() || value.compare(&values[0]).is_eq() }
            };
            let want: Vec<u16> = (0..values.len() as u16).filter(among).collect();
            prop_assert_eq!(select(&*one_of(ty, cold(null), &few, true)), want);
        }
        let other = At { offset: 5 + width, null: None, cold: Some(width as u16) };
        for op in OPS {
            let pairs = (0..values.len()).filter(|row| {
                expected(op, &values[values.len() - 1 - row], &values[usize::from(nulls[*row])])
            });
            let want: Vec<u16> = pairs.map(|row| row as u16).collect();
            prop_assert_eq!(select(&*pair(ty, op, hot(None), other)), want.clone());
            prop_assert_eq!(select(&*pair(ty, op, cold(None), other)), want);
        }
        // A place that is not on the page.
        rows[width..width + 2].copy_from_slice(&u16::MAX.to_le_bytes());
        let test = compared(ty, BinaryOp::Eq, cold(None), &constant);
        test.select_dense(&page, &rows, stride, 0..values.len(), &mut Vec::new());
        prop_assert!(test.met_damage());
    }

    #[test]
    fn extremes_agree_with_scalars((ty, values) in scalars()) {
        let bytes = cells(ty, &values);
        let column = Strided { bytes: &bytes, stride: ty.width().unwrap() };
        let least = values.iter().reduce(|a, b| if b.compare(a).is_lt() { b } else { a }).unwrap();
        let greatest = values.iter().reduce(|a, b| if b.compare(a).is_gt() { b } else { a }).unwrap();
        let first = extreme(ty, column, values.len(), None, false).unwrap();
        let last = extreme(ty, column, values.len(), None, true).unwrap();
        prop_assert!(values[first].compare(least).is_eq() && values[last].compare(greatest).is_eq());
    }
}

/// Rows with a field of one type, hot and cold.
struct Rows {
    values: Vec<Scalar>,
    bytes: Vec<u8>,
    stride: usize,
    page: Vec<u8>,
}

impl Rows {
    /// Rows of [something, the cell, the place of the blob, null bits], and blobs of [five bytes, the cell, one byte].
    fn new(ty: Type, values: &[Scalar], nulls: &[bool]) -> Rows {
        let width = ty.width().expect("a fixed-width type");
        let (mut bytes, mut page) = (Vec::new(), alloc::vec![0xEE; 24]);
        let mut all = Vec::new();
        for (value, null) in values.iter().zip(nulls) {
            // What an absent value leaves in its place is no matter.
            let cell = cells(ty, core::slice::from_ref(value));
            bytes.push(0xAA);
            bytes.extend_from_slice(&cell);
            bytes.extend_from_slice(&(page.len() as u16).to_le_bytes());
            bytes.push(u8::from(*null) << 5 | 0b1001_1111);
            page.extend_from_slice(&(width as u16 + 6).to_le_bytes());
            page.extend_from_slice(b"front");
            page.extend_from_slice(&cell);
            page.push(0xAA);
            all.push(if *null { Scalar::Null } else { value.clone() });
        }
        Rows { values: all, bytes, stride: width + 4, page }
    }

    fn null(&self) -> (u16, u8) {
        (self.stride as u16 - 1, 1 << 5)
    }

    /// The field in the row, and the one in the blob.
    fn places(&self) -> [At; 2] {
        let null = Some(self.null());
        let cold = Some(self.stride as u16 - 3);
        [At { offset: 1, null, cold: None }, At { offset: 5, null, cold }]
    }

    /// Checks that `test` lets the rows through whose values `holds`, in each of its three ways.
    #[track_caller]
    fn check(&self, test: &dyn RowTest, holds: impl Fn(&Scalar) -> bool) {
        let len = self.values.len();
        let want: Vec<u16> = (0..len).filter(|row| holds(&self.values[*row])).map(|row| row as u16).collect();
        let mut dense = alloc::vec![7];
        test.select_dense(&self.page, &self.bytes, self.stride, 1..len, &mut dense);
        assert_eq!((dense[0], &dense[1..]), (7, &want[usize::from(want.first() == Some(&0))..]));
        let mut sparse: Vec<u16> = (0..len as u16).rev().step_by(2).collect();
        let among: Vec<u16> = sparse.iter().copied().filter(|row| want.contains(row)).collect();
        test.select_sparse(&self.page, &self.bytes, self.stride, &mut sparse);
        assert_eq!(sparse, among);
        for row in 0..len {
            let bytes = &self.bytes[row * self.stride..][..self.stride];
            assert_eq!(
                test.passes(&self.page, bytes),
                want.contains(&(row as u16)),
                "{:?}",
                self.values[row]
            );
        }
        assert!(!test.met_damage());
    }
}

fn nulls() -> impl Strategy<Value = Vec<bool>> {
    prop_oneof![
        prop::collection::vec(any::<bool>(), 40),
        Just(alloc::vec![false; 40]),
        Just(alloc::vec![true; 40])
    ]
}

proptest! {
    #[test]
    fn ranges_and_lists_agree_with_scalars((ty, values) in scalars(), nulls in nulls(), seed in any::<u64>()) {
        let rows = Rows::new(ty, &values, &nulls);
        let value = |n: u32| &values[(seed >> (8 * n)) as usize % values.len()];
        let cell = |value: &Scalar| cells(ty, core::slice::from_ref(value));
        // As often the wrong way round.
        let (low, high) = (value(0), value(1));
        // As many as are looked through, and more.
        let few: Vec<&Scalar> = values.iter().skip(1).step_by(3).collect();
        let many: Vec<&Scalar> = values.iter().rev().take(values.len() * 2 / 3).collect();
        for at in rows.places() {
            rows.check(&*between(ty, at, &cell(low), &cell(high)), |value| {
                !value.is_null() && value.compare(low).is_ge() && value.compare(high).is_le()
            });
            for list in [&few, &many] {
                let listed: Vec<Vec<u8>> = list.iter().map(|value| cell(value)).collect();
                for absent in [false, true] {
                    rows.check(&*one_of(ty, at, &listed, absent), |value| match value.is_null() {
                        true => absent,
                        false => list.iter().any(|of| of.compare(value).is_eq()),
                    });
                }
            }
        }
        for absent in [false, true] {
            rows.check(&*is_null(rows.null(), absent), |value| value.is_null() == absent);
        }
    }

    #[cfg(not(feature = "small"))]
    #[test]
    fn sets_of_keys_agree_with_lists(
        keys in prop::collection::vec(0u32..3000, 0..60),
        values in prop::collection::vec(0u32..3000, 2..40),
        nulls in nulls(),
        (wide, has_absent, low) in (any::<bool>(), any::<bool>(), any::<u16>()),
    ) {
        let low = i128::from(low);
        let ty = if wide { Type::U64 } else { Type::U32 };
        // Close to each other, so that there are bits for all; a third of the values is in the set.
        let values = values.iter().enumerate().map(|(at, value)| {
            let value = if at % 3 == 0 { keys.get(at).copied().unwrap_or(*value) } else { *value };
            Scalar::Int(low + i128::from(value))
        });
        let rows = Rows::new(ty, &values.collect::<Vec<_>>(), &nulls);
        let keys: Vec<u64> = keys.iter().map(|key| low as u64 + u64::from(*key)).collect();
        let set = Arc::new(KeySet::of(&keys, has_absent));
        for at in rows.places() {
            rows.check(&*in_set(wide, at, Arc::clone(&set)), |value| match value {
                Scalar::Int(value) => keys.contains(&(*value as u64)),
                _ => has_absent,
            });
        }
    }

    #[test]
    fn extremes_pass_over_what_is_absent((ty, values) in scalars(), nulls in nulls(), groups in prop::collection::vec(0u32..5, 40)) {
        let bytes = cells(ty, &values);
        let width = ty.width().unwrap();
        let column = Strided { bytes: &bytes, stride: width };
        for last in [false, true] {
            let comes_first = |a: &Scalar, b: &Scalar| if last { a.compare(b).is_gt() } else { a.compare(b).is_lt() };
            let first_of = |rows: &mut dyn Iterator<Item = usize>| {
                rows.reduce(|best, row| if comes_first(&values[row], &values[best]) { row } else { best })
            };
            let nulls = &nulls[..values.len()];
            let want = first_of(&mut (0..values.len()).filter(|row| !nulls[*row]));
            prop_assert_eq!(extreme(ty, column, values.len(), Some(nulls), last), want);
            // The last of the groups is none.
            let of: Vec<u32> = groups.iter().take(values.len()).map(|group| if *group == 4 { NO_GROUP } else { *group }).collect();
            let (mut counts, mut best) = ([0; 4], alloc::vec![0; 4 * width]);
            // In two parts, as batches come.
            let half = values.len() / 2;
            let rest = Strided { bytes: &bytes[half * width..], stride: width };
            extremes(ty, column, &of[..half], last, &mut counts, &mut best);
            extremes(ty, rest, &of[half..], last, &mut counts, &mut best);
            for group in 0..4 {
                let mut members = (0..values.len()).filter(|row| of[*row] == group as u32);
                prop_assert_eq!(counts[group], members.clone().count() as u64);
                if let Some(row) = first_of(&mut members) {
                    prop_assert_eq!(&best[group * width..][..width], &bytes[row * width..][..width]);
                }
            }
        }
    }
}

//! Tests of elements against those of each element by itself.

use alloc::boxed::Box;

use proptest::prelude::*;

use super::*;
use crate::engine::exec::columns::{Lists, ROWS, is_same, lists_of, outcome, value_of};
use crate::engine::exec::trial::env;
use crate::engine::logical::ExprKind;
use crate::engine::{fixture as f, tests};
use crate::expr::BinaryOp;
use crate::storage::facade::Reading;
use crate::value::Scalar;

/// What a test says of an element; `Err` where it has no result.
type Said = Result<bool, ()>;

/// Checks what is said of the lists of all rows, and of some.
fn check(
    lists: &Lists,
    keep: &[bool],
    test: &Expr,
    said: &dyn Fn(&Scalar) -> Said,
) -> Result<(), TestCaseError> {
    let store = tests::store(&[]);
    let snapshot = store.snapshot();
    let operation = snapshot.operation();
    let env = env(operation.view(), f::Country);
    for (quantifier, decisive) in [(Each::Any, true), (Each::All, false)] {
        let list = Expr::computed(Computed(0), lists.column.ty, true);
        let whole = Expr::test(ExprKind::Each(quantifier, Box::new([list, test.clone()])));
        let mut batch = Batch::new(0, 1);
        batch.reset(ROWS);
        batch.set_computed(Computed(0), lists.column.vector());
        for is_some in [false, true] {
            if is_some {
                batch.retain(|_, row| keep[row]);
            }
            let got = evaluate(&env, &whole, &batch).expect("nothing ends it");
            let rows: Vec<usize> = (0..ROWS).filter(|row| !is_some || keep[*row]).collect();
            prop_assert_eq!(got.len(), rows.len());
            for (at, row) in rows.into_iter().enumerate() {
                // One element that decides is enough, whatever the others do.
                let want = lists.at(row).and_then(|list| {
                    let said: Vec<Said> = list.unwrap_or_default().iter().map(said).collect();
                    match (list, said.contains(&Ok(decisive)), said.contains(&Err(()))) {
                        (None, ..) => Ok(false),
                        (_, true, _) => Ok(decisive),
                        (_, false, true) => Err(()),
                        (_, false, false) => Ok(!decisive),
                    }
                });
                let (got, want) = (outcome(&got, at), want.map(Scalar::Bool));
                prop_assert!(is_same(&got, &want), "row {}: {:?}, not {:?}", row, got, want);
            }
        }
    }
    Ok(())
}

fn kept() -> impl Strategy<Value = Vec<bool>> {
    prop_oneof![prop::collection::vec(any::<bool>(), ROWS), Just(vec![false; ROWS])]
}

fn element(ty: Type) -> Expr {
    Expr { kind: ExprKind::Element, ty, nullable: false }
}

fn types() -> impl Strategy<Value = Type> {
    prop::sample::select(
        [Type::I16, Type::U64, Type::F64, Type::Decimal, Type::String, Type::Bytes, Type::Uuid].to_vec(),
    )
}

proptest! {
    #[test]
    fn elements_are_compared_as_single_values(
        (lists, with) in types().prop_flat_map(|ty| (lists_of(ty, value_of(ty), 0..5), value_of(ty))),
        op in prop::sample::select([BinaryOp::Eq, BinaryOp::Ne, BinaryOp::Lt, BinaryOp::Ge].to_vec()),
        keep in kept(),
    ) {
        let ty = lists.column.ty.element().expect("a list");
        let test = Expr::binary_test(op, element(ty), Expr::literal(with.clone(), ty));
        check(&lists, &keep, &test, &|own| {
            let order = own.compare(&with);
            Ok(match op {
                BinaryOp::Eq => order.is_eq(),
                BinaryOp::Ne => order.is_ne(),
                BinaryOp::Lt => order.is_lt(),
                _ => order.is_ge(),
            })
        })?;
    }

    #[test]
    fn what_has_no_result_counts_where_no_other_element_decides(
        lists in lists_of(Type::I64, (-2i128..3).prop_map(Scalar::Int).boxed(), 0..5),
        keep in kept(),
    ) {
        let number = |of| Expr::literal(Scalar::Int(of), Type::I64);
        let quotient = ExprKind::Binary(BinaryOp::Divide, Box::new(number(2)), Box::new(element(Type::I64)));
        let quotient = Expr { kind: quotient, ty: Type::I64, nullable: false };
        let test = Expr::binary_test(BinaryOp::Gt, quotient, number(0));
        check(&lists, &keep, &test, &|own| match own {
            Scalar::Int(0) => Err(()),
            Scalar::Int(own) => Ok(2 / own > 0),
            other => panic!("{other:?}"),
        })?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Elements come in batches, which end within lists.
    #[test]
    fn long_lists_are_tested_as_short_ones(
        lists in lists_of(Type::U16, prop_oneof![400 => Just(1i128), 1 => Just(0), 1 => Just(2)].prop_map(Scalar::Int).boxed(), 0..900),
        keep in kept(),
    ) {
        let test = Expr::binary_test(BinaryOp::Eq, element(Type::U16), Expr::literal(Scalar::Int(1), Type::U16));
        check(&lists, &keep, &test, &|own| Ok(*own == Scalar::Int(1)))?;
        let test = Expr::binary_test(BinaryOp::Gt, element(Type::U16), Expr::literal(Scalar::Int(1), Type::U16));
        check(&lists, &keep, &test, &|own| Ok(*own == Scalar::Int(2)))?;
    }
}

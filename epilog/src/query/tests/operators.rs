//! Each operator, on each kind of operand, makes the operation it is named for.

#![allow(clippy::needless_borrows_for_generic_args, reason = "borrowed operands are what is tried")]

use alloc::string::String;

use super::*;
use crate::collection::sample::*;
use crate::collection::{Collection, Expr};
use crate::expr::{Clause, Op};
use crate::query::Predicate;

/// The predicate that a closure over tracks makes.
fn of<P: Predicate<Track>>(predicate: impl FnOnce(TrackFields<Track>) -> P) -> Node {
    let query = Track::query().filter(predicate);
    let [Clause::Filter(node)] = query.draft().clauses.as_slice() else { panic!("one filter") };
    node.clone()
}

#[test]
fn comparisons_take_literals_fields_and_expressions() {
    let ms = |op| two(op, field(3), int(5, Type::I64));
    assert_eq!(of(|t| t.milliseconds.eq(5)), ms(BinaryOp::Eq));
    assert_eq!(of(|t| t.milliseconds.ne(5)), ms(BinaryOp::Ne));
    assert_eq!(of(|t| t.milliseconds.lt(5)), ms(BinaryOp::Lt));
    assert_eq!(of(|t| t.milliseconds.le(5)), ms(BinaryOp::Le));
    assert_eq!(of(|t| t.milliseconds.gt(5)), ms(BinaryOp::Gt));
    assert_eq!(of(|t| t.milliseconds.ge(&5)), ms(BinaryOp::Ge));
    assert_eq!(of(|t| t.bytes.lt(t.milliseconds)), two(BinaryOp::Lt, field(5), field(3)));
    assert_eq!(
        of(|t| t.milliseconds.eq(t.milliseconds + 1)),
        eq(field(3), two(BinaryOp::Add, field(3), int(1, Type::I64)))
    );
    assert_eq!(of(|t| (t.milliseconds + 1).eq(t.milliseconds)).ops.len(), 5);
}

#[test]
fn strings_compare_with_whatever_is_text() {
    let expected = eq(field(1), text("x"));
    let owned = String::from("x");
    assert_eq!(of(|t| t.name.eq("x")), expected);
    assert_eq!(of(|t| t.name.eq(&owned)), expected);
    assert_eq!(of(|t| t.name.eq(owned.as_str())), expected);
    assert_eq!(of(|t| t.name.eq(owned.clone())), expected);
    assert_eq!(of(|t| t.composer.eq("x")), eq(field(6), text("x")));
    assert_eq!(of(|t| t.composer.eq(Some(owned.clone()))), eq(field(6), text("x")));
    assert_eq!(of(|t| t.composer.eq(t.name)), eq(field(6), field(1)));
    let expected = eq(field(8), Node::literal(Scalar::Bytes(vec![1, 2]), Type::Bytes));
    assert_eq!(of(|t| t.cover.eq([1, 2])), expected);
    assert_eq!(of(|t| t.cover.eq(&[1, 2])), expected);
    assert_eq!(of(|t| t.cover.eq(vec![1, 2])), expected);
    assert_eq!(of(|t| t.cover.eq(&[1u8, 2][..])), expected);
}

#[test]
fn optional_fields_compare_with_values_and_with_options() {
    let none = Node::literal(Scalar::Null, Type::I64);
    assert_eq!(of(|t| t.bytes.eq(5)), eq(field(5), int(5, Type::I64)));
    assert_eq!(of(|t| t.bytes.eq(Some(5))), eq(field(5), int(5, Type::I64)));
    assert_eq!(of(|t| t.bytes.eq(None)), eq(field(5), none.clone()));
    assert_eq!(of(|t| t.bytes.ne(None::<i64>)), two(BinaryOp::Ne, field(5), none));
    assert_eq!(of(|t| t.bytes.is_none()), field(5).unary(UnaryOp::IsNone));
    assert_eq!(of(|t| t.bytes.is_some()), field(5).unary(UnaryOp::IsSome));
    let or = |right| two(BinaryOp::OrElse, field(5), right);
    assert_eq!(
        of(|t| t.bytes.unwrap_or(0).gt(1)),
        two(BinaryOp::Gt, or(int(0, Type::I64)), int(1, Type::I64))
    );
    assert_eq!(of(|t| t.bytes.or(t.milliseconds).is_none()), or(field(3)).unary(UnaryOp::IsNone));
}

#[test]
fn ids_compare_with_ids() {
    assert_eq!(of(|t| t.id.eq(id_of(7))), eq(field(0), id(7)));
    assert_eq!(of(|t| t.album.in_(&[id_of(1), id_of(2)])), field(2).is_in([id(1), id(2)]));
    assert_eq!(of(|t| t.album.eq(t.album().id)), eq(field(2), field_at(&[2], 0)));
}

#[test]
fn sets_and_ranges() {
    let five = || int(5, Type::I64);
    assert_eq!(of(|t| t.milliseconds.between(5, t.milliseconds)), field(3).between(five(), field(3)));
    assert_eq!(of(|t| t.milliseconds.in_([5])), field(3).is_in([five()]));
    assert_eq!(of(|t| t.name.in_(["a", "b"])), field(1).is_in([text("a"), text("b")]));
    assert_eq!(of(|t| t.name.in_(&["a", "b"])), field(1).is_in([text("a"), text("b")]));
    assert_eq!(of(|t| t.name.in_(vec![String::from("a")])), field(1).is_in([text("a")]));
    assert_eq!(of(|t| t.composer.in_(["a"])), field(6).is_in([text("a")]));
    assert_eq!(of(|t| t.milliseconds.in_(Vec::new() as Vec<i64>)).ops.last(), Some(&Op::In(0)));
    use alloc::vec::Vec;
}

#[test]
fn operators_of_text() {
    let test = |op| two(op, field(1), text("x"));
    assert_eq!(of(|t| t.name.starts_with("x")), test(BinaryOp::StartsWith));
    assert_eq!(of(|t| t.name.ends_with("x")), test(BinaryOp::EndsWith));
    assert_eq!(of(|t| t.name.contains("x")), test(BinaryOp::Contains));
    assert_eq!(of(|t| t.name.like("x")), test(BinaryOp::Like));
    assert_eq!(of(|t| t.name.matches("x")), test(BinaryOp::Matches));
    assert_eq!(of(|t| t.composer.contains(t.name)), two(BinaryOp::Contains, field(6), field(1)));
    assert_eq!(of(|t| t.name.lower().eq("x")), eq(field(1).unary(UnaryOp::Lower), text("x")));
    assert_eq!(of(|t| t.composer.upper().eq("x")), eq(field(6).unary(UnaryOp::Upper), text("x")));
    let length = |ordinal| field(ordinal).unary(UnaryOp::Length);
    assert_eq!(of(|t| t.name.len().gt(3)), two(BinaryOp::Gt, length(1), int(3, Type::U64)));
    assert_eq!(of(|t| t.cover.len().eq(3)), eq(length(8), int(3, Type::U64)));
    assert_eq!(of(|t| t.composer.len().eq(None)), eq(length(6), Node::literal(Scalar::Null, Type::U64)));
}

#[test]
fn arithmetic_stays_in_one_type() {
    let price = |op| two(BinaryOp::Gt, two(op, field(4), float(2.0)), float(1.0));
    assert_eq!(of(|t| (t.unit_price + 2.0).gt(1.0)), price(BinaryOp::Add));
    assert_eq!(of(|t| (t.unit_price - 2.0).gt(1.0)), price(BinaryOp::Subtract));
    assert_eq!(of(|t| (t.unit_price * 2.0).gt(1.0)), price(BinaryOp::Multiply));
    assert_eq!(of(|t| (t.unit_price / 2.0).gt(1.0)), price(BinaryOp::Divide));
    assert_eq!(of(|t| (t.unit_price % 2.0).gt(1.0)), price(BinaryOp::Remainder));
    assert_eq!(
        of(|t| (t.milliseconds * t.milliseconds - 1).eq(-t.milliseconds)),
        eq(
            two(BinaryOp::Subtract, two(BinaryOp::Multiply, field(3), field(3)), int(1, Type::I64)),
            field(3).unary(UnaryOp::Negate)
        )
    );
    // An optional operand makes an optional result.
    fn optional<S>(t: TrackFields<S>) -> Expr<S, Option<i64>> {
        -(t.bytes + t.milliseconds)
    }
    assert_eq!(
        of(|t| optional(t).is_none()),
        two(BinaryOp::Add, field(5), field(3)).unary(UnaryOp::Negate).unary(UnaryOp::IsNone)
    );
    assert_eq!(of(|t| (t.plays + 1).gt(2)).ops[1], Op::Literal(Scalar::Int(1), Type::U32));
}

#[test]
fn boolean_fields_are_predicates() {
    let active = || field(7);
    let truth = |value| Node::literal(Scalar::Bool(value), Type::Bool);
    assert_eq!(of(|t| t.active), active());
    assert_eq!(of(|t| !t.active), not(active()));
    assert_eq!(of(|t| t.active & t.active), and(active(), active()));
    assert_eq!(
        of(|t| t.active | !(t.active & true)),
        two(BinaryOp::Or, active(), not(and(active(), truth(true))))
    );
    assert_eq!(of(|t| t.name.eq("x") & t.active), and(eq(field(1), text("x")), active()));
    assert_eq!(of(|t| t.hidden.eq(true)), eq(field(10), truth(true)));
    assert_eq!(of(|t| t.hidden.unwrap_or(false)), two(BinaryOp::OrElse, field(10), truth(false)));
    assert_eq!(of(|_| true), truth(true));
}

#[test]
fn fields_behind_an_optional_relation_are_optional() {
    let query = Album::query()
        .filter(|a| a.producer().name.eq(None) | a.producer().name.eq(a.title) | a.producer().id.is_none());
    let producer = |ordinal| field_at(&[3], ordinal);
    let none = Node::literal(Scalar::Null, Type::String);
    let expected = two(
        BinaryOp::Or,
        two(BinaryOp::Or, eq(producer(1), none), eq(producer(1), field(1))),
        producer(0).unary(UnaryOp::IsNone),
    );
    assert_eq!(query.draft().clauses, [Clause::Filter(expected)]);
}

#[test]
fn own_types_can_be_operands() {
    struct Seconds(i64);
    impl<S> crate::query::Operand<i64, S> for Seconds {
        fn into_expression(self) -> crate::expr::Expression {
            crate::query::Operand::<i64, S>::into_expression(self.0 * 1000)
        }
    }
    assert_eq!(of(|t| t.milliseconds.gt(Seconds(2))), two(BinaryOp::Gt, field(3), int(2000, Type::I64)));
}

#[cfg(feature = "chrono")]
#[test]
fn dates_have_parts() {
    use crate::collection::Field;
    use crate::query::Query;
    use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

    macro_rules! parts {
        ($date:ty) => {{
            let field: Field<Track, $date> = Field::new(FieldPath { row: RowPath::source(0), ordinal: 3 });
            [field.year().erase(), field.month().erase(), field.day().erase()].map(|value| value.whole())
        }};
    }
    let expected = [UnaryOp::Year, UnaryOp::Month, UnaryOp::Day].map(|op| field(3).unary(op));
    assert_eq!(parts!(NaiveDate), expected);
    assert_eq!(parts!(NaiveDateTime), expected);
    assert_eq!(parts!(Option<DateTime<Utc>>), expected);
    let date: Field<Track, Option<NaiveDate>> = Field::new(FieldPath { row: RowPath::source(0), ordinal: 3 });
    let query: Query<Track, Track> = Track::query().filter(|_| date.year().ge(1999));
    let year = two(BinaryOp::Ge, field(3).unary(UnaryOp::Year), int(1999, Type::I32));
    assert_eq!(query.draft().clauses, [Clause::Filter(year)]);
}

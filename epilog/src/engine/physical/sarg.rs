//! [`Sarg`]: a predicate that an index can search for.
//!
//! ```text
//! before                              after
//! filter album in (1, 2)              index lookup Track by album in (1, 2): a range of the index for each value
//!   scan Track
//! filter title like "Live%!"          filter title like "Live%!"
//!   scan Album                          index range Album by title like "Live%!": what begins with "Live"
//! filter title starts_with "Live"     index range Album by title starts_with "Live"
//!   scan Album
//! ```
//!
//! Where it says less than the predicate, as of a pattern, that is asked again. Must not fire on a value that is not known before the
//! query runs; on `is none` of a field that is never absent, nor on an absent value among those of a list that it may be; and on what
//! nothing may be known of by its beginning, as a pattern that begins with `%`.
//!
//! Values are looked at without the plan becoming one for them (see [`Literal`]): how a path follows from them is kept with
//! it ([`recipe`](super::recipe)), and a path of which that is not known is one for these values.
//!
//! The word is that of P. Selinger et al., "Access path selection in a relational database management system" (SIGMOD
//! 1979): a search argument compares a field with a constant.

use alloc::vec::Vec;
use core::ops::Bound;

use crate::engine::logical::{Expr, ExprKind, Literal, Slot};
use crate::engine::planted::{self, Bug};
use crate::expr::{BinaryOp, UnaryOp};
use crate::value::Scalar;
#[cfg(not(feature = "small"))]
use crate::value::{Type, key, list};

/// A predicate about one field that an index can search for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sarg<'e> {
    /// The field.
    pub(super) position: u16,
    /// What must hold of it.
    pub(super) test: Test,
    /// The predicate.
    pub(super) predicate: &'e Expr,
    /// Whether the test says all that the predicate says.
    pub(super) exact: bool,
}

/// What must hold of a field.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Test {
    /// It is one of these, ascending.
    OneOf(Vec<Scalar>),
    /// It lies between these and is not absent.
    Range(Bound<Scalar>, Bound<Scalar>),
    /// It starts with these bytes.
    Prefix(Vec<u8>),
    /// It is a list with an element that has one of these keys, which ascend.
    #[cfg(not(feature = "small"))]
    Element(Vec<Vec<u8>>),
}

impl<'e> Sarg<'e> {
    /// The search argument that `predicate` is for a field of `slot`.
    pub(super) fn of(predicate: &'e Expr, slot: Slot) -> Option<Sarg<'e>> {
        let field = |expr: &Expr| expr.as_field().filter(|(of, _)| *of == slot).map(|(_, position)| position);
        let sarg = |position, test| Some(Sarg { position, test, predicate, exact: true });
        match &predicate.kind {
            ExprKind::Field(of, position) if *of == slot => {
                sarg(*position, Test::OneOf(Vec::from([Scalar::Bool(true)])))
            }
            ExprKind::Unary(UnaryOp::Not, operand) if !operand.nullable => {
                sarg(field(operand)?, Test::OneOf(Vec::from([Scalar::Bool(false)])))
            }
            ExprKind::Unary(UnaryOp::IsNone, operand) if operand.nullable => {
                sarg(field(operand)?, Test::OneOf(Vec::from([Scalar::Null])))
            }
            ExprKind::Unary(UnaryOp::IsSome, operand) if operand.nullable => {
                sarg(field(operand)?, Test::Range(Bound::Unbounded, Bound::Unbounded))
            }
            ExprKind::Binary(op, left, right) => {
                let (position, literal) = (field(left)?, right.peek_literal()?);
                #[cfg(not(feature = "small"))]
                if let Some(element) = left.ty.element()
                    && let Some((keys, exact)) = elements(*op, element, literal)
                {
                    return Some(Sarg { position, test: Test::Element(keys), predicate, exact });
                }
                let (test, exact) = comparison(*op, literal, left.nullable)?;
                Some(Sarg { position, test, predicate, exact })
            }
            ExprKind::Between(parts) => {
                let [value, low, high] = &**parts;
                let bound = |expr: &Expr| expr.peek_literal().filter(|value| !value.is_null()).cloned();
                let range = Test::Range(Bound::Included(bound(low)?), Bound::Included(bound(high)?));
                sarg(field(value)?, range)
            }
            ExprKind::In(value, candidates) => {
                let position = field(value)?;
                let literals = candidates.iter().map(|candidate| candidate.peek_literal().cloned());
                let mut literals = literals.collect::<Option<Vec<Scalar>>>()?;
                // A required field is never absent, and an absent value has no key there.
                literals.retain(|literal| value.nullable || !literal.is_null());
                let count = literals.len();
                literals.sort_unstable_by(Scalar::compare);
                literals.dedup_by(|a, b| a.compare(b).is_eq());
                if literals.len() < count {
                    // How many there are decides on the order that records come in.
                    candidates.iter().filter_map(Expr::literal_itself).for_each(Literal::pin);
                }
                sarg(position, Test::OneOf(literals))
            }
            _ => None,
        }
    }

    /// Whether no value is what it says.
    #[cfg(not(feature = "small"))]
    pub(super) fn is_nothing(&self) -> bool {
        matches!(&self.test, Test::OneOf(values) if values.is_empty())
    }

    /// Whether it is about several values that do not lie between two bounds, or about how they begin.
    #[cfg(not(feature = "small"))]
    pub(super) fn is_several(&self) -> bool {
        match &self.test {
            Test::OneOf(values) => values.len() > 1,
            Test::Element(keys) => keys.len() > 1,
            Test::Prefix(_) => true,
            Test::Range(..) => false,
        }
    }

    /// Whether the test fails for an absent value: then it also fails for the fields of a record that is absent.
    pub(super) fn rejects_absent(&self) -> bool {
        match &self.test {
            Test::OneOf(values) => !values.iter().any(Scalar::is_null),
            Test::Range(..) | Test::Prefix(_) => true,
            #[cfg(not(feature = "small"))]
            Test::Element(_) => true,
        }
    }
}

/// The keys of elements of which a list has one if the test holds, and whether that is all that the test says.
#[cfg(not(feature = "small"))]
fn elements(op: BinaryOp, element: Type, literal: &Scalar) -> Option<(Vec<Vec<u8>>, bool)> {
    if literal.is_null() {
        return None;
    }
    if op == BinaryOp::Has {
        let mut key = Vec::new();
        key::append_scalar(&mut key, element, false, literal);
        return Some((Vec::from([key]), true));
    }
    let Scalar::Bytes(list) = literal else { return None };
    let mut keys: Vec<Vec<u8>> = list::elements(element, list).map(<[u8]>::to_vec).collect();
    keys.sort_unstable();
    keys.dedup();
    match op {
        BinaryOp::HasAny => Some((keys, true)),
        // Any of them will do to find the lists; one without elements asks for none. That it may be the only one is not used: a
        // plan is kept for lists of any length.
        BinaryOp::HasAll if !keys.is_empty() => {
            keys.truncate(1);
            Some((keys, false))
        }
        _ => None,
    }
}

fn comparison(op: BinaryOp, literal: &Scalar, nullable: bool) -> Option<(Test, bool)> {
    use Bound::{Excluded, Included, Unbounded};
    if literal.is_null() && !(op == BinaryOp::Eq && nullable) {
        return None;
    }
    let value = || literal.clone();
    Some(match (op, literal) {
        (BinaryOp::Eq, _) => (Test::OneOf(Vec::from([value()])), true),
        (BinaryOp::Lt, _) if planted::is(Bug::BoundSearchedFor) => {
            (Test::Range(Unbounded, Included(value())), true)
        }
        (BinaryOp::Lt, _) => (Test::Range(Unbounded, Excluded(value())), true),
        (BinaryOp::Le, _) => (Test::Range(Unbounded, Included(value())), true),
        (BinaryOp::Gt, _) => (Test::Range(Excluded(value()), Unbounded), true),
        (BinaryOp::Ge, _) => (Test::Range(Included(value()), Unbounded), true),
        (BinaryOp::StartsWith, Scalar::String(prefix)) => (Test::Prefix(prefix.as_bytes().to_vec()), true),
        (BinaryOp::StartsWith, Scalar::Bytes(prefix)) => (Test::Prefix(prefix.clone()), true),
        _ if op.is_left_out() => return None,
        (BinaryOp::Like, Scalar::String(pattern)) => {
            let prefix = literal_prefix(pattern, &['%', '_'], true);
            if prefix.is_empty() {
                return None;
            }
            (Test::Prefix(prefix), false)
        }
        (BinaryOp::Matches, Scalar::String(pattern)) => {
            let prefix = literal_prefix(pattern, &['*', '?', '['], false);
            if prefix.is_empty() {
                return None;
            }
            (Test::Prefix(prefix), false)
        }
        _ => return None,
    })
}

/// What every string matched by `pattern` starts with: its characters up to the first that is special.
fn literal_prefix(pattern: &str, special: &[char], escapes: bool) -> Vec<u8> {
    let mut prefix = alloc::string::String::new();
    let mut chars = pattern.chars();
    while let Some(char) = chars.next() {
        if special.contains(&char) {
            break;
        }
        if escapes && char == '\\' {
            match chars.next() {
                Some(literal) => prefix.push(literal),
                None => break,
            }
        } else {
            prefix.push(char);
        }
    }
    prefix.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_have_literal_prefixes() {
        let like = |pattern| literal_prefix(pattern, &['%', '_'], true);
        assert_eq!(like("Iron%"), b"Iron");
        assert_eq!(like("100\\%_"), b"100%");
        assert_eq!(like("%x"), b"");
        assert_eq!(literal_prefix("a[bc]*", &['*', '?', '['], false), b"a");
    }
}

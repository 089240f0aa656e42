//! The typed surface, tried: what each way of writing a query puts into its draft.

mod clauses;
mod operators;
mod subqueries;

use crate::collection::Id;
use crate::expr::{BinaryOp, FieldPath, Postfix as Node, RowPath, UnaryOp};
use crate::value::{Scalar, Type};

/// The field with this ordinal of the query's first source.
fn field(ordinal: u16) -> Node {
    Node::field(FieldPath { row: RowPath::source(0), ordinal })
}

/// A field of another source.
fn field_of(source: u8, ordinal: u16) -> Node {
    Node::field(FieldPath { row: RowPath::source(source), ordinal })
}

/// A field at the end of a path of relations from the first source.
fn field_at(hops: &[u16], ordinal: u16) -> Node {
    let row = hops.iter().fold(RowPath::source(0), |row, hop| row.hop(*hop));
    Node::field(FieldPath { row, ordinal })
}

fn text(value: &str) -> Node {
    Node::literal(Scalar::String(value.into()), Type::String)
}

fn int(value: i128, ty: Type) -> Node {
    Node::literal(Scalar::Int(value), ty)
}

fn float(value: f64) -> Node {
    Node::literal(Scalar::Float(value), Type::F64)
}

fn id(number: u64) -> Node {
    int(number.into(), Type::Id)
}

/// An id of any collection.
fn id_of<C>(number: u64) -> Id<C> {
    Id::new(number)
}

fn two(op: BinaryOp, left: Node, right: Node) -> Node {
    left.binary(op, right)
}

fn eq(left: Node, right: Node) -> Node {
    two(BinaryOp::Eq, left, right)
}

fn and(left: Node, right: Node) -> Node {
    two(BinaryOp::And, left, right)
}

fn not(operand: Node) -> Node {
    operand.unary(UnaryOp::Not)
}

//! A sample is the first rows of an order that is drawn by lot: that of numbers which the seed, and what identifies a row, decide.
//!
//! Every row has the same chance to be among them, and so has every set of so many rows. What identifies a row are the keys of its
//! records, the values of a group, and those of queries that it was joined to: the same seed draws the same of the same
//! records, however they are reached. Rows that may be there twice are told apart by their number as they come.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::super::{Expr, Node, Sort, SortTerm, Window, WindowTerm, typing};
use super::Lowering;
use crate::engine::error::PlanError;
use crate::expr::{BinaryOp, Frame, Function, UnaryOp, WindowFunction};
use crate::parts::Whole;
use crate::value::decimal::DecimalParts;
use crate::value::{Scalar, Type};

impl Lowering<'_> {
    /// Keeps `count` rows, drawn by lot.
    pub(super) fn sample(&mut self, count: u64, seed: u64, whole: Whole) -> Result<(), PlanError> {
        let mut lot = Expr::literal(Scalar::Int(seed.into()), Type::U64);
        for value in self.identity(whole) {
            lot = scattered(lot, value)?;
        }
        let terms = Vec::from([SortTerm { expr: lot, descending: false, nulls_first: true }]);
        self.push(|input| Node::Sort(Sort { input, terms, window: None }));
        self.limit(Window::first(count));
        Ok(())
    }

    /// Values that tell all rows apart.
    fn identity(&mut self, whole: Whole) -> Vec<Expr> {
        let keys = self.groups.iter().flat_map(|groups| &groups.keys).chain(&self.joined.values);
        let keys = keys.map(|key| self.computed_value(*key));
        let records = self.sources.iter().flat_map(|(_, slot)| {
            let def = &self.slots[usize::from(slot.0)];
            def.collection.key.iter().map(move |position| {
                let field = &def.collection.fields[usize::from(*position)];
                Expr::field(*slot, *position, field.ty, field.optional || def.optional)
            })
        });
        let values: Vec<Expr> = keys.chain(records).collect();
        let is_known = |value: &Expr| !value.nullable || zero(value.ty).is_some();
        let repeat = self.joined.repeat || self.groups.as_ref().is_some_and(|groups| groups.repeat);
        if !repeat && values.iter().all(is_known) {
            return values;
        }
        let output = self.new_computed(Type::U64, false, self.described(|_| "row_number()".to_string()));
        let term = WindowTerm {
            function: WindowFunction::RowNumber,
            argument: None,
            partition: Vec::new(),
            order: Vec::new(),
            frame: Frame::DEFAULT,
            output,
        };
        self.window(Vec::from([term]), whole);
        Vec::from([self.computed_value(output)])
    }
}

/// A number that `lot` and a value decide. What makes of `None` a value is decided by whether it was one, too.
fn scattered(lot: Expr, value: Expr) -> Result<Expr, PlanError> {
    let scatter = |lot, value| typing::call(Function::Scatter, Vec::from([lot, value]));
    if !value.nullable {
        return scatter(lot, value);
    }
    let zero = Expr::literal(zero(value.ty).expect("looked for before"), value.ty);
    let is_none = typing::unary(UnaryOp::IsNone, value.clone())?;
    scatter(scatter(lot, typing::binary(BinaryOp::OrElse, value, zero)?)?, is_none)
}

/// A value of the type.
fn zero(ty: Type) -> Option<Scalar> {
    Some(match ty {
        Type::Bool => Scalar::Bool(false),
        Type::U128 => Scalar::Uint(0),
        Type::F32 | Type::F64 => Scalar::Float(0.0),
        Type::Decimal => Scalar::Decimal(DecimalParts::default()),
        Type::String => Scalar::String(String::new()),
        Type::Bytes => Scalar::Bytes(Vec::new()),
        Type::Uuid => Scalar::Uuid([0; 16]),
        _ if ty.is_integer() => Scalar::Int(0),
        Type::Id | Type::Char | Type::Date | Type::Time | Type::DateTime | Type::Timestamp => Scalar::Int(0),
        _ => return None,
    })
}

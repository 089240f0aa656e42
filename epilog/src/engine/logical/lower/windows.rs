//! Values that rows have from the rows around them, and the first rows of each key, which are those with small numbers.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::super::window::{has_distances, window_name, window_type};
use super::super::{Expr, Node, SortTerm, WindowTerm, Windowing};
use super::Lowering;
use crate::engine::error::PlanError;
use crate::expr::{AggregateFunction, BinaryOp, Frame, FrameUnit, Postfix, WindowFunction, WindowItem};
use crate::parts::{InWhole, Whole};
use crate::value::{Scalar, Type};

impl Lowering<'_> {
    /// Gives rows these values.
    pub(super) fn window(&mut self, items: Vec<WindowTerm>, whole: Whole) {
        if !items.is_empty() {
            let items = InWhole::new(items, whole);
            self.push(|input| Node::Window(Windowing { input, items, whole }));
        }
    }

    /// What a window is to calculate.
    ///
    /// # Errors
    ///
    /// When there is no such value of its argument, or of its order.
    pub(super) fn window_term(&mut self, item: &WindowItem) -> Result<WindowTerm, PlanError> {
        let argument = item.argument.as_ref().map(|argument| self.expression(argument)).transpose()?;
        let partition = self.expressions(&item.partition)?;
        let order: Vec<SortTerm> =
            item.order.iter().map(|term| self.sort_term(term)).collect::<Result<_, _>>()?;
        let operation = window_name(&item.function);
        let of = argument.as_ref().map(|argument| argument.ty);
        let (ty, nullable) = window_type(&item.function, of)
            .ok_or(PlanError::NotDefined { operation, ty: of.unwrap_or(Type::U64) })?;
        let calculates = matches!(
            item.function,
            WindowFunction::Aggregate(AggregateFunction::Sum | AggregateFunction::Avg)
        );
        if ty == Type::Decimal && calculates && !cfg!(feature = "decimal") {
            return Err(PlanError::DecimalFeature { operation });
        }
        if item.frame.unit == FrameUnit::Range {
            let of = match &order[..] {
                [term] => term.expr.ty,
                _ => return Err(PlanError::RangeOfOneTerm { terms: order.len() }),
            };
            if !has_distances(of) {
                return Err(PlanError::NotDefined { operation: "range", ty: of });
            }
            let is_nan = |distance: i64| f64::from_bits(distance as u64).is_nan();
            let Frame { start, end, .. } = item.frame;
            if matches!(of, Type::F32 | Type::F64) && [start, end].into_iter().flatten().any(is_nan) {
                return Err(PlanError::RangeWithoutDistance);
            }
        }
        let name = self.described(|names| names.window_value(&item.function, argument.as_ref()));
        let output = self.new_computed(ty, nullable, name);
        Ok(WindowTerm {
            function: item.function.clone(),
            argument,
            partition,
            order,
            frame: item.frame,
            output,
        })
    }

    /// The first rows of each key: they are numbered, and those with a small number stay.
    pub(super) fn limit_per(&mut self, keys: &[Postfix], count: u64, whole: Whole) -> Result<(), PlanError> {
        let partition = self.expressions(keys)?;
        let output = self.new_computed(Type::U64, false, self.described(|_| "row_number()".to_string()));
        let function = WindowFunction::RowNumber;
        let term = WindowTerm {
            function,
            argument: None,
            partition,
            order: Vec::new(),
            frame: Frame::DEFAULT,
            output,
        };
        self.window(Vec::from([term]), whole);
        let limit = Expr::literal(Scalar::Int(count.into()), Type::U64);
        self.filter(Expr::binary_test(BinaryOp::Le, self.computed_value(output), limit));
        Ok(())
    }
}

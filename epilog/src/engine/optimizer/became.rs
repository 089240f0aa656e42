//! [`Became`]: values that something else has taken the place of, on the way up a plan.

use alloc::vec::Vec;

use crate::engine::logical::{Computed, Expr, ExprKind, Node};

/// What values below have become, for those who read them above.
#[derive(Default)]
pub(super) struct Became(Vec<(Computed, Expr)>);

impl Became {
    /// A value is read as `expr` from here on.
    pub(super) fn put(&mut self, value: Computed, expr: Expr) {
        self.0.push((value, expr));
    }

    /// Has a node read what its values have become. One that may be absent where it is read stays one.
    pub(super) fn put_into(&self, node: &mut Node) {
        if !self.0.is_empty() {
            node.map_expressions(&mut |expr| expr.map(&mut |part| self.of(part)));
        }
    }

    fn of(&self, part: Expr) -> Expr {
        let ExprKind::Computed(computed) = part.kind else { return part };
        match self.0.iter().find(|(of, _)| *of == computed) {
            Some((_, expr)) => Expr { nullable: part.nullable || expr.nullable, ..expr.clone() },
            None => part,
        }
    }
}

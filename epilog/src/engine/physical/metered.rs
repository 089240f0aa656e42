//! [`Metered`]: an operator of which it is measured what it does, for `explain_analyze`.
//!
//! A plan to be analysed has one around each of its operators, the pairs of subqueries and joins excepted: those are made by
//! what is above them. Meters are numbered, so that the parts of a plan that is carried out in several operations add up.

use alloc::boxed::Box;

use super::PhysicalNode;
#[cfg(not(feature = "small"))]
use super::{Operator, PhysicalPlan};
use crate::parts::Whole;

/// Gives the rows of its input, and measures that.
#[derive(Clone, Debug)]
pub struct Metered {
    /// What is measured.
    pub input: Box<PhysicalNode>,
    /// The number of the meter.
    pub meter: usize,
    /// Other builds measure nothing.
    pub _whole: Whole,
}

#[cfg(not(feature = "small"))]
impl PhysicalPlan {
    /// Puts a meter around each operator; returns how many there are.
    pub(crate) fn meter(&mut self) -> usize {
        let mut count = 0;
        if let Some(whole) = Whole::build() {
            put_around(&mut self.root, &mut count, whole);
        }
        count
    }
}

#[cfg(not(feature = "small"))]
fn put_around(node: &mut PhysicalNode, count: &mut usize, whole: Whole) {
    if let Operator::Pairs = node.operator {
        return;
    }
    let meter = *count;
    *count += 1;
    for child in node.children_mut() {
        put_around(child, count, whole);
    }
    let rows = node.rows;
    let input = core::mem::replace(node, PhysicalNode { operator: Operator::Pairs, rows });
    node.operator = Operator::Metered(Metered { input: Box::new(input), meter, _whole: whole });
}

#[cfg(not(feature = "small"))]
impl PhysicalNode {
    /// Whether its rows are pairs that the subquery or join around it makes.
    pub(crate) fn is_over_pairs(&self) -> bool {
        match &self.operator {
            Operator::Pairs => true,
            Operator::Filter { .. }
            | Operator::Lookup { .. }
            | Operator::Subquery(_)
            | Operator::Metered(_) => self.children()[0].is_over_pairs(),
            _ => false,
        }
    }
}

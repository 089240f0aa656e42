//! Filters.
//!
//! Predicates that are tried on the bytes of pages come first, then the others, in the order of the plan. Among those first the
//! one goes ahead that spares most for what it costs, `cost / (1 - passing)`, by what it has let through so far: that is looked
//! at anew every few batches. Answers do not depend on it: no such test makes a fault, and the others keep their order.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Stage;
use crate::engine::error::ExecError;
use crate::engine::exec::Env;
use crate::engine::exec::batch::Batch;
use crate::engine::exec::predicate::Predicate;
use crate::engine::logical::Expr;
#[cfg(not(feature = "small"))]
use crate::engine::physical::{Operator as P, PhysicalNode};
use crate::parts;

/// After so many batches the order is looked at.
const BATCHES: usize = if cfg!(test) { 2 } else { 32 };

/// Drops the rows for which a predicate does not hold.
pub(super) struct Filter {
    predicates: Box<[Predicate]>,
    /// What is known of each; empty where nothing is to be put in order.
    tried: Vec<Tried>,
    /// Until the order is looked at next.
    batches: usize,
}

/// How many rows a predicate was tried on, and let through.
#[derive(Clone, Copy, Default)]
struct Tried {
    rows: usize,
    passed: usize,
}

impl Filter {
    pub(super) fn new(env: &Env<'_>, predicates: Vec<Expr>) -> Filter {
        let prepare = |expr| Predicate::new(expr, |slot| env.collection(slot));
        Filter::of(predicates.into_iter().map(prepare).collect())
    }

    fn of(mut predicates: Box<[Predicate]>) -> Filter {
        let mut tried = Vec::new();
        if parts::QUICK_TESTS && predicates.len() > 1 {
            predicates.sort_by_key(|predicate| predicate.cost().is_none());
            tried.resize(predicates.len(), Tried::default());
        }
        Filter { predicates, tried, batches: BATCHES }
    }

    /// Of the rows of what is beneath `node`, which is returned, those that get through the filters and sieves that it is or has
    /// right beneath it.
    #[cfg(not(feature = "small"))]
    pub(super) fn sieving(env: &Env<'_>, mut node: PhysicalNode) -> (PhysicalNode, Filter) {
        let mut all = Vec::new();
        loop {
            node = match node.operator {
                P::Filter { input, predicates, .. } => {
                    // What is beneath goes first, but for those of pages, whose order follows.
                    let predicates = predicates.into_iter();
                    all.splice(
                        0..0,
                        predicates.map(|expr| Predicate::new(expr, |slot| env.collection(slot))),
                    );
                    *input
                }
                P::Sieve(sieve) => {
                    let known = env.sieves.get(sieve.number);
                    all.insert(0, Predicate::in_set(sieve.by, known, |slot| env.collection(slot)));
                    *sieve.input
                }
                operator => {
                    let rows = node.rows;
                    return (PhysicalNode { operator, rows }, Filter::of(all.into()));
                }
            }
        }
    }

    /// Puts those in order that may be.
    #[cold]
    fn reorder(&mut self) {
        self.batches = BATCHES;
        let price = |cost: u32, tried: Tried| {
            // Half a row passes and half does not before any is seen, so that nothing is infinite.
            let dropped = (tried.rows - tried.passed) as f32 + 0.5;
            cost as f32 * (tried.rows as f32 + 1.0) / dropped
        };
        // By insertion: there are few, and they are in order as a rule.
        for end in 1..self.predicates.len() {
            for at in (0..end).rev() {
                let (Some(before), Some(after)) =
                    (self.predicates[at].cost(), self.predicates[at + 1].cost())
                else {
                    break;
                };
                if price(before, self.tried[at]) <= price(after, self.tried[at + 1]) {
                    break;
                }
                self.predicates.swap(at, at + 1);
                self.tried.swap(at, at + 1);
            }
        }
        // What was long ago counts less than what is next.
        for tried in &mut self.tried {
            *tried = Tried { rows: tried.rows / 2, passed: tried.passed / 2 };
        }
    }
}

impl<'s> Stage<'s> for Filter {
    fn apply(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<(), ExecError> {
        let mut count = batch.count();
        for (at, predicate) in self.predicates.iter().enumerate() {
            predicate.apply(env, batch)?;
            let left = batch.count();
            if let (true, Some(tried)) = (parts::QUICK_TESTS, self.tried.get_mut(at)) {
                *tried = Tried { rows: tried.rows + count, passed: tried.passed + left };
            }
            count = left;
            if count == 0 {
                break;
            }
        }
        if parts::QUICK_TESTS && !self.tried.is_empty() {
            self.batches -= 1;
            if self.batches == 0 {
                self.reorder();
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Scalar, Type};

    #[test]
    fn what_drops_most_for_its_cost_goes_ahead() {
        let predicate = |cost| Predicate::of_cost(Expr::literal(Scalar::Bool(true), Type::Bool), cost);
        let mut filter = Filter {
            predicates: [predicate(2), predicate(2), predicate(1)].into_iter().collect(),
            tried: alloc::vec![
                Tried { rows: 1000, passed: 900 },
                Tried { rows: 900, passed: 90 },
                Tried { rows: 90, passed: 60 },
            ],
            batches: 1,
        };
        let passed = |filter: &Filter| filter.tried.iter().map(|tried| tried.passed).collect::<Vec<_>>();
        filter.reorder();
        assert_eq!(passed(&filter), [45, 30, 450]);
        assert_eq!(filter.predicates[1].cost(), Some(1));
        filter.reorder();
        assert_eq!(passed(&filter), [22, 15, 225]);
    }
}

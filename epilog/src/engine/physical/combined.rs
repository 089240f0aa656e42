//! Several access paths to one collection, whose ranks are combined before a record is read: those that any of them gives,
//! for alternatives, or those that two of them give.

use alloc::vec::Vec;

use super::access::{Candidate, Search, explained, is_about};
use super::sarg::{Sarg, Test};
use super::sort::{Walk, provides};
use super::{Access, Combination, Planner, Want};
use crate::engine::estimate::{About, Amount, Scatter};
use crate::engine::logical::{Expr, ExprKind};
use crate::expr::BinaryOp;
use crate::parts::{InWhole, Whole};

impl<'p> Planner<'p> {
    /// What combinations of indexes, and of keys, can search for.
    pub(super) fn by_combinations(
        &self,
        search: &Search<'_, 'p>,
        own: &[&'p Expr],
        out: &mut Vec<Candidate>,
    ) {
        let Some(whole) = Whole::build() else { return };
        for predicate in own {
            if matches!(predicate.kind, ExprKind::Binary(BinaryOp::Or, ..)) {
                out.extend(self.any_of(search, predicate, whole));
            }
        }
        out.extend(self.both_of(search, whole));
    }

    /// The records for which one of the alternatives holds, where each of these can be searched for.
    fn any_of(&self, search: &Search<'_, 'p>, predicate: &'p Expr, whole: Whole) -> Option<Candidate> {
        let mut alternatives = Vec::new();
        split(predicate, BinaryOp::Or, &mut alternatives);
        let (mut parts, mut rows, mut cost) = (Vec::new(), 0.0, 0.0);
        let mut exact = true;
        for alternative in alternatives {
            let mut conjuncts = Vec::new();
            split(alternative, BinaryOp::And, &mut conjuncts);
            let about = conjuncts.iter().filter(|conjunct| is_about(conjunct, search.slot));
            let sargs: Vec<Sarg<'p>> = about
                .filter_map(|conjunct| self.sarg(conjunct, search.slot))
                .filter(|sarg| search.fits(sarg))
                .collect();
            if sargs.iter().any(|sarg| sarg.test == Test::OneOf(Vec::new())) {
                continue;
            }
            let part = self.ranks_of(&Search { sargs: &sargs, want: Want::default(), ..*search })?;
            exact &= conjuncts.iter().all(|conjunct| part.implied.contains(conjunct));
            rows += part.rows;
            cost += part.cost;
            parts.push(part.access);
        }
        let rows = rows.min(search.rows);
        Some(Candidate {
            scatter: Scatter::ANYWHERE,
            access: Access::Combined { parts: InWhole::new(parts, whole), how: Combination::Any, whole },
            kind: "index union",
            text: explained(|| format!("{} by {}", search.collection.name, self.names().expr(predicate))),
            implied: if exact { Vec::from([predicate.clone()]) } else { Vec::new() },
            rows,
            cost_fixed: cost,
            cost_rows: self.paging.and_fetched(rows * self.costs.fetch, search.collection, rows),
            ordered: comes_in_order(search),
            // An alternative may hold for a record that is absent.
            selective: false,
        })
    }

    /// The records that two indexes give, of which each is asked for something else.
    fn both_of(&self, search: &Search<'_, 'p>, whole: Whole) -> Option<Candidate> {
        // One field alone is searched for in one index.
        let asked = search.sargs.first()?.position;
        if search.sargs.iter().all(|sarg| sarg.position == asked) {
            return None;
        }
        let alone = Search { want: Want::default(), ..*search };
        let indexes = &search.collection.indexes;
        let mut found: Vec<Candidate> =
            indexes.iter().filter_map(|index| self.by_index(&alone, index)).filter(is_of_ranks).collect();
        found.sort_by(|a, b| a.rows.total_cmp(&b.rows));
        let mut found = found.into_iter();
        let first = found.next()?;
        let asks_else = |other: &Candidate| {
            !other.implied.is_empty() && !other.implied.iter().any(|expr| first.implied.contains(expr))
        };
        let second = found.find(asks_else)?;
        if first.implied.is_empty() {
            return None;
        }
        let share = self.estimator.selectivity_of_all(&second.implied);
        let about = About::records(search.slot);
        let learnt = self.learnt().of_filter(about, second.implied.len(), first.implied.len());
        let share = (share.min(second.rows / search.rows) * learnt).min(1.0);
        let rows = (first.rows * share).max(1.0);
        let cost = self.cost_of_ranks(&first) + self.cost_of_ranks(&second);
        let implied = [first.implied, second.implied].concat();
        let parts = Vec::from([first.access, second.access]);
        Some(Candidate {
            scatter: Scatter::ANYWHERE,
            access: Access::Combined { parts: InWhole::new(parts, whole), how: Combination::Both, whole },
            kind: "index intersection",
            text: explained(|| {
                format!("{} by {}", search.collection.name, self.names().predicates(&implied))
            }),
            implied,
            rows,
            cost_fixed: cost,
            cost_rows: self.paging.and_fetched(rows * self.costs.fetch, search.collection, rows),
            ordered: comes_in_order(search),
            selective: first.selective || second.selective,
        })
    }

    /// The cheapest way to the ranks of what is searched for.
    fn ranks_of(&self, search: &Search<'_, 'p>) -> Option<Part> {
        let mut candidates = Vec::new();
        self.by_key(search, &mut candidates);
        candidates.extend(search.collection.indexes.iter().filter_map(|index| self.by_index(search, index)));
        let candidates = candidates.into_iter().filter(is_of_ranks);
        let parts = candidates.map(|candidate| Part {
            cost: self.cost_of_ranks(&candidate),
            rows: candidate.rows,
            implied: candidate.implied,
            access: candidate.access,
        });
        // What is read is dear, and so is what is read in vain.
        let total = |part: &Part| part.cost + part.rows * self.costs.fetch;
        parts.min_by(|a, b| total(a).total_cmp(&total(b)))
    }

    /// What it costs to find the ranks and to put them in order, without a record.
    fn cost_of_ranks(&self, candidate: &Candidate) -> Amount {
        let each = match candidate.access {
            Access::Index { .. } => self.costs.entry + self.costs.sort_rank,
            _ => self.costs.sort_rank,
        };
        let seeks = match &candidate.access {
            Access::Index { ranges, .. } => self.costs.seek * ranges.len() as Amount,
            _ => 0.0,
        };
        seeks + candidate.rows * each
    }
}

/// A part of a union.
struct Part {
    access: Access,
    implied: Vec<Expr>,
    rows: Amount,
    cost: Amount,
}

/// Whether ranks are found without a record, and not all of them are.
fn is_of_ranks(candidate: &Candidate) -> bool {
    matches!(candidate.access, Access::Keys(_) | Access::Index { .. } | Access::Nothing)
        && !candidate.access.reads_all()
}

/// Whether records come in the order wanted when they come by ascending rank.
pub(super) fn comes_in_order(search: &Search<'_, '_>) -> bool {
    search.want.order.is_empty()
        || provides(search.want, search.slot, &[], &search.bound(), search.collection.clustered)
            == Some(Walk::Forward)
}

/// The operands of a chain of `&` or of `|`.
fn split<'e>(expr: &'e Expr, op: BinaryOp, out: &mut Vec<&'e Expr>) {
    match &expr.kind {
        ExprKind::Binary(of, left, right) if *of == op => {
            split(left, op, out);
            split(right, op, out);
        }
        _ => out.push(expr),
    }
}

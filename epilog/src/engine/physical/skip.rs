//! Skip scans: an index serves what is asked of its later fields, though nothing is asked of the first, when that has few
//! values. The search is made behind each of them.
//!
//! How many values there are is tried out, at a seek each, and only when every other way is dear. The values found are for
//! the estimate: those there are when the plan is carried out are found then.

use alloc::format;
use alloc::vec::Vec;

use super::access::{Candidate, Search, explained};
use super::combined::comes_in_order;
use super::{Access, Planner};
use crate::engine::estimate::{Amount, Scatter};
use crate::engine::logical::Expr;
use crate::schema::IndexDef;

/// The first field of the index may have so many values.
const VALUES_MAX: usize = 64;

/// What other ways must cost, in nanoseconds, before the values are looked for: several times what that does. In tests nothing.
const DEAR: Amount = if cfg!(test) { 0.0 } else { 200_000.0 };

/// Behind so many of the values it is estimated how many entries there are.
const ESTIMATED: usize = 8;

impl<'p> Planner<'p> {
    /// What indexes can search for behind the values of their first fields.
    pub(super) fn by_skips(&self, search: &Search<'_, 'p>, out: &mut Vec<Candidate>) {
        let costs = out.iter().map(|candidate| candidate.cost_fixed + candidate.cost_rows);
        let indexes = search.collection.indexes.iter();
        let mut found: Vec<Candidate> = Vec::new();
        if costs.fold(Amount::INFINITY, Amount::min) > DEAR {
            found.extend(indexes.filter_map(|index| self.skips(search, index)));
        }
        out.append(&mut found);
    }

    fn skips(&self, search: &Search<'_, 'p>, index: &IndexDef) -> Option<Candidate> {
        let (first, rest) = index.fields.split_first()?;
        if rest.is_empty() || index.is_partial() || search.sargs.iter().any(|sarg| sarg.position == *first) {
            return None;
        }
        let found = search.in_fields(rest);
        if found.used.is_empty() || found.ranges.is_empty() {
            return None;
        }
        let values = self.statistics.leading(search.collection, index, VALUES_MAX)?;
        let (count, ranges) = (values.len() as Amount, found.ranges.len() as Amount);
        let (mut entries, mut asked) = (0, 0);
        for value in values.iter().step_by(values.len().div_ceil(ESTIMATED).max(1)) {
            for range in found.ranges.iter().take(ESTIMATED) {
                entries += self.statistics.entries(search.collection, index, &range.behind(value))?;
                asked += 1;
            }
        }
        let rows = (entries as Amount / (asked.max(1) as Amount) * count * ranges).max(1.0);
        let implied: Vec<Expr> =
            found.used.iter().filter(|sarg| sarg.exact).map(|sarg| sarg.predicate.clone()).collect();
        let about: Vec<Expr> = found.used.iter().map(|sarg| sarg.predicate.clone()).collect();
        let name = |position: &u16| search.collection.fields[usize::from(*position)].name.as_str();
        Some(Candidate {
            scatter: Scatter::ANYWHERE,
            access: Access::Skip { index: index.id, ranges: found.ranges },
            kind: "skip scan",
            text: explained(|| {
                let (asked, collection) = (self.names().predicates(&about), &search.collection.name);
                format!("{collection} by {asked} behind each {}", name(first))
            }),
            implied,
            rows,
            // One seek for each value and one for each range behind it.
            cost_fixed: count * (1.0 + ranges) * self.costs.seek
                + rows * (self.costs.entry + self.costs.sort_rank),
            cost_rows: self.paging.and_fetched(rows * self.costs.fetch, search.collection, rows),
            ordered: comes_in_order(search),
            selective: found.used.iter().any(|sarg| sarg.rejects_absent()),
        })
    }
}

//! Two tallies made one: that of some rows, and that of the rows that come next.

use super::{Kept, Tally};
use crate::engine::exec::kernel;
use crate::engine::exec::vector::Strided;
use crate::expr::{AggregateFunction, BinaryOp};
use crate::value::{Type, list};

impl Tally {
    /// Whether [`merge`](Tally::merge) comes to what adding the rows of `part` would come to, but for how floats are rounded.
    pub(in crate::engine::exec) fn can_merge(&self, part: &Tally, numbers: &[u32]) -> bool {
        let mut pairs = numbers.iter().enumerate().map(|(from, to)| (from, *to as usize));
        // Whether something overflows may depend on the order in which it is added up.
        let fits = match (&self.kept, &part.kept) {
            (Kept::Ints(all), Kept::Ints(part)) if self.ty == Type::I128 => {
                pairs.all(|(from, to)| all[to].checked_add(part[from]).is_some())
            }
            (Kept::Uints(all), Kept::Uints(part)) => {
                pairs.all(|(from, to)| all[to].checked_add(part[from]).is_some())
            }
            #[cfg(feature = "decimal")]
            (Kept::Totals(all), Kept::Totals(part)) => all.can_merge(part),
            _ => true,
        };
        fits && self.faults.is_empty() && part.faults.is_empty()
    }

    /// Adds what was added to `part`, of rows that come after those of this one. The number of each group of the part is in
    /// `numbers`.
    pub(in crate::engine::exec) fn merge(&mut self, part: Tally, numbers: &[u32]) {
        let Tally { function, ty, counts, kept, .. } = self;
        let pairs = || numbers.iter().enumerate().map(|(from, to)| (from, *to as usize));
        match (kept, part.kept) {
            (Kept::Nothing, Kept::Nothing) => {}
            (Kept::Ints(all), Kept::Ints(part)) => pairs().for_each(|(from, to)| all[to] += part[from]),
            (Kept::Uints(all), Kept::Uints(part)) => pairs().for_each(|(from, to)| all[to] += part[from]),
            (Kept::Floats(all), Kept::Floats(part)) => pairs().for_each(|(from, to)| all[to] += part[from]),
            #[cfg(feature = "decimal")]
            (Kept::Totals(all), Kept::Totals(part)) => all.merge(&part, numbers),
            (Kept::Cells(all), Kept::Cells(best)) => {
                let width = ty.width().unwrap_or(0);
                let op = extreme(function);
                for (from, to) in pairs().filter(|(from, _)| part.counts[*from] > 0) {
                    let strided = |bytes| Strided { bytes, stride: 0 };
                    let (cell, own) = (&best[from * width..][..width], &mut all[to * width..][..width]);
                    if counts[to] == 0 || kernel::compare(*ty, op, strided(cell), strided(own), 1) == [1] {
                        own.copy_from_slice(cell);
                    }
                }
            }
            (Kept::Bytes(all), Kept::Bytes(mut bytes)) => {
                for (from, to) in pairs().filter(|(from, _)| part.counts[*from] > 0) {
                    let (own, other) = (&mut all[to], core::mem::take(&mut bytes[from]));
                    if counts[to] == 0 {
                        *own = other;
                        continue;
                    }
                    match function {
                        AggregateFunction::StringAgg { separator } => {
                            own.extend_from_slice(separator.as_bytes());
                            own.extend_from_slice(&other);
                        }
                        AggregateFunction::ArrayAgg => list::append(own, &other),
                        AggregateFunction::Min if other < *own => *own = other,
                        AggregateFunction::Max if other > *own => *own = other,
                        _ => {}
                    }
                }
            }
            (Kept::Distinct(all), Kept::Distinct(part)) => {
                let mut key = alloc::vec::Vec::new();
                for at in 0..part.len() {
                    let (group, value) = part.key(at).split_first_chunk::<4>().expect("a group's number");
                    let group = numbers[u32::from_le_bytes(*group) as usize];
                    key.clear();
                    key.extend_from_slice(&group.to_le_bytes());
                    key.extend_from_slice(value);
                    let known = all.len();
                    counts[group as usize] += u64::from(all.intern(&key) == known);
                }
                // What differs was counted.
                return;
            }
            (Kept::DistinctWords(all), Kept::DistinctWords(part)) => {
                for (group, word) in part.all() {
                    let group = numbers[group as usize];
                    counts[group as usize] += u64::from(all.insert(group, word));
                }
                return;
            }
            (Kept::Moments(all), Kept::Moments(moments)) => {
                for (from, to) in pairs().filter(|(from, _)| part.counts[*from] > 0) {
                    let own = (counts[to], all[to]);
                    all[to] = together(own, (part.counts[from], moments[from]));
                }
            }
            (Kept::Values(all), Kept::Values(mut values)) => {
                pairs().for_each(|(from, to)| all[to].append(&mut values[from]));
            }
            _ => unreachable!("both are of one aggregate"),
        }
        pairs().for_each(|(from, to)| counts[to] += part.counts[from]);
    }
}

/// How the value that is kept compares with others.
fn extreme(function: &AggregateFunction) -> BinaryOp {
    if matches!(function, AggregateFunction::Max) { BinaryOp::Gt } else { BinaryOp::Lt }
}

/// The count, and with it the moments, of two sets of values (T. F. Chan, G. H. Golub, R. J. LeVeque, "Updating formulae and a
/// pairwise algorithm for computing sample variances", 1979).
fn together((own, (mean, squares)): (u64, (f64, f64)), (count, moments): (u64, (f64, f64))) -> (f64, f64) {
    if own == 0 {
        return moments;
    }
    let (own, count) = (own as f64, count as f64);
    let off = moments.0 - mean;
    let share = count / (own + count);
    (mean + off * share, squares + moments.1 + off * off * own * share)
}

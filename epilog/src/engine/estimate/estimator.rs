//! [`Estimator`]: how many rows a predicate leaves, how many different values there are, by what is known of the data.
//!
//! Values of a query are looked at without [pinning](crate::engine::logical::Literal): a plan that is kept is as right for other values,
//! though it may cost more.
//!
//! Fields are taken to be independent of each other, but for two bounds of one field, and for the first fields of an index,
//! whose different values are counted together. What nothing is known of is [guessed](super::selectivity).

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::OnceCell;

use super::selectivity::guess;
use super::{Amount, Scatter, Statistics};
use crate::engine::logical::{Expr, ExprKind, Slot, SlotDef};
use crate::expr::{BinaryOp, UnaryOp};
use crate::parts;
use crate::schema::{CollectionDef, IndexId};
use crate::statistics::{CollectionStatistics, Moments, Spread};
use crate::value::{Scalar, Type};

/// Of so many values of a list the share is told one by one.
const CANDIDATES_MAX: usize = 64;

/// Of fewer records than this it is taken that they lie anywhere.
const FETCHED_FEW: Amount = 100.0;

/// Estimates for one plan. What is known of a collection is asked for once, when something depends on it.
pub struct Estimator<'p> {
    slots: &'p [SlotDef],
    statistics: &'p dyn Statistics,
    known: Vec<OnceCell<Option<Arc<CollectionStatistics>>>>,
}

/// A bound of a range, and whether it is part of it.
type Limit<'e> = Option<(&'e Scalar, bool)>;

/// What a predicate leaves of the values of a field.
struct RangeOf<'e> {
    slot: Slot,
    position: u16,
    low: Limit<'e>,
    high: Limit<'e>,
}

impl<'p> Estimator<'p> {
    /// Estimates for a plan with these slots.
    pub fn new(slots: &'p [SlotDef], statistics: &'p dyn Statistics) -> Estimator<'p> {
        Estimator { slots, statistics, known: slots.iter().map(|_| OnceCell::new()).collect() }
    }

    /// The records of the collection in `slot`.
    pub fn rows(&self, slot: Slot) -> Amount {
        self.statistics.rows(self.collection(slot)) as Amount
    }

    /// The part of rows, 0..=1, for which a predicate is expected to hold.
    pub fn selectivity(&self, predicate: &Expr) -> Amount {
        let share = match &predicate.kind {
            ExprKind::Binary(BinaryOp::And, ..) => {
                let mut parts = Vec::new();
                conjuncts(predicate, &mut parts);
                self.selectivity_of_all(parts)
            }
            ExprKind::Binary(BinaryOp::Or, left, right) => {
                let (left, right) = (self.selectivity(left), self.selectivity(right));
                left + right - left * right
            }
            ExprKind::Unary(UnaryOp::Not, operand) => 1.0 - self.selectivity(operand),
            _ => self.known_share(predicate).unwrap_or_else(|| guess(predicate)),
        };
        share.clamp(0.0, 1.0)
    }

    /// The part of rows for which all of these hold: two bounds of one field are taken together.
    pub fn selectivity_of_all<'e>(&self, predicates: impl IntoIterator<Item = &'e Expr>) -> Amount {
        let mut share = 1.0;
        let mut ranges: Vec<(RangeOf<'e>, &'e Expr)> = Vec::new();
        for predicate in predicates {
            let Some(range) = range_of(predicate) else {
                share *= self.selectivity(predicate);
                continue;
            };
            let is_same = |(of, _): &&mut (RangeOf<'e>, &'e Expr)| {
                (of.slot, of.position) == (range.slot, range.position)
            };
            match ranges.iter_mut().find(is_same) {
                Some((of, _)) if self.spread(range.slot, range.position, |_| ()).is_some() => {
                    of.low = tighter(of.low, range.low, core::cmp::Ordering::Greater);
                    of.high = tighter(of.high, range.high, core::cmp::Ordering::Less);
                }
                _ => ranges.push((range, predicate)),
            }
        }
        for (range, predicate) in ranges {
            let between =
                self.spread(range.slot, range.position, |spread| spread.between(range.low, range.high));
            share *= between.unwrap_or_else(|| guess(predicate));
        }
        share.clamp(0.0, 1.0)
    }

    /// How many different values a field has, the absent one not counted; `None` when that is not known.
    pub fn distinct(&self, slot: Slot, position: u16) -> Option<Amount> {
        self.distinct_of(slot, &[position])
    }

    /// How many different combinations of values several fields of one collection have; `None` when that is not known.
    pub fn distinct_of(&self, slot: Slot, positions: &[u16]) -> Option<Amount> {
        let collection = self.collection(slot);
        let rows = self.rows(slot).max(1.0);
        let has = |of: &u16| positions.contains(of);
        let is_key = !collection.key.is_empty() && collection.key.iter().all(has);
        let is_unique = collection.indexes.iter().any(|index| {
            let required = |of: &u16| !collection.fields[usize::from(*of)].optional;
            index.tells_apart()
                && collection.listed(index).is_none()
                && index.fields.iter().all(|of| has(of) && required(of))
        });
        if is_key || is_unique {
            return Some(rows);
        }
        let known = self.known(slot)?;
        let by_index = |index: &&crate::schema::IndexDef| {
            !index.is_partial()
                && index.fields.get(..positions.len()).is_some_and(|first| first.iter().all(has))
        };
        // One field alone has its own count, in which the absent value is none.
        if positions.len() > 1
            && let Some(index) = collection.indexes.iter().find(by_index)
            && let Some(made) = known.indexes.iter().find(|made| made.id == index.id)
            && let Some(distinct) = made.distinct.get(positions.len() - 1)
        {
            return Some((*distinct as Amount).clamp(1.0, rows));
        }
        let mut product = 1.0;
        for position in positions {
            product *= known.spread(*position)?.distinct();
        }
        Some(product.min(rows))
    }

    /// How many groups so many rows are expected to make by these keys; `None` when nothing is known of one of them.
    pub fn groups<'e>(&self, rows: Amount, keys: impl IntoIterator<Item = &'e Expr>) -> Option<Amount> {
        let mut fields: Vec<(Slot, Vec<u16>)> = Vec::new();
        let mut product: Amount = 1.0;
        for key in keys {
            match key.kind {
                ExprKind::Field(slot, position) => match fields.iter_mut().find(|(of, _)| *of == slot) {
                    Some((_, positions)) => positions.push(position),
                    None => fields.push((slot, Vec::from([position]))),
                },
                ExprKind::Literal(_) => {}
                _ if key.ty == Type::Bool => product *= 2.0,
                _ => return None,
            }
        }
        for (slot, positions) in fields {
            product *= self.distinct_of(slot, &positions)?;
        }
        // Of so many equally frequent values as many rows meet not all (A. Cardenas, "Analysis and performance of inverted
        // data base structures", CACM 1975).
        Some(met(product, rows))
    }

    /// How so many records lie that an index leads to, in so many places of it: anywhere where nothing is known, and so do few. For those
    /// statistics would have to be at hand whenever a record is looked up.
    pub fn scatter(&self, slot: Slot, index: IndexId, records: Amount, places: Amount) -> Scatter {
        if records < FETCHED_FEW {
            return Scatter::ANYWHERE;
        }
        let leaves = self.known(slot).and_then(|known| {
            let made = known.indexes.iter().find(|made| made.id == index)?;
            made.leaves_per_1000
        });
        leaves.map_or(Scatter::ANYWHERE, |leaves| Scatter::of(places, Amount::from(leaves) / 1000.0))
    }

    fn collection(&self, slot: Slot) -> &'p CollectionDef {
        &self.slots[usize::from(slot.0)].collection
    }

    fn known(&self, slot: Slot) -> Option<&Arc<CollectionStatistics>> {
        let known = &self.known[usize::from(slot.0)];
        known.get_or_init(|| self.statistics.known(self.collection(slot))).as_ref()
    }

    /// What `ask` makes of what is known of a field.
    fn spread<T>(&self, slot: Slot, position: u16, ask: impl FnOnce(Spread<'_>) -> T) -> Option<T> {
        self.known(slot)?.spread(position).map(ask)
    }

    /// What the values of a field of numbers are like; `None` where nothing is known of them.
    pub(super) fn moments(&self, slot: Slot, position: u16) -> Option<Moments> {
        self.spread(slot, position, |spread| spread.moments())?
    }

    /// The part of rows for which a predicate about one field, or two, holds; `None` where nothing is known of them.
    pub fn known_share(&self, predicate: &Expr) -> Option<Amount> {
        if let Some(RangeOf { slot, position, low, high }) = range_of(predicate) {
            return self.spread(slot, position, |spread| spread.between(low, high));
        }
        match &predicate.kind {
            ExprKind::Field(slot, position) => {
                self.spread(*slot, *position, |spread| spread.equal(&Scalar::Bool(true)))
            }
            ExprKind::Unary(op @ (UnaryOp::IsNone | UnaryOp::IsSome), operand) => {
                let (slot, position) = operand.as_field()?;
                let absent = self.spread(slot, position, |spread| spread.absent())?;
                Some(if *op == UnaryOp::IsNone { absent } else { 1.0 - absent })
            }
            ExprKind::In(value, candidates) => {
                let (slot, position) = value.as_field()?;
                let of =
                    |spread: &Spread<'_>, candidate: &Expr| Some(spread.equal(candidate.peek_literal()?));
                let equal = |spread: Spread<'_>| match parts::REWRITES && candidates.len() > CANDIDATES_MAX {
                    // Of a long list every so manieth stands for its neighbours: all would take longer than what they decide.
                    true => {
                        let some = candidates.iter().step_by(candidates.len().div_ceil(CANDIDATES_MAX));
                        let part = some.len() as Amount / candidates.len() as Amount;
                        Some(some.map(|candidate| of(&spread, candidate)).sum::<Option<Amount>>()? / part)
                    }
                    false => {
                        candidates.iter().map(|candidate| of(&spread, candidate)).sum::<Option<Amount>>()
                    }
                };
                self.spread(slot, position, equal)?
            }
            ExprKind::Binary(op, left, right) => match (left.as_field(), right.as_field()) {
                (Some(left), Some(right)) => self.share_of_pair(*op, left, right),
                (Some((slot, position)), None) => match right.peek_literal() {
                    Some(literal) => {
                        self.spread(slot, position, |spread| share_of_test(*op, &spread, literal))?
                    }
                    // One value that is not known yet.
                    None if *op == BinaryOp::Eq => {
                        self.spread(slot, position, |spread| (1.0 - spread.absent()) / spread.distinct())
                    }
                    None => None,
                },
                _ => None,
            },
            _ => None,
        }
    }

    /// Two fields compared: their values are taken to have nothing to do with each other.
    fn share_of_pair(&self, op: BinaryOp, left: (Slot, u16), right: (Slot, u16)) -> Option<Amount> {
        let (of_left, of_right) = (self.known(left.0)?, self.known(right.0)?);
        let (a, b) = (of_left.spread(left.1)?, of_right.spread(right.1)?);
        let equal = || {
            let present = (1.0 - a.absent()) * (1.0 - b.absent());
            a.absent() * b.absent() + present / a.distinct().max(b.distinct())
        };
        Some(match op {
            BinaryOp::Eq => equal(),
            BinaryOp::Ne => 1.0 - equal(),
            BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => {
                let ranges = a.bounds().len().saturating_sub(1).max(1) as Amount;
                // Of a range both bounds stand for half of what is in it.
                let part = a.rest() / ranges / 2.0;
                let halves = a.bounds().windows(2).flat_map(|pair| [(&pair[0], part), (&pair[1], part)]);
                let above = matches!(op, BinaryOp::Lt | BinaryOp::Le);
                let or_equal = matches!(op, BinaryOp::Le | BinaryOp::Ge);
                let holds = |value: &Scalar| match above {
                    true => b.between(Some((value, or_equal)), None),
                    false => b.below(value, or_equal),
                };
                a.heavy().chain(halves).map(|(value, share)| share * holds(value)).sum()
            }
            _ => return None,
        })
    }
}

/// How many of so many equally frequent values are expected among so many rows.
pub(crate) fn met(values: Amount, rows: Amount) -> Amount {
    if values <= 1.0 || rows <= 1.0 {
        return values.min(rows).max(1.0);
    }
    if rows >= values * 16.0 {
        return values;
    }
    // (1 - 1/d)^n without a power, which `core` has not: e^(-x) by halving its argument until a few terms are enough.
    let x = rows / values;
    let small = x / 16.0;
    let mut power = 1.0 - small + small * small / 2.0 - small * small * small / 6.0;
    for _ in 0..4 {
        power *= power;
    }
    (values * (1.0 - power)).clamp(1.0, rows)
}

/// A test of a field against a literal that is no range.
fn share_of_test(op: BinaryOp, spread: &Spread<'_>, literal: &Scalar) -> Option<Amount> {
    match op {
        BinaryOp::Eq => Some(spread.equal(literal)),
        BinaryOp::Ne => Some(1.0 - spread.equal(literal)),
        // No ordering holds for the absent value.
        BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => Some(0.0),
        BinaryOp::StartsWith => share_of_texts(spread, literal, |text, part| text.starts_with(part)),
        BinaryOp::EndsWith => share_of_texts(spread, literal, |text, part| text.ends_with(part)),
        BinaryOp::Contains => share_of_texts(spread, literal, |text, part| {
            part.is_empty() || text.windows(part.len()).any(|window| window == part)
        }),
        _ => None,
    }
}

/// A test of texts: heavy hitters are known; of the others the bounds of the histogram are a few that can be looked at, as if
/// half of one more had passed (H. Jeffreys, "An invariant form for the prior probability in estimation problems", 1946): what
/// none of a few has may well be what one in a hundred has, and to take it for rarer makes plans that find each by an index.
fn share_of_texts(
    spread: &Spread<'_>,
    literal: &Scalar,
    passes: impl Fn(&[u8], &[u8]) -> bool,
) -> Option<Amount> {
    fn bytes(value: &Scalar) -> Option<&[u8]> {
        match value {
            Scalar::String(text) => Some(text.as_bytes()),
            _ => None,
        }
    }
    let literal = bytes(literal)?;
    let holds = |value: &Scalar| bytes(value).is_some_and(|text| passes(text, literal));
    let heavy: Amount = spread.heavy().filter(|(value, _)| holds(value)).map(|(_, share)| share).sum();
    let seen = spread.bounds();
    let passed = seen.iter().filter(|value| holds(value)).count() as Amount;
    Some(heavy + spread.rest() * (passed + 0.5) / (seen.len() as Amount + 1.0))
}

/// The operands of a chain of `&`.
fn conjuncts<'e>(expr: &'e Expr, out: &mut Vec<&'e Expr>) {
    match &expr.kind {
        ExprKind::Binary(BinaryOp::And, left, right) => {
            conjuncts(left, out);
            conjuncts(right, out);
        }
        _ => out.push(expr),
    }
}

/// The range of a field's values that a predicate leaves, if that is what it does.
fn range_of(predicate: &Expr) -> Option<RangeOf<'_>> {
    fn present(expr: &Expr) -> Option<&Scalar> {
        expr.peek_literal().filter(|value| !value.is_null())
    }
    match &predicate.kind {
        ExprKind::Binary(op, left, right) => {
            let (op, (slot, position), value) = match left.as_field() {
                Some(field) => (*op, field, present(right)?),
                None => (turned_round(*op), right.as_field()?, present(left)?),
            };
            let (low, high) = match op {
                BinaryOp::Lt => (None, Some((value, false))),
                BinaryOp::Le => (None, Some((value, true))),
                BinaryOp::Gt => (Some((value, false)), None),
                BinaryOp::Ge => (Some((value, true)), None),
                _ => return None,
            };
            Some(RangeOf { slot, position, low, high })
        }
        ExprKind::Between(parts) => {
            let [value, low, high] = &**parts;
            let (slot, position) = value.as_field()?;
            let (low, high) = (Some((present(low)?, true)), Some((present(high)?, true)));
            Some(RangeOf { slot, position, low, high })
        }
        _ => None,
    }
}

/// The comparison with its sides exchanged.
fn turned_round(op: BinaryOp) -> BinaryOp {
    match op {
        BinaryOp::Lt => BinaryOp::Gt,
        BinaryOp::Le => BinaryOp::Ge,
        BinaryOp::Gt => BinaryOp::Lt,
        BinaryOp::Ge => BinaryOp::Le,
        op => op,
    }
}

/// The tighter of two bounds: `direction` is how it compares with the other.
fn tighter<'e>(a: Limit<'e>, b: Limit<'e>, direction: core::cmp::Ordering) -> Limit<'e> {
    match (a, b) {
        (Some((one, one_in)), Some((other, other_in))) => match one.compare(other) {
            core::cmp::Ordering::Equal => Some((one, one_in && other_in)),
            order if order == direction => a,
            _ => b,
        },
        (a, b) => a.or(b),
    }
}

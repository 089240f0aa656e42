//! [`Spread`]: which share of the records has what value in a field, by what is known of it.
//!
//! The share of a value that is a heavy hitter is known. All others are taken to be alike: each has the same share of what is
//! left, and those between two bounds of the histogram lie evenly between them. PostgreSQL estimates in the same way
//! (`src/backend/utils/adt/selfuncs.c`); we differ in that the absent value is never part of a range.

use core::cmp::Ordering;

use super::{CollectionStatistics, FieldStatistics};
use crate::parts::Amount;
use crate::value::Scalar;

/// How the values of a field are spread over the records. Shares are of all records, 0..=1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread<'s> {
    field: &'s FieldStatistics,
    records: Amount,
}

/// What the values of a field are like, of the records that have one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moments {
    /// The share of the records that have one.
    pub(crate) present: Amount,
    /// Their mean.
    pub(crate) mean: Amount,
    /// The mean square of what they differ from it.
    pub(crate) variance: Amount,
}

impl CollectionStatistics {
    /// How the values of the field at `position` are spread; `None` where nothing is known of it.
    pub(crate) fn spread(&self, position: u16) -> Option<Spread<'_>> {
        let field = self.at(position)?;
        (self.made_of > 0).then_some(Spread { field, records: self.made_of as Amount })
    }
}

impl<'s> Spread<'s> {
    /// The share without a value.
    pub(crate) fn absent(&self) -> Amount {
        self.field.nulls as Amount / self.records
    }

    /// How many different values there are, the absent one not counted.
    pub(crate) fn distinct(&self) -> Amount {
        (self.field.distinct as Amount).max(1.0)
    }

    /// The heavy hitters, each with its share.
    pub(crate) fn heavy(&self) -> impl Iterator<Item = (&'s Scalar, Amount)> + use<'s> {
        let records = self.records;
        self.field.heavy_hitters.iter().map(move |hitter| (&hitter.value, hitter.count as Amount / records))
    }

    /// The share that has a value which is no heavy hitter.
    pub(crate) fn rest(&self) -> Amount {
        let heavy: Amount = self.heavy().map(|(_, share)| share).sum();
        (1.0 - self.absent() - heavy).max(0.0)
    }

    /// The bounds of ranges that share the [`rest`](Self::rest) evenly.
    pub(crate) fn bounds(&self) -> &'s [Scalar] {
        &self.field.histogram
    }

    /// What its values are like, if they are numbers.
    pub(crate) fn moments(&self) -> Option<Moments> {
        let (mut share, mut sum, mut squares) = (0.0, 0.0, 0.0);
        for (value, of) in self.heavy() {
            let value = number(value)?;
            share += of;
            sum += of * value;
            squares += of * value * value;
        }
        let bounds = self.bounds();
        let ranges = bounds.len().saturating_sub(1).max(1) as Amount;
        for pair in bounds.windows(2) {
            let (low, high) = (number(&pair[0])?, number(&pair[1])?);
            let of = self.rest() / ranges;
            share += of;
            sum += of * (low + high) / 2.0;
            squares += of * (low * low + low * high + high * high) / 3.0;
        }
        if share <= 0.0 {
            return None;
        }
        let mean = sum / share;
        let present = 1.0 - self.absent();
        Some(Moments { present, mean, variance: (squares / share - mean * mean).max(0.0) })
    }

    /// The share that has this value.
    pub(crate) fn equal(&self, value: &Scalar) -> Amount {
        if value.is_null() {
            return self.absent();
        }
        if let Some((_, share)) = self.heavy().find(|(heavy, _)| heavy.compare(value).is_eq()) {
            return share;
        }
        let is_outside = |bound: &Option<Scalar>, order: Ordering| {
            bound.as_ref().is_none_or(|bound| value.compare(bound) == order)
        };
        if is_outside(&self.field.min, Ordering::Less) || is_outside(&self.field.max, Ordering::Greater) {
            return 0.0;
        }
        let others = self.field.distinct.saturating_sub(self.field.heavy_hitters.len() as u64);
        if others == 0 { 0.0 } else { self.rest() / others as Amount }
    }

    /// The share whose value is less than `value`, or also equal to it.
    pub(crate) fn below(&self, value: &Scalar, or_equal: bool) -> Amount {
        let is_below = |other: &Scalar| match other.compare(value) {
            Ordering::Less => true,
            Ordering::Equal => or_equal,
            Ordering::Greater => false,
        };
        let heavy: Amount = self.heavy().filter(|(other, _)| is_below(other)).map(|(_, share)| share).sum();
        heavy + self.rest() * self.part_below(value)
    }

    /// The share whose value lies between two bounds, if there are any.
    pub(crate) fn between(&self, low: Option<(&Scalar, bool)>, high: Option<(&Scalar, bool)>) -> Amount {
        let until = high.map_or(1.0 - self.absent(), |(value, or_equal)| self.below(value, or_equal));
        let from = low.map_or(0.0, |(value, or_equal)| self.below(value, !or_equal));
        (until - from).max(0.0)
    }

    /// The part of the rest that lies below `value`.
    fn part_below(&self, value: &Scalar) -> Amount {
        let bounds = self.bounds();
        let [first, .., last] = bounds else {
            // One value, or none.
            let is_below = self.field.max.as_ref().is_some_and(|max| max.compare(value).is_lt());
            return if is_below { 1.0 } else { 0.0 };
        };
        if value.compare(first).is_le() {
            return 0.0;
        }
        if value.compare(last).is_gt() {
            return 1.0;
        }
        // Where several bounds are one value, all the ranges between them are of that value.
        let above = bounds.partition_point(|bound| bound.compare(value).is_lt()).max(1);
        let within = position_between(&bounds[above - 1], &bounds[above], value);
        ((above - 1) as Amount + within) / (bounds.len() - 1) as Amount
    }
}

/// Where a value lies between two others, 0..=1.
fn position_between(low: &Scalar, high: &Scalar, value: &Scalar) -> Amount {
    let [low, high, value] = match (low, high, value) {
        (Scalar::String(low), Scalar::String(high), Scalar::String(value)) => {
            numbers(low.as_bytes(), high.as_bytes(), value.as_bytes())
        }
        (Scalar::Uuid(low), Scalar::Uuid(high), Scalar::Uuid(value)) => numbers(low, high, value),
        _ => match (number(low), number(high), number(value)) {
            (Some(low), Some(high), Some(value)) => [low, high, value],
            _ => return 0.5,
        },
    };
    let position = (value - low) / (high - low);
    if position.is_finite() { position.clamp(0.0, 1.0) } else { 0.5 }
}

/// A value as a number, if it is one.
pub(crate) fn number(value: &Scalar) -> Option<Amount> {
    Some(match value {
        Scalar::Bool(value) => Amount::from(u8::from(*value)),
        Scalar::Int(value) => *value as Amount,
        Scalar::Uint(value) => *value as Amount,
        Scalar::Float(value) => *value as Amount,
        Scalar::Decimal(value) => value.mantissa as Amount / 10u128.pow(value.scale.min(38)) as Amount,
        _ => return None,
    })
}

/// Texts as numbers: the eight bytes behind what the bounds begin with together.
fn numbers(low: &[u8], high: &[u8], value: &[u8]) -> [Amount; 3] {
    let common = low.iter().zip(high).take_while(|(low, high)| low == high).count();
    [low, high, value].map(|text| {
        let bytes = text.iter().skip(common).copied().chain(core::iter::repeat(0)).take(8);
        bytes.fold(0u64, |number, byte| number << 8 | u64::from(byte)) as Amount
    })
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec::Vec;

    use super::super::HeavyHitter;
    use super::*;
    use crate::value::Type;

    /// 1,000 records: 100 without a value, 200 with 7, the others from 0 to 320.
    fn made() -> CollectionStatistics {
        let field = FieldStatistics {
            name: "n".to_string(),
            ty: Type::I64,
            nulls: 100,
            distinct: 101,
            min: Some(Scalar::Int(0)),
            max: Some(Scalar::Int(320)),
            heavy_hitters: Vec::from([HeavyHitter { value: Scalar::Int(7), count: 200 }]),
            histogram: (0..=32).map(|bound| Scalar::Int(bound * 10)).collect(),
            position: 3,
        };
        CollectionStatistics {
            collection: "c".to_string(),
            leaves: 0,
            bytes_per_record: 0,
            count: 1000,
            made_of: 1000,
            made_at: 1,
            sampled: 1000,
            changed: 0,
            fields: Vec::from([field]),
            indexes: Vec::new(),
        }
    }

    fn is_about(found: Amount, expected: Amount) {
        assert!((found - expected).abs() < 1e-9, "{found} instead of {expected}");
    }

    #[test]
    fn values_have_their_share() {
        let made = made();
        assert!(made.spread(2).is_none());
        let spread = made.spread(3).expect("known");
        is_about(spread.equal(&Scalar::Null), 0.1);
        is_about(spread.equal(&Scalar::Int(7)), 0.2);
        is_about(spread.equal(&Scalar::Int(8)), 0.007);
        is_about(spread.equal(&Scalar::Int(321)), 0.0);
        is_about(spread.equal(&Scalar::Int(-1)), 0.0);
    }

    #[test]
    fn ranges_have_what_lies_in_them_and_never_what_is_absent() {
        let made = made();
        let spread = made.spread(3).expect("known");
        is_about(spread.below(&Scalar::Int(160), false), 0.2 + 0.35);
        is_about(spread.below(&Scalar::Int(5), false), 0.7 / 64.0);
        is_about(spread.below(&Scalar::Int(7), false), 0.7 * 7.0 / 320.0);
        is_about(spread.below(&Scalar::Int(7), true), 0.2 + 0.7 * 7.0 / 320.0);
        is_about(spread.between(None, None), 0.9);
        let bound = |value| Some((value, true));
        is_about(spread.between(bound(&Scalar::Int(80)), bound(&Scalar::Int(160))), 0.7 / 4.0);
        is_about(spread.between(bound(&Scalar::Int(400)), None), 0.0);
        is_about(spread.between(bound(&Scalar::Int(160)), bound(&Scalar::Int(80))), 0.0);
    }

    #[test]
    fn moments_are_those_of_the_values_there_are() {
        let made = made();
        let moments = made.spread(3).and_then(|spread| spread.moments()).expect("numbers");
        // Two ninths are 7, the others even from 0 to 320.
        let mean = 2.0 / 9.0 * 7.0 + 7.0 / 9.0 * 160.0;
        let squares = 2.0 / 9.0 * 49.0 + 7.0 / 9.0 * 320.0 * 320.0 / 3.0;
        is_about(moments.present, 0.9);
        is_about(moments.mean, mean);
        is_about(moments.variance, squares - mean * mean);
    }

    #[test]
    fn texts_lie_between_texts() {
        let text = |text: &str| Scalar::String(text.to_string());
        let middle = position_between(&text("Item 1"), &text("Item 9"), &text("Item 5"));
        assert!((0.45..0.55).contains(&middle), "{middle}");
        is_about(position_between(&text("a"), &text("a"), &text("a")), 0.5);
        is_about(position_between(&Scalar::Float(f64::NAN), &Scalar::Float(1.0), &Scalar::Float(0.0)), 0.5);
    }
}

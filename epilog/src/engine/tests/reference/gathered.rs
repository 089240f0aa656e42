//! Drafts of every aggregate: over groups, over a part of their rows, and over frames of every kind; and whether drafts still have
//! all that there is of these, and every clause.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::*;

/// Variances are floats of several orders of the same sums: so many digits of those of small integers are all alike.
const DIGITS: u32 = 6;

/// An aggregate, what it is of, and the type of the argument.
type Gathering = (AggregateFunction, Option<(Postfix, Type)>);

impl Maker<'_> {
    /// A draft of aggregates, whose rows come in an order that is told if they are not groups.
    pub(super) fn gathered_draft(&mut self) -> (Draft, bool) {
        self.forget();
        let root = self.random.below(self.collections.len());
        let scope = [root];
        let mut builder = draft(self.collections[root].0);
        if self.random.below(2) == 0 {
            builder = builder.filter(self.predicate(&scope, 1, false));
        }
        if self.random.below(2) == 0 {
            let (expression, descending) = (self.stored(&scope).0, self.random.below(2) == 0);
            let mut terms = Vec::from([OrderTerm { expression, descending, nulls_first: None }]);
            self.total(&scope, &mut terms);
            builder = builder.clause(Clause::Order(terms));
        }
        if self.random.below(2) == 0 {
            let keys: Vec<Postfix> = (0..self.random.below(3)).map(|_| self.stored(&scope).0).collect();
            let mut items: Vec<Postfix> = (0..keys.len() as u16).map(Postfix::key).collect();
            for _ in 0..1 + self.random.below(3) {
                let (function, argument) = self.gathering(&scope);
                let filter = (self.random.below(2) == 0).then(|| self.predicate(&scope, 1, false));
                let argument = argument.map(|(argument, _)| argument);
                let value =
                    Postfix::aggregate(AggregateItem { function: function.clone(), argument, filter });
                items.push(rounded(value, &function));
            }
            return (builder.group_by(keys).select(items).build(), false);
        }
        let (mut items, mut values) = (Vec::new(), Vec::from([self.stored(&scope).0]));
        for number in 0..1 + self.random.below(3) as u16 {
            let item = self.gathering_window(&scope);
            values.push(match &item.function {
                WindowFunction::Aggregate(function) => rounded(f::window(number), function),
                _ => f::window(number),
            });
            items.push(item);
        }
        (builder.window(items).select(values).build(), true)
    }

    /// Any aggregate of what it can be of.
    fn gathering(&mut self, scope: &[usize]) -> Gathering {
        use AggregateFunction as F;
        let all = [
            F::Count,
            F::Count,
            F::CountDistinct,
            F::Sum,
            F::Avg,
            F::Min,
            F::Max,
            F::Median,
            F::Variance,
            F::StdDev,
            F::StringAgg { separator: "; ".to_string() },
            F::ArrayAgg,
        ];
        let function = self.random.pick(&all).clone();
        let ty = match function {
            F::Count if self.random.below(2) == 0 => return (function, None),
            F::Count | F::CountDistinct | F::Min | F::Max => {
                let (field, ty) = self.stored(scope);
                return (function, Some((field, ty)));
            }
            F::StringAgg { .. } => Type::String,
            F::ArrayAgg => *self.random.pick(&[Type::String, Type::I64]),
            _ => Type::I64,
        };
        (function, Some((self.value(scope, ty, false), ty)))
    }

    /// A window of an aggregate, or of a place, over any frame.
    fn gathering_window(&mut self, scope: &[usize]) -> WindowItem {
        use WindowFunction as W;
        let (function, argument) = match self.random.below(5) {
            0 => {
                let (function, (field, ty)) =
                    (self.random.pick(&[W::First, W::Last, W::Nth(2)]).clone(), self.stored(scope));
                (function, Some((field, ty)))
            }
            _ => {
                let (function, argument) = self.gathering(scope);
                (W::Aggregate(function), argument)
            }
        };
        // Of a part of the rows: what is of no other is absent.
        let is_part = self.random.below(3) == 0;
        let argument = argument.map(|(argument, ty)| match is_part {
            true => self.predicate(scope, 1, false).choose(argument, f::null(ty)),
            false => argument,
        });
        let partition = (0..self.random.below(2)).map(|_| self.stored(scope).0).collect();
        let mut order = Vec::new();
        for _ in 0..self.random.below(3) {
            let nulls_first = *self.random.pick(&[None, Some(true), Some(false)]);
            let (expression, descending) = (self.stored(scope).0, self.random.below(2) == 0);
            order.push(OrderTerm { expression, descending, nulls_first });
        }
        let mut bound = || match self.random.below(4) {
            0 => None,
            _ => Some(self.random.below(9) as i64 - 4),
        };
        let (start, end) = (bound(), bound());
        let unit = *self.random.pick(&[FrameUnit::Rows, FrameUnit::Groups]);
        let mut item = WindowItem { function, argument, partition, order, frame: Frame { unit, start, end } };
        if self.random.below(3) == 0 {
            self.tell_by_range(scope, &mut item);
        }
        item
    }
}

fn rounded(value: Postfix, function: &AggregateFunction) -> Postfix {
    match function {
        AggregateFunction::Variance | AggregateFunction::StdDev => {
            value.call(Function::Round, [Postfix::literal(Scalar::Int(DIGITS.into()), Type::U32)])
        }
        _ => value,
    }
}

/// The aggregates, as they are called here.
const AGGREGATES: [&str; 11] = [
    "Count",
    "CountDistinct",
    "Sum",
    "Avg",
    "Min",
    "Max",
    "Median",
    "Variance",
    "StdDev",
    "StringAgg",
    "ArrayAgg",
];

/// Windows without frames.
const UNFRAMED: [&str; 8] =
    ["RowNumber", "Rank", "DenseRank", "PercentRank", "CumeDist", "Ntile", "Lag", "Lead"];

/// What else there is: those of a set, of rows put together, of rounds.
const CLAUSES: [&str; 20] = [
    "Filter",
    "Order",
    "Limit",
    "Offset",
    "Select",
    "Join Inner",
    "Join Left",
    "Grouping",
    "Distinct",
    "Set Union",
    "Set UnionAll",
    "Set Intersect",
    "Set IntersectAll",
    "Set Except",
    "Set ExceptAll",
    "LimitPer",
    "Common",
    "Common twice",
    "JoinQuery",
    "Recursive",
];

fn called(function: &impl core::fmt::Debug) -> String {
    let text = format!("{function:?}");
    let end = text.find(|char: char| !char.is_alphanumeric()).unwrap_or(text.len());
    text[..end].to_string()
}

/// What of all this a draft has.
fn asked_for(draft: &Draft) -> Vec<String> {
    let mut found = Vec::new();
    let text = format!("{draft:?}");
    let commons = text.matches("Common(").count();
    found.extend((commons > 0).then(|| "Common".to_string()));
    found.extend((commons > 1).then(|| "Common twice".to_string()));
    for clause in &draft.clauses {
        match clause {
            Clause::Join { kind, .. } => found.push(format!("Join {kind:?}")),
            Clause::Set(_, kind, _) => found.push(format!("Set {kind:?}")),
            Clause::Window(items, _) => {
                for item in items.iter() {
                    let unit = item.frame.unit;
                    found.push(match &item.function {
                        WindowFunction::Aggregate(function) => format!("{} over {unit:?}", called(function)),
                        of @ (WindowFunction::First | WindowFunction::Last | WindowFunction::Nth(_)) => {
                            format!("{} over {unit:?}", called(of))
                        }
                        other => called(other),
                    });
                }
            }
            Clause::Select(items) => {
                found.push("Select".to_string());
                for item in items {
                    let SelectItem::Value(value) = item else { continue };
                    for op in &value.ops {
                        if let Op::Aggregate(item) = op {
                            let of = if item.filter.is_some() { "a part of groups" } else { "groups" };
                            found.push(format!("{} over {of}", called(&item.function)));
                        }
                    }
                }
            }
            other => found.push(called(other)),
        }
    }
    found
}

/// All that drafts are to have.
fn wanted() -> Vec<String> {
    let mut wanted: Vec<String> = UNFRAMED.iter().chain(&CLAUSES).map(ToString::to_string).collect();
    for function in AGGREGATES {
        let units = ["Rows", "Groups", "groups", "a part of groups"];
        wanted.extend(units.map(|unit| format!("{function} over {unit}")));
        // What tells peers apart has no place in them.
        let by_distance = !matches!(function, "StringAgg" | "ArrayAgg");
        wanted.extend(by_distance.then(|| format!("{function} over Range")));
    }
    for function in ["First", "Last", "Nth"] {
        wanted.extend(["Rows", "Groups"].map(|unit| format!("{function} over {unit}")));
    }
    wanted
}

/// Fails where drafts have not all of what they are to have, but for what is left out.
pub(super) fn check_gathered(left_out: impl Fn(&str) -> bool, drafts: impl Iterator<Item = Draft>) {
    let mut counts: BTreeMap<String, u64> = wanted().into_iter().map(|name| (name, 0)).collect();
    for name in drafts.flat_map(|draft| asked_for(&draft)) {
        counts.entry(name).and_modify(|count| *count += 1);
    }
    std::println!("{counts:#?}");
    let missing = counts.iter().filter(|(name, count)| **count == 0 && !left_out(name));
    let missing: Vec<&String> = missing.map(|(name, _)| name).collect();
    assert!(missing.is_empty(), "no draft has {missing:?}");
}

#[test]
fn drafts_have_every_aggregate_every_window_and_every_clause() {
    let drafts = (1..=seeds(40)).flat_map(|seed| {
        let mut random = Random::new(seed + 6_000_000);
        let data = collections(&mut random);
        let mut maker = Maker::new(random, &data);
        let of_any = (0..40).map(|_| maker.any_draft().0).collect::<Vec<_>>();
        let gathered = (0..40).map(|_| maker.gathered_draft().0).collect::<Vec<_>>();
        let common = (0..5).map(|_| maker.common_draft().0).collect::<Vec<_>>();
        [of_any, gathered, common].concat()
    });
    check_gathered(|_| false, drafts);
}

#[test]
fn aggregates_of_groups_and_frames_are_those_of_the_reference() {
    for seed in 1..=seeds(8) {
        check_drafts(seed, 25, &mut |maker| maker.gathered_draft(), &mut |_| ());
        schemas::check_made(seed, 15, &mut |maker| maker.gathered_draft(), &mut |_| ());
    }
}

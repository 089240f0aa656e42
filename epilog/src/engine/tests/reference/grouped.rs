//! Drafts of groups by what an index, the key or a sort has in order, and of the first of them.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::checks::{Asked, check_data};
use super::*;
use crate::engine::estimate::Costs;
use crate::engine::measured::priced::Priced;

impl Maker<'_> {
    /// A draft of groups, or different values, of some of the first fields of an index, and whether they come in an order that is told.
    pub(super) fn grouped_draft(&mut self, joined: bool) -> (Draft, bool) {
        self.forget();
        let indexes = self.indexes();
        let (root, fields) = self.random.pick(&indexes);
        let (root, fields) = (*root, fields.as_slice());
        let schema = (self.collections[root].0)();
        let mut builder = draft(self.collections[root].0);
        for _ in 0..self.random.below(3) {
            let ordinal = *self.random.pick(fields);
            builder =
                builder.filter(self.about_value(f::field(ordinal), &schema.fields[usize::from(ordinal)]));
        }
        if self.random.below(6) == 0 {
            builder = builder.filter(self.test(RowPath::source(0), root));
        }
        let mut scope = Vec::from([root]);
        let relations = self.relations();
        if (joined || self.random.below(5) == 0)
            && let Some((_, field, to)) = relations.iter().find(|(from, ..)| *from == root)
        {
            let mut on = f::field(*field).binary(BinaryOp::Eq, f::inner(1, 0));
            if joined {
                // Else most joins are not needed.
                on = on.binary(BinaryOp::And, self.asked_of(*to, 1));
            }
            let kind = *self.random.pick(&[JoinKind::Inner, JoinKind::Left]);
            builder = builder.clause(Clause::Join { collection: self.collections[*to].0, on, kind });
            scope.push(*to);
        }
        // In any order of them, and now and then one that the index has not.
        let mut keys: Vec<u16> = fields[..1 + self.random.below(fields.len())].to_vec();
        if self.random.below(3) == 0 {
            keys.reverse();
        }
        if self.random.below(8) == 0 {
            keys.push(self.random.below(schema.fields.len()) as u16);
        }
        let exprs: Vec<Postfix> = keys.iter().map(|key| f::field(*key)).collect();
        let term = |expression, descending| OrderTerm { expression, descending, nulls_first: None };
        let count = keys.len() as u16;
        let mut selected = None;
        let grouped = match self.random.below(4) {
            0 => {
                // Of rows in an order, each where the first of its kind stood.
                let ordered = self.random.below(2) == 0 && scope.len() == 1;
                if ordered {
                    let descending = self.random.below(2) == 0;
                    let terms = exprs.iter().map(|expr| term(expr.clone(), descending)).collect();
                    builder = builder.clause(Clause::Order(terms));
                }
                let mut values = builder.select(exprs).clause(Clause::Distinct);
                if ordered {
                    if self.random.below(2) == 0 {
                        values = values.limit(self.random.below(5) as u64);
                    }
                    return (values.build(), true);
                }
                values
            }
            _ => {
                let mut items: Vec<Postfix> = Vec::new();
                for _ in 0..self.random.below(4) {
                    items.push(Postfix::aggregate(self.aggregate_of_groups(&scope)));
                }
                let mut grouped = builder.group_by(exprs);
                if self.random.below(3) == 0 {
                    let few = Postfix::literal(Scalar::Int(self.random.below(4) as i128), Type::U64);
                    let op = *self.random.pick(&[BinaryOp::Gt, BinaryOp::Le, BinaryOp::Eq]);
                    grouped = grouped.filter(f::aggregate(AggregateFunction::Count, None).binary(op, few));
                }
                selected = Some(items);
                grouped
            }
        };
        let select = |grouped: DraftBuilder| match selected {
            Some(items) => grouped.select((0..count).map(Postfix::key).chain(items)),
            None => grouped,
        };
        if self.random.below(4) == 0 {
            return (select(grouped).build(), false);
        }
        let descending = self.random.below(2) == 0;
        let mixed = self.random.below(6) == 0;
        let mut terms: Vec<OrderTerm> = (0..count)
            .map(|key| OrderTerm {
                nulls_first: *self.random.pick(&[None, None, None, None, Some(true), Some(false)]),
                ..term(Postfix::key(key), descending != (mixed && self.random.below(2) == 0))
            })
            .collect();
        if self.random.below(4) == 0 {
            terms.reverse();
        }
        let mut grouped = grouped.clause(Clause::Order(terms));
        if self.random.below(5) == 0 {
            grouped = grouped.offset(self.random.below(4) as u64);
        }
        if self.random.below(3) > 0 {
            grouped = grouped.limit(self.random.below(8) as u64);
        }
        (select(grouped).build(), true)
    }

    /// An aggregate of any kind.
    fn aggregate_of_groups(&mut self, scope: &[usize]) -> AggregateItem {
        use AggregateFunction as F;
        let of = self.random.below(6);
        if of > 2 {
            return self.aggregate_item(scope, false).0;
        }
        let (function, ty) = match of {
            0 => (F::StringAgg { separator: ", ".to_string() }, Type::String),
            1 => (F::ArrayAgg, Type::I64),
            _ => (F::Median, Type::I64),
        };
        // Pairs come in any order, and so do their texts and lists.
        let function = if scope.len() > 1 && of < 2 { F::Count } else { function };
        let argument = Some(self.value(scope, ty, false));
        let filter = (self.random.below(3) == 0).then(|| self.predicate(scope, 1, false));
        AggregateItem { function, argument, filter }
    }
}

impl Maker<'_> {
    /// A draft of records that have an index of several fields, which they are, with its fields, and how many of the first are taken; of so many drafts one asks
    /// something of a field.
    fn draft_by_index(&mut self, filtered: usize) -> (f::DraftBuilder, usize, Vec<u16>, usize) {
        self.forget();
        let indexes = self.indexes();
        let indexes: Vec<_> = indexes.into_iter().filter(|(_, fields)| fields.len() > 1).collect();
        let (root, fields) = self.random.pick(&indexes).clone();
        let schema = (self.collections[root].0)();
        let mut builder = draft(self.collections[root].0);
        if self.random.below(filtered) == 0 {
            let ordinal = *self.random.pick(&fields);
            builder =
                builder.filter(self.about_value(f::field(ordinal), &schema.fields[usize::from(ordinal)]));
        }
        let count = 1 + self.random.below(fields.len() - 1);
        (builder, root, fields, count)
    }

    /// A draft of values of which one entry each tells all, and whether they come in an order that is told.
    fn loose_draft(&mut self) -> (Draft, bool) {
        use AggregateFunction::{CountDistinct, Max, Min};
        let (builder, _, fields, count) = self.draft_by_index(3);
        let keys: Vec<Postfix> = fields[..count].iter().map(|key| f::field(*key)).collect();
        let key = |number: usize| Postfix::key(number as u16);
        let kind = self.random.below(5);
        if kind == 0 {
            let counted = [f::aggregate(CountDistinct, Some(f::field(fields[0])))];
            return (builder.group_by([]).select(counted).build(), true);
        }
        if kind == 1 {
            return (builder.select(keys).clause(Clause::Distinct).build(), false);
        }
        let function = if kind == 2 { Min } else { Max };
        let item = f::aggregate(function, Some(f::field(fields[count])));
        let mut grouped = builder.group_by(keys);
        let ordered = self.random.below(2) == 0;
        if ordered {
            let descending = self.random.below(2) == 0;
            let term = |at| OrderTerm { expression: key(at), descending, nulls_first: None };
            grouped = grouped.clause(Clause::Order((0..count).map(term).collect()));
            if self.random.below(2) == 0 {
                grouped = grouped.limit(1 + self.random.below(4) as u64);
            }
        }
        (grouped.select((0..count).map(key).chain([item])).build(), ordered)
    }

    /// A draft of the first few records of each value of the first fields of an index, in an order that goes on as the index does or otherwise.
    fn first_of_each_draft(&mut self) -> (Draft, bool) {
        let (mut builder, root, fields, count) = self.draft_by_index(4);
        let count_of_fields = (self.collections[root].0)().fields.len();
        let keys: Vec<Postfix> = fields[..count].iter().map(|key| f::field(*key)).collect();
        let descending = self.random.below(2) == 0;
        let term =
            |ordinal: &u16| OrderTerm { expression: f::field(*ordinal), descending, nulls_first: None };
        let behind = &fields[count..count + self.random.below(fields.len() - count + 1)];
        let mut terms: Vec<OrderTerm> = behind.iter().map(term).collect();
        if self.random.below(3) == 0 {
            // Which may be the other way round.
            let turns = self.random.below(2) == 0;
            let partly = |ordinal| OrderTerm { descending: descending != turns, ..term(ordinal) };
            terms.splice(0..0, fields[..count].iter().map(partly));
        }
        if self.random.below(8) == 0 {
            terms.push(term(&(self.random.below(count_of_fields) as u16)));
        }
        let is_in_key_order = terms.is_empty();
        let most = 1 + self.random.below(3) as u64;
        if self.random.below(3) == 0 {
            let number = WindowItem {
                function: WindowFunction::RowNumber,
                argument: None,
                partition: keys,
                order: terms,
                frame: Frame::DEFAULT,
            };
            let (op, most) = match self.random.below(3) {
                0 => (BinaryOp::Lt, most + 1),
                1 => (BinaryOp::Eq, most),
                _ => (BinaryOp::Le, most),
            };
            let few = f::window(0).binary(op, Postfix::literal(Scalar::Int(most.into()), Type::U64));
            builder = builder.window([number]).filter(few);
            if self.random.below(2) == 0 {
                let values = fields.iter().map(|ordinal| f::field(*ordinal)).chain([f::window(0)]);
                return (builder.select(values).build(), true);
            }
        } else {
            if !terms.is_empty() {
                builder = builder.clause(Clause::Order(terms));
            }
            builder = builder.clause(Clause::limit_per(keys, most));
        }
        match self.random.below(4) {
            0 => builder = builder.limit(1 + self.random.below(4) as u64),
            1 => return (builder.select(fields.iter().map(|ordinal| f::field(*ordinal))).build(), true),
            // Of two orders the reference knows both.
            2 if is_in_key_order => {
                let again = OrderTerm { descending: !descending, ..term(self.random.pick(&fields)) };
                builder = builder.clause(Clause::Order(Vec::from([again])));
            }
            _ => {}
        }
        (builder.build(), true)
    }
}

impl Maker<'_> {
    /// A draft of groups by what records have that others point at.
    fn merged_draft(&mut self) -> (Draft, bool) {
        use AggregateFunction::{Count, Max, Min, Sum};
        self.forget();
        let relations = self.relations();
        let Some((from, pointer, to)) = (!relations.is_empty()).then(|| *self.random.pick(&relations)) else {
            return self.loose_draft();
        };
        let mut builder = draft(self.collections[from].0);
        if self.random.below(3) == 0 {
            builder = builder.filter(self.test(RowPath::source(0), from));
        }
        let is_joined = self.random.below(2) == 0;
        let near = if is_joined { RowPath::source(1) } else { RowPath::source(0).hop(pointer) };
        if is_joined {
            let mut on = f::field(pointer).binary(BinaryOp::Eq, f::inner(1, 0));
            if self.random.below(2) == 0 {
                on = on.binary(BinaryOp::And, self.asked_of(to, 1));
            }
            let kind = *self.random.pick(&[JoinKind::Inner, JoinKind::Left]);
            builder = builder.clause(Clause::Join { collection: self.collections[to].0, on, kind });
        }
        let fields = (self.collections[to].0)().fields;
        let ordinal = self.random.below(fields.len());
        let mut keys = Vec::from([(
            Postfix::field(FieldPath { row: near, ordinal: ordinal as u16 }),
            fields[ordinal].ty,
        )]);
        if self.random.below(3) == 0 {
            keys.push(self.stored(&[from]));
        }
        let own = (self.collections[from].0)().fields;
        let narrow: Vec<u16> = (0..own.len() as u16)
            .filter(|at| {
                let ty = own[usize::from(*at)].ty;
                (ty.is_signed_integer() || ty.is_unsigned_integer())
                    && ty.width().is_some_and(|width| width <= 4)
            })
            .collect();
        let mut items = Vec::new();
        for _ in 0..1 + self.random.below(3) {
            let argument = match self.random.below(4) {
                0 if !narrow.is_empty() => Some((Sum, f::field(*self.random.pick(&narrow)))),
                1 => Some((self.random.pick(&[Min, Max]).clone(), self.stored(&[from]).0)),
                2 => Some((Count, self.stored(&[from]).0)),
                _ => None,
            };
            let (function, argument) = argument.map_or((Count, None), |(function, of)| (function, Some(of)));
            let filter = (self.random.below(3) == 0).then(|| self.test(RowPath::source(0), from));
            items.push(Postfix::aggregate(AggregateItem { function, argument, filter }));
        }
        (self.asked_groups(builder, keys, items), false)
    }
}

/// Asks for drafts of groups that may be put together, where making few of many costs next to nothing.
pub(super) fn check_merged(seed: u64, queries: usize, see: &mut dyn FnMut(&str)) {
    let mut random = Random::new(seed);
    let (data, database) = schemas::of_kind(&mut random, seed.is_multiple_of(2));
    let asked = Asked::of(&data, database);
    let costs = Costs { build: 0.1, pair: 0.1, seek: 0.1, ..Costs::default() };
    let snapshots = (asked.store.snapshot(), asked.little.snapshot());
    let _priced = Priced::new(costs, &[&snapshots.0, &snapshots.1]);
    check_data(seed, random, &asked, queries, &mut |maker| maker.merged_draft(), see);
}

#[test]
fn groups_that_are_put_together_are_those_of_the_reference() {
    let (mut merged, mut left) = (0, 0);
    let mut see = |plan: &str| {
        let is_merged = plan.matches("aggregate ").count() > 1;
        merged += u32::from(is_merged);
        left += u32::from(is_merged && plan.contains("left join "));
    };
    for seed in 1..=seeds(25) {
        check_merged(seed, 20, &mut see);
    }
    std::println!("{merged} are put together, {left} of left joins");
    assert!(merged > 100 && left > 20, "{merged} are put together, {left} of left joins");
}

/// Asks for drafts of values where a way down a tree costs next to nothing.
pub(super) fn check_loose(seed: u64, queries: usize, see: &mut dyn FnMut(&str)) {
    check_near(seed, queries, &mut |maker| maker.loose_draft(), see);
}

/// The same of drafts of the first few of each.
pub(super) fn check_first_of_each(seed: u64, queries: usize, see: &mut dyn FnMut(&str)) {
    check_near(seed, queries, &mut |maker| maker.first_of_each_draft(), see);
}

fn check_near(
    seed: u64,
    queries: usize,
    make: &mut dyn FnMut(&mut Maker<'_>) -> (Draft, bool),
    see: &mut dyn FnMut(&str),
) {
    let mut random = Random::new(seed);
    let (data, database) = schemas::of_kind(&mut random, seed.is_multiple_of(2));
    let asked = Asked::of(&data, database);
    let costs = Costs {
        seek: 0.01,
        entry_decoded: 0.01,
        fetch: 0.01,
        fetch_near: 0.01,
        page: 0.0,
        page_next: 0.0,
        rows_min: 1.0,
        ..Costs::default()
    };
    let snapshots = (asked.store.snapshot(), asked.little.snapshot());
    let _priced = Priced::new(costs, &[&snapshots.0, &snapshots.1]);
    check_data(seed, random, &asked, queries, make, see);
}

/// Asks for drafts of groups of pairs, where tables and sorts cost so much that they come in the order of what rows begin at.
pub(super) fn check_pairs(seed: u64, queries: usize, see: &mut dyn FnMut(&str)) {
    let mut random = Random::new(seed);
    let (data, database) = schemas::of_kind(&mut random, seed.is_multiple_of(2));
    let asked = Asked::of(&data, database);
    let costs = Costs { sort: 2000.0, probe: 2000.0, build: 2000.0, ..Costs::default() };
    let snapshots = (asked.store.snapshot(), asked.little.snapshot());
    let _priced = Priced::new(costs, &[&snapshots.0, &snapshots.1]);
    check_data(seed, random, &asked, queries, &mut |maker| maker.grouped_draft(true), see);
}

#[test]
fn groups_of_pairs_in_an_order_are_those_of_the_reference() {
    let (mut ended, mut all) = (0, 0);
    let mut see = |plan: &str| {
        let is_ordered = plan.contains("one after the other") && plan.contains("join ");
        ended += u32::from(is_ordered && plan.contains("they come by"));
        all += u32::from(is_ordered && plan.contains("they come so"));
    };
    for seed in 1..=seeds(15) {
        check_pairs(seed, 20, &mut see);
    }
    std::println!("the first of {ended}, all of {all}");
    assert!(ended > 5 && all > 5, "the first of {ended}, all of {all}");
}

#[test]
fn values_that_a_walk_goes_from_one_to_the_next_of_are_those_of_the_reference() {
    let (mut walked, mut counted, mut ends) = (0, 0, 0);
    let mut see = |plan: &str| {
        let is_loose = plan.contains("one of each");
        walked += u32::from(is_loose);
        counted += u32::from(is_loose && plan.contains("count_distinct"));
        ends += u32::from(is_loose && (plan.contains("min(") || plan.contains("max(")));
    };
    for seed in 1..=seeds(30) {
        check_loose(seed, 20, &mut see);
    }
    std::println!("{walked} walks from value to value, {counted} that count, {ends} with ends");
    assert!(
        walked > 100 && counted > 20 && ends > 20,
        "{walked} walks, {counted} that count, {ends} with ends"
    );
}

#[test]
fn the_first_few_of_each_value_are_those_of_the_reference() {
    let (mut walked, mut several, mut backwards, mut sorted, mut turned) = (0, 0, 0, 0, 0);
    let mut see = |plan: &str| {
        let is_walk = plan.contains("of each");
        walked += u32::from(is_walk);
        several += u32::from(plan.contains("first 2 of each") || plan.contains("first 3 of each"));
        backwards += u32::from(is_walk && plan.contains("backwards"));
        sorted += u32::from(is_walk && plan.contains("sort "));
        turned += u32::from(is_walk && plan.contains("backwards") && !plan.contains("sort "));
    };
    for seed in 1..=seeds(30) {
        check_first_of_each(seed, 20, &mut see);
    }
    let told = std::format!(
        "{walked} walks, {several} to several, {backwards} backwards, {turned} not sorted, {sorted} sorted again"
    );
    std::println!("{told}");
    assert!(walked > 100 && several > 50 && backwards > 20 && turned > 5 && sorted > 30, "{told}");
}

#[test]
fn groups_whose_rows_follow_each_other_are_those_of_the_reference() {
    let (mut followed, mut ended) = (0, 0);
    let mut see = |plan: &str| {
        let is_followed = plan.contains("one after the other");
        followed += u32::from(is_followed);
        ended += u32::from(is_followed && plan.contains("limit ") && !plan.contains("top "));
    };
    for seed in 1..=seeds(15) {
        check_drafts(seed, 20, &mut |maker| maker.grouped_draft(false), &mut see);
        schemas::check_made(seed, 20, &mut |maker| maker.grouped_draft(false), &mut see);
    }
    std::println!("{followed} groups follow each other, {ended} of them end early");
    assert!(followed > 100 && ended > 50, "{followed} follow each other, {ended} end early");
}

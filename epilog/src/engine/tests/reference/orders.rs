//! Drafts of the first few pairs of joins, by what an index of one side, or its key, has in order.

use alloc::vec::Vec;

use super::checks::{Asked, check_data};
use super::*;
use crate::engine::estimate::Costs;
use crate::engine::measured::priced::Priced;

impl Maker<'_> {
    /// A draft of the first few, or all, of two or three sources in the order of an indexed field of one of them first.
    pub(super) fn ordered_draft(&mut self, all: bool) -> (Draft, bool) {
        self.forget();
        let relations = self.relations();
        if relations.is_empty() {
            return self.ruled_draft();
        }
        let (from, field, to) = *self.random.pick(&relations);
        let (root, mut scope) = match self.random.below(2) {
            0 => (from, Vec::from([from, to])),
            _ => (to, Vec::from([to, from])),
        };
        let pointed = |points: bool, pointing: u8, into: u8| match points {
            true => f::inner(pointing, field).binary(BinaryOp::Eq, f::inner(into, 0)),
            false => f::inner(into, field).binary(BinaryOp::Eq, f::inner(pointing, 0)),
        };
        let mut builder = draft(self.collections[root].0);
        if self.random.below(4) == 0 {
            builder = builder.filter(self.asked_of(root, 0));
        }
        let mut on = pointed(root == from, 0, 1);
        if self.random.below(3) == 0 {
            on = on.binary(BinaryOp::And, self.asked_of(scope[1], 1));
        }
        let kinds = [JoinKind::Inner, JoinKind::Left];
        let kind = *self.random.pick(&kinds);
        builder = builder.clause(Clause::Join { collection: self.collections[scope[1]].0, on, kind });
        if self.random.below(3) == 0 {
            let source = self.random.below(2);
            let beside = relations.iter().find_map(|(from, field, to)| match (*from, *to) {
                (of, inner) if of == scope[source] => {
                    Some((inner, f::inner(source as u8, *field).binary(BinaryOp::Eq, f::inner(2, 0))))
                }
                (inner, of) if of == scope[source] => {
                    Some((inner, f::inner(2, *field).binary(BinaryOp::Eq, f::inner(source as u8, 0))))
                }
                _ => None,
            });
            if let Some((inner, on)) = beside {
                let kind = *self.random.pick(&kinds);
                scope.push(inner);
                builder = builder.clause(Clause::Join { collection: self.collections[inner].0, on, kind });
            }
        }
        if self.random.below(3) == 0 {
            let of = self.random.below(scope.len());
            builder = builder.filter(self.asked_of(scope[of], of as u8));
        }
        if self.random.below(4) == 0 {
            builder = builder.filter(self.test(RowPath::source(0), root));
        }
        if all && self.random.below(4) == 0 {
            // By the key alone: pairs of one record come in any order.
            let descending = self.random.below(2) == 0;
            let term = OrderTerm { expression: f::field(0), descending, nulls_first: None };
            return (builder.clause(Clause::Order(Vec::from([term]))).select([f::field(0)]).build(), true);
        }
        // What is in order is of what rows begin at, as a rule.
        let of = if self.random.below(3) == 0 { self.random.below(scope.len()) } else { 0 };
        let indexed = self.indexed(scope[of]).0;
        let [Op::Field(path)] = indexed.ops.as_slice() else { unreachable!("a field of the root") };
        let mut terms = Vec::from([OrderTerm {
            // Or the key.
            expression: f::inner(of as u8, if self.random.below(4) == 0 { 0 } else { path.ordinal }),
            descending: self.random.below(2) == 0,
            nulls_first: *self.random.pick(&[None, None, None, Some(true), Some(false)]),
        }]);
        if self.random.below(2) == 0 {
            let descending = self.random.below(2) == 0;
            terms.push(OrderTerm { expression: self.stored(&scope).0, descending, nulls_first: None });
        }
        self.total(&scope, &mut terms);
        builder = builder.clause(Clause::Order(terms));
        if !all {
            if self.random.below(4) == 0 {
                builder = builder.offset(self.random.below(5) as u64);
            }
            builder = builder.limit(self.random.below(15) as u64);
        }
        let draft = match self.random.below(3) {
            0 => builder.build(),
            1 => builder.select([f::field(0), f::inner(1, 0)]).build(),
            _ => {
                let values = [self.stored(&scope).0, f::field(0), self.stored(&scope).0];
                builder.select(values).build()
            }
        };
        (draft, true)
    }
}

impl Maker<'_> {
    /// A draft of the first few of a record beside more than ten others that it leads to, on one way or on several, in the order of an
    /// indexed field of one of them.
    fn ordered_draft_of_many(&mut self) -> (Draft, bool) {
        self.forget();
        let relations = self.relations();
        if relations.is_empty() {
            return self.ruled_draft();
        }
        let root = self.random.pick(&relations).0;
        let mut scope = Vec::from([root]);
        let mut builder = draft(self.collections[root].0);
        while scope.len() < 12 {
            let (near, at) = (self.random.below(scope.len()), scope.len() as u8);
            let beside: Vec<_> = relations.iter().filter(|(from, ..)| *from == scope[near]).collect();
            // The first leads somewhere.
            let Some((_, field, to)) = beside.get(self.random.below(beside.len().max(1))) else { continue };
            let mut on = f::inner(near as u8, *field).binary(BinaryOp::Eq, f::inner(at, 0));
            if self.random.below(12) == 0 {
                on = on.binary(BinaryOp::And, self.asked_of(*to, at));
            }
            let kind = *self.random.pick(&[JoinKind::Inner, JoinKind::Inner, JoinKind::Left]);
            builder = builder.clause(Clause::Join { collection: self.collections[*to].0, on, kind });
            scope.push(*to);
        }
        let of = if self.random.below(3) == 0 { self.random.below(scope.len()) } else { 0 };
        let indexed = self.indexed(scope[of]).0;
        let [Op::Field(path)] = indexed.ops.as_slice() else { unreachable!("a field of the root") };
        let mut terms = Vec::from([OrderTerm {
            expression: f::inner(of as u8, if self.random.below(3) == 0 { 0 } else { path.ordinal }),
            descending: self.random.below(2) == 0,
            nulls_first: None,
        }]);
        self.total(&scope, &mut terms);
        builder = builder.clause(Clause::Order(terms));
        if self.random.below(3) > 0 {
            builder = builder.limit(self.random.below(15) as u64);
        }
        let (one, other) = (self.random.below(scope.len()) as u8, self.random.below(scope.len()) as u8);
        (builder.select([f::field(0), f::inner(one, 0), f::inner(other, 0)]).build(), true)
    }
}

#[test]
fn the_first_of_an_order_of_many_sources_are_those_of_the_reference() {
    let mut ended = 0;
    let mut see = |plan: &str| ended += u32::from(plan.contains("they come by"));
    for seed in 1..=seeds(6) {
        check_drafts(seed, 10, &mut |maker| maker.ordered_draft_of_many(), &mut see);
        schemas::check_made(seed, 10, &mut |maker| maker.ordered_draft_of_many(), &mut see);
    }
    std::println!("{ended} end early");
    assert!(ended > 10, "{ended} end early");
}

impl Maker<'_> {
    /// A draft of the first few of many tracks in an order that few indexes have.
    fn barred_draft(&mut self) -> (Draft, bool) {
        self.forget();
        let mut builder = draft(f::Track);
        if self.random.below(3) == 0 {
            builder = builder.filter(self.asked_of(TRACK, 0));
        }
        let mut terms = Vec::new();
        for _ in 0..1 + self.random.below(2) {
            let fields =
                [f::track::PRICE, f::track::ACTIVE, f::track::EDITOR, f::track::MILLISECONDS, f::track::NAME];
            terms.push(OrderTerm {
                expression: f::field(*self.random.pick(&fields)),
                descending: self.random.below(2) == 0,
                nulls_first: *self.random.pick(&[None, None, Some(true), Some(false)]),
            });
        }
        let descending = self.random.below(2) == 0;
        terms.push(OrderTerm { expression: f::field(f::track::ID), descending, nulls_first: None });
        builder = builder.clause(Clause::Order(terms));
        if self.random.below(4) == 0 {
            builder = builder.offset(self.random.below(5) as u64);
        }
        builder = builder.limit(self.random.below(12) as u64);
        let values = [f::track::ID, f::track::PRICE, f::track::EDITOR].map(f::field);
        (if self.random.below(2) == 0 { builder.select(values).build() } else { builder.build() }, true)
    }
}

/// Asks for the first few of as many tracks as lie on several leaves.
pub(super) fn check_barred(seed: u64, queries: usize, see: &mut dyn FnMut(&str)) {
    let mut random = Random::new(seed);
    let mut data = collections(&mut random);
    let few = data[TRACK].1.clone();
    for id in few.len() + 1..=500 {
        let mut track = random.pick(&few).clone();
        track[0] = Scalar::Int(id as i128);
        track[usize::from(f::track::PRICE)] = random.pick(&few)[usize::from(f::track::PRICE)].clone();
        track[usize::from(f::track::EDITOR)] = random.pick(&few)[usize::from(f::track::EDITOR)].clone();
        data[TRACK].1.push(track);
    }
    let asked = Asked::of(&data, &f::DATABASE);
    check_data(seed, random, &asked, queries, &mut |maker| maker.barred_draft(), see);
}

#[test]
fn the_first_few_of_many_rows_are_those_of_the_reference() {
    let mut tops = 0;
    let mut see = |plan: &str| tops += u32::from(plan.contains("top "));
    for seed in 1..=seeds(6) {
        check_barred(seed, 12, &mut see);
    }
    std::println!("the first few of {tops}");
    assert!(tops > 30, "the first few of {tops}");
}

/// Asks for drafts where sorting all costs so much that rows come in the order of as many terms as can be.
pub(super) fn check_sorted(seed: u64, queries: usize, see: &mut dyn FnMut(&str)) {
    let mut random = Random::new(seed);
    let (data, database) = schemas::of_kind(&mut random, seed.is_multiple_of(2));
    let asked = Asked::of(&data, database);
    let costs = Costs { sort: 2000.0, ..Costs::default() };
    let snapshots = (asked.store.snapshot(), asked.little.snapshot());
    let _priced = Priced::new(costs, &[&snapshots.0, &snapshots.1]);
    check_data(seed, random, &asked, queries, &mut |maker| maker.ordered_draft(true), see);
}

#[test]
fn all_of_an_order_that_joins_keep_are_those_of_the_reference() {
    let (mut all, mut left) = (0, 0);
    let mut see = |plan: &str| {
        let is_ordered =
            plan.lines().any(|line| line.trim_start().starts_with("sort ") && line.contains("they come "));
        all += u32::from(is_ordered);
        left += u32::from(is_ordered && plan.contains("left join "));
    };
    for seed in 1..=seeds(20) {
        check_sorted(seed, 20, &mut see);
    }
    std::println!("{all} come in the order of some terms, {left} of left joins");
    assert!(all > 50 && left > 20, "{all} come in the order of some terms, {left} of left joins");
}

#[test]
fn the_first_of_an_order_that_joins_keep_are_those_of_the_reference() {
    let (mut ended, mut left) = (0, 0);
    let mut see = |plan: &str| {
        let is_ended = plan.contains("they come by") && plan.contains("join ");
        ended += u32::from(is_ended);
        left += u32::from(is_ended && plan.contains("left join "));
    };
    for seed in 1..=seeds(10) {
        check_drafts(seed, 20, &mut |maker| maker.ordered_draft(false), &mut see);
        schemas::check_made(seed, 20, &mut |maker| maker.ordered_draft(false), &mut see);
    }
    std::println!("{ended} end early, {left} of left joins");
    assert!(ended > 50 && left > 20, "{ended} end early, {left} of left joins");
}

//! Drafts that join by inequalities, by relations of which nothing but the key is read, and by what equals a constant; and
//! whose conditions may contradict each other.

use alloc::vec::Vec;

use super::*;
#[cfg(not(feature = "small"))]
use crate::schema::condition::{Comparison, DeclaredTest};

impl Maker<'_> {
    /// A draft of two sources, whose rows come in any order.
    pub(super) fn paired_draft(&mut self) -> (Draft, bool) {
        self.forget();
        let kind = *self.random.pick(&[JoinKind::Inner, JoinKind::Inner, JoinKind::Left]);
        let relations = self.relations();
        let (root, inner, mut on) = match self.random.below(3) {
            0 if !relations.is_empty() => {
                let (from, field, to) = *self.random.pick(&relations);
                (from, to, f::field(field).binary(BinaryOp::Eq, f::inner(1, 0)))
            }
            1 if !relations.is_empty() => {
                let (from, field, to) = *self.random.pick(&relations);
                (to, from, f::inner(1, field).binary(BinaryOp::Eq, f::field(0)))
            }
            _ => {
                let count = self.collections.len();
                let (root, inner) = (self.random.below(count), self.random.below(count));
                (root, inner, self.band(root, inner))
            }
        };
        if self.random.below(4) == 0 {
            on = on.binary(BinaryOp::And, self.band(root, inner));
        }
        if self.random.below(4) == 0 {
            on = on.binary(BinaryOp::And, self.asked_of(inner, 1));
        }
        let mut builder = draft(self.collections[root].0);
        if self.random.below(3) == 0 {
            builder = builder.filter(self.asked_of(root, 0));
        }
        if self.random.below(8) == 0 {
            // The same as a question.
            let pair = Postfix::subquery(Subquery {
                collection: self.collections[inner].0,
                link: Link::Correlated { position: 1 },
                quantifier: self.random.pick(&[Quantifier::Any, Quantifier::All]).clone(),
                predicate: Some(on),
                equal: None,
            });
            return (builder.filter(pair).build(), true);
        }
        builder = builder.clause(Clause::Join { collection: self.collections[inner].0, on, kind });
        for _ in 0..self.random.below(3) {
            let (of, position) = *self.random.pick(&[(root, 0), (inner, 1)]);
            builder = builder.filter(self.asked_of(of, position));
        }
        if kind == JoinKind::Left && self.random.below(3) == 0 {
            // What those without a pair have, and perhaps others.
            let fields = self.compared(inner);
            let ordinal = *self.random.pick(&fields);
            let ty = (self.collections[inner].0)().fields[usize::from(ordinal)].ty;
            builder = builder.filter(f::inner(1, ordinal).binary(BinaryOp::Eq, f::null(ty)));
        }
        let some = |maker: &mut Self, of: usize, position: u8| {
            let fields = (maker.collections[of].0)().fields.len();
            f::inner(position, maker.random.below(fields) as u16)
        };
        let draft = match self.random.below(5) {
            0 => builder.build(),
            1 => builder.aggregate([(AggregateFunction::Count, None)]).build(),
            2 => builder.select([some(self, root, 0), some(self, inner, 1)]).build(),
            3 => builder.select([some(self, root, 0), f::inner(1, 0)]).build(),
            _ => builder.select([f::field(0), some(self, root, 0)]).build(),
        };
        (draft, false)
    }

    /// A draft that asks of each row for something about the records of a range: how many there are, their values in order, or
    /// the least and the greatest of the value that the range is of, alone and with more that is asked of them.
    pub(super) fn banded_draft(&mut self) -> (Draft, bool) {
        use AggregateFunction as F;
        use BinaryOp::{Ge, Gt, Le, Lt};
        self.forget();
        let count = self.collections.len();
        let (root, inner) = (self.random.below(count), self.random.below(count));
        let mut asked = Vec::from([f::field(0)]);
        for _ in 0..1 + self.random.below(2) {
            let mut on = self.band(root, inner);
            let fields = self.compared(inner);
            let of = *self.random.pick(&fields);
            let ty = |maker: &Self, of: u16| (maker.collections[inner].0)().fields[usize::from(of)].ty;
            if self.random.below(2) == 0 {
                // Bounds of the value itself.
                let others = self.compared(root).into_iter().filter(|other| {
                    (self.collections[root].0)().fields[usize::from(*other)].ty == ty(self, of)
                });
                let others: Vec<u16> = others.collect();
                if !others.is_empty() {
                    let op = *self.random.pick(&[Lt, Le, Gt, Ge]);
                    on = f::inner(1, of).binary(op, f::field(*self.random.pick(&others)));
                    if self.random.below(3) == 0 {
                        let op = *self.random.pick(&[Lt, Le, Gt, Ge]);
                        on = on.binary(
                            BinaryOp::And,
                            f::inner(1, of).binary(op, f::field(*self.random.pick(&others))),
                        );
                    }
                }
            } else if let (0, Some((_, field, _))) = (
                self.random.below(3),
                self.relations().into_iter().find(|(from, _, to)| (*from, *to) == (inner, root)),
            ) {
                // What an index finds for each row.
                on = f::inner(1, field).binary(BinaryOp::Eq, f::field(0));
            }
            if self.random.below(4) == 0 {
                on = on.binary(BinaryOp::And, self.asked_of(inner, 1));
            }
            let value = Some(f::inner(1, of));
            let (function, argument) = match self.random.below(6) {
                0 => (F::Count, None),
                1 | 2 if matches!(ty(self, of), Type::String | Type::I64) => (F::ArrayAgg, value),
                3 if ty(self, of) == Type::I64 => (self.random.pick(&[F::Sum, F::Avg]).clone(), value),
                _ => (self.random.pick(&[F::Min, F::Max]).clone(), value),
            };
            let item = AggregateItem { function, argument, filter: None };
            asked.push(Postfix::subquery(Subquery {
                collection: self.collections[inner].0,
                link: Link::Correlated { position: 1 },
                quantifier: Quantifier::aggregate(item).expect("tests have all parts"),
                predicate: Some(on),
                equal: None,
            }));
        }
        let mut builder = draft(self.collections[root].0);
        if self.random.below(3) == 0 {
            builder = builder.filter(self.asked_of(root, 0));
        }
        (builder.select(asked).build(), true)
    }

    /// A draft of few rows and those that are linked to them by the first field of an index of some records, of which as a rule no
    /// others are asked for; another where there is no such index.
    #[cfg(not(feature = "small"))]
    pub(super) fn partly_indexed_draft(&mut self) -> (Draft, bool) {
        let mut linked = Vec::new();
        for (inner, (schema, _)) in self.collections.iter().enumerate() {
            for index in schema().indexes.iter().filter(|index| !index.condition.is_empty()) {
                let ty = schema().fields[usize::from(index.fields[0])].ty;
                for (root, (of_root, _)) in self.collections.iter().enumerate() {
                    let fields = of_root().fields.iter().enumerate().filter(|(_, field)| field.ty == ty);
                    linked.extend(fields.map(|(ordinal, _)| (root, ordinal as u16, inner, index)));
                }
            }
        }
        if linked.is_empty() {
            return self.paired_draft();
        }
        self.forget();
        let (root, ordinal, inner, index) = *self.random.pick(&linked);
        let mut on = f::inner(1, index.fields[0]).binary(BinaryOp::Eq, f::field(ordinal));
        let left_out = self.random.below(4 * index.condition.len());
        for (at, condition) in index.condition.iter().enumerate() {
            if at == left_out {
                continue;
            }
            let field = f::inner(1, condition.field);
            let ty = (self.collections[inner].0)().fields[usize::from(condition.field)].ty;
            on = on.binary(
                BinaryOp::And,
                match condition.test {
                    DeclaredTest::Absent => field.unary(UnaryOp::IsNone),
                    DeclaredTest::Present => field.unary(UnaryOp::IsSome),
                    DeclaredTest::Compared(comparison, value) => {
                        let op = match comparison {
                            Comparison::Eq => BinaryOp::Eq,
                            Comparison::Lt => BinaryOp::Lt,
                            Comparison::Le => BinaryOp::Le,
                            Comparison::Gt => BinaryOp::Gt,
                            Comparison::Ge => BinaryOp::Ge,
                        };
                        field.binary(op, Postfix::literal(value(), ty))
                    }
                },
            );
        }
        // Few of the rows have a certain key.
        let ty = (self.collections[root].0)().fields[0].ty;
        let few = f::field(0).binary(BinaryOp::Eq, self.literal(ty));
        let builder = draft(self.collections[root].0).filter(few);
        let builder = match self.random.below(3) {
            0 => {
                let pair = Postfix::subquery(Subquery {
                    collection: self.collections[inner].0,
                    link: Link::Correlated { position: 1 },
                    quantifier: self.random.pick(&[Quantifier::Any, Quantifier::Count]).clone(),
                    predicate: Some(on),
                    equal: None,
                });
                builder.select([f::field(0), pair])
            }
            of_join => {
                let kind = if of_join == 1 { JoinKind::Inner } else { JoinKind::Left };
                let joined = builder.clause(Clause::Join { collection: self.collections[inner].0, on, kind });
                joined.select([f::field(0), f::inner(1, 0), f::inner(1, index.fields[0])])
            }
        };
        (builder.build(), false)
    }

    /// The fields of a collection that are compared.
    pub(super) fn compared(&self, of: usize) -> Vec<u16> {
        let fields = (self.collections[of].0)().fields.iter().enumerate();
        let plain = fields.filter(|(_, field)| !field.ty.is_list() && !field.ty.is_json());
        plain.map(|(ordinal, _)| ordinal as u16).collect()
    }

    /// Comparisons of a field of one source with one of the other, or with two.
    fn band(&mut self, root: usize, inner: usize) -> Postfix {
        use BinaryOp::{Ge, Gt, Le, Lt};
        let mut pairs = Vec::new();
        let ty = |maker: &Self, of: usize, ordinal: u16| {
            (maker.collections[of].0)().fields[usize::from(ordinal)].ty
        };
        for one in self.compared(root) {
            for other in self.compared(inner) {
                if ty(self, root, one) == ty(self, inner, other) {
                    pairs.push((one, other));
                }
            }
        }
        if pairs.is_empty() {
            return self.asked_of(inner, 1);
        }
        let compared = |maker: &mut Self| {
            let (one, other) = *maker.random.pick(&pairs);
            let op = *maker.random.pick(&[Lt, Le, Gt, Ge]);
            match maker.random.below(2) {
                0 => f::inner(1, other).binary(op, f::field(one)),
                _ => f::field(one).binary(op, f::inner(1, other)),
            }
        };
        match self.random.below(4) {
            0 => compared(self),
            1 => {
                let (one, other) = *self.random.pick(&pairs);
                let of_same: Vec<u16> =
                    pairs.iter().filter(|(_, of)| *of == other).map(|(of, _)| *of).collect();
                f::inner(1, other).between(f::field(one), f::field(*self.random.pick(&of_same)))
            }
            2 => {
                let (one, other) = *self.random.pick(&pairs);
                let of_same: Vec<u16> =
                    pairs.iter().filter(|(of, _)| *of == one).map(|(_, of)| *of).collect();
                f::field(one).between(f::inner(1, other), f::inner(1, *self.random.pick(&of_same)))
            }
            _ => compared(self).binary(BinaryOp::And, compared(self)),
        }
    }

    /// What a source is asked: often whether a field that it may be joined by is a value, and several things of one field.
    pub(super) fn asked_of(&mut self, of: usize, position: u8) -> Postfix {
        use BinaryOp::{Eq, Ge, Gt, Le, Lt, Ne};
        let fields = self.compared(of);
        let ordinal = if self.random.below(2) == 0 { 0 } else { *self.random.pick(&fields) };
        let ty = (self.collections[of].0)().fields[usize::from(ordinal)].ty;
        let test = |maker: &mut Self| match maker.random.below(8) {
            0 => f::inner(position, ordinal).unary(*maker.random.pick(&[UnaryOp::IsNone, UnaryOp::IsSome])),
            1 => f::inner(position, ordinal).is_in([maker.literal(ty), maker.literal(ty)]),
            2 | 3 => {
                let op = *maker.random.pick(&[Ne, Lt, Le, Gt, Ge]);
                f::inner(position, ordinal).binary(op, maker.literal(ty))
            }
            _ => f::inner(position, ordinal).binary(Eq, maker.literal(ty)),
        };
        let first = test(self);
        match self.random.below(3) {
            0 => first.binary(BinaryOp::And, test(self)),
            _ => first,
        }
    }
}

#[test]
#[cfg(not(feature = "small"))]
fn what_indexes_of_some_records_find_for_rows_is_that_of_the_reference() {
    for seed in 1..=seeds(20) {
        check_drafts(seed, 20, &mut |maker| maker.partly_indexed_draft(), &mut |_| ());
        schemas::check_made(seed, 20, &mut |maker| maker.partly_indexed_draft(), &mut |_| ());
    }
}

#[test]
#[cfg(not(feature = "small"))]
fn what_is_made_of_ranges_for_rows_is_that_of_the_reference() {
    for seed in 1..=seeds(10) {
        check_drafts(seed, 20, &mut |maker| maker.banded_draft(), &mut |_| ());
        schemas::check_made(seed, 20, &mut |maker| maker.banded_draft(), &mut |_| ());
    }
}

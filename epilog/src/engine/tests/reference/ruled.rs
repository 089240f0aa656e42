//! Drafts of the shapes that rules of the optimizer and ways to records are there for, and of those next to them that they must leave
//! alone.

use alloc::vec::Vec;

use super::maker::moved;
use super::*;

impl Maker<'_> {
    /// A draft of such a shape, and whether its rows come in an order that is told.
    pub(super) fn ruled_draft(&mut self) -> (Draft, bool) {
        self.forget();
        let root = self.random.below(self.collections.len());
        let builder = draft(self.collections[root].0);
        match self.random.below(13) {
            0 => (self.told_apart(builder, root), false),
            1 => (self.by_keys(builder, root), false),
            2 => (self.limited_groups(builder, root), false),
            3 => (self.windows_beside(builder, root), true),
            4 => (self.alternatives(builder, root), true),
            5 => (self.conjuncts(builder, root), true),
            6 => (self.pointed_at(builder, root), true),
            7 => (self.first_of_each(builder, root), true),
            8 => (self.by_pointers(false), false),
            9 => (self.with_others(false), false),
            10 => self.alike(builder, root),
            11 => self.common(root),
            _ => (self.few_values(root), false),
        }
    }

    /// The collection at a path from the root.
    pub(super) fn collection_at(&self, row: RowPath, root: usize) -> usize {
        row.hops().fold(root, |of, hop| {
            let relations = self.relations();
            let found = relations.iter().find(|(from, field, _)| (*from, *field) == (of, hop));
            found.expect("a path follows relations").2
        })
    }

    /// A test of a field of the record at a path from the root.
    pub(super) fn test(&mut self, row: RowPath, root: usize) -> Postfix {
        let fields = (self.collections[self.collection_at(row, root)].0)().fields;
        let ordinal = self.random.below(fields.len());
        let field = Postfix::field(FieldPath { row, ordinal: ordinal as u16 });
        self.about_value(field, &fields[ordinal])
    }

    /// The root, or the record that one of its relations leads to.
    pub(super) fn near(&mut self, root: usize) -> RowPath {
        let relations = self.relations();
        let own: Vec<u16> =
            relations.iter().filter(|(from, ..)| *from == root).map(|(_, field, _)| *field).collect();
        match own.is_empty() || self.random.below(4) == 0 {
            true => RowPath::source(0),
            false => RowPath::source(0).hop(*self.random.pick(&own)),
        }
    }

    /// A field of the root that an index or the key begins with, and its type.
    pub(super) fn indexed(&mut self, root: usize) -> (Postfix, Type) {
        let indexes = self.indexes();
        let own: Vec<&(usize, Vec<u16>)> = indexes.iter().filter(|(of, _)| *of == root).collect();
        let ordinal = self.random.pick(&own).1[0];
        (f::field(ordinal), (self.collections[root].0)().fields[usize::from(ordinal)].ty)
    }

    /// Values, each once, which an index or a key may tell apart already.
    fn told_apart(&mut self, mut builder: DraftBuilder, root: usize) -> Draft {
        if self.random.below(2) == 0 {
            builder = builder.filter(self.test(RowPath::source(0), root));
        }
        let (first, ty) = self.indexed(root);
        let mut values = Vec::from([first]);
        if self.random.below(2) == 0 {
            values.push(self.stored(&[root]).0);
        }
        builder = builder.select(values).clause(Clause::Distinct);
        if self.random.below(3) == 0 {
            builder = builder.filter(Postfix::key(0).binary(BinaryOp::Ne, self.literal(ty)));
        }
        builder.build()
    }

    /// Values, each once, in the order of the first rows that have them.
    fn first_of_each(&mut self, mut builder: DraftBuilder, root: usize) -> Draft {
        let by = self.stored(&[root]).0;
        let mut terms = Vec::from([OrderTerm {
            expression: by,
            descending: self.random.below(2) == 0,
            nulls_first: None,
        }]);
        self.total(&[root], &mut terms);
        builder = builder.clause(Clause::Order(terms));
        let values: Vec<Postfix> = (0..1 + self.random.below(2)).map(|_| self.stored(&[root]).0).collect();
        builder = builder.select(values).clause(Clause::Distinct);
        if self.random.below(3) == 0 {
            builder = builder.offset(self.random.below(3) as u64).limit(self.random.below(9) as u64);
        }
        builder.build()
    }

    /// Groups of which some keys may decide others, and a filter on a key.
    fn by_keys(&mut self, builder: DraftBuilder, root: usize) -> Draft {
        let mut keys = Vec::from([self.indexed(root)]);
        (0..self.random.below(3)).for_each(|_| keys.push(self.stored(&[root])));
        let number = self.random.below(keys.len());
        let op = *self.random.pick(&[BinaryOp::Eq, BinaryOp::Ne, BinaryOp::Ge]);
        let mut asked = Postfix::key(number as u16).binary(op, self.literal(keys[number].1));
        if self.random.below(2) == 0 {
            let many = Postfix::literal(Scalar::Int(1), Type::U64);
            asked = asked.binary(
                BinaryOp::And,
                f::aggregate(AggregateFunction::Count, None).binary(BinaryOp::Ge, many),
            );
        }
        let count = keys.len() as u16;
        let builder = builder.group_by(keys.into_iter().map(|(key, _)| key)).filter(asked);
        let last = f::aggregate(AggregateFunction::Count, None);
        builder.select((0..count).map(Postfix::key).chain([last])).build()
    }

    /// Groups by what points at records, or by the keys of these, with what the records have; and what is asked of such groups.
    fn by_pointers(&mut self, faulty: bool) -> Draft {
        let relations = self.relations();
        if relations.is_empty() {
            return self.few_values(0);
        }
        let (from, pointer, to) = *self.random.pick(&relations);
        let mut builder = draft(self.collections[from].0);
        if self.random.below(3) == 0 {
            builder = builder.filter(self.test(RowPath::source(0), from));
        }
        let is_joined = self.random.below(3) > 0;
        let near = if is_joined { RowPath::source(1) } else { RowPath::source(0).hop(pointer) };
        let kind = *self.random.pick(&[JoinKind::Inner, JoinKind::Left]);
        let key = Postfix::field(FieldPath { row: near, ordinal: 0 });
        if is_joined {
            let mut on = f::field(pointer).binary(BinaryOp::Eq, key.clone());
            if self.random.below(2) == 0 {
                on = on.binary(BinaryOp::And, moved(self.test(RowPath::source(0), to), 1));
            }
            builder = builder.clause(Clause::Join { collection: self.collections[to].0, on, kind });
        }
        let has = |maker: &mut Self| {
            let fields = (maker.collections[to].0)().fields;
            let ordinal = maker.random.below(fields.len());
            (Postfix::field(FieldPath { row: near, ordinal: ordinal as u16 }), fields[ordinal].ty)
        };
        let pointed = if self.random.below(2) == 0 { key } else { f::field(pointer) };
        let mut keys = Vec::from([(pointed, Type::Id)]);
        for _ in 0..self.random.below(3) {
            keys.push(has(self));
        }
        if self.random.below(4) == 0 {
            keys.push(self.stored(&[from]));
        }
        let mut items = Vec::new();
        for _ in 0..1 + self.random.below(3) {
            use AggregateFunction::{Count, Max, Min, Sum};
            items.push(match self.random.below(6) {
                0 | 1 => f::aggregate(self.random.pick(&[Min, Max]).clone(), Some(has(self).0)),
                2 => f::aggregate(Sum, Some(self.value(&[from], Type::I64, faulty))),
                3 => f::aggregate(Count, Some(has(self).0)),
                4 => f::aggregate(self.random.pick(&[Min, Max]).clone(), Some(self.stored(&[from]).0)),
                _ => f::aggregate(Count, None),
            });
        }
        self.asked_groups(builder, keys, items)
    }

    /// Groups of records by their key, with others that point at them.
    fn with_others(&mut self, faulty: bool) -> Draft {
        use AggregateFunction::{Avg, Count, CountDistinct, Max, Min, Sum};
        let relations = self.relations();
        if relations.is_empty() {
            return self.few_values(0);
        }
        let (from, pointer, to) = *self.random.pick(&relations);
        let mut builder = draft(self.collections[to].0);
        if self.random.below(4) == 0 {
            builder = builder.filter(self.test(RowPath::source(0), to));
        }
        let kind = *self.random.pick(&[JoinKind::Inner, JoinKind::Left, JoinKind::Left]);
        let mut on = f::inner(1, pointer).binary(BinaryOp::Eq, f::field(0));
        if self.random.below(3) == 0 {
            on = on.binary(BinaryOp::And, moved(self.test(RowPath::source(0), from), 1));
        }
        builder = builder.clause(Clause::Join { collection: self.collections[from].0, on, kind });
        let mut keys = Vec::from([(f::field(0), Type::Id)]);
        (0..self.random.below(3)).for_each(|_| keys.push(self.stored(&[to])));
        let mut items = Vec::new();
        for _ in 0..1 + self.random.below(3) {
            let of_others =
                (moved(self.stored(&[from]).0, 1), moved(self.value(&[from], Type::I64, faulty), 1));
            let (function, argument) = match self.random.below(7) {
                0 => (Count, None),
                1 => (Count, Some(of_others.0)),
                2 => (CountDistinct, Some(of_others.0)),
                3 => (self.random.pick(&[Min, Max]).clone(), Some(of_others.0)),
                4 => (self.random.pick(&[Sum, Avg]).clone(), Some(of_others.1)),
                5 => (self.random.pick(&[Min, Max]).clone(), Some(self.stored(&[to]).0)),
                _ => (Count, Some(self.stored(&[to]).0)),
            };
            let filter = match self.random.below(5) {
                0 => Some(moved(self.test(RowPath::source(0), from), 1)),
                _ => None,
            };
            items.push(Postfix::aggregate(AggregateItem { function, argument, filter }));
        }
        self.asked_groups(builder, keys, items)
    }

    /// Groups, of which something may be asked.
    pub(super) fn asked_groups(
        &mut self,
        mut builder: DraftBuilder,
        keys: Vec<(Postfix, Type)>,
        items: Vec<Postfix>,
    ) -> Draft {
        let count = keys.len();
        let types: Vec<Type> = keys.iter().map(|(_, ty)| *ty).collect();
        builder = builder.group_by(keys.into_iter().map(|(key, _)| key));
        if self.random.below(2) == 0 {
            let few = Postfix::literal(Scalar::Int(self.random.below(3) as i128), Type::U64);
            let mut asked = f::aggregate(AggregateFunction::Count, None).binary(BinaryOp::Gt, few);
            if self.random.below(2) == 0 {
                let number = self.random.below(count);
                let of_key = Postfix::key(number as u16).binary(BinaryOp::Ne, self.literal(types[number]));
                asked = asked.binary(BinaryOp::And, of_key);
            }
            builder = builder.filter(asked);
        }
        builder.select((0..count as u16).map(Postfix::key).chain(items)).build()
    }

    /// Something about the first rows of an order, which is not the one that they lie in.
    fn limited_groups(&mut self, mut builder: DraftBuilder, root: usize) -> Draft {
        let (expression, ty) = self.stored(&[root]);
        let descending = self.random.below(2) == 0;
        let mut terms =
            Vec::from([OrderTerm { expression: expression.clone(), descending, nulls_first: None }]);
        self.total(&[root], &mut terms);
        builder = builder.clause(Clause::Order(terms));
        if self.random.below(4) == 0 {
            builder = builder.offset(self.random.below(4) as u64);
        }
        for _ in 0..1 + self.random.below(2) {
            builder = builder.limit(self.random.below(9) as u64);
        }
        if self.random.below(2) == 0 {
            builder = builder.filter(expression.clone().binary(BinaryOp::Ne, self.literal(ty)));
        }
        let keys = if self.random.below(2) == 0 { Vec::from([self.stored(&[root]).0]) } else { Vec::new() };
        let count = keys.len() as u16;
        let items = [
            f::aggregate(AggregateFunction::Count, None),
            f::aggregate(
                self.random.pick(&[AggregateFunction::Min, AggregateFunction::Max]).clone(),
                Some(expression),
            ),
        ];
        builder.group_by(keys).select((0..count).map(Postfix::key).chain(items)).build()
    }

    /// Windows of the same or of different partitions, and a filter on what one of them is partitioned by.
    fn windows_beside(&mut self, builder: DraftBuilder, root: usize) -> Draft {
        let (first, ty) = self.indexed(root);
        let mut types = Vec::new();
        let mut items = Vec::new();
        for _ in 0..2 {
            let partition = match self.random.below(3) {
                0 => Vec::from([self.stored(&[root]).0]),
                1 => Vec::from([self.stored(&[root]).0, first.clone()]),
                _ => Vec::from([first.clone()]),
            };
            let mut order = Vec::new();
            self.total(&[root], &mut order);
            let (of, integer) = (self.stored(&[root]), self.literal(Type::I64));
            let (item, ty) = self.window_over(partition, order, of, integer);
            items.push(item);
            types.push(ty);
        }
        let values: Vec<Postfix> = (0..items.len() as u16).map(f::window).collect();
        let op = *self.random.pick(&[BinaryOp::Eq, BinaryOp::Ne, BinaryOp::Le]);
        let asked = first.clone().binary(op, self.literal(ty));
        let mut builder = builder.window(items).filter(asked);
        if self.random.below(3) == 0 {
            builder = builder.filter(f::window(0).binary(BinaryOp::Ne, self.literal(types[0])));
        }
        builder.select(values.into_iter().chain([first])).build()
    }

    /// Alternatives that share something, or say something of several records each.
    fn alternatives(&mut self, mut builder: DraftBuilder, root: usize) -> Draft {
        let near = self.near(root);
        let shared = self.test(RowPath::source(0), root);
        let (field, ty) = self.indexed(root);
        let is_of_one_field = self.random.below(4) == 0;
        let alternatives = (0..2 + self.random.below(2)).map(|_| {
            if is_of_one_field {
                return field.clone().binary(BinaryOp::Eq, self.literal(ty));
            }
            let own = match self.random.below(3) {
                0 => shared.clone(),
                _ => self.test(RowPath::source(0), root),
            };
            match self.random.below(6) {
                0 => own,
                1 => self.test(near, root),
                _ => own.binary(BinaryOp::And, self.test(near, root)),
            }
        });
        let any = alternatives.reduce(|a, b| a.binary(BinaryOp::Or, b)).expect("two");
        builder = builder.filter(if self.random.below(5) == 0 { any.unary(UnaryOp::Not) } else { any });
        if self.random.below(3) == 0 {
            builder = builder.limit(self.random.below(9) as u64);
        }
        builder.build()
    }

    /// Tests of fields that several indexes begin with.
    fn conjuncts(&mut self, mut builder: DraftBuilder, root: usize) -> Draft {
        for _ in 0..1 + self.random.below(3) {
            let (field, ty) = self.indexed(root);
            builder = builder.filter(match self.random.below(5) {
                0 => field.is_in([self.literal(ty), self.literal(ty)]),
                1 | 2 => {
                    let low = *self.random.pick(&[BinaryOp::Gt, BinaryOp::Ge]);
                    let high = *self.random.pick(&[BinaryOp::Lt, BinaryOp::Le]);
                    let above = field.clone().binary(low, self.literal(ty));
                    above.binary(BinaryOp::And, field.binary(high, self.literal(ty)))
                }
                _ => field.binary(BinaryOp::Eq, self.literal(ty)),
            });
        }
        if self.random.below(2) == 0 {
            let mut terms = Vec::new();
            if self.random.below(2) == 0 {
                let expression = self.indexed(root).0;
                let descending = self.random.below(2) == 0;
                terms.push(OrderTerm { expression, descending, nulls_first: None });
            }
            self.total(&[root], &mut terms);
            builder = builder.clause(Clause::Order(terms));
        }
        if self.random.below(2) == 0 {
            builder = builder.limit(self.random.below(5) as u64);
        }
        builder.build()
    }

    /// Records that others point at of which something is asked, or that point at such.
    fn pointed_at(&mut self, mut builder: DraftBuilder, root: usize) -> Draft {
        let relations = self.relations();
        let pointing: Vec<_> = relations.iter().filter(|(_, _, to)| *to == root).collect();
        if pointing.is_empty() || self.random.below(2) == 0 {
            let near = self.near(root);
            builder = builder.filter(self.test(near, root));
        } else {
            let (from, ordinal, _) = **self.random.pick(&pointing);
            let (field, ty) = self.indexed(from);
            let predicate = Some(field.binary(BinaryOp::Eq, self.literal(ty)));
            let asked = f::reverse(self.collections[from].0, ordinal, Quantifier::Any, predicate);
            builder =
                builder.filter(if self.random.below(3) == 0 { asked.unary(UnaryOp::Not) } else { asked });
        }
        if self.random.below(3) == 0 {
            builder = builder.limit(self.random.below(5) as u64);
        }
        builder.build()
    }

    /// The same value of two queries or three, which most of their rows share, and something asked of it.
    fn few_values(&mut self, root: usize) -> Draft {
        use SetKind::{Except, ExceptAll, Intersect, IntersectAll, Union, UnionAll};
        let (value, ty) = match self.random.below(2) {
            0 => self.stored(&[root]),
            _ => self.indexed(root),
        };
        let side = |maker: &mut Self| {
            let mut builder = draft(maker.collections[root].0);
            if maker.random.below(3) > 0 {
                builder = builder.filter(maker.test(RowPath::source(0), root));
            }
            if maker.random.below(2) == 0 {
                builder = builder.limit(maker.random.below(20) as u64);
            }
            builder = match maker.random.below(5) {
                0 => return builder.group_by([value.clone()]).select([Postfix::key(0)]),
                _ => builder,
            };
            builder.select([value.clone()])
        };
        let mut builder = side(self);
        for _ in 0..1 + self.random.below(2) {
            let kind =
                *self.random.pick(&[Union, UnionAll, Intersect, IntersectAll, Except, ExceptAll, ExceptAll]);
            let right = side(self).build();
            builder = builder.clause(Clause::set(right, kind));
            if self.random.below(3) == 0 {
                let op = *self.random.pick(&[BinaryOp::Eq, BinaryOp::Ne, BinaryOp::Ge]);
                builder = builder.filter(Postfix::key(0).binary(op, self.literal(ty)));
            }
        }
        builder.build()
    }
}

#[test]
fn queries_that_rules_are_for_give_the_rows_of_the_reference() {
    for seed in 1..=seeds(30) {
        check_drafts(seed, 40, &mut |maker| maker.ruled_draft(), &mut |_| ());
    }
}

#[test]
fn groups_of_what_may_have_no_result_are_those_of_the_reference() {
    for seed in 1..=seeds(20) {
        let mut grouped = |maker: &mut Maker<'_>| {
            maker.forget();
            let of_pointers = maker.random.below(2) == 0;
            (if of_pointers { maker.by_pointers(true) } else { maker.with_others(true) }, false)
        };
        check_drafts(seed, 20, &mut grouped, &mut |_| ());
    }
}

//! Drafts with parts that are equal, or nearly so.

use alloc::vec::Vec;

use super::*;
use crate::schema::FieldSchema;

impl Maker<'_> {
    /// As [`alike`](Maker::alike), of any collection.
    pub(super) fn alike_draft(&mut self) -> (Draft, bool) {
        self.forget();
        let root = self.random.below(self.collections.len());
        self.alike(draft(self.collections[root].0), root)
    }

    /// A draft with such parts, and whether its rows come in an order that is told.
    pub(super) fn alike(&mut self, builder: DraftBuilder, root: usize) -> (Draft, bool) {
        match self.random.below(6) {
            0 => (self.alike_elsewhere(), false),
            1 => (self.alike_below_order(builder, root), true),
            _ => (self.alike_beside(builder, root), false),
        }
    }

    /// Two beginnings: the same tests, but for what is asked further of one or of both, or for values.
    fn beginnings(&mut self, mut builder: DraftBuilder, root: usize) -> [DraftBuilder; 2] {
        for _ in 0..1 + self.random.below(2) {
            let near = self.near(root);
            let test = self.test(near, root);
            // The same test twice is two of which another query of this shape may have one otherwise.
            if self.random.below(4) == 0 {
                builder = builder.filter(test.clone());
            }
            builder = builder.filter(test);
        }
        let mut other = match self.random.below(4) {
            0 => {
                let clauses = self.with_other_values(&builder.clone().build()).clauses;
                clauses
                    .iter()
                    .fold(draft(self.collections[root].0), |other, clause| other.clause(clause.clone()))
            }
            _ => builder.clone(),
        };
        if self.random.below(2) == 0 {
            other = other.filter(self.test(RowPath::source(0), root));
        }
        if self.random.below(3) == 0 {
            builder = builder.filter(self.test(RowPath::source(0), root));
        }
        [builder, other]
    }

    /// Something about all rows.
    fn about_all(&mut self, root: usize) -> (AggregateFunction, Option<Postfix>) {
        let (value, _) = self.stored(&[root]);
        match self.random.below(3) {
            0 => (AggregateFunction::Count, None),
            1 => (AggregateFunction::Min, Some(value)),
            _ => (AggregateFunction::Max, Some(value)),
        }
    }

    /// Groups beside something about all rows, or two sides of a set.
    fn alike_beside(&mut self, builder: DraftBuilder, root: usize) -> Draft {
        use SetKind::{Except, Intersect, Union, UnionAll};
        let [builder, other] = self.beginnings(builder, root);
        if self.random.below(2) == 0 {
            let (value, _) = self.stored(&[root]);
            let kind = *self.random.pick(&[Union, Union, UnionAll, Intersect, Except]);
            return builder
                .select([value.clone()])
                .clause(Clause::set(other.select([value]).build(), kind))
                .build();
        }
        let (function, of) = self.about_all(root);
        let all = Postfix::scalar(other.aggregate([(function.clone(), of.clone())]).build());
        let op = *self.random.pick(&[BinaryOp::Eq, BinaryOp::Ne, BinaryOp::Le, BinaryOp::Gt]);
        let (key, asked) = (self.stored(&[root]).0, f::aggregate(function, of));
        let builder = builder.group_by([key]).filter(asked.clone().binary(op, all));
        builder.select([Postfix::key(0), asked]).build()
    }

    /// Rows in an order that some of them are equal in, with something about all of such rows, several times.
    fn alike_below_order(&mut self, builder: DraftBuilder, root: usize) -> Draft {
        let near = self.near(root);
        let mut builder = builder.filter(self.test(near, root));
        if self.random.below(2) == 0 {
            let (field, ty) = self.indexed(root);
            let op = *self.random.pick(&[BinaryOp::Eq, BinaryOp::Ge, BinaryOp::Le, BinaryOp::Ne]);
            builder = builder.filter(field.binary(op, self.literal(ty)));
        }
        let mut values = Vec::new();
        for _ in 0..1 + self.random.below(2) {
            let (function, of) = self.about_all(root);
            values.push(Postfix::scalar(builder.clone().aggregate([(function, of)]).build()));
        }
        let fields = (self.collections[self.collection_at(near, root)].0)().fields.len();
        let ordinal = self.random.below(fields) as u16;
        let expression = Postfix::field(FieldPath { row: near, ordinal });
        let descending = self.random.below(2) == 0;
        let builder = builder.clause(Clause::Order(Vec::from([OrderTerm {
            expression,
            descending,
            nulls_first: None,
        }])));
        values.push(self.stored(&[root]).0);
        builder.select(values).build()
    }

    /// The same of two collections, twice of each, where each has a field of the same place and type.
    fn alike_elsewhere(&mut self) -> Draft {
        let mut pairs = Vec::new();
        for (a, (first, _)) in self.collections.iter().enumerate() {
            for (b, (second, _)) in self.collections.iter().enumerate().filter(|(b, _)| *b != a) {
                let both = first().fields.iter().zip(second().fields).enumerate();
                let same = |(_, (one, other)): &(usize, (&FieldSchema, &FieldSchema))| {
                    one.ty == other.ty && one.optional == other.optional
                };
                pairs.extend(both.filter(same).map(|(ordinal, _)| (a, b, ordinal)));
            }
        }
        let (a, b, ordinal) = match pairs.is_empty() {
            true => (0, 0, 0),
            false => *self.random.pick(&pairs),
        };
        let of = &(self.collections[a].0)().fields[ordinal];
        let field = || Postfix::field(FieldPath { row: RowPath::source(0), ordinal: ordinal as u16 });
        let test = self.about_value(field(), of);
        let sides = [a, a, b, b].map(|of| {
            let further =
                field().binary(BinaryOp::Ne, self.literal((self.collections[a].0)().fields[ordinal].ty));
            draft(self.collections[of].0).filter(test.clone()).filter(further).select([field()])
        });
        let put =
            |all: DraftBuilder, side: DraftBuilder| all.clause(Clause::set(side.build(), SetKind::Union));
        sides.into_iter().reduce(put).expect("four").build()
    }
}

#[test]
fn queries_with_equal_parts_give_the_rows_of_the_reference() {
    let mut shared = 0;
    for seed in 1..=seeds(15) {
        let mut see = |plan: &str| shared += u32::from(plan.contains("shared"));
        check_drafts(seed, 40, &mut |maker| maker.alike_draft(), &mut see);
    }
    std::println!("{shared} plans with rows that are kept");
    assert!(shared > 0);
}

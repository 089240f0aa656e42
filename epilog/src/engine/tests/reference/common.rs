//! Drafts with rows that several ask for, or with those of another query, and what is asked of them.

use alloc::vec::Vec;

use super::*;

impl Maker<'_> {
    /// As [`common`](Maker::common), of any collection.
    pub(super) fn common_draft(&mut self) -> (Draft, bool) {
        self.forget();
        let root = self.random.below(self.collections.len());
        self.common(root)
    }

    /// A draft with such rows, and whether its own come in an order that is told.
    pub(super) fn common(&mut self, root: usize) -> (Draft, bool) {
        match self.random.below(3) {
            0 => (self.joined_values(root), false),
            _ => (self.asked_of_common(root), false),
        }
    }

    /// Values of a collection, and their types: of rows, of groups, each once, or of the first of an order.
    fn some_values(&mut self, root: usize) -> (DraftBuilder, [Type; 2]) {
        let mut builder = draft(self.collections[root].0);
        if self.random.below(2) == 0 {
            builder = builder.filter(self.test(RowPath::source(0), root));
        }
        let ((first, ty), (second, other)) = (self.stored(&[root]), self.stored(&[root]));
        let builder = match self.random.below(5) {
            0 => {
                let item = f::aggregate(AggregateFunction::Max, Some(second));
                builder.group_by([first]).select([Postfix::key(0), item])
            }
            1 => builder.select([first, second]).clause(Clause::Distinct),
            2 => {
                let mut terms = Vec::from([OrderTerm {
                    expression: first.clone(),
                    descending: self.random.below(2) == 0,
                    nulls_first: None,
                }]);
                self.total(&[root], &mut terms);
                let limit = self.random.below(9) as u64;
                builder.clause(Clause::Order(terms)).limit(limit).select([first, second])
            }
            _ => builder.select([first, second]),
        };
        (builder, [ty, other])
    }

    /// Common rows of which each who asks asks something, or some do, or all the same.
    fn asked_of_common(&mut self, root: usize) -> Draft {
        use SetKind::{Except, Intersect, Union, UnionAll};
        let (base, types) = self.some_values(root);
        let base = base.clause(Clause::common());
        let test = |maker: &mut Self| {
            let key = maker.random.below(2);
            let op =
                *maker.random.pick(&[BinaryOp::Eq, BinaryOp::Ne, BinaryOp::Ne, BinaryOp::Ge, BinaryOp::Lt]);
            Postfix::key(key as u16).binary(op, maker.literal(types[key]))
        };
        let of_all = test(self);
        let askers: Vec<DraftBuilder> = (0..2 + self.random.below(2))
            .map(|_| {
                let mut asker = base.clone();
                if self.random.below(3) > 0 {
                    asker = asker.filter(of_all.clone());
                }
                for _ in 0..self.random.below(3) {
                    let mut own = test(self);
                    if self.random.below(4) == 0 {
                        own = own.binary(BinaryOp::Or, test(self));
                    }
                    asker = asker.filter(own);
                }
                asker
            })
            .collect();
        let values = [Postfix::key(0), Postfix::key(1)];
        let count = 1 + self.random.below(2);
        let mut askers = askers.into_iter();
        let first = askers.next().expect("two at least");
        if self.random.below(3) == 0 {
            let last = askers.next_back().expect("two at least");
            let greatest = [(AggregateFunction::Max, Some(Postfix::key(0)))];
            let all = Postfix::scalar(last.aggregate(greatest).build());
            let op = *self.random.pick(&[BinaryOp::Eq, BinaryOp::Ne, BinaryOp::Le]);
            return first.filter(Postfix::key(0).binary(op, all)).select(values).build();
        }
        let first = first.select(values[..count].to_vec());
        askers
            .fold(first, |all, asker| {
                let kind = *self.random.pick(&[Union, UnionAll, UnionAll, Intersect, Except]);
                all.clause(Clause::set(asker.select(values[..count].to_vec()).build(), kind))
            })
            .build()
    }

    /// Records with values of another query, once or twice, of which something is asked.
    fn joined_values(&mut self, root: usize) -> Draft {
        let (key, ty) = self.stored(&[root]);
        let (value, other) = self.stored(&[root]);
        // Without values of the query it is calculated once, also by a plan that is kept.
        let greatest = f::aggregate(AggregateFunction::Max, Some(value));
        let groups = draft(self.collections[root].0).group_by([key.clone()]);
        let groups = groups.select([Postfix::key(0), greatest]).build();
        let mut builder = draft(self.collections[root].0);
        let mut values = Vec::from([key.clone()]);
        let asked = self.literal(other);
        for number in 0..1 + self.random.below(3).min(1) as u16 {
            let mut on = f::window(2 * number).binary(BinaryOp::Eq, key.clone());
            let of = f::window(2 * number + 1);
            if self.random.below(4) > 0 {
                let op = *self.random.pick(&[BinaryOp::Ne, BinaryOp::Ge]);
                let literal = if self.random.below(2) == 0 { asked.clone() } else { self.literal(other) };
                on = on.binary(BinaryOp::And, of.clone().binary(op, literal));
            }
            if self.random.below(4) == 0 {
                on = on.binary(BinaryOp::And, f::window(2 * number).binary(BinaryOp::Ne, self.literal(ty)));
            }
            let kind = *self.random.pick(&[JoinKind::Inner, JoinKind::Inner, JoinKind::Left]);
            builder = builder.clause(Clause::join_query(groups.clone(), on, kind));
            values.push(of);
        }
        builder.select(values).build()
    }
}

#[test]
fn what_is_asked_of_common_rows_gives_the_rows_of_the_reference() {
    for seed in 1..=seeds(15) {
        check_drafts(seed, 40, &mut |maker| maker.common_draft(), &mut |_| ());
    }
}

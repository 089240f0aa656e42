//! Drafts of rows that are linked to a few others by one field or several, of any type: as pairs, as an answer, or as groups.

use alloc::vec::Vec;

use super::*;

impl Maker<'_> {
    /// A draft of rows of which as a rule most have no partner, and whether they come in the order of their keys.
    pub(super) fn sifted_draft(&mut self) -> (Draft, bool) {
        self.forget();
        let ty = |maker: &Self, of: usize, ordinal: u16| {
            (maker.collections[of].0)().fields[usize::from(ordinal)].ty
        };
        let (root, few, alike) = loop {
            let count = self.collections.len();
            let root = self.random.below(count);
            let few = if self.random.below(3) == 0 { root } else { self.random.below(count) };
            let mut alike: Vec<(u16, u16)> = Vec::new();
            for one in self.compared(root) {
                let others = self.compared(few).into_iter();
                alike.extend(
                    others
                        .filter(|other| ty(self, root, one) == ty(self, few, *other))
                        .map(|other| (one, other)),
                );
            }
            if !alike.is_empty() {
                break (root, few, alike);
            }
        };
        let mut linked: Vec<(u16, u16)> = Vec::new();
        // By values of which equal ones differ, where there are such.
        let formed =
            |(one, _): &&(u16, u16)| matches!(ty(self, root, *one), Type::F32 | Type::F64 | Type::Decimal);
        let formed: Vec<(u16, u16)> = alike.iter().filter(formed).copied().collect();
        if !formed.is_empty() && self.random.below(2) == 0 {
            linked.push(*self.random.pick(&formed));
        }
        for _ in 0..*self.random.pick(&[0, 1, 1, 2]) + usize::from(linked.is_empty()) {
            let pair = *self.random.pick(&alike);
            if !linked.contains(&pair) {
                linked.push(pair);
            }
        }
        let equal = |pairs: Vec<(Postfix, Postfix)>| {
            let equal = pairs.into_iter().map(|(one, other)| other.binary(BinaryOp::Eq, one));
            equal.reduce(|all, one| all.binary(BinaryOp::And, one)).expect("a link")
        };
        if self.random.below(2) == 0 {
            // Groups of the many, by what they are linked by or by more, or linked by the least of something.
            let mut keys: Vec<Postfix> = linked.iter().map(|(one, _)| f::field(*one)).collect();
            if self.random.below(4) == 0 {
                keys.push(self.stored(&[root]).0);
            }
            let count = keys.len() as u16;
            let mut values: Vec<Postfix> = (0..count).map(Postfix::key).collect();
            let (one, other) = *self.random.pick(&alike);
            values.push(f::aggregate(AggregateFunction::Min, Some(f::field(one))));
            values.push(f::aggregate(AggregateFunction::Count, None));
            let mut pairs: Vec<(Postfix, Postfix)> =
                (0..).zip(&linked).map(|(at, (_, other))| (f::window(at), f::field(*other))).collect();
            if self.random.below(4) == 0 {
                pairs[0] = (f::window(count), f::field(other));
            }
            let mut groups = draft(self.collections[root].0);
            if self.random.below(3) == 0 {
                groups = groups.filter(self.asked_of(root, 0));
            }
            let groups = groups.group_by(keys).select(values);
            let kind = *self.random.pick(&[JoinKind::Inner, JoinKind::Inner, JoinKind::Left]);
            let builder = draft(self.collections[few].0).filter(self.asked_of(few, 0));
            let builder = builder.clause(Clause::join_query(groups.build(), equal(pairs), kind));
            return (builder.select([f::field(0), f::window(count), f::window(count + 1)]).build(), false);
        }
        let pairs = linked.iter().map(|(one, other)| (f::field(*one), f::inner(1, *other)));
        let mut on = equal(pairs.collect());
        if self.random.below(4) > 0 {
            on = on.binary(BinaryOp::And, self.asked_of(few, 1));
        }
        let mut builder = draft(self.collections[root].0);
        if self.random.below(4) == 0 {
            builder = builder.filter(self.asked_of(root, 0));
        }
        if self.random.below(2) == 0 {
            let has = f::exists(self.collections[few].0, 1, on);
            let has = if self.random.below(4) == 0 { has.unary(UnaryOp::Not) } else { has };
            return (builder.filter(has).build(), true);
        }
        let kind = *self.random.pick(&[JoinKind::Inner, JoinKind::Inner, JoinKind::Left]);
        let builder = builder.clause(Clause::Join { collection: self.collections[few].0, on, kind });
        (builder.select([f::field(0), f::field(linked[0].0), f::inner(1, 0)]).build(), false)
    }
}

#[test]
fn rows_that_are_linked_to_few_are_those_of_the_reference() {
    // Rows are asked for texts and floats, of records and of what groups are made by.
    let kinds = ["sieve by name", "sieve by price", "sieve by Track 2.price"];
    let mut taken = [0; 3];
    for seed in 1..=seeds(20) {
        let mut see = |plan: &str| {
            for (kind, count) in kinds.iter().zip(&mut taken) {
                *count += usize::from(plan.contains(kind));
            }
        };
        check_drafts(seed, 30, &mut |maker| maker.sifted_draft(), &mut see);
        schemas::check_made(seed, 30, &mut |maker| maker.sifted_draft(), &mut see);
    }
    assert!(!taken.contains(&0), "{taken:?} plans with {kinds:?}");
}

//! Drafts of left joins among inner joins: each source leads to the next, or to one before, and any of them is asked something.

use alloc::vec::Vec;

use super::*;

impl Maker<'_> {
    /// A draft of three to five sources, of which some are joined on the left, the second more often than not; and whether its rows come
    /// in an order that is told.
    pub(super) fn left_draft(&mut self) -> (Draft, bool) {
        self.forget();
        let relations = self.relations();
        if relations.is_empty() {
            return self.ruled_draft();
        }
        let root = self.random.pick(&relations).0;
        let mut scope = Vec::from([root]);
        let mut rows = self.collections[root].1.len();
        let mut builder = draft(self.collections[root].0);
        if self.random.below(3) == 0 {
            builder = builder.filter(self.asked_of(root, 0));
        }
        let sources = 3 + self.random.below(3);
        while scope.len() < sources && rows < 600 {
            let at = scope.len() as u8;
            let near = self.random.below(scope.len());
            let beside = relations.iter().filter(|(from, _, to)| [*from, *to].contains(&scope[near]));
            let beside: Vec<_> = beside.copied().collect();
            let Some((from, field, to)) = beside.get(self.random.below(beside.len().max(1))).copied() else {
                continue;
            };
            let points = from == scope[near] && (from != to || self.random.below(2) == 0);
            let (inner, mut on) = match points {
                true => (to, f::inner(near as u8, field).binary(BinaryOp::Eq, f::inner(at, 0))),
                false => (from, f::inner(at, field).binary(BinaryOp::Eq, f::inner(near as u8, 0))),
            };
            if !points {
                rows = rows * self.collections[from].1.len() / self.collections[to].1.len().max(1) + 1;
            }
            let kind = match at {
                1 => *self.random.pick(&[JoinKind::Left, JoinKind::Left, JoinKind::Inner]),
                _ => *self.random.pick(&[JoinKind::Inner, JoinKind::Inner, JoinKind::Left]),
            };
            if self.random.below(3) == 0 {
                on = on.binary(BinaryOp::And, self.asked_of(inner, at));
            }
            if self.random.below(4) == 0 {
                // What is equal to a value of another source, or less or more.
                let other = self.random.below(scope.len());
                on = match self.both_compared((scope[other], other as u8), (inner, at)) {
                    Some(alike) => on.binary(BinaryOp::And, alike),
                    None => on,
                };
            }
            builder = builder.clause(Clause::Join { collection: self.collections[inner].0, on, kind });
            scope.push(inner);
            if self.random.below(3) == 0 {
                let of = self.random.below(scope.len());
                builder = builder.filter(self.asked_of(scope[of], of as u8));
            }
            if kind == JoinKind::Left && self.random.below(4) == 0 {
                builder = builder.filter(f::inner(at, 0).unary(UnaryOp::IsNone));
            }
        }
        if self.random.below(4) == 0 {
            let (one, other) = (self.random.below(scope.len()), self.random.below(scope.len()));
            if let Some(alike) = self.both_compared((scope[one], one as u8), (scope[other], other as u8)) {
                builder = builder.filter(alike);
            }
        }
        if self.random.below(4) == 0 {
            // A question about the root, or what it points at.
            builder = builder.filter(self.test(RowPath::source(0), root));
        }
        let keys = (0..scope.len()).map(|at| f::inner(at as u8, 0));
        match self.random.below(5) {
            0 => (builder.build(), false),
            1 => (builder.aggregate([(AggregateFunction::Count, None)]).build(), true),
            2 => {
                let expression = self.stored(&scope).0;
                let descending = self.random.below(2) == 0;
                let mut terms = Vec::from([OrderTerm { expression, descending, nulls_first: None }]);
                self.total(&scope, &mut terms);
                let rows = self.random.below(15) as u64;
                builder = builder.clause(Clause::Order(terms));
                builder = if self.random.below(2) == 0 { builder.limit(rows) } else { builder };
                (builder.select(keys).build(), true)
            }
            _ => {
                let value = self.stored(&scope).0;
                (builder.select(keys.chain([value])).build(), false)
            }
        }
    }

    /// A comparison of fields of two sources that have one type, if there are any.
    fn both_compared(&mut self, (one, at): (usize, u8), (other, at_other): (usize, u8)) -> Option<Postfix> {
        let ty =
            |maker: &Self, of: usize, field: u16| (maker.collections[of].0)().fields[usize::from(field)].ty;
        let (fields, others) = (self.compared(one), self.compared(other));
        let pairs = fields.iter().flat_map(|field| others.iter().map(move |other| (*field, *other)));
        let pairs: Vec<(u16, u16)> =
            pairs.filter(|(a, b)| ty(self, one, *a) == ty(self, other, *b)).collect();
        let (a, b) = pairs.get(self.random.below(pairs.len().max(1)))?;
        let op = *self.random.pick(&[BinaryOp::Eq, BinaryOp::Eq, BinaryOp::Le, BinaryOp::Gt]);
        Some(f::inner(at, *a).binary(op, f::inner(at_other, *b)))
    }
}

/// Whether a left join of a plan has joins beneath it, and others above it.
fn nests(plan: &str) -> (bool, bool) {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let joins = || plan.lines().filter(|line| line.trim_start().starts_with("join "));
    let lefts = || plan.lines().filter(|line| line.trim_start().starts_with("left join "));
    let some =
        |is: fn(usize, usize) -> bool| lefts().any(|left| joins().any(|join| is(indent(left), indent(join))));
    (some(|left, join| left < join), some(|left, join| join < left))
}

#[test]
fn left_joins_among_others_are_those_of_the_reference() {
    let (mut above, mut beneath) = (0, 0);
    let mut see = |plan: &str| {
        let (is_above, is_beneath) = nests(plan);
        above += u32::from(is_above);
        beneath += u32::from(is_beneath);
    };
    for seed in 1..=seeds(10) {
        check_drafts(seed, 30, &mut |maker| maker.left_draft(), &mut see);
        schemas::check_made(seed, 20, &mut |maker| maker.left_draft(), &mut see);
    }
    std::println!("{above} left joins are above others, {beneath} beneath");
    assert!(above > 50 && beneath > 50, "{above} left joins are above others, {beneath} beneath");
}

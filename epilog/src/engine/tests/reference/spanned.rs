//! Drafts that ask of few rows, or of many, for what lies in a range of an index for each: with what is equal to values of the row in
//! front of it, and with more that is asked of the pairs.

use super::*;

impl Maker<'_> {
    /// A draft of that kind, and whether its rows come in an order that is told.
    pub(super) fn spanned_draft(&mut self) -> (Draft, bool) {
        use AggregateFunction as F;
        self.forget();
        let (root, inner, fields) = self.ranged();
        let root_fields = (self.collections[root].0)().fields;
        let ty = |maker: &Self, of: u16| (maker.collections[inner].0)().fields[usize::from(of)].ty;
        let Some((last, first)) = fields.split_last() else { return self.banded_draft() };
        let mut on: Option<Postfix> = None;
        let mut and = |predicate: Postfix| {
            on = Some(match on.take() {
                Some(on) => on.binary(BinaryOp::And, predicate),
                None => predicate,
            });
        };
        let alike = |maker: &mut Self, of: u16| {
            let wanted = ty(maker, of);
            let fields = root_fields.iter().enumerate().filter(|(_, field)| field.ty == wanted);
            let fields: Vec<u16> = fields.map(|(ordinal, _)| ordinal as u16).collect();
            f::field(*maker.random.pick(&fields))
        };
        for of in first {
            let value = alike(self, *of);
            and(f::inner(1, *of).binary(BinaryOp::Eq, value));
        }
        for _ in 0..1 + self.random.below(2) {
            let (one, other) = (alike(self, *last), alike(self, *last));
            let op = *self.random.pick(&[BinaryOp::Lt, BinaryOp::Le, BinaryOp::Gt, BinaryOp::Ge]);
            let starts = matches!(ty(self, *last), Type::String) && self.random.below(2) == 0;
            and(match self.random.below(6) {
                _ if starts => f::inner(1, *last).binary(BinaryOp::StartsWith, one),
                0 => one.binary(op, f::inner(1, *last)),
                1 | 2 => f::inner(1, *last).between(one, other),
                _ => f::inner(1, *last).binary(op, one),
            });
        }
        if self.random.below(4) == 0 {
            and(self.asked_of(inner, 1));
        }
        let on = on.expect("something is asked");
        let mut builder = draft(self.collections[root].0);
        if self.random.below(4) > 0 {
            // Few of the rows have a certain key.
            let ty = root_fields[0].ty;
            builder = builder.filter(f::field(0).binary(BinaryOp::Eq, self.literal(ty)));
        }
        let value = Some(f::inner(1, if self.random.below(3) > 0 { *last } else { 0 }));
        let aggregate = |function, argument| {
            let item = AggregateItem { function, argument, filter: None };
            Quantifier::aggregate(item).expect("tests have all parts")
        };
        // Behind what is equal, mostly: such a join is put in order with what it is asked for.
        let joins = !first.is_empty() && self.random.below(2) == 0;
        let quantifier = match if joins { 5 } else { self.random.below(8) } {
            0 => Quantifier::Any,
            1 => Quantifier::Count,
            2 => aggregate(F::Min, value),
            3 => aggregate(F::Max, value),
            4 if matches!(ty(self, *last), Type::String | Type::I64) => {
                aggregate(F::ArrayAgg, Some(f::inner(1, *last)))
            }
            of_join => {
                let kind = if of_join == 7 { JoinKind::Left } else { JoinKind::Inner };
                let joined = builder.clause(Clause::Join { collection: self.collections[inner].0, on, kind });
                let told = [f::field(0), f::inner(1, 0), f::inner(1, *last)];
                return (joined.select(told).build(), false);
            }
        };
        let pair = Postfix::subquery(Subquery {
            collection: self.collections[inner].0,
            link: Link::Correlated { position: 1 },
            quantifier,
            predicate: Some(on),
            equal: None,
        });
        (builder.select([f::field(0), pair]).build(), true)
    }

    /// Two collections, and the first fields of an index of the second, or its key, each of a type that the first has.
    fn ranged(&mut self) -> (usize, usize, Vec<u16>) {
        let mut found = Vec::new();
        for (inner, (schema, _)) in self.collections.iter().enumerate() {
            let fields_of = |of: u16| &schema().fields[usize::from(of)];
            let indexes = schema().indexes.iter().map(|index| index.fields.to_vec());
            for fields in indexes.chain([Vec::from([0])]) {
                for (root, (of_root, _)) in self.collections.iter().enumerate() {
                    let has = |of: &&u16| of_root().fields.iter().any(|field| field.ty == fields_of(**of).ty);
                    let plain = |of: &&u16| !fields_of(**of).ty.is_list() && !fields_of(**of).ty.is_json();
                    let first: Vec<u16> = fields.iter().take_while(has).filter(plain).copied().collect();
                    for len in 1..=first.len() {
                        found.push((root, inner, first[..len].to_vec()));
                    }
                }
            }
        }
        if found.is_empty() { (0, 0, Vec::new()) } else { self.random.pick(&found).clone() }
    }
}

#[test]
fn what_lies_in_ranges_of_indexes_for_rows_is_that_of_the_reference() {
    let paths = [
        "through index",
        " > ",
        " >= ",
        " < ",
        " <= ",
        "starts with",
        " & ",
        "the least of",
        "the greatest of",
    ];
    let mut taken = [0; 9];
    let mut behind_equal = 0;
    for seed in 1..=seeds(20) {
        let mut see = |plan: &str| {
            for line in plan.lines().filter(|line| line.contains("through index")) {
                let is_range =
                    [" > ", " >= ", " < ", " <= ", "starts with"].iter().any(|of| line.contains(of));
                let is_inner = line.trim_start().starts_with("join ");
                behind_equal += usize::from(is_inner && is_range && line.contains(" = "));
                for (path, count) in paths.iter().zip(&mut taken) {
                    *count += usize::from(line.contains(path));
                }
            }
        };
        check_drafts(seed, 20, &mut |maker| maker.spanned_draft(), &mut see);
        schemas::check_made(seed, 20, &mut |maker| maker.spanned_draft(), &mut see);
    }
    for (path, count) in paths.iter().zip(taken) {
        assert!(count > 0, "no range of {path}: {taken:?}");
    }
    assert!(behind_equal > 0, "no inner join has ranges behind what is equal");
}

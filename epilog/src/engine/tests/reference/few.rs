//! Drafts that ask of many rows whether one of few belongs to each: of groups, or of records by their key; and of others, of which
//! several may belong to one.

use super::*;

impl Maker<'_> {
    /// A draft of that kind, and whether its rows come in an order that is told.
    pub(super) fn few_draft(&mut self, faulty: bool) -> (Draft, bool) {
        self.forget();
        let (ordinal, few) = match self.random.below(8) {
            0 => (f::track::ALBUM, self.records(f::Album, ALBUM)),
            1 => (f::track::EDITOR, self.records(f::Artist, ARTIST)),
            2 => (f::track::ALBUM, self.groups(f::Track, f::track::ALBUM, Some(f::track::MILLISECONDS))),
            3 => (f::track::EDITOR, self.groups(f::Track, f::track::EDITOR, Some(f::track::MILLISECONDS))),
            4 => (f::track::EDITOR, self.groups(f::Album, f::album::ARTIST, None)),
            5 => (f::track::EDITOR, self.pointers()),
            6 => (f::track::EDITOR, self.parts_of_groups()),
            _ => {
                (f::track::MILLISECONDS, self.groups(f::Reading, f::reading::VALUE, Some(f::reading::VALUE)))
            }
        };
        let mut builder = draft(f::Track);
        if self.random.below(3) == 0 {
            builder = builder.filter(self.predicate(&[TRACK], 1, faulty));
        }
        builder = builder.filter(f::field(ordinal).is_in_query(few));
        if self.random.below(3) == 0 {
            builder = builder.filter(self.predicate(&[TRACK], 1, faulty));
        }
        let items = [
            f::aggregate(AggregateFunction::Count, None),
            f::aggregate(AggregateFunction::Sum, Some(f::field(f::track::MILLISECONDS))),
        ];
        match self.random.below(4) {
            0 => (builder.build(), true),
            1 => (builder.group_by([]).select(items).build(), true),
            _ => {
                let key = f::field(*self.random.pick(&[f::track::ALBUM, f::track::NAME, f::track::EDITOR]));
                (builder.group_by([key]).select([Postfix::key(0)].into_iter().chain(items)).build(), false)
            }
        }
    }

    /// The keys of some records.
    fn records(&mut self, of: fn() -> &'static crate::schema::CollectionSchema, at: usize) -> Draft {
        let some = self.predicate(&[at], 1, false);
        // The first field of both is the key.
        draft(of).filter(some).select([f::field(0)]).build()
    }

    /// What some records point at, as often as they do.
    fn pointers(&mut self) -> Draft {
        let some = self.predicate(&[ALBUM], 1, false);
        draft(f::Album).filter(some).select([f::field(f::album::ARTIST)]).build()
    }

    /// One of the two keys of some groups.
    fn parts_of_groups(&mut self) -> Draft {
        let keys = [f::album::ARTIST, *self.random.pick(&[f::album::RELEASED, f::album::TITLE])];
        let some = self.predicate(&[ALBUM], 1, false);
        draft(f::Album).filter(some).group_by(keys.map(f::field)).select([Postfix::key(0)]).build()
    }

    /// The keys of some groups.
    fn groups(
        &mut self,
        of: fn() -> &'static crate::schema::CollectionSchema,
        key: u16,
        number: Option<u16>,
    ) -> Draft {
        use AggregateFunction::{Avg, Count, Sum};
        use BinaryOp::{Ge, Gt, Lt};
        let bound = self.random.below(6) as i128 - 1;
        let (aggregate, bound) = match (number, self.random.below(3)) {
            (Some(number), 0) => {
                (f::aggregate(Sum, Some(f::field(number))), Postfix::literal(Scalar::Int(bound), Type::I64))
            }
            (Some(number), 1) => {
                let bound = Postfix::literal(Scalar::Float(bound as f64), Type::F64);
                (f::aggregate(Avg, Some(f::field(number))), bound)
            }
            _ => (f::aggregate(Count, None), Postfix::literal(Scalar::Int(bound.max(0)), Type::U64)),
        };
        let op = *self.random.pick(&[Gt, Ge, Lt]);
        draft(of)
            .group_by([f::field(key)])
            .filter(aggregate.binary(op, bound))
            .select([Postfix::key(0)])
            .build()
    }
}

#[test]
fn rows_that_belong_to_few_are_those_of_the_reference() {
    let (mut joined, mut asked) = (0, 0);
    for seed in 1..=seeds(10) {
        check_drafts(seed, 20, &mut |maker| maker.few_draft(true), &mut |_| ());
        check_drafts(seed, 40, &mut |maker| maker.few_draft(false), &mut |plan| {
            let is_join = |line: &str| line.trim_start().starts_with("join ");
            joined += usize::from(plan.lines().any(is_join));
            asked += usize::from(plan.contains("semi join"));
        });
    }
    assert!(joined > 50 && asked > 50, "{joined} joins, {asked} semi joins");
}

//! Drafts of subqueries within subqueries, which read the row two levels outside: by equalities and by less and more, with conditions
//! that are about one of the three alone, or about the row for whom all is asked.

use alloc::vec::Vec;

use super::maker::moved;
use super::*;

/// Not more triples than the reference can go through.
const TRIPLES_MAX: usize = 4_000;
/// Nor more with a fourth.
const QUADRUPLES_MAX: usize = 12_000;

impl Maker<'_> {
    /// A draft that asks of its rows for other records, by what is asked of these and yet others. Rows come in order.
    pub(super) fn nested_draft(&mut self, faulty: bool) -> (Draft, bool) {
        use BinaryOp::{Eq, Ge, Gt, Le, Lt, Ne};
        self.forget();
        let count = self.collections.len();
        let triples =
            |triple: &[usize; 3]| triple.iter().map(|of| self.collections[*of].1.len()).product::<usize>();
        let random = &mut self.random;
        let drawn = (0..12).map(|_| [random.below(count), random.below(count), random.below(count)]);
        let drawn: Vec<[usize; 3]> = drawn.collect();
        let few = drawn.iter().copied().find(|triple| triples(triple) <= TRIPLES_MAX);
        let triple = few.unwrap_or_else(|| drawn.into_iter().min_by_key(triples).expect("some are drawn"));
        let [root, middle, last] = triple;

        let mut on = Vec::new();
        if self.random.below(5) > 0 {
            on.extend(self.of_two(&triple, 2, 1, &[Eq, Eq, Eq, Eq, Le, Gt]));
        }
        if self.random.below(5) > 0 {
            on.extend(self.of_two(&triple, 2, 0, &[Eq, Eq, Eq, Lt, Ge, Ne]));
        }
        self.about_one(&triple, 3, faulty, &mut on);
        if faulty && self.random.below(3) == 0 {
            on.push(self.predicate(&triple, 0, true));
        }
        let mut asked = Vec::from([self.question(&[root, middle], last, on, faulty, true)]);

        if self.random.below(3) == 0 {
            asked.extend(self.of_two(&triple, 1, 0, &[Eq, Eq, Lt, Ge]));
        }
        self.about_one(&triple, 2, faulty, &mut asked);
        let is_filter = self.random.below(2) == 0;
        let answer = self.question(&[root], middle, asked, faulty, is_filter);
        let mut builder = draft(self.collections[root].0);
        if self.random.below(4) == 0 {
            builder = builder.filter(self.predicate(&[root], 0, false));
        }
        let builder = match is_filter {
            true => builder.filter(answer),
            false => builder.select([f::field(0), answer]),
        };
        (builder.build(), true)
    }

    /// As [`nested_draft`](Maker::nested_draft), of so many levels: the innermost has something equal to what is around it and to the row
    /// for whom all is asked, as a rule, and of those between the inner one is equal to something of the outer one. There are more rows and
    /// records of each than few.
    pub(super) fn linked_draft(&mut self, levels: usize) -> (Draft, bool) {
        use BinaryOp::{Eq, Ge, Lt};
        self.forget();
        let all = |of: &[usize]| of.iter().map(|of| self.collections[*of].1.len()).product::<usize>();
        let count = self.collections.len();
        let most = if levels == 2 { 3 * TRIPLES_MAX } else { QUADRUPLES_MAX };
        let random = &mut self.random;
        let drawn: Vec<Vec<usize>> =
            (0..24).map(|_| (0..=levels).map(|_| random.below(count)).collect()).collect();
        let few = drawn.iter().filter(|of| all(of) <= most).max_by_key(|of| all(of));
        let sources = few.or_else(|| drawn.iter().min_by_key(|of| all(of))).expect("some are drawn").clone();

        let mut answer: Option<Postfix> = None;
        for inner in (1..=levels).rev() {
            let mut on: Vec<Postfix> = Vec::new();
            let is_linked = inner > 1 || self.random.below(4) == 0;
            if is_linked {
                let ops: &[BinaryOp] = if self.random.below(8) == 0 { &[Lt, Ge] } else { &[Eq] };
                on.extend(self.of_two(&sources, inner, inner - 1, ops));
            }
            if inner == levels && inner > 1 {
                let ops: &[BinaryOp] = if self.random.below(8) == 0 { &[Lt, Ge] } else { &[Eq] };
                on.extend(self.of_two(&sources, inner, 0, ops));
            }
            if self.random.below(5) == 0 {
                let test = self.predicate(&sources[inner..=inner], 0, false);
                on.push(moved(test, inner as u8));
            }
            on.extend(answer.take());
            let is_test = inner > 1 || self.random.below(2) == 0;
            answer = Some(self.question(&sources[..inner], sources[inner], on, false, is_test));
        }
        let answer = answer.expect("there is a level");
        (draft(self.collections[sources[0]].0).select([f::field(0), answer]).build(), true)
    }

    /// What is asked about records of `inner` that all of `on` holds for, for rows of these sources; as a test if that is wanted.
    fn question(
        &mut self,
        scope: &[usize],
        inner: usize,
        on: Vec<Postfix>,
        faulty: bool,
        is_test: bool,
    ) -> Postfix {
        use BinaryOp::{And, Eq, Gt, Ne, Or};
        let mut on = on;
        if on.len() > 1 && self.random.below(2) == 0 {
            on.reverse();
        }
        let op = if on.len() > 1 && self.random.below(8) == 0 { Or } else { And };
        let predicate = on.into_iter().reduce(|all, more| all.binary(op, more));
        let (mut compared, mut is_not) = (None, false);
        let quantifier = match self.random.below(9) {
            0..=3 => Quantifier::Any,
            4 => {
                is_not = true;
                Quantifier::Any
            }
            5 => Quantifier::All,
            6 | 7 => {
                compared = Some(Type::U64);
                Quantifier::Count
            }
            _ => {
                let both: Vec<usize> = scope.iter().copied().chain([inner]).collect();
                let (item, ty) = self.aggregate_item(&both, faulty);
                compared = Some(ty);
                Quantifier::aggregate(item).expect("tests have all parts")
            }
        };
        let link = Link::Correlated { position: scope.len() as u8 };
        let collection = self.collections[inner].0;
        let asked = Postfix::subquery(Subquery { collection, link, quantifier, predicate, equal: None });
        match compared {
            Some(ty) if is_test => asked.binary(*self.random.pick(&[Gt, Eq, Ne]), self.literal(ty)),
            None if is_not => asked.unary(UnaryOp::Not),
            _ => asked,
        }
    }

    /// A comparison of a field of one source with one of another.
    fn of_two(&mut self, scope: &[usize], one: usize, other: usize, ops: &[BinaryOp]) -> Option<Postfix> {
        let fields = |maker: &Self, of: usize| -> Vec<(u16, Type)> {
            let fields = (maker.collections[of].0)().fields;
            maker.compared(of).into_iter().map(|ordinal| (ordinal, fields[usize::from(ordinal)].ty)).collect()
        };
        let (ones, others) = (fields(self, scope[one]), fields(self, scope[other]));
        let same = ones
            .iter()
            .flat_map(|(a, ty)| others.iter().filter(move |(_, of)| of == ty).map(move |(b, _)| (*a, *b)));
        let same: Vec<(u16, u16)> = same.collect();
        if same.is_empty() {
            return None;
        }
        let (a, b) = *self.random.pick(&same);
        let op = *self.random.pick(ops);
        Some(f::inner(one as u8, a).binary(op, f::inner(other as u8, b)))
    }

    /// Adds conditions that are about one of the first `count` sources alone.
    fn about_one(&mut self, scope: &[usize], count: usize, faulty: bool, out: &mut Vec<Postfix>) {
        for position in 0..count {
            if self.random.below(4) == 0 {
                let test = self.predicate(&scope[position..=position], 0, faulty);
                out.push(moved(test, position as u8));
            }
        }
    }
}

#[test]
fn subqueries_within_subqueries_give_the_rows_of_the_reference() {
    for seed in 1..=seeds(6) {
        check_drafts(seed, 20, &mut |maker| maker.nested_draft(false), &mut |_| ());
        check_drafts(seed, 20, &mut |maker| maker.nested_draft(true), &mut |_| ());
    }
}

#[test]
fn subqueries_within_subqueries_of_collections_made_at_random_give_the_rows_of_the_reference() {
    for seed in 1..=seeds(4) {
        schemas::check_made(seed, 20, &mut |maker| maker.nested_draft(false), &mut |_| ());
    }
}

#[test]
fn subqueries_linked_two_and_three_levels_outside_give_the_rows_of_the_reference() {
    for seed in 1..=seeds(4) {
        check_drafts(seed, 8, &mut |maker| maker.linked_draft(2), &mut |_| ());
        check_drafts(seed, 4, &mut |maker| maker.linked_draft(3), &mut |_| ());
        schemas::check_made(seed, 6, &mut |maker| maker.linked_draft(2), &mut |_| ());
    }
}

/// What plans show of a nested subquery that is joined: with groups of what it counts or is the least of, with those that others leave of
/// all, with groups of inner records, and two of them.
const JOINED: [(&str, &str); 6] = [
    ("as it is", "join "),
    ("by groups", "inner: aggregate"),
    ("with a test of groups", "inner: filter ["),
    ("of all", "count other "),
    ("of what is the same", "count same "),
    ("three levels", "three"),
];

#[cfg(not(feature = "small"))]
#[test]
fn subqueries_within_subqueries_are_joined_in_every_way() {
    let mut counts = alloc::collections::BTreeMap::new();
    let without = RuleSet::ALL.without("join_nested");
    for seed in 1..=seeds(10) {
        let mut random = Random::new(seed);
        let data = collections(&mut random);
        let store = Store::in_memory(&f::DATABASE).expect("a sound schema");
        insert(&store, &data);
        let snapshot = store.snapshot();
        let operation = snapshot.operation();
        let view = operation.view();
        let mut maker = Maker::new(random, &data);
        for number in 0..40 {
            let is_deep = number % 2 == 0;
            let draft = maker.linked_draft(if is_deep { 3 } else { 2 }).0;
            let shown = |rules| {
                let logical = crate::engine::logical::lower(view.catalog(), &draft, Purpose::Rows);
                let logical =
                    optimize(logical.expect("a draft that can be planned"), rules, &Measured::new(view));
                let physical = plan(view, &draft, Purpose::Rows, rules).expect("a plan");
                format!("{logical}\n{}", Plan::of(&physical))
            };
            let (with, without) = (shown(RuleSet::ALL), shown(without));
            if with == without {
                continue;
            }
            for (way, text) in JOINED {
                let times = |text: &str| (with.matches(text).count(), without.matches(text).count());
                let is_there = match text {
                    "three" => is_deep && times("join").0 >= times("join").1 + 2,
                    _ => times(text).0 > times(text).1,
                };
                *counts.entry(way).or_insert(0) += u32::from(is_there);
            }
        }
    }
    std::println!("{counts:#?}");
    assert!(counts.len() == JOINED.len() && counts.values().all(|count| *count > 0), "{counts:?}");
}

//! Samples of random queries: as many rows as asked for, none twice, the same by any plan; and each as often as every other.

use super::*;

#[test]
fn samples_are_rows_of_the_reference_and_the_same_by_any_plan() {
    for seed in 700..700 + seeds(8) {
        let mut random = Random::new(seed);
        let data = collections(&mut random);
        let store = store(&data);
        let snapshot = store.snapshot();
        let operation = snapshot.operation();
        let view = operation.view();
        let reference = Reference::new(&data);
        let mut maker = Maker::new(random, &data);
        for query in 0..20 {
            let (mut draft, _) = maker.draft(false);
            let all = reference.run(&draft).expect("no arithmetic");
            let count = maker.random.below(8);
            let repeats = |clause: &Clause| {
                use SetKind::{ExceptAll, IntersectAll, UnionAll};
                match clause {
                    Clause::Set(_, UnionAll | IntersectAll | ExceptAll, _) => true,
                    Clause::JoinQuery(other, ..) => !crate::expr::keyset::is_told_apart(&other.0),
                    _ => false,
                }
            };
            let identified = !draft.clauses.iter().any(repeats);
            draft.clauses.push(Clause::sample(count as u64, seed));
            let got = rows(view, &draft, RuleSet::ALL).expect("rows");
            assert_eq!(got.len(), count.min(all.len()), "seed {seed}, query {query}: {draft:#?}");
            for row in &got {
                let (drawn, there) = (times(row, &got), times(row, &all));
                assert!(drawn <= there, "seed {seed}, query {query}: {drawn} of {there}: {draft:#?}");
            }
            if identified {
                let other = rows(view, &draft, RuleSet::NONE).expect("rows");
                assert!(same(&got, &other), "seed {seed}, query {query}: {draft:#?}\n{got:?}\n{other:?}");
            }
        }
    }
}

#[test]
fn every_pair_of_records_is_drawn_as_often_as_every_other() {
    // Chi-square over the 66 pairs of the twelve countries: of 65 degrees of freedom all but one of 10,000 tests are below 112.
    let data = collections(&mut Random::new(1));
    let store = store(&data);
    let snapshot = store.snapshot();
    let operation = snapshot.operation();
    let mut pairs = alloc::collections::BTreeMap::new();
    let draws = 6600;
    for seed in 0..draws {
        let draft = draft(f::Country).clause(Clause::sample(2, seed)).build();
        let mut got = rows(operation.view(), &draft, RuleSet::ALL).expect("rows");
        got = sorted(got);
        *pairs.entry(format!("{:?} {:?}", got[0][0], got[1][0])).or_insert(0u64) += 1;
    }
    let expected = draws as f64 / 66.0;
    let chi_square: f64 = pairs.values().map(|count| (*count as f64 - expected).powi(2) / expected).sum();
    assert_eq!(pairs.len(), 66);
    assert!(chi_square < 112.0, "{chi_square}");
}

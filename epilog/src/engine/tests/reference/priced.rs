//! Costs made at random: every plan that any costs would choose has the same answer. So plans are reached that no data makes
//! best, of which others have nothing to choose from.

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};

use super::checks::{agree, little};
use super::*;
use crate::engine::estimate::{Amount, Costs};
use crate::engine::measured::priced::Priced;

/// A line is at most so many times as dear as it is by default, or as cheap.
const TIMES: f64 = 30.0;

/// Each draft is planned by so many costs.
const PRICES: usize = 3;

/// Costs of which each line is something between a thirtieth of what it is by default, and thirty times that.
fn made(random: &mut Random) -> Costs {
    let mut factor = || TIMES.powf(random.below(2001) as f64 / 1000.0 - 1.0);
    let mut costs = Costs::default();
    for (_, line) in costs.lines_mut() {
        *line *= factor() as Amount;
    }
    // What there is here is planned for as what it is, or as a thousand.
    costs.rows_min = *random.pick(&[1.0, 30.0, 1000.0]);
    costs
}

/// Asks for drafts by plans that costs made at random choose; how many plans there were that other costs did not choose.
fn check_priced(seed: u64, is_made: bool, queries: usize) -> usize {
    let mut random = Random::new(seed);
    let (data, database) = schemas::of_kind(&mut random, is_made);
    let store = Store::in_memory(database).expect("a sound schema");
    insert(&store, &data);
    let (snapshot, little) = (store.snapshot(), little(&data, database));
    let little = little.snapshot();
    let reference = Reference::new(&data);
    let mut prices = Random::new(seed ^ 0x5DEE_CE66);
    let mut maker = Maker::new(random, &data);
    let mut others = 0;
    for query in 0..queries {
        let (draft, ordered) = match maker.random.below(8) {
            0 => maker.draft(true),
            1 if !is_made => maker.few_draft(false),
            2 => maker.covered_draft(),
            3 => maker.grouped_draft(false),
            _ => maker.any_draft(),
        };
        let comparable = |rows: Vec<Vec<Scalar>>| if ordered { rows } else { sorted(rows) };
        let expected = reference.run(&draft).map(comparable);
        let text = || explain(snapshot.operation().view(), &draft).expect("a plan").to_string();
        let mut plans: BTreeSet<String> = BTreeSet::from([text()]);
        for _ in 0..PRICES {
            let costs = made(&mut prices);
            let _priced = Priced::new(costs, &[&snapshot, &little]);
            if !plans.insert(text()) {
                continue;
            }
            others += 1;
            let check = |got: Result<Vec<Vec<Scalar>>, EngineError>, how: &str, plan: &dyn Fn() -> String| {
                let got = got.map(comparable);
                assert!(
                    agree(&got, &expected),
                    "seed {seed}, query {query}, {how}, by other costs:\n{draft:?}\n{}\ngot {got:?}\nexpected \
                     {expected:?}\n{costs:?}",
                    plan(),
                );
            };
            let view = |reading: &dyn Reading| run(reading.operation().view(), &draft).and_then(scalars);
            check(rows(snapshot.operation().view(), &draft, RuleSet::ALL), "at once", &text);
            check(rows(snapshot.operation().view(), &draft, RuleSet::NONE), "by no rule", &text);
            check(view(&snapshot), "by a plan that is kept", &text);
            check(streamed(&snapshot, &draft), "in several operations", &text);
            let little_text = || explain(little.operation().view(), &draft).expect("a plan").to_string();
            check(streamed(&little, &draft), "with little memory", &little_text);
            let mut control = Control::default();
            #[cfg(feature = "std")]
            control.set_threads(4);
            check(controlled(&snapshot, &draft, &control), "by threads", &text);
            let other = maker.with_other_values(&draft);
            let expected = reference.run(&other).map(comparable);
            let got = run(snapshot.operation().view(), &other).and_then(scalars).map(comparable);
            assert!(
                agree(&got, &expected),
                "seed {seed}, query {query}, with other values, by other costs:\n{draft:?}\nand then\n{other:?}\n{}\n\
                 got {got:?}\nexpected {expected:?}\n{costs:?}",
                explain(snapshot.operation().view(), &other).expect("a plan"),
            );
        }
    }
    others
}

#[test]
fn plans_of_any_costs_give_the_rows_of_the_reference() {
    let (mut others, mut asked) = (0, 0);
    for seed in 1..=seeds(30) {
        others += check_priced(seed, seed % 2 == 0, 20);
        asked += 20;
    }
    assert!(others * 2 > asked, "{others} plans by other costs, of {asked} drafts");
}

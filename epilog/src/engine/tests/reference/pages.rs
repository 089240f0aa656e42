//! Pages of random queries: one after the other, either way, they are the rows of the reference in their total order.

use super::*;
use crate::expr::keyset::TermValue;
use crate::expr::{Keyset, Side};

/// A row's columns, and its place.
type Placed = (Vec<Scalar>, Vec<TermValue>);

/// The rows of one page.
fn page(view: View<'_>, keyset: &Keyset, place: &[TermValue], side: Side, count: u64) -> Vec<Placed> {
    let draft = keyset.page(place, side, count);
    let mut found = run(view, &draft).expect("a plan");
    let mut out = Vec::new();
    while let Some(batch) = found.next_batch().expect("rows") {
        let mut rows = Vec::new();
        append_scalars(&batch, &mut rows);
        for (row, mut values) in rows.into_iter().enumerate() {
            values.truncate(values.len() - keyset.len());
            let terms = batch.columns[keyset.columns()..].iter().map(|column| {
                let OutputColumn::Values(vector) = column else { unreachable!("terms are values") };
                (Scalar::from_cell(vector.ty(), vector.cell(row)).expect("a sound cell"), vector.ty())
            });
            out.push((values, terms.collect()));
        }
    }
    out
}

#[test]
fn pages_are_the_rows_of_the_reference_in_order_whichever_way_they_are_gone_through() {
    let mut pages = 0;
    for seed in 500..500 + seeds(8) {
        let mut random = Random::new(seed);
        let data = collections(&mut random);
        let store = store(&data);
        let snapshot = store.snapshot();
        let operation = snapshot.operation();
        let view = operation.view();
        let reference = Reference::new(&data);
        let mut maker = Maker::new(random, &data);
        for query in 0..25 {
            let (draft, _) = maker.draft(false);
            let Ok(keyset) = Keyset::of(&draft) else { continue };
            let all = reference.run(&keyset.page(&[], Side::After, u64::MAX)).expect("no arithmetic");
            let all: Vec<Vec<Scalar>> =
                all.into_iter().map(|mut row| row.drain(..row.len() - keyset.len()).collect()).collect();
            let rows = reference.run(&draft).expect("no arithmetic");
            assert!(same(&sorted(rows), &sorted(all.clone())), "seed {seed}, query {query}: {draft:#?}");
            for side in [Side::After, Side::Before] {
                let size = 1 + maker.random.below(5);
                let (mut got, mut place): (Vec<Vec<Scalar>>, Vec<TermValue>) = (Vec::new(), Vec::new());
                // A query without keys has one row, and no place behind it.
                while got.len() <= all.len() {
                    let mut found = page(view, &keyset, &place, side, size as u64 + 1);
                    let goes_on = found.len() > size;
                    found.truncate(size);
                    got.extend(found.iter().map(|(values, _)| values.clone()));
                    pages += 1;
                    match found.pop() {
                        Some((_, last)) if goes_on => place = last,
                        _ => break,
                    }
                }
                if side == Side::Before {
                    got.reverse();
                }
                assert!(
                    same(&got, &all),
                    "seed {seed}, query {query}, {side:?}, {size} at a time: {draft:#?}\ngot {got:?}\nexpected {all:?}"
                );
            }
        }
    }
    assert!(pages > 300, "{pages} pages");
}

//! [`Calibration`]: how this machine's memory does beside its arithmetic.
//!
//! [`Costs`] are those of one machine. What differs most between machines is what a line of memory costs that is not near, and
//! that changes which of two plans is the quicker one: an index leads to such lines, a scan to those that follow each other. So four
//! short loops are timed, which do nothing but that:
//!
//! | Loop | Stands for |
//! | --- | --- |
//! | each step needs the last one's result, in registers | tests, comparing, sorting |
//! | lines one after the other | scans and walks along entries |
//! | lines anywhere, of which several are asked for at once | hash tables, marks, records by ascending ranks |
//! | lines anywhere, of which each says where the next is | finding a place in a tree, a record that an index names |
//!
//! The first is what the others are counted in: only ratios matter. Each is compared with its ratio on the machine that the costs are
//! of, and the costs it stands for are taken times as much, by a power of two from a quarter to four: what comes of a loop that another
//! program has disturbed is as a rule the same power.

use alloc::vec::Vec;
use core::hint::black_box;

use super::{Amount, Costs};
use crate::sync::OnceCell;

/// What work is said to cost where plans are chosen: see [`Options::plan_costs`](crate::Options::plan_costs).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum PlanCosts {
    /// What it costs on the machine that plans were tried on, everywhere.
    #[default]
    Fixed,
    /// The same, times what this machine's memory takes beside that one's, measured once in a process.
    Measured,
}

/// The lines of memory that are gone through, of 64 bytes: more than a processor's own caches have.
const LINES: usize = 1 << 16;

/// The words of a line.
const WORDS: usize = 8;

/// The steps of a loop that does not go through all lines.
const STEPS: usize = 1 << 11;

/// How often each loop is timed: the quickest counts.
const ROUNDS: usize = 3;

/// What the loops took on the machine that [`Costs`] are of, for a step, in steps of the first.
const NEAR: Amount = 0.75;
const SPREAD: Amount = 1.25;
const FAR: Amount = 13.5;

/// How many times as much memory takes as on the machine that costs are of, beside arithmetic.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Calibration {
    near: Amount,
    spread: Amount,
    far: Amount,
}

impl Calibration {
    /// That of this machine: measured by the first to ask for it, by the clock `now` that gives nanoseconds. It takes some
    /// two milliseconds, most of them for getting the memory.
    pub fn measured(now: &dyn Fn() -> u64) -> Calibration {
        static MEASURED: OnceCell<Calibration> = OnceCell::new();
        if let Some(known) = MEASURED.get() {
            return *known;
        }
        let lines = lines();
        // Each round begins elsewhere, at lines that the last one has not brought near.
        let time = |run: &dyn Fn(usize) -> u64| {
            let round = |round: usize| {
                let begun = now();
                black_box(run(round * STEPS));
                now().saturating_sub(begun)
            };
            (0..ROUNDS).map(round).min().unwrap_or_default() as Amount
        };
        let steps = STEPS as Amount;
        let step = time(&|_| calculate(STEPS * 8)) / (steps * 8.0);
        let near = time(&|_| follow(&lines)) / LINES as Amount;
        let spread = time(&|begin| spread(&lines, begin)) / steps;
        let far = time(&|begin| far(&lines, begin)) / steps;
        // Where a clock stands still, as in a simulation, nothing has been measured, and others may yet.
        if [step, near, spread, far].contains(&0.0) {
            return Calibration { near: 1.0, spread: 1.0, far: 1.0 };
        }
        *MEASURED.get_or_init(|| Calibration::of(near / step, spread / step, far / step))
    }

    /// The one of a machine on which the loops take so many times as long as the first.
    fn of(near: Amount, spread: Amount, far: Amount) -> Calibration {
        Calibration {
            near: power_of_two(near / NEAR),
            spread: power_of_two(spread / SPREAD),
            far: power_of_two(far / FAR),
        }
    }

    /// Costs on this machine.
    pub fn costs(self) -> Costs {
        let mut costs = Costs::default();
        for (name, line) in costs.lines_mut() {
            *line *= match name {
                "scan_record" | "entry" | "fetch_next" => self.near,
                "build" | "probe" | "mark" | "marked" | "fetch_near" => self.spread,
                "seek" | "fetch" => self.far,
                _ => 1.0,
            };
        }
        costs
    }
}

/// The power of two closest to a ratio, from a quarter to four.
fn power_of_two(ratio: Amount) -> Amount {
    ratio.log2().round().clamp(-2.0, 2.0).exp2()
}

/// Lines of which each has the number of another one at its beginning: they make one ring, in which no line lies close to the next.
fn lines() -> Vec<u64> {
    let mut lines = alloc::vec![0; LINES * WORDS];
    for number in 0..LINES {
        // By Hull and Dobell, "Random Number Generators" (SIAM Review 1962), such a step visits all: one less than the factor is
        // divisible by four, and what is added is odd.
        lines[number * WORDS] = (number.wrapping_mul(40_503 * 4 + 1).wrapping_add(12_345) % LINES) as u64;
    }
    lines
}

fn calculate(steps: usize) -> u64 {
    (0..steps as u64).fold(black_box(1), |last: u64, step| (last ^ step).wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

fn follow(lines: &[u64]) -> u64 {
    lines.iter().fold(0, |sum: u64, word| sum.wrapping_add(*word))
}

fn spread(lines: &[u64], begin: usize) -> u64 {
    let line = |step: usize| (begin + step).wrapping_mul(40_503) % LINES;
    (0..STEPS).map(|step| lines[line(step) * WORDS + 1]).fold(0, u64::wrapping_add)
}

fn far(lines: &[u64], begin: usize) -> u64 {
    let first = begin.wrapping_mul(7919) % LINES;
    (0..STEPS).fold(black_box(first as u64), |line: u64, _| lines[line as usize * WORDS])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_that_costs_are_of_changes_none() {
        let costs = Calibration::of(NEAR, SPREAD, FAR).costs();
        let lines = |mut costs: Costs| costs.lines_mut().map(|(_, line)| *line);
        assert_eq!(lines(costs), lines(Costs::default()));
        // A little slower, or much disturbed: the same.
        assert_eq!(lines(Calibration::of(NEAR * 1.4, SPREAD / 1.4, FAR * 1.3).costs()), lines(costs));
    }

    #[test]
    fn slow_memory_makes_what_lies_anywhere_dearer_by_four_at_most() {
        let (usual, slow) = (Costs::default(), Calibration::of(NEAR, SPREAD * 2.2, FAR * 100.0).costs());
        assert_eq!(slow.fetch, usual.fetch * 4.0);
        assert_eq!(slow.build, usual.build * 2.0);
        assert_eq!((slow.scan_record, slow.sort), (usual.scan_record, usual.sort));
        let quick = Calibration::of(NEAR / 3.0, SPREAD, FAR / 100.0).costs();
        assert_eq!((quick.seek, quick.entry), (usual.seek / 4.0, usual.entry / 4.0));
    }

    #[test]
    fn lines_are_one_ring() {
        let lines = lines();
        let (mut line, mut count) = (0, 0);
        loop {
            line = lines[line as usize * WORDS];
            count += 1;
            if line == 0 {
                break;
            }
        }
        assert_eq!(count, LINES);
    }

    #[test]
    fn a_clock_that_stands_still_measures_nothing() {
        // Another test may have measured before.
        let stands = Calibration::measured(&|| 7);
        assert!([stands.near, stands.spread, stands.far].iter().all(|times| (0.25..=4.0).contains(times)));
        let begun = std::time::Instant::now();
        let now = || begun.elapsed().as_nanos() as u64;
        let measured = Calibration::measured(&now);
        assert_eq!(Calibration::measured(&now), measured, "once in a process");
    }
}

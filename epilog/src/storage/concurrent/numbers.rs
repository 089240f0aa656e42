//! [`Draws`]: the numbers that a transaction takes to give out as keys, apart from those of transactions beside it.
//!
//! What a collection's next number is lies on a page, and is changed by whoever has the lease. Transactions without it take
//! theirs from what is kept here in memory, so that no two meet; so does the one with the lease. What is stored is the
//! maximum of all that were committed, so a number is never given out again once its transaction has committed.
//!
//! A transaction takes its numbers in blocks, each twice as long as the one before, and gives back what it has not used,
//! as long as nobody has taken numbers since: with one transaction at a time, no number is left out.

use alloc::vec::Vec;

use crate::ordered::BTreeMap;
use crate::parts;
use crate::schema::CollectionId;
use crate::sync::Mutex;

/// A block has no more numbers than this.
const BLOCK_MAX: u64 = 1024;

/// The least number of each collection that nobody has taken, as far as it is more than the stored one.
pub(super) type Taken = Mutex<BTreeMap<CollectionId, u64>>;

/// The numbers that a transaction has taken. Dropping it gives them back.
pub(crate) struct Draws<'p> {
    taken: &'p Taken,
    drawn: Vec<Drawn>,
}

/// The numbers of one collection, from `start` to before `end`.
struct Drawn {
    collection: CollectionId,
    start: u64,
    end: u64,
    block: u64,
}

impl<'p> Draws<'p> {
    pub(super) fn new(taken: &'p Taken) -> Draws<'p> {
        Draws { taken, drawn: Vec::new() }
    }

    /// A number, not less than `least`, that no other transaction gives out: the least one there is. The caller asks for
    /// more than it each time, unless what it was used for is undone.
    pub(crate) fn draw(&mut self, collection: CollectionId, least: u64) -> u64 {
        let at = match self.drawn.iter().position(|drawn| drawn.collection == collection) {
            Some(at) => at,
            None => {
                self.drawn.push(Drawn { collection, start: 0, end: 0, block: 1 });
                self.drawn.len() - 1
            }
        };
        let drawn = &mut self.drawn[at];
        let number = drawn.start.max(least);
        if number < drawn.end {
            return number;
        }
        let mut taken = self.taken.lock();
        let next = taken.entry(collection).or_insert(0);
        if drawn.end != *next || drawn.end == 0 {
            // Others have taken numbers since; what is left of the old ones stays unused.
            drawn.start = *next;
        }
        let number = drawn.start.max(least).max(*next);
        drawn.end = number.saturating_add(drawn.block);
        drawn.block = (drawn.block * 2).min(BLOCK_MAX);
        *next = drawn.end;
        number
    }

    /// Keeps the numbers before `next` of those of a collection: they were committed.
    pub(crate) fn committed(&mut self, collection: CollectionId, next: u64) {
        if let Some(drawn) = self.drawn.iter_mut().find(|drawn| drawn.collection == collection) {
            drawn.start = drawn.start.max(next);
        }
    }
}

impl Drop for Draws<'_> {
    fn drop(&mut self) {
        if !parts::CONCURRENT || self.drawn.is_empty() {
            return;
        }
        let mut taken = self.taken.lock();
        for drawn in &self.drawn {
            if taken.get(&drawn.collection) == Some(&drawn.end) {
                taken.insert(drawn.collection, drawn.start);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: CollectionId = CollectionId(17);

    /// Draws so many numbers one after the other.
    fn some(draws: &mut Draws<'_>, mut least: u64, count: usize) -> Vec<u64> {
        let mut numbers = Vec::new();
        for _ in 0..count {
            numbers.push(draws.draw(A, least));
            least = numbers[numbers.len() - 1] + 1;
        }
        numbers
    }

    #[test]
    fn one_transaction_after_the_other_leaves_no_number_out() {
        let taken = Taken::default();
        let mut next = 1;
        for count in [1, 2, 3, 5, 100, 1, 3000] {
            let mut aborted = Draws::new(&taken);
            some(&mut aborted, next, count + 1);
            drop(aborted);
            let mut draws = Draws::new(&taken);
            let numbers = some(&mut draws, next, count);
            assert_eq!(numbers, (next..next + count as u64).collect::<Vec<_>>());
            next += count as u64;
            draws.committed(A, next);
        }
    }

    #[test]
    fn numbers_beyond_an_inserted_one_are_given_back_with_those_before() {
        let taken = Taken::default();
        let mut draws = Draws::new(&taken);
        assert_eq!([draws.draw(A, 1), draws.draw(A, 1000), draws.draw(A, 1001)], [1, 1000, 1001]);
        // Back to a savepoint before the inserted one.
        assert_eq!(draws.draw(A, 2), 2);
        drop(draws);
        assert_eq!(Draws::new(&taken).draw(A, 1), 1);
    }

    #[test]
    fn two_transactions_never_have_the_same_number() {
        let taken = Taken::default();
        let (mut a, mut b) = (Draws::new(&taken), Draws::new(&taken));
        let mut of_a = some(&mut a, 5, 3);
        let mut of_b = some(&mut b, 5, 3);
        of_a.extend(some(&mut a, 8, 9));
        of_b.extend(some(&mut b, 20, 9));
        assert!(of_a.iter().all(|number| !of_b.contains(number)), "{of_a:?} {of_b:?}");
        // What one gives back, another one may have; what it has between the other's is lost.
        drop(b);
        let next = some(&mut Draws::new(&taken), 1, 50);
        assert!(of_a.iter().all(|number| !next.contains(number)), "{of_a:?} {next:?}");
    }

    #[test]
    fn an_undone_statement_gets_its_numbers_again() {
        let taken = Taken::default();
        let mut beside = Draws::new(&taken);
        beside.draw(A, 10);
        let mut draws = Draws::new(&taken);
        let first = draws.draw(A, 10);
        assert_eq!(draws.draw(A, 10), first);
    }
}

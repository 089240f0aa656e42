//! [`Person`]: the record that both engines hold, and many of them made from a seed.

use epilog::Collection;

/// About 170 bytes, with a key, a unique index and a plain one.
#[derive(Collection, Clone, Debug, PartialEq)]
pub struct Person {
    /// Not dense: gaps of 0 to 7.
    #[key]
    pub id: u64,
    /// 16 bytes.
    pub name: String,
    /// 24 bytes.
    #[unique]
    pub email: String,
    /// 0..=99
    #[index]
    pub age: u8,
    /// 0.0..1.0
    pub score: f64,
    pub active: bool,
    /// 80 bytes.
    pub bio: String,
}

impl Person {
    /// The person of a row of SQLite's.
    pub fn of_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Person> {
        Ok(Person {
            id: row.get::<_, i64>(0)?.cast_unsigned(),
            name: row.get(1)?,
            email: row.get(2)?,
            age: row.get(3)?,
            score: row.get(4)?,
            active: row.get(5)?,
            bio: row.get(6)?,
        })
    }
}

/// This many people, in the order of their keys.
pub fn people(count: usize, seed: u64) -> Vec<Person> {
    let mut random = Random::new(seed);
    let mut id = 0;
    let people = (0..count).map(|_| {
        id += 1 + random.below(8);
        Person {
            id,
            name: random.letters(16),
            // Mixing is one to one, so that no two are the same.
            email: format!("{:016x}@ex.test", mix(id ^ seed)),
            age: random.below(100) as u8,
            score: random.below(1 << 53) as f64 / (1u64 << 53) as f64,
            active: random.below(2) == 1,
            bio: random.letters(80),
        }
    });
    people.collect()
}

/// SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
pub struct Random(u64);

impl Random {
    /// A sequence of its own for each seed.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// 0..end; the bias is below 2^-11 for all that is asked here.
    fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }

    /// One of them.
    pub fn one_of<'p, T>(&mut self, choices: &'p [T]) -> &'p T {
        &choices[self.below(choices.len() as u64) as usize]
    }

    fn letters(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b'a' + self.below(26) as u8)).collect()
    }
}

/// The finalizer of SplitMix64, one to one.
fn mix(mut number: u64) -> u64 {
    number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn people_have_the_sizes_they_should_and_differ() {
        let people = people(1_000, 7);
        assert!(people.iter().all(|p| (p.name.len(), p.email.len(), p.bio.len()) == (16, 24, 80)));
        assert!(people.is_sorted_by(|a, b| a.id < b.id));
        assert_eq!(people.iter().map(|p| &p.email).collect::<BTreeSet<_>>().len(), 1_000);
        assert!(people.iter().all(|p| p.age < 100 && (0.0..1.0).contains(&p.score)));
        assert_ne!(people, super::people(1_000, 8));
        assert_eq!(people, super::people(1_000, 7));
    }
}

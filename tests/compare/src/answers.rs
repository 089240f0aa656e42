//! The right answers, from the people themselves: what every engine's are compared with.

use crate::engines::Group;
use crate::person::Person;

/// How many are active and have at least this score.
pub fn count_active(people: &[Person], score_min: f64) -> u64 {
    people.iter().filter(|person| person.active && person.score >= score_min).count() as u64
}

/// How many there are of every age, and the sum of their scores.
pub fn by_age(people: &[Person]) -> Vec<Group> {
    let of_age = |age: u8| people.iter().filter(move |person| person.age == age);
    let groups = (0..=u8::MAX).map(|age| Group {
        age,
        count: of_age(age).count() as u64,
        score: of_age(age).map(|person| person.score).sum(),
    });
    groups.filter(|group| group.count > 0).collect()
}

/// The first `count` of these ages, in the order of their keys, which is that of `people`.
pub fn of_ages(people: &[Person], first: u8, last: u8, count: usize) -> impl Iterator<Item = &Person> {
    people.iter().filter(move |person| (first..=last).contains(&person.age)).take(count)
}

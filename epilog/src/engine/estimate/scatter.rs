//! [`Scatter`]: how far records that an index leads to lie where the ones before them do.
//!
//! Of entries of an index that follow each other statistics tell which part leads to another leaf than those before
//! ([`leaves_per_1000`](crate::statistics::IndexStatistics)). Where an index is searched in several places, for each row of a join above
//! all, the first record of each lies anywhere.

use super::Amount;

/// How records lie that are fetched in the order of an index.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scatter {
    /// In how many places the index is searched.
    places: Amount,
    /// The part, 0..=1, of the records behind the first of each that lies on another leaf than the one before.
    part: Amount,
}

impl Scatter {
    /// Any record lies anywhere, as it is where nothing is known.
    pub const ANYWHERE: Scatter = Scatter { places: 1.0, part: 1.0 };

    /// In so many places, with such a part elsewhere.
    #[cfg(not(feature = "small"))]
    pub fn of(places: Amount, part: Amount) -> Scatter {
        Scatter { places, part }
    }

    /// Of so many records those that lie on a leaf that may be any, and those on the leaf behind the one before.
    pub fn leaves(self, records: Amount) -> (Amount, Amount) {
        let places = self.places.min(records);
        let others = (records - places) * self.part;
        (places + others * self.part, others * (1.0 - self.part))
    }

    /// The same where of so many times as many records those in between are passed over.
    #[cfg(not(feature = "small"))]
    pub fn of_each(self, times: Amount) -> Scatter {
        Scatter { part: (self.part * times).min(1.0), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_each_place_lies_anywhere() {
        assert_eq!(Scatter::ANYWHERE.leaves(500.0), (500.0, 0.0));
        #[cfg(not(feature = "small"))]
        {
            assert_eq!(Scatter::of(1.0, 0.0).leaves(500.0), (1.0, 0.0));
            assert_eq!(Scatter::of(100.0, 0.0).leaves(500.0), (100.0, 0.0));
            assert_eq!(Scatter::of(100.0, 0.5).leaves(500.0), (200.0, 100.0));
            assert_eq!(Scatter::of(900.0, 0.25).leaves(500.0), (500.0, 0.0), "as many places as records");
            assert_eq!(Scatter::of(1.0, 0.25).of_each(8.0).leaves(500.0), (500.0, 0.0));
        }
    }
}

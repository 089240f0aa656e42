//! [`Choices`]: what planning chooses beside the rules of the optimizer, each of which can be left out.
//!
//! Nobody leaves one out but tests, which see that what is chosen changes no answer: it is carried beside a plan's wishes, and
//! asked where the choice is made. What each does, and where it must not, is said in the file of [`Choice`] that has it.

/// Something that planning chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Nothing is read for what contradicts itself: `contradiction`.
    Contradictions,
    /// Records of which nothing is read but what entries have, or their rank, are not fetched; lookups that nobody reads go: `prune`,
    /// `entries`.
    Late,
    /// Lists and beginnings of texts are ranges of an index: `sarg`.
    Lists,
    /// A filter by whether a subquery has a row is a semi join or an anti join: `filter`.
    SemiJoins,
    /// The smaller side of a join is put into the table, or searched for the other's rows: `join`.
    Sides,
    /// The last of the first few rows of an order bars the way: `sort`.
    Bars,
    /// What a table has is asked of the other side: `sieve`.
    Sieves,
}

impl Choice {
    /// Every one, with its name.
    #[cfg(all(test, not(feature = "small")))]
    pub(in crate::engine) const ALL: [(Choice, &'static str); 7] = [
        (Choice::Contradictions, "contradictions"),
        (Choice::Late, "records fetched late"),
        (Choice::Lists, "lists as ranges"),
        (Choice::SemiJoins, "semi joins"),
        (Choice::Sides, "sides of joins"),
        (Choice::Bars, "bars of the first few"),
        (Choice::Sieves, "sieves"),
    ];
}

/// A set of choices. Small builds have them all.
#[cfg(not(feature = "small"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choices(u8);

#[cfg(not(feature = "small"))]
impl Choices {
    /// Every choice.
    pub const ALL: Choices = Choices(u8::MAX);
    /// No choice.
    #[cfg(test)]
    pub(in crate::engine) const NONE: Choices = Choices(0);

    /// The same set without one.
    #[cfg(test)]
    #[must_use]
    pub(in crate::engine) fn without(self, choice: Choice) -> Choices {
        Choices(self.0 & !(1 << choice as u8))
    }

    /// Whether one is in the set.
    pub fn contains(self, choice: Choice) -> bool {
        self.0 & (1 << choice as u8) != 0
    }
}

#[cfg(not(feature = "small"))]
impl Default for Choices {
    fn default() -> Choices {
        Choices::ALL
    }
}

impl super::Planner<'_> {
    /// Whether this may be chosen.
    #[cfg(not(feature = "small"))]
    pub(super) fn chooses(&self, choice: Choice) -> bool {
        self.wishes.choices.contains(choice)
    }

    /// Whether this may be chosen: whatever a small build has.
    #[cfg(feature = "small")]
    #[inline]
    pub(super) const fn chooses(&self, _: Choice) -> bool {
        true
    }
}

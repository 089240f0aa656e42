//! [`Switches`]: what a plan is made by, so that tests can leave out each rewrite and each choice, or all of them.

use super::optimizer::RuleSet;
#[cfg(not(feature = "small"))]
use super::physical::Choices;

/// The rules and choices that a plan is made by.
#[cfg(not(feature = "small"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Switches {
    /// The rules of the optimizer.
    pub rules: RuleSet,
    /// What planning chooses beside them.
    pub choices: Choices,
}

#[cfg(not(feature = "small"))]
impl From<RuleSet> for Switches {
    fn from(rules: RuleSet) -> Switches {
        Switches { rules, choices: Choices::ALL }
    }
}

/// The rules that a plan is made by: small builds have no other choice.
#[cfg(feature = "small")]
pub type Switches = RuleSet;

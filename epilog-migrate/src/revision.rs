//! [`Revision`] and its [`RevisionId`].
//!
//! The id is the SHA-256 (FIPS 180-4) of these bytes, little-endian:
//!
//! | what | bytes |
//! |---|---|
//! | `epilog revision 1` | 17 |
//! | number of parents, and their ids in ascending order | 4, 32 each |
//! | number of steps, and the meaning of each in order | 4, varying |
//!
//! The label is not among them: giving a revision a better name leaves it what it is.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::Step;

const DOMAIN: &[u8] = b"epilog revision 1";

/// What a revision is, as a number: a hash of its steps and its parents' ids.
///
/// Written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RevisionId([u8; 32]);

/// A text is not a revision's id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a revision: expected 64 hexadecimal digits")]
pub struct ParseRevisionIdError {
    text: String,
}

/// One node of a schema's history: the steps that lead to it from its parents.
///
/// ```
/// use epilog::schema::FieldId;
/// use epilog_migrate::{Revision, Step};
///
/// let rename = Step::RenameField { field: FieldId(7), from: "title".into(), to: "name".into() };
/// let revision = Revision::new("a better word", [], vec![rename.clone()]);
/// // The same steps with another label are the same revision; after other parents they are not.
/// assert_eq!(Revision::new("again", [], vec![rename.clone()]).id(), revision.id());
/// assert_ne!(Revision::new("later", [revision.id()], vec![rename]).id(), revision.id());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Revision {
    id: RevisionId,
    label: String,
    parents: Vec<RevisionId>,
    steps: Vec<Step>,
}

impl Revision {
    /// The revision that `steps`, in order, lead to from `parents`. The order of the parents does not count, nor does naming one
    /// twice; a first revision has none, one that joins branches has several.
    ///
    /// # Panics
    ///
    /// When the default of a field is of another class than the field's type stores.
    pub fn new(
        label: impl Into<String>,
        parents: impl IntoIterator<Item = RevisionId>,
        steps: Vec<Step>,
    ) -> Revision {
        let mut parents: Vec<RevisionId> = parents.into_iter().collect();
        parents.sort();
        parents.dedup();
        let mut meaning = DOMAIN.to_vec();
        let count =
            |count: usize| u32::try_from(count).expect("a revision has fewer than 2^32 parts").to_le_bytes();
        meaning.extend(count(parents.len()));
        for parent in &parents {
            meaning.extend(parent.0);
        }
        meaning.extend(count(steps.len()));
        for step in &steps {
            step.append_meaning(&mut meaning);
        }
        Revision { id: RevisionId(Sha256::digest(&meaning).into()), label: label.into(), parents, steps }
    }

    /// What it is.
    pub fn id(&self) -> RevisionId {
        self.id
    }

    /// What people call it.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// What it follows, in ascending order.
    pub fn parents(&self) -> &[RevisionId] {
        &self.parents
    }

    /// What changes on the way to it, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The steps that lead back: the inverses, last first.
    pub fn way_back(&self) -> Vec<Step> {
        self.steps.iter().rev().map(Step::inverse).collect()
    }
}

impl fmt::Display for RevisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for RevisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RevisionId({self})")
    }
}

impl FromStr for RevisionId {
    type Err = ParseRevisionIdError;

    fn from_str(text: &str) -> Result<RevisionId, ParseRevisionIdError> {
        let refused = || ParseRevisionIdError { text: text.to_string() };
        let digits: Option<Vec<u8>> =
            text.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
        let digits = digits.filter(|digits| digits.len() == 64).ok_or_else(refused)?;
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = pair[0] << 4 | pair[1];
        }
        Ok(RevisionId(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::step::tests::samples;

    #[test]
    fn the_id_follows_steps_their_order_and_parents() {
        let [a, b] = [samples()[0].clone(), samples()[4].clone()];
        let id = |parents: &[RevisionId], steps: &[&Step]| {
            Revision::new("x", parents.iter().copied(), steps.iter().copied().cloned().collect()).id()
        };
        let root = id(&[], &[&a]);
        let other = id(&[], &[&b]);
        let all = [root, other, id(&[], &[]), id(&[], &[&a, &b]), id(&[], &[&b, &a]), id(&[root], &[&a])];
        for (i, first) in all.iter().enumerate() {
            for second in &all[i + 1..] {
                assert_ne!(first, second);
            }
        }
        assert_eq!(id(&[root, other], &[]), id(&[other, root, other], &[]));
    }

    #[test]
    fn ids_never_change() {
        // Applied revisions are known by their ids: this one is 64 digits of SHA-256 over the bytes of the table above,
        // for one renaming, computed with Python's hashlib.
        let rename =
            Step::RenameField { field: epilog::schema::FieldId(7), from: "title".into(), to: "name".into() };
        let id = Revision::new("x", [], vec![rename]).id();
        assert_eq!(id.to_string(), "ea06a31ee375a47868a5af572a1bf549c582970acf01146fa06614868939fd63");
    }

    #[test]
    fn ids_round_trip_as_text() {
        let id = Revision::new("x", [], samples()).id();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().to_uppercase().parse(), Ok(id));
        for text in ["", "12", &"g".repeat(64), &"0".repeat(65), &"é".repeat(32)] {
            assert!(text.parse::<RevisionId>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_way_back_undoes_the_last_step_first() {
        let steps = vec![samples()[0].clone(), samples()[7].clone()];
        let revision = Revision::new("x", [], steps.clone());
        assert_eq!(revision.way_back(), [steps[1].inverse(), steps[0].inverse()]);
    }
}

//! [`History`]: the revisions of a schema, as a graph.
//!
//! - Every revision's parents are in the graph before it, so there is no cycle and no loose end.
//! - The order of [`History::iter`] has parents before children and depends on nothing but the revisions.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Revision, RevisionId};

/// Revisions that do not make a history.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// A revision follows one that is not there.
    #[error(
        "revision `{label}` ({revision}) follows {parent}, which is not in the history: add that one first"
    )]
    UnknownParent {
        /// The revision.
        revision: RevisionId,
        /// What people call it.
        label: String,
        /// What it follows.
        parent: RevisionId,
    },
    /// A revision is there already.
    #[error("revision `{label}` ({revision}) is the same as `{present}`: remove one of them")]
    Duplicate {
        /// The revision.
        revision: RevisionId,
        /// What people call the one refused.
        label: String,
        /// What people call the one that is there.
        present: String,
    },
}

/// The revisions of a schema, as a graph: each points at its parents.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    revisions: BTreeMap<RevisionId, Revision>,
    /// The revisions that no other one follows.
    heads: BTreeSet<RevisionId>,
}

impl History {
    /// A history without revisions.
    pub fn new() -> History {
        History::default()
    }

    /// The history of these revisions, given in any order.
    ///
    /// # Errors
    ///
    /// [`HistoryError::Duplicate`] when two of them mean the same after the same parents, [`HistoryError::UnknownParent`] when
    /// one follows a revision that is not among them.
    pub fn from_revisions(revisions: impl IntoIterator<Item = Revision>) -> Result<History, HistoryError> {
        let mut history = History::new();
        let mut waiting: Vec<Revision> = revisions.into_iter().collect();
        loop {
            let before = waiting.len();
            let (ready, later): (Vec<_>, Vec<_>) = waiting
                .into_iter()
                .partition(|revision| revision.parents().iter().all(|parent| history.contains(*parent)));
            for revision in ready {
                history.add(revision)?;
            }
            waiting = later;
            if waiting.is_empty() {
                return Ok(history);
            }
            if waiting.len() == before {
                // Of those that cannot be placed, one misses a parent that is not merely waiting too: ids are hashes over
                // their parents, so the revisions that wait cannot form a ring.
                let ids: BTreeSet<RevisionId> = waiting.iter().map(Revision::id).collect();
                let culprit = waiting
                    .iter()
                    .position(|revision| {
                        revision.parents().iter().any(|p| !ids.contains(p) && !history.contains(*p))
                    })
                    .expect("hashes form no ring");
                history.add(waiting.swap_remove(culprit))?;
            }
        }
    }

    /// Adds a revision whose parents are there.
    ///
    /// # Errors
    ///
    /// [`HistoryError::Duplicate`] when it is there already, whatever its label, [`HistoryError::UnknownParent`] when one of its
    /// parents is not. The history is unchanged then.
    pub fn add(&mut self, revision: Revision) -> Result<RevisionId, HistoryError> {
        let id = revision.id();
        if let Some(present) = self.revisions.get(&id) {
            let (label, present) = (revision.label().to_string(), present.label().to_string());
            return Err(HistoryError::Duplicate { revision: id, label, present });
        }
        if let Some(parent) = revision.parents().iter().find(|parent| !self.contains(**parent)) {
            let label = revision.label().to_string();
            return Err(HistoryError::UnknownParent { revision: id, label, parent: *parent });
        }
        for parent in revision.parents() {
            self.heads.remove(parent);
        }
        self.heads.insert(id);
        self.revisions.insert(id, revision);
        Ok(id)
    }

    /// The revision with this id.
    pub fn get(&self, id: RevisionId) -> Option<&Revision> {
        self.revisions.get(&id)
    }

    /// Whether the revision is there.
    pub fn contains(&self, id: RevisionId) -> bool {
        self.revisions.contains_key(&id)
    }

    /// The number of revisions.
    pub fn len(&self) -> usize {
        self.revisions.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.revisions.is_empty()
    }

    /// The revisions that no other one follows, by ascending id. More than one: branches that have to be joined.
    pub fn heads(&self) -> impl ExactSizeIterator<Item = &Revision> {
        self.heads.iter().map(|id| &self.revisions[id])
    }

    /// The revisions that lead to this one, and itself. Empty when it is not there.
    pub fn ancestry(&self, id: RevisionId) -> BTreeSet<RevisionId> {
        let mut found = BTreeSet::new();
        let mut next = vec![id];
        while let Some(id) = next.pop() {
            if let Some(revision) = self.get(id)
                && found.insert(id)
            {
                next.extend(revision.parents());
            }
        }
        found
    }

    /// All revisions, parents before children; those that could stand beside each other by ascending id.
    pub fn iter(&self) -> impl Iterator<Item = &Revision> {
        let mut placed = BTreeSet::new();
        let mut order = Vec::with_capacity(self.len());
        let mut children: BTreeMap<RevisionId, Vec<RevisionId>> = BTreeMap::new();
        let mut ready = BTreeSet::new();
        for revision in self.revisions.values() {
            for parent in revision.parents() {
                children.entry(*parent).or_default().push(revision.id());
            }
            if revision.parents().is_empty() {
                ready.insert(revision.id());
            }
        }
        while let Some(id) = ready.pop_first() {
            placed.insert(id);
            order.push(&self.revisions[&id]);
            for child in children.remove(&id).into_iter().flatten() {
                if self.revisions[&child].parents().iter().all(|parent| placed.contains(parent)) {
                    ready.insert(child);
                }
            }
        }
        order.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Step;
    use crate::step::tests::field;
    use epilog::schema::CollectionId;

    fn revision(name: &str, parents: &[&Revision]) -> Revision {
        let step = Step::AddField { collection: CollectionId(16), field: field(1, name) };
        Revision::new(name, parents.iter().map(|parent| parent.id()), vec![step])
    }

    /// A root, two branches of it, one of them two long, and the revision that joins them.
    fn diamond() -> [Revision; 5] {
        let root = revision("root", &[]);
        let left = revision("left", &[&root]);
        let right = revision("right", &[&root]);
        let far = revision("far", &[&right]);
        let join = revision("join", &[&left, &far]);
        [root, left, right, far, join]
    }

    fn labels<'h>(revisions: impl Iterator<Item = &'h Revision>) -> Vec<&'h str> {
        let mut labels: Vec<&str> = revisions.map(Revision::label).collect();
        labels.sort_unstable();
        labels
    }

    #[test]
    fn heads_are_what_nothing_follows() {
        let [root, left, right, far, join] = diamond();
        let mut history = History::new();
        assert_eq!(history.heads().len(), 0);
        for (revision, expected) in [
            (root, &["root"][..]),
            (left, &["left"]),
            (right, &["left", "right"]),
            (far, &["far", "left"]),
            (join, &["join"]),
        ] {
            history.add(revision).unwrap();
            assert_eq!(labels(history.heads()), expected);
        }
    }

    #[test]
    fn an_unknown_parent_is_refused_and_changes_nothing() {
        let [root, left, ..] = diamond();
        let mut history = History::new();
        let refused =
            HistoryError::UnknownParent { revision: left.id(), label: "left".into(), parent: root.id() };
        assert_eq!(history.add(left), Err(refused));
        assert_eq!(history, History::new());
    }

    #[test]
    fn the_same_meaning_under_another_label_is_a_duplicate() {
        let root = revision("root", &[]);
        let mut history = History::from_revisions([root.clone()]).unwrap();
        let again = Revision::new("again", [], root.steps().to_vec());
        let refused =
            HistoryError::Duplicate { revision: root.id(), label: "again".into(), present: "root".into() };
        assert_eq!(history.add(again), Err(refused));
        assert_eq!(history.len(), 1);
    }

    #[test]
    fn any_order_of_revisions_gives_the_same_history() {
        let all = diamond();
        let expected = History::from_revisions(all.clone()).unwrap();
        let order: Vec<RevisionId> = expected.iter().map(Revision::id).collect();
        assert_eq!(order.len(), 5);
        for turn in 0..all.len() {
            let mut turned = all.clone();
            turned.rotate_left(turn);
            for revisions in [turned.to_vec(), turned.iter().rev().cloned().collect()] {
                let history = History::from_revisions(revisions).unwrap();
                assert_eq!(history, expected);
                assert_eq!(history.iter().map(Revision::id).collect::<Vec<_>>(), order);
            }
        }
        for (place, revision) in expected.iter().enumerate() {
            for parent in revision.parents() {
                assert!(order[..place].contains(parent), "a parent comes first");
            }
        }
    }

    #[test]
    fn of_many_that_cannot_be_placed_the_one_with_the_gap_is_named() {
        let [root, _, right, far, _] = diamond();
        let refused =
            HistoryError::UnknownParent { revision: right.id(), label: "right".into(), parent: root.id() };
        assert_eq!(History::from_revisions([far, right]), Err(refused));
    }

    #[test]
    fn ancestry_follows_every_branch() {
        let all = diamond();
        let history = History::from_revisions(all.clone()).unwrap();
        let [root, left, right, far, join] = all.each_ref().map(Revision::id);
        assert_eq!(history.ancestry(join), BTreeSet::from([root, left, right, far, join]));
        assert_eq!(history.ancestry(far), BTreeSet::from([root, right, far]));
        assert_eq!(History::new().ancestry(root), BTreeSet::new());
    }
}

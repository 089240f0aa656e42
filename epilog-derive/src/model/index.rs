//! An index of a collection.

use syn::Path;

use super::Field;
use crate::attr::ConditionTest;

/// An index written down with an attribute.
pub struct Index {
    /// The attribute's path, for mistakes about the index.
    pub path: Path,
    /// The fields' names joined by `_`; of a partial one then `_where` and its conditions, in words.
    pub name: String,
    /// The positions of its fields, in order.
    pub fields: Vec<usize>,
    /// Whether equal values are refused.
    pub unique: bool,
    /// The positions of the fields whose values its entries have beside their keys, in order.
    pub included: Vec<usize>,
    /// What must hold of the records that it has: of the fields at these positions.
    pub conditions: Vec<(usize, ConditionTest)>,
}

impl Index {
    /// An index over the fields at these positions, called after them.
    pub fn new(path: Path, fields: Vec<usize>, unique: bool, all: &[Field]) -> Index {
        let names: Vec<&str> = fields.iter().map(|position| all[*position].name.as_str()).collect();
        Index { path, name: names.join("_"), fields, unique, included: Vec::new(), conditions: Vec::new() }
    }

    /// The same index with values of the fields at these positions in its entries. Its name is the same.
    pub fn with_included(mut self, included: Vec<usize>) -> Index {
        self.included = included;
        self
    }

    /// The same index of records only for which conditions hold.
    pub fn with_conditions(mut self, conditions: Vec<(usize, ConditionTest)>, all: &[Field]) -> Index {
        if !conditions.is_empty() {
            self.name.push_str("_where");
        }
        for (position, test) in &conditions {
            let (before, behind) = test.words();
            for word in [before, &all[*position].name, &behind].into_iter().filter(|word| !word.is_empty()) {
                self.name.push('_');
                self.name.push_str(word);
            }
        }
        self.conditions = conditions;
        self
    }
}

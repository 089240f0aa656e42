//! [`Records`]: records of other collections, of which a row asks something.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use super::expression::{DynamicExpression, Tree};

/// The records of a collection, seen from a row: those that point at it ([`pointing`]), or any ([`from`]).
#[derive(Clone, Debug)]
#[must_use = "say what is asked of the records: `exists`, `count`, `aggregate`, .."]
pub struct Records {
    pub(super) collection: String,
    pub(super) name: Option<String>,
    pub(super) link: Link,
    /// The source, or what a relation of the row leads to, that they point at.
    pub(super) at: Option<String>,
    pub(super) filter: Option<DynamicExpression>,
}

/// How the records belong to the row.
#[derive(Clone, Debug)]
pub(super) enum Link {
    /// Their relation of this name points at the row.
    Pointing { relation: String },
    /// As their filter says, which speaks of the row too.
    Any,
}

/// Something asked of records.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) records: Records,
    pub(super) question: Question,
}

#[derive(Clone, Debug)]
pub(super) enum Question {
    Any,
    All(DynamicExpression),
    Count,
    Aggregate(DynamicExpression),
    /// Whether a value of theirs is one of the row's.
    Has {
        value: DynamicExpression,
        of_row: DynamicExpression,
    },
}

/// The records of `collection` whose `relation` points at the row: the other side of a relation. What is said of them speaks of
/// nothing else.
pub fn pointing(collection: impl Into<String>, relation: impl Into<String>) -> Records {
    let link = Link::Pointing { relation: relation.into() };
    Records { collection: collection.into(), name: None, link, at: None, filter: None }
}

/// All records of `collection`, called `name` in what is said of them, beside the row that they are seen from.
pub fn from(collection: impl Into<String>, name: impl Into<String>) -> Records {
    Records {
        collection: collection.into(),
        name: Some(name.into()),
        link: Link::Any,
        at: None,
        filter: None,
    }
}

impl Records {
    /// Of [`pointing`]: those that point at the row of this source, or at what this relation of the row leads to.
    pub fn at(self, path: impl Into<String>) -> Records {
        Records { at: Some(path.into()), ..self }
    }

    /// The same called by a name.
    pub fn named(self, name: impl Into<String>) -> Records {
        Records { name: Some(name.into()), ..self }
    }

    /// Only those that a condition is true of. Filters add up.
    pub fn filter(self, condition: DynamicExpression) -> Records {
        let filter = match self.filter {
            Some(known) => known & condition,
            None => condition,
        };
        Records { filter: Some(filter), ..self }
    }

    fn ask(self, question: Question) -> DynamicExpression {
        let filter = self.filter.as_ref().map_or(0, DynamicExpression::depth);
        let of_question = match &question {
            Question::Any | Question::Count => 0,
            Question::All(of) | Question::Aggregate(of) => of.depth(),
            Question::Has { value, of_row } => value.depth().max(of_row.depth()),
        };
        let asked = Asked { records: self, question };
        DynamicExpression::over(Tree::Asked(Box::new(asked)), filter.max(of_question))
    }

    /// Whether there is one.
    pub fn exists(self) -> DynamicExpression {
        self.ask(Question::Any)
    }

    /// Whether there is none.
    pub fn is_empty(self) -> DynamicExpression {
        !self.exists()
    }

    /// Whether a condition is true of one of them at least.
    pub fn any(self, condition: DynamicExpression) -> DynamicExpression {
        self.filter(condition).exists()
    }

    /// Whether a condition is true of each of them, as it is when there are none.
    pub fn all(mut self, condition: DynamicExpression) -> DynamicExpression {
        // Each of them either fails the filter or satisfies the condition.
        let condition = match self.filter.take() {
            Some(filter) => !filter | condition,
            None => condition,
        };
        self.ask(Question::All(condition))
    }

    /// Whether a condition is true of none of them.
    pub fn none(self, condition: DynamicExpression) -> DynamicExpression {
        !self.any(condition)
    }

    /// How many there are.
    pub fn count(self) -> DynamicExpression {
        self.ask(Question::Count)
    }

    /// An aggregate over them: `records.aggregate(sum(field("seconds")))`.
    pub fn aggregate(self, aggregate: DynamicExpression) -> DynamicExpression {
        self.ask(Question::Aggregate(aggregate))
    }

    /// Whether a value of one of them equals one of the row.
    pub fn has(
        self,
        value: impl Into<DynamicExpression>,
        of_row: impl Into<DynamicExpression>,
    ) -> DynamicExpression {
        self.ask(Question::Has { value: value.into(), of_row: of_row.into() })
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.question {
            Question::Any => "exists",
            Question::All(_) => "all",
            Question::Count => "count",
            Question::Aggregate(_) => "aggregate",
            Question::Has { .. } => "has",
        };
        write!(f, "{}.{word}(..)", self.records.collection)
    }
}

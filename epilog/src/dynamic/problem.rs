//! [`Problem`]: why a query cannot be asked. Users meet it as an [`Error`](crate::Error) of kind [`Plan`](crate::ErrorKind::Plan).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::literal::brief;
use crate::engine::PlanError;
use crate::value::{Scalar, Type};

/// What is wrong with a query, or with what is asked of its rows.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Problem {
    /// Something in a clause.
    #[error("`{clause}`, clause {number} of the query over `{root}`: {problem}")]
    Clause {
        /// The clause.
        clause: &'static str,
        /// Its number among the clauses, from 1.
        number: usize,
        /// The collection that the query began with.
        root: String,
        /// What is wrong.
        problem: Box<Problem>,
    },
    /// Something in an expression.
    #[error("{problem} in `{expression}`")]
    Within {
        /// The expression.
        expression: String,
        /// What is wrong.
        problem: Box<Problem>,
    },
    /// No collection has the name.
    #[error("there is no collection `{name}`: {known}")]
    NoCollection {
        /// The name.
        name: String,
        /// Those that there are.
        known: Names,
    },
    /// No field has the name.
    #[error("`{of}` has no field `{name}`: {known}")]
    NoField {
        /// The name.
        name: String,
        /// The collection.
        of: String,
        /// Those that there are.
        known: Names,
    },
    /// Nothing that rows have has the name.
    #[error("rows have nothing called `{name}` here: {known}")]
    NoName {
        /// The name.
        name: String,
        /// What they have.
        known: Names,
    },
    /// No source has the name.
    #[error("there is no source `{name}`: {known}")]
    NoSource {
        /// The name.
        name: String,
        /// Those that there are.
        known: Names,
    },
    /// Several have the name.
    #[error(
        "`{name}` is several things here: say of which source with `of(\"..\").field(\"..\")`, or give values names that differ"
    )]
    Ambiguous {
        /// The name.
        name: String,
    },
    /// Two of the same name.
    #[error("`{name}` is there already: give another name")]
    Taken {
        /// The name.
        name: String,
    },
    /// A path goes on through a field that is no relation.
    #[error("field `{field}` of `{of}` is no relation, and no path goes on from it")]
    NotARelation {
        /// The field.
        field: String,
        /// The collection.
        of: String,
    },
    /// A field does not point at the row.
    #[error("field `{field}` of `{of}` does not point at a record of `{target}`")]
    NotPointing {
        /// The field.
        field: String,
        /// The collection.
        of: String,
        /// What it should point at.
        target: String,
    },
    /// A path through too many relations.
    #[error("`{path}` follows more than {limit} relations")]
    TooFar {
        /// The path.
        path: String,
        /// How many it may follow.
        limit: usize,
    },
    /// A name for the record that a query began with, where rows are values.
    #[error(
        "rows are values here, and the records that the query began with can no longer be named: say `named` first"
    )]
    NothingToName,
    /// A place for records that belong to rows by their filter alone.
    #[error(
        "`at` is of the records that point at a row (`pointing`); those of `from` belong to it as their `filter` says"
    )]
    NothingToPointAt,
    /// More than a query may have.
    #[error("the query is too large: it has more than {limit} {what}")]
    TooLarge {
        /// Of what.
        what: &'static str,
        /// How many it may have.
        limit: usize,
    },
    /// An absent value that could be of any type.
    #[error(
        "it is not known of which type `None` is: compare it with a field, or say it with `none_of(Type::..)`"
    )]
    UntypedNone,
    /// A literal that its type does not have.
    #[error("{} is no value of type `{ty}`: give one, or cast what it stands beside", brief(.value))]
    NotAValue {
        /// The literal.
        value: Scalar,
        /// The type.
        ty: Type,
    },
    /// A cast that could lose a value.
    #[error(
        "not every `{from}` is a `{to}`: `try_cast` gives `None` where it does not fit, `cast_or_fail` an error"
    )]
    MayNotFit {
        /// The type of the value.
        from: Type,
        /// The type that it is cast to.
        to: Type,
    },
    /// No function has the name.
    #[error("there is no function `{name}`: {known}")]
    NoFunction {
        /// The name.
        name: String,
        /// Those that there are.
        known: Names,
    },
    /// A function of other arguments.
    #[error("`{name}` does not take ({arguments}): see the table of `epilog::query`")]
    NotTaken {
        /// The function.
        name: String,
        /// The types of the arguments.
        arguments: Types,
    },
    /// A predicate that is none.
    #[error("a condition is a `bool`, and this is a `{ty}`: compare it with something")]
    NotACondition {
        /// What it is.
        ty: Type,
    },
    /// What must be an aggregate is none.
    #[error("`{place}` takes an aggregate: `count()`, `sum(..)`, `min(..)`, ..")]
    NotAnAggregate {
        /// Where.
        place: &'static str,
    },
    /// In a test of the elements of a list, something of the row.
    #[error("a test of elements speaks of `element()` and of literals, and of nothing else")]
    OfElements,
    /// The element of a list where none is tested.
    #[error("`element()` is the element of a list in `any_element` and `all_elements`, and here is none")]
    NoElement,
    /// A query of several values, or none, where one is needed.
    #[error("a query of one value is needed, and this gives {count}")]
    NotOneValue {
        /// How many it gives.
        count: usize,
    },
    /// A distance that is none of the values of the order.
    #[error("the distances of a range over `{ty}` are told by {needed}")]
    Distance {
        /// The type of the order's values.
        ty: Type,
        /// How they are told.
        needed: &'static str,
    },
    /// What the rules of types refuse.
    #[error("{0}")]
    Plan(Arc<PlanError>),
    /// A value asked for as one of another type.
    #[error("`{name}` is a `{ty}`, and was asked for as a `{asked}`")]
    OtherType {
        /// The name.
        name: String,
        /// Its type.
        ty: Type,
        /// That which was asked for.
        asked: Type,
    },
    /// A place where a row has nothing.
    #[error("there is nothing at place {place} of rows of {count}: places are counted from 0")]
    NoPlace {
        /// The place.
        place: usize,
        /// How many things rows have.
        count: usize,
    },
    /// A record asked for as a value.
    #[error("`{name}` is a whole record: `Row::record` gives it, and that its fields")]
    ARecord {
        /// The name.
        name: String,
    },
    /// An absent value asked for as one that is there.
    #[error("`{name}` is absent in this row: ask for an `Option`")]
    Absent {
        /// The name.
        name: String,
    },
}

impl From<PlanError> for Problem {
    fn from(error: PlanError) -> Problem {
        Problem::Plan(Arc::new(error))
    }
}

/// Names that there are, told beside one that there is not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    names: Vec<String>,
    nearest: Option<usize>,
}

impl Names {
    /// Names beside `wanted`, which is none of them.
    pub(super) fn beside(wanted: &str, names: impl IntoIterator<Item = String>) -> Names {
        let names: Vec<String> = names.into_iter().collect();
        let far = names.iter().map(|name| distance(wanted, name)).enumerate();
        let nearest = far.min_by_key(|(_, far)| *far);
        // Of a short name nearly any other is near.
        let nearest = nearest.filter(|(_, far)| *far * 2 <= wanted.chars().count().max(2));
        Names { nearest: nearest.map(|(at, _)| at), names }
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(nearest) = self.nearest {
            write!(f, "is it `{}`? ", self.names[nearest])?;
        }
        match self.names.as_slice() {
            [] => f.write_str("there is none"),
            [first, others @ ..] => {
                write!(f, "there is `{first}`")?;
                others.iter().try_for_each(|name| write!(f, ", `{name}`"))
            }
        }
    }
}

/// How many letters are to be put in, taken out or exchanged to make one name of the other, whatever their case.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).flat_map(char::to_lowercase).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (at, letter) in a.chars().take(64).flat_map(char::to_lowercase).enumerate() {
        let mut before = core::mem::replace(&mut row[0], at + 1);
        for (place, other) in b.iter().enumerate() {
            let exchanged = before + usize::from(letter != *other);
            before = row[place + 1];
            row[place + 1] = exchanged.min(before + 1).min(row[place] + 1);
        }
    }
    row[b.len()]
}

/// Types, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Types(pub(super) Vec<Type>);

impl fmt::Display for Types {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(at, ty)| write!(f, "{}{ty}", if at > 0 { ", " } else { "" }))
    }
}

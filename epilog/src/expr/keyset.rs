//! [`Keyset`]: where in a query's rows a page begins and ends.
//!
//! The rows of a query have a total order when what identifies them stands at its end: the keys of their records, or, of
//! groups and of distinct rows, their values. A place in that order is the values of its terms in one row, and the rows behind it
//! are those that a predicate over these terms is true of. No row is counted off, and what was inserted or deleted in
//! between moves nothing.
//!
//! With the terms `a, b, c` the predicate is `a >= x & (a > x | b >= y & (b > y | c > z))`: its first part is what
//! an index, or the records by key, are searched for. `>` stands for "comes later", which for a term that descends is `<`, and is
//! about `None` as the term places it.

use alloc::vec::Vec;

use super::{BinaryOp, Clause, Draft, FieldPath, OrderTerm, Postfix, RowPath, SelectItem, SetKind, UnaryOp};
use crate::schema::CollectionSchema;
use crate::value::{Scalar, Type};

/// A value of an order's term.
pub type TermValue = (Scalar, Type);

/// A query as it is asked for page by page.
#[derive(Clone, Debug)]
pub struct Keyset {
    /// The query, whose orders are total where a clause after them depends on it.
    draft: Draft,
    /// The total order of its rows.
    terms: Vec<OrderTerm>,
    /// What comes out of it.
    columns: Vec<SelectItem>,
}

/// Which way a page lies from its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Behind it.
    After,
    /// In front of it; rows come out last first.
    Before,
}

/// What identifies the rows of a scope.
#[derive(Default)]
struct Identity {
    /// How many values groups and distinct rows have.
    keys: usize,
    /// The values of the queries that were joined, by their numbers among those of windows.
    joined: Vec<u16>,
    /// The records, by source.
    sources: Vec<fn() -> &'static CollectionSchema>,
    /// Why two rows may be the same all the same.
    repeat: Option<&'static str>,
    /// How many values windows have calculated.
    windows: u16,
}

impl Identity {
    /// Rows that are these values and nothing else.
    fn values(keys: usize, repeat: Option<&'static str>) -> Identity {
        Identity { keys, repeat, ..Identity::default() }
    }

    /// The terms that tell all rows apart.
    fn terms(&self) -> Vec<OrderTerm> {
        let keys = (0..self.keys).map(|key| Postfix::key(key as u16));
        let joined = self
            .joined
            .iter()
            .map(|number| Postfix::field(FieldPath { row: RowPath::WINDOWS, ordinal: *number }));
        let records = self.sources.iter().enumerate().flat_map(|(source, schema)| {
            let row = RowPath::source(source as u8);
            schema().key.ordinals().iter().map(move |ordinal| FieldPath { row, ordinal: *ordinal })
        });
        let all = keys.chain(joined).chain(records.map(Postfix::field));
        all.map(|expression| OrderTerm { expression, descending: false, nulls_first: None }).collect()
    }

    /// Adds what identifies rows to an order, as far as it is not there.
    fn completed(&self, mut terms: Vec<OrderTerm>) -> Vec<OrderTerm> {
        for term in self.terms() {
            if terms.iter().all(|known| known.expression != term.expression) {
                terms.push(term);
            }
        }
        terms
    }

    /// What comes out where nothing is selected.
    fn columns(&self) -> Vec<SelectItem> {
        if self.sources.is_empty() {
            return (0..self.keys).map(|key| SelectItem::Value(Postfix::key(key as u16))).collect();
        }
        let rows = (0..self.sources.len()).map(|source| RowPath::source(source as u8));
        rows.map(SelectItem::Record).collect()
    }

    /// Whether values have all that tells rows apart among them.
    fn is_in(&self, values: &[SelectItem]) -> bool {
        let is_value = |term: &OrderTerm| {
            values.iter().any(|item| matches!(item, SelectItem::Value(value) if *value == term.expression))
        };
        self.terms().iter().all(is_value)
    }
}

const TWICE: &str = "a row may be there twice, and a page could end between the two: make rows `distinct`";

/// Whether the rows of a query of values are all different.
pub fn is_told_apart(draft: &Draft) -> bool {
    // What a query selects of groups or of records may be less than what tells them apart.
    let selected = Keyset::of(draft).map(|keyset| {
        let own = |term: &OrderTerm| {
            let is_value =
                |item: &SelectItem| matches!(item, SelectItem::Value(value) if *value == term.expression);
            keyset.columns.iter().any(is_value)
        };
        keyset.terms.iter().all(own)
    });
    selected.unwrap_or(false)
}

/// How many values a query gives that is joined or put together with another.
fn width(draft: &Draft) -> usize {
    let mut width = 0;
    for clause in &draft.clauses {
        match clause {
            Clause::Select(items) => width = items.len(),
            Clause::Grouping(keys) => width = keys.len(),
            _ => {}
        }
    }
    width
}

impl Keyset {
    /// The order of a query's rows.
    ///
    /// # Errors
    ///
    /// Why they have none that tells them apart.
    pub fn of(draft: &Draft) -> Result<Keyset, &'static str> {
        let mut identity = Identity { sources: Vec::from([draft.root]), ..Identity::default() };
        let mut draft = draft.clone();
        let mut terms: Vec<OrderTerm> = Vec::new();
        let mut selected: Option<Vec<SelectItem>> = None;
        let mut problem = None;
        for at in 0..draft.clauses.len() {
            match &draft.clauses[at] {
                Clause::Filter(_) | Clause::Native(..) | Clause::Previous(_) | Clause::LeftOut(_) => {}
                Clause::Window(items, _) => identity.windows += items.len() as u16,
                Clause::Limit(_) | Clause::Offset(_) | Clause::LimitPer(..) | Clause::Sample(..) => {}
                Clause::Select(items) => selected = Some(items.clone()),
                Clause::Order(order) => {
                    terms.clone_from(order);
                    problem = None;
                    // Which rows a limit keeps has to be the same for every page.
                    let bounds = |clause: &Clause| {
                        use Clause::{Limit, LimitPer, Offset, Window};
                        matches!(clause, Limit(_) | Offset(_) | LimitPer(..) | Window(..))
                    };
                    if draft.clauses[at + 1..].iter().any(bounds) {
                        draft.clauses[at] = Clause::Order(identity.completed(terms.clone()));
                    }
                }
                Clause::Join { collection, .. } => {
                    identity.sources.push(*collection);
                    terms.clear();
                    selected = None;
                }
                Clause::JoinQuery(other, ..) => {
                    let before = identity.windows;
                    identity.windows += width(&other.0) as u16;
                    identity.joined.extend(before..identity.windows);
                    // The rows of the other query are told apart by their values, if by anything.
                    if !is_told_apart(&other.0) {
                        identity.repeat = Some(TWICE);
                    }
                    terms.clear();
                }
                Clause::Grouping(keys) => {
                    identity = Identity::values(keys.len(), None);
                    terms.clear();
                    (selected, problem) = (None, None);
                }
                Clause::Distinct => {
                    let values = selected.take().unwrap_or_else(|| identity.columns());
                    (terms, problem) = match of_values(&terms, &values) {
                        Some(terms) => (terms, problem),
                        None => (
                            Vec::new(),
                            Some(
                                "distinct rows come in the order of what was not selected: order them again",
                            ),
                        ),
                    };
                    identity = Identity::values(values.len(), None);
                }
                Clause::Set(_, kind, _) => {
                    let values =
                        selected.take().map_or_else(|| identity.columns().len(), |items| items.len());
                    let all = matches!(kind, SetKind::UnionAll | SetKind::IntersectAll | SetKind::ExceptAll);
                    identity = Identity::values(values, all.then_some(TWICE));
                    terms.clear();
                    problem = None;
                }
                Clause::Common(_) => {
                    let values = selected.take().unwrap_or_else(|| identity.columns());
                    let repeat = identity.repeat.or_else(|| (!identity.is_in(&values)).then_some(TWICE));
                    identity = Identity::values(values.len(), repeat);
                    terms.clear();
                    problem = None;
                }
                Clause::Recursive(..) => {
                    let values =
                        selected.take().map_or_else(|| identity.columns().len(), |items| items.len());
                    identity = Identity::values(values, None);
                    terms.clear();
                    problem = None;
                }
            }
        }
        if let Some(problem) = problem.or(identity.repeat) {
            return Err(problem);
        }
        let columns = selected.unwrap_or_else(|| identity.columns());
        Ok(Keyset { draft, terms: identity.completed(terms), columns })
    }

    /// How many values a place has.
    pub fn len(&self) -> usize {
        self.terms.len()
    }

    /// Whether there is no term: of a query that has one row.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// How many columns come before those of the place.
    pub fn columns(&self) -> usize {
        self.columns.len()
    }

    /// The query for at most `count` rows on one side of a place, with the values of each row's own place behind its columns. Without
    /// a place they are those from the end of that side on.
    pub fn page(&self, place: &[TermValue], side: Side, count: u64) -> Draft {
        let mut draft = self.draft.clone();
        let terms = match side {
            Side::After => self.terms.clone(),
            Side::Before => self.terms.iter().map(turned).collect(),
        };
        // The order that follows is theirs, and tests in a program's own code come after what stands beside them.
        #[cfg(not(feature = "small"))]
        while matches!(draft.clauses.last(), Some(Clause::Order(_))) {
            draft.clauses.as_mut_vec().pop();
        }
        if let Some(later) = later(&terms, place) {
            draft.clauses.push(Clause::Filter(later));
        }
        let mut columns = self.columns.clone();
        columns.extend(terms.iter().map(|term| SelectItem::Value(term.expression.clone())));
        draft.clauses.push(Clause::Order(terms));
        draft.clauses.push(Clause::Select(columns));
        draft.clauses.push(Clause::Limit(count));
        draft
    }

    /// A number for the query, the same for all that differ in nothing but the values that they compare with: what is in a
    /// place of one is of the same meaning in the other. It changes with the collections' fields.
    pub fn shape(&self) -> u64 {
        let mut shape = super::fingerprint::Fingerprint::default();
        shape.draft(&self.draft);
        self.terms.iter().for_each(|term| shape.term(term));
        shape.finish()
    }
}

/// An order of values that were selected, by their numbers; `None` when something else is in it.
fn of_values(terms: &[OrderTerm], values: &[SelectItem]) -> Option<Vec<OrderTerm>> {
    let number = |term: &OrderTerm| {
        let is_same =
            |item: &SelectItem| matches!(item, SelectItem::Value(value) if *value == term.expression);
        let number = values.iter().position(is_same)?;
        Some(OrderTerm { expression: Postfix::key(number as u16), ..*term })
    };
    terms.iter().map(number).collect()
}

/// The same term, last first.
fn turned(term: &OrderTerm) -> OrderTerm {
    let nulls_first = term.nulls_first.unwrap_or(!term.descending);
    OrderTerm {
        expression: term.expression.clone(),
        descending: !term.descending,
        nulls_first: Some(!nulls_first),
    }
}

/// Whether a row comes later than a place; `None` where there is none.
fn later(terms: &[OrderTerm], place: &[TermValue]) -> Option<Postfix> {
    let ((term, rest), (value, others)) = (terms.split_first()?, place.split_first()?);
    let behind = beyond(term, value, false);
    Some(match later(rest, others) {
        None => behind,
        Some(rest) => {
            let or_equal = beyond(term, value, true);
            let among = behind.binary(BinaryOp::Or, rest);
            or_equal.binary(BinaryOp::And, among)
        }
    })
}

/// Whether a term comes later than a value, or, if that `counts`, is equal to it.
fn beyond(term: &OrderTerm, (value, ty): &TermValue, counts: bool) -> Postfix {
    let of = || term.expression.clone();
    let nulls_first = term.nulls_first.unwrap_or(!term.descending);
    let always = |holds| Postfix::literal(Scalar::Bool(holds), Type::Bool);
    match (value.is_null(), nulls_first) {
        (true, true) if counts => always(true),
        (true, true) => of().unary(UnaryOp::IsSome),
        (true, false) if counts => of().unary(UnaryOp::IsNone),
        (true, false) => always(false),
        (false, nulls_first) => {
            let op = match (term.descending, counts) {
                (false, false) => BinaryOp::Gt,
                (false, true) => BinaryOp::Ge,
                (true, false) => BinaryOp::Lt,
                (true, true) => BinaryOp::Le,
            };
            let compared = of().binary(op, Postfix::literal(value.clone(), *ty));
            if nulls_first { compared } else { compared.binary(BinaryOp::Or, of().unary(UnaryOp::IsNone)) }
        }
    }
}

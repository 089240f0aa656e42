//! [`DynamicQuery`]: clauses by names, each understood when it is given.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use super::expression::{DynamicExpression, Item, Subject, Term, What};
use super::problem::Problem;
use super::resolve::{Resolver, Used};
use super::scope::{CollectionFn, Known, Scope, collection};
use super::window::{Distance, DynamicWindow, WindowValue};
use crate::Error;
use crate::engine::typed::Typed;
use crate::engine::{CancelHandle, Control, PlanError};
use crate::expr::{
    Clause, Draft, Frame, FrameUnit, JoinKind, OrderTerm, Postfix, Recursion, SelectItem, SetKind, WindowItem,
};
use crate::schema::DatabaseSchema;
use crate::value::{Scalar, Type};

/// A query whose names were looked up when it was built: a value, `Clone`, without a connection inside. Made by
/// [`Collections::query`](super::Collections::query).
///
/// What is wrong with a clause stays with the query, and every terminal refuses it: [`check`](DynamicQuery::check) tells it before.
#[derive(Clone, Debug)]
#[must_use = "a query does nothing until it is run: `.all(&db)`, `.one(&db)`, `.count(&db)`, .."]
pub struct DynamicQuery {
    state: Result<Box<State>, Box<Problem>>,
    pub(super) control: Control,
}

/// What is known of a query so far.
#[derive(Clone, Debug)]
struct State {
    draft: Draft,
    scope: Scope,
    /// What comes out, where a clause says it.
    selected: Option<Vec<Selected>>,
    used: Used,
    clauses: usize,
}

/// One thing that comes out.
#[derive(Clone, Debug)]
struct Selected {
    name: Option<String>,
    /// Of a record `None`.
    typed: Option<Typed>,
}

/// The most of anything that a clause takes several of, and of clauses.
const ITEMS_MAX: usize = 1_024;

impl DynamicQuery {
    /// All records of a collection.
    pub(super) fn over(database: &'static DatabaseSchema, name: &str) -> DynamicQuery {
        let found = collection(database, name);
        let state = found.map(|collection| {
            let scope = Scope::of(database, name.to_string(), collection);
            State::new(Draft::all(collection), scope)
        });
        DynamicQuery { state: state.map(Box::new).map_err(Box::new), control: Control::default() }
    }

    /// What is wrong with it, if anything is.
    ///
    /// # Errors
    ///
    /// [`Plan`](crate::ErrorKind::Plan): the first clause that names what is not there, or does with it what its type does not allow.
    pub fn check(&self) -> Result<(), Error> {
        self.draft().map(|_| ())
    }

    /// The query as the engine takes it.
    pub(crate) fn draft(&self) -> Result<&Draft, Error> {
        match &self.state {
            Ok(state) => Ok(&state.draft),
            Err(problem) => Err(Error::dynamic((**problem).clone())),
        }
    }

    /// The names of what comes out, in order.
    pub(super) fn names(&self) -> Arc<[Option<String>]> {
        let selected = self.state.as_ref().map(|state| state.columns()).unwrap_or_default();
        selected.into_iter().map(|selected| selected.name).collect()
    }

    /// A query of one value as a part of another.
    pub(super) fn one_value(&self, operation: &'static str) -> Result<(Draft, Typed, Used), Problem> {
        let state = self.sound()?;
        match state.values(operation)?.as_slice() {
            [value] => Ok((state.draft.clone(), value.typed, state.used)),
            values => Err(Problem::NotOneValue { count: values.len() }),
        }
    }

    fn sound(&self) -> Result<&State, Problem> {
        self.state.as_deref().map_err(|problem| (**problem).clone())
    }

    /// One more clause, unless something was wrong before.
    fn clause(
        mut self,
        clause: &'static str,
        add: impl FnOnce(&mut State) -> Result<(), Problem>,
    ) -> DynamicQuery {
        if let Ok(state) = &mut self.state {
            state.clauses += 1;
            let number = state.clauses;
            let added = match number > ITEMS_MAX {
                true => Err(Problem::TooLarge { what: "clauses", limit: ITEMS_MAX }),
                false => add(state),
            };
            if let Err(problem) = added {
                let root = (state.draft.root)().name.to_string();
                let problem = Box::new(problem);
                self.state = Err(match *problem {
                    // What is wrong in a query within is told with its own clause.
                    Problem::Clause { .. } => problem,
                    _ => Box::new(Problem::Clause { clause, number, root, problem }),
                });
            }
        }
        self
    }

    /// Names the source that the query began with, in place of its collection's name.
    pub fn named(self, name: impl Into<String>) -> DynamicQuery {
        let name = name.into();
        self.clause("named", |state| {
            let taken = state.scope.sources.iter().skip(1).any(|source| source.name == name);
            match state.scope.sources.first_mut() {
                Some(source) if !taken => source.name = name,
                Some(_) => return Err(Problem::Taken { name }),
                None => return Err(Problem::NothingToName),
            }
            Ok(())
        })
    }

    /// Keeps the rows that a condition is true of.
    pub fn filter(self, condition: impl Into<DynamicExpression>) -> DynamicQuery {
        let condition = condition.into();
        self.clause("filter", |state| {
            let condition = state.resolver().condition(&condition)?.postfix();
            state.push(Clause::Filter(condition));
            Ok(())
        })
    }

    /// [`filter`](DynamicQuery::filter), by the name it has after a [`group_by`](DynamicQuery::group_by).
    pub fn having(self, condition: impl Into<DynamicExpression>) -> DynamicQuery {
        self.filter(condition)
    }

    /// Orders the rows.
    pub fn order_by<T: Into<Term>>(self, terms: impl IntoIterator<Item = T>) -> DynamicQuery {
        let terms: Vec<Term> = terms.into_iter().map(Into::into).collect();
        self.clause("order_by", |state| {
            let terms = state.terms(&terms)?.into_iter().map(|(term, _)| term).collect();
            state.push(Clause::Order(terms));
            Ok(())
        })
    }

    /// Keeps the first rows.
    pub fn limit(self, count: u64) -> DynamicQuery {
        self.clause("limit", |state| {
            state.push(Clause::Limit(count));
            Ok(())
        })
    }

    /// Skips the first rows.
    pub fn offset(self, count: u64) -> DynamicQuery {
        self.clause("offset", |state| {
            state.push(Clause::Offset(count));
            Ok(())
        })
    }

    /// Keeps so many of the rows, drawn by lot.
    #[cfg(feature = "std")]
    pub fn sample(self, count: u64) -> DynamicQuery {
        use core::hash::{BuildHasher, Hasher};
        let seed = std::hash::RandomState::new().build_hasher().finish();
        self.sample_seeded(count, seed)
    }

    /// Keeps so many of the rows, drawn by lot: the same for the same seed.
    pub fn sample_seeded(self, count: u64, seed: u64) -> DynamicQuery {
        self.clause("sample", |state| {
            state.push(Clause::sample(count, seed));
            Ok(())
        })
    }

    /// What comes out.
    pub fn select<X: Into<Item>>(self, items: impl IntoIterator<Item = X>) -> DynamicQuery {
        let items: Vec<Item> = items.into_iter().map(Into::into).collect();
        self.clause("select", |state| state.select(&items))
    }

    /// Pairs the rows with records of a collection, which are called `name` from here on.
    pub fn join(
        self,
        collection: impl Into<String>,
        name: impl Into<String>,
        on: impl Into<DynamicExpression>,
    ) -> DynamicQuery {
        let (collection, name, on) = (collection.into(), name.into(), on.into());
        self.clause("join", |state| state.join(&collection, &name, &on, JoinKind::Inner))
    }

    /// As [`join`](DynamicQuery::join); a row without a pair stays, the record being absent.
    pub fn left_join(
        self,
        collection: impl Into<String>,
        name: impl Into<String>,
        on: impl Into<DynamicExpression>,
    ) -> DynamicQuery {
        let (collection, name, on) = (collection.into(), name.into(), on.into());
        self.clause("left_join", |state| state.join(&collection, &name, &on, JoinKind::Left))
    }

    /// Pairs the rows with those of another query of values, which are called by `name` and their own names from here on.
    pub fn join_query(
        self,
        other: DynamicQuery,
        name: impl Into<String>,
        on: impl Into<DynamicExpression>,
    ) -> DynamicQuery {
        let (name, on) = (name.into(), on.into());
        self.clause("join_query", |state| state.join_query(&other, &name, &on, JoinKind::Inner))
    }

    /// As [`join_query`](DynamicQuery::join_query); a row without a pair stays, the values being absent.
    pub fn left_join_query(
        self,
        other: DynamicQuery,
        name: impl Into<String>,
        on: impl Into<DynamicExpression>,
    ) -> DynamicQuery {
        let (name, on) = (name.into(), on.into());
        self.clause("left_join_query", |state| state.join_query(&other, &name, &on, JoinKind::Left))
    }

    /// Makes a group of the rows with the same values of these keys; without keys one of all rows. What follows speaks of keys, by
    /// their names, and of aggregates.
    pub fn group_by<X: Into<Item>>(self, keys: impl IntoIterator<Item = X>) -> DynamicQuery {
        let keys: Vec<Item> = keys.into_iter().map(Into::into).collect();
        self.clause("group_by", |state| state.group(&keys))
    }

    /// One row about all rows: [`group_by`](DynamicQuery::group_by) no keys, and [`select`](DynamicQuery::select).
    pub fn aggregate<X: Into<Item>>(self, items: impl IntoIterator<Item = X>) -> DynamicQuery {
        let items: Vec<Item> = items.into_iter().map(Into::into).collect();
        self.clause("aggregate", |state| {
            state.group(&[])?;
            state.select(&items)
        })
    }

    /// Gives every row one more value for each of these.
    pub fn window(self, values: impl IntoIterator<Item = WindowValue>) -> DynamicQuery {
        let values: Vec<WindowValue> = values.into_iter().collect();
        self.clause("window", |state| state.window(&values))
    }

    /// Keeps, of the rows with the same values of these keys, the first so many.
    pub fn limit_per<X: Into<Subject>>(self, keys: impl IntoIterator<Item = X>, count: u64) -> DynamicQuery {
        let keys: Vec<DynamicExpression> = keys.into_iter().map(|key| key.into().0).collect();
        self.clause("limit_per", |state| state.limit_per(&keys, count))
    }

    /// Keeps, of the rows with the same values of these keys, the first.
    pub fn distinct_by<X: Into<Subject>>(self, keys: impl IntoIterator<Item = X>) -> DynamicQuery {
        let keys: Vec<DynamicExpression> = keys.into_iter().map(|key| key.into().0).collect();
        self.clause("distinct_by", |state| state.limit_per(&keys, 1))
    }

    /// Every row once, of values.
    pub fn distinct(self) -> DynamicQuery {
        self.clause("distinct", |state| {
            let values = state.values("distinct")?;
            state.push(Clause::Distinct);
            state.become_values(values)
        })
    }

    /// The rows as values, carried out once for all parts of a query that ask for the same.
    pub fn common(self) -> DynamicQuery {
        self.clause("common", |state| {
            let values = state.values("common")?;
            state.push(Clause::common());
            state.become_values(values)
        })
    }

    fn set(self, clause: &'static str, other: &DynamicQuery, kind: SetKind) -> DynamicQuery {
        self.clause(clause, |state| {
            let other = other.sound()?;
            let lefts = state.values(clause)?;
            let rights = other.values(clause)?;
            let values = put_together(clause, lefts, &rights)?;
            state.used.query(other.used)?;
            state.push(Clause::set(other.draft.clone(), kind));
            state.become_values(values)
        })
    }

    /// The rows that are in this query or the other, each once.
    pub fn union(self, other: DynamicQuery) -> DynamicQuery {
        self.set("union", &other, SetKind::Union)
    }

    /// The rows of this query, and then those of the other.
    pub fn union_all(self, other: DynamicQuery) -> DynamicQuery {
        self.set("union_all", &other, SetKind::UnionAll)
    }

    /// The rows that are in both, each once.
    pub fn intersect(self, other: DynamicQuery) -> DynamicQuery {
        self.set("intersect", &other, SetKind::Intersect)
    }

    /// The rows that are in both, as often as they are.
    pub fn intersect_all(self, other: DynamicQuery) -> DynamicQuery {
        self.set("intersect_all", &other, SetKind::IntersectAll)
    }

    /// The rows that are not in the other, each once.
    pub fn except(self, other: DynamicQuery) -> DynamicQuery {
        self.set("except", &other, SetKind::Except)
    }

    /// The rows, as often as they are here more than in the other.
    pub fn except_all(self, other: DynamicQuery) -> DynamicQuery {
        self.set("except_all", &other, SetKind::ExceptAll)
    }

    /// The rows, and those that they lead to, until there are no new ones. `step` is given the rows that were found last, of
    /// values by the names that they have here, and gives those that they lead to.
    pub fn recursive_with(self, step: impl FnOnce(DynamicQuery) -> DynamicQuery) -> DynamicQuery {
        self.recursion(None, step)
    }

    /// As [`recursive_with`](DynamicQuery::recursive_with), in so many rounds at most.
    pub fn recursive_within(
        self,
        rounds: u64,
        step: impl FnOnce(DynamicQuery) -> DynamicQuery,
    ) -> DynamicQuery {
        self.recursion(Some(rounds), step)
    }

    fn recursion(self, rounds: Option<u64>, step: impl FnOnce(DynamicQuery) -> DynamicQuery) -> DynamicQuery {
        self.clause("recursive_with", |state| {
            let lefts = state.values("recursive_with")?;
            let step = step(state.previous(&lefts)).state.map_err(|problem| *problem)?;
            let values = put_together("recursive_with", lefts, &step.values("recursive_with")?)?;
            state.used.query(step.used)?;
            let recursion = Recursion { step: step.draft, identity: None, rounds };
            state.push(Clause::recursive(recursion));
            state.become_values(values)
        })
    }

    /// Ends the query with [`TimedOut`](crate::ErrorKind::TimedOut) when it takes longer.
    pub fn timeout(mut self, timeout: Duration) -> DynamicQuery {
        self.control.set_timeout(timeout);
        self
    }

    /// Lets the query keep so many bytes of rows in memory.
    pub fn memory(mut self, bytes: usize) -> DynamicQuery {
        self.control.set_memory(bytes);
        self
    }

    /// Lets so many threads carry the query out.
    #[cfg(feature = "std")]
    pub fn threads(mut self, threads: usize) -> DynamicQuery {
        self.control.set_threads(threads);
        self
    }

    /// Refuses to read all records of a collection.
    pub fn require_index(mut self) -> DynamicQuery {
        self.control.set_require_index();
        self
    }

    /// Ends the query with [`Cancelled`](crate::ErrorKind::Cancelled) when the handle says so.
    pub fn cancel_with(mut self, handle: &CancelHandle) -> DynamicQuery {
        self.control.add_handle(handle);
        self
    }
}

/// The values of rows that come from two queries.
fn put_together(
    operation: &'static str,
    mut lefts: Vec<Known>,
    rights: &[Known],
) -> Result<Vec<Known>, Problem> {
    if lefts.len() != rights.len() {
        let (left, right) = (lefts.len(), rights.len());
        return Err(PlanError::NotAsMany { operation, left, right }.into());
    }
    for (left, right) in lefts.iter_mut().zip(rights) {
        let (own, other) = (left.typed, right.typed);
        if own.ty != other.ty {
            return Err(PlanError::TypeMismatch { operation, left: own.ty, right: other.ty }.into());
        }
        left.typed.nullable |= other.nullable;
    }
    Ok(lefts)
}

fn at_most(count: usize) -> Result<(), Problem> {
    match count > ITEMS_MAX {
        true => Err(Problem::TooLarge { what: "items of a clause", limit: ITEMS_MAX }),
        false => Ok(()),
    }
}

impl State {
    fn new(draft: Draft, scope: Scope) -> State {
        State { draft, scope, selected: None, used: Used::default(), clauses: 0 }
    }

    fn push(&mut self, clause: Clause) {
        self.draft.clauses.push(clause);
    }

    fn resolver(&mut self) -> Resolver<'_> {
        Resolver { scope: &self.scope, used: &mut self.used }
    }

    /// What comes out.
    fn columns(&self) -> Vec<Selected> {
        if let Some(selected) = &self.selected {
            return selected.clone();
        }
        if self.scope.sources.is_empty() {
            let keys = self.scope.keys.iter();
            return keys.map(|key| Selected { name: key.name.clone(), typed: Some(key.typed) }).collect();
        }
        let sources = self.scope.sources.iter();
        sources.map(|source| Selected { name: Some(source.name.clone()), typed: None }).collect()
    }

    /// The values that come out.
    fn values(&self, clause: &'static str) -> Result<Vec<Known>, Problem> {
        let columns = self.columns().into_iter().map(|column| match column.typed {
            Some(typed) => Ok(Known { of: None, name: column.name, typed }),
            None => Err(PlanError::OfRecords { clause }.into()),
        });
        columns.collect()
    }

    /// From here on rows are these values and nothing else.
    fn become_values(&mut self, values: Vec<Known>) -> Result<(), Problem> {
        unique(&values)?;
        self.used.add(values.len())?;
        self.used.aggregates = false;
        self.selected = None;
        self.scope = Scope::of_values(self.scope.database, values);
        Ok(())
    }

    /// The rows that a step of a recursion over these is given.
    fn previous(&self, values: &[Known]) -> DynamicQuery {
        let draft = Draft::new(self.draft.root, Vec::from([Clause::previous()]));
        // Whether those that are yet to be found have all values is not known.
        let nullable =
            |known: &Known| Known { typed: Typed { nullable: true, ..known.typed }, ..known.clone() };
        let scope = Scope::of_values(self.scope.database, values.iter().map(nullable).collect());
        let state = State::new(draft, scope);
        DynamicQuery { state: Ok(Box::new(state)), control: Control::default() }
    }

    fn terms(&mut self, terms: &[Term]) -> Result<Vec<(OrderTerm, Typed)>, Problem> {
        at_most(terms.len())?;
        let mut resolver = self.resolver();
        let terms = terms.iter().map(|term| {
            let value = resolver.value(&term.value)?;
            let typed = value.typed;
            let (descending, nulls_first) = (term.descending, term.nulls_first);
            Ok((OrderTerm { expression: value.postfix(), descending, nulls_first }, typed))
        });
        terms.collect()
    }

    fn expressions(&mut self, expressions: &[DynamicExpression]) -> Result<Vec<Postfix>, Problem> {
        at_most(expressions.len())?;
        let mut resolver = self.resolver();
        expressions.iter().map(|expression| Ok(resolver.value(expression)?.postfix())).collect()
    }

    fn select(&mut self, items: &[Item]) -> Result<(), Problem> {
        at_most(items.len())?;
        let (mut columns, mut selected) = (Vec::new(), Vec::new());
        for item in items {
            let typed = match &item.what {
                What::Value(value) => {
                    let value = self.resolver().value(value)?;
                    let typed = value.typed;
                    columns.push(SelectItem::Value(value.postfix()));
                    Some(typed)
                }
                What::Record(path) => {
                    columns.push(SelectItem::Record(self.scope.record(path)?.row));
                    None
                }
            };
            selected.push(Selected { name: item.name(), typed });
        }
        self.used.add(selected.len())?;
        self.push(Clause::Select(columns));
        self.selected = Some(selected);
        Ok(())
    }

    fn join(
        &mut self,
        name: &str,
        called: &str,
        on: &DynamicExpression,
        kind: JoinKind,
    ) -> Result<(), Problem> {
        if self.used.aggregates {
            return Err(PlanError::OfGroups { clause: "join" }.into());
        }
        let collection: CollectionFn = collection(self.scope.database, name)?;
        self.scope.push(called, collection)?;
        // Groups that records were joined to are no longer asked for aggregates.
        self.scope.grouped = None;
        let on = self.resolver().condition(on)?.postfix();
        self.used.add(1)?;
        if let Some(source) = self.scope.sources.last_mut() {
            source.optional = kind == JoinKind::Left;
        }
        self.push(Clause::Join { collection, on, kind });
        self.selected = None;
        Ok(())
    }

    fn join_query(
        &mut self,
        other: &DynamicQuery,
        name: &str,
        on: &DynamicExpression,
        kind: JoinKind,
    ) -> Result<(), Problem> {
        let other = other.sound()?;
        let values = other.values("join_query")?;
        unique(&values)?;
        if self.scope.has_source(name) {
            return Err(Problem::Taken { name: name.to_string() });
        }
        self.used.query(other.used)?;
        self.used.add(values.len())?;
        let first = self.scope.windows.len();
        let of = Some(name.to_string());
        self.scope.windows.extend(values.into_iter().map(|value| Known { of: of.clone(), ..value }));
        let on = self.resolver().condition(on)?.postfix();
        for value in &mut self.scope.windows[first..] {
            value.typed.nullable |= kind == JoinKind::Left;
        }
        self.push(Clause::join_query(other.draft.clone(), on, kind));
        Ok(())
    }

    fn group(&mut self, keys: &[Item]) -> Result<(), Problem> {
        at_most(keys.len())?;
        let (mut postfixes, mut known) = (Vec::new(), Vec::new());
        for key in keys {
            let What::Value(value) = &key.what else {
                return Err(PlanError::OfRecords { clause: "group_by" }.into());
            };
            let value = self.resolver().value(value)?;
            known.push(Known { of: None, name: key.name(), typed: value.typed });
            postfixes.push(value.postfix());
        }
        unique(&known)?;
        self.used.add(known.len())?;
        self.used.aggregates = false;
        self.selected = None;
        let groups = Scope::of_values(self.scope.database, known);
        let rows = core::mem::replace(&mut self.scope, groups);
        self.scope.grouped = Some(Box::new(rows));
        self.push(Clause::Grouping(postfixes));
        Ok(())
    }

    fn limit_per(&mut self, keys: &[DynamicExpression], count: u64) -> Result<(), Problem> {
        let keys = self.expressions(keys)?;
        self.push(Clause::limit_per(keys, count));
        Ok(())
    }

    fn window(&mut self, values: &[WindowValue]) -> Result<(), Problem> {
        at_most(values.len())?;
        let (mut items, mut known) = (Vec::new(), Vec::new());
        for value in values {
            let (item, typed) = self.window_item(value)?;
            items.push(item);
            known.push(Known { of: None, name: value.name.clone(), typed });
        }
        self.used.add(known.len())?;
        self.scope.windows.extend(known);
        let own: Vec<Known> = self.scope.windows.iter().filter(|known| known.of.is_none()).cloned().collect();
        unique(&own)?;
        self.push(Clause::window(items));
        Ok(())
    }

    fn window_item(&mut self, value: &WindowValue) -> Result<(WindowItem, Typed), Problem> {
        if !value.is_sound {
            return Err(Problem::NotAnAggregate { place: "aggregate" });
        }
        let DynamicWindow { partition, order, unit, start, end } = &value.window;
        let partition = self.expressions(partition)?;
        let order = self.terms(order)?;
        let mut resolver = self.resolver();
        let argument = value.argument.as_ref().map(|argument| resolver.value(argument)).transpose()?;
        let only = value.only.as_ref().map(|only| resolver.condition(only)).transpose()?;
        // What does not count is no value.
        let (argument, typed) = match (only, argument) {
            (None, None) => (None, None),
            (None, Some(argument)) => {
                let typed = argument.typed;
                (Some(argument.postfix()), Some(typed))
            }
            (Some(only), argument) => {
                let (counted, ty) = match argument {
                    Some(argument) => {
                        let ty = argument.typed.ty;
                        (argument.postfix(), ty)
                    }
                    None => (Postfix::literal(Scalar::Bool(true), Type::Bool), Type::Bool),
                };
                let counted = only.postfix().choose(counted, Postfix::literal(Scalar::Null, ty));
                (Some(counted), Some(Typed { ty, nullable: true }))
            }
        };
        let typed = Typed::window(&value.function, typed)?;
        let distance = |distance: &Option<Distance>| -> Result<Option<i64>, Problem> {
            let Some(distance) = distance else { return Ok(None) };
            if *unit != FrameUnit::Range {
                return match distance {
                    Distance::Whole(rows) => Ok(Some(*rows)),
                    Distance::Float(_) => Err(Problem::Distance { ty: Type::U64, needed: "whole numbers" }),
                };
            }
            let of = match order.as_slice() {
                [(_, of)] => *of,
                terms => return Err(PlanError::RangeOfOneTerm { terms: terms.len() }.into()),
            };
            match (distance, of.ty) {
                _ if !of.has_distances() => {
                    Err(PlanError::NotDefined { operation: "range", ty: of.ty }.into())
                }
                (Distance::Float(distance), Type::F32 | Type::F64) if distance.is_nan() => {
                    Err(PlanError::RangeWithoutDistance.into())
                }
                (Distance::Float(distance), Type::F32 | Type::F64) => Ok(Some(distance.to_bits() as i64)),
                (Distance::Whole(_), ty @ (Type::F32 | Type::F64)) => {
                    Err(Problem::Distance { ty, needed: "floats" })
                }
                (Distance::Whole(distance), _) => Ok(Some(*distance)),
                (Distance::Float(_), ty) => Err(Problem::Distance { ty, needed: "whole numbers" }),
            }
        };
        let frame = Frame { unit: *unit, start: distance(start)?, end: distance(end)? };
        let order = order.iter().map(|(term, _)| term.clone()).collect();
        let function = value.function.clone();
        Ok((WindowItem { function, argument, partition, order, frame }, typed))
    }
}

/// Refuses two values of one name.
fn unique(values: &[Known]) -> Result<(), Problem> {
    let mut names: Vec<&str> = values.iter().filter_map(|value| value.name.as_deref()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Problem::Taken { name: pair[0].to_string() }),
        None => Ok(()),
    }
}

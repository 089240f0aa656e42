//! Lowering: from a draft to a checked logical plan.
//!
//! Relation paths become [`Lookup`]s, one for each relation of each row however often it is named. Subqueries become
//! [`Subquery`] nodes whose answers expressions read. A path that begins at a row of an enclosing scope is looked up
//! there, once per row and not once per pair.

mod derived;
#[cfg(not(feature = "small"))]
mod each;
mod sample;
mod windows;

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::super::error::PlanError;
#[cfg(not(feature = "small"))]
use super::Parameters;
use super::aggregate::result_type;
use super::{
    Aggregate, AggregateTerm, Asked, Column, Computed, ComputedDef, Expr, Filter, Join, KeyTerm, Limit, Link,
    Literal, LogicalPlan, Lookup, Native, Node, Project, Scan, Set, SetColumn, Slot, SlotDef, Sort, SortTerm,
    Subquery, Window, set_name, typing,
};
use crate::expr;
#[cfg(not(feature = "small"))]
use crate::expr::shape::Shape;
use crate::expr::{
    AggregateFunction, AggregateItem, Assignment, BinaryOp, Clause, Draft, JoinKind, Op, OrderTerm, Postfix,
    Quantifier, RowPath, SelectItem, SetKind,
};
use crate::parts::{self, InWhole, Whole};
use crate::schema::{Catalog, CollectionDef, CollectionSchema};
use crate::value::{Scalar, Type};

/// What a draft is lowered for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Its rows.
    Rows,
    /// How many rows it has.
    Count,
    /// Whether it has a row.
    Exists,
    /// The ranks of its root records, in any order.
    Keys,
    /// The same, in the order of its rows.
    KeysInOrder,
}

/// Lowers a draft.
///
/// # Errors
///
/// When the draft names what `catalog` does not hold, or is ill-typed: see [`PlanError`].
pub fn lower(catalog: &Catalog, draft: &Draft, purpose: Purpose) -> Result<LogicalPlan, PlanError> {
    #[cfg(not(feature = "small"))]
    {
        // Arguments are known by where they stand.
        let parameters = Parameters::unkept(&Shape::values_of(draft));
        lower_with(catalog, draft, purpose, Some(&parameters))
    }
    #[cfg(feature = "small")]
    {
        let mut lowering = Lowering::new(catalog, draft.root)?;
        lowering.derived = derived::Derived::of(draft);
        lowering.draft(draft, purpose)
    }
}

/// As [`lower`], with the values of the draft for a plan that may be kept.
///
/// # Errors
///
/// As [`lower`].
#[cfg(not(feature = "small"))]
pub fn lower_with(
    catalog: &Catalog,
    draft: &Draft,
    purpose: Purpose,
    parameters: Option<&Parameters<'_>>,
) -> Result<LogicalPlan, PlanError> {
    let mut lowering = Lowering::new(catalog, draft.root)?;
    lowering.derived = derived::Derived::of(draft);
    lowering.parameters = parameters;
    lowering.draft(draft, purpose)
}

/// Lowers the assignments of a set-based update to a plan over [`Node::Pairs`], whose columns are the new values in the
/// order of the assignments. Slot 0 is the record.
///
/// # Errors
///
/// As [`lower`]; also when a value is not of its field's type, or may be absent where the field is required.
pub fn lower_assignments(
    catalog: &Catalog,
    root: fn() -> &'static CollectionSchema,
    assignments: &[Assignment],
) -> Result<LogicalPlan, PlanError> {
    let mut lowering = Lowering::new(catalog, root)?;
    lowering.scopes[0].node = Node::Pairs;
    let mut columns = Vec::new();
    for assignment in assignments {
        let collection = lowering.slots[0].collection.clone();
        let position = position_of(&collection, assignment.ordinal)?;
        let field = &collection.fields[usize::from(position)];
        let value = lowering.expression(&assignment.expression)?;
        if value.ty != field.ty {
            return Err(PlanError::TypeMismatch { operation: "set", left: field.ty, right: value.ty });
        }
        if value.nullable && !field.optional {
            return Err(PlanError::MayBeAbsent {
                collection: collection.name.clone(),
                field: field.name.clone(),
            });
        }
        columns.push(Column::Value(value));
    }
    Ok(lowering.finish(columns))
}

/// Lowers what a set-based change gives of each record to a plan over [`Node::Pairs`], whose columns are the items. Slot 0 is the
/// record.
///
/// # Errors
///
/// As [`lower`].
pub fn lower_selection(
    catalog: &Catalog,
    root: fn() -> &'static CollectionSchema,
    items: &[SelectItem],
) -> Result<LogicalPlan, PlanError> {
    let mut lowering = Lowering::new(catalog, root)?;
    lowering.scopes[0].node = Node::Pairs;
    let columns = items.iter().map(|item| lowering.select_item(item)).collect::<Result<_, _>>()?;
    Ok(lowering.finish(columns))
}

/// A scope in which rows are looked at: the query's own, or the pairs of a subquery.
struct Scope {
    /// The nodes so far.
    node: Node,
    /// The lookups among them: from which slot, by which field, into which slot.
    related: Vec<(Slot, u16, Slot)>,
}

/// What is known of groups.
struct Groups {
    keys: Vec<Computed>,
    /// Whether two rows may have the same keys.
    repeat: bool,
    /// The aggregates that later clauses ask for, by where they stand in the draft: a literal `NaN` equals nothing.
    items: Vec<(*const AggregateItem, Computed)>,
}

/// What is known of queries that rows were joined to.
#[derive(Default)]
struct Joined {
    values: Vec<Computed>,
    /// Whether two of their rows may have the same values.
    repeat: bool,
}

struct Lowering<'c> {
    catalog: &'c Catalog,
    /// The values of the draft, for a plan that may be kept.
    #[cfg(not(feature = "small"))]
    parameters: Option<&'c Parameters<'c>>,
    /// In a test of the elements of a list, their type.
    #[cfg(not(feature = "small"))]
    element: Option<Type>,
    slots: Vec<SlotDef>,
    computed: Vec<ComputedDef>,
    /// The innermost last.
    scopes: Vec<Scope>,
    /// The sources that a path can begin at, by position: the scope each belongs to, and its slot.
    sources: Vec<(usize, Slot)>,
    /// What is known of groups, once rows are grouped.
    groups: Option<Groups>,
    /// The values that windows have calculated since.
    windows: Vec<Computed>,
    /// Those of them that are of queries that were joined.
    joined: Joined,
    /// What is known of queries that are sources.
    derived: derived::Derived,
    /// Nodes pushed.
    steps: usize,
    /// How many queries are around what is lowered.
    nesting: usize,
    /// How many tests of elements are.
    #[cfg(not(feature = "small"))]
    tests: usize,
}

impl<'c> Lowering<'c> {
    fn new(catalog: &'c Catalog, root: fn() -> &'static CollectionSchema) -> Result<Lowering<'c>, PlanError> {
        let mut lowering = Lowering {
            catalog,
            #[cfg(not(feature = "small"))]
            parameters: None,
            #[cfg(not(feature = "small"))]
            element: None,
            slots: Vec::new(),
            computed: Vec::new(),
            scopes: Vec::new(),
            sources: Vec::new(),
            groups: None,
            windows: Vec::new(),
            joined: Joined::default(),
            derived: derived::Derived::default(),
            steps: 0,
            nesting: 0,
            #[cfg(not(feature = "small"))]
            tests: 0,
        };
        let slot = lowering.new_slot(lowering.bound(root)?, String::new(), false);
        lowering.begin(slot);
        Ok(lowering)
    }

    /// Lowers a whole draft.
    fn draft(mut self, draft: &Draft, purpose: Purpose) -> Result<LogicalPlan, PlanError> {
        let columns = self.clauses(draft, purpose)?;
        let columns = match purpose {
            Purpose::Rows => self.columns(columns),
            Purpose::Count => self.count_rows(),
            Purpose::Exists => {
                self.limit(Window::first(1));
                Vec::new()
            }
            Purpose::Keys | Purpose::KeysInOrder => {
                if self.groups.is_some() {
                    return Err(PlanError::OfGroups { clause: "update or delete" });
                }
                let in_order = purpose == Purpose::KeysInOrder;
                Vec::from([if in_order { Column::Record(Slot(0)) } else { Column::Rank(Slot(0)) }])
            }
        };
        Ok(self.finish(columns))
    }

    /// Begins a query over a source.
    fn begin(&mut self, slot: Slot) {
        self.scopes.push(Scope { node: Node::Scan(Scan { slot }), related: Vec::new() });
        self.sources.push((0, slot));
    }

    /// Lowers the clauses of a draft; gives the columns that they select.
    fn clauses(&mut self, draft: &Draft, purpose: Purpose) -> Result<Option<Vec<Column>>, PlanError> {
        let mut columns = None;
        // Tests in a program's own code come after what else is asked of the same rows, which may find these without reading the others.
        let mut natives = Vec::new();
        // The end of a query within another is a part of that.
        let (_, tail) =
            if self.nesting == 0 { expr::Tail::of(&draft.clauses) } else { (expr::Tail::default(), 0) };
        let end = draft.clauses.len() - tail;
        for (number, clause) in draft.clauses.iter().enumerate() {
            if !matches!(clause, Clause::Filter(_) | Clause::Native(..)) {
                self.natives(&mut natives)?;
            }
            match clause {
                Clause::Native(test, whole) => natives.push((test, *whole)),
                Clause::Limit(take) if number >= end => self.limit(Window::first(*take).as_asked()),
                Clause::Offset(skip) if number >= end => self.limit(Window::behind(*skip).as_asked()),
                Clause::Common(whole) => {
                    let values = self.values(columns.take(), "common")?;
                    self.common(draft, number, values, *whole)?;
                }
                _ => self.clause(clause, &draft.clauses[number + 1..], purpose, &mut columns)?,
            }
        }
        self.natives(&mut natives)?;
        Ok(columns)
    }

    /// Keeps the rows of whose root record these tests are true.
    fn natives(&mut self, tests: &mut Vec<(&InWhole<expr::Native>, Whole)>) -> Result<(), PlanError> {
        for (test, whole) in tests.drain(..) {
            let Some((_, slot)) = self.sources.first().copied() else {
                return Err(PlanError::OfGroups { clause: "filter_fn" });
            };
            let test = InWhole::new(expr::Native::clone(test), whole);
            self.push(|input| Node::Native(Native { input, slot, test, whole }));
        }
        Ok(())
    }

    /// One more query is around what is lowered.
    fn nest(&mut self) -> Result<(), PlanError> {
        if self.nesting >= NESTING_MAX {
            return Err(PlanError::NestsTooDeep { what: "queries", limit: NESTING_MAX });
        }
        self.nesting += 1;
        Ok(())
    }

    /// Lowers another query, whose rows come in any order. Gives its root's slot, its node, and its values.
    fn nested(&mut self, draft: &Draft, clause: &'static str) -> Result<(Slot, Node, Vec<Expr>), PlanError> {
        self.nest()?;
        let collection = self.bound(draft.root)?;
        let name = self.source_name(&collection.name);
        let around = (
            core::mem::take(&mut self.scopes),
            core::mem::take(&mut self.sources),
            self.groups.take(),
            core::mem::take(&mut self.windows),
            core::mem::take(&mut self.joined),
        );
        let slot = self.new_slot(collection, name, false);
        self.begin(slot);
        let columns = self.clauses(draft, Purpose::Exists)?;
        let values = self.values(columns, clause)?;
        let scope = self.scopes.pop().expect("begun above");
        self.nesting -= 1;
        (self.scopes, self.sources, self.groups, self.windows, self.joined) = around;
        let (node, values) = self.once(draft, scope.node, values);
        Ok((slot, node, values))
    }

    /// The values that are selected, or those of keys: what rows are told from each other by.
    fn values(&mut self, columns: Option<Vec<Column>>, clause: &'static str) -> Result<Vec<Expr>, PlanError> {
        let columns = self.columns(columns).into_iter().map(|column| match column {
            Column::Value(expr) => Ok(expr),
            Column::Record(_) | Column::Rank(_) => Err(PlanError::OfRecords { clause }),
        });
        columns.collect()
    }

    /// From here on rows have these values and nothing else.
    fn outputs(&mut self, keys: Vec<Computed>, repeat: bool) {
        self.groups = Some(Groups { keys, repeat, items: Vec::new() });
        self.sources.clear();
        self.windows.clear();
        self.joined = Joined::default();
    }

    /// Every row once.
    fn distinct(&mut self, columns: Option<Vec<Column>>) -> Result<(), PlanError> {
        let whole = Whole::build().ok_or(PlanError::LeftOut { what: "distinct" })?;
        let mut keys = Vec::new();
        for expr in self.values(columns, "distinct")? {
            let name = self.described(|names| names.expr(&expr));
            let output = self.new_computed(expr.ty, expr.nullable, name);
            keys.push(KeyTerm { expr, output, whole });
        }
        self.outputs(keys.iter().map(|key| key.output).collect(), false);
        self.push(|input| Node::Aggregate(Aggregate { input, keys, items: Vec::new() }));
        Ok(())
    }

    /// The rows so far, and those of another query.
    fn set(
        &mut self,
        columns: Option<Vec<Column>>,
        other: &Draft,
        kind: SetKind,
        whole: Whole,
    ) -> Result<(), PlanError> {
        let operation = set_name(kind);
        let lefts = self.values(columns, operation)?;
        let (_, right, rights) = self.nested(other, operation)?;
        let columns = self.put_together(operation, lefts, rights)?;
        let repeat = matches!(kind, SetKind::UnionAll | SetKind::IntersectAll | SetKind::ExceptAll);
        self.outputs(columns.iter().map(|column| column.output).collect(), repeat);
        let right = Box::new(right);
        let columns = InWhole::new(columns, whole);
        self.push(|input| Node::Set(Set { input, right, kind, columns, whole }));
        Ok(())
    }

    /// The values of rows that come from two queries, which have as many of the same types.
    fn put_together(
        &mut self,
        operation: &'static str,
        lefts: Vec<Expr>,
        rights: Vec<Expr>,
    ) -> Result<Vec<SetColumn>, PlanError> {
        if lefts.len() != rights.len() {
            return Err(PlanError::NotAsMany { operation, left: lefts.len(), right: rights.len() });
        }
        let mut columns = Vec::new();
        for (left, right) in lefts.into_iter().zip(rights) {
            if left.ty != right.ty {
                return Err(PlanError::TypeMismatch { operation, left: left.ty, right: right.ty });
            }
            let name = self.described(|names| names.expr(&left));
            let output = self.new_computed(left.ty, left.nullable || right.nullable, name);
            columns.push(SetColumn { left, right, output });
        }
        Ok(columns)
    }

    /// The only value of the only row of another query.
    fn scalar(&mut self, draft: &Draft, whole: Whole) -> Result<Expr, PlanError> {
        let (slot, inner, value) = self.nested_value(draft, "scalar")?;
        let name = self.described(|names| names.expr(&value));
        // An aggregate over all rows has a row, whatever there is.
        let has_row = matches!(
            draft.clauses.as_slice(),
            [.., Clause::Grouping(keys), Clause::Select(_)] if keys.is_empty()
        );
        let output = self.new_computed(value.ty, value.nullable || !has_row, name);
        // Of one row the least value is the value.
        let function = AggregateFunction::Min;
        let term = AggregateTerm { function, argument: Some(value), filter: None, output };
        let (inner, pairs, asked) =
            (Box::new(inner), Box::new(Node::Pairs), Asked::Aggregate(Box::new(term), whole));
        self.push(|input| {
            Node::Subquery(Subquery { input, slot, inner, links: Vec::new(), pairs, asked, output })
        });
        Ok(self.computed_value(output))
    }

    /// Whether a value is the only one of one of the rows of another query.
    fn in_query(&mut self, of: Expr, draft: &Draft) -> Result<Expr, PlanError> {
        let (slot, inner, value) = self.nested_value(draft, "in_query")?;
        let name = self.described(|names| format!("{} in query", names.expr(&of)));
        let output = self.new_computed(Type::Bool, false, name);
        let pairs = Node::Pairs.filtered(Vec::from([typing::binary(BinaryOp::Eq, value, of)?]));
        let (inner, pairs) = (Box::new(inner), Box::new(pairs));
        self.push(|input| {
            let links = Vec::new();
            Node::Subquery(Subquery { input, slot, inner, links, pairs, asked: Asked::Any, output })
        });
        Ok(self.computed_value(output))
    }

    /// A query of one value.
    fn nested_value(&mut self, draft: &Draft, clause: &'static str) -> Result<(Slot, Node, Expr), PlanError> {
        let (slot, node, mut values) = self.nested(draft, clause)?;
        match (values.pop(), values.len()) {
            (Some(value), 0) => Ok((slot, node, value)),
            (_, others) => Err(PlanError::NotAsMany { operation: clause, left: 1, right: others + 1 }),
        }
    }

    fn finish(mut self, columns: Vec<Column>) -> LogicalPlan {
        let input = Box::new(self.scopes.remove(0).node);
        let plan = LogicalPlan {
            slots: self.slots,
            computed: self.computed,
            root: Node::Project(Project { input, columns }),
        };
        debug_assert_eq!(super::check(&plan), Ok(()));
        plan
    }

    fn clause(
        &mut self,
        clause: &Clause,
        later: &[Clause],
        purpose: Purpose,
        columns: &mut Option<Vec<Column>>,
    ) -> Result<(), PlanError> {
        match clause {
            Clause::Join { collection, on, kind } => {
                self.join(*collection, on, *kind)?;
                *columns = None;
            }
            Clause::Filter(predicate) => {
                let predicate = self.predicate(predicate)?;
                self.filter(predicate);
            }
            Clause::Order(terms) => {
                // A later ordering replaces this one, unless a limit, a window or groups lie between. Without them, only
                // who wants the rows themselves wants them in order.
                let ends = |clause: &Clause| {
                    use Clause::{Grouping, Limit, LimitPer, Offset, Sample, Window};
                    let bounds =
                        matches!(clause, Limit(_) | Offset(_) | LimitPer(..) | Window(..) | Sample(..));
                    bounds || matches!(clause, Grouping(_)) || derived::makes_values(clause)
                };
                let end = later.iter().position(ends);
                let before_end = &later[..end.unwrap_or(later.len())];
                let replaced = before_end.iter().any(|clause| matches!(clause, Clause::Order(_)))
                    || match end.map(|end| later[end..].split_at(1)) {
                        None => !matches!(purpose, Purpose::Rows | Purpose::KeysInOrder),
                        // Groups of ordered rows are those of any, but for what is joined in the rows' order.
                        Some(([Clause::Grouping(_)], asked)) if parts::GROUPS => {
                            !aggregates_of(asked).iter().any(|item| item.function.depends_on_order())
                        }
                        Some(([Clause::Distinct], _)) => false,
                        Some(([Clause::Sample(..)], _)) => true,
                        Some(([clause], _)) if derived::makes_values(clause) => true,
                        Some(_) => false,
                    };
                let terms = terms.iter().map(|term| self.sort_term(term)).collect::<Result<Vec<_>, _>>()?;
                if !replaced && !terms.is_empty() {
                    self.push(|input| Node::Sort(Sort { input, terms, window: None }));
                }
            }
            Clause::Limit(take) => self.limit(Window::first(*take)),
            Clause::Offset(skip) => self.limit(Window::behind(*skip)),
            Clause::Select(items) => {
                let items = items.iter().map(|item| self.select_item(item));
                *columns = Some(items.collect::<Result<_, _>>()?);
            }
            Clause::Grouping(keys) => {
                *columns = None;
                self.group(keys, &aggregates_of(later))?;
            }
            Clause::Distinct => self.distinct(columns.take())?,
            Clause::Set(other, kind, whole) => self.set(columns.take(), other, *kind, *whole)?,
            Clause::Window(items, whole) => {
                let terms = items.iter().map(|item| self.window_term(item)).collect::<Result<Vec<_>, _>>()?;
                self.windows.extend(terms.iter().map(|term| term.output));
                self.window(terms, *whole);
            }
            Clause::LimitPer(keys, count, whole) => self.limit_per(keys, *count, *whole)?,
            Clause::Common(_) => unreachable!("lowered with what is before it"),
            Clause::Previous(whole) => self.previous(*whole)?,
            Clause::JoinQuery(other, kind, whole) => self.join_query(&other.0, &other.1, *kind, *whole)?,
            Clause::Recursive(recursion, whole) => {
                let values = self.values(columns.take(), "recursive")?;
                self.recursive(values, recursion, *whole)?;
            }
            Clause::Sample(count, seed, whole) => self.sample(*count, **seed, *whole)?,
            Clause::Native(..) => unreachable!("these are lowered with what is asked beside them"),
            Clause::LeftOut(what) => return Err(PlanError::LeftOut { what }),
        }
        if self.steps > STEPS_MAX {
            return Err(PlanError::TooLong { limit: STEPS_MAX });
        }
        Ok(())
    }

    /// Adds a predicate: to the filter that is there, or as a new one.
    fn filter(&mut self, predicate: Expr) {
        let scope = self.scopes.last_mut().expect("a scope is open");
        if let Node::Filter(filter) = &mut scope.node {
            filter.predicates.push(predicate);
            return;
        }
        self.push(|input| Node::Filter(Filter { input, predicates: Vec::from([predicate]) }));
    }

    fn columns(&mut self, columns: Option<Vec<Column>>) -> Vec<Column> {
        match (columns, &self.groups) {
            (Some(columns), _) => columns,
            // Of values that records were joined to, the records come out.
            (None, Some(groups)) if parts::GROUPS && self.sources.is_empty() => {
                groups.keys.iter().map(|key| Column::Value(self.computed_value(*key))).collect()
            }
            (None, _) => self.sources.iter().map(|(_, slot)| Column::Record(*slot)).collect(),
        }
    }

    fn count_rows(&mut self) -> Vec<Column> {
        let output = self.new_computed(Type::U64, false, "count".to_string());
        let function = AggregateFunction::Count;
        let items = Vec::from([AggregateTerm { function, argument: None, filter: None, output }]);
        self.push(|input| Node::Aggregate(Aggregate { input, keys: Vec::new(), items }));
        Vec::from([Column::Value(self.computed_value(output))])
    }

    fn limit(&mut self, window: Window) {
        self.push(|input| Node::Limit(Limit { input, window }));
    }

    fn sort_term(&mut self, term: &OrderTerm) -> Result<SortTerm, PlanError> {
        let expr = self.expression(&term.expression)?;
        let nulls_first = term.nulls_first.unwrap_or(!term.descending);
        Ok(SortTerm { expr, descending: term.descending, nulls_first })
    }

    fn select_item(&mut self, item: &SelectItem) -> Result<Column, PlanError> {
        Ok(match item {
            SelectItem::Value(expression) => Column::Value(self.expression(expression)?),
            SelectItem::Record(path) => Column::Record(self.row(*path)?),
        })
    }

    fn group(&mut self, keys: &[Postfix], asked: &[&AggregateItem]) -> Result<(), PlanError> {
        let mut key_terms = Vec::new();
        for key in keys {
            let whole = Whole::build().ok_or(PlanError::LeftOut { what: "group_by" })?;
            let expr = self.expression(key)?;
            let name = self.described(|names| names.expr(&expr));
            let output = self.new_computed(expr.ty, expr.nullable, name);
            key_terms.push(KeyTerm { expr, output, whole });
        }
        let mut terms: Vec<AggregateTerm> = Vec::new();
        let mut items: Vec<(*const AggregateItem, Computed)> = Vec::new();
        for (number, item) in asked.iter().enumerate() {
            // One that is asked for twice is calculated once.
            let same = match parts::REWRITES {
                true => {
                    #[cfg(not(feature = "small"))]
                    self.note_alike(&asked[..number], item);
                    asked[..number].iter().position(|known| known == item && !has_float(item))
                }
                false => None,
            };
            let output = match same {
                Some(known) => items[known].1,
                None => {
                    let term = self.aggregate(item)?;
                    terms.push(term);
                    terms[terms.len() - 1].output
                }
            };
            items.push((core::ptr::from_ref(*item), output));
        }
        let keys = key_terms.iter().map(|key| key.output).collect();
        self.groups = Some(Groups { keys, repeat: false, items });
        self.sources.clear();
        self.windows.clear();
        self.joined = Joined::default();
        self.push(|input| Node::Aggregate(Aggregate { input, keys: key_terms, items: terms }));
        Ok(())
    }

    /// Of aggregates that differ in their literals at most, it is a question of these whether they are the same.
    #[cfg(not(feature = "small"))]
    fn note_alike(&self, known: &[&AggregateItem], item: &AggregateItem) {
        let Some(parameters) = self.parameters.filter(|parameters| parameters.may_be_kept()) else { return };
        let shape = |item| Shape::of_item(item).expect("a part of a draft that has a shape");
        let own = shape(item);
        let literals = parameters.literals(own.values().iter().map(|given| given.op));
        for other in known {
            let other = shape(other);
            if other.words() == own.words() {
                let others = parameters.literals(other.values().iter().map(|given| given.op));
                super::literal::compare(&literals, &others);
            }
        }
    }

    /// A value that a window has calculated.
    fn window_value(&self, number: u16) -> Result<Expr, PlanError> {
        let window = self.windows.get(usize::from(number)).copied();
        let count = self.windows.len();
        window.map(|window| self.computed_value(window)).ok_or(PlanError::NoSuchWindow { number, count })
    }

    fn expressions(&mut self, expressions: &[Postfix]) -> Result<Vec<Expr>, PlanError> {
        expressions.iter().map(|expression| self.expression(expression)).collect()
    }

    fn aggregate(&mut self, item: &AggregateItem) -> Result<AggregateTerm, PlanError> {
        let operation = function_name(&item.function);
        if item.function.is_left_out() || (item.filter.is_some() && !parts::CALCULATION) {
            return Err(PlanError::LeftOut { what: operation });
        }
        let argument = item.argument.as_ref().map(|argument| self.expression(argument)).transpose()?;
        let filter = item.filter.as_ref().filter(|_| parts::CALCULATION);
        let filter = filter.map(|filter| self.predicate(filter)).transpose()?;
        let of = argument.as_ref().map(|argument| argument.ty);
        let (ty, nullable) = result_type(&item.function, of)
            .ok_or(PlanError::NotDefined { operation, ty: of.unwrap_or(Type::U64) })?;
        let calculates = matches!(item.function, AggregateFunction::Sum | AggregateFunction::Avg);
        if ty == Type::Decimal && calculates && !cfg!(feature = "decimal") {
            return Err(PlanError::DecimalFeature { operation });
        }
        let mut term =
            AggregateTerm { function: item.function.clone(), argument, filter, output: Computed(0) };
        let name = self.described(|names| names.aggregate(&term));
        term.output = self.new_computed(ty, nullable, name);
        Ok(term)
    }

    /// A name that only people read.
    fn described(&self, name: impl FnOnce(super::Names<'_>) -> String) -> String {
        match parts::EXPLAINED {
            true => name(super::Names { slots: &self.slots, computed: &self.computed }),
            false => String::new(),
        }
    }

    fn predicate(&mut self, expression: &Postfix) -> Result<Expr, PlanError> {
        let predicate = self.expression(expression)?;
        if predicate.ty == Type::Bool {
            Ok(predicate)
        } else {
            Err(PlanError::NotAPredicate { ty: predicate.ty })
        }
    }

    fn expression(&mut self, expression: &Postfix) -> Result<Expr, PlanError> {
        self.measured(expression).map(|(expr, _)| expr)
    }

    /// An expression, and its depth.
    fn measured(&mut self, expression: &Postfix) -> Result<(Expr, usize), PlanError> {
        let mut stack: Vec<Piece> = Vec::new();
        for op in &expression.ops {
            let piece = match op {
                Op::Field(path) if parts::WINDOWS && path.row == RowPath::WINDOWS => {
                    Piece::leaf(self.window_value(path.ordinal)?)
                }
                #[cfg(not(feature = "small"))]
                Op::Field(path) if path.row == RowPath::ELEMENT => Piece::leaf(self.element()?),
                Op::Field(path) => {
                    let slot = self.row(path.row)?;
                    Piece::leaf(self.field(slot, path.ordinal)?)
                }
                Op::Literal(value, ty) => {
                    #[cfg(not(feature = "small"))]
                    let known = self.parameters.and_then(|parameters| parameters.literal(op));
                    #[cfg(not(feature = "small"))]
                    let literal = known.unwrap_or_else(|| Literal::constant(value.clone()));
                    #[cfg(feature = "small")]
                    let literal = Literal::constant(value.clone());
                    Piece::leaf(typing::literal(literal, *ty)?)
                }
                #[cfg(not(feature = "small"))]
                Op::Parameter(_, number, ty) => {
                    let literal = self.parameters.and_then(|parameters| parameters.literal(op));
                    Piece::leaf(typing::literal(literal.ok_or(PlanError::Unbound { number: *number })?, *ty)?)
                }
                #[cfg(not(feature = "small"))]
                Op::Each(each, test) => {
                    let (list, depth) = pop(&mut stack)?;
                    let (test, depth_of_test) = self.test_of_element(list.ty, *each, test)?;
                    Piece::around(each::each(*each, list, test)?, depth.max(depth_of_test))?
                }
                Op::Unary(op) => {
                    let (operand, depth) = pop(&mut stack)?;
                    Piece::around(typing::unary(*op, operand)?, depth)?
                }
                Op::Binary(op @ (BinaryOp::And | BinaryOp::Or)) => {
                    let (right, left) = (pop_piece(&mut stack)?, pop_piece(&mut stack)?);
                    left.chained(*op, right)?
                }
                Op::Binary(op) => {
                    let ((right, right_depth), (left, left_depth)) = (pop(&mut stack)?, pop(&mut stack)?);
                    Piece::around(typing::binary(*op, left, right)?, left_depth.max(right_depth))?
                }
                Op::Between => {
                    let ((high, _), (low, _)) = (pop(&mut stack)?, pop(&mut stack)?);
                    let (value, depth) = pop(&mut stack)?;
                    Piece::around(typing::between(value, low, high)?, depth)?
                }
                Op::In(count) => {
                    let at =
                        stack.len().checked_sub(*count as usize).ok_or(PlanError::Malformed { values: 0 })?;
                    let candidates = stack.split_off(at).into_iter().map(|piece| Ok(piece.finish()?.0));
                    let candidates = candidates.collect::<Result<Vec<Expr>, PlanError>>()?;
                    let (value, depth) = pop(&mut stack)?;
                    Piece::around(typing::is_in(value, candidates)?, depth)?
                }
                Op::Subquery(_) | Op::Scalar(..) | Op::InQuery(..)
                    if parts::CALCULATION && self.steps > STEPS_MAX =>
                {
                    return Err(PlanError::TooLong { limit: STEPS_MAX });
                }
                Op::Subquery(subquery) => Piece::leaf(self.subquery(subquery)?),
                Op::Key(number) => Piece::leaf(self.key_value(*number)?),
                Op::Aggregate(item) => Piece::leaf(self.aggregate_value(item)?),
                Op::LeftOut(what) => return Err(PlanError::LeftOut { what }),
                Op::Scalar(draft, whole) => Piece::leaf(self.scalar(draft, *whole)?),
                Op::InQuery(draft, _) => {
                    let (value, depth) = pop(&mut stack)?;
                    Piece::around(self.in_query(value, draft)?, depth)?
                }
                Op::Call(..) if !parts::CALCULATION => return Err(PlanError::LeftOut { what: "a function" }),
                Op::Call(function, count) => {
                    let at = stack.len().checked_sub(usize::from(*count));
                    let pieces = stack.split_off(at.ok_or(PlanError::Malformed { values: 0 })?);
                    let mut depth = 0;
                    let arguments = pieces.into_iter().map(|piece| {
                        let (argument, of) = piece.finish()?;
                        depth = depth.max(of);
                        Ok(argument)
                    });
                    let arguments = arguments.collect::<Result<Vec<Expr>, PlanError>>()?;
                    Piece::around(typing::call(*function, arguments)?, depth)?
                }
                Op::If if !parts::CALCULATION => return Err(PlanError::LeftOut { what: "if" }),
                Op::If => {
                    let ((otherwise, a), (then, b)) = (pop(&mut stack)?, pop(&mut stack)?);
                    let (condition, depth) = pop(&mut stack)?;
                    Piece::around(typing::choose(condition, then, otherwise)?, depth.max(a).max(b))?
                }
            };
            stack.push(piece);
        }
        match (stack.len(), stack.pop()) {
            (1, Some(piece)) => piece.finish(),
            (values, _) => Err(PlanError::Malformed { values }),
        }
    }

    /// The key of a group with this number.
    fn key_value(&self, number: u16) -> Result<Expr, PlanError> {
        let groups = self.groups.as_ref().filter(|_| parts::GROUPS);
        let keys = groups.map(|groups| groups.keys.as_slice()).unwrap_or_default();
        let key = keys.get(usize::from(number)).copied();
        key.map(|key| self.computed_value(key)).ok_or(PlanError::NoSuchKey { number, count: keys.len() })
    }

    fn aggregate_value(&self, item: &AggregateItem) -> Result<Expr, PlanError> {
        let operation = function_name(&item.function);
        let items = self.groups.as_ref().map_or(&[][..], |groups| &groups.items);
        let known = items.iter().find(|(known, _)| core::ptr::eq(*known, item));
        known.map(|(_, output)| self.computed_value(*output)).ok_or(PlanError::NoGroups { operation })
    }

    fn subquery(&mut self, subquery: &expr::Subquery) -> Result<Expr, PlanError> {
        let equal = subquery.equal.as_ref();
        let equal = equal.map(|equal| Ok((&equal.0, self.expression(&equal.1)?))).transpose()?;
        self.nest()?;
        let collection = self.bound(subquery.collection)?;
        let name = self.source_name(&collection.name);
        let inner = self.new_slot(collection, name, false);
        let mut links = Vec::new();
        let enclosing = match subquery.link {
            expr::op::Link::Reverse { row, ordinal } => {
                let row = self.row(row)?;
                links.push(self.reverse_link(row, inner, ordinal)?);
                core::mem::take(&mut self.sources)
            }
            expr::op::Link::Correlated { position } => {
                if usize::from(position) != self.sources.len() {
                    return Err(PlanError::NoSuchSource { position, count: self.sources.len() + 1 });
                }
                self.sources.clone()
            }
        };
        self.sources.push((self.scopes.len(), inner));
        // What is asked over a relation is about the inner record alone, and of pairs only until it is decorrelated.
        let scan = Node::Scan(Scan { slot: inner });
        let is_inner = !parts::REWRITES && matches!(subquery.link, expr::op::Link::Reverse { .. });
        let (base, other) = if is_inner { (scan, Node::Pairs) } else { (Node::Pairs, scan) };
        self.scopes.push(Scope { node: base, related: Vec::new() });
        let predicate = subquery.predicate.as_ref().map(|predicate| self.predicate(predicate)).transpose()?;
        let mut predicates = Vec::from_iter(predicate);
        if let Some((value, of_row)) = equal {
            predicates.push(typing::binary(BinaryOp::Eq, self.expression(value)?, of_row)?);
        }
        let aggregate = match &subquery.quantifier {
            Quantifier::Aggregate(item, whole) => Some((Box::new(self.aggregate(item)?), *whole)),
            _ => None,
        };
        let scope = self.scopes.pop().expect("pushed above");
        self.sources = enclosing;
        self.nesting -= 1;

        // All records satisfy a predicate when there is none that does not.
        let all = subquery.quantifier == Quantifier::All;
        if all && predicates.is_empty() {
            predicates.push(Expr::bool(true));
        }
        let predicates = if all { predicates.into_iter().map(Expr::negated).collect() } else { predicates };
        let asked_of = scope.node.filtered(predicates);
        let (inner_side, pairs) = if is_inner { (asked_of, other) } else { (other, asked_of) };
        let (asked, output) = match aggregate {
            Some((term, whole)) => {
                let output = term.output;
                (Asked::Aggregate(term, whole), output)
            }
            None => {
                let (asked, ty, word) = match subquery.quantifier {
                    Quantifier::Count => (Asked::Count, Type::U64, "count"),
                    _ => (Asked::Any, Type::Bool, "any"),
                };
                let name = if parts::EXPLAINED {
                    format!("{word} {}", self.slots[usize::from(inner.0)].name)
                } else {
                    String::new()
                };
                (asked, self.new_computed(ty, false, name))
            }
        };
        let (source, pairs) = (Box::new(inner_side), Box::new(pairs));
        self.push(|input| {
            Node::Subquery(Subquery { input, slot: inner, inner: source, links, pairs, asked, output })
        });
        let answer = self.computed_value(output);
        Ok(if all { answer.negated() } else { answer })
    }

    fn join(
        &mut self,
        collection: fn() -> &'static CollectionSchema,
        on: &Postfix,
        kind: JoinKind,
    ) -> Result<(), PlanError> {
        let whole = Whole::build().ok_or(PlanError::LeftOut { what: "join" })?;
        if self.groups.as_ref().is_some_and(|groups| !groups.items.is_empty()) {
            return Err(PlanError::OfGroups { clause: "join" });
        }
        let collection = self.bound(collection)?;
        let name = self.source_name(&collection.name);
        let slot = self.new_slot(collection, name, false);
        self.sources.push((self.scopes.len(), slot));
        self.scopes.push(Scope { node: Node::Pairs, related: Vec::new() });
        let on = self.predicate(on)?;
        let scope = self.scopes.pop().expect("pushed above");
        if let Some(last) = self.sources.last_mut() {
            last.0 = 0;
        }
        let inner = Box::new(Node::Scan(Scan { slot }));
        let pairs = Box::new(scope.node.filtered(Vec::from([on])));
        self.push(|input| Node::Join(Join { input, slot, inner, links: Vec::new(), pairs, kind, whole }));
        self.slots[usize::from(slot.0)].optional = kind == JoinKind::Left;
        Ok(())
    }

    /// How plans' texts call a source: by its collection, with a number when that is one already.
    fn source_name(&self, collection: &str) -> String {
        let known = self.slots.iter().filter(|slot| slot.collection.name == collection).count();
        match known {
            _ if !parts::EXPLAINED => String::new(),
            0 => collection.to_string(),
            _ => format!("{collection} {}", known + 1),
        }
    }

    /// The link between a row and the records whose field with this ordinal points at it.
    fn reverse_link(&self, row: Slot, inner: Slot, ordinal: u16) -> Result<Link, PlanError> {
        let pointing = &self.slots[usize::from(inner.0)].collection;
        let position = position_of(pointing, ordinal)?;
        let field = &pointing.fields[usize::from(position)];
        let target = &self.slots[usize::from(row.0)];
        if field.reference.is_none_or(|reference| reference.target != target.collection.id) {
            return Err(not_a_relation(pointing, position));
        }
        let key =
            clustering_key(&target.collection, field.ty).ok_or_else(|| not_a_relation(pointing, position))?;
        Ok(Link {
            inner: Expr::field(inner, position, field.ty, field.optional),
            outer: Expr::field(row, key, field.ty, target.optional),
            absent_matches: false,
        })
    }

    fn field(&self, slot: Slot, ordinal: u16) -> Result<Expr, PlanError> {
        let def = &self.slots[usize::from(slot.0)];
        let position = position_of(&def.collection, ordinal)?;
        let field = &def.collection.fields[usize::from(position)];
        Ok(Expr::field(slot, position, field.ty, field.optional || def.optional))
    }

    /// The slot of the row that a path leads to. Lookups are added to the scope that the path begins in.
    fn row(&mut self, path: RowPath) -> Result<Slot, PlanError> {
        if parts::GROUPS && self.sources.is_empty() {
            return Err(PlanError::OfGroups { clause: "a field" });
        }
        let source = self.sources.get(usize::from(path.position()));
        let count = self.sources.len();
        let (scope, mut slot) =
            *source.ok_or(PlanError::NoSuchSource { position: path.position(), count })?;
        for ordinal in path.hops() {
            slot = self.related(scope, slot, ordinal)?;
        }
        Ok(slot)
    }

    fn related(&mut self, scope: usize, from: Slot, ordinal: u16) -> Result<Slot, PlanError> {
        let def = &self.slots[usize::from(from.0)];
        let collection = def.collection.clone();
        let position = position_of(&collection, ordinal)?;
        let known = self.scopes[scope].related.iter().find(|known| (known.0, known.1) == (from, position));
        if let Some((_, _, into)) = known {
            return Ok(*into);
        }
        let field = &collection.fields[usize::from(position)];
        let target = field.reference.and_then(|reference| self.catalog.collection(reference.target));
        let target = target.ok_or_else(|| not_a_relation(&collection, position))?.clone();
        if clustering_key(&target, field.ty).is_none() {
            return Err(not_a_relation(&collection, position));
        }
        let name = match def.name.as_str() {
            _ if !parts::EXPLAINED => String::new(),
            "" => field.name.clone(),
            before => format!("{before}.{}", field.name),
        };
        let into = self.new_slot(target, name, def.optional || field.optional);
        let scope = &mut self.scopes[scope];
        scope.related.push((from, position, into));
        let input = Box::new(core::mem::replace(&mut scope.node, Node::Pairs));
        scope.node = Node::Lookup(Lookup { input, from, position, into });
        Ok(into)
    }

    fn push(&mut self, make: impl FnOnce(Box<Node>) -> Node) {
        self.steps += 1;
        let scope = self.scopes.last_mut().expect("the query's own scope is always there");
        let input = core::mem::replace(&mut scope.node, Node::Pairs);
        scope.node = make(Box::new(input));
    }

    fn bound(&self, schema: fn() -> &'static CollectionSchema) -> Result<Arc<CollectionDef>, PlanError> {
        let schema = schema();
        let bound = self.catalog.bound(schema).cloned();
        bound.ok_or_else(|| PlanError::NotInSchema { collection: schema.name.to_string() })
    }

    fn new_slot(&mut self, collection: Arc<CollectionDef>, name: String, optional: bool) -> Slot {
        let slot = Slot(u16::try_from(self.slots.len()).expect("a query has at most 65535 slots"));
        self.slots.push(SlotDef { collection, name, optional });
        slot
    }

    fn new_computed(&mut self, ty: Type, nullable: bool, name: String) -> Computed {
        let number = u16::try_from(self.computed.len()).expect("a query has at most 65535 computed values");
        self.computed.push(ComputedDef { ty, nullable, name });
        Computed(number)
    }

    fn computed_value(&self, computed: Computed) -> Expr {
        let def = &self.computed[usize::from(computed.0)];
        Expr::computed(computed, def.ty, def.nullable)
    }
}

/// The limit on the nodes of a plan, for the reason of [`DEPTH_MAX`].
const STEPS_MAX: usize = 128;

/// The limit on how deeply queries nest, one used as a value in the other, for the same reason.
const NESTING_MAX: usize = 16;

/// The limit on how deeply operations nest. Plans are walked by recursion, and must not exhaust a thread's stack.
const DEPTH_MAX: usize = 128;

/// A part of an expression on the stack: one expression, or the parts of a chain of `&` or of `|`.
///
/// A chain becomes a balanced tree, whatever its length, so that predicates folded from a long list do not nest deeply.
struct Piece {
    connective: Option<BinaryOp>,
    /// Never empty; more than one only with a connective.
    parts: Vec<Expr>,
    /// Of the deepest part.
    depth: usize,
}

impl Piece {
    fn leaf(expr: Expr) -> Piece {
        Piece { connective: None, parts: Vec::from([expr]), depth: 1 }
    }

    /// An expression whose deepest operand has this depth.
    fn around(expr: Expr, depth: usize) -> Result<Piece, PlanError> {
        if depth >= DEPTH_MAX {
            return Err(PlanError::TooDeep { limit: DEPTH_MAX });
        }
        Ok(Piece { depth: depth + 1, ..Piece::leaf(expr) })
    }

    fn chained(self, op: BinaryOp, right: Piece) -> Result<Piece, PlanError> {
        let mut left = self.into_chain_of(op)?;
        let mut right = right.into_chain_of(op)?;
        left.parts.append(&mut right.parts);
        Ok(Piece { connective: Some(op), parts: left.parts, depth: left.depth.max(right.depth) })
    }

    /// Itself, when it is a chain of `op`; one part otherwise.
    fn into_chain_of(self, op: BinaryOp) -> Result<Piece, PlanError> {
        if self.connective == Some(op) {
            return Ok(self);
        }
        let (expr, depth) = self.finish()?;
        Ok(Piece { depth, ..Piece::leaf(expr) })
    }

    /// The expression, and its depth.
    fn finish(mut self) -> Result<(Expr, usize), PlanError> {
        let mut depth = self.depth;
        while self.parts.len() > 1 {
            let op = self.connective.expect("several parts are a chain");
            let mut level = Vec::with_capacity(self.parts.len().div_ceil(2));
            let mut parts = self.parts.into_iter();
            while let Some(left) = parts.next() {
                level.push(match parts.next() {
                    Some(right) => typing::binary(op, left, right)?,
                    None => left,
                });
            }
            self.parts = level;
            depth += 1;
        }
        if depth > DEPTH_MAX {
            return Err(PlanError::TooDeep { limit: DEPTH_MAX });
        }
        Ok((self.parts.pop().expect("a piece has a part"), depth))
    }
}

fn pop_piece(stack: &mut Vec<Piece>) -> Result<Piece, PlanError> {
    stack.pop().ok_or(PlanError::Malformed { values: 0 })
}

/// The topmost expression, and its depth.
fn pop(stack: &mut Vec<Piece>) -> Result<(Expr, usize), PlanError> {
    pop_piece(stack)?.finish()
}

fn position_of(collection: &CollectionDef, ordinal: u16) -> Result<u16, PlanError> {
    let count = collection.positions.len();
    let found = collection.positions.get(usize::from(ordinal)).copied();
    found.ok_or_else(|| PlanError::NoSuchField { collection: collection.name.clone(), ordinal, count })
}

/// The field that records of `collection` are clustered by and pointed at with a value of type `ty`.
fn clustering_key(collection: &CollectionDef, ty: Type) -> Option<u16> {
    collection.clustered.filter(|position| collection.fields[usize::from(*position)].ty == ty)
}

fn not_a_relation(collection: &CollectionDef, position: u16) -> PlanError {
    let field = collection.fields[usize::from(position)].name.clone();
    PlanError::NotARelation { collection: collection.name.clone(), field }
}

/// The aggregates over the rows of groups that the clauses after their making ask for.
fn aggregates_of(clauses: &[Clause]) -> Vec<&AggregateItem> {
    let mut found = Vec::new();
    for (number, clause) in clauses.iter().enumerate() {
        match clause {
            Clause::Select(items) => items.iter().for_each(|item| match item {
                SelectItem::Value(expression) => collect(expression, &mut found),
                SelectItem::Record(_) => {}
            }),
            // Nothing else speaks of a group of all rows.
            _ if !parts::GROUPS => {}
            // What follows is of other rows.
            Clause::Distinct | Clause::Set(..) | Clause::Common(_) | Clause::Recursive(..) => break,
            Clause::JoinQuery(other, ..) => collect(&other.1, &mut found),
            Clause::Join { .. } | Clause::Limit(_) | Clause::Offset(_) => {}
            Clause::Sample(..) | Clause::Native(..) | Clause::Previous(_) | Clause::LeftOut(_) => {}
            Clause::Window(items, _) => {
                for item in items.iter() {
                    let order = item.order.iter().map(|term| &term.expression);
                    let parts = item.argument.iter().chain(&item.partition).chain(order);
                    parts.for_each(|part| collect(part, &mut found));
                }
            }
            Clause::LimitPer(keys, ..) => keys.iter().for_each(|key| collect(key, &mut found)),
            Clause::Filter(predicate) => collect(predicate, &mut found),
            Clause::Order(terms) => terms.iter().for_each(|term| collect(&term.expression, &mut found)),
            Clause::Grouping(keys) => {
                // What groups of groups are made by, and aggregate, is of these groups.
                keys.iter().for_each(|key| collect(key, &mut found));
                for item in aggregates_of(&clauses[number + 1..]) {
                    item.argument.iter().chain(&item.filter).for_each(|part| collect(part, &mut found));
                }
                break;
            }
        }
    }
    found
}

/// Whether an aggregate is over something with a literal float: -0 equals 0, and makes another of what it divides.
fn has_float(item: &AggregateItem) -> bool {
    let mut ops = item.argument.iter().chain(&item.filter).flat_map(|part| &part.ops);
    ops.any(|op| matches!(op, Op::Literal(Scalar::Float(_), _)))
}

fn collect<'e>(expression: &'e Postfix, out: &mut Vec<&'e AggregateItem>) {
    for op in &expression.ops {
        match op {
            Op::Aggregate(item) => out.push(item),
            // What a subquery compares with its records may be of the group.
            Op::Subquery(subquery) => {
                subquery.equal.iter().for_each(|equal| collect(&equal.1, out));
            }
            _ => {}
        }
    }
}

pub(crate) fn function_name(function: &AggregateFunction) -> &'static str {
    match function {
        _ if !parts::EXPLAINED => "an aggregate",
        AggregateFunction::Count => "count",
        AggregateFunction::CountDistinct => "count_distinct",
        AggregateFunction::Sum => "sum",
        AggregateFunction::Avg => "avg",
        AggregateFunction::Min => "min",
        AggregateFunction::Max => "max",
        AggregateFunction::Median => "median",
        AggregateFunction::Variance => "variance",
        AggregateFunction::StdDev => "stddev",
        AggregateFunction::StringAgg { .. } => "string_agg",
        AggregateFunction::ArrayAgg => "array_agg",
    }
}

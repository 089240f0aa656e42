//! Queries as sources of others: those that several ask for, those that are joined, and those that go on from their own rows.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::super::{Computed, Expr, Join, KeyTerm, Literal, Node, Previous, Recursive, Shared};
use super::{Lowering, Scope};
use crate::engine::error::PlanError;
use crate::engine::planted::{self, Bug};
use crate::expr::keyset::is_told_apart;
#[cfg(not(feature = "small"))]
use crate::expr::shape::Shape;
use crate::expr::{Clause, Draft, JoinKind, Op, Postfix, Recursion, SelectItem};
use crate::parts::{InWhole, Whole};
use crate::value::{Type, is_identical};

/// What is known of queries that are sources. Nothing, until there is one.
#[derive(Default)]
pub(super) struct Derived(Option<InWhole<Known>>);

#[derive(Default)]
struct Known {
    /// The beginnings of drafts that were lowered to something shared, by its number, and their values.
    shared: Vec<(Draft, Vec<Literal>)>,
    /// Queries within the draft that are there more than once, and are worth to be carried out once.
    twice: Vec<Draft>,
    /// The recursions whose steps are being lowered, the innermost last: their numbers and the types of their values.
    around: Vec<(u16, Vec<Type>)>,
    recursions: u16,
}

/// Numbers of recursions begin behind those of what is shared.
const RECURSIONS: u16 = 1 << 15;

impl Derived {
    /// Looks through a draft for queries that are in it more than once.
    pub(super) fn of(draft: &Draft) -> Derived {
        let mut derived = Derived::default();
        let Some(whole) = Whole::build() else { return derived };
        let mut within = Vec::new();
        queries_in(draft, &mut within);
        for (number, query) in within.iter().enumerate() {
            let is_again = within[..number].contains(query) && !derived.is_twice(query);
            if is_again && takes_long(query) {
                derived.known(whole).twice.push((*query).clone());
            }
        }
        derived
    }

    fn known(&mut self, whole: Whole) -> &mut Known {
        self.0.get_or_insert_with(|| InWhole::new(Known::default(), whole))
    }

    /// Whether a query is there more than once.
    fn is_twice(&self, draft: &Draft) -> bool {
        self.0.as_ref().is_some_and(|known| known.twice.contains(draft))
    }
}

/// Whether a query does more than to read records, so that to keep what it gives is worth while. One that ends as what is common
/// is kept anyway.
fn takes_long(draft: &Draft) -> bool {
    let makes_more = |clause: &Clause| {
        let counts = matches!(clause, Clause::Grouping(_) | Clause::Window(..) | Clause::LimitPer(..));
        let pairs = matches!(clause, Clause::Join { .. } | Clause::JoinQuery(..));
        counts || pairs || makes_values(clause)
    };
    let depends = |clause: &Clause| matches!(clause, Clause::Previous(_));
    draft.clauses.iter().any(makes_more)
        && !draft.clauses.iter().any(depends)
        && !matches!(draft.clauses.last(), Some(Clause::Common(_)))
}

/// Appends the queries that a draft has within it, and those within them.
fn queries_in<'d>(draft: &'d Draft, out: &mut Vec<&'d Draft>) {
    let mut within = |query: &'d Draft| {
        out.push(query);
        queries_in(query, out);
    };
    for clause in &draft.clauses {
        match clause {
            Clause::Set(other, ..) => within(other),
            Clause::JoinQuery(other, ..) => within(&other.0),
            // A step is another query in each round.
            _ => {}
        }
        for expression in expressions_of(clause) {
            for op in &expression.ops {
                if let Op::Scalar(query, _) | Op::InQuery(query, _) = op {
                    within(query);
                }
            }
        }
    }
}

/// The expressions of a clause, but for those within subqueries and aggregates.
fn expressions_of(clause: &Clause) -> Vec<&Postfix> {
    match clause {
        Clause::Filter(expression) | Clause::Join { on: expression, .. } => Vec::from([expression]),
        Clause::JoinQuery(other, ..) => Vec::from([&other.1]),
        Clause::Order(terms) => terms.iter().map(|term| &term.expression).collect(),
        Clause::Grouping(keys) => keys.iter().collect(),
        Clause::LimitPer(keys, ..) => keys.iter().collect(),
        Clause::Select(items) => items.iter().filter_map(value_of).collect(),
        _ => Vec::new(),
    }
}

fn value_of(item: &SelectItem) -> Option<&Postfix> {
    match item {
        SelectItem::Value(expression) => Some(expression),
        SelectItem::Record(_) => None,
    }
}

impl Known {
    /// The number of what is shared that is made of a draft with these values. That a plan is one for queries in which they are identical
    /// to those of the draft that it was first made of is noted. Drafts are equal whatever zeros they have, and whatever arguments of drafts
    /// around them.
    fn number(&mut self, draft: Draft, values: Vec<Literal>) -> u16 {
        let is_same = |(a, b): (&Literal, &Literal)| match planted::is(Bug::SharedEqualOnce) {
            true => is_identical(a.peek(), b.peek()),
            false => a == b,
        };
        let at = self.shared.iter().position(|(known, own)| {
            *known == draft && own.len() == values.len() && own.iter().zip(&values).all(is_same)
        });
        at.unwrap_or_else(|| {
            self.shared.push((draft, values));
            self.shared.len() - 1
        }) as u16
    }
}

impl Lowering<'_> {
    /// The values of a draft within the one that is lowered.
    #[cfg_attr(
        feature = "small",
        expect(unused_variables, clippy::unused_self, reason = "no plan is kept there")
    )]
    fn values_of(&self, draft: &Draft) -> Vec<Literal> {
        #[cfg(not(feature = "small"))]
        if let Some(parameters) = self.parameters {
            return parameters.literals(Shape::ops_of(draft));
        }
        Vec::new()
    }

    /// What another query gives, lowered: as something shared, if it is there more than once.
    pub(super) fn once(&mut self, draft: &Draft, node: Node, values: Vec<Expr>) -> (Node, Vec<Expr>) {
        let (Some(whole), true) = (Whole::build(), self.derived.is_twice(draft)) else {
            return (node, values);
        };
        let values_asked = self.values_of(draft);
        let number = self.derived.known(whole).number(draft.clone(), values_asked);
        self.scopes.push(Scope { node, related: Vec::new() });
        let outputs = self.shared(number, values, whole);
        let node = self.scopes.pop().expect("pushed above").node;
        (node, outputs.into_iter().map(|output| self.computed_value(output)).collect())
    }

    /// The rows so far as values, of a draft whose clause at `number` this is.
    pub(super) fn common(
        &mut self,
        draft: &Draft,
        number: usize,
        values: Vec<Expr>,
        whole: Whole,
    ) -> Result<(), PlanError> {
        let clauses = &draft.clauses[..=number];
        #[cfg_attr(feature = "small", expect(unused_mut, reason = "no draft has arguments there"))]
        let mut beginning = Draft::new(draft.root, clauses.to_vec());
        #[cfg(not(feature = "small"))]
        beginning.arguments.clone_from(&draft.arguments);
        // Those of what follows come after them.
        #[cfg_attr(feature = "small", expect(unused_mut, reason = "no plan is kept there"))]
        let mut values_asked = self.values_of(draft);
        #[cfg(not(feature = "small"))]
        values_asked.truncate(Shape::ops_of(&beginning).len());
        let number = self.derived.known(whole).number(beginning, values_asked);
        let columns = self.shared(number, values, whole);
        self.outputs(columns, true);
        Ok(())
    }

    /// Makes of the rows so far these values; gives what they are now.
    fn shared(&mut self, number: u16, values: Vec<Expr>, whole: Whole) -> Vec<Computed> {
        let column = |lowering: &mut Self, expr: Expr| {
            let name = lowering.described(|names| names.expr(&expr));
            let output = lowering.new_computed(expr.ty, expr.nullable, name);
            KeyTerm { expr, output, whole }
        };
        let columns: Vec<KeyTerm> = values.into_iter().map(|value| column(self, value)).collect();
        let outputs = columns.iter().map(|column| column.output).collect();
        self.push(|input| {
            Node::Shared(Shared { input, number, narrowed: false, found: false, columns, whole })
        });
        outputs
    }

    /// Pairs the rows with those of another query.
    pub(super) fn join_query(
        &mut self,
        other: &Draft,
        on: &Postfix,
        kind: JoinKind,
        whole: Whole,
    ) -> Result<(), PlanError> {
        let (slot, inner, values) = self.nested(other, "join_query")?;
        // What it gives are values, whatever they are made of: of a row without a pair they are absent.
        self.scopes.push(Scope { node: inner, related: Vec::new() });
        let shared = &mut self.derived.known(whole).shared;
        let number = shared.len() as u16;
        shared.push((Draft::new(other.root, Vec::new()), Vec::new()));
        let outputs = self.shared(number, values, whole);
        let inner = self.scopes.pop().expect("pushed above").node;

        self.windows.extend(&outputs);
        self.joined.values.extend(&outputs);
        // The rows of the other query are told apart by their values, if by anything.
        self.joined.repeat |= !is_told_apart(other);
        self.scopes.push(Scope { node: Node::Pairs, related: Vec::new() });
        let on = self.predicate(on)?;
        let pairs = self.scopes.pop().expect("pushed above").node;
        let (inner, pairs) = (Box::new(inner), Box::new(pairs.filtered(Vec::from([on]))));
        self.push(|input| Node::Join(Join { input, slot, inner, links: Vec::new(), pairs, kind, whole }));
        for output in outputs {
            self.computed[usize::from(output.0)].nullable |= kind == JoinKind::Left;
        }
        Ok(())
    }

    /// The rows so far, and those that they lead to.
    pub(super) fn recursive(
        &mut self,
        lefts: Vec<Expr>,
        recursion: &Recursion,
        whole: Whole,
    ) -> Result<(), PlanError> {
        let operation = "recursive";
        let known = self.derived.known(whole);
        let number = RECURSIONS + known.recursions;
        known.recursions += 1;
        known.around.push((number, lefts.iter().map(|left| left.ty).collect()));
        let step = self.nested(&recursion.step, operation);
        self.derived.known(whole).around.pop();
        let (_, step, rights) = step?;
        let columns = self.put_together(operation, lefts, rights)?;
        let identity = recursion.identity.map_or(columns.len(), usize::from).min(columns.len());
        self.outputs(columns.iter().map(|column| column.output).collect(), false);
        let (step, columns, rounds) = (Box::new(step), InWhole::new(columns, whole), recursion.rounds);
        self.push(|input| {
            Node::Recursive(Recursive { input, step, number, columns, identity, rounds, whole })
        });
        Ok(())
    }

    /// The rows that the last round of the recursion around found, in place of the records of the root.
    pub(super) fn previous(&mut self, whole: Whole) -> Result<(), PlanError> {
        let (number, types) =
            self.derived.known(whole).around.last().cloned().ok_or(PlanError::NoRecursion)?;
        let name = |at| self.described(|_| format!("previous {at}"));
        let names: Vec<_> = (0..types.len()).map(name).collect();
        // Whether the rows that are yet to be found have all values is not known here.
        let columns: Vec<Computed> =
            types.into_iter().zip(names).map(|(ty, name)| self.new_computed(ty, true, name)).collect();
        self.outputs(columns.clone(), false);
        let columns = InWhole::new(columns, whole);
        let scope = self.scopes.last_mut().expect("a scope is open");
        scope.node = Node::Previous(Previous { number, columns, whole });
        scope.related.clear();
        Ok(())
    }
}

/// Whether a clause makes values of the rows before it.
pub(super) fn makes_values(clause: &Clause) -> bool {
    matches!(clause, Clause::Distinct | Clause::Set(..) | Clause::Common(_) | Clause::Recursive(..))
}

//! Plans and expressions as text.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::lower::function_name;
use super::typing::{binary_name, unary_name};
use super::window::window_name;
use super::{
    Aggregate, AggregateTerm, Asked, Column, Computed, ComputedDef, Expr, ExprKind, Join, KeyTerm, Link,
    LogicalPlan, Node, Recursive, Set, Slot, SlotDef, SortTerm, Subquery, Window, WindowTerm,
};
#[cfg(not(feature = "small"))]
use crate::expr::op::Each;
use crate::expr::{BinaryOp, Frame, FrameUnit, JoinKind, SetKind, UnaryOp, WindowFunction};
use crate::value::Type;

/// What slots and computed values are called.
#[derive(Clone, Copy)]
pub struct Names<'p> {
    /// The slots of the plan.
    pub slots: &'p [SlotDef],
    /// Its computed values.
    pub computed: &'p [ComputedDef],
}

impl Names<'_> {
    /// The name of a slot's collection.
    pub fn collection(&self, slot: Slot) -> &str {
        &self.slots[usize::from(slot.0)].collection.name
    }

    /// A field, with the path to it.
    pub fn field(&self, slot: Slot, position: u16) -> String {
        let def = &self.slots[usize::from(slot.0)];
        let field = &def.collection.fields[usize::from(position)].name;
        if def.name.is_empty() { field.clone() } else { format!("{}.{field}", def.name) }
    }

    /// A computed value.
    pub fn computed(&self, computed: Computed) -> &str {
        &self.computed[usize::from(computed.0)].name
    }

    /// An expression.
    pub fn expr(&self, expr: &Expr) -> String {
        match &expr.kind {
            ExprKind::Field(slot, position) => self.field(*slot, *position),
            ExprKind::Computed(computed) => format!("[{}]", self.computed(*computed)),
            ExprKind::Literal(literal) => literal.peek().told(expr.ty),
            ExprKind::Unary(op @ (UnaryOp::Not | UnaryOp::Negate), operand) => {
                format!("{}{}", unary_name(*op), self.operand(operand))
            }
            ExprKind::Unary(op, operand) => format!("{}({})", unary_name(*op), self.expr(operand)),
            ExprKind::Binary(op, left, right) => {
                // A chain of one connective reads well without parentheses.
                let part = |part: &Expr| match &part.kind {
                    ExprKind::Binary(inner, ..)
                        if !matches!(op, BinaryOp::And | BinaryOp::Or)
                            || (inner != op && matches!(inner, BinaryOp::And | BinaryOp::Or)) =>
                    {
                        self.operand(part)
                    }
                    _ => self.expr(part),
                };
                format!("{} {} {}", part(left), binary_name(*op), part(right))
            }
            ExprKind::Between(parts) => {
                let [value, low, high] = &**parts;
                format!("{} between {} and {}", self.operand(value), self.operand(low), self.operand(high))
            }
            ExprKind::In(value, candidates) => {
                format!("{} in ({})", self.operand(value), self.list(candidates.iter()))
            }
            ExprKind::Call(function, arguments, _) => {
                let mut arguments: Vec<String> =
                    arguments.iter().map(|argument| self.expr(argument)).collect();
                arguments.extend(function.target().map(|ty| ty.to_string()));
                format!("{}({})", function.name(), arguments.join(", "))
            }
            #[cfg(not(feature = "small"))]
            ExprKind::Each(each, parts) => {
                let [list, test] = &**parts;
                let name = if *each == Each::Any { "any" } else { "all" };
                format!("{name}({}, {})", self.expr(list), self.expr(test))
            }
            #[cfg(not(feature = "small"))]
            ExprKind::Element => "it".to_string(),
            ExprKind::If(parts, _) => {
                let [condition, then, otherwise] = &**parts;
                let (then, otherwise) = (self.expr(then), self.expr(otherwise));
                format!("if {} then {then} else {otherwise} end", self.expr(condition))
            }
        }
    }

    fn operand(&self, expr: &Expr) -> String {
        let text = self.expr(expr);
        match expr.kind {
            ExprKind::Binary(..) | ExprKind::Between(_) | ExprKind::In(..) => format!("({text})"),
            _ => text,
        }
    }

    /// Expressions with commas between them, the middle of a long list left out.
    pub fn list<'e>(&self, exprs: impl ExactSizeIterator<Item = &'e Expr>) -> String {
        let count = exprs.len();
        let mut texts: Vec<String> = exprs.take(4).map(|expr| self.expr(expr)).collect();
        if count > texts.len() {
            texts.push(format!("… {} more", count - texts.len()));
        }
        texts.join(", ")
    }

    /// Predicates that must all hold.
    pub fn predicates(&self, predicates: &[Expr]) -> String {
        let text = |predicate: &Expr| match predicate.kind {
            ExprKind::Binary(BinaryOp::Or, ..) if predicates.len() > 1 => self.operand(predicate),
            _ => self.expr(predicate),
        };
        predicates.iter().map(text).collect::<Vec<_>>().join(" & ")
    }

    /// Several values.
    #[cfg(not(feature = "small"))]
    pub fn exprs(&self, exprs: &[Expr]) -> String {
        exprs.iter().map(|expr| self.expr(expr)).collect::<Vec<_>>().join(", ")
    }

    /// The terms of an ordering.
    pub fn terms(&self, terms: &[SortTerm]) -> String {
        let term = |term: &SortTerm| {
            let mut text = self.expr(&term.expr);
            if term.descending {
                text.push_str(" desc");
            }
            if term.expr.nullable && term.nulls_first == term.descending {
                text.push_str(if term.nulls_first { " none first" } else { " none last" });
            }
            text
        };
        terms.iter().map(term).collect::<Vec<_>>().join(", ")
    }

    /// The links of a subquery.
    pub fn links(&self, links: &[Link]) -> String {
        let link = |link: &Link| format!("{} = {}", self.expr(&link.inner), self.expr(&link.outer));
        links.iter().map(link).collect::<Vec<_>>().join(" & ")
    }

    /// Aggregates.
    pub fn aggregates(&self, items: &[AggregateTerm]) -> String {
        items.iter().map(|item| self.aggregate(item)).collect::<Vec<_>>().join(", ")
    }

    /// An aggregate.
    pub fn aggregate(&self, item: &AggregateTerm) -> String {
        let mut text = match &item.argument {
            Some(argument) => format!("{}({})", function_name(&item.function), self.expr(argument)),
            None => function_name(&item.function).to_string(),
        };
        if let Some(filter) = &item.filter {
            text.push_str(" if ");
            text.push_str(&self.operand(filter));
        }
        text
    }

    /// Groups: what they are made by, and the aggregates over each.
    pub fn groups(&self, keys: &[KeyTerm], items: &[AggregateTerm]) -> String {
        let keys = self.keys(keys);
        match (keys.is_empty(), items.is_empty()) {
            (true, _) => self.aggregates(items),
            (false, true) => format!("by {keys}"),
            (false, false) => format!("{} by {keys}", self.aggregates(items)),
        }
    }

    /// What keys, or the values of rows, are.
    pub fn keys(&self, keys: &[KeyTerm]) -> String {
        keys.iter().map(|key| self.expr(&key.expr)).collect::<Vec<_>>().join(", ")
    }

    /// A window's value, without the rows that it is from.
    pub fn window_value(&self, function: &WindowFunction, argument: Option<&Expr>) -> String {
        let argument = argument.map_or_else(String::new, |argument| self.expr(argument));
        let number = match function {
            WindowFunction::Ntile(number) => format!("{number}"),
            WindowFunction::Lag(number) | WindowFunction::Lead(number) | WindowFunction::Nth(number) => {
                format!(", {number}")
            }
            _ => String::new(),
        };
        format!("{}({argument}{number})", window_name(function))
    }

    /// The values of a window.
    pub fn windows(&self, items: &[WindowTerm]) -> String {
        items.iter().map(|item| self.window(item)).collect::<Vec<_>>().join("; ")
    }

    fn window(&self, item: &WindowTerm) -> String {
        let mut text = self.window_value(&item.function, item.argument.as_ref());
        if !item.partition.is_empty() {
            let keys = item.partition.iter().map(|key| self.expr(key)).collect::<Vec<_>>();
            text.push_str(&format!(" by {}", keys.join(", ")));
        }
        if !item.order.is_empty() {
            text.push_str(&format!(" order {}", self.terms(&item.order)));
        }
        if item.frame != Frame::DEFAULT {
            let unit = match item.frame.unit {
                FrameUnit::Rows => "rows",
                FrameUnit::Groups => "groups",
                FrameUnit::Range => "range",
            };
            let of_floats = item.frame.unit == FrameUnit::Range
                && item.order.iter().any(|term| matches!(term.expr.ty, Type::F32 | Type::F64));
            let text_of = |at: i64| match of_floats {
                true => f64::from_bits(at as u64).to_string(),
                false => at.to_string(),
            };
            let bound = |at: Option<i64>| at.map_or_else(String::new, text_of);
            text.push_str(&format!(" {unit} {}..={}", bound(item.frame.start), bound(item.frame.end)));
        }
        text
    }

    /// Columns.
    pub fn columns(&self, columns: &[Column]) -> String {
        let column = |column: &Column| match column {
            Column::Value(expr) => self.expr(expr),
            Column::Record(slot) => self.collection(*slot).to_string(),
            Column::Rank(slot) => format!("key of {}", self.collection(*slot)),
        };
        columns.iter().map(column).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.take, self.skip) {
            (Some(take), 0) => write!(f, "{take}"),
            (Some(take), skip) => write!(f, "{take} offset {skip}"),
            (None, skip) => write!(f, "all offset {skip}"),
        }
    }
}

impl fmt::Display for LogicalPlan {
    /// One node a line, inputs indented beneath. A subquery's own nodes follow its line, marked `inner` and `pairs`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_node(f, Names { slots: &self.slots, computed: &self.computed }, &self.root, 0, "")
    }
}

/// How users call a way to put rows together.
pub(crate) fn set_name(kind: SetKind) -> &'static str {
    match kind {
        SetKind::Union => "union",
        SetKind::UnionAll => "union all",
        SetKind::Intersect => "intersect",
        SetKind::IntersectAll => "intersect all",
        SetKind::Except => "except",
        SetKind::ExceptAll => "except all",
    }
}

fn write_node(
    f: &mut fmt::Formatter<'_>,
    names: Names<'_>,
    node: &Node,
    depth: usize,
    mark: &str,
) -> fmt::Result {
    if depth > 0 {
        writeln!(f)?;
    }
    write!(f, "{:1$}{mark}", "", depth * 2)?;
    match node {
        Node::Scan(scan) => write!(f, "scan {}", names.collection(scan.slot))?,
        Node::Pairs => write!(f, "pairs")?,
        Node::Filter(filter) => write!(f, "filter {}", names.predicates(&filter.predicates))?,
        Node::Lookup(lookup) => {
            write!(
                f,
                "lookup {} by {}",
                names.collection(lookup.into),
                names.field(lookup.from, lookup.position)
            )?;
        }
        Node::Subquery(Subquery { slot, inner, links, pairs, .. })
        | Node::Join(Join { slot, inner, links, pairs, .. }) => {
            let what = match node {
                Node::Subquery(Subquery { asked: Asked::Any, .. }) => "subquery any",
                Node::Subquery(Subquery { asked: Asked::Aggregate(..), .. }) => "subquery aggregate",
                Node::Subquery(_) => "subquery count",
                Node::Join(Join { kind: JoinKind::Left, .. }) => "left join",
                _ => "join",
            };
            write!(f, "{what} {}", names.collection(*slot))?;
            if !links.is_empty() {
                write!(f, " on {}", names.links(links))?;
            }
            if !matches!(**inner, Node::Scan(_)) {
                write_node(f, names, inner, depth + 1, "inner: ")?;
            }
            if !matches!(**pairs, Node::Pairs) {
                write_node(f, names, pairs, depth + 1, "pairs: ")?;
            }
        }
        Node::Sort(sort) => match sort.window {
            Some(window) => write!(f, "top {window} by {}", names.terms(&sort.terms))?,
            None => write!(f, "sort {}", names.terms(&sort.terms))?,
        },
        Node::Limit(limit) => write!(f, "limit {}", limit.window)?,
        Node::Native(native) => write!(f, "filter_fn {}", names.collection(native.slot))?,
        Node::Aggregate(Aggregate { keys, items, .. }) => {
            write!(f, "aggregate {}", names.groups(keys, items))?;
        }
        Node::Set(Set { right, kind, columns, .. }) => {
            let values = columns.iter().map(|column| names.expr(&column.left)).collect::<Vec<_>>().join(", ");
            write!(f, "{} {values}", set_name(*kind))?;
            write_node(f, names, right, depth + 1, "right: ")?;
        }
        Node::Shared(shared) => write!(f, "shared {}: {}", shared.number, names.keys(&shared.columns))?,
        Node::Recursive(Recursive { step, number, columns, .. }) => {
            let values = columns.iter().map(|column| names.expr(&column.left)).collect::<Vec<_>>().join(", ");
            write!(f, "recursive {number}: {values}")?;
            write_node(f, names, step, depth + 1, "step: ")?;
        }
        Node::Previous(previous) => write!(f, "previous of {}", previous.number)?,
        Node::Window(window) => write!(f, "window {}", names.windows(&window.items))?,
        Node::Project(project) => write!(f, "project {}", names.columns(&project.columns))?,
    }
    match node.input() {
        Some(input) => write_node(f, names, input, depth + 1, ""),
        None => Ok(()),
    }
}

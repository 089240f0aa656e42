//! [`Plan`]: a physical plan as users see it.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::logical::{Asked, set_name};
use super::logical::{Column, Names};
use super::physical::{Answer, Method, Operator, PhysicalNode, PhysicalPlan};
use crate::expr::JoinKind;

/// How a query is carried out: a tree of operators, and its text. Made by [`Query::explain`](crate::Query::explain).
///
/// The text has one operator a line, what it takes rows from indented beneath it. With `{:#}` every line ends with the
/// rows expected.
///
/// # Examples
///
/// ```
#[doc = include_str!("../example.txt")]
/// let plan = Track::query()
///     .filter(|t| t.album.eq(Id::new(2)) & t.seconds.gt(250))
///     .order_by(|t| t.name)
///     .limit(3)
///     .select(|t| t.name)
///     .explain(&db)?;
/// let text = "\
/// project name
///   top 3 by name
///     filter seconds > 250
///       index lookup Track by album = 2";
/// assert_eq!(plan.to_string(), text);
/// assert!(format!("{plan:#}").contains("rows)"));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The operator that gives the rows out.
    pub root: PlanNode,
}

/// One operator of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanNode {
    /// What it does: "scan", "index lookup", "filter", "semi join", …
    pub operator: &'static str,
    /// What it does that to. With the cargo feature `small` accesses to records do not say it.
    pub detail: String,
    /// How many rows it is expected to give.
    pub rows: u64,
    /// The operators that it takes rows from.
    pub children: Vec<PlanNode>,
}

impl Plan {
    pub(super) fn of(plan: &PhysicalPlan) -> Plan {
        let names = Names { slots: &plan.slots, computed: &plan.computed };
        let root = describe(&plan.root, names);
        let whole = matches!(plan.columns.as_slice(), [Column::Record(slot)] if slot.0 == 0);
        if whole || plan.columns.is_empty() {
            return Plan { root };
        }
        let detail = names.columns(&plan.columns);
        Plan { root: PlanNode { operator: "project", detail, rows: root.rows, children: Vec::from([root]) } }
    }

    /// Every operator, those that give rows before those that they take them from: the lines of the text.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let plan = Artist::query().filter(|a| a.name.eq("Saxon")).explain(&db)?;
    /// let scans_all = plan.operators().iter().any(|node| node.operator == "scan");
    /// assert!(!scans_all, "the unique index finds it: {plan}");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn operators(&self) -> Vec<&PlanNode> {
        fn collect<'p>(node: &'p PlanNode, out: &mut Vec<&'p PlanNode>) {
            out.push(node);
            node.children.iter().for_each(|child| collect(child, out));
        }
        let mut out = Vec::new();
        collect(&self.root, &mut out);
        out
    }
}

fn describe(node: &PhysicalNode, names: Names<'_>) -> PlanNode {
    let (operator, detail) = match &node.operator {
        Operator::Scan(scan) if scan.fetch => (scan.kind, scan.text.clone()),
        Operator::Scan(scan) => (scan.kind, format!("{}, keys only", scan.text)),
        Operator::Pairs => ("pairs", String::new()),
        Operator::Filter { predicates, .. } => ("filter", names.predicates(predicates)),
        Operator::Lookup { from, position, into, .. } => {
            ("lookup", format!("{} by {}", names.collection(*into), names.field(*from, *position)))
        }
        Operator::Subquery(subquery) => {
            let operator = match (subquery.answer, &subquery.asked) {
                (Answer::Semi, _) => "semi join",
                (Answer::Anti, _) => "anti join",
                (Answer::Value(_), Asked::Any) => "any",
                (Answer::Value(_), Asked::Count) => "count",
                (Answer::Value(_), Asked::Aggregate(..)) => "aggregate of",
            };
            let mut detail = describe_method(&subquery.method, names.collection(subquery.slot), names);
            if let Asked::Aggregate(term, _) = &subquery.asked {
                detail = format!("{detail}: {}", names.aggregate(term));
            }
            (operator, detail)
        }
        Operator::Join(join) => {
            let operator = if join.kind == JoinKind::Left { "left join" } else { "join" };
            let detail = match &join.method {
                Method::Hash { links, .. } => format!("through hash table, {}", names.links(links)),
                Method::Loop { .. } => String::from("every pair"),
                method => describe_method(method, names.collection(join.slot), names),
            };
            (operator, detail)
        }
        Operator::Sort { terms, window: None, .. } => ("sort", names.terms(terms)),
        Operator::Sort { terms, window: Some(window), .. } => {
            ("top", format!("{window} by {}", names.terms(terms)))
        }
        Operator::Limit { window, .. } => ("limit", window.to_string()),
        Operator::Aggregate { keys, items, .. } => ("aggregate", names.groups(keys, items)),
        Operator::Set { kind, columns, .. } => {
            let values = columns.iter().map(|column| names.expr(&column.left)).collect::<Vec<_>>();
            (set_name(*kind), values.join(", "))
        }
        Operator::CountRecords { slot, .. } => ("count records", names.collection(*slot).to_string()),
    };
    let children = node.children().into_iter().filter(|child| !matches!(child.operator, Operator::Pairs));
    let children = children.map(|child| describe(child, names)).collect();
    // Expectations are at least 0 and finite.
    PlanNode { operator, detail, rows: (node.rows + 0.5) as u64, children }
}

fn describe_method(method: &Method, of: &str, names: Names<'_>) -> String {
    match method {
        Method::Probe { links, .. } => format!("{of} through index, {}", names.links(links)),
        Method::Hash { links, .. } => format!("{of} through hash table, {}", names.links(links)),
        Method::Loop { .. } => format!("{of}, every pair"),
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_node(f, &self.root, 0)
    }
}

fn write_node(f: &mut fmt::Formatter<'_>, node: &PlanNode, depth: usize) -> fmt::Result {
    if depth > 0 {
        writeln!(f)?;
    }
    write!(f, "{:1$}{2}", "", depth * 2, node.operator)?;
    if !node.detail.is_empty() {
        write!(f, " {}", node.detail)?;
    }
    if f.alternate() {
        write!(f, " (about {} rows)", node.rows)?;
    }
    node.children.iter().try_for_each(|child| write_node(f, child, depth + 1))
}

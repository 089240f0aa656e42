//! [`Plan`]: a physical plan as users see it.

#[cfg(not(feature = "small"))]
mod html;
#[cfg(not(feature = "small"))]
mod json;
#[cfg(not(feature = "small"))]
mod kind;
#[cfg(not(feature = "small"))]
mod mermaid;

#[cfg(not(feature = "small"))]
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
#[cfg(not(feature = "small"))]
use core::fmt::Write as _;
use core::time::Duration;

#[cfg(not(feature = "small"))]
pub use kind::{
    PlanAccess, PlanIndex, PlanLink, PlanMethod, PlanOperator, PlanQuestion, PlanReads, PlanSet, PlanTerm,
    PlanWay,
};

#[cfg(not(feature = "small"))]
use super::estimate::{Amount, Lesson};
#[cfg(not(feature = "small"))]
use super::exec::meter::{Footprint, Meter};
#[cfg(all(feature = "std", not(feature = "small")))]
use super::exec::threads;
#[cfg(not(feature = "small"))]
use super::physical::Alternative;

use super::logical::{Asked, set_name};
use super::logical::{Column, Names};
#[cfg(not(feature = "small"))]
use super::logical::{Expr, Link};
use super::physical::{Answer, Method, Operator, PhysicalNode, PhysicalPlan};
#[cfg(not(feature = "small"))]
use super::physical::{Band, Span, Taken};
use crate::expr::JoinKind;

/// How a query is carried out: a tree of operators, and its text. Made by [`Query::explain`](crate::Query::explain), and with
/// what each operator did by [`Query::explain_analyze`](crate::Query::explain_analyze).
///
/// The text has one operator a line, what it takes rows from indented beneath it. With `{:#}` every line ends with the
/// rows expected, and with what was measured. What each operator does is told in types, too: [`PlanNode::kind`]. It is had as JSON, as a Mermaid flowchart and as a page of HTML, too; in all of
/// them the texts of a query are escaped.
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
    /// Whether a [plan is kept](crate::database::Options::plan_cache) that serves the query: then it is run by that one, which
    /// was made for a query with other values, of which about as much was expected. What is told here is made anew for these.
    /// Not with the cargo feature `small`.
    #[cfg(not(feature = "small"))]
    pub kept: bool,
    /// What was learnt of queries of this shape, which the plan was made with: where [kept](Plan::kept) plans were off by eight times
    /// twice, so many times as many rows get through a filter as each of its predicates alone makes expect, or so many times as many
    /// pairs are made by a join. [`why`](Plan::why) says it, too. It is learnt of what the plan gives when its rows are asked for, and
    /// of a count apart from that, and forgotten when [statistics](crate::Database::statistics) are made anew. Not with
    /// the cargo feature `small`.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let query = Track::query().filter(|t| t.seconds.gt(250));
    /// query.all(&db)?;
    /// assert!(query.explain(&db)?.learnt.is_empty(), "of few rows there is nothing to be learnt");
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg(not(feature = "small"))]
    pub learnt: Vec<String>,
}

/// One operator of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanNode {
    /// What it does: "scan", "index lookup", "filter", "semi join", …
    pub operator: &'static str,
    /// What it does that to. With the cargo feature `small` accesses to records do not say it.
    pub detail: String,
    /// The same in types. Not with the cargo feature `small`.
    #[cfg(not(feature = "small"))]
    pub kind: PlanOperator,
    /// Of a join or a subquery through an index the access that is made anew for each row. In the text it is in the line of the
    /// operator itself. Not with the cargo feature `small`.
    #[cfg(not(feature = "small"))]
    pub inner: Option<Box<PlanNode>>,
    /// How many rows it is expected to give.
    pub rows: u64,
    /// How many threads make it of the rows of what is beneath it, at most. Not with the cargo feature `small`, nor without `std`.
    #[cfg(all(feature = "std", not(feature = "small")))]
    pub threads: usize,
    /// What it did, if that was measured.
    pub actual: Option<Actual>,
    /// Of an access to records the ways to them that were thought of, the one taken first. Not with the cargo feature `small`.
    #[cfg(not(feature = "small"))]
    pub alternatives: Vec<Alternative>,
    /// The operators that it takes rows from.
    pub children: Vec<PlanNode>,
}

/// What an operator did, as [`Query::explain_analyze`](crate::Query::explain_analyze) measured it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Actual {
    /// How many rows it gave.
    pub rows: u64,
    /// How many batches they came in.
    pub batches: u64,
    /// How long that took, with the operators beneath it.
    pub elapsed: Duration,
    /// How long that took without them.
    pub own: Duration,
    /// The most bytes that it kept in memory of rows and ranks, about: a sort, groups, a hash table. The pages that those are on
    /// are not counted.
    pub memory: u64,
    /// The bytes that it put aside in a temporary file.
    pub spilled: u64,
    /// How many threads made it. What is beneath them is then measured in all of them, and the times are added up.
    #[cfg(all(feature = "std", not(feature = "small")))]
    pub threads: usize,
}

impl Plan {
    pub(super) fn of(plan: &PhysicalPlan) -> Plan {
        Plan::with(plan, &|node, names| describe(node, names))
    }

    /// As [`of`](Plan::of), of a plan whose meters read this; `whole` is what came out in all.
    #[cfg(not(feature = "small"))]
    pub(super) fn measured(plan: &PhysicalPlan, meters: &[Meter], whole: Meter) -> Plan {
        let mut plan = Plan::with(plan, &|node, names| describe_metered(node, names, meters));
        if plan.root.actual.is_none() {
            plan.root.actual = Some(actual(whole, whole.elapsed_ns, &plan.root.children));
        }
        plan
    }

    /// The same, of which several threads carry out what they can of `plan`.
    #[cfg(all(feature = "std", not(feature = "small")))]
    pub(super) fn by_threads(mut self, crew: threads::Crew, plan: &PhysicalPlan) -> Plan {
        if crew.threads > 1 {
            // What is projected is no operator of the plan that is carried out.
            let root = match self.root.operator {
                "project" => self.root.children.first_mut(),
                _ => Some(&mut self.root),
            };
            if let Some(root) = root {
                threads::mark(root, plan, crew);
            }
        }
        self
    }

    /// The same, with what was learnt of queries of its shape.
    #[cfg(not(feature = "small"))]
    pub(super) fn with_lessons(mut self, lessons: &[Lesson], plan: &PhysicalPlan) -> Plan {
        let names = Names { slots: &plan.slots, computed: &plan.computed };
        self.learnt = lessons.iter().map(|lesson| taught(lesson, names)).collect();
        self
    }

    fn from_root(root: PlanNode) -> Plan {
        Plan {
            root,
            #[cfg(not(feature = "small"))]
            kept: false,
            #[cfg(not(feature = "small"))]
            learnt: Vec::new(),
        }
    }

    fn with(plan: &PhysicalPlan, describe: &dyn Fn(&PhysicalNode, Names<'_>) -> PlanNode) -> Plan {
        let names = Names { slots: &plan.slots, computed: &plan.computed };
        let root = describe(&plan.root, names);
        let whole = matches!(plan.columns.as_slice(), [Column::Record(slot)] if slot.0 == 0);
        if whole || plan.columns.is_empty() {
            return Plan::from_root(root);
        }
        let detail = names.columns(&plan.columns);
        let (rows, children) = (root.rows, Vec::from([root]));
        let root = PlanNode {
            operator: "project",
            detail,
            #[cfg(not(feature = "small"))]
            kind: kind::projection(&plan.columns, names),
            #[cfg(not(feature = "small"))]
            inner: None,
            rows,
            #[cfg(all(feature = "std", not(feature = "small")))]
            threads: 1,
            actual: None,
            #[cfg(not(feature = "small"))]
            alternatives: Vec::new(),
            children,
        };
        Plan::from_root(root)
    }

    /// The plan of a query whose rows come with what belongs to them, found by `belonging`; all together took so long.
    #[cfg(not(feature = "small"))]
    pub(crate) fn with_belonging(mut self, belonging: Vec<PlanNode>, elapsed_ns: u64) -> Plan {
        let rows = self.root.rows;
        let whole = self.root.actual.map_or(Meter::default(), |actual| Meter {
            rows: actual.rows,
            batches: actual.batches,
            ..Meter::default()
        });
        let children = Vec::from_iter(core::iter::once(self.root).chain(belonging));
        let actual = Some(actual(whole, elapsed_ns, &children));
        self.root =
            PlanNode { rows, actual, children, ..PlanNode::of("with", String::new(), PlanOperator::With) };
        self
    }

    /// Adds what one of several queries did that find what belongs to rows: to what was told of the one before, if it did that in
    /// the same way.
    #[cfg(not(feature = "small"))]
    pub(crate) fn add_to(self, told: &mut Vec<PlanNode>) {
        match told.last_mut() {
            Some(last) if last.is_like(&self.root) => last.add(&self.root),
            _ => told.push(self.root),
        }
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

#[cfg(not(feature = "small"))]
impl Plan {
    /// Why records are reached as they are: for each access the ways that were thought of, with what they were expected to
    /// cost, and the indexes that could not be used. The lists are in [`PlanNode::alternatives`].
    ///
    /// Not with the cargo feature `small`.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let plan = Artist::query().filter(|a| a.name.contains("Sax")).explain(&db)?;
    /// let why = "\
    /// scan Artist
    ///   taken: scan Artist, 15 µs: costs least
    ///   not index of Artist by name: `name contains \"Sax\"` is no comparison of `name` with a value that an index finds
    /// ";
    /// assert_eq!(plan.why(), why);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn why(&self) -> String {
        written(|out| {
            for node in self.operators() {
                if !node.alternatives.is_empty() {
                    writeln!(out, "{} {}", node.operator, node.detail)?;
                }
                for alternative in &node.alternatives {
                    let Alternative { way, cost_ns, taken, reason, .. } = alternative;
                    write!(out, "  {} {way}", if *taken { "taken:" } else { "not" })?;
                    if let Some(cost) = cost_ns {
                        write!(out, ", {} µs", cost.div_ceil(1000))?;
                    }
                    writeln!(out, ": {reason}")?;
                }
            }
            self.learnt.iter().try_for_each(|lesson| writeln!(out, "learnt: {lesson}"))?;
            Ok(())
        })
    }

    /// The plan as JSON: an object for each operator, with `operator`, `detail`, `rows` (those expected), `children`, `threads` where there may be several, `inner` where there is one, for an
    /// access to records `alternatives` with `way`, `cost_ns`, `taken` and `reason`, and, where it was measured, `actual` with `rows`, `batches`, `elapsed_ns`, `own_ns`, `memory_bytes` and `spilled_bytes`. It
    /// can stand in a script of an HTML page.
    ///
    /// Not with the cargo feature `small`.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let plan = Artist::query().filter(|a| a.name.eq("Saxon")).explain(&db)?;
    /// let json = r#"{"operator":"index lookup","detail":"Artist by name = \"Saxon\"","rows":1,"alternatives":[{"#;
    /// assert!(plan.to_json().starts_with(json));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn to_json(&self) -> String {
        written(|out| json::write(self, out))
    }

    /// The plan as a [Mermaid](https://mermaid.js.org) flowchart: rows flow upwards.
    ///
    /// Not with the cargo feature `small`.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let plan = Track::query().filter(|t| t.seconds.gt(250)).limit(3).explain(&db)?;
    /// let chart = "\
    /// flowchart BT
    ///     n0[\"limit 3<br/>about 3 rows\"]
    ///     n1[\"filter seconds #62; 250<br/>about 333 rows\"]
    ///     n2[\"scan Track<br/>about 1000 rows\"]
    ///     n2 --> n1
    ///     n1 --> n0
    /// ";
    /// assert_eq!(plan.to_mermaid(), chart);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn to_mermaid(&self) -> String {
        written(|out| mermaid::write(self, out))
    }

    /// The plan as a page of HTML, which loads nothing and runs nothing: the tree, and of what was measured the share of the
    /// time that each operator took, and the estimates that were wrong by ten times or more.
    ///
    /// Not with the cargo feature `small`.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let plan = Track::query().filter(|t| t.seconds.gt(250)).explain_analyze(&db)?;
    /// let page = plan.to_html();
    /// assert!(page.starts_with("<!DOCTYPE html>") && page.contains("<code>seconds &gt; 250</code>"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn to_html(&self) -> String {
        written(|out| html::write(self, out))
    }
}

#[cfg(not(feature = "small"))]
impl PlanNode {
    /// An operator of which nothing else is known.
    fn of(operator: &'static str, detail: String, kind: PlanOperator) -> PlanNode {
        PlanNode {
            operator,
            detail,
            kind,
            inner: None,
            rows: 0,
            #[cfg(feature = "std")]
            threads: 1,
            actual: None,
            alternatives: Vec::new(),
            children: Vec::new(),
        }
    }

    /// The finding of what belongs to rows: by what is beneath, so many records that take so many bytes.
    pub(crate) fn belonging(
        detail: String,
        children: Vec<PlanNode>,
        records: usize,
        elapsed_ns: u64,
        bytes: usize,
    ) -> PlanNode {
        let queries = children.iter().filter(|child| child.operator != "belonging");
        let rows = queries.map(|query| query.rows).sum();
        let kept = Footprint { memory: bytes as u64, spilled: 0 };
        let meter = Meter { rows: records as u64, batches: 1, kept, ..Meter::default() };
        let actual = Some(actual(meter, elapsed_ns, &children));
        PlanNode { rows, actual, children, ..PlanNode::of("belonging", detail, PlanOperator::Belonging) }
    }

    /// Whether another does the same, to something else maybe.
    fn is_like(&self, other: &PlanNode) -> bool {
        self.operator == other.operator
            && self.children.len() == other.children.len()
            && self.children.iter().zip(&other.children).all(|(one, other)| one.is_like(other))
    }

    /// Adds the numbers of another that is like it.
    fn add(&mut self, other: &PlanNode) {
        self.rows += other.rows;
        if let (Some(actual), Some(more)) = (&mut self.actual, &other.actual) {
            actual.rows += more.rows;
            actual.batches += more.batches;
            actual.elapsed += more.elapsed;
            actual.own += more.own;
            actual.memory = actual.memory.max(more.memory);
            actual.spilled += more.spilled;
            #[cfg(feature = "std")]
            {
                actual.threads = actual.threads.max(more.threads);
            }
        }
        self.children.iter_mut().zip(&other.children).for_each(|(one, other)| one.add(other));
    }
}

/// What is written into a text.
#[cfg(not(feature = "small"))]
fn written(write: impl FnOnce(&mut String) -> fmt::Result) -> String {
    let mut out = String::new();
    write(&mut out).expect("a text takes what is written");
    out
}

/// A lesson as text.
#[cfg(not(feature = "small"))]
fn taught(lesson: &Lesson, names: Names<'_>) -> String {
    let of = lesson.slots().map(|slot| names.collection(slot)).collect::<Vec<_>>().join(" and ");
    let (what, alone) = match lesson.is_of_pairs() {
        true => ("pairs of", "values that have nothing to do with each other make"),
        false => ("rows that a filter leaves of", "each predicate alone makes"),
    };
    let times = lesson.times();
    let count = match times >= 1.0 {
        true => format!("{times:.1} times as many"),
        false => format!("one in {:.1}", 1.0 / times.max(Amount::MIN_POSITIVE)),
    };
    format!("{what} {of}: {count} as {alone} expect")
}

/// As [`describe`], of an operator with a meter and those beneath it.
#[cfg(not(feature = "small"))]
fn describe_metered(node: &PhysicalNode, names: Names<'_>, meters: &[Meter]) -> PlanNode {
    let Operator::Metered(metered) = &node.operator else { return describe(node, names) };
    let inner = &*metered.input;
    let (operator, detail) = describe_one(inner, names);
    let children = shown(inner).map(|child| describe_metered(child, names, meters));
    let children = Vec::from_iter(children);
    let meter = meters.get(metered.meter).copied().unwrap_or_default();
    // A stage over pairs is not asked for its rows by the one above: it gets them, and what made them is not in its time.
    let input = inner.children().first().copied().filter(|input| input.is_over_pairs());
    let below = match (input.map(|input| &input.operator), children.first().and_then(|child| child.actual)) {
        (Some(Operator::Metered(_)), Some(input)) => input.elapsed.as_nanos() as u64,
        _ => 0,
    };
    let actual = Some(actual(meter, meter.elapsed_ns + below, &children));
    PlanNode {
        operator,
        detail,
        kind: kind::kind_of(inner, names),
        inner: kind::inner_of(inner, names).map(Box::new),
        rows: expected(inner),
        #[cfg(feature = "std")]
        threads: 1,
        actual,
        alternatives: alternatives(inner),
        children,
    }
}

/// What a meter read of an operator that took so long, with those beneath it.
#[cfg(not(feature = "small"))]
fn actual(meter: Meter, elapsed_ns: u64, children: &[PlanNode]) -> Actual {
    let elapsed = Duration::from_nanos(elapsed_ns);
    let of_children = children.iter().filter_map(|child| child.actual).map(|child| child.elapsed).sum();
    Actual {
        rows: meter.rows,
        batches: meter.batches,
        elapsed,
        own: elapsed.saturating_sub(of_children),
        memory: meter.kept.memory,
        spilled: meter.kept.spilled,
        #[cfg(feature = "std")]
        threads: meter.threads.max(1),
    }
}

fn describe(node: &PhysicalNode, names: Names<'_>) -> PlanNode {
    let (operator, detail) = describe_one(node, names);
    let children = shown(node).map(|child| describe(child, names)).collect();
    PlanNode {
        operator,
        detail,
        #[cfg(not(feature = "small"))]
        kind: kind::kind_of(node, names),
        #[cfg(not(feature = "small"))]
        inner: kind::inner_of(node, names).map(Box::new),
        rows: expected(node),
        #[cfg(all(feature = "std", not(feature = "small")))]
        threads: 1,
        actual: None,
        #[cfg(not(feature = "small"))]
        alternatives: alternatives(node),
        children,
    }
}

/// What else was thought of for an access to records.
#[cfg(not(feature = "small"))]
fn alternatives(node: &PhysicalNode) -> Vec<Alternative> {
    match &node.operator {
        Operator::Scan(scan) => scan.alternatives.clone(),
        _ => Vec::new(),
    }
}

/// The rows expected of an operator.
fn expected(node: &PhysicalNode) -> u64 {
    // Expectations are at least 0 and finite.
    (node.rows + 0.5) as u64
}

/// The operators beneath one that are shown.
fn shown(node: &PhysicalNode) -> impl Iterator<Item = &PhysicalNode> {
    node.children().into_iter().filter(|child| !matches!(child.operator, Operator::Pairs))
}

/// An operator and what it does that to.
fn describe_one(node: &PhysicalNode, names: Names<'_>) -> (&'static str, String) {
    match &node.operator {
        Operator::Metered(metered) => describe_one(&metered.input, names),
        Operator::Scan(scan) if scan.fetch => (scan.kind, scan.text.clone()),
        Operator::Scan(scan) => {
            let read = if scan.access.has_values() { "entries" } else { "keys" };
            (scan.kind, format!("{}, {read} only", scan.text))
        }
        Operator::Pairs => ("pairs", String::new()),
        Operator::Filter { predicates, .. } => ("filter", names.predicates(predicates)),
        Operator::Lookup { from, position, into, .. } => {
            ("lookup", format!("{} by {}", names.collection(*into), names.field(*from, *position)))
        }
        #[cfg(not(feature = "small"))]
        Operator::Among(among) => {
            let pointer = names.field(among.from, among.position);
            ("among", format!("{} by {pointer}", names.collection(among.slot)))
        }
        #[cfg(not(feature = "small"))]
        Operator::Sieve(sieve) => ("sieve", format!("by {}", names.exprs(&sieve.by))),
        #[cfg(not(feature = "small"))]
        Operator::Ahead(ahead) => ("ahead", format!("by {}", names.exprs(&ahead.by))),
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
            #[cfg(not(feature = "small"))]
            if !subquery.same.is_empty() {
                let by = subquery.same.iter().map(|expr| names.expr(expr)).collect::<Vec<_>>();
                detail = format!("{detail}, once for each {}", by.join(", "));
            }
            (operator, detail)
        }
        Operator::Join(join) => {
            let operator = if join.kind == JoinKind::Left { "left join" } else { "join" };
            #[cfg(not(feature = "small"))]
            if let (true, Method::Hash { links, .. }) = (join.merges, &join.method) {
                let operator = if join.kind == JoinKind::Left { "left merge join" } else { "merge join" };
                return (operator, names.links(links));
            }
            let detail = match &join.method {
                Method::Hash { links, .. } => format!("through hash table, {}", names.links(links)),
                #[cfg(not(feature = "small"))]
                Method::Loop { band: Some(band), .. } => describe_band(band, names),
                Method::Loop { .. } => String::from("every pair"),
                method => describe_method(method, names.collection(join.slot), names),
            };
            (operator, detail)
        }
        #[cfg(not(feature = "small"))]
        Operator::Sort { terms, settled: true, .. } => {
            ("sort", format!("{}; they come so", names.terms(terms)))
        }
        #[cfg(not(feature = "small"))]
        Operator::Sort { terms, window: None, given: given @ 1.., .. } => {
            let given = names.terms(&terms[..*given]);
            ("sort", format!("{}; they come by {given}", names.terms(terms)))
        }
        Operator::Sort { terms, window: None, .. } => ("sort", names.terms(terms)),
        #[cfg(not(feature = "small"))]
        Operator::Sort { terms, window: Some(window), given: given @ 1.., .. } => {
            let given = names.terms(&terms[..*given]);
            ("top", format!("{window} by {}; they come by {given}", names.terms(terms)))
        }
        Operator::Sort { terms, window: Some(window), .. } => {
            ("top", format!("{window} by {}", names.terms(terms)))
        }
        Operator::Limit { window, .. } => ("limit", window.to_string()),
        Operator::Native { slot, .. } => ("filter_fn", names.collection(*slot).to_string()),
        #[cfg(not(feature = "small"))]
        Operator::Aggregate { keys, items, runs: true, .. } => {
            ("aggregate", format!("{}, one after the other", names.groups(keys, items)))
        }
        Operator::Aggregate { keys, items, .. } => ("aggregate", names.groups(keys, items)),
        Operator::Set { kind, columns, .. } => {
            let values = columns.iter().map(|column| names.expr(&column.left)).collect::<Vec<_>>();
            (set_name(*kind), values.join(", "))
        }
        Operator::Shared { number: Some(number), columns, .. } => {
            ("shared", format!("{number}: {}", names.keys(columns)))
        }
        Operator::Shared { columns, .. } => ("values", names.keys(columns)),
        Operator::Recursive { columns, .. } => {
            let values = columns.iter().map(|column| names.expr(&column.left)).collect::<Vec<_>>();
            ("recursive", values.join(", "))
        }
        Operator::Previous { .. } => ("previous", String::from("rows")),
        Operator::Window { items, .. } => ("window", names.windows(items)),
        Operator::CountRecords { slot, .. } => ("count records", names.collection(*slot).to_string()),
    }
}

fn describe_method(method: &Method, of: &str, names: Names<'_>) -> String {
    match method {
        #[cfg(not(feature = "small"))]
        Method::Probe { links, span, entries, .. } => {
            let asked = match span {
                Some(span) => describe_span(links, span, names),
                None => names.links(links),
            };
            let only =
                if entries.as_ref().is_some_and(|entries| entries.alone) { ", entries only" } else { "" };
            format!("{of} through index, {asked}{only}")
        }
        #[cfg(feature = "small")]
        Method::Probe { links, .. } => format!("{of} through index, {}", names.links(links)),
        Method::Hash { links, .. } => format!("{of} through hash table, {}", names.links(links)),
        #[cfg(not(feature = "small"))]
        Method::Loop { band: Some(band), .. } => format!("{of}, {}", describe_band(band, names)),
        Method::Loop { .. } => format!("{of}, every pair"),
    }
}

/// What an index is searched for by for each row.
#[cfg(not(feature = "small"))]
fn describe_span(links: &[Link], span: &Span, names: Names<'_>) -> String {
    let mut asked = Vec::new();
    if !links.is_empty() {
        asked.push(names.links(links));
    }
    asked.extend(bounds_of(span, names));
    let asked = asked.join(" & ");
    match span.taken {
        Taken::All | Taken::AsTheyCame => asked,
        Taken::Least => format!("the least of {asked}"),
        Taken::Greatest => format!("the greatest of {asked}"),
    }
}

/// What the field of a range is asked.
#[cfg(not(feature = "small"))]
fn bounds_of(span: &Span, names: Names<'_>) -> Vec<String> {
    let of = names.expr(&span.field);
    let bound = |operator, (bound, included): &(Expr, bool)| {
        let or_equal = if *included { "=" } else { "" };
        format!("{of} {operator}{or_equal} {}", names.expr(bound))
    };
    let mut asked: Vec<String> = span.low.iter().map(|low| bound(">", low)).collect();
    asked.extend(span.high.iter().map(|high| bound("<", high)));
    asked.extend(span.start.iter().map(|start| format!("{of} starts with {}", names.expr(start))));
    asked
}

#[cfg(not(feature = "small"))]
fn describe_band(band: &Band, names: Names<'_>) -> String {
    let of = names.expr(&band.inner);
    match band.taken {
        Taken::All | Taken::AsTheyCame => format!("pairs by ranges of {of}"),
        Taken::Least => format!("pairs by the least of ranges of {of}"),
        Taken::Greatest => format!("pairs by the greatest of ranges of {of}"),
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
    #[cfg(all(feature = "std", not(feature = "small")))]
    if node.threads > 1 {
        write!(f, " by {} threads", node.threads)?;
    }
    if f.alternate() {
        write!(f, " (about {} rows", node.rows)?;
        if let Some(actual) = &node.actual {
            let Actual { rows, batches, elapsed, own, .. } = actual;
            let batch = if *batches == 1 { "batch" } else { "batches" };
            write!(f, "; {rows} in {batches} {batch}, {elapsed:?}, {own:?} of its own")?;
            if actual.memory > 0 {
                write!(f, ", {} bytes kept", actual.memory)?;
            }
            if actual.spilled > 0 {
                write!(f, ", {} bytes put aside", actual.spilled)?;
            }
        }
        write!(f, ")")?;
    }
    node.children.iter().try_for_each(|child| write_node(f, child, depth + 1))
}

//! The physical plan: how an optimized logical plan is carried out.
//!
//! Above: `logical`, `optimizer`. Below: `exec`, which reads these plans and nothing above them. Here access paths and
//! methods are chosen by cost, with what [`Statistics`] knows; no data is touched.
//!
//! A plan's operators are those of the logical plan; what is added is in [`Access`] (how records are reached), in
//! [`Method`] (how a subquery is answered), and what is left out: a sort that an access path makes unnecessary, a
//! predicate that it implies, a lookup that nobody reads any more.

#[cfg(not(feature = "small"))]
mod above;
mod access;
mod aggregate;
#[cfg(not(feature = "small"))]
mod alternatives;
#[cfg(not(feature = "small"))]
mod among;
#[cfg(not(feature = "small"))]
mod band;
#[cfg(not(feature = "small"))]
mod bind;
mod choices;
#[cfg(not(feature = "small"))]
mod combined;
#[cfg(not(feature = "small"))]
mod contradiction;
#[cfg(not(feature = "small"))]
mod entries;
mod filter;
#[cfg(not(feature = "small"))]
mod firsts;
mod join;
mod lookup;
#[cfg(not(feature = "small"))]
mod loose;
mod metered;
#[cfg(not(feature = "small"))]
mod ordered;
#[cfg(not(feature = "small"))]
mod partial;
mod prune;
#[cfg(not(feature = "small"))]
mod recipe;
mod recursive;
mod relation;
#[cfg(not(feature = "small"))]
mod runs;
#[cfg(not(feature = "small"))]
mod same;
mod sarg;
mod set;
mod shared;
#[cfg(not(feature = "small"))]
mod sieve;
#[cfg(not(feature = "small"))]
mod skip;
mod sort;
#[cfg(not(feature = "small"))]
mod span;
mod subquery;
#[cfg(test)]
mod tests;
#[cfg(not(feature = "small"))]
mod watched;
mod window;
#[cfg(not(feature = "small"))]
mod within;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

#[cfg(not(feature = "small"))]
pub use access::max_rank;
#[cfg(not(feature = "small"))]
pub use alternatives::Alternative;
#[cfg(not(feature = "small"))]
pub use among::Among;
#[cfg(not(feature = "small"))]
pub use band::{Band, Taken};
pub use choices::Choice;
#[cfg(not(feature = "small"))]
pub use choices::Choices;
#[cfg(not(feature = "small"))]
pub use entries::Entries;
pub use metered::Metered;
pub use prune::Reads;
#[cfg(not(feature = "small"))]
pub use recipe::{Estimate, Recipe};
#[cfg(not(feature = "small"))]
pub(super) use sieve::has_words;
#[cfg(not(feature = "small"))]
pub use sieve::{Ahead, Sieve, Sifted};
pub use sort::TOP_MAX;
#[cfg(not(feature = "small"))]
pub use span::Span;

use super::estimate::{Amount, Costs, Estimator, KeyRange, Paging, Statistics};
#[cfg(not(feature = "small"))]
use super::estimate::{Counter, Lessons, Resident, Watched};
use super::logical::{
    AggregateTerm, Asked, Column, Computed, ComputedDef, Expr, KeyTerm, Link, LogicalPlan, Names, Node,
    SetColumn, Slot, SlotDef, SortTerm, Window, WindowTerm,
};
use crate::expr;
use crate::expr::{JoinKind, SetKind};
use crate::parts::{self, InWhole, Whole};
use crate::schema::{CollectionDef, IndexId};

/// A physical plan.
#[derive(Clone, Debug)]
pub struct PhysicalPlan {
    /// What the slots hold.
    pub slots: Vec<SlotDef>,
    /// The computed values.
    pub computed: Vec<ComputedDef>,
    /// The last operator.
    pub root: PhysicalNode,
    /// What comes out.
    pub columns: Vec<Column>,
    /// What was expected of values of the query while ways were chosen, in a plan that is kept for others.
    #[cfg(not(feature = "small"))]
    pub estimates: Vec<Estimate>,
    /// How much of what may be read was in memory when it was planned.
    #[cfg(not(feature = "small"))]
    pub residency: Vec<Resident>,
    /// What is compared with what was expected, in a plan that is kept for others.
    #[cfg(not(feature = "small"))]
    pub watched: Option<Watched>,
}

/// An operator, and how many rows it is expected to give.
#[derive(Clone, Debug)]
pub struct PhysicalNode {
    /// What it does.
    pub operator: Operator,
    /// The rows expected.
    pub rows: Amount,
}

/// What an operator does.
#[derive(Clone, Debug)]
pub enum Operator {
    /// Gives records of a collection.
    Scan(Scan),
    /// The pairs that the subquery around it makes.
    Pairs,
    /// Drops rows.
    Filter {
        /// Where rows come from.
        input: Box<PhysicalNode>,
        /// What must hold, cheapest first.
        predicates: Vec<Expr>,
        /// What its rows are counted by.
        #[cfg(not(feature = "small"))]
        counter: Counter,
    },
    /// Adds the record that a relation leads to.
    Lookup {
        /// Where rows come from.
        input: Box<PhysicalNode>,
        /// The slot of the record that points.
        from: Slot,
        /// The position of the relation field.
        position: u16,
        /// The value that is made of an entry in its place, where the record that points is not read.
        #[cfg(not(feature = "small"))]
        by: Option<Computed>,
        /// The slot of the record pointed at.
        into: Slot,
    },
    /// Keeps the rows that point at a record of another source.
    #[cfg(not(feature = "small"))]
    Among(Among),
    /// Keeps the rows of which a value is one that a table above has.
    #[cfg(not(feature = "small"))]
    Sieve(Sieve),
    /// Gives its rows when they have all been read.
    #[cfg(not(feature = "small"))]
    Ahead(Ahead),
    /// Adds the answer of a subquery, or keeps the rows by it.
    Subquery(Subquery),
    /// Pairs rows with records of another collection.
    Join(Join),
    /// Orders rows.
    Sort {
        /// Where rows come from.
        input: Box<PhysicalNode>,
        /// By what.
        terms: Vec<SortTerm>,
        /// Which of them are kept.
        window: Option<Window>,
        /// In the order of so many of the first terms they come already: no more are read than can be among those kept.
        #[cfg(not(feature = "small"))]
        given: usize,
        /// Whether they come in that of all terms, and no two records of the query compare equal: then nothing is left to be done
        /// where what is beneath keeps its order.
        #[cfg(not(feature = "small"))]
        settled: bool,
        /// Whether the last of those that are kept bars the way for rows that come behind it, before their keys are made.
        #[cfg(not(feature = "small"))]
        bars: bool,
    },
    /// Keeps a window of rows.
    Limit {
        /// Where rows come from.
        input: Box<PhysicalNode>,
        /// Which.
        window: Window,
    },
    /// Drops rows of whose record a test is false that is a program's own code.
    Native {
        /// Where rows come from.
        input: Box<PhysicalNode>,
        /// Whose record.
        slot: Slot,
        /// The test.
        test: InWhole<expr::Native>,
        /// Other builds have none.
        _whole: Whole,
    },
    /// Groups of rows, a row each.
    Aggregate {
        /// Where rows come from.
        input: Box<PhysicalNode>,
        /// What the rows of a group have in common; without keys all rows are one.
        keys: Vec<KeyTerm>,
        /// The aggregates.
        items: Vec<AggregateTerm>,
        /// Whether groups come in the order of their first rows, because somebody asked for one of those.
        in_order: bool,
        /// Whether the rows of a group follow each other, so that it ends where the next begins.
        #[cfg(not(feature = "small"))]
        runs: bool,
    },
    /// The rows of two inputs as one.
    Set {
        /// The rows on the left.
        input: Box<PhysicalNode>,
        /// Those on the right.
        right: Box<PhysicalNode>,
        /// How they are put together.
        kind: SetKind,
        /// The values that rows have.
        columns: InWhole<Vec<SetColumn>>,
        /// Other builds have no sets.
        whole: Whole,
    },
    /// Rows that are calculated once.
    Shared {
        /// Where rows come from, for the first that asks.
        input: Box<PhysicalNode>,
        /// What others that ask for the same have as well; `None` when there are none.
        number: Option<u16>,
        /// Whether they are kept only as long as they are few.
        found: bool,
        /// The values that rows have.
        columns: Vec<KeyTerm>,
        /// Other builds have none.
        whole: Whole,
    },
    /// The rows of its input, and those that they lead to.
    Recursive {
        /// The rows that it begins with.
        input: Box<PhysicalNode>,
        /// Those that rows lead to, carried out in rounds.
        step: Box<PhysicalNode>,
        /// What the [`Operator::Previous`] of the step is told by.
        number: u16,
        /// The values that rows have.
        columns: InWhole<Vec<SetColumn>>,
        /// How many of the first of these tell rows apart.
        identity: usize,
        /// How many rounds there are at most.
        rounds: Option<u64>,
        /// Other builds have none.
        whole: Whole,
    },
    /// The rows that the last round found.
    Previous {
        /// Of which recursion.
        number: u16,
        /// The values that rows have.
        columns: InWhole<Vec<Computed>>,
        /// Other builds have none.
        whole: Whole,
    },
    /// Gives rows values from the rows around them.
    Window {
        /// Where rows come from.
        input: Box<PhysicalNode>,
        /// The values.
        items: InWhole<Vec<WindowTerm>>,
        /// Other builds have no windows.
        whole: Whole,
    },
    /// The number of a collection's records, which is known without reading them.
    CountRecords {
        /// A slot of the collection.
        slot: Slot,
        /// The values that are this number.
        outputs: Vec<Computed>,
    },
    /// Measures an operator: for an analysis.
    Metered(Metered),
}

/// Gives records of a collection.
#[derive(Clone, Debug)]
pub struct Scan {
    /// The slot they are put in.
    pub slot: Slot,
    /// How they are reached.
    pub access: Access,
    /// Whether the records are read. Otherwise only their ranks are known.
    pub fetch: bool,
    /// The kind of access path: "scan", "index lookup", …
    pub kind: &'static str,
    /// What it is about, as text.
    pub text: String,
    /// What else was thought of, if that was asked for.
    #[cfg(not(feature = "small"))]
    pub alternatives: Vec<Alternative>,
    /// The predicates that hold of all its records, as texts, if that was asked for.
    #[cfg(not(feature = "small"))]
    pub asked: Vec<String>,
    /// How the access follows from values of the query, in a plan that is kept for others.
    #[cfg(not(feature = "small"))]
    pub recipe: Option<Box<Recipe>>,
}

/// How records are reached.
#[derive(Clone, Debug)]
pub enum Access {
    /// Not at all: nothing can satisfy the predicates.
    Nothing,
    /// In the order of their ranks, from `low` to `high`, both included.
    Range {
        /// The lowest rank.
        low: u128,
        /// The highest.
        high: u128,
        /// Whether the highest comes first.
        backward: bool,
        /// Whether this is the whole collection.
        whole: bool,
    },
    /// By their ranks, which ascend.
    Keys(Vec<u128>),
    /// Through an index.
    Index {
        /// The index.
        index: IndexId,
        /// The ranges of it, ascending and apart from each other.
        ranges: Vec<KeyRange>,
        /// In which order they come.
        order: IndexOrder,
        /// What else is done with the entries alone.
        #[cfg(not(feature = "small"))]
        entries: Option<Box<Entries>>,
    },
    /// Through an index of which the first field may have any value: what is searched for is searched for behind each of its
    /// values, and the records come in the order of their keys.
    #[cfg(not(feature = "small"))]
    Skip {
        /// The index.
        index: IndexId,
        /// The ranges of what follows the first field, ascending and apart from each other.
        ranges: Vec<KeyRange>,
    },
    /// By ranks that several paths give, in their order.
    Combined {
        /// The paths, each through an index or by keys.
        parts: InWhole<Vec<Access>>,
        /// Which of the ranks.
        how: Combination,
        /// Other builds take one path.
        whole: Whole,
    },
    /// The records that point at the rows of `source`, through the index of the relation.
    Pointing {
        /// The rows pointed at.
        source: Box<PhysicalNode>,
        /// Their slot.
        from: Slot,
        /// The index, which begins with the relation field.
        index: IndexId,
        /// Whether they come in the order of their keys.
        key_order: bool,
        /// Where the entries are all that is read.
        #[cfg(not(feature = "small"))]
        entries: Option<Box<Entries>>,
    },
    /// The records that the rows of `source` point at, each once.
    PointedAt {
        /// The rows that point.
        source: Box<PhysicalNode>,
        /// The value that points.
        by: Expr,
    },
}

/// Which ranks several access paths give together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Combination {
    /// Those that any of them gives.
    Any,
    /// Those that each of two gives.
    Both,
}

/// In which order records come from an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexOrder {
    /// As the index has them.
    Forward,
    /// Backwards.
    Backward,
    /// Backwards, but those with one key of the index in the order of their own keys.
    BackwardTiesForward,
    /// In the order of their keys.
    Key,
    /// In the order of their keys, backwards.
    KeyBackward,
}

/// Adds the answer of a subquery, or keeps the rows by it.
#[derive(Clone, Debug)]
pub struct Subquery {
    /// Where rows come from.
    pub input: Box<PhysicalNode>,
    /// The slot of the inner record.
    pub slot: Slot,
    /// How the inner records of a row are found.
    pub method: Method,
    /// The pairs that count, over [`Operator::Pairs`].
    pub pairs: Box<PhysicalNode>,
    /// What is asked.
    pub asked: Asked,
    /// Whether that is calculated once for all rows with the same links, which takes a table and no pair.
    pub once: bool,
    /// What rows have in common that have the same answer, if each is to be made once.
    #[cfg(not(feature = "small"))]
    pub same: Vec<Expr>,
    /// Whether both sides can be put aside by what they are linked by: it has a value, or none, in every row of either.
    pub spills: bool,
    /// What its table has is asked of its rows beneath it.
    #[cfg(not(feature = "small"))]
    pub sieves: Vec<Sifted>,
    /// What becomes of the answer.
    pub answer: Answer,
}

/// Pairs rows with records of another collection.
#[derive(Clone, Debug)]
pub struct Join {
    /// Where rows come from.
    pub input: Box<PhysicalNode>,
    /// The slot of the inner record.
    pub slot: Slot,
    /// How the inner records of a row are found.
    pub method: Method,
    /// The pairs there are, over [`Operator::Pairs`].
    pub pairs: Box<PhysicalNode>,
    /// What becomes of rows without a pair.
    pub kind: JoinKind,
    /// Whether all inner rows are read where there is no row to be paired with: they may have no result as a whole, which is an
    /// error on whichever side they are.
    pub reads_inner: bool,
    /// Whether the sides can be put aside by what they are linked by: it has a value, or none, in every row.
    pub spills: bool,
    /// Whether the rows of both sides come in the order of what they are linked by: then no table is made of the inner ones.
    #[cfg(not(feature = "small"))]
    pub merges: bool,
    /// Whether its rows come in the order of those that are paired, also those that have no pair.
    #[cfg(not(feature = "small"))]
    pub in_order: bool,
    /// What its table has is asked of the other side beneath it.
    #[cfg(not(feature = "small"))]
    pub sieves: Vec<Sifted>,
    /// What its rows are counted by.
    #[cfg(not(feature = "small"))]
    pub counter: Counter,
    /// Other builds have no joins.
    pub _whole: Whole,
}

/// How the inner records of a row are found.
#[derive(Clone, Debug)]
pub enum Method {
    /// Through an index that begins with the fields on the inner side of the links; `None` is the key itself.
    Probe {
        /// The index.
        index: Option<IndexId>,
        /// The links, in the order of the index.
        links: Vec<Link>,
        /// The range of the field behind theirs, or of the key, that belongs to a row.
        #[cfg(not(feature = "small"))]
        span: Option<Box<Span>>,
        /// Where the entries are all that is read of what is found.
        #[cfg(not(feature = "small"))]
        entries: Option<Box<Entries>>,
    },
    /// All inner rows are put into a hash table by the links' inner sides, once.
    Hash {
        /// The inner rows.
        inner: Box<PhysicalNode>,
        /// The links.
        links: Vec<Link>,
    },
    /// All inner rows are paired with every row, or those in a range of them.
    Loop {
        /// The inner rows.
        inner: Box<PhysicalNode>,
        /// The range.
        #[cfg(not(feature = "small"))]
        band: Option<Box<Band>>,
    },
}

/// What becomes of a subquery's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Rows are kept where it is true.
    Semi,
    /// Rows are kept where it is false.
    Anti,
    /// It becomes a value of the row.
    Value(Computed),
}

/// What is wanted of planning beyond a plan.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wishes {
    /// Whether reading all of a collection is to be avoided at any cost.
    pub require_index: bool,
    /// Whether scans say what else was thought of.
    pub alternatives: bool,
    /// Whether a budget of memory was asked for, so that joins put both sides aside, and forget their order, where they can.
    #[cfg(not(feature = "small"))]
    pub puts_aside: bool,
    /// What may be chosen.
    #[cfg(not(feature = "small"))]
    pub choices: Choices,
}

/// Plans how to carry out `plan`.
pub fn plan(plan: &LogicalPlan, statistics: &dyn Statistics) -> PhysicalPlan {
    plan_as(plan, statistics, Wishes::default())
}

/// As [`plan`], with more that is wanted.
pub fn plan_as(plan: &LogicalPlan, statistics: &dyn Statistics, wishes: Wishes) -> PhysicalPlan {
    #[cfg(not(feature = "small"))]
    let costs = statistics.costs(&plan.slots);
    #[cfg(feature = "small")]
    let costs = Costs::default();
    let planner = Planner {
        plan,
        statistics,
        estimator: Estimator::new(&plan.slots, statistics),
        paging: Paging::new(statistics, &costs),
        costs,
        wishes,
        #[cfg(not(feature = "small"))]
        estimates: core::cell::RefCell::default(),
        #[cfg(not(feature = "small"))]
        read: core::cell::OnceCell::new(),
        #[cfg(not(feature = "small"))]
        read_of_each: core::cell::OnceCell::new(),
        #[cfg(not(feature = "small"))]
        inner: within::Within::default(),
        #[cfg(not(feature = "small"))]
        tested: within::Within::default(),
    };
    let Node::Project(project) = &plan.root else { unreachable!("a checked plan ends in a projection") };
    // Nobody sees an order in ranks, or in the bare existence of a row.
    let key_order = project.columns.iter().any(|column| !matches!(column, Column::Rank(_)));
    let any = project.columns.is_empty();
    #[cfg_attr(feature = "small", expect(unused_mut, reason = "nothing is sieved there"))]
    let mut planned = planner.node(&project.input, Want { key_order, any, ..Want::default() });
    #[cfg(not(feature = "small"))]
    if planner.chooses(Choice::Sieves) {
        planner.sift(&mut planned.node, &mut 0);
    }
    let late = planner.chooses(Choice::Late);
    let mut physical = PhysicalPlan {
        slots: plan.slots.clone(),
        computed: plan.computed.clone(),
        root: planned.node,
        columns: project.columns.clone(),
        #[cfg(not(feature = "small"))]
        estimates: planner.estimates.take(),
        #[cfg(not(feature = "small"))]
        residency: planner.paging.into_known(),
        #[cfg(not(feature = "small"))]
        watched: None,
    };
    #[cfg(not(feature = "small"))]
    physical.number_entries();
    if parts::REWRITES && late {
        prune::prune(&mut physical);
    }
    #[cfg(not(feature = "small"))]
    if wishes.alternatives {
        physical.tell_from_above();
    }
    physical
}

/// What is wanted of an operator's rows beyond being right.
#[derive(Clone, Copy, Default)]
struct Want<'w> {
    /// The order they are sorted into afterwards, unless they come in it already.
    order: &'w [SortTerm],
    /// Whether this is only the beginning of an order, or all of it but what orders those that compare equal: these are sorted
    /// anyway. What costs are told is then that of reading as many as will be taken, where rows come so.
    #[cfg(not(feature = "small"))]
    partly: bool,
    /// How many will be taken.
    limit: Option<u64>,
    /// How many of them are then passed over.
    #[cfg(not(feature = "small"))]
    skip: u64,
    /// Where one row of each value will do, of which: the order is that of those.
    #[cfg(not(feature = "small"))]
    loose: Option<loose::Loose<'w>>,
    /// Whether, without an order, they come in the order of their keys.
    key_order: bool,
    /// Whether, of more rows than are taken, any will do.
    any: bool,
}

/// An operator as planned.
#[derive(Clone)]
struct Planned {
    node: PhysicalNode,
    /// Whether the rows come in the order wanted.
    ordered: bool,
    /// What it costs, in nanoseconds: to read all of them, but of the beginning of an order (see [`Want`]).
    cost: Amount,
}

struct Planner<'p> {
    plan: &'p LogicalPlan,
    statistics: &'p dyn Statistics,
    estimator: Estimator<'p>,
    costs: Costs,
    paging: Paging<'p>,
    #[cfg_attr(feature = "small", expect(dead_code, reason = "nobody wishes for more there"))]
    wishes: Wishes,
    /// What was expected of values of the query.
    #[cfg(not(feature = "small"))]
    estimates: core::cell::RefCell<Vec<Estimate>>,
    /// What is read of the records in each slot, once that was asked for.
    #[cfg(not(feature = "small"))]
    read: core::cell::OnceCell<entries::FieldsRead>,
    /// The same of records that are found for each row, but for what they are found by.
    #[cfg(not(feature = "small"))]
    read_of_each: core::cell::OnceCell<entries::FieldsRead>,
    /// The inner sides of subqueries that have others within; whether they come in the order of keys.
    #[cfg(not(feature = "small"))]
    inner: within::Within<(*const Node, bool), Planned>,
    /// What is asked of pairs, where that are subqueries.
    #[cfg(not(feature = "small"))]
    tested: within::Within<subquery::OfRow, subquery::Tested>,
}

impl<'p> Planner<'p> {
    fn names(&self) -> Names<'p> {
        Names { slots: &self.plan.slots, computed: &self.plan.computed }
    }

    /// What was learnt of queries of this shape.
    #[cfg(not(feature = "small"))]
    fn learnt(&self) -> Lessons<'p> {
        self.statistics.lessons()
    }

    fn collection(&self, slot: Slot) -> &'p CollectionDef {
        &self.plan.slots[usize::from(slot.0)].collection
    }

    /// The records of a collection, and at least [`Costs::rows_min`].
    fn rows(&self, slot: Slot) -> Amount {
        (self.statistics.rows(self.collection(slot)) as Amount).max(self.costs.rows_min)
    }

    fn node(&self, node: &'p Node, want: Want<'_>) -> Planned {
        match node {
            Node::Sort(sort) => self.sort(sort, want),
            Node::Limit(limit) => {
                // Which rows are the first is not left to the access path.
                let inner = Want {
                    limit: limit.window.end(),
                    #[cfg(not(feature = "small"))]
                    skip: limit.window.skip,
                    key_order: !want.any,
                    ..Want::default()
                };
                let planned = self.node(&limit.input, inner);
                let rows =
                    limit.window.take.map_or(planned.node.rows, |take| planned.node.rows.min(take as Amount));
                let operator = Operator::Limit { input: Box::new(planned.node), window: limit.window };
                Planned {
                    node: PhysicalNode { operator, rows },
                    ordered: want.order.is_empty(),
                    cost: planned.cost,
                }
            }
            Node::Native(native) => {
                let inner =
                    Want { order: want.order, key_order: want.key_order, any: want.any, ..Want::default() };
                let planned = self.node(&native.input, inner);
                // Nobody knows how many it lets through, nor what it takes.
                let rows = (planned.node.rows / 2.0).max(1.0);
                let operator = Operator::Native {
                    input: Box::new(planned.node),
                    slot: native.slot,
                    test: native.test.clone(),
                    _whole: native.whole,
                };
                Planned {
                    node: PhysicalNode { operator, rows },
                    ordered: planned.ordered,
                    cost: planned.cost,
                }
            }
            Node::Aggregate(aggregate) => self.aggregate(aggregate, want, &[]),
            Node::Join(join) => self.join(join, want),
            Node::Set(set) => self.set(set, want),
            Node::Shared(shared) => self.shared(shared),
            Node::Recursive(recursive) => self.recursive(recursive),
            Node::Previous(previous) => self.previous(previous),
            Node::Window(window) => self.window(window, want, &[]),
            Node::Project(_) => unreachable!("a projection is the last node"),
            Node::Scan(_) | Node::Pairs | Node::Filter(_) | Node::Lookup(_) | Node::Subquery(_) => {
                self.chain(node, want)
            }
        }
    }

    /// Plans a chain of filters, lookups and subqueries down to whatever its rows come from.
    fn chain(&self, top: &'p Node, want: Want<'_>) -> Planned {
        let mut stages = Vec::new();
        let mut base = top;
        while let Node::Filter(_) | Node::Lookup(_) | Node::Subquery(_) = base {
            stages.push(base);
            base = base.input().expect("a stage has an input");
        }
        stages.reverse();
        let mut planned = match base {
            Node::Scan(scan) => self.access(scan.slot, &stages, want),
            Node::Pairs => access::Chosen::over(PhysicalNode { operator: Operator::Pairs, rows: 1.0 }),
            other => {
                #[cfg(not(feature = "small"))]
                let below = self.below_stages(other, &stages, want);
                #[cfg(feature = "small")]
                let below = Want { key_order: want.key_order, ..Want::default() };
                let planned = match other {
                    // What is asked of groups says how many are made until enough get through.
                    Node::Aggregate(aggregate) => {
                        self.aggregate(aggregate, below, &access::predicates_of(&stages))
                    }
                    // Where rows are numbered it is how many of each partition are needed.
                    Node::Window(window) => {
                        let passes = |stage: &&Node| matches!(stage, Node::Filter(_) | Node::Lookup(_));
                        let nearest = stages.iter().take_while(|stage| passes(stage)).count();
                        self.window(window, below, &access::predicates_of(&stages[..nearest]))
                    }
                    other => self.node(other, below),
                };
                access::Chosen {
                    ordered: want.order.is_empty() || !below.order.is_empty() && planned.ordered,
                    cost: planned.cost,
                    #[cfg(not(feature = "small"))]
                    fixed: planned.cost,
                    ..access::Chosen::over(planned.node)
                }
            }
        };
        #[cfg(not(feature = "small"))]
        let mut narrowed = matches!(base, Node::Pairs);
        for stage in &stages {
            #[cfg(not(feature = "small"))]
            if !narrowed && !matches!(stage, Node::Filter(_)) {
                let (mut slots, mut present) = (Vec::new(), Vec::new());
                base.slots(&mut slots);
                among::present(base, &mut present);
                planned = self.narrowed(planned, (&slots, &present), &stages, want);
                narrowed = true;
            }
            planned = match stage {
                Node::Filter(filter) => self.filter(planned, filter),
                Node::Lookup(lookup) => self.lookup(planned, lookup),
                Node::Subquery(subquery) => self.subquery(planned, subquery, want),
                _ => unreachable!("stages are these"),
            };
        }
        #[cfg(not(feature = "small"))]
        let cost = match want.limit {
            Some(limit) if want.partly && planned.ordered => {
                let share = (limit as Amount / planned.node.rows.max(1.0)).min(1.0);
                planned.fixed + (planned.cost - planned.fixed).max(0.0) * share
            }
            _ => planned.cost,
        };
        #[cfg(feature = "small")]
        let cost = planned.cost;
        Planned { node: planned.node, ordered: planned.ordered, cost }
    }
}

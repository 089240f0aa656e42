//! [`PlanOperator`]: what an operator of a plan does, for programs.
//!
//! The text of a plan is for people. Here is the same in types: which way leads to records, through which index, and what
//! was searched for; how the sides of joins and subqueries are brought together; what rows are ordered and grouped by.
//! Expressions are texts, as in the plan's own.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::PlanNode;
use crate::engine::logical::{Asked, Column, KeyTerm, Link, Names, Slot, SortTerm};
use crate::engine::physical::{
    Access, Answer, Combination, IndexOrder, Method, Operator, PhysicalNode, Scan,
};
use crate::expr::{JoinKind, SetKind};
use crate::schema::{CollectionDef, IndexId};

/// What an operator of a plan does, with its details in types: [`PlanNode::kind`]. Expressions are texts, as the plan's text
/// has them.
///
/// Not with the cargo feature `small`.
///
/// # Examples
///
/// ```
/// use epilog::{PlanMethod, PlanOperator, PlanWay};
#[doc = include_str!("../../example.txt")]
/// // Which indexes does a query search, and for what?
/// let query = Track::query().filter(|t| t.album().artist().name.eq("Saxon") & t.seconds.gt(250));
/// let plan = query.order_by(|t| t.name).limit(3).explain(&db)?;
/// let mut searched = Vec::new();
/// for node in plan.operators() {
///     match &node.kind {
///         PlanOperator::Access(access) => {
///             let index = access.index.as_ref().map(|index| index.name.as_str());
///             searched.push((access.way, access.collection.as_str(), index, access.predicates.as_slice()));
///         }
///         PlanOperator::Top { terms, take, .. } => assert_eq!((terms[0].value.as_str(), *take), ("name", Some(3))),
///         PlanOperator::Filter { predicates } => assert_eq!(*predicates, ["seconds > 250"]),
///         _ => {}
///     }
/// }
/// let saxon = [String::from("album.artist.name = \"Saxon\"")];
/// assert_eq!(searched.last(), Some(&(PlanWay::IndexLookup, "Artist", Some("name"), &saxon[..])));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlanOperator {
    /// Gives records of a collection.
    Access(PlanAccess),
    /// Drops rows.
    Filter {
        /// What must hold, in the order in which it is asked.
        predicates: Vec<String>,
    },
    /// Drops rows by a [predicate of the program's own](crate::Query::filter_fn).
    FilterFn {
        /// The collection whose records it is shown.
        collection: String,
    },
    /// Adds the record that a relation leads to.
    Lookup {
        /// The collection of that record.
        collection: String,
        /// The relation.
        by: String,
    },
    /// Keeps the rows that point at one of the records of its second child.
    Among {
        /// The collection of those records.
        collection: String,
        /// The relation.
        by: String,
    },
    /// Keeps the rows whose values are those that the table of a join above has, or may be.
    Sieve {
        /// The values.
        by: String,
    },
    /// Gives its rows when it has read them all, so that a sieve beneath it can be made of another side first.
    Ahead {
        /// The values that they are sieved by.
        by: String,
    },
    /// Keeps rows by what other records there are, or adds a value of these.
    Subquery {
        /// What is asked of them.
        asked: PlanQuestion,
        /// Their collection.
        collection: String,
        /// How those of a row are found.
        method: PlanMethod,
        /// What they are linked to the row by.
        links: Vec<PlanLink>,
        /// What is answered once for all rows that have the same of it; empty where each row is answered by itself.
        once_for_each: Vec<String>,
    },
    /// Pairs rows with others.
    Join {
        /// Whether a row without partners stays.
        is_left: bool,
        /// How the partners of a row are found.
        method: PlanMethod,
        /// What they are linked to the row by.
        links: Vec<PlanLink>,
    },
    /// Orders rows.
    Sort {
        /// By what.
        terms: Vec<PlanTerm>,
        /// By how many of the first terms they come ordered already.
        given: usize,
    },
    /// Keeps the first rows in an order.
    Top {
        /// The order.
        terms: Vec<PlanTerm>,
        /// By how many of the first terms they come ordered already.
        given: usize,
        /// How many are passed over.
        skip: u64,
        /// How many are then kept; `None` for all.
        take: Option<u64>,
    },
    /// Keeps the first rows as they come.
    Limit {
        /// How many are passed over.
        skip: u64,
        /// How many are then kept; `None` for all.
        take: Option<u64>,
    },
    /// Makes groups of rows, or, without keys, one row of all.
    Aggregate {
        /// What the rows of a group have in common.
        keys: Vec<String>,
        /// What is calculated of each.
        aggregates: Vec<String>,
        /// Whether the rows of a group follow each other, so that one is kept at a time, and given when the next begins.
        one_by_one: bool,
    },
    /// Makes one of the rows of its two children.
    Set {
        /// How.
        set: PlanSet,
        /// The values of a row.
        values: Vec<String>,
    },
    /// Gives rows that are calculated once.
    Shared {
        /// What all that give the same rows have in common; `None` where there is only this one.
        number: Option<u16>,
        /// The values of a row.
        values: Vec<String>,
    },
    /// Gives the rows of its first child and all that they lead to by its second.
    Recursive {
        /// The values of a row.
        values: Vec<String>,
        /// How many rounds there are at most.
        rounds: Option<u64>,
    },
    /// Gives the rows that the last round of a recursion found.
    Previous,
    /// Gives rows values from the rows around them.
    Window {
        /// Which.
        values: Vec<String>,
    },
    /// Gives the number of a collection's records, which is known.
    CountRecords {
        /// The collection.
        collection: String,
    },
    /// Gives values of rows, or some of their records.
    Project {
        /// Which.
        values: Vec<String>,
    },
    /// Brings rows, those of its first child, together with what belongs to them: [`Query::with`](crate::Query::with).
    With,
    /// Finds what belongs to rows.
    Belonging,
}

/// How records of a collection are reached.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlanAccess {
    /// The kind of way.
    pub way: PlanWay,
    /// The collection.
    pub collection: String,
    /// The index, of a way through one.
    pub index: Option<PlanIndex>,
    /// Whether records come last first.
    pub backwards: bool,
    /// What holds of all records that it gives, because it was searched for or is the index's condition.
    pub predicates: Vec<String>,
    /// What is asked of the entries of the index before a record is fetched.
    pub entry_predicates: Vec<String>,
    /// The first fields of the index, of each of whose values one entry is read, or the [first few](PlanAccess::of_each), and the others
    /// are passed over; none where all are read.
    pub one_of_each: Vec<String>,
    /// How many entries of each of those values are read.
    pub of_each: usize,
    /// What is read.
    pub reads: PlanReads,
    /// The ways that a [`Union`](PlanWay::Union) or [`Intersection`](PlanWay::Intersection) is made of. One through an index is told
    /// as a range of it, though that may be one value, and what all of them search for is in `predicates` here.
    pub parts: Vec<PlanAccess>,
}

/// The kind of a way to records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PlanWay {
    /// None: nothing satisfies what is asked.
    Nothing,
    /// All records, in the order of their keys.
    Scan,
    /// A range of keys.
    KeyRange,
    /// Keys that are named.
    KeyLookup,
    /// All entries of an index, for their order or because they are all that is read.
    IndexScan,
    /// A range of an index.
    IndexRange,
    /// Values that are looked up in an index.
    IndexLookup,
    /// Behind each value of an index's first field, what is searched for of the others.
    SkipScan,
    /// The records that one of several ways leads to.
    Union,
    /// Those that each of two ways leads to.
    Intersection,
    /// The records that point at the rows beneath, through the index of the relation.
    Pointing,
    /// The records that the rows beneath point at.
    PointedAt,
}

/// An index that a way leads through.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlanIndex {
    /// Its name.
    pub name: String,
    /// Its fields, in order.
    pub fields: Vec<String>,
    /// Whether it is unique.
    pub unique: bool,
}

/// What is read of a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PlanReads {
    /// The records.
    Records,
    /// The entries of an index, which have all that is wanted.
    Entries,
    /// Their keys.
    Keys,
}

/// How the other side of a row is found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlanMethod {
    /// Through an index, or by key, for each row: [`PlanNode::inner`] tells which.
    Index,
    /// In a table that is made of it once.
    HashTable,
    /// Both sides come in the order of what links them.
    Merge,
    /// It is the same for every row.
    EveryPair,
    /// In a sorted list, as a range of this value of it.
    Ranges {
        /// The value.
        of: String,
    },
}

/// What is asked of the other records of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlanQuestion {
    /// That there are some: rows without are dropped.
    Semi,
    /// That there are none: rows with some are dropped.
    Anti,
    /// Whether there are some.
    Any,
    /// How many there are.
    Count,
    /// An aggregate over them.
    Aggregate(String),
}

/// What links two sides: two values that are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlanLink {
    /// The value of the other side.
    pub inner: String,
    /// That of the row.
    pub outer: String,
}

/// A term of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlanTerm {
    /// The value.
    pub value: String,
    /// Whether the greatest comes first.
    pub descending: bool,
    /// Whether what is absent comes before all values.
    pub nulls_first: bool,
}

/// How the rows of two sides are put together. All but those of `All` give no row twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PlanSet {
    /// The rows that are in either.
    Union,
    /// Those of the one, and then those of the other.
    UnionAll,
    /// The rows that are in both.
    Intersect,
    /// As often as they are in both.
    IntersectAll,
    /// The rows of the left that are not in the right.
    Except,
    /// As often as they are in the left more than in the right.
    ExceptAll,
}

/// What an operator does.
pub(super) fn kind_of(node: &PhysicalNode, names: Names<'_>) -> PlanOperator {
    match &node.operator {
        Operator::Metered(metered) => kind_of(&metered.input, names),
        Operator::Scan(scan) => PlanOperator::Access(access_of(scan, names)),
        // Pairs are not shown: their place is that of the operator around them.
        Operator::Pairs | Operator::Previous { .. } => PlanOperator::Previous,
        Operator::Filter { predicates, .. } => {
            PlanOperator::Filter { predicates: texts(predicates, |predicate| names.expr(predicate)) }
        }
        Operator::Native { slot, .. } => {
            PlanOperator::FilterFn { collection: names.collection(*slot).to_string() }
        }
        Operator::Lookup { from, position, into, .. } => PlanOperator::Lookup {
            collection: names.collection(*into).to_string(),
            by: names.field(*from, *position),
        },
        Operator::Among(among) => PlanOperator::Among {
            collection: names.collection(among.slot).to_string(),
            by: names.field(among.from, among.position),
        },
        Operator::Sieve(sieve) => PlanOperator::Sieve { by: names.exprs(&sieve.by) },
        Operator::Ahead(ahead) => PlanOperator::Ahead { by: names.exprs(&ahead.by) },
        Operator::Subquery(subquery) => {
            let asked = match (subquery.answer, &subquery.asked) {
                (Answer::Semi, _) => PlanQuestion::Semi,
                (Answer::Anti, _) => PlanQuestion::Anti,
                (Answer::Value(_), Asked::Any) => PlanQuestion::Any,
                (Answer::Value(_), Asked::Count) => PlanQuestion::Count,
                (Answer::Value(_), Asked::Aggregate(term, _)) => {
                    PlanQuestion::Aggregate(names.aggregate(term))
                }
            };
            let (method, links) = method_of(&subquery.method, names);
            PlanOperator::Subquery {
                asked,
                collection: names.collection(subquery.slot).to_string(),
                method,
                links,
                once_for_each: texts(&subquery.same, |expr| names.expr(expr)),
            }
        }
        Operator::Join(join) => {
            let (method, links) = method_of(&join.method, names);
            let method = if join.merges { PlanMethod::Merge } else { method };
            PlanOperator::Join { is_left: join.kind == JoinKind::Left, method, links }
        }
        Operator::Sort { terms, window: None, given, .. } => {
            PlanOperator::Sort { terms: terms_of(terms, names), given: *given }
        }
        Operator::Sort { terms, window: Some(window), given, .. } => PlanOperator::Top {
            terms: terms_of(terms, names),
            given: *given,
            skip: window.skip,
            take: window.take,
        },
        Operator::Limit { window, .. } => PlanOperator::Limit { skip: window.skip, take: window.take },
        Operator::Aggregate { keys, items, runs, .. } => PlanOperator::Aggregate {
            keys: keys_of(keys, names),
            aggregates: texts(items, |item| names.aggregate(item)),
            one_by_one: *runs,
        },
        Operator::Set { kind, columns, .. } => {
            let set = match kind {
                SetKind::Union => PlanSet::Union,
                SetKind::UnionAll => PlanSet::UnionAll,
                SetKind::Intersect => PlanSet::Intersect,
                SetKind::IntersectAll => PlanSet::IntersectAll,
                SetKind::Except => PlanSet::Except,
                SetKind::ExceptAll => PlanSet::ExceptAll,
            };
            PlanOperator::Set { set, values: texts(columns, |column| names.expr(&column.left)) }
        }
        Operator::Shared { number, columns, .. } => {
            PlanOperator::Shared { number: *number, values: keys_of(columns, names) }
        }
        Operator::Recursive { columns, rounds, .. } => PlanOperator::Recursive {
            values: texts(columns, |column| names.expr(&column.left)),
            rounds: *rounds,
        },
        Operator::Window { items, .. } => {
            PlanOperator::Window { values: texts(items, |item| names.windows(core::slice::from_ref(item))) }
        }
        Operator::CountRecords { slot, .. } => {
            PlanOperator::CountRecords { collection: names.collection(*slot).to_string() }
        }
    }
}

/// The projection of columns.
pub(super) fn projection(columns: &[Column], names: Names<'_>) -> PlanOperator {
    PlanOperator::Project { values: texts(columns, |column| names.columns(core::slice::from_ref(column))) }
}

/// The access that an operator makes anew for each of its rows.
pub(super) fn inner_of(node: &PhysicalNode, names: Names<'_>) -> Option<PlanNode> {
    let (slot, method, pairs) = match &node.operator {
        Operator::Metered(metered) => return inner_of(&metered.input, names),
        Operator::Subquery(subquery) => (subquery.slot, &subquery.method, &subquery.pairs),
        Operator::Join(join) => (join.slot, &join.method, &join.pairs),
        _ => return None,
    };
    let Method::Probe {
        index,
        links,
        #[cfg(not(feature = "small"))]
        span,
        #[cfg(not(feature = "small"))]
        entries,
    } = method
    else {
        return None;
    };
    let collection = collection_of(slot, names);
    let index = index.and_then(|index| index_of(collection, index));
    #[cfg(not(feature = "small"))]
    let bounds = span.as_ref().map_or_else(Vec::new, |span| super::bounds_of(span, names));
    #[cfg(feature = "small")]
    let bounds: Vec<String> = Vec::new();
    let (way, operator) = match (index.is_some(), bounds.is_empty()) {
        (true, true) => (PlanWay::IndexLookup, "index lookup"),
        (true, false) => (PlanWay::IndexRange, "index range"),
        (false, true) => (PlanWay::KeyLookup, "key lookup"),
        (false, false) => (PlanWay::KeyRange, "key range"),
    };
    let linked = texts(links, |link| names.links(core::slice::from_ref(link)));
    let predicates: Vec<String> = linked.into_iter().chain(bounds).collect();
    let detail = format!("{} by {}", collection.name, predicates.join(" & "));
    #[cfg(not(feature = "small"))]
    let reads = match entries {
        Some(entries) if entries.alone => PlanReads::Entries,
        _ => PlanReads::Records,
    };
    #[cfg(feature = "small")]
    let reads = PlanReads::Records;
    let access = PlanAccess {
        way,
        collection: collection.name.clone(),
        index,
        backwards: false,
        predicates,
        entry_predicates: Vec::new(),
        one_of_each: Vec::new(),
        of_each: 1,
        reads,
        parts: Vec::new(),
    };
    let mut found = &**pairs;
    while let Some(input) = found.children().first() {
        found = input;
    }
    let kind = PlanOperator::Access(access);
    Some(PlanNode { rows: super::expected(found), ..PlanNode::of(operator, detail, kind) })
}

fn texts<T>(of: &[T], text: impl Fn(&T) -> String) -> Vec<String> {
    of.iter().map(text).collect()
}

fn keys_of(keys: &[KeyTerm], names: Names<'_>) -> Vec<String> {
    texts(keys, |key| names.expr(&key.expr))
}

fn terms_of(terms: &[SortTerm], names: Names<'_>) -> Vec<PlanTerm> {
    let term = |term: &SortTerm| PlanTerm {
        value: names.expr(&term.expr),
        descending: term.descending,
        nulls_first: term.nulls_first,
    };
    terms.iter().map(term).collect()
}

fn method_of(method: &Method, names: Names<'_>) -> (PlanMethod, Vec<PlanLink>) {
    let all = |links: &[Link]| {
        let link = |link: &Link| PlanLink { inner: names.expr(&link.inner), outer: names.expr(&link.outer) };
        links.iter().map(link).collect()
    };
    match method {
        Method::Probe { links, .. } => (PlanMethod::Index, all(links)),
        Method::Hash { links, .. } => (PlanMethod::HashTable, all(links)),
        Method::Loop { band: Some(band), .. } => {
            (PlanMethod::Ranges { of: names.expr(&band.inner) }, Vec::new())
        }
        Method::Loop { .. } => (PlanMethod::EveryPair, Vec::new()),
    }
}

fn collection_of<'n>(slot: Slot, names: Names<'n>) -> &'n CollectionDef {
    &names.slots[usize::from(slot.0)].collection
}

fn index_of(collection: &CollectionDef, index: IndexId) -> Option<PlanIndex> {
    let index = collection.index(index)?;
    let name = |position: &u16| collection.fields[usize::from(*position)].name.clone();
    let fields = index.fields.iter().map(name).collect();
    Some(PlanIndex { name: index.name.clone(), fields, unique: index.unique })
}

fn access_of(scan: &Scan, names: Names<'_>) -> PlanAccess {
    let collection = collection_of(scan.slot, names);
    let mut access = way_of(&scan.access, collection);
    access.predicates.clone_from(&scan.asked);
    // A lookup, a range and a walk through all of an index are alike but for what they are called.
    if access.way == PlanWay::IndexScan {
        access.way = match scan.kind {
            "index lookup" => PlanWay::IndexLookup,
            "index range" => PlanWay::IndexRange,
            _ => PlanWay::IndexScan,
        };
    }
    if let Access::Index { entries: Some(entries), .. } = &scan.access {
        access.entry_predicates = texts(&entries.predicates, |predicate| names.expr(predicate));
        let fields = access.index.as_ref().map_or(&[][..], |index| &index.fields);
        access.one_of_each = fields.iter().take(usize::from(entries.loose)).cloned().collect();
        access.of_each = usize::from(entries.each);
    }
    access.reads = match (scan.fetch, scan.access.has_values()) {
        (true, _) => PlanReads::Records,
        (false, true) => PlanReads::Entries,
        (false, false) => PlanReads::Keys,
    };
    access
}

/// A way, without what is read and asked.
fn way_of(access: &Access, collection: &CollectionDef) -> PlanAccess {
    let (mut index, mut backwards, mut parts) = (None, false, Vec::new());
    let way = match access {
        Access::Nothing => PlanWay::Nothing,
        Access::Range { backward, whole, .. } => {
            backwards = *backward;
            if *whole { PlanWay::Scan } else { PlanWay::KeyRange }
        }
        Access::Keys(_) => PlanWay::KeyLookup,
        Access::Index { index: of, order, .. } => {
            index = index_of(collection, *of);
            backwards = !matches!(order, IndexOrder::Forward | IndexOrder::Key);
            PlanWay::IndexScan
        }
        Access::Skip { index: of, .. } => {
            index = index_of(collection, *of);
            PlanWay::SkipScan
        }
        Access::Combined { parts: of, how, .. } => {
            let part = |part: &Access| match way_of(part, collection) {
                part @ PlanAccess { way: PlanWay::IndexScan, .. } => {
                    PlanAccess { way: PlanWay::IndexRange, ..part }
                }
                part => part,
            };
            parts = of.iter().map(part).collect();
            match how {
                Combination::Any => PlanWay::Union,
                Combination::Both => PlanWay::Intersection,
            }
        }
        Access::Pointing { index: of, .. } => {
            index = index_of(collection, *of);
            PlanWay::Pointing
        }
        Access::PointedAt { .. } => PlanWay::PointedAt,
    };
    let predicates = Vec::new();
    PlanAccess {
        way,
        collection: collection.name.clone(),
        index,
        backwards,
        predicates,
        entry_predicates: Vec::new(),
        one_of_each: Vec::new(),
        of_each: 1,
        reads: PlanReads::Keys,
        parts,
    }
}

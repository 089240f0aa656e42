//! [`Draft`]: a query as built.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

#[cfg(not(feature = "small"))]
use super::{Arguments, Clauses};
use super::{BinaryOp, Expression, FieldPath, Native, Op, Postfix, RowPath, WindowItem};
use crate::parts::{self, InWhole, Whole};
use crate::schema::CollectionSchema;
use crate::value::{Scalar, Type};

/// A query as built: a source and clauses in the order written. Order is meaning: a clause sees what the ones before it
/// left.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The root collection, source 0.
    pub root: fn() -> &'static CollectionSchema,
    /// The clauses, in the order written.
    #[cfg(not(feature = "small"))]
    pub clauses: Clauses,
    /// The clauses, in the order written.
    #[cfg(feature = "small")]
    pub clauses: Vec<Clause>,
    /// The values that stand for its parameters.
    #[cfg(not(feature = "small"))]
    pub arguments: Option<Box<Arguments>>,
}

impl Draft {
    /// All records of a collection.
    #[inline]
    pub fn all(root: fn() -> &'static CollectionSchema) -> Draft {
        Draft {
            root,
            #[cfg(not(feature = "small"))]
            clauses: Clauses::NONE,
            #[cfg(feature = "small")]
            clauses: Vec::new(),
            #[cfg(not(feature = "small"))]
            arguments: None,
        }
    }

    /// Clauses over all records of a collection.
    #[allow(clippy::useless_conversion, reason = "a small build has the clauses as they are")]
    pub fn new(root: fn() -> &'static CollectionSchema, clauses: Vec<Clause>) -> Draft {
        Draft {
            root,
            clauses: clauses.into(),
            #[cfg(not(feature = "small"))]
            arguments: None,
        }
    }

    /// What it asks, if that is whether one field of a record equals a value, and how many rows there may be at most.
    pub fn equality(&self) -> Option<Equality<'_>> {
        #[cfg(not(feature = "small"))]
        if let Some(brief) = self.clauses.brief() {
            return brief.equality();
        }
        let (Clause::Filter(predicate), limits) = self.clauses.split_first()? else { return None };
        let [Op::Field(path), compared, Op::Binary(BinaryOp::Eq)] = predicate.ops.as_slice() else {
            return None;
        };
        let (value, ty) = match compared {
            Op::Literal(value, ty) => (value, *ty),
            #[cfg(not(feature = "small"))]
            Op::Parameter(of, number, ty) => (self.arguments.as_deref()?.get(*of, *number)?, *ty),
            _ => return None,
        };
        let mut rows_max = u64::MAX;
        for clause in limits {
            let Clause::Limit(count) = clause else { return None };
            rows_max = rows_max.min(*count);
        }
        Some(Equality { path: *path, value, ty, rows_max })
    }

    /// Keeps the rows for which the predicate holds.
    #[inline]
    pub fn keep(&mut self, predicate: Expression) {
        #[cfg(not(feature = "small"))]
        self.clauses.push_filter(predicate);
        #[cfg(feature = "small")]
        self.clauses.push(Clause::Filter(predicate));
    }

    /// Keeps the first rows.
    #[inline]
    pub fn limit(&mut self, count: u64) {
        #[cfg(not(feature = "small"))]
        self.clauses.push_limit(count);
        #[cfg(feature = "small")]
        self.clauses.push(Clause::Limit(count));
    }

    /// Skips the first rows.
    #[inline]
    pub fn offset(&mut self, count: u64) {
        #[cfg(not(feature = "small"))]
        self.clauses.push_offset(count);
        #[cfg(feature = "small")]
        self.clauses.push(Clause::Offset(count));
    }

    /// The same within another, where it may be more than once, with other values each time.
    #[cfg_attr(feature = "small", expect(unused_mut, reason = "none are shared there"))]
    pub(super) fn within(mut self) -> Draft {
        #[cfg(not(feature = "small"))]
        self.clauses.own();
        self
    }

    /// The same query, ending after `count` rows.
    #[must_use]
    pub fn limited(&self, count: u64) -> Draft {
        let mut draft = self.clone();
        draft.limit(count);
        draft
    }
}

/// A field that is to equal a value.
#[derive(Clone, Copy, Debug)]
pub struct Equality<'d> {
    /// The field.
    pub path: FieldPath,
    /// The value.
    pub value: &'d Scalar,
    /// The type that it is said to be of.
    pub ty: Type,
    /// How many rows are wanted at most.
    pub rows_max: u64,
}

impl PartialEq for Draft {
    fn eq(&self, other: &Self) -> bool {
        #[cfg(not(feature = "small"))]
        if self.arguments != other.arguments {
            return false;
        }
        core::ptr::eq((self.root)(), (other.root)()) && self.clauses == other.clauses
    }
}

/// How the rows of two queries are put together. All but those of `UnionAll`, `IntersectAll` and `ExceptAll` give no row
/// twice; of these the last two count how often a row is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SetKind {
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

/// What becomes of a row that no record is paired with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JoinKind {
    /// It goes.
    Inner,
    /// It stays, the record being absent.
    Left,
}

/// One clause.
#[derive(Clone, Debug)]
pub enum Clause {
    /// Pairs the rows with the records of a collection, which become a source of their own: the next one.
    Join {
        /// The collection.
        collection: fn() -> &'static CollectionSchema,
        /// Which pairs there are, in the scope of all sources.
        on: Postfix,
        /// What becomes of rows without a pair.
        kind: JoinKind,
    },
    /// Keeps the rows where the expression is true.
    Filter(Postfix),
    /// Orders the rows; a later ordering replaces an earlier one unless a limit lies between.
    Order(Vec<OrderTerm>),
    /// Keeps the first rows.
    Limit(u64),
    /// Skips the first rows. Before a limit in the list it comes first; after one it sees the limited rows.
    Offset(u64),
    /// What comes out; without it the root record.
    Select(Vec<SelectItem>),
    /// One row for each group of rows with the same values of these keys, `None` being a value; without keys one row, even
    /// over no rows. What follows speaks of groups: of their keys, and of aggregates over their rows.
    Grouping(Vec<Postfix>),
    /// Every row once, rows with the same values being the same: those that the last `Select` names. What follows speaks of
    /// them, as of the keys of groups.
    Distinct,
    /// The rows, and those of another query with as many values of the same types. What follows speaks of them, as of the
    /// keys of groups. Made by [`Clause::set`].
    Set(InWhole<Box<Draft>>, SetKind, Whole),
    /// Gives every row one more value for each of these: made by [`Clause::window`].
    Window(InWhole<Vec<WindowItem>>, Whole),
    /// Keeps, of the rows with the same values of these keys, `None` being a value, the first so many: made by
    /// [`Clause::limit_per`].
    LimitPer(InWhole<Vec<Postfix>>, u64, Whole),
    /// The rows as values: what the last `Select` names. What follows speaks of them, as of the keys of groups; and drafts that
    /// begin alike up to here, in one query, are carried out once. Made by [`Clause::common`].
    Common(Whole),
    /// Pairs the rows with those of another query, whose values follow those of windows. Made by [`Clause::join_query`].
    JoinQuery(InWhole<Box<(Draft, Postfix)>>, JoinKind, Whole),
    /// The rows, and those that they lead to. What follows speaks of them, as of the keys of groups. Made by
    /// [`Clause::recursive`].
    Recursive(InWhole<Box<Recursion>>, Whole),
    /// In a step of a recursion, in place of its root's records: the rows that were found last. What follows speaks of them, as of
    /// the keys of groups. Made by [`Clause::previous`].
    Previous(Whole),
    /// Keeps the rows of whose root record a test is true that is a program's own code. Made by [`Clause::native`].
    Native(InWhole<Native>, Whole),
    /// Keeps this many of the rows, drawn by lot, which the number decides: made by [`Clause::sample`].
    Sample(u64, InWhole<u64>, Whole),
    /// What stands for a clause that the cargo feature `small` leaves out; it cannot be planned.
    LeftOut(&'static str),
}

impl Clause {
    /// Gives every row one more value for each of `items`. What follows speaks of them as of fields of
    /// [`RowPath::WINDOWS`], numbered through all such clauses since rows were grouped last.
    pub fn window(items: Vec<WindowItem>) -> Clause {
        match Whole::build() {
            Some(whole) => Clause::Window(InWhole::new(items, whole), whole),
            None => Clause::LeftOut("window"),
        }
    }

    /// The rows, and those of another query, put together.
    pub fn set(other: Draft, kind: SetKind) -> Clause {
        match Whole::build() {
            Some(whole) => Clause::Set(InWhole::new(Box::new(other.within()), whole), kind, whole),
            None => Clause::LeftOut("union, intersect and except"),
        }
    }

    /// The rows as values, carried out once for all that ask for the same.
    pub fn common() -> Clause {
        Whole::build().map_or(Clause::LeftOut("common"), Clause::Common)
    }

    /// The rows that the last round of a recursion found.
    pub fn previous() -> Clause {
        Whole::build().map_or(Clause::LeftOut("recursive"), Clause::Previous)
    }

    /// Pairs the rows with those of another query for which `on` is true, its values being those of windows that follow the others.
    pub fn join_query(other: Draft, on: Postfix, kind: JoinKind) -> Clause {
        match Whole::build() {
            Some(whole) => {
                Clause::JoinQuery(InWhole::new(Box::new((other.within(), on)), whole), kind, whole)
            }
            None => Clause::LeftOut("join_query"),
        }
    }

    /// The rows, and those that they lead to.
    pub fn recursive(recursion: Recursion) -> Clause {
        let recursion = Recursion { step: recursion.step.within(), ..recursion };
        match Whole::build() {
            Some(whole) => Clause::Recursive(InWhole::new(Box::new(recursion), whole), whole),
            None => Clause::LeftOut("recursive"),
        }
    }

    /// Keeps `count` of the rows, drawn by lot: the same for the same `seed`.
    pub fn sample(count: u64, seed: u64) -> Clause {
        match Whole::build() {
            Some(whole) => Clause::Sample(count, InWhole::new(seed, whole), whole),
            None => Clause::LeftOut("sample"),
        }
    }

    /// Keeps the rows of whose root record the test is true.
    pub fn native(test: Native) -> Clause {
        match Whole::build() {
            Some(whole) => Clause::Native(InWhole::new(test, whole), whole),
            None => Clause::LeftOut("filter_fn"),
        }
    }

    /// Keeps, of the rows with the same values of `keys`, `None` being a value, the first `count`.
    pub fn limit_per(keys: Vec<Postfix>, count: u64) -> Clause {
        match Whole::build() {
            Some(whole) => Clause::LimitPer(InWhole::new(keys, whole), count, whole),
            None => Clause::LeftOut("limit_per"),
        }
    }
}

impl PartialEq for Clause {
    fn eq(&self, other: &Self) -> bool {
        use Clause as C;
        match (self, other) {
            (
                C::Join { collection: a, on, kind },
                C::Join { collection: b, on: other_on, kind: other_kind },
            ) => core::ptr::eq(a(), b()) && on == other_on && kind == other_kind,
            (C::Filter(a), C::Filter(b)) => a == b,
            (C::Order(a), C::Order(b)) => a == b,
            (C::Limit(a), C::Limit(b)) | (C::Offset(a), C::Offset(b)) => a == b,
            (C::Select(a), C::Select(b)) => a == b,
            (C::Grouping(a), C::Grouping(b)) => a == b,
            (C::Distinct, C::Distinct) => true,
            (C::Set(a, kind, _), C::Set(b, other_kind, _)) => a == b && kind == other_kind,
            (C::Window(a, _), C::Window(b, _)) => a == b,
            (C::LimitPer(a, count, _), C::LimitPer(b, other, _)) => a == b && count == other,
            (C::Common(_), C::Common(_)) | (C::Previous(_), C::Previous(_)) => true,
            (C::JoinQuery(a, kind, _), C::JoinQuery(b, other_kind, _)) => a == b && kind == other_kind,
            (C::Recursive(a, _), C::Recursive(b, _)) => a == b,
            (C::Sample(count, seed, _), C::Sample(other, other_seed, _)) => {
                (count, seed) == (other, other_seed)
            }
            (C::Native(a, _), C::Native(b, _)) => a == b,
            (C::LeftOut(a), C::LeftOut(b)) => a == b,
            _ => false,
        }
    }
}

/// How rows lead to others.
#[derive(Clone, Debug, PartialEq)]
pub struct Recursion {
    /// The rows that others lead to: a query with [`Clause::Previous`] in it, whose values are of the same types.
    pub step: Draft,
    /// How many of a row's first values tell it from others; all of them when `None`. Of rows that are the same the first stays.
    pub identity: Option<u16>,
    /// How many rounds there are at most.
    pub rounds: Option<u64>,
}

/// One term of an ordering.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderTerm {
    /// What is compared.
    pub expression: Postfix,
    /// Whether the largest comes first.
    pub descending: bool,
    /// Whether `None` comes first, whatever the direction. By default (`None` here) it is the smallest value.
    pub nulls_first: Option<bool>,
}

/// One column of what comes out.
#[derive(Clone, Debug, PartialEq)]
pub enum SelectItem {
    /// A value.
    Value(Postfix),
    /// A whole record; absent where an optional relation leads nowhere.
    Record(RowPath),
}

/// One aggregate over the rows of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregateItem {
    /// Which.
    pub function: AggregateFunction,
    /// Of what, in the scope of the rows; `None` only for `Count` of rows.
    pub argument: Option<Postfix>,
    /// Which of the rows count, in their scope; all of them when `None`.
    pub filter: Option<Postfix>,
}

/// The aggregates. All skip `None`.
///
/// | function | result |
/// |---|---|
/// | `Count`, `CountDistinct` | `u64` |
/// | `Sum` | `i64` for signed integers to 64 bits, `u64` for unsigned, `i128`/`u128` for those, `f64` for floats, `Decimal`; zero over nothing; overflow is an error |
/// | `Avg` | `Option<f64>`, `Option<Decimal>` for decimals |
/// | `Min`, `Max` | `Option` of the argument's type |
/// | `Median` | `Option<f64>`: of an even number of values the mean of the two in the middle |
/// | `Variance`, `StdDev` | `Option<f64>`: of a sample, so absent over fewer than two values |
/// | `StringAgg` | `Option<String>`: texts in the order of the rows, with the separator between them |
/// | `ArrayAgg` | `Vec` of the argument's type, in the order of the rows; empty over nothing |
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the table says it")]
pub enum AggregateFunction {
    Count,
    CountDistinct,
    Sum,
    Avg,
    Min,
    Max,
    Median,
    Variance,
    StdDev,
    StringAgg { separator: String },
    ArrayAgg,
}

impl AggregateFunction {
    /// Whether it is another of the same rows in another order.
    pub(crate) fn depends_on_order(&self) -> bool {
        parts::GROUPS && matches!(self, AggregateFunction::StringAgg { .. } | AggregateFunction::ArrayAgg)
    }
}

/// One assignment of a set-based update.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// The ordinal of the field set.
    pub ordinal: u16,
    /// What it becomes, over the record's old values.
    pub expression: Postfix,
}

//! [`DynamicExpression`]: what is said of rows, by names.
//!
//! - An expression is data until a clause is given it, which finds its names and checks its types.
//! - None is deeper than 128 operations, as in plans: what would be is replaced by one that every clause refuses, so that no walk of it ends the stack.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Rem, Sub};

use super::DynamicQuery;
use super::literal::brief;
use super::records::Asked;
use super::resolve::is_calculated;
use crate::expr::op::Each;
use crate::expr::{AggregateFunction, BinaryOp, Function, UnaryOp};
use crate::value::{Scalar, Type, Value};

/// How deep an expression may be.
pub(super) const DEPTH_MAX: usize = 128;

/// Something about a row, told by names. See the [module](super).
#[derive(Clone, Debug)]
#[must_use = "an expression does nothing until a clause is given it"]
pub struct DynamicExpression {
    pub(super) tree: Tree,
    depth: usize,
}

/// What an expression is.
#[derive(Clone, Debug)]
pub(super) enum Tree {
    Field {
        of: Option<String>,
        path: String,
    },
    Literal {
        value: Scalar,
        ty: Type,
        exact: bool,
    },
    None,
    Element,
    Unary(UnaryOp, Box<DynamicExpression>),
    /// Its parts from the left on: so long chains of `&` are not deep.
    Chain(BinaryOp, Vec<DynamicExpression>),
    Binary(BinaryOp, Box<[DynamicExpression; 2]>),
    /// A text, bytes, list or JSON that has a part.
    Contains(Box<[DynamicExpression; 2]>),
    Between(Box<[DynamicExpression; 3]>),
    In(Box<DynamicExpression>, Vec<DynamicExpression>),
    If(Box<[DynamicExpression; 3]>),
    Call(String, Vec<DynamicExpression>),
    Cast(Function, Box<DynamicExpression>),
    Aggregate(Box<Aggregate>),
    Each(Each, Box<[DynamicExpression; 2]>),
    Asked(Box<Asked>),
    InQuery(Box<DynamicExpression>, Box<DynamicQuery>),
    Scalar(Box<DynamicQuery>),
    /// `only` of what is no aggregate.
    NotAnAggregate,
    TooDeep,
}

/// An aggregate over rows.
#[derive(Clone, Debug)]
pub(super) struct Aggregate {
    pub(super) function: AggregateFunction,
    pub(super) argument: Option<DynamicExpression>,
    pub(super) filter: Option<DynamicExpression>,
}

/// A source of a query, to name fields of.
///
/// # Examples
///
/// ```
/// use epilog::dynamic::of;
///
/// let title = of("Album").field("title");
/// assert_eq!(title.to_string(), "Album.title");
/// ```
pub fn of(source: impl Into<String>) -> Of {
    Of { source: source.into() }
}

/// Made by [`of`].
#[derive(Clone, Debug)]
pub struct Of {
    source: String,
}

impl Of {
    /// A field of the source, or of what its relations lead to.
    pub fn field(&self, path: impl Into<String>) -> DynamicExpression {
        DynamicExpression::leaf(Tree::Field { of: Some(self.source.clone()), path: path.into() })
    }
}

/// A field, or a value that a clause has given a name: `title`; of what relations lead to, `album.artist.name`; of a source
/// that has a name, `b.title`. Where that could be several things it is an error: [`of`] says which.
pub fn field(path: impl Into<String>) -> DynamicExpression {
    DynamicExpression::leaf(Tree::Field { of: None, path: path.into() })
}

/// The absent value, of the type of what it stands beside.
pub fn none() -> DynamicExpression {
    DynamicExpression::leaf(Tree::None)
}

/// The absent value of a type.
pub fn none_of(ty: Type) -> DynamicExpression {
    literal(Scalar::Null, ty)
}

/// A value of this type and no other. Rust's own values, which take the type of what they stand beside, are expressions by themselves.
pub fn literal(value: Scalar, ty: Type) -> DynamicExpression {
    DynamicExpression::leaf(Tree::Literal { value, ty, exact: true })
}

/// In the tests of [`any_element`](DynamicExpression::any_element) and [`all_elements`](DynamicExpression::all_elements): the element.
pub fn element() -> DynamicExpression {
    DynamicExpression::leaf(Tree::Element)
}

/// A function of these arguments, by the name of the method that a typed expression has: `call("trim", [field("name")])`. Casts, and
/// what else is a method of [`DynamicExpression`] or an operator, are no calls: `or_else` says what `or` and `unwrap_or` do.
pub fn call<X: Into<DynamicExpression>>(
    name: impl Into<String>,
    arguments: impl IntoIterator<Item = X>,
) -> DynamicExpression {
    let arguments: Vec<DynamicExpression> = arguments.into_iter().map(Into::into).collect();
    let depth = deepest(&arguments);
    DynamicExpression::over(Tree::Call(name.into(), arguments), depth)
}

/// The only value of the only row of another query; absent where it has no row.
pub fn scalar(query: DynamicQuery) -> DynamicExpression {
    DynamicExpression::leaf(Tree::Scalar(Box::new(query)))
}

fn aggregate(function: AggregateFunction, argument: Option<DynamicExpression>) -> DynamicExpression {
    let depth = argument.as_ref().map_or(0, |argument| argument.depth);
    let aggregate = Aggregate { function, argument, filter: None };
    DynamicExpression::over(Tree::Aggregate(Box::new(aggregate)), depth)
}

/// How many rows there are.
pub fn count() -> DynamicExpression {
    aggregate(AggregateFunction::Count, None)
}

macro_rules! aggregates {
    ($($(#[$doc:meta])* $name:ident $function:ident;)*) => {$(
        $(#[$doc])*
        pub fn $name(of: impl Into<Subject>) -> DynamicExpression {
            aggregate(AggregateFunction::$function, Some(of.into().0))
        }
    )*};
}

aggregates! {
    /// How many rows have the value.
    count_of Count;
    /// How many different values there are.
    count_distinct CountDistinct;
    /// The sum of a number; zero when none has it.
    sum Sum;
    /// The mean of a number.
    avg Avg;
    /// The smallest value.
    min Min;
    /// The largest value.
    max Max;
    /// The number in the middle.
    median Median;
    /// The variance of a number.
    variance Variance;
    /// The standard deviation of a number.
    stddev StdDev;
    /// The values as a list.
    array_agg ArrayAgg;
}

/// Texts one after the other, with `separator` between them.
pub fn string_agg(of: impl Into<Subject>, separator: impl Into<String>) -> DynamicExpression {
    aggregate(AggregateFunction::StringAgg { separator: separator.into() }, Some(of.into().0))
}

fn deepest<'e>(parts: impl IntoIterator<Item = &'e DynamicExpression>) -> usize {
    parts.into_iter().map(|part| part.depth).max().unwrap_or(0)
}

impl DynamicExpression {
    pub(super) fn leaf(tree: Tree) -> DynamicExpression {
        DynamicExpression { tree, depth: 1 }
    }

    /// An expression over others, the deepest of which is this deep.
    pub(super) fn over(tree: Tree, depth: usize) -> DynamicExpression {
        match depth < DEPTH_MAX {
            true => DynamicExpression { tree, depth: depth + 1 },
            false => DynamicExpression::leaf(Tree::TooDeep),
        }
    }

    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    pub(super) fn unary(self, op: UnaryOp) -> DynamicExpression {
        let depth = self.depth;
        DynamicExpression::over(Tree::Unary(op, Box::new(self)), depth)
    }

    pub(super) fn binary(self, op: BinaryOp, right: impl Into<DynamicExpression>) -> DynamicExpression {
        let right = right.into();
        if let BinaryOp::And | BinaryOp::Or = op {
            return self.chained(op, right);
        }
        let depth = self.depth.max(right.depth);
        DynamicExpression::over(Tree::Binary(op, Box::new([self, right])), depth)
    }

    fn chained(self, op: BinaryOp, right: DynamicExpression) -> DynamicExpression {
        match self.tree {
            Tree::Chain(known, mut parts) if known == op => {
                let depth = self.depth.max(right.depth + 1);
                parts.push(right);
                match depth <= DEPTH_MAX {
                    true => DynamicExpression { tree: Tree::Chain(op, parts), depth },
                    false => DynamicExpression::leaf(Tree::TooDeep),
                }
            }
            _ => {
                let depth = self.depth.max(right.depth);
                DynamicExpression::over(Tree::Chain(op, Vec::from([self, right])), depth)
            }
        }
    }

    /// Whether it equals another; `None` equals `None`.
    pub fn eq(self, other: impl Into<DynamicExpression>) -> DynamicExpression {
        self.binary(BinaryOp::Eq, other)
    }

    /// Whether it differs from another.
    pub fn ne(self, other: impl Into<DynamicExpression>) -> DynamicExpression {
        self.binary(BinaryOp::Ne, other)
    }

    /// Whether it is less; false of `None`.
    pub fn lt(self, other: impl Into<DynamicExpression>) -> DynamicExpression {
        self.binary(BinaryOp::Lt, other)
    }

    /// Whether it is less or equal; false of `None`.
    pub fn le(self, other: impl Into<DynamicExpression>) -> DynamicExpression {
        self.binary(BinaryOp::Le, other)
    }

    /// Whether it is greater; false of `None`.
    pub fn gt(self, other: impl Into<DynamicExpression>) -> DynamicExpression {
        self.binary(BinaryOp::Gt, other)
    }

    /// Whether it is greater or equal; false of `None`.
    pub fn ge(self, other: impl Into<DynamicExpression>) -> DynamicExpression {
        self.binary(BinaryOp::Ge, other)
    }

    /// Whether it lies between two others, both included.
    pub fn between(
        self,
        low: impl Into<DynamicExpression>,
        high: impl Into<DynamicExpression>,
    ) -> DynamicExpression {
        let parts = [self, low.into(), high.into()];
        let depth = deepest(&parts);
        DynamicExpression::over(Tree::Between(Box::new(parts)), depth)
    }

    /// Whether it is one of several values.
    pub fn in_<X: Into<DynamicExpression>>(
        self,
        candidates: impl IntoIterator<Item = X>,
    ) -> DynamicExpression {
        let candidates: Vec<DynamicExpression> = candidates.into_iter().map(Into::into).collect();
        let depth = self.depth.max(deepest(&candidates));
        DynamicExpression::over(Tree::In(Box::new(self), candidates), depth)
    }

    /// Whether it is the value of one of the rows of a query of one value.
    pub fn in_query(self, query: DynamicQuery) -> DynamicExpression {
        let depth = self.depth;
        DynamicExpression::over(Tree::InQuery(Box::new(self), Box::new(query)), depth)
    }

    /// Whether it is absent.
    pub fn is_none(self) -> DynamicExpression {
        self.unary(UnaryOp::IsNone)
    }

    /// Whether it is there.
    pub fn is_some(self) -> DynamicExpression {
        self.unary(UnaryOp::IsSome)
    }

    /// It, or another where it is absent.
    pub fn or_else(self, other: impl Into<DynamicExpression>) -> DynamicExpression {
        self.binary(BinaryOp::OrElse, other)
    }

    /// Of a condition: one value where it holds, the other where it does not.
    pub fn then(
        self,
        then: impl Into<DynamicExpression>,
        otherwise: impl Into<DynamicExpression>,
    ) -> DynamicExpression {
        let parts = [self, then.into(), otherwise.into()];
        let depth = deepest(&parts);
        DynamicExpression::over(Tree::If(Box::new(parts)), depth)
    }

    /// Whether a text, or bytes, begins with another.
    pub fn starts_with(self, part: impl Into<DynamicExpression>) -> DynamicExpression {
        self.binary(BinaryOp::StartsWith, part)
    }

    /// Whether a text, or bytes, ends with another.
    pub fn ends_with(self, part: impl Into<DynamicExpression>) -> DynamicExpression {
        self.binary(BinaryOp::EndsWith, part)
    }

    /// Whether a text has a part, a list an element, or an array of JSON an item.
    pub fn contains(self, part: impl Into<DynamicExpression>) -> DynamicExpression {
        let parts = [self, part.into()];
        let depth = deepest(&parts);
        DynamicExpression::over(Tree::Contains(Box::new(parts)), depth)
    }

    /// Whether a list has one of the elements of another.
    pub fn contains_any(self, other: impl Into<DynamicExpression>) -> DynamicExpression {
        self.binary(BinaryOp::HasAny, other)
    }

    /// Whether a list has all elements of another.
    pub fn contains_all(self, other: impl Into<DynamicExpression>) -> DynamicExpression {
        self.binary(BinaryOp::HasAll, other)
    }

    /// Whether a text is like a pattern of SQL: `%` any run, `_` one character.
    pub fn like(self, pattern: impl Into<DynamicExpression>) -> DynamicExpression {
        self.binary(BinaryOp::Like, pattern)
    }

    /// Whether a text matches a glob: `*` any run, `?` one character, `[a-z]` one of a set.
    pub fn matches(self, pattern: impl Into<DynamicExpression>) -> DynamicExpression {
        self.binary(BinaryOp::Matches, pattern)
    }

    /// Whether a test of [`element`] holds for one element of the list.
    pub fn any_element(self, test: DynamicExpression) -> DynamicExpression {
        self.each(Each::Any, test)
    }

    /// Whether a test of [`element`] holds for all elements of the list, if it has any.
    pub fn all_elements(self, test: DynamicExpression) -> DynamicExpression {
        self.each(Each::All, test)
    }

    fn each(self, each: Each, test: DynamicExpression) -> DynamicExpression {
        let depth = self.depth.max(test.depth);
        DynamicExpression::over(Tree::Each(each, Box::new([self, test])), depth)
    }

    /// A [`call`] with this as its first argument.
    pub fn call<X: Into<DynamicExpression>>(
        self,
        name: impl Into<String>,
        others: impl IntoIterator<Item = X>,
    ) -> DynamicExpression {
        call(name, core::iter::once(self).chain(others.into_iter().map(Into::into)))
    }

    /// The value as one of a type that has all values of its own.
    pub fn cast(self, to: Type) -> DynamicExpression {
        self.cast_by(Function::Cast(to))
    }

    /// The value as one of the type; absent where that has none such.
    pub fn try_cast(self, to: Type) -> DynamicExpression {
        self.cast_by(Function::TryCast(to))
    }

    /// The value as one of the type; an error where that has none such, and the row comes out.
    pub fn cast_or_fail(self, to: Type) -> DynamicExpression {
        self.cast_by(Function::CastOrFail(to))
    }

    /// The value of the type that a text says; absent where it says none.
    pub fn parse(self, to: Type) -> DynamicExpression {
        self.cast_by(Function::Parse(to))
    }

    fn cast_by(self, function: Function) -> DynamicExpression {
        let depth = self.depth;
        DynamicExpression::over(Tree::Cast(function, Box::new(self)), depth)
    }

    /// Of an aggregate: over those rows only that a condition is true of. Several add up.
    pub fn only(self, condition: DynamicExpression) -> DynamicExpression {
        let depth = self.depth.max(condition.depth + 1);
        match self.tree {
            Tree::Aggregate(mut aggregate) if depth <= DEPTH_MAX => {
                aggregate.filter = Some(match aggregate.filter.take() {
                    Some(known) => known & condition,
                    None => condition,
                });
                DynamicExpression { tree: Tree::Aggregate(aggregate), depth }
            }
            Tree::Aggregate(_) => DynamicExpression::leaf(Tree::TooDeep),
            _ => DynamicExpression::leaf(Tree::NotAnAggregate),
        }
    }

    /// The same with a name, by which later clauses and rows know it.
    pub fn named(self, name: impl Into<String>) -> Item {
        Item { name: Some(name.into()), what: What::Value(self) }
    }

    /// In ascending order.
    pub fn asc(self) -> Term {
        Term::from(self)
    }

    /// In descending order.
    pub fn desc(self) -> Term {
        Term { descending: true, ..Term::from(self) }
    }

    /// Whether it takes the type of what it stands beside.
    pub(super) fn is_open(&self) -> bool {
        match &self.tree {
            Tree::None => true,
            Tree::Literal { exact, .. } => !exact,
            Tree::Unary(UnaryOp::Negate, of) => of.is_open(),
            Tree::Binary(op, parts) if is_calculated(*op) => parts[0].is_open() && parts[1].is_open(),
            Tree::If(parts) => parts[1].is_open() && parts[2].is_open(),
            _ => false,
        }
    }

    /// The type that it has where it stands beside nothing.
    pub(super) fn natural(&self) -> Option<Type> {
        match &self.tree {
            Tree::Literal { ty, .. } => Some(*ty),
            Tree::Unary(_, of) => of.natural(),
            Tree::Binary(op, parts) if is_calculated(*op) => {
                parts[0].natural().or_else(|| parts[1].natural())
            }
            Tree::If(parts) => parts[1].natural().or_else(|| parts[2].natural()),
            _ => None,
        }
    }

    /// What rows call it that is not given a name.
    pub(super) fn own_name(&self) -> Option<String> {
        match &self.tree {
            Tree::Field { .. } => Some(self.to_string()),
            _ => None,
        }
    }
}

impl<T: Value> From<T> for DynamicExpression {
    fn from(value: T) -> DynamicExpression {
        DynamicExpression::leaf(Tree::Literal { value: value.to_scalar(), ty: T::TYPE, exact: false })
    }
}

impl From<&str> for DynamicExpression {
    fn from(text: &str) -> DynamicExpression {
        DynamicExpression::from(text.to_string())
    }
}

impl From<&String> for DynamicExpression {
    fn from(text: &String) -> DynamicExpression {
        DynamicExpression::from(text.clone())
    }
}

macro_rules! operators {
    ($($operator:ident $method:ident $op:ident;)*) => {$(
        impl<X: Into<DynamicExpression>> $operator<X> for DynamicExpression {
            type Output = DynamicExpression;

            fn $method(self, other: X) -> DynamicExpression {
                self.binary(BinaryOp::$op, other)
            }
        }
    )*};
}

operators! {
    BitAnd bitand And;
    BitOr bitor Or;
    Add add Add;
    Sub sub Subtract;
    Mul mul Multiply;
    Div div Divide;
    Rem rem Remainder;
}

impl Not for DynamicExpression {
    type Output = DynamicExpression;

    fn not(self) -> DynamicExpression {
        self.unary(UnaryOp::Not)
    }
}

impl Neg for DynamicExpression {
    type Output = DynamicExpression;

    fn neg(self) -> DynamicExpression {
        self.unary(UnaryOp::Negate)
    }
}

/// One of the things that a clause takes several of: an expression, with a name or without, or a whole [`record`].
#[derive(Clone, Debug)]
pub struct Item {
    pub(super) name: Option<String>,
    pub(super) what: What,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Value(DynamicExpression),
    Record(String),
}

impl Item {
    /// The same with a name.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Item {
        Item { name: Some(name.into()), ..self }
    }

    pub(super) fn name(&self) -> Option<String> {
        self.name.clone().or_else(|| match &self.what {
            What::Value(value) => value.own_name(),
            What::Record(path) => Some(path.clone()),
        })
    }
}

impl From<DynamicExpression> for Item {
    fn from(value: DynamicExpression) -> Item {
        Item { name: None, what: What::Value(value) }
    }
}

impl From<&str> for Item {
    /// The field.
    fn from(path: &str) -> Item {
        Item::from(field(path))
    }
}

/// What rows are told apart, numbered or added up by: an expression, or the field that a text names. (Beside an expression a text is a literal.)
#[derive(Clone, Debug)]
#[must_use = "it does nothing until a clause is given it"]
pub struct Subject(pub(super) DynamicExpression);

impl From<DynamicExpression> for Subject {
    fn from(value: DynamicExpression) -> Subject {
        Subject(value)
    }
}

impl From<&str> for Subject {
    /// The field.
    fn from(path: &str) -> Subject {
        Subject(field(path))
    }
}

/// A whole record: of a source by its name, or of what a relation leads to.
pub fn record(path: impl Into<String>) -> Item {
    Item { name: None, what: What::Record(path.into()) }
}

/// One term of an order.
#[derive(Clone, Debug)]
pub struct Term {
    pub(super) value: DynamicExpression,
    pub(super) descending: bool,
    pub(super) nulls_first: Option<bool>,
}

impl Term {
    /// `None` comes first, whatever the direction.
    #[must_use]
    pub fn nulls_first(self) -> Term {
        Term { nulls_first: Some(true), ..self }
    }

    /// `None` comes last, whatever the direction.
    #[must_use]
    pub fn nulls_last(self) -> Term {
        Term { nulls_first: Some(false), ..self }
    }
}

impl From<DynamicExpression> for Term {
    fn from(value: DynamicExpression) -> Term {
        Term { value, descending: false, nulls_first: None }
    }
}

impl From<&str> for Term {
    /// The field, ascending.
    fn from(path: &str) -> Term {
        Term::from(field(path))
    }
}

impl fmt::Display for DynamicExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.tree {
            Tree::Field { of: Some(of), path } => write!(f, "{of}.{path}"),
            Tree::Field { of: None, path } => f.write_str(path),
            Tree::Literal { value, .. } => f.write_str(&brief(value)),
            Tree::None => f.write_str("None"),
            Tree::Element => f.write_str("element()"),
            Tree::Unary(UnaryOp::Not, of) => write!(f, "!({of})"),
            Tree::Unary(UnaryOp::Negate, of) => write!(f, "-({of})"),
            Tree::Unary(op, of) => write!(f, "{of}.{}()", crate::engine::typed::unary_name(*op)),
            Tree::Chain(op, parts) => {
                let word = if *op == BinaryOp::And { " & " } else { " | " };
                // Of a long chain the beginning says enough.
                for (at, part) in parts.iter().take(4).enumerate() {
                    write!(f, "{}{part}", if at > 0 { word } else { "" })?;
                }
                f.write_str(if parts.len() > 4 { " .." } else { "" })
            }
            Tree::Binary(op, parts) => {
                let [left, right] = &**parts;
                match crate::engine::typed::binary_name(*op) {
                    name if name.starts_with(char::is_alphabetic) => write!(f, "{left}.{name}({right})"),
                    sign => write!(f, "{left} {sign} {right}"),
                }
            }
            Tree::Contains(parts) => write!(f, "{}.contains({})", parts[0], parts[1]),
            Tree::Between(parts) => write!(f, "{}.between({}, {})", parts[0], parts[1], parts[2]),
            Tree::In(value, _) => write!(f, "{value}.in_(..)"),
            Tree::If(parts) => write!(f, "({}).then({}, {})", parts[0], parts[1], parts[2]),
            Tree::Call(name, arguments) => {
                write!(f, "{name}(")?;
                for (at, argument) in arguments.iter().enumerate() {
                    write!(f, "{}{argument}", if at > 0 { ", " } else { "" })?;
                }
                f.write_str(")")
            }
            Tree::Cast(function, of) => {
                let to = function.target().map_or("", Type::name);
                write!(f, "{of}.{}({to})", function.name())
            }
            Tree::Aggregate(aggregate) => {
                write!(f, "{}(", crate::engine::typed::aggregate_name(&aggregate.function))?;
                if let Some(argument) = &aggregate.argument {
                    write!(f, "{argument}")?;
                }
                f.write_str(")")
            }
            Tree::Each(Each::Any, parts) => write!(f, "{}.any_element({})", parts[0], parts[1]),
            Tree::Each(Each::All, parts) => write!(f, "{}.all_elements({})", parts[0], parts[1]),
            Tree::Asked(asked) => write!(f, "{asked}"),
            Tree::InQuery(value, _) => write!(f, "{value}.in_query(..)"),
            Tree::Scalar(_) => f.write_str("scalar(..)"),
            Tree::NotAnAggregate => f.write_str("only(..)"),
            Tree::TooDeep => f.write_str(".."),
        }
    }
}

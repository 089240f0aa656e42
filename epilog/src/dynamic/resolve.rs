//! What an expression means in a scope: its operations, and the type of its value.
//!
//! Names are looked up, literals take the types of what they stand beside, and every operation is asked whether it takes its operands
//! ([`Typed`]): the rules are those that plans are checked by.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::expression::{Aggregate, DynamicExpression, Tree};
use super::function::{Called, called};
use super::literal::{fit, is_kin};
use super::problem::{Problem, Types};
use super::records::{Asked, Link, Question};
use super::scope::{Scope, collection, ordinal};
use crate::engine::PlanError;
use crate::engine::typed::{Typed, aggregate_name, binary_name};
use crate::expr::op::{Each, Link as RowLink};
use crate::expr::{
    AggregateItem, BinaryOp, FieldPath, Function, Op, Postfix, Quantifier, RowPath, Subquery, UnaryOp,
};
use crate::parts::{InWhole, Whole};
use crate::value::json::path::{Step, steps};
use crate::value::{Scalar, Type, is_of};

/// An expression that is understood.
#[derive(Clone, Debug)]
pub(super) struct Meaning {
    pub(super) ops: Vec<Op>,
    pub(super) typed: Typed,
}

/// What the expressions of a query use.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Used {
    /// How many things that a plan numbers.
    pub(super) things: usize,
    /// How deep queries are within each other.
    pub(super) nesting: usize,
    /// How many questions to other records are around what is looked at.
    around: usize,
    /// How many tests of elements are.
    tests: usize,
    /// Whether there is an aggregate over the rows of a group.
    pub(super) aggregates: bool,
    /// How often an expression was looked at: where literals could be of several types, each is tried.
    looks: usize,
}

/// The most things that a plan has to number.
pub(super) const THINGS_MAX: usize = 8_000;
/// The most looks.
const LOOKS_MAX: usize = 1 << 22;
/// How deep queries may be within each other: as plans have it.
pub(super) const NESTING_MAX: usize = 16;

impl Used {
    /// Notes so many more.
    pub(super) fn add(&mut self, things: usize) -> Result<(), Problem> {
        self.things += things;
        if self.things > THINGS_MAX {
            return Err(Problem::TooLarge { what: "values, relations and queries", limit: THINGS_MAX });
        }
        Ok(())
    }

    /// Notes a query within this one.
    pub(super) fn query(&mut self, of: Used) -> Result<(), Problem> {
        self.nest(of.nesting + 1)?;
        self.add(of.things + 1)
    }

    /// Notes queries that are so deep within what is looked at.
    fn nest(&mut self, deep: usize) -> Result<(), Problem> {
        self.nesting = self.nesting.max(self.around + deep);
        match self.nesting > NESTING_MAX {
            true => Err(Problem::TooLarge { what: "queries within each other", limit: NESTING_MAX }),
            false => Ok(()),
        }
    }
}

impl Meaning {
    fn leaf(op: Op, typed: Typed) -> Meaning {
        Meaning { ops: Vec::from([op]), typed }
    }

    fn and(mut self, others: impl IntoIterator<Item = Meaning>, op: Op, typed: Typed) -> Meaning {
        others.into_iter().for_each(|other| self.ops.extend(other.ops));
        self.ops.push(op);
        Meaning { ops: self.ops, typed }
    }

    pub(super) fn postfix(self) -> Postfix {
        Postfix { ops: self.ops }
    }
}

/// Understands expressions in a scope.
pub(super) struct Resolver<'s> {
    pub(super) scope: &'s Scope,
    pub(super) used: &'s mut Used,
}

/// Tells in which expression something is wrong, if that is not told.
fn within(expression: &DynamicExpression) -> impl FnOnce(Problem) -> Problem {
    move |problem| match problem {
        Problem::Within { .. } | Problem::Clause { .. } => problem,
        problem => Problem::Within { expression: expression.to_string(), problem: Box::new(problem) },
    }
}

impl Resolver<'_> {
    /// A value, whatever its type.
    pub(super) fn value(&mut self, expression: &DynamicExpression) -> Result<Meaning, Problem> {
        self.resolve(expression, None)
    }

    /// A condition.
    pub(super) fn condition(&mut self, expression: &DynamicExpression) -> Result<Meaning, Problem> {
        let meaning = self.resolve(expression, Some(Type::Bool))?;
        match meaning.typed.ty {
            Type::Bool => Ok(meaning),
            ty => Err(within(expression)(Problem::NotACondition { ty })),
        }
    }

    /// An expression; one that takes the type of what it stands beside stands beside `beside`.
    fn resolve(&mut self, expression: &DynamicExpression, beside: Option<Type>) -> Result<Meaning, Problem> {
        self.used.looks += 1;
        if self.used.looks > LOOKS_MAX {
            return Err(Problem::TooLarge { what: "operations", limit: LOOKS_MAX });
        }
        let found = match &expression.tree {
            Tree::Field { of, path } => self.field(of.as_deref(), path),
            Tree::Literal { value, ty, exact } => literal(value, *ty, *exact, beside),
            Tree::None => match beside {
                Some(ty) => Ok(Meaning::leaf(Op::Literal(Scalar::Null, ty), Typed { ty, nullable: true })),
                None => Err(Problem::UntypedNone),
            },
            Tree::Element => match self.scope.element {
                Some(ty) => {
                    let path = FieldPath { row: RowPath::ELEMENT, ordinal: 0 };
                    Ok(Meaning::leaf(Op::Field(path), Typed::required(ty)))
                }
                None => Err(Problem::NoElement),
            },
            Tree::Unary(op, of) => self.unary(*op, of, beside),
            Tree::Chain(op, parts) => self.chain(*op, parts),
            Tree::Binary(op, parts) => {
                let beside = beside.filter(|_| is_calculated(*op));
                let parts = self.alike(binary_name(*op), &parts[0], &parts[1], beside);
                parts.and_then(|(left, right)| binary(*op, left, right))
            }
            Tree::Contains(parts) => self.contains(&parts[0], &parts[1]),
            Tree::Between(parts) => self.between(parts),
            Tree::In(value, candidates) => self.is_in(value, candidates),
            Tree::If(parts) => self.choose(parts, beside),
            Tree::Call(name, arguments) => self.call(name, arguments, beside),
            Tree::Cast(function, of) => self.value(of).and_then(|of| {
                let typed = Typed::call(*function, &[of.typed]).map_err(|error| match function {
                    Function::Cast(to) if Typed::call(Function::TryCast(*to), &[of.typed]).is_ok() => {
                        Problem::MayNotFit { from: of.typed.ty, to: *to }
                    }
                    _ => error.into(),
                })?;
                Ok(of.and([], Op::Call(*function, 1), typed))
            }),
            Tree::Aggregate(aggregate) => self.aggregate_of_group(aggregate),
            Tree::Each(each, parts) => self.each(*each, &parts[0], &parts[1]),
            Tree::Asked(asked) => self.asked(asked),
            Tree::InQuery(value, query) => self.in_query(value, query),
            Tree::Scalar(query) => self.scalar(query),
            Tree::NotAnAggregate => Err(Problem::NotAnAggregate { place: "only" }),
            Tree::TooDeep => Err(Problem::TooLarge {
                what: "operations within each other",
                limit: super::expression::DEPTH_MAX,
            }),
        };
        found.map_err(within(expression))
    }

    fn field(&mut self, of: Option<&str>, path: &str) -> Result<Meaning, Problem> {
        let (op, typed) = self.scope.field(of, path)?;
        if let Op::Field(path) = &op {
            self.used.add(path.row.hops_count())?;
        }
        Ok(Meaning::leaf(op, typed))
    }

    fn unary(
        &mut self,
        op: UnaryOp,
        of: &DynamicExpression,
        beside: Option<Type>,
    ) -> Result<Meaning, Problem> {
        let beside = match op {
            UnaryOp::Not => Some(Type::Bool),
            UnaryOp::Negate => beside,
            _ => None,
        };
        let of = self.resolve(of, beside)?;
        let typed = of.typed.unary(op)?;
        Ok(of.and([], Op::Unary(op), typed))
    }

    fn chain(&mut self, op: BinaryOp, parts: &[DynamicExpression]) -> Result<Meaning, Problem> {
        let mut parts = parts.iter();
        let first = parts.next().ok_or(PlanError::Malformed { values: 0 })?;
        let mut whole = self.condition(first)?;
        for part in parts {
            whole = binary(op, whole, self.condition(part)?)?;
        }
        Ok(whole)
    }

    /// Two values of one type.
    fn alike(
        &mut self,
        operation: &'static str,
        left: &DynamicExpression,
        right: &DynamicExpression,
        beside: Option<Type>,
    ) -> Result<(Meaning, Meaning), Problem> {
        match (left.is_open(), right.is_open()) {
            (_, false) => {
                let right = self.resolve(right, None)?;
                Ok((self.resolve(left, Some(right.typed.ty))?, right))
            }
            (false, true) => {
                let left = self.resolve(left, None)?;
                let right = self.resolve(right, Some(left.typed.ty))?;
                Ok((left, right))
            }
            (true, true) => {
                // Whose own type has both.
                let mut failed = None;
                let types = [beside, left.natural(), right.natural()];
                for (at, ty) in types.iter().enumerate() {
                    let Some(ty) = ty.filter(|_| !types[..at].contains(ty)) else { continue };
                    let both = self.resolve(left, Some(ty)).and_then(|left| {
                        let right = self.resolve(right, Some(ty))?;
                        match left.typed.ty == right.typed.ty {
                            true => Ok((left, right)),
                            false => Err(PlanError::TypeMismatch {
                                operation,
                                left: left.typed.ty,
                                right: right.typed.ty,
                            }
                            .into()),
                        }
                    });
                    match both {
                        Ok(both) => return Ok(both),
                        Err(problem) => failed = failed.or(Some(problem)),
                    }
                }
                Err(failed.unwrap_or(Problem::UntypedNone))
            }
        }
    }

    fn contains(&mut self, whole: &DynamicExpression, part: &DynamicExpression) -> Result<Meaning, Problem> {
        let whole = self.resolve(whole, None)?;
        let ty = whole.typed.ty;
        if let Some(element) = ty.element() {
            let part = self.resolve(part, Some(element))?;
            return binary(BinaryOp::Has, whole, part);
        }
        let part = self.resolve(part, Some(ty))?;
        if ty.is_json() {
            let function = crate::expr::Function::JsonContains;
            let typed = Typed::call(function, &[whole.typed, part.typed])?;
            return Ok(whole.and([part], Op::Call(function, 2), typed));
        }
        binary(BinaryOp::Contains, whole, part)
    }

    /// Values of one type, of which one that says its own tells it.
    fn all_alike(&mut self, values: &[&DynamicExpression]) -> Result<Vec<Meaning>, Problem> {
        let telling = values.iter().position(|value| !value.is_open());
        let mut told = telling.map(|at| self.resolve(values[at], None)).transpose()?;
        let ty = match &told {
            Some(told) => Some(told.typed.ty),
            None => values.iter().find_map(|value| value.natural()),
        };
        let all = values.iter().enumerate().map(|(at, value)| match told.take_if(|_| Some(at) == telling) {
            Some(told) => Ok(told),
            None => self.resolve(value, ty),
        });
        all.collect()
    }

    fn between(&mut self, parts: &[DynamicExpression; 3]) -> Result<Meaning, Problem> {
        let [value, low, high] = parts;
        let mut found = self.all_alike(&[value, low, high])?.into_iter();
        match (found.next(), found.next(), found.next()) {
            (Some(value), Some(low), Some(high)) => {
                let typed = value.typed.between(low.typed, high.typed)?;
                Ok(value.and([low, high], Op::Between, typed))
            }
            _ => Err(PlanError::Malformed { values: 0 }.into()),
        }
    }

    fn is_in(
        &mut self,
        value: &DynamicExpression,
        candidates: &[DynamicExpression],
    ) -> Result<Meaning, Problem> {
        let count = u32::try_from(candidates.len())
            .map_err(|_| Problem::TooLarge { what: "candidates", limit: u32::MAX as usize })?;
        let all: Vec<&DynamicExpression> = core::iter::once(value).chain(candidates).collect();
        let mut found = self.all_alike(&all)?.into_iter();
        let value = found.next().ok_or(PlanError::Malformed { values: 0 })?;
        let candidates: Vec<Meaning> = found.collect();
        let types: Vec<Typed> = candidates.iter().map(|candidate| candidate.typed).collect();
        let typed = value.typed.is_in(&types)?;
        Ok(value.and(candidates, Op::In(count), typed))
    }

    fn choose(&mut self, parts: &[DynamicExpression; 3], beside: Option<Type>) -> Result<Meaning, Problem> {
        let [condition, then, otherwise] = parts;
        let condition = self.condition(condition)?;
        let (then, otherwise) = self.alike("then", then, otherwise, beside)?;
        let typed = condition.typed.choose(then.typed, otherwise.typed)?;
        Ok(condition.and([then, otherwise], Op::If, typed))
    }

    /// What typed expressions have a method for that is made of others, and the value of JSON at a path.
    fn made_of_others(
        &mut self,
        name: &str,
        arguments: &[DynamicExpression],
    ) -> Result<Option<Meaning>, Problem> {
        let not_taken = |ty: Type| Problem::NotTaken { name: name.to_string(), arguments: Types(vec![ty]) };
        match (name, arguments) {
            ("first", [of]) => {
                let (of, place) = (self.value(of)?, constant(Scalar::Int(0), Type::U64));
                let typed = Typed::call(Function::Element, &[of.typed, place.typed]);
                let typed = typed.map_err(|_| not_taken(of.typed.ty))?;
                Ok(Some(of.and([place], Op::Call(Function::Element, 2), typed)))
            }
            ("is_empty" | "is_null", [of]) => {
                let of = self.value(of)?;
                let ty = of.typed.ty;
                let nothing = match (name, ty.element()) {
                    ("is_empty", Some(element)) => Scalar::list(element, &[]),
                    ("is_empty", None) if ty == Type::String => Some(Scalar::String(String::new())),
                    ("is_null", None) if ty.is_json() => Some(Scalar::String("null".to_string())),
                    _ => None,
                };
                let nothing = constant(nothing.ok_or_else(|| not_taken(ty))?, ty);
                binary(BinaryOp::Eq, of, nothing).map(Some)
            }
            (
                "get",
                [of, DynamicExpression { tree: Tree::Literal { value: Scalar::String(path), .. }, .. }],
            ) => {
                let of = self.value(of)?;
                if !of.typed.ty.is_json() {
                    return Ok(None);
                }
                if steps(path).any(|step| step.is_none()) {
                    return Err(PlanError::BadPath { path: path.clone() }.into());
                }
                let end = steps(path).flatten().try_fold(of, |of, step| {
                    let (function, step) = match step {
                        Step::Member(name) => {
                            (Function::JsonMember, constant(Scalar::String(name.to_string()), Type::String))
                        }
                        Step::Item(number) => {
                            (Function::JsonItem, constant(Scalar::Int(number.into()), Type::U64))
                        }
                    };
                    let typed = Typed::call(function, &[of.typed, step.typed])?;
                    Ok::<_, Problem>(of.and([step], Op::Call(function, 2), typed))
                });
                end.map(Some)
            }
            _ => Ok(None),
        }
    }

    /// A call: of those of the name the first that takes the arguments, where literals are what is taken.
    fn call(
        &mut self,
        name: &str,
        arguments: &[DynamicExpression],
        beside: Option<Type>,
    ) -> Result<Meaning, Problem> {
        if let Some(meaning) = self.made_of_others(name, arguments)? {
            return Ok(meaning);
        }
        let calls = called(name)?;
        if arguments.len() > ARGUMENTS_MAX {
            return Err(Problem::TooLarge { what: "arguments of a function", limit: ARGUMENTS_MAX });
        }
        let closed: Vec<Option<Meaning>> = arguments
            .iter()
            .map(|argument| match argument.is_open() {
                true => Ok(None),
                false => self.resolve(argument, None).map(Some),
            })
            .collect::<Result<_, Problem>>()?;
        let told = closed.iter().flatten().next().map(|argument| argument.typed.ty).or(beside);
        let mut natural = Vec::new();
        for choice in choices(arguments, &closed, told) {
            let found: Result<Vec<Meaning>, Problem> = arguments
                .iter()
                .zip(closed.iter().zip(&choice))
                .map(|(argument, (closed, ty))| match closed {
                    Some(closed) => Ok(closed.clone()),
                    None => self.resolve(argument, *ty),
                })
                .collect();
            let Ok(found) = found else { continue };
            let types: Vec<Typed> = found.iter().map(|argument| argument.typed).collect();
            if natural.is_empty() {
                natural.clone_from(&types);
            }
            for call in &calls {
                let Some(typed) = call.result(&types) else { continue };
                let op = match *call {
                    Called::Unary(op) => Op::Unary(op),
                    Called::Function(function) => Op::Call(function, arguments.len() as u8),
                };
                let mut found = found.into_iter();
                let first = found.next().ok_or(PlanError::Malformed { values: 0 })?;
                return Ok(first.and(found, op, typed));
            }
        }
        let arguments = Types(natural.iter().map(|typed| typed.ty).collect());
        Err(Problem::NotTaken { name: name.to_string(), arguments })
    }

    /// An aggregate over the rows of the group.
    fn aggregate_of_group(&mut self, aggregate: &Aggregate) -> Result<Meaning, Problem> {
        if self.scope.element.is_some() {
            return Err(Problem::OfElements);
        }
        let Some(rows) = &self.scope.grouped else {
            let operation = aggregate_name(&aggregate.function);
            return Err(PlanError::NoGroups { operation }.into());
        };
        let (item, typed) = Resolver { scope: rows, used: self.used }.aggregate(aggregate)?;
        self.used.aggregates = true;
        Ok(Meaning::leaf(Op::Aggregate(Box::new(item)), typed))
    }

    /// An aggregate over rows of this scope.
    pub(super) fn aggregate(&mut self, aggregate: &Aggregate) -> Result<(AggregateItem, Typed), Problem> {
        self.used.add(1)?;
        let argument = aggregate.argument.as_ref().map(|argument| self.value(argument)).transpose()?;
        let filter = aggregate.filter.as_ref().map(|filter| self.condition(filter)).transpose()?;
        let function = aggregate.function.clone();
        let typed = Typed::aggregate(&function, argument.as_ref().map(|argument| argument.typed))?;
        let (argument, filter) = (argument.map(Meaning::postfix), filter.map(Meaning::postfix));
        Ok((AggregateItem { function, argument, filter }, typed))
    }

    fn each(
        &mut self,
        each: Each,
        list: &DynamicExpression,
        test: &DynamicExpression,
    ) -> Result<Meaning, Problem> {
        let list = self.value(list)?;
        let operation = if each == Each::Any { "any_element" } else { "all_elements" };
        let ty = list.typed.ty;
        let element = ty.element().ok_or(PlanError::NotDefined { operation, ty })?;
        let scope = Scope { element: Some(element), ..Scope::of_values(self.scope.database, Vec::new()) };
        if self.used.tests >= NESTING_MAX {
            return Err(Problem::TooLarge {
                what: "tests of elements within each other",
                limit: NESTING_MAX,
            });
        }
        self.used.tests += 1;
        let test = Resolver { scope: &scope, used: self.used }.condition(test);
        self.used.tests -= 1;
        let test = test?;
        let op = Op::Each(each, Box::new(test.postfix()));
        Ok(list.and([], op, Typed::required(Type::Bool)))
    }

    /// Something asked of the records of another collection, within as few others as plans have it.
    fn asked(&mut self, asked: &Asked) -> Result<Meaning, Problem> {
        self.used.nest(1)?;
        self.used.around += 1;
        let found = self.asked_here(asked);
        self.used.around -= 1;
        found
    }

    fn asked_here(&mut self, asked: &Asked) -> Result<Meaning, Problem> {
        self.used.add(1)?;
        if self.scope.element.is_some() {
            return Err(Problem::OfElements);
        }
        let records = &asked.records;
        let inner = collection(self.scope.database, &records.collection)?;
        let name = records.name.clone().unwrap_or_else(|| records.collection.clone());
        let (link, scope) = match &records.link {
            Link::Any if records.at.is_some() => return Err(Problem::NothingToPointAt),
            Link::Any => {
                let position = self.scope.sources.len() as u8;
                let mut scope = Scope { grouped: None, ..self.scope.clone() };
                scope.push(&name, inner)?;
                (RowLink::Correlated { position }, scope)
            }
            Link::Pointing { relation } => {
                let row = match &records.at {
                    Some(path) => self.scope.record(path)?,
                    None => self.scope.only_source()?,
                };
                self.used.add(row.row.hops_count())?;
                let (schema, target) = (inner(), (row.collection)());
                let ordinal = ordinal(schema, relation)?;
                let reference = schema.fields[usize::from(ordinal)].reference;
                if !reference.is_some_and(|reference| core::ptr::eq((reference.target)(), target)) {
                    return Err(Problem::NotPointing {
                        field: relation.clone(),
                        of: schema.name.to_string(),
                        target: target.name.to_string(),
                    });
                }
                let link = RowLink::Reverse { row: row.row, ordinal };
                (link, Scope::of(self.scope.database, name, inner))
            }
        };
        // What is asked of the row is asked where it is.
        let of_row = match &asked.question {
            Question::Has { of_row, .. } => Some(of_row),
            _ => None,
        };
        let mut of_inner = Resolver { scope: &scope, used: self.used };
        let mut predicate = records.filter.as_ref().map(|filter| of_inner.condition(filter)).transpose()?;
        let (quantifier, typed, value) = match &asked.question {
            Question::Any => (Quantifier::Any, Typed::required(Type::Bool), None),
            Question::All(condition) => {
                predicate = Some(of_inner.condition(condition)?);
                (Quantifier::All, Typed::required(Type::Bool), None)
            }
            Question::Count => (Quantifier::Count, Typed::required(Type::U64), None),
            Question::Aggregate(expression) => {
                let Tree::Aggregate(aggregate) = &expression.tree else {
                    return Err(Problem::NotAnAggregate { place: "aggregate" });
                };
                let (item, typed) = of_inner.aggregate(aggregate)?;
                let quantifier =
                    Quantifier::aggregate(item).ok_or(PlanError::LeftOut { what: "aggregate" })?;
                (quantifier, typed, None)
            }
            Question::Has { value, .. } => {
                (Quantifier::Any, Typed::required(Type::Bool), Some(of_inner.value(value)?))
            }
        };
        let equal = match (value, of_row) {
            (Some(value), Some(of_row)) => {
                let of_row = self.resolve(of_row, Some(value.typed.ty))?;
                value.typed.binary(BinaryOp::Eq, of_row.typed)?;
                let whole = Whole::build().ok_or(PlanError::LeftOut { what: "in_query" })?;
                Some(InWhole::new((value.postfix(), of_row.postfix()), whole))
            }
            _ => None,
        };
        let predicate = predicate.map(Meaning::postfix);
        let subquery = Subquery { collection: inner, link, quantifier, predicate, equal };
        Ok(Meaning::leaf(Op::Subquery(Box::new(subquery)), typed))
    }

    fn in_query(
        &mut self,
        value: &DynamicExpression,
        query: &super::DynamicQuery,
    ) -> Result<Meaning, Problem> {
        if self.scope.element.is_some() {
            return Err(Problem::OfElements);
        }
        let (draft, typed, used) = query.one_value("in_query")?;
        self.used.query(used)?;
        let value = self.resolve(value, Some(typed.ty))?;
        typed.binary(BinaryOp::Eq, value.typed)?;
        let postfix = value.postfix().is_in_query(draft);
        Ok(Meaning { ops: postfix.ops, typed: Typed::required(Type::Bool) })
    }

    fn scalar(&mut self, query: &super::DynamicQuery) -> Result<Meaning, Problem> {
        if self.scope.element.is_some() {
            return Err(Problem::OfElements);
        }
        let (draft, typed, used) = query.one_value("scalar")?;
        self.used.query(used)?;
        Ok(Meaning { ops: Postfix::scalar(draft).ops, typed: Typed { nullable: true, ..typed } })
    }
}

/// The most arguments of a function.
const ARGUMENTS_MAX: usize = 4;

pub(super) fn is_calculated(op: BinaryOp) -> bool {
    use BinaryOp as B;
    matches!(op, B::Add | B::Subtract | B::Multiply | B::Divide | B::Remainder | B::OrElse)
}

fn binary(op: BinaryOp, left: Meaning, right: Meaning) -> Result<Meaning, Problem> {
    let typed = left.typed.binary(op, right.typed)?;
    Ok(left.and([right], Op::Binary(op), typed))
}

/// A value that nobody wrote.
fn constant(value: Scalar, ty: Type) -> Meaning {
    Meaning::leaf(Op::Literal(value, ty), Typed::required(ty))
}

fn literal(value: &Scalar, own: Type, exact: bool, beside: Option<Type>) -> Result<Meaning, Problem> {
    let (value, ty) = match beside.filter(|_| !exact) {
        None if is_of(value, own) => (value.clone(), own),
        None => return Err(Problem::NotAValue { value: value.clone(), ty: own }),
        Some(ty) => match fit(value, own, ty) {
            Some(value) => (value, ty),
            None if is_kin(own, ty) => return Err(Problem::NotAValue { value: value.clone(), ty }),
            // The rules of types say what is wrong.
            None => (value.clone(), own),
        },
    };
    let nullable = value.is_null();
    Ok(Meaning::leaf(Op::Literal(value, ty), Typed { ty, nullable }))
}

/// The types that the arguments of a function could have: their own, and for those that take any what functions take.
fn choices(
    arguments: &[DynamicExpression],
    closed: &[Option<Meaning>],
    told: Option<Type>,
) -> Vec<Vec<Option<Type>>> {
    let mut choices: Vec<Vec<Option<Type>>> = Vec::from([Vec::new()]);
    for (argument, closed) in arguments.iter().zip(closed) {
        let mut types: Vec<Option<Type>> = Vec::new();
        match closed {
            Some(closed) => types.push(Some(closed.typed.ty)),
            None => {
                let element = told.and_then(Type::element);
                let usual = [Type::U64, Type::U32, Type::I64, Type::Char, Type::String, Type::F64];
                let all = [argument.natural(), told, element].into_iter().flatten().chain(usual);
                for ty in all {
                    if !types.contains(&Some(ty)) {
                        types.push(Some(ty));
                    }
                }
            }
        }
        choices = choices
            .iter()
            .flat_map(|choice| {
                types.iter().map(move |ty| choice.iter().copied().chain([*ty]).collect::<Vec<_>>())
            })
            .collect();
    }
    choices
}

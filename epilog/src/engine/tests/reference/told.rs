//! Tells drafts to the face that names things at run time ([`dynamic`](crate::dynamic)): the random queries of these tests are asked as
//! what comes back, which is the same draft.
//!
//! Literals beside fields are told as Rust's values, whose types the face finds; others with their types.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::*;
use crate::dynamic::{
    self, Collections, Distance, DynamicExpression, DynamicQuery, DynamicWindow, Item, Term, WindowValue, of,
    record,
};
use crate::expr::op::Each;

/// What the face has no word for, of drafts that are made here.
pub(super) const UNSAID: [&str; 2] =
    ["a recursion by a part of its values", "a test in a program's own code"];

/// A draft as it comes back from the face. One of which the face cannot say something is given back, with what that is.
pub(super) fn told(database: &'static DatabaseSchema, draft: Draft) -> (Draft, Option<&'static str>) {
    let mut teller = Teller { collections: Collections::of_schema(database), previous: Vec::new() };
    let (query, _) = match teller.query(&draft) {
        Ok(told) => told,
        Err(unsaid) => {
            assert!(UNSAID.contains(&unsaid), "{unsaid}: {draft:#?}");
            return (draft, Some(unsaid));
        }
    };
    let said = match query.draft() {
        Ok(said) => said.clone(),
        Err(error) => panic!("{error}\n{draft:#?}"),
    };
    check_same(&draft, &said);
    (said, None)
}

/// Checks that what came back is what was told.
fn check_same(draft: &Draft, said: &Draft) {
    let own = rooted(draft, draft.root);
    // `NaN` is not itself. Of all records, whatever they are, the face asks whether `true` is true of all.
    let (shown, other) = (without_addresses(&own), without_addresses(said));
    let is_alike = own == *said || (shown.contains("NaN") && shown == other);
    let is_whole = shown.contains("quantifier: All, predicate: None");
    assert!(is_alike || is_whole, "told\n{draft:#?}\nas\n{said:#?}");
}

/// A draft as text, without where functions lie that give collections: the same one may lie in several places.
fn without_addresses(draft: &Draft) -> String {
    let text = format!("{draft:?}");
    let parts = text.split("0x").enumerate().map(|(at, part)| match at {
        0 => part,
        _ => part.trim_start_matches(|digit: char| digit.is_ascii_hexdigit()),
    });
    parts.collect::<Vec<_>>().join("a function")
}

/// The same draft, where rows that were found before are of the collection that the recursion is of. Which one nobody looks at.
fn rooted(draft: &Draft, previous: fn() -> &'static CollectionSchema) -> Draft {
    let is_previous = matches!(draft.clauses.first(), Some(Clause::Previous(_)));
    let root = if is_previous { previous } else { draft.root };
    let clauses = draft.clauses.iter().map(|clause| match clause {
        Clause::Set(other, kind, _) => Clause::set(rooted(other, previous), *kind),
        Clause::JoinQuery(other, kind, _) => {
            Clause::join_query(rooted(&other.0, previous), other.1.clone(), *kind)
        }
        Clause::Recursive(recursion, _) => {
            let step = rooted(&recursion.step, draft.root);
            Clause::recursive(Recursion { step, ..*(**recursion).clone() })
        }
        other => other.clone(),
    });
    Draft { root, clauses: clauses.collect::<Vec<_>>().into(), ..draft.clone() }
}

type CollectionFn = fn() -> &'static CollectionSchema;

struct Teller {
    collections: Collections,
    /// What the steps of recursions are given, and the names of its values; the innermost last.
    previous: Vec<(DynamicQuery, Vec<String>)>,
}

/// What rows have, and how it is called.
#[derive(Clone)]
struct Names {
    sources: Vec<CollectionFn>,
    keys: Vec<String>,
    windows: Vec<DynamicExpression>,
    rows: Option<Box<Names>>,
}

impl Names {
    fn of(sources: Vec<CollectionFn>, keys: Vec<String>) -> Names {
        Names { sources, keys, windows: Vec::new(), rows: None }
    }

    /// The relations of a path, by names, and the collection at its end.
    fn path(&self, row: RowPath) -> (Vec<&'static str>, &'static CollectionSchema) {
        let mut schema = (self.sources[usize::from(row.position())])();
        let mut names = Vec::new();
        for hop in row.hops() {
            let field = &schema.fields[usize::from(hop)];
            names.push(field.name);
            schema = (field.reference.expect("a relation").target)();
        }
        (names, schema)
    }

    fn record(&self, row: RowPath) -> String {
        let source = format!("s{}", row.position());
        let (names, _) = self.path(row);
        core::iter::once(source.as_str()).chain(names).collect::<Vec<_>>().join(".")
    }

    fn field(&self, path: FieldPath) -> DynamicExpression {
        if path.row == RowPath::WINDOWS {
            return self.windows[usize::from(path.ordinal)].clone();
        }
        if is_element(path.row) {
            return dynamic::element();
        }
        let (mut names, schema) = self.path(path.row);
        names.push(schema.fields[usize::from(path.ordinal)].name);
        of(format!("s{}", path.row.position())).field(names.join("."))
    }
}

/// A literal as Rust's value, if that can be told without its type.
fn plain(value: &Scalar, ty: Type) -> Option<DynamicExpression> {
    Some(match (value, ty) {
        (Scalar::Null, _) => dynamic::none(),
        (Scalar::Bool(value), _) => DynamicExpression::from(*value),
        (Scalar::Int(value), Type::Char) => DynamicExpression::from(char::from_u32(*value as u32)?),
        (Scalar::Int(value), _) if ty.is_integer() || ty == Type::Id => match i32::try_from(*value) {
            Ok(value) => DynamicExpression::from(value),
            Err(_) => DynamicExpression::from(*value),
        },
        (Scalar::Uint(value), _) => DynamicExpression::from(*value),
        (Scalar::Float(value), _) => DynamicExpression::from(*value),
        (Scalar::String(value), Type::String) => DynamicExpression::from(value.as_str()),
        (Scalar::Bytes(value), Type::Bytes) => DynamicExpression::from(value.clone()),
        _ => return None,
    })
}

/// A piece of an expression: what is said, and the literal that it is.
type Piece = (DynamicExpression, Option<(Scalar, Type)>);

/// Told beside something that has a type of its own.
fn beside((said, literal): Piece) -> DynamicExpression {
    literal.and_then(|(value, ty)| plain(&value, ty)).unwrap_or(said)
}

impl Teller {
    /// The query, and the names of its values.
    fn query(&mut self, draft: &Draft) -> Result<(DynamicQuery, Vec<String>), &'static str> {
        let mut clauses = draft.clauses.iter();
        let (mut query, mut names) = match draft.clauses.first() {
            Some(Clause::Previous(_)) => {
                clauses.next();
                let (previous, keys) = self.previous.last().expect("a recursion around").clone();
                (previous, Names::of(Vec::new(), keys))
            }
            _ => {
                let query = self.collections.query((draft.root)().name).named("s0");
                (query, Names::of(Vec::from([draft.root]), Vec::new()))
            }
        };
        let mut selected: Option<Vec<String>> = None;
        for clause in clauses {
            let now = selected.clone().unwrap_or_else(|| names.keys.clone());
            query = match clause {
                Clause::Join { collection, on, kind } => {
                    let name = format!("s{}", names.sources.len());
                    names.sources.push(*collection);
                    names.rows = None;
                    selected = None;
                    let on = self.expression(on, &names)?;
                    match kind {
                        JoinKind::Inner => query.join(collection().name, name, on),
                        JoinKind::Left => query.left_join(collection().name, name, on),
                    }
                }
                Clause::Filter(predicate) => query.filter(self.expression(predicate, &names)?),
                Clause::Order(terms) => query.order_by(self.terms(terms, &names)?),
                Clause::Limit(count) => query.limit(*count),
                Clause::Offset(count) => query.offset(*count),
                Clause::Select(items) => {
                    let mut said = Vec::new();
                    for (number, item) in items.iter().enumerate() {
                        said.push(match item {
                            SelectItem::Value(value) => {
                                self.expression(value, &names)?.named(format!("#v{number}"))
                            }
                            SelectItem::Record(row) => {
                                record(names.record(*row)).named(format!("#v{number}"))
                            }
                        });
                    }
                    selected = Some((0..items.len()).map(|number| format!("#v{number}")).collect());
                    query.select(said)
                }
                Clause::Grouping(keys) => {
                    let mut said: Vec<Item> = Vec::new();
                    for (number, key) in keys.iter().enumerate() {
                        said.push(self.expression(key, &names)?.named(format!("#k{number}")));
                    }
                    let keys = (0..keys.len()).map(|number| format!("#k{number}")).collect();
                    let rows = core::mem::replace(&mut names, Names::of(Vec::new(), keys));
                    names.rows = Some(Box::new(rows));
                    selected = None;
                    query.group_by(said)
                }
                Clause::Distinct | Clause::Common(_) => {
                    selected = None;
                    names = Names::of(Vec::new(), now);
                    if matches!(clause, Clause::Distinct) { query.distinct() } else { query.common() }
                }
                Clause::Set(other, kind, _) => {
                    let (other, _) = self.query(other)?;
                    selected = None;
                    names = Names::of(Vec::new(), now);
                    match kind {
                        SetKind::Union => query.union(other),
                        SetKind::UnionAll => query.union_all(other),
                        SetKind::Intersect => query.intersect(other),
                        SetKind::IntersectAll => query.intersect_all(other),
                        SetKind::Except => query.except(other),
                        SetKind::ExceptAll => query.except_all(other),
                    }
                }
                Clause::Window(items, _) => {
                    let first = names.windows.len();
                    let mut said = Vec::new();
                    for (number, item) in items.iter().enumerate() {
                        let value = self.window(item, &names, &query)?;
                        said.push(value.named(format!("#w{}", first + number)));
                    }
                    let called =
                        (0..items.len()).map(|number| dynamic::field(format!("#w{}", first + number)));
                    names.windows.extend(called);
                    query.window(said)
                }
                Clause::LimitPer(keys, count, _) => query.limit_per(self.expressions(keys, &names)?, *count),
                Clause::JoinQuery(other, kind, _) => {
                    let (inner, values) = self.query(&other.0)?;
                    let name = format!("#q{}", names.windows.len());
                    names.windows.extend(values.into_iter().map(|value| of(&name).field(value)));
                    let on = self.expression(&other.1, &names)?;
                    match kind {
                        JoinKind::Inner => query.join_query(inner, name, on),
                        JoinKind::Left => query.left_join_query(inner, name, on),
                    }
                }
                Clause::Recursive(recursion, _) => {
                    if recursion.identity.is_some() {
                        return Err(UNSAID[0]);
                    }
                    let mut failed = None;
                    let keys = now.clone();
                    let step = |previous: DynamicQuery| {
                        self.previous.push((previous.clone(), keys));
                        let step = self.query(&recursion.step);
                        self.previous.pop();
                        step.map_or_else(
                            |unsaid| {
                                failed = Some(unsaid);
                                previous
                            },
                            |(step, _)| step,
                        )
                    };
                    let query = match recursion.rounds {
                        None => query.recursive_with(step),
                        Some(rounds) => query.recursive_within(rounds, step),
                    };
                    if let Some(unsaid) = failed {
                        return Err(unsaid);
                    }
                    selected = None;
                    names = Names::of(Vec::new(), now);
                    query
                }
                Clause::Sample(count, seed, _) => query.sample_seeded(*count, **seed),
                Clause::Native(..) => return Err(UNSAID[1]),
                Clause::Previous(_) | Clause::LeftOut(_) => unreachable!("no such clause here: {draft:?}"),
            };
        }
        Ok((query, selected.unwrap_or(names.keys)))
    }

    fn terms(&mut self, terms: &[OrderTerm], names: &Names) -> Result<Vec<Term>, &'static str> {
        let terms = terms.iter().map(|term| {
            let value = self.expression(&term.expression, names)?;
            let said = if term.descending { value.desc() } else { value.asc() };
            Ok(match term.nulls_first {
                None => said,
                Some(true) => said.nulls_first(),
                Some(false) => said.nulls_last(),
            })
        });
        terms.collect()
    }

    fn expressions(
        &mut self,
        all: &[Postfix],
        names: &Names,
    ) -> Result<Vec<DynamicExpression>, &'static str> {
        all.iter().map(|expression| self.expression(expression, names)).collect()
    }

    fn window(
        &mut self,
        item: &WindowItem,
        names: &Names,
        query: &DynamicQuery,
    ) -> Result<WindowValue, &'static str> {
        let WindowItem { function, argument, partition, order, frame } = item;
        let window = DynamicWindow::new()
            .partition_by(self.expressions(partition, names)?)
            .order_by(self.terms(order, names)?);
        let argument = argument.as_ref().map(|argument| self.expression(argument, names)).transpose()?;
        let Frame { unit, start, end } = *frame;
        let value = |window: DynamicWindow| {
            use WindowFunction as W;
            let of = || argument.clone().expect("of a value");
            match function {
                W::RowNumber => window.row_number(),
                W::Rank => window.rank(),
                W::DenseRank => window.dense_rank(),
                W::PercentRank => window.percent_rank(),
                W::CumeDist => window.cume_dist(),
                W::Ntile(buckets) => window.ntile(*buckets),
                W::Lag(rows) => window.lag(of(), *rows),
                W::Lead(rows) => window.lead(of(), *rows),
                W::First => window.first_value(of()),
                W::Last => window.last_value(of()),
                W::Nth(number) => window.nth_value(of(), *number),
                W::Aggregate(function) => window.aggregate(aggregate(function, argument.clone())),
            }
        };
        Ok(match unit {
            FrameUnit::Rows => value(window.rows(start, end)),
            FrameUnit::Groups => value(window.groups(start, end)),
            FrameUnit::Range => {
                let whole = value(window.clone().range(start, end));
                let float = |end: Option<i64>| end.map(|end| Distance::Float(f64::from_bits(end as u64)));
                // Of which type the order's values are, the face knows.
                match query.clone().window([whole.clone()]).check() {
                    Ok(()) if start.or(end).is_some() => whole,
                    _ => value(window.range(float(start), float(end))),
                }
            }
        })
    }

    fn item(&mut self, item: &AggregateItem, names: &Names) -> Result<DynamicExpression, &'static str> {
        let argument = item.argument.as_ref().map(|argument| self.expression(argument, names)).transpose()?;
        let said = aggregate(&item.function, argument);
        Ok(match &item.filter {
            Some(filter) => said.only(self.expression(filter, names)?),
            None => said,
        })
    }

    fn expression(&mut self, expression: &Postfix, names: &Names) -> Result<DynamicExpression, &'static str> {
        let mut stack: Vec<Piece> = Vec::new();
        for op in &expression.ops {
            let said = match op {
                Op::Literal(value, ty) => {
                    stack.push((dynamic::literal(value.clone(), *ty), Some((value.clone(), *ty))));
                    continue;
                }
                Op::Field(path) => names.field(*path),
                Op::Unary(op) => {
                    let (of, _) = stack.pop().expect("an operand");
                    let no_others: [DynamicExpression; 0] = [];
                    match op {
                        UnaryOp::Not => !of,
                        UnaryOp::Negate => -of,
                        UnaryOp::IsNone => of.is_none(),
                        UnaryOp::IsSome => of.is_some(),
                        UnaryOp::Length => of.call("len", no_others),
                        UnaryOp::Lower => of.call("lower", no_others),
                        UnaryOp::Upper => of.call("upper", no_others),
                        UnaryOp::Year => of.call("year", no_others),
                        UnaryOp::Month => of.call("month", no_others),
                        UnaryOp::Day => of.call("day", no_others),
                    }
                }
                Op::Binary(op) => {
                    let (right, left) = (stack.pop().expect("an operand"), stack.pop().expect("an operand"));
                    binary(*op, left, right)
                }
                Op::Between => {
                    let (high, low) = (stack.pop().expect("an operand"), stack.pop().expect("an operand"));
                    let (value, literal) = stack.pop().expect("an operand");
                    match literal {
                        None => value.between(beside(low), beside(high)),
                        Some(_) => value.between(low.0, high.0),
                    }
                }
                Op::In(count) => {
                    let candidates = stack.split_off(stack.len() - *count as usize);
                    let (value, literal) = stack.pop().expect("an operand");
                    match literal {
                        None => value.in_(candidates.into_iter().map(beside)),
                        Some(_) => value.in_(candidates.into_iter().map(|candidate| candidate.0)),
                    }
                }
                Op::Subquery(subquery) => self.subquery(subquery, names)?,
                Op::Key(number) => dynamic::field(names.keys[usize::from(*number)].clone()),
                Op::Aggregate(item) => {
                    let rows = names.rows.as_ref().expect("a group");
                    self.item(item, rows)?
                }
                Op::If => {
                    let (otherwise, then) =
                        (stack.pop().expect("an operand"), stack.pop().expect("an operand"));
                    let (condition, _) = stack.pop().expect("an operand");
                    condition.then(then.0, otherwise.0)
                }
                Op::Scalar(draft, _) => dynamic::scalar(self.query(draft)?.0),
                Op::InQuery(draft, _) => {
                    let (value, _) = stack.pop().expect("an operand");
                    value.in_query(self.query(draft)?.0)
                }
                Op::Call(function, count) => {
                    let arguments = stack.split_off(stack.len() - usize::from(*count));
                    let mut arguments = arguments.into_iter().map(|argument| argument.0);
                    let first = arguments.next().expect("an argument");
                    match *function {
                        Function::Cast(to) => first.cast(to),
                        Function::TryCast(to) => first.try_cast(to),
                        Function::CastOrFail(to) => first.cast_or_fail(to),
                        Function::Parse(to) => first.parse(to),
                        function => first.call(function.name(), arguments),
                    }
                }
                Op::Each(each, test) => {
                    let (list, _) = stack.pop().expect("a list");
                    let test = self.expression(test, &Names::of(Vec::new(), Vec::new()))?;
                    match each {
                        Each::Any => list.any_element(test),
                        Each::All => list.all_elements(test),
                    }
                }
                Op::Parameter(..) | Op::LeftOut(_) => unreachable!("no such operation here: {op:?}"),
            };
            stack.push((said, None));
        }
        Ok(stack.pop().expect("a value").0)
    }

    fn subquery(&mut self, subquery: &Subquery, names: &Names) -> Result<DynamicExpression, &'static str> {
        let name = (subquery.collection)().name;
        let (records, inner) = match subquery.link {
            Link::Reverse { row, ordinal } => {
                let relation = (subquery.collection)().fields[usize::from(ordinal)].name;
                let records = dynamic::pointing(name, relation).at(names.record(row)).named("s0");
                (records, Names::of(Vec::from([subquery.collection]), Vec::new()))
            }
            Link::Correlated { position } => {
                let mut inner = Names { rows: None, ..names.clone() };
                inner.sources.push(subquery.collection);
                (dynamic::from(name, format!("s{position}")), inner)
            }
        };
        let predicate =
            subquery.predicate.as_ref().map(|predicate| self.expression(predicate, &inner)).transpose()?;
        if subquery.quantifier == Quantifier::All {
            return Ok(records.all(predicate.unwrap_or_else(|| DynamicExpression::from(true))));
        }
        let records = match predicate {
            Some(predicate) => records.filter(predicate),
            None => records,
        };
        if let Some(equal) = &subquery.equal {
            let value = self.expression(&equal.0, &inner)?;
            return Ok(records.has(value, self.expression(&equal.1, names)?));
        }
        Ok(match &subquery.quantifier {
            Quantifier::Any => records.exists(),
            Quantifier::Count => records.count(),
            Quantifier::Aggregate(item, _) => records.aggregate(self.item(item, &inner)?),
            Quantifier::All => unreachable!("told above"),
        })
    }
}

fn aggregate(function: &AggregateFunction, argument: Option<DynamicExpression>) -> DynamicExpression {
    use AggregateFunction as F;
    let Some(of) = argument else { return dynamic::count() };
    match function {
        F::Count => dynamic::count_of(of),
        F::CountDistinct => dynamic::count_distinct(of),
        F::Sum => dynamic::sum(of),
        F::Avg => dynamic::avg(of),
        F::Min => dynamic::min(of),
        F::Max => dynamic::max(of),
        F::Median => dynamic::median(of),
        F::Variance => dynamic::variance(of),
        F::StdDev => dynamic::stddev(of),
        F::StringAgg { separator } => dynamic::string_agg(of, separator.as_str()),
        F::ArrayAgg => dynamic::array_agg(of),
    }
}

fn binary(op: BinaryOp, left: Piece, right: Piece) -> DynamicExpression {
    use BinaryOp as B;
    let compares = op.mirrored().is_some();
    let (left, right) = match (left.1.is_some(), right.1.is_some()) {
        (false, true) if compares => (left.0, beside(right)),
        (true, false) if compares => (beside(left), right.0),
        _ => (left.0, right.0),
    };
    match op {
        B::And => left & right,
        B::Or => left | right,
        B::Eq => left.eq(right),
        B::Ne => left.ne(right),
        B::Lt => left.lt(right),
        B::Le => left.le(right),
        B::Gt => left.gt(right),
        B::Ge => left.ge(right),
        B::Add => left + right,
        B::Subtract => left - right,
        B::Multiply => left * right,
        B::Divide => left / right,
        B::Remainder => left % right,
        B::StartsWith => left.starts_with(right),
        B::EndsWith => left.ends_with(right),
        B::Contains | B::Has => left.contains(right),
        B::Like => left.like(right),
        B::Matches => left.matches(right),
        B::OrElse => left.or_else(right),
        B::HasAny => left.contains_any(right),
        B::HasAll => left.contains_all(right),
    }
}

/// What cannot be told is asked as it was made: this is so of no draft of those that are made here, of collections of either kind.
#[test]
fn drafts_are_told_by_names_and_come_back() {
    let (mut count, mut unsaid) = (0, Vec::new());
    for seed in 1..=seeds(12) {
        let mut random = Random::new(seed + 9_000_000);
        let made = seed % 2 == 0;
        let (data, database) = match made {
            true => (schemas::collections(&mut random), schemas::database(true)),
            false => (collections(&mut random), &f::DATABASE),
        };
        let mut maker = Maker::new(random, &data);
        for _ in 0..60 {
            let (draft, _) = match maker.random.below(6) {
                0 => maker.draft(true),
                1 => maker.common_draft(),
                2 => maker.left_draft(),
                3 => maker.gathered_draft(),
                _ => maker.any_draft(),
            };
            count += 1;
            unsaid.extend(told(database, draft).1);
        }
    }
    assert!(unsaid.is_empty(), "{unsaid:?} of {count} drafts");
}

/// A draft that is told otherwise than it is asked does not come back: the test above looks.
#[test]
#[should_panic(expected = "told")]
fn a_draft_that_comes_back_as_another_is_noticed() {
    let draft = draft(f::Track).filter(f::field(f::track::ACTIVE)).limit(1).build();
    let (said, _) = told(&f::DATABASE, draft.clone());
    let other = said.limited(2);
    check_same(&draft, &other);
}

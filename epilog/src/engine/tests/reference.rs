//! Random queries against a reference, which goes through the records row by row with scalars and knows neither plans
//! nor pages. A failure prints the seed and the draft.

#[cfg(not(feature = "small"))]
mod alike;
#[cfg(all(feature = "chrono", feature = "decimal", not(feature = "small")))]
mod called;
mod checks;
#[cfg(not(feature = "small"))]
mod common;
#[cfg(not(feature = "small"))]
mod few;
#[cfg(not(feature = "small"))]
mod gathered;
#[cfg(not(feature = "small"))]
mod grouped;
mod json;
#[cfg(not(feature = "small"))]
mod lefts;
mod maker;
mod narrow;
#[cfg(not(feature = "small"))]
mod nested;
#[cfg(not(feature = "small"))]
mod orders;
#[cfg(not(feature = "small"))]
mod others;
mod pages;
#[cfg(not(feature = "small"))]
mod pairs;
#[cfg(not(feature = "small"))]
mod planted;
#[cfg(not(feature = "small"))]
mod priced;
#[cfg(not(feature = "small"))]
mod reached;
#[cfg(not(feature = "small"))]
mod ruled;
mod samples;
#[cfg(not(feature = "small"))]
mod schemas;
mod shrink;
#[cfg(not(feature = "small"))]
mod sifted;
#[cfg(not(feature = "small"))]
mod spanned;
#[cfg(all(sqlite, not(feature = "small")))]
mod sql;
#[cfg(all(sqlite, not(feature = "small")))]
mod sqlite;
#[cfg(not(feature = "small"))]
mod told;
mod typed;

use alloc::string::ToString;
use alloc::vec::Vec;
use core::cmp::Ordering;

use super::fixture::{self as f, draft};
#[cfg(all(sqlite, not(feature = "small")))]
use checks::rule_sets;
#[cfg(not(feature = "small"))]
use checks::{Asked, check_data};
use checks::{check_drafts, check_seed};
use maker::{Maker, Random};

use super::*;
use crate::engine::fixture::DraftBuilder;
use crate::engine::optimizer::tests::fired;
use crate::expr::op::Link;
use crate::expr::{
    AggregateFunction, AggregateItem, BinaryOp, Clause, FieldPath, Frame, FrameUnit, Function, JoinKind, Op,
    OrderTerm, Postfix, Quantifier, Recursion, RowPath, SelectItem, SetKind, Subquery, UnaryOp,
    WindowFunction, WindowItem,
};
use crate::parts::{InWhole, Whole};
use crate::schema::DatabaseSchema;
use crate::value::Type;

/// A collection: its schema and records, in the order of their keys.
type Collection = (fn() -> &'static CollectionSchema, Vec<Vec<Scalar>>);

const ARTIST: usize = 0;
const ALBUM: usize = 1;
const TRACK: usize = 2;

fn collections(random: &mut Random) -> Vec<Collection> {
    let words = ["", "a", "ab", "abc", "b", "ba", "Ä", "z"];
    let number = |value: usize| Scalar::Int(value as i128);
    let word = |random: &mut Random| Scalar::String(random.pick(&words).to_string());
    let artists = 5 + random.below(4);
    let albums = 8 + random.below(10);
    let optional =
        |random: &mut Random, value: Scalar| if random.below(4) == 0 { Scalar::Null } else { value };
    let artist = |id| Vec::from([number(id), Scalar::String(format!("{}{id}", words[id % 8]))]);
    let album = |random: &mut Random, id| {
        let released = number(random.below(5));
        Vec::from([number(id), word(random), number(1 + random.below(artists)), optional(random, released)])
    };
    let track = |random: &mut Random, id| {
        let editor = number(1 + random.below(artists));
        Vec::from([
            number(id),
            word(random),
            number(1 + random.below(albums)),
            Scalar::Int(random.below(9) as i128 - 4),
            Scalar::Float(*random.pick(&[-1.5, -0.0, 0.0, 2.0, f64::NAN])),
            Scalar::Bool(random.below(2) == 0),
            optional(random, editor),
        ])
    };
    let tracks = 30 + random.below(60);
    let reading = |random: &mut Random, at: i128| {
        let (code, value) = (number(random.below(4)), Scalar::Int(random.below(7) as i128 - 3));
        Vec::from([Scalar::Int(at), optional(random, code), optional(random, value)])
    };
    let country = |random: &mut Random, n: usize| {
        let name = word(random);
        Vec::from([
            Scalar::String(format!("{}{n}", words[n % 8])),
            optional(random, name),
            number(random.below(5)),
        ])
    };
    let note = |random: &mut Random, id| {
        let (marks, data) = (numbers(random), Scalar::String(random.pick(&json::VALUES).to_string()));
        let marks = optional(random, marks);
        Vec::from([number(id), tags(random), marks, numbers(random), optional(random, data)])
    };
    Vec::from([
        (f::Artist as fn() -> _, (1..=artists).map(artist).collect()),
        (f::Album, (1..=albums).map(|id| album(random, id)).collect()),
        (f::Track, (1..=tracks).map(|id| track(random, id)).collect()),
        (f::Reading, (-9..9).map(|at| reading(random, at * 3)).collect()),
        (f::Country, (0..12).map(|n| country(random, n)).collect()),
        (f::Note, (1..=20).map(|n| note(random, n)).collect()),
    ])
}

/// A list of few short texts.
fn tags(random: &mut Random) -> Scalar {
    let tags =
        (0..random.below(4)).map(|_| Scalar::String(random.pick(&["", "a", "\0", "ab", "Ä"]).to_string()));
    Scalar::list(Type::String, &tags.collect::<Vec<_>>()).expect("a list of texts")
}

/// A list of few small numbers.
fn numbers(random: &mut Random) -> Scalar {
    let numbers = (0..random.below(4)).map(|_| Scalar::Int(random.below(6) as i128 - 3));
    Scalar::list(Type::I64, &numbers.collect::<Vec<_>>()).expect("a list of numbers")
}

#[cfg(not(feature = "small"))]
fn is_element(path: RowPath) -> bool {
    path == RowPath::ELEMENT
}

/// There are no lists.
#[cfg(feature = "small")]
fn is_element(_: RowPath) -> bool {
    false
}

/// What an expression gives: a value, or nothing because arithmetic had no result.
type Value = Result<Scalar, ()>;

/// A row of the scope: for each source, the collection and the record; or a group.
#[derive(Clone, Default)]
struct Row {
    sources: Vec<(usize, Option<usize>)>,
    group: Option<alloc::rc::Rc<Group>>,
    /// What windows have calculated.
    windows: Vec<Value>,
}

struct Group {
    keys: Vec<Scalar>,
    members: Vec<Row>,
}

impl Row {
    fn of(sources: impl IntoIterator<Item = (usize, Option<usize>)>) -> Row {
        Row { sources: sources.into_iter().collect(), group: None, windows: Vec::new() }
    }

    fn beside(&self, other: (usize, Option<usize>)) -> Row {
        let (windows, group) = (self.windows.clone(), self.group.clone());
        Row { windows, group, ..Row::of(self.sources.iter().copied().chain([other])) }
    }
}

struct Reference<'d> {
    collections: &'d [Collection],
    /// What the rounds of recursions begin with, the innermost last.
    previous: core::cell::RefCell<Vec<Vec<Vec<Scalar>>>>,
    /// The element of a list that is tested.
    #[cfg_attr(feature = "small", expect(dead_code, reason = "there are no lists"))]
    element: core::cell::RefCell<Scalar>,
}

impl<'d> Reference<'d> {
    fn new(collections: &'d [Collection]) -> Reference<'d> {
        let element = core::cell::RefCell::new(Scalar::Null);
        Reference { collections, previous: Default::default(), element }
    }
}

impl Reference<'_> {
    fn index_of(&self, schema: &'static CollectionSchema) -> usize {
        let found = self.collections.iter().position(|(of, _)| core::ptr::eq(of(), schema));
        found.expect("a collection of the schema")
    }

    /// Where a path leads from a row.
    fn follow(&self, row: &Row, path: RowPath) -> (usize, Option<usize>) {
        path.hops().fold(row.sources[usize::from(path.position())], |(collection, record), hop| {
            let (schema, records) = &self.collections[collection];
            let reference = schema().fields[usize::from(hop)].reference.expect("a relation");
            let target = self.index_of((reference.target)());
            let found = record.and_then(|record| {
                let pointer = &records[record][usize::from(hop)];
                self.collections[target].1.iter().position(|candidate| candidate[0] == *pointer)
            });
            (target, found)
        })
    }

    /// The type of a field at the end of a path from a row, if it is one of a record.
    fn type_of(&self, row: &Row, path: FieldPath) -> Option<Type> {
        if path.row == RowPath::WINDOWS || is_element(path.row) {
            return None;
        }
        let (collection, _) = self.follow(row, path.row);
        Some((self.collections[collection].0)().fields[usize::from(path.ordinal)].ty)
    }

    fn eval(&self, expression: &Postfix, row: &Row) -> Value {
        let mut stack: Vec<Value> = Vec::new();
        let mut types = typed::Types::default();
        for op in &expression.ops {
            let operands = types.step(op, &|path| self.type_of(row, path));
            let value = match op {
                Op::Field(path) if path.row == RowPath::WINDOWS => {
                    row.windows[usize::from(path.ordinal)].clone()
                }
                #[cfg(not(feature = "small"))]
                Op::Field(path) if path.row == RowPath::ELEMENT => Ok(self.element.borrow().clone()),
                Op::Field(path) => {
                    let (collection, record) = self.follow(row, path.row);
                    let records = &self.collections[collection].1;
                    Ok(record
                        .map_or(Scalar::Null, |record| records[record][usize::from(path.ordinal)].clone()))
                }
                Op::Literal(value, _) => Ok(value.clone()),
                // A list does not tell of what it is: here all are of texts or of numbers.
                Op::Unary(UnaryOp::Length) if operands[0] != Some(Type::Bytes) && is_list(stack.last()) => {
                    stack.pop().unwrap().map(|list| Scalar::Int(elements(&list).len() as i128))
                }
                Op::Unary(op) => {
                    let value = stack.pop().unwrap();
                    let known = typed::unary(*op, operands[0], &value);
                    known.unwrap_or_else(|| value.map(|value| unary(*op, value)))
                }
                Op::Binary(op) => {
                    let (right, left) = (stack.pop().unwrap(), stack.pop().unwrap());
                    let known = typed::binary(*op, &operands, &left, &right);
                    known.unwrap_or_else(|| binary(*op, left, right))
                }
                Op::Between => {
                    let (high, low, value) =
                        (stack.pop().unwrap(), stack.pop().unwrap(), stack.pop().unwrap());
                    let above = binary(BinaryOp::Ge, value.clone(), low);
                    binary(BinaryOp::And, above, binary(BinaryOp::Le, value, high))
                }
                Op::In(count) => {
                    let candidates = stack.split_off(stack.len() - *count as usize);
                    let value = stack.pop().unwrap();
                    let equal = |candidate| binary(BinaryOp::Eq, value.clone(), candidate);
                    let none = value.clone().map(|_| Scalar::Bool(false));
                    candidates
                        .into_iter()
                        .fold(none, |any, candidate| binary(BinaryOp::Or, any, equal(candidate)))
                }
                Op::Subquery(subquery) => self.subquery(subquery, row),
                Op::Key(number) => {
                    Ok(row.group.as_ref().expect("a group").keys[usize::from(*number)].clone())
                }
                Op::LeftOut(what) => unreachable!("{what} is not left out of tests"),
                #[cfg(not(feature = "small"))]
                Op::Parameter(..) => unreachable!("the reference is asked with values"),
                Op::Scalar(draft, _) => {
                    self.run(draft).map(|rows| rows.first().map_or(Scalar::Null, |row| row[0].clone()))
                }
                Op::InQuery(draft, _) => {
                    let value = stack.pop().unwrap();
                    let rows = self.run(draft);
                    value.and_then(|value| {
                        let is_there = rows?.iter().any(|row| row[0].compare(&value).is_eq());
                        Ok(Scalar::Bool(is_there))
                    })
                }
                Op::Aggregate(item) => self.aggregate(item, row.group.as_ref().expect("a group")),
                #[cfg(not(feature = "small"))]
                Op::Each(each, test) => stack.pop().unwrap().and_then(|list| match list {
                    Scalar::Null => Ok(Scalar::Bool(false)),
                    list => {
                        let is_any = *each == crate::expr::op::Each::Any;
                        let op = if is_any { BinaryOp::Or } else { BinaryOp::And };
                        // A fault of one element is none where another decides.
                        let mut known = Ok(Scalar::Bool(!is_any));
                        for element in elements(&list) {
                            *self.element.borrow_mut() = element;
                            known = binary(op, known, self.eval(test, row));
                        }
                        known
                    }
                }),
                Op::Call(function, count) => {
                    let arguments = stack.split_off(stack.len() - usize::from(*count));
                    arguments.into_iter().collect::<Result<Vec<Scalar>, ()>>().and_then(|values| {
                        match typed::call(*function, &operands, &values) {
                            Some(value) => value,
                            None => call(*function, values),
                        }
                    })
                }
                Op::If => {
                    let (otherwise, then) = (stack.pop().unwrap(), stack.pop().unwrap());
                    stack.pop().unwrap().and_then(
                        |holds| {
                            if holds == Scalar::Bool(true) { then } else { otherwise }
                        },
                    )
                }
            };
            stack.push(value);
        }
        stack.pop().unwrap()
    }

    fn aggregate(&self, item: &AggregateItem, group: &Group) -> Value {
        use AggregateFunction as F;
        let mut values = Vec::new();
        for member in &group.members {
            if let Some(filter) = &item.filter
                && self.eval(filter, member)? != Scalar::Bool(true)
            {
                continue;
            }
            let value = item.argument.as_ref().map_or(Ok(Scalar::Bool(true)), |of| self.eval(of, member))?;
            if !value.is_null() {
                values.push(value);
            }
        }
        let integers = values
            .iter()
            .filter_map(|value| if let Scalar::Int(value) = value { Some(*value) } else { None });
        let best = |last: bool| {
            values.iter().cloned().reduce(|best, value| {
                let order = value.compare(&best);
                if if last { order.is_gt() } else { order.is_lt() } { value } else { best }
            })
        };
        Ok(match &item.function {
            F::Count => Scalar::Int(values.len() as i128),
            F::CountDistinct => {
                let mut distinct: Vec<&Scalar> = Vec::new();
                for value in &values {
                    if !distinct.iter().any(|known| known.compare(value).is_eq()) {
                        distinct.push(value);
                    }
                }
                Scalar::Int(distinct.len() as i128)
            }
            F::Sum => Scalar::Int(integers.sum()),
            F::Avg if values.is_empty() => Scalar::Null,
            F::Avg => Scalar::Float(integers.sum::<i128>() as f64 / values.len() as f64),
            F::Min => best(false).unwrap_or(Scalar::Null),
            F::Max => best(true).unwrap_or(Scalar::Null),
            F::Median => {
                let mut sorted: Vec<i128> = integers.collect();
                sorted.sort_unstable();
                let (lower, upper) = (sorted.len().saturating_sub(1) / 2, sorted.len() / 2);
                sorted.get(upper).map_or(Scalar::Null, |upper| {
                    Scalar::Float(sorted[lower] as f64 / 2.0 + *upper as f64 / 2.0)
                })
            }
            F::StringAgg { .. } if values.is_empty() => Scalar::Null,
            F::StringAgg { separator } => {
                let text = |value: &Scalar| match value {
                    Scalar::String(text) => text.clone(),
                    other => unreachable!("{other:?} is no text"),
                };
                Scalar::String(values.iter().map(text).collect::<Vec<_>>().join(separator))
            }
            F::ArrayAgg => match values.first() {
                None => Scalar::Bytes(crate::value::list::empty()),
                Some(Scalar::String(_)) => Scalar::list(Type::String, &values).expect("a list of texts"),
                Some(_) => Scalar::list(Type::I64, &values).expect("a list of numbers"),
            },
            F::Variance | F::StdDev if values.len() < 2 => Scalar::Null,
            F::Variance | F::StdDev => {
                let numbers: Vec<f64> = integers.map(|value| value as f64).collect();
                let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
                let squares: f64 = numbers.iter().map(|value| (value - mean) * (value - mean)).sum();
                let variance = squares / (numbers.len() - 1) as f64;
                Scalar::Float(if item.function == F::StdDev { variance.sqrt() } else { variance })
            }
        })
    }

    /// The pairs that a join makes of rows.
    fn join(&self, rows: Vec<(Row, bool)>, inner: usize, on: &Postfix, kind: JoinKind) -> Vec<(Row, bool)> {
        let mut pairs = Vec::new();
        for (row, known) in rows {
            let before = pairs.len();
            for record in 0..self.collections[inner].1.len() {
                let pair = row.beside((inner, Some(record)));
                match self.eval(on, &pair) {
                    Ok(Scalar::Bool(true)) => pairs.push((pair, known)),
                    Ok(_) => {}
                    Err(()) => pairs.push((pair, false)),
                }
            }
            if kind == JoinKind::Left && pairs.len() == before {
                pairs.push((row.beside((inner, None)), known));
            }
        }
        pairs
    }

    /// The pairs that rows make with those of another query.
    fn join_query(
        &self,
        rows: Vec<(Row, bool)>,
        other: &Draft,
        on: &Postfix,
        kind: JoinKind,
    ) -> Result<Vec<(Row, bool)>, ()> {
        let others = self.run(other)?;
        let width = other.clauses.iter().rev().find_map(|clause| match clause {
            Clause::Select(items) => Some(items.len()),
            _ => None,
        });
        let width = others.first().map(Vec::len).or(width).expect("a query of values");
        let beside = |row: &Row, values: &[Scalar]| {
            let mut pair = row.clone();
            pair.windows.extend(values.iter().cloned().map(Ok));
            pair
        };
        let mut pairs = Vec::new();
        for (row, known) in rows {
            let before = pairs.len();
            for values in &others {
                let pair = beside(&row, values);
                match self.eval(on, &pair) {
                    Ok(Scalar::Bool(true)) => pairs.push((pair, known)),
                    Ok(_) => {}
                    Err(()) => pairs.push((pair, false)),
                }
            }
            if kind == JoinKind::Left && pairs.len() == before {
                pairs.push((beside(&row, &vec![Scalar::Null; width]), known));
            }
        }
        Ok(pairs)
    }

    /// Rows and those that they lead to, one round after the other.
    fn recursive(&self, begin: Vec<Vec<Scalar>>, recursion: &Recursion) -> Result<Vec<Vec<Scalar>>, ()> {
        let identity = |row: &Vec<Scalar>| {
            let count = recursion.identity.map_or(row.len(), usize::from);
            row[..count].to_vec()
        };
        let mut all: Vec<Vec<Scalar>> = Vec::new();
        let mut found = begin;
        for round in 0.. {
            let mut new: Vec<Vec<Scalar>> = Vec::new();
            for row in found {
                let known: Vec<_> = all.iter().chain(&new).map(identity).collect();
                if times(&identity(&row), &known) == 0 {
                    new.push(row);
                }
            }
            if new.is_empty() {
                break;
            }
            all.extend(new.iter().cloned());
            if recursion.rounds.is_some_and(|rounds| round >= rounds) {
                break;
            }
            self.previous.borrow_mut().push(new);
            let step = self.run(&recursion.step);
            self.previous.borrow_mut().pop();
            found = step?;
        }
        Ok(all)
    }

    fn groups(&self, rows: Vec<(Row, bool)>, keys: &[Postfix]) -> Result<Vec<(Row, bool)>, ()> {
        let mut groups: Vec<Group> = Vec::new();
        if keys.is_empty() {
            groups.push(Group { keys: Vec::new(), members: Vec::new() });
        }
        for (row, known) in rows {
            if !known {
                return Err(());
            }
            let key = keys.iter().map(|key| self.eval(key, &row)).collect::<Result<Vec<_>, ()>>()?;
            let is_same =
                |group: &&mut Group| same(core::slice::from_ref(&group.keys), core::slice::from_ref(&key));
            match groups.iter_mut().find(is_same) {
                Some(group) => group.members.push(row),
                None => groups.push(Group { keys: key, members: Vec::from([row]) }),
            }
        }
        let row = |group| (Row { group: Some(alloc::rc::Rc::new(group)), ..Row::default() }, true);
        Ok(groups.into_iter().map(row).collect())
    }

    /// Adds what a window calculates to every row.
    fn window(&self, rows: &mut [(Row, bool)], item: &WindowItem) -> Result<(), ()> {
        let of_rows = |of: &[&Postfix]| -> Result<Vec<Vec<Scalar>>, ()> {
            rows.iter().map(|(row, _)| of.iter().map(|of| self.eval(of, row)).collect()).collect()
        };
        let partitions = of_rows(&item.partition.iter().collect::<Vec<_>>())?;
        let orders = of_rows(&item.order.iter().map(|term| &term.expression).collect::<Vec<_>>())?;
        let mut values: Vec<Value> = vec![Err(()); rows.len()];
        let mut left: Vec<usize> = (0..rows.len()).collect();
        while let Some(first) = left.first().copied() {
            let is_same = |other: &usize| {
                let (a, b) = (&partitions[*other], &partitions[first]);
                same(core::slice::from_ref(a), core::slice::from_ref(b))
            };
            let (mut places, others): (Vec<usize>, Vec<usize>) = left.into_iter().partition(is_same);
            left = others;
            let order = |a: usize, b: usize| order_by(&item.order, &orders[a], &orders[b]);
            places.sort_by(|a, b| order(*a, *b));
            // Of each row the number of its group of peers.
            let mut groups = Vec::from([0i128]);
            for pair in places.windows(2) {
                let last = groups[groups.len() - 1];
                groups.push(last + i128::from(order(pair[0], pair[1]).is_ne()));
            }
            for at in 0..places.len() {
                values[places[at]] = self.window_value(rows, item, &places, &groups, at);
            }
        }
        rows.iter_mut().zip(values).for_each(|((row, _), value)| row.windows.push(value));
        Ok(())
    }

    /// The value of the row at place `at` of a partition, whose rows in order these are, with the numbers of their peers.
    fn window_value(
        &self,
        rows: &[(Row, bool)],
        item: &WindowItem,
        places: &[usize],
        groups: &[i128],
        at: usize,
    ) -> Value {
        use WindowFunction as W;
        let before = groups.iter().filter(|group| **group < groups[at]).count();
        let upto = groups.iter().filter(|group| **group <= groups[at]).count();
        let along = |place: usize| match item.frame.unit {
            FrameUnit::Range => self.eval(&item.order[0].expression, &rows[places[place]].0),
            _ => Ok(Scalar::Null),
        };
        let along = (0..places.len()).map(along).collect::<Result<Vec<_>, ()>>()?;
        let frame: Vec<usize> = (0..places.len())
            .filter(|other| {
                let distance = match item.frame.unit {
                    FrameUnit::Rows => *other as i128 - at as i128,
                    FrameUnit::Groups => groups[*other] - groups[at],
                    FrameUnit::Range => {
                        let (from, other_group) = (&along[at], groups[*other]);
                        let reached = |by: i64, is_end: bool| {
                            let descending = item.order[0].descending;
                            let Some(far) = far(from, by, descending) else {
                                return if is_end {
                                    other_group <= groups[at]
                                } else {
                                    other_group >= groups[at]
                                };
                            };
                            let other = &along[*other];
                            if other.is_null() {
                                return is_end == (other_group < groups[at]);
                            }
                            let order = if descending { far.compare(other) } else { other.compare(&far) };
                            if is_end { order.is_le() } else { order.is_ge() }
                        };
                        return item.frame.start.is_none_or(|start| reached(start, false))
                            && item.frame.end.is_none_or(|end| reached(end, true));
                    }
                };
                item.frame.start.is_none_or(|start| distance >= start.into())
                    && item.frame.end.is_none_or(|end| distance <= end.into())
            })
            .map(|other| places[other])
            .collect();
        let of = |place: Option<&usize>| {
            let argument = item.argument.as_ref().expect("it is about something");
            place.map_or(Ok(Scalar::Null), |place| self.eval(argument, &rows[*place].0))
        };
        let count = |number: usize| Ok(Scalar::Int(number as i128));
        match &item.function {
            W::RowNumber => count(at + 1),
            W::Rank => count(before + 1),
            W::DenseRank => count(groups[at] as usize + 1),
            W::PercentRank => Ok(Scalar::Float(before as f64 / (places.len() - 1).max(1) as f64)),
            W::CumeDist => Ok(Scalar::Float(upto as f64 / places.len() as f64)),
            W::Ntile(buckets) => {
                // Dealt out like cards, the first buckets get those that are over.
                let buckets = *buckets as usize;
                let sizes = (0..buckets).map(|bucket| (bucket..places.len()).step_by(buckets).count());
                let ends = sizes.scan(0, |end, size| {
                    *end += size;
                    Some(*end)
                });
                count(ends.filter(|end| *end <= at).count() + 1)
            }
            W::Lag(by) => {
                of((0..places.len()).find(|other| other + *by as usize == at).map(|at| &places[at]))
            }
            W::Lead(by) => of(places.get(at + *by as usize)),
            W::First => of(frame.first()),
            W::Last => of(frame.last()),
            W::Nth(number) => of(frame.get(*number as usize - 1)),
            W::Aggregate(function) => {
                let members = frame.iter().map(|place| rows[*place].0.clone()).collect();
                let (function, argument) = (function.clone(), item.argument.clone());
                let item = AggregateItem { function, argument, filter: None };
                self.aggregate(&item, &Group { keys: Vec::new(), members })
            }
        }
    }

    fn subquery(&self, subquery: &Subquery, row: &Row) -> Value {
        let inner = self.index_of((subquery.collection)());
        let records = &self.collections[inner].1;
        let (mut holds, mut fails, mut unknown) = (0, 0, 0);
        let mut members = Vec::new();
        for (record, fields) in records.iter().enumerate() {
            let scope: Row = match subquery.link {
                Link::Reverse { row: path, ordinal } => {
                    let (target, pointed) = self.follow(row, path);
                    let key = pointed.map(|pointed| &self.collections[target].1[pointed][0]);
                    if key != Some(&fields[usize::from(ordinal)]) {
                        continue;
                    }
                    Row::of([(inner, Some(record))])
                }
                Link::Correlated { .. } => row.beside((inner, Some(record))),
            };
            let mut holds_here =
                subquery.predicate.as_ref().map_or(Ok(Scalar::Bool(true)), |of| self.eval(of, &scope));
            if let Some((value, of_row)) = subquery.equal.as_deref() {
                let equal = binary(BinaryOp::Eq, self.eval(value, &scope), self.eval(of_row, row));
                holds_here = binary(BinaryOp::And, holds_here, equal);
            }
            match holds_here {
                Ok(Scalar::Bool(true)) => {
                    holds += 1;
                    members.push(scope);
                }
                Ok(_) => fails += 1,
                Err(()) => unknown += 1,
            }
        }
        match &subquery.quantifier {
            Quantifier::Any if holds > 0 => Ok(Scalar::Bool(true)),
            Quantifier::All if fails > 0 => Ok(Scalar::Bool(false)),
            _ if unknown > 0 => Err(()),
            Quantifier::Any => Ok(Scalar::Bool(false)),
            Quantifier::All => Ok(Scalar::Bool(true)),
            Quantifier::Count => Ok(Scalar::Int(holds)),
            Quantifier::Aggregate(item, _) => self.aggregate(item, &Group { keys: Vec::new(), members }),
        }
    }

    /// The rows of a draft; `Err` when a row that comes out has no result.
    fn run(&self, draft: &Draft) -> Result<Vec<Vec<Scalar>>, ()> {
        let root = self.index_of((draft.root)());
        // With each row, whether it is known to be one.
        let mut rows: Vec<(Row, bool)> = (0..self.collections[root].1.len())
            .map(|record| (Row::of([(root, Some(record))]), true))
            .collect();
        let mut columns: Option<&[SelectItem]> = None;
        for clause in &draft.clauses {
            match clause {
                Clause::Filter(predicate) => {
                    rows.retain_mut(|(row, known)| match self.eval(predicate, row) {
                        Ok(value) => value == Scalar::Bool(true),
                        Err(()) => {
                            *known = false;
                            true
                        }
                    });
                }
                Clause::Order(terms) => {
                    rows.sort_by(|a, b| self.order(terms, &a.0, &b.0));
                }
                Clause::Limit(count) => {
                    rows.truncate(*count as usize);
                    rows.iter().try_for_each(|(_, known)| known.then_some(()).ok_or(()))?;
                }
                Clause::Offset(count) => {
                    let skipped = (*count as usize).min(rows.len());
                    rows.drain(..skipped).try_for_each(|(_, known)| known.then_some(()).ok_or(()))?;
                }
                Clause::Select(items) => columns = Some(items),
                Clause::Join { collection, on, kind } => {
                    rows = self.join(rows, self.index_of(collection()), on, *kind);
                    columns = None;
                }
                Clause::Grouping(keys) => {
                    rows = self.groups(rows, keys)?;
                    columns = None;
                }
                Clause::Distinct => {
                    rows = keyed(once(self.values(rows, columns)?));
                    columns = None;
                }
                Clause::Set(other, kind, _) => {
                    rows = keyed(put_together(self.values(rows, columns)?, self.run(other)?, *kind));
                    columns = None;
                }
                Clause::Window(items, _) => {
                    rows.iter().try_for_each(|(_, known)| known.then_some(()).ok_or(()))?;
                    items.iter().try_for_each(|item| self.window(&mut rows, item))?;
                }
                Clause::LimitPer(keys, count, _) => {
                    let mut seen: Vec<Vec<Scalar>> = Vec::new();
                    let mut kept = Vec::new();
                    for (row, known) in rows {
                        let key = keys.iter().map(|key| self.eval(key, &row)).collect::<Result<Vec<_>, ()>>();
                        let key = known.then_some(key?).ok_or(())?;
                        seen.push(key.clone());
                        let alike = seen
                            .iter()
                            .filter(|other| same(core::slice::from_ref(*other), core::slice::from_ref(&key)));
                        if alike.count() as u64 <= *count {
                            kept.push((row, known));
                        }
                    }
                    rows = kept;
                }
                Clause::Common(_) => {
                    rows = keyed(self.values(rows, columns)?);
                    columns = None;
                }
                Clause::JoinQuery(other, kind, _) => {
                    rows = self.join_query(rows, &other.0, &other.1, *kind)?
                }
                Clause::Recursive(recursion, _) => {
                    rows = keyed(self.recursive(self.values(rows, columns)?, recursion)?);
                    columns = None;
                }
                Clause::Previous(_) => {
                    let last = self.previous.borrow().last().cloned();
                    rows = keyed(last.expect("a step of a recursion"));
                }
                Clause::Sample(..) => unreachable!("drawn by lot, and looked at in `samples`"),
                Clause::Native(..) | Clause::LeftOut(_) => unreachable!("nothing is left out"),
            }
        }
        self.values(rows, columns)
    }

    /// The values of rows: those that are selected, or all.
    fn values(&self, rows: Vec<(Row, bool)>, columns: Option<&[SelectItem]>) -> Result<Vec<Vec<Scalar>>, ()> {
        let mut out = Vec::new();
        for (row, known) in rows {
            if !known {
                return Err(());
            }
            let mut values = Vec::new();
            match columns {
                None if row.group.is_some() && row.sources.is_empty() => {
                    values.extend(row.group.iter().flat_map(|group| group.keys.clone()))
                }
                None => row.sources.iter().for_each(|source| values.extend(self.record(*source))),
                Some(items) => {
                    for item in items {
                        match item {
                            SelectItem::Value(expression) => values.push(self.eval(expression, &row)?),
                            SelectItem::Record(path) => values.extend(self.record(self.follow(&row, *path))),
                        }
                    }
                }
            }
            out.push(values);
        }
        Ok(out)
    }

    fn record(&self, (collection, record): (usize, Option<usize>)) -> Vec<Scalar> {
        record.map_or(Vec::from([Scalar::Null]), |record| self.collections[collection].1[record].clone())
    }

    fn order(&self, terms: &[OrderTerm], a: &Row, b: &Row) -> Ordering {
        let values = |row| -> Vec<Scalar> {
            let value = |term: &OrderTerm| self.eval(&term.expression, row);
            terms.iter().map(|term| value(term).expect("orders are made without arithmetic")).collect()
        };
        order_by(terms, &values(a), &values(b))
    }
}

/// The order of two rows whose terms have these values.
fn order_by(terms: &[OrderTerm], a: &[Scalar], b: &[Scalar]) -> Ordering {
    for ((term, a), b) in terms.iter().zip(a).zip(b) {
        let order = match (a.is_null(), b.is_null(), term.nulls_first) {
            (true, false, Some(first)) => return if first { Ordering::Less } else { Ordering::Greater },
            (false, true, Some(first)) => return if first { Ordering::Greater } else { Ordering::Less },
            _ => a.compare(b),
        };
        if order.is_ne() {
            return if term.descending { order.reverse() } else { order };
        }
    }
    Ordering::Equal
}

/// What is so far from a value, if there is one.
fn far(from: &Scalar, by: i64, down: bool) -> Option<Scalar> {
    match from {
        Scalar::Null => None,
        Scalar::Float(value) => {
            let by = f64::from_bits(by as u64);
            Some(Scalar::Float(if down { value - by } else { value + by }))
        }
        Scalar::Int(value) => {
            let by = i128::from(by);
            Some(Scalar::Int(if down { value - by } else { value + by }))
        }
        other => unreachable!("{other:?} is at no distance"),
    }
}

fn unary(op: UnaryOp, value: Scalar) -> Scalar {
    match (op, value) {
        (UnaryOp::IsNone, value) => Scalar::Bool(value.is_null()),
        (UnaryOp::IsSome, value) => Scalar::Bool(!value.is_null()),
        (_, Scalar::Null) => Scalar::Null,
        (UnaryOp::Not, Scalar::Bool(value)) => Scalar::Bool(!value),
        (UnaryOp::Length, Scalar::String(text)) => Scalar::Int(text.chars().count() as i128),
        (UnaryOp::Upper, Scalar::String(text)) => Scalar::String(text.to_uppercase()),
        other => unreachable!("{other:?} is not made here"),
    }
}

fn is_list(value: Option<&Value>) -> bool {
    matches!(value, Some(Ok(Scalar::Bytes(_))))
}

/// The elements of a list of texts or of numbers, the only ones that there are here. A small number's key begins with a byte
/// that no text here begins with.
fn elements(list: &Scalar) -> Vec<Scalar> {
    let Scalar::Bytes(bytes) = list else { unreachable!("{list:?} is no list") };
    let is_of_numbers = matches!(bytes.get(1), Some(0x7F | 0x80));
    let ty = if is_of_numbers { f::NUMBERS } else { f::TEXTS };
    assert!(Scalar::from_cell(ty, Some(bytes)).is_some(), "{list:?}");
    list.elements(ty).expect("a list")
}

fn binary(op: BinaryOp, left: Value, right: Value) -> Value {
    let truth = |value: &Value| value.as_ref().ok().map(|value| *value == Scalar::Bool(true));
    match op {
        BinaryOp::And | BinaryOp::Or => {
            let decisive = op == BinaryOp::Or;
            return match (truth(&left), truth(&right)) {
                (Some(a), _) | (_, Some(a)) if a == decisive => Ok(Scalar::Bool(decisive)),
                (None, _) | (_, None) => Err(()),
                _ => Ok(Scalar::Bool(!decisive)),
            };
        }
        BinaryOp::OrElse => return left.and_then(|left| if left.is_null() { right } else { Ok(left) }),
        _ => {}
    }
    let (left, right) = (left?, right?);
    let order = left.compare(&right);
    let absent = left.is_null() || right.is_null();
    let test = |holds: bool| Ok(Scalar::Bool(holds && !absent));
    match (op, &left, &right) {
        (BinaryOp::Eq, ..) => Ok(Scalar::Bool(order.is_eq())),
        (BinaryOp::Ne, ..) => Ok(Scalar::Bool(order.is_ne())),
        (BinaryOp::Lt, ..) => test(order.is_lt()),
        (BinaryOp::Le, ..) => test(order.is_le()),
        (BinaryOp::Gt, ..) => test(order.is_gt()),
        (BinaryOp::Ge, ..) => test(order.is_ge()),
        (BinaryOp::StartsWith, Scalar::String(a), Scalar::String(b)) => test(a.starts_with(b.as_str())),
        (BinaryOp::EndsWith, Scalar::String(a), Scalar::String(b)) => test(a.ends_with(b.as_str())),
        (BinaryOp::Contains, Scalar::String(a), Scalar::String(b)) => test(a.contains(b.as_str())),
        (BinaryOp::StartsWith, Scalar::Bytes(a), Scalar::Bytes(b)) => test(a.starts_with(b)),
        (BinaryOp::EndsWith, Scalar::Bytes(a), Scalar::Bytes(b)) => test(a.ends_with(b)),
        (BinaryOp::Contains, Scalar::Bytes(a), Scalar::Bytes(b)) => {
            test((0..=a.len()).any(|at| a[at..].starts_with(b)))
        }
        (BinaryOp::StartsWith | BinaryOp::EndsWith | BinaryOp::Contains, ..) => test(false),
        (BinaryOp::Has | BinaryOp::HasAny | BinaryOp::HasAll, ..) if absent => test(false),
        (BinaryOp::Has, list, element) => test(elements(list).contains(element)),
        (BinaryOp::HasAny, list, other) => {
            test(elements(other).iter().any(|wanted| elements(list).contains(wanted)))
        }
        (BinaryOp::HasAll, list, other) => {
            test(elements(other).iter().all(|wanted| elements(list).contains(wanted)))
        }
        _ if absent => Ok(Scalar::Null),
        (_, Scalar::Int(a), Scalar::Int(b)) => {
            let result = match op {
                BinaryOp::Add => a.checked_add(*b),
                BinaryOp::Multiply => a.checked_mul(*b),
                BinaryOp::Divide => a.checked_div(*b),
                _ => unreachable!("{op:?} is not made here"),
            };
            let in_range = |value: &i128| i64::try_from(*value).is_ok();
            result.filter(in_range).map(Scalar::Int).ok_or(())
        }
        other => unreachable!("{other:?} is not made here"),
    }
}

/// The functions that drafts are made with.
fn call(function: Function, arguments: Vec<Scalar>) -> Value {
    use Function as F;
    use Scalar::{Float, Int, Null, String};
    if arguments.iter().any(Scalar::is_null) {
        return Ok(Null);
    }
    if let Some(value) = json::call(function, &arguments) {
        return value;
    }
    let whole = |value: f64| value.fract() == 0.0;
    let relist = |values: Vec<Scalar>, like: &Scalar| {
        let ty = match like {
            String(_) => Type::String,
            _ => Type::I64,
        };
        Scalar::list(ty, &values).expect("elements of a list")
    };
    Ok(match (function, arguments.as_slice()) {
        (F::Element, [list, Int(place)]) => elements(list).get(*place as usize).cloned().unwrap_or(Null),
        (F::Last, [list]) => elements(list).pop().unwrap_or(Null),
        (F::Join, [list, String(separator)]) => {
            let text = |element: &Scalar| match element {
                String(text) => text.clone(),
                other => unreachable!("{other:?} is no text"),
            };
            String(elements(list).iter().map(text).collect::<Vec<_>>().join(separator))
        }
        (F::PlaceOf, [list, element]) => {
            let place = elements(list).iter().position(|own| own == element);
            place.map_or(Null, |place| Int(place as i128))
        }
        (F::Append, [list, element]) => {
            relist([elements(list), Vec::from([element.clone()])].concat(), element)
        }
        (F::Without, [list, element]) => {
            relist(elements(list).into_iter().filter(|own| own != element).collect(), element)
        }
        (F::Chain, [a, b]) => {
            let all = [elements(a), elements(b)].concat();
            all.first().cloned().map_or_else(|| a.clone(), |first| relist(all, &first))
        }
        (F::Least, [a, b]) => if b.compare(a).is_lt() { b } else { a }.clone(),
        (F::Greatest, [a, b]) => if b.compare(a).is_gt() { b } else { a }.clone(),
        (F::Abs, [Int(value)]) => Int(value.abs()),
        (F::Power, [Int(base), Int(exponent)]) => {
            let power = base.checked_pow(*exponent as u32);
            Int(power.filter(|power| i64::try_from(*power).is_ok()).ok_or(())?)
        }
        (F::Round, [Float(value), Int(0)]) => Float(value.round()),
        (F::Round, [Float(value), Int(digits)]) => {
            Float(format!("{value:.*}", *digits as usize).parse().expect("a float"))
        }
        (F::Floor, [Float(value)]) => Float(value.floor()),
        (F::Cast(Type::F64), [Int(value)]) => Float(*value as f64),
        (F::TryCast(Type::I64), [Float(value)]) if whole(*value) => Int(*value as i128),
        (F::TryCast(Type::I64), [Float(_)]) => Null,
        (F::CastOrFail(Type::I64), [Float(value)]) if whole(*value) => Int(*value as i128),
        (F::CastOrFail(Type::I64), [Float(_)]) => return Err(()),
        (F::Parse(Type::I64), [String(text)]) => text.parse::<i64>().map_or(Null, |value| Int(value.into())),
        (F::ToText, [Int(value)]) => String(value.to_string()),
        (F::Trim, [String(text)]) => String(text.trim().to_string()),
        (F::Reverse, [String(text)]) => String(text.chars().rev().collect()),
        (F::Concat, [String(a), String(b)]) => String(format!("{a}{b}")),
        (F::Replace, [String(text), String(from), String(_)]) if from.is_empty() => String(text.clone()),
        (F::Replace, [String(text), String(from), String(to)]) => String(text.replace(from.as_str(), to)),
        (F::PositionOf, [String(text), String(part)]) => match text.find(part.as_str()) {
            Some(at) => Int(text[..at].chars().count() as i128),
            None => Null,
        },
        (F::Substring, [String(text), Int(start), Int(count)]) => {
            String(text.chars().skip(*start as usize).take(*count as usize).collect())
        }
        (F::Left, [String(text), Int(count)]) => String(text.chars().take(*count as usize).collect()),
        (F::Right, [String(text), Int(count)]) => {
            let skipped = text.chars().count().saturating_sub(*count as usize);
            String(text.chars().skip(skipped).collect())
        }
        (F::PadEnd, [String(text), Int(count), Int(fill)]) => {
            let missing = (*count as usize).saturating_sub(text.chars().count());
            let fill = char::from_u32(*fill as u32).expect("a character");
            String(text.chars().chain(core::iter::repeat_n(fill, missing)).collect())
        }
        other => unreachable!("{other:?} is not made here"),
    })
}

/// Rows that are nothing but values.
fn keyed(rows: Vec<Vec<Scalar>>) -> Vec<(Row, bool)> {
    let row = |keys| {
        let group = Group { keys, members: Vec::new() };
        (Row { group: Some(alloc::rc::Rc::new(group)), ..Row::default() }, true)
    };
    rows.into_iter().map(row).collect()
}

/// How often a row is among others.
fn times(row: &[Scalar], among: &[Vec<Scalar>]) -> usize {
    among.iter().filter(|other| same(&[row.to_vec()], core::slice::from_ref(*other))).count()
}

fn once(rows: Vec<Vec<Scalar>>) -> Vec<Vec<Scalar>> {
    let mut out: Vec<Vec<Scalar>> = Vec::new();
    for row in rows {
        if times(&row, &out) == 0 {
            out.push(row);
        }
    }
    out
}

fn put_together(left: Vec<Vec<Scalar>>, right: Vec<Vec<Scalar>>, kind: SetKind) -> Vec<Vec<Scalar>> {
    let (many, keep): (bool, &dyn Fn(usize, usize) -> bool) = match kind {
        SetKind::Union => return once([left, right].concat()),
        SetKind::UnionAll => return [left, right].concat(),
        SetKind::Intersect => (false, &|_, others| others > 0),
        SetKind::Except => (false, &|_, others| others == 0),
        // The first so many of a kind.
        SetKind::IntersectAll => (true, &|before, others| before < others),
        SetKind::ExceptAll => (true, &|before, others| before >= others),
    };
    let kept = left.iter().enumerate().filter(|(at, row)| keep(times(row, &left[..*at]), times(row, &right)));
    let kept = kept.map(|(_, row)| row.clone()).collect();
    if many { kept } else { once(kept) }
}

/// Compared by key bytes' order: `NaN` is equal to itself, and the zeros are one.
fn same(a: &[Vec<Scalar>], b: &[Vec<Scalar>]) -> bool {
    let equal = |a: &Scalar, b: &Scalar| a.compare(b).is_eq() && a.is_null() == b.is_null();
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)))
}

/// Rows that came in any order, in one.
fn sorted(mut rows: Vec<Vec<Scalar>>) -> Vec<Vec<Scalar>> {
    rows.sort_by(|a, b| {
        let pairs = a.iter().zip(b).map(|(a, b)| a.compare(b));
        pairs.fold(a.len().cmp(&b.len()), Ordering::then)
    });
    rows
}

/// How many seeds are gone through; `EPILOG_REFERENCE_SEEDS` asks for more.
fn seeds(default: u64) -> u64 {
    std::env::var("EPILOG_REFERENCE_SEEDS").map_or(default, |count| count.parse().expect("a number of seeds"))
}

#[test]
fn random_queries_give_the_rows_of_the_reference() {
    for seed in 1..=seeds(40) {
        check_seed(seed, 25, false);
    }
}

#[test]
fn faults_are_raised_exactly_where_the_reference_has_them() {
    for seed in 100..100 + seeds(15) {
        check_seed(seed, 25, true);
    }
}

#[test]
fn queries_of_indexed_fields_give_the_rows_of_the_reference() {
    // These are the paths that such queries are made for: each must have been taken.
    let paths = [
        "entries only",
        "entries with",
        "top 1 by",
        "limit 1\n",
        "union all",
        "skip scan",
        "backwards",
        " where ",
    ];
    let mut taken = [0; 8];
    for seed in 1..=seeds(40) {
        check_drafts(seed, 40, &mut |maker| maker.narrow_draft(), &mut |plan| {
            for (path, count) in paths.iter().zip(&mut taken) {
                *count += usize::from(plan.contains(path));
            }
        });
    }
    for (path, count) in paths.iter().zip(taken) {
        assert!(count > 0 || *path == "top 1 by", "no plan of {path}: {taken:?}");
    }
}

#[test]
#[cfg(not(feature = "small"))]
fn pairs_by_inequalities_constants_and_keys_are_those_of_the_reference() {
    let paths = ["ranges of", "every pair", "nothing", "is_some"];
    let mut taken = [0; 4];
    for seed in 1..=seeds(20) {
        check_drafts(seed, 40, &mut |maker| maker.paired_draft(), &mut |plan| {
            for (path, count) in paths.iter().zip(&mut taken) {
                *count += usize::from(plan.contains(path));
            }
        });
    }
    for (path, count) in paths.iter().zip(taken) {
        assert!(count > 0, "no plan of {path}: {taken:?}");
    }
}

#[test]
fn the_reference_counts() {
    // The reference itself, on a case that can be done by hand.
    let data = collections(&mut Random::new(1));
    let reference = Reference::new(&data);
    let all = reference.run(&draft(f::Artist).build()).expect("no arithmetic");
    assert_eq!(all, data[ARTIST].1);
    let albums = f::reverse(f::Album, f::album::ARTIST, Quantifier::Count, None);
    let counts = reference.run(&draft(f::Artist).select([albums]).build()).expect("no arithmetic");
    let total: i128 = counts.iter().map(|row| if let Scalar::Int(count) = row[0] { count } else { 0 }).sum();
    assert_eq!(total, data[ALBUM].1.len() as i128);
}

//! [`Fingerprint`]: a number for what a query is, whatever it compares with.
//!
//! FNV-1a, 64 bits (Fowler, Noll, Vo), over what is in the draft: names rather than places in memory, so that it is the same in
//! another process. Of the collections all fields are in it, with those of the collections that they point at: an ordinal
//! means another field when a struct's fields change their order.

use alloc::vec::Vec;
use core::fmt::{self, Write as _};

use super::{
    AggregateItem, Clause, Draft, Op, OrderTerm, Postfix, Quantifier, SelectItem, Subquery, WindowItem,
};
use crate::schema::CollectionSchema;
use crate::value::{Scalar, Type};

/// A hash that grows.
pub(super) struct Fingerprint {
    hash: u64,
    /// The collections that are in it.
    known: Vec<&'static CollectionSchema>,
    /// Whether the values of literals are part of it.
    with_values: bool,
    /// The arguments of the drafts around, the innermost last.
    #[cfg(not(feature = "small"))]
    arguments: Vec<Option<alloc::boxed::Box<super::Arguments>>>,
}

impl Default for Fingerprint {
    fn default() -> Fingerprint {
        Fingerprint {
            hash: 0xCBF2_9CE4_8422_2325,
            known: Vec::new(),
            with_values: false,
            #[cfg(not(feature = "small"))]
            arguments: Vec::new(),
        }
    }
}

impl fmt::Write for Fingerprint {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes(text.as_bytes());
        Ok(())
    }
}

/// The same hash of bytes.
pub fn fnv(bytes: &[u8]) -> u64 {
    let mut fingerprint = Fingerprint::default();
    fingerprint.bytes(bytes);
    fingerprint.finish()
}

impl Fingerprint {
    pub(super) fn finish(&self) -> u64 {
        self.hash
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        }
    }

    /// Something that is told by its words, and a mark that ends it.
    fn words(&mut self, what: impl fmt::Debug) {
        write!(self, "{what:?};").expect("a hash takes all bytes");
    }

    fn collection(&mut self, schema: &'static CollectionSchema) {
        self.words(schema.name);
        if self.known.iter().any(|known| core::ptr::eq(*known, schema)) {
            return;
        }
        self.known.push(schema);
        for field in schema.fields {
            self.words((field.name, field.ty, field.optional));
            if let Some(reference) = field.reference {
                self.collection((reference.target)());
            }
        }
    }

    pub(super) fn draft(&mut self, draft: &Draft) {
        self.collection((draft.root)());
        #[cfg(not(feature = "small"))]
        self.arguments.push(draft.arguments.clone());
        draft.clauses.iter().for_each(|clause| self.clause(clause));
        #[cfg(not(feature = "small"))]
        self.arguments.pop();
        self.words("end");
    }

    /// A value that the query compares with.
    fn value(&mut self, value: &Scalar, ty: Type) {
        match self.with_values {
            true => self.words((value, ty)),
            // Whether it is absent is as good as another operation.
            false => self.words((ty, matches!(value, Scalar::Null))),
        }
    }

    fn clause(&mut self, clause: &Clause) {
        match clause {
            Clause::Join { collection, on, kind } => {
                self.words(("join", kind));
                self.collection(collection());
                self.expression(on);
            }
            Clause::Filter(predicate) => {
                self.words("filter");
                self.expression(predicate);
            }
            Clause::Order(terms) => {
                self.words(("order", terms.len()));
                terms.iter().for_each(|term| self.term(term));
            }
            Clause::Limit(count) => self.words(("limit", count)),
            Clause::Offset(count) => self.words(("offset", count)),
            Clause::Select(items) => {
                self.words(("select", items.len()));
                items.iter().for_each(|item| match item {
                    SelectItem::Value(expression) => self.expression(expression),
                    SelectItem::Record(path) => self.words(path),
                });
            }
            Clause::Grouping(keys) => {
                self.words(("group", keys.len()));
                keys.iter().for_each(|key| self.expression(key));
            }
            Clause::Distinct => self.words("distinct"),
            Clause::Set(other, kind, _) => {
                self.words(kind);
                self.draft(other);
            }
            Clause::Window(items, _) => {
                self.words(("window", items.len()));
                items.iter().for_each(|item| self.window(item));
            }
            Clause::LimitPer(keys, count, _) => {
                self.words(("limit per", keys.len(), count));
                keys.iter().for_each(|key| self.expression(key));
            }
            Clause::Common(_) => self.words("common"),
            Clause::Previous(_) => self.words("previous"),
            Clause::JoinQuery(other, kind, _) => {
                self.words(("join query", kind));
                self.draft(&other.0);
                self.expression(&other.1);
            }
            Clause::Recursive(recursion, _) => {
                self.words(("recursive", recursion.identity, recursion.rounds));
                self.draft(&recursion.step);
            }
            Clause::Sample(count, seed, _) => self.words(("sample", count, **seed)),
            // It may be another one for the next page, as what a filter compares with may.
            Clause::Native(..) => self.words("native"),
            Clause::LeftOut(what) => self.words(what),
        }
    }

    /// A term of an order: what it calculates with decides what comes where.
    pub(super) fn term(&mut self, term: &OrderTerm) {
        let outside = core::mem::replace(&mut self.with_values, true);
        self.words((term.descending, term.nulls_first));
        self.expression(&term.expression);
        self.with_values = outside;
    }

    fn window(&mut self, item: &WindowItem) {
        self.words((&item.function, item.frame, item.partition.len(), item.order.len()));
        item.argument.iter().chain(&item.partition).for_each(|part| self.expression(part));
        item.order.iter().for_each(|term| self.term(term));
    }

    fn expression(&mut self, expression: &Postfix) {
        for op in &expression.ops {
            match op {
                Op::Literal(value, ty) => self.value(value, *ty),
                #[cfg(not(feature = "small"))]
                Op::Parameter(of, number, ty) => {
                    let around = self.arguments.iter().rev();
                    let value = around.flatten().find_map(|arguments| arguments.get(*of, *number)).cloned();
                    self.value(&value.unwrap_or(Scalar::Null), *ty);
                }
                #[cfg(not(feature = "small"))]
                Op::Each(each, test) => {
                    self.words(each);
                    self.expression(test);
                }
                Op::Subquery(subquery) => self.subquery(subquery),
                Op::Aggregate(item) => self.aggregate(item),
                Op::Scalar(draft, _) => {
                    self.words("scalar");
                    self.draft(draft);
                }
                Op::InQuery(draft, _) => {
                    self.words("in query");
                    self.draft(draft);
                }
                Op::Field(_)
                | Op::Unary(_)
                | Op::Binary(_)
                | Op::Between
                | Op::In(_)
                | Op::Key(_)
                | Op::If
                | Op::LeftOut(_)
                | Op::Call(..) => self.words(op),
            }
        }
        self.words("end");
    }

    fn subquery(&mut self, subquery: &Subquery) {
        self.collection((subquery.collection)());
        self.words(subquery.link);
        match &subquery.quantifier {
            Quantifier::Aggregate(item, _) => self.aggregate(item),
            Quantifier::Any => self.words("any"),
            Quantifier::All => self.words("all"),
            Quantifier::Count => self.words("count"),
        }
        subquery.predicate.iter().for_each(|predicate| self.expression(predicate));
        if let Some(equal) = subquery.equal.as_deref() {
            self.expression(&equal.0);
            self.expression(&equal.1);
        }
    }

    fn aggregate(&mut self, item: &AggregateItem) {
        self.words((&item.function, item.argument.is_some(), item.filter.is_some()));
        item.argument.iter().chain(&item.filter).for_each(|part| self.expression(part));
    }
}

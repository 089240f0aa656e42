//! [`Scope`]: what rows have at one place of a query, and what a name means there.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::problem::{Names, Problem};
use crate::engine::typed::Typed;
use crate::expr::path::HOPS_MAX;
use crate::expr::{FieldPath, Op, RowPath};
use crate::schema::{CollectionSchema, DatabaseSchema};
use crate::value::Type;

/// How a draft names a collection.
pub(super) type CollectionFn = fn() -> &'static CollectionSchema;

/// What rows have.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    pub(super) database: &'static DatabaseSchema,
    /// The records, by position.
    pub(super) sources: Vec<Source>,
    /// The keys of groups, or the values of rows that are values, by number.
    pub(super) keys: Vec<Known>,
    /// What windows have calculated, and the values of queries that were joined, by number.
    pub(super) windows: Vec<Known>,
    /// Of groups what their rows have.
    pub(super) grouped: Option<Box<Scope>>,
    /// In a test of elements, their type; there is nothing else then.
    pub(super) element: Option<Type>,
}

/// Records that rows have.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) collection: CollectionFn,
    pub(super) optional: bool,
}

/// A value that rows have.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// The query that it is of, where one was joined.
    pub(super) of: Option<String>,
    pub(super) name: Option<String>,
    pub(super) typed: Typed,
}

impl Known {
    fn is(&self, of: Option<&str>, name: &str) -> bool {
        let Some(own) = &self.name else { return false };
        match (&self.of, of) {
            (known, Some(of)) => known.as_deref() == Some(of) && own == name,
            (None, None) => own == name,
            (Some(known), None) => {
                own == name
                    || name.strip_prefix(known.as_str()).and_then(|rest| rest.strip_prefix('.')) == Some(own)
            }
        }
    }

    fn text(&self) -> Option<String> {
        let own = self.name.as_ref()?;
        Some(self.of.as_ref().map_or_else(|| own.clone(), |of| format!("{of}.{own}")))
    }
}

/// The collection of this name.
pub(super) fn collection(database: &'static DatabaseSchema, name: &str) -> Result<CollectionFn, Problem> {
    let found = database.collections.iter().copied().find(|collection| collection().name == name);
    found.ok_or_else(|| {
        let known =
            Names::beside(name, database.collections.iter().map(|collection| collection().name.to_string()));
        Problem::NoCollection { name: name.to_string(), known }
    })
}

/// The ordinal of the field of this name.
pub(super) fn ordinal(collection: &CollectionSchema, name: &str) -> Result<u16, Problem> {
    let found = collection.fields.iter().position(|field| field.name == name);
    found.map(|ordinal| ordinal as u16).ok_or_else(|| {
        let known = Names::beside(name, collection.fields.iter().map(|field| field.name.to_string()));
        Problem::NoField { name: name.to_string(), of: collection.name.to_string(), known }
    })
}

/// A record that a path leads to.
#[derive(Clone, Copy)]
pub(super) struct Reached {
    pub(super) row: RowPath,
    pub(super) collection: CollectionFn,
    pub(super) optional: bool,
}

impl Reached {
    /// What a relation leads on to.
    fn hop(self, relation: &str, path: &str) -> Result<Reached, Problem> {
        let schema = (self.collection)();
        let at = ordinal(schema, relation)?;
        let field = &schema.fields[usize::from(at)];
        let Some(reference) = field.reference else {
            return Err(Problem::NotARelation { field: relation.to_string(), of: schema.name.to_string() });
        };
        if self.row.hops_count() >= HOPS_MAX {
            return Err(Problem::TooFar { path: path.to_string(), limit: HOPS_MAX });
        }
        let optional = self.optional || field.optional;
        Ok(Reached { row: self.row.hop(at), collection: reference.target, optional })
    }

    /// The record at the end of relations.
    fn follow(self, path: &str) -> Result<Reached, Problem> {
        path.split('.').try_fold(self, |reached, relation| reached.hop(relation, path))
    }

    /// The field at the end of a path.
    fn field(self, path: &str) -> Result<(Op, Typed), Problem> {
        let (reached, name) = match path.rsplit_once('.') {
            Some((relations, name)) => (self.follow(relations)?, name),
            None => (self, path),
        };
        let schema = (reached.collection)();
        let ordinal = ordinal(schema, name)?;
        let field = &schema.fields[usize::from(ordinal)];
        let typed = Typed { ty: field.ty, nullable: field.optional || reached.optional };
        Ok((Op::Field(FieldPath { row: reached.row, ordinal }), typed))
    }
}

impl Scope {
    /// Rows that are records of one collection.
    pub(super) fn of(database: &'static DatabaseSchema, name: String, collection: CollectionFn) -> Scope {
        let sources = Vec::from([Source { name, collection, optional: false }]);
        Scope { database, sources, keys: Vec::new(), windows: Vec::new(), grouped: None, element: None }
    }

    /// Rows that have these values and nothing else.
    pub(super) fn of_values(database: &'static DatabaseSchema, keys: Vec<Known>) -> Scope {
        Scope { database, sources: Vec::new(), keys, windows: Vec::new(), grouped: None, element: None }
    }

    /// One more source, of a name that none has yet.
    pub(super) fn push(&mut self, name: &str, collection: CollectionFn) -> Result<(), Problem> {
        if self.has_source(name) {
            return Err(Problem::Taken { name: name.to_string() });
        }
        if self.sources.len() >= SOURCES_MAX {
            return Err(Problem::TooLarge { what: "sources", limit: SOURCES_MAX });
        }
        self.sources.push(Source { name: name.to_string(), collection, optional: false });
        Ok(())
    }

    /// Whether something that fields can be of has the name.
    pub(super) fn has_source(&self, name: &str) -> bool {
        self.sources.iter().any(|source| source.name == name)
            || self.windows.iter().any(|known| known.of.as_deref() == Some(name))
    }

    fn reached(&self, position: usize) -> Reached {
        let source = &self.sources[position];
        let row = RowPath::source(position as u8);
        Reached { row, collection: source.collection, optional: source.optional }
    }

    fn source(&self, name: &str) -> Option<Reached> {
        let position = self.sources.iter().position(|source| source.name == name)?;
        Some(self.reached(position))
    }

    /// What a field's name means.
    pub(super) fn field(&self, of: Option<&str>, path: &str) -> Result<(Op, Typed), Problem> {
        if self.element.is_some() {
            return Err(Problem::OfElements);
        }
        let keys = self.keys.iter().enumerate().filter(|(_, known)| known.is(of, path));
        let keys = keys.map(|(number, known)| (Op::Key(number as u16), known.typed));
        let windows = self.windows.iter().enumerate().filter(|(_, known)| known.is(of, path));
        let windows = windows.map(|(number, known)| {
            (Op::Field(FieldPath { row: RowPath::WINDOWS, ordinal: number as u16 }), known.typed)
        });
        let mut found: Vec<(Op, Typed)> = keys.chain(windows).collect();
        let mut failed = None;
        let mut note = |tried: Result<(Op, Typed), Problem>, says: bool| match tried {
            Ok(field) => found.push(field),
            Err(problem) if says => failed = failed.take().or(Some(problem)),
            Err(_) => {}
        };
        match of {
            Some(of) => match self.source(of) {
                Some(source) => note(source.field(path), true),
                None if !self.has_source(of) => return Err(self.no_source(of)),
                None => {}
            },
            None => {
                let behind = path.split_once('.');
                if let Some((source, path)) = behind.and_then(|(of, rest)| Some((self.source(of)?, rest))) {
                    note(source.field(path), true);
                }
                for position in 0..self.sources.len() {
                    let reached = self.reached(position);
                    let begins = path.split('.').next().unwrap_or(path);
                    let schema = (reached.collection)();
                    let is_known = schema.fields.iter().any(|field| field.name == begins);
                    // Of one source alone its own words are the better ones.
                    let says = is_known || self.has_one_kind();
                    note(reached.field(path), says);
                }
            }
        }
        if found.len() > 1 {
            return Err(Problem::Ambiguous { name: path.to_string() });
        }
        match (found.pop(), failed) {
            (Some(field), _) => Ok(field),
            (None, Some(problem)) => Err(problem),
            (None, None) => Err(Problem::NoName { name: path.to_string(), known: self.known(of, path) }),
        }
    }

    /// Whether rows are records of one collection and nothing else.
    fn has_one_kind(&self) -> bool {
        self.sources.len() == 1 && self.keys.is_empty() && self.windows.is_empty()
    }

    fn no_source(&self, name: &str) -> Problem {
        let joined = self.windows.iter().filter_map(|known| known.of.clone());
        let mut names: Vec<String> =
            self.sources.iter().map(|source| source.name.clone()).chain(joined).collect();
        names.dedup();
        Problem::NoSource { name: name.to_string(), known: Names::beside(name, names) }
    }

    /// What rows have, beside a name that they have not.
    fn known(&self, of: Option<&str>, path: &str) -> Names {
        let values = self.keys.iter().chain(&self.windows);
        let values = values.filter(|known| of.is_none() || known.of.as_deref() == of).filter_map(Known::text);
        let sources = self.sources.iter().filter(|_| of.is_none());
        let fields = sources.flat_map(|source| {
            let fields = (source.collection)().fields.iter();
            fields.map(|field| format!("{}.{}", source.name, field.name))
        });
        Names::beside(path, values.chain(fields))
    }

    /// The record that a path leads to: a source by its name, what relations of it lead to, or what those of a source do
    /// that need not be named.
    pub(super) fn record(&self, path: &str) -> Result<Reached, Problem> {
        if self.element.is_some() {
            return Err(Problem::OfElements);
        }
        let (begins, rest) = path.split_once('.').map_or((path, None), |(begins, rest)| (begins, Some(rest)));
        let of_source = self.source(begins).map(|source| match rest {
            Some(rest) => source.follow(rest),
            None => Ok(source),
        });
        let mut found: Vec<Result<Reached, Problem>> = of_source.into_iter().collect();
        for position in 0..self.sources.len() {
            let reached = self.reached(position);
            if (reached.collection)().fields.iter().any(|field| field.name == begins) {
                found.push(reached.follow(path));
            }
        }
        if found.iter().filter(|found| found.is_ok()).count() > 1 {
            return Err(Problem::Ambiguous { name: path.to_string() });
        }
        let at = found.iter().position(Result::is_ok).unwrap_or(0);
        match found.into_iter().nth(at) {
            Some(found) => found,
            None => Err(self.no_source(begins)),
        }
    }

    /// The only source there is.
    pub(super) fn only_source(&self) -> Result<Reached, Problem> {
        match (self.element, self.sources.as_slice()) {
            (Some(_), _) => Err(Problem::OfElements),
            (None, [_]) => Ok(self.reached(0)),
            (None, []) => Err(self.no_source("")),
            (None, _) => Err(Problem::Ambiguous { name: String::from("the row that they point at") }),
        }
    }
}

/// The most sources of a query.
const SOURCES_MAX: usize = 64;

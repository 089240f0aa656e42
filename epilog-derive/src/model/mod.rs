//! What a derive knows of its struct: names looked up, fields numbered, relations recognised.
//!
//! A model is made even of a struct with mistakes, as well as it goes, so that [`expand`](crate::expand) can still write
//! the types that other code names.

mod field;
mod index;
mod view;

pub use field::{Field, Lent, OnDelete, Relation};
pub use index::Index;
pub use view::View;

use std::collections::{HashMap, HashSet};

use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Fields, Visibility};

use crate::attr::{ConditionAttribute, ConditionTest, HasManyAttribute, ListAttribute, OwnerAttributes};
use crate::context::Context;
use crate::suggest::{instead, nearest};

/// A collection.
pub struct Collection {
    /// The struct's name.
    pub ident: Ident,
    /// The struct's visibility: that of the fields struct too.
    pub visibility: Visibility,
    /// The name in the file.
    pub name: String,
    /// The bytes of a page of records, if the struct says them.
    pub page_size: Option<u32>,
    /// The fields in the order written; a field's position is its ordinal.
    pub fields: Vec<Field>,
    /// What identifies a record; `None` when that is missing or wrong, and reported.
    pub key: Option<Key>,
    /// The indexes written down, those of fields first.
    pub indexes: Vec<Index>,
    /// The reverse sides of relations.
    pub has_many: Vec<HasManyAttribute>,
}

/// What identifies a record.
#[derive(Clone, Debug, PartialEq)]
pub enum Key {
    /// The `Id<Self>` field at this position, which the database assigns.
    Assigned(usize),
    /// The field at this position, given by the program.
    Single(usize),
    /// The fields at these positions, given by the program.
    Compound(Vec<usize>),
}

impl Key {
    /// The positions of its fields, in the key's order.
    pub fn fields(&self) -> &[usize] {
        match self {
            Key::Assigned(field) | Key::Single(field) => std::slice::from_ref(field),
            Key::Compound(fields) => fields,
        }
    }
}

impl Collection {
    /// The model of `input`, which may be anything that a derive can stand on.
    pub fn new(context: &Context, input: &DeriveInput) -> Collection {
        let owner = OwnerAttributes::parse(context, &input.attrs);
        let name = owner.name.as_ref().map_or_else(|| input.ident.unraw().to_string(), |name| name.value());
        let fields: Vec<Field> = match &input.data {
            Data::Struct(data) => match &data.fields {
                Fields::Named(named) => {
                    let fields = named.named.iter();
                    fields.map(|field| Field::new(context, &input.ident, field)).collect()
                }
                Fields::Unnamed(_) | Fields::Unit => Vec::new(),
            },
            Data::Enum(_) | Data::Union(_) => Vec::new(),
        };
        let mut collection = Collection {
            ident: input.ident.clone(),
            visibility: input.vis.clone(),
            name,
            page_size: owner.page_size,
            fields,
            key: None,
            indexes: Vec::new(),
            has_many: Vec::new(),
        };
        if is_record(input) {
            collection.key = collection.find_key(context, owner.key.as_ref());
            collection.indexes = collection.find_indexes(context, &owner.indexes);
            collection.has_many = collection.find_has_many(context, owner.has_many);
        }
        collection
    }

    /// What the struct is called in messages.
    pub fn display_name(&self) -> String {
        self.ident.unraw().to_string()
    }

    fn find_key(&self, context: &Context, list: Option<&ListAttribute>) -> Option<Key> {
        let this = self.display_name();
        let position = |wanted: &dyn Fn(&Field) -> bool| {
            let positions = self.fields.iter().enumerate().filter(|(_, field)| wanted(field));
            positions.map(|(position, _)| position).collect::<Vec<usize>>()
        };
        let marked = position(&|field| field.attributes.key.is_some());
        let own_ids = position(&|field| field.is_own_id);
        let name = |position: usize| self.fields[position].name.as_str();

        let key = match (list, marked.as_slice()) {
            (None, []) => {
                match own_ids.as_slice() {
                    [] => {
                        context.error(
                        &self.ident,
                        format_args!("`{this}` has no key: add a field `id: Id<{this}>`, or mark a field with `#[key]`"),
                    );
                        return None;
                    }
                    [only] => Key::Assigned(*only),
                    [first, second, ..] => {
                        context.error(
                        &self.fields[*second].ident,
                        format_args!(
                            "`{this}` has two keys, `{}` and `{}`: mark the one that is with `#[key]`, then the other is a relation",
                            name(*first),
                            name(*second),
                        ),
                    );
                        return None;
                    }
                }
            }
            (None, [only]) if self.fields[*only].is_own_id => return Some(Key::Assigned(*only)),
            (None, [only]) => Key::Single(*only),
            (None, [first, second, ..]) => {
                context.error(
                    &self.fields[*second].attributes.key,
                    format_args!(
                        "`{this}` has two keys, `{first}` and `{second}`: remove one, or write `#[key({first}, {second})]` on the struct",
                        first = name(*first),
                        second = name(*second),
                    ),
                );
                return None;
            }
            (Some(list), []) => Key::Compound(self.look_up(context, &list.fields, list.keyword())?),
            (Some(_), [field, ..]) => {
                context.error(
                    &self.fields[*field].attributes.key,
                    format_args!("`{this}` has two keys, `#[key(…)]` on the struct and this: remove one"),
                );
                return None;
            }
        };
        if let (Key::Single(_) | Key::Compound(_), [own_id, ..]) = (&key, own_ids.as_slice()) {
            let field = &self.fields[*own_id];
            context.error(
                &field.ident,
                format_args!(
                    "`{this}` has two keys, its `#[key]` and the `Id<{this}>` of `{}`: remove one",
                    field.name
                ),
            );
            return None;
        }
        if let (Key::Compound(fields), Some(list)) = (&key, list)
            && let [only] = fields.as_slice()
        {
            context
                .error(&list.path, format_args!("a key of one field: write `#[key]` on `{}`", name(*only)));
            return None;
        }
        Some(key)
    }

    fn find_indexes(&self, context: &Context, lists: &[ListAttribute]) -> Vec<Index> {
        let mut indexes = Vec::new();
        for (position, field) in self.fields.iter().enumerate() {
            if let (Some(unique), Some(_)) = (&field.attributes.unique, &field.attributes.index) {
                context.error(
                    field.attributes.index.as_ref().unwrap_or(unique),
                    format_args!(
                        "duplicate index on `{}`: `#[unique]` is an index already, remove `#[index]`",
                        field.name
                    ),
                );
            }
            let attribute = field.attributes.unique.as_ref().or(field.attributes.index.as_ref());
            if let Some(path) = attribute {
                let unique = field.attributes.unique.is_some();
                indexes.push(Index::new(path.clone(), vec![position], unique, &self.fields));
            }
        }
        for list in lists {
            let fields = self.look_up(context, &list.fields, list.keyword());
            let included = self.look_up(context, &list.included, None);
            let conditions = self.look_up_conditions(context, list);
            if let (Some(fields), Some(included), Some(conditions)) = (fields, included, conditions) {
                let index = Index::new(list.path.clone(), fields, list.unique, &self.fields);
                indexes.push(index.with_included(included).with_conditions(conditions, &self.fields));
            }
        }
        indexes
    }

    /// The entries of `#[has_many(…)]` whose names are free.
    fn find_has_many(&self, context: &Context, entries: Vec<HasManyAttribute>) -> Vec<HasManyAttribute> {
        let relations = self.relations().map(|(_, field, _)| (field.name.clone(), "the relation of a field"));
        let mut methods: HashMap<String, &'static str> = relations.collect();
        let is_free = |entry: &HasManyAttribute| {
            let name = entry.name.unraw().to_string();
            match methods.insert(name.clone(), "another `#[has_many(…)]`") {
                None => true,
                Some(taken) => {
                    context.error(
                        &entry.name,
                        format_args!("`{name}` is already the name of {taken}: choose another one"),
                    );
                    false
                }
            }
        };
        entries.into_iter().filter(is_free).collect()
    }

    /// The fields that point at other records, with their ordinals. A key that the database assigns points at its own.
    pub fn relations(&self) -> impl Iterator<Item = (u16, &Field, &Relation)> {
        let assigned = match self.key {
            Some(Key::Assigned(position)) => Some(position),
            _ => None,
        };
        let fields = self.fields.iter().enumerate().filter(move |(position, field)| {
            // Without a key that is known to be right, no field of that type can be told from it.
            assigned != Some(*position) && (self.key.is_some() || !field.is_own_id)
        });
        fields.filter_map(|(position, field)| Some((position as u16, field, field.relation.as_ref()?)))
    }

    /// The positions of the fields that an attribute lists; `None` when one of them is not a field, or is there twice.
    fn look_up(
        &self,
        context: &Context,
        list: &[Ident],
        keyword: Option<&'static str>,
    ) -> Option<Vec<usize>> {
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        for ident in list {
            let word = ident.unraw().to_string();
            match self.fields.iter().position(|field| field.name == word) {
                None => {
                    let names: Vec<&str> = self.fields.iter().map(|field| field.name.as_str()).collect();
                    let instead = match nearest(&word, names.iter().copied().chain(keyword)) {
                        Some(word) => format!("did you mean `{word}`?"),
                        None => instead(&word, names),
                    };
                    context.error(
                        ident,
                        format_args!("`{}` has no field `{word}`: {instead}", self.display_name()),
                    );
                }
                Some(_) if !seen.insert(word.clone()) => {
                    context.error(ident, format_args!("`{word}` is already in the list: remove one"));
                }
                Some(position) => found.push(position),
            }
        }
        (found.len() == list.len()).then_some(found)
    }

    /// The conditions of a partial index, by the positions of their fields.
    fn look_up_conditions(
        &self,
        context: &Context,
        list: &ListAttribute,
    ) -> Option<Vec<(usize, ConditionTest)>> {
        let mut found = Vec::new();
        for ConditionAttribute { field: ident, test } in &list.conditions {
            let word = ident.unraw().to_string();
            let Some(position) = self.fields.iter().position(|field| field.name == word) else {
                let names: Vec<&str> = self.fields.iter().map(|field| field.name.as_str()).collect();
                let instead = instead(&word, names);
                let message = format!("`{}` has no field `{word}`: {instead}", self.display_name());
                context.error(ident, message);
                continue;
            };
            let (asks_absence, field) = (!test.is_comparison(), &self.fields[position]);
            if asks_absence && !field.is_option() {
                context.error(
                    ident,
                    format_args!("`{word}` is no `Option`, so it is never `None`: leave this condition out"),
                );
                continue;
            }
            if !asks_absence && field.is_list() {
                context.error(ident, format_args!("`{word}` is a list, which is compared with nothing here"));
                continue;
            }
            found.push((position, test.clone()));
        }
        (found.len() == list.conditions.len()).then_some(found)
    }
}

/// Whether `input` is a struct with named fields.
pub fn is_record(input: &DeriveInput) -> bool {
    matches!(&input.data, Data::Struct(data) if matches!(data.fields, Fields::Named(_)))
}

//! The rules of a collection and of a view, checked over the model.
//!
//! What only rustc can know (whether a type can be stored, whether a relation's other side is a collection) is asked by
//! the written code, through traits whose messages speak the user's words.

use std::collections::HashMap;

use proc_macro2::TokenTree;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Fields, GenericParam, Type};

use crate::context::Context;
use crate::model::{Collection, Field, Key, OnDelete, is_record};

/// Reports what `input` may not be: only plain structs with named fields are collections and views.
pub fn shape(context: &Context, input: &DeriveInput, what: &str) {
    let this = input.ident.unraw();
    match &input.data {
        Data::Enum(data) => context.error(
            data.enum_token,
            format_args!(
                "`{this}` is an enum, and a {what} is a struct: put the enum's cases into fields of a struct"
            ),
        ),
        Data::Union(data) => context.error(
            data.union_token,
            format_args!("`{this}` is a union, and a {what} is a struct: write `struct {this} {{ … }}`"),
        ),
        Data::Struct(data) => match &data.fields {
            Fields::Unnamed(fields) => context.error(
                fields,
                format_args!("the fields of a {what} have names: write `struct {this} {{ name: Type, … }}`"),
            ),
            Fields::Unit => context.error(
                &input.ident,
                format_args!("`{this}` has no fields: write `struct {this} {{ name: Type, … }}`"),
            ),
            Fields::Named(_) => {}
        },
    }
    let parameters = &input.generics.params;
    let is_borrowing = parameters.iter().any(|parameter| matches!(parameter, GenericParam::Lifetime(_)));
    if is_borrowing {
        context.error(
            parameters,
            format_args!(
                "a {what} owns its values: remove the lifetime, and write `String` for `&str` and `Vec<u8>` for `&[u8]`"
            ),
        );
    } else if !parameters.is_empty() {
        context.error(
            parameters,
            format_args!(
                "a {what} is one type: remove the generic parameters, and write one struct for each use"
            ),
        );
    }
    if let (Data::Struct(data), false) = (&input.data, is_borrowing) {
        for field in &data.fields {
            if let Type::Reference(reference) = &field.ty {
                let owned = match &*reference.elem {
                    Type::Path(path) if path.path.is_ident("str") => "write `String`",
                    Type::Slice(_) => "write `Vec<u8>`",
                    _ => "write the type without `&`",
                };
                context.error(&field.ty, format_args!("a {what} owns its values: {owned}"));
            }
        }
    }
}

/// Checks the rules of a collection.
pub fn collection(context: &Context, input: &DeriveInput, collection: &Collection) {
    shape(context, input, "collection");
    if !is_record(input) {
        return;
    }
    for (position, field) in collection.fields.iter().enumerate() {
        let is_key = collection.key.as_ref().is_some_and(|key| key.fields().contains(&position));
        on_delete(context, collection, field, is_key);
        if let (Some((path, _)), true) = (&field.attributes.default, is_key) {
            context.error(
                path,
                format_args!("`{}` is of the key, which has no default: remove `#[default(…)]`", field.name),
            );
        }
    }
    key(context, collection);
    indexes(context, collection);
}

/// Checks the rules of a view.
pub fn view(context: &Context, input: &DeriveInput) {
    shape(context, input, "view");
    if let Data::Struct(data) = &input.data
        && let Fields::Named(named) = &data.fields
        && named.named.is_empty()
    {
        context.error(&input.ident, "a view has at least one field");
    }
}

fn on_delete(context: &Context, collection: &Collection, field: &Field, is_key: bool) {
    let Some((path, action)) = &field.attributes.on_delete else { return };
    let is_assigned = is_key && matches!(collection.key, Some(Key::Assigned(_)));
    match &field.relation {
        Some(relation) if !is_assigned => {
            if relation.on_delete == OnDelete::SetNull && !relation.optional {
                let target = spaced(&relation.target);
                context.error(
                    action,
                    format_args!(
                        "`{}` is required and cannot become `None`: write `Option<Id<{target}>>`, or `#[on_delete(cascade)]`",
                        field.name
                    ),
                );
            }
        }
        _ => context.error(
            path,
            format_args!(
                "`{}` points at no other record: `#[on_delete(…)]` belongs on a field of type `Id<Other>`",
                field.name
            ),
        ),
    }
}

fn key(context: &Context, collection: &Collection) {
    let Some(key) = &collection.key else { return };
    for position in key.fields() {
        let field = &collection.fields[*position];
        if field.is_option() {
            context.error(
                &field.parsed,
                format_args!("`{}` is of the key, which is never absent: remove the `Option`", field.name),
            );
        }
    }
    if key.fields().len() > KEY_FIELDS_MAX {
        let field = &collection.fields[key.fields()[KEY_FIELDS_MAX]];
        context.error(
            &field.ident,
            format_args!(
                "a key has at most {KEY_FIELDS_MAX} fields: leave `{}` out of `#[key(…)]`",
                field.name
            ),
        );
    }
}

/// The most fields of a key: the tuples that `epilog::Key` is implemented for.
const KEY_FIELDS_MAX: usize = 4;

fn indexes(context: &Context, collection: &Collection) {
    let key = collection.key.as_ref().map(Key::fields);
    let mut by_fields: HashMap<&[usize], &str> = HashMap::new();
    let mut by_name: HashMap<&str, &[usize]> = HashMap::new();
    for index in &collection.indexes {
        let fields: Vec<&str> =
            index.fields.iter().map(|position| collection.fields[*position].name.as_str()).collect();
        let listed = fields.join(", ");
        let is_partial = !index.conditions.is_empty();
        let list =
            index.fields.iter().map(|position| &collection.fields[*position]).find(|field| field.is_list());
        let includes = !index.included.is_empty();
        let mut included = index.included.iter().map(|position| &collection.fields[*position]);
        if let Some(list) = included.find(|field| field.is_list()) {
            context.error(
                &index.path,
                format_args!("`{}` is a list, which no index includes: leave it out", list.name),
            );
        } else if let Some(list) =
            list.filter(|_| index.unique || is_partial || includes || index.fields.len() > 1)
        {
            let what = match (index.unique, is_partial, includes) {
                (true, ..) => "is not unique",
                (false, true, _) => "has all records",
                (false, false, true) => "includes nothing",
                (false, false, false) => "has no other field",
            };
            context.error(
                &index.path,
                format_args!(
                    "`{}` is a list, whose index has an entry for each element and {what}: write `#[index]` on that field alone",
                    list.name
                ),
            );
        } else if key == Some(&index.fields) && !is_partial {
            context.error(
                &index.path,
                format_args!(
                    "duplicate index on `{listed}`: it is the key, which is an index already; remove this one"
                ),
            );
        } else if !is_partial && by_fields.insert(&index.fields, &index.name).is_some() {
            context.error(
                &index.path,
                format_args!("duplicate index on `{listed}`: there is one already, remove this one"),
            );
        } else if let Some(other) = by_name.insert(&index.name, &index.fields) {
            if is_partial {
                let message = format!(
                    "duplicate index on `{listed}`: there is one with these conditions already, remove this one"
                );
                context.error(&index.path, message);
                continue;
            }
            let other: Vec<&str> =
                other.iter().map(|position| collection.fields[*position].name.as_str()).collect();
            context.error(
                &index.path,
                format_args!(
                    "the indexes on `{listed}` and on `{}` would both be called `{}`: rename a field",
                    other.join(", "),
                    index.name
                ),
            );
        } else if index.name == IMPLIED_KEY_INDEX && matches!(collection.key, Some(Key::Compound(_))) {
            context.error(
                &index.path,
                "an index on `key` would be called like the index of `#[key(…)]`: rename the field",
            );
        }
    }
}

/// What the index of a key that records do not lie in the order of is called.
const IMPLIED_KEY_INDEX: &str = "key";

/// Tokens as a user would write a path: `music::Artist`, not `music :: Artist`.
fn spaced(tokens: &impl ToTokens) -> String {
    let tokens = tokens.to_token_stream();
    let is_plain = tokens.clone().into_iter().all(|token| !matches!(token, TokenTree::Group(_)));
    let text = tokens.to_string();
    if is_plain { text.replace(' ', "") } else { text }
}

#[cfg(test)]
mod tests {
    use syn::parse_str;

    use super::*;

    /// What the derive says of `source`: one line per mistake.
    fn mistakes(source: &str) -> Vec<String> {
        let context = Context::new();
        let input: DeriveInput = parse_str(source).expect("Rust");
        let model = Collection::new(&context, &input);
        collection(&context, &input, &model);
        let text = context.finish().to_string();
        let quoted = text.split("compile_error ! { ").skip(1);
        quoted
            .map(|rest| {
                let literal = rest.split(" }").next().expect("a message").trim_start_matches('"');
                literal.trim_end_matches('"').replace("\\\"", "\"")
            })
            .collect()
    }

    fn check(source: &str, expected: &[&str]) {
        let found = mistakes(source);
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "expected `{expected}` in `{found}`");
        }
    }

    #[test]
    fn correct_collections_have_no_mistakes() {
        for source in [
            "struct Artist { id: Id<Artist>, #[unique] name: String }",
            "struct A { key: Id<Self>, #[index] b: Option<Id<Self>>, #[unique] c: Id<B> }",
            "struct Node { #[key] id: Id<Node>, root: Id<Node> }",
            "#[key(a, b)] #[index(b, a)] struct Pair { a: u8, b: Id<B> }",
            "#[collection(name = \"x\")] #[index(a, r#unique)] struct A { #[key] a: u8, r#unique: u8 }",
            "#[has_many(b: B::a, c: m::C::a)] #[has_many(d: D::r#type)] struct A { id: Id<A> }",
            "struct A { id: Id<A>, #[on_delete(set_null)] b: Option<Id<B>>, #[default(3)] c: u8 }",
            "#[collection(name = \"a\", page_size = 1024)] struct A { id: Id<A> }",
            "#[collection(page_size = 65_536)] struct A { id: Id<A> }",
        ] {
            check(source, &[]);
        }
    }

    #[test]
    fn all_mistakes_of_a_struct_are_reported() {
        check(
            "#[index(titel)] #[collection(nme = \"x\")] struct Album { title: String, #[on_delete(casade)] artist: Id<Artist> }",
            &[
                "unknown option `nme` of `#[collection]`: did you mean `name`?",
                "unknown action `casade`: did you mean `cascade`?",
                "`Album` has no key: add a field `id: Id<Album>`",
                "`Album` has no field `titel`: did you mean `title`?",
            ],
        );
    }

    #[test]
    fn keys_are_one_and_present() {
        check("struct A { id: Id<A>, other: Id<Self> }", &["two keys, `id` and `other`"]);
        check("struct A { #[key] a: u8, #[key] b: u8 }", &["or write `#[key(a, b)]` on the struct"]);
        check("struct A { id: Id<A>, #[key] b: u8 }", &["its `#[key]` and the `Id<A>` of `id`"]);
        check("#[key(a, b)] struct A { #[key] a: u8, b: u8 }", &["`#[key(…)]` on the struct and this"]);
        check("#[key(a)] struct A { a: u8 }", &["a key of one field: write `#[key]` on `a`"]);
        check("#[key(a, a)] struct A { a: u8 }", &["`a` is already in the list"]);
        check("struct A { #[key] a: Option<u8> }", &["never absent"]);
        check("#[key] struct A { a: u8 }", &["`#[key(a, b)]`", "has no key"]);
    }

    #[test]
    fn an_index_is_declared_once() {
        check("struct A { id: Id<A>, #[unique] #[index] b: u8 }", &["remove `#[index]`"]);
        check("struct A { id: Id<A>, #[index] #[index] b: u8 }", &["already on this field"]);
        check("#[index(b)] struct A { id: Id<A>, #[index] b: u8 }", &["duplicate index on `b`"]);
        check("struct A { #[unique] id: Id<A> }", &["it is the key"]);
        check(
            "#[index(a, b_c)] #[index(a_b, c)] struct A { id: Id<A>, a: u8, b_c: u8, a_b: u8, c: u8 }",
            &["both be called `a_b_c`"],
        );
    }

    #[test]
    fn an_index_of_a_list_is_of_nothing_else() {
        check("struct A { id: Id<A>, #[index] b: Vec<u16>, #[unique] c: Vec<u8> }", &[]);
        check(
            "struct A { id: Id<A>, #[unique] b: Vec<u16> }",
            &["an entry for each element and is not unique"],
        );
        check("#[index(b, c)] struct A { id: Id<A>, b: u8, c: Option<Vec<u16>> }", &["has no other field"]);
    }

    #[test]
    fn an_index_includes_fields_that_there_are_once_and_no_lists() {
        check("#[index(b, include(c, d))] struct A { id: Id<A>, b: u8, c: f64, d: Option<String> }", &[]);
        // Of a decimal or a float the key does not tell all.
        check("#[index(b, unique, include(b))] struct A { id: Id<A>, b: f64 }", &[]);
        check("#[index(include, include(unique))] struct A { id: Id<A>, include: u8, unique: u8 }", &[]);
        check("#[index(b, include())] struct A { id: Id<A>, b: u8 }", &["`#[index(a, include(b))]`"]);
        check("#[index(include(b))] struct A { id: Id<A>, b: u8 }", &["write the index's fields"]);
        check("#[index(b, include(cc))] struct A { id: Id<A>, b: u8, c: u8 }", &["did you mean `c`?"]);
        check("#[index(b, include(c, c))] struct A { id: Id<A>, b: u8, c: u8 }", &["already in the list"]);
        check(
            "#[index(b, include(c))] struct A { id: Id<A>, b: u8, c: Vec<u16> }",
            &["`c` is a list, which no index includes"],
        );
        check("#[index(c, include(b))] struct A { id: Id<A>, b: u8, c: Vec<u16> }", &["includes nothing"]);
        check(
            "#[index(b)] #[index(b, include(c))] struct A { id: Id<A>, b: u8, c: u8 }",
            &["duplicate index on `b`"],
        );
    }

    #[test]
    fn relations_are_consistent() {
        check(
            "struct A { id: Id<A>, #[on_delete(set_null)] b: Id<m::B> }",
            &["write `Option<Id<m::B>>`, or `#[on_delete(cascade)]`"],
        );
        check("struct A { id: Id<A>, #[on_delete(cascade)] b: u8 }", &["points at no other record"]);
        check(
            "#[has_many(b: B::a)] struct A { id: Id<A>, b: Id<B> }",
            &["the name of the relation of a field"],
        );
        check("#[has_many(b: B::a, b: C::a)] struct A { id: Id<A> }", &["another `#[has_many(…)]`"]);
        check("#[has_many(b)] struct A { id: Id<A> }", &["`#[has_many(albums: Album::artist)]`"]);
        check("#[has_many(b: B)] struct A { id: Id<A> }", &["`#[has_many(albums: Album::artist)]`"]);
    }

    #[test]
    fn page_sizes_are_powers_of_two_in_range() {
        for size in ["512", "3000", "131072", "16.0", "\"16384\"", "SIZE", "-1024"] {
            check(
                &format!("#[collection(page_size = {size})] struct A {{ id: Id<A> }}"),
                &["a power of two from 1,024 to 65,536: `page_size = 16_384`"],
            );
        }
        check("#[collection(page_size)] struct A { id: Id<A> }", &["write the page size in bytes"]);
        check(
            "#[collection(page_size = 1024, page_size = 2048)] struct A { id: Id<A> }",
            &["a second `page_size`: remove one"],
        );
        check("#[collection(pagesize = 1024)] struct A { id: Id<A> }", &["did you mean `page_size`?"]);
    }

    #[test]
    fn only_plain_structs_are_collections() {
        check("enum A { B }", &["is an enum"]);
        check("struct A(u8);", &["have names"]);
        check("struct A;", &["has no fields"]);
        check("struct A<T> { id: Id<A>, b: T }", &["remove the generic parameters"]);
        check("struct A<'a> { id: Id<A>, b: &'a str }", &["remove the lifetime"]);
        check("struct A { id: Id<A>, b: &'static str }", &["write `String`"]);
    }

    #[test]
    fn attributes_stand_where_they_belong() {
        check("#[unique] struct A { id: Id<A> }", &["write `#[index(a, b, unique)]`"]);
        check("struct A { id: Id<A>, #[index(b)] b: u8 }", &["on a field write `#[index]`"]);
        check("struct A { id: Id<A>, #[collection(name = \"x\")] b: u8 }", &["belongs on the struct"]);
        check("struct A { id: Id<A>, #[collection(defualt = 3)] b: u8 }", &["there is only `default = …`"]);
        check("struct A { id: Id<A>, #[default(3)] #[collection(default = 3)] b: u8 }", &["remove one"]);
        check("#[on_delete(cascade)] struct A { id: Id<A> }", &["belongs on a field"]);
    }
}

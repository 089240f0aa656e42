//! `impl Collection`: schema, key, codec.

use proc_macro2::{Ident, Span, TokenStream};
use syn::{Expr, Lit};

use super::stored::{ask, ends, import, stored};
use super::{Names, at, borrowed, private};
use crate::attr::ConditionTest;
use crate::hygiene::{Words, without_self};
use crate::model::{Collection, Index, Key, OnDelete};

/// The implementation of `Collection`, and the borrowed record. Of one that is not sound only the types are right.
pub fn expand(collection: &Collection, names: &Names, words: &mut Words, is_sound: bool) -> TokenStream {
    let Names { fields: fields_struct, scope, mode } = names;
    let this = &collection.ident;
    let (collection_trait, mode_trait) = (private("Collection"), private("Mode"));
    let (schema_type, writer, reader) =
        (private("CollectionSchema"), private("RecordWriter"), private("RecordReader"));
    let (result, read_error) = (private("Result"), private("ReadError"));
    let key_type = key_type(collection);
    let (schema, key, encode, decode) = if is_sound {
        (schema(collection, words), key(collection), encode(collection), decode(collection))
    } else {
        let never = written!(::core::unreachable!());
        (never.clone(), never.clone(), never.clone(), never)
    };
    let is_target = matches!(collection.key, Some(Key::Assigned(_)) | None);
    let target = is_target.then(|| {
        let target = private("Target");
        written! {
            #[automatically_derived]
            #[diagnostic::do_not_recommend]
            impl #target for #this {
                type Row<#scope, #mode: #mode_trait> = #fields_struct<#scope, #mode>;

                fn target() -> &'static #schema_type {
                    <Self as #collection_trait>::schema()
                }
            }
        }
    });
    let borrowed_record = private("BorrowedRecord");
    let borrowed = borrowed::name(collection, words);
    let borrowed_struct = borrowed::expand(collection, &borrowed, words);
    written! {
        #[allow(dead_code, missing_docs, missing_debug_implementations, non_snake_case, clippy::all)]
        const _: () = {
        #borrowed_struct

        #[automatically_derived]
        #[allow(unused_variables)]
        impl #collection_trait for #this {
            type Key = #key_type;
            type Fields<#scope, #mode: #mode_trait> = #fields_struct<#scope, #mode>;
            type Borrowed<'a> = #borrowed<'a>;

            fn schema() -> &'static #schema_type {
                #schema
            }

            fn key(&self) -> Self::Key {
                #key
            }

            fn encode(&self, record: &mut dyn #writer) {
                #encode
            }

            fn decode(record: &#reader<'_>) -> #result<Self, #read_error> {
                #decode
            }

            #[inline]
            fn lent(record: #borrowed_record<'_>) -> Self::Borrowed<'_> {
                #borrowed(record)
            }
        }
        };

        #target
    }
}

fn key_type(collection: &Collection) -> TokenStream {
    let key = collection.key.as_ref();
    // An `Option` in a key is reported; as the key's type it would be a second error.
    let key = key.filter(|key| key.fields().iter().all(|position| !collection.fields[*position].is_option()));
    let ty = |position: &usize| &collection.fields[*position].ty;
    match key {
        Some(Key::Assigned(position) | Key::Single(position)) => ty(position).clone(),
        Some(Key::Compound(positions)) => {
            let types = positions.iter().map(ty);
            written!((#(#types,)*))
        }
        None => {
            let (id, this) = (private("Id"), &collection.ident);
            written!(#id<#this>)
        }
    }
}

fn key(collection: &Collection) -> TokenStream {
    let part = |position: &usize| {
        let field = &collection.fields[*position];
        let (ident, copy) = (&field.ident, stored(&field.ty, "copy"));
        written!(#copy(&self.#ident))
    };
    let import = import();
    match &collection.key {
        Some(Key::Assigned(position) | Key::Single(position)) => {
            let part = part(position);
            written!(#import #part)
        }
        Some(Key::Compound(positions)) => {
            let parts = positions.iter().map(part);
            written!(#import (#(#parts,)*))
        }
        None => written!(::core::unreachable!()),
    }
}

fn schema(collection: &Collection, words: &mut Words) -> TokenStream {
    let (schema_type, key_schema, index_schema) =
        (private("CollectionSchema"), private("KeySchema"), private("IndexSchema"));
    let name = &collection.name;
    // An item of this name would hide the user's from the expressions of `#[default(…)]`.
    let the_static = words.fresh("SCHEMA");
    let fields = fields(collection);
    let key = match &collection.key {
        Some(Key::Assigned(position)) => {
            let ordinal = *position as u16;
            written!(#key_schema::Assigned(#ordinal))
        }
        key => {
            let ordinals = key.iter().flat_map(Key::fields).map(|position| *position as u16);
            written!(#key_schema::Natural(&[#(#ordinals),*]))
        }
    };
    let indexes = collection.indexes.iter().map(|index| {
        let (name, unique) = (&index.name, index.unique);
        let ordinals = index.fields.iter().map(|position| *position as u16);
        let included = (!index.included.is_empty()).then(|| {
            let ordinals = index.included.iter().map(|position| *position as u16);
            written!(.with_included(&[#(#ordinals),*]))
        });
        let condition = condition(collection, index);
        written!(#index_schema::new(#name, &[#(#ordinals),*], #unique) #included #condition)
    });
    let page_size = match collection.page_size {
        Some(bytes) => written!(::core::option::Option::Some(#bytes)),
        None => written!(::core::option::Option::None),
    };
    // Keys ask for themselves: see `epilog::Key`.
    let of_index = |index: &Index| {
        let conditions = index.conditions.iter().map(|(position, _)| *position);
        index.fields.iter().chain(&index.included).copied().chain(conditions).collect::<Vec<_>>()
    };
    let mut indexed: Vec<usize> = collection.indexes.iter().flat_map(of_index).collect();
    indexed.sort_unstable();
    indexed.dedup();
    let indexed = indexed.into_iter().map(|position| {
        let field = &collection.fields[position];
        let is_alone =
            |index: &Index| !index.unique && index.fields.len() == 1 && !index.included.contains(&position);
        let has = |index: &&Index| index.fields.contains(&position) || index.included.contains(&position);
        let mut own = collection.indexes.iter().filter(has);
        ask(&field.ty, if own.all(is_alone) { "entered" } else { "indexed" })
    });
    let import = import();
    written! {
        #import
        #(#indexed)*
        static #the_static: #schema_type = #schema_type {
            name: #name,
            fields: &[#(#fields,)*],
            key: #key,
            indexes: &[#(#indexes,)*],
            page_size: #page_size,
        };
        &#the_static
    }
}

/// The call that makes an index partial; nothing for others.
fn condition(collection: &Collection, index: &Index) -> Option<TokenStream> {
    if index.conditions.is_empty() {
        return None;
    }
    let (condition, declared, comparisons) =
        (private("ConditionSchema"), private("DeclaredTest"), private("Comparison"));
    let tests = index.conditions.iter().map(|(position, test)| {
        let (field, ordinal) = (&collection.fields[*position], *position as u16);
        let test = match test {
            ConditionTest::Absent => written!(#declared::Absent),
            ConditionTest::Present => written!(#declared::Present),
            ConditionTest::Compared(comparison, value) => {
                let comparison = Ident::new(comparison, Span::mixed_site());
                let (ty, scalar) = (&field.ty, stored(&field.ty, "scalar"));
                let is_text = matches!(&**value, Expr::Lit(literal) if matches!(literal.lit, Lit::Str(_)));
                let value = without_self(value, &collection.ident);
                let value =
                    if is_text { written!(::core::convert::Into::into(#value)) } else { written!(#value) };
                let value =
                    if field.is_option() { written!(::core::option::Option::Some(#value)) } else { value };
                written!(#declared::Compared(#comparisons::#comparison, || {
                    let value: #ty = #value;
                    #scalar(value)
                }))
            }
        };
        written!(#condition { field: #ordinal, test: #test })
    });
    Some(written!(.with_condition(&[#(#tests),*])))
}

/// One `FieldSchema` per field.
fn fields(collection: &Collection) -> Vec<TokenStream> {
    let relations: Vec<_> = collection.relations().collect();
    let schema_of = |(position, field): (usize, &crate::model::Field)| {
        let name = &field.name;
        let new = stored(&field.ty, "SCHEMA");
        let reference =
            relations.iter().find(|(ordinal, ..)| usize::from(*ordinal) == position).map(|found| {
                let (_, _, relation) = found;
                let (on_delete, target) = (private("OnDelete"), &relation.target);
                let action = match relation.on_delete {
                    OnDelete::Restrict => written!(Restrict),
                    OnDelete::Cascade => written!(Cascade),
                    OnDelete::SetNull => written!(SetNull),
                };
                let (_, last) = ends(target);
                let schema = at(last, written!(as ::epilog::__private::Target>::target));
                written!(.with_reference(<#target #schema, #on_delete::#action))
            });
        let default = field.attributes.default.as_ref().map(|(_, value)| {
            let value = without_self(value, &collection.ident);
            let scalar = stored(&field.ty, "scalar");
            let ty = &field.ty;
            written!(.with_default(|| {
                let value: #ty = #value;
                #scalar(value)
            }))
        });
        written!(#new.named(#name) #reference #default)
    };
    collection.fields.iter().enumerate().map(schema_of).collect()
}

fn encode(collection: &Collection) -> TokenStream {
    let puts = collection.fields.iter().enumerate().map(|(position, field)| {
        let (ident, ordinal) = (&field.ident, position as u16);
        let put = stored(&field.ty, "put");
        written!(#put(&self.#ident, record, #ordinal);)
    });
    let import = import();
    written!(#import #(#puts)*)
}

fn decode(collection: &Collection) -> TokenStream {
    let result = private("Result");
    let taken = collection.fields.iter().enumerate().map(|(position, field)| {
        let (ident, ordinal) = (&field.ident, position as u16);
        let take = stored(&field.ty, "take");
        written!(#ident: #take(record, #ordinal)?)
    });
    let import = import();
    written!(#import #result::Ok(Self { #(#taken,)* }))
}

//! Relations: the methods of the fields struct, and what lets the other side check them.

use proc_macro2::TokenStream;
use syn::ext::IdentExt;

use super::stored::{call, ends};
use super::{Names, at, braced, private};
use crate::model::Collection;

/// Everything about the relations of `collection`.
pub fn expand(collection: &Collection, names: &Names) -> TokenStream {
    let Names { fields: fields_struct, scope, mode } = names;
    let this = &collection.ident;
    let mode_trait = private("Mode");
    let methods =
        forward_methods(collection, names).chain(reverse_methods(collection, names)).collect::<Vec<_>>();
    let methods = (!methods.is_empty()).then(|| {
        written! {
            #[automatically_derived]
            #[allow(dead_code)]
            impl<#scope, #mode: #mode_trait> #fields_struct<#scope, #mode> {
                #(#methods)*
            }
        }
    });
    let (name, relation_trait) = (private("Name"), private("Relation"));
    let belongings = collection.relations().map(|(ordinal, field, relation)| {
        let target = &relation.target;
        let hash = name_hash(&field.name);
        written! {
            #[automatically_derived]
            impl #relation_trait<#this, #target> for #name<#hash> {
                const ORDINAL: ::core::primitive::u16 = #ordinal;
            }
        }
    });
    let (enlist, holds, schema_type) = (private("Enlist"), private("Holds"), private("CollectionSchema"));
    let list = private("List");
    let header = at(this.span(), written!(impl<#scope> #enlist<#scope> for #this));
    let held = collection.relations().map(|(_, _, relation)| {
        let target = &relation.target;
        at(this.span(), written!(#list<#scope>: #holds<#target, #scope>))
    });
    let collection_trait = private("Collection");
    let body = braced(
        this.span(),
        written! {
            fn enlist() -> &'static #schema_type {
                <Self as #collection_trait>::schema()
            }

        },
    );
    written! {
        #methods
        #(#belongings)*

        #[automatically_derived]
        #header
        where
            #(#held,)*
        #body
    }
}

/// `fn artist(&self) -> ArtistFields<S, …>` for each relation field.
fn forward_methods(collection: &Collection, names: &Names) -> impl Iterator<Item = TokenStream> {
    let Names { scope, mode, .. } = names;
    collection.relations().map(move |(ordinal, field, relation)| {
        let (ident, visibility, target) = (&field.ident, &field.visibility, &relation.target);
        let proxy = private("Proxy");
        let (first, last) = ends(target);
        let mode = match relation.optional {
            true => private("Opt"),
            false => {
                let mode_trait = private("Mode");
                written!(<#mode as #mode_trait>::Path)
            }
        };
        let fields = at(last, written!(as ::epilog::__private::Target>::Row<#scope, #mode>));
        let open = at(first, written!(<));
        let body = call(target, "follow", written!(#proxy::row(self), #ordinal));
        let doc = format!("The fields of the record that `{}` points at.", field.name);
        written! {
            #[doc = #doc]
            #[inline]
            #visibility fn #ident(&self) -> #open #target #fields {
                #body
            }
        }
    })
}

/// `fn albums(&self) -> Many<S, Album>` for each entry of `#[has_many(…)]`.
fn reverse_methods(collection: &Collection, names: &Names) -> impl Iterator<Item = TokenStream> {
    let scope = &names.scope;
    let this = &collection.ident;
    let visibility = &collection.visibility;
    collection.has_many.iter().map(move |entry| {
        let (name, target, field) = (&entry.name, &entry.target, &entry.field);
        let (many, proxy) = (private("Many"), private("Proxy"));
        let hash = name_hash(&field.unraw().to_string());
        let belongs =
            at(field.span(), written!(<#target as ::epilog::__private::BelongsTo<#this, #hash>>::ORDINAL));
        let doc = format!("The records whose `{}` points at this one.", field.unraw());
        written! {
            #[doc = #doc]
            #[inline]
            #visibility fn #name(&self) -> #many<#scope, #target> {
                #many::new(#proxy::row(self), #belongs)
            }
        }
    })
}

/// FNV-1a, 64 bits: the number that stands for a field's name in `BelongsTo`.
fn name_hash(name: &str) -> u64 {
    name.bytes()
        .fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hash_by_the_published_vectors() {
        assert_eq!(name_hash(""), 0xCBF2_9CE4_8422_2325);
        assert_eq!(name_hash("a"), 0xAF63_DC4C_8601_EC8C);
        assert_eq!(name_hash("foobar"), 0x8594_4171_F739_67E8);
    }
}

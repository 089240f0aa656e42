//! The fields struct: `ArtistFields<S, M>`.

use proc_macro2::TokenStream;
use quote::format_ident;

use super::stored::{call, member_type, member_value};
use super::{Names, private};
use crate::model::Collection;

/// The fields struct of `collection`, with what makes it a row's proxy.
pub fn expand(collection: &Collection, names: &Names) -> TokenStream {
    let Names { fields: fields_struct, scope, mode } = names;
    let (this, visibility) = (&collection.ident, &collection.visibility);
    let mode_trait = private("Mode");
    let (required, proxy, row_path) = (private("Req"), private("Proxy"), private("RowPath"));
    let (clone, copy) = (private("Clone"), private("Copy"));
    let (selection, row_of_proxy, item) = (private("Selection"), private("RowOf"), private("SelectItem"));
    let (describe_row, read_row, row_reader) =
        (private("describe_row"), private("read_row"), private("RowReader"));
    let (vec, result, error) = (private("Vec"), private("Result"), private("Error"));

    let is_of_key =
        |position: usize| collection.key.as_ref().is_some_and(|key| key.fields().contains(&position));
    // No update can set a field of the key: those have mode `M::Path`.
    let mode_of = |position: usize| match is_of_key(position) {
        true => written!(<#mode as #mode_trait>::Path),
        false => written!(#mode),
    };
    let members = collection.fields.iter().enumerate().map(|(position, field)| {
        let (ident, visibility, docs) = (&field.ident, &field.visibility, &field.docs);
        let mode = mode_of(position);
        let ty = member_type(&field.ty, scope, &mode);
        written!(#(#docs)* #visibility #ident: #ty)
    });
    let made = collection.fields.iter().enumerate().map(|(position, field)| {
        let ordinal = position as u16;
        member_value(&field.ty, &field.ident, written!(row, #ordinal))
    });
    // Any field knows the row, so that no hidden member is needed but where there is no field.
    let (marker, marker_made, row_of) = match collection.fields.first() {
        Some(field) => {
            let ident = &field.ident;
            (None, None, call(&field.ty, "row_of", written!(&self.#ident)))
        }
        None => {
            let marker = format_ident!("marker");
            let phantom = private("PhantomData");
            (
                Some(written!(#marker: #phantom<fn() -> (#scope, #mode)>)),
                Some(written!(#marker: #phantom)),
                written!(#row_path::source(0)),
            )
        }
    };
    let doc = format!(
        "The typed fields of [`{}`], as the closures of queries receive them.",
        collection.display_name()
    );

    written! {
        #[doc = #doc]
        #[allow(dead_code, missing_docs, missing_debug_implementations, non_snake_case)]
        #visibility struct #fields_struct<#scope, #mode: #mode_trait = #required> {
            #(#members,)*
            #marker
        }

        #[automatically_derived]
        impl<#scope, #mode: #mode_trait> #proxy for #fields_struct<#scope, #mode> {
            type Scope = #scope;
            type Mode = #mode;
            type Collection = #this;

            fn at(row: #row_path) -> Self {
                Self { #(#made,)* #marker_made }
            }

            fn row(&self) -> #row_path {
                #row_of
            }
        }

        #[automatically_derived]
        #[diagnostic::do_not_recommend]
        impl<#scope, #mode: #mode_trait> #selection<#scope> for #fields_struct<#scope, #mode> {
            type Value = #row_of_proxy<Self>;

            fn describe(self, columns: &mut #vec<#item>) {
                #describe_row(self, columns)
            }

            fn read(row: &mut #row_reader<'_>) -> #result<Self::Value, #error> {
                #read_row::<Self>(row)
            }
        }

        #[automatically_derived]
        impl<#scope, #mode: #mode_trait> #clone for #fields_struct<#scope, #mode> {
            #[inline]
            fn clone(&self) -> Self {
                *self
            }
        }

        #[automatically_derived]
        impl<#scope, #mode: #mode_trait> #copy for #fields_struct<#scope, #mode> {}
    }
}

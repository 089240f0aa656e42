//! The fields struct: `ArtistFields<S, M>`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::stored::stored;
use super::{Names, private};
use crate::model::Collection;

/// The fields struct of `collection`, with what makes it a row's proxy.
pub fn expand(collection: &Collection, names: &Names) -> TokenStream {
    let Names { fields: fields_struct, scope, mode } = names;
    let (this, visibility) = (&collection.ident, &collection.visibility);
    let mode_trait = private("Mode");
    let (required, proxy, row_path) = (private("Req"), private("Proxy"), private("RowPath"));
    let (clone, copy) = (private("Clone"), private("Copy"));

    let is_of_key =
        |position: usize| collection.key.as_ref().is_some_and(|key| key.fields().contains(&position));
    // No update can set a field of the key: those have mode `M::Path`.
    let mode_of = |position: usize| match is_of_key(position) {
        true => quote!(<#mode as #mode_trait>::Path),
        false => quote!(#mode),
    };
    let members = collection.fields.iter().enumerate().map(|(position, field)| {
        let (ident, visibility, docs) = (&field.ident, &field.visibility, &field.docs);
        let mode = mode_of(position);
        let ty = stored(&field.ty, &quote!(Field<#scope, #mode>));
        quote!(#(#docs)* #visibility #ident: #ty)
    });
    let row = quote!(row);
    let made = collection.fields.iter().enumerate().map(|(position, field)| {
        let ident = &field.ident;
        let mode = mode_of(position);
        let ordinal = position as u16;
        let value = stored(&field.ty, &quote!(field::<#scope, #mode>(#row, #ordinal)));
        quote!(#ident: #value)
    });
    // Any field knows the row, so that no hidden member is needed but where there is no field.
    let (marker, marker_made, row_of) = match collection.fields.first() {
        Some(field) => {
            let (ident, mode) = (&field.ident, mode_of(0));
            let call = stored(&field.ty, &quote!(row_of::<#scope, #mode>(&self.#ident)));
            (None, None, call)
        }
        None => {
            let marker = format_ident!("marker");
            let phantom = private("PhantomData");
            (
                Some(quote!(#marker: #phantom<fn() -> (#scope, #mode)>)),
                Some(quote!(#marker: #phantom)),
                quote!(#row_path::source(0)),
            )
        }
    };
    let doc = format!("The typed fields of [`{}`], as the closures of queries receive them.", collection.display_name());

    quote! {
        #[doc = #doc]
        #[allow(dead_code, missing_docs, missing_debug_implementations)]
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

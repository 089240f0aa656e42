//! `#[derive(View)]`: the literal that a closure writes, and how it is selected.

use proc_macro2::{Ident, TokenStream};

use super::{at, braced, fields_name, private};
use crate::hygiene::Words;
use crate::model::View;

/// The literal `TrackViewFields<A, B>` and its `Selection`.
pub fn expand(view: &View, words: &mut Words) -> TokenStream {
    let (this, visibility) = (&view.ident, &view.visibility);
    let literal = fields_name(this);
    let scope = words.fresh("S");
    let parameters: Vec<Ident> = (0..view.fields.len()).map(|number| words.fresh(&letters(number))).collect();
    let members = view.fields.iter().zip(&parameters).map(|(field, parameter)| {
        let (ident, visibility, docs) = (&field.ident, &field.visibility, &field.docs);
        written!(#(#docs)* #visibility #ident: #parameter)
    });
    let (selection, yields) = (private("Selection"), private("Yields"));
    let (vec, item, row_reader, result, error) =
        (private("Vec"), private("SelectItem"), private("RowReader"), private("Result"), private("Error"));
    let header = at(
        this.span(),
        written!(impl<#scope, #(#parameters),*> #selection<#scope> for #literal<#(#parameters),*>),
    );
    let bounds = view.fields.iter().zip(&parameters).map(|(field, parameter)| {
        let ty = &field.ty;
        at(this.span(), written!(#parameter: #yields<#scope, #ty>))
    });
    let described = view.fields.iter().map(|field| {
        let ident = &field.ident;
        written!(#selection::<#scope>::describe(self.#ident, columns);)
    });
    let read = view.fields.iter().zip(&parameters).map(|(field, parameter)| {
        let ident = &field.ident;
        written!(#ident: <#parameter as #selection<#scope>>::read(row)?)
    });
    let body = braced(
        this.span(),
        written! {
            type Value = #this;

            fn describe(self, columns: &mut #vec<#item>) {
                #(#described)*
            }

            fn read(row: &mut #row_reader<'_>) -> #result<#this, #error> {
                #result::Ok(#this { #(#read,)* })
            }

        },
    );
    let doc = format!("What a query selects for a [`{this}`]: a field or expression for each of its fields.");
    written! {
        #[doc = #doc]
        #[allow(missing_docs, missing_debug_implementations)]
        #visibility struct #literal<#(#parameters),*> {
            #(#members,)*
        }

        #[automatically_derived]
        #header
        where
            #(#bounds,)*
        #body
    }
}

/// `A` to `Z`, then `A26` and on.
fn letters(number: usize) -> String {
    match u8::try_from(number) {
        Ok(small) if small < 26 => char::from(b'A' + small).to_string(),
        _ => format!("A{number}"),
    }
}

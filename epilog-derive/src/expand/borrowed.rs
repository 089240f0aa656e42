//! The borrowed record: a struct with a method for each field.

use proc_macro2::{Ident, TokenStream};
use quote::format_ident;

use super::private;
use crate::hygiene::Words;
use crate::model::{Collection, Lent};

/// What the borrowed record of `collection` is called, in messages and nowhere else: it lies in a block of its own, and a program has no
/// name taken by it.
pub fn name(collection: &Collection, words: &mut Words) -> Ident {
    words.fresh(&format_ident!("{}Ref", collection.ident).to_string())
}

/// The struct, and its methods. They are most of what a collection of many fields costs rustc after its codec: so they say as little
/// as will do, and what is generic over a field's type is asked only where the type is not one that everybody knows.
pub fn expand(collection: &Collection, name: &Ident, words: &mut Words) -> TokenStream {
    let visibility = &collection.visibility;
    let (record, clone, copy) = (private("BorrowedRecord"), private("Clone"), private("Copy"));
    let (stored, not_stored, is_stored) = (private("Stored"), private("NotStored"), words.fresh("Stored"));
    let methods = collection.fields.iter().enumerate().map(|(position, field)| {
        let (ident, visibility, docs, ordinal) =
            (&field.ident, &field.visibility, &field.docs, position as u16);
        let (ty, read) = match field.lent() {
            Lent::Text => (written!(&'a ::core::primitive::str), written!(self.0.text(#ordinal))),
            Lent::TextOrNone => (
                written!(::core::option::Option<&'a ::core::primitive::str>),
                written!(self.0.text_or_none(#ordinal)),
            ),
            Lent::Bytes => (written!(&'a [::core::primitive::u8]), written!(self.0.bytes(#ordinal))),
            Lent::BytesOrNone => (
                written!(::core::option::Option<&'a [::core::primitive::u8]>),
                written!(self.0.bytes_or_none(#ordinal)),
            ),
            Lent::Primitive => (field.ty.clone(), written!(self.0.value(#ordinal))),
            Lent::Value => {
                let ty = &field.ty;
                (ty.clone(), written!(#is_stored::<#ty>::value(self.0, #ordinal)))
            }
        };
        written! {
            #(#docs)*
            #[inline]
            #visibility fn #ident(self) -> #ty {
                #read
            }
        }
    });
    written! {
        #[allow(unused_imports)]
        use {#not_stored as _, #stored as #is_stored};

        #visibility struct #name<'a>(#record<'a>);

        impl<'a> #name<'a> {
            #(#methods)*
        }

        impl #clone for #name<'_> {
            #[inline]
            fn clone(&self) -> Self {
                *self
            }
        }

        impl #copy for #name<'_> {}
    }
}

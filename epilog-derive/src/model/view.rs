//! A view: a struct that a query can select.

use proc_macro2::{Ident, TokenStream};
use syn::{Attribute, Data, DeriveInput, Fields, Visibility};

use crate::hygiene::without_self;

/// A view.
pub struct View {
    /// The struct's name.
    pub ident: Ident,
    /// The struct's visibility: that of the literal too.
    pub visibility: Visibility,
    /// Its fields, in the order written.
    pub fields: Vec<ViewField>,
}

/// A field of a view.
pub struct ViewField {
    /// Its name as written.
    pub ident: Ident,
    /// Its visibility.
    pub visibility: Visibility,
    /// Its doc comments.
    pub docs: Vec<Attribute>,
    /// Its type, `Self` spelled out.
    pub ty: TokenStream,
}

impl View {
    /// The model of `input`; without fields when it is not a struct with named ones.
    pub fn new(input: &DeriveInput) -> View {
        let fields = match &input.data {
            Data::Struct(data) => match &data.fields {
                Fields::Named(named) => named.named.iter().collect(),
                Fields::Unnamed(_) | Fields::Unit => Vec::new(),
            },
            Data::Enum(_) | Data::Union(_) => Vec::new(),
        };
        let field = |field: &syn::Field| {
            Some(ViewField {
                ident: field.ident.clone()?,
                visibility: field.vis.clone(),
                docs: field
                    .attrs
                    .iter()
                    .filter(|attribute| attribute.path().is_ident("doc"))
                    .cloned()
                    .collect(),
                ty: without_self(&field.ty, &input.ident),
            })
        };
        View {
            ident: input.ident.clone(),
            visibility: input.vis.clone(),
            fields: fields.into_iter().filter_map(field).collect(),
        }
    }
}

//! Writes Rust: thin implementations that call what `::epilog::__private` lists.

/// `quote!`, with every token that is not the user's at `Span::mixed_site`: local variables are out of the user's reach.
macro_rules! written {
    ($($tokens:tt)*) => {
        quote::quote_spanned!(proc_macro2::Span::mixed_site() => $($tokens)*)
    };
}

mod borrowed;
mod collection;
mod fields;
mod relation;
mod stored;
mod view;

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{ToTokens, format_ident};
use syn::DeriveInput;

use crate::context::Context;
use crate::hygiene::Words;
use crate::model::{Collection, View};
use crate::validate;

/// Everything of `#[derive(Collection)]`.
pub fn collection(input: &DeriveInput) -> TokenStream {
    let context = Context::new();
    let model = Collection::new(&context, input);
    validate::collection(&context, input, &model);
    let mut words = Words::of(input);
    let names = Names::new(&model.ident, &mut words);
    let is_sound = !context.has_errors();
    let mut written = context.finish();
    // A struct with parameters has no one type to implement anything for: other uses of it are mistaken anyway.
    if input.generics.params.is_empty() {
        written.extend(fields::expand(&model, &names));
        written.extend(relation::expand(&model, &names));
        written.extend(collection::expand(&model, &names, &mut words, is_sound));
    }
    written
}

/// Everything of `#[derive(View)]`.
pub fn view(input: &DeriveInput) -> TokenStream {
    let context = Context::new();
    let model = View::new(input);
    validate::view(&context, input);
    let mut words = Words::of(input);
    let mut written = context.finish();
    if input.generics.params.is_empty() && !model.fields.is_empty() {
        written.extend(view::expand(&model, &mut words));
    }
    written
}

/// The names that the parts of one derive share.
pub struct Names {
    /// The fields struct: `ArtistFields`.
    pub fields: Ident,
    /// Its scope parameter: `S`.
    pub scope: Ident,
    /// Its mode parameter: `M`.
    pub mode: Ident,
}

impl Names {
    fn new(ident: &Ident, words: &mut Words) -> Names {
        Names { fields: fields_name(ident), scope: words.fresh("S"), mode: words.fresh("M") }
    }
}

/// What the struct of typed fields of `ident` is called.
fn fields_name(ident: &Ident) -> Ident {
    format_ident!("{}Fields", ident, span = ident.span())
}

/// A path into `epilog::__private`, resolved where the macro is, never through the user's imports.
fn private(name: &str) -> TokenStream {
    let name = Ident::new(name, Span::mixed_site());
    written!(::epilog::__private::#name)
}

/// `{ tokens }`, the braces at `span`: an implementation whose header and braces lie on the user's struct is, to rustc,
/// written there and not by the derive.
fn braced(span: Span, tokens: TokenStream) -> Group {
    let mut group = Group::new(Delimiter::Brace, tokens);
    group.set_span(span);
    group
}

/// `tokens`, every one at `span`.
fn at(span: Span, tokens: impl ToTokens) -> TokenStream {
    tokens
        .into_token_stream()
        .into_iter()
        .map(|mut token| {
            if let proc_macro2::TokenTree::Group(group) = &token {
                let mut inner = Group::new(group.delimiter(), at(span, group.stream()));
                inner.set_span(span);
                token = inner.into();
            }
            token.set_span(span);
            token
        })
        .collect()
}

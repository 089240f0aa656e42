//! [`Stored`]: a field's type, asked to be storable.

use proc_macro2::{Span, TokenStream};
use quote::quote;

use super::at;

/// `<T as Stored>::…` for a field's type `T`.
///
/// Written so that every use lies on exactly the tokens of `T`: rustc reports each error once per place and text, so a
/// type that cannot be stored is one error, however often the written code asks.
pub fn stored(ty: &TokenStream, item: &TokenStream) -> TokenStream {
    let (first, last) = ends(ty);
    let open = at(first, quote!(<));
    let rest = at(last, quote!(as ::epilog::__private::Stored>::#item));
    quote!(#open #ty #rest)
}

/// The spans of the first and the last of `tokens`.
pub fn ends(tokens: &TokenStream) -> (Span, Span) {
    let mut spans = tokens.clone().into_iter().map(|token| token.span());
    let first = spans.next().unwrap_or_else(Span::mixed_site);
    (first, spans.last().unwrap_or(first))
}

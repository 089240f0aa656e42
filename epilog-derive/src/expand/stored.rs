//! How the written code names a field's type.
//!
//! The type of a member of the fields struct, `<M as Mode>::Field<S, T>`, is what asks whether `T` can be stored. rustc
//! reports an error once per place and text, so whatever must name that type lies on exactly the tokens of `T`.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};

use super::{at, private};

/// `Stored::<T>::item` for a field's type `T`: accepts every type.
pub fn stored(ty: &TokenStream, item: &str) -> TokenStream {
    let (stored, item) = (private("Stored"), Ident::new(item, Span::mixed_site()));
    written!(#stored::<#ty>::#item)
}

/// A call of `Stored::<T>::function()`, on the tokens of `T`: asks for what only some types have.
pub fn ask(ty: &TokenStream, function: &str) -> TokenStream {
    let (first, last) = ends(ty);
    let function = Ident::new(function, last);
    let start = at(first, written!(::epilog::__private::Stored::<));
    let end = at(last, written!(>::#function();));
    written!(#start #ty #end)
}

/// Brings in what stands in for the functions of `Stored` where a type cannot be stored.
pub fn import() -> TokenStream {
    let not_stored = private("NotStored");
    written!(#[allow(unused_imports)] use #not_stored as _;)
}

/// `<mode as Mode>::Field<scope, T>`, on the tokens of `T`.
pub fn member_type(ty: &TokenStream, scope: &Ident, mode: &TokenStream) -> TokenStream {
    let (first, last) = ends(ty);
    let start = at(first, written!(<#mode as ::epilog::__private::Mode>::Field<#scope,));
    let end = at(last, written!(>));
    written!(#start #ty #end)
}

/// A call of `::epilog::__private::function`, on the tokens of `T`: the path and the whole call alike.
pub fn call(ty: &TokenStream, function: &str, arguments: TokenStream) -> TokenStream {
    let (first, last) = ends(ty);
    let start = at(first, written!(::epilog::__private::));
    let function = Ident::new(function, last);
    let mut arguments = Group::new(Delimiter::Parenthesis, arguments);
    arguments.set_span(last);
    written!(#start #function #arguments)
}

/// `name: member(arguments)` in a literal of the fields struct, on the tokens of `T`.
pub fn member_value(ty: &TokenStream, name: &Ident, arguments: TokenStream) -> TokenStream {
    let mut name = name.clone();
    name.set_span(ends(ty).0);
    let value = call(ty, "member", arguments);
    written!(#name: #value)
}

/// The spans of the first and the last of `tokens`.
pub fn ends(tokens: &TokenStream) -> (Span, Span) {
    let mut spans = tokens.clone().into_iter().map(|token| token.span());
    let first = spans.next().unwrap_or_else(Span::mixed_site);
    (first, spans.last().unwrap_or(first))
}

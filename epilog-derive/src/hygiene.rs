//! Names that cannot meet the user's.
//!
//! Local variables are hygienic under `Span::mixed_site`; items and generic parameters are not. The names of those are
//! therefore chosen among the words that the struct does not use.

use std::collections::HashSet;

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;

/// The words used in a piece of the user's code.
pub struct Words(HashSet<String>);

impl Words {
    /// The words of `tokens`, attributes included.
    pub fn of(tokens: impl ToTokens) -> Words {
        let mut words = HashSet::new();
        collect(tokens.to_token_stream(), &mut words);
        Words(words)
    }

    /// An identifier that reads `base`, or `base` with the first number that makes it free. It is taken from then on.
    pub fn fresh(&mut self, base: &str) -> Ident {
        let numbered = (1..).map(|number| format!("{base}{number}"));
        let free = std::iter::once(base.to_string())
            .chain(numbered)
            .find(|word| !self.0.contains(word))
            .expect("a struct has finitely many words");
        let ident = Ident::new(&free, Span::mixed_site());
        self.0.insert(free);
        ident
    }
}

fn collect(tokens: TokenStream, words: &mut HashSet<String>) {
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => {
                words.insert(ident.unraw().to_string());
            }
            TokenTree::Group(group) => collect(group.stream(), words),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// `tokens` with `Self` spelled out as `name`, for use outside the struct.
pub fn without_self(tokens: impl ToTokens, name: &Ident) -> TokenStream {
    tokens
        .to_token_stream()
        .into_iter()
        .map(|token| match token {
            TokenTree::Ident(ident) if ident == "Self" => {
                let mut name = name.clone();
                name.set_span(ident.span());
                TokenTree::Ident(name)
            }
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), without_self(group.stream(), name));
                inner.set_span(group.span());
                TokenTree::Group(inner)
            }
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use quote::{format_ident, quote};

    use super::*;

    #[test]
    fn fresh_names_avoid_every_word_of_the_struct() {
        let mut words = Words::of(quote! { struct S { #[default(S1::NEW)] r#type: Vec<(u8, M)> } });
        assert_eq!(words.fresh("S"), "S2");
        assert_eq!(words.fresh("M"), "M1");
        assert_eq!(words.fresh("type"), "type1");
        assert_eq!(words.fresh("A"), "A");
        assert_eq!(words.fresh("A"), "A1");
    }

    #[test]
    fn self_is_spelled_out_at_any_depth() {
        let tokens = without_self(quote! { Option<(Id<Self>, u8)> }, &format_ident!("Employee"));
        assert_eq!(tokens.to_string(), quote! { Option<(Id<Employee>, u8)> }.to_string());
    }
}

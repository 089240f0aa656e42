//! [`Context`]: all mistakes of one derive.

use std::cell::RefCell;
use std::fmt::Display;

use proc_macro2::TokenStream;
use quote::ToTokens;

/// Gathers the mistakes of one derive.
///
/// Must be consumed by [`finish`](Context::finish): one dropped with its mistakes unreported would let a wrong struct
/// through.
#[derive(Default)]
pub struct Context {
    errors: RefCell<Option<Vec<syn::Error>>>,
}

impl Context {
    /// A context without mistakes.
    pub fn new() -> Context {
        Context { errors: RefCell::new(Some(Vec::new())) }
    }

    /// Reports a mistake on all of `tokens`.
    pub fn error(&self, tokens: impl ToTokens, message: impl Display) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    /// Reports a mistake that a parser found.
    pub fn push(&self, error: syn::Error) {
        self.errors.borrow_mut().as_mut().expect("a context is not used after it is finished").push(error);
    }

    /// Whether a mistake was reported.
    pub fn has_errors(&self) -> bool {
        self.errors.borrow().as_ref().is_some_and(|errors| !errors.is_empty())
    }

    /// The mistakes as `compile_error!`s; nothing when there are none.
    pub fn finish(self) -> TokenStream {
        let errors = self.errors.borrow_mut().take().expect("a context is finished once");
        errors.iter().map(syn::Error::to_compile_error).collect()
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        if !std::thread::panicking() && self.errors.borrow().is_some() {
            panic!("a context was dropped with its mistakes unreported");
        }
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    #[test]
    fn every_mistake_becomes_an_error() {
        let context = Context::new();
        assert!(!context.has_errors());
        context.error(quote!(one), "one");
        context.error(quote!(two), "two");
        assert!(context.has_errors());
        let text = context.finish().to_string();
        assert_eq!(text.matches("compile_error").count(), 2);
    }

    #[test]
    #[should_panic(expected = "unreported")]
    fn dropping_mistakes_is_a_bug() {
        drop(Context::new());
    }
}

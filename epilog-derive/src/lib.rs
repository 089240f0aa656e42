//! The derive macros of Epilog: `#[derive(Collection)]` and `#[derive(View)]`.
//!
//! A derive goes one way: attributes are parsed (`attr`), put together with the struct into a model (`model`), the
//! model's rules are checked (`validate`), and Rust is written (`expand`). All mistakes of all stages gather in one
//! `context::Context`, each spanned on the user's token and saying what to write instead. A derive with mistakes still
//! writes the types that other code names, so that one mistake stays one error.
//!
//! Invariants of the written code:
//!
//! - It names only what `::epilog::__private` lists, by absolute paths.
//! - It brings no name into the user's scope but the fields struct (`ArtistFields`, `TrackViewFields`).
//! - Whether a field's type can be stored is asked in the fields struct alone, on the tokens of the type; whatever else
//!   must name the type accepts every type, or lies on the same tokens, so that rustc reports the type once.
//!
//! The attributes are described where users read about them: `epilog/src/collection/derive.md`.

mod attr;
mod context;
mod expand;
mod hygiene;
mod model;
mod suggest;
mod symbol;
mod validate;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a struct a collection. Documented where it is re-exported, in `epilog`.
#[proc_macro_derive(Collection, attributes(collection, default, has_many, index, key, on_delete, unique))]
pub fn derive_collection(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::collection(&input).into()
}

/// Makes a struct something a query can select. Documented where it is re-exported, in `epilog`.
#[proc_macro_derive(View)]
pub fn derive_view(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::view(&input).into()
}

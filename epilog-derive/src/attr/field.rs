//! The attributes of a field.

use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Attribute, Expr, Path, Token};

use super::is_bare;
use crate::context::Context;
use crate::suggest::instead;
use crate::symbol;

/// The attributes of one field, each at most once.
#[derive(Default)]
pub struct FieldAttributes {
    /// `#[key]`
    pub key: Option<Path>,
    /// `#[unique]`
    pub unique: Option<Path>,
    /// `#[index]`
    pub index: Option<Path>,
    /// The expression of `#[default(…)]` or `#[collection(default = …)]`.
    pub default: Option<(Path, Expr)>,
    /// The action of `#[on_delete(…)]`: one of [`symbol::ON_DELETE_ACTIONS`].
    pub on_delete: Option<(Path, Ident)>,
}

impl FieldAttributes {
    /// Parses those of `attributes` that are ours.
    pub fn parse(context: &Context, attributes: &[Attribute]) -> FieldAttributes {
        let mut parsed = FieldAttributes::default();
        for attribute in attributes {
            let path = attribute.path();
            if path.is_ident(symbol::KEY) {
                let bare = is_bare(
                    context,
                    attribute,
                    "on a field write `#[key]`; a key of several fields is `#[key(a, b)]` on the struct",
                );
                set(context, &mut parsed.key, path, bare.then(|| path.clone()));
            } else if path.is_ident(symbol::UNIQUE) {
                let bare = is_bare(
                    context,
                    attribute,
                    "on a field write `#[unique]`; for several fields write `#[index(a, b, unique)]` on the struct",
                );
                set(context, &mut parsed.unique, path, bare.then(|| path.clone()));
            } else if path.is_ident(symbol::INDEX) {
                let bare = is_bare(
                    context,
                    attribute,
                    "on a field write `#[index]` or `#[unique]`; an index of several fields is `#[index(a, b)]` on the struct",
                );
                set(context, &mut parsed.index, path, bare.then(|| path.clone()));
            } else if path.is_ident(symbol::DEFAULT) {
                let value = match attribute.parse_args::<Expr>() {
                    Ok(value) => Some((path.clone(), value)),
                    Err(_) => {
                        context.error(attribute, "write the default as an expression: `#[default(0)]`");
                        None
                    }
                };
                set(context, &mut parsed.default, path, value);
            } else if path.is_ident(symbol::ON_DELETE) {
                let action = parse_on_delete(context, attribute).map(|action| (path.clone(), action));
                set(context, &mut parsed.on_delete, path, action);
            } else if path.is_ident(symbol::COLLECTION) {
                let value = parse_collection(context, attribute).map(|value| (path.clone(), value));
                set(context, &mut parsed.default, path, value);
            } else if path.is_ident(symbol::HAS_MANY) {
                context.error(attribute, "`#[has_many(…)]` belongs on the struct, not on a field");
            }
        }
        parsed
    }
}

/// Fills a place that takes one attribute.
fn set<T>(context: &Context, place: &mut Option<T>, path: &Path, value: Option<T>) {
    if place.is_some() {
        let name = path.segments[0].ident.unraw();
        context.error(path, format_args!("`#[{name}]` is already on this field: remove one"));
    } else if value.is_some() {
        *place = value;
    }
}

/// `#[collection(default = …)]`: what `#[default(…)]` says, for a struct that derives `Default` too, whose own
/// `#[default]` stands in the way.
fn parse_collection(context: &Context, attribute: &Attribute) -> Option<Expr> {
    let parsed = attribute.parse_args_with(|input: ParseStream<'_>| {
        let option = Ident::parse_any(input)?;
        if option != symbol::DEFAULT {
            let word = option.unraw();
            let message = match word == "name" {
                true => String::from("`#[collection(name = …)]` belongs on the struct, not on a field"),
                false => format!("unknown option `{word}`: on a field there is only `default = …`"),
            };
            // The rest is not looked at.
            input.parse::<TokenStream>()?;
            return Ok(Err(syn::Error::new_spanned(option, message)));
        }
        input.parse::<Token![=]>()?;
        input.parse::<Expr>().map(Ok)
    });
    match parsed {
        Ok(Ok(value)) => Some(value),
        Ok(Err(error)) => {
            context.push(error);
            None
        }
        Err(_) => {
            context.error(attribute, "on a field write `#[collection(default = 0)]`");
            None
        }
    }
}

fn parse_on_delete(context: &Context, attribute: &Attribute) -> Option<Ident> {
    let Ok(action) = attribute.parse_args_with(Ident::parse_any) else {
        context.error(
            attribute,
            "write what happens here when the record pointed at is deleted: `#[on_delete(restrict)]`, `#[on_delete(cascade)]` or `#[on_delete(set_null)]`",
        );
        return None;
    };
    let word = action.unraw().to_string();
    if !symbol::ON_DELETE_ACTIONS.contains(&word.as_str()) {
        let instead = instead(&word, symbol::ON_DELETE_ACTIONS);
        context.error(&action, format_args!("unknown action `{word}`: {instead}"));
        return None;
    }
    Some(action)
}

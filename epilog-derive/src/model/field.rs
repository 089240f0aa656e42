//! A field of a collection.

use proc_macro2::{Ident, TokenStream};
use quote::quote_spanned;
use syn::ext::IdentExt;
use syn::{Attribute, GenericArgument, PathArguments, PathSegment, Type, Visibility};

use crate::attr::FieldAttributes;
use crate::context::Context;
use crate::hygiene::without_self;

/// A field of a collection.
pub struct Field {
    /// Its name as written, `r#` included.
    pub ident: Ident,
    /// Its name without `r#`.
    pub name: String,
    /// Its visibility.
    pub visibility: Visibility,
    /// Its doc comments.
    pub docs: Vec<Attribute>,
    /// Its type, `Self` spelled out.
    pub ty: TokenStream,
    /// Its type as parsed, for looking at.
    pub parsed: Type,
    /// Its attributes.
    pub attributes: FieldAttributes,
    /// Whether its type is `Id<Self>`, with or without that name: the key, unless another field is marked.
    pub is_own_id: bool,
    /// What it points at, if it is an `Id<…>` or `Option<Id<…>>`. The key's own id is told apart by the key.
    pub relation: Option<Relation>,
}

/// What a field points at.
pub struct Relation {
    /// The collection pointed at, `Self` spelled out.
    pub target: TokenStream,
    /// Whether the field is an `Option`.
    pub optional: bool,
    /// What a deletion there does here.
    pub on_delete: OnDelete,
}

/// The types of the language that can be stored.
const PRIMITIVES: [&str; 14] =
    ["bool", "char", "i8", "i16", "i32", "i64", "i128", "u8", "u16", "u32", "u64", "u128", "f32", "f64"];

/// How a field is read of a record where it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lent {
    Text,
    TextOrNone,
    Bytes,
    BytesOrNone,
    /// As a value of its type, an integer, a float, a `bool` or a `char`.
    Primitive,
    /// As a value of its type.
    Value,
}

/// What happens to the records that point at a deleted one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDelete {
    Restrict,
    Cascade,
    SetNull,
}

impl Field {
    /// The model of `field` of the collection `owner`.
    ///
    /// # Panics
    ///
    /// When the field has no name: only structs with named fields are collections.
    pub fn new(context: &Context, owner: &Ident, field: &syn::Field) -> Field {
        let ident = field.ident.clone().expect("a named field");
        let attributes = FieldAttributes::parse(context, &field.attrs);
        let on_delete = match &attributes.on_delete {
            Some((_, action)) if action == "cascade" => OnDelete::Cascade,
            Some((_, action)) if action == "set_null" => OnDelete::SetNull,
            _ => OnDelete::Restrict,
        };
        let required = argument_of(&field.ty, "Id");
        let optional = argument_of(&field.ty, "Option").and_then(|inner| argument_of(inner, "Id"));
        let relation = required.or(optional).map(|target| Relation {
            target: without_self(target, owner),
            optional: required.is_none(),
            on_delete,
        });
        Field {
            name: ident.unraw().to_string(),
            ident,
            visibility: field.vis.clone(),
            docs: field.attrs.iter().filter(|attribute| attribute.path().is_ident("doc")).cloned().collect(),
            ty: match owned(&field.ty) {
                Some(owned) => owned,
                None => without_self(&field.ty, owner),
            },
            parsed: field.ty.clone(),
            is_own_id: required.is_some_and(|target| names(target, owner)),
            attributes,
            relation,
        }
    }

    /// Whether its type is written `Vec<…>`, or `Option` of it, but for `Vec<u8>`, which are bytes.
    pub fn is_list(&self) -> bool {
        let present = argument_of(&self.parsed, "Option").unwrap_or(&self.parsed);
        let element = argument_of(present, "Vec");
        element.is_some_and(|element| last_segment(element).is_none_or(|name| name.ident != "u8"))
    }

    /// How it is read of a record where it is stored, by how its type is written.
    pub fn lent(&self) -> Lent {
        let present = argument_of(&self.parsed, "Option");
        let is_optional = present.is_some();
        let ty = present.unwrap_or(&self.parsed);
        let is = |ty: &Type, name: &str| {
            last_segment(ty).is_some_and(|last| last.ident == name && last.arguments.is_none())
        };
        match (is(ty, "String"), argument_of(ty, "Vec").is_some_and(|element| is(element, "u8"))) {
            (true, _) if is_optional => Lent::TextOrNone,
            (true, _) => Lent::Text,
            (_, true) if is_optional => Lent::BytesOrNone,
            (_, true) => Lent::Bytes,
            _ if !is_optional && PRIMITIVES.iter().any(|name| is(ty, name)) => Lent::Primitive,
            _ => Lent::Value,
        }
    }

    /// Whether its type is written `Option<…>`.
    pub fn is_option(&self) -> bool {
        argument_of(&self.parsed, "Option").is_some()
    }
}

/// What to write instead of a borrowed type, which is reported: code that uses the field is then right about it.
fn owned(ty: &Type) -> Option<TokenStream> {
    let Type::Reference(reference) = ty else { return None };
    let span = reference.and_token.span;
    Some(match &*reference.elem {
        Type::Slice(_) => quote_spanned!(span=> ::epilog::__private::Vec<::core::primitive::u8>),
        _ => quote_spanned!(span=> ::epilog::__private::String),
    })
}

/// `T`, when `ty` is a path whose last segment is `name<T>`.
pub fn argument_of<'a>(ty: &'a Type, name: &str) -> Option<&'a Type> {
    let PathSegment { ident, arguments: PathArguments::AngleBracketed(arguments) } = last_segment(ty)? else {
        return None;
    };
    match (ident == name, arguments.args.len(), arguments.args.first()) {
        (true, 1, Some(GenericArgument::Type(argument))) => Some(argument),
        _ => None,
    }
}

/// The last segment of a path type. A type that came through a `macro_rules` variable lies in an invisible group.
pub fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last(),
        Type::Group(group) => last_segment(&group.elem),
        Type::Paren(paren) => last_segment(&paren.elem),
        _ => None,
    }
}

/// Whether `ty` is `Self`, `owner` or `self::owner`.
fn names(ty: &Type, owner: &Ident) -> bool {
    match ty {
        Type::Path(path) if path.qself.is_none() => {
            let path = &path.path;
            let is_here = path.leading_colon.is_none()
                && (path.segments.len() == 1 || path.segments.len() == 2 && path.segments[0].ident == "self");
            let last = path.segments.last().map(|segment| segment.ident.unraw());
            is_here && last.is_some_and(|last| last == "Self" || last == owner.unraw())
        }
        Type::Group(group) => names(&group.elem, owner),
        Type::Paren(paren) => names(&paren.elem, owner),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use quote::format_ident;
    use syn::parse_quote;

    use super::*;

    fn check(ty: Type, own: bool, relation: Option<(&str, bool)>) {
        let context = Context::new();
        let field = Field::new(&context, &format_ident!("Album"), &parse_quote! { pub r#type: #ty });
        assert!(context.finish().is_empty());
        assert_eq!(field.name, "type");
        assert_eq!(field.is_own_id, own);
        let found = field.relation.map(|relation| (relation.target.to_string(), relation.optional));
        assert_eq!(found, relation.map(|(target, optional)| (target.to_string(), optional)));
    }

    #[test]
    fn ids_are_recognised_by_their_last_segment() {
        check(parse_quote!(Id<Self>), true, Some(("Album", false)));
        check(parse_quote!(epilog::Id<Album>), true, Some(("Album", false)));
        check(parse_quote!(Id<self::Album>), true, Some(("self :: Album", false)));
        check(parse_quote!(Id<Artist>), false, Some(("Artist", false)));
        check(parse_quote!(Option<Id<Self>>), false, Some(("Album", true)));
        check(
            parse_quote!(::core::option::Option<Id<music::Artist>>),
            false,
            Some(("music :: Artist", true)),
        );
        check(parse_quote!(Vec<Id<Artist>>), false, None);
        check(parse_quote!(Id), false, None);
        check(parse_quote!(Option<String>), false, None);
    }

    #[test]
    fn texts_and_bytes_are_lent() {
        let lent = |ty: Type| {
            let context = Context::new();
            let field = Field::new(&context, &format_ident!("Album"), &parse_quote! { name: #ty });
            assert!(!context.has_errors());
            context.finish();
            field.lent()
        };
        assert_eq!(lent(parse_quote!(::std::string::String)), Lent::Text);
        assert_eq!(lent(parse_quote!(Option<String>)), Lent::TextOrNone);
        assert_eq!(lent(parse_quote!(Vec<u8>)), Lent::Bytes);
        assert_eq!(lent(parse_quote!(std::option::Option<std::vec::Vec<u8>>)), Lent::BytesOrNone);
        assert_eq!(lent(parse_quote!(u8)), Lent::Primitive);
        for other in [
            parse_quote!(Vec<String>),
            parse_quote!(Vec<Vec<u8>>),
            parse_quote!(Id<String>),
            parse_quote!(Option<u8>),
        ] {
            assert_eq!(lent(other), Lent::Value);
        }
    }

    #[test]
    fn lists_are_recognised_by_how_they_are_written() {
        let is_list = |ty: Type| {
            let context = Context::new();
            let field = Field::new(&context, &format_ident!("Album"), &parse_quote! { tags: #ty });
            assert!(!context.has_errors());
            context.finish();
            field.is_list()
        };
        assert!(is_list(parse_quote!(Vec<String>)) && is_list(parse_quote!(Option<std::vec::Vec<i32>>)));
        assert!(!is_list(parse_quote!(Vec<u8>)) && !is_list(parse_quote!(String)));
    }
}

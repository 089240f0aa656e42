//! The attributes of the struct.

use proc_macro2::Ident;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::meta::ParseNestedMeta;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Expr, ExprLit, Lit, LitBool, LitInt, LitStr, Path, Token};

use crate::context::Context;
use crate::suggest::instead;
use crate::symbol;

/// The attributes of the struct.
#[derive(Default)]
pub struct OwnerAttributes {
    /// The name of `#[collection(name = "…")]`.
    pub name: Option<LitStr>,
    /// The bytes of `#[collection(page_size = …)]`.
    pub page_size: Option<u32>,
    /// `#[key(a, b)]`
    pub key: Option<ListAttribute>,
    /// `#[index(a, b)]`, `#[index(a, b, unique)]`
    pub indexes: Vec<ListAttribute>,
    /// `#[has_many(name: Other::field)]`
    pub has_many: Vec<HasManyAttribute>,
}

/// An attribute that lists fields.
pub struct ListAttribute {
    /// The attribute's own path, for mistakes about the whole.
    pub path: Path,
    /// The fields, in the order written.
    pub fields: Vec<Ident>,
    /// Whether it ends in `unique`.
    pub unique: bool,
    /// The fields of `include(…)` behind the fields.
    pub included: Vec<Ident>,
    /// The conditions of `where(…)` behind the fields.
    pub conditions: Vec<ConditionAttribute>,
}

/// One condition of `where(…)`.
pub struct ConditionAttribute {
    /// The field.
    pub field: Ident,
    /// What must hold of it.
    pub test: ConditionTest,
}

/// What must hold of a field.
#[derive(Clone)]
pub enum ConditionTest {
    /// `field.is_none()`
    Absent,
    /// `field.is_some()`
    Present,
    /// `field == value`, `field`, `!field`: the name of the comparison, and the value.
    Compared(&'static str, Box<Expr>),
}

/// One entry of `#[has_many(…)]`.
pub struct HasManyAttribute {
    /// The name of the method.
    pub name: Ident,
    /// The collection on the other side.
    pub target: Path,
    /// Its field that points back.
    pub field: Ident,
}

impl OwnerAttributes {
    /// Parses those of `attributes` that are ours.
    pub fn parse(context: &Context, attributes: &[Attribute]) -> OwnerAttributes {
        let mut parsed = OwnerAttributes::default();
        for attribute in attributes {
            let path = attribute.path();
            if path.is_ident(symbol::COLLECTION) {
                parsed.parse_collection(context, attribute);
            } else if path.is_ident(symbol::KEY) {
                let list = parse_list(
                    context,
                    attribute,
                    "on the struct write the key's fields: `#[key(a, b)]`; a key of one field is `#[key]` on that field",
                );
                match list {
                    Some(_) if parsed.key.is_some() => {
                        context.error(path, "a second `#[key(…)]`: a collection has one key, remove one");
                    }
                    Some(list) => parsed.key = Some(list),
                    None => {}
                }
            } else if path.is_ident(symbol::INDEX) {
                let list = parse_list(
                    context,
                    attribute,
                    "on the struct write the index's fields: `#[index(a, b)]`, `#[index(a, b, unique)]`, `#[index(a, include(b))]` or `#[index(a, where(b > 0))]`",
                );
                parsed.indexes.extend(list.map(ListAttribute::with_unique_split_off));
            } else if path.is_ident(symbol::HAS_MANY) {
                let entries = attribute
                    .parse_args_with(Punctuated::<HasManyAttribute, Token![,]>::parse_terminated)
                    .map(|entries| entries.into_iter().collect::<Vec<_>>());
                match entries {
                    Ok(entries) if !entries.is_empty() => parsed.has_many.extend(entries),
                    _ => context.error(
                        attribute,
                        "write a name and the field that points here: `#[has_many(albums: Album::artist)]`",
                    ),
                }
            } else if path.is_ident(symbol::UNIQUE) {
                context.error(
                    attribute,
                    "on the struct write `#[index(a, b, unique)]`; for one field write `#[unique]` on it",
                );
            } else if path.is_ident(symbol::DEFAULT) || path.is_ident(symbol::ON_DELETE) {
                let name = path.segments[0].ident.unraw();
                context
                    .error(attribute, format_args!("`#[{name}(…)]` belongs on a field, not on the struct"));
            }
        }
        parsed
    }

    fn parse_collection(&mut self, context: &Context, attribute: &Attribute) {
        let parsed = attribute.parse_nested_meta(|meta| {
            let word = meta.path.get_ident().map(|ident| ident.unraw().to_string()).unwrap_or_default();
            if word == "page_size" {
                return self.parse_page_size(&meta);
            }
            if word != "name" {
                return Err(syn::Error::new_spanned(
                    &meta.path,
                    format_args!(
                        "unknown option `{word}` of `#[collection]`: {}",
                        instead(&word, ["name", "page_size"])
                    ),
                ));
            }
            let name = meta.value().and_then(|value| value.parse::<LitStr>()).map_err(|_| {
                syn::Error::new_spanned(&meta.path, "write the name as a string: `name = \"artists\"`")
            })?;
            if name.value().is_empty() {
                return Err(syn::Error::new_spanned(
                    &name,
                    "a collection's name is not empty: write `name = \"artists\"`, or leave it out",
                ));
            }
            if self.name.is_some() {
                return Err(syn::Error::new_spanned(&meta.path, "a second `name`: remove one"));
            }
            self.name = Some(name);
            Ok(())
        });
        match parsed {
            Ok(()) if matches!(attribute.meta, syn::Meta::List(_)) => {}
            Err(error) if matches!(attribute.meta, syn::Meta::List(_)) => context.push(error),
            _ => context.error(attribute, "write the options: `#[collection(name = \"artists\")]`"),
        }
    }

    fn parse_page_size(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        const INSTEAD: &str =
            "write the page size in bytes, a power of two from 1,024 to 65,536: `page_size = 16_384`";
        let literal = meta
            .value()
            .and_then(|value| value.parse::<LitInt>())
            .map_err(|_| syn::Error::new_spanned(&meta.path, INSTEAD))?;
        let bytes = literal.base10_parse::<u32>().ok();
        let Some(bytes) = bytes.filter(|bytes| bytes.is_power_of_two() && (1024..=65536).contains(bytes))
        else {
            return Err(syn::Error::new_spanned(&literal, INSTEAD));
        };
        if self.page_size.replace(bytes).is_some() {
            return Err(syn::Error::new_spanned(&meta.path, "a second `page_size`: remove one"));
        }
        Ok(())
    }
}

/// Parses `(a, b)`. An empty list is a mistake too.
fn parse_list(context: &Context, attribute: &Attribute, instead: &str) -> Option<ListAttribute> {
    let mut conditions: Option<Vec<Expr>> = None;
    let mut included: Option<Vec<Ident>> = None;
    let fields = attribute.parse_args_with(|input: ParseStream<'_>| {
        let mut fields = Vec::new();
        while !input.is_empty() {
            if attribute.path().is_ident(symbol::INDEX) && input.peek(Token![where]) && conditions.is_none() {
                input.parse::<Token![where]>()?;
                let content;
                syn::parenthesized!(content in input);
                let parsed = Punctuated::<Expr, Token![,]>::parse_terminated(&content)?;
                conditions = Some(parsed.into_iter().collect());
            } else if attribute.path().is_ident(symbol::INDEX) && is_include(input) && included.is_none() {
                input.parse::<Ident>()?;
                let content;
                syn::parenthesized!(content in input);
                let parsed = content.parse_terminated(Ident::parse_any, Token![,])?;
                included = Some(parsed.into_iter().collect());
            } else {
                fields.push(Ident::parse_any(input)?);
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(fields)
    });
    match fields {
        Ok(fields)
            if !fields.is_empty()
                && conditions.as_ref().is_none_or(|all| !all.is_empty())
                && included.as_ref().is_none_or(|all| !all.is_empty()) =>
        {
            let of = |expr| ConditionAttribute::of(expr).map_err(|error| context.push(error)).ok();
            // All are looked at, for the mistakes in them.
            let conditions: Vec<Option<ConditionAttribute>> =
                conditions.into_iter().flatten().map(of).collect();
            let conditions = conditions.into_iter().collect::<Option<Vec<_>>>()?;
            let path = attribute.path().clone();
            let included = included.unwrap_or_default();
            Some(ListAttribute { path, fields, unique: false, included, conditions })
        }
        _ => {
            context.error(attribute, instead);
            None
        }
    }
}

/// Whether `include(` comes next: a field may be called so too.
fn is_include(input: ParseStream<'_>) -> bool {
    let word = input.fork().call(Ident::parse_any);
    input.peek2(syn::token::Paren) && word.is_ok_and(|word| word == symbol::INCLUDE)
}

impl ConditionTest {
    /// Whether it compares the field with a value.
    pub fn is_comparison(&self) -> bool {
        matches!(self, ConditionTest::Compared(..))
    }

    /// The test in words that stand before and behind the field in the name of an index.
    pub fn words(&self) -> (&'static str, String) {
        match self {
            ConditionTest::Absent => ("", "is_none".into()),
            ConditionTest::Present => ("", "is_some".into()),
            ConditionTest::Compared(comparison, value) => match &**value {
                Expr::Lit(ExprLit { lit: Lit::Bool(LitBool { value: true, .. }), .. }) => ("", String::new()),
                Expr::Lit(ExprLit { lit: Lit::Bool(LitBool { value: false, .. }), .. }) => {
                    ("not", String::new())
                }
                value => {
                    let text = value.to_token_stream().to_string();
                    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
                    let sign = if text.starts_with('-') { "minus" } else { "" };
                    let sign = Some(sign).filter(|sign| !sign.is_empty());
                    let words: Vec<&str> = sign.into_iter().chain(words).collect();
                    ("", format!("{}_{}", comparison.to_lowercase(), words.join("_")))
                }
            },
        }
    }
}

impl ConditionAttribute {
    fn of(expr: Expr) -> syn::Result<ConditionAttribute> {
        let field = |expr: &Expr| match expr {
            Expr::Path(path) => path.path.get_ident().cloned(),
            _ => None,
        };
        let boolean = |expr: &Expr, value: bool| {
            let (field, span) = (field(expr)?, expr.span());
            let value = syn::ExprLit { attrs: Vec::new(), lit: syn::LitBool::new(value, span).into() };
            Some((field, ConditionTest::Compared("Eq", Box::new(value.into()))))
        };
        let found = match &expr {
            Expr::Path(_) => boolean(&expr, true),
            Expr::Unary(syn::ExprUnary { op: syn::UnOp::Not(_), expr, .. }) => boolean(expr, false),
            Expr::MethodCall(call) if call.args.is_empty() => {
                let test = match call.method.to_string().as_str() {
                    "is_none" => Some(ConditionTest::Absent),
                    "is_some" => Some(ConditionTest::Present),
                    _ => None,
                };
                field(&call.receiver).zip(test)
            }
            Expr::Binary(binary) => {
                let comparison = match binary.op {
                    syn::BinOp::Eq(_) => Some("Eq"),
                    syn::BinOp::Lt(_) => Some("Lt"),
                    syn::BinOp::Le(_) => Some("Le"),
                    syn::BinOp::Gt(_) => Some("Gt"),
                    syn::BinOp::Ge(_) => Some("Ge"),
                    _ => None,
                };
                let value = |comparison| ConditionTest::Compared(comparison, binary.right.clone());
                field(&binary.left).zip(comparison.map(value))
            }
            _ => None,
        };
        let (field, test) = found.ok_or_else(|| {
            syn::Error::new_spanned(
                &expr,
                "no condition of an index: write `active`, `!active`, `size > 10` (or `==`, `<`, `<=`, `>=`), `gone.is_none()` or `gone.is_some()`, with commas between them",
            )
        })?;
        Ok(ConditionAttribute { field, test })
    }
}

impl ListAttribute {
    /// A word other than a field that may end the list.
    pub fn keyword(&self) -> Option<&'static str> {
        self.path.is_ident(symbol::INDEX).then_some(symbol::UNIQUE)
    }

    /// Takes a last word `unique` as what it says. A field of that name is written `r#unique` there.
    fn with_unique_split_off(mut self) -> ListAttribute {
        if self.fields.len() > 1 && self.fields.last().is_some_and(|last| last == symbol::UNIQUE) {
            self.fields.pop();
            self.unique = true;
        }
        self
    }
}

impl Parse for HasManyAttribute {
    fn parse(input: ParseStream<'_>) -> syn::Result<HasManyAttribute> {
        let name = Ident::parse_any(input)?;
        input.parse::<Token![:]>()?;
        let mut target = Path::parse_mod_style(input)?;
        let field = match target.segments.pop() {
            Some(last) if !target.segments.is_empty() => last.into_value().ident,
            _ => return Err(input.error("expected `Other::field`")),
        };
        // What is left ends in the separator before the field.
        target.segments.pop_punct();
        Ok(HasManyAttribute { name, target, field })
    }
}

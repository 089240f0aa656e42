//! The attributes as written, before any name in them is looked up.

mod field;
mod owner;

pub use field::FieldAttributes;
pub use owner::{ConditionAttribute, ConditionTest, HasManyAttribute, ListAttribute, OwnerAttributes};

use syn::{Attribute, Meta};

use crate::context::Context;

/// Whether `attribute` stands without arguments. If it has some, reports that, with what to write `instead`.
fn is_bare(context: &Context, attribute: &Attribute, instead: &str) -> bool {
    match &attribute.meta {
        Meta::Path(_) => true,
        _ => {
            context.error(attribute, instead);
            false
        }
    }
}

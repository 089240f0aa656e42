//! Text in lower and in upper case.
//!
//! By the rules of Unicode, whose tables have 35 KiB: with the feature `small` nothing leads here.

use alloc::string::String;

/// `text` in lower case.
pub fn lower(text: &str) -> String {
    text.to_lowercase()
}

/// `text` in upper case.
pub fn upper(text: &str) -> String {
    text.to_uppercase()
}

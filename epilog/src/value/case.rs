//! Text in lower and in upper case.
//!
//! By the rules of Unicode; with the feature `small` ASCII's letters change and all others stay: the tables of the others
//! have 35 KiB.

use alloc::string::String;

/// `text` in lower case.
pub fn lower(text: &str) -> String {
    if cfg!(feature = "small") { text.to_ascii_lowercase() } else { text.to_lowercase() }
}

/// `text` in upper case.
pub fn upper(text: &str) -> String {
    if cfg!(feature = "small") { text.to_ascii_uppercase() } else { text.to_uppercase() }
}

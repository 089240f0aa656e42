//! What is fuzzed: a function for each thing that reads bytes from disk, to be called with any bytes at all.
//!
//! Each takes what the fuzzer makes up, and panics when something is wrong: a panic of the library, an answer that is not
//! right, a walk that does not end. `tests/fuzz` gives them to `cargo fuzz`; `tests/tests/fuzz.rs` runs them over the
//! corpus that is kept there, and over bytes at random.
//!
//! Bytes alone would rarely get behind a checksum. So most targets start from something sound, change it as [`Input`]
//! says, and make the checksums right again when it says so.

mod change;
mod file;
mod header;
mod input;
mod journal;
mod json;
mod key;
mod page;
mod record;

pub use input::Input;

/// A thing to be fuzzed.
pub struct Target {
    /// Its name, and that of its corpus.
    pub name: &'static str,
    /// What is called with bytes.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: [Target; 8] = [
    Target { name: "page", run: page::run },
    Target { name: "journal", run: journal::run },
    Target { name: "header", run: header::run },
    Target { name: "json", run: json::run },
    Target { name: "key", run: key::run },
    Target { name: "record", run: record::run },
    Target { name: "change", run: change::run },
    Target { name: "file", run: file::run },
];

/// Runs the target `name`.
///
/// # Panics
///
/// When there is no such target, and when the target finds something.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.unwrap_or_else(|| panic!("no target `{name}`")).run)(bytes);
}

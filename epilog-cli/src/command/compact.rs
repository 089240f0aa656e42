//! `epilog compact FILE`: makes the file as short as it gets, in place; the one subcommand that writes to it. A crash at any
//! point loses nothing. The JSON object has `before_bytes`, `after_bytes`, `moved_bytes`.
//!
//! The file is opened and closed with the default options, so its journal goes, with what `Options::retain_changes` kept in it
//! and what was not archived yet. A program that uses either compacts by `Database::compact`.

use std::sync::Arc;

use epilog::Error;
use epilog::storage::pager::PagerOptions;
use epilog::storage::store::Store;
use epilog::vfs::{FileVfs, OpenMode, Vfs};
use serde_json::json;

use crate::arguments::Arguments;
use crate::bar::Bar;
use crate::outcome::{OK, Outcome, object};

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Error> {
    // To open for writing makes a file that does not exist.
    drop(FileVfs.open(&arguments.file, OpenMode::ReadWrite)?);
    let store = Store::open_untyped(Arc::new(FileVfs), &arguments.file, PagerOptions::default())?;
    let mut bar = Bar::new(arguments);
    // What is free is what the file can become shorter by.
    let free = store.stats().free_bytes;
    let done = store.compact(&mut |so_far| {
        let freed = so_far.before_bytes.saturating_sub(so_far.after_bytes);
        bar.set("compact", &format!(", {} MiB moved", so_far.moved_bytes >> 20), freed, free);
        true
    })?;
    drop(bar);
    store.close()?;
    let after = FileVfs.open(&arguments.file, OpenMode::Read)?.len()?;
    let text = format!("{}: {} bytes, {after} now\n", arguments.file, done.before_bytes);
    let members = object(json!({
        "before_bytes": done.before_bytes,
        "after_bytes": after,
        "moved_bytes": done.moved_bytes,
    }));
    Ok(Outcome { code: OK, text, members })
}

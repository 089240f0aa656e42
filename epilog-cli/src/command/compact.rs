//! `epilog compact FILE`: makes the file as short as it gets, in place; the one subcommand that writes to it. A crash at any
//! point loses nothing. The JSON object has `before_bytes`, `after_bytes`, `moved_bytes`.

use std::sync::Arc;

use epilog::Error;
use epilog::storage::pager::PagerOptions;
use epilog::storage::store::Store;
use epilog::vfs::{FileVfs, OpenMode, Vfs};
use serde_json::json;

use crate::arguments::Arguments;
use crate::outcome::{OK, Outcome, object};

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Error> {
    // To open for writing makes a file that does not exist.
    drop(FileVfs.open(&arguments.file, OpenMode::ReadWrite)?);
    let store = Store::open_untyped(Arc::new(FileVfs), &arguments.file, PagerOptions::default())?;
    let done = store.compact(&mut |_| true)?;
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

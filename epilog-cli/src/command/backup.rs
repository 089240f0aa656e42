//! `epilog backup FILE TARGET`: a verified copy. The JSON object has `target`, `commit`, `pages`, `bytes`, and `report`, that of
//! the check of the copy.

use std::sync::Arc;

use epilog::Error;
use epilog::storage::integrity::{self, Watch};
use epilog::vfs::FileVfs;
use serde_json::json;

use super::{check, counted, open};
use crate::arguments::Arguments;
use crate::bar::Bar;
use crate::outcome::{OK, Outcome, object};

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Error> {
    let target = &arguments.rest[0];
    let store = open(arguments)?;
    let mut bar = Bar::new(arguments);
    let report = integrity::backup(
        &store,
        Arc::new(FileVfs),
        target,
        &mut Watch::new(&mut |progress| bar.show(progress)),
    );
    drop(bar);
    let report = match report {
        Ok(report) => report,
        Err(error) => return Ok(Outcome::of_error_when_open(&error.into())),
    };
    let text = format!(
        "{target}: commit {}, {} in {}, {} bytes; verified\n",
        report.commit,
        counted(report.check.records, "record", "records"),
        counted(report.pages, "page", "pages"),
        report.bytes,
    );
    let members = object(json!({
        "target": target,
        "commit": report.commit,
        "pages": report.pages,
        "bytes": report.bytes,
        "report": check::to_json(&report.check),
    }));
    Ok(Outcome { code: OK, text, members })
}

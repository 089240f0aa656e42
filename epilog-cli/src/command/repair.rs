//! `epilog repair FILE TARGET`: saves what can be read into a new file. The JSON object has `target`, `complete`, `certain`,
//! `collections` (`name`, `records`, `lost`, which is `null` when not known), `journal_commits`, `loss_count`, the first
//! thousand `losses`, `damage`, and `report`, that of the check of the new file. The exit code is 1 when something was lost.

use std::fmt::Write;
use std::sync::Arc;

use epilog::Error;
use epilog::integrity::{self, RepairReport};
use epilog::vfs::{FileVfs, Vfs};
use serde_json::{Value, json};

use super::{check, counted};
use crate::arguments::Arguments;
use crate::bar::Bar;
use crate::outcome::{OK, Outcome, PROBLEMS, object};

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Error> {
    let target = &arguments.rest[0];
    let mut bar = Bar::new(arguments);
    let report =
        integrity::repair_in(Arc::new(FileVfs), &arguments.file, target, &mut |progress| bar.show(progress));
    drop(bar);
    let report = match report {
        Ok(report) => report,
        Err(error) if FileVfs.exists(&arguments.file)? => return Ok(Outcome::of_error_when_open(&error)),
        Err(error) => return Err(error),
    };
    let problems =
        |problems: &[integrity::Problem]| problems.iter().map(check::problem_to_json).collect::<Vec<Value>>();
    let collection = |saved: &integrity::RepairedCollection| json!({ "name": saved.name, "records": saved.records, "lost": saved.lost });
    let members = object(json!({
        "target": target,
        "complete": report.is_complete(),
        "certain": report.is_certain,
        "collections": report.collections.iter().map(collection).collect::<Vec<Value>>(),
        "journal_commits": report.journal_commits,
        "loss_count": report.loss_count,
        "losses": problems(&report.losses),
        "damage": problems(&report.damage),
        "report": check::to_json(&report.check),
    }));
    let code = if report.is_complete() { OK } else { PROBLEMS };
    Ok(Outcome { code, text: text(target, &report), members })
}

fn text(target: &str, report: &RepairReport) -> String {
    let mut text = String::new();
    for damage in &report.damage {
        let _ = writeln!(text, "damaged: {damage}");
    }
    for loss in &report.losses {
        let _ = writeln!(text, "lost: {loss}");
    }
    let unnamed = report.loss_count - report.losses.len() as u64;
    if unnamed > 0 {
        let _ = writeln!(text, "... and {unnamed} more losses");
    }
    if !report.is_certain {
        text.push_str(
            "page map and free map are both damaged: deleted or older records may have come back\n",
        );
    }
    for saved in &report.collections {
        let lost = match saved.lost {
            Some(0) => String::new(),
            Some(lost) => format!(", {lost} lost"),
            None => ", some may be lost".to_string(),
        };
        let _ = writeln!(text, "{}: {} saved{lost}", saved.name, counted(saved.records, "record", "records"));
    }
    let complete = if report.is_complete() { "nothing is lost" } else { "not everything could be saved" };
    let _ = writeln!(text, "{target}: written and verified; {complete}");
    text
}

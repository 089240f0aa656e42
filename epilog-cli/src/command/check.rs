//! `epilog check FILE`: verifies everything. The JSON object has `report`: the counts of what was looked at, `problem_count`,
//! and the first thousand `problems`, each with `structure`, `collection`, `index`, `page`, `record`, `message`, `meaning`.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

use epilog::Error;
use epilog::integrity::{self, CheckReport, Problem};
use epilog::vfs::FileVfs;
use serde_json::{Value, json};

use super::counted;
use crate::arguments::Arguments;
use crate::bar::Bar;
use crate::outcome::{OK, Outcome, PROBLEMS, object};

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Error> {
    let mut bar = Bar::new(arguments);
    let report = integrity::check_in(Arc::new(FileVfs), &arguments.file, &mut |progress| bar.show(progress))?;
    drop(bar);
    let mut text = String::new();
    for problem in &report.problems {
        let _ = writeln!(text, "{problem}");
    }
    let unnamed = report.problem_count - report.problems.len() as u64;
    if unnamed > 0 {
        let _ = writeln!(text, "... and {unnamed} more");
    }
    let structures: BTreeSet<(String, &str)> = report
        .problems
        .iter()
        .map(|problem| (problem.structure.to_string(), problem.structure.meaning()))
        .collect();
    for (structure, meaning) in structures {
        let _ = writeln!(text, "{structure}: {meaning}");
    }
    text.push_str(&summary(&report));
    let code = if report.is_sound() { OK } else { PROBLEMS };
    Ok(Outcome { code, text, members: object(json!({ "report": to_json(&report) })) })
}

fn summary(report: &CheckReport) -> String {
    format!(
        "{}; looked at {} in {}, {}, {}, {} ({} bytes)\n",
        match report.problem_count {
            0 => "no problems".to_string(),
            count => counted(count, "problem", "problems"),
        },
        counted(report.records, "record", "records"),
        counted(report.collections, "collection", "collections"),
        counted(report.entries, "index entry", "index entries"),
        counted(report.values, "long value", "long values"),
        counted(report.images, "image", "images"),
        report.bytes,
    )
}

/// A report as JSON.
pub(super) fn to_json(report: &CheckReport) -> Value {
    json!({
        "sound": report.is_sound(),
        "commit": report.commit,
        "collections": report.collections,
        "records": report.records,
        "entries": report.entries,
        "values": report.values,
        "pages": report.pages,
        "images": report.images,
        "bytes": report.bytes,
        "problem_count": report.problem_count,
        "problems": report.problems.iter().map(problem_to_json).collect::<Vec<Value>>(),
    })
}

/// A problem as JSON.
pub(super) fn problem_to_json(problem: &Problem) -> Value {
    json!({
        "structure": problem.structure.to_string(),
        "collection": problem.collection,
        "index": problem.index,
        "page": problem.page,
        "record": problem.record,
        "message": problem.message,
        "meaning": problem.structure.meaning(),
    })
}

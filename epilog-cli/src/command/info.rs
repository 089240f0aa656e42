//! `epilog info FILE`: what the file holds. The JSON object has `database` (id in hexadecimal digits), `format`, `checkpoint`,
//! `commit` (the last one, the journal's included), `file_commit` (the last one without the journal), `clean`, `compressed`
//! (whether pages may be), `file_bytes`, `free_bytes`, `journal` (`null`, or `path` and `bytes`), and `collections`, each with
//! `name`, `id`, `records`, `key` (names of fields), `assigned`, `fields` (`name`, `type`, `optional`, `references`,
//! `on_delete`) and `indexes` (`name`, `fields`, `unique`, and where there are such `include` and `where`).

use std::fmt::Write;

use epilog::Error;
use epilog::schema::{CollectionDef, FieldDef, OnDelete};
use epilog::storage::facade::{Reading, View};
use serde_json::{Value, json};

use super::{counted, open};
use crate::arguments::Arguments;
use crate::outcome::{OK, Outcome, object};
use crate::value::hexadecimal;

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Error> {
    let store = open(arguments)?;
    let snapshot = store.snapshot();
    let operation = snapshot.operation();
    let view = operation.view();
    let mut text = String::new();
    let Some(info) = store.file_info()? else {
        let text = format!("{}: an empty database\n", arguments.file);
        return Ok(Outcome { code: OK, text, members: object(json!({ "collections": [] })) });
    };
    let database = hexadecimal(&info.database);
    let free = info.free_bytes.map_or_else(|| "?".to_string(), |bytes| bytes.to_string());
    let state = if info.is_clean { "closed" } else { "not closed, needs its journal" };
    let _ = writeln!(text, "{}: database {database}, format {}, {state}", arguments.file, info.format);
    let commit = snapshot.commit();
    let _ = writeln!(text, "commit {commit}, checkpoint {} of commit {}", info.checkpoint, info.commit);
    let compressed = if info.is_compressed { ", compressed" } else { "" };
    let _ = writeln!(text, "file of {} bytes, {free} of them free{compressed}", info.file_bytes);
    if let Some(bytes) = info.journal_bytes {
        let _ = writeln!(text, "journal `{}` of {bytes} bytes", info.journal);
    }
    let mut collections = Vec::new();
    for def in &view.catalog().collections {
        let records = view.count(def.id)?;
        let key = if def.assigned { ", key assigned" } else { "" };
        let _ = writeln!(text, "\n{} ({}{key})", def.name, counted(records, "record", "records"));
        for (position, field) in def.fields.iter().enumerate() {
            let key = if def.key.contains(&(position as u16)) { ", key" } else { "" };
            let _ = writeln!(text, "  {}: {}{key}", field.name, describe(field, &view));
        }
        for index in &def.indexes {
            let unique = if index.unique { "unique index" } else { "index" };
            let fields = names(def, &index.fields).join(", ");
            let included = match index.included() {
                [] => String::new(),
                included => format!(" including ({})", names(def, included).join(", ")),
            };
            let _ =
                writeln!(text, "  {unique} {} ({fields}){included}{}", index.name, def.condition_of(index));
        }
        collections.push(to_json(def, &view, records));
    }
    let journal = info.journal_bytes.map(|bytes| json!({ "path": info.journal, "bytes": bytes }));
    let members = object(json!({
        "database": database,
        "format": info.format,
        "checkpoint": info.checkpoint,
        "commit": commit,
        "file_commit": info.commit,
        "clean": info.is_clean,
        "compressed": info.is_compressed,
        "file_bytes": info.file_bytes,
        "free_bytes": info.free_bytes,
        "journal": journal,
        "collections": collections,
    }));
    Ok(Outcome { code: OK, text, members })
}

fn names<'d>(def: &'d CollectionDef, positions: &[u16]) -> Vec<&'d str> {
    positions.iter().map(|position| &*def.fields[usize::from(*position)].name).collect()
}

/// The field's type as a struct would declare it.
fn describe(field: &FieldDef, view: &View<'_>) -> String {
    let ty = match target(field, view) {
        Some(target) => format!("Id<{target}>"),
        None => field.ty.to_string(),
    };
    if field.optional { format!("Option<{ty}>") } else { ty }
}

fn target<'v>(field: &FieldDef, view: &View<'v>) -> Option<&'v str> {
    let target = view.catalog().collection(field.reference?.target)?;
    Some(&target.name)
}

fn to_json(def: &CollectionDef, view: &View<'_>, records: u64) -> Value {
    let field = |field: &FieldDef| {
        let on_delete = field.reference.map(|reference| match reference.on_delete {
            OnDelete::Restrict => "restrict",
            OnDelete::Cascade => "cascade",
            OnDelete::SetNull => "set_null",
        });
        json!({
            "name": field.name,
            "type": field.ty.name(),
            "optional": field.optional,
            "references": target(field, view),
            "on_delete": on_delete,
        })
    };
    let index = |index: &epilog::schema::IndexDef| {
        let mut about =
            json!({ "name": index.name, "fields": names(def, &index.fields), "unique": index.unique });
        if index.has_included() {
            about["include"] = json!(names(def, index.included()));
        }
        if index.is_partial() {
            about["where"] = json!(def.condition_of(index).trim_start_matches(" where "));
        }
        about
    };
    json!({
        "name": def.name,
        "id": def.id.0,
        "records": records,
        "key": names(def, &def.key),
        "assigned": def.assigned,
        "fields": def.fields.iter().map(field).collect::<Vec<Value>>(),
        "indexes": def.indexes.iter().map(index).collect::<Vec<Value>>(),
    })
}

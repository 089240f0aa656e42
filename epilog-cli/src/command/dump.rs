//! `epilog dump FILE [COLLECTION]...`: records, one JSON object a line: `{"collection":"Artist","record":{"id":1,"name":"…"}}`.
//! Collections come in the order they were made, records in that of their keys; values as `value` says. With `--json` a last
//! line has the number of records. A record that cannot be read ends the dump.

use std::io::{BufWriter, Write};

use epilog::Error;
use epilog::schema::CollectionDef;
use epilog::storage::facade::{Direction, View};
use epilog::storage::records::RecordRef;
use epilog::value::Scalar;
use serde_json::{Map, Value, json};

use super::open;
use crate::arguments::Arguments;
use crate::outcome::{OK, Outcome, USAGE, object};
use crate::value::to_json;

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Error> {
    let store = open(arguments)?;
    let snapshot = store.snapshot();
    let view = snapshot.view();
    let known = &view.catalog().collections;
    if let Some(name) = arguments.rest.iter().find(|name| !known.iter().any(|def| def.name == **name)) {
        let names: Vec<&str> = known.iter().map(|def| &*def.name).collect();
        let message = format!("there is no collection `{name}`, but `{}`", names.join("`, `"));
        let members = object(json!({ "error": { "kind": "NotFound", "message": message } }));
        return Ok(Outcome { code: USAGE, text: format!("epilog: {message}\n"), members });
    }
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut count = 0;
    for def in known.iter().filter(|def| arguments.rest.is_empty() || arguments.rest.contains(&def.name)) {
        count += dump(&mut out, &view, def)?;
    }
    out.flush().map_err(Error::custom)?;
    Ok(Outcome { code: OK, text: String::new(), members: object(json!({ "records": count })) })
}

fn dump(out: &mut dyn Write, view: &View<'_>, def: &CollectionDef) -> Result<u64, Error> {
    // By the catalog's own definition, which lives as long as the view.
    let Some(def) = view.catalog().collection(def.id) else { return Ok(0) };
    let mut count = 0;
    let mut leaves = view.leaves(def, 0, u128::MAX, Direction::Forward)?;
    while let Some(leaf) = leaves.next_leaf()? {
        for row in 0..leaf.len() {
            let line = json!({ "collection": def.name, "record": record(def, &leaf.record(row))? });
            writeln!(out, "{line}").map_err(Error::custom)?;
            count += 1;
        }
    }
    Ok(count)
}

fn record(def: &CollectionDef, record: &RecordRef<'_>) -> Result<Value, Error> {
    let mut members = Map::new();
    for (field, place) in def.fields.iter().zip(&def.layout.places) {
        let cell = record.field(place)?;
        let Some(scalar) = Scalar::from_cell(place.ty, cell.as_cell()) else {
            let problem = format!("field `{}` of a record of `{}` is no {}", field.name, def.name, place.ty);
            return Err(epilog::storage::StorageError::damage("record", problem).into());
        };
        members.insert(field.name.clone(), to_json(&scalar, place.ty));
    }
    Ok(Value::Object(members))
}

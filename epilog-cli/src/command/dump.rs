//! `epilog dump FILE [COLLECTION]...`: records, one JSON object a line: `{"collection":"Artist","record":{"id":1,"name":"…"}}`.
//! Collections come in the order they were made, records in that of their keys; values as `value` says. With `--json` a last
//! line has the number of records. A record that cannot be read ends the dump.

use std::io::{BufWriter, Write};

use epilog::Error;
use epilog::schema::CollectionDef;
use epilog::storage::facade::{Direction, Reading};
use epilog::storage::records::RecordRef;
use epilog::storage::store::Snapshot;
use epilog::value::Scalar;
use serde_json::{Map, Value, json};

use super::open;
use crate::arguments::Arguments;
use crate::outcome::{OK, Outcome, USAGE, object};
use crate::value::to_json;

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Error> {
    let store = open(arguments)?;
    let snapshot = store.snapshot();
    let known = &store.catalog().collections;
    if let Some(name) = arguments.rest.iter().find(|name| !known.iter().any(|def| def.name == **name)) {
        let names: Vec<&str> = known.iter().map(|def| &*def.name).collect();
        let message = format!("there is no collection `{name}`, but `{}`", names.join("`, `"));
        let members = object(json!({ "error": { "kind": "NotFound", "message": message } }));
        return Ok(Outcome { code: USAGE, text: format!("epilog: {message}\n"), members });
    }
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut count = 0;
    for def in known.iter().filter(|def| arguments.rest.is_empty() || arguments.rest.contains(&def.name)) {
        count += dump(&mut out, &snapshot, def)?;
    }
    out.flush().map_err(Error::custom)?;
    Ok(Outcome { code: OK, text: String::new(), members: object(json!({ "records": count })) })
}

/// So many leaves are read at a time: what an operation reads stays in memory until it ends.
const LEAVES: usize = 256;

fn dump(out: &mut dyn Write, snapshot: &Snapshot<'_>, def: &CollectionDef) -> Result<u64, Error> {
    let (mut count, mut low) = (0, Some(0));
    while let Some(from) = low.take() {
        let operation = snapshot.operation();
        let mut leaves = operation.view().leaves(def, from, u128::MAX, Direction::Forward)?;
        for _ in 0..LEAVES {
            let Some(leaf) = leaves.next_leaf()? else {
                low = None;
                break;
            };
            for row in 0..leaf.len() {
                let row = leaf.record(row);
                let line = json!({ "collection": def.name, "record": record(def, &row)? });
                writeln!(out, "{line}").map_err(Error::custom)?;
                count += 1;
                low = row.rank().checked_add(1);
            }
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

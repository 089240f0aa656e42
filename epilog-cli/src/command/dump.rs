//! `epilog dump FILE [COLLECTION]...`: records, one JSON object a line: `{"collection":"Artist","record":{"id":1,"name":"…"}}`.
//! Collections come in the order they were made, records in that of their keys; values as `value` says. With `--json` a last
//! line has the number of records. A record that cannot be read ends the dump; where it is the bytes of a blob that cannot be,
//! after a line that breaks off.

use std::io::{BufWriter, Write};

use epilog::Error;
use epilog::schema::CollectionDef;
use epilog::storage::facade::{Direction, Reading};
use epilog::storage::records::RecordRef;
use epilog::storage::store::Snapshot;
use epilog::storage::streamed::Chunks;
use epilog::value::Scalar;
use serde_json::{Value, json};

use super::open;
use crate::arguments::Arguments;
use crate::bar::Bar;
use crate::outcome::{OK, Outcome, USAGE, object};
use crate::value::{hexadecimal, to_json};

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
    let wanted: Vec<_> =
        known.iter().filter(|def| arguments.rest.is_empty() || arguments.rest.contains(&def.name)).collect();
    let mut total = 0;
    for def in &wanted {
        total += snapshot.operation().view().count(def.id)?;
    }
    let mut bar = Bar::beside_output(arguments);
    let mut count = 0;
    for def in wanted {
        dump(&mut out, &snapshot, def, &mut |records| {
            count += records;
            bar.set("records", "", count, total);
        })?;
    }
    drop(bar);
    out.flush().map_err(Error::custom)?;
    Ok(Outcome { code: OK, text: String::new(), members: object(json!({ "records": count })) })
}

/// So many leaves are read at a time: what an operation reads stays in memory until it ends.
const LEAVES: usize = 256;

/// Prints the records of a collection; `done` is told how many more they are, leaf by leaf.
fn dump(
    out: &mut dyn Write,
    snapshot: &Snapshot<'_>,
    def: &CollectionDef,
    done: &mut dyn FnMut(u64),
) -> Result<(), Error> {
    let mut low = Some(0);
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
                print(out, snapshot, def, &record(snapshot, def, &row)?)?;
                low = row.rank().checked_add(1);
            }
            done(leaf.len() as u64);
        }
    }
    Ok(())
}

/// What a field of a record has.
enum Member {
    Value(Value),
    /// A blob's id, and where its bytes lie.
    Blob(u64, Chunks),
}

/// Prints the line of a record. The bytes of blobs are read as they are printed, as there may be any number of them.
fn print(
    out: &mut dyn Write,
    snapshot: &Snapshot<'_>,
    def: &CollectionDef,
    members: &[Member],
) -> Result<(), Error> {
    let name = |name: &str| Value::from(name);
    write!(out, "{{\"collection\":{},\"record\":{{", name(&def.name)).map_err(Error::custom)?;
    for (position, (field, member)) in def.fields.iter().zip(members).enumerate() {
        let comma = if position > 0 { "," } else { "" };
        write!(out, "{comma}{}:", name(&field.name)).map_err(Error::custom)?;
        match member {
            Member::Value(value) => write!(out, "{value}").map_err(Error::custom)?,
            Member::Blob(id, chunks) => {
                if let Err(error) = print_blob(out, snapshot, *id, chunks) {
                    // What is printed of the error is on a line of its own.
                    writeln!(out).map_err(Error::custom)?;
                    return Err(error);
                }
            }
        }
    }
    writeln!(out, "}}}}").map_err(Error::custom)
}

/// So many bytes of a blob are read at a time.
const BLOB_BYTES: usize = 256 << 10;

fn print_blob(out: &mut dyn Write, snapshot: &Snapshot<'_>, id: u64, chunks: &Chunks) -> Result<(), Error> {
    let length = chunks.blob().len();
    write!(out, "{{\"id\":{id},\"length\":{length},\"bytes\":\"").map_err(Error::custom)?;
    let mut buffer = vec![0; BLOB_BYTES.min(usize::try_from(length).unwrap_or(BLOB_BYTES))];
    let mut offset = 0;
    while offset < length {
        let operation = snapshot.operation();
        let len = operation.view().read_blob(chunks, offset, &mut buffer)?;
        out.write_all(hexadecimal(&buffer[..len]).as_bytes()).map_err(Error::custom)?;
        offset += len as u64;
    }
    write!(out, "\"}}").map_err(Error::custom)
}

fn record(
    snapshot: &Snapshot<'_>,
    def: &CollectionDef,
    record: &RecordRef<'_>,
) -> Result<Vec<Member>, Error> {
    let mut members = Vec::with_capacity(def.fields.len());
    for (field, place) in def.fields.iter().zip(&def.layout.places) {
        let cell = record.field(place)?;
        let bytes = cell.as_cell();
        let Some(scalar) = Scalar::from_cell(place.ty, bytes) else {
            let problem = format!("field `{}` of a record of `{}` is no {}", field.name, def.name, place.ty);
            return Err(epilog::storage::StorageError::damage("record", problem).into());
        };
        members.push(match (scalar, bytes.and_then(|bytes| bytes.last_chunk())) {
            // Its id is behind its length.
            (Scalar::Blob(blob), Some(id)) => {
                Member::Blob(u64::from_le_bytes(*id), snapshot.operation().view().find_blob(blob)?)
            }
            (scalar, _) => Member::Value(to_json(&scalar, place.ty)),
        });
    }
    Ok(members)
}

//! Queries over stored records: by hand, and against a reference that does everything row by row with scalars.

mod answers;
#[cfg(not(feature = "small"))]
mod aside;
#[cfg(not(feature = "small"))]
mod derived;
#[cfg(not(feature = "small"))]
mod early;
mod memory;
#[cfg(not(feature = "small"))]
mod merge;
#[cfg(not(feature = "small"))]
mod nested;
#[cfg(not(feature = "small"))]
mod ordered;
mod reference;
#[cfg(not(feature = "small"))]
mod residency;
#[cfg(not(feature = "small"))]
mod runs;
#[cfg(not(feature = "small"))]
mod same;
#[cfg(not(feature = "small"))]
mod sieve;
#[cfg(not(feature = "small"))]
mod spans;
#[cfg(not(feature = "small"))]
mod spill;
#[cfg(all(feature = "std", not(feature = "small")))]
mod threads;
mod windows;

#[cfg(not(feature = "small"))]
use alloc::format;
#[cfg(not(feature = "small"))]
use alloc::string::String;
use alloc::vec::Vec;

use super::fixture;
use super::*;
use crate::schema::CollectionSchema;
use crate::storage::pager::Durability;
use crate::storage::store::Store;
use crate::value::Scalar;

/// The records of a test: for each collection those inserted, fields in the order declared.
type Records = [RecordsOf];

/// A collection, and its records.
type RecordsOf = (fn() -> &'static CollectionSchema, Vec<Vec<Scalar>>);

/// A database in memory with these records.
pub(in crate::engine) fn store(records: &Records) -> Store {
    let store = Store::in_memory(&fixture::DATABASE).expect("a sound schema");
    insert(&store, records);
    store
}

/// Five artists, forty albums and so many tracks: values that many share and that few do, in no order, and absent ones.
#[cfg(not(feature = "small"))]
fn with_tracks(count: i128) -> Vec<RecordsOf> {
    let string = |text: &str| Scalar::String(String::from(text));
    let artists = (1..=5).map(|n| Vec::from([Scalar::Int(n), string(&format!("artist {n}"))]));
    let albums = (1..=40).map(|n| {
        let released = if n % 3 == 0 { Scalar::Null } else { Scalar::Int(n) };
        Vec::from([Scalar::Int(n), string(&format!("{}", n % 7)), Scalar::Int(1 + n % 5), released])
    });
    let tracks = (1..=count).map(|n| {
        Vec::from([
            Scalar::Int(n),
            string(&format!("{}{}", "x".repeat((n % 13) as usize), n * 7 % 2999)),
            Scalar::Int(1 + n % 40),
            Scalar::Int(n * 31 % 1777 - 50),
            Scalar::Float((n % 100) as f64 / 7.0),
            Scalar::Bool(n % 2 == 0),
            if n % 6 == 0 { Scalar::Null } else { Scalar::Int(1 + n % 5) },
        ])
    });
    Vec::from([
        (fixture::Artist as fn() -> _, artists.collect()),
        (fixture::Album, albums.collect()),
        (fixture::Track, tracks.collect()),
    ])
}

fn insert(store: &Store, records: &Records) {
    let mut writer = store.begin_write().expect("a database of our own");
    for (schema, records) in records {
        let collection = writer.view().catalog().bound(schema()).expect("a collection of the schema").clone();
        let mut draft = RecordDraft::default();
        for record in records {
            draft.reset(&collection.layout);
            for (ordinal, value) in record.iter().enumerate() {
                draft.put_scalar(&collection.places[ordinal], value);
            }
            writer.insert(&collection, &mut draft).expect("records that keep the constraints");
        }
    }
    writer.commit(Durability::Immediate).expect("a commit");
}

/// [`super::count`] of a query that nothing ends.
fn count(reading: &dyn Reading, draft: &Draft) -> Result<u64, EngineError> {
    super::count(reading, draft, &Control::default())
}

/// [`super::exists`] of a query that nothing ends.
fn exists(view: View<'_>, draft: &Draft) -> Result<bool, EngineError> {
    super::exists(view, draft, &Control::default())
}

/// [`super::explain`] of a query of which nothing is required.
fn explain(view: View<'_>, draft: &Draft) -> Result<Plan, EngineError> {
    super::explain(view, draft, &Control::default())
}

/// [`super::keys`] of a query that nothing ends, in order if that is asked for.
fn keys(view: View<'_>, draft: &Draft, in_order: bool) -> Result<Vec<u128>, EngineError> {
    let mut keys = Vec::new();
    super::keys(view, draft, &Control::default(), &Run::default(), in_order, &mut |rank| {
        keys.push(rank);
        Ok(())
    })?;
    Ok(keys)
}

/// [`super::for_each`] of a query that nothing ends.
fn for_each<E: From<EngineError> + From<ExecError>>(
    reading: &dyn Reading,
    draft: &Draft,
    each: &mut dyn FnMut(&OutputBatch<'_>) -> Result<(), E>,
) -> Result<(), E> {
    super::for_each(reading, draft, &Control::default(), each)
}

/// All rows of a query with what was asked for about its running.
#[cfg(not(feature = "small"))]
fn controlled(
    reading: &dyn Reading,
    draft: &Draft,
    control: &Control,
) -> Result<Vec<Vec<Scalar>>, EngineError> {
    let mut out = Vec::new();
    super::for_each(reading, draft, control, &mut |batch| {
        append_scalars(batch, &mut out);
        Ok::<(), EngineError>(())
    })?;
    Ok(out)
}

/// All rows of a query by a plan, as [`scalars`].
fn rows(
    view: View<'_>,
    draft: &Draft,
    switches: impl Into<Switches>,
) -> Result<Vec<Vec<Scalar>>, EngineError> {
    scalars(run_with(view, draft, switches)?)
}

/// All rows as scalars; of a record, all fields as declared, or one `Null` where there is none.
fn scalars(mut rows: Rows<'_>) -> Result<Vec<Vec<Scalar>>, EngineError> {
    let mut out = Vec::new();
    while let Some(batch) = rows.next_batch()? {
        append_scalars(&batch, &mut out);
    }
    Ok(out)
}

fn append_scalars(batch: &OutputBatch<'_>, out: &mut Vec<Vec<Scalar>>) {
    assert!(batch.rows > 0, "a batch that is given out has rows");
    for row in 0..batch.rows {
        let mut values = Vec::new();
        for column in &batch.columns {
            match column {
                OutputColumn::Values(vector) => {
                    values.push(Scalar::from_cell(vector.ty(), vector.cell(row)).expect("a sound cell"));
                }
                OutputColumn::Records { collection, rows } => match &rows[row] {
                    None => values.push(Scalar::Null),
                    Some(record) => values.extend(collection.places.iter().map(|place| {
                        let cell = record.field(place).expect("a sound record");
                        Scalar::from_cell(place.ty, cell.as_cell()).expect("a sound cell")
                    })),
                },
            }
        }
        out.push(values);
    }
}

/// All rows of a query as a stream gives them, which goes on in another operation after each leaf or few.
fn streamed(reading: &dyn Reading, draft: &Draft) -> Result<Vec<Vec<Scalar>>, EngineError> {
    let mut stream = Stream::new(reading, draft, &Control::default())?;
    let mut out = Vec::new();
    while stream.next::<EngineError>(&mut |batch| {
        append_scalars(batch, &mut out);
        Ok(())
    })? {}
    assert!(stream.is_ended());
    Ok(out)
}

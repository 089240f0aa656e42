//! What is known of the records of a collection beyond their number: how many have no value in a field, how many different
//! values there are, and how these are spread.
//!
//! Above: `storage`, which makes statistics of a sample and keeps them with the data, and `engine::estimate`, which says by
//! them how many rows to expect. Here they are data. No answer depends on them, only how it is found.

mod spread;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::schema::IndexId;
use crate::value::{Scalar, Type};

pub(crate) use spread::{Moments, Spread, number};

/// A histogram has so many ranges at most.
pub const RANGES_MAX: usize = 32;

/// So many of the most frequent values of a field are kept by name.
pub const HEAVY_HITTERS_MAX: usize = 16;

/// What is known of a collection: see [`Database::statistics`](crate::Database::statistics).
///
/// Numbers of records in it are as of [`made_of`](Self::made_of) records, unless they say otherwise. Where not all records were
/// looked at they are estimates.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct CollectionStatistics {
    /// The collection's name.
    pub collection: String,
    /// How many records there are now, exactly.
    pub count: u64,
    /// How many leaf pages they lie on now: exactly, up to some ten thousand pages or more, about where there are more. What has a page
    /// of its own, as blobs and long texts do, is not among them.
    pub leaves: u64,
    /// How many bytes of its leaf a record takes, in the mean of those on up to 16 leaves; 0 where there is none. Of what has a page
    /// of its own the reference to it counts.
    pub bytes_per_record: u64,
    /// How many there were when the rest was made.
    pub made_of: u64,
    /// The commit whose records were looked at.
    pub made_at: u64,
    /// How many records were looked at: all, if as many as [`made_of`](Self::made_of).
    pub sampled: u64,
    /// About how many records were inserted, changed or deleted since. Of what was done before the database was opened only the
    /// difference in number is known.
    pub changed: u64,
    /// Its fields, in the order of the file; those of bytes, lists and blobs are not among them.
    pub fields: Vec<FieldStatistics>,
    /// Its indexes.
    pub indexes: Vec<IndexStatistics>,
}

/// What is known of the values of a field.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct FieldStatistics {
    /// The field's name.
    pub name: String,
    /// The type of its values.
    pub ty: Type,
    /// How many records have no value in it.
    pub nulls: u64,
    /// How many different values there are, the absent one not counted.
    pub distinct: u64,
    /// The least value: exactly, where all records were looked at or an index or the key begins with the field, else the least that
    /// was met. `None` where no value was met.
    pub min: Option<Scalar>,
    /// The greatest value, in the same way.
    pub max: Option<Scalar>,
    /// The values that are more frequent than others, the most frequent first: [`HEAVY_HITTERS_MAX`] at most.
    pub heavy_hitters: Vec<HeavyHitter>,
    /// The bounds of ranges that hold equally many of the records whose value is no heavy hitter, ascending: one more than there
    /// are ranges, and none where nothing is left. Of long texts they have the beginning.
    pub histogram: Vec<Scalar>,
    /// Where the field is in its collection.
    pub(crate) position: u16,
}

/// A value that is more frequent than others.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct HeavyHitter {
    /// The value.
    pub value: Scalar,
    /// How many records have it.
    pub count: u64,
}

/// What is known of the entries of an index.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct IndexStatistics {
    /// The index's name.
    pub name: String,
    /// The names of its fields, in its order.
    pub fields: Vec<String>,
    /// How many different values its first field has, its first two, and so on; the absent value counts as one. Of a list the
    /// elements are counted.
    pub distinct: Vec<u64>,
    /// How many entries there are now: exactly, but of an index of a list and of one with a condition, of which about so many.
    pub entries: u64,
    /// How many leaf pages they lie on now, as [`leaves`](CollectionStatistics::leaves) of records.
    pub leaves: u64,
    /// To about how many leaves of records each thousand entries lead that follow each other: few where records lie in about the order
    /// of the index, a thousand where they lie anywhere. `None` where that is not known: of collections of less than some hundred
    /// leaves, and of what versions before wrote.
    pub leaves_per_1000: Option<u16>,
    /// Its permanent id.
    pub(crate) id: IndexId,
}

impl CollectionStatistics {
    /// What is known of the field called `name`.
    pub fn field(&self, name: &str) -> Option<&FieldStatistics> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// What is known of the index called `name`.
    pub fn index(&self, name: &str) -> Option<&IndexStatistics> {
        self.indexes.iter().find(|index| index.name == name)
    }

    /// What is known of the field at `position`.
    pub(crate) fn at(&self, position: u16) -> Option<&FieldStatistics> {
        self.fields.iter().find(|field| field.position == position)
    }
}

impl fmt::Display for CollectionStatistics {
    /// A line for the collection, and one for each field and index.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CollectionStatistics { collection, count, made_of, sampled, changed, leaves, .. } = self;
        let each = self.bytes_per_record;
        writeln!(
            f,
            "{collection}: {count} records of {each} bytes on {leaves} leaves; of {made_of} then, {sampled} looked at, {changed} changed since"
        )?;
        for field in &self.fields {
            write!(f, "  {}: {} distinct, {} absent", field.name, field.distinct, field.nulls)?;
            if let (Some(min), Some(max)) = (&field.min, &field.max) {
                write!(f, ", {} to {}", min.text(field.ty), max.text(field.ty))?;
            }
            for (number, hitter) in field.heavy_hitters.iter().take(4).enumerate() {
                let lead = if number == 0 { ", most frequent" } else { "," };
                write!(f, "{lead} {} ({})", hitter.value.text(field.ty), hitter.count)?;
            }
            writeln!(f)?;
        }
        for index in &self.indexes {
            let distinct =
                index.distinct.iter().map(|count| format!("{count}")).collect::<Vec<_>>().join(", ");
            let IndexStatistics { name, entries, leaves, .. } = index;
            let fields = index.fields.join(", ");
            write!(
                f,
                "  index {name} ({fields}): {entries} entries on {leaves} leaves, {distinct} distinct"
            )?;
            if let Some(leaves) = index.leaves_per_1000 {
                write!(f, ", each thousand on {leaves} leaves")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

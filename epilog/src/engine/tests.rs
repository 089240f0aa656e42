//! Queries over stored records.

//! What queries answer, compared with the same questions asked of plain Rust values.
//!
//! - `operators`: every operator over every storable type, at the edges of its values.
//! - `differential`: random queries, over indexed records, unindexed records and vectors.
//! - `functions`: functions and casts, beside SQLite.
//! - `windows`: random ones, compared with SQLite's answers.
//! - `relations`, `aggregates`, `updates`, `returning`, `streams`: one claim a test, over the records of `music`.
//! - `lists`: fields that are lists, and the indexes of their elements.
//! - `json`: fields that are JSON.
//! - `borrowed`, `native`: records where they are stored, and predicates of a program's own over them.
//! - `includes`: records with those that belong to them.
//! - `beyond`: over many times what the page cache holds.
//! - `partial`: indexes of some records only.
//! - `covering`: indexes that include values.
//! - `clustering`: indexes whose order is that in which records lie.
//! - `early`: groups that are made before what is joined to them.
//! - `again`: queries that are within others more than once.
//! - `plans`: which way to the records is taken.
//! - `learning`: what running queries teaches about it.

mod groups;
mod includes;
mod json;
mod lists;
mod long;
mod meaning;
mod music;
mod native;

mod again;
mod aggregates;
mod beyond;
mod borrowed;
mod clustering;
mod covering;
mod differential;
mod early;
mod functions;
mod learning;
mod operators;
mod partial;
mod plans;
mod relations;
mod returning;
mod streams;
mod updates;
mod windows;

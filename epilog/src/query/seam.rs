//! What queries need of the engine and of storage, in one place.

pub(super) use crate::engine::{OutputBatch, OutputColumn, Plan, Rows, count, exists, explain, run};
pub(super) use crate::storage::facade::View;

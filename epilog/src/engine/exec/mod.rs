//! The executor: batches of one leaf page through operators.
pub mod output;
mod vector;
pub use output::{OutputBatch, OutputColumn};
pub use vector::Vector;

//! What the examples share: the Chinook music store as collections, questions about it, and a printer of tables; and TPC-H.

pub mod chinook;
pub mod questions;
pub mod table;
pub mod tpch;

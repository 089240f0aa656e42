//! TPC-H: a wholesaler's orders, lines, parts and suppliers, and the 22 questions of the benchmark as typed queries.
//!
//! - `tables`: the eight tables as collections. A foreign key is a relation, so that a query follows
//!   `l.order().customer().nation().name`; the prefixes of the columns' names are dropped.
//! - [`load`](fn@load): the data, by the crate `tpchgen` for a scale factor, which makes the same data each time.
//! - [`queries`]: the questions, with the substitution parameters that the specification validates with.
//! - [`answer`]: answers as text, and the expected ones under `data/tpch`, whose `SOURCE.md` says how they were obtained.
//!
//! Money and the other columns that the specification calls *decimal* are [`Decimal`](rust_decimal::Decimal)s: sums are
//! exact, and are compared as such.
//!
//! `cargo run --release -p epilog-examples --example tpch -- --sf 0.01 --check` runs them.

pub mod answer;
pub mod queries;

mod load;
mod tables;

pub use load::{TABLES, dump, for_each_line, load};
pub use tables::{Customer, LineItem, Nation, Order, Part, PartSupplier, Region, Supplier};
pub use tables::{CustomerFields, LineItemFields, PartSupplierFields};

epilog::schema!(pub Tpch { Region, Nation, Supplier, Customer, Part, PartSupplier, Order, LineItem });

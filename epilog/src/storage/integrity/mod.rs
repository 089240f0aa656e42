//! Whether a database is sound, and what to do when it is not: check, backup, repair.
//!
//! ```text
//! check      every structure of the file, then everything a snapshot holds
//! backup     a snapshot's pages into a new file, then a check of that file
//! repair     what verifies of a damaged file into a new file
//! ```
//!
//! Nothing here needs the structs of a program: the catalog in the file says what it holds. Nothing here changes the
//! database it reads.

mod backup;
mod catalog;
mod check;
mod claims;
mod collection;
mod index;
mod progress;
mod repair;
mod report;

pub use backup::{BackupReport, backup};
pub use check::{check, check_file};
pub use progress::{Phase, Progress, Watch};
pub use repair::{RepairReport, RepairedCollection, repair};
pub use report::{CheckReport, Problem, Structure};

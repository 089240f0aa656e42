//! Behaviour, crash, format and tidiness tests of Epilog, and the harness they stand on.

pub mod answers;
pub mod disk;
pub mod format;
pub mod fuzz;
pub mod golden;
pub mod history;
pub mod kill;
pub mod pages;
pub mod random;
pub mod sample;
pub mod simulation;

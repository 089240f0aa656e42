//! Behaviour, crash, format and tidiness tests of Epilog, and the harness they stand on.

pub mod answers;
pub mod disk;
pub mod format;
pub mod kill;
pub mod random;
pub mod sample;
pub mod simulation;

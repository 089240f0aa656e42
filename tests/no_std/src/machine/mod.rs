//! What the program needs of a machine: room for a heap, files, somewhere to write, and an end.

#[cfg(target_os = "none")]
mod cortex_m3;
#[cfg(target_os = "none")]
mod disk;
#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "none")]
pub use cortex_m3::{arena, exit, files, print, print_panic};
#[cfg(target_os = "linux")]
pub use linux::{arena, exit, files, print, print_panic};

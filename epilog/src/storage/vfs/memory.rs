//! [`MemoryVfs`]: files in memory.

/// Files in memory.
#[derive(Debug, Default, Clone)]
pub struct MemoryVfs {}

//! What turns bytes into bytes on their way to the disk and back: checksums, and access to fields of fixed width.

pub mod checksum;
pub(in crate::storage) mod fields;

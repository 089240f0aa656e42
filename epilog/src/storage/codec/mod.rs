//! What turns bytes into bytes on their way to the disk and back: checksums today.

pub mod checksum;

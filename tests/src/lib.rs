//! The harness the tests stand on.

//! Random queries against a reference.

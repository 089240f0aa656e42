//! Schema versions and migrations for Epilog.

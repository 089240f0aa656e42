//! The derive macros of Epilog.

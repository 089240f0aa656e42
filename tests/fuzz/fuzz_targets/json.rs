//! `cargo fuzz run json`; see `epilog_tests::fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| epilog_tests::fuzz::run("json", bytes));

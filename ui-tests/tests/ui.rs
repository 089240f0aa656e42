//! What the compiler says to our users: programs that must compile, and mistakes with the words they must get.
//!
//! `TRYBUILD=overwrite cargo test -p epilog-ui-tests --test ui` writes the words anew; read the difference before you
//! commit it.

use std::process::Command;

/// The compiler whose words the `.stderr` files are.
const COMPILER: &str = "rustc 1.95.";

/// The topics: the folders of `fail/`. A folder without any words yet is not run.
const TOPICS: [&str; 7] = ["collection", "database", "running", "query", "relation", "schema", "view"];

#[test]
fn programs_compile_and_run() {
    trybuild::TestCases::new().pass("pass/*.rs");
}

/// Apart from the programs that compile: by themselves the mistakes are checked in one run of cargo, not one by one.
#[test]
fn mistakes_read_well() {
    if !speaks_our_words() {
        eprintln!("skipping the mistakes: their words are those of `{COMPILER}`, this is another compiler");
        return;
    }
    let cases = trybuild::TestCases::new();
    for topic in TOPICS {
        cases.compile_fail(format!("fail/{topic}/*.rs"));
    }
}

/// Whether cargo runs the compiler whose words we keep.
fn speaks_our_words() -> bool {
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(compiler).arg("--version").output();
    version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).starts_with(COMPILER))
}

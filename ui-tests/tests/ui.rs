//! What the compiler says to our users: programs that must compile, and mistakes with the words they must get.
//!
//! `TRYBUILD=overwrite cargo test -p epilog-ui-tests --test ui` writes the words anew; read the difference before you
//! commit it.

use std::process::Command;

/// The compiler whose words the `.stderr` files are.
const COMPILER: &str = "rustc 1.95.";

/// The topics: the folders of `fail/`. A folder without any words yet is not run.
const TOPICS: [&str; 6] = ["collection", "database", "query", "relation", "schema", "view"];

#[test]
fn programs_compile_and_mistakes_read_well() {
    let cases = trybuild::TestCases::new();
    cases.pass("pass/*.rs");
    if speaks_our_words() {
        for topic in TOPICS {
            cases.compile_fail(format!("fail/{topic}/*.rs"));
        }
    } else {
        eprintln!("skipping the mistakes: their words are those of `{COMPILER}`, this is another compiler");
    }
}

/// Whether cargo runs the compiler whose words we keep.
fn speaks_our_words() -> bool {
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(compiler).arg("--version").output();
    version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).starts_with(COMPILER))
}

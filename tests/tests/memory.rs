//! One transaction of ten times the page cache's budget, in a process of its own whose memory is measured.

use std::process::Command;

/// Goal: a transaction larger than memory neither fails nor takes more than the budget and a quarter, and what it wrote is
/// there.
#[test]
#[cfg(target_os = "linux")]
fn a_transaction_of_ten_times_the_budget_stays_within_budget_and_a_quarter() {
    let output = Command::new(env!("CARGO_BIN_EXE_memory"))
        .args(["--cache-mib", "32", "--directory", env!("CARGO_TARGET_TMPDIR")])
        .output()
        .unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
}

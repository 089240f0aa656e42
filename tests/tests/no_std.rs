//! The whole engine in a program without the standard library: `tests/no_std`, built and run.
//!
//! It is a package outside the workspace, since it aborts on panics and has a heap of its own; what it is built into lies
//! under the workspace's target directory.

use std::path::Path;
use std::process::Command;

#[test]
fn a_program_without_the_standard_library_tells_its_story() {
    // As it is, and with the feature for devices of little memory.
    tell(&[]);
    tell(&["--features", "small"]);
}

fn tell(options: &[&str]) {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("no_std/Cargo.toml");
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--locked", "--manifest-path"])
        .arg(&manifest)
        .args(options)
        .env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("no_std"))
        // Flags for the workspace's build, such as a sanitizer's, are not for this one.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .output()
        .expect("cargo runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}{complained}", output.status);
    assert!(said.starts_with("no_std: ok, 228 records, "), "{said}{complained}");
}

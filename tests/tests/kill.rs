//! A process that is killed while it writes loses nothing that was acknowledged; `kill --kills 500` does it at length.

use std::path::Path;

use epilog_tests::kill::Hunt;

#[test]
fn a_killed_process_leaves_every_acknowledged_commit() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kill");
    let mut hunt = Hunt::new(Path::new(env!("CARGO_BIN_EXE_kill")), &directory, 7).unwrap();
    let tally = hunt.run(25).unwrap();
    assert_eq!(tally.kills, 25);
    assert!(tally.commits > 25, "{tally:?}");
}

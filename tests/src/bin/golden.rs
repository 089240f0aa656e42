//! Writes the golden files of the present format; see `epilog_tests::golden`.
//!
//! To be run when the format changes before its release, and once for each format version after that: files of a released
//! format are never written again.

use std::process::ExitCode;

use epilog_tests::format::format_version;
use epilog_tests::golden::{JOURNAL, PATH, directory, make};

fn main() -> ExitCode {
    match write() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn write() -> Result<(), String> {
    let files = make().map_err(|error| error.to_string())?;
    for (way, disk) in files {
        for name in [PATH, JOURNAL] {
            let Some(bytes) = disk.bytes(name) else { continue };
            let database = disk.bytes(PATH).ok_or("no database was made")?;
            let directory = directory(format_version(&database)).join(way);
            std::fs::create_dir_all(&directory)
                .map_err(|error| format!("{}: {error}", directory.display()))?;
            let path = directory.join(name);
            std::fs::write(&path, &bytes).map_err(|error| format!("{}: {error}", path.display()))?;
            println!("{}: {} bytes", path.display(), bytes.len());
        }
    }
    Ok(())
}

//! The subcommands, one file each.

mod backup;
mod check;
mod compact;
mod dump;
mod info;
mod repair;

use std::sync::Arc;

use epilog::Error;
use epilog::storage::pager::PagerOptions;
use epilog::storage::store::Store;
use epilog::vfs::FileVfs;

use crate::arguments::{Arguments, Command};
use crate::outcome::Outcome;

/// Does what was asked.
pub fn run(arguments: &Arguments) -> Outcome {
    let outcome = match arguments.command {
        Command::Check => check::run(arguments),
        Command::Compact => compact::run(arguments),
        Command::Backup => backup::run(arguments),
        Command::Info => info::run(arguments),
        Command::Dump => dump::run(arguments),
        Command::Repair => repair::run(arguments),
    };
    outcome.unwrap_or_else(|error| Outcome::of_error(&error))
}

/// Opens the file by its own catalog, without changing it.
fn open(arguments: &Arguments) -> Result<Store, Error> {
    let options = PagerOptions { read_only: true, ..PagerOptions::default() };
    Ok(Store::open_untyped(Arc::new(FileVfs), &arguments.file, options)?)
}

/// So many things.
fn counted(count: u64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

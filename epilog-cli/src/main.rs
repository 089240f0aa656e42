//! `epilog`: checks, repairs, copies and shows databases, without the program that made them.
//!
//! ```text
//! main        arguments in, exit code out
//! arguments   what was asked
//! command     one file a subcommand
//! outcome     what is printed, as text or as one JSON object, and the exit code
//! value       a stored value as JSON
//! bar         progress on a terminal
//! ```
//!
//! Of the subcommands only `compact` changes the database file; the others do not even recover it.

mod arguments;
mod bar;
mod command;
mod outcome;
mod value;

use std::process::ExitCode;

use arguments::{Arguments, HELP, Request};

fn main() -> ExitCode {
    let request = match Arguments::parse(std::env::args_os()) {
        Ok(request) => request,
        Err(message) => {
            eprintln!("epilog: {message}\n\nTry `epilog --help`.");
            return ExitCode::from(outcome::USAGE);
        }
    };
    match request {
        Request::Help => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        Request::Version => {
            println!("epilog {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        Request::Run(arguments) => {
            let outcome = command::run(&arguments);
            ExitCode::from(outcome.print(&arguments))
        }
    }
}

//! [`Arguments`]: what was asked on the command line.

use std::ffi::OsString;

use lexopt::prelude::*;

/// What `--help` prints.
pub const HELP: &str = "\
Checks, repairs, copies and shows Epilog databases.

Usage: epilog COMMAND FILE [ARGUMENTS] [OPTIONS]

Commands:
  check FILE                 verify everything: header, page map, images, trees, indexes,
                             relations, counts
  repair FILE TARGET         put what can be read of a damaged file into a new one, and list
                             what was lost
  compact FILE               make the file as short as it gets
  backup FILE TARGET         copy a database into a new file, and verify that
  info FILE                  show what the file holds: collections, fields, indexes, sizes
  dump FILE [COLLECTION]...  print records, one JSON object a line, the bytes of blobs included

Options:
  --json       one JSON object instead of text
  --quiet      no progress bar, also on a terminal
  -h, --help   this text
  --version    the version

Only `compact` changes FILE. The others do not even recover it: what its journal holds is
applied in memory. TARGET must not exist.

`compact` closes FILE as with the default options: its journal goes, with what
`Options::retain_changes` kept in it and what an archive does not have yet. A program that
uses either calls `Database::compact` itself.

Exit codes:
  0  done; nothing is wrong
  1  done; problems were found, or something was lost
  2  the command line is wrong
  3  FILE cannot be opened: it is missing, open elsewhere, no database, or of a newer format
  4  something else failed: TARGET exists or has no directory, the disk is full, reading or
     writing fails
  5  FILE is too damaged for the command: `check` says more, `repair` may help
";

/// A subcommand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// `check`
    Check,
    /// `repair`
    Repair,
    /// `compact`
    Compact,
    /// `backup`
    Backup,
    /// `info`
    Info,
    /// `dump`
    Dump,
}

impl Command {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Command::Check => "check",
            Command::Repair => "repair",
            Command::Compact => "compact",
            Command::Backup => "backup",
            Command::Info => "info",
            Command::Dump => "dump",
        }
    }

    fn named(name: &str) -> Option<Command> {
        let all = [
            Command::Check,
            Command::Repair,
            Command::Compact,
            Command::Backup,
            Command::Info,
            Command::Dump,
        ];
        all.into_iter().find(|command| command.name() == name)
    }
}

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arguments {
    /// The subcommand.
    pub command: Command,
    /// The database file.
    pub file: String,
    /// What follows: the target, or collections.
    pub rest: Vec<String>,
    /// Print JSON.
    pub json: bool,
    /// Show no progress.
    pub quiet: bool,
}

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Request {
    /// Print the help.
    Help,
    /// Print the version.
    Version,
    /// Run a subcommand.
    Run(Arguments),
}

impl Arguments {
    /// Reads a command line, the program's name first; the error is for the user.
    pub fn parse(line: impl IntoIterator<Item = OsString>) -> Result<Request, String> {
        let mut parser = lexopt::Parser::from_iter(line);
        let (mut json, mut quiet) = (false, false);
        let mut words = Vec::new();
        while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
            match argument {
                Long("help") | Short('h') => return Ok(Request::Help),
                Long("version") => return Ok(Request::Version),
                Long("json") => json = true,
                Long("quiet") => quiet = true,
                Value(word) => {
                    words.push(
                        word.into_string().map_err(|word| format!("{word:?} is not Unicode: rename it"))?,
                    );
                }
                other => return Err(other.unexpected().to_string()),
            }
        }
        let mut words = words.into_iter();
        let Some(name) = words.next() else { return Err("no command was given".into()) };
        let Some(command) = Command::named(&name) else {
            return Err(format!("there is no command `{name}`"));
        };
        let Some(file) = words.next() else { return Err(format!("`{name}` wants a file")) };
        let rest: Vec<String> = words.collect();
        match (command, rest.len()) {
            (Command::Repair | Command::Backup, 1)
            | (Command::Check | Command::Compact | Command::Info, 0) => {}
            (Command::Dump, _) => {}
            (Command::Repair | Command::Backup, 0) => return Err(format!("`{name}` wants a target, too")),
            _ => return Err(format!("`{name}` does not want `{}`", rest[rest.len() - 1])),
        }
        Ok(Request::Run(Arguments { command, file, rest, json, quiet }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Request, String> {
        Arguments::parse(line.split(' ').map(OsString::from))
    }

    #[test]
    fn command_lines_are_understood_or_refused_with_what_is_wrong() {
        let Ok(Request::Run(asked)) = parse("epilog --json backup a b") else { panic!("it is right") };
        assert_eq!(
            (asked.command, &*asked.file, &*asked.rest[0], asked.json),
            (Command::Backup, "a", "b", true)
        );
        assert!(
            matches!(parse("epilog dump a B C --quiet"), Ok(Request::Run(asked)) if asked.rest.len() == 2)
        );
        assert_eq!(parse("epilog check --help"), Ok(Request::Help));
        for (line, wrong) in [
            ("epilog", "no command"),
            ("epilog chekc a", "`chekc`"),
            ("epilog check", "wants a file"),
            ("epilog backup a", "wants a target"),
            ("epilog check a b", "does not want `b`"),
            ("epilog check a --jsno", "--jsno"),
        ] {
            let message = parse(line).unwrap_err();
            assert!(message.contains(wrong), "{line}: {message}");
        }
    }
}

//! [`Outcome`]: what a command comes to: text, a JSON object, an exit code.

use std::io::Write;

use epilog::{Error, ErrorKind};
use serde_json::{Map, Value, json};

use crate::arguments::Arguments;

/// Nothing is wrong.
pub const OK: u8 = 0;
/// Problems were found, or something was lost.
pub const PROBLEMS: u8 = 1;
/// The command line is wrong.
pub const USAGE: u8 = 2;
/// The file cannot be opened.
pub const CANNOT_OPEN: u8 = 3;
/// Something else failed.
pub const FAILED: u8 = 4;
/// The file is too damaged for the command.
pub const DAMAGED: u8 = 5;

/// What a command comes to.
pub struct Outcome {
    /// The exit code.
    pub code: u8,
    /// For people.
    pub text: String,
    /// For programs: the members of the object, but for those that every command has.
    pub members: Map<String, Value>,
}

impl Outcome {
    /// What a failure comes to.
    pub fn of_error(error: &Error) -> Outcome {
        let code = match error.kind() {
            ErrorKind::NotFound | ErrorKind::Locked | ErrorKind::NotADatabase | ErrorKind::NewerFormat => {
                CANNOT_OPEN
            }
            ErrorKind::Corruption | ErrorKind::Truncated => DAMAGED,
            _ => FAILED,
        };
        Outcome::failed(error, code)
    }

    /// What a failure comes to after the file was opened: what is not found is the target's directory.
    pub fn of_error_when_open(error: &Error) -> Outcome {
        match error.kind() {
            ErrorKind::NotFound => Outcome::failed(error, FAILED),
            _ => Outcome::of_error(error),
        }
    }

    fn failed(error: &Error, code: u8) -> Outcome {
        let kind = format!("{:?}", error.kind());
        let members = json!({ "error": { "kind": kind, "message": error.to_string() } });
        Outcome { code, text: format!("epilog: {error}\n"), members: object(members) }
    }

    /// Prints it; the exit code.
    pub fn print(self, arguments: &Arguments) -> u8 {
        if arguments.json {
            let mut all = Map::new();
            all.insert("command".into(), arguments.command.name().into());
            all.insert("file".into(), arguments.file.clone().into());
            let outcome = match self.code {
                OK => "ok",
                PROBLEMS => "problems",
                _ => "failed",
            };
            all.insert("outcome".into(), outcome.into());
            all.insert("exit_code".into(), self.code.into());
            all.extend(self.members);
            return written(std::io::stdout().lock(), &format!("{}\n", Value::Object(all)), self.code);
        }
        match self.code {
            OK | PROBLEMS => written(std::io::stdout().lock(), &self.text, self.code),
            _ => written(std::io::stderr().lock(), &self.text, self.code),
        }
    }
}

/// Nobody is left to tell when the other end of a pipe has gone.
fn written(mut to: impl Write, text: &str, code: u8) -> u8 {
    match to.write_all(text.as_bytes()).and_then(|()| to.flush()) {
        Ok(()) => code,
        Err(_) => code.max(FAILED),
    }
}

/// The members of a JSON object.
pub fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => Map::from_iter([("value".to_string(), other)]),
    }
}

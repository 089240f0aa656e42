//! [`Python`]: a process of Python's that answers one line with others.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::Outcome;

/// A script that runs. It ends with this.
pub struct Python {
    process: Child,
    requests: ChildStdin,
    replies: BufReader<ChildStdout>,
}

impl Python {
    /// Fails if Python lacks one of `packages`, named as `import` has them.
    pub fn check(python: &Path, packages: &str) -> Outcome<()> {
        let import = format!("import {packages}");
        let is_there = Command::new(python).args(["-c", &import]).stderr(Stdio::null()).status();
        if is_there.is_ok_and(|status| status.success()) {
            return Ok(());
        }
        Err(format!("`{}` has not all of the packages {packages}: say `--python PATH`", python.display())
            .into())
    }

    /// Starts `script`.
    pub fn start<A: AsRef<OsStr>>(
        python: &Path,
        script: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> Outcome<Python> {
        let mut process = Command::new(python)
            .arg(script)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let requests = process.stdin.take().ok_or("a process that was given a pipe has it")?;
        let replies = process.stdout.take().ok_or("a process that was given a pipe has it")?;
        Ok(Python { process, requests, replies: BufReader::new(replies) })
    }

    /// The first line of the answer to a line.
    pub fn ask(&mut self, request: &str) -> Outcome<String> {
        writeln!(self.requests, "{request}")?;
        self.requests.flush()?;
        self.line()
    }

    /// The next line.
    pub fn line(&mut self) -> Outcome<String> {
        let mut line = String::new();
        if self.replies.read_line(&mut line)? == 0 {
            return Err("Python's process ended: see above".into());
        }
        Ok(line.trim_end_matches('\n').to_owned())
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // Without anything to be asked it would end by itself; that it has is nobody's concern any more.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

//! [`Bar`]: progress on a terminal; nothing elsewhere.

use std::io::IsTerminal;
use std::ops::ControlFlow;

use epilog::integrity::Progress;
use indicatif::{ProgressBar, ProgressStyle};

use crate::arguments::Arguments;

/// Shows how far a command has come.
pub struct Bar {
    bar: Option<ProgressBar>,
    /// What is being done.
    phase: Option<String>,
}

impl Bar {
    /// A bar on standard error, if that is a terminal.
    pub fn new(arguments: &Arguments) -> Bar {
        let shown = !arguments.quiet && !arguments.json && std::io::stderr().is_terminal();
        let bar = shown.then(|| {
            let style = ProgressStyle::with_template("{prefix:>8}{msg} {wide_bar} {pos}/{len} {eta}");
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(0).with_style(style)
        });
        Bar { bar, phase: None }
    }

    /// As [`new`](Bar::new), for a command that prints as it goes: nothing if that is on a terminal, too.
    pub fn beside_output(arguments: &Arguments) -> Bar {
        if std::io::stdout().is_terminal() { Bar { bar: None, phase: None } } else { Bar::new(arguments) }
    }

    /// Shows this.
    pub fn show(&mut self, progress: Progress) -> ControlFlow<()> {
        if self.bar.is_some() {
            self.set(&progress.phase.to_string(), "", progress.done, progress.total);
        }
        ControlFlow::Continue(())
    }

    /// Shows that so much of a phase is done, of so much. Another phase begins anew; `more` is said of it.
    pub fn set(&mut self, phase: &str, more: &str, done: u64, total: u64) {
        let Some(bar) = &self.bar else { return };
        if self.phase.as_deref() != Some(phase) {
            bar.reset();
            bar.set_prefix(phase.to_string());
            self.phase = Some(phase.to_string());
        }
        bar.set_message(more.to_string());
        bar.set_length(total.max(done));
        bar.set_position(done);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_shows_what_it_was_told_last() {
        let mut bar = Bar { bar: Some(ProgressBar::hidden()), phase: None };
        let state = |bar: &Bar| {
            let bar = bar.bar.as_ref().unwrap();
            (bar.prefix(), bar.message(), bar.position(), bar.length())
        };
        bar.set("compact", ", 3 MiB moved", 5, 9);
        assert_eq!(state(&bar), ("compact".into(), ", 3 MiB moved".into(), 5, Some(9)));
        bar.set("compact", ", 4 MiB moved", 11, 9);
        assert_eq!(state(&bar), ("compact".into(), ", 4 MiB moved".into(), 11, Some(11)));
        bar.set("records", "", 0, 7);
        assert_eq!(state(&bar), ("records".into(), String::new(), 0, Some(7)));
    }
}

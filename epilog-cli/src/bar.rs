//! [`Bar`]: progress on a terminal; nothing elsewhere.

use std::io::IsTerminal;
use std::ops::ControlFlow;

use epilog::integrity::{Phase, Progress};
use indicatif::{ProgressBar, ProgressStyle};

use crate::arguments::Arguments;

/// Shows how far a command has come.
pub struct Bar {
    bar: Option<ProgressBar>,
    phase: Option<Phase>,
}

impl Bar {
    /// A bar on standard error, if that is a terminal.
    pub fn new(arguments: &Arguments) -> Bar {
        let shown = !arguments.quiet && !arguments.json && std::io::stderr().is_terminal();
        let bar = shown.then(|| {
            let style = ProgressStyle::with_template("{msg:>8} {wide_bar} {pos}/{len} {eta}");
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(0).with_style(style)
        });
        Bar { bar, phase: None }
    }

    /// Shows this.
    pub fn show(&mut self, progress: Progress) -> ControlFlow<()> {
        if let Some(bar) = &self.bar {
            if self.phase != Some(progress.phase) {
                bar.reset();
                bar.set_message(progress.phase.to_string());
                self.phase = Some(progress.phase);
            }
            bar.set_length(progress.total);
            bar.set_position(progress.done);
        }
        ControlFlow::Continue(())
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

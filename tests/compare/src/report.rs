//! [`Report`]: the figures, as a table and as lines for programs.

use std::fmt;

use crate::Times;

/// The figures of a run.
#[derive(Default)]
pub struct Report(Vec<Figure>);

struct Figure {
    name: &'static str,
    unit: &'static str,
    epilog: f64,
    sqlite: f64,
}

impl Report {
    /// Adds a figure: the medians of its rounds.
    pub fn add(&mut self, name: &'static str, unit: &'static str, times: Times) {
        self.0.push(Figure { name, unit, epilog: median(times.epilog), sqlite: median(times.sqlite) });
    }
}

/// The middle one; of an even number, the larger of the two in the middle.
fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:28} {:>12} {:>12} {:>12}",
            "CPU time per operation", "Epilog", "SQLite", "times faster"
        )?;
        for figure in &self.0 {
            let [epilog, sqlite] = [figure.epilog, figure.sqlite].map(human);
            writeln!(
                f,
                "{:28} {epilog:>12} {sqlite:>12} {:>12.2}",
                figure.name,
                figure.sqlite / figure.epilog
            )?;
        }
        writeln!(f)?;
        for Figure { name, unit, epilog, sqlite } in &self.0 {
            let name = name.replace(", ", "_").replace(' ', "_");
            let ratio = sqlite / epilog;
            writeln!(f, "figure={name} unit={unit} epilog={epilog:.1} sqlite={sqlite:.1} ratio={ratio:.3}")?;
        }
        Ok(())
    }
}

/// Nanoseconds, in the unit that leaves few digits.
fn human(ns: f64) -> String {
    match ns {
        ..1e3 => format!("{ns:.0} ns"),
        ..1e6 => format!("{:.2} µs", ns / 1e3),
        _ => format!("{:.2} ms", ns / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_medians_with_their_ratio() {
        let mut report = Report::default();
        let times = Times { epilog: vec![900.0, 100.0, 500.0], sqlite: vec![2_000_000.0, 1_000.0, 1_500.0] };
        report.add("get by key, twice", "ns", times);
        let text = report.to_string();
        assert!(text.contains("500 ns") && text.contains("1.50 µs") && text.contains("3.00\n"), "{text}");
        assert!(
            text.ends_with("figure=get_by_key_twice unit=ns epilog=500.0 sqlite=1500.0 ratio=3.000\n"),
            "{text}"
        );
    }
}

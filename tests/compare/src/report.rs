//! [`Report`]: the figures, as a table and as lines for programs.

use std::collections::BTreeMap;
use std::fmt;

/// What is measured. Less is better, of every one of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Figure {
    InsertInMemory,
    BulkLoad,
    BulkLoadAndClose,
    FileSize,
    OpenClean,
    OpenCleanCpu,
    OpenCleanRead,
    OpenCrashed,
    OpenCrashedCpu,
    OpenCrashedRead,
    GetByKey,
    GetByEmail,
    CountActive,
    GroupByAge,
    FirstOfAges,
    DurableCommitBytes,
    DurableCommitWrites,
    DurableCommitSyncs,
    DurableCommitP50,
    DurableCommitP99,
    DurableCommitCpu,
    UnsyncedCommitP50,
    UnsyncedCommitP99,
    UnsyncedCommitCpu,
    ReadAlone,
    ReadBesideWriter,
    ReadOneThreadCpu,
    ReadEightThreadsCpu,
    ReadOneThreadWall,
    ReadEightThreadsWall,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Unit {
    Nanoseconds,
    Bytes,
    Count,
}

impl Figure {
    pub const ALL: [Figure; 30] = {
        use Figure::*;
        [
            DurableCommitBytes,
            DurableCommitWrites,
            DurableCommitSyncs,
            DurableCommitP50,
            DurableCommitP99,
            DurableCommitCpu,
            UnsyncedCommitP50,
            UnsyncedCommitP99,
            UnsyncedCommitCpu,
            InsertInMemory,
            GetByKey,
            GetByEmail,
            CountActive,
            GroupByAge,
            FirstOfAges,
            BulkLoad,
            BulkLoadAndClose,
            FileSize,
            OpenClean,
            OpenCleanCpu,
            OpenCleanRead,
            OpenCrashed,
            OpenCrashedCpu,
            OpenCrashedRead,
            ReadAlone,
            ReadBesideWriter,
            ReadOneThreadCpu,
            ReadEightThreadsCpu,
            ReadOneThreadWall,
            ReadEightThreadsWall,
        ]
    };

    /// The name for programs, the one for people, and the unit.
    fn describe(self) -> (&'static str, &'static str, Unit) {
        use Unit::*;
        match self {
            Figure::InsertInMemory => ("insert_in_memory", "insert in memory, 2 indexes", Nanoseconds),
            Figure::BulkLoad => ("bulk_load", "bulk load, per record", Nanoseconds),
            Figure::BulkLoadAndClose => ("bulk_load_and_close", "  and close", Nanoseconds),
            Figure::FileSize => ("file_size", "files after the load", Bytes),
            Figure::OpenClean => ("open_clean_wall", "open, clean: time", Nanoseconds),
            Figure::OpenCleanCpu => ("open_clean_cpu", "  CPU", Nanoseconds),
            Figure::OpenCleanRead => ("open_clean_read", "  bytes read", Bytes),
            Figure::OpenCrashed => ("open_crashed_wall", "open after a crash: time", Nanoseconds),
            Figure::OpenCrashedCpu => ("open_crashed_cpu", "  CPU", Nanoseconds),
            Figure::OpenCrashedRead => ("open_crashed_read", "  bytes read", Bytes),
            Figure::GetByKey => ("get_by_key", "get by key", Nanoseconds),
            Figure::GetByEmail => ("get_by_unique_string", "get by unique string", Nanoseconds),
            Figure::CountActive => ("filtered_count", "filtered count, full scan", Nanoseconds),
            Figure::GroupByAge => ("group_by", "group by, full scan", Nanoseconds),
            Figure::FirstOfAges => ("secondary_range", "index range, first 100 by key", Nanoseconds),
            Figure::DurableCommitBytes => ("durable_commit_bytes", "durable commit: bytes written", Bytes),
            Figure::DurableCommitWrites => ("durable_commit_writes", "  write calls", Count),
            Figure::DurableCommitSyncs => ("durable_commit_syncs", "  syncs", Count),
            Figure::DurableCommitP50 => ("durable_commit_p50", "  time, p50", Nanoseconds),
            Figure::DurableCommitP99 => ("durable_commit_p99", "  time, p99", Nanoseconds),
            Figure::DurableCommitCpu => ("durable_commit_cpu", "  CPU", Nanoseconds),
            Figure::UnsyncedCommitP50 => ("unsynced_commit_p50", "unsynced commit: time, p50", Nanoseconds),
            Figure::UnsyncedCommitP99 => ("unsynced_commit_p99", "  time, p99", Nanoseconds),
            Figure::UnsyncedCommitCpu => ("unsynced_commit_cpu", "  CPU", Nanoseconds),
            Figure::ReadAlone => ("read_alone", "get by key, thread alone", Nanoseconds),
            Figure::ReadBesideWriter => ("read_beside_writer", "  beside a committing writer", Nanoseconds),
            Figure::ReadOneThreadCpu => ("read_1_thread_cpu", "get by key, 1 thread: CPU", Nanoseconds),
            Figure::ReadEightThreadsCpu => ("read_8_threads_cpu", "  8 threads: CPU", Nanoseconds),
            Figure::ReadOneThreadWall => ("read_1_thread_wall", "  1 thread: time", Nanoseconds),
            Figure::ReadEightThreadsWall => ("read_8_threads_wall", "  8 threads: time", Nanoseconds),
        }
    }

    /// The name for programs.
    pub fn name(self) -> &'static str {
        self.describe().0
    }
}

/// The figures of a run.
pub struct Report {
    engines: Vec<&'static str>,
    /// The rounds of each figure and engine, by its position.
    rounds: BTreeMap<(Figure, usize), Vec<f64>>,
}

impl Report {
    /// An empty one for these engines.
    pub fn new(engines: Vec<&'static str>) -> Report {
        Report { engines, rounds: BTreeMap::new() }
    }

    /// Adds what one round of one engine gave.
    pub fn add(&mut self, figure: Figure, engine: usize, value: f64) {
        self.rounds.entry((figure, engine)).or_default().push(value);
    }

    /// Keeps only the figures that are wanted: others were measured by the way.
    pub fn keep(&mut self, is_wanted: impl Fn(Figure) -> bool) {
        self.rounds.retain(|(figure, _), _| is_wanted(*figure));
    }

    fn median(&self, figure: Figure, engine: usize) -> Option<f64> {
        self.rounds.get(&(figure, engine)).map(|rounds| percentile(rounds.clone(), 0.5))
    }

    fn row(&self, figure: Figure) -> Row {
        let values: Vec<Option<f64>> =
            (0..self.engines.len()).map(|engine| self.median(figure, engine)).collect();
        let ours = self.engines.iter().position(|name| *name == OURS).and_then(|ours| values[ours]);
        let ratios = values.iter().map(|value| Some((*value)? / ours?).filter(|ratio| ratio.is_finite()));
        let ratios: Vec<Option<f64>> = ratios.collect();
        let peers = (0..self.engines.len()).filter(|engine| self.engines[*engine] != OURS);
        let best = peers.filter(|peer| values[*peer].is_some()).min_by(|one, other| {
            let value = |peer: &usize| values[*peer].unwrap_or(f64::INFINITY);
            value(one).total_cmp(&value(other))
        });
        Row { values, ratios, best }
    }
}

/// The engine that all others are compared with.
const OURS: &str = "epilog";

/// A figure of every engine.
struct Row {
    values: Vec<Option<f64>>,
    /// Times what ours has.
    ratios: Vec<Option<f64>>,
    /// The peer with the least.
    best: Option<usize>,
}

/// The value that this part of them does not exceed; of an even number, the larger of the two in the middle is the median.
pub fn percentile(mut values: Vec<f64>, part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() as f64 * part) as usize).min(values.len() - 1)]
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let measured: Vec<Figure> = Figure::ALL
            .into_iter()
            .filter(|figure| (0..self.engines.len()).any(|engine| self.median(*figure, engine).is_some()))
            .collect();
        write!(f, "{:30}", "")?;
        for name in &self.engines {
            write!(f, " {name:>17}")?;
        }
        writeln!(f, "   best peer")?;
        for figure in &measured {
            let (_, title, unit) = figure.describe();
            let Row { values, ratios, best } = self.row(*figure);
            write!(f, "{title:30}")?;
            for (engine, name) in self.engines.iter().enumerate() {
                let value = values[engine].map_or_else(|| "-".to_owned(), |value| unit.human(value));
                let ratio = ratios[engine].filter(|_| *name != OURS).map_or_else(String::new, times);
                write!(f, " {value:>10}{ratio:>7}")?;
            }
            match best {
                Some(best) => {
                    let ratio = ratios[best].map_or_else(String::new, times);
                    writeln!(f, "   {} {ratio}", self.engines[best])?;
                }
                None => writeln!(f)?,
            }
        }
        writeln!(f)?;
        for figure in &measured {
            let (name, _, unit) = figure.describe();
            let Row { values, ratios, best } = self.row(*figure);
            write!(f, "figure={name} unit={}", unit.name())?;
            for (engine, name) in self.engines.iter().enumerate() {
                if let Some(value) = values[engine] {
                    write!(f, " {name}={value:.2}")?;
                }
            }
            if let Some(best) = best {
                write!(f, " best_peer={}", self.engines[best])?;
                if let Some(ratio) = ratios[best] {
                    write!(f, " ratio_best={ratio:.3}")?;
                }
            }
            for (engine, name) in self.engines.iter().enumerate().filter(|(_, name)| **name != OURS) {
                if let Some(ratio) = ratios[engine] {
                    write!(f, " ratio_{name}={ratio:.3}")?;
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

fn times(ratio: f64) -> String {
    if ratio < 100.0 { format!("×{ratio:.2}") } else { format!("×{ratio:.0}") }
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Unit::Nanoseconds => "ns",
            Unit::Bytes => "bytes",
            Unit::Count => "count",
        }
    }

    /// In the unit that leaves few digits.
    fn human(self, value: f64) -> String {
        match (self, value) {
            (Unit::Nanoseconds, ..1e3) => format!("{value:.0} ns"),
            (Unit::Nanoseconds, ..1e6) => format!("{:.2} µs", value / 1e3),
            (Unit::Nanoseconds, _) => format!("{:.2} ms", value / 1e6),
            (Unit::Bytes, ..1024.0) => format!("{value:.0} B"),
            (Unit::Bytes, ..1_048_576.0) => format!("{:.1} KiB", value / 1024.0),
            (Unit::Bytes, _) => format!("{:.1} MiB", value / 1_048_576.0),
            (Unit::Count, _) => format!("{value:.2}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_medians_with_their_ratios() {
        let mut report = Report::new(vec!["epilog", "sqlite", "lmdb"]);
        for (engine, value) in
            [(0, 900.0), (0, 100.0), (0, 500.0), (1, 2e6), (1, 1e3), (1, 1500.0), (2, 400.0)]
        {
            report.add(Figure::GetByKey, engine, value);
        }
        report.add(Figure::FileSize, 1, 1048576.0);
        let text = report.to_string();
        assert!(text.contains("500 ns") && text.contains("1.50 µs  ×3.00"), "{text}");
        assert!(text.contains("   lmdb ×0.80\n"), "{text}");
        assert!(text.contains("1.0 MiB"), "{text}");
        let line = "figure=get_by_key unit=ns epilog=500.00 sqlite=1500.00 lmdb=400.00 best_peer=lmdb ratio_best=0.800 \
                    ratio_sqlite=3.000 ratio_lmdb=0.800\n";
        assert!(text.contains(line), "{text}");
        assert!(text.ends_with("figure=file_size unit=bytes sqlite=1048576.00 best_peer=sqlite\n"), "{text}");
    }

    #[test]
    fn every_figure_is_listed_once_under_a_name_of_its_own() {
        let mut figures = Figure::ALL.to_vec();
        figures.sort();
        figures.dedup();
        assert_eq!(figures.len(), Figure::ReadEightThreadsWall as usize + 1);
        let names: std::collections::BTreeSet<&str> = figures.iter().map(|figure| figure.name()).collect();
        assert_eq!(names.len(), figures.len());
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let values: Vec<f64> = (0..200).rev().map(f64::from).collect();
        assert_eq!(percentile(values.clone(), 0.5), 100.0);
        assert_eq!(percentile(values, 0.99), 198.0);
        assert_eq!(percentile(vec![3.0], 0.99), 3.0);
    }
}

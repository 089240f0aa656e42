//! [`Plan`]: what a run does, from the command line.

use std::path::PathBuf;

use crate::engines::{self, Engine, Outcome};
use crate::report::Figure;

/// What is printed for `--help`.
pub const HELP: &str = "\
Measures Epilog and other embedded engines on the same records.

    --quick              100,000 records and few rounds, instead of 1,000,000
    --records N          so many records
    --rounds N           rounds of what reads; what writes has a third of them
    --seed N             other records and other questions
    --only A,B           only figures whose names begin with one of these, such as get_by_key,durable_commit
    --engines A,B        only these engines
    --directory PATH     where the files are made, instead of the system's temporary directory
";

/// What happens in a run.
pub struct Plan {
    pub people: usize,
    /// Lookups in one round.
    pub lookups: usize,
    /// Rounds of what reads.
    pub rounds: usize,
    /// Durable commits in one round.
    pub durable_commits: usize,
    /// Commits in one round that wait for nothing.
    pub unsynced_commits: usize,
    pub seed: u64,
    /// The beginnings of the wanted figures' names; all when empty.
    only: Vec<String>,
    engines: Vec<String>,
    /// Where the files are made.
    pub directory: PathBuf,
    /// The engine that fills a directory and then aborts the process, in a process that does nothing else.
    pub crash: Option<(String, PathBuf)>,
}

impl Plan {
    /// The plan of these arguments; `None` when they ask for help.
    pub fn from_arguments(arguments: impl IntoIterator<Item = String>) -> Outcome<Option<Plan>> {
        let mut plan = Plan {
            people: 1_000_000,
            lookups: 100_000,
            rounds: 9,
            durable_commits: 500,
            unsynced_commits: 5_000,
            seed: 1,
            only: Vec::new(),
            engines: Vec::new(),
            directory: std::env::temp_dir(),
            crash: None,
        };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let mut value =
                || arguments.next().ok_or_else(|| format!("{argument} needs a value, see --help"));
            let number = |text: String| -> Outcome<u64> {
                Ok(text.parse().map_err(|error| format!("{argument} {text}: {error}"))?)
            };
            match argument.as_str() {
                "--help" => return Ok(None),
                "--quick" => {
                    plan.people = 100_000;
                    plan.lookups = 20_000;
                    plan.rounds = 5;
                    plan.durable_commits = 200;
                    plan.unsynced_commits = 2_000;
                }
                "--records" => plan.people = usize::try_from(number(value()?)?)?.max(1_000),
                "--rounds" => plan.rounds = usize::try_from(number(value()?)?)?.max(1),
                "--seed" => plan.seed = number(value()?)?,
                "--only" => plan.only = list(&value()?),
                "--engines" => plan.engines = list(&value()?),
                "--directory" => plan.directory = value()?.into(),
                "--crash" => plan.crash = Some((value()?, value()?.into())),
                _ => return Err(format!("unknown argument {argument}, see --help").into()),
            }
        }
        for name in &plan.only {
            if !Figure::ALL.iter().any(|figure| figure.name().starts_with(name)) {
                let names = Figure::ALL.map(Figure::name).join(", ");
                return Err(format!("no figure's name begins with {name}; there are {names}").into());
            }
        }
        plan.engines()?;
        Ok(Some(plan))
    }

    /// The wanted engines.
    pub fn engines(&self) -> Outcome<Vec<Box<dyn Engine>>> {
        let all = engines::all();
        let names: Vec<&str> = all.iter().map(|engine| engine.name()).collect();
        if let Some(name) = self.engines.iter().find(|name| !names.contains(&name.as_str())) {
            return Err(format!("there is no engine {name}; there are {}", names.join(", ")).into());
        }
        let is_wanted =
            |name: &str| self.engines.is_empty() || self.engines.iter().any(|wanted| wanted == name);
        Ok(all.into_iter().filter(|engine| is_wanted(engine.name())).collect())
    }

    /// Whether any of these figures is wanted.
    pub fn wants(&self, figures: &[Figure]) -> bool {
        let begins = |figure: &Figure| self.only.iter().any(|name| figure.name().starts_with(name));
        self.only.is_empty() || figures.iter().any(begins)
    }

    /// Rounds of what writes.
    pub fn write_rounds(&self) -> usize {
        self.rounds.div_ceil(3)
    }

    /// The records that one round of a writer beside a reader may insert.
    pub fn beside_commits(&self) -> usize {
        self.lookups / 2
    }

    /// The records that are committed one by one, after those of the load.
    pub fn later_people(&self) -> usize {
        let round = self.durable_commits + self.unsynced_commits + 2 + self.beside_commits();
        self.write_rounds() * round
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(arguments: &str) -> Outcome<Option<Plan>> {
        Plan::from_arguments(arguments.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn figures_and_engines_are_chosen_by_name() {
        let plan = plan("--quick --only get_by,file_size --engines lmdb,epilog --rounds 7").unwrap().unwrap();
        assert!(plan.wants(&[Figure::GetByKey]) && plan.wants(&[Figure::BulkLoad, Figure::FileSize]));
        assert!(!plan.wants(&[Figure::BulkLoad, Figure::GroupByAge]));
        let engines = plan.engines().unwrap();
        assert_eq!(engines.iter().map(|engine| engine.name()).collect::<Vec<_>>(), ["epilog", "lmdb"]);
        assert_eq!((plan.people, plan.write_rounds()), (100_000, 3));
    }

    #[test]
    fn what_does_not_exist_is_refused() {
        for arguments in ["--only nothing", "--engines nobody", "--rounds", "--rounds x", "--fast"] {
            assert!(plan(arguments).is_err(), "{arguments}");
        }
        assert!(plan("--help").unwrap().is_none());
    }
}

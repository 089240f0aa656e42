//! Random queries, asked three times: of records with indexes, of records without, of vectors. All must agree.
//!
//! A failure prints its seed. `EPILOG_QUERIES` asks for more queries than the default run, `EPILOG_QUERY_SEED` asks the one of
//! a seed again.

mod answer;
mod ask;
mod indexed;
mod library;
mod lower;
mod plain;

use std::env;

use ask::{Ask, Draw};
use epilog::{Database, Error};
use library::Library;

/// How many queries the default run asks in each of the parts below.
const QUERIES: u64 = 800;

/// The parts run side by side, each over a library of its own.
macro_rules! parts {
    ($($name:ident $number:literal;)*) => {$(
        #[test]
        fn $name() {
            run($number);
        }
    )*};
}

parts! {
    random_queries_agree_in_the_first_library 0;
    random_queries_agree_in_the_second_library 1;
    random_queries_agree_in_the_third_library 2;
    random_queries_agree_in_the_fourth_library 3;
}

const PARTS: u64 = 4;

/// Asks the queries of a part: the seeds that leave its number over when divided by the number of parts.
fn run(part: u64) {
    let number = |name: &str| {
        env::var(name).ok().map(|text| text.parse::<u64>().unwrap_or_else(|_| panic!("{name} is no number")))
    };
    let world = World::new(part);
    if let Some(seed) = number("EPILOG_QUERY_SEED") {
        if seed % PARTS == part {
            world.check(seed);
        }
        return;
    }
    let count = number("EPILOG_QUERIES").map_or(QUERIES, |count| count / PARTS);
    for turn in 0..count {
        world.check(turn * PARTS + part);
    }
}

/// One library, three times.
struct World {
    library: Library,
    plain: Database<plain::World>,
    indexed: Database<indexed::World>,
}

impl World {
    fn new(seed: u64) -> World {
        let library = Library::new(seed);
        let (plain, indexed) = (plain::database(&library), indexed::database(&library));
        World { library, plain, indexed }
    }

    /// Asks the query of a seed.
    fn check(&self, seed: u64) {
        let ask = Draw::new(seed, &self.library).ask();
        // Said even if the engine panics.
        let told = Told { seed, ask: &ask };
        let ordered = answer::is_ordered(&ask);
        let comparable = |mut rows: Vec<String>| {
            if !ordered {
                rows.sort();
            }
            rows
        };
        let expected = comparable(answer::answer(&self.library, &ask));
        self.compare("without indexes", &ask, plain::answer(&self.plain, &ask).map(comparable), &expected);
        self.compare("with indexes", &ask, indexed::answer(&self.indexed, &ask).map(comparable), &expected);
        drop(told);
    }

    fn compare(&self, which: &str, ask: &Ask, found: Result<Vec<String>, Error>, expected: &[String]) {
        let problem = match found {
            Ok(found) if found == expected => return,
            Ok(found) => difference(&found, expected),
            Err(error) => format!("fails: {error}"),
        };
        let (plain, indexed) = (plain::explain(&self.plain, ask), indexed::explain(&self.indexed, ask));
        panic!("{which}: {problem}\n\nplan without indexes:\n{plain}\n\nplan with indexes:\n{indexed}\n");
    }
}

/// Where two answers part.
fn difference(found: &[String], expected: &[String]) -> String {
    let at = found.iter().zip(expected).take_while(|(found, expected)| found == expected).count();
    let shown = |rows: &[String]| rows.get(at).map_or_else(|| String::from("the end"), |row| short(row));
    format!(
        "{} rows, {} expected; row {at} is {}, expected {}",
        found.len(),
        expected.len(),
        shown(found),
        shown(expected)
    )
}

fn short(row: &str) -> String {
    // Notes can be long.
    row.replace(&"n".repeat(40), "")
}

/// Prints which query was asked when the thread panics.
struct Told<'a> {
    seed: u64,
    ask: &'a Ask,
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("query of seed {} (EPILOG_QUERY_SEED={0}):\n{:#?}", self.seed, self.ask);
        }
    }
}

/// The drawing of queries reaches what it should: every kind of answer, empty ones and full ones.
#[test]
fn the_queries_drawn_are_worth_asking() {
    let library = Library::new(0);
    let (mut some, mut all, mut none) = (0, 0, 0);
    for seed in 0..1000 {
        let ask = Draw::new(seed, &library).ask();
        let rows = answer::answer(&library, &ask).len();
        match ask {
            Ask::Books { output: ask::Output::Records, .. } if rows == library.books.len() => all += 1,
            Ask::Books { output: ask::Output::Records, .. } if rows == 0 => none += 1,
            Ask::Books { output: ask::Output::Records, .. } => some += 1,
            _ => {}
        }
    }
    assert!(some > 30 && all > 0 && none > 0, "{some} with some rows, {all} with all, {none} with none");
}

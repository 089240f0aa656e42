//! The words of the compiler are kept short: what the `.stderr` files may hold.

use std::fs;
use std::path::{Path, PathBuf};

/// The most lines of one error.
const LINES_MAX: usize = 18;
/// The most lines of an error at the median.
const LINES_AT_MEDIAN_MAX: usize = 10;
/// The most characters of a line. Types are written out in the files; rustc shortens them for users.
const CHARACTERS_MAX: usize = 200;

/// One file of `fail/`, and what the compiler says of it.
struct Case {
    name: PathBuf,
    source: String,
    words: String,
}

impl Case {
    /// How many mistakes the source makes: one, unless its first line says `// mistakes: 3`.
    fn mistakes(&self) -> usize {
        let first = self.source.lines().next().unwrap_or_default();
        match first.strip_prefix("// mistakes: ") {
            Some(rest) => rest.split(' ').next().and_then(|number| number.parse().ok()).expect("a number"),
            None => 1,
        }
    }

    /// The errors, each without the empty line after it.
    fn errors(&self) -> Vec<Vec<&str>> {
        let mut errors: Vec<Vec<&str>> = Vec::new();
        for line in self.words.lines() {
            let is_heading = line.starts_with("error:") || line.starts_with("error[");
            match errors.last_mut() {
                _ if is_heading => errors.push(vec![line]),
                Some(error) => error.push(line),
                None => {}
            }
        }
        for error in &mut errors {
            while error.last().is_some_and(|line| line.is_empty()) {
                error.pop();
            }
        }
        errors
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fail");
    for topic in fs::read_dir(&root).expect("fail/ is there") {
        let topic = topic.expect("a folder").path();
        for file in fs::read_dir(&topic).into_iter().flatten() {
            let file = file.expect("a file").path();
            if file.extension().is_some_and(|extension| extension == "stderr") {
                let read = |path: &Path| fs::read_to_string(path).expect("a case has a source and words");
                cases.push(Case {
                    source: read(&file.with_extension("rs")),
                    words: read(&file),
                    name: file.strip_prefix(&root).expect("below fail/").to_path_buf(),
                });
            }
        }
    }
    assert!(cases.len() >= 24, "only {} cases are left", cases.len());
    cases
}

#[test]
fn one_mistake_is_one_error() {
    for case in cases() {
        let errors = case.errors().len();
        assert_eq!(
            errors,
            case.mistakes(),
            "errors and mistakes of {}:\n{}",
            case.name.display(),
            case.words
        );
    }
}

#[test]
fn errors_are_short() {
    let mut lengths = Vec::new();
    for case in cases() {
        for error in case.errors() {
            let length = error.len();
            assert!(length <= LINES_MAX, "{length} lines in {}:\n{}", case.name.display(), error.join("\n"));
            lengths.push(length);
        }
    }
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median <= LINES_AT_MEDIAN_MAX, "{median} lines at the median of {} errors", lengths.len());
}

#[test]
fn lines_are_narrow() {
    for case in cases() {
        for line in case.words.lines() {
            let width = line.chars().count();
            assert!(width <= CHARACTERS_MAX, "{width} characters in {}:\n{line}", case.name.display());
        }
    }
}

#[test]
fn errors_speak_no_internal_names() {
    for case in cases() {
        let is_hidden = |word: &str| word.starts_with("__") || word == "PhantomData";
        let mut words = case.words.split(|c: char| !c.is_alphanumeric() && c != '_');
        if let Some(word) = words.find(|word| is_hidden(word)) {
            panic!("`{word}` in {}:\n{}", case.name.display(), case.words);
        }
    }
}

#[test]
fn every_mistake_has_its_words() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fail");
    let tests = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui.rs")).expect("ui.rs");
    for topic in fs::read_dir(&root).expect("fail/ is there") {
        let topic = topic.expect("a folder").path();
        if !topic.is_dir() {
            continue;
        }
        let name = topic.file_name().and_then(|name| name.to_str()).expect("a topic has a plain name");
        let files: Vec<PathBuf> =
            fs::read_dir(&topic).expect("a folder").map(|file| file.expect("a file").path()).collect();
        if !files.iter().any(|file| file.extension().is_some_and(|extension| extension == "stderr")) {
            // Its cases wait for what they speak of.
            continue;
        }
        assert!(
            tests.contains(&format!("\"{name}\"")),
            "topic `{name}` is not run: add it to `TOPICS` of ui.rs"
        );
        for file in files {
            let pair = match file.extension().and_then(|extension| extension.to_str()) {
                Some("rs") => file.with_extension("stderr"),
                _ => file.with_extension("rs"),
            };
            assert!(pair.exists(), "{} has no {}", file.display(), pair.display());
        }
    }
}

/// What the library says of its traits where they are missing, each message as the pieces between its parameters.
fn messages() -> Vec<Vec<String>> {
    fn visit(folder: &Path, found: &mut Vec<Vec<String>>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                visit(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = fs::read_to_string(&path).expect("a source");
                for attribute in source.split("#[diagnostic::on_unimplemented(").skip(1) {
                    let message =
                        attribute.split_once("message = \"").expect("every attribute has a message").1;
                    let message = message.split("\",").next().unwrap_or_default();
                    let pieces = message.split('{').map(|piece| piece.rsplit('}').next().unwrap_or_default());
                    found.push(pieces.map(String::from).collect());
                }
            }
        }
    }
    let mut found = Vec::new();
    visit(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../epilog/src"), &mut found);
    assert!(found.len() >= 40, "only {} messages were found", found.len());
    found
}

/// Whether the pieces stand in a line, one behind the other.
fn says(line: &str, pieces: &[String]) -> bool {
    let mut rest = line;
    pieces.iter().all(|piece| match rest.find(piece.as_str()) {
        Some(at) => {
            rest = &rest[at + piece.len()..];
            true
        }
        None => false,
    })
}

/// Messages that no case is for: the types of ten sources are too long a line, and what nothing can be read from cannot answer
/// queries about a collection either, which is said first.
const WITHOUT_CASE: [&str; 2] = ["cannot look into", "a query cannot be run against"];

#[test]
fn every_message_has_a_case() {
    let cases = cases();
    let is_shown =
        |pieces: &Vec<String>| cases.iter().any(|case| case.words.lines().any(|line| says(line, pieces)));
    let missing = messages().into_iter().filter(|pieces| !is_shown(pieces)).map(|pieces| pieces.join(".."));
    let is_known = |message: &String| WITHOUT_CASE.iter().any(|known| message.contains(known));
    let missing: Vec<String> = missing.filter(|message| !is_known(message)).collect();
    assert!(missing.is_empty(), "no case in fail/ shows these:\n{}", missing.join("\n"));
}

//! The rules of the house, as tests: the arrows of `ARCHITECTURE.md`, module headers, dead files, banned calls, sizes.
//!
//! Sources are read as text. Comments, strings and characters are blanked first, line by line, so that a rule never fires on
//! prose; what stands under `#[cfg(test)]` is blanked too where a rule spares tests. Paths are understood as far as they begin
//! with `crate`, `self` or `super`, in `use` lines and elsewhere; `#[path]` is not, and banned for it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const LINES_MAX: usize = 1_200;

/// Calls that have no place in a published package, and what to do instead.
const BANNED: &[Banned] = &[
    Banned { pattern: "todo!", allowed: &[], instead: "write it, or leave it out" },
    Banned { pattern: "unimplemented!", allowed: &[], instead: "write it, or leave it out" },
    Banned { pattern: "dbg!", allowed: &[], instead: "remove it" },
    Banned {
        pattern: ".unwrap()",
        allowed: &[],
        instead: "`expect` the invariant that holds, or return an error",
    },
    Banned { pattern: "#[ignore", allowed: &[], instead: "assert the known result as it is, with a note" },
    Banned { pattern: "#[path", allowed: &[], instead: "name the file after the module" },
];

/// Calls that have no place in the library, where they have one, and what to do instead.
const BANNED_IN_THE_LIBRARY: &[Banned] = &[
    Banned { pattern: "println!", allowed: &[], instead: "return it: a library does not print" },
    Banned { pattern: "eprintln!", allowed: &[], instead: "return it: a library does not print" },
    Banned {
        pattern: "std::{",
        allowed: &[],
        instead: "write one `use` a module, so that this test sees it",
    },
    Banned { pattern: "std::fs", allowed: FILES, instead: "use the `Vfs`" },
    Banned { pattern: "std::io", allowed: STREAMS, instead: "use the `Vfs`, whose errors are `VfsError`s" },
    Banned { pattern: "std::net", allowed: &[], instead: "the library talks to no one" },
    Banned { pattern: "std::process", allowed: FILES, instead: "return an error" },
    Banned { pattern: "std::env", allowed: &[], instead: "take an option from the program" },
    Banned { pattern: "rustix::", allowed: FILES, instead: "use the `Vfs`" },
    Banned { pattern: "std::time", allowed: CLOCK, instead: "use the clock of the `Vfs`" },
    Banned { pattern: "std::thread", allowed: SYNC, instead: "use `sync`" },
    Banned { pattern: "thread_local!", allowed: SYNC, instead: "use `sync`" },
];

/// What implements the `Vfs` on a real file system.
const FILES: &[&str] = &["storage::vfs"];
/// Also what looks like a stream to the standard library.
const STREAMS: &[&str] = &["storage::vfs", "database::blob::stream"];
const CLOCK: &[&str] = &["storage::vfs", "sync"];
const SYNC: &[&str] = &["sync"];

struct Banned {
    /// Looked for in code only; one that begins with a letter begins a word.
    pattern: &'static str,
    /// The modules that may, with those below them.
    allowed: &'static [&'static str],
    instead: &'static str,
}

impl Banned {
    fn look_for(&self, module: &Module, faults: &mut Faults) {
        // Attributes are looked for in tests too, calls only in what is shipped.
        let code = match (self.pattern.starts_with('#'), module.test) {
            (true, _) => &module.code,
            (false, false) => &module.shipped,
            (false, true) => return,
        };
        if self.allowed.iter().any(|allowed| within(&module.path, allowed)) {
            return;
        }
        for (line, _) in numbered(code).filter(|(_, text)| has_word(text, self.pattern)) {
            faults.add(&module.file, line, &format!("`{}` is banned here: {}", self.pattern, self.instead));
        }
    }
}

#[test]
fn no_path_goes_against_the_arrows() {
    let tree = Tree::of("epilog");
    let page = read(&root().join("ARCHITECTURE.md"));
    let arrows = arrows(&page, "From");
    assert!(!arrows.is_empty(), "ARCHITECTURE.md has no table that begins with `| From |`");
    let mut faults = Faults::default();
    let named: BTreeSet<&String> = arrows.iter().flat_map(|arrow| [&arrow.from, &arrow.to]).collect();
    for module in named.into_iter().filter(|module| !tree.has(module)) {
        let cell = format!("`{module}`");
        let row = numbered(&page).find(|(_, text)| text.starts_with('|') && text.contains(&cell));
        let line = row.map_or(1, |(line, _)| line);
        faults.add(
            "ARCHITECTURE.md",
            line,
            &format!("the arrows name `{module}`, which is no module of epilog"),
        );
    }
    for module in tree.modules.iter().filter(|module| !module.test) {
        for (line, path) in paths(&module.shipped, &module.path) {
            for arrow in arrows.iter().filter(|arrow| arrow.forbids(&module.path, &path)) {
                let message = format!("`{}` looks at `{path}`: {}", arrow.from, arrow.because);
                faults.add(&module.file, line, &message);
            }
        }
    }
    faults.none("arrows of ARCHITECTURE.md are crossed");
}

#[test]
fn no_package_depends_against_the_arrows() {
    let page = read(&root().join("ARCHITECTURE.md"));
    let arrows = arrows(&page, "Package");
    assert!(!arrows.is_empty(), "ARCHITECTURE.md has no table that begins with `| Package |`");
    let mut faults = Faults::default();
    for arrow in arrows {
        let file = root().join(&arrow.from).join("Cargo.toml");
        for (line, package) in dependencies(&read(&file)).filter(|(_, package)| *package == arrow.to) {
            faults.add(&name(&file), line, &format!("depends on `{package}`: {}", arrow.because));
        }
    }
    for package in packages() {
        let file = root().join(package).join("Cargo.toml");
        for (line, text) in numbered(&read(&file)).filter(|(_, text)| text.contains("compare")) {
            faults.add(
                &name(&file),
                line,
                &format!("names `tests/compare`, which nothing may: `{}`", text.trim()),
            );
        }
    }
    faults.none("packages depend on what they must not");
}

#[test]
fn every_module_opens_with_what_it_is() {
    let mut faults = Faults::default();
    for package in packages() {
        for file in sources(&root().join(package).join("src")) {
            let text = read(&file);
            if text.lines().next().and_then(|line| line.strip_prefix("//! ")).is_none_or(str::is_empty) {
                faults.add(&name(&file), 1, "does not open with `//! ` and what it is");
            }
        }
    }
    faults.none("modules have no header");
}

#[test]
fn no_file_is_left_out_of_the_module_tree() {
    let mut faults = Faults::default();
    for package in packages() {
        let reached: BTreeSet<String> =
            Tree::of(&package).modules.into_iter().map(|module| module.file).collect();
        let all = sources(&root().join(package).join("src"));
        for file in all.iter().map(|file| name(file)).filter(|file| !reached.contains(file)) {
            faults.add(&file, 1, "no `mod` line leads here: declare the module or remove the file");
        }
    }
    faults.none("files are compiled by nobody");
}

#[test]
fn banned_calls_stay_out() {
    let mut faults = Faults::default();
    for package in ["epilog", "epilog-cli", "epilog-derive", "epilog-migrate"] {
        let more = if package == "epilog" { BANNED_IN_THE_LIBRARY } else { &[] };
        for module in Tree::of(package).modules {
            for banned in BANNED.iter().chain(more) {
                banned.look_for(&module, &mut faults);
            }
        }
    }
    faults.none("banned calls");
}

#[test]
fn no_file_is_longer_than_one_idea() {
    let mut faults = Faults::default();
    for file in packages().iter().flat_map(|package| sources(&root().join(package))) {
        let lines = read(&file).lines().count();
        if lines > LINES_MAX {
            let message = format!("{lines} lines, the limit is {LINES_MAX}: look for the second noun in it");
            faults.add(&name(&file), LINES_MAX + 1, &message);
        }
    }
    faults.none("files are too long");
}

/// What breaks a rule, each with file and line.
#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    fn add(&mut self, file: &str, line: usize, message: &str) {
        self.0.push(format!("{file}:{line}: {message}"));
    }

    #[track_caller]
    fn none(self, title: &str) {
        assert!(self.0.is_empty(), "{title}:\n  {}\n", self.0.join("\n  "));
    }
}

// ---- the repository ----

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in the repository").to_owned()
}

/// The workspace's members, from its manifest.
fn packages() -> Vec<String> {
    let manifest = read(&root().join("Cargo.toml"));
    let line = manifest.lines().find(|line| line.starts_with("members")).expect("the workspace has members");
    line.split('"').skip(1).step_by(2).map(String::from).collect()
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// A file's path from the repository's root, with `/`.
fn name(file: &Path) -> String {
    let path = file.strip_prefix(root()).expect("the file lies in the repository");
    path.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// What lies in a directory, sorted; nothing when there is none.
fn listing(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.expect("the entry can be read").path()).collect();
    found.sort();
    found
}

/// All Rust sources below a directory; nothing that a build made, no package of its own.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in listing(directory) {
        if path.is_dir() {
            if !path.ends_with("target") && !path.join("Cargo.toml").exists() {
                found.extend(sources(&path));
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(index, line)| (index + 1, line))
}

/// The names in a manifest's `[dependencies]`, with their lines.
fn dependencies(manifest: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut inside = false;
    numbered(manifest).filter_map(move |(number, line)| {
        if let Some(section) = line.strip_prefix('[') {
            inside = section.starts_with("dependencies]");
            let package = section.strip_prefix("dependencies.")?;
            return Some((number, package.trim_end_matches(']')));
        }
        let end = line.find(['.', '=', ' '])?;
        (inside && !line.starts_with('#')).then_some((number, &line[..end]))
    })
}

// ---- the arrows ----

/// What may not look at what.
struct Arrow {
    from: String,
    to: String,
    because: String,
}

impl Arrow {
    fn forbids(&self, module: &str, path: &str) -> bool {
        within(module, &self.from) && within(path, &self.to) && !within(path, &self.from)
    }
}

/// Whether `path` is `module` or lies below it.
fn within(path: &str, module: &str) -> bool {
    path.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The arrows of the table whose first heading is `heading`: from each name of the first column to each of the second.
fn arrows(page: &str, heading: &str) -> Vec<Arrow> {
    let names = |cell: &str| cell.split('`').skip(1).step_by(2).map(String::from).collect::<Vec<_>>();
    let mut found = Vec::new();
    let table = page.lines().skip_while(|line| !line.starts_with(&format!("| {heading} |")));
    for row in table.take_while(|line| line.starts_with('|')).skip(2) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [from, to, because] = cells[..] else { panic!("a row of arrows has three cells: {row}") };
        for from in names(from) {
            for to in names(to) {
                found.push(Arrow { from: from.clone(), to, because: because.to_string() });
            }
        }
    }
    found
}

// ---- modules ----

/// One file of a package.
struct Module {
    /// From the package's root: `storage::pager`; empty for `lib.rs`.
    path: String,
    file: String,
    /// Whether it is compiled for tests only.
    test: bool,
    /// The source without comments and literals, line by line.
    code: String,
    /// The code without what is for tests only.
    shipped: String,
}

/// The modules of a package, as its `mod` lines declare them.
#[derive(Default)]
struct Tree {
    modules: Vec<Module>,
}

impl Tree {
    fn of(package: &str) -> Tree {
        let mut tree = Tree::default();
        let source = root().join(package).join("src");
        for file in
            ["lib.rs", "main.rs"].map(|file| source.join(file)).into_iter().filter(|file| file.exists())
        {
            tree.add(&file, &source, String::new(), false);
        }
        // Each file or folder of `bin` is a root by itself.
        let programs = source.join("bin");
        for program in listing(&programs) {
            if program.is_dir() {
                tree.add(&program.join("main.rs"), &program, "bin".into(), false);
            } else {
                tree.add(&program, &programs, "bin".into(), false);
            }
        }
        tree
    }

    /// Adds a file and those that its `mod` lines lead to, which lie in the folder `below`.
    fn add(&mut self, file: &Path, below: &Path, path: String, test: bool) {
        let code = blank_literals(&read(file));
        let shipped = blank_tests(&code);
        let (declared, of_use) = (declared_modules(&code), declared_modules(&shipped));
        self.modules.push(Module { path: path.clone(), file: name(file), test, code, shipped });
        for module in declared {
            let places = [below.join(format!("{module}.rs")), below.join(&module).join("mod.rs")];
            if let Some(file) = places.iter().find(|file| file.exists()) {
                let path = if path.is_empty() { module.clone() } else { format!("{path}::{module}") };
                self.add(file, &below.join(&module), path, test || !of_use.contains(&module));
            }
        }
    }

    fn has(&self, module: &str) -> bool {
        self.modules.iter().any(|found| found.path == module)
    }
}

/// The names of `mod name;` lines.
fn declared_modules(code: &str) -> BTreeSet<String> {
    let words: Vec<&str> = code.split_whitespace().collect();
    let declared =
        words.windows(2).filter(|pair| pair[0] == "mod").filter_map(|pair| pair[1].strip_suffix(';'));
    declared.map(|name| name.trim_start_matches("r#").to_string()).collect()
}

// ---- paths ----

/// Every path of `code` that begins with `crate`, `self` or `super`, seen from the root, with its line. `module` is where the
/// code lies. Groups are taken apart: `crate::a::{b, c::d}` gives `a::b` and `a::c::d`.
fn paths(code: &str, module: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    // Inside an inline module, `super` is the file's module.
    let mut inline: Vec<(usize, &str)> = Vec::new();
    let (mut line, mut depth, mut at) = (1, 0, 0);
    let mut last_words = ["", ""];
    while let Some(first) = code[at..].chars().next() {
        let rest = &code[at..];
        if is_word(first) {
            let word = &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())];
            let starts = matches!(word, "crate" | "self" | "super") && rest[word.len()..].starts_with("::");
            if starts && !code[..at].ends_with("::") && !code[..at].ends_with('$') {
                let here = module.split("::").filter(|part| !part.is_empty());
                let here: Vec<&str> = here.chain(inline.iter().map(|(_, name)| *name)).collect();
                found.extend(expand(&mut Tokens(rest), &[]).iter().map(|path| (line, resolve(&here, path))));
            }
            last_words = [last_words[1], word];
            at += word.len();
            continue;
        }
        match first {
            '\n' => line += 1,
            '{' => {
                depth += 1;
                if last_words[0] == "mod" {
                    inline.push((depth, last_words[1]));
                }
            }
            '}' => {
                inline.retain(|(opened, _)| *opened != depth);
                depth -= 1;
            }
            _ => {}
        }
        if !first.is_whitespace() {
            last_words = ["", ""];
        }
        at += first.len_utf8();
    }
    found
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The words and marks of a path's text.
struct Tokens<'c>(&'c str);

impl<'c> Tokens<'c> {
    fn word(&mut self) -> Option<&'c str> {
        let rest = self.0.trim_start();
        let rest = rest.strip_prefix("r#").unwrap_or(rest);
        let (word, rest) = rest.split_at(rest.find(|c| !is_word(c)).unwrap_or(rest.len()));
        (!word.is_empty()).then(|| {
            self.0 = rest;
            word
        })
    }

    fn take(&mut self, mark: &str) -> bool {
        let rest = self.0.trim_start().strip_prefix(mark);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }
}

/// The paths of the path or group that begins here, each after `before`.
fn expand<'c>(tokens: &mut Tokens<'c>, before: &[&'c str]) -> Vec<Vec<&'c str>> {
    let mut path = before.to_vec();
    loop {
        if tokens.take("{") {
            let mut found = Vec::new();
            while !tokens.take("}") {
                let left = tokens.0.len();
                found.extend(expand(tokens, &path));
                if tokens.take("as") {
                    tokens.word();
                }
                tokens.take(",");
                if tokens.0.len() == left {
                    break; // not a group of paths
                }
            }
            return found;
        }
        if tokens.take("*") {
            return vec![path];
        }
        let Some(word) = tokens.word() else { return vec![path] };
        path.push(word);
        if !tokens.take("::") {
            return vec![path];
        }
    }
}

/// The path from the package's root, of one that was found in the module `here`.
fn resolve(here: &[&str], path: &[&str]) -> String {
    let mut full = if path[0] == "crate" { Vec::new() } else { here.to_vec() };
    for word in path {
        match *word {
            "crate" | "self" => {}
            "super" => {
                full.pop();
            }
            word => full.push(word),
        }
    }
    full.join("::")
}

// ---- sources as text ----

/// Whether `pattern` occurs, not as the end of a longer word.
fn has_word(text: &str, pattern: &str) -> bool {
    text.match_indices(pattern)
        .any(|(at, _)| !(pattern.starts_with(is_word) && text[..at].ends_with(is_word)))
}

/// The source with comments, strings and characters turned into spaces; every line keeps its number.
fn blank_literals(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        match literal_length(rest, out.chars().next_back()) {
            0 => {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
            length => {
                out.push_str(&blank(&rest[..length]));
                rest = &rest[length..];
            }
        }
    }
    out
}

fn blank(text: &str) -> String {
    text.chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect()
}

/// How many bytes the comment or literal takes that begins here; 0 when none does.
fn literal_length(rest: &str, before: Option<char>) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return comment_length(rest);
    }
    if !before.is_some_and(is_word) {
        let raw = rest.strip_prefix('b').or(rest.strip_prefix('c')).unwrap_or(rest).strip_prefix('r');
        if let Some(raw) = raw {
            let text = raw.trim_start_matches('#');
            let hashes = raw.len() - text.len();
            if text.starts_with('"') {
                let start = rest.len() - text.len() + 1;
                let close = format!("\"{}", "#".repeat(hashes));
                return rest[start..].find(&close).map_or(rest.len(), |at| start + at + close.len());
            }
        }
    }
    match rest.as_bytes() {
        [b'"', ..] => 1 + escaped_length(&rest[1..], '"'),
        [b'\'', b'\\', ..] => 1 + escaped_length(&rest[1..], '\''),
        // A character, if its closing mark follows; else a lifetime.
        [b'\'', ..] => match rest[1..].char_indices().nth(1) {
            Some((end, '\'')) => 1 + end + 1,
            _ => 0,
        },
        _ => 0,
    }
}

/// The bytes of a block comment, with those inside it.
fn comment_length(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match &rest.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// The bytes to the closing mark and with it, past escaped ones.
fn escaped_length(text: &str, close: char) -> usize {
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        if c == '\\' {
            characters.next();
        } else if c == close {
            return at + 1;
        }
    }
    text.len()
}

/// The code with every item under `#[cfg(test)]` or `#[test]` turned into spaces. Literals must be blank already.
fn blank_tests(code: &str) -> String {
    let mut out = code.to_string();
    for marker in ["#[cfg(test)]", "#[cfg(all(test", "#[test]"] {
        while let Some(start) = out.find(marker) {
            let end = start + item_length(&out[start..]);
            let spaces = blank(&out[start..end]);
            out.replace_range(start..end, &spaces);
        }
    }
    out
}

/// The bytes of an item with its attributes: to the brace that closes its first one, or to a semicolon before any.
fn item_length(code: &str) -> usize {
    let (mut braces, mut brackets) = (0, 0);
    for (at, c) in code.char_indices() {
        match c {
            '[' | '(' => brackets += 1,
            ']' | ')' => brackets -= 1,
            '{' => braces += 1,
            '}' => {
                braces -= 1;
                if braces == 0 && brackets == 0 {
                    return at + 1;
                }
            }
            ';' if braces == 0 && brackets == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

// ---- the rules themselves, on made-up sources ----

#[test]
fn literals_and_comments_are_no_code() {
    let source = r##"let a = "dbg!(\"x\")"; // dbg!
let b = r#"todo!() " "#; /* dbg! /* dbg! */
dbg! */ let c: &'a str = b"dbg!"; let d = ('"', '\'', 'x'); keep(d)"##;
    let blank = blank_literals(source);
    assert_eq!(blank.lines().count(), 3);
    assert!(!blank.contains("dbg!") && !blank.contains("todo!"), "{blank}");
    for kept in ["let a =", "let b =", "let c: &'a str =", "keep(d)"] {
        assert!(blank.contains(kept), "{kept}: {blank}");
    }
}

#[test]
fn what_is_for_tests_is_not_shipped() {
    let code = "fn a() { b.unwrap() }\n#[cfg(test)]\nmod tests { fn c() { if d {} e.unwrap() } }\n\
                #[cfg(test)]\nmod more;\nmod kept;\nfn d() { e.unwrap() }";
    let shipped = blank_tests(code);
    let lines: Vec<usize> =
        numbered(&shipped).filter(|(_, line)| has_word(line, ".unwrap()")).map(|(line, _)| line).collect();
    assert_eq!(lines, [1, 7]);
    assert_eq!(declared_modules(&shipped), BTreeSet::from(["kept".to_string()]));
    assert_eq!(declared_modules(code), BTreeSet::from(["kept".to_string(), "more".to_string()]));
}

#[test]
fn paths_are_seen_from_the_root() {
    let check = |code: &str, expected: &[(usize, &str)]| {
        let found = paths(code, "storage::pager");
        let found: Vec<(usize, &str)> = found.iter().map(|(line, path)| (*line, path.as_str())).collect();
        assert_eq!(found, expected, "{code}");
    };
    check("use crate::value::Type;", &[(1, "value::Type")]);
    check(
        "use super::{page, btree::{Tree, Leaf as L, self}};",
        &[
            (1, "storage::page"),
            (1, "storage::btree::Tree"),
            (1, "storage::btree::Leaf"),
            (1, "storage::btree"),
        ],
    );
    check("\nuse crate::{\n  a::*,\n  b,\n};", &[(2, "a"), (2, "b")]);
    check(
        "fn f() -> super::super::engine::Rows { crate::query::run() }",
        &[(1, "engine::Rows"), (1, "query::run")],
    );
    check("mod inner { use super::a; } use super::a;", &[(1, "storage::pager::a"), (1, "storage::a")]);
    check(
        "use self::map::Map; use alloc::vec::Vec; fn f(self) { self.x }",
        &[(1, "storage::pager::map::Map")],
    );
    check("macro_rules! m { () => { $crate::engine::run() } }", &[]);
}

#[test]
fn arrows_cover_what_lies_below_a_module_and_nothing_else() {
    let page = "| From | Never to | Because |\n| --- | --- | --- |\n\
                | `engine::exec`, `query` | `storage`, `value` | it is so |\n\n| `x` | `y` | of another table |";
    let arrows = arrows(page, "From");
    let drawn: Vec<(&str, &str)> =
        arrows.iter().map(|arrow| (arrow.from.as_str(), arrow.to.as_str())).collect();
    let expected =
        [("engine::exec", "storage"), ("engine::exec", "value"), ("query", "storage"), ("query", "value")];
    assert_eq!(drawn, expected);
    assert!(arrows[0].forbids("engine::exec::join", "storage::pager::Pager"));
    assert!(!arrows[0].forbids("engine::executor", "storage"));
    assert!(!arrows[0].forbids("engine::exec", "storages"));
    assert!(!arrows[0].forbids("engine", "storage"));
}

#[test]
fn words_are_not_found_inside_others() {
    assert!(
        has_word("    dbg!(x)", "dbg!")
            && has_word("use ::std::fs;", "std::fs")
            && has_word("x.unwrap()", ".unwrap()")
    );
    assert!(
        !has_word("mydbg!(x)", "dbg!")
            && !has_word("eprintln!()", "println!")
            && !has_word("x.unwrap_or(1)", ".unwrap()")
    );
}

#[test]
#[should_panic(expected = "crossed:\n  epilog/src/a.rs:7: is wrong\n  epilog/src/b.rs:1: too")]
fn faults_say_file_and_line() {
    let mut faults = Faults::default();
    faults.add("epilog/src/a.rs", 7, "is wrong");
    faults.add("epilog/src/b.rs", 1, "too");
    faults.none("crossed");
}

#[test]
fn dependencies_are_those_that_are_shipped() {
    let manifest =
        "[dependencies]\na.workspace = true\nb = \"1\"\n[dependencies.c]\n[dev-dependencies]\nd = \"1\"\n";
    assert_eq!(dependencies(manifest).collect::<Vec<_>>(), [(2, "a"), (3, "b"), (4, "c")]);
}

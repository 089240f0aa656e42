//! What a file that cannot be opened is told to the user: each cause has its own kind and message.

use std::fs;
use std::path::{Path, PathBuf};

use epilog::prelude::*;

mod first {
    use epilog::prelude::*;

    #[derive(Collection, Clone, Debug, PartialEq)]
    pub struct Book {
        pub id: Id<Book>,
        #[unique]
        pub title: String,
        pub pages: Option<u32>,
    }

    epilog::schema!(pub Library { Book });
}

mod second {
    use epilog::prelude::*;

    #[derive(Collection, Clone, Debug, PartialEq)]
    pub struct Book {
        pub id: Id<Book>,
        #[index]
        pub title: String,
        pub pages: u64,
        pub isbn: String,
    }

    #[derive(Collection, Clone, Debug, PartialEq)]
    pub struct Shelf {
        #[key]
        pub number: u32,
    }

    epilog::schema!(pub Changed { Book, Shelf });
}

mod third {
    use epilog::prelude::*;

    pub use super::first::Book;

    #[derive(Collection, Clone, Debug, PartialEq)]
    pub struct Shelf {
        #[key]
        pub number: u32,
        pub best: Option<Id<Book>>,
    }

    epilog::schema!(pub Grown { Book, Shelf });

    #[derive(Collection, Clone, Debug, PartialEq)]
    pub struct Tome {
        pub id: Id<Tome>,
    }

    epilog::schema!(pub Renamed { Tome });
}

/// A closed database with one book.
fn made(directory: &Path) -> PathBuf {
    let path = directory.join("library.epilog");
    let db = first::Library::open(&path).unwrap();
    db.write(|tx| tx.insert(&first::Book { id: Id::auto(), title: "Walden".into(), pages: None })).unwrap();
    db.close().unwrap();
    path
}

fn refused(path: &Path) -> Error {
    first::Library::open(path).unwrap_err()
}

#[test]
fn a_file_of_something_else_is_not_touched() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("letter.txt");
    let letter = "Dear reader, ".repeat(2000);
    fs::write(&path, &letter).unwrap();
    let error = refused(&path);
    assert_eq!(error.kind(), ErrorKind::NotADatabase);
    assert!(error.to_string().contains("letter.txt"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), letter);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing was made beside it");
}

#[test]
fn a_short_file_of_something_else_is_not_a_database_either() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("note");
    fs::write(&path, "x").unwrap();
    assert_eq!(refused(&path).kind(), ErrorKind::NotADatabase);
}

#[test]
fn a_truncated_file_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = made(directory.path());
    let len = fs::metadata(&path).unwrap().len();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(len - 4096).unwrap();
    let error = refused(&path);
    assert_eq!(error.kind(), ErrorKind::Truncated, "{error}");
    assert!(error.to_string().contains(&len.to_string()), "{error}");
}

#[test]
fn a_damaged_page_is_reported_and_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = made(directory.path());
    let mut bytes = fs::read(&path).unwrap();
    // Everything behind the header slots: whatever is read first is damaged.
    for byte in bytes.iter_mut().skip(4 * 4096).step_by(64) {
        *byte ^= 0x40;
    }
    fs::write(&path, bytes).unwrap();
    let error = refused(&path);
    assert_eq!(error.kind(), ErrorKind::Corruption, "{error}");
    assert!(error.to_string().contains("damaged"), "{error}");
}

#[test]
fn a_missing_journal_of_an_open_database_fails_closed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("library.epilog");
    let copy = directory.path().join("copy.epilog");
    let db = first::Library::open(&path).unwrap();
    db.write(|tx| tx.insert(&first::Book { id: Id::auto(), title: "Walden".into(), pages: None })).unwrap();
    // As if the machine had crashed here and somebody had then tidied up.
    fs::copy(&path, &copy).unwrap();
    let error = refused(&copy);
    assert_eq!(error.kind(), ErrorKind::Corruption, "{error}");
    assert!(error.to_string().contains("journal"), "{error}");
}

#[test]
fn a_file_open_in_this_process_is_locked() {
    let directory = tempfile::tempdir().unwrap();
    let path = made(directory.path());
    let db = first::Library::open(&path).unwrap();
    let error = refused(&path);
    assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
    assert!(error.to_string().contains("library.epilog"), "{error}");
    drop(db);
    assert_eq!(first::Book::query().count(&first::Library::open(&path).unwrap()).unwrap(), 1);
}

/// Not a test of its own: what the child process of the test below does.
#[test]
fn child_holds_the_file() {
    let Ok(path) = std::env::var("EPILOG_TEST_HOLD") else { return };
    let db = first::Library::open(path).unwrap();
    println!("held");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    drop(db);
}

#[test]
fn a_file_open_in_another_process_is_locked_and_the_process_named() {
    use std::io::{BufRead, BufReader, Write};
    use std::process::{Command, Stdio};

    let directory = tempfile::tempdir().unwrap();
    let path = made(directory.path());
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_holds_the_file", "--nocapture"])
        .env("EPILOG_TEST_HOLD", &path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("held")), "the child never held the file");
    let error = refused(&path);
    assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
    if cfg!(target_os = "linux") {
        assert!(error.to_string().contains(&child.id().to_string()), "{error}");
    }
    child.stdin.take().unwrap().write_all(b"go\n").unwrap();
    child.wait().unwrap();
    first::Library::open(&path).unwrap();
}

#[test]
fn a_newer_format_is_refused_with_both_versions() {
    let directory = tempfile::tempdir().unwrap();
    let path = made(directory.path());
    epilog_tests::format::set_format_version(&path, 999);
    let error = refused(&path);
    assert_eq!(error.kind(), ErrorKind::NewerFormat, "{error}");
    assert!(error.to_string().contains("999"), "{error}");
}

#[test]
fn a_schema_that_differs_names_every_field() {
    let directory = tempfile::tempdir().unwrap();
    let path = made(directory.path());
    let error = second::Changed::open(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SchemaDiffers);
    let text = error.to_string();
    for part in [
        "`Book.pages` is Option<u32> in the file and u64 in the program",
        "`Book.isbn` (String) is declared but not in the file",
        "index (title) of `Book` is declared but not in the file",
        "unique index (title) of `Book` is in the file but not declared",
        "change the structs back",
    ] {
        assert!(text.contains(part), "{part:?} is missing in: {text}");
    }
    // Nothing was changed by the attempt.
    assert_eq!(first::Book::query().count(&first::Library::open(&path).unwrap()).unwrap(), 1);
}

#[test]
fn a_new_collection_is_made_but_a_renamed_one_is_not_guessed() {
    let directory = tempfile::tempdir().unwrap();
    let path = made(directory.path());
    let db = third::Grown::open(&path).unwrap();
    db.write(|tx| tx.insert(&third::Shelf { number: 3, best: Some(Id::new(1)) })).unwrap();
    db.close().unwrap();
    let db = third::Grown::open(&path).unwrap();
    assert_eq!(db.get::<third::Shelf>(3u32).unwrap().unwrap().best, Some(Id::new(1)));
    assert_eq!(first::Book::query().count(&db).unwrap(), 1);
    db.close().unwrap();

    let error = third::Renamed::open(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SchemaDiffers);
    assert!(error.to_string().contains("`Tome` is declared but not in the file"), "{error}");
}

#[test]
fn a_program_that_declares_less_leaves_the_rest_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = made(directory.path());
    let db = third::Grown::open(&path).unwrap();
    db.write(|tx| tx.insert(&third::Shelf { number: 3, best: Some(Id::new(1)) })).unwrap();
    db.close().unwrap();
    // `Shelf` is hidden from this program; its relation still counts.
    let db = first::Library::open(&path).unwrap();
    let error = db.write(|tx| tx.delete_key::<first::Book>(Id::new(1))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReferenceViolation, "{error}");
}

#[test]
fn reading_only_needs_a_file_and_refuses_writes() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options::default().read_only(true);
    let missing = options.open::<first::Library>(directory.path().join("none.epilog")).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound, "{missing}");
    let path = made(directory.path());
    let db = options.open::<first::Library>(&path).unwrap();
    assert_eq!(first::Book::query().count(&db).unwrap(), 1);
    let refused = db.write(|tx| tx.insert(&first::Book { id: Id::auto(), title: "x".into(), pages: None }));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::ReadOnly);
}

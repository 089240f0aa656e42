//! The program as it is run: text, JSON, exit codes, and that what is only read is not changed.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use epilog::prelude::*;
use serde_json::Value;

#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(albums: Album::artist)]
struct Artist {
    id: Id<Artist>,
    #[unique]
    name: String,
    score: f64,
    cover: Vec<u8>,
}

#[derive(Collection, Clone, Debug, PartialEq)]
struct Album {
    id: Id<Album>,
    title: String,
    #[on_delete(cascade)]
    artist: Id<Artist>,
    year: Option<i32>,
    sold: u128,
}

epilog::schema!(Music { Artist, Album });

struct Case {
    directory: tempfile::TempDir,
}

impl Case {
    /// A closed database of 300 artists and 600 albums.
    fn new() -> Case {
        let case = Case { directory: tempfile::tempdir().unwrap() };
        case.fill().close().unwrap();
        case
    }

    fn fill(&self) -> Database<Music> {
        let db = Music::open(self.path("music")).unwrap();
        db.write(|tx| {
            for number in 0..300u32 {
                let cover = vec![number as u8; if number == 7 { 30_000 } else { 3 }];
                let name = format!("artist {number}");
                let artist =
                    tx.insert(&Artist { id: Id::auto(), name, score: f64::from(number) / 4.0, cover })?;
                for year in [None, Some(1980)] {
                    let (title, sold) = (format!("album \"{number}\""), u128::MAX - u128::from(number));
                    tx.insert(&Album { id: Id::auto(), title, artist, year, sold })?;
                }
            }
            Ok(())
        })
        .unwrap();
        db
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs `epilog`; words that begin with `@` are files in the directory.
    fn run(&self, line: &str) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_epilog"));
        for word in line.split_whitespace() {
            match word.strip_prefix('@') {
                Some(name) => command.arg(self.path(name)),
                None => command.arg(word),
            };
        }
        Ran(command.output().unwrap())
    }

    /// Changes a byte of the last image of a kind that the file has.
    fn damage(&self, name: &str, kind: u8) {
        let mut bytes = std::fs::read(self.path(name)).unwrap();
        let block = (4..bytes.len() / 4096).rev().find(|block| {
            let image = &bytes[block * 4096..];
            image[8] == kind
                && image[9] <= 5
                && image[10..12] == [0, 0]
                && image[5..8] == [0, 0, 0]
                && image[4] > 4
        });
        bytes[block.expect("there is such an image") * 4096 + 100] ^= 1;
        std::fs::write(self.path(name), bytes).unwrap();
    }
}

struct Ran(Output);

impl Ran {
    #[track_caller]
    fn code(self, code: i32) -> Ran {
        assert_eq!(self.0.status.code(), Some(code), "{}{}", self.out(), self.error());
        self
    }

    fn out(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    fn error(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    /// The one JSON object.
    fn json(&self) -> Value {
        serde_json::from_str(&self.out()).unwrap_or_else(|error| panic!("{error}: {}", self.out()))
    }
}

fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<(String, Vec<u8>)> =
        entries.map(|path| (path.display().to_string(), std::fs::read(&path).unwrap())).collect();
    all.sort();
    all
}

#[test]
fn a_sound_file_is_checked_shown_dumped_and_copied_and_stays_as_it_is() {
    let case = Case::new();
    let before = files(case.directory.path());
    let check = case.run("check @music").code(0);
    assert!(
        check.out().starts_with("no problems; looked at 900 records in 2 collections"),
        "{}",
        check.out()
    );
    let check = case.run("check @music --json").code(0).json();
    assert_eq!((&check["outcome"], &check["report"]["records"]), (&"ok".into(), &900.into()));

    let info = case.run("info @music").code(0).out();
    for line in [
        "Artist (300 records, key assigned)",
        "artist: Id<Artist>",
        "year: Option<i32>",
        "unique index name (name)",
    ] {
        assert!(info.contains(line), "{line}: {info}");
    }
    let info = case.run("--json info @music").code(0).json();
    assert_eq!(info["collections"][1]["records"], 600);
    assert_eq!(info["collections"][1]["fields"][2]["references"], "Artist");
    assert_eq!((&info["clean"], &info["journal"], &info["format"]), (&true.into(), &Value::Null, &1.into()));
    assert_eq!(info["file_bytes"], before[0].1.len() as u64);

    let dump = case.run("dump @music").code(0).out();
    let lines: Vec<Value> = dump.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 900);
    assert_eq!(lines[2]["record"]["cover"], "020202");
    assert_eq!(lines[3]["record"]["score"], 0.75);
    assert_eq!(lines[300]["record"]["title"], "album \"0\"");
    assert_eq!(lines[300]["record"]["sold"], u128::MAX.to_string());
    assert_eq!((&lines[300]["record"]["year"], &lines[301]["record"]["year"]), (&Value::Null, &1980.into()));
    let albums = case.run("dump @music Album --json").code(0).out();
    assert_eq!(albums.lines().count(), 601);
    assert!(albums.lines().last().unwrap().ends_with("\"records\":600}"));
    assert!(case.run("dump @music Albun").code(2).error().contains("`Artist`, `Album`"));

    assert_eq!(files(case.directory.path()), before, "reading changes nothing");
    // What lacks is the target's directory, not the file.
    for command in ["backup", "repair"] {
        let failed = case.run(&format!("{command} @music @nowhere/copy --json")).code(4).json();
        assert_eq!(failed["error"]["kind"], "NotFound");
        assert!(failed["error"]["message"].as_str().unwrap().contains("nowhere"), "{failed}");
        case.run(&format!("{command} @nowhere @copy")).code(3);
    }
    let backup = case.run("backup @music @copy --json").code(0).json();
    assert_eq!(backup["report"]["sound"], true);
    assert_eq!(case.run("dump @copy").code(0).out(), dump);
    assert!(case.run("backup @music @copy").code(4).error().contains("exists already"));
}

#[test]
fn a_file_that_was_not_closed_is_read_with_its_journal_and_not_recovered() {
    let case = Case { directory: tempfile::tempdir().unwrap() };
    let db = case.fill();
    // As a crash leaves it.
    for name in ["music", "music-journal"] {
        std::fs::copy(case.path(name), case.path(&name.replace("music", "crashed"))).unwrap();
    }
    let locked = case.run("check @music --json").code(3).json();
    assert_eq!(locked["error"]["kind"], "Locked");
    drop(db);
    std::fs::remove_file(case.path("music")).unwrap();
    let before = files(case.directory.path());
    assert!(case.run("check @crashed").code(0).out().contains("900 records"));
    let info = case.run("info @crashed --json").code(0).json();
    assert_eq!((&info["clean"], &info["collections"][0]["records"]), (&false.into(), &300.into()));
    assert!(info["journal"]["bytes"].as_u64().unwrap() > 0);
    assert_eq!(case.run("dump @crashed").code(0).out().lines().count(), 900);
    assert_eq!(files(case.directory.path()), before);
    case.run("backup @crashed @copy").code(0);
    std::fs::remove_file(case.path("crashed-journal")).unwrap();
    case.run("dump @copy").code(0);
    assert!(case.run("dump @crashed").code(5).error().contains("journal"));
    let check = case.run("check @crashed --json").code(1).json();
    assert_eq!(check["report"]["problems"][0]["structure"], "journal");
}

#[test]
fn damage_is_found_and_repaired_and_what_is_lost_is_said() {
    let case = Case::new();
    case.damage("music", 3);
    let check = case.run("check @music --json").code(1).json();
    assert_eq!(check["outcome"], "problems");
    let problems = check["report"]["problems"].as_array().unwrap();
    assert!(problems.iter().any(|problem| problem["structure"] == "index"), "{problems:?}");
    assert!(problems[0]["meaning"].as_str().unwrap().contains("repair"));
    assert!(case.run("check @music").code(1).out().contains("queries through the index may miss records"));
    // An index is made anew.
    let repair = case.run("repair @music @saved --json").code(0).json();
    assert_eq!((&repair["complete"], &repair["loss_count"]), (&true.into(), &0.into()));
    assert_eq!(case.run("check @saved --json").code(0).json()["report"]["records"], 900);
    let db = Music::open(case.path("saved")).unwrap();
    assert_eq!(Artist::query().filter(|a| a.name.eq("artist 299")).count(&db).unwrap(), 1);
    db.close().unwrap();

    case.damage("saved", 1);
    case.run("backup @saved @copy").code(5);
    assert!(!case.path("copy").exists());
    let text = case.run("repair @saved @rest").code(1).out();
    assert!(text.contains("lost: records of") && text.contains("not everything could be saved"), "{text}");
    let repair = case.run("repair @saved @rest2 --json").code(1).json();
    let count = |name: &str| -> u64 {
        let all = repair["collections"].as_array().unwrap().iter();
        all.map(|saved| saved[name].as_u64().unwrap()).sum()
    };
    assert!(count("lost") > 0);
    assert_eq!(count("records") + count("lost"), 900);
    case.run("check @rest2").code(i32::from(repair["report"]["sound"] == false));
}

#[test]
fn compaction_gives_space_back_and_keeps_every_record() {
    let case = Case::new();
    let db = Music::open(case.path("music")).unwrap();
    db.write(|tx| Artist::query().filter(|a| a.id.gt(Id::new(20))).delete().run(tx)).unwrap();
    db.close().unwrap();
    let dump = case.run("dump @music").code(0).out();
    let before = std::fs::metadata(case.path("music")).unwrap().len();
    let done = case.run("compact @music --json").code(0).json();
    let after = std::fs::metadata(case.path("music")).unwrap().len();
    assert_eq!((&done["before_bytes"], &done["after_bytes"]), (&before.into(), &after.into()));
    assert!(after < before / 4 * 3, "{done}");
    assert_eq!(case.run("dump @music").code(0).out(), dump);
    case.run("check @music").code(0);
    assert!(!case.path("music-journal").exists());
    case.run("compact @nowhere").code(3);
    assert!(!case.path("nowhere").exists());
}

#[derive(Collection)]
struct Song {
    id: Id<Song>,
    sound: Blob,
    cover: Option<Blob>,
    name: String,
}

epilog::schema!(Songs { Song });

#[test]
fn blobs_are_dumped_with_their_bytes() {
    let case = Case { directory: tempfile::tempdir().unwrap() };
    let db: Database<Songs> = Options::default().blob_chunk(4096).open(case.path("songs")).unwrap();
    let bytes: Vec<u8> = (0..600_000u32).map(|n| (n % 251) as u8).collect();
    db.write(|tx| {
        let mut writer = tx.blob_writer();
        writer.write_all(&bytes)?;
        let sound = writer.finish()?;
        tx.insert(&Song { id: Id::auto(), sound, cover: None, name: "one".into() })?;
        let mut writer = tx.blob_writer();
        writer.write_all(&[0, 255, 16])?;
        let cover = Some(writer.finish()?);
        tx.insert(&Song { id: Id::auto(), sound: Blob::empty(), cover, name: "two".into() })
    })
    .unwrap();
    db.close().unwrap();
    let dump = case.run("dump @songs").code(0).out();
    let lines: Vec<Value> = dump.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [one, two] = [&lines[0]["record"], &lines[1]["record"]];
    let expected: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((&one["sound"]["id"], &one["sound"]["length"]), (&1.into(), &600_000.into()));
    assert!(one["sound"]["bytes"] == expected, "the bytes of the first song");
    assert_eq!((&one["cover"], &one["name"]), (&Value::Null, &"one".into()));
    assert_eq!(two["sound"], serde_json::json!({ "id": 0, "length": 0, "bytes": "" }));
    assert_eq!(two["cover"], serde_json::json!({ "id": 2, "length": 3, "bytes": "00ff10" }));
}

#[test]
fn what_is_no_database_and_what_is_not_understood_have_codes_of_their_own() {
    let case = Case { directory: tempfile::tempdir().unwrap() };
    std::fs::write(case.path("text"), "To whom it may concern").unwrap();
    for command in ["check @text", "info @text", "dump @text", "backup @text @copy", "repair @text @copy"] {
        assert!(case.run(command).code(3).error().contains("is not an Epilog database"), "{command}");
    }
    case.run("check @nowhere").code(3);
    assert!(!case.path("nowhere").exists() && !case.path("copy").exists());
    assert!(case.run("chekc @text").code(2).error().contains("`chekc`"));
    assert!(case.run("--help").code(0).out().contains("Exit codes"));
    case.run("--version").code(0);
}

//! kill -9: a child process writes to a database in a real file and is killed at a random moment; what it was told to be
//! durable must be there.
//!
//! [`child::run`] writes one transaction after the other, all of them following from a seed and a commit's number, and
//! says on its standard output which it begins and which were acknowledged. [`Hunt`] kills it, opens the same file and
//! compares it with the model, which it takes through the same transactions. The next child goes on with the file as it
//! was left, so that recoveries are killed as well; now and then one begins with an empty directory.
//!
//! What a killed process wrote stays in the operating system's cache: this shows the real file system's behaviour and that of
//! real processes. What a loss of power leaves is the simulation's part.

pub mod child;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use epilog::prelude::*;
use epilog::storage::pager::{Pager, PagerOptions};
use epilog::vfs::FileVfs;

use crate::random::Random;
use crate::simulation::model::{Model, World};
use crate::simulation::workload::run_on_model;

/// After so many kills a new file is begun.
const KILLS_PER_FILE: u64 = 50;

/// What was done.
#[derive(Debug, Default, Clone, Copy)]
pub struct Tally {
    /// Children that were killed.
    pub kills: u64,
    /// Commits that were acknowledged as durable.
    pub commits: u64,
    /// Kills while a commit was being made.
    pub in_flight: u64,
    /// Of these, commits that are there.
    pub kept: u64,
    /// Kills before the child had opened the database: most of them while it recovered.
    pub opening: u64,
    /// Files begun.
    pub files: u64,
}

/// One file and its children.
pub struct Hunt {
    program: PathBuf,
    directory: PathBuf,
    random: Random,
    seed: u64,
    /// The state after the last commit that is known to be there, and its number.
    model: Model,
    commit: u64,
    tally: Tally,
}

impl Hunt {
    /// Will run `program child ...` on a database in `directory`, which is emptied.
    ///
    /// # Errors
    ///
    /// When the directory cannot be made.
    pub fn new(program: &Path, directory: &Path, seed: u64) -> Result<Hunt, String> {
        let mut hunt = Hunt {
            program: program.to_owned(),
            directory: directory.to_owned(),
            random: Random::new(seed),
            seed,
            model: Model::default(),
            commit: 0,
            tally: Tally::default(),
        };
        hunt.begin_file()?;
        Ok(hunt)
    }

    /// Kills `kills` children.
    ///
    /// # Errors
    ///
    /// What the first failure is: a lost commit, half of one, damage, a child that ended by itself.
    pub fn run(&mut self, kills: u64) -> Result<Tally, String> {
        for number in 0..kills {
            if self.tally.kills > 0 && self.tally.kills.is_multiple_of(KILLS_PER_FILE) {
                self.begin_file()?;
            }
            self.kill_one().map_err(|problem| {
                format!(
                    "seed {}, kill {number}, commit {}, file {}: {problem}",
                    self.seed,
                    self.commit,
                    self.path().display()
                )
            })?;
        }
        Ok(self.tally)
    }

    fn path(&self) -> PathBuf {
        self.directory.join("world.epilog")
    }

    fn begin_file(&mut self) -> Result<(), String> {
        let failed = |error| format!("{}: {error}", self.directory.display());
        if self.directory.exists() {
            fs::remove_dir_all(&self.directory).map_err(failed)?;
        }
        fs::create_dir_all(&self.directory).map_err(failed)?;
        self.model = Model::default();
        self.commit = 0;
        self.tally.files += 1;
        Ok(())
    }

    fn kill_one(&mut self) -> Result<(), String> {
        // Opening and recovering takes a few milliseconds; they are to be met, too.
        let within_us = [8_000, 40_000, 300_000][self.random.below(3) as usize];
        let delay = Duration::from_micros(self.random.below(within_us));
        let mut child = Command::new(&self.program)
            .arg("child")
            .arg(self.path())
            .args(
                [self.seed, self.random.below(1 << 32), self.model.next_owner]
                    .map(|number| number.to_string()),
            )
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("the child cannot be started: {error}"))?;
        thread::sleep(delay);
        let ended = child.try_wait().map_err(|error| error.to_string())?;
        child
            .kill()
            .and_then(|()| child.wait())
            .map_err(|error| format!("the child cannot be killed: {error}"))?;
        let mut said = String::new();
        if let Some(mut output) = child.stdout.take() {
            output.read_to_string(&mut said).map_err(|error| error.to_string())?;
        }
        if let Some(status) = ended {
            return Err(format!("the child ended by itself: {status}; it said\n{said}"));
        }
        self.tally.kills += 1;
        self.compare(&said)
    }

    /// Compares the file with what the child said.
    fn compare(&mut self, said: &str) -> Result<(), String> {
        let first = self.commit;
        let (mut begun, mut durable, mut ready) = (first, first, false);
        // The last line may have been cut off.
        for line in said.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            let number = |text: &str| text.parse::<u64>().map_err(|_| format!("the child said `{line}`"));
            match line.split_once(' ') {
                Some(("ready", commit)) if number(commit)? == first => ready = true,
                Some(("begin", commit)) if number(commit)? == begun + 1 => begun += 1,
                Some(("done", commit)) if number(commit)? == begun => durable = begun,
                Some(("unsynced", commit)) if number(commit)? == begun => {}
                _ => return Err(format!("the child said `{line}` after {begun}")),
            }
        }
        self.tally.commits += durable - first;
        self.tally.opening += u64::from(!ready);
        self.tally.in_flight += u64::from(begun > durable);

        let path = self.path();
        if !path.exists() {
            return if durable == 0 { Ok(()) } else { Err("the file is gone".into()) };
        }
        let found = self.read(&path, begun)?;
        let number = found.as_ref().map_or(0, child::commit_of);
        if number < durable || number > begun {
            return Err(format!("commit {durable} was acknowledged, {begun} begun, {number} is there"));
        }
        self.tally.kept += u64::from(number > durable);
        for commit in first + 1..=number {
            for operation in child::transaction(self.seed, commit).operations {
                run_on_model(&mut self.model, &operation);
            }
        }
        self.commit = number;
        match found {
            Some(found) if !found.same_records(&self.model) => {
                Err(format!("commit {number} is not as it was made:\n{found:?}\n{:?}", self.model))
            }
            _ => Ok(()),
        }
    }

    /// Everything in the file, verified; `None` before there was a commit. Most of the time nothing is written, so that the
    /// next child finds the file as the killed one left it.
    fn read(&mut self, path: &Path, begun: u64) -> Result<Option<Model>, String> {
        let text = path.to_str().ok_or("the directory's name is not Unicode")?;
        let check_images = || {
            let options = PagerOptions { read_only: true, ..PagerOptions::default() };
            let pager = Pager::open(Arc::new(FileVfs), text, options).map_err(|error| error.to_string())?;
            pager.check().map_err(|error| format!("the file is not clean: {error}"))
        };
        check_images()?;
        let writes = self.random.chance(1, 5);
        let opened = Options::default().read_only(!writes).open::<World>(path);
        let db = match opened {
            Ok(db) => db,
            // Killed before the collections were made.
            Err(error) if begun == 0 && !writes && error.kind() == ErrorKind::SchemaDiffers => {
                return Ok(None);
            }
            Err(error) => return Err(format!("it cannot be opened: {error}")),
        };
        let model = Model::read(&db).map_err(|error| format!("it cannot be read: {error}"))?;
        db.close().map_err(|error| format!("it cannot be closed: {error}"))?;
        if writes {
            check_images()?;
            // After a close the file alone is the database, though a kill may have left an older journal beside it.
            let alone = self.directory.join("alone.epilog");
            fs::copy(path, &alone).map_err(|error| error.to_string())?;
            let db = Options::default().read_only(true).open::<World>(&alone);
            let copy =
                db.and_then(|db| Model::read(&db)).map_err(|error| format!("without journal: {error}"))?;
            if !copy.same_records(&model) {
                return Err("a clean close left something in the journal only".into());
            }
        }
        Ok(Some(model))
    }
}

//! [`Options`]: how a database is opened.

use crate::storage::pager::{Durability, PagerOptions};

/// How a database is opened. The defaults are the safe ones.
///
/// # Examples
///
/// ```
#[doc = include_str!("../example.txt")]
/// # let directory = tempfile::tempdir().expect("a directory");
/// # let path = directory.path().join("music.epilog");
/// let options = Options::default().durability(Durability::None).checkpoint_after(8 << 20);
/// let db: Database<Music> = options.open(&path)?;
/// db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Saxon".into() }))?;
/// db.close()?; // durable now
///
/// let db: Database<Music> = Options::default().read_only(true).open(&path)?;
/// assert_eq!(Artist::query().count(&db)?, 1);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Options {
    pub(super) durability: Durability,
    pager: PagerOptions,
}

impl Default for Options {
    fn default() -> Options {
        Options { durability: Durability::Immediate, pager: PagerOptions::default() }
    }
}

impl Options {
    /// What a commit waits for. Default: [`Durability::Immediate`].
    ///
    /// [`WriteTransaction::commit_with`](super::WriteTransaction::commit_with) chooses for one commit.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// # let directory = tempfile::tempdir().expect("a directory");
    /// # let path = directory.path().join("music.epilog");
    /// let db: Database<Music> = Options::default().durability(Durability::None).open(&path)?;
    /// let id = db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Saxon".into() }))?;
    /// assert!(db.get::<Artist>(id)?.is_some()); // seen by everybody, not yet durable
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Options {
        self.durability = durability;
        self
    }

    /// Opens the file for reading only: it must exist, and is never written to, not even to recover: what the journal
    /// holds is then applied in memory. Default: false.
    ///
    /// Writing is [`ReadOnly`](crate::ErrorKind::ReadOnly); opening a file that lacks a collection of the schema is
    /// [`SchemaDiffers`](crate::ErrorKind::SchemaDiffers). The file is locked all the same, against other readers, too.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// # let directory = tempfile::tempdir().expect("a directory");
    /// # let path = directory.path().join("music.epilog");
    /// let options = Options::default().read_only(true);
    /// assert_eq!(options.open::<Music>(&path).unwrap_err().kind(), ErrorKind::NotFound);
    ///
    /// Music::open(&path)?.close()?;
    /// let db: Database<Music> = options.open(&path)?;
    /// assert_eq!(db.begin().unwrap_err().kind(), ErrorKind::ReadOnly);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn read_only(mut self, read_only: bool) -> Options {
        self.pager.read_only = read_only;
        self
    }

    /// The length of a journal segment in bytes, rounded up to a multiple of 4,096 from 8,192 to 2<sup>30</sup>. Default: 1 MiB.
    ///
    /// A journal has at least two, written with zeros when it is made: longer segments make the first write after
    /// opening slower, and large commits span fewer. A journal that exists keeps its own length.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use epilog::vfs::{MemoryVfs, OpenMode, Vfs};
    #[doc = include_str!("../example.txt")]
    ///
    /// let files = MemoryVfs::new();
    /// let options = Options::default().journal_segment_len(16 << 10);
    /// let db: Database<Music> = Database::open_in(Arc::new(files.clone()), "music", &options)?;
    /// db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Saxon".into() }))?;
    /// assert!(files.open("music-journal", OpenMode::Read)?.len()? < 100 << 10);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn journal_segment_len(mut self, bytes: u32) -> Options {
        // The closest length that a journal can have.
        self.pager.journal.segment_len = bytes.clamp(8192, 1 << 30).next_multiple_of(4096);
        self
    }

    /// After how many bytes of changed pages a commit is followed by a checkpoint. Default: 32 MiB.
    ///
    /// More makes checkpoints rarer, and recovery and closing longer. Independently, a checkpoint follows when a
    /// recovery would have to read 64 MiB of journal. A checkpoint that fails does not fail the commit before it; it is
    /// tried again.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use epilog::vfs::{MemoryVfs, OpenMode, Vfs};
    #[doc = include_str!("../example.txt")]
    ///
    /// let files = MemoryVfs::new();
    /// let options = Options::default().checkpoint_after(0); // after every commit
    /// let db: Database<Music> = Database::open_in(Arc::new(files.clone()), "music", &options)?;
    /// let before = files.open("music", OpenMode::Read)?.len()?;
    /// let artists = (0..1000).map(|n| Artist { id: Id::auto(), name: format!("artist {n}") });
    /// db.write(|tx| tx.insert_all(artists))?;
    /// assert!(files.open("music", OpenMode::Read)?.len()? > before);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn checkpoint_after(mut self, bytes: u64) -> Options {
        self.pager.checkpoint_dirty_bytes = bytes;
        self
    }

    /// Opens the database in file `path` with these options, or makes it; see [`Database::open`](super::Database::open).
    ///
    /// # Errors
    ///
    /// As [`Database::open`](super::Database::open); also [`Io`](crate::ErrorKind::Io) when the path is not Unicode.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// # let directory = tempfile::tempdir().expect("a directory");
    /// # let path = directory.path().join("music.epilog");
    /// let db = Options::default().checkpoint_after(64 << 20).open::<Music>(&path)?;
    /// assert_eq!(Artist::query().count(&db)?, 0);
    /// # Ok::<(), Error>(())
    /// ```
    #[cfg(feature = "std")]
    pub fn open<D: crate::Schema>(
        &self,
        path: impl AsRef<std::path::Path>,
    ) -> Result<super::Database<D>, crate::Error> {
        use crate::storage::vfs::FileVfs;
        let path = path.as_ref();
        let text = path.to_str().ok_or_else(|| crate::storage::vfs::VfsError::Io {
            path: path.to_string_lossy().into_owned(),
            operation: "open",
            reason: alloc::string::String::from("its name is not Unicode: rename it"),
        });
        let text = text.map_err(crate::storage::StorageError::from)?;
        super::Database::open_in(alloc::sync::Arc::new(FileVfs), text, self)
    }

    pub(super) fn pager(&self) -> PagerOptions {
        self.pager
    }
}

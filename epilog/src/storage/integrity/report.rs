//! [`CheckReport`]: what a check looked at, and what is wrong.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::storage::error::Corruption;
use crate::storage::{StorageError, StorageFault};

/// So many problems are kept; further ones are counted.
const PROBLEMS_MAX: usize = 1000;

/// What a check looked at, and what is wrong.
///
/// # Examples
///
/// ```
#[doc = include_str!("../../example.txt")]
/// let report = db.check()?;
/// assert!(report.is_sound());
/// assert_eq!((report.collections, report.records), (3, 11));
/// // The unique index of names, and the two of relations.
/// assert_eq!(report.entries, 3 + 4 + 4);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CheckReport {
    /// What is wrong: the first thousand problems, in the order found.
    pub problems: Vec<Problem>,
    /// How many problems there are.
    pub problem_count: u64,
    /// The number of the commit that was looked at.
    pub commit: u64,
    /// The collections looked at.
    pub collections: u64,
    /// The images in the file that were verified; none in memory.
    pub images: u64,
    /// The bytes of those images.
    pub bytes: u64,
    /// The pages that the trees consist of, out-of-line values included.
    pub pages: u64,
    /// The records looked at, those of the catalog not counted.
    pub records: u64,
    /// The index entries looked at.
    pub entries: u64,
    /// The values looked at that lie out of line.
    pub values: u64,
}

/// One thing that is wrong. Its `Display` is one line: where, and what.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use epilog::integrity::{self, Structure};
/// use epilog::vfs::{MemoryVfs, OpenMode, Vfs};
#[doc = include_str!("../../example.txt")]
///
/// let files = MemoryVfs::new();
/// let db: Database<Music> = Database::open_in(Arc::new(files.clone()), "music", &Options::default())?;
/// db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: "Saxon".into() }))?;
/// db.close()?;
///
/// // A bit flips in one of the two copies of a header.
/// let file = files.open("music", OpenMode::ReadWrite)?;
/// let mut byte = [0];
/// file.read_at(&mut byte, 50)?;
/// file.write_at(&[byte[0] ^ 4], 50)?;
///
/// let report = integrity::check_in(Arc::new(files), "music", &mut |_| std::ops::ControlFlow::Continue(()))?;
/// assert_eq!(report.problem_count, 1);
/// assert_eq!(report.problems[0].structure, Structure::Header);
/// assert!(report.problems[0].to_string().starts_with("header: copy 0 of slot 0"));
/// assert_eq!(report.records, 1, "the other copy is used");
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// What is damaged.
    pub structure: Structure,
    /// The collection.
    pub collection: Option<String>,
    /// The index of it.
    pub index: Option<String>,
    /// The page's number.
    pub page: Option<u32>,
    /// The record's key, as people write it.
    pub record: Option<String>,
    /// What was expected, and what is there.
    pub message: String,
}

/// What a [`Problem`] is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Structure {
    /// A copy of a header.
    Header,
    /// The page map.
    PageMap,
    /// The free map.
    FreeMap,
    /// The journal.
    Journal,
    /// A page's image in the file.
    Image,
    /// The description of collections, fields and indexes.
    Catalog,
    /// The number of a collection's records, or its next number.
    Statistics,
    /// What is known of the values of a collection's fields, for estimates: see
    /// [`Database::statistics`](crate::Database::statistics). No answer depends on it, and it keeps no backup from being made.
    Estimates,
    /// The records of a collection.
    Records,
    /// A value that lies out of line.
    Value,
    /// An index.
    Index,
    /// A relation.
    Reference,
    /// Pages that nothing leads to.
    Pages,
}

impl Structure {
    /// What a problem there means for the database, in one sentence.
    ///
    /// # Examples
    ///
    /// ```
    /// use epilog::integrity::Structure;
    ///
    /// assert!(Structure::Index.meaning().contains("repair"));
    /// ```
    pub fn meaning(self) -> &'static str {
        match self {
            Structure::Header => {
                "the other copies are used; each is written anew by one of the next two checkpoints"
            }
            Structure::PageMap => "pages cannot be found: restore a backup, or repair into a new file",
            Structure::FreeMap => {
                "the database can be read, but not written without harm: restore a backup, or repair into a new file"
            }
            Structure::Journal => {
                "commits since the last checkpoint may be missing: restore a backup, or repair into a new file"
            }
            Structure::Image => {
                "what lies on the page cannot be read: restore a backup, or repair into a new file"
            }
            Structure::Catalog => {
                "collections may not be readable as declared: restore a backup, or repair into a new file"
            }
            Structure::Statistics => "counts may be wrong, or keys given out twice: repair into a new file",
            Structure::Estimates => {
                "queries may be slower until it is made again, which happens by itself; nothing else is affected"
            }
            Structure::Records => {
                "records are missing or not readable: restore a backup, or repair into a new file"
            }
            Structure::Value => "the value cannot be read: restore a backup, or repair into a new file",
            Structure::Index => {
                "queries through the index may miss records or fail; the records are not affected: repair into a new file"
            }
            Structure::Reference => "a relation leads to no record: change or delete the record that points",
            Structure::Pages => "space is lost, nothing else: compact, or repair into a new file",
        }
    }
}

impl fmt::Display for Structure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Structure::Header => "header",
            Structure::PageMap => "page map",
            Structure::FreeMap => "free map",
            Structure::Journal => "journal",
            Structure::Image => "image",
            Structure::Catalog => "catalog",
            Structure::Statistics => "statistics",
            Structure::Estimates => "estimates",
            Structure::Records => "records",
            Structure::Value => "value",
            Structure::Index => "index",
            Structure::Reference => "reference",
            Structure::Pages => "pages",
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.structure)?;
        if let Some(index) = &self.index {
            write!(f, " `{index}`")?;
        }
        if let Some(collection) = &self.collection {
            write!(f, " of `{collection}`")?;
        }
        if let Some(page) = self.page {
            write!(f, ", page {page}")?;
        }
        if let Some(record) = &self.record {
            write!(f, ", record {record}")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl CheckReport {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.problem_count == 0
    }

    pub(super) fn add(&mut self, problem: Problem) {
        self.problem_count += 1;
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        }
    }
}

impl Problem {
    pub(super) fn new(structure: Structure, message: impl Into<String>) -> Problem {
        Problem {
            structure,
            collection: None,
            index: None,
            page: None,
            record: None,
            message: message.into(),
        }
    }

    /// What the pager found in the file.
    pub(super) fn of_damage(damage: &Corruption) -> Problem {
        let structure = match damage.place {
            "header" => Structure::Header,
            "page map" => Structure::PageMap,
            "free map" => Structure::FreeMap,
            "journal" => Structure::Journal,
            "catalog" => Structure::Catalog,
            _ => Structure::Image,
        };
        Problem { page: damage.page.map(|page| page.0), ..Problem::new(structure, &*damage.problem) }
    }

    /// What a tree, or something else that is read through pages, ran into.
    pub(super) fn of_error(structure: Structure, error: &StorageError) -> Problem {
        match &**error {
            StorageFault::Corruption(damage) => {
                Problem { page: damage.page.map(|page| page.0), ..Problem::new(structure, &*damage.problem) }
            }
            other => Problem::new(structure, format!("{other}")),
        }
    }

    pub(super) fn of(mut self, collection: &str) -> Problem {
        self.collection = Some(collection.into());
        self
    }

    pub(super) fn index(mut self, index: &str) -> Problem {
        self.index = Some(index.into());
        self
    }

    pub(super) fn record(mut self, key: String) -> Problem {
        self.record = Some(key);
        self
    }
}

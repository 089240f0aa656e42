//! [`Database`]: an open database, typed by its schema, and its transactions.
//!
//! - [`ReadTransaction`]: a snapshot. Beginning one never waits, and nothing makes it wait.
//! - [`WriteTransaction`]: one at a time; others wait for their turn.
//! - `&Database` itself can be read from: each call then sees a snapshot of its own.

#[cfg(test)]
mod codec_tests;
mod options;
mod read;
#[cfg(test)]
mod tests;
mod write;

use alloc::sync::Arc;
use core::fmt;
use core::marker::PhantomData;

use crate::Error;
use crate::collection::{Collection, Schema, Within};
use crate::query::{Reads, sealed};
use crate::storage::facade::View;
use crate::storage::store::Store;
use crate::storage::vfs::Vfs;

pub use crate::storage::pager::Durability;
pub use options::Options;
pub use read::ReadTransaction;
pub use write::{Lent, Owned, Records, WriteTransaction};

/// An open database that holds the collections of schema `D`.
///
/// Cheap to clone, and shared between threads. When the last clone goes, the database is closed: what the journal holds
/// is written to the file, and the journal removed. [`close`](Database::close) does the same and reports errors; without
/// either, the next open recovers.
pub struct Database<D> {
    shared: Arc<Shared>,
    schema: PhantomData<fn() -> D>,
}

struct Shared {
    store: Store,
    durability: Durability,
}

impl Drop for Shared {
    fn drop(&mut self) {
        // There is nobody to tell. What could not be written is still in the journal.
        let _ = self.store.close();
    }
}

impl<D> Clone for Database<D> {
    fn clone(&self) -> Self {
        Database { shared: self.shared.clone(), schema: PhantomData }
    }
}

impl<D> fmt::Debug for Database<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("schema", &core::any::type_name::<D>()).finish_non_exhaustive()
    }
}

impl<D: Schema> sealed::Reads for Database<D> {}

#[diagnostic::do_not_recommend]
impl<D: Schema> Reads for Database<D> {
    type Schema = D;

    fn with_view<R>(&self, then: impl FnOnce(View<'_>) -> Result<R, Error>) -> Result<R, Error> {
        then(self.shared.store.snapshot().view())
    }
}

impl<D: Schema> Database<D> {
    /// Makes an empty database in memory. It has no file, no journal, and is gone with its last clone.
    ///
    /// # Errors
    ///
    /// When the schema cannot be stored: two collections share a name, or the fixed-width fields of one take more than
    /// a quarter of a page.
    pub fn in_memory() -> Result<Database<D>, Error> {
        Ok(Database::over(Store::in_memory(D::database())?, &Options::default()))
    }

    /// Opens the database in file `path`, or makes it.
    ///
    /// After a crash, recovers every commit that was acknowledged. Opening a file that was closed writes nothing.
    /// Collections that the file lacks are made; other differences between the file's schema and `D` are an error.
    ///
    /// # Errors
    ///
    /// By [`kind`](Error::kind): the file is not a database, or truncated, or of a newer format, or damaged; another
    /// process has it open; the schemas differ; the file system fails.
    #[cfg(feature = "std")]
    pub fn open(path: impl AsRef<std::path::Path>) -> Result<Database<D>, Error> {
        Options::default().open(path)
    }

    /// Opens the database called `path` in a file system of your own; otherwise as [`open`](Database::open).
    ///
    /// # Errors
    ///
    /// As [`open`](Database::open).
    pub fn open_in(vfs: Arc<dyn Vfs>, path: &str, options: &Options) -> Result<Database<D>, Error> {
        let store = Store::open(vfs, path, options.pager(), D::database())?;
        Ok(Database::over(store, options))
    }

    fn over(store: Store, options: &Options) -> Database<D> {
        let durability = options.durability;
        Database { shared: Arc::new(Shared { store, durability }), schema: PhantomData }
    }

    /// A snapshot of the last commit, to read from.
    ///
    /// # Errors
    ///
    /// None today; a limit on open snapshots may come.
    pub fn read(&self) -> Result<ReadTransaction<'_, D>, Error> {
        Ok(ReadTransaction::new(self.shared.store.snapshot()))
    }

    /// Runs `work` in a write transaction: commits when it returns `Ok`, aborts when it returns `Err`.
    ///
    /// Waits for a running write transaction first. Returns after the journal is synced, so that the commit survives a
    /// crash of the machine (unless [`Options::durability`] says otherwise).
    ///
    /// # Errors
    ///
    /// What `work` returns; what committing fails with.
    pub fn write<R>(
        &self,
        work: impl FnOnce(&mut WriteTransaction<'_, D>) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let mut transaction = self.begin()?;
        let result = work(&mut transaction)?;
        transaction.commit()?;
        Ok(result)
    }

    /// Begins a write transaction; waits for a running one. Dropping it aborts.
    ///
    /// # Errors
    ///
    /// When the database was opened for reading only, or an earlier sync failed: what is durable is then unknown, and
    /// opening the file again finds out.
    pub fn begin(&self) -> Result<WriteTransaction<'_, D>, Error> {
        Ok(WriteTransaction::new(self.shared.store.begin_write()?, self.shared.durability))
    }

    /// The record with this key, in a snapshot of its own.
    ///
    /// # Errors
    ///
    /// When a page cannot be read or is damaged.
    pub fn get<C: Collection + Within<D>>(&self, key: impl Into<C::Key>) -> Result<Option<C>, Error> {
        self.read()?.get(key)
    }

    /// Writes what the journal holds into the database file. Happens by itself when much has changed.
    ///
    /// # Errors
    ///
    /// When writing fails. Nothing is lost: the journal still has everything.
    pub fn checkpoint(&self) -> Result<(), Error> {
        Ok(self.shared.store.checkpoint()?)
    }

    /// Closes the database: writes what the journal holds into the file and removes the journal. Other clones can read
    /// on, but no longer write.
    ///
    /// # Errors
    ///
    /// When writing fails. Nothing is lost: the next open reads the journal.
    pub fn close(self) -> Result<(), Error> {
        Ok(self.shared.store.close()?)
    }
}

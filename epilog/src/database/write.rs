//! [`WriteTransaction`]: changes that become durable together, or not at all.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::borrow::Borrow;
use core::fmt;
use core::marker::PhantomData;

use super::Durability;
use super::read::{get, rank_of};
use crate::Error;
use crate::collection::{Collection, Key, RecordWriter, Schema, Within};
use crate::engine::{self, Assigner};
use crate::expr::{Assignment, Draft};
use crate::query::{Reads, Snapshot, Writes, sealed};
use crate::schema::{CollectionDef, Place};
use crate::storage::StorageError;
use crate::storage::facade::View;
use crate::storage::records::{ConstraintError, RecordDraft};
use crate::storage::writer::Writer;
use crate::value::Cell;

/// A write transaction: sees its own changes; nobody else does before it commits. Dropping it aborts.
pub struct WriteTransaction<'d, D> {
    writer: Writer<'d>,
    durability: Durability,
    draft: RecordDraft,
    schema: PhantomData<fn() -> D>,
}

impl<D> fmt::Debug for WriteTransaction<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteTransaction").finish_non_exhaustive()
    }
}

impl<'d, D: Schema> WriteTransaction<'d, D> {
    pub(super) fn new(writer: Writer<'d>, durability: Durability) -> Self {
        WriteTransaction { writer, durability, draft: RecordDraft::default(), schema: PhantomData }
    }

    /// The record with this key, this transaction's changes included.
    ///
    /// # Errors
    ///
    /// When a page cannot be read or is damaged.
    pub fn get<C: Collection + Within<D>>(&self, key: impl Into<C::Key>) -> Result<Option<C>, Error> {
        get(self.view(), &key.into())
    }

    /// Inserts a record; returns its key. An [`Id::auto()`](crate::Id::auto) is replaced by the next number of the
    /// collection, which is never given out again.
    ///
    /// # Errors
    ///
    /// [`UniqueViolation`](crate::ErrorKind::UniqueViolation) when its key, or its values in a unique index, are taken;
    /// [`ReferenceViolation`](crate::ErrorKind::ReferenceViolation) when a relation points at no record. Nothing has
    /// changed then, and the transaction can go on.
    pub fn insert<C: Collection + Within<D>>(&mut self, record: &C) -> Result<C::Key, Error> {
        let collection = self.definition::<C>();
        fill(&mut self.draft, &collection, record);
        let rank = self.writer.insert(&collection, &mut self.draft)?;
        Ok(record.key().with_number(rank as u64))
    }

    /// Inserts records, all or none; returns their keys. Relations may point at records later in the list.
    ///
    /// Much faster than one by one for many records: index entries are applied in the order of the index.
    ///
    /// # Errors
    ///
    /// As [`insert`](WriteTransaction::insert).
    pub fn insert_all<C: Collection + Within<D>, By>(
        &mut self,
        records: impl Records<C, By>,
    ) -> Result<Vec<C::Key>, Error> {
        let collection = self.definition::<C>();
        let mut records = records.records();
        let mut keys = Vec::with_capacity(records.size_hint().0);
        let ranks = self.writer.insert_all(&collection, &mut |draft| match records.next() {
            Some(record) => {
                let record = record.borrow();
                fill(draft, &collection, record);
                keys.push(record.key());
                Ok::<bool, StorageError>(true)
            }
            None => Ok(false),
        })?;
        for (key, rank) in keys.iter_mut().zip(ranks) {
            *key = key.with_number(rank as u64);
        }
        Ok(keys)
    }

    /// Replaces the record that has this one's key.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) when there is none; otherwise as [`insert`](WriteTransaction::insert).
    pub fn update<C: Collection + Within<D>>(&mut self, record: &C) -> Result<(), Error> {
        let collection = self.definition::<C>();
        fill(&mut self.draft, &collection, record);
        if let Some(rank) = rank_of(self.writer.view(), &collection, &record.key())?
            && self.writer.update(&collection, rank, &mut self.draft)?
        {
            return Ok(());
        }
        let key = self.draft.describe_key(&collection);
        Err(ConstraintError::NotFound { collection: collection.name.clone(), key }.into())
    }

    /// Deletes the record that has this one's key; returns whether there was one.
    ///
    /// # Errors
    ///
    /// [`ReferenceViolation`](crate::ErrorKind::ReferenceViolation) when a record points at it whose relation does not
    /// say `#[on_delete(cascade)]` or `#[on_delete(set_null)]`. Nothing has changed then.
    pub fn delete<C: Collection + Within<D>>(&mut self, record: &C) -> Result<bool, Error> {
        self.delete_key::<C>(record.key())
    }

    /// Deletes the record with this key; returns whether there was one.
    ///
    /// # Errors
    ///
    /// As [`delete`](WriteTransaction::delete).
    pub fn delete_key<C: Collection + Within<D>>(&mut self, key: impl Into<C::Key>) -> Result<bool, Error> {
        let collection = self.definition::<C>();
        match rank_of(self.writer.view(), &collection, &key.into())? {
            Some(rank) => Ok(self.writer.delete(&collection, rank)?),
            None => Ok(false),
        }
    }

    /// Runs `work`; when it returns `Err`, everything it changed is undone and the transaction goes on as before.
    /// Nests to any depth.
    ///
    /// # Errors
    ///
    /// What `work` returns.
    pub fn savepoint<R>(&mut self, work: impl FnOnce(&mut Self) -> Result<R, Error>) -> Result<R, Error> {
        let mark = self.writer.mark();
        match work(self) {
            Ok(result) => {
                self.writer.release(mark);
                Ok(result)
            }
            Err(error) => {
                self.writer.rollback_to(mark);
                Err(error)
            }
        }
    }

    /// Commits. Returns after the journal is synced, unless [`Options::durability`](super::Options::durability) says
    /// otherwise.
    ///
    /// # Errors
    ///
    /// When a statement of the transaction failed half-way, or writing the journal fails: nothing of it is kept then. When
    /// the sync fails, the outcome is unknown: the database takes no more writes, and opening it again finds out.
    pub fn commit(self) -> Result<(), Error> {
        let durability = self.durability;
        self.commit_with(durability)
    }

    /// Commits with a durability of its own.
    ///
    /// # Errors
    ///
    /// As [`commit`](WriteTransaction::commit).
    pub fn commit_with(self, durability: Durability) -> Result<(), Error> {
        Ok(self.writer.commit(durability)?)
    }

    /// Aborts: nothing of the transaction is kept. The same as dropping it.
    pub fn abort(self) {}

    #[inline]
    pub(crate) fn view(&self) -> View<'_> {
        self.writer.view()
    }

    /// The definition of a draft's root.
    fn bound(&self, draft: &Draft) -> Result<Arc<CollectionDef>, Error> {
        let bound = self.view().catalog().bound((draft.root)());
        Ok(bound.expect("the root was checked to be within the schema").clone())
    }

    fn definition<C: Collection>(&self) -> Arc<CollectionDef> {
        let catalog = self.writer.view().catalog();
        catalog.bound(C::schema()).expect("the schema binds every collection that is within it").clone()
    }
}

#[diagnostic::do_not_recommend]
impl<D: Schema> sealed::Reads for WriteTransaction<'_, D> {}

#[diagnostic::do_not_recommend]
impl<D: Schema> Reads for WriteTransaction<'_, D> {
    type Schema = D;

    fn with_view<R>(&self, then: impl FnOnce(View<'_>) -> Result<R, Error>) -> Result<R, Error> {
        then(self.view())
    }
}

#[diagnostic::do_not_recommend]
impl<D: Schema> Snapshot for WriteTransaction<'_, D> {
    fn view(&self) -> View<'_> {
        self.writer.view()
    }
}

#[diagnostic::do_not_recommend]
impl<D: Schema> Writes for WriteTransaction<'_, D> {
    fn update_records(&mut self, draft: &Draft, assignments: &[Assignment]) -> Result<u64, Error> {
        let collection = self.bound(draft)?;
        // The keys are all found before the first change: an update cannot meet its own work.
        let ranks = engine::keys(self.view(), draft)?;
        // Nor can its expressions: those that look at other records are evaluated before the first change, too.
        let assigner = Assigner::new(self.view(), draft.root, assignments)?;
        let looks_around = assignments.iter().any(|assignment| assignment.expression.reads_other_records());
        let mut draft_of_one = RecordDraft::default();
        let mut images: Vec<Vec<u8>> = Vec::new();
        if looks_around {
            for rank in &ranks {
                assign(self.view(), &collection, *rank, &assigner, &mut draft_of_one)?;
                let mut image = Vec::new();
                draft_of_one.append_image(&mut image);
                images.push(image);
            }
        }
        let mut evaluated = images.iter();
        let mut ranks = ranks.into_iter();
        self.writer.update_all(&collection, &mut |writer, new| {
            let Some(rank) = ranks.next() else { return Ok(None) };
            match evaluated.next() {
                Some(image) => assert!(new.load_image(&collection.layout, image), "its own image"),
                None => assign(writer.view(), &collection, rank, &assigner, new)?,
            }
            Ok::<_, Error>(Some(rank))
        })
    }

    fn delete_records(&mut self, draft: &Draft) -> Result<u64, Error> {
        let collection = self.bound(draft)?;
        let ranks = engine::keys(self.view(), draft)?;
        Ok(self.writer.delete_all(&collection, &ranks)?)
    }
}

/// Makes `new` the record with this rank, changed.
fn assign(
    view: View<'_>,
    collection: &CollectionDef,
    rank: u128,
    assigner: &Assigner,
    new: &mut RecordDraft,
) -> Result<(), Error> {
    let known = view.catalog().collection(collection.id).expect("a collection of this catalog");
    let record = view.get(known, rank)?.ok_or_else(|| {
        let problem = format!("an index of `{}` names rank {rank}, where no record is", known.name);
        StorageError::damage("index", problem)
    })?;
    Ok(assigner.apply(view, record, new)?)
}

/// What [`insert_all`](WriteTransaction::insert_all) takes: anything that gives records or references to them, such as
/// `&albums` and `numbers.map(|n| Album { .. })`. `By` tells the two apart and is never written.
#[diagnostic::on_unimplemented(
    message = "`{Self}` gives no records of one collection",
    label = "expected records, or references to them",
    note = "pass what can be iterated over: `&albums`, `albums`, an iterator"
)]
pub trait Records<C, By> {
    /// The records, one after the other.
    fn records(self) -> impl Iterator<Item: Borrow<C>>;
}

/// Records that are given away.
#[derive(Debug)]
pub enum Owned {}

/// Records that are lent.
#[derive(Debug)]
pub enum Lent {}

#[diagnostic::do_not_recommend]
impl<C: Collection, I: IntoIterator<Item = C>> Records<C, Owned> for I {
    fn records(self) -> impl Iterator<Item: Borrow<C>> {
        self.into_iter()
    }
}

#[diagnostic::do_not_recommend]
impl<'a, C: Collection, I: IntoIterator<Item = &'a C>> Records<C, Lent> for I {
    fn records(self) -> impl Iterator<Item: Borrow<C>> {
        self.into_iter()
    }
}

/// Makes `draft` the record.
#[inline]
fn fill<C: Collection>(draft: &mut RecordDraft, collection: &CollectionDef, record: &C) {
    draft.reset(&collection.layout);
    record.encode(&mut DraftWriter { draft, places: &collection.places });
}

/// Takes a struct's cells into a draft.
struct DraftWriter<'a> {
    draft: &'a mut RecordDraft,
    places: &'a [Place],
}

impl RecordWriter for DraftWriter<'_> {
    #[inline]
    fn put(&mut self, ordinal: u16, cell: Cell<'_>) {
        self.draft.put(&self.places[usize::from(ordinal)], cell);
    }
}

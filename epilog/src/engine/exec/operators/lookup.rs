//! Lookups along to-one relations, a batch at a time.

#[cfg(not(feature = "small"))]
use alloc::sync::Arc;
use alloc::vec::Vec;

#[cfg(all(feature = "std", not(feature = "small")))]
use super::Sharing;
use super::Stage;
use crate::engine::error::ExecError;
use crate::engine::exec::batch::{Batch, Source};
#[cfg(not(feature = "small"))]
use crate::engine::exec::directory::Directory;
use crate::engine::exec::evaluate::evaluate;
#[cfg(not(feature = "small"))]
use crate::engine::exec::meter::Footprint;
#[cfg(not(feature = "small"))]
use crate::engine::exec::shelf::{NOTHING, Picked};
use crate::engine::exec::{Env, Vector};
use crate::engine::logical::{Expr, Slot};
use crate::storage::records::RecordRef;
#[cfg(all(feature = "std", not(feature = "small")))]
use crate::sync::OnceCell;
#[cfg(all(feature = "std", not(feature = "small")))]
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::value::key;
#[cfg(not(feature = "small"))]
use crate::value::{Type, is_signed_cell};

/// Reading a record among all of its collection, and noting where it lies, costs about so many times less than searching
/// for it.
#[cfg(not(feature = "small"))]
const SEARCHES: u64 = 16;

/// Adds the records that a relation field points at.
///
/// The ranks of a batch are sorted and each is fetched once, by ascending rank: rows share the records they point at, and
/// neighbours lie on one page. When as many have been searched for as reading all of the collection would have cost, all
/// of it is read, and the rest is found without a search: it costs no more than twice as much as what would have been best.
pub(super) struct Lookup<'s> {
    pointer: Expr,
    into: Slot,
    wanted: Vec<(u128, u32)>,
    ranks: Vec<u128>,
    found: Vec<Option<RecordRef<'s>>>,
    #[cfg(not(feature = "small"))]
    all: All<'s>,
}

/// What is known of all records of a collection.
#[cfg(not(feature = "small"))]
enum All<'s> {
    /// Nothing: so many have been searched for.
    Unread(u64),
    Read(Directory<'s>),
    /// They are too many, or reading them would be noted as more than is meant.
    Unreadable,
    /// What all threads know.
    #[cfg(feature = "std")]
    Shared(Arc<Read<'s>>),
}

/// What several threads know of all records of a collection.
#[cfg(all(feature = "std", not(feature = "small")))]
#[derive(Default)]
pub(super) struct Read<'s> {
    /// How many have been searched for.
    searched: AtomicU64,
    /// They, when whoever came first has read them; none when they are too many.
    all: OnceCell<Option<Directory<'s>>>,
}

#[cfg(not(feature = "small"))]
impl<'s> All<'s> {
    /// All of them, if they have been read.
    fn directory(&self) -> Option<&Directory<'s>> {
        match self {
            All::Read(directory) => Some(directory),
            #[cfg(feature = "std")]
            All::Shared(read) => read.all.get()?.as_ref(),
            All::Unread(_) | All::Unreadable => None,
        }
    }
}

impl<'s> Lookup<'s> {
    /// Of the records of `into` that the values of `pointer` name.
    #[cfg_attr(feature = "small", expect(unused_variables, reason = "each is searched for there"))]
    pub(super) fn new(env: &Env<'s>, pointer: Expr, into: Slot) -> Lookup<'s> {
        Lookup {
            pointer,
            into,
            wanted: Vec::new(),
            ranks: Vec::new(),
            found: Vec::new(),
            #[cfg(not(feature = "small"))]
            // Tests have few records: there half of the lookups read all of them at once.
            all: match env.view.notes_reads() {
                true => All::Unreadable,
                false => All::Unread(if cfg!(test) && into.0 % 2 == 1 { u64::MAX } else { 0 }),
            },
        }
    }

    /// Reads all of the collection, when as much was searched for.
    #[cfg(not(feature = "small"))]
    fn read(&mut self, env: &Env<'s>) -> Result<(), ExecError> {
        if let All::Unread(searched) = self.all
            && searched.saturating_mul(SEARCHES) > env.view.count(env.collection(self.into).id)?
        {
            self.all = Directory::new(env, self.into)?.map_or(All::Unreadable, All::Read);
        }
        #[cfg(feature = "std")]
        if let All::Shared(read) = &self.all
            && read.all.get().is_none()
            && read.searched.load(Ordering::Relaxed).saturating_mul(SEARCHES)
                > env.view.count(env.collection(self.into).id)?
        {
            // What cannot be read is met again by who searches for it.
            read.all.get_or_init(|| Directory::new(env, self.into).ok().flatten());
        }
        Ok(())
    }

    /// The records that are pointed at, each searched for.
    fn search(
        &mut self,
        env: &Env<'s>,
        pointers: &Vector<'s>,
    ) -> Result<Vec<Option<RecordRef<'s>>>, ExecError> {
        self.wanted.clear();
        let present = (0..pointers.len())
            .filter_map(|row| Some((key::rank(pointers.ty(), pointers.cell(row)?), row as u32)));
        self.wanted.extend(present);
        if !self.wanted.is_sorted() {
            self.wanted.sort_unstable();
        }
        self.ranks.clear();
        self.ranks.extend(self.wanted.iter().map(|(rank, _)| *rank));
        self.ranks.dedup();
        #[cfg(not(feature = "small"))]
        match &mut self.all {
            All::Unread(searched) => *searched += self.ranks.len() as u64,
            #[cfg(feature = "std")]
            All::Shared(read) => {
                read.searched.fetch_add(self.ranks.len() as u64, Ordering::Relaxed);
            }
            All::Read(_) | All::Unreadable => {}
        }
        self.found.clear();
        env.view.get_many(env.collection(self.into), &self.ranks, &mut self.found)?;
        let mut records = vec![None; pointers.len()];
        let mut at = 0;
        for (rank, row) in &self.wanted {
            at += usize::from(self.ranks[at] != *rank);
            records[*row as usize] = self.found[at];
        }
        Ok(records)
    }
}

impl<'s> Stage<'s> for Lookup<'s> {
    fn apply(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<(), ExecError> {
        #[cfg(not(feature = "small"))]
        {
            self.read(env)?;
            if let Some(directory) = self.all.directory() {
                batch.loosen();
                let numbers = numbers_of(directory, &evaluate(env, &self.pointer, batch)?);
                let (shelf, numbers) = (Arc::clone(directory.shelf()), batch.spread(numbers));
                batch.set_source(self.into, Source::Picked(Picked { shelf, numbers }));
                return Ok(());
            }
        }
        batch.compact();
        let pointers = evaluate(env, &self.pointer, batch)?;
        let records = self.search(env, &pointers)?;
        batch.set_source(self.into, Source::Records(records));
        Ok(())
    }

    #[cfg(not(feature = "small"))]
    fn footprint(&self) -> Footprint {
        self.all.directory().map_or_else(Footprint::default, |all| Footprint::in_memory(all.size()))
    }

    #[cfg(all(feature = "std", not(feature = "small")))]
    fn share(&mut self, _: &Env<'s>, sharing: &mut Sharing<'s>) -> Result<(), ExecError> {
        let read = sharing.records()?;
        if let All::Unread(searched) = self.all {
            // In tests, as it begins.
            read.searched.fetch_max(searched, Ordering::Relaxed);
            self.all = All::Shared(read);
        }
        Ok(())
    }
}

/// The numbers of the records that are pointed at.
#[cfg(not(feature = "small"))]
fn numbers_of(directory: &Directory<'_>, pointers: &Vector<'_>) -> Vec<u32> {
    let ty = pointers.ty();
    let rows = 0..pointers.len();
    if ty.width() == Some(8) && !is_signed_cell(ty) && ty != Type::Uuid {
        let cells = pointers.strided();
        return rows
            .map(|row| match pointers.is_null(row) {
                true => NOTHING,
                false => directory.number(cells.word(row, true)),
            })
            .collect();
    }
    let number = |row: usize| {
        let rank = key::rank(ty, pointers.cell(row)?);
        Some(directory.number(rank.try_into().ok()?))
    };
    rows.map(|row| number(row).unwrap_or(NOTHING)).collect()
}

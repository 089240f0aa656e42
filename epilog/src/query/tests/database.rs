//! What queries are run against here: prepared answers, and a record of what was asked.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;

use crate::Error;
use crate::collection::sample::Music;
use crate::collection::{Collection, Key, Within};
use crate::expr::{Assignment, Clause, Draft};
use crate::query::run::{Reads, Snapshot, Writes, sealed};
use crate::query::seam::{Backend, OutputBatch, OutputColumn, Vector, View};
use crate::schema::CollectionDef;
use crate::storage::records::RecordRef;
use crate::value::{Cell, Type, Value, key};

type OwnedCell = Option<Vec<u8>>;

/// A column of a prepared answer.
pub(super) enum Column {
    Values(Vec<OwnedCell>),
    Records(&'static CollectionDef, Vec<Option<RecordRef<'static>>>),
}

/// Answers every query with the same batches.
#[derive(Default)]
pub(super) struct Answers {
    batches: Vec<Vec<Column>>,
    pub(super) asked: RefCell<Vec<Vec<Clause>>>,
    pub(super) changed: Vec<(String, Vec<Assignment>)>,
}

impl Answers {
    /// Answers with these batches of columns.
    pub(super) fn new(batches: Vec<Vec<Column>>) -> Answers {
        Answers { batches, ..Answers::default() }
    }
}

/// A column of values.
pub(super) fn values<T: Value>(values: &[T]) -> Column {
    Column::Values(values.iter().map(|value| value.with_cell(owned)).collect())
}

/// A column of records, that lie in a database of their own.
pub(super) fn records<C: Collection + Within<Music> + Clone>(records: &[Option<C>]) -> Column {
    let db = Box::leak(Box::new(Music::in_memory().expect("a database")));
    let present: Vec<C> = records.iter().flatten().cloned().collect();
    db.write(|tx| tx.insert_all(&present)).expect("records");
    let view = Box::leak(Box::new(db.read().expect("a snapshot"))).view();
    let collection = view.catalog().bound(C::schema()).expect("a collection of the schema");
    let rank = |record: &C| record.key().with_cells(|cells| key::rank(Type::Id, cells[0].expect("a key")));
    let stored = |record: &C| view.get(collection, rank(record)).expect("is read").expect("is there");
    Column::Records(collection, records.iter().map(|record| record.as_ref().map(stored)).collect())
}

fn owned(cell: Cell<'_>) -> OwnedCell {
    cell.map(<[u8]>::to_vec)
}

fn lent(cells: &[OwnedCell]) -> Vec<Cell<'_>> {
    cells.iter().map(Option::as_deref).collect()
}

fn batch(columns: &[Column]) -> OutputBatch<'_> {
    let (lens, columns): (Vec<_>, Vec<_>) = columns.iter().map(column).unzip();
    OutputBatch { rows: lens[0], columns }
}

fn column(column: &Column) -> (usize, OutputColumn<'_>) {
    match column {
        Column::Values(cells) => (cells.len(), OutputColumn::Values(Vector(lent(cells)))),
        Column::Records(collection, rows) => {
            (rows.len(), OutputColumn::Records { collection, rows: rows.clone() })
        }
    }
}

impl Backend for Answers {
    fn batches(&self, draft: &Draft) -> Result<Vec<OutputBatch<'_>>, Error> {
        self.asked.borrow_mut().push(draft.clauses.clone());
        Ok(self.batches.iter().map(|columns| batch(columns)).collect())
    }
}

impl sealed::Reads for Answers {}

impl Reads for Answers {
    type Schema = Music;

    fn with_view<R>(&self, then: impl FnOnce(View<'_>) -> Result<R, Error>) -> Result<R, Error> {
        then(View::new(self))
    }
}

impl Snapshot for Answers {
    fn view(&self) -> View<'_> {
        View::new(self)
    }
}

impl Writes for Answers {
    fn update_records(&mut self, draft: &Draft, assignments: &[Assignment]) -> Result<u64, Error> {
        self.changed.push(((draft.root)().name.into(), assignments.to_vec()));
        Ok(self.changed.len() as u64)
    }

    fn delete_records(&mut self, draft: &Draft) -> Result<u64, Error> {
        self.changed.push(((draft.root)().name.into(), Vec::new()));
        Ok(self.changed.len() as u64)
    }
}

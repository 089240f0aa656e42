//! [`Operation`]: what a transaction of a history does, on a database and on a map.

use std::collections::BTreeMap;

use epilog::prelude::*;

use crate::random::Random;

/// A record that transactions meet at.
#[derive(Collection, Clone, Debug, PartialEq)]
pub struct Cell {
    /// Few of them: see [`KEYS`].
    #[key]
    pub at: u32,
    /// One of [`GROUPS`].
    #[index]
    pub group: u8,
    /// Unique.
    #[unique]
    pub label: u32,
    /// In no index.
    pub value: i64,
}

/// A record with a number that is given to it.
#[derive(Collection, Clone, Debug, PartialEq)]
pub struct Ticket {
    /// Assigned.
    pub id: Id<Ticket>,
}

epilog::schema!(
    /// What the transactions of a history work on.
    pub Board { Cell, Ticket }
);

/// Keys of cells are below this.
pub const KEYS: u32 = 14;
/// Groups are below this.
pub const GROUPS: u8 = 3;
/// Labels are below this.
const LABELS: u32 = 18;

/// What a transaction does.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Reads a cell by its key.
    Get(u32),
    /// Reads a cell by its label.
    ByLabel(u32),
    /// Adds up the values of the cells with keys from the first to the last.
    Sum(u32, u32),
    /// Counts the cells of a group, in its index.
    CountGroup(u8),
    /// The values of a group.
    Group(u8),
    /// The first cell whose label is not less.
    FirstLabel(u32),
    /// Counts all cells.
    Count,
    /// Inserts a cell.
    Insert(Cell),
    /// Replaces a cell.
    Update(Cell),
    /// Deletes a cell.
    Delete(u32),
    /// Adds one to a cell's value.
    Bump(u32),
    /// Moves some value from one cell to another, as long as the first keeps as much as that.
    Move(u32, u32),
    /// Adds one to the values of a group, in one statement.
    BumpGroup(u8),
    /// Deletes what is left of a group when there are few, in one statement.
    DeleteGroup(u8),
    /// Inserts a record that is given a number.
    Draw,
    /// The same as the operation within, undone.
    Undone(Box<Operation>),
}

/// What came of an operation.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// A cell, or none.
    Cell(Option<Cell>),
    /// Several numbers.
    Numbers(Vec<i64>),
    /// It was done, or a constraint refused it, or there was nothing to do.
    Done(bool),
    /// A number was given.
    Drawn(u64),
}

/// A few random operations.
pub fn operations(random: &mut Random) -> Vec<Operation> {
    (0..1 + random.below(5)).map(|_| operation(random, true)).collect()
}

fn operation(random: &mut Random, nests: bool) -> Operation {
    let key = |random: &mut Random| random.below(KEYS.into()) as u32;
    let group = |random: &mut Random| random.below(GROUPS.into()) as u8;
    match random.below(22) {
        0 | 1 => Operation::Get(key(random)),
        2 => Operation::ByLabel(random.below(LABELS.into()) as u32),
        3 | 4 => {
            let low = key(random);
            Operation::Sum(low, low + random.below(5) as u32)
        }
        5 => Operation::CountGroup(group(random)),
        6 => Operation::Group(group(random)),
        7 => Operation::FirstLabel(random.below(LABELS.into()) as u32),
        8 => Operation::Count,
        9..=11 => Operation::Insert(cell(random)),
        12 => Operation::Update(cell(random)),
        13 => Operation::Delete(key(random)),
        14 | 15 => Operation::Bump(key(random)),
        16 | 17 => Operation::Move(key(random), key(random)),
        18 => Operation::BumpGroup(group(random)),
        19 => Operation::DeleteGroup(group(random)),
        20 => Operation::Draw,
        _ if nests => loop {
            match operation(random, false) {
                // A number that is undone may be given to another.
                Operation::Draw => {}
                within => break Operation::Undone(Box::new(within)),
            }
        },
        _ => Operation::Count,
    }
}

fn cell(random: &mut Random) -> Cell {
    Cell {
        at: random.below(KEYS.into()) as u32,
        group: random.below(GROUPS.into()) as u8,
        label: random.below(LABELS.into()) as u32,
        value: random.below(100) as i64,
    }
}

/// How many records have been given a number.
///
/// # Errors
///
/// When the database cannot be read.
pub fn tickets(db: &Database<Board>) -> Result<u64, Error> {
    Ticket::query().count(db)
}

impl Operation {
    /// Whether it has changed something, given what came of it.
    pub fn changes(&self, outcome: &Outcome) -> bool {
        match self {
            Operation::Insert(_)
            | Operation::Update(_)
            | Operation::Delete(_)
            | Operation::Bump(_)
            | Operation::Move(..)
            | Operation::BumpGroup(_)
            | Operation::DeleteGroup(_) => *outcome == Outcome::Done(true),
            Operation::Draw => true,
            _ => false,
        }
    }

    /// Runs it in a transaction.
    ///
    /// # Errors
    ///
    /// What is not the data's fault.
    pub fn run(&self, tx: &mut WriteTransaction<'_, Board>) -> Result<Outcome, Error> {
        Ok(match self {
            Operation::Get(at) => Outcome::Cell(tx.get(*at)?),
            Operation::ByLabel(label) => {
                Outcome::Cell(Cell::query().filter(|c| c.label.eq(*label)).first(tx)?)
            }
            Operation::Sum(low, high) => {
                let cells = Cell::query().filter(|c| c.at.between(*low, *high));
                let (count, sum) = cells.aggregate(|g| (g.count(), g.sum(|c| c.value))).one(tx)?;
                Outcome::Numbers(vec![count as i64, sum])
            }
            Operation::CountGroup(group) => {
                let count = Cell::query().filter(|c| c.group.eq(*group)).count(tx)?;
                Outcome::Numbers(vec![count as i64])
            }
            Operation::Group(group) => {
                let cells = Cell::query().filter(|c| c.group.eq(*group)).order_by(|c| c.at.asc());
                Outcome::Numbers(cells.select(|c| c.value).all(tx)?)
            }
            Operation::FirstLabel(label) => {
                let cells = Cell::query().filter(|c| c.label.ge(*label)).order_by(|c| c.label.asc());
                Outcome::Cell(cells.first(tx)?)
            }
            Operation::Count => Outcome::Numbers(vec![Cell::query().count(tx)? as i64]),
            Operation::Insert(cell) => done(tx.insert(cell))?,
            Operation::Update(cell) => done(tx.update(cell))?,
            Operation::Delete(at) => Outcome::Done(tx.delete_key::<Cell>(*at)?),
            Operation::Bump(at) => match tx.get::<Cell>(*at)? {
                Some(cell) => done(tx.update(&Cell { value: cell.value + 1, ..cell }))?,
                None => Outcome::Done(false),
            },
            Operation::Move(from, to) => match (tx.get::<Cell>(*from)?, tx.get::<Cell>(*to)?) {
                (Some(from), Some(to)) if from.at != to.at && from.value >= 20 => {
                    tx.update(&Cell { value: from.value - 10, ..from })?;
                    done(tx.update(&Cell { value: to.value + 10, ..to }))?
                }
                _ => Outcome::Done(false),
            },
            Operation::BumpGroup(group) => {
                let cells = Cell::query().filter(|c| c.group.eq(*group));
                Outcome::Done(cells.update(|c| c.value.set(c.value + 1)).run(tx)? > 0)
            }
            Operation::DeleteGroup(group) => {
                let cells = || Cell::query().filter(|c| c.group.eq(*group));
                Outcome::Done(cells().count(tx)? < 3 && cells().delete().run(tx)? > 0)
            }
            Operation::Draw => Outcome::Drawn(tx.insert(&Ticket { id: Id::auto() })?.get()),
            Operation::Undone(within) => {
                let mut outcome = None;
                let undone = tx.savepoint(|tx| {
                    outcome = Some(within.run(tx));
                    Err::<(), _>(Error::custom("undone"))
                });
                assert!(undone.is_err());
                outcome.expect("it was run")?
            }
        })
    }

    /// Runs it on a map.
    pub fn run_on(&self, cells: &mut Cells) -> Outcome {
        let Cells(map) = cells;
        match self {
            Operation::Get(at) => Outcome::Cell(map.get(at).cloned()),
            Operation::ByLabel(label) => {
                Outcome::Cell(map.values().find(|cell| cell.label == *label).cloned())
            }
            Operation::Sum(low, high) => {
                let values: Vec<i64> = map.range(low..=high).map(|(_, cell)| cell.value).collect();
                Outcome::Numbers(vec![values.len() as i64, values.iter().sum()])
            }
            Operation::CountGroup(group) => {
                let count = map.values().filter(|cell| cell.group == *group).count();
                Outcome::Numbers(vec![count as i64])
            }
            Operation::Group(group) => {
                let cells = map.values().filter(|cell| cell.group == *group);
                Outcome::Numbers(cells.map(|cell| cell.value).collect())
            }
            Operation::FirstLabel(label) => {
                let cells = map.values().filter(|cell| cell.label >= *label);
                Outcome::Cell(cells.min_by_key(|cell| cell.label).cloned())
            }
            Operation::Count => Outcome::Numbers(vec![map.len() as i64]),
            Operation::Insert(cell) => {
                let fits = !map.contains_key(&cell.at) && cells.has_room_for(cell);
                if fits {
                    cells.0.insert(cell.at, cell.clone());
                }
                Outcome::Done(fits)
            }
            Operation::Update(cell) => {
                let fits = map.contains_key(&cell.at) && cells.has_room_for(cell);
                if fits {
                    cells.0.insert(cell.at, cell.clone());
                }
                Outcome::Done(fits)
            }
            Operation::Delete(at) => Outcome::Done(map.remove(at).is_some()),
            Operation::Bump(at) => {
                let cell = map.get_mut(at);
                Outcome::Done(cell.map(|cell| cell.value += 1).is_some())
            }
            Operation::Move(from, to) => {
                let enough = map.get(from).is_some_and(|cell| cell.value >= 20);
                let moves = enough && map.contains_key(to) && from != to;
                for (at, more) in [(from, -10), (to, 10)].into_iter().filter(|_| moves) {
                    map.entry(*at).and_modify(|cell| cell.value += more);
                }
                Outcome::Done(moves)
            }
            Operation::BumpGroup(group) => {
                let mut any = false;
                for cell in map.values_mut().filter(|cell| cell.group == *group) {
                    cell.value += 1;
                    any = true;
                }
                Outcome::Done(any)
            }
            Operation::DeleteGroup(group) => {
                let count = map.values().filter(|cell| cell.group == *group).count();
                if count < 3 {
                    map.retain(|_, cell| cell.group != *group);
                }
                Outcome::Done((1..3).contains(&count))
            }
            Operation::Draw => unreachable!("a map gives no numbers"),
            Operation::Undone(within) => within.run_on(&mut cells.clone()),
        }
    }
}

/// Whether it was done: not when a constraint refused it.
fn done<T>(result: Result<T, Error>) -> Result<Outcome, Error> {
    match result {
        Ok(_) => Ok(Outcome::Done(true)),
        Err(error) => match error.kind() {
            ErrorKind::UniqueViolation | ErrorKind::NotFound => Ok(Outcome::Done(false)),
            _ => Err(error),
        },
    }
}

/// The cells as a map.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cells(BTreeMap<u32, Cell>);

impl Cells {
    /// Those that are stored.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn read(tx: &ReadTransaction<'_, Board>) -> Result<Cells, Error> {
        Ok(Cells(Cell::query().all(tx)?.into_iter().map(|cell| (cell.at, cell)).collect()))
    }

    /// Whether no other cell has this one's label.
    fn has_room_for(&self, cell: &Cell) -> bool {
        !self.0.values().any(|other| other.label == cell.label && other.at != cell.at)
    }

    /// Writes what differs from `before`, whatever is stored by now. Returns whether something does.
    ///
    /// # Errors
    ///
    /// When what is stored by now does not let it.
    pub fn write_over(&self, before: &Cells, tx: &mut WriteTransaction<'_, Board>) -> Result<bool, Error> {
        let mut any = false;
        for at in before.0.keys().filter(|at| !self.0.contains_key(at)) {
            any |= tx.delete_key::<Cell>(*at)?;
        }
        for cell in self.0.values().filter(|cell| before.0.get(&cell.at) != Some(cell)) {
            match tx.get::<Cell>(cell.at)? {
                Some(_) => tx.update(cell)?,
                None => tx.insert(cell).map(drop)?,
            }
            any = true;
        }
        Ok(any)
    }
}

//! [`Packer`] and [`Giver`]: rows by keys whose bytes order as they do, kept as bytes that borrow nothing, and put aside where they are
//! too many.
//!
//! A key ends with the rank of the root record, 16 bytes, whatever else is in it. Rows with one key stay as they came.

use alloc::vec::Vec;

use super::bounds;
use crate::engine::error::{ExecError, RowFault};
use crate::engine::exec::Env;
use crate::engine::exec::batch::{Batch, GATHERED_MAX};
#[cfg(not(feature = "small"))]
use crate::engine::exec::budget::Charge;
#[cfg(not(feature = "small"))]
use crate::engine::exec::meter::Footprint;
#[cfg(not(feature = "small"))]
use crate::engine::exec::packed::BatchRow;
use crate::engine::exec::packed::{Packed, Pulled, RowSource, Shape, Unpacking};
use crate::engine::exec::spill::{Spill, Spilled};
use crate::engine::logical::Window;
use crate::engine::physical::TOP_MAX;
use crate::parts::{self, Whole};

/// The bytes of packed rows that become one batch, about.
const BATCH_BYTES_MAX: usize = 1 << 20;

/// Of what memory may take, the part that runs take which are merged: others keep rows meanwhile.
const MERGED_PART: usize = 4;

/// Rows being read, in several operations as a rule.
pub(in crate::engine::exec) struct Packer {
    /// `None` until there has been a row.
    pub(super) shape: Option<Shape>,
    pub(super) rows: Packed,
    /// Rows that have been put aside.
    spill: Option<Spill>,
    window: Window,
    /// Only the first so many rows are wanted.
    pub(super) count: usize,
    /// The key of the last of them, once there are so many: what comes behind it is not kept.
    pub(super) last: Option<Vec<u8>>,
    /// Whether rows have copies of their records.
    pub(super) copies: bool,
    faults: Vec<RowFault>,
    /// Whether the input has ended.
    pub(super) complete: bool,
    /// What its rows take of the budget.
    #[cfg(not(feature = "small"))]
    charge: Charge,
    _whole: Whole,
}

impl Packer {
    /// `None` in a build that packs no rows.
    pub(in crate::engine::exec::operators) fn new(window: Window) -> Option<Packer> {
        Some(Packer {
            shape: None,
            rows: Packed::default(),
            spill: None,
            window,
            count: window.end().and_then(|end| usize::try_from(end).ok()).unwrap_or(usize::MAX),
            last: None,
            copies: false,
            faults: Vec::new(),
            complete: false,
            #[cfg(not(feature = "small"))]
            charge: Charge::default(),
            _whole: Whole::build()?,
        })
    }

    /// The same, with room for rows outside of memory; `None` where there is none.
    #[cfg(not(feature = "small"))]
    pub(in crate::engine::exec::operators) fn outside(
        mut self,
        env: &Env<'_>,
    ) -> Result<Option<Packer>, ExecError> {
        self.spill = Spill::new(env.view, env.sort_bytes().unwrap_or(usize::MAX) / MERGED_PART)?;
        Ok(self.spill.is_some().then_some(self))
    }

    /// Decides whether rows have copies of their records from now on: when what those are on does not stay in memory, there
    /// may be many rows, and there is room to put them aside.
    pub(super) fn decide(&mut self, env: &Env<'_>) -> Result<(), ExecError> {
        let wanted = env.view.keeps_copies() && env.view.is_crowded() && self.count as u64 > TOP_MAX;
        if parts::SPILL && wanted && !self.copies {
            if self.spill.is_none() {
                self.spill = Spill::new(env.view, env.sort_bytes().unwrap_or(usize::MAX) / MERGED_PART)?;
            }
            self.copies = self.spill.is_some();
        }
        Ok(())
    }

    /// Adds a row. A build that packs no rows has no shape of them.
    pub(super) fn push(&mut self, key: &[u8], row: &impl RowSource) -> Result<(), ExecError> {
        let Packer { shape: Some(shape), rows, faults, copies, .. } = self else { return Ok(()) };
        rows.push(key, |out| shape.append(out, row, *copies, faults))
    }

    /// Adds a row of which `append` appends what follows the key.
    #[cfg(not(feature = "small"))]
    pub(in crate::engine::exec::operators) fn push_bytes(
        &mut self,
        key: &[u8],
        append: impl FnOnce(&mut Vec<u8>) -> Result<(), ExecError>,
    ) -> Result<(), ExecError> {
        self.rows.push(key, append)
    }

    /// Says what rows that are added as bytes have, and the faults that these name.
    #[cfg(not(feature = "small"))]
    pub(in crate::engine::exec::operators) fn set_shape(&mut self, shape: Shape, faults: Vec<RowFault>) {
        (self.shape, self.faults) = (Some(shape), faults);
    }

    /// Adds row `row` of a batch.
    #[cfg(not(feature = "small"))]
    pub(in crate::engine::exec::operators) fn take(
        &mut self,
        key: &[u8],
        batch: &Batch<'_>,
        row: usize,
    ) -> Result<(), ExecError> {
        if self.shape.is_none() {
            self.shape = Shape::of_all(batch);
        }
        self.push(key, &BatchRow(batch, row))
    }

    /// Keeps the first of the rows, of which there are as many as are wanted.
    pub(super) fn keep_first(&mut self) {
        self.rows.sort();
        self.rows.truncate(self.count);
        self.last = self.count.checked_sub(1).map(|last| self.rows.key(last).to_vec());
    }

    /// Drops rows behind those wanted, or puts rows aside, when there are too many.
    pub(in crate::engine::exec::operators) fn make_room(&mut self, env: &Env<'_>) -> Result<(), ExecError> {
        let bytes = env.sort_bytes().unwrap_or(usize::MAX);
        // A vector may have as much room again as it has use for.
        let is_full = |rows: &Packed| rows.size() > bytes / 2;
        if self.rows.len() / 2 > self.count.max(GATHERED_MAX)
            || self.rows.len() > self.count && is_full(&self.rows)
        {
            self.keep_first();
        }
        let is_full = is_full(&self.rows);
        // In tests a run has few rows where there is to be little memory.
        #[cfg(not(feature = "small"))]
        let is_full = env.budget.charge(&mut self.charge, self.rows.size())
            || is_full
            || env.budget.is_none() && self.rows.len() > 4;
        if parts::SPILL && is_full {
            if self.spill.is_none() {
                self.spill = Spill::new(env.view, bytes / MERGED_PART)?;
            }
            if let Some(spill) = &mut self.spill {
                self.rows.sort();
                spill.push(&self.rows, &mut || env.check())?;
                self.rows.clear();
            }
        }
        Ok(())
    }

    /// Forgets what it took of the budget of another operation.
    #[cfg(not(feature = "small"))]
    pub(in crate::engine::exec::operators) fn begin_again(&mut self) {
        self.charge = Charge::default();
    }

    /// What it keeps.
    #[cfg(not(feature = "small"))]
    pub(in crate::engine::exec::operators) fn footprint(&self) -> Footprint {
        Footprint {
            spilled: self.spill.as_ref().map_or(0, Spill::bytes),
            ..Footprint::in_memory(self.rows.size())
        }
    }

    /// All rows, in order.
    pub(in crate::engine::exec::operators) fn finish(mut self, env: &Env<'_>) -> Result<Giver, ExecError> {
        self.rows.sort();
        let rows = match self.spill {
            Some(mut spill) if parts::SPILL && spill.is_used() => {
                let check = &mut || env.check();
                spill.push(&self.rows, check)?;
                drop(self.rows);
                Ordered::Spilled(spill.finish(check)?)
            }
            _ => Ordered::Packed(self.rows, 0),
        };
        #[cfg(not(feature = "small"))]
        env.budget.charge(&mut self.charge, rows.footprint().memory as usize);
        let (skip, counted) = bounds(self.window);
        let shape = self.shape.unwrap_or_else(Shape::of_nothing);
        let mut giver = Giver {
            shape,
            rows,
            left: self.count,
            counted,
            faults: self.faults,
            #[cfg(not(feature = "small"))]
            charge: self.charge,
        };
        if let (Ordered::Packed(rows, _), false) = (&giver.rows, giver.faults.is_empty()) {
            for at in 0..counted.min(rows.len()) {
                let (row, key_len) = rows.row(at);
                giver.check(row, key_len)?;
            }
        }
        let mut skipped = Vec::new();
        for skipping in 0..skip {
            if skipping % GATHERED_MAX == 0 {
                env.check()?;
            }
            if giver.pull(&mut skipped)?.is_none() {
                break;
            }
        }
        Ok(giver)
    }
}

/// Rows in order, to be given in several operations as a rule.
pub(in crate::engine::exec) struct Giver {
    shape: Shape,
    rows: Ordered,
    /// How many are left at most.
    left: usize,
    /// In how many from here on a fault is an error.
    counted: usize,
    faults: Vec<RowFault>,
    /// What they take of the budget.
    #[cfg(not(feature = "small"))]
    charge: Charge,
}

/// Rows in order.
enum Ordered {
    /// In memory, and how many have been taken.
    Packed(Packed, usize),
    Spilled(Spilled),
}

#[cfg(not(feature = "small"))]
impl Ordered {
    fn footprint(&self) -> Footprint {
        match self {
            Ordered::Packed(rows, _) => Footprint::in_memory(rows.size()),
            Ordered::Spilled(rows) => {
                Footprint { spilled: rows.bytes(), ..Footprint::in_memory(rows.size()) }
            }
        }
    }
}

impl Giver {
    /// All rows of a packer, as they are.
    pub(super) fn of(packer: Packer) -> Giver {
        let left = packer.rows.len();
        Giver {
            shape: packer.shape.unwrap_or_else(Shape::of_nothing),
            rows: Ordered::Packed(packer.rows, 0),
            left,
            counted: 0,
            faults: packer.faults,
            #[cfg(not(feature = "small"))]
            charge: Charge::default(),
        }
    }

    /// What it keeps.
    #[cfg(not(feature = "small"))]
    pub(in crate::engine::exec::operators) fn footprint(&self) -> Footprint {
        self.rows.footprint()
    }

    /// Forgets what it took of the budget of another operation.
    #[cfg(not(feature = "small"))]
    pub(in crate::engine::exec::operators) fn begin_again(&mut self) {
        self.charge = Charge::default();
    }

    /// Lets go of its rows.
    #[cfg(not(feature = "small"))]
    pub(in crate::engine::exec::operators) fn close(mut self, env: &Env<'_>) {
        env.budget.charge(&mut self.charge, 0);
    }

    /// Makes `row` the next one, and gives the length of its key; `None` after the last.
    pub(in crate::engine::exec::operators) fn pull(
        &mut self,
        row: &mut Vec<u8>,
    ) -> Result<Option<usize>, ExecError> {
        if self.left == 0 {
            return Ok(None);
        }
        let key_len = match &mut self.rows {
            Ordered::Packed(rows, next) => {
                if *next == rows.len() {
                    return Ok(None);
                }
                let (bytes, key_len) = rows.row(*next);
                row.clear();
                row.extend_from_slice(bytes);
                *next += 1;
                key_len
            }
            Ordered::Spilled(_) if !parts::SPILL => unreachable!("nothing is put aside"),
            Ordered::Spilled(rows) => match rows.next(row)? {
                Some(key_len) => key_len,
                None => return Ok(None),
            },
        };
        if self.counted > 0 && !self.faults.is_empty() {
            self.check(row, key_len)?;
        }
        self.left -= 1;
        self.counted = self.counted.saturating_sub(1);
        Ok(Some(key_len))
    }

    /// Fails if a row has a fault.
    fn check(&self, row: &[u8], key_len: usize) -> Result<(), ExecError> {
        match self.shape.fault(row, key_len) {
            Some(fault) => Err(ExecError::Arithmetic(self.faults[fault as usize].itself())),
            None => Ok(()),
        }
    }

    /// Makes `batch` the next rows, `rows_max` at most; `false` after the last.
    pub(in crate::engine::exec::operators) fn next<'s>(
        &mut self,
        env: &Env<'s>,
        batch: &mut Batch<'s>,
        rows_max: usize,
    ) -> Result<bool, ExecError> {
        let at_once = self.shape.at_once(env);
        let bytes_max = env.sort_bytes().map_or(BATCH_BYTES_MAX, |bytes| BATCH_BYTES_MAX.min(bytes / 8));
        let mut unpacking = Unpacking::new(&self.shape);
        let (mut row, mut bytes, mut ended) = (Vec::new(), 0, false);
        while !ended && unpacking.rows() < rows_max && bytes <= bytes_max {
            let (mut pulled, mut fetched) = (Pulled::default(), 0);
            let room = rows_max - unpacking.rows();
            while fetched < at_once && pulled.len() < room && bytes + pulled.size() <= bytes_max {
                let Some(key_len) = self.pull(&mut row)? else {
                    ended = true;
                    break;
                };
                fetched += usize::from(self.shape.is_fetched(&row, key_len));
                pulled.push(&row, key_len);
            }
            bytes += pulled.size();
            unpacking.add(env, &self.shape, &pulled)?;
            if fetched > 0 && env.view.is_crowded() {
                break;
            }
        }
        let any = unpacking.rows() > 0;
        unpacking.finish(env, &self.shape, &self.faults, batch);
        Ok(any)
    }
}

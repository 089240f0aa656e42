//! [`Answering`]: rows with the answers of a subquery, whose table may be too much for memory.
//!
//! Then the rows that ask and those of the other side are put aside by a hash of what they are linked by, as those of a join are. A pair
//! of partitions at a time comes back, and is answered from a table of its own, with partitions of its own where that is too much
//! again. Rows that ask are numbered before, and sorted by their numbers in the end: a subquery does not change their order.
//!
//! What a table has kept by then is read again, as it may be no more than the keys of its rows. Not where it is not known what a row of
//! either side is linked by, which makes all of the other its partners.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Finder, Subquery, keep, stage_of};
use crate::engine::error::ExecError;
use crate::engine::exec::batch::{Batch, GATHERED_MAX};
use crate::engine::exec::meter::Footprint;
#[cfg(feature = "std")]
use crate::engine::exec::operators::Sharing;
use crate::engine::exec::operators::built::{Built, Held, Making};
use crate::engine::exec::operators::join::aside::{LEVELS_MAX, Replayed, Shape, Side};
use crate::engine::exec::operators::sort::{Giver, Packer};
use crate::engine::exec::operators::{Operator, Stage, build_gathered};
use crate::engine::exec::packed::ROOT;
use crate::engine::exec::partitions::Returning;
use crate::engine::exec::{Env, Vector};
use crate::engine::logical::{Link, Window};
use crate::engine::physical::{self, Method, PhysicalNode};
use crate::engine::planted::{self, Bug};
use crate::value::Type;

/// Between two looks at what answered rows take in memory there are so many.
const ROWS_AT_ONCE: usize = 64;

/// The operator of a subquery with such a table, where it may be put aside, or is made before the first row; `None` where its stage is
/// all there is to it.
pub(in crate::engine::exec::operators) fn build<'s>(
    env: &Env<'s>,
    subquery: &physical::Subquery,
) -> Option<Box<dyn Operator<'s> + 's>> {
    let puts_aside = env.budget.is_given() || env.budget.is_none();
    if !subquery.spills || !puts_aside && subquery.sieves.is_empty() {
        return None;
    }
    let Method::Hash { inner, .. } = &subquery.method else { return None };
    let inner = puts_aside.then(|| PhysicalNode::clone(inner));
    let (input, stage) = stage_of(env, subquery.clone());
    let input = build_gathered(env, input);
    Some(Box::new(Answering {
        input,
        stage,
        inner,
        answered: None,
        is_tried: false,
        kept_max: Footprint::default(),
    }))
}

struct Answering<'s> {
    input: Box<dyn Operator<'s> + 's>,
    stage: Subquery<'s>,
    /// The rows of the table, to be read again if it may be put aside.
    inner: Option<PhysicalNode>,
    /// The rows that were answered out of their order.
    answered: Option<Giver>,
    /// Whether the table was made, as far as memory had room.
    is_tried: bool,
    /// The most that was kept, and what was put aside, before the first of these.
    kept_max: Footprint,
}

/// A side that was put aside.
type Put = (Returning, Shape);

fn outer_side(links: &[Link], level: u32) -> Side<'_> {
    Side::new(links, links.iter().map(|link| &link.outer).collect(), level)
}

fn inner_side(links: &[Link], level: u32) -> Side<'_> {
    Side::new(links, links.iter().map(|link| &link.inner).collect(), level)
}

impl<'s> Subquery<'s> {
    /// Makes the table of what `source` gives; whether memory has room for it.
    fn table(
        &mut self,
        env: &Env<'s>,
        mut source: Box<dyn Operator<'s> + 's>,
        puts_aside: bool,
        level: u32,
    ) -> Result<bool, ExecError> {
        let at_once = env.budget.is_none() && level == 0;
        let of = Making::by(&self.links, keep(&self.asked, self.once, &self.pairs));
        let (used, shared) = (env.budget.used(), env.tables.len());
        // Of rows that were put aside those without a partner are gone already.
        let of = if level == 0 { of.sieved(&self.sieves) } else { of };
        let (new, is_all) = match puts_aside && level < LEVELS_MAX {
            true => Built::within(env, &mut *source, of, at_once)?,
            false => (Built::new(env, &mut *source, of)?, true),
        };
        if is_all {
            new.tell(&self.known);
            self.finder = Finder::Table { source, built: Some(Held::new(new)), band: None };
        } else {
            // What operators beneath have taken goes with them, but for rows that others share.
            drop(source);
            let taken = if env.tables.len() == shared { env.budget.used() - used } else { new.charged() };
            env.budget.forget(taken);
        }
        Ok(is_all)
    }

    /// Lets go of the table.
    fn clear(&mut self, env: &Env<'s>) {
        if let Finder::Table { built, .. } = &mut self.finder
            && let Some(built) = built.take()
        {
            env.budget.forget(built.charged());
        }
    }
}

impl<'s> Answering<'s> {
    /// Makes the table, if memory has room for it. It is read once; if that was too much, it is made anew.
    fn try_table(&mut self, env: &Env<'s>) -> Result<(), ExecError> {
        self.is_tried = true;
        if let Finder::Table { source, built: None, .. } = &mut self.stage.finder {
            let source = core::mem::replace(source, Box::new(Nothing));
            self.stage.table(env, source, self.inner.is_some(), 0)?;
        }
        Ok(())
    }

    /// Puts aside the rows of `batch` and those that come after them, and what the table is made of, and answers all of them.
    fn answer_all(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<Giver, ExecError> {
        let links = self.stage.links.clone();
        let mut part = Batch::new(env.collections.len(), env.computed.len() + 1);
        let mut inner = inner_side(&links, 0);
        let again = self.inner.clone().expect("a table that may be put aside");
        let mut source = super::super::build(env, again);
        source.expect(usize::MAX);
        while source.next(env, &mut part)? {
            // What is linked to nothing belongs to nothing.
            inner.put(env, &mut part, &mut |lot| lot.is_some())?;
        }
        let mut outer = outer_side(&links, 0);
        let mut rows = 0_u64;
        loop {
            batch.compact();
            let first = rows;
            rows += batch.count() as u64;
            let numbers = (first..rows).flat_map(u64::to_le_bytes).collect();
            batch.set_hidden(env.hidden(), Vector::fixed(Type::U64, batch.count(), numbers));
            outer.put(env, batch, &mut |_| true)?;
            batch.take_computed(env.hidden());
            if !self.input.next(env, batch)? {
                break;
            }
        }
        let mut answered = Packer::new(Window::behind(0)).expect("rows are packed");
        let sides = (outer.finish(env)?, inner.finish(env)?);
        self.answer(env, sides, &mut part, 0, &mut answered)?;
        answered.finish(env)
    }

    /// Answers the rows of the partitions of both sides.
    fn answer(
        &mut self,
        env: &Env<'s>,
        ((mut outer, outer_shape), (mut inner, inner_shape)): (Put, Put),
        part: &mut Batch<'s>,
        level: u32,
        answered: &mut Packer,
    ) -> Result<(), ExecError> {
        self.kept_max.spilled += outer.bytes() + inner.bytes();
        while let Some((number, asking)) = outer.take() {
            env.check()?;
            let of_table = inner.take_at(number);
            let replayed = |rows, shape: &Shape| Replayed { rows, shape: shape.clone() };
            let source = Box::new(replayed(of_table.again(), &inner_shape));
            let mut asking = replayed(asking, &outer_shape);
            if !self.stage.table(env, source, true, level + 1)? {
                let links = self.stage.links.clone();
                let (mut outer, mut inner) = (outer_side(&links, level + 1), inner_side(&links, level + 1));
                while asking.next(env, part)? {
                    outer.put(env, part, &mut |_| true)?;
                }
                let mut source = replayed(of_table, &inner_shape);
                while source.next(env, part)? {
                    inner.put(env, part, &mut |lot| lot.is_some())?;
                }
                let sides = (outer.finish(env)?, inner.finish(env)?);
                self.answer(env, sides, part, level + 1, answered)?;
                continue;
            }
            self.kept_max = self.kept_max.max(self.stage.footprint());
            while asking.next(env, part)? {
                self.stage.apply(env, part)?;
                take(part, env, answered)?;
            }
            self.stage.clear(env);
        }
        Ok(())
    }
}

/// Takes the rows left of a batch by their numbers.
fn take<'s>(part: &mut Batch<'s>, env: &Env<'s>, answered: &mut Packer) -> Result<(), ExecError> {
    let numbers = part.take_computed(env.hidden()).expect("rows that ask are numbered");
    let mut key: Vec<u8> = Vec::new();
    for at in 0..part.count() {
        let row = part.selected().row(at);
        key.clear();
        // Least significant first in a cell, most in a key.
        key.extend(numbers.bytes(row).iter().rev());
        if planted::is(Bug::AnswersBackwards) {
            key.iter_mut().for_each(|byte| *byte = !*byte);
        }
        key.extend_from_slice(&part.rank(ROOT, row).unwrap_or(0).to_be_bytes());
        answered.take(&key, part, row)?;
        if at.is_multiple_of(ROWS_AT_ONCE) {
            answered.make_room(env)?;
        }
    }
    answered.make_room(env)
}

impl<'s> Operator<'s> for Answering<'s> {
    fn next(&mut self, env: &Env<'s>, batch: &mut Batch<'s>) -> Result<bool, ExecError> {
        loop {
            if let Some(answered) = &mut self.answered {
                return answered.next(env, batch, GATHERED_MAX);
            }
            // What sieves ask of rows is to be known before the first.
            if !self.stage.sieves.is_empty() && !self.is_tried {
                self.try_table(env)?;
            }
            if !self.input.next(env, batch)? {
                return Ok(false);
            }
            if batch.count() == 0 {
                continue;
            }
            if !self.is_tried {
                self.try_table(env)?;
            }
            if matches!(self.stage.finder, Finder::Table { built: None, .. }) {
                self.answered = Some(self.answer_all(env, batch)?);
                continue;
            }
            self.stage.apply(env, batch)?;
            if batch.count() > 0 {
                return Ok(true);
            }
        }
    }

    fn expect(&mut self, rows: usize) {
        self.input.expect(rows);
    }

    fn footprint(&self) -> Footprint {
        let answered = self.answered.as_ref().map_or_else(Footprint::default, Giver::footprint);
        let kept = self.kept_max.max(self.stage.footprint());
        let spilled = self.kept_max.spilled + answered.spilled;
        Footprint { spilled, ..kept.max(answered) }
    }

    #[cfg(feature = "std")]
    fn share(&mut self, env: &Env<'s>, sharing: &mut Sharing<'s>) -> Result<(), ExecError> {
        // What sieves beneath ask is to be known before tables there are made.
        if self.stage.sieves.is_empty() {
            self.input.share(env, sharing)?;
            return self.stage.share(env, sharing);
        }
        self.stage.share(env, sharing)?;
        self.input.share(env, sharing)
    }
}

/// No rows.
struct Nothing;

impl<'s> Operator<'s> for Nothing {
    fn next(&mut self, _: &Env<'s>, _: &mut Batch<'s>) -> Result<bool, ExecError> {
        Ok(false)
    }

    fn expect(&mut self, _: usize) {}
}

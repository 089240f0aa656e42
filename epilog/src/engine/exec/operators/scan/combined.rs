//! The ranks that several access paths give together.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Given, IndexRanks, Ranks};
use crate::engine::error::ExecError;
use crate::engine::exec::Env;
use crate::engine::logical::Slot;
use crate::engine::physical::{Access, Combination};
use crate::storage::facade::Direction;

/// The ranks that any, or both, of several paths give, in no certain order.
pub(super) struct Combined<'s> {
    parts: Vec<Box<dyn Ranks<'s> + 's>>,
    how: Combination,
}

impl<'s> Combined<'s> {
    pub(super) fn new(slot: Slot, parts: Vec<Access>, how: Combination) -> Combined<'s> {
        let source = |access| -> Box<dyn Ranks<'s> + 's> {
            match access {
                Access::Keys(ranks) => Box::new(Given(ranks)),
                Access::Index { index, ranges, .. } => {
                    Box::new(IndexRanks::new(slot, index, ranges, Direction::Forward))
                }
                _ => Box::new(Given(Vec::new())),
            }
        };
        Combined { parts: parts.into_iter().map(source).collect(), how }
    }
}

impl<'s> Ranks<'s> for Combined<'s> {
    fn more(&mut self, env: &Env<'s>, limit: usize, out: &mut Vec<u128>) -> Result<usize, ExecError> {
        match self.how {
            Combination::Any => {
                while let Some(part) = self.parts.last_mut() {
                    match part.more(env, limit, out)? {
                        0 => self.parts.pop(),
                        count => return Ok(count),
                    };
                }
                Ok(0)
            }
            Combination::Both => {
                let start = out.len();
                let mut both = self.parts.drain(..);
                let (Some(mut one), Some(mut other)) = (both.next(), both.next()) else { return Ok(0) };
                let mut ranks = Vec::new();
                while one.more(env, usize::MAX, &mut ranks)? > 0 {}
                ranks.sort_unstable();
                let mut found = Vec::new();
                while other.more(env, limit, &mut found)? > 0 {
                    found.retain(|rank| ranks.binary_search(rank).is_ok());
                    out.append(&mut found);
                }
                Ok(out.len() - start)
            }
        }
    }
}

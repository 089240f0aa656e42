//! [`Stream`]: the rows of a query, some at a time, with any time in between.

use alloc::boxed::Box;
use core::fmt;

#[cfg(all(feature = "std", not(feature = "small")))]
use super::exec::threads::{self, Crew};
use super::exec::{Chain, OutputBatch, Rows};
use super::held::Held;
use super::{Control, EngineError, ExecError, Point, Purpose, Reading, plan_for, used_up};
use crate::expr::Draft;

/// The most leaves read at a time.
const LEAVES_MAX: usize = 16;

/// The rows of a query, some at a time. In between no page is kept in memory for it, if the query is one that can be
/// carried out in several operations (see `exec::chain`); otherwise the pages of its rows are.
pub struct Stream<'s> {
    reading: &'s dyn Reading,
    state: State<'s>,
}

enum State<'s> {
    /// With the leaves to read next time: few at first, as few may be wanted.
    Chain(Box<Chain>, usize),
    Held(Box<Held<'s>>),
    Ended,
}

impl<'s> Stream<'s> {
    /// Gets ready to carry out a query. Nothing but what planning needs is read yet. The query begins now.
    ///
    /// # Errors
    ///
    /// As [`run`](super::run).
    pub fn new(
        reading: &'s dyn Reading,
        draft: &Draft,
        control: &Control,
    ) -> Result<Stream<'s>, EngineError> {
        let operation = reading.operation();
        let run = control.begin(operation.view());
        run.check(operation.view())?;
        let state = if Point::of(operation.view(), draft).is_some() {
            State::Held(Box::new(Held::new(reading.operation(), |view| super::run(view, draft))?))
        } else {
            let plan = plan_for(operation.view(), draft, Purpose::Rows, control, false)?;
            #[cfg(all(feature = "std", not(feature = "small")))]
            let Crew { threads, at_once } = threads::crew(operation.view(), control, &plan);
            #[cfg(not(all(feature = "std", not(feature = "small"))))]
            let at_once = false;
            if Chain::suits(&plan) && !at_once {
                let chain = Chain::new(plan, run);
                #[cfg(all(feature = "std", not(feature = "small")))]
                let chain = chain.by_threads(threads);
                State::Chain(Box::new(chain), 1)
            } else {
                State::Held(Box::new(Held::new(reading.operation(), |view| {
                    #[cfg(all(feature = "std", not(feature = "small")))]
                    return Ok(Rows::by_threads(view, used_up(plan), run, threads));
                    #[cfg(not(all(feature = "std", not(feature = "small"))))]
                    Ok(Rows::planned(view, used_up(plan), run))
                })?))
            }
        };
        drop(operation);
        Ok(Stream { reading, state })
    }

    /// Gives the next rows to `each`; false at the end. There may be none.
    ///
    /// # Errors
    ///
    /// As [`Rows::next_batch`]; what `each` fails with. That is the end.
    pub fn next<E: From<ExecError>>(
        &mut self,
        each: &mut dyn FnMut(&OutputBatch<'_>) -> Result<(), E>,
    ) -> Result<bool, E> {
        match core::mem::replace(&mut self.state, State::Ended) {
            State::Ended => Ok(false),
            State::Held(mut held) => {
                let Some(batch) = held.next_batch()? else { return Ok(false) };
                each(&batch)?;
                drop(batch);
                self.state = State::Held(held);
                Ok(true)
            }
            State::Chain(mut chain, leaves) => {
                #[cfg(all(feature = "std", not(feature = "small")))]
                chain.run_ahead(self.reading);
                if chain.go_on(self.reading.operation().view(), leaves, each)? {
                    self.state = State::Chain(chain, (leaves * 2).min(LEAVES_MAX));
                }
                Ok(true)
            }
        }
    }

    /// Whether all has been given.
    pub fn is_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }
}

impl fmt::Debug for Stream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Chain(..) => "Chain",
            State::Held(_) => "Held",
            State::Ended => "Ended",
        };
        f.debug_struct("Stream").field("state", &state).finish_non_exhaustive()
    }
}

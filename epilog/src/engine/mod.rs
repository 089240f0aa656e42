//! The engine: carries out queries as built.
//!
//! ```text
//! expr::Draft
//!   logical      what is asked, checked against the catalog      -> LogicalPlan
//!   optimizer    the same answer with less work                  -> LogicalPlan
//!   physical     access paths and methods, by cost               -> PhysicalPlan
//!   exec         batches of one leaf page through operators      -> OutputBatch
//! storage::facade::View
//! ```
//!
//! Queries for one record by its key go past the stages: see `point`.
//!
//! A query of which one of the same shape was planned before takes its plan from there: see `plans`.
//!
//! A plan is data; the next stage reads it and knows nothing of how it was made. Only this file and `plans` know all stages,
//! and only [`exec`], `point` and `measured` see what is stored.

#[cfg(not(feature = "small"))]
mod brought;
pub mod control;
pub mod error;
pub mod estimate;
pub mod exec;
pub mod explain;
pub mod logical;
pub mod optimizer;
pub mod physical;
#[cfg(not(feature = "small"))]
pub mod plans;
mod planted;

#[cfg(test)]
mod fixture;
mod function;
mod held;
mod measured;
mod point;
mod stream;
mod switches;
#[cfg(test)]
mod tests;

#[cfg(not(feature = "small"))]
use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::expr::{Assignment, Draft, SelectItem};
use crate::parts;
#[cfg(not(feature = "small"))]
use crate::schema::CollectionDef;
#[cfg(all(feature = "std", not(feature = "small")))]
use crate::schema::CollectionId;
use crate::schema::CollectionSchema;
use crate::storage::StorageError;
use crate::storage::collected::Collected;
use crate::storage::records::{RecordDraft, RecordRef};
use exec::{Chain, Planned};
use logical::{Purpose, Slot};
#[cfg(not(feature = "small"))]
use measured::Learnt;
use measured::Measured;
use optimizer::{RuleSet, optimize};
use physical::{PhysicalPlan, Wishes};
use point::Point;

use crate::storage::facade::Operation;
pub use crate::storage::facade::{Reading, View};
#[cfg(not(feature = "small"))]
pub use brought::Brought;
pub use control::{CancelHandle, Control, Run};
pub use error::{EngineError, ExecError, Fault, PlanError};
pub use exec::{Assigning, OutputBatch, OutputColumn, Rows, Vector};
pub use explain::{Actual, Plan, PlanNode};
#[cfg(not(feature = "small"))]
pub use explain::{
    PlanAccess, PlanIndex, PlanLink, PlanMethod, PlanOperator, PlanQuestion, PlanReads, PlanSet, PlanTerm,
    PlanWay,
};
#[cfg(not(feature = "small"))]
pub use physical::Alternative;
#[cfg(not(feature = "small"))]
use plans::Lent;
/// The plan of one query. Small builds keep none for others.
#[cfg(feature = "small")]
type Lent = PhysicalPlan;
#[cfg(not(feature = "small"))]
pub use logical::typed;
pub use stream::Stream;
pub use switches::Switches;

/// Begins to carry out a query. Nothing but what planning needs is read before the first batch is asked for.
///
/// # Errors
///
/// [`EngineError::Plan`] when the query cannot be planned: see [`PlanError`].
pub fn run<'s>(view: View<'s>, draft: &Draft) -> Result<Rows<'s>, EngineError> {
    match Point::of(view, draft) {
        Some(point) => Ok(Rows::point(point)),
        None => run_planned(view, draft),
    }
}

/// As [`run`], by a plan.
fn run_planned<'s>(view: View<'s>, draft: &Draft) -> Result<Rows<'s>, EngineError> {
    let plan = plan_for(view, draft, Purpose::Rows, &Control::default(), false)?;
    Ok(Rows::planned(view, used_up(plan), Run::default()))
}

/// The row of a query for one record, if it is such a query, which takes one operation.
///
/// # Errors
///
/// When `control` ends it before it begins.
pub fn run_point<'s>(
    view: View<'s>,
    draft: &Draft,
    control: &Control,
) -> Result<Option<Rows<'s>>, EngineError> {
    control.check(view)?;
    Ok(Point::of(view, draft).map(Rows::point))
}

/// Carries out a query in as many operations as keep memory within bounds, and gives what comes out to `each`.
///
/// # Errors
///
/// As [`run`] and [`Rows::next_batch`]; what `each` fails with.
pub fn for_each<E: From<EngineError> + From<ExecError>>(
    reading: &dyn Reading,
    draft: &Draft,
    control: &Control,
    each: &mut dyn FnMut(&OutputBatch<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut failed = None;
    carry_out(reading.operation(), reading, draft, Purpose::Rows, control, &mut |batch| match each(batch) {
        Ok(()) => true,
        Err(error) => {
            failed = Some(error);
            false
        }
    })?;
    failed.map_or(Ok(()), Err)
}

/// Why a plan was not carried out to its end.
enum Halt {
    /// No more batches were wanted.
    Unwanted,
    Failed(ExecError),
}

impl From<ExecError> for Halt {
    fn from(error: ExecError) -> Halt {
        Halt::Failed(error)
    }
}

/// Plans a query, and carries it out in as many operations as keep memory within bounds, of which `operation` is the first.
/// `each` gets what comes out, and ends it by returning `false`.
fn carry_out<'r>(
    #[cfg_attr(feature = "small", expect(unused_mut, reason = "nothing is read there to plan by"))]
    mut operation: Operation<'r>,
    reading: &'r dyn Reading,
    draft: &Draft,
    purpose: Purpose,
    control: &Control,
    each: &mut dyn FnMut(&OutputBatch<'_>) -> bool,
) -> Result<(), EngineError> {
    let run = control.begin(operation.view());
    #[cfg(not(feature = "small"))]
    let known = operation.view().known_count();
    let plan = plan_for(operation.view(), draft, purpose, control, false)?;
    // What was read to know the values of fields need not stay while the query is carried out.
    #[cfg(not(feature = "small"))]
    if operation.view().known_count() != known {
        drop(operation);
        operation = reading.operation();
    }
    #[cfg(all(feature = "std", not(feature = "small")))]
    let crew = exec::threads::crew(operation.view(), control, &plan);
    #[cfg(not(all(feature = "std", not(feature = "small"))))]
    let crew = ();
    carry_out_plan(operation, reading, plan, (run, crew), each)
}

/// Who carries out a plan.
#[cfg(all(feature = "std", not(feature = "small")))]
type Crew = exec::threads::Crew;
#[cfg(not(all(feature = "std", not(feature = "small"))))]
type Crew = ();

/// As [`carry_out`], of a query that is planned, and by whom.
fn carry_out_plan<'r>(
    mut operation: Operation<'r>,
    reading: &'r dyn Reading,
    plan: Lent,
    #[cfg_attr(not(all(feature = "std", not(feature = "small"))), expect(unused_variables))] (run, crew): (
        Run,
        Crew,
    ),
    each: &mut dyn FnMut(&OutputBatch<'_>) -> bool,
) -> Result<(), EngineError> {
    let mut each = |batch: &OutputBatch<'_>| if each(batch) { Ok(()) } else { Err(Halt::Unwanted) };
    #[cfg(all(feature = "std", not(feature = "small")))]
    let Crew { threads, at_once } = crew;
    #[cfg(not(all(feature = "std", not(feature = "small"))))]
    let at_once = false;
    let mut chain = if Chain::suits(&plan) && !at_once {
        Chain::new(plan, run)
    } else {
        #[cfg(all(feature = "std", not(feature = "small")))]
        let mut rows = Planned::by_threads(operation.view(), used_up(plan), run, threads);
        #[cfg(not(all(feature = "std", not(feature = "small"))))]
        let mut rows = Planned::new(operation.view(), used_up(plan), run);
        while let Some(batch) = rows.next_batch()? {
            if each(&batch).is_err() {
                break;
            }
        }
        return Ok(());
    };
    #[cfg(all(feature = "std", not(feature = "small")))]
    if threads > 1 {
        chain = chain.by_threads(threads);
        // What it keeps in memory would stay there while others read.
        drop(operation);
        chain.run_ahead(reading);
        operation = reading.operation();
    }
    loop {
        match chain.go_on(operation.view(), usize::MAX, &mut each) {
            Ok(true) => {}
            Ok(false) | Err(Halt::Unwanted) => return Ok(()),
            Err(Halt::Failed(error)) => return Err(error.into()),
        }
        drop(operation);
        operation = reading.operation();
    }
}

/// As [`run`], for the first `count` rows only.
///
/// # Errors
///
/// As [`run`].
pub fn run_first<'s>(view: View<'s>, draft: &Draft, count: u64) -> Result<Rows<'s>, EngineError> {
    match Point::of(view, draft) {
        Some(point) if count > 0 => Ok(Rows::point(point)),
        _ => run_planned(view, &draft.limited(count)),
    }
}

/// As [`run`], always by a plan, and with some of the optimizer's rules and of what planning chooses only: the rows are the same.
///
/// # Errors
///
/// As [`run`].
pub fn run_with<'s>(
    view: View<'s>,
    draft: &Draft,
    switches: impl Into<Switches>,
) -> Result<Rows<'s>, EngineError> {
    Ok(Rows::planned(view, plan(view, draft, Purpose::Rows, switches)?, Run::default()))
}

/// How a query would be carried out.
///
/// # Errors
///
/// As [`run`].
pub fn explain(view: View<'_>, draft: &Draft, control: &Control) -> Result<Plan, EngineError> {
    let physical = plan_for(view, draft, Purpose::Rows, control, parts::EXPLAINED)?;
    let plan = Plan::of(&physical);
    #[cfg(all(feature = "std", not(feature = "small")))]
    let plan = {
        let crew = exec::threads::crew(view, control, &physical);
        plan.by_threads(crew, &physical)
    };
    #[cfg(not(feature = "small"))]
    let plan = Plan { kept: plans::is_kept(view, draft, control), ..plan }
        .with_lessons(&plans::lessons(view, draft, control), &physical);
    Ok(plan)
}

/// The collections that the rows of a query depend on: those whose records it can come to, however it is planned.
///
/// # Errors
///
/// As [`run`].
#[cfg(all(feature = "std", not(feature = "small")))]
pub fn reads(view: View<'_>, draft: &Draft) -> Result<Vec<CollectionId>, EngineError> {
    // Before anything is rewritten: a plan may have found that there is nothing to be read, from values that are those of now.
    let plan = logical::lower(view.catalog(), draft, Purpose::Rows)?;
    let mut collections: Vec<CollectionId> = plan.slots.iter().map(|slot| slot.collection.id).collect();
    collections.sort_unstable();
    collections.dedup();
    Ok(collections)
}

/// Carries out a query, and says how that went: its plan with what each operator did.
///
/// # Errors
///
/// As [`count`].
#[cfg(not(feature = "small"))]
pub fn analyze(reading: &dyn Reading, draft: &Draft, control: &Control) -> Result<Plan, EngineError> {
    analyze_each(reading, draft, control, &mut |_| Ok(()))
}

/// As [`analyze`], of rows that are given to `each`.
///
/// # Errors
///
/// As [`for_each`].
#[cfg(not(feature = "small"))]
pub fn analyze_each<E: From<EngineError> + From<ExecError>>(
    reading: &dyn Reading,
    draft: &Draft,
    control: &Control,
    each: &mut dyn FnMut(&OutputBatch<'_>) -> Result<(), E>,
) -> Result<Plan, E> {
    let mut failed = None;
    let plan = analyze_while(reading, draft, control, &mut |batch| match each(batch) {
        Ok(()) => true,
        Err(error) => {
            failed = Some(error);
            false
        }
    })?;
    failed.map_or(Ok(plan), Err)
}

/// As [`analyze`], until `each` returns `false`.
#[cfg(not(feature = "small"))]
fn analyze_while(
    reading: &dyn Reading,
    draft: &Draft,
    control: &Control,
    each: &mut dyn FnMut(&OutputBatch<'_>) -> bool,
) -> Result<Plan, EngineError> {
    let operation = reading.operation();
    let run = control.begin(operation.view());
    let kept = plans::is_kept(operation.view(), draft, control);
    let lessons = plans::lessons(operation.view(), draft, control);
    let mut plan = plan_for(operation.view(), draft, Purpose::Rows, control, parts::EXPLAINED)?;
    #[cfg(feature = "std")]
    let crew = exec::threads::crew(operation.view(), control, &plan);
    #[cfg(not(feature = "std"))]
    let crew = ();
    let run = run.measured(plan.meter());
    let metered = PhysicalPlan::clone(&plan);
    let mut whole = exec::meter::Meter::default();
    let begun = operation.view().now_ns();
    carry_out_plan(operation, reading, plan, (run.clone(), crew), &mut |batch| {
        whole.rows += batch.rows as u64;
        whole.batches += 1;
        each(batch)
    })?;
    whole.elapsed_ns = reading.operation().view().now_ns().saturating_sub(begun);
    let plan = Plan { kept, ..Plan::measured(&metered, &run.read(), whole) };
    let plan = plan.with_lessons(&lessons, &metered);
    #[cfg(feature = "std")]
    let plan = plan.by_threads(crew, &metered);
    Ok(plan)
}

/// How many rows a query has. Without a filter or a limit that is known without reading a record.
///
/// # Errors
///
/// As [`run`], and [`EngineError::Exec`] when carrying it out fails.
pub fn count(reading: &dyn Reading, draft: &Draft, control: &Control) -> Result<u64, EngineError> {
    let operation = reading.operation();
    control.check(operation.view())?;
    if let Some(point) = Point::of(operation.view(), draft) {
        return Ok(u64::from(point.record()?.is_some()));
    }
    let mut count = 0;
    carry_out(operation, reading, draft, Purpose::Count, control, &mut |batch| {
        let [OutputColumn::Values(values)] = batch.columns.as_slice() else {
            unreachable!("a count is one value")
        };
        let cell = values.cell(0).and_then(|cell| cell.try_into().ok());
        count = u64::from_le_bytes(cell.expect("a count is a number"));
        true
    })?;
    Ok(count)
}

/// Whether a query has a row. Reads no further than the first.
///
/// # Errors
///
/// As [`count`].
pub fn exists(view: View<'_>, draft: &Draft, control: &Control) -> Result<bool, EngineError> {
    let run = control.begin(view);
    run.check(view)?;
    if let Some(point) = Point::of(view, draft) {
        return Ok(point.record()?.is_some());
    }
    let plan = plan_for(view, draft, Purpose::Exists, control, false)?;
    Ok(Planned::new(view, used_up(plan), run).any()?)
}

/// Gives `each` the ranks of a query's root records, all of them: what a set-based update or delete collects before it changes the
/// first. They are in the order of its rows only if that is asked for.
///
/// # Errors
///
/// As [`count`]; what `each` fails with.
pub fn keys(
    view: View<'_>,
    draft: &Draft,
    control: &Control,
    run: &Run,
    in_order: bool,
    each: &mut dyn FnMut(u128) -> Result<(), StorageError>,
) -> Result<(), EngineError> {
    run.check(view)?;
    if let Some(point) = Point::of(view, draft) {
        let rank = point.record()?.map(|record| record.rank());
        return Ok(rank.map_or(Ok(()), each).map_err(ExecError::from)?);
    }
    let purpose = if in_order { Purpose::KeysInOrder } else { Purpose::Keys };
    let plan = plan_for(view, draft, purpose, control, false)?;
    Ok(Planned::new(view, used_up(plan), run.clone()).ranks(Slot(0), each)?)
}

/// What a [`Native`](crate::expr::Native) test is: whether a record of a collection stays.
#[cfg(not(feature = "small"))]
pub struct RecordTest(pub RecordTestFn);

/// What [`RecordTest`] calls. It fails when the record cannot be read.
#[cfg(not(feature = "small"))]
pub type RecordTestFn =
    Box<dyn Fn(RecordRef<'_>, &CollectionDef) -> Result<bool, StorageError> + Send + Sync>;

#[cfg(not(feature = "small"))]
impl core::fmt::Debug for RecordTest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("RecordTest").finish_non_exhaustive()
    }
}

/// The assignments of a set-based update, checked and planned, to be applied to many records.
#[derive(Debug)]
pub struct Assigner {
    plan: PhysicalPlan,
    /// The positions of the fields set.
    positions: Vec<u16>,
}

impl Assigner {
    /// Checks assignments to fields of `root`.
    ///
    /// # Errors
    ///
    /// [`EngineError::Plan`] when a value cannot be calculated, or is not one of its field's.
    pub fn new(
        view: View<'_>,
        root: fn() -> &'static CollectionSchema,
        assignments: &[Assignment],
    ) -> Result<Assigner, EngineError> {
        let logical = logical::lower_assignments(view.catalog(), root, assignments)?;
        let collection = &logical.slots[0].collection;
        let positions =
            assignments.iter().map(|assignment| collection.position_of(assignment.ordinal)).collect();
        let measured = Measured::new(view);
        let plan = physical::plan(&optimize(logical, RuleSet::ALL, &measured), &measured);
        Ok(Assigner { plan, positions })
    }

    /// Gets ready to calculate new values over what is stored at one moment, until `run` ends that.
    pub fn begin<'s>(&self, view: View<'s>, run: &Run) -> Assigning<'s> {
        Assigning::new(view, &self.plan, run.clone())
    }

    /// Makes `out` what `record` becomes. Every value is calculated over the record's old ones.
    ///
    /// # Errors
    ///
    /// [`EngineError::Exec`] when a page cannot be read, or an operation has no result; when the statement is to end.
    pub fn apply<'s>(
        &self,
        assigning: &mut Assigning<'s>,
        record: RecordRef<'s>,
        out: &mut RecordDraft,
    ) -> Result<(), EngineError> {
        Ok(assigning.assign(record, &self.positions, out)?)
    }
}

/// What a set-based change gives of the records that it changes, checked and planned.
#[derive(Debug)]
pub struct Giver {
    plan: PhysicalPlan,
}

impl Giver {
    /// The most records given at once.
    const RECORDS_MAX: usize = 256;

    /// Checks a selection of records of `root`.
    ///
    /// # Errors
    ///
    /// [`EngineError::Plan`] when a value cannot be calculated.
    pub fn new(
        view: View<'_>,
        root: fn() -> &'static CollectionSchema,
        items: &[SelectItem],
    ) -> Result<Giver, EngineError> {
        let logical = logical::lower_selection(view.catalog(), root, items)?;
        let measured = Measured::new(view);
        let plan = physical::plan(&optimize(logical, RuleSet::ALL, &measured), &measured);
        Ok(Giver { plan })
    }

    /// Gives `each` what is selected of the records with these ranks as they are in `view`, in their order, until `run` ends that.
    /// `find` looks for a record.
    ///
    /// # Errors
    ///
    /// [`EngineError::Exec`] when a page cannot be read, or an operation has no result; when the statement is to end; what `find`
    /// and `each` fail with.
    pub fn give<'s, E: From<EngineError>>(
        &self,
        view: View<'s>,
        ranks: &Collected,
        run: &Run,
        find: &dyn Fn(u128) -> Result<RecordRef<'s>, E>,
        each: &mut dyn FnMut(&OutputBatch<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut giving = exec::Giving::new(view, &self.plan, run.clone());
        let records_max = giving.rows_max().min(Self::RECORDS_MAX);
        let mut ranks = ranks.read();
        loop {
            let mut records = Vec::new();
            while records.len() < records_max
                && let Some(rank) =
                    ranks.next_rank().map_err(|error| EngineError::from(ExecError::from(error)))?
            {
                records.push(Some(find(rank)?));
            }
            if records.is_empty() {
                return Ok(());
            }
            each(&giving.give(records).map_err(EngineError::from)?)?;
        }
    }
}

/// Makes `out` what `record` becomes by `assignments`: [`Assigner`] for one record.
///
/// # Errors
///
/// As [`Assigner::new`] and [`Assigner::apply`].
pub fn assign<'s>(
    view: View<'s>,
    root: fn() -> &'static CollectionSchema,
    record: RecordRef<'s>,
    assignments: &[Assignment],
    out: &mut RecordDraft,
) -> Result<(), EngineError> {
    let assigner = Assigner::new(view, root, assignments)?;
    assigner.apply(&mut assigner.begin(view, &Run::default()), record, out)
}

/// A plan of a query by some rules and choices, whatever plans are kept.
///
/// # Errors
///
/// When the query cannot be planned: see [`PlanError`].
pub fn plan(
    view: View<'_>,
    draft: &Draft,
    purpose: Purpose,
    switches: impl Into<Switches>,
) -> Result<PhysicalPlan, PlanError> {
    let switches = switches.into();
    let logical = logical::lower(view.catalog(), draft, purpose)?;
    #[cfg(not(feature = "small"))]
    let (rules, wishes) = (switches.rules, Wishes { choices: switches.choices, ..Wishes::default() });
    #[cfg(feature = "small")]
    let (rules, wishes) = (switches, Wishes::default());
    let measured = Measured::new(view);
    Ok(physical::plan_as(&optimize(logical, rules, &measured), &measured, wishes))
}

/// As [`plan`], by all rules, and as `control` asks; the scans of the plan say what else was thought of if `alternatives`.
#[allow(clippy::useless_conversion, reason = "a small build has the plan as it is")]
fn plan_for(
    view: View<'_>,
    draft: &Draft,
    purpose: Purpose,
    control: &Control,
    alternatives: bool,
) -> Result<Lent, PlanError> {
    #[cfg(not(feature = "small"))]
    if !alternatives {
        return plans::plan_for(view, draft, purpose, control);
    }
    let require_index = control.requires_index();
    if !require_index && !alternatives {
        return Ok(plan(view, draft, purpose, RuleSet::ALL)?.into());
    }
    let logical = logical::lower(view.catalog(), draft, purpose)?;
    let wishes = Wishes {
        require_index,
        alternatives,
        #[cfg(not(feature = "small"))]
        puts_aside: control.limits_memory(view),
        #[cfg(not(feature = "small"))]
        choices: physical::Choices::ALL,
    };
    #[cfg(not(feature = "small"))]
    let lessons = plans::lessons(view, draft, control);
    #[cfg(not(feature = "small"))]
    let statistics =
        Learnt { measured: Measured::new(view), lessons: &lessons, limits_memory: wishes.puts_aside };
    #[cfg(feature = "small")]
    let statistics = Measured::new(view);
    let plan = physical::plan_as(&optimize(logical, RuleSet::ALL, &statistics), &statistics, wishes);
    #[cfg(not(feature = "small"))]
    if require_index {
        plan.require_index()?;
    }
    Ok(plan.into())
}

/// A plan for who takes it apart.
fn used_up(plan: Lent) -> PhysicalPlan {
    #[cfg(not(feature = "small"))]
    return plan.into_plan();
    #[cfg(feature = "small")]
    plan
}

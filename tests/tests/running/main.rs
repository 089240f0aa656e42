//! How queries are run: what ends them, what is told of them.
//!
//! - `control`: queries that are ended from outside, and those that must be served by an index.
//! - `analysis`: what `explain_analyze` tells, and the forms of plans.
//! - `slow`: the hook that is told of slow queries.
//! - `watch`: answers that are given again when something has changed.

mod analysis;
mod control;
mod music;
mod slow;
mod watch;

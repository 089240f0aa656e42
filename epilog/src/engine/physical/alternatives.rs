//! The ways to records that were not taken, and why; and the plans that `require_index` refuses.

use alloc::string::String;
use alloc::vec::Vec;

use super::access::{Candidate, Search, is_about};
use super::sarg::{Sarg, Test};
use super::{Access, Answer, Join, Method, Operator, PhysicalNode, PhysicalPlan, Planner, Scan, Subquery};
use crate::engine::error::PlanError;
use crate::engine::estimate::Amount;
use crate::engine::logical::{Expr, ExprKind, Link, Names, Slot, SlotDef};
use crate::expr::{BinaryOp, JoinKind};
use crate::parts::Whole;
use crate::schema::CollectionDef;

/// What reading all of a collection costs where that is forbidden, in nanoseconds: more than anything else.
pub(super) const FORBIDDEN: Amount = 1e15;

/// A way to the records of a collection that planning thought of.
#[derive(Clone, Debug, PartialEq)]
pub struct Alternative {
    /// The way, as the plan tells it; an index that could not be used, with its fields.
    pub way: String,
    /// What it was expected to cost, with what has to be done because of it, in nanoseconds; `None` where there is no such
    /// way.
    pub cost_ns: Option<u64>,
    /// Whether it was taken.
    pub taken: bool,
    /// Why it was, or was not.
    pub reason: String,
    /// The first field of an index of which no filter asks anything.
    pub(super) unasked: Option<u16>,
}

impl Planner<'_> {
    /// What was thought of for the records that are looked for, what costs least first.
    pub(super) fn alternatives(
        &self,
        search: &Search<'_, '_>,
        predicates: &[&Expr],
        candidates: &[Candidate],
        total: &dyn Fn(&Candidate) -> Amount,
    ) -> Vec<Alternative> {
        let Search { slot, collection, .. } = *search;
        let mut costed: Vec<(Amount, &Candidate)> =
            candidates.iter().map(|candidate| (total(candidate), candidate)).collect();
        // The first of those that cost the same is taken.
        costed.sort_by(|a, b| a.0.total_cmp(&b.0));
        let least = costed.first().map_or(0.0, |(cost, _)| *cost);
        let told = costed.iter().enumerate().map(|(at, (cost, candidate))| {
            let reason = match at {
                0 => String::from("costs least"),
                _ if *cost >= FORBIDDEN => String::from("`require_index` forbids to read everything"),
                _ => format!("{:.1} times as dear", *cost / least.max(1.0)),
            };
            Alternative {
                way: format!("{} {}", candidate.kind, candidate.text),
                cost_ns: Some(*cost as u64),
                taken: at == 0,
                reason,
                unasked: None,
            }
        });
        let mut told: Vec<Alternative> = told.collect();
        for index in &collection.indexes {
            let is_used = |candidate: &Candidate| match &candidate.access {
                Access::Index { index: of, .. }
                | Access::Skip { index: of, .. }
                | Access::Pointing { index: of, .. } => *of == index.id,
                Access::Combined { parts, .. } => parts
                    .iter()
                    .any(|part| matches!(part, Access::Index { index: of, .. } if *of == index.id)),
                _ => false,
            };
            if candidates.iter().any(is_used) {
                continue;
            }
            let name = |position: &u16| collection.fields[usize::from(*position)].name.as_str();
            let fields: Vec<&str> = index.fields.iter().map(name).collect();
            let (reason, unasked) = match search.unmet(index) {
                Some(condition) => {
                    let field = &collection.fields[usize::from(condition.position)];
                    let condition = condition.test.describe(&field.name, field.ty);
                    let reason =
                        format!("records may be asked for of which not `{condition}`: it has none of those");
                    (reason, None)
                }
                None => self.unasked(slot, index.fields[0], fields[0], predicates),
            };
            told.push(Alternative {
                way: format!(
                    "index of {} by {}{}",
                    collection.name,
                    fields.join(", "),
                    collection.condition_of(index)
                ),
                cost_ns: None,
                taken: false,
                reason,
                unasked,
            });
        }
        told
    }

    /// Why an index that begins with a field finds nothing, and which that is, if no filter asks anything of it.
    fn unasked(&self, slot: Slot, position: u16, field: &str, predicates: &[&Expr]) -> (String, Option<u16>) {
        let mentions = |expr: &&&Expr| {
            let mut found = false;
            expr.visit(&mut |part| found |= part.as_field() == Some((slot, position)));
            found
        };
        let text = |expr: &Expr| self.names().expr(expr);
        let mut about = predicates.iter().filter(mentions);
        match (about.clone().find(|expr| is_about(expr, slot)), about.next()) {
            (Some(own), _) => {
                let own = text(own);
                (format!("`{own}` is no comparison of `{field}` with a value that an index finds"), None)
            }
            (None, Some(other)) => (format!("`{}` needs other records as well", text(other)), None),
            (None, None) => (format!("nothing is asked of `{field}`, its first field"), Some(position)),
        }
    }
}

impl PhysicalPlan {
    /// Fails if the plan reads all records of a collection, of which no limit says that a few will do.
    pub(crate) fn require_index(&self) -> Result<(), PlanError> {
        let names = Names { slots: &self.slots, computed: &self.computed };
        // Of a plan that gives no columns the first row is wanted.
        let search = FullScan { names, slots: &self.slots };
        search.look(&self.root, self.columns.is_empty(), &mut Above::default())
    }
}

/// The search for a scan that `require_index` refuses.
struct FullScan<'p> {
    names: Names<'p>,
    slots: &'p [SlotDef],
}

/// What is above an operator.
#[derive(Default)]
struct Above<'p> {
    /// What is asked of its rows.
    asked: Vec<&'p Expr>,
    /// What they are linked to others by.
    links: Vec<&'p Link>,
}

impl<'p> FullScan<'p> {
    /// Looks at `node` and those beneath it, of whose rows a few will do if it is `limited`.
    fn look(&self, node: &'p PhysicalNode, limited: bool, above: &mut Above<'p>) -> Result<(), PlanError> {
        let (asked, linked) = (above.asked.len(), above.links.len());
        match &node.operator {
            Operator::Scan(scan) if !limited && scan.access.reads_all() => {
                return Err(self.refusal(scan, above));
            }
            Operator::Limit { input, window } => {
                self.look(input, limited || window.take.is_some(), above)?;
            }
            Operator::Lookup { input, .. } => self.look(input, limited, above)?,
            Operator::Among(among) => self.look(&among.input, false, above)?,
            Operator::Sieve(sieve) => self.look(&sieve.input, false, above)?,
            Operator::Ahead(ahead) => self.look(&ahead.input, false, above)?,
            Operator::Filter { input, predicates, .. } => {
                above.asked.extend(predicates);
                self.look(input, false, above)?;
            }
            Operator::Subquery(Subquery { input, method, pairs, answer, .. }) => {
                self.look(input, limited && matches!(answer, Answer::Value(_)), above)?;
                self.look_inside(method, pairs)?;
            }
            Operator::Join(Join { input, method, pairs, kind, .. }) => {
                // Either side of an inner join could be looked up by what the other has.
                if let (Method::Hash { links, .. }, JoinKind::Inner) = (method, kind) {
                    above.links.extend(links);
                }
                self.look(input, false, above)?;
                self.look_inside(method, pairs)?;
            }
            _ => {
                for child in node.children() {
                    self.look(child, false, above)?;
                }
            }
        }
        above.asked.truncate(asked);
        above.links.truncate(linked);
        Ok(())
    }

    /// Looks at the inner rows of a subquery or join, and at those of its pairs.
    fn look_inside(&self, method: &'p Method, pairs: &'p PhysicalNode) -> Result<(), PlanError> {
        let mut above = Above::default();
        match method {
            Method::Probe { .. } => {}
            Method::Hash { inner, links } => {
                above.links.extend(links);
                self.look(inner, false, &mut above)?;
            }
            Method::Loop { inner, .. } => self.look(inner, false, &mut above)?,
        }
        self.look(pairs, false, &mut Above::default())
    }

    fn refusal(&self, scan: &Scan, above: &Above<'_>) -> PlanError {
        let collection = &*self.slots[usize::from(scan.slot.0)].collection;
        let asked: Vec<&Expr> =
            above.asked.iter().copied().filter(|expr| is_about(expr, scan.slot)).collect();
        // The field of this record, which an index could find by what it is linked to; its key is one it has.
        let linked =
            above.links.iter().flat_map(|link| [(&link.inner, &link.outer), (&link.outer, &link.inner)]);
        let linked = linked.filter_map(|(own, other)| {
            let (slot, position) = own.as_field()?;
            (slot == scan.slot && collection.clustered != Some(position)).then_some((position, own, other))
        });
        let linked: Vec<(u16, &Expr, &Expr)> = linked.collect();
        let mut texts: Vec<String> = asked.iter().map(|expr| self.names.expr(expr)).collect();
        let name = |expr: &Expr| self.names.expr(expr);
        texts.extend(linked.iter().map(|(_, own, other)| format!("{} = {}", name(own), name(other))));
        let what = match texts.is_empty() {
            true => String::from("nothing is asked of its records"),
            false => format!("no index serves `{}`", texts.join(" & ")),
        };
        let linked = linked.iter().map(|(position, ..)| *position);
        let remedy = match &fields_to_index(scan.slot, collection, &asked, linked)[..] {
            [] => match &fields_of_alternatives(scan.slot, collection, &asked)[..] {
                [] => String::from(
                    "compare a field that has an index with a value, or leave `require_index` out",
                ),
                [field] => format!("put `#[index]` on its field `{field}`, or leave `require_index` out"),
                several => {
                    let fields = several.join("`, `");
                    format!("put `#[index]` on each of its fields `{fields}`, or leave `require_index` out")
                }
            },
            [field] => format!("put `#[index]` on its field `{field}`, or leave `require_index` out"),
            several => {
                let (fields, name) = (several.join(", "), &collection.name);
                format!("put `#[index({fields})]` on `{name}`, or leave `require_index` out")
            }
        };
        PlanError::FullScan { collection: collection.name.clone(), what, remedy, whole: Whole::Build }
    }
}

/// The fields of an index that would serve: those that have one value first, then one of which a range is asked.
fn fields_to_index<'c>(
    slot: Slot,
    collection: &'c CollectionDef,
    asked: &[&Expr],
    linked: impl Iterator<Item = u16>,
) -> Vec<&'c str> {
    let mut positions: Vec<u16> = linked.collect();
    let sargs: Vec<Sarg<'_>> = asked.iter().filter_map(|expr| Sarg::of(expr, slot)).collect();
    let (equal, ranges): (Vec<_>, Vec<_>) =
        sargs.iter().partition(|sarg| matches!(sarg.test, Test::OneOf(_)));
    positions.extend(equal.iter().map(|sarg| sarg.position));
    positions.extend(ranges.iter().map(|sarg| sarg.position).take(1));
    let mut fields: Vec<&str> = Vec::new();
    for position in positions {
        let name = collection.fields[usize::from(position)].name.as_str();
        if !fields.contains(&name) {
            fields.push(name);
        }
    }
    fields
}

/// The fields of which indexes are missing where one of several alternatives is asked for, each of which is to have one.
fn fields_of_alternatives<'c>(slot: Slot, collection: &'c CollectionDef, asked: &[&Expr]) -> Vec<&'c str> {
    let has_index = |position: u16| {
        let of = collection
            .indexes
            .iter()
            .any(|index| index.condition.is_empty() && index.fields.first() == Some(&position));
        of || collection.clustered == Some(position)
    };
    let missing = |expr: &Expr| {
        let mut missing: Vec<&'c str> = Vec::new();
        for alternative in parts_of(expr, BinaryOp::Or) {
            let parts = parts_of(alternative, BinaryOp::And);
            let positions: Vec<u16> =
                parts.iter().filter_map(|part| Sarg::of(part, slot)).map(|sarg| sarg.position).collect();
            if positions.iter().any(|position| has_index(*position)) {
                continue;
            }
            // What nothing finds is read whatever the others have.
            let name = collection.fields[usize::from(*positions.first()?)].name.as_str();
            if !missing.contains(&name) {
                missing.push(name);
            }
        }
        Some(missing)
    };
    asked.iter().filter_map(|expr| missing(expr)).find(|missing| !missing.is_empty()).unwrap_or_default()
}

/// What an operation puts together, from left to right.
fn parts_of(expr: &Expr, operation: BinaryOp) -> Vec<&Expr> {
    let (mut parts, mut open) = (Vec::new(), Vec::from([expr]));
    while let Some(expr) = open.pop() {
        match &expr.kind {
            ExprKind::Binary(op, left, right) if *op == operation => open.extend([&**right, &**left]),
            _ => parts.push(expr),
        }
    }
    parts
}

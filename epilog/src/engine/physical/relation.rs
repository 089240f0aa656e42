//! Ways to records through relations: from what they point at, or from what points at them.
//!
//! `tracks of albums of the artist called "Iron Maiden"` begins at the artist, whose name is indexed, and follows the
//! indexes of the two relations to the tracks, when that is expected to read fewer records than looking up the artist of
//! every track.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::access::{Candidate, Chosen, Search, is_about};
use super::sort::{Walk, provides};
use super::{Access, Operator, PhysicalNode, Planner, Scan, Want};
use crate::engine::estimate::Amount;
#[cfg(not(feature = "small"))]
use crate::engine::estimate::{About, Counter, Scatter};
use crate::engine::logical::{Asked, Expr, ExprKind, Lookup, Node, Subquery};

impl<'p> Planner<'p> {
    pub(super) fn by_relations(
        &self,
        search: &Search<'_, 'p>,
        stages: &[&'p Node],
        out: &mut Vec<Candidate>,
    ) {
        for stage in stages {
            match stage {
                Node::Lookup(lookup) if lookup.from == search.slot => {
                    out.extend(self.pointing(search, lookup, stages));
                }
                Node::Subquery(subquery) => out.extend(self.pointed_at(search, subquery, stages)),
                _ => {}
            }
        }
    }

    /// The records that point at those which a lookup would lead to, if these are searched for.
    fn pointing(&self, search: &Search<'_, 'p>, lookup: &Lookup, stages: &[&'p Node]) -> Option<Candidate> {
        let collection = search.collection;
        let has_all = |index: &&crate::schema::IndexDef| {
            #[cfg(not(feature = "small"))]
            return search.conditions_of(index).is_some();
            #[cfg(feature = "small")]
            !index.is_partial()
        };
        let mut leading = collection.indexes.iter().filter(|index| index.fields[0] == lookup.position);
        let index = leading.find(has_all)?;
        // A fault there is one of the rows that point there, which another predicate may drop.
        let is_faulty = |expr: &Expr| is_about(expr, lookup.into) && expr.may_fault();
        let filters = stages.iter().filter_map(|stage| match stage {
            Node::Filter(filter) => Some(&filter.predicates),
            _ => None,
        });
        if filters.flatten().any(is_faulty) {
            return None;
        }
        let (found, selective) = self.best(lookup.into, stages, Want::default());
        // Were nothing searched for, rows without a related record would be missed, where there are such rows.
        let mut predicates = stages.iter().filter_map(|stage| match stage {
            Node::Filter(filter) => Some(&filter.predicates),
            _ => None,
        });
        let is_asked = predicates.any(|all| all.iter().any(|expr| is_about(expr, lookup.into)));
        let always_points = !collection.fields[usize::from(lookup.position)].optional;
        let is_detour = matches!(
            &found.node.operator,
            Operator::Scan(Scan { access: Access::Pointing { .. } | Access::PointedAt { .. }, .. })
        );
        if !(selective || always_points && (is_asked || is_detour)) {
            return None;
        }
        let source = self.with_own_predicates(found, lookup, stages);
        let targets = source.node.rows;
        let rows = (targets * (search.rows / self.rows(lookup.into)).max(1.0)).max(1.0);
        let wants_order = !search.want.order.is_empty();
        let text = format!("{} by {}", collection.name, collection.fields[usize::from(lookup.position)].name);
        let key_order = search.want.key_order && !wants_order;
        #[cfg(not(feature = "small"))]
        let entries = self.entries_alone(search, index).filter(|_| !key_order);
        #[cfg(not(feature = "small"))]
        let alone = entries.is_some();
        #[cfg(feature = "small")]
        let alone = false;
        let scatter = self.estimator.scatter(search.slot, index.id, rows, targets);
        let read = match alone {
            true => rows * self.costs.entry_decoded,
            false => rows * self.costs.entry + self.costs.fetch_by(self.costs.fetch, rows, scatter),
        };
        let share = rows / search.rows.max(1.0);
        let walked = self.paging.and_walked(read, (collection, index), share, targets);
        let cost_rows = match alone {
            true => walked,
            false => self.paging.and_fetched_by(walked, collection, rows, scatter),
        };
        Some(Candidate {
            #[cfg(not(feature = "small"))]
            scatter,
            access: Access::Pointing {
                source: Box::new(source.node),
                from: lookup.into,
                index: index.id,
                key_order,
                #[cfg(not(feature = "small"))]
                entries,
            },
            kind: "index lookup",
            text,
            implied: source.implied,
            rows,
            cost_fixed: source.cost + targets * self.costs.seek,
            cost_rows,
            ordered: !wants_order,
            // A predicate may hold for a record that is absent.
            selective,
        })
    }

    /// What is found of a lookup's records, through all predicates that are about these alone.
    fn with_own_predicates(&self, mut found: Chosen, lookup: &Lookup, stages: &[&'p Node]) -> Chosen {
        let mut own: Vec<Expr> = Vec::new();
        for stage in stages {
            if let Node::Filter(filter) = stage {
                let about = filter.predicates.iter().filter(|predicate| is_about(predicate, lookup.into));
                own.extend(about.filter(|predicate| !found.implied.contains(predicate)).cloned());
            }
        }
        if own.is_empty() {
            return found;
        }
        found.implied.extend(own.iter().cloned());
        // Of five records hardly less than a fifth is meant.
        let records = self.statistics.rows(self.collection(lookup.into)).max(1) as Amount;
        let share = self.estimator.selectivity_of_all(&own).max(1.0 / records);
        #[cfg(not(feature = "small"))]
        let learnt =
            self.learnt().of_filter(About::records(lookup.into), own.len(), found.implied.len() - own.len());
        #[cfg(feature = "small")]
        let learnt = 1.0;
        let rows = found.node.rows * (share * learnt).min(1.0);
        let cost = found.cost + found.node.rows * own.iter().map(|expr| self.test_cost(expr)).sum::<Amount>();
        let operator = Operator::Filter {
            input: Box::new(found.node),
            predicates: own,
            #[cfg(not(feature = "small"))]
            counter: Counter::NONE,
        };
        Chosen { node: PhysicalNode { operator, rows }, cost, ..found }
    }

    /// The records that those of a subquery point at, if a predicate asks whether there is such a one.
    fn pointed_at(
        &self,
        search: &Search<'_, 'p>,
        subquery: &'p Subquery,
        stages: &[&'p Node],
    ) -> Option<Candidate> {
        let key = search.collection.clustered?;
        let [link] = subquery.links.as_slice() else { return None };
        let is_simple = subquery.asked == Asked::Any
            && *subquery.pairs == Node::Pairs
            && link.outer.as_field() == Some((search.slot, key));
        let predicate = stages.iter().find_map(|stage| match stage {
            Node::Filter(filter) => filter
                .predicates
                .iter()
                .find(|predicate| predicate.kind == ExprKind::Computed(subquery.output)),
            _ => None,
        })?;
        // What belongs to a record that is absent is found by nothing.
        if !is_simple || (link.outer.nullable && link.inner.nullable) {
            return None;
        }
        // A fault of a record is one of the rows it belongs to, which another predicate may drop.
        let mut faulty = link.inner.may_fault();
        subquery.inner.visit(&mut |node| {
            let calculates = match node {
                Node::Subquery(subquery) => matches!(subquery.asked, Asked::Aggregate(..)),
                Node::Aggregate(aggregate) => !aggregate.items.is_empty(),
                Node::Window(_) => true,
                _ => false,
            };
            faulty |= calculates || node.expressions().into_iter().any(Expr::may_fault);
        });
        if faulty {
            return None;
        }
        let source = self.inner(&subquery.inner, false);
        let rows = source.node.rows.min(search.rows).max(1.0);
        let order = provides(search.want, search.slot, &[], &[], Some(key));
        let text = format!("{} by {}", search.collection.name, self.names().expr(&link.inner));
        let cost_fixed = source.cost + source.node.rows * self.costs.build;
        Some(Candidate {
            #[cfg(not(feature = "small"))]
            scatter: Scatter::ANYWHERE,
            access: Access::PointedAt { source: Box::new(source.node), by: link.inner.clone() },
            kind: "key lookup",
            text,
            implied: Vec::from([predicate.clone()]),
            rows,
            cost_fixed,
            cost_rows: self.paging.and_fetched(rows * self.costs.fetch_near, search.collection, rows),
            ordered: search.want.order.is_empty() || order == Some(Walk::Forward),
            selective: true,
        })
    }
}

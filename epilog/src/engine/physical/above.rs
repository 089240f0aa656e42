//! Why an index is not used although its first field is asked for from above: by what rows are paired by, or in which order they are
//! wanted.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Join, Method, Operator, PhysicalNode, PhysicalPlan, Subquery};
use crate::engine::logical::{Expr, Link, Names, Slot};

/// What is asked for of a field of a record, and why an index of it does not give it.
struct Asked {
    field: (Slot, u16),
    reason: String,
}

impl PhysicalPlan {
    /// Mends the reasons of ways to records of which no filter asks anything, but joins, subqueries and sorts do.
    pub(super) fn tell_from_above(&mut self) {
        let names = Names { slots: &self.slots, computed: &self.computed };
        tell(&mut self.root, &names, &mut Vec::new());
    }
}

fn tell(node: &mut PhysicalNode, names: &Names<'_>, above: &mut Vec<Asked>) {
    let before = above.len();
    match &mut node.operator {
        Operator::Scan(scan) => {
            for way in &mut scan.alternatives {
                let is_meant = |asked: &&Asked| way.unasked.is_some_and(|at| asked.field == (scan.slot, at));
                // What is nearest says most.
                if let Some(asked) = above.iter().rev().find(is_meant) {
                    way.reason.clone_from(&asked.reason);
                }
            }
        }
        Operator::Join(Join { method: Method::Loop { band, .. }, pairs, .. })
        | Operator::Subquery(Subquery { method: Method::Loop { band, .. }, pairs, .. }) => {
            of_pairs(pairs, names, above);
            above.extend(band.as_ref().and_then(|band| sorted_by(&band.inner, names)));
        }
        Operator::Join(Join { method: Method::Hash { links, .. }, .. })
        | Operator::Subquery(Subquery { method: Method::Hash { links, .. }, .. }) => {
            let sides = links.iter().flat_map(|link| [(&link.inner, link), (&link.outer, link)]);
            above.extend(sides.filter_map(|(own, link)| by_table(own, link, names)));
        }
        Operator::Sort { input, terms, .. } => {
            let field = terms.first().and_then(|term| Some((term.expr.as_field()?, names.expr(&term.expr))));
            above.extend(field.map(|(field, text)| Asked {
                field,
                reason: match is_of_records(input) {
                    true => format!("the order that begins by `{text}` is not that of the index"),
                    false => {
                        format!("the order by `{text}` is made above: what lies between does not keep one")
                    }
                },
            }));
        }
        _ => {}
    }
    for child in node.children_mut() {
        tell(child, names, above);
    }
    above.truncate(before);
}

/// Whether nothing but filters and lookups lies between here and the records.
fn is_of_records(node: &PhysicalNode) -> bool {
    match &node.operator {
        Operator::Filter { input, .. } | Operator::Lookup { input, .. } => is_of_records(input),
        operator => matches!(operator, Operator::Scan(_)),
    }
}

/// What is asked of pairs, of the fields that it is about.
fn of_pairs(pairs: &PhysicalNode, names: &Names<'_>, above: &mut Vec<Asked>) {
    if let Operator::Filter { predicates, .. } = &pairs.operator {
        for predicate in predicates {
            let reason = format!("`{}` is asked of pairs", names.expr(predicate));
            predicate.visit(&mut |part| {
                above.extend(part.as_field().map(|field| Asked { field, reason: reason.clone() }));
            });
        }
    }
    pairs.children().into_iter().for_each(|child| of_pairs(child, names, above));
}

/// That rows are sorted by a value, if that is a field: an index that begins with it could be searched for each row.
fn sorted_by(value: &Expr, names: &Names<'_>) -> Option<Asked> {
    let of = names.expr(value);
    let reason = format!(
        "ranges of `{of}` are those of rows sorted once, which costs less than one of the index for each"
    );
    Some(Asked { field: value.as_field()?, reason })
}

/// That a link is found by a table, if `own` side of it is a field.
fn by_table(own: &Expr, link: &Link, names: &Names<'_>) -> Option<Asked> {
    let reason = format!(
        "`{} = {}` is found by a table, which costs less than a search for each",
        names.expr(&link.inner),
        names.expr(&link.outer)
    );
    Some(Asked { field: own.as_field()?, reason })
}

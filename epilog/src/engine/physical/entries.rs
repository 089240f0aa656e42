//! What is done with the entries of an index alone: predicates are asked of them before a record is fetched, and no record is
//! where all that is read of it is in its entry.
//!
//! Values are made of keys, which only some types allow ([`key::is_exact`]), or are what the index includes, as it is in the
//! record. They are computed values of the rows, so that
//! operators need not know where a value is from: what was a field of the record in a plan becomes such a value of it.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

use super::access::{Candidate, Search};
use super::choices::Choice;
use super::{
    Access, Ahead, Among, Column, IndexOrder, Join, Method, Operator, PhysicalNode, PhysicalPlan, Planner,
    Sieve, Subquery,
};
use crate::engine::estimate::{About, Amount};
use crate::engine::logical::{
    Computed, ComputedDef, Expr, ExprKind, Link, Names, Node, Slot, SlotDef, WindowTerm,
};
use crate::expr::JoinKind;
use crate::schema::{CollectionDef, IndexDef, IndexId};
use crate::value::{Type, key};

/// Entries that are to be put in another order are all kept in memory: no more than these.
const SORTED_MAX: Amount = 65_536.0;

/// What is done with the entries of an index alone.
#[derive(Clone, Debug)]
pub struct Entries {
    /// What is asked of them; of those that it drops no record is fetched.
    pub predicates: Vec<Expr>,
    /// Whether no record is fetched at all: the row has the values instead.
    pub alone: bool,
    /// Where one entry of each value of the first fields of the index will do: of how many fields. Otherwise 0, and all are read.
    pub loose: u16,
    /// How many entries of each of those values are read.
    pub each: u16,
    /// Fields of the index, by position in the collection, and the values that are made of them.
    pub values: Vec<(u16, Computed)>,
}

/// For each slot the positions of the fields that are read of its records, as often as they are; `None` where more is read than fields, or it is not
/// known who reads them.
pub(super) type FieldsRead = Vec<Option<Vec<u16>>>;

/// What is read of the entries that are found for each row, where records are found so.
type OfEach<'e> = Option<&'e mut Option<Box<Entries>>>;

impl<'p> Planner<'p> {
    /// Makes what is possible of the entries that `candidate` reads.
    pub(super) fn by_entries(&self, search: &Search<'_, 'p>, own: &[&'p Expr], candidate: &mut Candidate) {
        let Access::Index { index, ranges, order, .. } = &candidate.access else { return };
        let first = search.want.loose.filter(|loose| loose.first.is_some());
        // Entries of one key are read anew for that order.
        let is_tied = *order == IndexOrder::BackwardTiesForward;
        if is_tied && first.is_none() {
            return;
        }
        let Some(index) = search.collection.index(*index) else { return };
        // Its entries are of elements, not of the field.
        if search.collection.listed(index).is_some() {
            return;
        }
        let has = |position: u16| is_in(search.collection, index, position);
        let is_asked = |expr: &&&Expr| {
            !candidate.implied.contains(**expr)
                && !expr.may_fault()
                && fields_of(expr, search.slot).iter().all(|position| has(*position))
        };
        let predicates: Vec<Expr> = own.iter().filter(is_asked).map(|expr| (*expr).clone()).collect();
        let by_key = matches!(order, IndexOrder::Key | IndexOrder::KeyBackward);
        // Often a field is read for nothing but what was searched for.
        let searched: Vec<u16> =
            candidate.implied.iter().flat_map(|expr| fields_of(expr, search.slot)).collect();
        let times = |position: u16, among: &[u16]| among.iter().filter(|other| **other == position).count();
        let read = self.fields_read(search.slot).filter(|read| {
            let is_searched = |position: u16| times(position, read) == times(position, &searched);
            read.iter().all(|position| has(*position) || is_searched(*position))
        });
        let alone = read.is_some() && !(by_key && candidate.rows > SORTED_MAX);
        if let Some(loose) = first.filter(|_| !by_key)
            && let Some(found) = self.first_by_jumps((search, loose), index, own, candidate, alone)
        {
            (candidate.cost_fixed, candidate.cost_rows) = (0.0, found.cost);
            candidate.text = found.text;
            if let Access::Index { entries, .. } = &mut candidate.access {
                *entries = Some(Box::new(found.entries));
            }
            return;
        }
        if is_tied || predicates.is_empty() && !alone {
            return;
        }
        let share = self.estimator.selectivity_of_all(&predicates);
        let about = About::records(search.slot);
        let learnt = self.learnt().of_filter(about, predicates.len(), candidate.implied.len());
        let share = (share * learnt).min(1.0);
        let (all, rows) = (candidate.rows, (candidate.rows * share).max(1.0));
        let tests = predicates.iter().map(|expr| self.test_cost(expr)).sum::<Amount>();
        let decodes =
            !(alone && predicates.is_empty() && read.is_some_and(|read| read.len() == searched.len()));
        let read = all * (tests + if decodes { self.costs.entry_decoded } else { self.costs.entry });
        let fetched = match alone {
            true => 0.0,
            false => {
                // Those in between are not fetched.
                candidate.scatter = candidate.scatter.of_each(all / rows);
                let fetches = self.costs.fetch_by(self.costs.fetch, rows, candidate.scatter);
                self.paging.and_fetched_by(fetches, search.collection, rows, candidate.scatter)
            }
        };
        let seeks = ranges.len() as Amount * self.costs.seek;
        let seeks = self.paging.and_walked(
            seeks,
            (search.collection, index),
            all / search.rows.max(1.0),
            ranges.len() as Amount,
        );
        (candidate.cost_fixed, candidate.cost_rows) = match by_key {
            true => (seeks + read + rows * self.costs.sort_rank, fetched),
            false => (seeks, read + fetched),
        };
        candidate.rows = rows;
        if !predicates.is_empty() {
            let asked = self.names().predicates(&predicates);
            candidate.text = format!("{}, entries with {asked}", candidate.text);
        }
        candidate.implied.extend(predicates.iter().cloned());
        let mut loose = 0;
        if let Some((fields, cost)) =
            self.by_jumps(search, index, own, candidate, alone && !by_key && predicates.is_empty())
            && cost < candidate.cost_fixed + candidate.cost_rows
        {
            (candidate.cost_fixed, candidate.cost_rows) = (0.0, cost);
            let names = index.fields[..fields]
                .iter()
                .map(|at| search.collection.fields[usize::from(*at)].name.as_str());
            let names = names.collect::<Vec<_>>().join(", ");
            candidate.text = format!("{}, one of each {names}", candidate.text);
            loose = fields as u16;
        }
        if let Access::Index { entries, .. } = &mut candidate.access {
            *entries = Some(Box::new(Entries { predicates, alone, loose, each: 1, values: Vec::new() }));
        }
    }

    /// That the entries of an index are all that is read, if what is read of the records is in them.
    pub(super) fn entries_alone(&self, search: &Search<'_, 'p>, index: &IndexDef) -> Option<Box<Entries>> {
        if search.collection.listed(index).is_some() {
            return None;
        }
        let read = self.fields_read(search.slot)?;
        let all = read.iter().all(|position| is_in(search.collection, index, *position));
        all.then(|| {
            Box::new(Entries { predicates: Vec::new(), alone: true, loose: 0, each: 1, values: Vec::new() })
        })
    }

    /// Where one entry of each value is wanted, and the entries that `candidate` reads are `alone`: of how many of the first fields of
    /// the index each value is to be found, and what that costs.
    fn by_jumps(
        &self,
        search: &Search<'_, 'p>,
        index: &IndexDef,
        own: &[&'p Expr],
        candidate: &Candidate,
        alone: bool,
    ) -> Option<(usize, Amount)> {
        let Access::Index { ranges, .. } = &candidate.access else { return None };
        let loose = search.want.loose.filter(|loose| alone && loose.first.is_none())?;
        // The entry that is read is to be one that gets through.
        if !own.iter().all(|expr| candidate.implied.contains(*expr)) {
            return None;
        }
        let is_in_key = |position: &u16| key::is_exact(search.collection.fields[usize::from(*position)].ty);
        if !loose.fields.iter().chain(&loose.next).all(is_in_key) {
            return None;
        }
        let fields = loose.fields_of(index, &search.bound(), search.collection.clustered)?;
        let places = loose.values + ranges.len() as Amount;
        let cost = places * (self.costs.seek + self.costs.entry_decoded);
        Some((fields, self.paging.and_walked(cost, (search.collection, index), 0.0, places)))
    }

    /// The fields that are read of the records in `slot`.
    fn fields_read(&self, slot: Slot) -> Option<&[u16]> {
        if !self.chooses(Choice::Late) {
            return None;
        }
        let read = self.read.get_or_init(|| self.find_fields_read());
        read[usize::from(slot.0)].as_deref()
    }

    /// That the entries of an index are all that is read of the records in `slot` that it has for a row, if what is read of them is in
    /// those: of links it is searched by nothing is, nor for what is `told` by the range that is searched for; `asked` is of others.
    pub(super) fn entries_of_each(
        &self,
        slot: Slot,
        index: IndexId,
        (told, asked): (&[Expr], &[Expr]),
    ) -> Option<Box<Entries>> {
        let collection = self.collection(slot);
        let index = collection.index(index).filter(|_| self.chooses(Choice::Late))?;
        let of_each = self.read_of_each.get_or_init(|| {
            let mut read: FieldsRead = self.plan.slots.iter().map(|_| None).collect();
            found_for_each(&self.plan.root, &mut read);
            self.note_fields_read(&mut read);
            read
        });
        let read = of_each[usize::from(slot.0)].as_deref()?;
        let searched: Vec<u16> = told.iter().flat_map(|expr| fields_of(expr, slot)).collect();
        let times = |position: u16, among: &[u16]| among.iter().filter(|other| **other == position).count();
        let is_searched = |position: u16| times(position, read) == times(position, &searched);
        let has = |position: u16| is_in(collection, index, position);
        let all = read.iter().all(|position| has(*position) || is_searched(*position));
        let of_asked = asked.iter().flat_map(|expr| fields_of(expr, slot)).all(has);
        (all && of_asked).then(|| {
            Box::new(Entries { predicates: Vec::new(), alone: true, loose: 0, each: 1, values: Vec::new() })
        })
    }

    fn find_fields_read(&self) -> FieldsRead {
        let mut read: FieldsRead = self.plan.slots.iter().map(|_| None).collect();
        // Rows of subqueries and of what is joined are kept by those, which take records for granted.
        scans(&self.plan.root, &mut read);
        self.note_fields_read(&mut read);
        read
    }

    /// Notes the fields that are read of the slots that have a list, which goes where more is read.
    fn note_fields_read(&self, read: &mut FieldsRead) {
        self.plan.root.visit(&mut |node| {
            for expr in node.expressions() {
                if is_found_by(node, expr) {
                    continue;
                }
                expr.visit(&mut |part| {
                    if let Some((slot, position)) = part.as_field()
                        && let Some(fields) = &mut read[usize::from(slot.0)]
                    {
                        fields.push(position);
                    }
                });
            }
            match node {
                Node::Lookup(lookup) => {
                    if let Some(fields) = &mut read[usize::from(lookup.from.0)] {
                        fields.push(lookup.position);
                    }
                }
                Node::Native(native) => read[usize::from(native.slot.0)] = None,
                Node::Project(project) => {
                    for column in &project.columns {
                        if let Column::Record(slot) = column {
                            read[usize::from(slot.0)] = None;
                        }
                    }
                }
                _ => {}
            }
        });
    }
}

/// Whether an expression is what the records of the inner side of `node` are linked by. Of a plan in which those are kept it is read.
fn is_found_by(node: &Node, expr: &Expr) -> bool {
    let (slot, links) = match node {
        Node::Join(join) => (join.slot, &join.links),
        Node::Subquery(subquery) => (subquery.slot, &subquery.links),
        _ => return false,
    };
    let is_it = |link: &Link| core::ptr::eq(&link.inner, expr);
    expr.as_field().is_some_and(|(of, _)| of == slot) && links.iter().any(is_it)
}

/// Notes the slots of records that joins and subqueries may find for each of the rows: of those that are read nowhere else, and whose
/// side keeps the rows with a pair alone. What is carried out more than once may fill one slot in several places.
fn found_for_each(root: &Node, read: &mut FieldsRead) {
    let mut filled: Vec<Slot> = Vec::new();
    let mut again = false;
    root.visit(&mut |node| match node {
        Node::Scan(scan) => filled.push(scan.slot),
        Node::Lookup(lookup) => filled.push(lookup.into),
        Node::Shared(_) | Node::Recursive(_) => again = true,
        _ => {}
    });
    if again {
        return;
    }
    let mut nodes = Vec::from([root]);
    while let Some(node) = nodes.pop() {
        let side = match node {
            Node::Join(join) if join.kind == JoinKind::Inner => Some((join.slot, &*join.inner)),
            Node::Subquery(subquery) => Some((subquery.slot, &*subquery.inner)),
            _ => None,
        };
        if let Some((slot, inner)) = side
            && has_scan(inner, slot)
            && filled.iter().filter(|other| **other == slot).count() == 1
        {
            read[usize::from(slot.0)] = Some(Vec::new());
        }
        if let Node::Set(set) = node {
            nodes.push(&set.right);
        }
        nodes.extend(node.input());
    }
}

/// Whether the rows of a side begin at the records in `slot`.
fn has_scan(side: &Node, slot: Slot) -> bool {
    match side {
        Node::Scan(scan) => scan.slot == slot,
        Node::Filter(_) | Node::Lookup(_) | Node::Subquery(_) => {
            side.input().is_some_and(|input| has_scan(input, slot))
        }
        _ => false,
    }
}

/// Notes the slots whose records are the rows: subqueries and joined collections aside, and what is carried out more than
/// once, where one slot may be filled in several places.
fn scans(node: &Node, read: &mut FieldsRead) {
    if let Node::Shared(_) | Node::Recursive(_) = node {
        return;
    }
    if let Node::Scan(scan) = node {
        read[usize::from(scan.slot.0)] = Some(Vec::new());
    }
    if let Node::Set(set) = node {
        scans(&set.right, read);
    }
    if let Some(input) = node.input() {
        scans(input, read);
    }
}

/// The positions of the fields of `slot` that an expression reads.
fn fields_of(expr: &Expr, slot: Slot) -> Vec<u16> {
    let mut fields = Vec::new();
    expr.visit(&mut |part| fields.extend(part.as_field().filter(|(of, _)| *of == slot).map(|(_, at)| at)));
    fields
}

/// Whether the value of a field is in the entries of an index.
fn is_in(collection: &CollectionDef, index: &IndexDef, position: u16) -> bool {
    let field = &collection.fields[usize::from(position)];
    collection.clustered == Some(position)
        || index.fields.contains(&position) && key::is_exact(field.ty)
        || index.included().contains(&position)
}

impl PhysicalPlan {
    /// Numbers the values that are made of entries, and makes them of the fields that they are read for.
    pub(super) fn number_entries(&mut self) {
        // A way to other records may begin at those that are found for each row, of which it reads what there is no value for.
        let mut filled: Vec<Slot> = Vec::new();
        self.root.each_filled(&mut |slot, _| filled.push(slot));
        self.root.each_filled(&mut |slot, entries| {
            if let Some(entries) = entries
                && filled.iter().filter(|other| **other == slot).count() > 1
            {
                *entries = None;
            }
        });
        let mut alone: Vec<Slot> = Vec::new();
        self.root.each_scan(&mut |slot, _, entries| alone.extend(entries.alone.then_some(slot)));
        for slot in alone {
            let mut positions: Vec<u16> = Vec::new();
            self.map_expressions(&mut |expr| {
                positions.extend(fields_of(&expr, slot));
                expr
            });
            let mut made: Vec<(u16, Computed)> = Vec::new();
            let PhysicalPlan { slots, computed, root, .. } = self;
            root.each_scan(&mut |of, index, entries| {
                if of == slot && entries.alone {
                    entries.number(of, index, core::mem::take(&mut positions), slots, computed);
                    if entries.alone {
                        made.clone_from(&entries.values);
                    }
                }
            });
            self.map_expressions(&mut |expr| replaced(expr, slot, &made));
        }
        // The records of a slot may be read in more than one place, which differ in what they ask of entries.
        let PhysicalPlan { slots, computed, root, .. } = self;
        root.each_scan(&mut |slot, index, entries| {
            if !entries.alone && entries.values.is_empty() {
                entries.number(slot, index, Vec::new(), slots, computed);
            }
        });
    }

    /// Replaces the expressions of all operators, those that scans ask of entries excepted.
    fn map_expressions(&mut self, each: &mut dyn FnMut(Expr) -> Expr) {
        self.root.map_expressions(each);
        for column in &mut self.columns {
            if let Column::Value(expr) = column {
                change(expr, each);
            }
        }
    }
}

impl Entries {
    /// Numbers the values of fields that are read of the entries: in the predicates, and elsewhere those at `positions`.
    fn number(
        &mut self,
        slot: Slot,
        index: IndexId,
        mut positions: Vec<u16>,
        slots: &[SlotDef],
        computed: &mut Vec<ComputedDef>,
    ) {
        let collection = &*slots[usize::from(slot.0)].collection;
        let index = collection.index(index).expect("a plan names an index of its collection");
        positions.extend(self.predicates.iter().flat_map(|expr| fields_of(expr, slot)));
        positions.retain(|position| collection.clustered != Some(*position));
        positions.sort_unstable();
        positions.dedup();
        // A predicate that an index implies is asked no more; were it asked all the same, records would be needed.
        self.alone &= positions.iter().all(|position| is_in(collection, index, *position));
        positions.retain(|position| is_in(collection, index, *position));
        for position in positions {
            let field = &collection.fields[usize::from(position)];
            self.values.push((position, Computed(computed.len() as u16)));
            let name = Names { slots, computed }.field(slot, position);
            computed.push(ComputedDef { ty: field.ty, nullable: field.optional, name });
        }
        let Entries { predicates, values, .. } = self;
        map_all(predicates, &mut |expr| replaced(expr, slot, values));
    }
}

/// An expression that reads values in place of fields of `slot`.
fn replaced(expr: Expr, slot: Slot, values: &[(u16, Computed)]) -> Expr {
    expr.map(&mut |mut part| {
        if let ExprKind::Field(of, position) = part.kind
            && of == slot
            && let Some((_, value)) = values.iter().find(|(at, _)| *at == position)
        {
            part.kind = ExprKind::Computed(*value);
        }
        part
    })
}

impl PhysicalNode {
    /// Calls `each` for what scans do with entries, here and beneath.
    fn each_scan(&mut self, each: &mut dyn FnMut(Slot, IndexId, &mut Entries)) {
        if let Operator::Join(Join { slot, method, .. }) | Operator::Subquery(Subquery { slot, method, .. }) =
            &mut self.operator
            && let Method::Probe { index: Some(index), entries: Some(entries), .. } = method
        {
            each(*slot, *index, entries);
        }
        if let Operator::Scan(scan) = &mut self.operator
            && let Access::Index { index, entries: Some(entries), .. }
            | Access::Pointing { index, entries: Some(entries), .. } = &mut scan.access
        {
            each(scan.slot, *index, entries);
        }
        self.children_mut().into_iter().for_each(|child| child.each_scan(each));
    }

    /// Calls `each` for the slots that records are put in, here and beneath, with what is read of entries where they are found for each row.
    fn each_filled(&mut self, each: &mut dyn FnMut(Slot, OfEach<'_>)) {
        match &mut self.operator {
            Operator::Scan(scan) => each(scan.slot, None),
            Operator::Lookup { into, .. } => each(*into, None),
            Operator::Join(Join { slot, method: Method::Probe { entries, .. }, .. })
            | Operator::Subquery(Subquery { slot, method: Method::Probe { entries, .. }, .. }) => {
                each(*slot, Some(entries));
            }
            _ => {}
        }
        self.children_mut().into_iter().for_each(|child| child.each_filled(each));
    }

    fn map_expressions(&mut self, each: &mut dyn FnMut(Expr) -> Expr) {
        match &mut self.operator {
            Operator::Scan(scan) => {
                if let Access::PointedAt { by, .. } = &mut scan.access {
                    change(by, each);
                }
            }
            Operator::Filter { predicates, .. } => map_all(predicates, each),
            Operator::Sieve(Sieve { by, .. }) | Operator::Ahead(Ahead { by, .. }) => map_all(by, each),
            Operator::Subquery(Subquery { method, .. }) | Operator::Join(Join { method, .. }) => {
                if let Method::Hash { links, .. } = method {
                    for link in links {
                        change(&mut link.inner, each);
                        change(&mut link.outer, each);
                    }
                }
                // What an index is searched by is a field of it, and no value is read for it.
                if let Method::Probe { links, span, .. } = method {
                    links.iter_mut().for_each(|link| change(&mut link.outer, each));
                    let bounds = span.iter_mut().flat_map(|span| span.of_rows_mut());
                    bounds.for_each(|expr| change(expr, each));
                }
                if let Method::Loop { band: Some(band), .. } = method {
                    band.expressions_mut().for_each(|expr| change(expr, each));
                }
                if let Operator::Subquery(subquery) = &mut self.operator {
                    subquery.asked.expressions_mut().for_each(|expr| change(expr, each));
                    subquery.same.iter_mut().for_each(|expr| change(expr, each));
                }
            }
            Operator::Sort { terms, .. } => terms.iter_mut().for_each(|term| change(&mut term.expr, each)),
            Operator::Aggregate { keys, items, .. } => {
                keys.iter_mut().for_each(|key| change(&mut key.expr, each));
                let items = items.iter_mut();
                items
                    .flat_map(|item| item.argument.iter_mut().chain(&mut item.filter))
                    .for_each(|expr| change(expr, each));
            }
            Operator::Set { columns, .. } => {
                let columns = columns.iter_mut();
                columns
                    .flat_map(|column| [&mut column.left, &mut column.right])
                    .for_each(|expr| change(expr, each));
            }
            Operator::Window { items, .. } => {
                let items = items.iter_mut();
                items.flat_map(WindowTerm::expressions_mut).for_each(|expr| change(expr, each));
            }
            Operator::Shared { columns, .. } => {
                columns.iter_mut().for_each(|column| change(&mut column.expr, each));
            }
            Operator::Recursive { columns, .. } => {
                let columns = columns.iter_mut();
                columns
                    .flat_map(|column| [&mut column.left, &mut column.right])
                    .for_each(|expr| change(expr, each));
            }
            Operator::Lookup { from, position, by, .. }
            | Operator::Among(Among { from, position, by, .. }) => {
                // Only what it is made to be is looked at, not the type.
                let pointer = each(Expr::field(*from, *position, Type::Id, true));
                if let ExprKind::Computed(value) = pointer.kind {
                    *by = Some(value);
                }
            }
            Operator::Pairs
            | Operator::Previous { .. }
            | Operator::Limit { .. }
            | Operator::Native { .. }
            | Operator::CountRecords { .. }
            | Operator::Metered(_) => {}
        }
        self.children_mut().into_iter().for_each(|child| child.map_expressions(each));
    }
}

fn change(expr: &mut Expr, each: &mut dyn FnMut(Expr) -> Expr) {
    let taken = core::mem::replace(expr, Expr::bool(false));
    *expr = each(taken);
}

fn map_all(exprs: &mut [Expr], each: &mut dyn FnMut(Expr) -> Expr) {
    exprs.iter_mut().for_each(|expr| change(expr, each));
}

//! [`Region`]: joins taken apart.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::super::push_window_filters::is_sure_below;
use super::super::strengthen_joins::rejects_absent;
use crate::engine::logical::{
    Computed, Expr, ExprKind, Filter, Inner, Join, Link, Lookup, Node, Scan, Slot, SlotDef, SortTerm,
    Subquery,
};
use crate::engine::planted::{self, Bug};
use crate::expr::{BinaryOp, JoinKind};
use crate::parts::Whole;

/// A set of relations, by their numbers.
pub(super) type Set = u64;

/// Relations, and what is asked of them.
pub(super) struct Region<'p> {
    pub(super) slots: &'p [SlotDef],
    pub(super) relations: Vec<Relation>,
    /// The left joins whose inner sides are relations, those beneath others first.
    pub(super) lefts: Vec<Left>,
    /// The fields that point from one of them at the record of another one.
    pub(super) pointers: Vec<Pointer>,
    /// Values that are all equal.
    pub(super) classes: Vec<Class>,
    /// What else is asked, of which relations.
    pub(super) asked: Vec<(Set, Expr)>,
    /// Subqueries about rows, with what is asked of their answers.
    pub(super) attached: Vec<Attached>,
    /// What is asked in the end: of pairs that all else leaves.
    pub(super) last: Vec<Expr>,
    /// Steps that need to be taken in their order, in the end.
    pub(super) steps: Vec<Node>,
    /// What was taken, before it is settled.
    lookups: Vec<Lookup>,
    predicates: Vec<Expr>,
}

/// One relation.
pub(super) struct Relation {
    /// What gives its rows.
    pub(super) node: Node,
    /// The slot of the collection that it is all records of.
    pub(super) base: Option<Slot>,
    /// What is asked of its rows alone.
    pub(super) own: Vec<Expr>,
    slots: Vec<Slot>,
    computed: Vec<Computed>,
    sure: Vec<Computed>,
}

/// A left join: a relation that is added to rows which have all that its condition reads.
pub(super) struct Left {
    /// The relation that is its inner side.
    pub(super) relation: usize,
    /// The relations that rows must have by then.
    pub(super) needs: Set,
    /// The join, whose sides are [`Node::Pairs`] until it is put in place.
    pub(super) join: Join,
}

/// A field of one relation that names the record of another one.
#[derive(Clone, Copy)]
pub(super) struct Pointer {
    pub(super) from: Slot,
    pub(super) position: u16,
    pub(super) into: Slot,
    /// The relation that points, and the one pointed at.
    pub(super) ends: (usize, usize),
}

/// Values of relations that are equal, each with the number of its relation.
#[derive(Default)]
pub(super) struct Class {
    pub(super) members: Vec<(usize, Expr)>,
}

/// A subquery about rows.
pub(super) struct Attached {
    /// The subquery, whose input is [`Node::Pairs`] until it is put in place.
    pub(super) node: Node,
    /// What is asked of its answer.
    pub(super) filters: Vec<Expr>,
    /// The relations that all this is about.
    pub(super) about: Set,
}

impl<'p> Region<'p> {
    pub(super) fn new(slots: &'p [SlotDef]) -> Region<'p> {
        Region {
            slots,
            relations: Vec::new(),
            lefts: Vec::new(),
            pointers: Vec::new(),
            classes: Vec::new(),
            asked: Vec::new(),
            attached: Vec::new(),
            last: Vec::new(),
            steps: Vec::new(),
            lookups: Vec::new(),
            predicates: Vec::new(),
        }
    }

    /// Takes `node` apart; `below` sees to what is no part of the region, of which the rows may come in any order or not.
    pub(super) fn take(&mut self, node: Node, below: &dyn Fn(Node, bool) -> Node) {
        match node {
            // What is asked of groups is asked where they are made, though it may have no result: all rows would be joined first.
            Node::Filter(filter) if matches!(*filter.input, Node::Aggregate(_)) => {
                let node = below(Node::Filter(filter), true);
                self.relate(node);
            }
            Node::Filter(Filter { input, predicates }) => {
                self.take(*input, below);
                self.predicates.extend(predicates);
            }
            Node::Lookup(Lookup { input, from, position, into }) => {
                self.take(*input, below);
                self.lookups.push(Lookup { input: Box::new(Node::Pairs), from, position, into });
            }
            Node::Subquery(Subquery { input, slot, inner, links, pairs, asked, output }) => {
                self.take(*input, below);
                let input = Box::new(Node::Pairs);
                self.steps.push(Node::Subquery(Subquery { input, slot, inner, links, pairs, asked, output }));
            }
            Node::Join(join) if is_taken_apart(&join, self.slots) => {
                let Join { input, inner, links, pairs, .. } = join;
                self.take(*input, below);
                self.take(*inner, below);
                let equal = |link: Link| Expr::binary_test(BinaryOp::Eq, link.inner, link.outer);
                self.predicates.extend(links.into_iter().map(equal));
                if let Node::Filter(filter) = *pairs {
                    self.predicates.extend(filter.predicates);
                }
            }
            Node::Join(mut join) if is_added(&join, self.slots) => {
                self.take(core::mem::replace(&mut *join.input, Node::Pairs), below);
                let relation = self.relations.len();
                match below(core::mem::replace(&mut *join.inner, Node::Pairs), false) {
                    Node::Filter(Filter { input, predicates }) if matches!(*input, Node::Scan(_)) => {
                        self.relate(*input);
                        self.relations[relation].own = predicates;
                    }
                    inner => self.relate(inner),
                }
                self.lefts.push(Left { relation, needs: 0, join });
            }
            Node::Scan(scan) => self.relate(Node::Scan(scan)),
            Node::Join(mut join) => {
                // What is asked of its input only might be asked there; that is for other rules.
                let input = core::mem::replace(&mut *join.input, Node::Pairs);
                *join.input = below(input, true);
                self.relate(Node::Join(join));
            }
            other => {
                let node = below(other, true);
                self.relate(node);
            }
        }
    }

    fn relate(&mut self, node: Node) {
        let inner = Inner::of(&node);
        let base = if let Node::Scan(scan) = &node { Some(scan.slot) } else { None };
        let Inner { slots, computed, sure } = inner;
        self.relations.push(Relation { node, base, own: Vec::new(), slots, computed, sure });
    }

    /// Finds out what each thing taken is about; whether the relations have all that is needed of them.
    pub(super) fn settle(&mut self) -> bool {
        self.settle_lookups();
        if !self.settle_lefts() {
            return false;
        }
        self.settle_subqueries();
        for predicate in core::mem::take(&mut self.predicates) {
            self.settle_predicate(predicate);
        }
        // Members of one relation are made equal there, so that one of them stands for all.
        for class in &self.classes {
            let mut members = class.members.iter();
            while let Some((relation, expr)) = members.next() {
                if let Some((_, other)) = members.clone().find(|(other, _)| other == relation) {
                    let equal = Expr::binary_test(BinaryOp::Eq, expr.clone(), other.clone());
                    match self.left_of(1 << relation) {
                        Some(left) => self.asked.push((self.closed(1 << left.relation), equal)),
                        None => self.relations[*relation].own.push(equal),
                    }
                }
            }
        }
        true
    }

    /// Finds out which relations each left join needs.
    fn settle_lefts(&mut self) -> bool {
        for at in 0..self.lefts.len() {
            let Left { relation, join, .. } = &self.lefts[at];
            let outer = outer_of(join, &self.relations[*relation].slots);
            let with = |set: Set, slot: &Slot| Some(set | 1 << self.relation_of(*slot)?);
            let about = outer.iter().try_fold(0, with);
            let Some(about) = about.filter(|about| *about != 0) else { return false };
            self.lefts[at].needs = self.closed(about);
        }
        true
    }

    /// The left join whose inner side is just this.
    pub(super) fn left_of(&self, set: Set) -> Option<&Left> {
        self.lefts.iter().find(|left| 1 << left.relation == set)
    }

    /// A set with all that rows must have which have it.
    fn closed(&self, set: Set) -> Set {
        if planted::is(Bug::LeftJoinAskedEarly) {
            return set;
        }
        // Those beneath come first, and need none above them.
        let has = |set: Set, left: &Left| set >> left.relation & 1 == 1;
        self.lefts.iter().rev().fold(set, |set, left| if has(set, left) { set | left.needs } else { set })
    }

    /// Whether two sets can be put together: what a left join adds is added to what it needs.
    pub(super) fn may_pair(&self, a: Set, b: Set) -> bool {
        match (self.left_of(a), self.left_of(b)) {
            (Some(_), Some(_)) => false,
            (Some(left), None) => left.needs & !b == 0,
            (None, Some(left)) => left.needs & !a == 0,
            (None, None) => true,
        }
    }

    /// Makes relations of records that every row has, and steps of what may be absent.
    fn settle_lookups(&mut self) {
        let lookups = core::mem::take(&mut self.lookups);
        // A record that something needs is there, and so is the one that points at it.
        let mut needed: Vec<Slot> = Vec::new();
        for lookup in lookups.iter().rev() {
            let asks = |predicate: &Expr| rejects_absent(predicate, lookup.into);
            if needed.contains(&lookup.into) || self.predicates.iter().any(asks) {
                needed.extend([lookup.into, lookup.from]);
            }
        }
        let mut steps = Vec::new();
        for lookup in lookups {
            let from = &self.slots[usize::from(lookup.from.0)];
            let field = &from.collection.fields[usize::from(lookup.position)];
            let target = &self.slots[usize::from(lookup.into.0)].collection;
            let points = needed.contains(&lookup.into) || !(from.optional || field.optional);
            match (self.relation_of(lookup.from), target.clustered) {
                (Some(from_relation), Some(key)) if points => {
                    let into_relation = self.relations.len();
                    self.relate(Node::Scan(Scan { slot: lookup.into }));
                    let Lookup { from: slot, position, into, .. } = lookup;
                    let pointing = Expr::field(slot, position, field.ty, from.optional || field.optional);
                    let pointed = Expr::field(into, key, target.fields[usize::from(key)].ty, false);
                    self.pointers.push(Pointer {
                        from: slot,
                        position,
                        into,
                        ends: (from_relation, into_relation),
                    });
                    self.equate((from_relation, pointing), (into_relation, pointed));
                }
                _ => steps.push(Node::Lookup(lookup)),
            }
        }
        // Subqueries may begin at what is looked up.
        steps.append(&mut self.steps);
        self.steps = steps;
    }

    /// Makes what reads relations alone, and is read by predicates alone, something that can be asked early.
    fn settle_subqueries(&mut self) {
        let mut steps = Vec::new();
        for step in core::mem::take(&mut self.steps) {
            let about = match &step {
                Node::Subquery(subquery) => self.about_subquery(subquery),
                _ => None,
            };
            match about {
                Some(about) => {
                    let about = self.closed(about);
                    self.attached.push(Attached { node: step, filters: Vec::new(), about });
                }
                None => steps.push(step),
            }
        }
        self.steps = steps;
    }

    /// The relations that a subquery reads, if it reads nothing else of the row.
    fn about_subquery(&self, subquery: &Subquery) -> Option<Set> {
        let mut own = Inner::of(&subquery.inner);
        let mut about: Set = 0;
        let mut inside = true;
        for side in [&subquery.inner, &subquery.pairs] {
            side.visit(&mut |node| match node {
                Node::Scan(scan) => own.slots.push(scan.slot),
                Node::Lookup(lookup) => own.slots.push(lookup.into),
                Node::Subquery(nested) => {
                    own.slots.push(nested.slot);
                    own.computed.push(nested.output);
                }
                Node::Aggregate(aggregate) => own.computed.extend(aggregate.outputs()),
                Node::Set(set) => own.computed.extend(set.columns.iter().map(|column| column.output)),
                Node::Window(window) => own.computed.extend(window.items.iter().map(|item| item.output)),
                _ => {}
            });
        }
        let mut read = |expr: &Expr| {
            for slot in expr.slots().iter().filter(|slot| !own.slots.contains(slot)) {
                match self.relation_of(*slot) {
                    Some(relation) => about |= 1 << relation,
                    None => inside = false,
                }
            }
            for value in expr.computed_values().iter().filter(|value| !own.computed.contains(value)) {
                match self.relations.iter().position(|relation| relation.computed.contains(value)) {
                    Some(relation) => about |= 1 << relation,
                    None => inside = false,
                }
            }
        };
        subquery.links.iter().for_each(|link| read(&link.outer));
        subquery.asked.expressions().for_each(&mut read);
        let mut pointers = Vec::new();
        for side in [&subquery.inner, &subquery.pairs] {
            side.visit(&mut |node| {
                node.expressions().into_iter().for_each(&mut read);
                if let Node::Lookup(lookup) = node {
                    pointers.push(lookup.from);
                }
            });
        }
        for from in pointers.iter().filter(|from| !own.slots.contains(from)) {
            about |= 1 << self.relation_of(*from)?;
        }
        inside.then_some(about)
    }

    fn settle_predicate(&mut self, predicate: Expr) {
        let answers: Vec<Computed> = predicate.computed_values();
        let asks = |attached: &Attached| match &attached.node {
            Node::Subquery(subquery) => answers.contains(&subquery.output),
            _ => false,
        };
        if let Some(at) = self.attached.iter().position(asks) {
            let Node::Subquery(subquery) = &self.attached[at].node else { unreachable!("found above") };
            match self.about(&predicate, Some(subquery.output)) {
                Some(about) => {
                    self.attached[at].about |= self.closed(about);
                    self.attached[at].filters.push(predicate);
                }
                None => self.last.push(predicate),
            }
            return;
        }
        let about = match self.about(&predicate, None) {
            Some(about) if about != 0 && self.is_sure(&predicate) => self.closed(about),
            _ => return self.last.push(predicate),
        };
        if about.count_ones() == 1 {
            return self.relations[about.trailing_zeros() as usize].own.push(predicate);
        }
        if let ExprKind::Binary(BinaryOp::Eq, left, right) = &predicate.kind
            && let (Some(a), Some(b)) = (self.about(left, None), self.about(right, None))
            && a.count_ones() == 1
            && b.count_ones() == 1
        {
            let member = |of: Set, expr: &Expr| (of.trailing_zeros() as usize, expr.clone());
            return self.equate(member(a, left), member(b, right));
        }
        self.asked.push((about, predicate));
    }

    /// Makes two values equal, and those that are equal to either.
    fn equate(&mut self, a: (usize, Expr), b: (usize, Expr)) {
        let mut class = Class::default();
        let has = |class: &Class| class.members.contains(&a) || class.members.contains(&b);
        while let Some(at) = self.classes.iter().position(has) {
            class.members.extend(self.classes.remove(at).members);
        }
        for member in [a, b] {
            if !class.members.contains(&member) {
                class.members.push(member);
            }
        }
        self.classes.push(class);
    }

    fn relation_of(&self, slot: Slot) -> Option<usize> {
        self.relations.iter().position(|relation| relation.slots.contains(&slot))
    }

    /// The relations that an expression reads, if it reads nothing else but `answer`.
    fn about(&self, expr: &Expr, answer: Option<Computed>) -> Option<Set> {
        let mut about: Set = 0;
        for slot in expr.slots() {
            about |= 1 << self.relation_of(slot)?;
        }
        for value in expr.computed_values().into_iter().filter(|value| Some(*value) != answer) {
            about |= 1 << self.relations.iter().position(|relation| relation.computed.contains(&value))?;
        }
        Some(about)
    }

    /// Whether an expression has a value, or none, for every row.
    fn is_sure(&self, expr: &Expr) -> bool {
        let sure = |value: &Computed| self.relations.iter().any(|relation| relation.sure.contains(value));
        !expr.may_fault() && expr.computed_values().iter().all(sure)
    }

    /// How `right` is looked up from `left`, if it can be and something is asked of it: the number of the pointer that leads there, and
    /// its relations, each behind one that points at it.
    pub(super) fn looked_up_together(&self, left: Set, right: Set) -> Option<(usize, Vec<usize>)> {
        let has = |set: Set, number: usize| set >> number & 1 == 1;
        let leads = |pointer: &Pointer| has(left, pointer.ends.0) && has(right, pointer.ends.1);
        let first = self.pointers.iter().position(leads)?;
        let members = self.behind(self.pointers[first].ends.1, right);
        let is_asked = members.iter().any(|number| !self.relations[*number].own.is_empty());
        (is_asked && members.len() == right.count_ones() as usize).then_some((first, members))
    }

    /// The relations of a set that pointers lead to from one of it, each behind one that points at it.
    pub(super) fn behind(&self, first: usize, set: Set) -> Vec<usize> {
        let mut members = Vec::from([first]);
        let mut at = 0;
        while let Some(from) = members.get(at).copied() {
            for pointer in self.pointers.iter().filter(|pointer| pointer.ends.0 == from) {
                let into = pointer.ends.1;
                if set >> into & 1 == 1 && !members.contains(&into) {
                    members.push(into);
                }
            }
            at += 1;
        }
        members
    }

    /// What is asked of two sets together, and of neither alone.
    pub(super) fn asked_of(&self, left: Set, right: Set) -> impl Iterator<Item = &Expr> {
        let asked = self.asked.iter().filter(move |(about, _)| is_of_both(*about, left, right));
        asked.map(|(_, predicate)| predicate)
    }

    /// The field of a relation's records that is equal to a value of `other`.
    pub(super) fn given(&self, (number, slot): (usize, Slot), position: u16, other: Set) -> Option<&Expr> {
        self.classes.iter().find_map(|class| {
            let is_it =
                |(of, expr): &&(usize, Expr)| *of == number && expr.as_field() == Some((slot, position));
            let found = class.members.iter().find(is_it);
            found.filter(|_| class.reaches(other)).map(|(_, expr)| expr)
        })
    }

    /// A term of an order as one of a field of this relation's records, if it is such or equal to it.
    pub(super) fn as_of(&self, term: &SortTerm, (number, slot): (usize, Slot)) -> Option<SortTerm> {
        let field = term.expr.as_field()?;
        if field.0 == slot {
            return Some(term.clone());
        }
        let class = self.classes.iter().find(|class| {
            let is_it = |(_, expr): &(usize, Expr)| expr.as_field() == Some(field);
            class.members.iter().any(is_it)
        })?;
        let is_own = |(of, expr): &&(usize, Expr)| {
            *of == number && expr.ty == term.expr.ty && expr.as_field().is_some_and(|(of, _)| of == slot)
        };
        let (_, expr) = class.members.iter().find(is_own)?;
        Some(SortTerm { expr: expr.clone(), ..*term })
    }

    /// Whether something is equal in both.
    pub(super) fn are_linked(&self, left: Set, right: Set) -> bool {
        self.classes.iter().any(|class| class.reaches(left) && class.reaches(right))
    }

    /// The members of each class on one side and on the other that are made equal when these are put together.
    pub(super) fn links(&self, left: Set, right: Set) -> impl Iterator<Item = (&Expr, &Expr)> {
        self.classes.iter().filter_map(move |class| Some((class.member(left)?, class.member(right)?)))
    }
}

impl Class {
    /// The member of one of these relations whose record comes first in the plan.
    pub(super) fn member(&self, of: Set) -> Option<&Expr> {
        let mut members = self.members_of(of);
        let first = members.next()?;
        // There is hardly ever more than one, of which nothing has to be found out.
        let place = |expr: &Expr| (expr.slots().first().copied(), expr.as_field());
        Some(members.fold(first, |least, expr| if place(expr) < place(least) { expr } else { least }))
    }

    /// Whether there is one of these relations.
    pub(super) fn reaches(&self, of: Set) -> bool {
        self.members_of(of).next().is_some()
    }

    fn members_of(&self, of: Set) -> impl Iterator<Item = &Expr> {
        self.members.iter().filter(move |(relation, _)| of >> relation & 1 == 1).map(|(_, expr)| expr)
    }
}

/// Whether something is about two sets together, and about neither alone.
pub(super) fn is_of_both(about: Set, left: Set, right: Set) -> bool {
    about & !(left | right) == 0 && about & !left != 0 && about & !right != 0
}

/// A join of what is on the left with what is on the right.
pub(super) fn join(left: Node, right: Node, links: Vec<Link>, whole: Whole) -> Node {
    let mut slots = Vec::new();
    right.slots(&mut slots);
    left.slots(&mut slots);
    // Slots are told from the top downwards: the record that everything else of a side begins at is the last of it.
    let slot = first_slot(&right).or(slots.first().copied()).unwrap_or(Slot(0));
    let (input, inner, pairs) = (Box::new(left), Box::new(right), Box::new(Node::Pairs));
    Node::Join(Join { input, slot, inner, links, pairs, kind: JoinKind::Inner, whole })
}

/// The slot of the records that the rows of a node begin at.
fn first_slot(node: &Node) -> Option<Slot> {
    match node {
        Node::Scan(scan) => Some(scan.slot),
        _ => first_slot(node.input()?),
    }
}

/// Whether a join is one of relations that can be put together otherwise.
pub(super) fn is_taken_apart(join: &Join, slots: &[SlotDef]) -> bool {
    let pairs_ask = match &*join.pairs {
        Node::Pairs => true,
        Node::Filter(filter) => *filter.input == Node::Pairs,
        _ => false,
    };
    let compares =
        join.links.iter().all(|link| link.absent_matches || !(link.inner.nullable && link.outer.nullable));
    join.kind == JoinKind::Inner && pairs_ask && compares && connects(join, slots)
}

/// Whether a left join adds a relation to rows of others: nothing of it may have no result, so that it can be asked of more rows or of
/// fewer, and it reads records of relations alone.
pub(super) fn is_added(join: &Join, slots: &[SlotDef]) -> bool {
    let asked = match &*join.pairs {
        Node::Pairs => &[],
        Node::Filter(filter) if *filter.input == Node::Pairs => filter.predicates.as_slice(),
        _ => return false,
    };
    let inner = Inner::of(&join.inner);
    let links = join.links.iter();
    let is_plain = links.clone().all(|link| link.inner.is_sure() && link.outer.computed_values().is_empty())
        && links.map(|link| &link.outer).chain(asked).all(Expr::is_sure)
        && asked.iter().all(|expr| expr.computed_values().iter().all(|value| inner.computed.contains(value)));
    if join.kind != JoinKind::Left || !is_plain || !is_sure_below(&join.inner) {
        return false;
    }
    let outer = outer_of(join, &inner.slots);
    let mut lookups = Vec::new();
    lookups_of(&join.input, &mut lookups);
    let nothing = Expr::bool(true);
    !outer.is_empty() && outer.iter().all(|slot| is_of_relation(*slot, &nothing, &lookups, slots))
}

/// The slots of its rows that the condition of a join reads, those of whose inner side are `inner`.
fn outer_of(join: &Join, inner: &[Slot]) -> Vec<Slot> {
    let mut outer: Vec<Slot> = join.links.iter().flat_map(|link| link.outer.slots()).collect();
    if let Node::Filter(filter) = &*join.pairs {
        outer.extend(filter.predicates.iter().flat_map(Expr::slots));
    }
    outer.retain(|slot| !inner.contains(slot));
    outer
}

/// Whether a join has no links, or one that connects two relations once it is taken apart.
fn connects(join: &Join, slots: &[SlotDef]) -> bool {
    if join.links.is_empty() {
        return true;
    }
    let mut lookups = Vec::new();
    lookups_of(&join.input, &mut lookups);
    lookups_of(&join.inner, &mut lookups);
    let sides = [Inner::of(&join.inner), Inner::of(&join.input)];
    join.links.iter().any(|link| {
        let equal = Expr::binary_test(BinaryOp::Eq, link.inner.clone(), link.outer.clone());
        [&link.inner, &link.outer].into_iter().zip(&sides).all(|(expr, side)| {
            let read = expr.slots();
            read.len() + expr.computed_values().len() == 1
                && side.is_sure(expr)
                && read.iter().all(|slot| is_of_relation(*slot, &equal, &lookups, slots))
        })
    })
}

/// The lookups that rows have gone through.
fn lookups_of<'n>(node: &'n Node, out: &mut Vec<&'n Lookup>) {
    match node {
        Node::Lookup(lookup) => out.push(lookup),
        Node::Join(join) => lookups_of(&join.inner, out),
        _ => {}
    }
    if let Some(input) = node.input() {
        lookups_of(input, out);
    }
}

/// Whether the record in a slot is one of a relation, and no step's, where `asked` is asked of rows.
fn is_of_relation(slot: Slot, asked: &Expr, lookups: &[&Lookup], slots: &[SlotDef]) -> bool {
    let is_there = rejects_absent(asked, slot);
    let mut slot = slot;
    while let Some(lookup) = lookups.iter().find(|lookup| lookup.into == slot) {
        let from = &slots[usize::from(lookup.from.0)];
        let points =
            is_there || !(from.optional || from.collection.fields[usize::from(lookup.position)].optional);
        if !points || slots[usize::from(slot.0)].collection.clustered.is_none() {
            return false;
        }
        slot = lookup.from;
    }
    true
}

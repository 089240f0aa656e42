//! Of the keys of groups, those that others decide are no keys: every row of a group has the same value of them.
//!
//! ```text
//! before                                              after
//! aggregate count by artist, artist.name              aggregate count, min(artist.name) by artist
//!   lookup Artist by artist                             lookup Artist by artist
//!     scan Album                                          scan Album
//! ```
//!
//! The key of a record decides its fields, and a field that points at a record decides those of that. Groups are then told
//! apart by a number instead of a number and several strings, and the least of equal values is the value: of one record, so
//! that it is the same to the bit. Must not fire on a field of a record that the other keys do not decide, nor where that
//! takes an index that is unique but for absent values.

use alloc::vec::Vec;

use super::{Apply, Kinds, Rule};
use crate::engine::logical::{Aggregate, AggregateTerm, Expr, KeyTerm, LogicalPlan, Node, Slot, SlotDef};
use crate::engine::planted::{self, Bug};
use crate::expr::AggregateFunction;
use crate::schema::IndexDef;

pub(super) const RULE: Rule =
    Rule { name: "reduce_group_keys", of: Kinds::AGGREGATE, apply: Apply::Alone(apply) };

fn apply(mut plan: LogicalPlan) -> LogicalPlan {
    let slots = core::mem::take(&mut plan.slots);
    plan.root = plan.root.map(&mut |node| match node {
        Node::Aggregate(aggregate) if aggregate.keys().len() > 1 => {
            Node::Aggregate(reduce(aggregate, &slots))
        }
        other => other,
    });
    plan.slots = slots;
    plan
}

fn reduce(mut aggregate: Aggregate, slots: &[SlotDef]) -> Aggregate {
    let mut pointers = Vec::new();
    pointers_of(&aggregate.input, &mut pointers);
    let mut keys = core::mem::take(&mut aggregate.keys);
    // What is dearest to compare goes first, if it can.
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_by_key(|at| core::cmp::Reverse((keys[*at].expr.ty.width().is_none(), *at)));
    let mut decided: Vec<usize> = Vec::new();
    for at in order {
        let Some((slot, _)) = keys[at].expr.as_field() else { continue };
        let others = keys.iter().enumerate().filter(|(other, _)| *other != at && !decided.contains(other));
        let others: Vec<&Expr> = others.map(|(_, key)| &key.expr).collect();
        if decides(&others, slot, slots, &pointers) {
            decided.push(at);
        }
    }
    let mut at = 0;
    keys.retain_mut(|key| {
        at += 1;
        if !decided.contains(&(at - 1)) {
            return true;
        }
        aggregate.items.push(value_of(key));
        false
    });
    Aggregate { keys, ..aggregate }
}

/// The value that all rows of a group have of what was a key.
fn value_of(key: &KeyTerm) -> AggregateTerm {
    let argument = Some(key.expr.clone());
    AggregateTerm { function: AggregateFunction::Min, argument, filter: None, output: key.output }
}

/// A slot, and the field that points at the record in another one.
type Pointer = (Slot, u16, Slot);

/// The lookups that rows have gone through.
fn pointers_of(node: &Node, out: &mut Vec<Pointer>) {
    match node {
        Node::Lookup(lookup) => out.push((lookup.from, lookup.position, lookup.into)),
        Node::Join(join) => pointers_of(&join.inner, out),
        // No slot survives these.
        Node::Aggregate(_) | Node::Set(_) => return,
        _ => {}
    }
    if let Some(input) = node.input() {
        pointers_of(input, out);
    }
}

/// Whether rows with the same values of `keys` have the same record in `slot`, or none.
fn decides(keys: &[&Expr], slot: Slot, slots: &[SlotDef], pointers: &[Pointer]) -> bool {
    let collection = &slots[usize::from(slot.0)].collection;
    let has = |position: u16| keys.iter().any(|key| key.as_field() == Some((slot, position)));
    // An absent value of a required field is that of an absent record.
    let required = |position: &u16| !collection.fields[usize::from(*position)].optional;
    let tells_apart = |index: &&IndexDef| index.tells_apart() || planted::is(Bug::KeysDecidedBySome);
    let unique = collection.indexes.iter().filter(tells_apart);
    let mut unique = unique.map(|index| &index.fields);
    collection.clustered.is_some_and(has)
        || unique.any(|fields| fields.iter().all(|position| required(position) && has(*position)))
        || pointers.iter().any(|(from, position, into)| {
            *into == slot
                && (keys.iter().any(|key| key.as_field() == Some((*from, *position)))
                    || decides(keys, *from, slots, pointers))
        })
}

#[cfg(test)]
mod tests {
    use crate::engine::fixture::{self as f, aggregate, draft, field, through};
    use crate::engine::optimizer::tests::before_and_after;
    use crate::expr::{AggregateFunction, Postfix};

    fn grouped(
        root: fn() -> &'static crate::schema::CollectionSchema,
        keys: &[Postfix],
    ) -> alloc::string::String {
        let counted = aggregate(AggregateFunction::Count, None);
        let draft = draft(root).group_by(keys.iter().cloned()).select([counted]).build();
        before_and_after(&draft, "reduce_group_keys", &["key_through_relation"]).1
    }

    #[test]
    fn what_the_key_of_a_record_decides_is_no_key() {
        let artist = |ordinal| through(&[f::track::ALBUM, f::album::ARTIST], ordinal);
        let keys = [
            artist(f::artist::NAME),
            artist(f::artist::ID),
            through(&[f::track::ALBUM], f::album::TITLE),
            field(f::track::ALBUM),
        ];
        let after = grouped(f::Track, &keys);
        let line = after.lines().nth(1).expect("an aggregate");
        assert_eq!(
            line,
            "  aggregate count, min(album.artist.name), min(album.artist), min(album.title) by album"
        );
        // A name that no two artists share is as good.
        let after = grouped(f::Artist, &[field(f::artist::NAME), field(f::artist::ID)]);
        assert_eq!(after.lines().nth(1).expect("an aggregate"), "  aggregate count, min(name) by id");
    }

    #[test]
    fn what_nothing_decides_stays() {
        let after = grouped(f::Album, &[field(f::album::TITLE), field(f::album::RELEASED)]);
        assert_eq!(after.lines().nth(1).expect("an aggregate"), "  aggregate count by title, released");
        let after = grouped(f::Track, &[field(f::track::NAME), through(&[f::track::ALBUM], f::album::TITLE)]);
        assert_eq!(after.lines().nth(1).expect("an aggregate"), "  aggregate count by name, album.title");
    }
}

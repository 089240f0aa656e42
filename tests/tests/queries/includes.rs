//! `with`, compared with the same records put together by hand.

use std::collections::BTreeMap;

use epilog::prelude::*;
use pretty_assertions::assert_eq;

#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(items: Item::group)]
#[has_many(extras: Item::other)]
#[has_many(subgroups: Group::parent)]
pub struct Group {
    id: Id<Group>,
    parent: Option<Id<Group>>,
    rank: i64,
}

#[derive(Collection, Clone, Debug, PartialEq)]
pub struct Item {
    id: Id<Item>,
    group: Id<Group>,
    other: Option<Id<Group>>,
    size: i64,
    label: String,
}

epilog::schema!(pub Things { Group, Item });

/// `groups` groups, each below one before it or none; `items` items in them, unevenly.
fn things(groups: u64, items: u64) -> (Database<Things>, Vec<Group>, Vec<Item>) {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut below = |limit: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) % limit
    };
    let all_groups: Vec<Group> = (1..=groups)
        .map(|n| {
            let parent = Some(below(n)).filter(|parent| *parent > 0).map(Id::new);
            Group { id: Id::new(n), parent, rank: below(9) as i64 }
        })
        .collect();
    let all_items: Vec<Item> = (1..=items)
        .map(|n| {
            let group = Id::new(1 + below(groups).min(below(groups)));
            let other = Some(below(groups)).filter(|group| *group > 0).map(Id::new);
            Item { id: Id::new(n), group, other, size: below(20) as i64, label: format!("i{}", below(50)) }
        })
        .collect();
    let db = Things::in_memory().expect("a database");
    db.write(|tx| {
        tx.insert_all(&all_groups)?;
        tx.insert_all(&all_items)
    })
    .expect("records");
    (db, all_groups, all_items)
}

fn items_of(items: &[Item], group: Id<Group>) -> Vec<Item> {
    items.iter().filter(|item| item.group == group).cloned().collect()
}

#[test]
fn every_row_has_its_own() {
    let (db, groups, items) = things(60, 900);
    let expected: Vec<(Group, Vec<Item>)> =
        groups.iter().map(|group| (group.clone(), items_of(&items, group.id))).collect();
    assert_eq!(Group::query().with(|g| g.items()).all(&db).expect("groups"), expected);
    // A few rows, whose items are looked up through the index of the relation.
    let few = Group::query().filter(|g| g.id.le(Id::new(3))).with(|g| g.items());
    assert_eq!(few.all(&db).expect("groups"), expected[..3]);
    assert_eq!(few.first(&db).expect("groups"), Some(expected[0].clone()));
    let none = Group::query().filter(|_| false).with(|g| g.items());
    assert_eq!(none.all(&db).expect("no groups"), []);
    assert_eq!(none.one(&db).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(few.one(&db).unwrap_err().kind(), ErrorKind::NotUnique);
    // What is in a transaction is seen by it.
    db.write(|tx| {
        tx.insert(&Item { id: Id::auto(), group: Id::new(1), other: None, size: 0, label: "new".into() })?;
        let (_, found) = few.first(&*tx)?.expect("a group");
        assert_eq!(found.len(), expected[0].1.len() + 1);
        Ok(())
    })
    .expect("a commit");
}

#[test]
fn filters_orders_and_limits_are_of_each_row() {
    let (db, groups, items) = things(40, 1200);
    let query = Group::query().order_by(|g| g.id.desc()).with(|g| {
        let items = g.items().filter(|i| i.size.gt(4)).order_by(|i| (i.size.desc(), i.id.asc()));
        items.filter(|i| i.label.ne("i7")).offset(2).limit(5)
    });
    let expected: Vec<(Group, Vec<Item>)> = groups
        .iter()
        .rev()
        .map(|group| {
            let mut own = items_of(&items, group.id);
            own.retain(|item| item.size > 4 && item.label != "i7");
            own.sort_by_key(|item| (-item.size, item.id));
            (group.clone(), own.into_iter().skip(2).take(5).collect())
        })
        .collect();
    assert!(expected.iter().any(|(_, items)| items.len() == 5) && expected.iter().any(|(_, i)| i.is_empty()));
    assert_eq!(query.all(&db).expect("groups"), expected);
}

#[test]
fn levels_nest_and_several_relations_stand_side_by_side() {
    let (db, groups, items) = things(30, 400);
    let query =
        Group::query().with(|g| (g.subgroups().with(|s| (s.items(), s.parent())), g.extras(), g.parent()));
    let by_id: BTreeMap<Id<Group>, &Group> = groups.iter().map(|group| (group.id, group)).collect();
    let found = query.all(&db).expect("groups");
    assert_eq!(found.len(), groups.len());
    for (group, (at, below, extras, parent)) in groups.iter().zip(found) {
        assert_eq!(&at, group);
        assert_eq!(parent.as_ref(), group.parent.map(|id| by_id[&id]));
        let own: Vec<&Group> = groups.iter().filter(|one| one.parent == Some(group.id)).collect();
        assert_eq!(below.iter().map(|(one, ..)| one).collect::<Vec<_>>(), own);
        for (subgroup, own, parent) in below {
            assert_eq!(own, items_of(&items, subgroup.id));
            assert_eq!(parent.as_ref(), Some(group));
        }
        let others: Vec<Item> = items.iter().filter(|item| item.other == Some(group.id)).cloned().collect();
        assert_eq!(extras, others);
    }
}

#[test]
fn rows_that_share_a_record_each_have_what_belongs_to_it() {
    let (db, _, items) = things(5, 60);
    let query = Item::query()
        .filter(|i| i.size.lt(10))
        .select(|i| (i.id, i.label))
        .with(|i| (i.group().items().limit(3), i.other().items(), i.other()));
    let small: Vec<&Item> = items.iter().filter(|item| item.size < 10).collect();
    let found = query.all(&db).expect("items");
    assert_eq!(found.len(), small.len());
    assert!(small.iter().any(|item| item.other.is_none()));
    for (item, ((id, label), beside, others, other)) in small.into_iter().zip(found) {
        assert_eq!((id, label), (item.id, item.label.clone()));
        assert_eq!(beside, items_of(&items, item.group).into_iter().take(3).collect::<Vec<_>>());
        assert_eq!(others, item.other.map_or(Vec::new(), |group| items_of(&items, group)));
        assert_eq!(other.map(|group| group.id), item.other);
    }
}

#[test]
fn joined_rows_and_limits_before() {
    let (db, groups, items) = things(12, 80);
    let query = Item::query()
        .join::<Group>(|(i, g)| i.size.eq(g.rank))
        .order_by(|(i, g)| (i.id.asc(), g.id.asc()))
        .limit(7)
        .with(|(i, g)| (g.items(), i.group()));
    let mut expected = Vec::new();
    for item in &items {
        for group in groups.iter().filter(|group| group.rank == item.size) {
            let own = groups.iter().find(|one| one.id == item.group).expect("a group");
            expected.push(((item.clone(), group.clone()), items_of(&items, group.id), own.clone()));
        }
    }
    expected.truncate(7);
    assert_eq!(query.all(&db).expect("pairs"), expected);
}

#[test]
fn more_rows_than_an_index_is_asked_for_at_once() {
    let (db, groups, items) = things(6000, 30_000);
    let mut by_group: BTreeMap<Id<Group>, Vec<Item>> = BTreeMap::new();
    items.iter().for_each(|item| by_group.entry(item.group).or_default().push(item.clone()));
    let query = Group::query()
        .filter(|g| g.id.le(Id::new(5000)))
        .with(|g| g.items().order_by(|i| i.id.desc()).limit(3));
    for (group, found) in query.all(&db).expect("groups") {
        let own = by_group.get(&group.id).map_or(&[][..], Vec::as_slice);
        assert_eq!(found, own.iter().rev().take(3).cloned().collect::<Vec<_>>());
    }
    let required = Group::query().filter(|g| g.id.le(Id::new(5000))).require_index().with(|g| g.items());
    assert_eq!(required.all(&db).expect("groups").len(), groups.len().min(5000));
}

#[test]
fn a_fault_of_a_record_that_belongs_to_no_row_does_not_count() {
    let (db, ..) = things(4, 40);
    let divided = Group::query().filter(|g| g.id.ne(Id::new(1))).with(|g| {
        g.items()
            .filter(|i| (i.size / i.group.eq(Id::new(1)).then(i.size - i.size).otherwise(i.size + 1)).ge(0))
    });
    assert_eq!(divided.all(&db).expect("no fault of the first group's items").len(), 3);
}

#[test]
fn rows_find_their_own_whether_many_or_few_are_asked_for_and_wherever_their_keys_lie() {
    for apart in [1, 1_000_000_007] {
        let db = Things::in_memory().expect("a database");
        let group = |n: u64| Group { id: Id::new(n * apart), parent: None, rank: n as i64 };
        let groups: Vec<Group> = (1..=40).map(group).collect();
        let item = |n: u64| Item {
            id: Id::new(n),
            group: Id::new((n * n % 40 + 1) * apart),
            other: Some(n % 41).filter(|n| *n > 0).map(|n| Id::new(n * apart)),
            size: n as i64,
            label: format!("i{n}"),
        };
        let items: Vec<Item> = (1..=500).map(item).collect();
        db.write(|tx| {
            tx.insert_all(&groups)?;
            tx.insert_all(&items)
        })
        .expect("records");
        for least in [1, 15, 20, 21, 22, 38] {
            let query =
                Group::query().filter(|g| g.rank.ge(least)).with(|g| (g.items(), g.extras().limit(7)));
            let found = query.all(&db).expect("groups");
            assert_eq!(found.len() as i64, 41 - least);
            for (group, own, extras) in found {
                assert_eq!(own, items_of(&items, group.id));
                let others = items.iter().filter(|item| item.other == Some(group.id)).take(7).cloned();
                assert_eq!(extras, others.collect::<Vec<_>>());
            }
        }
    }
}

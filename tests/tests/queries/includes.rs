//! `with`, compared with the same records put together by hand.

use std::collections::BTreeMap;

use epilog::prelude::*;
use epilog::query::{Continuation, Page};
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

/// What a recursion finds has its own as the records of a collection have, and so have those that it is joined with.
#[test]
fn records_that_a_recursion_found_and_what_they_are_joined_with() {
    let (db, groups, items) = things(20, 80);
    let group = |id: Id<Group>| groups.iter().find(|group| group.id == id).expect("a group");
    let above = |mut at: Id<Group>| {
        let mut found = vec![group(at)];
        while let Some(parent) = group(at).parent {
            found.push(group(parent));
            at = parent;
        }
        found
    };
    let deepest = groups.iter().max_by_key(|group| above(group.id).len()).expect("twenty groups").id;
    assert!(above(deepest).len() > 2, "some are below others");
    let query = || Group::query().filter(|g| g.id.eq(deepest)).recursive(|g| g.parent());
    let expected: Vec<_> = above(deepest)
        .into_iter()
        .map(|found| {
            (found.clone(), items_of(&items, found.id), found.parent.map(|parent| group(parent).clone()))
        })
        .collect();
    let with = query().order_by(|(_, steps)| steps).with(|(g, _)| (g.items(), g.parent()));
    assert_eq!(with.all(&db).expect("groups"), expected);
    let tx = db.read().expect("a snapshot");
    let streamed: Result<Vec<_>, Error> = with.stream(&tx).expect("a stream").collect();
    assert_eq!(streamed.expect("groups"), expected);
    let paged = pages(2, |size, at| with.page(&db, size, at).expect("a page"), false);
    assert_eq!(paged.concat(), expected);
    let root = &with.explain_analyze(&db).expect("an analysis").root;
    assert_eq!(root.actual.map(|actual| actual.rows), Some(expected.len() as u64));

    let joined = query()
        .join::<Item>(|((g, i), _)| i.group.eq(g.id))
        .order_by(|((_, i), steps)| (steps.asc(), i.id.asc()))
        .with(|((g, i), _)| (g.subgroups().order_by(|below| below.id), i.other()));
    let mut pairs = Vec::new();
    for found in above(deepest) {
        let below =
            || groups.iter().filter(|below| below.parent == Some(found.id)).cloned().collect::<Vec<_>>();
        for item in items_of(&items, found.id) {
            let other = item.other.map(|other| group(other).clone());
            pairs.push(((found.clone(), item), below(), other));
        }
    }
    assert!(!pairs.is_empty());
    assert_eq!(joined.all(&db).expect("pairs"), pairs);
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

/// All pages of a query from one end to the other, each with its rows and whether others lie on either side.
fn pages<T>(
    size: usize,
    page: impl Fn(usize, Option<&Continuation>) -> Page<T>,
    is_back: bool,
) -> Vec<Vec<T>> {
    let (mut at, mut pages, mut is_first) = (None, Vec::new(), true);
    loop {
        let Page { items, next, previous } = page(size, at.as_ref());
        let (far, near) = if is_back { (previous, next) } else { (next, previous) };
        assert_eq!(near.is_none(), is_first, "only the first page has nothing in front of it");
        pages.push(items);
        is_first = false;
        match far {
            Some(place) => at = Some(place),
            None => return pages,
        }
    }
}

#[test]
fn pages_have_what_belongs_to_their_rows_either_way() {
    let (db, groups, items) = things(53, 700);
    let query = || Group::query().filter(|g| g.rank.ge(2)).order_by(|g| g.rank.desc());
    let with = query().with(|g| {
        (g.items().order_by(|i| i.id.desc()).limit(4), g.subgroups().with(|s| s.extras()), g.parent())
    });
    let mut expected: Vec<&Group> = groups.iter().filter(|group| group.rank >= 2).collect();
    expected.sort_by_key(|group| (-group.rank, group.id));
    type Below = Vec<(Group, Vec<Item>)>;
    let check = |(group, own, below, parent): &(Group, Vec<Item>, Below, Option<Group>)| {
        let mine = items_of(&items, group.id);
        assert_eq!(*own, mine.into_iter().rev().take(4).collect::<Vec<_>>());
        assert_eq!(parent.as_ref().map(|parent| parent.id), group.parent);
        let subgroups = groups.iter().filter(|one| one.parent == Some(group.id)).cloned();
        for ((subgroup, extras), expected) in below.iter().zip(subgroups.clone()) {
            assert_eq!(*subgroup, expected);
            let others = items.iter().filter(|item| item.other == Some(subgroup.id)).cloned();
            assert_eq!(*extras, others.collect::<Vec<_>>());
        }
        assert_eq!(below.len(), subgroups.count());
    };
    for size in [1, 7, 10, 1000] {
        let forwards = pages(size, |size, at| with.page(&db, size, at).expect("a page"), false);
        assert!(forwards.iter().rev().skip(1).all(|page| page.len() == size));
        let rows: Vec<_> = forwards.into_iter().flatten().collect();
        assert_eq!(rows.iter().map(|(group, ..)| group).collect::<Vec<_>>(), expected);
        rows.iter().for_each(check);
        let backwards = pages(size, |size, at| with.page_before(&db, size, at).expect("a page"), true);
        assert_eq!(backwards.into_iter().rev().flatten().collect::<Vec<_>>(), rows);
    }
    assert_eq!(with.count(&db).expect("groups"), expected.len() as u64);
    assert!(with.exists(&db).expect("groups"));
    assert!(!Group::query().filter(|_| false).with(|g| g.items()).exists(&db).expect("no groups"));

    // A place is that of the query without what belongs to its rows, and of no other.
    let plain = query().page(&db, 5, None).expect("a page");
    let of_with = with.page(&db, 5, None).expect("a page");
    assert_eq!(plain.next, of_with.next);
    let second = with.page(&db, 5, plain.next.as_ref()).expect("a page");
    assert_eq!(second.items.iter().map(|(group, ..)| group).collect::<Vec<_>>(), expected[5..10]);
    let error = Group::query().with(|g| g.items()).page(&db, 5, plain.next.as_ref()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Continuation);
    // What is wrong with what belongs to rows is not the place's fault.
    let required = || Group::query().order_by(|g| g.id).require_index();
    let begun = Group::query().order_by(|g| g.id).page(&db, 5, None).expect("a page");
    let found = required().with(|g| g.items()).page(&db, 5, begun.next.as_ref()).expect("a page by indexes");
    assert_eq!(found.items.len(), 5);
    let divided =
        Group::query().order_by(|g| g.id).with(|g| g.items().filter(|i| (i.size / (i.size - i.size)).eq(1)));
    let error = divided.page(&db, 5, begun.next.as_ref()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Arithmetic);
}

#[test]
fn a_fault_of_what_belongs_to_the_row_behind_a_page_does_not_count() {
    let (db, ..) = things(20, 300);
    let query = Group::query().with(|g| {
        g.items()
            .filter(|i| (i.size / i.group.eq(Id::new(5)).then(i.size - i.size).otherwise(i.size + 1)).ge(0))
    });
    let page = query.page(&db, 4, None).expect("the fifth is not of it");
    assert_eq!(page.items.len(), 4);
    assert_eq!(query.page(&db, 5, None).unwrap_err().kind(), ErrorKind::Arithmetic);
}

#[test]
fn streams_give_what_all_gives() {
    let (db, groups, items) = things(5000, 9000);
    let tx = db.read().expect("a transaction");
    let whole = Group::query().with(|g| (g.items(), g.parent()));
    let few = Group::query().filter(|g| g.rank.eq(3)).with(|g| (g.items(), g.parent()));
    let sorted = Group::query().order_by(|g| (g.rank.desc(), g.id.asc())).with(|g| (g.items(), g.parent()));
    let none = Group::query().filter(|g| g.rank.gt(100)).with(|g| (g.items(), g.parent()));
    for query in [&whole, &few, &sorted, &none] {
        let all = query.all(&tx).expect("groups");
        let streamed: Result<Vec<_>, _> = query.stream(&tx).expect("a stream").collect();
        assert_eq!(streamed.expect("groups"), all);
    }
    let pairs = Item::query()
        .join::<Group>(|(i, g)| i.size.eq(g.rank) & g.id.lt(Id::new(60)))
        .order_by(|(i, g)| (i.id.asc(), g.id.asc()))
        .with(|(i, g)| (g.subgroups(), i.group()));
    let streamed: Result<Vec<_>, _> = pairs.stream(&tx).expect("a stream").collect();
    assert_eq!(streamed.expect("pairs"), pairs.all(&tx).expect("pairs"));
    // The transaction's own records, and a stream beside a stream.
    db.write(|tx| {
        tx.insert(&Item { id: Id::auto(), group: Id::new(1), other: None, size: 0, label: "new".into() })?;
        let mut one = whole.stream(&*tx)?;
        let mut other = sorted.stream(&*tx)?;
        let (group, own, _) = one.next().expect("a group")?;
        assert_eq!((group.id, own.len()), (Id::new(1), items_of(&items, Id::new(1)).len() + 1));
        assert!(other.next().is_some_and(|row| row.is_ok_and(|(group, ..)| group.rank == 8)));
        assert_eq!(one.count() + 1, groups.len());
        Ok(())
    })
    .expect("a commit");
}

#[test]
fn a_stream_ends_with_its_first_error() {
    let (db, ..) = things(900, 4000);
    let tx = db.read().expect("a transaction");
    let handle = epilog::CancelHandle::new();
    let query = Group::query().cancel_with(&handle).with(|g| g.items());
    let mut stream = query.stream(&tx).expect("a stream");
    assert!(stream.next().is_some_and(|row| row.is_ok()));
    handle.cancel();
    let rest: Vec<_> = stream.by_ref().collect();
    let (last, before) = rest.split_last().expect("an error");
    assert!(before.iter().all(Result::is_ok) && before.len() < 900);
    assert_eq!(last.as_ref().unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(stream.next().is_none());
    // A fault of what belongs to a row that comes late does not keep the earlier ones back.
    let divided = Group::query().with(|g| {
        g.items()
            .filter(|i| (i.size / i.group.gt(Id::new(400)).then(i.size - i.size).otherwise(i.size + 1)).ge(0))
    });
    let mut stream = divided.stream(&tx).expect("a stream");
    let came = stream.by_ref().take_while(Result::is_ok).count();
    assert!((64..=400).contains(&came), "{came} groups came before the error");
    assert!(stream.next().is_none());
    let timed = Group::query().timeout(std::time::Duration::ZERO).with(|g| g.items());
    for error in [timed.all(&tx).unwrap_err(), timed.page(&tx, 3, None).unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }
}

#[test]
fn what_is_brought_along_counts_against_the_query_s_memory() {
    let (db, _, items) = things(600, 6000);
    let bytes = items.len() * size_of::<Item>();
    let query = |bytes: usize| Group::query().memory(bytes).with(|g| g.items());
    assert_eq!(query(2 * bytes).all(&db).expect("enough").len(), 600);
    let error = query(bytes / 2).all(&db).expect_err("too much");
    assert_eq!(error.kind(), ErrorKind::Memory);
    assert!(error.to_string().contains("`page` has less of it"), "{error}");
    // Fewer at a time are enough for it.
    let found = pages(40, |size, at| query(bytes / 2).page(&db, size, at).expect("a page"), false);
    assert_eq!(found.iter().flatten().map(|(_, items)| items.len()).sum::<usize>(), items.len());
    let tx = db.read().expect("a transaction");
    let counts: Result<Vec<usize>, Error> =
        query(bytes * 3 / 4).stream(&tx).expect("a stream").map(|row| Ok(row?.1.len())).collect();
    assert_eq!(counts.expect("rows").into_iter().sum::<usize>(), items.len());
    // Records of a relation to one are brought along as well, and so is what belongs to what does.
    let kind = |error: Option<Error>| error.map(|error| error.kind());
    let owners = Item::query().memory(bytes / 4).with(|i| i.group());
    assert_eq!(kind(owners.all(&db).err()), Some(ErrorKind::Memory));
    let nested = Group::query().limit(1).memory(bytes / 2).with(|g| g.subgroups().with(|s| s.items()));
    let all_below = Group::query().memory(bytes / 2).with(|g| g.subgroups().with(|s| s.items()));
    assert_eq!(kind(nested.all(&db).err()), None);
    assert_eq!(kind(all_below.all(&db).err()), Some(ErrorKind::Memory));
}

#[test]
fn an_analysis_tells_of_each_relation() {
    let (db, groups, items) = things(12_000, 30_000);
    let query = Group::query()
        .filter(|g| g.id.le(Id::new(9000)))
        .require_index()
        .with(|g| (g.items().filter(|i| i.size.lt(5)), g.subgroups().limit(1).with(|s| s.parent())));
    let plan = query.explain_analyze(&db).expect("a plan");
    assert_eq!(plan.root.operator, "with");
    let told: Vec<_> = plan.root.children.iter().map(|node| (node.operator, node.detail.as_str())).collect();
    assert_eq!(told[1..], [("belonging", "Item by group"), ("belonging", "Group by parent")]);
    let rows = |at: usize| plan.root.children[at].actual.expect("measured").rows;
    let small = items.iter().filter(|item| item.size < 5 && item.group.get() <= 9000).count();
    assert_eq!((rows(0), rows(1)), (9000, small as u64));
    let parents: std::collections::BTreeSet<_> =
        groups.iter().filter_map(|group| group.parent).filter(|parent| parent.get() <= 9000).collect();
    assert_eq!(rows(2), parents.len() as u64);
    // Three queries of up to 4,096 keys each are told of as one.
    let [of_items] = plan.root.children[1].children.as_slice() else { panic!("one plan: {plan:#}") };
    assert_eq!(of_items.actual.map(|actual| actual.rows), Some(small as u64));
    assert!(plan.root.children[1].actual.is_some_and(|actual| actual.memory > small as u64 * 40));
    assert_eq!(query.all(&db).expect("groups").len(), 9000);
}

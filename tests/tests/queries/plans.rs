//! Plans: which way to the records is taken, as `explain` tells it.

use epilog::prelude::*;
use epilog::query::Query;
use epilog::{PlanAccess, PlanMethod, PlanNode, PlanOperator, PlanQuestion, PlanReads, PlanSet, PlanWay};
use pretty_assertions::assert_eq;

/// Like a table of files: a few thousand records, so that an index pays where it should.
#[derive(Collection, Clone, Debug, PartialEq)]
#[index(kind, size)]
#[index(owner, name, unique)]
pub struct File {
    id: Id<File>,
    #[unique]
    path: String,
    name: String,
    #[unique]
    code: Option<u32>,
    kind: u8,
    #[index]
    size: u32,
    #[index]
    tag: Option<u16>,
    owner: Id<Owner>,
    score: f64,
}

#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(files: File::owner)]
pub struct Owner {
    id: Id<Owner>,
    #[unique]
    name: String,
}

epilog::schema!(pub Disk { File, Owner });

const FILES: u32 = 4000;
const OWNERS: u32 = 200;

fn disk() -> Database<Disk> {
    let db = Disk::in_memory().expect("a database");
    let file = |n: u32| File {
        id: Id::auto(),
        path: format!("/{:02}/{n:05}", n % 100),
        name: format!("file {n}"),
        code: n.is_multiple_of(3).then_some(n),
        kind: (n % 8) as u8,
        size: (u64::from(n) * 2_654_435 % 1_000_003) as u32,
        tag: n.is_multiple_of(2).then_some((n % 1000) as u16),
        owner: Id::new(u64::from(n % OWNERS) + 1),
        score: f64::from(n),
    };
    db.write(|tx| {
        tx.insert_all((0..OWNERS).map(|n| Owner { id: Id::auto(), name: format!("owner {n}") }))?;
        tx.insert_all((0..FILES).map(file))
    })
    .expect("records");
    db
}

/// The plan of a query is as expected, and it finds something that a scan finds too.
#[track_caller]
fn check<O>(db: &Database<Disk>, query: &Query<File, O>, expected: &str) {
    assert_eq!(query.explain(db).expect("a plan").to_string(), expected);
    let found = query.all(db).expect("rows").len() as u64;
    assert_eq!(found, query.count(db).expect("a count"));
}

fn files() -> Query<File, File> {
    File::query()
}

#[test]
fn keys_are_looked_up_and_ranges_of_keys_read() {
    let db = &disk();
    check(db, &files().filter(|f| f.id.eq(Id::new(7))), "key lookup File by id = 7");
    check(db, &files().filter(|f| f.id.in_([Id::new(9), Id::new(3)])), "key lookup File by id in (3, 9)");
    check(
        db,
        &files().filter(|f| f.id.eq(Id::new(9)) | f.id.eq(Id::new(3))),
        "key lookup File by id in (9, 3)",
    );
    check(
        db,
        &files().filter(|f| f.id.between(Id::new(10), Id::new(20))),
        "key range File by id between 10 and 20",
    );
    check(db, &files().filter(|f| f.id.gt(Id::new(3990))).limit(5), "limit 5\n  key range File by id > 3990");
}

#[test]
fn equality_is_looked_up_in_an_index() {
    let db = &disk();
    check(db, &files().filter(|f| f.path.eq("/05/00105")), "index lookup File by path = \"/05/00105\"");
    check(db, &files().filter(|f| f.tag.eq(8)), "index lookup File by tag = 8");
    check(db, &files().filter(|f| f.size.in_([1, 2, 3])), "index lookup File by size in (1, 2, 3)");
    check(db, &files().filter(|f| f.owner.eq(Id::new(5))), "index lookup File by owner = 5");
    // Another test is made of the records found.
    check(
        db,
        &files().filter(|f| f.score.gt(5.0) & f.path.eq("/05/00105")),
        "filter score > 5.0\n  index lookup File by path = \"/05/00105\"",
    );
    check(
        db,
        &files().filter(|f| f.owner.eq(Id::new(5)) & f.name.eq("file 204")),
        "index lookup File by owner = 5 & name = \"file 204\"",
    );
}

#[test]
fn prefixes_and_ranges_are_read_from_an_index() {
    let db = &disk();
    check(
        db,
        &files().filter(|f| f.path.starts_with("/05/0010")),
        "index range File by path starts_with \"/05/0010\"",
    );
    check(
        db,
        &files().filter(|f| f.path.like("/05/0010_")),
        "index range File by path like \"/05/0010_\", entries with path like \"/05/0010_\"",
    );
    check(db, &files().filter(|f| f.size.lt(1000)), "index range File by size < 1000");
    check(
        db,
        &files().filter(|f| f.size.ge(1000) & f.size.lt(3000)),
        "index range File by size >= 1000 & size < 3000",
    );
    // With the first field given, the second is a range of the compound index.
    check(
        db,
        &files().filter(|f| f.kind.eq(3) & f.size.between(5000, 20_000)),
        "index range File by kind = 3 & size between 5000 and 20000",
    );
    check(
        db,
        &files().filter(|f| f.owner.eq(Id::new(5)) & f.name.starts_with("file 2")),
        "index range File by owner = 5 & name starts_with \"file 2\"",
    );
}

#[test]
fn an_index_gives_the_order_if_few_are_wanted() {
    let db = &disk();
    check(db, &files().order_by(|f| f.size).limit(10), "limit 10\n  index scan File by size");
    check(
        db,
        &files().order_by(|f| f.size.desc()).limit(10),
        "limit 10\n  index scan File by size backwards",
    );
    check(db, &files().order_by(|f| f.id.desc()).limit(3), "limit 3\n  scan File backwards");
    check(db, &files().order_by(|f| f.id), "scan File");
    // A sort is cheaper than fetching every record by itself.
    check(db, &files().order_by(|f| f.size), "sort size\n  scan File");
    check(db, &files().order_by(|f| f.score.desc()).limit(10), "top 10 by score desc\n  scan File");
    // Within one kind, the compound index is in the order of the size.
    check(
        db,
        &files().filter(|f| f.kind.eq(3)).order_by(|f| f.size.desc()).limit(4),
        "limit 4\n  index lookup File by kind = 3 backwards",
    );
    check(
        db,
        &files().filter(|f| f.owner.eq(Id::new(5))).order_by(|f| f.name).limit(2),
        "limit 2\n  index lookup File by owner = 5",
    );
}

/// Whichever way is taken to the first by key of an index range: along the keys, or by sorting the ranks found.
#[test]
fn the_first_by_key_of_an_index_range_are_the_first() {
    let db = &disk();
    let all = files().all(db).expect("rows");
    let (mut walked, mut sorted) = (0, 0);
    let mut check = |query: Query<File, File>, expected: Vec<u64>| {
        let plan = query.explain(db).expect("a plan").to_string();
        walked += usize::from(plan.contains("scan File"));
        sorted += usize::from(plan.contains("sorted by key"));
        let found: Vec<u64> = query.all(db).expect("rows").iter().map(|file| file.id.get()).collect();
        assert_eq!(found, expected, "{plan}");
    };
    for below in [0, 100, 1_000, 20_000, 100_000, 500_000, 1_000_003] {
        let mut ids: Vec<u64> =
            all.iter().filter(|file| file.size < below).map(|file| file.id.get()).collect();
        let query = files().filter(|f| f.size.lt(below));
        for limit in [1, 7, 100, 3_000] {
            let first = ids.iter().copied().take(limit as usize).collect();
            check(query.clone().order_by(|f| f.id).limit(limit), first);
            let behind = ids.iter().copied().skip(3).take(limit as usize).collect();
            check(query.clone().order_by(|f| f.id).offset(3).limit(limit), behind);
        }
        ids.reverse();
        for limit in [1, 7, 100, 3_000] {
            let last = ids.iter().copied().take(limit as usize).collect();
            check(query.clone().order_by(|f| f.id.desc()).limit(limit), last);
        }
        check(query.order_by(|f| f.id.desc()), ids);
    }
    assert!(walked > 10 && sorted > 10, "{walked} walked, {sorted} sorted");
}

/// What is in the entries of an index is read there, in the order of the records' keys or of the index.
#[test]
fn what_an_index_holds_is_read_from_its_entries() {
    let db = &disk();
    let all = files().all(db).expect("rows");
    let sizes = |kind: u8| {
        let of_kind = all.iter().filter(move |file| file.kind == kind && file.size != 5000);
        of_kind.map(|file| (file.id, file.size)).collect::<Vec<_>>()
    };
    let of_kind = files().filter(|f| f.kind.eq(3) & f.size.ne(5000));
    let path = "index lookup File by kind = 3, entries with size != 5000";
    let query = of_kind.clone().select(|f| (f.id, f.size));
    assert_eq!(
        query.explain(db).expect("a plan").to_string(),
        format!("project id, [size]\n  {path}, entries only")
    );
    assert_eq!(query.all(db).expect("rows"), sizes(3));
    let mut by_size = sizes(3);
    by_size.sort_by_key(|(id, size)| (*size, *id));
    assert_eq!(query.clone().order_by(|f| f.size).all(db).expect("rows"), by_size);
    by_size.sort_by_key(|(id, size)| (std::cmp::Reverse(*size), *id));
    assert_eq!(query.order_by(|f| f.size.desc()).limit(9).all(db).expect("rows"), by_size[..9]);
    // A record is fetched for no entry that is dropped.
    check(
        db,
        &of_kind.filter(|f| f.size.lt(30_000)),
        "index range File by kind = 3 & size < 30000, entries with size != 5000",
    );
}

/// The least and the greatest value are those at the ends of an index.
#[test]
fn extremes_are_read_at_the_ends_of_an_index() {
    let db = &disk();
    let all = files().all(db).expect("rows");
    let of_kind = || all.iter().filter(|file| file.kind == 3).map(|file| file.size);
    let ends = files().filter(|f| f.kind.eq(3)).aggregate(|g| (g.min(|f| f.size), g.max(|f| f.size)));
    assert_eq!(ends.one(db).expect("a row"), (of_kind().min(), of_kind().max()));
    let plan = ends.explain(db).expect("a plan");
    assert_eq!(plan.operators().iter().filter(|node| node.operator == "limit").count(), 2, "{plan}");
    let tags = files().aggregate(|g| (g.min(|f| f.tag), g.max(|f| f.tag), g.min(|f| f.id)));
    let tag = || all.iter().filter_map(|file| file.tag);
    assert_eq!(tags.one(db).expect("a row"), (tag().min(), tag().max(), Some(Id::new(1))));
    let nothing = files().filter(|f| f.kind.eq(200)).aggregate(|g| g.max(|f| f.size));
    assert_eq!(nothing.one(db).expect("a row"), None);
}

#[test]
fn a_scan_is_taken_where_an_index_would_not_pay() {
    let db = &disk();
    check(db, &files().filter(|f| f.score.gt(100.0)), "filter score > 100.0\n  scan File");
    check(db, &files().filter(|f| f.size.gt(10)), "filter size > 10\n  scan File");
    check(db, &files().filter(|f| f.tag.is_none()), "filter is_none(tag)\n  scan File");
    check(db, &files().filter(|f| f.size.ne(10)), "filter size != 10\n  scan File");
}

#[test]
fn what_cannot_be_is_not_looked_for() {
    let db = &disk();
    check(db, &files().filter(|_| false), "nothing File");
    check(db, &files().filter(|f| f.path.in_(Vec::<String>::new())), "nothing File");
    check(db, &files().filter(|f| f.size.gt(10) & f.size.lt(5)), "nothing File");
}

#[test]
fn relations_are_entered_from_the_selective_end() {
    let db = &disk();
    check(
        db,
        &files().filter(|f| f.owner().name.eq("owner 7")),
        "index lookup File by owner\n  index lookup Owner by owner.name = \"owner 7\", keys only",
    );
    let owners = Owner::query().filter(|o| o.files().any(|f| f.path.eq("/05/00105")));
    assert_eq!(
        owners.explain(db).expect("a plan").to_string(),
        "key lookup Owner by File.owner\n  index lookup File by File.path = \"/05/00105\""
    );
    assert_eq!(owners.count(db).expect("a count"), 1);
}

/// However the records are reached: through an index forwards or backwards, by a sort of all or of the first few.
#[test]
fn what_compares_equal_comes_in_the_order_of_keys() {
    let db = &disk();
    let ids = |query: &Query<File, File>| {
        let found = query.clone().select(|f| (f.tag, f.id)).all(db).expect("rows").into_iter();
        found.map(|(tag, id)| (tag, id.get())).collect::<Vec<_>>()
    };
    let mut expected = ids(&files());
    expected.sort_by_key(|(tag, id)| (std::cmp::Reverse(*tag), *id));
    let descending = files().order_by(|f| f.tag.desc());
    check(db, &descending.clone().limit(30), "limit 30\n  index scan File by tag backwards");
    for count in [1, 2, 3, 4, 5, 30, 3000] {
        assert_eq!(ids(&descending.clone().limit(count)), expected[..count as usize], "the first {count}");
    }
    assert_eq!(ids(&descending.clone().offset(7).limit(6)), expected[7..13]);
    assert_eq!(ids(&descending), expected);
    // Asked for, too; and the other way round.
    assert_eq!(ids(&files().order_by(|f| (f.tag.desc(), f.id)).limit(30)), expected[..30]);
    expected.sort_by_key(|(tag, id)| std::cmp::Reverse((*tag, *id)));
    assert_eq!(ids(&files().order_by(|f| (f.tag.desc(), f.id.desc())).limit(30)), expected[..30]);
    expected.sort_unstable();
    assert_eq!(ids(&files().order_by(|f| f.tag).limit(3000)), expected[..3000]);
    // Among the records of a limit the order before it is forgotten, and an index that goes on has no say.
    let limited = files().order_by(|f| f.size.desc()).limit(50).order_by(|f| f.kind);
    let found = limited.select(|f| (f.kind, f.id)).all(db).expect("rows");
    assert!(found.is_sorted(), "{found:?}");
    let kinds = files().order_by(|f| f.kind).limit(700).select(|f| (f.kind, f.id)).all(db).expect("rows");
    assert!(kinds.is_sorted(), "{kinds:?}");
}

/// Records without a value share the key of a unique index.
#[test]
fn a_unique_index_has_many_records_without_a_value() {
    let db = &disk();
    let query =
        files().filter(|f| f.code.is_none()).order_by(|f| (f.score % 7.0, f.score)).select(|f| f.score);
    let found = query.all(db).expect("rows");
    assert_eq!(found.len() as u32, FILES - FILES.div_ceil(3));
    assert!(found.is_sorted_by_key(|score| (*score as u32 % 7, *score as u32)), "{query:?}");
}

/// Whatever the text: where an index is clearly right, no record is scanned.
#[test]
fn no_scan_where_an_index_is_clearly_right() {
    let db = &disk();
    let queries = [
        files().filter(|f| f.path.eq("/05/00105") & (f.score.gt(1.0) | f.size.lt(10))),
        files().filter(|f| f.path.eq("/05/00105") | f.path.eq("/06/00106")),
        files().filter(|f| f.tag.eq(8)).order_by(|f| f.score),
        files().filter(|f| f.tag.eq(8)).filter(|f| f.kind.ne(0)).order_by(|f| f.id).limit(1),
        files().filter(|f| !(f.size.ge(1000))),
        files().filter(|f| f.owner().id.eq(Id::new(5))),
        files().filter(|f| f.id.le(Id::new(10)) & f.score.ge(0.0)),
        files().order_by(|f| (f.size, f.id)).limit(3),
        files().filter(|f| f.kind.eq(1)).order_by(|f| f.size).limit(3),
        files().filter(|f| f.tag.in_([Some(2), Some(4)]) & f.owner().name.starts_with("owner")),
    ];
    for query in queries {
        let plan = query.explain(db).expect("a plan");
        let scans = plan.operators().iter().filter(|node| node.operator == "scan").count();
        assert_eq!(scans, 0, "{query:?}\n{plan}");
    }
}

/// Two fields that each tell a hundredth of the records from the others, and together a few.
#[derive(Collection, Clone, Debug, PartialEq)]
pub struct Point {
    id: Id<Point>,
    #[index]
    x: u16,
    #[index]
    y: u16,
    weight: i64,
}

epilog::schema!(pub Plane { Point });

#[test]
fn several_indexes_are_combined_where_each_alone_gives_too_much() {
    let db = Plane::in_memory().expect("a database");
    let points: Vec<Point> = (0..40_000)
        .map(|n: u64| Point {
            id: Id::new(n + 1),
            x: (n % 100) as u16,
            y: (n / 100 % 100) as u16,
            weight: (n % 7) as i64,
        })
        .collect();
    db.write(|tx| tx.insert_all(&points)).expect("records");
    type Test = fn(&Point) -> bool;
    let questions: [(Query<Point, Point>, Test, &str); 4] = [
        (
            Point::query().filter(|p| p.x.eq(7) & p.y.eq(9)),
            |p| p.x == 7 && p.y == 9,
            "index intersection Point by x = 7 & y = 9",
        ),
        (
            Point::query()
                .filter(|p| (p.x.eq(7) & p.y.eq(9)) | p.x.eq(200) | p.id.in_([Id::new(5), Id::new(99_999)])),
            |p| (p.x == 7 && p.y == 9) || p.id == Id::new(5),
            "filter (x = 7 & y = 9) | x = 200 | id in (5, 99999)\n  \
             index union Point by (x = 7 & y = 9) | x = 200 | id in (5, 99999)",
        ),
        (
            Point::query().filter(|p| (p.x.eq(7) | p.y.between(3, 3)) & p.weight.eq(2)),
            |p| (p.x == 7 || p.y == 3) && p.weight == 2,
            "filter weight = 2\n  index union Point by x = 7 | y between 3 and 3",
        ),
        (
            Point::query().filter(|p| (p.x.eq(7) | p.weight.eq(3)) & p.y.lt(50)),
            |p| (p.x == 7 || p.weight == 3) && p.y < 50,
            "filter y < 50 & (x = 7 | weight = 3)\n  scan Point",
        ),
    ];
    for (query, holds, plan) in questions {
        let expected: Vec<Point> = points.iter().filter(|point| holds(point)).cloned().collect();
        assert_eq!(query.explain(&db).expect("a plan").to_string(), plan);
        assert_eq!(query.all(&db).expect("records"), expected);
        assert_eq!(query.count(&db).expect("a count"), expected.len() as u64);
        let tx = db.read().expect("a transaction");
        let streamed: Result<Vec<Point>, Error> = query.stream(&tx).expect("a stream").collect();
        assert_eq!(streamed.expect("records"), expected);
        let last = query.order_by(|p| p.id.desc()).limit(3).all(&db).expect("records");
        assert_eq!(last, expected.iter().rev().take(3).cloned().collect::<Vec<_>>());
    }
}

/// A query whose rows come from another one is planned once, whatever its values and those of the other are.
#[test]
fn queries_with_the_rows_of_others_are_kept() {
    let db = &disk();
    let better = |score: f64, files: u64| {
        let by_owner = File::query().filter(move |f| f.score.ge(score)).group_by(|f| f.owner);
        let counts = by_owner.select(|g| (g.key(), g.count()));
        let owners = Owner::query().join_query(counts, |(o, (owner, _))| o.id.eq(owner));
        owners.filter(move |(_, (_, count))| count.gt(files)).select(|(o, (_, count))| (o.id, count))
    };
    let all: Vec<File> = files().all(db).expect("rows");
    let expected = |score: f64, files: u64| {
        let count = |owner| all.iter().filter(|f| f.owner == owner && f.score >= score).count() as u64;
        let owners = (1..=u64::from(OWNERS)).map(Id::<Owner>::new).map(|owner| (owner, count(owner)));
        owners.filter(|(_, count)| *count > files).collect::<Vec<_>>()
    };
    let before = db.stats().plans_made;
    for (score, files) in [(0.0, 3), (2000.0, 9), (1999.0, 10), (3900.0, 0), (1e9, 0)] {
        let mut found = better(score, files).all(db).expect("rows");
        found.sort_unstable();
        assert_eq!(found, expected(score, files), "{score} {files}");
    }
    assert_eq!(db.stats().plans_made - before, 1);
}

/// The rows of one side of `union_all` come before those of the other, each in the order of their keys, by whatever way they are found.
#[test]
fn sides_come_in_the_order_of_their_keys() {
    let db = &disk();
    let sizes = || File::query().select(|f| (f.id, f.size));
    let both = || sizes().union_all(sizes()).filter(|(_, size)| size.lt(20_000));
    let plan = both().explain(db).expect("a plan").to_string();
    assert_eq!(plan.matches("index range File by").count(), 2, "{plan}");
    let all: Vec<File> = files().all(db).expect("rows");
    let few = all.iter().filter(|f| f.size < 20_000).map(|f| (f.id, f.size));
    let expected: Vec<(Id<File>, u32)> = few.clone().chain(few).collect();
    assert_eq!(both().all(db).expect("rows"), expected);
    assert_eq!(both().limit(3).all(db).expect("rows"), expected[..3]);
}

/// The access to records at the bottom of a plan, in types.
fn access(plan: &epilog::Plan) -> PlanAccess {
    let mut accesses = plan.operators().into_iter().filter_map(|node| match &node.kind {
        PlanOperator::Access(access) => Some(access.clone()),
        _ => None,
    });
    accesses.next_back().expect("records are read")
}

#[test]
fn accesses_are_told_in_types() {
    let db = &disk();
    let of = |query: Query<File, File>| access(&query.explain(db).expect("a plan"));
    let all = of(files());
    assert_eq!((all.way, all.collection.as_str(), all.reads), (PlanWay::Scan, "File", PlanReads::Records));
    assert!(all.index.is_none() && all.predicates.is_empty() && !all.backwards);
    assert_eq!(of(files().filter(|f| f.id.eq(Id::new(7)))).way, PlanWay::KeyLookup);
    assert_eq!(of(files().filter(|f| f.id.lt(Id::new(7)))).way, PlanWay::KeyRange);
    assert_eq!(of(files().filter(|_| false)).way, PlanWay::Nothing);

    let found = of(files().filter(|f| f.owner.eq(Id::new(5)) & f.name.eq("file 204")));
    assert_eq!(
        (found.way, found.predicates),
        (PlanWay::IndexLookup, vec!["owner = 5".to_string(), "name = \"file 204\"".to_string()])
    );
    let index = found.index.expect("an index");
    assert_eq!((index.fields, index.unique), (vec!["owner".to_string(), "name".to_string()], true));

    let last = of(files().order_by(|f| f.size.desc()).limit(3));
    assert_eq!((last.way, last.backwards), (PlanWay::IndexScan, true));
    let range = of(files().filter(|f| f.size.lt(500)));
    assert_eq!((range.way, range.predicates), (PlanWay::IndexRange, vec!["size < 500".to_string()]));
    let sizes = access(&files().filter(|f| f.size.lt(500)).select(|f| f.size).explain(db).expect("a plan"));
    assert_eq!(sizes.reads, PlanReads::Entries);

    let either = of(files().filter(|f| f.tag.eq(8) | f.path.eq("/05/00105")));
    assert_eq!(either.way, PlanWay::Union);
    let parts: Vec<_> = either
        .parts
        .iter()
        .map(|part| (part.way, part.index.as_ref().map(|index| index.fields[0].as_str())))
        .collect();
    assert_eq!(parts, [(PlanWay::IndexRange, Some("tag")), (PlanWay::IndexRange, Some("path"))]);
}

#[test]
fn operators_are_told_in_types() {
    let db = &disk();
    let kinds =
        |plan: &epilog::Plan| plan.operators().into_iter().map(|node| node.kind.clone()).collect::<Vec<_>>();

    // Few rows look their partners up: that access is a node of its own, and the text's lines are as many as before.
    let few = Owner::query()
        .filter(|o| o.id.le(Id::new(2)))
        .left_join::<File>(|(o, f)| f.owner.eq(o.id))
        .explain(db)
        .expect("a plan");
    let join: &PlanNode =
        few.operators().into_iter().find(|node| node.operator == "left join").expect("a join");
    let PlanOperator::Join { is_left: true, method: PlanMethod::Index, links, .. } = &join.kind else {
        panic!("{few}: {:?}", join.kind)
    };
    assert_eq!((links[0].inner.as_str(), links[0].outer.as_str()), ("File.owner", "id"));
    let inner = join.inner.as_deref().expect("an access");
    let PlanOperator::Access(access) = &inner.kind else { panic!("{inner:?}") };
    assert_eq!((access.way, access.collection.as_str()), (PlanWay::IndexLookup, "File"));
    assert_eq!(access.index.as_ref().map(|index| index.fields[0].as_str()), Some("owner"));
    assert_eq!(few.to_string().lines().count(), few.operators().len());
    assert!(few.to_json().contains("\"inner\":{\"operator\":\"index lookup\""));

    let top = files()
        .filter(|f| f.score.gt(3.0))
        .order_by(|f| (f.score.desc(), f.tag))
        .limit(5)
        .offset(1)
        .explain(db)
        .expect("a plan");
    let top = kinds(&top);
    let PlanOperator::Top { terms, given: 0, skip: 1, take: Some(4), .. } = &top[0] else {
        panic!("{top:?}")
    };
    assert_eq!((terms[0].value.as_str(), terms[0].descending, terms[1].nulls_first), ("score", true, true));
    assert_eq!(top[1], PlanOperator::Filter { predicates: vec!["score > 3.0".into()] });

    let groups =
        files().group_by(|f| f.kind).select(|g| (g.key(), g.sum(|f| f.score))).explain(db).expect("a plan");
    let groups = kinds(&groups);
    assert_eq!(
        groups[1],
        PlanOperator::Aggregate {
            keys: vec!["kind".into()],
            aggregates: vec!["sum(score)".into()],
            one_by_one: false
        }
    );
    assert!(matches!(&groups[0], PlanOperator::Project { values } if values.len() == 2));

    let sets = files().select(|f| f.name).except(files().select(|f| f.path)).explain(db).expect("a plan");
    let sets = kinds(&sets);
    assert!(sets.iter().any(|kind| matches!(kind, PlanOperator::Set { set: PlanSet::Except, .. })));

    let without = Owner::query().filter(|o| o.files().none(|f| f.kind.eq(3))).explain(db).expect("a plan");
    let without = kinds(&without);
    let is_anti = |kind: &PlanOperator| matches!(kind, PlanOperator::Subquery { asked: PlanQuestion::Anti, collection, .. } if collection == "File");
    assert!(without.iter().any(is_anti), "{without:?}");
    // The same is told of what was measured.
    let measured = files().filter(|f| f.size.lt(500)).explain_analyze(db).expect("a plan");
    let told = files().filter(|f| f.size.lt(500)).explain(db).expect("a plan");
    assert_eq!(kinds(&measured), kinds(&told));
}

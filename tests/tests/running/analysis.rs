//! `explain_analyze`: what is told of each operator; and the forms that a plan can be had in.

use std::sync::Arc;
use std::time::Duration;

use epilog::prelude::*;
use epilog::query::Answers;
use epilog::vfs::MemoryVfs;
use epilog::{CancelHandle, Plan, PlanNode};
use pretty_assertions::assert_eq;

use super::music::{Album, Artist, Track, music};

/// The operators of a plan, what is beneath indented, with the rows that each gave and the batches they came in.
fn told(plan: &Plan) -> String {
    fn tell(node: &PlanNode, depth: usize, out: &mut String) {
        let actual = node.actual.expect("every operator is measured");
        let line =
            format!("{:1$}{2}: {3} in {4}\n", "", depth * 2, node.operator, actual.rows, actual.batches);
        out.push_str(&line);
        node.children.iter().for_each(|child| tell(child, depth + 1, out));
    }
    let mut out = String::new();
    tell(&plan.root, 0, &mut out);
    out
}

/// The plan is the one that `explain` tells; as many rows come out as there are; times add up.
#[track_caller]
fn check<S, O, R: Answers<S>>(from: &R, query: &Query<S, O>, expected: &str) -> Plan {
    let plan = query.explain_analyze(from).expect("a plan");
    assert_eq!(plan.to_string(), query.explain(from).expect("a plan").to_string());
    let rows = query.all(from).expect("rows").len() as u64;
    assert_eq!(plan.root.actual.expect("it is measured").rows, rows);
    for node in plan.operators() {
        let of = |node: &PlanNode| node.actual.expect("every operator is measured");
        let children: Duration = node.children.iter().map(|child| of(child).elapsed).sum();
        assert_eq!(of(node).own, of(node).elapsed.saturating_sub(children), "{plan:#}");
        assert!(of(node).batches <= of(node).rows, "a batch has a row");
    }
    assert_eq!(told(&plan), expected);
    plan
}

#[test]
fn every_operator_tells_its_rows() {
    let db = &music();
    check(db, &Artist::query(), "scan: 4 in 1\n");
    check(
        db,
        &Track::query()
            .filter(|t| t.seconds.gt(300))
            .order_by(|t| t.price.desc())
            .limit(2)
            .select(|t| t.name),
        "project: 2 in 1\n  top: 2 in 1\n    filter: 4 in 1\n      scan: 9 in 1\n",
    );
    // One record by its key has a plan here.
    check(db, &Artist::query().filter(|a| a.name.eq("Saxon")), "index lookup: 1 in 1\n");
    check(db, &Artist::query().filter(|a| a.id.eq(Id::new(99))), "key lookup: 0 in 0\n");
    check(
        db,
        &Track::query().group_by(|t| t.album).select(|g| (g.key(), g.count())),
        "project: 4 in 1\n  aggregate: 4 in 1\n    scan: 9 in 1\n",
    );
    // Along a relation: what rows may point at is found out first.
    check(
        db,
        &Track::query().filter(|t| t.album().year.gt(1980) & t.price.gt(1.0)),
        "among: 2 in 1\n  filter: 4 in 1\n    scan: 9 in 1\n  filter: 2 in 1\n    scan: 5 in 1\n",
    );
    // Pairs of tracks, of which the longer comes first.
    check(
        db,
        &Track::query().join::<Track>(|(one, other)| one.seconds.gt(other.seconds)),
        "project: 36 in 1\n  join: 36 in 1\n    scan: 9 in 1\n    scan: 9 in 1\n    filter: 36 in 1\n",
    );
    // A subquery of which pairs are made.
    check(
        db,
        &Album::query().filter(|al| al.exists::<Track>(|(al, t)| t.album.eq(al.id) & t.name.ne(al.title))),
        "semi join: 4 in 1\n  scan: 5 in 1\n  scan: 9 in 1\n  filter: 9 in 1\n",
    );
}

#[derive(Collection, Clone, Debug, PartialEq)]
pub struct Row {
    id: Id<Row>,
    number: i64,
    #[index]
    group: i64,
    text: String,
}

epilog::schema!(pub Rows { Row });

const ROWS: i64 = 8_000;

/// A database of many times its page cache.
fn rows() -> Database<Rows> {
    rows_in_groups(300, |n| n % 3)
}

fn rows_in_groups(text_len: usize, group: fn(i64) -> i64) -> Database<Rows> {
    let files = MemoryVfs::new();
    let open = || {
        let options = Options::default().cache(256 << 10).background(false);
        Database::<Rows>::open_in(Arc::new(files.clone()), "rows", &options).expect("a database")
    };
    let row = |n: i64| Row {
        id: Id::auto(),
        number: n * 7919 % 100_003,
        group: group(n),
        text: format!("{} {n}", "x".repeat(text_len)),
    };
    open().write(|tx| tx.insert_all((0..ROWS).map(row))).expect("records");
    open()
}

/// What an index has the first term of is read until longer ones follow: in one operation, and in several.
#[test]
fn the_first_by_several_terms_are_found_without_the_rest() {
    // Long ones: what lies on few pages is read as a whole where it is not in memory.
    let db = &rows_in_groups(1200, |n| n * 31 % 400);
    let tx = &db.read().expect("a snapshot");
    let in_memory = &Rows::in_memory().expect("a database");
    in_memory.write(|tx| tx.insert_all(Row::query().all(db)?)).expect("records");
    let first = |limit, offset| {
        Row::query().order_by(|r| (r.group.desc(), r.number.asc())).offset(offset).limit(limit)
    };
    let mut expected = Row::query().all(db).expect("rows");
    expected.sort_by_key(|row| (-row.group, row.number));
    for (limit, offset) in [(1, 0), (10, 0), (10, 15), (15, 10), (20, 20), (300, 150), (7_000, 0)] {
        let wanted = &expected[offset as usize..][..limit as usize];
        assert_eq!(first(limit, offset).all(db).expect("rows"), wanted, "{limit} after {offset}");
        assert_eq!(first(limit, offset).all(in_memory).expect("rows"), wanted, "{limit} after {offset}");
        let streamed = first(limit, offset).stream(tx).expect("rows").collect::<Result<Vec<Row>, Error>>();
        assert_eq!(streamed.expect("rows"), wanted, "{limit} after {offset}");
    }
    for from in [db, in_memory] {
        let plan = first(10, 15).explain_analyze(from).expect("a plan");
        assert_eq!(plan.root.operator, "top");
        let read = plan.root.children[0].actual.expect("it is measured").rows;
        assert!(
            (40..1_000).contains(&read),
            "two groups of twenty, in batches that grow, are enough: {plan:#}"
        );
    }
}

/// Of the records that an offset passes over none is fetched, wherever an operation ends.
#[test]
fn an_offset_passes_over_entries_of_an_index() {
    let db = &rows();
    let tx = &db.read().expect("a snapshot");
    let by_group = |offset| Row::query().order_by(|r| r.group.asc()).offset(offset);
    let mut expected = Row::query().all(db).expect("rows");
    expected.sort_by_key(|row| (row.group, row.id));
    for offset in [0, 1, 1023, 1024, 1025, 7_995, 7_999, 8_000, 9_000] {
        let wanted = &expected[expected.len().min(offset as usize)..];
        let first = &wanted[..wanted.len().min(10)];
        assert_eq!(by_group(offset).limit(10).all(db).expect("rows"), first, "after {offset}");
        let backwards = Row::query().order_by(|r| r.group.desc()).offset(offset).limit(10);
        let ids = |rows: &[Row]| rows.iter().map(|row| (row.group, row.id)).collect::<Vec<_>>();
        let mut reversed = ids(&expected);
        reversed.sort_by_key(|(group, id)| (-group, *id));
        let reversed = reversed.iter().skip(offset as usize).take(10).copied().collect::<Vec<_>>();
        assert_eq!(ids(&backwards.all(db).expect("rows")), reversed, "after {offset}");
        let streamed = by_group(offset).stream(tx).expect("rows").collect::<Result<Vec<Row>, Error>>();
        assert_eq!(streamed.expect("rows"), wanted, "after {offset}");
    }
    let plan = by_group(7_000).limit(10).explain_analyze(db).expect("a plan");
    // In how many batches depends on what the page cache has kept of what came before.
    let given =
        plan.operators().into_iter().map(|node| (node.operator, node.actual.expect("it is measured").rows));
    assert_eq!(given.collect::<Vec<_>>(), [("limit", 10), ("index scan", 10)]);
}

/// What is carried out in several operations adds up, and what does not fit in memory is told.
#[test]
fn what_goes_on_in_another_operation_adds_up() {
    let db = &rows();
    let actual = |plan: &Plan, operator: &str| {
        let found = plan.operators().into_iter().find(|node| node.operator == operator);
        found.and_then(|node| node.actual).unwrap_or_else(|| panic!("no {operator} in {plan:#}"))
    };

    let plan = Row::query().filter(|r| r.number.ge(0)).explain_analyze(db).expect("a plan");
    assert_eq!(actual(&plan, "scan").rows, ROWS as u64);
    assert_eq!(actual(&plan, "filter").rows, ROWS as u64);
    assert_eq!((actual(&plan, "scan").memory, actual(&plan, "scan").spilled), (0, 0));

    let plan = Row::query().order_by(|r| r.text.desc()).explain_analyze(db).expect("a plan");
    let sort = actual(&plan, "sort");
    assert_eq!((sort.rows, actual(&plan, "scan").rows), (ROWS as u64, ROWS as u64));
    // Its rows are 2.4 MB, of which 128 KiB may be in memory.
    assert!(sort.spilled > 2 << 20, "{plan:#}");
    assert!((16 << 10..512 << 10).contains(&sort.memory), "{plan:#}");

    // Groups keep their keys; there are as many as rows, and those that there is no room for are put aside.
    let query = Row::query().group_by(|r| r.text).select(|g| (g.key(), g.count()));
    let plan = query.explain_analyze(db).expect("a plan");
    let groups = actual(&plan, "aggregate");
    assert_eq!(groups.rows, ROWS as u64);
    assert!(groups.spilled > 2 << 20, "{plan:#}");
    assert!((16 << 10..512 << 10).contains(&groups.memory), "{plan:#}");

    // Ranks of an index, put in order: 16 bytes each.
    let query = Row::query().filter(|r| r.group.eq(1)).order_by(|r| r.id.desc()).require_index();
    let plan = query.explain_analyze(db).expect("a plan");
    let path = actual(&plan, "index lookup");
    assert_eq!(path.rows, 2667, "{plan:#}");
    assert!((16 * 1024..16 * 8000).contains(&path.memory), "{plan:#}");

    // A hash table of all rows.
    let query = Row::query().join::<Row>(|(one, other)| one.number.eq(other.number));
    let plan = query.explain_analyze(db).expect("a plan");
    assert!(actual(&plan, "join").memory > 8 * ROWS as u64, "{plan:#}");
    assert_eq!(actual(&plan, "join").rows, ROWS as u64);
}

/// Within a write transaction, too; and it can be ended like the query itself.
#[test]
fn an_analysis_reads_what_its_transaction_sees() {
    let db = &music();
    db.write(|tx| {
        tx.insert(&Artist { id: Id::auto(), name: "Zappa".into() })?;
        check(tx, &Artist::query(), "scan: 5 in 1\n");
        Ok(())
    })
    .expect("a commit");
    let handle = CancelHandle::new();
    handle.cancel();
    let error = Track::query().cancel_with(&handle).explain_analyze(db).expect_err("cancelled");
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    let query = Track::query().timeout(Duration::ZERO);
    assert_eq!(query.explain_analyze(db).expect_err("no time").kind(), ErrorKind::TimedOut);
    // A fault is an error as it is of the query.
    let error = Track::query().select(|t| t.seconds / (t.seconds - 174)).explain_analyze(db).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Arithmetic);
}

/// A text that would end what it stands in, in each of the forms.
const HOSTILE: &str = "</script><b onload=x>\"' & \\ `#;` [\n] --> \u{2028}\u{7}";

#[test]
fn texts_of_a_query_stay_texts() {
    let db = &music();
    let plan = Track::query().filter(|t| t.name.eq(HOSTILE)).explain_analyze(db).expect("a plan");

    let json = plan.to_json();
    assert!(json.is_ascii() && !json.contains(['<', '>', '&', '\n', '\u{7}']), "{json}");
    assert!(json.contains("\\u003c/script\\u003e"), "{json}");

    let chart = plan.to_mermaid();
    // Nothing that a label could end by, but where labels do.
    for line in chart.lines().skip(1) {
        let quotes = line.matches('"').count();
        assert_eq!(quotes, 2, "{line}");
        let label = line.split('"').nth(1).expect("a label").replace("<br/>", "");
        assert!(!label.contains(['<', '>', '&', '[', ']', '`', '\\']), "{label}");
    }
    assert!(chart.contains("#60;/script#62;"), "{chart}");

    let page = plan.to_html();
    assert!(!page.contains("</script") && !page.contains("<b onload"), "{page}");
    assert!(page.contains("&lt;/script&gt;&lt;b onload=x&gt;"), "{page}");
    // It asks for nothing.
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("<script"), "{page}");
}

/// The page without what differs from run to run.
fn without_times(page: &str) -> String {
    let mut out = String::new();
    for line in page.lines().skip_while(|line| *line != "<h1>Query plan</h1>") {
        let line = match (line.find("<span class=\"kept\">"), line.find("width:")) {
            (Some(at), _) | (_, Some(at)) => &line[..at],
            _ if line.contains(" A bar is ") => line.split(" in ").next().unwrap_or_default(),
            _ => line,
        };
        out.push_str(line);
        out.push('\n');
    }
    out
}

#[test]
fn a_plan_has_several_forms() {
    let db = &music();
    let query = Track::query().filter(|t| t.album().title.eq("Live") | t.seconds.gt(600)).select(|t| t.name);
    let plan = query.explain(db).expect("a plan");
    let json = concat!(
        r#"{"operator":"project","detail":"name","rows":367,"children":[{"operator":"filter","#,
        r#""detail":"album.title = \"Live\" | seconds \u003e 600","rows":367,"children":["#,
        r#"{"operator":"lookup","detail":"Album by album","rows":1000,"children":["#,
        r#"{"operator":"scan","detail":"Track","rows":1000,"alternatives":["#,
        r#"{"way":"scan Track","cost_ns":63400,"taken":true,"reason":"costs least"},"#,
        r#"{"way":"index of Track by name, price","cost_ns":null,"taken":false,"#,
        r#""reason":"nothing is asked of `name`, its first field"},"#,
        r#"{"way":"index of Track by album","cost_ns":null,"taken":false,"#,
        r#""reason":"nothing is asked of `album`, its first field"}],"children":[]}]}]}]}"#,
    );
    assert_eq!(plan.to_json(), json);
    let chart = r##"flowchart BT
    n0["project name<br/>about 367 rows"]
    n1["filter album.title = #34;Live#34; #124; seconds #62; 600<br/>about 367 rows"]
    n2["lookup Album by album<br/>about 1000 rows"]
    n3["scan Track<br/>about 1000 rows"]
    n3 --> n2
    n2 --> n1
    n1 --> n0
"##;
    assert_eq!(plan.to_mermaid(), chart);
    let plan = query.explain_analyze(db).expect("a plan");
    let page = r#"<h1>Query plan</h1>
<p>2 rows
<ul>
<li><b>project</b> <code>name</code><span class="rows">about 367 rows, 2 were, in 1 batch</span><span class="off">183 times fewer than expected</span>
<div class="bar"><i style="
<ul>
<li><b>filter</b> <code>album.title = &quot;Live&quot; | seconds &gt; 600</code><span class="rows">about 367 rows, 2 were, in 1 batch</span><span class="off">183 times fewer than expected</span>
<div class="bar"><i style="
<ul>
<li><b>lookup</b> <code>Album by album</code><span class="rows">about 1000 rows, 9 were, in 1 batch</span><span class="off">111 times fewer than expected</span>
<div class="bar"><i style="
<ul>
<li><b>scan</b> <code>Track</code><span class="rows">about 1000 rows, 9 were, in 1 batch</span><span class="off">111 times fewer than expected</span>
<div class="bar"><i style="
<details><summary>Why this way</summary>
<ul>
<li>taken: scan Track, 64 µs: costs least</li>
<li>not index of Track by name, price: nothing is asked of `name`, its first field</li>
<li>not index of Track by album: nothing is asked of `album`, its first field</li>
</ul></details></li>
</ul></li>
</ul></li>
</ul></li>
</ul>
</body>
</html>
"#;
    assert_eq!(without_times(&plan.to_html()), page);
    // The chart has what was measured, too.
    let chart = plan.to_mermaid();
    assert!(
        chart.contains("n3 -->|\"9\"| n2") && chart.contains("<br/>about 1000 rows, 9 were, "),
        "{chart}"
    );
    // And the text, where it is asked for.
    let text = format!("{plan:#}");
    assert!(text.contains("scan Track (about 1000 rows; 9 in 1 batch, "), "{text}");
}

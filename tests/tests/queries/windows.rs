//! Windows: random ones beside SQLite's answers, and claims about what surrounds them.
//!
//! `windows.txt` holds what SQLite 3.40.1 answered to the first of the random questions. Where there is a program `sqlite3`, it is
//! asked as well: `EPILOG_SQLITE=400 cargo test -p epilog-tests --test queries windows` asks so many, and
//! `EPILOG_SQLITE=write` writes the file anew.

use std::env;
use std::io::Write;
use std::process::{Command, Stdio};

use epilog::prelude::*;
use epilog::query::{Window, Windowed};
use epilog_tests::random::Random;
use pretty_assertions::assert_eq;

use super::music::{Album, Artist, Track, music};

#[derive(Collection, Clone, Debug, PartialEq)]
struct Sample {
    #[key]
    id: u32,
    part: Option<i32>,
    grade: Option<i64>,
    value: Option<i64>,
    /// Quarters: sums of them are exact in any order.
    weight: f64,
    name: Option<String>,
}

epilog::schema!(Samples { Sample });

/// So many questions have their answers in the file.
const KEPT: u64 = 48;

const ANSWERS: &str = include_str!("windows.txt");

fn samples(count: u32) -> Vec<Sample> {
    let mut random = Random::new(17);
    let mut optional = |bound: u64| {
        let value = random.below(bound) as i64;
        (random.below(5) > 0).then_some(value)
    };
    (1..=count)
        .map(|id| Sample {
            id,
            part: optional(3).map(|part| part as i32),
            grade: optional(4),
            value: optional(40).map(|value| value - 15),
            weight: optional(64).unwrap_or(7) as f64 / 4.0,
            name: optional(9)
                .map(|name| ["", "a", "ab", "b", "ba", "bb", "c", "z", "Z"][name as usize].into()),
        })
        .collect()
}

fn database(samples: &[Sample]) -> Database<Samples> {
    let db = Samples::in_memory().expect("a database");
    db.write(|tx| tx.insert_all(samples.to_vec())).expect("records");
    db
}

/// The same records in SQL.
fn script(samples: &[Sample]) -> String {
    fn sql<T: ToString>(value: Option<T>) -> String {
        value.map_or("NULL".into(), |value| value.to_string())
    }
    let mut script = String::from(
        "CREATE TABLE s (id INTEGER PRIMARY KEY, part, grade, value, weight REAL, name TEXT);\n",
    );
    for sample in samples {
        let Sample { id, part, grade, value, weight, name } = sample;
        let name = sql(name.as_ref().map(|name| format!("'{name}'")));
        script.push_str(&format!(
            "INSERT INTO s VALUES ({id}, {}, {}, {}, {weight:?}, {name});\n",
            sql(*part),
            sql(*grade),
            sql(*value)
        ));
    }
    script
}

type Fields = SampleFields<Sample>;

/// A random window, and its `OVER`. Where it is `total`, no two rows are peers.
fn over(random: &mut Random, s: Fields, w: &Window<Sample>, total: bool) -> (Window<Sample>, String) {
    let (w, partition) = match random.below(5) {
        0 => (w.clone(), ""),
        1 => (w.partition_by(s.part), "PARTITION BY part "),
        2 => (w.partition_by((s.part, s.grade)), "PARTITION BY part, grade "),
        3 => (w.partition_by(s.id % 3), "PARTITION BY id % 3 "),
        _ => (w.partition_by(s.name), "PARTITION BY name "),
    };
    let peers = if total { 0 } else { 5 };
    let (w, order) = match random.below(5 + peers) {
        0 => (w.order_by(s.id), "ORDER BY id"),
        1 => (w.order_by(s.id.desc()), "ORDER BY id DESC"),
        2 => (w.order_by((s.grade.desc(), s.id)), "ORDER BY grade DESC, id"),
        3 => (w.order_by((s.value.asc().nulls_last(), s.id)), "ORDER BY value NULLS LAST, id"),
        4 => (w.order_by((s.name, s.weight.desc(), s.id)), "ORDER BY name, weight DESC, id"),
        5 => (w, ""),
        6 => (w.order_by(s.grade), "ORDER BY grade"),
        7 => (w.order_by(s.grade.desc().nulls_first()), "ORDER BY grade DESC NULLS FIRST"),
        8 => (w.order_by((s.name.desc(), s.part)), "ORDER BY name DESC, part"),
        _ => (w.order_by(s.weight), "ORDER BY weight"),
    };
    let mut bound = |unbounded: bool| {
        if random.below(4) == 0 && unbounded { None } else { Some(random.below(7) as i64 - 3) }
    };
    let (start, end) = (bound(true), bound(true));
    // SQLite refuses frames that cannot but be empty.
    let refused = start.zip(end).is_some_and(|(start, end)| start > 0 && end <= 0 || start == 0 && end < 0);
    let text = |at: Option<i64>, unbounded: &str| match at {
        None => format!("UNBOUNDED {unbounded}"),
        Some(0) => "CURRENT ROW".into(),
        Some(at) if at < 0 => format!("{} PRECEDING", -at),
        Some(at) => format!("{at} FOLLOWING"),
    };
    let ends = format!("BETWEEN {} AND {}", text(start, "PRECEDING"), text(end, "FOLLOWING"));
    let to = |at: Option<i64>| at.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Included);
    let range = (to(start), to(end));
    let (w, frame) = match random.below(4) {
        // Without an order rows are told apart by nothing.
        1 | 2 if !refused && total => (w.rows(range), format!(" ROWS {ends}")),
        3 if !refused && !order.is_empty() => (w.groups(range), format!(" GROUPS {ends}")),
        _ => (w, String::new()),
    };
    (w, format!("OVER ({partition}{order}{frame})"))
}

/// The answers to a random question, by row, and the question in SQL.
fn ask(db: &Database<Samples>, seed: u64) -> (Vec<String>, String) {
    let mut random = Random::new(seed);
    let mut columns = Vec::new();
    let query = Sample::query().window(|s, w| {
        (
            number(&mut random, &mut columns, s, &w),
            value(&mut random, &mut columns, s, &w),
            measure(&mut random, &mut columns, s, &w),
            mean(&mut random, &mut columns, s, &w),
            sum(&mut random, &mut columns, s, &w),
            text(&mut random, &mut columns, s, &w),
        )
    });
    let columns = columns.join(", ");
    let (query, sql) = match random.below(3) {
        // What is asked of a window afterwards changes nothing in it.
        0 => {
            let most = random.below(5);
            let query = query.filter(|(s, (number, ..))| number.le(most) & s.grade.is_some());
            let sql = format!("SELECT * FROM (SELECT id, grade, {columns} FROM s)")
                + &format!(" WHERE n_ <= {most} AND grade IS NOT NULL ORDER BY id;");
            let named = "SELECT id, n_, v_, m_, a_, s_, t_";
            (query, sql.replacen("SELECT *", named, 1))
        }
        // What is asked before does.
        1 => {
            let least = random.below(20) as i64 - 10;
            let query = Sample::query().filter(|s| s.value.gt(least)).window(|s, w| {
                let mut random = Random::new(seed);
                let mut ignored = Vec::new();
                (
                    number(&mut random, &mut ignored, s, &w),
                    value(&mut random, &mut ignored, s, &w),
                    measure(&mut random, &mut ignored, s, &w),
                    mean(&mut random, &mut ignored, s, &w),
                    sum(&mut random, &mut ignored, s, &w),
                    text(&mut random, &mut ignored, s, &w),
                )
            });
            (query, format!("SELECT id, {columns} FROM s WHERE value > {least} ORDER BY id;"))
        }
        _ => (query, format!("SELECT id, {columns} FROM s ORDER BY id;")),
    };
    let rows = query.select(|(s, (a, b, c, d, e, f))| (s.id, a, b, c, d, e, f)).all(db).expect("an answer");
    let rows = rows.into_iter().map(|(id, number, value, measure, mean, sum, text)| {
        let or_null = |value: Option<String>| value.unwrap_or_else(|| "NULL".into());
        let value = or_null(value.map(|value| value.to_string()));
        let mean = or_null(mean.map(|mean| format!("{mean:.9}")));
        format!("{id}|{number}|{value}|{measure:.9}|{mean}|{sum}|{}", or_null(text))
    });
    (rows.collect(), sql)
}

fn column<T>(
    columns: &mut Vec<String>,
    windowed: Windowed<Sample, T>,
    function: &str,
    over: &str,
    name: &str,
) -> Windowed<Sample, T> {
    columns.push(format!("{} AS {name}", function.replace("OVER", over)));
    windowed
}

fn number(
    random: &mut Random,
    columns: &mut Vec<String>,
    s: Fields,
    w: &Window<Sample>,
) -> Windowed<Sample, u64> {
    let (total, peers) = (over(random, s, w, true), over(random, s, w, false));
    let buckets = 1 + random.below(6);
    let (value, function, over) = match random.below(6) {
        0 => (total.0.row_number(), "row_number() OVER".into(), total.1),
        1 => (peers.0.rank(), "rank() OVER".into(), peers.1),
        2 => (peers.0.dense_rank(), "dense_rank() OVER".into(), peers.1),
        3 => (total.0.ntile(buckets), format!("ntile({buckets}) OVER"), total.1),
        4 => (total.0.count(), "count(*) OVER".into(), total.1),
        _ => (peers.0.count(), "count(*) OVER".into(), peers.1),
    };
    column(columns, value, &function, &over, "n_")
}

fn value(
    random: &mut Random,
    columns: &mut Vec<String>,
    s: Fields,
    w: &Window<Sample>,
) -> Windowed<Sample, Option<i64>> {
    let (total, peers) = (over(random, s, w, true), over(random, s, w, false));
    let by = random.below(4);
    let (value, function, over) = match random.below(8) {
        0 => (total.0.lag(s.value, by), format!("lag(value, {by}) OVER"), total.1),
        1 => (total.0.lead(s.value, by), format!("lead(value, {by}) OVER"), total.1),
        2 => (total.0.first_value(s.value), "first_value(value) OVER".into(), total.1),
        3 => (total.0.last_value(s.value), "last_value(value) OVER".into(), total.1),
        4 => (total.0.nth_value(s.value, by + 1), format!("nth_value(value, {}) OVER", by + 1), total.1),
        5 => (total.0.min(s.value), "min(value) OVER".into(), total.1),
        6 => (total.0.max(s.value), "max(value) OVER".into(), total.1),
        _ => (peers.0.max(s.value), "max(value) OVER".into(), peers.1),
    };
    column(columns, value, &function, &over, "v_")
}

fn measure(
    random: &mut Random,
    columns: &mut Vec<String>,
    s: Fields,
    w: &Window<Sample>,
) -> Windowed<Sample, f64> {
    let (total, peers) = (over(random, s, w, true), over(random, s, w, false));
    let (value, function, over) = match random.below(4) {
        0 => (peers.0.percent_rank(), "percent_rank() OVER", peers.1),
        1 => (peers.0.cume_dist(), "cume_dist() OVER", peers.1),
        2 => (total.0.sum(s.weight), "coalesce(sum(weight) OVER, 0)", total.1),
        _ => (peers.0.sum(s.weight), "coalesce(sum(weight) OVER, 0)", peers.1),
    };
    column(columns, value, &format!("printf('%.9f', {function})"), &over, "m_")
}

fn mean(
    random: &mut Random,
    columns: &mut Vec<String>,
    s: Fields,
    w: &Window<Sample>,
) -> Windowed<Sample, Option<f64>> {
    let (total, peers) = (over(random, s, w, true), over(random, s, w, false));
    let (value, function, over) = match random.below(5) {
        0 => (total.0.avg(s.value), "avg(value) OVER", total.1),
        1 => (peers.0.avg(s.value), "avg(value) OVER", peers.1),
        2 => (total.0.avg(s.weight), "avg(weight) OVER", total.1),
        3 => (total.0.min(s.weight), "min(weight) OVER", total.1),
        _ => (total.0.lead(s.weight, 2), "lead(weight, 2) OVER", total.1),
    };
    let printed = format!("CASE WHEN {function} IS NULL THEN NULL ELSE printf('%.9f', {function}) END");
    column(columns, value, &printed, &over, "a_")
}

fn sum(
    random: &mut Random,
    columns: &mut Vec<String>,
    s: Fields,
    w: &Window<Sample>,
) -> Windowed<Sample, i64> {
    let total = random.below(2) == 0;
    let (w, over) = over(random, s, w, total);
    column(columns, w.sum(s.value), "coalesce(sum(value) OVER, 0)", &over, "s_")
}

fn text(
    random: &mut Random,
    columns: &mut Vec<String>,
    s: Fields,
    w: &Window<Sample>,
) -> Windowed<Sample, Option<String>> {
    let (total, peers) = (over(random, s, w, true), over(random, s, w, false));
    let (value, function, over) = match random.below(4) {
        0 => (total.0.lag(s.name, 1), "lag(name) OVER", total.1),
        1 => (total.0.min(s.name), "min(name) OVER", total.1),
        2 => (peers.0.max(s.name), "max(name) OVER", peers.1),
        _ => (total.0.last_value(s.name), "last_value(name) OVER", total.1),
    };
    column(columns, value, function, &over, "t_")
}

/// What the program `sqlite3` answers to each question; `None` where there is no such program.
fn sqlite(samples: &[Sample], questions: &[String]) -> Option<Vec<Vec<String>>> {
    let mut program = Command::new("sqlite3")
        .args(["-batch", "-list", "-nullvalue", "NULL"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let mut script = script(samples);
    for question in questions {
        script.push_str(question);
        script.push_str("\nSELECT '#';\n");
    }
    let mut input = program.stdin.take().expect("it is piped");
    // It answers before it has read everything.
    let writer = std::thread::spawn(move || input.write_all(script.as_bytes()));
    let output = program.wait_with_output().expect("sqlite3 ends");
    writer.join().expect("a thread of ours").expect("sqlite3 reads what it is asked");
    assert!(output.status.success(), "sqlite3 failed");
    let text = String::from_utf8(output.stdout).expect("text");
    let mut answers: Vec<Vec<String>> = vec![Vec::new()];
    for line in text.lines() {
        match line {
            "#" => answers.push(Vec::new()),
            line => answers.last_mut().expect("never empty").push(line.into()),
        }
    }
    answers.pop();
    assert_eq!(answers.len(), questions.len(), "an answer to each");
    Some(answers)
}

/// An answer as it is in the file.
fn written(rows: &[String]) -> String {
    if rows.is_empty() { "no rows".into() } else { rows.join("\n") }
}

#[test]
fn random_windows_are_as_sqlite_has_them() {
    let samples = samples(30);
    let db = database(&samples);
    let asked = env::var("EPILOG_SQLITE").ok();
    if asked.as_deref() == Some("write") {
        let questions: Vec<String> = (0..KEPT).map(|seed| ask(&db, seed).1).collect();
        let answers = sqlite(&samples, &questions).expect("the program sqlite3");
        let text: Vec<String> =
            questions.iter().zip(answers).map(|(sql, rows)| format!("{sql}\n{}\n", written(&rows))).collect();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/queries/windows.txt");
        std::fs::write(path, text.join("\n")).expect("the file of this test");
        return;
    }
    let mut kept = 0;
    for (seed, block) in ANSWERS.split("\n\n").enumerate() {
        let (sql, rows) = block.trim_end().split_once('\n').expect("a question and its answer");
        let (got, question) = ask(&db, seed as u64);
        assert_eq!(sql, question, "question {seed} is another: write the file anew");
        assert_eq!(written(&got), rows, "question {seed}:\n{sql}");
        kept += 1;
    }
    assert_eq!(kept, KEPT);
    let count = asked.map_or(100, |count| count.parse::<u64>().expect("EPILOG_SQLITE is a number"));
    let (got, questions): (Vec<_>, Vec<_>) = (KEPT..KEPT + count).map(|seed| ask(&db, seed)).unzip();
    if let Some(answers) = sqlite(&samples, &questions) {
        for (at, answer) in answers.into_iter().enumerate() {
            assert_eq!(got[at], answer, "question {}:\n{}", KEPT + at as u64, questions[at]);
        }
    }
}

#[test]
fn rows_keep_their_order_and_what_comes_out() {
    let db = music();
    let tracks = || Track::query().filter(|t| t.seconds.gt(200));
    let numbered = || tracks().window(|t, w| w.partition_by(t.album).order_by(t.seconds.desc()).row_number());
    assert_eq!(numbered().all(&db).expect("records"), tracks().all(&db).expect("records"));
    assert_eq!(numbered().count(&db).expect("a count"), tracks().count(&db).expect("a count"));
    assert_eq!(numbered().first(&db).expect("a record"), tracks().first(&db).expect("a record"));
    let ordered = || tracks().order_by(|t| (t.name.desc(), t.id));
    let named = ordered().select(|t| t.name);
    let windowed = named.clone().window(|t, w| w.order_by(t.id).rank());
    assert_eq!(windowed.all(&db).expect("names"), named.all(&db).expect("names"));
    // Rows that no order tells apart are numbered as they come.
    let places = ordered().window(|_, w| w.row_number()).select(|(_, place)| place).all(&db).expect("places");
    assert!(places.iter().copied().eq(1..=places.len() as u64), "{places:?}");
}

/// What plain Rust makes of the tracks.
fn tracks(db: &Database<super::music::Music>) -> Vec<Track> {
    Track::query().all(db).expect("tracks")
}

#[test]
fn windows_are_of_windows_and_go_with_joins_groups_and_subqueries() {
    let db = music();
    let all = tracks(&db);
    let before = |track: &Track| all.iter().filter(|other| other.id < track.id).collect::<Vec<_>>();
    let so_far = |track: &Track| before(track).iter().map(|other| other.seconds).sum::<u32>() + track.seconds;

    // A window of a window's values, and one over both.
    let twice = Track::query()
        .window(|t, w| w.order_by(t.id).sum(t.seconds))
        .window(|(_, so_far), w| (w.order_by(so_far).lag(so_far, 1), w.order_by(so_far.desc()).row_number()))
        .select(|((t, so_far), (before, from_last))| (t.id, so_far, before, from_last));
    let expected: Vec<_> = (0..all.len())
        .map(|at| {
            let before = at.checked_sub(1).map(|at| so_far(&all[at]).into());
            (all[at].id, u64::from(so_far(&all[at])), before, (all.len() - at) as u64)
        })
        .collect();
    assert_eq!(twice.all(&db).expect("rows"), expected);

    // A join behind a window, and one before it.
    let first = Track::query()
        .window(|t, w| w.partition_by(t.album).order_by(t.position).row_number())
        .join::<Album>(|((t, al), place)| t.album.eq(al.id) & place.eq(1))
        .order_by(|((t, _), _)| t.id)
        .select(|((t, al), place)| (t.name, al.title, place));
    let is_first = |track: &&Track| {
        !all.iter().any(|other| other.album == track.album && other.position < track.position)
    };
    let expected: Vec<String> = all.iter().filter(is_first).map(|track| track.name.clone()).collect();
    let found = first.all(&db).expect("rows");
    assert_eq!(found.iter().map(|(name, ..)| name.clone()).collect::<Vec<_>>(), expected);
    assert!(found.iter().all(|(_, _, place)| *place == 1));
    let per_artist = Track::query()
        .join::<Artist>(|(t, ar)| t.album().artist.eq(ar.id))
        .window(|(t, ar), w| w.partition_by(ar.id).order_by((t.seconds.desc(), t.id)).row_number())
        .filter(|(_, place)| place.eq(1))
        .order_by(|((_, ar), _)| ar.id)
        .select(|((t, ar), _)| (ar.name, t.seconds));
    let longest = Track::query()
        .group_by(|t| (t.album().artist, t.album().artist().name))
        .order_by(|g| g.key().0)
        .select(|g| (g.key().1, g.max(|t| t.seconds)));
    let longest: Vec<_> = longest.all(&db).expect("groups");
    let expected: Vec<_> = longest.into_iter().map(|(name, most)| (name, most.expect("a track"))).collect();
    assert_eq!(per_artist.all(&db).expect("rows"), expected);

    // Groups by what a window has calculated, and windows over groups.
    let halves = Track::query()
        .window(|t, w| w.order_by((t.seconds, t.id)).ntile(2))
        .group_by(|(_, half)| half)
        .order_by(|g| g.key())
        .select(|g| (g.key(), g.count(), g.max(|(t, _)| t.seconds)))
        .all(&db)
        .expect("groups");
    let mut seconds: Vec<u32> = all.iter().map(|track| track.seconds).collect();
    seconds.sort_unstable();
    let lower = seconds.len().div_ceil(2);
    let upper = (seconds.len() - lower) as u64;
    assert_eq!(halves, [(1, lower as u64, Some(seconds[lower - 1])), (2, upper, seconds.last().copied())]);
    let ranked = Track::query()
        .group_by(|t| t.album)
        .window(|g, w| (w.order_by(g.count().desc()).dense_rank(), w.sum(g.count())))
        .filter(|(g, (rank, _))| rank.eq(1) & g.count().gt(0))
        .order_by(|(g, _)| g.key())
        .select(|(g, (_, total))| (g.key(), g.count(), total))
        .all(&db)
        .expect("groups");
    let counted = |album: Id<Album>| all.iter().filter(|track| track.album == album).count() as u64;
    let most = all.iter().map(|track| counted(track.album)).max().expect("a track");
    assert!(!ranked.is_empty());
    for (album, count, total) in ranked {
        assert_eq!((count, total), (most, all.len() as u64));
        assert_eq!(count, counted(album));
    }

    // A subquery that asks about a window's value.
    let early = Track::query()
        .window(|t, w| w.order_by(t.id).row_number())
        .filter(|(t, _)| t.exists::<Album>(|((_, al), place)| al.title.eq("Killers") & place.le(3)))
        .select(|(t, _)| t.id);
    assert_eq!(early.all(&db).expect("rows"), all[..3].iter().map(|track| track.id).collect::<Vec<_>>());
}

#[test]
fn limits_for_each_key_keep_the_first() {
    let db = music();
    let all = tracks(&db);
    for count in 0..4 {
        let kept = Track::query().order_by(|t| (t.seconds.desc(), t.id)).limit_per(|t| t.album, count);
        let mut expected = all.clone();
        expected.sort_by_key(|track| (std::cmp::Reverse(track.seconds), track.id));
        let mut seen = Vec::new();
        expected.retain(|track| {
            seen.push(track.album);
            seen.iter().filter(|album| **album == track.album).count() as u64 <= count
        });
        assert_eq!(kept.all(&db).expect("records"), expected);
        assert_eq!(kept.count(&db).expect("a count"), expected.len() as u64);
        let tx = db.read().expect("a snapshot");
        let streamed = kept.stream(&tx).expect("a stream").collect::<Result<Vec<_>, _>>().expect("records");
        assert_eq!(streamed, expected);
    }
    let albums = Album::query().distinct_by(|al| (al.artist, al.year.is_some())).count(&db).expect("a count");
    let keys: std::collections::BTreeSet<_> = Album::query()
        .all(&db)
        .expect("albums")
        .into_iter()
        .map(|al| (al.artist, al.year.is_some()))
        .collect();
    assert_eq!(albums, keys.len() as u64);
    // What is left over can be deleted.
    let newest = Track::query().order_by(|t| t.id.desc()).limit_per(|t| t.album, 1);
    let count = newest.count(&db).expect("a count");
    let deleted = db.write(|tx| {
        Artist::query().count(&*tx)?;
        super::music::Sale::query().delete().run(tx)?;
        newest.delete().run(tx)
    });
    assert_eq!(deleted.expect("a deletion"), count);
    assert_eq!(tracks(&db).len() as u64, all.len() as u64 - count);
}

#[test]
fn a_filter_on_the_key_of_partitions_goes_through_the_index() {
    let db = music();
    let query = Track::query()
        .window(|t, w| w.partition_by(t.album).order_by(t.seconds).row_number())
        .filter(|(t, place)| t.album.eq(Id::new(2)) & place.le(2));
    let plan = query.explain(&db).expect("a plan").to_string();
    let expected = "filter [row_number()] <= 2\n  window row_number() by album order seconds\n    index lookup Track by album = 2";
    assert_eq!(plan, expected);
}

//! JSON as fields: what comes back, what is found in it, what changes it.

use epilog::ErrorKind;
use epilog::prelude::*;
use epilog_tests::random::Random;

#[derive(Collection, Clone, Debug, PartialEq)]
struct Event {
    id: Id<Event>,
    name: String,
    data: Json,
    extra: Option<Json>,
}

#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(notes: Note::event)]
struct Source {
    id: Id<Source>,
    settings: Json,
}

#[derive(Collection, Clone, Debug, PartialEq)]
struct Note {
    id: Id<Note>,
    event: Id<Source>,
    seen: Option<Json>,
}

epilog::schema!(Events { Event, Source, Note });

const VALUES: [&str; 14] = [
    "null",
    "true",
    "7",
    "7.0",
    "-0.5",
    "1e400",
    "18446744073709551615",
    r#""text \"\\\n\u0001é""#,
    "[]",
    "{}",
    r#"[1, [2, { "a": [false, "x"] }], null]"#,
    r#"{ "a": { "b": [10, { "c": "deep" }], "": 1 }, "b": null, "é\"": "]}", "x.y": 2, "z[0]": 3 }"#,
    r#"{ "b": 1, "a": { "b": [] } }"#,
    r#"[7, "x", [7], 7.0]"#,
];

fn values() -> Vec<Json> {
    VALUES.iter().map(|text| Json::parse(text).unwrap()).collect()
}

/// Each value once, and as the other field of every third: there in one half of them, absent in the other.
fn database() -> Result<(Database<Events>, Vec<Json>), Error> {
    let (db, values) = (Events::in_memory()?, values());
    db.write(|tx| {
        for (at, data) in values.iter().enumerate() {
            let extra = (at % 3 == 0).then(|| data.clone());
            tx.insert(&Event { id: Id::auto(), name: format!("event {at}"), data: data.clone(), extra })?;
        }
        Ok(())
    })?;
    Ok((db, values))
}

#[test]
fn json_comes_back_and_is_equal_by_value() -> Result<(), Error> {
    let (db, values) = database()?;
    assert_eq!(Event::query().select(|e| e.data).all(&db)?, values);
    for (at, value) in values.iter().enumerate() {
        let found = Event::query().filter(|e| e.data.eq(value)).select(|e| e.id).all(&db)?;
        assert_eq!(found, [Id::new(at as u64 + 1)], "{value}");
        let others = Event::query().filter(|e| e.data.ne(value)).count(&db)?;
        assert_eq!(others, values.len() as u64 - 1);
        let either = Event::query().filter(|e| e.data.in_([value.clone(), Json::from("no such")]));
        assert_eq!(either.count(&db)?, 1);
    }
    let turned = Json::parse("{ \"a\": {\"b\": []},\n\"b\": 1 }")?;
    assert_eq!(Event::query().filter(|e| e.data.eq(&turned)).count(&db)?, 1);
    let mut ordered = values.clone();
    ordered.sort();
    assert_eq!(Event::query().order_by(|e| e.data.asc()).select(|e| e.data).all(&db)?, ordered);
    let both = Event::query().filter(|e| e.extra.eq(e.data)).count(&db)?;
    assert_eq!(both, values.len().div_ceil(3) as u64);
    assert!(db.check()?.is_sound());
    Ok(())
}

#[test]
fn what_is_absent_is_not_null() -> Result<(), Error> {
    let (db, values) = database()?;
    let there = values.len().div_ceil(3) as u64;
    assert_eq!(Event::query().filter(|e| e.extra.is_some()).count(&db)?, there);
    assert_eq!(Event::query().filter(|e| e.extra.is_null()).count(&db)?, 1);
    assert_eq!(Event::query().filter(|e| e.data.is_null()).count(&db)?, 1);
    // The member that is null, and the one that is not there.
    let b = Event::query()
        .filter(|e| e.data.has_key("b"))
        .select(|e| (e.data.get("b"), e.data.get("c")))
        .all(&db)?;
    assert_eq!(b, [(Some(Json::null()), None), (Some(Json::from(1)), None)]);
    let kinds = Event::query().limit(2).select(|e| (e.data.kind(), e.extra.kind())).all(&db)?;
    let text = |kind: &str| kind.to_string();
    assert_eq!(kinds, [(text("null"), Some(text("null"))), (text("boolean"), None)]);
    // What is null fails as what it is not; what is absent is absent.
    let of_null = Event::query().filter(|e| e.extra.is_null()).select(|e| e.extra.i64_or_fail());
    assert_eq!(
        of_null.all(&db).unwrap_err().to_string(),
        "i64_or_fail of null (Json) is no integer of 64 bits"
    );
    let of_none = Event::query().filter(|e| e.extra.is_none()).select(|e| e.extra.i64_or_fail()).all(&db)?;
    assert!(of_none.iter().all(Option::is_none));
    Ok(())
}

#[test]
fn queries_find_what_is_found_in_the_value() -> Result<(), Error> {
    let (db, values) = database()?;
    for path in [
        "",
        "a",
        ".a",
        "a.b",
        "a.b[0]",
        "a.b[1].c",
        "[1]",
        "[1][1].a[0]",
        "é\"",
        "z[0]",
        "nowhere",
        "[9]",
        "a..x",
        "a.",
        "x.y",
        "[0]",
    ] {
        let found: Vec<Option<Json>> = values.iter().map(|value| value.get(path)).collect();
        assert_eq!(Event::query().select(|e| e.data.get(path)).all(&db)?, found, "{path}");
        let scalars = Event::query().select(|e| {
            let at = || e.data.get(path);
            (
                at().as_str(),
                at().as_i64(),
                at().as_f64(),
                at().as_bool(),
                at().len(),
                at().keys(),
                at().kind(),
            )
        });
        let of = |value: &Option<Json>| {
            let value = value.as_ref();
            let keys = value.filter(|value| value.kind() == "object");
            (
                value.and_then(Json::as_str),
                value.and_then(Json::as_i64),
                value.and_then(Json::as_f64),
                value.and_then(Json::as_bool),
                value.and_then(Json::len),
                keys.map(|value| value.members().map(|(name, _)| name).collect::<Vec<_>>()),
                value.map(|value| value.kind().to_string()),
            )
        };
        assert_eq!(scalars.all(&db)?, found.iter().map(of).collect::<Vec<_>>(), "{path}");
        for item in [Json::from(7), Json::from("x"), Json::parse("[7]")?, Json::null()] {
            let has = |value: &Option<Json>| value.iter().flat_map(Json::items).any(|own| own == item);
            let tests = Event::query().select(|e| e.data.get(path).contains(&item)).all(&db)?;
            assert_eq!(tests, found.iter().map(has).collect::<Vec<_>>(), "{path} {item}");
        }
    }
    let odd = Event::query().filter(|e| e.data.has_key("x.y"));
    let odd =
        odd.select(|e| (e.data.member("x.y").as_i64(), e.data.member("z[0]").as_i64(), e.data.get("x.y")));
    assert_eq!(odd.all(&db)?, [(Some(2), Some(3), None)]);
    // A number that is of the row.
    let by_row = Event::query().select(|e| e.data.item(e.name.len() - 6)).all(&db)?;
    let expected =
        values.iter().enumerate().map(|(at, value)| value.items().nth(if at < 10 { 1 } else { 2 }));
    assert_eq!(by_row, expected.collect::<Vec<_>>());
    Ok(())
}

#[test]
fn a_path_that_is_malformed_is_refused() -> Result<(), Error> {
    let (db, values) = database()?;
    let refused = |path: &str, error: Error| {
        assert_eq!(error.kind(), ErrorKind::Plan, "{path}");
        let expected = format!(
            "`{path}` is no path of JSON: write names of members behind points and numbers of items in brackets, as in \
             `tags[0].name`; a name that has points or brackets is for `member`"
        );
        assert_eq!(error.to_string(), expected);
    };
    for path in ["a[0", "[x]", "a[-1]", "a[*].b", "a['b']", "a[0]b", "a]", "[18446744073709551616]"] {
        refused(path, Event::query().select(|e| e.data.get(path)).all(&db).unwrap_err());
        assert!(values.iter().all(|value| value.get(path).is_none()), "{path}");
    }
    // Wherever it is asked, of what may be absent as well, also where there is no row, or nothing is to be read.
    let path = "a[b]";
    let is_7 = || Event::query().filter(|e| e.extra.get("a").get("a[b]").as_i64().eq(7));
    refused(path, is_7().first(&db).unwrap_err());
    refused(path, is_7().count(&db).unwrap_err());
    refused(path, is_7().explain(&db).map(|_| ()).unwrap_err());
    refused(path, is_7().filter(|e| e.name.eq("x") & e.name.eq("y")).limit(0).all(&db).unwrap_err());
    refused(path, Event::query().order_by(|e| e.data.get("a[b]").as_str()).first(&db).unwrap_err());
    let change = db.write(|tx| Event::query().update(|e| e.extra.set(e.data.get("a[b]"))).run(tx));
    refused(path, change.unwrap_err());
    // A plan that is kept is one for paths that lead somewhere.
    for _ in 0..3 {
        let found = |path: &str| Event::query().select(|e| e.data.get(path)).all(&db);
        assert!(found("a")?.iter().any(Option::is_some));
        refused(path, found(path).unwrap_err());
    }
    // The same characters in a name are no mistake.
    assert_eq!(
        Event::query().filter(|e| e.data.has_key("z[0]")).select(|e| e.data.member("z[0]")).all(&db)?.len(),
        1
    );
    Ok(())
}

#[test]
fn casts_that_fail_say_which_value() -> Result<(), Error> {
    let (db, _) = database()?;
    let fails = |error: Error, text: &str| {
        assert_eq!(error.kind(), ErrorKind::Arithmetic);
        assert_eq!(error.to_string(), text);
    };
    let at = |id: u64| Event::query().filter(move |e| e.id.eq(Id::new(id)));
    fails(
        at(2).select(|e| e.data.i64_or_fail()).one(&db).unwrap_err(),
        "i64_or_fail of true (Json) is no integer of 64 bits",
    );
    fails(
        at(4).select(|e| e.data.i64_or_fail()).one(&db).unwrap_err(),
        "i64_or_fail of 7.0 (Json) is no integer of 64 bits",
    );
    fails(
        at(7).select(|e| e.data.i64_or_fail()).one(&db).unwrap_err(),
        "i64_or_fail of 18446744073709551615 (Json) is no integer of 64 bits",
    );
    fails(
        at(6).select(|e| e.data.f64_or_fail()).one(&db).unwrap_err(),
        "f64_or_fail of 1e400 (Json) is no number that is a float",
    );
    fails(
        at(3).select(|e| e.data.bool_or_fail()).one(&db).unwrap_err(),
        "bool_or_fail of 7 (Json) is neither true nor false",
    );
    fails(
        at(3).select(|e| e.data.str_or_fail()).one(&db).unwrap_err(),
        "str_or_fail of 7 (Json) is no string",
    );
    assert_eq!(at(3).select(|e| e.data.i64_or_fail()).one(&db)?, 7);
    assert_eq!(at(4).select(|e| e.data.f64_or_fail()).one(&db)?, 7.0);
    assert!(at(2).select(|e| e.data.bool_or_fail()).one(&db)?);
    assert_eq!(at(8).select(|e| e.data.str_or_fail()).one(&db)?, "text \"\\\n\u{1}é");
    // A row that does not come out fails nothing.
    let numbers = Event::query().filter(|e| e.data.kind().eq("number") & e.data.f64_or_fail().gt(-1.0));
    assert!(numbers.clone().count(&db).is_err(), "1e400 is a number");
    let small = Event::query().filter(|e| e.data.f64_or_fail().gt(-1.0) & e.data.as_i64().eq(7));
    assert_eq!(small.count(&db)?, 1);
    Ok(())
}

#[test]
fn json_is_set_grouped_joined_and_paged() -> Result<(), Error> {
    let (db, values) = database()?;
    let data = Json::object([("new", Json::array([Json::from(1)])?)])?;
    let set = Event::query()
        .filter(|e| e.data.has_key("a"))
        .update(|e| (e.data.set(&data), e.extra.set(e.data.get("a"))));
    assert_eq!(db.write(|tx| set.run(tx))?, 2);
    let changed = Event::query().filter(|e| e.data.get("new[0]").as_i64().eq(1));
    let extra = changed.clone().select(|e| e.extra).all(&db)?;
    assert_eq!(extra, [values[11].get("a"), values[12].get("a")]);

    let groups = Event::query().group_by(|e| e.data.get("new")).select(|g| (g.key(), g.count())).all(&db)?;
    assert_eq!(groups.len(), 2);
    assert!(groups.contains(&(data.get("new"), 2)) && groups.contains(&(None, values.len() as u64 - 2)));
    assert_eq!(Event::query().select(|e| e.data.kind()).distinct().count(&db)?, 6);
    let pairs = Event::query().join::<Event>(|(a, b)| a.data.eq(b.data)).count(&db)?;
    assert_eq!(pairs, values.len() as u64 + 2);

    // Pages by an order of JSON, the ends of which are read again from the continuation.
    let query = || Event::query().order_by(|e| (e.extra.desc(), e.data.asc())).select(|e| e.id);
    let (all, mut paged, mut from) = (query().all(&db)?, Vec::new(), None);
    loop {
        let page = query().page(&db, 3, from.as_ref())?;
        paged.extend(page.items);
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    assert_eq!(paged, all);

    db.write(|tx| {
        let source = tx.insert(&Source { id: Id::auto(), settings: data.clone() })?;
        for seen in [None, Some(Json::null()), Some(data.clone())] {
            tx.insert(&Note { id: Id::auto(), event: source, seen })?;
        }
        Ok(())
    })?;
    let same = Note::query().filter(|n| n.seen.eq(n.event().settings)).count(&db)?;
    let any = Source::query().filter(|s| s.notes().any(|n| n.seen.has_key("new"))).count(&db)?;
    assert_eq!((same, any), (1, 1));
    Ok(())
}

#[test]
fn json_of_any_length_is_kept_through_a_file() -> Result<(), Error> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("events.epilog");
    let mut random = Random::new(7);
    let long = |random: &mut Random| {
        let items = (0..random.below(3_000)).map(|at| Json::from(format!("{at}\n{}", random.below(1 << 40))));
        Json::array(items).unwrap()
    };
    let events: Vec<Event> = (1..=60)
        .map(|id| Event {
            id: Id::new(id),
            name: String::new(),
            data: if id % 5 == 0 { long(&mut random) } else { Json::from(id) },
            extra: (id % 7 == 0).then(|| long(&mut random)),
        })
        .collect();
    let db = Events::open(&path)?;
    db.write(|tx| tx.insert_all(events.iter().cloned()).map(|_| ()))?;
    db.close()?;
    let db = Events::open(&path)?;
    assert_eq!(Event::query().all(&db)?, events);
    let lens = Event::query().select(|e| e.data.len()).all(&db)?;
    assert_eq!(lens, events.iter().map(|event| event.data.len()).collect::<Vec<_>>());
    assert!(db.check()?.is_sound());
    db.backup(directory.path().join("copy.epilog"))?;
    let copy = Events::open(directory.path().join("copy.epilog"))?;
    assert_eq!(Event::query().all(&copy)?, events);
    Ok(())
}

#[test]
fn a_text_that_is_no_json_ends_the_transaction_with_its_place() -> Result<(), Error> {
    let db = Events::in_memory()?;
    let error = db
        .write(|tx| {
            let data = Json::parse("{\n \"a\": [1, 2,, 3]\n}")?;
            tx.insert(&Event { id: Id::auto(), name: String::new(), data, extra: None })
        })
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Json);
    assert_eq!(error.to_string(), "no JSON in line 2, column 13: a value should begin here");
    assert_eq!(Event::query().count(&db)?, 0);
    Ok(())
}

//! Lists as fields: what is asked of them, what changes them, and the indexes of their elements.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use epilog::prelude::*;
use epilog_tests::random::Random;
use rust_decimal::Decimal;

#[derive(Collection, Clone, Debug, PartialEq)]
#[has_many(notes: Note::owner)]
struct Owner {
    id: Id<Owner>,
    name: String,
    favourites: Vec<i64>,
}

#[derive(Collection, Clone, Debug, PartialEq)]
struct Note {
    id: Id<Note>,
    owner: Option<Id<Owner>>,
    #[index]
    tags: Vec<String>,
    #[index]
    marks: Option<Vec<i64>>,
    plain: Vec<String>,
    days: Vec<NaiveDate>,
    prices: Vec<Decimal>,
    seen_by: Vec<Id<Owner>>,
    parts: Vec<Vec<u8>>,
    flags: Option<Vec<bool>>,
}

epilog::schema!(Notes { Owner, Note });

const WORDS: [&str; 6] = ["", "a", "a\0", "ab", "日本", "zz"];

fn note(random: &mut Random) -> Note {
    fn several<T>(random: &mut Random, mut one: impl FnMut(&mut Random) -> T) -> Vec<T> {
        (0..random.below(4)).map(|_| one(random)).collect()
    }
    let word = |random: &mut Random| WORDS[random.below(6) as usize].to_string();
    let number = |random: &mut Random| random.below(7) as i64 - 3;
    let tags = several(random, word);
    Note {
        id: Id::auto(),
        owner: random.chance(1, 2).then(|| Id::new(1 + random.below(2))),
        plain: tags.clone(),
        tags,
        marks: random.chance(3, 4).then(|| several(random, number)),
        days: several(random, |random| NaiveDate::MIN + chrono::Days::new(random.below(3))),
        prices: several(random, |random| Decimal::new(random.below(300) as i64 - 100, 2)),
        seen_by: several(random, |random| Id::new(random.below(3))),
        parts: several(random, |random| vec![0; random.below(3) as usize]),
        flags: random.chance(1, 2).then(|| several(random, |random| random.chance(1, 2))),
    }
}

fn database(seed: u64) -> Result<(Database<Notes>, Vec<Note>), Error> {
    let (db, mut random) = (Notes::in_memory()?, Random::new(seed));
    let mut notes: Vec<Note> = (0..120).map(|_| note(&mut random)).collect();
    db.write(|tx| {
        for (name, favourites) in [("Ada", vec![1, 2]), ("Bob", vec![])] {
            tx.insert(&Owner { id: Id::auto(), name: name.into(), favourites })?;
        }
        // Half of them one by one, the others at once.
        for note in &mut notes[..60] {
            note.id = tx.insert(&*note)?;
        }
        let ids = tx.insert_all(notes[60..].iter().cloned())?;
        notes[60..].iter_mut().zip(ids).for_each(|(note, id)| note.id = id);
        Ok(())
    })?;
    Ok((db, notes))
}

/// The query gives the notes of which the test is true, with an index where one serves, and without.
fn check(
    db: &Database<Notes>,
    notes: &[Note],
    query: Query<Note, Note>,
    indexed: bool,
    test: impl Fn(&Note) -> bool,
) -> Result<(), Error> {
    let expected: Vec<Note> = notes.iter().filter(|note| test(note)).cloned().collect();
    assert_eq!(query.clone().all(db)?, expected, "{}", query.explain(db)?);
    assert_eq!(query.clone().count(db)?, expected.len() as u64);
    let newest: Vec<Note> = expected.iter().rev().take(5).cloned().collect();
    assert_eq!(query.clone().order_by(|n| n.id.desc()).limit(5).all(db)?, newest);
    let by_index = query.clone().require_index().all(db);
    assert_eq!(by_index.is_ok(), indexed, "{}", query.explain(db)?);
    if indexed {
        assert_eq!(by_index?, expected);
    }
    Ok(())
}

#[test]
fn lists_come_back_as_they_were() -> Result<(), Error> {
    let (db, notes) = database(1)?;
    assert_eq!(Note::query().all(&db)?, notes);
    let mut long = notes[0].clone();
    (long.id, long.tags, long.plain) = (Id::auto(), Vec::new(), vec!["日本\0".repeat(20); 3000]);
    let id = db.write(|tx| tx.insert(&long))?;
    assert_eq!(db.get::<Note>(id)?.map(|note| note.plain), Some(long.plain));
    Ok(())
}

#[test]
fn elements_are_found_with_an_index_and_without() -> Result<(), Error> {
    for seed in 0..6 {
        let (db, notes) = database(seed)?;
        for word in WORDS {
            let has = |list: &[String]| list.iter().any(|own| own == word);
            check(&db, &notes, Note::query().filter(|n| n.tags.contains(word)), true, |n| has(&n.tags))?;
            check(&db, &notes, Note::query().filter(|n| n.plain.contains(word)), false, |n| has(&n.plain))?;
            check(&db, &notes, Note::query().filter(|n| !n.tags.contains(word)), false, |n| !has(&n.tags))?;
            for other in WORDS {
                let both = [word, other];
                let query = Note::query().filter(|n| n.tags.contains_any(both));
                check(&db, &notes, query, true, |n| {
                    both.iter().any(|word| n.tags.contains(&word.to_string()))
                })?;
                let all = |n: &Note| both.iter().all(|word| n.tags.contains(&word.to_string()));
                check(&db, &notes, Note::query().filter(|n| n.tags.contains_all(both)), true, all)?;
                check(&db, &notes, Note::query().filter(|n| n.plain.contains_all(both)), false, all)?;
                let query = Note::query().filter(|n| n.tags.contains(word) | n.tags.contains(other));
                check(&db, &notes, query, true, |n| {
                    both.iter().any(|word| n.tags.contains(&word.to_string()))
                })?;
            }
        }
        for mark in -4..5 {
            let has = |n: &Note| n.marks.as_ref().is_some_and(|marks| marks.contains(&mark));
            check(&db, &notes, Note::query().filter(|n| n.marks.contains(mark)), true, has)?;
            check(&db, &notes, Note::query().filter(|n| !n.marks.contains(mark)), false, |n| !has(n))?;
            let query = Note::query().filter(|n| n.marks.contains(mark) & n.tags.contains("a"));
            check(&db, &notes, query, true, |n| has(n) && n.tags.contains(&"a".to_string()))?;
        }
        let none: [&str; 0] = [];
        check(&db, &notes, Note::query().filter(|n| n.tags.contains_any(none)), true, |_| false)?;
        check(&db, &notes, Note::query().filter(|n| n.tags.contains_all(none)), false, |_| true)?;
        let none: [i64; 0] = [];
        let query = Note::query().filter(|n| n.marks.contains_all(none));
        check(&db, &notes, query, false, |n| n.marks.is_some())?;
    }
    Ok(())
}

#[test]
fn other_types_are_found_by_value() -> Result<(), Error> {
    let (db, notes) = database(7)?;
    let day = NaiveDate::MIN + chrono::Days::new(1);
    check(&db, &notes, Note::query().filter(|n| n.days.contains(day)), false, |n| n.days.contains(&day))?;
    let price = Decimal::new(-1000, 4);
    let query = Note::query().filter(|n| n.prices.contains(price));
    check(&db, &notes, query, false, |n| n.prices.contains(&price))?;
    let query = Note::query().filter(|n| n.parts.contains(vec![0u8]));
    check(&db, &notes, query, false, |n| n.parts.contains(&vec![0]))?;
    let query = Note::query().filter(|n| n.flags.contains(true));
    check(&db, &notes, query, false, |n| n.flags.as_ref().is_some_and(|flags| flags.contains(&true)))?;
    Ok(())
}

#[test]
fn a_list_is_compared_element_by_element_and_then_by_length() -> Result<(), Error> {
    let (db, notes) = database(3)?;
    for list in [vec![], vec!["a"], vec!["a", "a\0"], vec!["", "zz"]] {
        let list: Vec<String> = list.into_iter().map(String::from).collect();
        check(&db, &notes, Note::query().filter(|n| n.tags.eq(&list)), false, |n| n.tags == list)?;
        check(&db, &notes, Note::query().filter(|n| n.tags.lt(&list)), false, |n| n.tags < list)?;
        check(&db, &notes, Note::query().filter(|n| n.plain.ge(&list)), false, |n| n.plain >= list)?;
    }
    let mut sorted: Vec<Option<Vec<i64>>> = notes.iter().map(|note| note.marks.clone()).collect();
    sorted.sort();
    assert_eq!(Note::query().order_by(|n| n.marks.asc()).select(|n| n.marks).all(&db)?, sorted);
    sorted.dedup();
    let distinct = Note::query().select(|n| n.marks).distinct().order_by(|marks| marks.asc()).all(&db)?;
    assert_eq!(distinct, sorted);
    let days: Option<Vec<NaiveDate>> = Note::query().aggregate(|g| g.max(|n| n.days)).one(&db)?;
    assert_eq!(days.as_ref(), notes.iter().map(|note| &note.days).max());
    Ok(())
}

#[test]
fn functions_of_lists() -> Result<(), Error> {
    let (db, notes) = database(4)?;
    let lens = Note::query().select(|n| (n.tags.len(), n.flags.len(), n.marks.is_empty())).all(&db)?;
    let expected = notes.iter().map(|note| {
        let flags = note.flags.as_ref().map(|flags| flags.len() as u64);
        (note.tags.len() as u64, flags, note.marks.as_ref().is_some_and(Vec::is_empty))
    });
    assert_eq!(lens, expected.collect::<Vec<_>>());
    let places = Note::query().select(|n| (n.days.get(1), n.marks.first(), n.tags.place_of("a"))).all(&db)?;
    let expected = notes.iter().map(|note| {
        let place = note.tags.iter().position(|tag| tag == "a").map(|place| place as u64);
        (note.days.get(1).copied(), note.marks.as_ref().and_then(|marks| marks.first().copied()), place)
    });
    assert_eq!(places, expected.collect::<Vec<_>>());
    let far = Note::query().select(|n| n.tags.get(u64::MAX)).all(&db)?;
    assert!(far.iter().all(Option::is_none));
    let made = Note::query().select(|n| (n.tags.append("x"), n.marks.without(0), n.plain.append_all(n.tags)));
    let expected = notes.iter().map(|note| {
        let with = [note.tags.clone(), vec!["x".to_string()]].concat();
        let marks =
            note.marks.as_ref().map(|marks| marks.iter().copied().filter(|mark| *mark != 0).collect());
        (with, marks, [note.plain.clone(), note.tags.clone()].concat())
    });
    assert_eq!(made.all(&db)?, expected.collect::<Vec<(Vec<String>, Option<Vec<i64>>, Vec<String>)>>());
    Ok(())
}

#[test]
fn indexes_follow_what_updates_and_deletions_change() -> Result<(), Error> {
    let (db, mut notes) = database(5)?;
    let mut random = Random::new(50);
    for round in 0..40 {
        db.write(|tx| {
            match round % 4 {
                0 => {
                    let at = random.below(notes.len() as u64) as usize;
                    notes[at] = Note { id: notes[at].id, ..note(&mut random) };
                    tx.update(&notes[at])?;
                }
                1 => {
                    let at = random.below(notes.len() as u64) as usize;
                    tx.delete_key::<Note>(notes[at].id)?;
                    notes.remove(at);
                }
                2 => {
                    Note::query()
                        .filter(|n| n.tags.contains("a"))
                        .update(|n| n.tags.set(n.tags.append("new")))
                        .run(tx)?;
                    let tagged = notes.iter_mut().filter(|note| note.tags.iter().any(|tag| tag == "a"));
                    tagged.for_each(|note| note.tags.push("new".into()));
                }
                _ => {
                    Note::query()
                        .update(|n| (n.tags.set(n.tags.without("new")), n.marks.set(n.marks.append(9))))
                        .run(tx)?;
                    for note in &mut notes {
                        note.tags.retain(|tag| tag != "new");
                        note.marks.iter_mut().for_each(|marks| marks.push(9));
                    }
                }
            }
            Ok(())
        })?;
        for word in WORDS.iter().chain(&["new"]) {
            let query = Note::query().filter(|n| n.tags.contains(*word));
            check(&db, &notes, query, true, |n| n.tags.iter().any(|tag| tag == word))?;
        }
        let query = Note::query().filter(|n| n.marks.contains_any([9, -3]));
        check(&db, &notes, query, true, |n| {
            n.marks.as_ref().is_some_and(|marks| marks.contains(&9) || marks.contains(&-3))
        })?;
        assert!(db.check()?.is_sound(), "{:?}", db.check()?);
    }
    Ok(())
}

#[test]
fn an_element_too_long_for_the_index_is_refused() -> Result<(), Error> {
    let (db, notes) = database(6)?;
    let long = Note { id: Id::auto(), tags: vec!["short".into(), "x".repeat(2000)], ..notes[0].clone() };
    for error in [
        db.write(|tx| tx.insert(&long)).unwrap_err(),
        db.write(|tx| tx.insert_all([long.clone()])).unwrap_err(),
        db.write(|tx| tx.update(&Note { id: notes[0].id, ..long.clone() })).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Constraint);
        assert!(error.to_string().contains("shorten `tags`"), "{error}");
    }
    assert_eq!(Note::query().filter(|n| n.tags.contains("short")).count(&db)?, 0);
    assert!(db.check()?.is_sound());
    // A list may be as long as it likes.
    let many =
        Note { id: Id::auto(), tags: (0..5000).map(|n| format!("tag {n}")).collect(), ..notes[0].clone() };
    let id = db.write(|tx| tx.insert(&many))?;
    assert_eq!(Note::query().filter(|n| n.tags.contains("tag 4999")).one(&db)?.id, id);
    assert!(db.check()?.is_sound());
    Ok(())
}

#[test]
fn array_agg_lists_values_in_the_order_of_the_rows() -> Result<(), Error> {
    let (db, notes) = database(8)?;
    let by_tags = Note::query().order_by(|n| (n.tags.desc(), n.id.asc()));
    let ids = by_tags.clone().aggregate(|g| g.array_agg(|n| n.id)).one(&db)?;
    assert_eq!(ids, by_tags.select(|n| n.id).all(&db)?);

    // What is absent is left out.
    let firsts = Note::query().aggregate(|g| (g.array_agg(|n| n.marks.first()), g.array_agg(|n| n.owner)));
    let expected: Vec<i64> = notes.iter().filter_map(|note| note.marks.as_ref()?.first().copied()).collect();
    let owners: Vec<Id<Owner>> = notes.iter().filter_map(|note| note.owner).collect();
    assert_eq!(firsts.one(&db)?, (expected, owners));

    let grouped = Note::query()
        .group_by(|n| n.owner)
        .order_by(|g| g.key())
        .select(|g| (g.key(), g.array_agg(|n| n.id), g.filter(|n| n.tags.is_empty()).array_agg(|n| n.id)));
    let keys: BTreeSet<Option<u64>> = notes.iter().map(|note| note.owner.map(Id::get)).collect();
    let ids = |key: &Option<u64>, bare: bool| -> Vec<Id<Note>> {
        let of =
            notes.iter().filter(|note| note.owner.map(Id::get) == *key && (!bare || note.tags.is_empty()));
        of.map(|note| note.id).collect()
    };
    let expected = keys.iter().map(|key| (key.map(Id::new), ids(key, false), ids(key, true)));
    assert_eq!(grouped.all(&db)?, expected.collect::<Vec<(Option<Id<Owner>>, _, _)>>());

    let nothing = Note::query().filter(|_| false).aggregate(|g| g.array_agg(|n| n.id));
    assert_eq!(nothing.one(&db)?, []);
    // A list that was made is one like others.
    let after = Note::query().group_by(|n| n.owner).having(|g| g.array_agg(|n| n.id).contains(notes[0].id));
    assert_eq!(after.all(&db)?, [notes[0].owner]);
    let related = Owner::query().select(|o| o.notes().array_agg(|n| n.id)).all(&db)?;
    let of = |owner: u64| ids(&Some(owner), false).into_iter().collect::<BTreeSet<_>>();
    let related: Vec<BTreeSet<Id<Note>>> = related.into_iter().map(|ids| ids.into_iter().collect()).collect();
    assert_eq!(related, [of(1), of(2)]);
    Ok(())
}

#[test]
fn elements_can_be_of_other_fields() -> Result<(), Error> {
    let (db, notes) = database(9)?;
    let owners = Owner::query().all(&db)?;
    let favourite = |note: &Note| {
        let owner = owners.iter().find(|owner| Some(owner.id) == note.owner);
        owner.is_some_and(|owner| owner.favourites.contains(&(note.tags.len() as i64)))
    };
    let query = Note::query().filter(|n| n.owner().favourites.contains(n.tags.len().cast_or_fail::<i64>()));
    check(&db, &notes, query, false, favourite)?;
    let pairs =
        Note::query().join::<Owner>(|(n, o)| o.favourites.contains_any([1i64]) & n.seen_by.contains(o.id));
    let expected: usize = notes.iter().map(|note| usize::from(note.seen_by.contains(&Id::new(1)))).sum();
    assert_eq!(pairs.count(&db)?, expected as u64);
    let tagged = Note::query().filter(|n| n.tags.contains_any([n.plain.get(0).unwrap_or("none")]));
    check(&db, &notes, tagged, false, |n| !n.plain.is_empty())?;
    Ok(())
}

#[test]
fn tests_of_elements_are_those_of_vectors() -> Result<(), Error> {
    let (db, notes) = database(9)?;
    let ask = |query: Query<Note, Note>, indexed: bool, test: &dyn Fn(&Note) -> bool| {
        check(&db, &notes, query, indexed, test)
    };
    let is_short = |tag: &String| tag.starts_with('a') && tag.chars().count() < 2;
    ask(
        Note::query().filter(|n| n.tags.any(|tag| tag.starts_with("a") & tag.len().lt(2))),
        false,
        &|note| note.tags.iter().any(is_short),
    )?;
    ask(
        Note::query().filter(|n| n.tags.all(|tag| tag.starts_with("a") & tag.len().lt(2))),
        false,
        &|note| note.tags.iter().all(is_short),
    )?;
    ask(Note::query().filter(|n| n.marks.any(|mark| (mark * mark).ge(4))), false, &|note| {
        note.marks.iter().flatten().any(|mark| mark * mark >= 4)
    })?;
    // Of none all are so, but not of what is absent.
    ask(Note::query().filter(|n| n.marks.all(|mark| mark.between(-1, 3))), false, &|note| {
        note.marks.as_ref().is_some_and(|marks| marks.iter().all(|mark| (-1..=3).contains(mark)))
    })?;
    ask(Note::query().filter(|n| !n.marks.any(|mark| mark.in_([0, 1]))), false, &|note| {
        !note.marks.iter().flatten().any(|mark| [0, 1].contains(mark))
    })?;
    ask(
        Note::query().filter(|n| n.flags.all(|flag| flag) & n.plain.any(|word| word.eq("日本"))),
        false,
        &|note| {
            note.flags.as_ref().is_some_and(|flags| flags.iter().all(|flag| *flag))
                && note.plain.contains(&"日本".to_string())
        },
    )?;
    ask(
        Note::query().filter(|n| n.prices.any(|price| (price * Decimal::TWO).gt(Decimal::ONE))),
        false,
        &|note| note.prices.iter().any(|price| price * Decimal::TWO > Decimal::ONE),
    )?;
    ask(Note::query().filter(|n| n.seen_by.all(|by| by.eq(Id::new(1)))), false, &|note| {
        note.seen_by.iter().all(|by| *by == Id::new(1))
    })?;
    ask(Note::query().filter(|n| n.parts.any(|part| part.len().eq(2))), false, &|note| {
        note.parts.iter().any(|part| part.len() == 2)
    })?;
    // What an index answers.
    ask(Note::query().filter(|n| n.tags.any(|tag| tag.eq("ab"))), true, &|note| {
        note.tags.contains(&"ab".to_string())
    })?;
    ask(Note::query().filter(|n| n.marks.any(|mark| mark.eq(-2))), true, &|note| {
        note.marks.iter().flatten().any(|mark| *mark == -2)
    })?;
    // Through a relation, and as a value.
    let liked = Note::query().select(|n| n.owner().favourites.any(|number| number.gt(1))).all(&db)?;
    assert_eq!(liked, notes.iter().map(|note| note.owner == Some(Id::new(1))).collect::<Vec<_>>());
    Ok(())
}

#[test]
fn a_fault_of_a_test_counts_where_no_other_element_decides() -> Result<(), Error> {
    let db = Notes::in_memory()?;
    let owner =
        |favourites: &[i64]| Owner { id: Id::auto(), name: String::new(), favourites: favourites.to_vec() };
    db.write(|tx| tx.insert_all([owner(&[0, 2]), owner(&[3, 0]), owner(&[])]).map(|_| ()))?;
    let with = |id: u64| Owner::query().filter(move |o| o.id.eq(Id::new(id)));
    let any = |id: u64| with(id).select(|o| o.favourites.any(|number| (6 / number).eq(3))).one(&db);
    let all = |id: u64| with(id).select(|o| o.favourites.all(|number| (6 / number).eq(3))).one(&db);
    assert!(any(1)?);
    assert_eq!(any(2).unwrap_err().to_string(), "division of 6 and 0 (i64) divides by zero");
    assert!(all(1).is_err() && !all(2)?);
    assert!(!any(3)? && all(3)?);
    Ok(())
}

#[test]
fn lists_of_thousands_of_elements_are_tested_in_batches() -> Result<(), Error> {
    let db = Notes::in_memory()?;
    let owners: Vec<Owner> = (0..9u64)
        .map(|n| Owner { id: Id::new(n + 1), name: String::new(), favourites: (0..n as i64 * 700).collect() })
        .collect();
    db.write(|tx| tx.insert_all(owners.iter().cloned()).map(|_| ()))?;
    for last in [0, 699, 700, 1_023, 1_024, 2_047, 2_048, 5_599, 5_600] {
        let any = Owner::query().select(|o| o.favourites.any(|number| number.ge(last))).all(&db)?;
        let all = Owner::query().select(|o| o.favourites.all(|number| number.lt(last))).all(&db)?;
        assert_eq!(
            any,
            owners.iter().map(|o| o.favourites.iter().any(|own| *own >= last)).collect::<Vec<_>>()
        );
        assert_eq!(all, any.iter().map(|any| !any).collect::<Vec<_>>());
    }
    Ok(())
}

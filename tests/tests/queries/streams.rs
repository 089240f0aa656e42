//! Streams: the same rows as `all`, read no earlier than they are asked for.

use epilog::prelude::*;
use pretty_assertions::assert_eq;

/// Long enough that a few fill a leaf.
#[derive(Collection, Clone, Debug, PartialEq)]
pub struct Entry {
    id: Id<Entry>,
    #[index]
    number: u32,
    divisor: u32,
    text: String,
}

epilog::schema!(pub Log { Entry });

const ENTRIES: u32 = 3000;

/// Entry 2,500 cannot be divided by its divisor.
fn log() -> Database<Log> {
    let db = Log::in_memory().expect("a database");
    let entry = |number: u32| Entry {
        id: Id::auto(),
        number: number * 7919 % ENTRIES,
        divisor: u32::from(number != 2500),
        text: "t".repeat(number as usize % 90),
    };
    db.write(|tx| tx.insert_all((1..=ENTRIES).map(entry))).expect("records");
    db
}

#[test]
fn a_stream_gives_what_all_gives() {
    let db = log();
    let tx = db.read().expect("a snapshot");
    let queries = [
        Entry::query(),
        Entry::query().filter(|e| e.number.lt(1000) & e.text.len().gt(40)),
        Entry::query().order_by(|e| e.number.desc()),
        Entry::query().order_by(|e| (e.text.len(), e.number)).offset(10).limit(1500),
        Entry::query().filter(|e| e.number.eq(77)),
        Entry::query().filter(|_| false),
    ];
    for query in queries {
        let streamed: Vec<Entry> =
            query.stream(&tx).expect("a stream").collect::<Result<_, _>>().expect("rows");
        assert!(streamed == query.all(&tx).expect("rows"), "{query:?}");
        assert_eq!(streamed.len() as u64, query.count(&tx).expect("a count"), "{query:?}");
    }
}

#[test]
fn a_stream_reads_no_further_than_it_is_asked() {
    let db = log();
    let tx = db.read().expect("a snapshot");
    // Entry 2,500 is at fault, far behind what is taken.
    let query = Entry::query().order_by(|e| e.id).select(|e| (e.id, e.number / e.divisor));
    let ids: Vec<u64> =
        query.stream(&tx).expect("a stream").take(100).map(|row| row.expect("no fault").0.get()).collect();
    assert_eq!(ids, Vec::from_iter(1..=100));
    assert_eq!(query.clone().limit(100).all(&tx).expect("no fault").len(), 100);
    assert_eq!(query.all(&tx).map(drop).map_err(|error| error.kind()), Err(ErrorKind::Arithmetic));
}

#[test]
fn a_stream_ends_with_its_first_error() {
    let db = log();
    let tx = db.read().expect("a snapshot");
    let query = Entry::query().order_by(|e| e.id).select(|e| (e.id, e.number / e.divisor));
    let mut stream = query.stream(&tx).expect("a stream");
    let mut read = 0;
    let error = loop {
        match stream.next().expect("an error before the end") {
            Ok((id, _)) => {
                read += 1;
                assert_eq!(id.get(), read);
            }
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Arithmetic);
    assert!(read < 2500, "{read} rows before the fault of row 2500");
    assert!(stream.next().is_none() && stream.next().is_none());
}

#[test]
fn a_limit_bounds_what_is_read() {
    let db = log();
    // Whether 100 rows or all are wanted shows in whether the fault is met.
    let query = Entry::query().filter(|e| (e.number / e.divisor).lt(ENTRIES)).order_by(|e| e.id);
    assert_eq!(query.clone().limit(2000).all(&db).expect("no fault").len(), 2000);
    assert_eq!(query.clone().offset(1000).limit(1000).all(&db).expect("no fault").len(), 1000);
    assert!(query.exists(&db).expect("no fault"));
    assert_eq!(query.first(&db).expect("no fault").map(|entry| entry.id), Some(Id::new(1)));
    assert!(query.all(&db).is_err());
}

#[test]
fn a_stream_of_a_snapshot_sees_nothing_later() {
    let db = log();
    let tx = db.read().expect("a snapshot");
    let mut stream = Entry::query().order_by(|e| e.id).stream(&tx).expect("a stream");
    let first = stream.next().expect("a row").expect("is read");
    db.write(|tx| Entry::query().delete().run(tx)).expect("a deletion");
    assert_eq!(Entry::query().count(&db).expect("a count"), 0);
    assert_eq!(first.id, Id::new(1));
    assert_eq!(stream.filter(Result::is_ok).count() as u32, ENTRIES - 1);
    assert_eq!(Entry::query().count(&tx).expect("a count"), u64::from(ENTRIES));
}

#[test]
fn a_stream_of_a_write_transaction_sees_its_changes() {
    let db = log();
    let mut tx = db.begin().expect("a transaction");
    Entry::query().filter(|e| e.number.ge(10)).delete().run(&mut tx).expect("a deletion");
    tx.insert(&Entry { id: Id::auto(), number: 10, divisor: 1, text: "new".into() }).expect("an insert");
    let numbers: Vec<u32> = {
        let stream =
            Entry::query().order_by(|e| e.number).select(|e| e.number).stream(&tx).expect("a stream");
        stream.collect::<Result<_, _>>().expect("rows")
    };
    assert_eq!(numbers, Vec::from_iter(0..=10));
    // The stream is gone, the transaction can write again.
    Entry::query().filter(|e| e.number.lt(5)).delete().run(&mut tx).expect("a deletion");
    assert_eq!(Entry::query().count(&tx).expect("a count"), 6);
    drop(tx);
    assert_eq!(Entry::query().count(&db).expect("a count"), u64::from(ENTRIES));
}

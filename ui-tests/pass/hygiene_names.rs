//! Collections whose names are those that written code might use.
#![deny(warnings)]
#![allow(non_upper_case_globals)]

mod letters {
    use ::epilog::Collection as _;
    use ::epilog::Id;

    #[derive(epilog::Collection)]
    #[has_many(ts: T::a)]
    pub struct A {
        pub id: Id<A>,
        pub s: Option<Id<S>>,
    }

    #[derive(epilog::Collection)]
    pub struct T {
        pub id: Id<T>,
        pub a: Id<A>,
    }

    #[derive(epilog::Collection)]
    #[has_many(ms: M::s, rows: A::s)]
    pub struct S {
        pub id: Id<Self>,
        pub m: Option<Id<M>>,
    }

    #[derive(epilog::Collection)]
    pub struct M {
        pub id: Id<self::M>,
        pub s: Id<S>,
    }

    #[derive(epilog::View)]
    pub struct B {
        pub a: A,
        pub b: Option<S>,
    }

    epilog::schema!(pub D { A, T, S, M });

    pub fn use_them() {
        let _ = T::query().filter(|t| t.a().s().m().id.eq(t.a().s().m)).select(|t| BFields { a: t.a(), b: t.a().s() });
        let _ = S::query().filter(|s| s.ms().any(|m| m.s().m.is_none()) & s.rows().count().gt(1));
        let _ = A::query().filter(|a| a.ts().is_empty());
        let _ = M::query().filter(|m| m.s.eq(m.s().id));
    }
}

/// The names that borrowed records have in messages are free, and what the user calls so is his own.
mod borrowed {
    use ::epilog::collection::Borrowed;
    use ::epilog::{Collection as _, Id};

    #[derive(epilog::Collection)]
    pub struct Song {
        pub id: Id<Song>,
        pub next: Option<Id<SongRef>>,
        #[default(BorrowedRecord)]
        pub place: u8,
        pub(crate) clone: SongText,
        lent: Vec<u8>,
    }

    #[derive(epilog::Collection)]
    pub struct SongRef {
        pub id: Id<SongRef>,
        pub song: Id<Song>,
    }

    pub struct SongRefRef;
    type SongText = String;
    const BorrowedRecord: u8 = 3;

    epilog::schema!(Songs { Song, SongRef });

    fn length(song: Borrowed<'_, Song>) -> usize {
        let text: String = song.clone();
        text.len() + song.lent().len() + usize::from(song.place())
    }

    pub fn use_them() -> Result<(), epilog::Error> {
        let db = Songs::in_memory()?;
        let _ = (SongRefRef, BorrowedRecord);
        let mut sum = 0;
        Song::query().for_each(&db, |song| sum += length(song))?;
        SongRef::query().for_each(&db, |song| sum += song.song().get() as usize)?;
        Song::query().filter(|s| s.next().song.is_some()).for_each(&db, |s| assert!(s.next().is_some()))
    }
}

/// Everything of the standard prelude is hidden, and so are the primitive types.
mod hidden {
    #![allow(non_camel_case_types)]

    use ::epilog::Collection as _;
    use ::epilog::Id;

    #[derive(epilog::Collection)]
    #[has_many(results: Result::query)]
    pub struct Query {
        pub id: Id<Query>,
    }

    #[derive(epilog::Collection)]
    #[collection(name = "options")]
    pub struct Option {
        pub id: Id<Option>,
        pub text: ::std::string::String,
    }

    #[derive(epilog::Collection)]
    pub struct String {
        #[key]
        pub text: ::std::string::String,
        #[default(::std::option::Option::Some(SCHEMA))]
        pub option: ::std::option::Option<::core::primitive::u8>,
    }

    /// The expression of a `#[default(…)]` means this one.
    const SCHEMA: ::core::primitive::u8 = 3;

    #[derive(epilog::Collection)]
    pub struct Result {
        pub id: Id<Result>,
        pub query: Id<Query>,
    }

    #[derive(epilog::Collection)]
    pub struct Some {
        pub id: Id<Some>,
    }

    pub struct Vec;
    pub struct Box;
    pub struct Ok;
    pub struct Err;
    pub struct None;
    pub struct u16;
    pub struct bool;
    pub struct str;
    pub trait Clone {}
    pub trait Copy {}
    pub trait Default {}
    pub trait Sized {}
    pub trait Collection {}
    pub trait Mode {}
    pub trait Proxy {}
    pub trait Value {}
    pub mod core {}
    pub mod std {}
    pub mod alloc {}

    epilog::schema!(Database { Query, Option, String, Result, Some });

    pub fn use_them() {
        let _ = Query::query().filter(|q| q.results().is_empty());
        let _ = Option::query().filter(|o| o.text.eq("x"));
        let _ = String::query().filter(|s| s.option.is_none() & s.text.eq("x"));
        let _ = Result::query().filter(|r| r.query().id.eq(r.query));
        let _ = Some::query();
        let _ = (Vec, Box, Ok, Err, None, u16, bool, str, Database);
    }
}

fn main() {
    letters::use_them();
    borrowed::use_them().unwrap();
    hidden::use_them();
}

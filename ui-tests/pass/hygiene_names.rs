//! Collections whose names are those that written code might use.
#![deny(warnings)]

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
    hidden::use_them();
}

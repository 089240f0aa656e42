//! A query of the small language as one of Epilog's, over the collections of the module that asks.
//!
//! The code is a macro, so that it says the same of collections that differ in nothing but their indexes. How deep relations are
//! looked into is in the types ([`Leaf`] and [`Over`]): each level has a scope of its own, and rustc must see an end.

use std::marker::PhantomData;

/// A level at which no relation is looked into from the other side.
pub struct Leaf;

/// A level above another.
pub struct Over<L>(PhantomData<L>);

macro_rules! lower_text {
    ($field:expr, $test:expr) => {
        match $test {
            Text::StartsWith(part) => $field.starts_with(part),
            Text::EndsWith(part) => $field.ends_with(part),
            Text::Contains(part) => $field.contains(part),
            Text::Like(pattern) => $field.like(pattern),
            Text::Matches(glob) => $field.matches(glob),
            Text::Upper(other) => $field.upper().eq(other),
            Text::Length(most) => $field.len().le(most),
        }
    };
}

macro_rules! lower_compare {
    ($left:expr, $with:expr, $right:expr) => {
        match $with {
            Compare::Eq => $left.eq($right),
            Compare::Ne => $left.ne($right),
            Compare::Lt => $left.lt($right),
            Compare::Ge => $left.ge($right),
        }
    };
}

macro_rules! lower_term {
    ($term:ident, $key:expr) => {
        if $term.descending { $key.desc() } else { $key.asc() }
    };
}

/// The function for what is asked of an author: `$some` makes the test of a field that an absent author would lack.
macro_rules! lower_author {
    ($name:ident, $mode:ty, $some:expr) => {
        fn $name<S, L: Level>(a: AuthorFields<S, $mode>, atom: &AuthorAtom) -> Expr<S, bool> {
            match atom {
                AuthorAtom::Id(test) => tested(a.id, &$some(test.map(|id| id.map(Id::new)))),
                AuthorAtom::Name(test) => tested(a.name, &$some(test.clone())),
                AuthorAtom::NameText(test) => lower_text!(a.name, test),
                AuthorAtom::Country(test) => tested(a.country, test),
                AuthorAtom::CountryText(test) => lower_text!(a.country, test),
                AuthorAtom::CountryIsNone => a.country.is_none(),
                AuthorAtom::Born(test) => tested(a.born, test),
                AuthorAtom::Score(test) => tested(a.score, &$some(test.clone())),
                AuthorAtom::MentorId(test) => tested(a.mentor, &test.map(|id| id.map(Id::new))),
                AuthorAtom::Mentor(atom) => optional_author::<S, L>(a.mentor(), atom),
                AuthorAtom::Books(of) => L::books(a.books(), of),
                AuthorAtom::Edited(of) => L::books(a.edited(), of),
            }
        }
    };
}

/// Everything that a module of collections `Author`, `Book` and `Review` in schema `World` needs to answer queries.
macro_rules! lower {
    () => {
        use chrono::NaiveDate;
        use epilog::collection::{Expr, Many, Opt, Req};
        use epilog::prelude::*;
        use epilog::query::{Inner, Order, Query};

        use super::ask::{
            Ask, Asked, AuthorAtom, Belonging, BookAtom, BookKey, Clause, Compare, Exists, Output, Pred,
            ReviewAtom, Term, Text,
        };
        use super::library::{AuthorRow, BookRow, Library, ReviewRow};
        use super::lower::{Leaf, Over, lower_author, lower_compare, lower_term, lower_text};
        use crate::meaning::{Test, tested, tested_expr};

        epilog::schema!(pub World { Author, Book, Review });

        /// A database that holds a library.
        pub fn database(library: &Library) -> Database<World> {
            let db = World::in_memory().expect("a database");
            db.write(|tx| {
                tx.insert_all(library.authors.iter().map(Author::of))?;
                tx.insert_all(library.books.iter().map(Book::of))?;
                tx.insert_all(library.reviews.iter().map(Review::of))
            })
            .expect("a library");
            db
        }

        /// The rows of an answer, printed, in the order they come.
        pub fn answer(db: &Database<World>, ask: &Ask) -> Result<Vec<String>, Error> {
            match ask {
                Ask::Books { clauses, output } => books(db, clauses, *output),
                Ask::Authors { filter, by_name, limit } => {
                    let found = authors_query(filter, *by_name, *limit).all(db)?;
                    Ok(found.iter().map(|found| format!("{:?}", found.row())).collect())
                }
                Ask::Reviews { filter, by_stars, limit } => {
                    let found = reviews_query(filter, *by_stars, *limit).all(db)?;
                    Ok(found.iter().map(|found| format!("{:?}", found.row())).collect())
                }
            }
        }

        /// The plan of a query.
        pub fn explain(db: &Database<World>, ask: &Ask) -> String {
            let plan = match ask {
                Ask::Books { clauses, .. } => books_query(clauses).explain(db),
                Ask::Authors { filter, by_name, limit } => {
                    authors_query(filter, *by_name, *limit).explain(db)
                }
                Ask::Reviews { filter, by_stars, limit } => {
                    reviews_query(filter, *by_stars, *limit).explain(db)
                }
            };
            plan.map_or_else(|error| format!("no plan: {error}"), |plan| plan.to_string())
        }

        fn books(db: &Database<World>, clauses: &[Clause], output: Output) -> Result<Vec<String>, Error> {
            let query = books_query(clauses);
            let print = |found: &Book| format!("{:?}", found.row());
            Ok(match output {
                Output::Records => query.all(db)?.iter().map(print).collect(),
                Output::Stream => {
                    let tx = db.read()?;
                    let found: Vec<Book> = query.stream(&tx)?.collect::<Result<_, _>>()?;
                    found.iter().map(print).collect()
                }
                Output::First => query.first(db)?.iter().map(print).collect(),
                Output::Count => vec![query.count(db)?.to_string()],
                Output::Exists => vec![query.exists(db)?.to_string()],
                Output::Tuple => {
                    let query = query.select(|b| {
                        (
                            b.id,
                            b.title,
                            b.year * 2 - 1,
                            b.author().name,
                            b.editor().name,
                            b.author().mentor().score,
                            b.reviews().count(),
                            (-b.rating).unwrap_or(-1.0),
                        )
                    });
                    let found = query.all(db)?.into_iter();
                    found
                        .map(|(id, b, c, d, e, f, g, h)| format!("{:?}", (id.get(), b, c, d, e, f, g, h)))
                        .collect()
                }
                Output::Rows => {
                    let found = query.select(|b| (b.editor(), b, b.author())).all(db)?.into_iter();
                    found
                        .map(|(editor, book, author)| {
                            let editor = editor.map(|editor: Author| editor.row());
                            format!("{:?}", (editor, book.row(), author.row()))
                        })
                        .collect()
                }
                Output::Aggregate => {
                    let query = query.aggregate(|g| {
                        (
                            g.count(),
                            g.sum(|b| b.year),
                            g.avg(|b| b.year),
                            g.sum(|b| b.pages),
                            g.max(|b| b.pages),
                            g.avg(|b| b.rating),
                            g.min(|b| b.title),
                            g.max(|b| b.title),
                            g.min(|b| b.published),
                            g.max(|b| b.rating),
                        )
                    });
                    vec![format!("{:?}", query.one(db)?)]
                }
                Output::Groups => {
                    let query = query.group_by(|b| (b.active, b.year % 3)).select(|g| {
                        let (active, remainder) = g.key();
                        let long = g.filter(|b| b.pages.gt(100u32));
                        (
                            active,
                            remainder,
                            g.count(),
                            g.count_distinct(|b| b.title),
                            g.sum(|b| b.pages),
                            long.sum(|b| b.year),
                            g.max(|b| b.rating),
                        )
                    });
                    let found = query.all(db)?.into_iter();
                    found.map(|(a, b, c, d, e, f, g)| format!("{:?}", ((a, b), c, d, e, f, g))).collect()
                }
                Output::Countries => {
                    let query = query.group_by(|b| b.editor().country).having(|g| g.count().gt(1)).select(|g| {
                        let long = g.filter(|b| b.pages.gt(100u32));
                        (
                            g.key(),
                            g.count(),
                            g.count_distinct(|b| b.title),
                            g.sum(|b| b.pages),
                            long.sum(|b| b.year),
                            g.max(|b| b.rating),
                        )
                    });
                    query.all(db)?.iter().map(|group| format!("{group:?}")).collect()
                }
                Output::Reviewed => {
                    let pairs = query.join::<Review>(|(b, r)| r.book.eq(b.id)).all(db)?.into_iter();
                    pairs.map(|(book, review)| format!("{:?}", (book.row(), review.row()))).collect()
                }
                Output::Rated => {
                    let query = query
                        .left_join::<Review>(|(b, r)| r.book.eq(b.id) & r.stars.ge(3u8))
                        .select(|(b, r)| (b.id, b.title, r.stars, r.by));
                    let found = query.all(db)?.into_iter();
                    found
                        .map(|(id, title, stars, by)| {
                            format!("{:?}", (id.get(), title, stars, by.map(|by: Id<Author>| by.get())))
                        })
                        .collect()
                }
                Output::Namesakes => {
                    let query = query
                        .join::<Book>(|(b, other)| b.title.eq(other.title))
                        .filter(|(b, other)| b.author.ne(other.author))
                        .select(|(b, other)| (b.id, other.id));
                    let found = query.all(db)?.into_iter();
                    found.map(|(id, other)| format!("{:?}", (id.get(), other.get()))).collect()
                }
            })
        }

        fn books_query(clauses: &[Clause]) -> Query<Book, Book> {
            clauses.iter().fold(Book::query(), |query, clause| match clause {
                Clause::Filter(filter) => query.filter(|b| pred(filter, &|atom| root_book(b, atom))),
                Clause::Order(terms) => match terms.as_slice() {
                    [one] => query.order_by(|b| term(b, one)),
                    [one, two] => query.order_by(|b| (term(b, one), term(b, two))),
                    [one, two, three] => {
                        query.order_by(|b| (term(b, one), term(b, two), term(b, three)))
                    }
                    _ => unreachable!("one to three terms are drawn"),
                },
                Clause::Limit(count) => query.limit(*count),
                Clause::Offset(count) => query.offset(*count),
            })
        }

        fn authors_query(
            filter: &Pred<AuthorAtom>,
            by_name: bool,
            limit: Option<u64>,
        ) -> Query<Author, Author> {
            let query = Author::query().filter(|a| authors::<Author, Over<Over<Leaf>>>(a, filter));
            match (by_name, limit) {
                (false, _) => query,
                (true, None) => query.order_by(|a| a.name.desc()),
                (true, Some(limit)) => query.order_by(|a| a.name.desc()).limit(limit),
            }
        }

        fn reviews_query(
            filter: &Pred<ReviewAtom>,
            by_stars: bool,
            limit: Option<u64>,
        ) -> Query<Review, Review> {
            let query = Review::query()
                .filter(|r| pred(filter, &|atom| review::<Review, Over<Over<Leaf>>>(r, atom)));
            match (by_stars, limit) {
                (false, _) => query,
                (true, None) => query.order_by(|r| r.stars),
                (true, Some(limit)) => query.order_by(|r| r.stars).limit(limit),
            }
        }

        fn term(b: BookFields<Book>, term: &Term) -> Order<Book> {
            let order = match term.key {
                BookKey::Id => lower_term!(term, b.id),
                BookKey::Title => lower_term!(term, b.title),
                BookKey::Code => lower_term!(term, b.code),
                BookKey::Year => lower_term!(term, b.year),
                BookKey::YearRemainder => lower_term!(term, (b.year % 3)),
                BookKey::Pages => lower_term!(term, b.pages),
                BookKey::Rating => lower_term!(term, b.rating),
                BookKey::Active => lower_term!(term, b.active),
                BookKey::Published => lower_term!(term, b.published),
                BookKey::AuthorId => lower_term!(term, b.author),
                BookKey::AuthorName => lower_term!(term, b.author().name),
                BookKey::EditorName => lower_term!(term, b.editor().name),
                BookKey::MentorScore => lower_term!(term, b.author().mentor().score),
                BookKey::Reviews => lower_term!(term, b.reviews().count()),
            };
            match term.nulls_first {
                None => order,
                Some(true) => order.nulls_first(),
                Some(false) => order.nulls_last(),
            }
        }

        fn pred<S, A>(of: &Pred<A>, atom: &dyn Fn(&A) -> Expr<S, bool>) -> Expr<S, bool> {
            match of {
                Pred::Atom(a) => atom(a),
                Pred::And(left, right) => pred(left, atom) & pred(right, atom),
                Pred::Or(left, right) => pred(left, atom) | pred(right, atom),
                Pred::Not(inner) => !pred(inner, atom),
                Pred::AndBool(inner, value) => pred(inner, atom) & *value,
                Pred::OrBool(inner, value) => pred(inner, atom) | *value,
            }
        }

        /// What relations can be asked from the other side.
        trait Level {
            fn books<S>(many: Many<S, Book>, of: &Belonging<BookAtom>) -> Expr<S, bool>;
            fn reviews<S>(many: Many<S, Review>, of: &Belonging<ReviewAtom>) -> Expr<S, bool>;
        }

        impl Level for Leaf {
            fn books<S>(_: Many<S, Book>, _: &Belonging<BookAtom>) -> Expr<S, bool> {
                unreachable!("nothing is drawn below this level")
            }

            fn reviews<S>(_: Many<S, Review>, _: &Belonging<ReviewAtom>) -> Expr<S, bool> {
                unreachable!("nothing is drawn below this level")
            }
        }

        impl<L: Level> Level for Over<L> {
            fn books<S>(mut many: Many<S, Book>, of: &Belonging<BookAtom>) -> Expr<S, bool> {
                let is = |b: BookFields<Inner<S, Book>>, of: &Pred<BookAtom>| {
                    pred(of, &|atom| book::<Inner<S, Book>, L>(b, atom))
                };
                if let Some(filter) = &of.filter {
                    many = many.filter(|b| is(b, filter));
                }
                match &of.asked {
                    Asked::Any(of) => many.any(|b| is(b, of)),
                    Asked::All(of) => many.all(|b| is(b, of)),
                    Asked::None(of) => many.none(|b| is(b, of)),
                    Asked::Count(test) => tested_expr(many.count(), test),
                    Asked::Empty => many.is_empty(),
                }
            }

            fn reviews<S>(mut many: Many<S, Review>, of: &Belonging<ReviewAtom>) -> Expr<S, bool> {
                let is = |r: ReviewFields<Inner<S, Review>>, of: &Pred<ReviewAtom>| {
                    pred(of, &|atom| review::<Inner<S, Review>, L>(r, atom))
                };
                if let Some(filter) = &of.filter {
                    many = many.filter(|r| is(r, filter));
                }
                match &of.asked {
                    Asked::Any(of) => many.any(|r| is(r, of)),
                    Asked::All(of) => many.all(|r| is(r, of)),
                    Asked::None(of) => many.none(|r| is(r, of)),
                    Asked::Count(test) => tested_expr(many.count(), test),
                    Asked::Empty => many.is_empty(),
                }
            }
        }

        fn authors<S, L: Level>(a: AuthorFields<S>, of: &Pred<AuthorAtom>) -> Expr<S, bool> {
            pred(of, &|atom| author::<S, L>(a, atom))
        }

        lower_author!(author, Req, required);
        lower_author!(optional_author, Opt, core::convert::identity);

        /// The test of a field that is always present.
        fn required<T: Clone>(test: Test<Option<T>>) -> Test<T> {
            test.map(|value| value.clone().expect("a required field is compared with values only"))
        }

        fn review<S, L: Level>(r: ReviewFields<S>, atom: &ReviewAtom) -> Expr<S, bool> {
            match atom {
                ReviewAtom::Stars(test) => tested(r.stars, test),
                ReviewAtom::Text(test) => tested(r.text, test),
                ReviewAtom::TextText(test) => lower_text!(r.text, test),
                ReviewAtom::ById(test) => tested(r.by, &test.map(|id| id.map(Id::new))),
                ReviewAtom::By(atom) => optional_author::<S, L>(r.by(), atom),
                ReviewAtom::Book(atom) => book::<S, L>(r.book(), atom),
                ReviewAtom::Writer(atom) => author::<S, L>(r.book().author(), atom),
            }
        }

        fn book<S, L: Level>(b: BookFields<S>, atom: &BookAtom) -> Expr<S, bool> {
            match atom {
                BookAtom::Id(test) => tested(b.id, &test.map(|id| Id::new(*id))),
                BookAtom::Title(test) => tested(b.title, test),
                BookAtom::TitleText(test) => lower_text!(b.title, test),
                BookAtom::Code(test) => tested(b.code, test),
                BookAtom::CodeIsSome => b.code.is_some(),
                BookAtom::Year(test) => tested(b.year, test),
                BookAtom::YearPlus(more, test) => tested_expr(b.year + more, test),
                BookAtom::YearRemainder(divisor, test) => tested_expr(b.year % divisor, test),
                BookAtom::Pages(test) => tested(b.pages, test),
                BookAtom::PagesOr(default, test) => tested_expr(b.pages.unwrap_or(default), test),
                BookAtom::PagesTimes(test) => tested_expr(b.pages * 2, test),
                BookAtom::Rating(test) => tested(b.rating, test),
                BookAtom::Active => b.active & true,
                BookAtom::ActiveTest(test) => tested(b.active, test),
                BookAtom::Published(test) => tested(b.published, test),
                BookAtom::PublishedDay(test) => tested_expr(b.published.day(), test),
                BookAtom::AuthorId(test) => tested(b.author, &test.map(|id| Id::new(*id))),
                BookAtom::EditorId(test) => tested(b.editor, &test.map(|id| id.map(Id::new))),
                BookAtom::EditorIsNone => b.editor.is_none(),
                BookAtom::EditorIsAuthor => b.editor.eq(b.author),
                BookAtom::TitleAuthor(with) => lower_compare!(b.title, with, b.author().name),
                BookAtom::EditorTitle(with) => lower_compare!(b.editor().name, with, b.title),
                BookAtom::Countries(with) => {
                    lower_compare!(b.author().country, with, b.editor().country)
                }
                BookAtom::Author(atom) => author::<S, L>(b.author(), atom),
                BookAtom::Editor(atom) => optional_author::<S, L>(b.editor(), atom),
                BookAtom::Reviews(of) => L::reviews(b.reviews(), of),
                BookAtom::Exists(_) => unreachable!("drawn at the root only"),
            }
        }

        fn root_book(b: BookFields<Book>, atom: &BookAtom) -> Expr<Book, bool> {
            match atom {
                BookAtom::Exists(exists) => is_there(b, exists),
                atom => book::<Book, Over<Over<Leaf>>>(b, atom),
            }
        }

        fn is_there(b: BookFields<Book>, exists: &Exists) -> Expr<Book, bool> {
            match exists {
                Exists::Compatriot(of) => b.exists::<Author>(|(b, a)| {
                    a.country.eq(b.author().country) & authors::<_, Leaf>(a, of)
                }),
                Exists::Editor(of) => {
                    b.exists::<Author>(|(b, a)| b.editor.eq(a.id) & authors::<_, Leaf>(a, of))
                }
                Exists::Younger(of) => {
                    b.exists::<Author>(|(b, a)| authors::<_, Leaf>(a, of) & a.born.gt(b.year))
                }
                Exists::SameTitle(of) => b.exists::<Book>(|(b, other)| {
                    other.title.eq(b.title)
                        & other.id.ne(b.id)
                        & pred(of, &|atom| book::<_, Leaf>(other, atom))
                }),
                Exists::Reviewer(of, who) => b.exists::<Review>(|(b, r)| {
                    r.book.eq(b.id)
                        & pred(of, &|atom| review::<_, Leaf>(r, atom))
                        & r.exists::<Author>(|(b, r, a)| {
                            r.by.eq(a.id) & a.name.lt(b.title) & authors::<_, Leaf>(a, who)
                        })
                }),
                Exists::ReviewedBy(of) => b.reviews().any(|r| {
                    r.exists::<Author>(|(r, a)| r.by.eq(a.id) & authors::<_, Leaf>(a, of))
                }),
                Exists::Anyone(of) => b.exists::<Author>(|(_, a)| authors::<_, Leaf>(a, of)),
            }
        }

        impl Author {
            fn of(row: &AuthorRow) -> Author {
                let AuthorRow { id, name, country, born, score, mentor } = row.clone();
                Author { id: Id::new(id), name, country, born, score, mentor: mentor.map(Id::new) }
            }

            fn row(&self) -> AuthorRow {
                let Author { id, name, country, born, score, mentor } = self.clone();
                AuthorRow { id: id.get(), name, country, born, score, mentor: mentor.map(Id::get) }
            }
        }

        impl Book {
            fn of(row: &BookRow) -> Book {
                let row = row.clone();
                Book {
                    id: Id::new(row.id),
                    title: row.title,
                    code: row.code,
                    author: Id::new(row.author),
                    editor: row.editor.map(Id::new),
                    year: row.year,
                    pages: row.pages,
                    rating: row.rating,
                    active: row.active,
                    published: row.published,
                    note: row.note,
                }
            }

            fn row(&self) -> BookRow {
                let book = self.clone();
                BookRow {
                    id: book.id.get(),
                    title: book.title,
                    code: book.code,
                    author: book.author.get(),
                    editor: book.editor.map(Id::get),
                    year: book.year,
                    pages: book.pages,
                    rating: book.rating,
                    active: book.active,
                    published: book.published,
                    note: book.note,
                }
            }
        }

        impl Review {
            fn of(row: &ReviewRow) -> Review {
                let ReviewRow { id, book, stars, text, by } = row.clone();
                Review { id: Id::new(id), book: Id::new(book), stars, text, by: by.map(Id::new) }
            }

            fn row(&self) -> ReviewRow {
                let Review { id, book, stars, text, by } = self.clone();
                ReviewRow { id: id.get(), book: book.get(), stars, text, by: by.map(Id::get) }
            }
        }
    };
}

pub(crate) use {lower, lower_author, lower_compare, lower_term, lower_text};

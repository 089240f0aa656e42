//! Random queries: a small language of its own, and how a query of it is drawn.

use chrono::NaiveDate;
use epilog_tests::random::Random;

use super::library::{Library, date, text};
use crate::meaning::Test;

/// A predicate over atoms.
#[derive(Clone, Debug)]
pub enum Pred<A> {
    Atom(A),
    And(Box<Pred<A>>, Box<Pred<A>>),
    Or(Box<Pred<A>>, Box<Pred<A>>),
    Not(Box<Pred<A>>),
    AndBool(Box<Pred<A>>, bool),
    OrBool(Box<Pred<A>>, bool),
}

/// A test of a text.
#[derive(Clone, Debug)]
pub enum Text {
    StartsWith(String),
    EndsWith(String),
    Contains(String),
    Like(String),
    Matches(String),
    Upper(String),
    Length(u64),
}

/// Something about the records on the reverse side of a relation.
#[derive(Clone, Debug)]
pub struct Belonging<A> {
    pub filter: Option<Pred<A>>,
    pub asked: Asked<A>,
}

#[derive(Clone, Debug)]
pub enum Asked<A> {
    Any(Pred<A>),
    All(Pred<A>),
    None(Pred<A>),
    Count(Test<u64>),
    Empty,
}

/// Something about an author, who may be absent. Where one cannot be, no literal is `None` but those of optional fields.
#[derive(Clone, Debug)]
pub enum AuthorAtom {
    Id(Test<Option<u64>>),
    Name(Test<Option<String>>),
    NameText(Text),
    Country(Test<Option<String>>),
    CountryText(Text),
    CountryIsNone,
    Born(Test<Option<i32>>),
    Score(Test<Option<f64>>),
    MentorId(Test<Option<u64>>),
    Mentor(Box<AuthorAtom>),
    Books(Box<Belonging<BookAtom>>),
    Edited(Box<Belonging<BookAtom>>),
}

/// Something about a book.
#[derive(Clone, Debug)]
pub enum BookAtom {
    Id(Test<u64>),
    Title(Test<String>),
    TitleText(Text),
    Code(Test<Option<u32>>),
    CodeIsSome,
    Year(Test<i32>),
    YearPlus(i32, Test<i32>),
    YearRemainder(i32, Test<i32>),
    Pages(Test<Option<u32>>),
    PagesOr(u32, Test<u32>),
    PagesTimes(Test<Option<u32>>),
    Rating(Test<Option<f64>>),
    Active,
    ActiveTest(Test<bool>),
    Published(Test<Option<NaiveDate>>),
    PublishedDay(Test<Option<u32>>),
    AuthorId(Test<u64>),
    EditorId(Test<Option<u64>>),
    EditorIsNone,
    EditorIsAuthor,
    /// The title with the author's name.
    TitleAuthor(Compare),
    /// The editor's name with the title.
    EditorTitle(Compare),
    /// The author's country with the editor's.
    Countries(Compare),
    Author(AuthorAtom),
    Editor(AuthorAtom),
    Reviews(Box<Belonging<ReviewAtom>>),
    /// At the root only.
    Exists(Box<Exists>),
}

/// Something about a review.
#[derive(Clone, Debug)]
pub enum ReviewAtom {
    Stars(Test<u8>),
    Text(Test<Option<String>>),
    TextText(Text),
    ById(Test<Option<u64>>),
    By(AuthorAtom),
    Book(BookAtom),
    /// Of the author of the book.
    Writer(AuthorAtom),
}

/// A comparison of two fields.
#[derive(Clone, Copy, Debug)]
pub enum Compare {
    Eq,
    Ne,
    Lt,
    Ge,
}

/// Whether there is a record of some collection that has to do with a book.
#[derive(Clone, Debug)]
pub enum Exists {
    /// An author from where the book's is from.
    Compatriot(Pred<AuthorAtom>),
    /// Its editor.
    Editor(Pred<AuthorAtom>),
    /// An author born after the book's year: no equality.
    Younger(Pred<AuthorAtom>),
    /// Another book of the same title.
    SameTitle(Pred<BookAtom>),
    /// A review of it whose reviewer is named before the title.
    Reviewer(Pred<ReviewAtom>, Pred<AuthorAtom>),
    /// A review, found over the relation, whose reviewer exists: correlated inside a reverse side.
    ReviewedBy(Pred<AuthorAtom>),
    /// Any author at all: nothing to do with the book.
    Anyone(Pred<AuthorAtom>),
}

/// What books are ordered by.
#[derive(Clone, Copy, Debug)]
pub enum BookKey {
    Id,
    Title,
    Code,
    Year,
    YearRemainder,
    Pages,
    Rating,
    Active,
    Published,
    AuthorId,
    AuthorName,
    EditorName,
    MentorScore,
    Reviews,
}

/// One term of an ordering.
#[derive(Clone, Copy, Debug)]
pub struct Term {
    pub key: BookKey,
    pub descending: bool,
    pub nulls_first: Option<bool>,
}

/// One clause.
#[derive(Clone, Debug)]
pub enum Clause {
    Filter(Pred<BookAtom>),
    Order(Vec<Term>),
    Limit(u64),
    Offset(u64),
}

/// What is wanted of a query over books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    Records,
    Stream,
    Tuple,
    Rows,
    Count,
    Exists,
    First,
    Aggregate,
    /// By year's remainder and whether it is active.
    Groups,
    /// By the editor's country, with few left out.
    Countries,
    /// Books and their reviews, in pairs.
    Reviewed,
    /// Every book beside its reviews of some stars.
    Rated,
    /// Books of one title, of two authors.
    Namesakes,
}

impl Output {
    /// Whether the records' order is that of what comes out.
    pub fn keeps_order(self) -> bool {
        use Output as O;
        !matches!(self, O::Groups | O::Countries | O::Reviewed | O::Rated | O::Namesakes)
    }
}

/// A query.
#[derive(Clone, Debug)]
pub enum Ask {
    Books { clauses: Vec<Clause>, output: Output },
    Authors { filter: Pred<AuthorAtom>, by_name: bool, limit: Option<u64> },
    Reviews { filter: Pred<ReviewAtom>, by_stars: bool, limit: Option<u64> },
}

/// Draws queries.
pub struct Draw<'l> {
    random: Random,
    library: &'l Library,
}

impl<'l> Draw<'l> {
    /// Draws from `seed`.
    pub fn new(seed: u64, library: &'l Library) -> Draw<'l> {
        Draw { random: Random::new(seed), library }
    }

    /// A query.
    pub fn ask(&mut self) -> Ask {
        match self.below(6) {
            0 => {
                let filter = self.pred(2, &mut |draw| draw.author(2, false));
                Ask::Authors { filter, by_name: self.chance(1, 2), limit: self.window() }
            }
            1 => {
                let filter = self.pred(2, &mut |draw| draw.review(2));
                Ask::Reviews { filter, by_stars: self.chance(1, 2), limit: self.window() }
            }
            _ => self.books(),
        }
    }

    fn books(&mut self) -> Ask {
        let mut clauses = Vec::new();
        let mut ordered = false;
        for _ in 0..self.below(5) {
            clauses.push(match self.below(8) {
                0..=3 => Clause::Filter(self.pred(2, &mut |draw| draw.book(2, true))),
                4 | 5 => {
                    ordered = true;
                    Clause::Order((0..1 + self.below(3)).map(|_| self.term()).collect())
                }
                // Which records a window is on is not said unless there is an order.
                6 if ordered => Clause::Limit(self.below(40)),
                7 if ordered => Clause::Offset(self.below(20)),
                _ => continue,
            });
        }
        let outputs = [
            Output::Records,
            Output::Records,
            Output::Stream,
            Output::Tuple,
            Output::Rows,
            Output::Count,
            Output::Exists,
            Output::First,
            Output::Aggregate,
            Output::Groups,
            Output::Countries,
            Output::Reviewed,
            Output::Rated,
            Output::Namesakes,
        ];
        let mut output = outputs[self.below(outputs.len() as u64) as usize];
        if output == Output::First && !ordered {
            output = Output::Records;
        }
        Ask::Books { clauses, output }
    }

    fn window(&mut self) -> Option<u64> {
        self.chance(1, 2).then(|| self.below(20))
    }

    fn term(&mut self) -> Term {
        use BookKey as K;
        let keys = [
            K::Id,
            K::Title,
            K::Code,
            K::Year,
            K::YearRemainder,
            K::Pages,
            K::Rating,
            K::Active,
            K::Published,
            K::AuthorId,
            K::AuthorName,
            K::EditorName,
            K::MentorScore,
            K::Reviews,
        ];
        let key = keys[self.below(keys.len() as u64) as usize];
        let nulls_first = self.chance(1, 3).then(|| self.chance(1, 2));
        Term { key, descending: self.chance(1, 2), nulls_first }
    }

    fn pred<A>(&mut self, depth: u32, atom: &mut dyn FnMut(&mut Self) -> A) -> Pred<A> {
        if depth == 0 {
            return Pred::Atom(atom(self));
        }
        match self.below(12) {
            0..=3 => Pred::Atom(atom(self)),
            4..=6 => Pred::And(Box::new(self.pred(depth - 1, atom)), Box::new(self.pred(depth - 1, atom))),
            7 | 8 => Pred::Or(Box::new(self.pred(depth - 1, atom)), Box::new(self.pred(depth - 1, atom))),
            9 | 10 => Pred::Not(Box::new(self.pred(depth - 1, atom))),
            _ if self.chance(1, 2) => Pred::AndBool(Box::new(self.pred(depth - 1, atom)), self.chance(3, 4)),
            _ => Pred::OrBool(Box::new(self.pred(depth - 1, atom)), self.chance(1, 4)),
        }
    }

    /// `level`: how deep relations may still be looked into from the other side.
    fn book(&mut self, level: u32, root: bool) -> BookAtom {
        match self.below(if root {
            34
        } else if level > 0 {
            29
        } else {
            26
        }) {
            0 => BookAtom::Id(self.test(|draw| draw.some_book().id)),
            1 | 2 => BookAtom::Title(self.test(|draw| draw.some_book().title.clone())),
            3 | 4 => BookAtom::TitleText(self.text()),
            5 => BookAtom::Code(self.test(|draw| draw.some_book().code)),
            6 => BookAtom::CodeIsSome,
            7 | 8 => BookAtom::Year(self.test(|draw| draw.some_book().year)),
            9 => BookAtom::YearPlus(self.small(), self.test(|draw| draw.some_book().year)),
            10 => BookAtom::YearRemainder(1 + self.below(5) as i32, self.test(Self::small)),
            11 => BookAtom::Pages(self.test(|draw| draw.some_book().pages)),
            12 => BookAtom::PagesOr(self.below(100) as u32, self.test(|draw| draw.below(100) as u32)),
            13 => BookAtom::PagesTimes(self.test(|draw| draw.some_book().pages.map(|pages| pages * 2))),
            14 => BookAtom::Rating(self.test(|draw| draw.some_book().rating)),
            15 => BookAtom::Active,
            16 => BookAtom::ActiveTest(self.test(|draw| draw.chance(1, 2))),
            17 => BookAtom::Published(self.test(|draw| {
                let date = date(&mut draw.random);
                draw.maybe(date)
            })),
            18 => BookAtom::PublishedDay(self.test(|draw| {
                let day = 1 + draw.below(31) as u32;
                draw.maybe(day)
            })),
            19 => BookAtom::AuthorId(self.test(|draw| draw.some_book().author)),
            20 => BookAtom::EditorId(self.test(|draw| draw.some_book().editor)),
            21 => match self.below(3) {
                0 => BookAtom::EditorIsNone,
                1 => BookAtom::EditorIsAuthor,
                _ => BookAtom::Countries(self.compare()),
            },
            22 => BookAtom::TitleAuthor(self.compare()),
            23 => BookAtom::EditorTitle(self.compare()),
            24 => BookAtom::Author(self.author(level.saturating_sub(1), false)),
            25 => BookAtom::Editor(self.author(level.saturating_sub(1), true)),
            26..=28 => BookAtom::Reviews(Box::new(self.belonging(&mut |draw| draw.review(level - 1)))),
            _ => BookAtom::Exists(Box::new(self.exists())),
        }
    }

    fn author(&mut self, level: u32, absent: bool) -> AuthorAtom {
        match self.below(if level > 0 { 16 } else { 12 }) {
            0 => AuthorAtom::Id(self.test_of(absent, |draw| draw.some_author().id)),
            1 | 2 => AuthorAtom::Name(self.test_of(absent, |draw| draw.some_author().name.clone())),
            3 => AuthorAtom::NameText(self.text()),
            4 => AuthorAtom::Country(self.test(|draw| draw.some_author().country.clone())),
            5 => AuthorAtom::CountryText(self.text()),
            6 => AuthorAtom::CountryIsNone,
            7 => AuthorAtom::Born(self.test(|draw| draw.some_author().born)),
            8 => AuthorAtom::Score(self.test_of(absent, |draw| draw.some_author().score)),
            9 => AuthorAtom::MentorId(self.test(|draw| draw.some_author().mentor)),
            10 | 11 => AuthorAtom::Mentor(Box::new(if self.chance(1, 3) {
                AuthorAtom::Mentor(Box::new(self.plain_author()))
            } else {
                self.plain_author()
            })),
            12 | 13 => AuthorAtom::Edited(Box::new(self.belonging(&mut |draw| draw.book(level - 1, false)))),
            _ => AuthorAtom::Books(Box::new(self.belonging(&mut |draw| draw.book(level - 1, false)))),
        }
    }

    /// About an author who may be absent, and nothing beyond.
    fn plain_author(&mut self) -> AuthorAtom {
        loop {
            let atom = self.author(0, true);
            if !matches!(atom, AuthorAtom::Mentor(_)) {
                return atom;
            }
        }
    }

    fn review(&mut self, level: u32) -> ReviewAtom {
        match self.below(10) {
            0 | 1 => ReviewAtom::Stars(self.test(|draw| draw.below(6) as u8)),
            2 => ReviewAtom::Text(self.test(|draw| {
                let text = text(&mut draw.random);
                draw.maybe(text)
            })),
            3 => ReviewAtom::TextText(self.text()),
            4 => ReviewAtom::ById(self.test(|draw| draw.some_book().editor)),
            5 | 6 => ReviewAtom::By(self.author(level.saturating_sub(1), true)),
            7 => ReviewAtom::Writer(self.author(level.saturating_sub(1), false)),
            _ => ReviewAtom::Book(self.book(level.saturating_sub(1), false)),
        }
    }

    fn belonging<A>(&mut self, atom: &mut dyn FnMut(&mut Self) -> A) -> Belonging<A> {
        let filter = self.chance(1, 3).then(|| self.pred(1, atom));
        let asked = match self.below(8) {
            0..=2 => Asked::Any(self.pred(1, atom)),
            3 => Asked::All(self.pred(1, atom)),
            4 => Asked::None(self.pred(1, atom)),
            5 => Asked::Empty,
            _ => Asked::Count(self.test(|draw| draw.below(5))),
        };
        Belonging { filter, asked }
    }

    fn exists(&mut self) -> Exists {
        let author = |draw: &mut Self| draw.pred(1, &mut |draw| draw.author(0, false));
        match self.below(7) {
            0 => Exists::Compatriot(author(self)),
            1 => Exists::Editor(author(self)),
            2 => Exists::Younger(author(self)),
            3 => Exists::SameTitle(self.pred(1, &mut |draw| draw.book(0, false))),
            4 => Exists::Reviewer(self.pred(1, &mut |draw| draw.review(0)), author(self)),
            5 => Exists::ReviewedBy(author(self)),
            _ => Exists::Anyone(author(self)),
        }
    }

    fn compare(&mut self) -> Compare {
        [Compare::Eq, Compare::Ne, Compare::Lt, Compare::Ge][self.below(4) as usize]
    }

    fn text(&mut self) -> Text {
        let part = text(&mut self.random);
        match self.below(8) {
            0 | 1 => Text::StartsWith(part),
            2 => Text::EndsWith(part),
            3 => Text::Contains(part),
            4 => {
                let patterns = ["a%", "%b", "_", "%", "ab_%", "\\%%", "\\_", "%é%", "a%b", "日_", ""];
                Text::Like(patterns[self.below(patterns.len() as u64) as usize].into())
            }
            5 => {
                let globs = ["a*", "*b", "?", "*", "[a-b]*", "[!a]*", "é?", "*a*b*", "ab", ""];
                Text::Matches(globs[self.below(globs.len() as u64) as usize].into())
            }
            6 => Text::Upper(part.to_uppercase()),
            _ => Text::Length(self.below(6)),
        }
    }

    fn test<T>(&mut self, mut value: impl FnMut(&mut Self) -> T) -> Test<T> {
        match self.below(10) {
            0..=2 => Test::Eq(value(self)),
            3 => Test::Ne(value(self)),
            4 => Test::Lt(value(self)),
            5 => Test::Le(value(self)),
            6 => Test::Gt(value(self)),
            7 => Test::Ge(value(self)),
            8 => Test::Between(value(self), value(self)),
            _ => Test::In((0..self.below(5)).map(|_| value(self)).collect()),
        }
    }

    /// A test of what is optional if `absent`, with a `None` now and then.
    fn test_of<T>(&mut self, absent: bool, mut value: impl FnMut(&mut Self) -> T) -> Test<Option<T>> {
        self.test(|draw| {
            let value = value(draw);
            if absent { draw.maybe(value) } else { Some(value) }
        })
    }

    fn maybe<T>(&mut self, value: T) -> Option<T> {
        self.chance(7, 8).then_some(value)
    }

    fn some_book(&mut self) -> &'l super::library::BookRow {
        let books = &self.library.books;
        &books[self.below(books.len() as u64) as usize]
    }

    fn some_author(&mut self) -> &'l super::library::AuthorRow {
        let authors = &self.library.authors;
        &authors[self.below(authors.len() as u64) as usize]
    }

    fn small(&mut self) -> i32 {
        self.below(9) as i32 - 4
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random.below(bound)
    }

    fn chance(&mut self, numerator: u64, denominator: u64) -> bool {
        self.random.chance(numerator, denominator)
    }
}

//! The library without indexes, but those of relations.

super::lower::lower!();

/// See [`AuthorRow`].
#[derive(Collection, Clone, Debug)]
#[has_many(books: Book::author, edited: Book::editor)]
pub struct Author {
    id: Id<Author>,
    name: String,
    country: Option<String>,
    born: Option<i32>,
    score: f64,
    mentor: Option<Id<Author>>,
}

/// See [`BookRow`].
#[derive(Collection, Clone, Debug)]
#[has_many(reviews: Review::book)]
pub struct Book {
    id: Id<Book>,
    title: String,
    code: Option<u32>,
    author: Id<Author>,
    editor: Option<Id<Author>>,
    year: i32,
    pages: Option<u32>,
    rating: Option<f64>,
    active: bool,
    published: Option<NaiveDate>,
    note: String,
}

/// See [`ReviewRow`].
#[derive(Collection, Clone, Debug)]
pub struct Review {
    id: Id<Review>,
    book: Id<Book>,
    stars: u8,
    text: Option<String>,
    by: Option<Id<Author>>,
}

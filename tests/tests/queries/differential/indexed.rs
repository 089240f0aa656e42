//! The library with an index on everything that can have one, alone and with others.

super::lower::lower!();

/// See [`AuthorRow`].
#[derive(Collection, Clone, Debug)]
#[has_many(books: Book::author, edited: Book::editor)]
#[index(country, born)]
pub struct Author {
    id: Id<Author>,
    #[index]
    name: String,
    country: Option<String>,
    #[index]
    born: Option<i32>,
    #[index]
    score: f64,
    mentor: Option<Id<Author>>,
}

/// See [`BookRow`].
#[derive(Collection, Clone, Debug)]
#[has_many(reviews: Review::book)]
#[index(author, title)]
#[index(year, pages, active)]
pub struct Book {
    id: Id<Book>,
    #[index]
    title: String,
    #[unique]
    code: Option<u32>,
    author: Id<Author>,
    editor: Option<Id<Author>>,
    #[index]
    year: i32,
    #[index]
    pages: Option<u32>,
    #[index]
    rating: Option<f64>,
    #[index]
    active: bool,
    #[index]
    published: Option<NaiveDate>,
    note: String,
}

/// See [`ReviewRow`].
#[derive(Collection, Clone, Debug)]
#[index(book, stars)]
pub struct Review {
    id: Id<Review>,
    book: Id<Book>,
    #[index]
    stars: u8,
    #[index]
    text: Option<String>,
    by: Option<Id<Author>>,
}

//! The data that random queries are asked of, as plain structs.

use chrono::NaiveDate;
use epilog_tests::random::Random;

/// Who writes. `mentor` points at another.
#[derive(Clone, Debug, PartialEq)]
pub struct AuthorRow {
    pub id: u64,
    pub name: String,
    pub country: Option<String>,
    pub born: Option<i32>,
    pub score: f64,
    pub mentor: Option<u64>,
}

/// What is written. Ratings are quarters, so that sums of them are exact in whatever order.
#[derive(Clone, Debug, PartialEq)]
pub struct BookRow {
    pub id: u64,
    pub title: String,
    pub code: Option<u32>,
    pub author: u64,
    pub editor: Option<u64>,
    pub year: i32,
    pub pages: Option<u32>,
    pub rating: Option<f64>,
    pub active: bool,
    pub published: Option<NaiveDate>,
    pub note: String,
}

/// What is said of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ReviewRow {
    pub id: u64,
    pub book: u64,
    pub stars: u8,
    pub text: Option<String>,
    pub by: Option<u64>,
}

/// All of it. Ids count from 1, in the order of the vectors.
#[derive(Debug)]
pub struct Library {
    pub authors: Vec<AuthorRow>,
    pub books: Vec<BookRow>,
    pub reviews: Vec<ReviewRow>,
    books_of: Vec<Vec<usize>>,
    edited_by: Vec<Vec<usize>>,
    reviews_of: Vec<Vec<usize>>,
}

const AUTHORS: u64 = 37;
const BOOKS: u64 = 260;
const REVIEWS: u64 = 420;

/// Words that titles and names are made of: few, so that many are equal, with prefixes in common.
pub const WORDS: &[&str] = &["a", "ab", "abc", "Ab", "b", "ba", "é", "éa", "日本", "a\0b", "_", "%", ""];

impl Library {
    /// A library; the same seed gives the same one.
    pub fn new(seed: u64) -> Library {
        let random = &mut Random::new(seed);
        let authors: Vec<AuthorRow> = (1..=AUTHORS).map(|id| author(random, id)).collect();
        let mut codes: Vec<u32> = (0..BOOKS as u32).collect();
        let books: Vec<BookRow> = (1..=BOOKS).map(|id| book(random, id, &mut codes)).collect();
        let reviews: Vec<ReviewRow> = (1..=REVIEWS).map(|id| review(random, id)).collect();
        let mut books_of = vec![Vec::new(); authors.len()];
        let mut edited_by = vec![Vec::new(); authors.len()];
        for (position, book) in books.iter().enumerate() {
            books_of[book.author as usize - 1].push(position);
            if let Some(editor) = book.editor {
                edited_by[editor as usize - 1].push(position);
            }
        }
        let mut reviews_of = vec![Vec::new(); books.len()];
        for (position, review) in reviews.iter().enumerate() {
            reviews_of[review.book as usize - 1].push(position);
        }
        Library { authors, books, reviews, books_of, edited_by, reviews_of }
    }

    /// The author with this id.
    pub fn author(&self, id: u64) -> &AuthorRow {
        &self.authors[id as usize - 1]
    }

    /// The book with this id.
    pub fn book(&self, id: u64) -> &BookRow {
        &self.books[id as usize - 1]
    }

    /// What an author wrote; nothing if there is no author.
    pub fn books_of(&self, author: Option<&AuthorRow>) -> impl Iterator<Item = &BookRow> {
        let positions = author.map_or(&[][..], |author| &self.books_of[author.id as usize - 1]);
        positions.iter().map(|position| &self.books[*position])
    }

    /// What an author edited.
    pub fn edited_by(&self, author: Option<&AuthorRow>) -> impl Iterator<Item = &BookRow> {
        let positions = author.map_or(&[][..], |author| &self.edited_by[author.id as usize - 1]);
        positions.iter().map(|position| &self.books[*position])
    }

    /// What was said of a book.
    pub fn reviews_of(&self, book: &BookRow) -> impl Iterator<Item = &ReviewRow> {
        self.reviews_of[book.id as usize - 1].iter().map(|position| &self.reviews[*position])
    }
}

fn author(random: &mut Random, id: u64) -> AuthorRow {
    let scores = [0.0, -0.0, 1.5, -2.25, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e-300];
    AuthorRow {
        id,
        name: format!("{}{}", text(random), random.below(30)),
        country: maybe(random, text),
        born: maybe(random, |random| random.below(12) as i32 - 6),
        score: scores[random.below(8) as usize],
        mentor: maybe(random, |random| 1 + random.below(AUTHORS)),
    }
}

fn book(random: &mut Random, id: u64, codes: &mut Vec<u32>) -> BookRow {
    // Now and then a note that lies out of line, so that records are spread over several leaves.
    let note = if random.chance(1, 20) { 5000 } else { random.below(120) };
    BookRow {
        id,
        title: text(random),
        code: maybe(random, |random| codes.swap_remove(random.below(codes.len() as u64) as usize)),
        author: 1 + random.below(AUTHORS),
        editor: maybe(random, |random| 1 + random.below(AUTHORS)),
        year: random.below(20) as i32 - 5,
        pages: maybe(random, |random| random.below(10) as u32 * 10),
        rating: maybe(random, |random| random.below(12) as f64 / 4.0 - 0.5),
        active: random.chance(1, 2),
        published: maybe(random, date),
        note: "n".repeat(note as usize),
    }
}

fn review(random: &mut Random, id: u64) -> ReviewRow {
    ReviewRow {
        id,
        // Some books have none.
        book: 1 + random.below(BOOKS * 3 / 4),
        stars: random.below(6) as u8,
        text: maybe(random, text),
        by: maybe(random, |random| 1 + random.below(AUTHORS)),
    }
}

/// One of a few dates.
pub fn date(random: &mut Random) -> NaiveDate {
    let day = NaiveDate::from_ymd_opt(1999, 12, 25).expect("a day of the calendar");
    day + chrono::Days::new(random.below(12))
}

/// One or two words.
pub fn text(random: &mut Random) -> String {
    let mut text = String::from(word(random));
    if random.chance(1, 2) {
        text.push_str(word(random));
    }
    text
}

fn word(random: &mut Random) -> &'static str {
    WORDS[random.below(WORDS.len() as u64) as usize]
}

fn maybe<T>(random: &mut Random, value: impl FnOnce(&mut Random) -> T) -> Option<T> {
    random.chance(3, 4).then(|| value(random))
}

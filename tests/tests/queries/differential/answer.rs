//! The answer to a query, from the vectors: the plainest reading of what each clause says.

use std::cmp::Ordering;

use chrono::Datelike;

use super::ask::{
    Ask, Asked, AuthorAtom, Belonging, BookAtom, BookKey, Clause, Compare, Exists, Output, Pred, ReviewAtom,
    Term, Text,
};
use super::library::{AuthorRow, BookRow, Library, ReviewRow};
use crate::meaning::{Ordered, is_glob, is_like};

/// The rows of an answer, printed; those of an answer without an order are sorted.
pub fn answer(library: &Library, ask: &Ask) -> Vec<String> {
    match ask {
        Ask::Books { clauses, output } => books(library, clauses, *output),
        Ask::Authors { filter, by_name, limit } => {
            let mut found: Vec<&AuthorRow> = library.authors.iter().collect();
            found.retain(|row| holds(filter, &mut |atom| author(library, Some(row), atom)));
            if *by_name {
                found.sort_by(|a, b| b.name.cmp(&a.name));
                found.truncate(limit.map_or(usize::MAX, |limit| limit as usize));
            }
            found.iter().map(|row| format!("{row:?}")).collect()
        }
        Ask::Reviews { filter, by_stars, limit } => {
            let mut found: Vec<&ReviewRow> = library.reviews.iter().collect();
            found.retain(|row| holds(filter, &mut |atom| review(library, row, atom)));
            if *by_stars {
                found.sort_by_key(|row| row.stars);
                found.truncate(limit.map_or(usize::MAX, |limit| limit as usize));
            }
            found.iter().map(|row| format!("{row:?}")).collect()
        }
    }
}

/// Whether the rows of an answer come in an order that the query asks for.
pub fn is_ordered(ask: &Ask) -> bool {
    match ask {
        Ask::Books { clauses, output } => {
            output.keeps_order() && clauses.iter().any(|clause| matches!(clause, Clause::Order(_)))
        }
        Ask::Authors { by_name, .. } => *by_name,
        Ask::Reviews { by_stars, .. } => *by_stars,
    }
}

fn books(library: &Library, clauses: &[Clause], output: Output) -> Vec<String> {
    let mut found: Vec<&BookRow> = library.books.iter().collect();
    for clause in clauses {
        match clause {
            Clause::Filter(filter) => {
                found.retain(|row| holds(filter, &mut |atom| book(library, row, atom)));
            }
            Clause::Order(terms) => {
                found.sort_by_key(|row| row.id);
                found.sort_by(|a, b| order(library, terms, a, b));
            }
            Clause::Limit(count) => found.truncate(*count as usize),
            Clause::Offset(count) => drop(found.drain(..found.len().min(*count as usize))),
        }
    }
    let print = |row: &&BookRow| print(library, row, output);
    match output {
        Output::Records | Output::Stream | Output::Tuple | Output::Rows => found.iter().map(print).collect(),
        Output::First => found.iter().take(1).map(print).collect(),
        Output::Count => vec![found.len().to_string()],
        Output::Exists => vec![(!found.is_empty()).to_string()],
        Output::Aggregate => vec![aggregate(&found)],
        Output::Groups => {
            let groups = group(&found, |row| (row.year % 3, row.active));
            groups
                .into_iter()
                .map(|((remainder, active), rows)| grouped(&(active, remainder), &rows))
                .collect()
        }
        Output::Countries => {
            let country = |row: &BookRow| row.editor.and_then(|id| library.author(id).country.clone());
            let groups = group(&found, country).into_iter().filter(|(_, rows)| rows.len() > 1);
            groups.map(|(country, rows)| grouped(&country, &rows)).collect()
        }
        Output::Reviewed => {
            let pairs =
                found.iter().flat_map(|row| library.reviews_of(row).map(move |review| (*row, review)));
            pairs.map(|pair| format!("{pair:?}")).collect()
        }
        Output::Rated => {
            let mut rows = Vec::new();
            for row in &found {
                let mut rated = library.reviews_of(row).filter(|review| review.stars >= 3).peekable();
                if rated.peek().is_none() {
                    rows.push(format!("{:?}", (row.id, &row.title, None::<u8>, None::<u64>)));
                }
                for review in rated {
                    rows.push(format!("{:?}", (row.id, &row.title, Some(review.stars), review.by)));
                }
            }
            rows
        }
        Output::Namesakes => {
            let others = |row: &&BookRow| {
                library
                    .books
                    .iter()
                    .filter(|other| other.title == row.title && other.author != row.author)
                    .map(|other| (row.id, other.id))
                    .collect::<Vec<_>>()
            };
            found.iter().flat_map(others).map(|pair| format!("{pair:?}")).collect()
        }
    }
}

/// The rows by what `key` gives for them.
fn group<'l, K: PartialEq>(found: &[&'l BookRow], key: impl Fn(&BookRow) -> K) -> Vec<(K, Vec<&'l BookRow>)> {
    let mut groups: Vec<(K, Vec<&BookRow>)> = Vec::new();
    for row in found {
        let key = key(row);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((key, vec![row])),
        }
    }
    groups
}

fn grouped(key: &impl std::fmt::Debug, rows: &[&BookRow]) -> String {
    let mut titles: Vec<&str> = rows.iter().map(|row| row.title.as_str()).collect();
    titles.sort_unstable();
    titles.dedup();
    let long = rows.iter().filter(|row| row.pages.is_some_and(|pages| pages > 100));
    let values = (
        key,
        rows.len() as u64,
        titles.len() as u64,
        rows.iter().filter_map(|row| row.pages.map(u64::from)).sum::<u64>(),
        long.map(|row| i64::from(row.year)).sum::<i64>(),
        rows.iter().filter_map(|row| row.rating).max_by(Ordered::order),
    );
    format!("{values:?}")
}

fn print(library: &Library, row: &BookRow, output: Output) -> String {
    let writer = library.author(row.author);
    let editor = row.editor.map(|id| library.author(id));
    match output {
        Output::Tuple => {
            let mentor = writer.mentor.map(|id| library.author(id));
            let values = (
                row.id,
                &row.title,
                row.year * 2 - 1,
                &writer.name,
                editor.map(|editor| &editor.name),
                mentor.map(|mentor| mentor.score),
                library.reviews_of(row).count() as u64,
                row.rating.map_or(-1.0, |rating| -rating),
            );
            format!("{values:?}")
        }
        Output::Rows => format!("{:?}", (editor, row, writer)),
        _ => format!("{row:?}"),
    }
}

fn aggregate(found: &[&BookRow]) -> String {
    let count = found.len() as u64;
    let years: i64 = found.iter().map(|row| i64::from(row.year)).sum();
    let pages: Vec<u64> = found.iter().filter_map(|row| row.pages.map(u64::from)).collect();
    let ratings: Vec<f64> = found.iter().filter_map(|row| row.rating).collect();
    let mean = |sum: f64, count: usize| (count > 0).then(|| sum / count as f64);
    let values = (
        count,
        years,
        mean(years as f64, found.len()),
        pages.iter().sum::<u64>(),
        pages.iter().max(),
        mean(ratings.iter().sum(), ratings.len()),
        found.iter().map(|row| &row.title).min(),
        found.iter().map(|row| &row.title).max(),
        found.iter().filter_map(|row| row.published).min(),
        ratings.iter().copied().max_by(Ordered::order),
    );
    format!("{values:?}")
}

fn order(library: &Library, terms: &[Term], a: &BookRow, b: &BookRow) -> Ordering {
    let author = |row: &BookRow| library.author(row.author);
    let editor = |row: &BookRow| row.editor.map(|id| library.author(id));
    let mentor = |row: &BookRow| author(row).mentor.map(|id| library.author(id));
    for term in terms {
        let order = match term.key {
            BookKey::Id => by(term, &a.id, &b.id),
            BookKey::Title => by(term, &a.title, &b.title),
            BookKey::Code => by(term, &a.code, &b.code),
            BookKey::Year => by(term, &a.year, &b.year),
            BookKey::YearRemainder => by(term, &(a.year % 3), &(b.year % 3)),
            BookKey::Pages => by(term, &a.pages, &b.pages),
            BookKey::Rating => by(term, &a.rating, &b.rating),
            BookKey::Active => by(term, &a.active, &b.active),
            BookKey::Published => by(term, &a.published, &b.published),
            BookKey::AuthorId => by(term, &a.author, &b.author),
            BookKey::AuthorName => by(term, &author(a).name, &author(b).name),
            BookKey::EditorName => {
                by(term, &editor(a).map(|row| row.name.clone()), &editor(b).map(|row| row.name.clone()))
            }
            BookKey::MentorScore => {
                by(term, &mentor(a).map(|row| row.score), &mentor(b).map(|row| row.score))
            }
            BookKey::Reviews => {
                by(term, &(library.reviews_of(a).count() as u64), &(library.reviews_of(b).count() as u64))
            }
        };
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

fn by<T: Ordered>(term: &Term, a: &T, b: &T) -> Ordering {
    let nulls_first = term.nulls_first.unwrap_or(!term.descending);
    match (a.is_absent(), b.is_absent()) {
        (true, true) => Ordering::Equal,
        (true, false) if nulls_first => Ordering::Less,
        (true, false) => Ordering::Greater,
        (false, true) if nulls_first => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) if term.descending => b.order(a),
        (false, false) => a.order(b),
    }
}

fn holds<A>(pred: &Pred<A>, atom: &mut dyn FnMut(&A) -> bool) -> bool {
    match pred {
        Pred::Atom(a) => atom(a),
        Pred::And(left, right) => holds(left, atom) && holds(right, atom),
        Pred::Or(left, right) => holds(left, atom) || holds(right, atom),
        Pred::Not(inner) => !holds(inner, atom),
        Pred::AndBool(inner, value) => holds(inner, atom) && *value,
        Pred::OrBool(inner, value) => holds(inner, atom) || *value,
    }
}

fn text(value: Option<&String>, test: &Text) -> bool {
    let Some(value) = value else { return false };
    match test {
        Text::StartsWith(part) => value.starts_with(part),
        Text::EndsWith(part) => value.ends_with(part),
        Text::Contains(part) => value.contains(part),
        Text::Like(pattern) => is_like(value, pattern),
        Text::Matches(glob) => is_glob(value, glob),
        Text::Upper(other) => value.to_uppercase() == *other,
        Text::Length(most) => value.chars().count() as u64 <= *most,
    }
}

fn compare<T: Ordered>(left: &T, compare: Compare, right: &T) -> bool {
    let both = !left.is_absent() && !right.is_absent();
    match compare {
        Compare::Eq => left.order(right).is_eq(),
        Compare::Ne => left.order(right).is_ne(),
        Compare::Lt => both && left.order(right).is_lt(),
        Compare::Ge => both && left.order(right).is_ge(),
    }
}

fn belonging<'l, R: 'l, A>(
    rows: impl Iterator<Item = &'l R>,
    belonging: &Belonging<A>,
    atom: &dyn Fn(&R, &A) -> bool,
) -> bool {
    let is = |row: &R, pred: &Pred<A>| holds(pred, &mut |a| atom(row, a));
    let mut rows = rows.filter(|row| belonging.filter.as_ref().is_none_or(|filter| is(row, filter)));
    match &belonging.asked {
        Asked::Any(pred) => rows.any(|row| is(row, pred)),
        Asked::All(pred) => rows.all(|row| is(row, pred)),
        Asked::None(pred) => !rows.any(|row| is(row, pred)),
        Asked::Count(test) => test.holds(&(rows.count() as u64)),
        Asked::Empty => rows.next().is_none(),
    }
}

fn author(library: &Library, row: Option<&AuthorRow>, atom: &AuthorAtom) -> bool {
    let book = |row: &BookRow, atom: &BookAtom| book(library, row, atom);
    match atom {
        AuthorAtom::Id(test) => test.holds(&row.map(|row| row.id)),
        AuthorAtom::Name(test) => test.holds(&row.map(|row| row.name.clone())),
        AuthorAtom::NameText(test) => text(row.map(|row| &row.name), test),
        AuthorAtom::Country(test) => test.holds(&row.and_then(|row| row.country.clone())),
        AuthorAtom::CountryText(test) => text(row.and_then(|row| row.country.as_ref()), test),
        AuthorAtom::CountryIsNone => row.and_then(|row| row.country.as_ref()).is_none(),
        AuthorAtom::Born(test) => test.holds(&row.and_then(|row| row.born)),
        AuthorAtom::Score(test) => test.holds(&row.map(|row| row.score)),
        AuthorAtom::MentorId(test) => test.holds(&row.and_then(|row| row.mentor)),
        AuthorAtom::Mentor(atom) => {
            author(library, row.and_then(|row| row.mentor).map(|id| library.author(id)), atom)
        }
        AuthorAtom::Books(of) => belonging(library.books_of(row), of, &book),
        AuthorAtom::Edited(of) => belonging(library.edited_by(row), of, &book),
    }
}

fn review(library: &Library, row: &ReviewRow, atom: &ReviewAtom) -> bool {
    match atom {
        ReviewAtom::Stars(test) => test.holds(&row.stars),
        ReviewAtom::Text(test) => test.holds(&row.text),
        ReviewAtom::TextText(test) => text(row.text.as_ref(), test),
        ReviewAtom::ById(test) => test.holds(&row.by),
        ReviewAtom::By(atom) => author(library, row.by.map(|id| library.author(id)), atom),
        ReviewAtom::Book(atom) => book(library, library.book(row.book), atom),
        ReviewAtom::Writer(atom) => {
            author(library, Some(library.author(library.book(row.book).author)), atom)
        }
    }
}

fn book(library: &Library, row: &BookRow, atom: &BookAtom) -> bool {
    let writer = library.author(row.author);
    let editor = row.editor.map(|id| library.author(id));
    match atom {
        BookAtom::Id(test) => test.holds(&row.id),
        BookAtom::Title(test) => test.holds(&row.title),
        BookAtom::TitleText(test) => text(Some(&row.title), test),
        BookAtom::Code(test) => test.holds(&row.code),
        BookAtom::CodeIsSome => row.code.is_some(),
        BookAtom::Year(test) => test.holds(&row.year),
        BookAtom::YearPlus(more, test) => test.holds(&(row.year + more)),
        BookAtom::YearRemainder(divisor, test) => test.holds(&(row.year % divisor)),
        BookAtom::Pages(test) => test.holds(&row.pages),
        BookAtom::PagesOr(default, test) => test.holds(&row.pages.unwrap_or(*default)),
        BookAtom::PagesTimes(test) => test.holds(&row.pages.map(|pages| pages * 2)),
        BookAtom::Rating(test) => test.holds(&row.rating),
        BookAtom::Active => row.active,
        BookAtom::ActiveTest(test) => test.holds(&row.active),
        BookAtom::Published(test) => test.holds(&row.published),
        BookAtom::PublishedDay(test) => test.holds(&row.published.map(|date| date.day())),
        BookAtom::AuthorId(test) => test.holds(&row.author),
        BookAtom::EditorId(test) => test.holds(&row.editor),
        BookAtom::EditorIsNone => row.editor.is_none(),
        BookAtom::EditorIsAuthor => row.editor == Some(row.author),
        BookAtom::TitleAuthor(with) => compare(&row.title, *with, &writer.name),
        BookAtom::EditorTitle(with) => {
            compare(&editor.map(|editor| editor.name.clone()), *with, &Some(row.title.clone()))
        }
        BookAtom::Countries(with) => {
            compare(&writer.country, *with, &editor.and_then(|editor| editor.country.clone()))
        }
        BookAtom::Author(atom) => author(library, Some(writer), atom),
        BookAtom::Editor(atom) => author(library, editor, atom),
        BookAtom::Reviews(of) => {
            belonging(library.reviews_of(row), of, &|row: &ReviewRow, atom: &ReviewAtom| {
                review(library, row, atom)
            })
        }
        BookAtom::Exists(exists) => is_there(library, row, exists),
    }
}

fn is_there(library: &Library, row: &BookRow, exists: &Exists) -> bool {
    let is =
        |who: &AuthorRow, pred: &Pred<AuthorAtom>| holds(pred, &mut |atom| author(library, Some(who), atom));
    let reviewer = |review: &ReviewRow| review.by.map(|id| library.author(id));
    match exists {
        Exists::Compatriot(pred) => {
            let country = &library.author(row.author).country;
            library.authors.iter().any(|who| who.country == *country && is(who, pred))
        }
        Exists::Editor(pred) => row.editor.is_some_and(|id| is(library.author(id), pred)),
        Exists::Younger(pred) => {
            library.authors.iter().any(|who| who.born.is_some_and(|born| born > row.year) && is(who, pred))
        }
        Exists::SameTitle(pred) => library.books.iter().any(|other| {
            other.title == row.title
                && other.id != row.id
                && holds(pred, &mut |atom| book(library, other, atom))
        }),
        Exists::Reviewer(pred, who) => library.reviews_of(row).any(|found| {
            holds(pred, &mut |atom| review(library, found, atom))
                && reviewer(found).is_some_and(|by| by.name < row.title && is(by, who))
        }),
        Exists::ReviewedBy(pred) => {
            library.reviews_of(row).any(|found| reviewer(found).is_some_and(|by| is(by, pred)))
        }
        Exists::Anyone(pred) => library.authors.iter().any(|who| is(who, pred)),
    }
}

//! Rows as an aligned table of text: numbers to the right, everything else to the left.

use chrono::NaiveDateTime;
use epilog::prelude::*;
use rust_decimal::Decimal;

/// One place of a table.
pub trait Cell {
    /// How it is written.
    fn text(&self) -> String;

    /// Whether it belongs to the right edge of its column.
    fn is_number(&self) -> bool {
        false
    }
}

macro_rules! cells {
    ($($rust:ty: $is_number:literal),* $(,)?) => {$(
        impl Cell for $rust {
            fn text(&self) -> String {
                self.to_string()
            }

            fn is_number(&self) -> bool {
                $is_number
            }
        }
    )*};
}

cells! { String: false, &str: false, bool: false, u64: true, i64: true, usize: true, Decimal: true }

impl Cell for f64 {
    fn text(&self) -> String {
        format!("{self:.3}")
    }

    fn is_number(&self) -> bool {
        true
    }
}

impl Cell for NaiveDateTime {
    fn text(&self) -> String {
        self.format("%Y-%m-%d").to_string()
    }
}

impl<C> Cell for Id<C> {
    fn text(&self) -> String {
        self.get().to_string()
    }

    fn is_number(&self) -> bool {
        true
    }
}

impl<T: Cell> Cell for Option<T> {
    fn text(&self) -> String {
        self.as_ref().map_or_else(|| "-".into(), Cell::text)
    }

    fn is_number(&self) -> bool {
        self.as_ref().is_some_and(Cell::is_number)
    }
}

/// One line of a table: a tuple of cells.
pub trait Row {
    /// The cells, from left to right: their text, and whether each is a number.
    fn cells(&self) -> Vec<(String, bool)>;
}

macro_rules! rows {
    ($(($($name:ident)*))*) => {$(
        impl<$($name: Cell),*> Row for ($($name,)*) {
            #[allow(non_snake_case, reason = "the type parameters name the values too")]
            fn cells(&self) -> Vec<(String, bool)> {
                let ($($name,)*) = self;
                vec![$(($name.text(), $name.is_number())),*]
            }
        }
    )*};
}

rows! { (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) }

/// The longest text a cell is shown with, in characters.
const CELL_CHARACTERS_MAX: usize = 48;

/// A table of `rows` under `headings`, each line indented and ended. Past `lines_max` rows it shows the first ones and
/// says how many are left out.
///
/// # Panics
///
/// When a row has another number of cells than there are headings.
pub fn table<R: Row>(headings: &[&str], rows: &[R], lines_max: usize) -> String {
    let shown: Vec<Vec<(String, bool)>> = rows.iter().take(lines_max).map(Row::cells).collect();
    let mut widths: Vec<usize> = headings.iter().map(width).collect();
    for row in &shown {
        assert_eq!(row.len(), headings.len(), "one cell for each heading");
        for (column, (text, _)) in widths.iter_mut().zip(row) {
            *column = (*column).max(width(text).min(CELL_CHARACTERS_MAX));
        }
    }
    let mut out = String::new();
    let headings: Vec<(String, bool)> = headings
        .iter()
        .enumerate()
        .map(|(column, heading)| (heading.to_string(), shown.first().is_some_and(|row| row[column].1)))
        .collect();
    line(&mut out, &headings, &widths);
    let rules: Vec<(String, bool)> = widths.iter().map(|width| ("-".repeat(*width), false)).collect();
    line(&mut out, &rules, &widths);
    for row in &shown {
        line(&mut out, row, &widths);
    }
    if rows.len() > shown.len() {
        out.push_str(&format!("  … and {} more\n", rows.len() - shown.len()));
    }
    out
}

fn line(out: &mut String, cells: &[(String, bool)], widths: &[usize]) {
    let mut text = String::new();
    for ((cell, is_number), column) in cells.iter().zip(widths) {
        let cell = shorten(cell);
        let padding = " ".repeat(column.saturating_sub(width(&cell)));
        let (before, after) = if *is_number { (padding.as_str(), "") } else { ("", padding.as_str()) };
        text.push_str(&format!("  {before}{cell}{after}"));
    }
    out.push_str(text.trim_end());
    out.push('\n');
}

fn shorten(text: &str) -> String {
    if width(text) <= CELL_CHARACTERS_MAX {
        return text.to_string();
    }
    text.chars().take(CELL_CHARACTERS_MAX - 1).chain(['…']).collect()
}

/// Characters; none of the store's texts has wide or combining ones.
fn width(text: impl AsRef<str>) -> usize {
    text.as_ref().chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_align_to_the_right_and_long_lists_are_cut() {
        let rows = [("Köhler", 7u64), ("Zimmermann", 1_000), ("Ramos", 3)];
        let expected = "  name        lines
  ----------  -----
  Köhler          7
  Zimmermann   1000
  … and 1 more
";
        assert_eq!(table(&["name", "lines"], &rows, 2), expected);
    }

    #[test]
    fn absent_values_are_a_dash_and_long_texts_end_in_an_ellipsis() {
        let text = table(&["a", "b"], &[(None::<String>, "x".repeat(60))], 9);
        let last = text.lines().last().unwrap();
        assert_eq!(last.chars().count(), 2 + 1 + 2 + CELL_CHARACTERS_MAX);
        assert!(last.starts_with("  -  xxx") && last.ends_with("x…"), "{last}");
    }
}

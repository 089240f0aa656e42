//! Paths: `kind`, `tags[0].name`.

/// One step of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// To an object's member.
    Member(&'a str),
    /// To an array's item, counted from 0.
    Item(u64),
}

/// The steps of a path: names behind points, the first one's may be left out, and numbers in brackets. What is in brackets and no
/// number is part of a name.
pub fn steps(path: &str) -> impl Iterator<Item = Step<'_>> {
    let mut rest = path;
    core::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some((number, after)) = number(rest) {
            rest = after;
            return Some(Step::Item(number));
        }
        let own = rest.strip_prefix('.').unwrap_or(rest);
        let ends = own.char_indices().find(|(at, char)| match char {
            '.' => true,
            '[' => number(&own[*at..]).is_some(),
            _ => false,
        });
        let (name, after) = own.split_at(ends.map_or(own.len(), |(at, _)| at));
        rest = after;
        Some(Step::Member(name))
    })
}

/// The number in brackets at the start, and what follows.
fn number(path: &str) -> Option<(u64, &str)> {
    let path = path.strip_prefix('[')?;
    let (digits, after) = path.split_at(path.bytes().take_while(u8::is_ascii_digit).count());
    let after = after.strip_prefix(']')?;
    let is_end = after.is_empty() || after.starts_with(['.', '[']);
    Some((digits.parse().ok().filter(|_| is_end)?, after))
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::Step::{Item, Member};
    use super::*;

    #[test]
    fn paths_are_names_and_numbers() {
        let check = |path: &str, expected: &[Step<'_>]| {
            assert_eq!(steps(path).collect::<Vec<_>>(), expected, "{path}");
        };
        check("", &[]);
        check("a", &[Member("a")]);
        check(".a", &[Member("a")]);
        check("a.b[0][12].c", &[Member("a"), Member("b"), Item(0), Item(12), Member("c")]);
        check("[3]", &[Item(3)]);
        check("a..b", &[Member("a"), Member(""), Member("b")]);
        check("a.", &[Member("a"), Member("")]);
        check(".", &[Member("")]);
        check("[x]", &[Member("[x]")]);
        check("[+1]", &[Member("[+1]")]);
        check("a[0", &[Member("a[0")]);
        check("a[0]b", &[Member("a[0]b")]);
        check("é[99999999999999999999].x", &[Member("é[99999999999999999999]"), Member("x")]);
        check("a.[1]", &[Member("a"), Member(""), Item(1)]);
    }
}

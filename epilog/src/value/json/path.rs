//! Paths: `kind`, `tags[0].name`.

/// One step of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// To an object's member.
    Member(&'a str),
    /// To an array's item, counted from 0.
    Item(u64),
}

/// The steps of a path: names behind points, the first one's may be left out, and numbers in brackets. A path that has brackets
/// otherwise is malformed: its steps end with `None`. Names that have them are not told by paths.
pub fn steps(path: &str) -> impl Iterator<Item = Option<Step<'_>>> {
    let mut rest = path;
    core::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let step = step(rest);
        rest = step.map_or("", |(_, after)| after);
        Some(step.map(|(step, _)| step))
    })
}

/// The step at the start, and what follows.
fn step(path: &str) -> Option<(Step<'_>, &str)> {
    if let Some(numbered) = path.strip_prefix('[') {
        let (digits, after) = numbered.split_at(numbered.find(']')?);
        let after = &after[1..];
        // The parser of numbers takes a sign.
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        let is_end = after.is_empty() || after.starts_with(['.', '[']);
        let number = digits.parse().ok().filter(|_| is_number && is_end)?;
        return Some((Step::Item(number), after));
    }
    let own = path.strip_prefix('.').unwrap_or(path);
    let (name, after) = own.split_at(own.find(['.', '[', ']']).unwrap_or(own.len()));
    (!after.starts_with(']')).then_some((Step::Member(name), after))
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::Step::{Item, Member};
    use super::*;

    #[test]
    fn paths_are_names_and_numbers() {
        let check = |path: &str, expected: &[Step<'_>]| {
            let found: Option<Vec<_>> = steps(path).collect();
            assert_eq!(found.as_deref(), Some(expected), "{path}");
        };
        check("", &[]);
        check("a", &[Member("a")]);
        check(".a", &[Member("a")]);
        check("a.b[0][12].c", &[Member("a"), Member("b"), Item(0), Item(12), Member("c")]);
        check("[3]", &[Item(3)]);
        check("[18446744073709551615]", &[Item(u64::MAX)]);
        check("a..b", &[Member("a"), Member(""), Member("b")]);
        check("a.", &[Member("a"), Member("")]);
        check(".", &[Member("")]);
        check("a.[1]", &[Member("a"), Member(""), Item(1)]);
        check("é.1-$ \"", &[Member("é"), Member("1-$ \"")]);
    }

    #[test]
    fn brackets_without_a_number_are_malformed() {
        for path in [
            "[x]",
            "[]",
            "[",
            "]",
            "[+1]",
            "[-1]",
            "[ 1]",
            "[1",
            "[[1]]",
            "[1]]",
            "a[0",
            "a0]",
            "a]b",
            "a[0]b",
            "a[*].b",
            "a['b']",
            "a.b[c].d",
            "é[18446744073709551616].x",
        ] {
            let found: Vec<_> = steps(path).collect();
            assert_eq!(found.last(), Some(&None), "{path}");
            assert!(found.iter().rev().skip(1).all(Option::is_some), "{path}");
        }
    }
}

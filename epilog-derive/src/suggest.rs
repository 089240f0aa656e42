//! What the user may have meant: the nearest known word.

/// The one of `candidates` that `word` is most likely a misspelling of.
///
/// Nearest by optimal string alignment (insert, remove, replace, swap neighbours), and no farther than a third of the
/// word's length, at least one: the rule of rustc's own suggestions.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The end of a message about an unknown `word`: a suggestion, or all there is.
pub fn instead<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match nearest(word, candidates.clone()) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None => {
            let all: Vec<String> = candidates.into_iter().map(|candidate| format!("`{candidate}`")).collect();
            match all.as_slice() {
                [] => String::from("there is none"),
                [only] => format!("there is only {only}"),
                [rest @ .., last] => format!("there are {} and {last}", rest.join(", ")),
            }
        }
    }
}

/// The optimal string alignment distance of two words, ignoring ASCII case.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().map(|c| c.to_ascii_lowercase()).collect();
    let right: Vec<char> = right.chars().map(|c| c.to_ascii_lowercase()).collect();
    let mut before = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for i in 1..=left.len() {
        let mut row = vec![i];
        for j in 1..=right.len() {
            let replaced = above[j - 1] + usize::from(left[i - 1] != right[j - 1]);
            let mut best = replaced.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                let swapped: usize = before[j - 2];
                best = best.min(swapped + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_edit_of_each_kind_costs_one() {
        for other in ["uniqe", "uniquee", "unikue", "unqiue"] {
            assert_eq!(distance("unique", other), 1, "{other}");
        }
        assert_eq!(distance("unique", "Unique"), 0);
        assert_eq!(distance("", "abc"), 3);
    }

    #[test]
    fn only_near_words_are_suggested() {
        let words = ["restrict", "cascade", "set_null"];
        assert_eq!(nearest("casade", words), Some("cascade"));
        assert_eq!(nearest("setnull", words), Some("set_null"));
        assert_eq!(nearest("delete", words), None);
        assert_eq!(instead("delete", words), "there are `restrict`, `cascade` and `set_null`");
        assert_eq!(instead("nme", ["name"]), "did you mean `name`?");
    }
}

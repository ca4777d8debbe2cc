//! The nearest of some words to a misspelt one.

/// Longer words are not compared.
const LENGTH_LIMIT: usize = 64;

/// The candidate that takes the fewest edits (insert, delete, replace, swap neighbours, any case),
/// if they are few for a word of that length.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    candidates
        .into_iter()
        .filter_map(|candidate| Some((distance(word, candidate)?, candidate)))
        .filter(|&(edits, candidate)| edits <= 1 + candidate.len() / 4)
        .min_by_key(|&(edits, _)| edits)
        .map(|(_, candidate)| candidate)
}

/// Optimal string alignment distance of two words without regard to case.
fn distance(left: &str, right: &str) -> Option<usize> {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    if left.len() > LENGTH_LIMIT || right.len() > LENGTH_LIMIT {
        return None;
    }
    let same = |a: u8, b: u8| a.eq_ignore_ascii_case(&b);
    let mut before = [0; LENGTH_LIMIT + 1];
    let mut last: [usize; LENGTH_LIMIT + 1] = std::array::from_fn(|column| column);
    for row in 1..=left.len() {
        let mut this = [row; LENGTH_LIMIT + 1];
        for column in 1..=right.len() {
            let (a, b) = (left[row - 1], right[column - 1]);
            let replaced = last[column - 1] + usize::from(!same(a, b));
            let mut edits = replaced.min(last[column] + 1).min(this[column - 1] + 1);
            let swapped =
                row > 1 && column > 1 && same(a, right[column - 2]) && same(left[row - 2], b);
            if swapped {
                edits = edits.min(before[column - 2] + 1);
            }
            this[column] = edits;
        }
        (before, last) = (last, this);
    }
    Some(last[right.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found() {
        let words = ["true", "false", "registerExpires", "register"];
        assert_eq!(nearest("flase", words), Some("false"));
        assert_eq!(nearest("REGISTEREXPIRE", words), Some("registerExpires"));
        assert_eq!(nearest("registar", words), Some("register"));
        assert_eq!(nearest("banana", words), None);
        assert_eq!(nearest(&"x".repeat(1000), words), None);
    }

    #[test]
    fn a_swap_is_one_edit() {
        assert_eq!(distance("ab", "ba"), Some(1));
        assert_eq!(distance("", "abc"), Some(3));
        assert_eq!(distance("kitten", "sitting"), Some(3));
    }
}

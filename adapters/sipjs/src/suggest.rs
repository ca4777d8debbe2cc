//! The nearest of some words to a misspelt one.

/// The longest word to compare, in bytes, because the time of a comparison grows with the square.
const LENGTH_LIMIT: usize = 64;

/// The candidate that takes the fewest edits (insert, delete, replace, swap neighbours, any case),
/// if they are few for a word of that length.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    if word.len() > LENGTH_LIMIT {
        return None;
    }
    let word = word.to_ascii_lowercase();
    candidates
        .into_iter()
        .map(|candidate| {
            let edits = strsim::osa_distance(&word, &candidate.to_ascii_lowercase());
            (edits, candidate)
        })
        .filter(|&(edits, candidate)| edits <= 1 + candidate.len() / 4)
        .min_by_key(|&(edits, _)| edits)
        .map(|(_, candidate)| candidate)
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
        assert_eq!(nearest("ba", ["ab"]), Some("ab"));
        assert_eq!(nearest("dcba", ["abcd"]), None);
    }
}

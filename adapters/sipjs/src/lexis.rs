//! The lengths of what JavaScript and JSON5 share: space with comments, and quoted texts.

/// The length of the space and the comments at the beginning of `text`, in bytes.
pub(crate) fn space(text: &str) -> usize {
    let mut at = 0;
    loop {
        let rest = &text[at..];
        at += if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else {
            match rest.chars().next() {
                Some(space) if space.is_whitespace() || space == '\u{feff}' => space.len_utf8(),
                _ => return at,
            }
        };
    }
}

/// The length of the quoted text that begins `text`, with its quotes, in bytes: the whole of it if the closing quote is missing.
pub(crate) fn quoted(text: &str) -> usize {
    let mut characters = text.char_indices();
    let quote = characters.next().map(|(_, quote)| quote);
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => {
                characters.next();
            }
            _ if Some(character) == quote => return at + character.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

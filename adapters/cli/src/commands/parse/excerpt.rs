//! The line of a fault with a caret under its place.

/// How many characters of a long line are shown on each side of the place.
const AROUND: usize = 60;

/// A line of a message, and a place in it.
#[derive(Debug, PartialEq)]
pub(super) struct Excerpt {
    /// Line within the message, from 0.
    pub(super) line: usize,
    /// Characters of the line in front of the place.
    pub(super) column: usize,
    /// The line, or the part around the place; controls are escaped.
    pub(super) text: String,
    /// Width of what stands in front of the caret.
    pub(super) caret: usize,
}

impl Excerpt {
    /// The line of the byte at `offset`. An offset at the end belongs to the last line.
    pub(super) fn of(bytes: &[u8], offset: usize) -> Self {
        let offset = offset.min(bytes.len());
        let mut start = bytes[..offset]
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |at| at + 1);
        // What is missing at the end is missing behind the last line, not on an empty one.
        if start == bytes.len() && start > 0 {
            start = bytes[..start - 1]
                .iter()
                .rposition(|&byte| byte == b'\n')
                .map_or(0, |at| at + 1);
        }
        let end = bytes[start..]
            .iter()
            .position(|&byte| byte == b'\n')
            .map_or(bytes.len(), |at| start + at);
        let line = without_cr(&bytes[start..end]);
        let place = (offset - start).min(line.len());
        let before = String::from_utf8_lossy(&line[..place]);
        let after = String::from_utf8_lossy(&line[place..]);
        let column = before.chars().count();
        let cut = column.saturating_sub(AROUND);
        let shown: String = before.chars().skip(cut).collect();
        let mut text = String::new();
        if cut > 0 {
            text.push_str("...");
        }
        text.push_str(&crate::report::printable(&shown));
        let caret = text.chars().count();
        let rest: String = after.chars().take(AROUND).collect();
        text.push_str(&crate::report::printable(&rest));
        if after.chars().count() > AROUND {
            text.push_str("...");
        }
        Self {
            line: bytes[..start].iter().filter(|&&byte| byte == b'\n').count(),
            column,
            text,
            caret,
        }
    }
}

fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_a_line_and_a_column() {
        let text = "INVITE\r\nVia: x\r\nTo: \u{e4}\u{f6} y\r\n\r\n".as_bytes();
        let place = Excerpt::of(text, text.iter().position(|&byte| byte == b'y').unwrap());
        assert_eq!((place.line, place.column, place.caret), (2, 7, 7));
        assert_eq!(place.text, "To: \u{e4}\u{f6} y");
        assert_eq!(Excerpt::of(text, 0).line, 0);
        assert_eq!(Excerpt::of(b"", 0).text, "");
    }

    #[test]
    fn controls_are_escaped_and_the_caret_follows() {
        let place = Excerpt::of(b"a\tb", 2);
        assert_eq!((place.text.as_str(), place.caret), ("a\\tb", 3));
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let line = "x".repeat(500);
        let place = Excerpt::of(line.as_bytes(), 250);
        assert_eq!((place.column, place.caret), (250, 63));
        assert!(place.text.starts_with("...x") && place.text.ends_with("x..."));
    }
}

//! Display of message bytes as text.

use core::fmt::{self, Write};

/// Displays bytes of a message as text: invalid UTF-8 as the replacement character, controls escaped.
pub fn text(bytes: &[u8]) -> impl fmt::Display + '_ {
    Text(bytes)
}

struct Text<'a>(&'a [u8]);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                if character.is_control() {
                    write!(f, "{}", character.escape_default())?;
                } else {
                    f.write_char(character)?;
                }
            }
            if !chunk.invalid().is_empty() {
                f.write_char(char::REPLACEMENT_CHARACTER)?;
            }
        }
        Ok(())
    }
}

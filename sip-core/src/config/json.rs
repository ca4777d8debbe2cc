//! Values as JSON text (RFC 8259), for the explanation and for errors.

use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
use core::{fmt::Write, time::Duration};

use sip_parse::UriBuf;

/// A value that can be shown as JSON text.
pub(crate) trait Json {
    fn json(&self) -> String;
}

macro_rules! json_by_display {
    ($($type:ty)*) => {
        $(impl Json for $type {
            fn json(&self) -> String {
                self.to_string()
            }
        })*
    };
}

json_by_display! { bool u8 u32 }

impl Json for Vec<String> {
    fn json(&self) -> String {
        let items: Vec<_> = self.iter().map(Json::json).collect();
        format!("[{}]", items.join(","))
    }
}

impl Json for Duration {
    fn json(&self) -> String {
        seconds(*self)
    }
}

impl Json for str {
    fn json(&self) -> String {
        json_text(self)
    }
}

impl Json for String {
    fn json(&self) -> String {
        json_text(self)
    }
}

impl Json for Box<str> {
    fn json(&self) -> String {
        json_text(self)
    }
}

impl Json for UriBuf {
    fn json(&self) -> String {
        json_text(&self.to_string())
    }
}

impl<T: Json + ?Sized> Json for Arc<T> {
    fn json(&self) -> String {
        (**self).json()
    }
}

impl<T: Json + ?Sized> Json for &T {
    fn json(&self) -> String {
        (**self).json()
    }
}

impl<T: Json> Json for Option<T> {
    fn json(&self) -> String {
        self.as_ref().map_or_else(|| "null".into(), Json::json)
    }
}

/// `text` as a JSON string (RFC 8259 section 7).
fn json_text(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    json.push('"');
    for character in text.chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            control if control.is_control() => {
                // Controls are below U+10000, so that four digits are enough; a String takes all.
                let _ = write!(json, "\\u{:04x}", u32::from(control));
            }
            plain => json.push(plain),
        }
    }
    json.push('"');
    json
}

/// Seconds as a JSON number: whole ones without a fraction.
pub(crate) fn seconds(duration: Duration) -> String {
    let whole = duration.as_secs();
    match duration.subsec_micros() {
        0 => whole.to_string(),
        micros => format!("{whole}.{micros:06}")
            .trim_end_matches('0')
            .to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc8259_7_text_is_escaped() {
        assert_eq!(
            json_text("a\"\\\n\u{1}\u{85}é"),
            "\"a\\\"\\\\\\n\\u0001\\u0085é\""
        );
        assert_eq!(seconds(Duration::from_millis(1500)), "1.5");
    }
}

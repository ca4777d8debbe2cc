//! From JavaScript to JSON5, for objects pasted from the documentation of SIP.js or from a program.
//!
//! It replaces the constants `SIP.C.supported.*` and `SIP.C.dtmfType.*` and `undefined`, removes `var x =
//! {..};` and `new SIP.UA({..})` around the object, and adds missing braces around `key: value` lines.
//! Functions and other program text are errors that name their place. The JSON5 reader reports all other
//! faults.

use std::borrow::Cow;

use sip_core::config::{ConfigError, ConfigErrorKind};

use crate::lexis;
use crate::read::rust_equivalent;
use crate::suggest::nearest;

/// The result of [`javascript_to_json5`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Preprocessed {
    /// JSON5, unless the text is broken in another way. Each refused value is `null` in it; line
    /// breaks are where they were.
    pub text: String,
    /// The faults, in the order of the text.
    pub errors: Vec<ConfigError>,
}

/// Turns the text of a configuration, as a JavaScript programmer writes it, into JSON5.
///
/// The scanner continues after a fault. Pass the faults to
/// [`ConfigBuilder::refuse`](sip_core::config::ConfigBuilder::refuse) before
/// [`read_into`](super::read_into): then `build` returns all faults together.
///
/// ```
/// let done = sip_sipjs::javascript_to_json5("rel100: SIP.C.supported.REQUIRED, register: flase");
/// assert_eq!(done.text.split_whitespace().collect::<String>(), r#"{rel100:"required",register:null}"#);
/// assert_eq!(
///     done.errors[0].to_string(),
///     "register is flase, but must be true or false; did you mean false?"
/// );
/// ```
pub fn javascript_to_json5(text: &str) -> Preprocessed {
    let mut scanner = Scanner {
        text,
        at: 0,
        copied: 0,
        output: String::with_capacity(text.len() + 2),
        errors: Vec::new(),
        open: Vec::new(),
    };
    let bare = scanner.opening();
    scanner.body();
    scanner.closing(bare);
    Preprocessed {
        text: scanner.output,
        errors: scanner.errors,
    }
}

/// After this number of faults the scanner stops and copies the rest of the text.
const ERRORS_LIMIT: usize = 100;

/// An object or a list that has not been closed.
enum Open {
    /// The key whose value comes next or was last; `None` where a key is to come.
    Object(Option<String>),
    /// The place of the item.
    List(usize),
}

struct Scanner<'t> {
    text: &'t str,
    at: usize,
    /// The text before this offset is in the output.
    copied: usize,
    output: String,
    errors: Vec<ConfigError>,
    open: Vec<Open>,
}

impl<'t> Scanner<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn advance(&mut self) {
        self.at += self.peek().map_or(0, char::len_utf8);
    }

    /// Skips spaces and comments.
    fn skip_space(&mut self) {
        self.at += lexis::space(self.rest());
    }

    /// Skips a quoted text; its opening quote is next.
    fn skip_quoted(&mut self) {
        self.at += lexis::quoted(self.rest());
    }

    /// A name, dots included; empty when there is none.
    fn word(&mut self) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$' | '.')));
        let word = &rest[..end.unwrap_or(rest.len())];
        self.at += word.len();
        word
    }

    /// Puts `new` in the place of `start..self.at`, keeping line breaks and, on one line, columns.
    fn replace(&mut self, start: usize, new: &str) {
        let old = &self.text[start..self.at];
        self.output.push_str(&self.text[self.copied..start]);
        self.output.push_str(new);
        let breaks = old.matches('\n').count();
        if breaks > 0 {
            self.output.extend(core::iter::repeat_n('\n', breaks));
        } else {
            let missing = old.chars().count().saturating_sub(new.chars().count());
            self.output.extend(core::iter::repeat_n(' ', missing));
        }
        self.copied = self.at;
    }

    /// The text before the object: removes a declaration or a call, and adds a missing brace. Returns true
    /// if the braces are missing.
    fn opening(&mut self) -> bool {
        self.skip_space();
        let start = self.at;
        if matches!(self.peek(), Some('"' | '\'')) {
            self.skip_quoted();
        } else {
            self.word();
        }
        let named = self.at > start;
        self.skip_space();
        if named && self.peek() == Some(':') {
            self.at = start;
            self.replace(start, "{");
            self.open.push(Open::Object(None));
            return true;
        }
        self.at = start;
        let before = self.rest().find('{').map(|end| &self.rest()[..end]);
        if let Some(before) = before.filter(|before| is_declaration(before)) {
            self.at += before.len();
            self.replace(start, "");
        }
        false
    }

    /// The text behind the object.
    fn closing(&mut self, bare: bool) {
        self.output.push_str(&self.text[self.copied..]);
        self.copied = self.text.len();
        if bare {
            // On a line of its own, because the last line may end in a comment.
            self.output.push_str("\n}");
        }
    }

    fn body(&mut self) {
        loop {
            self.skip_space();
            let Some(next) = self.peek() else { return };
            if self.errors.len() >= ERRORS_LIMIT {
                return;
            }
            match next {
                '}' | ']' => {
                    self.advance();
                    self.open.pop();
                    if self.open.is_empty() {
                        return self.trailer();
                    }
                }
                ',' => {
                    self.advance();
                    match self.open.last_mut() {
                        Some(Open::Object(key)) => *key = None,
                        Some(Open::List(place)) => *place += 1,
                        None => return,
                    }
                }
                _ => match self.open.last() {
                    Some(Open::Object(None)) => self.key(),
                    // Two values without a comma; the JSON5 reader reports the place.
                    _ => self.value(),
                },
            }
        }
    }

    /// Skips `)` and `;` behind the object.
    fn trailer(&mut self) {
        loop {
            self.skip_space();
            match self.peek() {
                Some(')' | ';') => {
                    let start = self.at;
                    self.advance();
                    self.replace(start, "");
                }
                _ => return,
            }
        }
    }

    fn key(&mut self) {
        let start = self.at;
        let key = if matches!(self.peek(), Some('"' | '\'')) {
            self.skip_quoted();
            let inner = self.text[start..self.at].trim_matches(['"', '\'']);
            inner.to_string()
        } else {
            self.word().to_string()
        };
        if key.is_empty() && self.at == start {
            // Not a key; the JSON5 reader reports it.
            return self.advance();
        }
        if let Some(Open::Object(open)) = self.open.last_mut() {
            *open = Some(key.clone());
        }
        self.skip_space();
        match self.peek() {
            Some(':') => self.advance(),
            // `connector(level) { .. }`: a method.
            Some('(') => {
                self.skip_expression();
                self.program();
                self.replace(
                    start,
                    &format!("\"{}\": null", key.replace(['"', '\\'], "")),
                );
            }
            // `{ uri, password }`: the variable of that name.
            Some(',' | '}') => {
                self.program();
                self.replace(
                    start,
                    &format!("\"{}\": null", key.replace(['"', '\\'], "")),
                );
            }
            _ => {}
        }
    }

    fn value(&mut self) {
        let start = self.at;
        match self.peek() {
            Some('{') => {
                self.advance();
                return self.open.push(Open::Object(None));
            }
            Some('[') => {
                self.advance();
                return self.open.push(Open::List(0));
            }
            Some('"' | '\'') => self.skip_quoted(),
            Some('`' | '(') => return self.refuse_expression(start),
            Some('+' | '-' | '.' | '0'..='9') => {
                self.advance();
                while matches!(self.peek(), Some('+' | '-')) {
                    self.advance();
                }
                self.word();
            }
            Some(_) => {
                let word = self.word();
                match word {
                    // Not the beginning of a value; the JSON5 reader reports it.
                    "" => return self.advance(),
                    "true" | "false" | "null" | "Infinity" | "NaN" => {}
                    _ => return self.name(start, word),
                }
            }
            None => return,
        }
        self.value_end(start);
    }

    /// A value that goes on with an operator is an expression.
    fn value_end(&mut self, start: usize) {
        self.skip_space();
        if is_operator(self.peek()) {
            self.refuse_expression(start);
        }
    }

    /// A name instead of a value: a constant, a misspelt word or program text.
    fn name(&mut self, start: usize, word: &str) {
        let end = self.at;
        self.skip_space();
        let goes_on = !matches!(self.peek(), None | Some(',' | '}' | ']' | ')' | ';'));
        if goes_on
            && (is_operator(self.peek())
                || matches!(
                    word,
                    "function" | "new" | "async" | "class" | "typeof" | "await"
                ))
        {
            return self.refuse_expression(start);
        }
        self.at = end;
        if let Some(value) = constant(word) {
            return self.replace(start, value);
        }
        let place = self.place();
        let is_secret = matches!(self.innermost(), "password" | "ha1");
        let meant = nearest(word, ["true", "false", "null"]).filter(|_| !is_secret);
        let error = if word.starts_with("SIP.C.") {
            ConfigError::value(place, ConfigError::excerpt(word), CONSTANTS)
        } else if let Some(meant) = meant {
            let expected = match meant {
                "null" => "null or a value; did you mean null?".into(),
                _ => format!("true or false; did you mean {meant}?"),
            };
            ConfigError::value(place, word, expected)
        } else {
            // The word itself may be a password whose quotes are missing.
            ConfigError::value(
                place,
                "a bare word",
                "text in quotes, a number, true, false or null",
            )
        };
        self.errors.push(error);
        self.replace(start, "null");
    }

    fn refuse_expression(&mut self, start: usize) {
        self.skip_expression();
        self.program();
        self.replace(start, "null");
    }

    /// Skips to the `,` or the closing bracket that ends an expression.
    fn skip_expression(&mut self) {
        let mut depth = 0_usize;
        loop {
            self.skip_space();
            match self.peek() {
                None => return,
                Some('"' | '\'' | '`') => {
                    self.skip_quoted();
                    continue;
                }
                Some('(' | '[' | '{') => depth += 1,
                Some(')' | ']' | '}' | ',') if depth == 0 => return,
                Some(')' | ']' | '}') => depth -= 1,
                Some(_) => {}
            }
            self.advance();
        }
    }

    fn program(&mut self) {
        let place = self.place();
        let advice = rust_equivalent(self.innermost());
        self.errors
            .push(ConfigError::new(ConfigErrorKind::Program, place, advice));
    }

    /// The innermost key.
    fn innermost(&self) -> &str {
        let key = |open: &'_ Open| matches!(open, Open::Object(Some(_)));
        match self.open.iter().rfind(|open| key(open)) {
            Some(Open::Object(Some(key))) => key,
            _ => "",
        }
    }

    /// Where the scanner is: `log.connector`, `wsServers[1].weight`.
    fn place(&self) -> Cow<'static, str> {
        let mut place = String::new();
        for open in self.open.iter().take(8) {
            match open {
                Open::Object(Some(key)) => {
                    if !place.is_empty() {
                        place.push('.');
                    }
                    place.extend(key.chars().filter(|c| !c.is_control()).take(64));
                }
                Open::Object(None) => {}
                Open::List(index) => place.push_str(&format!("[{index}]")),
            }
        }
        if place.is_empty() {
            return "configuration".into();
        }
        place.into()
    }
}

const CONSTANTS: &str =
    "one of SIP.C.supported.UNSUPPORTED, SUPPORTED, REQUIRED, or SIP.C.dtmfType.INFO, RTP";

/// The value of a constant, in JSON.
fn constant(name: &str) -> Option<&'static str> {
    match name {
        "undefined" => Some("null"),
        "SIP.C.supported.UNSUPPORTED" | "SIP.C.supported.NONE" => Some("\"none\""),
        "SIP.C.supported.SUPPORTED" => Some("\"supported\""),
        "SIP.C.supported.REQUIRED" => Some("\"required\""),
        "SIP.C.dtmfType.INFO" => Some("\"info\""),
        "SIP.C.dtmfType.RTP" => Some("\"rtp\""),
        _ => None,
    }
}

/// `var configuration = `, `new SIP.UA(`, `module.exports = `, `export default `.
fn is_declaration(text: &str) -> bool {
    let plain = |c: char| {
        c.is_alphanumeric() || c.is_whitespace() || matches!(c, '_' | '$' | '.' | '=' | '(')
    };
    let text = text.trim();
    text.chars().all(plain)
        && (text.ends_with(['=', '(']) || text == "export default" || text == "return")
}

fn is_operator(next: Option<char>) -> bool {
    matches!(
        next,
        Some(
            '+' | '-'
                | '*'
                | '/'
                | '%'
                | '?'
                | '&'
                | '|'
                | '<'
                | '>'
                | '='
                | '!'
                | '.'
                | '('
                | '['
                | '`'
        )
    )
}

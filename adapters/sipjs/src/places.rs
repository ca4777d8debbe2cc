//! Where the faults of a configuration stand in its text: line, column, and the line itself with a marker below.
//!
//! The scanner takes JSON, JSON5 and what [`javascript_to_json5`](crate::javascript_to_json5) takes. It reads as far as it can and never
//! fails. Values that may be secret are shown as `*`.

use std::fmt;
use std::ops::Range;

use sip_core::config::{ConfigError, ConfigErrorKind, Parameter};

use crate::lexis;
use crate::read::{is_known, other_names};

/// How deep objects and lists are followed, and how many keys and values.
const DEPTH: usize = 64;
const COUNT: usize = 65_536;

/// The longest part of a line that is shown, in characters, and how much of it is in front of the place.
const WIDTH: usize = 100;
const BEFORE: usize = 40;

/// The keys and values of a text.
#[derive(Clone, Debug)]
pub struct Places<'t> {
    text: &'t str,
    entries: Vec<Entry>,
    /// Brackets, commas and colons.
    marks: Vec<usize>,
}

/// A key with its value, or an item of a list.
#[derive(Clone, Debug)]
struct Entry {
    /// As errors write it: `wsServers[1].weight`.
    path: String,
    key: Option<Range<usize>>,
    value: Range<usize>,
    /// One literal and nothing else: a text in quotes, or a word or number.
    is_literal: bool,
}

/// A place in a text. `Display` is the line with its number, and a marker below.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
    source: String,
    marker: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>4} | {}", self.line, self.source)?;
        write!(f, "     | {}", self.marker)
    }
}

impl<'t> Places<'t> {
    /// Finds the keys and values of `text`, as far as it can be read.
    pub fn of(text: &'t str) -> Self {
        let mut scanner = Scanner {
            text,
            at: 0,
            entries: Vec::new(),
            marks: Vec::new(),
            open: Vec::new(),
        };
        scanner.opening();
        scanner.body();
        Self {
            text,
            entries: scanner.entries,
            marks: scanner.marks,
        }
    }

    /// Where the key or value of a fault stands; `None` for a fault of the whole, such as a parameter that is missing.
    pub fn fault(&self, error: &ConfigError) -> Option<Place> {
        let entry = self.entry(error.parameter())?;
        let is_about_key = matches!(
            error.kind(),
            ConfigErrorKind::Unknown | ConfigErrorKind::Unsupported | ConfigErrorKind::Repeated
        );
        let span = match &entry.key {
            Some(key) if is_about_key => key,
            _ => &entry.value,
        };
        Some(self.place(span.clone(), entry.key.as_ref()))
    }

    /// The place of a syntax error, by its line and its character in the line, both from 1. `None` behind the end of the text.
    pub fn at(&self, line: usize, column: usize) -> Option<Place> {
        let (mut start, mut number) = (0, 1);
        while number < line {
            start += self.text.get(start..)?.find('\n')? + 1;
            number += 1;
        }
        let rest = self.text.get(start..)?;
        let of_line = rest.lines().next().unwrap_or_default();
        let offset = of_line.char_indices().nth(column.saturating_sub(1));
        let offset = offset.map_or(of_line.len(), |(offset, _)| offset);
        // Some readers name the place in front of the blanks.
        let blanks = of_line[offset..].find(|c: char| !c.is_whitespace());
        let offset = start + offset + blanks.unwrap_or_default();
        Some(self.place(offset..offset + 1, None))
    }

    /// The last entry with this path, also under another name or in the block `transportOptions`.
    fn entry(&self, path: &str) -> Option<&Entry> {
        let end = path.find(['.', '[']).unwrap_or(path.len());
        let (head, rest) = path.split_at(end);
        let names = std::iter::once(head.to_owned()).chain(other_names(head));
        names
            .flat_map(|name| {
                [
                    format!("{name}{rest}"),
                    format!("transportOptions.{name}{rest}"),
                ]
            })
            .find_map(|path| self.entries.iter().rev().find(|entry| entry.path == path))
    }

    /// The line of a span. `named` is a key that the fault names anyway.
    fn place(&self, span: Range<usize>, named: Option<&Range<usize>>) -> Place {
        let start = self.text[..span.start].rfind('\n').map_or(0, |at| at + 1);
        let line = self.text[start..].lines().next().unwrap_or_default();
        let column = self.text[start..span.start].chars().count();
        let from = column.saturating_sub(BEFORE);
        // A short line is shown whole.
        let length = line.chars().count();
        let from = if length <= WIDTH { 0 } else { from };
        let shown = line.char_indices().skip(from).take(WIDTH);
        let mut source = String::new();
        let mut marker = String::new();
        for (offset, character) in shown {
            let offset = start + offset;
            let is_tab = character == '\t';
            let is_plain = character.is_whitespace() || self.is_plain(offset, named);
            source.push(match character {
                '\t' => '\t',
                character if character.is_control() || !is_plain => '*',
                character => character,
            });
            if span.contains(&offset) {
                marker.push('^');
            } else if offset < span.start {
                marker.push(if is_tab { '\t' } else { ' ' });
            }
        }
        if !marker.ends_with('^') {
            marker.push('^');
        }
        Place {
            line: self.text[..start].matches('\n').count() + 1,
            column: column + 1,
            source: source.trim_end().to_owned(),
            marker,
        }
    }

    /// Whether the character there is neither in a comment nor part of what may be a secret.
    fn is_plain(&self, offset: usize, named: Option<&Range<usize>>) -> bool {
        if self.marks.binary_search(&offset).is_ok()
            || named.is_some_and(|key| key.contains(&offset))
        {
            return true;
        }
        // The last one that begins in front of the place.
        let begins = |entry: &Entry| {
            entry
                .key
                .as_ref()
                .map_or(entry.value.start, |key| key.start)
        };
        let behind = self
            .entries
            .partition_point(|entry| begins(entry) <= offset);
        let Some(entry) = behind.checked_sub(1).map(|at| &self.entries[at]) else {
            return false;
        };
        if entry.key.as_ref().is_some_and(|key| key.contains(&offset)) {
            return is_known(&entry.path);
        }
        // What is more than a literal may be several, of which one is a secret.
        let is_shown = entry.is_literal && entry.value.contains(&offset);
        is_shown && is_harmless(&entry.path, &self.text[entry.value.clone()])
    }
}

/// Whether a value may be shown: that of a known parameter that holds no secret.
fn is_harmless(path: &str, value: &str) -> bool {
    let path = path.strip_prefix("transportOptions.").unwrap_or(path);
    let head = path.split(['.', '[']).next().unwrap_or_default();
    let named =
        |name: &str| name == head || name == path || other_names(name).any(|other| other == head);
    let parameter = Parameter::ALL
        .iter()
        .find(|parameter| named(parameter.name()));
    match parameter {
        None => false,
        Some(Parameter::Custom | Parameter::SessionDescriptionHandlerFactoryOptions) => false,
        // A URL may have a token in its query, or a password.
        Some(Parameter::WsServers) => !value.contains(['?', '@']),
        Some(parameter) => !parameter.is_secret(),
    }
}

/// An object or list that has not been closed.
enum Open {
    Object(String),
    List(String, usize),
}

struct Scanner<'t> {
    text: &'t str,
    at: usize,
    entries: Vec<Entry>,
    marks: Vec<usize>,
    open: Vec<Open>,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn advance(&mut self) {
        self.at += self.peek().map_or(0, char::len_utf8);
    }

    fn mark(&mut self) {
        self.marks.push(self.at);
        self.advance();
    }

    fn skip_space(&mut self) {
        self.at += lexis::space(&self.text[self.at..]);
    }

    fn skip_quoted(&mut self) {
        self.at += lexis::quoted(&self.text[self.at..]);
    }

    /// Skips to the first brace, unless a key comes first: then the braces are left out.
    fn opening(&mut self) {
        self.skip_space();
        let rest = &self.text[self.at..];
        let brace = rest.find('{').unwrap_or(rest.len());
        if !rest[..brace].contains(':') {
            self.at += brace;
            if self.peek().is_some() {
                self.mark();
            }
        }
        self.open.push(Open::Object(String::new()));
    }

    fn body(&mut self) {
        while self.entries.len() < COUNT {
            self.skip_space();
            match self.peek() {
                None => return,
                Some(',') => self.mark(),
                Some('}' | ']') => {
                    self.mark();
                    self.open.pop();
                    if self.open.is_empty() {
                        return;
                    }
                }
                Some(_) => {
                    if self.entry().is_none() {
                        return;
                    }
                }
            }
        }
    }

    /// Reads a key and the begin of its value, or an item; `None` where it is neither.
    fn entry(&mut self) -> Option<()> {
        let (path, key) = match self.open.last_mut()? {
            Open::List(path, index) => {
                let place = format!("{path}[{index}]");
                *index += 1;
                (place, None)
            }
            Open::Object(path) => {
                let path = path.clone();
                let span = self.key()?;
                let name = self.text[span.clone()].trim_matches(['"', '\'']);
                let name: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
                let path = match path.as_str() {
                    "" => name,
                    path => format!("{path}.{name}"),
                };
                (path, Some(span))
            }
        };
        self.skip_space();
        let start = self.at;
        let open = match self.peek() {
            Some('{') => Some(Open::Object(path.clone())),
            Some('[') => Some(Open::List(path.clone(), 0)),
            _ => None,
        };
        let is_literal = match open {
            Some(open) if self.open.len() < DEPTH => {
                self.mark();
                self.open.push(open);
                false
            }
            Some(_) => return None,
            None => self.skip_value(),
        };
        let value = self.text[start..self.at].trim_end().len();
        self.entries.push(Entry {
            path,
            key,
            value: start..start + value.max(1),
            is_literal,
        });
        Some(())
    }

    /// Reads a key and the colon behind it.
    fn key(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        if matches!(self.peek(), Some('"' | '\'')) {
            self.skip_quoted();
        } else {
            while self
                .peek()
                .is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '.' | '-'))
            {
                self.advance();
            }
        }
        let span = start..self.at;
        self.skip_space();
        let is_key = self.peek() == Some(':') && !span.is_empty();
        is_key.then(|| self.mark())?;
        Some(span)
    }

    /// Skips to the comma or bracket that ends a value; a value of a program may have brackets of its own. Returns whether it is one literal.
    fn skip_value(&mut self) -> bool {
        let start = self.at;
        if matches!(self.peek(), Some('"' | '\'')) {
            self.skip_quoted();
            let end = self.at;
            let quote = &self.text[start..=start];
            let is_closed = end > start + 1 && self.text[..end].ends_with(quote);
            self.skip_space();
            let next = self.peek();
            let ends = next.is_none_or(|next| {
                matches!(next, ',' | '}' | ']' | '"' | '\'' | '_' | '$') || next.is_alphanumeric()
            });
            if ends {
                // Where a comma is missing, the next key follows.
                self.at = end;
                return is_closed;
            }
        }
        self.skip_program();
        let value = self.text[start..self.at].trim_end();
        !value.contains(|c: char| {
            c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '(' | '{' | '[')
        })
    }

    fn skip_program(&mut self) {
        let mut depth = 0_usize;
        while let Some(character) = self.peek() {
            let rest = &self.text[self.at..];
            match character {
                '"' | '\'' | '`' => self.skip_quoted(),
                '(' | '[' | '{' => {
                    depth += 1;
                    self.advance();
                }
                ')' | ']' | '}' if depth > 0 => {
                    depth -= 1;
                    self.advance();
                }
                ',' | ']' | '}' if depth == 0 => return,
                '/' if depth == 0 && (rest.starts_with("//") || rest.starts_with("/*")) => return,
                _ => self.advance(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, path: &str, kind: ConfigErrorKind) -> String {
        let error = ConfigError::new(kind, path.to_owned(), "");
        let place = Places::of(text).fault(&error);
        place.map_or_else(String::new, |place| {
            format!("{}:{}\n{place}", place.line, place.column)
        })
    }

    fn value(text: &str, path: &str) -> String {
        shown(text, path, ConfigErrorKind::Value)
    }

    #[test]
    fn a_fault_is_marked_in_its_line() {
        let text = "// comment\n{\n  uri: 'sip:alice@example.com',\n  register: flase, // later\n\tregisterExpires: -1\n}";
        assert_eq!(
            value(text, "register"),
            "4:13\n   4 |   register: flase, ** *****\n     |             ^^^^^"
        );
        assert_eq!(
            value(text, "registerExpires"),
            "5:19\n   5 | \tregisterExpires: -1\n     | \t                 ^^"
        );
        assert_eq!(value(text, "password"), "");
        assert_eq!(value(text, "configuration"), "");
    }

    #[test]
    fn every_spelling_is_found() {
        for (text, path, place) in [
            ("{\"register_expires\": 1}", "registerExpires", "1:22"),
            (
                "{transportOptions: {wsServers: ['a', {weight: 'x'}]}}",
                "wsServers[1].weight",
                "1:47",
            ),
            (
                "{transportOptions: {maxReconnectionAttempts: 'x'}}",
                "wsServerMaxReconnection",
                "1:46",
            ),
            (
                "var c = new SIP.UA({log: {level: 9}});",
                "log.level",
                "1:34",
            ),
            ("uri: 'x', register: 2", "register", "1:21"),
            ("{register: 1, register: 2}", "register", "1:25"),
            (
                "{log: {connector: function (l) { return {a: 1}; }}, register: 3}",
                "register",
                "1:63",
            ),
            ("{uri: 'a,}b', register: 3}", "register", "1:25"),
            ("{uri: 'it\\'s' register: 3}", "register", "1:25"),
            ("{uri: 'a' + b('c'), register: 3}", "register", "1:31"),
        ] {
            let shown = value(text, path);
            assert_eq!(shown.lines().next(), Some(place), "{text}");
        }
    }

    #[test]
    fn an_unknown_key_is_marked_itself() {
        assert_eq!(
            shown(
                "{ wsServer: 'ws://h' }",
                "wsServer",
                ConfigErrorKind::Unknown
            ),
            "1:3\n   1 | { wsServer: ******** }\n     |   ^^^^^^^^"
        );
    }

    /// What is no harmless value of a known parameter is blacked out, also in a text that is broken.
    #[test]
    fn no_secret_is_shown() {
        for text in [
            "{register: 1, password: 'hunter2'}",
            "{register: 1, pasword: 'hunter2'}",
            "{register: 1, password: hunter2}",
            "{register: 1, wsServers: ['ws://h?hunter2', 'ws://hunter2@h']}",
            "{register: 1, custom: {key: 'hunter2'}}",
            "{register: 1, sessionDescriptionHandlerFactoryOptions: {hunter2: 'hunter2'}}",
            "{register: 1 /* hunter2 */} hunter2",
            "{register: 1, 'hunter2'",
            "{register: 1, hunter2: 3",
            "{password: hunter2 register: 1}",
            "{password: 'hunter2, register: 1}",
            "{password 'hunter2', register: 1}",
            "{uri: 'sip:a@b' password: 'hunter2', register: 1}",
            "{registerExpires: 5 password: hunter2, register: 1}",
            "{uri: 'sip:a@b' + 'hunter2', register: 1}",
            "{uri: 'sip:a@b' 'hunter2', register: 1}",
            "{uri: 'sip:a@b' hunter2, register: 1}",
            "{uri: 'sip:a@b, password: hunter2",
            "{uri: hunter2('hunter2'), register: 1}",
        ] {
            let places = Places::of(text);
            for column in 1..=text.len() + 1 {
                let place = places.at(1, column).unwrap().to_string();
                assert!(!place.contains("hunter2"), "{text}: {place}");
            }
            assert!(!value(text, "register").contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn a_place_is_bounded() {
        let long = format!(
            "{{uri: '{}', register: flase, uri: '{}'}}",
            "x".repeat(5_000),
            "y".repeat(5_000)
        );
        let shown = value(&long, "register");
        assert!(
            shown.lines().all(|line| line.chars().count() < 120),
            "{shown}"
        );
        assert!(shown.contains("register: flase"), "{shown}");
        let deep = "{a:".repeat(100_000);
        assert!(Places::of(&deep).entries.len() < 100);
        let many = format!("{{a: [{}]}}", "1,".repeat(100_000));
        assert!(Places::of(&many).entries.len() <= COUNT);
        assert_eq!(Places::of("{}").at(7, 1), None);
        assert_eq!(
            Places::of("").at(1, 1).unwrap().to_string(),
            "   1 | \n     | ^"
        );
    }
}

//! XML documents: read by roxmltree within bounds, written without a crate, because what a writer owes is escaping alone.
//!
//! roxmltree reads no document type declaration. A scan in front of it bounds what it does not bound itself: depth, attributes and
//! namespaces, whose cost grows with their square.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use roxmltree::{Document, Node, ParsingOptions, TextPos};

use super::error::{self, PackageError, Position};
use crate::body::Body;

/// The deepest nesting of elements.
const MOST_DEPTH: usize = 32;

/// The most attributes of one element, namespaces included.
const MOST_ATTRIBUTES: usize = 64;

/// The most declarations of namespaces.
const MOST_NAMESPACES: usize = 256;

/// The most elements, texts and comments.
const MOST_NODES: u32 = 16_384;

/// The namespace of `xml:lang`.
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// The name of a root element: its namespace and itself.
#[derive(Clone, Copy)]
pub(super) struct Root {
    pub(super) namespace: &'static str,
    pub(super) name: &'static str,
}

/// An element of a document, with what its place in the body takes.
#[derive(Clone, Copy)]
pub(super) struct Element<'a> {
    node: Node<'a, 'a>,
    skipped: Skipped,
}

/// The white space in front of the document, which is no part of it.
#[derive(Clone, Copy)]
struct Skipped {
    lines: u32,
    columns: u32,
}

impl Skipped {
    fn of(space: &str) -> Self {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let last = space.rsplit('\n').next().unwrap_or_default();
        Self {
            lines: number(space.matches('\n').count()),
            columns: number(last.chars().count()),
        }
    }

    fn position(self, at: TextPos) -> Position {
        let columns = if at.row == 1 { self.columns } else { 0 };
        Position {
            line: at.row.saturating_add(self.lines),
            column: at.col.saturating_add(columns),
        }
    }
}

/// Reads a body of this type, and takes what `take` makes of its root element.
pub(super) fn read<T>(
    body: &Body,
    content_type: &'static str,
    root: Root,
    take: impl FnOnce(Element<'_>) -> Result<T, PackageError>,
) -> Result<T, PackageError> {
    let text = error::text(body, content_type)?;
    // Servers that fill a template put line ends in front of the declaration, where XML allows none.
    let document = text.trim_ascii_start();
    let space = &text[..text.len() - document.len()];
    let skipped = Skipped::of(space);
    Scan::of(document, skipped)?;
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: MOST_NODES,
        ..ParsingOptions::default()
    };
    let tree = Document::parse_with_options(document, options).map_err(|fault| match fault {
        roxmltree::Error::NodesLimitReached => PackageError::TooMany {
            what: "XML nodes",
            limit: MOST_NODES as usize,
        },
        roxmltree::Error::DtdDetected => PackageError::DocumentType(skipped.position(fault.pos())),
        fault => PackageError::Xml {
            fault: described(&fault),
            at: skipped.position(fault.pos()),
        },
    })?;
    let node = tree.root_element();
    let element = Element { node, skipped };
    if !element.is(root.namespace, root.name) {
        let name = node.tag_name();
        let namespace: String = name.namespace().unwrap_or("").chars().take(80).collect();
        let local: String = name.name().chars().take(80).collect();
        return Err(PackageError::Root {
            expected: root.name,
            found: format!("{{{namespace}}}{local}").into(),
        });
    }
    take(element)
}

/// The fault without its place, which the error has as well, and without long names of the peer.
fn described(fault: &roxmltree::Error) -> alloc::boxed::Box<str> {
    let place = format!(" at {}", fault.pos());
    let text = fault.to_string().replacen(&place, "", 1);
    let short: String = text.chars().take(120).collect();
    short.into()
}

impl<'a> Element<'a> {
    /// Whether it has this name in this namespace.
    pub(super) fn is(self, namespace: &str, name: &str) -> bool {
        self.node.has_tag_name((namespace, name))
    }

    /// Its name, if it is in this namespace.
    pub(super) fn name_in(self, namespace: &str) -> Option<&'a str> {
        let name = self.node.tag_name();
        (name.namespace() == Some(namespace)).then_some(name.name())
    }

    /// Its place.
    pub(super) fn position(self) -> Position {
        let at = self.node.document().text_pos_at(self.node.range().start);
        self.skipped.position(at)
    }

    /// The elements in it.
    pub(super) fn elements(self) -> impl Iterator<Item = Self> {
        let elements = self.node.children().filter(Node::is_element);
        elements.map(move |node| Self { node, ..self })
    }

    /// The elements in it of this name.
    pub(super) fn each<'n>(
        self,
        namespace: &'n str,
        name: &'n str,
    ) -> impl Iterator<Item = Self> + use<'a, 'n> {
        self.elements()
            .filter(move |element| element.is(namespace, name))
    }

    /// The first element in it of this name.
    pub(super) fn first(self, namespace: &str, name: &str) -> Option<Self> {
        self.elements().find(|element| element.is(namespace, name))
    }

    /// The text in it without the space around it; comments and elements do not count.
    pub(super) fn text(self) -> String {
        let texts = self.node.children().filter(Node::is_text);
        let text: String = texts.filter_map(|node| node.text()).collect();
        text.trim_ascii().to_string()
    }

    /// The text of the first element in it of this name, unless it is empty.
    pub(super) fn text_of(self, namespace: &str, name: &str) -> Option<String> {
        let text = self.first(namespace, name)?.text();
        (!text.is_empty()).then_some(text)
    }

    /// An attribute without namespace.
    pub(super) fn attribute(self, name: &str) -> Option<&'a str> {
        let mut attributes = self.node.attributes();
        let found = attributes.find(|known| known.namespace().is_none() && known.name() == name)?;
        Some(found.value().trim_ascii())
    }

    /// An attribute as text of its own.
    pub(super) fn owned(self, name: &str) -> Option<String> {
        self.attribute(name).map(ToString::to_string)
    }

    /// `xml:lang`.
    pub(super) fn language(self) -> Option<String> {
        self.node.attribute((XML, "lang")).map(ToString::to_string)
    }

    /// An attribute that must be there. `what` names it in the error.
    pub(super) fn required(
        self,
        name: &'static str,
        what: &'static str,
    ) -> Result<&'a str, PackageError> {
        self.attribute(name).ok_or_else(|| self.missing(what))
    }

    /// The error that something is missing in it.
    pub(super) fn missing(self, what: &'static str) -> PackageError {
        let at = self.position();
        PackageError::Missing { what, at }
    }

    /// The error that a value of it is malformed.
    pub(super) fn malformed(self, what: &'static str) -> PackageError {
        let at = self.position();
        PackageError::Malformed { what, at }
    }
}

/// A scan of the marks of a document, up to the first fault. It agrees with the parser about everything in front of that fault.
struct Scan<'a> {
    text: &'a str,
    at: usize,
    skipped: Skipped,
}

impl<'a> Scan<'a> {
    fn of(text: &'a str, skipped: Skipped) -> Result<(), PackageError> {
        let at = 0;
        Self { text, at, skipped }.run()
    }

    fn run(mut self) -> Result<(), PackageError> {
        let too_many = |what, limit| PackageError::TooMany { what, limit };
        let (mut depth, mut namespaces) = (0_usize, 0);
        while let Some(found) = self.rest().find('<') {
            self.at += found;
            let rest = self.rest();
            if rest.starts_with("<!--") {
                self.skip_to("-->");
            } else if rest.starts_with("<![CDATA[") {
                self.skip_to("]]>");
            } else if rest.starts_with("<!") {
                return Err(PackageError::DocumentType(self.position()));
            } else if rest.starts_with("<?") {
                let from = self.at;
                self.skip_to("?>");
                if from == 0 {
                    check_declaration(&self.text[..self.at])?;
                }
            } else {
                let tag = self.tag();
                namespaces += tag.namespaces;
                if tag.attributes > MOST_ATTRIBUTES {
                    return Err(too_many("attributes of one XML element", MOST_ATTRIBUTES));
                }
                if namespaces > MOST_NAMESPACES {
                    return Err(too_many("XML namespaces", MOST_NAMESPACES));
                }
                match tag.kind {
                    TagKind::Opens => depth += 1,
                    TagKind::Closes => depth = depth.saturating_sub(1),
                    TagKind::Empty => {}
                }
                if depth > MOST_DEPTH {
                    return Err(too_many("XML elements in each other", MOST_DEPTH));
                }
            }
        }
        Ok(())
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_to(&mut self, end: &str) {
        let rest = self.rest();
        self.at += rest.find(end).map_or(rest.len(), |found| found + end.len());
    }

    /// Reads a tag, from its `<` to its `>` outside quotes.
    fn tag(&mut self) -> Tag {
        let bytes = self.rest().as_bytes();
        let (mut quote, mut attributes, mut namespaces, mut name) = (None, 0, 0, 1);
        let mut end = bytes.len();
        for (at, &byte) in bytes.iter().enumerate().skip(1) {
            match (quote, byte) {
                (Some(open), byte) if open == byte => {
                    quote = None;
                    name = at + 1;
                }
                (Some(_), _) => {}
                (None, b'"' | b'\'') => quote = Some(byte),
                (None, b'=') => {
                    attributes += 1;
                    namespaces += usize::from(bytes[name..at].starts_with(b"xmlns"));
                }
                (None, b'>') => {
                    end = at + 1;
                    break;
                }
                (None, byte) if byte.is_ascii_whitespace() => {
                    // The name of an attribute begins behind white space; white space may follow it, too.
                    let next = bytes.get(at + 1).copied().unwrap_or(b'>');
                    if next != b'=' && !next.is_ascii_whitespace() {
                        name = at + 1;
                    }
                }
                (None, _) => {}
            }
        }
        self.at += end;
        let kind = match bytes[..end] {
            [b'<', b'/', ..] => TagKind::Closes,
            [.., b'/', b'>'] => TagKind::Empty,
            _ => TagKind::Opens,
        };
        Tag {
            kind,
            attributes,
            namespaces,
        }
    }

    fn position(&self) -> Position {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let (lines, column) = {
            let before = &self.text[..self.at];
            let last = before.rsplit('\n').next().unwrap_or_default();
            (before.matches('\n').count(), last.chars().count())
        };
        self.skipped
            .position(TextPos::new(number(lines) + 1, number(column) + 1))
    }
}

/// What the scan knows of a tag.
struct Tag {
    kind: TagKind,
    attributes: usize,
    namespaces: usize,
}

enum TagKind {
    Opens,
    Closes,
    Empty,
}

/// Refuses a declaration that names another encoding than UTF-8.
fn check_declaration(declaration: &str) -> Result<(), PackageError> {
    let Some(encoding) = declaration
        .strip_prefix("<?xml")
        .and_then(|rest| rest.split_once("encoding"))
        .and_then(|(_, rest)| rest.trim_start().strip_prefix('='))
    else {
        return Ok(());
    };
    let quoted = encoding.trim_start();
    let name = ['"', '\''].into_iter().find_map(|quote| {
        let (name, _) = quoted.strip_prefix(quote)?.split_once(quote)?;
        Some(name)
    });
    // A name without quotes is a fault that the parser reports.
    name.map_or(Ok(()), error::check_encoding)
}

/// Writes a document. Names are constants of this crate, so that values alone need escaping.
pub(super) struct Writer {
    text: String,
    open: Vec<&'static str>,
    /// Whether the start tag of the last element still takes attributes.
    in_tag: bool,
}

impl Writer {
    /// Begins a document with its root element.
    pub(super) fn new(root: Root) -> Self {
        let mut writer = Self {
            text: String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"),
            open: Vec::new(),
            in_tag: false,
        };
        writer.begin(root.name);
        writer.attribute("xmlns", root.namespace);
        writer
    }

    pub(super) fn begin(&mut self, name: &'static str) {
        self.close_tag();
        self.text.push('<');
        self.text.push_str(name);
        self.open.push(name);
        self.in_tag = true;
    }

    /// Adds an attribute to the element that has just begun.
    pub(super) fn attribute(&mut self, name: &str, value: &str) {
        self.text.push(' ');
        self.text.push_str(name);
        self.text.push_str("=\"");
        for character in value.chars() {
            match character {
                '"' => self.text.push_str("&quot;"),
                // A reader would make a space of each.
                '\t' => self.text.push_str("&#9;"),
                '\n' => self.text.push_str("&#10;"),
                other => self.escaped(other),
            }
        }
        self.text.push('"');
    }

    pub(super) fn optional(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.attribute(name, value);
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        self.close_tag();
        text.chars().for_each(|character| self.escaped(character));
    }

    pub(super) fn end(&mut self) {
        let Some(name) = self.open.pop() else { return };
        if core::mem::take(&mut self.in_tag) {
            self.text.push_str("/>");
        } else {
            self.text.push_str("</");
            self.text.push_str(name);
            self.text.push('>');
        }
    }

    /// An element with nothing but text.
    pub(super) fn element(&mut self, name: &'static str, text: &str) {
        self.begin(name);
        self.text(text);
        self.end();
    }

    /// Ends the document.
    pub(super) fn body(mut self, content_type: &'static str) -> Body {
        while !self.open.is_empty() {
            self.end();
        }
        Body::new(content_type, self.text)
    }

    fn close_tag(&mut self) {
        if core::mem::take(&mut self.in_tag) {
            self.text.push('>');
        }
    }

    fn escaped(&mut self, character: char) {
        match character {
            '&' => self.text.push_str("&amp;"),
            '<' => self.text.push_str("&lt;"),
            '>' => self.text.push_str("&gt;"),
            // A reader would make a line feed of it.
            '\r' => self.text.push_str("&#13;"),
            '\t' | '\n' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => {
                self.text.push(character);
            }
            // XML has no way to write it (XML 1.0 section 2.2).
            _ => self.text.push('\u{fffd}'),
        }
    }
}

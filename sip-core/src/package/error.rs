//! Why a body cannot be read.

use alloc::boxed::Box;
use core::fmt;

use sip_parse::MediaType;

use super::MOST_BYTES;
use crate::body::Body;

/// A place in a body; both numbers begin at 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The character of the line.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why the body of an event package cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackageError {
    /// The body has another media type.
    #[error("the body is {found}, not {expected}")]
    ContentType {
        /// The media type of the package.
        expected: &'static str,
        /// The media type of the body.
        found: Box<str>,
    },
    /// The body is longer than [`MOST_BYTES`].
    #[error("the body is longer than {MOST_BYTES} bytes")]
    TooLong,
    /// The body has more of something than the helper reads.
    #[error("the body has more than {limit} {what}")]
    TooMany {
        /// What there is too much of, in the plural.
        what: &'static str,
        /// How many the helper reads.
        limit: usize,
    },
    /// The body is in another encoding than UTF-8.
    #[error("the encoding {0} is not supported, only UTF-8")]
    Encoding(Box<str>),
    /// The body is not valid UTF-8, from this byte on.
    #[error("the body is not valid UTF-8 at byte {0}")]
    Utf8(usize),
    /// The body has a document type declaration. It could define entities, so that it is refused unread.
    #[error("the body has a document type declaration, at {0}")]
    DocumentType(Position),
    /// The XML is not well-formed.
    #[error("malformed XML at {at}: {fault}")]
    Xml {
        /// The fault, as the XML parser describes it.
        fault: Box<str>,
        /// Where.
        at: Position,
    },
    /// The XML has another root element.
    #[error("the root element is {found}, not {expected}")]
    Root {
        /// The element of the package.
        expected: &'static str,
        /// The element of the body, behind its namespace in braces.
        found: Box<str>,
    },
    /// Something required is not there.
    #[error("{what} is missing at {at}")]
    Missing {
        /// What is missing.
        what: &'static str,
        /// The element, or the end of the text, that lacks it.
        at: Position,
    },
    /// A value is malformed.
    #[error("{what} is malformed at {at}")]
    Malformed {
        /// The value.
        what: &'static str,
        /// Where.
        at: Position,
    },
}

/// The text of a body of this type.
pub(super) fn text<'a>(body: &'a Body, expected: &'static str) -> Result<&'a str, PackageError> {
    let other_type = || PackageError::ContentType {
        expected,
        found: (*body.content_type).into(),
    };
    let media = MediaType::parse(body.content_type.as_bytes()).map_err(|_| other_type())?;
    let (kind, subtype) = expected.split_once('/').unwrap_or_default();
    if !media.is(kind.as_bytes(), subtype.as_bytes()) {
        return Err(other_type());
    }
    if body.bytes.len() > MOST_BYTES {
        return Err(PackageError::TooLong);
    }
    if let Some(charset) = media.params.value(b"charset") {
        let charset = alloc::string::String::from_utf8_lossy(charset);
        check_encoding(charset.trim_matches('"'))?;
    }
    // A body in UTF-16 has a byte order mark (RFC 7303 section 3.3).
    if matches!(body.bytes[..], [0xfe, 0xff, ..] | [0xff, 0xfe, ..]) {
        return Err(PackageError::Encoding("UTF-16".into()));
    }
    let text = core::str::from_utf8(&body.bytes)
        .map_err(|error| PackageError::Utf8(error.valid_up_to()))?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Refuses every encoding that is not UTF-8 or a part of it.
pub(super) fn check_encoding(name: &str) -> Result<(), PackageError> {
    let known = ["utf-8", "utf8", "us-ascii"];
    if known.iter().any(|known| name.eq_ignore_ascii_case(known)) {
        return Ok(());
    }
    // The name comes from a peer; a long one adds nothing.
    let name: alloc::string::String = name.chars().take(40).collect();
    Err(PackageError::Encoding(name.into()))
}

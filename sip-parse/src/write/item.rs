//! What a builder holds until it writes: the start line and the header fields.

use crate::method::Method;
use crate::name::{HeaderId, HeaderName};
use crate::scan::{Record, StartLine};
use crate::status::StatusCode;
use crate::value::Value;

#[derive(Clone, Debug)]
pub(super) enum Start<'a> {
    Request {
        method: Method<'a>,
        uri: &'a [u8],
    },
    Response {
        status: StatusCode,
        reason: Option<&'a [u8]>,
    },
    /// A message's own line, kept as it is.
    Kept {
        line: &'a [u8],
        start: StartLine,
    },
}

#[derive(Clone, Debug)]
pub(super) enum Content<'a> {
    /// A message's own line or lines with the line end; the record counts from the line's start.
    Line {
        line: &'a [u8],
        record: Record,
    },
    /// A message's own value under a new line; may hold folds.
    Kept(&'a [u8]),
    /// The To of a request, for a response: the value and the tag to add.
    Tagged(&'a [u8], &'a [u8]),
    New(Value<'a>),
}

#[derive(Clone, Debug)]
pub(super) struct Item<'a> {
    pub(super) id: HeaderId,
    pub(super) name: HeaderName<'a>,
    pub(super) content: Content<'a>,
}

impl<'a> Item<'a> {
    pub(super) fn new(name: HeaderName<'a>, value: Value<'a>) -> Self {
        Item {
            id: name.id(),
            name,
            content: Content::New(value),
        }
    }

    pub(super) fn is(&self, id: HeaderId, name: &HeaderName<'_>) -> bool {
        self.id == id && (id != HeaderId::OTHER || self.name == *name)
    }

    /// The value's text, when it is one piece of borrowed text.
    pub(super) fn text(&self) -> Option<&'a [u8]> {
        match &self.content {
            Content::Line { line, record } => {
                line.get(usize::from(record.value_start)..usize::from(record.value_end))
            }
            Content::Kept(value) | Content::New(Value::Bytes(value)) => Some(value),
            _ => None,
        }
    }
}

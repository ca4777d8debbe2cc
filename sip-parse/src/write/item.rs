//! The pieces that a builder collects: the start line and the header fields.

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
    /// The start line of a message, unchanged.
    Kept {
        line: &'a [u8],
        start: StartLine,
    },
}

#[derive(Clone, Debug)]
pub(super) enum Content<'a> {
    /// The lines of a message's header field with the line end; the offsets of the record count from their start.
    Line {
        line: &'a [u8],
        record: Record,
    },
    /// A value of a message on a new line; may contain folds.
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

    /// The value's text, when it is one borrowed slice.
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

//! Writes the pieces of a message as bytes and records their offsets.

use alloc::vec::Vec;

use crate::class::trim;
use crate::name::HeaderName;
use crate::number::decimal;
use crate::scan::{Head, Record};
use crate::value::Value;
use crate::write::item::Content;

pub(super) fn emit_line(
    out: &mut impl Sink,
    line: &[u8],
    record: &Record,
    head: Option<&mut Head>,
) {
    let base = out.at();
    out.put(line);
    if let Some(head) = head {
        head.push(record.moved(0, base));
    }
}

pub(super) fn emit_field<S: Sink>(
    out: &mut S,
    name: HeaderName<'_>,
    head: Option<&mut Head>,
    value: impl FnOnce(&mut S),
) {
    let start = out.at();
    out.put(name.as_bytes());
    let name_end = out.at();
    out.put(b": ");
    let value_start = out.at();
    value(out);
    let value_end = out.at();
    out.put(b"\r\n");
    if let Some(head) = head {
        head.push(Record {
            start: start as u16,
            name_end: name_end as u16,
            value_start: value_start as u16,
            value_end: value_end as u16,
            id: name.id(),
            // Set for all: a value kept from a message can contain a fold, and a wrong `true` costs only a search.
            folded: true,
        });
    }
}

pub(super) fn emit_content(out: &mut impl Sink, content: &Content<'_>) {
    match content {
        Content::Kept(value) | Content::Line { line: value, .. } => out.put(value),
        Content::Tagged(value, tag) => {
            out.put(value);
            out.put(b";tag=");
            out.put(tag);
        }
        Content::New(value) => emit_value(out, value),
    }
}

pub(super) fn emit_value(out: &mut impl Sink, value: &Value<'_>) {
    match value {
        Value::Bytes(text) => out.put(trim(text)),
        Value::Owned(text) => out.put(trim(text)),
        Value::Number(number) => out.put(decimal(u64::from(*number), &mut [0; 20])),
        Value::Typed(value) => value.write(&mut |piece| out.put(piece)),
        Value::Joined(values) => {
            for (i, text) in values.iter().enumerate() {
                if i > 0 {
                    out.put(b", ");
                }
                out.put(text);
            }
        }
        Value::Via {
            transport,
            sent_by,
            branch,
            rport,
        } => {
            out.put(b"SIP/2.0/");
            out.put(transport);
            out.put(b" ");
            out.put(sent_by);
            out.put(b";branch=");
            out.put(branch);
            if *rport {
                out.put(b";rport");
            }
        }
        Value::CSeq(number, method) => {
            out.put(decimal(u64::from(*number), &mut [0; 20]));
            out.put(b" ");
            out.put(method.as_bytes());
        }
        Value::NameAddr {
            display,
            uri,
            tag,
            params,
        } => {
            if let Some(display) = display {
                out.put(b"\"");
                let mut rest = display.as_bytes();
                while let Some(special) = memchr::memchr2(b'"', b'\\', rest) {
                    out.put(&rest[..special]);
                    out.put(b"\\");
                    out.put(&rest[special..special + 1]);
                    rest = &rest[special + 1..];
                }
                out.put(rest);
                out.put(b"\" ");
            }
            out.put(b"<");
            out.put(uri);
            out.put(b">");
            if let Some(tag) = tag {
                out.put(b";tag=");
                out.put(tag);
            }
            out.put(params);
        }
    }
}

/// The target of written bytes: a vector, or a count of the bytes that the vector needs.
pub(super) trait Sink {
    fn put(&mut self, bytes: &[u8]);
    fn at(&self) -> usize;
}

pub(super) struct Count(pub(super) usize);

impl Sink for Count {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }

    fn at(&self) -> usize {
        self.0
    }
}

impl Sink for Vec<u8> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    fn at(&self) -> usize {
        self.len()
    }
}

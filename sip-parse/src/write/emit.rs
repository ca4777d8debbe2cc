//! Writes the values of header fields as bytes.

use alloc::vec::Vec;

use crate::class::trim;
use crate::number::decimal;
use crate::value::Value;
use crate::write::text::Text;

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

/// The target of written bytes.
pub(super) trait Sink {
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Text {
    #[inline(always)]
    fn put(&mut self, bytes: &[u8]) {
        Text::put(self, bytes);
    }
}

impl Sink for Vec<u8> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

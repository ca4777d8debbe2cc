//! The two kinds of reading that the benches time, by `sip-parse`.

use std::fmt::Display;
use std::hint::black_box;

use sip_parse::{Bytes, Contact, Limits, Message, ParseError, Uri};

/// The destination of the values that a reader reads. One reader serves both the check against the facts and
/// the clock.
pub trait Sink {
    /// A text that was read.
    fn text(&mut self, fact: &'static str, value: &[u8]);
    /// A number that was read.
    fn number(&mut self, fact: &'static str, value: u64);
    /// A value that was read and has a text, such as an address; the text is not part of the reading.
    fn shown<T: Display>(&mut self, fact: &'static str, value: &T);
}

/// Discards each value, but keeps the compiler from leaving the reading out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Discard;

impl Sink for Discard {
    #[inline(always)]
    fn text(&mut self, _: &'static str, value: &[u8]) {
        black_box(value);
    }

    #[inline(always)]
    fn number(&mut self, _: &'static str, value: u64) {
        black_box(value);
    }

    #[inline(always)]
    fn shown<T: Display>(&mut self, _: &'static str, value: &T) {
        black_box(value);
    }
}

/// Start line, header lines and body found.
///
/// # Errors
/// The message is malformed.
#[inline]
pub fn frame(bytes: Bytes) -> Result<Message, ParseError> {
    Message::parse(bytes, &Limits::DEFAULT)
}

/// Frames, and reads Request-URI or status, the top Via with branch and sent-by, From and To with URI and
/// tag, Call-ID, CSeq, the first Contact's URI, Max-Forwards and the body. A value that is absent is not
/// reported.
///
/// # Errors
/// The message or one of these values is malformed.
#[inline]
pub fn typed(bytes: Bytes, sink: &mut impl Sink) -> Result<Message, ParseError> {
    let message = frame(bytes)?;
    values(&message, sink)?;
    Ok(message)
}

#[inline]
fn values(message: &Message, sink: &mut impl Sink) -> Result<(), ParseError> {
    if let Some(method) = message.request_method() {
        sink.text("method", method.as_bytes());
    }
    if let Some(uri) = message.request_uri()? {
        tell_uri(&uri, sink, ["ruri.user", "ruri.host", "ruri.port"]);
    }
    if let Some(status) = message.response_status() {
        sink.number("status", status.as_u16().into());
    }
    let via = message.top_via()?;
    sink.text("via.transport", via.transport());
    sink.text("via.host", via.host_bytes());
    if let Some(port) = via.port() {
        sink.number("via.port", port.into());
    }
    if let Some(branch) = via.branch() {
        sink.text("via.branch", branch);
    }
    let from = message.from()?;
    tell_uri(from.uri(), sink, ["from.user", "from.host", "from.port"]);
    if let Some(tag) = from.tag() {
        sink.text("from.tag", tag);
    }
    let to = message.to()?;
    tell_uri(to.uri(), sink, ["to.user", "to.host", "to.port"]);
    if let Some(tag) = to.tag() {
        sink.text("to.tag", tag);
    }
    sink.text("callid", message.call_id()?);
    let cseq = message.cseq()?;
    sink.number("cseq.num", cseq.number.into());
    sink.text("cseq.method", cseq.method.as_bytes());
    if let Some(Contact::Addr(contact)) = message.contacts().next().transpose()? {
        tell_uri(
            contact.uri(),
            sink,
            ["contact.user", "contact.host", "contact.port"],
        );
    }
    if let Some(hops) = message.max_forwards()? {
        sink.number("maxfwd", hops.into());
    }
    sink.number("body", message.body().len() as u64);
    Ok(())
}

#[inline]
fn tell_uri(uri: &Uri<'_>, sink: &mut impl Sink, [user, host, port]: [&'static str; 3]) {
    if let Some(value) = uri.user() {
        sink.text(user, value);
    }
    if !uri.host_bytes().is_empty() {
        sink.text(host, uri.host_bytes());
    }
    if let Some(value) = uri.port() {
        sink.number(port, value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::SAMPLES;

    /// What is timed reads every fact of every message.
    #[test]
    fn typed_reads_every_fact() {
        for sample in SAMPLES {
            let read = |bytes: &[u8], findings: &mut _| {
                typed(Bytes::copy_from_slice(bytes), findings).is_ok()
            };
            assert_eq!(sample.check(read), Ok(()));
        }
    }

    /// A reader that reports nothing, or a wrong value, fails the check.
    #[test]
    fn a_wrong_reader_is_found_out() {
        for sample in SAMPLES {
            assert!(sample.check(|_, _| true).is_err(), "{}", sample.name);
            let wrong = |bytes: &[u8], findings: &mut crate::messages::Findings| {
                let read = typed(Bytes::copy_from_slice(bytes), findings).is_ok();
                findings.text("from.tag", b"another");
                read
            };
            assert!(sample.check(wrong).is_err(), "{}", sample.name);
        }
    }
}

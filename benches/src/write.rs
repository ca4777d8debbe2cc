//! The writing that the benches time, by `sip-parse`.

use sip_parse::{
    BuildError, Builder, HeaderName, Message, Method, ParseError, Request, StatusCode, Value,
};

/// Copies an untouched message into a send buffer.
#[inline]
pub fn untouched(message: &Message, out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(message.bytes());
}

/// The Via of a proxy.
const VIA: &str = "SIP/2.0/UDP proxy.example.net:5060;branch=z9hG4bK5d1c09aa7e";

/// A proxy's step: a Via of its own on top, one hop less.
///
/// # Errors
/// The message cannot be forwarded.
#[inline]
pub fn forward(message: &Message) -> Result<Message, ForwardError> {
    let mut builder = Builder::from_message(message);
    builder.prepend(HeaderName::Via, VIA);
    less_one_hop(message, &mut builder)?;
    builder.build().map_err(ForwardError::Write)
}

/// A Via of its own on top, and nothing else.
///
/// # Errors
/// The message cannot be written.
#[inline]
pub fn via(message: &Message) -> Result<Message, ForwardError> {
    let mut builder = Builder::from_message(message);
    builder.prepend(HeaderName::Via, VIA);
    builder.build().map_err(ForwardError::Write)
}

/// One hop less, and nothing else.
///
/// # Errors
/// The message cannot be forwarded.
#[inline]
pub fn hop(message: &Message) -> Result<Message, ForwardError> {
    let mut builder = Builder::from_message(message);
    less_one_hop(message, &mut builder)?;
    builder.build().map_err(ForwardError::Write)
}

fn less_one_hop(message: &Message, builder: &mut Builder<'_>) -> Result<(), ForwardError> {
    if let Some(hops) = message.max_forwards().map_err(ForwardError::Read)? {
        builder.set(
            HeaderName::MaxForwards,
            u32::from(hops.checked_sub(1).ok_or(ForwardError::TooManyHops)?),
        );
    }
    Ok(())
}

/// The reason why [`forward`] failed.
#[derive(Clone, Copy, Debug)]
pub enum ForwardError {
    /// Max-Forwards is malformed.
    Read(ParseError),
    /// Max-Forwards is 0 (RFC 3261 section 16.3).
    TooManyHops,
    /// The result cannot be written.
    Write(BuildError),
}

/// The 180 that a callee sends.
///
/// # Errors
/// The response cannot be written.
#[inline]
pub fn response(request: &Request) -> Result<Message, BuildError> {
    Builder::response_to(request, StatusCode::RINGING, Some(b"7f3a9c01"))
        .append(
            HeaderName::Contact,
            Value::NameAddr {
                display: None,
                uri: b"sip:callee@192.0.2.7:5060",
                tag: None,
                params: b"",
            },
        )
        .build()
}

/// An INVITE with a body of 128 bytes, from parts.
///
/// # Errors
/// The request cannot be written.
#[inline]
pub fn request() -> Result<Message, BuildError> {
    Builder::request(Method::Invite, b"sip:bob@example.com")
        .append(
            HeaderName::Via,
            Value::Via {
                transport: b"UDP",
                sent_by: b"192.0.2.1:5060",
                branch: b"z9hG4bK776asdhds",
                rport: true,
            },
        )
        .append(HeaderName::MaxForwards, 70)
        .append(
            HeaderName::From,
            Value::NameAddr {
                display: Some("Alice"),
                uri: b"sip:alice@example.com",
                tag: Some(b"1928301774"),
                params: b"",
            },
        )
        .append(
            HeaderName::To,
            Value::NameAddr {
                display: None,
                uri: b"sip:bob@example.com",
                tag: None,
                params: b"",
            },
        )
        .append(HeaderName::CallId, "a84b4c76e66710@192.0.2.1")
        .append(HeaderName::CSeq, Value::CSeq(314_159, Method::Invite))
        .append(
            HeaderName::Contact,
            Value::NameAddr {
                display: None,
                uri: b"sip:alice@192.0.2.1:5060",
                tag: None,
                params: b"",
            },
        )
        .body(b"application/sdp", &BODY)
        .build()
}

/// A body for [`request`].
pub const BODY: [u8; 128] = [b'x'; 128];

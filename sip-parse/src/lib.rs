//! SIP messages: bytes to typed, borrowed views and back (RFC 3261 and its extensions).
//!
//! No state, no time, no I/O. A [`Message`] is one [`Bytes`] and a list of where its header fields lie; values are read
//! when asked for, in place, without allocating. A [`Builder`] writes.
//!
//! ```
//! use sip_parse::{Builder, Bytes, HeaderName, Limits, Message, Method, StatusCode, Value};
//!
//! let wire = Bytes::from_static(
//!     b"OPTIONS sip:bob@example.com SIP/2.0\r\n\
//!       Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776\r\n\
//!       Max-Forwards: 70\r\n\
//!       f: Alice <sip:alice@example.com>;tag=88sja8x\r\n\
//!       t: <sip:bob@example.com>\r\n\
//!       Call-ID: 987asjd97y7atg\r\n\
//!       CSeq: 1 OPTIONS\r\n\
//!       Content-Length: 0\r\n\r\n",
//! );
//! let message = Message::parse(wire, &Limits::default())?;
//! message.validate()?;
//! let request = message.into_request().expect("a request");
//! assert_eq!(request.method(), Method::Options);
//! assert_eq!(request.uri()?.user(), Some(&b"bob"[..]));
//! assert_eq!(request.top_via()?.branch(), Some(&b"z9hG4bK776"[..]));
//! assert_eq!(request.from()?.tag(), Some(&b"88sja8x"[..]));
//!
//! let response = Builder::response_to(&request, StatusCode::OK, Some(b"314159"))
//!     .append(HeaderName::Allow, "INVITE, ACK, BYE, CANCEL, OPTIONS")
//!     .build()?;
//! assert_eq!(response.to()?.tag(), Some(&b"314159"[..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod access;
mod block;
mod check;
mod class;
mod error;
mod framer;
mod grammar;
mod headers;
mod limits;
mod message;
mod method;
mod multipart;
mod name;
mod params;
mod scan;
mod status;
mod uri;
mod value;
mod write;

pub use access::Values;
pub use bytes::Bytes;
pub use error::{ErrorKind, ParseError};
pub use framer::{Frame, FrameError, Framer};
pub use headers::HeaderValue;
pub use headers::about::{Date, MimeVersion, ParamList, TextParams, Timestamp, Warning};
pub use headers::auth::{AuthParams, AuthenticationInfo, Challenge, Credentials};
pub use headers::call::{
    DialogReference, Reason, Refresher, Replaces, RetryAfter, SessionExpires, TargetDialog,
};
pub use headers::cseq::{CSeq, RAck};
pub use headers::event::{Event, SubscriptionState};
pub use headers::identity::{Identity, SessionIdentifier};
pub use headers::media::{ContentDisposition, MediaType, TokenParams};
pub use headers::name_addr::{Contact, NameAddr};
pub use headers::via::Via;
pub use limits::Limits;
pub use message::{Header, Kind, Message, Request, Response};
pub use method::Method;
pub use multipart::{NewPart, Part, Parts, write_multipart};
pub use name::{HeaderId, HeaderName};
pub use params::{Params, ParamsIter, quote_into, unescape, unquote};
pub use status::StatusCode;
pub use uri::{Host, Scheme, Uri, UriBuf};
pub use value::Value;
pub use write::{BuildError, BuildErrorKind, Builder};

/// Shows bytes of a message as text; what is not UTF-8 shows as the replacement character, controls escaped.
pub fn text(bytes: &[u8]) -> impl core::fmt::Display + '_ {
    Text(bytes)
}

struct Text<'a>(&'a [u8]);

impl core::fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        use core::fmt::Write;
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                if character.is_control() {
                    write!(f, "{}", character.escape_default())?;
                } else {
                    f.write_char(character)?;
                }
            }
            if !chunk.invalid().is_empty() {
                f.write_char(char::REPLACEMENT_CHARACTER)?;
            }
        }
        Ok(())
    }
}

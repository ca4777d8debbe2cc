//! SIP messages: bytes to typed, borrowed views and back (RFC 3261 and its extensions).
//!
//! No state, no time, no I/O. A [`Message`] is one [`Bytes`] and the offsets of its header fields; each accessor reads
//! its value in place, without allocating. A [`Builder`] writes messages.
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

//! # What is checked when
//!
//! [`Message::parse`] and [`Framer`] check the structure only: start line, header lines, Content-Length. A typed
//! accessor such as [`Message::from`] checks the value it returns. [`Message::validate_for`] checks what a receiver in a
//! [`Role`] needs from this message; a server calls it before it acts on a request. [`Message::faults`] finds all faults.
//!
//! # Lenient and strict
//!
//! Accessors and [`Message::validate_for`] read leniently; [`Message::validate_strict`] accepts only what the grammar
//! allows. `docs/leniency.md` lists all that lenient reading accepts beyond the grammar, and why. [`Builder::build`]
//! writes only values that a lenient reader accepts, [`Builder::build_strict`] only values that a strict reader accepts.
//!
//! # Cost
//!
//! The reader allocates nothing for a message of up to 24 header fields; accessors allocate only to undo escapes and
//! folds; the builder allocates once. Every function takes time linear in the length of its input; no function recurses
//! on input. [`Limits`] bounds what a peer can send.
//!
//! # Order of the modules
//!
//! A module imports only from modules below it, top to bottom:
//!
//! 1. `write`: the builder
//! 2. `check`: validation of whole messages; `multipart`: bodies of several parts
//! 3. `field`: the grammar of every field; `needs`: the fields that a receiver needs
//! 4. `access`: typed accessors of a message
//! 5. `message`: bytes and offsets; `value`: values for the builder; `framer`: messages from a stream; `form`: the forms
//!    of parameter values
//! 6. `headers`: typed header values, one file per family
//! 7. `uri`; `grammar`: `nom` combinators for headers; `scan`: the pass over a head
//! 8. `token`, `params`, `number`: the elements of header values; `transfer_coding`: base64 and quoted-printable
//! 9. `error`: [`ParseError`]
//! 10. `name`, `method`: tables of known header names and methods
//! 11. `status`, `limits`, `class` (character classes), `block` (sixteen bytes at a time), `text`, `identified` (what
//!     [`Message::identify`] keeps)

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod access;
mod block;
mod check;
mod class;
mod error;
mod field;
mod form;
mod framer;
mod grammar;
mod headers;
mod identified;
mod limits;
mod message;
mod method;
mod multipart;
mod name;
mod needs;
mod number;
mod params;
mod scan;
mod sipfrag;
mod status;
mod text;
mod token;
mod transfer_coding;
mod uri;
mod value;
mod write;

pub use access::Values;
pub use bytes::Bytes;
pub use check::Reading;
pub use error::{ErrorKind, ParseError};
pub use form::is_token;
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
pub use multipart::{NewPart, Part, PartRole, Parts, Selection, write_multipart};
pub use name::{HeaderId, HeaderName};
pub use needs::Role;
pub use params::{Params, ParamsIter, quote_into, unescape, unquote};
pub use sipfrag::fragment_status;
pub use status::StatusCode;
pub use text::text;
pub use uri::{Host, Scheme, Uri, UriBuf};
pub use value::Value;
pub use write::{BuildError, BuildErrorKind, Builder, Field};

/// The examples of the README compile and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#![forbid(unsafe_code)]
#![no_std]
//! Session descriptions (RFC 8866) for bots, tests and hold: [`Description`] reads one, [`Negotiation`] makes the offers and the
//! answers of one call (RFC 3264), [`Audio`] says what this side can do. Needs no `std`, and has no I/O, no clock and no media.
//!
//! A program with a media engine of its own, such as a browser or a WebRTC library, uses the descriptions of that engine. To change
//! the direction of a whole description of any origin there is [`sip_core::sdp::with_direction`].
//!
//! | question | answer | RFC |
//! |---|---|---|
//! | what does this description say? | [`Description::read`], [`Media::codecs`], [`Description::direction`] | RFC 8866 |
//! | an offer of ours | [`Negotiation::offer`] | RFC 3264 section 5 |
//! | an answer to the offer of the peer | [`Negotiation::accept_offer`], [`Negotiation::answer`] | RFC 3264 section 6 |
//! | the answer of the peer | [`Negotiation::accept_answer`] | RFC 3264 section 7 |
//! | hold and resume | `hold` of [`Negotiation::offer`] and [`Negotiation::answer`] | RFC 3264 section 8.4 |
//! | the version of a later description | grows by one if it says something else | RFC 3264 section 8 |
//! | an exchange that failed | [`Negotiation::roll_back`] | RFC 6141 section 4 |
//!
//! # What it reads
//!
//! Everything that RFC 8866 allows, and what peers write beside it: LF without CR, blank lines, lines in another order, no `o=` or
//! `t=` line, types of lines that it does not know. It refuses, with the number of the line: what does not begin with `v=0`,
//! control characters, a malformed `o=`, `c=` or `m=`, and what is beyond its bounds ([`MOST_LINES`], [`MOST_FORMATS`], and
//! [`MOST_BYTES`] and [`MOST_STREAMS`] of `sip-core`).
//!
//! Files from the top to the bottom; each imports only those below it: `negotiation`, `lines` and `audio` and `description`, `codec`,
//! `error`.

extern crate alloc;

mod audio;
mod codec;
mod description;
mod error;
mod lines;
mod negotiation;

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

pub use audio::Audio;
pub use codec::Codec;
pub use description::{Attributes, Connection, Description, Media, Origin};
pub use error::{InvalidCodec, MOST_FORMATS, MOST_LINES, NegotiationError, Problem, ReadError};
pub use negotiation::Negotiation;
pub use sip_core::sdp::{Direction, MOST_BYTES, MOST_STREAMS};

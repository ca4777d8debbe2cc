//! Why a description cannot be read, and why an exchange cannot go on.

use sip_core::sdp::{MOST_BYTES, MOST_STREAMS};

/// The most lines that [`Description::read`](crate::Description::read) reads; only blank ones may follow.
pub const MOST_LINES: usize = 16_384;

/// The most formats that [`Description::read`](crate::Description::read) reads in one `m=` line. There are 128 payload types.
pub const MOST_FORMATS: usize = 256;

/// Why a text is no session description.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line} of the session description: {problem}")]
#[non_exhaustive]
pub struct ReadError {
    /// The number of the line, from 1.
    pub line: usize,
    /// What is wrong with it.
    #[source]
    pub problem: Problem,
}

/// What is wrong with a line of a description.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The first line is not `v=0` (RFC 8866 section 5.1).
    #[error("the first line is not v=0")]
    NotSdp,
    /// The line has no type of one letter before a `=` (RFC 8866 section 5).
    #[error("not a letter, =, and a value")]
    NoType,
    /// The line has a control character, such as a NUL or a CR without LF.
    #[error("a control character")]
    ControlCharacter,
    /// A line that must be UTF-8 is not (RFC 8866 section 5).
    #[error("not UTF-8")]
    NotUtf8,
    /// The `o=` line lacks one of its six fields (RFC 8866 section 5.2).
    #[error(
        "o= needs a user name, a session, a version, a network, a type of address and an address"
    )]
    Origin,
    /// The `c=` line lacks one of its three fields (RFC 8866 section 5.7).
    #[error("c= needs a network, a type of address and an address")]
    Connection,
    /// The `m=` line lacks its kind, port, protocol, or first format (RFC 8866 section 5.14).
    #[error("m= needs a kind, a port, a protocol and a format")]
    Media,
    /// The port of the `m=` line, or the number of ports after its `/`, is no number of 16 bits.
    #[error("the port of m= is no number from 0 to 65535")]
    Port,
    /// The description is longer than [`MOST_BYTES`].
    #[error("the description is longer than {MOST_BYTES} bytes")]
    TooLong,
    /// The description has more lines than [`MOST_LINES`].
    #[error("the description has more than {MOST_LINES} lines")]
    TooManyLines,
    /// The description has more media streams than [`MOST_STREAMS`].
    #[error("the description has more than {MOST_STREAMS} media streams")]
    TooManyStreams,
    /// The `m=` line has more formats than [`MOST_FORMATS`].
    #[error("m= has more than {MOST_FORMATS} formats")]
    TooManyFormats,
}

/// Why an offer cannot be answered, or an answer cannot be taken. The session that was in force stays.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NegotiationError {
    /// The description cannot be read.
    #[error("{0}")]
    Read(#[from] ReadError),
    /// The offer has streams, and none is audio in a profile and a format of this side. 488 is the response to it
    /// (RFC 3261 section 13.3.1.3).
    #[error("the offer has no audio in a profile and a format of this side")]
    NoUsableAudio,
    /// There is no offer of the peer that waits for an answer.
    #[error("no offer waits for an answer")]
    NoOffer,
    /// There is no offer of this side that the answer could belong to.
    #[error("no offer of this side waits for an answer")]
    NoOwnOffer,
    /// The answer has another number of `m=` lines than the offer (RFC 3264 section 6).
    #[error("the answer has {answered} m= lines, the offer had {offered}")]
    StreamCount {
        /// Those of the offer.
        offered: usize,
        /// Those of the answer.
        answered: usize,
    },
    /// A stream of the answer is of another kind than the same stream of the offer (RFC 3264 section 6).
    #[error("stream {stream} of the answer is of another kind than in the offer")]
    StreamKind {
        /// Its number, from 1.
        stream: usize,
    },
    /// The answer accepts audio in no format of the offer (RFC 3264 section 6.1).
    #[error("stream {stream} of the answer has no format of the offer")]
    NoCommonFormat {
        /// Its number, from 1.
        stream: usize,
    },
}

/// The text is no encoding as in `a=rtpmap` (RFC 8866 section 6.6), or the payload type is not below 128.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no audio format: a payload type below 128 and NAME/RATE or NAME/RATE/CHANNELS are needed")]
pub struct InvalidCodec;

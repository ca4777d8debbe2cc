//! The media direction in a session description (RFC 3264 sections 5.1, 6.1 and 8.4, RFC 8866 section 6.7): what hold and resume
//! need. The core itself never reads a description; an application, or a description handler, calls these functions.
//!
//! ```
//! use sip_core::sdp::{self, Direction};
//!
//! let offer = b"v=0\r\no=- 7 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
//! let hold = sdp::with_direction(offer, Direction::SendOnly)?;
//! assert!(hold.starts_with(b"v=0\r\no=- 7 2 IN IP4 192.0.2.1\r\n"), "RFC 3264 section 8: a new version");
//! assert!(hold.ends_with(b"a=sendonly\r\n"));
//! assert_eq!(sdp::direction(&hold)?, Some(Direction::SendOnly));
//! # Ok::<(), sdp::SdpError>(())
//! ```

use alloc::vec::Vec;
use core::fmt;

/// The longest description that these functions read, in bytes.
pub const MOST_BYTES: usize = 256 * 1_024;

/// The most media streams (`m=` lines) that these functions read in one description.
pub const MOST_STREAMS: usize = 256;

/// The direction of a media stream, as seen by the side that wrote the description (RFC 8866 section 6.7).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    /// `sendrecv`, which is also the direction of a stream that names none.
    SendRecv,
    /// `sendonly`: what this side offers when it puts the peer on hold (RFC 3264 section 8.4).
    SendOnly,
    /// `recvonly`.
    RecvOnly,
    /// `inactive`.
    Inactive,
}

impl Direction {
    const fn new(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }

    /// Whether the side that wrote it sends media.
    #[must_use]
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// Whether the side that wrote it takes media.
    #[must_use]
    pub const fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// The same stream as the other side sees it: `sendonly` is its `recvonly`.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self::new(self.receives(), self.sends())
    }

    /// The direction of an answer to this offered direction (RFC 3264 section 6.1), for a side that would like `wanted`: it
    /// sends only what the offerer receives, and receives only what the offerer sends. An offered `sendonly` gets
    /// `recvonly` or `inactive`, an offered `inactive` gets `inactive`.
    ///
    /// ```
    /// use sip_core::sdp::Direction::{Inactive, RecvOnly, SendOnly, SendRecv};
    ///
    /// assert_eq!(SendOnly.answer(SendRecv), RecvOnly);
    /// assert_eq!(SendRecv.answer(SendOnly), SendOnly, "a call that this side holds");
    /// assert_eq!(SendOnly.answer(SendOnly), Inactive, "a call that both sides hold");
    /// ```
    #[must_use]
    pub const fn answer(self, wanted: Self) -> Self {
        Self::new(
            wanted.sends() && self.receives(),
            wanted.receives() && self.sends(),
        )
    }

    /// The attribute, without `a=`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// Reads an attribute line without its line end. Names are case-sensitive (RFC 8866 section 5).
    fn of_line(line: &[u8]) -> Option<Self> {
        let name = trimmed(line.strip_prefix(b"a=")?);
        let all = [
            Self::SendRecv,
            Self::SendOnly,
            Self::RecvOnly,
            Self::Inactive,
        ];
        all.into_iter()
            .find(|direction| direction.name().as_bytes() == name)
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a description cannot be read or changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SdpError {
    /// It does not begin with `v=0` (RFC 8866 section 5.1).
    #[error("not a session description: it does not begin with v=0")]
    NotSdp,
    /// Its `o=` line is missing, or has no decimal version as its third field (RFC 8866 section 5.2).
    #[error("the o= line of the session description has no version")]
    Origin,
    /// Its version cannot grow: it is at the greatest number of 64 bits.
    #[error("the version in the o= line is the greatest one")]
    Version,
    /// It is longer than [`MOST_BYTES`].
    #[error("the session description is longer than {MOST_BYTES} bytes")]
    TooLong,
    /// It has more streams than [`MOST_STREAMS`].
    #[error("the session description has more than {MOST_STREAMS} media streams")]
    TooManyStreams,
}

/// A line without its end, and the end.
#[derive(Clone, Copy)]
struct Line<'a> {
    text: &'a [u8],
    end: &'a [u8],
}

/// The lines of a description. A line ends with CRLF or LF (RFC 8866 section 5).
fn lines(description: &[u8]) -> impl Iterator<Item = Line<'_>> {
    description
        .split_inclusive(|&byte| byte == b'\n')
        .map(|line| {
            let end = match line {
                [.., b'\r', b'\n'] => 2,
                [.., b'\n'] => 1,
                _ => 0,
            };
            let (text, end) = line.split_at(line.len() - end);
            Line { text, end }
        })
}

fn trimmed(text: &[u8]) -> &[u8] {
    text.trim_ascii()
}

/// A media stream as its `m=` line and the lines below say.
#[derive(Clone, Copy)]
struct Stream {
    /// Whether its port is 0: it is rejected or closed (RFC 3264 sections 6 and 8.2).
    rejected: bool,
    direction: Option<Direction>,
    /// Whether its `c=` line names the address 0.0.0.0, the hold of RFC 2543 (RFC 3264 section 8.4).
    held: Option<bool>,
    /// Whether it has ICE credentials: the addresses are candidates then, and a browser that has none yet writes 0.0.0.0 in its
    /// `c=` line (RFC 8829 section 5.2.1).
    has_ice: bool,
}

impl Stream {
    const NONE: Self = Self {
        rejected: false,
        direction: None,
        held: None,
        has_ice: false,
    };

    fn of_media_line(line: &[u8]) -> Self {
        let port = line.split(|&byte| byte == b' ').nth(1).unwrap_or_default();
        // The number of ports may follow a slash.
        let port = port.split(|&byte| byte == b'/').next().unwrap_or_default();
        Self {
            rejected: !port.is_empty() && port.iter().all(|&digit| digit == b'0'),
            ..Self::NONE
        }
    }

    fn read(&mut self, line: &[u8]) {
        if let Some(direction) = Direction::of_line(line) {
            // The first one counts: a second one is an error of the peer.
            self.direction = self.direction.or(Some(direction));
        } else if let Some(connection) = line.strip_prefix(b"c=") {
            let address = connection.split(|&byte| byte == b' ').nth(2);
            let address = trimmed(address.unwrap_or_default());
            let held = address == b"0.0.0.0" || address.starts_with(b"0.0.0.0/");
            self.held = self.held.or(Some(held));
        } else if line.starts_with(b"a=ice-ufrag:") {
            self.has_ice = true;
        }
    }
}

/// Checks the frame of a description; returns its session level and its streams.
fn read(description: &[u8]) -> Result<(Stream, Vec<Stream>), SdpError> {
    if description.len() > MOST_BYTES {
        return Err(SdpError::TooLong);
    }
    let mut all = lines(description);
    if all.next().is_none_or(|line| trimmed(line.text) != b"v=0") {
        return Err(SdpError::NotSdp);
    }
    let mut session = Stream::NONE;
    let mut streams: Vec<Stream> = Vec::new();
    for line in all {
        if line.text.starts_with(b"m=") {
            if streams.len() == MOST_STREAMS {
                return Err(SdpError::TooManyStreams);
            }
            streams.push(Stream::of_media_line(line.text));
        } else {
            streams.last_mut().unwrap_or(&mut session).read(line.text);
        }
    }
    Ok((session, streams))
}

/// The direction of a description: what all its streams do together. `None` if it has no stream, or every stream is rejected
/// (port 0). A stream without ICE whose address is 0.0.0.0 takes no media: this is how RFC 2543 puts a call on hold (RFC 3264
/// section 8.4).
///
/// # Errors
/// [`SdpError`] if it is no description, or beyond the bounds.
pub fn direction(description: &[u8]) -> Result<Option<Direction>, SdpError> {
    let (session, streams) = read(description)?;
    let live = streams.iter().filter(|stream| !stream.rejected);
    let directions = live.map(|stream| {
        let direction = stream.direction.or(session.direction);
        let direction = direction.unwrap_or(Direction::SendRecv);
        let held = stream.held.or(session.held).unwrap_or(false);
        let held = held && !stream.has_ice && !session.has_ice;
        Direction::new(direction.sends(), direction.receives() && !held)
    });
    Ok(directions.reduce(|all, one| {
        Direction::new(all.sends() || one.sends(), all.receives() || one.receives())
    }))
}

/// The direction that an answer to `offer` has, for a side that would like `wanted` ([`Direction::answer`], RFC 3264 section
/// 6.1). `None` if the offer has no stream that can be answered.
///
/// # Errors
/// As [`direction`].
pub fn answer_direction(offer: &[u8], wanted: Direction) -> Result<Option<Direction>, SdpError> {
    Ok(direction(offer)?.map(|offered| offered.answer(wanted)))
}

/// Rewrites the direction of every stream of an own description, and that of its session level if it has one, for an offer that holds or resumes a call (RFC 3264 section
/// 8.4), or for the answer to one. The version in the `o=` line grows by one if a stream changes its direction, and only then
/// (section 8). Streams with port 0, all other lines, their order and their line ends stay.
///
/// The description has to be the last one that this side sent in the call, because the versions of one call only grow:
/// an application keeps what this function returns, and rewrites that next time.
///
/// # Errors
/// [`SdpError`] if it is no description, its `o=` line has no version, or it is beyond the bounds.
pub fn with_direction(description: &[u8], direction: Direction) -> Result<Vec<u8>, SdpError> {
    let (session, streams) = read(description)?;
    let inherited = session.direction.unwrap_or(Direction::SendRecv);
    let mut live = streams.iter().filter(|stream| !stream.rejected);
    let is_new = live.any(|stream| stream.direction.unwrap_or(inherited) != direction);
    if !is_new {
        return Ok(description.into());
    }
    let end = lines(description).next().map_or(&b"\r\n"[..], |line| {
        if line.end.is_empty() {
            b"\r\n"
        } else {
            line.end
        }
    });
    let mut writer = Writer {
        out: Vec::with_capacity(description.len() + 16 * (streams.len() + 1)),
        end,
        direction,
        pending: false,
    };
    let mut has_origin = false;
    let mut stream = None;
    for line in lines(description) {
        if line.text.starts_with(b"m=") {
            writer.finish_stream();
            let read = Stream::of_media_line(line.text);
            writer.pending = !read.rejected;
            stream = Some(read);
            writer.line(line);
        } else if !has_origin && stream.is_none() && line.text.starts_with(b"o=") {
            has_origin = true;
            writer.origin(line)?;
        } else if Direction::of_line(line.text).is_some() && stream.is_none() {
            writer.session_attribute(line.end);
        } else if Direction::of_line(line.text).is_some() && stream.is_some_and(|it| !it.rejected) {
            writer.attribute(line.end);
        } else {
            writer.line(line);
        }
    }
    writer.finish_stream();
    if !has_origin {
        return Err(SdpError::Origin);
    }
    Ok(writer.out)
}

/// Writes a description anew.
struct Writer<'a> {
    out: Vec<u8>,
    /// The line end of the description.
    end: &'a [u8],
    direction: Direction,
    /// Whether the stream being written still needs its direction.
    pending: bool,
}

impl Writer<'_> {
    fn line(&mut self, line: Line<'_>) {
        self.out.extend_from_slice(line.text);
        self.out.extend_from_slice(line.end);
    }

    /// Writes the direction in place of the attribute of the session level.
    fn session_attribute(&mut self, end: &[u8]) {
        self.out.extend_from_slice(b"a=");
        self.out.extend_from_slice(self.direction.name().as_bytes());
        self.out.extend_from_slice(end);
    }

    /// Writes the direction in place of the attribute of a stream; a second one of the same stream is left out.
    fn attribute(&mut self, end: &[u8]) {
        if core::mem::take(&mut self.pending) {
            self.session_attribute(end);
        }
    }

    /// Appends the direction to a stream that had no attribute for it.
    fn finish_stream(&mut self) {
        if self.pending {
            if !self.out.ends_with(b"\n") {
                self.out.extend_from_slice(self.end);
            }
            self.attribute(self.end);
        }
    }

    /// Writes the `o=` line with the next version (RFC 8866 section 5.2): `o=<user> <session> <version> ...`.
    fn origin(&mut self, line: Line<'_>) -> Result<(), SdpError> {
        let mut fields = line.text.split(|&byte| byte == b' ');
        for index in 0..3 {
            let field = fields.next().ok_or(SdpError::Origin)?;
            if index < 2 {
                self.out.extend_from_slice(field);
                self.out.push(b' ');
            } else {
                let next = next_version(field)?;
                self.out.extend_from_slice(&next);
            }
        }
        for field in fields {
            self.out.push(b' ');
            self.out.extend_from_slice(field);
        }
        self.out.extend_from_slice(line.end);
        Ok(())
    }
}

/// The decimal number after this one.
fn next_version(version: &[u8]) -> Result<Vec<u8>, SdpError> {
    if version.is_empty() || !version.iter().all(u8::is_ascii_digit) {
        return Err(SdpError::Origin);
    }
    let number = version.iter().try_fold(0_u64, |number, digit| {
        let digit = u64::from(digit - b'0');
        number.checked_mul(10)?.checked_add(digit)
    });
    let next = number.and_then(|number| number.checked_add(1));
    let next = next.ok_or(SdpError::Version)?;
    Ok(alloc::format!("{next}").into_bytes())
}

#[cfg(test)]
mod tests;

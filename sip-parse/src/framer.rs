//! Cuts a byte stream into messages and keep-alives (RFC 3261 section 18.3, RFC 5626 section 4.4.1).

use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;

use crate::class;
use crate::error::{ErrorKind, ParseError};
use crate::limits::Limits;
use crate::name::{self, HeaderName};
use crate::number::digits;

/// One unit of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// One whole message, for [`Message::parse`](crate::Message::parse).
    Message(Bytes),
    /// CRLFCRLF: a keep-alive, which the receiver answers with CRLF (RFC 5626 section 4.4.1).
    Ping,
    /// A lone CRLF: the answer to a keep-alive. The framer also returns it for the first half of a [`Frame::Ping`] that
    /// arrives alone.
    Pong,
}

/// A fault that ends the stream. The application closes the connection, because the next message boundary is unknown.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{error}")]
pub struct FrameError {
    /// The fault; offsets count from the start of the message.
    #[source]
    pub error: ParseError,
    /// The received part of the message's head, for [`Message::salvage`](crate::Message::salvage) and an error
    /// response.
    pub head: Bytes,
}

/// Cuts a stream into frames. It scans each byte once, whatever the size of the chunks. After an error every call
/// returns the same error.
#[derive(Clone, Debug)]
pub struct Framer {
    limits: Limits,
    lenient: bool,
    buffer: BytesMut,
    /// Start of the current line, whose end is still missing.
    line: usize,
    /// End of the part of that line that is already searched.
    searched: usize,
    /// Number of lines of the current message so far.
    lines: usize,
    length: Option<u64>,
    /// Start of the previous line, when it is a Content-Length that a continuation line may extend.
    length_line: Option<usize>,
    /// Size of the head; known once its blank line arrives.
    head: Option<usize>,
    /// Whether the last frame was one CRLF, which may be the first half of a ping.
    half_ping: bool,
    failed: Option<FrameError>,
}

impl Framer {
    /// A framer that requires Content-Length (RFC 3261 section 18.3).
    pub fn new(limits: Limits) -> Self {
        Framer {
            limits,
            lenient: false,
            buffer: BytesMut::new(),
            line: 0,
            searched: 0,
            lines: 0,
            length: None,
            length_line: None,
            head: None,
            half_ping: false,
            failed: None,
        }
    }

    /// A framer that reads a missing Content-Length as 0.
    pub fn lenient(limits: Limits) -> Self {
        Framer {
            lenient: true,
            ..Framer::new(limits)
        }
    }

    /// Adds received bytes. The caller takes all frames with [`Framer::next`] before it adds more, because this bounds
    /// the buffer.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_none() {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next frame; `None` when more bytes are needed.
    ///
    /// # Errors
    /// A missing, malformed or contradictory Content-Length, or an exceeded limit. All later calls return the same
    /// error.
    #[allow(clippy::should_implement_trait)] // Three outcomes: a frame, more bytes needed, an error.
    pub fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        match self.advance() {
            Ok(frame) => Ok(frame),
            Err(error) => {
                let end = self.buffer.len().min(self.head.unwrap_or(self.limits.head));
                let head = Bytes::copy_from_slice(&self.buffer[..end]);
                self.buffer = BytesMut::new();
                let error = FrameError { error, head };
                self.failed = Some(error.clone());
                Err(error)
            }
        }
    }

    fn advance(&mut self) -> Result<Option<Frame>, ParseError> {
        if self.head.is_none() {
            if self.line == 0
                && let Some(frame) = self.keep_alive()
            {
                return Ok(Some(frame));
            }
            self.scan()?;
        }
        let Some(head) = self.head else {
            return Ok(None);
        };
        let body = match self.length {
            Some(length) => length,
            None if self.lenient => 0,
            None => return Err(ParseError::at(ErrorKind::MissingContentLength, head)),
        };
        // Checked before the framer waits for the body or stores a byte of it.
        if body > self.limits.body as u64 {
            return Err(ParseError::at(ErrorKind::BodyTooLarge, head));
        }
        let total = head + body as usize;
        if total > self.limits.message {
            return Err(ParseError::at(ErrorKind::MessageTooLarge, head));
        }
        if self.buffer.len() < total {
            return Ok(None);
        }
        // A copy, because a message that its receiver keeps would otherwise keep the whole buffer.
        let message = Bytes::copy_from_slice(&self.buffer[..total]);
        self.buffer.advance(total);
        self.line = 0;
        self.searched = 0;
        self.lines = 0;
        self.length = None;
        self.length_line = None;
        self.head = None;
        Ok(Some(Frame::Message(message)))
    }

    /// Takes the line ends in front of a message.
    fn keep_alive(&mut self) -> Option<Frame> {
        let taken = match self.buffer.as_ref() {
            [b'\r', b'\n', ..] => 2,
            [b'\n', ..] => 1,
            // A CR alone: wait for its LF.
            [b'\r'] | [] => return None,
            _ => {
                self.half_ping = false;
                return None;
            }
        };
        self.buffer.advance(taken);
        self.searched = 0;
        if self.half_ping {
            self.half_ping = false;
            return Some(Frame::Ping);
        }
        match self.buffer.as_ref() {
            [b'\r', b'\n', ..] => {
                self.buffer.advance(2);
                Some(Frame::Ping)
            }
            [b'\n', ..] => {
                self.buffer.advance(1);
                Some(Frame::Ping)
            }
            [] | [b'\r'] => {
                self.half_ping = true;
                Some(Frame::Pong)
            }
            _ => Some(Frame::Pong),
        }
    }

    /// Searches for the blank line and reads Content-Length on the way.
    fn scan(&mut self) -> Result<(), ParseError> {
        let cap = self.limits.head.min(usize::from(u16::MAX));
        while let Some(end) = memchr::memchr(b'\n', &self.buffer[self.searched..]) {
            let next = self.searched + end + 1;
            if next > cap {
                return Err(ParseError::at(ErrorKind::HeadTooLarge, cap));
            }
            let line = self.line;
            // The limit counts text, not the line end.
            if next - line > self.limits.header_line.saturating_add(2) {
                return Err(ParseError::at(ErrorKind::HeaderTooLong, line));
            }
            let text = &self.buffer[line..next];
            let blank = text == b"\r\n" || text == b"\n";
            let continues = class::at(text, 0, class::BLANK);
            // Read here, because only the next line shows that the field has no continuation.
            if !continues && let Some(start) = self.length_line.take() {
                let length = content_length(&self.buffer[start..line], start)?;
                if self.length.is_some_and(|known| known != length) {
                    let error = ParseError::at(ErrorKind::ContentLengthMismatch, start);
                    return Err(error.within(HeaderName::ContentLength.id(), 0));
                }
                self.length = Some(length);
            }
            self.line = next;
            self.searched = next;
            if blank && line > 0 {
                self.head = Some(next);
                return Ok(());
            }
            if !continues {
                self.lines += 1;
                if self.lines > usize::from(self.limits.headers) + 1 {
                    return Err(ParseError::at(ErrorKind::TooManyHeaders, line));
                }
                if is_content_length(text) && line > 0 {
                    self.length_line = Some(line);
                }
            }
        }
        self.searched = self.buffer.len();
        if self.buffer.len() > cap {
            return Err(ParseError::at(ErrorKind::HeadTooLarge, cap));
        }
        if self.buffer.len() - self.line > self.limits.header_line.saturating_add(2) {
            return Err(ParseError::at(ErrorKind::HeaderTooLong, self.line));
        }
        Ok(())
    }
}

fn is_content_length(line: &[u8]) -> bool {
    let name_end = class::run(line, 0, class::TOKEN);
    name::lookup(&line[..name_end]) == HeaderName::ContentLength.id()
}

/// The number in a Content-Length line.
fn content_length(line: &[u8], start: usize) -> Result<u64, ParseError> {
    let id = HeaderName::ContentLength.id();
    let name_end = class::run(line, 0, class::TOKEN);
    let colon = class::run(line, name_end, class::BLANK);
    if line.get(colon) != Some(&b':') {
        return Err(ParseError::at(ErrorKind::MissingColon, colon).within(id, start));
    }
    let value = class::trim(&line[colon + 1..]);
    let (number, end) = digits(value, 0, u64::from(u32::MAX))
        .map_err(|error| error.within(id, start + colon + 1))?;
    if end != value.len() {
        return Err(ParseError::at(ErrorKind::Character, end).within(id, start + colon + 1));
    }
    Ok(number)
}

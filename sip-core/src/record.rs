//! Log and trace records: plain data that an adapter formats.

use alloc::string::String;
use core::fmt;

use bytes::Bytes;
use sip_parse::{HeaderName, Limits, Message};

use crate::auth::ChallengeError;
use crate::config::LogLevel;
use crate::ids::ConnectionId;

/// A log record: plain data, formatted by its `Display` only on demand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogRecord {
    /// The severity.
    pub level: LogLevel,
    /// `sip.ua`, `sip.transport`, `sip.transaction`, `sip.dialog`, `sip.registration`, `sip.session`.
    pub category: &'static str,
    /// The transaction, session or connection, as its handle's `to_bits`; 0 for none, and always 0 unless
    /// `log.level` is `debug`.
    pub label: u64,
    /// The content.
    pub content: LogContent,
}

/// The content of a log record.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum LogContent {
    /// A fixed sentence.
    Text(&'static str),
    /// Bytes that are not an acceptable SIP message, with the fault.
    Malformed(sip_parse::ParseError),
    /// The core itself sent a provisional or final response, with the cause.
    Answered(sip_parse::StatusCode, &'static str),
    /// The core ignored a message, with the cause.
    Ignored(&'static str),
    /// The core did not answer a challenge, with the cause: the 401 or 407 is final.
    NotAuthorized(ChallengeError),
}

impl fmt::Display for LogContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Malformed(error) => write!(f, "malformed message: {error}"),
            Self::Answered(status, why) => write!(f, "answered {}: {why}", status.as_u16()),
            Self::Ignored(why) => write!(f, "ignored a message: {why}"),
            Self::NotAuthorized(why) => write!(f, "did not answer a challenge: {why}"),
        }
    }
}

/// The direction of a traced message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    /// The peer sent it.
    Received,
    /// The core sent it.
    Sent,
}

/// One SIP message as it was on the wire.
///
/// `Display` prints the text with the credentials redacted; [`TraceRecord::bytes`] has the full message.
#[derive(Clone, PartialEq, Eq)]
pub struct TraceRecord {
    /// The direction.
    pub direction: Direction,
    /// The connection.
    pub connection: ConnectionId,
    /// Whether `Display` shows credentials; the configuration decides.
    pub reveal: bool,
    /// The message, or CRLF keep-alives.
    pub bytes: Bytes,
}

impl fmt::Display for TraceRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.reveal {
            return f.write_str(&String::from_utf8_lossy(&self.bytes));
        }
        let Ok(message) = Message::parse(self.bytes.clone(), &Limits::default()) else {
            // An unreadable message cannot be redacted, so its text is not shown.
            return write!(f, "[{} bytes that are no SIP message]", self.bytes.len());
        };
        let bytes = message.bytes();
        let mut shown = 0;
        for header in message.headers() {
            if is_secret(&header.name) {
                let value = header.value;
                let scheme = value.iter().position(u8::is_ascii_whitespace).unwrap_or(0);
                let start = value.as_ptr() as usize - bytes.as_ptr() as usize + scheme;
                let before = String::from_utf8_lossy(&bytes[shown..start]);
                write!(f, "{before} [redacted]")?;
                shown = start + value.len() - scheme;
            }
        }
        f.write_str(&String::from_utf8_lossy(&bytes[shown..]))?;
        // On a stream another message with credentials of its own may follow.
        let line_ends = self
            .bytes
            .iter()
            .take_while(|byte| matches!(byte, b'\r' | b'\n'));
        match self.bytes.len() - bytes.len() - line_ends.count() {
            0 => Ok(()),
            more => write!(f, "[{more} bytes more]"),
        }
    }
}

/// Whether a header field carries credentials, or data from which they can be guessed.
fn is_secret(name: &HeaderName<'_>) -> bool {
    matches!(
        name,
        HeaderName::Authorization
            | HeaderName::ProxyAuthorization
            | HeaderName::AuthenticationInfo
            | HeaderName::ProxyAuthenticationInfo
    )
}

impl fmt::Debug for TraceRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "TraceRecord({:?} {:?}, {} bytes)",
            self.direction,
            self.connection,
            self.bytes.len()
        )
    }
}

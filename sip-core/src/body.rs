//! Bodies of messages: session descriptions and others.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use bytes::Bytes;
use sip_parse::{HeaderName, Message};

/// The body of a message, such as a session description: opaque bytes and their media type.
#[derive(Clone, PartialEq, Eq)]
pub struct Body {
    /// The value of Content-Type, such as `application/sdp`.
    pub content_type: Box<str>,
    /// The bytes.
    pub bytes: Bytes,
}

impl Body {
    /// Takes the value of Content-Type and the bytes.
    #[must_use]
    pub fn new(content_type: impl Into<Box<str>>, bytes: impl Into<Bytes>) -> Self {
        Self {
            content_type: content_type.into(),
            bytes: bytes.into(),
        }
    }

    /// Takes the bytes of a session description, with the type `application/sdp` (RFC 3264).
    #[must_use]
    pub fn sdp(bytes: impl Into<Bytes>) -> Self {
        Self::new("application/sdp", bytes)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({}, {} bytes)", self.content_type, self.bytes.len())
    }
}
/// The body of a message and its type; `None` if it is empty.
pub(crate) fn body_of(message: &Message) -> Option<Body> {
    if message.body().is_empty() {
        return None;
    }
    let content_type = message
        .header(HeaderName::ContentType)
        .map(|header| header.unfolded().into_owned());
    let content_type = content_type.as_deref().map(String::from_utf8_lossy);
    Some(Body::new(
        &*content_type.unwrap_or_default(),
        message.body_bytes(),
    ))
}

/// Whether the body is SDP, the only form of session description that the core supports (RFC 3261 section
/// 8.2.3).
pub(crate) fn is_sdp(message: &Message) -> bool {
    matches!(message.content_type(), Ok(Some(media)) if media.is(b"application", b"sdp"))
}

/// Whether a message carries a session description (RFC 3264).
pub(crate) fn has_description(message: &Message) -> bool {
    !message.body().is_empty() && is_sdp(message)
}

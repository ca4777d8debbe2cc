//! Bodies of messages: session descriptions and others.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::fmt;

use bytes::Bytes;
use sip_parse::{
    ContentDisposition, HeaderName, HeaderValue, MediaType, Message, Method, NewPart, ParseError,
    Part, PartRole, Request, write_multipart,
};
use smallvec::SmallVec;

/// The media type of session descriptions (RFC 8866 section 8.2.1), which most bodies have: its text is not copied.
const SDP: &str = "application/sdp";

/// The body of a message, such as a session description: opaque bytes and their media type.
#[derive(Clone, PartialEq, Eq)]
pub struct Body {
    /// The value of Content-Type, such as `application/sdp`.
    pub content_type: Cow<'static, str>,
    /// The bytes.
    pub bytes: Bytes,
}

impl Body {
    /// Takes the value of Content-Type and the bytes.
    #[must_use]
    pub fn new(content_type: impl Into<Box<str>>, bytes: impl Into<Bytes>) -> Self {
        Self {
            content_type: Cow::Owned(content_type.into().into()),
            bytes: bytes.into(),
        }
    }

    /// Takes the bytes of a session description, with the type `application/sdp` (RFC 3264).
    #[must_use]
    pub fn sdp(bytes: impl Into<Bytes>) -> Self {
        Self {
            content_type: Cow::Borrowed(SDP),
            bytes: bytes.into(),
        }
    }

    /// Takes the session description out of a message, with its transfer encoding undone; `None` if there is none.
    ///
    /// The core reads the bodies of all its peers' INVITEs, responses and ACKs by this rule: the description is
    /// application/sdp with the disposition `session`, as the whole body or as a part of a multipart body. Of
    /// multipart/alternative the last part that can be used counts, of multipart/related the root (RFC 5621, RFC 3264).
    /// An application needs it for [`Event::Progress`](crate::Event::Progress) and
    /// [`Event::IncomingCall`](crate::Event::IncomingCall), whose messages the core has not taken a description from yet.
    ///
    /// ```
    /// use sip_core::Body;
    /// use sip_parse::{Bytes, Limits, Message};
    ///
    /// let wire = "SIP/2.0 183 Session Progress\n\
    ///     Content-Type: multipart/mixed;boundary=b\n\n\
    ///     --b\nContent-Type: application/sdp\n\nv=0\n\
    ///     --b\nContent-Type: application/sdp\nContent-Disposition: early-session\n\nv=0 early\n--b--\n";
    /// let message = Message::parse(Bytes::from_static(wire.as_bytes()), &Limits::default())?;
    /// let description = Body::description_in(&message).expect("a description");
    /// assert_eq!(&description.bytes[..], b"v=0");
    /// // The application reads the other parts itself.
    /// let parts = message.parts()?;
    /// let early = parts.iter().find(|part| part.disposition() == b"early-session");
    /// assert_eq!(early.map(|part| part.body), Some(&b"v=0 early"[..]));
    /// # Ok::<(), sip_parse::ParseError>(())
    /// ```
    #[must_use]
    pub fn description_in(message: &Message) -> Option<Self> {
        let parts = message.parts().ok()?;
        let selection = parts.select(Part::is_session_description);
        let description = selection.used().find(|part| !part.body.is_empty());
        body_of(description?, message)
    }

    /// Takes the early-session description (RFC 3959) out of a message: application/sdp with the disposition
    /// `early-session`, as the whole body or as a part of a multipart body; `None` if there is none. It describes a media session
    /// of its own, which ends when the call is accepted.
    #[must_use]
    pub fn early_session_in(message: &Message) -> Option<Self> {
        let parts = message.parts().ok()?;
        let understood = |part: &Part<'_>| {
            part.is_session_description() || (is_early_session(part) && part.decoded().is_some())
        };
        let selection = parts.select(understood);
        let early = selection.used().find(|part| is_early_session(part))?;
        body_of(early, message)
    }

    /// A multipart body with this description and an early-session description (RFC 3959 section 4), for an INVITE or a
    /// provisional response. The application sends it only if the peer supports the option tag `early-session`.
    ///
    /// # Errors
    /// [`ParseError`] if the type of one of them is malformed.
    pub fn with_early_session(&self, early: &Self) -> Result<Self, ParseError> {
        let part = |body, disposition| {
            let (body, content_disposition): (&Self, _) = (body, Some(disposition));
            Ok::<_, ParseError>(NewPart {
                content_type: MediaType::parse(body.content_type.as_bytes())?,
                content_disposition,
                body: &body.bytes,
            })
        };
        let parts = [
            part(self, ContentDisposition::parse(b"session")?)?,
            part(early, ContentDisposition::parse(b"early-session")?)?,
        ];
        let is_free = |boundary: &String| {
            let occurs = |part: &NewPart<'_>| {
                let mut windows = part.body.windows(boundary.len());
                windows.any(|window| window == boundary.as_bytes())
            };
            !parts.iter().any(occurs)
        };
        // More boundaries than the parts have bytes, so that one is free.
        let numbers = 0..=self.bytes.len() + early.bytes.len();
        let mut boundaries = numbers.map(|number| format!("part-{number}."));
        let boundary = boundaries.find(is_free).unwrap_or_default();
        let bytes = write_multipart(boundary.as_bytes(), &parts)?;
        Ok(Self::new(
            format!("multipart/mixed;boundary=\"{boundary}\""),
            bytes,
        ))
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({}, {} bytes)", self.content_type, self.bytes.len())
    }
}

/// A session description of a peer, and the message that carried it.
#[derive(Clone, Debug)]
pub(crate) struct RemoteDescription {
    pub(crate) body: Box<Body>,
    pub(crate) message: Box<Message>,
}

/// Takes the session description out of a message of a peer.
pub(crate) fn remote_description(message: &Message) -> Option<RemoteDescription> {
    let body = Box::new(Body::description_in(message)?);
    let message = Box::new(message.clone());
    Some(RemoteDescription { body, message })
}

/// Why the core cannot process a body that the sender requires it to process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unusable {
    /// Its boundaries or the header fields of a part are malformed, or it has too many parts.
    Malformed,
    /// It has a Content-Encoding.
    Encoded,
    /// The core does not know its type, its disposition or its transfer encoding.
    Unsupported,
}

/// What the application reads in an INVITE beside the session description.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Understood<'a> {
    /// Media types.
    pub(crate) types: &'a [Box<str>],
    /// Early-session descriptions (RFC 3959).
    pub(crate) early_sessions: bool,
}

impl Understood<'_> {
    /// Whether the application reads the part.
    fn reads(&self, part: &Part<'_>) -> bool {
        if part.decoded().is_none() {
            return false;
        }
        if is_early_session(part) {
            return self.early_sessions;
        }
        let types = self.types.iter().filter_map(|known| known.split_once('/'));
        let is_known = |media: MediaType<'_>| {
            let mut types = types.clone();
            types.any(|(kind, subtype)| media.is(kind.as_bytes(), subtype.as_bytes()))
        };
        part.content_type.is_some_and(is_known)
    }
}

/// Whether the part is a session description with the disposition `early-session` (RFC 3959 section 4).
fn is_early_session(part: &Part<'_>) -> bool {
    let is_sdp = part
        .content_type
        .is_some_and(|media| media.is(b"application", b"sdp"));
    is_sdp && part.disposition().eq_ignore_ascii_case(b"early-session")
}

/// The media types that the core reads in an INVITE, as a value of Accept.
pub(crate) const ACCEPT: &str =
    "application/sdp, multipart/mixed, multipart/alternative, multipart/related";

/// What the core cannot process in the body of a message: SDP with the disposition `session` is the only thing that it uses itself,
/// wherever it is (RFC 3261 section 8.2.3, RFC 5621).
fn refused(message: &Message, application: &Understood<'_>) -> Option<Unusable> {
    let Ok(parts) = message.parts() else {
        return Some(Unusable::Malformed);
    };
    let understood = parts.select(|part| part.is_session_description() || application.reads(part));
    let part = understood.refused()?;
    Some(if part.is_encoded() {
        Unusable::Encoded
    } else if part.fault.is_some() {
        Unusable::Malformed
    } else {
        Unusable::Unsupported
    })
}

/// A part as a body of its own. Only a part of a multipart body is copied.
fn body_of(part: &Part<'_>, message: &Message) -> Option<Body> {
    let bytes = match part.decoded()? {
        Cow::Borrowed(_) if part.role == PartRole::Whole => message.body_bytes(),
        bytes => Bytes::from(bytes.into_owned()),
    };
    let media = part.content_type?;
    let is_plain = media.params.as_bytes().is_empty();
    if is_plain && (media.type_, media.subtype) == (b"application", b"sdp") {
        return Some(Body::sdp(bytes));
    }
    let mut content_type = SmallVec::<[u8; 128]>::new();
    media.write(&mut |piece| content_type.extend_from_slice(piece));
    Some(Body::new(&*String::from_utf8_lossy(&content_type), bytes))
}

/// Why a request has to be refused for its body, if it has to. The core processes the body of an INVITE, a PRACK or an UPDATE; other
/// bodies are for the application, as long as they are not encoded as a whole.
pub(crate) fn unusable(request: &Request, application: &Understood<'_>) -> Option<Unusable> {
    match request.method() {
        Method::Invite | Method::Prack | Method::Update => refused(request, application),
        _ if !request.has(HeaderName::ContentEncoding) => None,
        _ => {
            let parts = request.parts().ok()?;
            let encoded = parts.whole()?.is_encoded() && !parts.whole()?.is_optional();
            encoded.then_some(Unusable::Encoded)
        }
    }
}

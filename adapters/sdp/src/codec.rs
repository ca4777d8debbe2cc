//! Formats of RTP streams: payload type, encoding, parameters.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use core::fmt;

use crate::error::InvalidCodec;

/// A format of an RTP stream: a payload type, and the encoding that it stands for in one description
/// (RFC 8866 sections 6.6 and 6.15).
///
/// ```
/// use sip_sdp::Codec;
///
/// let codec = Codec::new(96, "opus/48000/2")?.with_parameters("useinbandfec=1")?;
/// assert_eq!(codec.to_string(), "96 opus/48000/2");
/// assert!(codec.is_same_encoding(&Codec::opus()), "whatever its payload type is");
/// assert!(Codec::new(128, "opus/48000/2").is_err());
/// # Ok::<(), sip_sdp::InvalidCodec>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Codec {
    payload: u8,
    encoding: Cow<'static, str>,
    parameters: Option<Cow<'static, str>>,
}

impl Codec {
    /// A format with a payload type below 128. `encoding` is written as in `a=rtpmap`: name, clock rate in Hz, and the number of
    /// channels if it is not 1.
    ///
    /// # Errors
    /// [`InvalidCodec`].
    pub fn new(payload: u8, encoding: &str) -> Result<Self, InvalidCodec> {
        let mut parts = encoding.split('/');
        let name = parts.next().unwrap_or_default();
        let is_token = |text: &str| !text.is_empty() && text.bytes().all(is_token_character);
        let is_number = |text: &str| matches!(text.parse::<u32>(), Ok(1..));
        let rate = parts.next().is_some_and(is_number);
        let channels = parts.next().is_none_or(is_number);
        if payload > 127 || !is_token(name) || !rate || !channels || parts.next().is_some() {
            return Err(InvalidCodec);
        }
        let encoding = Cow::Owned(encoding.to_string());
        Ok(Self {
            payload,
            encoding,
            parameters: None,
        })
    }

    const fn known(payload: u8, encoding: &'static str, parameters: Option<&'static str>) -> Self {
        let parameters = match parameters {
            Some(parameters) => Some(Cow::Borrowed(parameters)),
            None => None,
        };
        Self {
            payload,
            encoding: Cow::Borrowed(encoding),
            parameters,
        }
    }

    /// Opus (RFC 7587) as browsers offer it, with payload type 111.
    #[must_use]
    pub const fn opus() -> Self {
        Self::known(111, "opus/48000/2", Some("minptime=10;useinbandfec=1"))
    }

    /// G.711 µ-law: payload type 0 (RFC 3551 section 6).
    #[must_use]
    pub const fn pcmu() -> Self {
        Self::known(0, "PCMU/8000", None)
    }

    /// G.711 A-law: payload type 8 (RFC 3551 section 6).
    #[must_use]
    pub const fn pcma() -> Self {
        Self::known(8, "PCMA/8000", None)
    }

    /// G.722: payload type 9 (RFC 3551 section 6).
    #[must_use]
    pub const fn g722() -> Self {
        Self::known(9, "G722/8000", None)
    }

    /// Tones in the stream (RFC 4733) at 8000 Hz, with payload type 101. An application that offers them takes them.
    #[must_use]
    pub const fn telephone_event() -> Self {
        Self::known(101, "telephone-event/8000", Some("0-15"))
    }

    /// The same format with the parameters of `a=fmtp` (RFC 8866 section 6.15).
    ///
    /// # Errors
    /// [`InvalidCodec`] if the text is empty or has a control character.
    pub fn with_parameters(self, parameters: &str) -> Result<Self, InvalidCodec> {
        if parameters.is_empty() || parameters.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(InvalidCodec);
        }
        Ok(Self {
            parameters: Some(Cow::Owned(parameters.to_string())),
            ..self
        })
    }

    /// The same format under the payload type that the peer has chosen for it.
    pub(crate) fn under(&self, payload: u8) -> Self {
        Self {
            payload,
            ..self.clone()
        }
    }

    /// The payload type, below 128.
    #[must_use]
    pub const fn payload(&self) -> u8 {
        self.payload
    }

    /// The encoding as in `a=rtpmap`, such as `opus/48000/2`.
    #[must_use]
    pub fn encoding(&self) -> &str {
        &self.encoding
    }

    /// The parameters as in `a=fmtp`.
    #[must_use]
    pub fn parameters(&self) -> Option<&str> {
        self.parameters.as_deref()
    }

    /// Whether both are the same encoding: its name in any case, its rate, and its channels, where none means 1
    /// (RFC 8866 section 6.6).
    #[must_use]
    pub fn is_same_encoding(&self, other: &Self) -> bool {
        fn parts(codec: &Codec) -> (&str, u32, u32) {
            let mut parts = codec.encoding.split('/');
            let name = parts.next().unwrap_or_default();
            let mut number = || parts.next()?.parse().ok();
            (name, number().unwrap_or_default(), number().unwrap_or(1))
        }
        let ((name, rate, channels), (its_name, its_rate, its_channels)) =
            (parts(self), parts(other));
        name.eq_ignore_ascii_case(its_name) && (rate, channels) == (its_rate, its_channels)
    }

    /// Whether it carries sound. Tones, comfort noise and redundancy only come along.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let name = self.encoding.split('/').next().unwrap_or_default();
        let companions = ["telephone-event", "CN", "red"];
        !companions.iter().any(|its| its.eq_ignore_ascii_case(name))
    }

    /// The format that a payload type below 96 stands for without `a=rtpmap` (RFC 3551 section 6, audio).
    pub(crate) fn of_static_payload(payload: u8) -> Option<Self> {
        let encoding = match payload {
            0 => "PCMU/8000",
            3 => "GSM/8000",
            4 => "G723/8000",
            5 => "DVI4/8000",
            6 => "DVI4/16000",
            7 => "LPC/8000",
            8 => "PCMA/8000",
            9 => "G722/8000",
            10 => "L16/44100/2",
            11 => "L16/44100",
            12 => "QCELP/8000",
            13 => "CN/8000",
            14 => "MPA/90000",
            15 => "G728/8000",
            16 => "DVI4/11025",
            17 => "DVI4/22050",
            18 => "G729/8000",
            _ => return None,
        };
        Some(Self::known(payload, encoding, None))
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.payload, self.encoding)
    }
}

/// Whether a token may have this character (RFC 8866 section 9).
fn is_token_character(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x27 | 0x2A..=0x2B | 0x2D..=0x2E | 0x30..=0x39 | 0x41..=0x5A | 0x5E..=0x7E)
}

/// The payload types, as `m=` lists them.
pub(crate) fn payloads(codecs: &[Codec]) -> String {
    let mut text = String::new();
    for codec in codecs {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&codec.payload.to_string());
    }
    text
}

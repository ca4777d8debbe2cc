//! Reads session descriptions (RFC 8866).

use alloc::vec::Vec;
use core::str;

use sip_core::sdp::{Direction, MOST_BYTES, MOST_STREAMS};

use crate::codec::Codec;
use crate::error::{MOST_FORMATS, MOST_LINES, Problem, ReadError};

/// A session description (RFC 8866), as far as offer and answer need it. It borrows from the text that it was read from.
///
/// ```
/// use sip_sdp::{Description, Direction};
///
/// let text = b"v=0\r\no=- 7 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
///     m=audio 4000 RTP/AVP 0 96\r\na=rtpmap:96 opus/48000/2\r\na=sendonly\r\n";
/// let description = Description::read(text)?;
/// let audio = &description.media[0];
/// assert_eq!((audio.kind, audio.port), ("audio", 4000));
/// assert_eq!(description.address(audio), Some("192.0.2.1"));
/// assert_eq!(description.direction(audio), Direction::SendOnly);
/// let codecs: Vec<String> = audio.codecs().iter().map(ToString::to_string).collect();
/// assert_eq!(codecs, ["0 PCMU/8000", "96 opus/48000/2"]);
///
/// let error = Description::read(b"v=0\r\nm=audio 4000 RTP/AVP\r\n").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "line 2 of the session description: m= needs a kind, a port, a protocol and a format",
/// );
/// # Ok::<(), sip_sdp::ReadError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Description<'a> {
    /// `o=` (section 5.2). RFC 8866 requires it; a description without it is read, because an answer needs nothing of it.
    pub origin: Option<Origin<'a>>,
    /// `c=` of the session (section 5.7).
    pub connection: Option<Connection<'a>>,
    /// The value of the first `t=` (section 5.9).
    pub time: Option<&'a str>,
    /// `a=` of the session (section 5.13).
    pub attributes: Attributes<'a>,
    /// The media streams in their order (section 5.14).
    pub media: Vec<Media<'a>>,
}

/// `o=`: who made the description, and which version of it this is (RFC 8866 section 5.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Origin<'a> {
    /// The user name, `-` for none.
    pub user_name: &'a str,
    /// The session id, a decimal number of any length.
    pub session: &'a str,
    /// The version, a decimal number of any length.
    pub version: &'a str,
    /// The address of the host that made it.
    pub connection: Connection<'a>,
}

/// An address (RFC 8866 sections 5.2 and 5.7).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Connection<'a> {
    /// The network, `IN` for the Internet.
    pub network: &'a str,
    /// The type of address, `IP4` or `IP6`.
    pub address_type: &'a str,
    /// The address: an IP address, with TTL and count after slashes if it is a multicast one, or a domain name.
    pub address: &'a str,
}

/// The attributes of a section of a description, in their order (RFC 8866 section 5.13).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Attributes<'a>(Vec<(&'a str, &'a str)>);

/// A media stream: an `m=` line and the lines below it (RFC 8866 section 5.14).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Media<'a> {
    /// The kind, such as `audio`.
    pub kind: &'a str,
    /// The port; 0 if the stream is rejected or removed, but see [`is_off`](Self::is_off).
    pub port: u16,
    /// The number of ports after a `/`; 1 if there is none.
    pub ports: u16,
    /// The protocol, such as `RTP/AVP`.
    pub protocol: &'a str,
    /// The formats in the order of preference; payload types if the protocol is RTP.
    pub formats: Vec<&'a str>,
    /// The first `c=` of the stream.
    pub connection: Option<Connection<'a>>,
    /// `a=` of the stream.
    pub attributes: Attributes<'a>,
}

impl<'a> Attributes<'a> {
    /// All attributes as names and values. The value of a property, such as `a=sendonly`, is empty.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().copied()
    }

    /// The values of all attributes with this name. Names are case-sensitive (RFC 8866 section 5).
    pub fn all(&self, name: &str) -> impl Iterator<Item = &'a str> {
        let attributes = self.iter().filter(move |(its, _)| *its == name);
        attributes.map(|(_, value)| value)
    }

    /// The value of the first attribute with this name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// Whether there is an attribute with this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// The first direction (RFC 8866 section 6.7). A second one is an error of the peer.
    fn direction(&self) -> Option<Direction> {
        let all = [
            Direction::SendRecv,
            Direction::SendOnly,
            Direction::RecvOnly,
            Direction::Inactive,
        ];
        let known = |name| all.into_iter().find(|direction| direction.name() == name);
        self.iter().find_map(|(name, _)| known(name))
    }
}

impl<'a> Description<'a> {
    /// Reads a description. Lines end with CRLF or LF (RFC 8866 section 5); blank lines and lines of a type that offer and answer
    /// do not need are left out, and so are attributes that are not UTF-8, because none that has a meaning here can be.
    ///
    /// # Errors
    /// [`ReadError`] with the number of the line.
    pub fn read(text: &'a [u8]) -> Result<Self, ReadError> {
        let fails = |line, problem| Err(ReadError { line, problem });
        if text.len() > MOST_BYTES {
            return fails(1, Problem::TooLong);
        }
        let mut description = Self::default();
        let mut is_begun = false;
        for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
            let number = index + 1;
            let line = line.trim_ascii_end();
            if line.is_empty() {
                continue;
            }
            if number > MOST_LINES {
                return fails(number, Problem::TooManyLines);
            }
            if line
                .iter()
                .any(|byte| byte.is_ascii_control() && *byte != b'\t')
            {
                return fails(number, Problem::ControlCharacter);
            }
            if !is_begun {
                is_begun = true;
                if line != b"v=0" {
                    return fails(number, Problem::NotSdp);
                }
            } else if let Err(problem) = description.read_line(line) {
                return fails(number, problem);
            }
        }
        if is_begun {
            Ok(description)
        } else {
            fails(1, Problem::NotSdp)
        }
    }

    fn read_line(&mut self, line: &'a [u8]) -> Result<(), Problem> {
        let [kind, b'=', value @ ..] = line else {
            return Err(Problem::NoType);
        };
        let text = || str::from_utf8(value).map_err(|_| Problem::NotUtf8);
        match kind {
            b'm' => {
                if self.media.len() == MOST_STREAMS {
                    return Err(Problem::TooManyStreams);
                }
                self.media.push(Media::read(text()?)?);
            }
            b'a' => {
                let section = self.media.last_mut();
                let attributes =
                    section.map_or(&mut self.attributes, |media| &mut media.attributes);
                if let Ok(text) = text() {
                    let (name, value) = text.split_once(':').unwrap_or((text, ""));
                    attributes.0.push((name.trim_ascii(), value.trim_ascii()));
                }
            }
            b'o' if self.origin.is_none() => self.origin = Some(Origin::read(text()?)?),
            b'c' => {
                let section = self.media.last_mut();
                let connection =
                    section.map_or(&mut self.connection, |media| &mut media.connection);
                if connection.is_none() {
                    let mut words = text()?.split_ascii_whitespace();
                    *connection = Some(Connection::read(&mut words).ok_or(Problem::Connection)?);
                }
            }
            b't' if self.time.is_none() => self.time = Some(text()?),
            _ if kind.is_ascii_alphabetic() => {}
            _ => return Err(Problem::NoType),
        }
        Ok(())
    }

    /// The value of an attribute of the stream, else that of the session.
    #[must_use]
    pub fn value_for(&self, media: &Media<'a>, name: &str) -> Option<&'a str> {
        let own = media.attributes.value(name);
        own.or_else(|| self.attributes.value(name))
    }

    /// The address of the stream: that of its own `c=`, else that of the session (RFC 8866 section 5.7).
    #[must_use]
    pub fn address(&self, media: &Media<'a>) -> Option<&'a str> {
        let connection = media.connection.or(self.connection);
        connection.map(|connection| connection.address)
    }

    /// The direction of the stream, as the side sees it that wrote the description: its own, else that of the session, else both
    /// ways (RFC 8866 section 6.7). A stream without ICE whose address is 0.0.0.0 receives nothing, because this is how
    /// RFC 2543 puts a call on hold (RFC 3264 section 8.4).
    #[must_use]
    pub fn direction(&self, media: &Media<'a>) -> Direction {
        let own = media.attributes.direction();
        let direction = own.or_else(|| self.attributes.direction());
        let direction = direction.unwrap_or(Direction::SendRecv);
        let is_held = self.address(media) == Some("0.0.0.0") && !self.has_ice(media);
        match direction {
            Direction::SendRecv if is_held => Direction::SendOnly,
            Direction::RecvOnly if is_held => Direction::Inactive,
            direction => direction,
        }
    }

    /// Whether the stream has ICE credentials: its addresses are candidates then, and a browser that has none yet writes
    /// 0.0.0.0 (RFC 8829 section 5.2.1).
    fn has_ice(&self, media: &Media<'a>) -> bool {
        self.value_for(media, "ice-ufrag").is_some()
    }
}

impl<'a> Origin<'a> {
    fn read(value: &'a str) -> Result<Self, Problem> {
        let mut words = value.split_ascii_whitespace();
        let mut word = || words.next().ok_or(Problem::Origin);
        let (user_name, session, version) = (word()?, word()?, word()?);
        Ok(Self {
            user_name,
            session,
            version,
            connection: Connection::read(&mut words).ok_or(Problem::Origin)?,
        })
    }
}

impl<'a> Connection<'a> {
    fn read(words: &mut impl Iterator<Item = &'a str>) -> Option<Self> {
        Some(Self {
            network: words.next()?,
            address_type: words.next()?,
            address: words.next()?,
        })
    }
}

impl<'a> Media<'a> {
    fn read(value: &'a str) -> Result<Self, Problem> {
        let mut words = value.split_ascii_whitespace();
        let mut word = || words.next().ok_or(Problem::Media);
        let (kind, port, protocol, first) = (word()?, word()?, word()?, word()?);
        let (port, ports) = port.split_once('/').unwrap_or((port, "1"));
        let number = |text: &str| decimal(text).ok_or(Problem::Port);
        let mut formats = Vec::from([first]);
        for format in words {
            if formats.len() == MOST_FORMATS {
                return Err(Problem::TooManyFormats);
            }
            formats.push(format);
        }
        Ok(Self {
            kind,
            port: number(port)?,
            ports: number(ports)?,
            protocol,
            formats,
            connection: None,
            attributes: Attributes::default(),
        })
    }

    /// Whether the peer rejects or removes the stream: its port is 0 (RFC 3264 sections 6 and 8.2). Port 0 with `a=bundle-only`
    /// does not say so, because such a stream takes the address of its BUNDLE group (RFC 9143 section 6).
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.port == 0 && !self.attributes.has("bundle-only")
    }

    /// The RTP formats in the order of preference. The encoding of a payload type is that of its first `a=rtpmap`, or the one
    /// that RFC 3551 section 6 gives it; a format without either is left out.
    #[must_use]
    pub fn codecs(&self) -> Vec<Codec> {
        let maps = self.by_payload("rtpmap");
        let parameters = self.by_payload("fmtp");
        let mut seen = [false; 128];
        let codecs = self.formats.iter().filter_map(|format| {
            let payload: u8 = decimal(format)?;
            let is_repeated = core::mem::replace(seen.get_mut(usize::from(payload))?, true);
            if is_repeated {
                return None;
            }
            let codec = match maps.get(usize::from(payload))? {
                Some(encoding) => Codec::new(payload, encoding).ok()?,
                None => Codec::of_static_payload(payload)?,
            };
            match parameters.get(usize::from(payload))? {
                Some(parameters) => codec.with_parameters(parameters).ok(),
                None => Some(codec),
            }
        });
        codecs.collect()
    }

    /// The first value of `a=NAME:PAYLOAD VALUE` for each payload type. One walk for all, because a peer chooses how many there are.
    fn by_payload(&self, name: &str) -> [Option<&'a str>; 128] {
        let mut values = [None; 128];
        for attribute in self.attributes.all(name) {
            let Some((payload, value)) = attribute.split_once([' ', '\t']) else {
                continue;
            };
            let slot = decimal(payload).and_then(|at: usize| values.get_mut(at));
            if let Some(slot @ None) = slot {
                *slot = Some(value.trim_ascii());
            }
        }
        values
    }
}

/// A number without a sign.
fn decimal<T: str::FromStr>(text: &str) -> Option<T> {
    let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit());
    is_decimal.then(|| text.parse().ok())?
}

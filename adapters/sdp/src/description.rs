//! Reads and writes session descriptions (RFC 8866), as far as a user agent without media needs them.

use std::fmt::Write;

/// The port of a stream without a socket: "discard", as browsers describe it (RFC 8829).
const DISCARD: u16 = 9;

/// A made-up fingerprint, because no media flows.
const FINGERPRINT: &str = "sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF";

/// The attributes of one section of a description, in order.
#[derive(Debug, Default)]
pub(crate) struct Attributes<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Attributes<'a> {
    /// The values of all attributes with that name; empty for a property.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &'a str> {
        let attributes = self.0.iter().filter(move |(its, _)| *its == name);
        attributes.map(|&(_, value)| value)
    }

    pub(crate) fn value(&self, name: &str) -> Option<&'a str> {
        self.all(name).next()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    pub(crate) fn direction(&self) -> Option<Direction> {
        let known = |name| Direction::ALL.into_iter().find(|its| its.name() == name);
        self.0.iter().find_map(|&(name, _)| known(name))
    }
}

/// A received description.
#[derive(Debug, Default)]
pub(crate) struct Received<'a> {
    /// The value of `t=`.
    pub(crate) time: Option<&'a str>,
    /// The attributes of the session.
    pub(crate) session: Attributes<'a>,
    pub(crate) media: Vec<Media<'a>>,
}

/// An `m=` line, and the lines that belong to it.
#[derive(Debug)]
pub(crate) struct Media<'a> {
    pub(crate) kind: &'a str,
    pub(crate) port: u16,
    pub(crate) protocol: &'a str,
    pub(crate) formats: Vec<&'a str>,
    pub(crate) attributes: Attributes<'a>,
}

impl<'a> Received<'a> {
    /// Reads a description.
    ///
    /// # Errors
    /// The text does not begin with `v=0`, or a line has no type or is a malformed `m=`.
    pub(crate) fn parse(text: &'a str) -> Result<Self, &'static str> {
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        if lines.next().map(str::trim_end) != Some("v=0") {
            return Err("the description does not begin with v=0");
        }
        let mut received = Self::default();
        for line in lines {
            if line.contains(|character: char| character.is_control() && character != '\t') {
                return Err("a line of the description has a control character");
            }
            let (kind, value) = line.split_once('=').ok_or("a line is not TYPE=VALUE")?;
            let value = value.trim_end();
            match kind {
                "m" => received.media.push(Media::parse(value)?),
                "a" => {
                    let section = received.media.last_mut();
                    let attributes = section.map(|media| &mut media.attributes);
                    let (name, value) = value.split_once(':').unwrap_or((value, ""));
                    let attributes = attributes.unwrap_or(&mut received.session);
                    attributes.0.push((name, value.trim_start()));
                }
                "t" if received.time.is_none() => received.time = Some(value),
                _ => {}
            }
        }
        Ok(received)
    }

    /// The value of an attribute of the media, else that of the session.
    pub(crate) fn value_for(&self, media: &Media<'a>, name: &str) -> Option<&'a str> {
        let own = media.attributes.value(name);
        own.or_else(|| self.session.value(name))
    }

    /// The direction of the media: its own, else that of the session, else both ways (RFC 8866 section 6.7).
    pub(crate) fn direction(&self, media: &Media<'_>) -> Direction {
        let own = media.attributes.direction();
        own.or_else(|| self.session.direction()).unwrap_or_default()
    }

    /// Whether a BUNDLE group names this mid (RFC 9143 section 7).
    pub(crate) fn bundles(&self, mid: &str) -> bool {
        self.session.all("group").any(|group| {
            let mut words = group.split_ascii_whitespace();
            words.next() == Some("BUNDLE") && words.any(|member| member == mid)
        })
    }
}

impl<'a> Media<'a> {
    fn parse(value: &'a str) -> Result<Self, &'static str> {
        const MALFORMED: &str = "a malformed m= line";
        let mut words = value.split_ascii_whitespace();
        let mut word = || words.next().ok_or(MALFORMED);
        let (kind, port, protocol) = (word()?, word()?, word()?);
        let port = port.split('/').next().unwrap_or_default();
        let media = Self {
            kind,
            port: port.parse().map_err(|_| MALFORMED)?,
            protocol,
            formats: words.collect(),
            attributes: Attributes::default(),
        };
        if media.formats.is_empty() {
            return Err(MALFORMED);
        }
        Ok(media)
    }

    /// Whether the sender rejects or removes the stream. Port 0 does not say so of a stream that takes the
    /// address of its BUNDLE group (RFC 9143 section 6).
    pub(crate) fn is_off(&self) -> bool {
        self.port == 0 && !self.attributes.has("bundle-only")
    }

    /// The formats that this agent knows, in the order of the sender's preference.
    pub(crate) fn codecs(&self) -> Vec<Codec> {
        let known = self.formats.iter().filter_map(|format| {
            let payload: u8 = format.parse().ok().filter(|payload| *payload < 128)?;
            let mapped = self.attributes.all("rtpmap").find_map(|map| {
                let (its, encoding) = map.split_once(char::is_whitespace)?;
                (its == *format).then_some(encoding.trim())
            });
            let name = match (mapped, payload) {
                (Some(encoding), _) => Codec::NAMES
                    .into_iter()
                    .find(|name| name.eq_ignore_ascii_case(encoding.trim_end_matches("/1")))?,
                // RFC 3551 section 6: these need no map.
                (None, 0) => "PCMU/8000",
                (None, 8) => "PCMA/8000",
                (None, 9) => "G722/8000",
                (None, _) => return None,
            };
            Some(Codec { payload, name })
        });
        known.collect()
    }
}

/// The direction of a stream, as the sender of the description sees it (RFC 3264 section 5.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Direction {
    #[default]
    SendRecv,
    SendOnly,
    RecvOnly,
    Inactive,
}

impl Direction {
    const ALL: [Self; 4] = [
        Self::SendRecv,
        Self::SendOnly,
        Self::RecvOnly,
        Self::Inactive,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// The direction of the answer to an offer with this one (RFC 3264 section 6.1).
    pub(crate) const fn mirrored(self) -> Self {
        match self {
            Self::SendOnly => Self::RecvOnly,
            Self::RecvOnly => Self::SendOnly,
            same => same,
        }
    }

    /// The same for a side that holds the call (RFC 3264 section 8.4): it receives nothing.
    pub(crate) const fn held(self) -> Self {
        match self {
            Self::SendRecv | Self::SendOnly => Self::SendOnly,
            Self::RecvOnly | Self::Inactive => Self::Inactive,
        }
    }
}

/// An audio format, and the payload type that stands for it in this call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Codec {
    pub(crate) payload: u8,
    /// As in `a=rtpmap`.
    pub(crate) name: &'static str,
}

impl Codec {
    const NAMES: [&'static str; 6] = [
        "opus/48000/2",
        "G722/8000",
        "PCMU/8000",
        "PCMA/8000",
        "telephone-event/8000",
        "telephone-event/48000",
    ];

    /// Whether it carries sound; the others only come along.
    pub(crate) fn is_sound(&self) -> bool {
        !self.name.starts_with("telephone-event/")
    }

    const fn parameters(&self) -> Option<&'static str> {
        match self.name.as_bytes() {
            b"opus/48000/2" => Some("minptime=10;useinbandfec=1"),
            b"telephone-event/8000" | b"telephone-event/48000" => Some("0-15"),
            _ => None,
        }
    }
}

/// An `m=` line of ours. The descriptions of a call keep their lines and the order of them (RFC 3264 section 8).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Line {
    pub(crate) kind: String,
    pub(crate) protocol: String,
    pub(crate) mid: Option<String>,
    /// Whether it is in the BUNDLE group.
    pub(crate) bundled: bool,
    pub(crate) stream: Stream,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Stream {
    /// Port 0. The formats mean nothing, but one must be there.
    Rejected { formats: String },
    /// A stream in use.
    Live {
        codecs: Vec<Codec>,
        dtls: bool,
        ice: bool,
        rtcp_mux: bool,
    },
}

impl Line {
    pub(crate) const fn is_live(&self) -> bool {
        matches!(self.stream, Stream::Live { .. })
    }

    pub(crate) fn reject(&mut self) {
        if let Stream::Live { codecs, .. } = &self.stream {
            let formats = payloads(codecs);
            self.stream = Stream::Rejected { formats };
        }
    }
}

fn payloads(codecs: &[Codec]) -> String {
    let payloads: Vec<String> = codecs.iter().map(|its| its.payload.to_string()).collect();
    payloads.join(" ")
}

/// What the live line of a description says beside its form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Saying {
    pub(crate) direction: Direction,
    /// The value of `a=setup`.
    pub(crate) setup: &'static str,
    /// How often the peer has restarted ICE: each time needs another ufrag and password (RFC 8839 section 4.4.1).
    pub(crate) ice_restarts: u32,
}

/// Writes all of a description that comes behind its `o=` line.
pub(crate) fn write(time: &str, lines: &[Line], saying: Saying) -> String {
    let mut text = format!("s=-\r\nt={time}\r\n");
    let bundled = lines.iter().filter(|line| line.bundled && line.is_live());
    let bundled: Vec<&str> = bundled.filter_map(|line| line.mid.as_deref()).collect();
    if !bundled.is_empty() {
        put(
            &mut text,
            format_args!("a=group:BUNDLE {}", bundled.join(" ")),
        );
    }
    for line in lines {
        write_line(&mut text, line, saying);
    }
    text
}

fn write_line(text: &mut String, line: &Line, saying: Saying) {
    let Line { kind, protocol, .. } = line;
    match &line.stream {
        Stream::Rejected { formats } => {
            put(text, format_args!("m={kind} 0 {protocol} {formats}"));
            put(text, "c=IN IP4 0.0.0.0");
            if let Some(mid) = &line.mid {
                put(text, format_args!("a=mid:{mid}"));
            }
            put(text, "a=inactive");
        }
        Stream::Live {
            codecs,
            dtls,
            ice,
            rtcp_mux,
        } => {
            let payloads = payloads(codecs);
            put(
                text,
                format_args!("m={kind} {DISCARD} {protocol} {payloads}"),
            );
            // Without ICE 0.0.0.0 would put the peer on hold (RFC 3264 section 8.4).
            let address = if *ice { "0.0.0.0" } else { "127.0.0.1" };
            put(text, format_args!("c=IN IP4 {address}"));
            if *ice {
                let restarts = saying.ice_restarts;
                put(text, format_args!("a=rtcp:{DISCARD} IN IP4 {address}"));
                put(text, format_args!("a=ice-ufrag:canned{restarts}"));
                put(
                    text,
                    format_args!("a=ice-pwd:cannedcannedcannedcanned{restarts}"),
                );
            }
            if *dtls {
                put(text, format_args!("a=fingerprint:{FINGERPRINT}"));
                put(text, format_args!("a=setup:{}", saying.setup));
            }
            if let Some(mid) = &line.mid {
                put(text, format_args!("a=mid:{mid}"));
            }
            put(text, format_args!("a={}", saying.direction.name()));
            if *rtcp_mux {
                put(text, "a=rtcp-mux");
            }
            for codec in codecs {
                put(
                    text,
                    format_args!("a=rtpmap:{} {}", codec.payload, codec.name),
                );
                if let Some(parameters) = codec.parameters() {
                    put(text, format_args!("a=fmtp:{} {parameters}", codec.payload));
                }
            }
            put(text, "a=ssrc:1 cname:canned");
        }
    }
}

fn put(text: &mut String, line: impl std::fmt::Display) {
    // Writing to a string cannot fail.
    let _ = write!(text, "{line}\r\n");
}

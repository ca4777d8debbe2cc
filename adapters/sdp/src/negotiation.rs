//! The offers and answers of one call (RFC 3264).

use crate::description::{Codec, Direction, Line, Media, Received, Saying, Stream, write};

/// The side of the DTLS handshake that this agent takes (RFC 8842).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Role {
    Active,
    Passive,
}

/// The ICE credentials of the peer (RFC 8839 section 5.4).
type IceCredentials = (String, String);

/// The descriptions of one call, ours and the peer's.
#[derive(Debug)]
pub struct Negotiation {
    /// The session id of the `o=` line, which stays; its version grows when the description says something
    /// else (RFC 3264 section 8).
    session: u64,
    version: u32,
    /// Our last description behind its `o=` line.
    last: String,
    /// Our lines in the session that is in force, or in our first offer.
    lines: Vec<Line>,
    /// The answer to an offer of the peer that waits for it.
    answer: Option<Answer>,
    role: Option<Role>,
    peer_ice: Option<IceCredentials>,
    ice_restarts: u32,
    /// The direction that the last offer of the peer leaves to this side.
    allowed: Direction,
}

/// The answer to an offer.
#[derive(Debug)]
struct Answer {
    time: String,
    lines: Vec<Line>,
    direction: Direction,
    role: Role,
    peer_ice: Option<IceCredentials>,
}

impl Negotiation {
    /// The descriptions of a new call; `session` is the session id of the `o=` line.
    pub const fn new(session: u64) -> Self {
        Self {
            session,
            version: 0,
            last: String::new(),
            lines: Vec::new(),
            answer: None,
            role: None,
            peer_ice: None,
            ice_restarts: 0,
            allowed: Direction::SendRecv,
        }
    }

    /// Our offer: one line for audio, or the lines of the session that is in force. With `hold` this side holds the call, and
    /// sends nothing either if the peer holds it too (RFC 3264 section 8.4).
    pub fn offer(&mut self, hold: bool) -> String {
        // An offer of the peer that is still open was withdrawn.
        self.answer = None;
        if self.lines.is_empty() {
            self.lines.push(audio());
        }
        // RFC 8842 section 5: an offer leaves the role open.
        let saying = Saying {
            direction: if hold {
                self.allowed.held()
            } else {
                Direction::SendRecv
            },
            setup: "actpass",
            ice_restarts: self.ice_restarts,
        };
        let text = write("0 0", &self.lines, saying);
        self.sign(text)
    }

    /// Takes an offer of the peer.
    ///
    /// # Errors
    /// It cannot be read, or nothing in it can be accepted. The session that is in force stays.
    pub fn accept_offer(&mut self, text: &str) -> Result<(), &'static str> {
        self.answer = None;
        let offer = Received::parse(text)?;
        let wanted = offer
            .media
            .iter()
            .position(|media| is_wanted(&offer, media));
        if wanted.is_none() && offer.media.iter().any(|media| !media.is_off()) {
            return Err("the offer has no audio that this program can take");
        }
        let lines = offer.media.iter().enumerate();
        let lines = lines.map(|(index, media)| line(&offer, media, wanted == Some(index)));
        let media = wanted.map(|index| &offer.media[index]);
        let setup = media.and_then(|media| offer.value_for(media, "setup"));
        let direction = media.map_or(Direction::Inactive, |media| offer.direction(media));
        self.answer = Some(Answer {
            time: match offer.time {
                Some(time)
                    if time
                        .bytes()
                        .all(|byte| byte == b' ' || byte.is_ascii_digit()) =>
                {
                    time.to_owned()
                }
                _ => "0 0".to_owned(),
            },
            lines: lines.collect(),
            direction: direction.mirrored(),
            role: match setup {
                Some("active") => Role::Passive,
                Some("passive") => Role::Active,
                // RFC 8842 section 5.3: the choice is ours; a session that is in force keeps it.
                _ => self.role.unwrap_or(Role::Active),
            },
            peer_ice: media.and_then(|media| ice_credentials(&offer, media)),
        });
        Ok(())
    }

    /// Our answer to the offer of the peer; with `hold` this side holds the call.
    ///
    /// # Errors
    /// There is none.
    pub fn answer(&mut self, hold: bool) -> Result<String, &'static str> {
        let answer = self.answer.take().ok_or("there is no offer to answer")?;
        if answer.peer_ice.is_some() && answer.peer_ice != self.peer_ice {
            self.ice_restarts += u32::from(self.peer_ice.is_some());
            self.peer_ice = answer.peer_ice;
        }
        self.role = Some(answer.role);
        self.lines = answer.lines;
        self.allowed = answer.direction;
        let saying = Saying {
            direction: if hold {
                answer.direction.held()
            } else {
                answer.direction
            },
            setup: match answer.role {
                Role::Active => "active",
                Role::Passive => "passive",
            },
            ice_restarts: self.ice_restarts,
        };
        let text = write(&answer.time, &self.lines, saying);
        Ok(self.sign(text))
    }

    /// Takes the answer of the peer to our offer.
    ///
    /// # Errors
    /// It cannot be read, has another number of lines than the offer, or accepts audio in no format that was
    /// offered (RFC 3264 section 6).
    pub fn accept_answer(&mut self, text: &str) -> Result<(), &'static str> {
        let answer = Received::parse(text)?;
        if answer.media.len() != self.lines.len() {
            return Err("the answer has another number of m= lines than the offer");
        }
        let mut lines = self.lines.clone();
        for (line, media) in lines.iter_mut().zip(&answer.media) {
            let Stream::Live { codecs, .. } = &mut line.stream else {
                continue;
            };
            if media.port == 0 {
                line.reject();
                continue;
            }
            // The payload types of the answer may be others than those of the offer.
            let taken = media.codecs();
            codecs.retain(|codec| taken.iter().any(|taken| taken.name == codec.name));
            if !codecs.iter().any(Codec::is_sound) {
                return Err("the answer has no audio format of the offer");
            }
            self.role = match answer.value_for(media, "setup") {
                Some("active") => Some(Role::Passive),
                Some("passive") => Some(Role::Active),
                _ => self.role,
            };
            self.peer_ice = ice_credentials(&answer, media);
        }
        self.lines = lines;
        Ok(())
    }

    /// Puts the `o=` line before a description.
    fn sign(&mut self, text: String) -> String {
        if text != self.last {
            self.version = self.version.saturating_add(1);
            self.last = text;
        }
        let (session, version, text) = (self.session, self.version, &self.last);
        format!("v=0\r\no=- {session} {version} IN IP4 127.0.0.1\r\n{text}")
    }
}

/// The audio line of a first offer, as a browser writes it (RFC 8829).
fn audio() -> Line {
    let codec = |payload, name| Codec { payload, name };
    Line {
        kind: "audio".to_owned(),
        protocol: "UDP/TLS/RTP/SAVPF".to_owned(),
        mid: Some("0".to_owned()),
        bundled: true,
        stream: Stream::Live {
            codecs: vec![
                codec(111, "opus/48000/2"),
                codec(0, "PCMU/8000"),
                codec(8, "PCMA/8000"),
            ],
            dtls: true,
            ice: true,
            rtcp_mux: true,
        },
    }
}

/// Whether this agent takes an offered stream: audio in a format and a profile that it knows.
fn is_wanted(offer: &Received<'_>, media: &Media<'_>) -> bool {
    let profile = match media.protocol {
        "RTP/AVP" | "RTP/AVPF" => true,
        protocol => uses_dtls(offer, media, protocol),
    };
    media.kind == "audio"
        && !media.is_off()
        && profile
        && media.codecs().iter().any(Codec::is_sound)
}

/// Whether the keys of the stream come by DTLS. `RTP/SAVP` alone may mean keys in the description (RFC 4568),
/// which this agent does not have.
fn uses_dtls(offer: &Received<'_>, media: &Media<'_>, protocol: &str) -> bool {
    match protocol {
        "UDP/TLS/RTP/SAVP" | "UDP/TLS/RTP/SAVPF" => true,
        "RTP/SAVP" | "RTP/SAVPF" => offer.value_for(media, "fingerprint").is_some(),
        _ => false,
    }
}

/// The line of our answer for a line of the offer.
fn line(offer: &Received<'_>, media: &Media<'_>, accepted: bool) -> Line {
    let mid = media.attributes.value("mid");
    let dtls = uses_dtls(offer, media, media.protocol);
    let stream = if accepted {
        Stream::Live {
            codecs: media.codecs(),
            dtls,
            // A stream of a BUNDLE group may leave its credentials to the first one (RFC 9143 section 7.1.3).
            ice: dtls || ice_credentials(offer, media).is_some(),
            rtcp_mux: media.attributes.has("rtcp-mux"),
        }
    } else {
        Stream::Rejected {
            formats: media.formats.join(" "),
        }
    };
    Line {
        kind: media.kind.to_owned(),
        protocol: media.protocol.to_owned(),
        mid: mid.map(str::to_owned),
        bundled: mid.is_some_and(|mid| offer.bundles(mid)),
        stream,
    }
}

fn ice_credentials(received: &Received<'_>, media: &Media<'_>) -> Option<IceCredentials> {
    let value = |name| received.value_for(media, name).map(str::to_owned);
    Some((value("ice-ufrag")?, value("ice-pwd")?))
}

#[cfg(test)]
mod tests;

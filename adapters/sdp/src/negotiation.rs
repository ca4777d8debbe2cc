//! The offers and answers of one call (RFC 3264).

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;
use core::net::{IpAddr, Ipv4Addr};

use sip_core::sdp::Direction;

use crate::audio::Audio;
use crate::codec::Codec;
use crate::description::{Description, Media};
use crate::error::NegotiationError;
use crate::lines::{self, Line, Saying, Stream};

/// The side of the DTLS handshake that this agent takes (RFC 8842).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Role {
    Active,
    Passive,
}

/// The ICE credentials of the peer (RFC 8839 section 5.4).
type IceCredentials = (String, String);

/// The descriptions of one call, those of this side and those of the peer: it makes offers, answers offers, and holds and resumes
/// the audio stream (RFC 3264).
///
/// ```
/// use sip_sdp::{Audio, Codec, Negotiation};
///
/// let socket = "192.0.2.1:4000".parse()?;
/// let audio = Audio::rtp(socket, vec![Codec::pcmu(), Codec::pcma()]);
/// let mut alice = Negotiation::new(7, audio.clone());
/// let mut bob = Negotiation::new(8, audio);
///
/// let offer = alice.offer(false);
/// bob.accept_offer(offer.as_bytes())?;
/// alice.accept_answer(bob.answer(false)?.as_bytes())?;
///
/// let hold = alice.offer(true);
/// assert!(hold.starts_with("v=0\r\no=- 7 2 IN IP4 192.0.2.1\r\n"), "a new version: {hold}");
/// assert!(hold.contains("a=sendonly\r\n"));
/// bob.accept_offer(hold.as_bytes())?;
/// assert!(bob.answer(false)?.contains("a=recvonly\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Negotiation {
    /// The session id of the `o=` line, which stays; its version grows when the description says something
    /// else (RFC 3264 section 8).
    session: u64,
    version: u64,
    /// Our last description behind its `o=` line.
    last: String,
    audio: Audio,
    agreed: Agreed,
    /// What was agreed before the last exchange, for its end without a session.
    before: Box<Agreed>,
    exchange: Exchange,
}

/// The exchange that is open, or that ended last.
#[derive(Debug)]
enum Exchange {
    None,
    /// Our offer, with its lines. It stays after an answer, because each branch of a fork may send one.
    Ours(Vec<Line>),
    /// The answer to an offer of the peer that waits for it.
    Theirs(Answer),
}

/// The session that is in force, or that an open exchange will put in force.
#[derive(Clone, Debug)]
struct Agreed {
    /// Our lines, or those of our first offer.
    lines: Vec<Line>,
    role: Option<Role>,
    peer_ice: Option<IceCredentials>,
    ice_restarts: u32,
    /// The direction in the last offer of the peer.
    offered: Direction,
}

/// The answer to an offer.
#[derive(Debug)]
struct Answer {
    time: String,
    lines: Vec<Line>,
    offered: Direction,
    role: Role,
    peer_ice: Option<IceCredentials>,
}

impl Negotiation {
    /// The descriptions of a new call. `session` is the session id of the `o=` lines: a number that no other call of this host
    /// has (RFC 8866 section 5.2).
    #[must_use]
    pub fn new(session: u64, audio: Audio) -> Self {
        let agreed = Agreed {
            lines: Vec::new(),
            role: None,
            peer_ice: None,
            ice_restarts: 0,
            offered: Direction::SendRecv,
        };
        Self {
            session,
            version: 0,
            last: String::new(),
            audio,
            before: Box::new(agreed.clone()),
            agreed,
            exchange: Exchange::None,
        }
    }

    /// Our offer: one line for audio, or the lines of the session that is in force (RFC 3264 sections 5 and 8). With `hold` this
    /// side holds the call, and sends nothing either if the peer holds it too (section 8.4); without, the stream goes both ways.
    /// An offer of the peer that waits for an answer counts as withdrawn.
    pub fn offer(&mut self, hold: bool) -> String {
        if self.agreed.lines.is_empty() {
            self.agreed.lines.push(self.first_line());
        }
        *self.before = self.agreed.clone();
        self.exchange = Exchange::Ours(self.agreed.lines.clone());
        // RFC 8842 section 5: an offer leaves the role open.
        let direction = if hold {
            self.agreed.offered.answer(Direction::SendOnly)
        } else {
            Direction::SendRecv
        };
        self.write("0 0", direction, "actpass")
    }

    /// Takes an offer of the peer. [`answer`](Self::answer) answers it.
    ///
    /// # Errors
    /// [`NegotiationError::Read`] and [`NegotiationError::NoUsableAudio`]. The session that is in force stays.
    pub fn accept_offer(&mut self, text: &[u8]) -> Result<(), NegotiationError> {
        self.exchange = Exchange::None;
        *self.before = self.agreed.clone();
        let offer = Description::read(text)?;
        let all = offer.media.iter();
        let mut codecs = all.map(|media| self.common_codecs(&offer, media));
        let wanted = codecs.position(|codecs| codecs.iter().any(Codec::is_sound));
        if wanted.is_none() && offer.media.iter().any(|media| !media.is_off()) {
            return Err(NegotiationError::NoUsableAudio);
        }
        let bundled = bundle(&offer);
        let lines = offer.media.iter().enumerate().map(|(index, media)| {
            let codecs = (wanted == Some(index)).then(|| self.common_codecs(&offer, media));
            line(&offer, media, &bundled, codecs, self.audio.socket.is_none())
        });
        let media = wanted.map(|index| &offer.media[index]);
        let setup = media.and_then(|media| offer.value_for(media, "setup"));
        self.exchange = Exchange::Theirs(Answer {
            // RFC 3264 section 6: the time of the answer is that of the offer.
            time: match offer.time {
                Some(time) if is_time(time) => time.to_owned(),
                _ => "0 0".to_owned(),
            },
            lines: lines.collect(),
            offered: media.map_or(Direction::Inactive, |media| offer.direction(media)),
            role: match setup {
                Some("active") => Role::Passive,
                Some("passive") => Role::Active,
                // RFC 8842 section 5.3: the choice is ours; a session that is in force keeps it.
                _ => self.agreed.role.unwrap_or(Role::Active),
            },
            peer_ice: media.and_then(|media| ice_credentials(&offer, media)),
        });
        Ok(())
    }

    /// Our answer to the offer of the peer (RFC 3264 section 6): as many `m=` lines as the offer, the first usable audio stream
    /// with the common codecs in the order and under the payload types of the offer, its direction mirrored, and every other
    /// stream refused by port 0. With `hold` this side holds the call.
    ///
    /// # Errors
    /// [`NegotiationError::NoOffer`].
    pub fn answer(&mut self, hold: bool) -> Result<String, NegotiationError> {
        let answer = match mem::replace(&mut self.exchange, Exchange::None) {
            Exchange::Theirs(answer) => answer,
            other => {
                self.exchange = other;
                return Err(NegotiationError::NoOffer);
            }
        };
        let agreed = &mut self.agreed;
        if answer.peer_ice.is_some() && answer.peer_ice != agreed.peer_ice {
            let is_restart = agreed.peer_ice.is_some();
            agreed.ice_restarts = agreed.ice_restarts.saturating_add(u32::from(is_restart));
            agreed.peer_ice = answer.peer_ice;
        }
        agreed.role = Some(answer.role);
        agreed.lines = answer.lines;
        agreed.offered = answer.offered;
        let wanted = if hold {
            Direction::SendOnly
        } else {
            Direction::SendRecv
        };
        let setup = match answer.role {
            Role::Active => "active",
            Role::Passive => "passive",
        };
        Ok(self.write(&answer.time, answer.offered.answer(wanted), setup))
    }

    /// Takes the answer of the peer to our last offer. Each branch of a fork may send one; the last one counts.
    ///
    /// # Errors
    /// [`NegotiationError`] if it cannot be read, has other lines than the offer, or accepts audio in no format of the offer
    /// (RFC 3264 section 6). The session that is in force stays.
    pub fn accept_answer(&mut self, text: &[u8]) -> Result<(), NegotiationError> {
        let Exchange::Ours(offer) = &self.exchange else {
            return Err(NegotiationError::NoOwnOffer);
        };
        let answer = Description::read(text)?;
        let (offered, answered) = (offer.len(), answer.media.len());
        if offered != answered {
            return Err(NegotiationError::StreamCount { offered, answered });
        }
        let mut lines = offer.clone();
        let (mut role, mut peer_ice) = (self.agreed.role, self.agreed.peer_ice.clone());
        for (index, (line, media)) in lines.iter_mut().zip(&answer.media).enumerate() {
            let stream = index + 1;
            if line.kind != media.kind {
                return Err(NegotiationError::StreamKind { stream });
            }
            let Stream::Live { codecs, .. } = &mut line.stream else {
                continue;
            };
            if media.port == 0 {
                line.reject();
                continue;
            }
            // The payload types of the answer may be others than those of the offer.
            let taken = media.codecs();
            codecs.retain(|codec| taken.iter().any(|taken| taken.is_same_encoding(codec)));
            if !codecs.iter().any(Codec::is_sound) {
                return Err(NegotiationError::NoCommonFormat { stream });
            }
            role = match answer.value_for(media, "setup") {
                Some("active") => Some(Role::Passive),
                Some("passive") => Some(Role::Active),
                _ => role,
            };
            peer_ice = ice_credentials(&answer, media);
        }
        self.agreed.lines = lines;
        self.agreed.role = role;
        self.agreed.peer_ice = peer_ice;
        Ok(())
    }

    /// The exchange ended without a new session: the one before it is in force again (RFC 6141 section 4). The version does not go
    /// back, because the peer has seen it.
    pub fn roll_back(&mut self) {
        self.exchange = Exchange::None;
        self.agreed = (*self.before).clone();
    }

    /// The audio line of a first offer; without media as a browser writes it (RFC 8829).
    fn first_line(&self) -> Line {
        let webrtc = self.audio.socket.is_none();
        let protocol = if webrtc {
            "UDP/TLS/RTP/SAVPF"
        } else {
            "RTP/AVP"
        };
        Line {
            kind: "audio".to_owned(),
            protocol: protocol.to_owned(),
            mid: webrtc.then(|| "0".to_owned()),
            bundled: webrtc,
            stream: Stream::Live {
                codecs: self.audio.codecs.clone(),
                dtls: webrtc,
                ice: webrtc,
                rtcp_mux: webrtc,
            },
        }
    }

    /// The codecs of an offered stream that this side has, in the order and under the payload types of the offer (RFC 3264
    /// section 6.1); none if this side does not take streams of its kind or profile.
    fn common_codecs(&self, offer: &Description<'_>, media: &Media<'_>) -> Vec<Codec> {
        let has_profile = match media.protocol {
            "RTP/AVP" | "RTP/AVPF" => true,
            protocol => self.audio.socket.is_none() && uses_dtls(offer, media, protocol),
        };
        if media.kind != "audio" || media.is_off() || !has_profile {
            return Vec::new();
        }
        let own = |offered: &Codec| {
            let mut own = self.audio.codecs.iter();
            own.find(|own| own.is_same_encoding(offered))
        };
        let codecs = media.codecs();
        let common = codecs.iter().filter_map(|offered| {
            let own = own(offered)?;
            Some(own.under(offered.payload()))
        });
        common.collect()
    }

    /// Writes a description with the agreed lines. Its version grows by one if it says something else than the last one (RFC 3264
    /// section 8).
    fn write(&mut self, time: &str, direction: Direction, setup: &'static str) -> String {
        let socket = self.audio.socket;
        let saying = Saying {
            direction,
            socket,
            setup,
            ice_restarts: self.agreed.ice_restarts,
        };
        let text = lines::write(time, &self.agreed.lines, saying);
        if text != self.last {
            self.version = self.version.saturating_add(1);
            self.last = text;
        }
        let (session, version, last) = (self.session, self.version, &self.last);
        let address = socket.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |socket| socket.ip());
        let address = lines::connection(address);
        alloc::format!("v=0\r\no=- {session} {version} {address}\r\n{last}")
    }
}

/// Whether the value of `t=` is as RFC 8866 section 5.9 has it; only then is it repeated in an answer.
fn is_time(time: &str) -> bool {
    let mut numbers = time.split(' ');
    let mut is_number = || {
        let number = numbers.next().unwrap_or_default();
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    };
    is_number() && is_number() && numbers.next().is_none()
}

/// Whether the keys of the stream come by DTLS. `RTP/SAVP` alone may mean keys in the description (RFC 4568),
/// which this agent does not have.
fn uses_dtls(offer: &Description<'_>, media: &Media<'_>, protocol: &str) -> bool {
    match protocol {
        "UDP/TLS/RTP/SAVP" | "UDP/TLS/RTP/SAVPF" => true,
        "RTP/SAVP" | "RTP/SAVPF" => offer.value_for(media, "fingerprint").is_some(),
        _ => false,
    }
}

/// The streams of the BUNDLE groups (RFC 9143 section 7).
fn bundle<'a>(offer: &Description<'a>) -> BTreeSet<&'a str> {
    let groups = offer.attributes.all("group");
    let members = groups.filter_map(|group| {
        let mut words = group.split_ascii_whitespace();
        (words.next() == Some("BUNDLE")).then_some(words)
    });
    members.flatten().collect()
}

/// The line of our answer for a line of the offer; without codecs it is refused. `mimics_webrtc` is for streams without media: they
/// say what a browser wants to read.
fn line(
    offer: &Description<'_>,
    media: &Media<'_>,
    bundled: &BTreeSet<&str>,
    codecs: Option<Vec<Codec>>,
    mimics_webrtc: bool,
) -> Line {
    let mid = media.attributes.value("mid");
    let dtls = uses_dtls(offer, media, media.protocol);
    let stream = match codecs {
        Some(codecs) => Stream::Live {
            codecs,
            dtls,
            // A stream of a BUNDLE group may leave its credentials to the first one (RFC 9143 section 7.1.3).
            ice: mimics_webrtc && (dtls || ice_credentials(offer, media).is_some()),
            rtcp_mux: mimics_webrtc && media.attributes.has("rtcp-mux"),
        },
        None => Stream::Rejected {
            formats: media.formats.join(" "),
        },
    };
    Line {
        kind: media.kind.to_owned(),
        protocol: media.protocol.to_owned(),
        mid: mid.map(str::to_owned),
        bundled: mid.is_some_and(|mid| bundled.contains(mid)),
        stream,
    }
}

fn ice_credentials(description: &Description<'_>, media: &Media<'_>) -> Option<IceCredentials> {
    let value = |name| description.value_for(media, name).map(str::to_owned);
    Some((value("ice-ufrag")?, value("ice-pwd")?))
}

#[cfg(test)]
mod tests;

//! What this side can do with audio, and where.

use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::codec::Codec;

/// The audio of this side: its formats in the order of preference, and where it receives them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Audio {
    pub(crate) codecs: Vec<Codec>,
    /// None: there is no media, and the descriptions say what lets a call come up without any.
    pub(crate) socket: Option<SocketAddr>,
}

impl Audio {
    /// Audio over plain RTP (`RTP/AVP`, RFC 3551) that this side receives at `socket`. Offers name these codecs, and answers
    /// those of the offer that are among them. Without a codec that carries sound every offer is refused.
    #[must_use]
    pub const fn rtp(socket: SocketAddr, codecs: Vec<Codec>) -> Self {
        Self {
            codecs,
            socket: Some(socket),
        }
    }

    /// Audio for calls without media, as bots and tests make them: Opus, G.711 and G.722, at the discard port 9.
    ///
    /// Its offer is the one of a browser without candidates (`UDP/TLS/RTP/SAVPF` with ICE and DTLS attributes, RFC 8829 section
    /// 5.2.1), because browsers accept no other; servers pass it on or answer it. Its answers take the profile of the offer, plain
    /// RTP as well as DTLS-SRTP. The stream is `sendrecv`, because a PBX plays music on hold to an `inactive` one. The fingerprint
    /// is made up and no candidate follows, so that no media can flow. It has no telephone events, because tones would get lost
    /// as media; without them the peer sends INFO.
    #[must_use]
    pub fn signalling_only() -> Self {
        Self {
            codecs: Vec::from([Codec::opus(), Codec::pcmu(), Codec::pcma(), Codec::g722()]),
            socket: None,
        }
    }
}

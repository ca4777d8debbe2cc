//! Writes the lines of our own descriptions (RFC 8866).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{Display, Write};
use core::net::{IpAddr, SocketAddr};

use sip_core::sdp::Direction;

use crate::codec::{Codec, payloads};

/// The port of a stream without a socket: "discard", as browsers describe it (RFC 8829 section 5.2.1).
const DISCARD: u16 = 9;

/// A made-up fingerprint, because no media flows.
const FINGERPRINT: &str = "sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF";

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

/// What the live line of a description says beside its form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Saying {
    pub(crate) direction: Direction,
    /// Where this side receives; none without media.
    pub(crate) socket: Option<SocketAddr>,
    /// The value of `a=setup`.
    pub(crate) setup: &'static str,
    /// How often the peer has restarted ICE: each time needs another ufrag and password (RFC 8839 section 4.4.1).
    pub(crate) ice_restarts: u32,
}

/// Writes all of a description that comes behind its `o=` line.
pub(crate) fn write(time: &str, lines: &[Line], saying: Saying) -> String {
    let mut text = String::new();
    put(&mut text, "s=-");
    put(&mut text, format_args!("t={time}"));
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

/// An address as `o=` and `c=` write it: `IN IP4 192.0.2.1`.
pub(crate) fn connection(address: IpAddr) -> String {
    let kind = if address.is_ipv4() { "IP4" } else { "IP6" };
    alloc::format!("IN {kind} {address}")
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
            let port = saying.socket.map_or(DISCARD, |socket| socket.port());
            put(text, format_args!("m={kind} {port} {protocol} {payloads}"));
            let address = match saying.socket {
                Some(socket) => connection(socket.ip()),
                // Without ICE 0.0.0.0 would put the peer on hold (RFC 3264 section 8.4).
                None if *ice => "IN IP4 0.0.0.0".into(),
                None => "IN IP4 127.0.0.1".into(),
            };
            put(text, format_args!("c={address}"));
            if *ice {
                let restarts = saying.ice_restarts;
                put(text, format_args!("a=rtcp:{port} {address}"));
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
            put(text, format_args!("a={}", saying.direction));
            if *rtcp_mux {
                put(text, "a=rtcp-mux");
            }
            for codec in codecs {
                put(text, format_args!("a=rtpmap:{codec}"));
                if let Some(parameters) = codec.parameters() {
                    put(
                        text,
                        format_args!("a=fmtp:{} {parameters}", codec.payload()),
                    );
                }
            }
            if *dtls {
                put(text, "a=ssrc:1 cname:canned");
            }
        }
    }
}

/// Appends a line.
pub(crate) fn put(text: &mut String, line: impl Display) {
    // Writing to a string cannot fail.
    let _ = write!(text, "{line}\r\n");
}

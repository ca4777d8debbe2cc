//! Messages in a capture of packets (pcap, pcapng): datagrams, TCP streams and WebSocket connections without TLS.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use etherparse::defrag::IpDefragPool;
use etherparse::{IpNumber, NetSlice, SlicedPacket, TcpSlice, TransportSlice, UdpSlice};
use pcap_parser::traits::PcapNGPacketBlock;
use pcap_parser::{Block, Linktype, PcapBlockOwned, PcapError, create_reader};
use sip_parse::{Frame, Framer, Limits};
use thiserror::Error;
use tungstenite::protocol::{Role, WebSocket, WebSocketConfig};

use super::captured::{Captured, Packet, Place};

/// The room for one block of the file, in bytes.
const BLOCK: usize = 1 << 20;

/// How many packets may lie between two fragments of one datagram; what is older is dropped, because a fragment of a few bytes
/// may take the room of a whole datagram, and a capture may have nothing else.
const FRAGMENTS_WITHIN: u64 = 4096;

/// Why a capture cannot be read.
#[derive(Debug, Error)]
pub(super) enum CaptureError {
    #[error("packet {0}: the capture is cut off or damaged")]
    Damaged(u64),
    #[error("packet {number}: link type {link} is not known")]
    LinkType { number: u64, link: i32 },
    #[error(
        "no SIP message in {packets} packets, of which {encrypted} hold TLS, which cannot be read"
    )]
    NoMessage { packets: u64, encrypted: u64 },
}

/// Whether a file begins as pcap or pcapng does.
pub(super) fn is_capture(bytes: &[u8]) -> bool {
    let magic: [&[u8]; 5] = [
        &[0xd4, 0xc3, 0xb2, 0xa1],
        &[0xa1, 0xb2, 0xc3, 0xd4],
        &[0x4d, 0x3c, 0xb2, 0xa1],
        &[0xa1, 0xb2, 0x3c, 0x4d],
        &[0x0a, 0x0d, 0x0d, 0x0a],
    ];
    magic.iter().any(|magic| bytes.starts_with(magic))
}

/// The messages of a capture, in the order of their packets, and what ended it early: a program that is stopped while it
/// captures leaves half a packet, and the packets in front of it are whole.
pub(super) fn read(file: &[u8]) -> Result<(Vec<Captured>, Option<CaptureError>), CaptureError> {
    let mut packets = Packets::default();
    let damage = packets.read(file).err();
    let mut found = std::mem::take(&mut packets.found);
    for ((from, to), segments) in std::mem::take(&mut packets.streams) {
        for stream in in_order(segments) {
            let ends = Ends { from, to };
            packets.encrypted += u64::from(read_stream(ends, &stream, &mut found));
        }
    }
    if found.is_empty() {
        return Err(damage.unwrap_or(CaptureError::NoMessage {
            packets: packets.count,
            encrypted: packets.encrypted,
        }));
    }
    found.sort_by_key(|message| message.packet);
    let start = packets.start.unwrap_or_default();
    let found = found.into_iter();
    let found = found.map(|found| found.into_captured(start)).collect();
    Ok((found, damage))
}

#[derive(Clone, Copy, Debug)]
struct Ends {
    from: SocketAddr,
    to: SocketAddr,
}

/// A message and the packet with its last byte.
struct Found {
    packet: u64,
    seconds: f64,
    ends: Ends,
    transport: &'static str,
    bytes: Bytes,
}

impl Found {
    /// `start` is the time of the first packet.
    fn into_captured(self, start: f64) -> Captured {
        let Ends { from, to } = self.ends;
        let label = format!(
            "packet {}, {:.6} s, {from} -> {to}, {}",
            self.packet, self.seconds, self.transport
        );
        Captured {
            label: Some(label),
            notes: Vec::new(),
            packet: Some(Packet {
                seconds: start + self.seconds,
                from,
                to,
            }),
            bytes: self.bytes,
            place: Place::Packet(self.packet),
        }
    }
}

#[derive(Clone, Debug)]
struct Segment {
    packet: u64,
    seconds: f64,
    sequence: u32,
    payload: Vec<u8>,
}

#[derive(Default)]
struct Packets {
    count: u64,
    encrypted: u64,
    /// The time of the first packet, in seconds.
    start: Option<f64>,
    links: Vec<(Linktype, u64, u64)>,
    /// Fragments of datagrams, with the number of the last packet of each.
    fragments: IpDefragPool<u64>,
    streams: BTreeMap<(SocketAddr, SocketAddr), Vec<Segment>>,
    found: Vec<Found>,
}

impl Packets {
    fn read(&mut self, file: &[u8]) -> Result<(), CaptureError> {
        let mut reader =
            create_reader(BLOCK, file).map_err(|_| CaptureError::Damaged(self.count))?;
        loop {
            let incomplete = match reader.next() {
                Ok((length, block)) => {
                    self.block(&block)?;
                    reader.consume(length);
                    false
                }
                Err(PcapError::Eof) => return Ok(()),
                Err(PcapError::Incomplete(_)) => true,
                Err(_) => return Err(CaptureError::Damaged(self.count + 1)),
            };
            if incomplete {
                let before = reader.data().len();
                let refilled = reader.refill().is_ok();
                if refilled && reader.data().is_empty() {
                    return Ok(());
                }
                if !refilled || reader.data().len() == before {
                    return Err(CaptureError::Damaged(self.count + 1));
                }
            }
        }
    }

    fn block(&mut self, block: &PcapBlockOwned<'_>) -> Result<(), CaptureError> {
        match block {
            PcapBlockOwned::LegacyHeader(header) => {
                self.links = vec![(header.network, 0, 1_000_000)];
            }
            PcapBlockOwned::Legacy(packet) => {
                let seconds = f64::from(packet.ts_sec) + f64::from(packet.ts_usec) / 1e6;
                let link = self.links.first().map_or(Linktype::ETHERNET, |link| link.0);
                self.packet(link, seconds, packet.data)?;
            }
            PcapBlockOwned::NG(Block::SectionHeader(_)) => self.links.clear(),
            PcapBlockOwned::NG(Block::InterfaceDescription(interface)) => {
                let resolution = interface.ts_resolution().unwrap_or(1_000_000);
                let offset = u64::try_from(interface.ts_offset()).unwrap_or(0);
                self.links.push((interface.linktype, offset, resolution));
            }
            PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                let link = self.links.get(packet.if_id as usize).copied();
                let (link, offset, resolution) = link.unwrap_or((Linktype::ETHERNET, 0, 1_000_000));
                let seconds = packet.decode_ts_f64(offset, resolution);
                self.packet(link, seconds, packet.packet_data())?;
            }
            PcapBlockOwned::NG(Block::SimplePacket(packet)) => {
                let link = self.links.first().map_or(Linktype::ETHERNET, |link| link.0);
                self.packet(link, 0.0, packet.packet_data())?;
            }
            PcapBlockOwned::NG(_) => {}
        }
        Ok(())
    }

    fn packet(&mut self, link: Linktype, seconds: f64, data: &[u8]) -> Result<(), CaptureError> {
        self.count += 1;
        let number = self.count;
        if number.is_multiple_of(FRAGMENTS_WITHIN) {
            self.fragments
                .retain(|last| number - last < FRAGMENTS_WITHIN);
        }
        let seconds = seconds - *self.start.get_or_insert(seconds);
        let sliced = match link {
            Linktype::ETHERNET => SlicedPacket::from_ethernet(data),
            Linktype::LINUX_SLL => SlicedPacket::from_linux_sll(data),
            // The header of "cooked" captures, version 2, has 20 bytes.
            Linktype::LINUX_SLL2 => SlicedPacket::from_ip(data.get(20..).unwrap_or_default()),
            Linktype::RAW | Linktype::IPV4 | Linktype::IPV6 => SlicedPacket::from_ip(data),
            // Four bytes with the address family.
            Linktype::NULL | Linktype::LOOP => {
                SlicedPacket::from_ip(data.get(4..).unwrap_or_default())
            }
            Linktype(link) => return Err(CaptureError::LinkType { number, link }),
        };
        // Other protocols, and packets that the capture has cut off, are no SIP.
        let Ok(sliced) = sliced else { return Ok(()) };
        let Some((from, to)) = sliced.net.as_ref().and_then(addresses) else {
            return Ok(());
        };
        match &sliced.transport {
            Some(TransportSlice::Udp(udp)) => self.datagram(number, seconds, from, to, udp),
            Some(TransportSlice::Tcp(tcp)) => self.segment(number, seconds, from, to, tcp),
            _ => {
                let whole = self.fragments.process_sliced_packet(&sliced, number, ());
                if let Ok(Some(whole)) = whole
                    && whole.ip_number == IpNumber::UDP
                    && let Ok(udp) = UdpSlice::from_slice(&whole.payload)
                {
                    self.datagram(number, seconds, from, to, &udp);
                }
            }
        }
        Ok(())
    }

    fn datagram(
        &mut self,
        packet: u64,
        seconds: f64,
        from: IpAddr,
        to: IpAddr,
        udp: &UdpSlice<'_>,
    ) {
        let ends = Ends {
            from: SocketAddr::new(from, udp.source_port()),
            to: SocketAddr::new(to, udp.destination_port()),
        };
        let first = udp.payload().split(|&byte| byte == b'\n').next();
        let is_sip = first.is_some_and(|line| line.windows(4).any(|four| four == b"SIP/"));
        if is_sip {
            self.found.push(Found {
                packet,
                seconds,
                ends,
                transport: "UDP",
                bytes: Bytes::copy_from_slice(udp.payload()),
            });
        }
    }

    fn segment(&mut self, packet: u64, seconds: f64, from: IpAddr, to: IpAddr, tcp: &TcpSlice<'_>) {
        if tcp.payload().is_empty() {
            return;
        }
        let from = SocketAddr::new(from, tcp.source_port());
        let to = SocketAddr::new(to, tcp.destination_port());
        self.streams.entry((from, to)).or_default().push(Segment {
            packet,
            seconds,
            sequence: tcp.sequence_number(),
            payload: tcp.payload().to_vec(),
        });
    }
}

fn addresses(net: &NetSlice<'_>) -> Option<(IpAddr, IpAddr)> {
    match net {
        NetSlice::Ipv4(packet) => {
            let header = packet.header();
            Some((
                header.source_addr().into(),
                header.destination_addr().into(),
            ))
        }
        NetSlice::Ipv6(packet) => {
            let header = packet.header();
            Some((
                header.source_addr().into(),
                header.destination_addr().into(),
            ))
        }
        NetSlice::Arp(_) => None,
    }
}

/// Sorts segments by their sequence numbers and drops what was sent again. Each gap begins a new stream.
fn in_order(mut segments: Vec<Segment>) -> Vec<Vec<Segment>> {
    let Some(first) = segments.first().map(|segment| segment.sequence) else {
        return Vec::new();
    };
    let relative = |segment: &Segment| segment.sequence.wrapping_sub(first).cast_signed();
    segments.sort_by_key(relative);
    let mut streams: Vec<Vec<Segment>> = Vec::new();
    let mut next = None;
    for mut segment in segments {
        let start = i64::from(relative(&segment));
        let end = start + segment.payload.len() as i64;
        let expected = next.unwrap_or(start);
        if end <= expected {
            continue;
        }
        let known = usize::try_from(expected - start).unwrap_or(0);
        segment.payload.drain(..known);
        next = Some(end);
        match streams.last_mut() {
            Some(stream) if start <= expected => stream.push(segment),
            _ => streams.push(vec![segment]),
        }
    }
    streams
}

/// Reads the messages of one direction of a connection; true if it is encrypted.
fn read_stream(ends: Ends, segments: &[Segment], found: &mut Vec<Found>) -> bool {
    let start: Vec<u8> = segments
        .iter()
        .flat_map(|segment| &segment.payload)
        .copied()
        .take(4)
        .collect();
    match start.as_slice() {
        [0x14..=0x17, 3, ..] => return true,
        b"GET " => read_web_socket(ends, segments, Role::Server, true, found),
        b"HTTP" => read_web_socket(ends, segments, Role::Client, true, found),
        // A capture that began within the connection: text or binary, masked by the client.
        [0x81 | 0x82, second, ..] => {
            let masked = second & 0x80 != 0;
            let role = if masked { Role::Server } else { Role::Client };
            read_web_socket(ends, segments, role, false, found);
        }
        _ => read_tcp(ends, segments, found),
    }
    false
}

fn read_tcp(ends: Ends, segments: &[Segment], found: &mut Vec<Found>) {
    let mut framer = Framer::lenient(Limits::MAX);
    for segment in segments {
        framer.push(&segment.payload);
        loop {
            let (bytes, is_last) = match framer.next() {
                Ok(Some(Frame::Message(bytes))) => (bytes, false),
                Ok(Some(Frame::Ping | Frame::Pong)) => continue,
                Ok(None) => break,
                // Shown with its fault; the last, because where the next message begins is not known.
                Err(error) => (error.head, true),
            };
            if !bytes.windows(4).any(|four| four == b"SIP/") {
                return;
            }
            found.push(Found {
                packet: segment.packet,
                seconds: segment.seconds,
                ends,
                transport: "TCP",
                bytes,
            });
            if is_last {
                return;
            }
        }
    }
}

fn read_web_socket(
    ends: Ends,
    segments: &[Segment],
    role: Role,
    handshake: bool,
    found: &mut Vec<Found>,
) {
    let mut replay = Replay {
        segments,
        at: 0,
        offset: 0,
    };
    if handshake && !replay.skip_head() {
        return;
    }
    let config = WebSocketConfig::default();
    let mut socket = WebSocket::from_raw_socket(replay, role, Some(config));
    // The end of the capture is an error of the socket, too: there is nothing more to read.
    while let Ok(message) = socket.read() {
        if !(message.is_text() || message.is_binary()) {
            continue;
        }
        let bytes = message.into_data();
        let blank = bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n'));
        let Some(segment) = socket.get_ref().last() else {
            return;
        };
        if !blank {
            found.push(Found {
                packet: segment.packet,
                seconds: segment.seconds,
                ends,
                transport: "WebSocket",
                bytes,
            });
        }
    }
}

/// The bytes of a stream, a segment at a time, so that it is known which one ends a message.
struct Replay<'a> {
    segments: &'a [Segment],
    at: usize,
    offset: usize,
}

impl Replay<'_> {
    /// The segment that was read last.
    fn last(&self) -> Option<&Segment> {
        let at = if self.offset == 0 {
            self.at.saturating_sub(1)
        } else {
            self.at
        };
        self.segments.get(at)
    }

    /// Skips the HTTP head; false if it has no end.
    fn skip_head(&mut self) -> bool {
        let mut matched = 0;
        let mut byte = [0];
        while matched < 4 {
            match self.read(&mut byte) {
                Ok(1) if byte[0] == b"\r\n\r\n"[matched] => matched += 1,
                Ok(1) => matched = usize::from(byte[0] == b'\r'),
                _ => return false,
            }
        }
        true
    }
}

impl Read for Replay<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(segment) = self.segments.get(self.at) else {
            return Ok(0);
        };
        let rest = &segment.payload[self.offset..];
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.offset += length;
        if self.offset == segment.payload.len() {
            self.at += 1;
            self.offset = 0;
        }
        Ok(length)
    }
}

/// What the reader would answer, such as a pong, goes nowhere, because the conversation is over.
impl Write for Replay<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

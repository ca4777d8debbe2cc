//! Captures of packets.

use etherparse::PacketBuilder;

pub(crate) const CLIENT: [u8; 4] = [192, 0, 2, 1];
pub(crate) const SERVER: [u8; 4] = [192, 0, 2, 2];

pub(crate) fn udp(from: [u8; 4], to: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2([1; 6], [2; 6])
        .ipv4(from, to, 64)
        .udp(5060, 5060);
    let mut packet = Vec::new();
    builder.write(&mut packet, payload).unwrap();
    packet
}

pub(crate) fn tcp(from: [u8; 4], to: [u8; 4], sequence: u32, payload: &[u8]) -> Vec<u8> {
    let (source, destination) = if from == CLIENT {
        (40_000, 8080)
    } else {
        (8080, 40_000)
    };
    let builder = PacketBuilder::ethernet2([1; 6], [2; 6])
        .ipv4(from, to, 64)
        .tcp(source, destination, sequence, 1024);
    let mut packet = Vec::new();
    builder.write(&mut packet, payload).unwrap();
    packet
}

/// A capture in the format pcap with these packets, a second apart.
pub(crate) fn pcap(packets: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    for number in [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 65_535, 1] {
        file.extend(number.to_le_bytes());
    }
    for (second, packet) in packets.iter().enumerate() {
        let length = u32::try_from(packet.len()).unwrap();
        for number in [u32::try_from(second).unwrap(), 0, length, length] {
            file.extend(number.to_le_bytes());
        }
        file.extend(packet);
    }
    file
}

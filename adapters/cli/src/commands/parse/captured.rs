//! A message of a file, and where it begins.

use std::net::SocketAddr;

use bytes::Bytes;

/// A message of a file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Captured {
    /// What the capture says of it: time, direction, addresses.
    pub(super) label: Option<String>,
    /// The message, with the line ends in front of it and the bytes behind it.
    pub(super) bytes: Bytes,
    pub(super) place: Place,
    /// The last lines of a capture as text in front of the message, the label among them.
    pub(super) notes: Vec<String>,
    /// Of a capture of packets.
    pub(super) packet: Option<Packet>,
}

/// The packet with the last byte of a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Packet {
    /// Since 1970.
    pub(super) seconds: f64,
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
}

/// Where a message begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Place {
    /// In the text of the file.
    Text {
        /// Line, from 0.
        line: usize,
        /// Byte, from 0.
        offset: usize,
        /// Blanks in front of each line, which the capture has added.
        indentation: usize,
        /// The capture has LF where the message had CRLF.
        line_feeds: bool,
    },
    /// In the payload of a packet, or of several: the number of the first, from 1.
    Packet(u64),
}

impl Place {
    /// The byte of the file for a byte of the message in its line `line`; `None` in packets.
    pub(super) fn offset_in_file(self, offset: usize, line: usize) -> Option<usize> {
        match self {
            Place::Text {
                offset: start,
                indentation,
                line_feeds,
                ..
            } => {
                let added = (line + 1) * indentation;
                let removed = if line_feeds { line } else { 0 };
                Some(start + offset + added - removed)
            }
            Place::Packet(_) => None,
        }
    }
}

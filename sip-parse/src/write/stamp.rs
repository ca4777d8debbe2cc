//! What a server adds to the topmost Via of a request, in place.

use alloc::string::ToString;
use core::net::IpAddr;

use smallvec::SmallVec;

use crate::access::{first_value_end, without_empties};
use crate::error::ParseError;
use crate::headers::Element;
use crate::headers::via::Via;
use crate::limits::{Limits, Rules};
use crate::message::{Message, Request, content_length};
use crate::name::{HeaderId, HeaderName};
use crate::number::decimal;
use crate::params::offset_in;
use crate::value::Value;
use crate::write::Builder;
use crate::write::shared::joined;

impl Request {
    /// The request with what a server adds to its topmost Via: `received` (RFC 3261 section 18.2.1), and the value of an
    /// `rport` that has none (RFC 3581 section 4). `None` if the topmost Via cannot be read or the result cannot be written.
    pub fn stamped(&self, received: Option<IpAddr>, rport: Option<u16>) -> Option<Request> {
        let row = self.head.find(HeaderId::VIA)?;
        let address = received.map(text_of);
        let address = address.as_deref().map(core::str::from_utf8).transpose();
        let address = address.ok()?;
        match self.usual_via(row, rport.is_some()) {
            Some(places) => self.spliced(places, address, rport),
            None => self.rewritten(address, rport),
        }
    }

    /// Where `rport` ends and where the value ends, if the message stays as it is but for them: the row is written as a
    /// builder writes it and has one value, and the builder would correct nothing.
    fn usual_via(&self, row: usize, asked: bool) -> Option<(usize, usize)> {
        let record = &self.head.records[row];
        let (start, end) = (
            usize::from(record.value_start),
            usize::from(record.value_end),
        );
        let line = self.row(row).line;
        let value = self.value_of(record);
        let is_usual = line.starts_with(b"Via: ")
            && line.len() == value.len() + 7
            && line.ends_with(b"\r\n")
            && value.is_ascii()
            && !value.ends_with(b";")
            && memchr::memchr(b'\n', value).is_none()
            && first_value_end(value) == value.len()
            && has_room(value, usize::from(self.rules.parameters))
            && self.head().ends_with(b"\r\n\r\n")
            && self.rows(HeaderName::ContentLength.id()).count() == 1
            && content_length(&self.bytes, &self.head) == Ok(Some(self.body().len() as u64));
        if !is_usual {
            return None;
        }
        if !asked {
            return Some((end, end));
        }
        Some((start + bare_rport_end(value, self.rules)?, end))
    }

    /// The bytes with both additions, and the offsets behind them moved.
    fn spliced(
        &self,
        (port_at, end): (usize, usize),
        address: Option<&str>,
        rport: Option<u16>,
    ) -> Option<Request> {
        let mut digits = [0; 20];
        let port = rport.map(|port| [&b"="[..], decimal(u64::from(port), &mut digits)]);
        let address = address.map(|address| [&b";received="[..], address.as_bytes()]);
        let length = |pieces: &Option<[&[u8]; 2]>| {
            pieces.map_or(0, |[name, value]| name.len() + value.len())
        };
        let (of_port, of_address) = (length(&port), length(&address));
        if usize::from(self.head.end) + of_port + of_address > usize::from(u16::MAX) {
            return None;
        }
        let bytes = self.bytes();
        let [equals, port] = port.unwrap_or_default();
        let [received, address] = address.unwrap_or_default();
        let mut message = Message::clone(self);
        message.bytes = joined(&[
            &bytes[..port_at],
            equals,
            port,
            &bytes[port_at..end],
            received,
            address,
            &bytes[end..],
        ]);
        message.make_room(end, of_address);
        message.make_room(port_at, of_port);
        message.into_request().ok()
    }

    /// The same by a builder, which writes a row for the topmost value alone, without folds.
    #[cold]
    fn rewritten(&self, address: Option<&str>, rport: Option<u16>) -> Option<Request> {
        let row = self.header(HeaderName::Via)?.unfolded();
        let row = without_empties(&row);
        let mut value = row[..first_value_end(row)].to_vec();
        // A `;` at its end would stand in front of that of the next parameter.
        while let Some(b';' | b' ' | b'\t') = value.last() {
            value.pop();
        }
        if let Some(port) = rport
            && let Some(end) = bare_rport_end(&value, self.rules)
        {
            let digits = [b"=", decimal(u64::from(port), &mut [0; 20])].concat();
            value.splice(end..end, digits);
        }
        if let Some(address) = address {
            value.extend_from_slice(b";received=");
            value.extend_from_slice(address.as_bytes());
        }
        let mut builder = Builder::from_message(self);
        builder.set_first_value(HeaderName::Via, Value::from(value));
        builder.build().ok()?.into_request().ok()
    }
}

impl Message {
    /// Moves all offsets behind `at`, where `length` bytes of a value have been inserted.
    fn make_room(&mut self, at: usize, length: usize) {
        let (at, length) = (at as u16, length as u16);
        self.head.end += length;
        for record in &mut self.head.records {
            for offset in [
                &mut record.start,
                &mut record.name_end,
                &mut record.value_start,
                &mut record.value_end,
            ] {
                if *offset >= at {
                    *offset += length;
                }
            }
        }
        self.identified.make_room(at, length);
    }

    /// Checks the sizes of the message, as [`Message::parse`] of its bytes does.
    ///
    /// # Errors
    /// An exceeded limit.
    pub fn check_limits(&self, limits: &Limits) -> Result<(), ParseError> {
        // No line is longer than the head.
        let fits = self.bytes.len() <= limits.message
            && self.head().len() <= limits.head.min(limits.header_line)
            && self.body().len() <= limits.body
            && self.head.records.len() <= usize::from(limits.headers)
            && self.head.records.iter().all(|record| !record.folded);
        if fits {
            return Ok(());
        }
        Message::parse(self.bytes.clone(), limits).map(|_| ())
    }
}

/// An address as `received` has it. One of IPv4 needs no allocation.
fn text_of(address: IpAddr) -> SmallVec<[u8; 16]> {
    let IpAddr::V4(address) = address else {
        return SmallVec::from_vec(address.to_string().into_bytes());
    };
    let mut text = SmallVec::new();
    for octet in address.octets() {
        if !text.is_empty() {
            text.push(b'.');
        }
        text.extend_from_slice(decimal(u64::from(octet), &mut [0; 20]));
    }
    text
}

/// Whether a value has fewer parameters than `most`, each of which takes two bytes.
fn has_room(value: &[u8], most: usize) -> bool {
    value.len() < 2 * most || memchr::memchr_iter(b';', value).count() < most
}

/// Where the name of an `rport` without a value ends in a Via value.
fn bare_rport_end(value: &[u8], rules: Rules) -> Option<usize> {
    let (via, _) = Via::element(value, 0, rules).ok()?;
    let mut bare = via.params().iter().filter(|(_, value)| value.is_none());
    let (name, _) = bare.find(|(name, _)| name.eq_ignore_ascii_case(b"rport"))?;
    Some(offset_in(value, name) + name.len())
}

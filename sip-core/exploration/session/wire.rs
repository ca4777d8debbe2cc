//! What one end sent and received, and what no end may ever send (RFC 3261 sections 9, 13 to 15, 17; RFC 3264).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use sip_parse::{Kind, Limits, Message, Method};

use crate::exploration::digest_message;

/// What of a message counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum What {
    Invite,
    Ack,
    Bye,
    Cancel,
    Update,
    Prack,
    Refer,
    Notify,
    /// A response to an INVITE.
    Answer(u16),
    /// A response to another request.
    Other(u16),
}

/// A message under way.
#[derive(Clone)]
pub(super) struct Packet {
    pub(super) bytes: Bytes,
    pub(super) digest: u64,
    pub(super) what: What,
    number: u32,
    described: bool,
    /// The RSeq of a reliable provisional response, or the first number in the RAck of a PRACK.
    reliable: Option<u32>,
}

impl Packet {
    pub(super) fn new(bytes: Bytes) -> Self {
        let message = Message::parse(bytes.clone(), &Limits::default()).expect("ours");
        let described = !message.body().is_empty();
        let reliable = match message.as_request() {
            Some(request) => request.rack().ok().flatten().map(|rack| rack.rseq),
            None => message.rseq().ok().flatten(),
        };
        let cseq = message.cseq().expect("a CSeq");
        let number = cseq.number;
        let invites = cseq.method == Method::Invite;
        let what = match message.kind() {
            Kind::Request(request) => match request.method() {
                Method::Invite => What::Invite,
                Method::Ack => What::Ack,
                Method::Bye => What::Bye,
                Method::Cancel => What::Cancel,
                Method::Update => What::Update,
                Method::Prack => What::Prack,
                Method::Refer => What::Refer,
                Method::Notify => What::Notify,
                other => panic!("nobody sends {other}"),
            },
            Kind::Response(response) if invites => What::Answer(response.status().as_u16()),
            Kind::Response(response) => What::Other(response.status().as_u16()),
        };
        Self {
            digest: digest_message(&bytes),
            bytes,
            what,
            number,
            described,
            reliable,
        }
    }

    pub(super) fn name(&self) -> String {
        let body = if self.described { "+sdp" } else { "" };
        format!("{:?}{body}", self.what)
    }
}

/// An INVITE of the peer and its final response.
#[derive(Clone, Hash, Debug)]
struct Invited {
    number: u32,
    described: bool,
    status: u16,
}

/// The record of one end.
#[derive(Clone, Default, Hash, Debug)]
pub(super) struct Wire {
    pub(super) sent_invite: bool,
    pub(super) sent_cancel: bool,
    pub(super) sent_bye: bool,
    pub(super) received_bye: bool,
    /// A 300 to 699 to an INVITE.
    pub(super) received_refusal: bool,
    /// INVITEs with a 2xx that is not acknowledged.
    pub(super) unacknowledged: Vec<u32>,
    /// PRACKs, REFERs and NOTIFYs of the peer without a final response.
    pub(super) requests: Vec<u32>,
    /// Reliable provisional responses of the peer without a PRACK, while the INVITE has no final response.
    pub(super) unacknowledged_early: Vec<u32>,
    /// Those with a PRACK: it repeats itself, so that a response that crosses it needs none (RFC 3262 section 4).
    acknowledged_early: Vec<u32>,
    /// Whether a reliable response with a description has no PRACK.
    early: bool,
    invited: Vec<Invited>,
    /// The INVITE with an own offer that has no answer yet.
    offer: Option<u32>,
    /// The own INVITE without a final response, and whether it has a provisional one.
    pending: Option<(u32, bool)>,
    cancelled: Option<u32>,
}

impl Wire {
    /// Whether a CANCEL would have to go out at once (RFC 3261 section 9.1), and did not.
    pub(super) fn owes_cancel(&self) -> bool {
        let pending = self.pending.filter(|(_, provisional)| *provisional);
        pending.is_some_and(|(number, _)| self.cancelled != Some(number))
    }

    /// Whether a CANCEL has just come for an INVITE that still has no final response (RFC 3261 section 9.2).
    pub(super) fn ignores_cancel(&self, packet: &Packet) -> bool {
        let mut invited = self.invited.iter();
        let pending = |invited: &Invited| (invited.number, invited.status) == (packet.number, 0);
        packet.what == What::Cancel && invited.any(pending)
    }

    /// A connection is gone, and with it the own INVITE.
    pub(super) fn connection_is_gone(&mut self) {
        self.pending = None;
    }

    /// The exchange of the own offer is over.
    pub(super) fn offer_is_over(&mut self) {
        self.offer = None;
    }

    /// An INVITE of the peer that got no final response.
    pub(super) fn has_unanswered(&self) -> bool {
        self.invited.iter().any(|invited| invited.status == 0)
    }

    fn offers(&mut self, number: u32) -> Result<(), String> {
        match self.offer.replace(number) {
            None => Ok(()),
            // A repeat of the same message.
            Some(before) if before == number => Ok(()),
            Some(_) => Err("two offers are out in one direction".into()),
        }
    }

    pub(super) fn sends(&mut self, packet: &Packet) -> Result<(), String> {
        let number = packet.number;
        match packet.what {
            What::Invite => {
                self.sent_invite = true;
                self.pending = Some((number, false));
                if packet.described {
                    self.offers(number)?;
                }
            }
            // One without an offer refreshes the session alone.
            What::Update if packet.described => self.offers(number)?,
            What::Ack => self.unacknowledged.retain(|other| *other != number),
            What::Bye => self.sent_bye = true,
            What::Cancel => {
                self.sent_cancel = true;
                self.cancelled = Some(number);
            }
            What::Answer(200..=299) if self.early => {
                return Err("a 2xx before the PRACK of a description".into());
            }
            What::Answer(status @ 200..) => {
                let mut invited = self.invited.iter_mut();
                let invited = invited.find(|invited| invited.number == number);
                let invited = invited.ok_or("a response to nothing")?;
                match core::mem::replace(&mut invited.status, status) {
                    0 if status < 300 && packet.described && !invited.described => {
                        self.offers(number)?;
                    }
                    0 => {}
                    before if before == status => {}
                    before => return Err(format!("{before} and {status} to one INVITE")),
                }
            }
            // RFC 3262 section 5: a reliable response to an INVITE without an offer.
            What::Answer(_) if packet.described => {
                self.early = true;
                let mut invited = self.invited.iter();
                let offers = invited.any(|invited| invited.number == number && !invited.described);
                if offers {
                    self.offers(number)?;
                }
            }
            What::Other(200..) => self.requests.retain(|other| *other != number),
            What::Prack => {
                let early = &mut self.unacknowledged_early;
                early.retain(|rseq| Some(*rseq) != packet.reliable);
                self.acknowledged_early.extend(packet.reliable);
            }
            What::Answer(_) | What::Other(_) | What::Update | What::Refer | What::Notify => {}
        }
        Ok(())
    }

    pub(super) fn receives(&mut self, packet: &Packet) {
        let number = packet.number;
        match packet.what {
            What::Invite => self.invited.push(Invited {
                number,
                described: packet.described,
                status: 0,
            }),
            What::Ack => {
                self.offer.take_if(|offer| *offer == number);
            }
            What::Bye => self.received_bye = true,
            What::Answer(status @ 200..) => {
                self.pending.take_if(|(pending, _)| *pending == number);
                self.offer.take_if(|offer| *offer == number);
                self.unacknowledged_early.clear();
                if status >= 300 {
                    self.received_refusal = true;
                } else if !self.unacknowledged.contains(&number) {
                    self.unacknowledged.push(number);
                }
            }
            What::Answer(_) => {
                if let Some((_, provisional)) = &mut self.pending {
                    *provisional = true;
                    let known = &self.acknowledged_early;
                    let new = packet.reliable.filter(|rseq| !known.contains(rseq));
                    self.unacknowledged_early.extend(new);
                }
            }
            What::Other(200..) => {
                self.offer.take_if(|offer| *offer == number);
            }
            What::Prack => {
                self.requests.push(number);
                self.early = false;
            }
            What::Refer | What::Notify => self.requests.push(number),
            What::Other(_) | What::Cancel | What::Update => {}
        }
    }
}

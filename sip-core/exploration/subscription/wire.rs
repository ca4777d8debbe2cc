//! What one end sent and received, and what no end may ever send (RFC 6665 sections 4.1, 4.2 and 8.2).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use sip_parse::{HeaderName, Limits, Message, Method, Request};

use crate::exploration::{Digest, digest_message};

/// A subscription on the wire: Call-ID and the subscriber's tag.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Key(u64);

impl Key {
    fn of(message: &Message, notifier_sends: bool) -> Self {
        let call_id = message.call_id().unwrap_or_default();
        let tag = match notifier_sends {
            true => message.to().ok().and_then(|to| to.tag()),
            false => message.from().ok().and_then(|from| from.tag()),
        };
        let mut digest = Digest::new();
        digest.bytes(call_id).bytes(tag.unwrap_or_default());
        Self(digest.finish())
    }

    pub(super) fn of_subscribe(request: &Request) -> Self {
        Self::of(request, false)
    }

    pub(super) fn of_notify(request: &Request) -> Self {
        Self::of(request, true)
    }
}

/// What of a message counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum What {
    Subscribe,
    Notify {
        terminated: bool,
    },
    /// A response to a SUBSCRIBE.
    Answer(u16),
    /// A response to a NOTIFY.
    Delivery(u16),
}

/// A message under way.
#[derive(Clone)]
pub(super) struct Packet {
    pub(super) bytes: Bytes,
    pub(super) digest: u64,
    pub(super) what: What,
    key: Key,
    /// The tags of both ends beside `key`.
    dialog: u64,
    number: u32,
    /// A header field that the message has to have and has not.
    lacks: Option<HeaderName<'static>>,
}

impl Packet {
    pub(super) fn new(bytes: Bytes) -> Self {
        let message = Message::parse(bytes.clone(), &Limits::default()).expect("ours");
        let cseq = message.cseq().expect("a CSeq");
        let terminated = || {
            let state = message.subscription_state().ok().flatten();
            state.is_some_and(|state| state.state.eq_ignore_ascii_case(b"terminated"))
        };
        let response = message.as_response();
        let status = response.map(|response| response.status().as_u16());
        let what = match (status, &cseq.method) {
            (None, Method::Subscribe) => What::Subscribe,
            (None, Method::Notify) => What::Notify {
                terminated: terminated(),
            },
            (Some(status), Method::Subscribe) => What::Answer(status),
            (Some(status), Method::Notify) => What::Delivery(status),
            (_, other) => panic!("no layer here sends {other}"),
        };
        let needed: &[HeaderName<'static>] = match what {
            What::Subscribe => &[HeaderName::Event, HeaderName::Expires, HeaderName::Contact],
            What::Notify { .. } => &[
                HeaderName::Event,
                HeaderName::SubscriptionState,
                HeaderName::Contact,
            ],
            What::Answer(200..=299) => &[HeaderName::Expires, HeaderName::Contact],
            What::Answer(_) | What::Delivery(_) => &[],
        };
        let lacks = needed.iter().find(|name| message.header(**name).is_none());
        let of_notifier = matches!(what, What::Notify { .. } | What::Delivery(_));
        let to = message.to().ok().and_then(|to| to.tag());
        let from = message.from().ok().and_then(|from| from.tag());
        let key = Key::of(&message, of_notifier);
        let dialog = Digest::new()
            .number(key.0)
            .bytes(match of_notifier {
                true => from.unwrap_or_default(),
                false => to.unwrap_or_default(),
            })
            .finish();
        Self {
            digest: digest_message(&bytes),
            what,
            key,
            dialog,
            number: cseq.number,
            lacks: lacks.copied(),
            bytes: bytes.clone(),
        }
    }

    pub(super) fn name(&self) -> String {
        format!("{:?}", self.what)
    }

    pub(super) fn is_request(&self) -> bool {
        matches!(self.what, What::Subscribe | What::Notify { .. })
    }
}

/// The record of one end.
#[derive(Clone, Default, Hash, Debug)]
pub(super) struct Wire {
    /// The dialogs in which a NOTIFY has terminated the subscription, with its CSeq number.
    terminated: Vec<(u64, u32)>,
    /// The subscriptions of which a SUBSCRIBE was accepted and no NOTIFY has followed, with the CSeq number of the SUBSCRIBE
    /// (RFC 6665 section 4.2.1.2).
    owed: Vec<(Key, u32)>,
    /// The SUBSCRIBEs that were accepted: further copies of the 2xx owe nothing.
    accepted: Vec<(Key, u32)>,
    /// The requests of the peer without a final response.
    pub(super) unanswered: Vec<(u64, u32)>,
    /// Digests of the own SUBSCRIBEs, to tell a new one from a repeat.
    subscribes: Vec<u64>,
}

impl Wire {
    /// Whether a NOTIFY is missing after an accepted SUBSCRIBE of a subscription.
    pub(super) fn owes(&self, key: Key) -> bool {
        self.owed.iter().any(|(owed, _)| *owed == key)
    }

    /// Judges a message of this end, and returns whether it is a new SUBSCRIBE.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn sends(&mut self, packet: &Packet) -> Result<bool, String> {
        if let Some(name) = &packet.lacks {
            return Err(format!("{} without {name:?}", packet.name()));
        }
        let place = (packet.key, packet.number);
        match packet.what {
            What::Subscribe => {
                let new = !self.subscribes.contains(&packet.digest);
                if new {
                    self.subscribes.push(packet.digest);
                }
                return Ok(new);
            }
            What::Notify { terminated } => {
                self.owed.retain(|(key, _)| *key != packet.key);
                let mut known = self.terminated.iter();
                let over = known.any(|(dialog, number)| {
                    *dialog == packet.dialog && packet.number > *number && !terminated
                });
                if over {
                    return Err("a NOTIFY after the terminated one".into());
                }
                let terminates = (packet.dialog, packet.number);
                if terminated && !self.terminated.contains(&terminates) {
                    self.terminated.push(terminates);
                }
            }
            What::Answer(status @ 200..) => {
                self.unanswered
                    .retain(|request| *request != (packet.key.0, packet.number));
                if status < 300 && !self.accepted.contains(&place) {
                    self.accepted.push(place);
                    self.owed.push(place);
                }
            }
            What::Delivery(200..) => {
                self.unanswered
                    .retain(|request| *request != (packet.key.0, packet.number));
            }
            What::Answer(_) | What::Delivery(_) => {}
        }
        Ok(false)
    }

    pub(super) fn receives(&mut self, packet: &Packet) {
        let request = (packet.key.0, packet.number);
        if packet.is_request() && !self.unanswered.contains(&request) {
            self.unanswered.push(request);
        }
    }

    /// A connection is gone, and with it the requests that came on it.
    pub(super) fn connection_is_gone(&mut self) {
        self.unanswered.clear();
    }
}

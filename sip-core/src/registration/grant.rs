//! What a 2xx to REGISTER grants to one binding of this agent (RFC 3261 section 10.2.4).

use alloc::format;
use core::str;

use sip_parse::{Contact, HeaderName, NameAddr, Response, Scheme, Uri, UriBuf, unquote};

use super::timing::LONGEST_EXPIRES;
use crate::endpoint::{FlowIndex, Identity};

/// The duration of a binding whose `expires` is malformed, in seconds (RFC 3261 section 20.10).
const MALFORMED_EXPIRES: u32 = 3_600;

/// The binding of one flow, as a 2xx to REGISTER grants it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Grant {
    /// The duration in seconds; at least 1.
    pub(crate) expires: u32,
    /// The public and the temporary GRUU (RFC 5627 section 4.2).
    pub(crate) gruus: (Option<UriBuf>, Option<UriBuf>),
}

impl Grant {
    /// Finds the binding of this flow in the list of a 2xx, which has the bindings of all agents of the user (RFC
    /// 3261 section 10.3 step 8). Each value is read by itself, because a malformed binding of another agent must
    /// not hide that of this one. The duration is `expires` of that value, else Expires, else `asked`.
    ///
    /// `None` if the list does not contain the binding, or grants it no time. If a value is unreadable, it may be
    /// that of this agent; then the duration is Expires, else `asked`.
    pub(crate) fn of(
        response: &Response,
        identity: &Identity,
        index: FlowIndex,
        asked: u32,
    ) -> Option<Self> {
        let mut unreadable = false;
        let mut own: Option<(Likeness, NameAddr<'_>)> = None;
        for value in response.values(HeaderName::Contact) {
            let contact = match Contact::parse(value) {
                Ok(Contact::Addr(contact)) => contact,
                Ok(Contact::Star) => continue,
                Err(_) => {
                    unreadable |= !value.is_empty();
                    continue;
                }
            };
            let likeness = Likeness::of(&contact, identity, index);
            let best = own.as_ref().map(|(best, _)| *best);
            if let Some(likeness) = likeness.filter(|&likeness| best < Some(likeness)) {
                own = Some((likeness, contact));
            }
        }
        let expires = response.expires().ok().flatten().unwrap_or(asked);
        let grant = match own {
            Some((likeness, own)) => Self {
                expires: expires_of(&own).unwrap_or(expires),
                gruus: (
                    gruu(&own, b"pub-gruu").filter(|_| likeness.instance),
                    gruu(&own, b"temp-gruu").filter(|_| likeness.instance),
                ),
            },
            None if unreadable => Self {
                expires,
                gruus: (None, None),
            },
            None => return None,
        };
        (grant.expires > 0).then(|| Self {
            expires: grant.expires.min(LONGEST_EXPIRES),
            ..grant
        })
    }
}

/// How a Contact value of the list resembles the binding of a flow. The fields decide in this order: the URI (RFC
/// 3261 sections 10.2.4 and 19.1.4), then instance and reg-id (RFC 5626 section 6), because a NAT helper may have
/// rewritten the URI.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Likeness {
    uri: bool,
    instance: bool,
    reg_id: bool,
    /// The user part is the one that the core has drawn for this agent, and the transport is the same.
    user: bool,
}

impl Likeness {
    /// `None` if the value is the binding of another agent, or of another flow of this one.
    fn of(contact: &NameAddr<'_>, identity: &Identity, index: FlowIndex) -> Option<Self> {
        let own = NameAddr::parse(identity.contact().as_bytes()).ok()?;
        let named = contact.param(b"+sip.instance");
        let instance = format!("\"<urn:uuid:{}>\"", identity.instance());
        let instance = named.map(|named| named.eq_ignore_ascii_case(instance.as_bytes()));
        let reg_id = contact.param(b"reg-id").and_then(number);
        let reg_id = reg_id.map(|reg_id| reg_id == u32::from(index) + 1);
        let is_sip = matches!(contact.uri().scheme(), Scheme::Sip | Scheme::Sips);
        let transport = |uri: &Uri<'_>| uri.transport().map(<[u8]>::to_ascii_lowercase);
        let same_transport = transport(own.uri()) == transport(contact.uri());
        let likeness = Self {
            uri: own.uri().equivalent(contact.uri()),
            instance: instance == Some(true),
            reg_id: instance == Some(true) && reg_id == Some(true),
            user: is_sip && same_transport && identity.has_drawn_user(contact.uri()),
        };
        let of_other_flow = instance == Some(true) && reg_id == Some(false);
        let of_other_agent = instance == Some(false) && !likeness.uri;
        let alike = likeness.uri || likeness.instance || likeness.user;
        (alike && !of_other_flow && !of_other_agent).then_some(likeness)
    }
}

/// The `expires` parameter in seconds, at most `u32::MAX`.
fn expires_of(contact: &NameAddr<'_>) -> Option<u32> {
    let text = contact.param(b"expires")?;
    let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let seconds = contact.expires();
    Some(match seconds {
        Some(seconds) => seconds,
        // More digits than any integer has.
        None if is_number => u32::MAX,
        None => MALFORMED_EXPIRES,
    })
}

/// The number of a reg-id, also between quotes. What is no number tells no flow from another.
fn number(value: &[u8]) -> Option<u32> {
    str::from_utf8(&unquote(value)).ok()?.parse().ok()
}

fn gruu(contact: &NameAddr<'_>, name: &[u8]) -> Option<UriBuf> {
    UriBuf::parse(unquote(contact.param(name)?)).ok()
}

//! The header fields that a receiver needs in a message, by method and role.

use crate::method::Method;
use crate::name::{HeaderId, HeaderName};

/// Who reads a message. It decides which header fields the reader needs; it ignores all others if it cannot read them
/// (RFC 3261 sections 8.2.2 and 16.3, and the introduction of section 20).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Role {
    /// A user agent: client or server (RFC 3261 section 8).
    #[default]
    UserAgent,
    /// A proxy, which may be a registrar, too (RFC 3261 sections 10.3 and 16).
    Proxy,
}

/// A set of header fields.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Needs([u64; 2]);

impl Needs {
    const fn of(names: &[HeaderName<'_>]) -> Needs {
        let mut words = [0; 2];
        let mut i = 0;
        while i < names.len() {
            let number = names[i].id().0;
            words[number as usize / 64] |= 1 << (number % 64);
            i += 1;
        }
        Needs(words)
    }

    const fn and(self, other: Needs) -> Needs {
        Needs([self.0[0] | other.0[0], self.0[1] | other.0[1]])
    }

    #[inline]
    pub(crate) const fn has(self, id: HeaderId) -> bool {
        let word = self.0[(id.0 as usize / 64) & 1];
        id.0 < 128 && word >> (id.0 % 64) & 1 != 0
    }
}

/// A response finds its transaction by these (RFC 3261 section 17.1.3); its receiver knows From, To and Call-ID from the
/// request.
const RESPONSE: Needs = Needs::of(&[HeaderName::Via, HeaderName::CSeq]);
/// Every request has these (RFC 3261 section 8.1.1).
const REQUEST: Needs = Needs::of(&[
    HeaderName::Via,
    HeaderName::From,
    HeaderName::To,
    HeaderName::CallId,
    HeaderName::CSeq,
]);
/// What a user agent server must not ignore (RFC 3261 section 8.2.2.3).
const EXTENSIONS: Needs = Needs::of(&[HeaderName::Require]);
/// Where a proxy sends a request, how far, and whether it may (RFC 3261 section 16.3 and 16.4).
const FORWARDING: Needs = Needs::of(&[
    HeaderName::Route,
    HeaderName::MaxForwards,
    HeaderName::ProxyRequire,
]);
const DIALOG: Needs = Needs::of(&[HeaderName::Contact, HeaderName::RecordRoute]);
/// How a body is read (RFC 3261 section 8.2.3).
const BODY: Needs = Needs::of(&[HeaderName::ContentType, HeaderName::ContentEncoding]);

/// The fields that must be readable in a message.
///
/// | message | receiver | fields |
/// |---|---|---|
/// | response | any | Via (the topmost value), CSeq |
/// | request | any | Via (the topmost value), From, To, Call-ID, CSeq |
/// | request but ACK, CANCEL | user agent | Require |
/// | request with a body but ACK, BYE, CANCEL | user agent | Content-Type, Content-Encoding |
/// | INVITE, SUBSCRIBE, REFER | user agent | Contact, Record-Route |
/// | UPDATE, NOTIFY | user agent | Contact |
/// | SUBSCRIBE, PUBLISH | user agent | Event |
/// | NOTIFY | user agent | Event, Subscription-State |
/// | REFER | user agent | Refer-To |
/// | PRACK | user agent | RAck |
/// | request but CANCEL | proxy | Route, Max-Forwards, Proxy-Require |
/// | REGISTER | any | Require, Contact, Path |
pub(crate) fn needs(method: Option<Method<'_>>, role: Role, body: bool) -> Needs {
    const EVENT: Needs = Needs::of(&[HeaderName::Event]);
    const STATE: Needs = Needs::of(&[HeaderName::SubscriptionState]);
    const CONTACT: Needs = Needs::of(&[HeaderName::Contact]);
    let Some(method) = method else {
        return RESPONSE;
    };
    let own = match (role, method) {
        (_, Method::Cancel) | (Role::UserAgent, Method::Ack) => return REQUEST,
        (_, Method::Register) => EXTENSIONS.and(CONTACT).and(Needs::of(&[HeaderName::Path])),
        (Role::Proxy, _) => return REQUEST.and(FORWARDING),
        (Role::UserAgent, Method::Invite) => EXTENSIONS.and(DIALOG),
        (Role::UserAgent, Method::Subscribe) => EXTENSIONS.and(DIALOG).and(EVENT),
        (Role::UserAgent, Method::Refer) => EXTENSIONS
            .and(DIALOG)
            .and(Needs::of(&[HeaderName::ReferTo])),
        (Role::UserAgent, Method::Update) => EXTENSIONS.and(CONTACT),
        (Role::UserAgent, Method::Notify) => EXTENSIONS.and(CONTACT).and(EVENT).and(STATE),
        (Role::UserAgent, Method::Publish) => EXTENSIONS.and(EVENT),
        (Role::UserAgent, Method::Prack) => EXTENSIONS.and(Needs::of(&[HeaderName::RAck])),
        (Role::UserAgent, Method::Bye) => return REQUEST.and(EXTENSIONS),
        (Role::UserAgent, _) => EXTENSIONS,
    };
    match role {
        Role::Proxy => REQUEST.and(own).and(FORWARDING),
        Role::UserAgent if body => REQUEST.and(own).and(BODY),
        Role::UserAgent => REQUEST.and(own),
    }
}

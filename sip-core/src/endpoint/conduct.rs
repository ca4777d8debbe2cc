//! How an endpoint behaves, and the header fields that say so to the peer, each checked once.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use core::ops::Deref;

use sip_parse::{Builder, Field, HeaderName};

use super::settings::Behaviour;
use crate::body::ACCEPT;
use crate::config::Support;

/// Methods that are answered, in the order in which Allow lists them. By index: the application takes requests (1), takes a REFER (2);
/// provisional responses are reliable (4); the application is a notifier (8).
const ALLOW: [&str; 16] = [
    "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE",
    "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, MESSAGE, INFO, NOTIFY",
    "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, REFER",
    "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, MESSAGE, INFO, NOTIFY, REFER",
    "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK",
    "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK, MESSAGE, INFO, NOTIFY",
    "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK, REFER",
    "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK, MESSAGE, INFO, NOTIFY, REFER",
    "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, SUBSCRIBE",
    "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, MESSAGE, INFO, NOTIFY, SUBSCRIBE",
    "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, REFER, SUBSCRIBE",
    "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, MESSAGE, INFO, NOTIFY, REFER, SUBSCRIBE",
    "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK, SUBSCRIBE",
    "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK, MESSAGE, INFO, NOTIFY, SUBSCRIBE",
    "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK, REFER, SUBSCRIBE",
    "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK, MESSAGE, INFO, NOTIFY, REFER, SUBSCRIBE",
];

/// How an endpoint behaves, with what it writes about that. Equal endpoints of a host share one.
#[derive(PartialEq, Eq)]
pub(super) struct Conduct {
    behaviour: Behaviour,
    pub(super) fields: OwnFields,
}

/// The header fields of an endpoint that change with its behaviour only.
#[derive(PartialEq, Eq)]
pub(super) struct OwnFields {
    pub(super) allow: OwnField,
    /// The methods of extensions that the application answers within calls, as a further row of Allow.
    pub(super) extra_allow: Option<OwnField>,
    pub(super) accept: OwnField,
    pub(super) supported: OwnField,
    /// RFC 6086 section 4.2.1.
    pub(super) recv_info: Option<OwnField>,
    /// RFC 6665 section 4.4.4.
    pub(super) allow_events: Option<OwnField>,
    pub(super) user_agent: OwnField,
}

/// A header field of the settings.
#[derive(PartialEq, Eq)]
pub(super) enum OwnField {
    Checked(Field),
    /// A value against its grammar, of settings that a host made by hand: each message with it is refused.
    Refused(HeaderName<'static>, Box<str>),
}

/// A header field of a message: one of the endpoint, or one of this message.
#[derive(Clone, Copy)]
pub(super) enum Entry<'a> {
    Own(&'a OwnField),
    Text(HeaderName<'a>, &'a str),
}

impl Conduct {
    pub(super) fn new(behaviour: Behaviour, supported: &str) -> Self {
        let extensions = &behaviour.extensions;
        let list = |name, values: &[Box<str>]| {
            let values = (!values.is_empty()).then(|| values.join(", "))?;
            Some(OwnField::new(name, &values))
        };
        let fields = OwnFields {
            allow: OwnField::new(HeaderName::Allow, allow(&behaviour)),
            extra_allow: list(HeaderName::Allow, &extensions.methods),
            accept: OwnField::new(HeaderName::Accept, &accept(&behaviour, ACCEPT)),
            supported: OwnField::new(HeaderName::Supported, supported),
            recv_info: list(HeaderName::RecvInfo, &extensions.info_packages),
            allow_events: list(HeaderName::AllowEvents, &extensions.event_packages),
            user_agent: OwnField::new(HeaderName::UserAgent, &behaviour.user_agent),
        };
        Self { behaviour, fields }
    }
}

impl Deref for Conduct {
    type Target = Behaviour;

    fn deref(&self) -> &Behaviour {
        &self.behaviour
    }
}

impl OwnField {
    fn new(name: HeaderName<'static>, value: &str) -> Self {
        match Field::new(name, value) {
            Ok(field) => Self::Checked(field),
            Err(_) => Self::Refused(name, value.into()),
        }
    }

    /// Adds the header field to a message at the end.
    pub(super) fn write<'a>(&'a self, message: &mut Builder<'a>) {
        match self {
            Self::Checked(field) => message.field(field),
            Self::Refused(name, value) => message.append(*name, &**value),
        };
    }
}

impl<'a> Entry<'a> {
    /// Adds the header field to a message at the end.
    pub(super) fn write(self, message: &mut Builder<'a>) {
        match self {
            Self::Own(field) => field.write(message),
            Self::Text(name, value) => {
                message.append(name, value);
            }
        }
    }
}

/// The value of Allow (RFC 3261 section 20.5).
pub(super) fn allow(behaviour: &Behaviour) -> &'static str {
    let reliable = behaviour.reliable_provisionals != Support::None;
    let notifies = !behaviour.extensions.event_packages.is_empty();
    let flags = [
        behaviour.takes_requests,
        behaviour.takes_refer,
        reliable,
        notifies,
    ];
    let bits = flags.into_iter().rev();
    ALLOW[bits.fold(0, |index, bit| 2 * index + usize::from(bit))]
}

/// The media types of `own` and those that the application reads.
pub(super) fn accept(behaviour: &Behaviour, own: &'static str) -> Cow<'static, str> {
    let mut accept = Cow::Borrowed(own);
    for media in &behaviour.extensions.bodies {
        let accept = accept.to_mut();
        accept.push_str(", ");
        accept.push_str(media);
    }
    accept
}

#[cfg(test)]
mod tests {
    use sip_parse::Method;

    use super::*;

    #[test]
    fn a_field_of_settings_against_its_grammar_refuses_the_message() {
        let behaviour = Behaviour {
            user_agent: "a\r\nVia: evil".into(),
            ..Behaviour::default()
        };
        let conduct = Conduct::new(behaviour, "");
        let mut message = Builder::request(Method::Options, &b"sip:x.invalid"[..]);
        for (name, value) in [
            (HeaderName::Via, "SIP/2.0/TCP x.invalid;branch=z9hG4bK0"),
            (HeaderName::MaxForwards, "70"),
            (HeaderName::From, "<sip:x.invalid>;tag=1"),
            (HeaderName::To, "<sip:x.invalid>"),
            (HeaderName::CallId, "1"),
            (HeaderName::CSeq, "1 OPTIONS"),
        ] {
            message.append(name, value);
        }
        conduct.fields.allow.write(&mut message);
        assert!(message.build().is_ok());
        conduct.fields.user_agent.write(&mut message);
        assert!(message.build().is_err());
    }
}

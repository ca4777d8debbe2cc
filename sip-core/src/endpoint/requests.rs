//! The requests that the core builds, each in one place.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use sip_parse::{Builder, HeaderName, Method, Request, Response, UriBuf, Value};

use crate::endpoint::{Endpoint, Flow, TransactionUser};
use crate::endpoint::identity::ANONYMOUS;
use crate::auth::{Attempts, Authorizations, Scope};
use crate::body::Body;
use crate::dialog::{Dialog, DialogId, DialogSetId};
use crate::header::ExtraHeader;
use crate::session::InviteOptions;
use crate::transaction::{ClientTransactionId, SendError};

/// RFC 3261 section 8.1.1.6.
const MAX_FORWARDS: u32 = 70;

/// A request outside any dialog, as far as its kinds differ.
pub(crate) struct OutOfDialog<'a> {
    /// Where to send it; `None`: on the flow in use.
    pub(crate) flow: Option<&'a Flow>,
    pub(crate) method: Method<'a>,
    pub(crate) target: &'a [u8],
    pub(crate) to: &'a [u8],
    pub(crate) call_id: &'a [u8],
    pub(crate) tag: &'a str,
    pub(crate) cseq: u32,
    /// Not for REGISTER (RFC 3608 section 5).
    pub(crate) service_route: bool,
    /// From does not name us (RFC 3323 section 4.1.1.3).
    pub(crate) anonymous: bool,
    pub(crate) body: Option<&'a Body>,
    pub(crate) extra: &'a [ExtraHeader],
}

impl Endpoint {
    /// Credentials that answer challenges seen before, to save a round trip.
    pub(crate) fn cached_credentials(
        &mut self,
        method: Method<'_>,
        uri: &[u8],
        body: &[u8],
        attempts: &mut Attempts,
    ) -> Authorizations {
        let Some(credentials) = &self.credentials else {
            return Authorizations::new();
        };
        self.digest
            .authorize(method, uri, body, credentials, Scope::Cached(attempts))
    }

    /// Sends a request outside any dialog (RFC 3261 section 8.1.1); `own` adds what only its kind has.
    pub(crate) fn send_outside(
        &mut self,
        parts: &OutOfDialog<'_>,
        own: &[(HeaderName<'static>, &str)],
        attempts: &mut Attempts,
        user: TransactionUser,
    ) -> Result<ClientTransactionId, SendError> {
        let flow = parts.flow.or(self.flow.as_ref());
        let flow = flow.ok_or(SendError::NotConnected)?;
        let connection = flow.connection_for(parts.target)?;
        let routes = self.preloaded_route(flow, parts.service_route);
        let body = parts.body.map_or(&b""[..], |body| &body.bytes);
        let credentials = self.cached_credentials(parts.method, parts.target, body, attempts);
        let (display, from) = if parts.anonymous {
            (Some("Anonymous"), ANONYMOUS)
        } else {
            (self.config.display_name(), self.identity.aor.as_bytes())
        };
        let mut request = Builder::request(parts.method, parts.target);
        request.append(HeaderName::MaxForwards, MAX_FORWARDS);
        for route in &routes {
            request.append(HeaderName::Route, &route[..]);
        }
        request
            .append(
                HeaderName::From,
                Value::NameAddr {
                    display,
                    uri: from,
                    tag: Some(parts.tag.as_bytes()),
                    params: b"",
                },
            )
            .append(
                HeaderName::To,
                Value::NameAddr {
                    display: None,
                    uri: parts.to,
                    tag: None,
                    params: b"",
                },
            )
            .append(HeaderName::CallId, parts.call_id)
            .append(HeaderName::CSeq, Value::CSeq(parts.cseq, parts.method));
        for (name, value) in &credentials {
            request.append(*name, value.as_str());
        }
        for &(name, value) in own {
            request.append(name, value);
        }
        for header in parts.extra {
            request.append(header.header_name(), header.value());
        }
        request.append(HeaderName::UserAgent, self.config.user_agent_string());
        if let Some(body) = parts.body {
            request.body(body.content_type.as_bytes(), &body.bytes);
        }
        self.layer
            .send_request(connection, request, user, self.now)
    }

    /// The INVITE of a new call (RFC 3261 section 13.2.1).
    pub(crate) fn send_invite(
        &mut self,
        half: DialogSetId,
        target: &UriBuf,
        options: &InviteOptions,
        offer: Option<&Body>,
        attempts: &mut Attempts,
        user: TransactionUser,
    ) -> Result<ClientTransactionId, SendError> {
        let (call_id, tag) = self.dialogs.names(half).ok_or(SendError::Stale)?;
        let local = if options.anonymous { ANONYMOUS } else { b"" };
        let contact = self.identity.contact_as(local);
        let identity = format!("<{}>", self.identity.aor);
        let supported = self.identity.supported.clone();
        let parts = OutOfDialog {
            flow: None,
            method: Method::Invite,
            target: target.as_bytes(),
            to: target.as_bytes(),
            call_id: &call_id,
            tag: &tag,
            cseq: self.first_cseq(),
            service_route: true,
            anonymous: options.anonymous,
            body: offer,
            extra: &options.headers,
        };
        let own = [
            (HeaderName::Contact, contact.as_str()),
            (HeaderName::Allow, self.allow()),
            (HeaderName::Supported, supported.as_str()),
            // RFC 3325 section 9: for the proxies that we trust, and not further.
            (HeaderName::Privacy, "id"),
            (HeaderName::PPreferredIdentity, identity.as_str()),
        ];
        let own = if options.anonymous {
            &own[..]
        } else {
            &own[..3]
        };
        self.send_outside(&parts, own, attempts, user)
    }

    /// A first CSeq number: below 2^31 with room to grow (RFC 3261 section 8.1.1.5).
    pub(crate) fn first_cseq(&mut self) -> u32 {
        1 + (self.layer.rng().next_u32() >> 18)
    }

    /// A request within a dialog (RFC 3261 section 12.2.1).
    pub(crate) fn send_in_dialog(
        &mut self,
        dialog: DialogId,
        method: Method<'static>,
        body: Option<&Body>,
        extra: &[ExtraHeader],
        attempts: &mut Attempts,
        user: TransactionUser,
    ) -> Result<ClientTransactionId, SendError> {
        let target: Box<[u8]> = self
            .dialogs
            .dialog(dialog)
            .ok_or(SendError::Stale)?
            .request_uri()
            .into();
        let connection = self.connection_to(&target)?;
        let bytes = body.map_or(&b""[..], |body| &body.bytes);
        let credentials = self.cached_credentials(method, &target, bytes, attempts);
        let local = self.dialogs.dialog(dialog).map(Dialog::local_uri);
        let contact = self.identity.contact_as(local.unwrap_or_default());
        let mut request = self
            .dialogs
            .request(dialog, method)
            .map_err(|_| SendError::Stale)?;
        request.append(HeaderName::MaxForwards, MAX_FORWARDS);
        if method != Method::Bye {
            request.append(HeaderName::Contact, contact);
        }
        for (name, value) in &credentials {
            request.append(*name, value.as_str());
        }
        for header in extra {
            request.append(header.header_name(), header.value());
        }
        request.append(HeaderName::UserAgent, self.config.user_agent_string());
        if let Some(body) = body {
            request.body(body.content_type.as_bytes(), &body.bytes);
        }
        self.layer
            .send_request(connection, request, user, self.now)
    }

    /// The ACK to a 2xx, with the credentials of its INVITE (RFC 3261 sections 13.2.2.4 and 22.1).
    pub(crate) fn acknowledge(
        &mut self,
        dialog: DialogId,
        invite: &Request,
        answer: Option<&Body>,
    ) -> Result<Bytes, SendError> {
        let connection = self.connection()?;
        let number = invite.cseq().map_err(|_| SendError::Stale)?.number;
        let mut ack = self
            .dialogs
            .ack(dialog, number)
            .map_err(|_| SendError::Stale)?;
        ack.append(HeaderName::MaxForwards, MAX_FORWARDS);
        for name in [HeaderName::Authorization, HeaderName::ProxyAuthorization] {
            for header in invite.headers_named(name) {
                ack.append(name, header.value);
            }
        }
        if let Some(body) = answer {
            ack.body(body.content_type.as_bytes(), &body.bytes);
        }
        self.layer.send_ack(connection, ack)
    }

    /// A 2xx to our INVITE that nobody wants: another leg of a fork, or of a call that is over. It is
    /// acknowledged and ended (RFC 3261 section 13.2.2.4).
    pub(crate) fn ack_and_bye(&mut self, invite: &Request, response: &Response) {
        let Ok(call_id) = invite.call_id() else {
            return;
        };
        let half = self.dialogs.open(call_id, self.layer.rng());
        if let Ok(established) = self.dialogs.establish(half, invite, response) {
            let dialog = established.dialog;
            if self.acknowledge(dialog, invite, None).is_ok() {
                // Without a connection the peer's own timers end the leg.
                let _ = self.send_in_dialog(
                    dialog,
                    Method::Bye,
                    None,
                    &[],
                    &mut Attempts::new(),
                    TransactionUser::Nobody,
                );
            }
        }
        self.dialogs.close(half);
    }

    /// A Call-ID of its own for each request outside a dialog (RFC 3261 section 8.1.1.4).
    pub(crate) fn new_call_id(&mut self) -> String {
        crate::rand::token(self.layer.rng(), 26)
    }

    /// The Contact of a REGISTER (RFC 5626 section 4.2): `expires` in seconds. Without a reg-id the
    /// instance alone names the binding (RFC 5627 section 4.2).
    pub(crate) fn register_contact(&self, expires: u32, reg_id: Option<u8>) -> String {
        let reg_id = reg_id.map_or_else(String::new, |id| format!(";reg-id={id}"));
        format!(
            "{}{reg_id};+sip.instance=\"<urn:uuid:{}>\";expires={expires}",
            self.identity.contact, self.identity.instance
        )
    }

    /// The Service-Route of a 2xx to REGISTER (RFC 3608 section 6), as Route values.
    pub(crate) fn service_route_of(&self, response: &Response) -> Vec<Box<[u8]>> {
        let values = response
            .values(HeaderName::ServiceRoute)
            .zip(response.service_routes());
        values
            .filter(|(_, checked)| checked.is_ok())
            .take(self.limits.routes)
            .map(|(value, _)| {
                value
                    .iter()
                    .copied()
                    .filter(|byte| !matches!(byte, b'\r' | b'\n'))
                    .collect()
            })
            .collect()
    }
}

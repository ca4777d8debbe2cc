//! Builds the requests of the core, each kind in one place.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;
use sip_parse::{
    Builder, HeaderName, HeaderValue, Message, Method, NameAddr, Request, Response, Value, text,
};

use super::conduct::OwnFields;
use super::flow::{Duty, Flow, MaySend};
use super::identity::ANONYMOUS;
use super::owner::{Sent, TransactionUser};
use super::sent_request::SentRequest;
use super::state::{Endpoint, RELIABLE, REPLACES};
use crate::auth::{Attempts, Authorizations, RequestContext};
use crate::body::Body;
use crate::config::Support;
use crate::dialog::{DialogId, DialogSetId, first_target, is_sips};
use crate::header::ExtraHeader;
use crate::ids::ConnectionId;
use crate::session_uuid::identifier_after;
use crate::transaction::{ClientTransactionId, SendError, ServerTransactionId};

/// RFC 3261 section 8.1.1.6.
pub(super) const MAX_FORWARDS: u32 = 70;

/// The parameters of a request outside any dialog.
pub(crate) struct OutOfDialog<'a> {
    pub(crate) connection: ConnectionId,
    /// The flow of `connection`, for the Route; `None` where the endpoint keeps no flows.
    pub(crate) flow: Option<&'a Flow>,
    pub(crate) method: Method<'a>,
    pub(crate) target: &'a [u8],
    pub(crate) to: &'a [u8],
    pub(crate) call_id: &'a [u8],
    pub(crate) tag: &'a str,
    pub(crate) cseq: u32,
    /// Whether the Service-Route applies; false for REGISTER (RFC 3608 section 5).
    pub(crate) service_route: bool,
    /// Whether From hides the user (RFC 3323 section 4.1.1.3).
    pub(crate) anonymous: bool,
    /// The URI and display name of From, if they are not those of the address-of-record.
    pub(crate) from: Option<(&'a [u8], Option<&'a str>)>,
    pub(crate) body: Option<&'a Body>,
    /// What an INVITE says about this side.
    pub(crate) offers: Option<Offers<'a>>,
    /// The header fields of this kind of request.
    pub(crate) own: &'a [(HeaderName<'static>, &'a str)],
    pub(crate) extra: &'a [ExtraHeader],
}

/// What the INVITE of a new call says about this side.
pub(crate) struct Offers<'a> {
    contact: &'a str,
    supported: &'a str,
    fields: &'a OwnFields,
}

/// The parameters of a request within a dialog.
pub(crate) struct InDialog<'a> {
    pub(crate) connection: ConnectionId,
    pub(crate) dialog: DialogId,
    pub(crate) method: Method<'a>,
    pub(crate) body: Option<&'a Body>,
    /// The header fields of this kind of request.
    pub(crate) own: &'a [(HeaderName<'static>, &'a str)],
    /// The header fields of the application.
    pub(crate) extra: &'a [ExtraHeader],
}

/// The parameters of the INVITE of a new call, as the application gives them.
pub(crate) struct NewCall<'a> {
    pub(crate) connection: ConnectionId,
    pub(crate) target: &'a [u8],
    /// The URI of To; another one than the target after a redirection.
    pub(crate) to: &'a [u8],
    /// The CSeq number of an INVITE that is redirected; `None`: a random first one.
    pub(crate) number: Option<u32>,
    /// Expires, in seconds.
    pub(crate) expires: Option<u32>,
    pub(crate) anonymous: bool,
    /// The URI and display name of From, if they are not those of the address-of-record.
    pub(crate) from: Option<(&'a [u8], Option<&'a str>)>,
    /// The header fields of extensions.
    pub(crate) own: &'a [(HeaderName<'static>, &'a str)],
    pub(crate) headers: &'a [ExtraHeader],
    pub(crate) offer: Option<&'a Body>,
}

impl Endpoint {
    /// The credentials that a request carries for its protection spaces. The server of `request` is filled in.
    pub(super) fn credentials_for(
        &mut self,
        connection: ConnectionId,
        request: &RequestContext<'_>,
        attempts: &mut Attempts,
    ) -> Authorizations {
        let Some(credentials) = &self.credentials else {
            return Authorizations::new();
        };
        let server = &*self.server_name(connection);
        let request = RequestContext { server, ..*request };
        self.digest
            .authorize(&request, credentials, attempts, self.now)
    }

    /// Sends a request outside any dialog (RFC 3261 section 8.1.1).
    pub(crate) fn send_out_of_dialog(
        &mut self,
        parts: &OutOfDialog<'_>,
        mut sent: Sent,
    ) -> Result<ClientTransactionId, SendError> {
        self.secure_for(parts.connection, parts.target)?;
        let routes = self.preloaded_route(parts.flow, parts.service_route);
        let body = parts.body.map_or(&b""[..], |body| &body.bytes);
        let context = RequestContext {
            method: parts.method,
            uri: parts.target,
            body,
            call_id: parts.call_id,
            server: "",
            // Only credentials ask for it.
            own_domain: self.credentials.is_some() && self.identity.is_in_own_domain(parts.target),
            within_dialog: false,
            anonymous: parts.anonymous,
        };
        let credentials = self.credentials_for(parts.connection, &context, &mut sent.attempts);
        let (display, from) = if parts.anonymous {
            (Some("Anonymous"), ANONYMOUS)
        } else if let Some((uri, display)) = parts.from {
            (display, uri)
        } else {
            let display = self.behaviour.display_name.as_deref();
            (display, self.identity.aor.as_bytes())
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
        if let Some(Offers {
            contact,
            supported,
            fields,
        }) = &parts.offers
        {
            request.append(HeaderName::Contact, *contact);
            fields.allow.write(&mut request);
            // RFC 6228 section 4: a 199 ends one early dialog of the INVITE.
            request.append(HeaderName::Supported, *supported);
        }
        for &(name, value) in parts.own {
            request.append(name, value);
        }
        if let Some(Offers { fields, .. }) = &parts.offers {
            // RFC 6665 section 4.4.4.
            let rest = [&fields.allow_events, &fields.extra_allow, &fields.recv_info];
            for field in rest.into_iter().flatten() {
                field.write(&mut request);
            }
        }
        for header in parts.extra {
            request.append(header.header_name(), header.value());
        }
        self.behaviour.fields.user_agent.write(&mut request);
        if let Some(body) = parts.body {
            request.body(body.content_type.as_bytes(), &body.bytes);
        }
        self.layer
            .send_request(parts.connection, request, sent, self.now)
    }

    /// Sends the INVITE of a new call (RFC 3261 section 13.2.1).
    pub(crate) fn send_invite(
        &mut self,
        set: DialogSetId,
        call: &NewCall<'_>,
        user: TransactionUser,
    ) -> Result<ClientTransactionId, SendError> {
        let (call_id, tag) = self.dialogs.names(set).ok_or(SendError::Stale)?;
        let local = if call.anonymous { ANONYMOUS } else { b"" };
        let flow = self.flow.clone();
        let routes = self.preloaded_route(flow.as_ref(), true);
        let secure = needs_sips_contact(call.target, &routes);
        let contact = self.identity.contact_as(local, secure);
        let identity = call.anonymous.then(|| match call.from {
            Some((uri, _)) => format!("<{}>", text(uri)),
            None => format!("<{}>", self.identity.aor),
        });
        let conduct = Arc::clone(&self.behaviour);
        let supported = with_tag(&self.identity.supported, "199").into_owned();
        let expires = call.expires.map(|seconds| format!("{seconds}"));
        let mut own = Vec::with_capacity(6 + call.own.len());
        if self.behaviour.reliable_provisionals == Support::Required {
            own.push((HeaderName::Require, RELIABLE));
        }
        own.extend(expires.as_deref().map(|value| (HeaderName::Expires, value)));
        if self.behaviour.replaces == Support::Required {
            own.push((HeaderName::Require, REPLACES));
        }
        if let Some(identity) = &identity {
            // RFC 3325 section 9: only trusted proxies may read the identity.
            own.push((HeaderName::Privacy, "id"));
            own.push((HeaderName::PPreferredIdentity, identity));
        }
        let identifier = self.first_session_id(set);
        own.extend(
            identifier
                .as_deref()
                .map(|identifier| (HeaderName::SessionId, identifier)),
        );
        own.extend_from_slice(call.own);
        let offers = Offers {
            contact: &contact,
            supported: &supported,
            fields: &conduct.fields,
        };
        let parts = OutOfDialog {
            connection: call.connection,
            flow: flow.as_ref(),
            method: Method::Invite,
            target: call.target,
            to: call.to,
            call_id: &call_id,
            tag: &tag,
            cseq: call.number.unwrap_or_else(|| self.first_cseq()),
            service_route: true,
            anonymous: call.anonymous,
            from: call.from,
            body: call.offer,
            offers: Some(offers),
            own: &own,
            extra: call.headers,
        };
        self.send_out_of_dialog(&parts, Sent::outside(user))
    }

    /// The Contact of a request outside dialogs to `target`.
    pub(crate) fn contact_for(&self, target: &[u8]) -> String {
        let routes = self.preloaded_route(self.flow.as_ref(), true);
        let secure = needs_sips_contact(target, &routes);
        self.identity.contact_as(b"", secure)
    }

    /// The value of Referred-By that names this side (RFC 3892 section 2.1); `None` where it hides.
    pub(crate) fn referrer(&self, dialog: Option<DialogId>) -> Option<String> {
        let dialog = dialog.and_then(|dialog| self.dialogs.dialog(dialog));
        let hides = dialog.is_some_and(|dialog| dialog.local_uri() == ANONYMOUS);
        (!hides).then(|| format!("<{}>", self.identity.aor))
    }

    /// A random first CSeq number, far below 2^31 so that it can grow (RFC 3261 section 8.1.1.5).
    pub(crate) fn first_cseq(&mut self) -> u32 {
        1 + (self.layer.rng().next_u32() >> 18)
    }

    /// Sends a request within a dialog (RFC 3261 section 12.2.1).
    pub(crate) fn send_in_dialog(
        &mut self,
        parts: &InDialog<'_>,
        user: TransactionUser,
    ) -> Result<ClientTransactionId, SendError> {
        self.check_reach(parts.dialog, parts.connection)?;
        let dialog = self.dialogs.dialog(parts.dialog).ok_or(SendError::Stale)?;
        let anonymous = dialog.local_uri() == ANONYMOUS;
        let secure = dialog.goes_to_sips();
        let identifier = self.session_id_in(parts.dialog);
        let mut sent = Sent::within(parts.dialog, user);
        let credentials = self.credentials_within(parts, anonymous, &mut sent.attempts)?;
        let local = if anonymous { ANONYMOUS } else { b"" };
        let contact = self.identity.contact_as(local, secure);
        let mut request = self
            .dialogs
            .request(parts.dialog, parts.method)
            .map_err(|_| SendError::Stale)?;
        let fields = &self.behaviour.fields;
        request.append(HeaderName::MaxForwards, MAX_FORWARDS);
        if let Some(identifier) = identifier {
            request.append(HeaderName::SessionId, identifier);
        }
        // RFC 3261 section 20, RFC 3262 section 7, RFC 3428 section 4: these refresh no target.
        if !matches!(parts.method, Method::Bye | Method::Prack | Method::Message) {
            request.append(HeaderName::Contact, &*contact);
        }
        // RFC 3261 sections 13.2.1 and 14.1, RFC 3311 section 5.1.
        if matches!(parts.method, Method::Invite | Method::Update) {
            fields.allow.write(&mut request);
            fields.supported.write(&mut request);
            for field in fields.extra_allow.iter().chain(&fields.recv_info) {
                field.write(&mut request);
            }
        }
        // RFC 6665 section 4.4.4: in the methods that initiate dialogs.
        if let (Method::Invite, Some(events)) = (parts.method, &fields.allow_events) {
            events.write(&mut request);
        }
        for (name, value) in &credentials {
            request.append(*name, value.as_str());
        }
        for &(name, value) in parts.own {
            request.append(name, value);
        }
        for header in parts.extra {
            request.append(header.header_name(), header.value());
        }
        self.behaviour.fields.user_agent.write(&mut request);
        if let Some(body) = parts.body {
            request.body(body.content_type.as_bytes(), &body.bytes);
        }
        self.layer
            .send_request(parts.connection, request, sent, self.now)
    }

    /// The credentials that a request within a dialog carries for its protection spaces.
    fn credentials_within(
        &mut self,
        parts: &InDialog<'_>,
        anonymous: bool,
        attempts: &mut Attempts,
    ) -> Result<Authorizations, SendError> {
        if self.credentials.is_none() {
            return Ok(Authorizations::new());
        }
        let dialog = self.dialogs.dialog(parts.dialog).ok_or(SendError::Stale)?;
        let target: Box<[u8]> = dialog.request_uri().into();
        let names = self.dialogs.names(parts.dialog.set());
        let (call_id, _) = names.ok_or(SendError::Stale)?;
        let context = RequestContext {
            method: parts.method,
            uri: &target,
            body: parts.body.map_or(&b""[..], |body| &body.bytes),
            call_id: &call_id,
            server: "",
            own_domain: self.is_dialog_in_own_domain(parts.dialog),
            within_dialog: true,
            anonymous,
        };
        Ok(self.credentials_for(parts.connection, &context, attempts))
    }

    /// The connection for a request in `dialog`, and whether it may go out now.
    pub(crate) fn may_send_in(&self, dialog: DialogId, duty: Duty) -> MaySend {
        match self.dialogs.dialog(dialog) {
            Some(dialog) => self.may_send(duty, dialog.request_uri()),
            None => MaySend::Never(SendError::Stale),
        }
    }

    /// Acknowledges a 2xx to an INVITE or re-INVITE (RFC 3261 section 13.2.2.4), with the credentials of the
    /// INVITE (section 22.1). A 2xx to a target refresh changes the remote target first (section 12.2.1.2),
    /// so that the ACK goes to the new one. Goes out on the flow in use, or on `known`, the connection of the
    /// call. Returns the bytes, which answer a repeated 2xx.
    pub(crate) fn acknowledge(
        &mut self,
        dialog: DialogId,
        invite: &SentRequest,
        response: Option<&Response>,
        answer: Option<&Body>,
        known: Option<ConnectionId>,
    ) -> Result<(u32, Bytes), SendError> {
        let flow = self.flow.as_ref().map(|flow| flow.connection);
        let connection = flow.or(known).ok_or(SendError::NotConnected)?;
        let invite = invite.request().ok_or(SendError::Stale)?;
        let number = invite.cseq().map_err(|_| SendError::Stale)?.number;
        if let Some(response) = response {
            self.refresh_target(dialog, response, connection);
        }
        self.check_reach(dialog, connection)?;
        let identifier = self.session_id_in(dialog);
        let mut ack = self
            .dialogs
            .ack(dialog, number)
            .map_err(|_| SendError::Stale)?;
        ack.append(HeaderName::MaxForwards, MAX_FORWARDS);
        if let Some(identifier) = identifier {
            ack.append(HeaderName::SessionId, identifier);
        }
        copy_credentials(invite, &mut ack);
        if let Some(body) = answer {
            ack.body(body.content_type.as_bytes(), &body.bytes);
        }
        let bytes = self.layer.send_ack(connection, ack)?;
        Ok((number, bytes))
    }

    /// Takes the target that a target refresh of a peer names, unless it cannot be reached from its connection (RFC 5057
    /// section 5.4).
    pub(crate) fn take_target(&mut self, transaction: ServerTransactionId, request: &Request) {
        let connection = self.layer.connection_of(transaction);
        if let (Some(dialog), Some(connection)) = (self.dialogs.find(request), connection) {
            self.refresh_target(dialog, request, connection);
        }
    }

    /// Takes the target that a message names, unless it cannot be reached from `connection`.
    pub(crate) fn refresh_target(
        &mut self,
        dialog: DialogId,
        message: &Message,
        connection: ConnectionId,
    ) {
        let Some(known) = self.dialogs.dialog(dialog) else {
            return;
        };
        let known: Box<[u8]> = known.remote_target().into();
        self.dialogs.refresh_target(dialog, message);
        if self.check_reach(dialog, connection).is_err() {
            self.dialogs.set_target(dialog, &known);
        }
    }

    /// Acknowledges a 2xx to a re-INVITE whose dialog is over because a BYE of the peer crossed it (RFC 3261
    /// section 13.2.2.4: every 2xx is acknowledged). The re-INVITE and the 2xx contain everything that the
    /// ACK needs.
    pub(crate) fn acknowledge_without_dialog(
        &mut self,
        connection: ConnectionId,
        invite: &SentRequest,
        response: &Response,
    ) {
        let Some(invite) = invite.request() else {
            return;
        };
        let (Ok(cseq), Ok(to)) = (invite.cseq(), response.to().or_else(|_| invite.to())) else {
            return;
        };
        let target = first_target(response);
        let target = target.filter(|target| self.secure_for(connection, target).is_ok());
        let target = target.as_deref().unwrap_or(invite.uri_bytes());
        let mut ack = Builder::request(Method::Ack, target);
        ack.append(HeaderName::MaxForwards, MAX_FORWARDS);
        if let Some(identifier) = identifier_after(invite, response) {
            ack.append(HeaderName::SessionId, identifier);
        }
        for name in [HeaderName::Route, HeaderName::From] {
            ack.copy(invite, name);
        }
        ack.append(HeaderName::To, &to);
        ack.copy(invite, HeaderName::CallId);
        ack.append(HeaderName::CSeq, Value::CSeq(cseq.number, Method::Ack));
        copy_credentials(invite, &mut ack);
        // Without a connection the peer's own timers end the transaction.
        let _ = self.layer.send_ack(connection, ack);
    }

    /// Sends a request outside any dialog again: the same Call-ID, From and To, the next CSeq number, and the
    /// current Route, Contact and credentials.
    pub(crate) fn send_again(
        &mut self,
        connection: ConnectionId,
        request: &SentRequest,
        mut next: Sent,
    ) -> Result<ClientTransactionId, SendError> {
        let sent = request.request().ok_or(SendError::Stale)?;
        let method = sent.method();
        self.secure_for(connection, sent.uri_bytes())?;
        let routes = self.preloaded_route(self.flow.as_ref(), true);
        let mut again = Builder::from_message(sent);
        again
            .remove_first_value(HeaderName::Via)
            .remove(HeaderName::Route)
            .remove(HeaderName::Authorization)
            .remove(HeaderName::ProxyAuthorization);
        for route in &routes {
            again.append(HeaderName::Route, &route[..]);
        }
        if sent.has(HeaderName::Contact) {
            let from = sent.from().map_err(|_| SendError::Stale)?;
            let secure = needs_sips_contact(sent.uri_bytes(), &routes);
            let contact = self.identity.contact_as(from.uri().as_bytes(), secure);
            again.set(HeaderName::Contact, contact);
        }
        let context = self.context_of(sent, None);
        let credentials = self.credentials_for(connection, &context, &mut next.attempts);
        for (name, value) in credentials {
            again.append(name, value);
        }
        let number = sent.cseq().map_or(1, |cseq| cseq.number.saturating_add(1));
        again.set(HeaderName::CSeq, Value::CSeq(number, method));
        self.layer.send_request(connection, again, next, self.now)
    }

    /// Sends a request again with other values of some header fields, because its final response asks for them: the same
    /// Call-ID, From, To, Route and body, the next CSeq number (of the dialog, if it is within one), and current
    /// credentials.
    pub(crate) fn resend_with(
        &mut self,
        connection: ConnectionId,
        request: &SentRequest,
        mut next: Sent,
        fields: &[(HeaderName<'static>, &str)],
    ) -> Result<ClientTransactionId, SendError> {
        let sent = request.request().ok_or(SendError::Stale)?;
        let method = sent.method();
        self.secure_for(connection, sent.uri_bytes())?;
        let mut again = Builder::from_message(sent);
        again
            .remove_first_value(HeaderName::Via)
            .remove(HeaderName::Authorization)
            .remove(HeaderName::ProxyAuthorization);
        for &(name, value) in fields {
            again.set(name, value);
        }
        let context = self.context_of(sent, next.dialog);
        let credentials = self.credentials_for(connection, &context, &mut next.attempts);
        for (name, value) in credentials {
            again.append(name, value);
        }
        let number = match next.dialog {
            Some(dialog) => self
                .dialogs
                .next_cseq(dialog)
                .map_err(|_| SendError::Stale)?,
            None => sent.cseq().map_or(1, |cseq| cseq.number.saturating_add(1)),
        };
        again.set(HeaderName::CSeq, Value::CSeq(number, method));
        self.layer.send_request(connection, again, next, self.now)
    }

    /// The Route of a request outside any dialog: that of the server if `usePreloadedRoute` is on, then the
    /// registrar's Service-Route (RFC 3608 section 5). One host appears once.
    fn preloaded_route(&self, flow: Option<&Flow>, with_service_route: bool) -> Vec<Box<[u8]>> {
        let mut routes: Vec<Box<[u8]>> = Vec::new();
        if let (true, Some(flow)) = (self.behaviour.preloaded_route, flow) {
            let route = format!("<sip:{};lr;transport=ws>", flow.route_host);
            routes.push(route.into_bytes().into());
        }
        if with_service_route {
            for (index, route) in self.service_route.iter().enumerate() {
                let repeats =
                    index == 0 && routes.first().is_some_and(|first| same_host(first, route));
                if !repeats {
                    routes.push(route.clone());
                }
            }
        }
        routes
    }

    /// A new Call-ID, because each request outside a dialog needs its own (RFC 3261 section 8.1.1.4).
    pub(crate) fn new_call_id(&mut self) -> String {
        crate::rand::token(self.layer.rng(), 26)
    }

    /// The Contact of a REGISTER (RFC 5626 section 4.2); `expires` is in seconds. Without a reg-id the
    /// instance alone identifies the binding (RFC 5627 section 4.2).
    pub(crate) fn register_contact(&self, expires: u32, reg_id: Option<u8>) -> String {
        let reg_id = reg_id.map_or_else(String::new, |id| format!(";reg-id={id}"));
        format!(
            "{}{reg_id};+sip.instance=\"<urn:uuid:{}>\";expires={expires}",
            self.identity.contact(),
            self.identity.instance()
        )
    }

    /// The Service-Route of a 2xx to REGISTER (RFC 3608 section 6), as Route values.
    pub(crate) fn service_route_of(&self, response: &Response) -> Vec<Box<[u8]>> {
        let routes = response.service_routes().flatten();
        routes
            .take(self.limits().routes)
            .map(|route| route.to_bytes().into())
            .collect()
    }
}

/// A list of option tags with one more.
fn with_tag<'a>(tags: &'a str, tag: &'a str) -> Cow<'a, str> {
    if tags.is_empty() {
        return Cow::Borrowed(tag);
    }
    let mut known = tags.split(',').map(str::trim);
    if known.any(|known| known == tag) {
        return Cow::Borrowed(tags);
    }
    Cow::Owned([tags, ", ", tag].concat())
}

/// RFC 3261 section 8.1.1.8: whether the Contact has to be a SIPS URI.
fn needs_sips_contact(target: &[u8], routes: &[Box<[u8]>]) -> bool {
    is_sips(target) || routes.first().is_some_and(|route| is_sips(route))
}

pub(super) fn copy_credentials<'a>(invite: &'a Request, ack: &mut Builder<'a>) {
    for name in [HeaderName::Authorization, HeaderName::ProxyAuthorization] {
        ack.copy(invite, name);
    }
}

fn same_host(a: &[u8], b: &[u8]) -> bool {
    match (NameAddr::parse(a), NameAddr::parse(b)) {
        (Ok(a), Ok(b)) => {
            a.uri()
                .host_bytes()
                .eq_ignore_ascii_case(b.uri().host_bytes())
                && a.uri().port() == b.uri().port()
        }
        _ => false,
    }
}

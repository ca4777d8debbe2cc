//! The proxy (RFC 3261 section 16): where a request goes, and the copies that go there.

use std::borrow::Cow;

use sip_core::transaction::{ClientTransactionId, SendError, SendRule, ServerTransactionId};
use sip_core::{ConnectionId, Timestamp};
use sip_parse::{Builder, Credentials, HeaderName, Method, Request, Scheme, StatusCode};

use crate::edge::{Edge, Refusal, Tag};
use crate::event::{CallFailure, EventPackage};
use crate::flow::FlowToken;
use crate::fork::{Branch, BranchState, Forward, Outcome, Target};
use crate::registrar::refuse_unknown;
use crate::routing::Routing;

/// Max-Forwards of a request that has none (RFC 3261 section 16.6 step 3).
const MAX_FORWARDS: u8 = 70;

/// The handling of a request.
enum Plan {
    /// The edge itself answers 200 with these header fields.
    Answer(Vec<(HeaderName<'static>, String)>),
    /// The edge has stored the MESSAGE and answers 202.
    Stored,
    /// The edge forwards it. One entry for each branch: the target and other flows of the same instance.
    Forward(Vec<Vec<Target>>),
}

impl Edge {
    /// A request other than CANCEL and ACK.
    pub(crate) fn on_request(
        &mut self,
        transaction: ServerTransactionId,
        connection: ConnectionId,
        request: Box<Request>,
        merged: bool,
        now: Timestamp,
    ) {
        match self.plan(connection, &request, merged, now) {
            Ok(Plan::Answer(headers)) => {
                self.answer(transaction, &request, StatusCode::OK, headers, now);
            }
            Ok(Plan::Stored) => {
                self.answer(transaction, &request, StatusCode::ACCEPTED, Vec::new(), now);
            }
            Ok(Plan::Forward(targets)) => {
                if request.method() == Method::Invite {
                    self.answer(transaction, &request, StatusCode::TRYING, Vec::new(), now);
                }
                self.forward(transaction, connection, request, targets, now);
            }
            Err(Refusal { status, headers }) => {
                self.report_refusal(connection, &request, status, now);
                self.answer(transaction, &request, status, headers, now);
            }
        }
    }

    /// Reports a request that goes nowhere. A challenge is no refusal; wrong credentials are reported where they are checked.
    fn report_refusal(
        &mut self,
        connection: ConnectionId,
        request: &Request,
        status: StatusCode,
        now: Timestamp,
    ) {
        if matches!(status.as_u16(), 401 | 407) {
            return;
        }
        match request.method() {
            Method::Register => self.registration_refused(connection, request, status),
            Method::Message => self.message_completed(request, status),
            _ => {
                let call = self.call_begins(request, now);
                self.call_failed(call, CallFailure::Status(status), now);
            }
        }
    }

    /// Answers a CANCEL, and cancels every branch of its INVITE that still waits (RFC 3261 section 16.10). A
    /// CANCEL without an INVITE gets 481 and is not forwarded, because the edge never forwards an INVITE
    /// without state.
    pub(crate) fn on_cancel(
        &mut self,
        transaction: ServerTransactionId,
        request: &Request,
        cancels: Option<ServerTransactionId>,
        now: Timestamp,
    ) {
        let Some(invite) = cancels else {
            let status = StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;
            return self.answer(transaction, request, status, Vec::new(), now);
        };
        self.answer(transaction, request, StatusCode::OK, Vec::new(), now);
        if let Some(&id) = self.servers.get(&invite) {
            // RFC 3326 section 2: every branch receives the reason.
            let reason = request
                .header(HeaderName::Reason)
                .map(|header| header.unfolded());
            let reason = reason
                .as_deref()
                .and_then(|reason| std::str::from_utf8(reason).ok());
            self.stop_branches(id, reason, now);
        }
    }

    /// Forwards the ACK to a 2xx along its dialog (RFC 3261 section 16.6), which needs a flow token. An ACK
    /// that cannot go on is dropped, because an ACK gets no response.
    pub(crate) fn on_ack(&mut self, request: &Request) {
        if !self.forward_ack(request) {
            self.counters.dropped += 1;
        }
    }

    fn forward_ack(&mut self, request: &Request) -> bool {
        let Ok(routing) = Routing::of(request, &self.domain, &self.tokens) else {
            return false;
        };
        let Some(FlowToken::Connection(number)) = routing.flow else {
            return false;
        };
        let Some(target) = self.way_of_dialog(number, routing.uri) else {
            return false;
        };
        let Ok(hops) = hops(request) else {
            return false;
        };
        let credentials = self.foreign_credentials(request);
        let copy = copy(request, &routing, routing.uri, hops, &credentials);
        if self.layer.send_ack(target, copy).is_err() {
            return false;
        }
        self.counters.forwarded += 1;
        true
    }

    /// The destination of a request within a dialog: the flow of its token. If that is gone, the flow on which
    /// the same Contact is registered now, which the edge knows because it is the registrar too (RFC 5626
    /// section 7). Without one the flow has failed (section 5.3.1).
    fn way_of_dialog(&self, number: u64, target: &[u8]) -> Option<ConnectionId> {
        if let Some(peer) = self.peers.get(&number) {
            return Some(peer.id);
        }
        if !self.config.follow_contacts {
            return None;
        }
        let uri = sip_parse::Uri::parse(target).ok()?;
        Some(self.location.reached_as(&uri)?.connection)
    }

    /// The way to a target outside the domain. Such a target can be reached only if it is the Contact of a binding, as in the
    /// Refer-To of an attended transfer, which names one user agent (RFC 3891 section 4); no other domain can (RFC 3261
    /// section 21.4.5).
    fn to_contact(&self, routing: &Routing<'_>, uri: &sip_parse::Uri<'_>) -> Result<Plan, Refusal> {
        let binding = self.location.reached_as(uri);
        let binding = binding.filter(|_| self.config.follow_contacts && routing.routes.is_empty());
        let connection = binding.ok_or(StatusCode::NOT_FOUND)?.connection;
        Ok(Plan::Forward(vec![vec![Target {
            connection,
            uri: None,
            lost: StatusCode::TEMPORARILY_UNAVAILABLE,
        }]]))
    }

    /// RFC 3261 sections 16.3 to 16.5, in their order.
    fn plan(
        &mut self,
        connection: ConnectionId,
        request: &Request,
        merged: bool,
        now: Timestamp,
    ) -> Result<Plan, Refusal> {
        let method = request.method();
        let routing = Routing::of(request, &self.domain, &self.tokens)?;
        let uri = sip_parse::Uri::parse(routing.uri)?;
        if !matches!(uri.scheme(), Scheme::Sip | Scheme::Sips) {
            return Err(StatusCode::UNSUPPORTED_URI_SCHEME.into());
        }
        let here = routing.flow.is_none() && routing.routes.is_empty() && self.domain.holds(&uri);
        let publishes = method == Method::Publish && self.serves(EventPackage::Presence);
        if here && (method == Method::Register || publishes || uri.user().is_none()) {
            if merged {
                return Err(StatusCode::LOOP_DETECTED.into());
            }
            return self.serve(connection, request, now).map(Plan::Answer);
        }
        hops(request)?;
        refuse_unknown(request, HeaderName::ProxyRequire, &[])?;
        let in_dialog =
            request.to()?.tag().is_some() && matches!(routing.flow, Some(FlowToken::Connection(_)));
        let sender = match in_dialog {
            true => None,
            false => self.admit(connection, request, now)?,
        };
        match routing.flow {
            Some(FlowToken::Forged) => return Err(StatusCode::FORBIDDEN.into()),
            // Only the look-up of a user leads to the notifier, because it decides who may subscribe.
            Some(FlowToken::Connection(number))
                if !in_dialog && number == self.notifier.to_bits() =>
            {
                return Err(StatusCode::FORBIDDEN.into());
            }
            Some(FlowToken::Connection(number)) => {
                let lost = StatusCode::FLOW_FAILED;
                let connection = self.way_of_dialog(number, routing.uri).ok_or(lost)?;
                return Ok(Plan::Forward(vec![vec![Target {
                    connection,
                    uri: None,
                    lost,
                }]]));
            }
            None if !here => return self.to_contact(&routing, &uri),
            None => {}
        }
        let user = self
            .domain
            .user(&uri)
            .filter(|user| self.config.password(user).is_some());
        let user = user.ok_or(StatusCode::NOT_FOUND)?;
        let lost = StatusCode::TEMPORARILY_UNAVAILABLE;
        let package = self.served_package(request);
        if let Some(package) = package.filter(|_| method == Method::Subscribe) {
            self.may_subscribe(sender.as_deref(), &user, package, request)?;
            return Ok(Plan::Forward(vec![vec![Target {
                connection: self.notifier,
                uri: None,
                lost,
            }]]));
        }
        let target = |binding: &crate::location::Binding| Target {
            connection: binding.connection,
            uri: Some(binding.contact.clone()),
            lost,
        };
        let mut targets = Vec::new();
        for flows in self.location.targets(&user) {
            targets.push(flows.into_iter().map(target).collect());
        }
        if targets.is_empty() {
            let is_stored = method == Method::Message
                && !merged
                && self.store_message(sender.as_deref(), &user, request, now);
            return match is_stored {
                true => Ok(Plan::Stored),
                false => Err(lost.into()),
            };
        }
        Ok(Plan::Forward(targets))
    }

    /// A request to the edge itself.
    fn serve(
        &mut self,
        connection: ConnectionId,
        request: &Request,
        now: Timestamp,
    ) -> Result<Vec<(HeaderName<'static>, String)>, Refusal> {
        match request.method() {
            Method::Register => self.register(connection, request, now),
            Method::Publish if self.serves(EventPackage::Presence) => {
                self.publish(connection, request, now)
            }
            Method::Options => {
                refuse_unknown(request, HeaderName::Require, &[])?;
                let allow = match self.serves(EventPackage::Presence) {
                    true => "REGISTER, OPTIONS, PUBLISH",
                    false => "REGISTER, OPTIONS",
                };
                let mut headers = vec![
                    (HeaderName::Allow, allow.to_owned()),
                    (HeaderName::Supported, "outbound".to_owned()),
                ];
                let packages = self.config.event_packages.iter();
                let packages: Vec<&str> = packages.map(|package| package.as_str()).collect();
                if !packages.is_empty() {
                    headers.push((HeaderName::AllowEvents, packages.join(", ")));
                }
                Ok(headers)
            }
            // The URI names no user (RFC 3261 section 21.4.5).
            _ => Err(StatusCode::NOT_FOUND.into()),
        }
    }

    /// RFC 3261 section 22.3: a sender that claims to be one of our users has to prove it. Other senders may
    /// call our users without proof. Returns the user that has proven who it is.
    fn admit(
        &mut self,
        connection: ConnectionId,
        request: &Request,
        now: Timestamp,
    ) -> Result<Option<String>, Refusal> {
        let from = request.from()?;
        if !self.domain.holds(from.uri()) {
            return Ok(None);
        }
        let username = self.authenticate(connection, request, true, now)?;
        if self.domain.user(from.uri()).as_deref() != Some(username.as_str()) {
            return Err(StatusCode::FORBIDDEN.into());
        }
        Ok(Some(username))
    }

    /// Starts every branch at once (RFC 3261 section 16.6).
    fn forward(
        &mut self,
        transaction: ServerTransactionId,
        connection: ConnectionId,
        request: Box<Request>,
        targets: Vec<Vec<Target>>,
        now: Timestamp,
    ) {
        if self.forwards.len() >= self.config.limits.forwarded_requests {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            self.report_refusal(connection, &request, status, now);
            return self.answer(transaction, &request, status, Vec::new(), now);
        }
        let call = self.call_begins(&request, now);
        self.next_forward += 1;
        let id = self.next_forward;
        let mut forward = Forward {
            server: transaction,
            upstream: connection,
            request,
            branches: Vec::with_capacity(targets.len()),
            call,
            stopped: false,
        };
        for mut flows in targets {
            flows.reverse();
            let lost = flows
                .last()
                .map_or(StatusCode::TEMPORARILY_UNAVAILABLE, |flow| flow.lost);
            let state = BranchState::Done(Outcome::Failed(lost));
            forward.branches.push(Branch {
                connection,
                spare: flows,
                lost,
                state,
            });
            self.start_branch(id, &mut forward, now);
        }
        self.servers.insert(transaction, id);
        self.forwards.insert(id, forward);
        self.finish_if_done(id, now);
    }

    /// Sends the copy of a request's last branch over the best remaining flow.
    fn start_branch(&mut self, id: u64, forward: &mut Forward, now: Timestamp) {
        let index = forward.branches.len() - 1;
        self.retry_branch(id, forward, index, now);
    }

    /// Sends the copy of one branch over the best remaining flow. Without one, the branch does not change.
    pub(crate) fn retry_branch(
        &mut self,
        id: u64,
        forward: &mut Forward,
        index: usize,
        now: Timestamp,
    ) {
        let invite = forward.request.method() == Method::Invite;
        let server = forward.server;
        while let Some(target) = forward.branches[index].spare.pop() {
            let tag = Tag::Branch {
                forward: id,
                branch: index,
                server,
                invite,
            };
            let sent = self.send_copy(forward, &target, tag, now);
            let branch = &mut forward.branches[index];
            match sent {
                Ok(client) => {
                    self.counters.forwarded += 1;
                    if invite {
                        self.timer_c.start((id, index), now);
                    }
                    branch.connection = target.connection;
                    branch.state = BranchState::Pending { client };
                    return;
                }
                // This flow is closed; the next one may be open.
                Err(SendError::NotConnected) => {}
                Err(SendError::TooManyTransactions) => {
                    let status = StatusCode::SERVICE_UNAVAILABLE;
                    branch.state = BranchState::Done(Outcome::Failed(status));
                    return;
                }
                // A copy that cannot be written for one flow cannot be written for another.
                Err(_) => {
                    let status = StatusCode::BAD_REQUEST;
                    branch.state = BranchState::Done(Outcome::Failed(status));
                    return;
                }
            }
        }
    }

    fn send_copy(
        &mut self,
        forward: &Forward,
        target: &Target,
        tag: Tag,
        now: Timestamp,
    ) -> Result<ClientTransactionId, SendError> {
        let request = &*forward.request;
        let unreadable = |_| SendError::Forbidden(SendRule::Route);
        let routing = Routing::of(request, &self.domain, &self.tokens).map_err(unreadable)?;
        let hops = hops(request).map_err(|_| SendError::Forbidden(SendRule::MaxForwards))?;
        let foreign = self.foreign_credentials(request);
        let uri = target
            .uri
            .as_ref()
            .map_or(routing.uri, |uri| uri.as_bytes());
        let mut copy = copy(request, &routing, uri, hops, &foreign);
        if makes_dialog(request.method()) {
            // Two values, one for each side. The last of our values in a request of either side names the flow
            // to the other side (RFC 5626 section 5.3).
            for connection in [forward.upstream, target.connection] {
                copy.prepend(HeaderName::RecordRoute, self.record_route(connection, uri));
            }
        }
        self.layer.send_request(target.connection, copy, tag, now)
    }

    /// Our Record-Route value for a connection; `sips` if the Request-URI is (RFC 3261 section 16.6
    /// step 4).
    fn record_route(&self, connection: ConnectionId, uri: &[u8]) -> String {
        let secure = uri.len() >= 5 && uri[..5].eq_ignore_ascii_case(b"sips:");
        let scheme = if secure { "sips" } else { "sip" };
        let token = self.tokens.token(connection.to_bits());
        format!("<{scheme}:{token}@{};transport=ws;lr>", self.config.listen)
    }

    /// Proxy-Authorization values for other proxies. Those for the edge are removed (RFC 3261 section 22.3).
    fn foreign_credentials<'a>(&self, request: &'a Request) -> Vec<Cow<'a, [u8]>> {
        let rows = request.headers_named(HeaderName::ProxyAuthorization);
        let foreign = rows.filter(|row| {
            let value = Credentials::parse(row.value, true).ok();
            let realm = value.as_ref().and_then(|value| value.realm());
            realm.is_none_or(|realm| realm[..] != *self.config.realm.as_bytes())
        });
        foreign.map(|row| row.unfolded()).collect()
    }
}

/// The copy of a request for the next hop, without our Via (RFC 3261 section 16.6 steps 1 to 6).
fn copy<'a>(
    request: &'a Request,
    routing: &'a Routing<'a>,
    uri: &'a [u8],
    hops: u8,
    credentials: &'a [Cow<'a, [u8]>],
) -> Builder<'a> {
    let mut copy = Builder::from_message(request);
    copy.set_request_uri(uri);
    copy.set(HeaderName::MaxForwards, u32::from(hops));
    if routing.changed {
        copy.remove(HeaderName::Route);
        for route in &routing.routes {
            copy.append(HeaderName::Route, route);
        }
    }
    copy.remove(HeaderName::ProxyAuthorization);
    for value in credentials {
        copy.append(HeaderName::ProxyAuthorization, &**value);
    }
    copy
}

/// Max-Forwards of the copy: one less, or 70 if the request has none (RFC 3261 sections 16.3 step 3 and 16.6
/// step 3). If none is left: 483.
fn hops(request: &Request) -> Result<u8, Refusal> {
    let hops = request
        .max_forwards()?
        .map_or(Some(MAX_FORWARDS), |hops| hops.checked_sub(1));
    hops.ok_or_else(|| StatusCode::TOO_MANY_HOPS.into())
}

/// Methods that create or refresh dialogs (RFC 3261 section 16.6 step 4, RFC 6665 section 4.3).
fn makes_dialog(method: Method<'_>) -> bool {
    matches!(
        method,
        Method::Invite | Method::Subscribe | Method::Notify | Method::Refer
    )
}

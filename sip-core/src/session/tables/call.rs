//! Tests the table of a call (`machine.rs`): each cell is a call of its own, with the test as its peer.

extern crate std;

use std::boxed::Box;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use bytes::Bytes;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sip_parse::{
    Builder, HeaderName, Kind, Message, Method, Request, Response, StatusCode, UriBuf,
};

use super::early;
use super::names::{COMMANDS, INPUTS, STATES, join, split};
use crate::action::Action;
use crate::body::Body;
use crate::config::Support;
use crate::connection::{ConnectionInfo, Transport};
use crate::dialog::DialogId;
use crate::endpoint::{
    Endpoint, EndpointSettings, Flow, SentRequest, SessionRequest, SessionTimer,
};
use crate::event::{DescriptionKind, Event, ExchangeOutcome};
use crate::ids::{ConnectionId, ExchangeId, SessionId};
use crate::reason::{Cause, EndReason};
use crate::session::layer::{SessionLayer, Stepped};
use crate::session::state::State;
use crate::session::{
    DescriptionFailed, FailureStatus, Input, InviteOptions, ModifyOptions, ProvisionalOptions,
    ProvisionalStatus, ResponseTo,
};
use crate::table_rows::{Row, read};
use crate::time::Timestamp;
use crate::transaction::{ClientTransactionId, SendError, ServerTransactionId, TransactionError};

const SDP: &str = "v=0\r\n";

/// One call on an endpoint, with the test as its peer.
pub(super) struct World {
    endpoint: Endpoint,
    pub(super) calls: SessionLayer,
    connection: ConnectionId,
    pub(super) id: SessionId,
    exchange: ExchangeId,
    /// The early dialog of the last provisional response.
    early: Option<DialogId>,
    /// The requests of this side, latest last.
    sent: Vec<Request>,
    /// The responses of this side, latest last.
    answers: Vec<Response>,
    /// The last INVITE of the peer.
    theirs: Option<(ServerTransactionId, Request)>,
    /// Whether the Allow of the peer lists UPDATE.
    pub(super) updates: bool,
    now: Timestamp,
}

impl World {
    fn new(online: bool) -> Self {
        let aor = UriBuf::parse(b"sip:alice@example.com").expect("a URI");
        let mut settings = EndpointSettings::new(aor);
        settings.behaviour.queue_requests = true;
        settings.behaviour.reliable_provisionals = Support::Supported;
        settings.identity.supported = std::vec!["timer".into()];
        settings.identity.host = Some("192.0.2.1".into());
        let random = Box::new(ChaCha20Rng::from_seed([7; 32]));
        let now = Timestamp::from_millis(1_000);
        let mut endpoint = Endpoint::new(settings, random, now);
        let connection = endpoint.accept(ConnectionInfo {
            transport: Transport::Tcp,
            remote: None,
        });
        let mut world = Self {
            endpoint,
            calls: SessionLayer::new(),
            connection,
            id: SessionId(crate::slab::Handle::from_bits(0)),
            exchange: ExchangeId::from_number(0),
            early: None,
            sent: Vec::new(),
            answers: Vec::new(),
            theirs: None,
            updates: false,
            now,
        };
        if online {
            world.connect(connection);
        }
        world
    }

    fn connect(&mut self, connection: ConnectionId) {
        self.endpoint.flow = Some(Flow {
            connection,
            server: 0,
            route_host: "example.com".into(),
        });
        self.endpoint.ready = true;
    }

    fn reconnect(&mut self) {
        self.connection = self.endpoint.accept(ConnectionInfo {
            transport: Transport::Tcp,
            remote: None,
        });
        self.connect(self.connection);
    }

    fn lose(&mut self) -> Vec<String> {
        self.endpoint.flow = None;
        self.endpoint.ready = false;
        self.endpoint.closed(self.connection, self.now);
        self.observe()
    }

    fn invite(&mut self, late: bool) -> Vec<String> {
        let options = InviteOptions::new();
        self.invite_with(if late { options.late_offer() } else { options })
    }

    fn invite_with(&mut self, options: InviteOptions) -> Vec<String> {
        let target = UriBuf::parse(b"sip:bob@example.com").expect("a URI");
        let called = self.calls.invite(&mut self.endpoint, None, target, options);
        self.id = called.expect("a call");
        self.observe()
    }

    /// The events and messages since the last call, in the words of the table.
    fn observe(&mut self) -> Vec<String> {
        self.calls.settle(&mut self.endpoint);
        let mut seen = Vec::new();
        while let Some(action) = self.endpoint.poll_action() {
            match action {
                Action::Transmit { bytes, .. } => {
                    let limits = sip_parse::Limits::default();
                    let message = Message::parse(bytes, &limits).expect("a message");
                    match message.kind() {
                        Kind::Request(request) => {
                            seen.push(request.method().to_string());
                            self.sent.push(request);
                        }
                        Kind::Response(response) => {
                            // The transaction layer sends 100 by itself.
                            if response.status() != StatusCode::TRYING {
                                seen.push(response.status().as_u16().to_string());
                            }
                            self.answers.push(response);
                        }
                    }
                }
                Action::Event(event) => seen.push(self.event(event)),
                _ => {}
            }
        }
        seen
    }

    fn event(&mut self, event: Event) -> String {
        let kind_name = |kind| match kind {
            DescriptionKind::Offer => "offer",
            DescriptionKind::Answer => "answer",
        };
        match event {
            Event::DescriptionNeeded { exchange, kind, .. } => {
                self.exchange = exchange;
                format!("ask {}", kind_name(kind))
            }
            Event::RemoteDescription { kind, .. } => format!("deliver {}", kind_name(kind)),
            Event::ExchangeEnded { outcome, .. } => String::from(match outcome {
                ExchangeOutcome::Complete => "complete",
                ExchangeOutcome::Refused(_) => "refused",
                ExchangeOutcome::RolledBack(_) => "rolled back",
                ExchangeOutcome::Aborted(_) => "aborted",
            }),
            Event::IncomingCall { session, .. } => {
                self.id = session;
                "IncomingCall".into()
            }
            Event::RepairFailed { .. } => "RepairFailed".into(),
            Event::ModificationEnded { .. } => "ModificationEnded".into(),
            Event::Progress { dialog, .. } => {
                self.early = dialog;
                "Progress".into()
            }
            Event::Redirected { .. } => "Redirected".into(),
            Event::EarlyDialogEnded { .. } => "EarlyDialogEnded".into(),
            Event::PrackFailed { .. } => "PrackFailed".into(),
            Event::Established { .. } => "Established".into(),
            Event::Ended { .. } => "Ended".into(),
            other => format!("{other:?}"),
        }
    }

    pub(super) fn receive(&mut self, bytes: impl Into<Bytes>) -> Vec<String> {
        let received = self
            .endpoint
            .receive(self.connection, bytes.into(), self.now);
        received.expect("room");
        self.observe()
    }

    fn last(&self, method: Method<'_>) -> Option<Request> {
        let mut sent = self.sent.iter().rev();
        sent.find(|request| request.method() == method).cloned()
    }

    /// The early dialog of the last provisional response.
    pub(super) fn early_for_tests(&self) -> DialogId {
        self.early.expect("an early dialog")
    }

    /// The dialog of an UPDATE of this side.
    fn update_dialog(&self) -> Option<DialogId> {
        let early = self.early.filter(|_| self.state() == "Calling");
        early.or_else(|| self.calls.dialog_of(self.id))
    }

    /// The response of the peer to the last request with this method.
    fn response(&self, method: Method<'_>, status: u16, sdp: bool) -> (Request, Response) {
        self.response_with(method, status, sdp, None)
    }

    /// As `response`; a provisional one with an RSeq number is reliable.
    pub(super) fn response_with(
        &self,
        method: Method<'_>,
        status: u16,
        sdp: bool,
        rseq: Option<u32>,
    ) -> (Request, Response) {
        let request = self.last(method).expect("a request");
        let status = StatusCode::new(status).expect("a status");
        let mut response = Builder::response_to(&request, status, Some(b"peer"));
        response
            .append(HeaderName::Contact, "<sip:bob@192.0.2.2>")
            .append(HeaderName::SessionExpires, "1800;refresher=uac");
        if self.updates {
            response.append(HeaderName::Allow, "INVITE, UPDATE");
        }
        if let Some(rseq) = rseq {
            response
                .append(HeaderName::Require, "100rel")
                .append(HeaderName::RSeq, rseq);
        }
        if sdp {
            response.body(b"application/sdp", SDP.as_bytes());
        }
        let message = response.build().expect("a response");
        drop(response);
        let response = message.as_response().expect("a response").clone();
        (request, response)
    }

    pub(super) fn reply(&mut self, method: Method<'_>, status: u16, sdp: bool) -> Vec<String> {
        let (_, response) = self.response(method, status, sdp);
        self.receive(response.bytes().clone())
    }

    /// A request of the peer: within the dialog if there is one.
    pub(super) fn request(&self, method: &str, number: u32, sdp: bool) -> String {
        let tag = self
            .answers
            .iter()
            .rev()
            .find_map(|response| Some(response.to().ok()?.tag()?.to_vec()));
        let (from, to, call_id) = match self.sent.first() {
            // This side called.
            Some(invite) => {
                let tag = invite
                    .from()
                    .ok()
                    .and_then(|from| Some(from.tag()?.to_vec()));
                let call_id = invite.call_id().expect("a Call-ID").to_vec();
                ("peer", tag, call_id)
            }
            None => ("peer", tag, b"theirs".to_vec()),
        };
        let to = to.map_or(String::new(), |tag| {
            format!(";tag={}", String::from_utf8_lossy(&tag))
        });
        let (kind, body) = if sdp {
            ("Content-Type: application/sdp\r\n", SDP)
        } else {
            ("", "")
        };
        format!(
            "{method} sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.2;branch=z9hG4bK{method}{number}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:bob@example.com>;tag={from}\r\nTo: <sip:alice@example.com>{to}\r\n\
             Call-ID: {}\r\nCSeq: {number} {method}\r\nContact: <sip:bob@192.0.2.2>\r\n\
             Supported: timer\r\nSession-Expires: 1800;refresher=uas\r\n{}{kind}Content-Length: {}\r\n\r\n{body}",
            String::from_utf8_lossy(&call_id),
            self.extension(method),
            body.len(),
        )
    }

    /// The header fields of RFC 3262: of an INVITE, and of the PRACK to the last reliable response.
    fn extension(&self, method: &str) -> String {
        let mut answers = self.answers.iter().rev();
        let rseq = answers.find_map(|response| response.rseq().ok().flatten());
        match method {
            "INVITE" => "Supported: 100rel\r\n".into(),
            "PRACK" => format!("RAck: {} 1 INVITE\r\n", rseq.unwrap_or(1)),
            _ => String::new(),
        }
    }

    /// A PRACK to the last reliable response. Through the transaction layer, because it needs a response.
    pub(super) fn pracked(&mut self, number: u32, sdp: bool) -> Vec<String> {
        let prack = self.request("PRACK", number, sdp);
        self.receive(prack)
    }

    /// As `request`, but parsed, for an input that bypasses the transaction layer.
    fn parsed(&self, method: &str, number: u32, sdp: bool) -> Request {
        let text = self.request(method, number, sdp);
        let message = Message::parse(Bytes::from(text), &sip_parse::Limits::default());
        message
            .expect("a message")
            .into_request()
            .expect("a request")
    }

    /// An INVITE of the peer, in a transaction of its own.
    fn invited(&mut self, number: u32, sdp: bool) -> Vec<String> {
        let invite = self.parsed("INVITE", number, sdp);
        let seen = self.receive(invite.bytes().clone());
        let transaction = self.calls.transaction_for_tests(self.id);
        self.theirs = transaction.map(|transaction| (transaction, invite));
        seen
    }

    pub(super) fn describe(&mut self) -> Vec<String> {
        let input = Input::Describe(self.exchange, Ok(Body::sdp(SDP)));
        let stepped = self.calls.step(&mut self.endpoint, self.id, input);
        stepped.expect("the description is wanted");
        self.observe()
    }

    pub(super) fn command(&mut self, input: Input<'_>) -> Vec<String> {
        let stepped = self.calls.step(&mut self.endpoint, self.id, input);
        stepped.expect("the command fits");
        self.observe()
    }

    /// A call in this state; with ` with our offer` the peer's INVITE had no offer.
    pub(super) fn reach(name: &str) -> Self {
        let (state, ours) = split(name);
        let confirmed = || {
            let mut world = Self::reach("Calling");
            world.reply(Method::Invite, 200, true);
            world
        };
        let world = match state {
            "AwaitingOffer" => {
                let mut world = Self::new(true);
                world.invite(false);
                world
            }
            "QueuedInvite" => {
                let mut world = Self::new(false);
                world.invite(true);
                world
            }
            "Calling" | "Cancelling" if early::is_in(name) => early::reach(name),
            "Calling" if name.ends_with(" with redirections") => {
                let mut world = Self::new(true);
                world.invite_with(InviteOptions::new().redirects(1));
                world.describe();
                world.reply(Method::Invite, 180, false);
                world
            }
            "Calling" if name != state => {
                let mut world = Self::new(true);
                world.invite(true);
                let (_, response) = world.response_with(Method::Invite, 183, true, Some(1));
                world.receive(response.bytes().clone());
                if name.ends_with(" with our answer") {
                    world.describe();
                }
                world
            }
            "Calling" => {
                let mut world = Self::reach("AwaitingOffer");
                world.describe();
                world.reply(Method::Invite, 180, false);
                world
            }
            "Cancelling" => {
                let mut world = Self::reach("Calling");
                world.command(Input::HangUp);
                world
            }
            "AwaitingAnswer" => {
                let mut world = Self::new(true);
                world.invite(true);
                world.reply(Method::Invite, 200, true);
                world
            }
            "QueuedAck" => {
                let mut world = Self::reach("AwaitingAnswer");
                world.lose();
                world.describe();
                world
            }
            "Incoming" | "Accepting" | "Answered" if early::is_in(name) => early::reach(name),
            "Incoming" => {
                let mut world = Self::new(true);
                world.invited(1, !ours);
                world
            }
            "Accepting" => {
                let mut world = Self::reach(&join("Incoming", ours));
                world.command(Input::Answer);
                world
            }
            "Answered" => {
                let mut world = Self::reach(&join("Accepting", ours));
                world.describe();
                world
            }
            "HangingUp" => {
                let mut world = Self::reach(&join("Answered", ours));
                world.command(Input::HangUp);
                world
            }
            "Confirmed" => confirmed(),
            "Offering" => {
                let mut world = confirmed();
                world.command(Input::Renegotiate(ModifyOptions::new()));
                world
            }
            "Reinviting" if name.ends_with(" for a repair") => {
                let mut world = confirmed();
                world.lose();
                world.reconnect();
                world.drive(Input::Connected);
                world.observe();
                world.describe();
                world.reply(Method::Invite, 100, false);
                world
            }
            "Reinviting" if name.ends_with(" without offer") => {
                let mut world = confirmed();
                let options = ModifyOptions::new().without_offer();
                world.command(Input::Renegotiate(options));
                world.reply(Method::Invite, 100, false);
                world
            }
            "Acknowledging" => {
                let mut world = Self::reach("Reinviting without offer");
                world.reply(Method::Invite, 200, true);
                world
            }
            "Reinviting" => {
                let mut world = Self::reach("Offering");
                world.describe();
                world.reply(Method::Invite, 100, false);
                world
            }
            "Glare" => {
                let mut world = Self::reach("Reinviting");
                world.reply(Method::Invite, 491, false);
                world
            }
            "Answering" => {
                let mut world = confirmed();
                world.invited(1, !ours);
                world
            }
            "Reanswered" => {
                let mut world = Self::reach(&join("Answering", ours));
                world.describe();
                world
            }
            "Terminating" => {
                let mut world = confirmed();
                world.command(Input::HangUp);
                world
            }
            "QueuedBye" => {
                let mut world = confirmed();
                world.lose();
                world.command(Input::HangUp);
                world
            }
            "LostBye" => {
                let mut world = Self::reach("Terminating");
                world.lose();
                world
            }
            other => panic!("no state {other}"),
        };
        assert_eq!(world.state(), state);
        world
    }

    pub(super) fn state(&self) -> String {
        let name = self.calls.state_for_tests(self.id);
        name.unwrap_or("(over)").into()
    }

    /// Feeds one input; returns the observed words and whether the command was refused. `None` if the input
    /// is impossible in this state, because the request that it concerns was never sent.
    pub(super) fn feed(&mut self, input: &str) -> Option<(Vec<String>, bool)> {
        let reason = || Box::new(EndReason::local(Cause::DialogGone));
        let state = self.state();
        let caller = self
            .sent
            .first()
            .is_some_and(|first| first.method() == Method::Invite);
        let about = |to: SessionRequest, method| (to, method);
        let (to, method) = if input.ends_with("re-INVITE") {
            about(SessionRequest::Reinvite, Method::Invite)
        } else if input.ends_with("to UPDATE") || input.ends_with("our UPDATE") {
            about(
                SessionRequest::Update(self.update_dialog()?),
                Method::Update,
            )
        } else if input.ends_with("BYE") && input != "BYE" {
            about(SessionRequest::Bye, Method::Bye)
        } else if input.ends_with("PRACK") && input != "PRACK" {
            about(SessionRequest::Prack(self.early?), Method::Prack)
        } else {
            about(SessionRequest::Invite, Method::Invite)
        };
        let ours = match state.as_str() {
            "Calling" | "Cancelling" if method == Method::Prack => to,
            "Reinviting" | "Acknowledging" | "Glare" => SessionRequest::Reinvite,
            "Terminating" | "LostBye" => SessionRequest::Bye,
            _ => SessionRequest::Invite,
        };
        let is_about_request = input.contains(" to ") || input.contains(" of our ");
        let fits = to == ours || matches!(to, SessionRequest::Update(_));
        if is_about_request && (!caller || !fits || self.last(method).is_none()) {
            return None;
        }
        // The transaction of the INVITE keeps the ACK; that of any other request need not exist.
        let call = self.calls.calls.get(self.id.0);
        let invite = call.and_then(|call| match &call.state {
            Some(State::Calling(calling) | State::Cancelling(calling)) => Some(calling.transaction),
            _ => call.common.invite,
        });
        let other = ClientTransactionId(crate::slab::Handle::from_bits(9));
        let transaction = invite
            .filter(|_| to == SessionRequest::Invite)
            .unwrap_or(other);
        let respond_with = |world: &mut Self, status, sdp, may_wait, rseq| {
            let (request, response) = world.response_with(method, status, sdp, rseq);
            let limits = world.endpoint.limits().message;
            let request = SentRequest::new(request.bytes().clone(), limits);
            let connection = world.connection;
            let response = ResponseTo {
                to,
                response: &response,
                request: &request,
                transaction,
                connection,
                may_wait,
                unanswered: None,
            };
            let (endpoint, id) = (&mut world.endpoint, world.id);
            world.calls.drive(endpoint, id, Input::Response(response))
        };
        let respond = |world: &mut Self, status, sdp, may_wait| {
            respond_with(world, status, sdp, may_wait, None)
        };
        let word = input.split(' ').next().unwrap_or_default();
        let stepped = match input {
            "reliable 1xx to INVITE" => Ok(respond_with(self, 183, true, false, Some(2))),
            "reliable 1xx without description to INVITE" => {
                Ok(respond_with(self, 183, false, false, Some(2)))
            }
            _ if input.starts_with("2xx without description to ") => {
                Ok(respond(self, 200, false, false))
            }
            _ if input.starts_with("refusal to ") => Ok(respond(self, 486, false, false)),
            _ if input.starts_with("timeout of our ") => {
                Ok(self.drive(Input::Failed(to, TransactionError::Timeout)))
            }
            _ if input.starts_with("loss of our ") => {
                Ok(self.drive(Input::Failed(to, TransactionError::ConnectionLost)))
            }
            _ if input.starts_with("resending of our ") => {
                Ok(self.drive(Input::Resent(to, transaction)))
            }
            _ if input.starts_with("failed resending of our ") => {
                Ok(self.drive(Input::NotResent(to, SendError::NotConnected)))
            }
            _ if input.contains(" to ") => {
                let status = match word {
                    "1xx" => 183,
                    "2xx" => 200,
                    number => number.parse().expect("a status"),
                };
                Ok(respond(self, status, word == "2xx", status == 430))
            }
            "CANCEL" => {
                let (invite, request) = self.theirs.clone()?;
                Ok(self.drive(Input::Cancel(invite, &request)))
            }
            "loss of their INVITE" => {
                let (invite, _) = self.theirs.clone()?;
                Ok(self.drive(Input::ServerFailed(invite)))
            }
            "ACK" | "ACK without answer" => {
                let number = self
                    .theirs
                    .as_ref()
                    .map_or(1, |(_, invite)| invite.cseq().expect("a CSeq").number);
                let ack = self.parsed("ACK", number, input == "ACK");
                Ok(self.drive(Input::Ack(&ack)))
            }
            "BYE" => {
                let bye = self.parsed("BYE", 90, false);
                Ok(self.drive(Input::Bye(&bye)))
            }
            "INVITE" | "INVITE without offer" => {
                // Through the transaction layer, because a refusal needs the transaction.
                self.dialog_exists()?;
                self.name_dialog(&state);
                let seen = self.invited(91, input == "INVITE");
                return Some((seen, false));
            }
            "UPDATE" | "UPDATE without offer" => {
                self.dialog_exists()?;
                if matches!(state.as_str(), "Incoming" | "Accepting") {
                    self.command(Input::Ring);
                }
                let update = self.request("UPDATE", 91, input == "UPDATE");
                return Some((self.receive(update), false));
            }
            "PRACK" | "PRACK with description" => {
                self.dialog_exists()?;
                self.name_dialog(&state);
                let seen = self.pracked(70, input != "PRACK");
                return Some((seen, false));
            }
            "PRACK of another response" => {
                self.dialog_exists()?;
                self.name_dialog(&state);
                let prack = self.request("PRACK", 70, false);
                let seen = self.receive(prack.replace(" 1 INVITE", " 9 INVITE"));
                return Some((seen, false));
            }
            "gone" => Ok(self.drive(Input::Gone(reason()))),
            "connection" => {
                if state == "Confirmed" {
                    // The connection that the peer knows is gone.
                    self.lose();
                }
                self.reconnect();
                Ok(self.drive(Input::Connected))
            }
            "no connection" => Ok(self.drive(Input::Abandoned)),
            "timer NoAnswer" => Ok(self.drive(Input::Timer(SessionTimer::NoAnswer))),
            "timer Invitation" => Ok(self.drive(Input::Timer(SessionTimer::Invitation))),
            "timer Description" => Ok(self.drive(Input::Timer(SessionTimer::Description))),
            "timer RepeatProvisional" => {
                Ok(self.drive(Input::Timer(SessionTimer::RepeatProvisional)))
            }
            "timer Prack" => Ok(self.drive(Input::Timer(SessionTimer::Prack))),
            "timer Ring" => Ok(self.drive(Input::Timer(SessionTimer::Ring))),
            "timer Repeat" => Ok(self.drive(Input::Timer(SessionTimer::Repeat))),
            "timer GiveUp" => Ok(self.drive(Input::Timer(SessionTimer::GiveUp))),
            "loss of their UPDATE" => {
                let update = self.calls.update_for_tests(self.id)?;
                Ok(self.drive(Input::ServerFailed(update)))
            }
            "timer Update" => Ok(self.drive(Input::Timer(SessionTimer::Update))),
            "timer Offer" => Ok(self.drive(Input::Timer(SessionTimer::Offer))),
            "timer Refresh" => Ok(self.drive(Input::Timer(SessionTimer::Refresh))),
            "timer Expiry" => Ok(self.drive(Input::Timer(SessionTimer::Expiry))),
            command => {
                let exchange = self.exchange;
                let input = match command {
                    "Ring" => Input::Ring,
                    "Progress" => Input::Progress(ProvisionalOptions::new(
                        ProvisionalStatus::SESSION_PROGRESS,
                    )),
                    "Progress with description" => {
                        Input::Progress(ProvisionalOptions::early_media())
                    }
                    "Answer" => Input::Answer,
                    "Reject" => Input::Reject(FailureStatus::BUSY_HERE),
                    "HangUp" => Input::HangUp,
                    "Renegotiate" => Input::Renegotiate(ModifyOptions::new()),
                    "Renegotiate without offer" => {
                        Input::Renegotiate(ModifyOptions::new().without_offer())
                    }
                    "SendUpdate without offer" => {
                        Input::SendUpdate(ModifyOptions::new().without_offer())
                    }
                    "SendUpdate" => Input::SendUpdate(ModifyOptions::new()),
                    "SendUpdateIn" => Input::SendUpdateIn(self.early?, ModifyOptions::new()),
                    "SendUpdateIn without offer" => {
                        let options = ModifyOptions::new().without_offer();
                        Input::SendUpdateIn(self.early?, options)
                    }
                    "Hold" => Input::Hold(true),
                    "Describe" => Input::Describe(exchange, Ok(Body::sdp(SDP))),
                    "no description" => Input::Describe(exchange, Err(DescriptionFailed)),
                    "Stop" => Input::Stop,
                    other => panic!("no input {other}"),
                };
                let stepped = self.calls.step(&mut self.endpoint, self.id, input);
                stepped.map(|()| Stepped::Alive)
            }
        };
        Some((self.observe(), stepped.is_err()))
    }

    fn drive(&mut self, input: Input<'_>) -> Stepped {
        self.calls.drive(&mut self.endpoint, self.id, input)
    }

    /// The 180 gives the peer the tag of the dialog, unless it has it.
    fn name_dialog(&mut self, state: &str) {
        let mut answers = self.answers.iter();
        let is_named = answers.any(|answer| answer.to().is_ok_and(|to| to.tag().is_some()));
        if matches!(state, "Incoming" | "Accepting") && !is_named {
            self.command(Input::Ring);
        }
    }

    /// `None` unless the peer knows a dialog, which an INVITE within it needs.
    fn dialog_exists(&self) -> Option<()> {
        let early = ["AwaitingOffer", "QueuedInvite"];
        (!early.contains(&self.state().as_str())).then_some(())
    }
}

/// RFC 3261 sections 13 to 15: every state of a call with every input does what the table says.
#[test]
fn the_documented_table_is_the_machine() {
    let mut rows = read(include_str!("../machine.rs"));
    let mut wrong = Vec::new();
    for state in STATES {
        for input in INPUTS {
            let mut world = World::reach(state);
            let Some((does, refused)) = world.feed(input) else {
                continue;
            };
            // A row for the call with our offer goes before one for the state.
            let (base, _) = split(state);
            let either = state.strip_suffix(" with our offer").unwrap_or(state);
            let index = [state, either, base].iter().find_map(|name| {
                let fits = |row: &&Row| {
                    row.states.iter().any(|state| state == name)
                        && row.inputs.iter().any(|name| name == input)
                };
                let count = rows.iter().filter(fits).count();
                assert!(count <= 1, "{count} rows for {name} on {input}");
                rows.iter().position(|row| fits(&row))
            });
            let row = index.map(|index| &mut rows[index]);
            let is_described = match row {
                Some(row) => {
                    row.used += 1;
                    let next = if row.next == "same" { base } else { &row.next };
                    let is_error = row.does == ["(error)"];
                    let does_so = if is_error {
                        does.is_empty()
                    } else {
                        row.does == does
                    };
                    does_so && next == world.state() && refused == is_error
                }
                None => {
                    let refuses = COMMANDS.contains(&input);
                    does.is_empty() && world.state() == base && refused == refuses
                }
            };
            if !is_described {
                let does = does.join(", ");
                let next = world.state();
                wrong.push(format!("| {state} | {input} | {does} | {next} |"));
            }
        }
    }
    assert!(wrong.is_empty(), "the machine does:\n{}", wrong.join("\n"));
    let unused = rows.iter().filter(|row| row.used == 0);
    let unused: Vec<_> = unused.map(|row| (&row.states, &row.inputs)).collect();
    assert!(unused.is_empty(), "no machine has {unused:?}");
}

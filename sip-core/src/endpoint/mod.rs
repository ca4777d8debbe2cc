//! What calls, registration and requests share: the layers below them, the queue of actions, and the
//! few ways to send something.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use sip_parse::{Builder, HeaderName, Kind, Message, Request, Response, StatusCode, UriBuf, Value};

mod identity;
mod owner;
mod requests;

pub(crate) use self::identity::Identity;
pub(crate) use self::owner::{FlowIndex, SessionTimer, TimerOwner, TransactionUser};
pub(crate) use self::requests::OutOfDialog;

use crate::ua::AuthorizationFailed;
use crate::action::Action;
use crate::auth::{Attempts, Credentials, DigestClient, Scope};
use crate::config::{Authentication, Config, LogLevel};
use crate::connection::Transport;
use crate::dialog::{DialogId, DialogLayer};
use crate::error::CommandError;
use crate::event::Event;
use crate::ids::ConnectionId;

use crate::limits::Limits;
use crate::record::{Direction, LogContent, LogRecord, TraceRecord};
use crate::time::Timestamp;
use crate::timer::Timers;
use crate::transaction::{
    ClientTransactionId, SendError, ServerTransactionId, TimerSettings, TransactionLayer,
};

/// Methods that are answered, in the order in which Allow lists them.
const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE, INFO, NOTIFY";

/// The same where the application takes a REFER (`allowOutOfDialogRefers`).
const ALLOW_REFER: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, MESSAGE, INFO, NOTIFY, REFER";

/// Counts of what passed, for operators.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct Counters {
    /// Messages and keep-alives received.
    pub received: u64,
    /// Messages and keep-alives sent, repeats included.
    pub transmitted: u64,
    /// Received bytes that were no acceptable message.
    pub malformed: u64,
    /// Of these, requests that were answered.
    pub malformed_answered: u64,
    /// Messages that were read and dropped.
    pub ignored: u64,
    /// Requests that the core refused by itself.
    pub refused: u64,
    /// Responses whose Authentication-Info was malformed, or did not prove that the server knows our secret
    /// too (RFC 7616 section 3.5: rspauth). They count as what their status says.
    pub authentication_info_failures: u64,
    /// Log and trace records that were dropped because the queue was full.
    pub records_dropped: u64,
}

/// An open connection.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    pub(crate) connection: ConnectionId,
    pub(crate) server: usize,
    pub(crate) transport: Transport,
    /// Host and port of the server's URL, for the Route.
    pub(crate) route_host: Box<str>,
}

impl Flow {
    /// The connection, for a request to `target`: a SIPS URI is reached over TLS or not at all (RFC 3261
    /// section 26.2.2), also when the connection that it was first reached on is gone.
    pub(crate) fn connection_for(&self, target: &[u8]) -> Result<ConnectionId, SendError> {
        let scheme = target.get(..5).unwrap_or_default();
        if scheme.eq_ignore_ascii_case(b"sips:") && !self.transport.is_secure() {
            return Err(SendError::Insecure);
        }
        Ok(self.connection)
    }
}

/// Whether the response at hand says that a flow failed (RFC 5626 section 11.6: 430).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FlowDoubt {
    /// It does not.
    No,
    /// It does, and a request may wait until our binding has been made anew.
    Raised,
    /// It does, and one waits.
    Heeded,
}

pub(crate) struct Endpoint {
    pub(crate) config: Config,
    pub(crate) limits: Limits,
    pub(crate) identity: Identity,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) layer: TransactionLayer<TransactionUser>,
    pub(crate) dialogs: DialogLayer,
    pub(crate) digest: DigestClient,
    /// Where the response that is being handled came from.
    pub(crate) answered_on: Option<ConnectionId>,
    /// What the application said to the challenge that is being handled.
    pub(crate) authorization: Option<Result<Box<str>, AuthorizationFailed>>,
    pub(crate) timers: Timers<TimerOwner>,
    pub(crate) actions: VecDeque<Action>,
    pub(crate) counters: Counters,
    /// The flow in use: requests of ours go there.
    pub(crate) flow: Option<Flow>,
    /// The registration on `flow`, if one is wanted, has succeeded or failed.
    pub(crate) ready: bool,
    pub(crate) flow_doubt: FlowDoubt,
    /// How many commands have had to wait for a connection.
    pub(crate) flow_indices: u64,
    /// Of the last REGISTER that was accepted on it (RFC 3608), as Route values.
    pub(crate) service_route: Vec<Box<[u8]>>,
    pub(crate) now: Timestamp,
}

/// Why a challenge was not answered with a new request.
pub(crate) enum RetryError {
    /// There are no credentials, or they were refused.
    Authentication,
    /// The request could not be sent again.
    NotSent(SendError),
}

impl Endpoint {
    /// The value of Allow (RFC 3261 section 20.5).
    pub(crate) fn allow(&self) -> &'static str {
        if self.config.allow_out_of_dialog_refers() {
            ALLOW_REFER
        } else {
            ALLOW
        }
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.actions.push_back(Action::Event(event));
    }

    pub(crate) fn log(
        &mut self,
        level: LogLevel,
        category: &'static str,
        label: u64,
        content: LogContent,
    ) {
        let enabled = self.config.log().level;
        if level > enabled {
            return;
        }
        // Names of single transactions and calls only confuse whoever reads the rough course.
        let label = if enabled == LogLevel::Debug { label } else { 0 };
        self.push_record(Action::Log(LogRecord {
            level,
            category,
            label,
            content,
        }));
    }

    pub(crate) fn trace(&mut self, direction: Direction, connection: ConnectionId, bytes: &Bytes) {
        if self.config.trace_sip() {
            let reveal = self.config.trace_sip_credentials();
            self.push_record(Action::Trace(TraceRecord {
                direction,
                connection,
                reveal,
                bytes: bytes.clone(),
            }));
        }
    }

    /// Records may be lost, events and bytes never.
    fn push_record(&mut self, record: Action) {
        if self.actions.len() < self.limits.actions {
            self.actions.push_back(record);
        } else {
            self.counters.records_dropped += 1;
        }
    }

    /// The connection for requests of ours.
    pub(crate) fn connection(&self) -> Result<ConnectionId, SendError> {
        let flow = self.flow.as_ref().ok_or(SendError::NotConnected)?;
        Ok(flow.connection)
    }

    /// The same for a request to `target`.
    pub(crate) fn connection_to(&self, target: &[u8]) -> Result<ConnectionId, SendError> {
        let flow = self.flow.as_ref().ok_or(SendError::NotConnected)?;
        flow.connection_for(target)
    }

    /// A target as an application writes it: a URI, or a user at the address-of-record's host.
    pub(crate) fn target(&self, target: &str) -> Result<UriBuf, CommandError> {
        let has_scheme = target.split_once(':').is_some_and(|(scheme, _)| {
            !scheme.is_empty()
                && !scheme.contains('@')
                && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
        let registrar = without_scheme(&self.identity.home);
        let full = if has_scheme && !target.starts_with(|first: char| first.is_ascii_digit()) {
            target.into()
        } else if target.contains('@') {
            format!("sip:{target}")
        } else {
            format!("sip:{target}@{registrar}")
        };
        let uri = UriBuf::parse(full.as_bytes()).map_err(CommandError::Target)?;
        if self.reaches(&uri) {
            Ok(uri)
        } else {
            Err(CommandError::TargetScheme)
        }
    }

    /// The Route of a request outside any dialog: the server's own if `usePreloadedRoute` asks for
    /// it, then the registrar's (RFC 3608 section 5), never twice for one host.
    pub(crate) fn preloaded_route(&self, flow: &Flow, with_service_route: bool) -> Vec<Box<[u8]>> {
        let mut routes: Vec<Box<[u8]>> = Vec::new();
        if self.config.use_preloaded_route() {
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

    /// Sends a request again with the credentials that `response` asks for (RFC 3261 section 22.2): the
    /// same Call-ID, From and To, the next CSeq number (of `dialog`, if it is within one), a new branch. It
    /// goes to the server that asked, which need not be the one in use: credentials are for nobody else.
    pub(crate) fn retry_with_credentials(
        &mut self,
        request: &Bytes,
        response: &Response,
        attempts: &mut Attempts,
        dialog: Option<DialogId>,
        user: TransactionUser,
    ) -> Result<ClientTransactionId, RetryError> {
        let sent = sent_request(request, &self.limits).ok_or(RetryError::Authentication)?;
        let method = sent.method();
        let mut again = Builder::from_message(&sent);
        again.remove_first_value(HeaderName::Via);
        if self.config.authentication() == Authentication::Application {
            let Some(Ok(value)) = self.authorization.take() else {
                return Err(RetryError::Authentication);
            };
            if !attempts.application_answers() {
                return Err(RetryError::Authentication);
            }
            // What answered a proxy before stays (RFC 3261 section 22.3).
            let name = if response.status().as_u16() == 407 {
                HeaderName::ProxyAuthorization
            } else {
                HeaderName::Authorization
            };
            again.remove(name).append(name, String::from(value));
        } else {
            let credentials = self
                .credentials
                .as_ref()
                .ok_or(RetryError::Authentication)?;
            self.digest
                .challenged(response, credentials, attempts, self.layer.rng())
                .map_err(|_| RetryError::Authentication)?;
            let headers = self.digest.authorize(
                method,
                sent.uri_bytes(),
                sent.body(),
                credentials,
                Scope::Challenged(attempts),
            );
            again
                .remove(HeaderName::Authorization)
                .remove(HeaderName::ProxyAuthorization);
            for (name, value) in headers {
                again.append(name, value);
            }
        }
        let number = match dialog {
            Some(dialog) => self
                .dialogs
                .next_cseq(dialog)
                .map_err(|_| RetryError::NotSent(SendError::Stale))?,
            None => sent.cseq().map_or(1, |cseq| cseq.number.saturating_add(1)),
        };
        again.set(HeaderName::CSeq, Value::CSeq(number, method));
        let connection = self
            .answered_on
            .ok_or(RetryError::NotSent(SendError::NotConnected))?;
        self.layer
            .send_request(connection, again, user, self.now)
            .map_err(RetryError::NotSent)
    }

    /// Whether the request that was just refused is to wait until our binding has been made anew (RFC 5626
    /// section 11.6), as it will be then.
    pub(crate) fn heeds_flow_doubt(&mut self) -> bool {
        if self.flow_doubt != FlowDoubt::Raised {
            return false;
        }
        self.flow_doubt = FlowDoubt::Heeded;
        self.ready = false;
        true
    }

    /// Sends a request outside any dialog once more: the same Call-ID, From and To, the next CSeq number, and
    /// what has changed meanwhile: Route, Contact, credentials.
    pub(crate) fn send_again(
        &mut self,
        request: &Bytes,
        attempts: &mut Attempts,
        user: TransactionUser,
    ) -> Result<ClientTransactionId, SendError> {
        let sent = sent_request(request, &self.limits).ok_or(SendError::Stale)?;
        let flow = self.flow.as_ref().ok_or(SendError::NotConnected)?;
        let (connection, method) = (flow.connection_for(sent.uri_bytes())?, sent.method());
        let routes = self.preloaded_route(flow, true);
        let mut again = Builder::from_message(&sent);
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
            let contact = self.identity.contact_as(from.uri().as_bytes());
            again.set(HeaderName::Contact, contact);
        }
        let uri = sent.uri_bytes();
        let credentials = self.cached_credentials(method, uri, sent.body(), attempts);
        for (name, value) in credentials {
            again.append(name, value);
        }
        let number = sent.cseq().map_or(1, |cseq| cseq.number.saturating_add(1));
        again.set(HeaderName::CSeq, Value::CSeq(number, method));
        self.layer
            .send_request(connection, again, user, self.now)
    }

    /// The timers of RFC 3261 table 4.
    pub(crate) fn timer_settings(&self) -> TimerSettings {
        self.layer.timers()
    }

    /// Answers a request that waits for nothing else: a refusal, or a plain 200.
    pub(crate) fn answer(
        &mut self,
        transaction: ServerTransactionId,
        status: StatusCode,
        headers: &[(HeaderName<'_>, &str)],
    ) {
        self.answer_tagged(transaction, status, headers, None);
    }

    /// As [`Endpoint::answer`], with the To tag of a dialog or of a call that was not answered yet.
    pub(crate) fn answer_tagged(
        &mut self,
        transaction: ServerTransactionId,
        status: StatusCode,
        headers: &[(HeaderName<'_>, &str)],
        tag: Option<&str>,
    ) {
        let Some(request) = self.layer.request(transaction) else {
            return;
        };
        let drawn;
        let tag = match tag {
            Some(tag) => tag,
            None => {
                drawn = crate::rand::token(self.layer.rng(), 26);
                &drawn
            }
        };
        let mut response = Builder::response_to(&request, status, Some(tag.as_bytes()));
        for &(name, value) in headers {
            response.append(name, value);
        }
        response.append(HeaderName::UserAgent, self.config.user_agent_string());
        // A request that was read can be answered; if not, the peer's own timer ends it.
        if self.layer.respond(transaction, response, self.now).is_err() {
            self.log(
                LogLevel::Warn,
                "sip.ua",
                transaction.to_bits(),
                LogContent::Text("a response could not be sent"),
            );
        }
    }
}

/// Host, port and parameters of a URI without user.
fn without_scheme(uri: &UriBuf) -> String {
    let uri = uri.as_bytes();
    let start = uri
        .iter()
        .position(|&byte| byte == b':')
        .map_or(0, |at| at + 1);
    String::from_utf8_lossy(&uri[start..]).into_owned()
}

fn same_host(a: &[u8], b: &[u8]) -> bool {
    match (sip_parse::NameAddr::parse(a), sip_parse::NameAddr::parse(b)) {
        (Ok(a), Ok(b)) => {
            a.uri()
                .host_bytes()
                .eq_ignore_ascii_case(b.uri().host_bytes())
                && a.uri().port() == b.uri().port()
        }
        _ => false,
    }
}

/// A request of ours, read back from the bytes that were sent.
pub(crate) fn sent_request(bytes: &Bytes, limits: &Limits) -> Option<Request> {
    match Message::parse(bytes.clone(), &limits.message).ok()?.kind() {
        Kind::Request(request) => Some(request),
        Kind::Response(_) => None,
    }
}

//! The log: the records that the endpoint makes of events, and those that its parts ask for. A record is made only
//! if the configuration enables its level.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;

use sip_parse::Method;

use super::counters::is_loss;
use super::state::Endpoint;
use crate::config::LogLevel;
use crate::event::{Event, ExchangeOutcome, TransferOutcome};
use crate::ids::{ConnectionId, RequestId, SessionId};
use crate::reason::{Cause, EndReason};
use crate::record::{AddressText, CallParties, LogContent, RequestLine};
use crate::subscription_state::{SubscriptionEnd, SubscriptionState};
use crate::time::Timestamp;

/// Level, category, label.
type Heading = (LogLevel, &'static str, u64);

impl Endpoint {
    /// Queues an event for the application, after its log record.
    pub(crate) fn event(&mut self, event: Event) {
        self.log_event(&event, None);
        self.queue().event(event);
    }

    /// As [`Endpoint::event`], for what happens to a connection, which is the label of the record.
    pub(crate) fn connection_event(&mut self, connection: ConnectionId, event: Event) {
        self.log_event(&event, Some(connection));
        self.queue().event(event);
    }

    fn log_event(&mut self, event: &Event, connection: Option<ConnectionId>) {
        let (level, category, label) = heading(event);
        if self.queue().logs(level) {
            let label = connection.map_or(label, ConnectionId::to_bits);
            let content = content(event, self.now);
            self.log(level, category, label, content);
        }
    }

    /// Logs a content that costs nothing to make.
    pub(crate) fn log(
        &mut self,
        level: LogLevel,
        category: &'static str,
        label: u64,
        content: LogContent,
    ) {
        self.queue().log(level, category, label, content);
    }

    /// Whether the configuration enables the records of calls and requests.
    pub(crate) fn logs_calls(&mut self) -> bool {
        self.queue().logs(LogLevel::Log)
    }

    /// Logs that this side calls a peer.
    pub(crate) fn log_call(&mut self, session: SessionId, peer: AddressText, call_id: &str) {
        let content = LogContent::Calling {
            session,
            parties: CallParties::of(peer, call_id),
        };
        self.log(LogLevel::Log, "sip.session", session.to_bits(), content);
    }

    /// Logs that the application sends a request; without a target it goes to the peer of a call.
    pub(crate) fn log_request(
        &mut self,
        request: RequestId,
        method: Method<'_>,
        target: Option<AddressText>,
    ) {
        if self.logs_calls() {
            let method = match method.name() {
                Some(name) => Cow::Borrowed(name),
                None => Cow::Owned(String::from_utf8_lossy(method.as_bytes()).into_owned()),
            };
            let content = LogContent::Requesting {
                request,
                line: RequestLine::of(method, target),
            };
            self.log(LogLevel::Log, "sip.ua", request.to_bits(), content);
        }
    }

    /// Logs a fixed sentence about a single call or transaction.
    pub(crate) fn debug(&mut self, category: &'static str, label: u64, text: &'static str) {
        self.log(LogLevel::Debug, category, label, LogContent::Text(text));
    }

    /// Logs a step of a transaction.
    pub(super) fn log_transaction(&mut self, label: u64, content: LogContent) {
        self.log(LogLevel::Debug, "sip.transaction", label, content);
    }

    /// Counts a dropped message, and logs the cause.
    pub(crate) fn ignored(&mut self, why: &'static str) {
        self.ignored_from(None, why);
    }

    /// As [`Endpoint::ignored`], for a message whose connection is known.
    pub(crate) fn ignored_from(&mut self, connection: Option<ConnectionId>, why: &'static str) {
        self.queue().counters.rare().ignored += 1;
        let label = connection.map_or(0, ConnectionId::to_bits);
        self.log(LogLevel::Debug, "sip.ua", label, LogContent::Ignored(why));
    }
}

/// How an event is logged.
fn heading(event: &Event) -> Heading {
    use LogLevel::{Debug, Error, Log, Warn};
    const TRANSPORT: &str = "sip.transport";
    const REGISTRATION: &str = "sip.registration";
    const SESSION: &str = "sip.session";
    const UA: &str = "sip.ua";
    const SUBSCRIPTION: &str = "sip.subscription";
    const NOTIFIER: &str = "sip.notifier";
    const PUBLICATION: &str = "sip.publication";
    let call = event.session().map_or(0, SessionId::to_bits);
    match event {
        Event::InstanceIdDrawn(_) => (Debug, UA, 0),
        Event::Connecting { .. } | Event::Connected { .. } | Event::ReconnectScheduled { .. } => {
            (Log, TRANSPORT, 0)
        }
        Event::ServerUrlNeeded { connection, .. } => (Debug, TRANSPORT, connection.to_bits()),
        Event::ConnectFailed { .. } => (Warn, TRANSPORT, 0),
        // Normal if this side wanted it.
        Event::Disconnected { reason, .. } if !is_loss(*reason) => (Log, TRANSPORT, 0),
        Event::Disconnected { .. } => (Warn, TRANSPORT, 0),
        Event::Registered(registration) => (Log, REGISTRATION, u64::from(registration.reg_id)),
        Event::Bindings { .. } => (Debug, REGISTRATION, 0),
        // Without a further attempt the agent cannot be called until the application acts.
        Event::RegistrationFailed {
            retry_at: None,
            reason,
        } if reason.cause != Cause::ConnectionLost => (Error, REGISTRATION, 0),
        Event::RegistrationFailed { .. } => (Warn, REGISTRATION, 0),
        Event::Unregistered { .. } => (Log, REGISTRATION, 0),
        Event::IncomingCall { .. }
        | Event::Replaced { .. }
        | Event::IncomingRefer { .. }
        | Event::TransferProgress { .. }
        | Event::TransferEnded { .. }
        | Event::Progress { .. }
        | Event::CallBranched { .. }
        | Event::Redirected { .. }
        | Event::Established { .. }
        | Event::Ended { .. } => (Log, SESSION, call),
        Event::DescriptionNeeded { .. } | Event::RemoteDescription { .. } => (Debug, SESSION, call),
        Event::ExchangeEnded { outcome, .. } => match outcome {
            ExchangeOutcome::Complete => (Debug, SESSION, call),
            _ => (Warn, SESSION, call),
        },
        Event::EarlyDialogEnded { .. }
        | Event::ModificationEnded {
            outcome: Ok(()), ..
        } => (Debug, SESSION, call),
        Event::Dtmf { .. } | Event::TonesOffered { .. } | Event::EarlySession { .. } => {
            (Debug, SESSION, call)
        }
        Event::PrackFailed { .. }
        | Event::ModificationEnded { .. }
        | Event::RepairFailed { .. } => (Warn, SESSION, call),
        Event::IncomingRequest { incoming, .. } => (Log, UA, incoming.to_bits()),
        Event::LegacyNotification { .. } => (Log, UA, 0),
        Event::Notified { subscription, .. }
        | Event::SubscriptionForked { subscription, .. }
        | Event::SubscriptionEnded { subscription, .. } => {
            (Log, SUBSCRIPTION, subscription.to_bits())
        }
        Event::SubscriptionInterrupted { subscription, .. } => {
            (Warn, SUBSCRIPTION, subscription.to_bits())
        }
        Event::IncomingSubscription { subscription, .. }
        | Event::SubscriptionRefreshed { subscription, .. }
        | Event::IncomingSubscriptionEnded { subscription, .. } => {
            (Log, NOTIFIER, subscription.to_bits())
        }
        Event::Published { publication, .. } | Event::PublicationEnded { publication, .. } => {
            (Log, PUBLICATION, publication.to_bits())
        }
        Event::PublicationFailed { publication, .. } => (Warn, PUBLICATION, publication.to_bits()),
        Event::Challenged { challenge, .. } => (Debug, UA, challenge.to_bits()),
        Event::RequestCompleted { request, .. } => (Log, UA, request.to_bits()),
        Event::Stopped { unfinished: 0 } => (Log, UA, 0),
        Event::Stopped { .. } => (Warn, UA, 0),
    }
}

/// The content of the record of an event.
fn content(event: &Event, now: Timestamp) -> LogContent {
    let boxed = |reason: &EndReason| Box::new(reason.clone());
    match event {
        Event::InstanceIdDrawn(_) => LogContent::Text("drew an instance id"),
        &Event::Connecting { server, attempt } => LogContent::Connecting { server, attempt },
        Event::ServerUrlNeeded { .. } => LogContent::Text("waits for the URL of the server"),
        &Event::Connected { server } => LogContent::Connected { server },
        &Event::ConnectFailed { server, error } => LogContent::ConnectFailed { server, error },
        &Event::Disconnected { server, reason } => LogContent::Disconnected { server, reason },
        &Event::ReconnectScheduled { at, attempt } => LogContent::ReconnectScheduled {
            after: at.saturating_since(now),
            failed: attempt,
        },
        Event::Registered(registration) => LogContent::Registered {
            reg_id: registration.reg_id,
            expires: registration.expires,
            refreshed: registration.refreshed,
        },
        Event::Bindings { .. } => LogContent::Text("the registrar listed the bindings"),
        Event::RegistrationFailed { reason, retry_at } => LogContent::RegistrationFailed {
            reason: boxed(reason),
            retry_after: retry_at.map(|at| at.saturating_since(now)),
        },
        Event::Unregistered { reason } => LogContent::Unregistered(boxed(reason)),
        Event::IncomingCall { request, .. } => LogContent::CalledBy(CallParties::of(
            request.from().map_or_else(
                |_| AddressText::default(),
                |from| AddressText::of(from.uri()),
            ),
            String::from_utf8_lossy(request.call_id().unwrap_or_default()),
        )),
        Event::Progress { response, .. } | Event::Redirected { response, .. } => {
            LogContent::Response(response.status())
        }
        Event::CallBranched { .. } => LogContent::Text("a further branch answered"),
        Event::EarlyDialogEnded { reason, .. } => LogContent::EarlyDialogEnded(boxed(reason)),
        Event::PrackFailed { reason, .. } => LogContent::PrackFailed(boxed(reason)),
        Event::Replaced { .. } => LogContent::Text("another call replaces the call"),
        Event::IncomingRefer { .. } => LogContent::Text("the peer asks for a transfer"),
        Event::TransferProgress { status, .. } => LogContent::Response(*status),
        Event::TransferEnded { outcome, .. } => LogContent::Text(match outcome {
            TransferOutcome::Succeeded(_) => "the transfer succeeded",
            TransferOutcome::Failed(_) => "the transfer failed",
            TransferOutcome::Unreported => "the peer accepted the transfer and reports nothing",
            TransferOutcome::Refused(_) => "the peer refused the transfer",
            TransferOutcome::Terminated => "the peer reports the transfer no longer",
            TransferOutcome::TimedOut => "the peer has not reported the transfer in time",
            TransferOutcome::CallEnded => "the call ended before the transfer",
        }),
        Event::DescriptionNeeded { .. } => LogContent::Text("needs a session description"),
        Event::RemoteDescription { .. } => LogContent::Text("the peer sent a session description"),
        Event::Established { .. } => LogContent::Text("the call is established"),
        Event::ExchangeEnded { outcome, .. } => match outcome.reason() {
            None => LogContent::Text("offer and answer are exchanged"),
            Some(reason) => LogContent::ExchangeFailed(boxed(reason)),
        },
        Event::ModificationEnded { outcome, .. } => match outcome {
            Ok(()) => LogContent::Text("the session is refreshed"),
            Err(reason) => LogContent::ExchangeFailed(boxed(reason)),
        },
        Event::RepairFailed {
            reason, retry_at, ..
        } => LogContent::RepairFailed {
            reason: boxed(reason),
            retry_after: retry_at.map(|at| at.saturating_since(now)),
        },
        Event::Ended { reason, .. } => LogContent::CallEnded(boxed(reason)),
        Event::EarlySession { .. } => LogContent::Text("the peer describes an early session"),
        // The record leaves the tones out, because they may be a PIN.
        Event::Dtmf { .. } => LogContent::Text("the peer sent a tone"),
        Event::TonesOffered { .. } => LogContent::Text("offers tones to the media side"),
        Event::IncomingRequest { request, .. } | Event::LegacyNotification { request } => {
            LogContent::received(request.bytes())
        }
        Event::Notified { state, .. } => LogContent::Text(match state {
            SubscriptionState::Pending => "a NOTIFY: the subscription is pending",
            SubscriptionState::Active => "a NOTIFY: the subscription is active",
            SubscriptionState::Terminated(_) => "a NOTIFY: the subscription is terminated",
        }),
        Event::SubscriptionForked { .. } => LogContent::Text("a further notifier answered"),
        Event::SubscriptionInterrupted { .. } => LogContent::Text("subscribes anew"),
        Event::SubscriptionEnded { cause, .. } => LogContent::Text(match cause {
            SubscriptionEnd::Terminated(_) => "the notifier terminated the subscription",
            SubscriptionEnd::Failed(_) => "a SUBSCRIBE failed",
            SubscriptionEnd::NoNotify => "no NOTIFY followed the SUBSCRIBE",
            SubscriptionEnd::Expired => "the subscription expired",
            SubscriptionEnd::Unsubscribed => "the subscription ended as asked",
        }),
        Event::IncomingSubscription { .. } => LogContent::Text("a peer subscribes"),
        Event::SubscriptionRefreshed { .. } => {
            LogContent::Text("a peer refreshed its subscription")
        }
        Event::IncomingSubscriptionEnded { .. } => {
            LogContent::Text("the subscription of a peer ended")
        }
        Event::Published { response, .. } => LogContent::Response(response.status()),
        Event::PublicationFailed { reason, .. } => LogContent::RequestFailed(boxed(reason)),
        Event::PublicationEnded { outcome, .. } => match outcome {
            Ok(()) => LogContent::Text("the publication is removed"),
            Err(reason) => LogContent::RequestFailed(boxed(reason)),
        },
        Event::Challenged { .. } => LogContent::Text("waits for the answer to a challenge"),
        Event::RequestCompleted { outcome, .. } => match outcome {
            Ok(response) => LogContent::Response(response.status()),
            Err(reason) => LogContent::RequestFailed(boxed(reason)),
        },
        &Event::Stopped { unfinished } => LogContent::Stopped { unfinished },
    }
}

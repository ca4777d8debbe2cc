//! One subscription of a peer: `machine.rs` decides, and this file sends.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::time::Duration;

use sip_parse::{HeaderName, Method, Request, StatusCode, UriBuf};

use super::machine::{Ending, Input, State};
use super::options::Notification;
use crate::dialog::DialogId;
use crate::endpoint::{
    Duty, Endpoint, InDialog, InDialogResponse, MaySend, NotifierTimer, TimerOwner, TransactionUser,
};
use crate::event::Event;
use crate::ids::{ConnectionId, IncomingSubscriptionId, SessionId};
use crate::reason::{Cause, EndReason, send_failure_cause};
use crate::session::{MessageOptions, Refusal};
use crate::slab::Member;
use crate::subscription_state::{SubscriptionState, TerminationReason};
use crate::time::Timestamp;
use crate::timer::TimerKey;
use crate::transaction::{SendError, ServerTransactionId};

/// How long the application may take to answer, as for every request of a peer.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// What comes with an input of the machine, for its effects.
pub(super) enum With<'a> {
    Nothing,
    /// The 2xx of the application.
    Answer(&'a MessageOptions),
    Refusal(&'a Refusal),
    /// A SUBSCRIBE within the subscription, and the duration that it gets.
    Subscribe {
        transaction: ServerTransactionId,
        request: Box<Request>,
        lasts: Duration,
    },
    /// Why a NOTIFY failed.
    Failure(EndReason),
    /// When the peer takes the NOTIFY again.
    RetryAfter(Duration),
}

/// A subscription of a peer, until the application rejects it or it is over.
#[cfg_attr(test, derive(Clone))]
pub(super) struct Subscriber {
    pub(super) state: State,
    /// The call of a SUBSCRIBE within one.
    pub(super) session: Option<SessionId>,
    pub(super) dialog: DialogId,
    /// Whether the dialog has another main usage (RFC 6665 section 4.5.2).
    pub(super) is_shared: bool,
    /// The connection of the last SUBSCRIBE.
    pub(super) connection: Option<ConnectionId>,
    /// The SUBSCRIBE that the application has to answer, or the last one.
    pub(super) transaction: ServerTransactionId,
    pub(super) resource: UriBuf,
    /// The URI of From.
    pub(super) peer: Box<[u8]>,
    pub(super) package: Box<str>,
    /// The `id` of Event.
    pub(super) event_id: Option<Box<str>>,
    /// How long it lasts once it is accepted.
    pub(super) lasts: Duration,
    pub(super) expires_at: Timestamp,
    /// The state that the application reported last.
    pub(super) last: Option<Notification>,
    /// The deadline of the machine's state.
    pub(super) timer: Option<TimerKey>,
    /// That of the subscription.
    pub(super) expiry: Option<TimerKey>,
}

impl Member for Subscriber {
    type Group = SessionId;

    fn group(&self) -> Option<SessionId> {
        self.session
    }
}

impl Subscriber {
    /// Sends the 200 to the SUBSCRIBE that the application accepts (RFC 6665 section 4.2.1.2).
    pub(super) fn accept(
        &mut self,
        endpoint: &mut Endpoint,
        id: IncomingSubscriptionId,
        options: &MessageOptions,
    ) {
        if self.is_shared
            && let Some(request) = endpoint.layer.request(self.transaction)
        {
            endpoint.take_target(self.transaction, &request);
        }
        self.answer(endpoint, self.transaction, options);
        // The dialog of a call is the call's: an early one stays early (RFC 3261 section 13.2.2.4).
        if !self.is_shared {
            endpoint.dialogs.confirm(self.dialog);
        }
        self.expire(endpoint, id);
    }

    /// Answers a SUBSCRIBE within the subscription by 200 (RFC 6665 section 4.2.1.4).
    pub(super) fn refresh(
        &mut self,
        endpoint: &mut Endpoint,
        id: IncomingSubscriptionId,
        transaction: ServerTransactionId,
        request: Box<Request>,
        lasts: Duration,
    ) {
        endpoint.take_target(transaction, &request);
        self.connection = endpoint.layer.connection_of(transaction);
        self.transaction = transaction;
        self.lasts = lasts;
        self.answer(endpoint, transaction, &MessageOptions::new());
        self.expire(endpoint, id);
        if !lasts.is_zero() {
            endpoint.event(Event::SubscriptionRefreshed {
                subscription: id,
                expires: lasts,
                request,
            });
        }
    }

    fn answer(
        &self,
        endpoint: &mut Endpoint,
        transaction: ServerTransactionId,
        options: &MessageOptions,
    ) {
        let lasts = format!("{}", self.lasts.as_secs());
        // A stale transaction means that its connection is gone; the NOTIFY shows the peer the state.
        let _ = endpoint.respond_in_dialog(&InDialogResponse {
            dialog: self.dialog,
            transaction,
            status: StatusCode::OK,
            body: options.body.as_ref(),
            own: &[(HeaderName::Expires, &lasts)],
            extra: &options.headers,
        });
    }

    /// Starts the time of the subscription.
    fn expire(&mut self, endpoint: &mut Endpoint, id: IncomingSubscriptionId) {
        if let Some(expiry) = self.expiry.take() {
            endpoint.timers.cancel(expiry);
        }
        self.expires_at = endpoint.now + self.lasts;
        if !self.lasts.is_zero() {
            let owner = TimerOwner::Notifier(id, NotifierTimer::Expiry);
            self.expiry = Some(endpoint.timers.set(self.expires_at, owner));
        }
    }

    /// Sends a NOTIFY with the last state (RFC 6665 section 4.2.2); returns the input that follows if it cannot be sent.
    pub(super) fn notify(
        &self,
        endpoint: &mut Endpoint,
        id: IncomingSubscriptionId,
        ending: Option<Ending>,
    ) -> Option<(Input, With<'static>)> {
        let failed = |error: &SendError| {
            let reason = EndReason::local(send_failure_cause(error));
            Some((Input::Failed, With::Failure(reason)))
        };
        let connection = match endpoint.may_send_in(self.dialog, Duty::Owed(self.connection)) {
            MaySend::Now(connection) => connection,
            MaySend::Later => return Some((Input::Lost, With::Nothing)),
            MaySend::Never(error) => return failed(&error),
        };
        let last = self.last.as_ref();
        let left = self.expires_at.saturating_since(endpoint.now).as_secs();
        let state = state_field(last.map(|last| &last.state), ending, left);
        let event = match &self.event_id {
            Some(id) => format!("{};id={id}", self.package),
            None => self.package.as_ref().into(),
        };
        let own = [
            (HeaderName::Event, event.as_str()),
            (HeaderName::SubscriptionState, state.as_str()),
        ];
        let parts = InDialog {
            connection,
            dialog: self.dialog,
            method: Method::Notify,
            body: last.and_then(|last| last.body.as_ref()),
            own: &own,
            extra: last.map_or(&[], |last| &last.headers),
        };
        match endpoint.send_in_dialog(&parts, TransactionUser::Notification(id)) {
            Ok(_) => None,
            Err(SendError::NotConnected) => Some((Input::Lost, With::Nothing)),
            Err(error) => failed(&error),
        }
    }

    /// Refuses the SUBSCRIBE, because the application has not answered it. Within a dialog the status is one that ends nothing
    /// but the transaction (RFC 5057 section 5.1).
    pub(super) fn refuse(&self, endpoint: &mut Endpoint, input: Input) {
        let (status, why) = match (self.is_shared, input) {
            (_, Input::DialogEnded) => (
                StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST,
                "the dialog of a SUBSCRIBE is over",
            ),
            (true, _) => (
                StatusCode::SERVER_INTERNAL_ERROR,
                "the application has not answered a SUBSCRIBE",
            ),
            (false, _) => (
                StatusCode::TEMPORARILY_UNAVAILABLE,
                "the application has not answered a SUBSCRIBE",
            ),
        };
        endpoint.refuse(self.transaction, status, why, &[]);
    }

    /// Refuses the SUBSCRIBE as the application asks.
    pub(super) fn reject(&self, endpoint: &mut Endpoint, refusal: &Refusal) {
        let headers = refusal.fields().collect();
        let (set, status) = (Some(self.dialog.set()), refusal.status());
        endpoint.refuse_with(set, self.transaction, status, headers, refusal.body());
    }

    /// Sets the deadline of the state.
    pub(super) fn wait(
        &mut self,
        endpoint: &mut Endpoint,
        id: IncomingSubscriptionId,
        before: State,
        retry: Option<Duration>,
    ) {
        if self.state.is_ending()
            && let Some(expiry) = self.expiry.take()
        {
            endpoint.timers.cancel(expiry);
        }
        let goes_on = match (before, self.state) {
            (State::Waiting(_), State::Waiting(_)) | (State::Deferred(_), State::Deferred(_)) => {
                true
            }
            (before, after) => before == after,
        };
        if goes_on {
            return;
        }
        if let Some(timer) = self.timer.take() {
            endpoint.timers.cancel(timer);
        }
        let (timer, after) = match self.state {
            State::Waiting(_) => (NotifierTimer::GiveUp, endpoint.longest_wait()),
            State::Deferred(_) => (NotifierTimer::Retry, retry.unwrap_or_default()),
            // The transaction of a NOTIFY has a deadline of its own.
            _ => return,
        };
        let owner = TimerOwner::Notifier(id, timer);
        self.timer = Some(endpoint.timers.set(endpoint.now + after, owner));
    }
}

/// The value of Subscription-State (RFC 6665 section 4.1.3).
fn state_field(state: Option<&SubscriptionState>, ending: Option<Ending>, left: u64) -> String {
    match (ending, state) {
        (Some(Ending::Terminated), Some(SubscriptionState::Terminated(reason))) => {
            terminated(reason)
        }
        (Some(Ending::Stopped), _) => terminated(&TerminationReason::Probation(None)),
        (Some(_), _) => terminated(&TerminationReason::Timeout),
        (None, Some(SubscriptionState::Pending)) => format!("pending;expires={left}"),
        (None, _) => format!("active;expires={left}"),
    }
}

fn terminated(reason: &TerminationReason) -> String {
    let after = match reason {
        TerminationReason::Probation(after)
        | TerminationReason::Giveup(after)
        | TerminationReason::Other(_, after) => *after,
        _ => None,
    };
    let reason = match reason.as_str() {
        "" => String::new(),
        reason => format!(";reason={reason}"),
    };
    let after = after.map_or_else(String::new, |after| {
        format!(";retry-after={}", after.as_secs().min(u32::MAX.into()))
    });
    format!("terminated{reason}{after}")
}

/// The cause of a NOTIFY that could not be sent, because no connection opened in time.
pub(super) fn never_sent(input: Input) -> EndReason {
    match input {
        Input::Abandoned => EndReason::local(Cause::Stopped),
        _ => EndReason::transport(Cause::ConnectionLost),
    }
}

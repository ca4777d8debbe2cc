//! The SUBSCRIBEs of this side and their responses.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use sip_parse::{HeaderName, Method, Response, StatusCode};

use super::entry::{Subscription, Why};
use super::layer::SubscriptionLayer;
use super::machine::Input;
use crate::dialog::{DialogId, FailureScope};
use crate::endpoint::{
    DialogUsage, Endpoint, InDialog, OutOfDialog, Received, Sent, SubscriptionTimer,
    TransactionUser,
};
use crate::ids::{ConnectionId, SubscriptionId};
use crate::reason::{EndReason, failure, refusal, send_failure_cause};
use crate::transaction::{SendError, TransactionError};

impl Subscription {
    /// Sends a SUBSCRIBE outside any dialog (RFC 6665 section 4.1.2.1): the first one, or one more with the same Call-ID and From
    /// (RFC 3261 section 8.1.3.5).
    pub(super) fn subscribe(
        &mut self,
        endpoint: &mut Endpoint,
        id: SubscriptionId,
        connection: ConnectionId,
    ) -> Result<(), SendError> {
        let (set, is_new) = match self.set {
            Some(set) => (set, false),
            None => {
                let call_id = endpoint.new_call_id();
                let usage = DialogUsage::Subscription(id);
                let rng = endpoint.layer.rng();
                (endpoint.dialogs.open(call_id.as_bytes(), usage, rng), true)
            }
        };
        let cseq = match is_new {
            true => endpoint.first_cseq(),
            false => self.cseq.saturating_add(1),
        };
        let names = endpoint.dialogs.names(set).ok_or(SendError::Stale)?;
        let fields = self.fields(endpoint, self.expires);
        let contact = endpoint.contact_for(self.target.as_bytes());
        let mut own: Vec<_> = fields.iter().map(|(name, text)| (*name, &**text)).collect();
        own.push((HeaderName::Contact, &contact));
        let flow = endpoint.flow.clone();
        let parts = OutOfDialog {
            connection,
            flow: flow.as_ref(),
            method: Method::Subscribe,
            target: self.target.as_bytes(),
            to: self.target.as_bytes(),
            call_id: &names.0,
            tag: &names.1,
            cseq,
            service_route: true,
            anonymous: false,
            from: None,
            body: self.options.body.as_ref(),
            own: &own,
            extra: &self.options.headers,
        };
        let user = TransactionUser::Subscription(id, self.sent.wrapping_add(1));
        if let Err(error) = endpoint.send_out_of_dialog(&parts, Sent::outside(user)) {
            if is_new {
                endpoint.dialogs.close(set);
            }
            return Err(error);
        }
        self.set = Some(set);
        self.cseq = cseq;
        self.forks_until = endpoint.now + endpoint.longest_wait();
        self.is_sent(connection);
        Ok(())
    }

    /// Sends a SUBSCRIBE in the dialog: a refresh (RFC 6665 section 4.1.2.2), or the last one with `Expires: 0` (section
    /// 4.1.2.3).
    pub(super) fn subscribe_in(
        &mut self,
        endpoint: &mut Endpoint,
        id: SubscriptionId,
        connection: ConnectionId,
        dialog: DialogId,
        last: bool,
    ) -> Result<(), SendError> {
        let fields = self.fields(endpoint, if last { 0 } else { self.expires });
        let own: Vec<_> = fields.iter().map(|(name, text)| (*name, &**text)).collect();
        let parts = InDialog {
            connection,
            dialog,
            method: Method::Subscribe,
            body: self.options.body.as_ref(),
            own: &own,
            extra: &self.options.headers,
        };
        let user = TransactionUser::Subscription(id, self.sent.wrapping_add(1));
        endpoint.send_in_dialog(&parts, user)?;
        self.is_sent(connection);
        Ok(())
    }

    /// Starts timer N anew after this time, if it runs.
    fn postpone_timer_n(&mut self, endpoint: &mut Endpoint, id: SubscriptionId, after: Duration) {
        let timer = SubscriptionTimer::Notify;
        if self.timers.runs(timer) {
            let at = endpoint.now + after + endpoint.longest_wait();
            self.timers.set(endpoint, id, timer, at);
        }
    }

    fn is_sent(&mut self, connection: ConnectionId) {
        self.is_challenged = false;
        self.connection = Some(connection);
        self.sent = self.sent.wrapping_add(1);
        self.in_flight = true;
        self.lease.is_named = false;
    }

    /// The header fields of a SUBSCRIBE, without Contact and those of the application (RFC 6665 section 4.1.2.1). Allow-Events
    /// lists the packages of which this side is a notifier (section 4.4.4).
    fn fields(&self, endpoint: &Endpoint, expires: u32) -> Vec<(HeaderName<'static>, Box<str>)> {
        let mut fields = Vec::from([
            (HeaderName::Event, self.event().into()),
            (HeaderName::Expires, expires.to_string().into()),
            (HeaderName::Allow, endpoint.allow().into()),
            (
                HeaderName::Supported,
                (&*endpoint.identity.supported).into(),
            ),
        ]);
        let optional = [
            (HeaderName::Accept, self.options.accept.join(", ")),
            (
                HeaderName::Allow,
                endpoint.extra_allow().unwrap_or_default(),
            ),
            (
                HeaderName::AllowEvents,
                endpoint.allow_events().unwrap_or_default(),
            ),
        ];
        let given = optional.into_iter().filter(|(_, value)| !value.is_empty());
        fields.extend(given.map(|(name, value): (_, String)| (name, value.into())));
        fields
    }

    /// The input for a failure response, and its cause.
    fn refused(&mut self, received: &Received) -> (Input, Why) {
        let response = &received.response;
        let status = response.status();
        if status == StatusCode::INTERVAL_TOO_BRIEF && self.raise(response) {
            return (Input::TooBrief, Why::default());
        }
        let reason = EndReason {
            challenge: received.unanswered.clone(),
            ..refusal(response)
        };
        let retry_after = response.retry_after().ok().flatten();
        let why = Why {
            asked: retry_after.map(|wait| Duration::from_secs(wait.seconds.into())),
            ..Why::failed(reason)
        };
        let input = match received.sent.dialog {
            // A notifier has the subscription, whatever another branch of the SUBSCRIBE answers.
            None if self.dialog.is_some() => Input::Failed,
            Some(_) if received.scope() == FailureScope::Transaction => Input::Failed,
            Some(_) => Input::Refused {
                again: self.resubscribes() && is_transient(status),
            },
            None => Input::Refused {
                again: self.resubscribes() && self.was_live && is_transient(status),
            },
        };
        (input, why)
    }

    /// Takes the Min-Expires of a 423, once until the next 2xx, because a notifier could otherwise raise it in a loop (RFC
    /// 6665 section 4.1.2.1).
    fn raise(&mut self, response: &Response) -> bool {
        let least = response.min_expires().ok().flatten();
        // A poll asks for no duration.
        let may_rise = !self.raised && self.expires > 0;
        match least.filter(|least| *least > self.expires && may_rise) {
            Some(least) => {
                (self.expires, self.raised) = (least, true);
                true
            }
            None => false,
        }
    }
}

impl SubscriptionLayer {
    /// The core has resent a SUBSCRIBE with credentials.
    pub(super) fn on_subscribe_resent(&mut self, endpoint: &mut Endpoint, user: TransactionUser) {
        let Some(id) = self.of_user(user) else {
            return;
        };
        if let Some(subscription) = self.subscriptions.get_mut(id.0) {
            // One in the dialog takes its number from there.
            subscription.cseq = subscription.cseq.saturating_add(1);
            if let Some(dialog) = subscription.dialog {
                endpoint.dialogs.raise_cseq(dialog, subscription.cseq);
            }
            if core::mem::take(&mut subscription.is_challenged) {
                subscription.postpone_timer_n(endpoint, id, Duration::ZERO);
            }
        }
    }

    /// The application has this time to answer the challenge of a SUBSCRIBE. The notifier owes no NOTIFY before the answer, so that
    /// timer N runs from the SUBSCRIBE with the answer on (RFC 6665 section 4.1.2.4).
    pub(crate) fn on_challenged(
        &mut self,
        endpoint: &mut Endpoint,
        user: TransactionUser,
        time: Duration,
    ) {
        let Some(id) = self.of_user(user) else {
            return;
        };
        if let Some(subscription) = self.subscriptions.get_mut(id.0) {
            subscription.is_challenged = true;
            subscription.postpone_timer_n(endpoint, id, time);
        }
    }

    /// The SUBSCRIBE without a final response of a subscription that the application has not ended yet.
    pub(crate) fn in_flight(&self, id: SubscriptionId) -> Option<TransactionUser> {
        let subscription = self.subscriptions.get(id.0)?;
        let waits = subscription.in_flight && !subscription.state.is_leaving();
        waits.then_some(TransactionUser::Subscription(id, subscription.sent))
    }

    /// A SUBSCRIBE was challenged and could not be resent.
    pub(super) fn on_subscribe_not_resent(
        &mut self,
        endpoint: &mut Endpoint,
        user: TransactionUser,
        error: &SendError,
    ) {
        let Some((id, subscription)) = self.answered(user) else {
            return;
        };
        let why = Why::failed(EndReason::local(send_failure_cause(error)));
        let input = match subscription.dialog {
            Some(_) => Input::Failed,
            None => Input::Refused { again: false },
        };
        self.drive(endpoint, id, input, why);
    }

    /// Handles a response to a SUBSCRIBE. A 2xx makes no dialog, because only a NOTIFY does (RFC 6665 section 4.4.1): its To
    /// tag is that of one notifier, which may never report.
    pub(super) fn on_subscribe_response(&mut self, endpoint: &mut Endpoint, received: &Received) {
        let response = &received.response;
        let status = response.status();
        if status.is_provisional() {
            return;
        }
        let Some((id, subscription)) = self.answered(received.sent.user) else {
            return;
        };
        if !status.is_success() {
            let (input, why) = subscription.refused(received);
            return self.drive(endpoint, id, input, why);
        }
        if let Some(dialog) = received.sent.dialog {
            endpoint.refresh_target(dialog, response, received.connection);
        }
        subscription.raised = false;
        subscription.refused = 0;
        subscription.grant(endpoint, response.expires().ok().flatten());
        self.drive(endpoint, id, Input::Accepted, Why::default());
    }

    /// A SUBSCRIBE has no final response.
    pub(super) fn on_subscribe_failed(
        &mut self,
        endpoint: &mut Endpoint,
        sent: &Sent,
        error: TransactionError,
    ) {
        let Some((id, subscription)) = self.answered(sent.user) else {
            return;
        };
        let resubscribes = subscription.resubscribes();
        let input = match error {
            TransactionError::ConnectionLost => {
                subscription.connection = None;
                Input::Lost {
                    again: resubscribes,
                }
            }
            TransactionError::Timeout if sent.dialog.is_some() => Input::Refused {
                again: resubscribes,
            },
            TransactionError::Timeout if subscription.dialog.is_some() => Input::Failed,
            TransactionError::Timeout => Input::Refused {
                again: resubscribes && subscription.was_live,
            },
        };
        self.drive(endpoint, id, input, Why::failed(failure(error)));
    }

    /// The subscription of a SUBSCRIBE whose wait is over.
    fn answered(&mut self, user: TransactionUser) -> Option<(SubscriptionId, &mut Subscription)> {
        let id = self.of_user(user)?;
        let subscription = self.subscriptions.get_mut(id.0)?;
        subscription.in_flight = false;
        Some((id, subscription))
    }
}

/// Whether a new SUBSCRIBE may fare better: the notifier has lost the subscription, or is out of order for now.
fn is_transient(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        408 | 430 | 480 | 481 | 500 | 502 | 503 | 504
    )
}

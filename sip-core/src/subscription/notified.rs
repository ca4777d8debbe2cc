//! The NOTIFYs to this side (RFC 6665 section 4.1.3).

use alloc::boxed::Box;
use core::time::Duration;

use sip_parse::{HeaderName, Request, StatusCode, text};

use super::entry::{Subscription, Why};
use super::layer::SubscriptionLayer;
use super::machine::Input;
use crate::body::Body;
use crate::dialog::DialogId;
use crate::endpoint::{DialogUsage, Endpoint};
use crate::event::Event;
use crate::ids::SubscriptionId;
use crate::session::Forks;
use crate::subscription_state::{SubscriptionRetry, SubscriptionState, TerminationReason};
use crate::transaction::ServerTransactionId;

/// Why a NOTIFY is refused.
type Refusal = (StatusCode, &'static str);

const GONE: Refusal = (
    StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST,
    "no such subscription",
);

impl SubscriptionLayer {
    /// Handles a NOTIFY in a dialog of a subscription, or in the one that it has just made.
    pub(super) fn on_notify(
        &mut self,
        endpoint: &mut Endpoint,
        transaction: ServerTransactionId,
        id: SubscriptionId,
        notify: Box<Request>,
    ) {
        let Some(dialog) = endpoint.dialogs.find(&notify) else {
            return endpoint.refuse(transaction, GONE.0, GONE.1, &[]);
        };
        let own = self.subscriptions.get(id.0);
        let package = own.map_or("", |own| &*own.package);
        let taken = own.ok_or(GONE).and_then(|own| {
            let state = read(own, &notify)?;
            // An earlier SUBSCRIBE may have further notifiers that outlive it.
            let is_of_last = own.set == Some(dialog.set());
            let is_own = is_of_last && own.dialog.is_none() || own.dialog == Some(dialog);
            let may_fork = !is_own && is_of_last && self.may_fork(endpoint, own, &notify);
            (is_own || may_fork).then_some((state, is_own)).ok_or(GONE)
        });
        let (state, is_own) = match taken {
            Ok(taken) => taken,
            Err((status, why)) => {
                let allow = [(HeaderName::AllowEvents, package)];
                let is_event = status == StatusCode::BAD_EVENT;
                endpoint.refuse(
                    transaction,
                    status,
                    why,
                    if is_event { &allow } else { &[] },
                );
                // The dialog that this NOTIFY has made is no one's. One that a subscription has left may have others.
                let is_own = own.and_then(|own| own.dialog) == Some(dialog);
                if !is_own && !endpoint.dialogs.is_shared(dialog) {
                    endpoint.dialogs.remove(dialog);
                }
                return;
            }
        };
        endpoint.take_target(transaction, &notify);
        endpoint.answer(transaction, StatusCode::OK, &[]);
        let id = match is_own {
            true => id,
            false => self.fork(endpoint, id, dialog),
        };
        self.notified(endpoint, id, dialog, state, notify);
    }

    /// Reports a NOTIFY, and lets its subscription take it.
    fn notified(
        &mut self,
        endpoint: &mut Endpoint,
        id: SubscriptionId,
        dialog: DialogId,
        (state, seconds): (SubscriptionState, Option<u32>),
        notify: Box<Request>,
    ) {
        let Some(subscription) = self.subscriptions.get_mut(id.0) else {
            return;
        };
        if subscription.dialog.is_none() {
            subscription.dialog = Some(dialog);
        }
        endpoint.dialogs.raise_cseq(dialog, subscription.cseq);
        subscription.was_live = true;
        let mut why = Why::default();
        let (input, expires) = if let SubscriptionState::Terminated(reason) = &state {
            why.termination = Some(reason.clone());
            let again = reason.retry() != SubscriptionRetry::Never;
            let again = again && subscription.resubscribes();
            (Input::LastNotify { again }, Duration::ZERO)
        } else {
            subscription.live_since.get_or_insert(endpoint.now);
            subscription.take_expires(endpoint, seconds);
            (Input::Notify, subscription.rest(endpoint.now))
        };
        let content_type = notify.header(HeaderName::ContentType);
        let content_type = content_type.map(|header| header.unfolded().into_owned());
        let content_type = content_type.unwrap_or_default();
        let body = (!notify.body().is_empty()).then(|| {
            let bytes = sip_parse::Bytes::copy_from_slice(notify.body());
            Box::new(Body::new(alloc::format!("{}", text(&content_type)), bytes))
        });
        endpoint.event(Event::Notified {
            subscription: id,
            state,
            expires,
            body,
            notify,
        });
        self.drive(endpoint, id, input, why);
    }

    /// Whether a further notifier of the SUBSCRIBE becomes a subscription of its own: as the application wants, within 64 T1 of
    /// the SUBSCRIBE (RFC 6665 section 4.4.1), and as long as there is room.
    fn may_fork(&self, endpoint: &Endpoint, own: &Subscription, notify: &Request) -> bool {
        let tag = notify.from_tag().ok().flatten();
        let mut ended = own.ended_forks.iter();
        let is_over = ended.any(|ended| Some(&**ended) == tag);
        own.options.forks == Forks::Claim
            && !own.is_branch
            && own.state.takes_forks()
            && !is_over
            && own.ended_forks.len() < endpoint.limits().forks
            && endpoint.now <= own.forks_until
            && self.len() < endpoint.limits().subscriptions
    }

    /// Makes the subscription of a further notifier.
    fn fork(
        &mut self,
        endpoint: &mut Endpoint,
        of: SubscriptionId,
        dialog: DialogId,
    ) -> SubscriptionId {
        let Some(own) = self.subscriptions.get(of.0) else {
            return of;
        };
        let subscription = SubscriptionId(self.subscriptions.insert(own.branch(dialog)));
        let usage = DialogUsage::Subscription(subscription);
        endpoint.dialogs.claim(dialog, usage);
        endpoint.event(Event::SubscriptionForked { subscription, of });
        subscription
    }
}

/// Reads Event and Subscription-State of a NOTIFY. Package and id have to be those of the SUBSCRIBE, byte by byte (RFC 6665
/// section 8.2.1).
fn read(own: &Subscription, notify: &Request) -> Result<(SubscriptionState, Option<u32>), Refusal> {
    let event = notify.event().ok().flatten();
    let event = event.filter(|event| event.package == own.package.as_bytes());
    let Some(event) = event else {
        return Err((StatusCode::BAD_EVENT, "another event package"));
    };
    if event.id != own.options.id.as_deref().map(str::as_bytes) {
        return Err(GONE);
    }
    let Ok(Some(state)) = notify.subscription_state() else {
        let why = "a NOTIFY without Subscription-State";
        return Err((StatusCode::BAD_REQUEST, why));
    };
    let read = if state.is_terminated() {
        SubscriptionState::Terminated(termination(&state))
    } else if state.is_pending() {
        SubscriptionState::Pending
    } else {
        // The notifier of an extension state has the subscription (RFC 6665 section 8.4).
        SubscriptionState::Active
    };
    Ok((read, state.expires))
}

/// The reason of a `terminated` (RFC 6665 section 4.1.3). Names compare without regard to case.
fn termination(state: &sip_parse::SubscriptionState<'_>) -> TerminationReason {
    let wait = state
        .retry_after
        .map(|wait| Duration::from_secs(wait.into()));
    let Some(reason) = state.reason else {
        return TerminationReason::Other(None, wait);
    };
    let is = |name: &str| reason.eq_ignore_ascii_case(name.as_bytes());
    match () {
        () if is("deactivated") => TerminationReason::Deactivated,
        () if is("probation") => TerminationReason::Probation(wait),
        () if is("rejected") => TerminationReason::Rejected,
        () if is("timeout") => TerminationReason::Timeout,
        () if is("giveup") => TerminationReason::Giveup(wait),
        () if is("noresource") => TerminationReason::NoResource,
        () if is("invariant") => TerminationReason::Invariant,
        () => {
            let reason = alloc::format!("{}", text(reason));
            TerminationReason::Other(Some(reason.into()), wait)
        }
    }
}

//! The SUBSCRIBEs of peers (RFC 6665 section 4.2.1).

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::time::Duration;

use sip_parse::{HeaderName, Request, StatusCode, UriBuf, text};

use super::layer::NotifierLayer;
use super::machine::{Input, State};
use super::subscriber::{ANSWER_WITHIN, Subscriber, With};
use crate::dialog::{DialogId, RemoteTarget};
use crate::endpoint::{DialogUsage, Endpoint, NotifierTimer, TimerOwner};
use crate::event::Event;
use crate::ids::{IncomingSubscriptionId, SessionId};
use crate::transaction::ServerTransactionId;

/// The implicit subscriptions of REFER (RFC 3515) are none of this layer.
const REFER: &[u8] = b"refer";

/// The duration of a subscription whose SUBSCRIBE names none, and the longest one: a usual default of packages, such as that of
/// presence (RFC 3856 section 6.4).
const LASTS: Duration = Duration::from_secs(3_600);

impl NotifierLayer {
    /// Handles a SUBSCRIBE, within a dialog or outside; gives it back if it is about a REFER or nothing of this layer.
    pub(super) fn on_subscribe(
        &mut self,
        endpoint: &mut Endpoint,
        transaction: ServerTransactionId,
        usage: Option<DialogUsage>,
        request: Box<Request>,
    ) -> Result<(), Box<Request>> {
        let serves = !endpoint.behaviour().extensions.event_packages.is_empty();
        let event = request.event();
        let is_refer = matches!(&event, Ok(Some(event)) if event.package == REFER);
        if usage.is_some() && (!serves || is_refer) {
            return Err(request);
        }
        let Ok(event) = event else {
            let status = StatusCode::BAD_REQUEST;
            endpoint.refuse(transaction, status, "Event cannot be read", &[]);
            return Ok(());
        };
        // RFC 6665 sections 4.2.1.1 and 4.2.3.
        let event = event.filter(|event| endpoint.takes_event_package(event.package));
        let Some(event) = event else {
            let packages = endpoint.allow_events().unwrap_or_default();
            let allow = [(HeaderName::AllowEvents, packages.as_str())];
            let why = "no package that this side notifies of";
            endpoint.refuse(transaction, StatusCode::BAD_EVENT, why, &allow);
            return Ok(());
        };
        let package = format!("{}", text(event.package));
        let event_id = event.id.map(|id| format!("{}", text(id)));
        let Some(lasts) = duration(endpoint, transaction, &request) else {
            return Ok(());
        };
        let asked = Asked {
            package,
            event_id,
            lasts,
        };
        match usage {
            None => self.subscribe_outside(endpoint, transaction, asked, request),
            Some(usage) => self.subscribe_within(endpoint, transaction, usage, asked, request),
        }
        Ok(())
    }

    /// A SUBSCRIBE outside any dialog makes one (RFC 6665 section 4.4.1).
    fn subscribe_outside(
        &mut self,
        endpoint: &mut Endpoint,
        transaction: ServerTransactionId,
        asked: Asked,
        request: Box<Request>,
    ) {
        if self.is_full(endpoint, transaction) {
            return;
        }
        if RemoteTarget::of(&request) != RemoteTarget::Usable {
            let why = "SUBSCRIBE without exactly one SIP or SIPS URI in Contact";
            return endpoint.refuse(transaction, StatusCode::BAD_REQUEST, why, &[]);
        }
        let Ok(call_id) = request.call_id() else {
            return;
        };
        let id = IncomingSubscriptionId(self.subscriptions.next_handle());
        let usage = DialogUsage::Notifier(id);
        let rng = endpoint.layer.rng();
        let set = endpoint.dialogs.open(call_id, usage, rng);
        let Ok(dialog) = endpoint.dialogs.accept(set, &request) else {
            endpoint.dialogs.close(set);
            let why = "no dialog can be made of this SUBSCRIBE";
            return endpoint.refuse(transaction, StatusCode::BAD_REQUEST, why, &[]);
        };
        if !endpoint.reaches(dialog, transaction) {
            endpoint.dialogs.close(set);
            let status = StatusCode::TEMPORARILY_UNAVAILABLE;
            return endpoint.refuse_sips(None, transaction, status);
        }
        self.offer(endpoint, transaction, dialog, None, asked, request);
    }

    /// A SUBSCRIBE within a dialog refreshes the subscription that its Event names (RFC 6665 section 4.2.1.4), or makes a further
    /// one in this dialog, as peers of RFC 3265 may (RFC 6665 section 4.5.2).
    fn subscribe_within(
        &mut self,
        endpoint: &mut Endpoint,
        transaction: ServerTransactionId,
        usage: DialogUsage,
        asked: Asked,
        request: Box<Request>,
    ) {
        let Some(dialog) = endpoint.dialogs.find(&request) else {
            let status = StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;
            return endpoint.refuse(transaction, status, "no such dialog", &[]);
        };
        if !endpoint.accepts_target(Some(dialog.set()), transaction, &request) {
            return;
        }
        let named = self
            .of_dialog(dialog)
            .find(|(_, known)| asked.names(known))
            .map(|(id, _)| id);
        if let Some(id) = named {
            let input = match asked.lasts.is_zero() {
                true => Input::Unsubscribe,
                false => Input::Refresh,
            };
            let with = With::Subscribe {
                transaction,
                request,
                lasts: asked.lasts,
            };
            return self.step(endpoint, id, input, with);
        }
        let of_dialog = self.of_dialog(dialog);
        let (count, ending) = of_dialog.fold((0, 0), |(count, ending), (_, known)| {
            (count + 1, ending + usize::from(known.state.is_ending()))
        });
        // A dialog ends with its subscriptions, so that no further one begins in it.
        let is_ending = matches!(usage, DialogUsage::Notifier(_)) && count == ending;
        if is_ending {
            let status = StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;
            let why = "the subscriptions of the dialog are over";
            return endpoint.refuse(transaction, status, why, &[]);
        }
        if count >= endpoint.limits().incoming_subscriptions_per_dialog {
            return refuse_for_now(endpoint, transaction);
        }
        if self.is_full(endpoint, transaction) {
            return;
        }
        let session = match usage {
            DialogUsage::Session(session) => Some(session),
            _ => None,
        };
        endpoint.dialogs.share(dialog);
        self.offer(endpoint, transaction, dialog, Some(session), asked, request);
    }

    /// Lets the application decide. `shared` has the call of a SUBSCRIBE in a dialog with another main usage, if that is one.
    fn offer(
        &mut self,
        endpoint: &mut Endpoint,
        transaction: ServerTransactionId,
        dialog: DialogId,
        shared: Option<Option<SessionId>>,
        asked: Asked,
        request: Box<Request>,
    ) {
        let id = IncomingSubscriptionId(self.subscriptions.next_handle());
        let deadline = endpoint.now + ANSWER_WITHIN;
        let owner = TimerOwner::Notifier(id, NotifierTimer::GiveUp);
        let session = shared.flatten();
        let from = request.from().map(|from| from.uri().as_bytes().into());
        // The endpoint has checked both, the Request-URI of a request outside dialogs at least.
        let resource = UriBuf::parse(request.uri_bytes());
        let resource = resource.unwrap_or_else(|_| (*endpoint.identity.aor).clone());
        self.insert(Subscriber {
            state: State::Unanswered,
            session,
            dialog,
            is_shared: shared.is_some(),
            connection: endpoint.layer.connection_of(transaction),
            transaction,
            resource,
            peer: from.unwrap_or_default(),
            package: asked.package.as_str().into(),
            event_id: asked.event_id.map(Into::into),
            lasts: asked.lasts,
            expires_at: endpoint.now + asked.lasts,
            last: None,
            timer: Some(endpoint.timers.set(deadline, owner)),
            expiry: None,
        });
        endpoint.event(Event::IncomingSubscription {
            subscription: id,
            session,
            package: asked.package.into(),
            expires: asked.lasts,
            request,
        });
    }

    /// Refuses a SUBSCRIBE if there are too many subscriptions.
    fn is_full(&self, endpoint: &mut Endpoint, transaction: ServerTransactionId) -> bool {
        let is_full = self.len() >= endpoint.limits().incoming_subscriptions;
        if is_full {
            refuse_for_now(endpoint, transaction);
        }
        is_full
    }
}

fn refuse_for_now(endpoint: &mut Endpoint, transaction: ServerTransactionId) {
    let later = [(HeaderName::RetryAfter, "5")];
    let status = StatusCode::SERVICE_UNAVAILABLE;
    endpoint.refuse(transaction, status, "too many subscriptions", &later);
}

/// What a SUBSCRIBE asks for.
struct Asked {
    package: String,
    event_id: Option<String>,
    lasts: Duration,
}

impl Asked {
    /// RFC 6665 section 8.2.1: package and id name a subscription within a dialog.
    fn names(&self, known: &Subscriber) -> bool {
        *known.package == *self.package && known.event_id.as_deref() == self.event_id.as_deref()
    }
}

/// How long a subscription may last (RFC 6665 section 4.2.1.1): what Expires asks for, but no more than an hour. Refuses a
/// SUBSCRIBE for less than the least by 423.
fn duration(
    endpoint: &mut Endpoint,
    transaction: ServerTransactionId,
    request: &Request,
) -> Option<Duration> {
    let Ok(asked) = request.expires() else {
        let why = "a SUBSCRIBE with an unreadable Expires";
        endpoint.refuse(transaction, StatusCode::BAD_REQUEST, why, &[]);
        return None;
    };
    let least = endpoint.behaviour().min_subscription;
    let asked = asked.map_or(LASTS, |seconds| Duration::from_secs(seconds.into()));
    if !asked.is_zero() && asked < LASTS && asked < least {
        let least = format!("{}", least.as_secs());
        let min_expires = [(HeaderName::MinExpires, least.as_str())];
        let status = StatusCode::INTERVAL_TOO_BRIEF;
        endpoint.refuse(
            transaction,
            status,
            "the subscription is too short",
            &min_expires,
        );
        return None;
    }
    Some(asked.min(LASTS.max(least)))
}

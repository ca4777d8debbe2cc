//! The subscriptions of peers on one endpoint.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use sip_parse::{HeaderName, StatusCode, UriBuf};

use super::machine::{Effect, End, Ending, Input, State};
use super::options::Notification;
use super::subscriber::{Subscriber, With, never_sent};
use crate::dialog::DialogId;
use crate::endpoint::{DialogUsage, Endpoint};
use crate::error::CommandError;
use crate::event::Event;
use crate::header::check_fields;
use crate::ids::{ConnectionId, IncomingSubscriptionId, SessionId};
use crate::requirement::Requirement;
use crate::session::{MessageOptions, Refusal};
use crate::slab::{Grouped, Handle};
use crate::subscription_state::IncomingSubscriptionEnd;
use crate::time::Timestamp;
use crate::transaction::{SendError, ServerTransactionId};

/// All subscriptions of peers on one [`Endpoint`]: the notifier of any event package (RFC 6665 section 4.2).
///
/// The endpoint takes SUBSCRIBE for the packages of
/// [`Extensions::event_packages`](crate::endpoint::Extensions::event_packages). [`UserAgent`](crate::UserAgent) contains one
/// layer; alone, on an endpoint made from plain settings, it serves the subscribers of many resources, as a presence server does.
/// A NOTIFY goes out on the connection of the last SUBSCRIBE of its subscription.
///
/// ```
/// # use rand_core::SeedableRng;
/// use sip_core::endpoint::{Endpoint, EndpointSettings};
/// use sip_core::notifier::{Notification, NotifierLayer};
/// use sip_core::{Action, Body, ConnectionInfo, Event, MessageOptions, Timestamp, Transport};
/// use sip_parse::{Bytes, UriBuf};
///
/// let mut settings = EndpointSettings::new(UriBuf::parse(b"sip:presence@192.0.2.1")?);
/// settings.identity.host = Some("192.0.2.1".into());
/// settings.behaviour.takes_any_user = true;
/// settings.behaviour.extensions.event_packages = vec!["presence".into()];
/// # let random = Box::new(rand_chacha::ChaCha20Rng::from_seed([7; 32]));
/// let now = Timestamp::ZERO;
/// let mut endpoint = Endpoint::new(settings, random, now);
/// let mut notifier = NotifierLayer::new();
/// let peer = endpoint.accept(ConnectionInfo { transport: Transport::Tcp, remote: None });
///
/// let subscribe = "SUBSCRIBE sip:alice@example.com SIP/2.0\r\n\
///     Via: SIP/2.0/TCP 192.0.2.2;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
///     From: <sip:bob@example.com>;tag=1\r\nTo: <sip:alice@example.com>\r\nCall-ID: 1\r\nCSeq: 1 SUBSCRIBE\r\n\
///     Contact: <sip:bob@192.0.2.2;transport=tcp>\r\nEvent: presence\r\nExpires: 600\r\nContent-Length: 0\r\n\r\n";
/// endpoint.receive(peer, Bytes::from(subscribe), now)?;
/// notifier.settle(&mut endpoint);
/// // The application authorises the subscriber.
/// let subscription = loop {
///     match endpoint.poll_action() {
///         Some(Action::Event(Event::IncomingSubscription { subscription, .. })) => break subscription,
///         action => assert!(action.is_some(), "a log record, then the subscription"),
///     }
/// };
/// let open = Notification::active(Body::new("application/pidf+xml", "<presence/>"));
/// notifier.accept(&mut endpoint, subscription, open, &MessageOptions::new())?;
/// let sent = std::iter::from_fn(|| endpoint.poll_action());
/// let sent = sent.filter(|action| matches!(action, Action::Transmit { .. }));
/// assert_eq!(sent.count(), 2, "the 200, and the first NOTIFY");
/// let watched = notifier.subscriptions().filter(|known| known.resource().as_bytes() == b"sip:alice@example.com");
/// assert_eq!(watched.count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg_attr(test, derive(Clone))]
pub struct NotifierLayer {
    /// By call.
    pub(super) subscriptions: Grouped<Subscriber>,
    /// The subscriptions of each dialog.
    by_dialog: BTreeSet<(DialogId, IncomingSubscriptionId)>,
    /// Those that wait for the application, by their SUBSCRIBE.
    unanswered: BTreeMap<ServerTransactionId, IncomingSubscriptionId>,
}

/// A view of a subscription of a peer.
#[derive(Clone, Copy)]
pub struct IncomingSubscription<'a> {
    id: IncomingSubscriptionId,
    subscriber: &'a Subscriber,
}

impl<'a> IncomingSubscription<'a> {
    /// The handle.
    #[must_use]
    pub const fn id(&self) -> IncomingSubscriptionId {
        self.id
    }

    /// The resource: the Request-URI of the SUBSCRIBE that made the subscription (RFC 6665 section 4.1.2.1).
    #[must_use]
    pub const fn resource(&self) -> &'a UriBuf {
        &self.subscriber.resource
    }

    /// The URI that From of this SUBSCRIBE claims.
    #[must_use]
    pub fn subscriber(&self) -> &'a [u8] {
        &self.subscriber.peer
    }

    /// The event package.
    #[must_use]
    pub fn package(&self) -> &'a str {
        &self.subscriber.package
    }

    /// The `id` of Event.
    #[must_use]
    pub fn event_id(&self) -> Option<&'a str> {
        self.subscriber.event_id.as_deref()
    }

    /// The call in whose dialog the peer subscribed.
    #[must_use]
    pub const fn session(&self) -> Option<SessionId> {
        self.subscriber.session
    }

    /// The connection of the last SUBSCRIBE, which the NOTIFYs use while it is open.
    #[must_use]
    pub const fn connection(&self) -> Option<ConnectionId> {
        self.subscriber.connection
    }

    /// When it expires, unless the peer refreshes it.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.subscriber.expires_at
    }

    /// Whether [`NotifierLayer::notify`] is possible: the application has accepted it, and it does not end yet.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        let state = self.subscriber.state;
        state != State::Unanswered && !state.is_ending()
    }

    /// The state that the application has reported last.
    #[must_use]
    pub const fn last(&self) -> Option<&'a Notification> {
        self.subscriber.last.as_ref()
    }
}

impl Default for NotifierLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl NotifierLayer {
    /// Makes a layer without subscriptions.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            subscriptions: Grouped::new(),
            by_dialog: BTreeSet::new(),
            unanswered: BTreeMap::new(),
        }
    }

    /// The number of subscriptions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.subscriptions.len()
    }

    /// Whether there are no subscriptions.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.subscriptions.is_empty()
    }

    /// All subscriptions, also those that the application has not answered.
    pub fn subscriptions(&self) -> impl Iterator<Item = IncomingSubscription<'_>> {
        let known = self.subscriptions.iter();
        known.map(|(handle, subscriber)| IncomingSubscription {
            id: IncomingSubscriptionId(handle),
            subscriber,
        })
    }

    /// A subscription; `None` if it is over.
    #[must_use]
    pub fn subscription(&self, id: IncomingSubscriptionId) -> Option<IncomingSubscription<'_>> {
        let subscriber = self.subscriptions.get(id.0)?;
        Some(IncomingSubscription { id, subscriber })
    }

    /// Accepts a subscription by 200 with the header fields and the body of `options`, and sends the first NOTIFY (RFC 6665
    /// section 4.2.1.2). A terminated `state` ends the subscription at once.
    ///
    /// # Errors
    /// [`CommandError::Stale`] if it is answered or over, [`CommandError::Send`] and [`CommandError::WrongState`] for header
    /// fields or a reason that no message can have; it still waits for an answer then.
    pub fn accept(
        &mut self,
        endpoint: &mut Endpoint,
        id: IncomingSubscriptionId,
        state: Notification,
        options: &MessageOptions,
    ) -> Result<(), CommandError> {
        let subscriber = self.unanswered(id)?;
        state.check()?;
        check_fields(&options.headers).map_err(SendError::Build)?;
        let ending = match (state.is_last(), subscriber.lasts.is_zero()) {
            (true, _) => Some(Ending::Terminated),
            // RFC 6665 section 4.4.3: the peer asked for the state once.
            (false, true) => Some(Ending::Unsubscribed),
            (false, false) => None,
        };
        subscriber.last = Some(state);
        self.step(endpoint, id, Input::Accept(ending), With::Answer(options));
        Ok(())
    }

    /// Refuses a subscription.
    ///
    /// # Errors
    /// [`CommandError::Stale`] if it is answered or over.
    pub fn reject(
        &mut self,
        endpoint: &mut Endpoint,
        id: IncomingSubscriptionId,
        refusal: &Refusal,
    ) -> Result<(), CommandError> {
        self.unanswered(id)?;
        self.step(endpoint, id, Input::Reject, With::Refusal(refusal));
        Ok(())
    }

    /// Reports the state to the subscriber (RFC 6665 section 4.2.2). One NOTIFY is in flight at a time; a later state replaces one
    /// that waits. A terminated state ends the subscription, and nothing replaces it.
    ///
    /// # Errors
    /// [`CommandError::Stale`] if the subscription is over or its last NOTIFY is on its way, [`CommandError::WrongState`] if it is
    /// not accepted or the reason of a termination is no token, [`CommandError::Send`] for header fields that no message can have.
    pub fn notify(
        &mut self,
        endpoint: &mut Endpoint,
        id: IncomingSubscriptionId,
        state: Notification,
    ) -> Result<(), CommandError> {
        let subscriber = self
            .subscriptions
            .get_mut(id.0)
            .ok_or(CommandError::Stale)?;
        match subscriber.state {
            State::Unanswered => {
                return Err(CommandError::WrongState(Requirement::SubscriptionAccepted));
            }
            state if state.is_ending() => return Err(CommandError::Stale),
            _ => {}
        }
        state.check()?;
        let input = match state.is_last() {
            true => Input::LastReport,
            false => Input::Report,
        };
        subscriber.last = Some(state);
        self.step(endpoint, id, input, With::Nothing);
        Ok(())
    }

    /// Lets the NOTIFYs of a subscription go out on another connection from now on, because the host knows that it leads to the
    /// subscriber, as after a new registration of its flow (RFC 5626). A NOTIFY that waits for a connection goes out at once.
    ///
    /// # Errors
    /// [`CommandError::Stale`] if the subscription is over.
    pub fn reroute(
        &mut self,
        endpoint: &mut Endpoint,
        id: IncomingSubscriptionId,
        connection: ConnectionId,
    ) -> Result<(), CommandError> {
        let subscriber = self
            .subscriptions
            .get_mut(id.0)
            .ok_or(CommandError::Stale)?;
        subscriber.connection = Some(connection);
        self.step(endpoint, id, Input::Connected, With::Nothing);
        Ok(())
    }

    /// Terminates every subscription by a NOTIFY, because the host stops (RFC 6665 section 4.1.3): with the reason probation, so
    /// that the subscribers subscribe anew later. Refuses those that wait for the application. Each ends with its event.
    pub fn stop(&mut self, endpoint: &mut Endpoint) {
        for id in self.ids() {
            self.step(endpoint, id, Input::Stop, With::Nothing);
        }
    }

    /// Passes everything that the endpoint has received to its subscriptions, and refuses requests that belong to none. The
    /// host calls it after each [`Endpoint::receive`], [`Endpoint::closed`] and command.
    pub fn settle(&mut self, endpoint: &mut Endpoint) {
        endpoint.settle_alone(self);
    }

    /// Advances the clock to `now`, which never goes back: fires the due deadlines.
    pub fn tick(&mut self, endpoint: &mut Endpoint, now: Timestamp) {
        endpoint.tick_alone(self, now);
    }

    /// The subscription that the application has to answer.
    fn unanswered(&mut self, id: IncomingSubscriptionId) -> Result<&mut Subscriber, CommandError> {
        let subscriber = self.subscriptions.get_mut(id.0);
        let subscriber = subscriber.filter(|known| known.state == State::Unanswered);
        subscriber.ok_or(CommandError::Stale)
    }

    /// Takes a new subscription.
    pub(super) fn insert(&mut self, subscriber: Subscriber) -> IncomingSubscriptionId {
        let (dialog, transaction) = (subscriber.dialog, subscriber.transaction);
        let id = IncomingSubscriptionId(self.subscriptions.insert(subscriber));
        self.by_dialog.insert((dialog, id));
        self.unanswered.insert(transaction, id);
        id
    }

    /// The subscriptions in a dialog.
    pub(super) fn of_dialog(
        &self,
        dialog: DialogId,
    ) -> impl Iterator<Item = (IncomingSubscriptionId, &Subscriber)> {
        let first = (dialog, IncomingSubscriptionId(Handle::from_bits(0)));
        let last = (dialog, IncomingSubscriptionId(Handle::from_bits(u64::MAX)));
        let ids = self.by_dialog.range(first..=last);
        ids.filter_map(|(_, id)| Some((*id, self.subscriptions.get(id.0)?)))
    }

    /// The subscription that waits for the answer to this SUBSCRIBE.
    pub(super) fn waiting_for(
        &self,
        transaction: ServerTransactionId,
    ) -> Option<IncomingSubscriptionId> {
        self.unanswered.get(&transaction).copied()
    }

    pub(super) fn ids(&self) -> Vec<IncomingSubscriptionId> {
        let handles = self.subscriptions.handles().into_iter();
        handles.map(IncomingSubscriptionId).collect()
    }

    /// A dialog is gone, and with it every subscription in it (RFC 5057 section 5.1).
    pub(crate) fn on_dialog_gone(&mut self, endpoint: &mut Endpoint, dialog: DialogId) {
        let gone: Vec<_> = self.of_dialog(dialog).map(|(id, _)| id).collect();
        for id in gone {
            self.step(endpoint, id, Input::DialogEnded, With::Nothing);
        }
    }

    /// A call is over. Subscriptions in its dialog go on (RFC 5057 section 4), except that one which the application has not
    /// answered makes none any more, and that the dialog may have been an early one, which is gone.
    pub(crate) fn on_call_over(&mut self, endpoint: &mut Endpoint, call: SessionId) {
        for handle in self.subscriptions.handles_of(Some(call)) {
            let subscriber = self.subscriptions.get(handle);
            let ends = subscriber.is_some_and(|known| {
                known.state == State::Unanswered || endpoint.dialogs.dialog(known.dialog).is_none()
            });
            if ends {
                let id = IncomingSubscriptionId(handle);
                self.step(endpoint, id, Input::DialogEnded, With::Nothing);
            }
        }
    }

    /// Lets a subscription take a step, and carries out its effects; the only place that does so.
    pub(super) fn step(
        &mut self,
        endpoint: &mut Endpoint,
        id: IncomingSubscriptionId,
        input: Input,
        with: With<'_>,
    ) {
        let mut next = Some((input, with));
        // A NOTIFY that cannot be sent is the next input.
        while let Some((input, mut with)) = next.take() {
            let Some(subscriber) = self.subscriptions.get_mut(id.0) else {
                return;
            };
            let before = subscriber.state;
            #[cfg(not(test))]
            let (after, effects) = before.step(input);
            #[cfg(test)]
            let (after, effects) = super::broken::step(before, input);
            if before == State::Unanswered && after != Some(before) {
                self.unanswered.remove(&subscriber.transaction);
            }
            let retry = match with {
                With::RetryAfter(after) => Some(after),
                _ => None,
            };
            for effect in effects {
                match effect {
                    Effect::Notify(ending) => next = subscriber.notify(endpoint, id, ending),
                    Effect::Refuse => subscriber.refuse(endpoint, input),
                    Effect::End(end) => {
                        let given = core::mem::replace(&mut with, With::Nothing);
                        let reason = match given {
                            With::Failure(reason) => reason,
                            _ => never_sent(input),
                        };
                        let cause = match end {
                            End::Terminated => IncomingSubscriptionEnd::Terminated,
                            End::Expired => IncomingSubscriptionEnd::Expired,
                            End::Unsubscribed => IncomingSubscriptionEnd::Unsubscribed,
                            End::DialogEnded => IncomingSubscriptionEnd::DialogEnded,
                            End::Unanswered => IncomingSubscriptionEnd::Unanswered,
                            End::NotifyFailed => {
                                IncomingSubscriptionEnd::NotifyFailed(Box::new(reason))
                            }
                        };
                        endpoint.event(Event::IncomingSubscriptionEnded {
                            subscription: id,
                            cause,
                        });
                    }
                    Effect::Accept | Effect::Reject | Effect::Overlap | Effect::Gone => {
                        let given = core::mem::replace(&mut with, With::Nothing);
                        respond(endpoint, id, subscriber, effect, given);
                    }
                }
            }
            match after {
                Some(state) => {
                    subscriber.state = state;
                    subscriber.wait(endpoint, id, before, retry);
                }
                None => self.forget(endpoint, id),
            }
        }
    }

    fn forget(&mut self, endpoint: &mut Endpoint, id: IncomingSubscriptionId) {
        let Some(gone) = self.subscriptions.remove(id.0) else {
            return;
        };
        self.by_dialog.remove(&(gone.dialog, id));
        for timer in [gone.timer, gone.expiry].into_iter().flatten() {
            endpoint.timers.cancel(timer);
        }
        if gone.is_shared {
            return endpoint.dialogs.unshare(gone.dialog);
        }
        // RFC 5057 section 4: the dialog stays for the other subscriptions in it.
        let usage = DialogUsage::Notifier(id);
        endpoint.dialogs.release(gone.dialog.set(), usage, usage);
    }
}

/// Answers a SUBSCRIBE as the machine decides.
fn respond(
    endpoint: &mut Endpoint,
    id: IncomingSubscriptionId,
    subscriber: &mut Subscriber,
    effect: Effect,
    with: With<'_>,
) {
    match (effect, with) {
        (Effect::Accept, With::Answer(options)) => subscriber.accept(endpoint, id, options),
        (
            Effect::Accept,
            With::Subscribe {
                transaction,
                request,
                lasts,
            },
        ) => subscriber.refresh(endpoint, id, transaction, request, lasts),
        (Effect::Reject, With::Refusal(refusal)) => subscriber.reject(endpoint, refusal),
        // RFC 3261 section 14.2: the peer sends it again after a while.
        (Effect::Overlap, With::Subscribe { transaction, .. }) => {
            let later = [(HeaderName::RetryAfter, "5")];
            let status = StatusCode::SERVER_INTERNAL_ERROR;
            let why = "the SUBSCRIBE before has no answer yet";
            endpoint.refuse(transaction, status, why, &later);
        }
        (_, With::Subscribe { transaction, .. }) => {
            let status = StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST;
            let why = "the subscription is over";
            endpoint.refuse(transaction, status, why, &[]);
        }
        _ => {}
    }
}

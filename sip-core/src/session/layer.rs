//! The calls of one endpoint.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use sip_parse::{Method, Request, StatusCode, UriBuf};

use super::callee;
use super::caller;
use super::context::{Common, Context};
use super::input::{Input, ResponseTo};
use super::options::InviteOptions;
use super::referral::Referred;
use super::refresh::refuse_interval;
use super::state::{NewInvite, State};
use super::transfer::Transfer;
use crate::dialog::{DialogId, DialogSetId, FailureScope, RemoteTarget, Target};
use crate::endpoint::{
    DialogUsage, Endpoint, Received, Sent, SessionRequest, SessionTimer, TransactionUser,
    is_of_rfc2543,
};
use crate::error::CommandError;
use crate::header::{ExtraHeader, check_fields};
use crate::ids::{ConnectionId, ReferId, SessionId};
use crate::limits::LimitKind;
use crate::reason::{Cause, EndReason, Originator};
use crate::record::AddressText;
use crate::requirement::Requirement;
use crate::slab::{Grouped, Slab};
use crate::transaction::{SendError, ServerTransactionId, TransactionError};

#[cfg(test)]
#[path = "../../exploration/session/snapshot.rs"]
mod snapshot;

/// The phase of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Phase {
    /// A peer calls; the application has to answer or reject.
    Incoming,
    /// This side calls; the peer has to answer.
    Outgoing,
    /// The call is up, or its 2xx is sent.
    Established,
    /// The application hung up: CANCEL or BYE is on its way, or BYE waits for the ACK or a connection; [`Event::Ended`](crate::Event::Ended) follows.
    Ending,
}

/// The result of a step of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stepped {
    /// The call continues.
    Alive,
    /// The call is over.
    Over,
    /// The handle names no call.
    Unknown,
}

#[cfg_attr(test, derive(Clone))]
pub(super) struct Call {
    pub(super) common: Common,
    pub(super) state: Option<State>,
}

impl Call {
    /// Whether it is up without an INVITE or UPDATE under way.
    fn is_quiet(&self) -> bool {
        matches!(self.state, Some(State::Confirmed(_))) && self.common.may_offer()
    }
}

/// All calls of one [`Endpoint`]: the INVITE usage (RFC 3261 sections 13 to 15).
///
/// [`step`](Self::step) takes every input of a call: commands, messages, deadlines and changes of connection.
/// The results are events in the endpoint's queue of actions. [`UserAgent`](crate::UserAgent) contains one
/// layer; alone, on an endpoint made from plain settings, it makes a back-to-back user agent: see
/// `examples/b2bua.rs`.
///
/// ```
/// # use rand_core::SeedableRng;
/// use sip_core::endpoint::{Endpoint, EndpointSettings};
/// use sip_core::session::{Input, SessionLayer};
/// use sip_core::{Action, ConnectionInfo, Event, InviteOptions, Timestamp, Transport};
/// use sip_parse::UriBuf;
///
/// let mut settings = EndpointSettings::new(UriBuf::parse(b"sip:switch@192.0.2.1")?);
/// settings.identity.host = Some("192.0.2.1".into());
/// # let random = Box::new(rand_chacha::ChaCha20Rng::from_seed([7; 32]));
/// let mut endpoint = Endpoint::new(settings, random, Timestamp::ZERO);
/// let mut calls = SessionLayer::new();
/// let peer = endpoint.accept(ConnectionInfo { transport: Transport::Tcp, remote: None });
///
/// let target = UriBuf::parse(b"sip:bob@192.0.2.2")?;
/// let call = calls.invite(&mut endpoint, Some(peer), target, InviteOptions::new())?;
/// let Some(Action::Event(Event::DescriptionNeeded { exchange, .. })) = endpoint.poll_action() else {
///     panic!("the core asks for the offer first");
/// };
/// let offer = sip_core::Body::sdp("v=0\r\n");
/// calls.step(&mut endpoint, call, Input::Describe(exchange, Ok(offer)))?;
/// calls.settle(&mut endpoint);
/// // A log record may come first.
/// let mut actions = std::iter::from_fn(|| endpoint.poll_action());
/// assert!(actions.any(|action| matches!(action, Action::Transmit { .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg_attr(test, derive(Clone))]
pub struct SessionLayer {
    pub(super) calls: Slab<Call>,
    /// The number of calls that peers made.
    incoming: usize,
    /// The number of calls that are up without an INVITE or UPDATE under way.
    quiet: usize,
    /// The call of each INVITE and UPDATE of a peer that is being answered.
    invites: BTreeMap<ServerTransactionId, SessionId>,
    /// The REFERs of this side, by call.
    pub(super) transfers: Grouped<Transfer>,
    /// The REFERs of peers, by call.
    pub(super) referred: Grouped<Referred>,
    /// Those that the application has not answered, by their transaction.
    pub(super) unanswered_refers: BTreeMap<ServerTransactionId, ReferId>,
}

impl Default for SessionLayer {
    fn default() -> Self {
        Self::new()
    }
}

impl SessionLayer {
    /// Makes a layer without calls.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            calls: Slab::new(),
            incoming: 0,
            quiet: 0,
            invites: BTreeMap::new(),
            transfers: Grouped::new(),
            referred: Grouped::new(),
            unanswered_refers: BTreeMap::new(),
        }
    }

    /// The number of calls.
    #[must_use]
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// Whether there are no calls.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Whether this side holds a call (RFC 3264 section 8.4); `None` if the call is over.
    #[must_use]
    pub fn holds(&self, id: SessionId) -> Option<bool> {
        Some(self.calls.get(id.0)?.common.holds)
    }

    /// The phase of a call; `None` if it is over.
    #[must_use]
    pub fn phase(&self, id: SessionId) -> Option<Phase> {
        Some(match self.calls.get(id.0)?.state.as_ref()? {
            State::Incoming(_) | State::Accepting(_) => Phase::Incoming,
            State::AwaitingOffer(_)
            | State::QueuedInvite(_)
            | State::Calling(_)
            | State::AwaitingAnswer(_)
            | State::QueuedAck(_) => Phase::Outgoing,
            State::Answered(_)
            | State::Confirmed(_)
            | State::Offering(_)
            | State::Reinviting(_)
            | State::Acknowledging(_)
            | State::Glare(_)
            | State::Answering(_)
            | State::Reanswered(_) => Phase::Established,
            State::Cancelling(_)
            | State::HangingUp(_)
            | State::Terminating(_)
            | State::QueuedBye(_)
            | State::LostBye(_) => Phase::Ending,
        })
    }

    /// Calls `target` (RFC 3261 section 13.2) on `connection`, or on the flow in use if that is `None`, and
    /// returns the handle of the call. First the core requests the offer with
    /// [`Event::DescriptionNeeded`](crate::Event::DescriptionNeeded), unless the options leave it to the
    /// peer.
    ///
    /// # Errors
    /// [`CommandError::Limit`], [`CommandError::Send`] for header fields of the options or of the URI that no message can have,
    /// or [`CommandError::NotConnected`] and others if an INVITE without an offer cannot be sent; no call exists then, and no
    /// event follows.
    pub fn invite(
        &mut self,
        endpoint: &mut Endpoint,
        connection: Option<ConnectionId>,
        target: UriBuf,
        mut options: InviteOptions,
    ) -> Result<SessionId, CommandError> {
        if self.is_full(endpoint) {
            return Err(CommandError::Limit(LimitKind::Sessions));
        }
        // What the core writes is exactly in the grammar; RFC 3261 section 19.1.5 for the header fields of the URI.
        let target = UriBuf::strict(target.as_bytes()).map_err(CommandError::Target)?;
        options
            .headers
            .extend(ExtraHeader::of_uri(&target.as_uri()));
        let target = target.into_request_uri();
        if let Some(old) = options.replaces {
            let (replaces, _) = self.replaces_of(endpoint, old)?;
            let replaces = ExtraHeader::new("Replaces", &replaces);
            options
                .headers
                .push(replaces.map_err(CommandError::Header)?);
        }
        check_fields(&options.headers).map_err(SendError::Build)?;
        let call_id = endpoint.new_call_id();
        let id = SessionId(self.calls.next_handle());
        let usage = DialogUsage::Session(id);
        let rng = endpoint.layer.rng();
        let set = endpoint.dialogs.open(call_id.as_bytes(), usage, rng);
        let inherited = self.uuid_of(endpoint, options.replaces);
        endpoint.identify(set, options.session_uuid.or(inherited));
        let mut common = Common::new(id, set);
        common.connection = connection;
        let peer = endpoint
            .logs_calls()
            .then(|| AddressText::of(&target.as_uri()));
        let invite = Box::new(NewInvite {
            target,
            options,
            connection,
            offer: None,
        });
        let context = &mut Context {
            endpoint,
            common: &mut common,
        };
        match caller::start(invite, context) {
            Ok(state) => {
                let state = Some(state);
                self.insert(Call { common, state });
                endpoint.count_call(true);
                if let Some(peer) = peer {
                    endpoint.log_call(id, peer, &call_id);
                }
                Ok(id)
            }
            Err(error) => {
                endpoint.dialogs.close(set);
                Err(error.into())
            }
        }
    }

    /// Lets a call take one input.
    ///
    /// # Errors
    /// [`CommandError::Stale`] if the call is over, [`CommandError::WrongState`] if a command does not fit
    /// its state, [`CommandError::ExchangeOver`] for a description of another exchange than the open one; the
    /// call is unchanged then.
    pub fn step(
        &mut self,
        endpoint: &mut Endpoint,
        id: SessionId,
        input: Input<'_>,
    ) -> Result<(), CommandError> {
        let call = self.calls.get(id.0).ok_or(CommandError::Stale)?;
        let state = call.state.as_ref().ok_or(CommandError::Stale)?;
        state.accepts(&input, &call.common)?;
        if let Input::Describe(exchange, _) = &input
            && !state.asks(*exchange, call.common.offer)
        {
            return Err(CommandError::ExchangeOver);
        }
        if let (Input::Progress(options), State::Incoming(incoming) | State::Accepting(incoming)) =
            (&input, state)
        {
            let limit = endpoint.limits().provisionals;
            incoming.check_progress(options, call.common.offer, limit)?;
        }
        self.drive(endpoint, id, input);
        Ok(())
    }

    /// As [`step`](Self::step), for an input that always fits.
    pub(crate) fn drive(
        &mut self,
        endpoint: &mut Endpoint,
        id: SessionId,
        input: Input<'_>,
    ) -> Stepped {
        let Some(call) = self.calls.get_mut(id.0) else {
            return Stepped::Unknown;
        };
        let was_quiet = call.is_quiet();
        let Some(state) = call.state.take() else {
            return Stepped::Unknown;
        };
        let before = state.pending(&call.common.updates);
        let context = &mut Context {
            endpoint,
            common: &mut call.common,
        };
        if let Input::Timer(timer) = input {
            context.fired(timer);
        }
        #[cfg(not(test))]
        let next = state.step(input, context);
        // A test may break a row.
        #[cfg(test)]
        let next = super::exploration::step(state, input, context);
        let updates = &call.common.updates;
        let after = next.as_ref().map(|next| next.pending(updates));
        let after = after.unwrap_or_default();
        if before != after {
            for gone in before {
                self.invites.remove(&gone);
            }
            for pending in after {
                self.invites.insert(pending, id);
            }
        }
        let is_over = next.is_none();
        let is_answered = matches!(next, Some(State::Answered(_)));
        let replaced = call.common.replaces().filter(|_| is_answered);
        if replaced.is_some() {
            call.common.seldom().replaces = None;
        }
        let progress = call.common.progress.take();
        let report = call.common.follows().zip(progress);
        let is_incoming = !call.common.caller;
        call.state = next;
        self.quiet -= usize::from(was_quiet);
        self.quiet += usize::from(call.is_quiet());
        if is_over {
            self.incoming -= usize::from(is_incoming);
            self.calls.remove(id.0);
            self.on_call_over(endpoint, id);
        }
        if let Some((refer, status)) = report {
            self.report(endpoint, refer, status);
        }
        if let Some(old) = replaced {
            self.replace(endpoint, old, id);
        }
        match is_over {
            true => Stepped::Over,
            false => Stepped::Alive,
        }
    }

    pub(crate) fn on_timeout(
        &mut self,
        endpoint: &mut Endpoint,
        id: SessionId,
        timer: SessionTimer,
    ) -> Stepped {
        self.drive(endpoint, id, Input::Timer(timer))
    }

    /// Handles an INVITE outside any dialog (RFC 3261 section 13.3.1).
    pub(crate) fn on_call(
        &mut self,
        endpoint: &mut Endpoint,
        transaction: ServerTransactionId,
        request: Box<Request>,
    ) {
        // RFC 3261 section 8.1.1.8 requires one SIP or SIPS URI; a peer of RFC 2543, recognised by its tags and
        // branches, may omit it.
        let target = Target::of(&request);
        let fits = match target.kind() {
            RemoteTarget::Usable => true,
            RemoteTarget::Missing => is_of_rfc2543(&request),
            RemoteTarget::Unusable => false,
        };
        if !fits {
            let why = "INVITE without exactly one SIP or SIPS URI in Contact";
            return endpoint.refuse(transaction, StatusCode::BAD_REQUEST, why, &[]);
        }
        let named = match self.calls_named_by(endpoint, &request) {
            Ok(named) => named,
            Err((status, why)) => return endpoint.refuse(transaction, status, why, &[]),
        };
        if self.is_busy(endpoint) {
            return endpoint.refuse(transaction, StatusCode::BUSY_HERE, "too many calls", &[]);
        }
        if refuse_interval(endpoint, None, transaction, &request) {
            return;
        }
        let Ok(call_id) = request.call_id() else {
            return;
        };
        let id = SessionId(self.calls.next_handle());
        let usage = DialogUsage::Session(id);
        let rng = endpoint.layer.rng();
        let set = endpoint.dialogs.open(call_id, usage, rng);
        endpoint.identify(set, self.uuid_of(endpoint, named.replaces));
        endpoint.learn_uuid_of_caller(set, &request);
        let Ok(dialog) = endpoint.dialogs.accept_at(set, &request, &target) else {
            endpoint.dialogs.close(set);
            let why = "no dialog can be made of this INVITE";
            return endpoint.refuse(transaction, StatusCode::BAD_REQUEST, why, &[]);
        };
        if !endpoint.reaches(dialog, transaction) {
            endpoint.dialogs.close(set);
            let status = StatusCode::TEMPORARILY_UNAVAILABLE;
            return endpoint.refuse_sips(None, transaction, status);
        }
        endpoint.debug("sip.dialog", id.to_bits(), "a dialog begins");
        let mut common = Common::new(id, set);
        common.take_packages(&request, endpoint.limits().info_packages);
        let context = &mut Context {
            endpoint,
            common: &mut common,
        };
        let state = Some(callee::start(transaction, dialog, request, named, context));
        self.insert(Call { common, state });
        self.incoming += 1;
        self.invites.insert(transaction, id);
    }

    /// Handles a request within the dialog of a call; false if calls do not handle its method.
    pub(crate) fn on_request(
        &mut self,
        endpoint: &mut Endpoint,
        transaction: ServerTransactionId,
        id: SessionId,
        request: &Request,
    ) -> bool {
        self.learn(endpoint, id, request);
        let input = match request.method() {
            Method::Bye => {
                endpoint.answer_ok(transaction, request);
                Input::Bye(request)
            }
            Method::Invite | Method::Update
                if !endpoint.accepts_target(self.set_of(id), transaction, request) =>
            {
                return true;
            }
            Method::Invite | Method::Update
                if refuse_interval(endpoint, self.set_of(id), transaction, request) =>
            {
                return true;
            }
            Method::Invite => Input::Invite(transaction, request),
            Method::Notify => {
                let usage = DialogUsage::Session(id);
                return self.on_notify(endpoint, transaction, usage, request);
            }
            Method::Subscribe => {
                let usage = DialogUsage::Session(id);
                return self.on_subscribe(endpoint, transaction, usage, request);
            }
            Method::Update => Input::Update(transaction, request),
            Method::Prack => Input::Prack(transaction, request),
            _ => return false,
        };
        self.drive(endpoint, id, input);
        true
    }

    /// The dialog of a call, once one is chosen.
    pub(crate) fn dialog_of(&self, id: SessionId) -> Option<DialogId> {
        self.calls.get(id.0)?.common.dialog
    }

    /// The dialog set of a call.
    fn set_of(&self, id: SessionId) -> Option<DialogSetId> {
        Some(self.calls.get(id.0)?.common.set)
    }

    /// Handles a CANCEL of an INVITE (RFC 3261 section 9.2). Returns the call if it ended.
    pub(crate) fn on_cancel(
        &mut self,
        endpoint: &mut Endpoint,
        transaction: ServerTransactionId,
        invite: ServerTransactionId,
        cancel: &Request,
    ) -> Option<SessionId> {
        let id = self.invites.get(&invite).copied();
        let call = id.and_then(|id| self.calls.get(id.0));
        let set = call.map(|call| call.common.set);
        endpoint.answer_cancel(set, transaction, invite);
        let stepped = self.drive(endpoint, id?, Input::Cancel(invite, cancel));
        id.filter(|_| stepped == Stepped::Over)
    }

    /// Handles the loss of the connection of an INVITE or UPDATE of a peer.
    pub(crate) fn on_server_failed(
        &mut self,
        endpoint: &mut Endpoint,
        transaction: ServerTransactionId,
    ) -> Option<SessionId> {
        self.on_refer_lost(endpoint, transaction);
        let id = self.invites.get(&transaction).copied()?;
        let stepped = self.drive(endpoint, id, Input::ServerFailed(transaction));
        (stepped == Stepped::Over).then_some(id)
    }

    /// Handles a response to a request of a call, or of one that is over.
    pub(crate) fn on_response(
        &mut self,
        endpoint: &mut Endpoint,
        id: SessionId,
        to: SessionRequest,
        received: &Received,
        may_wait: bool,
    ) -> Stepped {
        if received.response.status().as_u16() < 300 {
            self.learn(endpoint, id, &received.response);
        }
        let response = ResponseTo {
            to,
            response: &received.response,
            request: &received.request,
            transaction: received.transaction,
            connection: received.connection,
            may_wait,
            unanswered: received.unanswered.as_deref(),
        };
        if let Some(stepped) = self.on_branch(endpoint, id, &response) {
            return stepped;
        }
        let stepped = self.drive(endpoint, id, Input::Response(response));
        if stepped == Stepped::Unknown && received.response.status().is_success() {
            // The call is over, but the peer's dialog may still exist.
            let (connection, request) = (received.connection, &received.request);
            match to {
                SessionRequest::Invite => endpoint.end_branch(response.success()),
                SessionRequest::Reinvite => {
                    endpoint.acknowledge_without_dialog(connection, request, &received.response)
                }
                SessionRequest::Bye | SessionRequest::Prack(_) | SessionRequest::Update(_) => {}
            }
        }
        stepped
    }

    /// Applies RFC 5057 section 5.1 to every failure response within a dialog except those to BYE and PRACK. Only this
    /// function ends usages because of a failure.
    pub(crate) fn on_failure_response(
        &mut self,
        endpoint: &mut Endpoint,
        received: &Received,
    ) -> Option<SessionId> {
        let reason = || EndReason::refused(&received.response, Cause::DialogGone);
        let scope = match received.sent.user {
            // A re-INVITE that is tried again has not failed yet.
            TransactionUser::Session(id, SessionRequest::Reinvite) if self.tries_again(id) => {
                FailureScope::Transaction
            }
            // RFC 5057 section 5.1: the usage of a NOTIFY is its subscription.
            TransactionUser::Notification(_) => Some(received.scope())
                .filter(|scope| *scope == FailureScope::Dialog)
                .unwrap_or(FailureScope::Transaction),
            // RFC 5057 section 5.1: the usage of a REFER or NOTIFY is its subscription, and 416 is about its Refer-To.
            TransactionUser::Transfer(_) | TransactionUser::Notify(_) => {
                let is_target = received.response.status() == StatusCode::UNSUPPORTED_URI_SCHEME;
                let scope = Some(received.scope()).filter(|_| !is_target);
                scope
                    .filter(|scope| *scope == FailureScope::Dialog)
                    .unwrap_or(FailureScope::Transaction)
            }
            // RFC 3311 section 5.1: the call goes on without UPDATE.
            TransactionUser::Session(_, SessionRequest::Update(_))
                if matches!(received.response.status().as_u16(), 405 | 480 | 501) =>
            {
                FailureScope::Transaction
            }
            _ => received.scope(),
        };
        self.end_usages(endpoint, &received.sent, scope, reason)
    }

    /// As [`on_failure_response`](Self::on_failure_response), for a request without a response: a time-out
    /// counts as 408, and a broken connection ends nothing else.
    pub(crate) fn on_failure(
        &mut self,
        endpoint: &mut Endpoint,
        sent: &Sent,
        error: TransactionError,
    ) -> Option<SessionId> {
        let own = matches!(
            sent.user,
            TransactionUser::Transfer(_)
                | TransactionUser::Notify(_)
                | TransactionUser::Notification(_)
        );
        let scope = match error {
            // RFC 5057 section 5.1: the usage of a REFER or NOTIFY is its subscription.
            _ if own => FailureScope::Transaction,
            TransactionError::Timeout => FailureScope::of(StatusCode::REQUEST_TIMEOUT),
            TransactionError::ConnectionLost => FailureScope::Transaction,
        };
        let reason = || EndReason::new(Originator::Transport, Cause::DialogGone);
        self.end_usages(endpoint, sent, scope, reason)
    }

    /// Ends the usages of a dialog that a failure ends (RFC 5057 section 5.1): the call, and with the dialog the
    /// subscriptions of its REFERs. Returns the call, if it is over at once.
    fn end_usages(
        &mut self,
        endpoint: &mut Endpoint,
        sent: &Sent,
        scope: FailureScope,
        reason: impl FnOnce() -> EndReason,
    ) -> Option<SessionId> {
        // A PRACK that matches no response gets 481 although the dialog exists (RFC 3262 section 3).
        let exempt = matches!(
            sent.user,
            TransactionUser::Session(_, SessionRequest::Bye | SessionRequest::Prack(_))
        );
        if scope == FailureScope::Transaction || exempt {
            return None;
        }
        let (id, stepped) = match endpoint.dialogs.usage_of(sent.dialog?)? {
            DialogUsage::Session(id) => {
                let gone = Input::Gone(Box::new(reason()));
                (id, self.drive(endpoint, id, gone))
            }
            DialogUsage::Rest(id) => (id, Stepped::Unknown),
            _ => return None,
        };
        if scope == FailureScope::Dialog {
            self.on_dialog_gone(endpoint, id);
        }
        (stepped == Stepped::Over).then_some(id)
    }

    /// Whether a call still waits for the response to a request of this kind.
    pub(crate) fn awaits(&self, id: SessionId, to: SessionRequest) -> bool {
        let call = self.calls.get(id.0);
        let state = call.and_then(|call| call.state.as_ref());
        match to {
            SessionRequest::Update(dialog) => {
                let early = match state {
                    Some(State::Calling(calling)) => &calling.early.dialogs[..],
                    _ => &[],
                };
                let mut early = early.iter();
                early.any(|early| early.dialog == dialog && early.updates.are_sent())
                    || call.is_some_and(|call| call.common.updates.are_sent())
            }
            SessionRequest::Invite => matches!(state, Some(State::Calling(_))),
            SessionRequest::Reinvite => matches!(state, Some(State::Reinviting(_))),
            SessionRequest::Bye => matches!(state, Some(State::Terminating(_))),
            SessionRequest::Prack(_) => {
                matches!(
                    state,
                    Some(State::Calling(_) | State::Cancelling(_) | State::Reinviting(_))
                )
            }
        }
    }

    /// Whether the re-INVITE of a call waits to be tried again.
    fn tries_again(&self, id: SessionId) -> bool {
        let call = self.calls.get(id.0);
        matches!(
            call.and_then(|call| call.state.as_ref()),
            Some(State::Glare(_))
        )
    }

    /// Whether the INVITE of a call waits to be sent.
    pub(crate) fn is_queued(&self, id: SessionId) -> bool {
        let call = self.calls.get(id.0);
        matches!(
            call.and_then(|call| call.state.as_ref()),
            Some(State::QueuedInvite(_))
        )
    }

    /// The calls whose INVITE waits to be sent, with their positions in the order of commands.
    pub(crate) fn queued(&self) -> impl Iterator<Item = (u64, SessionId)> {
        let state = |call: &Call| match &call.state {
            Some(State::QueuedInvite(queued)) => Some(queued.sequence),
            _ => None,
        };
        self.calls
            .iter()
            .filter_map(move |(handle, call)| Some((state(call)?, SessionId(handle))))
    }

    /// Whether every call is up without an INVITE or UPDATE under way, so that the connection in use may change.
    pub(crate) const fn are_quiet(&self) -> bool {
        self.quiet == self.calls.len()
    }

    /// Takes a new call.
    pub(super) fn insert(&mut self, call: Call) {
        self.quiet += usize::from(call.is_quiet());
        self.calls.insert(call);
    }

    /// The dialog of a call that is up and not hanging up, for a request within it.
    pub(crate) fn established_dialog(&self, id: SessionId) -> Result<DialogId, CommandError> {
        let call = self.calls.get(id.0).ok_or(CommandError::Stale)?;
        let up = match &call.state {
            Some(
                State::Confirmed(_)
                | State::Offering(_)
                | State::Reinviting(_)
                | State::Acknowledging(_)
                | State::Glare(_)
                | State::Answering(_)
                | State::Reanswered(_),
            ) => call.common.dialog,
            _ => None,
        };
        up.ok_or(CommandError::WrongState(Requirement::Up))
    }

    /// Whether no further call fits in.
    pub(super) fn is_full(&self, endpoint: &Endpoint) -> bool {
        self.calls.len() >= endpoint.limits().sessions
    }

    /// Whether no further call of a peer fits in.
    pub(crate) fn is_busy(&self, endpoint: &Endpoint) -> bool {
        self.is_full(endpoint) || self.incoming >= endpoint.limits().incoming_sessions
    }

    /// All calls.
    pub(crate) fn ids(&self) -> Vec<SessionId> {
        let handles = self.calls.handles();
        handles.into_iter().map(SessionId).collect()
    }
}

//! The digest of a session layer.

use super::{Phase, SessionLayer};
use crate::endpoint::{Endpoint, SessionTimer};
use crate::exploration::Digest;
use crate::ids::{ConnectionId, SessionId};
use crate::session::context::Common;
use crate::session::offer::Carrier;
use crate::session::refresh::Timing;
use crate::session::state::{Ours, State};
use crate::transaction::ServerTransactionId;

impl SessionLayer {
    /// Everything that decides how the calls go on. `place` says which connection a handle is.
    pub(in crate::session) fn digest(
        &self,
        endpoint: &Endpoint,
        place: &dyn Fn(ConnectionId) -> u64,
    ) -> u64 {
        let mut digest = Digest::new();
        for (handle, call) in self.calls.iter() {
            let common = &call.common;
            let theirs = common.updates.theirs;
            let theirs = theirs.map_or(0, |theirs| endpoint.layer.digest_server(theirs));
            digest
                .number(handle.to_bits())
                .number(common.connection.map_or(0, |known| place(known) + 1))
                .number(u64::from(common.dialog.is_some()))
                .number(u64::from(common.peer_replaces))
                .number(u64::from(common.was_referred))
                .debug(&common.replaces())
                .debug(&common.follows())
                .number(u64::from(common.holds))
                .number(u64::from(common.updates.allowed))
                .debug(&common.updates.ours)
                .number(theirs)
                .debug(&common.refresh.timing)
                .debug(&common.offer);
            for number in common.numbers() {
                digest.number(number);
            }
            if let Some(state) = &call.state {
                digest_state(state, endpoint, &mut digest);
            }
        }
        digest.number(self.invites.len() as u64);
        for (handle, transfer) in self.transfers.iter() {
            let number = digest.number(handle.to_bits());
            number.debug(&transfer.state).debug(&transfer.session);
        }
        for (handle, referred) in self.referred.iter() {
            let number = digest.number(handle.to_bits());
            number.debug(&referred.state).debug(&referred.session);
        }
        digest.finish()
    }

    /// Whether no call and no INVITE is left.
    pub(in crate::session) fn has_nothing(&self) -> bool {
        self.calls.is_empty() && self.invites.is_empty() && self.refers() == 0
    }

    /// What is wrong with the timers of a call: one that its state does not have, or none although the call waits.
    pub(in crate::session) fn fault_of_timers(
        &self,
        id: SessionId,
        running: &[SessionTimer],
    ) -> Option<&'static str> {
        use SessionTimer::{
            Description, GiveUp, Invitation, NoAnswer, Offer, Prack, Repeat, RepeatProvisional,
            Ring, Update,
        };
        let (needed, allowed): (&[_], &[_]) = match self.calls.get(id.0)?.state.as_ref()? {
            State::AwaitingOffer(_) | State::AwaitingAnswer(_) | State::QueuedAck(_) => {
                (&[Description], &[])
            }
            State::QueuedInvite(_) => (&[GiveUp], &[Invitation]),
            State::QueuedBye(_) | State::LostBye(_) => (&[GiveUp], &[]),
            State::Calling(_) => (&[], &[NoAnswer, Description, Invitation, Update]),
            State::Incoming(_) | State::Accepting(_) => {
                (&[NoAnswer], &[Ring, Description, RepeatProvisional, Prack])
            }
            State::Answered(_) | State::HangingUp(_) | State::Reanswered(_) => {
                (&[Repeat, GiveUp], &[])
            }
            State::Offering(_) | State::Acknowledging(_) => (&[Description], &[]),
            State::Glare(_) => (&[Offer], &[]),
            State::Reinviting(_) => (&[], &[Offer]),
            State::Answering(_) => (&[Description], &[]),
            State::Cancelling(_) | State::Confirmed(_) | State::Terminating(_) => (&[], &[]),
        };
        let common = &self.calls.get(id.0)?.common;
        let of_updates = common.timers_of_updates();
        let (of_session, retry) = common.timers_of_session();
        // A call that waits for the ACK before its BYE has timers still.
        let waits_for_ack = self.state_for_tests(id) == Some("HangingUp");
        let is_over = !waits_for_ack && self.phase(id) == Some(Phase::Ending);
        let of_session = if is_over { &[] } else { of_session };
        let needs = needed.iter().chain(of_updates.iter().flatten());
        if needs
            .chain(of_session)
            .any(|timer| !running.contains(timer))
        {
            return Some("a state waits without its timer");
        }
        let known = |timer| {
            needed.contains(timer)
                || allowed.contains(timer)
                || of_updates.contains(&Some(*timer))
                || of_session.contains(timer)
                || retry == Some(*timer) && !is_over
        };
        if !running.iter().all(known) {
            return Some("a timer of an earlier state still runs");
        }
        None
    }
}

impl Common {
    /// The timers that the UPDATEs of a call need.
    fn timers_of_updates(&self) -> [Option<SessionTimer>; 2] {
        let asks = self.offer.asked().and(self.offer.carrier()) == Some(Carrier::Update);
        let waits = matches!(self.updates.ours, Ours::Glare(_));
        [
            asks.then_some(SessionTimer::Description),
            waits.then_some(SessionTimer::Update),
        ]
    }

    /// The timers that the session of a call needs (RFC 4028 section 10), and one that it may have.
    const fn timers_of_session(&self) -> (&'static [SessionTimer], Option<SessionTimer>) {
        match self.refresh.timing {
            Timing::Off => (&[], None),
            Timing::Ours(_) => (&[SessionTimer::Refresh, SessionTimer::Expiry], None),
            Timing::Overdue(_) => (&[SessionTimer::Expiry], Some(SessionTimer::Refresh)),
            Timing::Theirs(_) => (&[SessionTimer::Expiry], None),
        }
    }
}

fn digest_state(state: &State, endpoint: &Endpoint, digest: &mut Digest) {
    let layer = &endpoint.layer;
    let since = |at| endpoint.now.saturating_since(at).as_micros() as u64;
    match state {
        State::AwaitingOffer(_) => digest.number(1),
        State::QueuedInvite(_) => digest.number(2),
        State::Calling(calling) | State::Cancelling(calling) => {
            for early in &calling.early.dialogs {
                let theirs = early.updates.theirs;
                digest.number(theirs.map_or(0, |theirs| layer.digest_server(theirs)));
            }
            digest
                .number(3 + u64::from(matches!(state, State::Cancelling(_))))
                .number(layer.digest_client(calling.transaction))
                .number(u64::from(calling.sent_again))
                .debug(&calling.early)
        }
        State::AwaitingAnswer(_) => digest.number(5),
        State::QueuedAck(queued) => digest.number(6).bytes(&queued.answer.bytes),
        State::Incoming(incoming) | State::Accepting(incoming) => digest
            .number(7 + u64::from(matches!(state, State::Accepting(_))))
            .number(layer.digest_server(incoming.transaction))
            .number(u64::from(incoming.ringing))
            .number(u64::from(incoming.negotiated))
            .number(u64::from(incoming.prack.is_some()))
            .debug(&incoming.reliable)
            .debug(&incoming.last)
            .debug(&incoming.early)
            .debug(&incoming.preview)
            .debug(&incoming.headers),
        State::Answered(answered) => digest_answered(9, answered, endpoint, digest),
        State::HangingUp(answered) => digest_answered(10, answered, endpoint, digest),
        State::Reanswered(answered) => digest_answered(11, answered, endpoint, digest),
        State::Confirmed(_) => digest.number(12),
        State::Offering(offering) => digest.number(13).debug(&offering.attempt),
        State::Reinviting(reinviting) => digest
            .number(14)
            .number(layer.digest_client(reinviting.transaction))
            .debug(&reinviting.attempt)
            .debug(&reinviting.preview)
            .debug(&reinviting.rseq),
        State::Acknowledging(_) => digest.number(20),
        State::Glare(glare) => digest.number(15).debug(&glare.attempt),
        State::Answering(answering) => digest
            .number(16)
            .number(layer.digest_server(answering.transaction))
            .number(answering.number.into())
            .debug(&answering.attempt),
        State::Terminating(over) | State::QueuedBye(over) | State::LostBye(over) => {
            let kind = match state {
                State::Terminating(_) => 17,
                State::QueuedBye(_) => 18,
                _ => 19,
            };
            digest
                .number(kind)
                .number(since(over.since))
                .debug(&over.reason.cause)
                .debug(&over.reason.originator)
        }
    };
}

fn digest_answered<'a>(
    kind: u64,
    answered: &crate::session::state::Answered,
    endpoint: &Endpoint,
    digest: &'a mut Digest,
) -> &'a mut Digest {
    digest
        .number(kind)
        .number(endpoint.layer.digest_server(answered.transaction))
        .number(answered.number.into())
        .number(answered.interval.as_micros() as u64)
        .debug(&answered.attempt)
}

/// What the tests of the tables see.
impl SessionLayer {
    /// The name of the state of a call, for the table test.
    pub(in crate::session) fn state_for_tests(&self, id: SessionId) -> Option<&'static str> {
        Some(match self.calls.get(id.0)?.state.as_ref()? {
            State::AwaitingOffer(_) => "AwaitingOffer",
            State::QueuedInvite(_) => "QueuedInvite",
            State::Calling(_) => "Calling",
            State::Cancelling(_) => "Cancelling",
            State::AwaitingAnswer(_) => "AwaitingAnswer",
            State::QueuedAck(_) => "QueuedAck",
            State::Incoming(_) => "Incoming",
            State::Accepting(_) => "Accepting",
            State::Answered(_) => "Answered",
            State::HangingUp(_) => "HangingUp",
            State::Confirmed(_) => "Confirmed",
            State::Offering(_) => "Offering",
            State::Reinviting(_) => "Reinviting",
            State::Acknowledging(_) => "Acknowledging",
            State::Glare(_) => "Glare",
            State::Answering(_) => "Answering",
            State::Reanswered(_) => "Reanswered",
            State::Terminating(_) => "Terminating",
            State::QueuedBye(_) => "QueuedBye",
            State::LostBye(_) => "LostBye",
        })
    }

    /// The name of the state of the UPDATEs of a call, for the table test.
    pub(in crate::session) fn update_state_for_tests(&self, id: SessionId) -> Option<&'static str> {
        let call = self.calls.get(id.0)?;
        let early = match call.state.as_ref()? {
            State::Calling(calling) => calling.early.dialogs.first(),
            _ => None,
        };
        let updates = early.map_or(&call.common.updates, |early| &early.updates);
        Some(updates.state_for_tests())
    }

    /// The transaction of the peer's UPDATE that a call answers, for the table test.
    pub(in crate::session) fn update_for_tests(
        &self,
        id: SessionId,
    ) -> Option<ServerTransactionId> {
        let call = self.calls.get(id.0)?;
        let state = call.state.as_ref()?;
        let mut pending = state.pending(&call.common.updates).into_iter();
        pending.find(|&pending| Some(pending) != state.server_transaction())
    }

    /// The transaction of the peer's INVITE that a call answers, for the table test.
    pub(in crate::session) fn transaction_for_tests(
        &self,
        id: SessionId,
    ) -> Option<ServerTransactionId> {
        self.calls.get(id.0)?.state.as_ref()?.server_transaction()
    }
}

/// What an application cannot tell from events.
impl SessionLayer {
    /// Whether this side refreshes the session of a call; `None` without session timers.
    pub(in crate::session) fn refreshes_for_tests(&self, id: SessionId) -> Option<bool> {
        match self.calls.get(id.0)?.common.refresh.timing {
            Timing::Off => None,
            Timing::Ours(_) | Timing::Overdue(_) => Some(true),
            Timing::Theirs(_) => Some(false),
        }
    }

    /// Whether a call is up and no change of it is under way.
    pub(in crate::session) fn takes_a_change(&self, id: SessionId) -> bool {
        let call = self.calls.get(id.0);
        self.state_for_tests(id) == Some("Confirmed")
            && call.is_some_and(|call| call.common.may_offer())
    }

    /// Whether a re-INVITE or UPDATE of the peer waits for a description.
    pub(in crate::session) fn answers_a_change(&self, id: SessionId) -> bool {
        let call = self.calls.get(id.0);
        self.state_for_tests(id) == Some("Answering")
            || call.is_some_and(|call| call.common.updates.are_answered())
    }
}

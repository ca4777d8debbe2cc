//! The calls that have a handle, and those of peers that wait for one.
//!
//! | state | input | does | next |
//! |---|---|---|---|
//! | - | Offer | wake-takers | Offered |
//! | - | Place | | Early |
//! | Offered | Claim | | Early |
//! | Offered | ComeUp, End, Gone | | - |
//! | Early | ComeUp | wake | Up |
//! | Early, Up | End, Gone | wake | Over |
//! | Early, Up | Drop | hang-up | - |
//! | Early, Up, Over | Detach | | - |
//! | Over | Drop | | - |
//!
//! A cell that is not in the table changes nothing.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};

use sip_core::{Cause, DescriptionKind, EndReason, Event, ExchangeId, ExchangeOutcome, SessionId};
use sip_parse::Request;

/// Why a call or request ended whose agent is gone.
#[must_use]
pub fn stopped() -> EndReason {
    EndReason::local(Cause::Stopped)
}

/// Where a call stands, as far as its handle asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// A peer calls, and no handle has been made.
    Offered,
    /// It has a handle and is not up.
    Early,
    /// It is up.
    Up,
    /// It has ended, and its handle has not been dropped.
    Over,
}

/// What can happen to a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Input {
    /// A peer calls.
    Offer,
    /// A command has made the call and its handle.
    Place,
    /// The application takes the call of a peer.
    Claim,
    /// The call is up.
    ComeUp,
    /// The call has ended.
    End,
    /// The agent is gone.
    Gone,
    /// The application drops the handle.
    Drop,
    /// The application gives the handle up and keeps the call.
    Detach,
}

/// What follows from an input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Effect {
    Nothing,
    /// Waits for calls of peers are over.
    WakeTakers,
    /// Waits for this call ask again.
    Wake,
    /// The agent ends the call.
    HangUp,
}

impl State {
    /// The next state, `None` for a call that the machine forgets; see the table of this module.
    pub(super) fn step(state: Option<Self>, input: Input) -> (Option<Self>, Effect) {
        use Input::{Claim, ComeUp, Detach, Drop, End, Gone, Offer, Place};
        match (state, input) {
            (None, Offer) => (Some(Self::Offered), Effect::WakeTakers),
            (None, Place) | (Some(Self::Offered), Claim) => (Some(Self::Early), Effect::Nothing),
            (Some(Self::Offered), ComeUp | End | Gone) => (None, Effect::Nothing),
            (Some(Self::Early), ComeUp) => (Some(Self::Up), Effect::Wake),
            (Some(Self::Early | Self::Up), End | Gone) => (Some(Self::Over), Effect::Wake),
            (Some(Self::Early | Self::Up), Drop) => (None, Effect::HangUp),
            (Some(Self::Over), Drop) => (None, Effect::Nothing),
            (Some(Self::Early | Self::Up | Self::Over), Detach) => (None, Effect::Nothing),
            (state, _) => (state, Effect::Nothing),
        }
    }
}

/// The call of a peer that waits for a handle.
#[derive(Clone, Debug)]
pub struct OfferedCall {
    /// The call.
    pub session: SessionId,
    /// The call that it replaces if it is answered (RFC 3891).
    pub replaces: Option<SessionId>,
    /// The INVITE.
    pub request: Box<Request>,
}

/// A change of the session that the application waits for.
#[derive(Debug)]
struct Change {
    number: u64,
    /// The exchange that makes the change; `None` until the core asks for its offer.
    exchange: Option<ExchangeId>,
    outcome: Option<Result<(), Box<EndReason>>>,
}

#[derive(Debug)]
struct Call {
    state: State,
    has_come_up: bool,
    offer: Option<OfferedCall>,
    /// The place among the offered calls.
    sequence: u64,
    end: Option<Box<EndReason>>,
    change: Option<Change>,
    /// Further branches of its INVITE that have no handle.
    branches: VecDeque<SessionId>,
}

/// The calls of one agent.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: BTreeMap<SessionId, Call>,
    /// The offered calls in their order.
    offered: BTreeMap<u64, SessionId>,
    minted: u64,
}

impl Calls {
    /// Takes an event about a call.
    pub(super) fn on_event(&mut self, event: &Event) -> Effect {
        match event {
            Event::IncomingCall {
                session,
                replaces,
                request,
                ..
            } => {
                let effect = self.step(*session, Input::Offer);
                if let Some(call) = self.calls.get_mut(session) {
                    self.minted += 1;
                    call.sequence = self.minted;
                    call.offer = Some(OfferedCall {
                        session: *session,
                        replaces: *replaces,
                        request: request.clone(),
                    });
                    self.offered.insert(self.minted, *session);
                }
                effect
            }
            _ if self.calls.is_empty() => Effect::Nothing,
            Event::Established { session } => self.step(*session, Input::ComeUp),
            Event::Ended { session, reason } => {
                if let Some(call) = self.calls.get_mut(session) {
                    call.end = Some(reason.clone());
                }
                self.step(*session, Input::End)
            }
            Event::CallBranched { session, of } => match self.calls.get_mut(of) {
                Some(parent) if parent.state != State::Offered => {
                    parent.branches.push_back(*session);
                    self.step(*session, Input::Place);
                    Effect::Wake
                }
                _ => Effect::Nothing,
            },
            Event::DescriptionNeeded {
                session,
                exchange,
                kind: DescriptionKind::Offer,
                ..
            } => {
                if let Some(change) = self.open_change(*session) {
                    change.exchange.get_or_insert(*exchange);
                }
                Effect::Nothing
            }
            Event::ExchangeEnded {
                session,
                exchange,
                outcome,
                ..
            } => match self.open_change(*session) {
                Some(change) if change.exchange == Some(*exchange) => {
                    change.outcome = match outcome {
                        // The core asks for a fresh offer later.
                        ExchangeOutcome::RolledBack(_) => None,
                        outcome => Some(match outcome.reason() {
                            None => Ok(()),
                            Some(reason) => Err(Box::new(reason.clone())),
                        }),
                    };
                    change.exchange = None;
                    Effect::Wake
                }
                _ => Effect::Nothing,
            },
            Event::ModificationEnded { session, outcome } => match self.open_change(*session) {
                Some(change) => {
                    change.outcome = Some(outcome.clone());
                    Effect::Wake
                }
                None => Effect::Nothing,
            },
            _ => Effect::Nothing,
        }
    }

    fn open_change(&mut self, session: SessionId) -> Option<&mut Change> {
        let change = self.calls.get_mut(&session)?.change.as_mut()?;
        change.outcome.is_none().then_some(change)
    }

    /// The one door of the states.
    pub(super) fn step(&mut self, session: SessionId, input: Input) -> Effect {
        let before = self.calls.get(&session).map(|call| call.state);
        let (after, effect) = State::step(before, input);
        if before == Some(State::Offered)
            && after != before
            && let Some(call) = self.calls.get(&session)
        {
            self.offered.remove(&call.sequence);
        }
        match after {
            None => {
                self.calls.remove(&session);
            }
            Some(state) => {
                let call = self.calls.entry(session).or_insert_with(|| Call {
                    state,
                    has_come_up: false,
                    offer: None,
                    sequence: 0,
                    end: None,
                    change: None,
                    branches: VecDeque::new(),
                });
                call.state = state;
                call.has_come_up |= state == State::Up;
            }
        }
        effect
    }

    /// The first call of a peer that has no handle; it has one from now on.
    pub(super) fn claim(&mut self) -> Option<OfferedCall> {
        let (_, &session) = self.offered.first_key_value()?;
        self.step(session, Input::Claim);
        self.calls.get_mut(&session)?.offer.take()
    }

    /// A further branch of a call that has no handle of the application yet; it has one from now on.
    pub(super) fn claim_branch(&mut self, of: SessionId) -> Option<SessionId> {
        self.calls.get_mut(&of)?.branches.pop_front()
    }

    /// Why the call ended; `None` while it goes on.
    pub(super) fn end(&self, session: SessionId) -> Option<&EndReason> {
        self.calls.get(&session)?.end.as_deref()
    }

    /// Whether the call came up, or why it did not; `None` while neither is known.
    pub(super) fn established(&self, session: SessionId) -> Option<Result<(), EndReason>> {
        let call = self.calls.get(&session)?;
        if call.has_come_up {
            return Some(Ok(()));
        }
        call.end.as_ref().map(|end| Err(EndReason::clone(end)))
    }

    /// The application waits for a change of the session that it has just asked for. Returns its number.
    pub(super) fn begin_change(&mut self, session: SessionId) -> u64 {
        self.minted += 1;
        if let Some(call) = self.calls.get_mut(&session) {
            call.change = Some(Change {
                number: self.minted,
                exchange: None,
                outcome: None,
            });
        }
        self.minted
    }

    /// The outcome of a change; `None` while it goes on. A later change of the same call makes an earlier one complete.
    pub(super) fn changed(
        &self,
        session: SessionId,
        number: u64,
    ) -> Option<Result<(), Box<EndReason>>> {
        let Some(call) = self.calls.get(&session) else {
            return Some(Ok(()));
        };
        match &call.change {
            Some(change) if change.number == number && change.outcome.is_some() => {
                change.outcome.clone()
            }
            Some(change) if change.number != number => Some(Ok(())),
            _ => call.end.clone().map(Err),
        }
    }

    /// Ends all calls of an agent that is gone.
    pub(super) fn gone(&mut self) {
        let all: alloc::vec::Vec<_> = self.calls.keys().copied().collect();
        for session in all {
            if let Some(call) = self.calls.get_mut(&session) {
                call.end.get_or_insert_with(|| Box::new(stopped()));
            }
            self.step(session, Input::Gone);
        }
    }

    pub(super) fn branches(&self, of: SessionId) -> VecDeque<SessionId> {
        self.calls
            .get(&of)
            .map(|call| call.branches.clone())
            .unwrap_or_default()
    }

    pub(super) fn len(&self) -> usize {
        self.calls.len()
    }
}

#[cfg(test)]
mod tests {
    #[cfg(not(feature = "os"))]
    extern crate std;

    use std::string::ToString;
    use std::vec::Vec;
    use std::{format, vec};

    use super::*;

    /// Each cell of the table in the doc comment does what the table says, and a cell that it does not have changes nothing.
    #[test]
    fn the_table_is_the_machine() {
        let states = [
            ("-", None),
            ("Offered", Some(State::Offered)),
            ("Early", Some(State::Early)),
            ("Up", Some(State::Up)),
            ("Over", Some(State::Over)),
        ];
        let inputs = [
            ("Offer", Input::Offer),
            ("Place", Input::Place),
            ("Claim", Input::Claim),
            ("ComeUp", Input::ComeUp),
            ("End", Input::End),
            ("Gone", Input::Gone),
            ("Drop", Input::Drop),
            ("Detach", Input::Detach),
        ];
        let effects = [
            ("", Effect::Nothing),
            ("wake-takers", Effect::WakeTakers),
            ("wake", Effect::Wake),
            ("hang-up", Effect::HangUp),
        ];
        let lines = include_str!("calls.rs").lines();
        let rows: Vec<Vec<&str>> = lines
            .filter_map(|line| line.strip_prefix("//! |"))
            .skip(2)
            .map(|line| line.split('|').map(str::trim).collect())
            .collect();
        assert_eq!(rows.len(), 9);
        let mut used = vec![0; rows.len()];
        for (state_name, state) in states {
            for (input_name, input) in inputs {
                let has = |cell: &str, name: &str| cell.split(", ").any(|part| part == name);
                let row = rows
                    .iter()
                    .position(|row| has(row[0], state_name) && has(row[1], input_name));
                let expected = match row {
                    Some(row) => {
                        used[row] += 1;
                        let find = |name: &str| {
                            let found = states.iter().find(|(known, _)| *known == name);
                            found.expect("a state").1
                        };
                        let effect = effects.iter().find(|(known, _)| *known == rows[row][2]);
                        (find(rows[row][3]), effect.expect("an effect").1)
                    }
                    None => (state, Effect::Nothing),
                };
                let cell = format!("{state_name} {input_name}");
                assert_eq!(State::step(state, input), expected, "{cell}");
            }
        }
        assert!(
            used.iter().all(|&used| used > 0),
            "{}",
            "unused row".to_string()
        );
    }
}

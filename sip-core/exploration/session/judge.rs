//! What is wrong with a state of everything.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::application::Call;
use super::world::{Side, World};
use crate::ids::SessionId;
use crate::reason::Cause;
use crate::session::{DescriptionFailed, Input};

impl World {
    /// What is wrong in a state in which nothing is under way.
    pub(super) fn fault_when_quiet(&self) -> Option<String> {
        if self.under_way() || self.cuts < self.rules.cuts {
            return None;
        }
        let [caller, callee] = &self.sides;
        if !caller.wire.unacknowledged_early.is_empty() && !caller.asks() {
            return Some("a reliable response without PRACK".into());
        }
        let (ours, theirs) = (
            caller.application.calls.first()?,
            callee.application.calls.first()?,
        );
        let over = [ours, theirs].map(|call| call.ended.is_some());
        let pending = |side: &Side| side.endpoint.layer.client_transactions() > 0;
        if over[0] != over[1] && !pending(caller) && !pending(callee) {
            let waits = self
                .sides
                .iter()
                .any(|side| side.endpoint.next_tick().is_some());
            let text = "the call is over at one end, and nobody tells the other";
            return (!waits).then(|| text.into());
        }
        let at_rest = |call: &Call| call.established && call.open.is_none();
        if at_rest(ours) && at_rest(theirs) && over == [false; 2] {
            let mirrored = theirs.session.map(|(own, peer)| (peer, own));
            if ours.session != mirrored {
                return Some("the ends have different sessions".into());
            }
            let refreshers = [(caller, ours), (callee, theirs)]
                .map(|(side, call)| side.calls.refreshes_for_tests(call.id));
            if self.rules.refreshes > 0 && refreshers[0] == refreshers[1] {
                return Some("both ends refresh the session, or neither".into());
            }
        }
        None
    }
}

impl Side {
    /// What is wrong with what the end keeps.
    pub(super) fn fault(&self) -> Option<String> {
        let running: Vec<_> = self.endpoint.session_timers().collect();
        for call in &self.application.calls {
            let own = running.iter().filter(|(id, _)| *id == call.id);
            let own: Vec<_> = own.map(|(_, timer)| *timer).collect();
            if call.ended.is_some() && !own.is_empty() {
                return Some("a timer of a call that is over".into());
            }
            if let Some(why) = self.calls.fault_of_timers(call.id, &own) {
                return Some(format!("{why}: {:?}, {own:?}", self.state(call.id)));
            }
        }
        None
    }

    /// Whether the application is asked for a description.
    fn asks(&self) -> bool {
        let mut calls = self.application.calls.iter();
        calls.any(|call| call.open.as_ref().is_some_and(|open| open.asked))
    }

    pub(super) fn state(&self, id: SessionId) -> &'static str {
        self.calls.state_for_tests(id).unwrap_or("over")
    }

    /// A late description is refused, and changes nothing.
    pub(super) fn refuses_stale_descriptions(&mut self) -> bool {
        let calls = self.application.calls.iter();
        let stale: Vec<_> = calls
            .filter_map(|call| Some((call.id, call.stale()?)))
            .collect();
        stale.into_iter().all(|(id, exchange)| {
            let late = Input::Describe(exchange, Err(DescriptionFailed));
            self.calls.step(&mut self.endpoint, id, late).is_err()
        })
    }

    pub(super) fn fault_at_the_end(&self, cut: bool) -> Option<&'static str> {
        let wire = &self.wire;
        if !self.calls.has_nothing() {
            return Some("a call is left");
        }
        if self.endpoint.table_sizes() != [0; 4] || !self.endpoint.layer.has_nothing() {
            return Some("a table is not empty");
        }
        for call in &self.application.calls {
            let Some((_, cause)) = call.ended else {
                return Some("a call without its end");
            };
            if cause == Cause::Expired && !cut {
                return Some("a session expired although nothing was lost");
            }
            let tells = wire.sent_bye || wire.received_bye || cause == Cause::NeverSent;
            if call.established && !tells {
                return Some("a call that was up ended without BYE");
            }
            let withdrawn = wire.sent_cancel || wire.sent_bye || wire.received_bye;
            let settled = withdrawn || wire.received_refusal || cut;
            if !call.incoming && wire.sent_invite && !settled {
                return Some("a call ended without CANCEL, BYE or refusal");
            }
        }
        if !cut && !wire.unacknowledged.is_empty() {
            return Some("a 2xx without ACK");
        }
        if self.application.transfers.iter().any(|(_, ended)| !ended) {
            return Some("a transfer without its end");
        }
        if !cut && !wire.requests.is_empty() {
            return Some("a request without a final response");
        }
        if !cut && wire.has_unanswered() {
            return Some("an INVITE without a final response");
        }
        None
    }
}

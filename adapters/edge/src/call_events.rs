//! What observers learn of calls and messages: an event for each step, and its counter.

use sip_core::{ConnectionId, Timestamp};
use sip_parse::{Method, NameAddr, Request, StatusCode};

use crate::calls::Attempt;
use crate::edge::Edge;
use crate::event::{CallFailure, EdgeEvent};

impl Edge {
    /// An INVITE outside any dialog begins a call. Other requests do not.
    pub(crate) fn call_begins(&mut self, request: &Request, now: Timestamp) -> Option<Attempt> {
        let outside = request.to().is_ok_and(|to| to.tag().is_none());
        if request.method() != Method::Invite || !outside {
            return None;
        }
        self.counters.calls_started += 1;
        let attempt = self.calls.begin(now);
        let (from, to) = ends(request);
        let call = attempt.number;
        self.event(EdgeEvent::CallStarted { call, from, to });
        Some(attempt)
    }

    /// The first 2xx was forwarded.
    pub(crate) fn call_answered(
        &mut self,
        attempt: Attempt,
        request: &Request,
        connections: [ConnectionId; 2],
        now: Timestamp,
    ) {
        self.counters.calls_answered += 1;
        let most = self.config.limits.calls;
        self.calls
            .established(attempt.number, request, connections, most, now);
        let (from, to) = ends(request);
        self.event(EdgeEvent::CallAnswered {
            call: attempt.number,
            from,
            to,
            after: now.saturating_since(attempt.since),
        });
    }

    /// A call ended before it was answered.
    pub(crate) fn call_failed(
        &mut self,
        attempt: Option<Attempt>,
        reason: CallFailure,
        now: Timestamp,
    ) {
        let Some(attempt) = attempt else { return };
        match reason {
            CallFailure::Status(StatusCode::REQUEST_TERMINATED) | CallFailure::CallerLost => {
                self.counters.calls_cancelled += 1;
            }
            CallFailure::Status(_) => self.counters.calls_refused += 1,
        }
        self.event(EdgeEvent::CallFailed {
            call: attempt.number,
            reason,
            after: now.saturating_since(attempt.since),
        });
    }

    /// A BYE was answered 2xx.
    pub(crate) fn call_ended(&mut self, bye: &Request, now: Timestamp) {
        self.counters.calls_ended += 1;
        let call = self.calls.ended(bye);
        let (by, _) = ends(bye);
        self.event(EdgeEvent::CallEnded {
            call: call.map(|(number, _)| number),
            by,
            duration: call.map(|(_, since)| now.saturating_since(since)),
        });
    }

    /// A MESSAGE got its final response: of its user, or of the edge in place of it.
    pub(crate) fn message_completed(&mut self, request: &Request, status: StatusCode) {
        let (from, to) = ends(request);
        if status.is_success() {
            self.counters.messages_delivered += 1;
            self.event(EdgeEvent::MessageDelivered { from, to });
        } else {
            self.counters.messages_failed += 1;
            self.event(EdgeEvent::MessageFailed { from, to, status });
        }
    }

    /// The registrar refused a REGISTER. `user` is the one in its To.
    pub(crate) fn registration_refused(
        &mut self,
        connection: ConnectionId,
        request: &Request,
        status: StatusCode,
    ) {
        self.counters.registrations_refused += 1;
        let (_, user) = ends(request);
        self.event(EdgeEvent::RegistrationRefused {
            user,
            connection,
            remote: self.remote(connection),
            status,
        });
    }
}

/// The URIs of From and To.
pub(crate) fn ends(request: &Request) -> (String, String) {
    let text = |address: Result<NameAddr<'_>, _>| {
        address.map_or_else(
            |_| String::new(),
            |address| sip_parse::text(address.uri_text()).to_string(),
        )
    };
    (text(request.from()), text(request.to()))
}

//! The offer/answer exchange (RFC 3264) as tests see it: which description the agent needs, which one
//! the peer sent, how the exchange ended.
//!
//! Tests read the events and give the command of an exchange through this file alone, so that a change
//! of their form changes this file and not the tests.

use sip_core::{
    Body, CommandError, DescriptionFailed, DescriptionKind, EndReason, Event, ExchangeId,
    SessionId, Timestamp, UserAgent,
};

/// A description that the agent needs from the application.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DescriptionRequest {
    /// The call.
    pub session: SessionId,
    /// The exchange.
    pub exchange: ExchangeId,
    /// Offer or answer.
    pub kind: DescriptionKind,
    /// Whether this side holds the call with it.
    pub hold: bool,
}

impl DescriptionRequest {
    /// A request that the agent never made, for tests of commands that come at the wrong time.
    pub fn never_made(session: SessionId) -> Self {
        Self {
            session,
            exchange: ExchangeId::from_number(1),
            kind: DescriptionKind::Offer,
            hold: false,
        }
    }

    /// Answers the request.
    ///
    /// # Errors
    /// Those of [`UserAgent::describe`].
    pub fn describe(
        self,
        agent: &mut UserAgent,
        description: Result<Body, DescriptionFailed>,
        now: Timestamp,
    ) -> Result<(), CommandError> {
        agent.describe(self.session, self.exchange, description, now)
    }
}

/// The request for a description that this event makes.
pub fn description_needed(event: &Event) -> Option<DescriptionRequest> {
    match *event {
        Event::DescriptionNeeded {
            session,
            exchange,
            kind,
            hold,
            ..
        } => Some(DescriptionRequest {
            session,
            exchange,
            kind,
            hold,
        }),
        _ => None,
    }
}

/// The peer's description that this event brings.
pub fn remote_description(event: &Event) -> Option<(SessionId, DescriptionKind, &Body)> {
    match event {
        Event::RemoteDescription {
            session,
            kind,
            body,
            ..
        } => Some((*session, *kind, body)),
        _ => None,
    }
}

/// How an exchange within a call that is up ended.
#[derive(Clone, PartialEq, Debug)]
pub struct ExchangeEnd {
    /// The call.
    pub session: SessionId,
    /// Why the exchange failed, if it did.
    pub outcome: Result<(), EndReason>,
}

/// The end of an exchange that this event reports.
pub fn exchange_ended(event: &Event) -> Option<ExchangeEnd> {
    let (session, outcome) = match event {
        Event::ExchangeEnded {
            session, outcome, ..
        } => (*session, outcome.reason().cloned().map_or(Ok(()), Err)),
        _ => return None,
    };
    Some(ExchangeEnd { session, outcome })
}

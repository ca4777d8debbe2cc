//! Session descriptions from a media engine in place of the application.

use alloc::collections::BTreeMap;
use alloc::string::String;

use sip_core::config::Config;
use sip_core::{
    Body, DescriptionKind, Event, ExchangeId, ExchangeOutcome, RequestId, SessionId, Tones,
};

/// Why a description could not be made, or why the peer's cannot be used. The text is for logs.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("session description: {0}")]
pub struct DescriptionError(pub String);

/// A description factory whose options have a type of their own. They are read once; all handlers share them.
///
/// It is a `SessionDescriptionHandlerFactory` of either adapter if `create` is a closure from the call and the
/// options to a handler.
#[derive(Debug)]
pub struct TypedFactory<O, F> {
    options: O,
    create: F,
}

impl<O, F> TypedFactory<O, F> {
    /// Keeps what `read` returns for the parameter `sessionDescriptionHandlerFactoryOptions`: its keys and
    /// their configured values. A value from a file is JSON text.
    ///
    /// # Errors
    /// The error of `read`.
    pub fn new<E>(
        config: &Config,
        read: impl FnOnce(&BTreeMap<String, String>) -> Result<O, E>,
        create: F,
    ) -> Result<Self, E> {
        let options = read(config.session_description_handler_factory_options())?;
        Ok(Self { options, create })
    }

    /// Makes the handler of a call.
    pub fn create<H>(&self, session: SessionId) -> H
    where
        F: Fn(SessionId, &O) -> H,
    {
        (self.create)(session, &self.options)
    }
}

/// The description handlers of all calls of one agent. Each adapter runs them in its own way.
pub trait Describers {
    /// Whether the handlers answer in place of the application.
    fn are_in_charge(&self) -> bool;

    /// The core requests our offer or answer. `hold` is that of
    /// [`Event::DescriptionNeeded`](sip_core::Event::DescriptionNeeded).
    fn describe(
        &mut self,
        session: SessionId,
        exchange: ExchangeId,
        kind: DescriptionKind,
        hold: bool,
    );

    /// The peer has sent its offer or answer.
    fn accept(
        &mut self,
        session: SessionId,
        exchange: ExchangeId,
        kind: DescriptionKind,
        body: Body,
    );

    /// The application sends tones, and `dtmfType` is `rtp`: whether the handler of the call sends them.
    fn send_tones(&mut self, session: SessionId, tones: &Tones) -> bool;

    /// An exchange ended without a new session: the session of the last complete exchange is in force again (RFC 6141 section 4).
    fn roll_back(&mut self, session: SessionId);

    /// The call is over.
    fn close(&mut self, session: SessionId);

    /// The answer of the handlers to [`Event::TonesOffered`], for
    /// [`UserAgent::tones_taken`](sip_core::UserAgent::tones_taken); `None` for another event, which the adapter passes on.
    fn take_tones(&mut self, event: &Event) -> Option<(RequestId, bool)> {
        match event {
            Event::TonesOffered {
                request,
                session,
                tones,
            } if self.are_in_charge() => Some((*request, self.send_tones(*session, tones))),
            _ => None,
        }
    }

    /// Passes an event to the handlers. Returns it if the application receives it too.
    fn intercept(&mut self, event: Event) -> Option<Event> {
        match &event {
            Event::DescriptionNeeded {
                session,
                exchange,
                kind,
                hold,
                ..
            } if self.are_in_charge() => {
                self.describe(*session, *exchange, *kind, *hold);
                return None;
            }
            Event::RemoteDescription {
                session,
                exchange,
                kind,
                body,
                ..
            } => self.accept(*session, *exchange, *kind, Body::clone(body)),
            Event::ExchangeEnded {
                session, outcome, ..
            } if !matches!(outcome, ExchangeOutcome::Complete) => self.roll_back(*session),
            Event::Ended { session, .. } => self.close(*session),
            _ => {}
        }
        Some(event)
    }
}

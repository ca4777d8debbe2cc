//! Session descriptions that a media engine makes instead of the application.

use alloc::collections::BTreeMap;
use alloc::string::String;

use sip_core::config::Config;
use sip_core::{Body, DescriptionKind, Event, SessionId};

/// Why there is no session description, or why the peer's cannot be used. The text is for logs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DescriptionError(pub String);

impl core::fmt::Display for DescriptionError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "session description: {}", self.0)
    }
}

impl core::error::Error for DescriptionError {}

/// A description factory whose options have a type of their own, read once and shared by all handlers.
///
/// It is a `SessionDescriptionHandlerFactory` of either adapter if `create` is a closure that makes a
/// handler of the call and the options.
#[derive(Debug)]
pub struct TypedFactory<O, F> {
    options: O,
    create: F,
}

impl<O, F> TypedFactory<O, F> {
    /// Takes what `read` makes of the parameter `sessionDescriptionHandlerFactoryOptions`: its keys, each
    /// with its value as it was configured, JSON text where that was a file.
    ///
    /// # Errors
    /// What `read` says.
    pub fn new<E>(
        config: &Config,
        read: impl FnOnce(&BTreeMap<String, String>) -> Result<O, E>,
        create: F,
    ) -> Result<Self, E> {
        let options = read(config.session_description_handler_factory_options())?;
        Ok(Self { options, create })
    }

    /// Makes a handler.
    pub fn create<H>(&self, session: SessionId) -> H
    where
        F: Fn(SessionId, &O) -> H,
    {
        (self.create)(session, &self.options)
    }
}

/// The description handlers of all calls of one agent, as an adapter runs them.
pub trait Describers {
    /// Whether the handlers answer, so that the application need not.
    fn are_in_charge(&self) -> bool;

    /// Our offer or answer is wanted.
    fn describe(&mut self, session: SessionId, kind: DescriptionKind);

    /// The peer's offer or answer is here.
    fn accept(&mut self, session: SessionId, kind: DescriptionKind, body: Body);

    /// The call is over.
    fn close(&mut self, session: SessionId);

    /// Shows the handlers an event before the application; `None` if it was for them alone.
    fn intercept(&mut self, event: Event) -> Option<Event> {
        match &event {
            Event::DescriptionNeeded { session, kind } if self.are_in_charge() => {
                self.describe(*session, *kind);
                return None;
            }
            Event::RemoteDescription {
                session,
                kind,
                body,
            } => self.accept(*session, *kind, Body::clone(body)),
            Event::Ended { session, .. } => self.close(*session),
            _ => {}
        }
        Some(event)
    }
}

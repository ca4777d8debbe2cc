//! What is at the other end of an agent's connections.

use sip_core::{Action, Event, Timestamp, UserAgent};

/// What is at the other end of the agent's connections.
pub trait FarEnd {
    /// Carries out an action of the agent; [`Action::Event`] never comes here.
    fn carry_out(&mut self, action: Action, agent: &mut UserAgent, now: Timestamp);

    /// The agent emits an event.
    fn event(&mut self, _event: &Event) {}

    /// The agent has no more actions. Checks what must hold then.
    fn settled(&self, _agent: &UserAgent) {}
}

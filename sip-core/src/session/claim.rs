//! Branches of a forked INVITE that answer after the first one, and that the application claims
//! ([`Forks::Claim`](super::Forks::Claim)): each becomes a call of its own (RFC 3261 section 13.2.2.4).

use super::context::{Common, Context};
use super::input::ResponseTo;
use super::layer::{Call, SessionLayer, Stepped};
use super::state::State;
use crate::body::remote_description;
use crate::endpoint::{DialogUsage, Endpoint, SessionRequest};
use crate::event::Event;
use crate::ids::SessionId;

impl SessionLayer {
    /// Passes a 2xx to the INVITE of the call `id` to the call of its branch, which it makes if the application claims
    /// branches; `None` if the 2xx is for the call `id` itself.
    pub(super) fn on_branch(
        &mut self,
        endpoint: &mut Endpoint,
        id: SessionId,
        response: &ResponseTo<'_>,
    ) -> Option<Stepped> {
        if response.to != SessionRequest::Invite || !response.status().is_success() {
            return None;
        }
        if let Some(dialog) = endpoint.dialogs.find_for_response(response.response) {
            let DialogUsage::Session(owner) = endpoint.dialogs.usage_of(dialog)? else {
                return None;
            };
            return (owner != id).then(|| {
                let input = super::Input::Response(*response);
                self.drive(endpoint, owner, input);
                Stepped::Alive
            });
        }
        self.claim(endpoint, id, response)
    }

    /// Makes the call of a new branch.
    fn claim(
        &mut self,
        endpoint: &mut Endpoint,
        of: SessionId,
        response: &ResponseTo<'_>,
    ) -> Option<Stepped> {
        let first = self.calls.get(of.0)?;
        let is_over = matches!(
            first.state,
            None | Some(State::Terminating(_) | State::QueuedBye(_) | State::LostBye(_))
        );
        let claims = first.common.claims && first.common.dialog.is_some() && !is_over;
        if !claims || self.is_full(endpoint) || endpoint.has_ended(response.success()) {
            return None;
        }
        let session = SessionId(self.calls.next_handle());
        let first = &mut self.calls.get_mut(of.0)?.common;
        let invite = response.request.request()?;
        let established = endpoint
            .dialogs
            .establish(first.set, invite, response.response);
        let dialog = established.ok()?.dialog;
        let usage = DialogUsage::Session(session);
        endpoint.dialogs.claim(dialog, usage);
        let offered = remote_description(invite).is_some();
        let mut common = Common::branch(session, first, offered);
        let known = first.take_early_answer(response.response.to_tag().ok().flatten());
        endpoint.count_call(true);
        endpoint.event(Event::CallBranched { session, of });
        let context = &mut Context {
            endpoint,
            common: &mut common,
        };
        let state = super::caller::branch(dialog, known, response, context);
        if state.is_some() {
            self.insert(Call { common, state });
        }
        Some(Stepped::Alive)
    }
}

//! Session-ID (RFC 7989): each call has a UUID of this side, and learns that of each peer; every message of the call carries
//! both.

use alloc::format;
use alloc::string::String;

use sip_parse::{Message, Request, Response};

use super::state::Endpoint;
use crate::dialog::{Dialog, DialogId, DialogSetId};
use crate::session_uuid::SessionUuid;

impl Endpoint {
    /// Gives a call its UUID if the endpoint writes Session-ID: that of the application, or a new one.
    pub(crate) fn identify(&mut self, set: DialogSetId, wanted: Option<SessionUuid>) {
        if self.behaviour.session_id {
            let local = wanted.unwrap_or_else(|| SessionUuid::draw(self.layer.rng()));
            self.dialogs.identify(set, local);
        }
    }

    /// Takes the UUID of the peer from a request that belongs to a call, or makes one.
    pub(crate) fn learn_uuid_of_caller(&mut self, set: DialogSetId, request: &Request) {
        if let Ok(tag) = request.from_tag() {
            self.dialogs.learn_uuid(set, tag, request);
        }
    }

    /// Takes the UUID of the peer from a response, if its request belongs to a call. A 100 has no To tag of the peer.
    pub(super) fn learn_uuid_of_callee(&mut self, response: &Response) {
        if !self.behaviour.session_id {
            return;
        }
        let (Ok(Some(own)), Ok(Some(tag)), Ok(call_id)) =
            (response.from_tag(), response.to_tag(), response.call_id())
        else {
            return;
        };
        if let Some(set) = self.dialogs.set_of(call_id, own) {
            self.dialogs.learn_uuid(set, Some(tag), response);
        }
    }

    /// The value of Session-ID for the first request of a call.
    pub(super) fn first_session_id(&self, set: DialogSetId) -> Option<String> {
        self.session_id_towards(set, None)
    }

    /// The value of Session-ID for a message in a dialog.
    pub(super) fn session_id_in(&self, dialog: DialogId) -> Option<String> {
        let tag = self.dialogs.dialog(dialog).and_then(Dialog::remote_tag);
        self.session_id_towards(dialog.set(), tag)
    }

    /// The value of Session-ID for a response to `request`, whose To tag is `tag`.
    pub(super) fn session_id_for(&self, request: &Message, tag: &[u8]) -> Option<String> {
        if !self.behaviour.session_id {
            return None;
        }
        let set = self.dialogs.set_of(request.call_id().ok()?, tag)?;
        self.session_id_towards(set, request.from_tag().ok()?)
    }

    fn session_id_towards(&self, set: DialogSetId, tag: Option<&[u8]>) -> Option<String> {
        let uuids = self.dialogs.uuids(set)?;
        Some(format!("{}", uuids.towards(tag)))
    }
}

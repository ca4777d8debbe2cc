//! The digest of the subscriptions of peers.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::NotifierLayer;
use crate::endpoint::Endpoint;
use crate::exploration::Digest;
use crate::ids::ConnectionId;

impl NotifierLayer {
    /// Everything that decides how the subscriptions go on. `place` says which connection a handle is.
    pub(crate) fn digest(&self, endpoint: &Endpoint, place: &dyn Fn(ConnectionId) -> u64) -> u64 {
        let mut digest = Digest::new();
        for (handle, known) in self.subscriptions.iter() {
            let body = known.last.as_ref().and_then(|last| last.body.as_ref());
            let rest = known.expires_at.saturating_since(endpoint.now);
            digest
                .number(handle.to_bits())
                .debug(&known.state)
                .debug(&known.dialog)
                .number(known.connection.map_or(0, |known| place(known) + 1))
                .number(endpoint.layer.digest_server(known.transaction))
                .number(known.lasts.as_micros() as u64)
                .number(rest.as_micros() as u64)
                .debug(&known.last.as_ref().map(|last| &last.state))
                .bytes(body.map_or(&[], |body| &body.bytes));
        }
        digest.finish()
    }

    /// The states for people.
    pub(crate) fn show(&self) -> String {
        let states = self.subscriptions.iter();
        let states = states.map(|(_, known)| format!("{:?}", known.state));
        states.collect::<Vec<_>>().join("+")
    }
}

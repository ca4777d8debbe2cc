//! The digest of the subscriptions of this side.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::SubscriptionLayer;
use crate::endpoint::Endpoint;
use crate::exploration::Digest;
use crate::ids::ConnectionId;
use crate::time::Timestamp;

impl SubscriptionLayer {
    /// Everything that decides how the subscriptions go on. `place` says which connection a handle is.
    pub(crate) fn digest(&self, endpoint: &Endpoint, place: &dyn Fn(ConnectionId) -> u64) -> u64 {
        let now = endpoint.now;
        let until = |at: Option<Timestamp>| match at {
            Some(at) => 1 + at.saturating_since(now).as_micros() as u64,
            None => 0,
        };
        let since = |at: Option<Timestamp>| match at {
            Some(at) => 1 + now.saturating_since(at).as_micros().min(60_000_000) as u64,
            None => 0,
        };
        let mut digest = Digest::new();
        for (handle, known) in self.subscriptions.iter() {
            digest
                .number(handle.to_bits())
                .debug(&known.state)
                .number(known.connection.map_or(0, |known| place(known) + 1))
                .number(known.set.map_or(0, |set| set.0.to_bits() + 1))
                .number(u64::from(known.dialog.is_some()))
                .number(known.cseq.into())
                .number(known.sent.into())
                .number(known.in_flight.into())
                .number(known.is_challenged.into())
                .number(known.expires.into())
                .number(known.raised.into())
                .number(until(known.lease.end))
                .number(until(known.lease.refresh))
                .number(known.lease.is_named.into())
                .number(since(known.live_since))
                .number(known.was_live.into())
                .number(known.failures.into())
                .number(known.refused.into());
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

//! The digest of the publications of an endpoint.

use alloc::format;
use alloc::string::String;

use super::PublicationLayer;
use crate::exploration::Digest;
use crate::ids::ConnectionId;
use crate::time::Timestamp;

impl PublicationLayer {
    /// Everything that decides how the publications go on. `place` says which connection a handle is.
    pub(crate) fn digest(&self, now: Timestamp, place: &dyn Fn(ConnectionId) -> u64) -> u64 {
        let mut digest = Digest::new();
        for (handle, publication) in self.publications.iter() {
            let lease = publication.lease.as_ref();
            let until = lease.map_or(0, |lease| lease.until.saturating_since(now).as_micros());
            digest
                .number(handle.to_bits())
                .debug(&publication.state)
                .number(publication.connection.map_or(0, |known| place(known) + 1))
                .bytes(&publication.body.bytes)
                .number(publication.expires.into())
                .number(publication.min_expires_applied.into())
                .debug(&lease.map(|lease| (&lease.tag, lease.granted)))
                .number(until as u64)
                .number(publication.number.into())
                .number(publication.failures.into())
                .number(u64::from(publication.sequence > 0))
                .number(publication.timer.is_some().into());
        }
        digest.finish()
    }

    /// The states for people.
    pub(crate) fn show(&self) -> String {
        let states = self.publications.iter();
        let states = states.map(|(_, publication)| format!("{:?}", publication.state));
        states.collect::<alloc::vec::Vec<_>>().join(", ")
    }
}

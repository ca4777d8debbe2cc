//! Names that the core mints for what applications and hosts refer to.
//!
//! Every handle is generational: a stale one finds nothing, because its place carries a newer generation.

use crate::slab::handle_type;

handle_type! {
    /// A connection. The core mints every one, so a late byte of a closed connection is never
    /// taken for one of its successor.
    ConnectionId
}

handle_type! {
    /// A call, from the first INVITE to its end.
    SessionId
}

handle_type! {
    /// A request of ours outside any call, from its command to its outcome.
    RequestId
}

handle_type! {
    /// A request of a peer that waits for the application's answer.
    IncomingRequestId
}

handle_type! {
    /// A challenge of a server or proxy that waits for the application's answer.
    ChallengeId
}

/// One offer/answer exchange of a call (RFC 3264): the core numbers the exchanges of each call from 1.
///
/// The same number stands in [`Event::DescriptionNeeded`](crate::Event::DescriptionNeeded), in
/// [`Event::RemoteDescription`](crate::Event::RemoteDescription), in the description that the application returns, and in
/// [`Event::ExchangeEnded`](crate::Event::ExchangeEnded), so that a late description never answers another question.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ExchangeId(pub(crate) u32);

impl ExchangeId {
    /// The exchange of this number, for hosts that keep the number alone.
    #[must_use]
    pub const fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// The number of the exchange within its call, for logs and maps.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

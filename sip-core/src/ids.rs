//! The handles by which applications and hosts refer to objects of the core.
//!
//! Every handle is generational: a stale one finds nothing, because its slot carries a newer generation.

use core::fmt;

use crate::slab::handle_type;

handle_type! {
    /// A connection. The core makes every handle, so that a late byte of a closed connection is never
    /// attributed to its successor.
    ConnectionId
}

handle_type! {
    /// A call, from the first INVITE to its end.
    SessionId
}

handle_type! {
    /// A request of the application outside any call, from its command to its outcome.
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

handle_type! {
    /// A REFER of this side and its implicit subscription (RFC 3515), from its command to its end.
    TransferId
}

handle_type! {
    /// A REFER of a peer and its implicit subscription (RFC 3515), until its last NOTIFY is answered.
    ReferId
}

handle_type! {
    /// A subscription of this side (RFC 6665), to one notifier: from its command to its end.
    SubscriptionId
}

handle_type! {
    /// A subscription of a peer (RFC 6665), from its SUBSCRIBE until its last NOTIFY is answered.
    IncomingSubscriptionId
}

handle_type! {
    /// A publication of event state (RFC 3903), from its command to its end.
    PublicationId
}

/// One offer/answer exchange of a call (RFC 3264). The core numbers the exchanges of each call from 1.
///
/// [`Event::DescriptionNeeded`](crate::Event::DescriptionNeeded),
/// [`Event::RemoteDescription`](crate::Event::RemoteDescription), the application's description and
/// [`Event::ExchangeEnded`](crate::Event::ExchangeEnded) carry the same number, so that a late description
/// never answers another exchange.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ExchangeId(pub(crate) u32);

impl ExchangeId {
    /// The exchange with this number, for hosts that store the number alone.
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

impl fmt::Display for ExchangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

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

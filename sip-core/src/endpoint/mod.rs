//! The state that every usage shares: transactions, dialogs, timers, credentials, the names on the wire, and
//! the queue of actions.
//!
//! An [`Endpoint`] is passive: calls, registration and requests are layers above it, built on its functions
//! that send (`requests.rs`), answer (`responses.rs`) and decide whether a request may go out now
//! (`may_send.rs`). The outputs of the transaction layer pass through `indication.rs`, which first applies
//! the checks that RFC 3261 section 8.2 requires of every user agent server (`uas.rs`).

mod branches;
mod challenge;
mod conduct;
mod counters;
mod counting;
#[cfg(test)]
#[path = "../../exploration/endpoint.rs"]
mod exploration;
mod flow;
mod identity;
mod indication;
mod late_prack;
mod log;
mod may_send;
mod owner;
mod queue;
mod requests;
mod responses;
mod sent_request;
mod session_ids;
mod settings;
mod state;
mod uas;
mod usage;

pub(crate) use self::branches::Success;
pub(crate) use self::challenge::{Authorization, RetryError};
pub use self::counters::{CallCounters, Counters};
pub(crate) use self::flow::{Duty, Flow, MaySend};
pub(crate) use self::identity::Identity;
pub(crate) use self::indication::{Indication, Received};
pub(crate) use self::late_prack::ProvisionalNumber;
pub(crate) use self::owner::{DialogUsage, FlowIndex, Sent, TimerOwner, TransactionUser};
pub use self::owner::{NotifierTimer, SessionRequest, SessionTimer, SubscriptionTimer};
pub(crate) use self::queue::QueueRoom;
pub(crate) use self::requests::{InDialog, NewCall, OutOfDialog};
pub(crate) use self::responses::InDialogResponse;
pub use self::sent_request::SentRequest;
pub use self::settings::{
    Behaviour, ChallengeSettings, EndpointSettings, Extensions, IdentitySettings,
};
pub use self::state::Endpoint;
pub(crate) use self::state::RELIABLE;
pub(crate) use self::uas::{is_of_rfc2543, requires_reliable, supports_reliable, takes_replaces};
pub(crate) use self::usage::Usage;

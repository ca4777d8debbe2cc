//! Subscriptions of this side (RFC 6665, and peers of RFC 3265), usable alone on an
//! [`Endpoint`](crate::endpoint::Endpoint).
//!
//! `machine.rs` is the machine of one subscription, with its table; `entry.rs` has what is kept of each, `driving.rs` carries out
//! the effects, `subscribing.rs` sends the SUBSCRIBEs and takes their responses, `notified.rs` takes the NOTIFYs, and `timing.rs`
//! computes the times. [`SubscriptionLayer`] has all subscriptions of one endpoint.

#[cfg(test)]
#[path = "../../exploration/subscription/broken_subscriber.rs"]
pub(crate) mod broken;
mod driving;
mod entry;
mod layer;
mod machine;
mod notified;
mod options;
#[cfg(test)]
#[path = "../../exploration/subscription/snapshot_subscriber.rs"]
mod snapshot;
mod subscribing;
#[cfg(test)]
mod tables;
mod timing;

pub use self::layer::{SubscriptionInput, SubscriptionLayer};
pub use self::options::SubscribeOptions;

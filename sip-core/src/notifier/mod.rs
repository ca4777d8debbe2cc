//! Subscriptions of peers: the notifier of any event package (RFC 6665 section 4.2).

#[cfg(test)]
#[path = "../../exploration/subscription/broken_notifier.rs"]
pub(crate) mod broken;
mod incoming;
mod layer;
mod machine;
mod options;
#[cfg(test)]
#[path = "../../exploration/subscription/snapshot_notifier.rs"]
mod snapshot;
mod subscriber;
#[cfg(test)]
mod tables;
mod usage;

pub use self::layer::{IncomingSubscription, NotifierLayer};
pub use self::options::Notification;

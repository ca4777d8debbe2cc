//! Subscriptions of peers: the notifier of any event package (RFC 6665 section 4.2).

mod incoming;
mod layer;
mod machine;
mod options;
mod subscriber;
#[cfg(test)]
mod tables;
mod usage;

pub use self::layer::{IncomingSubscription, NotifierLayer};
pub use self::options::Notification;

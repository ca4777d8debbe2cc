//! Subscriptions of peers: the notifier of any event package (RFC 6665 section 4.2).

mod layer;
mod options;

pub use self::layer::NotifierLayer;
pub use self::options::Notification;

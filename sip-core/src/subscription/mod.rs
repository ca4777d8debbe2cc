//! Subscriptions of this side (RFC 6665, and peers of RFC 3265).

mod layer;
mod options;

pub use self::layer::SubscriptionLayer;
pub use self::options::SubscribeOptions;

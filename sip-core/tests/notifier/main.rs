//! Subscriptions of peers: the notifier of any event package (RFC 6665 section 4.2).

mod accepted;
mod alone;
mod connection;
mod ended;
mod failed;
mod hostile;
mod peer;
mod refused;
mod shared;

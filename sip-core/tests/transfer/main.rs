//! Transfers by REFER (RFC 3515), of this side and of peers.

mod hostile;
mod peer;
mod received;
mod refreshed;
mod sent;
mod usages;

//! The parts that the explorations share, and the explorations of subscriptions and publications, which are of several rooms.

mod publication;
mod search;
mod subscription;

pub(crate) use self::search::{Digest, Found, World, constant, digest_message, mix, search, tell};
pub(crate) use crate::transaction::exploration::digest_user;

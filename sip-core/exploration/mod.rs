//! The parts that the explorations of calls and of registrations share.

mod search;

pub(crate) use self::search::{Digest, World, constant, digest_message, mix, search, tell};
pub(crate) use crate::transaction::exploration::digest_user;

//! What a program names as a rule: `use sip_tokio::prelude::*;`.

pub use sip_core::config::Config;
pub use sip_core::{
    Body, Cause, CommandError, EndReason, Event, InviteOptions, Originator, Refusal, Registration,
    SessionId,
};
pub use sip_host::{CommandFailure, ConnectFailure};
pub use sip_parse::{Request, Response, StatusCode};

pub use crate::agent::Agent;
pub use crate::handle::{Events, Handle};
pub use crate::options::Options;

//! What a program names as a rule: `use sip_tokio::prelude::*;`.

pub use sip_core::config::Config;
pub use sip_core::{
    Body, Cause, CommandError, EndReason, Event, FailureStatus, InviteOptions, MessageOptions,
    Notification, Originator, Refusal, Registration, SessionId,
};
pub use sip_host::handles::error::{CallError, NotConnected, RegistrationError};
pub use sip_host::{CommandFailure, ConnectFailure};
pub use sip_parse::{Request, Response, StatusCode};

pub use crate::commands::Commands;
pub use crate::events::Events;
pub use crate::handles::{
    Agent, Call, IncomingCall, IncomingMessage, IncomingSubscription, PendingRequest, Publication,
    Subscription,
};
pub use crate::options::Options;

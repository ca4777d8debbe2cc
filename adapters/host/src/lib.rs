#![forbid(unsafe_code)]
//! What every adapter of [`sip_core`] on an operating system needs, and none should write again:
//! a clock that counts sleep, randomness, trust in TLS servers, the WebSocket handshake of RFC 7118,
//! what its failures mean, and the commands of an application.
//!
//! There is no socket and no thread in here. `sip-tokio` and `sip-blocking` bring those, each in its
//! own way; applications use one of the two, not this crate.

mod authenticator;
mod clock;
pub mod command;
mod connect;
mod description;
mod host;
mod log;
mod options;
mod websocket;

pub use authenticator::Authenticator;
pub use clock::{Alarm, Clock};
pub use command::CommandFailure;
pub use connect::{
    ADDRESS_DELAY, ADDRESS_LIMIT, CONNECT_TIMEOUT, ConnectFailure, Failure, Trust, alternate,
    handshake_failure, preferred, server_name, tcp_failure, upgrade_request,
};
pub use description::{Describers, DescriptionError, TypedFactory};
pub use host::{Host, Job, LONGEST_SLEEP, LastFailure};
pub use options::{LogConnector, Options, ServerUrlSource, StartError, TraceConnector};
pub use websocket::{
    CLOSE_TIMEOUT, End, Outgoing, READS_PER_TURN, broken, close_frame, closed, websocket_config,
};

//! The half of this crate that needs an operating system: clock, entropy, TLS and the WebSocket handshake. Each
//! adapter brings its own sockets and threads.

mod clock;
mod connect;
pub mod handle;
mod options;
mod websocket;

pub use clock::{Alarm, Clock};
pub use connect::{
    ADDRESS_DELAY, ADDRESS_LIMIT, Trust, handshake_failure, preferred, server_name, tcp_failure,
    upgrade_request,
};
pub use options::{LastFailure, Options, StartError};
pub use websocket::{
    CLOSE_TIMEOUT, End, Outgoing, READS_PER_TURN, broken, close_frame, closed, websocket_config,
};

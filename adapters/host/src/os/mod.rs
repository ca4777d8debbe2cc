//! The half of this crate that needs an operating system: clock, entropy, TLS, the proxy and the WebSocket handshake. Each
//! adapter brings its own sockets and threads.

mod clock;
mod connect;
mod dialing;
pub mod handle;
mod handshake;
mod headers;
mod options;
mod proxy;
#[cfg(feature = "tls")]
mod trust;
mod websocket;

pub use clock::{Alarm, Clock};
pub use connect::{ADDRESS_DELAY, ADDRESS_LIMIT, preferred, tcp_failure};
pub use dialing::{Dialing, no_tls};
pub use handshake::{Answer, Handshake, Progress};
pub use headers::{HandshakeHeaderError, HandshakeHeaders};
pub use options::{LastFailure, Options, SignallingOnlyFactory, StartError, session_id};
pub use proxy::{Proxy, ProxyError};
#[cfg(feature = "tls")]
pub use trust::{ClientCertificate, Roots, TlsError, Trust, server_name};
pub use websocket::{
    CLOSE_TIMEOUT, End, Outgoing, READS_PER_TURN, broken, close_frame, closed, websocket_config,
};

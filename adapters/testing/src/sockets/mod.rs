//! Far ends of real sockets, and the tests that both adapters run against them.
//!
//! What an adapter does with a socket cannot be seen on a virtual network, so these take real time.

pub mod certificate;
pub mod dialing;
pub mod flows;
pub mod frames;
pub mod handles;
pub mod hostile;
pub mod proxy;
pub mod registrar;
pub mod request;
pub mod sleep;
pub mod wire;

use std::time::Duration;

use sip_core::config::{Config, ConfigBuilder};

/// A `connectionTimeout` that no test reaches, so that neither a slow handshake on a busy machine nor the end of
/// [`PATIENCE`](crate::PATIENCE) is mistaken for it.
pub const CONNECTION_TIMEOUT: Duration = Duration::from_secs(600);

/// Alice, who connects to `url`, waits for a slow server, does not register, and lives on for her events.
pub fn alice_at(url: &str) -> ConfigBuilder {
    let mut config = Config::builder();
    config
        .uri("sip:alice@example.com")
        .server(url)
        .connection_timeout(CONNECTION_TIMEOUT)
        .autostop(false)
        .register(false);
    config
}

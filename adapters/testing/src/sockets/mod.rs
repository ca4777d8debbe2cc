//! Far ends of real sockets, and the tests that both adapters run against them.
//!
//! What an adapter does with a socket cannot be seen on a virtual network, so these take real time.

pub mod certificate;
pub mod flows;
pub mod frames;
pub mod hostile;
pub mod registrar;
pub mod request;
pub mod sleep;
pub mod wire;

use sip_core::config::{Config, ConfigBuilder};

/// Alice, who connects to `url` and does not register.
pub fn alice_at(url: &str) -> ConfigBuilder {
    let mut config = Config::builder();
    config
        .uri("sip:alice@example.com")
        .server(url)
        .register(false);
    config
}

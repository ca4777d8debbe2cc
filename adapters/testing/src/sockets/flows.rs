//! Several flows of one agent (RFC 5626).

use sip_core::config::{Config, ConfigBuilder};

use crate::sockets::CONNECTION_TIMEOUT;
use crate::sockets::registrar::Registrar;

/// Three servers of one name. Each flow looks the name up for itself, all at the same time, and its first attempt
/// must succeed.
pub fn servers_of_one_name_are_all_reached<T>(start: impl FnOnce(&mut ConfigBuilder) -> T) {
    let registrar = Registrar::start(600);
    registrar.keep_flows_apart();
    let mut config = Config::builder();
    config
        .uri("sip:alice@example.com")
        .outbound_flows(3)
        .connection_timeout(CONNECTION_TIMEOUT);
    for path in ["one", "two", "three"] {
        config.server(format!("ws://localhost:{}/{path}", registrar.port));
    }
    let _agent = start(&mut config);
    let registered = |registrar: &Registrar| {
        let heard = (0..3).flat_map(|number| registrar.heard(number, "REGISTER "));
        heard.filter(|text| text.contains("reg-id=")).count()
    };
    registrar.until("three flows", |registrar| registered(registrar) == 3);
    assert_eq!(registrar.connections(), 3);
    registrar.end();
}

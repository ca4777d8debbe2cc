//! Several flows of one agent (RFC 5626).

use std::time::{Duration, Instant};

use sip_core::config::{Config, ConfigBuilder};

use crate::sockets::registrar::Registrar;

/// Less than `connectionTimeout`, so that every first attempt must succeed.
const PATIENCE: Duration = Duration::from_secs(4);

/// Three servers of one name. Each flow looks the name up for itself, all at the same time.
pub fn servers_of_one_name_are_all_reached<T>(start: impl FnOnce(&mut ConfigBuilder) -> T) {
    let registrar = Registrar::start(600);
    registrar.keep_flows_apart();
    let mut config = Config::builder();
    config.uri("sip:alice@example.com").outbound_flows(3);
    for path in ["one", "two", "three"] {
        config.server(format!("ws://localhost:{}/{path}", registrar.port));
    }
    let _agent = start(&mut config);
    let end = Instant::now() + PATIENCE;
    let registered = || {
        let heard = (0..3).flat_map(|number| registrar.heard(number, "REGISTER "));
        heard.filter(|text| text.contains("reg-id=")).count()
    };
    while registered() < 3 {
        assert!(Instant::now() < end, "{} flows", registered());
        std::thread::sleep(Duration::from_millis(10));
    }
    registrar.end();
}

//! When, where and for how long the agent registers.

use std::time::Duration;

use sip_core::Transport;
use sip_core::connection::DisconnectReason;
use sip_parse::{HeaderName, Method};

use sip_testing::{Bench, SECOND, alice, value};

/// CFG-REG: a REGISTER on each connection if true, none if false; `register` and `unregister` change it
/// for the connections to come; stop gives the binding back.
pub(crate) fn cfg_reg_register_on_each_connection() {
    let mut config = alice();
    let mut bench = Bench::new(config.register(true));
    for _ in 0..2 {
        let request = bench.next_request();
        assert_eq!(request.method(), Method::Register);
        let contact = value(&request, HeaderName::Contact);
        bench.reply(&request, 200, &[("Contact", &contact)]);
        assert!(bench.agent.is_registered());
        reconnect(&mut bench);
    }
    let request = bench.next_request();
    let contact = value(&request, HeaderName::Contact);
    bench.reply(&request, 200, &[("Contact", &contact)]);
    bench.agent.stop(None, bench.now);
    bench.pump();
    let gone = bench.next_request();
    assert!(value(&gone, HeaderName::Contact).ends_with(";expires=0"));

    let mut bench = Bench::new(&alice());
    bench.wait(60 * SECOND);
    bench.silence();
    bench.agent.register(bench.now).unwrap();
    bench.pump();
    assert_eq!(bench.next_request().method(), Method::Register);
    reconnect(&mut bench);
    assert_eq!(bench.next_request().method(), Method::Register);
    bench.agent.unregister(bench.now).unwrap();
    reconnect(&mut bench);
    bench.silence();
}

fn reconnect(bench: &mut Bench) {
    let reason = DisconnectReason::Lost;
    bench
        .agent
        .connection_closed(bench.connection, reason, bench.now);
    bench.pump();
    // A connection that did not last is tried again after 4 s, give or take a fifth.
    bench.wait(5 * SECOND);
    bench.open(Transport::Ws);
    // After a reconnect the agent waits for up to a second, because many agents may reconnect at once.
    bench.wait(SECOND);
}

/// CFG-REG, RFC 3261 10.2.1.1: the `expires` of the agent's Contact, 600 s by default.
pub(crate) fn cfg_reg_expires_is_asked_for() {
    for (given, asked) in [(None, ";expires=600"), (Some(77), ";expires=77")] {
        let mut config = alice();
        config.register(true);
        if let Some(seconds) = given {
            config.register_expires(Duration::from_secs(seconds));
        }
        let request = Bench::new(&config).next_request();
        assert!(value(&request, HeaderName::Contact).ends_with(asked));
        assert!(!request.has(HeaderName::Expires));
    }
}

/// CFG-REG, RFC 3261 10.2: the Request-URI of REGISTER; To and From stay.
pub(crate) fn cfg_reg_registrar_is_the_request_uri() {
    for (given, uri) in [
        (None, "sip:example.com"),
        (
            Some("registrar.example.net:5070;maddr=x"),
            "sip:registrar.example.net:5070;maddr=x",
        ),
        (Some("sips:a.example.com"), "sips:a.example.com"),
    ] {
        let mut config = alice();
        config.register(true);
        if let Some(registrar) = given {
            config.registrar_server(registrar);
        }
        // 26.2.2: only TLS reaches a SIPS registrar.
        let request = Bench::over(&config, Transport::Wss).next_request();
        assert_eq!(request.uri_bytes(), uri.as_bytes());
        assert_eq!(value(&request, HeaderName::To), "<sip:alice@example.com>");
    }
}

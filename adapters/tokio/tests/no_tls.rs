//! A build without TLS.
#![cfg(not(feature = "tls"))]

use sip_testing::sockets::alice_at;
use sip_tokio::{Agent, Options, StartError};

/// The error names the features that are missing.
#[test]
fn a_wss_server_is_refused_at_the_start() {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build().unwrap();
    let _entered = runtime.enter();
    let config = alice_at("wss://localhost:1").build().unwrap();
    let error = Agent::start(config, Options::default()).unwrap_err();
    assert!(matches!(error, StartError::NoTls), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("`ring`") && text.contains("`aws-lc-rs`"),
        "{text}"
    );
    let config = alice_at("ws://localhost:1").build().unwrap();
    Agent::start(config, Options::default()).unwrap();
}

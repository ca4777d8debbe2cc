//! The way to a server: header fields of the application, an HTTP proxy, a client certificate.
#![cfg(feature = "tls")]

mod common;

use sip_blocking::{
    CertificateDer, ClientCertificate, Commands, Events, Options, StartError, TlsError,
};
use sip_core::Event;
use sip_host::ConnectFailure;
use sip_testing::sockets::certificate::mutual;
use sip_testing::sockets::dialing::{self, Adapter, Wanted};

use common::{start, until};

struct This;

impl Adapter for This {
    type Agent = (Commands, Events);

    fn start(&self, mut wanted: Wanted) -> Self::Agent {
        start(&wanted.url.clone(), wanted.options())
    }

    fn outcome(&self, (handle, events): &mut Self::Agent) -> Result<(), ConnectFailure> {
        until(events, |event| match event {
            Event::Connected { .. } => Some(Ok(())),
            Event::ConnectFailed { .. } => Some(Err(handle.connect_failure().unwrap())),
            _ => None,
        })
    }
}

/// Why an agent does not start that has a `wss` server and these options.
fn refusal(options: Options) -> Result<(), StartError> {
    let config = sip_testing::sockets::alice_at("wss://localhost:1")
        .build()
        .unwrap();
    sip_blocking::Agent::start(config, options).map(drop)
}

#[test]
fn headers_of_the_application_are_in_the_upgrade_request() {
    dialing::headers_of_the_application_are_in_the_upgrade_request(&This);
}

#[test]
fn rfc9110_9_3_6_a_proxy_relays_ws() {
    dialing::rfc9110_9_3_6_a_proxy_relays_ws(&This);
}

#[test]
fn rfc7617_a_proxy_gets_the_credentials_and_the_server_does_not() {
    dialing::rfc7617_a_proxy_gets_the_credentials_and_the_server_does_not(&This);
}

#[test]
fn rfc9110_9_3_6_a_proxy_relays_wss() {
    dialing::rfc9110_9_3_6_a_proxy_relays_wss(&This);
}

#[test]
fn a_hostile_proxy_is_a_typed_failure() {
    dialing::a_hostile_proxy_is_a_typed_failure(&This);
}

#[test]
fn a_proxy_that_is_not_there_is_a_typed_failure() {
    dialing::a_proxy_that_is_not_there_is_a_typed_failure(&This);
}

#[test]
fn rfc8446_4_4_2_a_server_gets_the_client_certificate() {
    dialing::rfc8446_4_4_2_a_server_gets_the_client_certificate(&This);
}

/// A program without roots could trust no server, so that it is refused at the start.
#[test]
fn a_wss_server_without_roots_is_refused_at_the_start() {
    let mut options = Options::default();
    options.roots = Vec::new();
    let error = refusal(options).unwrap_err();
    assert!(
        matches!(error, StartError::Tls(TlsError::NoRoots)),
        "{error}"
    );
}

/// The key of another certificate, or what is none, is found before anything runs.
#[test]
fn a_client_certificate_without_its_key_is_refused_at_the_start() {
    let (.., [(chain, _), (_, key)]) = mutual("localhost");
    let unreadable = CertificateDer::from(b"no certificate".to_vec());
    for chain in [chain, vec![unreadable]] {
        let mut options = Options::default();
        options.client_certificate = Some(ClientCertificate::new(chain, key.clone_key()));
        let error = refusal(options).unwrap_err();
        let is_typed = matches!(error, StartError::Tls(TlsError::ClientCertificate(_)));
        assert!(is_typed, "{error}");
    }
}

#[test]
fn an_unreadable_root_is_refused_at_the_start() {
    let mut options = Options::default();
    options.extra_roots = vec![CertificateDer::from(b"no certificate".to_vec())];
    let error = refusal(options).unwrap_err();
    assert!(
        matches!(error, StartError::Tls(TlsError::Root(_))),
        "{error}"
    );
}

//! The public error types of the adapters: each can leave `main` and a thread, prints one line that says all, and leads to the error
//! that it wraps.
#![cfg(feature = "os")]

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Duration;

use sip_core::config::Config;
use sip_core::connection::ConnectError;
use sip_core::{
    Action, CommandError, EndReason, Event, InviteOptions, SeededRng, StaleHandle, Timestamp,
    Transport, UserAgent,
};
use sip_host::handles::error::{CallError, NotConnected, RegistrationError};
use sip_host::os::{HandshakeHeaderError, ProxyError, StartError};
use sip_host::{CommandFailure, ConnectFailure, DescriptionError};

/// What `?` in a `main` and a thread that hands its error on require.
fn leaves_main<E: Error + Send + Sync + 'static>() {
    fn main<E: Error + 'static>(error: E) -> Result<(), Box<dyn Error>> {
        Err(error)?
    }
    let _ = main::<E>;
}

/// Checks each type, and yields their names.
macro_rules! types {
    ($($error:ident),* $(,)?) => {{
        $(leaves_main::<$error>();)*
        [$(stringify!($error)),*]
    }};
}

/// The names of the public types that implement `Error` in the files below `folder`.
fn written(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            written(&path, names);
        } else {
            let text = fs::read_to_string(&path).expect("a source");
            for mark in ["impl core::error::Error for ", "impl Error for "] {
                names.extend(text.split(mark).skip(1).map(name));
            }
            for rest in text.split("thiserror::Error)]").skip(1) {
                let line = rest.lines().find(|line| line.starts_with("pub"));
                let line = line.expect("a public type");
                let kind = line.rsplit_once("enum ").or(line.rsplit_once("struct "));
                names.insert(name(kind.expect("a type").1));
            }
        }
    }
}

fn name(rest: &str) -> String {
    let end = rest.find(|character: char| !character.is_alphanumeric());
    rest[..end.unwrap_or(rest.len())].to_owned()
}

#[test]
fn every_public_error_leaves_main() {
    let listed = types!(
        CallError,
        CommandFailure,
        ConnectFailure,
        DescriptionError,
        HandshakeHeaderError,
        NotConnected,
        ProxyError,
        RegistrationError,
        StartError,
    );
    let mut found = BTreeSet::new();
    written(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut found,
    );
    // It exists with TLS alone.
    assert!(found.remove("TlsError"));
    #[cfg(feature = "tls")]
    leaves_main::<sip_host::os::TlsError>();
    let listed: BTreeSet<String> = listed.into_iter().map(str::to_owned).collect();
    assert_eq!(found, listed);
}

/// The reason of a call that ends with the agent.
fn stopped() -> EndReason {
    let config = Config::builder()
        .uri("sip:alice@example.com")
        .server("ws://example.com")
        .register(false)
        .build();
    let (random, now) = (Box::new(SeededRng::new([7; 32])), Timestamp::ZERO);
    let mut agent = UserAgent::new(config.expect("valid"), random, now).expect("an agent");
    loop {
        match agent.poll_action().expect("the call ends") {
            Action::Connect { connection, .. } => {
                agent.connection_opened(connection, Transport::Ws.into(), now);
                agent
                    .invite("bob", InviteOptions::new(), now)
                    .expect("a call");
                agent.stop(Some(Duration::ZERO), now);
            }
            Action::Event(Event::Ended { reason, .. }) => return *reason,
            _ => {}
        }
    }
}

#[test]
fn a_chain_of_errors_prints_and_its_first_line_says_all() {
    let server = sip_core::config::ServerUrl::parse("wss://sip.example.com").expect("a URL");
    let failure = ConnectFailure::new(&server, (ConnectError::Refused, "os error 111".to_owned()));
    let chains: Vec<Box<dyn Error>> = vec![
        Box::new(failure.clone()),
        Box::new(NotConnected::Failed(failure.clone())),
        Box::new(CallError::NotConnected(NotConnected::Failed(failure))),
        Box::new(CallError::Refused(CommandError::Stale)),
        Box::new(CallError::Ended(stopped())),
        Box::new(CallError::Rejected(stopped())),
        Box::new(RegistrationError::Refused(stopped())),
        Box::new(CommandFailure::Refused(CommandError::Backpressure)),
        Box::new(CommandFailure::from(StaleHandle)),
        Box::new(StartError::Core(sip_core::StartError::Policy(
            sip_core::connection::PolicyError::NoServer,
        ))),
    ];
    for error in &chains {
        let line = error.to_string();
        let mut source = error.source();
        assert!(source.is_some(), "{line}: no source");
        while let Some(inner) = source {
            assert!(line.contains(&inner.to_string()), "{line}: not {inner}");
            source = inner.source();
        }
    }
    let refused = format!("not registered: {}", stopped());
    assert_eq!(RegistrationError::Refused(stopped()).to_string(), refused);
}

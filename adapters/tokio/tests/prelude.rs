//! One dependency is enough: what a program needs has a name in this crate.

use sip_tokio::core::Timestamp;
use sip_tokio::parse::Method;
use sip_tokio::prelude::*;

/// A program that registers, calls and says how it ended, by names of this crate alone.
fn program(event: Event) -> Result<Option<SessionId>, Box<dyn std::error::Error>> {
    match event {
        Event::Ended { session, reason } if reason.cause == Cause::Bye => Ok(Some(session)),
        Event::Ended { reason, .. } => Err(reason)?,
        Event::RegistrationFailed {
            reason,
            retry_at: None,
        } => Err(EndReason::clone(&reason))?,
        Event::IncomingRequest { request, .. } if request.method() == Method::Message => {
            let status: StatusCode = StatusCode::OK;
            let body: Body = Body::new("text/plain", status.to_string());
            drop((body, Timestamp::ZERO));
            Ok(None)
        }
        _ => Ok(None),
    }
}

#[test]
fn a_program_needs_no_second_crate() {
    let config = Config::builder().uri("sip:alice@example.com").build();
    assert!(config.is_ok());
    let _: (fn(Event) -> _, Options) = (program, Options::default());
}

/// The pages name the core and the parser by the adapter.
#[test]
fn the_pages_name_one_crate() {
    for page in [
        include_str!("../README.md"),
        include_str!("../src/lib.rs"),
        include_str!("../../blocking/README.md"),
        include_str!("../../blocking/src/lib.rs"),
        include_str!("../../../docs/coming-from-sipjs.md"),
    ] {
        for line in page.lines() {
            let line = line.trim_start_matches("//! ").trim_start_matches("# ");
            let second = ["use sip_core", "use sip_parse", "sip-core = {"];
            assert!(
                !second.iter().any(|start| line.starts_with(start)),
                "{line}"
            );
        }
    }
}

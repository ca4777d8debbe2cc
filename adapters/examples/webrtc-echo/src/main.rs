//! A browser calls and hears itself: `sip-tokio` does the signalling, str0m the media.
//!
//! ```sh
//! SIP_PASSWORD=secret webrtc-echo ws://127.0.0.1:5080 sip:echo@localhost [ADDRESS]
//! ```

mod media;

use std::env;
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use media::EchoFactory;
use sip_tokio::prelude::*;
use tokio::sync::mpsc;

/// How many calls may be up; the core answers one more with 486.
const MOST_CALLS: usize = 16;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(server), Some(uri)) = (arguments.next(), arguments.next()) else {
        return Err("SIP_PASSWORD=PASSWORD webrtc-echo SERVER URI [ADDRESS]".into());
    };
    let address = arguments
        .next()
        .map_or(Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)), |text| text.parse())?;
    let config = Config::builder()
        .server(server)
        .uri(uri)
        .password(env::var("SIP_PASSWORD")?)
        .build()?;

    str0m::crypto::from_feature_flags().install_process_default();
    let (media_ended, mut ended) = mpsc::channel(MOST_CALLS);
    let mut options = Options::default();
    options.description_factory = Some(Arc::new(EchoFactory {
        address,
        media_ended,
    }));
    options.limits.incoming_sessions = MOST_CALLS;
    let (agent, mut events) = Agent::start(config, options)?;

    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(Event::Registered(_)) => println!("registered"),
                Some(Event::RegistrationFailed { reason, retry_at: None }) => return Err(format!("not registered: {reason}").into()),
                Some(Event::IncomingCall { session, .. }) => too_late_is_fine(agent.answer(session).await)?,
                Some(Event::Established { session }) => println!("{session:?} is up"),
                Some(Event::Ended { session, reason, .. }) => println!("{session:?} ended: {reason}"),
                Some(Event::Stopped { .. }) | None => return Ok(()),
                Some(_) => {}
            },
            Some(session) = ended.recv() => too_late_is_fine(agent.hang_up(session).await)?,
            _ = tokio::signal::ctrl_c() => agent.stop(std::time::Duration::from_secs(2)).await?,
        }
    }
}

/// A command to a call that has ended a moment ago is refused, and that is no reason to end the program.
fn too_late_is_fine(result: Result<(), CommandFailure>) -> Result<(), CommandFailure> {
    match result {
        Err(CommandFailure::Refused(_)) => Ok(()),
        result => result,
    }
}

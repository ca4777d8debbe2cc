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
    let (agent, _) = Agent::start(config, options)?;
    let mut calls = agent.incoming();
    agent.registered().await?;
    println!("registered");

    loop {
        tokio::select! {
            call = calls.next() => match call {
                Some(call) => drop(tokio::spawn(answer(call))),
                None => return Err("the agent has ended".into()),
            },
            // A call that has ended a moment ago refuses this, and that is as well.
            Some(session) = ended.recv() => drop(agent.commands().hang_up(session).await),
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    agent.stop().await;
    Ok(())
}

/// One call, until it ends. The media are in the hands of the factory.
async fn answer(incoming: IncomingCall) {
    let call = incoming.answer().await;
    if call.established().await.is_ok() {
        println!("call {} is up", call.id());
    }
    println!("call {} ended: {}", call.id(), call.ended().await);
}

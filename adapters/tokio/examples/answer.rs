//! Answers every call of bob, and hangs up after five seconds.

use std::time::Duration;

use sip_tokio::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::builder()
        .uri("sip:bob@localhost")
        .server("ws://127.0.0.1:5080")
        .password("b")
        .build()?;
    let (agent, _) = Agent::start(config, Options::signalling_only())?;
    agent.registered().await?;
    let mut calls = agent.incoming();
    while let Some(incoming) = calls.next().await {
        tokio::spawn(answer(incoming));
    }
    Ok(())
}

async fn answer(incoming: IncomingCall) {
    println!("call from {}", incoming.from());
    incoming.ring().await;
    let call = incoming.answer().await;
    if let Err(reason) = call.established().await {
        return println!("not established: {reason}");
    }
    let reason = match tokio::time::timeout(Duration::from_secs(5), call.ended()).await {
        Ok(reason) => reason,
        Err(_) => call.hang_up().await,
    };
    println!("ended: {reason}");
}

//! Keeps alice registered until Ctrl-C, and prints what happens to the registration.

use sip_tokio::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::builder()
        .uri("sip:alice@localhost")
        .server("ws://127.0.0.1:5080")
        .password("a")
        .build()?;
    let (agent, mut events) = Agent::start(config, Options::signalling_only())?;
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            match event {
                Event::Registered(registration) => println!("registered: {registration}"),
                Event::RegistrationFailed { reason, retry_at } => {
                    println!("failed: {reason}; again: {}", retry_at.is_some());
                }
                Event::Unregistered { reason } => println!("not registered: {reason}"),
                Event::Disconnected { reason, .. } => println!("disconnected: {reason:?}"),
                _ => {}
            }
        }
    });
    agent.registered().await?; // Ends with an error if the password is wrong.
    tokio::signal::ctrl_c().await?;
    agent.stop().await;
    Ok(())
}

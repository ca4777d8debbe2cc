//! Publishes the state of alice, and prints that of bob as it changes.

use sip_tokio::core::package::Presence;
use sip_tokio::core::package::presence::Basic;
use sip_tokio::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::builder()
        .uri("sip:alice@localhost")
        .server("ws://127.0.0.1:5080")
        .password("a")
        .build()?;
    let (agent, _) = Agent::start(config, Options::default())?;
    agent.registered().await?;
    let open = Presence::new("sip:alice@localhost", Basic::Open).note("at my desk");
    let publication = agent.publish("presence", open.to_body()).await?;
    publication.published().await?;
    println!("published: {open}");
    let mut bob = agent.subscribe("bob", "presence").await?;
    while let Some(notification) = bob.next().await {
        match notification.body {
            Some(body) => println!("bob: {}", Presence::from_body(&body)?),
            None => println!("bob: unknown"),
        }
    }
    println!("over: {:?}", bob.ended().await);
    Ok(())
}

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
    let (agent, mut events) = Agent::start(config, Options::default())?;
    agent.registered().await?;
    let open = Presence::new("sip:alice@localhost", Basic::Open).note("at my desk");
    let commands = agent.commands();
    commands
        .publish("presence", open.to_body(), Default::default())
        .await?;
    commands
        .subscribe("bob", "presence", Default::default())
        .await?;
    while let Some(event) = events.next().await {
        match event {
            Event::Published { .. } => println!("published: {open}"),
            Event::PublicationEnded { outcome, .. } => println!("not published: {outcome:?}"),
            Event::Notified {
                body: Some(body), ..
            } => println!("bob: {}", Presence::from_body(&body)?),
            Event::SubscriptionEnded { cause, .. } => return Err(format!("bob: {cause:?}").into()),
            _ => {}
        }
    }
    Ok(())
}

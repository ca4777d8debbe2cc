//! Sends each message back to its sender.

use sip_tokio::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::builder()
        .uri("sip:bob@localhost")
        .server("ws://127.0.0.1:5080")
        .password("b")
        .build()?;
    let (agent, _) = Agent::start(config, Options::default())?;
    let mut messages = agent.messages();
    agent.registered().await?;
    while let Some(message) = messages.next().await {
        println!("{}: {}", message.from(), message.text());
        let sender = message.from();
        let text = message.text();
        message.accept().await;
        match agent.message(sender, text).await {
            Ok(sent) => match sent.response().await {
                Ok(response) => println!("echoed: {}", response.status()),
                Err(reason) => println!("not echoed: {reason}"),
            },
            Err(error) => println!("not echoed: {error}"),
        }
    }
    Ok(())
}

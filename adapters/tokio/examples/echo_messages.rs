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
    agent.registered().await?;
    let mut messages = agent.messages();
    while let Some(message) = messages.next().await {
        let (from, text) = (message.from().to_string(), message.text().to_string());
        message.accept().await;
        println!("{from}: {text}");
        let sent = agent.message(&from, text).await?;
        match sent.response().await {
            Ok(response) => println!("echoed: {}", response.status()),
            Err(reason) => println!("not echoed: {reason}"),
        }
    }
    Ok(())
}

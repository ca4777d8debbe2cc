//! Calls bob, and transfers him to carol.

use sip_tokio::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::builder()
        .uri("sip:alice@localhost")
        .server("ws://127.0.0.1:5080")
        .password("a")
        .build()?;
    let (agent, _) = Agent::start(config, Options::signalling_only())?;
    agent.registered().await?;
    let call = agent.call("bob").await?;
    call.established().await?;
    match call.transfer("carol").await {
        Ok(()) => println!("bob talks to carol"),
        Err(error) => println!("bob stays here: {error}"),
    }
    println!("ended: {}", call.hang_up().await);
    agent.stop().await;
    Ok(())
}

//! Sends one message, and says what became of it.

use sip_blocking::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::builder()
        .uri("sip:alice@localhost")
        .server("ws://127.0.0.1:5080")
        .password("a")
        .register(false)
        .build()?;
    let (agent, _) = Agent::start(config, Options::default())?;
    let response = agent.message("bob", "Hello")?.response()?;
    println!("bob: {}", response.status());
    agent.stop();
    Ok(())
}

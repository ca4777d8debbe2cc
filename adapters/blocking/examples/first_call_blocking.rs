//! Registers alice, calls bob, hangs up, and says why the call ended.

use sip_blocking::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::builder()
        .uri("sip:alice@localhost")
        .server("ws://127.0.0.1:5080")
        .password("a")
        .build()?;
    let (agent, _) = Agent::start(config, Options::signalling_only())?;
    agent.registered()?;
    let call = agent.call("bob")?;
    call.established()?;
    println!("ended: {}", call.hang_up());
    agent.stop();
    Ok(())
}

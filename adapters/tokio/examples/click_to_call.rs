//! Click-to-call: calls the first party, and transfers it to the second one when it answers (RFC 3515).
//!
//! ```sh
//! cargo run -p sip-tokio --example click_to_call -- ws://127.0.0.1:5080 sip:web@localhost w alice bob
//! ```

use std::time::Duration;

use sip_tokio::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, uri, password, first, second] = arguments.as_slice() else {
        return Err("usage: click_to_call SERVER URI PASSWORD FIRST SECOND".into());
    };
    let config = Config::builder()
        .uri(uri)
        .server(server)
        .password(password)
        .no_answer_timeout(Duration::from_secs(30))
        .build()?;
    let (agent, _) = Agent::start(config, Options::signalling_only())?;
    agent.registered().await?;

    let call = agent.call(first).await?;
    println!("calling {first}");
    if let Err(reason) = call.established().await {
        return Err(format!("{first} did not answer: {reason}").into());
    }
    println!("{first} answered, transferring to {second}");
    match call.transfer(second.as_str()).await {
        Ok(()) => println!("{first} and {second} are connected"),
        Err(error) => println!("no transfer: {error}"),
    }
    println!("this side left: {}", call.hang_up().await);
    agent.stop().await;
    Ok(())
}

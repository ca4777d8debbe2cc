//! A back-to-back user agent: each caller of this account is connected to a target, as two calls of this side.
//!
//! ```sh
//! cargo run -p sip-tokio --example back_to_back -- ws://127.0.0.1:5080 sip:desk@localhost d bob
//! sip call desk --server ws://127.0.0.1:5080 --uri sip:alice@localhost --password a
//! ```
//!
//! It is about signalling: both sides get a description of this program. `sip-core/examples/b2bua.rs` passes descriptions through.

use sip_tokio::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, uri, password, target] = arguments.as_slice() else {
        return Err("usage: back_to_back SERVER URI PASSWORD TARGET".into());
    };
    let config = Config::builder()
        .uri(uri)
        .server(server)
        .password(password)
        .build()?;
    let (agent, _) = Agent::start(config, Options::signalling_only())?;
    agent.registered().await?;
    println!("registered");

    let mut calls = agent.incoming();
    while let Some(caller) = calls.next().await {
        tokio::spawn(connect(agent.clone(), caller, target.clone()));
    }
    Ok(())
}

/// Rings at the target, and answers the caller when the target does. Each side that leaves takes the other one along.
async fn connect(agent: Agent, caller: IncomingCall, target: String) {
    let from = caller.from();
    caller.ring().await;
    let callee = match agent.call(target).await {
        Ok(callee) => callee,
        Err(error) => {
            println!("{from}: {error}");
            caller.reject(FailureStatus::BUSY_HERE).await;
            return;
        }
    };
    let answered = tokio::select! {
        answered = callee.established() => answered,
        // The caller gave up: the drop of `callee` cancels the other call.
        reason = caller.ended() => Err(reason),
    };
    if let Err(reason) = answered {
        println!("{from}: {reason}");
        caller.reject(FailureStatus::BUSY_HERE).await;
        return;
    }
    let caller = caller.answer().await;
    println!("{from}: connected");
    let reason = tokio::select! {
        reason = caller.ended() => reason,
        reason = callee.ended() => reason,
    };
    println!("{from}: {reason}");
}

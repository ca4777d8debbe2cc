//! A bot that registers, answers every call, and sends each message back to its sender.
//!
//! ```sh
//! sip serve --listen 127.0.0.1:5080 --user alice:a --user bot:b
//! cargo run -p sip-tokio --example echo_bot -- ws://127.0.0.1:5080 sip:bot@localhost b
//! sip message bot "hello" --server ws://127.0.0.1:5080 --uri sip:alice@localhost --password a
//! ```
//!
//! Ctrl-C unregisters.

use sip_tokio::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, uri, password] = arguments.as_slice() else {
        return Err("usage: echo_bot SERVER URI PASSWORD".into());
    };
    let config = Config::builder()
        .uri(uri)
        .server(server)
        .password(password)
        .build()?;
    let (agent, _) = Agent::start(config, Options::signalling_only())?;
    agent.registered().await?;
    println!("registered");

    let (mut calls, mut messages) = (agent.incoming(), agent.messages());
    loop {
        tokio::select! {
            Some(call) = calls.next() => {
                tokio::spawn(answer(call));
            }
            Some(message) = messages.next() => {
                tokio::spawn(echo(agent.clone(), message));
            }
            _ = tokio::signal::ctrl_c() => break,
            else => break,
        }
    }
    agent.stop().await;
    println!("unregistered");
    Ok(())
}

/// A caller that gives up while the bot answers is no error: the end of the call says so.
async fn answer(call: IncomingCall) {
    let from = call.from();
    println!("{from} calls");
    let reason = call.answer().await.ended().await;
    println!("{from}: {reason}");
}

async fn echo(agent: Agent, message: IncomingMessage) {
    let (from, text) = (message.from(), message.text());
    println!("{from}: {text}");
    message.accept().await;
    let sent = match agent.message(from, text).await {
        Ok(request) => request
            .response()
            .await
            .map(drop)
            .map_err(|reason| reason.to_string()),
        Err(error) => Err(error.to_string()),
    };
    if let Err(why) = sent {
        println!("no echo: {why}");
    }
}

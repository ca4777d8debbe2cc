//! A bot that answers questions by MESSAGE (RFC 3428): `help`, `time`, `add 2 3`.
//!
//! ```sh
//! cargo run -p sip-tokio --example message_bot -- ws://127.0.0.1:5080 sip:bot@localhost b
//! sip message bot "add 2 3" --server ws://127.0.0.1:5080 --uri sip:alice@localhost --password a
//! ```

use std::time::SystemTime;

use sip_tokio::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, uri, password] = arguments.as_slice() else {
        return Err("usage: message_bot SERVER URI PASSWORD".into());
    };
    let config = Config::builder()
        .uri(uri)
        .server(server)
        .password(password)
        .build()?;
    let (agent, _) = Agent::start(config, Options::default())?;
    agent.registered().await?;
    println!("registered");

    let mut messages = agent.messages();
    while let Some(message) = messages.next().await {
        let Some(text) = reply(&message.text()) else {
            message.reject(StatusCode::NOT_ACCEPTABLE_HERE).await;
            continue;
        };
        let from = message.from();
        println!("{from}: {} -> {text}", message.text());
        message.accept().await;
        // One sender that cannot be reached does not stop the bot.
        match agent.message(from, text).await {
            Ok(request) => drop(request),
            Err(error) => println!("no reply: {error}"),
        }
    }
    Ok(())
}

/// What the bot says; `None` to a question that it does not know.
fn reply(question: &str) -> Option<String> {
    let words: Vec<&str> = question.split_whitespace().collect();
    match words.as_slice() {
        ["help"] => Some("help, time, add A B".to_owned()),
        ["time"] => {
            let since = SystemTime::UNIX_EPOCH.elapsed().ok()?;
            Some(format!("{} seconds since 1970", since.as_secs()))
        }
        ["add", a, b] => {
            let (a, b): (i64, i64) = (a.parse().ok()?, b.parse().ok()?);
            Some(a.checked_add(b)?.to_string())
        }
        _ => None,
    }
}

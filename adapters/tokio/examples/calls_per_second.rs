//! Makes calls, so many at a time, and prints how many came up and how many a second.
//!
//! ```sh
//! cargo run --release -p sip-tokio --example calls_per_second -- ws://127.0.0.1:5080 sip:alice@localhost a bot 1000 16
//! ```

use std::collections::BTreeMap;
use std::time::Instant;

use sip_tokio::prelude::*;
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, uri, password, target, total, at_a_time] = arguments.as_slice() else {
        return Err("usage: calls_per_second SERVER URI PASSWORD TARGET CALLS AT_A_TIME".into());
    };
    let (total, at_a_time): (usize, usize) = (total.parse()?, at_a_time.parse()?);
    let config = Config::builder()
        .uri(uri)
        .server(server)
        .password(password)
        .build()?;
    let mut options = Options::signalling_only();
    // The core keeps each transaction for 32 s (RFC 3261 section 17), so that many calls a second need room.
    options.limits.client_transactions = 4 * total.max(256);
    let (agent, _) = Agent::start(config, options)?;
    agent.registered().await?;

    let begun = Instant::now();
    let (mut running, mut outcomes) = (JoinSet::new(), BTreeMap::<String, usize>::new());
    for _ in 0..total {
        if running.len() >= at_a_time.max(1) {
            count(&mut outcomes, running.join_next().await);
        }
        running.spawn(call(agent.clone(), target.clone()));
    }
    while let Some(finished) = running.join_next().await {
        count(&mut outcomes, Some(finished));
    }
    let seconds = begun.elapsed().as_secs_f64();
    for (outcome, calls) in &outcomes {
        println!("{calls} {outcome}");
    }
    println!("{:.0} calls a second", total as f64 / seconds);
    agent.stop().await;
    Ok(())
}

/// One call, from INVITE to the response to BYE.
async fn call(
    agent: Agent,
    target: String,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let call = agent.call(target).await?;
    call.established().await?;
    call.hang_up().await;
    Ok(())
}

type Finished =
    Result<Result<(), Box<dyn std::error::Error + Send + Sync>>, tokio::task::JoinError>;

fn count(outcomes: &mut BTreeMap<String, usize>, finished: Option<Finished>) {
    let outcome = match finished {
        None => return,
        Some(Ok(Ok(()))) => "established".to_owned(),
        Some(Ok(Err(error))) => error.to_string(),
        Some(Err(error)) => error.to_string(),
    };
    *outcomes.entry(outcome).or_default() += 1;
}

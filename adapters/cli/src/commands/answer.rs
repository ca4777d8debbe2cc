//! `sip answer`

use sip_core::{Event, FailureStatus};

use crate::arguments::Answer;
use crate::outcome::Failure;
use crate::running::{Running, finish, time_or_interrupt, tolerate_ended};
use crate::settings::Registering;

pub(crate) async fn run(arguments: Answer) -> Result<(), Failure> {
    let refusal = match arguments.reject {
        Some(code) => Some(
            FailureStatus::new(code)
                .map_err(|error| Failure::Usage(format!("--reject: {error}")))?,
        ),
        None => None,
    };
    let mut running = Running::start(&arguments.account, arguments.output, Registering::Always)?;
    let result = stay(&mut running, arguments.seconds, refusal).await;
    finish(&mut running, result).await
}

async fn stay(
    running: &mut Running,
    seconds: Option<u64>,
    refusal: Option<FailureStatus>,
) -> Result<(), Failure> {
    running.connected().await?;
    let end = time_or_interrupt(seconds);
    tokio::pin!(end);
    loop {
        let event = tokio::select! {
            event = running.next() => event?,
            () = &mut end => return Ok(()),
        };
        match (event, refusal) {
            (Event::Incoming { session, .. }, Some(status)) => {
                tolerate_ended(running.handle.reject(session, status).await)?;
            }
            (Event::Incoming { session, .. }, None) => {
                // The caller may cancel between the two.
                tolerate_ended(running.handle.ring(session).await)?;
                tolerate_ended(running.handle.answer(session).await)?;
            }
            (event, _) => running.courtesy(&event).await?,
        }
    }
}

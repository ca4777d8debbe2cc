//! `sip register`

use sip_core::Event;

use crate::arguments::Register;
use crate::outcome::Failure;
use crate::running::{Running, command_failure, failure_of, finish, time_or_interrupt};
use crate::settings::Registering;

/// How many seconds the registrar has to answer the goodbye.
const PATIENCE: u64 = 5;

pub(crate) async fn run(arguments: Register) -> Result<(), Failure> {
    let mut running = Running::start(&arguments.account, arguments.output, Registering::Always)?;
    let result = stay(&mut running, arguments.seconds).await;
    finish(&mut running, result).await
}

async fn stay(running: &mut Running, seconds: Option<u64>) -> Result<(), Failure> {
    running.ready().await?;
    let end = time_or_interrupt(seconds);
    tokio::pin!(end);
    loop {
        let event = tokio::select! {
            event = running.next() => event?,
            () = &mut end => break,
        };
        running.courtesy(&event).await?;
    }
    running.handle.unregister().await.map_err(command_failure)?;
    // A registrar that is out of reach answers nothing: whoever wants to go may go.
    tokio::select! {
        unregistered = unregistered(running) => unregistered,
        () = time_or_interrupt(Some(PATIENCE)) => Err(Failure::Outcome(
            "unregistering: no answer from the registrar".to_owned(),
        )),
    }
}

async fn unregistered(running: &mut Running) -> Result<(), Failure> {
    loop {
        match running.next().await? {
            Event::Unregistered { .. } => return Ok(()),
            Event::RegistrationFailed { reason, .. } => {
                return Err(failure_of("unregistering", &reason));
            }
            event => running.courtesy(&event).await?,
        }
    }
}

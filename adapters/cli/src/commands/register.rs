//! `sip register`

use sip_core::Event;

use crate::arguments::Register;
use crate::outcome::Failure;
use crate::running::{Running, command_failure, failure_of, finish, time_or_interrupt};
use crate::settings::Registering;

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

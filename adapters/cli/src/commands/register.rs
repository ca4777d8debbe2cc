//! `sip register`

use sip_core::{Cause, Event};

use crate::arguments::Register;
use crate::outcome::Failure;
use crate::running::{Happening, Running, command_failure, failure_of, finish, time};
use crate::settings::Registering;

/// How many seconds the registrar has to answer the last REGISTER.
const PATIENCE: u64 = 5;

pub(crate) async fn run(arguments: Register) -> Result<(), Failure> {
    let mut running = Running::start(
        &arguments.account,
        arguments.output,
        Registering::Required,
        &[],
    )?;
    let result = stay(&mut running, arguments.seconds).await;
    finish(&mut running, result).await
}

async fn stay(running: &mut Running, seconds: Option<u64>) -> Result<(), Failure> {
    running.ready().await?;
    let end = time(seconds);
    tokio::pin!(end);
    let mut bound = true;
    loop {
        let happening = tokio::select! {
            biased;
            () = &mut end => break,
            happening = running.happening() => happening?,
        };
        let Happening::Event(event) = happening else {
            break;
        };
        match event {
            Event::Registered(_) => bound = true,
            Event::Unregistered { .. } => bound = false,
            _ => {}
        }
        running.answer_unrelated(&event).await?;
    }
    if !bound {
        return Err(lost());
    }
    running.handle.unregister().await.map_err(command_failure)?;
    tokio::select! {
        unregistered = unregistered(running) => unregistered,
        () = time(Some(PATIENCE)) => Err(Failure::Outcome(
            "unregistering: no answer from the registrar".to_owned(),
        )),
    }
}

fn lost() -> Failure {
    Failure::Outcome("the registration was lost before it could be given back".to_owned())
}

async fn unregistered(running: &mut Running) -> Result<(), Failure> {
    loop {
        match running.next().await? {
            Event::Unregistered { reason } if reason.cause == Cause::Requested => return Ok(()),
            Event::Unregistered { .. } => return Err(lost()),
            Event::RegistrationFailed { reason, .. } => {
                return Err(failure_of("unregistering", &reason));
            }
            event => running.answer_unrelated(&event).await?,
        }
    }
}

//! `sip call`

use std::time::Duration;

use sip_core::{Cause, EndReason, Event, InviteOptions, Originator};
use tokio::time::Instant;

use crate::arguments::Call;
use crate::outcome::Failure;
use crate::running::{Happening, Running, command_failure, failure_of, finish, tolerate_ended};
use crate::settings::Registering;

pub(crate) async fn run(arguments: Call) -> Result<(), Failure> {
    let mut running = Running::start(
        &arguments.account,
        arguments.output,
        Registering::IfAddressed,
    )?;
    let result = call(&mut running, &arguments).await;
    finish(&mut running, result).await
}

async fn call(running: &mut Running, arguments: &Call) -> Result<(), Failure> {
    running.ready().await?;
    let mut options = InviteOptions::default();
    options.anonymous = arguments.anonymous;
    let invite = running.handle.invite(&arguments.target, options);
    let session = invite.await.map_err(command_failure)?;
    running.calls(session, &arguments.target);
    let mut established = false;
    let mut hang_up_at: Option<Instant> = None;
    loop {
        let event = tokio::select! {
            happening = running.happening() => match happening? {
                Happening::Event(event) => Some(event),
                Happening::Interrupt => None,
            },
            () = at(hang_up_at) => None,
        };
        let Some(event) = event else {
            hang_up_at = None;
            tolerate_ended(running.handle.hang_up(session).await)?;
            continue;
        };
        match event {
            Event::Established { session: which } if which == session => {
                established = true;
                let after = arguments.hangup_after.map(Duration::from_secs);
                hang_up_at = after.map(|after| Instant::now() + after);
            }
            Event::Ended {
                session: which,
                reason,
            } if which == session => {
                return outcome(&arguments.target, established, &reason);
            }
            event => running.answer_unrelated(&event).await?,
        }
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Success is a call that was established and that either side hung up.
fn outcome(target: &str, established: bool, reason: &EndReason) -> Result<(), Failure> {
    let hung_up = match reason.cause {
        Cause::Bye => true,
        Cause::Requested => reason.originator == Originator::Local,
        _ => false,
    };
    if established && hung_up {
        return Ok(());
    }
    let what = if established {
        "call to"
    } else {
        "call not answered by"
    };
    Err(failure_of(&format!("{what} {target}"), reason))
}

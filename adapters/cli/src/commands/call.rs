//! `sip call`

use sip_core::{Cause, EndReason, Event, InviteOptions, Originator};

use crate::arguments::Call;
use crate::outcome::Failure;
use crate::phone::{Moment, Phone};
use crate::running::{Running, command_failure, failure_of, finish};
use crate::script::Script;
use crate::settings::Registering;

pub(crate) async fn run(arguments: Call) -> Result<(), Failure> {
    let script = Script::new(&arguments.in_call)?;
    let options = options(&arguments)?;
    let mut targets = vec![arguments.target.as_str()];
    targets.extend(arguments.in_call.transfer.as_deref());
    let mut running = Running::start(
        &arguments.account,
        arguments.output,
        Registering::IfAddressed,
        &targets,
    )?;
    let result = call(&mut running, &arguments, options, script).await;
    finish(&mut running, result).await
}

async fn call(
    running: &mut Running,
    arguments: &Call,
    options: InviteOptions,
    script: Script,
) -> Result<(), Failure> {
    running.ready().await?;
    let mut phone = Phone::open(script, arguments.output, &running.report)?;
    let invite = running.handle.invite(&arguments.target, options);
    let mut session = invite.await.map_err(command_failure)?;
    running.calls(session, &arguments.target);
    phone.add(session);
    let mut established = false;
    loop {
        let event = match phone.next(running).await? {
            Moment::Event(event) => event,
            Moment::Intent(intent, source) => {
                if phone.carry_out(running, intent, source).await? {
                    running.interrupted()?;
                    phone.hang_up(running).await?;
                }
                continue;
            }
            Moment::Interrupt => {
                phone.hang_up(running).await?;
                continue;
            }
        };
        if phone.take(running, &event).await? {
            continue;
        }
        match event {
            Event::Established { session: which } if which == session => established = true,
            Event::Ended {
                session: which,
                reason,
            } if which == session => {
                // After a transfer the command is about the call that takes the place of this one.
                if let Some((next, is_up)) = phone.successor(session) {
                    (session, established) = (next, is_up);
                    continue;
                }
                outcome(&arguments.target, established, &reason)?;
                return phone.outcome();
            }
            event => running.answer_unrelated(&event).await?,
        }
    }
}

fn options(arguments: &Call) -> Result<InviteOptions, Failure> {
    let mut options = InviteOptions::default();
    options.anonymous = arguments.anonymous;
    options.late_offer = arguments.late_offer;
    options.expires = arguments.expires;
    options.redirects = arguments.follow_redirects;
    options.headers.clone_from(&arguments.header);
    match &arguments.from {
        Some(uri) => options
            .from_address(uri, None)
            .map_err(|error| Failure::Usage(format!("--from: {error}"))),
        None => Ok(options),
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

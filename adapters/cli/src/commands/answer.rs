//! `sip answer`

use std::collections::VecDeque;
use std::time::Duration;

use sip_core::{Event, FailureStatus, ProvisionalOptions, SessionId};
use sip_host::CommandFailure;
use sip_parse::{Method, StatusCode};
use tokio::time::{Instant, sleep_until};

use crate::arguments::Answer;
use crate::availability::{self, Availability};
use crate::outcome::Failure;
use crate::phone::{Moment, Phone};
use crate::running::{Running, finish, time, tolerate_ended};
use crate::script::Script;
use crate::settings::Registering;

pub(crate) async fn run(arguments: Answer) -> Result<(), Failure> {
    let script = Script::new(&arguments.in_call)?;
    let refusal = match arguments.reject {
        Some(code) => Some(
            FailureStatus::new(code)
                .map_err(|error| Failure::Usage(format!("--reject: {error}")))?,
        ),
        None => None,
    };
    let message_refusal = match arguments.refuse_messages {
        Some(code) => Some(message_refusal(code)?),
        None => None,
    };
    let mut account = arguments.account.clone();
    if arguments.presence {
        account.event_packages = availability::PACKAGES;
    }
    let targets: Vec<&str> = arguments.in_call.transfer.as_deref().into_iter().collect();
    let mut running = Running::start(&account, arguments.output, Registering::ByDefault, &targets)?;
    let refusals = (refusal, message_refusal);
    let result = stay(&mut running, &arguments, script, refusals).await;
    finish(&mut running, result).await
}

/// The status of the flag, if a MESSAGE can be refused with it: not one that needs a header field, and not 408 (RFC 4320 section
/// 4.1).
fn message_refusal(code: u16) -> Result<StatusCode, Failure> {
    let status = FailureStatus::new(code)
        .map_err(|error| Failure::Usage(format!("--refuse-messages: {error}")))?
        .status();
    if status == StatusCode::REQUEST_TIMEOUT {
        let why = "--refuse-messages: 408 is no answer to a MESSAGE (RFC 4320)";
        return Err(Failure::Usage(why.to_owned()));
    }
    Ok(status)
}

async fn stay(
    running: &mut Running,
    arguments: &Answer,
    script: Script,
    (refusal, message_refusal): (Option<FailureStatus>, Option<StatusCode>),
) -> Result<(), Failure> {
    running.connected().await?;
    let mut phone = Phone::open(script, arguments.output, &running.report)?;
    let mut availability = match arguments.presence {
        true => Some(Availability::new(running.uri_of(None)?)),
        false => None,
    };
    let end = time(arguments.seconds);
    tokio::pin!(end);
    // All calls ring equally long, so they are answered in the order in which they started to ring.
    let mut ringing: VecDeque<(Instant, SessionId)> = VecDeque::new();
    loop {
        let (due, next) = ringing.front().copied().unzip();
        let moment = tokio::select! {
            biased;
            () = &mut end => return phone.outcome(),
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                ringing.pop_front();
                if let Some(session) = next {
                    // The caller may have hung up meanwhile.
                    tolerate_ended(running.handle.answer(session).await)?;
                }
                continue;
            }
            moment = phone.next(running) => moment?,
        };
        let event = match moment {
            Moment::Event(event) => event,
            Moment::Intent(intent, source) => {
                if phone.carry_out(running, intent, source).await? {
                    running.interrupted()?;
                    return phone.outcome();
                }
                continue;
            }
            Moment::Interrupt => return phone.outcome(),
        };
        if let Some(availability) = &mut availability
            && availability.take(running, &event).await?
        {
            continue;
        }
        if phone.take(running, &event).await? {
            continue;
        }
        if let (
            Event::IncomingRequest {
                incoming, request, ..
            },
            Some(status),
        ) = (&event, message_refusal)
            && request.method() == Method::Message
        {
            tolerate_ended(running.handle.respond(*incoming, status).await)?;
            continue;
        }
        match (event, refusal) {
            (Event::IncomingCall { session, .. }, Some(status)) => {
                tolerate_ended(running.handle.reject(session, status).await)?;
            }
            (Event::IncomingCall { session, .. }, None) => {
                phone.add(session);
                tolerate_ended(running.handle.ring(session).await)?;
                if arguments.progress {
                    let early_media = ProvisionalOptions::early_media();
                    let sent = running.handle.progress(session, early_media).await;
                    if let Err(CommandFailure::Refused(why)) = &sent {
                        running.report.hint(&format!("no early media: {why}"));
                    }
                    tolerate_ended(sent)?;
                }
                ringing.push_back((
                    Instant::now() + Duration::from_secs(arguments.ring),
                    session,
                ));
            }
            (event, _) => running.answer_unrelated(&event).await?,
        }
    }
}

//! `sip message`, `sip options` and `sip request`: one request, its outcome.

use sip_core::{Event, MessageOptions, RequestId};
use sip_parse::Method;

use crate::arguments::{Message, Options, Request};
use crate::outcome::Failure;
use crate::running::{Running, command_failure, failure_of, finish};
use crate::settings::{Registering, body};

pub(crate) async fn message(arguments: Message) -> Result<(), Failure> {
    let mut running = Running::start(
        &arguments.account,
        arguments.output,
        Registering::OnDemand,
        &[&arguments.target],
    )?;
    let result = async {
        running.ready().await?;
        let sent = running
            .handle
            .message(&arguments.target, &arguments.text)
            .await;
        let request = sent.map_err(command_failure)?;
        outcome(
            &mut running,
            request,
            &format!("message to {}", arguments.target),
        )
        .await
    }
    .await;
    finish(&mut running, result).await
}

pub(crate) async fn options(arguments: Options) -> Result<(), Failure> {
    let mut running = Running::start(
        &arguments.account,
        arguments.output,
        Registering::OnDemand,
        &[&arguments.target],
    )?;
    let result = async {
        running.ready().await?;
        let sent = running.handle.options(&arguments.target).await;
        let request = sent.map_err(command_failure)?;
        outcome(
            &mut running,
            request,
            &format!("options of {}", arguments.target),
        )
        .await
    }
    .await;
    finish(&mut running, result).await
}

pub(crate) async fn request(arguments: Request) -> Result<(), Failure> {
    check(&arguments.method)?;
    let mut options = MessageOptions::new();
    options.headers.clone_from(&arguments.header);
    if let (Some(path), Some(content_type)) = (&arguments.body, &arguments.content_type) {
        options.body = Some(body(path, content_type)?);
    }
    let mut running = Running::start(
        &arguments.account,
        arguments.output,
        Registering::OnDemand,
        &[&arguments.target],
    )?;
    let result = async {
        running.ready().await?;
        let (method, target) = (&arguments.method, &arguments.target);
        let sent = running.handle.request(method, target, options).await;
        let request = sent.map_err(command_failure)?;
        outcome(&mut running, request, &format!("{method} to {target}")).await
    }
    .await;
    finish(&mut running, result).await
}

/// Refuses what is no method, and methods whose requests mean nothing without a state of their own.
fn check(method: &str) -> Result<(), Failure> {
    let why = match Method::parse(method.as_bytes()) {
        Ok(Method::Message | Method::Options | Method::Info | Method::Other(_)) => return Ok(()),
        Ok(_) => "has a state of its own, for which a single request is not enough",
        Err(_) => "is no method",
    };
    Err(Failure::Usage(format!("{method} {why}")))
}

async fn outcome(running: &mut Running, request: RequestId, what: &str) -> Result<(), Failure> {
    loop {
        match running.next().await? {
            Event::RequestCompleted {
                request: which,
                outcome,
            } if which == request => {
                return match outcome {
                    Ok(response) if response.status().is_success() => Ok(()),
                    Ok(response) => Err(running.refusal(what, &response)),
                    Err(reason) => Err(failure_of(what, &reason)),
                };
            }
            event => running.answer_unrelated(&event).await?,
        }
    }
}

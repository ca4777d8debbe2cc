//! `sip subscribe`

use sip_core::{Event, SubscribeOptions, SubscriptionEnd, SubscriptionId};

use crate::arguments::Subscribe;
use crate::outcome::Failure;
use crate::report::printable;
use crate::running::{
    Happening, Running, command_failure, failure_of, finish, time, tolerate_ended,
};
use crate::settings::Registering;

pub(crate) async fn run(arguments: Subscribe) -> Result<(), Failure> {
    let mut running = Running::start(
        &arguments.account,
        arguments.output,
        Registering::IfAddressed,
        &[&arguments.target],
    )?;
    let result = subscribe(&mut running, &arguments).await;
    finish(&mut running, result).await
}

fn options(arguments: &Subscribe) -> SubscribeOptions {
    let mut options = SubscribeOptions::new().expires(arguments.expires);
    if arguments.poll {
        options = SubscribeOptions::poll();
    }
    if let Some(id) = &arguments.id {
        options = options.id(id);
    }
    for media_type in &arguments.accept {
        options = options.accept(media_type);
    }
    if arguments.once {
        options = options.once();
    }
    options
}

async fn subscribe(running: &mut Running, arguments: &Subscribe) -> Result<(), Failure> {
    running.ready().await?;
    let (target, package) = (&arguments.target, &arguments.event);
    let subscribed = running
        .handle
        .subscribe(target, package, options(arguments));
    let id = subscribed.await.map_err(command_failure)?;
    running.subscribes(id, target);
    let end = time(arguments.seconds);
    tokio::pin!(end);
    let mut notified = 0;
    let ended = loop {
        let happening = tokio::select! {
            biased;
            () = &mut end => break None,
            happening = running.happening() => happening?,
        };
        let Happening::Event(event) = happening else {
            break None;
        };
        match event {
            Event::Notified { subscription, .. } if subscription == id => {
                notified += 1;
                if arguments.count == Some(notified) {
                    break None;
                }
            }
            Event::SubscriptionEnded {
                subscription,
                cause,
            } if subscription == id => break Some(cause),
            event => running.answer_unrelated(&event).await?,
        }
    };
    let what = format!("subscription to {target}");
    match ended {
        Some(SubscriptionEnd::Unsubscribed) => {}
        Some(SubscriptionEnd::Failed(reason)) => return Err(failure_of(&what, &reason)),
        Some(cause) => {
            let cause = printable(&cause.to_string());
            return Err(Failure::Outcome(format!("{what}: {cause}")));
        }
        None => {
            tolerate_ended(running.handle.unsubscribe(id).await)?;
            unsubscribed(running, id, &what, &mut notified).await?;
        }
    }
    match notified {
        0 => Err(Failure::Outcome(format!("{what}: no NOTIFY came"))),
        _ => Ok(()),
    }
}

/// Waits for the end of a subscription that the command has ended.
async fn unsubscribed(
    running: &mut Running,
    id: SubscriptionId,
    what: &str,
    notified: &mut u64,
) -> Result<(), Failure> {
    loop {
        // A first Ctrl-C asks for what is under way already.
        let Happening::Event(event) = running.happening().await? else {
            continue;
        };
        match event {
            Event::Notified { subscription, .. } if subscription == id => *notified += 1,
            Event::SubscriptionEnded {
                subscription,
                cause,
            } if subscription == id => {
                return match cause {
                    SubscriptionEnd::Failed(reason) => Err(failure_of(what, &reason)),
                    _ => Ok(()),
                };
            }
            event => running.answer_unrelated(&event).await?,
        }
    }
}

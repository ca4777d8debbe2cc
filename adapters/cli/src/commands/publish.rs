//! `sip publish`

use sip_core::package::presence;
use sip_core::{Body, Event, PublicationId, PublishOptions};

use crate::arguments::{Activity, Basic, Publish};
use crate::bodies;
use crate::outcome::Failure;
use crate::running::{
    Happening, Running, command_failure, failure_of, finish, time, tolerate_ended,
};
use crate::settings::{Registering, body};

pub(crate) async fn run(arguments: Publish) -> Result<(), Failure> {
    let given = match (&arguments.body, &arguments.content_type) {
        (Some(path), Some(content_type)) => Some(body(path, content_type)?),
        _ => None,
    };
    if given.is_none() && arguments.event != "presence" {
        return Err(Failure::Usage(format!(
            "--basic is a state of presence; a state of {} needs --body and --content-type",
            arguments.event
        )));
    }
    let targets: Vec<&str> = arguments.target.as_deref().into_iter().collect();
    let mut running = Running::start(
        &arguments.account,
        arguments.output,
        Registering::OnDemand,
        &targets,
    )?;
    let result = publish(&mut running, &arguments, given).await;
    finish(&mut running, result).await
}

/// The state of the flags.
fn presence(running: &Running, arguments: &Publish) -> Result<Body, Failure> {
    let entity = running.uri_of(arguments.target.as_deref())?;
    let is_open = arguments.basic == Some(Basic::Open);
    let activity = arguments.activity.map(|activity| match activity {
        Activity::Busy => presence::Activity::Busy,
        Activity::Away => presence::Activity::Away,
        Activity::OnThePhone => presence::Activity::OnThePhone,
    });
    let note = arguments.note.as_deref();
    Ok(bodies::presence(&entity, is_open, activity, note))
}

async fn publish(
    running: &mut Running,
    arguments: &Publish,
    given: Option<Body>,
) -> Result<(), Failure> {
    running.ready().await?;
    let state = match given {
        Some(state) => state,
        None => presence(running, arguments)?,
    };
    let package = &arguments.event;
    let options = PublishOptions::new().expires(arguments.expires);
    let handle = &running.handle;
    let id = match &arguments.target {
        Some(target) => handle.publish_for(target, package, state, options).await,
        None => handle.publish(package, state, options).await,
    };
    let id = id.map_err(command_failure)?;
    running.publishes(id, package);
    let what = format!("publication of {package}");
    let mut published = false;
    let end = time(None);
    tokio::pin!(end);
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
            Event::Published { publication, .. } if publication == id => {
                if !published {
                    end.set(time(arguments.seconds));
                }
                published = true;
            }
            Event::PublicationEnded {
                publication,
                outcome,
            } if publication == id => {
                return outcome.map_err(|reason| failure_of(&what, &reason));
            }
            event => running.answer_unrelated(&event).await?,
        }
    }
    tolerate_ended(running.handle.unpublish(id).await)?;
    removed(running, id, &what).await?;
    if published {
        Ok(())
    } else {
        Err(Failure::Outcome("interrupted".to_owned()))
    }
}

/// Waits for the end of a publication that the command removes.
async fn removed(running: &mut Running, id: PublicationId, what: &str) -> Result<(), Failure> {
    loop {
        // A first Ctrl-C asks for what is under way already.
        let Happening::Event(event) = running.happening().await? else {
            continue;
        };
        match event {
            Event::PublicationEnded {
                publication,
                outcome,
            } if publication == id => return outcome.map_err(|reason| failure_of(what, &reason)),
            event => running.answer_unrelated(&event).await?,
        }
    }
}

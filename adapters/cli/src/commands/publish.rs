//! `sip publish`

use std::path::Path;

use clap::ValueEnum;
use sip_core::package::presence;
use sip_core::{Body, Event, PublicationId, PublishOptions};

use crate::arguments::{Activity, Basic, Publish};
use crate::bodies;
use crate::lines::Lines;
use crate::outcome::Failure;
use crate::report::{complain, printable};
use crate::running::{
    Happening, Running, command_failure, failure_of, finish, time, tolerate_ended,
};
use crate::settings::{Registering, body};

/// The form of a line.
const FORM: &str = "a line changes the state: open or closed, then perhaps busy, away or on-the-phone, then perhaps a note; q ends";

pub(crate) async fn run(arguments: Publish) -> Result<(), Failure> {
    let given = match (&arguments.body, &arguments.content_type) {
        (Some(path), Some(content_type)) => Some(body(path, content_type)?),
        _ => None,
    };
    if arguments.changes && arguments.body.as_deref() == Some(Path::new("-")) {
        let sentence = "--changes and --body - would both read standard input";
        return Err(Failure::Usage(sentence.to_owned()));
    }
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

/// A state of presence.
#[derive(Clone, PartialEq, Eq, Debug)]
struct State {
    basic: Basic,
    activity: Option<Activity>,
    note: Option<String>,
}

impl State {
    /// Reads `open busy in a meeting`: whether the person can be reached, an activity, a note.
    fn read(line: &str) -> Option<Self> {
        let (first, rest) = split_word(line);
        let basic = Basic::from_str(first, false).ok()?;
        let (second, after) = split_word(rest);
        let activity = Activity::from_str(second, false).ok();
        let note = if activity.is_some() { after } else { rest };
        Some(Self {
            basic,
            activity,
            note: (!note.is_empty()).then(|| note.to_owned()),
        })
    }

    fn body(&self, entity: &str) -> Body {
        let activity = self.activity.map(|activity| match activity {
            Activity::Busy => presence::Activity::Busy,
            Activity::Away => presence::Activity::Away,
            Activity::OnThePhone => presence::Activity::OnThePhone,
        });
        let is_open = self.basic == Basic::Open;
        bodies::presence(entity, is_open, activity, self.note.as_deref())
    }
}

/// The first word of a text, and the rest.
fn split_word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim_start())
}

/// Publishes what a line says in place of the last state. A line that says nothing usable is no failure of the command.
async fn change(
    running: &Running,
    arguments: &Publish,
    id: PublicationId,
    line: &str,
) -> Result<(), Failure> {
    let state = match &arguments.content_type {
        Some(content_type) => {
            body(Path::new(line), content_type).map_err(|wrong| wrong.to_string())
        }
        None => match State::read(line) {
            Some(state) => Ok(state.body(&running.uri_of(arguments.target.as_deref())?)),
            None => Err(format!("{line}: {FORM}")),
        },
    };
    match state {
        Ok(state) => tolerate_ended(running.handle.modify_publication(id, state).await),
        Err(wrong) => {
            complain(&format!("sip: {}", printable(&wrong)));
            Ok(())
        }
    }
}

async fn publish(
    running: &mut Running,
    arguments: &Publish,
    given: Option<Body>,
) -> Result<(), Failure> {
    running.ready().await?;
    let state = match given {
        Some(state) => state,
        None => {
            let state = State {
                basic: arguments.basic.unwrap_or(Basic::Open),
                activity: arguments.activity,
                note: arguments.note.clone(),
            };
            state.body(&running.uri_of(arguments.target.as_deref())?)
        }
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
    let for_people = !arguments.output.json;
    let mut lines = Lines::open(arguments.changes, for_people)?;
    if lines.is_some() && for_people {
        running.report.hint(match arguments.body {
            Some(_) => "a line changes the state: the path of a file with the new one; q ends",
            None => FORM,
        });
    }
    let mut published = false;
    let end = time(None);
    tokio::pin!(end);
    loop {
        let happening = tokio::select! {
            biased;
            () = &mut end => break,
            happening = running.happening() => happening?,
            line = Lines::next(&mut lines) => {
                if line == "q" {
                    break;
                }
                change(running, arguments, id, &line).await?;
                continue;
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_state() {
        let state = |basic, activity, note: Option<&str>| {
            Some(State {
                basic,
                activity,
                note: note.map(str::to_owned),
            })
        };
        for (line, expected) in [
            ("open", state(Basic::Open, None, None)),
            (
                "closed away",
                state(Basic::Closed, Some(Activity::Away), None),
            ),
            (
                "open  on-the-phone  back at 5",
                state(Basic::Open, Some(Activity::OnThePhone), Some("back at 5")),
            ),
            (
                "open at my desk",
                state(Basic::Open, None, Some("at my desk")),
            ),
            ("opened", None),
            ("busy", None),
            ("", None),
        ] {
            assert_eq!(State::read(line), expected, "{line}");
        }
    }
}

//! `sip watch`

use std::time::Duration;

use serde_json::json;
use sip_core::package::{DialogInfo, MessageSummary, Presence};
use sip_core::{Body, Event, SubscribeOptions, SubscriptionEnd, SubscriptionId, SubscriptionState};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::arguments::Watch;
use crate::bodies::{calls_in_words, messages_in_words, presence_in_words};
use crate::keyboard::Keyboard;
use crate::keys::Key;
use crate::outcome::Failure;
use crate::report::printable;
use crate::running::{
    Happening, Running, command_failure, failure_of, finish, time, tolerate_ended,
};
use crate::settings::Registering;

/// What is not known yet, or not told.
const UNKNOWN: &str = "unknown";

/// What was known, but can have changed since.
const LOST: &str = "lost";

pub(crate) async fn run(arguments: Watch) -> Result<(), Failure> {
    let targets: Vec<&str> = arguments.target.iter().map(String::as_str).collect();
    let mut running = Running::start(
        &arguments.account,
        arguments.output,
        Registering::IfAddressed,
        &targets,
    )?;
    // The lines say the same.
    running.hide(|event| {
        matches!(
            event,
            Event::Notified { .. }
                | Event::SubscriptionInterrupted { .. }
                | Event::SubscriptionEnded { .. }
        )
    });
    let result = watch(&mut running, &arguments).await;
    finish(&mut running, result).await
}

/// A person or a mailbox.
struct Row {
    name: String,
    package: &'static str,
    /// `None` once it is over.
    subscription: Option<SubscriptionId>,
    state: String,
    since: Instant,
    /// The calls of the person, of which a document may have the changes alone.
    calls: Option<DialogInfo>,
    notified: bool,
}

impl Row {
    fn new(name: &str, package: &'static str) -> Self {
        Self {
            name: printable(name),
            package,
            subscription: None,
            state: UNKNOWN.to_owned(),
            since: Instant::now(),
            calls: None,
            notified: false,
        }
    }

    /// What a NOTIFY says. `None`: a document is lost, so that the subscription has to be refreshed.
    fn read(&mut self, state: &SubscriptionState, body: Option<&Body>) -> Option<String> {
        let body = match (state, body) {
            (SubscriptionState::Active, Some(body)) => body,
            (SubscriptionState::Active | SubscriptionState::Pending, _) => {
                return Some(UNKNOWN.to_owned());
            }
            // What follows says what becomes of the subscription.
            _ => return Some(self.state.clone()),
        };
        let words = match self.package {
            "dialog" => DialogInfo::from_body(body).map(|info| self.follow(info)),
            "presence" => Presence::from_body(body).map(|state| Some(presence_in_words(&state))),
            _ => MessageSummary::from_body(body).map(|state| Some(messages_in_words(&state))),
        };
        words.unwrap_or_else(|error| Some(format!("{UNKNOWN}: {error}")))
    }

    fn follow(&mut self, info: DialogInfo) -> Option<String> {
        let known = self.calls.get_or_insert_with(|| info.clone());
        if known.apply(info).is_err() {
            self.calls = None;
            return None;
        }
        Some(calls_in_words(known))
    }
}

/// All lines.
struct Board {
    rows: Vec<Row>,
    is_live: bool,
    /// Why the first subscription ended that was not to end.
    failure: Option<Failure>,
}

impl Board {
    /// Notes a state, and shows it if it is new.
    fn set(&mut self, running: &Running, index: usize, state: &str) {
        let state = printable(state);
        let row = &mut self.rows[index];
        if row.state != state || !row.notified {
            let age = row.since.elapsed();
            let before = row.notified.then_some(age);
            (row.state, row.since, row.notified) = (state, Instant::now(), true);
            let after = match before {
                Some(age) => format!(", after {}", in_words(age)),
                None => String::new(),
            };
            if !self.is_live {
                running.report.event(
                    "watched",
                    [
                        ("name", json!(row.name)),
                        ("package", json!(row.package)),
                        ("state", json!(row.state)),
                    ],
                    format_args!("{}: {}{after}", row.name, row.state),
                );
            }
        }
        self.draw(running);
    }

    /// Draws the lines in place of the ones before.
    fn draw(&self, running: &Running) {
        if !self.is_live {
            return;
        }
        let widest = |text: fn(&Row) -> &str| {
            let lengths = self.rows.iter().map(|row| text(row).chars().count());
            lengths.max().unwrap_or_default()
        };
        let (name, state) = (widest(|row| &row.name), widest(|row| &row.state));
        let lines = self.rows.iter().map(|row| {
            let age = in_words(row.since.elapsed());
            format!("{:name$}  {:state$}  {age}", row.name, row.state)
        });
        running.report.board(lines.collect());
    }

    fn find(&self, id: SubscriptionId) -> Option<usize> {
        self.rows
            .iter()
            .position(|row| row.subscription == Some(id))
    }

    fn is_over(&self) -> bool {
        self.rows.iter().all(|row| row.subscription.is_none())
    }

    /// Follows the subscriptions. Returns whether the event was about one.
    async fn take(&mut self, running: &Running, event: &Event) -> Result<bool, Failure> {
        match event {
            Event::Notified {
                subscription,
                state,
                body,
                ..
            } => {
                let Some(index) = self.find(*subscription) else {
                    return Ok(false);
                };
                match self.rows[index].read(state, body.as_deref()) {
                    Some(words) => self.set(running, index, &words),
                    None => {
                        let refreshed = running.handle.refresh_subscription(*subscription).await;
                        tolerate_ended(refreshed)?;
                    }
                }
            }
            // The core keeps the subscriptions, but no NOTIFY can arrive.
            Event::Disconnected { .. } if !running.is_connected() => {
                for index in 0..self.rows.len() {
                    if self.rows[index].subscription.is_some() {
                        self.set(running, index, LOST);
                    }
                }
                return Ok(false);
            }
            Event::SubscriptionInterrupted { subscription, .. } => {
                let Some(index) = self.find(*subscription) else {
                    return Ok(false);
                };
                self.rows[index].calls = None;
                self.set(running, index, LOST);
            }
            Event::SubscriptionEnded {
                subscription,
                cause,
            } => {
                let Some(index) = self.find(*subscription) else {
                    return Ok(false);
                };
                self.rows[index].subscription = None;
                if *cause != SubscriptionEnd::Unsubscribed {
                    let what = format!("subscription to {}", self.rows[index].name);
                    let (failure, why) = match cause {
                        SubscriptionEnd::Failed(reason) => {
                            (failure_of(&what, reason), reason.to_string())
                        }
                        cause => {
                            let why = cause.to_string();
                            (
                                Failure::Outcome(format!("{what}: {}", printable(&why))),
                                why,
                            )
                        }
                    };
                    self.failure.get_or_insert(failure);
                    self.set(running, index, &format!("not watched: {why}"));
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

async fn watch(running: &mut Running, arguments: &Watch) -> Result<(), Failure> {
    let people = if arguments.dialog {
        "dialog"
    } else {
        "presence"
    };
    let mut wanted: Vec<(String, &'static str)> = Vec::new();
    for target in &arguments.target {
        wanted.push((target.clone(), people));
    }
    if arguments.mwi || wanted.is_empty() {
        wanted.push((running.uri_of(None)?, "message-summary"));
    }
    running.ready().await?;
    let mut board = Board {
        rows: Vec::new(),
        is_live: !arguments.output.json && running.report.has_board(),
        failure: None,
    };
    for (target, package) in wanted {
        let options = SubscribeOptions::new();
        let subscribed = running.handle.subscribe(&target, package, options);
        let id = subscribed.await.map_err(command_failure)?;
        running.subscribes(id, &target);
        let mut row = Row::new(&target, package);
        row.subscription = Some(id);
        board.rows.push(row);
    }
    board.draw(running);
    let stayed = stay(running, arguments, &mut board).await;
    let ended = match stayed {
        Ok(()) => end(running, &mut board).await,
        Err(failure) => Err(failure),
    };
    running.report.leave_board();
    ended
}

/// Follows the changes until the time is over, the user ends the command, or no subscription is left.
async fn stay(running: &mut Running, arguments: &Watch, board: &mut Board) -> Result<(), Failure> {
    let mut keyboard = if board.is_live {
        Keyboard::open()?
    } else {
        None
    };
    let end = time(arguments.seconds);
    tokio::pin!(end);
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let happening = tokio::select! {
            biased;
            () = &mut end => return Ok(()),
            happening = running.happening() => happening?,
            key = Keyboard::next(&mut keyboard) => {
                if matches!(key, Key::Character('q') | Key::Interrupt) {
                    running.interrupted()?;
                    return Ok(());
                }
                continue;
            }
            _ = seconds.tick(), if board.is_live => {
                board.draw(running);
                continue;
            }
        };
        let Happening::Event(event) = happening else {
            return Ok(());
        };
        if !board.take(running, &event).await? {
            running.answer_unrelated(&event).await?;
        }
        if board.is_over() {
            return board.failure.take().map_or(Ok(()), Err);
        }
    }
}

/// Unsubscribes, and waits for the ends.
async fn end(running: &mut Running, board: &mut Board) -> Result<(), Failure> {
    for row in &board.rows {
        if let Some(id) = row.subscription {
            tolerate_ended(running.handle.unsubscribe(id).await)?;
        }
    }
    while !board.is_over() {
        // A first Ctrl-C asks for what is under way already.
        let Happening::Event(event) = running.happening().await? else {
            continue;
        };
        if !board.take(running, &event).await? {
            running.answer_unrelated(&event).await?;
        }
    }
    Ok(())
}

/// A time in its largest unit.
fn in_words(time: Duration) -> String {
    match time.as_secs() {
        seconds @ ..60 => format!("{seconds} s"),
        seconds @ ..3_600 => format!("{} min", seconds / 60),
        seconds @ ..86_400 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use sip_core::package::DocumentState;
    use sip_core::package::dialog_info::{Dialog, DialogPhase};

    use super::*;

    fn info(version: u32, state: DocumentState) -> DialogInfo {
        DialogInfo::new("sip:bob@example.com", version, state)
    }

    /// RFC 4235 section 4.3: a document after a lost one needs the whole state.
    #[test]
    fn the_changes_of_calls_add_up() {
        let mut row = Row::new("bob", "dialog");
        let mut read =
            |info: DialogInfo| row.read(&SubscriptionState::Active, Some(&info.to_body()));
        let call = |phase| Dialog::new("1", phase);
        let words = |words: &str| Some(words.to_owned());
        let first = info(0, DocumentState::Full).dialog(call(DialogPhase::Early));
        assert_eq!(read(first), words("ringing"));
        let second = info(1, DocumentState::Partial).dialog(call(DialogPhase::Confirmed));
        assert_eq!(read(second), words("on the phone"));
        let fourth = info(3, DocumentState::Partial).dialog(call(DialogPhase::Terminated));
        assert_eq!(read(fourth), None);
        assert_eq!(read(info(4, DocumentState::Full)), words("free"));
    }

    /// RFC 6665 section 4.1.3: a pending subscription says nothing about the resource.
    #[test]
    fn a_pending_subscription_tells_nothing() {
        let mut row = Row::new("bob", "presence");
        let body = crate::bodies::presence("sip:bob@example.com", true, None, None);
        let words = |words: &str| Some(words.to_owned());
        let mut read = |state, body| row.read(&state, body);
        assert_eq!(
            read(SubscriptionState::Pending, Some(&body)),
            words(UNKNOWN)
        );
        assert_eq!(read(SubscriptionState::Active, Some(&body)), words("open"));
        assert_eq!(read(SubscriptionState::Active, None), words(UNKNOWN));
    }

    #[test]
    fn a_time_has_one_unit() {
        let words = |seconds| in_words(Duration::from_secs(seconds));
        let times = [0, 59, 60, 3_599, 3_600, 86_400].map(words);
        assert_eq!(times, ["0 s", "59 s", "1 min", "59 min", "1 h", "1 d"]);
    }
}

//! The calls of a command, and what keys and flags do with them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::json;
use sip_core::{DescriptionKind, Event, ExchangeId, ExchangeOutcome, RequestId, SessionId};
use tokio::time::{Instant, sleep_until};

use crate::arguments::Output;
use crate::keyboard::Keyboard;
use crate::keys::{CONSULTING_HELP, HELP, Intent, Keys, Pressed, Situation};
use crate::outcome::Failure;
use crate::report::Report;
use crate::running::{Happening, Running, tolerate_ended};
use crate::script::{Script, TONE};

/// What a command waits for.
pub(crate) enum Moment {
    Event(Event),
    /// A key or a flag wants this. [`Phone::carry_out`] does it.
    Intent(Intent, Source),
    /// The first Ctrl-C: the command ends in good order.
    Interrupt,
}

/// Where an intent comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Source {
    /// A key, for the newest call.
    Key,
    /// A flag. A step that fails makes the command a failure.
    Flag(SessionId),
}

/// A call.
struct Call {
    session: SessionId,
    up: bool,
    /// What the flags still do in it.
    steps: VecDeque<(Instant, Intent)>,
    hold: Hold,
}

/// Whether this side holds a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Hold {
    No,
    Yes,
    /// The exchange that begins or ends the hold is under way.
    Changing {
        hold: bool,
        source: Source,
    },
}

/// The calls of a command, the keyboard, and the script.
pub(crate) struct Phone {
    script: Script,
    keyboard: Option<Keyboard>,
    keys: Keys,
    report: Report,
    /// In the order in which they began.
    calls: Vec<Call>,
    /// The exchanges in which the peer has made the offer.
    offered_by_peer: BTreeSet<(SessionId, ExchangeId)>,
    /// The tones that the peer has not answered.
    tones: BTreeMap<RequestId, (char, Source)>,
    /// Whether the help line was shown.
    helped: bool,
    /// The first step of a flag that failed.
    failed: Option<String>,
}

impl Phone {
    /// Opens the keyboard, if there is one and the output is for people.
    ///
    /// # Errors
    /// The terminal cannot be used.
    pub(crate) fn open(script: Script, output: Output, report: &Report) -> Result<Self, Failure> {
        Ok(Self {
            script,
            keyboard: if output.json { None } else { Keyboard::open()? },
            keys: Keys::default(),
            report: report.clone(),
            calls: Vec::new(),
            offered_by_peer: BTreeSet::new(),
            tones: BTreeMap::new(),
            helped: false,
            failed: None,
        })
    }

    /// Takes over a call.
    pub(crate) fn add(&mut self, session: SessionId) {
        self.calls.push(Call {
            session,
            up: false,
            steps: VecDeque::new(),
            hold: Hold::No,
        });
    }

    /// The next thing that happens. Cancel safe.
    pub(crate) async fn next(&mut self, running: &mut Running) -> Result<Moment, Failure> {
        loop {
            let due = self.calls.iter().enumerate();
            let due = due.filter_map(|(index, call)| Some((call.steps.front()?.0, index)));
            let due = due.min();
            let key = tokio::select! {
                biased;
                happening = running.happening() => return Ok(match happening? {
                    Happening::Event(event) => {
                        self.note(&event);
                        Moment::Event(event)
                    }
                    Happening::Interrupt => Moment::Interrupt,
                }),
                () = at(due.map(|(at, _)| at)) => None,
                key = Keyboard::next(&mut self.keyboard) => Some(key),
            };
            match (key, due) {
                (Some(key), _) => {
                    let pressed = self.keys.press(key, self.situation());
                    self.report.prompt(self.keys.prompt());
                    if let Pressed::Intent(intent) = pressed {
                        return Ok(Moment::Intent(intent, Source::Key));
                    }
                }
                (None, Some((_, index))) => {
                    let call = &mut self.calls[index];
                    if let Some((_, intent)) = call.steps.pop_front() {
                        return Ok(Moment::Intent(intent, Source::Flag(call.session)));
                    }
                }
                (None, None) => {}
            }
        }
    }

    /// Does what a key or a flag wants. Returns whether the command shall end, as at Ctrl-C.
    pub(crate) async fn carry_out(
        &mut self,
        running: &mut Running,
        intent: Intent,
        source: Source,
    ) -> Result<bool, Failure> {
        let session = match source {
            Source::Flag(session) => Some(session),
            Source::Key => self.calls.last().map(|call| call.session),
        };
        match (intent, session) {
            (Intent::Quit, _) => return Ok(true),
            (Intent::Help, _) => self.help(),
            (Intent::HangUp, Some(session)) => {
                tolerate_ended(running.handle.hang_up(session).await)?;
            }
            (Intent::Hold, Some(session)) => self.hold(running, session, true, source).await,
            (Intent::Resume, Some(session)) => self.hold(running, session, false, source).await,
            (Intent::ToggleHold, Some(session)) => {
                let held = self
                    .call(session)
                    .is_some_and(|call| call.hold == Hold::Yes);
                self.hold(running, session, !held, source).await;
            }
            (Intent::Tone(tone), Some(session)) => {
                match running.handle.send_dtmf(session, tone, TONE).await {
                    Ok(request) => {
                        self.tones.insert(request, (tone, source));
                    }
                    Err(error) => self.failed(source, format!("tone {tone} not sent: {error}")),
                }
            }
            (_, _) => {}
        }
        Ok(false)
    }

    /// Ends all calls, as Ctrl-C does.
    pub(crate) async fn hang_up(&mut self, running: &Running) -> Result<(), Failure> {
        for call in &mut self.calls {
            call.steps.clear();
            tolerate_ended(running.handle.hang_up(call.session).await)?;
        }
        Ok(())
    }

    /// The first step of a flag that failed.
    pub(crate) fn outcome(&mut self) -> Result<(), Failure> {
        match self.failed.take() {
            Some(failed) => Err(Failure::Outcome(failed)),
            None => Ok(()),
        }
    }

    fn situation(&self) -> Situation {
        match self.calls.last() {
            None => Situation::Idle,
            Some(call) if call.up => Situation::Up,
            Some(_) => Situation::Ringing,
        }
    }

    fn help(&mut self) {
        self.helped = true;
        self.report.hint(match self.situation() {
            Situation::Consulting => CONSULTING_HELP,
            _ => HELP,
        });
    }

    /// Follows the calls.
    fn note(&mut self, event: &Event) {
        match event {
            Event::Established { session } => {
                let steps = self.script.steps(Instant::now());
                if let Some(call) = self.call(*session) {
                    call.up = true;
                    call.steps = steps;
                    if self.keyboard.is_some() && !self.helped {
                        self.help();
                    }
                }
            }
            Event::Ended { session, .. } => {
                self.calls.retain(|call| call.session != *session);
                self.offered_by_peer.retain(|(call, _)| call != session);
                if self.keys.close() {
                    self.report.prompt(None);
                }
            }
            Event::RemoteDescription {
                session,
                exchange,
                kind: DescriptionKind::Offer,
                ..
            } => {
                self.offered_by_peer.insert((*session, *exchange));
            }
            Event::ExchangeEnded {
                session,
                exchange,
                outcome,
                ..
            } => {
                if !self.offered_by_peer.remove(&(*session, *exchange)) {
                    self.exchanged(*session, outcome);
                }
            }
            Event::RequestCompleted { request, outcome } => {
                let Some((tone, source)) = self.tones.remove(request) else {
                    return;
                };
                let why = match outcome {
                    Ok(response) if response.status().is_success() => return,
                    Ok(response) => response.status().as_u16().to_string(),
                    Err(reason) => reason.to_string(),
                };
                self.failed(source, format!("tone {tone} not taken: {why}"));
            }
            _ => {}
        }
    }

    /// Begins or ends the hold of this side.
    async fn hold(&mut self, running: &Running, session: SessionId, hold: bool, source: Source) {
        let begun = match hold {
            true => running.handle.hold(session).await,
            false => running.handle.resume(session).await,
        };
        match begun {
            Ok(()) => {
                if let Some(call) = self.call(session) {
                    call.hold = Hold::Changing { hold, source };
                }
            }
            Err(error) => self.failed(source, format!("{}: {error}", not_done(hold))),
        }
    }

    /// An exchange in which this side made the offer is over.
    fn exchanged(&mut self, session: SessionId, outcome: &ExchangeOutcome) {
        let Some(call) = self.call(session) else {
            return;
        };
        let Hold::Changing { hold, source } = call.hold else {
            return;
        };
        match outcome {
            ExchangeOutcome::Complete => {
                call.hold = if hold { Hold::Yes } else { Hold::No };
                let (name, text) = match hold {
                    true => ("held", "call on hold"),
                    false => ("resumed", "call resumed"),
                };
                let number = json!(session.to_bits());
                self.report.event(name, [("call", number)], text);
            }
            // The core begins anew.
            ExchangeOutcome::RolledBack(_) => {}
            _ => {
                call.hold = if hold { Hold::No } else { Hold::Yes };
                let why = outcome.reason().map(ToString::to_string);
                let why = why.unwrap_or_default();
                self.failed(source, format!("{}: {why}", not_done(hold)));
            }
        }
    }

    fn call(&mut self, session: SessionId) -> Option<&mut Call> {
        let mut calls = self.calls.iter_mut();
        calls.find(|call| call.session == session)
    }

    /// A key is told, and a flag makes the command a failure.
    fn failed(&mut self, source: Source, why: String) {
        match source {
            Source::Key => self.report.hint(&why),
            Source::Flag(_) => {
                self.report.hint(&why);
                self.failed.get_or_insert(why);
            }
        }
    }
}

const fn not_done(hold: bool) -> &'static str {
    if hold { "not held" } else { "not resumed" }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

//! The calls of a command, and what keys and flags do with them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::json;
use sip_core::{
    DescriptionKind, EndReason, Event, ExchangeId, ExchangeOutcome, FailureStatus, InviteOptions,
    RequestId, SessionId, Tones, TransferId, TransferOptions, TransferOutcome, TransferTarget,
};
use sip_host::CommandFailure;
use tokio::time::{Instant, sleep_until};

use crate::arguments::Output;
use crate::keyboard::Keyboard;
use crate::keys::{CONSULTING_HELP, HELP, Intent, Keys, Pressed, Situation};
use crate::outcome::Failure;
use crate::report::Report;
use crate::running::{Happening, Running, tolerate_ended};
use crate::script::Script;

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
    /// A flag, for this call. A step that fails makes the command a failure.
    Flag(SessionId),
}

/// A call.
struct Call {
    session: SessionId,
    up: bool,
    /// What the flags still do in it.
    steps: VecDeque<(Instant, Intent)>,
    hold: Hold,
    /// The transfer that waits for the end of the exchange of a hold.
    transfer: Option<(TransferTarget, Source)>,
    /// The call whose peer is to be connected with the peer of this one.
    consults_for: Option<(SessionId, Source)>,
}

/// Who holds a call, as far as it is this side.
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
    follows_refers: bool,
    /// In the order in which they began.
    calls: Vec<Call>,
    /// The exchanges in which the peer has made the offer.
    offered_by_peer: BTreeSet<(SessionId, ExchangeId)>,
    /// The tones whose outcome is open.
    tones: BTreeMap<RequestId, (String, Source)>,
    /// The transfers whose outcome is open, and their calls.
    transfers: BTreeMap<TransferId, (SessionId, Source)>,
    /// The calls that take the place of others: by a REFER, or by Replaces.
    successors: BTreeMap<SessionId, SessionId>,
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
            follows_refers: script.follows_refers,
            script,
            keyboard: if output.json { None } else { Keyboard::open()? },
            keys: Keys::default(),
            report: report.clone(),
            calls: Vec::new(),
            offered_by_peer: BTreeSet::new(),
            tones: BTreeMap::new(),
            transfers: BTreeMap::new(),
            successors: BTreeMap::new(),
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
            transfer: None,
            consults_for: None,
        });
    }

    /// The next thing that happens. Cancel safe.
    pub(crate) async fn next(&mut self, running: &mut Running) -> Result<Moment, Failure> {
        loop {
            let due = self.calls.iter().enumerate().filter(|(_, call)| call.up);
            let due = due.filter_map(|(index, call)| Some((call.steps.front()?.0, index)));
            let due = due.min();
            let key = tokio::select! {
                biased;
                happening = running.happening() => return Ok(match happening? {
                    Happening::Event(event) => Moment::Event(event),
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
    ///
    /// # Errors
    /// The user agent is gone.
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
            (_, None) => {}
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
            (Intent::Tones(tones), Some(session)) => {
                self.send_tones(running, session, tones, source).await;
            }
            (Intent::Transfer(target), Some(session)) => match running.check_target(&target) {
                Ok(()) => {
                    let target = TransferTarget::Address(target);
                    self.transfer(running, session, target, source).await?;
                }
                Err(wrong) => self.failed(source, wrong.to_string()),
            },
            (Intent::Consult(target), Some(session)) => match running.check_target(&target) {
                Ok(()) => self.consult(running, session, &target, source).await?,
                Err(wrong) => self.failed(source, wrong.to_string()),
            },
            (Intent::CompleteTransfer, Some(session)) => {
                self.complete(running, session).await?;
            }
        }
        Ok(false)
    }

    /// Ends all calls, as Ctrl-C does.
    ///
    /// # Errors
    /// The user agent is gone.
    pub(crate) async fn hang_up(&mut self, running: &Running) -> Result<(), Failure> {
        for call in &mut self.calls {
            call.steps.clear();
            tolerate_ended(running.handle.hang_up(call.session).await)?;
        }
        Ok(())
    }

    /// The first step of a flag that failed.
    ///
    /// # Errors
    /// That one.
    pub(crate) fn outcome(&mut self) -> Result<(), Failure> {
        match self.failed.take() {
            Some(failed) => Err(Failure::Outcome(failed)),
            None => Ok(()),
        }
    }

    /// The call that has taken the place of one that is over, and whether it is up.
    pub(crate) fn successor(&mut self, session: SessionId) -> Option<(SessionId, bool)> {
        let next = self.successors.remove(&session)?;
        let call = self.call(next)?;
        Some((next, call.up))
    }

    /// Follows the calls, and answers what concerns calls that are there. Returns whether that was all that the event needs.
    ///
    /// # Errors
    /// The user agent is gone.
    pub(crate) async fn take(
        &mut self,
        running: &mut Running,
        event: &Event,
    ) -> Result<bool, Failure> {
        match event {
            Event::Established { session } => self.up(running, *session).await?,
            Event::Ended { session, reason } => self.ended(running, *session, reason).await?,
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
                self.exchanged(running, *session, *exchange, outcome)
                    .await?;
            }
            Event::RequestCompleted { request, outcome } => {
                if let Some((tones, source)) = self.tones.remove(request) {
                    let why = match outcome {
                        Ok(response) if response.status().is_success() => return Ok(true),
                        Ok(response) => response.status().as_u16().to_string(),
                        Err(reason) => reason.to_string(),
                    };
                    self.failed(source, format!("tones {tones} not taken: {why}"));
                }
            }
            // An INVITE with Replaces shows that its sender knows the call (RFC 3891 section 4), and the configuration has
            // `replaces`.
            Event::IncomingCall {
                session,
                replaces: Some(replaced),
                ..
            } => {
                self.add(*session);
                self.succeed(*replaced, *session);
                tolerate_ended(running.handle.answer(*session).await)?;
                return Ok(true);
            }
            Event::IncomingRefer { refer, .. } if self.follows_refers => {
                self.follow(running, event, *refer).await?;
                return Ok(true);
            }
            Event::TransferEnded {
                transfer, outcome, ..
            } => self.transferred(running, *transfer, outcome).await?,
            _ => {}
        }
        Ok(false)
    }

    async fn up(&mut self, running: &mut Running, session: SessionId) -> Result<(), Failure> {
        let succeeds = self.successors.values().any(|&next| next == session);
        let steps = self.script.steps(Instant::now());
        let Some(call) = self.call(session) else {
            return Ok(());
        };
        call.up = true;
        // The script is for the calls of the command, not for those that a transfer makes.
        let consults_for = call.consults_for;
        if !succeeds && consults_for.is_none() {
            call.steps = steps;
        }
        if self.keyboard.is_some() && (!self.helped || consults_for.is_some()) {
            self.help();
        }
        match consults_for {
            Some((_, Source::Flag(_))) => self.complete(running, session).await,
            _ => Ok(()),
        }
    }

    async fn ended(
        &mut self,
        running: &Running,
        session: SessionId,
        reason: &EndReason,
    ) -> Result<(), Failure> {
        let ended = self.calls.iter().position(|call| call.session == session);
        let mut ended = ended.map(|index| self.calls.remove(index));
        self.offered_by_peer.retain(|(call, _)| *call != session);
        self.give_back(session, ended.as_mut());
        if self.keys.close() {
            self.report.prompt(None);
        }
        if let Some((_, source)) = ended.as_mut().and_then(|call| call.transfer.take()) {
            let why = format!("transfer failed: {reason}");
            return self.transfer_failed(running, session, source, &why).await;
        }
        // If there is a transfer, the peer of this call has gone to the other one.
        let consults_for = ended.and_then(|call| call.consults_for);
        let transfers = &self.transfers;
        let is_open = |held: SessionId| transfers.values().any(|(call, _)| *call == held);
        match consults_for.filter(|(held, _)| self.is_there(*held) && !is_open(*held)) {
            Some((held, source)) => {
                let why = format!("nobody to transfer to: {reason}");
                self.transfer_failed(running, held, source, &why).await
            }
            None => Ok(()),
        }
    }

    /// A call takes the place of another one, with what the script still does in it.
    fn succeed(&mut self, old: SessionId, new: SessionId) {
        self.successors.insert(old, new);
        let steps = self.call(old).map(|call| std::mem::take(&mut call.steps));
        if let (Some(steps), Some(call)) = (steps, self.call(new)) {
            call.steps = steps;
        }
    }

    /// A call that was to take the place of another one is over while that goes on, so that this has its script again.
    fn give_back(&mut self, session: SessionId, ended: Option<&mut Call>) {
        let old = self.successors.iter().find(|(_, new)| **new == session);
        let Some(old) = old.map(|(old, _)| *old).filter(|old| self.is_there(*old)) else {
            return;
        };
        self.successors.remove(&old);
        let steps = ended.map(|call| std::mem::take(&mut call.steps));
        if let (Some(steps), Some(call)) = (steps, self.call(old)) {
            call.steps = steps;
        }
    }

    fn is_there(&self, session: SessionId) -> bool {
        self.calls.iter().any(|call| call.session == session)
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
            Err(error) => self.failed(source, format!("{}: {error}", hold_name(hold))),
        }
    }

    /// An exchange is over. One in which this side made the offer may begin or end a hold, and a transfer may wait for its end.
    async fn exchanged(
        &mut self,
        running: &Running,
        session: SessionId,
        exchange: ExchangeId,
        outcome: &ExchangeOutcome,
    ) -> Result<(), Failure> {
        if self.offered_by_peer.remove(&(session, exchange)) {
            return Ok(());
        }
        let Some(call) = self.call(session) else {
            return Ok(());
        };
        let Hold::Changing { hold, source } = call.hold else {
            return Ok(());
        };
        let number = json!(session.to_bits());
        match outcome {
            ExchangeOutcome::Complete => {
                call.hold = if hold { Hold::Yes } else { Hold::No };
                let (name, text) = match hold {
                    true => ("held", "call on hold"),
                    false => ("resumed", "call resumed"),
                };
                self.report.event(name, [("call", number)], text);
            }
            // The core begins anew.
            ExchangeOutcome::RolledBack(_) => return Ok(()),
            _ => {
                call.hold = if hold { Hold::No } else { Hold::Yes };
                let why = outcome
                    .reason()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                self.failed(source, format!("{}: {why}", hold_name(hold)));
            }
        }
        match self.call(session).and_then(|call| call.transfer.take()) {
            Some((target, source)) => self.transfer(running, session, target, source).await,
            None => Ok(()),
        }
    }

    async fn send_tones(
        &mut self,
        running: &Running,
        session: SessionId,
        tones: Tones,
        source: Source,
    ) {
        let text = tones.to_string();
        match running.handle.send_tones(session, tones).await {
            Ok(request) => {
                self.tones.insert(request, (text, source));
            }
            Err(error) => self.failed(source, format!("tones {text} not sent: {error}")),
        }
    }

    /// Sends the REFER, after the exchange of a hold if one is under way, because peers drop a REFER behind a re-INVITE.
    async fn transfer(
        &mut self,
        running: &Running,
        session: SessionId,
        target: TransferTarget,
        source: Source,
    ) -> Result<(), Failure> {
        if let Some(call) = self.call(session)
            && matches!(call.hold, Hold::Changing { .. })
        {
            call.transfer = Some((target, source));
            return Ok(());
        }
        let options = TransferOptions::default();
        match running.handle.refer(session, target, options).await {
            Ok(transfer) => {
                self.transfers.insert(transfer, (session, source));
                Ok(())
            }
            Err(error) => {
                let why = format!("transfer failed: {error}");
                self.transfer_failed(running, session, source, &why).await
            }
        }
    }

    /// Calls the target of an attended transfer.
    async fn consult(
        &mut self,
        running: &mut Running,
        session: SessionId,
        target: &str,
        source: Source,
    ) -> Result<(), Failure> {
        if self.call(session).is_some_and(|call| call.hold == Hold::No) {
            self.hold(running, session, true, source).await;
        }
        let invite = running.handle.invite(target, InviteOptions::default());
        match invite.await {
            Ok(consultation) => {
                running.calls(consultation, target);
                self.add(consultation);
                if let Some(call) = self.call(consultation) {
                    call.consults_for = Some((session, source));
                }
                Ok(())
            }
            Err(error) => {
                let why = format!("transfer failed: {error}");
                self.transfer_failed(running, session, source, &why).await
            }
        }
    }

    /// Connects the peer of a call with the peer of the consultation.
    async fn complete(
        &mut self,
        running: &Running,
        consultation: SessionId,
    ) -> Result<(), Failure> {
        let Some(call) = self.call(consultation) else {
            return Ok(());
        };
        let Some((session, source)) = call.consults_for else {
            return Ok(());
        };
        if !call.up {
            self.report
                .hint("the target has not answered yet; q hangs up on it");
            return Ok(());
        }
        let target = TransferTarget::Call(consultation);
        self.transfer(running, session, target, source).await
    }

    /// A transfer is over. After a success this side hangs up; after a failure the call goes on, unless a script runs it.
    async fn transferred(
        &mut self,
        running: &Running,
        transfer: TransferId,
        outcome: &TransferOutcome,
    ) -> Result<(), Failure> {
        let Some((session, source)) = self.transfers.remove(&transfer) else {
            return Ok(());
        };
        match outcome {
            TransferOutcome::Succeeded(_) | TransferOutcome::Unreported => {
                for call in &mut self.calls {
                    call.consults_for.take_if(|(held, _)| *held == session);
                }
                tolerate_ended(running.handle.hang_up(session).await)
            }
            outcome => {
                let why = outcome.to_string();
                self.transfer_failed(running, session, source, &why).await
            }
        }
    }

    async fn transfer_failed(
        &mut self,
        running: &Running,
        session: SessionId,
        source: Source,
        why: &str,
    ) -> Result<(), Failure> {
        if let Some(call) = self.call(session) {
            call.transfer = None;
        }
        self.failed(source, why.to_owned());
        if source == Source::Key {
            return Ok(());
        }
        self.hang_up(running).await?;
        tolerate_ended(running.handle.hang_up(session).await)
    }

    /// Does what a REFER of the peer asks for.
    async fn follow(
        &mut self,
        running: &mut Running,
        event: &Event,
        refer: sip_core::ReferId,
    ) -> Result<(), Failure> {
        let Event::IncomingRefer {
            session, referral, ..
        } = event
        else {
            return Ok(());
        };
        let options = InviteOptions::default();
        match running.handle.follow_refer(refer, options).await {
            Ok(next) => {
                let target = referral.target.to_string();
                running.calls(next, target.split('?').next().unwrap_or_default());
                self.add(next);
                if let Some(session) = session {
                    self.succeed(*session, next);
                }
                Ok(())
            }
            Err(CommandFailure::Gone) => Err(Failure::Outcome(CommandFailure::Gone.to_string())),
            Err(error) => {
                self.report.hint(&format!("transfer not followed: {error}"));
                let decline = FailureStatus::DECLINE;
                tolerate_ended(running.handle.reject_refer(refer, decline).await)
            }
        }
    }

    fn situation(&self) -> Situation {
        match self.calls.last() {
            None => Situation::Idle,
            Some(call) if call.consults_for.is_some() => Situation::Consulting,
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

    fn call(&mut self, session: SessionId) -> Option<&mut Call> {
        let mut calls = self.calls.iter_mut();
        calls.find(|call| call.session == session)
    }

    /// Says what failed; a step of a flag makes the command a failure.
    fn failed(&mut self, source: Source, why: String) {
        self.report.hint(&why);
        if source != Source::Key {
            self.failed.get_or_insert(why);
        }
    }
}

const fn hold_name(hold: bool) -> &'static str {
    if hold { "not held" } else { "not resumed" }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

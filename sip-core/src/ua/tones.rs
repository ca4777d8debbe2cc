//! Sequences of DTMF tones: one INFO for each tone, one in flight at a time in each call. A sequence is one request of the
//! application, so that it has one handle and one outcome.

use alloc::boxed::Box;
use core::time::Duration;

use sip_parse::{Method, Response};

use super::agent::UserAgent;
use super::tone_sequence::{TonePhase, ToneSequence};
use crate::config::DtmfType;
use crate::dtmf::{PAUSE, Tones};
use crate::endpoint::TimerOwner;
use crate::error::CommandError;
use crate::event::Event;
use crate::ids::{RequestId, SessionId};
use crate::reason::{Cause, EndReason, send_failure_cause};
use crate::session::MessageOptions;
use crate::time::Timestamp;
use crate::transaction::SendError;

/// How long the media side may take to take or to leave the tones.
const TAKE_WITHIN: Duration = Duration::from_secs(10);

impl UserAgent {
    /// Sends tones within a call that is up.
    pub(super) fn send_tones(
        &mut self,
        id: SessionId,
        tones: Tones,
        now: Timestamp,
    ) -> Result<RequestId, CommandError> {
        self.command(now)?;
        let dialog = self.sessions.established_dialog(id)?;
        self.check_requests()?;
        let is_first = self.requests.sequences_of(id).is_empty();
        let request = self.requests.next_id();
        let sequence = ToneSequence {
            session: id,
            sequence: self.endpoint.next_sequence(),
            tones,
            next: 0,
            not_before: self.endpoint.now,
            phase: TonePhase::Behind,
        };
        self.requests.insert_tones(dialog, sequence);
        if is_first {
            let begun = self.begin_tones(request);
            if let Err(error) = begun {
                self.requests.remove(request);
                return Err(error.into());
            }
        }
        self.settle();
        Ok(request)
    }

    /// Answers [`Event::TonesOffered`]: whether the media side sends the tones itself, as telephone events (RFC 4733). If it
    /// does, the request of [`EstablishedSession::send_tones`](crate::EstablishedSession::send_tones) is over without a
    /// further event; if not, the core sends them by INFO.
    ///
    /// # Errors
    /// [`CommandError::Stale`] if the request is over, or the 10 seconds to answer are; [`CommandError::Backpressure`] if the
    /// core would have to send the tones.
    pub fn tones_taken(
        &mut self,
        request: RequestId,
        taken: bool,
        now: Timestamp,
    ) -> Result<(), CommandError> {
        if !taken {
            self.endpoint.check_queue()?;
        }
        self.advance(now);
        let sequence = self.requests.tones(request).ok_or(CommandError::Stale)?;
        let TonePhase::Offered(timer) = sequence.phase else {
            return Err(CommandError::Stale);
        };
        self.endpoint.timers.cancel(timer);
        if taken {
            let session = sequence.session;
            self.requests.remove(request);
            self.begin_next_tones(session);
        } else {
            self.send_tone(request);
        }
        self.settle();
        Ok(())
    }

    /// Begins a sequence, with a tone or with an offer to the media side.
    fn begin_tones(&mut self, id: RequestId) -> Result<(), SendError> {
        if self.config.dtmf_type() == DtmfType::Info {
            return self.next_tone(id);
        }
        let at = self.endpoint.now + TAKE_WITHIN;
        let timer = self.endpoint.timers.set(at, TimerOwner::Request(id));
        if let Some(sequence) = self.requests.tones(id) {
            sequence.phase = TonePhase::Offered(timer);
            let session = sequence.session;
            let tones = Box::new(sequence.tones.clone());
            self.endpoint.event(Event::TonesOffered {
                request: id,
                session,
                tones,
            });
        }
        Ok(())
    }

    /// Sends the next tone, or ends the sequence if that is impossible.
    fn send_tone(&mut self, id: RequestId) {
        if let Err(error) = self.next_tone(id) {
            self.end_tone(id, error);
        }
    }

    /// Ends a sequence whose next tone cannot be sent.
    fn end_tone(&mut self, id: RequestId, error: SendError) {
        let cause = match error {
            SendError::Stale => Cause::DialogGone,
            error => send_failure_cause(&error),
        };
        self.finish_request(id, Err(EndReason::local(cause)));
    }

    /// Sends the next tone, or waits for its time.
    fn next_tone(&mut self, id: RequestId) -> Result<(), SendError> {
        let now = self.endpoint.now;
        let sequence = self.requests.tones(id).ok_or(SendError::Stale)?;
        // A call that hangs up or is over sends no further tones.
        let dialog = self.sessions.established_dialog(sequence.session);
        let dialog = dialog.map_err(|_| SendError::Stale)?;
        while sequence.tones.step(sequence.next) == Some(None) {
            sequence.next += 1;
            sequence.not_before = sequence.not_before.max(now) + PAUSE;
        }
        if sequence.not_before > now {
            let timers = &mut self.endpoint.timers;
            let timer = timers.set(sequence.not_before, TimerOwner::Request(id));
            sequence.phase = TonePhase::Pausing(timer);
            return Ok(());
        }
        let Some(Some(tone)) = sequence.tones.step(sequence.next) else {
            return Err(SendError::Stale);
        };
        sequence.next += 1;
        sequence.phase = TonePhase::InFlight;
        sequence.not_before = now + sequence.tones.interval();
        let options = MessageOptions::new().body(sequence.tones.body(tone));
        let queued = self.send_or_queue_in_call(id, dialog, Method::Info, options)?;
        if let Some(queued) = queued {
            self.requests.queue(id, queued);
        }
        Ok(())
    }

    /// Handles the timer of a sequence; false if the request is none, or waits for something else.
    pub(super) fn on_tones_timeout(&mut self, id: RequestId) -> bool {
        let phase = self.requests.tones(id).map(|sequence| &sequence.phase);
        // A media side that does not answer sends nothing.
        let due = matches!(phase, Some(TonePhase::Offered(_) | TonePhase::Pausing(_)));
        if due {
            self.send_tone(id);
        }
        due
    }

    /// Handles the final response to a tone; returns it if it is the outcome of the whole request.
    pub(super) fn on_tone_response(
        &mut self,
        id: RequestId,
        response: Box<Response>,
    ) -> Option<Box<Response>> {
        let Some(sequence) = self.requests.tones(id) else {
            return Some(response);
        };
        let is_last = sequence.tones.step(sequence.next).is_none();
        if is_last || !response.status().is_success() {
            return Some(response);
        }
        self.send_tone(id);
        None
    }

    /// Begins the oldest sequence of a call, if it waited for another one.
    pub(super) fn begin_next_tones(&mut self, session: SessionId) {
        let Some(&id) = self.requests.sequences_of(session).first() else {
            return;
        };
        let now = self.endpoint.now;
        let Some(sequence) = self.requests.tones(id).filter(|tones| tones.is_behind()) else {
            return;
        };
        sequence.not_before = now;
        if let Err(error) = self.begin_tones(id) {
            self.end_tone(id, error);
        }
    }

    /// Ends the sequences of a call that is over or hangs up. A tone in flight keeps its outcome.
    pub(super) fn end_tones(&mut self, session: SessionId) {
        for id in self.requests.sequences_of(session) {
            let tones = self.requests.tones(id);
            let is_sent = tones.is_some_and(|tones| tones.is_in_flight());
            if !is_sent || self.requests.is_queued(id) {
                self.complete_request(id, Err(EndReason::local(Cause::DialogGone)));
            }
        }
    }
}

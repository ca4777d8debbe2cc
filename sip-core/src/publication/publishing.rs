//! Carries out what the machine of a publication decides.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;

use sip_parse::{HeaderName, Method, Response};

use super::entry::{Detail, Failure, Publication, resource_of, unsent};
use super::layer::PublicationLayer;
use super::machine::{
    PublicationEffect, PublicationEnding, PublicationInput, PublicationState, PublishKind, Task,
};
use crate::endpoint::{
    Duty, Endpoint, MaySend, OutOfDialog, Received, Sent, TimerOwner, TransactionUser,
};
use crate::event::Event;
use crate::ids::{ConnectionId, PublicationId};
use crate::reason::{Cause, EndReason, Originator};
use crate::registration::{refresh_after, retry_after};
use crate::time::Timestamp;
use crate::transaction::SendError;

impl PublicationLayer {
    /// Passes an input to a publication, and lets those that wait for it have their turn.
    pub(super) fn drive(
        &mut self,
        endpoint: &mut Endpoint,
        id: PublicationId,
        input: PublicationInput,
        detail: Detail<'_>,
    ) {
        let busy = self.publications.get(id.0).filter(|_| self.is_busy(id));
        let resource = busy.map(|publication| resource_of(&publication.target));
        self.step(endpoint, id, input, detail);
        if resource.is_some() && !self.is_busy(id) {
            self.give_turns(endpoint, resource);
        }
    }

    /// Sends what waits, in the order in which the waits began: the publications of one resource, or all.
    pub(super) fn give_turns(&mut self, endpoint: &mut Endpoint, resource: Option<u64>) {
        let waits = |state| {
            matches!(
                state,
                PublicationState::Queued | PublicationState::Waiting(_)
            )
        };
        let waiting = self.publications.handles_of(resource).into_iter();
        let mut waiting: Vec<_> = waiting
            .filter_map(|handle| {
                let publication = self.publications.get(handle)?;
                let turn = (publication.sequence, PublicationId(handle));
                waits(publication.state).then_some(turn)
            })
            .collect();
        waiting.sort_unstable();
        for (_, id) in waiting {
            let Some(publication) = self.publications.get(id.0) else {
                continue;
            };
            let duty = Duty::Owed(publication.connection);
            let may_send = endpoint.may_send(duty, publication.target.as_bytes());
            let is_cut_off = matches!(
                may_send,
                MaySend::Later | MaySend::Never(SendError::NotConnected)
            );
            if !is_cut_off && !self.is_blocked(id) {
                self.step(endpoint, id, PublicationInput::Turn, Detail::Nothing);
            }
        }
    }

    /// Whether a PUBLISH of this publication is in flight.
    pub(super) fn is_busy(&self, id: PublicationId) -> bool {
        let publication = self.publications.get(id.0);
        publication
            .is_some_and(|publication| matches!(publication.state, PublicationState::Busy(..)))
    }

    /// RFC 3903 section 4: whether a PUBLISH of another publication to the same Request-URI is in flight.
    pub(super) fn is_blocked(&self, id: PublicationId) -> bool {
        let target = self.publications.get(id.0);
        target.is_some_and(|publication| self.is_taken(&publication.target, Some(id)))
    }

    /// Whether a PUBLISH to `target` is in flight, apart from one of `except`.
    pub(super) fn is_taken(
        &self,
        target: &sip_parse::UriBuf,
        except: Option<PublicationId>,
    ) -> bool {
        let mut others = self.publications.of(resource_of(target));
        others.any(|(handle, other)| {
            Some(PublicationId(handle)) != except
                && matches!(other.state, PublicationState::Busy(..))
                && other.target.as_uri().equivalent(&target.as_uri())
        })
    }

    pub(super) fn step(
        &mut self,
        endpoint: &mut Endpoint,
        id: PublicationId,
        input: PublicationInput,
        detail: Detail<'_>,
    ) {
        let mut next = Some((input, detail));
        while let Some((input, detail)) = next.take() {
            let Some(publication) = self.publications.get_mut(id.0) else {
                return;
            };
            let held = publication.tag(endpoint.now).is_some();
            #[cfg(test)]
            let (state, effects) = super::broken::step(publication.state, input, held);
            #[cfg(not(test))]
            let (state, effects) = publication.state.step(input, held);
            if let Some(state) = state {
                publication.state = state;
            }
            let mut failure = None;
            let mut accepted = None;
            let mut refused = None;
            match detail {
                Detail::Nothing => {}
                Detail::Response(response) => accepted = Some(response),
                Detail::Failure(own) => failure = Some(own),
                Detail::Refusal(own, received) => {
                    failure = Some(own);
                    refused = Some(received);
                }
            }
            for effect in effects {
                match effect {
                    PublicationEffect::Send(kind) => {
                        if let Err(error) = self.send(endpoint, id, kind) {
                            next = Some(unsent(&error));
                        }
                    }
                    PublicationEffect::SendAgain => {
                        if let Err(error) = self.send_again(endpoint, id, refused) {
                            next = Some(unsent(&error));
                        }
                    }
                    PublicationEffect::Report => self.report(endpoint, id, accepted),
                    PublicationEffect::End(ending) => {
                        self.end_with(endpoint, id, ending, failure.take());
                    }
                    effect => self.prepare(endpoint, id, effect, failure.as_ref()),
                }
            }
            self.settle_timer(endpoint, id);
        }
    }

    /// Carries out an effect that leaves the publication to wait.
    fn prepare(
        &mut self,
        endpoint: &mut Endpoint,
        id: PublicationId,
        effect: PublicationEffect,
        failure: Option<&Failure>,
    ) {
        let Some(publication) = self.publications.get_mut(id.0) else {
            return;
        };
        match effect {
            PublicationEffect::Forget => publication.lease = None,
            PublicationEffect::AwaitRefresh => {
                let granted = publication.lease.as_ref().map_or(0, |lease| lease.granted);
                let shortest = endpoint.limits().shortest_refresh;
                let after = refresh_after(granted, shortest, endpoint.layer.rng());
                publication.wait(endpoint, id, after);
            }
            PublicationEffect::Retry => {
                let status = failure.and_then(|failure| failure.reason.status);
                let asked = failure.and_then(|failure| failure.wait);
                let status = status.map(|status| status.as_u16());
                let failures = publication.failures;
                let after = retry_after(status, failures, asked, endpoint.layer.rng());
                publication.failures = failures.saturating_add(1);
                let at = publication.wait(endpoint, id, after);
                endpoint.event(failed(id, failure, Some(at)));
            }
            PublicationEffect::ReportLoss => endpoint.event(failed(id, failure, None)),
            PublicationEffect::LimitWait => {
                let longest = endpoint.longest_wait();
                publication.wait(endpoint, id, longest);
            }
            PublicationEffect::Send(_)
            | PublicationEffect::SendAgain
            | PublicationEffect::Report
            | PublicationEffect::End(_) => {}
        }
    }

    /// Cancels the timer of a state that has no deadline, and gives one that waits its position.
    fn settle_timer(&mut self, endpoint: &mut Endpoint, id: PublicationId) {
        let Some(publication) = self.publications.get_mut(id.0) else {
            return;
        };
        match publication.state {
            PublicationState::Busy(..)
            | PublicationState::Waiting(Task::Publish | Task::Refresh) => {
                if let Some(timer) = publication.timer.take() {
                    endpoint.timers.cancel(timer);
                }
            }
            PublicationState::Queued
            | PublicationState::Waiting(Task::Remove)
            | PublicationState::Retrying(_)
            | PublicationState::Published => {}
        }
        let waits = matches!(publication.state, PublicationState::Waiting(_));
        if waits && publication.sequence == 0 {
            publication.sequence = endpoint.next_sequence();
        } else if !waits && publication.state != PublicationState::Queued {
            publication.sequence = 0;
        }
    }

    fn send(
        &mut self,
        endpoint: &mut Endpoint,
        id: PublicationId,
        kind: PublishKind,
    ) -> Result<(), SendError> {
        if self.is_blocked(id) {
            return Err(SendError::NotConnected);
        }
        let publication = self.publications.get_mut(id.0).ok_or(SendError::Stale)?;
        if kind == PublishKind::Initial {
            publication.lease = None;
        }
        let duty = Duty::Owed(publication.connection);
        match endpoint.may_send(duty, publication.target.as_bytes()) {
            MaySend::Now(connection) => publication.send(endpoint, connection, id, kind),
            MaySend::Later => Err(SendError::NotConnected),
            MaySend::Never(error) => Err(error),
        }
    }

    /// Sends a PUBLISH again with another Expires: the same Call-ID, From and To, the next CSeq number (RFC 3261 section 8.1.3.5).
    fn send_again(
        &mut self,
        endpoint: &mut Endpoint,
        id: PublicationId,
        refused: Option<&Received>,
    ) -> Result<(), SendError> {
        let publication = self.publications.get_mut(id.0).ok_or(SendError::Stale)?;
        let refused = refused.ok_or(SendError::Stale)?;
        let expires = format!("{}", publication.expires);
        let fields = [(HeaderName::Expires, expires.as_str())];
        let (connection, next) = (refused.connection, refused.sent.clone());
        endpoint.resend_with(connection, &refused.request, next, &fields)?;
        publication.number = publication.number.saturating_add(1);
        Ok(())
    }

    fn report(&self, endpoint: &mut Endpoint, id: PublicationId, accepted: Option<&Response>) {
        let publication = self.publications.get(id.0);
        let lease = publication.and_then(|publication| publication.lease.as_ref());
        if let (Some(lease), Some(response)) = (lease, accepted) {
            endpoint.event(Event::Published {
                publication: id,
                expires: Duration::from_secs(u64::from(lease.granted)),
                response: Box::new(response.clone()),
            });
        }
    }

    /// Frees a publication, and reports its end.
    fn end_with(
        &mut self,
        endpoint: &mut Endpoint,
        id: PublicationId,
        ending: PublicationEnding,
        failure: Option<Failure>,
    ) {
        let Some(publication) = self.publications.remove(id.0) else {
            return;
        };
        if let Some(timer) = publication.timer {
            endpoint.timers.cancel(timer);
        }
        let outcome = match ending {
            PublicationEnding::Removed if publication.is_left_behind(endpoint.now) => {
                Err(EndReason::new(Originator::Peer, Cause::Malformed))
            }
            PublicationEnding::Removed => Ok(()),
            PublicationEnding::Failed => Err(reason_of(failure.as_ref())),
            PublicationEnding::TimedOut => Err(EndReason::transport(Cause::Timeout)),
            PublicationEnding::Stopped => Err(EndReason::local(Cause::Stopped)),
        };
        endpoint.event(Event::PublicationEnded {
            publication: id,
            outcome: outcome.map_err(Box::new),
        });
    }
}

impl Publication {
    /// Sends a PUBLISH: outside any dialog, and without Contact (RFC 3903 section 4).
    pub(super) fn send(
        &mut self,
        endpoint: &mut Endpoint,
        connection: ConnectionId,
        id: PublicationId,
        kind: PublishKind,
    ) -> Result<(), SendError> {
        let removes = kind == PublishKind::Remove;
        let expires = format!("{}", if removes { 0 } else { self.expires });
        let mut own = Vec::from([
            (HeaderName::Event, &*self.package),
            (HeaderName::Expires, expires.as_str()),
        ]);
        if kind != PublishKind::Initial {
            let tag = self.tag(endpoint.now).ok_or(SendError::Stale)?;
            own.push((HeaderName::SipIfMatch, tag));
        }
        let has_body = matches!(kind, PublishKind::Initial | PublishKind::Modify);
        let flow = endpoint.flow.clone();
        let flow = flow.filter(|flow| flow.connection == connection);
        let number = self.number.saturating_add(1);
        let parts = OutOfDialog {
            connection,
            flow: flow.as_ref(),
            method: Method::Publish,
            target: self.target.as_bytes(),
            to: self.target.as_bytes(),
            call_id: self.call_id.as_bytes(),
            tag: &self.from_tag,
            cseq: number,
            service_route: true,
            anonymous: false,
            from: None,
            body: has_body.then_some(&self.body),
            own: &own,
            extra: &self.headers,
        };
        let sent = Sent::outside(TransactionUser::Publication(id));
        endpoint.send_out_of_dialog(&parts, sent)?;
        self.number = number;
        Ok(())
    }

    /// Sets the timer, in place of the last one.
    pub(super) fn wait(
        &mut self,
        endpoint: &mut Endpoint,
        id: PublicationId,
        after: Duration,
    ) -> Timestamp {
        if let Some(timer) = self.timer.take() {
            endpoint.timers.cancel(timer);
        }
        let at = endpoint.now + after;
        self.timer = Some(endpoint.timers.set(at, TimerOwner::Publication(id)));
        at
    }
}

fn reason_of(failure: Option<&Failure>) -> EndReason {
    failure.map_or_else(
        || EndReason::transport(Cause::ConnectionLost),
        |failure| failure.reason.clone(),
    )
}

fn failed(id: PublicationId, failure: Option<&Failure>, retry_at: Option<Timestamp>) -> Event {
    Event::PublicationFailed {
        publication: id,
        reason: Box::new(reason_of(failure)),
        retry_at,
    }
}

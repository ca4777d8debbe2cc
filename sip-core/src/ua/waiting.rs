//! Sends the requests that waited for a connection: by `offlineRequests`, or because a call needs them.
//!
//! There is no separate queue. A waiting request stays in its entry; a waiting INVITE, ACK or BYE stays in
//! the state of its call. Each has a deadline 64 T1 after its command (the time of timers B and F), and the
//! limits of requests and sessions bound them. On a new connection REGISTER goes first; then, call by call,
//! INFO and the messages that the call needs; then requests outside calls in the order of their commands.

use alloc::vec::Vec;

use sip_parse::Method;

use super::agent::UserAgent;
use super::request_table::QueuedContent;
use crate::endpoint::{Duty, MaySend, Sent, TransactionUser};
use crate::ids::{RequestId, SessionId};
use crate::reason::{Cause, EndReason, send_failure_cause};
use crate::session::Input;
use crate::transaction::SendError;

/// The next item in the order of commands.
enum Turn {
    Request(RequestId),
    Call(SessionId),
}

impl UserAgent {
    /// The deadline of a waiting request has passed, or the time of the next tone has come.
    pub(super) fn on_queue_timeout(&mut self, id: RequestId) {
        if self.on_tones_timeout(id) {
            return;
        }
        self.finish_request(id, Err(EndReason::transport(Cause::Timeout)));
    }

    /// The registration on a new connection has failed or is no longer wanted, so that requests no longer
    /// wait for it.
    pub(super) fn registration_is_through(&mut self) {
        if !self.endpoint.ready {
            self.connection_is_usable();
        }
    }

    /// There is a connection, and no pending registration on it: sends the waiting requests, and repairs the
    /// calls whose peers know another connection.
    pub(super) fn connection_is_usable(&mut self) {
        if self.endpoint.flow.is_none() {
            return;
        }
        self.endpoint.ready = true;
        for id in self.queued_requests(true) {
            self.send_queued(id);
        }
        for id in self.sessions.ids() {
            if !self.sessions.is_queued(id) {
                self.step_session(id, Input::Connected);
            }
        }
        if let Some(sessions) = self.sessions.made() {
            sessions.on_refers_connected(&mut self.endpoint);
        }
        self.each_usage(|usage, endpoint| usage.on_connected(endpoint));
        for turn in self.turns() {
            match turn {
                Turn::Request(id) => self.send_queued(id),
                Turn::Call(id) => {
                    self.step_session(id, Input::Connected);
                }
            }
        }
    }

    /// No further connection will open: ends every wait.
    pub(super) fn give_up_waiting(&mut self) {
        for id in self.sessions.ids() {
            self.step_session(id, Input::Abandoned);
        }
        self.each_usage(|usage, endpoint| usage.give_up(endpoint));
        for within_calls in [true, false] {
            for id in self.queued_requests(within_calls) {
                self.finish_request(id, Err(EndReason::local(Cause::Stopped)));
            }
        }
    }

    /// The waiting requests, within calls or outside them, in the order of their commands.
    fn queued_requests(&self, within_calls: bool) -> Vec<RequestId> {
        let mut queued: Vec<_> = self.requests.queued(within_calls).collect();
        queued.sort_unstable_by_key(|&(sequence, _)| sequence);
        queued.into_iter().map(|(_, id)| id).collect()
    }

    /// The waiting requests and new calls, in the order of their commands.
    fn turns(&self) -> Vec<Turn> {
        let requests = self.requests.queued(false);
        let requests = requests.map(|(sequence, id)| (sequence, Turn::Request(id)));
        let calls = self.sessions.queued();
        let calls = calls.map(|(sequence, id)| (sequence, Turn::Call(id)));
        let mut turns: Vec<_> = requests.chain(calls).collect();
        turns.sort_unstable_by_key(|&(sequence, _)| sequence);
        turns.into_iter().map(|(_, turn)| turn).collect()
    }

    fn send_queued(&mut self, id: RequestId) {
        let Some(queued) = self.requests.take_queued(id) else {
            return;
        };
        self.endpoint.timers.cancel(queued.timer);
        let sent = match queued.content {
            QueuedContent::OutOfDialog {
                method,
                target,
                body,
                headers,
            } => match self.endpoint.may_send(Duty::Command, target.as_bytes()) {
                MaySend::Now(connection) => {
                    let method = Method::parse(&method).unwrap_or(Method::Message);
                    let body = body.as_ref();
                    self.send_request(connection, id, method, &target, body, &headers)
                }
                MaySend::Later => Err(SendError::NotConnected),
                MaySend::Never(error) => Err(error),
            },
            QueuedContent::Again(request) => match self.endpoint.flow.as_ref() {
                Some(flow) => {
                    let connection = flow.connection;
                    let sent = Sent::outside(TransactionUser::Request(id));
                    let sent = self.endpoint.send_again(connection, &request, sent);
                    sent.map(|_| ())
                }
                None => Err(SendError::NotConnected),
            },
            QueuedContent::InDialog {
                dialog,
                method,
                options,
            } => match self.endpoint.may_send_in(dialog, Duty::Command) {
                MaySend::Now(connection) => {
                    let method = Method::parse(&method).unwrap_or(Method::Info);
                    self.send_in_call(connection, id, dialog, method, &options)
                }
                MaySend::Later => Err(SendError::NotConnected),
                MaySend::Never(error) => Err(error),
            },
        };
        if let Err(error) = sent {
            // The call of a waiting request may have ended in the meantime.
            let cause = match error {
                SendError::Stale => Cause::DialogGone,
                error => send_failure_cause(&error),
            };
            self.finish_request(id, Err(EndReason::local(cause)));
        }
    }
}

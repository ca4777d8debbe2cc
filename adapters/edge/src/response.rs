//! Forwards responses (RFC 3261 section 16.7), and ends branches that get none.

use sip_core::Timestamp;
use sip_core::transaction::{ServerTransactionId, TransactionError};
use sip_parse::{Builder, HeaderName, Method, Response, StatusCode};

use crate::edge::{Edge, Tag};
use crate::event::{CallFailure, CutReason, EdgeEvent};
use crate::fork::{BranchState, Forward, Outcome};

/// The reason for cancelling the other branches of a fork (RFC 3326 section 3.1).
const ELSEWHERE: &str = "SIP;cause=200;text=\"Call completed elsewhere\"";

impl Edge {
    /// A response to a forwarded copy.
    pub(crate) fn on_response(&mut self, tag: &Tag, response: Box<Response>, now: Timestamp) {
        if let Tag::Stored { user, number } = tag {
            return self.on_stored_message(user, *number, response.status(), now);
        }
        let &Tag::Branch {
            forward: id,
            branch,
            server,
            invite,
        } = tag
        else {
            return;
        };
        let status = response.status();
        if status.is_provisional() {
            self.on_provisional(id, branch, &response, now);
        } else if status.is_success() {
            match self.forwards.remove(&id) {
                Some(forward) => {
                    self.pass(server, &response, now);
                    self.succeeded(id, forward, branch, now);
                }
                // Every 2xx to an INVITE creates a dialog, so a later one is forwarded too (step 5).
                None if invite => self.pass(server, &response, now),
                None => self.counters.dropped += 1,
            }
        } else {
            self.branch_done(id, branch, Outcome::Response(response), now);
        }
    }

    /// A forwarded copy got no response.
    pub(crate) fn on_failed(&mut self, tag: &Tag, error: TransactionError, now: Timestamp) {
        if let Tag::Stored { user, number } = tag {
            let status = StatusCode::REQUEST_TIMEOUT;
            return self.on_stored_message(user, *number, status, now);
        }
        let &Tag::Branch {
            forward: id,
            branch,
            ..
        } = tag
        else {
            return;
        };
        let lost = self
            .forwards
            .get(&id)
            .and_then(|forward| forward.branches.get(branch));
        let Some(lost) = lost.map(|branch| branch.lost) else {
            return;
        };
        let status = match error {
            TransactionError::Timeout => StatusCode::REQUEST_TIMEOUT,
            TransactionError::ConnectionLost => lost,
        };
        self.branch_done(id, branch, Outcome::Failed(status), now);
    }

    /// The connection of the caller is lost, or its ACK to a failure has not arrived: the request is dropped.
    pub(crate) fn on_server_failed(&mut self, transaction: ServerTransactionId, now: Timestamp) {
        if let Some(&id) = self.servers.get(&transaction) {
            self.stop_branches(id, None, now);
            if let Some(forward) = self.forwards.remove(&id) {
                self.close(id, &forward);
                self.call_failed(forward.call, CallFailure::CallerLost, now);
            }
        }
    }

    /// Cancels every branch of an INVITE that still waits. No new branch starts.
    pub(crate) fn stop_branches(&mut self, id: u64, reason: Option<&str>, now: Timestamp) {
        if let Some(mut forward) = self.forwards.remove(&id) {
            self.stop(id, &mut forward, reason, now);
            self.forwards.insert(id, forward);
        }
    }

    /// Timer C fired (RFC 3261 section 16.8): cancels the branch. If there is still no response, the layer ends
    /// it 64 T1 later.
    pub(crate) fn on_timer_c(&mut self, id: u64, index: usize, now: Timestamp) {
        let branch = self
            .forwards
            .get_mut(&id)
            .and_then(|forward| forward.branches.get_mut(index));
        let Some(BranchState::Pending { client }) = branch.map(|branch| &mut branch.state) else {
            return;
        };
        if self.layer.cancel(*client, None, Tag::Cancel, now).is_err() {
            let outcome = Outcome::Failed(StatusCode::REQUEST_TIMEOUT);
            self.branch_done(id, index, outcome, now);
        }
    }

    /// Sends the best response upstream once every branch is done (RFC 3261 section 16.7 step 6).
    pub(crate) fn finish_if_done(&mut self, id: u64, now: Timestamp) {
        let Some(best) = self.forwards.get(&id).and_then(Forward::best) else {
            return;
        };
        let Some(mut forward) = self.forwards.remove(&id) else {
            return;
        };
        self.close(id, &forward);
        let chosen = forward.branches.swap_remove(best);
        let BranchState::Done(outcome) = chosen.state else {
            return;
        };
        let status = outcome.status();
        self.call_failed(forward.call, CallFailure::Status(status), now);
        if forward.request.method() == Method::Message && !asks(status) {
            self.message_completed(&forward.request, status);
        }
        match outcome {
            // RFC 3261 section 16.7 step 6: a 503 would say that the edge is down.
            outcome if outcome.status() == StatusCode::SERVICE_UNAVAILABLE => {
                let status = StatusCode::SERVER_INTERNAL_ERROR;
                self.answer(forward.server, &forward.request, status, Vec::new(), now);
            }
            // RFC 4320 section 4.2: no late 408, because the caller has timed out itself.
            Outcome::Failed(StatusCode::REQUEST_TIMEOUT)
                if forward.request.method() != Method::Invite =>
            {
                self.counters.dropped += 1;
            }
            Outcome::Failed(status) => {
                self.answer(forward.server, &forward.request, status, Vec::new(), now);
            }
            Outcome::Response(response) => self.pass_failure(&forward, &response, now),
        }
    }

    fn on_provisional(&mut self, id: u64, index: usize, response: &Response, now: Timestamp) {
        // A 100 is for one hop (RFC 3261 section 16.7 step 4) and does not restart timer C.
        if response.status() == StatusCode::TRYING {
            return;
        }
        let Some(forward) = self.forwards.get_mut(&id) else {
            self.counters.dropped += 1;
            return;
        };
        let server = forward.server;
        let first = forward.rings_first(response.status());
        self.timer_c.restart(&(id, index), now);
        self.pass(server, response, now);
        if let Some(call) = first {
            self.event(EdgeEvent::CallRinging { call });
        }
    }

    /// The first 2xx: cancels the other branches and ends the request.
    fn succeeded(&mut self, id: u64, mut forward: Forward, index: usize, now: Timestamp) {
        if let Some(branch) = forward.branches.get_mut(index) {
            // This branch has its answer, so it is not cancelled, and its timer stops.
            self.timer_c.stop(&(id, index));
            branch.state = BranchState::Done(Outcome::Failed(StatusCode::OK));
        }
        self.stop(id, &mut forward, Some(ELSEWHERE), now);
        self.close(id, &forward);
        let request = &forward.request;
        let callee = forward.branches.get(index).map(|branch| branch.connection);
        match (request.method(), forward.call, callee) {
            (Method::Invite, Some(call), Some(callee)) => {
                self.call_answered(call, request, [forward.upstream, callee], now);
                if self.config.faults.kill_ws_after_answer {
                    self.disconnect(callee, CutReason::Fault, now);
                }
            }
            (Method::Bye, ..) => self.call_ended(request, now),
            (Method::Message, ..) => self.message_completed(request, StatusCode::OK),
            _ => {}
        }
    }

    /// A branch ended without success.
    fn branch_done(&mut self, id: u64, index: usize, outcome: Outcome, now: Timestamp) {
        let Some(mut forward) = self.forwards.remove(&id) else {
            return;
        };
        let status = outcome.status();
        if let Some(branch) = forward.branches.get_mut(index) {
            self.timer_c.stop(&(id, index));
            let lost = match &outcome {
                Outcome::Response(_) => status == StatusCode::FLOW_FAILED,
                Outcome::Failed(status) => *status == branch.lost,
            };
            branch.state = BranchState::Done(outcome);
            if lost && !forward.stopped {
                // RFC 5626 section 7: another flow of the same instance takes its place.
                self.retry_branch(id, &mut forward, index, now);
            }
        }
        if status.class() == 6 {
            // RFC 3261 section 16.7 step 5: a 6xx ends all branches.
            self.stop(id, &mut forward, None, now);
        }
        self.forwards.insert(id, forward);
        self.finish_if_done(id, now);
    }

    fn stop(&mut self, id: u64, forward: &mut Forward, reason: Option<&str>, now: Timestamp) {
        forward.stopped = true;
        if forward.request.method() != Method::Invite {
            return;
        }
        for (index, branch) in forward.branches.iter().enumerate() {
            let BranchState::Pending { client } = &branch.state else {
                continue;
            };
            // If the CANCEL has no effect, the branch fails 64 T1 later. An error here means that it was
            // cancelled before.
            let cancelled = self.layer.cancel(*client, reason, Tag::Cancel, now).is_ok();
            if cancelled {
                self.timer_c.stop(&(id, index));
            }
        }
    }

    /// Removes the entries of a finished request.
    fn close(&mut self, id: u64, forward: &Forward) {
        self.servers.remove(&forward.server);
        for index in 0..forward.branches.len() {
            self.timer_c.stop(&(id, index));
        }
    }

    /// Forwards a response without our Via (RFC 3261 section 16.7 steps 3 and 9).
    fn pass(&mut self, server: ServerTransactionId, response: &Response, now: Timestamp) {
        let mut copy = Builder::from_message(response);
        copy.remove_first_value(HeaderName::Via);
        self.respond(server, copy, response.status().is_final(), now);
    }

    /// Forwards the best failure. A 401 or 407 carries the challenges of all branches (RFC 3261 section 16.7
    /// step 7).
    fn pass_failure(&mut self, forward: &Forward, best: &Response, now: Timestamp) {
        let mut copy = Builder::from_message(best);
        copy.remove_first_value(HeaderName::Via);
        if asks(best.status()) {
            for branch in &forward.branches {
                let BranchState::Done(Outcome::Response(other)) = &branch.state else {
                    continue;
                };
                for name in [HeaderName::WwwAuthenticate, HeaderName::ProxyAuthenticate] {
                    for row in other.headers_named(name).filter(|_| asks(other.status())) {
                        copy.append(name, row.unfolded().into_owned());
                    }
                }
            }
        }
        self.respond(forward.server, copy, true, now);
    }
}

/// Whether the status is a challenge.
fn asks(status: StatusCode) -> bool {
    matches!(status.as_u16(), 401 | 407)
}

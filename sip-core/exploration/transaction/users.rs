//! The users of the transactions: a caller, callees, and a relay that forks (RFC 3261 section 16).

use super::rules::Rules;
use super::world::{AnyClient, AnyServer, Cancel, Kind, NEVER, Outcome, Which, World};
use crate::transaction::invite_client::InviteClient;
use crate::transaction::invite_server::InviteServer;

impl World {
    pub(super) fn response_came(
        &mut self,
        rules: &Rules,
        link: usize,
        which: Which,
        kind: Kind,
        tag: u8,
    ) {
        match kind {
            Kind::Success => self.client_ended(rules, link, which, Outcome::Success, tag),
            Kind::Failure => self.client_ended(rules, link, which, Outcome::Failure, tag),
            Kind::CancelAnswer => self.client_ended(rules, link, which, Outcome::Success, tag),
            Kind::Provisional if link > 0 => self.respond(rules, 0, Kind::Provisional, tag),
            _ => {}
        }
    }

    /// A final response or a failure: one for each transaction, but for further 2xx to an INVITE.
    pub(super) fn client_ended(
        &mut self,
        rules: &Rules,
        link: usize,
        which: Which,
        outcome: Outcome,
        tag: u8,
    ) {
        let caller = self.links[link].caller;
        if which == Which::CancelClient {
            if caller.cancel_outcome != Outcome::None {
                self.fail("the user of a CANCEL was told twice");
            }
            self.links[link].caller.cancel_outcome = outcome;
            return;
        }
        let further =
            rules.invite && outcome == Outcome::Success && caller.outcome == Outcome::Success;
        // The machine also reports a connection that breaks while it absorbs repeated failures (figure 5).
        let after_all =
            rules.invite && outcome == Outcome::Lost && caller.outcome == Outcome::Failure;
        if caller.outcome != Outcome::None && !further && !after_all {
            self.fail("a client's user got two outcomes");
        }
        if !after_all {
            self.links[link].caller.outcome = outcome;
        }
        self.links[link].caller.patience = NEVER;
        let nothing_lost = self.losses == rules.bounds.losses;
        if outcome == Outcome::Timeout && nothing_lost && self.links[link].callee.prompt {
            self.fail("a request was answered in time, nothing was lost, and its client timed out");
        }
        if link == 0 {
            if rules.invite && outcome == Outcome::Success {
                self.send(0, true, Kind::AckSuccess, tag);
            }
            return;
        }
        match outcome {
            Outcome::Success => {
                self.respond(rules, 0, Kind::Success, tag);
                self.links[0].callee.answer = Outcome::Success;
                // RFC 3261 section 16.7 step 10.
                for branch in [1, 2] {
                    self.want_cancel(rules, branch);
                }
            }
            _ => self.all_failed(rules),
        }
    }

    /// RFC 3261 section 16.7 step 6: a failure goes on when all branches have failed.
    fn all_failed(&mut self, rules: &Rules) {
        let over = [1, 2].iter().all(|&branch: &usize| {
            !matches!(
                self.links[branch].caller.outcome,
                Outcome::None | Outcome::Success
            )
        });
        if over && self.links[0].callee.answer == Outcome::None {
            self.links[0].callee.answer = Outcome::Failure;
            self.respond(rules, 0, Kind::Failure, 0);
        }
    }

    /// `TransactionLayer::cancel`.
    pub(super) fn want_cancel(&mut self, rules: &Rules, link: usize) {
        let pending = self.links[link].client.is_some_and(|client| {
            matches!(
                client.machine,
                AnyClient::Invite(InviteClient::Calling { .. } | InviteClient::Proceeding)
            )
        });
        let caller = &mut self.links[link].caller;
        caller.patience = NEVER;
        if pending && caller.cancel == Cancel::Unwanted {
            caller.cancel = Cancel::Wanted;
            self.cancel_if_wanted(rules, link);
        }
    }

    /// RFC 3261 section 9.2: 200 or 481 to the CANCEL, 487 to an INVITE that is still pending.
    pub(super) fn cancel_came(&mut self, rules: &Rules, link: usize) {
        if let Some(running) = &mut self.links[link].cancel_server {
            running.reply = Some((Kind::CancelAnswer, link as u8));
        }
        self.drive_server(
            rules,
            link,
            Which::CancelServer,
            crate::transaction::machine::ServerInput::Success,
        );
        let pending = self.links[link]
            .server
            .is_some_and(|server| server.machine == AnyServer::Invite(InviteServer::Proceeding));
        if Self::is_relayed(rules, link) {
            for branch in [1, 2] {
                self.want_cancel(rules, branch);
            }
        } else if pending {
            self.answer(rules, link, Outcome::Failure);
        }
    }

    pub(super) fn success_acknowledged(&mut self, rules: &Rules, link: usize, tag: u8) {
        if Self::is_relayed(rules, link) {
            return self.send(usize::from(tag), true, Kind::AckSuccess, tag);
        }
        let callee = &mut self.links[link].callee;
        callee.acknowledged = true;
        (callee.repeat, callee.interval, callee.end) = (NEVER, 0, NEVER);
    }

    /// A refusal without ACK (timer H), or a connection that broke.
    pub(super) fn server_failed(&mut self, rules: &Rules, link: usize, outcome: Outcome) {
        let callee = &mut self.links[link].callee;
        let told = callee.failed;
        callee.failed = true;
        callee.patience = NEVER;
        if told && outcome == Outcome::Timeout {
            self.fail("a server's user was told twice");
        }
        let caller = self.links[link].caller.outcome;
        if outcome == Outcome::Timeout && !matches!(caller, Outcome::Timeout | Outcome::Lost) {
            self.fail("a refusal was not acknowledged although the client was there");
        }
        if Self::is_relayed(rules, link) {
            for branch in [1, 2] {
                self.want_cancel(rules, branch);
            }
        }
    }
}

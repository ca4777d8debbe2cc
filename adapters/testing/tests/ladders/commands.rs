//! The commands of the applications, each with its line in the ladder.

use sip_core::connection::DisconnectReason;
use sip_core::session::ModifyOptions;
use sip_core::session::{InviteOptions, TransferOptions};
use sip_core::{
    Body, CommandError, EstablishedSession, Refusal, Session, SessionId, Timestamp, TransferTarget,
    UserAgent,
};

use crate::drawing::draw;
use crate::stage::{Party, Stage};

impl Stage {
    /// The call that commands are about.
    pub(crate) fn focus(&mut self, party: Party, call: usize) {
        self.phone(party).focus = Some(call);
    }

    /// A call of a user agent, by its place.
    pub(crate) fn call_of(&mut self, party: Party, place: usize) -> SessionId {
        self.phone(party).calls[place]
    }

    fn current(&mut self, party: Party) -> SessionId {
        let phone = self.phone(party);
        let call = phone
            .focus
            .map_or(phone.calls.last(), |place| phone.calls.get(place));
        call.copied()
            .unwrap_or_else(|| panic!("no call:\n{}", draw(&self.log, Vec::new()).text))
    }

    /// A command of the application, with its line in the ladder.
    pub(crate) fn command<T>(
        &mut self,
        party: Party,
        text: &str,
        command: impl FnOnce(&mut UserAgent, Timestamp) -> T,
    ) -> T {
        self.note(party, format!("({text})"));
        let now = self.now;
        let outcome = command(&mut self.phone(party).agent, now);
        self.pump(party);
        outcome
    }

    /// Calls a URI.
    pub(crate) fn call(&mut self, party: Party, target: &str) {
        self.call_with(party, target, Default::default());
    }

    /// Calls a URI with options.
    pub(crate) fn call_with(&mut self, party: Party, target: &str, options: InviteOptions) {
        self.note(party, "(calls)");
        let now = self.now;
        let call = self
            .phone(party)
            .agent
            .invite(target, options, now)
            .expect("invite");
        self.phone(party).calls.push(call);
        self.pump(party);
    }

    /// Announces the incoming call.
    pub(crate) fn ring(&mut self, party: Party) {
        let call = self.current(party);
        self.command(party, "rings", |agent, now| match agent.session(call) {
            Ok(Session::Incoming(call)) => call.ring(now),
            other => panic!("{other:?}"),
        });
    }

    /// Accepts the incoming call.
    pub(crate) fn answer(&mut self, party: Party) {
        let call = self.current(party);
        self.command(party, "answers", |agent, now| match agent.session(call) {
            Ok(Session::Incoming(call)) => call.answer(now),
            other => panic!("{other:?}"),
        });
    }

    /// Refuses the incoming call.
    pub(crate) fn reject(&mut self, party: Party, refusal: impl Into<Refusal>) {
        let call = self.current(party);
        let refusal = refusal.into();
        self.command(party, "refuses the call", |agent, now| {
            match agent.session(call) {
                Ok(Session::Incoming(call)) => call.reject(refusal, now),
                other => panic!("{other:?}"),
            }
        });
    }

    /// Hangs up.
    pub(crate) fn hang_up(&mut self, party: Party) {
        let call = self.current(party);
        self.command(party, "hangs up", |agent, now| agent.hang_up(call, now))
            .expect("a call");
    }

    fn change(
        &mut self,
        party: Party,
        text: &str,
        change: impl FnOnce(EstablishedSession<'_>, Timestamp) -> Result<(), CommandError>,
    ) {
        let call = self.current(party);
        let done = self.command(party, text, |agent, now| match agent.session(call) {
            Ok(Session::Established(call)) => change(call, now),
            other => panic!("{other:?}"),
        });
        done.expect("the call is up");
    }

    /// Changes the session by a re-INVITE.
    pub(crate) fn reinvite(&mut self, party: Party) {
        self.change(party, "changes the session", |call, now| {
            call.reinvite(ModifyOptions::new(), now)
        });
    }

    /// Changes the session by an UPDATE.
    pub(crate) fn update(&mut self, party: Party) {
        self.change(party, "changes the session by UPDATE", |call, now| {
            call.update(ModifyOptions::new(), now)
        });
    }

    /// Puts the peer on hold (RFC 3264 section 8.4).
    pub(crate) fn hold(&mut self, party: Party) {
        self.change(party, "puts the call on hold", |call, now| call.hold(now));
    }

    /// Ends the hold.
    pub(crate) fn resume(&mut self, party: Party) {
        self.change(party, "resumes the call", |call, now| call.resume(now));
    }

    /// Asks the peer to call a URI, or the peer of another call.
    pub(crate) fn refer(&mut self, party: Party, target: impl Into<TransferTarget>) {
        let call = self.current(party);
        let target = target.into();
        let options = TransferOptions::new();
        let done = self.command(party, "transfers the call", |agent, now| {
            match agent.session(call) {
                Ok(Session::Established(call)) => call.refer(target, &options, now),
                other => panic!("{other:?}"),
            }
        });
        done.expect("the call is up");
    }

    /// Follows the REFER that arrived last.
    pub(crate) fn follow(&mut self, party: Party) {
        let refer = self.phone(party).refers.pop().expect("a REFER");
        let followed = self.command(party, "follows the REFER", |agent, now| {
            agent.follow_refer(refer, InviteOptions::new(), now)
        });
        self.phone(party).calls.push(followed.expect("a call"));
        self.pump(party);
    }

    /// The network of a user agent changes: its connection is lost, and it opens another one at once.
    pub(crate) fn change_network(&mut self, party: Party) {
        self.note(party, "(loses its connection)");
        let now = self.now;
        let phone = self.phone(party);
        let connection = phone.connection.take().expect("a connection");
        phone
            .agent
            .connection_closed(connection, DisconnectReason::Lost, now);
        self.pump(party);
    }

    /// Sends a text outside any call (RFC 3428).
    pub(crate) fn message(&mut self, party: Party, target: &str, text: &'static str) {
        let body = Body::new("text/plain", text);
        let sent = self.command(party, "sends a text", |agent, now| {
            agent.message(target, body, now)
        });
        sent.expect("a request");
    }
}

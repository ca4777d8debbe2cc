//! One user agent, a virtual clock, and a far end.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use sip_core::config::ConfigBuilder;
use sip_core::dialog::DialogId;
use sip_core::{
    Action, Body, CommandError, DescriptionFailed, DescriptionKind, EndReason, Event, ExchangeId,
    ModifyOptions, Session, SessionId, Timestamp, UserAgent,
};
use sip_parse::Bytes;

use crate::clock::{Timed, random};
use crate::exchange::{DescriptionRequest, description_needed, exchange_ended, remote_description};
use crate::far_end::FarEnd;
use crate::scripted::Scripted;

/// More actions than this after one input are an endless loop.
const MOST_ACTIONS: usize = 100_000;

/// One user agent and a virtual clock. The test is the application and turns the clock; `F` is the
/// far end: [`Scripted`] leaves each answer to the test, [`Servers`](crate::Servers) register the
/// agent by themselves.
#[derive(Debug)]
pub struct Bench<F = Scripted> {
    /// The agent.
    pub agent: UserAgent,
    /// The clock.
    pub now: Timestamp,
    /// Events that the test has not read.
    pub events: VecDeque<Event>,
    /// The far end; `bench.sent` is short for `bench.far.sent`.
    pub far: F,
    /// The last description that the agent asked for, by call.
    asked: BTreeMap<SessionId, DescriptionRequest>,
    /// Every exchange that the agent has named, with the dialogs in which it has ended: the offer of a forked INVITE ends once
    /// in each early dialog that answers it.
    exchanges: BTreeMap<(SessionId, ExchangeId), BTreeSet<Option<DialogId>>>,
    /// The calls of further branches of an INVITE, whose offer the agent has named in the first call.
    branches: BTreeSet<SessionId>,
}

impl<F> Deref for Bench<F> {
    type Target = F;

    fn deref(&self) -> &F {
        &self.far
    }
}

impl<F> DerefMut for Bench<F> {
    fn deref_mut(&mut self) -> &mut F {
        &mut self.far
    }
}

impl<F: FarEnd> Timed for Bench<F> {
    fn clock(&mut self) -> &mut Timestamp {
        &mut self.now
    }

    fn next_tick(&self) -> Option<Timestamp> {
        self.agent.next_tick()
    }

    fn tick(&mut self) {
        self.agent.tick(self.now).expect("tick");
        self.pump();
    }
}

impl<F: FarEnd> Bench<F> {
    /// An agent that has just started. Its first actions are not carried out yet.
    pub fn started(config: &ConfigBuilder, seed: u8, far: F) -> Self {
        let now = Timestamp::from_millis(1_000);
        let config = config.build().expect("configuration");
        Self {
            agent: UserAgent::new(config, random(seed), now).expect("agent"),
            now,
            events: VecDeque::new(),
            far,
            asked: BTreeMap::new(),
            exchanges: BTreeMap::new(),
            branches: BTreeSet::new(),
        }
    }

    /// Carries out every action that the agent has queued. The test calls this after each command
    /// that it gives the agent itself.
    pub fn pump(&mut self) {
        let mut actions = 0;
        while let Some(action) = self.agent.poll_action() {
            actions += 1;
            assert!(actions < MOST_ACTIONS, "one input, and no end of actions");
            match action {
                Action::Event(event) => {
                    if let Some(request) = description_needed(&event) {
                        self.asked.insert(request.session, request);
                    }
                    self.note_exchange(&event);
                    self.far.event(&event);
                    self.events.push_back(event);
                }
                other => self.far.carry_out(other, &mut self.agent, self.now),
            }
        }
        self.far.settled(&self.agent);
    }

    /// Nothing happens in an exchange after its end in the same dialog, and each ends before its call.
    fn note_exchange(&mut self, event: &Event) {
        match *event {
            Event::DescriptionNeeded {
                session,
                dialog,
                exchange,
                ..
            }
            | Event::RemoteDescription {
                session,
                dialog,
                exchange,
                ..
            } => {
                let ended = self.exchanges.entry((session, exchange)).or_default();
                let over = ended.contains(&dialog);
                assert!(!over, "an exchange goes on after its end: {event:?}");
            }
            Event::ExchangeEnded {
                session,
                dialog,
                exchange,
                ..
            } => {
                if self.branches.contains(&session) {
                    self.exchanges.entry((session, exchange)).or_default();
                }
                let ended = self.exchanges.get_mut(&(session, exchange));
                let ended = ended.expect("an exchange that the agent has named");
                let first = ended.insert(dialog);
                assert!(first, "one end for each exchange: {event:?}");
            }
            Event::CallBranched { session, .. } => {
                self.branches.insert(session);
            }
            Event::Ended { session, .. } => {
                let mut exchanges = self.exchanges.iter();
                let open =
                    exchanges.find(|((call, _), ended)| *call == session && ended.is_empty());
                assert_eq!(open, None, "the call ended before its exchange");
            }
            _ => {}
        }
    }

    /// Turns the clock and stops at every deadline of the agent on the way.
    pub fn wait(&mut self, time: Duration) {
        self.pass(time);
    }

    /// The host is suspended: the clock jumps, and the agent learns it late.
    pub fn sleep(&mut self, time: Duration) {
        self.now = self.now + time;
        self.tick();
    }

    /// The oldest event that the test has not read.
    #[track_caller]
    pub fn event(&mut self) -> Event {
        self.events.pop_front().expect("an event")
    }

    /// The first event that fits. Those before it are dropped.
    #[track_caller]
    pub fn expect<T>(&mut self, mut fits: impl FnMut(&Event) -> Option<T>) -> T {
        while let Some(event) = self.events.pop_front() {
            if let Some(found) = fits(&event) {
                return found;
            }
        }
        panic!("no event fits");
    }

    /// The test has read every event.
    #[track_caller]
    pub fn no_events(&self) {
        assert!(self.events.is_empty(), "{:?}", self.events);
    }

    /// Gives the description that the agent asked for last in this call.
    ///
    /// # Panics
    /// If the agent does not take it.
    #[track_caller]
    pub fn describe(&mut self, id: SessionId, sdp: &str) {
        let described = self.try_describe(id, Ok(Body::sdp(sdp.to_owned())));
        assert_eq!(described, Ok(()), "describe");
    }

    /// Gives the description that the agent asked for last in this call, or says that there is none.
    ///
    /// # Errors
    /// Those of [`UserAgent::describe`].
    pub fn try_describe(
        &mut self,
        id: SessionId,
        description: Result<Body, DescriptionFailed>,
    ) -> Result<(), CommandError> {
        self.pump();
        let asked = self.asked.get(&id).copied();
        let request = asked.unwrap_or_else(|| DescriptionRequest::never_made(id));
        let described = request.describe(&mut self.agent, description, self.now);
        self.pump();
        described
    }

    /// Waits in the queue of events for the next description that the agent needs.
    #[track_caller]
    pub fn description_needed(&mut self) -> DescriptionRequest {
        self.expect(description_needed)
    }

    /// Waits in the queue of events for the peer's next description.
    #[track_caller]
    pub fn remote_description(&mut self) -> (DescriptionKind, Bytes) {
        self.expect(|event| {
            remote_description(event).map(|(_, kind, body)| (kind, body.bytes.clone()))
        })
    }

    /// The next exchange that ended was one of this call, and succeeded.
    #[track_caller]
    pub fn renegotiated(&mut self, id: SessionId) {
        let end = self.expect(exchange_ended);
        assert_eq!((end.session, end.outcome), (id, Ok(())));
    }

    /// The next exchange that ended has failed; why.
    #[track_caller]
    pub fn renegotiation_failed(&mut self) -> EndReason {
        let end = self.expect(exchange_ended);
        end.outcome.expect_err("the exchange failed")
    }

    /// The application accepts an incoming call. Its answer is asked for next.
    #[track_caller]
    pub fn accept(&mut self, id: SessionId) {
        match self.agent.session(id) {
            Ok(Session::Incoming(call)) => call.answer(self.now),
            other => panic!("not an incoming call: {other:?}"),
        }
        self.pump();
    }

    /// The application starts a re-INVITE. Its offer is asked for next.
    #[track_caller]
    pub fn reinvite(&mut self, id: SessionId) {
        match self.agent.session(id) {
            Ok(Session::Established(call)) => {
                let options = ModifyOptions::new();
                call.reinvite(options, self.now).expect("reinvite");
            }
            other => panic!("the call is not up: {other:?}"),
        }
        self.pump();
    }

    /// The application hangs up.
    #[track_caller]
    pub fn hang_up(&mut self, id: SessionId) {
        self.agent.hang_up(id, self.now).expect("hang up");
        self.pump();
    }

    /// The user part of the agent's Contact.
    pub fn contact_user(&self) -> String {
        let contact = self.agent.contact();
        contact["<sip:".len()..]
            .split('@')
            .next()
            .expect("user")
            .to_owned()
    }

    /// Every table of the agent is empty, and each exchange has had its one end.
    #[track_caller]
    pub fn assert_nothing_left(&self) {
        let open = self.exchanges.iter().find(|(_, ended)| ended.is_empty());
        assert_eq!(open, None, "an exchange without an end");
        assert_eq!(self.agent.table_sizes(), Default::default());
    }
}

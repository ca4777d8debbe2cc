//! One state of everything: the publisher, its application, the wire and the server.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;
use sip_parse::{Limits, Message, UriBuf};

use super::server::{REFUSALS, Server, Treatment};
use crate::action::Action;
use crate::body::Body;
use crate::connection::{ConnectionInfo, Transport};
use crate::endpoint::{Endpoint, EndpointSettings, Flow, TimerOwner, Usage};
use crate::error::CommandError;
use crate::event::Event;
use crate::exploration::{self, Digest, constant, digest_message};
use crate::ids::{ConnectionId, PublicationId};
use crate::publication::{PublicationLayer, PublishOptions};
use crate::time::Timestamp;

/// How long a message may be under way in one go.
const LONGEST_DELAY: Duration = Duration::from_secs(4);

/// How many requests the publisher may send at one time without a loop.
const BURST: u8 = 4;

/// What may happen at most.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// Datagrams, which may be lost; otherwise a stream, which may break.
    pub(super) datagrams: bool,
    /// How often the connection breaks, or the wire falls silent.
    pub(super) cuts: u8,
    /// How often a datagram is lost.
    pub(super) losses: u8,
    /// How often the server refuses.
    pub(super) refusals: u8,
    /// How often the server forgets all states.
    pub(super) forgets: u8,
    /// How often the application changes the state.
    pub(super) changes: u8,
    /// How often a PUBLISH may become due by itself.
    pub(super) renewals: u8,
    /// How often a timer fires although a message is under way, for 4 s at most.
    pub(super) late: u8,
    /// How often the host says that no connection will come again.
    pub(super) gives_up: u8,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Move {
    /// The next PUBLISH arrives at the server.
    Serve(Treatment),
    /// The next response arrives.
    Respond,
    LosePublish,
    LoseResponse,
    /// The server forgets all states.
    Forget,
    Change,
    Remove,
    Tick,
    /// The connection breaks, or the wire falls silent.
    Cut,
    Notice,
    Reopen,
    GiveUp,
}

/// What the application knows.
#[derive(Clone, Debug)]
struct Application {
    id: PublicationId,
    /// The number of the last state.
    state: u8,
    removed: bool,
    ended: Option<bool>,
    /// The core has reported a failure, and no success since.
    failed: bool,
}

pub(super) struct World {
    rules: Rules,
    left: Rules,
    now: Timestamp,
    endpoint: Endpoint,
    layer: PublicationLayer,
    application: Application,
    server: Server,
    /// The entity tag of the last 2xx that the core has reported.
    tag: Option<Vec<u8>>,
    connection: ConnectionId,
    open: bool,
    noticed: bool,
    given_up: bool,
    /// The server has forgotten the state, and has not got it again.
    forgotten: bool,
    requests: VecDeque<Bytes>,
    responses: VecDeque<Bytes>,
    /// No PUBLISH may go out by itself before.
    retry_at: Option<Timestamp>,
    burst: u8,
    fault: Option<String>,
}

impl Clone for World {
    fn clone(&self) -> Self {
        Self {
            rules: self.rules.clone(),
            left: self.left.clone(),
            now: self.now,
            endpoint: self.endpoint.copy(entropy()),
            layer: self.layer.clone(),
            application: self.application.clone(),
            server: self.server.clone(),
            tag: self.tag.clone(),
            connection: self.connection,
            open: self.open,
            noticed: self.noticed,
            given_up: self.given_up,
            forgotten: self.forgotten,
            requests: self.requests.clone(),
            responses: self.responses.clone(),
            retry_at: self.retry_at,
            burst: self.burst,
            fault: self.fault.clone(),
        }
    }
}

fn entropy() -> Box<dyn rand_core::CryptoRng + Send> {
    constant(0x5555_5555_5555_5555)
}

fn state(number: u8) -> Body {
    Body::new("text/plain", format!("state {number}"))
}

impl World {
    pub(super) fn new(rules: &Rules) -> Self {
        let now = Timestamp::from_millis(1_000);
        let own = UriBuf::parse(b"sip:0@192.0.2.0").expect("a URI");
        let mut settings = EndpointSettings::new(own.clone());
        settings.behaviour.queue_requests = true;
        settings.identity.host = Some("192.0.2.0".into());
        let mut endpoint = Endpoint::new(settings, entropy(), now);
        let mut layer = PublicationLayer::new();
        let connection = connect(&mut endpoint, rules);
        let options = PublishOptions::new().expires(600);
        let id = layer.publish(&mut endpoint, None, own, "presence", state(0), options);
        let mut world = Self {
            rules: rules.clone(),
            left: rules.clone(),
            now,
            endpoint,
            layer,
            application: Application {
                id: id.expect("a publication"),
                state: 0,
                removed: false,
                ended: None,
                failed: false,
            },
            server: Server::default(),
            tag: None,
            connection,
            open: true,
            noticed: false,
            given_up: false,
            forgotten: false,
            requests: VecDeque::new(),
            responses: VecDeque::new(),
            retry_at: None,
            burst: 0,
            fault: None,
        };
        world.pump();
        world
    }

    fn fail(&mut self, why: impl Into<String>) {
        self.fault.get_or_insert(why.into());
    }

    fn pump(&mut self) {
        self.endpoint.settle_alone(&mut self.layer);
        while let Some(action) = self.endpoint.poll_action() {
            match action {
                Action::Transmit { connection, bytes } => self.sends(connection, bytes),
                Action::Event(event) => self.learns(&event),
                Action::Log(_) | Action::Trace(_) => {}
                other => self.fail(format!("nobody expects {other:?}")),
            }
        }
        if self.burst > BURST {
            self.fail("a loop");
        }
        if let Some(why) = self.fault_now().or_else(|| self.fault_when_quiet()) {
            self.fail(why);
        }
    }

    fn sends(&mut self, connection: ConnectionId, bytes: Bytes) {
        let message = Message::parse(bytes.clone(), &Limits::default()).expect("ours");
        let request = message.into_request().expect("a request");
        if let Some(tag) = request.sip_if_match()
            && self.tag.as_deref() != Some(tag)
        {
            self.fail("an entity tag that is not that of the last 2xx");
        }
        if self.retry_at.is_some_and(|at| self.now < at) {
            self.fail("a PUBLISH before its time");
        }
        self.burst += 1;
        if self.open && connection == self.connection {
            self.requests.push_back(bytes);
        }
    }

    fn learns(&mut self, event: &Event) {
        if self.application.ended.is_some() {
            return self.fail(format!("an event of a stale handle: {event:?}"));
        }
        let application = &mut self.application;
        match event {
            Event::Published { response, .. } => {
                self.tag = response.sip_etag().map(<[u8]>::to_vec);
                let tag = self.tag.as_deref();
                let mut kept = self.server.kept.iter();
                self.forgotten &= kept.all(|kept| Some(kept.tag.as_bytes()) != tag);
                application.failed = false;
                self.retry_at = None;
            }
            Event::PublicationFailed { retry_at, .. } => {
                application.failed = true;
                self.retry_at = *retry_at;
            }
            Event::PublicationEnded { outcome, .. } => {
                application.ended = Some(outcome.is_ok());
                self.retry_at = None;
                let all_is_well = outcome.is_ok() && !self.was_disturbed();
                if outcome.is_ok() && !self.application.removed {
                    self.fail("removed although the application did not remove it");
                }
                if all_is_well && !self.server.kept.is_empty() {
                    self.fail("a removed state is at the server");
                }
            }
            other => self.fail(format!("the publisher expects no {other:?}")),
        }
    }

    fn was_disturbed(&self) -> bool {
        self.left.cuts < self.rules.cuts
            || self.left.losses < self.rules.losses
            || self.left.late < self.rules.late
    }

    fn in_flight(&self) -> usize {
        self.endpoint.layer.unanswered_requests().count()
    }

    fn fault_now(&self) -> Option<String> {
        if self.in_flight() > 1 {
            return Some("two PUBLISHes are in flight".into());
        }
        let application = &self.application;
        if application.ended.is_some() != self.layer.is_empty() {
            return Some("a publication is gone without its end, or stays after it".into());
        }
        let idle = self.in_flight() == 0 && self.endpoint.flow.is_some();
        if application.removed && application.ended.is_none() && idle {
            return Some("a removal waits although there is a connection".into());
        }
        let owners = self.endpoint.timer_owners();
        let has_timer = owners
            .iter()
            .any(|owner| matches!(owner, TimerOwner::Publication(_)));
        if application.ended.is_some() && has_timer {
            return Some("a timer of a publication that is over".into());
        }
        let waits = has_timer || self.in_flight() > 0 || self.endpoint.flow.is_none();
        (application.ended.is_none() && !waits).then(|| "a publication waits for nothing".into())
    }

    fn fault_when_quiet(&self) -> Option<String> {
        let application = &self.application;
        let quiet = self.in_flight() == 0 && self.open && application.ended.is_none();
        let knows = !application.failed && !application.removed;
        if !quiet || !knows || self.forgotten {
            return None;
        }
        let last = state(application.state);
        let mut kept = self.server.kept.iter();
        let kept = kept.find(|kept| Some(kept.tag.as_bytes()) == self.tag.as_deref());
        match kept {
            Some(kept) if kept.body == last.bytes => None,
            Some(_) => Some("the server holds an earlier state".into()),
            None => Some("the server does not hold the state".into()),
        }
    }

    fn commands(&mut self, what: Move) {
        self.burst = 0;
        self.retry_at = None;
        self.endpoint.advance(self.now);
        let application = &mut self.application;
        let id = application.id;
        let taken = match what {
            Move::Change => {
                self.left.changes -= 1;
                application.state += 1;
                let state = state(application.state);
                self.layer.modify(&mut self.endpoint, id, state)
            }
            _ => {
                application.removed = true;
                self.layer.remove(&mut self.endpoint, id)
            }
        };
        if let Err(error) = taken {
            self.fail(format!("{what:?} is refused: {error}"));
        }
        self.pump();
    }

    /// Whether a PUBLISH becomes due then that keeps the publication going.
    fn renews(&self, next: Timestamp) -> bool {
        let application = &self.application;
        let wanted = application.ended.is_none() && !application.removed;
        wanted && self.endpoint.publish_is_due(next)
    }

    fn may_tick(&self) -> bool {
        let Some(next) = self.endpoint.next_tick() else {
            return false;
        };
        if self.renews(next) && self.left.renewals == 0 {
            return false;
        }
        if self.requests.is_empty() && self.responses.is_empty() {
            return true;
        }
        self.left.late > 0 && next.saturating_since(self.now) <= LONGEST_DELAY
    }

    fn tick(&mut self) {
        let next = self.endpoint.next_tick().expect("a timer");
        let under_way = !self.requests.is_empty() || !self.responses.is_empty();
        self.left.late -= u8::from(under_way);
        self.left.renewals -= u8::from(self.renews(next));
        if next > self.now {
            self.burst = 0;
        }
        self.now = self.now.max(next);
        self.server.advance(self.now);
        self.endpoint.tick_alone(&mut self.layer, self.now);
        if self.endpoint.next_tick().is_some_and(|at| at <= self.now) {
            self.fail("a timer that is due does not fire");
        }
        self.pump();
    }

    fn respond(&mut self) {
        let bytes = self.responses.pop_front().expect("a response");
        let taken = self.endpoint.receive(self.connection, bytes, self.now);
        if taken.is_err() {
            self.fail("the queue is full");
        }
        self.pump();
    }

    fn reopen(&mut self) {
        self.open = true;
        self.noticed = false;
        if self.rules.datagrams {
            return;
        }
        self.server.connected();
        self.endpoint.advance(self.now);
        self.connection = connect(&mut self.endpoint, &self.rules);
        self.layer.on_connected(&mut self.endpoint);
        self.pump();
    }
}

/// Opens a connection, as the flow in use.
fn connect(endpoint: &mut Endpoint, rules: &Rules) -> ConnectionId {
    let transport = match rules.datagrams {
        true => Transport::Udp,
        false => Transport::Wss,
    };
    let connection = endpoint.accept(ConnectionInfo {
        transport,
        remote: None,
    });
    endpoint.flow = Some(Flow {
        connection,
        server: 0,
        route_host: "192.0.2.9".into(),
    });
    endpoint.ready = true;
    connection
}

impl exploration::World for World {
    type Move = Move;

    fn moves(&self) -> Vec<Move> {
        let mut moves = Vec::new();
        if !self.requests.is_empty() {
            moves.push(Move::Serve(Treatment::Obey));
            if self.left.refusals > 0 {
                moves.extend(REFUSALS.map(Move::Serve));
            }
            if self.left.losses > 0 {
                moves.push(Move::LosePublish);
            }
        }
        if !self.responses.is_empty() {
            moves.push(Move::Respond);
            if self.left.losses > 0 {
                moves.push(Move::LoseResponse);
            }
        }
        if self.left.forgets > 0 && !self.server.kept.is_empty() {
            moves.push(Move::Forget);
        }
        let lives = !self.layer.is_empty();
        if lives && !self.application.removed {
            if self.left.changes > 0 {
                moves.push(Move::Change);
            }
            moves.push(Move::Remove);
        }
        if self.may_tick() {
            moves.push(Move::Tick);
        }
        if self.open && self.left.cuts > 0 && lives {
            moves.push(Move::Cut);
        }
        if !self.open {
            let stream = !self.rules.datagrams;
            if stream && !self.noticed {
                moves.push(Move::Notice);
            } else if lives && !self.given_up {
                moves.push(Move::Reopen);
                if stream && self.left.gives_up > 0 {
                    moves.push(Move::GiveUp);
                }
            }
        }
        moves
    }

    fn carry_out(&mut self, what: Move) {
        match what {
            Move::Serve(how) => {
                self.left.refusals -= u8::from(how != Treatment::Obey);
                let request = self.requests.pop_front().expect("a PUBLISH");
                let response = self.server.answer(&request, how, self.now);
                if self.open {
                    self.responses.push_back(response);
                }
                if self.server.is_flooded() {
                    self.fail("this goes on for ever");
                }
            }
            Move::Respond => self.respond(),
            Move::LosePublish => {
                self.left.losses -= 1;
                self.requests.pop_front();
            }
            Move::LoseResponse => {
                self.left.losses -= 1;
                self.responses.pop_front();
            }
            Move::Forget => {
                self.left.forgets -= 1;
                self.forgotten = true;
                self.server.kept.clear();
            }
            Move::Change | Move::Remove => self.commands(what),
            Move::Tick => self.tick(),
            Move::Cut => {
                self.left.cuts -= 1;
                self.open = false;
                self.requests.clear();
                self.responses.clear();
            }
            Move::Notice => {
                self.noticed = true;
                self.endpoint.flow = None;
                self.endpoint.ready = false;
                self.burst = 0;
                self.endpoint.closed(self.connection, self.now);
                self.pump();
            }
            Move::Reopen => self.reopen(),
            Move::GiveUp => {
                self.left.gives_up -= 1;
                self.given_up = true;
                self.endpoint.advance(self.now);
                self.layer.give_up(&mut self.endpoint);
                self.pump();
            }
        }
    }

    fn digest(&self) -> u64 {
        let own = self.connection;
        let place = |connection: ConnectionId| u64::from(connection == own) + 1;
        let behind = self.now.saturating_since(self.endpoint.now).as_micros() as u64;
        let deadline = self.endpoint.next_tick();
        let until = |at: Timestamp| at.saturating_since(self.now).as_micros() as u64;
        let wait = self.retry_at.filter(|at| *at > self.now);
        let left = &self.left;
        let budgets = [
            left.cuts,
            left.losses,
            left.refusals,
            left.forgets,
            left.changes,
            left.renewals,
            left.late,
            left.gives_up,
            self.burst.saturating_sub(BURST / 2),
            u8::from(self.open),
            u8::from(self.noticed),
            u8::from(self.given_up),
            u8::from(self.forgotten),
        ];
        let mut digest = Digest::new();
        digest
            .number(if deadline.is_some() { behind } else { 0 })
            .number(self.endpoint.digest(&place))
            .number(self.layer.digest(self.endpoint.now, &place))
            .debug(&self.application)
            .bytes(self.tag.as_deref().unwrap_or_default())
            .number(wait.map_or(0, until))
            .bytes(&budgets);
        for number in self.server.numbers() {
            digest.number(number);
        }
        for kept in &self.server.kept {
            digest
                .bytes(kept.tag.as_bytes())
                .bytes(&kept.body)
                .number(until(kept.until));
        }
        for message in self.requests.iter().chain(&self.responses) {
            digest.number(digest_message(message));
        }
        digest.number(self.requests.len() as u64).finish()
    }

    fn fault(&self) -> Option<String> {
        self.fault.clone()
    }

    fn fault_at_the_end(&self) -> Option<String> {
        if !self.layer.is_empty() {
            return Some("a publication is left".into());
        }
        if self.endpoint.table_sizes() != [0; 4] || !self.endpoint.layer.has_nothing() {
            return Some("a table is not empty".into());
        }
        let mut after = self.clone();
        let id = self.application.id;
        let taken = [
            after.layer.modify(&mut after.endpoint, id, state(9)),
            after.layer.remove(&mut after.endpoint, id),
        ];
        let stale = |taken: &Result<(), CommandError>| matches!(taken, Err(CommandError::Stale));
        (!taken.iter().all(stale)).then(|| "a stale handle is taken".into())
    }

    fn show(&self) -> String {
        let names = |sent: &VecDeque<Bytes>| {
            let line = |bytes: &Bytes| {
                let line = bytes.split(|&byte| byte == b'\r').next();
                String::from_utf8_lossy(line.unwrap_or_default()).into_owned()
            };
            let lines: Vec<_> = sent.iter().map(line).collect();
            lines.join(", ")
        };
        format!(
            "{:?} {} {:?} {:?} | {} | {} | {:?}",
            self.now,
            self.layer.show(),
            self.endpoint.timer_owners(),
            self.server.kept,
            names(&self.requests),
            names(&self.responses),
            self.fault
        )
    }
}

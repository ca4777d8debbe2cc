//! One state of everything: a subscriber and a notifier, their applications, and the wire between.

use super::std::hash::DefaultHasher;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};
use core::time::Duration;

use sip_parse::UriBuf;

use super::application::{Notifier, Report, Subscriber};
use super::judge::subscription_of;
use super::wire::{Packet, Wire};
use crate::action::Action;
use crate::connection::{ConnectionInfo, Transport};
use crate::endpoint::{Endpoint, EndpointSettings, Flow, TimerOwner, Usage};
use crate::error::CommandError;
use crate::exploration::{self, Digest, constant};
use crate::ids::ConnectionId;
use crate::notifier::{Notification, NotifierLayer};
use crate::session::{FailureStatus, MessageOptions};
use crate::subscription::{SubscribeOptions, SubscriptionLayer};
use crate::subscription_state::TerminationReason;
use crate::time::Timestamp;

/// How long a message may be under way in one go.
const LONGEST_DELAY: Duration = Duration::from_secs(4);

/// How many requests an end may send at one time without a loop.
const BURST: u8 = 6;

pub(super) const SUBSCRIBER: usize = 0;
pub(super) const NOTIFIER: usize = 1;

/// What may happen at most.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// Datagrams, which may be lost; otherwise a stream, which may break.
    pub(super) datagrams: bool,
    /// Whether the endpoints keep a flow, as a user agent does; otherwise the subscription names its connection.
    pub(super) flows: bool,
    /// How long the subscription is for, in seconds.
    pub(super) expires: u32,
    /// How often the connection breaks, or the wire falls silent.
    pub(super) cuts: u8,
    /// Whether it breaks only when the subscriber knows a state.
    pub(super) cuts_when_up: bool,
    /// How often a datagram is lost.
    pub(super) losses: u8,
    /// How often a datagram arrives twice.
    pub(super) copies: u8,
    /// How often a datagram overtakes those before it.
    pub(super) overtakes: u8,
    /// How often a timer fires although a message is under way, for 4 s at most, or although an application has to answer.
    pub(super) late: u8,
    /// How often a SUBSCRIBE may become due by itself: a refresh, or a new subscription.
    pub(super) renewals: u8,
    /// How often the subscriber's application refreshes.
    pub(super) refreshes: u8,
    /// How often the notifier's application reports a new state.
    pub(super) reports: u8,
    /// How often the notifier's application accepts without a decision.
    pub(super) pendings: u8,
    /// How often the notifier's application terminates for a reason that lets the subscriber come back.
    pub(super) comebacks: u8,
    /// How often the notifier's application refuses.
    pub(super) refusals: u8,
    /// How often a host says that no connection will come again.
    pub(super) gives_up: u8,
}

/// Why the notifier's application terminates. The last does not let the subscriber come back, and is always possible.
const REASONS: [TerminationReason; 8] = [
    TerminationReason::Deactivated,
    TerminationReason::Probation(Some(Duration::from_secs(20))),
    TerminationReason::Probation(None),
    TerminationReason::Timeout,
    TerminationReason::Giveup(None),
    TerminationReason::Other(None, None),
    TerminationReason::NoResource,
    TerminationReason::Rejected,
];

/// How many of the reasons let the subscriber come back.
const COMEBACKS: usize = 6;

/// A command of the notifier's application.
#[derive(Clone, Copy, Debug)]
pub(super) enum Command {
    Accept,
    AcceptPending,
    Reject,
    /// A new state of the resource, which may be a decision.
    Notify,
    /// For the reason at this place.
    Terminate(usize),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Move {
    /// A message of this end arrives at the other.
    Deliver {
        link: usize,
        from: usize,
        place: usize,
    },
    /// The next message of this end arrives, and a copy of it will.
    Copy {
        from: usize,
    },
    /// The next message of this end is lost.
    Lose {
        from: usize,
    },
    Unsubscribe,
    Refresh,
    /// A command for a subscription of the notifier's application.
    Command(usize, Command),
    /// The clock jumps to the next timer.
    Tick,
    /// The connection breaks with all that is under way, or the wire falls silent.
    Cut,
    /// An end notices that its connection is broken.
    Notice {
        link: usize,
        side: usize,
    },
    /// A new connection opens, or the wire is well again.
    Reopen,
    /// An end gives up opening one.
    GiveUp(usize),
}

/// A connection: its two ends, and what each has sent.
#[derive(Clone)]
struct Link {
    ends: [ConnectionId; 2],
    open: bool,
    noticed: [bool; 2],
    sent: [VecDeque<Packet>; 2],
}

/// The layer of an end, and its application.
#[derive(Clone)]
pub(super) enum Party {
    Subscriber(SubscriptionLayer, Option<Subscriber>),
    Notifier(NotifierLayer, Notifier),
}

/// One end.
pub(super) struct Side {
    pub(super) endpoint: Endpoint,
    pub(super) party: Party,
    pub(super) wire: Wire,
    given_up: bool,
}

impl Clone for Side {
    fn clone(&self) -> Self {
        Self {
            endpoint: self.endpoint.copy(entropy(self.place())),
            party: self.party.clone(),
            wire: self.wire.clone(),
            given_up: self.given_up,
        }
    }
}

impl Side {
    fn place(&self) -> usize {
        match self.party {
            Party::Subscriber(..) => SUBSCRIBER,
            Party::Notifier(..) => NOTIFIER,
        }
    }

    /// The endpoint and the layer on it.
    fn usage(&mut self) -> (&mut Endpoint, &mut dyn Usage) {
        let usage: &mut dyn Usage = match &mut self.party {
            Party::Subscriber(layer, _) => layer,
            Party::Notifier(layer, _) => layer,
        };
        (&mut self.endpoint, usage)
    }

    pub(super) fn is_empty(&self) -> bool {
        match &self.party {
            Party::Subscriber(layer, _) => layer.is_empty(),
            Party::Notifier(layer, _) => layer.is_empty(),
        }
    }
}

/// Keys and tokens that differ between the ends and never change.
fn entropy(side: usize) -> Box<dyn rand_core::CryptoRng + Send> {
    constant(0x5555_5555_5555_5555 << side)
}

#[derive(Clone)]
pub(super) struct World {
    pub(super) rules: Rc<Rules>,
    pub(super) now: Timestamp,
    pub(super) sides: [Rc<Side>; 2],
    links: Vec<Link>,
    /// What is left of the rules.
    pub(super) left: Rules,
    /// No SUBSCRIBE may go out by itself before.
    retry_at: Option<Timestamp>,
    /// The requests of each end since time last passed or an application commanded.
    burst: [u8; 2],
    fault: Option<String>,
}

impl World {
    /// Two ends, of which the first subscribes at the second.
    pub(super) fn new(rules: &Rules) -> Self {
        let now = Timestamp::from_millis(1_000);
        let side = |side: usize| {
            let uri = format!("sip:{side}@192.0.2.{side}");
            let uri = UriBuf::parse(uri.as_bytes()).expect("a URI");
            let mut settings = EndpointSettings::new(uri);
            settings.behaviour.takes_any_user = true;
            settings.behaviour.takes_requests = true;
            settings.behaviour.queue_requests = rules.flows;
            settings.behaviour.extensions.event_packages = [PACKAGE.into()].into();
            settings.identity.host = Some(format!("192.0.2.{side}").into());
            let party = match side {
                SUBSCRIBER => Party::Subscriber(SubscriptionLayer::new(), None),
                _ => Party::Notifier(NotifierLayer::new(), Notifier::default()),
            };
            Rc::new(Side {
                endpoint: Endpoint::new(settings, entropy(side), now),
                party,
                wire: Wire::default(),
                given_up: false,
            })
        };
        let mut world = Self {
            rules: Rc::new(rules.clone()),
            now,
            sides: [side(SUBSCRIBER), side(NOTIFIER)],
            links: Vec::new(),
            left: rules.clone(),
            retry_at: None,
            burst: [0; 2],
            fault: None,
        };
        world.open();
        let connection = world.links[0].ends[SUBSCRIBER];
        let named = (!rules.flows).then_some(connection);
        let side = Rc::make_mut(&mut world.sides[SUBSCRIBER]);
        if let Party::Subscriber(layer, application) = &mut side.party {
            let target = UriBuf::parse(b"sip:1@192.0.2.1").expect("a URI");
            let options = SubscribeOptions::new().expires(rules.expires);
            let endpoint = &mut side.endpoint;
            let id = layer.subscribe(endpoint, named, target, PACKAGE, options);
            *application = Some(Subscriber::new(id.expect("a subscription")));
        }
        world.pump(SUBSCRIBER);
        world
    }

    fn fail(&mut self, why: impl Into<String>) {
        if self.fault.is_none() {
            self.fault = Some(why.into());
        }
    }

    pub(super) fn subscriber(&self) -> &Subscriber {
        match &self.sides[SUBSCRIBER].party {
            Party::Subscriber(_, Some(application)) => application,
            _ => unreachable!("the first end subscribes"),
        }
    }

    pub(super) fn notifier(&self) -> &Notifier {
        match &self.sides[NOTIFIER].party {
            Party::Notifier(_, application) => application,
            Party::Subscriber(..) => unreachable!("the second end notifies"),
        }
    }

    /// Opens a connection between both ends, and lets their layers know.
    fn open(&mut self) {
        let transport = match self.rules.datagrams {
            true => Transport::Udp,
            false => Transport::Wss,
        };
        let info = ConnectionInfo {
            transport,
            remote: None,
        };
        let now = self.now;
        let ends = self.sides.each_mut().map(|side| {
            let side = Rc::make_mut(side);
            side.endpoint.advance(now);
            side.endpoint.accept(info)
        });
        self.links.push(Link {
            ends,
            open: true,
            noticed: [false; 2],
            sent: [VecDeque::new(), VecDeque::new()],
        });
        self.retry_at = None;
        if !self.rules.flows {
            return;
        }
        for (place, connection) in ends.into_iter().enumerate() {
            let side = Rc::make_mut(&mut self.sides[place]);
            side.endpoint.flow = Some(Flow {
                connection,
                server: 0,
                route_host: "192.0.2.9".into(),
            });
            side.endpoint.ready = true;
            let (endpoint, usage) = side.usage();
            usage.on_connected(endpoint);
            self.pump(place);
        }
    }

    /// Carries out what an end wants, and judges it.
    fn pump(&mut self, place: usize) {
        let side = Rc::make_mut(&mut self.sides[place]);
        let (endpoint, usage) = side.usage();
        endpoint.settle_alone(usage);
        while let Some(action) = side.endpoint.poll_action() {
            let judged = match action {
                Action::Transmit { connection, bytes } => {
                    let packet = Packet::new(bytes);
                    self.burst[place] += u8::from(packet.is_request());
                    let judged = side.wire.sends(&packet).and_then(|subscribes| {
                        let early = self.retry_at.is_some_and(|at| self.now < at);
                        match subscribes && early {
                            true => Err("a SUBSCRIBE before its time".into()),
                            false => Ok(()),
                        }
                    });
                    let mut links = self.links.iter_mut();
                    let link = links.find(|link| link.ends[place] == connection);
                    if let Some(link) = link.filter(|link| link.open) {
                        link.sent[place].push_back(packet);
                    }
                    judged
                }
                Action::Event(event) => match &mut side.party {
                    Party::Subscriber(_, Some(application)) => {
                        let judged = application.take(&event);
                        judged.map(|retry_at| self.retry_at = retry_at.or(self.retry_at))
                    }
                    Party::Subscriber(..) => Err("an event before the command".into()),
                    Party::Notifier(_, application) => application.take(&event),
                },
                Action::Log(_) | Action::Trace(_) => Ok(()),
                other => Err(format!("nobody expects {other:?}")),
            };
            if let Err(why) = judged
                && self.fault.is_none()
            {
                self.fault = Some(format!("end {place}: {why}"));
            }
        }
        let loops = self.burst[place] > BURST;
        if let Some(why) = side.fault().or_else(|| loops.then(|| "a loop".into())) {
            self.fail(format!("end {place}: {why}"));
        }
    }

    /// A command of the subscriber's application.
    fn subscriber_commands(&mut self, what: Move) {
        self.retry_at = None;
        self.burst = [0; 2];
        let side = Rc::make_mut(&mut self.sides[SUBSCRIBER]);
        side.endpoint.advance(self.now);
        let Party::Subscriber(layer, Some(application)) = &mut side.party else {
            return;
        };
        let taken = match what {
            Move::Unsubscribe => {
                application.unsubscribed = true;
                layer.unsubscribe(&mut side.endpoint, application.id)
            }
            _ => {
                self.left.refreshes -= 1;
                layer.refresh(&mut side.endpoint, application.id)
            }
        };
        match taken {
            Ok(()) => {}
            // One on a connection of its own cannot wait for another.
            Err(CommandError::NotConnected) if !self.rules.flows => {}
            Err(error) => self.fail(format!("{what:?} is refused: {error}")),
        }
        self.pump(SUBSCRIBER);
    }

    /// A command of the notifier's application.
    fn notifier_commands(&mut self, number: usize, command: Command) {
        self.burst = [0; 2];
        let side = Rc::make_mut(&mut self.sides[NOTIFIER]);
        side.endpoint.advance(self.now);
        let (endpoint, Party::Notifier(layer, application)) = (&mut side.endpoint, &mut side.party)
        else {
            return;
        };
        let report = match command {
            Command::Accept | Command::Notify => application.next_state(),
            _ => Report {
                active: false,
                number: 0,
            },
        };
        let known = &mut application.incoming[number];
        let taken = match command {
            Command::Accept | Command::AcceptPending => {
                self.left.pendings -= u8::from(!report.active);
                known.accepted = true;
                known.reported = Some(report);
                let (state, options) = (report.notification(), MessageOptions::new());
                layer.accept(endpoint, known.id, state, &options)
            }
            Command::Reject => {
                self.left.refusals -= 1;
                known.rejected = true;
                layer.reject(endpoint, known.id, &FailureStatus::DECLINE.into())
            }
            Command::Notify => {
                self.left.reports -= 1;
                known.reported = Some(report);
                layer.notify(endpoint, known.id, report.notification())
            }
            Command::Terminate(place) => {
                self.left.comebacks -= u8::from(place < COMEBACKS);
                known.terminated = true;
                let state = Notification::terminated(REASONS[place].clone());
                layer.notify(endpoint, known.id, state)
            }
        };
        match taken {
            Ok(()) => {}
            // The peer has unsubscribed, or the subscription has expired, and its last NOTIFY waits.
            Err(CommandError::Stale)
                if matches!(command, Command::Notify | Command::Terminate(_)) => {}
            Err(error) => self.fail(format!("{command:?} is refused: {error}")),
        }
        self.pump(NOTIFIER);
    }

    fn tick(&mut self) {
        let next = self.next_tick().expect("a timer");
        if next > self.now {
            self.burst = [0; 2];
        }
        self.now = self.now.max(next);
        for place in [SUBSCRIBER, NOTIFIER] {
            let due = |side: &Side| side.endpoint.next_tick().filter(|at| *at <= self.now);
            if due(&self.sides[place]).is_none() {
                continue;
            }
            let now = self.now;
            let side = Rc::make_mut(&mut self.sides[place]);
            let (endpoint, usage) = side.usage();
            endpoint.tick_alone(usage, now);
            if due(&self.sides[place]).is_some() {
                self.fail("a timer that is due does not fire");
            }
            self.pump(place);
        }
    }

    fn next_tick(&self) -> Option<Timestamp> {
        let sides = self.sides.iter();
        sides.filter_map(|side| side.endpoint.next_tick()).min()
    }

    pub(super) fn is_open(&self) -> bool {
        self.links.iter().any(|link| link.open)
    }

    pub(super) fn under_way(&self) -> bool {
        let mut links = self.links.iter();
        links.any(|link| link.sent.iter().any(|sent| !sent.is_empty()))
    }

    /// Whether the notifier's application has to answer.
    fn asks(&self) -> bool {
        let mut incoming = self.notifier().incoming.iter();
        incoming.any(|incoming| incoming.waits())
    }

    /// Whether a SUBSCRIBE becomes due then that keeps the subscription going.
    fn renews(&self, next: Timestamp) -> bool {
        let application = self.subscriber();
        let wanted = application.ended.is_none() && !application.unsubscribed;
        wanted && self.sides[SUBSCRIBER].endpoint.subscribe_is_due(next)
    }

    /// Whether the clock may jump to the next timer.
    fn may_tick(&self) -> bool {
        let Some(next) = self.next_tick() else {
            return false;
        };
        if self.renews(next) && self.left.renewals == 0 {
            return false;
        }
        if self.under_way() {
            return self.left.late > 0 && next.saturating_since(self.now) <= LONGEST_DELAY;
        }
        self.left.late > 0 || !self.asks()
    }

    fn cut(&mut self) {
        self.left.cuts -= 1;
        for link in self.links.iter_mut().filter(|link| link.open) {
            link.open = false;
            link.sent = [VecDeque::new(), VecDeque::new()];
        }
    }

    fn notice(&mut self, link: usize, place: usize) {
        self.links[link].noticed[place] = true;
        let connection = self.links[link].ends[place];
        let side = Rc::make_mut(&mut self.sides[place]);
        let flow = &mut side.endpoint.flow;
        if flow.take_if(|flow| flow.connection == connection).is_some() {
            side.endpoint.ready = false;
        }
        side.wire.connection_is_gone();
        side.endpoint.closed(connection, self.now);
        self.burst = [0; 2];
        self.pump(place);
        self.links
            .retain(|link| link.open || link.noticed.contains(&false));
    }

    fn deliver(&mut self, link: usize, from: usize, packet: &Packet) {
        let to = 1 - from;
        let connection = self.links[link].ends[to];
        let side = Rc::make_mut(&mut self.sides[to]);
        side.wire.receives(packet);
        let taken = side
            .endpoint
            .receive(connection, packet.bytes.clone(), self.now);
        if taken.is_err() {
            self.fail("the queue is full");
        }
        self.pump(to);
    }

    /// The moves of the wire.
    fn wire_moves(&self, moves: &mut Vec<Move>) {
        for (link, ends) in self.links.iter().enumerate() {
            for from in [SUBSCRIBER, NOTIFIER] {
                let sent = &ends.sent[from];
                for place in 0..sent.len() {
                    if place == 0 || self.left.overtakes > 0 {
                        moves.push(Move::Deliver { link, from, place });
                    }
                }
                if !sent.is_empty() && self.left.losses > 0 {
                    moves.push(Move::Lose { from });
                }
                if !sent.is_empty() && self.left.copies > 0 {
                    moves.push(Move::Copy { from });
                }
                if !self.rules.datagrams && !ends.open && !ends.noticed[from] {
                    moves.push(Move::Notice { link, side: from });
                }
            }
        }
    }

    /// The commands that fit what the applications know.
    fn commands(&self, moves: &mut Vec<Move>) {
        let application = self.subscriber();
        if application.ended.is_none() && !application.unsubscribed {
            if self.left.refreshes > 0 {
                moves.push(Move::Refresh);
            }
            moves.push(Move::Unsubscribe);
        }
        for (number, known) in self.notifier().incoming.iter().enumerate() {
            let mut add = |command| moves.push(Move::Command(number, command));
            if known.waits() {
                add(Command::Accept);
                if self.left.pendings > 0 {
                    add(Command::AcceptPending);
                }
                if self.left.refusals > 0 {
                    add(Command::Reject);
                }
            }
            if known.lives() && !known.terminated {
                if self.left.reports > 0 {
                    add(Command::Notify);
                }
                let first = if self.left.comebacks > 0 {
                    0
                } else {
                    COMEBACKS
                };
                for place in first..REASONS.len() {
                    add(Command::Terminate(place));
                }
            }
        }
    }
}

const PACKAGE: &str = "presence";

impl exploration::World for World {
    type Move = Move;

    fn moves(&self) -> Vec<Move> {
        let mut moves = Vec::new();
        self.wire_moves(&mut moves);
        self.commands(&mut moves);
        if self.may_tick() {
            moves.push(Move::Tick);
        }
        let lives = self.sides.iter().any(|side| !side.is_empty());
        let may_cut = !self.rules.cuts_when_up || self.subscriber().last.is_some();
        if self.left.cuts > 0 && self.is_open() && lives && may_cut {
            moves.push(Move::Cut);
        }
        if self.rules.datagrams && !self.is_open() {
            moves.push(Move::Reopen);
        }
        if self.rules.flows && !self.rules.datagrams && !self.is_open() && lives {
            let given_up = self.sides.iter().any(|side| side.given_up);
            // The end that opens connections knows that there is none.
            if self.sides[SUBSCRIBER].endpoint.flow.is_none() && !given_up {
                moves.push(Move::Reopen);
            }
            for (place, side) in self.sides.iter().enumerate() {
                let alone = side.endpoint.flow.is_none() && !side.is_empty();
                if self.left.gives_up > 0 && alone && !side.given_up {
                    moves.push(Move::GiveUp(place));
                }
            }
        }
        moves
    }

    fn carry_out(&mut self, what: Move) {
        match what {
            Move::Deliver { link, from, place } => {
                self.left.overtakes -= u8::from(place > 0);
                let sent = &mut self.links[link].sent[from];
                let packet = sent.remove(place).expect("a message");
                self.deliver(link, from, &packet);
            }
            Move::Copy { from } => {
                self.left.copies -= 1;
                let sent = &mut self.links[0].sent[from];
                let packet = sent.pop_front().expect("a message");
                sent.push_back(packet.clone());
                self.deliver(0, from, &packet);
            }
            Move::Lose { from } => {
                self.left.losses -= 1;
                self.links[0].sent[from].pop_front();
            }
            Move::Unsubscribe | Move::Refresh => self.subscriber_commands(what),
            Move::Command(number, command) => self.notifier_commands(number, command),
            Move::Tick => {
                let next = self.next_tick().expect("a timer");
                self.left.late -= u8::from(self.under_way() || self.asks());
                self.left.renewals -= u8::from(self.renews(next));
                self.tick();
            }
            Move::Cut => self.cut(),
            Move::Notice { link, side } => self.notice(link, side),
            Move::Reopen if self.rules.datagrams => self.links[0].open = true,
            Move::Reopen => self.open(),
            Move::GiveUp(place) => {
                self.left.gives_up -= 1;
                let side = Rc::make_mut(&mut self.sides[place]);
                side.given_up = true;
                side.endpoint.advance(self.now);
                let (endpoint, usage) = side.usage();
                usage.give_up(endpoint);
                self.pump(place);
            }
        }
        if let Some(why) = self.fault_when_quiet() {
            self.fail(why);
        }
    }

    fn digest(&self) -> u64 {
        let mut digest = Digest::new();
        for (place, side) in self.sides.iter().enumerate() {
            let links = &self.links;
            let place_of = |connection: ConnectionId| {
                let link = links.iter().position(|link| link.ends[place] == connection);
                link.map_or(0, |link| link as u64 + 1)
            };
            let behind = self.now.saturating_since(side.endpoint.now).as_micros() as u64;
            let mut hasher = DefaultHasher::new();
            (&side.wire, side.given_up).hash(&mut hasher);
            let layer = match &side.party {
                Party::Subscriber(layer, application) => {
                    application.hash(&mut hasher);
                    layer.digest(&side.endpoint, &place_of)
                }
                Party::Notifier(layer, application) => {
                    application.hash(&mut hasher);
                    layer.digest(&side.endpoint, &place_of)
                }
            };
            let deadline = side.endpoint.next_tick();
            digest
                .number(if deadline.is_some() { behind } else { 0 })
                .number(side.endpoint.digest(&place_of))
                .number(layer)
                .number(hasher.finish());
            // Deadlines of one time fire in this order.
            for owner in side.endpoint.timer_owners() {
                digest.number(match owner {
                    TimerOwner::Subscription(id, timer) => id.to_bits() * 8 + timer as u64,
                    TimerOwner::Notifier(id, timer) => id.to_bits() * 8 + 4 + timer as u64,
                    other => panic!("no layer here has a timer of {other:?}"),
                });
            }
            // The loss of a connection ends them in this order.
            for sent in side.endpoint.layer.unanswered_requests() {
                digest.number(subscription_of(sent.user));
            }
        }
        for link in &self.links {
            digest
                .number(u64::from(link.open))
                .number(u64::from(link.noticed[0]) * 2 + u64::from(link.noticed[1]));
            for sent in &link.sent {
                digest.number(sent.len() as u64);
                for packet in sent {
                    digest.number(packet.digest);
                }
            }
        }
        let wait = self.retry_at.filter(|at| *at > self.now);
        let wait = wait.map_or(0, |at| at.saturating_since(self.now).as_micros() as u64);
        let left = &self.left;
        let budgets = [
            left.cuts,
            left.losses,
            left.copies,
            left.overtakes,
            left.late,
            left.renewals,
            left.refreshes,
            left.reports,
            left.pendings,
            left.comebacks,
            left.refusals,
            left.gives_up,
            self.burst[0].saturating_sub(BURST / 2),
            self.burst[1].saturating_sub(BURST / 2),
        ];
        digest.number(wait).bytes(&budgets).finish()
    }

    fn fault(&self) -> Option<String> {
        self.fault.clone()
    }

    fn fault_at_the_end(&self) -> Option<String> {
        let mut sides = self.sides.iter().enumerate();
        sides.find_map(|(place, side)| {
            let why = side.fault_at_the_end(self.was_disturbed())?;
            Some(format!("end {place}: {why}"))
        })
    }

    fn show(&self) -> String {
        let mut text = format!("{:?}", self.now);
        for side in &self.sides {
            text.push_str(&format!(" {}", side.state()));
        }
        for link in &self.links {
            let names = |sent: &VecDeque<Packet>| {
                let names: Vec<_> = sent.iter().map(Packet::name).collect();
                names.join(" ")
            };
            let dead = if link.open { "" } else { " broken" };
            text.push_str(&format!(
                " | -> {} <- {}{dead}",
                names(&link.sent[0]),
                names(&link.sent[1])
            ));
        }
        if let Some(fault) = &self.fault {
            text.push_str(&format!(" | {fault}"));
        }
        text
    }
}

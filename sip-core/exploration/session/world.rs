//! One state of everything: two endpoints with their calls, their applications, and the connections between.

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

use super::application::Application;
use super::wire::{Packet, Wire};
use crate::action::Action;
use crate::config::Support;
use crate::connection::{ConnectionInfo, Transport};
use crate::endpoint::{Endpoint, EndpointSettings, Flow};
use crate::event::Event;
use crate::exploration::{self, Digest, constant};
use crate::ids::{ConnectionId, SessionId};
use crate::reason::Cause;
use crate::session::{
    DescriptionFailed, FailureStatus, Input, InviteOptions, ModifyOptions, Phase,
    ProvisionalOptions, SessionLayer,
};
use crate::time::Timestamp;

/// How long a message may be under way in one go.
const LONGEST_DELAY: Duration = Duration::from_secs(4);

/// What may happen at most.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// The INVITE has no offer.
    pub(super) late_offer: bool,
    /// Whether the endpoints keep a flow, as a user agent does; otherwise the call names its connection.
    pub(super) flows: bool,
    /// How often the connection breaks.
    pub(super) cuts: u8,
    /// How often a timer fires although a message is under way, for 4 s at most, or although an application is asked for a
    /// description.
    pub(super) late: u8,
    /// How often an application renegotiates.
    pub(super) renegotiations: u8,
    /// How often an application changes the session by UPDATE.
    pub(super) updates: u8,
    /// How often an application refuses: the call, a re-INVITE, or a description.
    pub(super) refusals: u8,
    /// How often the callee announces the call.
    pub(super) rings: u8,
    /// How often a host says that no connection will come again.
    pub(super) gives_up: u8,
    /// How often the callee sends early media. Unless it is 0, both ends have 100rel, so that the response is reliable.
    pub(super) early: u8,
}

/// A command of an application.
#[derive(Clone, Copy, Debug)]
pub(super) enum Command {
    Ring,
    /// A reliable 183 with a description.
    EarlyMedia,
    Answer,
    Reject,
    Describe,
    /// It has no description.
    Fail,
    HangUp,
    Renegotiate,
    Update,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Move {
    /// The next message of this end arrives at the other.
    Deliver { link: usize, from: usize },
    /// A command for a call.
    Command(usize, usize, Command),
    /// The clock jumps to the next timer.
    Tick,
    /// The connection breaks with all that is under way.
    Cut,
    /// An end notices that its connection is broken.
    Notice { link: usize, side: usize },
    /// A new connection opens.
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

/// One end.
pub(super) struct Side {
    endpoint: Endpoint,
    calls: SessionLayer,
    application: Application,
    wire: Wire,
    given_up: bool,
}

impl Clone for Side {
    fn clone(&self) -> Self {
        Self {
            endpoint: self.endpoint.copy(entropy(self.application.side)),
            calls: self.calls.clone(),
            application: self.application.clone(),
            wire: self.wire.clone(),
            given_up: self.given_up,
        }
    }
}

/// Keys and tokens that differ between the ends and never change.
fn entropy(side: u8) -> Box<dyn rand_core::CryptoRng + Send> {
    constant(0x5555_5555_5555_5555 << side)
}

#[derive(Clone)]
pub(super) struct World {
    rules: Rc<Rules>,
    now: Timestamp,
    sides: [Rc<Side>; 2],
    links: Vec<Link>,
    cuts: u8,
    late: u8,
    renegotiations: u8,
    updates: u8,
    refusals: u8,
    rings: u8,
    gives_up: u8,
    early: u8,
    fault: Option<String>,
}

impl World {
    /// Two ends, of which the first calls the second.
    pub(super) fn new(rules: &Rules) -> Self {
        let now = Timestamp::from_millis(1_000);
        let side = |side: u8| {
            let uri = format!("sip:{side}@192.0.2.{side}");
            let uri = UriBuf::parse(uri.as_bytes()).expect("a URI");
            let mut settings = EndpointSettings::new(uri);
            settings.behaviour.takes_any_user = true;
            settings.behaviour.queue_requests = rules.flows;
            if rules.early > 0 {
                settings.behaviour.reliable_provisionals = Support::Supported;
            }
            settings.identity.host = Some(format!("192.0.2.{side}").into());
            Rc::new(Side {
                endpoint: Endpoint::new(settings, entropy(side), now),
                calls: SessionLayer::new(),
                application: Application::new(side),
                wire: Wire::default(),
                given_up: false,
            })
        };
        let mut world = Self {
            rules: Rc::new(rules.clone()),
            now,
            sides: [side(0), side(1)],
            links: Vec::new(),
            cuts: rules.cuts,
            late: rules.late,
            renegotiations: rules.renegotiations,
            updates: rules.updates,
            refusals: rules.refusals,
            rings: rules.rings,
            gives_up: rules.gives_up,
            early: rules.early,
            fault: None,
        };
        world.open();
        let connection = world.links[0].ends[0];
        let side = Rc::make_mut(&mut world.sides[0]);
        let options = InviteOptions::new();
        let options = if rules.late_offer {
            options.late_offer()
        } else {
            options
        };
        let target = UriBuf::parse(b"sip:1@192.0.2.1").expect("a URI");
        let named = (!rules.flows).then_some(connection);
        let called = side
            .calls
            .invite(&mut side.endpoint, named, target, options);
        side.application.calls_out(called.expect("a call"));
        world.pump(0);
        world
    }

    fn fail(&mut self, why: impl Into<String>) {
        if self.fault.is_none() {
            self.fault = Some(why.into());
        }
    }

    /// Opens a connection between both ends, and lets their calls know.
    fn open(&mut self) {
        let info = ConnectionInfo {
            transport: Transport::Wss,
            remote: None,
        };
        let flows = self.rules.flows;
        let now = self.now;
        let mut ends = self.sides.each_mut().map(|side| {
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
        for (place, connection) in ends.iter_mut().enumerate().filter(|_| flows) {
            let side = Rc::make_mut(&mut self.sides[place]);
            side.endpoint.flow = Some(Flow {
                connection: *connection,
                server: 0,
                route_host: "192.0.2.9".into(),
            });
            side.endpoint.ready = true;
            // As `UserAgent` does: waiting INVITEs go last.
            let (queued, others): (Vec<_>, Vec<_>) = side
                .calls
                .ids()
                .into_iter()
                .partition(|id| side.calls.is_queued(*id));
            for id in others.into_iter().chain(queued) {
                let _ = side.calls.step(&mut side.endpoint, id, Input::Connected);
            }
            self.pump(place);
        }
    }

    /// Carries out what an end wants, and judges it.
    fn pump(&mut self, place: usize) {
        let side = Rc::make_mut(&mut self.sides[place]);
        side.calls.settle(&mut side.endpoint);
        while let Some(action) = side.endpoint.poll_action() {
            let judged = match action {
                Action::Transmit { connection, bytes } => {
                    let packet = Packet::new(bytes);
                    let judged = side.wire.sends(&packet);
                    let mut links = self.links.iter_mut();
                    let link = links.find(|link| link.ends[place] == connection);
                    if let Some(link) = link.filter(|link| link.open) {
                        link.sent[place].push_back(packet);
                    }
                    judged
                }
                Action::Event(event) => {
                    if let Event::ExchangeEnded { .. } | Event::Ended { .. } = event {
                        side.wire.offer_is_over();
                    }
                    side.application.take(&event)
                }
                Action::Log(_) | Action::Trace(_) => Ok(()),
                other => Err(format!("nobody expects {other:?}")),
            };
            if let Err(why) = judged
                && self.fault.is_none()
            {
                self.fault = Some(format!("end {place}: {why}"));
            }
        }
        if let Some(why) = side.fault() {
            self.fail(format!("end {place}: {why}"));
        }
    }

    fn command(&mut self, place: usize, call: usize, command: Command) {
        let side = Rc::make_mut(&mut self.sides[place]);
        side.endpoint.advance(self.now);
        let known = &mut side.application.calls[call];
        let id = known.id;
        let input = match command {
            Command::Ring => {
                known.rung = true;
                self.rings -= 1;
                Input::Ring
            }
            Command::EarlyMedia => {
                self.early -= 1;
                Input::Progress(ProvisionalOptions::early_media())
            }
            Command::Answer => {
                known.answered = true;
                Input::Answer
            }
            Command::Reject => {
                self.refusals -= 1;
                Input::Reject(FailureStatus::BUSY_HERE)
            }
            Command::HangUp => {
                known.hung_up = true;
                Input::HangUp
            }
            Command::Renegotiate => {
                self.renegotiations -= 1;
                Input::Renegotiate(ModifyOptions::new())
            }
            Command::Update => {
                self.updates -= 1;
                Input::SendUpdate(ModifyOptions::new())
            }
            Command::Describe => {
                let (exchange, body) = side.application.describe(call);
                Input::Describe(exchange, Ok(body))
            }
            Command::Fail => {
                self.refusals -= 1;
                let (exchange, _) = side.application.describe(call);
                Input::Describe(exchange, Err(DescriptionFailed))
            }
        };
        let taken = side.calls.step(&mut side.endpoint, id, input);
        if let Err(error) = taken {
            self.fail(format!("end {place}: {command:?} is refused: {error}"));
        }
        self.pump(place);
        let cancels = self.sides[place].wire.owes_cancel();
        if matches!(command, Command::HangUp) && cancels {
            self.fail(format!("end {place}: no CANCEL"));
        }
    }

    fn tick(&mut self) {
        let next = self.next_tick().expect("a timer");
        self.now = self.now.max(next);
        for place in [0, 1] {
            let due = |side: &Side| side.endpoint.next_tick().filter(|at| *at <= self.now);
            if due(&self.sides[place]).is_none() {
                continue;
            }
            let side = Rc::make_mut(&mut self.sides[place]);
            side.calls.tick(&mut side.endpoint, self.now);
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

    fn is_open(&self) -> bool {
        self.links.iter().any(|link| link.open)
    }

    fn under_way(&self) -> bool {
        let mut links = self.links.iter();
        links.any(|link| link.sent.iter().any(|sent| !sent.is_empty()))
    }

    /// Whether an application is asked for a description.
    fn asks(&self) -> bool {
        let mut calls = self.sides.iter().flat_map(|side| &side.application.calls);
        calls.any(|call| call.open.as_ref().is_some_and(|open| open.asked))
    }

    /// Whether the clock may jump to the next timer.
    fn may_tick(&self) -> bool {
        let Some(next) = self.next_tick() else {
            return false;
        };
        if self.under_way() {
            return self.late > 0 && next.saturating_since(self.now) <= LONGEST_DELAY;
        }
        self.late > 0 || !self.asks()
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
        self.pump(place);
        self.links
            .retain(|link| link.open || link.noticed.contains(&false));
    }

    /// The commands that fit what an application knows.
    fn commands(&self, place: usize, moves: &mut Vec<Move>) {
        let side = &self.sides[place];
        for (number, call) in side.application.calls.iter().enumerate() {
            if call.ended.is_some() {
                continue;
            }
            let mut add = |command| moves.push(Move::Command(place, number, command));
            let refuses = self.refusals > 0 && !call.hung_up;
            if call.open.as_ref().is_some_and(|open| open.asked) && !call.hung_up {
                add(Command::Describe);
                if refuses {
                    add(Command::Fail);
                }
                if refuses && call.established && side.calls.answers_a_change(call.id) {
                    add(Command::Reject);
                }
            }
            if call.incoming && !call.answered && !call.hung_up {
                if self.rings > 0 && !call.rung {
                    add(Command::Ring);
                }
                if self.early > 0 && call.open.is_none() && call.session.is_none() {
                    add(Command::EarlyMedia);
                }
                add(Command::Answer);
                if refuses {
                    add(Command::Reject);
                }
            }
            if call.established
                && call.open.is_none()
                && !call.hung_up
                && side.calls.takes_a_change(call.id)
            {
                if self.renegotiations > 0 {
                    add(Command::Renegotiate);
                }
                if self.updates > 0 {
                    add(Command::Update);
                }
            }
            if !call.hung_up && side.calls.phase(call.id) != Some(Phase::Ending) {
                add(Command::HangUp);
            }
        }
    }

    /// What is wrong in a state in which nothing is under way.
    fn fault_when_quiet(&self) -> Option<String> {
        if self.under_way() || self.cuts < self.rules.cuts {
            return None;
        }
        let [caller, callee] = &self.sides;
        let (ours, theirs) = (
            caller.application.calls.first()?,
            callee.application.calls.first()?,
        );
        let over = [ours, theirs].map(|call| call.ended.is_some());
        let pending = |side: &Side| side.endpoint.layer.client_transactions() > 0;
        if over[0] != over[1] && !pending(caller) && !pending(callee) {
            let waits = self
                .sides
                .iter()
                .any(|side| side.endpoint.next_tick().is_some());
            let text = "the call is over at one end, and nobody tells the other";
            return (!waits).then(|| text.into());
        }
        let at_rest = |call: &super::application::Call| call.established && call.open.is_none();
        if at_rest(ours) && at_rest(theirs) && over == [false; 2] {
            let mirrored = theirs.session.map(|(own, peer)| (peer, own));
            if ours.session != mirrored {
                return Some("the ends have different sessions".into());
            }
        }
        None
    }
}

impl Side {
    /// What is wrong with what the end keeps.
    fn fault(&self) -> Option<String> {
        let running: Vec<_> = self.endpoint.session_timers().collect();
        for call in &self.application.calls {
            let own = running.iter().filter(|(id, _)| *id == call.id);
            let own: Vec<_> = own.map(|(_, timer)| *timer).collect();
            if call.ended.is_some() && !own.is_empty() {
                return Some("a timer of a call that is over".into());
            }
            if let Some(why) = self.calls.fault_of_timers(call.id, &own) {
                return Some(format!("{why}: {:?}, {own:?}", self.state(call.id)));
            }
        }
        None
    }

    fn state(&self, id: SessionId) -> &'static str {
        self.calls.state_for_tests(id).unwrap_or("over")
    }

    /// A late description is refused, and changes nothing.
    fn refuses_stale_descriptions(&mut self) -> bool {
        let calls = self.application.calls.iter();
        let stale: Vec<_> = calls
            .filter_map(|call| Some((call.id, call.stale()?)))
            .collect();
        stale.into_iter().all(|(id, exchange)| {
            let late = Input::Describe(exchange, Err(DescriptionFailed));
            self.calls.step(&mut self.endpoint, id, late).is_err()
        })
    }

    fn fault_at_the_end(&self, cut: bool) -> Option<&'static str> {
        let wire = &self.wire;
        if !self.calls.has_nothing() {
            return Some("a call is left");
        }
        if self.endpoint.table_sizes() != [0; 4] || !self.endpoint.layer.has_nothing() {
            return Some("a table is not empty");
        }
        for call in &self.application.calls {
            let Some((_, cause)) = call.ended else {
                return Some("a call without its end");
            };
            let tells = wire.sent_bye || wire.received_bye || cause == Cause::NeverSent;
            if call.established && !tells {
                return Some("a call that was up ended without BYE");
            }
            let withdrawn = wire.sent_cancel || wire.sent_bye || wire.received_bye;
            let settled = withdrawn || wire.received_refusal || cut;
            if !call.incoming && wire.sent_invite && !settled {
                return Some("a call ended without CANCEL, BYE or refusal");
            }
        }
        if !cut && !wire.unacknowledged.is_empty() {
            return Some("a 2xx without ACK");
        }
        if !cut && !wire.pracks.is_empty() {
            return Some("a PRACK without a final response");
        }
        if !cut && wire.has_unanswered() {
            return Some("an INVITE without a final response");
        }
        None
    }
}

impl exploration::World for World {
    type Move = Move;

    fn moves(&self) -> Vec<Move> {
        let mut moves = Vec::new();
        for (link, ends) in self.links.iter().enumerate() {
            for from in [0, 1] {
                if !ends.sent[from].is_empty() {
                    moves.push(Move::Deliver { link, from });
                }
                if !ends.open && !ends.noticed[from] {
                    moves.push(Move::Notice { link, side: from });
                }
            }
        }
        self.commands(0, &mut moves);
        self.commands(1, &mut moves);
        if self.may_tick() {
            moves.push(Move::Tick);
        }
        let lives = self.sides.iter().any(|side| !side.calls.is_empty());
        if self.cuts > 0 && self.is_open() && lives {
            moves.push(Move::Cut);
        }
        if self.rules.flows && !self.is_open() && lives {
            let given_up = self.sides.iter().any(|side| side.given_up);
            // The end that opens connections knows that there is none.
            if self.sides[0].endpoint.flow.is_none() && !given_up {
                moves.push(Move::Reopen);
            }
            for (place, side) in self.sides.iter().enumerate() {
                let alone = side.endpoint.flow.is_none() && !side.calls.is_empty();
                if self.gives_up > 0 && alone && !side.given_up {
                    moves.push(Move::GiveUp(place));
                }
            }
        }
        moves
    }

    fn carry_out(&mut self, what: Move) {
        match what {
            Move::Deliver { link, from } => {
                let to = 1 - from;
                let connection = self.links[link].ends[to];
                let packet = self.links[link].sent[from].pop_front().expect("a message");
                let side = Rc::make_mut(&mut self.sides[to]);
                side.wire.receives(&packet);
                let taken = side
                    .endpoint
                    .receive(connection, packet.bytes.clone(), self.now);
                if taken.is_err() {
                    self.fail("the queue is full");
                }
                self.pump(to);
                if self.sides[to].wire.ignores_cancel(&packet) {
                    self.fail(format!("end {to}: a CANCEL does not end its INVITE"));
                }
            }
            Move::Command(place, call, command) => self.command(place, call, command),
            Move::Tick => {
                if self.under_way() || self.asks() {
                    self.late -= 1;
                }
                self.tick();
            }
            Move::Cut => {
                self.cuts -= 1;
                for link in self.links.iter_mut().filter(|link| link.open) {
                    link.open = false;
                    link.sent = [VecDeque::new(), VecDeque::new()];
                }
            }
            Move::Notice { link, side } => self.notice(link, side),
            Move::Reopen => self.open(),
            Move::GiveUp(place) => {
                self.gives_up -= 1;
                let side = Rc::make_mut(&mut self.sides[place]);
                side.given_up = true;
                side.endpoint.advance(self.now);
                for id in side.calls.ids() {
                    let _ = side.calls.step(&mut side.endpoint, id, Input::Abandoned);
                }
                self.pump(place);
            }
        }
        for place in [0, 1] {
            let side = &self.sides[place];
            let mut calls = side.application.calls.iter();
            if calls.any(|call| call.stale().is_some()) && Rc::strong_count(side) == 1 {
                let side = Rc::make_mut(&mut self.sides[place]);
                if !side.refuses_stale_descriptions() {
                    self.fail("a stale description is taken");
                }
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
            (&side.application, &side.wire, side.given_up).hash(&mut hasher);
            let deadline = side.endpoint.next_tick();
            digest
                .number(if deadline.is_some() { behind } else { 0 })
                .number(side.endpoint.digest(&place_of))
                .number(side.calls.digest(&side.endpoint, &place_of))
                .number(hasher.finish());
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
        let budgets = [
            self.cuts,
            self.late,
            self.renegotiations,
            self.updates,
            self.refusals,
            self.rings,
            self.gives_up,
            self.early,
        ];
        digest.bytes(&budgets).finish()
    }

    fn fault(&self) -> Option<String> {
        self.fault.clone()
    }

    fn fault_at_the_end(&self) -> Option<String> {
        let cut = self.cuts < self.rules.cuts;
        let mut sides = self.sides.iter().enumerate();
        sides.find_map(|(place, side)| {
            let why = side.fault_at_the_end(cut)?;
            Some(format!("end {place}: {why}"))
        })
    }

    fn show(&self) -> String {
        let mut text = format!("{:?}", self.now);
        for side in &self.sides {
            let calls = side.application.calls.iter();
            let states: Vec<_> = calls.map(|call| side.state(call.id)).collect();
            text.push_str(&format!(" {}", states.join("+")));
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
            text.push_str(&format!(" | {}", fault));
        }
        text
    }
}

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

use sip_parse::{StatusCode, UriBuf};

use super::application::Application;
use super::wire::{Packet, Wire};
use crate::action::Action;
use crate::config::Support;
use crate::connection::{ConnectionInfo, Transport};
use crate::endpoint::{Endpoint, EndpointSettings, Flow};
use crate::error::CommandError;
use crate::event::Event;
use crate::exploration::{self, Digest, constant};
use crate::ids::ConnectionId;
use crate::session::{
    DescriptionFailed, FailureStatus, Input, InviteOptions, MessageOptions, ModifyOptions, Phase,
    ProvisionalOptions, SessionLayer, TransferOptions,
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
    /// Whether it breaks only when the call is up at both ends.
    pub(super) cuts_when_up: bool,
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
    /// How often a refresh of the session or its end may be due. Unless it is 0, both ends have session timers.
    pub(super) refreshes: u8,
    /// How often an application sends a REFER within the call.
    pub(super) transfers: u8,
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
    /// A REFER to another URI.
    Refer,
    AcceptRefer,
    RejectRefer,
    /// The final report of an accepted REFER.
    FinishRefer,
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
    pub(super) endpoint: Endpoint,
    pub(super) calls: SessionLayer,
    pub(super) application: Application,
    pub(super) wire: Wire,
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
    pub(super) rules: Rc<Rules>,
    now: Timestamp,
    pub(super) sides: [Rc<Side>; 2],
    links: Vec<Link>,
    pub(super) cuts: u8,
    late: u8,
    renegotiations: u8,
    updates: u8,
    refusals: u8,
    rings: u8,
    gives_up: u8,
    early: u8,
    refreshes: u8,
    transfers: u8,
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
            if rules.refreshes > 0 {
                settings.identity.supported.push("timer".into());
                settings.behaviour.session_expires = Some(Duration::from_secs(90));
            }
            settings.behaviour.takes_refer = true;
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
            refreshes: rules.refreshes,
            transfers: rules.transfers,
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
        if let Command::Refer | Command::AcceptRefer | Command::RejectRefer | Command::FinishRefer =
            command
        {
            return self.command_transfer(place, call, command);
        }
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
            Command::Refer | Command::AcceptRefer | Command::RejectRefer | Command::FinishRefer => {
                unreachable!("no input")
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

    /// A command about a REFER.
    fn command_transfer(&mut self, place: usize, call: usize, command: Command) {
        let side = Rc::make_mut(&mut self.sides[place]);
        side.endpoint.advance(self.now);
        let Side {
            endpoint,
            calls,
            application,
            ..
        } = side;
        let id = application.calls[call].id;
        let refer = application
            .refers
            .iter()
            .position(|refer| refer.session == id);
        let taken = match command {
            Command::Refer => {
                self.transfers -= 1;
                let to = UriBuf::parse(b"sip:9@192.0.2.9").expect("a URI");
                let sent = calls.refer(endpoint, id, &to, &TransferOptions::new());
                sent.map(|transfer| application.transfers.push((transfer, false)))
            }
            Command::AcceptRefer => {
                let refer = &mut application.refers[refer.expect("a REFER")];
                refer.accepted = true;
                calls.accept_refer(endpoint, refer.id, &MessageOptions::new())
            }
            Command::RejectRefer => {
                let refer = application.refers.remove(refer.expect("a REFER"));
                calls.reject_refer(endpoint, refer.id, &FailureStatus::DECLINE.into())
            }
            _ => {
                let refer = application.refers.remove(refer.expect("a REFER"));
                calls.refer_progress(endpoint, refer.id, StatusCode::OK)
            }
        };
        // The core answers a REFER itself after 10 s, and ends a subscription; a REFER does not wait for a connection.
        if let Err(error) = taken
            && !matches!(error, CommandError::Stale | CommandError::NotConnected)
        {
            self.fail(format!("end {place}: {command:?} is refused: {error}"));
        }
        self.pump(place);
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

    pub(super) fn under_way(&self) -> bool {
        let mut links = self.links.iter();
        links.any(|link| link.sent.iter().any(|sent| !sent.is_empty()))
    }

    /// Whether an application is asked for a description.
    fn asks(&self) -> bool {
        let mut calls = self.sides.iter().flat_map(|side| &side.application.calls);
        calls.any(|call| call.open.as_ref().is_some_and(|open| open.asked))
    }

    /// Whether the refresh of a session or its end is due then.
    fn is_about_the_session(&self, next: Timestamp) -> bool {
        let mut sides = self.sides.iter();
        self.rules.refreshes > 0 && sides.any(|side| side.endpoint.refresh_is_due(next))
    }

    /// Whether the clock may jump to the next timer.
    fn may_tick(&self) -> bool {
        let Some(next) = self.next_tick() else {
            return false;
        };
        if self.is_about_the_session(next) && (self.refreshes == 0 || self.under_way()) {
            return false;
        }
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
            let mut refers = side.application.refers.iter();
            match refers.find(|refer| refer.session == call.id) {
                Some(refer) if refer.accepted => {
                    moves.push(Move::Command(place, number, Command::FinishRefer))
                }
                Some(_) => {
                    moves.push(Move::Command(place, number, Command::AcceptRefer));
                    moves.push(Move::Command(place, number, Command::RejectRefer));
                }
                None => {}
            }
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
            let is_up = side.calls.phase(call.id) == Some(Phase::Established);
            if call.established && !call.hung_up && is_up && self.transfers > 0 {
                add(Command::Refer);
            }
            if !call.hung_up && side.calls.phase(call.id) != Some(Phase::Ending) {
                add(Command::HangUp);
            }
        }
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
        let up = |side: &Rc<Side>| side.application.calls.iter().any(|call| call.established);
        let may_cut = !self.rules.cuts_when_up || self.sides.iter().all(up);
        if self.cuts > 0 && self.is_open() && lives && may_cut {
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
                let next = self.next_tick().expect("a timer");
                self.refreshes -= u8::from(self.is_about_the_session(next));
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
            self.refreshes,
            self.transfers,
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

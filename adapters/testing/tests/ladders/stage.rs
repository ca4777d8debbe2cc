//! The stage: user agents, proxies and scripted parties on a network that delivers each message after 10 ms, loses it or
//! holds it back as the flow says. The clock is virtual and nothing is drawn by chance.

use std::collections::BTreeMap;
use std::time::Duration;

use sip_core::config::{Config, ConfigBuilder, IpInContact, Support};
use sip_core::sdp::{self, Direction};
use sip_core::{
    Action, Body, ConnectionId, ConnectionInfo, DescriptionKind, Event, ExchangeId,
    ExchangeOutcome, ReferId, SessionId, Timestamp, TransferOutcome, Transport, UserAgent,
};
use sip_parse::{Bytes, Limits, Message, Request, Response, StatusCode};
use sip_testing::{OFFER, seeded};

use crate::drawing::{Arrow, Carried, Drawing, Entry, draw};
use crate::proxy::{Proxy, branch};

/// The time of a message on each leg.
const LEG: Duration = Duration::from_millis(10);

/// A run with more steps than this is a loop.
const MOST_STEPS: u64 = 100_000;

/// A member of the stage.
pub(crate) type Party = usize;

/// A user agent and its application, which gives a description as soon as the agent asks for it.
pub(crate) struct Phone {
    pub(crate) agent: UserAgent,
    pub(crate) connection: Option<ConnectionId>,
    pub(crate) calls: Vec<SessionId>,
    /// The call that commands are about; the last one without it.
    pub(crate) focus: Option<usize>,
    /// REFERs of peers that wait for an answer.
    pub(crate) refers: Vec<ReferId>,
    /// The last own description of each call.
    described: BTreeMap<SessionId, Vec<u8>>,
    /// The last offer of the peer of each call.
    offered: BTreeMap<SessionId, Vec<u8>>,
}

pub(crate) enum Role {
    Phone(Box<Phone>),
    Proxy(Box<Proxy>),
    /// A party whose messages the flow sends one by one.
    Scripted(Box<Script>),
    /// A party that is switched off.
    Dead,
}

/// The last messages of a scripted party.
#[derive(Default)]
pub(crate) struct Script {
    /// The last request that it received.
    pub(crate) request: Option<Request>,
    /// The last response that it received.
    pub(crate) response: Option<Response>,
    /// The INVITE that it sent.
    pub(crate) invite: Option<Request>,
}

pub(crate) struct Member {
    pub(crate) name: &'static str,
    pub(crate) host: &'static str,
    /// Where requests outside a dialog go first.
    outbound: Option<Party>,
    pub(crate) role: Role,
}

/// What the network does with the next message that fits.
struct Rule {
    from: Party,
    kind: &'static str,
    fate: Fate,
}

#[derive(Clone, Copy)]
enum Fate {
    Lost,
    Late(Duration),
}

struct Flight {
    arrival: Timestamp,
    number: usize,
    to: Party,
    message: Message,
}

pub(crate) struct Stage {
    pub(crate) now: Timestamp,
    transport: Transport,
    pub(crate) members: Vec<Member>,
    /// Names that mean a member beside its own host.
    domains: BTreeMap<&'static str, Party>,
    flights: Vec<Flight>,
    rules: Vec<Rule>,
    pub(crate) log: Vec<Entry>,
    pub(crate) happened: u64,
    /// Where each request went, because ACK and CANCEL follow their INVITE.
    hops: BTreeMap<Vec<u8>, Party>,
    carried: Vec<(Party, Bytes)>,
}

/// A user agent of the figures.
pub(crate) fn phone(name: &str, domain: &str) -> ConfigBuilder {
    let mut config = Config::builder();
    config
        .uri(format!("sip:{name}@{domain}"))
        .server("ws://example.com")
        .contact_name(name)
        .password("secret")
        .replaces(Support::Supported)
        .register(false);
    config
}

impl Stage {
    pub(crate) fn new(transport: Transport) -> Self {
        Self {
            now: Timestamp::from_millis(1_000),
            transport,
            members: Vec::new(),
            domains: BTreeMap::new(),
            flights: Vec::new(),
            rules: Vec::new(),
            log: Vec::new(),
            happened: 0,
            hops: BTreeMap::new(),
            carried: Vec::new(),
        }
    }

    /// What a scripted party knows.
    pub(crate) fn script(&mut self, party: Party) -> &mut Script {
        match &mut self.members[party].role {
            Role::Scripted(script) => script,
            _ => panic!("party {party} is not scripted"),
        }
    }

    fn member(&mut self, name: &'static str, host: &'static str, role: Role) -> Party {
        self.members.push(Member {
            name,
            host,
            outbound: None,
            role,
        });
        self.members.len() - 1
    }

    /// Adds a user agent at a host, and opens its connection.
    pub(crate) fn agent(
        &mut self,
        name: &'static str,
        host: &'static str,
        config: &mut ConfigBuilder,
    ) -> Party {
        config.hack_ip_in_contact(IpInContact::Host(host.to_owned()));
        let config = config.build().expect("a configuration");
        let seed = self.members.len() as u8;
        let agent = UserAgent::new(config, seeded(7, seed), self.now).expect("an agent");
        let phone = Phone {
            agent,
            connection: None,
            calls: Vec::new(),
            focus: None,
            refers: Vec::new(),
            described: BTreeMap::new(),
            offered: BTreeMap::new(),
        };
        let party = self.member(name, host, Role::Phone(Box::new(phone)));
        self.pump(party);
        party
    }

    /// Adds a proxy.
    pub(crate) fn proxy(&mut self, name: &'static str, proxy: Proxy) -> Party {
        self.member(name, proxy.host, Role::Proxy(Box::new(proxy)))
    }

    /// Adds a party whose messages the flow sends one by one.
    pub(crate) fn scripted(&mut self, name: &'static str, host: &'static str) -> Party {
        self.member(name, host, Role::Scripted(Box::default()))
    }

    /// Adds a party that receives and answers nothing.
    pub(crate) fn dead(&mut self, name: &'static str, host: &'static str) -> Party {
        self.member(name, host, Role::Dead)
    }

    /// Requests outside a dialog from one party go to another one first.
    pub(crate) fn outbound(&mut self, from: Party, to: Party) {
        self.members[from].outbound = Some(to);
    }

    /// A domain means a member.
    pub(crate) fn domain(&mut self, name: &'static str, party: Party) {
        self.domains.insert(name, party);
    }

    /// The Contact of a user agent as a URI.
    pub(crate) fn contact(&mut self, party: Party) -> String {
        let contact = self.phone(party).agent.contact().to_owned();
        contact.trim_matches(['<', '>']).to_owned()
    }

    pub(crate) fn phone(&mut self, party: Party) -> &mut Phone {
        match &mut self.members[party].role {
            Role::Phone(phone) => phone,
            _ => panic!("party {party} is no user agent"),
        }
    }

    // ---- what the network does

    /// The network loses the next message of this kind (method, or status) from a party.
    pub(crate) fn lose(&mut self, from: Party, kind: &'static str) {
        self.rules.push(Rule {
            from,
            kind,
            fate: Fate::Lost,
        });
    }

    /// The network takes longer for the next message of this kind from a party.
    pub(crate) fn delay(&mut self, from: Party, kind: &'static str, time: Duration) {
        self.rules.push(Rule {
            from,
            kind,
            fate: Fate::Late(time),
        });
    }

    pub(crate) fn count(&mut self) -> u64 {
        self.happened += 1;
        assert!(self.happened < MOST_STEPS, "an endless flow");
        self.happened
    }

    fn named(&self, host: &[u8]) -> Option<Party> {
        let host = sip_parse::text(host).to_string();
        let member = self.members.iter().position(|member| member.host == host);
        member.or_else(|| self.domains.get(host.as_str()).copied())
    }

    /// Who receives a message: by Via, by the branch of its INVITE, by Route, by the outbound proxy, by the Request-URI.
    fn next_hop(&self, from: Party, message: &Message) -> Party {
        let by_host = |host: &[u8]| {
            let host_text = sip_parse::text(host).to_string();
            self.named(host)
                .unwrap_or_else(|| panic!("nothing is at {host_text}"))
        };
        let Some(request) = message.as_request() else {
            return by_host(message.top_via().expect("a Via").host_bytes());
        };
        if let Some(hop) = self.hops.get(&branch(message)) {
            return *hop;
        }
        if let Some(route) = message.routes().next() {
            return by_host(route.expect("a Route").uri().host_bytes());
        }
        let outside = request.to().is_ok_and(|to| to.tag().is_none());
        match self.members[from].outbound.filter(|_| outside) {
            Some(outbound) => outbound,
            None => by_host(request.uri().expect("a URI").host_bytes()),
        }
    }

    pub(crate) fn send(&mut self, from: Party, bytes: Bytes) {
        let Ok(message) = Message::parse(bytes.clone(), &Limits::default()) else {
            return; // A keep-alive.
        };
        let to = self.next_hop(from, &message);
        if message.is_request() {
            self.hops.insert(branch(&message), to);
        }
        let again = self.carried.contains(&(from, bytes.clone()));
        self.carried.push((from, bytes));
        let sent = self.count();
        let names = [self.members[from].name, self.members[to].name];
        let carried = Carried::new(names[0], names[1], &message, again, sent);
        let fits = |rule: &Rule| (rule.from, rule.kind) == (from, carried.kind.as_str());
        let rule = self
            .rules
            .iter()
            .position(fits)
            .map(|place| self.rules.remove(place));
        let delay = match rule.map(|rule| rule.fate) {
            Some(Fate::Lost) => None,
            Some(Fate::Late(time)) => Some(time),
            None => Some(LEG),
        };
        let number = self.log.len();
        self.log.push(Entry::Carried(carried));
        if let Some(delay) = delay {
            let arrival = self.now + delay;
            self.flights.push(Flight {
                arrival,
                number,
                to,
                message,
            });
            self.flights
                .sort_by_key(|flight| (flight.arrival, flight.number));
        }
    }

    pub(crate) fn note(&mut self, party: Party, text: impl Into<String>) {
        let (at, party, text) = (self.count(), self.members[party].name, text.into());
        self.log.push(Entry::Note { at, party, text });
    }

    // ---- time

    /// Goes on until nothing is on its way. Timers that are not due do not matter.
    pub(crate) fn run(&mut self) {
        while let Some(first) = self.flights.first() {
            self.pass_until(first.arrival);
        }
    }

    /// Goes on by the time of one leg.
    pub(crate) fn step(&mut self) {
        self.pass_until(self.now + LEG);
    }

    /// Lets time pass, with a line in the ladder.
    pub(crate) fn wait(&mut self, time: Duration) {
        let at = self.count();
        let text = match time.as_millis() {
            millis if millis % 1_000 == 0 => format!("... {} s ...", millis / 1_000),
            millis => format!("... {millis} ms ..."),
        };
        self.log.push(Entry::Note {
            at,
            party: "",
            text,
        });
        self.pass_until(self.now + time);
        self.run();
    }

    fn pass_until(&mut self, end: Timestamp) {
        loop {
            let flight = self.flights.first().map(|flight| flight.arrival);
            let ticks = self.members.iter().filter_map(|member| match &member.role {
                Role::Phone(phone) => phone.agent.next_tick(),
                _ => None,
            });
            let next = ticks.chain(flight).min().filter(|&next| next <= end);
            let Some(next) = next else {
                self.now = end.max(self.now);
                return;
            };
            self.now = self.now.max(next);
            self.count();
            if flight.is_some_and(|arrival| arrival <= self.now) {
                let flight = self.flights.remove(0);
                self.arrive(flight);
            } else {
                self.tick();
            }
        }
    }

    fn tick(&mut self) {
        for party in 0..self.members.len() {
            let now = self.now;
            if let Role::Phone(phone) = &mut self.members[party].role {
                phone.agent.tick(now).expect("no jump");
                self.pump(party);
            }
        }
    }

    fn arrive(&mut self, flight: Flight) {
        let arrived = self.count();
        if let Entry::Carried(carried) = &mut self.log[flight.number] {
            carried.arrived = Some(arrived);
        }
        let (now, to) = (self.now, flight.to);
        match &mut self.members[to].role {
            Role::Phone(phone) => {
                let connection = phone.connection.expect("a connection");
                let bytes = flight.message.bytes().clone();
                phone.agent.receive(connection, bytes, now).expect("room");
                self.pump(to);
            }
            Role::Proxy(proxy) => {
                for message in proxy.receive(flight.message) {
                    self.send(to, message.bytes().clone());
                }
            }
            Role::Scripted(script) => match flight.message.into_request() {
                Ok(request) => script.request = Some(request),
                Err(message) => script.response = message.into_response().ok(),
            },
            Role::Dead => {}
        }
    }

    // ---- what a user agent does

    pub(crate) fn pump(&mut self, party: Party) {
        loop {
            let Some(action) = self.phone(party).agent.poll_action() else {
                return;
            };
            let (now, info) = (
                self.now,
                ConnectionInfo {
                    transport: self.transport,
                    remote: None,
                },
            );
            match action {
                Action::Transmit { bytes, .. } => self.send(party, bytes),
                Action::Connect { connection, .. } => {
                    let phone = self.phone(party);
                    phone.connection = Some(connection);
                    phone.agent.connection_opened(connection, info, now);
                }
                Action::Ping { connection } => self.phone(party).agent.pong(connection, now),
                Action::Event(event) => self.on_event(party, &event),
                _ => {}
            }
        }
    }

    fn on_event(&mut self, party: Party, event: &Event) {
        match event {
            Event::IncomingCall { session, .. } => self.phone(party).calls.push(*session),
            Event::IncomingRefer { refer, .. } => self.phone(party).refers.push(*refer),
            Event::IncomingRequest { incoming, .. } => {
                let now = self.now;
                let answered = self
                    .phone(party)
                    .agent
                    .respond(*incoming, StatusCode::OK, now);
                answered.expect("it waits for an answer");
            }
            Event::DescriptionNeeded {
                session,
                exchange,
                kind,
                hold,
                ..
            } => self.describe(party, *session, *exchange, *kind, *hold),
            Event::RemoteDescription {
                session,
                kind: DescriptionKind::Offer,
                body,
                ..
            } => {
                let offered = &mut self.phone(party).offered;
                offered.insert(*session, body.bytes.to_vec());
            }
            _ => {}
        }
        if let Some(text) = words(event) {
            let session = event.session();
            let calls = &self.phone(party).calls;
            let place = calls.iter().position(|call| Some(*call) == session);
            let several = place.filter(|_| calls.len() > 1);
            let which = several.map(|place| format!("call {}: ", place + 1));
            self.note(party, format!("[{}{text}]", which.unwrap_or_default()));
        }
    }

    fn describe(
        &mut self,
        party: Party,
        session: SessionId,
        exchange: ExchangeId,
        kind: DescriptionKind,
        hold: bool,
    ) {
        let now = self.now;
        let phone = self.phone(party);
        let wanted = if hold {
            Direction::SendOnly
        } else {
            Direction::SendRecv
        };
        let direction = match (kind, phone.offered.get(&session)) {
            (DescriptionKind::Answer, Some(offer)) => sdp::answer_direction(offer, wanted)
                .expect("a description")
                .unwrap_or(wanted),
            _ => wanted,
        };
        let described = phone.described.entry(session);
        let description = described.or_insert_with(|| OFFER.into());
        *description = sdp::with_direction(description, direction).expect("a description");
        let body = Body::sdp(description.clone());
        let described = phone.agent.describe(session, exchange, Ok(body), now);
        described.expect("the agent asked for it");
    }

    // ---- the end

    /// Draws the ladder. Then every call that is left ends, and nothing stays in the tables of the agents.
    pub(crate) fn finish(mut self, figure: Vec<Arrow>) -> Drawing {
        let drawing = draw(&self.log, figure);
        for party in 0..self.members.len() {
            let now = self.now;
            if let Role::Phone(phone) = &mut self.members[party].role {
                for call in phone.calls.clone() {
                    let _ = phone.agent.hang_up(call, now);
                }
                self.pump(party);
            }
        }
        self.pass_until(self.now + Duration::from_secs(120));
        for member in &self.members {
            if let Role::Phone(phone) = &member.role {
                let sizes = phone.agent.table_sizes();
                let left = (
                    sizes.sessions,
                    sizes.dialogs,
                    sizes.client_transactions,
                    sizes.server_transactions,
                );
                assert_eq!(left, (0, 0, 0, 0), "{} keeps something", member.name);
            }
        }
        drawing
    }
}

/// What a ladder says of an event; `None` for those that only repeat a message.
fn words(event: &Event) -> Option<String> {
    Some(match event {
        Event::IncomingCall { .. } => "a call arrives".into(),
        Event::Established { .. } => "the call is up".into(),
        Event::ExchangeEnded { outcome, .. } => match outcome {
            ExchangeOutcome::Complete => "offer and answer are complete".into(),
            ExchangeOutcome::Refused(reason) => format!("the offer is refused: {reason}"),
            ExchangeOutcome::RolledBack(reason) => format!("the offer is rolled back: {reason}"),
            ExchangeOutcome::Aborted(reason) => format!("the exchange is aborted: {reason}"),
            _ => return None,
        },
        Event::Ended { reason, .. } => format!("the call is over: {reason}"),
        Event::ModificationEnded { outcome, .. } => match outcome {
            Ok(()) => "the session is refreshed".into(),
            Err(reason) => format!("the change failed: {reason}"),
        },
        Event::IncomingRefer { referral, .. } => {
            let target = referral.target.to_string();
            format!(
                "a REFER arrives: {}",
                target.split(['?', ';']).next().unwrap_or_default()
            )
        }
        Event::TransferProgress { status, .. } => format!("the transfer: {}", status.as_u16()),
        Event::TransferEnded { outcome, .. } => match outcome {
            TransferOutcome::Succeeded(status) => {
                format!("the transfer succeeded: {}", status.as_u16())
            }
            TransferOutcome::Failed(status) => format!("the transfer failed: {}", status.as_u16()),
            TransferOutcome::Refused(reason) => format!("the REFER is refused: {reason}"),
            TransferOutcome::CallEnded => "the transfer is over, because its call is".into(),
            other => format!("the transfer is over: {other:?}"),
        },
        Event::Replaced { .. } => "the call is replaced".into(),
        Event::Redirected { .. } => "the call is redirected".into(),
        Event::RepairFailed { reason, .. } => format!("the repair failed: {reason}"),
        Event::Registered(registration) => match registration.refreshed {
            false => "registered".into(),
            true => "registered again".into(),
        },
        Event::Bindings { bindings } => format!("{} bindings", bindings.len()),
        Event::RegistrationFailed { reason, .. } => format!("the registration failed: {reason}"),
        Event::Unregistered { reason } => format!("unregistered: {reason}"),
        _ => return None,
    })
}

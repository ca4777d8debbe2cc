//! The stage: user agents, proxies and scripted parties on a network that delivers each message after 10 ms, loses it or
//! holds it back as the flow says. The clock is virtual and nothing is drawn by chance.

use std::collections::BTreeMap;
use std::time::Duration;

use sip_core::config::{Config, ConfigBuilder, IpInContact};
use sip_core::connection::DisconnectReason;
use sip_core::{
    Action, Body, ConnectionId, ConnectionInfo, DescriptionKind, Event, ExchangeId,
    ExchangeOutcome, Refusal, Session, SessionId, Timestamp, Transport, UserAgent,
};
use sip_parse::{
    Builder, Bytes, HeaderName, Limits, Message, Method, Request, Response, StatusCode, Value,
};
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
struct Phone {
    agent: UserAgent,
    connection: Option<ConnectionId>,
    calls: Vec<SessionId>,
    /// The call that commands are about; the last one without it.
    focus: Option<usize>,
    /// The direction of the next offers.
    direction: &'static str,
    /// The direction of the last offer of the peer.
    offered: &'static str,
}

enum Role {
    Phone(Box<Phone>),
    Proxy(Box<Proxy>),
    /// A party whose messages the flow sends one by one.
    Scripted {
        request: Option<Request>,
        response: Option<Response>,
        invite: Option<Request>,
    },
    /// A party that is switched off.
    Dead,
}

struct Member {
    name: &'static str,
    host: &'static str,
    /// Where requests outside a dialog go first.
    outbound: Option<Party>,
    role: Role,
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
    now: Timestamp,
    transport: Transport,
    members: Vec<Member>,
    /// Names that mean a member beside its own host.
    domains: BTreeMap<&'static str, Party>,
    flights: Vec<Flight>,
    rules: Vec<Rule>,
    log: Vec<Entry>,
    happened: u64,
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
            direction: "",
            offered: "",
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
        let (request, response, invite) = (None, None, None);
        self.member(
            name,
            host,
            Role::Scripted {
                request,
                response,
                invite,
            },
        )
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

    fn phone(&mut self, party: Party) -> &mut Phone {
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

    fn count(&mut self) -> u64 {
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

    fn send(&mut self, from: Party, bytes: Bytes) {
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

    fn note(&mut self, party: Party, text: impl Into<String>) {
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
            Role::Scripted {
                request, response, ..
            } => match flight.message.into_request() {
                Ok(received) => *request = Some(received),
                Err(message) => *response = message.into_response().ok(),
            },
            Role::Dead => {}
        }
    }

    // ---- what a user agent does

    fn pump(&mut self, party: Party) {
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
                ..
            } => self.describe(party, *session, *exchange, *kind),
            Event::RemoteDescription {
                kind: DescriptionKind::Offer,
                body,
                ..
            } => {
                let text = sip_parse::text(&body.bytes).to_string();
                let held = ["a=sendonly", "a=inactive"]
                    .iter()
                    .any(|line| text.contains(line));
                self.phone(party).offered = if held { "a=recvonly\r\n" } else { "" };
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
    ) {
        let now = self.now;
        let phone = self.phone(party);
        let direction = match kind {
            DescriptionKind::Offer => phone.direction,
            DescriptionKind::Answer => phone.offered,
        };
        let body = Body::sdp(format!("{OFFER}{direction}"));
        let described = phone.agent.describe(session, exchange, Ok(body), now);
        described.expect("the agent asked for it");
    }

    /// The call that commands are about.
    pub(crate) fn focus(&mut self, party: Party, call: usize) {
        self.phone(party).focus = Some(call);
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
    pub(crate) fn call_with(
        &mut self,
        party: Party,
        target: &str,
        options: sip_core::InviteOptions,
    ) {
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

    /// Changes the session by a re-INVITE.
    pub(crate) fn reinvite(&mut self, party: Party) {
        let call = self.current(party);
        let done = self.command(party, "changes the session", |agent, now| {
            match agent.session(call) {
                Ok(Session::Established(call)) => call.reinvite(now),
                other => panic!("{other:?}"),
            }
        });
        done.expect("re-INVITE");
    }

    /// Puts the peer on hold (RFC 3264 section 8.4), or resumes.
    pub(crate) fn hold(&mut self, party: Party, on: bool) {
        let (text, direction) = match on {
            true => ("puts the call on hold", "a=sendonly\r\n"),
            false => ("resumes the call", ""),
        };
        self.phone(party).direction = direction;
        let call = self.current(party);
        let done = self.command(party, text, |agent, now| match agent.session(call) {
            Ok(Session::Established(call)) => call.reinvite(now),
            other => panic!("{other:?}"),
        });
        done.expect("re-INVITE");
        self.run();
        self.phone(party).direction = "";
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

    // ---- what a scripted party does

    /// Answers the last request that a scripted party received.
    pub(crate) fn reply(&mut self, party: Party, status: u16, headers: &[(&str, &str)]) {
        self.reply_with(party, status, headers, None);
    }

    /// The same with a session description.
    pub(crate) fn reply_with(
        &mut self,
        party: Party,
        status: u16,
        headers: &[(&str, &str)],
        sdp: Option<&str>,
    ) {
        let Role::Scripted { request, .. } = &self.members[party].role else {
            panic!("not a scripted party");
        };
        let request = request.as_ref().expect("a request");
        let bytes = sip_testing::response(
            request,
            status,
            &self.members[party].name.replace(' ', "-"),
            headers,
            sdp,
        );
        self.send(party, bytes);
        self.run();
    }

    /// A registrar grants the binding of the REGISTER that it received, and lists more bindings.
    pub(crate) fn grant(&mut self, party: Party, more: &[&str]) {
        let Role::Scripted {
            request: Some(request),
            ..
        } = &self.members[party].role
        else {
            panic!("no REGISTER");
        };
        let contact = request
            .header(HeaderName::Contact)
            .expect("a Contact")
            .value;
        let contact = format!("{};expires=3600", sip_parse::text(contact));
        let own = [("Contact", contact.as_str())];
        let contacts: Vec<_> = own
            .into_iter()
            .chain(more.iter().map(|contact| ("Contact", *contact)))
            .collect();
        self.reply(party, 200, &contacts);
    }

    /// A proxy gets no response to its INVITE: it sends the INVITE again after each interval of timer A (RFC 3261 section
    /// 17.1.1.2) and then answers by itself.
    pub(crate) fn give_up(&mut self, party: Party, status: u16) {
        let Role::Proxy(proxy) = &self.members[party].role else {
            panic!("no proxy");
        };
        let invite = proxy.unanswered().expect("an INVITE");
        for doublings in 0..6 {
            self.wait(Duration::from_millis(500 << doublings));
            self.send(party, invite.bytes().clone());
            self.run();
        }
        let Role::Proxy(proxy) = &mut self.members[party].role else {
            panic!("no proxy");
        };
        let refusal = proxy.give_up(status);
        self.send(party, refusal.bytes().clone());
        self.run();
    }

    /// A proxy cancels the INVITE that has no final response, because it has waited long enough.
    pub(crate) fn proxy_cancels(&mut self, party: Party) {
        let Role::Proxy(proxy) = &self.members[party].role else {
            panic!("no proxy");
        };
        let cancel = proxy.cancel();
        self.send(party, cancel.bytes().clone());
        self.run();
    }

    /// Sends a text outside any call (RFC 3428).
    pub(crate) fn message(&mut self, party: Party, target: &str, text: &'static str) {
        let body = Body::new("text/plain", text);
        let sent = self.command(party, "sends a text", |agent, now| {
            agent.message(target, body, now)
        });
        sent.expect("a request");
    }

    /// A scripted party sends an INVITE outside a dialog.
    pub(crate) fn send_invite(&mut self, party: Party, target: &str, sdp: Option<&str>) {
        let (name, host) = (self.members[party].name, self.members[party].host);
        let mut invite = Builder::request(Method::Invite, target.as_bytes());
        invite
            .append(
                HeaderName::Via,
                format!("SIP/2.0/UDP {host};branch=z9hG4bK{name}1"),
            )
            .append(HeaderName::MaxForwards, 70)
            .append(HeaderName::From, format!("<sip:{name}@{host}>;tag={name}"))
            .append(HeaderName::To, format!("<{target}>"))
            .append(HeaderName::CallId, "flow")
            .append(HeaderName::CSeq, Value::CSeq(1, Method::Invite))
            .append(HeaderName::Contact, format!("<sip:{name}@{host}>"));
        if let Some(sdp) = sdp {
            invite.body(b"application/sdp", sdp.as_bytes());
        }
        let built = invite.build().expect("an INVITE");
        if let Role::Scripted { invite, .. } = &mut self.members[party].role {
            *invite = built.as_request();
        }
        self.send(party, built.bytes().clone());
    }

    /// A scripted party sends a request in the dialog of the last response that it received.
    pub(crate) fn send_in_dialog(&mut self, party: Party, method: Method<'static>, cseq: u32) {
        let host = self.members[party].host;
        let Role::Scripted {
            response: Some(response),
            invite: Some(invite),
            ..
        } = &self.members[party].role
        else {
            panic!("no dialog");
        };
        let text = |message: &Message, name| {
            let value = message.header(name).expect("a header field").value;
            String::from_utf8(value.to_vec()).expect("text")
        };
        let contact = text(response, HeaderName::Contact);
        let target = contact
            .trim_start_matches('<')
            .split('>')
            .next()
            .unwrap_or_default();
        let number = self.happened;
        let mut request = Builder::request(method, target.as_bytes());
        request
            .append(
                HeaderName::Via,
                format!("SIP/2.0/UDP {host};branch=z9hG4bK{number}"),
            )
            .append(HeaderName::MaxForwards, 70)
            .append(HeaderName::From, text(invite, HeaderName::From))
            .append(HeaderName::To, text(response, HeaderName::To))
            .append(HeaderName::CallId, "flow")
            .append(HeaderName::CSeq, Value::CSeq(cseq, method));
        let bytes = request.build().expect("a request").bytes().clone();
        self.send(party, bytes);
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

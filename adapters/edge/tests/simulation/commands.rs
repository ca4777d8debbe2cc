//! Calls with random commands on both sides, in any weather and with random configurations: one outcome for each call, transfer
//! and request at each end, offers and answers alternate, CSeq grows, nothing is left.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_core::Rng;
use sip_core::config::{ConfigBuilder, DtmfType, SessionRefresher, Support};
use sip_core::{
    Body, CommandError, DescriptionFailed, DescriptionKind, Event, ExchangeId, FailureStatus,
    Forks, InviteOptions, MessageOptions, ModifyOptions, ProvisionalOptions, ProvisionalStatus,
    Reason, ReferId, Reliability, RequestId, Session, SessionId, Timestamp, Tones, TransferId,
    TransferOptions,
};
use sip_parse::{Bytes, Limits, Message, Method, StatusCode};
use sip_testing::{DescriptionRequest, Script, Weather, description_needed, seeded};

use super::events::{Events, PACKAGE};
use super::{ALICE, BOB, NAMES, World, number, seeds, storm_of, world_of};

/// The commands end here, the calls a little later.
const LAST_COMMAND: Duration = Duration::from_secs(90);
const HANG_UP_ALL: Duration = Duration::from_secs(150);
const STOP_ALL: Duration = Duration::from_secs(260);
const END: Timestamp = Timestamp::from_millis(900_000);

const COMMAND: u32 = 1;
const HANG_UP: u32 = 2;
const STOP: u32 = 3;
const EVENT: u32 = 4;
/// Wishes from here on describe an exchange: the place in the list of requests.
const DESCRIBE: u32 = 1_000;
/// Wishes from here on answer a REFER: the place in the list of REFERs.
const ANSWER_REFER: u32 = 1_000_000;
/// Wishes from here on report a final status for an accepted REFER.
const FINAL_PROGRESS: u32 = 2_000_000;
/// Wishes from here on answer a SUBSCRIBE: the place in the list of those.
const ANSWER_SUBSCRIPTION: u32 = 3_000_000;

/// What one application knows of one call.
#[derive(Debug, Default)]
struct Known {
    ended: bool,
    established: bool,
    /// The exchange that is open, and the offer of this side in it.
    open: Option<(ExchangeId, Option<String>)>,
    /// The exchanges that are over.
    over: BTreeSet<u32>,
}

/// The applications of both sides.
struct Commands {
    chance: ChaCha20Rng,
    calls: BTreeMap<(usize, SessionId), Known>,
    asked: Vec<(usize, DescriptionRequest)>,
    /// The offer that each side has to answer.
    offers: BTreeMap<(usize, SessionId), String>,
    descriptions: u32,
    /// The REFERs of each side, and whether they have ended.
    transfers: BTreeMap<(usize, TransferId), bool>,
    /// The REFERs that each side has to answer.
    refers: Vec<(usize, ReferId)>,
    /// The requests within calls of each side, and whether they are complete.
    requests: BTreeMap<(usize, RequestId), bool>,
    /// The subscriptions and publications.
    events: Events,
    stopped: [bool; 2],
    faults: Vec<String>,
    tried: BTreeMap<&'static str, u64>,
    outcomes: BTreeMap<String, u64>,
}

impl Commands {
    fn new(seed: u64) -> Self {
        Self {
            chance: *seeded(seed, 150),
            calls: BTreeMap::new(),
            asked: Vec::new(),
            offers: BTreeMap::new(),
            descriptions: 0,
            transfers: BTreeMap::new(),
            refers: Vec::new(),
            requests: BTreeMap::new(),
            events: Events::new(seed),
            stopped: [false; 2],
            faults: Vec::new(),
            tried: BTreeMap::new(),
            outcomes: BTreeMap::new(),
        }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.chance.next_u64() % bound
    }

    fn fault(&mut self, agent: usize, session: SessionId, what: &str) {
        self.faults
            .push(format!("{} {session:?}: {what}", ["alice", "bob"][agent]));
    }

    /// The calls of an agent that have not ended.
    fn alive(&self, agent: usize) -> Vec<SessionId> {
        let calls = self.calls.iter();
        let alive = calls.filter(|((whose, _), known)| *whose == agent && !known.ended);
        alive.map(|((_, session), _)| *session).collect()
    }

    fn count(&mut self, what: &'static str) {
        *self.tried.entry(what).or_insert(0) += 1;
    }

    /// The name of one of the users.
    fn anybody(&mut self) -> &'static str {
        NAMES[self.below(2) as usize]
    }

    /// How a new call is made.
    fn options(&mut self) -> InviteOptions {
        let mut options = InviteOptions::new();
        if self.below(3) == 0 {
            options = options.late_offer();
        }
        match self.below(12) {
            0 => options.expires(5),
            1 => options.forks(Forks::Claim),
            _ => options,
        }
    }

    fn invites(&mut self, world: &mut World, agent: usize, target: &str, options: InviteOptions) {
        let now = world.now;
        if let Ok(session) = world.agents[agent].invite(target, options, now) {
            self.calls.insert((agent, session), Known::default());
        }
    }

    /// A provisional response of any kind.
    fn provisional(&mut self) -> ProvisionalOptions {
        let options = match self.below(4) {
            0 => ProvisionalOptions::ringing(),
            1 => ProvisionalOptions::new(ProvisionalStatus::new(182).expect("a 1xx")),
            _ => ProvisionalOptions::early_media(),
        };
        options.reliability(match self.below(4) {
            0 => Reliability::Reliable,
            1 => Reliability::Unreliable,
            _ => Reliability::Automatic,
        })
    }

    fn parting() -> MessageOptions {
        let reason = Reason::new("Q.850").expect("a token");
        MessageOptions::new().reason(reason)
    }

    fn transfer(&mut self, agent: usize, transfer: Result<TransferId, CommandError>) {
        if let Ok(transfer) = transfer {
            self.transfers.insert((agent, transfer), false);
        }
    }

    fn request(&mut self, agent: usize, request: Result<RequestId, CommandError>) {
        if let Ok(request) = request {
            self.requests.insert((agent, request), false);
        }
    }

    /// A command that may fit the phase of a call, or come too late.
    fn command(&mut self, world: &mut World, agent: usize) {
        let now = world.now;
        let alive = self.alive(agent);
        let die = self.below(100);
        if alive.is_empty() || (alive.len() < 3 && die < 15) {
            let target = NAMES[1 - agent];
            if die.is_multiple_of(16) {
                let refer_to = self.anybody();
                let refer = TransferOptions::new();
                let sent = world.agents[agent].refer(target, refer_to, &refer, now);
                self.transfer(agent, sent);
                return self.count("REFER without call");
            }
            let options = self.options();
            self.invites(world, agent, target, options);
            return self.count("invite");
        }
        let session = alive[self.below(alive.len() as u64) as usize];
        let agent_of = &mut world.agents[agent];
        let phase = agent_of.session(session);
        let what = match phase {
            Ok(Session::Incoming(call)) => match die {
                0..12 => {
                    call.ring(now);
                    "ring"
                }
                12..35 => {
                    let options = self.provisional();
                    drop(call.progress(options, now));
                    "progress"
                }
                35..42 => {
                    drop(call.update(ModifyOptions::new(), now));
                    "early UPDATE"
                }
                42..82 => {
                    call.answer(now);
                    "answer"
                }
                82..90 => {
                    call.reject(FailureStatus::BUSY_HERE, now);
                    "reject"
                }
                90..95 => {
                    let parting = Self::parting();
                    let _ = agent_of.hang_up_with(session, parting, now);
                    "hang up with a reason"
                }
                _ => {
                    let _ = agent_of.hang_up(session, now);
                    "hang up"
                }
            },
            Ok(Session::Outgoing(call)) => match die {
                0..12 => {
                    call.cancel(now);
                    "cancel"
                }
                12..16 => {
                    let parting = Self::parting();
                    let _ = agent_of.hang_up_with(session, parting, now);
                    "hang up with a reason"
                }
                _ => "wait",
            },
            Ok(Session::Established(call)) => match die {
                0..14 => {
                    drop(call.reinvite(ModifyOptions::new(), now));
                    "re-INVITE"
                }
                14..20 => {
                    drop(call.reinvite(ModifyOptions::new().without_offer(), now));
                    "re-INVITE without offer"
                }
                20..30 => {
                    drop(call.update(ModifyOptions::new(), now));
                    "UPDATE"
                }
                30..34 => {
                    drop(call.update(ModifyOptions::new().without_offer(), now));
                    "UPDATE without offer"
                }
                34..40 => {
                    drop(call.hold(now));
                    "hold"
                }
                40..45 => {
                    drop(call.resume(now));
                    "resume"
                }
                45..49 => {
                    let target = self.anybody();
                    let mut options = TransferOptions::new();
                    options.without_subscription = self.below(5) == 0;
                    let sent = call.refer(target, &options, now);
                    self.transfer(agent, sent);
                    "blind transfer"
                }
                49..57 => {
                    let other = alive[self.below(alive.len() as u64) as usize];
                    let sent = call.refer(other, &TransferOptions::new(), now);
                    self.transfer(agent, sent);
                    "attended transfer"
                }
                57..62 => {
                    let sent = call.info(&Body::new("text/plain", "hello"), now);
                    self.request(agent, sent);
                    "INFO"
                }
                62..67 => {
                    let sent = call.send_tones(Tones::new("1#").expect("tones"), now);
                    self.request(agent, sent);
                    "tones"
                }
                67..72 => {
                    let target = self.anybody();
                    let options = self.options().replaces(session);
                    self.invites(world, agent, target, options);
                    "replace"
                }
                72..76 => {
                    let parting = Self::parting();
                    let _ = agent_of.hang_up_with(session, parting, now);
                    "hang up with a reason"
                }
                76..80 => {
                    let _ = agent_of.hang_up(session, now);
                    "hang up"
                }
                80..83 => {
                    drop(call.reject(FailureStatus::BUSY_HERE, now));
                    "reject a change"
                }
                _ => "wait",
            },
            Ok(Session::Ending) | Err(_) => "late",
        };
        self.count(what);
    }

    /// Answers a REFER, or is too late.
    fn answer_refer(&mut self, world: &mut World, place: usize) {
        let (agent, refer) = self.refers[place];
        let now = world.now;
        let agent_of = &mut world.agents[agent];
        match self.below(8) {
            0 => {
                drop(agent_of.reject_refer(refer, FailureStatus::DECLINE, now));
                self.count("reject a REFER");
            }
            1 => {
                drop(agent_of.accept_refer(refer, &MessageOptions::new(), now));
                let wait = Duration::from_millis(self.below(20_000));
                world.later(wait, agent, FINAL_PROGRESS + place as u32);
                self.count("accept a REFER");
            }
            _ => {
                let options = self.options();
                if let Ok(session) = world.agents[agent].follow_refer(refer, options, now) {
                    self.calls.insert((agent, session), Known::default());
                    self.count("follow a REFER");
                }
            }
        }
    }

    /// Gives a description, or fails to; the command may come too late.
    fn describe(&mut self, world: &mut World, place: usize) {
        let (agent, request) = self.asked[place];
        self.descriptions += 1;
        let number = self.descriptions;
        let key = (agent, request.session);
        let text = match request.kind {
            DescriptionKind::Offer => format!("offer {number} of {agent}"),
            DescriptionKind::Answer => match self.offers.get(&key) {
                Some(offer) => format!("answer to {offer}"),
                None => return self.fault(agent, request.session, "an answer without an offer"),
            },
        };
        let sdp = format!("v=0\r\no=- 1 {number} IN IP4 192.0.2.1\r\ns={text}\r\nt=0 0\r\n");
        let description = match self.below(20) {
            0 => Err(DescriptionFailed),
            _ => Ok(Body::sdp(sdp)),
        };
        let failed = description.is_err();
        let now = world.now;
        if request
            .describe(&mut world.agents[agent], description, now)
            .is_ok()
            && !failed
        {
            let known = self.calls.entry(key).or_default();
            if request.kind == DescriptionKind::Offer && known.open.is_some() {
                known.open = Some((request.exchange, Some(text)));
            }
        }
    }

    fn asked(&mut self, world: &mut World, agent: usize, request: DescriptionRequest) {
        let key = (agent, request.session);
        let known = self.calls.entry(key).or_default();
        let fits = match (&known.open, request.kind) {
            (None, DescriptionKind::Offer) => !known.over.contains(&request.exchange.number()),
            (Some((open, None)), DescriptionKind::Answer) => *open == request.exchange,
            _ => false,
        };
        known.open = Some((request.exchange, None));
        if !fits {
            self.fault(
                agent,
                request.session,
                "a description is needed out of order",
            );
        }
        self.asked.push((agent, request));
        let place = self.asked.len() - 1;
        if self.below(3) > 0 {
            return self.describe(world, place);
        }
        let wait = Duration::from_millis(self.below(8_000));
        world.later(wait, agent, DESCRIBE + place as u32);
    }

    fn received(
        &mut self,
        agent: usize,
        session: SessionId,
        exchange: ExchangeId,
        kind: DescriptionKind,
        body: &Body,
    ) {
        let text = String::from_utf8_lossy(&body.bytes).into_owned();
        let name = text.lines().find_map(|line| line.strip_prefix("s="));
        let name = name.unwrap_or_default().to_owned();
        let known = self.calls.entry((agent, session)).or_default();
        match (kind, known.open.clone()) {
            (DescriptionKind::Offer, None) if name.starts_with("offer ") => {
                known.open = Some((exchange, None));
                self.offers.insert((agent, session), name);
            }
            (DescriptionKind::Answer, Some((open, Some(offer))))
                if open == exchange && name == format!("answer to {offer}") => {}
            (_, open) => {
                let what = format!("{kind:?} {name:?} of exchange {exchange:?} while {open:?}");
                self.fault(agent, session, &what);
            }
        }
    }
}

impl Script<super::Registrar> for Commands {
    fn event(&mut self, world: &mut World, agent: usize, event: Event) {
        if let Some(request) = description_needed(&event) {
            return self.asked(world, agent, request);
        }
        // The subscription of a REFER may outlive its call.
        let is_of_transfer = matches!(
            event,
            Event::TransferEnded { .. } | Event::TransferProgress { .. }
        );
        if let Some(session) = event.session()
            && !is_of_transfer
            && self
                .calls
                .get(&(agent, session))
                .is_some_and(|known| known.ended)
        {
            self.fault(agent, session, "an event after the end");
        }
        if let Some(place) = self.events.event(agent, &event) {
            // The core refuses a SUBSCRIBE that waits for more than 10 s.
            let wait = match self.events.below(2) {
                0 => 0,
                _ => self.events.below(11_000),
            };
            let wish = ANSWER_SUBSCRIPTION + place as u32;
            return world.later(Duration::from_millis(wait), agent, wish);
        }
        match event {
            Event::IncomingCall { session, .. } => {
                self.calls.insert((agent, session), Known::default());
            }
            Event::RemoteDescription {
                session,
                exchange,
                kind,
                body,
                ..
            } => {
                self.received(agent, session, exchange, kind, &body);
            }
            Event::ExchangeEnded {
                session, exchange, ..
            } => {
                let known = self.calls.entry((agent, session)).or_default();
                let open = known.open.take();
                let again = !known.over.insert(exchange.number());
                if again || open.is_none_or(|(open, _)| open != exchange) {
                    self.fault(agent, session, "an exchange that is not open ends");
                }
            }
            Event::Established { session } => {
                let known = self.calls.entry((agent, session)).or_default();
                if std::mem::replace(&mut known.established, true) {
                    self.fault(agent, session, "established twice");
                }
            }
            Event::Ended { session, reason } => {
                let known = self.calls.entry((agent, session)).or_default();
                let again = std::mem::replace(&mut known.ended, true);
                let open = known.open.is_some();
                *self
                    .outcomes
                    .entry(format!("{:?}", reason.cause))
                    .or_insert(0) += 1;
                if again {
                    self.fault(agent, session, "ended twice");
                }
                if open {
                    self.fault(agent, session, "ended with an open exchange");
                }
            }
            Event::IncomingRequest { incoming, .. } => {
                let now = world.now;
                drop(world.agents[agent].respond(incoming, StatusCode::OK, now));
            }
            Event::CallBranched { session, .. } => {
                self.calls.insert((agent, session), Known::default());
            }
            Event::IncomingRefer { refer, .. } => {
                self.refers.push((agent, refer));
                let place = self.refers.len() - 1;
                // The core refuses a REFER that waits for more than 10 s.
                let wait = Duration::from_millis(self.below(11_000));
                world.later(wait, agent, ANSWER_REFER + place as u32);
            }
            Event::TransferProgress { transfer, .. }
                if self.transfers.get(&(agent, transfer)) != Some(&false) =>
            {
                self.faults
                    .push(format!("progress of {transfer:?}, which is over"));
            }
            Event::TransferEnded {
                transfer, outcome, ..
            } => {
                if self.transfers.insert((agent, transfer), true) != Some(false) {
                    self.faults
                        .push(format!("{transfer:?} ended twice: {outcome:?}"));
                }
                let outcome = format!("{outcome:?}");
                let name = outcome.split('(').next().unwrap_or_default();
                *self.outcomes.entry(format!("transfer {name}")).or_insert(0) += 1;
            }
            Event::TonesOffered { request, .. } => {
                let taken = self.below(2) == 0;
                let now = world.now;
                let decided = world.agents[agent].tones_taken(request, taken, now);
                if taken && decided.is_ok() {
                    self.requests.insert((agent, request), true);
                }
            }
            Event::RequestCompleted { request, .. }
                if self.requests.insert((agent, request), true) != Some(false) =>
            {
                self.faults.push(format!("{request:?} completed twice"));
            }
            Event::Stopped { .. } => self.stopped[agent] = true,
            _ => {}
        }
    }

    fn wish(&mut self, world: &mut World, agent: usize, wish: u32) {
        let now = world.now;
        match wish {
            COMMAND => {
                self.command(world, agent);
                let again = Duration::from_millis(self.below(6_000));
                if now + again < Timestamp::ZERO + LAST_COMMAND {
                    world.later(again, agent, COMMAND);
                }
            }
            EVENT => {
                self.events.command(world, agent);
                let again = Duration::from_millis(self.events.below(20_000));
                if now + again < Timestamp::ZERO + LAST_COMMAND {
                    world.later(again, agent, EVENT);
                }
            }
            HANG_UP => {
                for session in self.alive(agent) {
                    let _ = world.agents[agent].hang_up(session, now);
                }
                self.events.end_all(world, agent);
            }
            STOP => world.agents[agent].stop(Some(Duration::from_secs(35)), now),
            place @ ANSWER_SUBSCRIPTION.. => {
                self.events
                    .answer(world, (place - ANSWER_SUBSCRIPTION) as usize);
            }
            place @ FINAL_PROGRESS.. => {
                let (_, refer) = self.refers[(place - FINAL_PROGRESS) as usize];
                drop(world.agents[agent].refer_progress(refer, StatusCode::OK, now));
            }
            place @ ANSWER_REFER.. => self.answer_refer(world, (place - ANSWER_REFER) as usize),
            place => self.describe(world, (place - DESCRIBE) as usize),
        }
    }
}

/// RFC 3261 section 12.2.1.1: within a dialog the CSeq of each new request of one side is higher than that before.
fn check_cseq(sent: &[(usize, Bytes)]) -> Result<(), String> {
    let mut last: BTreeMap<(usize, Vec<u8>, Vec<u8>), u32> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for (agent, bytes) in sent {
        let Ok(message) = Message::parse(bytes.clone(), &Limits::default()) else {
            continue;
        };
        let Some(request) = message.as_request() else {
            continue;
        };
        let in_dialog = request.to().is_ok_and(|to| to.tag().is_some());
        let own = matches!(request.method(), Method::Ack | Method::Cancel);
        if !in_dialog || own || !seen.insert(bytes.clone()) {
            continue;
        }
        let (Ok(call_id), Ok(from), Ok(cseq)) = (request.call_id(), request.from(), request.cseq())
        else {
            return Err("a request that cannot be read".into());
        };
        let tag = from.tag().unwrap_or_default().to_vec();
        let before = last.insert((*agent, call_id.to_vec(), tag), cseq.number);
        if before.is_some_and(|before| before >= cseq.number) {
            return Err(format!("CSeq {} after {before:?}", cseq.number));
        }
    }
    Ok(())
}

fn check(world: &World, commands: &Commands) -> Result<(), String> {
    if let Some(fault) = commands.faults.first() {
        return Err(fault.clone());
    }
    for ((agent, session), known) in &commands.calls {
        if !known.ended {
            return Err(format!("{agent} {session:?} never ended"));
        }
    }
    if let Some((open, _)) = commands.transfers.iter().find(|(_, ended)| !**ended) {
        return Err(format!("{open:?} never ended"));
    }
    if let Some((open, _)) = commands.requests.iter().find(|(_, ended)| !**ended) {
        return Err(format!("{open:?} never completed"));
    }
    commands.events.check()?;
    for agent in [ALICE, BOB] {
        if !commands.stopped[agent] {
            return Err(format!("{agent} never stopped"));
        }
        let left = world.agents[agent].table_sizes();
        if left != Default::default() {
            return Err(format!("{agent} still holds {left:?}"));
        }
    }
    check_cseq(world.sent.as_deref().unwrap_or_default())
}

/// The extensions of both sides, by the seed; half of the sides have the default.
fn extend(seed: u64) -> impl FnMut(usize, &mut ConfigBuilder) {
    let mut chance = *seeded(seed, 151);
    let mut below = move |bound: u64| chance.next_u64() % bound;
    move |_, config| {
        config.event_packages([PACKAGE]);
        if below(2) == 0 {
            return;
        }
        let mut support = || match below(10) {
            0 => Support::None,
            1 => Support::Required,
            _ => Support::Supported,
        };
        config.rel100(support()).replaces(support());
        let least = if below(6) == 0 { 100 } else { 90 };
        config.min_se(Duration::from_secs(least));
        if below(2) == 0 {
            config.session_expires(Duration::from_secs(least + below(30)));
            config.session_refresher(match below(3) {
                0 => SessionRefresher::Uac,
                1 => SessionRefresher::Uas,
                _ => SessionRefresher::Auto,
            });
        }
        if below(4) == 0 {
            config.dtmf_type(DtmfType::Rtp);
        }
        config.allow_out_of_dialog_refers(below(2) == 0);
    }
}

fn run(seed: u64, weather: Weather) -> (World, Commands) {
    let mut world = world_of(seed, weather, extend(seed));
    world.sent = Some(Vec::new());
    let mut commands = Commands::new(seed);
    for agent in [ALICE, BOB] {
        world.later(Duration::from_secs(4 + agent as u64), agent, COMMAND);
        world.later(Duration::from_secs(5 + agent as u64), agent, EVENT);
        world.later(HANG_UP_ALL, agent, HANG_UP);
        world.later(STOP_ALL, agent, STOP);
    }
    world.run(END, &mut commands);
    (world, commands)
}

/// Each of these must have happened in a sweep of some size, or it proves nothing.
const MET: [&str; 25] = [
    "subscribe",
    "refresh",
    "unsubscribe",
    "notify",
    "terminate",
    "publish",
    "modify",
    "unpublish",
    "invite",
    "ring",
    "answer",
    "reject",
    "cancel",
    "hang up",
    "re-INVITE",
    "late",
    "progress",
    "early UPDATE",
    "UPDATE",
    "blind transfer",
    "attended transfer",
    "follow a REFER",
    "reject a REFER",
    "replace",
    "tones",
];

/// RFC 3261, RFC 3264, RFC 6337: whatever both applications command, and whatever the network does, each call has one end at
/// each side, each exchange has one end, and every answer belongs to the offer that is open.
#[test]
fn random_commands_leave_nothing_open() {
    let one = number("SIM_SEED");
    let mut tried: BTreeMap<&str, u64> = BTreeMap::new();
    let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
    let mut faults = Vec::new();
    for seed in seeds() {
        let weather = storm_of(seed);
        let command = format!(
            "SIM_SEED={seed} cargo test -p sip-edge --test simulation random_commands -- --nocapture"
        );
        let finished = std::panic::catch_unwind(|| run(seed, weather));
        let (world, commands) =
            finished.unwrap_or_else(|_| panic!("seed {seed} panicked; repeat it: {command}"));
        if one.is_some() {
            println!("{weather:?}\n{}", world.ladder);
        }
        if let Err(fault) = check(&world, &commands) {
            faults.push(format!("seed {seed}: {fault}; repeat it: {command}"));
        }
        for (what, times) in commands.tried.into_iter().chain(commands.events.tried) {
            *tried.entry(what).or_insert(0) += times;
        }
        for (what, times) in commands.outcomes {
            *outcomes.entry(what).or_insert(0) += times;
        }
    }
    println!("{tried:#?}\n{outcomes:#?}");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    if one.is_none() && seeds().end >= super::A_FEW {
        for what in MET {
            assert!(tried.contains_key(what), "no seed tried {what}");
        }
    }
}

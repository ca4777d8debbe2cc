//! One state of everything: the transactions of each link, their users, and the network between.
//!
//! A link joins a client with a server. There is one link, or three: from the client to a relay that
//! forks, and from there to two servers. The relay is made of the same machines.

use core::time::Duration;

use smallvec::SmallVec;

use super::rules::{Rules, T2, TIMEOUT, UNIT};
use crate::transaction::invite_client::InviteClient;
use crate::transaction::invite_server::InviteServer;
use crate::transaction::machine::{ClientInput, ServerInput, Timer};
use crate::transaction::non_invite_client::NonInviteClient;
use crate::transaction::non_invite_server::NonInviteServer;

/// A timer that is not set.
pub(super) const NEVER: u8 = u8::MAX;

/// How long the caller waits for a final response before it cancels, in units: longer than timer B.
const CALLERS_PATIENCE: u8 = 9;

/// How long the callee thinks at most, in units.
const CALLEES_PATIENCE: u8 = 2;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Kind {
    Request,
    /// To a 300 to 699.
    Ack,
    AckSuccess,
    Cancel,
    Trying,
    Provisional,
    Success,
    Failure,
    /// The final response to a CANCEL.
    CancelAnswer,
}

/// A message under way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Message {
    pub(super) link: u8,
    pub(super) to_server: bool,
    /// Until it arrives, in units.
    pub(super) delay: u8,
    pub(super) kind: Kind,
    /// Which server it is of: its To tag.
    pub(super) tag: u8,
}

/// A transaction: its machine and its timers, in units from now.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Running<M> {
    pub(super) machine: M,
    pub(super) repeat: u8,
    pub(super) end: u8,
    /// How often it has sent by its timer in this state, and the units since it last did.
    pub(super) sent: u8,
    pub(super) since: u8,
    /// The last response of a server.
    pub(super) reply: Option<(Kind, u8)>,
}

impl<M> Running<M> {
    pub(super) fn new(machine: M) -> Self {
        Self {
            machine,
            repeat: NEVER,
            end: NEVER,
            sent: 0,
            since: 0,
            reply: None,
        }
    }

    pub(super) fn slot(&mut self, timer: Timer) -> &mut u8 {
        match timer {
            Timer::Repeat => &mut self.repeat,
            Timer::End => &mut self.end,
        }
    }
}

/// The wish to cancel, as the layer keeps it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Cancel {
    Unwanted,
    Wanted,
    Sent,
}

/// The outcomes that the user of a client transaction received.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Outcome {
    None,
    Success,
    Failure,
    Timeout,
    Lost,
}

/// The user of a client transaction.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Caller {
    pub(super) outcome: Outcome,
    pub(super) cancel: Cancel,
    pub(super) cancel_outcome: Outcome,
    pub(super) patience: u8,
}

/// The user of a server transaction.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Callee {
    pub(super) asked: bool,
    pub(super) again: bool,
    pub(super) rang: bool,
    /// What it answered: `Success` or `Failure`.
    pub(super) answer: Outcome,
    /// It answered while the client had time enough left for the answer to arrive.
    pub(super) prompt: bool,
    pub(super) acknowledged: bool,
    /// The server transaction, or the repetition of the 2xx, ended without ACK or with the connection.
    pub(super) failed: bool,
    pub(super) patience: u8,
    /// Of the 2xx that is repeated until the ACK comes (RFC 3261 section 13.3.1.4).
    pub(super) repeat: u8,
    pub(super) interval: u8,
    pub(super) end: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum AnyClient {
    Invite(InviteClient),
    NonInvite(NonInviteClient),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum AnyServer {
    Invite(InviteServer),
    NonInvite(NonInviteServer),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Link {
    pub(super) client: Option<Running<AnyClient>>,
    pub(super) server: Option<Running<AnyServer>>,
    /// Of the CANCEL.
    pub(super) cancel_client: Option<Running<AnyClient>>,
    pub(super) cancel_server: Option<Running<AnyServer>>,
    pub(super) caller: Caller,
    pub(super) callee: Callee,
    pub(super) cut: bool,
}

impl Link {
    const NEW: Self = Self {
        client: None,
        server: None,
        cancel_client: None,
        cancel_server: None,
        caller: Caller {
            outcome: Outcome::None,
            cancel: Cancel::Unwanted,
            cancel_outcome: Outcome::None,
            patience: NEVER,
        },
        callee: Callee {
            asked: false,
            again: false,
            rang: false,
            answer: Outcome::None,
            prompt: false,
            acknowledged: false,
            failed: false,
            patience: NEVER,
            repeat: NEVER,
            interval: 0,
            end: NEVER,
        },
        cut: false,
    };
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct World {
    pub(super) links: [Link; 3],
    /// In canonical order: by all fields on datagrams, as sent on each way of a stream.
    pub(super) network: SmallVec<[Message; 8]>,
    /// Sent, and not yet given to the network.
    pub(super) outbox: SmallVec<[Message; 4]>,
    pub(super) losses: u8,
    pub(super) duplicates: u8,
    pub(super) cuts: u8,
    pub(super) fault: Option<&'static str>,
}

/// Something that happens next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Move {
    Deliver(usize),
    /// A timer of the client, server, CANCEL client, CANCEL server of a link.
    Fire(usize, Which, Timer),
    Ring(usize),
    Answer(usize, Outcome),
    Cancel(usize),
    Repeat2xx(usize),
    GiveUp2xx(usize),
    Cut(usize),
    /// Time passes until the next deadline.
    Wait(u8),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Which {
    Client,
    Server,
    CancelClient,
    CancelServer,
}

impl World {
    /// The caller has just sent its request; it may still be lost.
    pub(super) fn start(rules: &Rules) -> Self {
        let mut world = Self {
            links: [Link::NEW; 3],
            network: SmallVec::new(),
            outbox: SmallVec::new(),
            losses: rules.bounds.losses,
            duplicates: rules.bounds.duplicates,
            cuts: rules.bounds.cuts,
            fault: None,
        };
        world.start_client(rules, 0);
        world
    }

    pub(super) fn fail(&mut self, fault: &'static str) {
        self.fault.get_or_insert(fault);
    }

    /// Whether the relay is the user of this link's server.
    pub(super) fn is_relayed(rules: &Rules, link: usize) -> bool {
        rules.links == 3 && link == 0
    }

    /// All that can happen next, and whether nothing need happen any more.
    pub(super) fn moves(&self, rules: &Rules) -> (SmallVec<[Move; 16]>, bool) {
        let mut moves = SmallVec::new();
        let mut next = NEVER;
        // What is due, in any order; what is not lets time pass.
        let mut due = |at: u8, what: Move, moves: &mut SmallVec<[Move; 16]>| match at {
            0 => moves.push(what),
            NEVER => {}
            at => next = next.min(at),
        };
        for (place, message) in self.network.iter().enumerate() {
            let same_as_before = self.network[..place].contains(message);
            let overtakes = rules.reliable
                && self.network[..place].iter().any(|earlier| {
                    (earlier.link, earlier.to_server) == (message.link, message.to_server)
                });
            if !same_as_before && !overtakes {
                due(message.delay, Move::Deliver(place), &mut moves);
            }
        }
        for (number, link) in self.links.iter().enumerate().take(rules.links) {
            for (which, timers) in [
                (Which::Client, link.client.map(|x| (x.repeat, x.end))),
                (Which::Server, link.server.map(|x| (x.repeat, x.end))),
                (
                    Which::CancelClient,
                    link.cancel_client.map(|x| (x.repeat, x.end)),
                ),
                (
                    Which::CancelServer,
                    link.cancel_server.map(|x| (x.repeat, x.end)),
                ),
            ] {
                if let Some((repeat, end)) = timers {
                    due(repeat, Move::Fire(number, which, Timer::Repeat), &mut moves);
                    due(end, Move::Fire(number, which, Timer::End), &mut moves);
                }
            }
            due(link.callee.repeat, Move::Repeat2xx(number), &mut moves);
            due(link.callee.end, Move::GiveUp2xx(number), &mut moves);
            due(link.caller.patience, Move::Cancel(number), &mut moves);
        }
        let timed = moves.len();
        let users_act = timed == 0 || rules.bounds.users_race;
        let mut must_answer = false;
        for (number, link) in self.links.iter().enumerate().take(rules.links) {
            let thinking = link.callee.asked
                && link.callee.answer == Outcome::None
                && !link.callee.failed
                && link.server.is_some();
            if thinking && !Self::is_relayed(rules, number) {
                must_answer |= link.callee.patience == 0;
                if link.callee.patience != NEVER && link.callee.patience > 0 {
                    next = next.min(link.callee.patience);
                }
                if !users_act {
                    continue;
                }
                if rules.invite && !link.callee.rang {
                    moves.push(Move::Ring(number));
                }
                moves.push(Move::Answer(number, Outcome::Success));
                moves.push(Move::Answer(number, Outcome::Failure));
            }
            let pending = link.client.is_some() && link.caller.outcome == Outcome::None;
            if rules.invite
                && users_act
                && number == 0
                && pending
                && link.caller.cancel == Cancel::Unwanted
                && link.caller.patience > 0
            {
                moves.push(Move::Cancel(number));
            }
            if self.cuts > 0 && !link.cut && (link.client.is_some() || link.server.is_some()) {
                moves.push(Move::Cut(number));
            }
        }
        if timed == 0 && !must_answer && next != NEVER {
            moves.push(Move::Wait(next));
        }
        (moves, timed == 0 && !must_answer && next == NEVER)
    }

    /// Carries out a move; what was sent waits in the outbox.
    pub(super) fn carry_out(&mut self, rules: &Rules, what: Move) {
        match what {
            Move::Deliver(place) => {
                let message = self.network.remove(place);
                self.receive(rules, message);
            }
            Move::Fire(link, which, timer) => match which {
                Which::Client | Which::CancelClient => {
                    self.clear_client_timer(link, which, timer);
                    self.drive_client(rules, link, which, ClientInput::Fired(timer), None);
                }
                Which::Server | Which::CancelServer => {
                    self.clear_server_timer(link, which, timer);
                    self.drive_server(rules, link, which, ServerInput::Fired(timer));
                }
            },
            Move::Ring(link) => {
                self.links[link].callee.rang = true;
                self.respond(rules, link, Kind::Provisional, link as u8);
            }
            Move::Answer(link, answer) => self.answer(rules, link, answer),
            Move::Cancel(link) => self.want_cancel(rules, link),
            Move::Repeat2xx(link) => {
                let callee = &mut self.links[link].callee;
                callee.interval = (callee.interval * 2).min(T2);
                callee.repeat = callee.interval;
                self.respond(rules, link, Kind::Success, link as u8);
            }
            Move::GiveUp2xx(link) => {
                let callee = &mut self.links[link].callee;
                (callee.repeat, callee.end, callee.failed) = (NEVER, NEVER, true);
                callee.interval = 0;
                if !self.was_given_up(rules, link) {
                    self.fail("a 2xx was not acknowledged although the caller was there");
                }
            }
            Move::Cut(link) => self.cut(rules, link),
            Move::Wait(time) => self.pass(time),
        }
    }

    /// Whether a client on the way from the caller to this link ended without a response.
    pub(super) fn was_given_up(&self, rules: &Rules, link: usize) -> bool {
        let gone = |link: usize| {
            let link = &self.links[link];
            link.cut || matches!(link.caller.outcome, Outcome::Timeout | Outcome::Lost)
        };
        gone(link) || (rules.links == 3 && gone(0))
    }

    pub(super) fn answer(&mut self, rules: &Rules, link: usize, answer: Outcome) {
        let left = self.links[link].client.map_or(0, |client| client.end);
        let callee = &mut self.links[link].callee;
        callee.patience = NEVER;
        callee.answer = answer;
        callee.prompt = left > T2;
        let success = answer == Outcome::Success;
        if success && rules.invite {
            let callee = &mut self.links[link].callee;
            (callee.interval, callee.repeat, callee.end) = (1, 1, TIMEOUT);
        }
        let kind = if success {
            Kind::Success
        } else {
            Kind::Failure
        };
        self.respond(rules, link, kind, link as u8);
    }

    fn pass(&mut self, time: u8) {
        let less = |timer: &mut u8| {
            if *timer != NEVER {
                *timer -= time;
            }
        };
        for message in &mut self.network {
            message.delay -= time.min(message.delay);
        }
        for link in &mut self.links {
            for client in [&mut link.client, &mut link.cancel_client]
                .into_iter()
                .flatten()
            {
                less(&mut client.repeat);
                less(&mut client.end);
                client.since = client.since.saturating_add(time);
            }
            for server in [&mut link.server, &mut link.cancel_server]
                .into_iter()
                .flatten()
            {
                less(&mut server.repeat);
                less(&mut server.end);
                server.since = server.since.saturating_add(time);
            }
            less(&mut link.callee.patience);
            less(&mut link.callee.repeat);
            less(&mut link.callee.end);
            less(&mut link.caller.patience);
        }
        self.settle();
    }

    /// Forgets what no longer matters, so that equal futures are equal states.
    pub(super) fn settle(&mut self) {
        for link in &mut self.links {
            for client in [&mut link.client, &mut link.cancel_client]
                .into_iter()
                .flatten()
            {
                if client.repeat == NEVER {
                    (client.sent, client.since) = (0, 0);
                }
            }
            for server in [&mut link.server, &mut link.cancel_server]
                .into_iter()
                .flatten()
            {
                if server.repeat == NEVER {
                    (server.sent, server.since) = (0, 0);
                }
            }
            if link.caller.outcome != Outcome::None {
                if link.caller.cancel == Cancel::Wanted {
                    link.caller.cancel = Cancel::Unwanted;
                }
                link.callee.prompt = false;
            }
        }
    }

    fn cut(&mut self, rules: &Rules, link: usize) {
        self.cuts -= 1;
        self.links[link].cut = true;
        self.network.retain(|message| message.link as usize != link);
        for which in [Which::Client, Which::CancelClient] {
            self.drive_client(rules, link, which, ClientInput::TransportError, None);
        }
        for which in [Which::Server, Which::CancelServer] {
            self.drive_server(rules, link, which, ServerInput::TransportError);
        }
    }

    pub(super) fn start_client(&mut self, rules: &Rules, link: usize) {
        self.begin_client(rules, link, Which::Client);
        if rules.invite {
            self.links[link].caller.patience = CALLERS_PATIENCE;
        }
    }

    pub(super) fn ask_callee(&mut self, rules: &Rules, link: usize) {
        let callee = &mut self.links[link].callee;
        if callee.asked {
            // Timer J may end while a last copy is under way. With 64 T1 it takes eleven losses to get
            // there, with 8 T1 and delays of T4 two.
            if rules.invite || callee.answer == Outcome::None || callee.again {
                return self.fail("a server's user got the same request twice");
            }
            callee.again = true;
            return self.answer(rules, link, Outcome::Failure);
        }
        callee.asked = true;
        if Self::is_relayed(rules, link) {
            for branch in [1, 2] {
                self.start_client(rules, branch);
            }
        } else if rules.invite {
            callee.patience = CALLEES_PATIENCE;
        }
    }

    /// What is wrong when nothing can happen any more.
    pub(super) fn fault_at_the_end(&self, rules: &Rules) -> Option<&'static str> {
        for (number, link) in self.links.iter().enumerate().take(rules.links) {
            if link.client.is_some()
                || link.server.is_some()
                || link.cancel_client.is_some()
                || link.cancel_server.is_some()
            {
                return Some("a transaction is left and nothing will end it");
            }
            let began = number == 0 || self.links[0].callee.asked;
            if began && link.caller.outcome == Outcome::None {
                return Some("a client's user was told nothing");
            }
            if link.caller.cancel == Cancel::Sent && link.caller.cancel_outcome == Outcome::None {
                return Some("the user of a CANCEL was told nothing");
            }
            let callee = &link.callee;
            if callee.answer != Outcome::None
                && rules.invite
                && !callee.acknowledged
                && !callee.failed
                && !Self::is_relayed(rules, number)
            {
                return Some("a callee had neither an ACK nor news of its absence");
            }
        }
        None
    }
}

/// A time of a machine, in units.
pub(super) fn units(time: Duration) -> u8 {
    let units = time.as_millis() / UNIT.as_millis();
    debug_assert_eq!(time.as_millis() % UNIT.as_millis(), 0);
    u8::try_from(units).unwrap_or(NEVER - 1)
}

//! What a run is made of, and the rows that a broken variant breaks.

extern crate std;

use core::time::Duration;
use std::cell::RefCell;
use std::collections::BTreeSet;

use crate::transaction::TimerSettings;
use crate::transaction::invite_client::InviteClient;
use crate::transaction::invite_server::InviteServer;
use crate::transaction::machine::{ClientInput, Context, Effect, ServerInput, Timer};
use crate::transaction::non_invite_client::NonInviteClient;
use crate::transaction::non_invite_server::NonInviteServer;

/// T1, the unit of time. The wait before a 100 (RFC 3261 section 17.2.1) is one unit too.
pub(super) const UNIT: Duration = Duration::from_millis(200);

/// B, F, H, J, L and M in units.
pub(super) const TIMEOUT: u8 = 8;

/// T2 in units.
pub(super) const T2: u8 = 2;

/// T4 in units: more than any message stays in the network.
const T4: u8 = 3;

/// What the network may do on one path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) losses: u8,
    pub(super) duplicates: u8,
    /// So many messages can be under way with a delay; one more arrives at once.
    pub(super) in_flight: usize,
    /// In units.
    pub(super) longest_delay: u8,
    /// Connections that break (reliable transports only).
    pub(super) cuts: u8,
    /// Whether users act in the very instant in which something else is due, in any order, or only
    /// between such instants.
    pub(super) users_race: bool,
}

/// A machine, the number of its state and of the input that it met there.
pub(super) type Row = (&'static str, u8, u8);

/// A family of runs.
pub(super) struct Rules {
    pub(super) invite: bool,
    pub(super) reliable: bool,
    /// One link, or a relay with one towards the client and two towards servers.
    pub(super) links: usize,
    pub(super) bounds: Bounds,
    pub(super) broken: Option<Broken>,
    pub(super) timers: TimerSettings,
    /// Each state and input that a machine has met.
    pub(super) rows: RefCell<BTreeSet<Row>>,
}

impl Rules {
    pub(super) fn new(invite: bool, reliable: bool, links: usize, bounds: Bounds) -> Self {
        let timers = TimerSettings::new(
            UNIT,
            UNIT * u32::from(T2),
            UNIT * u32::from(T4),
            UNIT * u32::from(TIMEOUT),
        );
        Self {
            invite,
            reliable,
            links,
            bounds,
            broken: None,
            timers: timers.expect("sound values"),
            rows: RefCell::default(),
        }
    }

    fn met(&self, row: Row) {
        self.rows.borrow_mut().insert(row);
    }
}

/// One row of one machine, broken on purpose.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Broken {
    /// Calling, 1xx: timer A runs on.
    InviteClientKeepsTimerA,
    /// Calling, timer B: nothing happens.
    InviteClientIgnoresTimerB,
    /// Completed, 300 to 699: no ACK again.
    InviteClientAcknowledgesOnce,
    /// Accepted, 2xx: not delivered.
    InviteClientSwallowsFurther2xx,
    /// Calling, timer A: not doubled.
    InviteClientDoesNotDouble,
    /// Trying, timer E: not set again.
    NonInviteClientRetransmitsOnce,
    /// Completed, final: delivered again.
    NonInviteClientDeliversTwice,
    /// Completed, ACK: ignored.
    InviteServerIgnoresAck,
    /// Proceeding, 2xx: timer L is not set.
    InviteServerWithoutTimerL,
    /// Accepted, INVITE again: answered.
    InviteServerAnswersWhenAccepted,
    /// Completed, timer G: not capped at T2.
    InviteServerDoesNotCapTimerG,
    /// Completed, request again: not answered.
    NonInviteServerAnswersOnce,
    /// Trying or Proceeding, 64 T1: stays.
    NonInviteServerWaitsForEver,
}

impl Broken {
    pub(super) const ALL: [Self; 13] = [
        Self::InviteClientKeepsTimerA,
        Self::InviteClientIgnoresTimerB,
        Self::InviteClientAcknowledgesOnce,
        Self::InviteClientSwallowsFurther2xx,
        Self::InviteClientDoesNotDouble,
        Self::NonInviteClientRetransmitsOnce,
        Self::NonInviteClientDeliversTwice,
        Self::InviteServerIgnoresAck,
        Self::InviteServerWithoutTimerL,
        Self::InviteServerAnswersWhenAccepted,
        Self::InviteServerDoesNotCapTimerG,
        Self::NonInviteServerAnswersOnce,
        Self::NonInviteServerWaitsForEver,
    ];

    /// Whether INVITE, or else a non-INVITE, shows it.
    pub(super) fn is_of_invite(self) -> bool {
        !matches!(
            self,
            Self::NonInviteClientRetransmitsOnce
                | Self::NonInviteClientDeliversTwice
                | Self::NonInviteServerAnswersOnce
                | Self::NonInviteServerWaitsForEver
        )
    }
}

/// A machine of a client, stepped as it is or with its broken row.
pub(super) trait ClientMachine: Copy {
    fn take(self, input: ClientInput, context: &mut Context<'_>, rules: &Rules) -> Option<Self>;
}

/// A machine of a server, likewise.
pub(super) trait ServerMachine: Copy {
    fn take(self, input: ServerInput, context: &mut Context<'_>, rules: &Rules) -> Option<Self>;
}

fn client_input(input: ClientInput) -> u8 {
    match input {
        ClientInput::Provisional => 0,
        ClientInput::Success => 1,
        ClientInput::Failure => 2,
        ClientInput::Cancelled => 3,
        ClientInput::Fired(Timer::Repeat) => 4,
        ClientInput::Fired(Timer::End) => 5,
        ClientInput::TransportError => 6,
    }
}

fn server_input(input: ServerInput) -> u8 {
    match input {
        ServerInput::Request => 0,
        ServerInput::Ack => 1,
        ServerInput::Provisional => 2,
        ServerInput::Success => 3,
        ServerInput::Failure => 4,
        ServerInput::Fired(Timer::Repeat) => 5,
        ServerInput::Fired(Timer::End) => 6,
        ServerInput::TransportError => 7,
    }
}

impl ClientMachine for InviteClient {
    fn take(self, input: ClientInput, context: &mut Context<'_>, rules: &Rules) -> Option<Self> {
        let state = match self {
            Self::Calling { .. } => 0,
            Self::Proceeding => 1,
            Self::Completed => 2,
            Self::Accepted => 3,
        };
        rules.met(("InviteClient", state, client_input(input)));
        let broken = rules.broken;
        match (self, input) {
            (Self::Calling { .. }, ClientInput::Fired(Timer::End))
                if broken == Some(Broken::InviteClientIgnoresTimerB) =>
            {
                return Some(self);
            }
            (Self::Calling { interval }, ClientInput::Fired(Timer::Repeat))
                if broken == Some(Broken::InviteClientDoesNotDouble) =>
            {
                context.push(Effect::Send).set_repeat(interval);
                return Some(self);
            }
            _ => {}
        }
        let next = self.step(input, context);
        match (self, input) {
            (Self::Calling { .. }, ClientInput::Provisional)
                if broken == Some(Broken::InviteClientKeepsTimerA) =>
            {
                context
                    .effects
                    .retain(|effect| *effect != Effect::Clear(Timer::Repeat));
            }
            (Self::Completed, ClientInput::Failure)
                if broken == Some(Broken::InviteClientAcknowledgesOnce) =>
            {
                context.effects.clear();
            }
            (Self::Accepted, ClientInput::Success)
                if broken == Some(Broken::InviteClientSwallowsFurther2xx) =>
            {
                context.effects.clear();
            }
            _ => {}
        }
        next
    }
}

impl ClientMachine for NonInviteClient {
    fn take(self, input: ClientInput, context: &mut Context<'_>, rules: &Rules) -> Option<Self> {
        let state = match self {
            Self::Trying { .. } => 0,
            Self::Proceeding => 1,
            Self::Completed => 2,
        };
        rules.met(("NonInviteClient", state, client_input(input)));
        let next = self.step(input, context);
        match (self, input) {
            (Self::Trying { .. }, ClientInput::Fired(Timer::Repeat))
                if rules.broken == Some(Broken::NonInviteClientRetransmitsOnce) =>
            {
                context
                    .effects
                    .retain(|effect| !matches!(effect, Effect::Set(..)));
            }
            (Self::Completed, ClientInput::Success | ClientInput::Failure)
                if rules.broken == Some(Broken::NonInviteClientDeliversTwice) =>
            {
                context.push(Effect::Deliver);
            }
            _ => {}
        }
        next
    }
}

impl ServerMachine for InviteServer {
    fn take(self, input: ServerInput, context: &mut Context<'_>, rules: &Rules) -> Option<Self> {
        let state = match self {
            Self::Proceeding => 0,
            Self::Completed { .. } => 1,
            Self::Confirmed => 2,
            Self::Accepted => 3,
        };
        rules.met(("InviteServer", state, server_input(input)));
        let broken = rules.broken;
        match (self, input) {
            (Self::Completed { .. }, ServerInput::Ack)
                if broken == Some(Broken::InviteServerIgnoresAck) =>
            {
                return Some(self);
            }
            (Self::Completed { interval }, ServerInput::Fired(Timer::Repeat))
                if broken == Some(Broken::InviteServerDoesNotCapTimerG) =>
            {
                let interval = interval * 2;
                context.push(Effect::Send).set_repeat(interval);
                return Some(Self::Completed { interval });
            }
            _ => {}
        }
        let next = self.step(input, context);
        match (self, input) {
            (Self::Proceeding, ServerInput::Success)
                if broken == Some(Broken::InviteServerWithoutTimerL) =>
            {
                context
                    .effects
                    .retain(|effect| !matches!(effect, Effect::Set(..)));
            }
            (Self::Accepted, ServerInput::Request)
                if broken == Some(Broken::InviteServerAnswersWhenAccepted) =>
            {
                context.push(Effect::Send);
            }
            _ => {}
        }
        next
    }
}

impl ServerMachine for NonInviteServer {
    fn take(self, input: ServerInput, context: &mut Context<'_>, rules: &Rules) -> Option<Self> {
        let state = match self {
            Self::Trying => 0,
            Self::Proceeding => 1,
            Self::Completed => 2,
        };
        rules.met(("NonInviteServer", state, server_input(input)));
        let next = self.step(input, context);
        match (self, input) {
            (Self::Completed, ServerInput::Request)
                if rules.broken == Some(Broken::NonInviteServerAnswersOnce) =>
            {
                context.effects.clear();
            }
            (Self::Trying | Self::Proceeding, ServerInput::Fired(Timer::End))
                if rules.broken == Some(Broken::NonInviteServerWaitsForEver) =>
            {
                // Its timer is set again and again.
                return Some(self);
            }
            _ => {}
        }
        next
    }
}

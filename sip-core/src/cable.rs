//! Two user agents in memory, for tests of applications.

use alloc::collections::VecDeque;
use core::time::Duration;

use bytes::Bytes;

use crate::action::Action;
use crate::connection::Transport;
use crate::event::Event;
use crate::ids::ConnectionId;
use crate::time::{Timestamp, earlier};
use crate::ua::UserAgent;

/// Two user agents that send to each other in memory, with a clock that jumps from deadline to deadline.
///
/// Nothing waits, and nothing is random but the generators of the agents: the same seeds and commands give the same events. What one
/// side sends, the other receives, so that neither should register. Logs and traces are dropped.
///
/// ```
/// use core::time::Duration;
/// use sip_core::{Body, Cable, Event, SeededRng, Side, Timestamp, UserAgent, config::Config};
/// # use sip_parse::StatusCode;
/// let agent = |name: &str, seed: u8| {
///     let config = Config::builder()
///         .uri(format!("sip:{name}@example.com"))
///         .server("ws://relay.invalid")
///         .register(false)
///         .build()?;
///     let random = Box::new(SeededRng::new([seed; 32]));
///     Ok::<_, Box<dyn std::error::Error>>(UserAgent::new(config, random, Timestamp::ZERO)?)
/// };
/// let mut cable = Cable::new(agent("alice", 1)?, agent("bob", 2)?);
/// let (alice, now) = cable.agent(Side::Left);
/// alice.message("bob", Body::new("text/plain", "Hello"), now)?;
/// while let Some((side, event)) = cable.next_event(Duration::from_secs(60)) {
///     let (agent, now) = cable.agent(side);
///     match event {
///         Event::IncomingRequest { incoming, .. } => agent.respond(incoming, StatusCode::OK, now)?,
///         Event::RequestCompleted { outcome, .. } => assert!(outcome?.status().is_success()),
///         _ => {}
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Cable {
    left: End,
    right: End,
    /// The bytes under way, and who receives them.
    under_way: VecDeque<(Side, Bytes)>,
    events: VecDeque<(Side, Event)>,
    now: Timestamp,
}

/// One of the two agents on a [`Cable`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Side {
    /// The first.
    Left,
    /// The second.
    Right,
}

impl Side {
    /// The other side.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }
}

#[derive(Debug)]
struct End {
    agent: UserAgent,
    line: Option<ConnectionId>,
}

impl Cable {
    /// Joins two agents that were made at [`Timestamp::ZERO`], and opens their connections.
    #[must_use]
    pub fn new(left: UserAgent, right: UserAgent) -> Self {
        let end = |agent| End { agent, line: None };
        let mut cable = Self {
            left: end(left),
            right: end(right),
            under_way: VecDeque::new(),
            events: VecDeque::new(),
            now: Timestamp::ZERO,
        };
        cable.carry_out();
        cable
    }

    /// The agent of one side and the time, for a command.
    pub fn agent(&mut self, side: Side) -> (&mut UserAgent, Timestamp) {
        let now = self.now;
        (&mut self.end(side).agent, now)
    }

    /// The time.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// The next event of either side. `None` if none comes within this time, which has passed on the clock then.
    pub fn next_event(&mut self, within: Duration) -> Option<(Side, Event)> {
        let latest = self.now + within;
        loop {
            self.carry_out();
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            if let Some((side, bytes)) = self.under_way.pop_front() {
                self.deliver(side, bytes);
                continue;
            }
            let next = earlier(self.left.agent.next_tick(), self.right.agent.next_tick());
            let is_in_time = next.is_some_and(|next| next <= latest);
            self.now = next.map_or(latest, |next| next.clamp(self.now, latest));
            // The clock of a test may jump by days.
            self.left.agent.resume(self.now);
            self.right.agent.resume(self.now);
            if !is_in_time {
                return None;
            }
        }
    }

    /// Carries out the actions of both sides.
    fn carry_out(&mut self) {
        let now = self.now;
        for side in [Side::Left, Side::Right] {
            while let Some(action) = self.end(side).agent.poll_action() {
                let end = self.end(side);
                match action {
                    Action::Connect { connection, .. } => {
                        end.line = Some(connection);
                        let line = Transport::Ws.into();
                        end.agent.connection_opened(connection, line, now);
                    }
                    Action::Transmit { bytes, .. } => {
                        self.under_way.push_back((side.other(), bytes));
                    }
                    Action::Ping { connection } => end.agent.pong(connection, now),
                    Action::Disconnect { .. } => end.line = None,
                    Action::Event(event) => self.events.push_back((side, event)),
                    Action::Log(_) | Action::Trace(_) => {}
                }
            }
        }
    }

    /// Delivers bytes to a side whose actions are carried out. Without a connection they are lost.
    fn deliver(&mut self, side: Side, bytes: Bytes) {
        let now = self.now;
        let end = self.end(side);
        if let Some(line) = end.line {
            let taken = end.agent.receive(line, bytes, now);
            debug_assert!(taken.is_ok(), "the queue of actions is empty");
        }
    }

    fn end(&mut self, side: Side) -> &mut End {
        match side {
            Side::Left => &mut self.left,
            Side::Right => &mut self.right,
        }
    }
}

//! What the agents do, apart from their adapter: it takes their events and returns commands.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use sip_core::config::{Config, LogLevel};
use sip_core::{Body, Event, InviteOptions, Limits, Session, SessionId, Timestamp, UserAgent};

use crate::edge::{self, Edge};
use crate::usage::Usage;
use crate::{Arguments, Failure};

/// How many agents open their connection at a time.
const REGISTRATIONS_AT_ONCE: u32 = 32;

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
                   m=audio 49170 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n";

/// A command to an agent.
pub(crate) type Command = Box<dyn FnOnce(&mut UserAgent, Timestamp) -> Option<SessionId> + Send>;

/// What the adapter does next.
pub(crate) enum Task {
    /// Start the agent of this number.
    Start(u32),
    /// Give a command to an agent. If it returns a call, report it to [`Load::called`].
    Command(u32, Command),
}

/// The figures.
pub(crate) struct Figures {
    /// The time of all registrations, and of all calls.
    pub(crate) registrations: Duration,
    pub(crate) calls: Duration,
    /// Set-up times in nanoseconds.
    pub(crate) setup: Histogram<u64>,
    /// What the processes of the agents and of the edge had used when the calls began, and when they had ended.
    pub(crate) agents: [Usage; 2],
    pub(crate) edge: [Usage; 2],
}

/// The agents' program: registrations, calls to warm up, then the calls that are measured.
pub(crate) struct Load {
    url: String,
    agents: u32,
    at_once: u32,
    warm_up: u32,
    calls: u32,
    edge_process: u32,
    begin: Instant,
    started: u32,
    registered: u32,
    /// Calls that were begun, and calls that are over.
    begun: u32,
    over: u32,
    /// When the calls in progress were begun.
    in_progress: HashMap<(u32, SessionId), Instant>,
    tasks: Vec<Task>,
    calls_began: Instant,
    figures: Figures,
}

impl Load {
    pub(crate) fn new(arguments: &Arguments, edge: &Edge) -> Self {
        let now = Instant::now();
        Self {
            url: edge.url.clone(),
            agents: arguments.agents,
            at_once: arguments.at_once,
            warm_up: arguments.warm_up,
            calls: arguments.calls,
            edge_process: edge.process(),
            begin: now,
            started: 0,
            registered: 0,
            begun: 0,
            over: 0,
            in_progress: HashMap::new(),
            tasks: Vec::new(),
            calls_began: now,
            figures: Figures {
                registrations: Duration::ZERO,
                calls: Duration::ZERO,
                // Up to a minute, three digits; the bounds are right, so this cannot fail.
                setup: Histogram::new_with_bounds(1, 60_000_000_000, 3)
                    .unwrap_or_else(|_| unreachable!("the bounds are right")),
                agents: [Usage::default(); 2],
                edge: [Usage::default(); 2],
            },
        }
    }

    /// How many agents there are.
    pub(crate) fn agents(&self) -> u32 {
        self.agents
    }

    pub(crate) fn config(&self, number: u32) -> Result<Config, Failure> {
        let (name, password) = edge::user(number);
        let config = Config::builder()
            .uri(format!("sip:{name}@{}", edge::REALM))
            .password(password)
            .server(&self.url)
            .log_level(LogLevel::Error)
            .build()?;
        Ok(config)
    }

    /// An agent keeps each transaction for 32 s (RFC 3261 section 17, RFC 6026), so thousands of calls need room.
    pub(crate) fn limits() -> Limits {
        let mut limits = Limits::default();
        limits.client_transactions = 1 << 20;
        limits.server_transactions = 1 << 20;
        limits.server_transaction_bytes = 1 << 30;
        limits.sessions = 1 << 16;
        limits.incoming_sessions = 1 << 16;
        limits
    }

    /// The first tasks.
    pub(crate) fn begin(&mut self) {
        self.begin = Instant::now();
        for _ in 0..REGISTRATIONS_AT_ONCE {
            self.start_next();
        }
    }

    fn start_next(&mut self) {
        if self.started < self.agents {
            self.tasks.push(Task::Start(self.started));
            self.started += 1;
        }
    }

    /// Takes the next task.
    pub(crate) fn task(&mut self) -> Option<Task> {
        self.tasks.pop()
    }

    fn command(
        &mut self,
        agent: u32,
        command: impl FnOnce(&mut UserAgent, Timestamp) -> Option<SessionId> + Send + 'static,
    ) {
        self.tasks.push(Task::Command(agent, Box::new(command)));
    }

    fn call_next(&mut self) {
        if self.begun == self.warm_up {
            self.calls_began = Instant::now();
            self.figures.agents[0] = Usage::of(std::process::id());
            self.figures.edge[0] = Usage::of(self.edge_process);
        }
        if self.begun == self.warm_up + self.calls {
            return;
        }
        let callers = (self.agents / 2).max(1);
        let caller = self.begun % callers;
        let callee = if self.agents == 1 {
            0
        } else {
            callers + caller
        };
        self.begun += 1;
        let (name, _) = edge::user(callee);
        let target = format!("sip:{name}@{}", edge::REALM);
        self.command(caller, move |agent, now| {
            agent.invite(&target, InviteOptions::default(), now).ok()
        });
    }

    /// The adapter has carried out the command that began a call, at `begun`.
    pub(crate) fn called(&mut self, agent: u32, session: SessionId, begun: Instant) {
        self.in_progress.insert((agent, session), begun);
    }

    /// The figures, if all calls are over.
    pub(crate) fn is_over(&self) -> bool {
        self.over == self.warm_up + self.calls
    }

    pub(crate) fn figures(self) -> Figures {
        self.figures
    }

    /// Takes an event of an agent.
    pub(crate) fn on_event(&mut self, agent: u32, event: Event) -> Result<(), Failure> {
        match event {
            Event::Registered(_) => {
                self.registered += 1;
                self.start_next();
                if self.registered == self.agents {
                    self.figures.registrations = self.begin.elapsed();
                    for _ in 0..self.at_once {
                        self.call_next();
                    }
                }
            }
            Event::DescriptionNeeded {
                session, exchange, ..
            } => self.command(agent, move |agent, now| {
                let body = Body::new("application/sdp", SDP);
                // An error means that the call has ended, which its event reports.
                let _ended = agent.describe(session, exchange, Ok(body), now);
                None
            }),
            Event::IncomingCall { session, .. } => self.command(agent, move |agent, now| {
                if let Ok(Session::Incoming(call)) = agent.session(session) {
                    call.ring(now);
                }
                if let Ok(Session::Incoming(call)) = agent.session(session) {
                    call.answer(now);
                }
                None
            }),
            Event::Established { session } => {
                if let Some(begun) = self.in_progress.get(&(agent, session)) {
                    let nanoseconds = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
                    if self.over >= self.warm_up {
                        self.figures.setup.saturating_record(nanoseconds);
                    }
                    self.command(agent, move |agent, now| {
                        // An error means that the call has ended, which its event reports.
                        let _ended = agent.hang_up(session, now);
                        None
                    });
                }
            }
            Event::Ended { session, reason } => {
                if reason.status.is_some_and(|status| !status.is_success()) {
                    return Err(format!("a call failed: {reason}").into());
                }
                if self.in_progress.remove(&(agent, session)).is_some() {
                    self.over += 1;
                    if self.is_over() {
                        self.figures.calls = self.calls_began.elapsed();
                        self.figures.agents[1] = Usage::of(std::process::id());
                        self.figures.edge[1] = Usage::of(self.edge_process);
                    }
                    self.call_next();
                }
            }
            Event::RegistrationFailed { reason, .. } => {
                return Err(format!("a registration failed: {reason}").into());
            }
            Event::ConnectFailed { error, .. } => {
                return Err(format!("an agent could not connect: {error}").into());
            }
            Event::Disconnected { reason, .. } => {
                return Err(format!("a connection was lost: {reason}").into());
            }
            _ => {}
        }
        Ok(())
    }
}

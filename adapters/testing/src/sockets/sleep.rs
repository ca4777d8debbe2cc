//! What both adapters do when the machine was suspended, or when its network changed. The test sets the adapter's clock forward; sockets
//! and time-outs still take real time.

use std::time::{Duration, Instant};

use crate::{description_needed, exchange_ended};
use sip_core::config::Config;
use sip_core::{Body, Event, Session, SessionId, Timestamp, UserAgent};
use sip_host::LONGEST_SLEEP;
use sip_host::os::Clock;

use crate::PATIENCE;
use crate::sockets::CONNECTION_TIMEOUT;
use crate::sockets::registrar::{Registrar, ack, answer, header, invite};

const HOUR: Duration = Duration::from_secs(3_600);
const SDP: &str = "v=0\r\no=- 2 2 IN IP4 192.0.2.2\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n";

/// An agent on one of the adapters.
pub trait Agent {
    /// Starts an agent on this clock.
    fn start(config: Config, clock: Clock) -> Self;

    /// Runs a command on the agent's thread or task. The agent does nothing else meanwhile.
    fn with<R: Send + 'static>(
        &self,
        command: impl FnOnce(&mut UserAgent, Timestamp) -> R + Send + 'static,
    ) -> R;

    /// `None` if there was no event in time.
    fn next(&mut self, patience: Duration) -> Option<Event>;
}

struct Bench<A> {
    agent: A,
    registrar: Registrar,
    clock: Clock,
    /// The names of the events since the test last cleared them.
    told: Vec<String>,
}

impl<A> Drop for Bench<A> {
    fn drop(&mut self) {
        self.registrar.end();
    }
}

impl<A: Agent> Bench<A> {
    /// An agent that is registered for 600 seconds and sends no keep-alive.
    fn registered() -> Self {
        let registrar = Registrar::start(600);
        let clock = Clock::start();
        let config = Config::builder()
            .uri("sip:alice@example.com")
            .server(format!("ws://127.0.0.1:{}", registrar.port))
            .keep_alive_interval(Duration::ZERO)
            .connection_timeout(CONNECTION_TIMEOUT)
            .build()
            .unwrap();
        let mut bench = Self {
            agent: A::start(config, clock.clone()),
            registrar,
            clock,
            told: Vec::new(),
        };
        bench.until("registered");
        bench.told.clear();
        bench
    }

    /// Stops the agent, lets `meanwhile` happen, and wakes the agent `time` later.
    fn sleep(&self, time: Duration, meanwhile: impl FnOnce(&Registrar) + Send + 'static) {
        let (clock, registrar) = (self.clock.clone(), self.registrar.clone());
        self.agent.with(move |_, _| {
            meanwhile(&registrar);
            clock.slept(time);
        });
    }

    /// Takes events until one has this name. Gives each description that the agent asks for.
    fn until(&mut self, wanted: &str) -> Event {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Some(event) = self.agent.next(left) else {
                panic!("no {wanted}, but {:?}", self.told);
            };
            if let Some(request) = description_needed(&event) {
                self.agent
                    .with(move |agent, now| request.describe(agent, Ok(Body::sdp(SDP)), now))
                    .unwrap();
            }
            let name = name(&event);
            self.told.push(name.clone());
            if name == wanted {
                return event;
            }
        }
    }

    /// Nothing but `told` has happened when the agent has done all that it does because of the sleep: a request that
    /// it sends now is answered, and no event comes before the response.
    fn is_all(&mut self, told: &[&str]) {
        assert_eq!(self.told, told);
        self.told.clear();
        self.agent
            .with(|agent, now| agent.options("sip:bob@example.com", now).map(drop))
            .unwrap();
        self.until("answered: 200");
        assert_eq!(self.told, ["answered: 200"]);
    }

    fn is_up(&self, call: SessionId) -> bool {
        self.agent
            .with(move |agent, _| matches!(agent.session(call), Ok(Session::Established(_))))
    }

    fn registers(&self) -> Vec<usize> {
        let connections = 0..self.registrar.connections();
        connections
            .map(|number| self.registrar.heard(number, "REGISTER ").len())
            .collect()
    }
}

/// The name of an event, with its cause where a test depends on it.
fn name(event: &Event) -> String {
    if let Some(end) = exchange_ended(event) {
        return match end.outcome {
            Ok(()) => "exchange complete".to_owned(),
            Err(reason) => format!("not renegotiated: {:?}", reason.cause),
        };
    }
    match event {
        Event::Registered(_) => "registered".to_owned(),
        Event::Unregistered { reason } => format!("unregistered: {:?}", reason.cause),
        Event::RegistrationFailed { reason, .. } => format!("failed: {:?}", reason.cause),
        Event::Disconnected { reason, .. } => format!("disconnected: {reason:?}"),
        Event::Ended { reason, .. } => format!("ended: {:?}", reason.cause),
        Event::RequestCompleted { outcome, .. } => match outcome {
            Ok(response) => format!("answered: {}", response.status().as_u16()),
            Err(reason) => format!("unanswered: {:?}", reason.cause),
        },
        other => {
            let text = format!("{other:?}");
            text.split([' ', '(', '{']).next().unwrap().to_lowercase()
        }
    }
}

/// The machine slept for an hour and the connection still works: the agent sends one REGISTER at once.
pub fn a_flow_that_outlived_the_sleep<A: Agent>() {
    let mut bench = Bench::<A>::registered();
    bench.clock.slept(HOUR);
    bench.until("registered");
    bench.is_all(&["unregistered: Expired", "registered"]);
    assert_eq!(bench.registers(), [2]);
}

/// The clock wakes the agent, not the end of its wait: the test gives it no command. All waits together would be
/// longer than the time that the test has.
pub fn the_clock_wakes_the_agent<A: Agent>() {
    const SLEEPS: u32 = 30;
    assert!(LONGEST_SLEEP * SLEEPS > 2 * PATIENCE);
    let mut bench = Bench::<A>::registered();
    let end = Instant::now() + PATIENCE;
    for _ in 0..SLEEPS {
        // By then the agent waits for its farthest deadline. If it does not yet, the test is only less strict.
        std::thread::sleep(Duration::from_millis(10));
        bench.clock.slept(HOUR);
        bench.until("registered");
        assert!(Instant::now() < end, "the agent wakes late");
    }
    assert_eq!(bench.registers(), [1 + SLEEPS as usize]);
}

/// The same, and the server no longer reads the connection.
pub fn a_flow_that_fell_silent_in_the_sleep<A: Agent>() {
    let mut bench = Bench::<A>::registered();
    bench.sleep(HOUR, |registrar| registrar.fall_silent(0));
    bench.until("registered");
    bench.is_all(&[
        "unregistered: Expired",
        "disconnected: KeepAlive",
        "failed: ConnectionLost",
        "reconnectscheduled",
        "connecting",
        "connected",
        "registered",
    ]);
    assert_eq!(bench.registers(), [1, 1]);
}

/// The same, and the server has closed the connection. The adapter reads the socket before it ticks, so that
/// the agent sends nothing on the closed connection.
pub fn a_flow_that_was_closed_in_the_sleep<A: Agent>() {
    let mut bench = Bench::<A>::registered();
    bench.sleep(HOUR, |registrar| registrar.cut(0));
    bench.until("registered");
    bench.is_all(&[
        "disconnected: Lost",
        "unregistered: ConnectionLost",
        "reconnectscheduled",
        "connecting",
        "connected",
        "registered",
    ]);
    assert_eq!(bench.registers(), [1, 1]);
}

/// The network changed and the connection still works: it stays, and there is no event.
pub fn a_flow_that_outlived_the_network<A: Agent>() {
    let mut bench = Bench::<A>::registered();
    let changed = bench.agent.with(|agent, now| agent.network_changed(now));
    changed.unwrap();
    bench.is_all(&[]);
    assert_eq!(bench.registers(), [1]);
}

/// The same, and what the agent sends on the connection is lost: another connection replaces it, without the keep-alive.
pub fn a_flow_that_died_with_the_network<A: Agent>() {
    let mut bench = Bench::<A>::registered();
    let registrar = bench.registrar.clone();
    let changed = bench.agent.with(move |agent, now| {
        registrar.fall_silent(0);
        agent.network_changed(now)
    });
    changed.unwrap();
    bench.until("registered");
    bench.is_all(&[
        "disconnected: KeepAlive",
        "unregistered: ConnectionLost",
        "reconnectscheduled",
        "connecting",
        "connected",
        "registered",
    ]);
    assert_eq!(bench.registers(), [1, 1]);
}

/// A jump of more than seven days, which the core refuses unless the host calls `resume`; the adapter does.
pub fn a_month<A: Agent>() {
    let mut bench = Bench::<A>::registered();
    bench.clock.slept(30 * 24 * HOUR);
    bench.until("registered");
    bench.is_all(&["unregistered: Expired", "registered"]);
    assert_eq!(bench.registers(), [2]);
}

/// A call survives the sleep, whether its connection does or not, and the application can hang it up.
pub fn a_call_lives_on<A: Agent>(flow_dies: bool) {
    let mut bench = Bench::<A>::registered();
    let call = bench
        .agent
        .with(|agent, now| agent.invite("bob", Default::default(), now))
        .unwrap();
    bench.until("established");
    bench.registrar.hear(0, "ACK ");
    bench.sleep(HOUR, move |registrar| {
        if flow_dies {
            registrar.fall_silent(0);
        }
    });
    bench.until("registered");
    let on = usize::from(flow_dies);
    if flow_dies {
        // A re-INVITE tells the peer the new connection.
        bench.until("exchange complete");
        assert_eq!(bench.registrar.heard(on, "INVITE ").len(), 1);
    }
    assert!(bench.is_up(call));
    assert!(!bench.told.iter().any(|name| name.starts_with("ended")));
    assert_eq!(bench.registrar.heard(on, "BYE ").len(), 0);
    bench
        .agent
        .with(move |agent, now| agent.hang_up(call, now))
        .unwrap();
    bench.until("ended: Requested");
    let bye = bench.registrar.hear(on, "BYE ");
    let invite = bench.registrar.hear(0, "INVITE ");
    assert_eq!(header(&bye, "Call-ID"), header(&invite, "Call-ID"));
}

/// Messages that are in the socket when the machine wakes up count as in time: a 200 whose transaction would
/// time out, and an ACK without which the core would end the call.
pub fn what_had_arrived_goes_before_the_tick<A: Agent>() {
    let mut bench = Bench::<A>::registered();
    bench.registrar.leave_unanswered("OPTIONS");
    let contact = bench.agent.with(|agent, _| agent.contact().to_owned());
    let target = contact.split(['<', '>']).nth(1).unwrap().to_owned();
    bench.registrar.send(0, &invite(&target));
    let Event::IncomingCall { session, .. } = bench.until("incomingcall") else {
        unreachable!("its name says so");
    };
    bench.agent.with(move |agent, now| {
        match agent.session(session) {
            Ok(Session::Incoming(call)) => call.answer(now),
            _ => panic!("not an incoming call"),
        }
        agent.options("sip:bob@example.com", now).unwrap();
    });
    bench.until("descriptionneeded");
    let options = bench.registrar.hear(0, "OPTIONS ");
    let is_invites = |text: &String| header(text, "CSeq") == Some("1 INVITE");
    bench.registrar.hear(0, "SIP/2.0 200 ");
    let accepted = bench.registrar.heard(0, "SIP/2.0 200 ");
    let accepted = accepted.into_iter().find(is_invites).unwrap();
    bench.told.clear();
    bench.sleep(HOUR, move |registrar| {
        registrar.send(0, &answer(&options, "", ""));
        registrar.send(0, &ack(&accepted));
    });
    bench.until("registered");
    assert_eq!(
        bench.told,
        [
            "answered: 200",
            "exchange complete",
            "established",
            "unregistered: Expired",
            "registered"
        ]
    );
    assert!(bench.is_up(session));
    assert_eq!(bench.registrar.heard(0, "BYE ").len(), 0);
}

//! The memory of many registered agents in one `Fleet`:
//!
//! ```text
//! agents [AGENTS=10000] [open]
//! ```
//!
//! Each agent has an address-of-record and a password of its own; the rest of the configuration is equal. The registrar is a
//! function of this program, which challenges each agent (`open`: it does not). All agents draw from one generator, as those
//! of a host do that takes each number from the operating system. The program prints the live heap once the transactions are
//! over, the resident memory and the time.

use std::cell::RefCell;
use std::convert::Infallible;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use allocation_counter::measure;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng, TryCryptoRng, TryRng};
use sip_core::config::Config;
use sip_core::{Action, ConnectionInfo, Event, Fleet, Timestamp, Transport, UserAgent};
use sip_parse::{Builder, Bytes, HeaderName, Limits, Message, StatusCode};

const CHALLENGE: &str = "Digest realm=\"example.com\", nonce=\"0123456789abcdef0123456789abcdef\", algorithm=SHA-256, qop=\"auth\"";

thread_local! {
    static RANDOM: RefCell<ChaCha20Rng> = RefCell::new(ChaCha20Rng::from_seed([7; 32]));
}

/// A generator without state of its own.
struct Shared;

impl TryRng for Shared {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(RANDOM.with_borrow_mut(Rng::next_u32))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(RANDOM.with_borrow_mut(Rng::next_u64))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        RANDOM.with_borrow_mut(|random| random.fill_bytes(bytes));
        Ok(())
    }
}

impl TryCryptoRng for Shared {}

/// All agents, the clock, and what the registrar has seen.
struct Run {
    fleet: Fleet,
    now: Timestamp,
    challenges: bool,
    registered: usize,
}

impl Run {
    /// Carries out the actions until there are none.
    fn settle(&mut self) {
        while let Some((id, action)) = self.fleet.poll_action() {
            let now = self.now;
            let done = match action {
                Action::Connect { connection, .. } => self.fleet.with(id, |agent| {
                    let info = ConnectionInfo {
                        transport: Transport::Wss,
                        remote: None,
                    };
                    agent.connection_opened(connection, info, now);
                }),
                Action::Transmit { connection, bytes } => {
                    let response = self.answer(bytes);
                    self.fleet.with(id, |agent| {
                        let received = agent.receive(connection, response, now);
                        received.expect("room for a response");
                    })
                }
                Action::Ping { connection } => {
                    self.fleet.with(id, |agent| agent.pong(connection, now))
                }
                Action::Event(Event::Registered(_)) => {
                    self.registered += 1;
                    Ok(())
                }
                _ => Ok(()),
            };
            done.expect("an agent of the fleet");
        }
    }

    /// What the registrar answers a REGISTER.
    fn answer(&self, register: Bytes) -> Bytes {
        let message = Message::parse(register, &Limits::default()).expect("a message");
        let request = message.as_request().expect("a request");
        let authorized = message.header(HeaderName::Authorization).is_some();
        let mut response;
        if self.challenges && !authorized {
            let status = StatusCode::new(401).expect("a status");
            response = Builder::response_to(&request, status, Some(b"tag"));
            response.append(HeaderName::WwwAuthenticate, CHALLENGE);
        } else {
            let contact = message.header(HeaderName::Contact).expect("a Contact");
            let contact = contact.value.to_vec();
            response = Builder::response_to(&request, StatusCode::OK, Some(b"tag"));
            response.append(HeaderName::Contact, contact);
        }
        response.build().expect("a response").bytes().clone()
    }
}

/// Resident memory of this process in bytes; `None` where the operating system does not say.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}

fn main() -> ExitCode {
    let mut agents = 10_000;
    let mut challenges = true;
    for argument in std::env::args().skip(1) {
        match argument.parse() {
            Ok(number) => agents = number,
            Err(_) if argument == "open" => challenges = false,
            Err(_) => {
                eprintln!("agents [AGENTS] [open]");
                return ExitCode::from(2);
            }
        }
    }
    let before = resident();
    let mut common = Config::builder();
    common
        .server("wss://edge.example.com")
        .register_expires(Duration::from_secs(3_600));
    let mut run = Run {
        fleet: Fleet::new(),
        now: Timestamp::ZERO,
        challenges,
        registered: 0,
    };
    let mut made = Duration::ZERO;
    let used = measure(|| {
        let start = Instant::now();
        for number in 0..agents {
            let mut config = common.clone();
            config
                .uri(format!("agent{number}@example.com").as_str())
                .password(format!("secret{number}"));
            let config = config.build().expect("a configuration");
            let agent = UserAgent::new(config, Box::new(Shared), run.now).expect("an agent");
            run.fleet.insert(agent);
            run.settle();
        }
        made = start.elapsed();
        // The transactions of the REGISTERs lapse.
        run.now = run.now + Duration::from_secs(40);
        while run.fleet.next_tick().is_some_and(|at| at <= run.now) {
            run.fleet.tick(run.now, usize::MAX);
            run.settle();
        }
    });
    assert_eq!(run.registered, agents, "each agent is registered once");
    let each = |bytes: u64| bytes / agents.max(1) as u64;
    let live = used.bytes_current.unsigned_abs();
    println!(
        "{agents} registered agents, {} bytes of UserAgent",
        size_of::<UserAgent>()
    );
    println!("live heap     {:>12} bytes {:>7} each", live, each(live));
    println!(
        "at most       {:>12} bytes {:>7} each",
        used.bytes_max,
        each(used.bytes_max)
    );
    if let (Some(before), Some(now)) = (before, resident()) {
        let grown = now.saturating_sub(before);
        println!("resident      {now:>12} bytes {:>7} each", each(grown));
    }
    println!(
        "allocations   {:>12}       {:>7} each",
        used.count_total,
        each(used.count_total)
    );
    println!(
        "registering   {:>12.2} s   {:>9.2} us each",
        made.as_secs_f64(),
        made.as_secs_f64() * 1e6 / agents.max(1) as f64
    );
    ExitCode::SUCCESS
}

//! `sip demo`: a server, two user agents, and all messages between them.

mod party;

use std::time::{Duration, Instant};

use serde_json::json;
use sip_core::InviteOptions;
use sip_core::config::Config;
use sip_edge::{EdgeConfig, EdgeLimits, EdgeServer, Faults};

use crate::arguments::{Adapter, Demo, Fault};
use crate::ladder::Ladder;
use crate::log::Log;
use crate::outcome::Failure;
use crate::report::{Report, complain, print_line};

use party::Party;

const REALM: &str = "localhost";
const BOB: &str = "sip:bob@localhost";

/// How long a step without a fault may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the step that a fault breaks may take.
const BROKEN_PATIENCE: Duration = Duration::from_secs(2);

/// How long stopping may take at the end.
const GRACE: Duration = Duration::from_millis(500);

/// The counts of the demo.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Summary {
    registered: u64,
    answered: u64,
    ended: u64,
    messages: u64,
    unregistered: u64,
}

impl Summary {
    const fn expected(calls: u32) -> Self {
        Self {
            registered: 2,
            answered: calls as u64,
            ended: calls as u64,
            messages: 1,
            unregistered: 2,
        }
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "registered {}, calls answered {}, calls ended {}, messages delivered {}, unregistered {}",
            self.registered, self.answered, self.ended, self.messages, self.unregistered
        )
    }
}

pub(crate) async fn run(arguments: Demo) -> Result<(), Failure> {
    let log = Log::new(&Config::default())?;
    log.start();
    let report = Report::new(arguments.output.json).quiet();
    let ladder = Ladder::new(&["alice", "bob"]);
    let edge_runtime = EdgeRuntime::new(arguments.adapter)?;
    let edge = edge_runtime.start_edge(arguments.fault)?;
    let url = format!("ws://{}", edge.local_addr());
    let alice_password = match arguments.fault {
        Some(Fault::BadPassword) => "wrong",
        _ => "alice-secret",
    };
    let party = |name, side, password| {
        let config = log.configure(config(name, password, &url)?)?;
        let trace = arguments.output.trace;
        Party::start(
            arguments.adapter,
            name,
            side,
            config,
            &ladder,
            &report,
            trace,
        )
    };
    let conversation = Conversation {
        alice: party("alice", 0, alice_password)?,
        bob: party("bob", 1, "bob-secret")?,
        fault: arguments.fault,
        problems: Vec::new(),
    };
    let (conversation, speed) = conversation.run(arguments.calls).await;
    let summary = conversation.summary();
    let mut problems = conversation.problems.clone();
    let counted = edge_summary(&edge);
    if counted != summary {
        problems.push(format!("the edge counted otherwise: {counted}"));
    }
    let Conversation { alice, bob, .. } = conversation;
    tokio::join!(alice.stop(GRACE), bob.stop(GRACE));
    edge.stop().await;
    print_result(&report, &ladder, &problems, speed, summary);
    if problems.is_empty() && summary == Summary::expected(arguments.calls) {
        return Ok(());
    }
    Err(Failure::Outcome(match problems.first() {
        Some(problem) => format!("the demo did not go as it should: {problem}"),
        None => "the demo did not go as it should".to_owned(),
    }))
}

/// The runtime of the edge: that of the user agents with tokio; one with a thread of its own if commands to the
/// user agents block this thread.
struct EdgeRuntime(Option<tokio::runtime::Runtime>);

impl EdgeRuntime {
    fn new(adapter: Adapter) -> Result<Self, Failure> {
        if adapter == Adapter::Tokio {
            return Ok(Self(None));
        }
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map(|runtime| Self(Some(runtime)))
            .map_err(|error| Failure::Usage(format!("cannot start: {error}")))
    }

    fn start_edge(&self, fault: Option<Fault>) -> Result<EdgeServer, Failure> {
        let _inside = self.0.as_ref().map(tokio::runtime::Runtime::enter);
        EdgeServer::start(edge_config(fault)).map_err(|error| {
            Failure::NoConnection(format!("the edge server cannot start: {error}"))
        })
    }
}

impl Drop for EdgeRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

fn edge_config(fault: Option<Fault>) -> EdgeConfig {
    let user = |name: &str, password: &str| (name.to_owned(), password.to_owned());
    EdgeConfig {
        realm: REALM.to_owned(),
        users: vec![user("alice", "alice-secret"), user("bob", "bob-secret")],
        // This fault shows a call whose other end does not come back, so the edge must not follow its Contact.
        follow_contacts: fault != Some(Fault::KillWs),
        faults: Faults {
            drop_bye: fault == Some(Fault::DropBye),
            kill_ws_after_answer: fault == Some(Fault::KillWs),
        },
        limits: EdgeLimits {
            forwarded_requests: party::TRANSACTIONS,
            ..EdgeLimits::default()
        },
        ..EdgeConfig::default()
    }
}

fn config(name: &str, password: &str, url: &str) -> Result<Config, Failure> {
    Config::builder()
        .uri(format!("sip:{name}@{REALM}"))
        .password(password)
        .server(url)
        .trace_sip(true)
        .build()
        .map_err(|errors| Failure::Usage(errors.to_string()))
}

fn edge_summary(edge: &EdgeServer) -> Summary {
    let counters = edge.counters();
    Summary {
        // A binding that is made again after its connection broke belongs to the same user, so it counts once.
        registered: counters.registered.saturating_sub(counters.bindings_lost),
        answered: counters.calls_answered,
        ended: counters.calls_ended,
        messages: counters.messages_delivered,
        unregistered: counters.unregistered,
    }
}

fn print_result(
    report: &Report,
    ladder: &Ladder,
    problems: &[String],
    speed: Option<f64>,
    summary: Summary,
) {
    if !report.is_json() {
        print_line(&ladder.to_string());
    }
    for problem in problems {
        report.event("problem", [("text", json!(problem))], "");
        if !report.is_json() {
            complain(&format!("problem: {problem}"));
        }
    }
    if let Some(speed) = speed {
        report.event("speed", [("calls_per_second", json!(speed.round()))], "");
        if !report.is_json() {
            print_line(&format!("{speed:.0} calls per second"));
        }
    }
    if report.is_json() {
        let object = json!({
            "event": "summary",
            "registered": summary.registered,
            "answered": summary.answered,
            "ended": summary.ended,
            "messages": summary.messages,
            "unregistered": summary.unregistered,
        });
        print_line(&object.to_string());
    } else {
        print_line(&summary.to_string());
    }
}

/// The two user agents and the problems between them.
struct Conversation {
    alice: Party,
    bob: Party,
    fault: Option<Fault>,
    problems: Vec<String>,
}

impl Conversation {
    /// Runs the whole conversation. Also returns calls per second, if there was more than one call.
    async fn run(mut self, calls: u32) -> (Self, Option<f64>) {
        let mut speed = None;
        if self.register().await {
            let start = Instant::now();
            let mut done = 0;
            while done < calls && self.call(done + 1).await {
                done += 1;
            }
            if calls > 1 {
                speed = Some(f64::from(done) / start.elapsed().as_secs_f64());
            }
        }
        self.unregister().await;
        (self, speed)
    }

    async fn register(&mut self) -> bool {
        let mut all = true;
        for party in [&self.alice, &self.bob] {
            let over =
                |counts: &party::Counts| counts.registered > 0 || counts.registrations_failed > 0;
            party.reaches(PATIENCE, over).await;
            let counts = party.counts();
            if counts.registered == 0 {
                all = false;
                self.problems
                    .push(problem(party.name, "was not registered", &counts));
            }
        }
        all
    }

    /// Call number `number`, from 1. The first one carries the text message.
    async fn call(&mut self, number: u32) -> bool {
        let invited = self
            .alice
            .handle
            .invite(BOB, InviteOptions::default())
            .await;
        let session = match invited {
            Ok(session) => session,
            Err(error) => {
                self.problems.push(format!("alice could not call: {error}"));
                return false;
            }
        };
        let patience = self.patience(Fault::KillWs);
        let answered = |counts: &party::Counts| counts.established >= number || counts.failed > 0;
        tokio::join!(
            self.alice.reaches(patience, answered),
            self.bob.reaches(patience, answered),
        );
        let mut well = true;
        for party in [&self.alice, &self.bob] {
            let counts = party.counts();
            if counts.established < number {
                well = false;
                self.problems
                    .push(problem(party.name, "was not connected", &counts));
            }
        }
        let crossed = self.bob.counts().offers >= number && self.alice.counts().answers >= number;
        if well && !crossed {
            well = false;
            self.problems
                .push("the session descriptions did not cross".to_owned());
        }
        if number == 1 {
            well &= self.send_message().await;
        }
        well &= self.hang_up(session, number).await;
        well
    }

    async fn send_message(&mut self) -> bool {
        // A user that has lost its connection cannot be reached until it has registered again.
        let reachable = |counts: &party::Counts| counts.registered > counts.disconnected;
        self.bob.reaches(PATIENCE, reachable).await;
        let sent = self.alice.handle.message(BOB, "Hello Bob").await;
        if let Err(error) = sent {
            self.problems
                .push(format!("alice could not send a message: {error}"));
            return false;
        }
        let over =
            |counts: &party::Counts| counts.messages_delivered > 0 || counts.messages_failed > 0;
        self.alice.reaches(PATIENCE, over).await;
        let counts = self.alice.counts();
        if counts.messages_delivered == 0 {
            self.problems
                .push(problem("alice", "could not deliver her message", &counts));
        }
        counts.messages_delivered > 0
    }

    async fn hang_up(&mut self, session: sip_core::SessionId, number: u32) -> bool {
        if let Err(error) = self.alice.handle.hang_up(session).await {
            self.problems
                .push(format!("alice could not hang up: {error}"));
            return false;
        }
        let patience = match self.fault {
            Some(Fault::DropBye | Fault::KillWs) => BROKEN_PATIENCE,
            _ => PATIENCE,
        };
        let over = |counts: &party::Counts| counts.ended + counts.failed >= number;
        tokio::join!(
            self.alice.reaches(patience, over),
            self.bob.reaches(patience, over),
        );
        let mut well = true;
        for party in [&self.alice, &self.bob] {
            let counts = party.counts();
            if counts.ended < number {
                well = false;
                self.problems
                    .push(problem(party.name, "saw no end of the call", &counts));
            }
        }
        well
    }

    async fn unregister(&mut self) {
        for party in [&self.alice, &self.bob] {
            if party.counts().registered == 0 {
                continue;
            }
            if let Err(error) = party.handle.unregister().await {
                self.problems
                    .push(format!("{} could not unregister: {error}", party.name));
                continue;
            }
            if !party
                .reaches(PATIENCE, |counts| counts.unregistered > 0)
                .await
            {
                self.problems
                    .push(problem(party.name, "was not unregistered", &party.counts()));
            }
        }
    }

    fn patience(&self, breaking: Fault) -> Duration {
        if self.fault == Some(breaking) {
            BROKEN_PATIENCE
        } else {
            PATIENCE
        }
    }

    /// What both sides agree on. For example, a call counts as ended if both saw its end.
    fn summary(&self) -> Summary {
        let (alice, bob) = (self.alice.counts(), self.bob.counts());
        let both = |of: fn(&party::Counts) -> u32| {
            u64::from((of(&alice) > 0) as u8 + (of(&bob) > 0) as u8)
        };
        Summary {
            registered: both(|counts| counts.registered),
            answered: alice.established.min(bob.accepted).into(),
            ended: alice.ended.min(bob.ended).into(),
            messages: alice.messages_delivered.min(bob.messages_received).into(),
            unregistered: both(|counts| counts.unregistered),
        }
    }
}

fn problem(who: &str, what: &str, counts: &party::Counts) -> String {
    match &counts.complaint {
        Some(complaint) => format!("{who} {what} ({complaint})"),
        None => format!("{who} {what}"),
    }
}

//! `sip demo`: a server, two or three user agents, and all messages between them.

mod party;
mod steps;
mod transfer;
mod watch;

use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use sip_core::InviteOptions;
use sip_core::config::{Config, Support};
use sip_edge::{EdgeConfig, EdgeLimits, EdgeServer, Faults};

use crate::arguments::{Adapter, Demo, Fault};
use crate::ladder::Ladder;
use crate::log::Log;
use crate::outcome::Failure;
use crate::progress::Progress;
use crate::report::{Report, complain, print_line};

use party::Party;
use steps::{BOB, PATIENCE, Summary, problem, register, unregister};
use transfer::Trio;
use watch::Watch;

const REALM: &str = "localhost";

/// How long the step that a fault breaks may take.
const BROKEN_PATIENCE: Duration = Duration::from_secs(2);

/// How long stopping may take at the end.
const GRACE: Duration = Duration::from_millis(500);

/// What the user agents of a demo share.
struct Stage {
    adapter: Adapter,
    trace: bool,
    log: Log,
    ladder: Ladder,
    report: Report,
    edge: EdgeServer,
    url: String,
}

impl Stage {
    fn open(arguments: &Demo, parties: &'static [&'static str]) -> Result<Self, Failure> {
        let log = Log::new(&Config::default())?;
        log.start();
        let edge = EdgeServer::start(edge_config(arguments.fault)).map_err(|error| {
            Failure::NoConnection(format!("the edge server cannot start: {error}"))
        })?;
        Ok(Self {
            adapter: arguments.adapter,
            trace: arguments.output.trace,
            log,
            ladder: Ladder::new(parties),
            report: Report::new(arguments.output.json).quiet(),
            url: format!("ws://{}", edge.local_addr()),
            edge,
        })
    }

    /// Starts the user agent whose life line has this index.
    fn party(&self, name: &'static str, side: usize, password: &str) -> Result<Party, Failure> {
        let config = self.log.configure(config(name, password, &self.url)?)?;
        let (ladder, report) = (&self.ladder, &self.report);
        Party::start(self.adapter, name, side, config, ladder, report, self.trace)
    }

    /// Ends the demo and prints its result.
    async fn close<const N: usize>(
        self,
        parties: [Party; N],
        result: (Summary, Vec<String>),
        expected: Summary,
        speed: Option<f64>,
    ) -> Result<(), Failure> {
        let (summary, mut problems) = result;
        let counted = edge_summary(&self.edge, &summary);
        if counted != summary {
            problems.push(format!("the edge counted otherwise: {counted}"));
        }
        let mut stopping = tokio::task::JoinSet::new();
        for party in parties {
            stopping.spawn(party.stop(GRACE));
        }
        stopping.join_all().await;
        self.edge.stop().await;
        print_result(&self.report, &self.ladder, &problems, speed, summary);
        if problems.is_empty() && summary == expected {
            return Ok(());
        }
        Err(Failure::Outcome(match problems.first() {
            Some(problem) => format!("the demo did not go as it should: {problem}"),
            None => "the demo did not go as it should".to_owned(),
        }))
    }
}

pub(crate) async fn run(arguments: Demo) -> Result<(), Failure> {
    if arguments.transfer {
        let stage = Stage::open(&arguments, &["alice", "bob", "carol"])?;
        let trio = Trio {
            alice: stage.party("alice", 0, "alice-secret")?,
            bob: stage.party("bob", 1, "bob-secret")?,
            carol: stage.party("carol", 2, "carol-secret")?,
        };
        let problems = trio.run().await;
        let result = (trio.summary(), problems);
        let Trio { alice, bob, carol } = trio;
        let parties = [alice, bob, carol];
        return stage.close(parties, result, Trio::EXPECTED, None).await;
    }
    let stage = Stage::open(&arguments, &["alice", "bob"])?;
    if arguments.presence {
        let watch = Watch {
            alice: stage.party("alice", 0, "alice-secret")?,
            bob: stage.party("bob", 1, "bob-secret")?,
        };
        let problems = watch.run(&stage.edge).await;
        let result = (watch.summary(), problems);
        let parties = [watch.alice, watch.bob];
        return stage.close(parties, result, Watch::EXPECTED, None).await;
    }
    let alice_password = match arguments.fault {
        Some(Fault::BadPassword) => "wrong",
        _ => "alice-secret",
    };
    let conversation = Conversation {
        alice: stage.party("alice", 0, alice_password)?,
        bob: stage.party("bob", 1, "bob-secret")?,
        fault: arguments.fault,
        problems: Vec::new(),
    };
    let progress = Progress::new(arguments.calls > 1 && !arguments.output.trace);
    let (conversation, speed) = conversation.run(arguments.calls, progress).await;
    let result = (conversation.summary(), conversation.problems);
    let parties = [conversation.alice, conversation.bob];
    let expected = Summary::expected(arguments.calls);
    stage.close(parties, result, expected, speed).await
}

fn edge_config(fault: Option<Fault>) -> EdgeConfig {
    let user = |name: &str, password: &str| (name.to_owned(), password.to_owned());
    EdgeConfig {
        realm: REALM.to_owned(),
        users: vec![
            user("alice", "alice-secret"),
            user("bob", "bob-secret"),
            user("carol", "carol-secret"),
        ],
        // This fault shows a call whose other end does not come back, so the edge must not follow its Contact.
        follow_contacts: fault != Some(Fault::KillWs),
        // Everything in this demo happens within a second.
        notify_interval: Duration::ZERO,
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
        .replaces(Support::Supported)
        .build()
        .map_err(|errors| Failure::Usage(errors.to_string()))
}

/// The counts of the edge, which knows no transfers.
fn edge_summary(edge: &EdgeServer, seen: &Summary) -> Summary {
    let counters = edge.counters();
    Summary {
        // A binding that is made again after its connection broke belongs to the same user, so it counts once.
        registered: counters.registered.saturating_sub(counters.bindings_lost),
        answered: counters.calls_answered,
        ended: counters.calls_ended,
        messages: counters.messages_delivered,
        transferred: seen.transferred,
        states: seen.states.map(|_| counters.notified),
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
        let counts = summary.counts();
        let counts = counts.map(|(_, name, count)| (name.to_owned(), json!(count)));
        let event = ("event".to_owned(), json!("summary"));
        let object: Map<String, Value> = [event].into_iter().chain(counts).collect();
        let object = Value::Object(object);
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
    async fn run(mut self, calls: u32, mut progress: Progress) -> (Self, Option<f64>) {
        let mut speed = None;
        self.problems = register(&[&self.alice, &self.bob]).await;
        if self.problems.is_empty() {
            let start = Instant::now();
            let mut done = 0;
            while done < calls && self.call(done + 1).await {
                done += 1;
                progress.show(|| format!("{done} of {calls} calls"));
            }
            if calls > 1 {
                speed = Some(f64::from(done) / start.elapsed().as_secs_f64());
            }
        }
        let problems = unregister(&[&self.alice, &self.bob]).await;
        self.problems.extend(problems);
        (self, speed)
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
            transferred: None,
            states: None,
            unregistered: both(|counts| counts.unregistered),
        }
    }
}

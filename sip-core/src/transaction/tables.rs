//! The tables in the doc comments of the four machines, read and held against the machines: each state,
//! each input, on both kinds of transport. What a table does not list must change nothing.

extern crate std;

use core::fmt::Debug;
use core::time::Duration;
use std::string::String;
use std::vec::Vec;

use super::TimerSettings;
use super::invite_client::InviteClient;
use super::invite_server::InviteServer;
use super::machine::{ClientInput, Context, Effect, ServerInput, Timer};
use super::non_invite_client::NonInviteClient;
use super::non_invite_server::NonInviteServer;

/// A line of a table: states, input, effects, next state; used counts the cells that it explained.
struct Row {
    states: Vec<String>,
    input: String,
    does: Vec<String>,
    next: String,
    used: usize,
}

fn read(source: &str) -> Vec<Row> {
    let lines = source.lines().filter_map(|line| line.strip_prefix("//! |"));
    let rows = lines.skip(2).map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let list = |cell: &str| {
            let parts = cell.split(',').map(str::trim);
            parts
                .filter(|part| !part.is_empty())
                .map(String::from)
                .collect()
        };
        Row {
            states: list(cells[0]),
            input: cells[1].into(),
            does: list(cells[2]),
            next: cells[3].into(),
            used: 0,
        }
    });
    rows.collect()
}

/// B unlike D, so that no two values are the same.
fn timers() -> TimerSettings {
    let [t1, t2, t4, timeout] = [500, 4_000, 5_000, 20_000].map(Duration::from_millis);
    TimerSettings::new(t1, t2, t4, timeout).expect("sound values")
}

/// The part of a cell that holds on this kind of transport.
fn here(text: &str, reliable: bool) -> Option<&str> {
    match (text.strip_suffix(" (U)"), text.strip_suffix(" (R)")) {
        (Some(rest), _) => (!reliable).then_some(rest),
        (_, Some(rest)) => reliable.then_some(rest),
        _ => Some(text),
    }
}

fn timer(letter: &str) -> Timer {
    match letter {
        "A" | "E" | "G" | "100" => Timer::Repeat,
        "B" | "D" | "F" | "H" | "I" | "J" | "K" | "L" | "M" => Timer::End,
        other => panic!("timer {other}"),
    }
}

fn time(text: &str) -> Duration {
    match text {
        "T1" => timers().t1(),
        "T2" => timers().t2(),
        "T4" => timers().t4(),
        "64 T1" => timers().b(),
        _ => {
            let seconds: f64 = match (text.strip_suffix(" ms"), text.strip_suffix(" s")) {
                (Some(number), _) => number.parse::<f64>().expect("a number") / 1_000.0,
                (_, Some(number)) => number.parse().expect("a number"),
                _ => panic!("a time: {text}"),
            };
            Duration::from_secs_f64(seconds)
        }
    }
}

/// An effect as the table words it; and the interval that it leaves in the state.
fn effect(text: &str, interval: Duration) -> (Effect, Duration) {
    let plain = |effect| (effect, interval);
    match text {
        "send" => plain(Effect::Send),
        "send 100" => plain(Effect::SendTrying),
        "ACK" => plain(Effect::SendAck),
        "deliver" => plain(Effect::Deliver),
        "timeout" => plain(Effect::Timeout),
        "tell" => plain(Effect::TransportError),
        _ => {
            if let Some(letter) = text.strip_prefix("stop ") {
                return plain(Effect::Clear(timer(letter)));
            }
            let (letter, after) = match text.split_once(' ') {
                Some((letter, "doubled")) => (letter, interval * 2),
                Some((letter, "doubled up to T2")) => (letter, (interval * 2).min(timers().t2())),
                Some((letter, value)) => (letter, time(value.trim_start_matches("= "))),
                None => panic!("an effect: {text}"),
            };
            let timer = timer(letter);
            let interval = if timer == Timer::Repeat {
                after
            } else {
                interval
            };
            (Effect::Set(timer, after), interval)
        }
    }
}

/// A state by its name, with the interval of its running timer where it has one.
type State<M> = (&'static str, fn(Duration) -> M);

struct Machine<M: 'static, I: 'static> {
    source: &'static str,
    states: &'static [State<M>],
    inputs: &'static [(&'static [&'static str], I)],
    start: fn(&mut Context<'_>) -> M,
    step: fn(M, I, &mut Context<'_>) -> Option<M>,
}

fn check<M: Copy + PartialEq + Debug + 'static, I: Copy + Debug + 'static>(
    machine: &Machine<M, I>,
) {
    let mut rows = read(machine.source);
    assert!(rows.len() >= 8, "the table was not found");
    let settings = timers();
    let (t1, t2) = (settings.t1(), settings.t2());
    let state = |name: &str, interval| {
        let found = machine.states.iter().find(|(state, _)| *state == name);
        found.unwrap_or_else(|| panic!("state {name}")).1(interval)
    };
    for reliable in [false, true] {
        let expected = |row: &Row, interval: Duration| {
            let (mut effects, mut after) = (Vec::new(), interval);
            for text in &row.does {
                let unconditional = text.trim_end_matches(" (U)").trim_end_matches(" (R)");
                let (effect, next) = effect(unconditional, interval);
                if next != interval {
                    after = next;
                }
                if here(text, reliable).is_some() {
                    effects.push(effect);
                }
            }
            let mut nexts = row.next.split(',').map(str::trim);
            let next = nexts.find_map(|next| here(next, reliable)).expect("next");
            (effects, (next != "(gone)").then(|| state(next, after)))
        };
        for row in rows.iter_mut().filter(|row| row.states == ["(start)"]) {
            let mut context = Context::new(&settings, reliable);
            let started = (machine.start)(&mut context);
            let (effects, next) = expected(row, t1);
            assert_eq!((&context.effects[..], Some(started)), (&effects[..], next));
            row.used += 1;
        }
        for (name, make) in machine.states {
            for &(names, input) in machine.inputs {
                for interval in [t1, t2 / 2, t2, t2 * 2] {
                    let from = make(interval);
                    let mut context = Context::new(&settings, reliable);
                    let to = (machine.step)(from, input, &mut context);
                    let mut fitting = rows.iter_mut().filter(|row| {
                        row.states.iter().any(|state| state == name)
                            && names.contains(&row.input.as_str())
                    });
                    let (effects, next) = match fitting.next() {
                        Some(row) => {
                            row.used += 1;
                            expected(row, interval)
                        }
                        None => (Vec::new(), Some(from)),
                    };
                    assert!(fitting.next().is_none(), "two rows for {name}, {input:?}");
                    assert_eq!(
                        (&context.effects[..], to),
                        (&effects[..], next),
                        "{from:?} on {input:?}, reliable: {reliable}"
                    );
                }
            }
        }
    }
    for row in rows {
        assert!(
            row.used > 0,
            "no machine has {:?} {}",
            row.states,
            row.input
        );
    }
}

const REPEAT: &[&str] = &["timer A", "timer E", "timer G", "timer 100"];
const END: &[&str] = &[
    "timer B",
    "timer D",
    "timer F",
    "timer H",
    "timer I",
    "timer J",
    "timer K",
    "timer L",
    "timer M",
    "64 T1 are up",
];
const LOST: &[&str] = &["transport error"];

const CLIENT: &[(&[&str], ClientInput)] = &[
    (&["1xx"], ClientInput::Provisional),
    (&["2xx", "200 to 699"], ClientInput::Success),
    (&["300 to 699", "200 to 699"], ClientInput::Failure),
    (&["CANCEL was sent"], ClientInput::Cancelled),
    (REPEAT, ClientInput::Fired(Timer::Repeat)),
    (END, ClientInput::Fired(Timer::End)),
    (LOST, ClientInput::TransportError),
];

const SERVER: &[(&[&str], ServerInput)] = &[
    (&["request again"], ServerInput::Request),
    (&["ACK"], ServerInput::Ack),
    (&["user sends 1xx"], ServerInput::Provisional),
    (
        &["user sends 2xx", "user sends final"],
        ServerInput::Success,
    ),
    (
        &["user sends 300+", "user sends final"],
        ServerInput::Failure,
    ),
    (REPEAT, ServerInput::Fired(Timer::Repeat)),
    (END, ServerInput::Fired(Timer::End)),
    (LOST, ServerInput::TransportError),
];

/// RFC 3261 17.1.1.2, figure 5, with RFC 6026 7.2.
#[test]
fn rfc3261_17_1_1_2_the_documented_table_is_the_machine() {
    check(&Machine {
        source: include_str!("invite_client.rs"),
        states: &[
            ("Calling", |interval| InviteClient::Calling { interval }),
            ("Proceeding", |_| InviteClient::Proceeding),
            ("Completed", |_| InviteClient::Completed),
            ("Accepted", |_| InviteClient::Accepted),
        ],
        inputs: CLIENT,
        start: InviteClient::start,
        step: InviteClient::step,
    });
}

/// RFC 3261 17.1.2.2, figure 6.
#[test]
fn rfc3261_17_1_2_2_the_documented_table_is_the_machine() {
    check(&Machine {
        source: include_str!("non_invite_client.rs"),
        states: &[
            ("Trying", |interval| NonInviteClient::Trying { interval }),
            ("Proceeding", |_| NonInviteClient::Proceeding),
            ("Completed", |_| NonInviteClient::Completed),
        ],
        inputs: CLIENT,
        start: NonInviteClient::start,
        step: NonInviteClient::step,
    });
}

/// RFC 3261 17.2.1, figure 7, with RFC 6026 7.1.
#[test]
fn rfc3261_17_2_1_the_documented_table_is_the_machine() {
    check(&Machine {
        source: include_str!("invite_server.rs"),
        states: &[
            ("Proceeding", |_| InviteServer::Proceeding),
            ("Completed", |interval| InviteServer::Completed { interval }),
            ("Confirmed", |_| InviteServer::Confirmed),
            ("Accepted", |_| InviteServer::Accepted),
        ],
        inputs: SERVER,
        start: InviteServer::start,
        step: InviteServer::step,
    });
}

/// RFC 3261 17.2.2, figure 8, with RFC 4320.
#[test]
fn rfc3261_17_2_2_the_documented_table_is_the_machine() {
    check(&Machine {
        source: include_str!("non_invite_server.rs"),
        states: &[
            ("Trying", |_| NonInviteServer::Trying),
            ("Proceeding", |_| NonInviteServer::Proceeding),
            ("Completed", |_| NonInviteServer::Completed),
        ],
        inputs: SERVER,
        start: NonInviteServer::start,
        step: NonInviteServer::step,
    });
}

//! Compares the table in the doc comment of the machine of a publication with the machine: every state with every input, held
//! and not held.

extern crate std;

use std::format;
use std::string::String;
use std::vec::Vec;

use super::machine::{
    Next, PublicationEffect, PublicationEnding, PublicationInput, PublicationState, PublishKind,
    Task,
};

/// One row of the table.
struct Row {
    states: Vec<String>,
    inputs: Vec<String>,
    does: String,
    next: String,
    used: usize,
}

/// The names of a cell. `, then ...` and `, held` belong to the name before.
fn names(cell: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for part in cell.split(", ") {
        let goes_on = part.starts_with("then ") || part == "held" || part == "not held";
        match names.last_mut() {
            Some(last) if goes_on => *last = format!("{last}, {part}"),
            _ => names.push(part.into()),
        }
    }
    names
}

/// The inputs of a cell: its condition holds for each.
fn inputs(cell: &str) -> Vec<String> {
    for condition in [", not held", ", held"] {
        if let Some(plain) = cell.strip_suffix(condition) {
            let each = plain.split(", ");
            return each.map(|input| format!("{input}{condition}")).collect();
        }
    }
    cell.split(", ").map(String::from).collect()
}

fn rows() -> Vec<Row> {
    let source = include_str!("machine.rs");
    let lines = source.lines().filter_map(|line| line.strip_prefix("//! |"));
    let rows = lines.skip(2).map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        Row {
            states: names(cells[0]),
            inputs: inputs(cells[1]),
            does: cells[2].into(),
            next: cells[3].into(),
            used: 0,
        }
    });
    rows.collect()
}

const KINDS: [(PublishKind, &str); 4] = [
    (PublishKind::Initial, "initial"),
    (PublishKind::Refresh, "refresh"),
    (PublishKind::Modify, "modify"),
    (PublishKind::Remove, "remove"),
];

const TASKS: [(Task, &str); 3] = [
    (Task::Publish, "publish"),
    (Task::Refresh, "refresh"),
    (Task::Remove, "remove"),
];

fn kind_name(kind: PublishKind) -> &'static str {
    KINDS.iter().find(|(known, _)| *known == kind).unwrap().1
}

fn task_name(task: Task) -> &'static str {
    TASKS.iter().find(|(known, _)| *known == task).unwrap().1
}

/// The names of a state, the most special first.
fn state_names(state: PublicationState) -> Vec<String> {
    match state {
        PublicationState::Queued => Vec::from(["Queued".into()]),
        PublicationState::Published => Vec::from(["Published".into()]),
        PublicationState::Waiting(task) => Vec::from([format!("Waiting to {}", task_name(task))]),
        PublicationState::Retrying(task) => Vec::from([format!("Retrying to {}", task_name(task))]),
        PublicationState::Busy(kind, next) => {
            let suffix = match next {
                Next::Nothing => "",
                Next::Publish => ", then publish",
                Next::Remove => ", then remove",
            };
            let special = format!("Busy {}{suffix}", kind_name(kind));
            // `Busy` stands for any PUBLISH but the one that removes.
            match kind {
                PublishKind::Remove => Vec::from([special]),
                _ => Vec::from([special, format!("Busy{suffix}")]),
            }
        }
    }
}

fn effect_names(effects: &[PublicationEffect]) -> String {
    let names = effects.iter().map(|effect| match effect {
        PublicationEffect::Send(kind) => format!("send {}", kind_name(*kind)),
        PublicationEffect::SendAgain => "send again".into(),
        PublicationEffect::Forget => "forget".into(),
        PublicationEffect::Report => "report".into(),
        PublicationEffect::AwaitRefresh => "await refresh".into(),
        PublicationEffect::Retry => "retry".into(),
        PublicationEffect::ReportLoss => "report loss".into(),
        PublicationEffect::LimitWait => "limit wait".into(),
        PublicationEffect::End(ending) => format!(
            "end {}",
            match ending {
                PublicationEnding::Removed => "removed",
                PublicationEnding::Failed => "failed",
                PublicationEnding::TimedOut => "timed out",
                PublicationEnding::Stopped => "stopped",
            }
        ),
    });
    names.collect::<Vec<_>>().join(", ")
}

/// Replaces the words of a row that depend on the state before.
fn concrete(text: &str, from: PublicationState, held: bool) -> String {
    let due = match from {
        PublicationState::Waiting(task) | PublicationState::Retrying(task) => match (task, held) {
            (_, false) => "initial",
            (Task::Publish, true) => "modify",
            (Task::Refresh, true) => "refresh",
            (Task::Remove, true) => "remove",
        },
        _ => "?",
    };
    let task = match from {
        PublicationState::Busy(PublishKind::Refresh, _) => "to refresh",
        PublicationState::Busy(..) => "to publish",
        _ => "?",
    };
    text.replace("as due", due).replace("as it was", task)
}

/// RFC 3903 section 4: every state of a publication with every input does what the table says; what is not listed changes
/// nothing.
#[test]
fn rfc3903_4_the_documented_table_is_the_machine_of_a_publication() {
    let mut rows = rows();
    let mut states = Vec::from([PublicationState::Queued, PublicationState::Published]);
    for (task, _) in TASKS {
        states.push(PublicationState::Waiting(task));
        if task != Task::Remove {
            states.push(PublicationState::Retrying(task));
        }
    }
    for (kind, _) in KINDS {
        states.push(PublicationState::Busy(kind, Next::Nothing));
        if kind != PublishKind::Remove {
            states.push(PublicationState::Busy(kind, Next::Publish));
            states.push(PublicationState::Busy(kind, Next::Remove));
        }
    }
    let inputs = [
        (PublicationInput::Turn, "turn"),
        (PublicationInput::Modify, "modify"),
        (PublicationInput::Remove, "remove"),
        (PublicationInput::Timeout, "timer"),
        (PublicationInput::Accepted, "2xx"),
        (PublicationInput::TagUnknown, "412"),
        (PublicationInput::TooBrief, "423"),
        (PublicationInput::Failed, "failure that may pass"),
        (PublicationInput::Refused, "refusal"),
        (PublicationInput::Lost, "lost connection"),
        (PublicationInput::NotSent, "not sent"),
        (PublicationInput::GiveUp, "no connection will open"),
        (PublicationInput::End, "end"),
    ];
    for from in states {
        for (input, input_name) in inputs {
            for held in [true, false] {
                let condition = if held { ", held" } else { ", not held" };
                let full = format!("{input_name}{condition}");
                let names = state_names(from);
                let place = names.iter().find_map(|name| {
                    rows.iter().position(|row| {
                        row.states.contains(name)
                            && row
                                .inputs
                                .iter()
                                .any(|own| *own == full || own == input_name)
                    })
                });
                let (next, effects) = from.step(input, held);
                let here = format!("{names:?} on {full}");
                let Some(place) = place else {
                    assert_eq!((next, effects.len()), (Some(from), 0), "no row: {here}");
                    continue;
                };
                let row = &mut rows[place];
                row.used += 1;
                assert_eq!(
                    effect_names(&effects),
                    concrete(&row.does, from, held),
                    "{here}"
                );
                let expected = concrete(&row.next, from, held);
                match next {
                    None => assert_eq!(expected, "(over)", "{here}"),
                    Some(next) if expected == "same" => assert_eq!(next, from, "{here}"),
                    Some(next) => {
                        let names = state_names(next);
                        assert!(
                            names.contains(&expected),
                            "{here}: {names:?}, not {expected}"
                        );
                        // The kind of PUBLISH in flight changes only where another one goes out.
                        let sends = row.does.contains("send") && row.does != "send again";
                        if let (
                            PublicationState::Busy(was, _),
                            PublicationState::Busy(is, _),
                            false,
                        ) = (from, next, sends)
                        {
                            assert_eq!(was, is, "{here}");
                        }
                    }
                }
            }
        }
    }
    for row in rows {
        assert!(
            row.used > 0,
            "no machine has {:?} on {:?}",
            row.states,
            row.inputs
        );
    }
}

//! Compares the table in the doc comment of the binding machine with the machine: every state with every
//! input, bound and not bound.

extern crate std;

use std::string::String;
use std::vec::Vec;

use super::binding::{BindingInput, BindingState, RegisterKind};
use crate::time::Timestamp;

const NOW: Timestamp = Timestamp::from_millis(1);
const THEN: Timestamp = Timestamp::from_millis(50);
const AT: Timestamp = Timestamp::from_millis(70);

/// One row of the table.
struct Row {
    state: String,
    input: String,
    next: String,
    used: usize,
}

fn rows() -> Vec<Row> {
    let source = include_str!("binding.rs");
    let lines = source.lines().filter_map(|line| line.strip_prefix("//! |"));
    let rows = lines.skip(2).map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        Row {
            state: cells[0].into(),
            input: cells[1].into(),
            next: {
                // A REGISTER goes out exactly where the binding takes `Send`.
                let sends = cells[1].starts_with("send");
                assert_eq!(cells[2] == "REGISTER", sends, "{line}");
                cells[3].into()
            },
            used: 0,
        }
    });
    rows.collect()
}

/// The state that a cell of the table names; `from` is the state before.
fn state(name: &str, from: BindingState, kind: RegisterKind) -> BindingState {
    let kind = match from {
        BindingState::Busy(kind, _) => kind,
        _ => kind,
    };
    match name {
        "Off" => BindingState::Off,
        "Waiting (T)" | "Waiting (later)" => BindingState::Waiting(AT),
        "Waiting (now)" => BindingState::Waiting(NOW),
        "Waiting (then)" | "Waiting (as refresh)" => BindingState::Waiting(THEN),
        "Busy" => BindingState::Busy(kind, None),
        "Busy, then as it was" => BindingState::Busy(kind, from.act_at()),
        "Busy, then now" => BindingState::Busy(kind, Some(NOW)),
        "Bound (T)" => BindingState::Bound(Some(AT)),
        "Bound (then)" => BindingState::Bound(Some(THEN)),
        "Bound (now)" => BindingState::Bound(Some(NOW)),
        "Bound" | "Bound, no refresh" => BindingState::Bound(None),
        other => panic!("no state {other}"),
    }
}

/// RFC 3261 section 10.2: what is not listed changes nothing.
#[test]
fn rfc3261_10_2_the_documented_table_is_the_binding_machine() {
    let mut rows = rows();
    let busy = RegisterKind::Refresh;
    let states = [
        ("Off", BindingState::Off),
        ("Waiting", BindingState::Waiting(THEN)),
        ("Busy", BindingState::Busy(busy, None)),
        ("Busy, then T", BindingState::Busy(busy, Some(THEN))),
        ("Bound", BindingState::Bound(Some(THEN))),
    ];
    let inputs = [
        ("wait until T", BindingInput::Wait(AT), busy),
        ("send to refresh", BindingInput::Send(busy), busy),
        (
            "send to remove",
            BindingInput::Send(RegisterKind::Remove),
            RegisterKind::Remove,
        ),
        (
            "send to remove all",
            BindingInput::Send(RegisterKind::RemoveAll),
            RegisterKind::RemoveAll,
        ),
        (
            "send to fetch",
            BindingInput::Send(RegisterKind::Fetch),
            RegisterKind::Fetch,
        ),
        ("granted, refresh at T", BindingInput::Granted(AT), busy),
        ("done", BindingInput::Done, busy),
        ("failed, retry at T", BindingInput::Failed(AT), busy),
        ("reset", BindingInput::Reset, busy),
        ("hurry", BindingInput::Hurry, busy),
        ("unwanted", BindingInput::Unwanted, busy),
        ("changed", BindingInput::Changed(NOW), busy),
        ("lapsed", BindingInput::Lapsed, busy),
    ];
    for (state_name, from) in states {
        for (input_name, input, kind) in inputs {
            for (suffix, bound) in [(", bound", true), (", not bound", false)] {
                let after = from.step(input, bound);
                let mut row = rows.iter_mut().filter(|row| {
                    let plain = row.input == input_name;
                    let qualified = row.input.strip_suffix(suffix) == Some(input_name);
                    row.state == state_name && (plain || qualified)
                });
                let found = row.next();
                assert!(row.next().is_none(), "two rows: {state_name}, {input_name}");
                match found {
                    Some(row) => {
                        row.used += 1;
                        let expected = state(&row.next, from, kind);
                        assert_eq!(after, expected, "{state_name} on {input_name}{suffix}");
                    }
                    None => assert_eq!(after, from, "{state_name} on {input_name}{suffix}"),
                }
            }
        }
    }
    for row in rows {
        assert!(
            row.used > 0,
            "no machine has {} on {}",
            row.state,
            row.input
        );
    }
}

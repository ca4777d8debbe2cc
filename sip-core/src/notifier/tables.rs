//! Compares the table in the doc comment of the machine with the machine: every state with every input.

extern crate std;

use std::vec::Vec;

use super::machine::{Effect, End, Ending, Input, State};
use crate::table_rows::read;

const LAST: Option<Ending> = Some(Ending::Terminated);

fn name(state: Option<State>) -> &'static str {
    match state {
        Some(State::Unanswered) => "Unanswered",
        Some(State::Quiet) => "Quiet",
        Some(State::Notifying) => "Notifying",
        Some(State::Backlogged(None)) => "Backlogged",
        Some(State::Backlogged(Some(_))) => "Backlogged with last",
        Some(State::Deferred(None)) => "Deferred",
        Some(State::Deferred(Some(_))) => "Deferred with last",
        Some(State::Waiting(None)) => "Waiting",
        Some(State::Waiting(Some(_))) => "Waiting with last",
        Some(State::Ending(_)) => "Ending",
        None => "(over)",
    }
}

const STATES: [State; 10] = [
    State::Unanswered,
    State::Quiet,
    State::Notifying,
    State::Backlogged(None),
    State::Backlogged(LAST),
    State::Deferred(None),
    State::Deferred(LAST),
    State::Waiting(None),
    State::Waiting(LAST),
    State::Ending(Ending::Terminated),
];

const INPUTS: [(&str, Input); 18] = [
    ("accept", Input::Accept(None)),
    ("last accept", Input::Accept(LAST)),
    ("reject", Input::Reject),
    ("report", Input::Report),
    ("last report", Input::LastReport),
    ("refresh", Input::Refresh),
    ("unsubscribe", Input::Unsubscribe),
    ("delivery", Input::Delivered),
    ("deferral", Input::Deferred),
    ("failure", Input::Failed),
    ("loss", Input::Lost),
    ("connection", Input::Connected),
    ("no connection", Input::Abandoned),
    ("give up", Input::GiveUp),
    ("retry", Input::Retry),
    ("expiry", Input::Expiry),
    ("stop", Input::Stop),
    ("end of dialog", Input::DialogEnded),
];

fn does(effect: &Effect) -> &'static str {
    match effect {
        Effect::Accept => "200",
        Effect::Reject | Effect::Refuse => "refusal",
        Effect::Overlap => "500",
        Effect::Gone => "481",
        Effect::Notify(_) => "NOTIFY",
        Effect::End(_) => "end",
    }
}

/// RFC 6665 4.2 (6665-4.2.1-A, 6665-4.2.2-A): every state of a subscription with every input does what the table says.
#[test]
fn rfc6665_4_2_the_documented_table_is_the_machine_of_a_subscription() {
    let mut rows = read(include_str!("machine.rs"));
    for state in STATES {
        let from = name(Some(state));
        for (input_name, input) in INPUTS {
            let (next, effects) = state.step(input);
            let done: Vec<_> = effects.iter().map(does).collect();
            let next = name(next);
            let found = rows.iter_mut().find(|row| {
                row.states.iter().any(|known| known == from)
                    && row.inputs.iter().any(|known| known == input_name)
            });
            let Some(row) = found else {
                assert!(
                    done.is_empty() && next == from,
                    "no row: {from} on {input_name} does {done:?}, {next}"
                );
                continue;
            };
            row.used += 1;
            let expected = match row.next.as_str() {
                "same" => from,
                other => other,
            };
            assert_eq!(next, expected, "{from} on {input_name}");
            assert_eq!(done, row.does, "{from} on {input_name}");
        }
    }
    for row in rows {
        let cells = row.states.len() * row.inputs.len();
        assert_eq!(
            row.used, cells,
            "{:?} on {:?} is twice in the table",
            row.states, row.inputs
        );
    }
}

/// RFC 6665 4.2.2 (6665-4.2.2-A): once the last NOTIFY waits, nothing changes why the subscription ends; and an entry that ends
/// has one end, unless the application has rejected it.
#[test]
fn rfc6665_4_2_2_the_last_notify_is_never_replaced_and_each_end_is_one() {
    for state in STATES {
        for (input_name, input) in INPUTS {
            let (next, effects) = state.step(input);
            if state.is_ending() {
                let kept = match next {
                    Some(
                        State::Backlogged(kept) | State::Deferred(kept) | State::Waiting(kept),
                    ) => kept,
                    Some(State::Ending(kept)) => Some(kept),
                    None => LAST,
                    other => panic!("{other:?} on {input_name}"),
                };
                assert_eq!(kept, LAST, "{state:?} on {input_name}");
            }
            let ends = effects
                .iter()
                .filter(|effect| matches!(effect, Effect::End(_)));
            let expected = next.is_none() && input != Input::Reject;
            assert_eq!(
                ends.count(),
                usize::from(expected),
                "{state:?} {input_name}"
            );
            // At most one NOTIFY is in flight.
            let sends = effects.iter().any(|effect| does(effect) == "NOTIFY");
            let answered = matches!(input, Input::Delivered);
            assert!(!sends || !state.is_notifying() || answered, "{state:?}");
            assert_eq!(
                sends,
                next.is_some_and(State::is_notifying) && (!state.is_notifying() || sends),
                "{state:?} on {input_name}"
            );
        }
    }
    let ends = [
        (Ending::Terminated, End::Terminated),
        (Ending::Expired, End::Expired),
        (Ending::Unsubscribed, End::Unsubscribed),
        (Ending::Stopped, End::DialogEnded),
    ];
    for (ending, end) in ends {
        for input in [Input::Delivered, Input::Failed, Input::DialogEnded] {
            let (next, effects) = State::Ending(ending).step(input);
            assert_eq!((next, &effects[..]), (None, &[Effect::End(end)][..]));
        }
    }
}

//! Compares the table in the doc comment of the machine with the machine: every state with every input.

extern crate std;

use std::string::String;
use std::vec::Vec;

use super::machine::{Effect, Ending, Input, State};
use crate::table_rows::{Row, read};

const STATES: [(&str, State); 15] = [
    ("Queued", State::Queued { poll: false }),
    ("Queued poll", State::Queued { poll: true }),
    ("BackingOff", State::BackingOff),
    ("Offline", State::Offline),
    ("Sent", State::Sent),
    ("Accepted", State::Accepted),
    ("Notified", State::Notified),
    ("Subscribed", State::Subscribed),
    ("Refreshing", State::Refreshing),
    ("Refreshed", State::Refreshed),
    ("Polling", State::Polling),
    ("Cancelling", State::Cancelling),
    ("Cancelled", State::Cancelled),
    ("Parting", State::Parting),
    ("Leaving", State::Leaving),
];

/// The inputs; of those with a retry the one without it.
const INPUTS: [(&str, Input); 16] = [
    ("no connection", Input::NotConnected),
    ("2xx", Input::Accepted),
    ("423", Input::TooBrief),
    ("failure", Input::Failed),
    ("refusal", Input::Refused { again: false }),
    ("loss", Input::Lost { again: false }),
    ("NOTIFY", Input::Notify),
    ("last NOTIFY", Input::LastNotify { again: false }),
    ("timer N", Input::NotifyTimeout { again: false }),
    ("due", Input::Due),
    ("expiry", Input::Expired { again: false }),
    ("connection", Input::Connected),
    ("refresh", Input::Refresh),
    ("unsubscribe", Input::Unsubscribe),
    ("give up", Input::GiveUp),
    ("stop", Input::Stop),
];

const WITH_RETRY: [(&str, Input); 5] = [
    ("refusal with retry", Input::Refused { again: true }),
    ("loss with retry", Input::Lost { again: true }),
    ("last NOTIFY with retry", Input::LastNotify { again: true }),
    ("timer N with retry", Input::NotifyTimeout { again: true }),
    ("expiry with retry", Input::Expired { again: true }),
];

fn name(state: Option<State>) -> &'static str {
    let Some(state) = state else {
        return "(over)";
    };
    let mut states = STATES.iter();
    states
        .find(|(_, known)| *known == state)
        .map_or("?", |(name, _)| name)
}

fn does(effect: &Effect) -> String {
    let ending = |ending: &Ending| match ending {
        Ending::Terminated => "terminated",
        Ending::Failed => "failed",
        Ending::NoNotify => "no NOTIFY",
        Ending::Expired => "expired",
        Ending::Unsubscribed => "unsubscribed",
    };
    match effect {
        Effect::Subscribe => "subscribe".into(),
        Effect::Refresh => "refresh".into(),
        Effect::Unsubscribe => "unsubscribe".into(),
        Effect::Await => "timer N".into(),
        Effect::Settle => "no timer N".into(),
        Effect::Lease => "lease".into(),
        Effect::Retry => "retry".into(),
        Effect::BackOff(cause) => std::format!("back off: {}", ending(cause)),
        Effect::AwaitConnection(cause) => std::format!("await connection: {}", ending(cause)),
        Effect::End(cause) => ending(cause).into(),
    }
}

/// RFC 6665 4.1: every state of a subscription with every input does what the table says; what is not listed changes nothing.
/// A state that never retries has no row for a retry: the input without it counts.
#[test]
fn rfc6665_4_1_the_documented_table_is_the_machine_of_a_subscription() {
    let mut rows = read(include_str!("machine.rs"));
    for (state_name, state) in STATES {
        for (input_name, input) in INPUTS.iter().chain(&WITH_RETRY) {
            let (next, effects) = state.step(*input);
            let effects: Vec<String> = effects.iter().map(does).collect();
            let names = |row: &&mut Row, input: &str| {
                row.states.iter().any(|state| state == state_name)
                    && row.inputs.iter().any(|known| known == input)
            };
            let mut fits = rows.iter_mut().filter(|row| names(row, input_name));
            let found = fits.next();
            assert!(
                fits.next().is_none(),
                "two rows: {state_name}, {input_name}"
            );
            let plain = input_name.trim_end_matches(" with retry");
            let row = match found {
                Some(row) => Some(row),
                None => rows.iter_mut().find(|row| names(row, plain)),
            };
            let Some(row) = row else {
                assert!(
                    effects.is_empty(),
                    "{state_name} on {input_name}: {effects:?}"
                );
                assert_eq!(next, Some(state), "{state_name} on {input_name}");
                continue;
            };
            row.used += 1;
            let expected = match row.next.as_str() {
                "same" => state_name,
                other => other,
            };
            assert_eq!(name(next), expected, "{state_name} on {input_name}");
            assert_eq!(row.does, effects, "{state_name} on {input_name}");
        }
    }
    for row in rows {
        let cells = row.states.len() * row.inputs.len();
        assert!(row.used >= cells, "{:?} on {:?}", row.states, row.inputs);
    }
}

/// RFC 6665 4.1.2.4: where the notifier owes a NOTIFY, timer N ends the wait for it.
#[test]
fn rfc6665_4_1_2_4_every_wait_for_a_notify_ends() {
    for (name, state) in STATES {
        let waits = !matches!(
            state,
            State::BackingOff | State::Offline | State::Notified | State::Subscribed
        );
        let (next, _) = state.step(Input::NotifyTimeout { again: false });
        assert_eq!(next.is_none(), waits, "{name}");
        let (next, _) = state.step(Input::Stop);
        assert_eq!(next, None, "{name}");
    }
}

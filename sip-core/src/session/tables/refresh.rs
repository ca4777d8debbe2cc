//! The table of a session timer (`refresh.rs`).

extern crate std;

use core::time::Duration;
use std::format;
use std::string::String;
use std::vec::Vec;

use crate::session::refresh::{Timing, TimingEffect, TimingEffects, TimingInput};
use crate::table_rows::read;

/// RFC 4028 sections 7.2, 9 and 10: every state of a session timer with every input does what the table says.
#[test]
fn rfc4028_10_the_documented_table_is_the_machine_of_a_session_timer() {
    let mut rows = read(include_str!("../refresh.rs"));
    let due = |seconds| TimingInput::Due(Duration::from_secs(seconds));
    let inputs = [
        ("1800 s for us", TimingInput::Agreed(1_800, true)),
        ("90 s for us", TimingInput::Agreed(90, true)),
        ("1800 s for the peer", TimingInput::Agreed(1_800, false)),
        ("90 s for the peer", TimingInput::Agreed(90, false)),
        ("no timer", TimingInput::NotAgreed),
        ("due 900 s before the end", due(900)),
        ("due 15 s before the end", due(15)),
        ("due 8 s before the end", due(8)),
        ("due at the end", due(0)),
        ("connection", TimingInput::Connected),
        ("expired", TimingInput::Expired),
    ];
    let name = |timing| match timing {
        Timing::Off => ("Off", None),
        Timing::Ours(interval) => ("Ours", Some(interval)),
        Timing::Overdue(interval) => ("Overdue", Some(interval)),
        Timing::Theirs(interval) => ("Theirs", Some(interval)),
    };
    let mut cells = 0;
    for state in [
        Timing::Off,
        Timing::Ours(600),
        Timing::Overdue(600),
        Timing::Theirs(600),
    ] {
        for (input_name, input) in inputs {
            cells += 1;
            let mut effects = TimingEffects::new();
            let after = state.step(input, &mut effects);
            let does: Vec<String> = effects
                .iter()
                .map(|effect| match effect {
                    TimingEffect::RefreshAfter(time) => {
                        format!("refresh after {} s", time.as_secs())
                    }
                    TimingEffect::ExpireAfter(time) => format!("expire after {} s", time.as_secs()),
                    TimingEffect::Refresh => "refresh".into(),
                    TimingEffect::End => "end".into(),
                })
                .collect();
            let ((before, _), (next, interval)) = (name(state), name(after));
            if let Some(interval) = interval {
                let agreed = match input {
                    TimingInput::Agreed(agreed, _) => agreed,
                    _ => 600,
                };
                assert_eq!(interval, agreed, "{before} on {input_name}: the interval");
            }
            let row = rows.iter_mut().find(|row| {
                row.states.iter().any(|state| state == before)
                    && row.inputs.iter().any(|name| name == input_name)
            });
            match row {
                Some(row) => {
                    row.used += 1;
                    let expected = (&row.does, row.next.as_str());
                    assert_eq!((&does, next), expected, "{before} on {input_name}");
                }
                None => assert_eq!((does.len(), after), (0, state), "{before} on {input_name}"),
            }
        }
    }
    assert_eq!(cells, 4 * 11);
    let unused: Vec<_> = rows.iter().filter(|row| row.used == 0).collect();
    let unused: Vec<_> = unused
        .iter()
        .map(|row| (&row.states, &row.inputs))
        .collect();
    assert!(unused.is_empty(), "no machine has {unused:?}");
}

//! The tables of a REFER of this side (`transfer.rs`) and of a peer (`referral.rs`).

extern crate std;

use std::format;
use std::string::String;
use std::vec::Vec;

use sip_parse::StatusCode;

use crate::session::referral::{ReferralEffect, ReferralInput, ReferralState, Report};
use crate::session::transfer::{TransferEffect, TransferEnding, TransferInput, TransferState};
use crate::table_rows::{Row, read};

/// One cell: the names of the state, the most special first; the input; the effects; the next state.
fn check(rows: &mut [Row], names: &[&str], input: &str, does: &[&str], next: &str) {
    let found = names.iter().find_map(|name| {
        let fits = |row: &Row| {
            row.states.iter().any(|state| state == name) && row.inputs.iter().any(|i| i == input)
        };
        rows.iter().position(fits)
    });
    let Some(place) = found else {
        let unchanged = does.is_empty() && names.contains(&next);
        assert!(
            unchanged,
            "no row: {names:?} on {input} does {does:?}, {next}"
        );
        return;
    };
    let row = &mut rows[place];
    row.used += 1;
    let expected = match row.next.as_str() {
        "same" => names.contains(&next),
        other => other == next,
    };
    assert!(expected, "{names:?} on {input} leads to {next}");
    assert_eq!(row.does, does, "{names:?} on {input}");
}

fn all_used(rows: &[Row]) {
    let unused: Vec<_> = rows.iter().filter(|row| row.used == 0).collect();
    let unused: Vec<_> = unused
        .iter()
        .map(|row| (&row.states, &row.inputs))
        .collect();
    assert!(unused.is_empty(), "no machine has {unused:?}");
}

/// RFC 3515 2.4, RFC 4488 4: every state of a REFER of this side with every input does what the table says.
#[test]
fn rfc3515_2_4_the_documented_table_is_the_machine_of_a_transfer() {
    let mut rows = read(include_str!("../transfer.rs"));
    let mut inputs = Vec::from([
        (String::from("2xx"), TransferInput::Accepted),
        (
            "2xx without subscription".into(),
            TransferInput::AcceptedAlone,
        ),
        ("refusal".into(), TransferInput::Refused),
        ("timer".into(), TransferInput::Timeout),
        ("end of dialog".into(), TransferInput::DialogEnded),
    ]);
    for (prefix, last) in [("", false), ("last ", true)] {
        for status in [100, 200, 486] {
            let name = format!("{prefix}NOTIFY {status}");
            let status = StatusCode::new(status);
            inputs.push((name, TransferInput::Notified { status, last }));
        }
        let status = None;
        let name = format!("{prefix}NOTIFY");
        inputs.push((name, TransferInput::Notified { status, last }));
    }
    for (state, name) in [
        (TransferState::Sent, "Sent"),
        (TransferState::Subscribed, "Subscribed"),
        (TransferState::Reported, "Reported"),
    ] {
        for (input_name, input) in &inputs {
            let (next, effects) = state.step(*input);
            let does: Vec<&str> = effects
                .iter()
                .map(|effect| match effect {
                    TransferEffect::Progress(_) => "progress",
                    TransferEffect::End(ending) => match ending {
                        TransferEnding::Succeeded(_) => "succeeded",
                        TransferEnding::Failed(_) => "failed",
                        TransferEnding::Unreported => "unreported",
                        TransferEnding::Refused => "refused",
                        TransferEnding::Terminated => "terminated",
                        TransferEnding::TimedOut => "timed out",
                        TransferEnding::CallEnded => "call ended",
                    },
                })
                .collect();
            let next = match next {
                Some(TransferState::Sent) => "Sent",
                Some(TransferState::Subscribed) => "Subscribed",
                Some(TransferState::Reported) => "Reported",
                None => "(over)",
            };
            check(&mut rows, &[name], input_name, &does, next);
        }
    }
    all_used(&rows);
}

fn name(state: Option<ReferralState>) -> &'static str {
    match state {
        Some(ReferralState::Unanswered) => "Unanswered",
        Some(ReferralState::Quiet(_)) => "Quiet",
        Some(ReferralState::Notifying(_)) => "Notifying",
        Some(ReferralState::Backlogged(_)) => "Backlogged",
        Some(ReferralState::Waiting(_)) => "Waiting",
        Some(ReferralState::Ending(_)) => "Ending",
        None => "(over)",
    }
}

/// RFC 3515 2.4.4, RFC 6665 4.2.2: every state of a REFER of a peer with every input does what the table says.
#[test]
fn rfc3515_2_4_4_the_documented_table_is_the_machine_of_a_referral() {
    let mut rows = read(include_str!("../referral.rs"));
    let (ringing, last) = (Report::of(StatusCode::RINGING), Report::of(StatusCode::OK));
    assert_eq!(
        (ringing.terminated, last.terminated),
        (None, Some("noresource"))
    );
    let inputs = [
        ("accept", ReferralInput::Accept),
        ("accept alone", ReferralInput::AcceptAlone),
        ("report", ReferralInput::Report(ringing)),
        ("last report", ReferralInput::Report(last)),
        ("delivery", ReferralInput::Delivered),
        ("failure", ReferralInput::Failed),
        ("loss", ReferralInput::Lost),
        ("refresh", ReferralInput::Refresh),
        ("connection", ReferralInput::Connected),
        ("timer", ReferralInput::Timeout),
        ("end of call", ReferralInput::CallEnded),
        ("end of dialog", ReferralInput::DialogEnded),
    ];
    let states = [
        (ReferralState::Unanswered, ""),
        (ReferralState::Quiet(StatusCode::RINGING), ""),
        (ReferralState::Notifying(ringing), ""),
        (ReferralState::Backlogged(ringing), ""),
        (ReferralState::Backlogged(last), "Backlogged with last"),
        (ReferralState::Waiting(ringing), ""),
        (ReferralState::Waiting(last), "Waiting with last"),
        (ReferralState::Ending(last), ""),
    ];
    for (state, special) in states {
        for (input_name, input) in inputs {
            let (next, effect) = state.step(input);
            let does: &[&str] = match effect {
                Some(ReferralEffect::Accept(Some(_))) => &["2xx", "NOTIFY"],
                Some(ReferralEffect::Accept(None)) => &["2xx"],
                Some(ReferralEffect::Refuse) => &["refusal"],
                Some(ReferralEffect::Notify(_)) => &["NOTIFY"],
                None => &[],
            };
            let names = [special, name(Some(state))];
            check(&mut rows, &names, input_name, does, name(next));
            // The last report is never replaced.
            if let (false, Some(ReferralState::Backlogged(kept) | ReferralState::Waiting(kept))) =
                (special.is_empty(), next)
            {
                assert_eq!(kept, last, "{special} on {input_name}");
            }
        }
    }
    all_used(&rows);
}

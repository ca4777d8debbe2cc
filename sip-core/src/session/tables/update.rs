//! Tests the table of UPDATEs (`update.rs`), in a call that is up with a peer that takes UPDATE.

extern crate std;

use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use sip_parse::Method;

use super::call::World;
use crate::session::{Input, ModifyOptions};
use crate::table_rows::{Row, read};

const STATES: [&str; 6] = [
    "Idle",
    "Offering",
    "Sent",
    "Sent without offer",
    "Glare",
    "Answering",
];

const INPUTS: [&str; 30] = [
    "SendUpdate",
    "SendUpdate without offer",
    "Renegotiate",
    "Renegotiate without offer",
    "Hold",
    "Describe",
    "no description",
    "Reject",
    "UPDATE",
    "UPDATE without offer",
    "INVITE",
    "INVITE without offer",
    "1xx to UPDATE",
    "2xx to UPDATE",
    "2xx without description to UPDATE",
    "491 to UPDATE",
    "405 to UPDATE",
    "refusal to UPDATE",
    "timeout of our UPDATE",
    "loss of our UPDATE",
    "failed resending of our UPDATE",
    "loss of their UPDATE",
    "timer Update",
    "timer Description",
    "timer Refresh",
    "timer Expiry",
    "HangUp",
    "BYE",
    "gone",
    "Stop",
];

/// Commands that are refused where the table does not list them.
const COMMANDS: [&str; 8] = [
    "SendUpdate",
    "SendUpdate without offer",
    "Renegotiate",
    "Renegotiate without offer",
    "Hold",
    "Describe",
    "no description",
    "Reject",
];

fn reach(state: &str) -> World {
    let mut world = World::reach("Calling");
    world.updates = true;
    world.reply(Method::Invite, 200, true);
    let options = ModifyOptions::new();
    match state {
        "Idle" => {}
        "Offering" => drop(world.command(Input::SendUpdate(options))),
        "Sent" => {
            world.command(Input::SendUpdate(options));
            world.describe();
        }
        "Sent without offer" => {
            world.command(Input::SendUpdate(options.without_offer()));
        }
        "Glare" => {
            world.command(Input::SendUpdate(options));
            world.describe();
            world.reply(Method::Update, 491, false);
        }
        "Answering" => {
            let update = world.request("UPDATE", 50, true);
            world.receive(update);
        }
        other => panic!("no state {other}"),
    }
    assert_eq!(next(&world), state);
    world
}

/// The state of the UPDATEs, and that of the call if it is another than `Confirmed`.
fn next(world: &World) -> String {
    let Some(update) = world.calls.update_state_for_tests(world.id) else {
        return "(over)".to_string();
    };
    match world.state().as_str() {
        "Confirmed" => update.to_string(),
        state => format!("{update} in {state}"),
    }
}

/// RFC 3311 section 5: every state of the UPDATEs with every input does what the table says.
#[test]
fn rfc3311_5_the_documented_table_is_the_update_machine() {
    let mut rows = read(include_str!("../update.rs"));
    let mut wrong = Vec::new();
    for state in STATES {
        for input in INPUTS {
            let mut world = reach(state);
            let Some((does, refused)) = world.feed(input) else {
                continue;
            };
            let fits = |row: &&mut Row| {
                row.states.iter().any(|name| name == state)
                    && row.inputs.iter().any(|name| name == input)
            };
            assert!(
                rows.iter_mut().filter(fits).count() <= 1,
                "{state}, {input}"
            );
            let is_described = match rows.iter_mut().find(fits) {
                Some(row) => {
                    row.used += 1;
                    let expected = if row.next == "same" { state } else { &row.next };
                    row.does == does && expected == next(&world) && !refused
                }
                None => {
                    let refuses = COMMANDS.contains(&input);
                    does.is_empty() && next(&world) == state && refused == refuses
                }
            };
            if !is_described {
                let (does, next) = (does.join(", "), next(&world));
                wrong.push(format!("| {state} | {input} | {does} | {next} |"));
            }
        }
    }
    assert!(wrong.is_empty(), "the machine does:\n{}", wrong.join("\n"));
    let unused = rows.iter().filter(|row| row.used == 0);
    let unused: Vec<_> = unused.map(|row| (&row.states, &row.inputs)).collect();
    assert!(unused.is_empty(), "no machine has {unused:?}");
}

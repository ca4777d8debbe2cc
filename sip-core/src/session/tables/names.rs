//! The names of the states and inputs in the table of a call.

extern crate std;

use std::format;
use std::string::String;

use super::early;

/// The state, and whether the peer's INVITE had no offer.
pub(super) fn split(name: &str) -> (&str, bool) {
    let (mut name, ours) = match name.strip_suffix(" with our offer") {
        Some(state) => (state, true),
        None => (name, false),
    };
    let kinds = [
        " for a repair",
        " without offer",
        " for an answer",
        " with our answer",
        " with redirections",
    ];
    for suffix in early::SUFFIXES.into_iter().chain(kinds) {
        name = name.strip_suffix(suffix).unwrap_or(name);
    }
    (name, ours)
}

pub(super) fn join(state: &str, ours: bool) -> String {
    let suffix = if ours { " with our offer" } else { "" };
    format!("{state}{suffix}")
}

/// Commands that are refused where the table does not list them.
pub(super) const COMMANDS: [&str; 11] = [
    "Ring",
    "Progress",
    "Progress with description",
    "Answer",
    "Reject",
    "Renegotiate",
    "Renegotiate without offer",
    "SendUpdate",
    "Hold",
    "Describe",
    "no description",
];

pub(super) const STATES: [&str; 46] = [
    "AwaitingOffer",
    "QueuedInvite",
    "Calling",
    "Cancelling",
    "AwaitingAnswer",
    "QueuedAck",
    "Incoming",
    "Accepting",
    "Answered",
    "HangingUp",
    "Confirmed",
    "Offering",
    "Reinviting",
    "Glare",
    "Answering",
    "Reanswered",
    "Terminating",
    "QueuedBye",
    "LostBye",
    "Incoming with our offer",
    "Accepting with our offer",
    "Answered with our offer",
    "HangingUp with our offer",
    "Answering with our offer",
    "Reanswered with our offer",
    "Reinviting for a repair",
    "Reinviting without offer",
    "Acknowledging",
    "Calling for an answer",
    "Calling with our answer",
    "Calling with redirections",
    "Calling negotiated",
    "Calling with an UPDATE",
    "Cancelling negotiated",
    "Incoming with early media",
    "Incoming with early media with our offer",
    "Incoming unacknowledged",
    "Incoming unacknowledged with our offer",
    "Incoming with a preview",
    "Incoming negotiated",
    "Incoming negotiated with our offer",
    "Incoming with a PRACK",
    "Accepting unacknowledged",
    "Accepting unacknowledged with our offer",
    "Accepting with a PRACK",
    "Answered negotiated",
];

pub(super) const INPUTS: [&str; 74] = [
    "Ring",
    "Progress",
    "Progress with description",
    "PRACK",
    "PRACK with description",
    "PRACK of another response",
    "timer RepeatProvisional",
    "timer Prack",
    "Answer",
    "Reject",
    "HangUp",
    "Renegotiate",
    "Renegotiate without offer",
    "SendUpdate",
    "Hold",
    "Describe",
    "no description",
    "Stop",
    "CANCEL",
    "BYE",
    "INVITE",
    "INVITE without offer",
    "UPDATE",
    "UPDATE without offer",
    "ACK",
    "ACK without answer",
    "1xx to INVITE",
    "2xx to INVITE",
    "2xx without description to INVITE",
    "430 to INVITE",
    "refusal to INVITE",
    "timeout of our INVITE",
    "loss of our INVITE",
    "resending of our INVITE",
    "failed resending of our INVITE",
    "1xx to re-INVITE",
    "2xx to re-INVITE",
    "2xx without description to re-INVITE",
    "491 to re-INVITE",
    "480 to re-INVITE",
    "refusal to re-INVITE",
    "timeout of our re-INVITE",
    "loss of our re-INVITE",
    "resending of our re-INVITE",
    "failed resending of our re-INVITE",
    "1xx to BYE",
    "refusal to BYE",
    "2xx to BYE",
    "timeout of our BYE",
    "loss of our BYE",
    "failed resending of our BYE",
    "loss of their INVITE",
    "loss of their UPDATE",
    "gone",
    "connection",
    "no connection",
    "timer NoAnswer",
    "timer Description",
    "timer Ring",
    "timer Repeat",
    "timer GiveUp",
    "timer Offer",
    "timer Refresh",
    "timer Expiry",
    "reliable 1xx to INVITE",
    "reliable 1xx without description to INVITE",
    "199 to INVITE",
    "1xx to PRACK",
    "2xx to PRACK",
    "refusal to PRACK",
    "timeout of our PRACK",
    "failed resending of our PRACK",
    "302 to INVITE",
    "timer Invitation",
];

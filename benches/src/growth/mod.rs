//! The cost of one more step while many others are up: `growth` runs these series at growing sizes.
//!
//! A curve that rises shows a loop over a table: one call should cost the same with one other call up and with 100,000.

mod agents;
mod fleet;
mod layer;
mod sessions;

use sip_core::Limits;
use sip_parse::{Builder, Bytes, HeaderName, Message, Method, StatusCode};

/// A series, set up at one size.
pub trait Series {
    /// Runs one step.
    fn step(&mut self);

    /// Lets what the last steps have left lapse, which no measurement counts.
    fn rest(&mut self) {}

    /// How many objects one step handles; its cost is divided by them.
    fn objects(&self) -> u64 {
        1
    }

    /// Whether the step ends what was set up, so that there is only one.
    fn is_spent(&self) -> bool {
        false
    }
}

/// Sets up a series at a size.
type Make = fn(u64) -> Box<dyn Series>;

/// All series: name, what grows and what one step is, set-up.
pub const ALL: &[(&str, &str, Make)] = &[
    (
        "session-layer-calls-up",
        "calls up: one call more, both ends",
        sessions::calls_up,
    ),
    (
        "session-layer-connections",
        "connections with a call each: one more, with a call, is lost",
        sessions::connections,
    ),
    (
        "session-layer-lost",
        "fresh calls on a connection: its loss, for each call",
        sessions::lost,
    ),
    (
        "user-agent-calls-up",
        "calls up: one call more, both ends",
        agents::calls_up,
    ),
    (
        "user-agent-ringing",
        "ringing calls: one call more, both ends",
        agents::ringing,
    ),
    (
        "user-agent-requests",
        "unanswered requests: one call more, both ends",
        agents::requests,
    ),
    (
        "user-agent-refers",
        "calls up with an unanswered REFER each: one call more, both ends",
        agents::refers,
    ),
    (
        "user-agent-subscriptions",
        "subscriptions: one NOTIFY and one call more, both ends",
        agents::subscriptions,
    ),
    (
        "user-agent-publications",
        "publications: one of them published again",
        agents::publications,
    ),
    (
        "user-agent-lost",
        "fresh calls on a connection: its loss, for each call",
        agents::lost,
    ),
    (
        "user-agent-tick",
        "calls up: one tick that fires nothing, and the next deadline",
        agents::tick,
    ),
    (
        "transactions-pending",
        "transactions of each side: one OPTIONS more, both ends",
        layer::pending,
    ),
    (
        "transactions-fire",
        "requests over UDP: one tick that sends one of them again",
        layer::fire,
    ),
    (
        "transactions-connections",
        "connections with a transaction each: one more opens, asks and is lost",
        layer::connections,
    ),
    (
        "fleet-agents",
        "registered agents: a REGISTER of one of them",
        fleet::agents,
    ),
    (
        "fleet-tick",
        "registered agents: one tick that refreshes one of them",
        fleet::tick,
    ),
    (
        "fleet-leave",
        "agents with an action each: one more comes and goes",
        fleet::leave,
    ),
];

/// Sets up the series of this name at a size.
#[must_use]
pub fn make(name: &str, size: u64) -> Option<Box<dyn Series>> {
    let (_, _, make) = ALL.iter().find(|(known, ..)| *known == name)?;
    Some(make(size))
}

/// No limit that a size could reach.
pub(crate) fn limits() -> Limits {
    const MOST: usize = usize::MAX / 16;
    let mut limits = Limits::default();
    for limit in [
        &mut limits.sessions,
        &mut limits.incoming_sessions,
        &mut limits.client_transactions,
        &mut limits.server_transactions,
        &mut limits.requests,
        &mut limits.incoming,
        &mut limits.refers,
        &mut limits.subscriptions,
        &mut limits.incoming_subscriptions,
        &mut limits.publications,
        &mut limits.fired_per_tick,
        &mut limits.actions,
    ] {
        *limit = MOST;
    }
    limits
}

/// The description of a WebRTC call.
pub(crate) fn webrtc_description() -> String {
    let invite = include_bytes!("../../messages/c_invite_webrtc.sip");
    let invite = String::from_utf8_lossy(invite);
    let body = invite.split_once("\r\n\r\n").map(|(_, body)| body);
    body.unwrap_or_default().to_owned()
}

/// The 200 to any request: a registrar gives what the agent asks for, and a state agent has an entity tag.
pub(crate) fn far_end(request: &Bytes) -> Bytes {
    let limits = sip_parse::Limits::DEFAULT;
    let request = Message::parse(request.clone(), &limits).expect("a message");
    let request = request.into_request().expect("a request");
    let mut response = Builder::response_to(&request, StatusCode::OK, Some(b"314159"));
    if request.method() == Method::Publish {
        response.append(HeaderName::SipEtag, "a1b2c3");
        response.append(HeaderName::Expires, 3_600);
    }
    for contact in request.headers_named(HeaderName::Contact) {
        response.append(HeaderName::Contact, contact.value);
    }
    response.build().expect("a response").bytes().clone()
}

//! What the series of `growth` share.

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

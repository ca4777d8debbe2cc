//! Session timers (RFC 4028), in both roles, against a scripted peer and between two agents.

mod negotiation;
mod refreshing;
mod updates;

use sip_core::config::ConfigBuilder;
use sip_core::{Cause, EndReason, Event, SessionId};
use sip_parse::{HeaderName, Method, Request, Response};
use sip_testing::{Bench, OFFER, SECOND, alice, value};

const SECOND_OFFER: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n";

/// Contact of the peer, for every 2xx.
const CONTACT: (&str, &str) = ("Contact", "<sip:bob@192.0.2.9>");

/// An agent that asks for this interval.
fn asking(seconds: u32) -> ConfigBuilder {
    let mut config = alice();
    config.session_expires(seconds * SECOND);
    config
}

/// A call of the agent that is up; `fields` are those of the 2xx.
fn called(config: &ConfigBuilder, fields: &[(&str, &str)]) -> (Bench, SessionId, Request) {
    let mut bench = Bench::new(config);
    let (id, invite) = bench.call();
    accept(&mut bench, &invite, fields);
    bench.expect(|event| matches!(event, Event::Established { .. }).then_some(()));
    bench.events.clear();
    (bench, id, invite)
}

/// The peer accepts an INVITE of the agent; the agent acknowledges.
fn accept(bench: &mut Bench, invite: &Request, fields: &[(&str, &str)]) {
    let fields: Vec<_> = [CONTACT]
        .into_iter()
        .chain(fields.iter().copied())
        .collect();
    bench.reply_tagged(invite, 200, "bob1", &fields, Some(OFFER));
    assert_eq!(bench.next_request().method(), Method::Ack);
}

/// The peer calls with these header fields; the agent's first response that is not 100.
fn invited(bench: &mut Bench, fields: &str) -> Option<SessionId> {
    let user = bench.contact_user();
    bench.feed(&format!(
        "INVITE sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bKbob1\n\
         Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag=bobtag\nTo: <sip:alice@example.com>\n\
         Call-ID: from-bob-1\nCSeq: 7 INVITE\nContact: <sip:bob@bob.invalid;transport=ws>\n{fields}\
         Content-Type: application/sdp\nContent-Length: {}\n\n{}",
        OFFER.len(),
        OFFER.replace("\r\n", "\n"),
    ));
    bench.events.iter().find_map(|event| match event {
        Event::IncomingCall { session, .. } => Some(*session),
        _ => None,
    })
}

/// A call of the peer that is up, and the 2xx of the agent.
fn answered(config: &ConfigBuilder, fields: &str) -> (Bench, SessionId, Response) {
    let mut bench = Bench::new(config);
    let id = invited(&mut bench, fields).expect("a call");
    let ok = bench.answer(id, OFFER);
    assert_eq!(ok.status().as_u16(), 200);
    bench.in_dialog("ACK", 7, "ack", &ok, "");
    bench.expect(|event| matches!(event, Event::Established { .. }).then_some(()));
    bench.events.clear();
    (bench, id, ok)
}

/// The agent refreshes by a re-INVITE, for which the application gives the offer.
#[track_caller]
fn refresh(bench: &mut Bench, id: SessionId) -> Request {
    bench.description_needed();
    bench.describe(id, SECOND_OFFER);
    let request = bench.next_request();
    assert_eq!(request.method(), Method::Invite);
    assert_eq!(request.body(), SECOND_OFFER.as_bytes());
    request
}

/// The agent has ended the call because its session expired.
#[track_caller]
fn expired(bench: &mut Bench) {
    let bye = bench.next_request();
    assert_eq!(bye.method(), Method::Bye);
    let reason = value(&bye, HeaderName::Reason);
    assert_eq!(reason, "SIP;cause=408;text=\"Session expired\"", "RFC 3326");
    bench.reply(&bye, 200, &[]);
    assert_eq!(ended(bench).cause, Cause::Expired);
    bench.wait(64 * SECOND);
    bench.assert_nothing_left();
}

fn ended(bench: &mut Bench) -> EndReason {
    bench.expect(|event| match event {
        Event::Ended { reason, .. } => Some((**reason).clone()),
        _ => None,
    })
}

fn session_expires(message: &sip_parse::Message) -> String {
    value(message, HeaderName::SessionExpires)
}

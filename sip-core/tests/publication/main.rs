//! Publications of event state (RFC 3903): what the agent sends, and what it reports.

mod connection;
mod failures;
mod random_walk;

use std::time::Duration;

use sip_core::config::{ConfigBuilder, OfflineRequests};
use sip_core::{
    Body, Cause, CommandError, Event, ExtraHeader, ExtraHeaderError, Limits, Originator,
    PublicationId, PublishOptions, Timestamp, Transport, UserAgent,
};
use sip_parse::{HeaderName, Method, Request};
use sip_testing::{Bench, SECOND, alice, random, response, value};

const ME: &str = "sip:alice@example.com";
const OPEN: &str = "<presence>open</presence>";
const BUSY: &str = "<presence>busy</presence>";
const AWAY: &str = "<presence>away</presence>";

fn pidf(text: &str) -> Body {
    Body::new("application/pidf+xml", text.to_owned())
}

fn online() -> Bench {
    Bench::new(&alice())
}

fn queueing() -> ConfigBuilder {
    let mut config = alice();
    config.offline_requests(OfflineRequests::Queue);
    config
}

fn publish(bench: &mut Bench) -> PublicationId {
    publish_with(bench, PublishOptions::new())
}

fn publish_with(bench: &mut Bench, options: PublishOptions) -> PublicationId {
    let id = bench
        .agent
        .publish("presence", pidf(OPEN), options, bench.now)
        .expect("published");
    bench.pump();
    id
}

fn modify(bench: &mut Bench, id: PublicationId, text: &str) {
    let modified = bench.agent.modify_publication(id, pidf(text), bench.now);
    assert_eq!(modified, Ok(()));
    bench.pump();
}

fn remove(bench: &mut Bench, id: PublicationId) {
    assert_eq!(bench.agent.unpublish(id, bench.now), Ok(()));
    bench.pump();
}

/// The entity tag, Expires and body of a PUBLISH.
fn parts(request: &Request) -> (Option<String>, String, String) {
    assert_eq!(request.method(), Method::Publish);
    let has_type = request.has(HeaderName::ContentType);
    assert_eq!(has_type, !request.body().is_empty());
    let tag = request
        .has(HeaderName::SipIfMatch)
        .then(|| value(request, HeaderName::SipIfMatch));
    let body = String::from_utf8(request.body().to_vec()).unwrap();
    (tag, value(request, HeaderName::Expires), body)
}

#[track_caller]
fn is_initial(request: &Request, body: &str) {
    assert_eq!(parts(request), (None, "3600".into(), body.into()));
}

#[track_caller]
fn is_refresh(request: &Request, tag: &str) {
    assert_eq!(parts(request), (Some(tag.into()), "3600".into(), "".into()));
}

#[track_caller]
fn is_modification(request: &Request, tag: &str, body: &str) {
    assert_eq!(
        parts(request),
        (Some(tag.into()), "3600".into(), body.into())
    );
}

#[track_caller]
fn is_removal(request: &Request, tag: &str) {
    assert_eq!(parts(request), (Some(tag.into()), "0".into(), "".into()));
}

/// The server accepts a PUBLISH for `expires` seconds.
fn accept(bench: &mut Bench, request: &Request, tag: &str, expires: u32) {
    let expires = expires.to_string();
    let headers = [("SIP-ETag", tag), ("Expires", &*expires)];
    bench.reply(request, 200, &headers);
}

/// The server answers with a header field whose value may be malformed; without it if that is empty.
fn reply_with(bench: &mut Bench, request: &Request, status: u16, name: &str, value: &str) {
    let placeholder = [("X-Placeholder", "1")];
    let bytes = response(request, status, "peer", &placeholder, None);
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let line = match value {
        "" => String::new(),
        value => format!("{name}: {value}\r\n"),
    };
    bench.feed_bytes(text.replace("X-Placeholder: 1\r\n", &line).into_bytes());
}

/// The publication is at the server under the tag `1`, for an hour.
fn published(bench: &mut Bench) -> PublicationId {
    let id = publish(bench);
    let first = bench.next_request();
    accept(bench, &first, "1", 3_600);
    is_reported(bench, id);
    id
}

#[track_caller]
fn is_reported(bench: &mut Bench, id: PublicationId) -> Duration {
    match bench.event() {
        Event::Published {
            publication,
            expires,
            ..
        } if publication == id => expires,
        other => panic!("{other:?}"),
    }
}

/// The PUBLISH failed for this cause, and is repeated at this time.
#[track_caller]
fn has_failed(bench: &mut Bench, id: PublicationId) -> (Cause, Option<Timestamp>) {
    match bench.event() {
        Event::PublicationFailed {
            publication,
            reason,
            retry_at,
        } if publication == id => (reason.cause, retry_at),
        other => panic!("{other:?}"),
    }
}

/// The publication ended, and leaves nothing behind.
#[track_caller]
fn has_ended(bench: &mut Bench, id: PublicationId) -> Result<(), (Originator, Cause)> {
    let outcome = match bench.event() {
        Event::PublicationEnded {
            publication,
            outcome,
        } if publication == id => outcome,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        bench.agent.unpublish(id, bench.now),
        Err(CommandError::Stale)
    );
    assert_eq!(
        bench.agent.modify_publication(id, pidf(BUSY), bench.now),
        Err(CommandError::Stale)
    );
    outcome.map_err(|reason| (reason.originator, reason.cause))
}

/// Lets time pass until the agent sends something; returns the wait.
#[track_caller]
fn until_sent(bench: &mut Bench, longest: Duration) -> Duration {
    let start = bench.now;
    while bench.sent.is_empty() {
        let waited = bench.now.saturating_since(start);
        assert!(waited <= longest, "nothing within {longest:?}");
        bench.wait(SECOND / 4);
    }
    bench.now.saturating_since(start)
}

/// RFC 3903 section 4, 3903-4-A: an initial PUBLISH has Event, Expires and a body and no entity tag; a refresh has the entity tag of
/// the last 2xx and no body; a modification both; a removal has Expires 0 and no body.
#[test]
fn rfc3903_4_publish_refresh_modify_remove() {
    let mut bench = online();
    let id = publish(&mut bench);
    assert_eq!(bench.agent.table_sizes().publications, 1);
    let first = bench.next_request();
    is_initial(&first, OPEN);
    assert_eq!(first.uri_bytes(), ME.as_bytes());
    assert_eq!(value(&first, HeaderName::To), format!("<{ME}>"));
    assert_eq!(value(&first, HeaderName::Event), "presence");
    assert_eq!(
        value(&first, HeaderName::ContentType),
        "application/pidf+xml"
    );
    accept(&mut bench, &first, "dx200xyz", 3_600);
    assert_eq!(is_reported(&mut bench, id), 3_600 * SECOND);
    bench.no_events();

    // 80 to 90 % of an hour.
    let waited = until_sent(&mut bench, 3_300 * SECOND);
    assert!(waited >= 2_880 * SECOND, "{waited:?}");
    let refresh = bench.next_request();
    is_refresh(&refresh, "dx200xyz");
    assert_eq!(value(&refresh, HeaderName::Event), "presence");
    accept(&mut bench, &refresh, "kwj449x", 1_800);
    assert_eq!(is_reported(&mut bench, id), 1_800 * SECOND);

    modify(&mut bench, id, BUSY);
    let change = bench.next_request();
    is_modification(&change, "kwj449x", BUSY);
    accept(&mut bench, &change, "qwi982ks", 3_600);
    is_reported(&mut bench, id);

    remove(&mut bench, id);
    let last = bench.next_request();
    is_removal(&last, "qwi982ks");
    assert_eq!(
        bench.agent.modify_publication(id, pidf(AWAY), bench.now),
        Err(CommandError::Stale)
    );
    // A second removal changes nothing.
    remove(&mut bench, id);
    accept(&mut bench, &last, "ends", 0);
    assert_eq!(has_ended(&mut bench, id), Ok(()));
    bench.wait(7_200 * SECOND);
    bench.silence();
    bench.no_events();
    bench.assert_nothing_left();
}

/// RFC 3903 section 4, 3903-4-C: a PUBLISH creates no dialog and has no Contact. RFC 3261 section 8.1.1.5: those of a
/// publication share a Call-ID, with rising CSeq numbers.
#[test]
fn rfc3903_4_a_publish_makes_no_dialog_and_has_no_contact() {
    let mut bench = online();
    let id = publish(&mut bench);
    let first = bench.next_request();
    assert!(!first.has(HeaderName::Contact));
    assert!(first.to().unwrap().tag().is_none());
    accept(&mut bench, &first, "1", 3_600);
    assert_eq!(bench.agent.table_sizes().dialogs, 0);
    modify(&mut bench, id, BUSY);
    let second = bench.next_request();
    assert!(!second.has(HeaderName::Contact));
    assert!(second.to().unwrap().tag().is_none());
    let call_id = |request: &Request| value(request, HeaderName::CallId);
    assert_eq!(call_id(&first), call_id(&second));
    assert_eq!(first.from().unwrap().tag(), second.from().unwrap().tag());
    let number = |request: &Request| request.cseq().unwrap().number;
    assert_eq!(number(&second), number(&first) + 1);
}

/// RFC 3261 section 22.2: after one 401 every PUBLISH of a publication carries credentials, because they are known.
#[test]
fn rfc3261_22_2_a_challenged_publication_knows_its_credentials() {
    let mut config = alice();
    config.password("secret");
    let mut bench = Bench::new(&config);
    let id = publish(&mut bench);
    let first = bench.next_request();
    let challenge = (
        "WWW-Authenticate",
        "Digest realm=\"example.com\", nonce=\"n\", algorithm=SHA-256, qop=\"auth\"",
    );
    bench.reply(&first, 401, &[challenge]);
    let second = bench.next_request();
    assert!(second.has(HeaderName::Authorization));
    accept(&mut bench, &second, "1", 3_600);
    modify(&mut bench, id, BUSY);
    let third = bench.next_request();
    assert!(third.has(HeaderName::Authorization));
    let number = |request: &Request| request.cseq().unwrap().number;
    assert_eq!(number(&third), number(&second) + 1);
}

/// RFC 3903 section 4, 3903-4-C: one PUBLISH is in flight; a change waits for its response, a later one replaces it, and a removal
/// follows the response.
#[test]
fn rfc3903_4_one_publish_is_in_flight() {
    let mut bench = online();
    let id = publish(&mut bench);
    let first = bench.next_request();
    modify(&mut bench, id, BUSY);
    modify(&mut bench, id, AWAY);
    bench.silence();
    accept(&mut bench, &first, "1", 3_600);
    is_reported(&mut bench, id);
    let second = bench.next_request();
    is_modification(&second, "1", AWAY);
    bench.silence();
    modify(&mut bench, id, OPEN);
    remove(&mut bench, id);
    bench.silence();
    accept(&mut bench, &second, "2", 3_600);
    is_reported(&mut bench, id);
    let last = bench.next_request();
    is_removal(&last, "2");
    bench.reply(&last, 200, &[]);
    assert_eq!(has_ended(&mut bench, id), Ok(()));
    bench.assert_nothing_left();
}

/// RFC 3903 section 4: the rule is for each Request-URI, so that two publications of one resource take turns; those of another one
/// do not wait.
#[test]
fn rfc3903_4_publications_of_one_resource_take_turns() {
    let mut bench = online();
    let first_id = publish(&mut bench);
    let first = bench.next_request();
    let second_id = bench
        .agent
        .publish("dialog", pidf(BUSY), PublishOptions::new(), bench.now)
        .unwrap();
    bench.pump();
    bench.silence();
    let of_bob = bench.agent.publish_for(
        "sip:bob@example.com",
        "presence",
        pidf(AWAY),
        PublishOptions::new(),
        bench.now,
    );
    bench.pump();
    let other = bench.next_request();
    assert_eq!(other.uri_bytes(), b"sip:bob@example.com");
    accept(&mut bench, &other, "b", 3_600);
    is_reported(&mut bench, of_bob.unwrap());
    // The wait for the turn has no end of its own.
    bench.reply(&first, 100, &[]);
    bench.wait(31 * SECOND);
    bench.sent.clear();
    bench.no_events();
    accept(&mut bench, &first, "1", 3_600);
    is_reported(&mut bench, first_id);
    let second = bench.next_request();
    is_initial(&second, BUSY);
    assert_eq!(value(&second, HeaderName::Event), "dialog");
    modify(&mut bench, first_id, AWAY);
    remove(&mut bench, first_id);
    bench.silence();
    accept(&mut bench, &second, "2", 3_600);
    is_reported(&mut bench, second_id);
    is_removal(&bench.next_request(), "1");
}

/// A publication that waits for its turn is not timed out because the one before is slow, and goes on when that one fails.
#[test]
fn rfc3903_4_the_turn_follows_a_time_out() {
    let mut bench = online();
    let first_id = publish(&mut bench);
    bench.wait(SECOND);
    let second_id = publish(&mut bench);
    bench.wait(32 * SECOND);
    let (cause, _) = has_failed(&mut bench, first_id);
    assert_eq!(cause, Cause::Timeout);
    let second = bench.sent.pop_back().unwrap().into_request().unwrap();
    is_initial(&second, OPEN);
    accept(&mut bench, &second, "2", 3_600);
    is_reported(&mut bench, second_id);
}

/// RFC 3903 section 4.1, 3903-4-B: after 412 the agent drops the entity tag and publishes the full state as new. A 412 to that is
/// final, so that there is no loop.
#[test]
fn rfc3903_4_1_after_412_the_state_is_published_as_new() {
    let mut bench = online();
    let id = published(&mut bench);
    until_sent(&mut bench, 3_300 * SECOND);
    let refresh = bench.next_request();
    is_refresh(&refresh, "1");
    bench.reply(&refresh, 412, &[]);
    let again = bench.next_request();
    is_initial(&again, OPEN);
    bench.no_events();
    accept(&mut bench, &again, "2", 3_600);
    is_reported(&mut bench, id);

    // A change that waits is part of the state.
    modify(&mut bench, id, BUSY);
    let change = bench.next_request();
    modify(&mut bench, id, AWAY);
    bench.reply(&change, 412, &[]);
    let again = bench.next_request();
    is_initial(&again, AWAY);
    bench.reply(&again, 412, &[]);
    assert_eq!(
        has_ended(&mut bench, id),
        Err((Originator::Peer, Cause::Refused))
    );
    bench.silence();
    bench.assert_nothing_left();
}

/// RFC 3903 section 4.5: a server that no longer knows the state has nothing to remove.
#[test]
fn rfc3903_4_5_a_412_to_a_removal_ends_the_publication() {
    let mut bench = online();
    let id = published(&mut bench);
    remove(&mut bench, id);
    let last = bench.next_request();
    bench.reply(&last, 412, &[]);
    assert_eq!(has_ended(&mut bench, id), Ok(()));

    let id = published(&mut bench);
    modify(&mut bench, id, BUSY);
    let change = bench.next_request();
    remove(&mut bench, id);
    bench.reply(&change, 412, &[]);
    assert_eq!(has_ended(&mut bench, id), Ok(()));
    bench.silence();
    bench.assert_nothing_left();
}

/// RFC 3903 section 4.1, 3903-4-B, 3261-8.1.1.4-A: 423 names the shortest duration in Min-Expires; the agent asks for that, once, and from then on.
#[test]
fn rfc3903_4_1_a_423_raises_expires() {
    let mut bench = online();
    let id = publish_with(&mut bench, PublishOptions::new().expires(60));
    let first = bench.next_request();
    assert_eq!(value(&first, HeaderName::Expires), "60");
    bench.reply(&first, 423, &[("Min-Expires", "300")]);
    let second = bench.next_request();
    assert_eq!(parts(&second), (None, "300".into(), OPEN.into()));
    assert_eq!(second.call_id(), first.call_id());
    assert_eq!(second.from().unwrap().tag(), first.from().unwrap().tag());
    let number = |request: &Request| request.cseq().unwrap().number;
    assert_eq!(number(&second), number(&first) + 1);
    assert_ne!(
        second.top_via().unwrap().branch(),
        first.top_via().unwrap().branch()
    );
    accept(&mut bench, &second, "1", 300);
    is_reported(&mut bench, id);
    modify(&mut bench, id, BUSY);
    let third = bench.next_request();
    assert_eq!(value(&third, HeaderName::Expires), "300");
    // The server changes its mind in steps: one is obeyed.
    bench.reply(&third, 423, &[("Min-Expires", "301")]);
    let fourth = bench.next_request();
    assert_eq!(
        parts(&fourth),
        (Some("1".into()), "301".into(), BUSY.into())
    );
    bench.reply(&fourth, 423, &[("Min-Expires", "302")]);
    assert_eq!(
        has_ended(&mut bench, id),
        Err((Originator::Peer, Cause::Refused))
    );

    for shortest in ["", "60", "x"] {
        let id = publish_with(&mut bench, PublishOptions::new().expires(60));
        let first = bench.next_request();
        reply_with(&mut bench, &first, 423, "Min-Expires", shortest);
        assert_eq!(
            has_ended(&mut bench, id),
            Err((Originator::Peer, Cause::Refused))
        );
    }
    bench.silence();
    bench.assert_nothing_left();
}

/// RFC 3903 section 4.1, 3903-4-B: the entity tag of a 2xx replaces the last one. One that is missing or no token, which the RFC
/// does not allow, changes nothing: the last one stays; without any the full state is published as new before it expires, and there
/// is nothing to remove it by.
#[test]
fn rfc3903_4_1_a_2xx_without_a_usable_entity_tag() {
    for tag in ["", "a b", "a,b"] {
        let mut bench = online();
        let id = publish(&mut bench);
        let first = bench.next_request();
        reply_with(&mut bench, &first, 200, "SIP-ETag", tag);
        assert_eq!(is_reported(&mut bench, id), 3_600 * SECOND);
        let waited = until_sent(&mut bench, 3_300 * SECOND);
        assert!(waited >= 2_880 * SECOND, "{waited:?}");
        let again = bench.next_request();
        is_initial(&again, OPEN);
        accept(&mut bench, &again, "1", 3_600);
        is_reported(&mut bench, id);
        modify(&mut bench, id, BUSY);
        let change = bench.next_request();
        reply_with(&mut bench, &change, 200, "SIP-ETag", tag);
        is_reported(&mut bench, id);
        modify(&mut bench, id, AWAY);
        is_modification(&bench.next_request(), "1", AWAY);
    }
    let mut bench = online();
    let id = publish(&mut bench);
    let first = bench.next_request();
    bench.reply(&first, 200, &[]);
    is_reported(&mut bench, id);
    remove(&mut bench, id);
    assert_eq!(
        has_ended(&mut bench, id),
        Err((Originator::Peer, Cause::Malformed))
    );
    bench.silence();
}

/// RFC 3903 section 4.1: a 2xx that grants no time to a PUBLISH that does not remove holds nothing; the agent tries again later.
#[test]
fn rfc3903_4_1_a_2xx_that_grants_nothing_is_a_failure() {
    let mut bench = online();
    let id = publish(&mut bench);
    let first = bench.next_request();
    accept(&mut bench, &first, "1", 0);
    let (cause, retry_at) = has_failed(&mut bench, id);
    assert_eq!(cause, Cause::Malformed);
    assert!(retry_at.unwrap() >= bench.now + 15 * SECOND);
    until_sent(&mut bench, 31 * SECOND);
    is_initial(&bench.next_request(), OPEN);
}

/// RFC 3903 section 4.1: a short lease is refreshed before it expires, and without a flood: not more than once a second.
#[test]
fn rfc3903_4_3_a_short_lease_neither_lapses_nor_floods() {
    for granted in [1, 2, 5, 30] {
        let mut bench = online();
        let id = publish(&mut bench);
        let mut request = bench.next_request();
        for round in 0..20_u32 {
            accept(&mut bench, &request, &format!("t{round}"), granted);
            assert_eq!(is_reported(&mut bench, id), granted * SECOND);
            let waited = until_sent(&mut bench, granted * SECOND);
            assert!(waited >= SECOND, "{waited:?}");
            request = bench.next_request();
            is_refresh(&request, &format!("t{round}"));
            bench.silence();
        }
    }
}

/// A removal before the first 2xx follows it; if the server refuses the state, nothing is left to remove; without a response the
/// application learns that the state may be there.
#[test]
fn rfc3903_4_5_a_removal_before_the_first_response() {
    let mut bench = online();
    let id = publish(&mut bench);
    let first = bench.next_request();
    remove(&mut bench, id);
    bench.silence();
    accept(&mut bench, &first, "1", 3_600);
    is_reported(&mut bench, id);
    let last = bench.next_request();
    is_removal(&last, "1");
    bench.reply(&last, 200, &[]);
    assert_eq!(has_ended(&mut bench, id), Ok(()));

    let id = publish(&mut bench);
    let first = bench.next_request();
    remove(&mut bench, id);
    bench.reply(&first, 403, &[]);
    assert_eq!(has_ended(&mut bench, id), Ok(()));

    let id = publish(&mut bench);
    remove(&mut bench, id);
    bench.wait(33 * SECOND);
    assert_eq!(
        has_ended(&mut bench, id),
        Err((Originator::Transport, Cause::Timeout))
    );
    bench.sent.clear();
    bench.wait(60 * SECOND);
    bench.silence();
    bench.assert_nothing_left();
}

/// RFC 3261 section 22.2: the endpoint answers a challenge, and the publication goes on.
#[test]
fn rfc3903_4_a_challenge_is_answered() {
    let mut config = alice();
    config.password("secret");
    let mut bench = Bench::new(&config);
    let id = publish(&mut bench);
    let first = bench.next_request();
    let asks = [(
        "WWW-Authenticate",
        r#"Digest realm="example.com", nonce="n", qop="auth""#,
    )];
    bench.reply(&first, 401, &asks);
    let second = bench.next_request();
    is_initial(&second, OPEN);
    assert!(second.has(HeaderName::Authorization));
    accept(&mut bench, &second, "1", 3_600);
    is_reported(&mut bench, id);

    // Credentials that the server refuses are final.
    modify(&mut bench, id, BUSY);
    let mut answers = 0;
    while !bench.sent.is_empty() {
        let request = bench.next_request();
        bench.reply(&request, 401, &asks);
        answers += 1;
    }
    assert!(answers <= 2, "{answers}");
    assert_eq!(
        has_ended(&mut bench, id),
        Err((Originator::Peer, Cause::Authentication))
    );
}

/// Commands that make no valid PUBLISH are refused, and nothing is sent (RFC 3903 section 4).
#[test]
fn rfc3903_4_an_invalid_command_publishes_nothing() {
    let mut bench = online();
    let now = bench.now;
    let agent = &mut bench.agent;
    let new = PublishOptions::new;
    let none = agent.publish("presence", pidf(""), new(), now);
    assert!(matches!(none, Err(CommandError::WrongState(_))), "{none:?}");
    let none = agent.publish("presence", pidf(OPEN), new().expires(0), now);
    assert!(matches!(none, Err(CommandError::WrongState(_))), "{none:?}");
    let none = agent.publish("pre sence", pidf(OPEN), new(), now);
    assert_eq!(none, Err(CommandError::EventPackage));
    for name in ["Event", "Expires", "SIP-If-Match"] {
        let header = ExtraHeader::new(name, "1").unwrap();
        let none = agent.publish("presence", pidf(OPEN), new().header(header), now);
        let reserved = CommandError::Header(ExtraHeaderError::Reserved);
        assert_eq!(none, Err(reserved));
    }
    let header = ExtraHeader::new("Subject", "a").unwrap();
    let twice = new().header(header.clone()).header(header);
    let none = agent.publish("presence", pidf(OPEN), twice, now);
    assert!(matches!(none, Err(CommandError::Send(_))), "{none:?}");
    let none = agent.publish_for("sips:bob@example.com", "presence", pidf(OPEN), new(), now);
    assert_eq!(none, Err(CommandError::TargetScheme));
    let none = agent.publish_for("tel:1", "presence", pidf(OPEN), new(), now);
    assert_eq!(none, Err(CommandError::TargetScheme));
    bench.pump();
    bench.silence();
    bench.no_events();
    bench.assert_nothing_left();
}

/// The header fields of the application are in each PUBLISH.
#[test]
fn rfc3903_4_each_publish_has_the_header_fields_of_the_application() {
    let mut bench = online();
    let header = ExtraHeader::new("X-Device", "desk").unwrap();
    let id = publish_with(&mut bench, PublishOptions::new().header(header));
    let first = bench.next_request();
    accept(&mut bench, &first, "1", 3_600);
    remove(&mut bench, id);
    let last = bench.next_request();
    for request in [first, last] {
        assert_eq!(value(&request, HeaderName::Other(b"X-Device")), "desk");
    }
}

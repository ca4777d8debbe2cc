//! Publications of event state (RFC 3903): what the agent sends, and what it reports.

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

/// RFC 3903 section 4, 3903-4-C: a PUBLISH creates no dialog and has no Contact; each has a Call-ID of its own.
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
    assert_ne!(call_id(&first), call_id(&second));
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

/// RFC 3903 section 4.1, 3903-4-B: 423 names the shortest duration in Min-Expires; the agent asks for that, once, and from then on.
#[test]
fn rfc3903_4_1_a_423_raises_expires() {
    let mut bench = online();
    let id = publish_with(&mut bench, PublishOptions::new().expires(60));
    let first = bench.next_request();
    assert_eq!(value(&first, HeaderName::Expires), "60");
    bench.reply(&first, 423, &[("Min-Expires", "300")]);
    let second = bench.next_request();
    assert_eq!(parts(&second), (None, "300".into(), OPEN.into()));
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

/// RFC 3261 section 20.33: a failure that may pass is reported with the time of the next try, which backs off and waits for
/// Retry-After.
#[test]
fn rfc3903_4_a_failure_that_may_pass_is_retried() {
    for status in [408, 480, 500, 503, 504] {
        let mut bench = online();
        let id = publish(&mut bench);
        let mut least = 15;
        for _ in 0..3 {
            let request = bench.next_request();
            is_initial(&request, OPEN);
            bench.reply(&request, status, &[]);
            let (_, retry_at) = has_failed(&mut bench, id);
            let wait = retry_at.unwrap().saturating_since(bench.now);
            assert!(
                wait >= least * SECOND && wait <= 2 * least * SECOND,
                "{wait:?}"
            );
            bench.wait(wait - SECOND / 2);
            bench.silence();
            bench.wait(SECOND);
            least *= 2;
        }
        let request = bench.next_request();
        bench.reply(&request, status, &[("Retry-After", "500")]);
        let (_, retry_at) = has_failed(&mut bench, id);
        assert_eq!(retry_at, Some(bench.now + 500 * SECOND));
        bench.wait(500 * SECOND);
        let request = bench.next_request();
        accept(&mut bench, &request, "1", 3_600);
        is_reported(&mut bench, id);
    }
}

/// While the agent waits to try again, a change waits too, and a removal of state that the server does not hold ends it at once.
#[test]
fn rfc3903_4_a_retry_has_the_latest_state() {
    let mut bench = online();
    let id = published(&mut bench);
    modify(&mut bench, id, BUSY);
    let change = bench.next_request();
    bench.reply(&change, 503, &[("Retry-After", "60")]);
    has_failed(&mut bench, id);
    modify(&mut bench, id, AWAY);
    bench.silence();
    bench.wait(60 * SECOND);
    let again = bench.next_request();
    is_modification(&again, "1", AWAY);
    bench.reply(&again, 500, &[]);
    has_failed(&mut bench, id);
    remove(&mut bench, id);
    let last = bench.next_request();
    is_removal(&last, "1");
    bench.reply(&last, 503, &[("Retry-After", "60")]);
    assert_eq!(
        has_ended(&mut bench, id),
        Err((Originator::Peer, Cause::Refused))
    );
    bench.assert_nothing_left();

    let id = publish(&mut bench);
    let first = bench.next_request();
    bench.reply(&first, 503, &[]);
    has_failed(&mut bench, id);
    remove(&mut bench, id);
    assert_eq!(has_ended(&mut bench, id), Ok(()));
    bench.silence();
    bench.assert_nothing_left();
}

/// RFC 3903 section 4: a refusal that a repetition does not change ends the publication.
#[test]
fn rfc3903_4_a_final_refusal_ends_the_publication() {
    for status in [302, 400, 403, 404, 405, 415, 489, 501, 505, 603] {
        let mut bench = online();
        let id = publish(&mut bench);
        let first = bench.next_request();
        bench.reply(&first, status, &[]);
        assert_eq!(
            has_ended(&mut bench, id),
            Err((Originator::Peer, Cause::Refused))
        );
        bench.wait(3_600 * SECOND);
        bench.silence();
        bench.no_events();
        bench.assert_nothing_left();
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

/// By `offlineRequests` a command without a connection fails at once.
#[test]
fn conn_c_a_publication_without_a_connection_fails_at_once() {
    let mut bench = Bench::offline(&alice());
    let options = PublishOptions::new();
    let refused = bench
        .agent
        .publish("presence", pidf(OPEN), options, bench.now);
    assert_eq!(refused, Err(CommandError::NotConnected));
    bench.assert_nothing_left();

    let mut bench = online();
    let id = published(&mut bench);
    bench.lose();
    let refused = bench.agent.modify_publication(id, pidf(BUSY), bench.now);
    assert_eq!(refused, Err(CommandError::NotConnected));
    bench.events.clear();
    bench.reconnect(Transport::Ws);
    bench.silence();
    until_sent(&mut bench, 3_300 * SECOND);
    is_refresh(&bench.next_request(), "1");
}

/// By `offlineRequests` a command without a connection waits: for 64 T1 at most; `unpublish` cancels it.
#[test]
fn conn_c_a_publication_waits_for_a_connection() {
    let mut bench = Bench::offline(&queueing());
    let id = publish(&mut bench);
    modify(&mut bench, id, BUSY);
    bench.silence();
    bench.open(Transport::Ws);
    bench.events.clear();
    let first = bench.next_request();
    is_initial(&first, OPEN.replace("open", "busy").as_str());
    bench.silence();
    accept(&mut bench, &first, "1", 3_600);
    is_reported(&mut bench, id);

    let mut bench = Bench::offline(&queueing());
    let id = publish(&mut bench);
    bench.events.clear();
    remove(&mut bench, id);
    assert_eq!(has_ended(&mut bench, id), Ok(()));

    let mut bench = Bench::offline(&queueing());
    let id = publish(&mut bench);
    bench.events.clear();
    bench.wait(31 * SECOND);
    assert_eq!(bench.agent.table_sizes().publications, 1);
    bench.wait(SECOND);
    bench
        .events
        .retain(|event| matches!(event, Event::PublicationEnded { .. }));
    assert_eq!(
        has_ended(&mut bench, id),
        Err((Originator::Transport, Cause::Timeout))
    );
}

/// A PUBLISH that the lost connection interrupted is sent again with the next one, with the same entity tag. If the server had taken
/// it, its 412 leads to a new publication of the full state.
#[test]
fn conn_c_a_publish_in_flight_is_sent_again() {
    let mut bench = online();
    let id = published(&mut bench);
    modify(&mut bench, id, BUSY);
    is_modification(&bench.next_request(), "1", BUSY);
    bench.lose();
    bench.expect(|event| matches!(event, Event::Disconnected { .. }).then_some(()));
    assert_eq!(has_failed(&mut bench, id), (Cause::ConnectionLost, None));
    bench.events.clear();
    bench.reconnect(Transport::Ws);
    let again = bench.next_request();
    is_modification(&again, "1", BUSY);
    bench.reply(&again, 412, &[]);
    let new = bench.next_request();
    is_initial(&new, BUSY);
    bench.events.clear();
    accept(&mut bench, &new, "2", 3_600);
    is_reported(&mut bench, id);
}

/// A lost connection with nothing in flight sends nothing; the refresh waits for a connection, and a state that expired meanwhile is
/// published as new.
#[test]
fn conn_c_a_refresh_waits_for_a_connection() {
    for (away, expired) in [(3_500, false), (3_700, true)] {
        let mut bench = online();
        let id = published(&mut bench);
        bench.lose();
        bench.wait(away * SECOND);
        bench.silence();
        bench.events.clear();
        bench.reconnect(Transport::Ws);
        let next = bench.next_request();
        if expired {
            is_initial(&next, OPEN);
        } else {
            is_refresh(&next, "1");
        }
        bench.events.clear();
        accept(&mut bench, &next, "2", 3_600);
        is_reported(&mut bench, id);
    }
}

/// A removal without a connection waits for 64 T1; a state that expires before needs none.
#[test]
fn conn_c_a_removal_waits_for_a_connection() {
    let mut bench = online();
    let id = published(&mut bench);
    bench.lose();
    remove(&mut bench, id);
    bench.wait(10 * SECOND);
    bench.events.clear();
    bench.reconnect(Transport::Ws);
    let last = bench.next_request();
    is_removal(&last, "1");
    bench.events.clear();
    bench.reply(&last, 200, &[]);
    assert_eq!(has_ended(&mut bench, id), Ok(()));

    let id = published(&mut bench);
    bench.lose();
    remove(&mut bench, id);
    bench.wait(32 * SECOND);
    bench
        .events
        .retain(|event| matches!(event, Event::PublicationEnded { .. }));
    assert_eq!(
        has_ended(&mut bench, id),
        Err((Originator::Transport, Cause::Timeout))
    );

    let mut bench = online();
    let id = publish(&mut bench);
    let first = bench.next_request();
    accept(&mut bench, &first, "1", 20);
    is_reported(&mut bench, id);
    bench.lose();
    remove(&mut bench, id);
    bench.wait(25 * SECOND);
    bench.events.clear();
    bench.reconnect(Transport::Ws);
    bench.silence();
    bench
        .events
        .retain(|event| matches!(event, Event::PublicationEnded { .. }));
    assert_eq!(has_ended(&mut bench, id), Ok(()));
}

/// A stop removes each publication within its grace, and ends at once what no connection can remove.
#[test]
fn tx_c_a_stop_removes_the_publications() {
    let mut bench = online();
    let id = published(&mut bench);
    bench.agent.stop(None, bench.now);
    bench.pump();
    let last = bench.next_request();
    is_removal(&last, "1");
    bench.reply(&last, 200, &[]);
    assert_eq!(
        bench.expect(|event| match event {
            Event::PublicationEnded { outcome, .. } => Some(outcome.is_ok()),
            _ => None,
        }),
        true
    );
    bench.expect(|event| matches!(event, Event::Stopped { unfinished: 0 }).then_some(()));
    assert_eq!(
        bench.agent.unpublish(id, bench.now),
        Err(CommandError::Stale)
    );
    bench.assert_nothing_left();

    // The server does not answer.
    let mut bench = online();
    published(&mut bench);
    publish(&mut bench);
    bench.agent.stop(None, bench.now);
    bench.pump();
    bench.wait(3 * SECOND);
    let ended = bench.events.iter().filter_map(|event| match event {
        Event::PublicationEnded { outcome, .. } => Some(outcome.as_ref().unwrap_err().cause),
        _ => None,
    });
    assert_eq!(ended.collect::<Vec<_>>(), [Cause::Stopped; 2]);
    bench.expect(|event| matches!(event, Event::Stopped { unfinished: 2 }).then_some(()));
    bench.assert_nothing_left();

    // There is no connection.
    let mut bench = online();
    published(&mut bench);
    bench.lose();
    bench.events.clear();
    bench.agent.stop(None, bench.now);
    bench.pump();
    let ended = bench
        .events
        .iter()
        .filter(|event| matches!(event, Event::PublicationEnded { .. }));
    assert_eq!(ended.count(), 1);
    bench.expect(|event| matches!(event, Event::Stopped { .. }).then_some(()));
    bench.assert_nothing_left();
}

/// `Limits::publications` bounds the publications; what is refused leaves nothing behind.
#[test]
fn limits_bound_the_publications() {
    let mut limits = Limits::default();
    limits.publications = 2;
    let now = Timestamp::from_millis(1_000);
    let config = queueing().build().unwrap();
    let timers = Default::default();
    let mut agent = UserAgent::with_limits(config, limits, timers, random(1), now).unwrap();
    let publish =
        |agent: &mut UserAgent| agent.publish("presence", pidf(OPEN), PublishOptions::new(), now);
    publish(&mut agent).unwrap();
    let id = publish(&mut agent).unwrap();
    assert_eq!(
        publish(&mut agent),
        Err(CommandError::Limit("publications"))
    );
    assert_eq!(agent.table_sizes().publications, 2);
    agent.unpublish(id, now).unwrap();
    publish(&mut agent).unwrap();
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
    assert!(matches!(none, Err(CommandError::Header(_))), "{none:?}");
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
    assert_eq!(none.is_err(), true);
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

//! The SUBSCRIBEs on the wire and their refusals.

use sip_core::LimitKind;
use sip_core::config::Authentication;
use sip_core::{
    Body, Cause, ChallengeId, CommandError, Event, ExtraHeader, Limits, SubscribeOptions,
    SubscriptionEnd, SubscriptionId, SubscriptionState,
};
use sip_parse::{HeaderName, Method};
use sip_testing::{Bench, SECOND, alice, value, values};

use crate::{
    Notifier, accepts, ended, leaves_nothing, notified, subscribe, subscribed, subscribes,
    subscribing,
};

/// RFC 6665 4.1.2.1 (6665-4.1.2-A): a SUBSCRIBE has Event with its id, Expires, Accept and Contact, and the application's header
/// fields and body; a refresh says the same in the dialog, with a greater CSeq number.
#[test]
fn rfc6665_4_1_2_1_a_subscribe_names_event_expires_accept_and_contact() {
    let options = SubscribeOptions::new()
        .expires(600)
        .id("7")
        .accept("application/pidf+xml")
        .accept("text/plain")
        .header(ExtraHeader::new("X-Room", "12").unwrap())
        .body(Body::new("application/simple-filter+xml", "<filter/>"));
    let (mut bench, id, first) = subscribing(options);
    accepts(&mut bench, &first, 600);
    let mut notifier = Notifier::of(&first, "bob");
    notifier.reports(&mut bench, "active;expires=600");
    notified(&mut bench, id);
    let now = bench.now;
    bench.agent.refresh_subscription(id, now).unwrap();
    bench.pump();
    let refresh = subscribes(&mut bench, 600);
    assert_eq!(first.uri_bytes(), b"sip:bob@example.com");
    assert_eq!(refresh.uri_bytes(), b"sip:bob@192.0.2.9");
    for request in [&first, &refresh] {
        assert_eq!(value(request, HeaderName::Event), "presence;id=7");
        let accept = value(request, HeaderName::Accept);
        assert_eq!(accept, "application/pidf+xml, text/plain");
        let contact = value(request, HeaderName::Contact);
        assert!(contact.starts_with("<sip:"), "{contact}");
        assert!(value(request, HeaderName::Allow).contains("NOTIFY"));
        assert!(request.has(HeaderName::Supported));
        assert_eq!(values(request, HeaderName::Other(b"X-Room")), ["12"]);
        assert_eq!(request.body(), b"<filter/>");
        // RFC 6665 4.4.4: only a notifier lists its packages.
        assert!(!request.has(HeaderName::AllowEvents));
    }
    assert_eq!(
        value(&first, HeaderName::From),
        value(&refresh, HeaderName::From)
    );
    let tag = refresh.to().unwrap().tag().unwrap().to_vec();
    assert_eq!((first.to().unwrap().tag(), tag), (None, b"bob".to_vec()));
    let numbers = [&first, &refresh].map(|request| request.cseq().unwrap().number);
    assert_eq!(numbers[1], numbers[0] + 1);
}

/// RFC 6665 8.2.1: package and id are tokens; `Limits::subscriptions` bounds the subscriptions.
#[test]
fn rfc6665_8_2_1_a_command_that_cannot_be_sent_makes_no_subscription() {
    let limit = Limits::default().subscriptions;
    let mut bench = Bench::new(&alice());
    let now = bench.now;
    let mut attempt = |target: &str, package: &str, options| {
        bench.agent.subscribe(target, package, options, now).err()
    };
    let new = SubscribeOptions::new;
    for (package, options) in [("", new()), ("a b", new()), ("a", new().id("1;2"))] {
        let refused = attempt("bob", package, options);
        assert_eq!(refused, Some(CommandError::EventPackage), "{package}");
    }
    let strange = attempt("tel:+1", "presence", new());
    assert_eq!(strange, Some(CommandError::TargetScheme));
    let insecure = attempt("sips:bob@example.com", "presence", new());
    assert_eq!(insecure, Some(CommandError::TargetScheme));
    for _ in 0..limit {
        assert_eq!(attempt("bob", "presence", new()), None);
    }
    let full = attempt("bob", "presence", new());
    assert_eq!(full, Some(CommandError::Limit(LimitKind::Subscriptions)));
    assert_eq!(bench.agent.table_sizes().subscriptions, limit);
}

/// RFC 3261 8.1.3.5, RFC 6665 4.1.2.1: a first SUBSCRIBE that is refused ends the subscription, and the reason has the
/// response: 413, 415, 416 and 420 too. 489 says that the package is not known.
#[test]
fn rfc3261_8_1_3_5_a_refused_subscribe_ends_the_subscription() {
    for status in [403, 404, 413, 415, 416, 420, 480, 481, 489, 500, 503, 603] {
        let (mut bench, id, request) = subscribing(SubscribeOptions::new());
        bench.reply(&request, status, &[("Retry-After", "1")]);
        let SubscriptionEnd::Failed(reason) = ended(&mut bench, id) else {
            panic!("{status}");
        };
        assert_eq!(reason.status.map(|status| status.as_u16()), Some(status));
        assert_eq!(reason.cause, Cause::Refused);
        leaves_nothing(bench);
    }
    let (mut bench, id, _) = subscribing(SubscribeOptions::new());
    bench.wait(33 * SECOND);
    bench.sent.clear();
    let SubscriptionEnd::Failed(reason) = ended(&mut bench, id) else {
        panic!("no response");
    };
    assert_eq!(reason.cause, Cause::Timeout);
    leaves_nothing(bench);
}

/// RFC 6665 4.1.2.1 (6665-4.1.2.2-A): 423 raises Expires to Min-Expires, once; a second 423 in a row, or one that asks for no
/// more, is final.
#[test]
fn rfc6665_4_1_2_1_423_raises_expires_once() {
    let (mut bench, id, request) = subscribing(SubscribeOptions::new().expires(60));
    bench.reply(&request, 423, &[("Min-Expires", "90")]);
    let again = subscribes(&mut bench, 90);
    assert_eq!(
        value(&request, HeaderName::CallId),
        value(&again, HeaderName::CallId)
    );
    assert_eq!(
        value(&request, HeaderName::From),
        value(&again, HeaderName::From)
    );
    let numbers = [&request, &again].map(|request| request.cseq().unwrap().number);
    assert_eq!(numbers[1], numbers[0] + 1);
    bench.reply(&again, 423, &[("Min-Expires", "120")]);
    assert!(matches!(ended(&mut bench, id), SubscriptionEnd::Failed(_)));
    leaves_nothing(bench);

    for least in ["60", "0"] {
        let (mut bench, id, request) = subscribing(SubscribeOptions::new().expires(60));
        bench.reply(&request, 423, &[("Min-Expires", least)]);
        assert!(matches!(ended(&mut bench, id), SubscriptionEnd::Failed(_)));
        leaves_nothing(bench);
    }

    // A refresh keeps the raised value.
    let (mut bench, id, _) = subscribed(SubscribeOptions::new().expires(60));
    let now = bench.now;
    bench.agent.refresh_subscription(id, now).unwrap();
    bench.pump();
    let refresh = subscribes(&mut bench, 60);
    bench.reply(&refresh, 423, &[("Min-Expires", "90")]);
    let again = subscribes(&mut bench, 90);
    assert_eq!(again.to().unwrap().tag(), Some(&b"bob"[..]));
    accepts(&mut bench, &again, 90);
    bench.no_events();
}

/// RFC 3261 22.2 (6665-4.1.2-A): challenges of SUBSCRIBEs are answered, of the first one and of a refresh; NOTIFY and further
/// requests go on from there. Without an answer a challenge of the first one is final.
#[test]
fn rfc3261_22_2_a_challenged_subscribe_is_resent() {
    let challenge = r#"Digest realm="example.com", nonce="n", qop="auth""#;
    let (mut bench, id, request) = subscribing(SubscribeOptions::new().expires(600));
    bench.reply(&request, 407, &[("Proxy-Authenticate", challenge)]);
    let again = subscribes(&mut bench, 600);
    assert!(again.has(HeaderName::ProxyAuthorization));
    accepts(&mut bench, &again, 600);
    let mut notifier = Notifier::of(&again, "bob");
    notifier.reports(&mut bench, "active;expires=600");
    assert_eq!(notified(&mut bench, id), SubscriptionState::Active);
    let now = bench.now;
    bench.agent.refresh_subscription(id, now).unwrap();
    bench.pump();
    let refresh = subscribes(&mut bench, 600);
    let numbers = [&again, &refresh].map(|request| request.cseq().unwrap().number);
    assert_eq!(numbers[1], numbers[0] + 1);
    let challenge = r#"Digest realm="example.com", nonce="m", qop="auth", stale=true"#;
    bench.reply(&refresh, 407, &[("Proxy-Authenticate", challenge)]);
    let again = subscribes(&mut bench, 600);
    accepts(&mut bench, &again, 600);
    notifier.reports(&mut bench, "active;expires=600");
    notified(&mut bench, id);
    bench.silence();

    let (mut bench, id, request) = subscribing(SubscribeOptions::new());
    let strange = r#"Digest realm="example.com", nonce="n", algorithm=X"#;
    bench.reply(&request, 401, &[("WWW-Authenticate", strange)]);
    let SubscriptionEnd::Failed(reason) = ended(&mut bench, id) else {
        panic!("a challenge");
    };
    assert_eq!(reason.cause, Cause::Authentication);
    assert!(reason.challenge.is_some());
    leaves_nothing(bench);
}

/// RFC 5627 4.4 (6665-4.1.2-A): the Contact of a SUBSCRIBE is the GRUU, if there is one.
#[test]
fn rfc5627_4_4_the_contact_of_a_subscribe_is_the_gruu() {
    let mut bench = Bench::new(alice().register(true));
    let register = bench.next_request();
    assert_eq!(register.method(), Method::Register);
    let contact = value(&register, HeaderName::Contact);
    let gruu = "sip:alice@example.com;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
    let contact = format!("{contact};pub-gruu=\"{gruu}\"");
    bench.reply(&register, 200, &[("Contact", &contact)]);
    bench.events.clear();
    subscribe(&mut bench, SubscribeOptions::new());
    let request = subscribes(&mut bench, 3_600);
    assert_eq!(value(&request, HeaderName::Contact), format!("<{gruu}>"));
}

/// The challenge of a SUBSCRIBE that waits for the application, and its request.
fn waiting_challenge(options: SubscribeOptions) -> (Bench, SubscriptionId, ChallengeId) {
    let mut config = alice();
    config.authentication(Authentication::Application);
    let mut bench = Bench::new(&config);
    let expires = options.expires;
    let id = subscribe(&mut bench, options);
    let request = subscribes(&mut bench, expires);
    bench.reply(&request, 401, &[("WWW-Authenticate", "Bearer realm=x")]);
    let challenge = bench.expect(|event| match event {
        Event::Challenged { challenge, .. } => Some(*challenge),
        _ => None,
    });
    (bench, id, challenge)
}

fn authorize(bench: &mut Bench, challenge: ChallengeId) {
    let now = bench.now;
    let _ = bench.agent.authorize(challenge, Ok("Bearer x"), now);
    bench.pump();
}

/// RFC 6665 4.1.2.3, RFC 3261 22.2 (6665-4.1.2.3-A): the answer to a challenge of a subscription that is over sends nothing, because
/// no one would end what it makes.
#[test]
fn rfc3261_22_2_a_late_answer_to_a_challenge_makes_no_subscription() {
    let (mut bench, id, challenge) = waiting_challenge(SubscribeOptions::poll());
    let now = bench.now;
    bench.agent.unsubscribe(id, now).unwrap();
    bench.pump();
    assert_eq!(ended(&mut bench, id), SubscriptionEnd::Unsubscribed);
    authorize(&mut bench, challenge);
    leaves_nothing(bench);
    let (mut bench, id, challenge) = waiting_challenge(SubscribeOptions::new());
    let now = bench.now;
    bench.agent.unsubscribe(id, now).unwrap();
    bench.pump();
    bench.wait(50 * SECOND);
    assert_eq!(ended(&mut bench, id), SubscriptionEnd::Unsubscribed);
    authorize(&mut bench, challenge);
    leaves_nothing(bench);
}

/// RFC 6665 4.1.2.4, RFC 3261 22.2 (6665-4.1.2.4-A): no NOTIFY is due to a SUBSCRIBE whose challenge waits for the application, which
/// may have to ask a person; timer N runs from the SUBSCRIBE with the answer on.
#[test]
fn rfc6665_4_1_2_4_timer_n_leaves_the_application_time_for_a_challenge() {
    let (mut bench, id, challenge) = waiting_challenge(SubscribeOptions::new());
    bench.wait(50 * SECOND);
    bench.no_events();
    authorize(&mut bench, challenge);
    let again = subscribes(&mut bench, 3_600);
    accepts(&mut bench, &again, 3_600);
    bench.wait(30 * SECOND);
    bench.no_events();
    bench.wait(3 * SECOND);
    assert_eq!(ended(&mut bench, id), SubscriptionEnd::NoNotify);
    leaves_nothing(bench);
    // Without an answer the challenge is final.
    let (mut bench, id, _) = waiting_challenge(SubscribeOptions::new());
    bench.wait(61 * SECOND);
    let cause = ended(&mut bench, id);
    assert!(matches!(cause, SubscriptionEnd::Failed(_)), "{cause:?}");
    leaves_nothing(bench);
}

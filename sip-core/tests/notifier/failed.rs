//! NOTIFYs that fail (RFC 6665 section 4.2.2).

use sip_core::{Cause, EndReason, IncomingSubscriptionEnd, IncomingSubscriptionId};
use sip_parse::HeaderName;
use sip_testing::{Bench, SECOND, value};

use crate::peer::{ended, notifier, notify, over, state, subscribed, try_notify};

#[track_caller]
fn failed(bench: &mut Bench, id: IncomingSubscriptionId) -> EndReason {
    match ended(bench, id) {
        IncomingSubscriptionEnd::NotifyFailed(reason) => *reason,
        other => panic!("{other:?}"),
    }
}

/// RFC 6665 4.2.2 (6665-4.2.2-A): a NOTIFY that the peer refuses without Retry-After removes the subscription; 481 does so in any
/// case.
#[test]
fn rfc6665_4_2_2_a_refused_notify_removes_the_subscription() {
    let retry: &[(&str, &str)] = &[("Retry-After", "1")];
    for (status, fields) in [
        (481, &[][..]),
        (481, retry),
        (404, retry),
        (400, &[]),
        (405, &[]),
        (489, &[]),
        (500, &[]),
        (503, &[]),
        (603, &[]),
        (302, &[]),
    ] {
        for waits in [false, true] {
            let (mut bench, id, mut peer) = subscribed(&notifier());
            notify(&mut bench, id, "news");
            let news = peer.notified(&mut bench, "active;expires=600", "news");
            if waits {
                notify(&mut bench, id, "more");
            }
            bench.reply(&news, status, fields);
            let reason = failed(&mut bench, id);
            assert_eq!(reason.status.map(|status| status.as_u16()), Some(status));
            let late = try_notify(&mut bench, id, state("late"));
            assert_eq!(late, Err(sip_core::CommandError::Stale));
            peer.subscribe(&mut bench, "Expires: 600\n");
            peer.response(&mut bench, 481);
            over(bench);
        }
    }
}

/// RFC 6665 4.2.2 (6665-4.2.2-A): a NOTIFY without a response removes the subscription after timer F.
#[test]
fn rfc6665_4_2_2_an_unanswered_notify_removes_the_subscription() {
    let (mut bench, id, _) = subscribed(&notifier());
    notify(&mut bench, id, "news");
    bench.wait(31 * SECOND);
    bench.no_events();
    bench.wait(2 * SECOND);
    bench.sent.clear();
    let reason = failed(&mut bench, id);
    assert_eq!(reason.cause, Cause::Timeout);
    over(bench);
}

/// RFC 6665 4.2.2 (6665-4.2.2-A): a NOTIFY that the peer refuses with Retry-After is sent again after that time, with the state
/// that is the last then.
#[test]
fn rfc6665_4_2_2_a_notify_is_sent_again_after_retry_after() {
    let (mut bench, id, peer) = subscribed(&notifier());
    notify(&mut bench, id, "news");
    let news = peer.notified(&mut bench, "active;expires=600", "news");
    bench.reply(&news, 503, &[("Retry-After", "20")]);
    notify(&mut bench, id, "more");
    bench.wait(19 * SECOND);
    bench.silence();
    bench.wait(SECOND);
    let more = peer.notified(&mut bench, "active;expires=580", "more");
    assert!(more.cseq().unwrap().number > news.cseq().unwrap().number);
    // However short the time is, the core waits a second.
    bench.reply(&more, 500, &[("Retry-After", "0")]);
    bench.silence();
    bench.wait(SECOND);
    let more = peer.notified(&mut bench, "active;expires=579", "more");
    bench.reply(&more, 200, &[]);
    bench.silence();
    bench.no_events();
    // Beyond the end of the subscription there is nothing to send.
    notify(&mut bench, id, "last");
    let news = peer.notified(&mut bench, "active;expires=579", "last");
    bench.reply(&news, 503, &[("Retry-After", "600")]);
    assert_eq!(failed(&mut bench, id).status.map(|s| s.as_u16()), Some(503));
    over(bench);
}

/// RFC 6665 4.2.2: a peer that puts off every NOTIFY holds its subscription only for its duration. A refresh lets the NOTIFY go
/// out at once.
#[test]
fn rfc6665_4_2_2_a_peer_that_puts_off_every_notify_ends_with_its_subscription() {
    let (mut bench, id, mut peer) = subscribed(&notifier());
    notify(&mut bench, id, "news");
    let news = peer.notified(&mut bench, "active;expires=600", "news");
    bench.reply(&news, 503, &[("Retry-After", "500")]);
    peer.subscribe(&mut bench, "Expires: 60\n");
    peer.response(&mut bench, 200);
    bench.events.clear();
    let mut count = 0;
    while let Some(message) = bench.sent.pop_front() {
        let request = message.into_request().expect("a NOTIFY");
        count += 1;
        assert!(count < 100);
        let fields = [("Retry-After", "5")];
        bench.reply(&request, 503, &fields);
        bench.wait(5 * SECOND);
    }
    assert_eq!(count, 12);
    assert!(matches!(
        ended(&mut bench, id),
        IncomingSubscriptionEnd::NotifyFailed(_) | IncomingSubscriptionEnd::Expired
    ));
    over(bench);
}

/// RFC 6665 4.2.2, RFC 3261 22.2: a challenge to a NOTIFY of a server that the agent has credentials for is answered; one
/// of another realm removes the subscription.
#[test]
fn rfc6665_4_2_2_a_challenged_notify_is_sent_with_credentials() {
    let mut config = notifier();
    config.peer_realms(["biloxi"]);
    let (mut bench, id, peer) = subscribed(&config);
    notify(&mut bench, id, "news");
    let news = peer.notified(&mut bench, "active;expires=600", "news");
    let challenge = "Digest realm=\"biloxi\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256";
    bench.reply(&news, 401, &[("WWW-Authenticate", challenge)]);
    let again = peer.notified(&mut bench, "active;expires=600", "news");
    let credentials = value(&again, HeaderName::Authorization);
    assert!(credentials.contains("realm=\"biloxi\""), "{credentials}");
    bench.reply(&again, 200, &[]);
    bench.silence();
    bench.no_events();
    notify(&mut bench, id, "more");
    let more = peer.notified(&mut bench, "active;expires=600", "more");
    let challenge = "Digest realm=\"elsewhere\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256";
    bench.reply(&more, 401, &[("WWW-Authenticate", challenge)]);
    assert_eq!(failed(&mut bench, id).cause, Cause::Authentication);
    over(bench);
}

/// RFC 6665 4.4.1, RFC 3261 12.2.1.2 (6665-4.5-A): the Contact of a 2xx to a NOTIFY is the next target.
#[test]
fn rfc6665_4_5_a_2xx_to_notify_refreshes_the_target() {
    let (mut bench, id, mut peer) = subscribed(&notifier());
    notify(&mut bench, id, "news");
    let news = peer.notified(&mut bench, "active;expires=600", "news");
    bench.reply(&news, 200, &[("Contact", "<sip:bob@new.invalid>")]);
    notify(&mut bench, id, "more");
    peer.contact = "<sip:bob@new.invalid>".into();
    peer.notified(&mut bench, "active;expires=600", "more");
}

//! Refusals of a PUBLISH: those that may pass, and those that do not.

use super::*;

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

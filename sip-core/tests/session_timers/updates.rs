//! Refreshes by UPDATE (RFC 4028 section 7.4), of either side.

use std::time::Duration;

use sip_parse::{HeaderName, Method, Request};
use sip_testing::{Bench, SECOND, alice, value};

use crate::{accept, answered, asking, called, expired, refresh, session_expires};

/// The Allow of a peer that takes UPDATE.
const UPDATES: (&str, &str) = ("Allow", "INVITE, ACK, CANCEL, BYE, UPDATE");

/// The agent refreshes by an UPDATE without an offer, which the application does not notice.
#[track_caller]
fn update(bench: &mut Bench, field: &str) -> Request {
    bench.no_events();
    let update = bench.next_request();
    assert_eq!(update.method(), Method::Update);
    assert!(update.body().is_empty());
    assert_eq!(session_expires(&update), field);
    assert!(update.supported().any(|tag| tag == b"timer"));
    update
}

/// 4028-10-A: a peer whose Allow lists UPDATE is refreshed by UPDATE without an offer, by the caller and by the callee.
#[test]
fn rfc4028_7_4_a_peer_that_takes_update_gets_no_offer() {
    let field = "200;refresher=uac";
    let fields = [UPDATES, ("Session-Expires", field)];
    let (mut bench, id, _) = called(&asking(200), &fields);
    for _ in 0..3 {
        bench.wait(100 * SECOND - Duration::from_millis(1));
        bench.silence();
        bench.wait(Duration::from_millis(1));
        let request = update(&mut bench, field);
        bench.reply_tagged(&request, 200, "bob1", &fields, None);
    }
    // The callee takes the role over, then the timer ends.
    bench.wait(100 * SECOND);
    let request = update(&mut bench, field);
    let theirs = [UPDATES, ("Session-Expires", "200;refresher=uas")];
    bench.reply_tagged(&request, 200, "bob1", &theirs, None);
    bench.wait(167 * SECOND);
    bench.silence();
    // A re-INVITE of this side still refreshes.
    bench.reinvite(id);
    let again = refresh(&mut bench, id);
    assert_eq!(session_expires(&again), "200;refresher=uas");
    accept(&mut bench, &again, &[("Session-Expires", field)]);
    bench.renegotiated(id);
    bench.wait(100 * SECOND);
    let request = update(&mut bench, field);
    bench.reply_tagged(&request, 200, "bob1", &[UPDATES], None);
    bench.wait(10_000 * SECOND);
    bench.silence();
    bench.no_events();

    let fields = "Supported: timer\nAllow: UPDATE\nSession-Expires: 200;refresher=uas\n";
    let (mut bench, _, _) = answered(&alice(), fields);
    for _ in 0..2 {
        bench.wait(100 * SECOND);
        let request = update(&mut bench, field);
        let fields = [UPDATES, ("Session-Expires", field)];
        bench.reply_tagged(&request, 200, "bobtag", &fields, None);
    }
}

/// 4028-10-C, 4028-5-A: an UPDATE that is refused is repeated, with a longer interval after a 422, by re-INVITE if the peer
/// takes no UPDATE; 408, 481 and silence end the call.
#[test]
fn rfc4028_10_an_update_that_does_not_refresh() {
    let field = "200;refresher=uac";
    let begin = || {
        let (mut bench, id, _) = called(&alice(), &[UPDATES, ("Session-Expires", field)]);
        bench.wait(100 * SECOND);
        let request = update(&mut bench, field);
        (bench, id, request)
    };
    let (mut bench, _, request) = begin();
    bench.reply_tagged(&request, 422, "bob1", &[("Min-SE", "300")], None);
    let longer = update(&mut bench, "300;refresher=uac");
    assert_eq!(value(&longer, HeaderName::MinSe), "300");
    assert_eq!(
        longer.cseq().unwrap().number,
        request.cseq().unwrap().number + 1
    );
    let fields = [("Session-Expires", "300;refresher=uac")];
    bench.reply_tagged(&longer, 200, "bob1", &fields, None);
    bench.wait(150 * SECOND);
    update(&mut bench, "300;refresher=uac");

    let (mut bench, _, mut request) = begin();
    for millis in [50_000, 25_000, 12_500, 10_000] {
        bench.reply_tagged(&request, 500, "bob1", &[], None);
        bench.wait(Duration::from_millis(millis - 1));
        bench.silence();
        bench.wait(Duration::from_millis(1));
        request = update(&mut bench, field);
    }
    bench.reply_tagged(&request, 500, "bob1", &[], None);
    bench.wait(Duration::from_millis(2_500));
    expired(&mut bench);

    let (mut bench, _, request) = begin();
    bench.reply_tagged(&request, 491, "bob1", &[], None);
    bench.wait(4 * SECOND);
    update(&mut bench, field);

    let (mut bench, id, request) = begin();
    bench.reply_tagged(&request, 405, "bob1", &[], None);
    bench.wait(50 * SECOND);
    assert_eq!(session_expires(&refresh(&mut bench, id)), field);

    for status in [Some(408), Some(481), None] {
        let (mut bench, _, request) = begin();
        match status {
            Some(status) => bench.reply_tagged(&request, status, "bob1", &[], None),
            None => bench.wait(32 * SECOND),
        }
        assert_eq!(bench.next_request().method(), Method::Bye, "{status:?}");
    }
}

/// 4028-9-A, 4028-10-B, 4028-5-A: an UPDATE of the peer refreshes as its re-INVITE does, with and without an offer, and is
/// refused if its interval is too short.
#[test]
fn rfc4028_9_an_update_of_the_peer_refreshes() {
    let field = "Session-Expires: 200;refresher=uac\n";
    let fields = format!("Supported: timer\n{field}");
    let contact = "Contact: <sip:bob@bob.invalid>\n";
    let (mut bench, _, ok) = answered(&alice(), &fields);
    for cseq in 8..12 {
        bench.wait(150 * SECOND);
        bench.silence();
        let (branch, extra) = (format!("u{cseq}"), format!("{contact}{fields}"));
        bench.in_dialog("UPDATE", cseq, &branch, &ok, &extra);
        let response = bench.next_response();
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(session_expires(&response), "200;refresher=uac");
        assert!(response.require().any(|tag| tag == b"timer"));
    }
    let short = format!("{contact}Supported: timer\nSession-Expires: 89\n");
    bench.in_dialog("UPDATE", 12, "u12", &ok, &short);
    let response = bench.next_response();
    assert_eq!(response.status().as_u16(), 422);
    assert_eq!(value(&response, HeaderName::MinSe), "90");
    bench.wait(167 * SECOND);
    bench.silence();
    bench.wait(SECOND);
    expired(&mut bench);
    // One without Session-Expires ends the timer.
    let (mut bench, _, ok) = answered(&alice(), &fields);
    bench.in_dialog("UPDATE", 8, "u8", &ok, contact);
    let response = bench.next_response();
    assert!(!response.has(HeaderName::SessionExpires));
    bench.wait(10_000 * SECOND);
    bench.silence();
}

/// 4028-10-B: a host that slept past the end of the session keeps the call if a refresh of the peer arrived meanwhile.
#[test]
fn rfc4028_10_a_refresh_that_arrived_during_a_sleep_counts() {
    let fields = "Supported: timer\nSession-Expires: 1800;refresher=uac\n";
    let mut config = alice();
    config.keep_alive_interval(Duration::ZERO);
    for arrives in [true, false] {
        let (mut bench, _, ok) = answered(&config, fields);
        bench.now = bench.now + 3_600 * SECOND;
        if arrives {
            let extra = format!("Contact: <sip:bob@bob.invalid>\n{fields}");
            bench.in_dialog("UPDATE", 8, "u8", &ok, &extra);
            assert_eq!(bench.next_response().status().as_u16(), 200);
        }
        bench.sleep(Duration::ZERO);
        if arrives {
            bench.wait(1_767 * SECOND);
            bench.silence();
            bench.wait(SECOND);
        }
        expired(&mut bench);
    }
}

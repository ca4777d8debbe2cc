//! The refresher, the side that waits for its refresh, and what ends a session.

use std::time::Duration;

use sip_core::config::SessionRefresher;
use sip_core::{Cause, EndReason, Event, InviteOptions, Transport};
use sip_parse::{HeaderName, Method};
use sip_testing::{Bench, Crossover, OFFER, Pair, SECOND, Script, Weather, alice};

use crate::{CONTACT, accept, answered, asking, called, ended, expired, refresh, session_expires};

/// 4028-10-A: the refresher refreshes at half of the interval, again and again, and stays the refresher, as caller and as
/// callee.
#[test]
fn rfc4028_10_the_refresher_refreshes_at_half_of_the_interval() {
    let (mut bench, id, _) = called(&asking(200), &[("Session-Expires", "200;refresher=uac")]);
    let mut role = "200;refresher=uac";
    for _ in 0..5 {
        bench.wait(100 * SECOND - Duration::from_millis(1));
        bench.no_events();
        bench.wait(Duration::from_millis(1));
        let again = refresh(&mut bench, id);
        assert_eq!(session_expires(&again), role);
        assert!(again.supported().any(|tag| tag == b"timer"));
        assert!(!again.has(HeaderName::MinSe));
        accept(
            &mut bench,
            &again,
            &[("Session-Expires", role), ("Require", "timer")],
        );
        bench.renegotiated(id);
    }
    // The callee takes the role over.
    bench.wait(100 * SECOND);
    let again = refresh(&mut bench, id);
    role = "200;refresher=uas";
    accept(&mut bench, &again, &[("Session-Expires", role)]);
    bench.renegotiated(id);
    bench.wait(167 * SECOND);
    bench.silence();
    bench.wait(SECOND);
    expired(&mut bench);

    let fields = "Supported: timer\nSession-Expires: 200;refresher=uas\n";
    let (mut bench, id, _) = answered(&alice(), fields);
    for _ in 0..2 {
        bench.wait(100 * SECOND);
        let again = refresh(&mut bench, id);
        assert_eq!(
            session_expires(&again),
            "200;refresher=uac",
            "it is the caller of this request"
        );
        let fields = [CONTACT, ("Session-Expires", "200;refresher=uac")];
        bench.reply_tagged(&again, 200, "bobtag", &fields, Some(OFFER));
        assert_eq!(bench.next_request().method(), Method::Ack);
        bench.renegotiated(id);
    }
}

/// 4028-10-A: a re-INVITE of the application refreshes, too, and names the present refresher.
#[test]
fn rfc4028_7_4_each_reinvite_of_either_side_refreshes() {
    for (role, peer_refreshes) in [("uac", false), ("uas", true)] {
        let field = format!("200;refresher={role}");
        let (mut bench, id, _) = called(&alice(), &[("Session-Expires", &field)]);
        bench.wait(90 * SECOND);
        bench.reinvite(id);
        let again = refresh(&mut bench, id);
        assert_eq!(session_expires(&again), field);
        accept(&mut bench, &again, &[("Session-Expires", &field)]);
        bench.renegotiated(id);
        bench.wait(99 * SECOND);
        bench.no_events();
        if peer_refreshes {
            bench.wait(68 * SECOND);
            bench.silence();
            bench.wait(SECOND);
            expired(&mut bench);
        } else {
            bench.wait(SECOND);
            refresh(&mut bench, id);
        }
    }
    // The peer's re-INVITE: its refresher=uas means this side.
    for (asked, refreshes) in [("200;refresher=uas", true), ("200;refresher=uac", false)] {
        let fields = format!("Supported: timer\nSession-Expires: {asked}\n");
        let (mut bench, id, ok) = answered(&alice(), &fields);
        bench.wait(90 * SECOND);
        let fields = format!("Contact: <sip:bob@bob.invalid>\n{fields}");
        bench.in_dialog("INVITE", 8, "re", &ok, &fields);
        bench.describe(id, OFFER);
        let again = bench.next_response();
        assert_eq!(session_expires(&again), asked);
        bench.in_dialog("ACK", 8, "ack8", &ok, "");
        bench.events.clear();
        bench.wait(99 * SECOND);
        bench.no_events();
        if refreshes {
            bench.wait(SECOND);
            bench.description_needed();
        } else {
            bench.wait(68 * SECOND);
            bench.silence();
            bench.wait(SECOND);
            expired(&mut bench);
        }
    }
}

/// 4028-10-B: without a refresh of the peer the other side ends the call min(32 s, a third) before the session expires, with
/// a Reason.
#[test]
fn rfc4028_10_a_session_without_a_refresh_ends_by_bye() {
    for (interval, after) in [(1_800, 1_768), (96, 64), (90, 60)] {
        let field = format!("{interval};refresher=uas");
        let (mut bench, ..) = called(&alice(), &[("Session-Expires", &field)]);
        bench.wait(after * SECOND - Duration::from_millis(1));
        bench.silence();
        bench.wait(Duration::from_millis(1));
        expired(&mut bench);
        let fields = format!("Supported: timer\nSession-Expires: {interval};refresher=uac\n");
        let (mut bench, ..) = answered(&alice(), &fields);
        bench.wait(after * SECOND - Duration::from_millis(1));
        bench.silence();
        bench.wait(Duration::from_millis(1));
        expired(&mut bench);
    }
}

/// 4028-10-C: a refresh that gets 408 or 481, or no response, ends the call by BYE.
#[test]
fn rfc4028_10_a_refresh_that_the_peer_does_not_know_ends_the_call() {
    for status in [Some(408), Some(481), None] {
        let (mut bench, id, _) = called(&alice(), &[("Session-Expires", "200;refresher=uac")]);
        bench.wait(100 * SECOND);
        let again = refresh(&mut bench, id);
        match status {
            Some(status) => {
                bench.reply_tagged(&again, status, "bob1", &[], None);
                assert_eq!(bench.next_request().method(), Method::Ack);
            }
            None => bench.wait(32 * SECOND),
        }
        assert_eq!(bench.next_request().method(), Method::Bye, "{status:?}");
        assert_eq!(
            bench.renegotiation_failed().cause,
            match status {
                Some(408) | None => Cause::Timeout,
                _ => Cause::Refused,
            }
        );
    }
}

/// 4028-10-C: a refresh that gets another error is repeated, each time after half of what is left, until the session
/// expires; then the call ends by BYE with a Reason. The application may have no offer either.
#[test]
fn rfc4028_10_a_refused_refresh_is_repeated_until_the_session_expires() {
    for status in [Some(500), Some(488), None] {
        let (mut bench, id, _) = called(&alice(), &[("Session-Expires", "200;refresher=uac")]);
        for millis in [100_000, 50_000, 25_000, 12_500, 10_000] {
            bench.wait(Duration::from_millis(millis - 1));
            bench.no_events();
            bench.wait(Duration::from_millis(1));
            let Some(status) = status else {
                bench.description_needed();
                let refused = bench.try_describe(id, Err(sip_core::DescriptionFailed));
                assert_eq!(refused, Ok(()));
                bench.events.clear();
                continue;
            };
            let again = refresh(&mut bench, id);
            bench.reply_tagged(&again, status, "bob1", &[], None);
            assert_eq!(bench.next_request().method(), Method::Ack);
            bench.renegotiation_failed();
        }
        bench.wait(Duration::from_millis(2_499));
        bench.silence();
        bench.wait(Duration::from_millis(1));
        expired(&mut bench);
    }
    // A refresh that succeeds late begins the session anew.
    let (mut bench, id, _) = called(&alice(), &[("Session-Expires", "200;refresher=uac")]);
    bench.wait(100 * SECOND);
    let again = refresh(&mut bench, id);
    bench.reply_tagged(&again, 500, "bob1", &[], None);
    assert_eq!(bench.next_request().method(), Method::Ack);
    bench.renegotiation_failed();
    bench.wait(50 * SECOND);
    let again = refresh(&mut bench, id);
    accept(
        &mut bench,
        &again,
        &[("Session-Expires", "200;refresher=uac")],
    );
    bench.renegotiated(id);
    bench.wait(99 * SECOND);
    bench.no_events();
    bench.wait(SECOND);
    refresh(&mut bench, id);
}

/// 4028-10-A: a late offer and a refresh that crosses a re-INVITE of the peer change nothing about the timer.
#[test]
fn rfc4028_10_late_offers_and_glare() {
    let mut bench = Bench::new(&asking(200));
    let options = InviteOptions::new().late_offer();
    let id = bench
        .agent
        .invite("sip:bob@example.com", options, bench.now);
    let id = id.expect("a call");
    bench.pump();
    let invite = bench.next_request();
    assert_eq!(session_expires(&invite), "200");
    let fields = [CONTACT, ("Session-Expires", "200;refresher=uac")];
    bench.reply_tagged(&invite, 200, "bob1", &fields, Some(OFFER));
    bench.describe(id, OFFER);
    assert_eq!(bench.next_request().method(), Method::Ack);
    bench.events.clear();
    bench.wait(100 * SECOND);
    let again = refresh(&mut bench, id);
    bench.reply_tagged(&again, 491, "bob1", &[], None);
    assert_eq!(bench.next_request().method(), Method::Ack);
    bench.renegotiation_failed();
    bench.wait(4 * SECOND);
    let again = refresh(&mut bench, id);
    assert_eq!(session_expires(&again), "200;refresher=uac");
    accept(
        &mut bench,
        &again,
        &[("Session-Expires", "200;refresher=uac")],
    );
    bench.renegotiated(id);
    bench.wait(99 * SECOND);
    bench.no_events();
}

/// 4028-10-A, CONN-B: a refresh that is due without a connection waits for one; a repair refreshes by itself.
#[test]
fn rfc4028_10_a_refresh_waits_for_a_connection() {
    for lost_before in [95, 150] {
        let (mut bench, id, _) = called(&alice(), &[("Session-Expires", "400;refresher=uac")]);
        bench.wait(lost_before * SECOND);
        bench.lose();
        bench.others.clear();
        // No attempt to connect succeeds, and the refresh falls due.
        bench.now = bench.now + 110 * SECOND;
        bench.agent.tick(bench.now).expect("tick");
        bench.pump();
        let asked = |event: &Event| matches!(event, Event::DescriptionNeeded { .. });
        assert!(
            !bench.events.iter().any(asked),
            "no offer without a connection"
        );
        bench.reconnect(Transport::Ws);
        let again = refresh(&mut bench, id);
        assert_eq!(session_expires(&again), "400;refresher=uac");
        accept(
            &mut bench,
            &again,
            &[("Session-Expires", "400;refresher=uac")],
        );
        bench.renegotiated(id);
        bench.events.clear();
        bench.wait(199 * SECOND);
        assert!(
            !bench.events.iter().any(asked),
            "the repair was the refresh"
        );
        bench.wait(SECOND);
        refresh(&mut bench, id);
    }
}

/// 4028-10-B: a session that expires without a connection ends by a BYE on the next one.
#[test]
fn rfc4028_10_a_session_expires_without_a_connection() {
    let (mut bench, ..) = called(&alice(), &[("Session-Expires", "90;refresher=uas")]);
    bench.wait(55 * SECOND);
    bench.lose();
    bench.wait(5 * SECOND);
    bench.silence();
    bench.reconnect(Transport::Ws);
    let bye = bench.next_request();
    assert_eq!(bye.method(), Method::Bye);
    assert!(bye.has(HeaderName::Reason));
    bench.reply(&bye, 200, &[]);
    assert_eq!(ended(&mut bench).cause, Cause::Expired);
}

/// 4028-10-B, 4028-10-C: a host that slept past the end of the session ends the call, in either role, and refreshes nothing.
#[test]
fn rfc4028_10_a_host_that_slept_past_the_end() {
    for role in ["uac", "uas"] {
        let field = format!("1800;refresher={role}");
        let (mut bench, ..) = called(
            alice().keep_alive_interval(Duration::ZERO),
            &[("Session-Expires", &field)],
        );
        bench.sleep(3_600 * SECOND);
        bench.wait(Duration::ZERO);
        let asked = |event: &Event| matches!(event, Event::DescriptionNeeded { .. });
        assert!(!bench.events.iter().any(asked), "{role}");
        expired(&mut bench);
    }
    // A shorter sleep leaves time for the refresh.
    let field = ("Session-Expires", "1800;refresher=uac");
    let (mut bench, id, _) = called(alice().keep_alive_interval(Duration::ZERO), &[field]);
    bench.sleep(1_700 * SECOND);
    refresh(&mut bench, id);
}

/// 4028-10-B: the deadlines of a session end with its call.
#[test]
fn rfc4028_10_the_timers_end_with_the_call() {
    for role in ["uac", "uas"] {
        let field = format!("90;refresher={role}");
        let (mut bench, id, _) = called(&alice(), &[("Session-Expires", &field)]);
        bench.hang_up(id);
        let bye = bench.next_request();
        assert!(!bye.has(HeaderName::Reason));
        bench.reply(&bye, 200, &[]);
        bench.wait(32 * SECOND);
        bench.assert_nothing_left();
        bench.wait(200 * SECOND);
        bench.silence();
        let fields = format!("Supported: timer\nSession-Expires: 90;refresher={role}\n");
        let (mut bench, _, ok) = answered(&alice(), &fields);
        bench.in_dialog("BYE", 8, "bye", &ok, "");
        bench.wait(64 * SECOND);
        bench.assert_nothing_left();
    }
}

/// Counts nothing but the ends of calls: a refresh by UPDATE asks the application for nothing.
#[derive(Default)]
struct Ends([Option<EndReason>; 2]);

impl Script<Crossover> for Ends {
    fn event(&mut self, _pair: &mut Pair<Crossover>, agent: usize, event: Event) {
        match event {
            Event::Ended { reason, .. } => self.0[agent] = Some(*reason),
            Event::DescriptionNeeded { .. } => panic!("an UPDATE without an offer is enough"),
            _ => {}
        }
    }

    fn wish(&mut self, _pair: &mut Pair<Crossover>, _agent: usize, _wish: u32) {}
}

/// 4028-10-A, 4028-10-B: two agents keep a call for hours, and the refresher alone refreshes. If the peer is gone, each side
/// ends the call by itself.
#[test]
fn rfc4028_10_two_agents_keep_a_call_and_notice_when_the_other_is_gone() {
    for (side, refresher) in [
        (SessionRefresher::Uac, 0),
        (SessionRefresher::Uas, 1),
        // The callee chooses the side that asked.
        (SessionRefresher::Auto, 0),
    ] {
        let mut config = asking(1_800);
        config.session_refresher(side);
        let mut bob = alice();
        bob.uri("sip:bob@example.com");
        let agents = [("alice", config), ("bob", bob)];
        let calm = Weather::calm(Transport::Ws);
        let mut pair = Pair::new(1, calm, Crossover::default(), &agents);
        pair.wait(SECOND);
        pair.call([0, 1], "sip:bob@example.com", OFFER);
        let mut ends = Ends::default();
        let hours = |hours: u32| Duration::from_secs(3_600) * hours;
        pair.run(pair.now + hours(5), &mut ends);
        assert!(ends.0 == [None, None], "{}", pair.ladder);
        let updates = |agent: usize| {
            let passages = pair.met.iter();
            let sent = passages.filter(|(passage, _)| {
                passage.outgoing && passage.agent == agent && passage.what == "UPDATE"
            });
            sent.map(|(_, count)| *count).sum::<u64>()
        };
        assert_eq!(updates(refresher), 19, "each 15 minutes");
        assert_eq!(updates(1 - refresher), 0);
        // Bob loses the network for good.
        pair.down.insert((1, 0));
        pair.cut(1, 0);
        pair.run(pair.now + hours(1), &mut ends);
        let ended = ends.0.map(|reason| reason.expect("the call is over"));
        let causes = ended.map(|reason| reason.cause);
        assert_eq!(
            causes[1],
            Cause::NeverSent,
            "the session expired, and the BYE found no connection"
        );
        let of_alice = if refresher == 0 {
            Cause::DialogGone
        } else {
            Cause::Expired
        };
        assert_eq!(causes[0], of_alice);
    }
}

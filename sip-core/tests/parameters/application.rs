//! Requests that a parameter hands to the application.

use sip_core::{Event, FailureStatus, SessionId};
use sip_parse::HeaderName;

use sip_testing::{Bench, SECOND, alice, value};

fn outside(bench: &mut Bench, method: &str, number: u32, to: &str, extra: &str) {
    let user = bench.contact_user();
    bench.feed(&format!(
        "{method} sip:{user}@x SIP/2.0\nVia: SIP/2.0/WS b.invalid;branch=z9hG4bK{number}\n\
         Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag=1\nTo: <sip:alice@example.com>{to}\n\
         Call-ID: {number}\nCSeq: 1 {method}\nContact: <sip:bob@b.invalid>\n{extra}\
         Content-Length: 0\n\n"
    ));
}

/// CFG-NOTIFY: the agent answers a NOTIFY without a subscription with 481. If the configuration allows it and there
/// is no To tag, it answers 200 and emits the event. With a To tag it answers 481 in any case (RFC 6665 4.1.3).
pub(crate) fn cfg_notify_legacy_notifications() {
    let notify = "Event: message-summary\nSubscription-State: active\n";
    for (allowed, to, status) in [
        (false, "", 481),
        (true, "", 200),
        (true, ";tag=unknown", 481),
    ] {
        let mut config = alice();
        let mut bench = Bench::new(config.allow_legacy_notifications(allowed));
        outside(&mut bench, "NOTIFY", 1, to, notify);
        assert_eq!(bench.next_response().status().as_u16(), status);
        match bench.events.pop_front() {
            Some(Event::LegacyNotification { request }) => {
                assert_eq!(status, 200);
                assert_eq!(value(&request, HeaderName::Event), "message-summary");
            }
            None => assert_eq!(status, 481),
            other => panic!("{other:?}"),
        }
        bench.wait(40 * SECOND);
        bench.silence();
        bench.assert_nothing_left();
    }
}

const REFER_TO: &str = "Refer-To: <sip:carol@example.com>\n";

/// CFG-REFER: if not allowed, the agent answers a REFER outside dialogs with 403. If allowed, and within calls always, the
/// application answers and the agent follows nothing by itself. RFC 3515 2.4.2: without exactly one Refer-To the answer
/// is 400.
pub(crate) fn cfg_refer_is_the_applications_or_forbidden() {
    for allowed in [false, true] {
        let mut config = alice();
        let mut bench = Bench::new(config.allow_out_of_dialog_refers(allowed));
        let (id, invite) = bench.established_call();
        assert!(value(&invite, HeaderName::Allow).contains("REFER"));
        outside(&mut bench, "REFER", 1, "", REFER_TO);
        refer_is(&mut bench, allowed.then_some(None));
        refer_within(&mut bench, &invite, 1, REFER_TO);
        refer_is(&mut bench, Some(Some(id)));
        for (number, headers) in ["", &*REFER_TO.repeat(2)].into_iter().enumerate() {
            outside(&mut bench, "REFER", 5 + number as u32, "", headers);
            // Two Refer-To are malformed, which the agent checks first.
            let status = if allowed || number == 1 { 400 } else { 403 };
            assert_eq!(bench.next_response().status().as_u16(), status);
        }
        bench.no_events();
        bench.silence();
    }
}

/// A REFER of bob's within the call that `invite` began.
fn refer_within(bench: &mut Bench, invite: &sip_parse::Request, number: u32, extra: &str) {
    let user = bench.contact_user();
    let (from, to) = (
        value(invite, HeaderName::To),
        value(invite, HeaderName::From),
    );
    let call_id = value(invite, HeaderName::CallId);
    bench.feed(&format!(
        "REFER sip:{user}@x SIP/2.0\nVia: SIP/2.0/WS b.invalid;branch=z9hG4bKin{number}\n\
         Max-Forwards: 70\nFrom: {from};tag=bob1\nTo: {to}\nCall-ID: {call_id}\n\
         CSeq: {number} REFER\nContact: <sip:bob@b.invalid>\n{extra}Content-Length: 0\n\n"
    ));
}

/// The agent answers 403 at once, or emits an event of that call and sends the application's answer.
fn refer_is(bench: &mut Bench, asked: Option<Option<SessionId>>) {
    let Some(expected) = asked else {
        bench.no_events();
        assert_eq!(bench.next_response().status().as_u16(), 403);
        return;
    };
    bench.silence();
    let (refer, session) = bench.expect(|event| match event {
        Event::IncomingRefer { refer, session, .. } => Some((*refer, *session)),
        _ => None,
    });
    assert_eq!(session, expected);
    let decline = FailureStatus::DECLINE;
    bench.agent.reject_refer(refer, decline, bench.now).unwrap();
    bench.pump();
    assert_eq!(bench.next_response().status().as_u16(), 603);
}

/// `offerUnknownMethods`: a request of a method that the core does not handle reaches the application (RFC 3261 section 8.2.1);
/// `requests.rs` has the rest.
pub(crate) fn rfc3261_8_2_1_unknown_methods_reach_the_application() {
    for offered in [false, true] {
        let mut config = alice();
        let mut bench = Bench::new(config.offer_unknown_methods(offered));
        outside(&mut bench, "FLY", 1, "", "");
        match bench.events.pop_front() {
            Some(Event::IncomingRequest { .. }) => assert!(offered),
            None => assert_eq!(bench.next_response().status().as_u16(), 501),
            other => panic!("{other:?}"),
        }
    }
}

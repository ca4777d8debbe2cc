//! Provisional and successful responses of the callee with header fields and early media.

use std::time::Duration;

use sip_core::{
    Body, Cause, CommandError, DescriptionFailed, DescriptionKind, Event, ExchangeOutcome,
    ExtraHeader, ExtraHeaderError, MessageOptions, Originator, ProvisionalOptions,
    ProvisionalStatus, ProvisionalStatusError, Session, SessionId,
};
use sip_parse::{HeaderName, Method};
use sip_testing::{Bench, OFFER, SECOND, alice, value};

const ANSWER: &str = "v=0\r\no=- 2 2 IN IP4 192.0.2.2\r\n";

/// A call of bob that rings for 300 s at most; the caller takes no reliable responses.
fn called(sdp: Option<&str>) -> (Bench, SessionId) {
    let mut bench = Bench::new(alice().no_answer_timeout(300 * SECOND));
    let id = bench.invite_from_bob_with(1, "", sdp);
    (bench, id)
}

#[track_caller]
fn progress(bench: &mut Bench, id: SessionId, options: ProvisionalOptions) {
    match bench.agent.session(id) {
        Ok(Session::Incoming(call)) => assert_eq!(call.progress(options, bench.now), Ok(())),
        other => panic!("not an incoming call: {other:?}"),
    }
    bench.pump();
}

#[track_caller]
fn outcome(bench: &mut Bench) -> ExchangeOutcome {
    bench.expect(|event| match event {
        Event::ExchangeEnded { outcome, .. } => Some(outcome.clone()),
        _ => None,
    })
}

#[track_caller]
fn statuses(bench: &mut Bench) -> Vec<u16> {
    let sent = bench.sent.drain(..);
    let responses = sent.map(|message| message.into_response().unwrap());
    responses
        .map(|response| response.status().as_u16())
        .collect()
}

/// RFC 3261 13.3.1.1: any status from 101 to 199, with header fields; 100 is the core's own, and other numbers are errors.
#[test]
fn rfc3261_13_3_1_1_provisional_responses_with_header_fields() {
    let (mut bench, id) = called(Some(OFFER));
    let alert = ExtraHeader::new("Alert-Info", "<urn:alert:service:call-waiting>").unwrap();
    for number in [180, 181, 182, 199] {
        let status = ProvisionalStatus::new(number).unwrap();
        let options = ProvisionalOptions::new(status).header(alert.clone());
        progress(&mut bench, id, options);
        let response = bench.next_response();
        assert_eq!(response.status().as_u16(), number);
        assert_eq!(
            value(&response, HeaderName::parse(b"Alert-Info").unwrap()),
            alert.value()
        );
        assert!(response.to().unwrap().tag().is_some(), "12.1.1");
        assert!(response.body().is_empty() && !response.has(HeaderName::RSeq));
    }
    for number in [0, 99, 100, 200, 486, 1_000] {
        let status = ProvisionalStatus::new(number);
        assert_eq!(status, Err(ProvisionalStatusError(number)));
    }
    // The core numbers reliable responses itself.
    for name in ["RSeq", "RAck"] {
        let header = ExtraHeader::new(name, "1");
        assert_eq!(header, Err(ExtraHeaderError::Reserved), "{name}");
    }
}

/// 3261-13.3.1.1-A: the core repeats the last provisional response every minute, with its header fields; `ring` does not repeat
/// itself, and `progress` always sends.
#[test]
fn rfc3261_13_3_1_1_the_last_provisional_response_is_repeated_every_minute() {
    let (mut bench, id) = called(Some(OFFER));
    for _ in 0..2 {
        match bench.agent.session(id) {
            Ok(Session::Incoming(call)) => call.ring(bench.now),
            other => panic!("{other:?}"),
        }
        bench.pump();
    }
    assert_eq!(statuses(&mut bench), [180]);
    bench.wait(60 * SECOND - Duration::from_millis(1));
    assert!(statuses(&mut bench).is_empty());
    bench.wait(Duration::from_millis(1));
    assert_eq!(statuses(&mut bench), [180]);
    let room = ExtraHeader::new("X-Room", "12").unwrap();
    let queued = ProvisionalOptions::new(ProvisionalStatus::new(182).unwrap()).header(room);
    progress(&mut bench, id, queued);
    assert_eq!(bench.next_response().status().as_u16(), 182);
    for _ in 0..2 {
        bench.wait(60 * SECOND);
        let response = bench.next_response();
        assert_eq!(response.status().as_u16(), 182);
        assert_eq!(value(&response, HeaderName::Other(b"X-Room")), "12");
        bench.silence();
    }
    bench.answer(id, ANSWER);
    bench.wait(20 * SECOND);
    assert!(statuses(&mut bench).iter().all(|&status| status == 200));
}

/// RFC 3261 13.2.1, 6337-3-B: the answer in an unreliable response is a preview. The core repeats it in each copy, and the 2xx carries the
/// same one at once, because the answer may not change.
#[test]
fn rfc3261_13_2_1_the_2xx_repeats_the_answer_of_an_unreliable_response() {
    let (mut bench, id) = called(Some(OFFER));
    progress(&mut bench, id, ProvisionalOptions::early_media());
    assert_eq!(bench.remote_description().0, DescriptionKind::Offer);
    assert_eq!(bench.description_needed().kind, DescriptionKind::Answer);
    bench.silence();
    bench.describe(id, ANSWER);
    let response = bench.next_response();
    assert_eq!(response.status().as_u16(), 183);
    assert_eq!(response.body(), ANSWER.as_bytes());
    assert!(!response.has(HeaderName::Require));
    bench.wait(60 * SECOND);
    let again = bench.next_response();
    assert_eq!(
        (again.status().as_u16(), again.body()),
        (183, ANSWER.as_bytes())
    );
    bench.no_events();
    bench.accept(id);
    let ok = bench.next_response();
    assert_eq!((ok.status().as_u16(), ok.body()), (200, ANSWER.as_bytes()));
    bench.no_events();
    bench.in_dialog("ACK", 7, "ack", &ok, "");
    assert_eq!(outcome(&mut bench), ExchangeOutcome::Complete);
    assert!(matches!(bench.event(), Event::Established { .. }));
}

/// Early media that the application cannot make, or not in time (`offerTimeout`): the call goes on without it, and its 2xx asks anew.
/// Neither the 180 nor the CANCEL waits for the description.
#[test]
fn rfc3261_13_3_1_1_a_missing_description_does_not_hold_up_the_call() {
    for late in [false, true] {
        let (mut bench, id) = called(Some(OFFER));
        progress(&mut bench, id, ProvisionalOptions::early_media());
        progress(&mut bench, id, ProvisionalOptions::ringing());
        assert_eq!(statuses(&mut bench), [180]);
        if late {
            bench.wait(30 * SECOND);
        } else {
            assert_eq!(bench.try_describe(id, Err(DescriptionFailed)), Ok(()));
        }
        match outcome(&mut bench) {
            ExchangeOutcome::Aborted(reason) => assert_eq!(reason.cause, Cause::BadDescription),
            other => panic!("{other:?}"),
        }
        let described = bench.try_describe(id, Ok(Body::sdp(ANSWER)));
        assert_eq!(described, Err(CommandError::ExchangeOver));
        bench.silence();
        let ok = bench.answer(id, ANSWER);
        assert_eq!((ok.status().as_u16(), ok.body()), (200, ANSWER.as_bytes()));
    }
    let (mut bench, id) = called(Some(OFFER));
    progress(&mut bench, id, ProvisionalOptions::ringing());
    let ours = bench.next_response();
    progress(&mut bench, id, ProvisionalOptions::early_media());
    bench.in_dialog("CANCEL", 7, "bob1", &ours, "");
    assert_eq!(statuses(&mut bench), [200, 487]);
    assert!(matches!(outcome(&mut bench), ExchangeOutcome::Aborted(_)));
}

/// The application accepts the call while its early media waits for the description: the 2xx takes it.
#[test]
fn rfc3261_13_3_1_4_an_accepted_call_takes_the_description_of_its_early_media() {
    let (mut bench, id) = called(Some(OFFER));
    progress(&mut bench, id, ProvisionalOptions::early_media());
    bench.accept(id);
    bench.silence();
    bench.describe(id, ANSWER);
    let ok = bench.next_response();
    assert_eq!((ok.status().as_u16(), ok.body()), (200, ANSWER.as_bytes()));
    bench.in_dialog("ACK", 7, "ack", &ok, "");
    assert_eq!(outcome(&mut bench), ExchangeOutcome::Complete);
}

/// 3261-13.3.1.4-B: the 2xx carries Contact, Allow, Supported, the Record-Route of the INVITE, and the header fields of the application. Its
/// body is the session description, so that another one is a typed error.
#[test]
fn rfc3261_13_3_1_4_a_2xx_with_header_fields() {
    let (mut bench, id) = called(Some(OFFER));
    let room = ExtraHeader::new("X-Room", "12").unwrap();
    for (options, expected) in [
        (MessageOptions::new().body(Body::sdp(ANSWER)), false),
        (MessageOptions::new().header(room), true),
    ] {
        let taken = match bench.agent.session(id) {
            Ok(Session::Incoming(call)) => call.answer_with(options, bench.now),
            other => panic!("{other:?}"),
        };
        assert_eq!(taken.is_ok(), expected, "{taken:?}");
        bench.pump();
    }
    bench.describe(id, ANSWER);
    let ok = bench.next_response();
    assert_eq!((ok.status().as_u16(), ok.body()), (200, ANSWER.as_bytes()));
    assert_eq!(value(&ok, HeaderName::Other(b"X-Room")), "12");
    assert!(ok.has(HeaderName::Allow) && ok.has(HeaderName::Supported));
    assert_eq!(ok.contacts().count(), 1);
    assert_eq!(ok.headers_named(HeaderName::RecordRoute).count(), 2);
}

/// 3261-13.3.1.1-A, 3261-13.3.1-A: early media and 180 do not prolong the call: its Expires ends it by 487.
#[test]
fn rfc3261_13_3_1_expires_ends_a_call_with_early_media() {
    let mut bench = Bench::new(&alice());
    let id = bench.invite_from_bob_with(1, "Expires: 5\n", Some(OFFER));
    progress(&mut bench, id, ProvisionalOptions::early_media());
    bench.describe(id, ANSWER);
    bench.wait(4 * SECOND);
    assert_eq!(statuses(&mut bench), [183]);
    bench.wait(SECOND);
    assert_eq!(statuses(&mut bench), [487]);
    assert!(matches!(outcome(&mut bench), ExchangeOutcome::Refused(_)));
    let ended = bench.expect(|event| match event {
        Event::Ended { reason, .. } => Some((reason.originator, reason.cause)),
        _ => None,
    });
    assert_eq!(ended, (Originator::Local, Cause::NoAnswer));
}

/// 5407-A, RFC 5407 3.1.1: a CANCEL that crosses the 2xx gets 200 and changes nothing; the ACK makes the call, which BYE ends.
#[test]
fn rfc5407_3_1_1_a_cancel_that_crosses_the_2xx() {
    let (mut bench, id) = called(Some(OFFER));
    let ok = bench.answer(id, ANSWER);
    bench.in_dialog("CANCEL", 7, "bob1", &ok, "");
    let response = bench.next_response();
    assert_eq!(response.cseq().unwrap().method, Method::Cancel);
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(response.to().unwrap().tag(), ok.to().unwrap().tag());
    bench.silence();
    bench.in_dialog("ACK", 7, "ack", &ok, "");
    bench.expect(|event| matches!(event, Event::Established { .. }).then_some(()));
    bench.in_dialog("BYE", 8, "bye", &ok, "");
    assert_eq!(statuses(&mut bench), [200]);
    bench.wait(40 * SECOND);
    bench.assert_nothing_left();
}

/// 5407-A, RFC 5407 3.1.2: a BYE of the caller in the early dialog crosses the 2xx: both are answered, and the agent sends no BYE.
#[test]
fn rfc5407_3_1_2_an_early_bye_that_crosses_the_2xx() {
    let (mut bench, id) = called(Some(OFFER));
    progress(&mut bench, id, ProvisionalOptions::ringing());
    let ringing = bench.next_response();
    let ok = bench.answer(id, ANSWER);
    bench.in_dialog("BYE", 8, "bye", &ringing, "");
    assert_eq!(statuses(&mut bench), [200]);
    bench.in_dialog("ACK", 7, "ack", &ok, "");
    bench.wait(40 * SECOND);
    bench.silence();
    bench.assert_nothing_left();
}

/// 5407-A, 3261-15.1.1-A, RFC 5407 3.1.3: the application hangs up before the ACK. The BYE waits for the ACK, and goes out although the ACK is lost, when the
/// 2xx has timed out.
#[test]
fn rfc5407_3_1_3_a_callee_that_hangs_up_before_the_ack() {
    for acknowledged in [true, false] {
        let (mut bench, id) = called(Some(OFFER));
        let ok = bench.answer(id, ANSWER);
        bench.hang_up(id);
        bench.wait(2 * SECOND);
        assert!(statuses(&mut bench).iter().all(|&status| status == 200));
        if acknowledged {
            bench.in_dialog("ACK", 7, "ack", &ok, "");
        } else {
            bench.wait(31 * SECOND);
            bench.sent.retain(|message| message.is_request());
        }
        let bye = bench.next_request();
        assert_eq!(bye.method(), Method::Bye);
        bench.reply(&bye, 200, &[]);
        bench.expect(|event| matches!(event, Event::Ended { .. }).then_some(()));
        bench.wait(40 * SECOND);
        bench.assert_nothing_left();
    }
}

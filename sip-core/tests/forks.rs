//! Forked INVITEs of the agent: several early dialogs, and the end of each (RFC 3261 sections 12 and 13.2.2, RFC 6228).

use sip_core::config::{ConfigBuilder, Support};
use sip_core::dialog::DialogId;
use sip_core::{Body, Cause, DescriptionKind, Event, Forks, InviteOptions, Session, SessionId};
use sip_parse::{HeaderName, Method, Request};
use sip_testing::{Bench, OFFER, SECOND, alice, values};

const EARLY: &str = "v=0 early";
const ANSWER: &str = "v=0 answer";

fn reliable() -> ConfigBuilder {
    let mut config = alice();
    config.rel100(Support::Supported);
    config
}

fn respond(bench: &mut Bench, invite: &Request, status: u16, tag: &str, sdp: Option<&str>) {
    let contact = format!("<sip:{tag}@192.0.2.9>");
    bench.reply_tagged(invite, status, tag, &[("Contact", &contact)], sdp);
}

/// The next progress: its dialog and its preview.
fn progress(bench: &mut Bench) -> (Option<DialogId>, Option<Box<Body>>) {
    bench.expect(|event| match event {
        Event::Progress {
            dialog, preview, ..
        } => Some((*dialog, preview.clone())),
        _ => None,
    })
}

/// Lets a branch ring; its early dialog.
fn ring(bench: &mut Bench, invite: &Request, tag: &str, sdp: Option<&str>) -> DialogId {
    respond(bench, invite, 183, tag, sdp);
    progress(bench).0.expect("an early dialog")
}

fn early_ended(bench: &mut Bench) -> (DialogId, Cause) {
    bench.expect(|event| match event {
        Event::EarlyDialogEnded { dialog, reason, .. } => Some((*dialog, reason.cause)),
        _ => None,
    })
}

fn answer_of(bench: &mut Bench) -> (Option<DialogId>, Vec<u8>) {
    bench.expect(|event| match event {
        Event::RemoteDescription {
            dialog,
            kind: DescriptionKind::Answer,
            body,
            ..
        } => Some((*dialog, body.bytes.to_vec())),
        _ => None,
    })
}

fn established(bench: &mut Bench) -> SessionId {
    bench.expect(|event| match event {
        Event::Established { session } => Some(*session),
        _ => None,
    })
}

/// RFC 6337 3.1.1 (6337-3-B): the first session description of an unreliable response is a preview for early media in its dialog; it
/// is the answer if the 2xx of the same dialog brings none.
#[test]
fn rfc6337_3_an_unreliable_description_is_a_preview_and_applies_with_the_2xx() {
    let mut bench = Bench::new(&alice());
    let (id, invite) = bench.call();
    for (tag, sdp) in [("bob", "v=0 bob"), ("carol", "v=0 carol")] {
        respond(&mut bench, &invite, 183, tag, Some(sdp));
        let (_, preview) = progress(&mut bench);
        assert_eq!(preview.unwrap().bytes, sdp.as_bytes());
        respond(&mut bench, &invite, 183, tag, Some("v=0 second"));
        assert!(progress(&mut bench).1.is_none(), "the first alone");
    }
    bench.no_events();
    respond(&mut bench, &invite, 200, "carol", None);
    assert_eq!(bench.next_request().method(), Method::Ack);
    assert_eq!(answer_of(&mut bench).1, b"v=0 carol");
    assert_eq!(established(&mut bench), id);
}

/// RFC 6337 3.1.1 (6337-3-B): the session description of a 2xx is the answer, whatever the preview was.
#[test]
fn rfc6337_3_the_description_of_the_2xx_is_the_answer() {
    let mut bench = Bench::new(&alice());
    let (_, invite) = bench.call();
    ring(&mut bench, &invite, "bob", Some(EARLY));
    respond(&mut bench, &invite, 200, "bob", Some(ANSWER));
    assert_eq!(answer_of(&mut bench).1, ANSWER.as_bytes());
}

/// RFC 3261 13.2.2.4 and 13.2.1: a preview of one branch is no answer of another; its 2xx is acknowledged and ended.
#[test]
fn rfc3261_13_2_2_4_a_preview_stays_in_its_dialog() {
    let mut bench = Bench::new(&alice());
    let (_, invite) = bench.call();
    ring(&mut bench, &invite, "bob", Some(EARLY));
    respond(&mut bench, &invite, 200, "carol", None);
    assert_eq!(bench.next_request().method(), Method::Ack);
    assert_eq!(bench.next_request().method(), Method::Bye);
}

/// RFC 3261 12.1.2 and 12.3 (3261-12.3-A): the other early dialogs end when one branch answers, and a final response ends all of
/// them with the call.
#[test]
fn rfc3261_12_3_early_dialogs_end_with_the_first_2xx_and_with_a_refusal() {
    let mut bench = Bench::new(&alice());
    let (id, invite) = bench.call();
    let bob = ring(&mut bench, &invite, "bob", None);
    let carol = ring(&mut bench, &invite, "carol", Some(EARLY));
    let dave = ring(&mut bench, &invite, "dave", None);
    assert!(bob != carol && carol != dave && bob != dave);
    respond(&mut bench, &invite, 200, "carol", None);
    assert_eq!(early_ended(&mut bench), (bob, Cause::AnsweredElsewhere));
    assert_eq!(early_ended(&mut bench), (dave, Cause::AnsweredElsewhere));
    assert_eq!(answer_of(&mut bench).0, Some(carol));
    assert_eq!(established(&mut bench), id);

    let mut bench = Bench::new(&alice());
    let (_, invite) = bench.call();
    ring(&mut bench, &invite, "bob", Some(EARLY));
    ring(&mut bench, &invite, "carol", None);
    bench.reply(&invite, 486, &[]);
    bench.renegotiation_failed();
    assert!(matches!(bench.event(), Event::Ended { .. }));
    bench.no_events();
    bench.wait(40 * SECOND);
    bench.assert_nothing_left();
}

/// RFC 3261 13.2.2.4 (3261-13.2.2.4-C): each further branch that answers is acknowledged and ended, each in its own dialog.
#[test]
fn rfc3261_13_2_2_4_every_further_branch_is_acknowledged_and_ended() {
    let mut bench = Bench::new(&alice());
    let (id, invite) = bench.call();
    respond(&mut bench, &invite, 200, "bob", Some(ANSWER));
    assert_eq!(bench.next_request().method(), Method::Ack);
    assert_eq!(established(&mut bench), id);
    for tag in ["carol", "dave"] {
        respond(&mut bench, &invite, 200, tag, Some(ANSWER));
        let (ack, bye) = (bench.next_request(), bench.next_request());
        assert_eq!((ack.method(), bye.method()), (Method::Ack, Method::Bye));
        for request in [&ack, &bye] {
            assert_eq!(request.to().unwrap().tag(), Some(tag.as_bytes()));
        }
        // A repeat of the 2xx gets its ACK again, and no further BYE.
        respond(&mut bench, &invite, 200, tag, Some(ANSWER));
        assert_eq!(bench.next_request().method(), Method::Ack);
        bench.silence();
        bench.reply(&bye, 200, &[]);
    }
    bench.no_events();
}

/// RFC 6228 4 (6228-A): the INVITE lists 199 in Supported, and a 199 ends its early dialog alone; another branch answers.
#[test]
fn rfc6228_4_a_199_ends_one_early_dialog_and_the_invite_goes_on() {
    let mut bench = Bench::new(&alice());
    let (id, invite) = bench.call();
    let supported = values(&invite, HeaderName::Supported).join(",");
    assert!(supported.contains("199"), "{supported}");
    let bob = ring(&mut bench, &invite, "bob", Some(EARLY));
    let carol = ring(&mut bench, &invite, "carol", None);
    bench.reply_tagged(
        &invite,
        199,
        "bob",
        &[("Reason", "SIP;cause=486;text=\"Busy Here\"")],
        None,
    );
    assert_eq!(progress(&mut bench).0, Some(bob));
    assert_eq!(early_ended(&mut bench), (bob, Cause::Refused));
    assert!(bench.agent.session(id).is_ok());
    bench.no_events();
    respond(&mut bench, &invite, 200, "carol", Some(ANSWER));
    assert_eq!(answer_of(&mut bench).0, Some(carol));
    established(&mut bench);
    bench.no_events();
}

/// RFC 6228 4: a 199 makes no dialog, and a second one ends nothing.
#[test]
fn rfc6228_4_a_199_makes_no_dialog() {
    let mut bench = Bench::new(&alice());
    let (_, invite) = bench.call();
    ring(&mut bench, &invite, "bob", None);
    for tag in ["bob", "bob", "unknown"] {
        bench.reply_tagged(&invite, 199, tag, &[], None);
    }
    let named: Vec<_> = (0..3).map(|_| progress(&mut bench).0.is_some()).collect();
    assert_eq!(named, [true, false, false]);
}

/// RFC 6228 4, RFC 3262 4: a reliable 199 is acknowledged before its dialog ends, and an offer that waits for its answer ends with
/// the dialog.
#[test]
fn rfc6228_4_a_reliable_199_is_acknowledged() {
    let mut bench = Bench::new(&reliable());
    let options = InviteOptions::new().late_offer();
    let id = bench.agent.invite("bob", options, bench.now).unwrap();
    bench.pump();
    let invite = bench.next_request();
    for (status, rseq, body) in [(183, "1", Some(OFFER)), (183, "1", Some(OFFER))] {
        for tag in ["bob", "carol"] {
            let headers = [
                ("Contact", "<sip:peer@192.0.2.9>"),
                ("Require", "100rel"),
                ("RSeq", rseq),
            ];
            bench.reply_tagged(&invite, status, tag, &headers, body);
        }
    }
    bench.silence();
    // Carol's offer was asked last.
    bench.describe(id, ANSWER);
    let prack = bench.next_request();
    assert_eq!(prack.to().unwrap().tag(), Some(&b"carol"[..]));
    bench.reply(&prack, 200, &[]);
    let headers = [("Require", "100rel"), ("RSeq", "2")];
    bench.reply_tagged(&invite, 199, "carol", &headers, None);
    let prack = bench.next_request();
    assert_eq!(prack.method(), Method::Prack);
    early_ended(&mut bench);
    bench.reply(&prack, 200, &[]);
    bench.events.clear();
    bench.reply_tagged(&invite, 199, "bob", &[], None);
    assert_eq!(bench.renegotiation_failed().cause, Cause::Refused);
    early_ended(&mut bench);
    // No answer is missing any more, so that no deadline cancels the call.
    bench.wait(60 * SECOND);
    bench.silence();
    bench.no_events();
}

/// A reliable provisional response of a branch; its PRACK gets 200. The CSeq number of the PRACK.
fn acknowledged(
    bench: &mut Bench,
    invite: &Request,
    tag: &str,
    rseq: &str,
    sdp: Option<&str>,
) -> u32 {
    let headers = [
        ("Contact", "<sip:peer@192.0.2.9>"),
        ("Require", "100rel"),
        ("RSeq", rseq),
    ];
    bench.reply_tagged(invite, 183, tag, &headers, sdp);
    let prack = bench.next_request();
    assert_eq!(prack.method(), Method::Prack);
    bench.reply_tagged(&prack, 200, tag, &[], None);
    prack.cseq().unwrap().number
}

/// RFC 3261 12.2.1.1: the BYE of a branch that lost has a greater CSeq number than the PRACKs in its early dialog, because its peer
/// refuses it otherwise.
#[test]
fn rfc3261_12_2_1_1_the_bye_of_a_lost_branch_comes_after_its_pracks() {
    // The call may be over when the branch answers.
    for over in [false, true] {
        let mut bench = Bench::new(&reliable());
        let (id, invite) = bench.call();
        acknowledged(&mut bench, &invite, "bob", "1", None);
        let last = acknowledged(&mut bench, &invite, "bob", "2", None);
        respond(&mut bench, &invite, 200, "carol", Some(ANSWER));
        assert_eq!(established(&mut bench), id);
        assert_eq!(bench.next_request().method(), Method::Ack);
        if over {
            bench.hang_up(id);
            let bye = bench.next_request();
            bench.reply(&bye, 200, &[]);
        }
        respond(&mut bench, &invite, 200, "bob", Some(ANSWER));
        assert_eq!(bench.next_request().method(), Method::Ack);
        let bye = bench.next_request();
        assert_eq!(bye.method(), Method::Bye);
        assert_eq!(bye.to().unwrap().tag(), Some(&b"bob"[..]));
        assert_eq!(bye.cseq().unwrap().number, last + 1, "over: {over}");
    }
}

/// RFC 3261 12.2.1.1, RFC 6228 4: a branch that goes on after its 199 gets greater CSeq numbers than before it.
#[test]
fn rfc3261_12_2_1_1_numbers_grow_after_a_199() {
    let mut bench = Bench::new(&reliable());
    let (_, invite) = bench.call();
    let first = acknowledged(&mut bench, &invite, "bob", "1", None);
    bench.reply_tagged(&invite, 199, "bob", &[], None);
    let second = acknowledged(&mut bench, &invite, "bob", "2", None);
    assert!(second > first);
}

/// RFC 3261 12.1.2: above the limit of forks a branch has no early dialog, and no response of it is acknowledged by PRACK; its 2xx is
/// taken all the same.
#[test]
fn lim_a_forks_above_the_limit_have_no_early_dialog() {
    let mut bench = Bench::new(&reliable());
    let (id, invite) = bench.call();
    for branch in 0..40 {
        let headers = [
            ("Contact", "<sip:peer@192.0.2.9>"),
            ("Require", "100rel"),
            ("RSeq", "1"),
        ];
        bench.reply_tagged(&invite, 183, &format!("b{branch}"), &headers, None);
    }
    let pracks = std::mem::take(&mut bench.sent);
    assert_eq!(pracks.len(), 16, "Limits::forks");
    let dialogs: Vec<_> = (0..40).map(|_| progress(&mut bench).0.is_some()).collect();
    assert_eq!(dialogs.iter().filter(|known| **known).count(), 16);
    respond(&mut bench, &invite, 200, "b39", Some(ANSWER));
    assert_eq!(established(&mut bench), id);
}

/// A call whose further branches the application claims, up with `bob`; the call and its INVITE.
fn claiming_call(bench: &mut Bench) -> (SessionId, Request) {
    let options = InviteOptions::new().forks(Forks::Claim);
    let id = bench.agent.invite("bob", options, bench.now).unwrap();
    bench.pump();
    bench.describe(id, OFFER);
    let invite = bench.next_request();
    respond(bench, &invite, 200, "bob", Some(ANSWER));
    assert_eq!(bench.next_request().method(), Method::Ack);
    assert_eq!(established(bench), id);
    (id, invite)
}

fn branched(bench: &mut Bench) -> (SessionId, SessionId) {
    bench.expect(|event| match event {
        Event::CallBranched { session, of } => Some((*session, *of)),
        _ => None,
    })
}

fn ended(bench: &mut Bench) -> (SessionId, Cause) {
    bench.expect(|event| match event {
        Event::Ended { session, reason } => Some((*session, reason.cause)),
        _ => None,
    })
}

/// The far end sends a BYE in the dialog of a branch.
fn bye_from(bench: &mut Bench, invite: &Request, tag: &str) {
    let from = String::from_utf8(invite.header(HeaderName::From).unwrap().value.to_vec()).unwrap();
    let call_id = String::from_utf8(invite.call_id().unwrap().to_vec()).unwrap();
    let user = bench.contact_user();
    bench.feed(&format!(
        "BYE sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS {tag}.invalid;branch=z9hG4bKbye{tag}\n\
         Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag={tag}\nTo: {from}\nCall-ID: {call_id}\n\
         CSeq: 9 BYE\nContent-Length: 0\n\n"
    ));
}

/// RFC 3261 13.2.2.4 (3261-13.2.2.4-C): a further branch that the application claims is a call of its own, in its own dialog, with
/// the answer of its own peer; each goes on without the other.
#[test]
fn rfc3261_13_2_2_4_a_claimed_branch_is_a_call_of_its_own() {
    for first_ends_first in [true, false] {
        let mut bench = Bench::new(&alice());
        let (first, invite) = claiming_call(&mut bench);
        respond(&mut bench, &invite, 200, "carol", Some("v=0 carol"));
        let ack = bench.next_request();
        assert_eq!(ack.method(), Method::Ack);
        assert_eq!(ack.uri_bytes(), b"sip:carol@192.0.2.9");
        assert_eq!(ack.to().unwrap().tag(), Some(&b"carol"[..]));
        bench.silence();
        let (second, of) = branched(&mut bench);
        assert!(of == first && second != first);
        let (dialog, answer) = answer_of(&mut bench);
        assert!(dialog.is_some() && answer == b"v=0 carol");
        bench.renegotiated(second);
        assert_eq!(established(&mut bench), second);

        // A repeat of either 2xx gets the ACK of its own call.
        for (tag, repeated) in [("carol", Some(ack)), ("bob", None)] {
            respond(&mut bench, &invite, 200, tag, Some(ANSWER));
            let again = bench.next_request();
            assert_eq!(again.to().unwrap().tag(), Some(tag.as_bytes()));
            assert!(repeated.is_none_or(|ack| ack.bytes() == again.bytes()));
            bench.silence();
        }
        bench.no_events();

        let (over, other, tag) = match first_ends_first {
            true => (first, second, "bob"),
            false => (second, first, "carol"),
        };
        bye_from(&mut bench, &invite, tag);
        assert_eq!(bench.next_response().status().as_u16(), 200);
        assert_eq!(ended(&mut bench), (over, Cause::Bye));
        assert!(matches!(
            bench.agent.session(other),
            Ok(Session::Established(_))
        ));
        // The end of one leaves the dialog of the other: a BYE of this side and one of its peer.
        bench.hang_up(other);
        let bye = bench.next_request();
        assert_eq!(bye.method(), Method::Bye);
        let other_tag = if first_ends_first { "carol" } else { "bob" };
        assert_eq!(bye.to().unwrap().tag(), Some(other_tag.as_bytes()));
        bench.reply(&bye, 200, &[]);
        assert_eq!(ended(&mut bench), (other, Cause::Requested));
        bench.wait(40 * SECOND);
        bench.assert_nothing_left();
    }
}

/// RFC 3262 5, RFC 6337 3.1.1: a claimed branch that answered before its 2xx, in a provisional response, has that answer: that of a
/// reliable one whatever the 2xx brings, that of another one if the 2xx brings none.
#[test]
fn rfc3262_5_a_claimed_branch_keeps_the_answer_of_its_early_dialog() {
    for (is_reliable, late, expected) in [
        (true, None, EARLY),
        (true, Some(ANSWER), EARLY),
        (false, None, EARLY),
        (false, Some(ANSWER), ANSWER),
    ] {
        let mut bench = Bench::new(&reliable());
        let options = InviteOptions::new().forks(Forks::Claim);
        let id = bench.agent.invite("bob", options, bench.now).unwrap();
        bench.pump();
        bench.describe(id, OFFER);
        let invite = bench.next_request();
        if is_reliable {
            acknowledged(&mut bench, &invite, "carol", "1", Some(EARLY));
        } else {
            ring(&mut bench, &invite, "carol", Some(EARLY));
        }
        respond(&mut bench, &invite, 200, "bob", Some(ANSWER));
        assert_eq!(bench.next_request().method(), Method::Ack);
        assert_eq!(established(&mut bench), id);
        respond(&mut bench, &invite, 200, "carol", late);
        assert_eq!(bench.next_request().method(), Method::Ack);
        bench.silence();
        let (branch, of) = branched(&mut bench);
        assert_eq!(of, id);
        assert_eq!(answer_of(&mut bench).1, expected.as_bytes());
        bench.renegotiated(branch);
        assert_eq!(established(&mut bench), branch);
        bench.no_events();
    }
}

/// RFC 3261 13.2.2.4: a claimed branch that brings no answer at all is acknowledged and ended.
#[test]
fn rfc3261_13_2_2_4_a_claimed_branch_without_an_answer_ends() {
    let mut bench = Bench::new(&alice());
    let (first, invite) = claiming_call(&mut bench);
    respond(&mut bench, &invite, 200, "carol", None);
    assert_eq!(bench.next_request().method(), Method::Ack);
    let bye = bench.next_request();
    assert_eq!(bye.method(), Method::Bye);
    let (branch, of) = branched(&mut bench);
    assert_eq!(of, first);
    assert_eq!(
        bench.renegotiation_failed().cause,
        Cause::BadDescription,
        "the offer of the INVITE"
    );
    bench.reply_tagged(&bye, 200, "carol", &[], None);
    assert_eq!(ended(&mut bench), (branch, Cause::BadDescription));
    assert!(bench.agent.session(first).is_ok());
}

/// RFC 3261 13.2.2.4 and 15.1.2: a request in the dialog of one branch is not for the other call.
#[test]
fn rfc3261_13_2_2_4_a_bye_of_a_claimed_branch_ends_that_call_alone() {
    let mut bench = Bench::new(&alice());
    let (first, invite) = claiming_call(&mut bench);
    respond(&mut bench, &invite, 200, "carol", Some(ANSWER));
    bench.sent.clear();
    let (second, _) = branched(&mut bench);
    bye_from(&mut bench, &invite, "carol");
    assert_eq!(ended(&mut bench), (second, Cause::Bye));
    assert!(bench.agent.session(first).is_ok());
    bench.sent.clear();
    // Its 2xx, repeated late, is acknowledged and makes no call any more.
    respond(&mut bench, &invite, 200, "carol", Some(ANSWER));
    assert_eq!(bench.next_request().method(), Method::Ack);
    bench.silence();
    bench.no_events();
}

/// RFC 3261 13.2.2.4: without room for a further call, or after the end of the first one, a branch is acknowledged and ended.
#[test]
fn lim_a_a_branch_is_claimed_only_with_room_and_a_call() {
    let mut bench = Bench::new(&alice());
    let (first, invite) = claiming_call(&mut bench);
    bench.hang_up(first);
    bench.sent.clear();
    respond(&mut bench, &invite, 200, "carol", Some(ANSWER));
    assert_eq!(bench.next_request().method(), Method::Ack);
    assert_eq!(bench.next_request().method(), Method::Bye);

    // `Limits::forks` bounds the branches of one INVITE.
    let mut bench = Bench::new(&alice());
    let (_, invite) = claiming_call(&mut bench);
    for branch in 0..40 {
        respond(
            &mut bench,
            &invite,
            200,
            &format!("b{branch}"),
            Some(ANSWER),
        );
    }
    let calls = bench
        .events
        .iter()
        .filter(|event| matches!(event, Event::CallBranched { .. }))
        .count();
    assert_eq!(calls, 15, "and the first call is the sixteenth");
}

/// RFC 3261 13.2.2.4 and 13.2.1: a claimed branch of an INVITE without an offer brings its own offer.
#[test]
fn rfc3261_13_2_2_4_a_claimed_branch_may_bring_the_offer() {
    let mut bench = Bench::new(&alice());
    let options = InviteOptions::new().forks(Forks::Claim).late_offer();
    let first = bench.agent.invite("bob", options, bench.now).unwrap();
    bench.pump();
    let invite = bench.next_request();
    respond(&mut bench, &invite, 200, "bob", Some(OFFER));
    respond(&mut bench, &invite, 200, "carol", Some(OFFER));
    let (second, of) = branched(&mut bench);
    assert_eq!(of, first);
    bench.silence();
    bench.describe(second, ANSWER);
    let ack = bench.next_request();
    assert_eq!(ack.to().unwrap().tag(), Some(&b"carol"[..]));
    assert_eq!(ack.body(), ANSWER.as_bytes());
    assert_eq!(established(&mut bench), second);
    bench.describe(first, ANSWER);
    let ack = bench.next_request();
    assert_eq!(ack.to().unwrap().tag(), Some(&b"bob"[..]));
    assert_eq!(established(&mut bench), first);
}

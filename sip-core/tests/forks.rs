//! Forked INVITEs of the agent: several early dialogs, and the end of each (RFC 3261 sections 12 and 13.2.2, RFC 6228).

use sip_core::config::{ConfigBuilder, Support};
use sip_core::dialog::DialogId;
use sip_core::{Body, Cause, DescriptionKind, Event, InviteOptions, SessionId};
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

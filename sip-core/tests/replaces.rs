//! Calls that replace and join others: Replaces (RFC 3891), Join (RFC 3911), Target-Dialog (RFC 4538).

use sip_core::config::{ConfigBuilder, Support};
use sip_core::{CommandError, Event, InviteOptions, SessionId};
use sip_parse::{HeaderName, Method, Request, Response};
use sip_testing::{Bench, OFFER, SECOND, alice, value, values};

fn config(support: Support) -> ConfigBuilder {
    let mut config = alice();
    config.replaces(support);
    config
}

/// Carol calls, with these header fields.
fn carol_calls(bench: &mut Bench, number: u32, fields: &str) {
    let user = bench.contact_user();
    bench.feed(&format!(
        "INVITE sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS c.invalid;branch=z9hG4bKc{number}\nMax-Forwards: 70\n\
         From: <sip:carol@example.com>;tag=carol{number}\nTo: <sip:alice@example.com>\nCall-ID: c{number}\n\
         CSeq: 1 INVITE\nContact: <sip:carol@c.invalid>\n{fields}Content-Type: application/sdp\n\
         Content-Length: {}\n\n{}",
        OFFER.len(),
        OFFER.replace("\r\n", "\n"),
    ));
}

/// The names of a dialog, from the view of the agent: Call-ID, its own tag, the peer's.
struct Names(String, String, String);

impl Names {
    fn replaces(&self) -> String {
        let Self(call_id, ours, theirs) = self;
        format!("Replaces: {call_id};to-tag={ours};from-tag={theirs}\n")
    }
}

fn text(tag: Option<&[u8]>) -> String {
    String::from_utf8(tag.expect("a tag").to_vec()).expect("text")
}

/// Of a call of the agent.
fn names_of(invite: &Request, tag: &str) -> Names {
    let call_id = value(invite, HeaderName::CallId);
    Names(call_id, text(invite.from().unwrap().tag()), tag.into())
}

/// Of a call of bob's.
fn names_by(ok: &Response) -> Names {
    let call_id = value(ok, HeaderName::CallId);
    let ours = text(ok.to().unwrap().tag());
    Names(call_id, ours, text(ok.from().unwrap().tag()))
}

/// The new call, and the calls that it replaces, joins, and names by Target-Dialog.
#[track_caller]
fn incoming(bench: &mut Bench) -> (SessionId, [Option<SessionId>; 3]) {
    bench.expect(|event| match event {
        Event::IncomingCall {
            session,
            replaces,
            joins,
            target_dialog,
            ..
        } => Some((*session, [*replaces, *joins, *target_dialog])),
        _ => None,
    })
}

#[track_caller]
fn refused(bench: &mut Bench, status: u16) {
    assert_eq!(bench.next_response().status().as_u16(), status);
    bench.no_events();
    bench.silence();
}

fn acknowledge(bench: &mut Bench, ok: &Response, number: u32) {
    let user = bench.contact_user();
    let (to, call_id) = (value(ok, HeaderName::To), value(ok, HeaderName::CallId));
    bench.feed(&format!(
        "ACK sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS c.invalid;branch=z9hG4bKack{number}\nMax-Forwards: 70\n\
         From: <sip:carol@example.com>;tag=carol{number}\nTo: {to}\nCall-ID: {call_id}\nCSeq: 1 ACK\n\
         Content-Length: 0\n\n"
    ));
}

fn replaced(bench: &mut Bench) -> (SessionId, SessionId) {
    bench.expect(|event| match event {
        Event::Replaced { session, by } => Some((*session, *by)),
        _ => None,
    })
}

fn ended(bench: &mut Bench, id: SessionId) {
    bench.expect(|event| match event {
        Event::Ended { session, .. } => (*session == id).then_some(()),
        _ => None,
    });
}

/// RFC 3891 3 (3891-3-B): an INVITE replaces a confirmed call of either side. When the application answers, the core
/// ends the old call by BYE; until then both live.
#[test]
fn rfc3891_3_a_confirmed_call_is_replaced_when_the_new_one_is_answered() {
    for caller in [true, false] {
        let mut bench = Bench::new(&config(Support::Supported));
        let (old, names) = if caller {
            let (old, invite) = bench.established_call();
            (old, names_of(&invite, "bob1"))
        } else {
            let old = bench.invite_from_bob(1);
            let ok = bench.answer(old, OFFER);
            bench.in_dialog("ACK", 7, "ack", &ok, "");
            (old, names_by(&ok))
        };
        bench.events.clear();
        carol_calls(&mut bench, 1, &names.replaces());
        let (new, named) = incoming(&mut bench);
        assert_eq!(named, [Some(old), None, None]);
        bench.silence();
        let ok = bench.answer(new, OFFER);
        assert_eq!(ok.status().as_u16(), 200);
        assert_eq!(replaced(&mut bench), (old, new));
        let bye = bench.next_request();
        assert_eq!(bye.method(), Method::Bye);
        assert_eq!(value(&bye, HeaderName::CallId), names.0);
        bench.reply(&bye, 200, &[]);
        ended(&mut bench, old);
        acknowledge(&mut bench, &ok, 1);
        bench.hang_up(new);
        let bye = bench.next_request();
        assert_eq!(value(&bye, HeaderName::CallId), "c1");
        bench.reply(&bye, 200, &[]);
        bench.wait(40 * SECOND);
        bench.assert_nothing_left();
    }
}

/// RFC 3891 3: the application decides whether a call is replaced. A refused INVITE leaves the old call as it is.
#[test]
fn rfc3891_3_a_refused_replacement_leaves_the_old_call() {
    let mut bench = Bench::new(&config(Support::Supported));
    let (old, invite) = bench.established_call();
    carol_calls(&mut bench, 1, &names_of(&invite, "bob1").replaces());
    let (new, _) = incoming(&mut bench);
    bench.hang_up(new);
    assert_eq!(bench.next_response().status().as_u16(), 480);
    bench.silence();
    bench.hang_up(old);
    assert_eq!(bench.next_request().method(), Method::Bye);
}

/// RFC 3891 3 (3891-3-A): Call-ID, to-tag and from-tag have to match exactly, with to-tag the tag of this side; else 481.
#[test]
fn rfc3891_3_a_replaces_that_matches_nothing_gets_481() {
    let mut bench = Bench::new(&config(Support::Supported));
    let (_, invite) = bench.established_call();
    let names = names_of(&invite, "bob1");
    let Names(call_id, ours, theirs) = &names;
    for (number, (call_id, to, from)) in [
        ("other", &**ours, &**theirs),
        (call_id, "other", theirs),
        (call_id, ours, "other"),
        (call_id, ours, "BOB1"),
        (call_id, ours, "0"),
        // The tags are swapped.
        (call_id, theirs, ours),
    ]
    .into_iter()
    .enumerate()
    {
        let names = Names(call_id.into(), to.into(), from.into());
        carol_calls(&mut bench, number as u32, &names.replaces());
        refused(&mut bench, 481);
    }
}

/// RFC 3891 3 (3891-3-A): two Replaces, a Replaces that cannot be read, one beside Join (RFC 3911 4), or one in a request that
/// is no INVITE get 400.
#[test]
fn rfc3891_3_a_malformed_replaces_gets_400() {
    let mut bench = Bench::new(config(Support::Supported).extra_supported(["join"]));
    let (_, invite) = bench.established_call();
    let replaces = names_of(&invite, "bob1").replaces();
    let join = replaces.replace("Replaces", "Join");
    for (number, fields) in [
        replaces.repeat(2),
        format!("{replaces}{join}"),
        "Replaces: a@b;to-tag=1\n".to_owned(),
        "Replaces: a@b;to-tag=1;to-tag=2;from-tag=3\n".to_owned(),
        "Join: a@b;to-tag=1\n".to_owned(),
    ]
    .into_iter()
    .enumerate()
    {
        carol_calls(&mut bench, number as u32, &fields);
        refused(&mut bench, 400);
    }
    let user = bench.contact_user();
    bench.feed(&format!(
        "OPTIONS sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS c.invalid;branch=z9hG4bKo\nMax-Forwards: 70\n\
         From: <sip:carol@example.com>;tag=1\nTo: <sip:alice@example.com>\nCall-ID: o\nCSeq: 1 OPTIONS\n\
         {replaces}Content-Length: 0\n\n"
    ));
    refused(&mut bench, 400);
}

/// RFC 3891 3 (3891-3-B): `early-only` on a confirmed call gets 486; a call that is ending gets 603.
#[test]
fn rfc3891_3_early_only_and_ending_calls() {
    let mut bench = Bench::new(&config(Support::Supported));
    let (old, invite) = bench.established_call();
    let replaces = names_of(&invite, "bob1").replaces();
    let early = replaces.replace('\n', ";early-only\n");
    carol_calls(&mut bench, 1, &early);
    refused(&mut bench, 486);
    bench.hang_up(old);
    assert_eq!(bench.next_request().method(), Method::Bye);
    carol_calls(&mut bench, 2, &replaces);
    refused(&mut bench, 603);
}

/// RFC 3891 3 (3891-3-C): an early dialog is replaced only if this side began it; when the application answers, the core
/// cancels the old INVITE. One that the peer began gets 481.
#[test]
fn rfc3891_3_an_early_call_is_replaced_by_its_caller_alone() {
    for early_only in ["\n", ";early-only\n"] {
        let mut bench = Bench::new(&config(Support::Supported));
        let (old, invite) = bench.call();
        bench.reply_tagged(&invite, 180, "bob1", &[], None);
        bench.events.clear();
        let replaces = names_of(&invite, "bob1").replaces();
        carol_calls(&mut bench, 1, &replaces.replace('\n', early_only));
        let (new, named) = incoming(&mut bench);
        assert_eq!(named, [Some(old), None, None]);
        let ok = bench.answer(new, OFFER);
        assert_eq!(ok.status().as_u16(), 200);
        assert_eq!(replaced(&mut bench), (old, new));
        let cancel = bench.next_request();
        assert_eq!(cancel.method(), Method::Cancel);
        assert_eq!(cancel.call_id(), invite.call_id());
        bench.reply(&cancel, 200, &[]);
        bench.reply(&invite, 487, &[]);
        assert_eq!(bench.next_request().method(), Method::Ack);
        ended(&mut bench, old);
        acknowledge(&mut bench, &ok, 1);
    }
    let mut bench = Bench::new(&config(Support::Supported));
    let early = bench.invite_from_bob(1);
    match bench.agent.session(early) {
        Ok(sip_core::Session::Incoming(call)) => call.ring(bench.now),
        other => panic!("{other:?}"),
    }
    bench.pump();
    let ringing = bench.next_response();
    bench.events.clear();
    carol_calls(&mut bench, 1, &names_by(&ringing).replaces());
    refused(&mut bench, 481);
}

/// RFC 3891 4 (3891-4-A): only with the parameter `replaces` is the option tag listed and the header field heard. Required:
/// INVITE has `Require: replaces`, and that of a peer without it gets 421 (RFC 3261 21.4.15).
#[test]
fn rfc3891_4_the_parameter_replaces() {
    for support in [Support::None, Support::Supported, Support::Required] {
        let mut bench = Bench::new(&config(support));
        let (old, invite) = bench.established_call();
        let listed = value(&invite, HeaderName::Supported);
        assert_eq!(listed.contains("replaces"), support != Support::None);
        let required = values(&invite, HeaderName::Require);
        assert_eq!(required.len(), usize::from(support == Support::Required));
        bench.events.clear();
        let replaces = names_of(&invite, "bob1").replaces();
        carol_calls(&mut bench, 1, &format!("{replaces}Require: replaces\n"));
        match support {
            Support::None => {
                let response = bench.next_response();
                assert_eq!(response.status().as_u16(), 420);
                assert_eq!(value(&response, HeaderName::Unsupported), "replaces");
                // Without Require it is a call as any other (RFC 3261 8.2.2).
                carol_calls(&mut bench, 2, &replaces);
                assert_eq!(incoming(&mut bench).1, [None; 3]);
            }
            Support::Supported => {
                assert_eq!(incoming(&mut bench).1, [Some(old), None, None]);
                carol_calls(&mut bench, 2, "");
                assert_eq!(incoming(&mut bench).1, [None; 3]);
            }
            _ => {
                assert_eq!(required, ["replaces"]);
                assert_eq!(incoming(&mut bench).1, [Some(old), None, None]);
                carol_calls(&mut bench, 2, "");
                let response = bench.next_response();
                assert_eq!(response.status().as_u16(), 421);
                assert_eq!(value(&response, HeaderName::Require), "replaces");
                carol_calls(&mut bench, 3, "Supported: timer, replaces\n");
                assert_eq!(incoming(&mut bench).1, [None; 3]);
            }
        }
    }
}

/// RFC 3891 6.1: this side replaces one of its calls at the peer of that call; the tags are from the view of that peer.
#[test]
fn rfc3891_6_1_an_invite_of_this_side_replaces_a_call() {
    let mut bench = Bench::new(&alice());
    let (old, invite) = bench.call();
    let fields = [
        ("Contact", "<sip:bob@192.0.2.9>"),
        ("Supported", "replaces"),
    ];
    bench.reply_tagged(&invite, 200, "bob1", &fields, Some(OFFER));
    bench.next_request();
    bench.events.clear();
    let Names(call_id, ours, theirs) = names_of(&invite, "bob1");
    let options = InviteOptions::new().replaces(old);
    let new = bench.agent.invite("sip:bob@192.0.2.9", options, bench.now);
    let new = new.expect("a call");
    bench.describe(new, OFFER);
    let again = bench.next_request();
    assert_eq!(
        values(&again, HeaderName::Replaces),
        [format!("{call_id};to-tag={theirs};from-tag={ours}")]
    );
    // A peer that does not support it would ring as for any other call.
    let mut bench = Bench::new(&alice());
    let (old, _) = bench.established_call();
    let options = InviteOptions::new().replaces(old);
    let refused = bench.agent.invite("bob", options, bench.now);
    assert!(
        matches!(refused, Err(CommandError::WrongState(_))),
        "{refused:?}"
    );
    bench.silence();
}

/// RFC 3911 4 (3911-4-A): Join is matched as Replaces is, and the application decides; both calls go on. RFC 4538 4:
/// Target-Dialog names a call, and refuses nothing.
#[test]
fn rfc3911_4_join_and_target_dialog_name_a_call() {
    let mut bench = Bench::new(alice().extra_supported(["join"]));
    let (old, invite) = bench.established_call();
    let Names(call_id, ours, theirs) = names_of(&invite, "bob1");
    carol_calls(
        &mut bench,
        1,
        &format!("Join: {call_id};to-tag={ours};from-tag=other\n"),
    );
    refused(&mut bench, 481);
    carol_calls(
        &mut bench,
        2,
        &format!("Join: {call_id};to-tag={ours};from-tag={theirs}\n"),
    );
    let (new, named) = incoming(&mut bench);
    assert_eq!(named, [None, Some(old), None]);
    let ok = bench.answer(new, OFFER);
    assert_eq!(ok.status().as_u16(), 200);
    bench.silence();
    for (number, (local, remote, found)) in [
        (&ours, &theirs, Some(old)),
        (&theirs, &ours, None),
        (&ours, &ours, None),
    ]
    .into_iter()
    .enumerate()
    {
        let target = format!("Target-Dialog: {call_id};local-tag={local};remote-tag={remote}\n");
        carol_calls(&mut bench, 3 + number as u32, &target);
        assert_eq!(incoming(&mut bench).1, [None, None, found]);
    }
    // RFC 3261 8.2.2: an application that does not list `join` gets a call as any other.
    let mut bench = Bench::new(&alice());
    let (_, invite) = bench.established_call();
    let Names(call_id, ours, _) = names_of(&invite, "bob1");
    let join = format!("Join: {call_id};to-tag={ours};from-tag=other\n");
    carol_calls(&mut bench, 1, &join);
    assert_eq!(incoming(&mut bench).1, [None; 3]);
}

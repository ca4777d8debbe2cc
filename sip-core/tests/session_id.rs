//! Session-ID (RFC 7989): the identifiers of both ends in every message of a call.

use sip_core::config::Support;
use sip_core::{Event, InviteOptions, SessionId, SessionUuid};
use sip_parse::{HeaderName, Message, Method, Request};
use sip_testing::{Bench, OFFER, alice, value};

const NIL: &str = "00000000000000000000000000000000";
const BOB: &str = "47755a9de7794ba387653f2099600ef2";
const CAROL: &str = "a0b0c0d0e0f04102a0b0c0d0e0f04102";
const CONTACT: (&str, &str) = ("Contact", "<sip:bob@192.0.2.9>");

fn bench() -> Bench {
    Bench::new(alice().session_id(true))
}

/// Both identifiers of a message.
#[track_caller]
fn ids(message: &Message) -> (String, String) {
    let id = value(message, HeaderName::SessionId);
    let (local, remote) = id.split_once(";remote=").expect("both");
    (local.to_owned(), remote.to_owned())
}

/// The Session-ID that bob writes.
fn theirs(remote: &str) -> String {
    format!("{BOB};remote={remote}")
}

fn identifier(bench: &Bench, id: SessionId) -> (String, Option<String>) {
    let identifier = bench.agent.session_identifier(id).expect("an identifier");
    let remote = identifier.remote.map(|remote| remote.to_string());
    (identifier.local.to_string(), remote)
}

/// A call of the agent that is up; the UUID of the agent.
fn call(bench: &mut Bench) -> (SessionId, Request, String) {
    let (id, invite) = bench.call();
    let (local, remote) = ids(&invite);
    assert_eq!(remote, NIL, "RFC 7989 6: the peer is unknown");
    let bobs = theirs(&local);
    bench.reply_tagged(
        &invite,
        200,
        "bob1",
        &[CONTACT, ("Session-ID", &bobs)],
        Some(OFFER),
    );
    let ack = bench.next_request();
    assert_eq!(ids(&ack), (local.clone(), BOB.into()));
    (id, invite, local)
}

/// 7989-A, RFC 7989 6: the caller's UUID is the same in every message of the call, and the callee's is learnt; both are known
/// to the application.
#[test]
fn rfc7989_6_the_caller_keeps_its_uuid() {
    let mut bench = bench();
    let (id, _, local) = call(&mut bench);
    assert_eq!(identifier(&bench, id), (local.clone(), Some(BOB.into())));
    let both = (local, BOB.to_owned());
    bench.reinvite(id);
    bench.describe(id, OFFER);
    let reinvite = bench.next_request();
    assert_eq!(ids(&reinvite), both);
    // A message without the field changes nothing.
    bench.reply_tagged(&reinvite, 200, "bob1", &[CONTACT], Some(OFFER));
    assert_eq!(ids(&bench.next_request()), both, "ACK");
    bench.hang_up(id);
    let bye = bench.next_request();
    assert_eq!(ids(&bye), both, "BYE");
    bench.reply(
        &bye,
        401,
        &[(
            "WWW-Authenticate",
            "Digest realm=\"example.com\",nonce=\"n\",qop=\"auth\"",
        )],
    );
    assert_eq!(ids(&bench.next_request()), both, "BYE with credentials");
    bench.events.clear();
    // Another call has another UUID.
    let (_, invite) = bench.call();
    assert_ne!(ids(&invite).0, both.0);
}

/// 7989-A, RFC 7989 6: the callee answers with its own UUID and the caller's, in every response and request.
#[test]
fn rfc7989_6_the_callee_learns_and_keeps() {
    let mut bench = bench();
    let user = bench.contact_user();
    let invite = |call_id: &str, id: &str| {
        format!(
            "INVITE sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS bob.invalid;branch=z9hG4bK{call_id}\n\
             Max-Forwards: 70\nFrom: <sip:bob@example.com>;tag=bobtag\nTo: <sip:alice@example.com>\n\
             Call-ID: {call_id}\nCSeq: 7 INVITE\nContact: <sip:bob@bob.invalid>\n{id}Content-Length: 0\n\n"
        )
    };
    let incoming = |bench: &mut Bench| {
        bench.expect(|event| match event {
            Event::IncomingCall { session, .. } => Some(*session),
            _ => None,
        })
    };
    bench.feed(&invite("one", &format!("Session-ID: {BOB};remote={NIL}\n")));
    let id = incoming(&mut bench);
    let answer = bench.answer(id, OFFER);
    let (local, remote) = ids(&answer);
    assert_eq!(remote, BOB);
    assert_eq!(identifier(&bench, id), (local.clone(), Some(BOB.into())));
    // Every later message of the peer may name another UUID (RFC 7989 section 6).
    bench.in_dialog(
        "INFO",
        8,
        "info",
        &answer,
        &format!("Session-ID: {CAROL};remote={local}\n"),
    );
    bench.in_dialog("OPTIONS", 9, "options", &answer, "");
    let options = bench.next_response();
    assert_eq!(options.cseq().unwrap().method, Method::Options);
    assert_eq!(ids(&options), (local.clone(), CAROL.into()));
    bench.in_dialog("BYE", 10, "bye", &answer, "");
    assert_eq!(ids(&bench.next_response()), (local, CAROL.into()));
    bench.sent.clear();

    // The form of RFC 7329 has no remote; a malformed or nil value names no session.
    for (number, (id, known)) in [
        (format!("Session-ID: {BOB}\n"), BOB),
        (format!("Session-ID: {NIL};remote={CAROL}\n"), NIL),
        ("Session-ID: x;remote=y\n".to_owned(), NIL),
        (String::new(), NIL),
    ]
    .into_iter()
    .enumerate()
    {
        bench.feed(&invite(&format!("more{number}"), &id));
        let call = incoming(&mut bench);
        bench.hang_up(call);
        let refused = bench.next_response();
        assert_eq!(refused.status().as_u16(), 480);
        assert_eq!(ids(&refused).1, known, "{id}");
    }
}

/// 7989-A, RFC 7989 6: CANCEL has exactly the Session-ID of its INVITE, and the answer to a CANCEL those of the call.
#[test]
fn rfc7989_6_a_cancel_has_the_identifier_of_its_invite() {
    let mut bench = bench();
    let (id, invite) = bench.call();
    let (local, _) = ids(&invite);
    bench.reply(&invite, 180, &[("Session-ID", &theirs(&local))]);
    bench.hang_up(id);
    let cancel = bench.next_request();
    assert_eq!(cancel.method(), Method::Cancel);
    assert_eq!(ids(&cancel), (local.clone(), NIL.into()));
    bench.reply(&cancel, 200, &[]);
    bench.reply(&invite, 487, &[("Session-ID", &theirs(&local))]);
    let ack = bench.next_request();
    assert_eq!(ids(&ack), (local, BOB.into()), "the ACK to a failure");
}

/// 7989-A, RFC 7989 6: each branch of a fork has its own remote UUID.
#[test]
fn rfc7989_6_each_branch_of_a_fork_has_its_own() {
    let mut bench = bench();
    let (id, invite, local) = call(&mut bench);
    let carols = format!("{CAROL};remote={local}");
    let contact = ("Contact", "<sip:carol@192.0.2.8>");
    bench.reply_tagged(
        &invite,
        200,
        "carol",
        &[contact, ("Session-ID", &carols)],
        Some(OFFER),
    );
    for method in [Method::Ack, Method::Bye] {
        let request = bench.next_request();
        assert_eq!(request.method(), method);
        assert_eq!(ids(&request), (local.clone(), CAROL.into()));
    }
    bench.hang_up(id);
    assert_eq!(ids(&bench.next_request()), (local, BOB.into()));
}

/// 7989-A, RFC 7989 6: an INVITE that is sent again with credentials keeps the UUID, and a call that continues another one
/// takes it over, but not the UUID of the other call's peer.
#[test]
fn rfc7989_6_retries_and_transfers_keep_the_uuid() {
    let mut bench = bench();
    let (_, invite) = bench.call();
    let challenge = "Digest realm=\"example.com\",nonce=\"n\",qop=\"auth\"";
    bench.reply(&invite, 401, &[("WWW-Authenticate", challenge)]);
    assert_eq!(bench.next_request().method(), Method::Ack);
    let again = bench.next_request();
    assert_eq!(ids(&again), ids(&invite));

    let (id, _, local) = call(&mut bench);
    let uuid = bench.agent.session_identifier(id).unwrap().local;
    assert_eq!(SessionUuid::parse(&local), Some(uuid));
    let options = InviteOptions::new().session_uuid(uuid).late_offer();
    bench.agent.invite("carol", options, bench.now).unwrap();
    bench.pump();
    assert_eq!(ids(&bench.next_request()), (local, NIL.into()));
}

/// 7989-A, RFC 7989 6: the call that follows a REFER, and one that replaces another by Replaces, keep the UUID of this side, and
/// begin with the UUID of their own peer.
#[test]
fn rfc7989_6_a_transfer_keeps_the_uuid_by_itself() {
    let mut config = alice();
    config.session_id(true).replaces(Support::Supported);
    let mut bench = Bench::new(&config);
    let id = bench.invite_from_bob(1);
    let answer = bench.answer(id, OFFER);
    let (local, _) = ids(&answer);
    bench.in_dialog("ACK", 7, "ack", &answer, "");
    bench.in_dialog(
        "REFER",
        8,
        "refer",
        &answer,
        "Refer-To: <sip:carol@example.com>\n",
    );
    let refer = bench.expect(|event| match event {
        Event::IncomingRefer { refer, .. } => Some(*refer),
        _ => None,
    });
    let options = InviteOptions::new().late_offer();
    bench.agent.follow_refer(refer, options, bench.now).unwrap();
    bench.pump();
    let mut sent = bench.sent.iter();
    let invite = sent.find(|message| value(message, HeaderName::CSeq).ends_with("INVITE"));
    assert_eq!(
        ids(invite.expect("the new call")),
        (local.clone(), NIL.into())
    );
    bench.sent.clear();
    let tag = value(&answer, HeaderName::To);
    let tag = tag.split("tag=").nth(1).expect("a tag");
    let user = bench.contact_user();
    bench.feed(&format!(
        "INVITE sip:{user}@x.invalid SIP/2.0\nVia: SIP/2.0/WS c.invalid;branch=z9hG4bKc\nMax-Forwards: 70\n\
         From: <sip:carol@example.com>;tag=carol\nTo: <sip:alice@example.com>\nCall-ID: c\nCSeq: 1 INVITE\n\
         Contact: <sip:carol@c.invalid>\nReplaces: from-bob-1;to-tag={tag};from-tag=bobtag\n\
         Session-ID: {CAROL};remote={NIL}\nContent-Length: 0\n\n"
    ));
    let new = bench.expect(|event| match event {
        Event::IncomingCall { session, .. } => Some(*session),
        _ => None,
    });
    let answer = bench.answer(new, OFFER);
    assert_eq!(ids(&answer), (local, CAROL.into()));
}

/// Without `sessionId` no message has one.
#[test]
fn without_the_parameter_there_is_none() {
    let mut bench = Bench::new(&alice());
    let (id, invite) = bench.established_call();
    assert!(!invite.has(HeaderName::SessionId));
    assert_eq!(bench.agent.session_identifier(id), None);
    bench.hang_up(id);
    assert!(!bench.next_request().has(HeaderName::SessionId));
}

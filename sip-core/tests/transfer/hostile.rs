//! REFERs that a peer makes up to harm this side.

use sip_core::config::OfflineRequests;
use sip_core::transaction::SendError;
use sip_core::{
    CommandError, Event, FailureStatus, InviteOptions, MessageOptions, ReferId, SessionId,
    TransferOptions, TransferOutcome,
};
use sip_parse::{HeaderName, Method, Request, StatusCode};
use sip_testing::{Bench, OFFER, alice, values};

use crate::peer::{Peer, ended, goes_on_and_ends, progress};
use crate::received::called;

fn incoming(bench: &mut Bench) -> ReferId {
    bench.expect(|event| match event {
        Event::IncomingRefer { refer, .. } => Some(*refer),
        _ => None,
    })
}

fn follow(
    bench: &mut Bench,
    refer: ReferId,
    options: InviteOptions,
) -> Result<SessionId, CommandError> {
    let call = bench.agent.follow_refer(refer, options, bench.now);
    bench.pump();
    call
}

/// The application refuses a REFER that no command has answered.
fn decline(bench: &mut Bench, refer: ReferId) {
    bench.silence();
    let refused = bench
        .agent
        .reject_refer(refer, FailureStatus::DECLINE, bench.now);
    refused.expect("a REFER that waits");
    bench.pump();
    assert_eq!(bench.next_response().status().as_u16(), 603);
}

/// The INVITE of the call that follows a REFER with these header fields; `None` if the core refuses the REFER.
fn followed(options: InviteOptions, fields: &str) -> Option<Request> {
    let (mut bench, _, peer) = called(&alice());
    peer.send(&mut bench, "REFER", 8, fields, "");
    if !bench.sent.is_empty() {
        assert_eq!(bench.next_response().status().as_u16(), 400, "{fields}");
        return None;
    }
    let refer = incoming(&mut bench);
    let call = follow(&mut bench, refer, options).expect("a call");
    assert_eq!(bench.next_response().status().as_u16(), 202);
    assert_eq!(bench.next_request().method(), Method::Notify);
    bench.describe(call, OFFER);
    Some(bench.next_request())
}

/// RFC 3261 19.1.5 (3261-19.1.5-A), RFC 3892 2.2: Refer-To cannot forge the sender of the call that follows it, route it, give
/// it credentials, or describe another body.
#[test]
fn rfc3261_19_1_5_a_refer_to_forges_no_field_of_the_call() {
    let plain = followed(
        InviteOptions::new(),
        "Refer-To: <sip:carol@example.com>\nReferred-By: <sip:bob@example.com>\n",
    )
    .expect("a call");
    for forged in [
        "Route=%3Csip:evil.example%3E",
        "%52oute=%3Csip:evil.example%3E",
        "Record-Route=%3Csip:evil.example%3E",
        "Via=SIP/2.0/UDP%20evil.example",
        "v=SIP/2.0/UDP%20evil.example",
        "From=%3Csip:ceo%40example.com%3E",
        "f=%3Csip:ceo%40example.com%3E",
        "To=%3Csip:ceo%40example.com%3E",
        "Contact=%3Csip:evil.example%3E",
        "m=%3Csip:evil.example%3E",
        "Call-ID=1",
        "CSeq=1%20BYE",
        "Max-Forwards=0",
        "Authorization=Digest%20username%3D%22x%22",
        "Proxy-Authorization=Digest%20username%3D%22x%22",
        "P-Asserted-Identity=%3Csip:ceo%40example.com%3E",
        "P-Preferred-Identity=%3Csip:ceo%40example.com%3E",
        "Remote-Party-ID=%3Csip:ceo%40example.com%3E",
        "remote%2dparty%2Did=%3Csip:ceo%40example.com%3E",
        "Diversion=%3Csip:ceo%40example.com%3E",
        "History-Info=%3Csip:ceo%40example.com%3E",
        "P-Called-Party-ID=%3Csip:ceo%40example.com%3E",
        "P-Access-Network-Info=x",
        "P-Charging-Vector=icid-value%3D1",
        "Identity=x",
        "Identity-Info=x",
        "Referred-By=%3Csip:ceo%40example.com%3E",
        "b=%3Csip:ceo%40example.com%3E",
        "Privacy=none",
        "Session-ID=ab30317f1a784dc48ff824d0d3715d86",
        "Content-Type=text/plain",
        "Content-Length=0",
        "Content-Disposition=early-session",
        "Content-Encoding=gzip",
        "e=gzip",
        "Content-Language=de",
        "Content-ID=%3C1%40x%3E",
        "MIME-Version=1.0",
        "Timestamp=1",
        "Date=x",
        "Allow=BYE",
        "Supported=100rel",
        "Recv-Info=x",
        "Allow-Events=x",
        "Session-Expires=1",
        "Min-SE=4294967295",
        "RAck=1%201%20INVITE",
        "RSeq=1",
        "Event=x",
        "Subscription-State=active",
        "Refer-To=%3Csip:a%40b%3E",
        "Refer-Sub=false",
        "Max-Breadth=1",
        "Security-Client=x",
        "Security-Verify=x",
        "body=v%3D0",
        "Subject=a%0D%0AVia:%20SIP/2.0/UDP%20evil.example",
        "Subject=%00",
        "Subject=%ff",
        "X%0d%0aY=1",
        "Priv-Answer-Mode=Auto",
        "Answer-Mode=Auto",
        "Resource-Priority=ets.0",
        "P-Unheard-Of=1",
    ] {
        let fields = format!(
            "Refer-To: <sip:carol@example.com?{forged}>\nReferred-By: <sip:bob@example.com>\n"
        );
        let invite = followed(InviteOptions::new(), &fields).expect("a call");
        assert_eq!(
            String::from_utf8_lossy(invite.bytes()),
            String::from_utf8_lossy(plain.bytes()),
            "{forged}"
        );
    }
}

/// RFC 3892 2.2 (3892-2.2-A): the call has one Referred-By: that of the application before that of the REFER.
#[test]
fn rfc3892_2_2_a_followed_call_has_one_referred_by() {
    let by_bob = "Refer-To: <sip:carol@example.com>\nReferred-By: <sip:bob@example.com>\n";
    let own = sip_core::ExtraHeader::new("Referred-By", "<sip:desk@example.com>").expect("a field");
    let invite = followed(InviteOptions::new().header(own), by_bob).expect("a call");
    assert_eq!(
        values(&invite, HeaderName::ReferredBy),
        ["<sip:desk@example.com>"]
    );
    let twice = format!("{by_bob}b: <sip:ceo@example.com>\n");
    let invite = followed(InviteOptions::new(), &twice).expect("a call");
    assert_eq!(
        values(&invite, HeaderName::ReferredBy),
        ["<sip:bob@example.com>"]
    );
}

/// RFC 3261 13.2.2.4: to accept a REFER in an early dialog leaves that dialog early, so that the 2xx sets its target
/// and its route.
#[test]
fn rfc3261_13_2_2_4_a_refer_in_an_early_dialog_leaves_it_early() {
    let mut bench = Bench::new(&alice());
    let (id, invite) = bench.call();
    let early = [("Contact", "<sip:bob@192.0.2.1>")];
    bench.reply_tagged(&invite, 183, "bob1", &early, None);
    bench.events.clear();
    Peer::callee(&invite, "bob1").send(
        &mut bench,
        "REFER",
        8,
        "Refer-To: <sip:carol@example.com>\n",
        "",
    );
    let refer = incoming(&mut bench);
    let accepted = bench
        .agent
        .accept_refer(refer, &MessageOptions::new(), bench.now);
    accepted.expect("a REFER that waits");
    bench.pump();
    assert_eq!(bench.next_response().status().as_u16(), 202);
    let notify = bench.next_request();
    bench.reply(&notify, 200, &[]);
    let up = [
        ("Contact", "<sip:bob@192.0.2.2>"),
        ("Record-Route", "<sip:p.example.com;lr>"),
    ];
    bench.reply_tagged(&invite, 200, "bob1", &up, Some(OFFER));
    let ack = bench.next_request();
    assert_eq!(
        (ack.method(), ack.uri_bytes()),
        (Method::Ack, &b"sip:bob@192.0.2.2"[..])
    );
    assert_eq!(values(&ack, HeaderName::Route), ["<sip:p.example.com;lr>"]);
    bench.hang_up(id);
    assert_eq!(bench.next_request().uri_bytes(), b"sip:bob@192.0.2.2");
}

/// A call that follows a REFER waits for a connection as any other, although that of the REFER is gone.
#[test]
fn a_followed_call_waits_for_a_connection() {
    let (mut bench, _, peer) = called(alice().offline_requests(OfflineRequests::Queue));
    peer.send(
        &mut bench,
        "REFER",
        8,
        "Refer-To: <sip:carol@example.com>\n",
        "",
    );
    let refer = incoming(&mut bench);
    let call = follow(&mut bench, refer, InviteOptions::new()).expect("a call");
    bench.lose();
    bench.describe(call, OFFER);
    bench.sent.clear();
    bench.reconnect(sip_core::Transport::Ws);
    let mut sent = bench.sent.iter();
    assert!(
        sent.any(|message| message
            .as_request()
            .is_some_and(|request| request.method() == Method::Invite
                && request.uri_bytes() == b"sip:carol@example.com")),
        "{:?}",
        bench.events
    );
}

/// RFC 3261 26.2.2: a REFER to a SIPS URI that no connection may carry is a typed error, and the application still refuses it.
#[test]
fn rfc3261_26_2_2_a_refer_to_sips_needs_a_secure_connection() {
    let (mut bench, id, peer) = called(&alice());
    peer.send(
        &mut bench,
        "REFER",
        8,
        "Refer-To: <sips:carol@example.com>\n",
        "",
    );
    let refer = incoming(&mut bench);
    let call = follow(&mut bench, refer, InviteOptions::new());
    assert_eq!(call.err(), Some(CommandError::TargetScheme));
    decline(&mut bench, refer);
    goes_on_and_ends(bench, id);
}

/// RFC 5589 7: a call is not replaced by itself.
#[test]
fn rfc5589_7_a_call_is_not_transferred_to_itself() {
    let mut bench = Bench::new(&alice());
    let (id, dialled) = bench.call();
    let fields = [
        ("Contact", "<sip:bob@192.0.2.9>"),
        ("Supported", "replaces"),
    ];
    bench.reply_tagged(&dialled, 200, "bob1", &fields, Some(OFFER));
    bench.next_request();
    bench.events.clear();
    let now = bench.now;
    let sip_core::Session::Established(call) = bench.agent.session(id).expect("a call") else {
        panic!("not up");
    };
    let refused = call.refer(id, &TransferOptions::new(), now);
    assert!(
        matches!(refused, Err(CommandError::WrongState(_))),
        "{refused:?}"
    );
    bench.silence();
}

/// RFC 3515 2.4.5: a NOTIFY with any body, however large or strange, is answered and harms nothing.
#[test]
fn rfc3515_2_4_5_any_body_of_a_notify_is_survived() {
    let mut bench = Bench::new(&alice());
    let (id, invite) = bench.established_call();
    let peer = Peer::callee(&invite, "bob1");
    let now = bench.now;
    let sip_core::Session::Established(call) = bench.agent.session(id).expect("a call") else {
        panic!("not up");
    };
    let transfer = call
        .refer("carol", &TransferOptions::new(), now)
        .expect("a REFER");
    bench.pump();
    let refer = bench.next_request();
    bench.reply(&refer, 202, &[]);
    let mut number = 100;
    let large = "x".repeat(60_000);
    let fields =
        "Event: refer\nSubscription-State: active;expires=60\nContent-Type: message/sipfrag\n";
    for body in [
        "",
        "SIP/2.0",
        "SIP/2.0 ",
        "SIP/2.0 99 x\n",
        "SIP/2.0 700 x\n",
        "SIP/2.0 1000 x\n",
        "SIP/2.0 -1\n",
        "SIP/2.0 200\u{0}\n",
        "sip/2.0 20\n",
        "INVITE sip:a@b SIP/2.0\n",
        &large,
    ] {
        peer.send(&mut bench, "NOTIFY", number, fields, body);
        let status = bench.next_response().status().as_u16();
        assert_eq!(status, 200, "{body:.40}");
        bench.no_events();
        number += 1;
    }
    for (event, state, expected) in [
        ("refer;id=x", "active", 481),
        ("refer;id", "active", 200),
        ("REFER", "active", 489),
        ("presence", "active", 489),
        ("refer", "", 400),
        ("refer", ";", 400),
        ("refer", "active;expires=99999999999999999999", 200),
        ("refer", "bogus", 200),
    ] {
        let status = peer.notify(&mut bench, number, event, state, "SIP/2.0 100 Trying\n");
        assert_eq!(status, expected, "{event} {state}");
        if status == 200 {
            assert_eq!(progress(&mut bench, transfer), 100);
        }
        bench.no_events();
        number += 1;
    }
    let last = peer.notify(
        &mut bench,
        number,
        "refer",
        "terminated;reason=noresource",
        "SIP/2.0 200 OK\n",
    );
    assert_eq!(last, 200);
    assert_eq!(
        ended(&mut bench, transfer),
        TransferOutcome::Succeeded(StatusCode::OK)
    );
    let late = peer.notify(
        &mut bench,
        number + 1,
        "refer",
        "terminated",
        "SIP/2.0 200 OK\n",
    );
    assert_eq!(late, 481);
    bench.no_events();
    goes_on_and_ends(bench, id);
}

/// RFC 3891 6.1, RFC 3261 7.3.1: header fields that no message can have are a typed error, and the application still refuses the
/// REFER.
#[test]
fn rfc3891_6_1_a_refer_to_with_unwritable_fields_is_a_typed_error() {
    let (mut bench, id, peer) = called(&alice());
    let replaces = "Replaces=1%3Bto-tag%3D2%3Bfrom-tag%3D3";
    for (number, fields) in [
        "Replaces=1",
        "Replaces=",
        "Expires=soon",
        &*format!("{replaces}&{replaces}"),
        "Subject=1&Subject=2",
    ]
    .into_iter()
    .enumerate()
    {
        let refer_to = format!("Refer-To: <sip:carol@example.com?{fields}>\n");
        peer.send(&mut bench, "REFER", 8 + number as u32, &refer_to, "");
        let refer = incoming(&mut bench);
        let call = follow(&mut bench, refer, InviteOptions::new());
        assert!(
            matches!(call, Err(CommandError::Send(SendError::Build(_)))),
            "{fields}: {call:?}"
        );
        decline(&mut bench, refer);
    }
    goes_on_and_ends(bench, id);
}

/// RFC 3323 4.1: a peer that is called anonymously does not learn by a REFER who calls.
#[test]
fn rfc3323_4_1_a_refer_does_not_unmask_an_anonymous_caller() {
    let mut bench = Bench::new(&alice());
    let options = InviteOptions::new().anonymous();
    bench
        .agent
        .invite("sip:bob@example.com", options, bench.now)
        .expect("a call");
    bench.pump();
    let id = bench.description_needed().session;
    bench.describe(id, OFFER);
    let invite = bench.next_request();
    let fields = [("Contact", "<sip:bob@192.0.2.9>")];
    bench.reply_tagged(&invite, 200, "bob1", &fields, Some(OFFER));
    bench.next_request();
    bench.events.clear();
    let refer_to = "Refer-To: <sip:evil@b.invalid>\n";
    Peer::callee(&invite, "bob1").send(&mut bench, "REFER", 8, refer_to, "");
    let refer = incoming(&mut bench);
    let call = follow(&mut bench, refer, InviteOptions::new()).expect("a call");
    bench.describe(call, OFFER);
    while let Some(message) = bench.sent.pop_front() {
        let text = String::from_utf8_lossy(message.bytes());
        let lines = text
            .lines()
            .filter(|line| !line.starts_with("P-Preferred-Identity:"));
        let named: Vec<_> = lines.filter(|line| line.contains("alice")).collect();
        assert_eq!(named, Vec::<&str>::new());
    }
}

/// RFC 3261 26.1, RFC 7616 5.8: a peer that sends a call to a stranger by REFER gets no digest of the password there, and the
/// requests of this side to the peer itself answer no challenge of it.
#[test]
fn rfc7616_5_8_a_refer_draws_no_credentials() {
    let challenge = "Digest realm=\"evil.example\", nonce=\"1\", algorithm=MD5";
    for (status, name) in [(401, "WWW-Authenticate"), (407, "Proxy-Authenticate")] {
        let (mut bench, _, peer) = called(&alice());
        let refer_to = "Refer-To: <sip:x@evil.example>\n";
        peer.send(&mut bench, "REFER", 8, refer_to, "");
        let refer = incoming(&mut bench);
        let call = follow(&mut bench, refer, InviteOptions::new()).expect("a call");
        bench.next_response();
        let notify = bench.next_request();
        bench.reply(&notify, status, &[(name, challenge)]);
        bench.silence();
        bench.describe(call, OFFER);
        let invite = bench.next_request();
        bench.reply(&invite, status, &[(name, challenge)]);
        let ack = bench.next_request();
        assert_eq!(ack.method(), Method::Ack);
        bench.silence();
    }
}

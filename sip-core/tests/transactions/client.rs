//! The rules of clients: RFC 3261 sections 8.1, 9.1 and 17.1, RFC 3581 section 3, RFC 6026 section 7.2.

use super::*;

/// 3261-17.1.1.2-A, 3261-17.1.1.2-B: timer A doubles without a cap, timer B ends it after 64 T1.
#[test]
fn rfc3261_17_1_1_2_timers_a_and_b_on_datagrams() {
    let mut bench = Bench::new(Transport::Udp);
    bench.send(Method::Invite);
    bench.wait(31_999);
    let expected = [0, 500, 1_500, 3_500, 7_500, 15_500, 31_500];
    assert_eq!(bench.times("INVITE"), expected);
    assert!(bench.failures().is_empty());
    bench.wait(1);
    assert_eq!(bench.failures(), [TransactionError::Timeout]);
    bench.outputs.clear();
    assert!(bench.layer.is_idle());
}

/// 3261-17.1.1.2-A, 7118-5.2.4-A: no timer A on a reliable transport.
#[test]
fn rfc3261_17_1_1_2_no_timer_a_on_a_stream() {
    let mut bench = Bench::new(Transport::Ws);
    bench.send(Method::Invite);
    bench.wait(32_000);
    assert_eq!(bench.times("INVITE"), [0]);
    assert_eq!(bench.failures(), [TransactionError::Timeout]);
}

/// 3261-17.1.1.2-B: a provisional response stops both timers.
#[test]
fn rfc3261_17_1_1_2_a_provisional_stops_a_and_b() {
    let mut bench = Bench::new(Transport::Udp);
    bench.send(Method::Invite);
    let invite = bench.sent[0].1.clone();
    bench.reply(&invite, 180, "t");
    bench.wait(300_000);
    assert_eq!(bench.times("INVITE"), [0]);
    assert!(bench.failures().is_empty());
    assert_eq!(bench.layer.client_transactions(), 1);
}

/// 3261-17.1.1.2-C, 3261-17.1.1.2-D: each repeated refusal gets the same ACK, and the user gets one; timer D.
#[test]
fn rfc3261_17_1_1_2_repeated_refusals_get_the_same_ack() {
    let mut bench = Bench::new(Transport::Udp);
    bench.send(Method::Invite);
    let invite = bench.sent[0].1.clone();
    for _ in 0..3 {
        bench.reply(&invite, 486, "t");
    }
    assert_eq!(bench.finals(), [486]);
    let acks: Vec<_> = bench.sent[1..].iter().map(|sent| sent.1.bytes()).collect();
    assert_eq!(acks.len(), 3);
    assert!(acks.iter().all(|ack| *ack == acks[0]));
    bench.wait(31_999);
    assert_eq!(bench.layer.client_transactions(), 1);
    bench.wait(1);
    assert_eq!(bench.layer.client_transactions(), 0);
}

/// 3261-17.1.1.3-A, 3261-8.1.1.7-A: the ACK to a refusal is made of the INVITE and the response's To.
#[test]
fn rfc3261_17_1_1_3_the_ack_is_made_of_the_invite() {
    let mut bench = Bench::new(Transport::Udp);
    bench.send(Method::Invite);
    let invite = bench.sent[0].1.clone();
    bench.reply(&invite, 486, "theirs");
    let ack = &bench.sent[1].1;
    for name in [
        HeaderName::Via,
        HeaderName::From,
        HeaderName::CallId,
        HeaderName::Route,
    ] {
        assert_eq!(value(ack, name), value(&invite, name), "{name:?}");
    }
    assert_eq!(
        ack.as_request().expect("ACK").uri_bytes(),
        b"sip:bob@192.0.2.2"
    );
    assert_eq!(value(ack, HeaderName::To), "<sip:bob@192.0.2.2>;tag=theirs");
    assert_eq!(value(ack, HeaderName::CSeq), "7 ACK");
    assert_eq!(ack.vias().count(), 1);
    assert!(!ack.has(HeaderName::Require));
}

/// 6026-7.2-A: further 2xx of any tag go to the user for 64 T1; refusals are ignored.
#[test]
fn rfc6026_7_2_further_2xx_are_delivered() {
    let mut bench = Bench::new(Transport::Udp);
    bench.send(Method::Invite);
    let invite = bench.sent[0].1.clone();
    bench.reply(&invite, 200, "one");
    bench.reply(&invite, 200, "two");
    bench.reply(&invite, 486, "three");
    bench.wait(31_999);
    bench.reply(&invite, 200, "one");
    assert_eq!(bench.finals(), [200, 200, 200]);
    bench.wait(1);
    assert_eq!(bench.layer.client_transactions(), 0);
}

/// 6026-7.2-B: the layer passes a 2xx that matches nothing to the transaction user.
#[test]
fn rfc6026_7_2_a_stray_2xx_is_handed_up() {
    let mut bench = Bench::new(Transport::Udp);
    bench.send(Method::Invite);
    let invite = bench.sent[0].1.clone();
    bench.reply(&invite, 200, "one");
    bench.wait(32_000);
    bench.outputs.clear();
    bench.reply(&invite, 200, "one");
    assert!(matches!(bench.outputs[..], [Output::StrayResponse { .. }]));
    bench.outputs.clear();
    bench.reply(&invite, 486, "one");
    assert!(matches!(bench.outputs[..], [Output::Ignored { .. }]));
}

/// 3261-17.1.2.2-A, 3261-17.1.2.2-B: timer E doubles up to T2, timer F ends it after 64 T1.
#[test]
fn rfc3261_17_1_2_2_timers_e_and_f() {
    let mut bench = Bench::new(Transport::Udp);
    bench.send(Method::Options);
    bench.wait(32_000);
    let expected = [
        0, 500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500,
    ];
    assert_eq!(bench.times("OPTIONS"), expected);
    assert_eq!(bench.failures(), [TransactionError::Timeout]);
}

/// 3261-17.1.2.2-A, 3261-17.1.2.2-B: after a provisional response every T2, and still timer F.
#[test]
fn rfc3261_17_1_2_2_a_provisional_slows_it_down() {
    let mut bench = Bench::new(Transport::Udp);
    bench.send(Method::Options);
    let options = bench.sent[0].1.clone();
    bench.reply(&options, 100, "");
    bench.wait(32_000);
    let expected = [0, 500, 4_500, 8_500, 12_500, 16_500, 20_500, 24_500, 28_500];
    assert_eq!(bench.times("OPTIONS"), expected);
    assert_eq!(bench.failures(), [TransactionError::Timeout]);
}

/// 3261-17.1.2.2-C: repeated final responses are swallowed for T4, on a stream not at all.
#[test]
fn rfc3261_17_1_2_2_timer_k() {
    for (transport, linger) in [(Transport::Udp, 5_000), (Transport::Ws, 0)] {
        let mut bench = Bench::new(transport);
        bench.send(Method::Options);
        let options = bench.sent[0].1.clone();
        bench.reply(&options, 200, "t");
        bench.reply(&options, 200, "t");
        assert_eq!(bench.finals(), [200]);
        assert_eq!(bench.layer.client_transactions(), usize::from(linger > 0));
        bench.wait(linger.max(1) - 1);
        assert_eq!(bench.layer.client_transactions(), usize::from(linger > 0));
        bench.wait(1);
        assert_eq!(bench.layer.client_transactions(), 0);
    }
}

/// 3261-17.1.3-A: branch and CSeq method together; the INVITE's responses are never the CANCEL's.
#[test]
fn rfc3261_17_1_3_branch_and_method_match() {
    let mut bench = Bench::new(Transport::Udp);
    let invite = bench.send(Method::Invite);
    let sent = bench.sent[0].1.clone();
    bench.reply(&sent, 180, "t");
    bench
        .layer
        .cancel(invite, None, "cancel", bench.now)
        .expect("pending");
    bench.pump();
    let cancel = bench.sent[1].1.clone();
    assert_eq!(
        value(&cancel, HeaderName::Via),
        value(&sent, HeaderName::Via)
    );
    bench.outputs.clear();
    bench.reply(&cancel, 200, "t");
    assert!(
        matches!(bench.outputs[..], [Output::Response { user: "cancel", .. }]),
        "{:?}",
        bench.outputs
    );
    bench.outputs.clear();
    bench.reply(&sent, 487, "t");
    assert!(matches!(
        bench.outputs[..],
        [Output::Response { user: "user", .. }]
    ));
    // The branch belongs to a transaction of another method.
    bench.outputs.clear();
    let text = String::from_utf8(sent.bytes().to_vec()).expect("text");
    let other = text.replace("INVITE", "OPTIONS");
    let other = Message::parse(other.into_bytes().into(), &Limits::default().message);
    bench.reply(&other.expect("sound"), 200, "t");
    assert!(matches!(bench.outputs[..], [Output::Ignored { .. }]));
}

/// 3261-17.1.4-A, 3261-8.1.3.1-A, CONN-A: the layer reports a broken connection at once and sends nothing.
#[test]
fn rfc3261_17_1_4_a_broken_connection_is_told() {
    for method in [Method::Invite, Method::Options] {
        let mut bench = Bench::new(Transport::Ws);
        bench.send(method);
        bench.layer.closed(bench.connection, bench.now);
        bench.pump();
        assert_eq!(bench.failures(), [TransactionError::ConnectionLost]);
        assert_eq!(bench.sent.len(), 1);
        bench.outputs.clear();
        assert!(bench.layer.is_idle());
    }
}

/// 3261-9.1-A, 3261-9.1-B: CANCEL waits for a provisional response, and is made of the INVITE.
#[test]
fn rfc3261_9_1_cancel_waits_and_is_made_of_the_invite() {
    let mut bench = Bench::new(Transport::Udp);
    let invite = bench.send(Method::Invite);
    let sent = bench.sent[0].1.clone();
    let reason = Some("SIP;cause=200");
    bench
        .layer
        .cancel(invite, reason, "c", bench.now)
        .expect("pending");
    bench.pump();
    assert!(bench.times("CANCEL").is_empty());
    bench.reply(&sent, 100, "");
    let cancel = &bench.sent[1].1;
    for name in [
        HeaderName::Via,
        HeaderName::From,
        HeaderName::To,
        HeaderName::CallId,
        HeaderName::Route,
    ] {
        assert_eq!(value(cancel, name), value(&sent, name), "{name:?}");
    }
    assert_eq!(value(cancel, HeaderName::CSeq), "7 CANCEL");
    assert_eq!(value(cancel, HeaderName::Reason), "SIP;cause=200");
    assert!(!cancel.has(HeaderName::Require));
    let again = bench.layer.cancel(invite, None, "c", bench.now);
    assert_eq!(again, Err(SendError::Stale));
}

/// 3261-9.1-A: after a final response the layer sends no CANCEL.
#[test]
fn rfc3261_9_1_no_cancel_after_a_final_response() {
    let mut bench = Bench::new(Transport::Udp);
    let invite = bench.send(Method::Invite);
    let sent = bench.sent[0].1.clone();
    bench
        .layer
        .cancel(invite, None, "c", bench.now)
        .expect("pending");
    bench.reply(&sent, 200, "t");
    bench.wait(100_000);
    assert!(bench.times("CANCEL").is_empty());
}

/// 3261-9.1-C: 64 T1 after the CANCEL an INVITE without a final response is over.
#[test]
fn rfc3261_9_1_a_cancelled_invite_ends_after_64_t1() {
    let mut bench = Bench::new(Transport::Udp);
    let invite = bench.send(Method::Invite);
    let sent = bench.sent[0].1.clone();
    bench.reply(&sent, 180, "t");
    bench
        .layer
        .cancel(invite, None, "c", bench.now)
        .expect("pending");
    bench.pump();
    bench.wait(31_999);
    assert_eq!(bench.layer.client_transactions(), 2);
    bench.wait(1);
    assert_eq!(bench.layer.client_transactions(), 0);
    assert_eq!(bench.failures().len(), 2);
}

/// 3261-9.1-E: only an INVITE can be cancelled.
#[test]
fn rfc3261_9_1_only_an_invite_is_cancelled() {
    let mut bench = Bench::new(Transport::Udp);
    let options = bench.send(Method::Options);
    let refused = bench.layer.cancel(options, None, "c", bench.now);
    assert_eq!(refused, Err(SendError::Stale));
}

/// 3581-3-A: an empty rport on datagrams.
#[test]
fn rfc3581_3_via_asks_for_rport() {
    let mut bench = Bench::new(Transport::Udp);
    bench.send(Method::Options);
    let via = bench.sent[0].1.top_via().expect("Via").rport();
    assert_eq!(via, Some(None));
    let mut bench = Bench::new(Transport::Tcp);
    bench.send(Method::Options);
    assert_eq!(bench.sent[0].1.top_via().expect("Via").rport(), None);
}

/// 3261-8.1.3.3-A, 3261-18.1.2-A: the layer drops a response with a second Via, or with a foreign sent-by.
#[test]
fn rfc3261_8_1_3_3_foreign_responses_are_dropped() {
    let mut bench = Bench::new(Transport::Udp);
    bench.send(Method::Options);
    let sent = String::from_utf8(bench.sent[0].1.bytes().to_vec()).expect("text");
    let second = sent.replacen(
        "Max-Forwards",
        "Via: SIP/2.0/UDP 192.0.2.8;branch=z9hG4bKx\r\nMax-Forwards",
        1,
    );
    let foreign = sent.replacen("192.0.2.1:5060", "192.0.2.8:5060", 1);
    for text in [second, foreign] {
        let message = Message::parse(text.into_bytes().into(), &Limits::default().message);
        bench.reply(&message.expect("sound"), 200, "t");
        assert!(bench.finals().is_empty());
    }
    assert_eq!(bench.layer.client_transactions(), 1);
}

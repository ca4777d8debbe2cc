//! The rules of servers and proxies: RFC 3261 sections 8.2, 9.2, 16.3, 17.2 and 18.2, RFC 3581 section 4, RFC
//! 4320, RFC 6026 section 7.1; and the rules that clients share.

use super::*;

/// 3261-17.2.1-A, 3261-8.2.6.1-A: 100 after 200 ms; a repeated INVITE gets the last response.
#[test]
fn rfc3261_17_2_1_trying_and_the_last_provisional() {
    let mut bench = Bench::new(Transport::Udp);
    let invite = request("INVITE", VIA, "Timestamp: 54\n");
    bench.feed_text(&invite);
    bench.wait(199);
    assert!(bench.sent.is_empty());
    bench.wait(1);
    assert_eq!(bench.statuses(100), [200]);
    assert_eq!(value(&bench.sent[0].1, HeaderName::Timestamp), "54");
    assert_eq!(
        value(&bench.sent[0].1, HeaderName::To),
        "<sip:alice@192.0.2.1>"
    );
    let (transaction, ..) = bench.requests().remove(0);
    bench.respond(transaction, 180).expect("pending");
    bench.feed_text(&invite);
    assert_eq!(bench.statuses(180).len(), 2);
    assert!(bench.requests().is_empty(), "the user gets it once");
}

/// 3261-17.2.1-B, 3261-17.2.1-C: timer G doubles up to T2; H fires without ACK.
#[test]
fn rfc3261_17_2_1_timers_g_and_h() {
    let mut bench = Bench::new(Transport::Udp);
    bench.feed_text(&request("INVITE", VIA, ""));
    let (transaction, ..) = bench.requests().remove(0);
    bench.respond(transaction, 486).expect("pending");
    bench.wait(32_000);
    let expected = [
        0, 500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500,
    ];
    assert_eq!(bench.statuses(486), expected);
    let timeout = TransactionError::Timeout;
    assert!(matches!(bench.outputs[..], [Output::ServerFailed { error, .. }] if error == timeout));
    bench.outputs.clear();
    assert!(bench.layer.is_idle());
}

/// 3261-17.2.1-C: the ACK stops it, is not handed up, and timer I absorbs more of them.
#[test]
fn rfc3261_17_2_1_the_ack_ends_it() {
    for (transport, linger) in [(Transport::Udp, 5_000), (Transport::Ws, 0)] {
        let mut bench = Bench::new(transport);
        bench.feed_text(&request("INVITE", VIA, ""));
        let (transaction, ..) = bench.requests().remove(0);
        bench.respond(transaction, 486).expect("pending");
        bench.feed_text(&request("ACK", VIA, ""));
        assert!(bench.outputs.is_empty(), "{:?}", bench.outputs);
        assert_eq!(bench.layer.server_transactions(), usize::from(linger > 0));
        bench.wait(linger.max(1) - 1);
        assert_eq!(bench.layer.server_transactions(), usize::from(linger > 0));
        bench.wait(1);
        assert_eq!(bench.statuses(486), [0]);
        assert!(bench.layer.is_idle());
    }
}

/// 6026-7.1-A: after a 2xx the INVITE is absorbed without answer for 64 T1; 2xx of the user go out.
#[test]
fn rfc6026_7_1_an_accepted_invite_is_absorbed() {
    let mut bench = Bench::new(Transport::Udp);
    let invite = request("INVITE", VIA, "");
    bench.feed_text(&invite);
    let (transaction, ..) = bench.requests().remove(0);
    bench.respond(transaction, 200).expect("pending");
    bench.feed_text(&invite);
    bench.wait(31_999);
    assert_eq!(bench.statuses(200), [0]);
    bench.layer.repeat_response(transaction).expect("accepted");
    bench.pump();
    assert_eq!(bench.statuses(200).len(), 2);
    bench.wait(1);
    assert_eq!(bench.layer.server_transactions(), 0);
}

/// 3261-17.2.2-A: the last response again on demand for 64 T1; later final responses are refused.
#[test]
fn rfc3261_17_2_2_a_final_response_is_repeated_on_demand() {
    let mut bench = Bench::new(Transport::Udp);
    let options = request("OPTIONS", VIA, "");
    bench.feed_text(&options);
    bench.feed_text(&options);
    let (transaction, ..) = bench.requests().remove(0);
    assert!(bench.sent.is_empty(), "nothing before there is an answer");
    bench.respond(transaction, 200).expect("pending");
    assert_eq!(bench.respond(transaction, 500), Err(SendError::Stale));
    bench.wait(31_999);
    bench.feed_text(&options);
    assert_eq!(bench.statuses(200), [0, 31_999]);
    bench.wait(1);
    assert_eq!(bench.layer.server_transactions(), 0);
}

/// 4320-4.1-A: no provisional response to a non-INVITE but a 100, and that not before 3.5 s.
#[test]
fn rfc4320_4_1_a_100_after_3_5_s_and_no_other_provisional() {
    for transport in [Transport::Udp, Transport::Ws] {
        let mut bench = Bench::new(transport);
        bench.feed_text(&request("OPTIONS", VIA, ""));
        let (transaction, ..) = bench.requests().remove(0);
        let refused = bench.respond(transaction, 183);
        assert!(matches!(refused, Err(SendError::Forbidden(_))));
        bench.wait(3_499);
        assert!(bench.sent.is_empty());
        bench.wait(1);
        assert_eq!(bench.statuses(100), [3_500]);
    }
}

/// 4320-4.2-A: no 408 to a non-INVITE; after 64 T1 nothing is sent, and a late copy is no new request.
#[test]
fn rfc4320_4_2_no_408_and_nothing_after_64_t1() {
    let mut bench = Bench::new(Transport::Udp);
    let options = request("OPTIONS", VIA, "");
    bench.feed_text(&options);
    let (transaction, ..) = bench.requests().remove(0);
    let refused = bench.respond(transaction, 408);
    assert!(matches!(refused, Err(SendError::Forbidden(_))));
    bench.wait(32_000);
    bench.sent.clear();
    assert_eq!(bench.respond(transaction, 200), Err(SendError::Stale));
    bench.wait(4_000);
    bench.feed_text(&options);
    assert!(bench.requests().is_empty());
    bench.wait(1_000);
    assert!(bench.layer.is_idle());
}

/// 3261-17.2.3-A: branch, sent-by (host and port) and method name a transaction.
#[test]
fn rfc3261_17_2_3_what_names_a_server_transaction() {
    let mut bench = Bench::new(Transport::Udp);
    bench.feed_text(&request("OPTIONS", VIA, ""));
    for other in [
        "192.0.2.2:5062;branch=z9hG4bKone",
        "192.0.2.9:5060;branch=z9hG4bKone",
        "192.0.2.2:5060;branch=z9hG4bKtwo",
    ] {
        bench.feed_text(&request("OPTIONS", other, ""));
    }
    bench.feed_text(&request("MESSAGE", VIA, ""));
    assert_eq!(bench.layer.server_transactions(), 5);
    bench.feed_text(&request("OPTIONS", VIA, ""));
    assert_eq!(bench.layer.server_transactions(), 5);
}

/// 3261-17.2.3-B: without the magic cookie Request-URI, tags, Call-ID, CSeq and top Via name it.
#[test]
fn rfc3261_17_2_3_the_rules_of_rfc2543() {
    let mut bench = Bench::new(Transport::Udp);
    let old = request("INVITE", "192.0.2.2:5060;branch=1", "");
    bench.feed_text(&old);
    bench.feed_text(&old);
    assert_eq!(bench.layer.server_transactions(), 1);
    for (from, to) in [
        ("Call-ID: c1", "Call-ID: c2"),
        ("tag=b", "tag=d"),
        ("CSeq: 1", "CSeq: 2"),
    ] {
        bench.feed_text(&old.replace(from, to));
    }
    assert_eq!(bench.layer.server_transactions(), 4);
    let (transaction, ..) = bench.requests().remove(0);
    bench.respond(transaction, 486).expect("pending");
    // The ACK carries the tag of the response.
    let ack = old.replace("INVITE", "ACK");
    bench.feed_text(&ack);
    assert!(matches!(bench.outputs[..], [Output::Ack { .. }]));
    bench.outputs.clear();
    bench.feed_text(&ack.replace(
        "To: <sip:alice@192.0.2.1>",
        "To: <sip:alice@192.0.2.1>;tag=us",
    ));
    assert!(bench.outputs.is_empty());
}

/// 3261-17.2.4-A: the layer reports to the transaction user that its response cannot be sent.
#[test]
fn rfc3261_17_2_4_a_broken_connection_is_told_to_the_server() {
    let mut bench = Bench::new(Transport::Ws);
    bench.feed_text(&request("INVITE", VIA, ""));
    let (transaction, ..) = bench.requests().remove(0);
    bench.layer.closed(bench.connection, bench.now);
    bench.pump();
    let lost = TransactionError::ConnectionLost;
    assert!(matches!(bench.outputs[..], [Output::ServerFailed { error, .. }] if error == lost));
    assert_eq!(bench.respond(transaction, 200), Err(SendError::Stale));
}

/// 3261-9.2-A, 3261-9.2-B: a CANCEL names the INVITE of the same branch, or none.
#[test]
fn rfc3261_9_2_a_cancel_finds_its_invite() {
    let mut bench = Bench::new(Transport::Udp);
    bench.feed_text(&request("INVITE", VIA, ""));
    let (invite, ..) = bench.requests().remove(0);
    bench.feed_text(&request("CANCEL", VIA, ""));
    let found = |bench: &Bench| match bench.outputs[..] {
        [Output::Request { cancels, .. }] => cancels,
        _ => panic!("{:?}", bench.outputs),
    };
    assert_eq!(found(&bench), Some(invite));
    bench.outputs.clear();
    bench.feed_text(&request("CANCEL", "192.0.2.2:5060;branch=z9hG4bKnone", ""));
    assert_eq!(found(&bench), None);
}

/// 3261-8.2.2.2-A, 5393-A: the same From tag, Call-ID and CSeq by another way is merged; with a To tag not.
#[test]
fn rfc3261_8_2_2_2_a_request_by_two_ways_is_merged() {
    let mut bench = Bench::new(Transport::Udp);
    bench.feed_text(&request("INVITE", VIA, ""));
    let other = request("INVITE", "192.0.2.3;branch=z9hG4bKtwo", "");
    bench.feed_text(&other);
    let within = other.replace(
        "To: <sip:alice@192.0.2.1>",
        "To: <sip:alice@192.0.2.1>;tag=x",
    );
    bench.feed_text(&within.replace("bKtwo", "bKthree"));
    let merged: Vec<_> = bench.requests().into_iter().map(|found| found.2).collect();
    assert_eq!(merged, [false, true, false]);
}

/// 3261-8.2.6.2-A: the response copies Via, From, Call-ID and CSeq; To gets a tag of this side.
#[test]
fn rfc3261_8_2_6_2_what_a_response_copies() {
    let mut bench = Bench::new(Transport::Udp);
    let vias = "192.0.2.2:5060;branch=z9hG4bKone\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKtwo";
    bench.feed_text(&request("OPTIONS", vias, ""));
    let (transaction, came, _) = bench.requests().remove(0);
    bench.respond(transaction, 200).expect("pending");
    let response = &bench.sent[0].1;
    let ours: Vec<_> = response.values(HeaderName::Via).collect();
    assert_eq!(ours, came.values(HeaderName::Via).collect::<Vec<_>>());
    for name in [HeaderName::From, HeaderName::CallId, HeaderName::CSeq] {
        assert_eq!(value(response, name), value(&came, name));
    }
    assert_eq!(
        value(response, HeaderName::To),
        "<sip:alice@192.0.2.1>;tag=us"
    );
}

/// 3261-8.2.7-A, TX-CAP: over the limit 503 with Retry-After, without state, with the same tag each time.
#[test]
fn tx_cap_over_the_limit_requests_are_refused_without_state() {
    let mut limits = Limits::default();
    limits.server_transactions = 1;
    limits.client_transactions = 1;
    let mut bench = Bench::with(Transport::Udp, limits, None);
    bench.feed_text(&request("INVITE", VIA, ""));
    let (first, ..) = bench.requests().remove(0);
    let more = request("INVITE", "192.0.2.2:5060;branch=z9hG4bKtwo", "");
    for _ in 0..2 {
        bench.feed_text(&more.replace("Call-ID: c1", "Call-ID: c2"));
    }
    assert_eq!(bench.statuses(503).len(), 2);
    assert_eq!(bench.layer.server_transactions(), 1);
    let [(_, one), (_, two)] = &bench.sent[..] else {
        panic!()
    };
    assert_eq!(one.bytes(), two.bytes());
    assert!(one.has(HeaderName::RetryAfter));
    assert!(bench.requests().is_empty());
    bench
        .respond(first, 180)
        .expect("open transactions continue");
    bench.send(Method::Options);
    let mut more = Builder::request(Method::Options, b"sip:bob@192.0.2.2");
    more.append(HeaderName::MaxForwards, 70)
        .append(HeaderName::From, "<sip:a@b>;tag=1")
        .append(HeaderName::To, "<sip:b@b>")
        .append(HeaderName::CallId, "x")
        .append(HeaderName::CSeq, "1 OPTIONS");
    let refused = bench
        .layer
        .send_request(bench.connection, more, "u", bench.now);
    assert_eq!(refused, Err(SendError::TooManyTransactions));
}

/// LIM-A, 3261-7.1-A: a request above the limits is answered 513, another version 505.
#[test]
fn lim_a_too_large_513_and_another_version_505() {
    let mut limits = Limits::default();
    limits.message.headers = 20;
    let mut bench = Bench::with(Transport::Udp, limits, None);
    bench.feed_text(&request("OPTIONS", VIA, &"X: y\n".repeat(20)));
    assert_eq!(bench.statuses(513).len(), 1);
    bench.feed_text(&request("OPTIONS", VIA, "").replace("192.0.2.1 SIP/2.0", "192.0.2.1 SIP/3.0"));
    assert_eq!(bench.statuses(505).len(), 1);
    assert_eq!(bench.layer.server_transactions(), 0);
}

/// TX-TIME: firing late fires every timer once; a clock that goes back is harmless.
#[test]
fn tx_time_late_and_backward_ticks() {
    let mut bench = Bench::new(Transport::Udp);
    bench.send(Method::Options);
    bench.layer.tick(Timestamp::ZERO);
    bench.pump();
    assert_eq!(bench.sent.len(), 1);
    let late = bench.now + Duration::from_secs(3_600);
    for _ in 0..40 {
        bench.layer.tick(late);
    }
    bench.pump();
    assert_eq!(bench.failures(), [TransactionError::Timeout]);
    bench.outputs.clear();
    assert!(bench.layer.is_idle());
}

/// TX-DET, NF-REPLAY: the same seed and inputs give the same bytes at the same times.
#[test]
fn tx_det_the_same_inputs_give_the_same_bytes() {
    let run = || {
        let mut bench = Bench::new(Transport::Udp);
        bench.send(Method::Invite);
        bench.feed_text(&request("OPTIONS", VIA, ""));
        bench.wait(10_000);
        let sent = bench.sent.iter();
        sent.map(|(at, message)| (*at, message.bytes().clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(run(), run());
    assert!(run().len() > 5);
}

/// 3581-4-A: rport is filled and received added, even where the host is right.
#[test]
fn rfc3581_4_rport_is_filled() {
    let mut bench = Bench::with(Transport::Udp, Limits::default(), Some("192.0.2.2:40000"));
    bench.feed_text(&request(
        "OPTIONS",
        "192.0.2.2:5060;rport;branch=z9hG4bKone",
        "",
    ));
    let (transaction, came, _) = bench.requests().remove(0);
    let via = came.top_via().expect("Via");
    assert_eq!(via.rport(), Some(Some(40_000)));
    assert_eq!(via.received(), Some(&b"192.0.2.2"[..]));
    bench.respond(transaction, 200).expect("pending");
    let via = value(&bench.sent[0].1, HeaderName::Via);
    assert!(
        via.contains("rport=40000") && via.contains("received=192.0.2.2"),
        "{via}"
    );
}

/// 3261-18.2.1-A: received where the host is a name or another address, and nowhere else.
#[test]
fn rfc3261_18_2_1_received_is_added() {
    let remote = Some("192.0.2.2:5060");
    for (host, added) in [
        ("192.0.2.2", false),
        ("192.0.2.9", true),
        ("bob.example", true),
        ("bob.example\n ", true),
    ] {
        let mut bench = Bench::with(Transport::Udp, Limits::default(), remote);
        bench.feed_text(&request(
            "OPTIONS",
            &format!("{host};branch=z9hG4bKone"),
            "",
        ));
        let (_, came, _) = bench.requests().remove(0);
        assert_eq!(
            came.top_via().expect("Via").received().is_some(),
            added,
            "{host}"
        );
    }
}

/// 3261-16.3-A: Max-Forwards counts down, and at 0 the answer is 483.
#[test]
fn rfc3261_16_3_max_forwards() {
    let parse = |text: String| parse(&text).into_request().expect("a request");
    let seventy = request("OPTIONS", VIA, "");
    assert_eq!(forwards_left(&parse(seventy.clone())), Ok(69));
    let none = seventy.replace("Max-Forwards: 70\n", "");
    assert_eq!(forwards_left(&parse(none)), Ok(70));
    let zero = seventy.replace("Max-Forwards: 70", "Max-Forwards: 0");
    assert_eq!(forwards_left(&parse(zero)), Err(StatusCode::TOO_MANY_HOPS));
    let bad = seventy.replace("Max-Forwards: 70", "Max-Forwards: x");
    assert_eq!(forwards_left(&parse(bad)), Err(StatusCode::BAD_REQUEST));
}

/// 5393-A, 3261-16.3-A: a looped request carries the Via of this element.
#[test]
fn rfc3261_16_3_a_loop_is_seen_in_the_vias() {
    let mut bench = Bench::new(Transport::Udp);
    bench.feed_text(&request("OPTIONS", VIA, ""));
    let here = "192.0.2.2;branch=z9hG4bKtwo\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx";
    bench.feed_text(&request("OPTIONS", here, ""));
    let requests = bench.requests();
    let times = |place: usize| bench.layer.times_forwarded(&requests[place].1);
    assert_eq!((times(0), times(1)), (Ok(0), Ok(1)));
}

//! The content that a connection may carry: one message in each WebSocket message, and SIPS over TLS only.

use sip_core::connection::DisconnectReason;
use sip_core::{Action, Cause, CommandError, Event, InviteOptions, Originator, Transport};
use sip_parse::Method;
use sip_testing::{Bench, OFFER, SECOND, alice, response};

fn options(number: u32) -> String {
    format!(
        "OPTIONS sip:alice@example.com SIP/2.0\r\nVia: SIP/2.0/WS b.invalid;branch=z9hG4bK{number}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:bob@example.com>;tag=1\r\nTo: <sip:alice@example.com>\r\n\
         Call-ID: {number}\r\nCSeq: {number} OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
}

fn answers(bench: &mut Bench) -> Vec<(u16, u32)> {
    let responses = bench.sent.drain(..);
    let responses = responses.map(|message| message.into_response().expect("a response"));
    responses
        .map(|response| {
            let number = response.cseq().expect("CSeq").number;
            (response.status().as_u16(), number)
        })
        .collect()
}

/// The number of log records about a second message.
fn logged(bench: &Bench) -> usize {
    let is_fault = |action: &&Action| match action {
        Action::Log(record) => record.content.to_string().contains("another message"),
        _ => false,
    };
    bench.others.iter().filter(is_fault).count()
}

/// 7118-4.2-A, RFC 7118 section 4.2 and RFC 3261 section 18.3: of two SIP messages in one WebSocket message the agent takes
/// the first, ignores the second one, counts and logs the fault. The connection and the next message are not affected.
#[test]
fn rfc7118_4_2_of_two_messages_in_one_the_first_counts() {
    for transport in [Transport::Ws, Transport::Wss] {
        for between in ["", "\r\n", "\r\n\r\n"] {
            let mut bench = Bench::over(&alice(), transport);
            bench.feed_bytes(format!("{}{between}{}", options(1), options(2)));
            assert_eq!(answers(&mut bench), [(200, 1)]);
            assert_eq!(bench.agent.counters().malformed, 1);
            assert_eq!(bench.agent.counters().malformed_answered, 0);
            assert_eq!(logged(&bench), 1);
            bench.feed_bytes(options(3));
            assert_eq!(answers(&mut bench), [(200, 3)]);
        }
    }
    let mut bench = Bench::new(&alice());
    let (_, invite) = bench.call();
    bench.events.clear();
    let ringing = response(&invite, 180, "peer", &[], None);
    bench.feed_bytes([&ringing[..], &ringing[..]].concat());
    assert!(matches!(bench.event(), Event::Progress { .. }));
    bench.feed_bytes([&ringing[..], options(1).as_bytes()].concat());
    assert!(matches!(bench.event(), Event::Progress { .. }));
    bench.silence();
    bench.no_events();
    assert_eq!(bench.agent.counters().malformed, 2);
    assert_eq!(bench.agent.counters().malformed_answered, 0);
}

/// 7118-4.2-A, RFC 3261 section 18.3: the agent ignores bytes after the body that are no message, and line ends
/// around a message. It discards the rest of a datagram in any case.
#[test]
fn rfc3261_18_3_what_is_no_message_is_left_out() {
    for rest in [
        "\r\n",
        "\r\n\r\n",
        "\r\n\0\0",
        "xyz",
        "SIP/2",
        "OPTIONS sip:",
    ] {
        let mut bench = Bench::new(&alice());
        bench.feed_bytes(format!("\r\n{}{rest}", options(1)));
        assert_eq!(answers(&mut bench), [(200, 1)], "{rest:?}");
        assert_eq!(bench.agent.counters().malformed, 0);
    }
    let mut bench = Bench::over(&alice(), Transport::Udp);
    bench.feed_bytes(format!("{}{}", options(1), options(2)));
    assert_eq!(answers(&mut bench), [(200, 1)]);
    assert_eq!(bench.agent.counters().malformed, 0);
}

/// 7118-WSS-A, RFC 3261 section 26.2.2: without TLS the agent sends nothing to a SIPS URI, neither INVITE nor
/// REGISTER.
#[test]
fn rfc3261_26_2_2_sips_goes_over_tls_alone() {
    let mut bench = Bench::over(&alice(), Transport::Ws);
    let refused = bench
        .agent
        .invite("sips:bob@example.com", InviteOptions::new(), bench.now);
    assert_eq!(refused, Err(CommandError::TargetScheme));
    let refused = bench.agent.options("SIPS:bob@example.com", bench.now);
    assert_eq!(refused, Err(CommandError::TargetScheme));
    bench.pump();
    bench.silence();
    let mut bench = Bench::over(&alice(), Transport::Wss);
    let taken = bench.agent.options("sips:bob@example.com", bench.now);
    assert!(taken.is_ok());
    bench.pump();
    assert_eq!(bench.next_request().uri_bytes(), b"sips:bob@example.com");

    let mut config = alice();
    config.uri("sips:alice@example.com").register(true);
    let mut bench = Bench::over(&config, Transport::Wss);
    assert_eq!(bench.next_request().method(), Method::Register);
    let mut bench = Bench::offline(&config);
    bench.open(Transport::Ws);
    let cause = bench.expect(|event| match event {
        Event::RegistrationFailed { reason, .. } => Some(reason.cause),
        _ => None,
    });
    assert_eq!(cause, Cause::Insecure);
    bench.silence();
    bench.wait(3_600 * SECOND);
    bench.silence();
}

/// 7118-WSS-A, RFC 3261 section 26.2.2: a call that began over `wss` does not go on over `ws`, not even by its BYE.
#[test]
fn rfc3261_26_2_2_a_call_over_wss_does_not_go_on_over_ws() {
    for transport in [Transport::Ws, Transport::Wss] {
        let mut bench = Bench::over(&alice(), Transport::Wss);
        let call = bench
            .agent
            .invite("sips:bob@example.com", InviteOptions::new(), bench.now)
            .unwrap();
        bench.describe(call, OFFER);
        let invite = bench.next_request();
        let contact = [("Contact", "<sips:bob@192.0.2.9>")];
        bench.reply_tagged(&invite, 200, "bob", &contact, Some(OFFER));
        assert_eq!(bench.next_request().method(), Method::Ack);
        let lost = bench.connection;
        bench
            .agent
            .connection_closed(lost, DisconnectReason::Lost, bench.now);
        bench.pump();
        bench.wait(SECOND);
        bench.open(transport);
        bench.wait(SECOND);
        bench.sent.clear();
        bench.events.clear();
        bench.hang_up(call);
        if transport == Transport::Wss {
            assert_eq!(bench.next_request().method(), Method::Bye);
            continue;
        }
        bench.silence();
        let (originator, cause) = bench.expect(|event| match event {
            Event::Ended { reason, .. } => Some((reason.originator, reason.cause)),
            _ => None,
        });
        assert_eq!((originator, cause), (Originator::Local, Cause::Insecure));
    }
}

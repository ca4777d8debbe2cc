//! WebSocket messages and stream chunks in other patterns.

use sip_core::{Action, Transport};
use sip_parse::{Bytes, Method};
use sip_testing::{Bench, LayerBench, alice, response};

use super::transport::{many, options, over_tcp, poll_all};

/// RFC 3261 18.3, RFC 7118 4.2: whatever surrounds the first message of a WebSocket message or datagram, the first counts.
#[test]
fn fault_c7_whatever_surrounds_the_first_message() {
    let with_body = |number| {
        options(number).replace(
            "Content-Length: 0\r\n\r\n",
            "Content-Type: a/b\r\nContent-Length: 4\r\n\r\nbody",
        )
    };
    let small = |number| options(number).replace("Content-Length", "l");
    for transport in [Transport::Ws, Transport::Wss, Transport::Udp] {
        for (bytes, malformed) in [
            (many(3), 1),
            (format!("\r\n\r\n{}", many(2)), 1),
            (format!("{}\r\n\r\n{}", options(0), options(1)), 1),
            (format!("{}{}{}", with_body(0), options(1), options(2)), 1),
            (
                format!("{}\r\n{}", with_body(0), "SIP/2.0 200 OK\r\n\r\n"),
                1,
            ),
            (format!("\r\n{}\r\n", options(0)), 0),
            (format!("{}{}", small(0), small(1)), 1),
        ] {
            let mut bench = Bench::over(&alice(), transport);
            bench.feed_bytes(bytes.clone());
            let answer = bench.next_response();
            assert_eq!(answer.call_id().unwrap(), b"0", "{bytes}");
            assert_ne!(answer.status().as_u16(), 400, "{bytes}");
            bench.silence();
            // RFC 3261 18.3: over UDP what follows is padding.
            let malformed = if transport == Transport::Udp {
                0
            } else {
                malformed
            };
            assert_eq!(bench.agent.counters().malformed, malformed, "{bytes}");
        }
    }
}

/// A 2xx to INVITE with another message behind it is acknowledged.
#[test]
fn fault_c7_a_2xx_is_acknowledged_whatever_follows() {
    let mut bench = Bench::new(&alice());
    let (_, invite) = bench.call();
    let contact = [("Contact", "<sip:bob@192.0.2.9>")];
    let ok = response(&invite, 200, "bob", &contact, Some(sip_testing::OFFER));
    bench.feed_bytes([&ok[..], many(2).as_bytes()].concat());
    assert_eq!(bench.next_request().method(), Method::Ack);
    bench.silence();
}

/// RFC 3261 18.3: however a stream is cut into chunks, each request gets one answer and each response arrives.
#[test]
fn fault_c10_a_stream_may_be_cut_anywhere() {
    let body = "x".repeat(700);
    let big = |number| {
        options(number).replace(
            "Content-Length: 0\r\n\r\n",
            &format!("Content-Type: a/b\r\nContent-Length: 700\r\n\r\n{body}"),
        )
    };
    let stray = "SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP x.invalid;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n\
                 To: <sip:c@d>;tag=2\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
    let mut stream = String::new();
    for number in 0..1_200 {
        stream += &match number % 3 {
            0 => options(number),
            1 => big(number),
            _ => format!("\r\n{stray}\r\n\r\n{}", options(number)),
        };
    }
    for size in [7, 64, 333, 4_096, 65_536, usize::MAX] {
        let (mut agent, connection, now) = over_tcp();
        let mut answered = 0;
        let mut rest = Bytes::from(stream.clone());
        let mut turns = 0;
        while !rest.is_empty() {
            turns += 1;
            assert!(turns < 4_000_000, "{size}: no end");
            let chunk = rest.slice(..size.min(rest.len()));
            if agent.receive(connection, chunk.clone(), now).is_ok() {
                rest = rest.slice(chunk.len()..);
            }
            answered += poll_answers(&mut agent);
            if agent.next_tick().is_some_and(|at| at <= now) {
                agent.tick(now).unwrap();
            }
        }
        loop {
            answered += poll_answers(&mut agent);
            match agent.next_tick() {
                Some(at) if at <= now => agent.tick(now).unwrap(),
                _ => break,
            }
        }
        assert_eq!(answered, 1_200, "{size}");
    }
}

fn poll_answers(agent: &mut sip_core::UserAgent) -> usize {
    let mut answers = 0;
    while let Some(action) = agent.poll_action() {
        if let Action::Transmit { bytes, .. } = action {
            answers += usize::from(bytes.starts_with(b"SIP/2.0 "));
        }
    }
    answers
}

/// What waits of a connection goes with it.
#[test]
fn fault_c10_a_lost_connection_takes_its_waiting_part_along() {
    let (mut agent, connection, now) = over_tcp();
    agent
        .receive(connection, Bytes::from(many(5_000)), now)
        .unwrap();
    let lost = sip_core::connection::DisconnectReason::Lost;
    agent.connection_closed(connection, lost, now);
    let (actions, _) = poll_all(&mut agent);
    assert!(actions < 1_100, "{actions}");
    agent.tick(now).unwrap();
    let (_, answers) = poll_all(&mut agent);
    assert_eq!(answers, 0);
    assert!(
        agent
            .receive(connection, Bytes::from(options(1)), now)
            .is_ok()
    );
    assert_eq!(poll_all(&mut agent).1, 0);
}

/// The layer alone, used wrongly: errors, no panic, and nothing on the wire.
#[test]
fn fault_e_a_wrong_use_of_the_layer_is_refused() {
    let mut bench = LayerBench::new(Transport::Udp);
    bench.feed(options(1));
    let (transaction, ..) = bench.requests().remove(0);
    bench.respond(transaction, 200).unwrap();
    let sent = bench.sent.len();
    for status in [100, 180, 200, 486] {
        assert!(bench.respond(transaction, status).is_err(), "{status}");
    }
    assert_eq!(bench.sent.len(), sent);
    let message = bench.send(Method::Message);
    assert!(bench.layer.cancel(message, None, "c", bench.now).is_err());
    let invite = bench.send(Method::Invite);
    let request = bench.sent.last().unwrap().1.clone();
    bench.reply(&request, 486, "t");
    let sent = bench.sent.len();
    assert!(bench.layer.cancel(invite, None, "c", bench.now).is_err());
    bench.pump();
    assert_eq!(bench.sent.len(), sent);
}

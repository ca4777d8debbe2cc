//! Streams, WebSocket messages, queues and tables under floods, and the transaction layer alone.

use std::time::Duration;

use sip_core::config::Authentication;
use sip_core::transaction::{
    Branch, BranchError, Output, RequestRoute, SendError, TimerC, TransactionLayer,
};
use sip_core::{
    Action, Body, ConnectionId, ConnectionInfo, Event, Limits, Timestamp, Transport, UserAgent,
};
use sip_parse::{
    Builder, Bytes, HeaderName, HeaderValue, Message, Method, Request, StatusCode, Uri,
};
use sip_testing::{Bench, LayerBench, SECOND, alice, layer_with, random, response, settings};

/// An OPTIONS of another peer each, small and answered at once.
pub(super) fn options(number: usize) -> String {
    format!(
        "OPTIONS sip:alice@example.com SIP/2.0\r\nVia: SIP/2.0/TCP b.invalid;branch=z9hG4bK{number}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:bob@example.com>;tag=1\r\nTo: <sip:alice@example.com>\r\n\
         Call-ID: {number}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
}

pub(super) fn many(count: usize) -> String {
    (0..count).map(options).collect()
}

/// RFC 3261 18.3, RFC 7118 4.2: of two SIP messages in one WebSocket message the first counts; the fault is counted.
#[test]
fn fault_c7_the_first_of_two_messages_counts() {
    let mut bench = Bench::new(&alice());
    bench.feed_bytes(many(2));
    let answer = bench.next_response();
    assert_eq!(answer.status().as_u16(), 200);
    assert_eq!(answer.call_id().unwrap(), b"0");
    bench.silence();
    assert_eq!(bench.agent.counters().malformed, 1);

    // A response is not lost, whatever follows it.
    for rest in [
        options(1),
        "SIP/2.0 200 OK\r\n\r\n".into(),
        "\r\n\r\n".into(),
        "\r\n".into(),
        "\0\0garbage\r\nx".into(),
    ] {
        let mut bench = Bench::new(&alice());
        let body = Body::new("text/plain", "x");
        bench.agent.message("bob", body, bench.now).unwrap();
        bench.pump();
        let message = bench.next_request();
        let accepted = response(&message, 202, "peer", &[], None);
        bench.feed_bytes([&accepted[..], rest.as_bytes()].concat());
        bench.expect(|event| {
            matches!(event, Event::RequestCompleted { outcome: Ok(_), .. }).then_some(())
        });
        bench.silence();
        let second = u64::from(rest.contains("SIP/2.0"));
        assert_eq!(bench.agent.counters().malformed, second, "{rest:?}");
    }
}

/// An agent over TCP whose host takes no action for now.
pub(super) fn over_tcp() -> (UserAgent, ConnectionId, Timestamp) {
    let now = Timestamp::from_millis(1_000);
    let mut agent = UserAgent::new(alice().build().unwrap(), random(5), now).unwrap();
    let connection = loop {
        match agent.poll_action().expect("Connect") {
            Action::Connect { connection, .. } => break connection,
            _ => continue,
        }
    };
    let info = ConnectionInfo {
        transport: Transport::Tcp,
        remote: None,
    };
    agent.connection_opened(connection, info, now);
    while agent.poll_action().is_some() {}
    (agent, connection, now)
}

/// The actions that wait, and how many of them are answers.
pub(super) fn poll_all(agent: &mut UserAgent) -> (usize, usize) {
    let (mut actions, mut answers) = (0, 0);
    while let Some(action) = agent.poll_action() {
        actions += 1;
        answers += usize::from(matches!(action, Action::Transmit { .. }));
    }
    (actions, answers)
}

/// A chunk of a stream that is full of small requests: the limit of actions holds, every request is answered, and the
/// next chunk waits until then.
#[test]
fn fault_c10_a_chunk_of_requests_is_read_in_pieces() {
    let limit = Limits::default().actions;
    let count = 5 * limit;
    let (mut agent, connection, now) = over_tcp();
    let chunk = Bytes::from(many(count));
    agent.receive(connection, chunk, now).unwrap();
    let next = Bytes::from(options(count));
    assert!(agent.receive(connection, next.clone(), now).is_err());
    assert_eq!(
        agent.next_tick().filter(|at| *at <= now),
        None,
        "nothing is due while the queue is full"
    );
    let mut answered = 0;
    for _ in 0..count {
        let (actions, answers) = poll_all(&mut agent);
        assert!(actions <= limit + 8, "{actions} actions");
        answered += answers;
        match agent.next_tick() {
            Some(at) if at <= now => agent.tick(now).unwrap(),
            _ => break,
        }
    }
    assert_eq!(answered, count);
    agent.receive(connection, next, now).unwrap();
    assert_eq!(poll_all(&mut agent).1, 1);
}

/// The same with pings, which are answered without a transaction.
#[test]
fn fault_c10_a_chunk_of_pings_is_read_in_pieces() {
    let limit = Limits::default().actions;
    let (mut agent, connection, now) = over_tcp();
    let chunk = Bytes::from(vec![b'\n'; 65_536]);
    agent.receive(connection, chunk, now).unwrap();
    let mut answered = 0;
    loop {
        let (actions, answers) = poll_all(&mut agent);
        assert!(actions <= limit + 8, "{actions} actions");
        answered += answers;
        match agent.next_tick() {
            Some(at) if at <= now => agent.tick(now).unwrap(),
            _ => break,
        }
    }
    assert_eq!(answered, 32_768);
}

/// A chunk that begins with a response passes no request through a full queue.
#[test]
fn fault_c10_a_response_in_front_passes_no_requests() {
    let limit = Limits::default().actions;
    let (mut agent, connection, now) = over_tcp();
    let full = Bytes::from(many(limit + 1));
    agent.receive(connection, full, now).unwrap();
    // The queue is full; responses have twice the room, on another stream as well.
    let stray = "SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP x.invalid;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n\
                 To: <sip:c@d>;tag=2\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
    let chunk = format!("{stray}{}", many(3 * limit));
    let taken = agent.receive(connection, chunk.into(), now);
    assert!(taken.is_err(), "an earlier part of the stream waits");
    assert!(poll_all(&mut agent).0 <= limit + 8);

    let mut limits = Limits::default();
    limits.actions = 16;
    let mut layer: TransactionLayer<()> = layer_with(limits, 3);
    let tcp = ConnectionInfo {
        transport: Transport::Tcp,
        remote: None,
    };
    let (one, two) = (layer.accept(tcp), layer.accept(tcp));
    layer.receive(one, many(16).into(), now).unwrap();
    let chunk = format!("{stray}{}", many(64));
    layer.receive(two, chunk.into(), now).unwrap();
    let mut outputs = 0;
    while layer.poll().is_some() {
        outputs += 1;
    }
    assert!(outputs <= 20, "{outputs} outputs");
}

/// RFC 3261 18.3: after a framing error the layer answers once, and says once that the connection is to be closed.
#[test]
fn fault_c10_an_unreadable_stream_is_answered_once() {
    let mut bench = LayerBench::new(Transport::Tcp);
    let broken = "OPTIONS sip:a@b SIP/2.0\nVia: SIP/2.0/TCP b.invalid;branch=z9hG4bK1\nMax-Forwards: 70\n\
                  From: <sip:c@d>;tag=1\nTo: <sip:a@b>\nCall-ID: 1\nCSeq: 1 OPTIONS\nContent-Length: x\n\n";
    bench.feed_text(broken);
    for byte in many(2).into_bytes() {
        bench.feed(vec![byte]);
    }
    assert_eq!(bench.statuses(400).len(), 1);
    let is_fatal = |output: &&Output<_>| matches!(output, Output::Malformed { fatal: true, .. });
    assert_eq!(bench.outputs.iter().filter(is_fatal).count(), 1);

    let (mut agent, connection, now) = over_tcp();
    let broken = broken.replace('\n', "\r\n");
    agent.receive(connection, broken.into(), now).unwrap();
    agent.receive(connection, many(1).into(), now).unwrap();
    let (mut closed, mut answers) = (0, 0);
    while let Some(action) = agent.poll_action() {
        closed += usize::from(matches!(action, Action::Disconnect { .. }));
        answers += usize::from(matches!(action, Action::Transmit { .. }));
    }
    assert_eq!((closed, answers), (1, 1));
}

/// `Limits::actions` holds for a layer alone whose caller does not poll, in number and in bytes.
#[test]
fn fault_limits_outputs_of_a_layer_alone() {
    let mut limits = Limits::default();
    limits.actions = 32;
    let udp = ConnectionInfo {
        transport: Transport::Udp,
        remote: None,
    };
    let now = Timestamp::from_millis(1_000);
    for padding in [0, 8_000] {
        let mut layer: TransactionLayer<()> = layer_with(limits, 3);
        let connection = layer.accept(udp);
        let mut taken = 0;
        for number in 0..10_000 {
            let padding = format!("Subject: {}\r\nMax-F", "x".repeat(padding));
            let request = options(number).replace("Max-F", &padding);
            taken += usize::from(layer.receive(connection, request.into(), now).is_ok());
        }
        // The 100 of a transaction and its time-out wait as well.
        for second in 0..100 {
            layer.tick(now + second * SECOND);
        }
        let (mut outputs, mut bytes) = (0, 0);
        while let Some(output) = layer.poll() {
            outputs += 1;
            if let Output::Request { request, .. } = output {
                bytes += request.bytes().len();
            }
        }
        assert!((8..=32).contains(&taken), "{taken}");
        assert!(outputs <= 2 * 32 + 64, "{outputs} outputs");
        assert!(bytes <= 32 * (8 << 10) + 9_000, "{bytes} bytes");
    }
}

/// `Limits::server_transaction_bytes`: large requests that nobody answers keep a bounded number of bytes; the rest is
/// answered 503, and BYE finds room.
#[test]
fn fault_limits_bytes_of_server_transactions() {
    let limits = Limits::default();
    let mut bench = LayerBench::new(Transport::Udp);
    for number in 0..2_000 {
        let body = "x".repeat(60_000);
        let request = options(number)
            .replace("OPTIONS", "MESSAGE")
            .replace("Length: 0", "Length: 60000");
        bench.feed(format!("{request}{body}"));
        bench.outputs.clear();
    }
    let most = limits.server_transactions * limits.server_transaction_bytes;
    let kept = bench.layer.server_transactions() * 60_000;
    assert!(kept <= most && kept > most / 2, "{kept} bytes");
    assert!(bench.statuses(503).len() > 1_000);
    let bye = options(9_999).replace("OPTIONS", "BYE");
    bench.feed(bye);
    assert_eq!(bench.requests().len(), 1, "BYE");
    // Everything is counted back.
    bench.wait(120_000);
    assert_eq!(bench.layer.server_transactions(), 0);
    bench.feed(options(10_000));
    assert_eq!(bench.requests().len(), 1);
}

/// `Limits::challenges` and `challenge_bytes`: challenges that wait for the application are bounded in number and bytes;
/// one more makes its response final.
#[test]
fn fault_limits_challenges_that_wait_for_the_application() {
    for (padding, most) in [(0, 64), (60_000, 20)] {
        let mut config = alice();
        config.authentication(Authentication::Application);
        let mut bench = Bench::new(&config);
        let mut final_401 = 0;
        for _ in 0..100 {
            let body = Body::new("text/plain", "x");
            bench.agent.message("bob", body, bench.now).unwrap();
            bench.pump();
            let request = bench.next_request();
            let challenge = r#"Digest realm="r", nonce="n""#;
            let padding = "x".repeat(padding);
            let body = (!padding.is_empty()).then_some(padding.as_str());
            let headers = [("WWW-Authenticate", challenge)];
            bench.reply_tagged(&request, 401, "p", &headers, body);
            let is_final = |event: &Event| matches!(event, Event::RequestCompleted { .. });
            final_401 += bench.events.drain(..).filter(is_final).count();
        }
        let waiting = bench.agent.table_sizes().challenges;
        assert!(waiting <= most && waiting >= most / 2, "{waiting}");
        assert_eq!(waiting + final_401, 100);
        assert_eq!(bench.agent.counters().challenges_refused, final_401 as u64);
        bench.wait(61 * SECOND);
        assert_eq!(bench.agent.table_sizes().challenges, 0);
    }
}

/// A host that never polls: ticks and inputs add no more than twice the limit of actions, and what waits goes on later.
#[test]
fn fault_limits_actions_without_a_poll() {
    let limit = Limits::default().actions;
    let now = Timestamp::from_millis(1_000);
    let mut config = alice();
    config.register(true);
    let mut agent = UserAgent::new(config.build().unwrap(), random(5), now).unwrap();
    let connection = loop {
        if let Action::Connect { connection, .. } = agent.poll_action().expect("Connect") {
            break connection;
        }
    };
    let info = ConnectionInfo {
        transport: Transport::Udp,
        remote: None,
    };
    agent.connection_opened(connection, info, now);
    // Calls over UDP ring again and again, and requests are sent again.
    let mut at = now;
    for number in 0..4_000 {
        let _ = agent.options("bob", at);
        let invite = options(number).replace("OPTIONS", "INVITE").replace(
            "Content-Length: 0",
            "Contact: <sip:bob@b.invalid>\r\nContent-Length: 0",
        );
        let _ = agent.receive(connection, invite.into(), at);
        at = at + Duration::from_millis(100);
        agent.tick(at).unwrap();
    }
    assert_eq!(agent.next_tick(), None, "nothing is due without a poll");
    let (actions, _) = poll_all(&mut agent);
    assert!(actions > limit && actions <= 2 * limit + 128, "{actions}");
    assert!(agent.next_tick().is_some_and(|due| due <= at));
    for _ in 0..10_000 {
        poll_all(&mut agent);
        match agent.next_tick() {
            Some(due) => at = at.max(due),
            None => break,
        }
        agent.tick(at).unwrap();
        if at.saturating_since(now) > 3_600 * SECOND {
            break;
        }
    }
    assert_eq!(agent.table_sizes().server_transactions, 0);
    assert_eq!(agent.table_sizes().requests, 0);
}

/// A request of another peer over UDP, with this branch.
fn request(method: &str, branch: &str) -> String {
    format!(
        "{method} sip:alice@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP b.invalid;branch={branch}\nMax-Forwards: 70\n\
         From: <sip:bob@example.com>;tag=1\nTo: <sip:alice@example.com>\nCall-ID: {branch}\nCSeq: 1 {method}\n\
         Contact: <sip:bob@b.invalid>\nContent-Length: 0\n\n"
    )
}

/// An INVITE that its transaction user never answers ends: the layer answers 408 and says so. A provisional response starts
/// the time anew.
#[test]
fn fault_e_an_invite_that_nobody_answers_ends() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut bench = LayerBench::new(transport);
        bench.feed_text(&request("INVITE", "z9hG4bK1"));
        let (transaction, ..) = bench.requests().remove(0);
        bench.wait(250_000);
        bench.respond(transaction, 180).unwrap();
        bench.wait(299_000);
        assert!(bench.statuses(408).is_empty());
        bench.wait(2_000);
        assert_eq!(bench.statuses(408)[0], 550_000);
        let is_told = |output: &&Output<_>| matches!(output, Output::Unanswered { transaction: told } if *told == transaction);
        assert_eq!(bench.outputs.iter().filter(is_told).count(), 1);
        assert!(bench.respond(transaction, 200).is_err());
        bench.outputs.clear();
        bench.wait(60_000);
        assert!(bench.layer.client_transactions() + bench.layer.server_transactions() == 0);
        bench.outputs.clear();
        assert!(bench.layer.is_idle() && bench.layer.next_tick().is_none());
    }
    // A full table is free again.
    let mut bench = LayerBench::new(Transport::Tcp);
    for number in 0..1_100 {
        bench.feed_text(&request("INVITE", &format!("z9hG4bK{number}")));
    }
    bench.wait(400_000);
    assert_eq!(bench.layer.server_transactions(), 0);
    bench.outputs.clear();
    bench.feed_text(&request("INVITE", "z9hG4bKnew"));
    assert_eq!(bench.requests().len(), 1);
}

/// RFC 3261 18.2.2: a response goes out on a new connection once the one of the request is lost.
#[test]
fn fault_e_a_response_goes_out_on_a_new_connection() {
    let tcp = ConnectionInfo {
        transport: Transport::Tcp,
        remote: None,
    };
    for (method, status) in [("INVITE", 486), ("MESSAGE", 200)] {
        let mut bench = LayerBench::new(Transport::Tcp);
        bench.feed_text(&request(method, "z9hG4bK1"));
        let (transaction, ..) = bench.requests().remove(0);
        let owed = bench.layer.detach(bench.connection, bench.now);
        assert_eq!(owed, [transaction]);
        let refused = bench.respond(transaction, status);
        assert_eq!(refused, Err(SendError::NotConnected));
        let new = bench.layer.accept(tcp);
        bench.layer.answer_on(transaction, new).unwrap();
        let answer = bench.layer.request(transaction).unwrap();
        let code = StatusCode::new(status).unwrap();
        let answer = Builder::response_to(&answer, code, Some(b"us"));
        bench.layer.respond(transaction, answer, bench.now).unwrap();
        let sent = bench.layer.poll();
        assert!(
            matches!(&sent, Some(Output::Transmit { connection, .. }) if *connection == new),
            "{sent:?}"
        );
        bench.connection = new;
        if method == "INVITE" {
            bench.feed_text(&request("ACK", "z9hG4bK1"));
        }
        assert_eq!(bench.layer.server_transactions(), 0);
        assert_eq!(
            bench.layer.answer_on(transaction, new),
            Err(SendError::Stale)
        );
    }
    // Without a new connection the transactions end by themselves.
    let mut bench = LayerBench::new(Transport::Tcp);
    for method in ["INVITE", "MESSAGE"] {
        bench.feed_text(&request(method, &format!("z9hG4bK{method}")));
    }
    bench.layer.detach(bench.connection, bench.now);
    bench.wait(400_000);
    bench.outputs.clear();
    assert!(bench.layer.is_idle());
}

/// RFC 3261 18.2.2: a transaction belongs to the connection that its response goes to, and to no other.
#[test]
fn fault_e_a_transaction_that_moves_belongs_to_one_connection() {
    let tcp = ConnectionInfo {
        transport: Transport::Tcp,
        remote: None,
    };
    let mut bench = LayerBench::new(Transport::Tcp);
    for number in 0..5 {
        bench.feed_text(&request("INVITE", &format!("z9hG4bK{number}")));
    }
    let requests = bench.requests();
    let ids: Vec<_> = requests.iter().map(|(id, ..)| *id).collect();
    let [one, two] = [bench.layer.accept(tcp), bench.layer.accept(tcp)];
    // From an open connection, from a lost one, back and forth, and twice to the same.
    bench.layer.answer_on(ids[1], one).unwrap();
    bench.layer.answer_on(ids[3], two).unwrap();
    let owed = bench.layer.detach(bench.connection, bench.now);
    assert_eq!(owed, [ids[0], ids[2], ids[4]]);
    for (place, connection) in [(0, one), (0, two), (0, one), (0, one), (4, two), (2, one)] {
        bench.layer.answer_on(ids[place], connection).unwrap();
    }
    // One that ends leaves the list of its connection.
    bench.connection = one;
    let answer = bench.layer.request(ids[2]).unwrap();
    let answer = Builder::response_to(&answer, StatusCode::BUSY_HERE, Some(b"us"));
    bench.layer.respond(ids[2], answer, bench.now).unwrap();
    bench.feed_text(&request("ACK", "z9hG4bK2"));
    assert_eq!(bench.layer.detach(one, bench.now), [ids[0], ids[1]]);
    assert_eq!(bench.layer.detach(one, bench.now), []);
    bench.layer.closed(two, bench.now);
    assert_eq!(bench.layer.server_transactions(), 2);
    bench.wait(400_000);
    bench.outputs.clear();
    assert!(bench.layer.is_idle());
}

/// RFC 3261 18.1.1 and 18.1.2: each connection may have a sent-by of its own; a response to it is taken, and it counts for
/// loops.
#[test]
fn fault_e_each_connection_has_its_sent_by() {
    let mut bench = LayerBench::new(Transport::Udp);
    let tls = bench.layer.accept(ConnectionInfo {
        transport: Transport::Tls,
        remote: None,
    });
    bench
        .layer
        .set_sent_by(tls, "proxy.example.com:5061")
        .unwrap();
    for wrong in ["", "a b", "host:", "host:x", "a;b=c", "a,b", "h:5060;x"] {
        let refused = bench.layer.set_sent_by(tls, wrong);
        assert!(matches!(refused, Err(SendError::Forbidden(_))), "{wrong}");
    }
    for (connection, sent_by) in [
        (bench.connection, "192.0.2.1:5060"),
        (tls, "proxy.example.com:5061"),
    ] {
        bench.connection = connection;
        bench.sent.clear();
        bench.send(Method::Options);
        let sent = bench.sent[0].1.clone();
        assert_eq!(sent.top_via().unwrap().sent_by(), sent_by.as_bytes());
        bench.reply(&sent, 200, "t");
        assert_eq!(bench.finals().last(), Some(&200));
        let sent = sent.into_request().unwrap();
        assert_eq!(bench.layer.times_forwarded(&sent).unwrap(), 1);
    }
    assert_eq!(bench.finals().len(), 2);
}

/// RFC 3261 8.1.1.7 and 25.1: a branch has the magic cookie and is a token.
#[test]
fn fault_e_a_branch_of_the_caller_is_checked() {
    for (text, expected) in [
        ("z9hG4bKabc.1", Ok(())),
        ("z9hG4bK", Err(BranchError::Cookie)),
        ("Z9HG4BKabc", Err(BranchError::Cookie)),
        ("abc", Err(BranchError::Cookie)),
        ("z9hG4bKa;b", Err(BranchError::Character(8))),
        ("z9hG4bK\r\nx", Err(BranchError::Character(7))),
        ("z9hG4bKé", Err(BranchError::Character(7))),
    ] {
        assert_eq!(Branch::new(text).map(|_| ()), expected, "{text}");
    }
    let long = format!("z9hG4bK{}", "x".repeat(300));
    assert_eq!(Branch::new(&long), Err(BranchError::TooLong));
}

fn parsed(text: &str) -> Request {
    sip_testing::parse(text).into_request().unwrap()
}

/// A copy of a request, as a proxy forwards it.
fn copy(request: &Request) -> Builder<'_> {
    Builder::from_message(request)
}

/// RFC 3261 17.1.3: a transaction with a branch of the caller's choice finds its responses, and its CANCEL; the branch is
/// free again afterwards.
#[test]
fn fault_e_a_transaction_has_the_branch_of_the_caller() {
    let mut bench = LayerBench::new(Transport::Tcp);
    let branch = Branch::new("z9hG4bKmine.1").unwrap();
    let from_peer = parsed(&request("INVITE", "z9hG4bK1"));
    for end in [486, 200] {
        bench.sent.clear();
        let (connection, now) = (bench.connection, bench.now);
        let send = |bench: &mut LayerBench| {
            // A user agent has no other Via than its own.
            let mut copy = copy(&from_peer);
            copy.remove_first_value(HeaderName::Via);
            let sent = bench
                .layer
                .send_request_with_branch(connection, copy, &branch, "u", now);
            bench.pump();
            sent
        };
        let invite = send(&mut bench).unwrap();
        let twice = send(&mut bench);
        assert!(matches!(twice, Err(SendError::Forbidden(_))));
        let sent = bench.sent[0].1.clone();
        assert_eq!(
            sent.top_via().unwrap().branch(),
            Some(branch.as_str().as_bytes())
        );
        let answer = |bench: &mut LayerBench, message: &Message, status| {
            bench.reply(message, status, "t");
        };
        answer(&mut bench, &sent, 180);
        bench.layer.cancel(invite, None, "c", bench.now).unwrap();
        bench.pump();
        let cancel = bench.sent.last().unwrap().1.clone();
        assert_eq!(cancel.as_request().unwrap().method(), Method::Cancel);
        answer(&mut bench, &sent, end);
        answer(&mut bench, &cancel, 200);
        assert_eq!(bench.finals(), [end, 200]);
        bench.outputs.clear();
        bench.wait(100_000);
        bench.outputs.clear();
        assert!(bench.layer.is_idle());
    }
}

/// RFC 3261 16.11: a stateless proxy forwards a request with a branch of its own, and gets every response to it.
#[test]
fn fault_e_a_stateless_proxy_gets_every_response() {
    let mut settings = settings(Limits::default());
    settings.forwards = true;
    let mut layer: TransactionLayer<()> = TransactionLayer::new(settings, random(3));
    let connection = layer.accept(ConnectionInfo {
        transport: Transport::Udp,
        remote: None,
    });
    let now = Timestamp::from_millis(1_000);
    let branch = Branch::new("z9hG4bKhash-of-the-top-via").unwrap();
    for method in ["INVITE", "MESSAGE"] {
        let from_peer = parsed(&request(method, "z9hG4bK1"));
        layer
            .send_stateless(connection, copy(&from_peer), &branch)
            .unwrap();
        let Some(Output::Transmit { bytes, .. }) = layer.poll() else {
            panic!("nothing was sent");
        };
        let sent = Message::parse(bytes, &Default::default()).unwrap();
        let sent = sent.into_request().unwrap();
        assert_eq!(sent.vias().count(), 2);
        for status in [100, 180, 200, 486, 503] {
            let answer = response(&sent, status, "t", &[], None);
            layer.receive(connection, answer, now).unwrap();
            let Some(Output::StrayResponse { response, .. }) = layer.poll() else {
                panic!("{method}: the {status} is lost");
            };
            assert_eq!(response.status().as_u16(), status);
        }
    }
    assert!(layer.is_idle());
}

/// RFC 3261 16.3 step 4 and 16.6 step 8, RFC 5393 4.2.1: a request that comes back as it was loops; with another
/// Request-URI it spirals.
#[test]
fn fault_e_a_loop_is_told_from_a_spiral() {
    let mut bench = LayerBench::new(Transport::Udp);
    let first = parsed(&request("INVITE", "z9hG4bK1"));
    assert_eq!(bench.layer.is_loop(&first), Ok(false));
    let branch = bench.layer.loop_branch(&first).unwrap();
    assert_ne!(branch, bench.layer.loop_branch(&first).unwrap(), "unique");
    bench
        .layer
        .send_request_with_branch(bench.connection, copy(&first), &branch, "u", bench.now)
        .unwrap();
    bench.pump();
    let text = bench.sent[0].1.bytes().clone();
    let text = String::from_utf8(text.to_vec()).unwrap();
    let back = |text: String| {
        let text = text.replacen(
            "Via: ",
            "Via: SIP/2.0/UDP next.invalid;branch=z9hG4bKn\r\nVia: ",
            1,
        );
        parsed(&text.replace("\r\n", "\n"))
    };
    let looped = back(text.clone());
    assert_eq!(bench.layer.is_loop(&looped), Ok(true));
    assert_eq!(bench.layer.times_forwarded(&looped).unwrap(), 1);
    for (from, to) in [
        ("INVITE sip:alice@192.0.2.1 ", "INVITE sip:carol@192.0.2.1 "),
        ("CSeq: 1 ", "CSeq: 2 "),
        ("Contact:", "Route: <sip:elsewhere.invalid;lr>\r\nContact:"),
        ("192.0.2.1:5060;", "192.0.2.2:5060;"),
    ] {
        let spiral = text.replacen(from, to, 1);
        assert_ne!(spiral, text, "{from}");
        assert_eq!(bench.layer.is_loop(&back(spiral)), Ok(false), "{from}");
    }
}

/// RFC 3261 16.4: the rewriting of a strict router is undone, and Route values of this element are removed.
#[test]
fn fault_e_routes_are_preprocessed() {
    let is_own = |uri: &Uri<'_>| uri.host_bytes() == b"192.0.2.1";
    let is_recorded = |uri: &Uri<'_>| is_own(uri) && uri.user() == Some(&b"token"[..]);
    type Expected = (&'static str, &'static [&'static str], usize);
    let cases: [(&str, &[&str], Expected); 5] = [
        ("sip:bob@a.example", &[], ("sip:bob@a.example", &[], 0)),
        (
            "sip:bob@a.example",
            &[
                "<sip:192.0.2.1;lr>, <sip:token@192.0.2.1;lr>",
                "<sip:next;lr>",
            ],
            ("sip:bob@a.example", &["<sip:next;lr>"], 2),
        ),
        (
            "sip:bob@a.example",
            &["<sip:next;lr>, <sip:192.0.2.1;lr>"],
            (
                "sip:bob@a.example",
                &["<sip:next;lr>", "<sip:192.0.2.1;lr>"],
                0,
            ),
        ),
        // A strict router: the target is the last Route value.
        (
            "sip:token@192.0.2.1;lr",
            &["<sip:next;lr>, <sip:bob@a.example>"],
            ("sip:bob@a.example", &["<sip:next;lr>"], 1),
        ),
        (
            "sip:alice@192.0.2.1",
            &["<sip:x;lr>"],
            ("sip:alice@192.0.2.1", &["<sip:x;lr>"], 0),
        ),
    ];
    for (uri, rows, (target, left, own)) in cases {
        let rows: String = rows.iter().map(|row| format!("Route: {row}\n")).collect();
        let text = request("INVITE", "z9hG4bK1")
            .replace("sip:alice@192.0.2.1 ", &format!("{uri} "))
            .replace("Contact", &format!("{rows}Contact"));
        let request = parsed(&text);
        let route = RequestRoute::of(&request, is_recorded, is_own).unwrap();
        assert_eq!(route.uri, target.as_bytes());
        let remaining: Vec<Vec<u8>> = route.routes.iter().map(HeaderValue::to_bytes).collect();
        assert_eq!(
            remaining,
            left.iter().map(|text| text.as_bytes()).collect::<Vec<_>>()
        );
        assert_eq!((route.own.len(), route.is_changed()), (own, own > 0));
    }
}

/// RFC 3261 16.6 step 11, 16.7 step 2, 16.8: timer C runs for more than three minutes after the last provisional response.
#[test]
fn fault_e_timer_c_is_part_of_the_layer() {
    let mut timer_c = TimerC::new(Duration::ZERO);
    let start = Timestamp::from_millis(1_000);
    for branch in 0..3 {
        timer_c.start(branch, start);
    }
    timer_c.restart(&1, start + 100 * SECOND);
    timer_c.restart(&7, start);
    assert!(timer_c.stop(&2) && !timer_c.stop(&2));
    assert_eq!(timer_c.len(), 2);
    assert_eq!(
        timer_c.pop_due(start + 180 * SECOND),
        None,
        "more than three minutes"
    );
    assert_eq!(timer_c.pop_due(start + 181 * SECOND), Some(0));
    assert_eq!(timer_c.pop_due(start + 279 * SECOND), None);
    assert_eq!(timer_c.pop_due(start + 281 * SECOND), Some(1));
    assert!(timer_c.is_empty() && timer_c.next().is_none());
}

//! Agents without a thread, which the caller of `poll` drives; the order of bytes and deadlines; records.

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sip_blocking::{Agent, Clock, Options, PolledAgent, Reactor};
use sip_core::config::{Config, LogLevel};
use sip_core::{Body, Cause, Direction, Event, Originator};
use tungstenite::{Message, WebSocket};

use common::{PATIENCE, accept, config, listen, next_connection, next_text, request, send, start};

/// Longer than any test takes, so that only the clock of the test brings it about.
const NO_ANSWER: Duration = Duration::from_secs(3_600);

/// Carries the agent until `wanted` makes something of an event.
fn until<T>(agent: &mut PolledAgent, wanted: impl Fn(Event) -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let event = agent.poll(Some(left)).unwrap().expect("the event comes");
        if let Some(found) = wanted(event) {
            return found;
        }
    }
}

/// An agent that this thread carries, its clock, and the server's end of its connection.
fn connected(config: Config) -> (PolledAgent, Clock, WebSocket<TcpStream>) {
    let (listener, port) = listen();
    let config = config
        .to_builder()
        .server(format!("ws://127.0.0.1:{port}"))
        .build()
        .unwrap();
    let clock = Clock::start();
    let mut options = Options::default();
    options.clock = clock.clone();
    let mut agent = PolledAgent::new(config, options).unwrap();
    let server = std::thread::spawn(move || accept(next_connection(&listener), Some("sip")));
    until(&mut agent, |event| {
        matches!(event, Event::Connected { .. }).then_some(())
    });
    (agent, clock, server.join().unwrap())
}

#[test]
fn an_agent_without_a_thread_sends_and_receives() {
    let (mut agent, _clock, mut server) = connected(config("ws://127.0.0.1:1"));
    let hello = Body::new("text/plain", "hello");
    let sent = agent.with(|agent, now| agent.message("sip:bob@example.com", hello, now));
    assert!(matches!(sent, Some(Ok(_))), "{sent:?}");
    // It has gone out without another poll.
    assert!(next_text(&mut server).starts_with("MESSAGE sip:bob@example.com "));
    send(&mut server, Message::text(request("MESSAGE", 1, "hi")));
    let body = until(&mut agent, |event| match event {
        Event::IncomingRequest { request, .. } => Some(request.body().to_vec()),
        _ => None,
    });
    assert_eq!(body, b"hi");
}

#[test]
fn a_poll_ends_in_time() {
    let (mut agent, _clock, _server) = connected(config("ws://127.0.0.1:1"));
    while agent.poll(Some(Duration::ZERO)).unwrap().is_some() {}
    let start = Instant::now();
    let event = agent.poll(Some(Duration::from_millis(100))).unwrap();
    assert!(event.is_none(), "{event:?}");
    assert!(start.elapsed() >= Duration::from_millis(100));
    assert!(start.elapsed() < PATIENCE);
}

/// A program with a loop of its own waits for the file descriptor of the agent, and polls without waiting.
#[test]
#[cfg(unix)]
fn the_file_descriptor_of_an_agent_is_readable_when_a_message_comes() {
    use std::os::fd::{AsFd, AsRawFd};

    let (mut agent, _clock, mut server) = connected(config("ws://127.0.0.1:1"));
    while agent.poll(Some(Duration::ZERO)).unwrap().is_some() {}
    assert!(agent.pause() > Duration::ZERO);
    let number = agent.as_fd().as_raw_fd();
    let mut poll = mio::Poll::new().unwrap();
    let mut source = mio::unix::SourceFd(&number);
    poll.registry()
        .register(&mut source, mio::Token(1), mio::Interest::READABLE)
        .unwrap();
    let mut readiness = mio::Events::with_capacity(1);
    for number in 1..=3 {
        send(&mut server, Message::text(request("MESSAGE", number, "hi")));
        poll.poll(&mut readiness, Some(PATIENCE)).unwrap();
        assert!(!readiness.is_empty(), "message {number} makes it readable");
        let event = agent.poll(Some(Duration::ZERO)).unwrap();
        assert!(
            matches!(event, Some(Event::IncomingRequest { .. })),
            "{event:?}"
        );
        // An event that the program has not taken yet would be polled for at once.
        while agent.poll(Some(Duration::ZERO)).unwrap().is_some() {}
    }
}

/// A program that learns once that a socket is ready polls once, even if an event of a command waits at that time.
#[test]
fn a_poll_without_a_wait_looks_at_the_sockets_although_an_event_waits() {
    let (listener, port) = listen();
    let url = format!("ws://127.0.0.1:{port}");
    let mut reactor = Reactor::new().unwrap();
    let first = reactor.add(&config(&url), Options::default()).unwrap();
    let server = std::thread::spawn(move || accept(next_connection(&listener), Some("sip")));
    loop {
        let event = reactor.poll(Some(PATIENCE)).unwrap();
        if let (_, Event::Connected { .. }) = event.expect("an event") {
            break;
        }
    }
    let mut server = server.join().unwrap();
    while reactor.poll(Some(Duration::ZERO)).unwrap().is_some() {}
    let closed = config("ws://127.0.0.1:1");
    let second = reactor.add(&closed, Options::default()).unwrap();
    reactor.with(second, |_, _| ()).unwrap();
    assert_eq!(reactor.pause(), Duration::ZERO, "an event waits");
    send(&mut server, Message::text(request("MESSAGE", 1, "hi")));
    let mut agents = Vec::new();
    let mut next = reactor.poll(Some(Duration::ZERO)).unwrap();
    while let Some((agent, _)) = next {
        agents.push(agent);
        next = reactor.next_event();
    }
    assert!(agents.contains(&first) && agents.contains(&second));
}

/// BYE and REGISTER are sent even if the program does not poll any more.
#[test]
fn rfc6455_7_1_an_agent_that_is_dropped_closes_its_socket() {
    let (agent, _clock, mut server) = connected(config("ws://127.0.0.1:1"));
    drop(agent);
    let goodbye = server.read();
    assert!(matches!(goodbye, Ok(Message::Close(_))), "{goodbye:?}");
}

/// One reactor drives several agents; each event has the key of its agent, and one agent can be removed.
#[test]
fn a_reactor_carries_several_agents() {
    let (listener, port) = listen();
    let url = format!("ws://127.0.0.1:{port}");
    let servers = std::thread::spawn(move || {
        let accept = |_| accept(next_connection(&listener), Some("sip"));
        (0..3).map(accept).collect::<Vec<_>>()
    });
    let mut reactor = Reactor::new().unwrap();
    assert!(reactor.poll(None).unwrap().is_none(), "there is no agent");
    let agents: Vec<_> = (0..3)
        .map(|_| reactor.add(&config(&url), Options::default()).unwrap())
        .collect();
    let mut online = Vec::new();
    while online.len() < agents.len() {
        let (id, event) = reactor.poll(Some(PATIENCE)).unwrap().expect("an event");
        if let Event::Connected { .. } = event {
            online.push(id);
        }
    }
    online.sort();
    assert_eq!(online, agents);
    let mut servers = servers.join().unwrap();
    reactor.remove(agents[1]);
    for server in &servers {
        server.get_ref().set_nonblocking(true).unwrap();
    }
    let end = Instant::now() + PATIENCE;
    let mut goodbyes = 0;
    while goodbyes == 0 {
        assert!(Instant::now() < end, "the removed agent says no goodbye");
        reactor.poll(Some(Duration::from_millis(10))).unwrap();
        let read = servers.iter_mut().map(WebSocket::read);
        goodbyes = read
            .filter(|read| matches!(read, Ok(Message::Close(_))))
            .count();
    }
    assert_eq!(goodbyes, 1);
    for agent in [agents[0], agents[2]] {
        let is_connected = reactor.with(agent, |agent, _| agent.is_connected());
        assert_eq!(is_connected, Some(true));
    }
}

/// After a long pause of the host, messages that have arrived go before the time: a call that was cancelled in
/// time is cancelled (487), not unanswered (408).
#[test]
fn bytes_that_have_arrived_go_before_a_deadline_that_has_passed() {
    let mut builder = config("ws://127.0.0.1:1").to_builder().clone();
    let config = builder.no_answer_timeout(NO_ANSWER).build().unwrap();
    let (mut agent, clock, mut server) = connected(config);
    let invite = request("INVITE", 1, "");
    send(&mut server, Message::text(invite.clone()));
    until(&mut agent, |event| {
        matches!(event, Event::IncomingCall { .. }).then_some(())
    });
    // Nothing else waits: only the deadline and the bytes are left to be put in order.
    while agent.poll(Some(Duration::ZERO)).unwrap().is_some() {}
    let cancel = invite
        .replacen("INVITE", "CANCEL", 1)
        .replace("1 INVITE", "1 CANCEL");
    send(&mut server, Message::text(cancel));
    // The program does not poll, because the laptop is closed.
    clock.slept(NO_ANSWER);
    let reason = until(&mut agent, |event| match event {
        Event::Ended { reason, .. } => Some(reason),
        _ => None,
    });
    assert_eq!(
        (reason.originator, reason.cause),
        (Originator::Peer, Cause::Cancelled)
    );
}

/// A deadline that has passed waits for a bounded number of inputs, not for all of them.
#[test]
fn a_busy_network_does_not_put_off_deadlines_for_ever() {
    const FLOOD: u64 = 2_000;
    let mut builder = config("ws://127.0.0.1:1").to_builder().clone();
    let config = builder.no_answer_timeout(NO_ANSWER).build().unwrap();
    let (mut agent, clock, mut server) = connected(config);
    send(&mut server, Message::text(request("INVITE", 1, "")));
    until(&mut agent, |event| {
        matches!(event, Event::IncomingCall { .. }).then_some(())
    });
    while agent.poll(Some(Duration::ZERO)).unwrap().is_some() {}
    for _ in 0..FLOOD {
        // No SIP: dropped, and answered by nothing.
        server.write(Message::text("x")).unwrap();
    }
    server.flush().unwrap();
    clock.slept(NO_ANSWER);
    let reason = until(&mut agent, |event| match event {
        Event::Ended { reason, .. } => Some(reason),
        _ => None,
    });
    assert_eq!(reason.cause, Cause::NoAnswer, "{reason:?}");
    let received = agent.with(|agent, _| agent.counters().received);
    assert!(
        received.is_some_and(|received| received < FLOOD / 2),
        "{received:?} messages went first"
    );
}

/// `traceSip` passes each message once, `log.connector` the errors in it.
#[test]
fn the_connectors_get_every_record() {
    let (listener, port) = listen();
    let config = Config::builder()
        .uri("sip:alice@example.com")
        .server(format!("ws://127.0.0.1:{port}"))
        .register(false)
        .trace_sip(true)
        .log_level(LogLevel::Debug)
        .log_builtin_enabled(false)
        .build()
        .unwrap();
    let traced = Arc::new(Mutex::new(Vec::new()));
    let logged = Arc::new(Mutex::new(Vec::new()));
    let mut options = Options::default();
    let record = traced.clone();
    options.trace_connector = Some(Box::new(move |trace, _| {
        record
            .lock()
            .unwrap()
            .push((trace.direction, trace.bytes.clone()));
    }));
    let record = logged.clone();
    options.log_connector = Some(Box::new(move |log| {
        record.lock().unwrap().push(log.content.to_string());
    }));
    let (_handle, _events) = common::commanded(Agent::start(config, options));
    let mut server = accept(next_connection(&listener), Some("sip"));
    let malformed = request("OPTIONS", 1, "").replace("CSeq: 1", "CSeq: x");
    send(&mut server, Message::text(malformed.clone()));
    let answer = next_text(&mut server);
    assert!(answer.starts_with("SIP/2.0 400 "), "{answer}");
    let traced = traced.lock().unwrap();
    assert_eq!(traced.len(), 2);
    assert_eq!(
        (traced[0].0, &traced[0].1[..]),
        (Direction::Received, malformed.as_bytes())
    );
    assert_eq!(
        (traced[1].0, &traced[1].1[..]),
        (Direction::Sent, answer.as_bytes())
    );
    let logged = logged.lock().unwrap();
    assert!(
        logged.iter().any(|line| line.contains("CSeq")),
        "{logged:?}"
    );
}

/// An idle agent sleeps until an input or its deadline.
#[test]
#[cfg(target_os = "linux")]
fn an_idle_agent_uses_no_processor_time() {
    let (listener, port) = listen();
    let (_handle, _events) = start(&format!("ws://127.0.0.1:{port}"), Options::default());
    let _server = accept(next_connection(&listener), Some("sip"));
    let switches = || -> u64 {
        let mut sum = 0;
        for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
            let read = |file| std::fs::read_to_string(task.path().join(file)).unwrap_or_default();
            if read("comm").trim() == "sip-io" {
                let status = read("status");
                let line = status.lines().find(|line| line.starts_with("voluntary"));
                let number = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
                sum += number.unwrap_or(0u64);
            }
        }
        sum
    };
    std::thread::sleep(Duration::from_millis(200));
    let before = switches();
    std::thread::sleep(Duration::from_millis(500));
    assert!(switches() - before < 50, "{}", switches() - before);
}

/// The server sends its response, frames beyond the first read, and the end of the connection before the agent looks: the
/// operating system reports all of it once, while the handshake is not done.
#[test]
fn an_end_that_comes_with_the_handshake_is_an_event() {
    let (listener, port) = listen();
    let mut agent = PolledAgent::new(
        config(&format!("ws://127.0.0.1:{port}")),
        Options::default(),
    )
    .unwrap();
    let mut answered = false;
    let mut server = None;
    let mut request = Vec::new();
    listener.set_nonblocking(true).unwrap();
    until(&mut agent, |event| {
        matches!(event, Event::Connecting { .. }).then_some(())
    });
    while !answered {
        agent.poll(Some(Duration::from_millis(1))).unwrap();
        if server.is_none() {
            server = listener.accept().ok().map(|(stream, _)| stream);
            continue;
        }
        let stream = server.as_mut().unwrap();
        stream.set_nonblocking(true).unwrap();
        let mut bytes = [0; 4096];
        request.extend(
            stream
                .read(&mut bytes)
                .map_or(&[][..], |read| &bytes[..read]),
        );
        let text = String::from_utf8(request.clone()).unwrap();
        if !text.ends_with("\r\n\r\n") {
            continue;
        }
        let key = text.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("Sec-WebSocket-Key")
                .then_some(value)
        });
        let accept = tungstenite::handshake::derive_accept_key(key.unwrap().as_bytes());
        let mut answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Protocol: sip\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        )
        .into_bytes();
        for _ in 0..40 {
            // An unsolicited pong of the largest size.
            answer.extend([0x8a, 125]);
            answer.extend([b'x'; 125]);
        }
        stream.write_all(&answer).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        answered = true;
    }
    until(&mut agent, |event| {
        matches!(event, Event::Disconnected { .. }).then_some(())
    });
}

//! Frames, backpressure, and the reason for the end of a connection.

mod common;

use std::time::{Duration, Instant};

use sip_blocking::{CommandFailure, NoEvent, Options};
use sip_core::Event;
use sip_core::connection::DisconnectReason;
use sip_parse::StatusCode;
use tungstenite::Message;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;

use common::{
    PATIENCE, accept, connected, next_connection, next_text, read_without_room, request, send,
    start, until,
};

fn disconnected(events: &mut sip_blocking::Events) -> DisconnectReason {
    until(events, |event| match event {
        Event::Disconnected { reason, .. } => Some(reason),
        _ => None,
    })
}

/// RFC 7118 section 5: text and binary are both SIP; UTF-8 is sent as text.
#[test]
fn rfc7118_5_text_and_binary_messages_are_both_taken() {
    let (_handle, _events, mut server, _listener) = connected(Options::default());
    send(&mut server, Message::text(request("OPTIONS", 1, "")));
    assert!(next_text(&mut server).starts_with("SIP/2.0 200 "));
    send(&mut server, Message::binary(request("OPTIONS", 2, "")));
    assert!(next_text(&mut server).starts_with("SIP/2.0 200 "));
}

/// RFC 6455 section 5.5.2: a ping is answered, even when nothing else is to be sent.
#[test]
fn rfc6455_5_5_2_a_ping_is_answered() {
    let (_handle, _events, mut server, _listener) = connected(Options::default());
    send(&mut server, Message::Ping("hello".into()));
    assert_eq!(server.read().unwrap(), Message::Pong("hello".into()));
}

/// RFC 3261 section 21.5.7: a message somewhat over the limit is answered, and costs no connection.
#[test]
fn rfc3261_21_5_7_a_message_over_the_limit_is_513() {
    let (_handle, _events, mut server, _listener) = connected(Options::default());
    let body = "x".repeat(sip_parse::Limits::default().message);
    send(&mut server, Message::text(request("MESSAGE", 1, &body)));
    let answer = next_text(&mut server);
    assert!(answer.starts_with("SIP/2.0 513 "), "{answer}");
    send(&mut server, Message::text(request("OPTIONS", 2, "")));
    assert!(next_text(&mut server).starts_with("SIP/2.0 200 "));
}

/// A message far over the limit ends its connection with the close code for that (RFC 6455 section 7.4.1), and
/// the agent connects again.
#[test]
fn rfc6455_7_4_1_an_oversized_message_is_1009() {
    let (_handle, mut events, mut server, listener) = connected(Options::default());
    let body = "x".repeat(1 << 20);
    send(&mut server, Message::text(request("MESSAGE", 1, &body)));
    assert_eq!(disconnected(&mut events), DisconnectReason::Protocol);
    match server.read() {
        Ok(Message::Close(Some(frame))) => assert_eq!(frame.code, CloseCode::Size),
        other => panic!("expected a close frame, got {other:?}"),
    }
    let _server = accept(next_connection(&listener), Some("sip"));
    until(&mut events, |event| {
        matches!(event, Event::Connected { .. }).then_some(())
    });
}

#[test]
fn the_code_of_a_close_frame_is_told() {
    let (_handle, mut events, mut server, _listener) = connected(Options::default());
    let frame = CloseFrame {
        code: CloseCode::Restart,
        reason: "".into(),
    };
    server.close(Some(frame)).unwrap();
    assert_eq!(
        disconnected(&mut events),
        DisconnectReason::Closed(Some(1012))
    );
    // RFC 6455 section 5.5.1: the answer echoes the code.
    match server.read() {
        Ok(Message::Close(Some(frame))) => assert_eq!(frame.code, CloseCode::Restart),
        other => panic!("expected a close frame, got {other:?}"),
    }
}

#[test]
fn a_connection_that_breaks_without_a_word_is_lost() {
    let (_handle, mut events, server, _listener) = connected(Options::default());
    drop(server);
    assert_eq!(disconnected(&mut events), DisconnectReason::Lost);
}

/// The connection to a server that does not read is dropped at the limit of its queue.
#[test]
fn a_server_that_does_not_read_is_lost() {
    let mut options = Options::default();
    options.send_queue = 64 * 1024;
    let (handle, mut events, _server, _listener) = connected(options);
    let text = "x".repeat(60 * 1024);
    let start = Instant::now();
    let reason = loop {
        assert!(start.elapsed() < PATIENCE, "the agent goes on for ever");
        // At the core's own limit of requests there is nothing to do but wait.
        let _ = handle.message("sip:bob@example.com", &text);
        match events.next_timeout(Duration::ZERO) {
            Ok(Event::Disconnected { reason, .. }) => break reason,
            Ok(_) | Err(NoEvent::Timeout) => {}
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(reason, DisconnectReason::Lost);
}

/// An application that does not read its events stops the reading of the network, and loses none.
#[test]
fn events_that_nobody_reads_hold_back_the_network() {
    const MESSAGES: u32 = 200;
    let mut options = Options::default();
    options.event_queue = 1;
    let (handle, mut events, mut server, _listener) = connected(options);
    for number in 1..=MESSAGES {
        let text = request("MESSAGE", number, &format!("text {number}"));
        send(&mut server, Message::text(text));
    }
    let received = read_without_room(&handle);
    assert!(
        (1..=3).contains(&received),
        "{received} messages were read without room for their events"
    );
    for number in 1..=MESSAGES {
        let (incoming, body) = until(&mut events, |event| match event {
            Event::IncomingRequest {
                incoming, request, ..
            } => Some((incoming, request.body().to_vec())),
            _ => None,
        });
        assert_eq!(String::from_utf8(body).unwrap(), format!("text {number}"));
        handle.respond(incoming, StatusCode::OK).unwrap();
        assert!(next_text(&mut server).starts_with("SIP/2.0 200 "));
    }
}

/// Commands are taken while events wait, or an application that sends one before it reads on would
/// wait for ever.
#[test]
fn commands_go_through_while_events_wait() {
    let mut options = Options::default();
    options.event_queue = 1;
    let (handle, _events, mut server, _listener) = connected(options);
    for number in 1..=5 {
        send(
            &mut server,
            Message::text(request("MESSAGE", number, "text")),
        );
    }
    read_without_room(&handle);
    assert_eq!(handle.with(|agent, _| agent.is_connected()), Ok(true));
}

/// Messages that result from a command are sent although events wait: an application that is busy with an event
/// can still hang up.
#[test]
fn what_commands_send_goes_out_while_events_wait() {
    let mut options = Options::default();
    options.event_queue = 1;
    let (handle, _events, mut server, _listener) = connected(options);
    for number in 1..=5 {
        let text = request("MESSAGE", number, "text");
        send(&mut server, Message::text(text));
    }
    read_without_room(&handle);
    handle.options("sip:bob@example.com").unwrap();
    assert!(next_text(&mut server).starts_with("OPTIONS sip:bob@example.com "));
}

/// A command that follows the start at once finds the agent, whether or not the I/O thread has taken it yet.
#[test]
fn a_command_right_after_the_start_is_carried_out() {
    for _ in 0..200 {
        let (handle, _events) = start("ws://127.0.0.1:1", Options::default());
        assert_eq!(handle.with(|_, _| 7), Ok(7));
    }
}

/// Many threads give commands at once: each gets its own answer.
#[test]
fn commands_of_many_threads_each_get_their_answer() {
    let (handle, _events, _server, _listener) = connected(Options::default());
    let threads: Vec<_> = (0..16)
        .map(|number| {
            let handle = handle.clone();
            std::thread::spawn(move || {
                for round in 0..50 {
                    let answer = handle.with(move |_, _| (number, round));
                    assert_eq!(answer, Ok((number, round)));
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

/// A command that the core refuses is refused with its reason.
#[test]
fn a_refused_command_says_why() {
    let (handle, _events, _server, _listener) = connected(Options::default());
    let refused = handle.message("tel:123", "hello");
    assert!(
        matches!(refused, Err(CommandFailure::Refused(_))),
        "{refused:?}"
    );
}

#[test]
fn a_wait_for_events_ends_in_time() {
    let (_handle, mut events, _server, _listener) = connected(Options::default());
    let start = Instant::now();
    let waited = events.next_timeout(Duration::from_millis(100));
    assert_eq!(waited.unwrap_err(), NoEvent::Timeout);
    assert!(start.elapsed() >= Duration::from_millis(100));
    assert!(start.elapsed() < PATIENCE);
}

#[test]
fn events_alone_keep_the_agent_alive() {
    let (handle, mut events, mut server, _listener) = connected(Options::default());
    drop(handle);
    let text = request("MESSAGE", 1, "still there?");
    send(&mut server, Message::text(text));
    until(&mut events, |event| {
        matches!(event, Event::IncomingRequest { .. }).then_some(())
    });
}

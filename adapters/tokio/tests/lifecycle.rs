//! Frames, backpressure, and the end of everything.

mod common;

use futures_util::StreamExt;
use sip_core::connection::DisconnectReason;
use sip_core::{Event, InviteOptions};
use sip_parse::StatusCode;
use sip_testing::sockets::alice_at;
use sip_testing::sockets::registrar::Registrar;
use sip_tokio::{Agent, Options};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use common::{
    PATIENCE, accept, connected, next_text, read_without_room, request, send, until, wait_for,
};

/// RFC 7118 section 5: text and binary are both SIP; UTF-8 is sent as text.
#[tokio::test]
async fn rfc7118_5_text_and_binary_messages_are_both_taken() {
    let (_handle, _events, mut server, _listener) = connected(Options::default()).await;
    send(&mut server, Message::text(request("OPTIONS", 1, ""))).await;
    assert!(next_text(&mut server).await.starts_with("SIP/2.0 200 "));
    send(&mut server, Message::binary(request("OPTIONS", 2, ""))).await;
    assert!(next_text(&mut server).await.starts_with("SIP/2.0 200 "));
}

/// RFC 6455 section 5.5.2: a ping is answered, even when nothing else is to be sent.
#[tokio::test]
async fn rfc6455_5_5_2_a_ping_is_answered() {
    let (_handle, _events, mut server, _listener) = connected(Options::default()).await;
    send(&mut server, Message::Ping("hello".into())).await;
    let answer = tokio::time::timeout(PATIENCE, server.next())
        .await
        .expect("a pong comes");
    assert_eq!(answer.unwrap().unwrap(), Message::Pong("hello".into()));
}

/// RFC 3261 section 21.5.7: a message somewhat over the limit is answered, and costs no connection.
#[tokio::test]
async fn rfc3261_21_5_7_a_message_over_the_limit_is_513() {
    let (_handle, _events, mut server, _listener) = connected(Options::default()).await;
    let length = sip_parse::Limits::default().message;
    send(
        &mut server,
        Message::text(request("MESSAGE", 1, &"x".repeat(length))),
    )
    .await;
    let answer = next_text(&mut server).await;
    assert!(answer.starts_with("SIP/2.0 513 "), "{answer}");
    send(&mut server, Message::text(request("OPTIONS", 2, ""))).await;
    assert!(next_text(&mut server).await.starts_with("SIP/2.0 200 "));
}

/// A message far over the limit ends its connection with the close code for that (RFC 6455 section 7.4.1), and
/// the agent connects again.
#[tokio::test]
async fn rfc6455_7_4_1_an_oversized_message_is_1009() {
    let (_handle, mut events, mut server, listener) = connected(Options::default()).await;
    send(
        &mut server,
        Message::text(request("MESSAGE", 1, &"x".repeat(1 << 20))),
    )
    .await;
    let reason = until(&mut events, |event| match event {
        Event::Disconnected { reason, .. } => Some(reason),
        _ => None,
    })
    .await;
    assert_eq!(reason, DisconnectReason::Protocol);
    let close = tokio::time::timeout(PATIENCE, server.next())
        .await
        .expect("a close frame comes");
    match close {
        Some(Ok(Message::Close(Some(frame)))) => assert_eq!(frame.code, CloseCode::Size),
        other => panic!("expected a close frame, got {other:?}"),
    }
    let (stream, _) = tokio::time::timeout(PATIENCE, listener.accept())
        .await
        .unwrap()
        .unwrap();
    let _server = accept(stream, Some("sip")).await;
    until(&mut events, |event| {
        matches!(event, Event::Connected { .. }).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_code_of_a_close_frame_is_told() {
    let (_handle, mut events, mut server, _listener) = connected(Options::default()).await;
    let frame = CloseFrame {
        code: CloseCode::Restart,
        reason: "".into(),
    };
    server.close(Some(frame)).await.unwrap();
    let reason = until(&mut events, |event| match event {
        Event::Disconnected { reason, .. } => Some(reason),
        _ => None,
    })
    .await;
    assert_eq!(reason, DisconnectReason::Closed(Some(1012)));
}

#[tokio::test]
async fn a_connection_that_breaks_without_a_word_is_lost() {
    let (_handle, mut events, server, _listener) = connected(Options::default()).await;
    drop(server);
    let reason = until(&mut events, |event| match event {
        Event::Disconnected { reason, .. } => Some(reason),
        _ => None,
    })
    .await;
    assert_eq!(reason, DisconnectReason::Lost);
}

/// An application that does not read its events stops the reading of the network, and loses none.
#[tokio::test]
async fn events_that_nobody_reads_hold_back_the_network() {
    const MESSAGES: u32 = 200;
    let mut options = Options::default();
    options.event_queue = 1;
    let (handle, mut events, mut server, _listener) = connected(options).await;
    for number in 1..=MESSAGES {
        send(
            &mut server,
            Message::text(request("MESSAGE", number, &format!("text {number}"))),
        )
        .await;
    }
    let received = read_without_room(&handle).await;
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
        })
        .await;
        assert_eq!(String::from_utf8(body).unwrap(), format!("text {number}"));
        handle.respond(incoming, StatusCode::OK).await.unwrap();
        assert!(next_text(&mut server).await.starts_with("SIP/2.0 200 "));
    }
}

/// Commands are taken while events wait, or an application that sends one before it reads on would
/// wait for ever.
#[tokio::test]
async fn commands_go_through_while_events_wait() {
    let mut options = Options::default();
    options.event_queue = 1;
    let (handle, _events, mut server, _listener) = connected(options).await;
    for number in 1..=5 {
        send(
            &mut server,
            Message::text(request("MESSAGE", number, "text")),
        )
        .await;
    }
    read_without_room(&handle).await;
    let connected =
        tokio::time::timeout(PATIENCE, handle.with(|agent, _| agent.is_connected())).await;
    assert_eq!(connected.expect("the command is carried out"), Ok(true));
    // The message that results from it is sent too.
    handle.options("sip:bob@example.com").await.unwrap();
    assert!(next_text(&mut server).await.starts_with("OPTIONS "));
}

#[tokio::test]
async fn dropping_everything_stops_everything() {
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let before = tasks();
    let (handle, events, mut server, listener) = connected(Options::default()).await;
    assert_eq!(tasks(), before + 1, "one agent is one task");
    let clone = handle.clone();
    drop(handle);
    drop(events);
    // A clone is left: the agent lives and answers.
    send(&mut server, Message::text(request("OPTIONS", 1, ""))).await;
    assert!(next_text(&mut server).await.starts_with("SIP/2.0 200 "));
    drop(clone);
    let goodbye = tokio::time::timeout(PATIENCE, server.next())
        .await
        .expect("the socket closes");
    assert!(
        matches!(goodbye, Some(Ok(Message::Close(_)))),
        "{goodbye:?}"
    );
    while let Some(Ok(_)) = server.next().await {}
    drop(server);
    wait_for("the task ends", || tasks() <= before).await;
    let listener = listener.into_std().unwrap();
    assert!(listener.accept().is_err(), "the agent connected again");
}

/// A server that never answers the closing handshake does not keep the task alive.
#[tokio::test]
async fn a_silent_server_cannot_hold_up_the_end() {
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let before = tasks();
    let (handle, events, server, _listener) = connected(Options::default()).await;
    drop((handle, events));
    wait_for("the task ends", || tasks() <= before).await;
    drop(server);
}

#[tokio::test]
async fn events_alone_keep_the_agent_alive() {
    let (handle, mut events, mut server, _listener) = connected(Options::default()).await;
    drop(handle);
    send(
        &mut server,
        Message::text(request("MESSAGE", 1, "still there?")),
    )
    .await;
    until(&mut events, |event| {
        matches!(event, Event::IncomingRequest { .. }).then_some(())
    })
    .await;
}

/// `autostop`: without handles the agent stops in good order, and its events end with `Stopped`; without `autostop` it lives on
/// (`events_alone_keep_the_agent_alive`).
#[tokio::test]
async fn autostop_stops_in_good_order() {
    for keeps_events in [true, false] {
        let registrar = Registrar::start(600);
        let url = format!("ws://127.0.0.1:{}", registrar.port);
        let config = alice_at(&url).register(true).autostop(true).build();
        let (handle, mut events) =
            common::commanded(Agent::start(config.unwrap(), Options::default()));
        until(&mut events, |event| {
            matches!(event, Event::Registered(_)).then_some(())
        })
        .await;
        let call = handle.invite("bob", InviteOptions::new().late_offer());
        call.await.unwrap();
        drop(handle);
        if keeps_events {
            let mut last = None;
            while let Some(event) = events.next().await {
                last = Some(event);
            }
            assert!(matches!(last, Some(Event::Stopped { .. })), "{last:?}");
        } else {
            drop(events);
        }
        let unregistered = |registrar: &Registrar| {
            let registers = registrar.heard(0, "REGISTER");
            registers.iter().any(|text| text.contains("expires=0"))
        };
        wait_for("the agent unregisters", || unregistered(&registrar)).await;
        registrar.end();
    }
}

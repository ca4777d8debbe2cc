//! Threads: how many there are, and that they end. One test at a time: they count.
#![cfg(target_os = "linux")]

mod common;

use std::sync::{Mutex, MutexGuard, PoisonError};

use sip_blocking::{Agent, CommandFailure, IoThread, Options};
use sip_core::Event;
use sip_testing::sockets::alice_at;
use sip_testing::sockets::registrar::Registrar;
use tungstenite::Message;

use common::{
    accept, config, connected, listen, next_connection, next_text, request, send, until, wait_for,
};

static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    let guard = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    // The thread of the test before may still be in a closing handshake.
    ended();
    guard
}

/// How many I/O threads this process has.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .filter(|name| name.trim() == "sip-io")
        .count()
}

fn ended() {
    wait_for("the thread ends", || threads() == 0);
}

#[test]
fn dropping_everything_stops_everything() {
    let _alone = alone();
    let (handle, events, mut server, listener) = connected(Options::default());
    assert_eq!(threads(), 1, "one agent is one thread");
    let clone = handle.clone();
    drop(handle);
    drop(events);
    // A clone is left: the agent lives and answers.
    send(&mut server, Message::text(request("OPTIONS", 1, "")));
    assert!(next_text(&mut server).starts_with("SIP/2.0 200 "));
    assert_eq!(threads(), 1);
    drop(clone);
    let goodbye = server.read();
    assert!(matches!(goodbye, Ok(Message::Close(_))), "{goodbye:?}");
    while server.read().is_ok() {}
    drop(server);
    ended();
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "the agent connected again");
}

/// A server that never answers the closing handshake does not keep the thread alive.
#[test]
fn a_silent_server_cannot_hold_up_the_end() {
    let _alone = alone();
    let (handle, events, server, _listener) = connected(Options::default());
    drop((handle, events));
    ended();
    drop(server);
}

/// An agent that is still opening its connection ends, although the server lets it wait longer than this test.
#[test]
fn an_agent_that_is_connecting_ends_too() {
    let _alone = alone();
    let (listener, port) = listen();
    let (handle, events) = common::start(&format!("ws://127.0.0.1:{port}"), Options::default());
    let _silent = next_connection(&listener);
    drop((handle, events));
    ended();
}

/// One thread carries many agents, whose ends are their own.
#[test]
fn one_thread_carries_many_agents() {
    const AGENTS: usize = 50;
    let _alone = alone();
    let (listener, port) = listen();
    let url = format!("ws://127.0.0.1:{port}");
    let thread = IoThread::start().unwrap();
    let mut agents = Vec::new();
    for _ in 0..AGENTS {
        let (handle, mut events) =
            common::commanded(thread.start_agent(&config(&url), Options::default()));
        let server = accept(next_connection(&listener), Some("sip"));
        until(&mut events, |event| {
            matches!(event, Event::Connected { .. }).then_some(())
        });
        agents.push((handle, events, server));
    }
    drop(thread);
    assert_eq!(threads(), 1);
    // Every other one goes; the rest do not notice.
    let mut number = 0;
    agents.retain(|_| {
        number += 1;
        number % 2 == 0
    });
    for (number, (handle, _, server)) in agents.iter_mut().enumerate() {
        send(
            server,
            Message::text(request("OPTIONS", number as u32 + 1, "")),
        );
        assert!(next_text(server).starts_with("SIP/2.0 200 "));
        assert_eq!(handle.with(|agent, _| agent.is_connected()), Ok(true));
    }
    assert_eq!(threads(), 1);
    for (handle, events, server) in agents {
        drop((handle, events));
        drop(server);
    }
    ended();
}

/// A connector that panics ends its thread, and no caller keeps waiting.
#[test]
fn a_panic_on_the_thread_is_told() {
    let _alone = alone();
    let (handle, mut events, _server, _listener) = connected(Options::default());
    let failed = handle.with(|_, _| panic!("on purpose"));
    let failed: Result<(), CommandFailure> = failed;
    assert_eq!(failed, Err(CommandFailure::Gone));
    assert!(
        events
            .by_ref()
            .all(|event| !matches!(event, Event::Stopped { .. }))
    );
    assert!(events.next().is_none());
    assert_eq!(handle.register(), Err(CommandFailure::Gone));
    ended();
}

/// `autostop`: without handles the agent stops in good order, and its events end with `Stopped`.
#[test]
fn autostop_stops_in_good_order() {
    let _alone = alone();
    for keeps_events in [true, false] {
        let registrar = Registrar::start(600);
        let url = format!("ws://127.0.0.1:{}", registrar.port);
        let config = alice_at(&url).register(true).autostop(true).build();
        let (handle, mut events) =
            common::commanded(Agent::start(config.unwrap(), Options::default()));
        until(&mut events, |event| {
            matches!(event, Event::Registered(_)).then_some(())
        });
        drop(handle);
        if keeps_events {
            let last = events.last();
            assert!(matches!(last, Some(Event::Stopped { .. })), "{last:?}");
        } else {
            drop(events);
        }
        let unregistered = |registrar: &Registrar| {
            let registers = registrar.heard(0, "REGISTER");
            registers.iter().any(|text| text.contains("expires=0"))
        };
        wait_for("the agent unregisters", || unregistered(&registrar));
        registrar.end();
        ended();
    }
}

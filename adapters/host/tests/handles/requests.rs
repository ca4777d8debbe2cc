//! Registration, connection, requests, and the end of the agent.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use sip_core::{Cause, MessageOptions};
use sip_host::handles::error::{CallError, NotConnected, RegistrationError};
use sip_host::os::handle::{Agent, IncomingMessage, IncomingMessages};
use sip_parse::StatusCode;

use crate::desk::{Bell, Desk, poll, poll_with, request, response, value};

fn granted(register: &str) -> String {
    let contact = format!("Contact: {};expires=600\r\n", value(register, "Contact"));
    response(register, "200 OK", &contact, "")
}

#[test]
fn registered_waits_through_temporary_failures() {
    let (desk, agent) = Desk::new(|config| {
        config.register(true);
    });
    let bell = Arc::<Bell>::default();
    let mut waiting = pin!(agent.registered());
    for _ in 0..3 {
        assert!(poll_with(waiting.as_mut(), &bell).is_pending());
        desk.turn();
    }
    // A connection that fails is not final.
    desk.refuse();
    assert!(poll_with(waiting.as_mut(), &bell).is_pending());
    desk.next_deadline();
    desk.open();
    let register = desk.sent("REGISTER ");
    desk.receive(&response(&register, "503 Service Unavailable", "", ""));
    assert!(poll_with(waiting.as_mut(), &bell).is_pending());
    let register = loop {
        desk.next_deadline();
        if let Some(register) = desk.next_sent() {
            break register;
        }
    };
    assert_eq!(bell.rings(), 0);
    // A wait that is dropped changes nothing.
    assert!(poll(pin!(agent.registered())).is_pending());
    desk.receive(&granted(&register));
    assert_eq!(bell.rings(), 1);
    let registration = desk.finish(waiting).unwrap();
    assert_eq!(desk.finish(agent.registered()).unwrap(), registration);
}

#[test]
fn registered_fails_when_the_password_is_wrong() {
    let (desk, agent) = Desk::online(|config| {
        config.register(true).password("a");
    });
    let mut waiting = pin!(agent.registered());
    for _ in 0..3 {
        assert!(poll(waiting.as_mut()).is_pending());
        desk.turn();
    }
    for nonce in ["1", "2"] {
        let register = desk.sent("REGISTER ");
        let challenge = format!(
            "WWW-Authenticate: Digest realm=\"r\", nonce=\"{nonce}\", algorithm=MD5, qop=\"auth\"\r\n"
        );
        desk.receive(&response(&register, "401 Unauthorized", &challenge, ""));
    }
    let refused = desk.finish(waiting).unwrap_err();
    assert!(
        matches!(&refused, RegistrationError::Refused(reason) if reason.cause == Cause::Authentication),
        "{refused:?}"
    );
    // It stays final, and the application may begin again.
    assert_eq!(desk.finish(agent.registered()).unwrap_err(), refused);
    desk.host_command(|agent, now| agent.register(now).unwrap());
    let mut waiting = pin!(agent.registered());
    assert!(poll(waiting.as_mut()).is_pending());
    desk.turn();
    assert!(poll(waiting.as_mut()).is_pending());
    let register = desk.sent("REGISTER ");
    desk.receive(&granted(&register));
    desk.finish(waiting).unwrap();
}

#[test]
fn registered_fails_if_the_application_does_not_want_it() {
    let (desk, agent) = Desk::online(|_| {});
    assert_eq!(
        desk.finish(agent.registered()).unwrap_err(),
        RegistrationError::NotWanted
    );
    desk.host_command(|agent, now| agent.register(now).unwrap());
    let mut waiting = pin!(agent.registered());
    for _ in 0..2 {
        assert!(poll(waiting.as_mut()).is_pending());
        desk.turn();
    }
    desk.host_command(|agent, now| agent.unregister(now).unwrap());
    let register = desk.sent("REGISTER ");
    desk.receive(&granted(&register));
    while let Some(register) = desk.next_sent() {
        desk.receive(&response(&register, "200 OK", "", ""));
    }
    // It came up in between, or the application does not want it any more.
    let _ = desk.finish(waiting);
    assert_eq!(
        desk.finish(agent.registered()).unwrap_err(),
        RegistrationError::NotWanted
    );
}

#[test]
fn connected_fails_with_each_attempt() {
    let (desk, agent) = Desk::new(|_| {});
    for _ in 0..2 {
        let mut waiting = pin!(agent.connected());
        for _ in 0..2 {
            assert!(poll(waiting.as_mut()).is_pending());
            desk.turn();
        }
        desk.refuse();
        let failure = desk.finish(waiting).unwrap_err();
        assert!(matches!(failure, NotConnected::Failed(_)));
        desk.next_deadline();
    }
    assert!(poll(pin!(agent.connected())).is_pending());
    desk.open();
    assert_eq!(desk.finish(agent.connected()), Ok(()));
    desk.lose();
    assert!(poll(pin!(agent.connected())).is_pending());
    assert_eq!(desk.entries(), 0);
}

#[test]
fn a_request_has_its_outcome() {
    let (desk, agent) = Desk::online(|_| {});
    for (status, succeeds) in [("202 Accepted", true), ("404 Not Found", false)] {
        let pending = desk
            .finish(agent.message("bob".to_owned(), "hello".to_owned()))
            .unwrap();
        let message = desk.sent("MESSAGE sip:bob@example.com");
        assert!(message.ends_with("\r\n\r\nhello"));
        // A dropped wait loses nothing, and two waits have the same answer.
        assert!(poll(pin!(pending.response())).is_pending());
        let mut first = pin!(pending.response());
        assert!(poll(first.as_mut()).is_pending());
        desk.receive(&response(&message, status, "", ""));
        let outcome = desk.finish(first);
        let response = outcome.as_ref().expect("a final response");
        assert_eq!(response.status().is_success(), succeeds);
        assert_eq!(desk.finish(pending.response()), outcome);
    }
    let pending = desk.finish(agent.options("bob".to_owned())).unwrap();
    desk.sent("OPTIONS ");
    drop(pending);
    assert_eq!(desk.entries(), 0);
    let request = agent.request("FOO".to_owned(), "bob".to_owned(), MessageOptions::new());
    let pending = desk.finish(request).unwrap();
    desk.sent("FOO ");
    let mut waiting = pin!(pending.response());
    assert!(poll(waiting.as_mut()).is_pending());
    desk.end();
    assert_eq!(desk.finish(waiting).unwrap_err().cause, Cause::Stopped);
}

/// A future of `message` that is dropped: the message may go out, and the machine keeps nothing of it.
#[test]
fn a_dropped_message_future_leaves_nothing() {
    let (desk, agent) = Desk::online(|_| {});
    let mut sending = Box::pin(agent.message("bob".to_owned(), "hello".to_owned()));
    assert!(poll(sending.as_mut()).is_pending());
    drop(sending);
    desk.turn();
    desk.sent("MESSAGE ");
    assert_eq!(desk.entries(), 0);
    drop(agent.message("bob".to_owned(), "hello".to_owned()));
    desk.quiet();
}

fn take(desk: &Desk, messages: &mut IncomingMessages<Desk>) -> IncomingMessage<Desk> {
    desk.finish(std::future::poll_fn(|cx| messages.poll_next(cx)))
        .unwrap()
}

#[test]
fn messages_of_peers_are_answered() {
    let (desk, agent) = Desk::online(|_| {});
    // Before the application asks for messages they are events alone.
    desk.receive(&request("MESSAGE", 1, None, "", "early"));
    let mut messages = agent.messages();
    for (number, text) in [
        (2, "accepted"),
        (3, "refused"),
        (4, "dropped"),
        (5, "with more"),
    ] {
        desk.receive(&request("MESSAGE", number, None, "", text));
    }
    let message = take(&desk, &mut messages);
    assert_eq!(
        (message.text().as_str(), message.session()),
        ("accepted", None)
    );
    assert_eq!(message.from(), "sip:bob@example.com");
    message.accept();
    desk.turn();
    desk.sent("SIP/2.0 200");
    take(&desk, &mut messages).reject(StatusCode::FORBIDDEN);
    desk.turn();
    desk.sent("SIP/2.0 403");
    drop(take(&desk, &mut messages));
    desk.turn();
    desk.sent("SIP/2.0 480");
    let message = take(&desk, &mut messages);
    desk.finish(message.respond_with(StatusCode::OK, MessageOptions::new()))
        .unwrap();
    desk.sent("SIP/2.0 200");
    desk.quiet();
    let mut next = Box::pin(std::future::poll_fn(|cx| messages.poll_next(cx)));
    assert!(poll(next.as_mut()).is_pending());
    desk.receive(&request("MESSAGE", 6, None, "", "not lost"));
    drop(next);
    assert_eq!(take(&desk, &mut messages).text(), "not lost");
}

#[test]
fn a_dropped_respond_with_refuses_what_is_not_answered() {
    let (desk, agent) = Desk::online(|_| {});
    let mut messages = agent.messages();
    desk.receive(&request("MESSAGE", 1, None, "", "hello"));
    let message = take(&desk, &mut messages);
    let mut answering = Box::pin(message.respond_with(StatusCode::OK, MessageOptions::new()));
    assert!(poll(answering.as_mut()).is_pending());
    drop(answering);
    desk.turn();
    desk.sent("SIP/2.0 480");
    desk.quiet();
}

#[test]
fn a_stop_waits_for_its_end() {
    let (desk, agent) = Desk::online(|config| {
        config.register(true);
    });
    let register = desk.sent("REGISTER ");
    desk.receive(&granted(&register));
    let mut calls = agent.incoming();
    let mut call = pin!(std::future::poll_fn(|cx| calls.poll_next(cx)));
    assert!(poll(call.as_mut()).is_pending());
    let mut first = pin!(agent.stop());
    let mut second = pin!(agent.stop());
    for _ in 0..2 {
        assert!(poll(first.as_mut()).is_pending());
        assert!(poll(second.as_mut()).is_pending());
        desk.turn();
    }
    // The second stop does not cut the first one short: the agent waits for the registrar.
    let register = desk.sent("REGISTER ");
    desk.receive(&response(&register, "200 OK", "", ""));
    desk.finish(first);
    desk.finish(second);
    assert!(matches!(poll(call.as_mut()), Poll::Ready(None)));
    assert_eq!(desk.finish(agent.connected()), Err(NotConnected::Stopped));
    let late = desk.finish(agent.call("bob".to_owned())).unwrap_err();
    assert_eq!(late, CallError::NotConnected(NotConnected::Stopped));
    // A stopped agent stops at once.
    desk.finish(agent.stop());

    // It starts again, and calls come again.
    desk.host_command(|agent, now| agent.start(now).unwrap());
    let mut waiting = pin!(agent.connected());
    assert!(poll(waiting.as_mut()).is_pending());
    desk.turn();
    assert!(poll(waiting.as_mut()).is_pending());
    desk.open();
    desk.finish(waiting).unwrap();
    assert!(poll(call.as_mut()).is_pending());
}

#[test]
fn a_dropped_stop_stops_from_its_first_poll_on() {
    let (desk, agent) = Desk::online(|_| {});
    drop(agent.stop());
    desk.quiet();
    assert_eq!(desk.finish(agent.connected()), Ok(()));
    assert!(poll(pin!(agent.stop())).is_pending());
    desk.turn();
    assert_eq!(desk.finish(agent.connected()), Err(NotConnected::Stopped));
}

#[test]
fn an_agent_that_is_gone_says_so() {
    let (desk, agent) = Desk::online(|_| {});
    let mut registered = pin!(agent.registered());
    let mut messages = agent.messages();
    assert!(poll(registered.as_mut()).is_pending());
    desk.end();
    assert_eq!(
        desk.finish(registered).unwrap_err(),
        RegistrationError::Stopped
    );
    assert_eq!(desk.finish(agent.connected()), Err(NotConnected::Stopped));
    desk.finish(agent.stop());
    assert!(
        desk.finish(std::future::poll_fn(|cx| messages.poll_next(cx)))
            .is_none()
    );
    assert_eq!(desk.finish(agent.counters()).unwrap_err(), CallError::Gone);
    assert_eq!(desk.entries(), 0);
}

/// The counters and the news of another network reach the agent.
#[test]
fn the_agent_takes_commands() {
    let (desk, agent): (Desk, Agent<Desk>) = Desk::online(|_| {});
    assert_eq!(desk.finish(agent.network_changed()), Ok(()));
    desk.finish(agent.counters()).unwrap();
}

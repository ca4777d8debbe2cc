//! Registration, connection, requests, and the end of the agent.

use std::pin::pin;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use sip_core::auth::Secret;
use sip_core::{Cause, Change, MessageOptions};
use sip_host::handles::error::{CallError, NotConnected, RegistrationError};
use sip_host::os::handle::{Agent, IncomingMessage, IncomingMessages, Port};
use sip_parse::StatusCode;

/// How long a wait of a test lasts that must not last for ever.
const PATIENCE: Duration = Duration::from_secs(60);

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
    // A status that the core refuses.
    for (number, status) in [(7, 180), (8, 302)] {
        desk.receive(&request("MESSAGE", number, None, "", ""));
        take(&desk, &mut messages).reject(StatusCode::new(status).unwrap());
        desk.turn();
        desk.sent("SIP/2.0 480");
    }
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

/// Drops a handle of the same agent, as the waker of a task may that is the last to hold it.
struct LastHolder(Desk);

impl Wake for LastHolder {
    fn wake(self: Arc<Self>) {}
}

impl Drop for LastHolder {
    fn drop(&mut self) {
        drop(self.0.shared().lock());
    }
}

#[test]
fn a_waker_may_drop_handles() {
    let (sender, done) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let (desk, agent) = Desk::online(|_| {});
        let mut calls = agent.incoming();
        let mut wait = |waker: Waker| calls.poll_next(&Context::from_waker(&waker)).is_pending();
        assert!(wait(Arc::new(LastHolder(desk.clone())).into()));
        assert!(wait(Waker::noop().clone()));
        assert!(wait(Arc::new(LastHolder(desk.clone())).into()));
        drop(calls);
        assert_eq!(desk.entries(), 0);
        sender.send(())
    });
    let result = done.recv_timeout(PATIENCE);
    assert_ne!(result, Err(RecvTimeoutError::Timeout), "it waits for ever");
    thread.join().unwrap().unwrap();
}

/// The wait goes on with the corrected password, and a reason of the past is not the reason of today.
#[test]
fn a_refusal_is_over_with_a_new_password_or_a_stop() {
    let (desk, agent) = Desk::online(|config| {
        config.register(true).password("a");
    });
    let refuse = || {
        for nonce in ["1", "2"] {
            let register = desk.sent("REGISTER ");
            let challenge = format!(
                "WWW-Authenticate: Digest realm=\"r\", nonce=\"{nonce}\", algorithm=MD5, qop=\"auth\"\r\n"
            );
            desk.receive(&response(&register, "401 Unauthorized", &challenge, ""));
        }
        let error = desk.finish(agent.registered()).unwrap_err();
        assert!(matches!(error, RegistrationError::Refused(_)), "{error:?}");
    };
    let correct = |password: &str| {
        let change = Change::Secret(Some(Secret::password(password)));
        desk.host_command(|agent, now| agent.reconfigure(change, now).unwrap());
    };
    refuse();
    correct("b");
    let mut waiting = pin!(agent.registered());
    assert!(poll(waiting.as_mut()).is_pending());
    desk.turn();
    assert!(poll(waiting.as_mut()).is_pending());
    refuse();
    let error = desk.finish(waiting).unwrap_err();
    assert!(matches!(error, RegistrationError::Refused(_)), "{error:?}");
    // Stopped, and started without a registration.
    desk.finish(agent.stop());
    assert_eq!(
        desk.finish(agent.registered()).unwrap_err(),
        RegistrationError::Stopped
    );
    desk.host_command(|agent, now| {
        agent.reconfigure(Change::Register(false), now).unwrap();
        agent.start(now).unwrap();
    });
    assert_eq!(
        desk.finish(agent.registered()).unwrap_err(),
        RegistrationError::NotWanted
    );
}

/// `unregister` without a connection ends the wait.
#[test]
fn registered_ends_if_the_application_gives_up_offline() {
    let (desk, agent) = Desk::new(|config| {
        config.register(true);
    });
    for is_refused in [false, true] {
        desk.host_command(|agent, now| agent.register(now).unwrap());
        let mut waiting = pin!(agent.registered());
        assert!(poll(waiting.as_mut()).is_pending());
        desk.turn();
        assert!(poll(waiting.as_mut()).is_pending());
        if is_refused {
            desk.refuse();
            assert!(poll(waiting.as_mut()).is_pending());
        }
        desk.host_command(|agent, now| agent.unregister(now).unwrap());
        assert_eq!(
            desk.finish(waiting).unwrap_err(),
            RegistrationError::NotWanted
        );
    }
}

#[test]
fn an_agent_that_was_never_connected_stops() {
    for is_refused in [false, true] {
        let (desk, agent) = Desk::new(|config| {
            config.register(true);
        });
        if is_refused {
            desk.refuse();
        }
        let mut waits = Vec::new();
        let mut registered = pin!(agent.registered());
        let mut connected = pin!(agent.connected());
        let mut call = pin!(agent.call("bob".to_owned()));
        for _ in 0..2 {
            assert!(poll(registered.as_mut()).is_pending());
            assert!(poll(connected.as_mut()).is_pending());
            assert!(poll(call.as_mut()).is_pending());
            desk.turn();
        }
        for _ in 0..3 {
            let mut stop = Box::pin(agent.stop());
            assert!(poll(stop.as_mut()).is_pending());
            waits.push(stop);
        }
        for stop in waits {
            desk.finish(stop);
        }
        assert_eq!(
            desk.finish(registered).unwrap_err(),
            RegistrationError::Stopped
        );
        assert_eq!(desk.finish(connected), Err(NotConnected::Stopped));
        let stopped = CallError::NotConnected(NotConnected::Stopped);
        assert_eq!(desk.finish(call).unwrap_err(), stopped);
        assert_eq!(desk.entries(), 0);
    }
}

/// An agent that waits to be started: what needs it fails, and calls of peers may come later.
#[test]
fn an_agent_that_is_not_started_says_so() {
    let (desk, agent) = Desk::new(|config| {
        config.autostart(false);
    });
    assert_eq!(desk.finish(agent.connected()), Err(NotConnected::Stopped));
    let error = desk.finish(agent.call("bob".to_owned())).unwrap_err();
    assert_eq!(error, CallError::NotConnected(NotConnected::Stopped));
    desk.finish(agent.stop());
    let mut calls = agent.incoming();
    assert!(
        calls
            .poll_next(&Context::from_waker(Waker::noop()))
            .is_pending()
    );
    desk.host_command(|agent, now| agent.start(now).unwrap());
    desk.open();
    desk.finish(agent.connected()).unwrap();
    let mut stop = pin!(agent.stop());
    assert!(poll(stop.as_mut()).is_pending());
    desk.finish(stop);
    assert!(
        calls
            .poll_next(&Context::from_waker(Waker::noop()))
            .is_ready()
    );
}

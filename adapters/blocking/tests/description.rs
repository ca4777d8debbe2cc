//! Session descriptions made by a factory instead of by events.

mod common;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sip_blocking::{
    CommandFailure, Commands, DescriptionError, Options, Reply, SessionDescriptionHandler,
    SessionDescriptionHandlerFactory,
};
use sip_core::{Body, DescriptionKind, Event, InviteOptions, SessionId};
use tungstenite::Message;

use common::{connected, next_text, request, send, until, wait_for};
use sip_testing::description_needed;

type Record = Arc<Mutex<Vec<String>>>;

/// How the handlers of a test answer.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    AtOnce,
    FromAnotherThread,
    Failing,
    Forgetful,
}

struct Factory {
    record: Record,
    manner: Manner,
    handle: Arc<Mutex<Option<Commands>>>,
}

struct Handler {
    record: Record,
    manner: Manner,
    handle: Arc<Mutex<Option<Commands>>>,
}

impl SessionDescriptionHandlerFactory for Factory {
    fn create(
        &self,
        _session: SessionId,
        _options: &BTreeMap<String, String>,
    ) -> Box<dyn SessionDescriptionHandler> {
        self.record.lock().unwrap().push("create".to_owned());
        Box::new(Handler {
            record: self.record.clone(),
            manner: self.manner,
            handle: self.handle.clone(),
        })
    }
}

impl SessionDescriptionHandler for Handler {
    fn describe(&mut self, kind: DescriptionKind, hold: bool, reply: Reply<Body>) {
        if let Some(handle) = &*self.handle.lock().unwrap() {
            let refused = handle.with(|_, _| ());
            assert_eq!(refused, Err(CommandFailure::OwnThread));
        }
        let mut record = self.record.lock().unwrap();
        let hold = if hold { " hold" } else { "" };
        record.push(format!("describe {kind:?}{hold}"));
        match self.manner {
            Manner::AtOnce => reply.give(Ok(Body::sdp("v=0\r\n"))),
            Manner::FromAnotherThread => {
                // Media takes its time: a device is opened, candidates are gathered.
                std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(20));
                    reply.give(Ok(Body::sdp("v=0\r\n")));
                });
            }
            Manner::Failing => reply.give(Err(DescriptionError("no microphone".to_owned()))),
            Manner::Forgetful => drop(reply),
        }
    }

    fn accept(&mut self, kind: DescriptionKind, body: Body, reply: Reply<()>) {
        let text = String::from_utf8_lossy(&body.bytes).trim_end().to_owned();
        let mut record = self.record.lock().unwrap();
        record.push(format!("accept {kind:?} {text}"));
        reply.give(match self.manner {
            Manner::Failing => Err(DescriptionError("no codec in common".to_owned())),
            _ => Ok(()),
        });
    }

    fn roll_back(&mut self) {
        self.record.lock().unwrap().push("roll back".to_owned());
    }

    fn close(&mut self) {
        self.record.lock().unwrap().push("close".to_owned());
    }
}

fn options(manner: Manner) -> (Options, Record, Arc<Mutex<Option<Commands>>>) {
    let (record, handle) = (Record::default(), Arc::default());
    let mut options = Options::default();
    options.description_factory = Some(Arc::new(Factory {
        record: record.clone(),
        manner,
        handle: Arc::clone(&handle),
    }));
    (options, record, handle)
}

fn ended(events: &mut sip_blocking::Events) {
    until(events, |event| {
        assert!(
            description_needed(&event).is_none(),
            "the handler is in charge"
        );
        matches!(event, Event::Ended { .. }).then_some(())
    });
}

/// RFC 3261 section 13.2.1: the handler's offer goes out in the INVITE, and its call ends once.
#[test]
fn rfc3261_13_2_1_the_handlers_offer_is_in_the_invite() {
    for manner in [Manner::AtOnce, Manner::FromAnotherThread] {
        let (options, record, _) = options(manner);
        let (handle, mut events, mut server, _listener) = connected(options);
        handle
            .invite("sip:bob@example.com", InviteOptions::default())
            .unwrap();
        let invite = next_text(&mut server);
        assert!(
            invite.starts_with("INVITE sip:bob@example.com "),
            "{invite}"
        );
        assert!(invite.ends_with("\r\n\r\nv=0\r\n"), "{invite}");
        drop(server);
        ended(&mut events);
        let record = record.lock().unwrap();
        assert_eq!(*record, ["create", "describe Offer", "roll back", "close"]);
    }
}

/// RFC 3261 section 13.3.1: the handler receives the peer's offer before the core requests our answer.
#[test]
fn rfc3261_13_3_1_the_peers_offer_comes_before_our_answer() {
    let (options, record, _) = options(Manner::FromAnotherThread);
    let (handle, mut events, mut server, _listener) = connected(options);
    let invite = request("INVITE", 1, "v=1\r\n").replace("text/plain", "application/sdp");
    send(&mut server, Message::text(invite));
    let session = until(&mut events, |event| match event {
        Event::IncomingCall { session, .. } => Some(session),
        _ => None,
    });
    handle.answer(session).unwrap();
    let answer = loop {
        let answer = next_text(&mut server);
        if !answer.starts_with("SIP/2.0 1") {
            break answer;
        }
    };
    assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    assert!(answer.ends_with("\r\n\r\nv=0\r\n"), "{answer}");
    let record = record.lock().unwrap();
    assert_eq!(*record, ["create", "accept Offer v=1", "describe Answer"]);
}

/// A handler that fails, or lets go of its reply, ends its call; nothing is sent.
#[test]
fn a_handler_that_fails_ends_the_call() {
    for manner in [Manner::Failing, Manner::Forgetful] {
        let (options, record, _) = options(manner);
        let (handle, mut events, _server, _listener) = connected(options);
        handle
            .invite("sip:bob@example.com", InviteOptions::default())
            .unwrap();
        ended(&mut events);
        let record = record.lock().unwrap();
        assert_eq!(*record, ["create", "describe Offer", "roll back", "close"]);
    }
}

/// RFC 3261 section 13.3.1.3: an offer that the handler cannot use is refused with 488.
#[test]
fn rfc3261_13_3_1_3_an_offer_that_cannot_be_used_ends_the_call() {
    let (options, _, _) = options(Manner::Failing);
    let (handle, mut events, mut server, _listener) = connected(options);
    let invite = request("INVITE", 1, "v=1\r\n").replace("text/plain", "application/sdp");
    send(&mut server, Message::text(invite));
    let session = until(&mut events, |event| match event {
        Event::IncomingCall { session, .. } => Some(session),
        _ => None,
    });
    // The handler's verdict may have come first.
    let _ = handle.answer(session);
    ended(&mut events);
}

/// A handler that gives a command where commands are carried out is refused, instead of waiting for
/// itself for ever.
#[test]
fn a_command_on_the_io_thread_is_refused() {
    let (options, record, own) = options(Manner::AtOnce);
    let (handle, _events, mut server, _listener) = connected(options);
    *own.lock().unwrap() = Some(handle.clone());
    handle
        .invite("sip:bob@example.com", InviteOptions::default())
        .unwrap();
    assert!(next_text(&mut server).starts_with("INVITE "));
    own.lock().unwrap().take();
    assert_eq!(*record.lock().unwrap(), ["create", "describe Offer"]);
}

/// An agent that goes away closes its handlers.
#[test]
fn handlers_are_closed_with_the_agent() {
    let (options, record, _) = options(Manner::AtOnce);
    let (handle, events, mut server, _listener) = connected(options);
    handle
        .invite("sip:bob@example.com", InviteOptions::default())
        .unwrap();
    next_text(&mut server);
    drop((handle, events, server));
    wait_for("the handler is closed", || {
        let record = record.lock().unwrap();
        record.last().is_some_and(|last| last == "close")
    });
    let record = record.lock().unwrap();
    assert_eq!(*record, ["create", "describe Offer", "roll back", "close"]);
}

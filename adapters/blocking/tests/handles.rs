//! The handles against a registrar on real sockets.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sip_blocking::{
    Agent, Call, CallError, Events, NotConnected, Options, RegistrationError, Reply,
    SessionDescriptionHandler, SessionDescriptionHandlerFactory,
};
use sip_core::{Body, DescriptionKind, SessionId};
use sip_testing::sockets::alice_at;
use sip_testing::sockets::handles::prelude::*;
use sip_testing::sockets::registrar::answer;
use sip_testing::{OFFER, PATIENCE};

struct Media;

impl SessionDescriptionHandlerFactory for Media {
    fn create(
        &self,
        _session: SessionId,
        _options: &BTreeMap<String, String>,
    ) -> Box<dyn SessionDescriptionHandler> {
        Box::new(Self)
    }
}

impl SessionDescriptionHandler for Media {
    fn describe(&mut self, _kind: DescriptionKind, _hold: bool, reply: Reply<Body>) {
        reply.give(Ok(Body::sdp(OFFER)));
    }

    fn accept(&mut self, _kind: DescriptionKind, _body: Body, reply: Reply<()>) {
        reply.give(Ok(()));
    }

    fn close(&mut self) {}
}

fn start(registrar: &Registrar, registers: bool) -> (Agent, Events) {
    let mut config = alice_at(&format!("ws://127.0.0.1:{}", registrar.port));
    config.register(registers);
    let mut options = Options::default();
    options.description_factory = Some(Arc::new(Media));
    options.event_queue = 1;
    Agent::start(config.build().unwrap(), options).unwrap()
}

macro_rules! wait {
    ($result:expr) => {
        $result
    };
}

macro_rules! scenario {
    ($name:ident, $body:block) => {
        #[test]
        fn $name() $body
    };
}

sip_testing::for_each_handle_scenario!(scenario, wait);

/// A wait with a time-out is over when the time is, and the next one goes on.
#[test]
fn waits_have_an_end() {
    let registrar = Registrar::start(600);
    registrar.leave_unanswered("REGISTER");
    registrar.leave_unanswered("INVITE");
    let (agent, _) = start(&registrar, true);
    assert_eq!(agent.registered_timeout(Duration::ZERO), None);
    assert_eq!(agent.registered_timeout(Duration::from_millis(1)), None);
    assert!(
        agent
            .incoming()
            .next_timeout(Duration::from_millis(1))
            .is_none()
    );
    let call = agent.call("bob").unwrap();
    assert_eq!(call.established_timeout(Duration::from_millis(1)), None);
    assert_eq!(call.ended_timeout(Duration::from_millis(1)), None);
    assert_eq!(call.hang_up_timeout(Duration::ZERO), None);
    let invite = registrar.hear(0, "INVITE ");
    registrar.send(
        0,
        &answer(&invite, "", "").replace("200 OK", "487 Request Terminated"),
    );
    assert_eq!(call.ended(), call.hang_up());
    registrar.end();
}

/// Two threads wait for one call, and a third one ends it.
#[test]
fn two_threads_wait_for_one_call() {
    let registrar = Registrar::start(600);
    let (agent, _) = start(&registrar, false);
    let call = agent.call("bob").unwrap();
    call.established().unwrap();
    std::thread::scope(|scope| {
        let waiting = [(); 2].map(|()| scope.spawn(|| call.ended()));
        let end = call.hang_up();
        for thread in waiting {
            assert_eq!(thread.join().unwrap(), end);
        }
    });
    registrar.end();
}

/// A description handler that uses handles: no wait waits for itself, and a call that it hangs up ends.
struct Waits(Arc<Mutex<Option<(Agent, Call)>>>);

impl SessionDescriptionHandlerFactory for Waits {
    fn create(
        &self,
        _session: SessionId,
        _options: &BTreeMap<String, String>,
    ) -> Box<dyn SessionDescriptionHandler> {
        Box::new(Self(self.0.clone()))
    }
}

impl SessionDescriptionHandler for Waits {
    fn describe(&mut self, _kind: DescriptionKind, _hold: bool, reply: Reply<Body>) {
        if let Some((agent, call)) = self.0.lock().unwrap().take() {
            assert_eq!(
                agent.registered().unwrap_err(),
                RegistrationError::OwnThread
            );
            assert_eq!(agent.connected().unwrap_err(), NotConnected::OwnThread);
            assert_eq!(agent.call("carol").unwrap_err(), CallError::OwnThread);
            assert_eq!(call.hold().unwrap_err(), CallError::OwnThread);
            assert_eq!(call.ended_timeout(PATIENCE), None);
            assert!(agent.incoming().next().is_none());
            agent.stop();
            assert_eq!(call.hang_up().cause, Cause::Stopped);
        }
        reply.give(Ok(Body::sdp(OFFER)));
    }

    fn accept(&mut self, _kind: DescriptionKind, _body: Body, reply: Reply<()>) {
        reply.give(Ok(()));
    }

    fn close(&mut self) {}
}

#[test]
fn a_description_handler_does_not_wait_for_itself() {
    let registrar = Registrar::start(600);
    let given = Arc::new(Mutex::new(None));
    let config = alice_at(&format!("ws://127.0.0.1:{}", registrar.port));
    let mut options = Options::default();
    options.description_factory = Some(Arc::new(Waits(given.clone())));
    let (agent, _) = Agent::start(config.build().unwrap(), options).unwrap();
    let first = agent.call("bob").unwrap();
    first.established().unwrap();
    *given.lock().unwrap() = Some((agent.clone(), first));
    let second = agent.call("bob").unwrap();
    second.established().unwrap();
    assert!(given.lock().unwrap().is_none());
    registrar.hear(0, "BYE ");
    registrar.end();
}

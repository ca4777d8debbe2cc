//! The handles against a registrar on real sockets.

use std::collections::BTreeMap;
use std::sync::Arc;

use sip_blocking::{
    Agent, CallError, Events, NotConnected, Options, RegistrationError, Reply,
    SessionDescriptionHandler, SessionDescriptionHandlerFactory,
};
use sip_core::{Body, DescriptionKind, SessionId};
use sip_testing::OFFER;
use sip_testing::sockets::alice_at;
use sip_testing::sockets::handles::prelude::*;

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

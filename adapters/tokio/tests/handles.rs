//! The handles against a registrar on real sockets.

use std::collections::BTreeMap;
use std::sync::Arc;

use sip_core::{Body, DescriptionKind, SessionId};
use sip_testing::sockets::alice_at;
use sip_testing::sockets::handles::prelude::*;
use sip_testing::{OFFER, PATIENCE};
use sip_tokio::{
    Agent, CallError, Describing, Events, NotConnected, Options, RegistrationError,
    SessionDescriptionHandler, SessionDescriptionHandlerFactory,
};

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
    fn describe(&mut self, _kind: DescriptionKind, _hold: bool) -> Describing<Body> {
        Box::pin(async { Ok(Body::sdp(OFFER)) })
    }

    fn accept(&mut self, _kind: DescriptionKind, _body: Body) -> Describing<()> {
        Box::pin(async { Ok(()) })
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
    ($future:expr) => {
        tokio::time::timeout(PATIENCE, $future)
            .await
            .expect("in time")
    };
}

macro_rules! scenario {
    ($name:ident, $body:block) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
        async fn $name() $body
    };
}

sip_testing::for_each_handle_scenario!(scenario, wait);

/// Futures of handles run on any thread, and streams are streams.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn handles_move_between_tasks_and_are_streams() {
    use futures_util::StreamExt as _;

    let registrar = Registrar::start(600);
    let (agent, events) = start(&registrar, true);
    let mut events = events.map(|event| format!("{event:?}"));
    assert!(wait!(events.next()).is_some());
    // The queue of the events has one place: the agent waits for a reader that has begun to read, until it is dropped.
    drop(events);
    wait!(agent.registered()).unwrap();
    let answering = {
        let agent = agent.clone();
        tokio::spawn(async move {
            let call = agent.incoming().await.unwrap().answer().await;
            call.ended().await
        })
    };
    registrar.send(0, &invite(&contact(&registrar)));
    let accepted = registrar.hear(0, "SIP/2.0 200 OK\r\nVia: SIP/2.0/WS bob");
    registrar.send(0, &ack(&accepted));
    let stopping = tokio::spawn(async move { agent.stop().await });
    wait!(stopping).unwrap();
    let end = wait!(answering).unwrap();
    assert_eq!(end.originator, Originator::Local);
    registrar.end();
}

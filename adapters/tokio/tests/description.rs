//! Session descriptions made by a factory instead of by events.

mod common;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sip_core::config::Config;
use sip_core::config::DtmfType;
use sip_core::{Body, DescriptionKind, Event, InviteOptions, SessionId, Tones};
use sip_testing::sockets::alice_at;
use sip_testing::sockets::registrar::Registrar;
use sip_tokio::{
    Agent, Describing, DescriptionError, Options, SessionDescriptionHandler,
    SessionDescriptionHandlerFactory, TypedFactory,
};

use common::{connected, next_text, until, wait_for};
use sip_testing::description_needed;

type Record = Arc<Mutex<Vec<String>>>;

struct Factory {
    record: Record,
    works: bool,
}

struct Handler {
    record: Record,
    works: bool,
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
            works: self.works,
        })
    }
}

impl SessionDescriptionHandler for Handler {
    fn describe(&mut self, kind: DescriptionKind, hold: bool) -> Describing<Body> {
        let hold = if hold { " hold" } else { "" };
        self.record
            .lock()
            .unwrap()
            .push(format!("describe {kind:?}{hold}"));
        let works = self.works;
        Box::pin(async move {
            // Media takes its time: a device is opened, candidates are gathered.
            tokio::time::sleep(Duration::from_millis(20)).await;
            if works {
                Ok(Body::sdp("v=0\r\n"))
            } else {
                Err(DescriptionError("no microphone".to_owned()))
            }
        })
    }

    fn accept(&mut self, kind: DescriptionKind, body: Body) -> Describing<()> {
        let text = String::from_utf8_lossy(&body.bytes).trim_end().to_owned();
        self.record
            .lock()
            .unwrap()
            .push(format!("accept {kind:?} {text}"));
        Box::pin(std::future::ready(Ok(())))
    }

    fn send_tones(&mut self, tones: &Tones) -> bool {
        self.record.lock().unwrap().push(format!("tones {tones}"));
        self.works
    }

    fn roll_back(&mut self) {
        self.record.lock().unwrap().push("roll back".to_owned());
    }

    fn close(&mut self) {
        self.record.lock().unwrap().push("close".to_owned());
    }
}

fn options(works: bool) -> (Options, Record) {
    let record = Record::default();
    let mut options = Options::default();
    options.description_factory = Some(Arc::new(Factory {
        record: record.clone(),
        works,
    }));
    (options, record)
}

/// RFC 3261 section 13.2.1: the handler's offer goes out in the INVITE, and its call ends once.
#[tokio::test]
async fn rfc3261_13_2_1_the_handlers_offer_is_in_the_invite() {
    let (options, record) = options(true);
    let (handle, mut events, mut server, _listener) = connected(options).await;
    handle
        .invite("sip:bob@example.com", InviteOptions::default())
        .await
        .unwrap();
    let invite = next_text(&mut server).await;
    assert!(
        invite.starts_with("INVITE sip:bob@example.com "),
        "{invite}"
    );
    assert!(invite.ends_with("\r\n\r\nv=0\r\n"), "{invite}");
    drop(server);
    until(&mut events, |event| {
        assert!(
            description_needed(&event).is_none(),
            "the handler is in charge"
        );
        matches!(event, Event::Ended { .. }).then_some(())
    })
    .await;
    assert_eq!(
        *record.lock().unwrap(),
        ["create", "describe Offer", "roll back", "close"]
    );
}

/// `sessionDescriptionHandlerFactoryOptions` in a type of the application's own: read once, refused at
/// the start if it does not fit, and given to each handler.
#[tokio::test]
async fn typed_options_reach_every_handler() {
    let read = |options: &BTreeMap<String, String>| options["works"].parse::<bool>();
    let configured = |works: &str| {
        let mut config = Config::builder();
        config.session_description_handler_factory_option("works", works);
        config.build().unwrap()
    };
    let record = Record::default();
    let create = {
        let record = record.clone();
        move |_: SessionId, works: &bool| {
            let (record, works) = (record.clone(), *works);
            Box::new(Handler { record, works }) as Box<dyn SessionDescriptionHandler>
        }
    };
    assert!(TypedFactory::new(&configured("perhaps"), read, create.clone()).is_err());
    let factory = TypedFactory::new(&configured("true"), read, create).unwrap();
    let mut options = Options::default();
    options.description_factory = Some(Arc::new(factory));
    let (handle, _events, mut server, _listener) = connected(options).await;
    for _ in 0..2 {
        let options = InviteOptions::default();
        handle.invite("sip:bob@example.com", options).await.unwrap();
        let invite = next_text(&mut server).await;
        assert!(invite.ends_with("\r\n\r\nv=0\r\n"), "{invite}");
    }
    assert_eq!(record.lock().unwrap().len(), 2);
}

/// A handler that fails ends its call; nothing is sent.
#[tokio::test]
async fn a_handler_that_fails_ends_the_call() {
    let (options, record) = options(false);
    let (handle, mut events, _server, _listener) = connected(options).await;
    handle
        .invite("sip:bob@example.com", InviteOptions::default())
        .await
        .unwrap();
    until(&mut events, |event| {
        matches!(event, Event::Ended { .. }).then_some(())
    })
    .await;
    assert_eq!(
        *record.lock().unwrap(),
        ["create", "describe Offer", "roll back", "close"]
    );
}

/// An agent that goes away closes its handlers.
#[tokio::test]
async fn handlers_are_closed_with_the_agent() {
    let (options, record) = options(true);
    let (handle, events, mut server, _listener) = connected(options).await;
    handle
        .invite("sip:bob@example.com", InviteOptions::default())
        .await
        .unwrap();
    next_text(&mut server).await;
    drop((handle, events, server));
    wait_for("the handler is closed", || {
        let record = record.lock().unwrap();
        record.last().is_some_and(|last| last == "close")
    })
    .await;
    assert_eq!(
        *record.lock().unwrap(),
        ["create", "describe Offer", "roll back", "close"]
    );
}

/// `dtmfType` `rtp`: the handler of the call sends the tones, and no INFO does.
#[tokio::test]
async fn the_handler_sends_the_tones() {
    let registrar = Registrar::start(600);
    let url = format!("ws://127.0.0.1:{}", registrar.port);
    let config = alice_at(&url).dtmf_type(DtmfType::Rtp).build().unwrap();
    let (options, record) = options(true);
    let (handle, mut events) = common::commanded(Agent::start(config, options));
    until(&mut events, |event| {
        matches!(event, Event::Connected { .. }).then_some(())
    })
    .await;
    let call = handle.invite("bob", InviteOptions::new()).await.unwrap();
    until(&mut events, |event| {
        matches!(event, Event::Established { .. }).then_some(())
    })
    .await;
    let tones = Tones::new("12").unwrap();
    handle.send_tones(call, tones).await.unwrap();
    handle.hang_up(call).await.unwrap();
    until(&mut events, |event| {
        matches!(event, Event::Ended { .. }).then_some(())
    })
    .await;
    assert!(record.lock().unwrap().contains(&"tones 12".to_owned()));
    assert!(registrar.heard(0, "INFO").is_empty());
    registrar.end();
}

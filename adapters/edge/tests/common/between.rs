//! The edge between the agents of a [`Pair`](sip_testing::Pair).
#![allow(dead_code, reason = "each test file uses its part")]

use sip_core::{ConnectionId, ConnectionInfo, Timestamp};
use sip_edge::{Edge, EdgeAction, EdgeConfig, EventPackage};
use sip_parse::Bytes;
use sip_testing::Between;

pub(crate) struct Registrar(pub(crate) Edge);

impl Registrar {
    /// The registrar and proxy of sim.test with users and their passwords.
    pub(crate) fn new(users: Vec<(String, String)>, random: Box<rand_chacha::ChaCha20Rng>) -> Self {
        let config = EdgeConfig {
            listen: "192.0.2.1:5080".parse().expect("address"),
            realm: "sim.test".into(),
            users,
            event_packages: vec![EventPackage::Presence],
            ..EdgeConfig::default()
        };
        Self(Edge::new(config, random).expect("edge"))
    }
}

impl Between for Registrar {
    type End = ConnectionId;

    fn accept(&mut self, info: ConnectionInfo) -> ConnectionId {
        self.0.accept(info)
    }

    fn closed(&mut self, end: ConnectionId, now: Timestamp) {
        self.0.closed(end, now);
    }

    fn receive(&mut self, end: ConnectionId, bytes: Bytes, now: Timestamp) {
        self.0.receive(end, bytes, now).expect("room");
    }

    fn poll(&mut self) -> Option<(ConnectionId, Bytes)> {
        while let Some(action) = self.0.poll_action() {
            if let EdgeAction::Transmit { connection, bytes } = action {
                return Some((connection, bytes));
            }
        }
        None
    }

    fn next_tick(&self) -> Option<Timestamp> {
        self.0.next_tick()
    }

    fn tick(&mut self, now: Timestamp) {
        self.0.tick(now);
    }
}

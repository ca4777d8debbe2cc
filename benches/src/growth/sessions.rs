//! Two `Endpoint`s with a `SessionLayer` each.

use super::agents::LAPSE;
use crate::pair::{INFO, Pair};
use crate::series::Series;

/// One step is a call.
struct Calls(Pair);

impl Series for Calls {
    fn step(&mut self) {
        let ended = self.0.callee.ended;
        let call = self.0.call();
        self.0.hang_up(call);
        assert_eq!(self.0.callee.ended, ended + 1);
    }

    fn rest(&mut self) {
        self.0.wait(LAPSE);
    }
}

pub(super) fn calls_up(size: u64) -> Box<dyn Series> {
    let mut pair = Pair::new();
    for number in 1..=size {
        pair.call();
        if number % 1_000 == 0 {
            pair.wait(LAPSE);
        }
    }
    pair.wait(LAPSE);
    assert_eq!(pair.callee.established, size);
    Box::new(Calls(pair))
}

/// One step is a call on a connection of its own, which is lost.
struct Connections(Pair);

impl Connections {
    /// A call on a new connection between both ends.
    fn call(&mut self) {
        let Pair { caller, callee, .. } = &mut self.0;
        for end in [caller, callee] {
            end.connection = end.endpoint.accept(INFO);
            end.endpoint.name_server(end.connection, "edge.example.com");
        }
        self.0.call();
    }
}

impl Series for Connections {
    fn step(&mut self) {
        let established = self.0.callee.established;
        self.call();
        assert_eq!(self.0.callee.established, established + 1);
        let now = self.0.now;
        let Pair { caller, callee, .. } = &mut self.0;
        for end in [caller, callee] {
            end.endpoint.closed(end.connection, now);
        }
        self.0.deliver();
    }
}

pub(super) fn connections(size: u64) -> Box<dyn Series> {
    let mut connections = Connections(Pair::new());
    for _ in 0..size {
        connections.call();
    }
    Box::new(connections)
}

/// The loss of the connection under calls that have just begun.
struct Lost {
    pair: Pair,
    calls: u64,
    is_spent: bool,
}

impl Series for Lost {
    fn step(&mut self) {
        let end = &mut self.pair.caller;
        end.endpoint.closed(end.connection, self.pair.now);
        end.calls.settle(&mut end.endpoint);
        self.is_spent = true;
    }

    fn objects(&self) -> u64 {
        self.calls
    }

    fn is_spent(&self) -> bool {
        self.is_spent
    }
}

pub(super) fn lost(size: u64) -> Box<dyn Series> {
    let mut pair = Pair::new();
    for _ in 0..size {
        pair.call();
    }
    Box::new(Lost {
        pair,
        calls: size,
        is_spent: false,
    })
}

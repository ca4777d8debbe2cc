//! Peers, applications and connections that do anything in any order.

use std::collections::BTreeMap;

use sip_core::{
    Event, FailureStatus, IncomingSubscriptionId, MessageOptions, Notification, TerminationReason,
    Timestamp, Transport,
};
use sip_parse::{HeaderName, Message, Method, Request};
use sip_testing::{Bench, SECOND, response, value};

use crate::peer::{Peer, notifier, state};

/// Numbers from a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % most
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u64) as usize]
    }
}

/// What the test knows of the subscriptions.
#[derive(Default)]
struct Known {
    /// Whether each one that was reported is over or rejected.
    over: BTreeMap<IncomingSubscriptionId, bool>,
    /// NOTIFYs without an answer, and when each was sent.
    in_flight: Vec<(Timestamp, Request)>,
}

impl Known {
    /// Reads what the agent did. Each subscription has one end, and one NOTIFY in flight.
    fn read(&mut self, bench: &mut Bench, peers: &mut [Peer]) {
        for event in bench.events.drain(..) {
            match event {
                Event::IncomingSubscription { subscription, .. } => {
                    assert_eq!(self.over.insert(subscription, false), None);
                }
                Event::IncomingSubscriptionEnded { subscription, .. } => {
                    let before = self.over.insert(subscription, true);
                    assert_eq!(before, Some(false), "one end for each subscription");
                }
                Event::SubscriptionRefreshed { subscription, .. } => {
                    assert!(!self.over[&subscription]);
                }
                _ => {}
            }
        }
        for message in core::mem::take(&mut bench.sent) {
            if let Some(response) = message.as_response() {
                let call_id = value(&message, HeaderName::CallId);
                let peer = peers.iter_mut().find(|peer| peer.call_id == call_id);
                if let (Some(peer), 200) = (peer, response.status().as_u16()) {
                    peer.to = value(&message, HeaderName::To);
                }
                continue;
            }
            let request = message.into_request().expect("a request");
            if request.method() != Method::Notify {
                continue;
            }
            let names = |notify: &Message| {
                let name = |name| value(notify, name);
                (name(HeaderName::From), name(HeaderName::Event))
            };
            // Timer F has ended the older ones.
            let now = bench.now;
            self.in_flight
                .retain(|(sent, _)| now.saturating_since(*sent) < 32 * SECOND);
            let mut in_flight = self.in_flight.iter();
            let twice = in_flight.any(|(_, known)| names(known) == names(&request));
            assert!(!twice, "one NOTIFY in flight: {request:?}");
            self.in_flight.push((now, request));
        }
    }
}

fn run(seed: u64) {
    let dice = &mut Dice(seed);
    let mut bench = Bench::new(&notifier());
    let mut known = Known::default();
    let mut peers: Vec<_> = (0..3).map(|n| Peer::new(&format!("p{n}"))).collect();
    for _ in 0..60 {
        let ids: Vec<_> = known.over.keys().copied().collect();
        match dice.below(12) {
            0..=3 => {
                let peer = dice.below(3) as usize;
                peers[peer].event =
                    (*dice.one(&["presence", "message-summary", "presence;id=1"])).into();
                if dice.below(8) == 0 {
                    peers[peer].to = "<sip:alice@example.com>".into();
                    let number = peers[peer].number;
                    peers[peer].call_id = format!("p{peer}-{number}");
                }
                let expires = dice.one(&["0", "60", "600", "1", "x"]);
                let fields = format!("Expires: {expires}\n");
                let mut peer = peers[peer].clone();
                if bench.agent.is_connected() {
                    peer.subscribe(&mut bench, &fields);
                }
                let place = peers.iter().position(|known| known.call_id == peer.call_id);
                peers[place.expect("a peer")].number = peer.number;
            }
            4 | 5 if !ids.is_empty() => {
                let id = *dice.one(&ids);
                let first = match dice.below(4) {
                    0 => Notification::pending(),
                    1 => Notification::terminated(TerminationReason::Rejected),
                    _ => state("first"),
                };
                let options = MessageOptions::new();
                // A stale handle is an error, and nothing else.
                let _ = bench
                    .agent
                    .accept_subscription(id, first, &options, bench.now);
                bench.pump();
            }
            6 if !ids.is_empty() => {
                let id = *dice.one(&ids);
                let refusal = FailureStatus::DECLINE;
                if bench
                    .agent
                    .reject_subscription(id, refusal, bench.now)
                    .is_ok()
                {
                    known.over.insert(id, true);
                }
                bench.pump();
            }
            7 | 8 if !ids.is_empty() => {
                let id = *dice.one(&ids);
                let next = match dice.below(6) {
                    0 => Notification::terminated(TerminationReason::NoResource),
                    number => state(&format!("{number}")),
                };
                let _ = bench.agent.notify(id, next, bench.now);
                bench.pump();
            }
            9 if !known.in_flight.is_empty() && bench.agent.is_connected() => {
                let place = dice.below(known.in_flight.len() as u64) as usize;
                let (_, notify) = known.in_flight.remove(place);
                let status = *dice.one(&[200, 200, 200, 481, 500, 503, 404]);
                let fields: &[(&str, &str)] = match dice.below(3) {
                    0 => &[("Retry-After", "3")],
                    _ => &[],
                };
                bench.feed_bytes(response(&notify, status, "", fields, None));
            }
            10 => {
                let time = *dice.one(&[1, 3, 11, 61]);
                // Second by second, so that the test knows when a NOTIFY goes out.
                for _ in 0..time {
                    bench.wait(SECOND);
                    known.read(&mut bench, &mut peers);
                }
            }
            11 if dice.below(3) == 0 => {
                known.read(&mut bench, &mut peers);
                known.in_flight.clear();
                if bench.agent.is_connected() {
                    bench.lose();
                } else {
                    bench.reconnect(Transport::Ws);
                }
            }
            _ => {}
        }
        known.read(&mut bench, &mut peers);
    }
    if !bench.agent.is_connected() {
        bench.reconnect(Transport::Ws);
    }
    // Every peer goes away, and the application gives up.
    for _ in 0..800 {
        bench.wait(SECOND);
        known.read(&mut bench, &mut peers);
    }
    assert!(known.over.values().all(|over| *over), "{:?}", known.over);
    bench.assert_nothing_left();
}

/// RFC 6665 4.2.2 (6665-4.2.2-A): whatever peers, application and connection do, one NOTIFY of a subscription is in flight, each
/// subscription ends once, and nothing is left.
#[test]
fn rfc6665_4_2_2_any_course_ends_each_subscription_once() {
    for seed in 0..80 {
        run(seed);
    }
}

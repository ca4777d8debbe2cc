//! A user of the edge that sends nonsense, after the proof of who it is: SUBSCRIBE and PUBLISH with bytes changed at random.

mod common;

use common::{Bench, config, credentials, password, request_lines, wire};
use rand_core::Rng;
use sip_edge::EdgeAction;
use sip_testing::random;

const ALICE: &str = "sip:alice@example.com";
const DOCUMENT: &str = "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"sip:alice@example.com\"><tuple id=\"a\"><status><basic>open</basic></status></tuple></presence>";

/// The edge neither panics nor keeps more than its limits, whatever its users send.
#[test]
fn changed_bytes_leave_no_more_than_the_limits() {
    let mut config = config();
    config.limits.subscriptions_per_user = 16;
    let mut bench = Bench::new(config);
    let mut chance = random(5);
    let alice = bench.registered("alice", "sip:a1@alice.invalid;transport=ws");
    let mut answered = 0;
    for (method, code, more) in [
        (
            "PUBLISH",
            401,
            format!("Event: presence\nContent-Type: application/pidf+xml\n\n{DOCUMENT}"),
        ),
        (
            "SUBSCRIBE",
            407,
            "Event: presence\nExpires: 600\nContact: <sip:a1@alice.invalid;transport=ws>"
                .to_owned(),
        ),
    ] {
        let branch = bench.branch();
        bench.send(alice, &request_lines(method, ALICE, &branch, 1, &more));
        let challenge = bench.take_status(alice, code);
        let name = match code {
            401 => "Authorization",
            _ => "Proxy-Authorization",
        };
        for number in 2..1_500 {
            let secret = password("alice");
            let proof = credentials(&challenge, "alice", secret, method, ALICE, number);
            let branch = bench.branch();
            let lines = format!("{name}: {proof}\n{more}");
            let lines = request_lines(method, ALICE, &branch, number, &lines);
            let mut bytes = wire(&lines).into_bytes();
            for _ in 0..chance.next_u32() % 4 {
                let place = chance.next_u64() as usize % bytes.len();
                match chance.next_u32() % 3 {
                    0 => bytes[place] = chance.next_u32() as u8,
                    1 => drop(bytes.remove(place)),
                    _ => bytes.insert(place, b"\r\n<>;,\"= "[chance.next_u32() as usize % 9]),
                }
            }
            bench
                .edge
                .receive(alice, bytes.into(), bench.now)
                .expect("room");
            while let Some(action) = bench.edge.poll_action() {
                let EdgeAction::Transmit { bytes, .. } = action else {
                    continue;
                };
                answered += u32::from(bytes.starts_with(b"SIP/2.0 200 "));
            }
            assert!(bench.edge.publications("alice") <= 8);
            assert!(bench.edge.subscriptions() <= 16);
        }
        assert_ne!(answered, 0, "{method}");
    }
    assert_eq!(bench.edge.publications("alice"), 8);
    assert_eq!(bench.edge.subscriptions(), 16);
}

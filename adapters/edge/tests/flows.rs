//! An agent with two flows at a registrar that keeps them apart (RFC 5626): calls reach it, and go on, while
//! one of them is gone.

#[path = "common/between.rs"]
mod between;

use std::time::Duration;

use between::Registrar;
use sip_core::config::Config;
use sip_core::{Cause, Transport};
use sip_testing::{OFFER, Pair, SECOND, Weather, exchange_ended, random};

const ALICE: usize = 0;
const BOB: usize = 1;

/// Alice with two servers that lead to the same registrar, and bob with one. All are registered.
fn world() -> Pair<Registrar> {
    let users = [("alice", "a"), ("bob", "b")];
    let users = users.map(|(user, password)| (user.to_owned(), password.to_owned()));
    let agent = |user: &'static str, password: &str, servers: &[(&str, i64)]| {
        let mut config = Config::builder();
        config
            .uri(format!("sip:{user}@sim.test"))
            .servers(servers.iter().copied())
            .outbound_flows(2)
            .password(password);
        (user, config)
    };
    let alices = [("ws://one.test", 2), ("ws://two.test", 1)];
    let agents = [
        agent("alice", "a", &alices),
        agent("bob", "b", &[("ws://one.test", 1)]),
    ];
    let registrar = Registrar::new(users.to_vec(), random(9));
    let mut world = Pair::new(1, Weather::calm(Transport::Ws), registrar, &agents);
    world.wait(SECOND);
    assert_eq!(
        world.between.0.counters().registered,
        3,
        "two flows and bob"
    );
    world
}

/// The server over which each INVITE went to alice.
fn invites(world: &Pair<Registrar>) -> Vec<usize> {
    let invites = world.met.iter().filter(|(passage, _)| {
        (passage.agent, passage.outgoing) == (ALICE, false) && passage.what.starts_with("INVITE")
    });
    invites
        .flat_map(|(passage, times)| vec![passage.server; *times as usize])
        .collect()
}

/// Alice loses the connection to a server and cannot open another one.
fn lose(world: &mut Pair<Registrar>, server: usize) {
    world.down.insert((ALICE, server));
    world.cut(ALICE, server);
    world.wait(SECOND);
}

/// RFC 5626 section 7: one INVITE to an agent with two flows, and still one when either flow is gone.
#[test]
fn rfc5626_7_a_call_comes_once_over_whichever_flow_is_up() {
    for gone in [None, Some(0), Some(1)] {
        let mut world = world();
        if let Some(server) = gone {
            lose(&mut world, server);
            assert!(world.agents[ALICE].is_registered());
        }
        let [bobs, _] = world.call([BOB, ALICE], "alice", OFFER);
        let over = invites(&world);
        assert_eq!(over.len(), 1, "{gone:?}");
        assert!(gone.is_none_or(|server| !over.contains(&server)));
        world.agents[BOB].hang_up(bobs, world.now).expect("a call");
        assert_eq!(world.ended(BOB, bobs).cause, Cause::Requested);
    }
}

/// RFC 5626 section 4.2, CONN-B: a call outlives the flow that it came over; either end can hang it up.
#[test]
fn rfc5626_4_2_a_call_outlives_its_flow() {
    for hangs_up in [ALICE, BOB] {
        let mut world = world();
        let [bobs, alices] = world.call([BOB, ALICE], "alice", OFFER);
        let server = invites(&world)[0];
        lose(&mut world, server);
        // The repair: alice offers again over the flow that is left.
        world.describe(ALICE, OFFER);
        world.describe(BOB, OFFER);
        let end = world.next(ALICE, exchange_ended);
        assert_eq!((end.session, end.outcome), (alices, Ok(())));
        let (id, other) = if hangs_up == ALICE {
            (alices, (BOB, bobs))
        } else {
            (bobs, (ALICE, alices))
        };
        world.agents[hangs_up]
            .hang_up(id, world.now)
            .expect("a call");
        assert_eq!(world.ended(hangs_up, id).cause, Cause::Requested);
        assert_eq!(world.ended(other.0, other.1).cause, Cause::Bye);
        // The flow comes back by itself.
        world.down.clear();
        world.wait(Duration::from_secs(90));
        assert_eq!(world.servers(ALICE), [0, 1]);
    }
}

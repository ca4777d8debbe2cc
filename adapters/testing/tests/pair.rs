//! Two agents with nothing but a cable between them: the harness itself, and a call without a proxy.

use std::time::Duration;

use sip_core::config::{Config, ConfigBuilder};
use sip_core::{Cause, Transport};
use sip_testing::{Crossover, OFFER, Pair, SECOND, Weather};

const ALICE: usize = 0;
const BOB: usize = 1;

fn agent(name: &'static str) -> (&'static str, ConfigBuilder) {
    let mut config = Config::builder();
    config
        .uri(format!("sip:{name}@example.com"))
        .server("ws://example.com")
        .contact_name(name)
        .register(false);
    (name, config)
}

fn pair(seed: u64, weather: Weather) -> Pair<Crossover> {
    let agents = [agent("alice"), agent("bob")];
    let mut pair = Pair::new(seed, weather, Crossover::default(), &agents);
    pair.wait(2 * SECOND);
    assert!(pair.agents.iter().all(|agent| agent.is_connected()));
    pair
}

/// Alice calls bob by his Contact and hangs up.
fn call(pair: &mut Pair<Crossover>) {
    let target = pair.agents[BOB].contact().to_owned();
    let target = target.trim_matches(['<', '>']);
    let [alices, bobs] = pair.call([ALICE, BOB], target, OFFER);
    let now = pair.now;
    pair.agents[ALICE].hang_up(alices, now).expect("a call");
    assert_eq!(pair.ended(BOB, bobs).cause, Cause::Bye);
    assert_eq!(pair.ended(ALICE, alices).cause, Cause::Requested);
    pair.wait(Duration::from_secs(60));
    for agent in &pair.agents {
        assert_eq!(agent.table_sizes(), Default::default());
    }
}

fn again(pair: &Pair<Crossover>) -> bool {
    let mut passages = pair.met.keys();
    passages.any(|passage| passage.what.ends_with(" again"))
}

#[test]
fn a_stream_carries_a_call_between_two_agents() {
    let mut pair = pair(1, Weather::calm(Transport::Ws));
    call(&mut pair);
    assert!(!again(&pair), "{:?}", pair.met);
}

#[test]
fn datagrams_that_are_lost_and_overtake_each_other_carry_a_call() {
    let weather = Weather {
        lost: 100,
        duplicated: 100,
        ..Weather::calm(Transport::Udp)
    };
    let mut resent = 0;
    for seed in 0..20 {
        let mut pair = pair(seed, weather);
        call(&mut pair);
        resent += usize::from(again(&pair));
    }
    assert!(resent > 10, "{resent} of 20 runs sent something again");
}

#[test]
fn a_seed_is_a_run() {
    let run = |seed| {
        let mut pair = pair(seed, Weather::calm(Transport::Udp));
        call(&mut pair);
        pair.ladder
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3), run(4));
}

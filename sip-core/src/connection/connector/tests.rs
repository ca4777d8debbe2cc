use alloc::vec;

use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::super::chosen::Constant;
use super::*;

const fn least() -> Constant {
    Constant(0)
}

const fn most() -> Constant {
    Constant(u64::MAX)
}

fn ms(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn connector(weights: &[i64]) -> Connector {
    Connector::new(ServerPolicy::new(weights.to_vec())).unwrap()
}

fn connect(server: usize, attempt: u32) -> Steps {
    smallvec![Step::Connect { server, attempt }]
}

fn wait(until: u64, attempt: u32) -> Steps {
    smallvec![Step::Wait {
        until: ms(until),
        attempt
    }]
}

/// Lets a single server fail `rounds` times; returns the waits.
fn recovery_waits(policy: ServerPolicy, rounds: usize, rng: &mut Constant) -> Vec<u64> {
    let mut connector = Connector::new(policy).unwrap();
    let mut now = Timestamp::ZERO;
    let mut waits = Vec::new();
    let _ = connector.start(now, rng);
    for _ in 0..rounds {
        match connector.failed(ConnectError::Refused, now, rng).as_slice() {
            [Step::Wait { until, .. }] => {
                waits.push(until.saturating_since(now).as_millis() as u64);
                now = *until;
            }
            steps => panic!("{steps:?}"),
        }
        assert!(matches!(
            connector.tick(now, rng).as_slice(),
            [Step::Connect { .. }]
        ));
    }
    waits
}

/// CONN-D: the highest weight goes first; a first connection that fails leads to the next at once.
#[test]
fn conn_d_servers_are_tried_by_weight_and_the_next_at_once() {
    let (mut c, mut rng) = (connector(&[-1, 10, 5]), most());
    assert_eq!(c.start(ms(0), &mut rng), connect(1, 1));
    assert_eq!(
        c.failed(ConnectError::Refused, ms(5), &mut rng),
        connect(2, 1)
    );
    assert_eq!(c.failed(ConnectError::Dns, ms(9), &mut rng), connect(0, 1));
    assert_eq!(c.server(), Some(0));
    c.opened(ms(12));
    assert!(c.is_open());
    // A better server is tried beside it, again and again; from the best one there is nothing to try.
    assert_eq!(c.next_tick(), Some(ms(12 + 300_000)));
    for _ in 0..3 {
        let due = c.next_tick().unwrap();
        assert_eq!(c.tick(due, &mut rng)[..], [Step::Probe { server: 1 }]);
        assert_eq!(c.next_tick(), Some(due + PROBE_EVERY));
    }
    c.moved(1, ms(2_000_000));
    assert_eq!((c.server(), c.next_tick()), (Some(1), None));
}

/// CONN-D: among equal weights each is chosen sometimes.
#[test]
fn conn_d_equal_weights_are_chosen_at_random() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut chosen = [0; 3];
    for _ in 0..300 {
        let mut c = connector(&[7, 7, 1]);
        match c.start(ms(0), &mut rng).as_slice() {
            [Step::Connect { server, .. }] => chosen[*server] += 1,
            steps => panic!("{steps:?}"),
        }
    }
    assert!(chosen[0] > 100 && chosen[1] > 100, "{chosen:?}");
    assert_eq!(chosen[2], 0);
}

/// CFG-WSREC: an established connection that drops is retried after 0 to 250 ms, then each timeout,
/// give or take a fifth; after `max_reconnection` retries the next server by weight.
#[test]
fn cfg_wsrec_a_dropped_connection_is_retried_then_the_next_server_is_used() {
    for (mut rng, first, later) in [(least(), 0, 3_200), (most(), 250, 4_800)] {
        let mut c = connector(&[1, 0]);
        assert_eq!(c.start(ms(0), &mut rng), connect(0, 1));
        c.opened(ms(10));
        let mut now = 60_000;
        assert_eq!(c.closed(ms(now), &mut rng), wait(now + first, 0));
        now += first;
        assert_eq!(c.tick(ms(now), &mut rng), connect(0, 1));
        for failures in 1..3 {
            now += 30;
            let steps = c.failed(ConnectError::Refused, ms(now), &mut rng);
            assert_eq!(steps, wait(now + later, failures));
            now += later;
            assert!(c.tick(ms(now - 1), &mut rng).is_empty());
            assert_eq!(c.tick(ms(now), &mut rng), connect(0, failures + 1));
        }
        assert_eq!(
            c.failed(ConnectError::Refused, ms(now), &mut rng),
            connect(1, 1)
        );
    }
}

/// CFG-WSREC: the retries are each server's own: the next one gets all of them.
#[test]
fn cfg_wsrec_the_next_server_has_its_own_retries() {
    let (mut c, mut rng) = (connector(&[1, 0]), least());
    let _ = c.start(ms(0), &mut rng);
    c.opened(ms(0));
    let mut now = 60_000;
    let _ = c.closed(ms(now), &mut rng);
    while c.server() != Some(1) {
        if let Some(next) = c.next_tick() {
            now = next.as_micros() / 1_000;
        }
        let _ = c.kick(ms(now), &mut rng);
        let _ = c.failed(ConnectError::Refused, ms(now), &mut rng);
    }
    c.opened(ms(now));
    assert_eq!(c.closed(ms(now), &mut rng), wait(now, 0));
    assert_eq!(c.tick(ms(now), &mut rng), connect(1, 1));
}

/// `wsServerMaxReconnection` 0: no retries of the same server.
#[test]
fn cfg_wsrec_zero_means_the_next_server_at_once() {
    let mut policy = ServerPolicy::new(vec![1, 0]);
    policy.max_reconnection = 0;
    let (mut c, mut rng) = (Connector::new(policy).unwrap(), most());
    let _ = c.start(ms(0), &mut rng);
    c.opened(ms(0));
    assert_eq!(c.closed(ms(60_000), &mut rng), connect(1, 1));
}

/// Faults that a retry cannot heal end the retries of that server.
#[test]
fn permanent_faults_skip_the_retries() {
    for error in [
        ConnectError::Tls,
        ConnectError::Subprotocol,
        ConnectError::Upgrade(403),
    ] {
        let (mut c, mut rng) = (connector(&[1, 0]), least());
        let _ = c.start(ms(0), &mut rng);
        c.opened(ms(0));
        assert_eq!(c.closed(ms(60_000), &mut rng), wait(60_000, 0));
        assert_eq!(c.tick(ms(60_000), &mut rng), connect(0, 1));
        assert_eq!(c.failed(error, ms(60_100), &mut rng), connect(1, 1));
    }
}

/// CFG-RECOVER: min + random × (min(max, min × 2ⁿ) − min): from the shortest to the longest, and
/// no further.
#[test]
fn cfg_recover_waits_double_and_stay_between_min_and_max() {
    let policy = ServerPolicy::new(vec![0]);
    let longest = recovery_waits(policy.clone(), 7, &mut most());
    assert_eq!(
        longest,
        [2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]
    );
    assert_eq!(recovery_waits(policy, 3, &mut least()), [2_000; 3]);
}

/// CFG-RECOVER: after the wait all servers are tried again, by weight.
#[test]
fn cfg_recover_clears_the_marks() {
    let (mut c, mut rng) = (connector(&[1, 2]), least());
    assert_eq!(c.start(ms(0), &mut rng), connect(1, 1));
    assert_eq!(
        c.failed(ConnectError::Refused, ms(0), &mut rng),
        connect(0, 1)
    );
    assert_eq!(
        c.failed(ConnectError::Refused, ms(0), &mut rng),
        wait(2_000, 2)
    );
    assert_eq!(c.tick(ms(2_000), &mut rng), connect(1, 2));
    assert_eq!(
        c.failed(ConnectError::Refused, ms(2_000), &mut rng),
        connect(0, 2)
    );
}

/// A connection that stays up starts marks, retries and rounds over; one that drops at once does not.
#[test]
fn success_that_lasts_starts_everything_over() {
    let (mut c, mut rng) = (connector(&[0]), most());
    let mut now = 0;
    let _ = c.start(ms(now), &mut rng);
    for recovery in [2_000, 4_000, 8_000] {
        assert_eq!(c.failed(ConnectError::Refused, ms(now), &mut rng).len(), 1);
        now += recovery;
        assert_eq!(c.tick(ms(now), &mut rng).len(), 1, "{now}");
    }
    c.opened(ms(now));
    assert_eq!(c.closed(ms(now), &mut rng), wait(now + 250, 0));
    now += 250;
    for _ in 0..2 {
        assert_eq!(c.tick(ms(now), &mut rng), connect(0, 1));
        c.opened(ms(now));
        assert_eq!(c.closed(ms(now), &mut rng), wait(now + 4_800, 0));
        now += 4_800;
    }
    assert_eq!(c.tick(ms(now), &mut rng), connect(0, 1));
    c.opened(ms(now));
    assert_eq!(c.closed(ms(now), &mut rng), wait(now + 16_000, 0));
    now += 16_000;
    let _ = c.tick(ms(now), &mut rng);
    c.opened(ms(now));
    now += 4_000;
    assert_eq!(c.closed(ms(now), &mut rng), wait(now + 250, 0));
    now += 250;
    let _ = c.tick(ms(now), &mut rng);
    for _ in 0..2 {
        assert_eq!(c.failed(ConnectError::Refused, ms(now), &mut rng).len(), 1);
        now += 4_800;
        assert_eq!(c.tick(ms(now), &mut rng).len(), 1);
    }
    let steps = c.failed(ConnectError::Refused, ms(now), &mut rng);
    assert_eq!(steps, wait(now + 2_000, 3));
}

/// An attempt that takes too long is abandoned and counts as failed.
#[test]
fn a_slow_attempt_is_abandoned_for_the_next_server() {
    let (mut c, mut rng) = (connector(&[1, 0]), least());
    let _ = c.start(ms(0), &mut rng);
    assert_eq!(c.next_tick(), Some(ms(10_000)));
    assert!(c.tick(ms(9_999), &mut rng).is_empty());
    let expected: Steps = smallvec![
        Step::Abandon,
        Step::Connect {
            server: 1,
            attempt: 1
        }
    ];
    assert_eq!(c.tick(ms(10_000), &mut rng), expected);
    assert_eq!(c.next_tick(), Some(ms(20_000)));
}

/// Each row of the table of [`Connector::network_changed`].
#[test]
fn another_network_starts_the_schedule_over() {
    let (mut c, mut rng) = (connector(&[10, 5]), most());
    // Idle.
    assert!(c.network_changed(ms(0), &mut rng).is_empty());
    assert!(!c.is_running());
    // Connecting: the best server failed on the old network, and is tried again.
    assert_eq!(c.start(ms(0), &mut rng), connect(0, 1));
    let next = c.failed(ConnectError::Refused, ms(1), &mut rng);
    assert_eq!(next, connect(1, 1));
    let mut again: Steps = smallvec![Step::Abandon];
    again.extend(connect(0, 1));
    assert_eq!(c.network_changed(ms(2), &mut rng), again);
    assert_eq!(c.next_tick(), Some(ms(10_002)));
    // Waiting to recover: the rounds that failed no longer count.
    let waits = |c: &mut Connector, now: u64, rng: &mut Constant| {
        assert_eq!(c.failed(ConnectError::Refused, ms(now), rng), connect(1, 1));
        c.failed(ConnectError::Refused, ms(now), rng)
    };
    assert_eq!(waits(&mut c, 3, &mut rng), wait(2_003, 2));
    assert_eq!(c.network_changed(ms(4), &mut rng), connect(0, 1));
    assert_eq!(waits(&mut c, 5, &mut rng), wait(2_005, 2));
    assert_eq!(c.network_changed(ms(6), &mut rng), connect(0, 1));
    // Open on the best server: nothing.
    c.opened(ms(7));
    assert!(c.network_changed(ms(8), &mut rng).is_empty());
    assert_eq!(c.next_tick(), None);
    // Waiting to retry a server.
    assert_eq!(c.closed(ms(9), &mut rng), wait(259, 0));
    assert_eq!(c.network_changed(ms(10), &mut rng), connect(0, 1));
    // Open on another server: the best one is due at once, and every five minutes then.
    c.moved(1, ms(11));
    assert!(c.network_changed(ms(12), &mut rng).is_empty());
    assert_eq!(c.next_tick(), Some(ms(12)));
    assert_eq!(c.tick(ms(12), &mut rng)[..], [Step::Probe { server: 0 }]);
    assert_eq!(c.next_tick(), Some(ms(12) + PROBE_EVERY));
}

/// A server that does not register the agent stays the last choice, because the network was not at fault.
#[test]
fn another_network_does_not_bring_a_shunned_server_back() {
    let (mut c, mut rng) = (connector(&[10, 5]), most());
    assert_eq!(c.start(ms(0), &mut rng), connect(0, 1));
    c.opened(ms(0));
    assert!(!c.not_served(ms(1)) && c.not_served(ms(2)));
    assert_eq!(c.next_server(ms(3), &mut rng), connect(1, 1));
    let mut again: Steps = smallvec![Step::Abandon];
    again.extend(connect(1, 1));
    assert_eq!(c.network_changed(ms(4), &mut rng), again);
}

/// A wake-up ends a wait at once and does nothing otherwise.
#[test]
fn a_kick_ends_a_wait() {
    let (mut c, mut rng) = (connector(&[1, 0]), most());
    assert!(c.kick(ms(0), &mut rng).is_empty());
    let _ = c.start(ms(0), &mut rng);
    assert!(c.kick(ms(0), &mut rng).is_empty());
    c.opened(ms(0));
    assert!(c.kick(ms(0), &mut rng).is_empty());
    let _ = c.closed(ms(60_000), &mut rng);
    assert_eq!(c.kick(ms(60_001), &mut rng), connect(0, 1));
    assert_eq!(
        c.failed(ConnectError::Refused, ms(60_002), &mut rng),
        wait(64_802, 1)
    );
}

/// CONN-E: after stop nothing is due, late news change nothing, and a start begins afresh.
#[test]
fn conn_e_stop_ends_everything() {
    let (mut c, mut rng) = (connector(&[1, 0]), least());
    let _ = c.start(ms(0), &mut rng);
    assert!(c.start(ms(0), &mut rng).is_empty());
    assert_eq!(
        c.failed(ConnectError::Refused, ms(0), &mut rng),
        connect(1, 1)
    );
    assert_eq!(c.stop().as_slice(), [Step::Abandon]);
    assert_eq!(c.next_tick(), None);
    assert!(c.failed(ConnectError::Refused, ms(1), &mut rng).is_empty());
    assert!(c.closed(ms(1), &mut rng).is_empty());
    assert!(c.tick(ms(1), &mut rng).is_empty());
    c.opened(ms(1));
    assert!(!c.is_open());
    assert_eq!(c.start(ms(2), &mut rng), connect(0, 1));
    c.opened(ms(2));
    assert!(c.stop().is_empty());
}

/// RFC 5626 section 4.5: between 50 % and 100 % of min(1800 s, base × 2^failures), base 30 s if all
/// flows are down. With three failures: 120 to 240 seconds, the RFC's own example.
#[test]
fn rfc5626_4_5_waits_when_all_flows_are_down() {
    let mut policy = ServerPolicy::new(vec![0]);
    policy.outbound_schedule = true;
    let longest = recovery_waits(policy.clone(), 7, &mut most());
    let expected = [
        60_000, 120_000, 240_000, 480_000, 960_000, 1_800_000, 1_800_000,
    ];
    assert_eq!(longest, expected);
    let shortest = recovery_waits(policy, 7, &mut least());
    assert_eq!(shortest, expected.map(|millis| millis / 2));
}

/// RFC 5626 section 4.5: base 90 s if another flow is up.
#[test]
fn rfc5626_4_5_waits_longer_when_another_flow_is_up() {
    let mut policy = ServerPolicy::new(vec![0]);
    policy.outbound_schedule = true;
    let (mut c, mut rng) = (Connector::new(policy).unwrap(), most());
    c.other_flows_up(true);
    let _ = c.start(ms(0), &mut rng);
    assert_eq!(
        c.failed(ConnectError::Refused, ms(0), &mut rng),
        wait(180_000, 1)
    );
}

#[test]
fn a_policy_that_cannot_be_carried_out_is_refused() {
    let refused = |change: fn(&mut ServerPolicy)| {
        let mut policy = ServerPolicy::new(vec![0]);
        change(&mut policy);
        Connector::new(policy).map(|_| ()).unwrap_err()
    };
    assert_eq!(
        refused(|policy| policy.weights.clear()),
        PolicyError::NoServer
    );
    assert_eq!(
        refused(|policy| policy.recovery_min = Duration::ZERO),
        PolicyError::RecoveryMinZero
    );
    assert_eq!(
        refused(|policy| policy.recovery_min = Duration::from_secs(31)),
        PolicyError::RecoveryMinAboveMax
    );
    assert_eq!(
        refused(|policy| policy.connect_timeout = Duration::ZERO),
        PolicyError::ConnectTimeoutZero
    );
}

/// What a step must satisfy in the state that it led to.
fn check(c: &Connector, steps: &Steps, now: Timestamp) -> Result<(), TestCaseError> {
    for step in steps {
        match (step, c.state) {
            (Step::Wait { until, .. }, State::Waiting { server, .. }) => {
                let wait = until.saturating_since(now);
                let policy = &c.policy;
                if server.is_some() {
                    prop_assert!(wait <= Duration::from_millis(4_800));
                } else {
                    prop_assert!(wait >= policy.recovery_min && wait <= policy.recovery_max);
                }
                prop_assert_eq!(c.next_tick(), Some(*until));
            }
            (
                Step::Connect { server, attempt },
                State::Connecting {
                    server: in_hand, ..
                },
            ) => {
                prop_assert_eq!(*server, in_hand);
                prop_assert!(*attempt >= 1);
                prop_assert!(c.next_tick().is_some_and(|next| next > now));
            }
            (Step::Abandon, _) => {}
            (
                Step::Probe { server },
                State::Open {
                    server: in_use,
                    probe_at,
                    ..
                },
            ) => {
                prop_assert!(c.servers[*server].weight > c.servers[in_use].weight);
                prop_assert!(probe_at.is_some_and(|next| next > now));
            }
            (step, state) => prop_assert!(false, "{:?} in {:?}", step, state),
        }
    }
    prop_assert!(c.is_open() || c.next_tick().is_some());
    Ok(())
}

proptest! {
    /// For any inputs: waits stay in their ranges, deadlines advance, a started connector is
    /// never left with nothing to do, and from wherever it got to, if everything fails from then
    /// on, each round tries every server once, by weight.
    #[test]
    fn the_connector_never_gives_up_and_never_hurries(
        seed in any::<u64>(),
        weights in prop::collection::vec(-3_i64..4, 1..6),
        max_reconnection in 0_u32..4,
        inputs in prop::collection::vec((0_u8..9, 0_u64..20_000), 0..100),
    ) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut policy = ServerPolicy::new(weights.clone());
        policy.max_reconnection = max_reconnection;
        let mut c = Connector::new(policy).unwrap();
        let mut now = Timestamp::ZERO;
        let steps = c.start(now, &mut rng);
        check(&c, &steps, now)?;
        for (kind, millis) in inputs {
            now = now + Duration::from_millis(millis);
            let due = c.next_tick().is_some_and(|next| next <= now);
            let steps = match kind {
                0 | 1 => {
                    c.opened(now);
                    Steps::new()
                }
                2 | 3 => c.failed(ConnectError::Refused, now, &mut rng),
                4 => c.failed(ConnectError::Tls, now, &mut rng),
                5 => c.closed(now, &mut rng),
                6 => c.kick(now, &mut rng),
                7 => c.network_changed(now, &mut rng),
                _ => {
                    let steps = c.tick(now, &mut rng);
                    prop_assert_eq!(due, !steps.is_empty());
                    steps
                }
            };
            check(&c, &steps, now)?;
        }

        let _ = c.closed(now, &mut rng);
        let mut rounds = Vec::new();
        let mut tried = Vec::new();
        for _ in 0..200 {
            if let State::Waiting { server: None, .. } = c.state {
                rounds.push(core::mem::take(&mut tried));
            }
            now = c.next_tick().unwrap();
            for step in c.tick(now, &mut rng) {
                if let Step::Connect { server, .. } = step {
                    tried.push(server);
                }
            }
        }
        prop_assert!(rounds.len() > 10);
        for round in &rounds[1..] {
            let mut sorted: Vec<_> = round.iter().map(|&server| weights[server]).collect();
            let in_order = sorted.clone();
            sorted.sort_unstable_by(|a, b| b.cmp(a));
            prop_assert_eq!(sorted, in_order);
            let mut servers = round.clone();
            servers.sort_unstable();
            prop_assert_eq!(servers, (0..weights.len()).collect::<Vec<_>>());
        }
    }
}

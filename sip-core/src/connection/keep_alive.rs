//! Keep-alive of a flow: pings after silence, and a deadline for the answer (RFC 5626 section 4.4).

use core::time::Duration;

use rand_core::CryptoRng;

use super::{between, micros};
use crate::time::Timestamp;

/// The range from which each silence before a ping is drawn (RFC 5626 section 4.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeepAliveInterval {
    /// In microseconds.
    shortest: u64,
    longest: u64,
}

impl KeepAliveInterval {
    /// For a connection-oriented transport whose server named no Flow-Timer: 95 to 120 seconds
    /// (RFC 5626 section 4.4.1).
    pub const STREAM: Self = Self::range(Duration::from_secs(95), Duration::from_secs(120));

    /// The shortest silence. A lower Flow-Timer is raised to it, so that a server cannot make the agent
    /// flood it.
    pub const FLOOR: Duration = Duration::from_secs(1);

    const fn range(shortest: Duration, longest: Duration) -> Self {
        Self {
            shortest: shortest.as_micros() as u64,
            longest: longest.as_micros() as u64,
        }
    }

    /// 80 % to 100 % of `longest`, as RFC 5626 section 4.4 requires for a Flow-Timer; `keepAliveInterval`
    /// uses the same range. Values below [`FLOOR`](Self::FLOOR) are raised to it.
    #[must_use]
    pub fn of(longest: Duration) -> Self {
        let longest = micros(longest.max(Self::FLOOR));
        let shortest = (longest / 5 * 4).max(micros(Self::FLOOR));
        Self { shortest, longest }
    }
}

impl KeepAliveInterval {
    fn draw(self, rng: &mut dyn CryptoRng) -> Duration {
        let [shortest, longest] = [self.shortest, self.longest].map(Duration::from_micros);
        between(rng, shortest, longest)
    }
}

/// What to do for the flow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum KeepAliveStep {
    /// Send a ping: a WebSocket ping, or CRLF CRLF (RFC 5626 section 4.4.1, RFC 7118 section 6).
    Ping,
    /// No answer arrived in time: the flow is dead. Returned once; the keep-alive is off afterwards.
    Dead,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Off,
    Quiet {
        since: Timestamp,
        /// In microseconds, because a `Duration` has twice the size.
        silence: u64,
    },
    /// The next tick sends a ping, regardless of traffic before it.
    Doubted {
        since: Timestamp,
        was_off: bool,
    },
    Asked {
        until: Timestamp,
        /// Off again after the answer.
        was_off: bool,
    },
}

/// Keeps one flow alive and detects a dead one.
#[derive(Clone, Debug)]
pub struct KeepAlive {
    configured: KeepAliveInterval,
    /// The Flow-Timer of the connection in seconds, which replaces the configured interval; 0: none.
    flow_timer: u32,
    state: State,
}

impl KeepAlive {
    /// How long the answer to a ping may take (RFC 5626 section 4.4.1).
    pub const PONG_TIMEOUT: Duration = Duration::from_secs(10);

    /// How long it may take on a flow in doubt: less, because such a flow is more likely dead than slow.
    pub const DOUBT_TIMEOUT: Duration = Duration::from_secs(3);

    /// A keep-alive that is off until [`start`](Self::start).
    #[must_use]
    pub const fn new(interval: KeepAliveInterval) -> Self {
        Self {
            configured: interval,
            flow_timer: 0,
            state: State::Off,
        }
    }

    /// The connection is open since `now`: the first silence begins. Forgets the Flow-Timer of the
    /// connection before.
    pub fn start(&mut self, now: Timestamp, rng: &mut dyn CryptoRng) {
        self.flow_timer = 0;
        self.listen(now, rng);
    }

    /// The connection closed: nothing is due until the next start.
    pub fn stop(&mut self) {
        self.state = State::Off;
    }

    /// The registrar sent a Flow-Timer (RFC 5626 section 4.4). The current silence ends no later than the
    /// new interval allows; a ping in progress stays. Zero is ignored.
    pub fn flow_timer(&mut self, seconds: u32, rng: &mut dyn CryptoRng) {
        if seconds == 0 {
            return;
        }
        self.flow_timer = seconds;
        match &mut self.state {
            State::Off => {}
            State::Quiet { since, .. } => {
                let since = *since;
                self.listen(since, rng);
            }
            State::Doubted { was_off, .. } | State::Asked { was_off, .. } => *was_off = false,
        }
    }

    /// Bytes were sent or received on the flow: the silence begins again (RFC 7118 section 6). Only a pong
    /// answers a ping (RFC 5626 section 4.4.1).
    pub fn traffic(&mut self, now: Timestamp) {
        if let State::Quiet { since, .. } = &mut self.state {
            *since = now.max(*since);
        }
    }

    /// A pong arrived. Without a ping in progress it counts as traffic.
    pub fn pong(&mut self, now: Timestamp, rng: &mut dyn CryptoRng) {
        match self.state {
            State::Off => {}
            State::Quiet { .. } => self.traffic(now),
            // The peer sent it before the doubt began.
            State::Doubted { .. } => {}
            State::Asked { was_off: true, .. } => self.state = State::Off,
            State::Asked { .. } => self.listen(now, rng),
        }
    }

    /// The flow is in doubt, for example after a long sleep. The next tick sends a ping, however short the
    /// silence, and even if the keep-alive is off; after the answer it is off again. Bytes that arrive
    /// before that tick prove nothing, because they may have waited in the socket during the sleep. The
    /// answer must arrive within [`DOUBT_TIMEOUT`](Self::DOUBT_TIMEOUT), and so must that to a ping which is
    /// under way.
    pub fn probe_now(&mut self, now: Timestamp) {
        let was_off = matches!(self.state, State::Off);
        match &mut self.state {
            State::Off | State::Quiet { .. } => {
                self.state = State::Doubted {
                    since: now,
                    was_off,
                };
            }
            State::Doubted { .. } => {}
            State::Asked { until, .. } => *until = (now + Self::DOUBT_TIMEOUT).min(*until),
        }
    }

    /// Returns what is due at `now`, if anything. On `Ping` send one; on `Dead` close the connection.
    pub fn tick(&mut self, now: Timestamp) -> Option<KeepAliveStep> {
        if self.next_tick()? > now {
            return None;
        }
        match self.state {
            State::Off => None,
            State::Quiet { .. } => {
                self.state = State::Asked {
                    until: now + Self::PONG_TIMEOUT,
                    was_off: false,
                };
                Some(KeepAliveStep::Ping)
            }
            State::Doubted { was_off, .. } => {
                self.state = State::Asked {
                    until: now + Self::DOUBT_TIMEOUT,
                    was_off,
                };
                Some(KeepAliveStep::Ping)
            }
            State::Asked { .. } => {
                self.state = State::Off;
                Some(KeepAliveStep::Dead)
            }
        }
    }

    /// When to call [`tick`](Self::tick). [`traffic`](Self::traffic) only moves it later, so that a host
    /// may keep the old time and read this again when it is reached.
    #[must_use]
    pub fn next_tick(&self) -> Option<Timestamp> {
        match self.state {
            State::Off => None,
            State::Quiet { since, silence } => Some(since + Duration::from_micros(silence)),
            State::Doubted { since, .. } => Some(since),
            State::Asked { until, .. } => Some(until),
        }
    }

    /// The interval of the connection's Flow-Timer, or the configured one.
    fn interval(&self) -> KeepAliveInterval {
        match self.flow_timer {
            0 => self.configured,
            seconds => KeepAliveInterval::of(Duration::from_secs(u64::from(seconds))),
        }
    }

    fn listen(&mut self, since: Timestamp, rng: &mut dyn CryptoRng) {
        let silence = micros(self.interval().draw(rng));
        self.state = State::Quiet { since, silence };
    }
}

#[cfg(test)]
mod tests {
    use super::super::chosen::Constant;
    use super::*;
    use proptest::prelude::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    /// RFC 5626 section 4.4: a random time between 80 % and 100 % of the Flow-Timer.
    #[test]
    fn rfc5626_4_4_silence_is_80_to_100_percent_of_the_flow_timer() {
        for (drawn, seconds) in [(0, 80), (u64::MAX, 100)] {
            let mut rng = Constant(drawn);
            let mut keep_alive = KeepAlive::new(KeepAliveInterval::STREAM);
            keep_alive.start(at(7), &mut rng);
            keep_alive.flow_timer(100, &mut rng);
            assert_eq!(keep_alive.next_tick(), Some(at(7 + seconds)));
        }
    }

    /// RFC 5626 section 4.4.1: 95 to 120 seconds without a Flow-Timer; one of zero changes nothing.
    #[test]
    fn rfc5626_4_4_1_silence_is_95_to_120_seconds_by_default() {
        for (drawn, seconds) in [(0, 95), (u64::MAX, 120)] {
            let mut rng = Constant(drawn);
            let mut keep_alive = KeepAlive::new(KeepAliveInterval::STREAM);
            keep_alive.start(at(0), &mut rng);
            keep_alive.flow_timer(0, &mut rng);
            assert_eq!(keep_alive.next_tick(), Some(at(seconds)));
        }
    }

    /// RFC 5626 section 4.4.1: without a pong within 10 seconds the flow has failed, reported once.
    #[test]
    fn rfc5626_4_4_1_no_pong_in_10_seconds_is_a_dead_flow() {
        let mut rng = Constant(0);
        let mut keep_alive = KeepAlive::new(KeepAliveInterval::of(Duration::from_secs(50)));
        keep_alive.start(at(0), &mut rng);
        assert_eq!(keep_alive.tick(at(39)), None);
        assert_eq!(keep_alive.tick(at(40)), Some(KeepAliveStep::Ping));
        assert_eq!(keep_alive.tick(at(49)), None);
        assert_eq!(keep_alive.tick(at(50)), Some(KeepAliveStep::Dead));
        assert_eq!(keep_alive.next_tick(), None);
        assert_eq!(keep_alive.tick(at(500)), None);
    }

    /// RFC 5626 section 4.4.1: only a pong answers a ping; after it the next silence begins.
    #[test]
    fn rfc5626_4_4_1_a_pong_and_nothing_else_answers_a_ping() {
        let mut rng = Constant(0);
        let mut keep_alive = KeepAlive::new(KeepAliveInterval::of(Duration::from_secs(50)));
        keep_alive.start(at(0), &mut rng);
        assert_eq!(keep_alive.tick(at(40)), Some(KeepAliveStep::Ping));
        keep_alive.traffic(at(41));
        assert_eq!(keep_alive.next_tick(), Some(at(50)));
        keep_alive.pong(at(42), &mut rng);
        assert_eq!(keep_alive.next_tick(), Some(at(82)));
        assert_eq!(keep_alive.tick(at(50)), None);
    }

    /// RFC 7118 section 6: traffic makes a ping unnecessary.
    #[test]
    fn rfc7118_6_traffic_postpones_the_ping() {
        let mut rng = Constant(0);
        let mut keep_alive = KeepAlive::new(KeepAliveInterval::of(Duration::from_secs(50)));
        keep_alive.start(at(0), &mut rng);
        keep_alive.traffic(at(30));
        keep_alive.pong(at(35), &mut rng);
        keep_alive.traffic(at(20));
        assert_eq!(keep_alive.tick(at(40)), None);
        assert_eq!(keep_alive.next_tick(), Some(at(75)));
    }

    /// The time for the answer starts with the ping, also if the tick is late.
    #[test]
    fn a_late_tick_still_leaves_10_seconds_for_the_pong() {
        let mut rng = Constant(0);
        let mut keep_alive = KeepAlive::new(KeepAliveInterval::of(Duration::from_secs(50)));
        keep_alive.start(at(0), &mut rng);
        assert_eq!(keep_alive.tick(at(3_600)), Some(KeepAliveStep::Ping));
        assert_eq!(keep_alive.tick(at(3_605)), None);
        keep_alive.stop();
        assert_eq!(keep_alive.next_tick(), None);
        keep_alive.pong(at(3_606), &mut rng);
        assert_eq!(keep_alive.next_tick(), None);
    }

    /// After a long sleep the next tick sends a ping, also if the keep-alive was off or bytes were left in
    /// the socket, and the answer has less time.
    #[test]
    fn a_flow_in_doubt_is_asked_at_once_and_given_up_soon() {
        for is_off in [true, false] {
            let mut rng = Constant(0);
            let mut keep_alive = KeepAlive::new(KeepAliveInterval::of(Duration::from_secs(50)));
            if !is_off {
                keep_alive.start(at(0), &mut rng);
            }
            keep_alive.probe_now(at(3_600));
            keep_alive.traffic(at(3_600));
            keep_alive.pong(at(3_600), &mut rng);
            assert_eq!(keep_alive.next_tick(), Some(at(3_600)));
            assert_eq!(keep_alive.tick(at(3_600)), Some(KeepAliveStep::Ping));
            keep_alive.probe_now(at(3_601));
            assert_eq!(keep_alive.tick(at(3_602)), None);
            let mut answered = keep_alive.clone();
            assert_eq!(keep_alive.tick(at(3_603)), Some(KeepAliveStep::Dead));
            answered.pong(at(3_602), &mut rng);
            assert_eq!(answered.next_tick(), (!is_off).then_some(at(3_642)));
        }
    }

    /// The answer to a ping that is under way has no more time than one that the doubt causes.
    #[test]
    fn a_ping_that_is_under_way_has_less_time_in_doubt() {
        let mut rng = Constant(0);
        let mut keep_alive = KeepAlive::new(KeepAliveInterval::of(Duration::from_secs(50)));
        keep_alive.start(at(0), &mut rng);
        assert_eq!(keep_alive.tick(at(40)), Some(KeepAliveStep::Ping));
        keep_alive.probe_now(at(41));
        assert_eq!(keep_alive.next_tick(), Some(at(44)));
        assert_eq!(keep_alive.tick(at(44)), Some(KeepAliveStep::Dead));
    }

    proptest! {
        /// Any sequence of inputs: the deadline moves on after each tick, pings are never closer
        /// than the shortest silence, and a dead flow stays silent.
        #[test]
        fn deadlines_advance_and_pings_keep_their_distance(
            seed in any::<u64>(),
            flow_timer in any::<u32>(),
            inputs in prop::collection::vec((0_u8..4, 0_u64..200_000), 1..100),
        ) {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let mut keep_alive = KeepAlive::new(KeepAliveInterval::of(Duration::from_secs(29)));
            let mut now = Timestamp::ZERO;
            keep_alive.start(now, &mut rng);
            keep_alive.flow_timer(flow_timer, &mut rng);
            let shortest = Duration::from_micros(keep_alive.interval().shortest);
            let mut last_ping = None;
            let mut dead = false;
            for (kind, millis) in inputs {
                now = now + Duration::from_millis(millis);
                match kind {
                    0 => keep_alive.traffic(now),
                    1 => keep_alive.pong(now, &mut rng),
                    _ => {
                        let due = keep_alive.next_tick().is_some_and(|next| next <= now);
                        let step = keep_alive.tick(now);
                        prop_assert_eq!(due, step.is_some());
                        prop_assert!(!(dead && step.is_some()));
                        prop_assert!(keep_alive.next_tick().is_none_or(|next| next > now));
                        match step {
                            Some(KeepAliveStep::Ping) => {
                                if let Some(last) = last_ping {
                                    prop_assert!(now.saturating_since(last) >= shortest);
                                }
                                last_ping = Some(now);
                            }
                            Some(KeepAliveStep::Dead) => dead = true,
                            None => {}
                        }
                    }
                }
            }
        }
    }
}

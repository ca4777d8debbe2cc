//! The bindings of our Contact at the registrar (RFC 3261 section 10.2), one for each flow (RFC 5626).
//!
//! One machine for each flow, at most one REGISTER in flight for all of them, absolute deadlines.
//!
//! | state      | input                   | does                                  | next       |
//! |------------|-------------------------|---------------------------------------|------------|
//! | Off        | connected and wanted    | REGISTER                              | Busy (bind) |
//! | Off        | connected *again*       | REGISTER within a second              | Waiting    |
//! | Busy, bind | 2xx with our Contact    | refresh at 80 to 90 % of what is granted | Bound   |
//! | Busy       | 401, 407                | REGISTER with credentials             | Busy       |
//! | Busy, bind | 423                     | REGISTER for Min-Expires, once        | Busy       |
//! | Busy, bind | 439, no other flow bound | REGISTER without outbound            | Busy       |
//! | Busy, bind | 430                     | the flow is given up, and opened again | Off       |
//! | Busy, bind | anything else, nothing  | wait: Retry-After or back-off         | Waiting    |
//! | Busy, bind | credentials refused     | until `reconfigure`                   | Off        |
//! | Bound      | time to refresh         | REGISTER                              | Busy (bind) |
//! | Waiting    | time to retry           | REGISTER                              | Busy (bind) |
//! | any        | binding lapsed          | tell once                             | as it was  |
//! | Bound      | unregister, stop        | REGISTER with expires=0               | Busy (unbind) |
//! | idle       | unregister all          | REGISTER with Contact: *              | Busy (unbind) |
//! | Busy, unbind | any outcome           | tell; bind again if wanted by now     | Off        |
//! | idle       | query                   | REGISTER without Contact              | Busy (query) |
//! | Busy, query | any outcome            | tell                                  | as it was  |
//! | any        | connection lost         | tell if it was the last one bound     | Off        |
//!
//! What is asked for while any of them is busy waits until none is.

use core::time::Duration;

use rand_core::CryptoRng;

use crate::auth::Attempts;
use crate::rand::below;
use crate::time::Timestamp;
use crate::timer::TimerKey;

/// No refresh sooner than this, whatever a registrar grants: it must not make us flood it.
pub(crate) const SHORTEST_REFRESH: Duration = Duration::from_secs(10);

/// No binding is believed to last longer than this (one day), whatever a registrar grants.
pub(crate) const LONGEST_EXPIRES: u32 = 86_400;

/// RFC 5626 section 4.5: the base and the ceiling of the wait after a failure.
const BACK_OFF_BASE: Duration = Duration::from_secs(30);
const BACK_OFF_MAX: Duration = Duration::from_secs(1_800);

/// The wait after 3xx, 403, 404, 405 and 501, which rarely heal: 5 minutes, doubling to an hour.
const REFUSED_BASE: Duration = Duration::from_secs(300);
const REFUSED_MAX: Duration = Duration::from_secs(3_600);

/// The longest Retry-After that is obeyed.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);

/// Where a registration stands.
#[derive(Clone, Debug)]
pub(crate) enum State {
    Off,
    Bound,
    Waiting,
    /// A REGISTER is in flight.
    Busy(RegisterKind, Attempts),
}

/// What a REGISTER is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RegisterKind {
    /// To make or refresh our binding.
    Refresh,
    /// To give our binding back (RFC 3261 section 10.2.2).
    Remove,
    /// To remove all bindings of the address-of-record.
    RemoveAll,
    /// To learn the bindings (RFC 3261 section 10.2.3).
    Fetch,
}

/// What one agent asks of its registrar, on whichever flow.
pub(crate) struct Registration {
    /// The application wants to be registered.
    pub(crate) wanted: bool,
    pub(crate) call_id: alloc::boxed::Box<str>,
    pub(crate) tag: alloc::boxed::Box<str>,
    pub(crate) cseq: u32,
    /// What is asked for, in seconds: `registerExpires`, or more after a 423.
    pub(crate) expires: u32,
    /// A 423 was obeyed and no 2xx has come since.
    pub(crate) min_expires_applied: bool,
    /// The first hop that does not support outbound (RFC 5626 section 4.2.1: 439), by host and port.
    pub(crate) without_outbound: Option<alloc::boxed::Box<str>>,
    /// The registrar keeps flows apart: its last 2xx required outbound (RFC 5626 section 4.2.1).
    pub(crate) outbound: bool,
    /// All bindings are to be removed, as soon as nothing is in flight.
    pub(crate) clear_wanted: bool,
    /// The bindings are to be asked for, as soon as nothing is in flight.
    pub(crate) query_wanted: bool,
    /// A command to unregister waits for its event.
    pub(crate) unregister_pending: bool,
    /// It stopped because the credentials were refused.
    pub(crate) refused: bool,
}

impl Registration {
    pub(crate) fn new(
        wanted: bool,
        expires: u32,
        call_id: alloc::string::String,
        tag: alloc::string::String,
    ) -> Self {
        Self {
            wanted,
            call_id: call_id.into(),
            tag: tag.into(),
            cseq: 0,
            expires,
            min_expires_applied: false,
            without_outbound: None,
            outbound: false,
            clear_wanted: false,
            query_wanted: false,
            unregister_pending: false,
            refused: false,
        }
    }
}

/// The binding on one flow.
pub(crate) struct Binding {
    pub(crate) state: State,
    /// When the binding lapses, if there is one.
    pub(crate) bound_until: Option<Timestamp>,
    /// The timer of refresh, retry and lapse: one is always armed while there is something to wait for.
    pub(crate) timer: Option<TimerKey>,
    /// When to act next; lapse may come before.
    pub(crate) act_at: Option<Timestamp>,
    /// Failures in a row.
    pub(crate) failures: u32,
    /// It is to be refreshed before its time, because what it says has changed.
    pub(crate) rebind: bool,
    /// A REGISTER for it has succeeded or failed on this connection.
    pub(crate) attempted: bool,
    /// There was a connection before, so that this agent may be one of many that come back at once.
    pub(crate) reconnecting: bool,
}

impl Binding {
    pub(crate) const fn new() -> Self {
        Self {
            state: State::Off,
            bound_until: None,
            timer: None,
            act_at: None,
            failures: 0,
            rebind: false,
            attempted: false,
            reconnecting: false,
        }
    }

    /// Whether the registrar holds our binding, as far as we know.
    pub(crate) fn is_bound(&self) -> bool {
        self.bound_until.is_some()
    }

    /// Whether nothing is in flight.
    pub(crate) fn is_idle(&self) -> bool {
        !matches!(self.state, State::Busy(..))
    }

    /// The state without an errand.
    pub(crate) fn idle_state(&self) -> State {
        if self.is_bound() {
            State::Bound
        } else if self.act_at.is_some() {
            State::Waiting
        } else {
            State::Off
        }
    }
}

/// When to refresh a binding of `granted` seconds: 80 to 90 % of it, not before [`SHORTEST_REFRESH`].
pub(crate) fn refresh_after(granted: u32, rng: &mut dyn CryptoRng) -> Duration {
    let micros = u64::from(granted) * 1_000_000;
    let after = Duration::from_micros(micros / 10 * 8 + below(rng, micros / 10 + 1));
    after.max(SHORTEST_REFRESH)
}

/// How long an agent that comes back waits before it registers: many come back at the same time.
pub(crate) fn return_after(rng: &mut dyn CryptoRng) -> Duration {
    Duration::from_micros(below(rng, 1_000_000))
}

/// How long to wait after a failure (RFC 5626 section 4.5, RFC 3261 section 20.33): at least
/// Retry-After; 50 to 100 % of a base that doubles with each failure in a row.
pub(crate) fn retry_after(
    status: Option<u16>,
    failures: u32,
    asked: Option<Duration>,
    rng: &mut dyn CryptoRng,
) -> Duration {
    let (base, max) = match status {
        Some(300..=399 | 403 | 404 | 405 | 501) => (REFUSED_BASE, REFUSED_MAX),
        _ => (BACK_OFF_BASE, BACK_OFF_MAX),
    };
    let doubled = base.saturating_mul(1_u32.checked_shl(failures.min(16)).unwrap_or(u32::MAX));
    let ceiling = u64::try_from(doubled.min(max).as_micros()).unwrap_or(u64::MAX);
    let wait = Duration::from_micros(ceiling / 2 + below(rng, ceiling / 2 + 1));
    wait.max(asked.unwrap_or_default().min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    /// RFC 3261 10.2.4, SIP.js fault: a tiny or huge grant must not become a loop of REGISTERs.
    #[test]
    fn refresh_is_well_before_expiry_and_never_a_loop() {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        for _ in 0..1_000 {
            let after = refresh_after(600, &mut rng);
            assert!((480..=540).contains(&after.as_secs()), "{after:?}");
            assert_eq!(refresh_after(0, &mut rng), SHORTEST_REFRESH);
            assert_eq!(refresh_after(3, &mut rng), SHORTEST_REFRESH);
        }
        assert!(refresh_after(u32::MAX, &mut rng) > Duration::from_secs(86_400));
    }

    /// RFC 5626 4.5: 30 s doubled for each failure, at most 1800 s, 50 to 100 % of it.
    #[test]
    fn rfc5626_4_5_back_off_doubles_within_its_bounds() {
        let mut rng = ChaCha20Rng::from_seed([2; 32]);
        for (failures, low, high) in [
            (0, 15, 30),
            (1, 30, 60),
            (3, 120, 240),
            (6, 900, 1_800),
            (60, 900, 1_800),
        ] {
            for _ in 0..100 {
                let wait = retry_after(Some(503), failures, None, &mut rng);
                assert!(
                    wait >= Duration::from_secs(low) && wait <= Duration::from_secs(high),
                    "{failures}: {wait:?}"
                );
            }
        }
        let refused = retry_after(Some(403), 0, None, &mut rng);
        assert!(refused >= Duration::from_secs(150) && refused <= Duration::from_secs(300));
    }

    /// RFC 3261 20.33: Retry-After is a floor, and is itself bounded.
    #[test]
    fn rfc3261_20_33_retry_after_is_obeyed_within_an_hour() {
        let mut rng = ChaCha20Rng::from_seed([3; 32]);
        assert_eq!(
            retry_after(Some(503), 0, Some(Duration::from_secs(120)), &mut rng),
            Duration::from_secs(120)
        );
        assert_eq!(
            retry_after(None, 0, Some(Duration::MAX), &mut rng),
            RETRY_AFTER_MAX
        );
    }
}

//! The times of a registration: refresh, registration after a reconnect, retry.

use core::time::Duration;

use rand_core::CryptoRng;

use crate::rand::below;

/// A binding of at least this duration is refreshed after 80 to 90 % of it, a shorter one after 50 to 60 %, because a
/// tenth of it would not cover a slow answer.
const LONG: u32 = 60;

/// The longest accepted duration of a binding (one day, in seconds), however long the grant.
pub(crate) const LONGEST_EXPIRES: u32 = 86_400;

/// RFC 5626 section 4.5: the base and the ceiling of the wait after a failure.
const BACK_OFF_BASE: Duration = Duration::from_secs(30);
const BACK_OFF_MAX: Duration = Duration::from_secs(1_800);

/// The wait after 3xx, 403, 404, 405 and 501, which rarely change, and after credentials that the registrar may have
/// refused (401, 407): 5 minutes, doubling to an hour.
const REFUSED_BASE: Duration = Duration::from_secs(300);
const REFUSED_MAX: Duration = Duration::from_secs(3_600);

/// The longest Retry-After that is obeyed.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);

/// The time until the refresh of a binding of `granted` seconds: 80 to 90 % of it, for a short one 50 to 60 %. At least
/// `shortest` ([`Limits::shortest_refresh`](crate::Limits::shortest_refresh)).
pub(crate) fn refresh_after(granted: u32, shortest: Duration, rng: &mut dyn CryptoRng) -> Duration {
    let tenth = u64::from(granted) * 100_000;
    let tenths = if granted < LONG { 5 } else { 8 };
    let after = Duration::from_micros(tenth * tenths + below(rng, tenth + 1));
    after.max(shortest)
}

/// How long the core takes a binding of `granted` seconds for bound: at least twice the shortest refresh, because a
/// registrar that grants less would cause a report of its loss with each refresh.
pub(crate) fn bound_for(granted: u32, shortest: Duration) -> Duration {
    Duration::from_secs(u64::from(granted)).max(shortest.saturating_mul(2))
}

/// The random wait (under 1 s) of a reconnecting agent before it registers, because many may reconnect at
/// once.
pub(crate) fn return_after(rng: &mut dyn CryptoRng) -> Duration {
    Duration::from_micros(below(rng, 1_000_000))
}

/// The wait after a failure (RFC 5626 section 4.5, RFC 3261 section 20.33): 50 to 100 % of a base that
/// doubles with each failure in a row, at least Retry-After.
pub(crate) fn retry_after(
    status: Option<u16>,
    failures: u32,
    asked: Option<Duration>,
    rng: &mut dyn CryptoRng,
) -> Duration {
    let (base, max) = match status {
        Some(300..=399 | 401 | 403 | 404 | 405 | 407 | 501) => (REFUSED_BASE, REFUSED_MAX),
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

    /// RFC 3261 10.2.4: a refresh leaves time for a slow answer, and a tiny or huge grant is no loop of REGISTERs.
    #[test]
    fn refresh_is_well_before_expiry_and_never_a_loop() {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let shortest = Duration::from_secs(1);
        for _ in 0..1_000 {
            let after = refresh_after(600, shortest, &mut rng);
            assert!((480..=540).contains(&after.as_secs()), "{after:?}");
            let after = refresh_after(5, shortest, &mut rng);
            assert!((2_500..=3_000).contains(&after.as_millis()), "{after:?}");
            for tiny in 0..2 {
                assert_eq!(refresh_after(tiny, shortest, &mut rng), shortest);
                assert!(bound_for(tiny, shortest) > shortest);
            }
        }
        assert!(refresh_after(u32::MAX, shortest, &mut rng) > Duration::from_secs(86_400));
        assert_eq!(bound_for(5, shortest), Duration::from_secs(5));
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

//! The times of a subscription: its lease, its refresh, and when the core subscribes anew.

use core::time::Duration;

use rand_core::CryptoRng;

use crate::registration::retry_after;

/// A subscription that was up for this time has not failed in a row with the one before.
pub(super) const STABLE: Duration = Duration::from_secs(30);

/// The longest wait that a notifier may ask for before a new SUBSCRIBE.
const LONGEST_WAIT: Duration = Duration::from_secs(86_400);

/// The wait before a new SUBSCRIBE (RFC 6665 section 4.1.3). `failures` subscriptions in a row have ended early: the first new
/// one goes out at once, or after the time that the notifier asks for, each further one backs off, because a notifier that
/// ends each subscription at once would otherwise cause a flood of SUBSCRIBEs.
pub(super) fn again_after(
    failures: u32,
    at_once: bool,
    asked: Option<Duration>,
    rng: &mut dyn CryptoRng,
) -> Duration {
    let wait = match failures {
        0 if at_once || asked.is_some() => Duration::ZERO,
        _ => retry_after(None, failures.saturating_sub(1), None, rng),
    };
    wait.max(asked.unwrap_or_default().min(LONGEST_WAIT))
}

/// The wait before a refresh that failed is tried again, within the `rest` of the subscription (RFC 6665 section 4.1.2.2): as
/// long as the notifier asks for, else at most half of the rest. `None`: there is no time left.
pub(super) fn refresh_again_after(
    failures: u32,
    asked: Option<Duration>,
    rest: Duration,
    shortest: Duration,
    rng: &mut dyn CryptoRng,
) -> Option<Duration> {
    let wait = asked.unwrap_or_else(|| retry_after(None, failures, None, rng).min(rest / 2));
    Some(wait.max(shortest)).filter(|wait| *wait < rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    /// RFC 6665 4.1.3 (6665-4.1.3-C): the first new SUBSCRIBE is immediate or as asked; further ones back off.
    #[test]
    fn rfc6665_4_1_3_new_subscriptions_back_off() {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let seconds = Duration::from_secs;
        assert_eq!(again_after(0, true, None, &mut rng), Duration::ZERO);
        assert_eq!(
            again_after(0, false, Some(seconds(5)), &mut rng),
            seconds(5)
        );
        for (failures, low, high) in [(0, 15, 30), (1, 15, 30), (2, 30, 60), (40, 900, 1_800)] {
            let at_once = failures > 0;
            let wait = again_after(failures, at_once, None, &mut rng);
            assert!(
                wait >= seconds(low) && wait <= seconds(high),
                "{failures}: {wait:?}"
            );
        }
        let wait = again_after(1, false, Some(Duration::ZERO), &mut rng);
        assert!(wait >= seconds(15), "{wait:?}");
        let longest = again_after(0, false, Some(Duration::MAX), &mut rng);
        assert_eq!(longest, LONGEST_WAIT);
    }

    /// RFC 6665 4.1.2.2 (6665-4.1.2.2-A): a failed refresh is repeated before the expiry, or not at all.
    #[test]
    fn rfc6665_4_1_2_2_a_failed_refresh_is_repeated_in_time() {
        let mut rng = ChaCha20Rng::from_seed([2; 32]);
        let (second, rest) = (Duration::from_secs(1), Duration::from_secs(10));
        let mut again = |asked, rest| refresh_again_after(0, asked, rest, second, &mut rng);
        assert_eq!(again(None, rest), Some(rest / 2));
        assert_eq!(again(Some(3 * second), rest), Some(3 * second));
        assert_eq!(again(Some(rest), rest), None);
        assert_eq!(again(None, second), None);
        assert!(again(None, 3_600 * second).is_some_and(|wait| wait <= 30 * second));
    }
}

//! The timer values of RFC 3261 table 4.

use core::fmt;
use core::time::Duration;

/// T1, T2, T4 and the times that are multiples of T1 (RFC 3261 table 4, RFC 6026 section 7).
///
/// The default is the RFC's: T1 500 ms, T2 4 s, T4 5 s, and 64 T1 for B, F, H, J, L and M.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimerSettings {
    // In microseconds; the longest value is one hour, which fits.
    t1: u32,
    t2: u32,
    t4: u32,
    timeout: u32,
}

/// A value of RFC 3261 table 4.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum TimerName {
    /// T1, the estimate of the round trip.
    T1,
    /// T2, the longest wait between retransmissions.
    T2,
    /// T4, how long a message stays in the network.
    T4,
    /// The time of timers B, F and H, 64 T1 as a rule.
    Timeout,
}

impl fmt::Display for TimerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::T1 => "T1",
            Self::T2 => "T2",
            Self::T4 => "T4",
            Self::Timeout => "64*T1",
        })
    }
}

/// An invalid timer value, by its name in RFC 3261 table 4.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TimerError {
    /// T1, T2, T4 or the time-out is zero.
    #[error("{0} is zero")]
    Zero(TimerName),
    /// The first value is below the second, its lower bound.
    #[error("{0} is below {1}")]
    Below(TimerName, TimerName),
    /// The value is above one hour.
    #[error("{0} is above one hour")]
    TooLong(TimerName),
}

const LONGEST: Duration = Duration::from_secs(3_600);

impl TimerSettings {
    /// Timers from T1 (estimate of the round trip), T2 (longest wait between retransmissions) and T4
    /// (how long a message stays in the network), with `timeout` for B, F, H, J, L and M.
    ///
    /// # Errors
    /// [`TimerError`] if a value is zero, above one hour, T2 is below T1 or `timeout` below T2.
    pub fn new(
        t1: Duration,
        t2: Duration,
        t4: Duration,
        timeout: Duration,
    ) -> Result<Self, TimerError> {
        for (name, value) in [
            (TimerName::T1, t1),
            (TimerName::T2, t2),
            (TimerName::T4, t4),
            (TimerName::Timeout, timeout),
        ] {
            if value.is_zero() {
                return Err(TimerError::Zero(name));
            }
            if value > LONGEST {
                return Err(TimerError::TooLong(name));
            }
        }
        if t2 < t1 {
            return Err(TimerError::Below(TimerName::T2, TimerName::T1));
        }
        if timeout < t2 {
            return Err(TimerError::Below(TimerName::Timeout, TimerName::T2));
        }
        let [t1, t2, t4, timeout] = [t1, t2, t4, timeout].map(|time| time.as_micros() as u32);
        Ok(Self {
            t1,
            t2,
            t4,
            timeout,
        })
    }

    /// T1: the estimate of the round trip time.
    #[must_use]
    pub const fn t1(&self) -> Duration {
        Duration::from_micros(self.t1 as u64)
    }

    /// T2: the longest wait between retransmissions of a non-INVITE request or an INVITE response.
    #[must_use]
    pub const fn t2(&self) -> Duration {
        Duration::from_micros(self.t2 as u64)
    }

    /// T4: how long a message stays in the network; timers I and K on unreliable transports.
    #[must_use]
    pub const fn t4(&self) -> Duration {
        Duration::from_micros(self.t4 as u64)
    }

    /// Timer B: how long an INVITE may stay without any response.
    #[must_use]
    pub const fn b(&self) -> Duration {
        Duration::from_micros(self.timeout as u64)
    }

    /// Timer D: how long an INVITE client waits for repeated failures, at least 32 s.
    #[must_use]
    pub const fn d(&self) -> Duration {
        let timeout = self.timeout as u64;
        Duration::from_micros(if timeout > 32_000_000 {
            timeout
        } else {
            32_000_000
        })
    }

    /// Timer F: how long a non-INVITE request may stay without a final response.
    #[must_use]
    pub const fn f(&self) -> Duration {
        Duration::from_micros(self.timeout as u64)
    }

    /// Timer H: how long an INVITE server waits for the ACK.
    #[must_use]
    pub const fn h(&self) -> Duration {
        Duration::from_micros(self.timeout as u64)
    }

    /// Timer J: how long a non-INVITE server repeats its final response on demand.
    #[must_use]
    pub const fn j(&self) -> Duration {
        Duration::from_micros(self.timeout as u64)
    }

    /// Timer L: how long an accepted INVITE server absorbs retransmissions (RFC 6026).
    #[must_use]
    pub const fn l(&self) -> Duration {
        Duration::from_micros(self.timeout as u64)
    }

    /// Timer M: how long an accepted INVITE client passes on further 2xx (RFC 6026).
    #[must_use]
    pub const fn m(&self) -> Duration {
        Duration::from_micros(self.timeout as u64)
    }
}

impl Default for TimerSettings {
    fn default() -> Self {
        Self {
            t1: 500_000,
            t2: 4_000_000,
            t4: 5_000_000,
            timeout: 32_000_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// TX-CFG: zero and inverted values are refused at construction.
    #[test]
    fn tx_cfg_refuses_what_cannot_work() {
        let s = Duration::from_secs;
        let (t1, t2, t4, timeout) = (Duration::from_millis(500), s(4), s(5), s(32));
        assert_eq!(
            TimerSettings::new(t1, t2, t4, timeout),
            Ok(TimerSettings::default())
        );
        assert_eq!(
            TimerSettings::new(s(0), t2, t4, timeout),
            Err(TimerError::Zero(TimerName::T1))
        );
        assert_eq!(
            TimerSettings::new(t1, t2, s(0), timeout),
            Err(TimerError::Zero(TimerName::T4))
        );
        assert_eq!(
            TimerSettings::new(s(5), t2, t4, timeout),
            Err(TimerError::Below(TimerName::T2, TimerName::T1))
        );
        assert_eq!(
            TimerSettings::new(t1, t2, t4, s(1)),
            Err(TimerError::Below(TimerName::Timeout, TimerName::T2))
        );
        assert_eq!(
            TimerSettings::new(t1, t2, t4, s(4_000)),
            Err(TimerError::TooLong(TimerName::Timeout))
        );
    }
}

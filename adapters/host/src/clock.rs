//! The host's clock as the core wants it: one that goes on while the machine sleeps.

use std::time::Duration;

use sip_core::Timestamp;

/// A clock that never goes back and counts the time that a machine spends suspended.
///
/// On Linux and Android that is `CLOCK_BOOTTIME`; elsewhere `std::time::Instant`, which counts
/// sleep on Windows but may stand still during it on other systems.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    start: std::time::Instant,
}

impl Clock {
    /// A clock that can be asked from now on.
    #[must_use]
    pub fn start() -> Self {
        Self {
            #[cfg(not(any(target_os = "linux", target_os = "android")))]
            start: std::time::Instant::now(),
        }
    }

    /// The time, since any start.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        // The kernel counts from boot: neither part is ever negative.
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or(0);
        Timestamp::ZERO + Duration::new(seconds, nanoseconds)
    }

    /// The time, since any start.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::ZERO + self.start.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_goes_on() {
        let clock = Clock::start();
        let before = clock.now();
        std::thread::sleep(Duration::from_millis(20));
        let passed = clock.now().saturating_since(before);
        assert!(passed >= Duration::from_millis(20), "{passed:?}");
        assert!(passed < Duration::from_secs(20), "{passed:?}");
    }
}

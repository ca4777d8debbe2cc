//! The clock of the host: it counts the time that the machine sleeps, because deadlines of the core do.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use sip_core::Timestamp;

/// A clock that never goes back and counts the time that a machine is suspended. All clones are one clock.
///
/// On Linux and Android it is `CLOCK_BOOTTIME`: agents notice that the machine slept at most
/// [`LONGEST_SLEEP`](crate::LONGEST_SLEEP) after it woke. Elsewhere it is `std::time::Instant`, which counts
/// sleep on Windows and stands still during sleep on macOS. There the application calls [`Clock::slept`] when
/// the operating system reports that the machine woke.
#[derive(Clone, Debug)]
pub struct Clock {
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    start: std::time::Instant,
    gap: Arc<Gap>,
}

/// The time that the clock of the operating system has not counted.
#[derive(Debug, Default)]
struct Gap {
    microseconds: AtomicU64,
    /// The wakers of the alarms.
    sleepers: Mutex<Vec<Weak<Sleeper>>>,
}

#[derive(Debug, Default)]
struct Sleeper(Mutex<Option<Waker>>);

impl Clock {
    /// Starts a clock.
    #[must_use]
    pub fn start() -> Self {
        Self {
            #[cfg(not(any(target_os = "linux", target_os = "android")))]
            start: std::time::Instant::now(),
            gap: Arc::default(),
        }
    }

    /// The time since an arbitrary start.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let uncounted = Duration::from_micros(self.gap.microseconds.load(Ordering::Acquire));
        self.counted() + uncounted
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn counted(&self) -> Timestamp {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        // The kernel counts from boot, so neither part is ever negative.
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or(0);
        Timestamp::ZERO + Duration::new(seconds, nanoseconds)
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn counted(&self) -> Timestamp {
        Timestamp::ZERO + self.start.elapsed()
    }

    /// Sets this clock and its clones forward by `duration`, because the machine slept that long and the clock
    /// of the operating system did not count it. The agents on this clock check their deadlines at once.
    pub fn slept(&self, duration: Duration) {
        let more = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        // This cannot fail, because the closure always returns a value.
        let _ = self
            .gap
            .microseconds
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |before| {
                Some(before.saturating_add(more))
            });
        let mut woken = Vec::new();
        locked(&self.gap.sleepers).retain(|sleeper| {
            let sleeper = sleeper.upgrade();
            woken.extend(sleeper.iter().filter_map(|sleeper| sleeper.take()));
            sleeper.is_some()
        });
        for waker in woken {
            waker.wake();
        }
    }

    /// An alarm for each [`Clock::slept`] from now on.
    #[must_use]
    pub fn alarm(&self) -> Alarm {
        let sleeper = Arc::default();
        let mut sleepers = locked(&self.gap.sleepers);
        if sleepers.len() == sleepers.capacity() {
            // The vector is about to grow: first drop the entries of agents that have ended.
            sleepers.retain(|sleeper| sleeper.strong_count() > 0);
        }
        sleepers.push(Arc::downgrade(&sleeper));
        drop(sleepers);
        Alarm {
            heard: self.gap.microseconds.load(Ordering::Acquire),
            gap: self.gap.clone(),
            sleeper,
        }
    }
}

/// Wakes a task when the application sets its [`Clock`] forward.
#[derive(Debug)]
pub struct Alarm {
    gap: Arc<Gap>,
    sleeper: Arc<Sleeper>,
    heard: u64,
}

impl Alarm {
    /// Ready once after the clock was set forward, which also wakes the waker of `cx`.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // The waker is stored before the check, so that a call of `slept` between the two wakes it.
        *locked(&self.sleeper.0) = Some(cx.waker().clone());
        let microseconds = self.gap.microseconds.load(Ordering::Acquire);
        if std::mem::replace(&mut self.heard, microseconds) == microseconds {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }
}

impl Sleeper {
    fn take(&self) -> Option<Waker> {
        locked(&self.0).take()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn the_clock_goes_on() {
        let clock = Clock::start();
        let before = clock.now();
        std::thread::sleep(Duration::from_millis(20));
        let passed = clock.now().saturating_since(before);
        assert!(passed >= Duration::from_millis(20), "{passed:?}");
        assert!(passed < Duration::from_secs(20), "{passed:?}");
    }

    #[test]
    fn what_the_machine_slept_is_added_on_every_clone_and_never_overflows() {
        let clock = Clock::start();
        let clone = clock.clone();
        let other = Clock::start();
        let before = clock.now();
        clone.slept(HOUR);
        let passed = clock.now().saturating_since(before);
        assert!(passed >= HOUR && passed < HOUR + Duration::from_secs(20));
        assert!(other.now().saturating_since(before) < Duration::from_secs(20));
        clock.slept(Duration::MAX);
        let end = clone.now();
        clock.slept(HOUR);
        assert_eq!(clone.now(), end);
    }

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Agents come and go for as long as a program runs, also in programs that never call `slept`.
    #[test]
    fn sleepers_that_are_gone_do_not_pile_up() {
        let clock = Clock::start();
        let _stays = clock.alarm();
        for _ in 0..1_000 {
            drop(clock.alarm());
        }
        let kept = locked(&clock.gap.sleepers).len();
        assert!(kept < 10, "{kept}");
    }

    #[test]
    fn every_sleeper_is_woken_and_none_is_kept() {
        let clock = Clock::start();
        let count = Arc::new(Count::default());
        let waker = Waker::from(count.clone());
        let mut cx = Context::from_waker(&waker);
        let (mut first, mut second, gone) = (clock.alarm(), clock.alarm(), clock.alarm());
        assert!(first.poll(&mut cx).is_pending() && second.poll(&mut cx).is_pending());
        drop(gone);
        clock.slept(HOUR);
        assert_eq!(count.0.load(Ordering::Relaxed), 2);
        assert_eq!(locked(&clock.gap.sleepers).len(), 2);
        assert!(first.poll(&mut cx).is_ready());
        assert!(first.poll(&mut cx).is_pending());
        // The second alarm has no waker now, but it is ready all the same.
        clock.slept(HOUR);
        assert!(second.poll(&mut cx).is_ready());
        assert!(second.poll(&mut cx).is_pending());
    }
}

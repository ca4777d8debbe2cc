//! Ctrl-C: the first one ends a command in good order, the second one at once. So do requests to terminate; the end of the terminal
//! counts once.

use std::cell::Cell;

use crate::outcome::Failure;
use crate::report::{complain, printable};

/// Listens for Ctrl-C and, on Unix, for requests to terminate and the end of the terminal.
pub(crate) struct Interrupts {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 2],
    /// SIGHUP; `None` if it was ignored already, as `nohup` does.
    #[cfg(unix)]
    hangup: Option<tokio::signal::unix::Signal>,
    came_before: Cell<bool>,
}

impl Interrupts {
    /// Begins to listen. From now on a signal does not end the process by itself.
    ///
    /// # Errors
    /// The operating system refuses it.
    pub(crate) fn listen() -> Result<Self, Failure> {
        #[cfg(unix)]
        let (signals, hangup) = {
            use tokio::signal::unix::{SignalKind, signal};
            let listen = |kind| {
                signal(kind)
                    .map_err(|error| Failure::Usage(format!("cannot listen for signals: {error}")))
            };
            let signals = [
                listen(SignalKind::interrupt())?,
                listen(SignalKind::terminate())?,
            ];
            let hangup = match ignores_hangup() {
                true => None,
                false => Some(listen(SignalKind::hangup())?),
            };
            (signals, hangup)
        };
        Ok(Self {
            #[cfg(unix)]
            signals,
            #[cfg(unix)]
            hangup,
            came_before: Cell::new(false),
        })
    }

    /// Resolves at the next one. Cancel safe.
    pub(crate) async fn next(&mut self) {
        #[cfg(unix)]
        {
            let [interrupt, terminate] = &mut self.signals;
            // A shell and the kernel may both send SIGHUP when a terminal ends, so it never counts as the second signal.
            let listens = !self.came_before.get();
            let hangup = async {
                match &mut self.hangup {
                    Some(hangup) if listens => hangup.recv().await,
                    _ => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup => {}
            }
        }
        #[cfg(not(unix))]
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Counts one. The first says what the program waits for before it ends: `open`.
    ///
    /// # Errors
    /// It is the second one: [`Failure::Interrupted`], with what is left undone.
    pub(crate) fn count(&self, open: &[String]) -> Result<(), Failure> {
        let open = printable(&open.join(", "));
        if self.came_before.replace(true) {
            return Err(Failure::Interrupted(if open.is_empty() {
                "ended at once; nothing was left open".to_owned()
            } else {
                format!("ended at once; left open: {open}")
            }));
        }
        complain(&if open.is_empty() {
            "sip: ending; Ctrl-C again ends at once".to_owned()
        } else {
            format!("sip: ending {open}; Ctrl-C again ends at once")
        });
        Ok(())
    }
}

/// Whether the process was started with SIGHUP ignored. Only Linux says so.
#[cfg(unix)]
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    ignores_first_signal(&status)
}

/// Whether the first signal, SIGHUP, is in the mask of ignored ones.
#[cfg(unix)]
fn ignores_first_signal(status: &str) -> bool {
    let mut masks = status
        .lines()
        .filter_map(|line| line.strip_prefix("SigIgn:"));
    let mask = masks.next().map(str::trim);
    mask.and_then(|mask| u64::from_str_radix(mask, 16).ok())
        .is_some_and(|mask| mask & 1 == 1)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_hangup_stays_ignored() {
        assert!(ignores_first_signal(
            "Name:\tsip\nSigIgn:\t0000000000001001\n"
        ));
        assert!(!ignores_first_signal(
            "Name:\tsip\nSigIgn:\t0000000000001000\n"
        ));
        assert!(!ignores_first_signal(""));
    }
}

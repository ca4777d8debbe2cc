//! Ctrl-C: the first one ends a command in good order, the second one at once.

use std::cell::Cell;

use crate::outcome::Failure;
use crate::report::{complain, printable};

/// Listens for Ctrl-C and, on Unix, for requests to terminate.
pub(crate) struct Interrupts {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 2],
    came_before: Cell<bool>,
}

impl Interrupts {
    /// Begins to listen. From now on a signal does not end the process by itself.
    ///
    /// # Errors
    /// The operating system refuses it.
    pub(crate) fn listen() -> Result<Self, Failure> {
        #[cfg(unix)]
        let signals = {
            use tokio::signal::unix::{SignalKind, signal};
            let listen = |kind| {
                signal(kind)
                    .map_err(|error| Failure::Usage(format!("cannot listen for signals: {error}")))
            };
            [
                listen(SignalKind::interrupt())?,
                listen(SignalKind::terminate())?,
            ]
        };
        Ok(Self {
            #[cfg(unix)]
            signals,
            came_before: Cell::new(false),
        })
    }

    /// Resolves at the next one. Cancel safe.
    pub(crate) async fn next(&mut self) {
        #[cfg(unix)]
        {
            let [interrupt, terminate] = &mut self.signals;
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
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

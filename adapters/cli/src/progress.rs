//! How far a long command is: one line on standard error that changes in place, if that is a terminal.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use crate::report::{CLEAR_LINE, prompt_line};

/// How long a line stays at least.
const PAUSE: Duration = Duration::from_millis(100);

/// The line. Dropped, it is gone.
#[derive(Debug)]
pub(crate) struct Progress {
    is_shown: bool,
    /// When the line may change; `None` before the first one.
    next: Option<Instant>,
}

impl Progress {
    /// Shows nothing unless it is `wanted` and standard error is a terminal.
    pub(crate) fn new(wanted: bool) -> Self {
        Self {
            is_shown: wanted && std::io::stderr().is_terminal(),
            next: None,
        }
    }

    /// Shows this, unless the last line is too new.
    pub(crate) fn show(&mut self, text: impl FnOnce() -> String) {
        let now = Instant::now();
        if self.is_shown && self.next.is_none_or(|next| now >= next) {
            self.next = Some(now + PAUSE);
            prompt_line(&format!("{CLEAR_LINE}{}", text()));
        }
    }

    /// Takes the line away, so that something else can be printed.
    pub(crate) fn clear(&mut self) {
        if self.next.take().is_some() {
            prompt_line(CLEAR_LINE);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

//! The keyboard: a terminal that hands out each key at once, the thread that reads it, and the question for a password.

use tokio::sync::mpsc;

use crate::keys::{Key, Line, Typed};
use crate::outcome::Failure;
use crate::report::prompt_line;
use crate::secret::Secret;

/// How many keys may wait.
const WAITING_KEYS: usize = 64;

/// The keys of a terminal. Dropped, it gives the terminal its former mode back, also while a panic unwinds.
pub(crate) struct Keyboard {
    keys: mpsc::Receiver<Key>,
    _mode: terminal::Mode,
}

impl Keyboard {
    /// Opens the keyboard, if standard input and standard error are a terminal.
    ///
    /// # Errors
    /// The terminal refuses its mode, or the system the thread.
    pub(crate) fn open() -> Result<Option<Self>, Failure> {
        let Some(mode) = terminal::Mode::enter(true)? else {
            return Ok(None);
        };
        let (sender, keys) = mpsc::channel(WAITING_KEYS);
        // The thread ends with the process, because a read of a terminal cannot be cancelled.
        std::thread::Builder::new()
            .name("sip-keys".to_owned())
            .spawn(move || terminal::read(&sender))
            .map_err(|error| Failure::Usage(format!("cannot start: {error}")))?;
        Ok(Some(Self { keys, _mode: mode }))
    }

    /// The next key; never, once the terminal is gone. Cancel safe.
    pub(crate) async fn next(keyboard: &mut Option<Self>) -> Key {
        match keyboard {
            Some(keyboard) => match keyboard.keys.recv().await {
                Some(key) => key,
                None => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    }
}

/// A line that the user types without echo after `question`, if standard input and standard error are a terminal; `None` without
/// one, and for an empty line.
///
/// # Errors
/// Ctrl-C, or the terminal refuses its mode.
pub(crate) fn secret_line(question: &str) -> Result<Option<Secret>, Failure> {
    // Ctrl-C is a key here, because the signal would end the program and leave the terminal without echo.
    let Some(mode) = terminal::Mode::enter(false)? else {
        return Ok(None);
    };
    prompt_line(question);
    let mut line = Line::default();
    let typed = loop {
        match terminal::next_byte().map_or(Typed::Interrupt, |byte| line.press(byte)) {
            Typed::More => {}
            typed => break typed,
        }
    };
    prompt_line("\n");
    drop(mode);
    match typed {
        Typed::Done => line
            .into_secret()
            .map_err(|_| Failure::Usage("the password is no text in UTF-8".to_owned())),
        _ => Err(Failure::Outcome("interrupted".to_owned())),
    }
}

#[cfg(unix)]
mod terminal {
    use std::io::{ErrorKind, IsTerminal, Read, stdin};

    use rustix::process::getpgrp;
    use rustix::termios::{
        LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcsetattr,
    };
    use tokio::sync::mpsc::Sender;

    use crate::keys::{Key, decode};
    use crate::outcome::Failure;

    /// The mode of standard input before this program changed it.
    pub(super) struct Mode(Termios);

    impl Mode {
        /// Turns off echo and the wait for Enter. Ctrl-C stays a signal with `signals`, and the output stays as it is; Ctrl-Z and
        /// Ctrl-\ have no effect, because both would leave the terminal in this mode.
        pub(super) fn enter(signals: bool) -> Result<Option<Self>, Failure> {
            if !stdin().is_terminal() || !std::io::stderr().is_terminal() {
                return Ok(None);
            }
            // A program in the background that touched the terminal would be stopped. A terminal that controls no
            // process has no foreground.
            if tcgetpgrp(stdin()).is_ok_and(|foreground| foreground != getpgrp()) {
                return Ok(None);
            }
            let failure = |error| Failure::Usage(format!("the terminal has no keys: {error}"));
            let before = tcgetattr(stdin()).map_err(failure)?;
            let mut mode = before.clone();
            mode.local_modes
                .remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::IEXTEN);
            if !signals {
                mode.local_modes.remove(LocalModes::ISIG);
            }
            mode.special_codes[SpecialCodeIndex::VMIN] = 1;
            mode.special_codes[SpecialCodeIndex::VTIME] = 0;
            for code in [SpecialCodeIndex::VSUSP, SpecialCodeIndex::VQUIT] {
                // 0 is _POSIX_VDISABLE of Linux and 255 that of the BSDs.
                mode.special_codes[code] = if cfg!(target_os = "linux") { 0 } else { 255 };
            }
            tcsetattr(stdin(), OptionalActions::Now, &mode).map_err(failure)?;
            Ok(Some(Self(before)))
        }
    }

    impl Drop for Mode {
        fn drop(&mut self) {
            // Drops what is typed and not read, because it is not meant for the shell. The terminal may be gone.
            let _ = tcsetattr(stdin(), OptionalActions::Flush, &self.0);
        }
    }

    /// The next byte; `None` once the terminal is gone. What follows it stays for the next reader.
    pub(super) fn next_byte() -> Option<u8> {
        let mut byte = [0];
        loop {
            match stdin().lock().read(&mut byte) {
                Ok(0) => return None,
                Ok(_) => return Some(byte[0]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
    }

    /// Reads keys until the terminal or the receiver is gone.
    pub(super) fn read(keys: &Sender<Key>) {
        let mut buffer = [0; 64];
        loop {
            match stdin().lock().read(&mut buffer) {
                Ok(0) => return,
                Ok(length) => {
                    for key in decode(&buffer[..length]) {
                        if keys.blocking_send(key).is_err() {
                            return;
                        }
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }
}

#[cfg(not(unix))]
mod terminal {
    use tokio::sync::mpsc::Sender;

    use crate::keys::Key;
    use crate::outcome::Failure;

    /// Only terminals of Unix hand out their keys; elsewhere the flags do the same.
    pub(super) struct Mode(std::convert::Infallible);

    impl Mode {
        pub(super) fn enter(_: bool) -> Result<Option<Self>, Failure> {
            Ok(None)
        }
    }

    pub(super) fn next_byte() -> Option<u8> {
        None
    }

    pub(super) fn read(_: &Sender<Key>) {}
}

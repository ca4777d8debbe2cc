//! Lines on standard input, for commands that take changes while they run.

use std::io::{BufRead, IsTerminal, Read, stdin};

use tokio::sync::mpsc;

use crate::outcome::Failure;

/// How many lines may wait.
const WAITING_LINES: usize = 16;

/// The longest line, in bytes. The rest of a longer one is left out.
const LINE_LIMIT: u64 = 4 * 1024;

/// The lines of standard input.
#[derive(Debug)]
pub(crate) struct Lines(mpsc::Receiver<String>);

impl Lines {
    /// Begins to read, if the user asks for it, or standard input is a terminal whose foreground is this program.
    ///
    /// # Errors
    /// The system refuses the thread.
    pub(crate) fn open(asked: bool, for_people: bool) -> Result<Option<Self>, Failure> {
        if !(asked || for_people && is_own_terminal()) {
            return Ok(None);
        }
        let (sender, lines) = mpsc::channel(WAITING_LINES);
        // The thread ends with the process, because a read of standard input cannot be cancelled.
        std::thread::Builder::new()
            .name("sip-lines".to_owned())
            .spawn(move || read(stdin().lock(), &sender))
            .map_err(|error| Failure::Usage(format!("cannot start: {error}")))?;
        Ok(Some(Self(lines)))
    }

    /// The next line that is not blank; never, once the input has ended. Cancel safe.
    pub(crate) async fn next(lines: &mut Option<Self>) -> String {
        match lines {
            Some(Self(lines)) => match lines.recv().await {
                Some(line) => line,
                None => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    }
}

/// A program in the background that read the terminal would be stopped.
fn is_own_terminal() -> bool {
    #[cfg(unix)]
    if rustix::termios::tcgetpgrp(stdin())
        .is_ok_and(|foreground| foreground != rustix::process::getpgrp())
    {
        return false;
    }
    stdin().is_terminal()
}

/// Reads lines until the input ends, fails, or the receiver is gone.
fn read(mut input: impl BufRead, lines: &mpsc::Sender<String>) {
    loop {
        let mut line = Vec::new();
        match input.by_ref().take(LINE_LIMIT).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) if line.ends_with(b"\n") || skip_line(&mut input).is_ok() => {}
            Ok(_) => return,
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if !text.is_empty() && lines.blocking_send(text.to_owned()).is_err() {
            return;
        }
    }
}

/// Skips to the end of a line.
fn skip_line(input: &mut impl BufRead) -> std::io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        let end = buffer.iter().position(|&byte| byte == b'\n');
        let skipped = end.map_or(buffer.len(), |end| end + 1);
        let is_over = end.is_some() || buffer.is_empty();
        input.consume(skipped);
        if is_over {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(input: &[u8]) -> Vec<String> {
        let (sender, mut receiver) = mpsc::channel(WAITING_LINES);
        read(input, &sender);
        drop(sender);
        std::iter::from_fn(|| receiver.blocking_recv()).collect()
    }

    #[test]
    fn lines_are_trimmed_and_bounded() {
        assert_eq!(
            lines(b"open\n\n  closed away \r\nlast"),
            ["open", "closed away", "last"]
        );
        let long = [&[b'x'; 10_000][..], b"\nnext\n"].concat();
        let read = lines(&long);
        assert_eq!(read.len(), 2);
        assert_eq!(
            (read[0].len(), read[1].as_str()),
            (LINE_LIMIT as usize, "next")
        );
        assert_eq!(lines(b"a\xffb\n"), ["a\u{fffd}b"]);
        assert_eq!(lines(&[b'x'; 10_000]).len(), 1);
    }
}

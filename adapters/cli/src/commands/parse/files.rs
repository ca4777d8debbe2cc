//! The files of a command: their bytes, and the messages in them.

use std::io::Read;
use std::path::Path;

use bytes::Bytes;

use super::captured::Captured;
use super::{capture_packets, capture_text};
use crate::outcome::Failure;
use crate::progress::Progress;
use crate::report::printable;

/// The largest file that is read, in bytes. It is far above the limit of a message, so that the error for a
/// long message names its cause, and large enough for a capture of packets.
const FILE_LIMIT: u64 = 64 * 1024 * 1024;

/// From how many bytes on the user waits.
const LARGE: u64 = 1024 * 1024;

/// Shows that a file is being read, which takes a while for a large capture.
pub(super) fn announce(path: &Path) -> Progress {
    let is_large = std::fs::metadata(path).is_ok_and(|file| file.len() > LARGE);
    let mut progress = Progress::new(is_large);
    progress.show(|| format!("reading {}", printable(&path.display().to_string())));
    progress
}

/// The bytes of a file, or of standard input.
pub(super) fn read(path: &Path) -> Result<Bytes, Failure> {
    let wrong = |error: std::io::Error| Failure::Usage(format!("{}: {error}", path.display()));
    let mut bytes = Vec::new();
    let mut reader: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(std::fs::File::open(path).map_err(wrong)?)
    };
    reader
        .by_ref()
        .take(FILE_LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(wrong)?;
    if bytes.len() as u64 > FILE_LIMIT {
        return Err(Failure::Usage(format!(
            "{}: more than {FILE_LIMIT} bytes",
            path.display()
        )));
    }
    Ok(bytes.into())
}

/// Cuts a file into its messages, of which there is at least one; with them, what ended a capture of packets early.
pub(super) fn messages(
    file: &str,
    bytes: &Bytes,
) -> Result<(Vec<Captured>, Option<Failure>), Failure> {
    if capture_packets::is_capture(bytes) {
        let failure = |error| Failure::Outcome(format!("{file}: {error}"));
        let (messages, damage) = capture_packets::read(bytes).map_err(failure)?;
        return Ok((messages, damage.map(failure)));
    }
    Ok((capture_text::read(bytes), None))
}

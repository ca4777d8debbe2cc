//! `sip parse`: explains SIP messages with all their faults, or shows what a user agent would do with them.

mod capture_packets;
mod capture_text;
mod captured;
mod excerpt;
mod explain;
pub(crate) mod ladder;
mod node;
mod origin;
mod reading;
mod rules;
mod show;
mod trace_log;
mod verdict;

use std::io::Read;
use std::path::Path;

use bytes::Bytes;

use self::captured::Captured;
use crate::arguments::Parse;
use crate::outcome::Failure;
use crate::report::print_line;

/// The largest file that is read, in bytes. It is far above the limit of a message, so that the error for a
/// long message names its cause, and large enough for a capture of packets.
const FILE_LIMIT: u64 = 64 * 1024 * 1024;

pub(crate) fn run(arguments: &Parse) -> Result<(), Failure> {
    let mut malformed = 0;
    for path in &arguments.files {
        let bytes = read(path)?;
        let file = path.display().to_string();
        let mut sound = true;
        let (messages, damage) = messages(&file, &bytes)?;
        for message in messages {
            if arguments.answer {
                print_line(&verdict::of(&file, &message)?.to_string());
            } else {
                sound &= show::message(&file, &message, arguments.json, arguments.strict);
            }
        }
        malformed += u32::from(!sound);
        if let Some(damage) = damage {
            return Err(damage);
        }
    }
    match malformed {
        0 => Ok(()),
        1 => Err(Failure::Outcome("1 file does not parse".to_owned())),
        _ => Err(Failure::Outcome(format!("{malformed} files do not parse"))),
    }
}

fn read(path: &Path) -> Result<Bytes, Failure> {
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
fn messages(file: &str, bytes: &Bytes) -> Result<(Vec<Captured>, Option<Failure>), Failure> {
    if capture_packets::is_capture(bytes) {
        let failure = |error| Failure::Outcome(format!("{file}: {error}"));
        let (messages, damage) = capture_packets::read(bytes).map_err(failure)?;
        return Ok((messages, damage.map(failure)));
    }
    Ok((capture_text::read(bytes), None))
}

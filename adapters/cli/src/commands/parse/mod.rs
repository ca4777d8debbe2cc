//! `sip parse`: explains SIP messages with all their faults, or shows what a user agent would do with them.

mod capture_packets;
mod capture_text;
mod captured;
mod excerpt;
mod explain;
mod files;
pub(crate) mod ladder;
mod node;
mod origin;
mod reading;
mod rules;
mod show;
mod trace_log;
mod verdict;

use std::io::IsTerminal;

use self::files::{announce, messages, read};
use crate::arguments::Parse;
use crate::outcome::Failure;
use crate::progress::Progress;
use crate::report::print_line;

pub(crate) fn run(arguments: &Parse) -> Result<(), Failure> {
    let mut malformed = 0;
    for path in &arguments.files {
        let mut progress = announce(path);
        let bytes = read(path)?;
        let file = path.display().to_string();
        let mut sound = true;
        let (messages, damage) = messages(&file, &bytes)?;
        progress.clear();
        // On a terminal the messages themselves show how far it is.
        let mut progress = Progress::new(!std::io::stdout().is_terminal());
        let count = messages.len();
        for (number, message) in messages.into_iter().enumerate() {
            if count > 1 {
                progress.show(|| format!("{file}: message {} of {count}", number + 1));
            }
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

//! `sip parse`: explains SIP messages, or shows what a user agent would do with them.

mod explain;
mod verdict;

use std::io::Read;
use std::path::Path;

use bytes::Bytes;
use serde_json::{Value, json};
use sip_parse::{Limits, Message, ParseError};

use crate::arguments::Parse;
use crate::outcome::Failure;
use crate::report::print_line;

/// The largest file that is read, in bytes. It is far above the limit of a message, so that the error for a
/// long message names its cause.
const FILE_LIMIT: u64 = 16 * 1024 * 1024;

pub(crate) fn run(arguments: &Parse) -> Result<(), Failure> {
    let mut malformed = 0;
    for path in &arguments.files {
        let bytes = read(path)?;
        let file = path.display().to_string();
        if arguments.answer {
            print_line(&verdict::of(&file, bytes)?.to_string());
        } else if !show(&file, bytes, arguments.json) {
            malformed += 1;
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

/// Prints the content of a file; false if it does not parse.
fn show(file: &str, bytes: Bytes, as_json: bool) -> bool {
    let length = bytes.len();
    let parsed = Message::parse(bytes, &Limits::default())
        .and_then(|message| message.validate().map(|()| message));
    match parsed {
        Ok(message) => {
            let explained = explain::message(&message);
            if as_json {
                let mut object = json!({ "file": file });
                extend(&mut object, explained);
                print_line(&object.to_string());
            } else {
                print_line(&format!(
                    "{file}: {}",
                    explain::in_words(&explained, length)
                ));
            }
            true
        }
        Err(error) => {
            if as_json {
                print_line(&error_object(file, error).to_string());
            } else {
                print_line(&format!("{file}: {error}"));
            }
            false
        }
    }
}

fn extend(object: &mut Value, with: Value) {
    if let (Value::Object(object), Value::Object(with)) = (object, with) {
        object.extend(with);
    }
}

fn error_object(file: &str, error: ParseError) -> Value {
    json!({
        "file": file,
        "error": error.to_string(),
        "offset": error.offset,
        "header": error.header.map(|header| header.to_string()),
        "status": error.status().as_u16(),
    })
}

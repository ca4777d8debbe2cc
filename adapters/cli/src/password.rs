//! Where the password comes from: `--password`, `--password-file`, the environment variable SIP_PASSWORD, the terminal.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use zeroize::Zeroizing;

use crate::arguments::Account;
use crate::keyboard;
use crate::outcome::Failure;
use crate::secret::Secret;

/// The environment variable with the password.
const VARIABLE: &str = "SIP_PASSWORD";

/// The longest line of `--password-file`, in bytes. It is above the limit of the configuration, which names the fault.
const LINE_LIMIT: u64 = 8 * 1024;

/// The password of the flags, else that of the environment.
///
/// # Errors
/// The file of `--password-file` cannot be read or has no password; the variable is no text.
pub(crate) fn given(account: &Account) -> Result<Option<Secret>, Failure> {
    if let Some(password) = &account.password {
        return Ok(Some(password.clone()));
    }
    if let Some(path) = &account.password_file {
        return first_line(path).map(Some);
    }
    let text = match std::env::var(VARIABLE) {
        Ok(text) => Zeroizing::new(text),
        Err(std::env::VarError::NotPresent) => return Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => {
            return Err(Failure::Usage(format!("{VARIABLE} is no text in UTF-8")));
        }
    };
    Ok(Some(Secret::from(text.as_str())).filter(|_| !text.is_empty()))
}

/// Whether the password is that of the environment.
pub(crate) fn is_in_environment(account: &Account) -> bool {
    let by_flag = account.password.is_some() || account.password_file.is_some();
    !by_flag && std::env::var_os(VARIABLE).is_some_and(|text| !text.is_empty())
}

/// Asks for the password of `address` on the terminal. `None` without a terminal, if the user enters none, and if SIP_PASSWORD
/// is there: then it is empty, which means that there is no password.
///
/// # Errors
/// Ctrl-C, or the terminal cannot be used.
pub(crate) fn ask(address: &str) -> Result<Option<Secret>, Failure> {
    if std::env::var_os(VARIABLE).is_some() {
        return Ok(None);
    }
    keyboard::secret_line(&format!(
        "password of {address} (Enter alone: no password): "
    ))
}

fn first_line(path: &Path) -> Result<Secret, Failure> {
    let wrong = |what: &str| Failure::Usage(format!("--password-file {}: {what}", path.display()));
    let mut line = Zeroizing::new(Vec::with_capacity(256));
    // What follows the line on standard input is left for the command.
    let read = if path == Path::new("-") {
        line_of(std::io::stdin().lock(), &mut line)
    } else {
        File::open(path).and_then(|file| line_of(BufReader::new(file), &mut line))
    };
    read.map_err(|error| wrong(&error.to_string()))?;
    let bytes = line.strip_suffix(b"\n").unwrap_or(&line);
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok("") => Err(wrong("the first line is empty, and should be the password")),
        Ok(text) => Ok(Secret::from(text)),
        Err(_) => Err(wrong("the first line is no text in UTF-8")),
    }
}

fn line_of(from: impl BufRead, line: &mut Vec<u8>) -> std::io::Result<usize> {
    from.take(LINE_LIMIT).read_until(b'\n', line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, bytes: &[u8]) -> std::path::PathBuf {
        let name = format!("sip-password-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    #[test]
    fn the_first_line_of_a_file_is_the_password() {
        for (name, bytes, password) in [
            ("lf", &b"hunter2\nmore"[..], Some("hunter2")),
            ("crlf", b"hunter2\r\n", Some("hunter2")),
            ("end", b" hunter 2 ", Some(" hunter 2 ")),
            (
                "utf8",
                "schl\u{fc}ssel\n".as_bytes(),
                Some("schl\u{fc}ssel"),
            ),
            ("empty", b"", None),
            ("blank", b"\nhunter2\n", None),
            ("bytes", b"\xff\xfe\n", None),
        ] {
            let path = file(name, bytes);
            let read = first_line(&path);
            std::fs::remove_file(&path).unwrap();
            match (read, password) {
                (Ok(secret), Some(password)) => assert_eq!(secret.reveal(), password, "{name}"),
                (Err(Failure::Usage(sentence)), None) => {
                    assert!(sentence.contains("--password-file"), "{sentence}");
                    assert!(!sentence.contains("hunter"), "{sentence}");
                }
                other => panic!("{name}: {other:?}"),
            }
        }
        let long = file("long", &[b'x'; 100_000]);
        assert_eq!(first_line(&long).unwrap().reveal().len(), 8 * 1024);
        std::fs::remove_file(&long).unwrap();
        assert!(first_line(Path::new("/nowhere/password")).is_err());
    }
}

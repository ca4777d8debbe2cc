//! Messages as text, for tests that write and read every line by hand.

/// Lines as a message with CRLF line ends, without Content-Length and body.
pub fn wire(lines: &str) -> String {
    let mut text = String::new();
    for line in lines.trim().lines() {
        text.push_str(line.trim_start());
        text.push_str("\r\n");
    }
    text + "\r\n"
}

/// The status of a response.
///
/// # Panics
/// If it is a request.
#[track_caller]
pub fn status(message: &str) -> u16 {
    let line = message.lines().next().unwrap_or_default();
    let code = line
        .strip_prefix("SIP/2.0 ")
        .unwrap_or_else(|| panic!("no response: {message}"));
    code[..3].parse().expect("a status")
}

/// The values of a header field, row by row.
pub fn headers<'a>(message: &'a str, name: &str) -> Vec<&'a str> {
    let head = message.split("\r\n\r\n").next().unwrap_or_default();
    let rows = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    rows.filter(|(row, _)| row.trim().eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
        .collect()
}

/// The value of a header field that the message has once.
///
/// # Panics
/// If the message has none or several.
#[track_caller]
pub fn header<'a>(message: &'a str, name: &str) -> &'a str {
    let rows = headers(message, name);
    assert_eq!(rows.len(), 1, "{name} in {message}");
    rows[0]
}

/// A parameter of an authentication header, without its quotes.
pub fn parameter<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    let start = value.find(&format!("{name}="))? + name.len() + 1;
    let rest = &value[start..];
    match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => rest.split([',', ' ']).next(),
    }
}

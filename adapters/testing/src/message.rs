//! What tests read from and write into messages.

use std::time::Duration;

use sip_parse::{HeaderName, Message};

/// One second.
pub const SECOND: Duration = Duration::from_secs(1);

/// A session description, for tests in which its content does not matter.
pub const OFFER: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n";

/// The value of a header field as text.
///
/// # Panics
/// If the message has no such header field.
#[track_caller]
pub fn value(message: &Message, name: HeaderName<'_>) -> String {
    let header = message.header(name);
    let header = header.unwrap_or_else(|| panic!("{name:?} is missing"));
    String::from_utf8(header.value.to_vec()).expect("text")
}

/// The values of all header fields of a name, row by row.
pub fn values(message: &Message, name: HeaderName<'_>) -> Vec<String> {
    message
        .headers_named(name)
        .map(|header| String::from_utf8(header.value.to_vec()).expect("text"))
        .collect()
}

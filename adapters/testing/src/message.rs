//! What tests read from and write into messages.

use std::time::Duration;

use sip_parse::{Builder, Bytes, HeaderName, Limits, Message, Request, StatusCode};

/// One second.
pub const SECOND: Duration = Duration::from_secs(1);

/// How long a test on real sockets or threads waits for what must happen before it fails. It costs nothing where the
/// test passes, and is longer than any pause of a busy machine. What must not happen lies much farther away.
pub const PATIENCE: Duration = Duration::from_secs(60);

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

/// A response to a request, with header fields and a session description of the test's choice. 100 has
/// no tag.
///
/// # Panics
/// If no such response can be built.
#[track_caller]
pub fn response(
    request: &Request,
    status: u16,
    tag: &str,
    headers: &[(&str, &str)],
    sdp: Option<&str>,
) -> Bytes {
    let status = StatusCode::new(status).expect("status");
    let tag = (status != StatusCode::TRYING).then_some(tag.as_bytes());
    let mut response = Builder::response_to(request, status, tag);
    for (name, value) in headers {
        response.append(HeaderName::parse(name.as_bytes()).expect("name"), *value);
    }
    if let Some(sdp) = sdp {
        response.body(b"application/sdp", sdp.as_bytes());
    }
    response.build().expect("response").bytes().clone()
}

/// Text with LF line ends as bytes with CRLF line ends.
pub fn crlf(text: &str) -> Bytes {
    text.replace('\n', "\r\n").into_bytes().into()
}

/// A message that is written with LF line ends.
///
/// # Panics
/// If it cannot be read.
#[track_caller]
pub fn parse(text: &str) -> Message {
    Message::parse(crlf(text), &Limits::default()).expect("a message")
}

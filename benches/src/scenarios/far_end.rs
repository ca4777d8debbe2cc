//! The far end of a scenario. It answers by copying, so that it costs little beside the work that is measured.

use memchr::memmem;
use sip_parse::Bytes;

/// The 200 to a request: all its header fields come back, and To gets a tag.
///
/// # Panics
/// If the request has no start line or no To.
#[must_use]
pub fn ok(request: &[u8]) -> Bytes {
    let line = memmem::find(request, b"\r\n").expect("a start line");
    let head = memmem::find(request, b"\r\n\r\n").expect("an end of the head");
    let to = memmem::find(request, b"\r\nTo: ").expect("To") + 6;
    let end = to + memmem::find(&request[to..], b"\r\n").expect("an end of To");
    let mut response = Vec::with_capacity(request.len() + 32);
    response.extend_from_slice(b"SIP/2.0 200 OK");
    response.extend_from_slice(&request[line..end]);
    if memmem::find(&request[to..end], b";tag=").is_none() {
        response.extend_from_slice(b";tag=314159");
    }
    // A body of the request does not come back.
    for field in request[end..head].split(|byte| *byte == b'\n').skip(1) {
        if !field.starts_with(b"Content-") {
            response.extend_from_slice(b"\r\n");
            response.extend_from_slice(field.strip_suffix(b"\r").unwrap_or(field));
        }
    }
    response.extend_from_slice(b"\r\nContent-Length: 0\r\n\r\n");
    response.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip_parse::{Limits, Message, Role};

    #[test]
    fn the_200_is_a_response_to_the_request() {
        for sample in crate::messages::mixed() {
            if sample.bytes.starts_with(b"SIP/") || sample.name.starts_with('c') {
                continue;
            }
            let response = Message::parse(ok(sample.bytes), &Limits::DEFAULT).expect("readable");
            response.validate_for(Role::UserAgent).expect("valid");
            let request = Message::parse(Bytes::from_static(sample.bytes), &Limits::DEFAULT);
            let request = request.expect("readable");
            assert_eq!(response.call_id(), request.call_id());
            assert_eq!(response.cseq(), request.cseq());
            assert!(response.to().expect("To").tag().is_some());
        }
    }
}

//! Those that find lines and do not read values: parsip, and httparse on a head that is made to look like HTTP.

use sip_benches::messages::mixed;

pub fn parsip(bytes: &[u8]) -> bool {
    let mut headers = [parsip::Header {
        name: "",
        value: b"",
    }; 64];
    if bytes.starts_with(b"SIP/") {
        parsip::Response::new(&mut headers).parse(bytes).is_done()
    } else {
        parsip::Request::new(&mut headers).parse(bytes).is_done()
    }
}

/// httparse knows one protocol only: `SIP/2.0` becomes `HTTP/1.1`, the rest of the head is the same.
pub fn heads() -> Vec<Vec<u8>> {
    let head = |bytes: &[u8]| {
        let end = memchr::memmem::find(bytes, b"\r\n\r\n").map_or(bytes.len(), |end| end + 4);
        let text = String::from_utf8_lossy(&bytes[..end]).into_owned();
        text.replacen("SIP/2.0", "HTTP/1.1", 1).into_bytes()
    };
    mixed().iter().map(|sample| head(sample.bytes)).collect()
}

pub fn httparse(head: &[u8]) -> bool {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let status = if head.starts_with(b"HTTP/") {
        httparse::Response::new(&mut headers).parse(head)
    } else {
        httparse::Request::new(&mut headers).parse(head)
    };
    status.is_ok_and(|status| status.is_complete())
}

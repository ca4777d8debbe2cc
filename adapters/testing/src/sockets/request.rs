//! Requests of a peer.

/// A request from bob to alice outside any dialog.
pub fn request(method: &str, number: u32, body: &str) -> String {
    let content_type = if body.is_empty() {
        ""
    } else {
        "Content-Type: text/plain\r\n"
    };
    format!(
        "{method} sip:alice@example.com SIP/2.0\r\n\
         Via: SIP/2.0/WS bob.invalid;branch=z9hG4bK{method}{number}\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:bob@example.com>;tag=bob\r\n\
         To: <sip:alice@example.com>\r\n\
         Call-ID: {method}{number}@bob.invalid\r\n\
         CSeq: {number} {method}\r\n\
         Contact: <sip:bob@bob.invalid;transport=ws>\r\n\
         {content_type}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

//! rsiprtp, by its own parser and typed values.

use rsiprtp::sip::parser::{Headers, Message};
use rsiprtp::sip::{SipMessage, SipRequestBuilder, SipResponseBuilder, SipUri};
use sip_benches::typed::Sink;

pub fn frame(bytes: &[u8]) -> Option<Message> {
    Message::parse(bytes).ok()
}

pub fn typed(bytes: &[u8], sink: &mut impl Sink) -> Option<Message> {
    let message = frame(bytes)?;
    let headers: &Headers = match &message {
        Message::Request(request) => {
            sink.shown("method", &request.method);
            uri(
                &SipUri::parse(&request.uri).ok()?,
                sink,
                ["ruri.user", "ruri.host", "ruri.port"],
            );
            sink.number("body", request.body.len() as u64);
            &request.headers
        }
        Message::Response(response) => {
            sink.number("status", response.status_code.as_u16().into());
            sink.number("body", response.body.len() as u64);
            &response.headers
        }
    };
    let via = headers.get_first("Via")?.typed_via()?.ok()?;
    sink.text("via.transport", via.transport.as_bytes());
    // The sent-by stays one text.
    let (host, port) = match via.sent_by.rfind(':') {
        Some(colon) if !via.sent_by[colon..].contains(']') => {
            (&via.sent_by[..colon], Some(&via.sent_by[colon + 1..]))
        }
        _ => (&via.sent_by[..], None),
    };
    sink.text("via.host", host.trim().as_bytes());
    if let Some(port) = port {
        sink.number("via.port", port.trim().parse().ok()?);
    }
    if let Some(branch) = via.branch() {
        sink.text("via.branch", branch.as_bytes());
    }
    let from = headers.get_first("From")?.typed_from()?.ok()?;
    uri(&from.uri, sink, ["from.user", "from.host", "from.port"]);
    if let Some(tag) = from.tag() {
        sink.text("from.tag", tag.as_bytes());
    }
    let to = headers.get_first("To")?.typed_to()?.ok()?;
    uri(&to.uri, sink, ["to.user", "to.host", "to.port"]);
    if let Some(tag) = to.tag() {
        sink.text("to.tag", tag.as_bytes());
    }
    sink.text("callid", headers.get_first_value("Call-ID")?.as_bytes());
    let cseq = headers.get_first("CSeq")?.typed_cseq()?.ok()?;
    sink.number("cseq.num", cseq.seq.into());
    sink.shown("cseq.method", &cseq.method);
    if let Some(contact) = headers.get_first("Contact")
        && let rsiprtp::sip::parser::typed::Contact::Addr(address) =
            contact.typed_contact()?.ok()?
    {
        uri(
            &address.uri,
            sink,
            ["contact.user", "contact.host", "contact.port"],
        );
    }
    if let Some(hops) = headers.get_first_value("Max-Forwards") {
        sink.number("maxfwd", hops.trim().parse().ok()?);
    }
    Some(message)
}

fn uri(uri: &SipUri, sink: &mut impl Sink, [user, host, port]: [&'static str; 3]) {
    if let Some(value) = uri.user() {
        sink.text(user, value.as_bytes());
    }
    sink.text(host, uri.host().as_bytes());
    if let Some(value) = uri.port() {
        sink.number(port, value.into());
    }
}

pub fn write(message: &Message) -> Vec<u8> {
    message.to_bytes()
}

pub fn owned(bytes: &[u8]) -> Option<SipMessage> {
    SipMessage::parse(bytes).ok()
}

pub fn response(message: &SipMessage) -> Option<bytes::Bytes> {
    let request = message.as_request()?;
    let response = SipResponseBuilder::new()
        .status(180, "Ringing")
        .from_request(request)
        .to_tag("7f3a9c01")
        .contact("sip:callee@192.0.2.7:5060")
        .build()
        .ok()?;
    Some(response.to_bytes())
}

pub fn request(body: &[u8]) -> Option<bytes::Bytes> {
    let request = SipRequestBuilder::new()
        .method(rsiprtp::sip::Method::Invite)
        .uri("sip:bob@example.com")
        .via("192.0.2.1", 5060, "UDP", "z9hG4bK776asdhds")
        .max_forwards(70)
        .from("sip:alice@example.com", "1928301774")
        .from_display("Alice")
        .to("sip:bob@example.com")
        .call_id("a84b4c76e66710@192.0.2.1")
        .cseq(314_159)
        .contact("sip:alice@192.0.2.1:5060")
        .body(body.to_vec(), "application/sdp")
        .build()
        .ok()?;
    Some(request.to_bytes())
}

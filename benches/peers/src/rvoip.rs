//! rvoip-sip-core: it parses every header field when it parses the message.

use rvoip_sip_core::types::headers::HeaderName;
use rvoip_sip_core::{Host, Message, TypedHeader, Uri, parse_message};
use sip_benches::typed::Sink;

pub fn frame(bytes: &[u8]) -> Option<Message> {
    parse_message(bytes).ok()
}

pub fn typed(bytes: &[u8], sink: &mut impl Sink) -> Option<Message> {
    let message = frame(bytes)?;
    if let Some(request) = message.as_request() {
        sink.shown("method", &request.method);
        uri(&request.uri, sink, ["ruri.user", "ruri.host", "ruri.port"]);
    }
    if let Some(response) = message.as_response() {
        sink.number("status", response.status.as_u16().into());
    }
    let Some(TypedHeader::Via(via)) = message.header(&HeaderName::Via) else {
        return None;
    };
    let via = via.headers().first()?;
    sink.text("via.transport", via.transport().as_bytes());
    host(via.host(), sink, "via.host");
    if let Some(port) = via.port() {
        sink.number("via.port", port.into());
    }
    if let Some(branch) = via.branch() {
        sink.text("via.branch", branch.as_bytes());
    }
    let from = message.from()?;
    uri(
        from.address().uri(),
        sink,
        ["from.user", "from.host", "from.port"],
    );
    if let Some(tag) = from.tag() {
        sink.text("from.tag", tag.as_bytes());
    }
    let to = message.to()?;
    uri(to.address().uri(), sink, ["to.user", "to.host", "to.port"]);
    if let Some(tag) = to.tag() {
        sink.text("to.tag", tag.as_bytes());
    }
    sink.text("callid", message.call_id()?.0.as_bytes());
    let Some(TypedHeader::CSeq(cseq)) = message.header(&HeaderName::CSeq) else {
        return None;
    };
    sink.number("cseq.num", cseq.seq.into());
    sink.shown("cseq.method", &cseq.method);
    if let Some(TypedHeader::Contact(contact)) = message.header(&HeaderName::Contact) {
        uri(
            contact.address()?.uri(),
            sink,
            ["contact.user", "contact.host", "contact.port"],
        );
    }
    if let Some(TypedHeader::MaxForwards(hops)) = message.header(&HeaderName::MaxForwards) {
        sink.number("maxfwd", hops.0.into());
    }
    sink.number("body", message.body().len() as u64);
    Some(message)
}

fn uri(uri: &Uri, sink: &mut impl Sink, [user, host, port]: [&'static str; 3]) {
    if let Some(value) = &uri.user {
        sink.text(user, value.as_bytes());
    }
    self::host(&uri.host, sink, host);
    if let Some(value) = uri.port {
        sink.number(port, value.into());
    }
}

fn host(host: &Host, sink: &mut impl Sink, fact: &'static str) {
    match host {
        Host::Domain(name) => sink.text(fact, name.as_bytes()),
        Host::Address(address) => sink.shown(fact, address),
    }
}

pub fn write(message: &Message) -> Vec<u8> {
    message.to_bytes()
}

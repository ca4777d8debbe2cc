//! sipx-sip.

use bytes::Bytes;
use sip_benches::typed::Sink;
use sipx_sip::headers::{CSeq, CallId, ContactValue, From, MaxForwards, To, Via};
use sipx_sip::{
    HeaderName, Host, Limits, Message, Method, RequestBuilder, ResponseBuilder, StatusCode, Uri,
    parse_datagram,
};

pub fn frame(bytes: Bytes) -> Option<Message> {
    parse_datagram(bytes, &Limits::datagram()).ok()
}

pub fn typed(bytes: Bytes, sink: &mut impl Sink) -> Option<Message> {
    let message = frame(bytes)?;
    match &message {
        Message::Request(request) => {
            sink.text("method", request.method.as_bytes());
            uri(&request.uri, sink, ["ruri.user", "ruri.host", "ruri.port"]);
        }
        Message::Response(response) => sink.number("status", response.status.code().into()),
    }
    let headers = message.headers();
    let via = headers.typed::<Via>()?.ok()?;
    sink.text("via.transport", &via.transport);
    host(&via.host, sink, "via.host");
    if let Some(port) = via.port {
        sink.number("via.port", port.into());
    }
    if let Some(branch) = via.branch() {
        sink.text("via.branch", branch);
    }
    let from = headers.typed::<From>()?.ok()?;
    uri(&from.uri, sink, ["from.user", "from.host", "from.port"]);
    if let Some(tag) = from.tag() {
        sink.text("from.tag", tag);
    }
    let to = headers.typed::<To>()?.ok()?;
    uri(&to.uri, sink, ["to.user", "to.host", "to.port"]);
    if let Some(tag) = to.tag() {
        sink.text("to.tag", tag);
    }
    let call_id = headers.typed::<CallId>()?.ok()?;
    sink.text("callid", &call_id.0);
    let cseq = headers.typed::<CSeq>()?.ok()?;
    sink.number("cseq.num", cseq.sequence.into());
    sink.text("cseq.method", cseq.method.as_bytes());
    if let Some(Ok(ContactValue::Address(contact))) = headers.typed::<ContactValue>() {
        uri(
            &contact.uri,
            sink,
            ["contact.user", "contact.host", "contact.port"],
        );
    }
    if let Some(hops) = headers.typed::<MaxForwards>() {
        sink.number("maxfwd", hops.ok()?.0.into());
    }
    sink.number("body", message.body().len() as u64);
    Some(message)
}

fn uri(uri: &Uri, sink: &mut impl Sink, [user, host, port]: [&'static str; 3]) {
    if let Some(value) = uri.user() {
        sink.text(user, value);
    }
    if let Some(value) = uri.host() {
        self::host(value, sink, host);
    }
    if let Some(value) = uri.port() {
        sink.number(port, value.into());
    }
}

fn host(host: &Host, sink: &mut impl Sink, fact: &'static str) {
    match host {
        Host::Name(name) => sink.text(fact, name.as_bytes()),
        Host::Ip(address) => sink.shown(fact, address),
    }
}

pub fn write(message: &Message, out: &mut Vec<u8>) {
    out.clear();
    message.write_to(out);
}

pub fn response(message: &Message) -> Option<Bytes> {
    let request = message.as_request()?;
    let response = ResponseBuilder::to_request(request, StatusCode::new(180)?, "Ringing")
        .ok()?
        .header(HeaderName::Contact, "<sip:callee@192.0.2.7:5060>")
        .ok()?
        .build();
    Some(Message::Response(response).to_bytes())
}

pub fn request(body: &'static [u8]) -> Option<Bytes> {
    let uri = Uri::parse(Bytes::from_static(b"sip:bob@example.com")).ok()?;
    let invite = Method::parse(&Bytes::from_static(b"INVITE"));
    let request = RequestBuilder::new(invite.clone(), uri)
        .header(
            HeaderName::Via,
            "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776asdhds;rport",
        )
        .ok()?
        .max_forwards(70)
        .header(
            HeaderName::From,
            "\"Alice\" <sip:alice@example.com>;tag=1928301774",
        )
        .ok()?
        .header(HeaderName::To, "<sip:bob@example.com>")
        .ok()?
        .header(HeaderName::CallId, "a84b4c76e66710@192.0.2.1")
        .ok()?
        .cseq(314_159, &invite)
        .ok()?
        .header(HeaderName::Contact, "<sip:alice@192.0.2.1:5060>")
        .ok()?
        .header(HeaderName::ContentType, "application/sdp")
        .ok()?
        .body(body)
        .build();
    Some(Message::Request(request).to_bytes())
}

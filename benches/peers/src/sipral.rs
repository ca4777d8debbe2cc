//! sipral-core. Its index of header fields is reused from message to message, as it recommends.

use std::cell::RefCell;

use sip_benches::typed::Sink;
use sipral_core::msg::{
    Contacts, HostRef, Method, OwnedMessage, ParseMode, ParseScratch, RawMessage, RequestBuilder,
    ResponseBuilder, StatusCode, UriRef, parse,
};

thread_local! {
    static SCRATCH: RefCell<ParseScratch> = RefCell::default();
}

fn with<R>(bytes: &[u8], read: impl FnOnce(RawMessage<'_>) -> Option<R>) -> Option<R> {
    SCRATCH.with_borrow_mut(|scratch| read(parse(bytes, scratch, ParseMode::Lenient).ok()?))
}

pub fn frame(bytes: &[u8]) -> Option<usize> {
    with(bytes, |message| Some(message.header_slots().len()))
}

pub fn typed(bytes: &[u8], sink: &mut impl Sink) -> Option<()> {
    with(bytes, |message| {
        if let Some(method) = message.method() {
            sink.text("method", method.as_str().as_bytes());
            uri(
                &message.request_uri()?.ok()?,
                sink,
                ["ruri.user", "ruri.host", "ruri.port"],
            );
        }
        if let Some(status) = message.status() {
            sink.number("status", status.get().into());
        }
        let via = message.top_via().ok()?;
        sink.text("via.transport", via.transport.as_bytes());
        host(&via.host, sink, "via.host");
        if let Some(port) = via.port {
            sink.number("via.port", port.into());
        }
        if let Some(branch) = via.branch() {
            sink.text("via.branch", &branch);
        }
        let from = message.from().ok()?;
        uri(&from.uri(), sink, ["from.user", "from.host", "from.port"]);
        if let Some(tag) = from.tag() {
            sink.text("from.tag", &tag);
        }
        let to = message.to().ok()?;
        uri(&to.uri(), sink, ["to.user", "to.host", "to.port"]);
        if let Some(tag) = to.tag() {
            sink.text("to.tag", &tag);
        }
        sink.text("callid", message.call_id().ok()?);
        let cseq = message.cseq().ok()?;
        sink.number("cseq.num", cseq.seq.into());
        sink.text("cseq.method", cseq.method.as_str().as_bytes());
        if let Ok(Contacts::Addrs(mut contacts)) = message.contact() {
            if let Some(contact) = contacts.next() {
                uri(
                    &contact.ok()?.uri(),
                    sink,
                    ["contact.user", "contact.host", "contact.port"],
                );
            }
        }
        if let Ok(hops) = message.max_forwards() {
            sink.number("maxfwd", hops.value?.into());
        }
        sink.number("body", message.body().len() as u64);
        Some(())
    })
}

fn uri(uri: &UriRef<'_>, sink: &mut impl Sink, [user, host, port]: [&'static str; 3]) {
    if let UriRef::Sip(uri) = uri {
        if let Some(value) = uri.user {
            sink.text(user, value.as_bytes());
        }
        self::host(&uri.host, sink, host);
        if let Some(value) = uri.port {
            sink.number(port, value.into());
        }
    }
}

fn host(host: &HostRef<'_>, sink: &mut impl Sink, fact: &'static str) {
    match host {
        HostRef::Name(name) => sink.text(fact, name.as_bytes()),
        HostRef::Ipv4(address) => sink.shown(fact, address),
        HostRef::Ipv6(address) => sink.shown(fact, address),
    }
}

pub fn response(bytes: &[u8]) -> Option<OwnedMessage> {
    // The builder wants the parsed request; what parsing costs is timed on its own and taken off in the table.
    with(bytes, |message| {
        ResponseBuilder::for_request(&message, StatusCode::new(180).ok()?)
            .to_tag(b"7f3a9c01")
            .contact(b"<sip:callee@192.0.2.7:5060>")
            .build()
            .ok()
    })
}

pub fn request(body: &[u8]) -> Option<OwnedMessage> {
    RequestBuilder::new(Method::Invite, b"sip:bob@example.com")
        .via(b"SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776asdhds;rport")
        .max_forwards(70)
        .from(b"\"Alice\" <sip:alice@example.com>;tag=1928301774")
        .to(b"<sip:bob@example.com>")
        .call_id(b"a84b4c76e66710@192.0.2.1")
        .cseq(314_159)
        .contact(b"<sip:alice@192.0.2.1:5060>")
        .body(b"application/sdp", body)
        .build()
        .ok()
}
